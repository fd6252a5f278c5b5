/* 8254 timer with the PC's port 0x61: three counters on the machine's clock. [DS 82C54] */
#ifndef DEVICES_CHIPSET_PIT_H
#define DEVICES_CHIPSET_PIT_H

#include "base/clock.h"
#include "devices/device.h"
#include "devices/irq.h"

enum { PIT_HZ = 1193182, PIT_CHANNELS = 3 };

/* Attach regions[i] at these ports. */
enum { PIT_PORT = 0x40, PIT_PORT_B = 0x61 };
enum pit_region { PIT_REGION_COUNTERS, PIT_REGION_PORT_B };

/* One counter. Time is in periods of CLK ("ticks"); the machine was made at tick PIT_FIRST_TICK, so
 * that a period may have begun before it. */
#define PIT_FIRST_TICK UINT64_C(0x100000)

struct pit_channel {
    uint64_t start;      /* tick at which the counting element was (or will be) loaded with count */
    uint64_t held;       /* elapsed ticks kept while the gate stops modes 0 and 4 */
    uint32_t count;      /* N: 1..65536 (10000 in BCD) */
    uint32_t next_count; /* modes 1, 5: taken at the trigger; 2, 3: at reload_at; 0 none */
    uint64_t reload_at;  /* tick */
    uint16_t latch;
    uint8_t status;
    uint8_t mode, access, bcd;
    uint8_t gate;
    uint8_t counting;             /* a count was loaded (modes 1, 5: and triggered) */
    uint8_t armed;                /* the strobe of mode 4 or 5, the pulse of mode 1 is to come */
    uint8_t write_low, write_msb; /* half-written two-byte count */
    uint8_t read_msb;
    uint8_t latched, status_latched;
};

struct pit {
    struct device dev;
    struct clock *clock;
    struct timer timer;  /* next change of OUT 0 */
    struct irq_line irq; /* OUT 0 */
    uint64_t seen;       /* tick up to which OUT 0 was given to irq */
    uint64_t owed_at;    /* tick at which the next owed edge is given */
    uint32_t owed;       /* edges that the host was too late for */
    bool starved;        /* who takes the interrupts waits for the host's processor */
    /* Whether it is so; asked by the clock's thread. May be NULL. */
    bool (*starves)(void *opaque);
    void *starves_opaque;
    struct pit_channel channel[PIT_CHANNELS];
    uint8_t port_b; /* bits 3:0: gate 2, speaker data, parity and channel check enables */
};

extern const struct device_type pit_device_type;

void pit_init(struct pit *pit, struct trace *trace, uint32_t partition, struct clock *clock,
              struct irq_line irq);

#endif
