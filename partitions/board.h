/* The board of one partition: its chipset, the wires between the chips, and where they lie. */
#ifndef PARTITIONS_BOARD_H
#define PARTITIONS_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "mmu/space.h"

struct board;
struct device;
struct hv_interrupt;
struct machine;
struct partition;
struct vp;

/* Interrupt inputs, and addresses that the ACPI tables repeat. [DS 82371SB; ACPI 5.2.9] */
enum {
    BOARD_IRQ_TIMER = 0,
    BOARD_IRQ_SERIAL = 4,
    BOARD_IRQ_RTC = 8,
    BOARD_IRQ_SCI = 9,
    BOARD_IRQ_FPU = 13,
    BOARD_PORT_SERIAL = 0x3f8,
};

/* Guest memory below this lies below it, the rest above 4 GiB: the hole is for devices. */
#define BOARD_LOW_MEMORY_LIMIT UINT64_C(0xc0000000)
#define BOARD_HIGH_MEMORY      UINT64_C(0x100000000)

/* What the board tells its owner. power_off and reset post only. */
struct board_callbacks {
    void (*serial_output)(void *opaque, const uint8_t *bytes, size_t n);
    void *serial_opaque;
};

/* Makes the chips, attaches them to new port and memory buses of the partition. NULL: no host
 * memory. */
WARN_UNUSED struct board *board_create(struct machine *machine, struct partition *partition,
                                       uint64_t memory_bytes,
                                       const struct board_callbacks *callbacks,
                                       struct error *error);
void board_destroy(struct board *board);
void board_reset(struct board *board);

/* Its chips, for saved state; NULL after the last. */
struct device *board_device(struct board *board, unsigned number);

/* Any thread. Returns how many bytes were taken. */
size_t board_serial_input(struct board *board, const uint8_t *bytes, size_t n);

/* For vp.c. */
int board_acknowledge(struct board *board); /* INTA to the 8259s */
void board_fpu_error(struct board *board);  /* FERR# -> IRQ 13 */
int board_clear_extint(struct board *board);
void board_apic_eoi(struct board *board, uint8_t vector); /* a level interrupt was ended */
void board_send_ipi(struct vp *sender, uint64_t icr);
bool board_assert_interrupt(struct partition *partition, const struct hv_interrupt *interrupt);
extern const struct space_ops board_space_ops; /* opaque: the partition */

#endif
