/* f80 operations beyond arithmetic: BCD, remainder, scale, extract. [SDM 2 FBLD, FBSTP, FPREM,
 * FPREM1, FSCALE, FXTRACT] */
#include <string.h>

#include "cpu/exec/fp_soft.h"

#define BCD_MAX UINT64_C(999999999999999999)

void fp_soft_f80_to_bcd(struct fp_env *env, struct x87_value a, uint8_t bcd[10])
{
    static const uint8_t indefinite[10] = { 0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff };
    struct fp_num x = fp_unpack80(a);
    uint64_t magnitude;
    bool inexact, up;

    if (x.class >= FP_CLASS_INF || !fp_to_integer(x, env->rounding, &magnitude, &inexact, &up) ||
        magnitude > BCD_MAX) {
        env->flags |= FP_IE;
        memcpy(bcd, indefinite, sizeof(indefinite));
        return;
    }
    if (inexact) {
        env->flags |= FP_PE;
    }
    env->c1 = up;
    for (unsigned i = 0; i < 9; i++) {
        unsigned pair = (unsigned)(magnitude % 100);

        bcd[i] = (uint8_t)(pair / 10 << 4 | pair % 10);
        magnitude /= 100;
    }
    bcd[9] = x.sign ? 0x80 : 0;
}

struct x87_value fp_soft_f80_from_bcd(const uint8_t bcd[10])
{
    uint64_t magnitude = 0;

    for (unsigned i = 9; i-- > 0;) {
        magnitude = magnitude * 100 + (bcd[i] >> 4) * 10u + (bcd[i] & 15u);
    }
    return fp_pack80(fp_from_integer(bcd[9] >> 7, magnitude));
}

/* (sign) magnitude * 2^(exp - 63), any magnitude. Exact unless tiny, and then exact as a denormal.
 */
static struct fp_num exact(struct fp_env *env, bool sign, int32_t exp, uint64_t magnitude)
{
    int shift;

    if (magnitude == 0) {
        return fp_zero(sign);
    }
    shift = __builtin_clzll(magnitude);
    return fp_round(env, &fp_format_f80, sign, exp - shift, (fp_u128)(magnitude << shift) << 64);
}

/* Reduces by at most 63 bits of quotient; with more to go by 32 to 63, so that the rest is a
 * multiple of 32. */
static struct fp_num remainder_of(struct fp_env *env, struct fp_num a, struct fp_num b,
                                  bool nearest, uint64_t *quotient, bool *partial)
{
    int32_t d = a.exp - b.exp, n;
    uint64_t rest;
    fp_u128 scaled;

    if (d < -1 || (d < 0 && !nearest)) {
        return fp_round(env, &fp_format_f80, a.sign, a.exp, (fp_u128)a.sig << 64);
    }
    if (d == -1) { /* |a| < |b|, perhaps over half of it: 2|a| has b's exponent */
        if (a.sig <= b.sig) {
            return fp_round(env, &fp_format_f80, a.sign, a.exp, (fp_u128)a.sig << 64);
        }
        *quotient = 1; /* |b| - |a| = (2 b.sig - a.sig) / 2 */
        return exact(env, !a.sign, a.exp, (uint64_t)(((fp_u128)b.sig << 1) - a.sig));
    }
    n = d < 64 ? d : 32 + d % 32;
    *partial = d >= 64;
    scaled = (fp_u128)a.sig << n;
    *quotient = (uint64_t)(scaled / b.sig);
    rest = (uint64_t)(scaled % b.sig);
    if (*partial) {
        *quotient = 0;
        return exact(env, a.sign, b.exp + d - n, rest);
    }
    if (nearest && (rest > b.sig - rest || (rest == b.sig - rest && (*quotient & 1)))) {
        *quotient += 1;
        rest = b.sig - rest;
        a.sign = !a.sign;
    }
    return exact(env, a.sign, b.exp, rest);
}

struct x87_value fp_soft_f80_rem(struct fp_env *env, struct x87_value a, struct x87_value b,
                                 bool nearest, uint64_t *quotient, bool *partial)
{
    struct fp_num x = fp_unpack80(a), y = fp_unpack80(b), r;

    *quotient = 0;
    *partial = false;
    if (fp_nan_result(env, &fp_format_f80, x, y, &r)) {
        return fp_pack80(r);
    }
    if (x.class == FP_CLASS_INF || y.class == FP_CLASS_ZERO) {
        return fp_pack80(fp_invalid(env));
    }
    if ((x.denormal || y.denormal) && fp_stop(env, FP_DE)) {
        return a;
    }
    if (x.class == FP_CLASS_ZERO) {
        return a;
    }
    if (y.class == FP_CLASS_INF) {
        return fp_pack80(fp_round(env, &fp_format_f80, x.sign, x.exp, (fp_u128)x.sig << 64));
    }
    return fp_pack80(remainder_of(env, x, y, nearest, quotient, partial));
}

struct x87_value fp_soft_f80_scale(struct fp_env *env, struct x87_value a, struct x87_value b)
{
    struct fp_num x = fp_unpack80(a), y = fp_unpack80(b), r;
    uint64_t magnitude;
    bool inexact, up;
    int32_t n;

    if (fp_nan_result(env, &fp_format_f80, x, y, &r)) {
        return fp_pack80(r);
    }
    if (y.class == FP_CLASS_INF && x.class == (y.sign ? FP_CLASS_INF : FP_CLASS_ZERO)) {
        return fp_pack80(fp_invalid(env));
    }
    if ((x.denormal || y.denormal) && fp_stop(env, FP_DE)) {
        return a;
    }
    if (y.class == FP_CLASS_INF) {
        return fp_pack80(y.sign ? fp_zero(x.sign) : fp_inf(x.sign));
    }
    if (x.class != FP_CLASS_FINITE) {
        return a;
    }
    n = 1 << 17; /* beyond every result, scaled ones too */
    if (fp_to_integer(y, FP_TRUNCATE, &magnitude, &inexact, &up) && magnitude < (uint64_t)n) {
        n = (int32_t)magnitude;
    }
    return fp_pack80(
        fp_round(env, &fp_format_f80, x.sign, x.exp + (y.sign ? -n : n), (fp_u128)x.sig << 64));
}

struct x87_value fp_soft_f80_extract(struct fp_env *env, struct x87_value a,
                                     struct x87_value *exponent)
{
    struct fp_num x = fp_unpack80(a), r;

    if (fp_nan_result(env, &fp_format_f80, x, fp_zero(false), &r)) {
        *exponent = fp_pack80(r);
        return *exponent;
    }
    if (x.class == FP_CLASS_ZERO) {
        env->flags |= FP_ZE;
        *exponent = fp_pack80(fp_inf(true));
        return a;
    }
    if (x.class == FP_CLASS_INF) {
        *exponent = fp_pack80(fp_inf(false));
        return a;
    }
    if (x.denormal && fp_stop(env, FP_DE)) {
        return a;
    }
    *exponent = fp_pack80(fp_from_integer(x.exp < 0, (uint64_t)(x.exp < 0 ? -x.exp : x.exp)));
    x.exp = 0;
    return fp_pack80(x);
}
