/* ACPI fixed hardware: PM1a, PM timer, GPE0, SCI; reset ports 0xcf9 and 0x92. [ACPI 4.8] [DS
 * 82371AB] */
#ifndef DEVICES_CHIPSET_PM_H
#define DEVICES_CHIPSET_PM_H

#include "base/clock.h"
#include "devices/device.h"
#include "devices/irq.h"

/* Where the tables of devices/firmware/acpi say it is; attach regions[i] there. */
enum {
    PM_PORT = 0x600,
    PM_PORT_EVENT = PM_PORT,       /* PM1a status, enable: 2 + 2 bytes */
    PM_PORT_CONTROL = PM_PORT + 4, /* PM1a control: 2 bytes */
    PM_PORT_TIMER = PM_PORT + 8,   /* 4 bytes */
    PM_PORT_GPE0 = PM_PORT + 0x20, /* status, enable: 4 + 4 bytes */
    PM_PORT_RESET = 0xcf9,
    PM_PORT_A = 0x92,
    PM_TIMER_HZ = 3579545,
    PM_SCI_IRQ = 9,
    PM_RESET_VALUE = 0x06,
    PM_SLP_TYP_S5 = 5, /* also in \_S5 of the DSDT */
};
enum pm_region { PM_REGION_ACPI, PM_REGION_GPE0, PM_REGION_RESET, PM_REGION_PORT_A };

/* Calls upward, with the device's lock held: they only post. Any may be NULL. */
struct pm_ops {
    void (*power_off)(void *opaque);
    void (*reset)(void *opaque,
                  bool cold); /* cold: the whole platform; else the processor's INIT */
    void (*a20)(void *opaque, bool on);
};

struct pm {
    struct device dev;
    struct clock *clock;
    struct timer timer;  /* the next carry of the PM timer, while TMR_EN is set */
    struct irq_line sci; /* level */
    const struct pm_ops *ops;
    void *opaque;
    uint64_t seen; /* PM timer ticks up to which TMR_STS is right */
    uint16_t status, enable, control;
    uint32_t gpe_status, gpe_enable;
    uint8_t reset_control; /* 0xcf9 */
    uint8_t port_a;        /* 0x92: bit 0 fast INIT, bit 1 A20 */
    bool timer_32bit;
};

extern const struct device_type pm_device_type;

/* timer_32bit: TMR_VAL_EXT, as the FADT must say too. */
void pm_init(struct pm *pm, struct trace *trace, uint32_t partition, struct clock *clock,
             struct irq_line sci, bool timer_32bit, const struct pm_ops *ops, void *opaque);

/* The user presses the power button: PWRBTN_STS, SCI when enabled. Any thread. */
void pm_press_power_button(struct pm *pm);

/* A general-purpose event 0..31 happens. Any thread. */
void pm_raise_gpe(struct pm *pm, unsigned gpe);

#endif
