/* ACPI tables of a machine, laid one after the other into a buffer. [ACPI 5.2] */
#include "devices/firmware/acpi.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/firmware/aml.h"

enum {
    HEADER = 36,
    RSDP_BYTES = 36,
    FACS_BYTES = 64,
    FADT_BYTES = 276,
    DSDT_REVISION = 2,
    FADT_REVISION = 6,
    MADT_REVISION = 3,
};

enum {
    FADT_FIRMWARE_CTRL = 36,
    FADT_DSDT = 40,
    FADT_PROFILE = 45,
    FADT_SCI_INT = 46,
    FADT_PM1A_EVT = 56,
    FADT_PM1A_CNT = 64,
    FADT_PM_TMR = 76,
    FADT_GPE0 = 80,
    FADT_PM1_EVT_LEN = 88,
    FADT_PM1_CNT_LEN = 89,
    FADT_PM_TMR_LEN = 91,
    FADT_GPE0_LEN = 92,
    FADT_P_LVL2_LAT = 96,
    FADT_P_LVL3_LAT = 98,
    FADT_CENTURY = 108,
    FADT_BOOT_ARCH = 109,
    FADT_FLAGS = 112,
    FADT_RESET_REG = 116,
    FADT_RESET_VALUE = 128,
    FADT_X_FIRMWARE_CTRL = 132,
    FADT_X_DSDT = 140,
    FADT_X_PM1A_EVT = 148,
    FADT_X_PM1A_CNT = 172,
    FADT_X_PM_TMR = 208,
    FADT_X_GPE0 = 220,
};

enum {
    BOOT_ARCH_LEGACY = 1 << 0, /* COM ports and the like */
    BOOT_ARCH_NO_VGA = 1 << 2,
    BOOT_ARCH_NO_RTC = 1 << 5,
    FLAG_WBINVD = 1 << 0,
    FLAG_PROC_C1 = 1 << 2,
    FLAG_NO_SLEEP_BUTTON = 1 << 5,
    FLAG_RTC_NOT_FIXED = 1 << 6,
    FLAG_TMR_VAL_EXT = 1 << 8,
    FLAG_RESET_REG = 1 << 10,
    WAET_PM_TIMER_GOOD = 1 << 1, /* one read is enough */
    MADT_PCAT_COMPAT = 1,
};

struct acpi_build {
    uint8_t *out;
    size_t n, used;
    gpa_t base;
    bool full;
};

/* Room for a table, aligned; all zero. NULL when the buffer is full. */
static uint8_t *acpi_take(struct acpi_build *build, size_t bytes, size_t align, gpa_t *gpa)
{
    size_t at = (build->used + align - 1) & ~(align - 1);
    if (build->full || at > build->n || bytes > build->n - at) {
        build->full = true;
        return NULL;
    }
    memset(build->out + at, 0, bytes);
    build->used = at + bytes;
    *gpa = build->base + at;
    return build->out + at;
}

static uint8_t acpi_checksum(const uint8_t *bytes, size_t n)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum = (uint8_t)(sum + bytes[i]);
    }
    return (uint8_t)-sum;
}

/* Fill the header that all system description tables share, last of all. [ACPI 5.2.6] */
static void acpi_header(uint8_t *table, const char *signature, uint8_t revision, size_t bytes)
{
    memcpy(table, signature, 4);
    le32_store(table + 4, (uint32_t)bytes);
    table[8] = revision;
    memcpy(table + 10, "VERDIT", 6);
    memcpy(table + 16, "VERDITE ", 8);
    le32_store(table + 24, 1);
    memcpy(table + 28, "VRDT", 4);
    le32_store(table + 32, 1);
    table[9] = 0;
    table[9] = acpi_checksum(table, bytes);
}

/* Generic address: system I/O. access: 1 byte, 2 word, 3 double word. [ACPI 5.2.3.2] */
static void acpi_io_address(uint8_t *gas, uint16_t port, unsigned bits, uint8_t access)
{
    gas[0] = 1;
    gas[1] = (uint8_t)bits;
    gas[3] = access;
    le64_store(gas + 4, port);
}

/* ---- DSDT
 * ----------------------------------------------------------------------------------------------------
 */

static void acpi_legacy_device(struct aml *aml, const char *name, const char *hid, unsigned uid)
{
    aml_device_begin(aml, name);
    aml_name_eisa_id(aml, "_HID", hid);
    aml_name_integer(aml, "_UID", uid);
    aml_name_integer(aml, "_STA", 0x0f);
    aml_resources_begin(aml, "_CRS");
}

static void acpi_legacy_end(struct aml *aml)
{
    aml_resources_end(aml);
    aml_end(aml);
}

static void acpi_legacy_devices(struct aml *aml, const struct acpi_config *config)
{
    if (config->pic) {
        acpi_legacy_device(aml, "PIC", "PNP0000", 0);
        aml_resource_io(aml, 0x20, 2);
        aml_resource_io(aml, 0xa0, 2);
        aml_resource_io(aml, 0x4d0, 2);
        acpi_legacy_end(aml);
    }
    if (config->pit) {
        acpi_legacy_device(aml, "TIMR", "PNP0100", 0);
        aml_resource_io(aml, 0x40, 4);
        aml_resource_irq(aml, 0);
        acpi_legacy_end(aml);
    }
    if (config->rtc) {
        acpi_legacy_device(aml, "RTC", "PNP0B00", 0);
        aml_resource_io(aml, 0x70, 2);
        aml_resource_irq(aml, 8);
        acpi_legacy_end(aml);
    }
    if (config->com1) {
        acpi_legacy_device(aml, "COM1", "PNP0501", 1);
        aml_resource_io(aml, 0x3f8, 8);
        aml_resource_irq(aml, 4);
        acpi_legacy_end(aml);
    }
    acpi_legacy_device(aml, "SYSR", "PNP0C02", 0); /* ports that belong to the board */
    aml_resource_io(aml, config->pm_port, 12);
    aml_resource_io(aml, config->gpe0_port, 8);
    aml_resource_io(aml, 0x92, 1);
    aml_resource_io(aml, config->reset_port, 1);
    acpi_legacy_end(aml);
}

/* The module device owns the MMIO windows that VMBus hands out; VMBus is found beneath it. [LINUX
 * drivers/hv/vmbus_drv.c] */
static void acpi_vmbus(struct aml *aml, const struct acpi_config *config)
{
    aml_device_begin(aml, "VMOD");
    aml_name_string(aml, "_HID", "ACPI0004");
    aml_name_integer(aml, "_UID", 0);
    aml_resources_begin(aml, "_CRS");
    for (unsigned i = 0; i < 2; i++) {
        if (config->vmbus_window[i].length_bytes != 0) {
            aml_resource_memory_window(aml, config->vmbus_window[i].base,
                                       config->vmbus_window[i].length_bytes);
        }
    }
    aml_resources_end(aml);
    aml_device_begin(aml, "VMBS");
    aml_name_string(aml, "_HID", "VMBus");
    aml_name_integer(aml, "_UID", 0);
    aml_name_integer(aml, "_STA", 0x0f);
    aml_resources_begin(aml, "_CRS");
    aml_resources_end(aml);
    aml_end(aml);
    aml_end(aml);
}

static void acpi_processors(struct aml *aml, const struct acpi_config *config)
{
    static const char digits[] = "0123456789ABCDEF";
    for (unsigned i = 0; i < config->n_cpus; i++) {
        const char name[5] = { 'C', digits[i >> 8 & 15], digits[i >> 4 & 15], digits[i & 15], 0 };
        aml_device_begin(aml, name);
        aml_name_string(aml, "_HID", "ACPI0007");
        aml_name_integer(aml, "_UID", i);
        aml_end(aml);
    }
}

static gpa_t acpi_dsdt(struct acpi_build *build, const struct acpi_config *config)
{
    gpa_t gpa = 0;
    uint8_t *table = acpi_take(build, HEADER, 16, &gpa);
    if (table == NULL) {
        return 0;
    }
    struct aml aml;
    aml_init(&aml, build->out + build->used, build->n - build->used);
    const uint8_t s5[4] = { config->s5_type, config->s5_type, 0, 0 };
    aml_name_package(&aml, "\\_S5", s5, 4);
    aml_scope_begin(&aml, "\\_SB");
    acpi_processors(&aml, config);
    acpi_legacy_devices(&aml, config);
    if (config->vmbus) {
        acpi_vmbus(&aml, config);
    }
    aml_end(&aml);
    build->full = aml.full;
    build->used += aml.n;
    acpi_header(table, "DSDT", DSDT_REVISION, HEADER + aml.n);
    return gpa;
}

/* ---- the other tables
 * ---------------------------------------------------------------------------------------- */

static gpa_t acpi_facs(struct acpi_build *build)
{
    gpa_t gpa = 0;
    uint8_t *table = acpi_take(build, FACS_BYTES, 64, &gpa);
    if (table != NULL) {
        memcpy(table, "FACS", 4);
        le32_store(table + 4, FACS_BYTES);
        table[32] = 2; /* version */
    }
    return gpa;
}

static gpa_t acpi_fadt(struct acpi_build *build, const struct acpi_config *config, gpa_t facs,
                       gpa_t dsdt)
{
    gpa_t gpa = 0;
    uint8_t *t = acpi_take(build, FADT_BYTES, 16, &gpa);
    if (t == NULL) {
        return 0;
    }
    le32_store(t + FADT_FIRMWARE_CTRL, (uint32_t)facs);
    le32_store(t + FADT_DSDT, (uint32_t)dsdt);
    le64_store(t + FADT_X_DSDT,
               dsdt);    /* X_FIRMWARE_CTRL stays 0: only one of the two may be used */
    t[FADT_PROFILE] = 4; /* enterprise server */
    le16_store(t + FADT_SCI_INT, config->sci_irq);
    le32_store(t + FADT_PM1A_EVT, config->pm_port);
    le32_store(t + FADT_PM1A_CNT, config->pm_port + 4u);
    le32_store(t + FADT_PM_TMR, config->pm_port + 8u);
    le32_store(t + FADT_GPE0, config->gpe0_port);
    t[FADT_PM1_EVT_LEN] = 4;
    t[FADT_PM1_CNT_LEN] = 2;
    t[FADT_PM_TMR_LEN] = 4;
    t[FADT_GPE0_LEN] = 8;
    le16_store(t + FADT_P_LVL2_LAT, 0x0fff); /* no C2, no C3 */
    le16_store(t + FADT_P_LVL3_LAT, 0x0fff);
    t[FADT_CENTURY] = config->rtc ? 0x32 : 0;
    le16_store(t + FADT_BOOT_ARCH,
               (uint16_t)(BOOT_ARCH_NO_VGA | (config->com1 ? BOOT_ARCH_LEGACY : 0) |
                          (config->rtc ? 0 : BOOT_ARCH_NO_RTC)));
    le32_store(t + FADT_FLAGS, FLAG_WBINVD | FLAG_PROC_C1 | FLAG_NO_SLEEP_BUTTON |
                                   FLAG_RTC_NOT_FIXED | FLAG_RESET_REG |
                                   (config->pm_timer_32bit ? FLAG_TMR_VAL_EXT : 0u));
    acpi_io_address(t + FADT_RESET_REG, config->reset_port, 8, 1);
    t[FADT_RESET_VALUE] = config->reset_value;
    acpi_io_address(t + FADT_X_PM1A_EVT, config->pm_port, 32, 2);
    acpi_io_address(t + FADT_X_PM1A_CNT, (uint16_t)(config->pm_port + 4), 16, 2);
    acpi_io_address(t + FADT_X_PM_TMR, (uint16_t)(config->pm_port + 8), 32, 3);
    acpi_io_address(t + FADT_X_GPE0, config->gpe0_port, 64, 1);
    acpi_header(t, "FACP", FADT_REVISION, FADT_BYTES);
    return gpa;
}

/* ISA interrupt to I/O APIC input. flags: 0 as the bus, 5 edge high, 0xd level high.
 * [ACPI 5.2.12.5] */
static uint8_t *acpi_madt_override(uint8_t *p, uint8_t isa, uint8_t input, uint16_t flags)
{
    p[0] = 2;
    p[1] = 10;
    p[3] = isa;
    le32_store(p + 4, input);
    le16_store(p + 8, flags);
    return p + 10;
}

static uint8_t *acpi_madt_processor(uint8_t *p, unsigned uid, uint32_t id)
{
    if (id < 255 && uid < 255) {
        p[0] = 0;
        p[1] = 8;
        p[2] = (uint8_t)uid;
        p[3] = (uint8_t)id;
        le32_store(p + 4, 1); /* enabled */
        return p + 8;
    }
    p[0] = 9; /* local x2APIC */
    p[1] = 16;
    le32_store(p + 4, id);
    le32_store(p + 8, 1);
    le32_store(p + 12, uid);
    return p + 16;
}

static gpa_t acpi_madt(struct acpi_build *build, const struct acpi_config *config)
{
    gpa_t gpa = 0;
    size_t most = HEADER + 8 + 16 * (size_t)config->n_cpus + 12 + 20 + 6;
    uint8_t *t = acpi_take(build, most, 16, &gpa);
    if (t == NULL) {
        return 0;
    }
    le32_store(t + HEADER, (uint32_t)config->lapic_address);
    le32_store(t + HEADER + 4, config->pic ? MADT_PCAT_COMPAT : 0);
    uint8_t *p = t + HEADER + 8;
    for (unsigned i = 0; i < config->n_cpus; i++) {
        p = acpi_madt_processor(p, i, config->apic_ids != NULL ? config->apic_ids[i] : i);
    }
    p[0] = 1; /* I/O APIC, inputs from 0 */
    p[1] = 12;
    p[2] = config->ioapic_id;
    le32_store(p + 4, (uint32_t)config->ioapic_address);
    p += 12;
    p = acpi_madt_override(p, 0, 2, 0);
    p = acpi_madt_override(p, config->sci_irq, config->sci_irq, 0x0d);
    p[0] = 4; /* local APIC NMI: all processors, LINT1 */
    p[1] = 6;
    p[2] = 0xff;
    p[5] = 1;
    p += 6;
    size_t bytes = (size_t)(p - t);
    build->used -= most - bytes;
    acpi_header(t, "APIC", MADT_REVISION, bytes);
    return gpa;
}

static gpa_t acpi_waet(struct acpi_build *build)
{
    gpa_t gpa = 0;
    uint8_t *t = acpi_take(build, HEADER + 4, 16, &gpa);
    if (t != NULL) {
        le32_store(t + HEADER, WAET_PM_TIMER_GOOD);
        acpi_header(t, "WAET", 1, HEADER + 4);
    }
    return gpa;
}

/* RSDT or XSDT: entries of 4 or 8 bytes. */
static gpa_t acpi_root(struct acpi_build *build, const char *signature, size_t entry,
                       const gpa_t *tables, unsigned n)
{
    gpa_t gpa = 0;
    size_t bytes = HEADER + entry * n;
    uint8_t *t = acpi_take(build, bytes, 16, &gpa);
    if (t == NULL) {
        return 0;
    }
    for (unsigned i = 0; i < n; i++) {
        if (entry == 4) {
            le32_store(t + HEADER + 4 * i, (uint32_t)tables[i]);
        } else {
            le64_store(t + HEADER + 8 * i, tables[i]);
        }
    }
    acpi_header(t, signature, 1, bytes);
    return gpa;
}

int acpi_build(const struct acpi_config *config, gpa_t base, uint8_t *buffer, size_t n, gpa_t *rsdp,
               size_t *used, struct error *error)
{
    struct acpi_build build = { .out = buffer, .n = n, .base = base };
    uint8_t *root = acpi_take(&build, RSDP_BYTES, 16, rsdp);
    gpa_t facs = acpi_facs(&build), dsdt = acpi_dsdt(&build, config);
    gpa_t tables[3] = { acpi_fadt(&build, config, facs, dsdt), acpi_madt(&build, config),
                        acpi_waet(&build) };
    gpa_t rsdt = acpi_root(&build, "RSDT", 4, tables, 3);
    gpa_t xsdt = acpi_root(&build, "XSDT", 8, tables, 3);
    if (build.full || root == NULL) {
        return error_set(error, -ENOSPC, "the ACPI tables do not fit into %zu bytes", n);
    }
    memcpy(root, "RSD PTR ", 8);
    memcpy(root + 9, "VERDIT", 6);
    root[15] = 2; /* revision */
    le32_store(root + 16, (uint32_t)rsdt);
    le32_store(root + 20, RSDP_BYTES);
    le64_store(root + 24, xsdt);
    root[8] = acpi_checksum(root, 20);
    root[32] = acpi_checksum(root, RSDP_BYTES);
    *used = build.used;
    return 0;
}
