/* Delivering exceptions and interrupts: IVT, virtual-8086, 16-, 32- and 64-bit gates, double and
 * triple faults. [SDM 3A 6, 20]
 *
 * interrupt_enter does one delivery and raises through core.unwind like an instruction.
 * core_deliver wraps it in an unwind frame of its own and applies the table of double faults to
 * what is raised on the way. Registers change only at the end, so that a fault on the way leaves
 * the interrupted context for the next attempt.
 */
#include "cpu/exec/interrupt.h"

#include <assert.h>

#include "base/bytes.h"
#include "cpu/exec/cpu_trace.h"
#include "cpu/exec/flags.h"
#include "cpu/exec/segment.h"

/* ---- the table of double faults [SDM 3A table 6-5] ---- */

enum fault_class { BENIGN, CONTRIBUTORY, PAGE_FAULT, DOUBLE_FAULT };

static enum fault_class class_of(unsigned vector)
{
    switch (vector) {
    case VECTOR_DE:
    case VECTOR_TS:
    case VECTOR_NP:
    case VECTOR_SS:
    case VECTOR_GP:
        return CONTRIBUTORY;
    case VECTOR_PF:
        return PAGE_FAULT;
    case VECTOR_DF:
        return DOUBLE_FAULT;
    default:
        return BENIGN;
    }
}

static bool is_double_fault(enum fault_class first, enum fault_class second)
{
    return (first == CONTRIBUTORY && second == CONTRIBUTORY) ||
           (first == PAGE_FAULT && (second == CONTRIBUTORY || second == PAGE_FAULT));
}

static bool error_names_selector(unsigned vector)
{
    return vector >= VECTOR_TS && vector <= VECTOR_GP;
}

/* ---- real mode and the virtual interrupt table of VME ---- */

/* Push FLAGS, CS, IP and go to the handler in a table of far pointers. */
static void enter_by_vector_table(struct core *core, gva_t entry, uint16_t flags_image,
                                  const struct interrupt_event *event, uint64_t cleared)
{
    struct cpu_state *state = &core->state;
    struct far_stack stack = far_stack_current(core);
    uint8_t pointer[4];

    if (core_in_v86(core)) {
        far_load(core, entry, pointer, 4, 3);
    } else {
        core_load_system(core, entry, pointer, 4);
    }
    far_stack_push(core, &stack, flags_image, 2);
    far_stack_push(core, &stack, state->seg[SEG_CS].selector, 2);
    far_stack_push(core, &stack, event->rip, 2);
    state->gpr[REG_RSP] = far_stack_pointer(core, &stack);
    segment_load_real(core, SEG_CS, le16_load(pointer + 2));
    state->gpr[REG_RIP] = le16_load(pointer);
    state->rflags_rest &= ~(cleared | FLAG_TF | FLAG_AC | FLAG_RF);
    core_mode_update(core);
}

static void enter_real(struct core *core, const struct interrupt_event *event)
{
    if (event->vector * 4u + 3 > core->state.idtr.limit) {
        core_raise_error(core, VECTOR_GP, event->vector * 8u + SELECTOR_ERROR_IDT);
    }
    enter_by_vector_table(core, core->state.idtr.base + event->vector * 4u, (uint16_t)event->rflags,
                          event, FLAG_IF);
}

/* Does the TSS send this INT n of virtual-8086 mode to the program's own handler? [SDM 3A 20.3.3]
 */
static bool vme_redirects(struct core *core, unsigned vector)
{
    const struct x86_segment *tr = &core->state.tr;
    uint8_t bytes[2];

    if (!(core->state.cr4 & CR4_VME) || (tr->attributes & SEG_TYPE) < SYSTEM_TSS_AVAILABLE ||
        tr->limit < 0x67) {
        return false;
    }
    core_load_system(core, tr->base + 0x66, bytes, 2);
    uint32_t offset = le16_load(bytes);
    if (offset < 32 || offset - 32 + vector / 8 > tr->limit) {
        return false;
    }
    core_load_system(core, tr->base + offset - 32 + vector / 8, bytes, 1);
    return !(bytes[0] >> vector % 8 & 1);
}

static void enter_v86_redirected(struct core *core, const struct interrupt_event *event)
{
    uint16_t image = (uint16_t)event->rflags;

    if (core_iopl(core) == 3) {
        enter_by_vector_table(core, event->vector * 4u, image, event, FLAG_IF);
        return;
    }
    image = (uint16_t)((image & ~FLAG_IF) | FLAG_IOPL);
    if (core->state.rflags_rest & FLAG_VIF) {
        image = (uint16_t)(image | FLAG_IF);
    }
    enter_by_vector_table(core, event->vector * 4u, image, event, FLAG_VIF);
}

/* ---- gates ---- */

struct gate {
    unsigned type;
    uint16_t selector;
    uint64_t offset;
    unsigned ist;
};

static struct gate read_gate(struct core *core, const struct interrupt_event *event)
{
    bool wide = core_in_long(core);
    unsigned size = wide ? 16 : 8;
    uint32_t error = event->vector * 8u + SELECTOR_ERROR_IDT;
    uint8_t bytes[16] = { 0 };

    if (event->vector * size + size - 1 > core->state.idtr.limit) {
        core_raise_error(core, VECTOR_GP, error);
    }
    core_load_system(core, core->state.idtr.base + event->vector * size, bytes, size);
    uint64_t raw = le64_load(bytes);
    struct gate gate = {
        .type = descriptor_type(raw),
        .selector = (uint16_t)(raw >> 16),
        .offset = (raw & 0xffff) | (raw >> 32 & 0xffff0000),
        .ist = wide ? raw >> 32 & 7 : 0,
    };
    bool known = gate.type == SYSTEM_INTERRUPT_GATE || gate.type == SYSTEM_TRAP_GATE ||
                 (!wide && (gate.type == SYSTEM_TASK_GATE || gate.type == SYSTEM_INTERRUPT_GATE16 ||
                            gate.type == SYSTEM_TRAP_GATE16));

    if (!known || (event->software && descriptor_dpl(raw) < core->cpl)) {
        core_raise_error(core, VECTOR_GP, error);
    }
    if (!descriptor_present(raw)) {
        core_raise_error(core, VECTOR_NP, error);
    }
    if (wide) {
        gate.offset |= (uint64_t)le32_load(bytes + 8) << 32;
    } else if (gate.type < 8) {
        gate.offset &= 0xffff;
    }
    return gate;
}

static bool gate_clears_if(const struct gate *gate)
{
    return !(gate->type & 1); /* interrupt gates are even, trap gates odd */
}

/* The handler's code segment, checked; *cpl: the privilege it runs at. */
static uint64_t check_handler(struct core *core, const struct gate *gate, unsigned *cpl)
{
    uint32_t error = gate->selector & 0xfffc;

    if (SELECTOR_NULL(gate->selector)) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    uint64_t raw = descriptor_fetch(core, gate->selector, VECTOR_GP);
    unsigned dpl = descriptor_dpl(raw);
    bool wrong_size = core_in_long(core) && (raw >> 53 & 3) != 1; /* L without D */

    if (!descriptor_is_code(raw) || dpl > core->cpl || wrong_size) {
        core_raise_error(core, VECTOR_GP, error);
    }
    if (!descriptor_present(raw)) {
        core_raise_error(core, VECTOR_NP, error);
    }
    *cpl = descriptor_is_conforming_code(raw) ? core->cpl : dpl;
    if (core_in_v86(core) && *cpl != 0) {
        core_raise_error(core, VECTOR_GP, error);
    }
    return raw;
}

/* The last step: code segment, RIP and flags of the handler. */
static void go_to_handler(struct core *core, const struct gate *gate, uint64_t raw, unsigned cpl)
{
    struct cpu_state *state = &core->state;
    uint8_t bits = core->bits;

    segment_set_cs(core, gate->selector, raw, cpl);
    state->gpr[REG_RIP] = gate->offset;
    state->rflags_rest &=
        ~(FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM | (gate_clears_if(gate) ? FLAG_IF : 0));
    if (bits == 64 && core_in_long(core)) {
        core_privilege_update(core);
    } else {
        core_mode_update(core);
    }
}

static void store_frame(struct core *core, uint64_t sp, const uint64_t *frame, unsigned n,
                        unsigned cpl)
{
    uint8_t bytes[6 * 8];

    for (unsigned i = 0; i < n; i++) {
        le64_store(bytes + 8 * i, frame[i]);
    }
    uint8_t *host = tlb_write(mmu_set(&core->mmu, cpl == 3), sp, n * 8);
    if (LIKELY(host != NULL)) {
        for (unsigned i = 0; i < n; i++) {
            ram_store64(host + 8 * i, frame[i]);
        }
        return;
    }
    far_store(core, sp, bytes, n * 8, cpl);
}

/* IA-32e mode: five or six quadwords on an aligned stack. [SDM 3A 6.14] */
static void enter_long(struct core *core, const struct interrupt_event *event)
{
    struct cpu_state *state = &core->state;
    struct gate gate = read_gate(core, event);
    unsigned cpl;
    uint64_t raw = check_handler(core, &gate, &cpl);
    uint64_t sp = gate.ist != 0      ? tss_stack_long(core, 3 + gate.ist)
                  : cpl != core->cpl ? tss_stack_long(core, cpl)
                                     : state->gpr[REG_RSP];
    uint64_t frame[6];
    unsigned n = 0;

    if (!gva_canonical(sp)) {
        core_raise_error(core, VECTOR_SS, 0);
    }
    if (!gva_canonical(gate.offset)) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    if (event->has_error) {
        frame[n++] = event->error;
    }
    frame[n++] = event->rip;
    frame[n++] = state->seg[SEG_CS].selector;
    frame[n++] = event->rflags;
    frame[n++] = core->bits == 64 ? state->gpr[REG_RSP] : (uint32_t)state->gpr[REG_RSP];
    frame[n++] = state->seg[SEG_SS].selector;
    sp = (sp & ~UINT64_C(15)) - n * 8;
    store_frame(core, sp, frame, n, cpl);
    state->gpr[REG_RSP] = sp;
    if (cpl != core->cpl) {
        segment_set_null(core, SEG_SS, (uint16_t)cpl);
    }
    go_to_handler(core, &gate, raw, cpl);
}

/* The stack of an inner level, from the TSS. */
static struct far_stack inner_stack(struct core *core, unsigned cpl)
{
    uint16_t ss;
    uint32_t sp;

    tss_stack(core, cpl, &ss, &sp);
    if (SELECTOR_NULL(ss)) {
        core_raise_error(core, VECTOR_TS, 0);
    }
    uint64_t raw = segment_check_ss(core, ss, cpl, VECTOR_TS);
    descriptor_access(core, ss, &raw);
    return far_stack_new(segment_of_descriptor(ss, raw), sp, cpl);
}

static void enter_gate(struct core *core, const struct interrupt_event *event, struct gate gate)
{
    static const uint8_t v86_segments[] = { SEG_GS, SEG_FS, SEG_DS, SEG_ES };
    struct cpu_state *state = &core->state;
    unsigned cpl, size = gate.type < 8 ? 2 : 4;
    uint64_t raw = check_handler(core, &gate, &cpl);
    bool inner = cpl != core->cpl, v86 = core_in_v86(core);
    struct far_stack stack = inner ? inner_stack(core, cpl) : far_stack_current(core);

    code_check_offset(core, raw, gate.offset);
    if (v86) {
        for (unsigned n = 0; n < ARRAY_SIZE(v86_segments); n++) {
            far_stack_push(core, &stack, state->seg[v86_segments[n]].selector, size);
        }
    }
    if (inner) {
        far_stack_push(core, &stack, state->seg[SEG_SS].selector, size);
        far_stack_push(core, &stack, state->gpr[REG_RSP], size);
    }
    far_stack_push(core, &stack, event->rflags, size);
    far_stack_push(core, &stack, state->seg[SEG_CS].selector, size);
    far_stack_push(core, &stack, event->rip, size);
    if (event->has_error) {
        far_stack_push(core, &stack, event->error, size);
    }
    if (inner) {
        state->seg[SEG_SS] = stack.ss;
    }
    state->gpr[REG_RSP] = far_stack_pointer(core, &stack);
    if (v86) {
        for (unsigned n = 0; n < ARRAY_SIZE(v86_segments); n++) {
            segment_set_null(core, v86_segments[n], 0);
            state->seg[v86_segments[n]].base = 0;
        }
    }
    go_to_handler(core, &gate, raw, cpl);
}

void interrupt_enter(struct core *core, const struct interrupt_event *event)
{
    if (!(core->state.cr0 & CR0_PE)) {
        enter_real(core, event);
        return;
    }
    if (core_in_long(core)) {
        enter_long(core, event);
        return;
    }
    if (core_in_v86(core) && event->int_n) {
        if (vme_redirects(core, event->vector)) {
            enter_v86_redirected(core, event);
            return;
        }
        if (core_iopl(core) < 3) {
            core_raise_error(core, VECTOR_GP, 0);
        }
    }
    struct gate gate = read_gate(core, event);
    if (gate.type == SYSTEM_TASK_GATE) {
        task_switch(core, &(struct task_switch_request){
                              .kind = TASK_INTERRUPT,
                              .selector = gate.selector,
                              .raw = task_fetch(core, gate.selector, false, VECTOR_GP),
                              .rip = event->rip,
                              .has_error = event->has_error,
                              .error = event->error,
                              .insn_offset = event->insn_offset });
        return;
    }
    enter_gate(core, event, gate);
}

/* ---- delivery ---- */

/* What an exception changes before its handler is looked for. */
static void note_exception(struct core *core, const struct x86_fault *fault, bool int1)
{
    if (fault->vector == VECTOR_PF) {
        core->state.cr2 = fault->address;
    } else if (fault->vector == VECTOR_DB) {
        if (!int1) {
            core->state.dr6 = (core->state.dr6 & ~UINT64_C(0xf)) | fault->address;
        }
        core->state.dr7 &= ~DR7_GD;
    }
}

/* RFLAGS as pushed: faults set RF so that a code breakpoint does not hit again. [SDM 3A 17.3.1.1]
 */
static uint64_t pushed_rflags(const struct core *core, const struct delivery *delivery)
{
    unsigned vector = delivery->fault.vector;
    bool fault = delivery->source == INTERRUPT_EXCEPTION && vector != VECTOR_DF &&
                 vector != VECTOR_MC && vector != VECTOR_BP && vector != VECTOR_OF &&
                 (vector != VECTOR_DB || (delivery->fault.address & DR6_BD));

    return core_rflags(core) | (fault ? FLAG_RF : 0);
}

static void trace_delivery(const struct core *core, const struct delivery *delivery)
{
    const struct x86_fault *fault = &delivery->fault;
    uint64_t rip = core->state.gpr[REG_RIP];

    if (delivery->source == INTERRUPT_EXCEPTION) {
        CPU_TRACE(core, EXCEPTION, fault->vector, fault->error, rip, fault->address);
    } else {
        CPU_TRACE(core, INTERRUPT, fault->vector, delivery->source, rip);
    }
}

/* One attempt: false when it raised (core->fault) or was suspended (*suspended). */
static bool deliver_once(struct core *core, const struct delivery *delivery, bool *suspended)
{
    jmp_buf frame;
    struct interrupt_event event = {
        .vector = delivery->fault.vector,
        .software = delivery->source == INTERRUPT_SOFTWARE,
        .has_error = delivery->fault.has_error && (core->state.cr0 & CR0_PE),
        .error = delivery->fault.error,
        .rflags = pushed_rflags(core, delivery),
        .rip = core->state.gpr[REG_RIP],
    };

    trace_delivery(core, delivery);
    core->unwind = &frame;
    switch (setjmp(frame)) {
    case UNWIND_NONE:
        interrupt_enter(core, &event);
        return true;
    case UNWIND_SUSPEND:
        *suspended = true;
        return false;
    default:
        return false;
    }
}

static bool shut_down(struct core *core, struct x86_fault *first_fault, struct x86_fault first)
{
    CPU_TRACE(core, TRIPLE_FAULT, first.vector, first.address, core->fault.vector,
              core->state.gpr[REG_RIP]);
    *first_fault = first;
    core->state.activity = ACTIVITY_SHUTDOWN;
    return false;
}

bool core_deliver(struct core *core, struct delivery delivery, struct x86_fault *first_fault)
{
    jmp_buf *outer = core->unwind;
    struct x86_fault first = delivery.fault;
    bool suspended = false, ok = true;

    core->event_suspended.valid = false;
    if (delivery.source == INTERRUPT_EXCEPTION || delivery.source == INTERRUPT_INT1) {
        note_exception(core, &delivery.fault, delivery.source == INTERRUPT_INT1);
    }
    while (!deliver_once(core, &delivery, &suspended)) {
        if (suspended) {
            core->event_suspended.valid = true;
            core->event_suspended.source = (uint8_t)delivery.source;
            core->event_suspended.fault = delivery.fault;
            break;
        }
        if (delivery.source != INTERRUPT_SOFTWARE && error_names_selector(core->fault.vector)) {
            core->fault.error |= SELECTOR_ERROR_EXT;
        }
        enum fault_class was =
            delivery.source == INTERRUPT_EXCEPTION ? class_of(delivery.fault.vector) : BENIGN;
        enum fault_class now = class_of(core->fault.vector);

        note_exception(core, &core->fault, false);
        if (was == DOUBLE_FAULT) {
            ok = shut_down(core, first_fault, first);
            break;
        }
        if (was == BENIGN && delivery.source != INTERRUPT_EXCEPTION) {
            first = core->fault; /* the interrupt itself is no fault */
        }
        delivery.source = INTERRUPT_EXCEPTION;
        delivery.fault = is_double_fault(was, now)
                             ? (struct x86_fault){ .vector = VECTOR_DF, .has_error = true }
                             : core->fault;
    }
    core->unwind = outer;
    return ok;
}
