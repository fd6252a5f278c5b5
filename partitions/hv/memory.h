/* Pools and mappings; private to partitions. [TLFS v2.0 7, 8] */
#ifndef PARTITIONS_HV_MEMORY_H
#define PARTITIONS_HV_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "partitions/hv/status.h"

struct partition;

/* Pages that objects take from a pool. Ours: the specification only says that they take some. */
enum {
    HV_COST_PARTITION = 4,
    HV_COST_INITIALIZE = 16,
    HV_COST_VP = 8,
    HV_COST_PORT = 1,
    HV_COST_CONNECTION = 1
};
enum { HV_MAPPINGS_PER_TABLE = 512 };

/* A page becomes part of the pool. False: no host memory. */
WARN_UNUSED bool hv_pool_add(struct partition *partition, uint64_t spfn, uint64_t parent_gpfn);
/* Every page of the pool goes back to where it came from. */
void hv_pool_drain(struct partition *partition);

/* One page of `parent` at source appears in `child` at target; supersedes what was there. */
hv_status_t hv_memory_map(struct partition *parent, uint64_t source, struct partition *child,
                          uint64_t target, unsigned rights);
void hv_memory_unmap(struct partition *child, uint64_t target);
/* All of the child's mappings. */
void hv_memory_unmap_all(struct partition *child);

#endif
