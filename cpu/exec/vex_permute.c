/* AVX and AVX2 operations that SSE does not have: permutations, broadcasts, lanes, variable shifts. [SDM 2 VPERMD,
 * VBROADCASTSS, VINSERTF128, VPSLLVD ..] */
#include "cpu/exec/exec.h"
#include "cpu/exec/vex.h"

/* ---- within lanes ---- */
static ALWAYS_INLINE uint32_t lane_psllvd(uint32_t a, uint32_t b)
{
    return b < 32 ? a << b : 0;
}

static ALWAYS_INLINE uint32_t lane_psrlvd(uint32_t a, uint32_t b)
{
    return b < 32 ? a >> b : 0;
}

static ALWAYS_INLINE uint32_t lane_psravd(uint32_t a, uint32_t b)
{
    return (uint32_t)((int32_t)a >> (b < 32 ? b : 31));
}

static ALWAYS_INLINE uint64_t lane_psllvq(uint64_t a, uint64_t b)
{
    return b < 64 ? a << b : 0;
}

static ALWAYS_INLINE uint64_t lane_psrlvq(uint64_t a, uint64_t b)
{
    return b < 64 ? a >> b : 0;
}

VECTOR_KERNEL(32, psllvd)
VECTOR_KERNEL(32, psrlvd)
VECTOR_KERNEL(32, psravd)
VECTOR_KERNEL(64, psllvq)
VECTOR_KERNEL(64, psrlvq)

/* By a register of selectors: bits 1:0 of each element, or bit 1. */
static union xmm permilps(union xmm a, union xmm b, unsigned width)
{
    (void)width;
    return xmm_pair(lane_pair(a.u32[b.u32[0] & 3], a.u32[b.u32[1] & 3]),
                    lane_pair(a.u32[b.u32[2] & 3], a.u32[b.u32[3] & 3]));
}

static union xmm permilpd(union xmm a, union xmm b, unsigned width)
{
    (void)width;
    return xmm_pair(a.u64[b.u64[0] >> 1 & 1], a.u64[b.u64[1] >> 1 & 1]);
}

static union xmm permilps_imm(union xmm a, union xmm b, unsigned width, unsigned imm)
{
    (void)a;
    (void)width;
    return xmm_pair(lane_pair(b.u32[imm & 3], b.u32[imm >> 2 & 3]),
                    lane_pair(b.u32[imm >> 4 & 3], b.u32[imm >> 6 & 3]));
}

static union xmm permilpd_imm(union xmm a, union xmm b, unsigned width, unsigned imm)
{
    (void)a;
    (void)width;
    return xmm_pair(b.u64[imm & 1], b.u64[imm >> 1 & 1]);
}

static union xmm pblendd(union xmm a, union xmm b, unsigned width, unsigned imm)
{
    (void)width;
    for (unsigned i = 0; i < 4; i++) {
        a.u32[i] = imm >> i & 1 ? b.u32[i] : a.u32[i];
    }
    return a;
}

vector_kernel *const vex_packed_kernels[OP_COUNT] = {
    [OP_PSLLVD] = psllvd, [OP_PSLLVQ] = psllvq,     [OP_PSRLVD] = psrlvd,     [OP_PSRLVQ] = psrlvq,
    [OP_PSRAVD] = psravd, [OP_PERMILPS] = permilps, [OP_PERMILPD] = permilpd,
};

vector_imm_kernel *const vex_packed_imm_kernels[OP_COUNT] = {
    [OP_PERMILPS] = permilps_imm,
    [OP_PERMILPD] = permilpd_imm,
    [OP_PBLENDD] = pblendd,
};

/* ---- across lanes ---- */
static uint64_t ymm_u64(const struct ymm *value, unsigned i)
{
    return value->lane[i >> 1 & 1].u64[i & 1];
}

static uint32_t ymm_u32(const struct ymm *value, unsigned i)
{
    return value->lane[i >> 2 & 1].u32[i & 3];
}

EXEC_OP(vpermq) /* VPERMPD too */
{
    unsigned imm = (uint8_t)insn->imm;

    avx_check(core);
    struct ymm b = ymm_source(core, insn, 1, 32), r;

    r.lane[0] = xmm_pair(ymm_u64(&b, imm & 3), ymm_u64(&b, imm >> 2 & 3));
    r.lane[1] = xmm_pair(ymm_u64(&b, imm >> 4 & 3), ymm_u64(&b, imm >> 6));
    ymm_write(core, insn->n[0], 32, r);
}

EXEC_OP(vpermd) /* VPERMPS too: the selectors come first */
{
    avx_check(core);
    struct ymm b = ymm_source(core, insn, 2, 32), select = ymm_read(core, insn->n[1]), r;

    for (unsigned i = 0; i < 8; i++) {
        r.lane[i / 4].u32[i & 3] = ymm_u32(&b, ymm_u32(&select, i) & 7);
    }
    ymm_write(core, insn->n[0], 32, r);
}

/* imm8[1:0], [5:4]: a lane of the first or second source; [3], [7]: zero. */
EXEC_OP(vperm2x128)
{
    unsigned imm = (uint8_t)insn->imm;

    avx_check(core);
    struct ymm b = ymm_source(core, insn, 2, 32), a = ymm_read(core, insn->n[1]), r;

    for (unsigned i = 0; i < 2; i++, imm >>= 4) {
        r.lane[i] = imm & 8 ? xmm_pair(0, 0) : (imm & 2 ? &b : &a)->lane[imm & 1];
    }
    ymm_write(core, insn->n[0], 32, r);
}

EXEC_OP(vinsertx128)
{
    avx_check(core);
    struct ymm b = ymm_source(core, insn, 2, 16), a = ymm_read(core, insn->n[1]);

    a.lane[insn->imm & 1] = b.lane[0];
    ymm_write(core, insn->n[0], 32, a);
}

EXEC_OP(vextractx128)
{
    avx_check(core);
    struct ymm a = ymm_read(core, insn->n[1]);

    a.lane[0] = a.lane[insn->imm & 1];
    if (insn->kind[0] == OPERAND_MEM) {
        ymm_store(core, insn, 16, &a);
    } else {
        ymm_write_low(core, insn->n[0], a.lane[0]);
    }
}

/* ---- broadcasts ---- */
static ALWAYS_INLINE void broadcast(struct core *core, const struct insn *insn, uint64_t unit)
{
    avx_check(core);
    unsigned bytes = insn->kind[1] == OPERAND_MEM ? insn->size[1] : 16;
    uint64_t mask = UINT64_MAX / unit;
    uint64_t value = (ymm_source(core, insn, 1, bytes).lane[0].u64[0] & mask) * unit;
    struct ymm r = { { xmm_pair(value, value), xmm_pair(value, value) } };

    ymm_write(core, insn->n[0], insn->opsize, r);
}

/* unit: a 1 in each element of 64 bits. */
EXEC_OP(vpbroadcastb)
{
    broadcast(core, insn, UINT64_C(0x0101010101010101));
}

EXEC_OP(vpbroadcastw)
{
    broadcast(core, insn, UINT64_C(0x0001000100010001));
}

EXEC_OP(vpbroadcastd)
{
    broadcast(core, insn, UINT64_C(0x0000000100000001));
}

EXEC_OP(vpbroadcastq)
{
    broadcast(core, insn, 1);
}

EXEC_OP(vbroadcastx128)
{
    avx_check(core);
    struct ymm b = ymm_load(core, insn, 16);

    b.lane[1] = b.lane[0];
    ymm_write(core, insn->n[0], 32, b);
}

exec_fn *vex_permute_choose(const struct insn *insn)
{
    switch (insn->op) {
#define X(name, mnemonic)                                                                          \
    case OP_##mnemonic:                                                                            \
        return exec_##name;
        X(vpermq, PERMQ)
        X(vpermq, PERMPD)
        X(vpermd, PERMD)
        X(vpermd, PERMPS)
        X(vperm2x128, PERM2F128)
        X(vperm2x128, PERM2I128)
        X(vinsertx128, INSERTF128)
        X(vinsertx128, INSERTI128)
        X(vextractx128, EXTRACTF128)
        X(vextractx128, EXTRACTI128)
        X(vpbroadcastb, PBROADCASTB)
        X(vpbroadcastw, PBROADCASTW)
        X(vpbroadcastd, PBROADCASTD)
        X(vpbroadcastd, BROADCASTSS)
        X(vpbroadcastq, PBROADCASTQ)
        X(vpbroadcastq, BROADCASTSD)
        X(vbroadcastx128, BROADCASTF128)
        X(vbroadcastx128, BROADCASTI128)
#undef X
    default:
        return NULL;
    }
}
