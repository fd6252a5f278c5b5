/* The board: chips on a partition's buses and the wires between them. [DS 82371SB; SDM 3A 10] */
#include "partitions/board.h"

#include <errno.h>
#include <stdlib.h>

#include "base/host/time.h"
#include "devices/chipset/cmos.h"
#include "devices/chipset/i8042.h"
#include "devices/chipset/ioapic.h"
#include "devices/chipset/lapic.h"
#include "devices/chipset/pic.h"
#include "devices/chipset/pit.h"
#include "devices/chipset/pm.h"
#include "devices/chipset/uart16550.h"
#include "partitions/hv/hv.h"
#include "partitions/machine.h"
#include "partitions/partition.h"
#include "partitions/vp.h"
#include "partitions/vp_glue.h"

struct board {
    struct machine *machine;
    struct partition *partition;
    struct board_callbacks callbacks;
    struct bus ports, mmio;
    struct pic pic;
    struct pit pit;
    struct cmos cmos;
    struct ioapic ioapic;
    struct uart16550 serial;
    struct pm pm;
    struct i8042 i8042;
    struct device coprocessor;   /* FERR# latch: port 0xf0 */
    uint64_t looked_ns, used_ns; /* board_starves */
};

/* ---- wires ---- */

/* An ISA interrupt reaches both controllers; the timer's is pin 2 of the I/O APIC (MADT override).
 */
static void isa_line_set(void *sink, unsigned number, unsigned source, bool level)
{
    struct board *board = sink;

    pic_set_line(&board->pic, number, source, level);
    ioapic_set_line(&board->ioapic, number == BOARD_IRQ_TIMER ? 2 : number, source, level);
}

static struct irq_line isa_line(struct board *board, unsigned number)
{
    return (struct irq_line){ .set = isa_line_set, .sink = board, .number = number };
}

static struct vp *board_vp(const struct board *board, uint32_t index)
{
    return partition_vp(board->partition, index);
}

/* INTR of the 8259s: LINT0 of the bootstrap processor. */
static void intr_set(void *sink, unsigned number, unsigned source, bool level)
{
    struct board *board = sink;

    (void)number;
    host_rwlock_read(&board->machine->vp_lock);
    struct vp *vp = board_vp(board, 0);
    if (vp != NULL) {
        lapic_set_line(vp->lapic, 0, source, level);
    }
    host_rwlock_unlock(&board->machine->vp_lock);
}

/* An interrupt waits for the bootstrap processor, whose thread has had less than half of the host's processor since the
 * last look. The clock's thread, which starts and joins the others. */
static bool board_starves(void *opaque)
{
    struct board *board = opaque;
    struct machine *machine = board->machine;
    uint64_t now = host_monotonic_ns(), used = 0;
    bool waits = false;

    host_rwlock_read(&machine->vp_lock);
    struct vp *vp = board_vp(board, 0);
    for (unsigned i = 0; vp != NULL && i < MACHINE_VPS; i++) {
        struct logical_processor *lp = &machine->lp[i];
        if (__atomic_load_n(&lp->vp, __ATOMIC_ACQUIRE) == vp) {
            used = host_thread_used_ns(&lp->thread);
            waits = lapic_pending(vp->lapic);
            break;
        }
    }
    host_rwlock_unlock(&machine->vp_lock);
    bool starves = waits && (used - board->used_ns) * 2 < now - board->looked_ns;
    board->looked_ns = now;
    board->used_ns = used;
    return starves;
}

/* ---- messages to local APICs ---- */

/* [SDM 3A 10.6.2] sender: of an IPI, else NULL. */
static bool deliver(struct partition *partition, const struct lapic_message *message, uint64_t icr,
                    struct lapic *sender)
{
    struct lapic *lowest = NULL;
    struct machine *machine = CONTAINER_OF(partition->hv, struct machine, hv);
    bool any = false;

    host_rwlock_read(&machine->vp_lock);
    for (uint32_t i = 0; i < HV_VPS; i++) {
        struct vp *vp = partition_vp(partition, i);
        if (vp == NULL ||
            !(sender != NULL ? lapic_icr_targets(icr, sender, vp->lapic)
                             : lapic_matches(vp->lapic, message->logical, message->destination))) {
            continue;
        }
        any = true;
        if (message->mode != LAPIC_LOWEST) {
            lapic_deliver(vp->lapic, message->mode, message->vector, message->level);
        } else if (lowest == NULL ||
                   lapic_arbitration_priority(vp->lapic) < lapic_arbitration_priority(lowest)) {
            lowest = vp->lapic;
        }
    }
    if (lowest != NULL) {
        lapic_deliver(lowest, LAPIC_FIXED, message->vector, message->level);
    }
    host_rwlock_unlock(&machine->vp_lock);
    return any;
}

static void msi_send(void *opaque, struct msi_message msi)
{
    struct board *board = opaque;
    struct lapic_message message = lapic_message_from_msi(msi);

    deliver(board->partition, &message, 0, NULL);
}

void board_send_ipi(struct vp *sender, uint64_t icr)
{
    const struct lapic_message message = { .mode = lapic_icr_mode(icr), .vector = (uint8_t)icr };

    deliver(sender->partition, &message, icr, sender->lapic);
}

void board_apic_eoi(struct board *board, uint8_t vector)
{
    ioapic_eoi(&board->ioapic, vector);
}

bool board_assert_interrupt(struct partition *partition, const struct hv_interrupt *interrupt)
{
    const struct lapic_message message = {
        .mode = (enum lapic_mode)interrupt->type,
        .vector = interrupt->vector,
        .level = interrupt->level,
        .logical = interrupt->logical,
        .destination = (uint32_t)interrupt->destination,
    };

    if (interrupt->type == HV_INTERRUPT_REMOTE_READ) {
        return false;
    }
    return deliver(partition, &message, 0, NULL);
}

/* ---- what ends the run ---- */

static void power_off(void *opaque)
{
    struct board *board = opaque;

    __atomic_store_n(&board->partition->power_off, true, __ATOMIC_RELEASE);
    __atomic_store_n(&board->machine->power_off, true, __ATOMIC_RELEASE);
    machine_kick(board->machine);
}

static void reset_requested(void *opaque)
{
    struct board *board = opaque;

    __atomic_store_n(&board->partition->reset, true, __ATOMIC_RELEASE);
    __atomic_store_n(&board->machine->reset, true, __ATOMIC_RELEASE);
    machine_kick(board->machine);
}

/* A processor-only reset (port 0x92, 0xcf9 soft) is answered like the whole one: firmware would end
 * up there. */
static void pm_reset(void *opaque, bool cold)
{
    (void)cold;
    reset_requested(opaque);
}

static const struct pm_ops pm_ops = { .power_off = power_off, .reset = pm_reset };
static const struct i8042_ops i8042_ops = { .reset = reset_requested };

static void serial_write(void *opaque, uint8_t byte)
{
    struct board *board = opaque;

    if (board->callbacks.serial_output != NULL) {
        board->callbacks.serial_output(board->callbacks.serial_opaque, &byte, 1);
    }
}

/* ---- FERR#: IRQ 13 until software writes port 0xf0 [DS 82371SB 3.2.5] ---- */

enum { COPROCESSOR_PORT = 0xf0 };

static enum io_status coprocessor_read(void *device, uint64_t offset, uint32_t size,
                                       uint64_t *value)
{
    (void)device, (void)offset, (void)size, (void)value;
    return IO_NO_REGISTER;
}

static enum io_status coprocessor_write(void *device, uint64_t offset, uint32_t size,
                                        uint64_t value)
{
    struct board *board = CONTAINER_OF((struct device *)device, struct board, coprocessor);

    (void)offset, (void)size, (void)value;
    isa_line_set(board, BOARD_IRQ_FPU, 0, false);
    return IO_OK;
}

static void coprocessor_reset(struct device *dev)
{
    isa_line_set(CONTAINER_OF(dev, struct board, coprocessor), BOARD_IRQ_FPU, 0, false);
}

static const struct io_region coprocessor_regions[] = {
    { "coprocessor", IO_PORT, 1, 1, coprocessor_read, coprocessor_write },
};

static const struct device_type coprocessor_type = {
    .name = "coprocessor",
    .size = sizeof(struct device),
    .reset = coprocessor_reset,
    .regions = coprocessor_regions,
    .n_regions = ARRAY_SIZE(coprocessor_regions),
};

/* ---- memory that is neither RAM nor on the bus ---- */

static enum io_status missed(void *opaque, void *vp_opaque, gpa_t gpa, unsigned right,
                             uint32_t size, uint64_t *value)
{
    struct partition *partition = opaque;
    struct vp *vp = vp_opaque;

    if (vp == NULL) {
        return IO_NO_REGISTER;
    }
    if (lapic_mmio_enabled(vp->lapic) && (gpa & PAGE_MASK) == lapic_mmio_base(vp->lapic)) {
        if (right == SPACE_WRITE) {
            lapic_write(vp->lapic, (uint32_t)(gpa & ~PAGE_MASK), size, *value);
        } else {
            *value = lapic_read(vp->lapic, (uint32_t)(gpa & ~PAGE_MASK), size);
        }
        return IO_OK;
    }
    struct machine *machine = vp_machine(vp);
    if (machine->config.hypervisor && machine->config.root_is_guest &&
        !partition_is_root(partition)) {
        struct hv_instruction instruction = { .length = vp->cpu.core.insn != NULL
                                                            ? vp->cpu.core.insn->length
                                                            : 0 };
        if (hv_intercept_gpa(vp, gpa, false, 0, right, &instruction)) {
            return IO_SUSPEND;
        }
    }
    return IO_NO_REGISTER;
}

static void narrowed(void *opaque)
{
    struct partition *partition = opaque;
    uint32_t left = __atomic_load_n(&partition->n_vps, __ATOMIC_ACQUIRE);

    for (uint32_t i = 0; left > 0 && i < HV_VPS; i++) {
        struct vp *vp = partition_vp(partition, i);

        if (vp == NULL) {
            continue;
        }
        left--;
        if (vp_is_parallel(vp)) {
            lp_space_changed(vp_glue_of(vp)->lp);
        } else {
            mmu_sync(&vp->cpu.core.mmu);
        }
    }
}

const struct space_ops board_space_ops = { .missed = missed, .narrowed = narrowed };

/* ---- construction ---- */

static int attach_all(struct board *board)
{
    struct {
        struct device *dev;
        unsigned region;
        uint64_t base;
    } const map[] = {
        { &board->pic.dev, PIC_REGION_MASTER, PIC_PORT_MASTER },
        { &board->pic.dev, PIC_REGION_SLAVE, PIC_PORT_SLAVE },
        { &board->pic.dev, PIC_REGION_ELCR, PIC_PORT_ELCR },
        { &board->pit.dev, PIT_REGION_COUNTERS, PIT_PORT },
        { &board->pit.dev, PIT_REGION_PORT_B, PIT_PORT_B },
        { &board->cmos.dev, 0, CMOS_PORT },
        { &board->serial.dev, 0, BOARD_PORT_SERIAL },
        { &board->ioapic.dev, 0, IOAPIC_ADDRESS },
        { &board->pm.dev, PM_REGION_ACPI, PM_PORT },
        { &board->pm.dev, PM_REGION_GPE0, PM_PORT_GPE0 },
        { &board->pm.dev, PM_REGION_RESET, PM_PORT_RESET },
        { &board->pm.dev, PM_REGION_PORT_A, PM_PORT_A },
        { &board->i8042.dev, I8042_REGION_DATA, I8042_PORT_DATA },
        { &board->i8042.dev, I8042_REGION_STATUS, I8042_PORT_STATUS },
        { &board->coprocessor, 0, COPROCESSOR_PORT },
    };

    for (size_t i = 0; i < ARRAY_SIZE(map); i++) {
        const struct io_region *region = &map[i].dev->type->regions[map[i].region];
        struct bus *bus = region->space == IO_PORT ? &board->ports : &board->mmio;
        int status = bus_attach(bus, region, map[i].base, map[i].dev, &map[i].dev->lock);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

static void make_chips(struct board *board, uint64_t memory_bytes)
{
    struct trace *trace = &board->machine->trace;
    struct clock *clock = &board->machine->clock;
    uint32_t id = (uint32_t)board->partition->id;
    uint64_t low = memory_bytes < BOARD_LOW_MEMORY_LIMIT ? memory_bytes : BOARD_LOW_MEMORY_LIMIT;
    const struct cmos_config cmos = {
        .memory_below_4g = low,
        .memory_above_4g = memory_bytes - low,
        .wall_seconds =
            board->machine->config.virtual_time ? SCHEDULE_EPOCH_SECONDS : host_wall_seconds(),
    };

    pic_init(&board->pic, trace, id, (struct irq_line){ .set = intr_set, .sink = board });
    pit_init(&board->pit, trace, id, clock, isa_line(board, BOARD_IRQ_TIMER));
    if (!board->machine->config.virtual_time) {
        board->pit.starves = board_starves;
        board->pit.starves_opaque = board;
    }
    cmos_init(&board->cmos, trace, id, clock, isa_line(board, BOARD_IRQ_RTC), &cmos);
    ioapic_init(&board->ioapic, trace, id, 0,
                (struct msi_router){ .send = msi_send, .opaque = board });
    uart_init(&board->serial, trace, id, clock, isa_line(board, BOARD_IRQ_SERIAL),
              (struct uart_backend){ .write = serial_write, .opaque = board });
    pm_init(&board->pm, trace, id, clock, isa_line(board, BOARD_IRQ_SCI), true, &pm_ops, board);
    i8042_init(&board->i8042, trace, id, isa_line(board, I8042_IRQ_KEYBOARD),
               isa_line(board, I8042_IRQ_AUX), &i8042_ops, board);
    device_init(&board->coprocessor, &coprocessor_type, trace, id);
}

/* Every chip, in order of construction. */
enum { BOARD_CHIPS = 8 };

static void list_chips(struct board *board, struct device *chips[BOARD_CHIPS])
{
    struct device *const all[BOARD_CHIPS] = {
        &board->pic.dev,    &board->pit.dev, &board->cmos.dev,  &board->ioapic.dev,
        &board->serial.dev, &board->pm.dev,  &board->i8042.dev, &board->coprocessor,
    };

    for (unsigned i = 0; i < BOARD_CHIPS; i++) {
        chips[i] = all[i];
    }
}

struct board *board_create(struct machine *machine, struct partition *partition,
                           uint64_t memory_bytes, const struct board_callbacks *callbacks,
                           struct error *error)
{
    struct board *board = calloc(1, sizeof(*board));

    if (board == NULL) {
        error_set(error, -ENOMEM, "no memory for the board");
        return NULL;
    }
    board->machine = machine;
    board->partition = partition;
    board->callbacks = *callbacks;
    bus_init(&board->ports, IO_PORT);
    bus_init(&board->mmio, IO_MMIO);
    make_chips(board, memory_bytes);
    int status = attach_all(board);
    if (status != 0) {
        error_set(error, status, "two devices of the board claim one address");
        board_destroy(board);
        return NULL;
    }
    partition->ports = &board->ports;
    partition->mmio = &board->mmio;
    partition->space.mmio = &board->mmio;
    partition->space.ops = &board_space_ops;
    partition->space.ops_opaque = partition;
    partition->glue = board;
    return board;
}

void board_destroy(struct board *board)
{
    struct device *chips[BOARD_CHIPS];

    if (board == NULL) {
        return;
    }
    board->partition->ports = NULL;
    board->partition->mmio = NULL;
    board->partition->space.mmio = NULL;
    board->partition->glue = NULL;
    list_chips(board, chips);
    for (unsigned i = BOARD_CHIPS; i-- > 0;) {
        device_fini(chips[i]);
    }
    free(board);
}

void board_reset(struct board *board)
{
    struct device *chips[BOARD_CHIPS];

    list_chips(board, chips);
    for (unsigned i = 0; i < BOARD_CHIPS; i++) {
        device_reset(chips[i]);
    }
}

struct device *board_device(struct board *board, unsigned number)
{
    struct device *chips[BOARD_CHIPS];

    list_chips(board, chips);
    return number < BOARD_CHIPS ? chips[number] : NULL;
}

size_t board_serial_input(struct board *board, const uint8_t *bytes, size_t n)
{
    return uart_receive(&board->serial, bytes, n);
}

int board_acknowledge(struct board *board)
{
    return pic_acknowledge(&board->pic);
}

void board_fpu_error(struct board *board)
{
    isa_line_set(board, BOARD_IRQ_FPU, 0, true);
}

int board_clear_extint(struct board *board)
{
    return pic_pending(&board->pic) ? 1 : 0;
}
