/* The stack of a block: accesses at known distances from RSP share one check at the block's entry.
 *
 * translated.stack_page names a page that may be read and written directly, stack_delta leads to it. The whole range that a block
 * touches must lie in it; a block whose range does not runs a variant that checks each access.
 */
#include "cpu/decode/op_info.h"
#include "cpu/translate/x64/emit.h"
#include "cpu/translate/x64/translator.h"

enum { STACK_SPAN_MOST = 1024 };

static bool names_rsp(const struct insn *insn)
{
    return insn->base == REG_RSP && insn->index == REG_ZERO && insn->adsize == 8 &&
           insn->segment < SEG_FS && !(insn->flags & INSN_SEGMENTED) &&
           insn->disp == (int32_t)insn->disp;
}

static unsigned memory_size(const struct insn *insn)
{
    for (unsigned i = 0; i < INSN_OPERANDS; i++) {
        if (insn->kind[i] == OPERAND_MEM) {
            return insn->size[i];
        }
    }
    return 0;
}

static void touch(struct emitter *e, int64_t at, unsigned size)
{
    struct stack_group *group = &e->stack;

    group->low = at < group->low || group->high == group->low ? at : group->low;
    group->high = at + size > group->high || group->n == 0 ? at + size : group->high;
    group->n++;
}

/* What RSP is after an instruction, as far as it is known. */
static bool follow(const struct insn *insn, bool native, int64_t *delta)
{
    switch (insn->op) {
    case OP_PUSH:
    case OP_PUSHF:
    case OP_CALL:
        *delta -= 8;
        return insn->opsize == 8;
    case OP_POP:
        *delta += 8;
        return insn->opsize == 8 && (insn->kind[0] != OPERAND_GPR || insn->n[0] != REG_RSP) &&
               insn->kind[0] == OPERAND_GPR;
    case OP_LEAVE:
    case OP_RET:
        return false;
    default:
        break;
    }
    unsigned family = op_info[insn->op].family;
    if (!native && (family == FAMILY_STACK || family == FAMILY_FAR || family == FAMILY_SYSTEM)) {
        return false;
    }
    bool writes_two = insn->op == OP_XCHG || insn->op == OP_XADD || insn->op == OP_MULX;
    if (writes_two && insn->kind[1] == OPERAND_GPR && (insn->n[1] & 15) == REG_RSP) {
        return false;
    }
    if (insn->kind[0] != OPERAND_GPR || insn->n[0] != REG_RSP || insn->op == OP_CMP ||
        insn->op == OP_TEST || insn->op == OP_BT) {
        return true;
    }
    bool immediate = insn->kind[1] == OPERAND_IMM && insn->size[0] == 8;
    if (insn->op == OP_ADD && immediate) {
        *delta += (int32_t)insn->imm;
    } else if (insn->op == OP_SUB && immediate) {
        *delta -= (int32_t)insn->imm;
    } else if (insn->op == OP_LEA && insn->opsize == 8 && names_rsp(insn)) {
        *delta += insn->disp;
    } else {
        return false;
    }
    return true;
}

void stack_analyse(struct emitter *e)
{
    struct stack_group *group = &e->stack;
    int64_t delta = 0;
    bool known = true;

    *group = (struct stack_group){ 0 };
    for (unsigned i = 0; i < e->n && known; i++) {
        const struct insn *insn = &e->insns[i];
        bool native = e->flow.insn[i].native;
        unsigned size = memory_size(insn);
        if (native && flow_accesses(insn) && names_rsp(insn) && size != 0 && insn->op != OP_BT &&
            insn->op != OP_BTS && insn->op != OP_BTR && insn->op != OP_BTC) {
            touch(e, delta + insn->disp, size);
            group->operand[i] = true;
        }
        if (native && insn->opsize == 8) {
            bool pushes = insn->op == OP_PUSH || insn->op == OP_CALL || insn->op == OP_PUSHF;
            if (pushes || insn->op == OP_POP || insn->op == OP_RET) {
                touch(e, pushes ? delta - 8 : delta, 8);
                group->implicit[i] = true;
            }
        }
        known = follow(insn, native, &delta);
    }
    bool reaches = group->low == (int32_t)group->low && group->high == (int32_t)group->high;
    if (group->n == 0 || group->high - group->low > STACK_SPAN_MOST || !reaches) {
        *group = (struct stack_group){ 0 };
    }
}

struct host_mem stack_member(struct emitter *e, int32_t disp)
{
    enc_load(&e->e, 8, S_ADDRESS, CORE_AT(translated.stack_delta));
    return (struct host_mem){ .base = (int8_t)host_of[REG_RSP], .index = S_ADDRESS, .disp = disp };
}

void emit_stack_entry(struct emitter *e)
{
    struct cold *cold = &e->cold[e->n_cold++];
    int32_t span = (int32_t)(e->stack.high - e->stack.low);

    *cold = (struct cold){ .kind = COLD_STACK, .again = e->e.at, .access = (unsigned)span };
    enc_lea(&e->e, 8, S_ADDRESS, HOST_MEM((int8_t)host_of[REG_RSP], (int32_t)e->stack.low));
    enc_mov(&e->e, S_DATA, S_ADDRESS);
    enc_alu_rm(&e->e, ENC_SUB, 8, S_DATA, CORE_AT(translated.stack_page));
    enc_alu_ri(&e->e, ENC_CMP, 8, S_DATA, (int32_t)PAGE_SIZE - span);
    cold->jump[0] = enc_jcc32(&e->e, 7);
}
