/* 8042 keyboard controller with nothing plugged in: commands, self-test, A20 and reset pulse. [DS
 * 8042 PS/2] */
#ifndef DEVICES_CHIPSET_I8042_H
#define DEVICES_CHIPSET_I8042_H

#include "devices/device.h"
#include "devices/irq.h"

/* Attach regions[i] at these ports. */
enum {
    I8042_PORT_DATA = 0x60,
    I8042_PORT_STATUS = 0x64,
    I8042_IRQ_KEYBOARD = 1,
    I8042_IRQ_AUX = 12
};
enum i8042_region { I8042_REGION_DATA, I8042_REGION_STATUS };

/* Calls upward, with the device's lock held: they only post. Any may be NULL. */
struct i8042_ops {
    void (*reset)(void *opaque);
    void (*a20)(void *opaque, bool on);
};

struct i8042 {
    struct device dev;
    struct irq_line keyboard, aux; /* IRQ 1 and 12 */
    const struct i8042_ops *ops;
    void *opaque;
    uint8_t ram[32]; /* byte 0: the command byte */
    uint8_t status;
    uint8_t output;      /* output buffer */
    uint8_t output_port; /* P2: bit 0 reset (low), bit 1 A20 */
    uint8_t pending;     /* command that waits for its data byte; 0 none */
};

extern const struct device_type i8042_device_type;

void i8042_init(struct i8042 *i8042, struct trace *trace, uint32_t partition,
                struct irq_line keyboard, struct irq_line aux, const struct i8042_ops *ops,
                void *opaque);

#endif
