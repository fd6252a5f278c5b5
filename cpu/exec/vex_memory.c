/* VMASKMOV, VPMASKMOV and gathers: memory by elements. [SDM 2 VMASKMOVPS, VPMASKMOVD, VGATHERDPD, VPGATHERDD ..]
 *
 * An element whose mask bit (the sign) is clear is not accessed; alignment is never checked. A masked store checks all its elements before it
 * writes one. A gather that faults has done what comes before: the destination's elements are there and their mask
 * is clear, so that it goes on from there. */
#include "cpu/exec/exec.h"
#include "cpu/exec/vex.h"

static ALWAYS_INLINE bool element_is_set(const struct ymm *mask, unsigned bytes, unsigned i)
{
    return ((const uint8_t *)mask)[bytes * i + bytes - 1] >> 7;
}

/* Linear address of `bytes` bytes at this offset from the memory operand's registers. */
static gva_t element_linear(struct core *core, const struct insn *insn, uint64_t offset,
                            unsigned bytes, unsigned access)
{
    offset = insn->adsize == 8 ? offset : insn->adsize == 4 ? (uint32_t)offset : (uint16_t)offset;
    if (UNLIKELY(insn->flags & INSN_SEGMENTED)) {
        return core_segment_linear(core, insn->segment, offset, bytes, access);
    }
    return offset + core->seg_base[insn->segment];
}

static ALWAYS_INLINE void mask_load(struct core *core, const struct insn *insn, unsigned bytes)
{
    bool stack = insn_is_stack(insn);

    avx_check(core);
    uint64_t offset = insn_offset(core, insn);
    struct ymm mask = ymm_read(core, insn->n[1]), r = { { { .u64 = { 0 } }, { .u64 = { 0 } } } };

    for (unsigned i = 0; i < insn->opsize / bytes; i++) {
        if (element_is_set(&mask, bytes, i)) {
            gva_t gva = element_linear(core, insn, offset + i * bytes, bytes, MMU_READ);

            core_load(core, gva, (uint8_t *)&r + i * bytes, bytes, stack);
        }
    }
    ymm_write(core, insn->n[0], insn->opsize, r);
}

static ALWAYS_INLINE void mask_store(struct core *core, const struct insn *insn, unsigned bytes)
{
    bool stack = insn_is_stack(insn);
    gva_t gva[8];

    avx_check(core);
    uint64_t offset = insn_offset(core, insn);
    struct ymm mask = ymm_read(core, insn->n[1]), value = ymm_read(core, insn->n[2]);

    for (unsigned i = 0; i < insn->opsize / bytes; i++) {
        if (element_is_set(&mask, bytes, i)) {
            gva[i] = element_linear(core, insn, offset + i * bytes, bytes, MMU_WRITE);
            core_probe_write(core, gva[i], bytes, stack);
        }
    }
    for (unsigned i = 0; i < insn->opsize / bytes; i++) {
        if (element_is_set(&mask, bytes, i)) {
            core_store(core, gva[i], (const uint8_t *)&value + i * bytes, bytes, stack);
        }
    }
}

EXEC_OP(mask_load32)
{
    mask_load(core, insn, 4);
}

EXEC_OP(mask_load64)
{
    mask_load(core, insn, 8);
}

EXEC_OP(mask_store32)
{
    mask_store(core, insn, 4);
}

EXEC_OP(mask_store64)
{
    mask_store(core, insn, 8);
}

/* One element of a register, of which a gather changes no more at a time. */
static ALWAYS_INLINE void element_set(struct core *core, unsigned n, unsigned bytes, unsigned i,
                                      uint64_t value)
{
    unsigned at = i * bytes;
    union xmm *half = at < 16 ? &core->state.xmm[n & 15] : &core->state.ymm_high[n & 15];

    memcpy(&half->u8[at & 15], &value, bytes);
}

/* bytes: of an element; index_bytes: of an index. What lies above the elements becomes zero in
 * destination and mask. */
static ALWAYS_INLINE void gather(struct core *core, const struct insn *insn, unsigned bytes,
                                 unsigned index_bytes)
{
    unsigned n = insn->opsize / (bytes > index_bytes ? bytes : index_bytes);
    uint64_t base = core->state.gpr[insn->base] + (uint64_t)insn->disp;
    const struct ymm zero = { { { .u64 = { 0, 0 } }, { .u64 = { 0, 0 } } } };

    avx_check(core);
    struct ymm index = ymm_read(core, insn->index), mask = ymm_read(core, insn->n[2]);

    for (unsigned i = 0; i < n; i++) {
        if (element_is_set(&mask, bytes, i)) {
            uint64_t at = index_bytes == 8 ? index.lane[i / 2 & 1].u64[i & 1]
                                           : (uint64_t)(int32_t)index.lane[i / 4].u32[i & 3];
            gva_t gva =
                element_linear(core, insn, base + (at << insn->scale_log2), bytes, MMU_READ);
            uint64_t value = 0;

            core_load(core, gva, &value, bytes, insn_is_stack(insn));
            element_set(core, insn->n[0], bytes, i, value);
        }
        element_set(core, insn->n[2], bytes, i, 0);
    }
    struct ymm r = ymm_read(core, insn->n[0]);

    memcpy((uint8_t *)&r + n * bytes, &zero, sizeof(r) - n * bytes);
    ymm_write(core, insn->n[0], 32, r);
    ymm_write(core, insn->n[2], 32, zero);
}

EXEC_OP(gather_d32)
{
    gather(core, insn, 4, 4);
}

EXEC_OP(gather_d64)
{
    gather(core, insn, 8, 4);
}

EXEC_OP(gather_q32)
{
    gather(core, insn, 4, 8);
}

EXEC_OP(gather_q64)
{
    gather(core, insn, 8, 8);
}

exec_fn *vex_memory_choose(const struct insn *insn)
{
    bool store = insn->kind[0] == OPERAND_MEM;

    switch (insn->op) {
    case OP_MASKMOVPS:
    case OP_PMASKMOVD:
        return store ? exec_mask_store32 : exec_mask_load32;
    case OP_MASKMOVPD:
    case OP_PMASKMOVQ:
        return store ? exec_mask_store64 : exec_mask_load64;
    case OP_GATHERDPS:
    case OP_PGATHERDD:
        return exec_gather_d32;
    case OP_GATHERDPD:
    case OP_PGATHERDQ:
        return exec_gather_d64;
    case OP_GATHERQPS:
    case OP_PGATHERQD:
        return exec_gather_q32;
    case OP_GATHERQPD:
    case OP_PGATHERQQ:
        return exec_gather_q64;
    default:
        return NULL;
    }
}
