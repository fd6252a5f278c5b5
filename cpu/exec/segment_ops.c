/* Instructions on segment registers, descriptor tables and selectors. [SDM 2 LAR, LGDT, LLDT, LSL,
 * LTR, MOV, VERR]
 */
#include "base/bytes.h"
#include "cpu/exec/flags.h"
#include "cpu/exec/operand.h"
#include "cpu/exec/segment.h"
#include "cpu/exec/system.h"

static void set_zf(struct core *core, bool zf)
{
    flags_set(core, (flags_get(core) & ~FLAG_ZF) | (zf ? FLAG_ZF : 0));
}

/* ---- MOV, PUSH, POP, LDS... ---- */

static void loaded(struct core *core, unsigned segment)
{
    segment_loaded(core, segment);
    if (segment == SEG_SS) {
        core->state.shadow = SHADOW_MOV_SS;
        core->attention = true;
    }
}

void system_mov_seg(struct core *core, const struct insn *insn)
{
    unsigned segment;

    if (insn->kind[0] != OPERAND_SEG) {
        operand_write(core, insn, 0, insn->size[0], core->state.seg[insn->n[1]].selector);
        return;
    }
    segment = insn->n[0];
    if (segment == SEG_CS || segment >= SEG_COUNT) {
        core_raise(core, VECTOR_UD);
    }
    segment_load(core, segment, (uint16_t)operand_read(core, insn, 1, 2));
    loaded(core, segment);
}

/* With 32-bit operand size only the selector's two bytes are written, as Atom and Core processors
 * do. [SDM 2B PUSH] */
void system_push_seg(struct core *core, const struct insn *insn)
{
    uint64_t sp = stack_moved(core, 0 - (uint64_t)insn->opsize);

    stack_store(core, sp, insn->opsize == 8 ? 8 : 2, core->state.seg[insn->n[0]].selector);
    stack_set(core, sp);
}

void system_pop_seg(struct core *core, const struct insn *insn)
{
    uint64_t sp = stack_moved(core, insn->opsize);
    uint16_t selector = (uint16_t)stack_load(core, stack_moved(core, 0), insn->opsize);

    segment_load(core, insn->n[0], selector);
    stack_set(core, sp);
    loaded(core, insn->n[0]);
}

void system_load_far_pointer(struct core *core, const struct insn *insn)
{
    static const uint8_t segment_of[] = { [OP_LDS - OP_LDS] = SEG_DS,
                                          [OP_LES - OP_LDS] = SEG_ES,
                                          [OP_LFS - OP_LDS] = SEG_FS,
                                          [OP_LGS - OP_LDS] = SEG_GS,
                                          [OP_LSS - OP_LDS] = SEG_SS };
    unsigned segment = segment_of[insn->op - OP_LDS], size = insn->opsize;
    uint8_t bytes[16] = { 0 };
    gva_t gva = insn_linear(core, insn, size + 2, MMU_READ);

    core_load_far_pointer(core, gva, bytes, size, insn_is_stack(insn));
    segment_load(core, segment, le16_load(bytes + size));
    gpr_write(core, insn->n[0], size, le64_load(bytes) & size_mask(size));
    segment_loaded(core, segment);
}

/* ---- GDTR, IDTR ---- */

static struct x86_table load_table(struct core *core, const struct insn *insn)
{
    unsigned size = core->bits == 64 ? 10 : 6;
    uint8_t bytes[10] = { 0 };

    core_load(core, insn_linear(core, insn, size, MMU_READ), bytes, size, insn_is_stack(insn));
    struct x86_table table = { .limit = le16_load(bytes) };
    if (core->bits == 64) {
        table.base = le64_load(bytes + 2);
        if (!gva_canonical(table.base)) {
            core_raise_error(core, VECTOR_GP, 0);
        }
    } else {
        table.base = le32_load(bytes + 2) & (insn->opsize == 2 ? 0xffffff : UINT32_MAX);
    }
    return table;
}

void system_lgdt(struct core *core, const struct insn *insn)
{
    core->state.gdtr = load_table(core, insn);
}

void system_lidt(struct core *core, const struct insn *insn)
{
    core->state.idtr = load_table(core, insn);
}

static void store_table(struct core *core, const struct insn *insn, const struct x86_table *table)
{
    unsigned size = core->bits == 64 ? 10 : 6;
    uint8_t bytes[10];

    le16_store(bytes, table->limit);
    le64_store(bytes + 2, table->base);
    core_store(core, insn_linear(core, insn, size, MMU_WRITE), bytes, size, insn_is_stack(insn));
}

void system_sgdt(struct core *core, const struct insn *insn)
{
    store_table(core, insn, &core->state.gdtr);
}

void system_sidt(struct core *core, const struct insn *insn)
{
    store_table(core, insn, &core->state.idtr);
}

/* ---- LDTR, TR ---- */

/* An LDT or TSS descriptor as a segment register; 16 bytes in IA-32e mode. */
static struct x86_segment system_segment(struct core *core, uint16_t selector, uint64_t raw)
{
    struct x86_segment segment = segment_of_descriptor(selector, raw);
    uint64_t upper;

    if (core_in_long(core)) {
        if (!descriptor_read_upper(core, selector, &upper) || (upper >> 40 & 0x1f)) {
            core_raise_error(core, VECTOR_GP, selector & 0xfffc);
        }
        segment.base |= upper << 32;
        if (!gva_canonical(segment.base)) {
            core_raise_error(core, VECTOR_GP, selector & 0xfffc);
        }
    }
    return segment;
}

void system_lldt(struct core *core, const struct insn *insn)
{
    uint16_t selector = (uint16_t)operand_read(core, insn, 0, 2);
    uint32_t error = selector & 0xfffc;

    if (SELECTOR_NULL(selector)) {
        core->state.ldtr = (struct x86_segment){ .selector = selector, .attributes = SEG_UNUSABLE };
        return;
    }
    if (selector & SELECTOR_TI) {
        core_raise_error(core, VECTOR_GP, error);
    }
    uint64_t raw = descriptor_fetch(core, selector, VECTOR_GP);
    if (descriptor_type(raw) != SYSTEM_LDT) {
        core_raise_error(core, VECTOR_GP, error);
    }
    if (!descriptor_present(raw)) {
        core_raise_error(core, VECTOR_NP, error);
    }
    core->state.ldtr = system_segment(core, selector, raw);
}

void system_ltr(struct core *core, const struct insn *insn)
{
    uint16_t selector = (uint16_t)operand_read(core, insn, 0, 2);
    uint32_t error = selector & 0xfffc;

    if (SELECTOR_NULL(selector) || (selector & SELECTOR_TI)) {
        core_raise_error(core, VECTOR_GP, error);
    }
    uint64_t raw = descriptor_fetch(core, selector, VECTOR_GP);
    unsigned type = descriptor_type(raw);
    if (type != SYSTEM_TSS_AVAILABLE && (type != SYSTEM_TSS16_AVAILABLE || core_in_long(core))) {
        core_raise_error(core, VECTOR_GP, error);
    }
    if (!descriptor_present(raw)) {
        core_raise_error(core, VECTOR_NP, error);
    }
    raw |= (uint64_t)SYSTEM_BUSY_BIT << 40;
    struct x86_segment tr = system_segment(core, selector, raw);
    descriptor_store_type(core, selector, raw);
    core->state.tr = tr;
}

void system_sldt(struct core *core, const struct insn *insn)
{
    operand_write(core, insn, 0, insn->size[0], core->state.ldtr.selector);
}

void system_str(struct core *core, const struct insn *insn)
{
    operand_write(core, insn, 0, insn->size[0], core->state.tr.selector);
}

/* ---- LAR, LSL, VERR, VERW, ARPL ---- */

/* System types that LAR and LSL accept, in and outside IA-32e mode: bit n for type n. */
enum {
    LAR_LEGACY = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 9 | 1 << 11 | 1 << 12,
    LAR_LONG = 1 << 2 | 1 << 9 | 1 << 11 | 1 << 12,
    LSL_LEGACY = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 9 | 1 << 11,
    LSL_LONG = 1 << 2 | 1 << 9 | 1 << 11,
};

/* The descriptor, if it exists and is visible at CPL and RPL. */
static bool visible(struct core *core, uint16_t selector, uint64_t *raw)
{
    if (SELECTOR_NULL(selector) || !descriptor_read(core, selector, raw)) {
        return false;
    }
    unsigned dpl = descriptor_dpl(*raw);

    return descriptor_is_conforming_code(*raw) ||
           (dpl >= core->cpl && dpl >= (selector & SELECTOR_RPL));
}

static bool type_among(uint64_t raw, unsigned system_types)
{
    return (descriptor_type(raw) & SEG_S) || (system_types >> descriptor_type(raw) & 1);
}

void system_lar(struct core *core, const struct insn *insn)
{
    uint16_t selector = (uint16_t)operand_read(core, insn, 1, 2);
    uint64_t raw;
    bool ok = visible(core, selector, &raw) &&
              type_among(raw, core_in_long(core) ? LAR_LONG : LAR_LEGACY);

    if (ok) {
        gpr_write(core, insn->n[0], insn->opsize,
                  raw >> 32 & (insn->opsize == 2 ? 0xff00 : 0xf0ff00));
    }
    set_zf(core, ok);
}

void system_lsl(struct core *core, const struct insn *insn)
{
    uint16_t selector = (uint16_t)operand_read(core, insn, 1, 2);
    uint64_t raw;
    bool ok = visible(core, selector, &raw) &&
              type_among(raw, core_in_long(core) ? LSL_LONG : LSL_LEGACY);

    if (ok) {
        gpr_write(core, insn->n[0], insn->opsize, descriptor_limit(raw));
    }
    set_zf(core, ok);
}

void system_verify(struct core *core, const struct insn *insn)
{
    uint16_t selector = (uint16_t)operand_read(core, insn, 0, 2);
    uint64_t raw;
    bool ok = visible(core, selector, &raw) && (descriptor_type(raw) & SEG_S);

    if (ok && insn->op == OP_VERW) {
        ok = descriptor_is_writable_data(raw);
    } else if (ok) {
        ok = !descriptor_is_code(raw) || (descriptor_type(raw) & SEG_READABLE);
    }
    set_zf(core, ok);
}

void system_arpl(struct core *core, const struct insn *insn)
{
    uint16_t selector = (uint16_t)operand_read(core, insn, 0, 2);
    uint16_t other = (uint16_t)gpr_read(core, insn->n[1], 2);
    bool raise = (selector & SELECTOR_RPL) < (other & SELECTOR_RPL);

    if (insn->kind[0] == OPERAND_MEM) {
        core_probe_write(core, insn_linear(core, insn, 2, MMU_WRITE), 2, insn_is_stack(insn));
    }
    if (raise) {
        operand_write(core, insn, 0, 2, (selector & ~SELECTOR_RPL) | (other & SELECTOR_RPL));
    }
    set_zf(core, raise);
}
