/* Synthetic MSRs: what a guest reads and writes. [TLFS; KVM hyperv.c where the text is silent] */
#include "partitions/hv/msr.h"

#include "partitions/hv/features.h"
#include "partitions/hv/intercept.h"
#include "partitions/hv/msr_table.h"
#include "partitions/hv/request.h"
#include "partitions/hv/stimer.h"
#include "partitions/hv/synic.h"
#include "partitions/hv/trace.h"

/* Registers that place a page: bit 0 enables, bits 11:1 (or some of them) are kept, the rest is the
 * page number. */
#define PAGE_ENABLE UINT64_C(1)

static bool page_exists(const struct vp *vp, uint64_t value)
{
    return value >> vp->partition->space.address_bits == 0;
}

static struct vp_vtl *vtl_of(struct vp *vp)
{
    return &vp->vtl[vp->active_vtl];
}

/* Move, cover or uncover as the register's new value says. */
static enum core_status page_place(struct vp *vp, struct overlay *overlay, uint64_t *msr,
                                   uint64_t value, unsigned rights, const char *name)
{
    struct partition *partition = vp->partition;

    if (!page_exists(vp, value)) {
        return CORE_GP;
    }
    if ((value & PAGE_ENABLE) == 0) {
        overlay_unmap(overlay, &partition->space);
    } else if (!overlay_map(overlay, &partition->space, value >> PAGE_SHIFT, rights)) {
        return CORE_GP; /* no host memory for a table */
    }
    *msr = value;
    HV_TRACE(partition->hv, OVERLAY, partition->id, vp->index, HV_TRACE_NAME(name),
             value >> PAGE_SHIFT, value & PAGE_ENABLE);
    return CORE_OK;
}

static enum core_status zero_read(struct vp *vp, uint32_t msr, uint64_t *value)
{
    (void)vp;
    (void)msr;
    *value = 0;
    return CORE_OK;
}

/* A register that only keeps a number. */
#define MSR_READ(name, expression)                                                                 \
    static enum core_status name##_read(struct vp *vp, uint32_t msr, uint64_t *value)              \
    {                                                                                              \
        (void)vp;                                                                                  \
        (void)msr;                                                                                 \
        *value = (expression);                                                                     \
        return CORE_OK;                                                                            \
    }

/* ---- the partition ---- */

MSR_READ(guest_os_id, vp->partition->guest_os_id)
MSR_READ(hypercall, vp->partition->hypercall_msr)
MSR_READ(vp_index, vp->index)

#define HYPERCALL_LOCKED (UINT64_C(1) << 1)

static enum core_status guest_os_id_write(struct vp *vp, uint32_t msr, uint64_t value)
{
    struct partition *partition = vp->partition;

    (void)msr;
    partition->guest_os_id = value;
    if (value == 0) {
        overlay_unmap(&partition->hypercall_page, &partition->space);
        partition->hypercall_msr &= ~PAGE_ENABLE;
    }
    return CORE_OK;
}

static enum core_status hypercall_write(struct vp *vp, uint32_t msr, uint64_t value)
{
    struct partition *partition = vp->partition;

    (void)msr;
    if ((partition->hypercall_msr & HYPERCALL_LOCKED) != 0) {
        return CORE_GP; /* until the partition is reset */
    }
    if (partition->guest_os_id == 0) {
        value &= ~PAGE_ENABLE; /* without a fault */
    }
    return page_place(vp, &partition->hypercall_page, &partition->hypercall_msr, value,
                      SPACE_READ | SPACE_EXEC, "hypercall");
}

static enum core_status reset_write(struct vp *vp, uint32_t msr, uint64_t value)
{
    (void)msr;
    if (value & 1) {
        vp->partition->hv->ops->reset(vp->partition);
    }
    return CORE_OK;
}

/* ---- time ---- */

static enum core_status vp_runtime_read(struct vp *vp, uint32_t msr, uint64_t *value)
{
    uint64_t ns = vp->run_time_ns;

    (void)msr;
    if (vp->run_since_ns != UINT64_MAX) {
        ns += clock_now_ns(vp->partition->hv->clock) - vp->run_since_ns;
    }
    *value = ns / 100;
    return CORE_OK;
}

MSR_READ(time_ref_count, hv_reference_time(vp->partition))
MSR_READ(reference_tsc, vp->partition->reference_tsc_msr)
MSR_READ(tsc_frequency, vp->partition->hv->tsc_hz)
MSR_READ(apic_frequency, vp->partition->hv->apic_hz)

static enum core_status reference_tsc_write(struct vp *vp, uint32_t msr, uint64_t value)
{
    struct partition *partition = vp->partition;

    (void)msr;
    return page_place(vp, &partition->reference_tsc_page, &partition->reference_tsc_msr, value,
                      SPACE_READ, "reference_tsc");
}

MSR_READ(tsc_invariant, vp->partition->tsc_invariant_control)

static enum core_status tsc_invariant_write(struct vp *vp, uint32_t msr, uint64_t value)
{
    struct hypervisor *hv = vp->partition->hv;

    (void)msr;
    if ((value & ~UINT64_C(1)) != 0) {
        return CORE_GP;
    }
    vp->partition->tsc_invariant_control = value;
    if (value != 0 && hv->ops->tsc_invariant != NULL) {
        hv->ops->tsc_invariant(vp->partition);
    }
    return CORE_OK;
}

/* ---- the local APIC's shortcuts: called without the lock ---- */

/* An EOI looks at the queues too: a guest may free a slot without writing EOM. */
static enum core_status eoi_write(struct vp *vp, uint32_t msr, uint64_t value)
{
    struct hypervisor *hv = vp->partition->hv;
    enum core_status status;

    (void)msr;
    status = value >> 32 != 0 ? CORE_GP : hv->ops->apic_write(vp, HV_APIC_EOI, value);
    if (status == CORE_OK && synic_waits(vp, vp->active_vtl)) {
        host_rwlock_read(&hv->lock);
        host_mutex_lock(&vp->synic_lock);
        synic_scan_all_locked(vp, vp->active_vtl);
        host_mutex_unlock(&vp->synic_lock);
        host_rwlock_unlock(&hv->lock);
    }
    return status;
}

static enum core_status icr_read(struct vp *vp, uint32_t msr, uint64_t *value)
{
    (void)msr;
    return vp->partition->hv->ops->apic_read(vp, HV_APIC_ICR, value);
}

static enum core_status icr_write(struct vp *vp, uint32_t msr, uint64_t value)
{
    (void)msr;
    return vp->partition->hv->ops->apic_write(vp, HV_APIC_ICR, value);
}

static enum core_status tpr_read(struct vp *vp, uint32_t msr, uint64_t *value)
{
    (void)msr;
    return vp->partition->hv->ops->apic_read(vp, HV_APIC_TPR, value);
}

static enum core_status tpr_write(struct vp *vp, uint32_t msr, uint64_t value)
{
    (void)msr;
    return value >> 8 != 0 ? CORE_GP : vp->partition->hv->ops->apic_write(vp, HV_APIC_TPR, value);
}

static bool msr_is_apic(uint32_t msr)
{
    return msr >= 0x40000070 && msr <= 0x40000072;
}

/* Writing it changes nothing but the VP's own SynIC and timers: SCONTROL, EOM, SINTx, STIMERx. */
static bool msr_is_vps_own(uint32_t msr)
{
    return msr == 0x40000080 || msr == 0x40000084 || (msr >= 0x40000090 && msr <= 0x4000009f) ||
           (msr >= 0x400000b0 && msr <= 0x400000b7);
}

MSR_READ(vp_assist, vtl_of(vp)->vp_assist_msr)

static enum core_status vp_assist_write(struct vp *vp, uint32_t msr, uint64_t value)
{
    (void)msr;
    return page_place(vp, &vtl_of(vp)->vp_assist, &vtl_of(vp)->vp_assist_msr, value,
                      SPACE_READ | SPACE_WRITE, "vp_assist");
}

static enum core_status guest_idle_read(struct vp *vp, uint32_t msr, uint64_t *value)
{
    (void)msr;
    *value = 0;
    vp->partition->hv->ops->idle(vp);
    return CORE_OK;
}

/* ---- SynIC ---- */

enum { SYNIC_VERSION = 1 };

MSR_READ(scontrol, vtl_of(vp)->synic.control)
MSR_READ(sversion, SYNIC_VERSION)
MSR_READ(siefp, vtl_of(vp)->synic.siefp_msr)
MSR_READ(simp, vtl_of(vp)->synic.simp_msr)
MSR_READ(sint, vtl_of(vp)->synic.sint[msr & 15])

static enum core_status scontrol_write(struct vp *vp, uint32_t msr, uint64_t value)
{
    (void)msr;
    __atomic_store_n(&vtl_of(vp)->synic.control, value, __ATOMIC_RELAXED);
    synic_scan_all_locked(vp, vp->active_vtl);
    return CORE_OK;
}

static enum core_status siefp_write(struct vp *vp, uint32_t msr, uint64_t value)
{
    struct synic *synic = &vtl_of(vp)->synic;

    (void)msr;
    return page_place(vp, &synic->siefp, &synic->siefp_msr, value, SPACE_READ | SPACE_WRITE,
                      "siefp");
}

static enum core_status simp_write(struct vp *vp, uint32_t msr, uint64_t value)
{
    struct synic *synic = &vtl_of(vp)->synic;
    enum core_status status;

    (void)msr;
    status =
        page_place(vp, &synic->simp, &synic->simp_msr, value, SPACE_READ | SPACE_WRITE, "simp");
    synic_scan_all_locked(vp, vp->active_vtl);
    return status;
}

static enum core_status eom_write(struct vp *vp, uint32_t msr, uint64_t value)
{
    (void)msr;
    (void)value;
    synic_scan_all_locked(vp, vp->active_vtl);
    return CORE_OK;
}

static enum core_status sint_write(struct vp *vp, uint32_t msr, uint64_t value)
{
    enum { LOWEST_VECTOR = 16 };

    /* A masked SINT may hold any vector: nested hypervisors write so. [KVM synic_set_sint] */
    if ((value & SINT_VECTOR) < LOWEST_VECTOR && (value & (SINT_MASKED | SINT_POLLING)) == 0) {
        return CORE_GP;
    }
    vtl_of(vp)->synic.sint[msr & 15] = value;
    synic_scan_locked(vp, vp->active_vtl, msr & 15);
    return CORE_OK;
}

/* ---- timers ---- */

static struct hv_timer *timer_of(struct vp *vp, uint32_t msr)
{
    return &vtl_of(vp)->timer[msr >> 1 & 3];
}

MSR_READ(stimer_config, timer_of(vp, msr)->config)
MSR_READ(stimer_count, timer_of(vp, msr)->count)

static enum core_status stimer_config_set(struct vp *vp, uint32_t msr, uint64_t value)
{
    return stimer_config_write(timer_of(vp, msr), value) ? CORE_OK : CORE_GP;
}

static enum core_status stimer_count_set(struct vp *vp, uint32_t msr, uint64_t value)
{
    stimer_count_write(timer_of(vp, msr), value);
    return CORE_OK;
}

/* ---- crash ---- */

MSR_READ(crash, vp->partition->crash[msr & 7])
/* What a guest may ask for, not what it wrote. */
MSR_READ(crash_ctl, HV_CRASH_CTL_NOTIFY | HV_CRASH_CTL_MESSAGE)

static enum core_status crash_write(struct vp *vp, uint32_t msr, uint64_t value)
{
    vp->partition->crash[msr & 7] = value;
    return CORE_OK;
}

static enum core_status crash_ctl_write(struct vp *vp, uint32_t msr, uint64_t value)
{
    struct partition *partition = vp->partition;
    const uint64_t *p = partition->crash;

    (void)msr;
    partition->crash_control = value;
    if (value & HV_CRASH_CTL_NOTIFY) {
        HV_TRACE(partition->hv, CRASH, partition->id, vp->index, p[0], p[1], p[2], p[3], p[4],
                 value);
        partition->hv->ops->crashed(partition, value);
    }
    return CORE_OK;
}

/* ---- the table, and the way in ---- */

enum { R = HV_MSR_READABLE, W = HV_MSR_WRITABLE, RW = HV_MSR_READABLE | HV_MSR_WRITABLE };

const struct hv_msr_row hv_msr_rows[] = {
#define HV_MSR(row_number, row_name, row_access, row_privilege, row_feature, row_read, row_write)  \
    { .number = row_number,                                                                        \
      .name = #row_name,                                                                           \
      .access = (row_access) | HV_MSR_BUILT,                                                       \
      .privilege = HV_PRIVILEGE_BIT_##row_privilege,                                               \
      .feature = row_feature,                                                                      \
      .read = row_read,                                                                            \
      .write = row_write },
    HV_MSRS(HV_MSR)
#undef HV_MSR
#define HV_MSR_NOT_BUILT(row_number, row_name) { .number = row_number, .name = #row_name },
        HV_MSRS_NOT_BUILT(HV_MSR_NOT_BUILT)
#undef HV_MSR_NOT_BUILT
};
const unsigned hv_n_msr_rows = ARRAY_SIZE(hv_msr_rows);

const struct hv_msr_row *hv_msr_row_find(uint32_t msr)
{
    for (unsigned i = 0; i < hv_n_msr_rows; i++) {
        if (hv_msr_rows[i].number == msr) {
            return &hv_msr_rows[i];
        }
    }
    return NULL;
}

static bool allowed(const struct vp *vp, const struct hv_msr_row *row, unsigned access)
{
    const struct partition *partition = vp->partition;

    return row != NULL && (row->access & access) != 0 &&
           (row->privilege == HV_PRIVILEGE_BIT_NONE ||
            (partition->privileges >> row->privilege & 1) != 0) &&
           (partition->features & row->feature) == row->feature;
}

/* Refused, unknown or not built: the parent's affair when it intercepts MSRs, else #GP. */
static enum core_status refuse(struct vp *vp, const struct hv_msr_row *row, uint32_t msr,
                               bool write, uint64_t value)
{
    struct hypervisor *hv = vp->partition->hv;

    if (hv_intercept_msr_locked(vp, msr, write, value, NULL)) {
        return CORE_SUSPEND;
    }
    if (row != NULL && (row->access & HV_MSR_BUILT) == 0) {
        HV_TRACE(hv, NOT_BUILT, vp->partition->id, vp->index, HV_TRACE_NAME(row->name), msr);
    } else {
        HV_TRACE(hv, MSR_REFUSED, vp->partition->id, vp->index, msr, write, value);
    }
    return CORE_GP;
}

enum core_status hv_msr_read(struct vp *vp, uint32_t msr, uint64_t *value)
{
    struct hypervisor *hv = vp->partition->hv;
    const struct hv_msr_row *row = hv_msr_row_find(msr);
    enum core_status status;

    if (allowed(vp, row, R) && msr_is_apic(msr)) {
        return row->read(vp, msr, value);
    }
    if (!allowed(vp, row, R)) {
        host_rwlock_write(&hv->lock);
        status = refuse(vp, row, msr, false, 0);
        host_rwlock_unlock(&hv->lock);
        return status;
    }
    host_rwlock_read(&hv->lock);
    host_mutex_lock(&vp->synic_lock);
    status = row->read(vp, msr, value);
    host_mutex_unlock(&vp->synic_lock);
    if (status == CORE_OK) {
        HV_TRACE(hv, MSR_READ, vp->partition->id, vp->index, msr, HV_TRACE_NAME(row->name), *value);
    }
    host_rwlock_unlock(&hv->lock);
    return status;
}

/* A writer of the hypervisor's lock needs none of the VP's, but what it calls expects it. */
static enum core_status write_locked(struct vp *vp, const struct hv_msr_row *row, uint32_t msr,
                                     uint64_t value)
{
    struct hypervisor *hv = vp->partition->hv;

    HV_TRACE(hv, MSR_WRITE, vp->partition->id, vp->index, msr, HV_TRACE_NAME(row->name), value);
    host_mutex_lock(&vp->synic_lock);
    enum core_status status = row->write(vp, msr, value);
    host_mutex_unlock(&vp->synic_lock);
    return status;
}

enum core_status hv_msr_write(struct vp *vp, uint32_t msr, uint64_t value)
{
    struct hypervisor *hv = vp->partition->hv;
    const struct hv_msr_row *row = hv_msr_row_find(msr);
    enum core_status status;

    if (allowed(vp, row, W) && msr_is_apic(msr)) {
        return row->write(vp, msr, value);
    }
    bool permitted = allowed(vp, row, W);
    if (permitted && msr_is_vps_own(msr)) {
        host_rwlock_read(&hv->lock);
    } else {
        host_rwlock_write(&hv->lock);
    }
    status = permitted ? write_locked(vp, row, msr, value) : refuse(vp, row, msr, true, value);
    host_rwlock_unlock(&hv->lock);
    return status;
}
