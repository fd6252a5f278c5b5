/* Guest flags in host flags, and what must be kept to have them again: recipes. */
#include "cpu/translate/x64/emit.h"
#include "cpu/translate/x64/translator.h"

struct recipe_operand recipe_gpr(unsigned n)
{
    return (struct recipe_operand){ .what = RECIPE_GPR, .n = (uint8_t)n };
}

struct recipe_operand recipe_imm(uint64_t value)
{
    return (struct recipe_operand){ .what = RECIPE_IMM, .imm = (int32_t)value };
}

static void store_operand(struct emitter *e, struct host_mem slot, struct recipe_operand operand)
{
    if (operand.what == RECIPE_GPR) {
        enc_store(&e->e, 8, slot, emit_gpr(e, operand.n, S_DATA));
    } else if (operand.what == RECIPE_IMM) {
        enc_store_imm(&e->e, 8, slot, operand.imm);
    }
}

void emit_flags_store_of(struct emitter *e, struct flags_track *flags)
{
    struct recipe *r = &flags->recipe;

    e->again = e->again || flags->lost;
    if (flags->stored || !flags->known) {
        return;
    }
    store_operand(e, CORE_AT(translated.flags_a), r->a);
    store_operand(e, CORE_AT(translated.flags_b), r->b);
    enc_store_imm(&e->e, 8, CORE_AT(translated.flags_kind),
                  (int32_t)flags_kind_word((enum flags_kind)r->kind, r->size_log2, r->shift));
    r->a.what = r->a.what == RECIPE_NOTHING ? RECIPE_NOTHING : RECIPE_SLOT;
    r->b.what = r->b.what == RECIPE_NOTHING ? RECIPE_NOTHING : RECIPE_SLOT;
    flags->stored = true;
}

void emit_flags_store(struct emitter *e)
{
    emit_flags_store_of(e, &e->flags);
}

struct recipe_operand emit_flags_save(struct emitter *e, bool b, unsigned host)
{
    enc_store(&e->e, 8, b ? CORE_AT(translated.flags_b) : CORE_AT(translated.flags_a), host);
    return (struct recipe_operand){ .what = RECIPE_SLOT };
}

void emit_flags_set(struct emitter *e, struct recipe recipe, uint32_t host)
{
    if (emit_flags_used(e)) {
        e->flags = (struct flags_track){ .host = host, .known = true, .recipe = recipe };
    } else {
        e->flags = (struct flags_track){ 0 };
    }
}

void emit_flags_before(struct emitter *e)
{
    if (emit_flags_kept(e)) {
        emit_flags_store(e);
    }
}

void emit_flags_image(struct emitter *e)
{
    if (!emit_flags_kept(e)) {
        bool used = emit_flags_used(e);
        e->flags = (struct flags_track){ .host = used ? FLAGS_ARITH : 0, .lost = used };
        return;
    }
    enc_mov(&e->e, S_DATA, HOST_RAX);
    enc_byte(&e->e, 0x9f); /* LAHF */
    enc_rr(&e->e, ENC_0F | 0x90 | ENC_BYTE_RM, 1, 0, HOST_RAX);
    enc_store(&e->e, 2, CORE_AT(translated.flags_a), HOST_RAX);
    enc_mov(&e->e, HOST_RAX, S_DATA);
    enc_store_imm(&e->e, 8, CORE_AT(translated.flags_kind),
                  (int32_t)flags_kind_word(FLAGS_IMAGE, 0, 0));
    e->flags = (struct flags_track){ .host = FLAGS_ARITH, .stored = true };
}

/* An operand of the recipe in a register; into `scratch` unless it may stay where it is. */
static unsigned recipe_load(struct emitter *e, struct recipe_operand operand, bool b,
                            unsigned scratch, bool copy)
{
    if (operand.what == RECIPE_GPR) {
        unsigned host = emit_gpr(e, operand.n, scratch);
        if (copy) {
            enc_mov(&e->e, scratch, host);
            host = scratch;
        }
        return host;
    }
    if (operand.what == RECIPE_IMM) {
        enc_mov_imm(&e->e, scratch, (uint64_t)(int64_t)operand.imm);
    } else {
        enc_load(&e->e, 8, scratch, b ? CORE_AT(translated.flags_b) : CORE_AT(translated.flags_a));
    }
    return scratch;
}

/* Do the operation again. False: not this one. */
static bool repeat_operation(struct emitter *e)
{
    const struct recipe *r = &e->flags.recipe;
    unsigned size = 1u << r->size_log2, a, b;

    switch (r->kind) {
    case FLAGS_LOGIC:
        a = recipe_load(e, r->a, false, S_DATA, false);
        enc_test_rr(&e->e, size, a, a);
        return true;
    case FLAGS_TEST:
    case FLAGS_CMP:
        a = recipe_load(e, r->a, false, S_DATA, false);
        b = recipe_load(e, r->b, true, S_INDEX, false);
        if (r->kind == FLAGS_TEST) {
            enc_test_rr(&e->e, size, a, b);
        } else {
            enc_alu_rr(&e->e, ENC_CMP, size, a, b);
        }
        return true;
    case FLAGS_ADD:
    case FLAGS_SUB:
    case FLAGS_SUM:
        a = recipe_load(e, r->a, false, S_DATA, true);
        b = recipe_load(e, r->b, true, S_INDEX, false);
        if (r->kind != FLAGS_SUM) {
            enc_alu_rr(&e->e, r->kind == FLAGS_ADD ? ENC_SUB : ENC_ADD, size, a, b);
        }
        enc_alu_rr(&e->e, r->kind == FLAGS_SUB ? ENC_SUB : ENC_ADD, size, a, b);
        return true;
    case FLAGS_NEG:
        a = recipe_load(e, r->a, false, S_DATA, true);
        enc_rr(&e->e, size == 1 ? 0xf6 | ENC_BYTE_RM : 0xf7, size, 3, a);
        enc_rr(&e->e, size == 1 ? 0xf6 | ENC_BYTE_RM : 0xf7, size, 3, a);
        return true;
    default:
        return false;
    }
}

/* INC or DEC once more, for all but CF. */
static void repeat_step(struct emitter *e)
{
    unsigned size = 1u << (e->flags.step >> 4), byte = size == 1 ? ENC_BYTE_RM : 0;
    bool dec = (e->flags.step & 15) == FLAGS_DEC;

    enc_load(&e->e, 8, S_DATA, CORE_AT(translated.flags_step));
    enc_rr(&e->e, 0xfe | (size > 1) | byte, size, !dec, S_DATA);
    enc_rr(&e->e, 0xfe | (size > 1) | byte, size, dec, S_DATA);
    e->flags.host = (uint32_t)(FLAGS_ARITH & ~FLAG_CF);
}

void emit_flags_host(struct emitter *e, uint32_t mask)
{
    if ((mask & ~e->flags.host) == 0) {
        return;
    }
    if (!(mask & FLAG_AF) && e->flags.known && repeat_operation(e)) {
        e->flags.host = (uint32_t)(FLAGS_ARITH & ~FLAG_AF);
        return;
    }
    if (!(mask & FLAG_CF) && e->flags.step != 0) {
        repeat_step(e);
        return;
    }
    emit_flags_store(e);
    enc_call_to(&e->e, e->translator->flags_entry);
    e->flags = (struct flags_track){ .host = FLAGS_ARITH, .stored = true };
}
