/* The decoder: bytes -> struct insn, by the rows of the opcode maps. [SDM 2A 2.1, 2.2; 2D A] */
#include "cpu/decode/insn.h"

#include <string.h>

#include "base/compiler.h"
#include "cpu/decode/opcode_map.h"

enum { SEGMENT_NONE = 0xff, REX_B = 1, REX_X = 2, REX_R = 4, REX_W = 8, REX = 0x40 };

/* What is known while one instruction is decoded. */
struct decoder {
    const uint8_t *bytes;
    size_t available, at;
    struct decode_mode mode;
    uint8_t segment; /* override, or SEGMENT_NONE */
    uint8_t rex;     /* 0x40..0x4f, or 0 */
    uint8_t repeat;  /* the last of F2 and F3, or 0 */
    bool lock, opsize_prefix, adsize_prefix;
    bool over; /* bytes beyond the available ones were asked for */
    bool have_modrm, bad;
    bool vex, vex_l, vex_w, vsib;
    uint8_t vvvv;
    uint8_t opcode, modrm;
    struct insn *insn;
};

struct operand_format {
    uint8_t method, type, fixed;
};

static const struct operand_format operand_formats[CODE_COUNT] = {
#define X(code, method, type, fixed) [CODE_##code] = { METHOD_##method, TYPE_##type, fixed },
    OPERAND_CODES(X)
#undef X
};

static const struct opcode_row opcode_row_none = { 0 };

static const uint8_t op_families[OP_COUNT] = {
#define X(mnemonic, family) [OP_##mnemonic] = FAMILY_##family,
    X86_OPS(X)
#undef X
};

static const uint8_t *decoder_take(struct decoder *d, size_t n)
{
    static const uint8_t zeros[8];

    if (UNLIKELY(n > d->available - d->at)) {
        d->over = true;
        return zeros;
    }
    d->at += n;
    return d->bytes + d->at - n;
}

static uint64_t decoder_unsigned(struct decoder *d, unsigned size)
{
    const uint8_t *from = decoder_take(d, size);
    uint64_t value = 0;

    for (unsigned i = size; i-- > 0;) {
        value = value << 8 | from[i];
    }
    return value;
}

static int64_t decoder_signed(struct decoder *d, unsigned size)
{
    unsigned shift = 64 - 8 * size;

    return (int64_t)(decoder_unsigned(d, size) << shift) >> shift;
}

/* ---- prefixes ---- */

/* Take one prefix byte; false when the byte is none. */
static bool decoder_prefix(struct decoder *d, uint8_t byte)
{
    switch (byte) {
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
        if (d->mode.bits != 64) {
            d->segment = byte >> 3 & 3;
        }
        return true;
    case 0x64:
    case 0x65:
        d->segment = byte == 0x64 ? SEG_FS : SEG_GS;
        return true;
    case 0x66:
        d->opsize_prefix = true;
        return true;
    case 0x67:
        d->adsize_prefix = true;
        return true;
    case 0xf0:
        d->lock = true;
        return true;
    case 0xf2:
    case 0xf3:
        d->repeat = byte;
        return true;
    default:
        return false;
    }
}

/* The first byte of the opcode, after all prefixes. A REX counts only right before it. */
static uint8_t decoder_prefixes(struct decoder *d)
{
    for (;;) {
        uint8_t byte = *decoder_take(d, 1);

        if (d->over) {
            return 0;
        }
        if (decoder_prefix(d, byte)) {
            d->rex = 0;
        } else if (d->mode.bits == 64 && (byte & 0xf0) == REX) {
            d->rex = byte;
        } else {
            return byte;
        }
    }
}

/* ---- opcode to row ---- */

static void decoder_modrm(struct decoder *d)
{
    if (!d->have_modrm) {
        d->have_modrm = true;
        d->modrm = *decoder_take(d, 1);
    }
}

static const struct opcode_row *decoder_plane(const struct decoder *d,
                                              const struct opcode_row map[OPCODE_PLANES][256])
{
    unsigned plane = d->repeat == 0xf3   ? PF3
                     : d->repeat == 0xf2 ? PF2
                     : d->opsize_prefix  ? P66
                                         : NP;
    const struct opcode_row *row = &map[plane][d->opcode];

    if (row->how == OPCODE_NONE && map[NP][d->opcode].flags & F_ANY) {
        return &map[NP][d->opcode];
    }
    return row;
}

static bool decoder_is_vex(const struct decoder *d)
{
    /* Elsewhere C4 and C5 with memory are LES and LDS. */
    return (d->opcode & 0xfe) == 0xc4 &&
           (d->mode.bits == 64 || d->at >= d->available || d->bytes[d->at] >= 0xc0);
}

/* The prefix without its first byte, and the opcode. No other prefix but segments and 67 may stand
 * before it. Outside of 64-bit mode there are eight registers. [SDM 2A 2.3] */
static const struct opcode_row *decoder_vex(struct decoder *d)
{
    bool refused = d->lock || d->opsize_prefix || d->repeat != 0 || d->rex != 0;
    uint8_t first = *decoder_take(d, 1), last = first, map = 1;
    unsigned rex = REX | (first & 0x80 ? 0 : REX_R);

    if (d->opcode == 0xc4) {
        last = *decoder_take(d, 1);
        map = first & 0x1f;
        rex |= (first & 0x40 ? 0 : REX_X) | (first & 0x20 ? 0 : REX_B) | (last & 0x80 ? REX_W : 0);
    }
    d->vex = true;
    d->vex_w = rex & REX_W;
    d->vex_l = last & 4;
    d->vvvv = ~last >> 3 & 15;
    d->rex = (uint8_t)rex;
    if (d->mode.bits != 64) {
        d->rex = 0;
    }
    d->opcode = *decoder_take(d, 1);
    if (refused || map < 1 || map > 3) {
        return &opcode_row_none;
    }
    return &(map == 1   ? opcode_map_vex_0f
             : map == 2 ? opcode_map_vex_0f38
                        : opcode_map_vex_0f3a)[last & 3][d->opcode];
}

static const struct opcode_row *decoder_map(struct decoder *d)
{
    d->opcode = decoder_prefixes(d);
    if (decoder_is_vex(d)) {
        return decoder_vex(d);
    }
    if (d->opcode != 0x0f) {
        return d->opcode == 0x63 && d->mode.bits == 64 ? &opcode_row_63_64bit
                                                       : &opcode_map_one_byte[d->opcode];
    }
    d->opcode = *decoder_take(d, 1);
    if (d->opcode == 0x38) {
        d->opcode = *decoder_take(d, 1);
        return decoder_plane(d, opcode_map_0f38);
    }
    if (d->opcode == 0x3a) {
        d->opcode = *decoder_take(d, 1);
        return decoder_plane(d, opcode_map_0f3a);
    }
    return decoder_plane(d, opcode_map_0f);
}

/* Follow what ModRM selects down to a row of an instruction, or to OPCODE_NONE. */
static const struct opcode_row *decoder_row(struct decoder *d)
{
    const struct opcode_row *row = decoder_map(d);

    while (row->how > OPCODE_INSN) {
        decoder_modrm(d);
        unsigned reg = d->modrm >> 3 & 7;
        bool is_register = d->modrm >= 0xc0;

        if (row->how == OPCODE_GROUP) {
            row = &opcode_groups[row->op][reg + (is_register ? 8 : 0)];
        } else if (row->how == OPCODE_PAIR) {
            row = &opcode_pairs[row->op][is_register];
        } else if (row->how == OPCODE_RM) {
            row = &opcode_rms[row->op][d->modrm & 7];
        } else if (is_register) {
            row = &opcode_x87_register[d->opcode & 7][d->modrm & 0x3f];
        } else {
            row = &opcode_x87_memory[d->opcode & 7][reg];
        }
    }
    return row;
}

/* ---- sizes ---- */

/* Of VEX: does the row name vector registers? Else it is one of general registers. */
static bool row_is_vector(const struct opcode_row *row)
{
    return op_families[row->op] != FAMILY_BMI;
}

static uint8_t decoder_opsize(const struct decoder *d, const struct opcode_row *row)
{
    unsigned first = row->operand[0];

    if (d->vex) {
        return row_is_vector(row) ? (d->vex_l ? 32 : 16) : (d->rex & REX_W ? 8 : 4);
    }

    if (row->flags & F_BYTE ||
        (operand_formats[first].type == TYPE_B && operand_formats[first].method != METHOD_I &&
         operand_formats[first].method != METHOD_J)) {
        return 1;
    }
    if (d->mode.bits != 64) {
        return (d->mode.bits == 16) != d->opsize_prefix ? 2 : 4;
    }
    if (d->rex & REX_W || row->flags & F_F64) {
        return 8;
    }
    return d->opsize_prefix ? 2 : row->flags & F_D64 ? 8 : 4;
}

static uint8_t decoder_adsize(const struct decoder *d)
{
    if (d->mode.bits == 64) {
        return d->adsize_prefix ? 4 : 8;
    }
    return (d->mode.bits == 16) != d->adsize_prefix ? 2 : 4;
}

static uint8_t decoder_size(const struct decoder *d, unsigned type, bool is_register)
{
    uint8_t opsize = d->insn->opsize;
    bool wide = d->rex & REX_W;
    bool mode64 = d->mode.bits == 64;

    switch (type) {
    case TYPE_B:
        return 1;
    case TYPE_W:
        return 2;
    case TYPE_D:
        return 4;
    case TYPE_Q:
        return 8;
    case TYPE_DQ:
        return 16;
    case TYPE_T:
        return 10;
    case TYPE_V:
        return opsize;
    case TYPE_Z:
        return opsize == 8 ? 4 : opsize;
    case TYPE_Y:
        return wide ? 8 : 4;
    case TYPE_N:
        return mode64 ? 8 : 4;
    case TYPE_A:
        return (uint8_t)(2 * opsize);
    case TYPE_P:
        return (uint8_t)(opsize + 2);
    case TYPE_S:
        return mode64 ? 10 : 6;
    case TYPE_YY:
        return wide ? 16 : 8;
    case TYPE_VW:
        return is_register ? opsize : 2;
    case TYPE_DB:
        return is_register ? 4 : 1;
    case TYPE_DW:
        return is_register ? 4 : 2;
    case TYPE_X:
        return d->vex_l ? 32 : 16;
    case TYPE_XH:
        return d->vex_l ? 16 : 8;
    case TYPE_XQ:
        return d->vex_l ? 8 : 4;
    case TYPE_XE:
        return d->vex_l ? 4 : 2;
    case TYPE_XD:
        return d->vex_l ? 32 : is_register ? 16 : 8;
    case TYPE_QQ:
        return 32;
    case TYPE_XW:
        return d->vex_w && d->vex_l ? 32 : 16;
    case TYPE_EW:
        return d->vex_w ? 8 : 4;
    case TYPE_ENV:
        return opsize == 2 ? 14 : 28;
    case TYPE_FP:
        return opsize == 2 ? 94 : 108;
    default:
        return 0;
    }
}

/* ---- memory operands ---- */

static void decoder_segment(struct decoder *d, bool stack_base)
{
    struct insn *insn = d->insn;

    insn->segment = d->segment != SEGMENT_NONE ? d->segment : stack_base ? SEG_SS : SEG_DS;
    if (insn->segment == SEG_SS) {
        insn->flags |= INSN_STACK_SEGMENT;
    }
    /* CS too: code segments cannot be written. */
    if (d->mode.bits != 64 &&
        (!d->mode.flat || insn->segment >= SEG_FS || insn->segment == SEG_CS)) {
        insn->flags |= INSN_SEGMENTED;
    }
}

static void decoder_memory_16(struct decoder *d)
{
    static const uint8_t bases[8] = { REG_RBX, REG_RBX, REG_RBP, REG_RBP,
                                      REG_RSI, REG_RDI, REG_RBP, REG_RBX };
    static const uint8_t indices[8] = { REG_RSI,  REG_RDI,  REG_RSI,  REG_RDI,
                                        REG_ZERO, REG_ZERO, REG_ZERO, REG_ZERO };
    struct insn *insn = d->insn;
    unsigned mod = d->modrm >> 6, rm = d->modrm & 7;

    insn->base = bases[rm];
    insn->index = indices[rm];
    if (mod == 0 && rm == 6) {
        insn->base = REG_ZERO;
        insn->disp = (int64_t)decoder_unsigned(d, 2);
    } else if (mod != 0) {
        insn->disp = decoder_signed(d, mod);
    }
    decoder_segment(d, insn->base == REG_RBP);
}

static void decoder_memory_32(struct decoder *d)
{
    struct insn *insn = d->insn;
    unsigned mod = d->modrm >> 6, rm = d->modrm & 7;
    bool no_base = mod == 0 && rm == 5;

    d->bad |= d->vsib && rm != 4;
    if (rm == 4) {
        uint8_t sib = *decoder_take(d, 1);
        unsigned index = (sib >> 3 & 7) | (d->rex & REX_X ? 8 : 0);

        rm = sib & 7;
        no_base = mod == 0 && rm == 5;
        if (index != REG_RSP || d->vsib) {
            insn->index = (uint8_t)index;
            insn->scale_log2 = sib >> 6;
        }
        insn->base = (uint8_t)(rm | (d->rex & REX_B ? 8 : 0));
        if (no_base) {
            insn->base = REG_ZERO;
        }
    } else if (no_base) {
        insn->base = d->mode.bits == 64 ? REG_RIP : REG_ZERO;
    } else {
        insn->base = (uint8_t)(rm | (d->rex & REX_B ? 8 : 0));
    }
    if (mod == 1) {
        insn->disp = decoder_signed(d, 1);
    } else if (mod == 2 || no_base) {
        insn->disp = decoder_signed(d, 4);
    }
    decoder_segment(d, insn->base == REG_RSP || insn->base == REG_RBP);
}

/* ---- operands ---- */

static uint8_t decoder_gpr(const struct decoder *d, unsigned n, unsigned size)
{
    return (uint8_t)(size == 1 && d->rex == 0 && n >= 4 ? 16 | (n - 4) : n);
}

static void operand_set(struct insn *insn, unsigned i, enum operand_kind kind, unsigned n)
{
    insn->kind[i] = (uint8_t)kind;
    insn->n[i] = (uint8_t)n;
}

/* The r/m operand: a register of `kind`, or memory. */
static void operand_rm(struct decoder *d, unsigned i, enum operand_kind kind, unsigned type)
{
    struct insn *insn = d->insn;
    unsigned rm = (d->modrm & 7) | (d->rex & REX_B ? 8 : 0);
    bool is_register = d->modrm >= 0xc0;

    insn->size[i] = decoder_size(d, type, is_register);
    if (!is_register) {
        operand_set(insn, i, OPERAND_MEM, 0);
    } else if (kind == OPERAND_NONE) {
        d->bad = true;
    } else if (kind == OPERAND_GPR) {
        operand_set(insn, i, kind, decoder_gpr(d, rm, insn->size[i]));
    } else {
        operand_set(insn, i, kind, kind == OPERAND_MMX ? rm & 7 : rm);
    }
}

/* The r/m operand of forms that exist with a register only. */
static void operand_register_rm(struct decoder *d, unsigned i, enum operand_kind kind,
                                unsigned type)
{
    if (d->modrm < 0xc0) {
        d->bad = true;
        return;
    }
    operand_rm(d, i, kind, type);
}

static bool control_register_exists(unsigned n)
{
    return n == 0 || n == 2 || n == 3 || n == 4 || n == 8;
}

static void operand_reg(struct decoder *d, unsigned i, unsigned method)
{
    struct insn *insn = d->insn;
    unsigned low = d->modrm >> 3 & 7;
    unsigned n = low | (d->rex & REX_R ? 8 : 0);

    switch (method) {
    case METHOD_C:
        d->bad |= !control_register_exists(n);
        operand_set(insn, i, OPERAND_CR, n);
        break;
    case METHOD_D:
        d->bad |= n > 7;
        operand_set(insn, i, OPERAND_DR, n);
        break;
    case METHOD_G:
        operand_set(insn, i, OPERAND_GPR, decoder_gpr(d, n, insn->size[i]));
        break;
    case METHOD_P:
        operand_set(insn, i, OPERAND_MMX, low);
        break;
    case METHOD_S:
        d->bad |= low >= SEG_COUNT || (i == 0 && low == SEG_CS);
        operand_set(insn, i, OPERAND_SEG, low);
        break;
    default:
        operand_set(insn, i, OPERAND_XMM, n);
        break;
    }
}

static void operand_immediate(struct decoder *d, unsigned i, unsigned method, unsigned size)
{
    struct insn *insn = d->insn;

    operand_set(insn, i, method == METHOD_J ? OPERAND_REL : OPERAND_IMM, 0);
    switch (method) {
    case METHOD_I:
        insn->imm = decoder_unsigned(d, size);
        break;
    case METHOD_IS:
        insn->imm = (uint64_t)decoder_signed(d, size == 8 ? 4 : size);
        break;
    case METHOD_IB:
        insn->imm = (uint64_t)decoder_signed(d, 1);
        break;
    case METHOD_J:
        insn->imm = (uint64_t)decoder_signed(d, size);
        insn->size[i] = insn->opsize;
        break;
    case METHOD_ONE:
        insn->imm = 1;
        break;
    default:
        operand_set(insn, i, OPERAND_NONE, 0);
        insn->size[i] = 0;
        insn->imm2 = (uint16_t)decoder_unsigned(d, size);
        break;
    }
}

/* The highest register number. */
static unsigned vex_registers(const struct decoder *d)
{
    return d->mode.bits == 64 ? 15 : 7;
}

static void decoder_operand(struct decoder *d, unsigned i, struct operand_format format)
{
    struct insn *insn = d->insn;

    insn->size[i] = decoder_size(d, format.type, true);
    switch (format.method) {
    case METHOD_NONE:
        break;
    case METHOD_E:
        operand_rm(d, i, OPERAND_GPR, format.type);
        break;
    case METHOD_M:
    case METHOD_MV:
        operand_rm(d, i, OPERAND_NONE, format.type);
        break;
    case METHOD_Q:
        operand_rm(d, i, OPERAND_MMX, format.type);
        break;
    case METHOD_W:
        operand_rm(d, i, OPERAND_XMM, format.type);
        break;
    case METHOD_R:
        operand_register_rm(d, i, OPERAND_GPR, format.type);
        break;
    case METHOD_N:
        operand_register_rm(d, i, OPERAND_MMX, format.type);
        break;
    case METHOD_U:
        operand_register_rm(d, i, OPERAND_XMM, format.type);
        break;
    case METHOD_B:
        operand_set(insn, i, OPERAND_GPR, d->vvvv & vex_registers(d));
        break;
    case METHOD_H:
        operand_set(insn, i, OPERAND_XMM, d->vvvv & vex_registers(d));
        break;
    case METHOD_L:
        operand_set(insn, i, OPERAND_XMM, (unsigned)decoder_unsigned(d, 1) >> 4 & vex_registers(d));
        break;
    case METHOD_ANY_R:
        operand_set(insn, i, OPERAND_GPR, (d->modrm & 7u) | (d->rex & REX_B ? 8u : 0u));
        break;
    case METHOD_C:
    case METHOD_D:
    case METHOD_G:
    case METHOD_P:
    case METHOD_S:
    case METHOD_V:
        operand_reg(d, i, format.method);
        break;
    case METHOD_Z:
        operand_set(insn, i, OPERAND_GPR,
                    decoder_gpr(d, (d->opcode & 7u) | (d->rex & REX_B ? 8u : 0u), insn->size[i]));
        break;
    case METHOD_REG:
        operand_set(insn, i, OPERAND_GPR, format.fixed);
        break;
    case METHOD_SREG:
        operand_set(insn, i, OPERAND_SEG, format.fixed);
        break;
    case METHOD_ST0:
        operand_set(insn, i, OPERAND_ST, 0);
        break;
    case METHOD_STI:
        operand_set(insn, i, OPERAND_ST, d->modrm & 7);
        break;
    case METHOD_A:
        operand_set(insn, i, OPERAND_FAR, 0);
        insn->imm = decoder_unsigned(d, insn->opsize);
        insn->imm2 = (uint16_t)decoder_unsigned(d, 2);
        break;
    case METHOD_O:
        operand_set(insn, i, OPERAND_MEM, 0);
        insn->disp = (int64_t)decoder_unsigned(d, insn->adsize);
        decoder_segment(d, false);
        break;
    default:
        operand_immediate(d, i, format.method, insn->size[i]);
        break;
    }
}

static bool method_has_modrm(unsigned method)
{
    switch (method) {
    case METHOD_NONE:
    case METHOD_A:
    case METHOD_B:
    case METHOD_H:
    case METHOD_L:
    case METHOD_I:
    case METHOD_IS:
    case METHOD_IB:
    case METHOD_I2:
    case METHOD_J:
    case METHOD_O:
    case METHOD_Z:
    case METHOD_REG:
    case METHOD_SREG:
    case METHOD_ONE:
        return false;
    default:
        return true;
    }
}

static void decoder_operands(struct decoder *d, const struct opcode_row *row)
{
    bool any_register = row->operand[0] == CODE_Rcn || row->operand[1] == CODE_Rcn;

    for (unsigned i = 0; i < 2; i++) {
        if (method_has_modrm(operand_formats[row->operand[i]].method)) {
            decoder_modrm(d);
        }
    }
    d->vsib = operand_formats[row->operand[1]].method == METHOD_MV;
    if (d->have_modrm && d->modrm < 0xc0 && !any_register) {
        if (d->insn->adsize == 2) {
            d->bad |= d->vsib;
            decoder_memory_16(d);
        } else {
            decoder_memory_32(d);
        }
    }
    for (unsigned i = 0; i < INSN_OPERANDS; i++) {
        decoder_operand(d, i, operand_formats[row->operand[i]]);
    }
}

/* ---- the instruction ---- */

/* VEX.L, VEX.W and VEX.vvvv as the row wants them. */
static bool vex_allowed(const struct decoder *d, const struct opcode_row *row)
{
    bool uses_vvvv = false;

    for (unsigned i = 0; i < INSN_OPERANDS; i++) {
        unsigned method = operand_formats[row->operand[i]].method;

        uses_vvvv |= method == METHOD_B || method == METHOD_H;
    }
    return (uses_vvvv || d->vvvv == 0) && !(row->flags & (d->vex_l ? F_L0 : F_L1)) &&
           !(row->flags & (d->vex_w ? F_W0 : F_W1));
}

static bool row_allowed(const struct decoder *d, const struct opcode_row *row)
{
    unsigned forbidden = d->mode.bits == 64 ? F_NO64 : F_ONLY64;

    if (row->how == OPCODE_NONE || row->flags & forbidden) {
        return false;
    }
    if (d->vex && !vex_allowed(d, row)) {
        return false;
    }
    return !(row->flags & F_NP && (d->opsize_prefix || d->repeat != 0));
}

static void decoder_conditions(struct decoder *d, const struct opcode_row *row)
{
    static const uint8_t fcmov[4] = { 2, 4, 6, 10 };
    struct insn *insn = d->insn;

    if (row->flags & F_COND) {
        insn->imm2 = d->opcode & 15;
    } else if (row->flags & F_FCOND) {
        insn->imm2 = fcmov[d->modrm >> 3 & 3] | (d->opcode & 1);
    } else if ((row->flags & F_W_NEXT && d->rex & REX_W) || (row->flags & F_VW_NEXT && d->vex_w) ||
               (row->flags & F_L_NEXT && d->vex_l)) {
        insn->op++;
    } else if (row->flags & F_NOP && !(d->rex & REX_B)) {
        insn->op = d->repeat == 0xf3 ? OP_PAUSE : OP_NOP;
        memset(insn->kind, OPERAND_NONE, sizeof(insn->kind));
        memset(insn->size, 0, sizeof(insn->size));
        memset(insn->n, 0, sizeof(insn->n));
    }
}

static void insn_begin(const struct decoder *d, struct insn *insn)
{
    memset(insn, 0, sizeof(*insn));
    insn->op = OP_UD;
    insn->base = REG_ZERO;
    insn->index = REG_ZERO;
    insn->segment = SEG_DS;
    insn->opsize = d->mode.bits == 16 ? 2 : 4;
    insn->adsize = decoder_adsize(d);
}

/* Every field of an invalid instruction but op and length is as at the beginning. */
static void insn_invalid(const struct decoder *d, struct insn *insn)
{
    insn_begin(d, insn);
    insn->length = (uint8_t)d->at;
}

static void decoder_flags(struct decoder *d, const struct opcode_row *row)
{
    struct insn *insn = d->insn;

    if (row->flags & (F_REP | F_SEG)) {
        decoder_segment(d, false);
    }
    if (row->flags & F_REP && d->repeat != 0) {
        insn->flags |= d->repeat == 0xf3 ? INSN_REP : INSN_REPNE;
    }
    if (d->rex & REX_W) {
        insn->flags |= INSN_REX_W;
    }
    if (d->opsize_prefix) {
        insn->flags |= INSN_OPSIZE_PREFIX;
    }
    if (d->vex) {
        insn->flags |= INSN_VEX;
        /* Gathers: destination, index and mask are three registers. */
        d->bad |= d->vsib && (insn->n[0] == insn->index || insn->n[0] == insn->n[2] ||
                              insn->index == insn->n[2]);
    }
    if (d->lock) {
        insn->flags |= INSN_LOCK;
        d->bad |= !(row->flags & F_LOCK) || insn->kind[0] != OPERAND_MEM;
    }
}

enum decode_status decode_insn(const uint8_t *bytes, size_t available, struct decode_mode mode,
                               struct insn *insn)
{
    struct decoder d = {
        .bytes = bytes,
        .available = available < INSN_MAX_LENGTH ? available : INSN_MAX_LENGTH,
        .mode = mode,
        .segment = SEGMENT_NONE,
        .insn = insn,
    };
    const struct opcode_row *row = decoder_row(&d);
    bool allowed = row_allowed(&d, row);

    insn_begin(&d, insn);
    if (allowed && !d.over) {
        insn->op = row->op;
        insn->opsize = decoder_opsize(&d, row);
        decoder_operands(&d, row);
        decoder_conditions(&d, row);
        decoder_flags(&d, row);
    }
    if (d.over) {
        insn_invalid(&d, insn);
        return available >= INSN_MAX_LENGTH ? DECODE_TOO_LONG : DECODE_TRUNCATED;
    }
    if (!allowed || d.bad) {
        insn_invalid(&d, insn);
        return DECODE_OK;
    }
    insn->length = (uint8_t)d.at;
    return DECODE_OK;
}
