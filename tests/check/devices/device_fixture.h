/* What device tests share: a virtual clock, a recorded wire, register access as the bus makes it.
 */
#ifndef TESTS_CHECK_DEVICES_DEVICE_FIXTURE_H
#define TESTS_CHECK_DEVICES_DEVICE_FIXTURE_H

#include "base/clock.h"
#include "devices/device.h"
#include "devices/irq.h"

#define MS     UINT64_C(1000000)
#define SECOND UINT64_C(1000000000)

struct wire {
    bool level;
    unsigned rises;
};

static inline void wire_set(void *sink, unsigned number, unsigned source, bool level)
{
    struct wire *wire = sink;
    (void)number;
    (void)source;
    wire->rises += level && !wire->level;
    wire->level = level;
}

static inline struct irq_line wire_line(struct wire *wire)
{
    return (struct irq_line){ .set = wire_set, .sink = wire };
}

/* Let virtual time pass, stopping at each timer on the way. */
static inline void pass(struct clock *clock, uint64_t ns)
{
    uint64_t end = clock_now_ns(clock) + ns;
    while (clock_next_ns(clock) <= end) {
        uint64_t next = clock_next_ns(clock), now = clock_now_ns(clock);
        clock_advance(clock, next > now ? next - now : 0);
        clock_run(clock);
    }
    clock_advance(clock, end - clock_now_ns(clock));
    clock_run(clock);
}

static inline uint64_t reg_read(void *dev, unsigned region, uint64_t offset, uint32_t size)
{
    uint64_t value = 0;
    const struct io_region *r = &((struct device *)dev)->type->regions[region];
    return r->read(dev, offset, size, &value) == IO_OK ? value : UINT64_MAX;
}

static inline void reg_write(void *dev, unsigned region, uint64_t offset, uint32_t size,
                             uint64_t value)
{
    const struct io_region *r = &((struct device *)dev)->type->regions[region];
    (void)r->write(dev, offset, size, value);
}

#endif
