/* The SSE family without arithmetic: moves, logic, shuffles, blends, sign masks, MXCSR. [SDM 2
 * MOVAPS, MOVSS, SHUFPS, INSERTPS, LDMXCSR ..] */
#include "cpu/exec/exec.h"
#include "cpu/exec/fp_ops.h"
#include "cpu/exec/vex.h"

/* ---- scalar moves between registers keep the rest of the register; loads are MOVD's and MOVQ's
 * ---- */
EXEC_OP(movss_xx)
{
    sse_check(core);
    xmm_reg(core, insn, 0)->u32[0] = xmm_reg(core, insn, 1)->u32[0];
}

EXEC_OP(movsd_xx)
{
    sse_check(core);
    xmm_reg(core, insn, 0)->u64[0] = xmm_reg(core, insn, 1)->u64[0];
}

/* ---- halves ---- */
EXEC_OP(movlow_load)
{
    sse_check(core);
    xmm_reg(core, insn, 0)->u64[0] = vector_load64(core, insn);
}

EXEC_OP(movhigh_load)
{
    sse_check(core);
    xmm_reg(core, insn, 0)->u64[1] = vector_load64(core, insn);
}

EXEC_OP(movhigh_store)
{
    sse_check(core);
    vector_store64(core, insn, xmm_reg(core, insn, 1)->u64[1]);
}

EXEC_OP(movhlps)
{
    sse_check(core);
    xmm_reg(core, insn, 0)->u64[0] = xmm_reg(core, insn, 1)->u64[1];
}

EXEC_OP(movlhps)
{
    sse_check(core);
    xmm_reg(core, insn, 0)->u64[1] = xmm_reg(core, insn, 1)->u64[0];
}

/* ---- duplicates ---- */
static ALWAYS_INLINE union xmm movsldup(union xmm a, union xmm b, unsigned width)
{
    (void)a;
    (void)width;
    return xmm_pair(lane_pair(b.u32[0], b.u32[0]), lane_pair(b.u32[2], b.u32[2]));
}

static ALWAYS_INLINE union xmm movshdup(union xmm a, union xmm b, unsigned width)
{
    (void)a;
    (void)width;
    return xmm_pair(lane_pair(b.u32[1], b.u32[1]), lane_pair(b.u32[3], b.u32[3]));
}

EXEC_OP(movddup)
{
    sse_check(core);
    uint64_t b = vector_source64(core, insn, 1);

    *xmm_reg(core, insn, 0) = xmm_pair(b, b);
}

/* ---- logic ---- */
static ALWAYS_INLINE uint64_t lane_and_bits(uint64_t a, uint64_t b)
{
    return a & b;
}

static ALWAYS_INLINE uint64_t lane_andn_bits(uint64_t a, uint64_t b)
{
    return ~a & b;
}

static ALWAYS_INLINE uint64_t lane_or_bits(uint64_t a, uint64_t b)
{
    return a | b;
}

static ALWAYS_INLINE uint64_t lane_xor_bits(uint64_t a, uint64_t b)
{
    return a ^ b;
}

VECTOR_KERNEL(64, and_bits)
VECTOR_KERNEL(64, andn_bits)
VECTOR_KERNEL(64, or_bits)
VECTOR_KERNEL(64, xor_bits)

/* ---- shuffles ---- */
static ALWAYS_INLINE union xmm unpcklps(union xmm a, union xmm b, unsigned width)
{
    (void)width;
    return xmm_pair(lane_pair(a.u32[0], b.u32[0]), lane_pair(a.u32[1], b.u32[1]));
}

static ALWAYS_INLINE union xmm unpckhps(union xmm a, union xmm b, unsigned width)
{
    (void)width;
    return xmm_pair(lane_pair(a.u32[2], b.u32[2]), lane_pair(a.u32[3], b.u32[3]));
}

static ALWAYS_INLINE union xmm unpcklpd(union xmm a, union xmm b, unsigned width)
{
    (void)width;
    return xmm_pair(a.u64[0], b.u64[0]);
}

static ALWAYS_INLINE union xmm unpckhpd(union xmm a, union xmm b, unsigned width)
{
    (void)width;
    return xmm_pair(a.u64[1], b.u64[1]);
}

static ALWAYS_INLINE union xmm shufps(union xmm a, union xmm b, unsigned width, unsigned imm)
{
    (void)width;
    return xmm_pair(lane_pair(a.u32[imm & 3], a.u32[imm >> 2 & 3]),
                    lane_pair(b.u32[imm >> 4 & 3], b.u32[imm >> 6]));
}

static ALWAYS_INLINE union xmm shufpd(union xmm a, union xmm b, unsigned width, unsigned imm)
{
    (void)width;
    return xmm_pair(a.u64[imm & 1], b.u64[imm >> 1 & 1]);
}

static ALWAYS_INLINE union xmm blendps(union xmm a, union xmm b, unsigned width, unsigned imm)
{
    (void)width;
    for (unsigned i = 0; i < 4; i++) {
        a.u32[i] = imm >> i & 1 ? b.u32[i] : a.u32[i];
    }
    return a;
}

static ALWAYS_INLINE union xmm blendpd(union xmm a, union xmm b, unsigned width, unsigned imm)
{
    (void)width;
    return xmm_pair(imm & 1 ? b.u64[0] : a.u64[0], imm & 2 ? b.u64[1] : a.u64[1]);
}

EXEC_OP(blendvps)
{
    sse_check(core);
    union xmm b = vector_source128(core, insn, 1), mask = core->state.xmm[0];
    union xmm *r = xmm_reg(core, insn, 0);

    for (unsigned i = 0; i < 4; i++) {
        r->u32[i] = mask.u32[i] >> 31 ? b.u32[i] : r->u32[i];
    }
}

EXEC_OP(blendvpd)
{
    sse_check(core);
    union xmm b = vector_source128(core, insn, 1), mask = core->state.xmm[0];
    union xmm *r = xmm_reg(core, insn, 0);

    for (unsigned i = 0; i < 2; i++) {
        r->u64[i] = mask.u64[i] >> 63 ? b.u64[i] : r->u64[i];
    }
}

/* imm8: 7-6 lane of a register source, 5-4 lane of the destination, 3-0 lanes to clear. */
EXEC_OP(insertps)
{
    sse_check(core);
    unsigned imm = (uint8_t)insn->imm;
    uint32_t lane = insn->kind[1] == OPERAND_MEM ? vector_load32(core, insn)
                                                 : xmm_reg(core, insn, 1)->u32[imm >> 6];
    union xmm *r = xmm_reg(core, insn, 0);

    r->u32[imm >> 4 & 3] = lane;
    for (unsigned i = 0; i < 4; i++) {
        if (imm >> i & 1) {
            r->u32[i] = 0;
        }
    }
}

/* ---- sign masks ---- */
EXEC_OP(movmskps)
{
    sse_check(core);
    const union xmm *b = xmm_reg(core, insn, 1);

    gpr64_write(core, insn->n[0],
                b->u32[0] >> 31 | b->u32[1] >> 31 << 1 | b->u32[2] >> 31 << 2 |
                    b->u32[3] >> 31 << 3);
}

EXEC_OP(movmskpd)
{
    sse_check(core);
    const union xmm *b = xmm_reg(core, insn, 1);

    gpr64_write(core, insn->n[0], b->u64[0] >> 63 | b->u64[1] >> 63 << 1);
}

/* ---- MXCSR ---- */
EXEC_OP(ldmxcsr)
{
    sse_check(core);
    uint32_t value = vector_load32(core, insn);

    if (value & ~MXCSR_MASK) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    core->state.mxcsr = value;
}

EXEC_OP(stmxcsr)
{
    sse_check(core);
    vector_store32(core, insn, core->state.mxcsr);
}

/* ---- choosing ---- */

// clang-format off
/*    kernel     mnemonics */
#define LOGIC_OPS(X) \
    X(and_bits,  ANDPS,  ANDPD) \
    X(andn_bits, ANDNPS, ANDNPD) \
    X(or_bits,   ORPS,   ORPD) \
    X(xor_bits,  XORPS,  XORPD)
#define PAIR_OPS(X) \
    X(unpcklps, UNPCKLPS) \
    X(unpckhps, UNPCKHPS) \
    X(unpcklpd, UNPCKLPD) \
    X(unpckhpd, UNPCKHPD) \
    X(movsldup, MOVSLDUP) \
    X(movshdup, MOVSHDUP)
#define IMM_OPS(X) \
    X(shufps,  SHUFPS) \
    X(shufpd,  SHUFPD) \
    X(blendps, BLENDPS) \
    X(blendpd, BLENDPD)
// clang-format on

#define X(name, mnemonic_ps, mnemonic_pd) VECTOR_OP_XMM(name)
LOGIC_OPS(X)
#undef X
#define X(name, mnemonic) VECTOR_OP_XMM(name)
PAIR_OPS(X)
#undef X
#define X(name, mnemonic)                                                                          \
    EXEC_OP(name)                                                                                  \
    {                                                                                              \
        vector_xmm_imm(core, insn, name);                                                          \
    }
IMM_OPS(X)
#undef X

/* MOVSS, MOVSD, MOVLPS .. MOVHPD by direction. */
static exec_fn *choose_by_direction(const struct insn *insn, exec_fn *registers, exec_fn *load,
                                    exec_fn *store)
{
    return insn->kind[0] == OPERAND_MEM ? store : insn->kind[1] == OPERAND_MEM ? load : registers;
}

static exec_fn *choose_directed(const struct insn *insn)
{
    switch (insn->op) {
    case OP_MOVAPS:
    case OP_MOVAPD:
    case OP_MOVNTPS:
    case OP_MOVNTPD:
        return mov128_choose(insn, true);
    case OP_MOVUPS:
    case OP_MOVUPD:
        return mov128_choose(insn, false);
    case OP_MOVSS:
        return choose_by_direction(insn, exec_movss_xx, mov32_load_choose(insn),
                                   mov32_store_choose(insn));
    case OP_MOVSD:
        return choose_by_direction(insn, exec_movsd_xx, mov64_load_choose(insn),
                                   mov64_store_choose(insn));
    case OP_MOVLPS: /* of two registers: MOVHLPS */
    case OP_MOVLPD:
    case OP_MOVHLPS:
        return choose_by_direction(insn, exec_movhlps, exec_movlow_load, mov64_store_choose(insn));
    case OP_MOVHPS: /* of two registers: MOVLHPS */
    case OP_MOVHPD:
    case OP_MOVLHPS:
        return choose_by_direction(insn, exec_movlhps, exec_movhigh_load, exec_movhigh_store);
    case OP_EXTRACTPS:
        return extractps_choose();
    default:
        return NULL;
    }
}

vector_kernel *const sse_move_kernels[OP_COUNT] = {
#define X(name, mnemonic_ps, mnemonic_pd) [OP_##mnemonic_ps] = name, [OP_##mnemonic_pd] = name,
    LOGIC_OPS(X)
#undef X
#define X(name, mnemonic) [OP_##mnemonic] = name,
        PAIR_OPS(X)
#undef X
};

vector_imm_kernel *const sse_move_imm_kernels[OP_COUNT] = {
#define X(name, mnemonic) [OP_##mnemonic] = name,
    IMM_OPS(X)
#undef X
};

exec_fn *sse_move_choose(const struct insn *insn)
{
    static const struct vector_row rows[OP_COUNT] = {
#define X(name, mnemonic_ps, mnemonic_pd)                                                          \
    [OP_##mnemonic_pd] = { exec_##name##_xx, exec_##name##_xm, NULL, exec_##name##_xf },           \
    [OP_##mnemonic_ps] = { exec_##name##_xx, exec_##name##_xm, NULL, exec_##name##_xf },
        LOGIC_OPS(X)
#undef X
#define X(name, mnemonic)                                                                          \
    [OP_##mnemonic] = { exec_##name##_xx, exec_##name##_xm, NULL, exec_##name##_xf },
            PAIR_OPS(X)
#undef X
#define X(name, mnemonic) [OP_##mnemonic] = { exec_##name, exec_##name, NULL, NULL },
                IMM_OPS(X) X(movddup, MOVDDUP) X(blendvps, BLENDVPS) X(blendvpd, BLENDVPD)
                    X(insertps, INSERTPS) X(movmskps, MOVMSKPS) X(movmskpd, MOVMSKPD)
                        X(ldmxcsr, LDMXCSR) X(stmxcsr, STMXCSR)
#undef X
    };
    exec_fn *fn = choose_directed(insn);

    return fn != NULL ? fn : vector_choose(&rows[insn->op], insn);
}

exec_fn *exec_choose_sse(const struct insn *insn)
{
    exec_fn *(*const parts[])(const struct insn *) = {
        sse_move_choose,
        sse_float_choose,
        sse_convert_choose,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
        exec_fn *fn = parts[i](insn);

        if (fn != NULL) {
            return fn;
        }
    }
    return exec_undefined;
}
