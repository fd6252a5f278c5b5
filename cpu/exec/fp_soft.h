/* The portable implementation's inner form: unpacked numbers, rounding, and what its files share.
 * [SDM 1 4.2, 4.8] */
#ifndef CPU_EXEC_FP_SOFT_H
#define CPU_EXEC_FP_SOFT_H

#include "base/compiler.h"
#include "cpu/exec/fp_ops.h"

__extension__ typedef unsigned __int128 fp_u128;

enum fp_class {
    FP_CLASS_ZERO,
    FP_CLASS_FINITE,
    FP_CLASS_INF,
    FP_CLASS_QNAN,
    FP_CLASS_SNAN,
    FP_CLASS_UNSUPPORTED, /* f80 without the integer bit it should have */
};

/* value = (sign) sig * 2^(exp - 63). Unpacked: bit 63 of sig is set. A result: also exp = emin with
 * bit 63 clear. NaN: the fraction in sig as f80 has it (bit 62 = quiet). */
struct fp_num {
    uint64_t sig;
    int32_t exp;
    uint8_t class; /* enum fp_class */
    bool sign;
    bool denormal; /* operand was denormal or pseudo-denormal */
};

struct fp_format {
    int32_t emin, emax;
    uint8_t precision;
    uint8_t sign_bit; /* f32, f64: its position */
    bool x87;         /* NaN selection by significand; no DAZ, no FTZ */
};

extern const struct fp_format fp_format_f32, fp_format_f64, fp_format_f80;

struct fp_num fp_unpack(const struct fp_format *format, uint64_t bits, bool daz);
uint64_t fp_pack(const struct fp_format *format, struct fp_num num);
struct fp_num fp_unpack80(struct x87_value value);
struct x87_value fp_pack80(struct fp_num num);

struct fp_num fp_default_nan(void);
struct fp_num fp_zero(bool sign);
struct fp_num fp_inf(bool sign);

/* The result (sign) sig * 2^(exp - 127), bit 127 of sig set, rounded into the format, with its
 * exceptions. */
struct fp_num fp_round(struct fp_env *env, const struct fp_format *format, bool sign, int32_t exp,
                       fp_u128 sig);

/* Add flags; true when one of them is unmasked: the operation stops here. */
static inline bool fp_stop(struct fp_env *env, unsigned flags)
{
    env->flags = (uint8_t)(env->flags | flags);
    return (flags & ~(unsigned)env->masks) != 0;
}

static inline struct fp_num fp_invalid(struct fp_env *env)
{
    env->flags |= FP_IE;
    return fp_default_nan();
}

/* NaN and unsupported operands: true with *result. */
bool fp_nan_result(struct fp_env *env, const struct fp_format *format, struct fp_num a,
                   struct fp_num b, struct fp_num *result);
/* Round to an integer: |a| < 2^64 is taken, larger ones report false. *inexact, *up: what rounding
 * did. */
bool fp_to_integer(struct fp_num a, enum fp_rounding rounding, uint64_t *magnitude, bool *inexact,
                   bool *up);
struct fp_num fp_from_integer(bool sign, uint64_t magnitude); /* normalised, not rounded */
fp_u128 fp_shift_right_jam(fp_u128 value, uint32_t count);

static inline bool fp_is_nan(struct fp_num a)
{
    return a.class == FP_CLASS_QNAN || a.class == FP_CLASS_SNAN;
}

/* ---- f16 (fp_soft_fma.c): denormals count whatever DAZ and FTZ say ---- */
extern const struct fp_format fp_format_f16;
uint32_t fp_soft_f16_to_f32(struct fp_env *env, uint16_t a);
uint16_t fp_soft_f32_to_f16(struct fp_env *env, uint32_t a, enum fp_rounding rounding);

/* ---- fused multiply-add (fp_soft_fma.c) ---- */
uint32_t fp_soft_f32_fma(struct fp_env *env, uint32_t a, uint32_t b, uint32_t c);
uint64_t fp_soft_f64_fma(struct fp_env *env, uint64_t a, uint64_t b, uint64_t c);

/* ---- f80 (fp_soft_f80.c) ---- */
void fp_soft_f80_to_bcd(struct fp_env *env, struct x87_value a, uint8_t bcd[10]);
struct x87_value fp_soft_f80_from_bcd(const uint8_t bcd[10]);
struct x87_value fp_soft_f80_rem(struct fp_env *env, struct x87_value a, struct x87_value b,
                                 bool nearest, uint64_t *quotient, bool *partial);
struct x87_value fp_soft_f80_scale(struct fp_env *env, struct x87_value a, struct x87_value b);
struct x87_value fp_soft_f80_extract(struct fp_env *env, struct x87_value a,
                                     struct x87_value *exponent);

/* ---- approximations (fp_soft_approx.c) ---- */
uint32_t fp_soft_f32_rcp(uint32_t a);
uint32_t fp_soft_f32_rsqrt(uint32_t a);

/* ---- transcendentals (fp_soft_exp.c, fp_soft_trig.c) ---- */
struct x87_value fp_soft_f80_2xm1(struct fp_env *env, struct x87_value a);
struct x87_value fp_soft_f80_yl2x(struct fp_env *env, struct x87_value x, struct x87_value y);
struct x87_value fp_soft_f80_yl2xp1(struct fp_env *env, struct x87_value x, struct x87_value y);
struct x87_value fp_soft_f80_patan(struct fp_env *env, struct x87_value x, struct x87_value y);
bool fp_soft_f80_sincos(struct fp_env *env, struct x87_value a, struct x87_value *sine,
                        struct x87_value *cosine);
bool fp_soft_f80_tan(struct fp_env *env, struct x87_value a, struct x87_value *tangent);

/* The rows of a struct fp_ops: functions of the file that are named as their rows, and those that are software on every
 * host. */
#define FP_OPS_NAMED(f)                                                                            \
    .f##_add = f##_add, .f##_sub = f##_sub, .f##_mul = f##_mul, .f##_div = f##_div,                \
    .f##_sqrt = f##_sqrt, .f##_compare = f##_compare, .f##_round = f##_round,                      \
    .f##_to_i32 = f##_to_i32, .f##_to_i64 = f##_to_i64, .f##_from_i32 = f##_from_i32,              \
    .f##_from_i64 = f##_from_i64
#define FP_OPS(title, fma32, fma64)                                                                \
    .name = title, FP_OPS_NAMED(f32), FP_OPS_NAMED(f64), FP_OPS_NAMED(f80), .f32_fma = fma32,    \
    .f64_fma = fma64, .f32_min = f32_min, .f32_max = f32_max, .f64_min = f64_min,                  \
    .f64_max = f64_max, .f32_to_f64 = f32_to_f64, .f64_to_f32 = f64_to_f32,                        \
    .f80_to_i16 = f80_to_i16, .f80_to_f32 = f80_to_f32, .f80_to_f64 = f80_to_f64,                  \
    .f80_from_f32 = f80_from_f32, .f80_from_f64 = f80_from_f64, .f32_rcp = fp_soft_f32_rcp,        \
    .f32_rsqrt = fp_soft_f32_rsqrt, .f80_to_bcd = fp_soft_f80_to_bcd,                              \
    .f80_from_bcd = fp_soft_f80_from_bcd, .f80_rem = fp_soft_f80_rem,                              \
    .f80_scale = fp_soft_f80_scale, .f80_extract = fp_soft_f80_extract,                            \
    .f80_2xm1 = fp_soft_f80_2xm1, .f80_yl2x = fp_soft_f80_yl2x, .f80_yl2xp1 = fp_soft_f80_yl2xp1,  \
    .f80_patan = fp_soft_f80_patan, .f80_sincos = fp_soft_f80_sincos, .f80_tan = fp_soft_f80_tan

#endif
