/* The parts of running guest code: run.c, find.c, between.c; and for lockstep.c one engine at a time. All inside cpu_run, with
 * its unwinding. */
#ifndef CPU_RUN_H
#define CPU_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu/cpu.h"
#include "cpu/exec/interrupt.h"

struct block;

static inline struct decode_mode run_decode_mode(const struct core *core)
{
    return (struct decode_mode){ .bits = core->bits, .flat = core->flat };
}

/* find.c: the block at RIP by way of the MMU. Raises what the fetch raises. cacheable: as long as code translations stay. */
struct block *run_find(struct cpu *cpu, uint64_t linear, bool *cacheable);
/* Every block is gone: no link or jump may be followed any more. */
void run_links_forget(struct cpu *cpu);

/* between.c: everything that is not the fast loop. Decides how many instructions the next block may run (*limit), or an exit. */
enum run_slow { RUN_SLOW_RUN, RUN_SLOW_AGAIN, RUN_SLOW_EXIT };
enum run_slow run_between(struct cpu *cpu, unsigned *limit, enum cpu_exit *exit);
/* Deliver between blocks. True: that ends the run. */
bool run_deliver_ends(struct cpu *cpu, enum interrupt_source source, struct x86_fault fault,
                      enum cpu_exit *exit);

/* Someone asked for attention: the fast loops end. */
bool run_must_look(const struct core *core);

/* The translator's fast loop: until the budget is used up to one block, or someone asks for attention. */
void run_translated(struct cpu *cpu);

/* Interpret until core.retired is this, exactly. */
void run_interpreted(struct cpu *cpu, uint64_t retired);

/* After UNWIND_NEXT: account for the instruction that left its block. */
void run_left(struct cpu *cpu);

#endif
