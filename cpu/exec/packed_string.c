/* PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM: comparisons of short strings. [SDM 2 4.1]
 *
 * imm8: 1-0 elements (bytes or words, 1: words; 2: signed), 3-2 aggregation, 5-4 polarity, 6 which
 * end or which mask. */
#include "cpu/exec/exec.h"
#include "cpu/exec/flags.h"
#include "cpu/exec/vector.h"

enum { IMM_WORDS = 1, IMM_SIGNED = 2, IMM_NEGATE = 0x10, IMM_MASKED = 0x20, IMM_LAST = 0x40 };
enum aggregation { EQUAL_ANY, RANGES, EQUAL_EACH, EQUAL_ORDERED };

/* One operand: its elements as numbers, and how many of them are valid. */
struct text {
    int32_t element[16];
    unsigned length;
};

static unsigned element_count(unsigned imm)
{
    return imm & IMM_WORDS ? 8 : 16;
}

static void text_elements(struct text *text, const union xmm *value, unsigned imm)
{
    for (unsigned i = 0; i < element_count(imm); i++) {
        if (imm & IMM_WORDS) {
            text->element[i] = imm & IMM_SIGNED ? (int16_t)value->u16[i] : value->u16[i];
        } else {
            text->element[i] = imm & IMM_SIGNED ? (int8_t)value->u8[i] : value->u8[i];
        }
    }
}

/* Valid up to the first zero. */
static void text_implicit(struct text *text, const union xmm *value, unsigned imm)
{
    text_elements(text, value, imm);
    text->length = 0;
    while (text->length < element_count(imm) && text->element[text->length] != 0) {
        text->length++;
    }
}

/* Valid as many as the absolute value of the length register says, at most all. */
static void text_explicit(struct text *text, const union xmm *value, unsigned imm, int64_t length)
{
    uint64_t magnitude = length < 0 ? 0 - (uint64_t)length : (uint64_t)length;

    text_elements(text, value, imm);
    text->length = magnitude < element_count(imm) ? (unsigned)magnitude : element_count(imm);
}

static bool found_in_set(const struct text *set, int32_t element)
{
    for (unsigned i = 0; i < set->length; i++) {
        if (set->element[i] == element) {
            return true;
        }
    }
    return false;
}

static bool found_in_ranges(const struct text *ranges, int32_t element)
{
    for (unsigned i = 0; i + 1 < ranges->length; i += 2) {
        if (ranges->element[i] <= element && element <= ranges->element[i + 1]) {
            return true;
        }
    }
    return false;
}

/* Does the (possibly shorter) needle begin at element j? What lies beyond the register counts as
 * equal. */
static bool begins_at(const struct text *needle, const struct text *hay, unsigned j, unsigned n)
{
    for (unsigned i = 0; i < needle->length && i + j < n; i++) {
        if (i + j >= hay->length || needle->element[i] != hay->element[i + j]) {
            return false;
        }
    }
    return true;
}

/* IntRes1: bit j tells of element j of the second operand. */
static unsigned aggregate(const struct text *a, const struct text *b, unsigned imm)
{
    unsigned n = element_count(imm), result = 0;

    for (unsigned j = 0; j < n; j++) {
        bool valid = j < b->length, bit = false;

        switch ((enum aggregation)(imm >> 2 & 3)) {
        case EQUAL_ANY:
            bit = valid && found_in_set(a, b->element[j]);
            break;
        case RANGES:
            bit = valid && found_in_ranges(a, b->element[j]);
            break;
        case EQUAL_EACH:
            bit =
                valid && j < a->length ? a->element[j] == b->element[j] : !valid && j >= a->length;
            break;
        case EQUAL_ORDERED:
            bit = begins_at(a, b, j, n);
            break;
        }
        result |= (unsigned)bit << j;
    }
    return result;
}

static unsigned polarise(unsigned result, const struct text *b, unsigned imm)
{
    unsigned all = (1u << element_count(imm)) - 1, valid = (1u << b->length) - 1;

    return !(imm & IMM_NEGATE) ? result : imm & IMM_MASKED ? result ^ valid : result ^ all;
}

static void write_index(struct core *core, unsigned result, unsigned imm)
{
    unsigned index = element_count(imm);

    if (result != 0) {
        index =
            imm & IMM_LAST ? 31 - (unsigned)__builtin_clz(result) : (unsigned)__builtin_ctz(result);
    }
    gpr32_write(core, REG_RCX, index);
}

static void write_mask(struct core *core, unsigned result, unsigned imm)
{
    union xmm mask = { .u64 = { result, 0 } };

    if (imm & IMM_LAST) {
        for (unsigned i = 0; i < 16; i++) {
            unsigned element = imm & IMM_WORDS ? i / 2 : i;

            mask.u8[i] = result >> element & 1 ? 0xff : 0;
        }
    }
    core->state.xmm[0] = mask;
    if (core->insn->flags & INSN_VEX) {
        core->state.ymm_high[0] = xmm_pair(0, 0);
    }
}

static int64_t length_register(const struct core *core, const struct insn *insn, unsigned reg)
{
    return insn->flags & INSN_REX_W ? (int64_t)core->state.gpr[reg] : (int32_t)core->state.gpr[reg];
}

static void compare_strings(struct core *core, const struct insn *insn, bool explicit_length,
                            bool index)
{
    sse_check(core);
    union xmm value =
        insn->kind[1] == OPERAND_MEM ? vector_load128(core, insn, false) : *xmm_reg(core, insn, 1);
    unsigned imm = (uint8_t)insn->imm, n = element_count(imm);
    struct text a, b;

    if (explicit_length) {
        text_explicit(&a, xmm_reg(core, insn, 0), imm, length_register(core, insn, REG_RAX));
        text_explicit(&b, &value, imm, length_register(core, insn, REG_RDX));
    } else {
        text_implicit(&a, xmm_reg(core, insn, 0), imm);
        text_implicit(&b, &value, imm);
    }
    unsigned result = polarise(aggregate(&a, &b, imm), &b, imm);

    if (index) {
        write_index(core, result, imm);
    } else {
        write_mask(core, result, imm);
    }
    flags_set(core, (result != 0 ? FLAG_CF : 0) | (b.length < n ? FLAG_ZF : 0) |
                        (a.length < n ? FLAG_SF : 0) | (result & 1 ? FLAG_OF : 0));
}

EXEC_OP(pcmpestri)
{
    compare_strings(core, insn, true, true);
}

EXEC_OP(pcmpestrm)
{
    compare_strings(core, insn, true, false);
}

EXEC_OP(pcmpistri)
{
    compare_strings(core, insn, false, true);
}

EXEC_OP(pcmpistrm)
{
    compare_strings(core, insn, false, false);
}

exec_fn *packed_string_choose(const struct insn *insn)
{
    switch (insn->op) {
    case OP_PCMPESTRI:
        return exec_pcmpestri;
    case OP_PCMPESTRM:
        return exec_pcmpestrm;
    case OP_PCMPISTRI:
        return exec_pcmpistri;
    case OP_PCMPISTRM:
        return exec_pcmpistrm;
    default:
        return NULL;
    }
}
