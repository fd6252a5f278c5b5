/* The built-in parent's way into a child's memory. [docs/architecture.md, VMBus] */
#include "partitions/vmbus/gpa_map.h"

bool gpa_map_child(const struct partition *child, uint64_t gpfn, unsigned rights, spa_t *spa)
{
    struct space_page page = space_lookup_mapping(&child->space, gpfn << PAGE_SHIFT);

    if (page.kind != SPACE_RAM || (page.rights & rights) != rights ||
        child->hv->pages[page.spa >> PAGE_SHIFT].use != HV_PAGE_OWNED) {
        return false;
    }
    *spa = page.spa & PAGE_MASK;
    return true;
}
