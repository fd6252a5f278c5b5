/* SSE to SSE4.2, AES, PCLMULQDQ, SHA: the table of opcodes, and one emitter for each shape. [SDM 2] */
#include "cpu/translate/x64/simd.h"

/* X(operation, shape, opcode with its prefix and map) */
// clang-format off
#define N0F(op)   (ENC_0F | (op))
#define P66(op)   (ENC_0F | ENC_66 | (op))
#define PF3(op)   (ENC_0F | ENC_F3 | (op))
#define PF2(op)   (ENC_0F | ENC_F2 | (op))
#define N38(op)   (ENC_0F38 | (op))
#define P38(op)   (ENC_0F38 | ENC_66 | (op))
#define P3A(op)   (ENC_0F3A | ENC_66 | (op))
#define VECTOR_OPS(X) \
    X(PUNPCKLBW, P66(0x60)) X(PUNPCKLWD, P66(0x61)) X(PUNPCKLDQ, P66(0x62)) X(PACKSSWB, P66(0x63)) \
    X(PCMPGTB, P66(0x64)) X(PCMPGTW, P66(0x65)) X(PCMPGTD, P66(0x66)) X(PACKUSWB, P66(0x67)) \
    X(PUNPCKHBW, P66(0x68)) X(PUNPCKHWD, P66(0x69)) X(PUNPCKHDQ, P66(0x6a)) X(PACKSSDW, P66(0x6b)) \
    X(PUNPCKLQDQ, P66(0x6c)) X(PUNPCKHQDQ, P66(0x6d)) X(PCMPEQB, P66(0x74)) X(PCMPEQW, P66(0x75)) \
    X(PCMPEQD, P66(0x76)) X(PADDQ, P66(0xd4)) X(PMULLW, P66(0xd5)) X(PSUBUSB, P66(0xd8)) X(PSUBUSW, P66(0xd9)) \
    X(PMINUB, P66(0xda)) X(PAND, P66(0xdb)) X(PADDUSB, P66(0xdc)) X(PADDUSW, P66(0xdd)) X(PMAXUB, P66(0xde)) \
    X(PANDN, P66(0xdf)) X(PAVGB, P66(0xe0)) X(PAVGW, P66(0xe3)) X(PMULHUW, P66(0xe4)) X(PMULHW, P66(0xe5)) \
    X(PSUBSB, P66(0xe8)) X(PSUBSW, P66(0xe9)) X(PMINSW, P66(0xea)) X(POR, P66(0xeb)) X(PADDSB, P66(0xec)) \
    X(PADDSW, P66(0xed)) X(PMAXSW, P66(0xee)) X(PXOR, P66(0xef)) X(PMULUDQ, P66(0xf4)) X(PMADDWD, P66(0xf5)) \
    X(PSADBW, P66(0xf6)) X(PSUBB, P66(0xf8)) X(PSUBW, P66(0xf9)) X(PSUBD, P66(0xfa)) X(PSUBQ, P66(0xfb)) \
    X(PADDB, P66(0xfc)) X(PADDW, P66(0xfd)) X(PADDD, P66(0xfe)) \
    X(PSHUFD, P66(0x70)) X(PSHUFHW, PF3(0x70)) X(PSHUFLW, PF2(0x70)) \
    X(PSHUFB, P38(0x00)) X(PHADDW, P38(0x01)) X(PHADDD, P38(0x02)) X(PHADDSW, P38(0x03)) X(PMADDUBSW, P38(0x04)) \
    X(PHSUBW, P38(0x05)) X(PHSUBD, P38(0x06)) X(PHSUBSW, P38(0x07)) X(PSIGNB, P38(0x08)) X(PSIGNW, P38(0x09)) \
    X(PSIGND, P38(0x0a)) X(PMULHRSW, P38(0x0b)) X(PABSB, P38(0x1c)) X(PABSW, P38(0x1d)) X(PABSD, P38(0x1e)) \
    X(PALIGNR, P3A(0x0f)) \
    X(PMOVSXBW, P38(0x20)) X(PMOVSXBD, P38(0x21)) X(PMOVSXBQ, P38(0x22)) X(PMOVSXWD, P38(0x23)) \
    X(PMOVSXWQ, P38(0x24)) X(PMOVSXDQ, P38(0x25)) X(PMOVZXBW, P38(0x30)) X(PMOVZXBD, P38(0x31)) \
    X(PMOVZXBQ, P38(0x32)) X(PMOVZXWD, P38(0x33)) X(PMOVZXWQ, P38(0x34)) X(PMOVZXDQ, P38(0x35)) \
    X(PMULDQ, P38(0x28)) X(PCMPEQQ, P38(0x29)) X(PACKUSDW, P38(0x2b)) X(PCMPGTQ, P38(0x37)) \
    X(PMINSB, P38(0x38)) X(PMINSD, P38(0x39)) X(PMINUW, P38(0x3a)) X(PMINUD, P38(0x3b)) X(PMAXSB, P38(0x3c)) \
    X(PMAXSD, P38(0x3d)) X(PMAXUW, P38(0x3e)) X(PMAXUD, P38(0x3f)) X(PMULLD, P38(0x40)) X(PHMINPOSUW, P38(0x41)) \
    X(ROUNDPS, P3A(0x08)) X(ROUNDPD, P3A(0x09)) X(ROUNDSS, P3A(0x0a)) X(ROUNDSD, P3A(0x0b)) X(BLENDPS, P3A(0x0c)) \
    X(BLENDPD, P3A(0x0d)) X(PBLENDW, P3A(0x0e)) X(MPSADBW, P3A(0x42)) \
    X(ADDPS, N0F(0x58)) X(ADDPD, P66(0x58)) X(ADDSS, PF3(0x58)) X(ADDSD, PF2(0x58)) \
    X(MULPS, N0F(0x59)) X(MULPD, P66(0x59)) X(MULSS, PF3(0x59)) X(MULSD, PF2(0x59)) \
    X(SUBPS, N0F(0x5c)) X(SUBPD, P66(0x5c)) X(SUBSS, PF3(0x5c)) X(SUBSD, PF2(0x5c)) \
    X(MINPS, N0F(0x5d)) X(MINPD, P66(0x5d)) X(MINSS, PF3(0x5d)) X(MINSD, PF2(0x5d)) \
    X(DIVPS, N0F(0x5e)) X(DIVPD, P66(0x5e)) X(DIVSS, PF3(0x5e)) X(DIVSD, PF2(0x5e)) \
    X(MAXPS, N0F(0x5f)) X(MAXPD, P66(0x5f)) X(MAXSS, PF3(0x5f)) X(MAXSD, PF2(0x5f)) \
    X(SQRTPS, N0F(0x51)) X(SQRTPD, P66(0x51)) X(SQRTSS, PF3(0x51)) X(SQRTSD, PF2(0x51)) \
    X(ANDPS, N0F(0x54)) X(ANDPD, P66(0x54)) X(ANDNPS, N0F(0x55)) X(ANDNPD, P66(0x55)) \
    X(ORPS, N0F(0x56)) X(ORPD, P66(0x56)) X(XORPS, N0F(0x57)) X(XORPD, P66(0x57)) \
    X(UNPCKLPS, N0F(0x14)) X(UNPCKLPD, P66(0x14)) X(UNPCKHPS, N0F(0x15)) X(UNPCKHPD, P66(0x15)) \
    X(SHUFPS, N0F(0xc6)) X(SHUFPD, P66(0xc6)) X(CMPPS, N0F(0xc2)) X(CMPPD, P66(0xc2)) X(CMPSS, PF3(0xc2)) \
    X(CMPSDX, PF2(0xc2)) X(CVTPS2PD, N0F(0x5a)) X(CVTPD2PS, P66(0x5a)) X(CVTSS2SD, PF3(0x5a)) X(CVTSD2SS, PF2(0x5a)) \
    X(CVTDQ2PS, N0F(0x5b)) X(CVTPS2DQ, P66(0x5b)) X(CVTTPS2DQ, PF3(0x5b)) X(CVTTPD2DQ, P66(0xe6)) \
    X(CVTDQ2PD, PF3(0xe6)) X(CVTPD2DQ, PF2(0xe6)) X(HADDPD, P66(0x7c)) X(HADDPS, PF2(0x7c)) X(HSUBPD, P66(0x7d)) \
    X(HSUBPS, PF2(0x7d)) X(ADDSUBPD, P66(0xd0)) X(ADDSUBPS, PF2(0xd0)) X(MOVSLDUP, PF3(0x12)) X(MOVSHDUP, PF3(0x16)) \
    X(MOVDDUP, PF2(0x12)) X(MOVHLPS, N0F(0x12)) X(MOVLHPS, N0F(0x16)) X(MOVNTDQA, P38(0x2a)) \
    X(PBLENDVB, P38(0x10)) X(BLENDVPS, P38(0x14)) X(BLENDVPD, P38(0x15)) X(INSERTPS, P3A(0x21)) X(DPPS, P3A(0x40)) \
    X(DPPD, P3A(0x41)) X(AESIMC, P38(0xdb)) X(AESENC, P38(0xdc)) X(AESENCLAST, P38(0xdd)) X(AESDEC, P38(0xde)) \
    X(AESDECLAST, P38(0xdf)) X(AESKEYGENASSIST, P3A(0xdf)) X(PCLMULQDQ, P3A(0x44)) X(SHA1NEXTE, N38(0xc8)) \
    X(SHA1MSG1, N38(0xc9)) X(SHA1MSG2, N38(0xca)) X(SHA256RNDS2, N38(0xcb)) X(SHA256MSG1, N38(0xcc)) \
    X(SHA256MSG2, N38(0xcd)) X(SHA1RNDS4, ENC_0F3A | 0xcc)
/* X(operation, by a register or memory, by an immediate, extension) */
#define VECTOR_SHIFTS(X) \
    X(PSRLW, P66(0xd1), P66(0x71), 2) X(PSRLD, P66(0xd2), P66(0x72), 2) X(PSRLQ, P66(0xd3), P66(0x73), 2) \
    X(PSRAW, P66(0xe1), P66(0x71), 4) X(PSRAD, P66(0xe2), P66(0x72), 4) X(PSLLW, P66(0xf1), P66(0x71), 6) \
    X(PSLLD, P66(0xf2), P66(0x72), 6) X(PSLLQ, P66(0xf3), P66(0x73), 6) X(PSRLDQ, 0, P66(0x73), 3) \
    X(PSLLDQ, 0, P66(0x73), 7)
/* X(operation, shape, load, store) */
#define VECTOR_MOVES(X) \
    X(MOVUPS, MOVE, N0F(0x10), N0F(0x11)) X(MOVUPD, MOVE, P66(0x10), P66(0x11)) X(MOVSS, MOVE, PF3(0x10), PF3(0x11)) \
    X(MOVSD, MOVE, PF2(0x10), PF2(0x11)) X(MOVDQU, MOVE, PF3(0x6f), PF3(0x7f)) X(LDDQU, MOVE, PF2(0xf0), 0) \
    X(MOVQ, MOVE, PF3(0x7e), P66(0xd6)) X(MOVLPS, MOVE, N0F(0x12), N0F(0x13)) X(MOVLPD, MOVE, P66(0x12), P66(0x13)) \
    X(MOVHPS, MOVE, N0F(0x16), N0F(0x17)) X(MOVHPD, MOVE, P66(0x16), P66(0x17)) \
    X(MOVAPS, ALIGNED, N0F(0x28), N0F(0x29)) X(MOVAPD, ALIGNED, P66(0x28), P66(0x29)) \
    X(MOVDQA, ALIGNED, P66(0x6f), P66(0x7f)) X(MOVNTPS, ALIGNED, 0, N0F(0x2b)) X(MOVNTPD, ALIGNED, 0, P66(0x2b)) \
    X(MOVNTDQ, ALIGNED, 0, P66(0xe7)) X(MOVD, MOVD, P66(0x6e), P66(0x7e))
/* X(operation, shape, opcode) */
#define VECTOR_OTHERS(X) \
    X(CVTSI2SS, FROM_GPR, PF3(0x2a)) X(CVTSI2SD, FROM_GPR, PF2(0x2a)) X(CVTTSS2SI, TO_GPR, PF3(0x2c)) \
    X(CVTTSD2SI, TO_GPR, PF2(0x2c)) X(CVTSS2SI, TO_GPR, PF3(0x2d)) X(CVTSD2SI, TO_GPR, PF2(0x2d)) \
    X(MOVMSKPS, TO_GPR, N0F(0x50)) X(MOVMSKPD, TO_GPR, P66(0x50)) X(PMOVMSKB, TO_GPR, P66(0xd7)) \
    X(UCOMISS, FLAGS, N0F(0x2e)) X(UCOMISD, FLAGS, P66(0x2e)) X(COMISS, FLAGS, N0F(0x2f)) X(COMISD, FLAGS, P66(0x2f)) \
    X(PTEST, FLAGS, P38(0x17)) \
    X(PCMPESTRM, STRING, P3A(0x60)) X(PCMPESTRI, STRING, P3A(0x61)) X(PCMPISTRM, STRING, P3A(0x62)) \
    X(PCMPISTRI, STRING, P3A(0x63)) X(PINSRB, FROM_GPR, P3A(0x20)) X(PINSRW, FROM_GPR, P66(0xc4)) \
    X(PINSRD, FROM_GPR, P3A(0x22)) X(PINSRQ, FROM_GPR, P3A(0x22)) X(PEXTRW, TO_GPR, P66(0xc5)) \
    X(PEXTRB, EXTRACT, P3A(0x14)) X(PEXTRW2, EXTRACT, P3A(0x15)) X(PEXTRD, EXTRACT, P3A(0x16)) \
    X(PEXTRQ, EXTRACT, P3A(0x16)) X(EXTRACTPS, EXTRACT, P3A(0x17))
// clang-format on

const struct vector_row vector_rows[OP_COUNT] = {
#define X(op, code) [OP_##op] = { VECTOR_OP, 0, code, 0 },
    VECTOR_OPS(X)
#undef X
#define X(op, code, immediate, ext) [OP_##op] = { VECTOR_SHIFT, ext, code, immediate },
        VECTOR_SHIFTS(X)
#undef X
#define X(op, shape, load, store) [OP_##op] = { VECTOR_##shape, 0, load, store },
            VECTOR_MOVES(X)
#undef X
#define X(op, shape, code) [OP_##op] = { VECTOR_##shape, 0, code, 0 },
                VECTOR_OTHERS(X)
#undef X
};

static bool is_memory(const struct insn *insn, unsigned k)
{
    return insn->kind[k] == OPERAND_MEM;
}

static bool kinds_fit(const struct insn *insn, unsigned shape)
{
    unsigned first = insn->kind[0], second = insn->kind[1];

    switch (shape) {
    case VECTOR_OP:
    case VECTOR_FLAGS:
    case VECTOR_STRING:
        return first == OPERAND_XMM && (second == OPERAND_XMM || second == OPERAND_MEM);
    case VECTOR_MOVE:
    case VECTOR_ALIGNED:
        return (first == OPERAND_XMM && (second == OPERAND_XMM || second == OPERAND_MEM)) ||
               (first == OPERAND_MEM && second == OPERAND_XMM);
    case VECTOR_SHIFT:
        return first == OPERAND_XMM;
    case VECTOR_TO_GPR:
        return first == OPERAND_GPR && (second == OPERAND_XMM || second == OPERAND_MEM);
    case VECTOR_EXTRACT:
        return second == OPERAND_XMM && (first == OPERAND_GPR || first == OPERAND_MEM);
    case VECTOR_FROM_GPR:
        return first == OPERAND_XMM && (second == OPERAND_GPR || second == OPERAND_MEM);
    case VECTOR_MOVD:
        return (first == OPERAND_XMM && (second == OPERAND_GPR || second == OPERAND_MEM)) ||
               (second == OPERAND_XMM && (first == OPERAND_GPR || first == OPERAND_MEM));
    default:
        return false;
    }
}

bool emit_vector_fits(const struct insn *insn)
{
    unsigned shape = vector_rows[insn->op].shape;

    if (shape == VECTOR_NONE || insn->flags & INSN_VEX || !kinds_fit(insn, shape)) {
        return false;
    }
    return (!is_memory(insn, 0) && !is_memory(insn, 1)) || emit_address_fits(insn);
}

static void immediate(struct emitter *e, const struct insn *insn)
{
    if (insn->kind[2] == OPERAND_IMM) {
        enc_byte(&e->e, (uint8_t)insn->imm);
    }
}

/* Check a memory operand of `size` bytes, and its alignment. */
static struct host_mem vector_check(struct emitter *e, const struct insn *insn, unsigned size,
                                    bool write, bool aligned)
{
    if (e->stack.operand[e->i] && !(aligned && size == 16)) {
        return stack_member(e, (int32_t)insn->disp);
    }
    emit_address(e, insn);
    if (aligned && size == 16) {
        enc_rr(&e->e, 0xf6 | ENC_BYTE_RM, 1, 0, S_ADDRESS);
        enc_byte(&e->e, 15);
        e->flags.host = 0;
        emit_hand_over(e, 5);
    }
    if (e->stack.operand[e->i]) {
        return stack_member(e, (int32_t)insn->disp);
    }
    return emit_check(e, size, write);
}

static void vector_op(struct emitter *e, const struct insn *insn, const struct vector_row *row)
{
    if (is_memory(insn, 1)) {
        struct host_mem mem = vector_check(e, insn, insn->size[1], false, true);
        enc_rm(&e->e, row->opcode, 4, insn->n[0], mem);
    } else {
        enc_rr(&e->e, row->opcode, 4, insn->n[0], insn->n[1]);
    }
    immediate(e, insn);
}

static bool vector_move(struct emitter *e, const struct insn *insn, const struct vector_row *row)
{
    bool aligned = row->shape == VECTOR_ALIGNED;

    if (is_memory(insn, 0)) {
        if (row->store == 0) {
            return false;
        }
        struct host_mem mem = vector_check(e, insn, insn->size[0], true, aligned);
        enc_rm(&e->e, row->store, 4, insn->n[1], mem);
        return true;
    }
    if (row->opcode == 0) {
        return false;
    }
    if (is_memory(insn, 1)) {
        struct host_mem mem = vector_check(e, insn, insn->size[1], false, aligned);
        enc_rm(&e->e, row->opcode, 4, insn->n[0], mem);
    } else {
        enc_rr(&e->e, row->opcode, 4, insn->n[0], insn->n[1]);
    }
    return true;
}

static bool vector_shift(struct emitter *e, const struct insn *insn, const struct vector_row *row)
{
    if (insn->kind[1] == OPERAND_IMM) {
        enc_rr(&e->e, row->store, 4, row->extension, insn->n[0]);
        enc_byte(&e->e, (uint8_t)insn->imm);
        return true;
    }
    vector_op(e, insn, row);
    return true;
}

static void vector_to_gpr(struct emitter *e, const struct insn *insn, const struct vector_row *row)
{
    unsigned size = insn->size[0] == 8 ? 8 : 4, n = insn->n[0];
    struct host_mem mem = { 0 };

    if (is_memory(insn, 1)) {
        mem = vector_check(e, insn, insn->size[1], false, false);
    }
    unsigned to = emit_gpr_target(e, n, S_DATA);
    if (is_memory(insn, 1)) {
        enc_rm(&e->e, row->opcode, size, to, mem);
    } else {
        enc_rr(&e->e, row->opcode, size, to, insn->n[1]);
    }
    immediate(e, insn);
    emit_gpr_done(e, n, to);
}

static void vector_from_gpr(struct emitter *e, const struct insn *insn,
                            const struct vector_row *row)
{
    unsigned size = insn->size[1] == 8 ? 8 : 4;

    if (is_memory(insn, 1)) {
        struct host_mem mem = vector_check(e, insn, insn->size[1], false, false);
        enc_rm(&e->e, row->opcode, size, insn->n[0], mem);
    } else {
        enc_rr(&e->e, row->opcode, size, insn->n[0], emit_gpr(e, insn->n[1], S_DATA));
    }
    immediate(e, insn);
}

/* A lane to a general register or memory. */
static void vector_extract(struct emitter *e, const struct insn *insn, const struct vector_row *row)
{
    unsigned size = insn->size[0] == 8 ? 8 : 4;

    if (is_memory(insn, 0)) {
        struct host_mem mem = vector_check(e, insn, insn->size[0], true, false);
        enc_rm(&e->e, row->opcode, size, insn->n[1], mem);
        immediate(e, insn);
        return;
    }
    unsigned to = emit_gpr_target(e, insn->n[0], S_DATA);
    enc_rr(&e->e, row->opcode, size, insn->n[1], to);
    immediate(e, insn);
    emit_gpr_done(e, insn->n[0], to);
}

/* PCMPESTRI and its kin: memory need not be aligned; the index comes in RCX, which is not the guest's. */
static void vector_string(struct emitter *e, const struct insn *insn, const struct vector_row *row)
{
    unsigned size = insn->flags & INSN_REX_W ? 8 : 4;

    if (is_memory(insn, 1)) {
        struct host_mem mem = vector_check(e, insn, 16, false, false);
        enc_rm(&e->e, row->opcode, size, insn->n[0], mem);
    } else {
        enc_rr(&e->e, row->opcode, size, insn->n[0], insn->n[1]);
    }
    immediate(e, insn);
    if (insn->op == OP_PCMPESTRI || insn->op == OP_PCMPISTRI) {
        enc_mov(&e->e, (unsigned)host_of[REG_RCX], HOST_RCX);
    }
    emit_flags_image(e);
}

static void vector_movd(struct emitter *e, const struct insn *insn, const struct vector_row *row)
{
    if (insn->kind[0] == OPERAND_XMM) {
        vector_from_gpr(e, insn, row);
        return;
    }
    unsigned size = insn->size[0] == 8 ? 8 : 4;
    if (is_memory(insn, 0)) {
        struct host_mem mem = vector_check(e, insn, insn->size[0], true, false);
        enc_rm(&e->e, row->store, size, insn->n[1], mem);
        return;
    }
    unsigned to = emit_gpr_target(e, insn->n[0], S_DATA);
    enc_rr(&e->e, row->store, size, insn->n[1], to);
    emit_gpr_done(e, insn->n[0], to);
}

bool emit_vector(struct emitter *e, const struct insn *insn)
{
    const struct vector_row *row = &vector_rows[insn->op];

    switch (row->shape) {
    case VECTOR_OP:
        vector_op(e, insn, row);
        return true;
    case VECTOR_MOVE:
    case VECTOR_ALIGNED:
        return vector_move(e, insn, row);
    case VECTOR_SHIFT:
        return vector_shift(e, insn, row);
    case VECTOR_TO_GPR:
        vector_to_gpr(e, insn, row);
        return true;
    case VECTOR_FROM_GPR:
        vector_from_gpr(e, insn, row);
        return true;
    case VECTOR_MOVD:
        vector_movd(e, insn, row);
        return true;
    case VECTOR_EXTRACT:
        vector_extract(e, insn, row);
        return true;
    case VECTOR_STRING:
        vector_string(e, insn, row);
        return true;
    case VECTOR_FLAGS:
        vector_op(e, insn, row);
        emit_flags_image(e);
        return true;
    default:
        return false;
    }
}
