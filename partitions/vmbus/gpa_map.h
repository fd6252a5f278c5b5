/* The built-in parent's way into a child's memory: only pages that it mapped there itself. [docs/architecture.md, VMBus] */
#ifndef PARTITIONS_VMBUS_GPA_MAP_H
#define PARTITIONS_VMBUS_GPA_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "mmu/addr.h"
#include "partitions/partition.h"

/* The RAM page of a child's GPA page, when the parent mapped it with all of `rights` (SPACE_*). False: it is not mapped, or is in
 * a pool or the hypervisor's. Overlays of the child do not count: the parent sees the page that it gave. */
WARN_UNUSED bool gpa_map_child(const struct partition *child, uint64_t gpfn, unsigned rights,
                               spa_t *spa);

#endif
