/* x87 state as other families need it: tags, FXSAVE and FNSAVE images, MMX on the x87 registers.
 * [SDM 1 8.1, 9.2, 10.5] */
#ifndef CPU_EXEC_X87_H
#define CPU_EXEC_X87_H

#include <stdint.h>

#include "cpu/exec/core.h"
#include "cpu/x86/state.h"

static inline unsigned x87_top(const struct x87_state *x87)
{
    return x87->status >> 11 & 7;
}

static inline void x87_top_set(struct x87_state *x87, unsigned top)
{
    x87->status = (uint16_t)((x87->status & ~0x3800u) | (top & 7) << 11);
}

/* FNINIT, and what XRSTOR does with XSTATE_BV[0] clear (that clears the registers too: see
 * x87_reset). */
void x87_init(struct x87_state *x87);
/* Power-up, and x87's initial configuration for XRSTOR: x87_init with zero registers. */
void x87_reset(struct x87_state *x87);

/* The full tag word (00 valid, 01 zero, 10 special, 11 empty; FNSAVE) from the state. FXSAVE's
 * abridged form is x87.valid itself. */
uint16_t x87_tag_word(const struct x87_state *x87);
/* Abridged form of a full tag word. */
uint8_t x87_tag_abridge(uint16_t tag_word);

/* After control or status was loaded from an image: recompute FSW.ES and B. */
void x87_status_normalize(struct x87_state *x87);

/* What every MMX instruction does first: #UD when CR0.EM, #NM when CR0.TS, a pending #MF; then TOP
 * = 0 and all tags valid. The write of a register sets sign_exponent to 0xffff. */
void x87_mmx_enter(struct core *core);
/* The same checks without the change of state: before anything may fault (EMMS uses it, then sets
 * valid = 0). */
void x87_mmx_check(struct core *core);
/* Waiting x87 instructions and FWAIT: a pending unmasked exception raises #MF, or asks for the
 * external interrupt. */
void x87_check_pending(struct core *core);

#endif
