/* MOVS, STOS, LODS, and repeated MOVS and STOS that stay in one page each way, upward: by the host's own. All else is handed over.
 * [SDM 2 MOVS, STOS, LODS, REP; 1 7.3.9] */
#include "cpu/translate/x64/emit.h"

/* 64-bit addresses without a base. */
bool emit_string_fits(const struct insn *insn)
{
    bool rep = (insn->flags & (INSN_REP | INSN_REPNE)) != 0;

    return insn->adsize == 8 && insn->segment < SEG_FS && !(insn->flags & INSN_SEGMENTED) &&
           !(rep && insn->op == OP_LODS);
}

static void upward(struct emitter *e)
{
    emit_flags_store(e);
    e->flags.host = 0;
    enc_rm(&e->e, 0xf7, 4, 0, CORE_AT(state.rflags_rest)); /* TEST */
    enc_word32(&e->e, FLAG_DF);
    emit_hand_over(e, 5);
}

static unsigned host(unsigned n)
{
    return (unsigned)host_of[n];
}

static void step(struct emitter *e, unsigned n, unsigned size)
{
    enc_lea(&e->e, 8, host(n), HOST_MEM(host_of[n], (int32_t)size));
}

/* As many bytes, wide as an element, to or from a register. */
static void element(struct emitter *e, bool store, unsigned size, unsigned reg)
{
    unsigned opcode = size == 1 ? 0x8a | ENC_BYTE_REG : 0x8b;

    enc_rm(&e->e, store ? opcode & ~2u : opcode, size, reg, HOST_MEM(S_ADDRESS, 0));
}

static void one(struct emitter *e, const struct insn *insn, unsigned size)
{
    if (insn->op != OP_STOS) {
        enc_mov(&e->e, S_ADDRESS, host(REG_RSI));
        (void)emit_check(e, size, false);
        if (insn->op == OP_LODS) {
            element(e, false, size, HOST_RAX);
            step(e, REG_RSI, size);
            return;
        }
        element(e, false, size, S_DATA);
        enc_store(&e->e, 8, CORE_AT(translated.value), S_DATA);
    }
    enc_mov(&e->e, S_ADDRESS, host(REG_RDI));
    (void)emit_check(e, size, true);
    if (insn->op == OP_MOVS) {
        enc_load(&e->e, 8, S_DATA, CORE_AT(translated.value));
        element(e, true, size, S_DATA);
        step(e, REG_RSI, size);
    } else {
        element(e, true, size, HOST_RAX);
    }
    step(e, REG_RDI, size);
}

static unsigned shift_of(unsigned size)
{
    return size == 8 ? 3 : size / 2;
}

/* RCX elements from the address in a register on lie in its page. */
static void in_page(struct emitter *e, unsigned n, unsigned size)
{
    struct host_mem end = { .base = S_DATA,
                            .index = host_of[REG_RCX],
                            .scale = (uint8_t)shift_of(size) };

    enc_rr(&e->e, 0x8b, 4, S_DATA, host(n));
    enc_alu_ri(&e->e, ENC_AND, 4, S_DATA, (int32_t)PAGE_SIZE - 1);
    enc_lea(&e->e, 8, S_DATA, end);
    enc_alu_ri(&e->e, ENC_CMP, 8, S_DATA, (int32_t)PAGE_SIZE);
    emit_hand_over(e, 7);
}

static void rep(struct emitter *e, unsigned opcode, unsigned size)
{
    if (size == 2) {
        enc_byte(&e->e, 0x66);
    }
    enc_byte(&e->e, 0xf3);
    if (size == 8) {
        enc_byte(&e->e, 0x48);
    }
    enc_byte(&e->e, opcode | (size == 1 ? 0 : 1));
}

/* The register has moved over all elements from what `from` says. */
static void advance(struct emitter *e, unsigned n, struct host_mem from, unsigned size)
{
    struct host_mem end = { .base = host_of[n],
                            .index = host_of[REG_RCX],
                            .scale = (uint8_t)shift_of(size) };

    enc_load(&e->e, 8, host(n), from);
    enc_lea(&e->e, 8, host(n), end);
}

/* Every iteration counts as an instruction, the block counts one. */
static void repeated(struct emitter *e, const struct insn *insn, unsigned size)
{
    const struct host_mem value = CORE_AT(translated.value), scratch = CORE_AT(translated.scratch);
    bool moves = insn->op == OP_MOVS;

    enc_test_rr(&e->e, 8, host(REG_RCX), host(REG_RCX));
    uint8_t *none = enc_jcc32(&e->e, 4);
    enc_alu_ri(&e->e, ENC_CMP, 8, host(REG_RCX), (int32_t)(PAGE_SIZE / size));
    emit_hand_over(e, 7);
    if (e->counted) {
        enc_alu_rr(&e->e, ENC_CMP, 8, R_FUEL, host(REG_RCX));
        emit_hand_over(e, 14);
    }
    in_page(e, REG_RDI, size);
    if (moves) {
        in_page(e, REG_RSI, size);
        enc_mov(&e->e, S_ADDRESS, host(REG_RSI));
        (void)emit_check(e, 1, false);
        enc_store(&e->e, 8, value, S_ADDRESS);
    }
    enc_mov(&e->e, S_ADDRESS, host(REG_RDI));
    (void)emit_check(e, 1, true);
    enc_store(&e->e, 8, scratch, host(REG_RDI));
    if (moves) {
        enc_load(&e->e, 8, S_DATA, value);
        enc_store(&e->e, 8, value, host(REG_RSI));
        enc_mov(&e->e, host(REG_RSI), S_DATA);
    }
    enc_mov(&e->e, host(REG_RDI), S_ADDRESS);
    enc_mov(&e->e, HOST_RCX, host(REG_RCX));
    rep(e, moves ? 0xa4 : 0xaa, size);
    advance(e, REG_RDI, scratch, size);
    if (moves) {
        advance(e, REG_RSI, value, size);
    }
    if (e->counted) {
        enc_alu_rr(&e->e, ENC_SUB, 8, R_FUEL, host(REG_RCX));
        enc_alu_ri(&e->e, ENC_ADD, 8, R_FUEL, 1);
    }
    enc_mov_imm(&e->e, host(REG_RCX), 0);
    enc_patch32(none, e->e.at);
}

bool emit_string(struct emitter *e, const struct insn *insn)
{
    upward(e);
    if (insn->flags & (INSN_REP | INSN_REPNE)) {
        repeated(e, insn, insn->opsize);
    } else {
        one(e, insn, insn->opsize);
    }
    return true;
}
