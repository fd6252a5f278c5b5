/* 8254: modes, gates, latches, read-back, BCD, port 0x61. [DS 82C54] */
#include "devices/chipset/pit.h"

#include <string.h>

#include "base/host/time.h"
#include "tests/check/check_main.h"
#include "tests/check/devices/device_fixture.h"

static struct clock clk;
static struct pit pit;
static struct wire irq0;

static void out(unsigned offset, unsigned value)
{
    reg_write(&pit, PIT_REGION_COUNTERS, offset, 1, value);
}

static unsigned in(unsigned offset)
{
    return (unsigned)reg_read(&pit, PIT_REGION_COUNTERS, offset, 1);
}

static unsigned in16(unsigned offset)
{
    unsigned low = in(offset);
    return low | in(offset) << 8;
}

/* Pass whole periods of CLK (the last nanosecond rounded up). */
static void ticks(uint64_t n)
{
    pass(&clk, (n * SECOND + PIT_HZ - 1) / PIT_HZ);
}

static bool out2(void)
{
    return (reg_read(&pit, PIT_REGION_PORT_B, 0, 1) & 0x20) != 0;
}

static void gate2(bool on)
{
    reg_write(&pit, PIT_REGION_PORT_B, 0, 1, on);
}

static void setup(void)
{
    clock_init(&clk, CLOCK_MODE_VIRTUAL);
    memset(&pit, 0, sizeof(pit));
    irq0 = (struct wire){ 0 };
    pit_init(&pit, NULL, 0, &clk, wire_line(&irq0));
}

static void teardown(void)
{
    device_fini(&pit.dev);
    clock_fini(&clk);
}

START_TEST(mode_0_rises_once_at_terminal_count)
{
    out(3, 0x30);
    ck_assert(!irq0.level);
    out(0, 0xe8);
    out(0, 0x03); /* 1000 */
    ticks(1000);
    ck_assert(!irq0.level);
    ticks(2);
    ck_assert(irq0.level);
    ticks(200000);
    ck_assert_uint_eq(irq0.rises, 2); /* power-up level, then the count */
}
END_TEST

START_TEST(mode_0_first_byte_stops_and_lowers)
{
    out(3, 0x30);
    out(0, 10);
    out(0, 0);
    ticks(20);
    ck_assert(irq0.level);
    out(0, 5);
    ck_assert(!irq0.level);
    ticks(100);
    ck_assert(!irq0.level);
    out(0, 0);
    ticks(7);
    ck_assert(irq0.level);
}
END_TEST

START_TEST(mode_0_count_runs_through_zero)
{
    out(3, 0x30);
    out(0, 4);
    out(0, 0);
    ticks(7); /* loaded one tick after the write, so six have counted */
    out(3, 0x00);
    ck_assert_uint_eq(in16(0), 0xfffe);
}
END_TEST

/* Linux programs 250 Hz as mode 2, divisor 4773. */
START_TEST(mode_2_interrupts_each_period_without_drift)
{
    out(3, 0x34);
    out(0, 4773 & 0xff);
    out(0, 4773 >> 8);
    irq0.rises = 0;
    pass(&clk, 10 * SECOND);
    ck_assert_uint_eq(irq0.rises, 10 * PIT_HZ / 4773);
}
END_TEST

START_TEST(mode_2_low_for_the_last_tick_and_counts_to_one)
{
    out(3, 0xb4);
    out(2, 4);
    out(2, 0);
    gate2(true); /* the edge reloads: a tick later the count is 4 */
    ticks(1);
    static const unsigned counts[] = { 4, 3, 2, 1, 4, 3, 2, 1 };
    for (unsigned i = 0; i < 8; i++) {
        out(3, 0x80);
        ck_assert_uint_eq(in16(2), counts[i]);
        ck_assert_int_eq(out2(), counts[i] != 1);
        ticks(1);
    }
}
END_TEST

/* [DS 82C54 mode 3]: even counts step by two; odd ones are one longer high than low. */
START_TEST(mode_3_wave)
{
    static const struct {
        unsigned n;
        const char *levels;
        unsigned counts[8];
    } rows[] = {
        { 4, "HHLLHHLL", { 4, 2, 4, 2, 4, 2, 4, 2 } },
        { 5, "HHHLLHHH", { 4, 2, 0, 4, 2, 4, 2, 0 } },
    };
    for (unsigned r = 0; r < 2; r++) {
        gate2(false);
        out(3, 0xb6);
        out(2, rows[r].n);
        out(2, 0);
        gate2(true);
        ticks(1);
        for (unsigned i = 0; i < 8; i++) {
            ck_assert_int_eq(out2(), rows[r].levels[i] == 'H');
            out(3, 0x80);
            ck_assert_uint_eq(in16(2), rows[r].counts[i]);
            ticks(1);
        }
    }
}
END_TEST

START_TEST(mode_2_new_count_waits_for_the_period)
{
    gate2(true);
    out(3, 0x94); /* channel 2, LSB only */
    out(2, 10);
    ticks(3); /* two counted */
    out(2, 4);
    out(3, 0xe8);                          /* read-back: status of channel 2 */
    ck_assert_uint_eq(in(2) & 0x40, 0x40); /* null count */
    ck_assert_uint_eq(in(2), 8);
    ticks(8);
    ck_assert_uint_eq(in(2), 4);
    out(3, 0xe8);
    ck_assert_uint_eq(in(2) & 0x40, 0);
    ticks(4);
    ck_assert_uint_eq(in(2), 4);
}
END_TEST

START_TEST(mode_1_pulse_needs_a_gate_edge_and_retriggers)
{
    out(3, 0x92);
    out(2, 5);
    ticks(20);
    ck_assert(out2());
    gate2(true);
    ticks(1);
    ck_assert(!out2());
    ticks(3);
    gate2(false);
    gate2(true);
    ticks(5);
    ck_assert(!out2());
    ticks(2);
    ck_assert(out2());
}
END_TEST

START_TEST(mode_4_and_5_strobe_low_for_one_tick)
{
    bool hardware = _i != 0;
    gate2(!hardware);
    out(3, hardware ? 0x9a : 0x98);
    out(2, 3);
    if (hardware) {
        ticks(10);
        ck_assert(out2());
        gate2(true);
    }
    ticks(3);
    ck_assert(out2());
    ticks(1);
    ck_assert(!out2());
    ticks(1);
    ck_assert(out2());
    ticks(65536);
    ck_assert(out2());
}
END_TEST

START_TEST(gate_low_stops_modes_0_and_forces_2_high)
{
    gate2(true);
    out(3, 0x90);
    out(2, 100);
    ticks(11);
    gate2(false);
    ticks(500);
    ck_assert_uint_eq(in(2), 90);
    ck_assert(!out2());
    gate2(true);
    ticks(91);
    ck_assert(out2());
    out(3, 0x94);
    out(2, 2);
    gate2(false);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert(out2());
        ticks(1);
    }
}
END_TEST

START_TEST(latched_count_stays_until_read)
{
    out(3, 0x34);
    out(0, 0);
    out(0, 0); /* 65536 */
    ticks(1 + 0x1234);
    out(3, 0x00);
    ticks(500);
    out(3, 0x00); /* ignored: one is latched */
    ck_assert_uint_eq(in16(0), (0x10000 - 0x1234) & 0xffff);
    ck_assert_uint_ne(in16(0), (0x10000 - 0x1234) & 0xffff);
}
END_TEST

START_TEST(read_back_gives_status_then_count)
{
    out(3, 0x36);
    out(0, 0x10);
    out(0, 0);
    ticks(1);
    out(3, 0xc2);                          /* count and status of channel 0 */
    ck_assert_uint_eq(in(0), 0x80 | 0x36); /* OUT high, not null, 16-bit, mode 3 */
    ck_assert_uint_eq(in16(0), 0x10);
}
END_TEST

START_TEST(bcd_counts_decimally)
{
    out(3, 0x71); /* channel 1, mode 0, BCD */
    out(1, 0x00);
    out(1, 0x10); /* 1000 */
    ticks(2);
    out(3, 0x40);
    ck_assert_uint_eq(in16(1), 0x0999);
    ticks(1000);
    out(3, 0x40);
    ck_assert_uint_eq(in16(1), 0x9999);
}
END_TEST

START_TEST(port_61_keeps_enables_and_toggles_refresh)
{
    reg_write(&pit, PIT_REGION_PORT_B, 0, 1, 0xff);
    unsigned first = (unsigned)reg_read(&pit, PIT_REGION_PORT_B, 0, 1);
    ck_assert_uint_eq(first & 0xcf, 0x0f);
    pass(&clk, 15085);
    ck_assert_uint_eq((reg_read(&pit, PIT_REGION_PORT_B, 0, 1) ^ first) & 0x10, 0x10);
}
END_TEST

/* The host was away for twenty periods of 50 ms: a guest that counts edges gets them all. */
START_TEST(edges_that_the_host_missed_are_given_later)
{
    clk.mode = CLOCK_MODE_REALTIME;
    clk.origin_ns = host_monotonic_ns();
    out(3, 0x34);
    out(0, (PIT_HZ / 20) & 0xff);
    out(0, (PIT_HZ / 20) >> 8); /* 50 ms */
    unsigned before = irq0.rises;
    clk.origin_ns -= 1010 * (SECOND / 1000);
    clock_run(&clk);
    ck_assert_uint_eq(irq0.rises - before, 1);
    for (unsigned i = 0; i < 12; i++) {
        clk.origin_ns -= 4 * (SECOND / 1000);
        clock_run(&clk);
    }
    ck_assert_uint_ge(irq0.rises - before, 12);
    for (unsigned i = 0; i < 1000 && pit.owed != 0; i++) {
        clk.origin_ns -= 4 * (SECOND / 1000);
        clock_run(&clk);
    }
    ck_assert_uint_ge(irq0.rises - before, 20); /* and what came due meanwhile */
    ck_assert_uint_eq(pit.owed, 0);
    out(3, 0x30); /* reprogrammed: owes nothing */
}
END_TEST

static bool starving;

static bool starves(void *opaque)
{
    (void)opaque;
    return starving;
}

/* The processor that takes the interrupts does not run: its edges fall together, and are given once it does. */
START_TEST(edges_that_a_starved_processor_missed_are_given_later)
{
    pit.starves = starves;
    starving = true;
    clk.mode = CLOCK_MODE_REALTIME;
    clk.origin_ns = host_monotonic_ns();
    out(3, 0x34);
    out(0, (PIT_HZ / 20) & 0xff);
    out(0, (PIT_HZ / 20) >> 8); /* 50 ms */
    for (unsigned i = 0; i < 10; i++) {
        clk.origin_ns -= 51 * (SECOND / 1000);
        clock_run(&clk);
    }
    unsigned owed = pit.owed;
    ck_assert_uint_ge(owed, 10);
    starving = false;
    unsigned before = irq0.rises;
    for (unsigned i = 0; i < 1000 && pit.owed != 0; i++) {
        clk.origin_ns -= 4 * (SECOND / 1000);
        clock_run(&clk);
    }
    ck_assert_uint_eq(pit.owed, 0);
    ck_assert_uint_ge(irq0.rises - before, owed);
}
END_TEST

static Suite *suite_pit(void)
{
    Suite *s = suite_create("devices/chipset/pit");
    TCase *t = tcase_create("pit");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, mode_0_rises_once_at_terminal_count);
    tcase_add_test(t, mode_0_first_byte_stops_and_lowers);
    tcase_add_test(t, mode_0_count_runs_through_zero);
    tcase_add_test(t, mode_2_interrupts_each_period_without_drift);
    tcase_add_test(t, mode_2_low_for_the_last_tick_and_counts_to_one);
    tcase_add_test(t, mode_3_wave);
    tcase_add_test(t, mode_2_new_count_waits_for_the_period);
    tcase_add_test(t, mode_1_pulse_needs_a_gate_edge_and_retriggers);
    tcase_add_loop_test(t, mode_4_and_5_strobe_low_for_one_tick, 0, 2);
    tcase_add_test(t, gate_low_stops_modes_0_and_forces_2_high);
    tcase_add_test(t, latched_count_stays_until_read);
    tcase_add_test(t, read_back_gives_status_then_count);
    tcase_add_test(t, bcd_counts_decimally);
    tcase_add_test(t, port_61_keeps_enables_and_toggles_refresh);
    tcase_add_test(t, edges_that_the_host_missed_are_given_later);
    tcase_add_test(t, edges_that_a_starved_processor_missed_are_given_later);
    suite_add_tcase(s, t);
    return s;
}

CHECK_MAIN(suite_pit())
