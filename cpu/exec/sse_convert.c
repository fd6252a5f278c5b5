/* Conversions between integers, single and double precision, in XMM, MMX and general registers.
 * [SDM 2 CVTDQ2PD ..] */
#include "cpu/exec/exec.h"
#include "cpu/exec/sse_fp.h"

/* ---- elements ---- */
static ALWAYS_INLINE uint32_t f32_from_int(struct fp_env *env, int64_t a, bool wide)
{
    if (sse_fp_quick(env)) {
        return f32_bits((float)a);
    }
    return wide ? fp_ops_default()->f32_from_i64(env, a)
                : fp_ops_default()->f32_from_i32(env, (int32_t)a);
}

static ALWAYS_INLINE uint64_t f64_from_int(struct fp_env *env, int64_t a, bool wide)
{
    if (!wide) {
        return f64_bits((double)a); /* exact */
    }
    return sse_fp_quick(env) ? f64_bits((double)a) : fp_ops_default()->f64_from_i64(env, a);
}

static ALWAYS_INLINE enum fp_rounding rounding_of(const struct fp_env *env, bool truncate)
{
    return truncate ? FP_TRUNCATE : (enum fp_rounding)env->rounding;
}

static ALWAYS_INLINE int32_t i32_from_f32(struct fp_env *env, uint32_t a, bool truncate)
{
    if (truncate && sse_fp_quick(env) && (a >> 23 & 0xff) < 127 + 31) {
        return (int32_t)f32_value(a);
    }
    return fp_ops_default()->f32_to_i32(env, a, rounding_of(env, truncate));
}

static ALWAYS_INLINE int64_t i64_from_f32(struct fp_env *env, uint32_t a, bool truncate)
{
    if (truncate && sse_fp_quick(env) && (a >> 23 & 0xff) < 127 + 63) {
        return (int64_t)f32_value(a);
    }
    return fp_ops_default()->f32_to_i64(env, a, rounding_of(env, truncate));
}

static ALWAYS_INLINE int32_t i32_from_f64(struct fp_env *env, uint64_t a, bool truncate)
{
    if (truncate && sse_fp_quick(env) && (a >> 52 & 0x7ff) < 1023 + 31) {
        return (int32_t)f64_value(a);
    }
    return fp_ops_default()->f64_to_i32(env, a, rounding_of(env, truncate));
}

static ALWAYS_INLINE int64_t i64_from_f64(struct fp_env *env, uint64_t a, bool truncate)
{
    if (truncate && sse_fp_quick(env) && (a >> 52 & 0x7ff) < 1023 + 63) {
        return (int64_t)f64_value(a);
    }
    return fp_ops_default()->f64_to_i64(env, a, rounding_of(env, truncate));
}

static ALWAYS_INLINE uint64_t f64_from_f32(struct fp_env *env, uint32_t a)
{
    if (f32_is_plain(a)) {
        return f64_bits(f32_value(a)); /* exact */
    }
    return fp_ops_default()->f32_to_f64(env, a);
}

static ALWAYS_INLINE uint32_t f32_from_f64(struct fp_env *env, uint64_t a)
{
    if (sse_fp_quick(env) && (a >> 52 & 0x7ff) - (1023 - 120) < 240) {
        return f32_bits((float)f64_value(a));
    }
    return fp_ops_default()->f64_to_f32(env, a);
}

/* ---- general registers ---- */
static ALWAYS_INLINE int64_t integer_source(struct core *core, const struct insn *insn, bool wide)
{
    if (insn->kind[1] == OPERAND_MEM) {
        return wide ? (int64_t)vector_load64(core, insn) : (int32_t)vector_load32(core, insn);
    }
    return wide ? (int64_t)core->state.gpr[insn->n[1]] : (int32_t)core->state.gpr[insn->n[1]];
}

static ALWAYS_INLINE void cvtsi2ss(struct core *core, const struct insn *insn, bool wide)
{
    struct fp_env env = sse_fp_begin(core);
    uint32_t r = f32_from_int(&env, integer_source(core, insn, wide), wide);

    sse_fp_end(core, &env);
    xmm_reg(core, insn, 0)->u32[0] = r;
}

static ALWAYS_INLINE void cvtsi2sd(struct core *core, const struct insn *insn, bool wide)
{
    struct fp_env env = sse_fp_begin(core);
    uint64_t r = f64_from_int(&env, integer_source(core, insn, wide), wide);

    sse_fp_end(core, &env);
    xmm_reg(core, insn, 0)->u64[0] = r;
}

static ALWAYS_INLINE void cvtss2si(struct core *core, const struct insn *insn, bool wide,
                                   bool truncate)
{
    struct fp_env env = sse_fp_begin(core);
    uint32_t a = vector_source32(core, insn, 1);
    uint64_t r = wide ? (uint64_t)i64_from_f32(&env, a, truncate)
                      : (uint32_t)i32_from_f32(&env, a, truncate);

    sse_fp_end(core, &env);
    gpr64_write(core, insn->n[0], r);
}

static ALWAYS_INLINE void cvtsd2si(struct core *core, const struct insn *insn, bool wide,
                                   bool truncate)
{
    struct fp_env env = sse_fp_begin(core);
    uint64_t a = vector_source64(core, insn, 1);
    uint64_t r = wide ? (uint64_t)i64_from_f64(&env, a, truncate)
                      : (uint32_t)i32_from_f64(&env, a, truncate);

    sse_fp_end(core, &env);
    gpr64_write(core, insn->n[0], r);
}

// clang-format off
/*    name          body      arguments */
#define GENERAL_OPS(X) \
    X(cvtsi2ss_32,  cvtsi2ss, (core, insn, false)) \
    X(cvtsi2ss_64,  cvtsi2ss, (core, insn, true)) \
    X(cvtsi2sd_32,  cvtsi2sd, (core, insn, false)) \
    X(cvtsi2sd_64,  cvtsi2sd, (core, insn, true)) \
    X(cvtss2si_32,  cvtss2si, (core, insn, false, false)) \
    X(cvtss2si_64,  cvtss2si, (core, insn, true,  false)) \
    X(cvttss2si_32, cvtss2si, (core, insn, false, true)) \
    X(cvttss2si_64, cvtss2si, (core, insn, true,  true)) \
    X(cvtsd2si_32,  cvtsd2si, (core, insn, false, false)) \
    X(cvtsd2si_64,  cvtsd2si, (core, insn, true,  false)) \
    X(cvttsd2si_32, cvtsd2si, (core, insn, false, true)) \
    X(cvttsd2si_64, cvtsd2si, (core, insn, true,  true))
// clang-format on

#define X(name, body, arguments)                                                                   \
    EXEC_OP(name)                                                                                  \
    {                                                                                              \
        body arguments;                                                                            \
    }
GENERAL_OPS(X)
#undef X

/* ---- between precisions ---- */
EXEC_OP(cvtss2sd)
{
    struct fp_env env = sse_fp_begin(core);
    uint64_t r = f64_from_f32(&env, vector_source32(core, insn, 1));

    sse_fp_end(core, &env);
    xmm_reg(core, insn, 0)->u64[0] = r;
}

EXEC_OP(cvtsd2ss)
{
    struct fp_env env = sse_fp_begin(core);
    uint32_t r = f32_from_f64(&env, vector_source64(core, insn, 1));

    sse_fp_end(core, &env);
    xmm_reg(core, insn, 0)->u32[0] = r;
}

EXEC_OP(cvtps2pd)
{
    struct fp_env env = sse_fp_begin(core);
    union xmm b = { .u64 = { vector_source64(core, insn, 1), 0 } };
    union xmm r = { .u64 = { f64_from_f32(&env, b.u32[0]), f64_from_f32(&env, b.u32[1]) } };

    sse_fp_end(core, &env);
    *xmm_reg(core, insn, 0) = r;
}

EXEC_OP(cvtpd2ps)
{
    struct fp_env env = sse_fp_begin(core);
    union xmm b = vector_source128(core, insn, 1);
    union xmm r = { .u32 = { f32_from_f64(&env, b.u64[0]), f32_from_f64(&env, b.u64[1]), 0, 0 } };

    sse_fp_end(core, &env);
    *xmm_reg(core, insn, 0) = r;
}

/* ---- packed integers in XMM registers ---- */
EXEC_OP(cvtdq2ps)
{
    struct fp_env env = sse_fp_begin(core);
    union xmm b = vector_source128(core, insn, 1);

    for (unsigned i = 0; i < 4; i++) {
        b.u32[i] = f32_from_int(&env, (int32_t)b.u32[i], false);
    }
    sse_fp_end(core, &env);
    *xmm_reg(core, insn, 0) = b;
}

EXEC_OP(cvtdq2pd)
{
    sse_check(core);
    union xmm b = { .u64 = { vector_source64(core, insn, 1), 0 } };

    *xmm_reg(core, insn, 0) =
        xmm_pair(f64_bits((double)(int32_t)b.u32[0]), f64_bits((double)(int32_t)b.u32[1]));
}

static ALWAYS_INLINE void cvtps2dq_of(struct core *core, const struct insn *insn, bool truncate)
{
    struct fp_env env = sse_fp_begin(core);
    union xmm b = vector_source128(core, insn, 1);

    for (unsigned i = 0; i < 4; i++) {
        b.u32[i] = (uint32_t)i32_from_f32(&env, b.u32[i], truncate);
    }
    sse_fp_end(core, &env);
    *xmm_reg(core, insn, 0) = b;
}

EXEC_OP(cvtps2dq)
{
    cvtps2dq_of(core, insn, false);
}

EXEC_OP(cvttps2dq)
{
    cvtps2dq_of(core, insn, true);
}

/* Two doubles to two integers; also CVTPD2PI. */
static ALWAYS_INLINE uint64_t integers_from_pd(struct fp_env *env, union xmm b, bool truncate)
{
    uint32_t low = (uint32_t)i32_from_f64(env, b.u64[0], truncate);
    uint32_t high = (uint32_t)i32_from_f64(env, b.u64[1], truncate);

    return low | (uint64_t)high << 32;
}

static ALWAYS_INLINE void cvtpd2dq_of(struct core *core, const struct insn *insn, bool truncate)
{
    struct fp_env env = sse_fp_begin(core);
    uint64_t r = integers_from_pd(&env, vector_source128(core, insn, 1), truncate);

    sse_fp_end(core, &env);
    *xmm_reg(core, insn, 0) = xmm_pair(r, 0);
}

EXEC_OP(cvtpd2dq)
{
    cvtpd2dq_of(core, insn, false);
}

EXEC_OP(cvttpd2dq)
{
    cvtpd2dq_of(core, insn, true);
}

/* ---- packed integers in MMX registers ----
 * The transition to MMX happens even if #XM follows, as measured on AMD Zen. */
EXEC_OP(cvtpi2ps)
{
    struct fp_env env = sse_fp_begin(core);

    mmx_check(core);
    union xmm b = { .u64 = { mmx_source(core, insn, 1), 0 } };
    union xmm r = { .u32 = { f32_from_int(&env, (int32_t)b.u32[0], false),
                             f32_from_int(&env, (int32_t)b.u32[1], false), 0, 0 } };

    mmx_enter(core);
    sse_fp_end(core, &env);
    xmm_reg(core, insn, 0)->u64[0] = r.u64[0];
}

/* With a memory operand the x87 state is neither looked at nor changed. */
EXEC_OP(cvtpi2pd)
{
    bool memory = insn->kind[1] == OPERAND_MEM;

    sse_check(core);
    if (!memory) {
        mmx_check(core);
    }
    union xmm b = { .u64 = { mmx_source(core, insn, 1), 0 } };

    if (!memory) {
        mmx_enter(core);
    }
    *xmm_reg(core, insn, 0) =
        xmm_pair(f64_bits((double)(int32_t)b.u32[0]), f64_bits((double)(int32_t)b.u32[1]));
}

static ALWAYS_INLINE void cvtps2pi_of(struct core *core, const struct insn *insn, bool truncate)
{
    struct fp_env env = sse_fp_begin(core);

    mmx_check(core);
    union xmm b = { .u64 = { vector_source64(core, insn, 1), 0 } };

    b.u32[0] = (uint32_t)i32_from_f32(&env, b.u32[0], truncate);
    b.u32[1] = (uint32_t)i32_from_f32(&env, b.u32[1], truncate);
    mmx_enter(core);
    sse_fp_end(core, &env);
    mmx_write(core, insn->n[0], b.u64[0]);
}

static ALWAYS_INLINE void cvtpd2pi_of(struct core *core, const struct insn *insn, bool truncate)
{
    struct fp_env env = sse_fp_begin(core);

    mmx_check(core);
    uint64_t r = integers_from_pd(&env, vector_source128(core, insn, 1), truncate);

    mmx_enter(core);
    sse_fp_end(core, &env);
    mmx_write(core, insn->n[0], r);
}

EXEC_OP(cvtps2pi)
{
    cvtps2pi_of(core, insn, false);
}

EXEC_OP(cvttps2pi)
{
    cvtps2pi_of(core, insn, true);
}

EXEC_OP(cvtpd2pi)
{
    cvtpd2pi_of(core, insn, false);
}

EXEC_OP(cvttpd2pi)
{
    cvtpd2pi_of(core, insn, true);
}

/* ---- VEX forms ---- */
static ALWAYS_INLINE int64_t vex_integer(struct core *core, const struct insn *insn)
{
    uint64_t value = insn->kind[2] == OPERAND_MEM
                         ? ymm_load(core, insn, insn->size[2]).lane[0].u64[0]
                         : core->state.gpr[insn->n[2] & 15];

    return insn->size[2] == 8 ? (int64_t)value : (int32_t)value;
}

/* The low element of the result; the rest is VEX.vvvv's. */
static ALWAYS_INLINE void vex_scalar(struct core *core, const struct insn *insn,
                                     const struct fp_env *env, unsigned bytes, uint64_t value)
{
    union xmm r = *xmm_reg(core, insn, 1);

    sse_fp_end(core, env);
    memcpy(&r, &value, bytes);
    ymm_write_low(core, insn->n[0], r);
}

EXEC_OP(vcvtsi2ss)
{
    struct fp_env env = vex_fp_begin(core);
    uint32_t r = f32_from_int(&env, vex_integer(core, insn), insn->size[2] == 8);

    vex_scalar(core, insn, &env, 4, r);
}

EXEC_OP(vcvtsi2sd)
{
    struct fp_env env = vex_fp_begin(core);
    uint64_t r = f64_from_int(&env, vex_integer(core, insn), insn->size[2] == 8);

    vex_scalar(core, insn, &env, 8, r);
}

EXEC_OP(vcvtss2sd)
{
    struct fp_env env = vex_fp_begin(core);
    uint64_t r = f64_from_f32(&env, vector_source32(core, insn, 2));

    vex_scalar(core, insn, &env, 8, r);
}

EXEC_OP(vcvtsd2ss)
{
    struct fp_env env = vex_fp_begin(core);
    uint32_t r = f32_from_f64(&env, vector_source64(core, insn, 2));

    vex_scalar(core, insn, &env, 4, r);
}

/* Elements of two operands of other widths: CVTPS2PD, CVTDQ2PD widen, CVTPD2PS, CVTPD2DQ narrow. */
static ALWAYS_INLINE void vex_widen(struct core *core, const struct insn *insn, bool integers)
{
    struct fp_env env = vex_fp_begin(core);
    union xmm b = ymm_source(core, insn, 1, insn->opsize / 2u).lane[0];
    struct ymm r;

    for (unsigned i = 0; i < 4; i++) {
        uint64_t *to = &r.lane[i / 2].u64[i & 1];

        *to = i >= insn->opsize / 8u ? 0
              : integers             ? f64_from_int(&env, (int32_t)b.u32[i], false)
                                     : f64_from_f32(&env, b.u32[i]);
    }
    sse_fp_end(core, &env);
    ymm_write(core, insn->n[0], insn->opsize, r);
}

EXEC_OP(vcvtps2pd)
{
    vex_widen(core, insn, false);
}

EXEC_OP(vcvtdq2pd)
{
    vex_widen(core, insn, true);
}

enum narrowing { TO_FLOAT, TO_INTEGER, TO_INTEGER_TRUNCATED };

static ALWAYS_INLINE void vex_narrow(struct core *core, const struct insn *insn, enum narrowing how)
{
    struct fp_env env = vex_fp_begin(core);
    struct ymm b = ymm_source(core, insn, 1, insn->opsize);
    union xmm r = { .u64 = { 0, 0 } };

    for (unsigned i = 0; i < insn->opsize / 8u; i++) {
        uint64_t from = b.lane[i / 2].u64[i & 1];

        r.u32[i] = how == TO_FLOAT
                       ? f32_from_f64(&env, from)
                       : (uint32_t)i32_from_f64(&env, from, how == TO_INTEGER_TRUNCATED);
    }
    sse_fp_end(core, &env);
    ymm_write_low(core, insn->n[0], r);
}

EXEC_OP(vcvtpd2ps)
{
    vex_narrow(core, insn, TO_FLOAT);
}

EXEC_OP(vcvtpd2dq)
{
    vex_narrow(core, insn, TO_INTEGER);
}

EXEC_OP(vcvttpd2dq)
{
    vex_narrow(core, insn, TO_INTEGER_TRUNCATED);
}

static ALWAYS_INLINE void vex_same(struct core *core, const struct insn *insn, enum narrowing how)
{
    struct fp_env env = vex_fp_begin(core);
    struct ymm b = ymm_source(core, insn, 1, insn->opsize);

    for (unsigned i = 0; i < insn->opsize / 4u; i++) {
        uint32_t *x = &b.lane[i / 4].u32[i & 3];

        *x = how == TO_FLOAT ? f32_from_int(&env, (int32_t)*x, false)
                             : (uint32_t)i32_from_f32(&env, *x, how == TO_INTEGER_TRUNCATED);
    }
    sse_fp_end(core, &env);
    ymm_write(core, insn->n[0], insn->opsize, b);
}

EXEC_OP(vcvtdq2ps)
{
    vex_same(core, insn, TO_FLOAT);
}

EXEC_OP(vcvtps2dq)
{
    vex_same(core, insn, TO_INTEGER);
}

EXEC_OP(vcvttps2dq)
{
    vex_same(core, insn, TO_INTEGER_TRUNCATED);
}

exec_fn *vex_convert_choose(const struct insn *insn)
{
    switch (insn->op) {
#define X(name, mnemonic)                                                                          \
    case OP_##mnemonic:                                                                            \
        return exec_##name;
        X(vcvtsi2ss, CVTSI2SS)
        X(vcvtsi2sd, CVTSI2SD)
        X(vcvtss2sd, CVTSS2SD)
        X(vcvtsd2ss, CVTSD2SS)
        X(vcvtps2pd, CVTPS2PD)
        X(vcvtdq2pd, CVTDQ2PD)
        X(vcvtpd2ps, CVTPD2PS)
        X(vcvtpd2dq, CVTPD2DQ)
        X(vcvttpd2dq, CVTTPD2DQ)
        X(vcvtdq2ps, CVTDQ2PS)
        X(vcvtps2dq, CVTPS2DQ)
        X(vcvttps2dq, CVTTPS2DQ)
#undef X
    default:
        return NULL;
    }
}

exec_fn *sse_convert_choose(const struct insn *insn)
{
    bool wide_from = insn->size[1] == 8, wide_to = insn->size[0] == 8;

    switch (insn->op) {
    case OP_CVTSI2SS:
        return wide_from ? exec_cvtsi2ss_64 : exec_cvtsi2ss_32;
    case OP_CVTSI2SD:
        return wide_from ? exec_cvtsi2sd_64 : exec_cvtsi2sd_32;
    case OP_CVTSS2SI:
        return wide_to ? exec_cvtss2si_64 : exec_cvtss2si_32;
    case OP_CVTTSS2SI:
        return wide_to ? exec_cvttss2si_64 : exec_cvttss2si_32;
    case OP_CVTSD2SI:
        return wide_to ? exec_cvtsd2si_64 : exec_cvtsd2si_32;
    case OP_CVTTSD2SI:
        return wide_to ? exec_cvttsd2si_64 : exec_cvttsd2si_32;
#define X(name, mnemonic)                                                                          \
    case OP_##mnemonic:                                                                            \
        return exec_##name;
        X(cvtss2sd, CVTSS2SD)
        X(cvtsd2ss, CVTSD2SS)
        X(cvtps2pd, CVTPS2PD)
        X(cvtpd2ps, CVTPD2PS)
        X(cvtdq2ps, CVTDQ2PS)
        X(cvtdq2pd, CVTDQ2PD)
        X(cvtps2dq, CVTPS2DQ)
        X(cvttps2dq, CVTTPS2DQ)
        X(cvtpd2dq, CVTPD2DQ)
        X(cvttpd2dq, CVTTPD2DQ)
        X(cvtpi2ps, CVTPI2PS)
        X(cvtpi2pd, CVTPI2PD)
        X(cvtps2pi, CVTPS2PI)
        X(cvttps2pi, CVTTPS2PI)
        X(cvtpd2pi, CVTPD2PI)
        X(cvttpd2pi, CVTTPD2PI)
#undef X
    default:
        return NULL;
    }
}
