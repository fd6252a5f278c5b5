/* MC146818 real-time clock with 128 bytes of CMOS RAM. [DS MC146818A] [DS 82371SB RTC] */
#ifndef DEVICES_CHIPSET_CMOS_H
#define DEVICES_CHIPSET_CMOS_H

#include "base/clock.h"
#include "devices/device.h"
#include "devices/irq.h"

enum { CMOS_PORT = 0x70, CMOS_BYTES = 128, CMOS_CENTURY = 0x32 };

/* What the firmware would have found. */
struct cmos_config {
    uint64_t memory_below_4g; /* bytes of RAM from 0 */
    uint64_t memory_above_4g; /* bytes of RAM from 4 GiB */
    int64_t wall_seconds;     /* since 1970 UTC, at guest time now */
};

struct cmos {
    struct device dev;
    struct clock *clock;
    struct timer timer;  /* the next interrupt that is enabled */
    struct irq_line irq; /* IRQ 8 */
    uint8_t index;       /* of port 0x70; bit 7 masks NMI */
    uint8_t ram[CMOS_BYTES];
    int64_t base_seconds; /* time of day at guest time base_ns, as seconds since 1970 in the guest's
                             zone */
    uint64_t base_ns;
    uint64_t flags_ns; /* up to here periodic, alarm and update events are in register C */
};

extern const struct device_type cmos_device_type;

void cmos_init(struct cmos *cmos, struct trace *trace, uint32_t partition, struct clock *clock,
               struct irq_line irq, const struct cmos_config *config);

/* Bit 7 of port 0x70: NMI is masked. Any thread. */
bool cmos_nmi_masked(struct cmos *cmos);

#endif
