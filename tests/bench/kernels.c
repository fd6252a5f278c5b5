/* The benchmark guest's first program: small kernels, each with a checksum. [LINUX reboot(2)] */
/*
 * usage: init [ROW...]; as the first process it runs every row and powers off. Each row prints
 *   START name    BENCH name checksum
 * Who watches the console takes the time between the two lines. BENCH_SCALE=N multiplies the counts.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t mix(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * UINT64_C(0x100000001b3);
}

/* A sequence that every run repeats. */
static uint32_t next_random(uint32_t *state)
{
    *state = *state * UINT32_C(1664525) + UINT32_C(1013904223);
    return *state >> 8;
}

static uint64_t sieve(unsigned n)
{
    enum { LIMIT = 1 << 18 };
    uint8_t *composite = malloc(LIMIT);
    uint64_t hash = 0;

    for (unsigned round = 0; round < n; round++) {
        memset(composite, 0, LIMIT);
        for (unsigned i = 2; i < LIMIT; i++) {
            for (unsigned j = 2 * i; !composite[i] && j < LIMIT; j += i) {
                composite[j] = 1;
            }
            hash += !composite[i];
        }
    }
    free(composite);
    return hash;
}

__attribute__((noinline)) static uint64_t fibonacci(unsigned n)
{
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static uint64_t fib(unsigned n)
{
    uint64_t hash = 0;

    for (unsigned round = 0; round < n; round++) {
        hash = mix(hash, fibonacci(18 + round % 4));
    }
    return hash;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static uint64_t sort(unsigned n)
{
    enum { COUNT = 20000 };
    uint32_t *values = malloc(COUNT * sizeof(*values)), state = 1;
    uint64_t hash = 0;

    for (unsigned round = 0; round < n; round++) {
        for (unsigned i = 0; i < COUNT; i++) {
            values[i] = next_random(&state);
        }
        qsort(values, COUNT, sizeof(*values), compare);
        hash = mix(mix(hash, values[0]), values[COUNT / 2]);
    }
    free(values);
    return hash;
}

static uint64_t flags(unsigned n)
{
    uint64_t a = 1, b = 3, carries = 0;

    for (unsigned i = 0; i < n * 100000; i++) {
        uint64_t sum = a + b;
        carries += sum < a;
        carries += (int64_t)sum < (int64_t)b;
        b = a ^ (sum >> 7);
        a = sum + carries;
    }
    return a ^ b ^ carries;
}

/* A machine of eight operations. */
static uint64_t dispatch(unsigned n)
{
    static const uint8_t program[] = { 0, 3, 1, 4, 2, 5, 6, 7, 1, 0, 4, 3 };
    uint64_t x = 1, y = 2, z = 3;

    for (unsigned i = 0; i < n * 100000; i++) {
        switch (program[i % sizeof(program)]) {
        case 0:
            x += y;
            break;
        case 1:
            y ^= z;
            break;
        case 2:
            z += x << 3;
            break;
        case 3:
            x -= z;
            break;
        case 4:
            y += x >> 5;
            break;
        case 5:
            z ^= y;
            break;
        case 6:
            x = ~x;
            break;
        default:
            z += i;
            break;
        }
    }
    return x ^ y ^ z;
}

static uint64_t matrix(unsigned n)
{
    enum { SIDE = 64 };
    double a[SIDE][SIDE], b[SIDE][SIDE], sum = 0;

    for (unsigned i = 0; i < SIDE * SIDE; i++) {
        a[i / SIDE][i % SIDE] = i % 7;
        b[i / SIDE][i % SIDE] = i % 5;
    }
    for (unsigned round = 0; round < n; round++) {
        for (unsigned i = 0; i < SIDE; i++) {
            for (unsigned j = 0; j < SIDE; j++) {
                double dot = 0;
                for (unsigned k = 0; k < SIDE; k++) {
                    dot += a[i][k] * b[k][j];
                }
                sum += dot;
            }
        }
    }
    return (uint64_t)sum;
}

static uint64_t pages(unsigned n)
{
    enum { BYTES = 1 << 20 };
    uint64_t hash = 0;

    for (unsigned round = 0; round < n; round++) {
        uint8_t *memory =
            mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) {
            return 0;
        }
        for (unsigned i = 0; i < BYTES; i += 4096) {
            hash += memory[i];
            memory[i] = (uint8_t)i;
        }
        munmap(memory, BYTES);
    }
    return hash;
}

static uint64_t calls(unsigned n)
{
    uint64_t same = 0;

    for (unsigned i = 0; i < n * 1000; i++) {
        same += syscall(SYS_getppid) >= 0;
    }
    return same;
}

static uint64_t fork_row(unsigned n)
{
    uint64_t hash = 0;

    for (unsigned i = 0; i < n; i++) {
        int status = 0;
        pid_t child = fork();
        if (child == 0) {
            _exit((int)(i & 63));
        }
        waitpid(child, &status, 0);
        hash = mix(hash, (uint64_t)WEXITSTATUS(status));
    }
    return hash;
}

static const struct row {
    const char *name;
    uint64_t (*run)(unsigned n);
    unsigned n;
} rows[] = {
    { "sieve", sieve, 12 }, { "fib", fib, 120 },          { "sort", sort, 6 },
    { "flags", flags, 40 }, { "dispatch", dispatch, 30 }, { "matrix", matrix, 12 },
    { "pages", pages, 8 },  { "calls", calls, 60 },       { "fork", fork_row, 40 },
};

int main(void)
{
    const char *scale = getenv("BENCH_SCALE");
    unsigned times = scale != NULL ? (unsigned)atoi(scale) : 1;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        printf("START %s\n", rows[i].name);
        fflush(stdout);
        printf("BENCH %s %016llx\n", rows[i].name,
               (unsigned long long)rows[i].run(rows[i].n * times));
        fflush(stdout);
    }
    if (getpid() == 1) {
        reboot(RB_POWER_OFF);
    }
    return 0;
}
