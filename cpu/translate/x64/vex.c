/* Finding the host's encoding of a VEX instruction in the decoder's maps, and writing it. [SDM 2A 2.3] */
#include "cpu/translate/x64/vex.h"

#include "cpu/decode/op_info.h"
#include "cpu/translate/x64/translator.h"

/* ---- the encodings, from the rows of the maps ---- */

static const uint8_t operand_methods[CODE_COUNT] = {
#define X(code, method, type, fixed) [CODE_##code] = METHOD_##method,
    OPERAND_CODES(X)
#undef X
};

static void form_add(struct vex_forms *forms, uint32_t opcode, int8_t extension,
                     const struct opcode_row *row)
{
    unsigned ops = row->flags & (F_W_NEXT | F_VW_NEXT | F_L_NEXT) ? 2 : 1;

    for (unsigned i = 0; i < ops && forms->n + 1 < VEX_FORMS; i++) {
        uint16_t *first = &forms->first[row->op + i];

        forms->form[++forms->n] = (struct vex_form){ opcode, extension, row, *first };
        *first = (uint16_t)forms->n;
    }
}

static void rows_add(struct vex_forms *forms, uint32_t opcode, const struct opcode_row *row)
{
    switch (row->how) {
    case OPCODE_INSN:
        form_add(forms, opcode, -1, row);
        break;
    case OPCODE_PAIR:
        for (unsigned i = 0; i < 2; i++) {
            rows_add(forms, opcode, &opcode_pairs[row->op][i]);
        }
        break;
    case OPCODE_GROUP:
        for (unsigned i = 0; i < 16; i++) {
            const struct opcode_row *member = &opcode_groups[row->op][i];

            if (member->how == OPCODE_INSN) {
                form_add(forms, opcode, (int8_t)(i & 7), member);
            }
        }
        break;
    default:
        break;
    }
}

void vex_forms_list(struct vex_forms *forms)
{
    static const struct {
        const struct opcode_row (*rows)[256];
        uint32_t map;
    } maps[] = {
        { opcode_map_vex_0f, ENC_0F },
        { opcode_map_vex_0f38, ENC_0F38 },
        { opcode_map_vex_0f3a, ENC_0F3A },
    };
    static const uint32_t prefixes[OPCODE_PLANES] = {
        [P66] = ENC_66, [PF3] = ENC_F3, [PF2] = ENC_F2
    };

    for (unsigned map = 0; map < 3; map++) {
        for (unsigned plane = 0; plane < OPCODE_PLANES; plane++) {
            for (unsigned code = 0; code < 256; code++) {
                rows_add(forms, maps[map].map | prefixes[plane] | code,
                         &maps[map].rows[plane][code]);
            }
        }
    }
}

static bool method_takes(unsigned method, unsigned kind)
{
    switch (method) {
    case METHOD_NONE:
        return kind == OPERAND_NONE;
    case METHOD_V:
    case METHOD_H:
    case METHOD_L:
    case METHOD_U:
        return kind == OPERAND_XMM;
    case METHOD_W:
        return kind == OPERAND_XMM || kind == OPERAND_MEM;
    case METHOD_M:
        return kind == OPERAND_MEM;
    case METHOD_G:
    case METHOD_B:
    case METHOD_R:
        return kind == OPERAND_GPR;
    case METHOD_E:
        return kind == OPERAND_GPR || kind == OPERAND_MEM;
    case METHOD_I:
        return kind == OPERAND_IMM;
    default:
        return false;
    }
}

static const struct vex_form *form_of(const struct vex_forms *forms, const struct insn *insn)
{
    for (unsigned n = forms->first[insn->op]; n != 0; n = forms->form[n].next) {
        const struct vex_form *form = &forms->form[n];
        bool fits = true;

        for (unsigned i = 0; i < INSN_OPERANDS; i++) {
            fits = fits && method_takes(operand_methods[form->row->operand[i]], insn->kind[i]);
        }
        if (fits) {
            return form;
        }
    }
    return NULL;
}

/* ---- what runs as it is ---- */

/* Approximations are the interpreter's, on every host the same; elements under masks fault one by one. */
static bool runs_as_it_is(unsigned op)
{
    switch (op) {
    case OP_RCPPS:
    case OP_RCPSS:
    case OP_RSQRTPS:
    case OP_RSQRTSS:
    case OP_MASKMOVPS:
    case OP_MASKMOVPD:
    case OP_PMASKMOVD:
    case OP_PMASKMOVQ:
    case OP_MASKMOVDQU:
    case OP_LDMXCSR:
    case OP_STMXCSR:
        return false;
    default:
        return op < OP_GATHERDPS || op > OP_PGATHERQQ;
    }
}

static bool needs_alignment(unsigned op)
{
    switch (op) {
    case OP_MOVAPS:
    case OP_MOVAPD:
    case OP_MOVDQA:
    case OP_MOVNTPS:
    case OP_MOVNTPD:
    case OP_MOVNTDQ:
    case OP_MOVNTDQA:
        return true;
    default:
        return false;
    }
}

static bool counts_in_rcx(unsigned op)
{
    return op == OP_PCMPESTRI || op == OP_PCMPISTRI;
}

bool emit_vex_fits(const struct vex_forms *forms, const struct insn *insn)
{
    if (!(insn->flags & INSN_VEX) || op_info[insn->op].family == FAMILY_BMI ||
        !runs_as_it_is(insn->op) || form_of(forms, insn) == NULL) {
        return false;
    }
    for (unsigned i = 0; i < INSN_OPERANDS; i++) {
        if (insn->kind[i] == OPERAND_MEM) {
            return emit_address_fits(insn);
        }
    }
    return true;
}

/* ---- writing ---- */

/* What goes where in the encoding. */
struct vex_parts {
    unsigned reg, v, rm;
    bool memory;
    struct host_mem mem;
};

static struct host_mem memory_operand(struct emitter *e, const struct insn *insn, unsigned i)
{
    emit_address(e, insn);
    if (needs_alignment(insn->op)) {
        enc_rr(&e->e, 0xf6 | ENC_BYTE_RM, 1, 0, S_ADDRESS);
        enc_byte(&e->e, insn->size[i] - 1u);
        emit_hand_over(e, 5);
    }
    return emit_check(e, insn->size[i], i == 0);
}

static unsigned register_of(struct emitter *e, const struct insn *insn, unsigned i)
{
    if (insn->kind[i] == OPERAND_XMM) {
        return insn->n[i];
    }
    return i == 0 ? emit_gpr_target(e, insn->n[i], S_DATA) : emit_gpr(e, insn->n[i], S_DATA);
}

static void parts_find(struct emitter *e, const struct insn *insn, const struct vex_form *form,
                       struct vex_parts *parts)
{
    *parts = (struct vex_parts){ .reg = form->extension >= 0 ? (unsigned)form->extension : 0 };
    for (unsigned i = 0; i < INSN_OPERANDS; i++) { /* the check takes the scratch registers */
        if (insn->kind[i] == OPERAND_MEM) {
            parts->memory = true;
            parts->mem = memory_operand(e, insn, i);
        }
    }
    for (unsigned i = 0; i < INSN_OPERANDS; i++) {
        switch (operand_methods[form->row->operand[i]]) {
        case METHOD_V:
        case METHOD_G:
            parts->reg = register_of(e, insn, i);
            break;
        case METHOD_H:
            parts->v = insn->n[i];
            break;
        case METHOD_U:
        case METHOD_W:
        case METHOD_E:
        case METHOD_R:
            parts->rm = insn->kind[i] == OPERAND_MEM ? 0 : register_of(e, insn, i);
            break;
        default:
            break;
        }
    }
}

bool emit_vex(struct emitter *e, const struct insn *insn)
{
    const struct vex_form *form = form_of(&e->translator->vex, insn);
    bool w = insn->flags & INSN_REX_W;
    struct vex_parts parts;

    parts_find(e, insn, form, &parts);
    uint32_t opcode = form->opcode | (insn->opsize == 32 ? ENC_VEX_L : 0);

    if (insn->op == OP_ZEROUPPER || insn->op == OP_ZEROALL) {
        enc_byte(&e->e, 0xc5);
        enc_byte(&e->e, insn->op == OP_ZEROALL ? 0xfc : 0xf8);
        enc_byte(&e->e, 0x77);
        return true;
    }
    if (parts.memory) {
        enc_vex_rm(&e->e, opcode, w, parts.reg, parts.v, parts.mem);
    } else {
        enc_vex_rr(&e->e, opcode, w, parts.reg, parts.v, parts.rm);
    }
    for (unsigned i = 0; i < INSN_OPERANDS; i++) {
        if (form->row->operand[i] == CODE_Lx) {
            enc_byte(&e->e, (unsigned)insn->n[i] << 4);
        } else if (insn->kind[i] == OPERAND_IMM) {
            enc_byte(&e->e, (uint8_t)insn->imm);
        }
    }
    if (counts_in_rcx(insn->op)) {
        enc_mov(&e->e, (unsigned)host_of[REG_RCX], HOST_RCX);
    }
    if (insn->kind[0] == OPERAND_GPR) {
        emit_gpr_done(e, insn->n[0], emit_gpr_target(e, insn->n[0], S_DATA));
    }
    if (op_info[insn->op].flags_written != 0) {
        emit_flags_image(e);
    }
    return true;
}

/* ---- general registers: BMI1, BMI2 ---- */

static uint32_t host_flags_of(unsigned op)
{
    return (uint32_t)(op == OP_BEXTR ? FLAG_CF | FLAG_ZF | FLAG_OF
                                     : FLAG_CF | FLAG_ZF | FLAG_SF | FLAG_OF);
}

/* ANDN and BEXTR clear CF; the others tell of the source or the index by it. */
static void flags_of_result(struct emitter *e, const struct insn *insn)
{
    bool carries = insn->op != OP_ANDN && insn->op != OP_BEXTR;
    uint32_t host = host_flags_of(insn->op);
    struct recipe recipe = { .kind = FLAGS_LOGIC,
                             .size_log2 = insn->size[0] == 8 ? 3 : 2,
                             .a = recipe_gpr(insn->n[0]) };

    emit_flags_set(e, recipe, host);
    if (carries && emit_flags_used(e)) {
        emit_flags_store(e);
        emit_flags_carry(e, host & (uint32_t)~FLAG_CF);
    }
}

bool emit_bmi(struct emitter *e, const struct insn *insn)
{
    const struct vex_form *form = form_of(&e->translator->vex, insn);
    unsigned size = insn->size[0], at[3] = { 0 };
    bool memory = false, flags = op_info[insn->op].flags_written != 0;
    struct host_mem mem = { 0 };

    if (form == NULL) {
        return false;
    }
    for (unsigned i = 0; i < 3; i++) {
        if (insn->kind[i] == OPERAND_MEM) {
            memory = true;
            mem = emit_load_check(e, insn, size);
        }
    }
    for (unsigned i = 1; i < 3; i++) { /* S_ADDRESS has the operand in memory, if there is one */
        unsigned scratch = i == 1 ? S_INDEX : memory ? S_DATA : S_ADDRESS;
        bool written = insn->op == OP_MULX && i == 1;

        if (insn->kind[i] == OPERAND_GPR) {
            at[i] = written ? emit_gpr_target(e, insn->n[i], scratch)
                            : emit_gpr(e, insn->n[i], scratch);
        }
    }
    at[0] = emit_gpr_target(e, insn->n[0], S_DATA);
    unsigned reg = form->extension >= 0 ? (unsigned)form->extension : 0, v = 0, rm = 0;
    for (unsigned i = 0; i < 3; i++) {
        unsigned method = operand_methods[form->row->operand[i]];

        reg = method == METHOD_G ? at[i] : reg;
        v = method == METHOD_B ? at[i] : v;
        rm = method == METHOD_E ? at[i] : rm;
    }
    if (memory) {
        enc_vex_rm(&e->e, form->opcode, size == 8, reg, v, mem);
    } else {
        enc_vex_rr(&e->e, form->opcode, size == 8, reg, v, rm);
    }
    if (insn->op == OP_RORX) {
        enc_byte(&e->e, (uint8_t)insn->imm);
    }
    if (insn->op == OP_MULX) {
        emit_gpr_done(e, insn->n[1], at[1]);
    }
    emit_gpr_done(e, insn->n[0], at[0]);
    if (flags) {
        flags_of_result(e, insn);
    }
    return true;
}

/* LZCNT and TZCNT: CF tells of a source of zero, ZF of the result. */
bool emit_zeros(struct emitter *e, const struct insn *insn)
{
    unsigned size = insn->opsize, n = insn->n[0], source;
    uint32_t opcode = ENC_0F | ENC_F3 | (insn->op == OP_LZCNT ? 0xbdu : 0xbcu);
    struct recipe recipe = { .kind = FLAGS_LOGIC,
                             .size_log2 = size == 8 ? 3 : (uint8_t)(size / 2),
                             .a = recipe_gpr(n) };

    if (insn->kind[1] == OPERAND_MEM) {
        struct host_mem mem = emit_load_check(e, insn, size);

        enc_load(&e->e, size, S_INDEX, mem);
        source = S_INDEX;
    } else {
        source = emit_gpr(e, insn->n[1], S_INDEX);
    }
    unsigned a = size == 2 ? emit_gpr(e, n, S_DATA) : emit_gpr_target(e, n, S_DATA);
    enc_rr(&e->e, opcode, size, a, source);
    emit_gpr_done(e, n, a);
    emit_flags_set(e, recipe, (uint32_t)(FLAG_CF | FLAG_ZF));
    if (emit_flags_used(e)) {
        emit_flags_store(e);
        emit_flags_carry(e, (uint32_t)FLAG_ZF);
    }
    return true;
}
