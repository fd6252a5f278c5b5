/* 8259A pair: initialisation, priority, EOI kinds, rotation, special mask, poll, spurious, level.
 * [DS 8259A] */
#include "devices/chipset/pic.h"

#include <string.h>

#include "tests/check/check_main.h"
#include "tests/check/devices/device_fixture.h"

static struct pic pic;
static struct wire intr;

static void out(unsigned port, unsigned value)
{
    unsigned region = port < 0xa0 ? PIC_REGION_MASTER : PIC_REGION_SLAVE;
    if (port >= PIC_PORT_ELCR) {
        region = PIC_REGION_ELCR;
    }
    reg_write(&pic, region, port & 1, 1, value);
}

static unsigned in(unsigned port)
{
    unsigned region = port < 0xa0 ? PIC_REGION_MASTER : PIC_REGION_SLAVE;
    if (port >= PIC_PORT_ELCR) {
        region = PIC_REGION_ELCR;
    }
    return (unsigned)reg_read(&pic, region, port & 1, 1);
}

static void irq(unsigned n, bool level)
{
    pic_set_line(&pic, n, 0, level);
}

/* As a PC's firmware does: vectors 8 and 0x70. */
static void program(unsigned icw4)
{
    out(0x20, 0x11);
    out(0x21, 0x08);
    out(0x21, 0x04);
    out(0x21, icw4);
    out(0xa0, 0x11);
    out(0xa1, 0x70);
    out(0xa1, 0x02);
    out(0xa1, icw4 & ~0x10u);
    out(0x21, 0x00);
    out(0xa1, 0x00);
}

static void setup(void)
{
    memset(&pic, 0, sizeof(pic));
    intr = (struct wire){ 0 };
    pic_init(&pic, NULL, 0, wire_line(&intr));
    program(0x01);
}

static void teardown(void)
{
    device_fini(&pic.dev);
}

START_TEST(vector_is_base_plus_input)
{
    unsigned n = (unsigned)_i;
    if (n == PIC_CASCADE) {
        return;
    }
    irq(n, true);
    ck_assert(intr.level);
    ck_assert_uint_eq(pic_acknowledge(&pic), n < 8 ? 8 + n : 0x70 + n - 8);
    ck_assert(!intr.level);
    out(0x20, 0x0b);
    ck_assert_uint_eq(in(0x20), n < 8 ? 1u << n : 4u);
}
END_TEST

START_TEST(masked_input_waits_for_unmask)
{
    out(0x21, 0xff);
    irq(3, true);
    ck_assert(!intr.level);
    out(0x20, 0x0a);
    ck_assert_uint_eq(in(0x20), 0x08);
    out(0x21, 0xf7);
    ck_assert(intr.level);
    ck_assert_uint_eq(in(0x21), 0xf7);
}
END_TEST

START_TEST(lower_priority_waits_for_eoi_and_higher_nests)
{
    irq(4, true);
    ck_assert_uint_eq(pic_acknowledge(&pic), 12);
    irq(5, true);
    ck_assert(!intr.level);
    irq(1, true);
    ck_assert_uint_eq(pic_acknowledge(&pic), 9);
    out(0x20, 0x20); /* ends 1 */
    ck_assert(!intr.level);
    out(0x20, 0x20); /* ends 4 */
    ck_assert_uint_eq(pic_acknowledge(&pic), 13);
}
END_TEST

START_TEST(specific_eoi_ends_what_it_names)
{
    irq(6, true);
    pic_acknowledge(&pic);
    irq(2 - 1, true);
    pic_acknowledge(&pic);
    out(0x20, 0x66);
    out(0x20, 0x0b);
    ck_assert_uint_eq(in(0x20), 0x02);
}
END_TEST

START_TEST(edge_must_fall_before_it_counts_again)
{
    irq(0, true);
    pic_acknowledge(&pic);
    out(0x20, 0x20);
    ck_assert(!intr.level);
    irq(0, true);
    ck_assert(!intr.level);
    irq(0, false);
    irq(0, true);
    ck_assert(intr.level);
}
END_TEST

START_TEST(request_that_goes_away_is_spurious_7_and_15)
{
    irq(3, true);
    irq(3, false);
    ck_assert(!intr.level);
    ck_assert_uint_eq(pic_acknowledge(&pic), 8 + 7);
    out(0x20, 0x0b);
    ck_assert_uint_eq(in(0x20), 0); /* no service bit */
}
END_TEST

START_TEST(level_line_asks_again_after_eoi)
{
    out(0x4d0, 0xff); /* 0..2 stay edge */
    ck_assert_uint_eq(in(0x4d0), 0xf8);
    out(0x4d1, 0xff);
    ck_assert_uint_eq(in(0x4d1), 0xde);
    irq(11, true);
    ck_assert_uint_eq(pic_acknowledge(&pic), 0x73);
    out(0xa0, 0x20);
    out(0x20, 0x20);
    ck_assert(intr.level);
    irq(11, false);
    ck_assert(!intr.level);
}
END_TEST

START_TEST(two_sources_hold_a_line)
{
    out(0x4d1, 0x08);
    pic_set_line(&pic, 11, 0, true);
    pic_set_line(&pic, 11, 1, true);
    pic_set_line(&pic, 11, 0, false);
    ck_assert(intr.level);
    pic_set_line(&pic, 11, 1, false);
    ck_assert(!intr.level);
}
END_TEST

START_TEST(automatic_eoi_leaves_no_service_bit_and_may_rotate)
{
    program(0x03);
    out(0x20, 0x80); /* rotate in automatic EOI mode */
    irq(3, true);
    irq(4, true);
    ck_assert_uint_eq(pic_acknowledge(&pic), 11);
    out(0x20, 0x0b);
    ck_assert_uint_eq(in(0x20), 0);
    irq(3, false);
    irq(3, true);
    ck_assert_uint_eq(pic_acknowledge(&pic), 12); /* 3 is the lowest now */
    ck_assert_uint_eq(pic_acknowledge(&pic), 11);
}
END_TEST

/* [DS 8259A, rotation figures]: IS 6 and 4 set, IR 4 highest; rotate on EOI makes 4 the lowest. */
START_TEST(rotate_on_non_specific_eoi)
{
    irq(6, true);
    pic_acknowledge(&pic);
    irq(4, true);
    pic_acknowledge(&pic);
    out(0x20, 0xa0);
    out(0x20, 0x0b);
    ck_assert_uint_eq(in(0x20), 0x40);
    ck_assert_uint_eq(pic.chip[0].lowest, 4);
    irq(5, true); /* 5 is the highest priority now and nests over 6 */
    ck_assert_uint_eq(pic_acknowledge(&pic), 13);
}
END_TEST

START_TEST(set_priority_command)
{
    out(0x20, 0xc5); /* bottom priority IR5, so IR6 is the top */
    irq(0, true);
    irq(6, true);
    ck_assert_uint_eq(pic_acknowledge(&pic), 14);
}
END_TEST

START_TEST(special_mask_lets_lower_ones_through)
{
    irq(1, true);
    pic_acknowledge(&pic);
    irq(5, true);
    ck_assert(!intr.level);
    out(0x21, 0x02);
    ck_assert(!intr.level);
    out(0x20, 0x68);
    ck_assert(intr.level);
    ck_assert_uint_eq(pic_acknowledge(&pic), 13);
    out(0x20, 0x20); /* non-specific: the masked IS 1 is not touched */
    out(0x20, 0x0b);
    ck_assert_uint_eq(in(0x20), 0x02);
    out(0x20, 0x48);
    out(0x20, 0x61);
    out(0x20, 0x0b);
    ck_assert_uint_eq(in(0x20), 0);
}
END_TEST

START_TEST(poll_acknowledges)
{
    irq(5, true);
    out(0x20, 0x0c);
    ck_assert_uint_eq(in(0x20), 0x85);
    out(0x20, 0x0b);
    ck_assert_uint_eq(in(0x20), 0x20);
    out(0x20, 0x0c);
    ck_assert_uint_eq(in(0x20), 0x00);
}
END_TEST

START_TEST(special_fully_nested_slave_interrupts_itself)
{
    program(0x11);
    irq(12, true);
    ck_assert_uint_eq(pic_acknowledge(&pic), 0x74);
    irq(8, true);
    ck_assert(intr.level);
    ck_assert_uint_eq(pic_acknowledge(&pic), 0x70);
    program(0x01);
    irq(12, false);
    irq(8, false);
    irq(12, true);
    pic_acknowledge(&pic);
    irq(8, true);
    ck_assert(!intr.level); /* plain nesting: IR2 is in service */
}
END_TEST

START_TEST(icw1_clears_mask_service_and_edges)
{
    irq(4, true);
    pic_acknowledge(&pic);
    irq(5, true);
    out(0x21, 0xaa);
    program(0x01);
    ck_assert_uint_eq(in(0x21), 0);
    ck_assert(!intr.level);
    ck_assert_uint_eq(in(0x20), 0); /* IRR is selected, and line 5 must rise again */
    irq(5, false);
    irq(5, true);
    ck_assert(intr.level);
}
END_TEST

static Suite *suite_pic(void)
{
    Suite *s = suite_create("devices/chipset/pic");
    TCase *t = tcase_create("pic");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, vector_is_base_plus_input, 0, 16);
    tcase_add_test(t, masked_input_waits_for_unmask);
    tcase_add_test(t, lower_priority_waits_for_eoi_and_higher_nests);
    tcase_add_test(t, specific_eoi_ends_what_it_names);
    tcase_add_test(t, edge_must_fall_before_it_counts_again);
    tcase_add_test(t, request_that_goes_away_is_spurious_7_and_15);
    tcase_add_test(t, level_line_asks_again_after_eoi);
    tcase_add_test(t, two_sources_hold_a_line);
    tcase_add_test(t, automatic_eoi_leaves_no_service_bit_and_may_rotate);
    tcase_add_test(t, rotate_on_non_specific_eoi);
    tcase_add_test(t, set_priority_command);
    tcase_add_test(t, special_mask_lets_lower_ones_through);
    tcase_add_test(t, poll_acknowledges);
    tcase_add_test(t, special_fully_nested_slave_interrupts_itself);
    tcase_add_test(t, icw1_clears_mask_service_and_edges);
    suite_add_tcase(s, t);
    return s;
}

CHECK_MAIN(suite_pic())
