/* SSE floating-point arithmetic, comparison and rounding. [SDM 2 ADDPS, CMPPS, COMISS, DPPS,
 * HADDPS, ROUNDPS ..; 1 11.5] */
#include "cpu/exec/exec.h"
#include "cpu/exec/flags.h"
#include "cpu/exec/sse_fp.h"

void sse_fp_flags(struct core *core, const struct fp_env *env)
{
    if (fp_mxcsr_update(env, &core->state.mxcsr)) {
        core_raise(core, core->state.cr4 & CR4_OSXMMEXCPT ? VECTOR_XM : VECTOR_UD);
    }
}

/* ---- elements: f32_<name> and f64_<name> ---- */
/* f32_try_<name>, f64_try_<name>: the result in *r when C's arithmetic tells it (see sse_fp.h),
 * else false. */
typedef bool f32_try(uint32_t a, uint32_t b, uint32_t *r);
typedef bool f64_try(uint64_t a, uint64_t b, uint64_t *r);

#define TRY_BINARY(f, type, name, operation)                                                       \
    static ALWAYS_INLINE bool f##_try_##name(type a, type b, type *r)                              \
    {                                                                                              \
        if (!f##_is_plain(a) || !f##_is_plain(b)) {                                                \
            return false;                                                                          \
        }                                                                                          \
        *r = f##_bits(f##_value(a) operation f##_value(b));                                        \
        return f##_is_plain(*r);                                                                   \
    }
TRY_BINARY(f32, uint32_t, add, +)
TRY_BINARY(f32, uint32_t, sub, -)
TRY_BINARY(f32, uint32_t, mul, *)
TRY_BINARY(f32, uint32_t, div, /)
TRY_BINARY(f64, uint64_t, add, +)
TRY_BINARY(f64, uint64_t, sub, -)
TRY_BINARY(f64, uint64_t, mul, *)
TRY_BINARY(f64, uint64_t, div, /)

#define TRY_SELECT(f, type, name, relation)                                                        \
    static ALWAYS_INLINE bool f##_try_##name(type a, type b, type *r)                              \
    {                                                                                              \
        *r = f##_value(a) relation f##_value(b) ? a : b;                                           \
        return f##_is_comparable(a) && f##_is_comparable(b);                                       \
    }
TRY_SELECT(f32, uint32_t, min, <)
TRY_SELECT(f32, uint32_t, max, >)
TRY_SELECT(f64, uint64_t, min, <)
TRY_SELECT(f64, uint64_t, max, >)

static ALWAYS_INLINE bool f32_try_nothing(uint32_t a, uint32_t b, uint32_t *r)
{
    (void)a;
    (void)b;
    (void)r;
    return false;
}

static ALWAYS_INLINE bool f64_try_nothing(uint64_t a, uint64_t b, uint64_t *r)
{
    (void)a;
    (void)b;
    (void)r;
    return false;
}

#define BINARY(f, type, name)                                                                      \
    static ALWAYS_INLINE type f##_##name(struct fp_env *env, type a, type b)                       \
    {                                                                                              \
        type r;                                                                                    \
                                                                                                   \
        if (sse_fp_quick(env) && f##_try_##name(a, b, &r)) {                                       \
            return r;                                                                              \
        }                                                                                          \
        return fp_ops_default()->f##_##name(env, a, b);                                            \
    }
BINARY(f32, uint32_t, add)
BINARY(f32, uint32_t, sub)
BINARY(f32, uint32_t, mul)
BINARY(f32, uint32_t, div)
BINARY(f32, uint32_t, min)
BINARY(f32, uint32_t, max)
BINARY(f64, uint64_t, add)
BINARY(f64, uint64_t, sub)
BINARY(f64, uint64_t, mul)
BINARY(f64, uint64_t, div)
BINARY(f64, uint64_t, min)
BINARY(f64, uint64_t, max)

/* Of one operand: the second. */
static ALWAYS_INLINE uint32_t f32_sqrt(struct fp_env *env, uint32_t a, uint32_t b)
{
    (void)a;
    return fp_ops_default()->f32_sqrt(env, b);
}

static ALWAYS_INLINE uint64_t f64_sqrt(struct fp_env *env, uint64_t a, uint64_t b)
{
    (void)a;
    return fp_ops_default()->f64_sqrt(env, b);
}

static ALWAYS_INLINE uint32_t f32_rcp(struct fp_env *env, uint32_t a, uint32_t b)
{
    (void)env;
    (void)a;
    return fp_ops_default()->f32_rcp(b);
}

static ALWAYS_INLINE uint32_t f32_rsqrt(struct fp_env *env, uint32_t a, uint32_t b)
{
    (void)env;
    (void)a;
    return fp_ops_default()->f32_rsqrt(b);
}

/* ---- packed and scalar forms ---- */
static ALWAYS_INLINE void packed_f32(struct core *core, const struct insn *insn, f32_binary *even,
                                     f32_binary *odd)
{
    struct fp_env env = sse_fp_begin(core);
    union xmm b = vector_source128(core, insn, 1), a = *xmm_reg(core, insn, 0);

    for (unsigned i = 0; i < 4; i += 2) {
        a.u32[i] = even(&env, a.u32[i], b.u32[i]);
        a.u32[i + 1] = odd(&env, a.u32[i + 1], b.u32[i + 1]);
    }
    sse_fp_end(core, &env);
    *xmm_reg(core, insn, 0) = a;
}

static ALWAYS_INLINE void packed_f64(struct core *core, const struct insn *insn, f64_binary *even,
                                     f64_binary *odd)
{
    struct fp_env env = sse_fp_begin(core);
    union xmm b = vector_source128(core, insn, 1), a = *xmm_reg(core, insn, 0);

    a.u64[0] = even(&env, a.u64[0], b.u64[0]);
    a.u64[1] = odd(&env, a.u64[1], b.u64[1]);
    sse_fp_end(core, &env);
    *xmm_reg(core, insn, 0) = a;
}

static ALWAYS_INLINE void scalar_f32(struct core *core, const struct insn *insn, bool memory,
                                     f32_binary *operation, f32_try *quick)
{
    sse_check(core);
    uint32_t b = memory ? vector_load32(core, insn) : xmm_reg(core, insn, 1)->u32[0];
    uint32_t *a = &xmm_reg(core, insn, 0)->u32[0], r;

    if (sse_fp_quick_mxcsr(core->state.mxcsr) && quick(*a, b, &r)) {
        *a = r;
        return;
    }
    struct fp_env env = fp_env_from_mxcsr(core->state.mxcsr);

    r = operation(&env, *a, b);
    sse_fp_end(core, &env);
    *a = r;
}

static ALWAYS_INLINE void scalar_f64(struct core *core, const struct insn *insn, bool memory,
                                     f64_binary *operation, f64_try *quick)
{
    sse_check(core);
    uint64_t b = memory ? vector_load64(core, insn) : xmm_reg(core, insn, 1)->u64[0];
    uint64_t *a = &xmm_reg(core, insn, 0)->u64[0], r;

    if (sse_fp_quick_mxcsr(core->state.mxcsr) && quick(*a, b, &r)) {
        *a = r;
        return;
    }
    struct fp_env env = fp_env_from_mxcsr(core->state.mxcsr);

    r = operation(&env, *a, b);
    sse_fp_end(core, &env);
    *a = r;
}

static ALWAYS_INLINE bool scalar_f32_fast(struct core *core, const struct insn *insn,
                                          f32_try *quick)
{
    const uint8_t *host = vector_host_read(core, insn, 4, false);
    uint32_t *a = &xmm_reg(core, insn, 0)->u32[0], r;

    if (UNLIKELY(host == NULL) || !sse_fp_quick_mxcsr(core->state.mxcsr) ||
        !quick(*a, ram_load32(host), &r)) {
        return false;
    }
    *a = r;
    return true;
}

static ALWAYS_INLINE bool scalar_f64_fast(struct core *core, const struct insn *insn,
                                          f64_try *quick)
{
    const uint8_t *host = vector_host_read(core, insn, 8, false);
    uint64_t *a = &xmm_reg(core, insn, 0)->u64[0], r;

    if (UNLIKELY(host == NULL) || !sse_fp_quick_mxcsr(core->state.mxcsr) ||
        !quick(*a, ram_load64(host), &r)) {
        return false;
    }
    *a = r;
    return true;
}

/* Pairs of neighbours, first of the destination, then of the source: HADD, HSUB. */
static ALWAYS_INLINE void horizontal_f32(struct core *core, const struct insn *insn,
                                         f32_binary *operation)
{
    struct fp_env env = sse_fp_begin(core);
    union xmm b = vector_source128(core, insn, 1), a = *xmm_reg(core, insn, 0);
    union xmm r = {
        .u32 = { operation(&env, a.u32[0], a.u32[1]), operation(&env, a.u32[2], a.u32[3]),
                 operation(&env, b.u32[0], b.u32[1]), operation(&env, b.u32[2], b.u32[3]) }
    };

    sse_fp_end(core, &env);
    *xmm_reg(core, insn, 0) = r;
}

static ALWAYS_INLINE void horizontal_f64(struct core *core, const struct insn *insn,
                                         f64_binary *operation)
{
    struct fp_env env = sse_fp_begin(core);
    union xmm b = vector_source128(core, insn, 1), a = *xmm_reg(core, insn, 0);
    union xmm r = { .u64 = { operation(&env, a.u64[0], a.u64[1]),
                             operation(&env, b.u64[0], b.u64[1]) } };

    sse_fp_end(core, &env);
    *xmm_reg(core, insn, 0) = r;
}

// clang-format off
/*    name  try      PS      PD      SS      SD */
#define ARITH_OPS(X) \
    X(add,  add,     ADDPS,  ADDPD,  ADDSS,  ADDSD) \
    X(sub,  sub,     SUBPS,  SUBPD,  SUBSS,  SUBSD) \
    X(mul,  mul,     MULPS,  MULPD,  MULSS,  MULSD) \
    X(div,  div,     DIVPS,  DIVPD,  DIVSS,  DIVSD) \
    X(min,  min,     MINPS,  MINPD,  MINSS,  MINSD) \
    X(max,  max,     MAXPS,  MAXPD,  MAXSS,  MAXSD) \
    X(sqrt, nothing, SQRTPS, SQRTPD, SQRTSS, SQRTSD)
// clang-format on

#define SCALAR_OPS(name, try, bits)                                                                \
    EXEC_OP(name##_f##bits##_xx)                                                                   \
    {                                                                                              \
        scalar_f##bits(core, insn, false, f##bits##_##name, f##bits##_try_##try);                  \
    }                                                                                              \
    EXEC_OP(name##_f##bits##_xm)                                                                   \
    {                                                                                              \
        scalar_f##bits(core, insn, true, f##bits##_##name, f##bits##_try_##try);                   \
    }                                                                                              \
    EXEC_FAST_OP(name##_f##bits##_xf, name##_f##bits##_xm)                                         \
    {                                                                                              \
        return scalar_f##bits##_fast(core, insn, f##bits##_try_##try);                             \
    }
#define PACKED_OP(name, bits)                                                                      \
    EXEC_OP(name##_pf##bits)                                                                       \
    {                                                                                              \
        packed_f##bits(core, insn, f##bits##_##name, f##bits##_##name);                            \
    }

#define X(name, try, ps, pd, ss, sd)                                                               \
    SCALAR_OPS(name, try, 32)                                                                      \
    SCALAR_OPS(name, try, 64)                                                                      \
    PACKED_OP(name, 32)                                                                            \
    PACKED_OP(name, 64)
ARITH_OPS(X)
#undef X
SCALAR_OPS(rcp, nothing, 32)
SCALAR_OPS(rsqrt, nothing, 32)
PACKED_OP(rcp, 32)
PACKED_OP(rsqrt, 32)

EXEC_OP(addsubps)
{
    packed_f32(core, insn, f32_sub, f32_add);
}

EXEC_OP(addsubpd)
{
    packed_f64(core, insn, f64_sub, f64_add);
}

EXEC_OP(haddps)
{
    horizontal_f32(core, insn, f32_add);
}

EXEC_OP(haddpd)
{
    horizontal_f64(core, insn, f64_add);
}

EXEC_OP(hsubps)
{
    horizontal_f32(core, insn, f32_sub);
}

EXEC_OP(hsubpd)
{
    horizontal_f64(core, insn, f64_sub);
}

/* ---- comparison ---- */

/* imm8[3:0]: which relations hold; less and its like signal for quiet NaNs, imm8[4] turns that
 * round. SSE has the first eight predicates. [SDM 2 CMPPD table 3-1] */
static ALWAYS_INLINE bool predicate_signals(unsigned predicate)
{
    unsigned low = predicate & 3;

    return (low == 1 || low == 2) != (predicate >> 4 & 1);
}

static ALWAYS_INLINE bool predicate_holds(unsigned predicate, enum fp_relation relation)
{
    enum { L = 1 << FP_LESS, E = 1 << FP_EQUAL, G = 1 << FP_GREATER, U = 1 << FP_UNORDERED };
    static const uint8_t accepts[16] = {
        E,     L,     L | E,     U, L | G | U, E | G | U, G | U, L | E | G,
        E | U, L | U, L | E | U, 0, L | G,     E | G,     G,     L | E | G | U,
    };

    return accepts[predicate & 15] >> relation & 1;
}

static ALWAYS_INLINE enum fp_relation relation_f32(struct fp_env *env, uint32_t a, uint32_t b,
                                                   bool signalling)
{
    if (LIKELY(f32_is_comparable(a) && f32_is_comparable(b))) {
        float x = f32_value(a), y = f32_value(b);

        return x < y ? FP_LESS : x > y ? FP_GREATER : FP_EQUAL;
    }
    return fp_ops_default()->f32_compare(env, a, b, signalling);
}

static ALWAYS_INLINE enum fp_relation relation_f64(struct fp_env *env, uint64_t a, uint64_t b,
                                                   bool signalling)
{
    if (LIKELY(f64_is_comparable(a) && f64_is_comparable(b))) {
        double x = f64_value(a), y = f64_value(b);

        return x < y ? FP_LESS : x > y ? FP_GREATER : FP_EQUAL;
    }
    return fp_ops_default()->f64_compare(env, a, b, signalling);
}

static uint32_t compare_f32(struct fp_env *env, uint32_t a, uint32_t b, unsigned predicate)
{
    enum fp_relation relation = relation_f32(env, a, b, predicate_signals(predicate));

    return predicate_holds(predicate, relation) ? UINT32_MAX : 0;
}

static uint64_t compare_f64(struct fp_env *env, uint64_t a, uint64_t b, unsigned predicate)
{
    enum fp_relation relation = relation_f64(env, a, b, predicate_signals(predicate));

    return predicate_holds(predicate, relation) ? UINT64_MAX : 0;
}

EXEC_OP(cmpps)
{
    struct fp_env env = sse_fp_begin(core);
    union xmm b = vector_source128(core, insn, 1), a = *xmm_reg(core, insn, 0);

    for (unsigned i = 0; i < 4; i++) {
        a.u32[i] = compare_f32(&env, a.u32[i], b.u32[i], insn->imm & 7);
    }
    sse_fp_end(core, &env);
    *xmm_reg(core, insn, 0) = a;
}

EXEC_OP(cmppd)
{
    struct fp_env env = sse_fp_begin(core);
    union xmm b = vector_source128(core, insn, 1), a = *xmm_reg(core, insn, 0);

    for (unsigned i = 0; i < 2; i++) {
        a.u64[i] = compare_f64(&env, a.u64[i], b.u64[i], insn->imm & 7);
    }
    sse_fp_end(core, &env);
    *xmm_reg(core, insn, 0) = a;
}

EXEC_OP(cmpss)
{
    struct fp_env env = sse_fp_begin(core);
    uint32_t b = vector_source32(core, insn, 1), *a = &xmm_reg(core, insn, 0)->u32[0];
    uint32_t r = compare_f32(&env, *a, b, insn->imm & 7);

    sse_fp_end(core, &env);
    *a = r;
}

EXEC_OP(cmpsdx)
{
    struct fp_env env = sse_fp_begin(core);
    uint64_t b = vector_source64(core, insn, 1), *a = &xmm_reg(core, insn, 0)->u64[0];
    uint64_t r = compare_f64(&env, *a, b, insn->imm & 7);

    sse_fp_end(core, &env);
    *a = r;
}

/* (U)COMISS, (U)COMISD: ZF PF CF from the relation, OF SF AF cleared. */
static ALWAYS_INLINE void flags_from_relation(struct core *core, enum fp_relation relation)
{
    static const uint8_t flags[4] = {
        [FP_LESS] = FLAG_CF,
        [FP_EQUAL] = FLAG_ZF,
        [FP_GREATER] = 0,
        [FP_UNORDERED] = FLAG_ZF | FLAG_PF | FLAG_CF,
    };

    flags_set(core, flags[relation]);
}

static ALWAYS_INLINE void comis_f32(struct core *core, const struct insn *insn, bool signalling)
{
    struct fp_env env = sse_fp_begin(core);
    uint32_t b = vector_source32(core, insn, 1), a = xmm_reg(core, insn, 0)->u32[0];
    enum fp_relation relation = relation_f32(&env, a, b, signalling);

    sse_fp_end(core, &env);
    flags_from_relation(core, relation);
}

static ALWAYS_INLINE void comis_f64(struct core *core, const struct insn *insn, bool signalling)
{
    struct fp_env env = sse_fp_begin(core);
    uint64_t b = vector_source64(core, insn, 1), a = xmm_reg(core, insn, 0)->u64[0];
    enum fp_relation relation = relation_f64(&env, a, b, signalling);

    sse_fp_end(core, &env);
    flags_from_relation(core, relation);
}

EXEC_OP(comiss)
{
    comis_f32(core, insn, true);
}

EXEC_OP(ucomiss)
{
    comis_f32(core, insn, false);
}

EXEC_OP(comisd)
{
    comis_f64(core, insn, true);
}

EXEC_OP(ucomisd)
{
    comis_f64(core, insn, false);
}

/* ---- rounding: imm8[1:0] mode, imm8[2] MXCSR's mode instead, imm8[3] no inexact exception ---- */
static ALWAYS_INLINE enum fp_rounding round_mode(const struct fp_env *env, unsigned imm)
{
    return (enum fp_rounding)(imm & 4 ? env->rounding : imm & 3);
}

EXEC_OP(roundps)
{
    struct fp_env env = sse_fp_begin(core);
    union xmm b = vector_source128(core, insn, 1);
    unsigned imm = (uint8_t)insn->imm;

    for (unsigned i = 0; i < 4; i++) {
        b.u32[i] = fp_ops_default()->f32_round(&env, b.u32[i], round_mode(&env, imm), imm & 8);
    }
    sse_fp_end(core, &env);
    *xmm_reg(core, insn, 0) = b;
}

EXEC_OP(roundpd)
{
    struct fp_env env = sse_fp_begin(core);
    union xmm b = vector_source128(core, insn, 1);
    unsigned imm = (uint8_t)insn->imm;

    for (unsigned i = 0; i < 2; i++) {
        b.u64[i] = fp_ops_default()->f64_round(&env, b.u64[i], round_mode(&env, imm), imm & 8);
    }
    sse_fp_end(core, &env);
    *xmm_reg(core, insn, 0) = b;
}

EXEC_OP(roundss)
{
    struct fp_env env = sse_fp_begin(core);
    unsigned imm = (uint8_t)insn->imm;
    uint32_t b = vector_source32(core, insn, 1);
    uint32_t r = fp_ops_default()->f32_round(&env, b, round_mode(&env, imm), imm & 8);

    sse_fp_end(core, &env);
    xmm_reg(core, insn, 0)->u32[0] = r;
}

EXEC_OP(roundsd)
{
    struct fp_env env = sse_fp_begin(core);
    unsigned imm = (uint8_t)insn->imm;
    uint64_t b = vector_source64(core, insn, 1);
    uint64_t r = fp_ops_default()->f64_round(&env, b, round_mode(&env, imm), imm & 8);

    sse_fp_end(core, &env);
    xmm_reg(core, insn, 0)->u64[0] = r;
}

/* ---- dot products: imm8[7:4] products that count, imm8[3:0] lanes that get the sum. Each step's
 * exceptions are raised before the next begins. ---- */
EXEC_OP(dpps)
{
    struct fp_env env = sse_fp_begin(core);
    union xmm b = vector_source128(core, insn, 1), *a = xmm_reg(core, insn, 0);
    unsigned imm = (uint8_t)insn->imm;
    uint32_t product[4], sum, pair[2];

    for (unsigned i = 0; i < 4; i++) {
        product[i] = imm >> (4 + i) & 1 ? f32_mul(&env, a->u32[i], b.u32[i]) : 0;
    }
    sse_fp_end(core, &env);
    pair[0] = f32_add(&env, product[0], product[1]);
    pair[1] = f32_add(&env, product[2], product[3]);
    sse_fp_end(core, &env);
    sum = f32_add(&env, pair[0], pair[1]);
    sse_fp_end(core, &env);
    for (unsigned i = 0; i < 4; i++) {
        a->u32[i] = imm >> i & 1 ? sum : 0;
    }
}

EXEC_OP(dppd)
{
    struct fp_env env = sse_fp_begin(core);
    union xmm b = vector_source128(core, insn, 1), *a = xmm_reg(core, insn, 0);
    unsigned imm = (uint8_t)insn->imm;
    uint64_t product[2], sum;

    for (unsigned i = 0; i < 2; i++) {
        product[i] = imm >> (4 + i) & 1 ? f64_mul(&env, a->u64[i], b.u64[i]) : 0;
    }
    sse_fp_end(core, &env);
    sum = f64_add(&env, product[0], product[1]);
    sse_fp_end(core, &env);
    for (unsigned i = 0; i < 2; i++) {
        a->u64[i] = imm >> i & 1 ? sum : 0;
    }
}

/* ---- VEX forms ---- */
const struct sse_float_row sse_float_rows[OP_COUNT] = {
#define X(name, try, ps, pd, ss, sd)                                                               \
    [OP_##ps] = { { f32_##name, f32_##name }, { NULL, NULL }, SSE_PACKED },                        \
    [OP_##pd] = { { NULL, NULL }, { f64_##name, f64_##name }, SSE_PACKED },                        \
    [OP_##ss] = { { f32_##name, f32_##name }, { NULL, NULL }, SSE_SCALAR },                        \
    [OP_##sd] = { { NULL, NULL }, { f64_##name, f64_##name }, SSE_SCALAR },
    ARITH_OPS(X)
#undef X
        [OP_RCPPS] = { { f32_rcp, f32_rcp }, { NULL, NULL }, SSE_PACKED },
    [OP_RCPSS] = { { f32_rcp, f32_rcp }, { NULL, NULL }, SSE_SCALAR },
    [OP_RSQRTPS] = { { f32_rsqrt, f32_rsqrt }, { NULL, NULL }, SSE_PACKED },
    [OP_RSQRTSS] = { { f32_rsqrt, f32_rsqrt }, { NULL, NULL }, SSE_SCALAR },
    [OP_ADDSUBPS] = { { f32_sub, f32_add }, { NULL, NULL }, SSE_PACKED },
    [OP_ADDSUBPD] = { { NULL, NULL }, { f64_sub, f64_add }, SSE_PACKED },
    [OP_HADDPS] = { { f32_add, f32_add }, { NULL, NULL }, SSE_HORIZONTAL },
    [OP_HADDPD] = { { NULL, NULL }, { f64_add, f64_add }, SSE_HORIZONTAL },
    [OP_HSUBPS] = { { f32_sub, f32_sub }, { NULL, NULL }, SSE_HORIZONTAL },
    [OP_HSUBPD] = { { NULL, NULL }, { f64_sub, f64_sub }, SSE_HORIZONTAL },
};

/* Bytes of the last operand: of a scalar or of the vector. */
static ALWAYS_INLINE unsigned last_bytes(const struct insn *insn, unsigned scalar)
{
    return scalar != 0 ? scalar : insn->opsize;
}

/* scalar: bytes of it, or 0: packed. */
static ALWAYS_INLINE void vex_compare(struct core *core, const struct insn *insn, unsigned element,
                                      unsigned scalar)
{
    struct fp_env env = vex_fp_begin(core);
    struct ymm b = ymm_source(core, insn, 2, last_bytes(insn, scalar));
    struct ymm a = ymm_read(core, insn->n[1]);
    unsigned n = last_bytes(insn, scalar) / element, predicate = insn->imm & 31;

    for (unsigned i = 0; i < n; i++) {
        if (element == 4) {
            uint32_t *x = &a.lane[i / 4].u32[i & 3];

            *x = compare_f32(&env, *x, b.lane[i / 4].u32[i & 3], predicate);
        } else {
            uint64_t *x = &a.lane[i / 2].u64[i & 1];

            *x = compare_f64(&env, *x, b.lane[i / 2].u64[i & 1], predicate);
        }
    }
    sse_fp_end(core, &env);
    ymm_write(core, insn->n[0], scalar != 0 ? 16 : insn->opsize, a);
}

EXEC_OP(vcmpps)
{
    vex_compare(core, insn, 4, 0);
}

EXEC_OP(vcmppd)
{
    vex_compare(core, insn, 8, 0);
}

EXEC_OP(vcmpss)
{
    vex_compare(core, insn, 4, 4);
}

EXEC_OP(vcmpsd)
{
    vex_compare(core, insn, 8, 8);
}

static ALWAYS_INLINE void vex_round(struct core *core, const struct insn *insn, unsigned element,
                                    unsigned scalar)
{
    struct fp_env env = vex_fp_begin(core);
    unsigned imm = (uint8_t)insn->imm, last = vex_last(insn);
    struct ymm b = ymm_source(core, insn, last, last_bytes(insn, scalar));
    struct ymm a = ymm_read(core, insn->n[1]);
    enum fp_rounding mode = round_mode(&env, imm);

    for (unsigned i = 0; i < last_bytes(insn, scalar) / element; i++) {
        if (element == 4) {
            a.lane[i / 4].u32[i & 3] =
                fp_ops_default()->f32_round(&env, b.lane[i / 4].u32[i & 3], mode, imm & 8);
        } else {
            a.lane[i / 2].u64[i & 1] =
                fp_ops_default()->f64_round(&env, b.lane[i / 2].u64[i & 1], mode, imm & 8);
        }
    }
    sse_fp_end(core, &env);
    ymm_write(core, insn->n[0], scalar != 0 ? 16 : insn->opsize, a);
}

EXEC_OP(vroundps)
{
    vex_round(core, insn, 4, 0);
}

EXEC_OP(vroundpd)
{
    vex_round(core, insn, 8, 0);
}

EXEC_OP(vroundss)
{
    vex_round(core, insn, 4, 4);
}

EXEC_OP(vroundsd)
{
    vex_round(core, insn, 8, 8);
}

EXEC_OP(vdpps)
{
    struct fp_env env = vex_fp_begin(core);
    struct ymm b = ymm_source(core, insn, 2, insn->opsize), a = ymm_read(core, insn->n[1]), r = a;
    unsigned imm = (uint8_t)insn->imm, lanes = vex_lanes(insn);
    uint32_t pair[2][2];

    for (unsigned i = 0; i < 4 * lanes; i++) {
        uint32_t *x = &a.lane[i / 4].u32[i & 3];

        *x = imm >> (4 + (i & 3)) & 1 ? f32_mul(&env, *x, b.lane[i / 4].u32[i & 3]) : 0;
    }
    sse_fp_end(core, &env);
    for (unsigned i = 0; i < lanes; i++) {
        pair[i][0] = f32_add(&env, a.lane[i].u32[0], a.lane[i].u32[1]);
        pair[i][1] = f32_add(&env, a.lane[i].u32[2], a.lane[i].u32[3]);
    }
    sse_fp_end(core, &env);
    for (unsigned i = 0; i < lanes; i++) {
        uint32_t sum = f32_add(&env, pair[i][0], pair[i][1]);

        for (unsigned k = 0; k < 4; k++) {
            r.lane[i].u32[k] = imm >> k & 1 ? sum : 0;
        }
    }
    sse_fp_end(core, &env);
    ymm_write(core, insn->n[0], insn->opsize, r);
}

EXEC_OP(vdppd)
{
    struct fp_env env = vex_fp_begin(core);
    union xmm b = ymm_source(core, insn, 2, 16).lane[0], a = *xmm_reg(core, insn, 1);
    unsigned imm = (uint8_t)insn->imm;

    for (unsigned i = 0; i < 2; i++) {
        a.u64[i] = imm >> (4 + i) & 1 ? f64_mul(&env, a.u64[i], b.u64[i]) : 0;
    }
    sse_fp_end(core, &env);
    uint64_t sum = f64_add(&env, a.u64[0], a.u64[1]);

    sse_fp_end(core, &env);
    ymm_write_low(core, insn->n[0], xmm_pair(imm & 1 ? sum : 0, imm & 2 ? sum : 0));
}

exec_fn *vex_compare_choose(const struct insn *insn)
{
    switch (insn->op) {
#define X(name, mnemonic)                                                                          \
    case OP_##mnemonic:                                                                            \
        return exec_##name;
        X(vcmpps, CMPPS)
        X(vcmppd, CMPPD)
        X(vcmpss, CMPSS)
        X(vcmpsd, CMPSDX)
        X(vroundps, ROUNDPS)
        X(vroundpd, ROUNDPD)
        X(vroundss, ROUNDSS)
        X(vroundsd, ROUNDSD)
        X(vdpps, DPPS)
        X(vdppd, DPPD)
#undef X
    default:
        return NULL;
    }
}

exec_fn *sse_float_choose(const struct insn *insn)
{
    static const struct vector_row rows[OP_COUNT] = {
#define X(name, try, ps, pd, ss, sd)                                                               \
    [OP_##ps] = { exec_##name##_pf32, exec_##name##_pf32, NULL, NULL },                            \
    [OP_##pd] = { exec_##name##_pf64, exec_##name##_pf64, NULL, NULL },                            \
    [OP_##ss] = { exec_##name##_f32_xx, exec_##name##_f32_xm, NULL, exec_##name##_f32_xf },        \
    [OP_##sd] = { exec_##name##_f64_xx, exec_##name##_f64_xm, NULL, exec_##name##_f64_xf },
        ARITH_OPS(X)
#undef X
            [OP_RCPPS] = { exec_rcp_pf32, exec_rcp_pf32, NULL, NULL },
        [OP_RCPSS] = { exec_rcp_f32_xx, exec_rcp_f32_xm, NULL, exec_rcp_f32_xf },
        [OP_RSQRTPS] = { exec_rsqrt_pf32, exec_rsqrt_pf32, NULL, NULL },
        [OP_RSQRTSS] = { exec_rsqrt_f32_xx, exec_rsqrt_f32_xm, NULL, exec_rsqrt_f32_xf },
#define X(name, mnemonic) [OP_##mnemonic] = { exec_##name, exec_##name, NULL, NULL },
        X(addsubps, ADDSUBPS) X(addsubpd, ADDSUBPD) X(haddps, HADDPS) X(haddpd, HADDPD)
            X(hsubps, HSUBPS) X(hsubpd, HSUBPD) X(cmpps, CMPPS) X(cmppd, CMPPD) X(cmpss, CMPSS)
                X(cmpsdx, CMPSDX) X(comiss, COMISS) X(ucomiss, UCOMISS) X(comisd, COMISD)
                    X(ucomisd, UCOMISD) X(roundps, ROUNDPS) X(roundpd, ROUNDPD) X(roundss, ROUNDSS)
                        X(roundsd, ROUNDSD) X(dpps, DPPS) X(dppd, DPPD)
#undef X
    };

    return vector_choose(&rows[insn->op], insn);
}
