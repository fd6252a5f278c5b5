/* Buses: which device register answers a port or a memory-mapped address. */
#ifndef MMU_BUS_H
#define MMU_BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/host/mutex.h"
#include "mmu/addr.h"

/* Outcome of one register access. IO_SUSPEND unwinds the instruction before any effect; it restarts when the device
 * posts its completion. Anything else but IO_OK makes the bus answer as the real bus would (reads all ones, writes
 * dropped). */
enum io_status { IO_OK, IO_NO_REGISTER, IO_BAD_SIZE, IO_UNALIGNED, IO_SUSPEND };

enum io_space { IO_PORT, IO_MMIO };

/* One range of registers of a device type (const). `sizes` is a mask of legal access sizes in bytes: 1|2|4|8.
 * A larger access to a region that lacks the size is split into legal ones by the bus, little-endian, in order. */
struct io_region {
    const char *name;
    enum io_space space;
    uint32_t length; /* bytes */
    uint32_t sizes;
    enum io_status (*read)(void *device, uint64_t offset, uint32_t size, uint64_t *value);
    enum io_status (*write)(void *device, uint64_t offset, uint32_t size, uint64_t value);
};

enum { BUS_ATTACHMENTS = 128 };

struct bus_attachment {
    const struct io_region *region;
    uint64_t base;
    void *device;
    struct host_mutex *lock; /* the device's lock, taken around read and write */
};

/* Attachments change only while no VP of the partition runs, or on the only VP's thread. */
struct bus {
    enum io_space space;
    unsigned n;
    unsigned last; /* index of the latest hit, tried first (atomic; any value is safe) */
    struct bus_attachment at[BUS_ATTACHMENTS]; /* ordered by base, never overlapping */
};

void bus_init(struct bus *bus, enum io_space space);
/* -EEXIST when it would overlap, -ENOSPC when full. lock: the device's. */
WARN_UNUSED int bus_attach(struct bus *bus, const struct io_region *region, uint64_t base, void *device,
                           struct host_mutex *lock);
void bus_detach(struct bus *bus, const struct io_region *region, void *device);

/* size 1, 2, 4 or 8. IO_OK or IO_SUSPEND; refused accesses are answered here. *found tells (if not NULL)
 * whether any device claimed the address. */
enum io_status bus_read(struct bus *bus, uint64_t address, uint32_t size, uint64_t *value, bool *found);
enum io_status bus_write(struct bus *bus, uint64_t address, uint32_t size, uint64_t value, bool *found);

#endif
