/* FSIN, FCOS, FPTAN, FPATAN: series in 128 bits, rounded once. The same bits on every host. [SDM
 * 1 8.3.5, 8.3.8]
 *
 * Arguments are reduced exactly by the 66-bit pi of the manual: 4 * 0.C90FDAA2 2168C234 C. Sine and
 * cosine of what is left by Taylor's series; the arc tangent by eighths (atan t = atan c + atan((t
 * - c) / (1 + t c))) and its series.
 */
#include "cpu/exec/fp_soft_wide.h"

/* pi / 2 * 2^65 */
#define HALF_PI_66 WIDE_SIG(0x3, 0x243f6a8885a308d3)

static const struct fp_wide half_pi = { WIDE_SIG(0xc90fdaa22168c234, 0xc4c6628b80dc1cd1), 0,
                                        false };
static const struct fp_wide pi = { WIDE_SIG(0xc90fdaa22168c234, 0xc4c6628b80dc1cd1), 1, false };
static const struct fp_wide quarter_pi = { WIDE_SIG(0xc90fdaa22168c234, 0xc4c6628b80dc1cd1), -1,
                                           false };
static const struct fp_wide three_quarters_pi = { WIDE_SIG(0x96cbe3f9990e91a7, 0x9394c9e8a0a5159d),
                                                  1, false };

/* atan(i / 8) */
static const struct fp_wide atan_eighth[9] = {
    { 0, 0, false },
    { WIDE_SIG(0xfeadd4d5617b6e32, 0xc897989f3e888ef8), -4, false },
    { WIDE_SIG(0xfadbafc96406eb15, 0x6dc79ef5f7a217e6), -3, false },
    { WIDE_SIG(0xb7b0ca0f26f78473, 0x8aa32122dcfe4483), -2, false },
    { WIDE_SIG(0xed63382b0dda7b45, 0x6fe445ecbc3a8d03), -2, false },
    { WIDE_SIG(0x8f005d5ef7f59f9b, 0x5c835e1665c43748), -1, false },
    { WIDE_SIG(0xa4bc7d1934f70924, 0x19a87f2a457dac9f), -1, false },
    { WIDE_SIG(0xb8053e2bc2319e73, 0xcb2da55210a4443d), -1, false },
    { WIDE_SIG(0xc90fdaa22168c234, 0xc4c6628b80dc1cd1), -1, false },
};

enum { SINE_TERMS = 17, ATAN_TERMS = 18 };

struct trig {
    struct fp_wide sine, cosine;
};

/* Of |r| <= pi / 4. The series are strictly below 1, so that rounding sees them inexact on the
 * right side. */
static struct trig trig_series(struct fp_wide r)
{
    fp_u128 square = fp_wide_fraction(fp_wide_mul(r, r)), s = FIX_ONE, c = FIX_ONE;

    for (unsigned n = SINE_TERMS; n >= 1; n--) {
        s = FIX_ONE - fp_mul_high(square, s) / ((2 * n) * (2 * n + 1));
        c = FIX_ONE - fp_mul_high(square, c) / ((2 * n - 1) * (2 * n));
    }
    return (struct trig){ fp_wide_mul(r, fp_wide_from_fix(s - 1)), fp_wide_from_fix(c - 1) };
}

static struct trig trig_of(struct fp_num a)
{
    struct fp_wide r = fp_wide_from_num(a);
    unsigned quadrant = 0;
    struct trig t;

    r.sign = false;
    if (a.exp >= -1) { /* in units of 2^-65; a.exp < 63 keeps it in 128 bits */
        fp_u128 x = (fp_u128)a.sig << (a.exp + 2), rest = x % HALF_PI_66;
        bool over = rest > HALF_PI_66 - rest;

        quadrant = (unsigned)(x / HALF_PI_66) + over;
        r = fp_wide_from(over ? HALF_PI_66 - rest : rest, 127 - 65, over);
    }
    t = trig_series(r);
    if (quadrant & 1) {
        t = (struct trig){ t.cosine, fp_wide_negate(t.sine) };
    }
    if (quadrant & 2) {
        t = (struct trig){ fp_wide_negate(t.sine), fp_wide_negate(t.cosine) };
    }
    t.sine.sign ^= a.sign;
    return t;
}

/* NaN, infinity, zero, denormal: true when done, with the sine-like result. */
static bool trig_special(struct fp_env *env, struct x87_value a, struct fp_num *x,
                         struct x87_value *result)
{
    struct fp_num r;

    *x = fp_unpack80(a);
    *result = a;
    if (fp_nan_result(env, &fp_format_f80, *x, fp_zero(false), &r)) {
        *result = fp_pack80(r);
        return true;
    }
    if (x->class == FP_CLASS_INF) {
        *result = fp_pack80(fp_invalid(env));
        return true;
    }
    return (x->denormal && fp_stop(env, FP_DE)) || x->class == FP_CLASS_ZERO;
}

bool fp_soft_f80_sincos(struct fp_env *env, struct x87_value a, struct x87_value *sine,
                        struct x87_value *cosine)
{
    struct x87_value special;
    struct fp_num x;
    struct trig t;

    if (trig_special(env, a, &x, &special)) {
        if (sine != NULL) {
            *sine = special;
        }
        if (cosine != NULL) {
            *cosine = x.class == FP_CLASS_ZERO ? fp_pack80(fp_from_integer(false, 1)) : special;
        }
        return true;
    }
    if (x.exp >= 63) {
        return false;
    }
    t = trig_of(x);
    if (sine != NULL) {
        *sine = fp_wide_round(env, t.sine);
    }
    if (cosine != NULL) {
        *cosine = fp_wide_round(env, t.cosine);
    }
    return true;
}

bool fp_soft_f80_tan(struct fp_env *env, struct x87_value a, struct x87_value *tangent)
{
    struct fp_num x;
    struct trig t;

    if (trig_special(env, a, &x, tangent)) {
        return true;
    }
    if (x.exp >= 63) {
        return false;
    }
    t = trig_of(x);
    if (x.exp < -64) { /* tan x is x and a little, sin x / cos x as computed may be less */
        *tangent = fp_wide_round(env, fp_wide_from_num(x));
        return true;
    }
    *tangent = fp_wide_round(env, fp_wide_div(t.sine, t.cosine));
    return true;
}

/* atan of 0 < t <= 1 */
static struct fp_wide atan_of(struct fp_wide t)
{
    struct fp_wide u = t, c;
    fp_u128 square, s = 0;
    unsigned i = 0;

    if (t.exp >= -4) {
        i = (unsigned)((((uint64_t)(t.sig >> 64) >> -t.exp) + (UINT64_C(1) << 59)) >> 60);
    }
    if (i != 0) {
        c = fp_wide_from(i, 127 - 3, false);
        u = fp_wide_div(fp_wide_add(t, fp_wide_negate(c)),
                        fp_wide_add(fp_wide_from(1, 127, false), fp_wide_mul(t, c)));
        if (u.sig == 0) {
            return atan_eighth[i];
        }
    }
    square = fp_wide_fraction(fp_wide_mul(u, u));
    for (unsigned n = ATAN_TERMS + 1; n-- > 0;) {
        s = FIX_ONE / (2 * n + 1) - fp_mul_high(square, s);
    }
    return fp_wide_add(atan_eighth[i], fp_wide_mul(u, fp_wide_from_fix(s - 1)));
}

/* Of two numbers that are not both ordinary: the angle, or zero. */
static struct fp_wide atan_special(struct fp_num x, struct fp_num y)
{
    if (y.class == FP_CLASS_INF && x.class == FP_CLASS_INF) {
        return x.sign ? three_quarters_pi : quarter_pi;
    }
    if (y.class == FP_CLASS_INF || (x.class == FP_CLASS_ZERO && y.class != FP_CLASS_ZERO)) {
        return half_pi;
    }
    return x.sign ? pi : (struct fp_wide){ 0 };
}

struct x87_value fp_soft_f80_patan(struct fp_env *env, struct x87_value x, struct x87_value y)
{
    struct fp_num a = fp_unpack80(x), b = fp_unpack80(y), r;
    struct fp_wide angle;

    if (fp_nan_result(env, &fp_format_f80, a, b, &r)) {
        return fp_pack80(r);
    }
    if ((a.denormal || b.denormal) && fp_stop(env, FP_DE)) {
        return y;
    }
    if (a.class != FP_CLASS_FINITE || b.class != FP_CLASS_FINITE) {
        angle = atan_special(a, b);
        if (angle.sig == 0) {
            return fp_pack80(fp_zero(b.sign));
        }
    } else {
        struct fp_wide u = fp_wide_from_num(a), v = fp_wide_from_num(b);
        bool steep = b.exp > a.exp || (b.exp == a.exp && b.sig > a.sig);

        u.sign = v.sign = false;
        angle = atan_of(steep ? fp_wide_div(u, v) : fp_wide_div(v, u));
        if (steep) {
            angle = fp_wide_add(half_pi, fp_wide_negate(angle));
        }
        if (a.sign) {
            angle = fp_wide_add(pi, fp_wide_negate(angle));
        }
    }
    angle.sign = b.sign;
    return fp_wide_round(env, angle);
}
