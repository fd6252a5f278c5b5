/* Synthetic state of VPs and of partitions: creation, reset, run time. [TLFS vp-properties] */
#include "partitions/hv/vp_synthetic.h"

#include "partitions/hv/hv.h"
#include "partitions/hv/hypercall_page.h"
#include "partitions/hv/stimer.h"
#include "partitions/hv/synic.h"
#include "partitions/hv/trace.h"

void hv_vp_reset(struct vp *vp)
{
    for (unsigned v = 0; v < HV_VTLS; v++) {
        struct vp_vtl *vtl = &vp->vtl[v];

        if (!vtl->synic.simp.owned) {
            continue; /* a VTL that the partition does not have */
        }
        for (unsigned i = 0; i < HV_STIMERS; i++) {
            stimer_reset(&vtl->timer[i]);
        }
        synic_reset(vp, v);
        overlay_unmap(&vtl->vp_assist, &vp->partition->space);
        ram_zero(vp->partition->hv->ram, vtl->vp_assist.spa, PAGE_SIZE);
        vtl->vp_assist_msr = partition_is_root(vp->partition)
                                 ? overlay_root_gpfn(&vtl->vp_assist, vp->partition->hv)
                                       << PAGE_SHIFT
                                 : 0;
    }
    vp->active_vtl = 0;
    vp->deliverability_notifications = 0;
}

bool hv_vp_init(struct vp *vp)
{
    struct hypervisor *hv = vp->partition->hv;
    struct vp_vtl *vtl = &vp->vtl[0]; /* higher VTLs get theirs when they are enabled */

    host_mutex_init(&vp->synic_lock);
    vp->run_since_ns = UINT64_MAX;
    vp->is_sink = partition_is_root(vp->partition) && !hv->config.root_is_guest;
    vp->explicit_suspend = !partition_is_root(vp->partition);
    if (!overlay_init(&vtl->synic.simp, hv) || !overlay_init(&vtl->synic.siefp, hv) ||
        !overlay_init(&vtl->vp_assist, hv)) {
        hv_vp_fini(vp);
        return false;
    }
    for (unsigned i = 0; i < HV_STIMERS; i++) {
        stimer_init(&vtl->timer[i], vp, 0, i);
    }
    hv_vp_reset(vp);
    return true;
}

void hv_vp_fini(struct vp *vp)
{
    struct hypervisor *hv = vp->partition->hv;
    struct space *space = &vp->partition->space;

    if (vp->intercept.queued_vp != NULL) {
        synic_unqueue(&vp->intercept);
    }
    if (vp->vtl[0].synic.simp.owned && vp->vtl[0].vp_assist.owned) {
        hv_vp_reset(vp);
    }
    for (unsigned v = 0; v < HV_VTLS; v++) {
        overlay_fini(&vp->vtl[v].synic.simp, hv, space);
        overlay_fini(&vp->vtl[v].synic.siefp, hv, space);
        overlay_fini(&vp->vtl[v].vp_assist, hv, space);
    }
    host_mutex_fini(&vp->synic_lock);
}

void hv_partition_reset(struct partition *partition)
{
    host_rwlock_write(&partition->hv->lock);
    HV_TRACE(partition->hv, RESET, partition->id, -1, partition->id);
    hv_partition_registers_reset(partition);
    for (uint32_t i = 0; i < HV_VPS; i++) {
        if (partition->vps[i] != NULL) {
            hv_vp_reset(partition->vps[i]);
        }
    }
    host_rwlock_unlock(&partition->hv->lock);
}

void hv_vp_run_begin(struct vp *vp)
{
    vp->run_since_ns = clock_now_ns(vp->partition->hv->clock);
}

void hv_vp_run_end(struct vp *vp)
{
    if (vp->run_since_ns != UINT64_MAX) {
        vp->run_time_ns += clock_now_ns(vp->partition->hv->clock) - vp->run_since_ns;
        vp->run_since_ns = UINT64_MAX;
    }
}
