/* Fused multiply-add and half precision in portable C. [SDM 1 14.4, 14.5, 4.8] */
#include "cpu/exec/fp_soft.h"

const struct fp_format fp_format_f16 = { .emin = -14, .emax = 15, .precision = 11, .sign_bit = 15 };

/* x * 2^(exp - 127) + c, the product's top bit set: rounded once. Both have zeros enough below that what the
 * shift of the smaller one jams together stays out of the rounding. */
static struct fp_num add_to_product(struct fp_env *env, const struct fp_format *f, bool sign,
                                    int32_t exp, fp_u128 x, struct fp_num c)
{
    fp_u128 y = (fp_u128)c.sig << 63;
    int32_t y_exp = c.exp;
    bool y_sign = c.sign;

    x >>= 1;
    if (exp < y_exp || (exp == y_exp && x < y)) {
        fp_u128 other = x;
        int32_t other_exp = exp;
        bool other_sign = sign;

        x = y;
        exp = y_exp;
        sign = y_sign;
        y = other;
        y_exp = other_exp;
        y_sign = other_sign;
    }
    y = fp_shift_right_jam(y, (uint32_t)(exp - y_exp));
    x = sign == y_sign ? x + y : x - y;
    if (x == 0) {
        return fp_zero(env->rounding == FP_DOWN);
    }
    int shift = x >> 64 ? __builtin_clzll((uint64_t)(x >> 64)) : 64 + __builtin_clzll((uint64_t)x);

    return fp_round(env, f, sign, exp + 1 - shift, x << shift);
}

static struct fp_num soft_fma(struct fp_env *env, const struct fp_format *f, struct fp_num a,
                              struct fp_num b, struct fp_num c)
{
    bool sign = a.sign != b.sign;
    bool zero_times_inf = (a.class == FP_CLASS_INF && b.class == FP_CLASS_ZERO) ||
                          (a.class == FP_CLASS_ZERO && b.class == FP_CLASS_INF);
    bool infinite = a.class == FP_CLASS_INF || b.class == FP_CLASS_INF;
    struct fp_num r;

    if (fp_is_nan(a) || fp_is_nan(b) || fp_is_nan(c)) {
        if (a.class == FP_CLASS_SNAN || b.class == FP_CLASS_SNAN || c.class == FP_CLASS_SNAN) {
            env->flags |= FP_IE;
        }
        r = fp_is_nan(a) ? a : fp_is_nan(b) ? b : c;
        (void)fp_nan_result(env, f, r, fp_zero(false), &r);
        return r;
    }
    if (zero_times_inf || (infinite && c.class == FP_CLASS_INF && c.sign != sign)) {
        return fp_invalid(env);
    }
    if ((a.denormal || b.denormal || c.denormal) && fp_stop(env, FP_DE)) {
        return a;
    }
    if (infinite || c.class == FP_CLASS_INF) {
        return infinite ? fp_inf(sign) : c;
    }
    if (a.class == FP_CLASS_ZERO || b.class == FP_CLASS_ZERO) {
        if (c.class == FP_CLASS_ZERO) {
            return fp_zero(sign == c.sign ? sign : env->rounding == FP_DOWN);
        }
        return fp_round(env, f, c.sign, c.exp, (fp_u128)c.sig << 64);
    }
    fp_u128 product = (fp_u128)a.sig * b.sig;
    int32_t exp = a.exp + b.exp + 1;

    if (!(product >> 127)) {
        product <<= 1;
        exp--;
    }
    if (c.class == FP_CLASS_ZERO) {
        return fp_round(env, f, sign, exp, product);
    }
    return add_to_product(env, f, sign, exp, product, c);
}

#define FMA(f, type)                                                                               \
    type fp_soft_##f##_fma(struct fp_env *env, type a, type b, type c)                             \
    {                                                                                              \
        struct fp_num x = fp_unpack(&fp_format_##f, a, env->daz);                                  \
        struct fp_num y = fp_unpack(&fp_format_##f, b, env->daz);                                  \
        struct fp_num z = fp_unpack(&fp_format_##f, c, env->daz);                                  \
                                                                                                   \
        return (type)fp_pack(&fp_format_##f, soft_fma(env, &fp_format_##f, x, y, z));              \
    }
FMA(f32, uint32_t)
FMA(f64, uint64_t)

/* Always exact; a denormal half is no denormal operand. */
uint32_t fp_soft_f16_to_f32(struct fp_env *env, uint16_t a)
{
    struct fp_num x = fp_unpack(&fp_format_f16, a, false), r;

    if (fp_nan_result(env, &fp_format_f32, x, fp_zero(false), &r)) {
        x = r;
    }
    return (uint32_t)fp_pack(&fp_format_f32, x);
}

uint16_t fp_soft_f32_to_f16(struct fp_env *env, uint32_t a, enum fp_rounding rounding)
{
    struct fp_num x = fp_unpack(&fp_format_f32, a, env->daz), r;
    struct fp_env half = *env;

    half.rounding = (uint8_t)rounding;
    half.ftz = false;
    if (fp_nan_result(&half, &fp_format_f16, x, fp_zero(false), &r)) {
        x = r;
    } else if (x.denormal && fp_stop(&half, FP_DE)) {
        x = fp_zero(x.sign);
    } else if (x.class == FP_CLASS_FINITE) {
        x = fp_round(&half, &fp_format_f16, x.sign, x.exp, (fp_u128)x.sig << 64);
    }
    env->flags = half.flags;
    return (uint16_t)fp_pack(&fp_format_f16, x);
}
