/* Descriptors and segment registers: reading tables, loading with every check, stacks of far
 * transfers. [SDM 3A 3, 5] */
#include "cpu/exec/segment.h"

#include <string.h>

#include "base/bytes.h"

uint32_t descriptor_limit(uint64_t raw)
{
    uint32_t limit = (uint32_t)(raw & 0xffff) | (uint32_t)(raw >> 32 & 0xf0000);

    return raw >> 55 & 1 ? limit << 12 | 0xfff : limit;
}

struct x86_segment segment_of_descriptor(uint16_t selector, uint64_t raw)
{
    return (struct x86_segment){ .base = descriptor_base(raw),
                                 .limit = descriptor_limit(raw),
                                 .attributes = (uint32_t)(raw >> 40) & 0xf0ff,
                                 .selector = selector };
}

/* Linear address of length bytes of a selector's descriptor, or false beyond the table. */
static bool descriptor_address(const struct core *core, uint16_t selector, unsigned last,
                               gva_t *gva)
{
    const struct cpu_state *state = &core->state;
    uint32_t offset = selector & ~7u;

    if (selector & SELECTOR_TI) {
        if ((state->ldtr.attributes & SEG_UNUSABLE) || !(state->ldtr.attributes & SEG_P) ||
            offset + last > state->ldtr.limit) {
            return false;
        }
        *gva = state->ldtr.base + offset;
    } else {
        if (offset + last > state->gdtr.limit) {
            return false;
        }
        *gva = state->gdtr.base + offset;
    }
    return true;
}

bool descriptor_read(struct core *core, uint16_t selector, uint64_t *raw)
{
    uint8_t bytes[8];
    gva_t gva;

    if (!descriptor_address(core, selector, 7, &gva)) {
        return false;
    }
    core_load_system(core, gva, bytes, 8);
    *raw = le64_load(bytes);
    return true;
}

bool descriptor_read_upper(struct core *core, uint16_t selector, uint64_t *raw)
{
    uint8_t bytes[8];
    gva_t gva;

    if (!descriptor_address(core, selector, 15, &gva)) {
        return false;
    }
    core_load_system(core, gva + 8, bytes, 8);
    *raw = le64_load(bytes);
    return true;
}

uint64_t descriptor_fetch(struct core *core, uint16_t selector, unsigned vector)
{
    uint64_t raw;

    if (!descriptor_read(core, selector, &raw)) {
        core_raise_error(core, vector, selector & 0xfffc);
    }
    return raw;
}

void descriptor_store_type(struct core *core, uint16_t selector, uint64_t raw)
{
    uint8_t byte = (uint8_t)(raw >> 40);
    gva_t gva;

    if (descriptor_address(core, selector, 7, &gva)) {
        core_store_system(core, gva + 5, &byte, 1);
    }
}

void descriptor_access(struct core *core, uint16_t selector, uint64_t *raw)
{
    if (!(*raw >> 40 & SEG_ACCESSED)) {
        *raw |= (uint64_t)SEG_ACCESSED << 40;
        descriptor_store_type(core, selector, *raw);
    }
}

/* ---- segment registers ---- */

void segment_load_real(struct core *core, unsigned segment, uint16_t selector)
{
    struct x86_segment *seg = &core->state.seg[segment];

    seg->selector = selector;
    seg->base = (uint64_t)selector << 4;
    if (core_in_v86(core)) {
        seg->limit = 0xffff;
        seg->attributes = SEG_P | 3u << SEG_DPL_SHIFT | SEG_S | SEG_WRITABLE | SEG_ACCESSED;
    } else if (segment == SEG_CS || (seg->attributes & SEG_UNUSABLE)) {
        /* The limit stays as protected mode left it; code is readable and writable. */
        seg->attributes = SEG_P | SEG_S | SEG_WRITABLE | SEG_ACCESSED;
    }
}

uint64_t segment_check_ss(struct core *core, uint16_t selector, unsigned cpl, unsigned vector)
{
    uint32_t error = selector & 0xfffc;
    uint64_t raw = descriptor_fetch(core, selector, vector);

    if ((selector & SELECTOR_RPL) != cpl || !descriptor_is_writable_data(raw) ||
        descriptor_dpl(raw) != cpl) {
        core_raise_error(core, vector, error);
    }
    if (!descriptor_present(raw)) {
        core_raise_error(core, VECTOR_SS, error);
    }
    return raw;
}

void segment_set_null(struct core *core, unsigned segment, uint16_t selector)
{
    struct x86_segment *seg = &core->state.seg[segment];

    seg->selector = selector;
    seg->limit = 0;
    seg->attributes = SEG_UNUSABLE;
}

static uint64_t check_data_segment(struct core *core, uint16_t selector)
{
    uint32_t error = selector & 0xfffc;
    uint64_t raw = descriptor_fetch(core, selector, VECTOR_GP);
    unsigned type = descriptor_type(raw);

    if (!(type & SEG_S) || ((type & SEG_CODE) && !(type & SEG_READABLE))) {
        core_raise_error(core, VECTOR_GP, error);
    }
    if (!descriptor_is_conforming_code(raw) &&
        (descriptor_dpl(raw) < (selector & SELECTOR_RPL) || descriptor_dpl(raw) < core->cpl)) {
        core_raise_error(core, VECTOR_GP, error);
    }
    if (!descriptor_present(raw)) {
        core_raise_error(core, VECTOR_NP, error);
    }
    return raw;
}

void segment_load(struct core *core, unsigned segment, uint16_t selector)
{
    uint64_t raw;

    if (!core_in_protected(core)) {
        segment_load_real(core, segment, selector);
        return;
    }
    if (SELECTOR_NULL(selector)) {
        if (segment == SEG_SS &&
            (core->bits != 64 || core->cpl == 3 || (selector & SELECTOR_RPL) != core->cpl)) {
            core_raise_error(core, VECTOR_GP, 0);
        }
        segment_set_null(core, segment, selector);
        core->state.seg[segment].base = 0;
        return;
    }
    raw = segment == SEG_SS ? segment_check_ss(core, selector, core->cpl, VECTOR_GP)
                            : check_data_segment(core, selector);
    descriptor_access(core, selector, &raw);
    core->state.seg[segment] = segment_of_descriptor(selector, raw);
}

void segment_loaded(struct core *core, unsigned segment)
{
    if (core->bits == 64) {
        if (segment == SEG_FS || segment == SEG_GS) {
            core->seg_base[segment] = core->state.seg[segment].base;
        }
    } else {
        core_mode_update(core);
    }
}

void segment_drop_inner(struct core *core, unsigned cpl)
{
    static const uint8_t data[] = { SEG_ES, SEG_DS, SEG_FS, SEG_GS };

    for (unsigned n = 0; n < ARRAY_SIZE(data); n++) {
        const struct x86_segment *seg = &core->state.seg[data[n]];
        bool conforming =
            (seg->attributes & (SEG_CODE | SEG_CONFORMING)) == (SEG_CODE | SEG_CONFORMING);

        if (!(seg->attributes & SEG_UNUSABLE) && !conforming && segment_dpl(seg) < cpl) {
            segment_set_null(core, data[n], 0);
        }
    }
}

bool segment_limit_allows(const struct x86_segment *segment, uint64_t offset, unsigned size)
{
    uint64_t last = offset + size - 1;

    if ((segment->attributes & (SEG_CODE | SEG_EXPAND_DOWN)) == SEG_EXPAND_DOWN) {
        return offset > segment->limit &&
               last <= (segment->attributes & SEG_DB ? UINT32_MAX : 0xffff);
    }
    return last <= segment->limit;
}

void segment_set_cs(struct core *core, uint16_t selector, uint64_t raw, unsigned cpl)
{
    selector = (uint16_t)((selector & ~SELECTOR_RPL) | cpl);
    descriptor_access(core, selector, &raw);
    core->state.seg[SEG_CS] = segment_of_descriptor(selector, raw);
}

void code_check_offset(struct core *core, uint64_t raw, uint64_t offset)
{
    bool wide = core_in_long(core) && (raw >> 40 & SEG_L);

    if (wide ? !gva_canonical(offset) : offset > descriptor_limit(raw)) {
        core_raise_error(core, VECTOR_GP, 0);
    }
}

/* ---- stacks ---- */

void far_store(struct core *core, gva_t gva, const void *data, unsigned size, unsigned cpl)
{
    struct tlb_set *set = mmu_set(&core->mmu, cpl == 3);
    uint8_t *host = UNLIKELY(core->data_checked) ? NULL : tlb_write(set, gva, size);

    if (LIKELY(host != NULL && size == 8)) {
        ram_store64(host, le64_load(data));
        return;
    }
    if (host != NULL && size == 4) {
        ram_store32(host, le32_load(data));
        return;
    }
    if (UNLIKELY(core->data_checked) && cpl == 3) {
        core_data_check(core, gva, size);
    }
    enum mmu_status status =
        mmu_store(&core->mmu, gva, data, size, MMU_WRITE | (cpl == 3 ? MMU_USER : 0));

    if (UNLIKELY(status != MMU_OK)) {
        core_raise_mmu(core, status, true);
    }
    if (UNLIKELY(core->data_checked)) {
        core_data_breakpoint(core, gva, size, true);
    }
}

void far_load(struct core *core, gva_t gva, void *data, unsigned size, unsigned cpl)
{
    struct tlb_set *set = mmu_set(&core->mmu, cpl == 3);
    const uint8_t *host = UNLIKELY(core->data_checked) ? NULL : tlb_read(set, gva, size);

    if (LIKELY(host != NULL && size == 8)) {
        le64_store(data, ram_load64(host));
        return;
    }
    if (host != NULL && size == 4) {
        le32_store(data, ram_load32(host));
        return;
    }
    if (UNLIKELY(core->data_checked) && cpl == 3) {
        core_data_check(core, gva, size);
    }
    enum mmu_status status =
        mmu_load(&core->mmu, gva, data, size, MMU_READ | (cpl == 3 ? MMU_USER : 0));

    if (UNLIKELY(status != MMU_OK)) {
        core_raise_mmu(core, status, true);
    }
    if (UNLIKELY(core->data_checked)) {
        core_data_breakpoint(core, gva, size, false);
    }
}

static uint64_t mask_of_bits(unsigned bits)
{
    return bits == 64 ? UINT64_MAX : bits == 32 ? UINT32_MAX : 0xffff;
}

struct far_stack far_stack_current(const struct core *core)
{
    uint64_t mask = mask_of_bits(core->stack_bits);

    return (struct far_stack){ .ss = core->state.seg[SEG_SS],
                               .sp = core->state.gpr[REG_RSP] & mask,
                               .mask = mask,
                               .cpl = core->cpl,
                               .wide = core->bits == 64 };
}

struct far_stack far_stack_new(struct x86_segment ss, uint64_t sp, unsigned cpl)
{
    uint64_t mask = ss.attributes & SEG_DB ? UINT32_MAX : 0xffff;

    return (struct far_stack){
        .ss = ss, .sp = sp & mask, .mask = mask, .cpl = (uint8_t)cpl, .error = ss.selector & 0xfffc
    };
}

static gva_t far_stack_linear(struct core *core, const struct far_stack *stack, uint64_t sp,
                              unsigned size)
{
    if (stack->wide) {
        return sp;
    }
    if (!segment_limit_allows(&stack->ss, sp, size)) {
        core_raise_error(core, VECTOR_SS, stack->error);
    }
    return (uint32_t)(stack->ss.base + sp);
}

void far_stack_push(struct core *core, struct far_stack *stack, uint64_t value, unsigned size)
{
    uint64_t sp = (stack->sp - size) & stack->mask;
    uint8_t bytes[8];

    le64_store(bytes, value);
    far_store(core, far_stack_linear(core, stack, sp, size), bytes, size, stack->cpl);
    stack->sp = sp;
}

uint64_t far_stack_pop(struct core *core, struct far_stack *stack, unsigned size)
{
    uint8_t bytes[8] = { 0 };

    far_load(core, far_stack_linear(core, stack, stack->sp, size), bytes, size, stack->cpl);
    stack->sp = (stack->sp + size) & stack->mask;
    return le64_load(bytes);
}

uint64_t far_stack_pointer(const struct core *core, const struct far_stack *stack)
{
    return (core->state.gpr[REG_RSP] & ~stack->mask) | (stack->sp & stack->mask);
}

/* ---- stacks in the TSS ---- */

void tss_stack(struct core *core, unsigned dpl, uint16_t *ss, uint32_t *sp)
{
    const struct x86_segment *tr = &core->state.tr;
    bool wide = (tr->attributes & SEG_TYPE) >= SYSTEM_TSS_AVAILABLE;
    unsigned size = wide ? 4 : 2;
    uint32_t offset = size + dpl * size * 2;
    uint8_t bytes[6];

    if (offset + size + 1 > tr->limit) {
        core_raise_error(core, VECTOR_TS, tr->selector & 0xfffc);
    }
    core_load_system(core, tr->base + offset, bytes, size + 2);
    *sp = wide ? le32_load(bytes) : le16_load(bytes);
    *ss = le16_load(bytes + size);
}

uint64_t tss_stack_long(struct core *core, unsigned slot)
{
    const struct x86_segment *tr = &core->state.tr;
    uint32_t offset = slot < 3 ? 4 + slot * 8 : 0x1c + (slot - 3) * 8; /* IST1 is at 24h */
    uint8_t bytes[8];

    if (offset + 7 > tr->limit) {
        core_raise_error(core, VECTOR_TS, tr->selector & 0xfffc);
    }
    core_load_system(core, tr->base + offset, bytes, 8);
    return le64_load(bytes);
}
