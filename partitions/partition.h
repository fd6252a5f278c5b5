/* struct partition: GPA space, VPs, privileges, pool, ports. [TLFS partition-properties] */
#ifndef PARTITIONS_PARTITION_H
#define PARTITIONS_PARTITION_H

#include <stdbool.h>
#include <stdint.h>

#include "mmu/space.h"
#include "partitions/hv/hypervisor.h"
#include "partitions/hv/overlay.h"
#include "partitions/hv/status.h"

#define HV_PARTITION_ID_INVALID UINT64_C(0)
#define HV_PARTITION_ID_SELF    UINT64_MAX
#define HV_VP_INDEX_SELF        UINT32_C(0xfffffffe)

/* [TLFS v2.0 5.2.5] */
enum partition_state {
    PARTITION_UNINITIALIZED,
    PARTITION_ACTIVE,
    PARTITION_FINALIZING,
    PARTITION_FINALIZED,
};

/* A page of the pool: deposited by the parent from parent_gpfn. */
struct pool_page {
    spa_t spa;
    uint64_t parent_gpfn;
};

enum hv_intercept_type {
    HV_INTERCEPT_IO_PORT = 0,
    HV_INTERCEPT_MSR = 1,
    HV_INTERCEPT_CPUID = 2,
    HV_INTERCEPT_EXCEPTION = 3,
    HV_INTERCEPT_TYPES_SIMPLE = 4,
};
enum { HV_ACCESS_READ = 1u << 0, HV_ACCESS_WRITE = 1u << 1, HV_ACCESS_EXECUTE = 1u << 2 };

enum { PARTITION_CPUID_INTERCEPTS = 64 };

/* What the parent asked to be told of. Looked at by the VP's thread without the lock (bytes, set
 * rarely). */
struct partition_intercepts {
    uint8_t io[65536 / 8];
    bool msr;
    uint32_t cpuid[PARTITION_CPUID_INTERCEPTS];
    unsigned n_cpuid;
    uint32_t exceptions; /* bit: vector */
    bool halt;
};

enum { CRASH_REGISTERS = 5, PARTITION_PROPERTIES = 64 };

struct partition {
    uint64_t id;
    struct hypervisor *hv;
    struct partition *parent; /* NULL: the root */
    enum partition_state state;
    uint64_t privileges;
    uint64_t create_flags;
    struct space space;
    const char *name;         /* what its parent calls it: borrowed, NULL: nothing */
    /* (atomic) What its guest asked for, until the machine's owner takes it; and whether it ever wrote its crash MSRs. */
    bool power_off, reset, crashed;
    struct bus *ports, *mmio; /* borrowed, set by the machine; may be NULL */
    void *glue;               /* the machine's */

    struct vp *vps[HV_VPS];
    unsigned n_vps; /* (atomic) how many there are; indices may have holes */

    struct pool_page
        *pool; /* deposited pages, free or charged to objects: which is which does not matter */
    uint64_t pool_total, pool_capacity;
    uint64_t pool_used; /* pages of the pool that objects are charged with */
    uint64_t mapped_pages,
        map_charged; /* GPA mappings by the parent, and the pool pages that their tables take */
    uint64_t create_charged; /* pages of the parent's pool that this partition is charged with */

    uint32_t features;                         /* EDX of CPUID leaf 0x40000003 */
    uint64_t properties[PARTITION_PROPERTIES]; /* by row of hv/property.c */

    /* Partition-wide synthetic registers. */
    uint64_t guest_os_id, hypercall_msr, reference_tsc_msr, tsc_invariant_control;
    uint64_t crash[CRASH_REGISTERS], crash_control;
    struct overlay hypercall_page, reference_tsc_page;
    uint64_t tsc_scale;
    int64_t tsc_offset; /* 100 ns: reference time = (TSC * scale >> 64) + offset */

    struct port *port_list;
    struct connection *connection_list;
    struct partition_intercepts intercepts;
    struct vp *intercept_target; /* NULL: the parent's lowest VP */
};

/* Callers hold the hypervisor's lock. */
WARN_UNUSED hv_status_t partition_create(struct hypervisor *hv, struct partition *parent,
                                         uint64_t flags, struct partition **created);
/* The same with an id of its own, not below next_partition_id, and without a charge: for a machine that is restored. */
WARN_UNUSED hv_status_t partition_restore(struct hypervisor *hv, struct partition *parent,
                                          uint64_t id);
void partition_destroy(struct partition *partition);
unsigned partition_depth(const struct partition *partition);
struct vp *partition_vp(const struct partition *partition, uint32_t index); /* NULL: none */

static inline bool partition_is_root(const struct partition *partition)
{
    return partition->parent == 0;
}

/* Tear down what an active partition holds: VPs, ports, connections, mappings by its parent,
 * intercepts. */
void partition_finalize(struct partition *partition);

/* Charge pages to the pool: false leaves it unchanged (HV_STATUS_INSUFFICIENT_MEMORY). */
WARN_UNUSED bool partition_charge(struct partition *partition, uint64_t n_pages);
void partition_uncharge(struct partition *partition, uint64_t n_pages);

#endif
