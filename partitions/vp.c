/* The life of a VP on the machine: made, reset, started, run for a slice, destroyed. */
#include "partitions/vp.h"

#include <errno.h>
#include <stdlib.h>

#include "cpu/exec/flags.h"
#include "cpu/exec/model.h"
#include "cpu/lockstep.h"
#include "partitions/debug.h"
#include "partitions/hv/hv.h"
#include "partitions/vp_glue.h"

struct machine *vp_machine(const struct vp *vp)
{
    return vp_glue_of(vp)->machine;
}

/* ---- what the local APIC posts ---- */

static void lapic_kicked(void *opaque)
{
    vp_post(opaque);
}

static void lapic_ended(void *opaque, uint8_t vector, bool level)
{
    struct vp *vp = opaque;
    struct board *board = vp_board(vp);

    if (level && board != NULL) {
        board_apic_eoi(board, vector);
    }
    if (vp_has_hypervisor(vp)) {
        hv_eoi_notify(vp, vector);
    }
}

static void lapic_sends(void *opaque, uint64_t icr)
{
    board_send_ipi(opaque, icr);
}

static const struct lapic_ops lapic_ops = {
    .send_ipi = lapic_sends,
    .eoi = lapic_ended,
    .kick = lapic_kicked,
};

/* ---- life ---- */

/* The root's VP never runs while the parent is built in. */
static bool runs_guest(const struct machine *machine, const struct partition *partition)
{
    return machine->config.root_is_guest || !machine->config.hypervisor ||
           !partition_is_root(partition);
}

/* Where the host refuses, the machine keeps why, and interprets. */
static void translate(struct machine *machine, struct vp *vp)
{
    struct cpu_translation how = { .counted = true,
                                   .tsc_free = !machine->config.virtual_time,
                                   .hide = machine->config.hide_host,
                                   .at_once = machine->config.translate_at_once };

    if (machine->config.translate && runs_guest(machine, vp->partition) &&
        cpu_translate(&vp->cpu, how, &machine->translation_refused) != 0) {
        machine->config.translate = false;
    }
    if (machine->config.lockstep && vp->cpu.translator != NULL && cpu_lockstep(&vp->cpu) != 0) {
        error_set(&machine->translation_refused, -ENOMEM, "no memory for lock step");
    }
}

struct vp *vp_create(void *opaque, struct partition *partition, uint32_t index)
{
    struct machine *machine = opaque;
    struct vp *vp;
    struct vp_glue *glue;

    if (runs_guest(machine, partition) && machine->n_vps == MACHINE_VPS) {
        return NULL;
    }
    vp = calloc(1, sizeof(*vp));
    glue = calloc(1, sizeof(*glue));
    if (vp == NULL || glue == NULL) {
        goto no_memory;
    }
    vp->partition = partition;
    vp->index = index;
    vp->glue = glue;
    vp->lapic = &glue->lapic;
    glue->machine = machine;
    const struct cpu_model *model = &machine->config.model;
    lapic_init(vp->lapic, &machine->trace, (uint32_t)partition->id, &machine->clock, &lapic_ops, vp,
               index, index == 0, (model->features >> FEATURE_X2APIC & 1) != 0,
               model->physical_bits, machine->hv.tsc_hz);
    if (cpu_init(&vp->cpu, &machine->config.model, &partition->space, &vp_core_ops, &vp_interrupts,
                 vp, &machine->trace) != 0) {
        device_fini(&vp->lapic->dev);
        goto no_memory;
    }
    translate(machine, vp);
    vp->cpu.core.partition = (uint32_t)partition->id;
    vp->cpu.core.vp = (int)index;
    vp->cpu.dump = machine->config.dump != 0 ? &machine->dump : NULL;
    if (index != 0) {
        vp->cpu.core.state.activity = ACTIVITY_WAIT_FOR_SIPI;
    }
    if (runs_guest(machine, partition)) {
        debug_vp_created(machine, vp);
        (void)lp_attach(machine, vp); /* there are as many slots as VPs */
        host_rwlock_write(&machine->vp_lock);
        machine->vps[machine->n_vps++] = vp;
        host_rwlock_unlock(&machine->vp_lock);
        __atomic_store_n(&machine->lps_changed, true, __ATOMIC_RELEASE);
        host_wakeup_set(&machine->wakeup);
    }
    return vp;

no_memory:
    free(glue);
    free(vp);
    return NULL;
}

static void vp_free(struct vp *vp)
{
    device_fini(&vp->lapic->dev);
    cpu_fini(&vp->cpu);
    free(vp->glue);
    free(vp);
}

void vps_bury(struct machine *machine)
{
    host_rwlock_write(&machine->vp_lock); /* nobody who found it in a partition uses it any more */
    struct vp *vp = machine->graveyard;
    machine->graveyard = NULL;
    host_rwlock_unlock(&machine->vp_lock);
    while (vp != NULL) {
        struct vp *next = vp_glue_of(vp)->next_buried;
        vp_free(vp);
        vp = next;
    }
}

void vp_destroy(void *opaque, struct vp *vp)
{
    struct machine *machine = opaque;

    if (vp_glue_of(vp)->lp != NULL) {
        lp_detach(vp_glue_of(vp)->lp);
    }
    host_rwlock_write(&machine->vp_lock);
    for (unsigned i = 0; i < machine->n_vps; i++) {
        if (machine->vps[i] == vp) {
            __atomic_store_n(&vp_glue_of(vp)->lp->retired, 0, __ATOMIC_RELAXED);
            __atomic_add_fetch(&machine->retired_by_destroyed, vp->cpu.core.retired,
                               __ATOMIC_RELAXED);
            schedule_forget(machine, vp);
            machine->vps[i] = machine->vps[--machine->n_vps];
            break;
        }
    }
    bool parallel = __atomic_load_n(&machine->parallel, __ATOMIC_ACQUIRE);
    if (parallel) { /* a timer's callback may be under way: the coordinator frees it */
        vp_glue_of(vp)->next_buried = machine->graveyard;
        machine->graveyard = vp;
    }
    host_rwlock_unlock(&machine->vp_lock);
    if (parallel) {
        __atomic_store_n(&machine->lps_changed, true, __ATOMIC_RELEASE);
        host_wakeup_set(&machine->wakeup);
    } else {
        vp_free(vp);
    }
}

void vp_code_untold(struct vp *vp, spa_t spa, size_t length_bytes)
{
    struct logical_processor *lp = vp_glue_of(vp)->lp;

    if (lp->n_untold == LP_UNTOLD) { /* the whole page will do */
        lp->untold[0] = (struct lp_range){ spa & PAGE_MASK, PAGE_SIZE };
        return;
    }
    lp->untold[lp->n_untold++] = (struct lp_range){ spa, length_bytes };
    cpu_cut(&vp->cpu);
    cpu_request(&vp->cpu);
}

static void vp_reset(struct vp *vp, bool init)
{
    cpu_reset(&vp->cpu, init);
    vp->cpu.core.state.activity = vp->index == 0 ? ACTIVITY_RUNNING : ACTIVITY_WAIT_FOR_SIPI;
    vp_glue_of(vp)->idle = false;
}

void machine_partition_reset(struct machine *machine, struct partition *partition)
{
    hv_partition_reset(partition);
    for (unsigned i = 0; i < machine->n_vps; i++) {
        struct vp *vp = machine->vps[i];
        if (vp->partition == partition) {
            device_reset(&vp->lapic->dev);
            vp_reset(vp, false);
        }
    }
}

/* ---- running ---- */

/* [SDM 3A 8.4.3] */
static void apply_init_and_sipi(struct vp *vp)
{
    struct cpu_state *state = &vp->cpu.core.state;

    if (lapic_take_event(vp->lapic, LAPIC_EVENT_INIT)) {
        lapic_init_reset(vp->lapic);
        vp_reset(vp, true);
    }
    if (lapic_take_event(vp->lapic, LAPIC_EVENT_SIPI) &&
        state->activity == ACTIVITY_WAIT_FOR_SIPI) {
        uint8_t vector = lapic_sipi_vector(vp->lapic);
        state->seg[SEG_CS].selector = (uint16_t)(vector << 8);
        state->seg[SEG_CS].base = (uint64_t)vector << 12;
        state->gpr[REG_RIP] = 0;
        state->activity = ACTIVITY_RUNNING;
        core_mode_update(&vp->cpu.core);
    }
    /* There is no SMM: an SMI is taken and nothing happens. */
    lapic_take_event(vp->lapic, LAPIC_EVENT_SMI);
}

bool vp_prepare(struct vp *vp)
{
    struct cpu_state *state = &vp->cpu.core.state;

    if (vp->is_sink || vp_is_suspended(vp)) {
        return false;
    }
    apply_init_and_sipi(vp);
    if (state->activity == ACTIVITY_RUNNING) {
        return true;
    }
    if (state->activity != ACTIVITY_HALTED || !vp_interrupt_pending(vp)) {
        return false;
    }
    if (vp_glue_of(vp)->idle) {
        vp_glue_of(vp)->idle = false;
        state->activity = ACTIVITY_RUNNING;
        return true;
    }
    return (state->rflags_rest & FLAG_IF) || (lapic_events(vp->lapic) & LAPIC_EVENT_NMI);
}

bool vp_can_wake(const struct vp *vp)
{
    const struct cpu_state *state = &vp->cpu.core.state;

    return !vp->is_sink && !vp_is_suspended(vp) &&
           (state->activity == ACTIVITY_RUNNING ||
            (state->activity == ACTIVITY_HALTED &&
             ((state->rflags_rest & FLAG_IF) || vp_glue_of(vp)->idle)));
}

enum cpu_exit vp_run(struct vp *vp, uint64_t instructions)
{
    enum cpu_exit exit;

    hv_vp_run_begin(vp);
    if (vp_interrupt_pending(vp)) {
        cpu_kick(&vp->cpu);
    }
    exit = cpu_run(&vp->cpu, instructions);
    hv_vp_run_end(vp);
    if (exit == CPU_EXIT_HALT && vp_has_hypervisor(vp) && !partition_is_root(vp->partition)) {
        hv_intercept_halt(vp);
    }
    return exit;
}

bool vp_shutdown(struct vp *vp)
{
    struct machine *machine = vp_machine(vp);

    return machine->config.hypervisor && machine->config.root_is_guest &&
           hv_intercept_unrecoverable(vp);
}
