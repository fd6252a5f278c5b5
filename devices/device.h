/* What a device model is: a const type and an instance with its lock. */
#ifndef DEVICES_DEVICE_H
#define DEVICES_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/host/mutex.h"
#include "base/state.h"
#include "base/trace.h"
#include "mmu/bus.h"

struct device;

/* A device knows its memory, its lines, the clock and its backend: handed to its own init function, not listed here. */
struct device_type {
    const char *name;
    size_t size;                       /* bytes of the instance, struct device first */
    void (*reset)(struct device *dev); /* to power-on state */
    void (*fini)(struct device *dev);  /* may be NULL */
    const struct io_region *regions;   /* attached to addresses by the machine, never fixed here */
    size_t n_regions;
    struct state_table state; /* fields NULL: it has none */
};

struct device {
    const struct device_type *type;
    struct host_mutex
        lock; /* held by the bus around read and write, by callers of timer callbacks and reset */
    struct trace *trace;
    uint32_t partition; /* for trace only */
};

/* Fill the head of an instance (zeroed memory) and its lock. Each device's own init calls it first. */
void device_init(struct device *dev, const struct device_type *type, struct trace *trace,
                 uint32_t partition);
void device_fini(struct device *dev);
void device_reset(struct device *dev); /* takes the lock */

#endif
