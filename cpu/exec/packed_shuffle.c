/* Packed integers rearranged: pack, unpack, shuffle, align, blend, extend. [SDM 2 PACKSSWB, PSHUFB,
 * PMOVSX ..] */
#include "cpu/exec/vex.h"

static ALWAYS_INLINE int32_t clamp(int32_t value, int32_t low, int32_t high)
{
    value = value < low ? low : value;
    return value > high ? high : value;
}

/* ---- pack: a's lanes below, b's above, each saturated to half its width ---- */
typedef uint8_t narrow16(uint16_t value);
typedef uint16_t narrow32(uint32_t value);

static ALWAYS_INLINE uint8_t signed_byte(uint16_t value)
{
    return (uint8_t)clamp((int16_t)value, -128, 127);
}

static ALWAYS_INLINE uint8_t unsigned_byte(uint16_t value)
{
    return (uint8_t)clamp((int16_t)value, 0, 255);
}

static ALWAYS_INLINE uint16_t signed_word(uint32_t value)
{
    return (uint16_t)clamp((int32_t)value, -32768, 32767);
}

static ALWAYS_INLINE uint16_t unsigned_word(uint32_t value)
{
    return (uint16_t)clamp((int32_t)value, 0, 65535);
}

static ALWAYS_INLINE union xmm pack16(union xmm a, union xmm b, unsigned width, narrow16 *narrow)
{
    union xmm r = a;

    for (unsigned i = 0; i < width / 2; i++) {
        r.u8[i] = narrow(a.u16[i]);
        r.u8[i + width / 2] = narrow(b.u16[i]);
    }
    return r;
}

static ALWAYS_INLINE union xmm pack32(union xmm a, union xmm b, unsigned width, narrow32 *narrow)
{
    union xmm r = a;

    for (unsigned i = 0; i < width / 4; i++) {
        r.u16[i] = narrow(a.u32[i]);
        r.u16[i + width / 4] = narrow(b.u32[i]);
    }
    return r;
}

static ALWAYS_INLINE union xmm packsswb(union xmm a, union xmm b, unsigned width)
{
    return pack16(a, b, width, signed_byte);
}

static ALWAYS_INLINE union xmm packuswb(union xmm a, union xmm b, unsigned width)
{
    return pack16(a, b, width, unsigned_byte);
}

static ALWAYS_INLINE union xmm packssdw(union xmm a, union xmm b, unsigned width)
{
    return pack32(a, b, width, signed_word);
}

static ALWAYS_INLINE union xmm packusdw(union xmm a, union xmm b, unsigned width)
{
    return pack32(a, b, width, unsigned_word);
}

/* ---- unpack: lanes of a and b in turn, from the low or the high half ---- */
static ALWAYS_INLINE union xmm unpack8(union xmm a, union xmm b, unsigned width, unsigned from)
{
    union xmm r = a;

    for (unsigned i = 0; i < width / 2; i++) {
        r.u8[2 * i] = a.u8[from + i];
        r.u8[2 * i + 1] = b.u8[from + i];
    }
    return r;
}

static ALWAYS_INLINE union xmm unpack16(union xmm a, union xmm b, unsigned width, unsigned from)
{
    union xmm r = a;

    for (unsigned i = 0; i < width / 4; i++) {
        r.u16[2 * i] = a.u16[from + i];
        r.u16[2 * i + 1] = b.u16[from + i];
    }
    return r;
}

static ALWAYS_INLINE union xmm unpack32(union xmm a, union xmm b, unsigned width, unsigned from)
{
    union xmm r = a;

    for (unsigned i = 0; i < width / 8; i++) {
        r.u32[2 * i] = a.u32[from + i];
        r.u32[2 * i + 1] = b.u32[from + i];
    }
    return r;
}

static ALWAYS_INLINE union xmm punpcklbw(union xmm a, union xmm b, unsigned width)
{
    return unpack8(a, b, width, 0);
}

static ALWAYS_INLINE union xmm punpckhbw(union xmm a, union xmm b, unsigned width)
{
    return unpack8(a, b, width, width / 2);
}

static ALWAYS_INLINE union xmm punpcklwd(union xmm a, union xmm b, unsigned width)
{
    return unpack16(a, b, width, 0);
}

static ALWAYS_INLINE union xmm punpckhwd(union xmm a, union xmm b, unsigned width)
{
    return unpack16(a, b, width, width / 4);
}

static ALWAYS_INLINE union xmm punpckldq(union xmm a, union xmm b, unsigned width)
{
    return unpack32(a, b, width, 0);
}

static ALWAYS_INLINE union xmm punpckhdq(union xmm a, union xmm b, unsigned width)
{
    return unpack32(a, b, width, width / 8);
}

static ALWAYS_INLINE union xmm punpcklqdq(union xmm a, union xmm b, unsigned width)
{
    (void)width;
    return xmm_pair(a.u64[0], b.u64[0]);
}

static ALWAYS_INLINE union xmm punpckhqdq(union xmm a, union xmm b, unsigned width)
{
    (void)width;
    return xmm_pair(a.u64[1], b.u64[1]);
}

/* ---- shuffle and align ---- */
static ALWAYS_INLINE union xmm pshufb(union xmm a, union xmm b, unsigned width)
{
    union xmm r = a;

    for (unsigned i = 0; i < width; i++) {
        r.u8[i] = b.u8[i] & 0x80 ? 0 : a.u8[b.u8[i] & (width - 1)];
    }
    return r;
}

static ALWAYS_INLINE union xmm pshufd(union xmm a, union xmm b, unsigned width, unsigned imm)
{
    (void)a;
    (void)width;
    return xmm_pair(lane_pair(b.u32[imm & 3], b.u32[imm >> 2 & 3]),
                    lane_pair(b.u32[imm >> 4 & 3], b.u32[imm >> 6]));
}

/* Four words of b from `from` on, shuffled in place; also PSHUFW. */
static ALWAYS_INLINE union xmm shuffle_words(union xmm b, unsigned from, unsigned imm)
{
    union xmm r = b;

    for (unsigned i = 0; i < 4; i++) {
        r.u16[from + i] = b.u16[from + (imm >> 2 * i & 3)];
    }
    return r;
}

static ALWAYS_INLINE union xmm pshuflw(union xmm a, union xmm b, unsigned width, unsigned imm)
{
    (void)a;
    (void)width;
    return shuffle_words(b, 0, imm);
}

static ALWAYS_INLINE union xmm pshufhw(union xmm a, union xmm b, unsigned width, unsigned imm)
{
    (void)a;
    (void)width;
    return shuffle_words(b, 4, imm);
}

static ALWAYS_INLINE union xmm palignr(union xmm a, union xmm b, unsigned width, unsigned imm)
{
    uint8_t both[48] = { 0 };
    union xmm r;

    memcpy(both, &b, width);
    memcpy(both + width, &a, width);
    memcpy(&r, both + (imm < 2 * width ? imm : 2 * width), sizeof(r));
    return r;
}

static ALWAYS_INLINE union xmm pblendw(union xmm a, union xmm b, unsigned width, unsigned imm)
{
    union xmm r = a;

    for (unsigned i = 0; i < width / 2; i++) {
        r.u16[i] = imm >> i & 1 ? b.u16[i] : a.u16[i];
    }
    return r;
}

EXEC_OP(pblendvb)
{
    sse_check(core);
    union xmm b = vector_source128(core, insn, 1), mask = core->state.xmm[0];
    union xmm *r = xmm_reg(core, insn, 0);

    for (unsigned i = 0; i < 16; i++) {
        r->u8[i] = mask.u8[i] & 0x80 ? b.u8[i] : r->u8[i];
    }
}

/* ---- sign and zero extension ---- */
static ALWAYS_INLINE uint64_t lane_read(const union xmm *value, unsigned bytes, unsigned i)
{
    return bytes == 1 ? value->u8[i] : bytes == 2 ? value->u16[i] : value->u32[i];
}

static ALWAYS_INLINE uint64_t lane_read_signed(const union xmm *value, unsigned bytes, unsigned i)
{
    return (uint64_t)(bytes == 1   ? (int8_t)value->u8[i]
                      : bytes == 2 ? (int16_t)value->u16[i]
                                   : (int64_t)(int32_t)value->u32[i]);
}

/* from, to: bytes of the source and destination lanes. */
static ALWAYS_INLINE union xmm extended(union xmm b, unsigned from, unsigned to, bool sign)
{
    union xmm r = { .u64 = { 0, 0 } };

    for (unsigned i = 0; i < 16 / to; i++) {
        uint64_t lane = sign ? lane_read_signed(&b, from, i) : lane_read(&b, from, i);

        if (to == 2) {
            r.u16[i] = (uint16_t)lane;
        } else if (to == 4) {
            r.u32[i] = (uint32_t)lane;
        } else {
            r.u64[i] = lane;
        }
    }
    return r;
}

/* The memory form reads only the lanes. */
static ALWAYS_INLINE void extend(struct core *core, const struct insn *insn, unsigned from,
                                 unsigned to, bool sign)
{
    union xmm b;

    sse_check(core);
    if (insn->kind[1] == OPERAND_MEM) {
        unsigned bytes = 16 / to * from;

        b.u64[0] = bytes == 8   ? vector_load64(core, insn)
                   : bytes == 4 ? vector_load32(core, insn)
                                : vector_load16(core, insn);
        b.u64[1] = 0;
    } else {
        b = *xmm_reg(core, insn, 1);
    }
    *xmm_reg(core, insn, 0) = extended(b, from, to, sign);
}

/* ---- the MMX forms of PUNPCKL read only 32 bits of memory ---- */
static ALWAYS_INLINE void unpack_low_mmx(struct core *core, const struct insn *insn,
                                         vector_kernel *kernel)
{
    mmx_check(core);
    uint64_t source =
        insn->kind[1] == OPERAND_MEM ? vector_load32(core, insn) : mmx_read(core, insn->n[1]);
    union xmm a = { .u64 = { mmx_read(core, insn->n[0]), 0 } }, b = { .u64 = { source, 0 } };

    mmx_enter(core);
    mmx_write(core, insn->n[0], kernel(a, b, 8).u64[0]);
}

EXEC_OP(punpcklbw_mm)
{
    unpack_low_mmx(core, insn, punpcklbw);
}

EXEC_OP(punpcklwd_mm)
{
    unpack_low_mmx(core, insn, punpcklwd);
}

EXEC_OP(punpckldq_mm)
{
    unpack_low_mmx(core, insn, punpckldq);
}

// clang-format off
#define KERNEL_OPS(X) \
    X(packsswb,   PACKSSWB) \
    X(packuswb,   PACKUSWB) \
    X(packssdw,   PACKSSDW) \
    X(punpckhbw,  PUNPCKHBW) \
    X(punpckhwd,  PUNPCKHWD) \
    X(punpckhdq,  PUNPCKHDQ) \
    X(pshufb,     PSHUFB)
#define KERNEL_OPS_XMM(X) \
    X(packusdw,   PACKUSDW) \
    X(punpcklqdq, PUNPCKLQDQ) \
    X(punpckhqdq, PUNPCKHQDQ)
#define IMM_OPS_XMM(X) \
    X(pshufd,     PSHUFD) \
    X(pshuflw,    PSHUFLW) \
    X(pshufhw,    PSHUFHW) \
    X(pblendw,    PBLENDW)
/*    name        mnemonic    from to sign */
#define EXTEND_OPS(X) \
    X(pmovsxbw,   PMOVSXBW,   1,   2, true) \
    X(pmovsxbd,   PMOVSXBD,   1,   4, true) \
    X(pmovsxbq,   PMOVSXBQ,   1,   8, true) \
    X(pmovsxwd,   PMOVSXWD,   2,   4, true) \
    X(pmovsxwq,   PMOVSXWQ,   2,   8, true) \
    X(pmovsxdq,   PMOVSXDQ,   4,   8, true) \
    X(pmovzxbw,   PMOVZXBW,   1,   2, false) \
    X(pmovzxbd,   PMOVZXBD,   1,   4, false) \
    X(pmovzxbq,   PMOVZXBQ,   1,   8, false) \
    X(pmovzxwd,   PMOVZXWD,   2,   4, false) \
    X(pmovzxwq,   PMOVZXWQ,   2,   8, false) \
    X(pmovzxdq,   PMOVZXDQ,   4,   8, false)
// clang-format on

#define X(name, mnemonic) VECTOR_OP(name)
KERNEL_OPS(X)
#undef X
#define X(name, mnemonic) VECTOR_OP_XMM(name)
KERNEL_OPS_XMM(X)
VECTOR_OP_XMM(punpcklbw)
VECTOR_OP_XMM(punpcklwd)
VECTOR_OP_XMM(punpckldq)
#undef X
#define X(name, mnemonic)                                                                          \
    EXEC_OP(name)                                                                                  \
    {                                                                                              \
        vector_xmm_imm(core, insn, name);                                                          \
    }
IMM_OPS_XMM(X)
#undef X
#define X(name, mnemonic, from, to, sign)                                                          \
    EXEC_OP(name)                                                                                  \
    {                                                                                              \
        extend(core, insn, from, to, sign);                                                        \
    }
EXTEND_OPS(X)
#undef X

EXEC_OP(pshufw_mm)
{
    vector_mmx_imm(core, insn, pshuflw);
}

EXEC_OP(palignr)
{
    vector_xmm_imm(core, insn, palignr);
}

EXEC_OP(palignr_mm)
{
    vector_mmx_imm(core, insn, palignr);
}

vector_kernel *const packed_shuffle_kernels[OP_COUNT] = {
#define X(name, mnemonic) [OP_##mnemonic] = name,
    KERNEL_OPS(X) KERNEL_OPS_XMM(X) X(punpcklbw, PUNPCKLBW) X(punpcklwd, PUNPCKLWD)
        X(punpckldq, PUNPCKLDQ)
#undef X
};

vector_imm_kernel *const packed_shuffle_imm_kernels[OP_COUNT] = {
#define X(name, mnemonic) [OP_##mnemonic] = name,
    IMM_OPS_XMM(X) X(palignr, PALIGNR)
#undef X
};

unsigned packed_extend_bytes(unsigned op)
{
    switch (op) {
#define X(name, mnemonic, from, to, sign)                                                          \
    case OP_##mnemonic:                                                                            \
        return 16 / (to) * (from);
        EXTEND_OPS(X)
#undef X
    default:
        return 0;
    }
}

union xmm packed_extend(unsigned op, union xmm source)
{
    switch (op) {
#define X(name, mnemonic, from, to, sign)                                                          \
    case OP_##mnemonic:                                                                            \
        return extended(source, from, to, sign);
        EXTEND_OPS(X)
#undef X
    default:
        return source;
    }
}

exec_fn *packed_shuffle_choose(const struct insn *insn)
{
    static const struct vector_row rows[OP_COUNT] = {
#define X(name, mnemonic)                                                                          \
    [OP_##mnemonic] = { exec_##name##_xx, exec_##name##_xm, exec_##name##_mm, exec_##name##_xf },
        KERNEL_OPS(X) X(punpcklbw, PUNPCKLBW) X(punpcklwd, PUNPCKLWD) X(punpckldq, PUNPCKLDQ)
#undef X
#define X(name, mnemonic)                                                                          \
    [OP_##mnemonic] = { exec_##name##_xx, exec_##name##_xm, NULL, exec_##name##_xf },
            KERNEL_OPS_XMM(X)
#undef X
#define X(name, mnemonic) [OP_##mnemonic] = { exec_##name, exec_##name, NULL, NULL },
                IMM_OPS_XMM(X) X(pblendvb, PBLENDVB)
#undef X
#define X(name, mnemonic, from, to, sign)                                                          \
    [OP_##mnemonic] = { exec_##name, exec_##name, NULL, NULL },
                    EXTEND_OPS(X)
#undef X
                        [OP_PSHUFW] = { NULL, NULL, exec_pshufw_mm, NULL },
        [OP_PALIGNR] = { exec_palignr, exec_palignr, exec_palignr_mm, NULL },
    };

    return vector_choose(&rows[insn->op], insn);
}
