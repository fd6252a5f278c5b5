/* Text of instructions for dumps and traces, in Intel syntax. [SDM 2] */
#include "cpu/decode/insn.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "base/text.h"

static const char *const condition_names[16] = { "o", "no", "b", "nb", "z", "nz", "be", "nbe",
                                                 "s", "ns", "p", "np", "l", "nl", "le", "nle" };
static const char *const fcmov_names[16] = {
    [2] = "b", [3] = "nb", [4] = "e", [5] = "ne", [6] = "be", [7] = "nbe", [10] = "u", [11] = "nu"
};

/* Operations whose mnemonic in the manual is not their name in ops.h. */
struct renamed {
    uint16_t op;
    const char *by_size[4]; /* operand size 1 2 4 8; the first alone: all sizes */
};

// clang-format off
static const struct renamed renamed[] = {
    { OP_IMUL2,      { "imul" } },
    { OP_PEXTRW2,    { "pextrw" } },
    { OP_IMUL3,      { "imul" } },
    { OP_CBW,        { NULL, "cbw", "cwde", "cdqe" } },
    { OP_CWD,        { NULL, "cwd", "cdq", "cqo" } },
    { OP_MOVS,       { "movsb", "movsw", "movsd", "movsq" } },
    { OP_CMPS,       { "cmpsb", "cmpsw", "cmpsd", "cmpsq" } },
    { OP_STOS,       { "stosb", "stosw", "stosd", "stosq" } },
    { OP_LODS,       { "lodsb", "lodsw", "lodsd", "lodsq" } },
    { OP_SCAS,       { "scasb", "scasw", "scasd", "scasq" } },
    { OP_INS,        { "insb", "insw", "insd", "insd" } },
    { OP_OUTS,       { "outsb", "outsw", "outsd", "outsd" } },
    { OP_XLAT,       { "xlatb" } },
    { OP_JMPF,       { "jmp far" } },
    { OP_CALLF,      { "call far" } },
    { OP_MOVSEG,     { "mov" } },
    { OP_MOVCR,      { "mov" } },
    { OP_MOVDR,      { "mov" } },
    { OP_PUSHSEG,    { "push" } },
    { OP_POPSEG,     { "pop" } },
    { OP_CMPSDX,     { "cmpsd" } },
    { OP_IRET,       { NULL, "iret", "iretd", "iretq" } },
    { OP_PUSHF,      { NULL, "pushf", "pushfd", "pushfq" } },
    { OP_POPF,       { NULL, "popf", "popfd", "popfq" } },
    { OP_PUSHA,      { NULL, "pusha", "pushad", NULL } },
    { OP_POPA,       { NULL, "popa", "popad", NULL } },
    { OP_UD,         { "(bad)" } },
};
// clang-format on

static const char *const op_names[OP_COUNT] = {
#define X(mnemonic, family) [OP_##mnemonic] = #mnemonic,
    X86_OPS(X)
#undef X
};

static const uint8_t op_families[OP_COUNT] = {
#define X(mnemonic, family) [OP_##mnemonic] = FAMILY_##family,
    X86_OPS(X)
#undef X
};

static unsigned size_log2(unsigned size)
{
    return size == 8 ? 3 : size == 4 ? 2 : size == 2 ? 1 : 0;
}

static bool has_index_vector(const struct insn *insn)
{
    return insn->op >= OP_GATHERDPS && insn->op <= OP_PGATHERQQ;
}

/* GATHERDPD and its like: four elements have indices of 32 bits in an XMM register. */
static bool index_vector_is_ymm(const struct insn *insn)
{
    bool doubleword_index = insn->op == OP_GATHERDPD || insn->op == OP_PGATHERDQ;

    return insn->opsize == 32 && !doubleword_index;
}

static void text_mnemonic(struct text *text, const struct insn *insn)
{
    if (insn->flags & INSN_VEX && op_families[insn->op] != FAMILY_BMI) {
        text_add(text, "v");
    }
    for (size_t i = 0; i < ARRAY_SIZE(renamed); i++) {
        if (renamed[i].op == insn->op) {
            const char *name = renamed[i].by_size[1] == NULL
                                   ? renamed[i].by_size[0]
                                   : renamed[i].by_size[size_log2(insn->opsize)];
            text_add(text, "%s", name != NULL ? name : "?");
            return;
        }
    }
    switch (insn->op) {
    case OP_JCC:
        text_add(text, "j%s", condition_names[insn->imm2 & 15]);
        return;
    case OP_SETCC:
        text_add(text, "set%s", condition_names[insn->imm2 & 15]);
        return;
    case OP_CMOVCC:
        text_add(text, "cmov%s", condition_names[insn->imm2 & 15]);
        return;
    case OP_FCMOVCC:
        text_add(text, "fcmov%s",
                 fcmov_names[insn->imm2 & 15] != NULL ? fcmov_names[insn->imm2 & 15] : "?");
        return;
    case OP_JCXZ:
        text_add(text, "%s", insn->adsize == 2 ? "jcxz" : insn->adsize == 4 ? "jecxz" : "jrcxz");
        return;
    case OP_MOVD:
        text_add(text, "%s", insn->flags & INSN_REX_W ? "movq" : "movd");
        return;
    default:
        break;
    }
    for (const char *c = insn->op < OP_COUNT ? op_names[insn->op] : "?"; *c != '\0'; c++) {
        text_add(text, "%c", tolower((unsigned char)*c));
    }
}

static void text_gpr(struct text *text, unsigned n, unsigned size)
{
    static const char *const words[8] = { "ax", "cx", "dx", "bx", "sp", "bp", "si", "di" };
    static const char *const low[8] = { "al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil" };
    static const char *const high[4] = { "ah", "ch", "dh", "bh" };

    if (n == REG_RIP && size != 1) {
        text_add(text, size == 8 ? "rip" : "eip");
    } else if (n >= 8 && n < 16) {
        text_add(text, "r%u%s", n, size == 8 ? "" : size == 4 ? "d" : size == 2 ? "w" : "b");
    } else if (size == 1) {
        text_add(text, "%s", n & 16 ? high[n & 3] : low[n & 7]);
    } else {
        text_add(text, "%s%s", size == 8 ? "r" : size == 4 ? "e" : "", words[n & 7]);
    }
}

static const char *const segment_names[8] = { "es", "cs", "ss", "ds", "fs", "gs", "?", "?" };

static const char *size_name(unsigned size)
{
    switch (size) {
    case 1:
        return "byte ";
    case 2:
        return "word ";
    case 4:
        return "dword ";
    case 6:
        return "fword ";
    case 8:
        return "qword ";
    case 10:
        return "tword ";
    case 16:
        return "oword ";
    case 32:
        return "yword ";
    default:
        return "";
    }
}

static void text_memory(struct text *text, const struct insn *insn, uint64_t next, unsigned size)
{
    bool default_stack = insn->base == REG_RSP || insn->base == REG_RBP;
    bool has_base = insn->base != REG_ZERO, has_index = insn->index != REG_ZERO;
    uint64_t mask = insn->adsize == 8 ? UINT64_MAX : insn->adsize == 4 ? UINT32_MAX : UINT16_MAX;

    text_add(text, "%s", size_name(size));
    if (insn->segment != (default_stack ? SEG_SS : SEG_DS)) {
        text_add(text, "%s:", segment_names[insn->segment & 7]);
    }
    text_add(text, "[");
    if (insn->base == REG_RIP) {
        text_add(text, "0x%" PRIx64 "]", (next + (uint64_t)insn->disp) & mask);
        return;
    }
    if (has_base) {
        text_gpr(text, insn->base, insn->adsize);
    }
    if (has_index) {
        text_add(text, "%s", has_base ? "+" : "");
        if (has_index_vector(insn)) {
            text_add(text, "%s%u", index_vector_is_ymm(insn) ? "ymm" : "xmm", insn->index);
        } else {
            text_gpr(text, insn->index, insn->adsize);
        }
        if (insn->scale_log2 != 0) {
            text_add(text, "*%u", 1u << insn->scale_log2);
        }
    }
    if (!has_base && !has_index) {
        text_add(text, "0x%" PRIx64, (uint64_t)insn->disp & mask);
    } else if (insn->disp != 0) {
        uint64_t magnitude = insn->disp < 0 ? 0 - (uint64_t)insn->disp : (uint64_t)insn->disp;
        text_add(text, "%c0x%" PRIx64, insn->disp < 0 ? '-' : '+', magnitude);
    }
    text_add(text, "]");
}

static void text_operand(struct text *text, const struct insn *insn, unsigned i, uint64_t next)
{
    unsigned n = insn->n[i], size = insn->size[i];
    uint64_t mask = size >= 8 || size == 0 ? UINT64_MAX : (UINT64_C(1) << (8 * size)) - 1;

    switch (insn->kind[i]) {
    case OPERAND_GPR:
        text_gpr(text, n, size);
        break;
    case OPERAND_MEM:
        text_memory(text, insn, next, size);
        break;
    case OPERAND_IMM:
        text_add(text, "0x%" PRIx64, insn->imm & mask);
        break;
    case OPERAND_REL:
        text_add(text, "0x%" PRIx64, (next + insn->imm) & mask);
        break;
    case OPERAND_FAR:
        text_add(text, "0x%x:0x%" PRIx64, insn->imm2, insn->imm);
        break;
    case OPERAND_XMM:
        text_add(text, "%s%u", size == 32 ? "ymm" : "xmm", n);
        break;
    case OPERAND_MMX:
        text_add(text, "mm%u", n);
        break;
    case OPERAND_ST:
        text_add(text, "st%u", n);
        break;
    case OPERAND_SEG:
        text_add(text, "%s", segment_names[n & 7]);
        break;
    case OPERAND_CR:
        text_add(text, "cr%u", n);
        break;
    case OPERAND_DR:
        text_add(text, "dr%u", n);
        break;
    default:
        break;
    }
}

void insn_print(const struct insn *insn, uint64_t rip, char *string, size_t size)
{
    uint64_t next = rip + insn->length;

    if (size == 0) {
        return;
    }
    struct text text = text_in(string, size);
    if (insn->flags & INSN_LOCK) {
        text_add(&text, "lock ");
    }
    if (insn->flags & (INSN_REP | INSN_REPNE)) {
        bool compares = insn->op == OP_CMPS || insn->op == OP_SCAS;
        text_add(&text, insn->flags & INSN_REPNE ? "repne " : compares ? "repe " : "rep ");
    }
    text_mnemonic(&text, insn);
    for (unsigned i = 0; i < INSN_OPERANDS; i++) {
        if (insn->kind[i] != OPERAND_NONE) {
            text_add(&text, i == 0 ? " " : ", ");
            text_operand(&text, insn, i, next);
        }
    }
    if (insn->op == OP_ENTER) {
        text_add(&text, ", 0x%x", insn->imm2);
    }
}
