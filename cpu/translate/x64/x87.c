/* x87 instructions as they are, on the host's FPU. [SDM 1 8; SDM 2]
 *
 * The guest's whole x87 state is loaded when an instruction finds it is not there, and stays until C is called
 * or translated code is left. It is there only with CR0.EM and TS clear, all exceptions masked and none pending, so that
 * none can be raised; else the interpreter executes the instruction. The pointers of the last instruction are kept as sites,
 * which become addresses when the state is taken back. What the processor does not define to the last bit (FSIN ..) is the
 * interpreter's.
 */
#include "cpu/exec/x87.h"
#include "base/bytes.h"
#include "cpu/decode/op_info.h"
#include "cpu/decode/opcode_map.h"
#include "cpu/translate/x64/emit.h"
#include "cpu/translate/x64/translator.h"

enum {
    CONTROL_MASKS = 0x3f,
    CONTROL_KEPT = 0x1f3f, /* as cpu/exec/x87.c keeps it */
    CONTROL_ONE = 0x40,
    STATUS_PENDING = 0x80,
    /* FNSAVE's image of protected mode. */
    IMAGE_STATUS = 4,
    IMAGE_TAGS = 8,
    IMAGE_POINTERS = 12,
    IMAGE_REGISTERS = 28,
};

/* ---- between the core and the FPU ---- */

unsigned translator_x87_load(struct translator *t)
{
    struct core *core = t->core;
    const struct x87_state *x87 = &core->state.x87;
    uint8_t *image = core->translated.x87_image;
    unsigned top = x87_top(x87), tags = 0;

    if (core->mmx_blocked || (x87->status & STATUS_PENDING) ||
        (x87->control & CONTROL_MASKS) != CONTROL_MASKS) {
        return 0;
    }
    le32_store(image, x87->control);
    le32_store(image + IMAGE_STATUS, x87->status);
    for (unsigned i = 0; i < 8; i++) {
        const struct x87_value *value = &x87->reg[(top + i) & 7];
        uint8_t *to = image + IMAGE_REGISTERS + 10 * (size_t)i;

        tags |= x87->valid >> i & 1 ? 0 : 3u << 2 * i; /* the host finds out the rest */
        le64_store(to, value->significand);
        le16_store(to + 8, value->sign_exponent);
    }
    le32_store(image + IMAGE_TAGS, tags);
    for (unsigned i = IMAGE_POINTERS; i < IMAGE_REGISTERS; i += 4) {
        le32_store(image + i, 0);
    }
    core->translated.x87_loaded = true;
    return 1;
}

static uint64_t site_rip(const struct translator *t, const struct site *site)
{
    return site->code->rip + site->code->insn[site->index].offset +
           (site->code->relative ? t->core->translated.x87_distance : 0);
}

static void take_pointers(struct translator *t)
{
    struct core *core = t->core;
    struct x87_state *x87 = &core->state.x87;
    struct core_translated *translated = &core->translated;

    if (translated->x87_site != X87_NO_SITE) {
        x87->instruction = site_rip(t, &t->sites[translated->x87_site]);
        x87->instruction_selector = core->state.seg[SEG_CS].selector;
    }
    if (translated->x87_data_site != X87_NO_SITE) {
        const struct site *site = &t->sites[translated->x87_data_site];
        x87->data = translated->x87_data;
        x87->data_selector = core->state.seg[site->code->insn[site->index].segment].selector;
    }
    translated->x87_site = translated->x87_data_site = X87_NO_SITE;
}

void translator_x87_take(struct translator *t)
{
    struct core *core = t->core;
    struct x87_state *x87 = &core->state.x87;
    const uint8_t *image = core->translated.x87_image;

    if (LIKELY(!core->translated.x87_loaded)) {
        return;
    }
    core->translated.x87_loaded = false;
    x87->control = (uint16_t)((le16_load(image) & CONTROL_KEPT) | CONTROL_ONE);
    x87->status = le16_load(image + IMAGE_STATUS);
    x87->valid = x87_tag_abridge(le16_load(image + IMAGE_TAGS));
    for (unsigned i = 0, top = x87_top(x87); i < 8; i++) {
        const uint8_t *from = image + IMAGE_REGISTERS + 10 * (size_t)i;
        struct x87_value *value = &x87->reg[(top + i) & 7];

        value->significand = le64_load(from);
        value->sign_exponent = le16_load(from + 8);
    }
    take_pointers(t);
}

/* ---- encodings: those of the decoder's maps ---- */

enum { ESCAPE = 0xd8 };

struct encoding {
    uint8_t escape, rest; /* rest: the extension of memory forms, else ModRM */
};

static unsigned type_size(unsigned code)
{
    switch (code) {
    case CODE_Mw:
        return 2;
    case CODE_Md:
        return 4;
    case CODE_Mq:
        return 8;
    case CODE_Mt:
        return 10;
    default:
        return 0;
    }
}

static bool memory_form(const struct insn *insn, struct encoding *to)
{
    for (unsigned i = 0; i < 64; i++) {
        const struct opcode_row *row = &opcode_x87_memory[i >> 3][i & 7];

        if (row->how == OPCODE_INSN && row->op == insn->op &&
            type_size(row->operand[0]) == insn->size[0]) {
            *to = (struct encoding){ (uint8_t)(i >> 3), i & 7 };
            return true;
        }
    }
    return false;
}

/* The ST(i) of a row's operand. */
static bool operand_fits(const struct insn *insn, unsigned k, unsigned code, unsigned i)
{
    switch (code) {
    case CODE_ST0:
        return insn->kind[k] == OPERAND_ST && insn->n[k] == 0;
    case CODE_STi:
        return insn->kind[k] == OPERAND_ST && insn->n[k] == i;
    case CODE_AX:
        return insn->kind[k] == OPERAND_GPR;
    default:
        return insn->kind[k] != OPERAND_ST && insn->kind[k] != OPERAND_GPR;
    }
}

/* FCMOVcc's condition by escape and row. */
static bool condition_fits(const struct insn *insn, unsigned escape, unsigned modrm)
{
    static const uint8_t conditions[2][4] = { { 2, 4, 6, 10 }, { 3, 5, 7, 11 } };

    return insn->op != OP_FCMOVCC || conditions[escape & 1][modrm >> 3 & 3] == insn->imm2;
}

static bool register_form(const struct insn *insn, struct encoding *to)
{
    /* DD D8+i is FSTP; its aliases differ when the stack is empty. */
    for (unsigned escape = insn->op == OP_FSTP ? 5 : 0; escape < 8; escape++) {
        for (unsigned modrm = 0; modrm < 64; modrm++) {
            const struct opcode_row *row = &opcode_x87_register[escape][modrm];

            if (row->how == OPCODE_INSN && row->op == insn->op &&
                operand_fits(insn, 0, row->operand[0], modrm & 7) &&
                operand_fits(insn, 1, row->operand[1], modrm & 7) &&
                condition_fits(insn, escape, modrm)) {
                *to = (struct encoding){ (uint8_t)escape, (uint8_t)(0xc0 | modrm) };
                return true;
            }
        }
    }
    return false;
}

bool emit_x87_fits(const struct insn *insn)
{
    struct encoding encoding;

    if (insn->op == OP_FWAIT) {
        return true;
    }
    if (insn->kind[0] == OPERAND_MEM) {
        return emit_address_fits(insn) && insn->segment < SEG_FS && memory_form(insn, &encoding);
    }
    return register_form(insn, &encoding);
}

/* ---- emitting ---- */

static bool is_x87(const struct insn *insn)
{
    return op_info[insn->op].family == FAMILY_X87;
}

/* Those that leave the pointers alone. */
static bool controls(const struct insn *insn)
{
    return insn->op == OP_FWAIT || insn->op == OP_FLDCW || insn->op == OP_FNSTCW ||
           insn->op == OP_FNSTSW;
}

void emit_x87_flush(struct emitter *e)
{
    if (e->x87_pending != X87_NO_SITE) {
        enc_store_imm(&e->e, 4, CORE_AT(translated.x87_site), (int32_t)e->x87_pending);
        if (e->code->relative) {
            enc_load(&e->e, 8, S_DATA, CORE_AT(translated.distance));
            enc_store(&e->e, 8, CORE_AT(translated.x87_distance), S_DATA);
        }
        e->x87_pending = X87_NO_SITE;
    }
}

void emit_x87_before(struct emitter *e, bool native)
{
    const struct insn *insn = &e->insns[e->i];

    if (!(native && e->x87 && is_x87(insn) && insn->kind[0] != OPERAND_MEM)) {
        emit_x87_flush(e); /* C may be called */
    }
}

void emit_x87_after(struct emitter *e, bool native, unsigned first_cold)
{
    if (native && is_x87(&e->insns[e->i])) {
        return;
    }
    e->x87 = e->x87 && native;
    for (unsigned i = first_cold; i < e->n_cold; i++) {
        e->x87 = e->x87 && e->cold[i].kind != COLD_MISS;
    }
}

/* Check the operand and have the FPU. Where the operand is. */
static struct host_mem x87_memory(struct emitter *e, const struct insn *insn, uint32_t site)
{
    const bool write = insn->op == OP_FST || insn->op == OP_FSTP || insn->op == OP_FIST ||
                       insn->op == OP_FISTP || insn->op == OP_FISTTP || insn->op == OP_FNSTCW ||
                       insn->op == OP_FNSTSW;
    struct host_mem mem;

    if (e->stack.operand[e->i]) {
        emit_x87_have(e);
        if (!controls(insn)) {
            emit_address(e, insn);
            enc_store(&e->e, 8, CORE_AT(translated.x87_data), S_ADDRESS);
        }
        mem = stack_member(e, (int32_t)insn->disp);
    } else {
        emit_address(e, insn);
        if (!controls(insn)) {
            enc_store(&e->e, 8, CORE_AT(translated.scratch), S_ADDRESS);
        }
        mem = emit_check(e, insn->size[0], write);
        e->x87 = false; /* after a miss it is not there */
        emit_x87_have(e);
        if (!controls(insn)) {
            enc_load(&e->e, 8, S_DATA, CORE_AT(translated.scratch));
            enc_store(&e->e, 8, CORE_AT(translated.x87_data), S_DATA);
        }
    }
    if (!controls(insn)) {
        enc_store_imm(&e->e, 4, CORE_AT(translated.x87_data_site), (int32_t)site);
    }
    return mem;
}

/* An unmasked exception is left to the interpreter. */
static void load_control(struct emitter *e, struct host_mem mem)
{
    enc_load(&e->e, 2, S_DATA, mem);
    enc_mov(&e->e, S_INDEX, S_DATA);
    enc_rr(&e->e, 0xf7, 4, 2, S_INDEX); /* NOT */
    enc_rr(&e->e, 0xf6 | ENC_BYTE_RM, 1, 0, S_INDEX);
    enc_byte(&e->e, CONTROL_MASKS);
    emit_hand_over_leave(e, 5);
    enc_alu_ri(&e->e, ENC_AND, 4, S_DATA, CONTROL_KEPT);
    enc_alu_ri(&e->e, ENC_OR, 4, S_DATA, CONTROL_ONE);
    enc_store(&e->e, 2, CORE_AT(translated.scratch), S_DATA);
    enc_rm(&e->e, 0xd9, 4, 5, CORE_AT(translated.scratch));
    e->flags.host = 0;
}

static void emit_memory_form(struct emitter *e, const struct insn *insn, uint32_t site)
{
    struct encoding encoding = { 0 };
    struct host_mem mem = x87_memory(e, insn, site);

    if (insn->op == OP_FLDCW) {
        load_control(e, mem);
        return;
    }
    (void)memory_form(insn, &encoding);
    enc_rm(&e->e, ESCAPE + encoding.escape, 4, encoding.rest, mem);
}

static void emit_register_form(struct emitter *e, const struct insn *insn)
{
    struct encoding encoding = { 0 };

    emit_x87_have(e);
    if (insn->op == OP_FWAIT) {
        return;
    }
    if (insn->op == OP_FCMOVCC) {
        emit_flags_host(e, op_info[OP_FCMOVCC].flags_read);
    }
    (void)register_form(insn, &encoding);
    enc_byte(&e->e, ESCAPE + encoding.escape);
    enc_byte(&e->e, encoding.rest);
    if (op_info[insn->op].flags_written != 0) {
        emit_flags_image(e);
    }
}

bool emit_x87(struct emitter *e, const struct insn *insn)
{
    uint32_t site = X87_NO_SITE;

    if (!controls(insn)) {
        site = translator_site(e->translator, e->code, e->i, 0);
    }
    if (insn->kind[0] == OPERAND_MEM) {
        emit_memory_form(e, insn, site);
    } else {
        emit_register_form(e, insn);
    }
    if (!controls(insn)) {
        e->x87_pending = site;
    }
    return true;
}
