/* What the files of a VP on the machine share: vp.c, vp_core.c, vp_hypervisor.c. */
#ifndef PARTITIONS_VP_GLUE_H
#define PARTITIONS_VP_GLUE_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/chipset/lapic.h"
#include "partitions/board.h"
#include "partitions/machine.h"
#include "partitions/partition.h"
#include "partitions/vp.h"

/* What the machine adds to a VP; vp.glue. */
struct vp_glue {
    struct lapic lapic;
    bool idle; /* HV_X64_MSR_GUEST_IDLE: any interrupt wakes, whatever IF says */
    struct machine *machine;
    struct logical_processor *lp; /* its slot; NULL: it never runs */
    struct vp *next_buried;       /* machine.graveyard */
};

extern const struct core_ops vp_core_ops;         /* vp_core.c */
extern const struct cpu_interrupts vp_interrupts; /* vp_core.c */

static inline struct vp_glue *vp_glue_of(const struct vp *vp)
{
    return vp->glue;
}

/* NULL: a partition without devices. */
static inline struct board *vp_board(const struct vp *vp)
{
    return vp->partition->glue;
}

static inline bool vp_has_hypervisor(const struct vp *vp)
{
    return vp_machine(vp)->config.hypervisor;
}

static inline bool vp_interrupt_pending(const struct vp *vp)
{
    return lapic_pending(vp->lapic) || lapic_events(vp->lapic) != 0;
}

static inline uint64_t vp_apic_base(struct vp *vp)
{
    uint64_t value = 0;

    return lapic_msr_read(vp->lapic, LAPIC_MSR_APIC_BASE, &value) ? value : 0;
}

/* It runs on a thread of its own, now. */
static inline bool vp_is_parallel(const struct vp *vp)
{
    return vp_glue_of(vp)->lp != NULL && __atomic_load_n(&vp_machine(vp)->parallel, __ATOMIC_ACQUIRE);
}

/* Something waits for the VP: make its processor look up. */
static inline void vp_post(struct vp *vp)
{
    cpu_kick(&vp->cpu);
    if (vp_machine(vp)->config.virtual_time) {
        machine_kick(vp_machine(vp));
    } else if (vp_glue_of(vp)->lp != NULL) {
        lp_wake(vp_glue_of(vp)->lp);
    }
}

#endif
