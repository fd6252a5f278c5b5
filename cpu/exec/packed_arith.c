/* Packed integer arithmetic, logic and comparison, MMX to SSE4.2. [SDM 2 PADDB ..;
 * 1 9.4, 11.4, 12.6, 12.10] */
#include "cpu/exec/vex.h"

/* ---- lanes: wrap-around and saturation ---- */
static ALWAYS_INLINE int clamp(int value, int low, int high)
{
    value = value < low ? low : value;
    return value > high ? high : value;
}

static ALWAYS_INLINE uint8_t lane_paddb(uint8_t a, uint8_t b)
{
    return (uint8_t)(a + b);
}

static ALWAYS_INLINE uint16_t lane_paddw(uint16_t a, uint16_t b)
{
    return (uint16_t)(a + b);
}

static ALWAYS_INLINE uint32_t lane_paddd(uint32_t a, uint32_t b)
{
    return a + b;
}

static ALWAYS_INLINE uint64_t lane_paddq(uint64_t a, uint64_t b)
{
    return a + b;
}

static ALWAYS_INLINE uint8_t lane_psubb(uint8_t a, uint8_t b)
{
    return (uint8_t)(a - b);
}

static ALWAYS_INLINE uint16_t lane_psubw(uint16_t a, uint16_t b)
{
    return (uint16_t)(a - b);
}

static ALWAYS_INLINE uint32_t lane_psubd(uint32_t a, uint32_t b)
{
    return a - b;
}

static ALWAYS_INLINE uint64_t lane_psubq(uint64_t a, uint64_t b)
{
    return a - b;
}

static ALWAYS_INLINE uint8_t lane_paddsb(uint8_t a, uint8_t b)
{
    return (uint8_t)clamp((int8_t)a + (int8_t)b, -128, 127);
}

static ALWAYS_INLINE uint16_t lane_paddsw(uint16_t a, uint16_t b)
{
    return (uint16_t)clamp((int16_t)a + (int16_t)b, -32768, 32767);
}

static ALWAYS_INLINE uint8_t lane_paddusb(uint8_t a, uint8_t b)
{
    return (uint8_t)clamp(a + b, 0, 255);
}

static ALWAYS_INLINE uint16_t lane_paddusw(uint16_t a, uint16_t b)
{
    return (uint16_t)clamp(a + b, 0, 65535);
}

static ALWAYS_INLINE uint8_t lane_psubsb(uint8_t a, uint8_t b)
{
    return (uint8_t)clamp((int8_t)a - (int8_t)b, -128, 127);
}

static ALWAYS_INLINE uint16_t lane_psubsw(uint16_t a, uint16_t b)
{
    return (uint16_t)clamp((int16_t)a - (int16_t)b, -32768, 32767);
}

static ALWAYS_INLINE uint8_t lane_psubusb(uint8_t a, uint8_t b)
{
    return (uint8_t)(a > b ? a - b : 0);
}

static ALWAYS_INLINE uint16_t lane_psubusw(uint16_t a, uint16_t b)
{
    return (uint16_t)(a > b ? a - b : 0);
}

/* ---- lanes: comparison, all ones or zero ---- */
static ALWAYS_INLINE uint8_t lane_pcmpeqb(uint8_t a, uint8_t b)
{
    return a == b ? 0xff : 0;
}

static ALWAYS_INLINE uint16_t lane_pcmpeqw(uint16_t a, uint16_t b)
{
    return a == b ? 0xffff : 0;
}

static ALWAYS_INLINE uint32_t lane_pcmpeqd(uint32_t a, uint32_t b)
{
    return a == b ? UINT32_MAX : 0;
}

static ALWAYS_INLINE uint64_t lane_pcmpeqq(uint64_t a, uint64_t b)
{
    return a == b ? UINT64_MAX : 0;
}

static ALWAYS_INLINE uint8_t lane_pcmpgtb(uint8_t a, uint8_t b)
{
    return (int8_t)a > (int8_t)b ? 0xff : 0;
}

static ALWAYS_INLINE uint16_t lane_pcmpgtw(uint16_t a, uint16_t b)
{
    return (int16_t)a > (int16_t)b ? 0xffff : 0;
}

static ALWAYS_INLINE uint32_t lane_pcmpgtd(uint32_t a, uint32_t b)
{
    return (int32_t)a > (int32_t)b ? UINT32_MAX : 0;
}

static ALWAYS_INLINE uint64_t lane_pcmpgtq(uint64_t a, uint64_t b)
{
    return (int64_t)a > (int64_t)b ? UINT64_MAX : 0;
}

/* ---- lanes: minimum, maximum, average ---- */
static ALWAYS_INLINE uint8_t lane_pminub(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

static ALWAYS_INLINE uint8_t lane_pmaxub(uint8_t a, uint8_t b)
{
    return a > b ? a : b;
}

static ALWAYS_INLINE uint8_t lane_pminsb(uint8_t a, uint8_t b)
{
    return (int8_t)a < (int8_t)b ? a : b;
}

static ALWAYS_INLINE uint8_t lane_pmaxsb(uint8_t a, uint8_t b)
{
    return (int8_t)a > (int8_t)b ? a : b;
}

static ALWAYS_INLINE uint16_t lane_pminsw(uint16_t a, uint16_t b)
{
    return (int16_t)a < (int16_t)b ? a : b;
}

static ALWAYS_INLINE uint16_t lane_pmaxsw(uint16_t a, uint16_t b)
{
    return (int16_t)a > (int16_t)b ? a : b;
}

static ALWAYS_INLINE uint16_t lane_pminuw(uint16_t a, uint16_t b)
{
    return a < b ? a : b;
}

static ALWAYS_INLINE uint16_t lane_pmaxuw(uint16_t a, uint16_t b)
{
    return a > b ? a : b;
}

static ALWAYS_INLINE uint32_t lane_pminsd(uint32_t a, uint32_t b)
{
    return (int32_t)a < (int32_t)b ? a : b;
}

static ALWAYS_INLINE uint32_t lane_pmaxsd(uint32_t a, uint32_t b)
{
    return (int32_t)a > (int32_t)b ? a : b;
}

static ALWAYS_INLINE uint32_t lane_pminud(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static ALWAYS_INLINE uint32_t lane_pmaxud(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static ALWAYS_INLINE uint8_t lane_pavgb(uint8_t a, uint8_t b)
{
    return (uint8_t)((a + b + 1) >> 1);
}

static ALWAYS_INLINE uint16_t lane_pavgw(uint16_t a, uint16_t b)
{
    return (uint16_t)((a + b + 1) >> 1);
}

/* ---- lanes: products ---- */
static ALWAYS_INLINE uint16_t lane_pmullw(uint16_t a, uint16_t b)
{
    return (uint16_t)((uint32_t)a * b);
}

static ALWAYS_INLINE uint16_t lane_pmulhw(uint16_t a, uint16_t b)
{
    return (uint16_t)((int16_t)a * (int16_t)b >> 16);
}

static ALWAYS_INLINE uint16_t lane_pmulhuw(uint16_t a, uint16_t b)
{
    return (uint16_t)((uint32_t)a * b >> 16);
}

static ALWAYS_INLINE uint16_t lane_pmulhrsw(uint16_t a, uint16_t b)
{
    return (uint16_t)((((int16_t)a * (int16_t)b >> 14) + 1) >> 1);
}

static ALWAYS_INLINE uint32_t lane_pmulld(uint32_t a, uint32_t b)
{
    return a * b;
}

static ALWAYS_INLINE uint64_t lane_pmuludq(uint64_t a, uint64_t b)
{
    return (uint64_t)(uint32_t)a * (uint32_t)b;
}

static ALWAYS_INLINE uint64_t lane_pmuldq(uint64_t a, uint64_t b)
{
    return (uint64_t)((int64_t)(int32_t)a * (int32_t)b);
}

/* ---- lanes: sign and absolute value ---- */
static ALWAYS_INLINE uint8_t lane_psignb(uint8_t a, uint8_t b)
{
    return (uint8_t)((int8_t)b < 0 ? -a : b == 0 ? 0 : a);
}

static ALWAYS_INLINE uint16_t lane_psignw(uint16_t a, uint16_t b)
{
    return (uint16_t)((int16_t)b < 0 ? -a : b == 0 ? 0 : a);
}

static ALWAYS_INLINE uint32_t lane_psignd(uint32_t a, uint32_t b)
{
    return (int32_t)b < 0 ? 0 - a : b == 0 ? 0 : a;
}

static ALWAYS_INLINE uint8_t lane_pabsb(uint8_t a, uint8_t b)
{
    (void)a;
    return (uint8_t)((int8_t)b < 0 ? -b : b);
}

static ALWAYS_INLINE uint16_t lane_pabsw(uint16_t a, uint16_t b)
{
    (void)a;
    return (uint16_t)((int16_t)b < 0 ? -b : b);
}

static ALWAYS_INLINE uint32_t lane_pabsd(uint32_t a, uint32_t b)
{
    (void)a;
    return (int32_t)b < 0 ? 0 - b : b;
}

/* ---- lanes: logic ---- */
static ALWAYS_INLINE uint64_t lane_pand(uint64_t a, uint64_t b)
{
    return a & b;
}

static ALWAYS_INLINE uint64_t lane_pandn(uint64_t a, uint64_t b)
{
    return ~a & b;
}

static ALWAYS_INLINE uint64_t lane_por(uint64_t a, uint64_t b)
{
    return a | b;
}

static ALWAYS_INLINE uint64_t lane_pxor(uint64_t a, uint64_t b)
{
    return a ^ b;
}

/* ---- kernels across lanes ---- */
static ALWAYS_INLINE union xmm pmaddwd(union xmm a, union xmm b, unsigned width)
{
    union xmm r = a;

    for (unsigned i = 0; i < width / 4; i++) {
        int32_t low = (int16_t)a.u16[2 * i] * (int16_t)b.u16[2 * i];
        int32_t high = (int16_t)a.u16[2 * i + 1] * (int16_t)b.u16[2 * i + 1];

        r.u32[i] = (uint32_t)low + (uint32_t)high;
    }
    return r;
}

static ALWAYS_INLINE union xmm pmaddubsw(union xmm a, union xmm b, unsigned width)
{
    union xmm r = a;

    for (unsigned i = 0; i < width / 2; i++) {
        int sum = a.u8[2 * i] * (int8_t)b.u8[2 * i] + a.u8[2 * i + 1] * (int8_t)b.u8[2 * i + 1];

        r.u16[i] = (uint16_t)clamp(sum, -32768, 32767);
    }
    return r;
}

static ALWAYS_INLINE union xmm psadbw(union xmm a, union xmm b, unsigned width)
{
    union xmm r = a;

    for (unsigned q = 0; q < width / 8; q++) {
        unsigned sum = 0;

        for (unsigned i = 8 * q; i < 8 * q + 8; i++) {
            int difference = a.u8[i] - b.u8[i];

            sum += (unsigned)(difference < 0 ? -difference : difference);
        }
        r.u64[q] = sum;
    }
    return r;
}

/* Element i of the horizontal operations' operand pair b:a, both of `lanes` lanes. */
static ALWAYS_INLINE uint16_t pair16(const union xmm *a, const union xmm *b, unsigned lanes,
                                     unsigned i)
{
    return i < lanes ? a->u16[i] : b->u16[i - lanes];
}

static ALWAYS_INLINE uint32_t pair32(const union xmm *a, const union xmm *b, unsigned lanes,
                                     unsigned i)
{
    return i < lanes ? a->u32[i] : b->u32[i - lanes];
}

static ALWAYS_INLINE union xmm horizontal16(union xmm a, union xmm b, unsigned width,
                                            vector_lane16 *lane)
{
    union xmm r = a;

    for (unsigned i = 0; i < width / 2; i++) {
        r.u16[i] = lane(pair16(&a, &b, width / 2, 2 * i), pair16(&a, &b, width / 2, 2 * i + 1));
    }
    return r;
}

static ALWAYS_INLINE union xmm horizontal32(union xmm a, union xmm b, unsigned width,
                                            vector_lane32 *lane)
{
    union xmm r = a;

    for (unsigned i = 0; i < width / 4; i++) {
        r.u32[i] = lane(pair32(&a, &b, width / 4, 2 * i), pair32(&a, &b, width / 4, 2 * i + 1));
    }
    return r;
}

static ALWAYS_INLINE union xmm phaddw(union xmm a, union xmm b, unsigned width)
{
    return horizontal16(a, b, width, lane_paddw);
}

static ALWAYS_INLINE union xmm phaddsw(union xmm a, union xmm b, unsigned width)
{
    return horizontal16(a, b, width, lane_paddsw);
}

static ALWAYS_INLINE union xmm phaddd(union xmm a, union xmm b, unsigned width)
{
    return horizontal32(a, b, width, lane_paddd);
}

static ALWAYS_INLINE union xmm phsubw(union xmm a, union xmm b, unsigned width)
{
    return horizontal16(a, b, width, lane_psubw);
}

static ALWAYS_INLINE union xmm phsubsw(union xmm a, union xmm b, unsigned width)
{
    return horizontal16(a, b, width, lane_psubsw);
}

static ALWAYS_INLINE union xmm phsubd(union xmm a, union xmm b, unsigned width)
{
    return horizontal32(a, b, width, lane_psubd);
}

static ALWAYS_INLINE union xmm phminposuw(union xmm a, union xmm b, unsigned width)
{
    union xmm r = { .u64 = { 0, 0 } };
    unsigned least = 0;

    (void)a;
    for (unsigned i = 1; i < width / 2; i++) {
        least = b.u16[i] < b.u16[least] ? i : least;
    }
    r.u16[0] = b.u16[least];
    r.u16[1] = (uint16_t)least;
    return r;
}

static ALWAYS_INLINE union xmm mpsadbw(union xmm a, union xmm b, unsigned width, unsigned imm)
{
    union xmm r = a;
    unsigned from_a = imm & 4, from_b = (imm & 3) * 4;

    for (unsigned i = 0; i < width / 2; i++) {
        unsigned sum = 0;

        for (unsigned j = 0; j < 4; j++) {
            int difference = a.u8[from_a + i + j] - b.u8[from_b + j];

            sum += (unsigned)(difference < 0 ? -difference : difference);
        }
        r.u16[i] = (uint16_t)sum;
    }
    return r;
}

/* ---- the operations: X(bits, kernel, MNEMONIC) for lanes; X(kernel, MNEMONIC) else ---- */
// clang-format off
#define LANE_OPS(X) \
    X(8,  paddb,     PADDB) \
    X(16, paddw,     PADDW) \
    X(32, paddd,     PADDD) \
    X(64, paddq,     PADDQ) \
    X(8,  psubb,     PSUBB) \
    X(16, psubw,     PSUBW) \
    X(32, psubd,     PSUBD) \
    X(64, psubq,     PSUBQ) \
    X(8,  paddsb,    PADDSB) \
    X(16, paddsw,    PADDSW) \
    X(8,  paddusb,   PADDUSB) \
    X(16, paddusw,   PADDUSW) \
    X(8,  psubsb,    PSUBSB) \
    X(16, psubsw,    PSUBSW) \
    X(8,  psubusb,   PSUBUSB) \
    X(16, psubusw,   PSUBUSW) \
    X(8,  pcmpeqb,   PCMPEQB) \
    X(16, pcmpeqw,   PCMPEQW) \
    X(32, pcmpeqd,   PCMPEQD) \
    X(8,  pcmpgtb,   PCMPGTB) \
    X(16, pcmpgtw,   PCMPGTW) \
    X(32, pcmpgtd,   PCMPGTD) \
    X(8,  pminub,    PMINUB) \
    X(8,  pmaxub,    PMAXUB) \
    X(16, pminsw,    PMINSW) \
    X(16, pmaxsw,    PMAXSW) \
    X(8,  pavgb,     PAVGB) \
    X(16, pavgw,     PAVGW) \
    X(16, pmullw,    PMULLW) \
    X(16, pmulhw,    PMULHW) \
    X(16, pmulhuw,   PMULHUW) \
    X(16, pmulhrsw,  PMULHRSW) \
    X(64, pmuludq,   PMULUDQ) \
    X(8,  psignb,    PSIGNB) \
    X(16, psignw,    PSIGNW) \
    X(32, psignd,    PSIGND) \
    X(8,  pabsb,     PABSB) \
    X(16, pabsw,     PABSW) \
    X(32, pabsd,     PABSD) \
    X(64, pand,      PAND) \
    X(64, pandn,     PANDN) \
    X(64, por,       POR) \
    X(64, pxor,      PXOR)
#define LANE_OPS_XMM(X) \
    X(64, pcmpeqq,   PCMPEQQ) \
    X(64, pcmpgtq,   PCMPGTQ) \
    X(8,  pminsb,    PMINSB) \
    X(8,  pmaxsb,    PMAXSB) \
    X(16, pminuw,    PMINUW) \
    X(16, pmaxuw,    PMAXUW) \
    X(32, pminsd,    PMINSD) \
    X(32, pmaxsd,    PMAXSD) \
    X(32, pminud,    PMINUD) \
    X(32, pmaxud,    PMAXUD) \
    X(32, pmulld,    PMULLD) \
    X(64, pmuldq,    PMULDQ)
#define KERNEL_OPS(X) \
    X(pmaddwd,    PMADDWD) \
    X(pmaddubsw,  PMADDUBSW) \
    X(psadbw,     PSADBW) \
    X(phaddw,     PHADDW) \
    X(phaddsw,    PHADDSW) \
    X(phaddd,     PHADDD) \
    X(phsubw,     PHSUBW) \
    X(phsubsw,    PHSUBSW) \
    X(phsubd,     PHSUBD)
// clang-format on

#define X(bits, name, mnemonic) VECTOR_KERNEL(bits, name)
LANE_OPS(X)
LANE_OPS_XMM(X)
#undef X

#define X(bits, name, mnemonic) VECTOR_OP(name)
LANE_OPS(X)
#undef X

#define X(bits, name, mnemonic) VECTOR_OP_XMM(name)
LANE_OPS_XMM(X)
#undef X

#define X(name, mnemonic) VECTOR_OP(name)
KERNEL_OPS(X)
#undef X
VECTOR_OP_XMM(phminposuw)

EXEC_OP(mpsadbw)
{
    vector_xmm_imm(core, insn, mpsadbw);
}

vector_kernel *const packed_arith_kernels[OP_COUNT] = {
#define X(bits, name, mnemonic) [OP_##mnemonic] = name,
    LANE_OPS(X) LANE_OPS_XMM(X)
#undef X
#define X(name, mnemonic) [OP_##mnemonic] = name,
        KERNEL_OPS(X) X(phminposuw, PHMINPOSUW)
#undef X
};

vector_imm_kernel *const packed_arith_imm_kernels[OP_COUNT] = { [OP_MPSADBW] = mpsadbw };

exec_fn *packed_arith_choose(const struct insn *insn)
{
    static const struct vector_row rows[OP_COUNT] = {
#define X(bits, name, mnemonic)                                                                    \
    [OP_##mnemonic] = { exec_##name##_xx, exec_##name##_xm, exec_##name##_mm, exec_##name##_xf },
        LANE_OPS(X)
#undef X
#define X(bits, name, mnemonic)                                                                    \
    [OP_##mnemonic] = { exec_##name##_xx, exec_##name##_xm, NULL, exec_##name##_xf },
            LANE_OPS_XMM(X)
#undef X
#define X(name, mnemonic)                                                                          \
    [OP_##mnemonic] = { exec_##name##_xx, exec_##name##_xm, exec_##name##_mm, exec_##name##_xf },
                KERNEL_OPS(X)
#undef X
                    [OP_PHMINPOSUW] = { exec_phminposuw_xx, exec_phminposuw_xm, NULL,
                                        exec_phminposuw_xf },
        [OP_MPSADBW] = { exec_mpsadbw, exec_mpsadbw, NULL, NULL },
    };

    return vector_choose(&rows[insn->op], insn);
}
