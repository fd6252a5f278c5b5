/* Overlay pages: RAM of the hypervisor that covers a GPA page. [TLFS overlay pages] */
#ifndef PARTITIONS_HV_OVERLAY_H
#define PARTITIONS_HV_OVERLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "mmu/addr.h"

struct hypervisor;
struct space;

/* The contents belong to the page, not to the GPA: moving the overlay moves them, unmapping
 * uncovers what was there. */
struct overlay {
    spa_t spa;     /* the page; valid when owned */
    uint64_t gpfn; /* where it lies; valid when mapped */
    bool owned, mapped;
};

WARN_UNUSED bool overlay_init(struct overlay *overlay, struct hypervisor *hv); /* false: no page */
void overlay_fini(struct overlay *overlay, struct hypervisor *hv, struct space *space);
/* Cover gpfn (uncovering the old place), or only uncover. False: no host memory; the old place
 * stays. */
WARN_UNUSED bool overlay_map(struct overlay *overlay, struct space *space, uint64_t gpfn,
                             unsigned rights);
void overlay_unmap(struct overlay *overlay, struct space *space);
/* Where the root finds the page when it does not choose. */
uint64_t overlay_root_gpfn(const struct overlay *overlay, const struct hypervisor *hv);

#endif
