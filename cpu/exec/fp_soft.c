/* fp_ops_soft: arithmetic, comparison and conversion in portable C, one algorithm for all formats.
 * [SDM 1 4.8, 8.3, 11.5] */
#include "cpu/exec/fp_soft.h"

/* ---- arithmetic on unpacked numbers ---- */

static struct fp_num soft_add(struct fp_env *env, const struct fp_format *f, struct fp_num a,
                              struct fp_num b)
{
    struct fp_num r;
    fp_u128 x, y;
    int shift;

    if (fp_nan_result(env, f, a, b, &r)) {
        return r;
    }
    if (a.class == FP_CLASS_INF && b.class == FP_CLASS_INF && a.sign != b.sign) {
        return fp_invalid(env);
    }
    if ((a.denormal || b.denormal) && fp_stop(env, FP_DE)) {
        return a;
    }
    if (a.class == FP_CLASS_INF || b.class == FP_CLASS_INF) {
        return a.class == FP_CLASS_INF ? a : b;
    }
    if (a.class == FP_CLASS_ZERO && b.class == FP_CLASS_ZERO) {
        return fp_zero(a.sign == b.sign ? a.sign : env->rounding == FP_DOWN);
    }
    if (a.class == FP_CLASS_ZERO || b.class == FP_CLASS_ZERO) {
        r = a.class == FP_CLASS_ZERO ? b : a;
        return fp_round(env, f, r.sign, r.exp, (fp_u128)r.sig << 64);
    }
    if (a.exp < b.exp || (a.exp == b.exp && a.sig < b.sig)) {
        r = a;
        a = b;
        b = r;
    }
    x = (fp_u128)a.sig << 63;
    y = fp_shift_right_jam((fp_u128)b.sig << 63, (uint32_t)(a.exp - b.exp));
    x = a.sign == b.sign ? x + y : x - y;
    if (x == 0) {
        return fp_zero(env->rounding == FP_DOWN);
    }
    shift = x >> 64 ? __builtin_clzll((uint64_t)(x >> 64)) : 64 + __builtin_clzll((uint64_t)x);
    return fp_round(env, f, a.sign, a.exp + 1 - shift, x << shift);
}

static struct fp_num soft_sub(struct fp_env *env, const struct fp_format *f, struct fp_num a,
                              struct fp_num b)
{
    if (!fp_is_nan(b)) {
        b.sign = !b.sign;
    }
    return soft_add(env, f, a, b);
}

static struct fp_num soft_mul(struct fp_env *env, const struct fp_format *f, struct fp_num a,
                              struct fp_num b)
{
    struct fp_num r;
    bool sign = a.sign != b.sign;
    fp_u128 product;

    if (fp_nan_result(env, f, a, b, &r)) {
        return r;
    }
    if ((a.class == FP_CLASS_INF && b.class == FP_CLASS_ZERO) ||
        (a.class == FP_CLASS_ZERO && b.class == FP_CLASS_INF)) {
        return fp_invalid(env);
    }
    if ((a.denormal || b.denormal) && fp_stop(env, FP_DE)) {
        return a;
    }
    if (a.class == FP_CLASS_INF || b.class == FP_CLASS_INF) {
        return fp_inf(sign);
    }
    if (a.class == FP_CLASS_ZERO || b.class == FP_CLASS_ZERO) {
        return fp_zero(sign);
    }
    product = (fp_u128)a.sig * b.sig;
    if (product >> 127) {
        return fp_round(env, f, sign, a.exp + b.exp + 1, product);
    }
    return fp_round(env, f, sign, a.exp + b.exp, product << 1);
}

static struct fp_num soft_div(struct fp_env *env, const struct fp_format *f, struct fp_num a,
                              struct fp_num b)
{
    struct fp_num r;
    bool sign = a.sign != b.sign, less;
    fp_u128 n, low;
    uint64_t high;

    if (fp_nan_result(env, f, a, b, &r)) {
        return r;
    }
    if (a.class == b.class && a.class != FP_CLASS_FINITE) {
        return fp_invalid(env);
    }
    if (b.class == FP_CLASS_ZERO && a.class == FP_CLASS_FINITE) {
        env->flags |= FP_ZE;
        return fp_inf(sign);
    }
    if ((a.denormal || b.denormal) && fp_stop(env, FP_DE)) {
        return a;
    }
    if (a.class == FP_CLASS_INF) {
        return fp_inf(sign);
    }
    if (a.class == FP_CLASS_ZERO || b.class == FP_CLASS_INF) {
        return fp_zero(sign);
    }
    less = a.sig < b.sig;
    n = (fp_u128)a.sig << (less ? 64 : 63);
    high = (uint64_t)(n / b.sig);
    n = (n % b.sig) << 64;
    low = n / b.sig | (n % b.sig != 0);
    return fp_round(env, f, sign, a.exp - b.exp - less, (fp_u128)high << 64 | low);
}

static uint64_t root(fp_u128 n, fp_u128 *rest)
{
    fp_u128 r = 0, bit = (fp_u128)1 << 126;

    for (; bit != 0; bit >>= 2) {
        if (n >= r + bit) {
            n -= r + bit;
            r = (r >> 1) + bit;
        } else {
            r >>= 1;
        }
    }
    *rest = n;
    return (uint64_t)r;
}

static struct fp_num soft_sqrt(struct fp_env *env, const struct fp_format *f, struct fp_num a)
{
    struct fp_num r;
    fp_u128 rest;
    uint64_t high;
    bool odd = a.exp & 1;

    if (fp_nan_result(env, f, a, fp_zero(false), &r)) {
        return r;
    }
    if (a.class == FP_CLASS_ZERO) {
        return a;
    }
    if (a.sign) {
        return fp_invalid(env);
    }
    if (a.denormal && fp_stop(env, FP_DE)) {
        return a;
    }
    if (a.class == FP_CLASS_INF) {
        return a;
    }
    high = root((fp_u128)a.sig << (odd ? 64 : 63), &rest);
    return fp_round(env, f, false, (a.exp - odd) / 2,
                    (fp_u128)high << 64 | (fp_u128)(rest > high) << 63 | (rest != 0));
}

static enum fp_relation soft_compare(struct fp_env *env, struct fp_num a, struct fp_num b,
                                     bool signalling)
{
    bool less;

    if (a.class >= FP_CLASS_QNAN || b.class >= FP_CLASS_QNAN) {
        if (signalling || a.class >= FP_CLASS_SNAN || b.class >= FP_CLASS_SNAN) {
            env->flags |= FP_IE;
        }
        return FP_UNORDERED;
    }
    if (a.denormal || b.denormal) {
        env->flags |= FP_DE;
    }
    if (a.class == FP_CLASS_ZERO && b.class == FP_CLASS_ZERO) {
        return FP_EQUAL;
    }
    if (a.class == FP_CLASS_ZERO) {
        return b.sign ? FP_GREATER : FP_LESS;
    }
    if (b.class == FP_CLASS_ZERO || a.sign != b.sign) {
        return a.sign ? FP_LESS : FP_GREATER;
    }
    if (a.class == b.class && a.exp == b.exp && a.sig == b.sig) {
        return FP_EQUAL;
    }
    if (a.class != b.class) {
        less = b.class == FP_CLASS_INF;
    } else if (a.class == FP_CLASS_INF) {
        return FP_EQUAL;
    } else {
        less = a.exp != b.exp ? a.exp < b.exp : a.sig < b.sig;
    }
    return less != a.sign ? FP_LESS : FP_GREATER;
}

static struct fp_num soft_integral(struct fp_env *env, const struct fp_format *f, struct fp_num a,
                                   enum fp_rounding rounding, bool exact)
{
    struct fp_num r;
    uint64_t magnitude;
    bool inexact, up;

    if (fp_nan_result(env, f, a, fp_zero(false), &r)) {
        return r;
    }
    if (a.class != FP_CLASS_FINITE || a.exp >= 63) {
        return a;
    }
    if (f->x87 && a.denormal && fp_stop(env, FP_DE)) {
        return a;
    }
    (void)fp_to_integer(a, rounding, &magnitude, &inexact, &up);
    if (inexact && !exact) {
        env->flags |= FP_PE;
    }
    env->c1 = up;
    return fp_from_integer(a.sign, magnitude);
}

/* bits: 16, 32 or 64. Out of range: the integer indefinite. */
static int64_t soft_to_int(struct fp_env *env, struct fp_num a, enum fp_rounding rounding,
                           unsigned bits)
{
    uint64_t limit = UINT64_C(1) << (bits - 1), magnitude;
    bool inexact, up;

    if (a.class >= FP_CLASS_INF || !fp_to_integer(a, rounding, &magnitude, &inexact, &up) ||
        magnitude > limit - !a.sign) {
        env->flags |= FP_IE;
        return (int64_t)(0 - limit);
    }
    if (inexact) {
        env->flags |= FP_PE;
    }
    env->c1 = up;
    return (int64_t)(a.sign ? 0 - magnitude : magnitude);
}

static struct fp_num soft_from_int(struct fp_env *env, const struct fp_format *f, int64_t a)
{
    struct fp_num num = fp_from_integer(a < 0, a < 0 ? 0 - (uint64_t)a : (uint64_t)a);

    if (num.class == FP_CLASS_ZERO) {
        return num;
    }
    return fp_round(env, f, num.sign, num.exp, (fp_u128)num.sig << 64);
}

/* Between formats. denormal: whether the operand's denormality is reported. */
static struct fp_num soft_convert(struct fp_env *env, const struct fp_format *to, struct fp_num a,
                                  bool denormal)
{
    struct fp_num r;

    if (fp_nan_result(env, to, a, fp_zero(false), &r)) {
        return r;
    }
    if (denormal && a.denormal && fp_stop(env, FP_DE)) {
        return a;
    }
    if (a.class != FP_CLASS_FINITE) {
        return a;
    }
    return fp_round(env, to, a.sign, a.exp, (fp_u128)a.sig << 64);
}

/* ---- f32 and f64 ---- */

#define UNARY(f, type, name, call)                                                                 \
    static type f##_##name(struct fp_env *env, type a)                                             \
    {                                                                                              \
        struct fp_num x = fp_unpack(&fp_format_##f, a, env->daz);                                  \
                                                                                                   \
        return (type)fp_pack(&fp_format_##f, call(env, &fp_format_##f, x));                        \
    }

#define BINARY(f, type, name)                                                                      \
    static type f##_##name(struct fp_env *env, type a, type b)                                     \
    {                                                                                              \
        struct fp_num x = fp_unpack(&fp_format_##f, a, env->daz);                                  \
        struct fp_num y = fp_unpack(&fp_format_##f, b, env->daz);                                  \
                                                                                                   \
        return (type)fp_pack(&fp_format_##f, soft_##name(env, &fp_format_##f, x, y));              \
    }

/* min takes the first operand only when it is less; max only when it is greater. */
#define FORMAT(f, type)                                                                            \
    BINARY(f, type, add)                                                                           \
    BINARY(f, type, sub)                                                                           \
    BINARY(f, type, mul)                                                                           \
    BINARY(f, type, div)                                                                           \
    UNARY(f, type, sqrt, soft_sqrt)                                                                \
    static enum fp_relation f##_compare(struct fp_env *env, type a, type b, bool signalling)       \
    {                                                                                              \
        return soft_compare(env, fp_unpack(&fp_format_##f, a, env->daz),                           \
                            fp_unpack(&fp_format_##f, b, env->daz), signalling);                   \
    }                                                                                              \
    static type pick_##f(const struct fp_env *env, type a)                                         \
    {                                                                                              \
        struct fp_num x = fp_unpack(&fp_format_##f, a, env->daz);                                  \
                                                                                                   \
        return x.class == FP_CLASS_ZERO ? (type)fp_pack(&fp_format_##f, x) : a;                    \
    }                                                                                              \
    static type f##_min(struct fp_env *env, type a, type b)                                        \
    {                                                                                              \
        return pick_##f(env, f##_compare(env, a, b, true) == FP_LESS ? a : b);                     \
    }                                                                                              \
    static type f##_max(struct fp_env *env, type a, type b)                                        \
    {                                                                                              \
        return pick_##f(env, f##_compare(env, a, b, true) == FP_GREATER ? a : b);                  \
    }                                                                                              \
    static type f##_round(struct fp_env *env, type a, enum fp_rounding rounding, bool exact)       \
    {                                                                                              \
        struct fp_num x = fp_unpack(&fp_format_##f, a, env->daz);                                  \
                                                                                                   \
        return (type)fp_pack(&fp_format_##f,                                                       \
                             soft_integral(env, &fp_format_##f, x, rounding, exact));              \
    }                                                                                              \
    static int32_t f##_to_i32(struct fp_env *env, type a, enum fp_rounding rounding)               \
    {                                                                                              \
        return (int32_t)soft_to_int(env, fp_unpack(&fp_format_##f, a, env->daz), rounding, 32);    \
    }                                                                                              \
    static int64_t f##_to_i64(struct fp_env *env, type a, enum fp_rounding rounding)               \
    {                                                                                              \
        return soft_to_int(env, fp_unpack(&fp_format_##f, a, env->daz), rounding, 64);             \
    }                                                                                              \
    static type f##_from_i32(struct fp_env *env, int32_t a)                                        \
    {                                                                                              \
        return (type)fp_pack(&fp_format_##f, soft_from_int(env, &fp_format_##f, a));               \
    }                                                                                              \
    static type f##_from_i64(struct fp_env *env, int64_t a)                                        \
    {                                                                                              \
        return (type)fp_pack(&fp_format_##f, soft_from_int(env, &fp_format_##f, a));               \
    }

FORMAT(f32, uint32_t)
FORMAT(f64, uint64_t)

static uint64_t f32_to_f64(struct fp_env *env, uint32_t a)
{
    return fp_pack(&fp_format_f64,
                   soft_convert(env, &fp_format_f64, fp_unpack(&fp_format_f32, a, env->daz), true));
}

static uint32_t f64_to_f32(struct fp_env *env, uint64_t a)
{
    struct fp_num x = fp_unpack(&fp_format_f64, a, env->daz);

    return (uint32_t)fp_pack(&fp_format_f32, soft_convert(env, &fp_format_f32, x, true));
}

/* ---- f80 ---- */

/* The format of results that precision control rounds: add, subtract, multiply, divide, square
 * root. */
static struct fp_format controlled(const struct fp_env *env)
{
    struct fp_format f = fp_format_f80;

    f.precision = env->precision;
    return f;
}

#define BINARY80(name)                                                                             \
    static struct x87_value f80_##name(struct fp_env *env, struct x87_value a, struct x87_value b) \
    {                                                                                              \
        struct fp_format f = controlled(env);                                                      \
                                                                                                   \
        return fp_pack80(soft_##name(env, &f, fp_unpack80(a), fp_unpack80(b)));                    \
    }
BINARY80(add)
BINARY80(sub)
BINARY80(mul)
BINARY80(div)

static struct x87_value f80_sqrt(struct fp_env *env, struct x87_value a)
{
    struct fp_format f = controlled(env);

    return fp_pack80(soft_sqrt(env, &f, fp_unpack80(a)));
}

static enum fp_relation f80_compare(struct fp_env *env, struct x87_value a, struct x87_value b,
                                    bool signalling)
{
    return soft_compare(env, fp_unpack80(a), fp_unpack80(b), signalling);
}

static struct x87_value f80_round(struct fp_env *env, struct x87_value a, enum fp_rounding rounding,
                                  bool exact)
{
    return fp_pack80(soft_integral(env, &fp_format_f80, fp_unpack80(a), rounding, exact));
}

static int16_t f80_to_i16(struct fp_env *env, struct x87_value a, enum fp_rounding rounding)
{
    return (int16_t)soft_to_int(env, fp_unpack80(a), rounding, 16);
}

static int32_t f80_to_i32(struct fp_env *env, struct x87_value a, enum fp_rounding rounding)
{
    return (int32_t)soft_to_int(env, fp_unpack80(a), rounding, 32);
}

static int64_t f80_to_i64(struct fp_env *env, struct x87_value a, enum fp_rounding rounding)
{
    return soft_to_int(env, fp_unpack80(a), rounding, 64);
}

static struct x87_value f80_from_i32(struct fp_env *env, int32_t a)
{
    return fp_pack80(soft_from_int(env, &fp_format_f80, a));
}

static struct x87_value f80_from_i64(struct fp_env *env, int64_t a)
{
    return fp_pack80(soft_from_int(env, &fp_format_f80, a));
}

static uint32_t f80_to_f32(struct fp_env *env, struct x87_value a)
{
    return (uint32_t)fp_pack(&fp_format_f32,
                             soft_convert(env, &fp_format_f32, fp_unpack80(a), false));
}

static uint64_t f80_to_f64(struct fp_env *env, struct x87_value a)
{
    return fp_pack(&fp_format_f64, soft_convert(env, &fp_format_f64, fp_unpack80(a), false));
}

static struct x87_value f80_from_f32(struct fp_env *env, uint32_t a)
{
    return fp_pack80(soft_convert(env, &fp_format_f80, fp_unpack(&fp_format_f32, a, false), true));
}

static struct x87_value f80_from_f64(struct fp_env *env, uint64_t a)
{
    return fp_pack80(soft_convert(env, &fp_format_f80, fp_unpack(&fp_format_f64, a, false), true));
}

const struct fp_ops fp_ops_soft = { FP_OPS("soft", fp_soft_f32_fma, fp_soft_f64_fma) };
