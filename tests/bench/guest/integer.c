/* Integer arithmetic, flags and control flow. */
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

static uint64_t sieve(uint64_t count)
{
    enum { LIMIT = 1 << 20 };
    static uint8_t composite[LIMIT];
    uint64_t sum = 0;

    while (count-- > 0) {
        memset(composite, 0, sizeof(composite));
        for (uint32_t i = 2; i < LIMIT; i++) {
            if (composite[i]) {
                continue;
            }
            sum += i;
            for (uint32_t multiple = 2 * i; multiple < LIMIT; multiple += i) {
                composite[multiple] = 1;
            }
        }
    }
    return sum;
}

static __attribute__((noinline)) uint64_t fibonacci(uint64_t n)
{
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static uint64_t fib(uint64_t count)
{
    uint64_t sum = 0;

    while (count-- > 0) {
        sum += fibonacci(24);
    }
    return sum;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static uint64_t sort(uint64_t count)
{
    enum { VALUES = 20000 };
    static uint32_t values[VALUES];
    uint64_t state = 1, hash = 0;

    while (count-- > 0) {
        for (unsigned i = 0; i < VALUES; i++) {
            values[i] = next_random(&state);
        }
        qsort(values, VALUES, sizeof(values[0]), compare);
        hash = mix(hash, values[VALUES / 2]);
    }
    return hash;
}

static uint64_t divide(uint64_t count)
{
    uint64_t value = UINT64_C(0xfedcba987654321), sum = 0;

    for (uint64_t i = 1; i <= count; i++) {
        uint64_t by = i | 1;
        sum += value / by + (uint32_t)value % (uint32_t)by;
        value = value * UINT64_C(6364136223846793005) + by;
    }
    return sum;
}

/* Carries, rotates through carry, and what else reads flags. */
static uint64_t flags(uint64_t count)
{
    uint64_t a = 1, b = 3, c = 5, d = 7;

    while (count-- > 0) {
        __asm__ volatile("xor %%eax, %%eax\n\t"
                         "add %1, %0\n\t"
                         "adc %2, %1\n\t"
                         "sbb %3, %2\n\t"
                         "rcl $5, %3\n\t" /* keeps SF */
                         "cmovs %0, %1\n\t"
                         "setc %%al\n\t"
                         "add %%rax, %2\n\t"
                         "rcr $1, %0\n\t"
                         "adc $1, %3"
                         : "+r"(a), "+r"(b), "+r"(c), "+r"(d)
                         :
                         : "rax", "cc");
    }
    return a ^ b ^ c ^ d;
}

/* A byte-code machine; each operation jumps to the next. */
static uint64_t dispatch(uint64_t count)
{
    static const uint8_t program[] = { 0, 2, 1, 3, 0, 5, 4, 1, 0, 2, 5, 3,
                                       1, 4, 2, 0, 3, 3, 1, 5, 4, 2, 0, 6 };
    static const void *const operation[] = { &&add, &&mix_in, &&rotate, &&multiply,
                                             &&sub, &&shift,  &&end };
    const uint8_t *next = program;
    uint64_t x = 1, y = UINT64_C(0x9e3779b97f4a7c15);

    if (count == 0) {
        return 0;
    }
    goto *operation[*next++];
add:
    x += y;
    goto *operation[*next++];
mix_in:
    x ^= y >> 11;
    goto *operation[*next++];
rotate:
    y = y << 7 | y >> 57;
    goto *operation[*next++];
multiply:
    x *= 5;
    goto *operation[*next++];
sub:
    y -= x;
    goto *operation[*next++];
shift:
    x ^= x << 3;
    goto *operation[*next++];
end:
    if (--count > 0) {
        next = program;
        goto *operation[*next++];
    }
    return x ^ y;
}

static __attribute__((noinline)) uint64_t plus(uint64_t x)
{
    return x + 1;
}

static __attribute__((noinline)) uint64_t times(uint64_t x)
{
    return x * 5;
}

static __attribute__((noinline)) uint64_t flipped(uint64_t x)
{
    return x ^ 0xa5;
}

static __attribute__((noinline)) uint64_t rotated(uint64_t x)
{
    return x >> 3 | x << 61;
}

/* Calls that a predictor cannot know. */
static uint64_t icall(uint64_t count)
{
    static uint64_t (*const volatile function[])(uint64_t) = { plus, times, flipped, rotated };
    uint64_t value = 1, state = 1;

    while (count-- > 0) {
        value = function[next_random(&state) >> 29](value);
    }
    return value;
}

const struct kernel integer_kernels[] = {
    { "sieve", sieve }, { "fib", fib },           { "sort", sort },   { "divide", divide },
    { "flags", flags }, { "dispatch", dispatch }, { "icall", icall }, { NULL, NULL },
};
