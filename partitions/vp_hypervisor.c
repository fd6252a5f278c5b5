/* What the hypervisor asks of a VP and its processor: struct hypervisor_ops of the machine. */
#include "cpu/exec/core.h"
#include "partitions/hv/hv.h"
#include "partitions/vp_glue.h"

static int partition_created(void *opaque, struct partition *partition)
{
    (void)opaque;
    partition->space.ops = &board_space_ops;
    partition->space.ops_opaque = partition;
    return 0;
}

static void op_interrupt(struct vp *vp, unsigned vector, bool auto_eoi)
{
    lapic_set_auto_eoi_vector(vp->lapic, (uint8_t)vector, auto_eoi);
    lapic_deliver(vp->lapic, LAPIC_FIXED, (uint8_t)vector, false);
}

enum { SVR_ENABLE = 0x100 };

static bool op_apic_enabled(struct vp *vp)
{
    return lapic_read(vp->lapic, LAPIC_SVR, 4) & SVR_ENABLE;
}

static uint32_t op_apic_id(struct vp *vp)
{
    return vp->lapic->id;
}

/* An APIC register in whichever mode the APIC is. The ICR is 64 bits in both. [TLFS HV_X64_MSR_ICR]
 */
static bool apic_register(struct vp *vp, uint32_t offset, bool write, uint64_t *value)
{
    uint32_t msr = LAPIC_MSR_X2 + offset / 16;

    if (vp_apic_base(vp) & APIC_BASE_EXTD) {
        return write ? lapic_msr_write(vp->lapic, msr, *value)
                     : lapic_msr_read(vp->lapic, msr, value);
    }
    if (write) {
        if (offset == LAPIC_ICR_LOW) {
            lapic_write(vp->lapic, LAPIC_ICR_HIGH, 4, *value >> 32);
        }
        lapic_write(vp->lapic, offset, 4, (uint32_t)*value);
    } else {
        *value = lapic_read(vp->lapic, offset, 4);
        if (offset == LAPIC_ICR_LOW) {
            *value |= lapic_read(vp->lapic, LAPIC_ICR_HIGH, 4) << 32;
        }
    }
    return true;
}

static enum core_status op_apic_read(struct vp *vp, enum hv_apic_register reg, uint64_t *value)
{
    if (reg == HV_APIC_EOI) {
        return CORE_GP; /* write-only */
    }
    return apic_register(vp, reg == HV_APIC_TPR ? LAPIC_TPR : LAPIC_ICR_LOW, false, value)
               ? CORE_OK
               : CORE_GP;
}

static enum core_status op_apic_write(struct vp *vp, enum hv_apic_register reg, uint64_t value)
{
    if (reg == HV_APIC_EOI) {
        lapic_eoi(vp->lapic);
        return CORE_OK;
    }
    return apic_register(vp, reg == HV_APIC_TPR ? LAPIC_TPR : LAPIC_ICR_LOW, true, &value)
               ? CORE_OK
               : CORE_GP;
}

static bool op_assert_interrupt(struct partition *partition, const struct hv_interrupt *interrupt)
{
    return board_assert_interrupt(partition, interrupt);
}

static int op_clear_interrupt(struct partition *partition)
{
    struct board *board = partition->glue;

    return board != NULL ? board_clear_extint(board) : 1;
}

static bool op_apic_base_write(struct vp *vp, uint64_t value)
{
    return lapic_msr_write(vp->lapic, LAPIC_MSR_APIC_BASE, value);
}

static void op_state_changed(struct vp *vp)
{
    core_mode_update(&vp->cpu.core);
    mmu_flush_all(&vp->cpu.core.mmu);
    cpu_kick(&vp->cpu);
}

static void op_tlb_flush(struct vp *vp, bool all, gva_t gva, uint64_t n_pages)
{
    struct mmu *mmu = &vp->cpu.core.mmu;

    if (vp_is_parallel(vp)) {
        lp_flush(vp_glue_of(vp)->lp, all, gva, n_pages);
        return;
    }
    if (all || n_pages > 64) {
        mmu_flush_all(mmu);
        return;
    }
    for (uint64_t i = 0; i < n_pages; i++) {
        mmu_flush_page(mmu, gva + i * PAGE_SIZE);
    }
}

static bool op_hold(void *opaque, struct vp *by, struct vp *vp)
{
    return !vp_is_parallel(vp) ||
           lp_hold(opaque, by != NULL ? vp_glue_of(by)->lp : NULL, vp_glue_of(vp)->lp);
}

static void op_release(void *opaque, struct vp *by)
{
    lps_release(opaque, by != NULL ? vp_glue_of(by)->lp : NULL);
}

static void op_settle(void *opaque)
{
    struct machine *machine = opaque;

    if (__atomic_load_n(&machine->parallel, __ATOMIC_ACQUIRE)) {
        lps_settle(machine, NULL);
        lps_settle_holds(machine, NULL);
    }
}

static void op_kick(struct vp *vp)
{
    if (vp_is_parallel(vp)) {
        cpu_request(&vp->cpu); /* whatever else is pending */
    }
    vp_post(vp);
}

static void op_idle(struct vp *vp)
{
    vp_glue_of(vp)->idle = true;
    vp->cpu.core.state.activity = ACTIVITY_HALTED;
    vp->cpu.core.attention = true;
    cpu_cut(&vp->cpu);
}

static void op_reset(struct partition *partition)
{
    struct machine *machine = CONTAINER_OF(partition->hv, struct machine, hv);

    __atomic_store_n(&partition->reset, true, __ATOMIC_RELEASE);
    __atomic_store_n(&machine->reset, true, __ATOMIC_RELEASE);
    machine_kick(machine);
}

static void op_crashed(struct partition *partition, uint64_t control)
{
    struct machine *machine = CONTAINER_OF(partition->hv, struct machine, hv);

    (void)control;
    __atomic_store_n(&partition->crashed, true, __ATOMIC_RELEASE);
    __atomic_store_n(&machine->crashed, true, __ATOMIC_RELEASE);
}

static void op_sink(struct vp *vp, unsigned sint)
{
    struct machine *machine = vp_machine(vp);

    if (machine->config.root_message != NULL) {
        machine->config.root_message(machine->config.root_message_opaque, vp, sint);
    }
}

const struct hypervisor_ops vp_hypervisor_ops = {
    .vp_create = vp_create,
    .vp_destroy = vp_destroy,
    .partition_created = partition_created,
    .interrupt = op_interrupt,
    .apic_enabled = op_apic_enabled,
    .apic_id = op_apic_id,
    .apic_read = op_apic_read,
    .apic_write = op_apic_write,
    .assert_interrupt = op_assert_interrupt,
    .clear_interrupt = op_clear_interrupt,
    .apic_base_read = vp_apic_base,
    .apic_base_write = op_apic_base_write,
    .state_changed = op_state_changed,
    .tlb_flush = op_tlb_flush,
    .hold = op_hold,
    .release = op_release,
    .settle = op_settle,
    .kick = op_kick,
    .idle = op_idle,
    .reset = op_reset,
    .crashed = op_crashed,
    .sink = op_sink,
};
