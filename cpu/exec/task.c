/* Hardware task switches by JMP, CALL, IRET and task gates, 16- and 32-bit TSS. [SDM 3A 7]
 *
 * Until everything that can fault before the switch has been tried, nothing changes. From the
 * commit point on the new task is the current one: faults of its segments are raised with its own
 * registers saved as far as they are loaded.
 */
#include <string.h>

#include "base/bytes.h"
#include "cpu/exec/flags.h"
#include "cpu/exec/interrupt.h"
#include "cpu/exec/segment.h"

/* Where things are in a TSS. [SDM 3A figures 7-2, 7-10] */
struct tss_layout {
    uint8_t length; /* smallest: limit + 1 */
    uint8_t width;  /* of registers */
    uint8_t cr3, eip, eflags, gpr, segments, segment_stride, n_segments, ldt, trap;
};

static const struct tss_layout tss_layout32 = {
    .length = 0x68,
    .width = 4,
    .cr3 = 0x1c,
    .eip = 0x20,
    .eflags = 0x24,
    .gpr = 0x28,
    .segments = 0x48,
    .segment_stride = 4,
    .n_segments = 6,
    .ldt = 0x60,
    .trap = 0x64,
};

static const struct tss_layout tss_layout16 = {
    .length = 0x2c,
    .width = 2,
    .eip = 0x0e,
    .eflags = 0x10,
    .gpr = 0x12,
    .segments = 0x22,
    .segment_stride = 2,
    .n_segments = 4,
    .ldt = 0x2a,
};

enum { TSS_LINK = 0, TSS_BYTES = 0x68 };

static const struct tss_layout *layout_of(unsigned type)
{
    return type >= SYSTEM_TSS_AVAILABLE ? &tss_layout32 : &tss_layout16;
}

static uint32_t tss_field(const struct tss_layout *layout, const uint8_t *tss, unsigned offset)
{
    return layout->width == 4 ? le32_load(tss + offset) : le16_load(tss + offset);
}

uint64_t task_fetch(struct core *core, uint16_t selector, bool busy, unsigned vector)
{
    uint32_t error = selector & 0xfffc;
    uint64_t raw;

    if ((selector & SELECTOR_TI) || SELECTOR_NULL(selector) ||
        !descriptor_read(core, selector, &raw)) {
        core_raise_error(core, vector, error);
    }
    unsigned wanted = busy ? SYSTEM_TSS16_BUSY : SYSTEM_TSS16_AVAILABLE;
    if ((descriptor_type(raw) & ~8u) != wanted) {
        core_raise_error(core, vector, error);
    }
    if (!descriptor_present(raw)) {
        core_raise_error(core, VECTOR_NP, error);
    }
    return raw;
}

/* Fault now if the old TSS cannot be written. */
static void probe_system(struct core *core, gva_t gva, unsigned size)
{
    enum mmu_status status = mmu_probe(&core->mmu, (uint32_t)gva, size, MMU_WRITE | MMU_IMPLICIT);

    if (status != MMU_OK) {
        core_raise_mmu(core, status, false);
    }
}

/* The state of the outgoing task, from EIP to the segments. */
static void save_old_task(struct core *core, uint64_t rip, uint64_t rflags)
{
    const struct cpu_state *state = &core->state;
    const struct tss_layout *layout = layout_of(state->tr.attributes & SEG_TYPE);
    uint8_t image[TSS_BYTES] = { 0 };
    unsigned start = layout->eip;
    unsigned end = layout->segments + (unsigned)layout->n_segments * layout->segment_stride;

    /* The upper halves of the segment fields are reserved: keep what is there. */
    core_load_system(core, state->tr.base + start, image + start, end - start);
    if (layout->width == 4) {
        le32_store(image + layout->eip, (uint32_t)rip);
        le32_store(image + layout->eflags, (uint32_t)rflags);
        for (unsigned n = 0; n < 8; n++) {
            le32_store(image + layout->gpr + 4 * n, (uint32_t)state->gpr[n]);
        }
    } else {
        le16_store(image + layout->eip, (uint16_t)rip);
        le16_store(image + layout->eflags, (uint16_t)rflags);
        for (unsigned n = 0; n < 8; n++) {
            le16_store(image + layout->gpr + 2 * n, (uint16_t)state->gpr[n]);
        }
    }
    for (unsigned n = 0; n < layout->n_segments; n++) {
        le16_store(image + layout->segments + n * layout->segment_stride, state->seg[n].selector);
    }
    core_store_system(core, state->tr.base + start, image + start, end - start);
}

static void set_busy(struct core *core, uint16_t selector, bool busy)
{
    uint64_t raw, bit = (uint64_t)SYSTEM_BUSY_BIT << 40;

    if (descriptor_read(core, selector, &raw)) {
        descriptor_store_type(core, selector, busy ? raw | bit : raw & ~bit);
    }
}

/* ---- the new task's segments: any fault is one of the new task ---- */

static void load_ldt(struct core *core, uint16_t selector)
{
    struct x86_segment *ldtr = &core->state.ldtr;
    uint64_t raw;

    *ldtr = (struct x86_segment){ .selector = selector, .attributes = SEG_UNUSABLE };
    if (SELECTOR_NULL(selector)) {
        return;
    }
    if ((selector & SELECTOR_TI) || !descriptor_read(core, selector, &raw) ||
        descriptor_type(raw) != SYSTEM_LDT || !descriptor_present(raw)) {
        core_raise_error(core, VECTOR_TS, selector & 0xfffc);
    }
    *ldtr = segment_of_descriptor(selector, raw);
}

static void load_code(struct core *core, uint16_t selector)
{
    uint32_t error = selector & 0xfffc;
    unsigned rpl = selector & SELECTOR_RPL;

    if (SELECTOR_NULL(selector)) {
        core_raise_error(core, VECTOR_TS, 0);
    }
    uint64_t raw = descriptor_fetch(core, selector, VECTOR_TS);
    bool level = descriptor_is_conforming_code(raw) ? descriptor_dpl(raw) <= rpl
                                                    : descriptor_dpl(raw) == rpl;

    if (!descriptor_is_code(raw) || !level) {
        core_raise_error(core, VECTOR_TS, error);
    }
    if (!descriptor_present(raw)) {
        core_raise_error(core, VECTOR_NP, error);
    }
    segment_set_cs(core, selector, raw, rpl);
}

static void load_stack(struct core *core, uint16_t selector, unsigned cpl)
{
    if (SELECTOR_NULL(selector)) {
        core_raise_error(core, VECTOR_TS, selector & 0xfffc);
    }
    uint64_t raw = segment_check_ss(core, selector, cpl, VECTOR_TS);

    descriptor_access(core, selector, &raw);
    core->state.seg[SEG_SS] = segment_of_descriptor(selector, raw);
}

static void load_data(struct core *core, unsigned segment, uint16_t selector, unsigned cpl)
{
    uint32_t error = selector & 0xfffc;

    if (SELECTOR_NULL(selector)) {
        return;
    }
    uint64_t raw = descriptor_fetch(core, selector, VECTOR_TS);
    unsigned type = descriptor_type(raw);

    if (!(type & SEG_S) || ((type & SEG_CODE) && !(type & SEG_READABLE)) ||
        (!descriptor_is_conforming_code(raw) &&
         (descriptor_dpl(raw) < cpl || descriptor_dpl(raw) < (selector & SELECTOR_RPL)))) {
        core_raise_error(core, VECTOR_TS, error);
    }
    if (!descriptor_present(raw)) {
        core_raise_error(core, VECTOR_NP, error);
    }
    descriptor_access(core, selector, &raw);
    core->state.seg[segment] = segment_of_descriptor(selector, raw);
}

static void load_segments(struct core *core, const struct tss_layout *layout, const uint8_t *tss)
{
    static const uint8_t data[] = { SEG_DS, SEG_ES, SEG_FS, SEG_GS };
    struct cpu_state *state = &core->state;
    uint16_t selector[SEG_COUNT] = { 0 };

    for (unsigned n = 0; n < SEG_COUNT; n++) {
        if (n < layout->n_segments) {
            selector[n] = le16_load(tss + layout->segments + n * layout->segment_stride);
        }
        segment_set_null(core, n, selector[n]);
        state->seg[n].base = 0;
    }
    if (core_in_v86(core)) {
        for (unsigned n = 0; n < SEG_COUNT; n++) {
            segment_load_real(core, n, selector[n]);
        }
        core_mode_update(core);
        load_ldt(core, le16_load(tss + layout->ldt));
        return;
    }
    core_mode_update(core); /* CPL = RPL of the new CS */
    load_ldt(core, le16_load(tss + layout->ldt));
    load_code(core, selector[SEG_CS]);
    core_mode_update(core);
    load_stack(core, selector[SEG_SS], core->cpl);
    for (unsigned n = 0; n < ARRAY_SIZE(data); n++) {
        load_data(core, data[n], selector[data[n]], core->cpl);
    }
}

/* ---- the switch ---- */

static void load_cr3(struct core *core, uint64_t cr3)
{
    struct cpu_state *state = &core->state;

    if (!(state->cr0 & CR0_PG)) {
        return;
    }
    state->cr3 = cr3;
    mmu_paging_set(&core->mmu, state->cr0, state->cr3, state->cr4, state->efer);
    if (state->cr4 & CR4_PAE) {
        uint64_t pdpte[4];

        /* A reserved bit in a PDPTE is #TS of the new TSS. */
        if (!walk_pdptes_load(core->mmu.space, &core->mmu.paging, cr3, pdpte)) {
            core_raise_error(core, VECTOR_TS, state->tr.selector & 0xfffc);
        }
        memcpy(core->mmu.paging.pdpte, pdpte, sizeof(pdpte));
    }
}

static void load_registers(struct core *core, const struct tss_layout *layout, const uint8_t *tss,
                           const struct task_switch_request *request)
{
    struct cpu_state *state = &core->state;
    uint64_t rflags = tss_field(layout, tss, layout->eflags);

    if (request->kind == TASK_CALL || request->kind == TASK_INTERRUPT) {
        rflags |= FLAG_NT;
    }
    core_rflags_set(core, rflags);
    for (unsigned n = 0; n < 8; n++) {
        uint32_t value = tss_field(layout, tss, layout->gpr + layout->width * n);

        state->gpr[n] = layout->width == 4 ? value : value | 0xffff0000u;
    }
    /* If a fault is raised from now on, the run loop adds the running instruction's offset. */
    state->gpr[REG_RIP] = (uint64_t)tss_field(layout, tss, layout->eip) - request->insn_offset;
}

void task_switch(struct core *core, const struct task_switch_request *request)
{
    struct cpu_state *state = &core->state;
    const struct tss_layout *layout = layout_of(descriptor_type(request->raw));
    const struct tss_layout *old = layout_of(state->tr.attributes & SEG_TYPE);
    uint32_t base = descriptor_base(request->raw);
    uint16_t old_selector = state->tr.selector;
    uint8_t tss[TSS_BYTES] = { 0 };
    uint64_t saved = core_rflags(core);

    if (descriptor_limit(request->raw) < layout->length - 1u) {
        core_raise_error(core, VECTOR_TS, request->selector & 0xfffc);
    }
    core_load_system(core, base, tss, layout->length);
    probe_system(core, state->tr.base, old->length);
    if (request->kind == TASK_CALL || request->kind == TASK_INTERRUPT) {
        probe_system(core, base, 2);
    }
    if (request->kind == TASK_IRET) {
        saved &= ~FLAG_NT;
    }
    if (request->kind == TASK_JMP || request->kind == TASK_IRET) {
        set_busy(core, old_selector, false);
    }
    save_old_task(core, request->rip, saved);
    if (request->kind == TASK_CALL || request->kind == TASK_INTERRUPT) {
        uint8_t link[2];

        le16_store(link, old_selector);
        core_store_system(core, base + TSS_LINK, link, 2);
    }
    if (request->kind != TASK_IRET) {
        set_busy(core, request->selector, true);
    }

    /* The commit point. */
    state->tr = segment_of_descriptor(request->selector, request->raw);
    state->tr.attributes |= SYSTEM_BUSY_BIT;
    state->cr0 |= CR0_TS;
    state->dr7 &= ~UINT64_C(0x155); /* local enables and LE */
    load_registers(core, layout, tss, request);
    if (layout->cr3 != 0) {
        load_cr3(core, le32_load(tss + layout->cr3));
    }
    load_segments(core, layout, tss);
    core_mode_update(core);
    if (request->has_error) {
        struct far_stack stack = far_stack_current(core);

        far_stack_push(core, &stack, request->error, layout->width);
        state->gpr[REG_RSP] = far_stack_pointer(core, &stack);
    }
    if (layout->trap != 0 && (tss[layout->trap] & 1)) {
        core->debug_pending |= DR6_BT;
        core->attention = true;
    }
    state->gpr[REG_RIP] += request->insn_offset;
    if (!core_in_v86(core) && state->gpr[REG_RIP] > state->seg[SEG_CS].limit) {
        state->gpr[REG_RIP] -= request->insn_offset;
        core_raise_error(core, VECTOR_GP, 0);
    }
}
