/* What a block does with the flags: which instruction sets them, reads them, or lets them be seen. */
#ifndef CPU_TRANSLATE_FLOW_H
#define CPU_TRANSLATE_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu/decode/insn.h"
#include "cpu/exec/core.h"

struct flow_insn {
    bool native;     /* has host code of its own; the others see everything */
    bool kills;      /* overwrites all arithmetic flags, and cannot be left before */
    bool seen;       /* after it: the flags as they are then may be seen as a whole */
    uint32_t wanted; /* after it: flags that an instruction of the block reads */
    uint16_t writes; /* general registers it changes, where native */
};

struct flow {
    struct flow_insn insn[CORE_BLOCK_INSNS];
    bool seen_at_entry; /* the flags before the block */
};

/* native: filled by the caller for each of n. tail_seen: what follows the block may see the flags. */
void flow_analyse(struct flow *flow, const struct insn *insn, unsigned n, bool tail_seen);

/* Whether the access of its memory operand, or of the stack, can fail. */
bool flow_accesses(const struct insn *insn);

/* The count of a shift by an immediate; 0: not known, or no flag changes. */
unsigned flow_shift_count(const struct insn *insn);

/* The flags after instruction i are used by someone. */
static inline bool flow_flags_used(const struct flow *flow, unsigned i)
{
    return flow->insn[i].seen || flow->insn[i].wanted != 0;
}

#endif
