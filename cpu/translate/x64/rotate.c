/* Rotations, SHLD and SHRD. [SDM 2 RCL/RCR/ROL/ROR, SHLD, SHRD]
 *
 * CF is the host's. OF after more than one place is what cpu/exec/shift.c makes of the result, when somebody asks.
 */
#include "cpu/translate/x64/emit.h"

static unsigned log2_of(unsigned size)
{
    return size == 8 ? 3 : size / 2;
}

static bool takes_carry(const struct insn *insn)
{
    return insn->op == OP_RCL || insn->op == OP_RCR;
}

static bool goes_left(const struct insn *insn)
{
    return insn->op == OP_ROL || insn->op == OP_RCL || insn->op == OP_SHLD;
}

/* Keep CF, and what OF is made of: the result is in `host`. Keeps host flags. */
static void keep_carry_and_of(struct emitter *e, const struct insn *insn, unsigned host,
                              unsigned count)
{
    const size_t kind = offsetof(struct core, translated.flags_kind);
    enum flags_rotate how = count == 1 ? FLAGS_BY_ONE : goes_left(insn) ? FLAGS_LEFT : FLAGS_RIGHT;

    enc_rm(&e->e, ENC_0F | 0x92, 1, 0, CORE_AT(translated.flags_cf));
    if (how == FLAGS_BY_ONE) {
        enc_rm(&e->e, ENC_0F | 0x90, 1, 0, CORE_AT(translated.flags_of));
    } else {
        enc_store(&e->e, 8, CORE_AT(translated.flags_rotated), host);
    }
    if (how == FLAGS_LEFT) {
        enc_rm(&e->e, ENC_0F | 0x92, 1, 0, CORE_AT(translated.flags_of));
    }
    enc_store_imm(&e->e, 1, CORE_OFFSET(kind + FLAGS_KIND_ROTATE / 8),
                  (int32_t)(how | log2_of(insn->size[0]) << 4));
}

/* ---- ROL, ROR, RCL, RCR: only CF and OF change ---- */

static void rotate_keep(struct emitter *e, const struct insn *insn, unsigned host, unsigned count)
{
    const size_t kind = offsetof(struct core, translated.flags_kind);

    keep_carry_and_of(e, insn, host, count);
    enc_store_imm(&e->e, 1, CORE_OFFSET(kind + 2), 1);
}

/* The flags after a rotation of what is in `host` by a known count. The host keeps the others, too. */
static void rotate_set(struct emitter *e, const struct insn *insn, unsigned host, unsigned count)
{
    uint32_t right =
        (uint32_t)((e->flags.host & ~(uint32_t)FLAG_OF) | FLAG_CF | (count == 1 ? FLAG_OF : 0));

    if (emit_flags_kept(e)) {
        rotate_keep(e, insn, host, count);
        e->flags = (struct flags_track){ .host = right, .stored = true };
    } else {
        bool used = emit_flags_used(e);
        e->flags = (struct flags_track){ .host = used ? right : 0, .lost = used };
    }
}

/* Keep CF over what destroys it. */
static void carry_keep(struct emitter *e)
{
    emit_flags_host(e, FLAG_CF);
    enc_rm(&e->e, ENC_0F | 0x92, 1, 0, CORE_AT(translated.condition));
}

static void carry_back(struct emitter *e)
{
    enc_rm(&e->e, ENC_0F | 0xba, 4, 4, CORE_AT(translated.condition)); /* BT */
    enc_byte(&e->e, 0);
    e->flags.host = 0;
}

/* By CL what is in `host`, with CF kept, if it takes part. A count of 0 keeps the flags, which are stored. */
static void rotate_by_cl(struct emitter *e, const struct insn *insn, unsigned host)
{
    unsigned size = insn->size[0];
    uint8_t *none = emit_shift_count(e, size);

    if (takes_carry(insn)) {
        carry_back(e);
    }
    emit_shift_cl(e, insn->op, size, host);
    if (emit_flags_used(e)) {
        rotate_keep(e, insn, host, 0);
    }
    enc_patch8(none, e->e.at);
    e->flags = (struct flags_track){ .stored = emit_flags_used(e) };
}

static void rotate_register(struct emitter *e, const struct insn *insn, unsigned count)
{
    unsigned size = insn->size[0], n = insn->n[0];
    bool plain = e->bmi2 && size >= 4 && !takes_carry(insn) && !emit_flags_used(e);

    if (takes_carry(insn)) {
        emit_flags_host(e, FLAG_CF);
    }
    unsigned a = emit_gpr(e, n, S_DATA);
    if (plain) {
        enc_vex_rr(&e->e, ENC_0F3A | ENC_F2 | 0xf0, size == 8, a, 0, a); /* RORX */
        enc_byte(&e->e, insn->op == OP_ROR ? count : size * 8 - count);
    } else {
        emit_shift_imm(e, insn->op, size, a, count);
        rotate_set(e, insn, a, count);
    }
    emit_gpr_done(e, n, a);
}

static void rotate_memory(struct emitter *e, const struct insn *insn, unsigned count)
{
    unsigned size = insn->size[0];

    if (takes_carry(insn)) {
        carry_keep(e);
    }
    struct host_mem mem = emit_store_check(e, insn, size);
    enc_load(&e->e, size, S_DATA, mem);
    if (count == 0) {
        rotate_by_cl(e, insn, S_DATA);
    } else {
        if (takes_carry(insn)) {
            carry_back(e);
        }
        emit_shift_imm(e, insn->op, size, S_DATA, count);
        rotate_set(e, insn, S_DATA, count);
    }
    enc_store(&e->e, size, mem, S_DATA);
}

static void rotate_register_by_cl(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->size[0], n = insn->n[0];

    if (takes_carry(insn)) {
        carry_keep(e);
    }
    unsigned a = emit_gpr(e, n, S_DATA);
    if (size == 4) {
        enc_rr(&e->e, 0x8b, 4, a, a);
    }
    rotate_by_cl(e, insn, a);
    emit_gpr_done(e, n, a);
}

bool emit_rotate(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->size[0], n = insn->n[0], count = flow_shift_count(insn);
    bool by_cl = insn->kind[1] != OPERAND_IMM;

    if ((!by_cl && count == 0) || (insn->kind[0] == OPERAND_GPR && size == 1 && n >= 16)) {
        return false;
    }
    if (by_cl && emit_flags_used(e)) {
        emit_flags_store(e);
    } else {
        emit_flags_before(e);
    }
    if (insn->kind[0] == OPERAND_MEM) {
        rotate_memory(e, insn, count);
    } else if (by_cl) {
        rotate_register_by_cl(e, insn);
    } else {
        rotate_register(e, insn, count);
    }
    return true;
}

/* ---- SHLD, SHRD ---- */

static void double_do(struct emitter *e, const struct insn *insn, unsigned a, unsigned b)
{
    bool by_cl = insn->kind[2] != OPERAND_IMM;

    enc_rr(&e->e, ENC_0F | (insn->op == OP_SHLD ? 0xa4u : 0xacu) | by_cl, insn->size[0], b, a);
    if (!by_cl) {
        enc_byte(&e->e, (uint8_t)insn->imm);
    }
}

/* All flags, by the result in `host`. */
static void double_keep(struct emitter *e, const struct insn *insn, unsigned host, unsigned count)
{
    uint32_t kind = flags_kind_word(FLAGS_LOGIC, log2_of(insn->size[0]), 0) | FLAGS_KIND_CF;

    enc_store(&e->e, 8, CORE_AT(translated.flags_a), host);
    enc_store_imm(&e->e, 8, CORE_AT(translated.flags_kind), (int32_t)kind);
    keep_carry_and_of(e, insn, host, count);
}

static void double_set(struct emitter *e, const struct insn *insn, unsigned host, unsigned count)
{
    uint32_t right = (uint32_t)(FLAG_CF | FLAG_SF | FLAG_ZF | FLAG_PF | (count == 1 ? FLAG_OF : 0));

    if (emit_flags_kept(e)) {
        double_keep(e, insn, host, count);
        e->flags = (struct flags_track){ .host = right, .stored = true };
    } else {
        bool used = emit_flags_used(e);
        e->flags = (struct flags_track){ .host = used ? right : 0, .lost = used };
    }
}

/* What is in `a`, with bits of n[1]; scratch: for those. */
static void double_shift(struct emitter *e, const struct insn *insn, unsigned a, unsigned scratch)
{
    unsigned size = insn->size[0], b = emit_gpr(e, insn->n[1], scratch);

    if (insn->kind[2] == OPERAND_IMM) {
        unsigned count = (unsigned)insn->imm & (size == 8 ? 63 : 31);
        double_do(e, insn, a, b);
        double_set(e, insn, a, count);
        return;
    }
    if (size == 4 && insn->kind[0] == OPERAND_GPR) {
        enc_rr(&e->e, 0x8b, 4, a, a);
    }
    uint8_t *none = emit_shift_count(e, size);
    double_do(e, insn, a, b);
    if (emit_flags_used(e)) {
        double_keep(e, insn, a, 0);
    }
    enc_patch8(none, e->e.at);
    e->flags = (struct flags_track){ .stored = emit_flags_used(e) };
}

bool emit_double_shift(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->size[0], n = insn->n[0];
    bool memory = insn->kind[0] == OPERAND_MEM, by_cl = insn->kind[2] != OPERAND_IMM;

    if (size == 2 || (!by_cl && ((unsigned)insn->imm & (size == 8 ? 63 : 31)) == 0) ||
        (memory && by_cl && host_of[insn->n[1]] == HOST_NONE)) {
        return false;
    }
    if (by_cl && emit_flags_used(e)) {
        emit_flags_store(e);
    }
    if (memory) {
        struct host_mem mem = emit_store_check(e, insn, size);
        enc_load(&e->e, size, S_DATA, mem);
        double_shift(e, insn, S_DATA, S_INDEX);
        enc_store(&e->e, size, mem, S_DATA);
        return true;
    }
    unsigned a = emit_gpr(e, n, S_DATA);
    double_shift(e, insn, a, S_ADDRESS);
    emit_gpr_done(e, n, a);
    return true;
}

/* ---- LAHF, SAHF: RAX is its own host register ---- */

bool emit_lahf(struct emitter *e, const struct insn *insn)
{
    (void)insn;
    emit_flags_host(e, (uint32_t)(FLAGS_ARITH & ~FLAG_OF));
    enc_byte(&e->e, 0x9f);
    return true;
}

bool emit_sahf(struct emitter *e, const struct insn *insn)
{
    (void)insn;
    if (emit_flags_used(e)) {
        emit_flags_host(e, FLAG_OF);
    }
    enc_byte(&e->e, 0x9e);
    emit_flags_image(e);
    return true;
}
