/* VEX floating point: SSE's operations by elements, fused multiply-add, half precision. [SDM 2 VADDPS, VFMADD132PD ..,
 * VCVTPH2PS] */
#include "cpu/exec/exec.h"
#include "cpu/exec/fp_soft.h"
#include "cpu/exec/sse_fp.h"

/* ---- operations that SSE has ---- */
EXEC_OP(vex_packed32)
{
    const struct sse_float_row *row = &sse_float_rows[insn->op];
    unsigned last = vex_last(insn);
    struct fp_env env = vex_fp_begin(core);
    struct ymm b = ymm_source(core, insn, last, insn->opsize);
    struct ymm a = ymm_read(core, insn->n[last - 1]);

    for (unsigned i = 0; i < insn->opsize / 4u; i++) {
        uint32_t *x = &a.lane[i / 4].u32[i & 3];

        *x = row->f32[i & 1](&env, *x, b.lane[i / 4].u32[i & 3]);
    }
    sse_fp_end(core, &env);
    ymm_write(core, insn->n[0], insn->opsize, a);
}

EXEC_OP(vex_packed64)
{
    const struct sse_float_row *row = &sse_float_rows[insn->op];
    unsigned last = vex_last(insn);
    struct fp_env env = vex_fp_begin(core);
    struct ymm b = ymm_source(core, insn, last, insn->opsize);
    struct ymm a = ymm_read(core, insn->n[last - 1]);

    for (unsigned i = 0; i < insn->opsize / 8u; i++) {
        uint64_t *x = &a.lane[i / 2].u64[i & 1];

        *x = row->f64[i & 1](&env, *x, b.lane[i / 2].u64[i & 1]);
    }
    sse_fp_end(core, &env);
    ymm_write(core, insn->n[0], insn->opsize, a);
}

EXEC_OP(vex_scalar32)
{
    struct fp_env env = vex_fp_begin(core);
    uint32_t b = vector_source32(core, insn, 2);
    union xmm a = *xmm_reg(core, insn, 1);

    a.u32[0] = sse_float_rows[insn->op].f32[0](&env, a.u32[0], b);
    sse_fp_end(core, &env);
    ymm_write_low(core, insn->n[0], a);
}

EXEC_OP(vex_scalar64)
{
    struct fp_env env = vex_fp_begin(core);
    uint64_t b = vector_source64(core, insn, 2), high = xmm_reg(core, insn, 1)->u64[1];
    uint64_t r = sse_float_rows[insn->op].f64[0](&env, xmm_reg(core, insn, 1)->u64[0], b);

    sse_fp_end(core, &env);
    ymm_write_low(core, insn->n[0], xmm_pair(r, high));
}

EXEC_OP(vex_horizontal32)
{
    const struct sse_float_row *row = &sse_float_rows[insn->op];
    struct fp_env env = vex_fp_begin(core);
    struct ymm b = ymm_source(core, insn, 2, insn->opsize), a = ymm_read(core, insn->n[1]), r = a;

    for (unsigned i = 0; i < vex_lanes(insn); i++) {
        const union xmm *x = &a.lane[i], *y = &b.lane[i];

        r.lane[i] = (union xmm){ .u32 = { row->f32[0](&env, x->u32[0], x->u32[1]),
                                          row->f32[0](&env, x->u32[2], x->u32[3]),
                                          row->f32[0](&env, y->u32[0], y->u32[1]),
                                          row->f32[0](&env, y->u32[2], y->u32[3]) } };
    }
    sse_fp_end(core, &env);
    ymm_write(core, insn->n[0], insn->opsize, r);
}

EXEC_OP(vex_horizontal64)
{
    const struct sse_float_row *row = &sse_float_rows[insn->op];
    struct fp_env env = vex_fp_begin(core);
    struct ymm b = ymm_source(core, insn, 2, insn->opsize), a = ymm_read(core, insn->n[1]), r = a;

    for (unsigned i = 0; i < vex_lanes(insn); i++) {
        const union xmm *x = &a.lane[i], *y = &b.lane[i];

        r.lane[i] = xmm_pair(row->f64[0](&env, x->u64[0], x->u64[1]),
                             row->f64[0](&env, y->u64[0], y->u64[1]));
    }
    sse_fp_end(core, &env);
    ymm_write(core, insn->n[0], insn->opsize, r);
}

/* ---- fused multiply-add ---- */

/* Which operands are multiplied, the third is added; 0 the destination. */
struct fma_row {
    uint8_t factor[2], addend;
    bool negate_product, negate_even, negate_odd; /* of the addend */
    uint8_t bytes;                                /* of an element */
    bool scalar;
};

// clang-format off
#define FMA_FORMS(name, product, even, odd) \
    FMA_ORDERS(name, PS, product, even, odd, 4, false) \
    FMA_ORDERS(name, PD, product, even, odd, 8, false)
#define FMA_SCALARS(name, product, addend) \
    FMA_ORDERS(name, SS, product, addend, addend, 4, true) \
    FMA_ORDERS(name, SD, product, addend, addend, 8, true)
/* The factors are named in the order in which a NaN is taken. */
#define FMA_ORDERS(name, type, product, even, odd, bytes, scalar) \
    [OP_##name##132##type] = { { 0, 2 }, 1, product, even, odd, bytes, scalar }, \
    [OP_##name##213##type] = { { 1, 0 }, 2, product, even, odd, bytes, scalar }, \
    [OP_##name##231##type] = { { 1, 2 }, 0, product, even, odd, bytes, scalar },
// clang-format on

static const struct fma_row fma_rows[OP_COUNT] = {
    FMA_FORMS(FMADD, false, false, false) FMA_SCALARS(FMADD, false, false) /* a * b + c */
    FMA_FORMS(FMSUB, false, true, true) FMA_SCALARS(FMSUB, false, true)    /* a * b - c */
    FMA_FORMS(FNMADD, true, false, false) FMA_SCALARS(FNMADD, true, false) /* -(a * b) + c */
    FMA_FORMS(FNMSUB, true, true, true) FMA_SCALARS(FNMSUB, true, true)    /* -(a * b) - c */
    FMA_FORMS(FMADDSUB, false, true, false) FMA_FORMS(FMSUBADD, false, false, true)
};

static ALWAYS_INLINE uint32_t negate32(uint32_t a, bool negate)
{
    bool nan = (a & 0x7fffffff) > 0x7f800000;

    return a ^ (negate && !nan ? 0x80000000 : 0);
}

static ALWAYS_INLINE uint64_t negate64(uint64_t a, bool negate)
{
    bool nan = (a & (UINT64_MAX >> 1)) > UINT64_C(0x7ff0000000000000);

    return a ^ (negate && !nan ? UINT64_C(1) << 63 : 0);
}

EXEC_OP(vex_fma)
{
    const struct fma_row *row = &fma_rows[insn->op];
    unsigned bytes = row->scalar ? row->bytes : insn->opsize;
    struct fp_env env = vex_fp_begin(core);
    struct ymm source[3];

    source[2] = ymm_source(core, insn, 2, bytes);
    source[1] = ymm_read(core, insn->n[1]);
    source[0] = ymm_read(core, insn->n[0]);
    struct ymm a = source[row->factor[0]], b = source[row->factor[1]], c = source[row->addend];
    struct ymm r = source[0];

    for (unsigned i = 0; i < bytes / row->bytes; i++) {
        bool negate = i & 1 ? row->negate_odd : row->negate_even;
        unsigned lane = i * row->bytes / 16;

        if (row->bytes == 4) {
            r.lane[lane].u32[i & 3] = fp_ops_default()->f32_fma(
                &env, negate32(a.lane[lane].u32[i & 3], row->negate_product),
                b.lane[lane].u32[i & 3], negate32(c.lane[lane].u32[i & 3], negate));
        } else {
            r.lane[lane].u64[i & 1] = fp_ops_default()->f64_fma(
                &env, negate64(a.lane[lane].u64[i & 1], row->negate_product),
                b.lane[lane].u64[i & 1], negate64(c.lane[lane].u64[i & 1], negate));
        }
    }
    sse_fp_end(core, &env);
    ymm_write(core, insn->n[0], row->scalar ? 16 : insn->opsize, r);
}

/* ---- half precision ---- */
EXEC_OP(vcvtph2ps)
{
    struct fp_env env = vex_fp_begin(core);
    union xmm b = ymm_source(core, insn, 1, insn->opsize / 2u).lane[0];
    struct ymm r = { { { .u64 = { 0, 0 } }, { .u64 = { 0, 0 } } } };

    for (unsigned i = 0; i < insn->opsize / 4u; i++) {
        r.lane[i / 4].u32[i & 3] = fp_soft_f16_to_f32(&env, b.u16[i]);
    }
    sse_fp_end(core, &env);
    ymm_write(core, insn->n[0], insn->opsize, r);
}

/* imm8[1:0]: the rounding, unless imm8[2]: MXCSR's. A fault of the store comes before #XM. */
EXEC_OP(vcvtps2ph)
{
    struct fp_env env = vex_fp_begin(core);
    enum fp_rounding rounding = (enum fp_rounding)(insn->imm & 4 ? env.rounding : insn->imm & 3);
    struct ymm b = ymm_read(core, insn->n[1]), r = { { { .u64 = { 0, 0 } }, { .u64 = { 0, 0 } } } };
    unsigned bytes = insn->opsize / 2u;

    if (insn->kind[0] == OPERAND_MEM) {
        core_probe_write(core, insn_linear(core, insn, bytes, MMU_WRITE), bytes,
                         insn_is_stack(insn));
    }
    for (unsigned i = 0; i < bytes / 2; i++) {
        r.lane[0].u16[i] = fp_soft_f32_to_f16(&env, b.lane[i / 4].u32[i & 3], rounding);
    }
    sse_fp_end(core, &env);
    if (insn->kind[0] == OPERAND_MEM) {
        ymm_store(core, insn, bytes, &r);
    } else {
        ymm_write_low(core, insn->n[0], r.lane[0]);
    }
}

exec_fn *vex_float_choose(const struct insn *insn)
{
    static exec_fn *const forms[3][2] = {
        [SSE_PACKED] = { exec_vex_packed32, exec_vex_packed64 },
        [SSE_SCALAR] = { exec_vex_scalar32, exec_vex_scalar64 },
        [SSE_HORIZONTAL] = { exec_vex_horizontal32, exec_vex_horizontal64 },
    };
    const struct sse_float_row *row = &sse_float_rows[insn->op];

    if (row->f32[0] != NULL || row->f64[0] != NULL) {
        return forms[row->form][row->f64[0] != NULL];
    }
    if (fma_rows[insn->op].bytes != 0) {
        return exec_vex_fma;
    }
    return insn->op == OP_CVTPH2PS   ? exec_vcvtph2ps
           : insn->op == OP_CVTPS2PH ? exec_vcvtps2ph
                                     : NULL;
}
