/* Shifts, multiplication, division, bit tests and scans. [SDM 2]
 *
 * What the manual leaves undefined follows cpu/exec: such flags are never taken from the host.
 */
#include "cpu/translate/x64/emit.h"

static unsigned log2_of(unsigned size)
{
    return size == 8 ? 3 : size / 2;
}

/* The opcode extension of group 2. */
static unsigned group2_of(unsigned op)
{
    switch (op) {
    case OP_ROL:
        return 0;
    case OP_ROR:
        return 1;
    case OP_RCL:
        return 2;
    case OP_RCR:
        return 3;
    case OP_SHL:
        return 4;
    case OP_SHR:
        return 5;
    default:
        return 7;
    }
}

static unsigned shift_of(unsigned op)
{
    return op == OP_SHL ? FLAGS_SHL : op == OP_SHR ? FLAGS_SHR : FLAGS_SAR;
}

void emit_shift_imm(struct emitter *e, unsigned op, unsigned size, unsigned host, unsigned count)
{
    enc_rr(&e->e, size == 1 ? 0xc0 | ENC_BYTE_RM : 0xc1, size, group2_of(op), host);
    enc_byte(&e->e, count);
}

void emit_shift_cl(struct emitter *e, unsigned op, unsigned size, unsigned host)
{
    enc_rr(&e->e, size == 1 ? 0xd2 | ENC_BYTE_RM : 0xd3, size, group2_of(op), host);
}

/* Flags after a shift by a known count of what was in `host`, not yet shifted. */
static struct recipe shift_recipe(struct emitter *e, const struct insn *insn, unsigned count,
                                  unsigned host)
{
    struct recipe recipe = { FLAGS_SHIFTED,
                             (uint8_t)log2_of(insn->size[0]),
                             (uint8_t)shift_of(insn->op),
                             { 0 },
                             recipe_imm(count) };

    if (emit_flags_used(e)) {
        recipe.a = emit_flags_save(e, false, host);
    }
    return recipe;
}

static uint32_t shift_host(unsigned count)
{
    return (uint32_t)(FLAGS_ARITH & ~FLAG_AF & ~(count == 1 ? 0 : FLAG_OF));
}

static bool shift_by_known(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->size[0], count = flow_shift_count(insn), n = insn->n[0];

    if (count == 0) {
        return false;
    }
    if (insn->kind[0] == OPERAND_MEM) {
        struct host_mem mem = emit_store_check(e, insn, size);
        enc_load(&e->e, size, S_INDEX, mem);
        struct recipe recipe = shift_recipe(e, insn, count, S_INDEX);
        emit_shift_imm(e, insn->op, size, S_INDEX, count);
        enc_store(&e->e, size, mem, S_INDEX);
        emit_flags_set(e, recipe, shift_host(count));
        return true;
    }
    unsigned a = emit_gpr(e, n, S_DATA);
    struct recipe recipe = shift_recipe(e, insn, count, a);
    emit_shift_imm(e, insn->op, size, a, count);
    emit_gpr_done(e, n, a);
    emit_flags_set(e, recipe, shift_host(count));
    return true;
}

/* What is in `a`; a count of 0 keeps the flags, which are stored. */
static void shift_by_cl_used(struct emitter *e, const struct insn *insn, unsigned a)
{
    unsigned size = insn->size[0];
    uint8_t *none = emit_shift_count(e, size);

    (void)emit_flags_save(e, false, a);
    (void)emit_flags_save(e, true, S_INDEX);
    enc_store_imm(&e->e, 8, CORE_AT(translated.flags_kind),
                  (int32_t)flags_kind_word(FLAGS_SHIFTED, log2_of(size), shift_of(insn->op)));
    emit_shift_cl(e, insn->op, size, a);
    enc_patch8(none, e->e.at);
    e->flags = (struct flags_track){ .stored = true };
}

uint8_t *emit_shift_count(struct emitter *e, unsigned size)
{
    enc_mov(&e->e, S_INDEX, emit_gpr(e, REG_RCX, S_INDEX));
    enc_rr(&e->e, 0xf6 | ENC_BYTE_RM, 1, 0, S_INDEX);
    enc_byte(&e->e, size == 8 ? 63 : 31);
    return enc_jcc8(&e->e, 4);
}

/* SHLX, SHRX, SARX: no flags. */
static void shift_by_cl_plain(struct emitter *e, const struct insn *insn)
{
    static const unsigned vex[] = {
        [FLAGS_SHL] = ENC_66, [FLAGS_SHR] = ENC_F2, [FLAGS_SAR] = ENC_F3
    };
    unsigned size = insn->size[0], n = insn->n[0];

    unsigned a = emit_gpr(e, n, S_DATA), count = emit_gpr(e, REG_RCX, S_INDEX);
    if (e->bmi2 && size >= 4) {
        enc_vex_rr(&e->e, ENC_0F38 | 0xf7 | vex[shift_of(insn->op)], size == 8, a, count, a);
    } else {
        enc_mov(&e->e, S_INDEX, count);
        if (size == 4) {
            enc_rr(&e->e, 0x8b, 4, a, a);
        }
        emit_shift_cl(e, insn->op, size, a);
        e->flags.host = 0;
    }
    emit_gpr_done(e, n, a);
}

static void shift_memory_by_cl(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->size[0];
    struct host_mem mem = emit_store_check(e, insn, size);

    enc_load(&e->e, size, S_DATA, mem);
    if (emit_flags_used(e)) {
        shift_by_cl_used(e, insn, S_DATA);
    } else {
        enc_mov(&e->e, S_INDEX, emit_gpr(e, REG_RCX, S_INDEX));
        emit_shift_cl(e, insn->op, size, S_DATA);
        e->flags.host = 0;
    }
    enc_store(&e->e, size, mem, S_DATA);
}

bool emit_shift(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->size[0], n = insn->n[0];

    if (insn->kind[0] == OPERAND_GPR && size == 1 && n >= 16) {
        return false;
    }
    if (insn->kind[1] == OPERAND_IMM) {
        return shift_by_known(e, insn);
    }
    if (!emit_flags_used(e) && insn->kind[0] == OPERAND_GPR) {
        shift_by_cl_plain(e, insn);
        return true;
    }
    emit_flags_store(e);
    if (insn->kind[0] == OPERAND_MEM) {
        shift_memory_by_cl(e, insn);
        return true;
    }
    unsigned a = emit_gpr(e, n, S_DATA);
    if (size == 4) {
        enc_rr(&e->e, 0x8b, 4, a, a);
    }
    shift_by_cl_used(e, insn, a);
    emit_gpr_done(e, n, a);
    return true;
}

/* ---- multiplication ---- */

static void multiply_set(struct emitter *e, const struct insn *insn, unsigned result)
{
    struct recipe recipe = { FLAGS_MULTIPLY,
                             (uint8_t)log2_of(insn->opsize),
                             0,
                             recipe_gpr(result),
                             { .what = RECIPE_SLOT } };

    if (emit_flags_used(e)) {
        enc_rm(&e->e, ENC_0F | 0x90, 1, 0, CORE_AT(translated.flags_b)); /* SETO */
    }
    emit_flags_set(e, recipe, (uint32_t)(FLAG_CF | FLAG_OF));
}

/* IMUL with a destination register. */
bool emit_imul(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->opsize, n = insn->n[0], k = 1;
    bool immediate = insn->op == OP_IMUL3;
    unsigned opcode = immediate ? 0x69u : ENC_0F | 0xafu;

    if (insn->kind[k] == OPERAND_MEM) {
        struct host_mem mem = emit_load_check(e, insn, size);
        unsigned a =
            immediate && size != 2 ? emit_gpr_target(e, n, S_DATA) : emit_gpr(e, n, S_DATA);
        enc_rm(&e->e, opcode, size, a, mem);
        if (immediate) {
            enc_byte(&e->e, (uint8_t)insn->imm);
            enc_byte(&e->e, (uint8_t)(insn->imm >> 8));
            if (size != 2) {
                enc_byte(&e->e, (uint8_t)(insn->imm >> 16));
                enc_byte(&e->e, (uint8_t)(insn->imm >> 24));
            }
        }
        emit_gpr_done(e, n, a);
        multiply_set(e, insn, n);
        return true;
    }
    unsigned b = emit_gpr(e, insn->n[k], S_INDEX);
    unsigned a = immediate && size != 2 ? emit_gpr_target(e, n, S_DATA) : emit_gpr(e, n, S_DATA);
    enc_rr(&e->e, opcode, size, a, b);
    if (immediate) {
        for (unsigned i = 0; i < (size == 2 ? 2 : 4); i++) {
            enc_byte(&e->e, (uint8_t)(insn->imm >> 8 * i));
        }
    }
    emit_gpr_done(e, n, a);
    multiply_set(e, insn, n);
    return true;
}

/* MUL and IMUL of RAX; also the operand of DIV and IDIV: in a register. */
static unsigned factor(struct emitter *e, const struct insn *insn)
{
    if (insn->kind[0] == OPERAND_MEM) {
        struct host_mem mem = emit_load_check(e, insn, insn->opsize);
        enc_load(&e->e, insn->opsize, S_INDEX, mem);
        return S_INDEX;
    }
    return emit_gpr(e, insn->n[0], S_INDEX);
}

bool emit_mul(struct emitter *e, const struct insn *insn)
{
    if (insn->opsize < 4) {
        return false;
    }
    unsigned host = factor(e, insn);
    enc_rr(&e->e, 0xf7, insn->opsize, insn->op == OP_MUL ? 4 : 5, host);
    multiply_set(e, insn, REG_RAX);
    return true;
}

/* What may raise #DE, or is rare, is left to the interpreter. Flags stay. */
bool emit_div(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->opsize;

    if (size < 4) {
        return false;
    }
    emit_flags_store(e);
    e->flags.known = false;
    unsigned host = factor(e, insn);
    e->flags.host = 0;
    if (insn->op == OP_DIV) {
        enc_alu_rr(&e->e, ENC_CMP, size, HOST_RDX, host);
        emit_hand_over(e, 3);
        enc_rr(&e->e, 0xf7, size, 6, host);
        return true;
    }
    /* The dividend is a sign-extended RAX and the divisor neither 0 nor -1. */
    enc_mov(&e->e, S_DATA, HOST_RAX);
    enc_rr(&e->e, 0xc1, size, 7, S_DATA);
    enc_byte(&e->e, size * 8 - 1);
    enc_alu_rr(&e->e, ENC_CMP, size, S_DATA, HOST_RDX);
    emit_hand_over(e, 5);
    enc_lea(&e->e, size, S_DATA, HOST_MEM((int8_t)host, 1));
    enc_alu_ri(&e->e, ENC_CMP, size, S_DATA, 1);
    emit_hand_over(e, 6);
    enc_rr(&e->e, 0xf7, size, 7, host);
    return true;
}

/* ---- BT, BTS, BTR, BTC: only CF changes ---- */

void emit_flags_carry(struct emitter *e, uint32_t others)
{
    if (!emit_flags_kept(e)) {
        bool used = emit_flags_used(e);
        e->flags = (struct flags_track){ .host = used ? FLAG_CF | others : 0, .lost = used };
        return;
    }
    enc_rm(&e->e, ENC_0F | 0x92, 1, 0, CORE_AT(translated.flags_cf));
    enc_store_imm(&e->e, 1, CORE_OFFSET(offsetof(struct core, translated.flags_kind) + 2), 1);
    e->flags = (struct flags_track){ .host = (uint32_t)FLAG_CF | others, .stored = true };
}

static unsigned bit_op(unsigned op)
{
    return op == OP_BT ? 4 : op == OP_BTS ? 5 : op == OP_BTR ? 6 : 7;
}

static void bit_imm(struct emitter *e, const struct insn *insn, unsigned host)
{
    enc_rr(&e->e, ENC_0F | 0xba, insn->size[0], bit_op(insn->op), host);
    enc_byte(&e->e, (unsigned)insn->imm & (insn->size[0] * 8u - 1));
}

/* Point S_ADDRESS at the word that holds the bit whose number is in a register. */
static void bit_string(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->size[0], number = emit_gpr(e, insn->n[1], S_DATA);

    if (size == 4) {
        enc_rr(&e->e, 0x63, 8, S_DATA, number); /* MOVSXD */
    } else {
        enc_mov(&e->e, S_DATA, number);
    }
    enc_rr(&e->e, 0xc1, 8, 7, S_DATA);
    enc_byte(&e->e, size == 4 ? 5 : 6);
    struct host_mem moved = { .base = S_ADDRESS, .index = S_DATA, .scale = size == 4 ? 2 : 3 };
    enc_lea(&e->e, 8, S_ADDRESS, moved);
    e->flags.host = 0;
}

static bool bit_memory(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->size[0];
    bool lock = (insn->flags & INSN_LOCK), by_register = insn->kind[1] == OPERAND_GPR;

    if (size == 2 || insn->adsize != 8) {
        return false;
    }
    emit_address(e, insn);
    if (by_register) {
        bit_string(e, insn);
    }
    struct host_mem mem = emit_check(e, size, insn->op != OP_BT);
    if (by_register) {
        enc_mov(&e->e, S_DATA, emit_gpr(e, insn->n[1], S_DATA));
        enc_alu_ri(&e->e, ENC_AND, 4, S_DATA, (int32_t)size * 8 - 1);
    } else {
        enc_mov_imm(&e->e, S_DATA, insn->imm & (size * 8 - 1));
    }
    if (lock) {
        enc_rm(&e->e, ENC_0F | ENC_LOCK | 0x83 | bit_op(insn->op) << 3, size, S_DATA, mem);
    } else {
        enc_load(&e->e, size, S_INDEX, mem);
        enc_rr(&e->e, ENC_0F | 0x83 | bit_op(insn->op) << 3, size, S_DATA, S_INDEX);
        if (insn->op != OP_BT) {
            enc_store(&e->e, size, mem, S_INDEX);
        }
    }
    emit_flags_carry(e, 0);
    return true;
}

bool emit_bt(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->size[0], n = insn->n[0];

    emit_flags_before(e);
    if (insn->kind[0] == OPERAND_MEM) {
        return bit_memory(e, insn);
    }
    unsigned a = emit_gpr(e, n, S_DATA);
    if (insn->kind[1] == OPERAND_IMM) {
        bit_imm(e, insn, a);
    } else {
        enc_rr(&e->e, ENC_0F | 0x83 | bit_op(insn->op) << 3, size, emit_gpr(e, insn->n[1], S_INDEX),
               a);
    }
    if (insn->op != OP_BT) {
        emit_gpr_done(e, n, a);
    }
    emit_flags_carry(e, 0);
    return true;
}

/* CLC, STC, CMC */
bool emit_carry(struct emitter *e, const struct insn *insn)
{
    uint32_t others = e->flags.host & (uint32_t)~FLAG_CF;

    emit_flags_before(e);
    if (insn->op == OP_CMC) {
        emit_flags_host(e, (uint32_t)FLAG_CF);
        others = e->flags.host & (uint32_t)~FLAG_CF;
    }
    enc_byte(&e->e, insn->op == OP_CMC ? 0xf5 : insn->op == OP_CLC ? 0xf8 : 0xf9);
    emit_flags_carry(e, others);
    return true;
}

/* ---- scans and counts ---- */

/* BSF and BSR: of zero they change nothing; the flags tell of the source. */
bool emit_scan(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->opsize, n = insn->n[0], source;
    struct recipe recipe = { FLAGS_LOGIC, (uint8_t)log2_of(size), 0, { 0 }, { 0 } };
    unsigned opcode = (unsigned)ENC_0F | (insn->op == OP_BSF ? 0xbcu : 0xbdu);

    if (size == 2) {
        return false;
    }
    if (insn->kind[1] == OPERAND_MEM) {
        struct host_mem mem = emit_load_check(e, insn, size);
        enc_load(&e->e, size, S_INDEX, mem);
        source = S_INDEX;
    } else {
        source = emit_gpr(e, insn->n[1], S_INDEX);
    }
    if (emit_flags_used(e)) {
        recipe.a = emit_flags_save(e, false, source);
    }
    enc_rr(&e->e, opcode, size, S_DATA, source);
    uint8_t *zero = enc_jcc8(&e->e, 4);
    if (host_of[n] != HOST_NONE) {
        enc_mov(&e->e, (unsigned)host_of[n], S_DATA);
    } else {
        emit_gpr_done(e, n, S_DATA);
    }
    enc_patch8(zero, e->e.at);
    emit_flags_set(e, recipe, (uint32_t)FLAG_ZF);
    return true;
}

bool emit_popcnt(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->opsize, n = insn->n[0], source;
    struct recipe recipe = { FLAGS_POPCNT, (uint8_t)log2_of(size), 0, { 0 }, { 0 } };

    if (insn->kind[1] == OPERAND_MEM) {
        struct host_mem mem = emit_load_check(e, insn, size);
        enc_load(&e->e, size, S_INDEX, mem);
        source = S_INDEX;
    } else {
        source = emit_gpr(e, insn->n[1], S_INDEX);
    }
    if (emit_flags_used(e)) {
        recipe.a = emit_flags_save(e, false, source);
    }
    unsigned a = size == 2 ? emit_gpr(e, n, S_DATA) : emit_gpr_target(e, n, S_DATA);
    enc_rr(&e->e, ENC_0F | ENC_F3 | 0xb8, size, a, source);
    emit_gpr_done(e, n, a);
    emit_flags_set(e, recipe, FLAGS_ARITH);
    return true;
}

bool emit_crc32(struct emitter *e, const struct insn *insn)
{
    const unsigned size = insn->size[1], n = insn->n[0];
    const unsigned opcode = ENC_0F38 | ENC_F2 | (size == 1 ? 0xf0u : 0xf1u);

    if (size == 2) {
        return false;
    }
    if (insn->kind[1] == OPERAND_MEM) {
        struct host_mem mem = emit_load_check(e, insn, size);
        unsigned a = emit_gpr(e, n, S_DATA);
        enc_rm(&e->e, opcode, size == 8 ? 8 : 4, a, mem);
        emit_gpr_done(e, n, a);
        return true;
    }
    unsigned source = emit_operand(e, insn, 1, S_INDEX), a = emit_gpr(e, n, S_DATA);
    enc_rr(&e->e, opcode | (size == 1 ? (unsigned)ENC_BYTE_RM : 0), size == 8 ? 8 : 4, a, source);
    emit_gpr_done(e, n, a);
    return true;
}
