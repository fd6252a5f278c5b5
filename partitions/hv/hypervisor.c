/* RAM pages and who owns them, the root partition, ids. [TLFS v2.0 5.2, 7] */
#include "partitions/hv/hypervisor.h"

#include <errno.h>
#include <stdlib.h>

#include "partitions/hv/hv.h"
#include "partitions/hv/memory.h"
#include "partitions/hv/property.h"
#include "partitions/partition.h"

static int pages_init(struct hypervisor *hv, struct error *error)
{
    const struct hypervisor_config *config = &hv->config;

    if (config->reserved_spfn > hv->ram->n_pages ||
        config->reserved_pages > hv->ram->n_pages - config->reserved_spfn ||
        config->root_pool_pages > config->reserved_pages) {
        return error_set(error, -EINVAL,
                         "the hypervisor's reserved pages lie outside the machine's RAM");
    }
    hv->pages = calloc(hv->ram->n_pages, sizeof(hv->pages[0]));
    if (hv->pages == NULL) {
        return error_set(error, -ENOMEM, "no memory to account for %llu pages of RAM",
                         (unsigned long long)hv->ram->n_pages);
    }
    for (uint64_t spfn = 0; spfn < hv->ram->n_pages; spfn++) {
        hv->pages[spfn].root_gpfn = UINT64_MAX;
        if (spfn - config->reserved_spfn < config->reserved_pages) {
            hv->pages[spfn].use = HV_PAGE_HYPERVISOR;
        }
    }
    return 0;
}

static int root_pool_init(struct hypervisor *hv)
{
    const struct hypervisor_config *config = &hv->config;
    uint64_t first = config->reserved_pages - config->root_pool_pages;

    for (uint64_t i = 0; i < config->root_pool_pages; i++) {
        uint64_t spfn = config->reserved_spfn + first + i;

        hv->pages[spfn].root_gpfn = config->reserved_gpfn + first + i;
        if (!hv_pool_add(hv->root, spfn, config->reserved_gpfn + first + i)) {
            return -ENOMEM;
        }
    }
    return 0;
}

int hypervisor_init(struct hypervisor *hv, const struct hypervisor_config *config,
                    struct error *error)
{
    int result;

    *hv =
        (struct hypervisor){ .config = *config,
                             .ram = config->ram,
                             .clock = config->clock,
                             .trace = config->trace,
                             .ops = config->ops,
                             .tsc_hz = config->tsc_hz != 0 ? config->tsc_hz : HV_TSC_HZ_DEFAULT,
                             .apic_hz = config->apic_hz != 0 ? config->apic_hz : HV_APIC_HZ_DEFAULT,
                             .next_partition_id = 1 };
    if (hv->config.address_bits == 0) {
        hv->config.address_bits = 40;
    }
    if (hv->config.max_vps == 0 || hv->config.max_vps > HV_VPS) {
        hv->config.max_vps = HV_VPS;
    }
    host_rwlock_init(&hv->lock);
    host_mutex_init(&hv->buffers_lock);
    result = pages_init(hv, error);
    if (result == 0) {
        hv_status_t status = partition_create(hv, NULL, 0, &hv->root);

        if (status != HV_STATUS_SUCCESS) {
            result = error_set(error, -ENOMEM, "the root partition cannot be created: HV_STATUS_%s",
                               hv_status_name(status));
        }
    }
    if (result == 0) {
        result = root_pool_init(hv);
        hv->root->privileges = hv_privileges_root() & ~config->withheld_privileges;
        hv_property_set_initial(hv->root);
    }
    if (result != 0) {
        hypervisor_fini(hv);
    }
    return result;
}

int hypervisor_root_map(struct hypervisor *hv, uint64_t gpfn, uint64_t spfn, uint64_t n_pages)
{
    int result;

    if (spfn > hv->ram->n_pages || n_pages > hv->ram->n_pages - spfn) {
        return -EINVAL;
    }
    for (uint64_t i = 0; i < n_pages; i++) {
        if (hv->pages[spfn + i].use != HV_PAGE_OWNED) {
            return -EINVAL;
        }
    }
    result = space_map(&hv->root->space, gpfn, spfn << PAGE_SHIFT, n_pages, SPACE_RWX);
    for (uint64_t i = 0; result == 0 && i < n_pages; i++) {
        hv->pages[spfn + i].root_gpfn = gpfn + i;
        hv->pages[spfn + i].owner = (uint32_t)hv->root->id;
    }
    return result;
}

void hypervisor_fini(struct hypervisor *hv)
{
    if (hv->pages == NULL) {
        return;
    }
    while (hv->n_partitions > 0) { /* newest first: children before parents */
        partition_destroy(hv->partitions[hv->n_partitions - 1]);
    }
    free(hv->pages);
    hv->pages = NULL;
    host_mutex_fini(&hv->buffers_lock);
    host_rwlock_fini(&hv->lock);
}

struct partition *hypervisor_partition(struct hypervisor *hv, uint64_t id)
{
    for (unsigned i = 0; i < hv->n_partitions; i++) {
        if (hv->partitions[i]->id == id) {
            return hv->partitions[i];
        }
    }
    return NULL;
}

bool hypervisor_page_alloc(struct hypervisor *hv, spa_t *spa)
{
    uint64_t first = hv->config.reserved_spfn;

    for (uint64_t i = 0; i < hv->config.reserved_pages - hv->config.root_pool_pages; i++) {
        struct hv_page *page = &hv->pages[first + i];

        if (page->use == HV_PAGE_HYPERVISOR && !page->allocated) {
            page->allocated = true;
            *spa = (first + i) << PAGE_SHIFT;
            ram_zero(hv->ram, *spa, PAGE_SIZE);
            return true;
        }
    }
    return false;
}

void hypervisor_page_free(struct hypervisor *hv, spa_t spa)
{
    hv->pages[spa >> PAGE_SHIFT].allocated = false;
}
