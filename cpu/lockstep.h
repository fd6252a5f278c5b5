/* Both engines in lock step: each stretch of translated code is undone, interpreted, and compared. [cpu/README.md]
 *
 * A stretch begins where the fast loop would, and ends where translated code is left, where it reaches its random length, or in
 * front of an instruction that something outside the processor and RAM sees or answers: that one the interpreter does alone. No
 * other thread may write to the RAM while a stretch runs.
 */
#ifndef CPU_LOCKSTEP_H
#define CPU_LOCKSTEP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "cpu/cpu.h"

/* Why instructions were run by the interpreter alone. X(row, text) */
#define LOCKSTEP_ROWS(X)                                  \
    X(OUTSIDE, "that something outside answers")          \
    X(DEVICE, "whose memory is a device's")               \
    X(CODE, "that write to pages of code")                \
    X(MARKS, "that set accessed or dirty bits")           \
    X(FULL, "behind writes to many pages")                \
    X(INTERRUPTED, "of stretches that cannot be repeated") \
    X(MODE, "of 16-bit and 32-bit code")

enum lockstep_alone {
#define X(row, text) LOCKSTEP_##row,
    LOCKSTEP_ROWS(X)
#undef X
        LOCKSTEP_ALONE
};

struct lockstep_counts {
    uint64_t stretches, instructions, faults; /* compared; and faults that both engines raised */
    uint64_t alone[LOCKSTEP_ALONE];           /* instructions */
};

struct lockstep;

/* The cpu translates: cpu_translate, counted. -ENOMEM or 0. */
WARN_UNUSED int cpu_lockstep(struct cpu *cpu);
void lockstep_destroy(struct lockstep *lockstep);

const struct lockstep_counts *lockstep_counts(const struct lockstep *lockstep);
/* After CPU_EXIT_DIFFERS: lines that say where and what. */
const char *lockstep_report(const struct lockstep *lockstep);

/* For run.c, inside cpu_run: in place of run_translated. False: the engines differ. */
bool lockstep_run(struct cpu *cpu);

#endif
