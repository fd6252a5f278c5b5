# Dictionaries, lists, objects, floating point. usage: program.py COUNT
import sys


class Walker:
    def __init__(self, place):
        self.place = place

    def step(self, by):
        self.place = (self.place * 37 + by) % 999983


def work():
    counts = {}
    for i in range(60000):
        key = 'key%d' % (i * 7907 % 4999)
        counts[key] = counts.get(key, 0) + i
    squares = sorted(x * x % 1013 for x in range(40000))
    walker = Walker(1)
    for i in range(60000):
        walker.step(i)
    total = 0.0
    for i in range(1, 60000):
        total += 1.0 / (i * i + 1)
    return sum(counts.values()), sum(squares[::89]), walker.place, total


for _ in range(int(sys.argv[1])):
    print(work())
