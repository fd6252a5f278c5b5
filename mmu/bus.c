/* Buses: find the region of an address, split accesses to what the region allows, answer what is
 * refused. */
#include "mmu/bus.h"

#include <errno.h>
#include <string.h>

void bus_init(struct bus *bus, enum io_space space)
{
    *bus = (struct bus){ .space = space };
}

/* Index of the first attachment whose end lies above the address. */
static unsigned bus_index(const struct bus *bus, uint64_t address)
{
    unsigned low = 0, high = bus->n;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        const struct bus_attachment *at = &bus->at[middle];
        if (at->base <= address && address - at->base >= at->region->length) {
            low = middle + 1;
        } else if (at->base > address) {
            high = middle;
        } else {
            return middle;
        }
    }
    return low;
}

int bus_attach(struct bus *bus, const struct io_region *region, uint64_t base, void *device,
               struct host_mutex *lock)
{
    if (region->space != bus->space || region->length == 0 || base + region->length < base) {
        return -EINVAL;
    }
    if (bus->n == BUS_ATTACHMENTS) {
        return -ENOSPC;
    }
    unsigned i = bus_index(bus, base);
    if (i < bus->n && bus->at[i].base < base + region->length) {
        return -EEXIST;
    }
    memmove(&bus->at[i + 1], &bus->at[i], (bus->n - i) * sizeof(bus->at[0]));
    bus->at[i] = (struct bus_attachment){ region, base, device, lock };
    bus->n++;
    bus->last = i;
    return 0;
}

void bus_detach(struct bus *bus, const struct io_region *region, void *device)
{
    for (unsigned i = 0; i < bus->n; i++) {
        if (bus->at[i].region == region && bus->at[i].device == device) {
            memmove(&bus->at[i], &bus->at[i + 1], (bus->n - i - 1) * sizeof(bus->at[0]));
            bus->n--;
            bus->last = 0;
            return;
        }
    }
}

static bool bus_covers(const struct bus_attachment *at, uint64_t address)
{
    return address >= at->base && address - at->base < at->region->length;
}

/* The attachment that holds the address, or NULL with *next the one above it (or NULL). */
static const struct bus_attachment *bus_find(struct bus *bus, uint64_t address,
                                             const struct bus_attachment **next)
{
    unsigned last = __atomic_load_n(&bus->last, __ATOMIC_RELAXED);
    if (last < bus->n && bus_covers(&bus->at[last], address)) {
        return &bus->at[last];
    }
    unsigned i = bus_index(bus, address);
    *next = i < bus->n ? &bus->at[i] : NULL;
    if (i < bus->n && bus_covers(&bus->at[i], address)) {
        __atomic_store_n(&bus->last, i, __ATOMIC_RELAXED);
        return &bus->at[i];
    }
    return NULL;
}

/* One legal access. A refused read is all ones, a refused write is dropped. */
static enum io_status bus_access(const struct bus_attachment *at, uint64_t offset, uint32_t size,
                                 uint64_t *value, bool write)
{
    const struct io_region *region = at->region;
    enum io_status status = IO_NO_REGISTER;
    if (at->lock != NULL) {
        host_mutex_lock(at->lock);
    }
    if (write && region->write != NULL) {
        status = region->write(at->device, offset, size, *value);
    } else if (!write && region->read != NULL) {
        status = region->read(at->device, offset, size, value);
    }
    if (at->lock != NULL) {
        host_mutex_unlock(at->lock);
    }
    if (status == IO_SUSPEND) {
        return IO_SUSPEND;
    }
    if (status != IO_OK && !write) {
        *value = UINT64_MAX;
    }
    return IO_OK;
}

static uint64_t bus_mask(uint32_t size)
{
    return size >= 8 ? UINT64_MAX : (UINT64_C(1) << size * 8) - 1;
}

/* Access of 1, 2, 4 or 8 bytes: whole when one region takes it whole, else in halves where a half
 * may be legal. */
static enum io_status bus_split(struct bus *bus, uint64_t address, uint32_t size, uint64_t *value,
                                bool write, bool *found)
{
    const struct bus_attachment *next = NULL;
    const struct bus_attachment *at = bus_find(bus, address, &next);
    if (at != NULL) {
        uint64_t offset = address - at->base;
        *found = true;
        if ((at->region->sizes & size) != 0 && offset + size <= at->region->length) {
            enum io_status status = bus_access(at, offset, size, value, write);
            *value &= bus_mask(size);
            return status;
        }
    }
    bool smaller = at != NULL ? (at->region->sizes & (size - 1)) != 0
                              : next != NULL && next->base - address < size;
    if (size == 1 || !smaller) {
        *value = write ? *value : bus_mask(size);
        return IO_OK;
    }
    uint32_t half = size / 2;
    uint64_t low = *value & bus_mask(half), high = *value >> half * 8;
    enum io_status status = bus_split(bus, address, half, &low, write, found);
    if (status == IO_OK) {
        status = bus_split(bus, address + half, half, &high, write, found);
    }
    *value = low | high << half * 8;
    return status;
}

enum io_status bus_read(struct bus *bus, uint64_t address, uint32_t size, uint64_t *value,
                        bool *found)
{
    bool any = false;
    *value = 0;
    enum io_status status = bus_split(bus, address, size, value, false, &any);
    if (found != NULL) {
        *found = any;
    }
    return status;
}

enum io_status bus_write(struct bus *bus, uint64_t address, uint32_t size, uint64_t value,
                         bool *found)
{
    bool any = false;
    value &= bus_mask(size);
    enum io_status status = bus_split(bus, address, size, &value, true, &any);
    if (found != NULL) {
        *found = any;
    }
    return status;
}
