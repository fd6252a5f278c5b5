/* Random sequences: a few instructions in a row, for what lies between them: blocks, fused pairs, lazy flags, fetch.
 *
 * Only instructions on which the vendors agree, and none that reads a flag that another left undefined. Memory operands
 * have no registers (RIP-relative or a displacement), so that where they lie does not depend on what ran before.
 */
#include <string.h>

#include "base/compiler.h"
#include "cpu/decode/op_info.h"
#include "tests/fuzz/cpu/generate.h"

static bool family_fits(unsigned family, bool last)
{
    switch (family) {
    case FAMILY_ARITH:
    case FAMILY_SHIFT:
    case FAMILY_MOVE:
    case FAMILY_STACK:
    case FAMILY_BIT:
    case FAMILY_STRING:
    case FAMILY_X87:
    case FAMILY_MMX:
    case FAMILY_SSE:
    case FAMILY_AVX:
    case FAMILY_BMI:
    case FAMILY_CRYPTO:
        return true;
    case FAMILY_BRANCH:
        return last;
    default:
        return false;
    }
}

/* Operations with differences that are right: judged alone. */
static bool op_fits(const struct insn *insn)
{
    switch (insn->op) {
    case OP_POPA:
    case OP_POPF:
    case OP_XLAT:
    case OP_CMPS:
    case OP_BOUND:
    case OP_MOVSXD:
    case OP_MASKMOVQ:
    case OP_MASKMOVDQU:
    case OP_CVTPI2PS:
    case OP_RCPPS:
    case OP_RCPSS:
    case OP_RSQRTPS:
    case OP_RSQRTSS:
    case OP_F2XM1:
    case OP_FYL2X:
    case OP_FYL2XP1:
    case OP_FPTAN:
    case OP_FPATAN:
    case OP_FSIN:
    case OP_FCOS:
    case OP_FSINCOS:
    case OP_FLDENV:
    case OP_FNSTENV:
    case OP_FRSTOR:
    case OP_FNSAVE:
        return false;
    case OP_BSWAP:
    case OP_SHLD:
    case OP_SHRD:
        return insn->opsize != 2;
    case OP_NOP:
        return insn->kind[0] == OPERAND_NONE;
    case OP_FSTP:
        return insn->kind[0] != OPERAND_ST;
    default:
        return !(insn->flags & (INSN_REP | INSN_REPNE));
    }
}

/* Flags that are undefined after it. A shift may have a count of 0: then what was undefined stays so. */
static uint64_t undefined_after(const struct insn *insn, uint64_t before)
{
    const struct op_info *info = &op_info[insn->op];
    uint64_t kept = info->family == FAMILY_SHIFT ? before : before & ~(uint64_t)info->flags_written;

    return kept | info->flags_undefined;
}

void sequence_undefined(struct fuzz_case *c)
{
    struct insn insn;

    c->undefined = 0;
    c->undefined_ever = 0;
    for (unsigned at = 0; at < c->n; at += insn.length) {
        decode_insn(c->bytes + at, c->n - at, (struct decode_mode){ c->bits, true }, &insn);
        c->undefined = undefined_after(&insn, c->undefined);
        c->undefined_ever |= c->undefined;
    }
}

static unsigned op_choose(const struct generator *generator, uint64_t *state, bool last,
                          bool before_last)
{
    const struct template_list *list = generator->templates;

    if (last && once_in(state, 2)) {
        return OP_JCC;
    }
    if (before_last && once_in(state, 2)) {
        return once_in(state, 2) ? OP_CMP : OP_TEST;
    }
    for (;;) {
        unsigned op = list->ops[below(state, (unsigned)list->n_ops)], family = op_info[op].family;
        bool vector = family == FAMILY_X87 || family == FAMILY_MMX || family == FAMILY_SSE ||
                      family == FAMILY_AVX || family == FAMILY_CRYPTO;

        if (family_fits(family, last) && (!vector || once_in(state, 4))) {
            return op;
        }
    }
}

/* A memory operand without registers, somewhere in the data. */
static bool memory_place(uint64_t *state, const struct fuzz_case *c, struct encoder *e,
                         struct insn *insn)
{
    struct decode_mode mode = { c->bits, true };
    uint64_t target = once_in(state, 12) ? random_target(state)
                                         : CASE_DATA + (fuzz_random(state) & (CASE_DATA_SIZE - 64));
    unsigned op = insn->op, size = insn->adsize == 2 ? 2 : 4, at = e->modrm_at + 1;

    if ((insn->adsize == 2 && c->bits == 32) || target - CASE_CODE < CASE_PAGE) {
        return false; /* not reachable; and code may differ from the host's */
    }
    if (!once_in(state, 4)) {
        target &= ~UINT64_C(15);
    }
    if (insn->op >= OP_GATHERDPS && insn->op <= OP_PGATHERQQ) {
        return false; /* the index is a vector */
    }
    if (e->modrm_at != 0) {
        e->bytes[e->modrm_at] =
            (uint8_t)((e->bytes[e->modrm_at] & 0x38) | (insn->adsize == 2 ? 6 : 5));
    }
    if (decode_insn(e->bytes, 15, mode, insn) != DECODE_OK || insn->op != op) {
        return false;
    }
    if (e->modrm_at == 0) {
        size = insn->adsize;
        at = insn->length - size;
    }
    uint64_t value = target - segment_base(c, insn->segment);
    value -= insn->base == REG_RIP ? case_rip(c) + c->n + insn->length : 0;
    memcpy(e->bytes + at, &value, size);
    return decode_insn(e->bytes, 15, mode, insn) == DECODE_OK && insn->op == op;
}

static bool branch_stays_out(const struct fuzz_case *c, const struct insn *insn)
{
    uint64_t mask = c->bits == 64                        ? UINT64_MAX
                    : c->bits == 32 && insn->opsize == 4 ? UINT32_MAX
                                                         : UINT16_MAX;
    uint64_t end = case_rip(c) + c->n + insn->length;

    return insn->kind[0] != OPERAND_REL ||
           ((end + insn->imm) & mask) - (case_rip(c) & mask) >= c->n + insn->length;
}

/* One more instruction, or false. */
static bool step_add(const struct generator *generator, uint64_t *state, struct fuzz_case *c,
                     bool last, bool before_last)
{
    struct encoder e;
    struct insn insn;
    unsigned op = op_choose(generator, state, last, before_last);

    if (!instruction_generate(generator, state, op, c->bits, &e, &insn) || !op_fits(&insn) ||
        op_info[op].flags_read & c->undefined) {
        return false;
    }
    if (has_memory_operand(&insn) && !memory_place(state, c, &e, &insn)) {
        return false;
    }
    if (c->n + insn.length > CASE_BYTES || !branch_stays_out(c, &insn)) {
        return false;
    }
    memcpy(c->bytes + c->n, e.bytes, insn.length);
    memcpy(c->native + c->n, e.bytes, insn.length);
    if (op_info[op].family == FAMILY_BRANCH && c->bits == 64) {
        native_branch(c->native + c->n, insn.length);
    }
    c->n = (uint8_t)(c->n + insn.length);
    sequence_undefined(c);
    c->step[c->steps++] = insn;
    return true;
}

void sequence_generate(const struct generator *generator, uint64_t *state, struct fuzz_case *c)
{
    unsigned steps = generator->blocks ? 5 + below(state, CASE_STEPS - 4) : 2 + below(state, 5);

    c->bits = (uint8_t)bits_generate(generator, state);
    c->code_offset = (uint16_t)(16 * (1 + below(state, 240)));
    state_generate(state, c);
    c->rflags &= ~FLAG_AC;
    c->seg[SEG_SS] = c->bits == 16 ? CASE_SEG_DATA : CASE_SEG_FLAT;
    for (unsigned i = 0; i < 3; i++) {
        static const uint8_t pointers[3] = { REG_RSP, REG_RSI, REG_RDI };
        static const uint8_t segments[3] = { SEG_SS, SEG_DS, SEG_ES };
        uint64_t target = CASE_DATA + 0x800 + (fuzz_random(state) & 0x27f8);
        c->gpr[pointers[i]] = target - segment_base(c, segments[i]);
    }
    while (c->steps < steps) {
        bool ok = false;

        for (unsigned tries = 0; !ok && tries < 64; tries++) {
            ok = step_add(generator, state, c, c->steps + 1u == steps, c->steps + 2u == steps);
        }
        if (!ok && c->steps > 0) {
            break; /* no room, or nothing fits: shorter */
        }
    }
    c->count = c->steps;
    c->insn = c->step[0];
}
