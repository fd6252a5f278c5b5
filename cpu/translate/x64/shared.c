/* Routines that all codes share: in, out, and the calls of C. */
#include "cpu/translate/x64/translator.h"

static const uint8_t saved_registers[] = { HOST_RBX, HOST_RBP, HOST_R12,
                                           HOST_R13, HOST_R14, HOST_R15 };

static void push(struct encoder *e, unsigned reg)
{
    if (reg >= 8) {
        enc_byte(e, 0x41);
    }
    enc_byte(e, 0x50 | (reg & 7));
}

static void pop(struct encoder *e, unsigned reg)
{
    if (reg >= 8) {
        enc_byte(e, 0x41);
    }
    enc_byte(e, 0x58 | (reg & 7));
}

static void spill(struct encoder *e)
{
    for (unsigned n = 0; n < 16; n++) {
        if (host_of[n] != HOST_NONE) {
            enc_store(e, 8, CORE_GPR(n), (unsigned)host_of[n]);
        }
    }
    enc_store(e, 8, CORE_AT(translated.fuel), R_FUEL);
}

static void reload(struct encoder *e)
{
    for (unsigned n = 0; n < 16; n++) {
        if (host_of[n] != HOST_NONE) {
            enc_load(e, 8, (unsigned)host_of[n], CORE_GPR(n));
        }
    }
    enc_load(e, 8, R_SET, CORE_AT(data_set));
    enc_load(e, 8, R_FUEL, CORE_AT(translated.fuel));
}

/* Behind a save of the vector registers. */
static void leave(struct encoder *e)
{
    enc_alu_ri(e, ENC_ADD, 8, HOST_RSP, 8);
    for (unsigned i = sizeof(saved_registers); i-- > 0;) {
        pop(e, saved_registers[i]);
    }
    enc_byte(e, 0xc3);
}

static struct host_mem xmm_home(unsigned n)
{
    return CORE_OFFSET(offsetof(struct core, state.xmm) + sizeof(union xmm) * n);
}

/* Call a routine when the vector registers are in the host's. */
static void with_vectors(struct encoder *e, const uint8_t *routine)
{
    enc_alu_mi(e, ENC_CMP, 1, CORE_AT(translated.vectors), 0, false);
    uint8_t *none = enc_jcc8(e, 4);
    enc_call_to(e, routine);
    enc_patch8(none, e->at);
}

static struct host_mem ymm_home(unsigned n)
{
    return CORE_OFFSET(offsetof(struct core, state.ymm_high) + sizeof(union xmm) * n);
}

/* Over what follows, unless the YMM registers are in the host's. */
static uint8_t *unless_ymm(struct encoder *e)
{
    enc_alu_mi(e, ENC_CMP, 1, CORE_AT(translated.vectors), VECTORS_YMM, false);
    return enc_jcc32(e, 5);
}

static void vinsert_high(struct encoder *e)
{
    for (unsigned n = 0; n < 16; n++) {
        enc_vex_rm(e, ENC_0F3A | ENC_66 | ENC_VEX_L | 0x18, false, n, n, ymm_home(n));
        enc_byte(e, 1);
    }
}

/* The host's MXCSR belongs to C again. */
static void emit_vectors_save(struct encoder *e, struct translator *t)
{
    t->vectors_save = e->at;
    for (unsigned n = 0; n < 16; n++) {
        enc_rm(e, ENC_0F | 0x11, 4, n, xmm_home(n));
    }
    enc_rm(e, ENC_0F | 0xae, 4, 3, CORE_AT(state.mxcsr));
    enc_rm(e, ENC_0F | 0xae, 4, 2, CORE_AT(translated.host_mxcsr));
    if (t->avx) {
        uint8_t *over = unless_ymm(e);

        for (unsigned n = 0; n < 16; n++) {
            enc_vex_rm(e, ENC_0F3A | ENC_66 | ENC_VEX_L | 0x19, false, n, 0, ymm_home(n));
            enc_byte(e, 1);
        }
        enc_byte(e, 0xc5); /* VZEROUPPER: C uses SSE */
        enc_byte(e, 0xf8);
        enc_byte(e, 0x77);
        enc_patch32(over, e->at);
    }
    enc_byte(e, 0xc3);
}

static void emit_vectors_load(struct encoder *e, struct translator *t)
{
    t->vectors_load = e->at;
    enc_rm(e, ENC_0F | 0xae, 4, 2, CORE_AT(state.mxcsr));
    for (unsigned n = 0; n < 16; n++) {
        enc_rm(e, ENC_0F | 0x10, 4, n, xmm_home(n));
    }
    if (t->avx) {
        uint8_t *over = unless_ymm(e);

        vinsert_high(e);
        enc_patch32(over, e->at);
    }
    enc_byte(e, 0xc3);
}

/* Load them, or leave when vector instructions are to be interpreted. S_INDEX: RIP. */
static uint8_t *vectors_entry(struct encoder *e, struct translator *t, struct host_mem blocked_by,
                              enum vectors_there there)
{
    const int32_t masks = 0x1f80;
    uint8_t *entry = e->at, *only_high = NULL;

    enc_alu_mi(e, ENC_CMP, 1, blocked_by, 0, false);
    uint8_t *blocked = enc_jcc32(e, 5);
    if (there == VECTORS_YMM) {
        enc_alu_mi(e, ENC_CMP, 1, CORE_AT(translated.vectors), VECTORS_XMM, false);
        only_high = enc_jcc32(e, 4);
    }
    enc_load(e, 4, S_DATA, CORE_AT(state.mxcsr));
    enc_alu_ri(e, ENC_AND, 4, S_DATA, masks);
    enc_alu_ri(e, ENC_CMP, 4, S_DATA, masks);
    uint8_t *unmasked = enc_jcc32(e, 5);
    enc_store_imm(e, 1, CORE_AT(translated.vectors), (int32_t)there);
    enc_jmp_to(e, t->vectors_load);
    if (only_high != NULL) {
        enc_patch32(only_high, e->at);
        enc_store_imm(e, 1, CORE_AT(translated.vectors), (int32_t)there);
        vinsert_high(e);
        enc_byte(e, 0xc3);
    }
    enc_patch32(unmasked, e->at);
    enc_patch32(blocked, e->at);
    enc_store(e, 8, CORE_GPR(REG_RIP), S_INDEX);
    enc_store_imm(e, 1, CORE_AT(translated.interpret), 1);
    pop(e, S_INDEX);
    enc_jmp_to(e, t->exit_entry);
    return entry;
}

static void emit_vectors_entry(struct encoder *e, struct translator *t)
{
    t->vectors_entry = vectors_entry(e, t, CORE_AT(sse_blocked), VECTORS_XMM);
    t->ymm_entry = t->avx ? vectors_entry(e, t, CORE_AT(avx_blocked), VECTORS_YMM) : NULL;
}

/* What translated code calls without it keeps off the FPU. */
static void save_x87(struct encoder *e)
{
    enc_alu_mi(e, ENC_CMP, 1, CORE_AT(translated.x87_loaded), 0, false);
    uint8_t *home = enc_jcc8(e, 4);
    enc_rm(e, 0xdd, 4, 6, CORE_AT(translated.x87_image)); /* FNSAVE */
    enc_patch8(home, e->at);
}

/* Bring everything into core.state and core.translated. */
static void save_all(struct encoder *e, struct translator *t)
{
    spill(e);
    save_x87(e);
    with_vectors(e, t->vectors_save);
}

/* Back from C: registers as they were saved. */
static void bring_back(struct encoder *e, struct translator *t)
{
    with_vectors(e, t->vectors_load);
    reload(e);
}

static void call_c(struct encoder *e, struct translator *t, uintptr_t function)
{
    enc_mov_imm(e, HOST_RDI, (uintptr_t)t);
    enc_mov_imm(e, HOST_RAX, function);
    enc_rr(e, 0xff, 4, 2, HOST_RAX);
}

/* A function that may do all that an instruction may. S_INDEX: its site, S_ADDRESS, which stays. Leaves for TRANSLATE_LEAVE;
 * else the answer is in S_INDEX, and registers are as the function left them. */
static void call_exact(struct encoder *e, struct translator *t, uintptr_t function)
{
    save_all(e, t);
    enc_rr(e, 0x8b, 4, HOST_RSI, S_INDEX);
    enc_mov(e, HOST_RDX, S_ADDRESS);
    push(e, S_ADDRESS);
    call_c(e, t, function);
    pop(e, S_ADDRESS);
    enc_alu_ri(e, ENC_CMP, 8, HOST_RAX, TRANSLATE_LEAVE);
    uint8_t *stays = enc_jcc8(e, 5);
    pop(e, S_INDEX);
    enc_mov_imm(e, HOST_RAX, 0);
    leave(e);
    enc_patch8(stays, e->at);
    enc_mov(e, S_INDEX, HOST_RAX);
    bring_back(e, t);
}

/* A function that keeps off the guest's state. Its argument stays; its answer is in RAX. bring_back follows. */
static void call_aside(struct encoder *e, struct translator *t, uintptr_t function,
                       unsigned argument)
{
    spill(e);
    with_vectors(e, t->vectors_save);
    enc_mov(e, HOST_RSI, argument);
    push(e, argument);
    call_c(e, t, function);
    pop(e, argument);
}

/* The caller goes on 5 bytes further: behind the jump that follows its call. */
static void return_further(struct encoder *e)
{
    enc_alu_mi(e, ENC_ADD, 8, HOST_MEM(HOST_RSP, 0), 5, false);
}

/* S_INDEX: the site. Returns to its caller, 5 bytes further for TRANSLATE_NEXT of a miss, or leaves. */
static void emit_execute(struct encoder *e, struct translator *t, bool miss)
{
    call_exact(e, t, miss ? (uintptr_t)translator_miss : (uintptr_t)translator_slow);
    enc_alu_ri(e, ENC_CMP, 8, S_INDEX, TRANSLATE_NEXT);
    uint8_t *elsewhere = enc_jcc8(e, 7);
    if (miss) {
        uint8_t *again = enc_jcc8(e, 2); /* below: AGAIN */
        return_further(e);
        enc_patch8(again, e->at);
    }
    enc_byte(e, 0xc3);
    enc_patch8(elsewhere, e->at);
    enc_alu_ri(e, ENC_ADD, 8, HOST_RSP, 8);
    enc_load(e, 8, S_ADDRESS, CORE_GPR(REG_RIP)); /* as behind an indirect jump */
    enc_rr(e, 0xff, 4, 4, S_INDEX);
}

/* What a function of the core answers, into S_DATA. Keeps all but S_INDEX. */
static uint8_t *emit_ask(struct encoder *e, struct translator *t, uintptr_t function)
{
    static const uint8_t kept[] = { HOST_RAX, HOST_RDX, HOST_RSI, HOST_RDI,
                                    HOST_R8,  HOST_R9,  HOST_R11 };
    uint8_t *entry = e->at;

    for (unsigned i = 0; i < sizeof(kept); i++) {
        push(e, kept[i]);
    }
    with_vectors(e, t->vectors_save);
    enc_mov_imm(e, HOST_RDI, (uintptr_t)t->core);
    enc_mov_imm(e, HOST_RAX, function);
    enc_rr(e, 0xff, 4, 2, HOST_RAX);
    enc_mov(e, S_DATA, HOST_RAX);
    with_vectors(e, t->vectors_load);
    for (unsigned i = sizeof(kept); i-- > 0;) {
        pop(e, kept[i]);
    }
    enc_byte(e, 0xc3);
    return entry;
}

/* Without C: the window before this one is the right one, or a range that crosses a page has its variant. S_INDEX: the
 * site, S_ADDRESS: of the stack. */
static void emit_stack_quick(struct encoder *e, struct translator *t)
{
    const struct host_mem window[2][2] = {
        { CORE_AT(translated.stack_page), CORE_AT(translated.stack_delta) },
        { CORE_AT(translated.stack_other_page), CORE_AT(translated.stack_other_delta) }
    };
    const struct host_mem twice = { .base = S_DATA, .index = S_INDEX, .scale = 3, .disp = 0 };

    _Static_assert(sizeof(struct site) == 16, "an index of 8, twice");
    push(e, HOST_RAX);
    push(e, HOST_RDX);
    enc_mov_imm(e, S_DATA, (uintptr_t)t->sites);
    enc_lea(e, 8, S_DATA, twice);
    enc_lea(e, 8, S_DATA, twice);
    enc_load(e, 2, HOST_RAX, HOST_MEM(S_DATA, offsetof(struct site, access)));
    enc_rr(e, 0x8b, 4, HOST_RDX, S_ADDRESS);
    enc_alu_ri(e, ENC_AND, 4, HOST_RDX, (int32_t)PAGE_SIZE - 1);
    enc_alu_rr(e, ENC_ADD, 4, HOST_RAX, HOST_RDX);
    enc_alu_ri(e, ENC_CMP, 4, HOST_RAX, (int32_t)PAGE_SIZE);
    uint8_t *crosses = enc_jcc8(e, 7);

    enc_mov(e, HOST_RDX, S_ADDRESS);
    enc_alu_ri(e, ENC_AND, 8, HOST_RDX, -(int32_t)PAGE_SIZE);
    enc_alu_rm(e, ENC_CMP, 8, HOST_RDX, window[1][0]);
    uint8_t *unknown = enc_jcc32(e, 5);
    for (unsigned i = 0; i < 2; i++) {
        enc_load(e, 8, HOST_RAX, window[0][i]);
        enc_load(e, 8, HOST_RDX, window[1][i]);
        enc_store(e, 8, window[1][i], HOST_RAX);
        enc_store(e, 8, window[0][i], HOST_RDX);
    }
    pop(e, HOST_RDX);
    pop(e, HOST_RAX);
    enc_byte(e, 0xc3);

    enc_patch8(crosses, e->at);
    enc_load(e, 8, S_DATA, HOST_MEM(S_DATA, offsetof(struct site, code)));
    enc_load(e, 8, S_DATA, HOST_MEM(S_DATA, offsetof(struct code, plain)));
    enc_test_rr(e, 8, S_DATA, S_DATA);
    uint8_t *none = enc_jcc8(e, 4);
    pop(e, HOST_RDX);
    pop(e, HOST_RAX);
    enc_alu_ri(e, ENC_ADD, 8, HOST_RSP, 8);
    enc_rm(e, 0xff, 4, 4, HOST_MEM(S_DATA, offsetof(struct code, entry)));
    enc_patch8(none, e->at);
    enc_patch32(unknown, e->at);
    pop(e, HOST_RDX);
    pop(e, HOST_RAX);
}

/* S_INDEX: the site, S_ADDRESS: of the stack. */
static void emit_stack_call(struct encoder *e, struct translator *t)
{
    t->stack_entry = e->at;
    emit_stack_quick(e, t);
    call_exact(e, t, (uintptr_t)translator_stack);
    uint8_t *again = enc_jrcxz8(e);
    enc_alu_ri(e, ENC_ADD, 8, HOST_RSP, 8);
    enc_rr(e, 0xff, 4, 4, S_INDEX);
    enc_patch8(again, e->at);
    enc_byte(e, 0xc3);
}

/* S_INDEX: an edge of another generation. Returns, or leaves by it. */
static void emit_holds_call(struct encoder *e, struct translator *t)
{
    t->holds_entry = e->at;
    call_aside(e, t, (uintptr_t)translator_holds, S_INDEX);
    enc_test_rr(e, 4, HOST_RAX, HOST_RAX);
    uint8_t *stays = enc_jcc8(e, 5);
    save_x87(e);
    enc_mov(e, HOST_RAX, S_INDEX);
    pop(e, S_INDEX);
    leave(e);
    enc_patch8(stays, e->at);
    bring_back(e, t);
    enc_byte(e, 0xc3);
}

/* S_ADDRESS, which stays: where an indirect jump leads. Returns 5 bytes further when there is no code. */
static void emit_find_call(struct encoder *e, struct translator *t)
{
    t->find_entry = e->at;
    call_aside(e, t, (uintptr_t)translator_find, S_ADDRESS);
    enc_test_rr(e, 4, HOST_RAX, HOST_RAX);
    uint8_t *found = enc_jcc8(e, 5);
    return_further(e);
    enc_patch8(found, e->at);
    bring_back(e, t);
    enc_byte(e, 0xc3);
}

/* Returns to its caller, 5 bytes further when refused. Keeps S_ADDRESS. */
static void emit_x87_call(struct encoder *e, struct translator *t)
{
    t->x87_entry = e->at;
    call_aside(e, t, (uintptr_t)translator_x87_load, S_ADDRESS);
    enc_test_rr(e, 4, HOST_RAX, HOST_RAX);
    uint8_t *done = enc_jcc8(e, 5);
    return_further(e);
    uint8_t *over = enc_jmp32(e);
    enc_patch8(done, e->at);
    enc_rm(e, 0xdd, 4, 4, CORE_AT(translated.x87_image)); /* FRSTOR */
    enc_patch32(over, e->at);
    bring_back(e, t);
    enc_byte(e, 0xc3);
}

/* The host's flags as the guest's. */
static void emit_flags_call(struct encoder *e, struct translator *t)
{
    call_aside(e, t, (uintptr_t)translator_flags, S_ADDRESS);
    with_vectors(e, t->vectors_load);
    enc_load(e, 2, HOST_RAX, CORE_AT(translated.flags_image));
    enc_alu_ri(e, ENC_ADD, 1, HOST_RAX, 0x7f); /* OF */
    enc_byte(e, 0x9e);                         /* SAHF */
    reload(e);
    enc_byte(e, 0xc3);
}

void translator_emit_shared(struct translator *t)
{
    struct encoder encoder = { .at = t->code_at, .to_run = t->memory.run - t->memory.write };
    struct encoder *e = &encoder;

    t->run_entry = e->at + e->to_run;
    for (unsigned i = 0; i < sizeof(saved_registers); i++) {
        push(e, saved_registers[i]);
    }
    enc_alu_ri(e, ENC_SUB, 8, HOST_RSP, 8);
    enc_mov(e, S_INDEX, HOST_RDI);
    enc_mov_imm(e, R_CORE, (uintptr_t)t->core + CORE_BASE);
    reload(e);
    enc_rr(e, 0xff, 4, 4, S_INDEX);

    emit_vectors_save(e, t);
    emit_vectors_load(e, t);
    t->exit_entry = e->at; /* RIP is set */
    save_all(e, t);
    enc_mov_imm(e, HOST_RAX, 0);
    leave(e);

    t->exit_edge_entry = e->at; /* S_INDEX: the edge */
    save_all(e, t);
    enc_mov(e, HOST_RAX, S_INDEX);
    leave(e);

    emit_vectors_entry(e, t);
    t->slow_entry = e->at;
    emit_execute(e, t, false);
    t->miss_entry = e->at;
    emit_execute(e, t, true);
    emit_stack_call(e, t);
    t->tsc_entry = emit_ask(e, t, (uintptr_t)translator_tsc);
    t->rflags_entry = emit_ask(e, t, (uintptr_t)translator_rflags);
    emit_holds_call(e, t);
    emit_find_call(e, t);
    emit_x87_call(e, t);
    t->flags_entry = e->at;
    emit_flags_call(e, t);
    t->code_at = e->at + (-(uintptr_t)e->at & 63);
}
