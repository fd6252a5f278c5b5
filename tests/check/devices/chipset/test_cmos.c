/* MC146818: time of day in all formats, set, update, alarm, periodic, memory bytes. [DS MC146818A]
 */
#include "devices/chipset/cmos.h"

#include <string.h>
#include <time.h>

#include "tests/check/check_main.h"
#include "tests/check/devices/device_fixture.h"

static struct clock clk;
static struct cmos cmos;
static struct wire irq8;

enum { START = 1700000000 }; /* 2023-11-14 22:13:20 UTC, a Tuesday */

static unsigned in(unsigned index)
{
    reg_write(&cmos, 0, 0, 1, index);
    return (unsigned)reg_read(&cmos, 0, 1, 1);
}

static void out(unsigned index, unsigned value)
{
    reg_write(&cmos, 0, 0, 1, index);
    reg_write(&cmos, 0, 1, 1, value);
}

static void start(int64_t seconds)
{
    struct cmos_config config = { .memory_below_4g = UINT64_C(512) << 20, .wall_seconds = seconds };
    memset(&cmos, 0, sizeof(cmos));
    irq8 = (struct wire){ 0 };
    cmos_init(&cmos, NULL, 0, &clk, wire_line(&irq8), &config);
}

static void setup(void)
{
    clock_init(&clk, CLOCK_MODE_VIRTUAL);
    start(START);
}

static void teardown(void)
{
    device_fini(&cmos.dev);
    clock_fini(&clk);
}

START_TEST(bcd_24_hours_from_the_start_time)
{
    static const struct {
        unsigned index, value;
    } rows[] = { { 0, 0x20 }, { 2, 0x13 }, { 4, 0x22 }, { 6, 3 },
                 { 7, 0x14 }, { 8, 0x11 }, { 9, 0x23 }, { 0x32, 0x20 } };
    for (unsigned i = 0; i < 8; i++) {
        ck_assert_uint_eq(in(rows[i].index), rows[i].value);
    }
    pass(&clk, 41 * SECOND);
    ck_assert_uint_eq(in(0), 0x01);
    ck_assert_uint_eq(in(2), 0x14);
}
END_TEST

START_TEST(binary_and_12_hours)
{
    out(11, 0x04 | 0x02);
    ck_assert_uint_eq(in(4), 22);
    ck_assert_uint_eq(in(2), 13);
    out(11, 0x00);
    ck_assert_uint_eq(in(4), 0x80 | 0x10);
    pass(&clk, 2 * 3600 * SECOND);
    ck_assert_uint_eq(in(4), 0x12); /* 00:13 is 12 in the morning */
}
END_TEST

/* Dates against the host's own calendar. */
START_TEST(dates_agree_with_gmtime)
{
    for (int64_t s = 0; s < INT64_C(4102444800); s += INT64_C(86400) * 17 + 12345) {
        device_fini(&cmos.dev);
        start(s);
        time_t t = (time_t)s;
        struct tm tm;
        gmtime_r(&t, &tm);
        out(11, 0x06);
        ck_assert_uint_eq(in(0), (unsigned)tm.tm_sec);
        ck_assert_uint_eq(in(4), (unsigned)tm.tm_hour);
        ck_assert_uint_eq(in(6), (unsigned)tm.tm_wday + 1);
        ck_assert_uint_eq(in(7), (unsigned)tm.tm_mday);
        ck_assert_uint_eq(in(8), (unsigned)tm.tm_mon + 1);
        ck_assert_uint_eq(in(9), (unsigned)tm.tm_year % 100);
        /* and back */
        out(11, 0x86);
        out(11, 0x06);
        ck_assert_int_eq(cmos.base_seconds, s);
    }
}
END_TEST

START_TEST(set_stops_time_and_takes_new_values)
{
    out(11, 0x82);
    pass(&clk, 5 * SECOND);
    ck_assert_uint_eq(in(0), 0x20);
    out(9, 0x31);
    out(8, 0x12);
    out(7, 0x31);
    out(4, 0x23);
    out(2, 0x59);
    out(0, 0x59);
    out(11, 0x02);
    ck_assert_uint_eq(in(0), 0x59);
    pass(&clk, SECOND);
    ck_assert_uint_eq(in(9), 0x32);
    ck_assert_uint_eq(in(7), 0x01);
    ck_assert_uint_eq(in(0), 0x00);
}
END_TEST

START_TEST(update_in_progress_announces_the_change)
{
    ck_assert_uint_eq(in(10), 0x26);
    pass(&clk, SECOND - 2228001);
    ck_assert_uint_eq(in(10) & 0x80, 0);
    pass(&clk, 2);
    ck_assert_uint_eq(in(10) & 0x80, 0x80);
    ck_assert_uint_eq(in(0), 0x20);
    pass(&clk, 2227999);
    ck_assert_uint_eq(in(10) & 0x80, 0);
    ck_assert_uint_eq(in(0), 0x21);
}
END_TEST

START_TEST(divider_reset_starts_half_a_second_before_an_update)
{
    out(10, 0x66);
    pass(&clk, 10 * SECOND);
    out(10, 0x26);
    ck_assert_uint_eq(in(0), 0x20);
    pass(&clk, SECOND / 2 - 1);
    ck_assert_uint_eq(in(0), 0x20);
    pass(&clk, 1);
    ck_assert_uint_eq(in(0), 0x21);
}
END_TEST

START_TEST(update_interrupt_each_second_until_c_is_read)
{
    out(11, 0x12);
    pass(&clk, SECOND - 1);
    ck_assert(!irq8.level);
    pass(&clk, 1);
    ck_assert(irq8.level);
    pass(&clk, 3 * SECOND);
    ck_assert_uint_eq(irq8.rises, 1);
    ck_assert_uint_eq(in(12) & 0x90, 0x90);
    ck_assert(!irq8.level);
    ck_assert_uint_eq(in(12), 0);
    pass(&clk, SECOND);
    ck_assert(irq8.level);
}
END_TEST

START_TEST(periodic_rates)
{
    /* rate: interrupts a second. [DS MC146818A table 5, 32.768 kHz] */
    static const struct {
        unsigned rate, hz;
    } rows[] = { { 1, 256 }, { 2, 128 }, { 3, 8192 }, { 6, 1024 }, { 9, 128 }, { 15, 2 } };
    out(10, 0x20 | rows[_i].rate);
    in(12);
    out(11, 0x42);
    unsigned count = 0;
    uint64_t end = clock_now_ns(&clk) + SECOND;
    while (clock_next_ns(&clk) <= end) {
        pass(&clk, clock_next_ns(&clk) - clock_now_ns(&clk));
        ck_assert(irq8.level);
        ck_assert_uint_eq(in(12) & 0xc0, 0xc0);
        count++;
    }
    ck_assert_uint_eq(count, rows[_i].hz);
}
END_TEST

START_TEST(alarm_with_and_without_wildcards)
{
    out(1, 0x30);
    out(3, 0x15);
    out(5, 0xc0); /* any hour */
    out(11, 0x22);
    pass(&clk, 129 * SECOND);
    ck_assert(!irq8.level);
    pass(&clk, SECOND); /* 22:15:30 */
    ck_assert(irq8.level);
    ck_assert_uint_eq(in(12) & 0xa0, 0xa0);
    pass(&clk, 3599 * SECOND);
    ck_assert(!irq8.level);
    pass(&clk, SECOND);
    ck_assert(irq8.level);
}
END_TEST

START_TEST(flags_come_without_their_interrupts)
{
    pass(&clk, SECOND);
    ck_assert(!irq8.level);
    ck_assert_uint_eq(in(12), 0x50);
}
END_TEST

START_TEST(memory_size_bytes)
{
    ck_assert_uint_eq(in(0x15) | in(0x16) << 8, 640);
    ck_assert_uint_eq(in(0x30) | in(0x31) << 8, 0xffff);
    ck_assert_uint_eq(in(0x34) | in(0x35) << 8, (512 - 16) * 16);
    ck_assert_uint_eq(in(13), 0x80);
    out(0x40, 0xa5);
    device_reset(&cmos.dev);
    ck_assert_uint_eq(in(0x40), 0xa5);
    ck_assert(!cmos_nmi_masked(&cmos));
    in(0x80);
    ck_assert(cmos_nmi_masked(&cmos));
}
END_TEST

static Suite *suite_cmos(void)
{
    Suite *s = suite_create("devices/chipset/cmos");
    TCase *t = tcase_create("cmos");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, bcd_24_hours_from_the_start_time);
    tcase_add_test(t, binary_and_12_hours);
    tcase_add_test(t, dates_agree_with_gmtime);
    tcase_add_test(t, set_stops_time_and_takes_new_values);
    tcase_add_test(t, update_in_progress_announces_the_change);
    tcase_add_test(t, divider_reset_starts_half_a_second_before_an_update);
    tcase_add_test(t, update_interrupt_each_second_until_c_is_read);
    tcase_add_loop_test(t, periodic_rates, 0, 6);
    tcase_add_test(t, alarm_with_and_without_wildcards);
    tcase_add_test(t, flags_come_without_their_interrupts);
    tcase_add_test(t, memory_size_bytes);
    suite_add_tcase(s, t);
    return s;
}

CHECK_MAIN(suite_cmos())
