/* Guest flags that translated code left as their operation: kinds, and how they become flags again.
 *
 * core.translated.flags_kind: bits 0-3 enum flags_kind, 4-5 log2 of the size, 8-11 enum flags_shift;
 * bit 16: CF is flags_cf instead; bits 24-27: enum flags_step, and 28-29 its size: a step from
 * flags_step's value gave all but CF; bits 32-35 enum flags_rotate, and 36-37 the size: OF is what a rotation to
 * flags_rotated left; bit 48: ZF is bit 40. They apply in this order. 0: state.flags_* hold them.
 */
#ifndef CPU_TRANSLATE_FLAGS_H
#define CPU_TRANSLATE_FLAGS_H

#include <stdint.h>

#include "cpu/exec/core.h"

enum flags_kind {
    FLAGS_STATE,    /* in state.flags_* */
    FLAGS_LOGIC,    /* a: the result */
    FLAGS_TEST,     /* a & b */
    FLAGS_CMP,      /* a - b */
    FLAGS_SUB,      /* a: the result of something - b */
    FLAGS_ADD,      /* a: the result of something + b */
    FLAGS_SUM,      /* a + b */
    FLAGS_NEG,      /* a: the result */
    FLAGS_SHIFTED,  /* a by b, as flags_shift says; b not 0 */
    FLAGS_MULTIPLY, /* a: the low half; b: OF and CF */
    FLAGS_POPCNT,   /* a: the source */
    FLAGS_IMAGE,    /* a: bits 8-15 as LAHF gives them, bit 0 OF */
};

enum flags_shift { FLAGS_SHL, FLAGS_SHR, FLAGS_SAR };

enum flags_step { FLAGS_NO_STEP, FLAGS_INC, FLAGS_DEC };

/* OF is flags_of; or that, CF after a rotation to the left, and the result's sign differ; or the result's two highest bits do. */
enum flags_rotate { FLAGS_NO_ROTATION, FLAGS_BY_ONE, FLAGS_LEFT, FLAGS_RIGHT };

enum { FLAGS_KIND_CF = 1 << 16, FLAGS_KIND_STEP = 24, FLAGS_KIND_ROTATE = 32, FLAGS_KIND_ZF = 40 };

static inline uint32_t flags_kind_word(enum flags_kind kind, unsigned size_log2, unsigned shift)
{
    return (uint32_t)kind | size_log2 << 4 | shift << 8;
}

/* Bring state.flags_* up to date. */
void flags_settle(struct core *core);

/* As LAHF and SETO would give them, into translated.flags_image. */
void flags_image(struct core *core);

#endif
