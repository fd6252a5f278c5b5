/* Floating point on bit patterns: one table of operations, two implementations with the same bits.
 * [SDM 1 4.8, 4.9, 8, 11.5]
 *
 * Every function takes the environment, computes the result that the CPU would write with the
 * exception masks of the environment, and ORs the exceptions it met into env->flags (bits as in
 * MXCSR and FSW).
 *
 * SSE (f32, f64): start an instruction with fp_env_from_mxcsr, do every element, then call
 * fp_mxcsr_update: it writes the sticky flags and tells whether #XM (or #UD without CR4.OSXMMEXCPT)
 * is due: in that case write no result. x87 (f80): with an unmasked overflow or underflow the
 * result is the one scaled by 2^24576 that a register gets.
 *
 * Exceptions before the computation (IE DE ZE) that are unmasked stop it: the flags after it (OE UE
 * PE) stay clear.
 */
#ifndef CPU_EXEC_FP_OPS_H
#define CPU_EXEC_FP_OPS_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu/x86/state.h"

enum fp_rounding { FP_NEAREST, FP_DOWN, FP_UP, FP_TRUNCATE }; /* as MXCSR.RC and FCW.RC */

enum fp_flag {
    FP_IE = 1u << 0, /* invalid */
    FP_DE = 1u << 1, /* denormal operand */
    FP_ZE = 1u << 2, /* zero divide */
    FP_OE = 1u << 3, /* overflow */
    FP_UE = 1u << 4, /* underflow */
    FP_PE = 1u << 5, /* inexact */
    FP_FLAGS = 0x3f,
};

#define MXCSR_DAZ  (1u << 6)
#define MXCSR_FTZ  (1u << 15)
#define MXCSR_MASK 0xffffu /* what may be written; also the MXCSR_MASK field of FXSAVE */
#define MXCSR_INIT 0x1f80u

struct fp_env {
    uint8_t rounding;  /* enum fp_rounding */
    uint8_t precision; /* significand bits of f80 results: 24, 53, 64 */
    uint8_t masks;     /* FP_* that are masked */
    uint8_t flags;     /* FP_* met so far */
    bool daz, ftz;     /* f32 and f64 only */
    bool c1;           /* f80: the last inexact result was rounded up in magnitude */
    bool quick; /* nearest, all masked, PE sticky already: a normal result needs no look at the
                   flags */
};

enum fp_relation { FP_LESS, FP_EQUAL, FP_GREATER, FP_UNORDERED };

/* The three formats' common operations. min and max are x86's: the second operand for NaNs and
 * equal zeros. */
#define FP_OPS_FORMAT(f, type)                                                                     \
    type (*f##_add)(struct fp_env * env, type a, type b);                                          \
    type (*f##_sub)(struct fp_env * env, type a, type b);                                          \
    type (*f##_mul)(struct fp_env * env, type a, type b);                                          \
    type (*f##_div)(struct fp_env * env, type a, type b);                                          \
    type (*f##_sqrt)(struct fp_env * env, type a);                                                 \
    /* signalling: a quiet NaN is invalid too (COMISS, CMPLTPS, FCOM); else only signalling NaNs   \
     */                                                                                            \
    enum fp_relation (*f##_compare)(struct fp_env * env, type a, type b, bool signalling);         \
    /* exact: inexact is not reported (ROUNDSS with imm8 bit 3) */                                 \
    type (*f##_round)(struct fp_env * env, type a, enum fp_rounding rounding, bool exact);         \
    /* integer indefinite (only the sign bit set) and IE when it does not fit */                   \
    int32_t (*f##_to_i32)(struct fp_env * env, type a, enum fp_rounding rounding);                 \
    int64_t (*f##_to_i64)(struct fp_env * env, type a, enum fp_rounding rounding);                 \
    type (*f##_from_i32)(struct fp_env * env, int32_t a);                                          \
    type (*f##_from_i64)(struct fp_env * env, int64_t a);

struct fp_ops {
    const char *name;

    FP_OPS_FORMAT(f32, uint32_t)
    uint32_t (*f32_fma)(struct fp_env *env, uint32_t a, uint32_t b, uint32_t c); /* a * b + c, rounded once */
    uint32_t (*f32_min)(struct fp_env *env, uint32_t a, uint32_t b);
    uint32_t (*f32_max)(struct fp_env *env, uint32_t a, uint32_t b);
    uint64_t (*f32_to_f64)(struct fp_env *env, uint32_t a);
    /* RCPPS and RSQRTPS: no flags, no rounding mode, 12 correct bits, the same on every host; DAZ
     * as documented: denormal operands always count as zeros. */
    uint32_t (*f32_rcp)(uint32_t a);
    uint32_t (*f32_rsqrt)(uint32_t a);

    FP_OPS_FORMAT(f64, uint64_t)
    uint64_t (*f64_fma)(struct fp_env *env, uint64_t a, uint64_t b, uint64_t c);
    uint64_t (*f64_min)(struct fp_env *env, uint64_t a, uint64_t b);
    uint64_t (*f64_max)(struct fp_env *env, uint64_t a, uint64_t b);
    uint32_t (*f64_to_f32)(struct fp_env *env, uint64_t a);

    FP_OPS_FORMAT(f80, struct x87_value)
    int16_t (*f80_to_i16)(struct fp_env *env, struct x87_value a, enum fp_rounding rounding);
    uint32_t (*f80_to_f32)(struct fp_env *env, struct x87_value a);
    uint64_t (*f80_to_f64)(struct fp_env *env, struct x87_value a);
    struct x87_value (*f80_from_f32)(struct fp_env *env, uint32_t a);
    struct x87_value (*f80_from_f64)(struct fp_env *env, uint64_t a);
    /* FBSTP, FBLD: ten bytes, 18 digits and the sign. */
    void (*f80_to_bcd)(struct fp_env *env, struct x87_value a, uint8_t bcd[10]);
    struct x87_value (*f80_from_bcd)(const uint8_t bcd[10]);
    /* FPREM (nearest false) and FPREM1: the quotient's low bits; *partial when the reduction is
     * incomplete (C2). */
    struct x87_value (*f80_rem)(struct fp_env *env, struct x87_value a, struct x87_value b,
                                bool nearest, uint64_t *quotient, bool *partial);
    struct x87_value (*f80_scale)(struct fp_env *env, struct x87_value a, struct x87_value b);
    /* FXTRACT: returns the significand, *exponent as a value. */
    struct x87_value (*f80_extract)(struct fp_env *env, struct x87_value a,
                                    struct x87_value *exponent);

    /* Transcendentals: within about one unit in the last place, the same code under both
     * implementations. */
    struct x87_value (*f80_2xm1)(struct fp_env *env, struct x87_value a);
    struct x87_value (*f80_yl2x)(struct fp_env *env, struct x87_value x, struct x87_value y);
    struct x87_value (*f80_yl2xp1)(struct fp_env *env, struct x87_value x, struct x87_value y);
    struct x87_value (*f80_patan)(struct fp_env *env, struct x87_value x, struct x87_value y);
    /* sine, cosine or tangent may be NULL. False: |a| >= 2^63, nothing done (C2). */
    bool (*f80_sincos)(struct fp_env *env, struct x87_value a, struct x87_value *sine,
                       struct x87_value *cosine);
    bool (*f80_tan)(struct fp_env *env, struct x87_value a, struct x87_value *tangent);
};

extern const struct fp_ops fp_ops_soft; /* portable C */
#ifdef __x86_64__
extern const struct fp_ops fp_ops_host; /* the host's instructions; the same bits */
#endif

/* The fastest that this host has. */
static inline const struct fp_ops *fp_ops_default(void)
{
#ifdef __x86_64__
    return &fp_ops_host;
#else
    return &fp_ops_soft;
#endif
}

static inline struct fp_env fp_env_from_mxcsr(uint32_t mxcsr)
{
    return (struct fp_env){
        .rounding = (uint8_t)(mxcsr >> 13 & 3),
        .precision = 64,
        .masks = (uint8_t)(mxcsr >> 7 & FP_FLAGS),
        .daz = (mxcsr & MXCSR_DAZ) != 0,
        .ftz = (mxcsr & MXCSR_FTZ) != 0,
        .quick = (mxcsr & 0x7fa0) == 0x1fa0,
    };
}

/* Ends an SSE instruction: sticky flags into MXCSR; true when an unmasked exception is to be
 * raised. Packed forms: an unmasked IE, DE or ZE of one element hides OE, UE and PE of all. */
static inline bool fp_mxcsr_update(const struct fp_env *env, uint32_t *mxcsr)
{
    uint32_t flags = env->flags, raised = flags & ~(uint32_t)env->masks;

    if (raised & (FP_IE | FP_DE | FP_ZE)) {
        flags &= FP_IE | FP_DE | FP_ZE;
    }
    *mxcsr |= flags;
    return raised != 0;
}

/* From FCW and FSW. */
static inline struct fp_env fp_env_from_x87(uint16_t control, uint16_t status)
{
    unsigned pc = control >> 8 & 3;

    return (struct fp_env){
        .rounding = (uint8_t)(control >> 10 & 3),
        .precision = pc == 0   ? 24
                     : pc == 2 ? 53
                               : 64,
        .masks = (uint8_t)(control & FP_FLAGS),
        .quick = (control & 0xf3f) == 0x33f && (status & FP_PE),
    };
}

#endif
