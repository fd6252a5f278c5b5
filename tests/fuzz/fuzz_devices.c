/* Fuzz target: any bytes as a program of accesses to a board's ports and device memory, with typed
 * bytes, interrupts taken and time between them. */
#include <assert.h>
#include <stdlib.h>

#include "cpu/exec/model.h"
#include "devices/chipset/ioapic.h"
#include "devices/chipset/lapic.h"
#include "mmu/bus.h"
#include "partitions/board.h"
#include "partitions/machine.h"
#include "partitions/partition.h"
#include "partitions/vp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY_BYTES = 2 << 20, RESERVED_PAGES = 64, STEP_BYTES = 8 };

/* Where the board's devices are, for bytes that would rarely hit one. */
static const uint16_t ports[] = { 0x20, 0xa0,  0x40,  0x61,  0x70,  0x60,  0x64,
                                  0x92, 0x3f8, 0x4d0, 0x600, 0x608, 0xcf8, 0x620 };

static void count(void *opaque, const uint8_t *bytes, size_t n)
{
    (void)bytes;
    *(size_t *)opaque += n;
}

struct box {
    struct machine machine;
    struct partition *root;
    struct board *board;
    struct vp *vp;
};

static uint16_t port_of(const uint8_t *step)
{
    return (step[1] & 0x80) != 0 ? (uint16_t)(step[2] | step[3] << 8)
                                 : (uint16_t)(ports[step[1] % ARRAY_SIZE(ports)] + (step[2] & 7));
}

/* One step: what, where, how. */
static void take_step(struct box *box, const uint8_t *step)
{
    uint32_t size = 1u << (step[0] >> 4 & 3), value = 0;
    uint64_t read = 0, memory = IOAPIC_ADDRESS + (step[1] & 0x7f);

    for (unsigned i = 0; i < 4; i++) {
        value |= (uint32_t)step[4 + i] << 8 * i;
    }
    size = size == 8 ? 4 : size;
    switch (step[0] & 15) {
    case 0:
    case 1:
    case 2:
    case 3:
        assert(bus_write(box->root->ports, port_of(step), size, value, NULL) == IO_OK);
        break;
    case 4:
    case 5:
    case 6:
        assert(bus_read(box->root->ports, port_of(step), size, &read, NULL) == IO_OK);
        assert(read >> 8 * size == 0);
        break;
    case 7:
        (void)bus_write(box->root->mmio, memory, 1u << (step[0] >> 4 & 3), value, NULL);
        break;
    case 8:
        (void)bus_read(box->root->mmio, memory, 1u << (step[0] >> 4 & 3), &read, NULL);
        break;
    case 9:
        lapic_write(box->vp->lapic, (uint32_t)step[1] << 4 | step[2] % 16, size, value);
        break;
    case 10:
        (void)lapic_read(box->vp->lapic, (uint32_t)step[1] << 4 | step[2] % 16, size);
        break;
    case 11:
        (void)lapic_msr_write(box->vp->lapic,
                              (step[1] & 1) != 0 ? LAPIC_MSR_APIC_BASE : LAPIC_MSR_X2 + step[2],
                              value | (uint64_t)step[3] << 32);
        break;
    case 12:
        (void)board_serial_input(box->board, step + 1, step[0] >> 5);
        break;
    case 13:
        if (lapic_pending(box->vp->lapic) && lapic_acknowledge(box->vp->lapic) < 0) {
            (void)board_acknowledge(box->board);
        }
        break;
    case 14:
        clock_advance(&box->machine.clock, value % 100000000);
        clock_run(&box->machine.clock);
        break;
    default:
        (void)vp_prepare(box->vp);
        if (step[1] == 0) {
            board_reset(box->board);
        }
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t printed = 0;
    const struct machine_config config = {
        .ram_bytes = MEMORY_BYTES,
        .reserved_pages = RESERVED_PAGES,
        .root_pool_pages = RESERVED_PAGES / 2,
        .root_is_guest = true,
        .model = cpu_models[0],
    };
    const struct board_callbacks callbacks = { .serial_output = count, .serial_opaque = &printed };
    struct box *box = calloc(1, sizeof(*box));
    struct error error;

    if (size < STEP_BYTES || box == NULL ||
        machine_init(&box->machine, &config, NULL, &error) != 0) {
        free(box);
        return 0;
    }
    box->machine.clock.mode = CLOCK_MODE_VIRTUAL;
    box->root = box->machine.hv.root;
    box->board = board_create(&box->machine, box->root, MEMORY_BYTES, &callbacks, &error);
    box->vp = vp_create(&box->machine, box->root, 0);
    assert(box->board != NULL && box->vp != NULL);
    box->root->vps[0] = box->vp;
    box->root->n_vps = 1;
    for (size_t at = 0; at + STEP_BYTES <= size; at += STEP_BYTES) {
        take_step(box, data + at);
    }
    board_destroy(box->board);
    machine_fini(&box->machine);
    free(box);
    return 0;
}
