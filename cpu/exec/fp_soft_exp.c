/* F2XM1, FYL2X, FYL2XP1: series in 128 bits, rounded once. The same bits on every host. [SDM
 * 1 8.3.8, 8.3.10]
 *
 * 2^a - 1 = e^t - 1 with t = a ln 2 by Taylor's series. log2 x = k + 2 atanh((m - 1) / (m + 1)) /
 * ln 2 with x = m 2^k and m next to 1. The error before rounding is below 2^-50 units in the last
 * place. What the manual leaves undefined: F2XM1 outside [-1, 1] returns its operand; FYL2XP1 takes
 * every x > -1 and is invalid below.
 */
#include "cpu/exec/fp_soft_wide.h"

static const struct fp_wide ln_2 = { WIDE_SIG(0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af), -1, false };
static const struct fp_wide two_log2_e = { WIDE_SIG(0xb8aa3b295c17f0bb, 0xbe87fed0691d3e89), 1,
                                           false };

/* The significand of sqrt(2), to 64 bits. */
#define SQRT_2  UINT64_C(0xb504f333f9de6484)
#define ONE_SIG (UINT64_C(1) << 63)

enum { EXP_TERMS = 34, ATANH_TERMS = 26 };

/* (e^t - 1) / t, for 0 < |t| < 0.7 */
static fp_u128 expm1_series(struct fp_wide t)
{
    fp_u128 fraction = fp_wide_fraction(t), s = FIX_ONE;

    for (unsigned n = EXP_TERMS; n >= 2; n--) {
        fp_u128 term = fp_mul_high(fraction, s) / n;

        s = t.sign ? FIX_ONE - term : FIX_ONE + term;
    }
    return s;
}

struct x87_value fp_soft_f80_2xm1(struct fp_env *env, struct x87_value a)
{
    struct fp_num x = fp_unpack80(a), r;
    struct fp_wide t;

    if (fp_nan_result(env, &fp_format_f80, x, fp_zero(false), &r)) {
        return fp_pack80(r);
    }
    if (x.denormal && fp_stop(env, FP_DE)) {
        return a;
    }
    if (x.class == FP_CLASS_INF && x.sign) {
        r = fp_from_integer(true, 1);
        return fp_pack80(r);
    }
    if (x.class != FP_CLASS_FINITE) {
        return a;
    }
    if (x.exp > 0 || (x.exp == 0 && x.sig != ONE_SIG)) {
        env->flags |= FP_PE;
        return a;
    }
    if (x.exp == 0) { /* 2^1 - 1 and 2^-1 - 1 */
        env->flags |= FP_PE;
        return fp_pack80((struct fp_num){
            .class = FP_CLASS_FINITE, .sign = x.sign, .exp = x.sign ? -1 : 0, .sig = ONE_SIG });
    }
    t = fp_wide_mul(fp_wide_from_num(x), ln_2);
    return fp_wide_round(env, fp_wide_mul(t, fp_wide_from_fix(expm1_series(t))));
}

/* 2 atanh(z) / ln 2, for |z| < 0.18 */
static struct fp_wide log2_of_ratio(struct fp_wide z)
{
    fp_u128 square = fp_wide_fraction(fp_wide_mul(z, z)), s = 0;

    if (z.sig == 0) {
        return z;
    }
    for (unsigned n = ATANH_TERMS + 1; n-- > 0;) {
        s = FIX_ONE / (2 * n + 1) + fp_mul_high(square, s);
    }
    return fp_wide_mul(fp_wide_mul(z, fp_wide_from_fix(s)), two_log2_e);
}

/* log2 of x > 0; *exact when x is a power of two. */
static struct fp_wide log2_of(struct fp_num x, bool *exact)
{
    bool halve = x.sig > SQRT_2;
    int32_t k = x.exp + halve;
    /* m = sig / 2^63 or sig / 2^64, the divisor being `one` */
    fp_u128 one = (fp_u128)ONE_SIG << halve, m = x.sig;
    struct fp_wide n = fp_wide_from(m >= one ? m - one : one - m, 0, m < one);
    struct fp_wide whole = fp_wide_from((fp_u128)(uint64_t)(k < 0 ? -k : k), 127, k < 0);

    *exact = n.sig == 0;
    if (*exact) {
        return whole;
    }
    return fp_wide_add(whole, log2_of_ratio(fp_wide_div(n, fp_wide_from(m + one, 0, false))));
}

static struct x87_value times(struct fp_env *env, struct fp_num y, struct fp_wide log, bool exact)
{
    struct fp_wide r = fp_wide_mul(fp_wide_from_num(y), log);
    struct fp_num result = fp_round(env, &fp_format_f80, r.sign, r.exp, exact ? r.sig : r.sig | 1);

    env->flags |= FP_PE;
    if (result.class <= FP_CLASS_FINITE && result.sig >> 63 == 0) {
        env->flags |= FP_UE;
    }
    return fp_pack80(result);
}

struct x87_value fp_soft_f80_yl2x(struct fp_env *env, struct x87_value x, struct x87_value y)
{
    struct fp_num a = fp_unpack80(x), b = fp_unpack80(y), r;
    bool unity = a.class == FP_CLASS_FINITE && a.exp == 0 && a.sig == ONE_SIG, below, exact;

    if (fp_nan_result(env, &fp_format_f80, a, b, &r)) {
        return fp_pack80(r);
    }
    if (a.sign && a.class != FP_CLASS_ZERO) {
        return fp_pack80(fp_invalid(env));
    }
    if ((b.class == FP_CLASS_ZERO && a.class != FP_CLASS_FINITE) ||
        (b.class == FP_CLASS_INF && unity)) {
        return fp_pack80(fp_invalid(env));
    }
    if (a.class == FP_CLASS_ZERO) {
        if (b.class != FP_CLASS_INF && fp_stop(env, FP_ZE)) {
            return y;
        }
        return fp_pack80(fp_inf(!b.sign));
    }
    if ((a.denormal || b.denormal) && fp_stop(env, FP_DE)) {
        return y;
    }
    below = a.class == FP_CLASS_FINITE && a.exp < 0;
    if (a.class == FP_CLASS_INF || b.class == FP_CLASS_INF) {
        return fp_pack80(fp_inf(b.sign != below));
    }
    if (b.class == FP_CLASS_ZERO || unity) {
        return fp_pack80(fp_zero(b.sign != below));
    }
    struct fp_wide log = log2_of(a, &exact);
    return times(env, b, log, exact);
}

struct x87_value fp_soft_f80_yl2xp1(struct fp_env *env, struct x87_value x, struct x87_value y)
{
    struct fp_num a = fp_unpack80(x), b = fp_unpack80(y), r;
    struct fp_wide w, log;
    bool exact = false;

    if (fp_nan_result(env, &fp_format_f80, a, b, &r)) {
        return fp_pack80(r);
    }
    if ((a.sign && a.class == FP_CLASS_INF) ||
        (a.class == FP_CLASS_INF && b.class == FP_CLASS_ZERO) ||
        (a.class == FP_CLASS_ZERO && b.class == FP_CLASS_INF)) {
        return fp_pack80(fp_invalid(env));
    }
    if ((a.denormal || b.denormal) && fp_stop(env, FP_DE)) {
        return y;
    }
    if (a.class == FP_CLASS_INF || b.class == FP_CLASS_INF) {
        return fp_pack80(fp_inf(a.sign != b.sign));
    }
    if (a.class == FP_CLASS_ZERO || b.class == FP_CLASS_ZERO) {
        return fp_pack80(fp_zero(a.sign != b.sign));
    }
    if (a.sign && a.exp >= 0) {
        env->flags |= FP_PE;
        return x;
    }
    w = fp_wide_from_num(a);
    if (a.exp < -2) { /* |x| < 1/4: log2(1 + x) = 2 atanh(x / (2 + x)) / ln 2 */
        log = log2_of_ratio(fp_wide_div(w, fp_wide_add(w, fp_wide_from(1, 128, false))));
    } else {
        struct fp_wide sum = fp_wide_add(w, fp_wide_from(1, 127, false));

        r = (struct fp_num){ .class = FP_CLASS_FINITE,
                             .exp = sum.exp,
                             .sig = (uint64_t)(sum.sig >> 64) };
        log = log2_of(r, &exact);
        exact = exact && (uint64_t)sum.sig == 0;
        if ((uint64_t)sum.sig != 0) { /* the low bits of 1 + x: log2(1 + d) is d / ln 2 */
            struct fp_wide low = fp_wide_from((uint64_t)sum.sig, sum.exp, false);

            low = fp_wide_div(low, fp_wide_from_num(r));
            log = fp_wide_add(log, log2_of_ratio(fp_wide_div(
                                       low, fp_wide_add(low, fp_wide_from(1, 128, false)))));
        }
    }
    return times(env, b, log, exact);
}
