/* 8042 with nothing plugged in: what each command answers. [DS 8042 PS/2] */
#include "devices/chipset/i8042.h"

#include <string.h>

#include "tests/check/check_main.h"
#include "tests/check/devices/device_fixture.h"

static struct i8042 kbc;
static struct wire irq1, irq12;
static unsigned n_resets;
static int a20;

static void do_reset(void *opaque)
{
    (void)opaque;
    n_resets++;
}

static void do_a20(void *opaque, bool on)
{
    (void)opaque;
    a20 = on;
}

static const struct i8042_ops ops = { do_reset, do_a20 };

static void command(unsigned value)
{
    reg_write(&kbc, I8042_REGION_STATUS, 0, 1, value);
}

static void data(unsigned value)
{
    reg_write(&kbc, I8042_REGION_DATA, 0, 1, value);
}

static unsigned status(void)
{
    return (unsigned)reg_read(&kbc, I8042_REGION_STATUS, 0, 1);
}

static unsigned answer(void)
{
    return (unsigned)reg_read(&kbc, I8042_REGION_DATA, 0, 1);
}

static void setup(void)
{
    memset(&kbc, 0, sizeof(kbc));
    irq1 = irq12 = (struct wire){ 0 };
    n_resets = 0;
    a20 = -1;
    i8042_init(&kbc, NULL, 0, wire_line(&irq1), wire_line(&irq12), &ops, NULL);
}

static void teardown(void)
{
    device_fini(&kbc.dev);
}

START_TEST(commands_that_answer)
{
    static const struct {
        unsigned command, answer;
    } rows[] = { { 0xaa, 0x55 }, { 0xab, 0x00 }, { 0xa9, 0x00 }, { 0x20, 0x34 },
                 { 0xc0, 0xb0 }, { 0xd0, 0xcf }, { 0xe0, 0x03 } };
    ck_assert_uint_eq(status() & 0x01, 0);
    command(rows[_i].command);
    ck_assert_uint_eq(status() & 0x29, 0x09);
    ck_assert_uint_eq(answer(), rows[_i].answer);
    ck_assert_uint_eq(status() & 0x01, 0);
}
END_TEST

START_TEST(command_byte_and_port_enables)
{
    command(0x60);
    data(0x47);
    command(0x20);
    ck_assert_uint_eq(answer(), 0x47);
    command(0xad);
    command(0xa7);
    command(0x20);
    ck_assert_uint_eq(answer(), 0x77);
    command(0xae);
    command(0xa8);
    command(0x20);
    ck_assert_uint_eq(answer(), 0x47);
    command(0x65);
    data(0x99);
    command(0x25);
    ck_assert_uint_eq(answer(), 0x99);
}
END_TEST

/* The byte goes out to nobody: resend, with the time-out flag. */
START_TEST(no_device_times_out)
{
    command(0x60);
    data(0x47);
    data(0xff);
    ck_assert_uint_eq(status() & 0x61, 0x41);
    ck_assert(irq1.level && !irq12.level);
    ck_assert_uint_eq(answer(), 0xfe);
    ck_assert(!irq1.level);
    command(0xd4);
    data(0xf2);
    ck_assert_uint_eq(status() & 0x61, 0x61);
    ck_assert(irq12.level && !irq1.level);
    ck_assert_uint_eq(answer(), 0xfe);
}
END_TEST

START_TEST(output_buffer_loops)
{
    command(0xd2);
    data(0x12);
    ck_assert_uint_eq(status() & 0x61, 0x01);
    ck_assert_uint_eq(answer(), 0x12);
    command(0xd3);
    data(0x5a);
    ck_assert_uint_eq(status() & 0x61, 0x21);
    ck_assert_uint_eq(answer(), 0x5a);
}
END_TEST

START_TEST(reset_pulse_and_output_port)
{
    command(0xff);
    ck_assert_uint_eq(n_resets, 0);
    command(0xfe);
    ck_assert_uint_eq(n_resets, 1);
    command(0xd1);
    data(0xcd);
    ck_assert_int_eq(a20, 0);
    command(0xd1);
    data(0xcf);
    ck_assert_int_eq(a20, 1);
    command(0xd1);
    data(0xce);
    ck_assert_uint_eq(n_resets, 2);
}
END_TEST

static Suite *suite_i8042(void)
{
    Suite *s = suite_create("devices/chipset/i8042");
    TCase *t = tcase_create("i8042");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, commands_that_answer, 0, 7);
    tcase_add_test(t, command_byte_and_port_enables);
    tcase_add_test(t, no_device_times_out);
    tcase_add_test(t, output_buffer_loops);
    tcase_add_test(t, reset_pulse_and_output_port);
    suite_add_tcase(s, t);
    return s;
}

CHECK_MAIN(suite_i8042())
