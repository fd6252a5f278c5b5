/* Between blocks: what is due is delivered, in order of priority, or the run ends. [SDM 3A 6.9] */
#include "cpu/block.h"
#include "cpu/debug.h"
#include "cpu/exec/exec.h"
#include "cpu/exec/interrupt.h"
#include "cpu/run.h"

/* Deliver; false: triple fault. */
static bool deliver(struct cpu *cpu, enum interrupt_source source, struct x86_fault fault)
{
    cpu->running = NULL;
    bool ok = core_deliver(&cpu->core, (struct delivery){ source, fault }, &cpu->first_fault);
    cpu->core.unwind = NULL;
    return ok;
}

bool run_deliver_ends(struct cpu *cpu, enum interrupt_source source, struct x86_fault fault,
                      enum cpu_exit *exit)
{
    if (!deliver(cpu, source, fault)) {
        *exit = CPU_EXIT_TRIPLE_FAULT;
        return true;
    }
    if (cpu->core.event_suspended.valid) {
        *exit = CPU_EXIT_SUSPEND;
        return true;
    }
    return false;
}

/* Someone asked for attention: deliver an NMI or an interrupt when the processor takes it now. */
static enum run_slow take_interrupt(struct cpu *cpu, enum cpu_exit *exit)
{
    struct core *core = &cpu->core;
    struct x86_fault fault = { .vector = VECTOR_NMI };

    if (core->state.shadow == SHADOW_NONE) {
        if (!core->state.nmi_blocked && cpu->interrupts->nmi(core->owner)) {
            core->state.nmi_blocked = true;
            core->state.activity = ACTIVITY_RUNNING;
            return run_deliver_ends(cpu, INTERRUPT_EXTERNAL, fault, exit) ? RUN_SLOW_EXIT
                                                                          : RUN_SLOW_AGAIN;
        }
        int vector =
            core->state.rflags_rest & FLAG_IF ? cpu->interrupts->acknowledge(core->owner) : -1;
        if (vector >= 0) {
            fault.vector = (uint8_t)vector;
            core->state.activity = ACTIVITY_RUNNING;
            return run_deliver_ends(cpu, INTERRUPT_EXTERNAL, fault, exit) ? RUN_SLOW_EXIT
                                                                          : RUN_SLOW_AGAIN;
        }
    }
    if (!cpu->interrupts->pending(core->owner)) {
        __atomic_fetch_and(&core->pending, ~(uint32_t)CORE_PENDING_POLL, __ATOMIC_ACQ_REL);
        *exit = CPU_EXIT_POLL;
        return RUN_SLOW_EXIT;
    }
    return RUN_SLOW_RUN;
}

enum run_slow run_between(struct cpu *cpu, unsigned *limit, enum cpu_exit *exit)
{
    struct core *core = &cpu->core;
    uint32_t pending = __atomic_load_n(&core->pending, __ATOMIC_ACQUIRE);

    *limit = BLOCK_INSNS;
    core->attention = false;
    cpu->running = NULL; /* it has retired: who asks for the instant now counts it once */
    if (UNLIKELY(core->watch_hit != 0)) {
        *exit = CPU_EXIT_DEBUG;
        return RUN_SLOW_EXIT;
    }
    if (UNLIKELY(pending & CORE_PENDING_REQUEST)) {
        __atomic_fetch_and(&core->pending, ~(uint32_t)CORE_PENDING_REQUEST, __ATOMIC_ACQ_REL);
        *exit = CPU_EXIT_POLL;
        return RUN_SLOW_EXIT;
    }
    if (core->budget <= 0) {
        *exit = CPU_EXIT_BUDGET;
        return RUN_SLOW_EXIT;
    }
    if (core->event_suspended.valid) {
        enum interrupt_source source = (enum interrupt_source)core->event_suspended.source;
        return run_deliver_ends(cpu, source, core->event_suspended.fault, exit) ? RUN_SLOW_EXIT
                                                                                : RUN_SLOW_AGAIN;
    }
    if (core->debug_pending != 0 && core->state.shadow != SHADOW_MOV_SS) {
        struct x86_fault fault = { .vector = VECTOR_DB, .address = core->debug_pending };
        core->debug_pending = 0;
        return run_deliver_ends(cpu, INTERRUPT_EXCEPTION, fault, exit) ? RUN_SLOW_EXIT
                                                                       : RUN_SLOW_AGAIN;
    }
    if ((pending & CORE_PENDING_POLL) && !cpu->hold_interrupts) {
        enum run_slow result = take_interrupt(cpu, exit);
        if (result != RUN_SLOW_RUN) {
            return result;
        }
    }
    if (core->state.activity != ACTIVITY_RUNNING) {
        *exit = CPU_EXIT_HALT;
        return RUN_SLOW_EXIT;
    }
    if (UNLIKELY(cpu->debug != NULL) && cpu_debug_stops(cpu)) {
        *exit = CPU_EXIT_DEBUG;
        return RUN_SLOW_EXIT;
    }
    if (pending & CORE_PENDING_DEBUG) {
        *limit = 1;
    } else if (core->state.shadow != SHADOW_NONE) {
        /* What arrives from now on is looked at after the next block, beyond the shadow. */
        if (pending == 0) {
            core->state.shadow = SHADOW_NONE;
        } else {
            *limit = 1;
        }
    }
    if ((int64_t)*limit > core->budget) {
        *limit = (unsigned)core->budget;
    }
    return RUN_SLOW_RUN;
}
