/* VEX-encoded vector instructions: availability, YMM registers, and the kernels that they share with SSE.
 * [SDM 2A 2.4, 2.7]
 *
 * What an instruction checks follows from its form (the exception classes of the manual):
 *     all           #UD: real or virtual-8086 mode, CR4.OSXSAVE clear, XCR0 without SSE and AVX; #NM: CR0.TS
 *     1             MOVAPS .. MOVNTDQA: memory aligned to its size, else #GP
 *     2, 3          floating point: #XM, or #UD without CR4.OSXMMEXCPT; memory of any alignment
 *     4, 5, 6, 11   memory of any alignment
 *     6, 12         VMASKMOV and gathers: elements that are masked off do not fault
 *     7, 8          no memory
 *     13            general registers (bmi.c): only the mode
 * Writing an XMM register clears bits 255:128.
 */
#ifndef CPU_EXEC_VEX_H
#define CPU_EXEC_VEX_H

#include "cpu/exec/fp_ops.h"
#include "cpu/exec/vector.h"

struct ymm {
    union xmm lane[2];
};

NORETURN COLD void avx_raise_blocked(struct core *core);

static ALWAYS_INLINE void avx_check(struct core *core)
{
    if (UNLIKELY(core->avx_blocked)) {
        avx_raise_blocked(core);
    }
}

static ALWAYS_INLINE struct ymm ymm_read(const struct core *core, unsigned n)
{
    return (struct ymm){ { core->state.xmm[n & 15], core->state.ymm_high[n & 15] } };
}

/* bytes: 16 or 32 of them count. */
static ALWAYS_INLINE void ymm_write(struct core *core, unsigned n, unsigned bytes, struct ymm value)
{
    core->state.xmm[n & 15] = value.lane[0];
    core->state.ymm_high[n & 15] = bytes == 32 ? value.lane[1] : xmm_pair(0, 0);
}

static ALWAYS_INLINE void ymm_write_low(struct core *core, unsigned n, union xmm value)
{
    core->state.xmm[n & 15] = value;
    core->state.ymm_high[n & 15] = xmm_pair(0, 0);
}

/* The memory operand: 1 to 32 bytes of it; the rest is zero. */
static ALWAYS_INLINE struct ymm ymm_load(struct core *core, const struct insn *insn, unsigned bytes)
{
    gva_t gva = insn_linear(core, insn, bytes, MMU_READ);
    struct ymm value = { { { .u64 = { 0, 0 } }, { .u64 = { 0, 0 } } } };
    const uint8_t *host = bytes >= 16 ? tlb_read(core->data_set, gva, bytes) : NULL;

    if (LIKELY(host != NULL)) {
        value.lane[0] = xmm_pair(ram_load64(host), ram_load64(host + 8));
        if (bytes == 32) {
            value.lane[1] = xmm_pair(ram_load64(host + 16), ram_load64(host + 24));
        }
    } else {
        core_load(core, gva, &value, bytes, insn_is_stack(insn));
    }
    return value;
}

static ALWAYS_INLINE void ymm_store(struct core *core, const struct insn *insn, unsigned bytes,
                                    const struct ymm *value)
{
    gva_t gva = insn_linear(core, insn, bytes, MMU_WRITE);

    core_store(core, gva, value, bytes, insn_is_stack(insn));
}

/* Register or memory, whichever the operand is. */
static ALWAYS_INLINE struct ymm ymm_source(struct core *core, const struct insn *insn,
                                           unsigned operand, unsigned bytes)
{
    return insn->kind[operand] == OPERAND_MEM ? ymm_load(core, insn, bytes)
                                              : ymm_read(core, insn->n[operand]);
}

static ALWAYS_INLINE unsigned vex_lanes(const struct insn *insn)
{
    return insn->opsize / 16u;
}

/* The operand behind the destination and VEX.vvvv, if that is one. */
static ALWAYS_INLINE unsigned vex_last(const struct insn *insn)
{
    return insn->kind[2] == OPERAND_XMM || insn->kind[2] == OPERAND_MEM ? 2 : 1;
}

/* ---- kernels by operation; NULL: not of this kind ---- */
extern vector_kernel *const packed_arith_kernels[OP_COUNT];
extern vector_kernel *const packed_shuffle_kernels[OP_COUNT];
extern vector_kernel *const sse_move_kernels[OP_COUNT];
extern vector_kernel *const crypto_kernels[OP_COUNT];
extern vector_kernel *const vex_packed_kernels[OP_COUNT]; /* that SSE does not have */
extern vector_imm_kernel *const packed_arith_imm_kernels[OP_COUNT];
extern vector_imm_kernel *const packed_shuffle_imm_kernels[OP_COUNT];
extern vector_imm_kernel *const sse_move_imm_kernels[OP_COUNT];
extern vector_imm_kernel *const crypto_imm_kernels[OP_COUNT];
extern vector_imm_kernel *const vex_packed_imm_kernels[OP_COUNT];

/* Whole lanes shifted by one count: PSLLW .. PSRAD, and PSLLDQ, PSRLDQ by bytes. */
union xmm packed_shift(unsigned op, union xmm a, uint64_t count);

/* PMOVSX, PMOVZX: how many bytes of the source make 16 of the result, and those. */
unsigned packed_extend_bytes(unsigned op);
union xmm packed_extend(unsigned op, union xmm source);

/* ---- floating point by elements ---- */
typedef uint32_t f32_binary(struct fp_env *env, uint32_t a, uint32_t b);
typedef uint64_t f64_binary(struct fp_env *env, uint64_t a, uint64_t b);

enum sse_float_form { SSE_PACKED, SSE_SCALAR, SSE_HORIZONTAL };

struct sse_float_row {
    f32_binary *f32[2]; /* even and odd elements; NULL: doubles */
    f64_binary *f64[2];
    uint8_t form; /* enum sse_float_form */
};

extern const struct sse_float_row sse_float_rows[OP_COUNT];

/* ---- parts of the chooser: NULL when the operation is not theirs ---- */
exec_fn *vex_float_choose(const struct insn *insn);   /* generic rows above, FMA, F16C */
exec_fn *vex_compare_choose(const struct insn *insn); /* CMPPS .., ROUNDPS .., DPPS (sse_float.c) */
exec_fn *vex_convert_choose(const struct insn *insn); /* (sse_convert.c) */
exec_fn *vex_permute_choose(const struct insn *insn);
exec_fn *vex_memory_choose(const struct insn *insn); /* VMASKMOV, gathers */

/* Of any VEX-encoded instruction; never NULL. */
exec_fn *exec_choose_vex(const struct insn *insn);

#endif
