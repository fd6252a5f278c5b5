/* Guest memory: addresses, and the check of an access in the tagged TLB. */
#include "cpu/translate/x64/emit.h"

bool emit_address_fits(const struct insn *insn)
{
    return !(insn->flags & INSN_SEGMENTED) && insn->adsize >= 4;
}

/* Base and index as host registers; unpinned ones are loaded. False: an absolute address, without them. */
static bool address_parts(struct emitter *e, const struct insn *insn, struct host_mem *mem)
{
    *mem = (struct host_mem){ .base = HOST_NONE, .index = HOST_NONE, .disp = (int32_t)insn->disp };
    if (insn->base < 16) {
        mem->base = (int8_t)emit_gpr(e, insn->base, S_ADDRESS);
    }
    if (insn->index < 16) {
        mem->index = (int8_t)emit_gpr(e, insn->index, S_INDEX);
        mem->scale = insn->scale_log2;
    }
    return mem->base != HOST_NONE || mem->index != HOST_NONE;
}

void emit_address(struct emitter *e, const struct insn *insn)
{
    struct host_mem mem;
    bool wide = insn->disp != (int32_t)insn->disp;

    if (insn->base == REG_RIP) {
        uint64_t address = e->rip + (uint64_t)insn->disp;
        e->flags.host = emit_rip_clobbers(e, address) ? 0 : e->flags.host;
        emit_rip(e, S_ADDRESS, address);
        if (insn->adsize == 4) {
            enc_rr(&e->e, 0x8b, 4, S_ADDRESS, S_ADDRESS);
        }
    } else if (wide || !address_parts(e, insn, &mem)) {
        enc_mov_imm(&e->e, S_ADDRESS,
                    insn->adsize == 4 ? (uint32_t)insn->disp : (uint64_t)insn->disp);
    } else {
        enc_lea(&e->e, insn->adsize, S_ADDRESS, mem);
    }
    if (insn->segment >= SEG_FS) {
        enc_alu_rm(&e->e, ENC_ADD, 8, S_ADDRESS,
                   CORE_OFFSET(offsetof(struct core, seg_base) + 8 * (size_t)insn->segment));
        e->flags.host = 0;
    }
}

struct host_mem emit_check(struct emitter *e, unsigned size, bool write)
{
    const int32_t tag = write ? (int32_t)offsetof(struct tlb_entry, write_tag)
                              : (int32_t)offsetof(struct tlb_entry, read_tag);
    struct host_mem entry = { .base = R_SET, .index = S_INDEX, .disp = tag };
    struct cold *cold = &e->cold[e->n_cold++];
    const unsigned shift = PAGE_SHIFT - 5;

    *cold = (struct cold){ .kind = COLD_MISS,
                           .again = e->e.at,
                           .index = e->i,
                           .access = size | (write ? TRANSLATE_ACCESS_WRITE : 0),
                           .flags = e->flags };
    if (e->bmi2) {
        enc_vex_rr(&e->e, ENC_0F3A | ENC_F2 | 0xf0, true, S_INDEX, 0, S_ADDRESS);
        enc_byte(&e->e, shift);
    } else {
        enc_mov(&e->e, S_INDEX, S_ADDRESS);
        enc_rr(&e->e, 0xc1, 8, 5, S_INDEX);
        enc_byte(&e->e, shift);
    }
    enc_alu_ri(&e->e, ENC_AND, 4, S_INDEX, (TLB_ENTRIES - 1) << 5);
    if (size > 1) {
        enc_lea(&e->e, 8, S_DATA, HOST_MEM(S_ADDRESS, (int32_t)size - 1));
    } else {
        enc_mov(&e->e, S_DATA, S_ADDRESS);
    }
    enc_alu_ri(&e->e, ENC_AND, 8, S_DATA, -(int32_t)PAGE_SIZE);
    enc_alu_rm(&e->e, ENC_CMP, 8, S_DATA, entry);
    cold->jump[0] = enc_jcc32(&e->e, 5);
    entry.disp = (int32_t)offsetof(struct tlb_entry, addend);
    enc_alu_rm(&e->e, ENC_ADD, 8, S_ADDRESS, entry);
    e->flags.host = 0;
    return HOST_MEM(S_ADDRESS, 0);
}

struct host_mem emit_load_check(struct emitter *e, const struct insn *insn, unsigned size)
{
    if (e->stack.operand[e->i]) {
        return stack_member(e, (int32_t)insn->disp);
    }
    emit_address(e, insn);
    return emit_check(e, size, false);
}

struct host_mem emit_store_check(struct emitter *e, const struct insn *insn, unsigned size)
{
    if (e->stack.operand[e->i]) {
        return stack_member(e, (int32_t)insn->disp);
    }
    emit_address(e, insn);
    return emit_check(e, size, true);
}

struct host_mem emit_stack_check(struct emitter *e, int32_t delta, unsigned size, bool write)
{
    if (e->stack.implicit[e->i]) {
        return stack_member(e, delta);
    }
    enc_lea(&e->e, 8, S_ADDRESS, HOST_MEM((int8_t)host_of[REG_RSP], delta));
    return emit_check(e, size, write);
}
