/* ADD to TEST, INC, DEC, NEG, NOT. [SDM 2] */
#include "cpu/translate/x64/emit.h"

enum { OPCODE_TEST = 8 }; /* beside enum enc_alu */

static unsigned log2_of(unsigned size)
{
    return size == 8 ? 3 : size / 2;
}

static unsigned alu_of(const struct insn *insn)
{
    switch (insn->op) {
    case OP_ADD:
        return ENC_ADD;
    case OP_OR:
        return ENC_OR;
    case OP_ADC:
        return ENC_ADC;
    case OP_SBB:
        return ENC_SBB;
    case OP_AND:
        return ENC_AND;
    case OP_SUB:
        return ENC_SUB;
    case OP_XOR:
        return ENC_XOR;
    case OP_CMP:
        return ENC_CMP;
    default:
        return OPCODE_TEST;
    }
}

static bool is_logic(unsigned alu)
{
    return alu == ENC_AND || alu == ENC_OR || alu == ENC_XOR;
}

static bool takes_carry(unsigned alu)
{
    return alu == ENC_ADC || alu == ENC_SBB;
}

static bool writes_result(unsigned alu)
{
    return alu != ENC_CMP && alu != OPCODE_TEST;
}

static uint32_t host_flags(unsigned alu)
{
    return (uint32_t)(is_logic(alu) || alu == OPCODE_TEST ? FLAGS_ARITH & ~FLAG_AF : FLAGS_ARITH);
}

static void op_rr(struct emitter *e, unsigned alu, unsigned size, unsigned a, unsigned b)
{
    if (alu == OPCODE_TEST) {
        enc_test_rr(&e->e, size, a, b);
    } else {
        enc_alu_rr(&e->e, (enum enc_alu)alu, size, a, b);
    }
}

static void op_ri(struct emitter *e, unsigned alu, unsigned size, unsigned a, int32_t imm)
{
    if (alu != OPCODE_TEST) {
        enc_alu_ri(&e->e, (enum enc_alu)alu, size, a, imm);
        return;
    }
    enc_rr(&e->e, size == 1 ? 0xf6 | ENC_BYTE_RM : 0xf7, size, 0, a);
    for (unsigned i = 0; i < (size == 8 ? 4 : size); i++) {
        enc_byte(&e->e, (uint8_t)(imm >> 8 * i));
    }
}

/* a op the source operand, which is a register or an immediate; a register source may use `scratch`. */
static void op_source(struct emitter *e, const struct insn *insn, unsigned alu, unsigned a,
                      unsigned scratch)
{
    if (insn->kind[1] == OPERAND_IMM) {
        op_ri(e, alu, insn->size[0], a, (int32_t)insn->imm);
    } else {
        op_rr(e, alu, insn->size[0], a, emit_operand(e, insn, 1, scratch));
    }
}

static struct recipe_operand source_operand(const struct insn *insn)
{
    return insn->kind[1] == OPERAND_IMM ? recipe_imm(insn->imm) : recipe_gpr(insn->n[1]);
}

/* a: the result, or of CMP and TEST the first operand. */
static struct recipe recipe_of(unsigned alu, unsigned size, struct recipe_operand a,
                               struct recipe_operand b)
{
    struct recipe recipe = { .size_log2 = (uint8_t)log2_of(size), .a = a, .b = b };

    if (is_logic(alu)) {
        recipe.kind = FLAGS_LOGIC;
        recipe.b.what = RECIPE_NOTHING;
    } else {
        recipe.kind = alu == ENC_ADD   ? FLAGS_ADD
                      : alu == ENC_SUB ? FLAGS_SUB
                      : alu == ENC_CMP ? FLAGS_CMP
                                       : FLAGS_TEST;
    }
    return recipe;
}

static bool names_high_byte(const struct insn *insn)
{
    return (insn->kind[0] == OPERAND_GPR && insn->size[0] == 1 && insn->n[0] >= 16) ||
           (insn->kind[1] == OPERAND_GPR && insn->size[1] == 1 && insn->n[1] >= 16);
}

/* The flags of an operation on a copy in S_INDEX: keep them by their image. */
static void set_copied(struct emitter *e, unsigned alu, unsigned size)
{
    if (is_logic(alu)) {
        struct recipe_operand a = { 0 };
        if (emit_flags_used(e)) {
            a = emit_flags_save(e, false, S_INDEX);
        }
        emit_flags_set(e, recipe_of(alu, size, a, (struct recipe_operand){ 0 }), host_flags(alu));
    } else {
        emit_flags_image(e);
    }
}

/* AH to BH among the operands, both registers or an immediate. */
static bool alu_high(struct emitter *e, const struct insn *insn, unsigned alu)
{
    bool writes = writes_result(alu);

    if (alu == OPCODE_TEST) {
        alu = ENC_AND; /* its result is the recipe: AF of an image would be the host's */
    }
    if (takes_carry(alu)) {
        emit_flags_host(e, FLAG_CF);
    }
    enc_mov(&e->e, S_INDEX, emit_operand(e, insn, 0, S_INDEX));
    op_source(e, insn, alu, S_INDEX, S_DATA);
    if (writes) {
        emit_gpr8_write(e, insn->n[0], S_INDEX);
    }
    set_copied(e, alu, 1);
    return true;
}

static void alu_register(struct emitter *e, const struct insn *insn, unsigned alu)
{
    unsigned size = insn->size[0], n = insn->n[0];
    bool same = insn->kind[1] == OPERAND_GPR && insn->n[1] == n, used = emit_flags_used(e);
    struct recipe recipe;

    if (takes_carry(alu)) {
        emit_flags_host(e, FLAG_CF);
    }
    unsigned a = emit_gpr(e, n, S_DATA);
    if (same && alu == ENC_ADD) {
        struct recipe_operand slot = { 0 };
        if (used) {
            slot = emit_flags_save(e, false, a);
            (void)emit_flags_save(e, true, a);
        }
        recipe = (struct recipe){ FLAGS_SUM, (uint8_t)log2_of(size), 0, slot, slot };
    } else if (same && (alu == ENC_SUB || alu == OPCODE_TEST)) {
        recipe = (struct recipe){ FLAGS_LOGIC, (uint8_t)log2_of(size), 0, recipe_gpr(n), { 0 } };
    } else {
        recipe = recipe_of(alu, size, recipe_gpr(n), source_operand(insn));
    }
    if (same) {
        op_rr(e, alu, size, a, a);
    } else {
        op_source(e, insn, alu, a, S_INDEX);
    }
    if (writes_result(alu)) {
        emit_gpr_done(e, n, a);
    }
    if (takes_carry(alu)) {
        emit_flags_image(e);
    } else {
        emit_flags_set(e, recipe, host_flags(alu));
    }
}

/* Keep CF in memory over a check. */
static void carry_keep(struct emitter *e)
{
    emit_flags_host(e, FLAG_CF);
    enc_rm(&e->e, ENC_0F | 0x92, 1, 0, CORE_AT(translated.condition));
}

static void carry_back(struct emitter *e)
{
    enc_load(&e->e, 1, S_DATA, CORE_AT(translated.condition));
    enc_alu_ri(&e->e, ENC_ADD, 1, S_DATA, -1);
}

static void alu_load(struct emitter *e, const struct insn *insn, unsigned alu)
{
    unsigned size = insn->size[0], n = insn->n[0];
    bool keep = emit_flags_used(e) && !is_logic(alu) && !takes_carry(alu);
    struct recipe_operand b = { 0 };

    if (takes_carry(alu)) {
        carry_keep(e);
    }
    struct host_mem mem = emit_load_check(e, insn, size);
    if (keep) {
        enc_load(&e->e, size, S_INDEX, mem);
        b = emit_flags_save(e, true, S_INDEX);
    }
    if (takes_carry(alu)) {
        carry_back(e);
    }
    unsigned a = emit_gpr(e, n, S_DATA);
    if (keep) {
        op_rr(e, alu, size, a, S_INDEX);
    } else {
        enc_alu_rm(&e->e, (enum enc_alu)alu, size, a, mem);
    }
    if (writes_result(alu)) {
        emit_gpr_done(e, n, a);
    }
    if (takes_carry(alu)) {
        emit_flags_image(e);
    } else {
        emit_flags_set(e, recipe_of(alu, size, recipe_gpr(n), b), host_flags(alu));
    }
}

/* CMP and TEST with a memory operand first. */
static void alu_compare(struct emitter *e, const struct insn *insn, unsigned alu)
{
    unsigned size = insn->size[0];
    struct host_mem mem = emit_load_check(e, insn, size);

    if (!emit_flags_used(e)) {
        e->flags = (struct flags_track){ 0 };
        return;
    }
    enc_load(&e->e, size, S_INDEX, mem);
    struct recipe_operand a = emit_flags_save(e, false, S_INDEX), b = source_operand(insn);
    if (insn->kind[1] == OPERAND_GPR && insn->size[1] == 1 && insn->n[1] >= 16) {
        unsigned host = emit_operand(e, insn, 1, S_DATA);
        b = emit_flags_save(e, true, host);
        op_rr(e, alu, size, S_INDEX, host);
    } else {
        op_source(e, insn, alu, S_INDEX, S_DATA);
    }
    emit_flags_set(e, recipe_of(alu, size, a, b), host_flags(alu));
}

static void alu_locked(struct emitter *e, const struct insn *insn, unsigned alu,
                       struct host_mem mem)
{
    if (insn->kind[1] == OPERAND_IMM) {
        enc_alu_mi(&e->e, (enum enc_alu)alu, insn->size[0], mem, (int32_t)insn->imm, true);
    } else {
        enc_alu_mr(&e->e, (enum enc_alu)alu, insn->size[0], mem, emit_operand(e, insn, 1, S_DATA),
                   true);
    }
    emit_flags_image(e); /* host processors clear AF after logic operations */
}

static void alu_store(struct emitter *e, const struct insn *insn, unsigned alu)
{
    unsigned size = insn->size[0];
    bool used = emit_flags_used(e), high = names_high_byte(insn);

    if (takes_carry(alu)) {
        carry_keep(e);
    }
    struct host_mem mem = emit_store_check(e, insn, size);
    if (takes_carry(alu)) {
        carry_back(e);
    }
    if (insn->flags & INSN_LOCK) {
        alu_locked(e, insn, alu, mem);
        return;
    }
    if (!used && insn->kind[1] == OPERAND_IMM) {
        enc_alu_mi(&e->e, (enum enc_alu)alu, size, mem, (int32_t)insn->imm, false);
        e->flags = (struct flags_track){ 0 };
        return;
    }
    if (!used) {
        enc_alu_mr(&e->e, (enum enc_alu)alu, size, mem, emit_operand(e, insn, 1, S_DATA), false);
        e->flags = (struct flags_track){ 0 };
        return;
    }
    enc_load(&e->e, size, S_INDEX, mem);
    op_source(e, insn, alu, S_INDEX, S_DATA);
    enc_store(&e->e, size, mem, S_INDEX);
    if (takes_carry(alu) || high) {
        emit_flags_image(e);
    } else {
        struct recipe_operand a = emit_flags_save(e, false, S_INDEX);
        emit_flags_set(e, recipe_of(alu, size, a, source_operand(insn)), host_flags(alu));
    }
}

bool emit_alu(struct emitter *e, const struct insn *insn)
{
    unsigned alu = alu_of(insn);

    if (insn->kind[0] == OPERAND_MEM) {
        if (writes_result(alu)) {
            alu_store(e, insn, alu);
        } else {
            alu_compare(e, insn, alu);
        }
        return true;
    }
    if (insn->kind[1] == OPERAND_MEM) {
        if (names_high_byte(insn)) {
            return false;
        }
        alu_load(e, insn, alu);
        return true;
    }
    if (names_high_byte(insn)) {
        return alu_high(e, insn, alu);
    }
    alu_register(e, insn, alu);
    return true;
}

/* ---- INC, DEC, NEG, NOT ---- */

static void one_operand(struct emitter *e, unsigned op, unsigned size, unsigned host)
{
    unsigned byte = size == 1 ? ENC_BYTE_RM : 0, wide = size == 1 ? 0 : 1;

    if (op == OP_INC || op == OP_DEC) {
        enc_rr(&e->e, 0xfe | wide | byte, size, op == OP_DEC, host);
    } else {
        enc_rr(&e->e, 0xf6 | wide | byte, size, op == OP_NEG ? 3 : 2, host);
    }
}

/* The flags of INC or DEC with this result, over those that are stored. */
static void step_set(struct emitter *e, const struct insn *insn, unsigned result, uint32_t host)
{
    unsigned step = insn->op == OP_INC ? FLAGS_INC : FLAGS_DEC;

    if (!emit_flags_kept(e)) {
        bool used = emit_flags_used(e);
        e->flags = (struct flags_track){ .host = used ? host : 0, .lost = used };
        return;
    }
    enc_store(&e->e, 8, CORE_AT(translated.flags_step), result);
    enc_store_imm(&e->e, 4, CORE_OFFSET(offsetof(struct core, translated.flags_kind) + 3),
                  (int32_t)(step | log2_of(insn->size[0]) << 4)); /* no rotation nor ZF behind it */
    e->flags = (struct flags_track){ .host = host,
                                     .stored = true,
                                     .step = (uint8_t)(step | log2_of(insn->size[0]) << 4) };
}

static void unary_register(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->size[0], n = insn->n[0];
    bool step = insn->op == OP_INC || insn->op == OP_DEC;
    uint32_t host = (uint32_t)((FLAGS_ARITH & ~FLAG_CF) | (e->flags.host & FLAG_CF));

    if (step) {
        emit_flags_before(e);
    }
    unsigned a = emit_gpr(e, n, S_DATA);
    one_operand(e, insn->op, size, a);
    emit_gpr_done(e, n, a);
    if (step) {
        step_set(e, insn, a, host);
    } else if (insn->op == OP_NEG) {
        struct recipe recipe = { FLAGS_NEG, (uint8_t)log2_of(size), 0, recipe_gpr(n), { 0 } };
        emit_flags_set(e, recipe, FLAGS_ARITH);
    }
}

static void unary_locked(struct emitter *e, const struct insn *insn, struct host_mem mem)
{
    unsigned size = insn->size[0], byte = size == 1 ? ENC_BYTE_REG : 0;

    enc_mov_imm(&e->e, S_INDEX, insn->op == OP_INC ? 1 : UINT32_MAX);
    if (size == 8 && insn->op == OP_DEC) {
        enc_rr(&e->e, 0xc7, 8, 0, S_INDEX);
        enc_word32(&e->e, UINT32_MAX);
    }
    enc_rm(&e->e, ENC_0F | ENC_LOCK | 0xc0 | (size == 1 ? 0 : 1) | byte, size, S_INDEX, mem);
    one_operand(e, insn->op, size, S_INDEX);
    step_set(e, insn, S_INDEX, (uint32_t)(FLAGS_ARITH & ~FLAG_CF));
}

static void unary_memory(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->size[0];
    bool step = insn->op == OP_INC || insn->op == OP_DEC;
    bool lock = (insn->flags & INSN_LOCK);

    if (step) {
        emit_flags_before(e);
    }
    struct host_mem mem = emit_store_check(e, insn, size);
    if (lock && insn->op == OP_NOT) {
        enc_rm(&e->e, ENC_LOCK | 0xf6 | (size == 1 ? 0 : 1), size, 2, mem);
        return;
    }
    if (lock) {
        unary_locked(e, insn, mem);
        return;
    }
    enc_load(&e->e, size, S_INDEX, mem);
    one_operand(e, insn->op, size, S_INDEX);
    enc_store(&e->e, size, mem, S_INDEX);
    if (step) {
        step_set(e, insn, S_INDEX, (uint32_t)(FLAGS_ARITH & ~FLAG_CF));
    } else if (insn->op == OP_NEG) {
        struct recipe recipe = { FLAGS_NEG, (uint8_t)log2_of(size), 0, { 0 }, { 0 } };
        if (emit_flags_used(e)) {
            recipe.a = emit_flags_save(e, false, S_INDEX);
        }
        emit_flags_set(e, recipe, FLAGS_ARITH);
    }
}

bool emit_unary(struct emitter *e, const struct insn *insn)
{
    if (insn->kind[0] == OPERAND_MEM) {
        if (insn->op == OP_NEG && (insn->flags & INSN_LOCK)) {
            return false;
        }
        unary_memory(e, insn);
        return true;
    }
    if (names_high_byte(insn)) {
        return false;
    }
    unary_register(e, insn);
    return true;
}
