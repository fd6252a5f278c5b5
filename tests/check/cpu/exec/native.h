/* One instruction run by the host CPU itself, for tests that compare cpu/exec with it (x86-64
 * hosts). */
#ifndef TESTS_CHECK_CPU_EXEC_NATIVE_H
#define TESTS_CHECK_CPU_EXEC_NATIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Registers before and after. gpr: in encoding order; RSP is left alone. fx: an FXSAVE64 image. */
struct native_state {
    uint64_t gpr[16];
    uint64_t rflags;
    uint64_t unused;
    _Alignas(16) uint8_t fx[512];
};

enum native_end { NATIVE_DONE, NATIVE_FP_FAULT, NATIVE_GP_FAULT, NATIVE_UD_FAULT };

/* False where the host cannot do it: another architecture, or no executable memory. */
bool native_available(void);

/* Executes the bytes (one instruction that neither branches nor touches RSP). After a fault the
 * state holds what the fault found: fx and gpr as of the instruction. */
enum native_end native_run(struct native_state *state, const void *bytes, size_t n);

/* Random numbers of the tests: xorshift, seeded by SEED; N scales the number of cases. */
uint64_t native_random(uint64_t *seed);
uint64_t native_seed(void);
unsigned native_cases(unsigned standard);

#endif
