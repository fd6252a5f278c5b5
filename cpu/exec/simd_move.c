/* The MMX family: chooser, moves, inserts, extracts and masks of MMX and integer XMM registers.
 * [SDM 2 MOVD, MOVQ, MOVDQA, PINSRB, PEXTRB, PMOVMSKB, MASKMOVDQU, PTEST, EMMS ..] */
#include "cpu/exec/exec.h"
#include "cpu/exec/flags.h"
#include "cpu/exec/vector.h"

void sse_raise_blocked(struct core *core)
{
    if (core->insn->flags & INSN_VEX) {
        return;
    }
    core_raise(core, (core->state.cr0 & CR0_EM) || !(core->state.cr4 & CR4_OSFXSR) ? VECTOR_UD
                                                                                   : VECTOR_NM);
}

/* ---- 128 bits: MOVDQA, MOVDQU, LDDQU, MOVNTDQ, MOVNTDQA and their floating-point twins ---- */
EXEC_OP(mov128_xx)
{
    sse_check(core);
    *xmm_reg(core, insn, 0) = *xmm_reg(core, insn, 1);
}

EXEC_OP(mov128_load_aligned)
{
    sse_check(core);
    *xmm_reg(core, insn, 0) = vector_load128(core, insn, true);
}

EXEC_OP(mov128_load)
{
    sse_check(core);
    *xmm_reg(core, insn, 0) = vector_load128(core, insn, false);
}

EXEC_OP(mov128_store_aligned)
{
    sse_check(core);
    vector_store128(core, insn, xmm_reg(core, insn, 1), true);
}

EXEC_OP(mov128_store)
{
    sse_check(core);
    vector_store128(core, insn, xmm_reg(core, insn, 1), false);
}

static ALWAYS_INLINE bool load128_fast(struct core *core, const struct insn *insn, bool aligned)
{
    const uint8_t *host = vector_host_read(core, insn, 16, aligned);

    if (UNLIKELY(host == NULL)) {
        return false;
    }
    *xmm_reg(core, insn, 0) = xmm_pair(ram_load64(host), ram_load64(host + 8));
    return true;
}

static ALWAYS_INLINE bool store128_fast(struct core *core, const struct insn *insn, bool aligned)
{
    uint8_t *host = vector_host_write(core, insn, 16, aligned);
    const union xmm *value = xmm_reg(core, insn, 1);

    if (UNLIKELY(host == NULL)) {
        return false;
    }
    ram_store64(host, value->u64[0]);
    ram_store64(host + 8, value->u64[1]);
    return true;
}

EXEC_FAST_OP(mov128_load_aligned_fast, mov128_load_aligned)
{
    return load128_fast(core, insn, true);
}

EXEC_FAST_OP(mov128_load_fast, mov128_load)
{
    return load128_fast(core, insn, false);
}

EXEC_FAST_OP(mov128_store_aligned_fast, mov128_store_aligned)
{
    return store128_fast(core, insn, true);
}

EXEC_FAST_OP(mov128_store_fast, mov128_store)
{
    return store128_fast(core, insn, false);
}

exec_fn *mov128_choose(const struct insn *insn, bool aligned)
{
    static exec_fn *const loads[2][2] = {
        { exec_mov128_load, exec_mov128_load_fast },
        { exec_mov128_load_aligned, exec_mov128_load_aligned_fast },
    };
    static exec_fn *const stores[2][2] = {
        { exec_mov128_store, exec_mov128_store_fast },
        { exec_mov128_store_aligned, exec_mov128_store_aligned_fast },
    };

    if (insn->kind[0] == OPERAND_MEM) {
        return stores[aligned][vector_is_fast(insn)];
    }
    return insn->kind[1] == OPERAND_MEM ? loads[aligned][vector_is_fast(insn)] : exec_mov128_xx;
}

/* ---- 32 and 64 bits: MOVD and MOVQ by what moves where; the rest of an XMM destination is cleared
 * ---- */
static ALWAYS_INLINE void xmm_set64(struct core *core, const struct insn *insn, uint64_t value)
{
    *xmm_reg(core, insn, 0) = xmm_pair(value, 0);
}

EXEC_OP(movq_xx)
{
    sse_check(core);
    xmm_set64(core, insn, xmm_reg(core, insn, 1)->u64[0]);
}

EXEC_OP(movq_load)
{
    sse_check(core);
    xmm_set64(core, insn, vector_load64(core, insn));
}

EXEC_OP(movq_store)
{
    sse_check(core);
    vector_store64(core, insn, xmm_reg(core, insn, 1)->u64[0]);
}

EXEC_OP(movd_load)
{
    sse_check(core);
    xmm_set64(core, insn, vector_load32(core, insn));
}

EXEC_OP(movd_store)
{
    sse_check(core);
    vector_store32(core, insn, xmm_reg(core, insn, 1)->u32[0]);
}

/* MOVSD and MOVSS load and store likewise. */
EXEC_FAST_OP(movq_load_fast, movq_load)
{
    const uint8_t *host = vector_host_read(core, insn, 8, false);

    if (UNLIKELY(host == NULL)) {
        return false;
    }
    xmm_set64(core, insn, ram_load64(host));
    return true;
}

EXEC_FAST_OP(movd_load_fast, movd_load)
{
    const uint8_t *host = vector_host_read(core, insn, 4, false);

    if (UNLIKELY(host == NULL)) {
        return false;
    }
    xmm_set64(core, insn, ram_load32(host));
    return true;
}

EXEC_FAST_OP(movq_store_fast, movq_store)
{
    uint8_t *host = vector_host_write(core, insn, 8, false);

    if (UNLIKELY(host == NULL)) {
        return false;
    }
    ram_store64(host, xmm_reg(core, insn, 1)->u64[0]);
    return true;
}

EXEC_FAST_OP(movd_store_fast, movd_store)
{
    uint8_t *host = vector_host_write(core, insn, 4, false);

    if (UNLIKELY(host == NULL)) {
        return false;
    }
    ram_store32(host, xmm_reg(core, insn, 1)->u32[0]);
    return true;
}

exec_fn *mov64_load_choose(const struct insn *insn)
{
    return vector_is_fast(insn) ? exec_movq_load_fast : exec_movq_load;
}

exec_fn *mov64_store_choose(const struct insn *insn)
{
    return vector_is_fast(insn) ? exec_movq_store_fast : exec_movq_store;
}

exec_fn *mov32_load_choose(const struct insn *insn)
{
    return vector_is_fast(insn) ? exec_movd_load_fast : exec_movd_load;
}

exec_fn *mov32_store_choose(const struct insn *insn)
{
    return vector_is_fast(insn) ? exec_movd_store_fast : exec_movd_store;
}

EXEC_OP(movd_from_gpr32)
{
    sse_check(core);
    xmm_set64(core, insn, (uint32_t)core->state.gpr[insn->n[1]]);
}

EXEC_OP(movd_from_gpr64)
{
    sse_check(core);
    xmm_set64(core, insn, core->state.gpr[insn->n[1]]);
}

EXEC_OP(movd_to_gpr32)
{
    sse_check(core);
    gpr32_write(core, insn->n[0], xmm_reg(core, insn, 1)->u32[0]);
}

EXEC_OP(movd_to_gpr64)
{
    sse_check(core);
    gpr64_write(core, insn->n[0], xmm_reg(core, insn, 1)->u64[0]);
}

/* Into an MMX register: from MMX, memory or a general register, 4 or 8 bytes. */
EXEC_OP(mov_to_mmx)
{
    mmx_check(core);
    bool quad = insn->size[1] == 8 || insn->kind[1] == OPERAND_MMX;
    uint64_t value;

    if (insn->kind[1] == OPERAND_MEM) {
        value = quad ? vector_load64(core, insn) : vector_load32(core, insn);
    } else if (insn->kind[1] == OPERAND_GPR) {
        value = quad ? core->state.gpr[insn->n[1]] : (uint32_t)core->state.gpr[insn->n[1]];
    } else {
        value = mmx_read(core, insn->n[1]);
    }
    mmx_enter(core);
    mmx_write(core, insn->n[0], value);
}

/* Out of an MMX register: to memory (MOVNTQ too) or a general register, 4 or 8 bytes. */
EXEC_OP(mov_from_mmx)
{
    mmx_check(core);
    uint64_t value = mmx_read(core, insn->n[1]);

    if (insn->kind[0] == OPERAND_MEM) {
        if (insn->size[0] == 8) {
            vector_store64(core, insn, value);
        } else {
            vector_store32(core, insn, (uint32_t)value);
        }
    } else {
        gpr64_write(core, insn->n[0], insn->size[0] == 8 ? value : (uint32_t)value);
    }
    mmx_enter(core);
}

static exec_fn *movdq_choose(const struct insn *insn)
{
    unsigned to = insn->kind[0], from = insn->kind[1];

    if (to == OPERAND_MMX) {
        return exec_mov_to_mmx;
    }
    if (from == OPERAND_MMX) {
        return exec_mov_from_mmx;
    }
    if (to == OPERAND_XMM) {
        bool quad = insn->size[1] != 4;

        return from == OPERAND_XMM   ? exec_movq_xx
               : from == OPERAND_MEM ? (quad ? mov64_load_choose(insn) : mov32_load_choose(insn))
                                     : (quad ? exec_movd_from_gpr64 : exec_movd_from_gpr32);
    }
    bool quad = insn->size[0] != 4;

    return to == OPERAND_MEM ? (quad ? mov64_store_choose(insn) : mov32_store_choose(insn))
                             : (quad ? exec_movd_to_gpr64 : exec_movd_to_gpr32);
}

/* Between the register files: SSE2's availability and an x87 to MMX transition. */
EXEC_OP(movq2dq)
{
    sse_check(core);
    mmx_check(core);
    mmx_enter(core);
    xmm_set64(core, insn, mmx_read(core, insn->n[1]));
}

EXEC_OP(movdq2q)
{
    sse_check(core);
    mmx_check(core);
    mmx_enter(core);
    mmx_write(core, insn->n[0], xmm_reg(core, insn, 1)->u64[0]);
}

EXEC_OP(emms)
{
    (void)insn;
    mmx_check(core);
    mmx_enter(core);
    core->state.x87.valid = 0;
}

/* ---- insert: a general register or memory into one lane ---- */
static ALWAYS_INLINE uint64_t insert_source(struct core *core, const struct insn *insn,
                                            unsigned bytes)
{
    if (insn->kind[1] != OPERAND_MEM) {
        return core->state.gpr[insn->n[1] & 15];
    }
    gva_t gva = insn_linear(core, insn, bytes, MMU_READ);
    bool stack = insn_is_stack(insn);

    return bytes == 1   ? core_load8(core, gva, stack)
           : bytes == 2 ? core_load16(core, gva, stack)
           : bytes == 4 ? core_load32(core, gva, stack)
                        : core_load64(core, gva, stack);
}

EXEC_OP(pinsrb)
{
    sse_check(core);
    xmm_reg(core, insn, 0)->u8[insn->imm & 15] = (uint8_t)insert_source(core, insn, 1);
}

EXEC_OP(pinsrw)
{
    sse_check(core);
    xmm_reg(core, insn, 0)->u16[insn->imm & 7] = (uint16_t)insert_source(core, insn, 2);
}

EXEC_OP(pinsrd)
{
    sse_check(core);
    xmm_reg(core, insn, 0)->u32[insn->imm & 3] = (uint32_t)insert_source(core, insn, 4);
}

EXEC_OP(pinsrq)
{
    sse_check(core);
    xmm_reg(core, insn, 0)->u64[insn->imm & 1] = insert_source(core, insn, 8);
}

EXEC_OP(pinsrw_mm)
{
    mmx_check(core);
    uint16_t word = (uint16_t)insert_source(core, insn, 2);
    union xmm value = { .u64 = { mmx_read(core, insn->n[0]), 0 } };

    value.u16[insn->imm & 3] = word;
    mmx_enter(core);
    mmx_write(core, insn->n[0], value.u64[0]);
}

/* ---- extract: one lane to memory, or zero-extended to a general register ---- */
static ALWAYS_INLINE void extract_to(struct core *core, const struct insn *insn, unsigned bytes,
                                     uint64_t value)
{
    if (insn->kind[0] != OPERAND_MEM) {
        gpr64_write(core, insn->n[0] & 15, value);
        return;
    }
    gva_t gva = insn_linear(core, insn, bytes, MMU_WRITE);
    bool stack = insn_is_stack(insn);

    switch (bytes) {
    case 1:
        core_store8(core, gva, (uint8_t)value, stack);
        break;
    case 2:
        core_store16(core, gva, (uint16_t)value, stack);
        break;
    case 4:
        core_store32(core, gva, (uint32_t)value, stack);
        break;
    default:
        core_store64(core, gva, value, stack);
    }
}

EXEC_OP(pextrb)
{
    sse_check(core);
    extract_to(core, insn, 1, xmm_reg(core, insn, 1)->u8[insn->imm & 15]);
}

EXEC_OP(pextrw)
{
    sse_check(core);
    extract_to(core, insn, 2, xmm_reg(core, insn, 1)->u16[insn->imm & 7]);
}

/* PEXTRD; EXTRACTPS is the same. */
EXEC_OP(pextrd)
{
    sse_check(core);
    extract_to(core, insn, 4, xmm_reg(core, insn, 1)->u32[insn->imm & 3]);
}

EXEC_OP(pextrq)
{
    sse_check(core);
    extract_to(core, insn, 8, xmm_reg(core, insn, 1)->u64[insn->imm & 1]);
}

exec_fn *extractps_choose(void)
{
    return exec_pextrd;
}

EXEC_OP(pextrw_mm)
{
    mmx_check(core);
    mmx_enter(core);
    gpr64_write(core, insn->n[0] & 15, mmx_read(core, insn->n[1]) >> (insn->imm & 3) * 16 & 0xffff);
}

/* ---- masks ---- */

/* Bit i: the sign of byte i. A multiplication gathers the eight sign bits into the top byte. */
static ALWAYS_INLINE uint64_t byte_signs(uint64_t value)
{
    return ((value >> 7 & UINT64_C(0x0101010101010101)) * UINT64_C(0x0102040810204080)) >> 56;
}

EXEC_OP(pmovmskb)
{
    sse_check(core);
    const union xmm *value = xmm_reg(core, insn, 1);

    gpr64_write(core, insn->n[0], byte_signs(value->u64[0]) | byte_signs(value->u64[1]) << 8);
}

EXEC_OP(pmovmskb_mm)
{
    mmx_check(core);
    mmx_enter(core);
    gpr64_write(core, insn->n[0], byte_signs(mmx_read(core, insn->n[1])));
}

/* Byte stores at rDI of those bytes whose mask has the sign bit. All are checked before any is
 * written. */
static void masked_store(struct core *core, const struct insn *insn, const union xmm *value,
                         const union xmm *mask, unsigned width)
{
    uint64_t rdi = core->state.gpr[REG_RDI];
    gva_t at[16];

    for (unsigned i = 0; i < width; i++) {
        if (mask->u8[i] & 0x80) {
            uint64_t offset = insn->adsize == 8   ? rdi + i
                              : insn->adsize == 4 ? (uint32_t)(rdi + i)
                                                  : (uint16_t)(rdi + i);

            at[i] = insn->flags & INSN_SEGMENTED
                        ? core_segment_linear(core, insn->segment, offset, 1, MMU_WRITE)
                        : offset + core->seg_base[insn->segment];
            core_probe_write(core, at[i], 1, insn_is_stack(insn));
        }
    }
    for (unsigned i = 0; i < width; i++) {
        if (mask->u8[i] & 0x80) {
            core_store8(core, at[i], value->u8[i], insn_is_stack(insn));
        }
    }
}

EXEC_OP(maskmovdqu)
{
    sse_check(core);
    masked_store(core, insn, xmm_reg(core, insn, 0), xmm_reg(core, insn, 1), 16);
}

EXEC_OP(maskmovq)
{
    mmx_check(core);
    union xmm value = { .u64 = { mmx_read(core, insn->n[0]), 0 } };
    union xmm mask = { .u64 = { mmx_read(core, insn->n[1]), 0 } };

    masked_store(core, insn, &value, &mask, 8);
    mmx_enter(core);
}

EXEC_OP(ptest)
{
    sse_check(core);
    union xmm b = vector_source128(core, insn, 1);
    const union xmm *a = xmm_reg(core, insn, 0);
    bool zero = ((a->u64[0] & b.u64[0]) | (a->u64[1] & b.u64[1])) == 0;
    bool carry = ((~a->u64[0] & b.u64[0]) | (~a->u64[1] & b.u64[1])) == 0;

    flags_set(core, (zero ? FLAG_ZF : 0) | (carry ? FLAG_CF : 0));
}

static exec_fn *simd_move_choose(const struct insn *insn)
{
    bool mmx = insn->kind[0] == OPERAND_MMX || insn->kind[1] == OPERAND_MMX;

    switch (insn->op) {
    case OP_MOVD:
    case OP_MOVQ:
        return movdq_choose(insn);
    case OP_MOVDQA:
    case OP_MOVNTDQ:
    case OP_MOVNTDQA:
        return mov128_choose(insn, true);
    case OP_MOVDQU:
    case OP_LDDQU:
        return mov128_choose(insn, false);
    case OP_MOVNTQ:
        return exec_mov_from_mmx;
    case OP_MOVQ2DQ:
        return exec_movq2dq;
    case OP_MOVDQ2Q:
        return exec_movdq2q;
    case OP_EMMS:
        return exec_emms;
    case OP_PINSRB:
        return exec_pinsrb;
    case OP_PINSRW:
        return mmx ? exec_pinsrw_mm : exec_pinsrw;
    case OP_PINSRD:
        return insn->size[1] == 8 ? exec_pinsrq : exec_pinsrd;
    case OP_PINSRQ:
        return exec_pinsrq;
    case OP_PEXTRB:
        return exec_pextrb;
    case OP_PEXTRW:
    case OP_PEXTRW2:
        return mmx ? exec_pextrw_mm : exec_pextrw;
    case OP_PEXTRD:
        return insn->size[0] == 8 ? exec_pextrq : exec_pextrd;
    case OP_PEXTRQ:
        return exec_pextrq;
    case OP_PMOVMSKB:
        return mmx ? exec_pmovmskb_mm : exec_pmovmskb;
    case OP_MASKMOVDQU:
        return exec_maskmovdqu;
    case OP_MASKMOVQ:
        return exec_maskmovq;
    case OP_PTEST:
        return exec_ptest;
    default:
        return NULL;
    }
}

exec_fn *exec_choose_mmx(const struct insn *insn)
{
    exec_fn *(*const parts[])(const struct insn *) = {
        simd_move_choose,    packed_arith_choose,  packed_shuffle_choose,
        packed_shift_choose, packed_string_choose,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
        exec_fn *fn = parts[i](insn);

        if (fn != NULL) {
            return fn;
        }
    }
    return exec_undefined;
}
