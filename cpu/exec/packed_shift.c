/* Packed shifts, by a count from a register, memory or an immediate. [SDM 2 PSLLW, PSRAW, PSRLW,
 * PSLLDQ, PSRLDQ] */
#include "cpu/exec/vex.h"

/* A lane shifted by a count below its width. */
typedef uint64_t shift_lane(uint64_t lane, unsigned bits, unsigned count);

static ALWAYS_INLINE uint64_t shift_left(uint64_t lane, unsigned bits, unsigned count)
{
    (void)bits;
    return lane << count;
}

static ALWAYS_INLINE uint64_t shift_right(uint64_t lane, unsigned bits, unsigned count)
{
    (void)bits;
    return lane >> count;
}

static ALWAYS_INLINE uint64_t shift_arithmetic(uint64_t lane, unsigned bits, unsigned count)
{
    return bits == 16 ? (uint64_t)((int16_t)lane >> count) : (uint64_t)((int32_t)lane >> count);
}

/* Counts from the lane's width on clear it, or (arithmetic) fill it with its sign. */
static ALWAYS_INLINE union xmm shift(union xmm a, uint64_t count, unsigned bits, bool arithmetic,
                                     shift_lane *lane)
{
    union xmm r = { .u64 = { 0, 0 } };

    if (count >= bits) {
        if (!arithmetic) {
            return r;
        }
        count = bits - 1;
    }
    unsigned n = (unsigned)count;

    for (unsigned i = 0; i < 128 / bits; i++) {
        if (bits == 16) {
            r.u16[i] = (uint16_t)lane(a.u16[i], bits, n);
        } else if (bits == 32) {
            r.u32[i] = (uint32_t)lane(a.u32[i], bits, n);
        } else {
            r.u64[i] = lane(a.u64[i], bits, n);
        }
    }
    return r;
}

static ALWAYS_INLINE void shift_xmm(struct core *core, const struct insn *insn, unsigned bits,
                                    bool arithmetic, shift_lane *lane)
{
    sse_check(core);
    uint64_t count =
        insn->kind[1] == OPERAND_IMM ? (uint8_t)insn->imm : vector_source128(core, insn, 1).u64[0];
    union xmm *a = xmm_reg(core, insn, 0);

    *a = shift(*a, count, bits, arithmetic, lane);
}

static ALWAYS_INLINE void shift_mmx(struct core *core, const struct insn *insn, unsigned bits,
                                    bool arithmetic, shift_lane *lane)
{
    mmx_check(core);
    uint64_t count = insn->kind[1] == OPERAND_IMM ? (uint8_t)insn->imm : mmx_source(core, insn, 1);
    union xmm a = { .u64 = { mmx_read(core, insn->n[0]), 0 } };

    mmx_enter(core);
    mmx_write(core, insn->n[0], shift(a, count, bits, arithmetic, lane).u64[0]);
}

// clang-format off
/*    name   mnemonic bits arithmetic lane */
#define SHIFT_OPS(X) \
    X(psllw, PSLLW, 16, false, shift_left) \
    X(pslld, PSLLD, 32, false, shift_left) \
    X(psllq, PSLLQ, 64, false, shift_left) \
    X(psrlw, PSRLW, 16, false, shift_right) \
    X(psrld, PSRLD, 32, false, shift_right) \
    X(psrlq, PSRLQ, 64, false, shift_right) \
    X(psraw, PSRAW, 16, true,  shift_arithmetic) \
    X(psrad, PSRAD, 32, true,  shift_arithmetic)
// clang-format on

#define X(name, mnemonic, bits, arithmetic, lane)                                                  \
    EXEC_OP(name)                                                                                  \
    {                                                                                              \
        shift_xmm(core, insn, bits, arithmetic, lane);                                             \
    }                                                                                              \
    EXEC_OP(name##_mm)                                                                             \
    {                                                                                              \
        shift_mmx(core, insn, bits, arithmetic, lane);                                             \
    }
SHIFT_OPS(X)
#undef X

static ALWAYS_INLINE union xmm bytes_left(union xmm a, uint64_t count)
{
    union xmm r;

    for (unsigned i = 0; i < 16; i++) {
        r.u8[i] = i >= count ? a.u8[i - count] : 0;
    }
    return r;
}

static ALWAYS_INLINE union xmm bytes_right(union xmm a, uint64_t count)
{
    union xmm r;

    for (unsigned i = 0; i < 16; i++) {
        r.u8[i] = i + count < 16 ? a.u8[i + count] : 0;
    }
    return r;
}

EXEC_OP(pslldq)
{
    sse_check(core);
    *xmm_reg(core, insn, 0) = bytes_left(*xmm_reg(core, insn, 0), (uint8_t)insn->imm);
}

EXEC_OP(psrldq)
{
    sse_check(core);
    *xmm_reg(core, insn, 0) = bytes_right(*xmm_reg(core, insn, 0), (uint8_t)insn->imm);
}

union xmm packed_shift(unsigned op, union xmm a, uint64_t count)
{
    switch (op) {
#define X(name, mnemonic, bits, arithmetic, lane)                                                  \
    case OP_##mnemonic:                                                                            \
        return shift(a, count, bits, arithmetic, lane);
        SHIFT_OPS(X)
#undef X
    case OP_PSLLDQ:
        return bytes_left(a, count);
    default:
        return bytes_right(a, count);
    }
}

exec_fn *packed_shift_choose(const struct insn *insn)
{
    static const struct vector_row rows[OP_COUNT] = {
#define X(name, mnemonic, bits, arithmetic, lane)                                                  \
    [OP_##mnemonic] = { exec_##name, exec_##name, exec_##name##_mm, NULL },
        SHIFT_OPS(X)
#undef X
            [OP_PSLLDQ] = { exec_pslldq, NULL, NULL, NULL },
        [OP_PSRLDQ] = { exec_psrldq, NULL, NULL, NULL },
    };

    return vector_choose(&rows[insn->op], insn);
}
