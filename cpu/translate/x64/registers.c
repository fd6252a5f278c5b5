/* Guest general registers: which live in host registers, and the others in core.state. */
#include "cpu/translate/x64/emit.h"

/* The most used ones; those with implicit meanings are their own. */
const int8_t host_of[16] = {
    [REG_RAX] = HOST_RAX, [REG_RCX] = HOST_R12,  [REG_RDX] = HOST_RDX,  [REG_RBX] = HOST_RBX,
    [REG_RSP] = HOST_R11, [REG_RBP] = HOST_R8,   [REG_RSI] = HOST_RSI,  [REG_RDI] = HOST_RDI,
    [REG_R8] = HOST_NONE, [REG_R9] = HOST_NONE,  [REG_R10] = HOST_NONE, [REG_R11] = HOST_NONE,
    [REG_R12] = HOST_R9,  [REG_R13] = HOST_NONE, [REG_R14] = HOST_NONE, [REG_R15] = HOST_NONE,
};

unsigned emit_gpr(struct emitter *e, unsigned n, unsigned scratch)
{
    if (host_of[n] != HOST_NONE) {
        return (unsigned)host_of[n];
    }
    enc_load(&e->e, 8, scratch, CORE_GPR(n));
    return scratch;
}

unsigned emit_gpr_target(struct emitter *e, unsigned n, unsigned scratch)
{
    (void)e;
    return host_of[n] != HOST_NONE ? (unsigned)host_of[n] : scratch;
}

void emit_gpr_done(struct emitter *e, unsigned n, unsigned host)
{
    if (host_of[n] == HOST_NONE) {
        enc_store(&e->e, 8, CORE_GPR(n), host);
    }
}

bool emit_rip_clobbers(const struct emitter *e, uint64_t rip)
{
    return e->relative && (int64_t)rip != (int32_t)rip;
}

void emit_rip(struct emitter *e, unsigned host, uint64_t rip)
{
    if (!e->relative) {
        enc_mov_imm(&e->e, host, rip);
    } else if (emit_rip_clobbers(e, rip)) {
        enc_mov_imm(&e->e, host, rip);
        enc_alu_rm(&e->e, ENC_ADD, 8, host, CORE_AT(translated.distance));
    } else {
        enc_load(&e->e, 8, host, CORE_AT(translated.distance));
        enc_lea(&e->e, 8, host, HOST_MEM((int8_t)host, (int32_t)rip));
    }
}

static void emit_rotate_right(struct emitter *e, unsigned to, unsigned from, unsigned count)
{
    enc_vex_rr(&e->e, ENC_0F3A | ENC_F2 | 0xf0, true, to, 0, from); /* RORX */
    enc_byte(&e->e, count);
}

unsigned emit_gpr8(struct emitter *e, unsigned n, unsigned scratch)
{
    unsigned host = emit_gpr(e, n & 15, scratch);

    if (n < 16) {
        return host;
    }
    emit_rotate_right(e, scratch, host, 8);
    return scratch;
}

void emit_gpr8_write(struct emitter *e, unsigned n, unsigned from)
{
    unsigned scratch = from == S_DATA ? S_INDEX : S_DATA;
    unsigned host = emit_gpr(e, n & 15, scratch);

    if (n < 16) {
        enc_rr(&e->e, 0x8a | ENC_BYTE_REG | ENC_BYTE_RM, 1, host, from);
    } else {
        if (from == host) {
            enc_mov(&e->e, S_INDEX, from);
            from = S_INDEX;
        }
        emit_rotate_right(e, host, host, 8);
        enc_rr(&e->e, 0x8a | ENC_BYTE_REG | ENC_BYTE_RM, 1, host, from);
        emit_rotate_right(e, host, host, 56);
    }
    emit_gpr_done(e, n & 15, host);
}

unsigned emit_operand(struct emitter *e, const struct insn *insn, unsigned k, unsigned scratch)
{
    return insn->size[k] == 1 ? emit_gpr8(e, insn->n[k], scratch)
                              : emit_gpr(e, insn->n[k], scratch);
}
