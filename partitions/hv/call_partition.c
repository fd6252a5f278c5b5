/* Life of partitions, properties, ids. [TLFS v2.0 5.6; TLFS HvCallCreatePartition] */
#include "partitions/hv/memory.h"
#include "partitions/hv/property.h"
#include "partitions/hv/request.h"
#include "partitions/hv/trace.h"

/* [TLFS hv_partition_creation_flags] None of them turns on what is not built; those that only
 * permit are accepted. */
enum {
    CREATE_SMT_ENABLED_GUEST = 1u << 0,
    CREATE_GPA_SUPER_PAGES = 1u << 4,
    CREATE_EXO_PARTITION = 1u << 8,
    CREATE_LAPIC_ENABLED = 1u << 13,
    CREATE_X2APIC_CAPABLE = 1u << 22,
    CREATE_KNOWN = CREATE_SMT_ENABLED_GUEST | CREATE_GPA_SUPER_PAGES | CREATE_EXO_PARTITION |
                   CREATE_LAPIC_ENABLED | CREATE_X2APIC_CAPABLE,
};

static void state_set(struct partition *partition, enum partition_state state)
{
    partition->state = state;
    HV_TRACE(partition->hv, PARTITION_STATE, partition->id, -1, partition->id, state);
}

hv_status_t hv_call_create_partition(struct hv_request *request)
{
    enum { FLAGS = 0, PROXIMITY = 8, PADDING = 20, RESERVED = 48 };
    struct partition *parent = request->caller->partition, *created;
    uint64_t flags = le64_load(request->in + FLAGS), proximity = le64_load(request->in + PROXIMITY);
    hv_status_t status;

    if ((flags & ~(uint64_t)CREATE_KNOWN) != 0 || !hv_proximity_ok(proximity) ||
        le32_load(request->in + PADDING) != 0 || le64_load(request->in + RESERVED) != 0) {
        return HV_STATUS_INVALID_PARAMETER;
    }
    if (partition_depth(parent) + 1 >= HV_DEPTH) {
        return HV_STATUS_PARTITION_TOO_DEEP;
    }
    status = partition_create(request->hv, parent, flags, &created);
    if (status == HV_STATUS_SUCCESS) {
        created->intercepts.halt = (flags & CREATE_EXO_PARTITION) != 0;
        le64_store(request->out, created->id);
    }
    return status;
}

hv_status_t hv_call_initialize_partition(struct hv_request *request)
{
    if (!partition_charge(request->target, HV_COST_INITIALIZE)) {
        return HV_STATUS_INSUFFICIENT_MEMORY;
    }
    state_set(request->target, PARTITION_ACTIVE);
    return HV_STATUS_SUCCESS;
}

static bool has_children(const struct partition *partition)
{
    for (unsigned i = 0; i < partition->hv->n_partitions; i++) {
        if (partition->hv->partitions[i]->parent == partition) {
            return true;
        }
    }
    return false;
}

/* Nothing here takes long enough to stop in "finalizing". */
hv_status_t hv_call_finalize_partition(struct hv_request *request)
{
    if (has_children(request->target)) {
        return HV_STATUS_OPERATION_DENIED;
    }
    state_set(request->target, PARTITION_FINALIZING);
    partition_finalize(request->target);
    state_set(request->target, PARTITION_FINALIZED);
    return HV_STATUS_SUCCESS;
}

hv_status_t hv_call_delete_partition(struct hv_request *request)
{
    if (request->target->pool_total != 0) {
        return HV_STATUS_OPERATION_DENIED;
    }
    partition_destroy(request->target);
    request->target = NULL;
    return HV_STATUS_SUCCESS;
}

hv_status_t hv_call_get_partition_property(struct hv_request *request)
{
    uint64_t value = 0;
    hv_status_t status = hv_property_get(request->target, le32_load(request->in + 8), &value);

    le64_store(request->out, value);
    return status;
}

hv_status_t hv_call_set_partition_property(struct hv_request *request)
{
    return hv_property_set(request->target, le32_load(request->in + 8),
                           le64_load(request->in + 16));
}

hv_status_t hv_call_get_partition_id(struct hv_request *request)
{
    le64_store(request->out, request->caller->partition->id);
    return HV_STATUS_SUCCESS;
}

/* Children in order of creation; INVALID after the last. */
hv_status_t hv_call_get_next_child_partition(struct hv_request *request)
{
    uint64_t previous = le64_load(request->in + 8), next = HV_PARTITION_ID_INVALID;
    bool found = previous == HV_PARTITION_ID_INVALID;

    for (unsigned i = 0; i < request->hv->n_partitions && next == HV_PARTITION_ID_INVALID; i++) {
        const struct partition *child = request->hv->partitions[i];

        if (child->parent != request->target) {
            continue;
        }
        if (found) {
            next = child->id;
        }
        found = found || child->id == previous;
    }
    if (!found) {
        return HV_STATUS_INVALID_PARTITION_ID;
    }
    le64_store(request->out, next);
    return HV_STATUS_SUCCESS;
}
