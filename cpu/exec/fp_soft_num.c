/* Unpacked numbers: unpack, pack, rounding with overflow and underflow, NaN selection. [SDM
 * 1 4.8.3, 4.9.1] */
#include "cpu/exec/fp_soft.h"

const struct fp_format fp_format_f32 = {
    .emin = -126, .emax = 127, .precision = 24, .sign_bit = 31
};
const struct fp_format fp_format_f64 = {
    .emin = -1022, .emax = 1023, .precision = 53, .sign_bit = 63
};
const struct fp_format fp_format_f80 = {
    .emin = -16382, .emax = 16383, .precision = 64, .x87 = true
};

#define INTEGER_BIT (UINT64_C(1) << 63)
#define QUIET_BIT   (UINT64_C(1) << 62)
#define TOP_BIT     ((fp_u128)1 << 127)

enum { SCALE_BIAS = 24576 };

struct fp_num fp_default_nan(void)
{
    return (struct fp_num){ .class = FP_CLASS_QNAN, .sign = true, .sig = INTEGER_BIT | QUIET_BIT };
}

struct fp_num fp_zero(bool sign)
{
    return (struct fp_num){ .class = FP_CLASS_ZERO, .sign = sign };
}

struct fp_num fp_inf(bool sign)
{
    return (struct fp_num){ .class = FP_CLASS_INF, .sign = sign, .sig = INTEGER_BIT };
}

static uint8_t nan_class(uint64_t sig)
{
    return sig & QUIET_BIT ? FP_CLASS_QNAN : FP_CLASS_SNAN;
}

struct fp_num fp_unpack(const struct fp_format *format, uint64_t bits, bool daz)
{
    unsigned fraction_bits = format->precision - 1u;
    uint64_t fraction = (bits & ((UINT64_C(1) << fraction_bits) - 1)) << (63 - fraction_bits);
    unsigned exp_max = 2 * (unsigned)format->emax + 1;
    unsigned exp = (unsigned)(bits >> fraction_bits) & exp_max;
    struct fp_num num = { .sign = bits >> format->sign_bit & 1 };

    if (exp == exp_max) {
        num.class = fraction == 0 ? FP_CLASS_INF : nan_class(fraction);
        num.sig = INTEGER_BIT | fraction;
    } else if (exp != 0) {
        num.class = FP_CLASS_FINITE;
        num.sig = INTEGER_BIT | fraction;
        num.exp = (int32_t)exp - format->emax;
    } else if (fraction != 0 && !daz) {
        int shift = __builtin_clzll(fraction);

        num.class = FP_CLASS_FINITE;
        num.denormal = true;
        num.sig = fraction << shift;
        num.exp = format->emin - shift;
    }
    return num;
}

uint64_t fp_pack(const struct fp_format *format, struct fp_num num)
{
    unsigned fraction_bits = format->precision - 1u;
    uint64_t sign = (uint64_t)num.sign << format->sign_bit;
    uint64_t fraction = (num.sig & ~INTEGER_BIT) >> (63 - fraction_bits);
    uint64_t exp_max = 2 * (uint64_t)format->emax + 1;
    uint64_t exp;

    switch (num.class) {
    case FP_CLASS_ZERO:
        return sign;
    case FP_CLASS_FINITE:
        /* Scaled results of unmasked exceptions are never written: only their low bits are kept. */
        exp = num.sig & INTEGER_BIT ? (uint64_t)(num.exp + format->emax) & exp_max : 0;
        return sign | exp << fraction_bits | fraction;
    case FP_CLASS_INF:
        return sign | exp_max << fraction_bits;
    default:
        return sign | exp_max << fraction_bits | fraction;
    }
}

struct fp_num fp_unpack80(struct x87_value value)
{
    unsigned exp = value.sign_exponent & 0x7fff;
    struct fp_num num = { .sign = value.sign_exponent >> 15, .sig = value.significand };

    if (exp == 0x7fff) {
        if (!(num.sig & INTEGER_BIT)) {
            num.class = FP_CLASS_UNSUPPORTED;
        } else {
            num.class = num.sig == INTEGER_BIT ? FP_CLASS_INF : nan_class(num.sig);
        }
    } else if (exp != 0) {
        num.class = num.sig & INTEGER_BIT ? FP_CLASS_FINITE : FP_CLASS_UNSUPPORTED;
        num.exp = (int32_t)exp - 16383;
    } else if (num.sig != 0) {
        int shift = __builtin_clzll(num.sig);

        num.class = FP_CLASS_FINITE;
        num.denormal = true;
        num.sig <<= shift;
        num.exp = -16382 - shift;
    }
    return num;
}

struct x87_value fp_pack80(struct fp_num num)
{
    unsigned sign = num.sign ? 0x8000 : 0, exp;

    switch (num.class) {
    case FP_CLASS_ZERO:
        return (struct x87_value){ 0, (uint16_t)sign };
    case FP_CLASS_FINITE:
        exp = num.sig & INTEGER_BIT ? (unsigned)(num.exp + 16383) & 0x7fff : 0;
        return (struct x87_value){ num.sig, (uint16_t)(sign | exp) };
    default:
        return (struct x87_value){ num.sig, (uint16_t)(sign | 0x7fff) };
    }
}

fp_u128 fp_shift_right_jam(fp_u128 value, uint32_t count)
{
    if (count == 0) {
        return value;
    }
    if (count > 127) {
        return value != 0;
    }
    return value >> count | ((value << (128 - count)) != 0);
}

static bool rounds_up(unsigned rounding, bool sign, bool odd, bool half, bool rest)
{
    switch (rounding) {
    case FP_NEAREST:
        return half && (rest || odd);
    case FP_DOWN:
        return sign && (half || rest);
    case FP_UP:
        return !sign && (half || rest);
    default:
        return false;
    }
}

struct rounded {
    fp_u128 sig;
    bool inexact, up, carry;
};

static struct rounded round_at(fp_u128 sig, unsigned precision, unsigned rounding, bool sign)
{
    unsigned drop = 128 - precision;
    fp_u128 unit = (fp_u128)1 << drop, low = sig & (unit - 1), half = unit >> 1;
    struct rounded r = { .sig = sig - low, .inexact = low != 0 };

    r.up = rounds_up(rounding, sign, (sig & unit) != 0, (low & half) != 0, (low & (half - 1)) != 0);
    if (r.up) {
        r.sig += unit;
        if (r.sig == 0) {
            r.sig = TOP_BIT;
            r.carry = true;
        }
    }
    return r;
}

static struct fp_num finish(struct fp_env *env, bool sign, int32_t exp, struct rounded r)
{
    if (r.inexact) {
        env->flags |= FP_PE;
    }
    env->c1 = r.up;
    return (struct fp_num){ .class = r.sig == 0 ? FP_CLASS_ZERO : FP_CLASS_FINITE,
                            .sign = sign,
                            .exp = exp,
                            .sig = (uint64_t)(r.sig >> 64) };
}

static struct fp_num overflow(struct fp_env *env, const struct fp_format *format, bool sign,
                              int32_t exp, struct rounded r)
{
    bool away = env->rounding == FP_NEAREST || env->rounding == (sign ? FP_DOWN : FP_UP);

    env->flags |= FP_OE;
    if (!(env->masks & FP_OE)) {
        exp -= SCALE_BIAS;
        if (!format->x87 || exp <= format->emax) {
            return finish(env, sign, exp, r);
        }
        away = true; /* FSCALE far beyond what scaling helps */
    }
    env->flags |= FP_PE;
    env->c1 = away;
    if (away) {
        return fp_inf(sign);
    }
    return (struct fp_num){ .class = FP_CLASS_FINITE,
                            .sign = sign,
                            .exp = format->emax,
                            .sig = UINT64_MAX << (64 - format->precision) };
}

struct fp_num fp_round(struct fp_env *env, const struct fp_format *format, bool sign, int32_t exp,
                       fp_u128 sig)
{
    struct rounded r = round_at(sig, format->precision, env->rounding, sign);
    int32_t unbounded = exp + r.carry;

    if (unbounded > format->emax) {
        return overflow(env, format, sign, unbounded, r);
    }
    if (unbounded >= format->emin) {
        return finish(env, sign, unbounded, r);
    }
    if (!(env->masks & FP_UE)) {
        env->flags |= FP_UE;
        unbounded += SCALE_BIAS;
        if (!format->x87 || unbounded >= format->emin) {
            return finish(env, sign, unbounded, r);
        }
        env->flags |= FP_PE; /* FSCALE far below what scaling helps */
        env->c1 = false;
        return fp_zero(sign);
    }
    if (env->ftz && !format->x87) {
        env->flags |= FP_UE | FP_PE;
        return fp_zero(sign);
    }
    r = round_at(fp_shift_right_jam(sig, (uint32_t)(format->emin - exp)), format->precision,
                 env->rounding, sign);
    if (r.inexact) {
        env->flags |= FP_UE;
    }
    return finish(env, sign, format->emin, r);
}

/* x87: of two NaNs the quiet one, or the larger significand, or the positive one. SSE: the first
 * operand. */
static bool picks_second(const struct fp_format *format, struct fp_num a, struct fp_num b)
{
    if (!fp_is_nan(a) || !fp_is_nan(b)) {
        return fp_is_nan(b);
    }
    if (!format->x87) {
        return false;
    }
    if (a.class != b.class) {
        return b.class == FP_CLASS_QNAN;
    }
    return a.sig != b.sig ? b.sig > a.sig : a.sign && !b.sign;
}

bool fp_nan_result(struct fp_env *env, const struct fp_format *format, struct fp_num a,
                   struct fp_num b, struct fp_num *result)
{
    if (LIKELY(a.class <= FP_CLASS_INF && b.class <= FP_CLASS_INF)) {
        return false;
    }
    if (a.class == FP_CLASS_UNSUPPORTED || b.class == FP_CLASS_UNSUPPORTED) {
        *result = fp_invalid(env);
        return true;
    }
    if (a.class == FP_CLASS_SNAN || b.class == FP_CLASS_SNAN) {
        env->flags |= FP_IE;
    }
    *result = picks_second(format, a, b) ? b : a;
    result->class = FP_CLASS_QNAN;
    result->sig |= QUIET_BIT;
    return true;
}

bool fp_to_integer(struct fp_num a, enum fp_rounding rounding, uint64_t *magnitude, bool *inexact,
                   bool *up)
{
    fp_u128 fixed;
    uint64_t fraction;

    *inexact = *up = false;
    *magnitude = 0;
    if (a.class == FP_CLASS_ZERO) {
        return true;
    }
    if (a.exp > 63) {
        return false;
    }
    fixed = fp_shift_right_jam((fp_u128)a.sig << 64, (uint32_t)(63 - a.exp));
    fraction = (uint64_t)fixed;
    *magnitude = (uint64_t)(fixed >> 64);
    *inexact = fraction != 0;
    *up = rounds_up(rounding, a.sign, *magnitude & 1, fraction >> 63, fraction << 1 != 0);
    *magnitude += *up;
    return true;
}

struct fp_num fp_from_integer(bool sign, uint64_t magnitude)
{
    int shift;

    if (magnitude == 0) {
        return fp_zero(sign);
    }
    shift = __builtin_clzll(magnitude);
    return (struct fp_num){
        .class = FP_CLASS_FINITE, .sign = sign, .exp = 63 - shift, .sig = magnitude << shift
    };
}
