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

static void leave(struct encoder *e)
{
    enc_alu_ri(e, ENC_ADD, 8, HOST_RSP, 8);
    for (unsigned i = sizeof(saved_registers); i-- > 0;) {
        pop(e, saved_registers[i]);
    }
    enc_byte(e, 0xc3);
}

static void call_c(struct encoder *e, struct translator *t, uintptr_t function)
{
    enc_mov_imm(e, HOST_RDI, (uintptr_t)t);
    enc_mov_imm(e, HOST_RAX, function);
    enc_rr(e, 0xff, 4, 2, HOST_RAX);
}

/* S_INDEX: the site. Returns to its caller, 5 bytes further for TRANSLATE_NEXT of a miss, or leaves. */
static void emit_execute(struct encoder *e, struct translator *t, bool miss)
{
    spill(e);
    enc_rr(e, 0x8b, 4, HOST_RSI, S_INDEX);
    if (miss) {
        enc_mov(e, HOST_RDX, S_ADDRESS);
    }
    push(e, S_ADDRESS);
    call_c(e, t, miss ? (uintptr_t)translator_miss : (uintptr_t)translator_slow);
    pop(e, S_ADDRESS);
    enc_alu_ri(e, ENC_CMP, 4, HOST_RAX, TRANSLATE_LEAVE);
    uint8_t *stays = enc_jcc8(e, 5);
    pop(e, S_INDEX);
    enc_mov_imm(e, HOST_RAX, 0);
    leave(e);
    enc_patch8(stays, e->at);
    if (miss) {
        uint8_t *again = enc_jcc8(e, 2); /* below: AGAIN */
        enc_alu_mi(e, ENC_ADD, 8, HOST_MEM(HOST_RSP, 0), 5, false);
        enc_patch8(again, e->at);
    }
    reload(e);
    enc_byte(e, 0xc3);
}

/* The host's flags as the guest's. */
static void emit_flags_call(struct encoder *e, struct translator *t)
{
    spill(e);
    push(e, S_ADDRESS);
    call_c(e, t, (uintptr_t)translator_flags);
    pop(e, S_ADDRESS);
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
    reload(e);
    enc_rr(e, 0xff, 4, 4, S_INDEX);

    t->exit_entry = e->at; /* RIP is set */
    spill(e);
    enc_mov_imm(e, HOST_RAX, 0);
    leave(e);

    t->exit_edge_entry = e->at; /* S_INDEX: the edge */
    spill(e);
    enc_mov(e, HOST_RAX, S_INDEX);
    leave(e);

    t->slow_entry = e->at;
    emit_execute(e, t, false);
    t->miss_entry = e->at;
    emit_execute(e, t, true);
    t->flags_entry = e->at;
    emit_flags_call(e, t);
    t->code_at = e->at + (-(uintptr_t)e->at & 63);
}
