/* Partition properties. [TLFS hv_partition_property_code; TLFS v2.0 5.2.4] */
#include "partitions/hv/property.h"

#include "base/compiler.h"
#include "partitions/hv/features.h"
#include "partitions/hv/hv.h"

enum property_access {
    PROPERTY_STORED, /* between min and max, once the partition is active */
    PROPERTY_EARLY,  /* also before it is initialized */
    PROPERTY_READ_ONLY,
};

struct property_row {
    uint32_t code;
    enum property_access access;
    uint64_t initial, min, max;
    /* Where it lives, when it is more than a number that is kept. */
    uint64_t (*get)(const struct partition *partition);
    hv_status_t (*set)(struct partition *partition, uint64_t value);
};

static uint64_t privileges_get(const struct partition *partition)
{
    return partition->privileges;
}

/* A parent can give what the hypervisor knows and its own parent let it have; CpuManagement is the
 * root's alone. */
static hv_status_t privileges_set(struct partition *partition, uint64_t value)
{
    uint64_t known = hv_privileges_root() | hv_privileges_child_linux() |
                     HV_PRIVILEGE(ACCESS_TSC_INVARIANT_CONTROLS) |
                     HV_PRIVILEGE(ACCESS_VP_REGISTERS);

    if ((value & ~known) != 0) {
        return HV_STATUS_INVALID_PARAMETER;
    }
    if ((value & HV_PRIVILEGE(CPU_MANAGEMENT)) != 0) {
        return HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
    }
    partition->privileges = value;
    return HV_STATUS_SUCCESS;
}

static uint64_t reference_time_get(const struct partition *partition)
{
    return partition->hv->clock != NULL
               ? hv_reference_time((struct partition *)(uintptr_t)partition)
               : 0;
}

static uint64_t guest_os_id_get(const struct partition *partition)
{
    return partition->guest_os_id;
}

static uint64_t tsc_hz_get(const struct partition *partition)
{
    return partition->hv->tsc_hz;
}

static uint64_t address_bits_get(const struct partition *partition)
{
    return partition->hv->config.address_bits;
}

static uint64_t features_get(const struct partition *partition)
{
    return partition->features;
}

static hv_status_t features_set(struct partition *partition, uint64_t value)
{
    if ((value & ~(uint64_t)(HV_FEATURES_DEFAULT | HV_FEATURE_GUEST_IDLE)) != 0) {
        return HV_STATUS_INVALID_PARAMETER;
    }
    partition->features = (uint32_t)value;
    return HV_STATUS_SUCCESS;
}

static uint64_t suspend_get(const struct partition *partition)
{
    for (uint32_t i = 0; i < HV_VPS; i++) {
        if (partition->vps[i] != NULL && !partition->vps[i]->explicit_suspend) {
            return 0;
        }
    }
    return partition->n_vps != 0;
}

static hv_status_t suspend_set(struct partition *partition, uint64_t value)
{
    for (uint32_t i = 0; i < HV_VPS; i++) {
        struct vp *vp = partition->vps[i];

        if (vp != NULL) {
            __atomic_store_n(&vp->explicit_suspend, value != 0, __ATOMIC_RELEASE);
            partition->hv->ops->kick(vp);
        }
    }
    return HV_STATUS_SUCCESS;
}

/* Compatibility version and the processor's words: what a parent may ask; a child's own CPUID is
 * the machine's. */
static const struct property_row property_rows[] = {
    { HV_PROPERTY_PRIVILEGE_FLAGS, PROPERTY_EARLY, 0, 0, UINT64_MAX, privileges_get,
      privileges_set },
    { 0x00010001, PROPERTY_EARLY, 0, 0, UINT64_MAX, features_get,
      features_set }, /* SyntheticProcFeatures: ours is EDX */
    { 0x00020000, PROPERTY_STORED, 0, 0, 1, suspend_get, suspend_set }, /* Suspend */
    { 0x00020001, PROPERTY_STORED, 0, 0, 0x10000, NULL, NULL },         /* CpuReserve */
    { 0x00020002, PROPERTY_STORED, 0x10000, 0, 0x10000, NULL, NULL },   /* CpuCap */
    { 0x00020003, PROPERTY_STORED, 100, 1, 10000, NULL, NULL },         /* CpuWeight */
    { 0x00020004, PROPERTY_STORED, 0, 0, 0, NULL, NULL },               /* CpuGroupId */
    { 0x00030003, PROPERTY_STORED, 0, 0, 0, NULL, NULL }, /* TimeFreeze: never frozen */
    { 0x00030005, PROPERTY_READ_ONLY, 0, 0, 0, reference_time_get, NULL }, /* ReferenceTime */
    { 0x00050000, PROPERTY_STORED, 0, 0, UINT32_MAX, NULL, NULL },         /* VirtualTlbPageCount */
    { 0x00050003, PROPERTY_STORED, 1, 1, HV_VPS, NULL, NULL },             /* ProcessorsPerSocket */
    { 0x00050010, PROPERTY_READ_ONLY, 0, 0, 0, address_bits_get,
      NULL },                                                 /* ImplementedPhysicalAddressBits */
    { 0x00050017, PROPERTY_STORED, 0, 0, 0, NULL, NULL },     /* UnimplementedMsrAction: #GP */
    { 0x00060003, PROPERTY_READ_ONLY, 64, 0, 0, NULL, NULL }, /* ProcessorCLFlushSize */
    { 0x00060006, PROPERTY_READ_ONLY, 0, 0, 0, address_bits_get, NULL }, /* PhysicalAddressWidth */
    { 0x00060009, PROPERTY_READ_ONLY, 0, 0, 0, tsc_hz_get, NULL }, /* ProcessorClockFrequency */
    { 0x00070000, PROPERTY_READ_ONLY, 0, 0, 0, guest_os_id_get, NULL }, /* GuestOsId */
};
_Static_assert(ARRAY_SIZE(property_rows) <= PARTITION_PROPERTIES, "one value each");

static const struct property_row *property_find(uint32_t code)
{
    for (unsigned i = 0; i < ARRAY_SIZE(property_rows); i++) {
        if (property_rows[i].code == code) {
            return &property_rows[i];
        }
    }
    return NULL;
}

uint32_t hv_property_code(unsigned index)
{
    return index < ARRAY_SIZE(property_rows) ? property_rows[index].code : 0;
}

void hv_property_set_initial(struct partition *partition)
{
    for (unsigned i = 0; i < ARRAY_SIZE(property_rows); i++) {
        partition->properties[i] = property_rows[i].initial;
    }
}

hv_status_t hv_property_get(struct partition *partition, uint32_t code, uint64_t *value)
{
    const struct property_row *row = property_find(code);

    if (row == NULL) {
        return HV_STATUS_UNKNOWN_PROPERTY;
    }
    if (partition->state != PARTITION_ACTIVE && row->access != PROPERTY_EARLY) {
        return HV_STATUS_INVALID_PARTITION_STATE;
    }
    *value = row->get != NULL ? row->get(partition) : partition->properties[row - property_rows];
    return HV_STATUS_SUCCESS;
}

hv_status_t hv_property_set(struct partition *partition, uint32_t code, uint64_t value)
{
    const struct property_row *row = property_find(code);

    if (row == NULL) {
        return HV_STATUS_UNKNOWN_PROPERTY;
    }
    if (partition->state != PARTITION_ACTIVE && row->access != PROPERTY_EARLY) {
        return HV_STATUS_INVALID_PARTITION_STATE;
    }
    if (row->access == PROPERTY_READ_ONLY) {
        return HV_STATUS_INVALID_PARAMETER;
    }
    if (value < row->min || value > row->max) {
        return HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE;
    }
    if (row->set != NULL) {
        return row->set(partition, value);
    }
    partition->properties[row - property_rows] = value;
    return HV_STATUS_SUCCESS;
}
