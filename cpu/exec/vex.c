/* VEX-encoded vector instructions: chooser, lane-wise operations, moves. [SDM 2 VADDPS ..; 2A 2.4]
 *
 * Lane-wise operations take their kernels from where SSE's are, by operation. */
#include "cpu/exec/vex.h"

#include "cpu/decode/op_info.h"
#include "cpu/exec/exec.h"
#include "cpu/exec/flags.h"

void avx_raise_blocked(struct core *core)
{
    const struct cpu_state *state = &core->state;
    bool undefined = !(state->cr0 & CR0_PE) || (state->rflags_rest & FLAG_VM) ||
                     !(state->cr4 & CR4_OSXSAVE) ||
                     (state->xcr0 & (XCR0_SSE | XCR0_AVX)) != (XCR0_SSE | XCR0_AVX);

    core_raise(core, undefined ? VECTOR_UD : VECTOR_NM);
}

/* ---- lane-wise ---- */
static ALWAYS_INLINE void by_kernel(struct core *core, const struct insn *insn,
                                    vector_kernel *kernel)
{
    unsigned last = vex_last(insn), bytes = insn->opsize;

    avx_check(core);
    struct ymm b = ymm_source(core, insn, last, bytes), a = ymm_read(core, insn->n[last - 1]);

    a.lane[0] = kernel(a.lane[0], b.lane[0], 16);
    if (bytes == 32) {
        a.lane[1] = kernel(a.lane[1], b.lane[1], 16);
    }
    ymm_write(core, insn->n[0], bytes, a);
}

/* Some immediates have bits of their own for the upper lane. */
static unsigned imm_of_lane(const struct insn *insn, unsigned lane)
{
    unsigned imm = (uint8_t)insn->imm;

    switch (insn->op) {
    case OP_BLENDPS:
    case OP_PBLENDD:
        return imm >> 4 * lane;
    case OP_BLENDPD:
    case OP_SHUFPD:
    case OP_PERMILPD:
        return imm >> 2 * lane;
    case OP_MPSADBW:
        return imm >> 3 * lane & 7;
    default:
        return imm;
    }
}

static ALWAYS_INLINE void by_imm_kernel(struct core *core, const struct insn *insn,
                                        vector_imm_kernel *kernel)
{
    unsigned last = vex_last(insn), bytes = insn->opsize;

    avx_check(core);
    struct ymm b = ymm_source(core, insn, last, bytes), a = ymm_read(core, insn->n[last - 1]);

    for (unsigned i = 0; i < bytes / 16; i++) {
        a.lane[i] = kernel(a.lane[i], b.lane[i], 16, imm_of_lane(insn, i));
    }
    ymm_write(core, insn->n[0], bytes, a);
}

#define X(table)                                                                                   \
    EXEC_OP(vex_##table)                                                                           \
    {                                                                                              \
        by_kernel(core, insn, table##_kernels[insn->op]);                                          \
    }                                                                                              \
    EXEC_OP(vex_##table##_imm)                                                                     \
    {                                                                                              \
        by_imm_kernel(core, insn, table##_imm_kernels[insn->op]);                                  \
    }
#define KERNEL_TABLES(X) X(packed_arith) X(packed_shuffle) X(sse_move) X(crypto) X(vex_packed)
KERNEL_TABLES(X)
#undef X

static exec_fn *kernel_choose(const struct insn *insn)
{
#define X(table)                                                                                   \
    if (table##_kernels[insn->op] != NULL && insn->kind[vex_last(insn) + 1] != OPERAND_IMM) {      \
        return exec_vex_##table;                                                                   \
    }                                                                                              \
    if (table##_imm_kernels[insn->op] != NULL && insn->kind[vex_last(insn) + 1] == OPERAND_IMM) {  \
        return exec_vex_##table##_imm;                                                             \
    }
    KERNEL_TABLES(X)
#undef X
    return NULL;
}

/* ---- shifts by one count ---- */
EXEC_OP(vex_shift)
{
    avx_check(core);
    bool immediate = insn->kind[2] == OPERAND_IMM;
    uint64_t count = immediate ? (uint8_t)insn->imm : ymm_source(core, insn, 2, 16).lane[0].u64[0];
    struct ymm a = ymm_read(core, insn->n[1]);

    a.lane[0] = packed_shift(insn->op, a.lane[0], count);
    a.lane[1] = packed_shift(insn->op, a.lane[1], count);
    ymm_write(core, insn->n[0], insn->opsize, a);
}

/* ---- sign and zero extension: the second lane's source lies behind the first's ---- */
EXEC_OP(vex_extend)
{
    unsigned bytes = packed_extend_bytes(insn->op);

    avx_check(core);
    struct ymm b = ymm_source(core, insn, 1, bytes * vex_lanes(insn)), r;
    union xmm high = { .u64 = { 0, 0 } };

    memcpy(&high, (const uint8_t *)&b + bytes, 8);
    r.lane[0] = packed_extend(insn->op, b.lane[0]);
    r.lane[1] = packed_extend(insn->op, high);
    ymm_write(core, insn->n[0], insn->opsize, r);
}

/* ---- blends by a fourth register ---- */
static ALWAYS_INLINE void blend_by(struct core *core, const struct insn *insn, unsigned bits)
{
    avx_check(core);
    struct ymm b = ymm_source(core, insn, 2, insn->opsize), a = ymm_read(core, insn->n[1]);
    struct ymm mask = ymm_read(core, insn->n[3]);

    for (unsigned i = 0; i < 2; i++) {
        for (unsigned k = 0; k < 128 / bits; k++) {
            if (bits == 8) {
                a.lane[i].u8[k] = mask.lane[i].u8[k] >> 7 ? b.lane[i].u8[k] : a.lane[i].u8[k];
            } else if (bits == 32) {
                a.lane[i].u32[k] = mask.lane[i].u32[k] >> 31 ? b.lane[i].u32[k] : a.lane[i].u32[k];
            } else {
                a.lane[i].u64[k] = mask.lane[i].u64[k] >> 63 ? b.lane[i].u64[k] : a.lane[i].u64[k];
            }
        }
    }
    ymm_write(core, insn->n[0], insn->opsize, a);
}

EXEC_OP(vex_pblendvb)
{
    blend_by(core, insn, 8);
}

EXEC_OP(vex_blendvps)
{
    blend_by(core, insn, 32);
}

EXEC_OP(vex_blendvpd)
{
    blend_by(core, insn, 64);
}

/* ---- whole registers ---- */
EXEC_OP(vex_mov_registers)
{
    avx_check(core);
    ymm_write(core, insn->n[0], insn->opsize, ymm_read(core, insn->n[1]));
}

static ALWAYS_INLINE void aligned_check(struct core *core, const struct insn *insn, unsigned access)
{
    if (insn_linear(core, insn, insn->opsize, access) & (insn->opsize - 1u)) {
        core_raise_error(core, VECTOR_GP, 0);
    }
}

EXEC_OP(vex_mov_load)
{
    avx_check(core);
    ymm_write(core, insn->n[0], insn->opsize, ymm_load(core, insn, insn->opsize));
}

EXEC_OP(vex_mov_load_aligned)
{
    avx_check(core);
    aligned_check(core, insn, MMU_READ);
    ymm_write(core, insn->n[0], insn->opsize, ymm_load(core, insn, insn->opsize));
}

EXEC_OP(vex_mov_store)
{
    avx_check(core);
    struct ymm value = ymm_read(core, insn->n[1]);

    ymm_store(core, insn, insn->opsize, &value);
}

EXEC_OP(vex_mov_store_aligned)
{
    avx_check(core);
    aligned_check(core, insn, MMU_WRITE);
    struct ymm value = ymm_read(core, insn->n[1]);

    ymm_store(core, insn, insn->opsize, &value);
}

static exec_fn *mov_choose(const struct insn *insn)
{
    bool aligned;

    switch (insn->op) {
    case OP_MOVUPS:
    case OP_MOVUPD:
    case OP_MOVDQU:
    case OP_LDDQU:
        aligned = false;
        break;
    case OP_MOVAPS:
    case OP_MOVAPD:
    case OP_MOVDQA:
    case OP_MOVNTPS:
    case OP_MOVNTPD:
    case OP_MOVNTDQ:
    case OP_MOVNTDQA:
        aligned = true;
        break;
    default:
        return NULL;
    }
    return insn->kind[0] == OPERAND_MEM
               ? (aligned ? exec_vex_mov_store_aligned : exec_vex_mov_store)
           : insn->kind[1] == OPERAND_MEM
               ? (aligned ? exec_vex_mov_load_aligned : exec_vex_mov_load)
               : exec_vex_mov_registers;
}

/* ---- parts of an XMM register: the rest comes from VEX.vvvv, or is zero ---- */
EXEC_OP(vex_load_part) /* MOVSS, MOVSD, MOVD, MOVQ from memory */
{
    avx_check(core);
    ymm_write_low(core, insn->n[0], ymm_load(core, insn, insn->size[1]).lane[0]);
}

EXEC_OP(vex_movq_registers)
{
    avx_check(core);
    ymm_write_low(core, insn->n[0], xmm_pair(xmm_reg(core, insn, 1)->u64[0], 0));
}

EXEC_OP(vex_movd_general)
{
    avx_check(core);
    uint64_t value = core->state.gpr[insn->n[1] & 15];

    ymm_write_low(core, insn->n[0], xmm_pair(insn->size[1] == 8 ? value : (uint32_t)value, 0));
}

EXEC_OP(vex_movss_registers)
{
    avx_check(core);
    union xmm r = *xmm_reg(core, insn, 1);

    r.u32[0] = xmm_reg(core, insn, 2)->u32[0];
    ymm_write_low(core, insn->n[0], r);
}

EXEC_OP(vex_movsd_registers)
{
    avx_check(core);
    ymm_write_low(core, insn->n[0],
                  xmm_pair(xmm_reg(core, insn, 2)->u64[0], xmm_reg(core, insn, 1)->u64[1]));
}

EXEC_OP(vex_movlow) /* MOVLPS, MOVLPD from memory; MOVHLPS */
{
    avx_check(core);
    uint64_t low =
        insn->kind[2] == OPERAND_MEM ? vector_load64(core, insn) : xmm_reg(core, insn, 2)->u64[1];

    ymm_write_low(core, insn->n[0], xmm_pair(low, xmm_reg(core, insn, 1)->u64[1]));
}

EXEC_OP(vex_movhigh) /* MOVHPS, MOVHPD from memory; MOVLHPS */
{
    avx_check(core);
    uint64_t high = vector_source64(core, insn, 2);

    ymm_write_low(core, insn->n[0], xmm_pair(xmm_reg(core, insn, 1)->u64[0], high));
}

EXEC_OP(vex_movddup)
{
    avx_check(core);
    struct ymm b = ymm_source(core, insn, 1, insn->opsize == 32 ? 32 : 8), r;

    r.lane[0] = xmm_pair(b.lane[0].u64[0], b.lane[0].u64[0]);
    r.lane[1] = xmm_pair(b.lane[1].u64[0], b.lane[1].u64[0]);
    ymm_write(core, insn->n[0], insn->opsize, r);
}

static ALWAYS_INLINE void insert(struct core *core, const struct insn *insn, unsigned bytes)
{
    uint64_t value = core->state.gpr[insn->n[2] & 15];

    avx_check(core);
    if (insn->kind[2] == OPERAND_MEM) {
        value = ymm_load(core, insn, bytes).lane[0].u64[0];
    }
    union xmm r = *xmm_reg(core, insn, 1);

    memcpy(&r.u8[(insn->imm * bytes) & 15], &value, bytes);
    ymm_write_low(core, insn->n[0], r);
}

EXEC_OP(vex_pinsrb)
{
    insert(core, insn, 1);
}

EXEC_OP(vex_pinsrw)
{
    insert(core, insn, 2);
}

EXEC_OP(vex_pinsrd)
{
    insert(core, insn, 4);
}

EXEC_OP(vex_pinsrq)
{
    insert(core, insn, 8);
}

EXEC_OP(vex_insertps)
{
    unsigned imm = (uint8_t)insn->imm;

    avx_check(core);
    uint32_t lane = insn->kind[2] == OPERAND_MEM ? vector_load32(core, insn)
                                                 : xmm_reg(core, insn, 2)->u32[imm >> 6];
    union xmm r = *xmm_reg(core, insn, 1);

    r.u32[imm >> 4 & 3] = lane;
    for (unsigned i = 0; i < 4; i++) {
        r.u32[i] = imm >> i & 1 ? 0 : r.u32[i];
    }
    ymm_write_low(core, insn->n[0], r);
}

static exec_fn *part_choose(const struct insn *insn)
{
    bool load = insn->kind[1] == OPERAND_MEM, store = insn->kind[0] == OPERAND_MEM;

    switch (insn->op) {
    case OP_MOVSS:
        return store ? NULL : load ? exec_vex_load_part : exec_vex_movss_registers;
    case OP_MOVSD:
        return store ? NULL : load ? exec_vex_load_part : exec_vex_movsd_registers;
    case OP_MOVD:
    case OP_MOVQ:
        return insn->kind[0] != OPERAND_XMM   ? NULL
               : load                         ? exec_vex_load_part
               : insn->kind[1] == OPERAND_XMM ? exec_vex_movq_registers
                                              : exec_vex_movd_general;
    case OP_MOVLPS:
    case OP_MOVLPD:
    case OP_MOVHLPS:
        return store ? NULL : exec_vex_movlow;
    case OP_MOVHPS:
    case OP_MOVHPD:
    case OP_MOVLHPS:
        return store ? NULL : exec_vex_movhigh;
    case OP_MOVDDUP:
        return exec_vex_movddup;
    case OP_PINSRB:
        return exec_vex_pinsrb;
    case OP_PINSRW:
        return exec_vex_pinsrw;
    case OP_PINSRD:
    case OP_PINSRQ:
        return insn->size[2] == 8 ? exec_vex_pinsrq : exec_vex_pinsrd;
    case OP_INSERTPS:
        return exec_vex_insertps;
    default:
        return NULL;
    }
}

/* ---- masks and tests ---- */
static ALWAYS_INLINE unsigned signs(const union xmm *value, unsigned bits)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < 128 / bits; i++) {
        unsigned sign = bits == 8    ? value->u8[i] >> 7
                        : bits == 32 ? value->u32[i] >> 31
                                     : (unsigned)(value->u64[i] >> 63);

        mask |= sign << i;
    }
    return mask;
}

static ALWAYS_INLINE void sign_mask(struct core *core, const struct insn *insn, unsigned bits)
{
    avx_check(core);
    struct ymm b = ymm_read(core, insn->n[1]);
    unsigned high = insn->opsize == 32 ? signs(&b.lane[1], bits) : 0;

    gpr64_write(core, insn->n[0], signs(&b.lane[0], bits) | high << 128 / bits);
}

EXEC_OP(vex_pmovmskb)
{
    sign_mask(core, insn, 8);
}

EXEC_OP(vex_movmskps)
{
    sign_mask(core, insn, 32);
}

EXEC_OP(vex_movmskpd)
{
    sign_mask(core, insn, 64);
}

/* ZF: no bit of `care` is set in a and b both; CF: none that is clear in a and set in b. */
static ALWAYS_INLINE void test(struct core *core, const struct insn *insn, uint64_t care)
{
    avx_check(core);
    struct ymm b = ymm_source(core, insn, 1, insn->opsize), a = ymm_read(core, insn->n[0]);
    uint64_t both = 0, only_b = 0;

    for (unsigned i = 0; i < 2 * vex_lanes(insn); i++) {
        both |= a.lane[i / 2].u64[i & 1] & b.lane[i / 2].u64[i & 1];
        only_b |= ~a.lane[i / 2].u64[i & 1] & b.lane[i / 2].u64[i & 1];
    }
    flags_set(core, ((both & care) == 0 ? FLAG_ZF : 0) | ((only_b & care) == 0 ? FLAG_CF : 0));
}

EXEC_OP(vex_ptest)
{
    test(core, insn, UINT64_MAX);
}

EXEC_OP(vex_testps)
{
    test(core, insn, UINT64_C(0x8000000080000000));
}

EXEC_OP(vex_testpd)
{
    test(core, insn, UINT64_C(0x8000000000000000));
}

/* ---- clearing ---- */
static ALWAYS_INLINE unsigned registers(const struct core *core)
{
    return core->bits == 64 ? 16 : 8;
}

EXEC_OP(vex_zeroupper)
{
    (void)insn;
    avx_check(core);
    memset(core->state.ymm_high, 0, registers(core) * sizeof(core->state.ymm_high[0]));
}

EXEC_OP(vex_zeroall)
{
    (void)insn;
    avx_check(core);
    memset(core->state.ymm_high, 0, registers(core) * sizeof(core->state.ymm_high[0]));
    memset(core->state.xmm, 0, registers(core) * sizeof(core->state.xmm[0]));
}

/* ---- what SSE's own function does as well, once availability is checked: no vector register is
 * written, or only XMM0 by one that knows (PCMPESTRM) ---- */
static void exec_vex_as_sse(struct core *core, const struct insn *insn)
{
    avx_check(core);
    exec_fn *fn =
        op_info[insn->op].family == FAMILY_SSE ? exec_choose_sse(insn) : exec_choose_mmx(insn);

    fn(core, insn);
}

static exec_fn *other_choose(const struct insn *insn)
{
    switch (insn->op) {
#define X(name, mnemonic)                                                                          \
    case OP_##mnemonic:                                                                            \
        return exec_vex_##name;
        X(pblendvb, PBLENDVB)
        X(blendvps, BLENDVPS)
        X(blendvpd, BLENDVPD)
        X(pmovmskb, PMOVMSKB)
        X(movmskps, MOVMSKPS)
        X(movmskpd, MOVMSKPD)
        X(ptest, PTEST)
        X(testps, TESTPS)
        X(testpd, TESTPD)
        X(zeroupper, ZEROUPPER)
        X(zeroall, ZEROALL)
        X(shift, PSLLW)
        X(shift, PSLLD)
        X(shift, PSLLQ)
        X(shift, PSRLW)
        X(shift, PSRLD)
        X(shift, PSRLQ)
        X(shift, PSRAW)
        X(shift, PSRAD)
        X(shift, PSLLDQ)
        X(shift, PSRLDQ)
        X(as_sse, MOVSS)
        X(as_sse, MOVSD)
        X(as_sse, MOVD)
        X(as_sse, MOVQ)
        X(as_sse, MOVLPS)
        X(as_sse, MOVLPD)
        X(as_sse, MOVHPS)
        X(as_sse, MOVHPD)
        X(as_sse, PEXTRB)
        X(as_sse, PEXTRW)
        X(as_sse, PEXTRW2)
        X(as_sse, PEXTRD)
        X(as_sse, PEXTRQ)
        X(as_sse, EXTRACTPS)
        X(as_sse, MASKMOVDQU)
        X(as_sse, LDMXCSR)
        X(as_sse, STMXCSR)
        X(as_sse, PCMPESTRI)
        X(as_sse, PCMPESTRM)
        X(as_sse, PCMPISTRI)
        X(as_sse, PCMPISTRM)
        X(as_sse, COMISS)
        X(as_sse, COMISD)
        X(as_sse, UCOMISS)
        X(as_sse, UCOMISD)
        X(as_sse, CVTSS2SI)
        X(as_sse, CVTSD2SI)
        X(as_sse, CVTTSS2SI)
        X(as_sse, CVTTSD2SI)
#undef X
    default:
        return packed_extend_bytes(insn->op) != 0 ? exec_vex_extend : NULL;
    }
}

exec_fn *exec_choose_vex(const struct insn *insn)
{
    static exec_fn *(*const parts[])(const struct insn *insn) = {
        kernel_choose,      mov_choose,         part_choose,
        vex_float_choose,   vex_compare_choose, vex_convert_choose,
        vex_permute_choose, vex_memory_choose,  other_choose,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
        exec_fn *fn = parts[i](insn);

        if (fn != NULL) {
            return fn;
        }
    }
    return exec_undefined;
}
