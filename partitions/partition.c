/* Partitions: creation, the pool's bookkeeping, tearing down. [TLFS v2.0 5, 7] */
#include "partitions/partition.h"

#include <stdlib.h>

#include "partitions/hv/features.h"
#include "partitions/hv/hv.h"
#include "partitions/hv/hypercall_page.h"
#include "partitions/hv/memory.h"
#include "partitions/hv/port.h"
#include "partitions/hv/property.h"
#include "partitions/hv/time.h"
#include "partitions/hv/trace.h"
#include "partitions/hv/vp_synthetic.h"

static bool overlays_init(struct partition *partition)
{
    if (!overlay_init(&partition->hypercall_page, partition->hv) ||
        !overlay_init(&partition->reference_tsc_page, partition->hv)) {
        return false;
    }
    hypercall_page_fill(partition);
    hv_time_init(partition);
    return true;
}

static void partition_free(struct partition *partition)
{
    overlay_fini(&partition->hypercall_page, partition->hv, &partition->space);
    overlay_fini(&partition->reference_tsc_page, partition->hv, &partition->space);
    space_fini(&partition->space);
    free(partition->pool);
    free(partition);
}

static hv_status_t partition_make(struct hypervisor *hv, struct partition *parent, uint64_t flags,
                                  struct partition **created)
{
    struct partition *partition = calloc(1, sizeof(*partition));

    if (partition == NULL) {
        return HV_STATUS_INSUFFICIENT_MEMORY;
    }
    partition->hv = hv;
    partition->parent = parent;
    partition->id = hv->next_partition_id;
    partition->state = parent == NULL ? PARTITION_ACTIVE : PARTITION_UNINITIALIZED;
    partition->privileges = hv_privileges_child_default();
    partition->features = HV_FEATURES_DEFAULT;
    partition->create_flags = flags;
    partition->intercepts.halt = false;
    if (space_init(&partition->space, hv->ram, hv->config.address_bits) != 0) {
        free(partition);
        return HV_STATUS_INSUFFICIENT_MEMORY;
    }
    hv_property_set_initial(partition);
    if (!overlays_init(partition)) {
        goto no_partition;
    }
    hv_partition_registers_reset(partition);
    if (hv->ops->partition_created != NULL &&
        hv->ops->partition_created(hv->config.ops_opaque, partition) != 0) {
        goto no_partition;
    }
    hv->next_partition_id++;
    hv->partitions[hv->n_partitions++] = partition;
    *created = partition;
    HV_TRACE(hv, PARTITION_CREATED, partition->id, -1, partition->id,
             parent != NULL ? parent->id : 0);
    return HV_STATUS_SUCCESS;

no_partition:
    partition_free(partition);
    return HV_STATUS_INSUFFICIENT_MEMORY;
}

hv_status_t partition_create(struct hypervisor *hv, struct partition *parent, uint64_t flags,
                             struct partition **created)
{
    if (hv->n_partitions == HV_PARTITIONS) {
        return HV_STATUS_NO_RESOURCES;
    }
    if (parent != NULL && !partition_charge(parent, HV_COST_PARTITION)) {
        return HV_STATUS_INSUFFICIENT_MEMORY;
    }
    hv_status_t status = partition_make(hv, parent, flags, created);
    if (status != HV_STATUS_SUCCESS && parent != NULL) {
        partition_uncharge(parent, HV_COST_PARTITION);
    }
    return status;
}

hv_status_t partition_restore(struct hypervisor *hv, struct partition *parent, uint64_t id)
{
    struct partition *made;

    if (hv->n_partitions == HV_PARTITIONS) {
        return HV_STATUS_NO_RESOURCES;
    }
    hv->next_partition_id = id;
    return partition_make(hv, parent, 0, &made);
}

void partition_finalize(struct partition *partition)
{
    struct hypervisor *hv = partition->hv;

    for (uint32_t i = 0; i < HV_VPS; i++) {
        struct vp *vp = partition->vps[i];

        if (vp != NULL) {
            hv_vp_fini(vp);
            __atomic_store_n(&partition->vps[i], NULL, __ATOMIC_RELEASE);
            __atomic_store_n(&partition->n_vps, partition->n_vps - 1, __ATOMIC_RELEASE);
            hv->ops->vp_destroy(hv->config.ops_opaque, vp);
        }
    }
    hv_ports_fini(partition);
    hv_memory_unmap_all(partition);
    partition->intercepts = (struct partition_intercepts){ 0 };
    partition->pool_used = 0;
    partition->map_charged = 0;
}

void partition_destroy(struct partition *partition)
{
    struct hypervisor *hv = partition->hv;
    unsigned i = 0;

    partition_finalize(partition);
    hv_pool_drain(partition);
    if (hv->ops->partition_destroyed != NULL) {
        hv->ops->partition_destroyed(hv->config.ops_opaque, partition);
    }
    while (hv->partitions[i] != partition) {
        i++;
    }
    hv->n_partitions--;
    for (; i < hv->n_partitions; i++) {
        hv->partitions[i] = hv->partitions[i + 1];
    }
    hv->partitions[hv->n_partitions] = NULL;
    if (partition->parent != NULL) {
        partition_uncharge(partition->parent, HV_COST_PARTITION);
    }
    partition_free(partition);
}

unsigned partition_depth(const struct partition *partition)
{
    unsigned depth = 0;

    for (; partition->parent != NULL; partition = partition->parent) {
        depth++;
    }
    return depth;
}

struct vp *partition_vp(const struct partition *partition, uint32_t index)
{
    return index < HV_VPS ? __atomic_load_n(&partition->vps[index], __ATOMIC_ACQUIRE) : NULL;
}

bool partition_charge(struct partition *partition, uint64_t n_pages)
{
    if (partition->pool_total - partition->pool_used < n_pages) {
        return false;
    }
    partition->pool_used += n_pages;
    return true;
}

void partition_uncharge(struct partition *partition, uint64_t n_pages)
{
    partition->pool_used -= n_pages < partition->pool_used ? n_pages : partition->pool_used;
}
