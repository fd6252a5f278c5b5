/* ACPI fixed hardware: PM timer, events and SCI, soft off, reset ports, GPE0. [ACPI 4.8] */
#include "devices/chipset/pm.h"

#include <string.h>

#include "tests/check/check_main.h"
#include "tests/check/devices/device_fixture.h"

static struct clock clk;
static struct pm pm;
static struct wire sci;
static unsigned n_off, n_warm, n_cold;
static int a20;

static void power_off(void *opaque)
{
    (void)opaque;
    n_off++;
}

static void do_reset(void *opaque, bool cold)
{
    (void)opaque;
    n_cold += cold;
    n_warm += !cold;
}

static void do_a20(void *opaque, bool on)
{
    (void)opaque;
    a20 = on;
}

static const struct pm_ops ops = { power_off, do_reset, do_a20 };

static uint64_t in(unsigned offset, uint32_t size)
{
    return reg_read(&pm, PM_REGION_ACPI, offset, size);
}

static void out(unsigned offset, uint32_t size, uint64_t value)
{
    reg_write(&pm, PM_REGION_ACPI, offset, size, value);
}

static void start(bool timer_32bit)
{
    memset(&pm, 0, sizeof(pm));
    sci = (struct wire){ 0 };
    n_off = n_warm = n_cold = 0;
    a20 = -1;
    pm_init(&pm, NULL, 0, &clk, wire_line(&sci), timer_32bit, &ops, NULL);
}

static void setup(void)
{
    clock_init(&clk, CLOCK_MODE_VIRTUAL);
    start(false);
}

static void teardown(void)
{
    device_fini(&pm.dev);
    clock_fini(&clk);
}

START_TEST(timer_runs_at_3_579545_mhz)
{
    pass(&clk, SECOND);
    ck_assert_uint_eq(in(8, 4), 3579545);
    pass(&clk, 9 * SECOND);
    ck_assert_uint_eq(in(8, 4), 35795450 & 0xffffff);
    device_fini(&pm.dev);
    start(true);
    ck_assert_uint_eq(in(8, 4), 35795450);
    ck_assert_uint_eq(in(8, 2), 35795450 & 0xffff);
    out(8, 4, 0);
    ck_assert_uint_eq(in(8, 4), 35795450);
}
END_TEST

START_TEST(timer_carry_sets_status_and_sci)
{
    ck_assert_uint_eq(in(4, 2), 1); /* SCI_EN: no legacy mode */
    out(2, 2, 0x0001);
    uint64_t half = (UINT64_C(0x800000) * SECOND + PM_TIMER_HZ - 1) / PM_TIMER_HZ;
    pass(&clk, half - 1);
    ck_assert(!sci.level);
    pass(&clk, 1);
    ck_assert(sci.level);
    ck_assert_uint_eq(in(0, 2), 0x0001);
    out(0, 2, 0x0001);
    ck_assert(!sci.level);
    pass(&clk, half);
    ck_assert(sci.level);
}
END_TEST

START_TEST(power_button)
{
    pm_press_power_button(&pm);
    ck_assert(!sci.level);
    out(2, 2, 0x0100);
    ck_assert(sci.level);
    ck_assert_uint_eq(in(0, 4), 0x01000100);
    out(0, 2, 0x0001); /* another bit */
    ck_assert(sci.level);
    out(0, 2, 0x0100);
    ck_assert(!sci.level);
}
END_TEST

START_TEST(soft_off)
{
    out(4, 2, PM_SLP_TYP_S5 << 10);
    ck_assert_uint_eq(n_off, 0);
    ck_assert_uint_eq(in(4, 2), 1 | PM_SLP_TYP_S5 << 10);
    out(4, 2, PM_SLP_TYP_S5 << 10 | 1 << 13);
    ck_assert_uint_eq(n_off, 1);
    ck_assert_uint_eq(in(4, 2) >> 13 & 1, 0); /* SLP_EN reads 0 */
    out(4, 2, 1 << 10 | 1 << 13);             /* S-state we do not have */
    ck_assert_uint_eq(n_off, 1);
}
END_TEST

START_TEST(bytes_touch_only_themselves)
{
    out(2, 2, 0x0321);
    out(3, 1, 0x01);
    ck_assert_uint_eq(in(2, 2), 0x0121);
    ck_assert_uint_eq(in(2, 1), 0x21);
    out(5, 1, (PM_SLP_TYP_S5 << 10 | 1 << 13) >> 8);
    ck_assert_uint_eq(n_off, 1);
    ck_assert_uint_eq(in(2, 2), 0x0121);
}
END_TEST

START_TEST(general_purpose_events)
{
    pm_raise_gpe(&pm, 9);
    ck_assert(!sci.level);
    reg_write(&pm, PM_REGION_GPE0, 5, 1, 0x02);
    ck_assert(sci.level);
    ck_assert_uint_eq(reg_read(&pm, PM_REGION_GPE0, 0, 4), 1u << 9);
    ck_assert_uint_eq(reg_read(&pm, PM_REGION_GPE0, 4, 4), 1u << 9);
    reg_write(&pm, PM_REGION_GPE0, 1, 1, 0x02);
    ck_assert(!sci.level);
}
END_TEST

START_TEST(reset_register)
{
    reg_write(&pm, PM_REGION_RESET, 0, 1, 0x02);
    ck_assert_uint_eq(n_cold, 0);
    ck_assert_uint_eq(reg_read(&pm, PM_REGION_RESET, 0, 1), 0x02);
    reg_write(&pm, PM_REGION_RESET, 0, 1, PM_RESET_VALUE);
    ck_assert_uint_eq(n_cold, 1);
    reg_write(&pm, PM_REGION_RESET, 0, 1, 0x04);
    ck_assert_uint_eq(n_warm, 1);
}
END_TEST

START_TEST(port_92)
{
    ck_assert_uint_eq(reg_read(&pm, PM_REGION_PORT_A, 0, 1), 0x02);
    reg_write(&pm, PM_REGION_PORT_A, 0, 1, 0x00);
    ck_assert_int_eq(a20, 0);
    reg_write(&pm, PM_REGION_PORT_A, 0, 1, 0x02);
    ck_assert_int_eq(a20, 1);
    reg_write(&pm, PM_REGION_PORT_A, 0, 1, 0x03);
    reg_write(&pm, PM_REGION_PORT_A, 0, 1, 0x03);
    ck_assert_uint_eq(n_warm, 1); /* only the edge */
}
END_TEST

static Suite *suite_pm(void)
{
    Suite *s = suite_create("devices/chipset/pm");
    TCase *t = tcase_create("pm");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, timer_runs_at_3_579545_mhz);
    tcase_add_test(t, timer_carry_sets_status_and_sci);
    tcase_add_test(t, power_button);
    tcase_add_test(t, soft_off);
    tcase_add_test(t, bytes_touch_only_themselves);
    tcase_add_test(t, general_purpose_events);
    tcase_add_test(t, reset_register);
    tcase_add_test(t, port_92);
    suite_add_tcase(s, t);
    return s;
}

CHECK_MAIN(suite_pm())
