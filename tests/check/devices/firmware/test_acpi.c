/* ACPI tables: signatures, checksums, pointers, fields, and the DSDT as iasl reads it. [ACPI 5.2]
 */
#include "devices/firmware/acpi.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "devices/firmware/aml.h"
#include "tests/check/check_main.h"

#define BASE UINT64_C(0xe0000)

static uint8_t buffer[0x20000];
static size_t used;
static gpa_t rsdp;

static const struct acpi_config machine = {
    .n_cpus = 3,
    .lapic_address = 0xfee00000,
    .ioapic_address = 0xfec00000,
    .ioapic_id = 3,
    .pm_port = 0x600,
    .gpe0_port = 0x620,
    .reset_port = 0xcf9,
    .reset_value = 6,
    .sci_irq = 9,
    .s5_type = 5,
    .pm_timer_32bit = true,
    .pic = true,
    .pit = true,
    .com1 = true,
    .rtc = true,
    .vmbus = true,
    .vmbus_window = { { 0xf8000000, 0x6c00000 }, { 0xfe0000000, 0x20000000 } },
};

static uint8_t *at(gpa_t gpa)
{
    ck_assert(gpa >= BASE && gpa < BASE + used);
    return buffer + (gpa - BASE);
}

static uint8_t sum(const uint8_t *bytes, size_t n)
{
    uint8_t total = 0;
    for (size_t i = 0; i < n; i++) {
        total = (uint8_t)(total + bytes[i]);
    }
    return total;
}

static void build(const struct acpi_config *config)
{
    struct error error = { "" };
    memset(buffer, 0xcc, sizeof(buffer));
    ck_assert_int_eq(acpi_build(config, BASE, buffer, sizeof(buffer), &rsdp, &used, &error), 0);
}

/* A table of the XSDT by its signature, its checksum verified. */
static uint8_t *table(const char *signature)
{
    uint8_t *xsdt = at(le64_load(at(rsdp) + 24));
    for (uint32_t i = 36; i < le32_load(xsdt + 4); i += 8) {
        uint8_t *t = at(le64_load(xsdt + i));
        if (memcmp(t, signature, 4) == 0) {
            ck_assert_uint_eq(sum(t, le32_load(t + 4)), 0);
            return t;
        }
    }
    return NULL;
}

START_TEST(root_pointers)
{
    build(&machine);
    uint8_t *r = at(rsdp);
    ck_assert_mem_eq(r, "RSD PTR ", 8);
    ck_assert_uint_eq(rsdp & 15, 0);
    ck_assert_uint_eq(sum(r, 20), 0);
    ck_assert_uint_eq(sum(r, 36), 0);
    uint8_t *rsdt = at(le32_load(r + 16)), *xsdt = at(le64_load(r + 24));
    ck_assert_mem_eq(rsdt, "RSDT", 4);
    ck_assert_mem_eq(xsdt, "XSDT", 4);
    ck_assert_uint_eq(sum(rsdt, le32_load(rsdt + 4)), 0);
    ck_assert_uint_eq(sum(xsdt, le32_load(xsdt + 4)), 0);
    ck_assert_uint_eq(le32_load(rsdt + 4) - 36, (le32_load(xsdt + 4) - 36) / 2);
    for (unsigned i = 0; i < (le32_load(rsdt + 4) - 36) / 4; i++) {
        ck_assert_uint_eq(le32_load(rsdt + 36 + 4 * i), le64_load(xsdt + 36 + 8 * i));
    }
    ck_assert(table("WAET") != NULL);
}
END_TEST

START_TEST(fadt_fields)
{
    build(&machine);
    uint8_t *t = table("FACP");
    ck_assert_uint_eq(le32_load(t + 4), 276);
    ck_assert_uint_eq(le16_load(t + 46), 9);
    ck_assert_uint_eq(le32_load(t + 48), 0); /* no SMI command: always ACPI */
    ck_assert_uint_eq(le32_load(t + 56), 0x600);
    ck_assert_uint_eq(le32_load(t + 64), 0x604);
    ck_assert_uint_eq(le32_load(t + 76), 0x608);
    ck_assert_uint_eq(le32_load(t + 80), 0x620);
    ck_assert_uint_eq(le32_load(t + 112) & (1u << 10 | 1u << 8), 1u << 10 | 1u << 8);
    ck_assert_uint_eq(t[116], 1);
    ck_assert_uint_eq(le64_load(t + 120), 0xcf9);
    ck_assert_uint_eq(t[128], 6);
    ck_assert_mem_eq(at(le32_load(t + 36)), "FACS", 4);
    ck_assert_uint_eq(le32_load(t + 36) & 63, 0);
    ck_assert_uint_eq(le64_load(t + 140), le32_load(t + 40));
    uint8_t *dsdt = at(le64_load(t + 140));
    ck_assert_mem_eq(dsdt, "DSDT", 4);
    ck_assert_uint_eq(sum(dsdt, le32_load(dsdt + 4)), 0);
}
END_TEST

START_TEST(madt_rows)
{
    static const uint32_t ids[] = { 0, 4, 300 };
    struct acpi_config config = machine;
    config.apic_ids = ids;
    build(&config);
    uint8_t *t = table("APIC");
    ck_assert_uint_eq(le32_load(t + 36), 0xfee00000);
    ck_assert_uint_eq(le32_load(t + 40), 1);
    unsigned count[10] = { 0 };
    uint32_t at_row = 44, end = le32_load(t + 4);
    while (at_row < end) {
        uint8_t *row = t + at_row;
        ck_assert_uint_lt(row[0], 10);
        count[row[0]]++;
        if (row[0] == 9) {
            ck_assert_uint_eq(le32_load(row + 4), 300);
            ck_assert_uint_eq(le32_load(row + 12), 2);
        } else if (row[0] == 1) {
            ck_assert_uint_eq(le32_load(row + 4), 0xfec00000);
        } else if (row[0] == 2 && row[3] == 0) {
            ck_assert_uint_eq(le32_load(row + 4), 2); /* the PIT is on input 2 */
        }
        ck_assert_uint_gt(row[1], 0);
        at_row += row[1];
    }
    ck_assert_uint_eq(at_row, end);
    ck_assert(count[0] == 2 && count[9] == 1 && count[1] == 1 && count[2] == 2 && count[4] == 1);
}
END_TEST

START_TEST(too_small_a_buffer_is_refused)
{
    struct error error = { "" };
    build(&machine);
    size_t need = used;
    for (size_t n = 0; n < need; n += 7) {
        ck_assert_int_eq(acpi_build(&machine, BASE, buffer, n, &rsdp, &used, &error), -ENOSPC);
    }
    ck_assert(error.text[0] != '\0');
}
END_TEST

START_TEST(many_processors_fit)
{
    struct acpi_config config = machine;
    config.n_cpus = 1024;
    build(&config);
    ck_assert(table("APIC") != NULL);
}
END_TEST

/* Bytes as iasl compiles the same ASL. [ACPI 20.2] */
START_TEST(aml_encodings)
{
    static const uint8_t expected[] = {
        0x10, 0x33, 0x5c, 0x5f, 0x53, 0x42, 0x5f,                               /* Scope (\_SB) */
        0x08, 0x5f, 0x48, 0x49, 0x44, 0x0c, 0x41, 0xd0, 0x05, 0x01,             /* _HID PNP0501 */
        0x08, 0x5f, 0x55, 0x49, 0x44, 0x00,                                     /* _UID Zero */
        0x08, 0x41, 0x42, 0x43, 0x5f, 0x0b, 0x34, 0x12,                         /* ABC 0x1234 */
        0x08, 0x5c, 0x2e, 0x41, 0x5f, 0x5f, 0x5f, 0x42, 0x5f, 0x5f, 0x5f, 0x01, /* \A.B One */
        0x08, 0x53, 0x5f, 0x5f, 0x5f, 0x0d, 0x68, 0x69, 0x00,                   /* S "hi" */
    };
    uint8_t out[80];
    struct aml aml;
    aml_init(&aml, out, sizeof(out));
    aml_scope_begin(&aml, "\\_SB");
    aml_name_eisa_id(&aml, "_HID", "PNP0501");
    aml_name_integer(&aml, "_UID", 0);
    aml_name_integer(&aml, "ABC", 0x1234);
    aml_name_integer(&aml, "\\A.B", 1);
    aml_name_string(&aml, "S", "hi");
    aml_end(&aml);
    ck_assert(!aml.full);
    ck_assert_mem_eq(out, expected, sizeof(expected));
}
END_TEST

/* iasl must take the DSDT apart without an error, and find what was put in. Without iasl the test
 * says so. */
START_TEST(iasl_reads_the_dsdt)
{
    if (system("command -v iasl >/dev/null 2>&1") != 0) {
        printf("skipped: iasl is not installed\n");
        return;
    }
    static const char *const wanted[] = {
        "Name (\\_S5, Package (0x04)",
        "Device (VMOD)",
        "\"ACPI0004\"",
        "Device (VMBS)",
        "\"VMBus\"",
        "0x00000000F8000000",
        "0x00000000FEBFFFFF",
        "0x0000000FE0000000",
        "0x0000000FFFFFFFFF",
        "EisaId (\"PNP0501\")",
        "EisaId (\"PNP0B00\")",
        "0x03F8",
        "{4}",
        "{8}",
        "\"ACPI0007\"",
    };
    build(&machine);
    uint8_t *dsdt = at(le64_load(table("FACP") + 140));
    char folder[] = "/tmp/verdite-acpi-XXXXXX", path[96], line[256];
    ck_assert(mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "%s/dsdt.aml", folder);
    FILE *f = fopen(path, "wb");
    ck_assert(f != NULL);
    ck_assert_uint_eq(fwrite(dsdt, 1, le32_load(dsdt + 4), f), le32_load(dsdt + 4));
    fclose(f);
    /* iasl's rule for the form of an id does not know Hyper-V's own "VMBus" */
    snprintf(line, sizeof(line),
             "cd %s && iasl -d dsdt.aml >log 2>&1 && sed 's/\"VMBus\"/\"VMBU0001\"/' dsdt.dsl "
             ">again.dsl && "
             "iasl -tc again.dsl >>log 2>&1",
             folder);
    int status = system(line);
    snprintf(path, sizeof(path), "%s/dsdt.dsl", folder);
    static char text[65536];
    f = fopen(path, "rb");
    size_t n = f != NULL ? fread(text, 1, sizeof(text) - 1, f) : 0;
    text[n] = '\0';
    if (f != NULL) {
        fclose(f);
    }
    snprintf(line, sizeof(line), "rm -rf %s", folder);
    ck_assert_int_eq(system(line), 0);
    ck_assert_msg(status == 0, "iasl found errors");
    for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        ck_assert_msg(strstr(text, wanted[i]) != NULL, "%s is missing", wanted[i]);
    }
}
END_TEST

START_TEST(no_vmbus_without_hypervisor)
{
    struct acpi_config config = machine;
    config.vmbus = false;
    build(&config);
    uint8_t *dsdt = at(le64_load(table("FACP") + 140));
    for (uint32_t i = 0; i + 5 < le32_load(dsdt + 4); i++) {
        ck_assert(memcmp(dsdt + i, "VMBus", 5) != 0);
    }
}
END_TEST

static Suite *suite_acpi(void)
{
    Suite *s = suite_create("devices/firmware/acpi");
    TCase *t = tcase_create("acpi");
    tcase_add_test(t, root_pointers);
    tcase_add_test(t, fadt_fields);
    tcase_add_test(t, madt_rows);
    tcase_add_test(t, too_small_a_buffer_is_refused);
    tcase_add_test(t, many_processors_fit);
    tcase_add_test(t, aml_encodings);
    tcase_add_test(t, iasl_reads_the_dsdt);
    tcase_add_test(t, no_vmbus_without_hypervisor);
    suite_add_tcase(s, t);
    return s;
}

CHECK_MAIN(suite_acpi())
