/* Instructions that no block holds: in MMIO, over a page's end outside of 64-bit code, over a segment's end. */
#ifndef CPU_CROSSING_H
#define CPU_CROSSING_H

#include <stdint.h>

#include "cpu/block.h"
#include "cpu/cpu.h"

/* Fetch and decode the instruction at linear. Raises what the fetch raises. The block holds until the next call. */
struct block *build_crossing(struct cpu *cpu, uint64_t linear);

#endif
