/* 82093AA I/O APIC with the EOI register: 24 pins to message-signalled interrupts. [DS 82093AA]
 * [SDM 3A 10.8.5] */
#ifndef DEVICES_CHIPSET_IOAPIC_H
#define DEVICES_CHIPSET_IOAPIC_H

#include "devices/device.h"
#include "devices/irq.h"

enum { IOAPIC_PINS = 24, IOAPIC_VERSION = 0x20 };

#define IOAPIC_ADDRESS UINT64_C(0xfec00000)

struct ioapic {
    struct device dev;
    uint8_t id;
    uint8_t select;                 /* IOREGSEL */
    uint32_t lines;                 /* asserted pins, whatever their polarity bit says */
    uint32_t sources[IOAPIC_PINS];  /* who asserts each */
    uint64_t redirect[IOAPIC_PINS]; /* as the guest reads them, with remote IRR in bit 14 */
    struct msi_router router;
};

extern const struct device_type ioapic_device_type;

/* router: where messages go; called with the I/O APIC's lock held, so it only posts (lapic_deliver
 * does). */
void ioapic_init(struct ioapic *ioapic, struct trace *trace, uint32_t partition, uint8_t id,
                 struct msi_router router);

/* Sink for struct irq_line: number 0..23. level means asserted; the polarity bit is kept but
 * changes nothing. */
void ioapic_set_line(void *ioapic, unsigned number, unsigned source, bool level);

/* A local APIC ended a level interrupt of this vector: clear remote IRR, send again what is still
 * asserted. */
void ioapic_eoi(struct ioapic *ioapic, uint8_t vector);

#endif
