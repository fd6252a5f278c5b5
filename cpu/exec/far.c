/* Far transfers: JMP, CALL, RET, IRET through descriptors and gates, INT n, fast system calls.
 * [SDM 2A CALL, JMP, INT, IRET, RET; 2B SYSCALL, SYSENTER; 3A 5.8]
 */
#include "cpu/exec/cpu_trace.h"
#include "cpu/exec/exec.h"
#include "cpu/exec/flags.h"
#include "cpu/exec/interrupt.h"
#include "cpu/exec/segment.h"

static uint64_t mask_of_size(unsigned size)
{
    return size == 8 ? UINT64_MAX : size == 4 ? UINT32_MAX : 0xffff;
}

/* ---- JMP and CALL ---- */

struct far_target {
    uint16_t selector;
    uint64_t offset;
    unsigned size; /* operand size */
    bool call;
    uint64_t next_rip;
    uint16_t insn_offset;
};

static void far_real(struct core *core, const struct far_target *target)
{
    struct cpu_state *state = &core->state;

    if (target->offset > state->seg[SEG_CS].limit) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    if (target->call) {
        struct far_stack stack = far_stack_current(core);

        far_stack_push(core, &stack, state->seg[SEG_CS].selector, target->size);
        far_stack_push(core, &stack, target->next_rip, target->size);
        state->gpr[REG_RSP] = far_stack_pointer(core, &stack);
    }
    segment_load_real(core, SEG_CS, target->selector);
    state->gpr[REG_RIP] = target->offset;
    core_mode_update(core);
}

/* L and D together are reserved in IA-32e mode. */
static bool code_size_reserved(const struct core *core, uint64_t raw)
{
    return core_in_long(core) && (raw >> 53 & 3) == 3;
}

static void far_to_code(struct core *core, const struct far_target *target, uint64_t raw)
{
    struct cpu_state *state = &core->state;
    uint32_t error = target->selector & 0xfffc;
    unsigned dpl = descriptor_dpl(raw);
    bool level = descriptor_is_conforming_code(raw)
                     ? dpl <= core->cpl
                     : dpl == core->cpl && (target->selector & SELECTOR_RPL) <= core->cpl;

    if (!level || code_size_reserved(core, raw)) {
        core_raise_error(core, VECTOR_GP, error);
    }
    if (!descriptor_present(raw)) {
        core_raise_error(core, VECTOR_NP, error);
    }
    code_check_offset(core, raw, target->offset);
    struct far_stack stack = far_stack_current(core);
    if (target->call) {
        far_stack_push(core, &stack, state->seg[SEG_CS].selector, target->size);
        far_stack_push(core, &stack, target->next_rip, target->size);
    }
    segment_set_cs(core, target->selector, raw, core->cpl);
    state->gpr[REG_RSP] = far_stack_pointer(core, &stack);
    state->gpr[REG_RIP] = target->offset;
    core_mode_update(core);
}

/* What a call gate holds. */
struct call_gate {
    uint16_t selector;
    uint64_t offset;
    unsigned size, parameters;
};

static struct call_gate read_call_gate(struct core *core, uint16_t selector, uint64_t raw)
{
    bool wide = core_in_long(core);
    struct call_gate gate = {
        .selector = (uint16_t)(raw >> 16),
        .offset = (raw & 0xffff) | (raw >> 32 & 0xffff0000),
        .size = wide                                       ? 8
                : descriptor_type(raw) == SYSTEM_CALL_GATE ? 4
                                                           : 2,
        .parameters = raw >> 32 & 0x1f,
    };

    if (wide) {
        uint64_t upper;

        if (!descriptor_read_upper(core, selector, &upper) || (upper >> 40 & 0x1f) != 0) {
            core_raise_error(core, VECTOR_GP, selector & 0xfffc);
        }
        gate.offset |= upper << 32;
        gate.parameters = 0;
    } else if (gate.size == 2) {
        gate.offset &= 0xffff;
    }
    return gate;
}

/* CALL to an inner level: a new stack from the TSS, the old one and the parameters on it. */
static void call_inner(struct core *core, const struct far_target *target,
                       const struct call_gate *gate, uint64_t raw)
{
    struct cpu_state *state = &core->state;
    struct far_stack old = far_stack_current(core), stack;
    unsigned cpl = descriptor_dpl(raw);
    uint64_t parameter[31];

    if (core_in_long(core)) {
        stack = (struct far_stack){
            .ss = { .selector = (uint16_t)cpl, .attributes = SEG_UNUSABLE },
            .sp = tss_stack_long(core, cpl),
            .mask = UINT64_MAX,
            .cpl = (uint8_t)cpl,
            .wide = true,
        };
        if (!gva_canonical(stack.sp)) {
            core_raise_error(core, VECTOR_SS, 0);
        }
    } else {
        uint16_t ss;
        uint32_t sp;

        tss_stack(core, cpl, &ss, &sp);
        if (SELECTOR_NULL(ss)) {
            core_raise_error(core, VECTOR_TS, ss & 0xfffc);
        }
        uint64_t ss_raw = segment_check_ss(core, ss, cpl, VECTOR_TS);
        descriptor_access(core, ss, &ss_raw);
        stack = far_stack_new(segment_of_descriptor(ss, ss_raw), sp, cpl);
    }
    for (unsigned n = 0; n < gate->parameters; n++) {
        parameter[n] = far_stack_pop(core, &old, gate->size);
    }
    far_stack_push(core, &stack, state->seg[SEG_SS].selector, gate->size);
    far_stack_push(core, &stack, state->gpr[REG_RSP], gate->size);
    for (unsigned n = gate->parameters; n-- > 0;) {
        far_stack_push(core, &stack, parameter[n], gate->size);
    }
    far_stack_push(core, &stack, state->seg[SEG_CS].selector, gate->size);
    far_stack_push(core, &stack, target->next_rip, gate->size);
    segment_set_cs(core, gate->selector, raw, cpl);
    state->seg[SEG_SS] = stack.ss;
    state->gpr[REG_RSP] = far_stack_pointer(core, &stack);
}

static void far_through_gate(struct core *core, const struct far_target *target, uint64_t gate_raw)
{
    struct cpu_state *state = &core->state;
    struct call_gate gate = read_call_gate(core, target->selector, gate_raw);
    uint32_t error = gate.selector & 0xfffc;

    if (SELECTOR_NULL(gate.selector)) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    uint64_t raw = descriptor_fetch(core, gate.selector, VECTOR_GP);
    unsigned dpl = descriptor_dpl(raw);
    bool conforming = descriptor_is_conforming_code(raw);
    bool level = conforming || target->call ? dpl <= core->cpl : dpl == core->cpl;

    if (!descriptor_is_code(raw) || !level || (core_in_long(core) && (raw >> 53 & 3) != 1)) {
        core_raise_error(core, VECTOR_GP, error);
    }
    if (!descriptor_present(raw)) {
        core_raise_error(core, VECTOR_NP, error);
    }
    code_check_offset(core, raw, gate.offset);
    if (target->call && !conforming && dpl < core->cpl) {
        call_inner(core, target, &gate, raw);
    } else {
        struct far_stack stack = far_stack_current(core);

        if (target->call) {
            far_stack_push(core, &stack, state->seg[SEG_CS].selector, gate.size);
            far_stack_push(core, &stack, target->next_rip, gate.size);
        }
        segment_set_cs(core, gate.selector, raw, core->cpl);
        state->gpr[REG_RSP] = far_stack_pointer(core, &stack);
    }
    state->gpr[REG_RIP] = gate.offset;
    core_mode_update(core);
}

static void far_to_task(struct core *core, const struct far_target *target, uint16_t selector)
{
    uint64_t raw = task_fetch(core, selector, false, VECTOR_GP);

    task_switch(core, &(struct task_switch_request){ .kind = target->call ? TASK_CALL : TASK_JMP,
                                                     .selector = selector,
                                                     .raw = raw,
                                                     .rip = target->next_rip,
                                                     .insn_offset = target->insn_offset });
}

static void far_through_system(struct core *core, const struct far_target *target, uint64_t raw)
{
    uint32_t error = target->selector & 0xfffc;
    unsigned type = descriptor_type(raw);
    bool wide = core_in_long(core);
    bool gate = type == SYSTEM_CALL_GATE ||
                (!wide && (type == SYSTEM_CALL_GATE16 || type == SYSTEM_TASK_GATE));
    bool tss = !wide && (type == SYSTEM_TSS_AVAILABLE || type == SYSTEM_TSS16_AVAILABLE);

    if ((!gate && !tss) || descriptor_dpl(raw) < core->cpl ||
        descriptor_dpl(raw) < (target->selector & SELECTOR_RPL)) {
        core_raise_error(core, VECTOR_GP, error);
    }
    if (!descriptor_present(raw)) {
        core_raise_error(core, VECTOR_NP, error);
    }
    if (tss) {
        far_to_task(core, target, target->selector);
    } else if (type == SYSTEM_TASK_GATE) {
        far_to_task(core, target, (uint16_t)(raw >> 16));
    } else {
        far_through_gate(core, target, raw);
    }
}

static void far_transfer(struct core *core, const struct insn *insn, bool call)
{
    struct far_target target = { .size = insn->opsize,
                                 .call = call,
                                 .next_rip = insn_next_rip(core, insn),
                                 .insn_offset = insn->offset };

    if (insn->kind[0] == OPERAND_FAR) {
        target.offset = insn->imm & mask_of_size(insn->opsize);
        target.selector = insn->imm2;
    } else {
        bool stack = insn_is_stack(insn);
        gva_t gva = insn_linear(core, insn, insn->opsize + 2u, MMU_READ);
        uint8_t bytes[10] = { 0 };

        core_load_far_pointer(core, gva, bytes, insn->opsize, stack);
        for (unsigned n = 0; n < insn->opsize; n++) {
            target.offset |= (uint64_t)bytes[n] << 8 * n;
        }
        target.selector = (uint16_t)(bytes[insn->opsize] | bytes[insn->opsize + 1] << 8);
    }
    if (!core_in_protected(core)) {
        far_real(core, &target);
        return;
    }
    if (SELECTOR_NULL(target.selector)) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    uint64_t raw = descriptor_fetch(core, target.selector, VECTOR_GP);
    if (descriptor_is_code(raw)) {
        far_to_code(core, &target, raw);
    } else {
        far_through_system(core, &target, raw);
    }
}

EXEC_END_OP(jmpf)
{
    far_transfer(core, insn, false);
}

EXEC_END_OP(callf)
{
    far_transfer(core, insn, true);
}

/* ---- RETF and IRET ---- */

/* The code segment that a return goes to, checked. */
static uint64_t check_return_code(struct core *core, uint16_t selector)
{
    uint32_t error = selector & 0xfffc;
    unsigned rpl = selector & SELECTOR_RPL;

    if (SELECTOR_NULL(selector)) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    uint64_t raw = descriptor_fetch(core, selector, VECTOR_GP);
    bool level = descriptor_is_conforming_code(raw) ? descriptor_dpl(raw) <= rpl
                                                    : descriptor_dpl(raw) == rpl;

    if (!descriptor_is_code(raw) || rpl < core->cpl || !level || code_size_reserved(core, raw)) {
        core_raise_error(core, VECTOR_GP, error);
    }
    if (!descriptor_present(raw)) {
        core_raise_error(core, VECTOR_NP, error);
    }
    return raw;
}

/* The stack segment of a return to `cpl`, code_raw's mode. */
static struct x86_segment check_return_stack(struct core *core, uint16_t selector, unsigned cpl,
                                             uint64_t code_raw)
{
    bool wide = core_in_long(core) && (code_raw >> 40 & SEG_L);

    if (SELECTOR_NULL(selector)) {
        if (!wide || cpl == 3 || (selector & SELECTOR_RPL) != cpl) {
            core_raise_error(core, VECTOR_GP, 0);
        }
        return (struct x86_segment){ .selector = selector, .attributes = SEG_UNUSABLE };
    }
    uint64_t raw = segment_check_ss(core, selector, cpl, VECTOR_GP);
    descriptor_access(core, selector, &raw);
    return segment_of_descriptor(selector, raw);
}

/* Set RSP as a return to another stack leaves it. */
static void set_returned_sp(struct core *core, uint64_t sp)
{
    uint64_t *rsp = &core->state.gpr[REG_RSP];

    *rsp = core->stack_bits == 64   ? sp
           : core->stack_bits == 32 ? (uint32_t)sp
                                    : (*rsp & ~UINT64_C(0xffff)) | (sp & 0xffff);
}

static void retf_real(struct core *core, unsigned size, unsigned release)
{
    struct cpu_state *state = &core->state;
    struct far_stack stack = far_stack_current(core);
    uint64_t rip = far_stack_pop(core, &stack, size);
    uint16_t selector = (uint16_t)far_stack_pop(core, &stack, size);

    if (rip > state->seg[SEG_CS].limit) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    stack.sp = (stack.sp + release) & stack.mask;
    state->gpr[REG_RSP] = far_stack_pointer(core, &stack);
    segment_load_real(core, SEG_CS, selector);
    state->gpr[REG_RIP] = rip;
    core_mode_update(core);
}

EXEC_END_OP(retf)
{
    struct cpu_state *state = &core->state;
    unsigned size = insn->opsize, release = (unsigned)insn->imm & 0xffff;

    if (!core_in_protected(core)) {
        retf_real(core, size, release);
        return;
    }
    struct far_stack stack = far_stack_current(core);
    uint64_t rip = far_stack_pop(core, &stack, size);
    uint16_t selector = (uint16_t)far_stack_pop(core, &stack, size);
    uint64_t raw = check_return_code(core, selector);
    unsigned rpl = selector & SELECTOR_RPL;

    stack.sp = (stack.sp + release) & stack.mask;
    if (rpl == core->cpl) {
        code_check_offset(core, raw, rip);
        segment_set_cs(core, selector, raw, rpl);
        state->gpr[REG_RSP] = far_stack_pointer(core, &stack);
        state->gpr[REG_RIP] = rip;
        core_mode_update(core);
        return;
    }
    uint64_t sp = far_stack_pop(core, &stack, size);
    uint16_t ss_selector = (uint16_t)far_stack_pop(core, &stack, size);
    struct x86_segment ss = check_return_stack(core, ss_selector, rpl, raw);
    code_check_offset(core, raw, rip);
    segment_set_cs(core, selector, raw, rpl);
    state->seg[SEG_SS] = ss;
    state->gpr[REG_RIP] = rip;
    segment_drop_inner(core, rpl);
    core_mode_update(core);
    set_returned_sp(core, sp + release);
}

/* RFLAGS bits that IRET to the same or an outer level may change. */
static uint64_t iret_flags_mask(const struct core *core, unsigned size)
{
    uint64_t mask = FLAGS_ARITH | FLAG_TF | FLAG_DF | FLAG_NT;

    if (size >= 4) {
        mask |= FLAG_RF | FLAG_AC | FLAG_ID;
    }
    if (core->cpl <= core_iopl(core)) {
        mask |= FLAG_IF;
    }
    if (core->cpl == 0) {
        mask |= FLAG_IOPL | (size >= 4 ? FLAG_VIF | FLAG_VIP : 0);
    }
    return mask;
}

static void set_flags_masked(struct core *core, uint64_t rflags, uint64_t mask)
{
    core_rflags_set(core, (core_rflags(core) & ~mask) | (rflags & mask));
}

static void iret_real(struct core *core, unsigned size)
{
    struct cpu_state *state = &core->state;
    struct far_stack stack = far_stack_current(core);
    bool v86 = core_in_v86(core);
    uint64_t mask = FLAGS_ARITH | FLAG_TF | FLAG_DF | FLAG_NT | FLAG_IF | (v86 ? 0 : FLAG_IOPL) |
                    (size == 4 ? FLAG_RF | FLAG_AC | FLAG_ID : 0);
    bool vme = v86 && core_iopl(core) < 3;

    if (vme && (size != 2 || !(state->cr4 & CR4_VME))) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    uint64_t rip = far_stack_pop(core, &stack, size);
    uint16_t selector = (uint16_t)far_stack_pop(core, &stack, size);
    uint64_t rflags = far_stack_pop(core, &stack, size);

    if (rip > state->seg[SEG_CS].limit) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    if (vme) {
        /* The program's IF is VIF. [SDM 3A 20.3.3.4] */
        if ((rflags & FLAG_TF) || ((rflags & FLAG_IF) && (state->rflags_rest & FLAG_VIP))) {
            core_raise_error(core, VECTOR_GP, 0);
        }
        mask = (mask & ~FLAG_IF) | FLAG_VIF;
        rflags = (rflags & ~FLAG_VIF) | (rflags & FLAG_IF ? FLAG_VIF : 0);
    }
    state->gpr[REG_RSP] = far_stack_pointer(core, &stack);
    segment_load_real(core, SEG_CS, selector);
    state->gpr[REG_RIP] = rip;
    set_flags_masked(core, rflags, mask);
    state->nmi_blocked = false;
    core_mode_update(core);
}

/* The stack holds what a virtual-8086 program was interrupted with. */
static void iret_to_v86(struct core *core, struct far_stack *stack, uint64_t rip, uint16_t cs,
                        uint64_t rflags)
{
    static const uint8_t segments[] = { SEG_ES, SEG_DS, SEG_FS, SEG_GS };
    struct cpu_state *state = &core->state;
    uint64_t sp = far_stack_pop(core, stack, 4);
    uint16_t ss = (uint16_t)far_stack_pop(core, stack, 4);
    uint16_t selector[ARRAY_SIZE(segments)];

    for (unsigned n = 0; n < ARRAY_SIZE(segments); n++) {
        selector[n] = (uint16_t)far_stack_pop(core, stack, 4);
    }
    if (rip > 0xffff) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    core_rflags_set(core, rflags);
    for (unsigned n = 0; n < ARRAY_SIZE(segments); n++) {
        segment_load_real(core, segments[n], selector[n]);
    }
    segment_load_real(core, SEG_CS, cs);
    segment_load_real(core, SEG_SS, ss);
    state->gpr[REG_RSP] = (uint32_t)sp;
    state->gpr[REG_RIP] = rip & 0xffff;
    state->nmi_blocked = false;
    core_mode_update(core);
}

static void iret_from_task(struct core *core, const struct insn *insn)
{
    const struct x86_segment *tr = &core->state.tr;
    uint8_t link[2];

    core_load_system(core, tr->base, link, 2);
    uint16_t selector = (uint16_t)(link[0] | link[1] << 8);
    uint64_t raw = task_fetch(core, selector, true, VECTOR_TS);

    task_switch(core, &(struct task_switch_request){ .kind = TASK_IRET,
                                                     .selector = selector,
                                                     .raw = raw,
                                                     .rip = insn_next_rip(core, insn),
                                                     .insn_offset = insn->offset });
    core->state.nmi_blocked = false;
}

/* Return inside protected, compatibility or 64-bit mode, with everything popped. */
static void iret_finish(struct core *core, struct far_stack *stack, uint64_t rip, uint16_t selector,
                        uint64_t rflags, unsigned size)
{
    struct cpu_state *state = &core->state;
    uint64_t raw = check_return_code(core, selector);
    unsigned rpl = selector & SELECTOR_RPL;
    bool outer = rpl > core->cpl || core->bits == 64;
    uint64_t mask = iret_flags_mask(core, size), sp = 0;
    struct x86_segment ss = state->seg[SEG_SS];
    uint8_t old_bits = core->bits;

    if (outer) {
        sp = far_stack_pop(core, stack, size);
        ss = check_return_stack(core, (uint16_t)far_stack_pop(core, stack, size), rpl, raw);
    }
    code_check_offset(core, raw, rip);
    bool inner = rpl > core->cpl;
    segment_set_cs(core, selector, raw, rpl);
    state->seg[SEG_SS] = ss;
    state->gpr[REG_RIP] = rip;
    set_flags_masked(core, rflags, mask);
    state->nmi_blocked = false;
    if (inner) {
        segment_drop_inner(core, rpl);
    }
    if (old_bits == 64 && (state->seg[SEG_CS].attributes & SEG_L)) {
        core_privilege_update(core);
        state->gpr[REG_RSP] = sp;
        return;
    }
    if (!outer) {
        state->gpr[REG_RSP] = far_stack_pointer(core, stack);
    }
    core_mode_update(core);
    if (outer) {
        set_returned_sp(core, sp);
    }
}

EXEC_END_OP(iret)
{
    unsigned size = insn->opsize;

    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* it serializes [SDM 3A 8.3] */
    if (!core_in_protected(core)) {
        iret_real(core, size);
        return;
    }
    if (core->state.rflags_rest & FLAG_NT) {
        if (core_in_long(core)) {
            core_raise_error(core, VECTOR_GP, 0);
        }
        iret_from_task(core, insn);
        return;
    }
    struct far_stack stack = far_stack_current(core);
    uint64_t rip = far_stack_pop(core, &stack, size);
    uint16_t selector = (uint16_t)far_stack_pop(core, &stack, size);
    uint64_t rflags = far_stack_pop(core, &stack, size);

    if (size == 4 && (rflags & FLAG_VM) && core->cpl == 0 && !core_in_long(core)) {
        iret_to_v86(core, &stack, rip, selector, rflags);
        return;
    }
    iret_finish(core, &stack, rip, selector, rflags, size);
}

/* ---- software interrupts ---- */

static void software_interrupt(struct core *core, const struct insn *insn, uint8_t vector,
                               bool int_n)
{
    uint64_t rip = insn_next_rip(core, insn);

    CPU_TRACE(core, INTERRUPT, vector, INTERRUPT_SOFTWARE, insn_rip(core, insn));
    interrupt_enter(core, &(struct interrupt_event){ .vector = vector,
                                                     .software = true,
                                                     .int_n = int_n,
                                                     .rflags = core_rflags(core) & ~FLAG_RF,
                                                     .rip = rip,
                                                     .insn_offset = insn->offset });
}

EXEC_END_OP(int)
{
    software_interrupt(core, insn, (uint8_t)insn->imm, true);
}

EXEC_END_OP(int3)
{
    software_interrupt(core, insn, VECTOR_BP, false);
}

EXEC_END_OP(into)
{
    if (flag_of(core)) {
        software_interrupt(core, insn, VECTOR_OF, false);
    } else {
        exec_advance(core, insn);
    }
}

/* A #DB trap without DR6 bits and without the gate's DPL check. */
EXEC_END_OP(int1)
{
    uint64_t rip = insn_next_rip(core, insn);

    CPU_TRACE(core, INTERRUPT, VECTOR_DB, INTERRUPT_INT1, insn_rip(core, insn));
    interrupt_enter(core, &(struct interrupt_event){ .vector = VECTOR_DB,
                                                     .rflags = core_rflags(core) & ~FLAG_RF,
                                                     .rip = rip,
                                                     .insn_offset = insn->offset });
    core->state.dr7 &= ~DR7_GD;
}

/* ---- fast system calls ---- */

enum {
    FLAT_CODE32 = SEG_P | SEG_S | 0xb | SEG_DB | SEG_G,
    FLAT_DATA = SEG_P | SEG_S | 3 | SEG_DB | SEG_G
};
enum { FLAT_CODE64 = SEG_P | SEG_S | 0xb | SEG_L | SEG_G };

static void set_flat(struct core *core, unsigned segment, uint16_t selector, uint32_t attributes,
                     unsigned dpl)
{
    core->state.seg[segment] = (struct x86_segment){
        .limit = UINT32_MAX, .attributes = attributes | dpl << SEG_DPL_SHIFT, .selector = selector
    };
}

/* As Intel processors: 64-bit mode only. */
EXEC_END_OP(syscall)
{
    struct cpu_state *state = &core->state;
    uint16_t selector = (uint16_t)(state->star >> 32) & 0xfffc;

    if (!(state->efer & EFER_SCE) || core->bits != 64) {
        core_raise(core, VECTOR_UD);
    }
    state->gpr[REG_RCX] = insn_next_rip(core, insn);
    state->gpr[REG_R11] = core_rflags(core) & ~FLAG_RF;
    core_rflags_set(core, state->gpr[REG_R11] & ~state->fmask);
    set_flat(core, SEG_CS, selector, FLAT_CODE64, 0);
    set_flat(core, SEG_SS, (uint16_t)(selector + 8), FLAT_DATA, 0);
    state->gpr[REG_RIP] = state->lstar;
    core_privilege_update(core);
}

EXEC_END_OP(sysret)
{
    struct cpu_state *state = &core->state;
    uint16_t selector = (uint16_t)((state->star >> 48) | 3);
    bool wide = insn->opsize == 8;

    if (!(state->efer & EFER_SCE) || core->bits != 64) {
        core_raise(core, VECTOR_UD);
    }
    if (core->cpl != 0 || (wide && !gva_canonical(state->gpr[REG_RCX]))) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    core_rflags_set(core, state->gpr[REG_R11] & UINT64_C(0x3c7fd7));
    set_flat(core, SEG_SS, (uint16_t)((state->star >> 48) + 8) | 3, FLAT_DATA, 3);
    if (wide) {
        set_flat(core, SEG_CS, (uint16_t)((state->star >> 48) + 16) | 3, FLAT_CODE64, 3);
        state->gpr[REG_RIP] = state->gpr[REG_RCX];
        core_privilege_update(core);
    } else {
        set_flat(core, SEG_CS, selector, FLAT_CODE32, 3);
        state->gpr[REG_RIP] = (uint32_t)state->gpr[REG_RCX];
        core_mode_update(core);
    }
}

EXEC_END_OP(sysenter)
{
    struct cpu_state *state = &core->state;
    uint16_t selector = (uint16_t)state->sysenter_cs & 0xfffc;
    bool wide = core_in_long(core);

    if (!(state->cr0 & CR0_PE) || selector == 0) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    (void)insn;
    state->rflags_rest &= ~(FLAG_VM | FLAG_IF | FLAG_RF);
    set_flat(core, SEG_CS, selector, wide ? FLAT_CODE64 : FLAT_CODE32, 0);
    set_flat(core, SEG_SS, (uint16_t)(selector + 8), FLAT_DATA, 0);
    state->gpr[REG_RSP] = wide ? state->sysenter_esp : (uint32_t)state->sysenter_esp;
    state->gpr[REG_RIP] = wide ? state->sysenter_eip : (uint32_t)state->sysenter_eip;
    core_mode_update(core);
}

EXEC_END_OP(sysexit)
{
    struct cpu_state *state = &core->state;
    uint16_t selector = (uint16_t)state->sysenter_cs & 0xfffc;
    bool wide = insn->opsize == 8;

    if (!core_in_protected(core) || selector == 0 || core->cpl != 0 ||
        (wide && (!gva_canonical(state->gpr[REG_RCX]) || !gva_canonical(state->gpr[REG_RDX])))) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    set_flat(core, SEG_CS, (uint16_t)((selector + (wide ? 32 : 16)) | 3),
             wide ? FLAT_CODE64 : FLAT_CODE32, 3);
    set_flat(core, SEG_SS, (uint16_t)((selector + (wide ? 40 : 24)) | 3), FLAT_DATA, 3);
    state->gpr[REG_RSP] = wide ? state->gpr[REG_RCX] : (uint32_t)state->gpr[REG_RCX];
    state->gpr[REG_RIP] = wide ? state->gpr[REG_RDX] : (uint32_t)state->gpr[REG_RDX];
    core_mode_update(core);
}

exec_fn *exec_choose_far(const struct insn *insn)
{
    switch (insn->op) {
    case OP_JMPF:
        return exec_jmpf;
    case OP_CALLF:
        return exec_callf;
    case OP_RETF:
        return exec_retf;
    case OP_IRET:
        return exec_iret;
    case OP_INT:
        return exec_int;
    case OP_INT3:
        return exec_int3;
    case OP_INTO:
        return exec_into;
    case OP_INT1:
        return exec_int1;
    case OP_SYSCALL:
        return exec_syscall;
    case OP_SYSRET:
        return exec_sysret;
    case OP_SYSENTER:
        return exec_sysenter;
    case OP_SYSEXIT:
        return exec_sysexit;
    default:
        return exec_undefined;
    }
}
