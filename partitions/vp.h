/* struct vp: the x86 processor, its local APIC and what is synthetic. [TLFS vp-properties] */
#ifndef PARTITIONS_VP_H
#define PARTITIONS_VP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/host/mutex.h"
#include "cpu/cpu.h"
#include "partitions/hv/hypervisor.h"
#include "partitions/hv/message.h"
#include "partitions/hv/overlay.h"

struct lapic;
struct partition;

enum { HV_VTLS = 2, HV_STIMERS = 4 };

/* A synthetic timer. [TLFS timers] */
struct hv_timer {
    struct vp *vp;
    struct hypervisor *hv;
    uint8_t vtl, index;
    uint64_t config, count;
    uint64_t due_ref; /* 100 ns: when it fires next */
    struct timer timer;
    struct hv_message_buffer buffer; /* dedicated */
};

/* Messages that wait for one SINT's slot, oldest first. */
struct sint_queue {
    struct hv_message_buffer *first, *last;
};

struct synic {
    uint64_t control, siefp_msr, simp_msr, sint[HV_SINTS];
    struct overlay siefp, simp;
    struct sint_queue queue[HV_SINTS];
};

/* What is private to a VTL. */
struct vp_vtl {
    struct synic synic;
    struct hv_timer timer[HV_STIMERS];
    uint64_t vp_assist_msr;
    struct overlay vp_assist;
};

struct vp {
    struct cpu cpu; /* first; its owner is this VP */
    struct partition *partition;
    uint32_t index;
    struct lapic *lapic; /* the machine's */
    void *glue;          /* the machine's */

    unsigned active_vtl;
    struct vp_vtl vtl[HV_VTLS];
    /* Who holds the hypervisor's lock for reading takes this one for SynIC and timers of the VP. */
    struct host_mutex synic_lock;

    /* Suspend registers. The VP runs only while both are clear. (atomic) */
    bool explicit_suspend, intercept_suspend;
    bool tlb_flush_inhibit;
    struct hv_message_buffer intercept; /* the one buffer for this VP's intercept messages */

    uint64_t run_time_ns;  /* guest time until run_since_ns */
    uint64_t run_since_ns; /* clock time when dispatched; UINT64_MAX: not running */
    uint64_t deliverability_notifications;
    bool is_sink;          /* no guest: messages are taken by hv_sink_* */
    uint8_t debug_action;  /* enum debug_action: the debugger's, as the next */
    unsigned debug_thread; /* its number; 0: none yet */
};

/* The instruction in execution writes code by a host pointer: other processors are told when it is complete. */
void vp_code_untold(struct vp *vp, spa_t spa, size_t length_bytes);

static inline bool vp_is_suspended(const struct vp *vp)
{
    return __atomic_load_n(&vp->explicit_suspend, __ATOMIC_ACQUIRE) ||
           __atomic_load_n(&vp->intercept_suspend, __ATOMIC_ACQUIRE);
}

/* Of the instruction in execution, or of the next one. A hypercall finds its own address in REG_RIP. */
static inline uint64_t vp_rip(const struct vp *vp)
{
    const struct core *core = &vp->cpu.core;
    bool in_block =
        vp->cpu.running != NULL && core->insn->op != OP_VMCALL && core->insn->op != OP_VMMCALL;

    return in_block ? insn_rip(core, core->insn) & core->ip_mask : core->state.gpr[REG_RIP];
}

#endif
