/* Random cases: an opcode row, random bytes around it, and a state biased to what instructions find
 * difficult. */
#include <string.h>

#include "base/compiler.h"
#include "cpu/decode/op_info.h"
#include "cpu/decode/opcode_map.h"
#include "tests/fuzz/cpu/generate.h"

uint64_t fuzz_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* ---- values ---- */

static uint64_t random_integer(uint64_t *state)
{
    static const uint64_t edges[] = { 0,
                                      1,
                                      2,
                                      0x7f,
                                      0x80,
                                      0xff,
                                      0x7fff,
                                      0x8000,
                                      0xffff,
                                      0x7fffffff,
                                      0x80000000,
                                      0xffffffff,
                                      UINT64_C(0x7fffffffffffffff),
                                      UINT64_C(0x8000000000000000),
                                      UINT64_MAX,
                                      UINT64_MAX - 1,
                                      UINT64_C(0xffffffff80000000) };
    uint64_t r = fuzz_random(state);

    switch (below(state, 8)) {
    case 0:
        return r & 0xff;
    case 1:
    case 2:
        return edges[below(state, ARRAY_SIZE(edges))];
    case 3:
        return (UINT64_C(1) << (r & 63)) - (r >> 6 & 1);
    case 4:
        return (uint64_t)(int64_t)(int32_t)r;
    case 5:
        return CASE_DATA + (r & (CASE_DATA_SIZE - 1));
    default:
        return r;
    }
}

/* IEEE fields: sign, exponent of e bits, fraction of f bits, each random or at an edge. */
static uint64_t random_float(uint64_t *state, unsigned exponent_bits, unsigned fraction_bits)
{
    uint64_t r = fuzz_random(state), maximum = (UINT64_C(1) << exponent_bits) - 1,
             bias = maximum >> 1;
    uint64_t fraction_mask = (UINT64_C(1) << fraction_bits) - 1, fraction, exponent;

    switch (below(state, 8)) {
    case 0:
        exponent = 0;
        break;
    case 1:
        exponent = maximum;
        break;
    case 2:
        exponent = r >> 8 & 1 ? 1 : maximum - 1;
        break;
    case 3:
    case 4:
    case 5:
        exponent = bias + (r >> 8 & 63) - 16;
        break;
    default:
        exponent = r >> 8 & maximum;
        break;
    }
    switch (below(state, 6)) {
    case 0:
    case 1:
        fraction = 0;
        break;
    case 2:
        fraction = fraction_mask;
        break;
    case 3:
        fraction = UINT64_C(1) << (r >> 32) % fraction_bits;
        break;
    default:
        fraction = fuzz_random(state) & fraction_mask;
        break;
    }
    return (r & 1) << (exponent_bits + fraction_bits) | (exponent & maximum) << fraction_bits |
           fraction;
}

/* 10 bytes: mostly numbers, also the unsupported encodings. */
static void random_f80(uint64_t *state, uint8_t value[10])
{
    uint64_t half = random_float(state, 15, 48), fraction = random_float(state, 8, 55);
    uint16_t sign_exponent = (uint16_t)(half >> 48);
    bool integer = (sign_exponent & 0x7fff) != 0;

    if (once_in(state, 12)) {
        integer = !integer; /* pseudo-denormal, unnormal, pseudo-NaN */
    }
    if (once_in(state, 3)) {
        fraction = 0;
    }
    fraction = (fraction & ~(UINT64_C(1) << 63)) | (uint64_t)integer << 63;
    if (once_in(state, 16)) {
        fraction = integer ? UINT64_MAX : 1;
    }
    memcpy(value, &fraction, 8);
    memcpy(value + 8, &sign_exponent, 2);
}

static void random_vector(uint64_t *state, uint8_t value[16])
{
    unsigned kind = below(state, 4);

    for (unsigned i = 0; i < 2; i++) {
        uint64_t r = kind == 0   ? fuzz_random(state)
                     : kind == 1 ? random_float(state, 11, 52)
                     : kind == 2 ? random_float(state, 8, 23) | random_float(state, 8, 23) << 32
                                 : random_integer(state);
        memcpy(value + 8 * i, &r, 8);
    }
}

/* ---- memory ---- */

enum { DATA_FX_IMAGE = 0x2000, DATA_MXCSR = 0x2400, DATA_MXCSR_END = 0x2500 };

static void fx_generate(uint64_t *state, uint8_t *fx);

/* Selectors of descriptors that both sides have, null ones, and ones beyond the LDT. */
static uint16_t random_selector(uint64_t *state)
{
    static const uint16_t system[8] = { 0x08, 0x10, 0x18, 0x23, 0x2b, 0x33, 0x4f, 0 };
    uint16_t selector = once_in(state, 3) ? system[below(state, 8)]
                                          : case_segments[below(state, CASE_SEGS)].selector;

    return once_in(state, 4) ? (uint16_t)((selector & ~3u) | below(state, 4)) : selector;
}

/* Where far transfers go: offset, selector, flags, stack pointer and selector, of 2, 4 or 8 bytes each. Not all of a size
 * lead to 64-bit code: tune_segment looks for others. */
static void frame_generate(uint64_t *state, uint8_t *frame, unsigned size, bool first)
{
    static const uint8_t codes[5] = { CASE_SEG_CODE_64, CASE_SEG_CODE_32, CASE_SEG_CODE_16,
                                      CASE_SEG_CODE_LDT, CASE_SEG_EXEC_ONLY };
    static const uint8_t stacks[3] = { CASE_SEG_FLAT, CASE_SEG_FLAT, CASE_SEG_DATA };
    const struct case_segment *code =
        &case_segments[codes[first ? 1 + below(state, 4) : below(state, 5)]];
    const struct case_segment *stack = &case_segments[stacks[below(state, 3)]];
    uint64_t field[5] = {
        CASE_CODE + 16 * (1 + below(state, 238)) + 15 - code->base, /* in no case's code */
        !first && once_in(state, 6) ? random_selector(state) : code->selector,
        0x202 | (fuzz_random(state) & (FLAGS_ARITH | FLAG_DF | FLAG_NT | FLAG_ID | FLAG_IOPL)),
        CASE_DATA + (fuzz_random(state) & 0x3ff0) - stack->base,
        once_in(state, 6) ? random_selector(state) : stack->selector,
    };

    for (unsigned i = 0; i < 5; i++) {
        memcpy(frame + i * size, &field[i], size);
    }
}

void memory_generate(struct case_memory *memory, uint64_t seed, uint64_t batch)
{
    uint64_t state = seed ^ (batch + 1) * UINT64_C(0xd1342543de82ef95);

    for (unsigned at = 0; at < CASE_DATA_SIZE; at += 8) {
        uint64_t r = at < 0x1000   ? fuzz_random(&state)
                     : at < 0x1800 ? random_float(&state, 11, 52)
                     : at < 0x2000 ? random_float(&state, 8, 23) | random_float(&state, 8, 23) << 32
                                   : random_integer(&state);
        memcpy(memory->data + at, &r, 8);
    }
    for (unsigned at = 0x2500; at < 0x3000; at += 16) {
        random_f80(&state, memory->data + at);
    }
    for (unsigned at = DATA_MXCSR; at < DATA_MXCSR_END; at += 4) {
        uint32_t mxcsr = (uint32_t)fuzz_random(&state) & 0xffff;
        memcpy(memory->data + at, &mxcsr, 4);
    }
    fx_generate(&state, memory->data + DATA_FX_IMAGE);
    for (unsigned at = CASE_SELECTORS; at < CASE_SELECTORS_END; at += 2) {
        uint16_t selector = random_selector(&state);
        memcpy(memory->data + at, &selector, 2);
    }
    for (unsigned i = 0; i < CASE_FRAME_COUNT; i++) {
        frame_generate(&state, memory->data + CASE_FRAMES + 64 * i, 2u << i % 3, i < 3);
    }
    /* Runs of one byte, for repeated comparisons. */
    memset(memory->data + 0x3000, 0, 0x400);
    memset(memory->data + 0x3400, (int)(fuzz_random(&state) & 0xff), 0x400);
    for (unsigned at = 0; at < CASE_PAGE; at += 8) {
        uint64_t r = random_integer(&state);
        memcpy(memory->read_only + at, &r, 8);
    }
}

/* ---- the instruction's bytes ---- */

static void put(struct encoder *e, unsigned byte)
{
    e->bytes[e->n++] = (uint8_t)byte;
}

/* Segment and address size may stand before VEX. Outside of 64-bit mode R and X are 1, as stored. */
static void encode_vex(struct encoder *e, uint64_t *state, const struct opcode_template *row,
                       unsigned bits)
{
    static const uint8_t segments[6] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };
    static const uint8_t pp[OPCODE_PLANES] = { [NP] = 0, [P66] = 1, [PF3] = 2, [PF2] = 3 };
    unsigned vvvv = row->vvvv ? below(state, bits == 64 ? 16 : 8) : 0;
    unsigned l = row->flags & F_L0 ? 0 : row->flags & F_L1 ? 1 : below(state, 2);
    unsigned w = row->flags & F_W0 ? 0 : row->flags & F_W1 || row->rex_w ? 1 : below(state, 2);
    unsigned rxb = bits == 64 ? below(state, 8) << 5 : 0xc0 | below(state, 2) << 5;
    unsigned last = (vvvv ^ 15) << 3 | l << 2 | pp[row->plane];

    if (once_in(state, 8)) {
        put(e, segments[below(state, 6)]);
    }
    if (once_in(state, 10)) {
        put(e, 0x67);
    }
    if (row->map == 1 && w == 0 && (rxb & 0x60) == 0x60) {
        put(e, 0xc5);
        put(e, (rxb & 0x80) | last);
    } else {
        put(e, 0xc4);
        put(e, rxb | row->map);
        put(e, w << 7 | last);
    }
    put(e, row->opcode);
}

static void encode_prefixes(struct encoder *e, uint64_t *state, const struct opcode_template *row,
                            unsigned bits)
{
    static const uint8_t segments[6] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };

    if (once_in(state, 8)) {
        put(e, segments[below(state, 6)]);
    }
    if (row->plane == P66 || once_in(state, 6)) {
        put(e, 0x66);
    }
    if (once_in(state, 10)) {
        put(e, 0x67);
    }
    if (row->op == OP_UD || (row->flags & F_LOCK && once_in(state, 4))) {
        put(e, 0xf0);
    }
    if (row->flags & F_REP && once_in(state, 2)) {
        put(e, 0xf2 + below(state, 2));
    } else if (row->plane == PF3 || row->plane == PF2) {
        put(e, row->plane == PF3 ? 0xf3 : 0xf2);
    } else if (row->flags & F_ANY && once_in(state, 24)) {
        put(e, 0xf2 + below(state, 2));
    }
    if (bits == 64 && (row->rex_w || once_in(state, 2))) {
        put(e, 0x40 | below(state, 16) | (row->rex_w ? 8 : 0));
    }
}

static void encode_legacy(struct encoder *e, uint64_t *state, const struct opcode_template *row,
                          unsigned bits)
{
    encode_prefixes(e, state, row, bits);
    if (row->map > 0) {
        put(e, 0x0f);
    }
    if (row->map > 1) {
        put(e, row->map == 2 ? 0x38 : 0x3a);
    }
    put(e, row->opcode);
}

static void encode(struct encoder *e, uint64_t *state, const struct opcode_template *row,
                   unsigned bits)
{
    static const uint8_t edges[4] = { 0, 0xff, 0x80, 0x7f };

    memset(e, 0, sizeof(*e));
    if (row->vex) {
        encode_vex(e, state, row, bits);
    } else {
        encode_legacy(e, state, row, bits);
    }
    if (row->modrm) {
        bool memory = row->memory < 0 ? once_in(state, 2) : row->memory != 0;
        unsigned mod = memory ? below(state, 3) : 3;
        unsigned reg = row->reg < 0 ? below(state, 8) : (unsigned)row->reg;
        unsigned rm = row->rm < 0 ? below(state, 8) : (unsigned)row->rm;

        e->modrm_at = e->n;
        put(e, mod << 6 | reg << 3 | rm);
    }
    bool edge = once_in(state, 4);
    for (unsigned i = 0; i < 12; i++) {
        put(e, edge ? edges[below(state, 4)] : (unsigned)(fuzz_random(state) & 0xff));
    }
}

/* A branch into its own bytes would run on, who knows where. */
static bool branches_into_itself(const struct fuzz_case *c)
{
    uint64_t mask = c->bits == 64                          ? UINT64_MAX
                    : c->bits == 32 && c->insn.opsize == 4 ? UINT32_MAX
                                                           : UINT16_MAX;

    if (c->insn.kind[0] != OPERAND_REL) {
        return false;
    }
    uint64_t target = (case_rip(c) + c->n + c->insn.imm) & mask;
    return target - (case_rip(c) & mask) < c->n;
}

unsigned bits_generate(const struct generator *generator, uint64_t *state)
{
    static const uint8_t widths[8] = { 64, 64, 64, 64, 32, 32, 32, 16 };

    for (;;) {
        unsigned bits = widths[below(state, 8)];
        bool possible = bits == 64 || (bits == 32 ? generator->can_32 : generator->can_16);

        if (possible && (generator->bits == 0 || generator->bits == bits)) {
            return bits;
        }
    }
}

/* OP_UD: what LOCK alone makes invalid. Other invalid bytes may be valid on the host. */
static bool lock_spoils(const uint8_t *bytes, unsigned from, struct decode_mode mode,
                        struct insn *insn)
{
    uint8_t unlocked[15];
    struct insn other;
    unsigned at = 0;

    memcpy(unlocked, bytes, sizeof(unlocked));
    while (unlocked[at] != 0xf0) {
        at++;
    }
    unlocked[at] = 0x3e;
    if (decode_insn(unlocked, 15, mode, &other) != DECODE_OK || other.op != from) {
        return false;
    }
    insn->length = other.length;
    return true;
}

bool instruction_generate(const struct generator *generator, uint64_t *state, unsigned op,
                          unsigned bits, struct encoder *e, struct insn *insn)
{
    const struct template_list *list = generator->templates;
    struct decode_mode mode = { (uint8_t)bits, true };
    unsigned from = op == OP_UD ? list->ops[below(state, (unsigned)list->n_ops)] : op;
    size_t first = list->first[from], n = list->first[from + 1] - first;

    if (n == 0) {
        return false;
    }
    struct opcode_template row = list->row[first + below(state, (unsigned)n)];
    if (bits == 64 && row.map == 0 && (row.opcode & 0xf0) == 0x40) {
        return false; /* it would be a REX */
    }
    if (op == OP_UD && row.vex) {
        return false; /* LOCK is not tried there */
    }
    row.op = (uint16_t)op;
    encode(e, state, &row, bits);
    if (decode_insn(e->bytes, 15, mode, insn) != DECODE_OK || insn->op != op ||
        !native_knows(insn_needs(insn, bits))) {
        return false;
    }
    return op != OP_UD || lock_spoils(e->bytes, from, mode, insn);
}

/* ---- state ---- */

static void fx_generate(uint64_t *state, uint8_t *fx)
{
    static const uint8_t precisions[4] = { 3, 3, 2, 0 };
    uint64_t r = fuzz_random(state);
    uint16_t masks = once_in(state, 3) ? (uint16_t)(r & 0x3f) : 0x3f;
    uint64_t rounding = once_in(state, 2) ? r >> 10 & 3 : 0;
    uint16_t control =
        (uint16_t)(0x40u | masks | (unsigned)precisions[r >> 8 & 3] << 8 | rounding << 10);
    uint16_t flags = once_in(state, 4) ? (uint16_t)(r >> 16 & 0x7f) : 0;
    uint16_t status = (uint16_t)((r >> 24 & 0x7700) | flags);
    uint32_t mxcsr = once_in(state, 3)
                         ? (uint32_t)(r >> 32) & 0xffff
                         : (uint32_t)(0x1f80 | (once_in(state, 2) ? r >> 32 & 3 : 0) << 13);

    memset(fx, 0, CASE_FX);
    if (flags & ~masks & 0x3f) {
        status |= 0x8080;
    }
    status |= (uint16_t)((r >> 40 & 7) << 11);
    memcpy(fx + FX_FCW, &control, 2);
    memcpy(fx + FX_FSW, &status, 2);
    fx[FX_FTW] = (uint8_t)(once_in(state, 2) ? 0xff : once_in(state, 2) ? 0 : r >> 48);
    memcpy(fx + FX_MXCSR, &mxcsr, 4);
    for (unsigned i = 0; i < 8; i++) {
        random_f80(state, fx + FX_ST + 16 * i);
    }
    for (unsigned i = 0; i < 16; i++) {
        random_vector(state, fx + FX_XMM + 16 * i);
    }
}

uint64_t random_target(uint64_t *state)
{
    uint64_t r = fuzz_random(state);

    switch (below(state, 32)) {
    case 0:
    case 1:
    case 2:
    case 3:
        return CASE_DATA + (r & (CASE_DATA_SIZE - 1));
    case 4:
    case 5:
    case 6: /* across a page */
        return CASE_DATA + CASE_PAGE * (1 + (r & 1)) - (r >> 8 & 15);
    case 7:
    case 8: /* out of the last page */
        return CASE_DATA + CASE_DATA_SIZE - (r & 31);
    case 9:
        return CASE_DATA - (r & 15);
    case 10:
        return CASE_READ_ONLY + (r & 0xfff);
    case 11:
        return CASE_CODE + (r & 0xff);
    case 12:
        return CASE_DATA + CASE_DATA_SIZE + (r & 0xfff);
    case 13:
        return r;
    default:
        return CASE_DATA + (r & (CASE_DATA_SIZE - 1) & ~UINT64_C(15));
    }
}

static void segments_generate(uint64_t *state, struct fuzz_case *c)
{
    static const uint8_t any[8] = { CASE_SEG_DATA,  CASE_SEG_DATA,      CASE_SEG_FLAT,
                                    CASE_SEG_FLAT,  CASE_SEG_READ_ONLY, CASE_SEG_EXPAND_DOWN,
                                    CASE_SEG_SMALL, CASE_SEG_NULL };
    uint8_t usual = c->bits == 16 ? CASE_SEG_DATA : CASE_SEG_FLAT;

    if (c->bits == 64) {
        c->seg[SEG_CS] = CASE_SEG_CODE_64;
        c->seg[SEG_SS] = CASE_SEG_FLAT;
        c->fs_base = once_in(state, 2) ? 0 : CASE_DATA + (fuzz_random(state) & 0xff0);
        c->gs_base =
            once_in(state, 2) ? 0 : UINT64_C(0x7fff00000000) + (fuzz_random(state) & 0xfff);
        return;
    }
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        c->seg[i] = once_in(state, 4) || i >= SEG_FS ? any[below(state, 8)] : usual;
    }
    c->seg[SEG_CS] = c->bits == 16 ? CASE_SEG_CODE_16 : CASE_SEG_CODE_32;
    c->seg[SEG_SS] = once_in(state, 4) ? CASE_SEG_DATA : usual;
    /* Returning to a 16-bit stack loses the upper half of ESP: only where it is not looked at.
     * [LINUX espfix64] */
    bool simple = (c->insn.op == OP_PUSH || c->insn.op == OP_POP || c->insn.op == OP_CALL ||
                   c->insn.op == OP_RET || c->insn.op == OP_PUSHF || c->insn.op == OP_LEAVE ||
                   c->insn.op == OP_PUSHSEG) &&
                  c->insn.base != REG_RSP && c->insn.kind[0] != OPERAND_GPR;
    if (simple && once_in(state, 4)) {
        c->seg[SEG_SS] = CASE_SEG_SMALL;
    }
}

uint64_t segment_base(const struct fuzz_case *c, unsigned segment)
{
    if (c->bits == 64) {
        return segment == SEG_FS ? c->fs_base : segment == SEG_GS ? c->gs_base : 0;
    }
    return case_segments[c->seg[segment]].base;
}

static uint64_t size_bits(unsigned size)
{
    return size == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1;
}

/* Give a register the value in its low bits; what an address of this size ignores stays. */
static void address_set(struct fuzz_case *c, unsigned reg, uint64_t value, unsigned adsize)
{
    uint64_t mask = size_bits(adsize);

    c->gpr[reg] = (c->gpr[reg] & ~mask) | (value & mask);
}

/* x with x * factor = value, for odd factors. */
static uint64_t divide_odd(uint64_t value, uint64_t factor)
{
    uint64_t inverse = factor;

    for (unsigned i = 0; i < 6; i++) {
        inverse *= 2 - factor * inverse;
    }
    return value * inverse;
}

static void displacement_patch(struct fuzz_case *c, const struct encoder *e, uint64_t value)
{
    unsigned at = e->modrm_at + 1, size = c->insn.adsize == 2 ? 2 : 4;

    if (e->modrm_at == 0) { /* moffs: right behind the opcode */
        size = c->insn.adsize;
        at = c->n - size;
    } else if (c->insn.adsize != 2 && (e->bytes[e->modrm_at] & 7) == 4) {
        at++;
    }
    memcpy(c->bytes + at, &value, size);
}

static bool insn_is_gather(const struct insn *insn)
{
    return insn->op >= OP_GATHERDPS && insn->op <= OP_PGATHERQQ;
}

/* Choose registers so that the memory operand lies at `target`. */
static void operand_place(struct fuzz_case *c, const struct encoder *e, uint64_t *state,
                          uint64_t target)
{
    const struct insn *insn = &c->insn;
    uint64_t offset = target - segment_base(c, insn->segment), rest = offset - (uint64_t)insn->disp;
    uint64_t scale = UINT64_C(1) << insn->scale_log2;

    if (insn_is_gather(insn)) { /* the index is tuned apart */
        if (insn->base == REG_ZERO) {
            displacement_patch(c, e, offset);
        } else {
            address_set(c, insn->base, rest, insn->adsize);
        }
    } else if (insn->base == REG_RIP) {
        displacement_patch(c, e, offset - (case_rip(c) + c->n));
    } else if (insn->base == REG_ZERO && insn->index == REG_ZERO) {
        displacement_patch(c, e, offset);
    } else if (insn->base == REG_ZERO) {
        address_set(c, insn->index, rest >> insn->scale_log2, insn->adsize);
    } else if (insn->base == insn->index) {
        address_set(c, insn->base, scale == 1 ? rest >> 1 : divide_odd(rest, 1 + scale),
                    insn->adsize);
    } else if (insn->index == REG_ZERO) {
        address_set(c, insn->base, rest, insn->adsize);
    } else {
        if (once_in(state, 2)) {
            address_set(c, insn->index, fuzz_random(state) & 0xff, insn->adsize);
        }
        address_set(c, insn->base, rest - c->gpr[insn->index] * scale, insn->adsize);
    }
}

uint64_t case_operand(const struct fuzz_case *c)
{
    const struct insn *insn = &c->insn;
    uint64_t offset = (uint64_t)insn->disp;

    offset += insn->base == REG_RIP    ? case_rip(c) + c->n
              : insn->base == REG_ZERO ? 0
                                       : c->gpr[insn->base];
    offset += insn->index == REG_ZERO || insn_is_gather(insn)
                  ? 0
                  : c->gpr[insn->index] << insn->scale_log2;
    offset = (offset & size_bits(insn->adsize)) + segment_base(c, insn->segment);
    return c->bits == 64 ? offset : (uint32_t)offset;
}

bool has_memory_operand(const struct insn *insn)
{
    return insn->kind[0] == OPERAND_MEM || insn->kind[1] == OPERAND_MEM ||
           insn->kind[2] == OPERAND_MEM;
}

/* ---- state that particular operations need to get anywhere ---- */

static const uint8_t *data_at(const struct case_memory *memory, uint64_t linear, unsigned size)
{
    return linear >= CASE_DATA && linear - CASE_DATA <= CASE_DATA_SIZE - size
               ? memory->data + (linear - CASE_DATA)
               : NULL;
}

static void tune_compare_exchange(struct fuzz_case *c, const struct case_memory *memory)
{
    unsigned half = c->insn.op == OP_CMPXCHG ? c->insn.size[0] : c->insn.size[0] / 2u;
    const uint8_t *from = data_at(memory, c->operand, c->insn.size[0]);

    if (c->insn.kind[0] == OPERAND_GPR) {
        c->gpr[REG_RAX] = c->gpr[c->insn.n[0] & 15];
    } else if (from != NULL) {
        memcpy(&c->gpr[REG_RAX], from, half);
        if (c->insn.op != OP_CMPXCHG) {
            memcpy(&c->gpr[REG_RDX], from + half, half);
        }
    }
}

static void tune_string(struct fuzz_case *c, uint64_t *state)
{
    unsigned adsize = c->insn.adsize;
    uint64_t source = random_target(state), target = random_target(state);

    if (once_in(state, 3)) { /* something to find equal */
        source = CASE_DATA + 0x3000 + (fuzz_random(state) & 0x7ff);
        target = CASE_DATA + 0x3000 + (fuzz_random(state) & 0x7ff);
        c->gpr[REG_RAX] = once_in(state, 2) ? 0 : c->gpr[REG_RAX];
    }
    address_set(c, REG_RSI, source - segment_base(c, c->insn.segment), adsize);
    address_set(c, REG_RDI, target - segment_base(c, SEG_ES), adsize);
    address_set(c, REG_RCX, once_in(state, 16) ? below(state, 3000) : below(state, 40), adsize);
}

static void tune_divide(struct fuzz_case *c, uint64_t *state)
{
    c->gpr[REG_RDX] = once_in(state, 2) ? 0 : below(state, 100);
    if (once_in(state, 2)) {
        c->gpr[REG_RAX] &= 0xfff;
    }
    if (c->insn.op == OP_IDIV && once_in(state, 2)) {
        c->gpr[REG_RDX] = UINT64_MAX;
        c->gpr[REG_RAX] |= UINT64_C(0xffffffff80008000);
    }
}

static uint64_t random_frame(uint64_t *state, unsigned opsize)
{
    unsigned kind = opsize == 2 ? 0 : opsize == 4 ? 1 : 2;

    return CASE_DATA + CASE_FRAMES + 64 * (3 * (uint64_t)below(state, CASE_FRAME_COUNT / 3) + kind);
}

static void selector_register(struct fuzz_case *c, uint64_t *state, unsigned operand)
{
    if (c->insn.kind[operand] == OPERAND_GPR) {
        address_set(c, c->insn.n[operand], random_selector(state), 2);
    }
}

/* Instructions that take selectors: point them at some. */
static void tune_segment(struct fuzz_case *c, const struct encoder *e, uint64_t *state,
                         const struct case_memory *memory)
{
    uint64_t selectors =
        CASE_DATA + CASE_SELECTORS + (fuzz_random(state) & 0x3f0) + 2 * below(state, 4);
    uint64_t frame = random_frame(state, c->insn.opsize);

    /* A far call from compatibility to 64-bit mode never ends on some hypervisors. */
    while (c->insn.op == OP_CALLF && c->bits != 64 &&
           (memory->data[frame - CASE_DATA + c->insn.opsize] | 3) == 0x33) {
        frame = random_frame(state, c->insn.opsize);
    }
    switch (c->insn.op) {
    case OP_JMPF:
    case OP_CALLF:
        if (c->insn.kind[0] == OPERAND_MEM) {
            operand_place(c, e, state, frame);
        } else {
            const uint8_t *from = memory->data + (frame - CASE_DATA);
            memcpy(c->bytes + c->n - c->insn.opsize - 2, from, c->insn.opsize + 2u);
        }
        break;
    case OP_RETF:
    case OP_IRET:
        c->gpr[REG_RSP] = frame - segment_base(c, SEG_SS);
        break;
    case OP_POPSEG:
        c->gpr[REG_RSP] = selectors - segment_base(c, SEG_SS);
        break;
    case OP_MOVSEG:
    case OP_LAR:
    case OP_LSL:
    case OP_VERR:
    case OP_VERW:
    case OP_ARPL:
    case OP_LDS:
    case OP_LES:
    case OP_LFS:
    case OP_LGS:
    case OP_LSS:
        selector_register(c, state, 0);
        selector_register(c, state, 1);
        if (has_memory_operand(&c->insn)) {
            operand_place(c, e, state, selectors);
        }
        break;
    default:
        break;
    }
}

/* Indices that stay near; now and then one does not. */
static void tune_gather(struct fuzz_case *c, uint64_t *state)
{
    bool quad = c->insn.op == OP_GATHERQPS || c->insn.op == OP_GATHERQPD ||
                c->insn.op == OP_PGATHERQD || c->insn.op == OP_PGATHERQQ;

    for (unsigned at = 0; at < 32; at += quad ? 8 : 4) {
        uint8_t *half = at < 16 ? c->fx + FX_XMM : c->ymm;
        uint64_t index = (uint64_t)(int64_t)((int)below(state, 512) - 256);

        if (!once_in(state, 16)) {
            memcpy(half + 16 * c->insn.index + (at & 15), &index, quad ? 8 : 4);
        }
    }
}

static void tune(struct fuzz_case *c, const struct encoder *e, uint64_t *state,
                 const struct case_memory *memory)
{
    switch (c->insn.op) {
    case OP_CMPXCHG:
    case OP_CMPXCHG8B:
    case OP_CMPXCHG16B:
        if (once_in(state, 2)) {
            tune_compare_exchange(c, memory);
        }
        break;
    case OP_DIV:
    case OP_IDIV:
        tune_divide(c, state);
        break;
    case OP_XLAT:
        address_set(c, REG_RBX, random_target(state) - segment_base(c, c->insn.segment),
                    c->insn.adsize);
        break;
    case OP_MASKMOVQ:
    case OP_MASKMOVDQU:
        address_set(c, REG_RDI, random_target(state) - segment_base(c, c->insn.segment),
                    c->insn.adsize);
        break;
    case OP_PCMPESTRI:
    case OP_PCMPESTRM:
        if (once_in(state, 2)) {
            c->gpr[REG_RAX] = (uint64_t)(int64_t)((int)below(state, 40) - 20);
            c->gpr[REG_RDX] = (uint64_t)(int64_t)((int)below(state, 40) - 20);
        }
        break;
    case OP_FXRSTOR:
        operand_place(c, e, state, CASE_DATA + DATA_FX_IMAGE + (once_in(state, 8) ? 8 : 0));
        break;
    case OP_LDMXCSR:
        operand_place(c, e, state, CASE_DATA + DATA_MXCSR + (fuzz_random(state) & 0xfc));
        break;
    case OP_JMP:
    case OP_CALL: /* what a non-canonical target does differs between vendors */
        if (c->insn.kind[0] == OPERAND_GPR) {
            c->gpr[c->insn.n[0]] &= UINT64_C(0x7fffffffffff);
        }
        break;
    case OP_BT:
    case OP_BTS:
    case OP_BTR:
    case OP_BTC:
        if (c->insn.kind[1] == OPERAND_GPR && c->insn.kind[0] == OPERAND_MEM &&
            !once_in(state, 16)) {
            int64_t bit = (int64_t)below(state, 8 * CASE_DATA_SIZE) - 4 * CASE_DATA_SIZE;
            c->gpr[c->insn.n[1]] = (uint64_t)bit;
            operand_place(c, e, state, CASE_DATA + (fuzz_random(state) & (CASE_DATA_SIZE - 8)));
        }
        break;
    default:
        break;
    }
    if (insn_is_gather(&c->insn) && !once_in(state, 8)) {
        tune_gather(c, state);
    }
    if (!once_in(state, 8)) {
        tune_segment(c, e, state, memory);
    }
    if (op_info[c->insn.op].family == FAMILY_STRING) {
        tune_string(c, state);
    }
    if (op_info[c->insn.op].family == FAMILY_SHIFT && once_in(state, 2)) {
        c->gpr[REG_RCX] = (c->gpr[REG_RCX] & ~UINT64_C(0xff)) | below(state, 72);
    }
}

void state_generate(uint64_t *state, struct fuzz_case *c)
{
    uint64_t r = fuzz_random(state);

    segments_generate(state, c);
    for (unsigned i = 0; i < 16; i++) {
        c->gpr[i] = random_integer(state);
    }
    c->gpr[REG_RSP] = random_target(state) - segment_base(c, SEG_SS);
    if (once_in(state, 2)) {
        c->gpr[REG_RBP] = random_target(state) - segment_base(c, SEG_SS);
    }
    c->rflags = 0x202 | (r & FLAGS_ARITH) | (once_in(state, 4) ? FLAG_DF : 0) |
                (once_in(state, 32) ? FLAG_AC : 0);
    fx_generate(state, c->fx);
    for (unsigned i = 0; i < 16 && !once_in(state, 4); i++) {
        random_vector(state, c->ymm + 16 * i);
    }
}

static void operands_generate(const struct generator *generator, uint64_t *state,
                              struct fuzz_case *c, const struct encoder *e)
{
    bool compares =
        c->insn.op == OP_CMPXCHG || c->insn.op == OP_CMPXCHG8B || c->insn.op == OP_CMPXCHG16B;

    if (has_memory_operand(&c->insn)) {
        operand_place(c, e, state, random_target(state));
    }
    tune(c, e, state, generator->memory);
    /* Displacements may have been patched. */
    decode_insn(c->bytes, c->n, (struct decode_mode){ c->bits, true }, &c->insn);
    if (has_memory_operand(&c->insn)) {
        c->operand = case_operand(c);
        if (compares && once_in(state, 2)) {
            tune_compare_exchange(c, generator->memory);
            c->operand = case_operand(c);
        }
    }
}

static bool is_prefix(uint8_t byte)
{
    static const uint8_t prefixes[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65,
                                        0x66, 0x67, 0xf0, 0xf2, 0xf3 };

    return memchr(prefixes, byte, sizeof(prefixes)) != NULL;
}

void native_branch(uint8_t *bytes, unsigned n)
{
    for (unsigned i = 0; i < n && is_prefix(bytes[i]); i++) {
        bytes[i] = bytes[i] == 0x66 ? 0x2e : bytes[i];
    }
}

static void native_bytes(struct fuzz_case *c)
{
    memcpy(c->native, c->bytes, sizeof(c->native));
    if (op_info[c->insn.op].family == FAMILY_BRANCH && c->bits == 64) {
        native_branch(c->native, c->n);
    }
}

/* Far pointers of 64 bits exist on Intel only. */
static bool amd_ignores_rex_w(const struct insn *insn)
{
    return insn->flags & INSN_REX_W &&
           (insn->op == OP_JMPF || insn->op == OP_CALLF || insn->op == OP_LSS ||
            insn->op == OP_LFS || insn->op == OP_LGS);
}

static void single_generate(const struct generator *generator, uint64_t *state, struct fuzz_case *c)
{
    const struct template_list *list = generator->templates;
    struct encoder e;

    do {
        unsigned op = 0, tries = 0;

        do {
            if (tries++ % 256 == 0) { /* some operations exist in few modes: give them time */
                op = generator->op >= 0 ? (unsigned)generator->op
                                        : list->ops[below(state, (unsigned)list->n_ops)];
            }
            c->bits = (uint8_t)bits_generate(generator, state);
        } while (!instruction_generate(generator, state, op, c->bits, &e, &c->insn) ||
                 amd_ignores_rex_w(&c->insn));
        c->n = c->insn.length;
        c->code_offset = (uint16_t)(once_in(state, 16) ? (unsigned)CASE_PAGE - c->n
                                                       : 16 * (1 + below(state, 238)));
        memcpy(c->bytes, e.bytes, 15);
    } while (branches_into_itself(c));
    state_generate(state, c);
    operands_generate(generator, state, c, &e);
    native_bytes(c);
}

void case_generate(const struct generator *generator, uint64_t index, struct fuzz_case *c)
{
    uint64_t state =
        generator->seed * UINT64_C(0x2545f4914f6cdd1d) + index * UINT64_C(0x9e3779b97f4a7c15);

    fuzz_random(&state);
    memset(c, 0, sizeof(*c));
    c->index = index;
    if (generator->op < 0 && (generator->blocks || case_is_sequence(index))) {
        sequence_generate(generator, &state, c);
    } else {
        single_generate(generator, &state, c);
    }
}
