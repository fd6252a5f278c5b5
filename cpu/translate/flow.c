/* Backward over a block: where flags are read, seen or overwritten. [SDM 1 A] */
#include "cpu/translate/flow.h"

#include "cpu/decode/op_info.h"

bool flow_accesses(const struct insn *insn)
{
    switch (insn->op) {
    case OP_LEA:
    case OP_NOP:
    case OP_PREFETCH:
        return false;
    case OP_PUSH:
    case OP_POP:
    case OP_CALL:
    case OP_RET:
    case OP_LEAVE:
        return true;
    default:
        break;
    }
    for (unsigned i = 0; i < INSN_OPERANDS; i++) {
        if (insn->kind[i] == OPERAND_MEM) {
            return true;
        }
    }
    return false;
}

static unsigned count_mask(const struct insn *insn)
{
    return insn->size[0] == 8 ? 63 : 31;
}

unsigned flow_shift_count(const struct insn *insn)
{
    if (insn->kind[1] != OPERAND_IMM) {
        return 0;
    }
    return (unsigned)insn->imm & count_mask(insn);
}

/* Those that it overwrites for sure: a shift by zero changes none. */
static uint32_t written(const struct insn *insn)
{
    bool may_keep;

    switch (insn->op) {
    case OP_SHLD:
    case OP_SHRD:
        may_keep = insn->kind[2] != OPERAND_IMM || ((unsigned)insn->imm & count_mask(insn)) == 0;
        break;
    default:
        may_keep = op_info[insn->op].family == FAMILY_SHIFT && flow_shift_count(insn) == 0;
        break;
    }
    return may_keep ? 0 : op_info[insn->op].flags_written;
}

/* All six, whatever the operands. */
static bool overwrites(const struct insn *insn)
{
    switch (insn->op) {
    case OP_SHL:
    case OP_SHR:
    case OP_SAR:
        return flow_shift_count(insn) != 0;
    case OP_SHLD:
    case OP_SHRD:
        return insn->kind[2] == OPERAND_IMM && ((unsigned)insn->imm & count_mask(insn)) != 0;
    case OP_DIV: /* they change none */
    case OP_IDIV:
        return false;
    default:
        return op_info[insn->op].flags_written == FLAGS_ARITH;
    }
}

static bool sees(const struct insn *insn)
{
    switch (insn->op) {
    case OP_DIV:
    case OP_IDIV:
    case OP_CLI:
    case OP_STI:
    case OP_SWAPGS:
    case OP_RDTSC:
    case OP_RDTSCP:
    case OP_MOVS:
    case OP_STOS:
    case OP_LODS:
    case OP_PUSHF:
    case OP_CLAC:
    case OP_STAC:
        return true;
    default:
        return flow_accesses(insn) || op_info[insn->op].family == FAMILY_X87;
    }
}

/* What condition `code` reads. [SDM 1 B.1] */
static uint32_t condition_flags(unsigned code)
{
    static const uint32_t flags[8] = { FLAG_OF,           FLAG_CF,
                                       FLAG_ZF,           FLAG_CF | FLAG_ZF,
                                       FLAG_SF,           FLAG_PF,
                                       FLAG_SF | FLAG_OF, FLAG_ZF | FLAG_SF | FLAG_OF };

    return flags[code >> 1 & 7];
}

static uint32_t reads(const struct insn *insn)
{
    if (insn->op == OP_JCC || insn->op == OP_SETCC || insn->op == OP_CMOVCC) {
        return condition_flags(insn->imm2);
    }
    return op_info[insn->op].flags_read & (uint32_t)FLAGS_ARITH;
}

static uint16_t bit_of(unsigned gpr)
{
    return (uint16_t)(1u << (gpr & 15));
}

static uint16_t writes(const struct insn *insn)
{
    uint16_t first = insn->kind[0] == OPERAND_GPR ? bit_of(insn->n[0]) : 0;

    switch (insn->op) {
    case OP_CMP:
    case OP_TEST:
    case OP_BT:
    case OP_NOP:
    case OP_JCC:
    case OP_JMP:
        return 0;
    case OP_PUSH:
    case OP_PUSHF:
    case OP_CALL:
    case OP_RET:
        return bit_of(REG_RSP);
    case OP_POP:
        return first | bit_of(REG_RSP);
    case OP_LEAVE:
        return bit_of(REG_RSP) | bit_of(REG_RBP);
    case OP_MUL:
    case OP_IMUL:
    case OP_DIV:
    case OP_IDIV:
    case OP_CWD:
    case OP_CBW:
    case OP_CMPXCHG8B:
    case OP_CMPXCHG16B:
    case OP_LAHF:
    case OP_RDTSC:
        return bit_of(REG_RAX) | bit_of(REG_RDX);
    case OP_RDTSCP:
        return bit_of(REG_RAX) | bit_of(REG_RDX) | bit_of(REG_RCX);
    case OP_MOVS:
    case OP_STOS:
    case OP_LODS:
        return bit_of(REG_RAX) | bit_of(REG_RSI) | bit_of(REG_RDI) | bit_of(REG_RCX);
    case OP_MULX:
        return first | bit_of(insn->n[1]);
    case OP_PCMPESTRI:
    case OP_PCMPISTRI:
        return bit_of(REG_RCX);
    case OP_XCHG:
    case OP_XADD:
    case OP_CMPXCHG:
        return first | bit_of(REG_RAX) | (insn->kind[1] == OPERAND_GPR ? bit_of(insn->n[1]) : 0);
    default:
        return first;
    }
}

void flow_analyse(struct flow *flow, const struct insn *insn, unsigned n, bool tail_seen)
{
    bool seen = tail_seen;
    uint32_t wanted = 0;

    for (unsigned i = n; i-- > 0;) {
        struct flow_insn *f = &flow->insn[i];
        f->seen = seen;
        f->wanted = wanted;
        f->writes = f->native ? writes(&insn[i]) : UINT16_MAX;
        f->kills = f->native && overwrites(&insn[i]);
        if (f->kills) {
            seen = false;
            wanted = 0;
        } else {
            wanted &= ~written(&insn[i]);
        }
        wanted |= reads(&insn[i]);
        if (!f->native || sees(&insn[i]) || insn[i].op == OP_JCC) {
            seen = true;
        }
    }
    flow->seen_at_entry = seen || wanted != 0;
}
