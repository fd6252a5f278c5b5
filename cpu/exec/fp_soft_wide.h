/* 128-bit significands for the transcendental functions: truncating, good to about 120 bits. */
#ifndef CPU_EXEC_FP_SOFT_WIDE_H
#define CPU_EXEC_FP_SOFT_WIDE_H

#include "cpu/exec/fp_soft.h"

/* (sign) sig * 2^(exp - 127), bit 127 of sig set; sig = 0 is zero. */
struct fp_wide {
    fp_u128 sig;
    int32_t exp;
    bool sign;
};

#define WIDE_SIG(high, low) ((fp_u128)UINT64_C(high) << 64 | UINT64_C(low))

/* Fixed point of the series: FIX_ONE is 1, values below 4. */
#define FIX_ONE ((fp_u128)1 << 126)

struct fp_wide fp_wide_from(fp_u128 value, int32_t exp,
                            bool sign); /* value * 2^(exp - 127), any value */
struct fp_wide fp_wide_from_num(struct fp_num num);
struct fp_wide fp_wide_mul(struct fp_wide a, struct fp_wide b);
struct fp_wide fp_wide_add(struct fp_wide a, struct fp_wide b);
struct fp_wide fp_wide_div(struct fp_wide a, struct fp_wide b);
/* |a| * 2^128, for |a| < 1. */
fp_u128 fp_wide_fraction(struct fp_wide a);
fp_u128 fp_mul_high(fp_u128 a, fp_u128 b); /* a * b / 2^128 */

static inline struct fp_wide fp_wide_from_fix(fp_u128 fix)
{
    return fp_wide_from(fix, 1, false);
}

static inline struct fp_wide fp_wide_negate(struct fp_wide a)
{
    a.sign = !a.sign;
    return a;
}

/* An irrational result: never exact. */
static inline struct x87_value fp_wide_round(struct fp_env *env, struct fp_wide a)
{
    return fp_pack80(fp_round(env, &fp_format_f80, a.sign, a.exp, a.sig | 1));
}

#endif
