/* ACPI tables of a machine: RSDP, RSDT, XSDT, FADT, FACS, MADT, WAET, DSDT. [ACPI 5.2] */
#ifndef DEVICES_FIRMWARE_ACPI_H
#define DEVICES_FIRMWARE_ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "mmu/addr.h"

struct acpi_window {
    gpa_t base;
    uint64_t length_bytes; /* 0: none */
};

/* What the tables describe. Ports as the devices were attached. */
struct acpi_config {
    unsigned n_cpus;
    const uint32_t *apic_ids; /* n_cpus of them, or NULL: 0, 1, ... */
    uint64_t lapic_address;
    uint64_t ioapic_address;
    uint8_t ioapic_id;
    uint16_t pm_port; /* PM1a event; control at +4, timer at +8 */
    uint16_t gpe0_port;
    uint16_t reset_port; /* 8-bit */
    uint8_t reset_value;
    uint8_t sci_irq;
    uint8_t s5_type; /* SLP_TYP of soft off */
    bool pm_timer_32bit;
    bool pic, pit, com1, rtc;           /* present, and to be described */
    bool vmbus;                         /* hypervisor on: the VMBus device and its module device */
    struct acpi_window vmbus_window[2]; /* MMIO for synthetic devices; the first below 4 GiB */
};

/*
 * Build everything into buffer (n bytes), to be stored at guest address base (aligned to 64). *rsdp
 * is its address, *used how many bytes were filled. 0, or -ENOSPC with the sentence when the buffer
 * is too small.
 */
WARN_UNUSED int acpi_build(const struct acpi_config *config, gpa_t base, uint8_t *buffer, size_t n,
                           gpa_t *rsdp, size_t *used, struct error *error);

#endif
