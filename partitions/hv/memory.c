/* Pools of deposited pages, and a parent's pages in its child. [TLFS v2.0 7, 8] */
#include "partitions/hv/memory.h"

#include <stdlib.h>

#include "partitions/hv/request.h"
#include "partitions/hv/trace.h"

/* ---- pools ---- */

bool hv_pool_add(struct partition *partition, uint64_t spfn, uint64_t parent_gpfn)
{
    struct hv_page *page = &partition->hv->pages[spfn];

    if (partition->pool_total == partition->pool_capacity) {
        uint64_t capacity = partition->pool_capacity == 0 ? 64 : partition->pool_capacity * 2;
        struct pool_page *pool = realloc(partition->pool, capacity * sizeof(*pool));

        if (pool == NULL) {
            return false;
        }
        partition->pool = pool;
        partition->pool_capacity = capacity;
    }
    partition->pool[partition->pool_total++] =
        (struct pool_page){ .spa = spfn << PAGE_SHIFT, .parent_gpfn = parent_gpfn };
    page->use = HV_PAGE_DEPOSITED;
    page->owner = (uint32_t)partition->id;
    return true;
}

/* The newest page of the pool goes back, zeroed, to where its giver and the root saw it. */
static uint64_t pool_remove(struct partition *partition)
{
    struct hypervisor *hv = partition->hv;
    struct partition *giver = partition->parent != NULL ? partition->parent : partition;
    struct pool_page last = partition->pool[--partition->pool_total];
    struct hv_page *page = &hv->pages[last.spa >> PAGE_SHIFT];

    ram_zero(hv->ram, last.spa, PAGE_SIZE);
    page->use = HV_PAGE_OWNED;
    page->owner = (uint32_t)hv->root->id;
    if (page->root_gpfn != UINT64_MAX &&
        space_map(&hv->root->space, page->root_gpfn, last.spa, 1, SPACE_RWX) != 0) {
        page->root_gpfn = UINT64_MAX; /* no host memory for the table: lost to the root */
    }
    if (giver != hv->root) {
        (void)hv_memory_map(hv->root, page->root_gpfn, giver, last.parent_gpfn, SPACE_RWX);
    }
    return last.parent_gpfn;
}

void hv_pool_drain(struct partition *partition)
{
    while (partition->pool_total > 0) {
        pool_remove(partition);
    }
}

static hv_status_t deposit(struct partition *caller, uint64_t gpfn, struct partition *target)
{
    struct hypervisor *hv = caller->hv;
    struct space_page at;
    struct hv_page *page;

    if (gpfn >> (hv->config.address_bits - PAGE_SHIFT) != 0) {
        return HV_STATUS_INVALID_PARAMETER;
    }
    at = space_lookup(&caller->space, gpfn << PAGE_SHIFT);
    if (at.kind != SPACE_RAM || at.rights != SPACE_RWX) {
        return HV_STATUS_OPERATION_DENIED;
    }
    page = &hv->pages[at.spa >> PAGE_SHIFT];
    if (at.overlay || page->use != HV_PAGE_OWNED) {
        return HV_STATUS_OBJECT_IN_USE;
    }
    for (const struct hv_mapping *m = page->mappings; m != NULL; m = m->next) {
        if (m->partition != caller || m->gpfn != gpfn) {
            return HV_STATUS_OPERATION_DENIED; /* someone else can reach it */
        }
    }
    if (!hv_pool_add(target, at.spa >> PAGE_SHIFT, gpfn)) {
        return HV_STATUS_NO_RESOURCES;
    }
    if (caller != hv->root) {
        hv_memory_unmap(caller, gpfn);
    }
    if (page->root_gpfn != UINT64_MAX) {
        space_unmap(&hv->root->space, page->root_gpfn, 1);
    }
    HV_TRACE(hv, DEPOSITED, target->id, -1, target->id, at.spa >> PAGE_SHIFT, target->pool_total);
    return HV_STATUS_SUCCESS;
}

hv_status_t hv_call_deposit_memory(struct hv_request *request)
{
    return deposit(request->caller->partition, le64_load(hv_request_element(request)),
                   request->target);
}

hv_status_t hv_call_withdraw_memory(struct hv_request *request)
{
    struct partition *target = request->target;

    if (!hv_proximity_ok(le64_load(request->in + 8))) {
        return HV_STATUS_INVALID_PARAMETER;
    }
    if (target->pool_total == target->pool_used) {
        return HV_STATUS_NO_RESOURCES;
    }
    le64_store(hv_request_out_element(request), pool_remove(target));
    return HV_STATUS_SUCCESS;
}

hv_status_t hv_call_get_memory_balance(struct hv_request *request)
{
    if (!hv_proximity_ok(le64_load(request->in + 8))) {
        return HV_STATUS_INVALID_PARAMETER;
    }
    le64_store(request->out, request->target->pool_total - request->target->pool_used);
    le64_store(request->out + 8, request->target->pool_used);
    return HV_STATUS_SUCCESS;
}

/* ---- mappings ---- */

/* The pool pays for the tables that map its partition's pages. */
static bool tables_charge(struct partition *child, uint64_t mapped)
{
    uint64_t needed = (mapped + HV_MAPPINGS_PER_TABLE - 1) / HV_MAPPINGS_PER_TABLE;

    if (needed > child->map_charged) {
        if (!partition_charge(child, needed - child->map_charged)) {
            return false;
        }
    } else {
        partition_uncharge(child, child->map_charged - needed);
    }
    child->map_charged = needed;
    return true;
}

static void mapping_remove(struct partition *child, uint64_t spfn, uint64_t gpfn)
{
    struct hv_mapping **link = &child->hv->pages[spfn].mappings;

    while (*link != NULL && ((*link)->partition != child || (*link)->gpfn != gpfn)) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        struct hv_mapping *gone = *link;

        *link = gone->next;
        free(gone);
        child->mapped_pages--;
    }
}

/* The RAM page under gpfn, overlays left out of account; false: none. */
static bool mapped_page(const struct partition *partition, uint64_t gpfn, struct space_page *page)
{
    *page = space_lookup_mapping(&partition->space, gpfn << PAGE_SHIFT);
    return page->kind == SPACE_RAM;
}

hv_status_t hv_memory_map(struct partition *parent, uint64_t source, struct partition *child,
                          uint64_t target, unsigned rights)
{
    struct hypervisor *hv = parent->hv;
    struct space_page from, old;
    struct hv_mapping *mapping;
    uint64_t limit = UINT64_C(1) << (hv->config.address_bits - PAGE_SHIFT);
    bool replaces;

    if (source >= limit || target >= limit) {
        return HV_STATUS_INVALID_PARAMETER;
    }
    if (!mapped_page(parent, source, &from) || (rights & ~from.rights) != 0 ||
        hv->pages[from.spa >> PAGE_SHIFT].use != HV_PAGE_OWNED) {
        return HV_STATUS_OPERATION_DENIED;
    }
    replaces = mapped_page(child, target, &old);
    if (!tables_charge(child, child->mapped_pages + !replaces)) {
        return HV_STATUS_INSUFFICIENT_MEMORY;
    }
    mapping = malloc(sizeof(*mapping));
    if (mapping == NULL || space_map(&child->space, target, from.spa, 1, rights) != 0) {
        free(mapping);
        tables_charge(child, child->mapped_pages);
        return HV_STATUS_NO_RESOURCES;
    }
    if (replaces) {
        mapping_remove(child, old.spa >> PAGE_SHIFT, target);
    }
    *mapping = (struct hv_mapping){ .next = hv->pages[from.spa >> PAGE_SHIFT].mappings,
                                    .partition = child,
                                    .gpfn = target };
    hv->pages[from.spa >> PAGE_SHIFT].mappings = mapping;
    child->mapped_pages++;
    HV_TRACE(hv, MEMORY_MAPPED, child->id, -1, child->id, target, from.spa >> PAGE_SHIFT, rights);
    return HV_STATUS_SUCCESS;
}

void hv_memory_unmap(struct partition *child, uint64_t target)
{
    struct space_page old;

    if (!mapped_page(child, target, &old)) {
        return;
    }
    space_unmap(&child->space, target, 1);
    mapping_remove(child, old.spa >> PAGE_SHIFT, target);
    (void)tables_charge(child, child->mapped_pages); /* never grows here */
    HV_TRACE(child->hv, MEMORY_UNMAPPED, child->id, -1, child->id, target);
}

void hv_memory_unmap_all(struct partition *child)
{
    struct hypervisor *hv = child->hv;

    for (uint64_t spfn = 0; spfn < hv->ram->n_pages && child->mapped_pages > 0; spfn++) {
        struct hv_mapping **link = &hv->pages[spfn].mappings;

        while (*link != NULL) {
            struct hv_mapping *mapping = *link;

            if (mapping->partition != child) {
                link = &mapping->next;
                continue;
            }
            space_unmap(&child->space, mapping->gpfn, 1);
            *link = mapping->next;
            free(mapping);
            child->mapped_pages--;
        }
    }
}

/* ---- MapGpaPages and kin ---- */

/* [TLFS hv_map_gpa_flags] */
enum {
    MAP_GPA_READABLE = 1u << 0,
    MAP_GPA_WRITABLE = 1u << 1,
    MAP_GPA_KERNEL_EXECUTABLE = 1u << 2,
    MAP_GPA_USER_EXECUTABLE = 1u << 3,
    MAP_GPA_NO_ACCESS = 1u << 16,
    MAP_GPA_UNCACHED = 1u << 21, /* caching is not modelled */
    MAP_GPA_RIGHTS = 0xf,
};

static bool map_rights(uint64_t flags, unsigned *rights)
{
    bool read = (flags & MAP_GPA_READABLE) != 0, write = (flags & MAP_GPA_WRITABLE) != 0;
    bool execute = (flags & (MAP_GPA_KERNEL_EXECUTABLE | MAP_GPA_USER_EXECUTABLE)) != 0;

    if ((flags & ~(uint64_t)(MAP_GPA_RIGHTS | MAP_GPA_NO_ACCESS | MAP_GPA_UNCACHED)) != 0 ||
        ((write || execute) && !read) || ((flags & MAP_GPA_NO_ACCESS) != 0 && read)) {
        return false;
    }
    *rights = (read ? SPACE_READ : 0u) | (write ? SPACE_WRITE : 0u) | (execute ? SPACE_EXEC : 0u);
    return true;
}

static void target_changed(struct hv_request *request)
{
    for (uint32_t i = 0, left = request->target->n_vps; left > 0 && i < HV_VPS; i++) {
        if (request->target->vps[i] != NULL) {
            request->hv->ops->kick(request->target->vps[i]);
            left--;
        }
    }
}

static hv_status_t map_one(struct hv_request *request, uint64_t flags, uint64_t source,
                           uint64_t target)
{
    unsigned rights;
    hv_status_t status;

    if (!map_rights(flags, &rights)) {
        return HV_STATUS_INVALID_PARAMETER;
    }
    status = hv_memory_map(request->caller->partition, source, request->target, target, rights);
    if (status == HV_STATUS_SUCCESS) {
        target_changed(request);
    }
    return status;
}

hv_status_t hv_call_map_gpa_pages(struct hv_request *request)
{
    return map_one(request, le64_load(request->in + 16), le64_load(hv_request_element(request)),
                   le64_load(request->in + 8) + request->index);
}

hv_status_t hv_call_map_sparse_gpa_pages(struct hv_request *request)
{
    const uint8_t *element = hv_request_element(request);

    return map_one(request, le64_load(request->in + 8), le64_load(element + 8), le64_load(element));
}

hv_status_t hv_call_unmap_gpa_pages(struct hv_request *request)
{
    enum { UNMAP_GPA_KEEP_PRECOMMITTED = 1u << 1 };
    uint64_t gpfn = le64_load(request->in + 8) + request->index;
    uint32_t flags = le32_load(request->in + 16);

    if ((flags & ~(uint32_t)UNMAP_GPA_KEEP_PRECOMMITTED) != 0 ||
        gpfn >> (request->hv->config.address_bits - PAGE_SHIFT) != 0) {
        return HV_STATUS_INVALID_PARAMETER; /* large pages are not built */
    }
    hv_memory_unmap(request->target, gpfn);
    target_changed(request);
    return HV_STATUS_SUCCESS;
}
