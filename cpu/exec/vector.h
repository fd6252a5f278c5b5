/* Vector operands: availability checks, XMM and MMX registers, aligned memory, and lane-wise
 * operations. [SDM 2 2.4]
 *
 * An operation on lanes is a plain C function of lanes, or a kernel of two whole registers; the
 * forms (XMM or MMX, register or memory) are made from it by VECTOR_OP and listed in a struct
 * vector_row, from which vector_choose picks. MMX registers are handled as the low half of a union
 * xmm; `width` is 8 or 16 and constant after inlining.
 */
#ifndef CPU_EXEC_VECTOR_H
#define CPU_EXEC_VECTOR_H

#include <string.h>

#include "cpu/exec/core.h"
#include "cpu/exec/exec.h"
#include "cpu/exec/operand.h"
#include "cpu/exec/x87.h"

/* Raise what blocks SSE: #UD (CR0.EM, no CR4.OSFXSR) or #NM (CR0.TS). [SDM 3A 13.1] Of that only
 * CR0.TS concerns a VEX form that runs as SSE's: it has been checked, this returns. */
COLD void sse_raise_blocked(struct core *core);

static ALWAYS_INLINE void sse_check(struct core *core)
{
    if (UNLIKELY(core->sse_blocked)) {
        sse_raise_blocked(core);
    }
}

/* Before an MMX instruction reads anything: #UD (CR0.EM), #NM (CR0.TS), #MF (a pending x87
 * exception). */
static ALWAYS_INLINE void mmx_check(struct core *core)
{
    if (UNLIKELY(core->mmx_blocked || (core->state.x87.status & 0x80u))) {
        x87_mmx_check(core);
    }
}

/* When nothing can fault any more: TOP = 0 and all tags valid, as x87_mmx_enter does. */
static ALWAYS_INLINE void mmx_enter(struct core *core)
{
    x87_top_set(&core->state.x87, 0);
    core->state.x87.valid = 0xff;
}

/* ---- registers ---- */
static ALWAYS_INLINE union xmm *xmm_reg(struct core *core, const struct insn *insn,
                                        unsigned operand)
{
    return &core->state.xmm[insn->n[operand] & 15];
}

/* A register of two words. Made in a host register: two stores and one wide load would stall the
 * host. */
static ALWAYS_INLINE union xmm xmm_pair(uint64_t low, uint64_t high)
{
    uint64x2 pair = { low, high };
    union xmm value;

    memcpy(&value, &pair, sizeof(value));
    return value;
}

static ALWAYS_INLINE uint64_t lane_pair(uint32_t low, uint32_t high)
{
    return low | (uint64_t)high << 32;
}

static ALWAYS_INLINE uint64_t mmx_read(const struct core *core, unsigned n)
{
    return core->state.x87.reg[n & 7].significand;
}

/* The caller has called mmx_enter. */
static ALWAYS_INLINE void mmx_write(struct core *core, unsigned n, uint64_t value)
{
    core->state.x87.reg[n & 7].significand = value;
    core->state.x87.reg[n & 7].sign_exponent = 0xffff;
}

/* ---- memory operands ---- */
static ALWAYS_INLINE union xmm vector_load128(struct core *core, const struct insn *insn,
                                              bool aligned)
{
    gva_t gva = insn_linear(core, insn, 16, MMU_READ);
    uint64_t words[2];

    if (aligned && UNLIKELY(gva & 15)) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    uint8_t *host = tlb_read(core->data_set, gva, 16);

    if (LIKELY(host != NULL)) {
        return xmm_pair(ram_load64(host), ram_load64(host + 8));
    }
    core_load_slow(core, gva, words, 16, insn_is_stack(insn));
    return xmm_pair(words[0], words[1]);
}

static ALWAYS_INLINE void vector_store128(struct core *core, const struct insn *insn,
                                          const union xmm *value, bool aligned)
{
    gva_t gva = insn_linear(core, insn, 16, MMU_WRITE);

    if (aligned && UNLIKELY(gva & 15)) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    uint8_t *host = tlb_write(core->data_set, gva, 16);

    if (LIKELY(host != NULL)) {
        ram_store64(host, value->u64[0]);
        ram_store64(host + 8, value->u64[1]);
    } else {
        core_store_slow(core, gva, value, 16, insn_is_stack(insn));
    }
}

static ALWAYS_INLINE uint64_t vector_load64(struct core *core, const struct insn *insn)
{
    return core_load64(core, insn_linear(core, insn, 8, MMU_READ), insn_is_stack(insn));
}

static ALWAYS_INLINE uint32_t vector_load32(struct core *core, const struct insn *insn)
{
    return core_load32(core, insn_linear(core, insn, 4, MMU_READ), insn_is_stack(insn));
}

static ALWAYS_INLINE uint16_t vector_load16(struct core *core, const struct insn *insn)
{
    return core_load16(core, insn_linear(core, insn, 2, MMU_READ), insn_is_stack(insn));
}

static ALWAYS_INLINE void vector_store64(struct core *core, const struct insn *insn, uint64_t value)
{
    core_store64(core, insn_linear(core, insn, 8, MMU_WRITE), value, insn_is_stack(insn));
}

static ALWAYS_INLINE void vector_store32(struct core *core, const struct insn *insn, uint32_t value)
{
    core_store32(core, insn_linear(core, insn, 4, MMU_WRITE), value, insn_is_stack(insn));
}

/* For EXEC_FAST_OP: host pointer of the memory operand in the plain addressing forms, or NULL when
 * SSE is blocked, the operand misaligned, or the TLB misses. */
static ALWAYS_INLINE uint8_t *vector_host_read(struct core *core, const struct insn *insn,
                                               unsigned size, bool aligned)
{
    uint64_t gva = insn_address(core, insn, ADDRESS_INDEX);

    if (UNLIKELY(core->sse_blocked) || (aligned && UNLIKELY(gva & (size - 1)))) {
        return NULL;
    }
    return tlb_read(core->data_set, gva, size);
}

static ALWAYS_INLINE uint8_t *vector_host_write(struct core *core, const struct insn *insn,
                                                unsigned size, bool aligned)
{
    uint64_t gva = insn_address(core, insn, ADDRESS_INDEX);

    if (UNLIKELY(core->sse_blocked) || (aligned && UNLIKELY(gva & (size - 1)))) {
        return NULL;
    }
    return tlb_write(core->data_set, gva, size);
}

static inline bool vector_is_fast(const struct insn *insn)
{
    return insn_address_form(insn) != ADDRESS_ANY;
}

/* XMM register or aligned 128-bit memory, whichever the operand is. */
static ALWAYS_INLINE union xmm vector_source128(struct core *core, const struct insn *insn,
                                                unsigned operand)
{
    if (insn->kind[operand] == OPERAND_MEM) {
        return vector_load128(core, insn, true);
    }
    return *xmm_reg(core, insn, operand);
}

/* The low 64 or 32 bits of an XMM register, or memory of that size without alignment. */
static ALWAYS_INLINE uint64_t vector_source64(struct core *core, const struct insn *insn,
                                              unsigned operand)
{
    if (insn->kind[operand] == OPERAND_MEM) {
        return vector_load64(core, insn);
    }
    return xmm_reg(core, insn, operand)->u64[0];
}

static ALWAYS_INLINE uint32_t vector_source32(struct core *core, const struct insn *insn,
                                              unsigned operand)
{
    if (insn->kind[operand] == OPERAND_MEM) {
        return vector_load32(core, insn);
    }
    return xmm_reg(core, insn, operand)->u32[0];
}

static ALWAYS_INLINE uint64_t mmx_source(struct core *core, const struct insn *insn,
                                         unsigned operand)
{
    if (insn->kind[operand] == OPERAND_MEM) {
        return vector_load64(core, insn);
    }
    return mmx_read(core, insn->n[operand]);
}

/* ---- lane-wise application ---- */
typedef union xmm vector_kernel(union xmm a, union xmm b, unsigned width);
typedef union xmm vector_imm_kernel(union xmm a, union xmm b, unsigned width, unsigned imm);

#define VECTOR_MAP(bits)                                                                           \
    typedef uint##bits##_t vector_lane##bits(uint##bits##_t a, uint##bits##_t b);                  \
    static ALWAYS_INLINE union xmm vector_map##bits(union xmm a, union xmm b, unsigned width,      \
                                                    vector_lane##bits *lane)                       \
    {                                                                                              \
        union xmm r = a;                                                                           \
                                                                                                   \
        for (unsigned i = 0; i < width * 8 / bits; i++) {                                          \
            r.u##bits[i] = lane(a.u##bits[i], b.u##bits[i]);                                       \
        }                                                                                          \
        return r;                                                                                  \
    }
VECTOR_MAP(8)
VECTOR_MAP(16)
VECTOR_MAP(32)
VECTOR_MAP(64)
#undef VECTOR_MAP

static ALWAYS_INLINE void vector_xmm(struct core *core, const struct insn *insn, bool memory,
                                     vector_kernel *kernel)
{
    sse_check(core);
    union xmm b = memory ? vector_load128(core, insn, true) : *xmm_reg(core, insn, 1);
    union xmm *a = xmm_reg(core, insn, 0);

    *a = kernel(*a, b, 16);
}

static ALWAYS_INLINE bool vector_xmm_fast(struct core *core, const struct insn *insn,
                                          vector_kernel *kernel)
{
    const uint8_t *host = vector_host_read(core, insn, 16, true);
    union xmm *a = xmm_reg(core, insn, 0);

    if (UNLIKELY(host == NULL)) {
        return false;
    }
    *a = kernel(*a, xmm_pair(ram_load64(host), ram_load64(host + 8)), 16);
    return true;
}

static ALWAYS_INLINE void vector_mmx(struct core *core, const struct insn *insn,
                                     vector_kernel *kernel)
{
    mmx_check(core);
    union xmm b = { .u64 = { mmx_source(core, insn, 1), 0 } };
    union xmm a = { .u64 = { mmx_read(core, insn->n[0]), 0 } };

    mmx_enter(core);
    mmx_write(core, insn->n[0], kernel(a, b, 8).u64[0]);
}

static ALWAYS_INLINE void vector_xmm_imm(struct core *core, const struct insn *insn,
                                         vector_imm_kernel *kernel)
{
    sse_check(core);
    union xmm b = vector_source128(core, insn, 1);
    union xmm *a = xmm_reg(core, insn, 0);

    *a = kernel(*a, b, 16, (uint8_t)insn->imm);
}

static ALWAYS_INLINE void vector_mmx_imm(struct core *core, const struct insn *insn,
                                         vector_imm_kernel *kernel)
{
    mmx_check(core);
    union xmm b = { .u64 = { mmx_source(core, insn, 1), 0 } };
    union xmm a = { .u64 = { mmx_read(core, insn->n[0]), 0 } };

    mmx_enter(core);
    mmx_write(core, insn->n[0], kernel(a, b, 8, (uint8_t)insn->imm).u64[0]);
}

/* The forms of an operation given as a kernel: exec_<name>_xx (XMM, XMM), _xm (XMM, memory), _xf
 * (the same for the plain addressing forms), _mm (MMX). */
#define VECTOR_OP_XMM(name)                                                                        \
    EXEC_OP(name##_xx)                                                                             \
    {                                                                                              \
        vector_xmm(core, insn, false, name);                                                       \
    }                                                                                              \
    EXEC_OP(name##_xm)                                                                             \
    {                                                                                              \
        vector_xmm(core, insn, true, name);                                                        \
    }                                                                                              \
    EXEC_FAST_OP(name##_xf, name##_xm)                                                             \
    {                                                                                              \
        return vector_xmm_fast(core, insn, name);                                                  \
    }
#define VECTOR_OP(name)                                                                            \
    VECTOR_OP_XMM(name)                                                                            \
    EXEC_OP(name##_mm)                                                                             \
    {                                                                                              \
        vector_mmx(core, insn, name);                                                              \
    }
/* A kernel from a lane function: lane_<name> of the given lane width. */
#define VECTOR_KERNEL(bits, name)                                                                  \
    static ALWAYS_INLINE union xmm name(union xmm a, union xmm b, unsigned width)                  \
    {                                                                                              \
        return vector_map##bits(a, b, width, lane_##name);                                         \
    }

/* Which function executes an operation, by the kinds of its operands. NULL: no such form. */
struct vector_row {
    exec_fn *xmm_xmm, *xmm_mem, *mmx_any;
    exec_fn *xmm_fast; /* or NULL */
};

static inline exec_fn *vector_choose(const struct vector_row *row, const struct insn *insn)
{
    if (insn->kind[0] == OPERAND_MMX) {
        return row->mmx_any;
    }
    if (insn->kind[1] != OPERAND_MEM) {
        return row->xmm_xmm;
    }
    return row->xmm_fast != NULL && vector_is_fast(insn) ? row->xmm_fast : row->xmm_mem;
}

/* Parts of the MMX family: NULL when the operation is not theirs. */
exec_fn *packed_arith_choose(const struct insn *insn);
exec_fn *packed_shuffle_choose(const struct insn *insn);
exec_fn *packed_shift_choose(const struct insn *insn);
exec_fn *packed_string_choose(const struct insn *insn);
/* MOVDQA, MOVAPS .. (aligned) and MOVDQU, MOVUPS .., loads and stores; EXTRACTPS as PEXTRD. */
exec_fn *mov128_choose(const struct insn *insn, bool aligned);
exec_fn *extractps_choose(void);
/* MOVQ and MOVSD, MOVD and MOVSS: between memory and the low part; a load clears the rest. */
exec_fn *mov64_load_choose(const struct insn *insn);
exec_fn *mov64_store_choose(const struct insn *insn);
exec_fn *mov32_load_choose(const struct insn *insn);
exec_fn *mov32_store_choose(const struct insn *insn);
/* Parts of the SSE family. */
exec_fn *sse_move_choose(const struct insn *insn);
exec_fn *sse_float_choose(const struct insn *insn);
exec_fn *sse_convert_choose(const struct insn *insn);

#endif
