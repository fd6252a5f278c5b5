/* The small kernels of the benchmark guest: each stresses one thing that an emulator does. */
#ifndef BENCH_KERNELS_H
#define BENCH_KERNELS_H

#include <stdint.h>

/* Do the work `count` times. The checksum depends on the count alone, wherever it runs. */
struct kernel {
    const char *name;
    uint64_t (*run)(uint64_t count);
};

/* Each ends with a row without a name. */
extern const struct kernel integer_kernels[], float_kernels[], memory_kernels[], code_kernels[],
    system_kernels[], smp_kernels[];

static inline uint64_t mix(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * UINT64_C(0x100000001b3);
}

/* A sequence that every run repeats. */
static inline uint32_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

#endif
