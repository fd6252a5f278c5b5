/* I/O APIC: registers, edge, level with remote IRR, EOI, shared lines, message format. [DS 82093AA]
 * [SDM 3A 10.11] */
#include "devices/chipset/ioapic.h"

#include <string.h>

#include "tests/check/check_main.h"
#include "tests/check/devices/device_fixture.h"

static struct ioapic ioapic;
static struct msi_message last;
static unsigned n_sent;

static void record(void *opaque, struct msi_message message)
{
    (void)opaque;
    last = message;
    n_sent++;
}

static uint32_t get(unsigned index)
{
    reg_write(&ioapic, 0, 0x00, 4, index);
    return (uint32_t)reg_read(&ioapic, 0, 0x10, 4);
}

static void put(unsigned index, uint32_t value)
{
    reg_write(&ioapic, 0, 0x00, 4, index);
    reg_write(&ioapic, 0, 0x10, 4, value);
}

static void entry(unsigned pin, uint64_t value)
{
    put(0x10 + 2 * pin + 1, (uint32_t)(value >> 32));
    put(0x10 + 2 * pin, (uint32_t)value);
}

static void setup(void)
{
    memset(&ioapic, 0, sizeof(ioapic));
    n_sent = 0;
    ioapic_init(&ioapic, NULL, 0, 1, (struct msi_router){ record, NULL });
}

static void teardown(void)
{
    device_fini(&ioapic.dev);
}

START_TEST(registers_after_reset)
{
    ck_assert_uint_eq(get(0), 0x01000000);
    ck_assert_uint_eq(get(1), 0x00170020);
    ck_assert_uint_eq(get(2), 0x01000000);
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        ck_assert_uint_eq(get(0x10 + 2 * pin), 0x00010000);
        ck_assert_uint_eq(get(0x11 + 2 * pin), 0);
    }
    ck_assert_uint_eq(get(0x40), 0);
    put(0, 0xffffffff);
    ck_assert_uint_eq(get(0), 0x0f000000);
}
END_TEST

START_TEST(read_only_bits_stay)
{
    entry(5, UINT64_MAX);
    ck_assert_uint_eq(get(0x10 + 10), 0x0001afff);
    ck_assert_uint_eq(get(0x10 + 11), 0xff000000);
}
END_TEST

/* entry -> MSI address and data */
START_TEST(message_format)
{
    static const struct {
        uint64_t entry, address;
        uint32_t data;
    } rows[] = {
        { 0x0000000000000030, 0xfee00000, 0x4030 }, /* fixed, physical 0, edge */
        { 0x0300000000000931, 0xfee0300c, 0x4131 }, /* lowest priority, logical 3 */
        { 0xff00000000008032, 0xfeeff000, 0xc032 }, /* level, to all */
        { 0x0200000000000400, 0xfee02000, 0x4400 }, /* NMI */
        { 0x0000000000000700, 0xfee00000, 0x4700 }, /* ExtINT */
    };
    entry(9, rows[_i].entry);
    ioapic_set_line(&ioapic, 9, 0, true);
    ck_assert_uint_eq(n_sent, 1);
    ck_assert_uint_eq(last.address, rows[_i].address);
    ck_assert_uint_eq(last.data, rows[_i].data);
}
END_TEST

START_TEST(edge_on_a_masked_pin_is_lost)
{
    entry(4, 0x10034);
    ioapic_set_line(&ioapic, 4, 0, true);
    entry(4, 0x34);
    ck_assert_uint_eq(n_sent, 0);
    ioapic_set_line(&ioapic, 4, 0, false);
    ioapic_set_line(&ioapic, 4, 0, true);
    ck_assert_uint_eq(n_sent, 1);
    ioapic_set_line(&ioapic, 4, 0, true);
    ck_assert_uint_eq(n_sent, 1);
}
END_TEST

START_TEST(level_is_sent_once_until_eoi)
{
    entry(9, 0x8039);
    ioapic_set_line(&ioapic, 9, 0, true);
    ck_assert_uint_eq(get(0x10 + 18), 0xc039); /* remote IRR */
    ioapic_set_line(&ioapic, 9, 1, true);
    ioapic_set_line(&ioapic, 9, 0, false);
    ck_assert_uint_eq(n_sent, 1);
    ioapic_eoi(&ioapic, 0x38);
    ck_assert_uint_eq(n_sent, 1);
    ioapic_eoi(&ioapic, 0x39); /* source 1 still asserts */
    ck_assert_uint_eq(n_sent, 2);
    ioapic_set_line(&ioapic, 9, 1, false);
    ioapic_eoi(&ioapic, 0x39);
    ck_assert_uint_eq(n_sent, 2);
    ck_assert_uint_eq(get(0x10 + 18), 0x8039);
}
END_TEST

START_TEST(level_waits_for_unmask)
{
    entry(11, 0x1803b);
    ioapic_set_line(&ioapic, 11, 0, true);
    ck_assert_uint_eq(n_sent, 0);
    entry(11, 0x803b);
    ck_assert_uint_eq(n_sent, 1);
}
END_TEST

START_TEST(eoi_register_and_edge_write_clear_remote_irr)
{
    entry(9, 0x8039);
    ioapic_set_line(&ioapic, 9, 0, true);
    ioapic_set_line(&ioapic, 9, 0, false);
    reg_write(&ioapic, 0, 0x40, 4, 0x39);
    ck_assert_uint_eq(get(0x10 + 18), 0x8039);
    ioapic_set_line(&ioapic, 9, 0, true);
    ioapic_set_line(&ioapic, 9, 0, false);
    entry(9, 0x10039); /* Linux's way on chips without the EOI register: edge, then level again */
    entry(9, 0x8039);
    ck_assert_uint_eq(get(0x10 + 18), 0x8039);
    ck_assert_uint_eq(n_sent, 2);
}
END_TEST

static Suite *suite_ioapic(void)
{
    Suite *s = suite_create("devices/chipset/ioapic");
    TCase *t = tcase_create("ioapic");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, registers_after_reset);
    tcase_add_test(t, read_only_bits_stay);
    tcase_add_loop_test(t, message_format, 0, 5);
    tcase_add_test(t, edge_on_a_masked_pin_is_lost);
    tcase_add_test(t, level_is_sent_once_until_eoi);
    tcase_add_test(t, level_waits_for_unmask);
    tcase_add_test(t, eoi_register_and_edge_write_clear_remote_irr);
    suite_add_tcase(s, t);
    return s;
}

CHECK_MAIN(suite_ioapic())
