/* What is saved of a processor, and what is forgotten when a machine is saved. */
#ifndef CPU_SAVED_STATE_H
#define CPU_SAVED_STATE_H

#include "base/state.h"

struct cpu;

/* Of a struct cpu that was made and reset. */
extern const struct state_table cpu_saved_table;

/* Drop every translation and decoded block, as a processor that was just restored has none. Guests can tell by accessed and dirty
 * bits that they cleared without a flush; so the machine that goes on after a save must have none either. While the
 * cpu does not run. */
void cpu_forget(struct cpu *cpu);

#endif
