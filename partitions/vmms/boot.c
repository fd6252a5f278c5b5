/* Direct boot: files into guest memory, the entry state into VP 0 by HvCallSetVpRegisters. [TLFS hv_register_name] */
#include "partitions/vmms/boot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/host/file.h"
#include "devices/chipset/ioapic.h"
#include "devices/chipset/lapic.h"
#include "devices/chipset/pm.h"
#include "devices/firmware/acpi.h"
#include "devices/firmware/linux_boot.h"
#include "partitions/board.h"
#include "partitions/machine.h"
#include "partitions/partition.h"
#include "partitions/vmms/parent.h"
#include "partitions/vp.h"

enum { FILE_LIMIT_BYTES = 1 << 30 };

_Static_assert(BOARD_LOW_MEMORY_LIMIT == BOOT_LOW_RAM_END && BOARD_HIGH_MEMORY == BOOT_HIGH_RAM,
               "one memory map");

int boot_read(struct boot_image *image, const char *kernel, const char *initrd, const char *append,
              struct error *error)
{
    int status;

    *image = (struct boot_image){ .kernel_path = kernel, .append = append };
    if (kernel == NULL) {
        return error_set(error, -EINVAL, "no kernel was named");
    }
    status = host_file_read(kernel, FILE_LIMIT_BYTES, &image->kernel, &image->kernel_bytes, error);
    if (status == 0 && initrd != NULL) {
        status =
            host_file_read(initrd, FILE_LIMIT_BYTES, &image->initrd, &image->initrd_bytes, error);
        if (status == 0 && image->initrd_bytes == 0) {
            status = error_set(error, -ENOEXEC, "%s: the file is empty", initrd);
        }
    }
    return status;
}

struct boot_file_facts boot_file_facts(const uint8_t *bytes, size_t n)
{
    return (struct boot_file_facts){ n, n == 0 ? 0 : (uint32_t)crc32_z(0, bytes, n) };
}

void boot_fini(struct boot_image *image)
{
    free(image->kernel);
    free(image->initrd);
    *image = (struct boot_image){ 0 };
}

static int guest_write(void *opaque, gpa_t gpa, const void *bytes, size_t n)
{
    struct partition *partition = opaque;

    return space_write(&partition->space, gpa, bytes, n) ? 0 : -EFAULT;
}

static struct hv_register_assignment segment(uint32_t name, const struct boot_segment *from)
{
    return (struct hv_register_assignment){
        .name = name,
        .low = from->base,
        .high = from->limit | (uint64_t)from->selector << 32 | (uint64_t)from->attributes << 48,
    };
}

static struct hv_register_assignment table(uint32_t name, uint64_t base, uint16_t limit)
{
    return (
        struct hv_register_assignment){ .name = name, .low = (uint64_t)limit << 48, .high = base };
}

/* [TLFS hv_register_name] */
enum {
    HV_X64_REGISTER_RBX = 0x00020003,
    HV_X64_REGISTER_RSP = 0x00020004,
    HV_X64_REGISTER_RSI = 0x00020006,
    HV_X64_REGISTER_RIP = 0x00020010,
    HV_X64_REGISTER_RFLAGS = 0x00020011,
    HV_X64_REGISTER_CR0 = 0x00040000,
    HV_X64_REGISTER_CR3 = 0x00040002,
    HV_X64_REGISTER_CR4 = 0x00040003,
    HV_X64_REGISTER_ES = 0x00060000,
    HV_X64_REGISTER_CS = 0x00060001,
    HV_X64_REGISTER_SS = 0x00060002,
    HV_X64_REGISTER_DS = 0x00060003,
    HV_X64_REGISTER_FS = 0x00060004,
    HV_X64_REGISTER_GS = 0x00060005,
    HV_X64_REGISTER_TR = 0x00060007,
    HV_X64_REGISTER_IDTR = 0x00070000,
    HV_X64_REGISTER_GDTR = 0x00070001,
    HV_X64_REGISTER_EFER = 0x00080001,
};

static int set_entry_state(struct machine *machine, struct partition *partition,
                           const struct boot_state *state, struct error *error)
{
    const struct hv_register_assignment registers[] = {
        { HV_X64_REGISTER_CR4, state->cr4, 0 },
        { HV_X64_REGISTER_CR3, state->cr3, 0 },
        { HV_X64_REGISTER_EFER, state->efer, 0 },
        { HV_X64_REGISTER_CR0, state->cr0, 0 },
        segment(HV_X64_REGISTER_CS, &state->code),
        segment(HV_X64_REGISTER_DS, &state->data),
        segment(HV_X64_REGISTER_ES, &state->data),
        segment(HV_X64_REGISTER_SS, &state->data),
        segment(HV_X64_REGISTER_FS, &state->data),
        segment(HV_X64_REGISTER_GS, &state->data),
        segment(HV_X64_REGISTER_TR, &state->task),
        table(HV_X64_REGISTER_GDTR, state->gdt_base, state->gdt_limit),
        table(HV_X64_REGISTER_IDTR, 0, state->idt_limit),
        { HV_X64_REGISTER_RIP, state->rip, 0 },
        { HV_X64_REGISTER_RSP, state->rsp, 0 },
        { HV_X64_REGISTER_RBX, state->rbx, 0 },
        { HV_X64_REGISTER_RSI, state->rsi, 0 },
        { HV_X64_REGISTER_RFLAGS, state->rflags, 0 },
    };

    /* As firmware leaves it: the 8259s reach the processor through LINT0. [MPS 3.6.2.2] */
    lapic_set_virtual_wire(partition_vp(partition, 0)->lapic);
    return parent_set_registers(machine, partition, 0, registers, ARRAY_SIZE(registers), error);
}

/* Where synthetic devices may put their registers: below the I/O APIC, and high. */
static const struct acpi_window vmbus_windows[2] = {
    { UINT64_C(0xf8000000), UINT64_C(0x6c00000) },
    { UINT64_C(0xfc0000000), UINT64_C(0x20000000) },
};

static int place_acpi(struct machine *machine, struct partition *partition, unsigned cpus,
                      gpa_t *rsdp, struct error *error)
{
    static const size_t room = BOOT_FIRMWARE_END - BOOT_FIRMWARE;
    const struct acpi_config config = {
        .n_cpus = cpus,
        .lapic_address = LAPIC_DEFAULT_BASE,
        .ioapic_address = IOAPIC_ADDRESS,
        .pm_port = PM_PORT,
        .gpe0_port = PM_PORT_GPE0,
        .reset_port = PM_PORT_RESET,
        .reset_value = PM_RESET_VALUE,
        .sci_irq = PM_SCI_IRQ,
        .s5_type = PM_SLP_TYP_S5,
        .pm_timer_32bit = true,
        .pic = true,
        .pit = true,
        .com1 = true,
        .rtc = true,
        .vmbus = machine->config.hypervisor,
        .vmbus_window = { vmbus_windows[0], vmbus_windows[1] },
    };
    uint8_t *buffer = calloc(1, room);
    size_t used;

    if (buffer == NULL) {
        return error_set(error, -ENOMEM, "no memory for the ACPI tables");
    }
    int status = acpi_build(&config, BOOT_FIRMWARE, buffer, room, rsdp, &used, error);
    if (status == 0) {
        status = guest_write(partition, BOOT_FIRMWARE, buffer, used);
        if (status != 0) {
            error_set(error, status, "the guest has no memory for the ACPI tables");
        }
    }
    free(buffer);
    return status;
}

int boot_place(const struct boot_image *image, struct machine *machine, struct partition *partition,
               uint64_t memory_bytes, unsigned cpus, struct error *error)
{
    struct boot_range map[BOOT_RANGES];
    struct boot_state state;
    gpa_t rsdp;
    int status = place_acpi(machine, partition, cpus, &rsdp, error);

    if (status != 0) {
        return status;
    }
    const struct linux_boot_config config = {
        .kernel_name = image->kernel_path,
        .kernel = image->kernel,
        .kernel_bytes = image->kernel_bytes,
        .initrd = image->initrd,
        .initrd_bytes = image->initrd_bytes,
        .append = image->append,
        .map = map,
        .n_map = boot_memory_map(memory_bytes, map),
        .rsdp = rsdp,
        .write = guest_write,
        .opaque = partition,
    };
    status = linux_boot_load(&config, &state, error);
    return status != 0 ? status : set_entry_state(machine, partition, &state, error);
}
