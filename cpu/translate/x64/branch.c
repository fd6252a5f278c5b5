/* Leaving a block: edges to known addresses, indirect jumps, the interpreter, and the cold code.
 *
 * An edge counts the instructions, looks at what is pending when it goes backward, checks that code translations are
 * those it was linked under when it goes into another page, and jumps; each failure leads out of translated code with
 * everything up to date.
 */
#include "cpu/translate/x64/emit.h"
#include "cpu/translate/x64/translator.h"

static uint32_t condition_flags(unsigned code)
{
    static const uint32_t flags[8] = { FLAG_OF,           FLAG_CF,
                                       FLAG_ZF,           FLAG_CF | FLAG_ZF,
                                       FLAG_SF,           FLAG_PF,
                                       FLAG_SF | FLAG_OF, FLAG_ZF | FLAG_SF | FLAG_OF };

    return flags[code >> 1 & 7];
}

static bool canonical(uint64_t address)
{
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

static uint64_t target_of(const struct emitter *e, const struct insn *insn)
{
    return e->rip + insn->offset + insn->length + insn->imm;
}

static struct cold *cold_new(struct emitter *e, enum cold_kind kind)
{
    struct cold *cold = &e->cold[e->n_cold++];

    *cold = (struct cold){ .index = e->i, .flags = e->flags };
    cold->kind = kind;
    return cold;
}

/* Into another page, or to an instruction that may end in one. */
static bool leaves_page(const struct emitter *e, uint64_t target)
{
    return (target ^ e->rip) >> PAGE_SHIFT != 0 ||
           (target & ~PAGE_MASK) > PAGE_SIZE - INSN_MAX_LENGTH;
}

/* Count instructions; looks at what is pending. Failures jump to `cold`. */
static void emit_poll(struct emitter *e, struct cold *cold, unsigned number, bool poll)
{
    if (e->counted) {
        enc_alu_ri(&e->e, ENC_SUB, 8, R_FUEL, (int32_t)number);
        cold->jump[0] = enc_jcc32(&e->e, 14);
    }
    if (poll) {
        enc_alu_mi(&e->e, ENC_CMP, 4, CORE_AT(pending), 0, false);
        cold->jump[1] = enc_jcc32(&e->e, 5);
    }
}

void emit_edge(struct emitter *e, uint64_t target, unsigned number)
{
    struct code_edge *edge = &e->code->edges[e->code->n_edges++];
    uint64_t here = e->rip + e->insns[number - 1].offset;
    struct cold *cold;

    *edge = (struct code_edge){ .rip = target, .from = e->code, .crosses = leaves_page(e, target) };
    emit_flags_store(e);
    cold = cold_new(e, COLD_EDGE);
    cold->edge = edge;
    emit_poll(e, cold, number, target <= here);
    if (edge->crosses) {
        size_t half = e->relative ? 0 : (size_t)(target >> 63);
        cold->again = e->e.at;
        enc_load(&e->e, 8, S_INDEX,
                 CORE_OFFSET(offsetof(struct core, mmu.exec_generation) + 8 * half));
        enc_rip(&e->e, 0x3b, 8, S_INDEX, &edge->generation, 0);
        cold->jump[2] = enc_jcc32(&e->e, 5);
    }
    edge->jump = enc_jmp32(&e->e);
    e->flags.host = 0;
}

void emit_edge_shadow(struct emitter *e, uint64_t target, unsigned number)
{
    unsigned first = e->n_cold;

    emit_edge(e, target, number);
    e->cold[first].shadow = true;
}

void emit_slow(struct emitter *e)
{
    emit_flags_store(e);
    enc_byte(&e->e, 0xb8 | S_INDEX);
    enc_word32(&e->e, translator_site(e->translator, e->code, e->i, 0));
    enc_call_to(&e->e, e->translator->slow_entry);
    e->flags = (struct flags_track){ .stored = true };
}

void emit_hand_over(struct emitter *e, unsigned condition)
{
    struct cold *cold = cold_new(e, COLD_MISS);

    cold->jump[0] = enc_jcc32(&e->e, condition);
}

void emit_hand_over_leave(struct emitter *e, unsigned condition)
{
    struct cold *cold = cold_new(e, COLD_MISS);

    cold->access = TRANSLATE_ACCESS_LEAVE;
    cold->jump[0] = enc_jcc32(&e->e, condition);
}

void emit_x87_have(struct emitter *e)
{
    if (e->x87) {
        return;
    }
    struct cold *cold = cold_new(e, COLD_X87);

    cold->access = TRANSLATE_ACCESS_LEAVE;
    enc_alu_mi(&e->e, ENC_CMP, 1, CORE_AT(translated.x87_loaded), 0, false);
    cold->jump[0] = enc_jcc32(&e->e, 4);
    cold->again = e->e.at;
    e->flags.host = 0;
    e->x87 = true;
}

void emit_vectors(struct emitter *e, enum vectors_there there)
{
    struct cold *cold = cold_new(e, COLD_VECTORS);
    bool ymm = there == VECTORS_YMM;

    enc_alu_mi(&e->e, ENC_CMP, 1, CORE_AT(translated.vectors), ymm ? VECTORS_YMM : VECTORS_HOME,
               false);
    cold->jump[0] = enc_jcc32(&e->e, ymm ? 5 : 4);
    cold->again = e->e.at;
}

bool emit_jcc(struct emitter *e, const struct insn *insn)
{
    unsigned code = insn->imm2 & 15;
    uint64_t target = target_of(e, insn);

    if (insn->opsize != 8 || !canonical(target)) {
        return false;
    }
    emit_flags_host(e, condition_flags(code));
    if (e->i + 1 == e->n) { /* taken inline, so that a loop takes one jump */
        uint8_t *over = enc_jcc32(&e->e, code ^ 1);
        struct flags_track flags = e->flags;
        emit_edge(e, target, e->i + 1);
        enc_patch32(over, e->e.at);
        e->flags = flags;
        emit_edge(e, e->rip + insn->offset + insn->length, e->i + 1);
        e->ended = true;
        return true;
    }
    struct cold *cold = cold_new(e, COLD_EDGE);
    cold->taken = true;
    cold->rip = target;
    cold->number = e->i + 1;
    cold->jump[0] = enc_jcc32(&e->e, code);
    return true;
}

/* Jump to the guest's address in S_ADDRESS, known to the jump table or else by the interpreter doing the whole
 * instruction: nothing has been changed yet. finish: what it changes, when it is known. */
static void emit_indirect(struct emitter *e,
                          void (*finish)(struct emitter *e, const struct insn *insn),
                          const struct insn *insn)
{
    struct cold *unknown, *leave;

    uint8_t *again = e->e.at;
    enc_rr(&e->e, 0x69, 8, S_INDEX, S_ADDRESS);
    enc_word32(&e->e, JUMP_HASH);
    enc_rr(&e->e, 0xc1, 8, 5, S_INDEX);
    enc_byte(&e->e, JUMP_HASH_SHIFT);
    enc_alu_ri(&e->e, ENC_AND, 4, S_INDEX, ((1 << JUMP_TABLE_BITS) - 1) << 4);
    enc_alu_rm(&e->e, ENC_ADD, 8, S_INDEX, CORE_AT(translated.jump_table));
    enc_load(&e->e, 4, S_DATA, CORE_AT(translated.jump_salt));
    enc_alu_rm(&e->e, ENC_CMP, 8, S_ADDRESS, HOST_MEM(S_INDEX, offsetof(struct jump_entry, rip)));
    unknown = cold_new(e, COLD_MISS);
    unknown->jump[0] = enc_jcc32(&e->e, 5);
    enc_alu_rm(&e->e, ENC_CMP, 4, S_DATA, HOST_MEM(S_INDEX, offsetof(struct jump_entry, salt)));
    unknown->jump[1] = enc_jcc32(&e->e, 5);
    unknown->again = again;
    if (finish != NULL) {
        finish(e, insn);
    }
    leave = cold_new(e, COLD_LEAVE);
    emit_poll(e, leave, e->i + 1, true);
    enc_load(&e->e, 4, S_INDEX, HOST_MEM(S_INDEX, offsetof(struct jump_entry, entry)));
    enc_alu_rm(&e->e, ENC_ADD, 8, S_INDEX, CORE_AT(translated.code_base));
    enc_rr(&e->e, 0xff, 4, 4, S_INDEX);
    e->flags.host = 0;
    e->ended = true;
}

bool emit_jmp(struct emitter *e, const struct insn *insn)
{
    if (insn->opsize != 8) {
        return false;
    }
    if (insn->kind[0] == OPERAND_REL) {
        if (!canonical(target_of(e, insn))) {
            return false;
        }
        emit_edge(e, target_of(e, insn), e->i + 1);
        e->ended = true;
        return true;
    }
    emit_flags_store(e);
    if (insn->kind[0] == OPERAND_MEM) {
        struct host_mem mem = emit_load_check(e, insn, 8);
        enc_load(&e->e, 8, S_ADDRESS, mem);
    } else {
        enc_mov(&e->e, S_ADDRESS, emit_gpr(e, insn->n[0], S_ADDRESS));
    }
    emit_indirect(e, NULL, insn);
    return true;
}

/* Store the return address at the host's S_ADDRESS. */
static void push_return(struct emitter *e, const struct insn *insn, struct host_mem mem)
{
    uint64_t next = e->rip + insn->offset + insn->length;

    if ((int64_t)next == (int32_t)next && !e->relative) {
        enc_store_imm(&e->e, 8, mem, (int32_t)next);
    } else {
        e->flags.host = emit_rip_clobbers(e, next) ? 0 : e->flags.host;
        emit_rip(e, S_DATA, next);
        enc_store(&e->e, 8, mem, S_DATA);
    }
    enc_lea(&e->e, 8, (unsigned)host_of[REG_RSP], HOST_MEM((int8_t)host_of[REG_RSP], -8));
}

/* The host's place of the return address waits in translated.value. */
static void finish_call(struct emitter *e, const struct insn *insn)
{
    uint64_t next = e->rip + insn->offset + insn->length;
    struct host_mem mem = HOST_MEM(S_DATA, 0);

    enc_load(&e->e, 8, S_DATA, CORE_AT(translated.value));
    if ((int64_t)next == (int32_t)next && !e->relative) {
        enc_store_imm(&e->e, 8, mem, (int32_t)next);
    } else {
        emit_rip(e, S_ADDRESS, next);
        enc_store(&e->e, 8, mem, S_ADDRESS);
        enc_load(&e->e, 8, S_ADDRESS, CORE_AT(translated.scratch));
    }
    enc_lea(&e->e, 8, (unsigned)host_of[REG_RSP], HOST_MEM((int8_t)host_of[REG_RSP], -8));
}

static bool call_indirect(struct emitter *e, const struct insn *insn)
{
    emit_flags_store(e);
    if (insn->kind[0] == OPERAND_MEM) {
        struct host_mem from = emit_load_check(e, insn, 8);
        enc_load(&e->e, 8, S_DATA, from);
        enc_store(&e->e, 8, CORE_AT(translated.scratch), S_DATA);
    } else {
        enc_store(&e->e, 8, CORE_AT(translated.scratch), emit_gpr(e, insn->n[0], S_DATA));
    }
    struct host_mem mem = emit_stack_check(e, -8, 8, true);
    enc_lea(&e->e, 8, S_ADDRESS, mem);
    enc_store(&e->e, 8, CORE_AT(translated.value), S_ADDRESS);
    enc_load(&e->e, 8, S_ADDRESS, CORE_AT(translated.scratch));
    emit_indirect(e, finish_call, insn);
    return true;
}

bool emit_call(struct emitter *e, const struct insn *insn)
{
    if (insn->opsize != 8) {
        return false;
    }
    if (insn->kind[0] == OPERAND_REL) {
        if (!canonical(target_of(e, insn))) {
            return false;
        }
        push_return(e, insn, emit_stack_check(e, -8, 8, true));
        emit_edge(e, target_of(e, insn), e->i + 1);
        e->ended = true;
        return true;
    }
    return call_indirect(e, insn);
}

static void finish_ret(struct emitter *e, const struct insn *insn)
{
    enc_lea(&e->e, 8, (unsigned)host_of[REG_RSP],
            HOST_MEM((int8_t)host_of[REG_RSP], 8 + (int32_t)insn->imm));
}

bool emit_ret(struct emitter *e, const struct insn *insn)
{
    if (insn->opsize != 8) {
        return false;
    }
    emit_flags_store(e);
    struct host_mem mem = emit_stack_check(e, 0, 8, false);
    enc_load(&e->e, 8, S_ADDRESS, mem);
    emit_indirect(e, finish_ret, insn);
    return true;
}

/* ---- cold code ---- */

static void cold_arrive(struct emitter *e, const struct cold *cold)
{
    for (unsigned i = 0; i < 3; i++) {
        if (cold->jump[i] != NULL && !(i == 2 && cold->kind == COLD_EDGE)) {
            enc_patch32(cold->jump[i], e->e.at);
        }
    }
}

static void cold_site(struct emitter *e, const struct cold *cold)
{
    enc_byte(&e->e, 0xb8 | S_INDEX);
    enc_word32(&e->e,
               translator_site(e->translator, e->code, cold->index,
                               cold->access | (cold->next != NULL ? TRANSLATE_ACCESS_RESUME : 0)));
}

static void cold_miss(struct emitter *e, struct cold *cold)
{
    struct translator *t = e->translator;

    cold_arrive(e, cold);
    if (cold->access == 0 && cold->again != NULL) { /* the target is not in the jump table */
        enc_call_to(&e->e, t->find_entry);
        enc_jmp_to(&e->e, cold->again);
    }
    emit_flags_store_of(e, &cold->flags);
    cold_site(e, cold);
    if ((cold->access & TRANSLATE_ACCESS_SIZE) == 0) {
        enc_call_to(&e->e, t->slow_entry);
    } else {
        enc_call_to(&e->e, t->miss_entry);
        enc_jmp_to(&e->e, cold->again);
    }
    if (cold->next != NULL) {
        enc_jmp_to(&e->e, cold->next);
    } else {
        enc_byte(&e->e, 0x0f);
        enc_byte(&e->e, 0x0b);
    }
}

/* The way out of an edge. */
static void cold_out(struct emitter *e, struct cold *cold)
{
    if (cold->jump[2] != NULL) { /* another generation of code translations */
        enc_patch32(cold->jump[2], e->e.at);
        enc_rip(&e->e, 0x8d, 8, S_INDEX, cold->edge, 0);
        enc_call_to(&e->e, e->translator->holds_entry);
        enc_jmp_to(&e->e, cold->again);
    }
    cold_arrive(e, cold);
    enc_patch32(cold->edge->jump, e->e.at);
    cold->edge->out = (int32_t)(e->e.at - (cold->edge->jump + 4));
    emit_flags_store_of(e, &cold->flags);
    if (cold->shadow) {
        enc_store_imm(&e->e, 1, CORE_AT(state.shadow), SHADOW_STI);
    }
    enc_rip(&e->e, 0x8d, 8, S_INDEX, cold->edge, 0);
    enc_jmp_to(&e->e, e->translator->exit_edge_entry);
}

static void cold_vectors(struct emitter *e, const struct cold *cold)
{
    cold_arrive(e, cold);
    emit_rip(e, S_INDEX, e->rip);
    enc_call_to(&e->e, e->vectors == VECTORS_YMM ? e->translator->ymm_entry
                                                 : e->translator->vectors_entry);
    enc_jmp_to(&e->e, cold->again);
}

/* Refused, the call returns 5 bytes further: the interpreter does this one, and what follows. */
static void cold_x87(struct emitter *e, struct cold *cold)
{
    cold_arrive(e, cold);
    emit_flags_store_of(e, &cold->flags);
    enc_call_to(&e->e, e->translator->x87_entry);
    enc_jmp_to(&e->e, cold->again);
    cold_site(e, cold);
    enc_call_to(&e->e, e->translator->slow_entry);
    enc_byte(&e->e, 0x0f);
    enc_byte(&e->e, 0x0b);
}

static void cold_leave(struct emitter *e, const struct cold *cold)
{
    cold_arrive(e, cold);
    enc_store(&e->e, 8, CORE_GPR(REG_RIP), S_ADDRESS);
    enc_jmp_to(&e->e, e->translator->exit_entry);
}

void emit_taken(struct emitter *e)
{
    for (unsigned i = 0, n = e->n_cold; i < n; i++) {
        struct cold *cold = &e->cold[i];
        if (cold->kind == COLD_EDGE && cold->taken) {
            cold_arrive(e, cold);
            e->flags = cold->flags;
            emit_edge(e, cold->rip, cold->number);
        }
    }
}

void emit_cold(struct emitter *e)
{
    for (unsigned i = 0; i < e->n_cold; i++) {
        struct cold *cold = &e->cold[i];
        switch (cold->kind) {
        case COLD_MISS:
            cold_miss(e, cold);
            break;
        case COLD_EDGE:
            if (!cold->taken) {
                cold_out(e, cold);
            }
            break;
        case COLD_VECTORS:
            cold_vectors(e, cold);
            break;
        case COLD_LEAVE:
            cold_leave(e, cold);
            break;
        case COLD_X87:
            cold_x87(e, cold);
            break;
        case COLD_STACK:
            cold_arrive(e, cold);
            cold_site(e, cold);
            enc_call_to(&e->e, e->translator->stack_entry);
            enc_jmp_to(&e->e, cold->again);
            break;
        }
    }
}
