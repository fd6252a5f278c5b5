/* Overlay pages over a partition's GPA space. [TLFS overlay pages] */
#include "partitions/hv/overlay.h"

#include "mmu/space.h"
#include "partitions/hv/hypervisor.h"

bool overlay_init(struct overlay *overlay, struct hypervisor *hv)
{
    spa_t spa;

    overlay->mapped = false;
    overlay->owned = hypervisor_page_alloc(hv, &spa);
    if (overlay->owned) {
        overlay->spa = spa;
    }
    return overlay->owned;
}

void overlay_fini(struct overlay *overlay, struct hypervisor *hv, struct space *space)
{
    overlay_unmap(overlay, space);
    if (overlay->owned) {
        hypervisor_page_free(hv, overlay->spa);
        overlay->owned = false;
    }
}

bool overlay_map(struct overlay *overlay, struct space *space, uint64_t gpfn, unsigned rights)
{
    if (overlay->mapped && overlay->gpfn == gpfn) {
        return true;
    }
    if (space_overlay_map(space, gpfn, overlay->spa, rights) != 0) {
        return false;
    }
    overlay_unmap(overlay, space);
    overlay->gpfn = gpfn;
    overlay->mapped = true;
    return true;
}

void overlay_unmap(struct overlay *overlay, struct space *space)
{
    if (overlay->mapped) {
        space_overlay_unmap(space, overlay->gpfn, overlay->spa);
        overlay->mapped = false;
    }
}

uint64_t overlay_root_gpfn(const struct overlay *overlay, const struct hypervisor *hv)
{
    return (overlay->spa >> PAGE_SHIFT) - hv->config.reserved_spfn + hv->config.reserved_gpfn;
}
