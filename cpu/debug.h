/* What a debugger asks of a processor: stop before these instructions, after these accesses.
 *
 * One table may serve many processors. It changes only while none of them runs. A processor without a table pays
 * nothing; with one it leaves the fast loop. Addresses are linear, whatever the mode and the address space.
 */
#ifndef CPU_DEBUG_H
#define CPU_DEBUG_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu/exec/watch.h"

struct block;
struct cpu;

enum { CPU_DEBUG_CODE = 256 };

struct cpu_debug {
    unsigned n_code;
    uint64_t code[CPU_DEBUG_CODE];
    struct core_watches watches;
};

/* Why cpu_run came back with CPU_EXIT_DEBUG. */
enum cpu_debug_hit { CPU_DEBUG_NONE, CPU_DEBUG_HIT_CODE, CPU_DEBUG_HIT_READ, CPU_DEBUG_HIT_WRITE };

/* NULL or an empty table: no debugger. On the thread that owns the cpu, outside cpu_run; again after every change. */
void cpu_debug_set(struct cpu *cpu, const struct cpu_debug *debug);

/* The instruction at RIP runs even with a breakpoint on it, once: what goes on from there. */
void cpu_debug_pass(struct cpu *cpu);

/* The reason of the last CPU_EXIT_DEBUG, and the watched address that was touched. */
enum cpu_debug_hit cpu_debug_take(struct cpu *cpu, uint64_t *address);

/* For run.c, between blocks: must the processor stop here? */
bool cpu_debug_stops(struct cpu *cpu);
/* For run.c: how many of the block's instructions may run: up to the next breakpoint in it. */
unsigned cpu_debug_limit(const struct cpu *cpu, const struct block *block, unsigned limit);

#endif
