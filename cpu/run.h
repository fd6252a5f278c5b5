/* Parts of cpu/run.c for cpu/lockstep.c: one engine at a time, inside cpu_run and with its unwinding. */
#ifndef CPU_RUN_H
#define CPU_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu/cpu.h"

/* Someone asked for attention: the fast loops end. */
bool run_must_look(const struct core *core);

/* The translator's fast loop: until the budget is used up to one block, or someone asks for attention. */
void run_translated(struct cpu *cpu);

/* Interpret until core.retired is this, exactly. */
void run_interpreted(struct cpu *cpu, uint64_t retired);

/* After UNWIND_NEXT: account for the instruction that left its block. */
void run_left(struct cpu *cpu);

#endif
