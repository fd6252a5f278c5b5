/* What a kernel does all the time, and what reads the clock. Another CPL than 0, and what else faults, is handed over.
 * [SDM 2 CLI, STI, SWAPGS, RDTSC, LFENCE] */
#include "cpu/exec/system.h"
#include "cpu/translate/x64/emit.h"
#include "cpu/translate/x64/translator.h"

/* The flags as they are before; only CPL 0 goes on. */
static void supervisor(struct emitter *e)
{
    emit_flags_store(e);
    e->flags.host = 0;
    enc_alu_mi(&e->e, ENC_CMP, 1, CORE_AT(cpl), 0, false);
    emit_hand_over(e, 5);
}

bool emit_cli(struct emitter *e, const struct insn *insn)
{
    (void)insn;
    supervisor(e);
    enc_alu_mi(&e->e, ENC_AND, 4, CORE_AT(state.rflags_rest), ~(int32_t)FLAG_IF, false);
    return true;
}

bool emit_cld(struct emitter *e, const struct insn *insn)
{
    (void)insn;
    emit_flags_store(e);
    e->flags.host = 0;
    enc_alu_mi(&e->e, ENC_AND, 4, CORE_AT(state.rflags_rest), ~(int32_t)FLAG_DF, false);
    return true;
}

/* What waits meanwhile, or comes before translated code is left, is delivered behind the next instruction. */
bool emit_sti(struct emitter *e, const struct insn *insn)
{
    supervisor(e);
    enc_rm(&e->e, 0xf7, 4, 0, CORE_AT(state.rflags_rest)); /* TEST */
    enc_word32(&e->e, FLAG_IF);
    emit_hand_over(e, 5);
    enc_alu_mi(&e->e, ENC_CMP, 4, CORE_AT(pending), 0, false);
    emit_hand_over(e, 5);
    enc_alu_mi(&e->e, ENC_OR, 4, CORE_AT(state.rflags_rest), (int32_t)FLAG_IF, false);
    emit_edge_shadow(e, e->rip + insn->offset + insn->length, e->i + 1);
    e->ended = true;
    return true;
}

bool emit_swapgs(struct emitter *e, const struct insn *insn)
{
    const struct host_mem base = CORE_AT(state.seg[SEG_GS].base),
                          kernel = CORE_AT(state.kernel_gs_base);

    (void)insn;
    supervisor(e);
    enc_load(&e->e, 8, S_DATA, kernel);
    enc_load(&e->e, 8, S_INDEX, base);
    enc_store(&e->e, 8, base, S_DATA);
    enc_store(&e->e, 8, CORE_AT(seg_base[SEG_GS]), S_DATA);
    enc_store(&e->e, 8, kernel, S_INDEX);
    return true;
}

bool emit_rdtsc(struct emitter *e, const struct insn *insn)
{
    if (!e->translator->config.tsc_free) {
        return false;
    }
    emit_flags_store(e);
    e->flags.host = 0;
    enc_rm(&e->e, 0xf7, 4, 0, CORE_AT(state.cr4)); /* TEST */
    enc_word32(&e->e, (uint32_t)CR4_TSD);
    emit_hand_over(e, 5);
    enc_alu_mi(&e->e, ENC_CMP, 4, CORE_AT(pending), 0,
               false); /* what waits comes before time passes */
    emit_hand_over(e, 5);
    enc_call_to(&e->e, e->translator->tsc_entry);
    enc_rr(&e->e, 0x8b, 4, HOST_RAX, S_DATA);
    enc_mov(&e->e, HOST_RDX, S_DATA);
    enc_rr(&e->e, 0xc1, 8, 5, HOST_RDX);
    enc_byte(&e->e, 32);
    if (insn->op == OP_RDTSCP) {
        enc_load(&e->e, 4, (unsigned)host_of[REG_RCX], CORE_AT(state.tsc_aux));
    }
    return true;
}

bool emit_pushf_fits(const struct insn *insn)
{
    return insn->opsize == 8;
}

bool emit_pushf(struct emitter *e, const struct insn *insn)
{
    (void)insn;
    emit_flags_store(e);
    struct host_mem mem = emit_stack_check(e, -8, 8, true);
    enc_call_to(&e->e, e->translator->rflags_entry);
    enc_store(&e->e, 8, mem, S_DATA);
    enc_lea(&e->e, 8, (unsigned)host_of[REG_RSP], HOST_MEM(host_of[REG_RSP], -8));
    e->flags.host = 0;
    return true;
}

/* What core_privilege_update does for AC at CPL 0 with SMAP. */
bool emit_ac(struct emitter *e, const struct insn *insn)
{
    bool set = insn->op == OP_STAC;

    supervisor(e);
    enc_alu_mi(&e->e, ENC_CMP, 1, CORE_AT(data_checked), 0, false);
    emit_hand_over(e, 5);
    enc_rm(&e->e, 0xf7, 4, 0, CORE_AT(state.cr4)); /* TEST */
    enc_word32(&e->e, (uint32_t)CR4_SMAP);
    emit_hand_over(e, 4);
    enc_alu_mi(&e->e, set ? ENC_OR : ENC_AND, 4, CORE_AT(state.rflags_rest),
               set ? (int32_t)FLAG_AC : ~(int32_t)FLAG_AC, false);
    enc_store_imm(&e->e, 1, CORE_AT(mmu.paging.ac), set);
    enc_lea(&e->e, 8, R_SET,
            set ? CORE_AT(mmu.set[TLB_SUPERVISOR_AC]) : CORE_AT(mmu.set[TLB_SUPERVISOR]));
    enc_store(&e->e, 8, CORE_AT(data_set), R_SET);
    return true;
}

bool emit_fence(struct emitter *e, const struct insn *insn)
{
    unsigned extension = insn->op == OP_LFENCE ? 5 : insn->op == OP_MFENCE ? 6 : 7;

    enc_byte(&e->e, 0x0f);
    enc_byte(&e->e, 0xae);
    enc_byte(&e->e, 0xc0 | extension << 3);
    return true;
}
