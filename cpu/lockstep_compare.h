/* What lock step compares and how it says that something differs. */
#ifndef CPU_LOCKSTEP_COMPARE_H
#define CPU_LOCKSTEP_COMPARE_H

#include <stdbool.h>
#include <stddef.h>

#include "cpu/exec/core.h"

struct text;

/* What of a core a stretch may change: all in front of core.mmu but what other threads write. */
enum { LOCKSTEP_SAVED = offsetof(struct core, mmu) - offsetof(struct core, attention) };

/* How a run of a stretch ended. */
struct lockstep_end {
    enum core_unwind how; /* NONE, FAULT or SUSPEND; RESTART: it cannot be repeated */
    uint64_t n;           /* instructions completed */
    struct x86_fault fault;
    uint64_t rflags;
    struct cpu_state state; /* RIP: of the instruction */
    uint64_t seg_base[SEG_COUNT], debug_pending;
    uint32_t run_mode;
};

/* Fill in all but how, n and fault. rip: of the instruction. */
void lockstep_end_fill(struct lockstep_end *end, const struct core *core, uint64_t rip);

/* False: a line of text for each thing that differs. */
bool lockstep_same(const struct lockstep_end *translated, const struct lockstep_end *interpreted,
                   struct text *text);

struct block;
/* The block's instructions, by our decoder and by an outside one where the build has it. */
void lockstep_print_block(struct text *text, const struct core *core, const struct block *block,
                          uint64_t rip);

#endif
