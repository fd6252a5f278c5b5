/* Instructions that do not end in the page where they begin, or stand in no RAM: each a block of its own. */
#ifndef CPU_CROSSING_H
#define CPU_CROSSING_H

#include <stdint.h>

#include "cpu/block.h"
#include "cpu/cpu.h"

struct crossing *crossings_create(void);
void crossings_destroy(struct crossing *crossings);

/* Fetch and decode the instruction at linear. Raises what the fetch raises. The block holds until the next call. */
struct block *build_crossing(struct cpu *cpu, uint64_t linear);

#endif
