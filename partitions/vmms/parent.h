/* The built-in parent: makes a child partition and starts its VPs, by hypercalls with the root's
 * authority. */
#ifndef PARTITIONS_VMMS_PARENT_H
#define PARTITIONS_VMMS_PARENT_H

#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "partitions/hv/hv.h"

struct machine;
struct partition;

/* Pages of the parent's own that a child of this size needs deposited, with room to spare. */
uint64_t parent_pool_pages(uint64_t memory_bytes, unsigned cpus);

struct parent_child {
    uint64_t first_page; /* of the parent's own */
    uint64_t memory_bytes;
    unsigned cpus;
    uint64_t low_limit, high_base; /* guest memory above low_limit lies at high_base */
    uint64_t privileges;
};

/* Create, deposit, initialize, map GPA pages. The parent's pages from first_page on become the child's
 * memory, those after them its pool. 0 or -errno; the sentence names the hypercall and its status.
 */
WARN_UNUSED int parent_create_child(struct machine *machine, const struct parent_child *config,
                                    struct partition **child, struct error *error);

/* VPs 0..cpus-1 of the partition (a child, or the root itself). They stand explicitly suspended. */
WARN_UNUSED int parent_create_vps(struct machine *machine, struct partition *partition,
                                  unsigned cpus, struct error *error);

/* One VP more, standing suspended. */
WARN_UNUSED int parent_create_vp(struct machine *machine, struct partition *partition,
                                 uint32_t index, struct error *error);

struct hv_register_assignment {
    uint32_t name;
    uint64_t low, high;
};

WARN_UNUSED int parent_set_registers(struct machine *machine, struct partition *partition,
                                     uint32_t vp, const struct hv_register_assignment *registers,
                                     unsigned n, struct error *error);

/* Clear ExplicitSuspend of every VP. */
WARN_UNUSED int parent_start(struct machine *machine, struct partition *partition,
                             struct error *error);
/* Set it. */
WARN_UNUSED int parent_stop(struct machine *machine, struct partition *partition,
                            struct error *error);

#endif
