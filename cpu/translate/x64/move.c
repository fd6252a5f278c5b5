/* Moves, conditional moves, exchanges, the stack. [SDM 2] */
#include "cpu/translate/x64/emit.h"

/* Host register `from` (its low `size` bytes) into a general register. Keeps flags. */
static void write_register(struct emitter *e, unsigned n, unsigned size, unsigned from)
{
    if (size == 1) {
        emit_gpr8_write(e, n, from);
        return;
    }
    unsigned scratch = from == S_DATA ? S_INDEX : S_DATA;
    unsigned to = size == 2 ? emit_gpr(e, n, scratch) : emit_gpr_target(e, n, scratch);
    enc_rr(&e->e, 0x8b, size, to, from);
    emit_gpr_done(e, n, to);
}

static bool mov_to_memory(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->size[0];
    struct host_mem mem = emit_store_check(e, insn, size);

    if (insn->kind[1] == OPERAND_IMM) {
        enc_store_imm(&e->e, size, mem, (int32_t)insn->imm);
    } else {
        enc_store(&e->e, size, mem, emit_operand(e, insn, 1, S_DATA));
    }
    return true;
}

static void mov_immediate(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->size[0], n = insn->n[0];

    if (size >= 4) {
        unsigned to = emit_gpr_target(e, n, S_DATA);
        enc_mov_imm(&e->e, to, size == 4 ? (uint32_t)insn->imm : insn->imm);
        emit_gpr_done(e, n, to);
        return;
    }
    enc_mov_imm(&e->e, S_INDEX, (uint32_t)insn->imm & (size == 1 ? 0xff : 0xffff));
    write_register(e, n, size, S_INDEX);
}

bool emit_mov(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->size[0], n = insn->n[0];

    if (insn->kind[0] == OPERAND_MEM) {
        return mov_to_memory(e, insn);
    }
    if (insn->kind[1] == OPERAND_IMM) {
        mov_immediate(e, insn);
        return true;
    }
    if (insn->kind[1] == OPERAND_MEM) {
        struct host_mem mem = emit_load_check(e, insn, size);
        if (size >= 4) {
            unsigned to = emit_gpr_target(e, n, S_DATA);
            enc_load(&e->e, size, to, mem);
            emit_gpr_done(e, n, to);
        } else {
            enc_load(&e->e, size, S_INDEX, mem);
            write_register(e, n, size, S_INDEX);
        }
        return true;
    }
    write_register(e, n, size, emit_operand(e, insn, 1, S_INDEX));
    return true;
}

/* MOVZX, MOVSX, MOVSXD */
bool emit_extend(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->opsize, from = insn->size[1], n = insn->n[0];
    unsigned opcode = from == 4              ? 0x63
                      : insn->op == OP_MOVZX ? ENC_0F | (from == 1 ? 0xb6u : 0xb7u)
                                             : ENC_0F | (from == 1 ? 0xbeu : 0xbfu);

    if (insn->op == OP_MOVSXD && size != 8) {
        return false;
    }
    if (insn->kind[1] == OPERAND_MEM) {
        struct host_mem mem = emit_load_check(e, insn, from);
        unsigned to = size == 2 ? emit_gpr(e, n, S_DATA) : emit_gpr_target(e, n, S_DATA);
        enc_rm(&e->e, opcode, size, to, mem);
        emit_gpr_done(e, n, to);
        return true;
    }
    unsigned source = emit_operand(e, insn, 1, S_INDEX);
    unsigned to = size == 2 ? emit_gpr(e, n, S_DATA) : emit_gpr_target(e, n, S_DATA);
    enc_rr(&e->e, opcode | (from == 1 ? (unsigned)ENC_BYTE_RM : 0), size, to, source);
    emit_gpr_done(e, n, to);
    return true;
}

bool emit_lea(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->opsize, n = insn->n[0];
    struct host_mem mem = { .base = HOST_NONE, .index = HOST_NONE, .disp = (int32_t)insn->disp };

    if (size == 2 || insn->adsize < 4 || insn->disp != (int32_t)insn->disp ||
        (insn->base == REG_RIP && emit_rip_clobbers(e, e->rip + (uint64_t)insn->disp))) {
        return false;
    }
    unsigned to = emit_gpr_target(e, n, S_DATA), least = size < insn->adsize ? size : insn->adsize;
    if (insn->base == REG_RIP) {
        uint64_t address = e->rip + (uint64_t)insn->disp;
        if (least == 4 && !e->relative) {
            enc_mov_imm(&e->e, to, (uint32_t)address);
        } else {
            emit_rip(e, to, address);
        }
        if (least == 4 && e->relative) {
            enc_rr(&e->e, 0x8b, 4, to, to);
        }
    } else if (insn->base >= 16 && insn->index >= 16) {
        enc_mov_imm(&e->e, to, least == 4 ? (uint32_t)insn->disp : (uint64_t)insn->disp);
    } else {
        if (insn->base < 16) {
            mem.base = (int8_t)emit_gpr(e, insn->base, S_ADDRESS);
        }
        if (insn->index < 16) {
            mem.index = (int8_t)emit_gpr(e, insn->index, S_INDEX);
            mem.scale = insn->scale_log2;
        }
        enc_lea(&e->e, least, to, mem);
    }
    emit_gpr_done(e, n, to);
    return true;
}

bool emit_xchg(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->size[0], byte = size == 1 ? ENC_BYTE_REG : 0;

    if (insn->kind[0] == OPERAND_MEM) {
        struct host_mem mem = emit_store_check(e, insn, size);
        enc_mov(&e->e, S_INDEX, emit_operand(e, insn, 1, S_INDEX));
        enc_rm(&e->e, 0x86 | (size == 1 ? 0 : 1) | byte, size, S_INDEX, mem);
        write_register(e, insn->n[1], size, S_INDEX);
        return true;
    }
    if (size == 1 || insn->kind[1] != OPERAND_GPR) {
        return false;
    }
    unsigned b = emit_gpr(e, insn->n[1], S_INDEX);
    enc_mov(&e->e, S_ADDRESS, b);
    unsigned a = emit_gpr(e, insn->n[0], S_DATA);
    enc_mov(&e->e, S_DATA, a);
    write_register(e, insn->n[1], size, S_DATA); /* it may use S_INDEX, the other S_DATA */
    write_register(e, insn->n[0], size, S_ADDRESS);
    return true;
}

static uint32_t condition_flags(unsigned code)
{
    static const uint32_t flags[8] = { FLAG_OF,           FLAG_CF,
                                       FLAG_ZF,           FLAG_CF | FLAG_ZF,
                                       FLAG_SF,           FLAG_PF,
                                       FLAG_SF | FLAG_OF, FLAG_ZF | FLAG_SF | FLAG_OF };

    return flags[code >> 1 & 7];
}

/* Keep a condition in memory over a check. */
static void condition_keep(struct emitter *e, unsigned code)
{
    emit_flags_host(e, condition_flags(code));
    enc_rm(&e->e, ENC_0F | 0x90 | (code & 15), 1, 0, CORE_AT(translated.condition));
}

bool emit_cmov(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->opsize, n = insn->n[0], code = insn->imm2 & 15;

    if (insn->kind[1] == OPERAND_MEM) {
        condition_keep(e, code);
        struct host_mem mem = emit_load_check(e, insn, size);
        enc_load(&e->e, size, S_INDEX, mem);
        unsigned a = emit_gpr(e, n, S_DATA);
        enc_alu_mi(&e->e, ENC_CMP, 1, CORE_AT(translated.condition), 0, false);
        e->flags.host = 0;
        enc_rr(&e->e, ENC_0F | 0x45, size, a, S_INDEX);
        emit_gpr_done(e, n, a);
        return true;
    }
    emit_flags_host(e, condition_flags(code));
    unsigned source = emit_gpr(e, insn->n[1], S_INDEX), a = emit_gpr(e, n, S_DATA);
    enc_rr(&e->e, ENC_0F | 0x40 | code, size, a, source);
    emit_gpr_done(e, n, a);
    return true;
}

bool emit_setcc(struct emitter *e, const struct insn *insn)
{
    unsigned code = insn->imm2 & 15;

    if (insn->kind[0] == OPERAND_MEM) {
        condition_keep(e, code);
        struct host_mem mem = emit_store_check(e, insn, 1);
        enc_load(&e->e, 1, S_INDEX, CORE_AT(translated.condition));
        enc_store(&e->e, 1, mem, S_INDEX);
        return true;
    }
    emit_flags_host(e, condition_flags(code));
    if (insn->n[0] < 16 && host_of[insn->n[0]] != HOST_NONE) {
        enc_rr(&e->e, ENC_0F | 0x90 | code | ENC_BYTE_RM, 1, 0, (unsigned)host_of[insn->n[0]]);
        return true;
    }
    enc_rr(&e->e, ENC_0F | 0x90 | code | ENC_BYTE_RM, 1, 0, S_INDEX);
    emit_gpr8_write(e, insn->n[0], S_INDEX);
    return true;
}

/* RAX and RDX are their own host registers. */
bool emit_cbw(struct emitter *e, const struct insn *insn)
{
    if (insn->opsize != 4) {
        enc_byte(&e->e, insn->opsize == 2 ? 0x66 : 0x48);
    }
    enc_byte(&e->e, 0x98);
    return true;
}

bool emit_cwd(struct emitter *e, const struct insn *insn)
{
    if (insn->opsize != 4) {
        enc_byte(&e->e, insn->opsize == 2 ? 0x66 : 0x48);
    }
    enc_byte(&e->e, 0x99);
    return true;
}

static void bswap(struct emitter *e, unsigned size, unsigned host)
{
    if (size == 8 || host >= 8) {
        enc_byte(&e->e, 0x40 | (size == 8 ? 8u : 0) | (host >> 3));
    }
    enc_byte(&e->e, 0x0f);
    enc_byte(&e->e, 0xc8 | (host & 7));
}

bool emit_bswap(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->opsize, n = insn->n[0];

    if (size == 2) {
        return false;
    }
    unsigned a = emit_gpr(e, n, S_DATA);
    bswap(e, size, a);
    emit_gpr_done(e, n, a);
    return true;
}

bool emit_movbe(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->opsize;

    if (size == 2) {
        return false;
    }
    if (insn->kind[0] == OPERAND_MEM) {
        struct host_mem mem = emit_store_check(e, insn, size);
        enc_mov(&e->e, S_DATA, emit_gpr(e, insn->n[1], S_DATA));
        bswap(e, size, S_DATA);
        enc_store(&e->e, size, mem, S_DATA);
        return true;
    }
    struct host_mem mem = emit_load_check(e, insn, size);
    enc_load(&e->e, size, S_DATA, mem);
    bswap(e, size, S_DATA);
    write_register(e, insn->n[0], size, S_DATA);
    return true;
}

/* Only what reads a selector into a register. */
bool emit_movseg_fits(const struct insn *insn)
{
    return insn->kind[0] == OPERAND_GPR && insn->kind[1] == OPERAND_SEG;
}

bool emit_movseg(struct emitter *e, const struct insn *insn)
{
    const size_t at = offsetof(struct core, state.seg) + insn->n[1] * sizeof(struct x86_segment) +
                      offsetof(struct x86_segment, selector);

    enc_load(&e->e, 2, S_INDEX, CORE_OFFSET(at));
    write_register(e, insn->n[0], insn->size[0], S_INDEX);
    return true;
}

bool emit_nop(struct emitter *e, const struct insn *insn)
{
    (void)e;
    (void)insn;
    return true;
}

/* ---- CMPXCHG, XADD in memory ---- */

bool emit_cmpxchg(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->size[0], byte = size == 1 ? ENC_BYTE_REG : 0;
    bool lock = (insn->flags & INSN_LOCK);
    struct recipe recipe = {
        FLAGS_CMP, (uint8_t)(size == 8 ? 3 : size / 2), 0, { 0 }, recipe_gpr(REG_RAX)
    };

    if (insn->kind[0] != OPERAND_MEM) {
        return false;
    }
    struct host_mem mem = emit_store_check(e, insn, size);
    if (emit_flags_used(e)) {
        recipe.a = emit_flags_save(e, false, HOST_RAX);
    }
    unsigned source = emit_operand(e, insn, 1, S_DATA);
    enc_rm(&e->e, ENC_0F | (lock ? (unsigned)ENC_LOCK : 0) | (size == 1 ? 0xb0u : 0xb1u) | byte,
           size, source, mem);
    emit_flags_set(e, recipe, FLAGS_ARITH);
    return true;
}

/* CMPXCHG8B, CMPXCHG16B: of the flags ZF alone changes. RAX, RDX and RBX are their own host registers. */
bool emit_cmpxchg_wide(struct emitter *e, const struct insn *insn)
{
    const size_t kind = offsetof(struct core, translated.flags_kind);
    const bool wide = insn->op == OP_CMPXCHG16B;
    const unsigned lock = insn->flags & INSN_LOCK ? (unsigned)ENC_LOCK : 0;

    emit_flags_before(e);
    emit_address(e, insn);
    if (wide) {
        enc_rr(&e->e, 0xf6 | ENC_BYTE_RM, 1, 0, S_ADDRESS);
        enc_byte(&e->e, 15);
        e->flags.host = 0;
        emit_hand_over(e, 5);
    }
    struct host_mem mem = e->stack.operand[e->i] ? stack_member(e, (int32_t)insn->disp)
                                                 : emit_check(e, wide ? 16 : 8, true);
    enc_mov(&e->e, S_INDEX, (unsigned)host_of[REG_RCX]);
    enc_rm(&e->e, ENC_0F | lock | 0xc7, wide ? 8 : 4, 1, mem);
    if (!emit_flags_kept(e)) {
        bool used = emit_flags_used(e);
        e->flags = (struct flags_track){ .host = used ? FLAG_ZF : 0, .lost = used };
        return true;
    }
    enc_rm(&e->e, ENC_0F | 0x94, 1, 0, CORE_OFFSET(kind + FLAGS_KIND_ZF / 8));
    enc_store_imm(&e->e, 1, CORE_OFFSET(kind + FLAGS_KIND_ZF / 8 + 1), 1);
    e->flags = (struct flags_track){ .host = FLAG_ZF, .stored = true };
    return true;
}

bool emit_xadd(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->size[0], byte = size == 1 ? ENC_BYTE_REG : 0;
    bool lock = (insn->flags & INSN_LOCK);
    struct recipe recipe = { FLAGS_SUM,
                             (uint8_t)(size == 8 ? 3 : size / 2),
                             0,
                             { .what = RECIPE_SLOT },
                             { .what = RECIPE_SLOT } };

    if (insn->kind[0] != OPERAND_MEM) {
        return false;
    }
    struct host_mem mem = emit_store_check(e, insn, size);
    enc_mov(&e->e, S_INDEX, emit_operand(e, insn, 1, S_INDEX));
    if (emit_flags_used(e)) {
        (void)emit_flags_save(e, true, S_INDEX);
    }
    enc_rm(&e->e, ENC_0F | (lock ? (unsigned)ENC_LOCK : 0) | (size == 1 ? 0xc0u : 0xc1u) | byte,
           size, S_INDEX, mem);
    if (emit_flags_used(e)) {
        (void)emit_flags_save(e, false, S_INDEX);
    }
    write_register(e, insn->n[1], size, S_INDEX);
    emit_flags_set(e, recipe, FLAGS_ARITH);
    return true;
}

/* ---- the stack, with operand size 64 ---- */

static void move_stack(struct emitter *e, int32_t delta)
{
    enc_lea(&e->e, 8, (unsigned)host_of[REG_RSP], HOST_MEM((int8_t)host_of[REG_RSP], delta));
}

bool emit_push(struct emitter *e, const struct insn *insn)
{
    if (insn->opsize != 8) {
        return false;
    }
    if (insn->kind[0] == OPERAND_MEM) {
        struct host_mem from = emit_load_check(e, insn, 8);
        enc_load(&e->e, 8, S_DATA, from);
        enc_store(&e->e, 8, CORE_AT(translated.scratch), S_DATA);
    }
    struct host_mem mem = emit_stack_check(e, -8, 8, true);
    if (insn->kind[0] == OPERAND_IMM) {
        enc_store_imm(&e->e, 8, mem, (int32_t)insn->imm);
    } else if (insn->kind[0] == OPERAND_GPR) {
        enc_store(&e->e, 8, mem, emit_gpr(e, insn->n[0], S_DATA));
    } else {
        enc_load(&e->e, 8, S_DATA, CORE_AT(translated.scratch));
        enc_store(&e->e, 8, mem, S_DATA);
    }
    move_stack(e, -8);
    return true;
}

bool emit_pop(struct emitter *e, const struct insn *insn)
{
    if (insn->opsize != 8 || insn->kind[0] != OPERAND_GPR) {
        return false;
    }
    struct host_mem mem = emit_stack_check(e, 0, 8, false);
    move_stack(e, 8);
    if (mem.base == host_of[REG_RSP]) {
        mem.disp -= 8;
    }
    unsigned to = emit_gpr_target(e, insn->n[0], S_DATA);
    enc_load(&e->e, 8, to, mem);
    emit_gpr_done(e, insn->n[0], to);
    return true;
}

bool emit_leave(struct emitter *e, const struct insn *insn)
{
    if (insn->opsize != 8) {
        return false;
    }
    enc_mov(&e->e, S_ADDRESS, (unsigned)host_of[REG_RBP]);
    struct host_mem mem = emit_check(e, 8, false);
    enc_lea(&e->e, 8, (unsigned)host_of[REG_RSP], HOST_MEM((int8_t)host_of[REG_RBP], 8));
    enc_load(&e->e, 8, (unsigned)host_of[REG_RBP], mem);
    return true;
}
