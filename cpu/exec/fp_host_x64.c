/* fp_ops_host: the host's SSE and x87 instructions, on x86-64. The same bits as fp_ops_soft. [SDM
 * 1 8.1.5, 11.5]
 *
 * SSE. The host's MXCSR stays at its default (nearest, all masked). The quick way of an operation:
 * the guest rounds to nearest with everything masked and has PE sticky already (env->quick), no
 * operand is denormal, and the result is a normal number away from the underflow threshold: then no
 * flag can be new, and nothing but the instruction is needed. Otherwise the instruction runs under
 * the guest's rounding, DAZ and FTZ with everything masked, and its flags are read. Unmasked
 * overflow and underflow, where the flags depend on the masks, are left to fp_ops_soft. x87. The
 * same under the guest's rounding and precision control.
 */
#ifdef __x86_64__

#include <emmintrin.h>
#include <string.h>

#include "cpu/exec/fp_bits.h"
#include "cpu/exec/fp_soft.h"

static const uint32_t host_mxcsr = MXCSR_INIT;
static const uint16_t host_control = 0x37f;

/* ---- what is common to f32 and f64 ---- */

static inline bool denormal32(uint32_t a)
{
    return (a & 0x7f800000) == 0 && (a & 0x7fffff) != 0;
}

static inline bool denormal64(uint64_t a)
{
    return (a & UINT64_C(0x7ff0000000000000)) == 0 && a << 1 != 0;
}

/* Not a NaN, an infinity or denormal. */
static inline bool ordinary32(uint32_t a)
{
    return (a >> 23 & 0xff) - 1 < 254 || a << 1 == 0;
}

static inline bool ordinary64(uint64_t a)
{
    return (a >> 52 & 0x7ff) - 1 < 2046 || a << 1 == 0;
}

static inline uint32_t guest_mxcsr(const struct fp_env *env, unsigned rounding)
{
    return MXCSR_INIT | rounding << 13 | (env->daz ? MXCSR_DAZ : 0) |
           (env->ftz && (env->masks & FP_UE) ? MXCSR_FTZ : 0);
}

/* Takes over the flags of a masked instruction. False: they depend on the masks, ask fp_ops_soft.
 * small: the result's exponent is the least or below. */
static bool take_flags(struct fp_env *env, uint32_t flags, bool small)
{
    uint32_t unmasked;

    flags &= FP_FLAGS;
    unmasked = flags & ~(uint32_t)env->masks;
    if ((unmasked & (FP_OE | FP_UE)) || (small && !(env->masks & FP_UE))) {
        return false;
    }
    if (unmasked & (FP_IE | FP_DE | FP_ZE)) {
        flags &= FP_IE | FP_DE | FP_ZE;
    }
    env->flags = (uint8_t)(env->flags | flags);
    return true;
}

/* r = r (instruction) y under the guest's MXCSR. */
#define SSE_ASM(instruction, r, y, csr, out)                                                       \
    __asm__ volatile("ldmxcsr %[guest]\n\t" instruction "\n\t"                                     \
                     "stmxcsr %[flags]\n\tldmxcsr %[host]"                                         \
                     : [d] "+x"(r), [flags] "=&m"(out)                                             \
                     : [s] "x"(y), [guest] "m"(csr), [host] "m"(host_mxcsr))

#define BINARY(f, w, type, ctype, name, instruction, operator, quick_zero)                         \
    static NOINLINE type f##_##name##_flags(struct fp_env *env, type a, type b)                    \
    {                                                                                              \
        ctype r = f##_value(a), y = f##_value(b);                                                  \
        uint32_t csr = guest_mxcsr(env, env->rounding), out;                                       \
                                                                                                   \
        SSE_ASM(instruction " %[s], %[d]", r, y, csr, out);                                        \
        if (take_flags(env, out, !f##_is_plain(f##_bits(r)))) {                                    \
            return f##_bits(r);                                                                    \
        }                                                                                          \
        return fp_ops_soft.f##_##name(env, a, b);                                                  \
    }                                                                                              \
    static type f##_##name(struct fp_env *env, type a, type b)                                     \
    {                                                                                              \
        if (LIKELY(env->quick && !denormal##w(a) && !denormal##w(b))) {                            \
            type r = f##_bits(f##_value(a) operator f##_value(b));                                 \
                                                                                                   \
            if (LIKELY(f##_is_plain(r) || ((type)(r << 1) == 0 && (quick_zero)))) {                \
                return r;                                                                          \
            }                                                                                      \
        }                                                                                          \
        return f##_##name##_flags(env, a, b);                                                      \
    }

#define ZERO_FACTOR(type)   ((type)(a << 1) == 0 || (type)(b << 1) == 0)
#define ZERO_DIVIDEND(type) ((type)(a << 1) == 0)

BINARY(f32, 32, uint32_t, float, add, "addss", +, true)
BINARY(f32, 32, uint32_t, float, sub, "subss", -, true)
BINARY(f32, 32, uint32_t, float, mul, "mulss", *, ZERO_FACTOR(uint32_t))
BINARY(f32, 32, uint32_t, float, div, "divss", /, ZERO_DIVIDEND(uint32_t))
BINARY(f64, 64, uint64_t, double, add, "addsd", +, true)
BINARY(f64, 64, uint64_t, double, sub, "subsd", -, true)
BINARY(f64, 64, uint64_t, double, mul, "mulsd", *, ZERO_FACTOR(uint64_t))
BINARY(f64, 64, uint64_t, double, div, "divsd", /, ZERO_DIVIDEND(uint64_t))

/* Only the quick way is the host's: where it has the instruction, and flags cannot be new. */
#define FUSED(f, w, type, ctype, instruction)                                                      \
    static type f##_fma(struct fp_env *env, type a, type b, type c)                                \
    {                                                                                              \
        if (LIKELY(env->quick && f##_is_plain(a) && f##_is_plain(b) && f##_is_plain(c)) &&         \
            __builtin_cpu_supports("fma")) {                                                       \
            ctype r = f##_value(a);                                                                \
                                                                                                   \
            __asm__(instruction " %[c], %[b], %[r]"                                                \
                    : [r] "+x"(r)                                                                  \
                    : [b] "x"(f##_value(b)), [c] "x"(f##_value(c)));                               \
            if (LIKELY(f##_is_plain(f##_bits(r)))) {                                               \
                return f##_bits(r);                                                                \
            }                                                                                      \
        }                                                                                          \
        return fp_soft_##f##_fma(env, a, b, c);                                                    \
    }
FUSED(f32, 32, uint32_t, float, "vfmadd213ss")
FUSED(f64, 64, uint64_t, double, "vfmadd213sd")

static uint32_t f32_sqrt(struct fp_env *env, uint32_t a)
{
    float x = f32_value(a), r = 0;
    uint32_t csr, out;

    if (LIKELY(env->quick && a - 0x00800000 < 0x7f000000)) {
        return f32_bits(_mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x))));
    }
    csr = guest_mxcsr(env, env->rounding);
    SSE_ASM("sqrtss %[s], %[d]", r, x, csr, out);
    return take_flags(env, out, false) ? f32_bits(r) : fp_ops_soft.f32_sqrt(env, a);
}

static uint64_t f64_sqrt(struct fp_env *env, uint64_t a)
{
    double x = f64_value(a), r = 0;
    uint32_t csr, out;

    if (LIKELY(env->quick && a - UINT64_C(0x0010000000000000) < UINT64_C(0x7fe0000000000000))) {
        return f64_bits(_mm_cvtsd_f64(_mm_sqrt_sd(_mm_set_sd(x), _mm_set_sd(x))));
    }
    csr = guest_mxcsr(env, env->rounding);
    SSE_ASM("sqrtsd %[s], %[d]", r, x, csr, out);
    return take_flags(env, out, false) ? f64_bits(r) : fp_ops_soft.f64_sqrt(env, a);
}

#define COMPARE(f, w, type, ctype)                                                                 \
    static enum fp_relation f##_compare(struct fp_env *env, type a, type b, bool signalling)       \
    {                                                                                              \
        ctype x = f##_value(a), y = f##_value(b);                                                  \
                                                                                                   \
        if (UNLIKELY(!ordinary##w(a) || !ordinary##w(b))) {                                        \
            return fp_ops_soft.f##_compare(env, a, b, signalling);                                 \
        }                                                                                          \
        return x < y ? FP_LESS : x > y ? FP_GREATER : FP_EQUAL;                                    \
    }                                                                                              \
    static type f##_min(struct fp_env *env, type a, type b)                                        \
    {                                                                                              \
        if (UNLIKELY(!ordinary##w(a) || !ordinary##w(b))) {                                        \
            return fp_ops_soft.f##_min(env, a, b);                                                 \
        }                                                                                          \
        return f##_value(a) < f##_value(b) ? a : b;                                                \
    }                                                                                              \
    static type f##_max(struct fp_env *env, type a, type b)                                        \
    {                                                                                              \
        if (UNLIKELY(!ordinary##w(a) || !ordinary##w(b))) {                                        \
            return fp_ops_soft.f##_max(env, a, b);                                                 \
        }                                                                                          \
        return f##_value(a) > f##_value(b) ? a : b;                                                \
    }
COMPARE(f32, 32, uint32_t, float)
COMPARE(f64, 64, uint64_t, double)

/* ROUNDSS is SSE4.1, which not every host has. Integers below 2^precision are exact in both
 * conversions. */
#define ROUND(f, w, type, ctype, exp_limit, nearest, truncated, sign)                              \
    static type f##_round(struct fp_env *env, type a, enum fp_rounding rounding, bool exact)       \
    {                                                                                              \
        ctype x = f##_value(a), r;                                                                 \
                                                                                                   \
        if (UNLIKELY(!ordinary##w(a) || (a & ~(sign)) >= (exp_limit))) {                           \
            return fp_ops_soft.f##_round(env, a, rounding, exact);                                 \
        }                                                                                          \
        r = (ctype)(rounding == FP_NEAREST ? (nearest) : (truncated));                             \
        if (rounding == FP_DOWN && r > x) {                                                        \
            r -= 1;                                                                                \
        } else if (rounding == FP_UP && r < x) {                                                   \
            r += 1;                                                                                \
        }                                                                                          \
        if (r < x || r > x) {                                                                      \
            env->flags |= exact ? 0 : FP_PE;                                                       \
        }                                                                                          \
        return f##_bits(r) | (a & (sign));                                                         \
    }
ROUND(f32, 32, uint32_t, float, 0x4b000000u, _mm_cvtss_si32(_mm_set_ss(x)),
      _mm_cvttss_si32(_mm_set_ss(x)), 0x80000000u)
ROUND(f64, 64, uint64_t, double, UINT64_C(0x4330000000000000), _mm_cvtsd_si64(_mm_set_sd(x)),
      _mm_cvttsd_si64(_mm_set_sd(x)), UINT64_C(0x8000000000000000))

/* ---- conversions of f32 and f64 ---- */

/* %[s] to the integer %[d]; the rounding is the MXCSR's. */
#define TO_INT_ASM(instruction, r, x, csr, out)                                                    \
    __asm__ volatile("ldmxcsr %[guest]\n\t" instruction "\n\t"                                     \
                     "stmxcsr %[flags]\n\tldmxcsr %[host]"                                         \
                     : [d] "=&r"(r), [flags] "=&m"(out)                                            \
                     : [s] "x"(x), [guest] "m"(csr), [host] "m"(host_mxcsr))

#define TO_INT(f, type, ctype, name, itype, indefinite, truncated, nearest, instruction)           \
    static itype f##_##name(struct fp_env *env, type a, enum fp_rounding rounding)                 \
    {                                                                                              \
        ctype x = f##_value(a);                                                                    \
        uint32_t csr, out;                                                                         \
        itype r;                                                                                   \
                                                                                                   \
        if (LIKELY(env->quick && (rounding == FP_TRUNCATE || rounding == FP_NEAREST))) {           \
            r = rounding == FP_TRUNCATE ? (itype)(truncated) : (itype)(nearest);                   \
            if (LIKELY(r != (indefinite))) {                                                       \
                return r;                                                                          \
            }                                                                                      \
        }                                                                                          \
        csr = guest_mxcsr(env, rounding);                                                          \
        TO_INT_ASM(instruction " %[s], %[d]", r, x, csr, out);                                     \
        (void)take_flags(env, out, false);                                                         \
        return r;                                                                                  \
    }

#define SS _mm_set_ss(x)
#define SD _mm_set_sd(x)
TO_INT(f32, uint32_t, float, to_i32, int32_t, INT32_MIN, _mm_cvttss_si32(SS), _mm_cvtss_si32(SS),
       "cvtss2sil")
TO_INT(f32, uint32_t, float, to_i64, int64_t, INT64_MIN, _mm_cvttss_si64(SS), _mm_cvtss_si64(SS),
       "cvtss2siq")
TO_INT(f64, uint64_t, double, to_i32, int32_t, INT32_MIN, _mm_cvttsd_si32(SD), _mm_cvtsd_si32(SD),
       "cvtsd2sil")
TO_INT(f64, uint64_t, double, to_i64, int64_t, INT64_MIN, _mm_cvttsd_si64(SD), _mm_cvtsd_si64(SD),
       "cvtsd2siq")

#define FROM_INT(f, w, type, ctype, name, itype, instruction)                                      \
    static type f##_##name(struct fp_env *env, itype a)                                            \
    {                                                                                              \
        ctype r = 0;                                                                               \
        uint32_t csr, out;                                                                         \
                                                                                                   \
        if (LIKELY(env->quick)) {                                                                  \
            return f##_bits((ctype)a);                                                             \
        }                                                                                          \
        csr = guest_mxcsr(env, env->rounding);                                                     \
        __asm__ volatile("ldmxcsr %[guest]\n\t" instruction " %[s], %[d]\n\t"                      \
                         "stmxcsr %[flags]\n\tldmxcsr %[host]"                                     \
                         : [d] "+&x"(r), [flags] "=&m"(out)                                        \
                         : [s] "r"(a), [guest] "m"(csr), [host] "m"(host_mxcsr));                  \
        (void)take_flags(env, out, false);                                                         \
        return f##_bits(r);                                                                        \
    }
FROM_INT(f32, 32, uint32_t, float, from_i32, int32_t, "cvtsi2ssl")
FROM_INT(f32, 32, uint32_t, float, from_i64, int64_t, "cvtsi2ssq")
FROM_INT(f64, 64, uint64_t, double, from_i64, int64_t, "cvtsi2sdq")

static uint64_t f64_from_i32(struct fp_env *env, int32_t a)
{
    (void)env;
    return f64_bits((double)a);
}

static uint64_t f32_to_f64(struct fp_env *env, uint32_t a)
{
    if (UNLIKELY(!ordinary32(a))) {
        return fp_ops_soft.f32_to_f64(env, a);
    }
    return f64_bits((double)f32_value(a));
}

static uint32_t f64_to_f32(struct fp_env *env, uint64_t a)
{
    double x = f64_value(a);
    float r = (float)x;
    uint32_t csr, out;

    if (LIKELY(env->quick && f32_is_plain(f32_bits(r)))) {
        return f32_bits(r);
    }
    if (a << 1 == 0) {
        return f32_bits(r);
    }
    csr = guest_mxcsr(env, env->rounding);
    SSE_ASM("cvtsd2ss %[s], %[d]", r, x, csr, out);
    if (take_flags(env, out, !f32_is_plain(f32_bits(r)))) {
        return f32_bits(r);
    }
    return fp_ops_soft.f64_to_f32(env, a);
}

/* ---- f80 ---- */

struct m80 {
    uint8_t bytes[10];
};

static inline struct m80 m80_of(struct x87_value a)
{
    struct m80 m;

    memcpy(m.bytes, &a.significand, 8);
    memcpy(m.bytes + 8, &a.sign_exponent, 2);
    return m;
}

static inline struct x87_value value_of(struct m80 m)
{
    struct x87_value a = { 0, 0 };

    memcpy(&a.significand, m.bytes, 8);
    memcpy(&a.sign_exponent, m.bytes + 8, 2);
    return a;
}

static inline uint16_t guest_control(const struct fp_env *env, unsigned rounding)
{
    unsigned pc = env->precision == 24 ? 0 : env->precision == 53 ? 2 : 3;

    return (uint16_t)(FP_FLAGS | 0x40 | pc << 8 | rounding << 10);
}

static bool take_status(struct fp_env *env, uint16_t status, bool small)
{
    bool c1 = status >> 9 & 1;

    if (!take_flags(env, status, small)) {
        return false;
    }
    env->c1 = (env->flags & FP_PE) && c1;
    return true;
}

/* The exponent is the least, or zero: perhaps tiny. */
static inline bool small80(struct x87_value a)
{
    return (a.sign_exponent & 0x7fff) <= 1;
}

/* The instructions run on an empty stack and leave it empty; the first clears the flags of earlier
 * ones. */
#define X87_ASM(instructions, cw, sw, outputs, inputs)                                             \
    __asm__ volatile("fnclex\n\tfldcw %[control]\n\t" instructions "\n\tfldcw %[host]"             \
                     : [status] "=&a"(sw), outputs                                                 \
                     : [control] "m"(cw), [host] "m"(host_control), inputs                         \
                     : "st", "st(1)")
#define X87_QUICK_ASM(instructions, sw, outputs, inputs)                                           \
    __asm__ volatile(instructions : [status] "=&a"(sw), outputs:inputs : "st", "st(1)")
#define X87_COMMA ,

/* The quick way met nothing but PE. */
static inline bool quick_ok(struct fp_env *env, uint16_t status)
{
    env->c1 = status >> 9 & 1;
    return LIKELY((status & FP_FLAGS & ~FP_PE) == 0);
}

#define BINARY80(name, instruction)                                                                \
    static NOINLINE struct x87_value f80_##name##_flags(struct fp_env *env, struct x87_value a,    \
                                                        struct x87_value b)                        \
    {                                                                                              \
        struct m80 x = m80_of(a), y = m80_of(b), r;                                                \
        uint16_t control = guest_control(env, env->rounding), status;                              \
                                                                                                   \
        X87_ASM(ARITH80(instruction), control,                                                     \
                status, [r] "=&m"(r), [x] "m"(x)X87_COMMA[y] "m"(y));                              \
        if (take_status(env, status, small80(value_of(r)))) {                                      \
            return value_of(r);                                                                    \
        }                                                                                          \
        return fp_ops_soft.f80_##name(env, a, b);                                                  \
    }                                                                                              \
    static struct x87_value f80_##name(struct fp_env *env, struct x87_value a, struct x87_value b) \
    {                                                                                              \
        if (LIKELY(env->quick)) {                                                                  \
            struct m80 x = m80_of(a), y = m80_of(b), r;                                            \
            uint16_t status;                                                                       \
                                                                                                   \
            X87_QUICK_ASM(ARITH80(instruction),                                                    \
                          status, [r] "=&m"(r), [x] "m"(x)X87_COMMA[y] "m"(y));                    \
            if (quick_ok(env, status)) {                                                           \
                return value_of(r);                                                                \
            }                                                                                      \
        }                                                                                          \
        return f80_##name##_flags(env, a, b);                                                      \
    }
#define ARITH80(instruction)                                                                       \
    "fldt %[y]\n\tfldt %[x]\n\t" instruction " %%st, %%st(1)\n\tfnstsw %%ax\n\tfstpt %[r]"
BINARY80(add, "faddp")
BINARY80(sub, "fsubp")
BINARY80(mul, "fmulp")
BINARY80(div, "fdivp")

static struct x87_value f80_sqrt(struct fp_env *env, struct x87_value a)
{
    struct m80 x = m80_of(a), r;
    uint16_t control = guest_control(env, env->rounding), status;

    if (LIKELY(env->quick)) {
        X87_QUICK_ASM("fldt %[x]\n\tfsqrt\n\tfnstsw %%ax\n\tfstpt %[r]",
                      status, [r] "=&m"(r), [x] "m"(x));
        if (quick_ok(env, status)) {
            return value_of(r);
        }
    }
    X87_ASM("fldt %[x]\n\tfsqrt\n\tfnstsw %%ax\n\tfstpt %[r]", control,
            status, [r] "=&m"(r), [x] "m"(x));
    return take_status(env, status, false) ? value_of(r) : fp_ops_soft.f80_sqrt(env, a);
}

static struct x87_value f80_round(struct fp_env *env, struct x87_value a, enum fp_rounding rounding,
                                  bool exact)
{
    return fp_ops_soft.f80_round(env, a, rounding, exact);
}

/* Normal or zero: comparable as they are. */
static inline bool ordinary80(struct x87_value a)
{
    unsigned exp = a.sign_exponent & 0x7fff;

    return exp == 0 ? a.significand == 0 : exp != 0x7fff && a.significand >> 63;
}

static enum fp_relation f80_compare(struct fp_env *env, struct x87_value a, struct x87_value b,
                                    bool signalling)
{
    bool less;

    if (UNLIKELY(!ordinary80(a) || !ordinary80(b))) {
        return fp_ops_soft.f80_compare(env, a, b, signalling);
    }
    if (a.sign_exponent != b.sign_exponent) {
        if ((a.significand | b.significand) == 0) {
            return FP_EQUAL;
        }
        less = (a.sign_exponent ^ b.sign_exponent) >> 15
                   ? a.sign_exponent >> 15
                   : (a.sign_exponent < b.sign_exponent) != a.sign_exponent >> 15;
    } else if (a.significand == b.significand) {
        return FP_EQUAL;
    } else {
        less = (a.significand < b.significand) != a.sign_exponent >> 15;
    }
    return less ? FP_LESS : FP_GREATER;
}

#define STORE80(name, type, instruction)                                                           \
    static type f80_##name(struct fp_env *env, struct x87_value a, enum fp_rounding rounding)      \
    {                                                                                              \
        struct m80 x = m80_of(a);                                                                  \
        uint16_t control = guest_control(env, rounding), status;                                   \
        type r;                                                                                    \
                                                                                                   \
        if (LIKELY(env->quick && rounding == FP_NEAREST)) {                                        \
            X87_QUICK_ASM("fldt %[x]\n\t" instruction " %[r]\n\tfnstsw %%ax",                      \
                          status, [r] "=&m"(r), [x] "m"(x));                                       \
            if (quick_ok(env, status)) {                                                           \
                return r;                                                                          \
            }                                                                                      \
        }                                                                                          \
        X87_ASM("fldt %[x]\n\t" instruction " %[r]\n\tfnstsw %%ax", control,                       \
                status, [r] "=&m"(r), [x] "m"(x));                                                 \
        (void)take_status(env, status, false);                                                     \
        return r;                                                                                  \
    }
STORE80(to_i16, int16_t, "fistps")
STORE80(to_i32, int32_t, "fistpl")
STORE80(to_i64, int64_t, "fistpll")

#define NARROW80(name, type, instruction, small)                                                   \
    static type f80_##name(struct fp_env *env, struct x87_value a)                                 \
    {                                                                                              \
        struct m80 x = m80_of(a);                                                                  \
        uint16_t control = guest_control(env, env->rounding), status;                              \
        type r;                                                                                    \
                                                                                                   \
        if (LIKELY(env->quick)) {                                                                  \
            X87_QUICK_ASM("fldt %[x]\n\t" instruction " %[r]\n\tfnstsw %%ax",                      \
                          status, [r] "=&m"(r), [x] "m"(x));                                       \
            if (quick_ok(env, status)) {                                                           \
                return r;                                                                          \
            }                                                                                      \
        }                                                                                          \
        X87_ASM("fldt %[x]\n\t" instruction " %[r]\n\tfnstsw %%ax", control,                       \
                status, [r] "=&m"(r), [x] "m"(x));                                                 \
        return take_status(env, status, small) ? r : fp_ops_soft.f80_##name(env, a);               \
    }
NARROW80(to_f32, uint32_t, "fstps", !f32_is_plain(r))
NARROW80(to_f64, uint64_t, "fstpl", !f64_is_plain(r))

/* Widening is exact: only bits move. */
static struct x87_value f80_from_i64(struct fp_env *env, int64_t a)
{
    uint64_t magnitude = a < 0 ? 0 - (uint64_t)a : (uint64_t)a;
    unsigned shift;

    (void)env;
    if (a == 0) {
        return (struct x87_value){ 0, 0 };
    }
    shift = (unsigned)__builtin_clzll(magnitude);
    return (struct x87_value){ magnitude << shift,
                               (uint16_t)((a < 0 ? 0x8000u : 0) | (16383 + 63 - shift)) };
}

static struct x87_value f80_from_i32(struct fp_env *env, int32_t a)
{
    return f80_from_i64(env, a);
}

static struct x87_value f80_from_f32(struct fp_env *env, uint32_t a)
{
    unsigned exp = a >> 23 & 0xff;

    if (UNLIKELY(exp - 1 >= 254)) {
        return fp_ops_soft.f80_from_f32(env, a);
    }
    return (struct x87_value){ (uint64_t)(a | 0x800000) << 40,
                               (uint16_t)((a >> 16 & 0x8000) | (exp + 16383 - 127)) };
}

static struct x87_value f80_from_f64(struct fp_env *env, uint64_t a)
{
    unsigned exp = (unsigned)(a >> 52) & 0x7ff;

    if (UNLIKELY(exp - 1 >= 2046)) {
        return fp_ops_soft.f80_from_f64(env, a);
    }
    return (struct x87_value){ (a << 11) | UINT64_C(1) << 63,
                               (uint16_t)((a >> 48 & 0x8000) | (exp + 16383 - 1023)) };
}

const struct fp_ops fp_ops_host = { FP_OPS("host", f32_fma, f64_fma) };

#else
/* No other host has instructions of its own yet. */
typedef int fp_host_nothing;
#endif
