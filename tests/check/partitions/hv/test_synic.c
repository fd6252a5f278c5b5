/* SynIC slots, pending, EOM, events; synthetic timers. [TLFS inter-partition-communication] */
#include <string.h>

#include "base/bytes.h"
#include "partitions/hv/stimer.h"
#include "partitions/hv/synic.h"
#include "tests/check/check_main.h"
#include "tests/check/partitions/hv/hv_fixture.h"

static struct fixture *f;
static struct fixture_machine *m;

enum { SINT = 2, VECTOR = 0xf3, CONNECTION = 5, MSR_EOM = 0x40000084, MSR_EOI = 0x40000070 };
enum { CONFIG0 = 0x400000b0, COUNT0 = 0x400000b1 };

static void setup(void)
{
    f = fixture_create(false);
    m = &f->machine[0];
    fixture_synic_on(m->vp, SINT, VECTOR);
    fixture_connect(m, m->child, m->root, CONNECTION, HV_PORT_MESSAGE, SINT, 0);
}

static void teardown(void)
{
    fixture_destroy(f);
}

static hv_status_t post(uint32_t type)
{
    uint8_t in[256] = { 0 };

    le32_store(in, CONNECTION);
    le32_store(in + 8, type);
    le32_store(in + 12, 4);
    le32_store(in + 16, type * 3);
    return hv_call(&m->parent, 0x005c, in, sizeof(in), NULL, 0, 0, NULL);
}

static struct hv_message slot(unsigned sint)
{
    struct hv_message message;

    ck_assert(
        space_read(&m->child->space, FIXTURE_SIMP_GPA + sint * 256, &message, sizeof(message)));
    return message;
}

static void slot_clear(unsigned sint)
{
    uint32_t none = 0;

    ck_assert(space_write(&m->child->space, FIXTURE_SIMP_GPA + sint * 256, &none, 4));
}

START_TEST(message_lands_in_its_slot_and_interrupts)
{
    ck_assert_uint_eq(post(1), HV_STATUS_SUCCESS);
    struct hv_message message = slot(SINT);
    ck_assert_uint_eq(message.type, 1);
    ck_assert_uint_eq(message.payload_size, 4);
    ck_assert_uint_eq(message.flags, 0);
    ck_assert_uint_eq(message.origin, CONNECTION); /* the port's id */
    ck_assert_uint_eq(le32_load(message.payload), 3);
    ck_assert_uint_eq(m->calls.interrupts, 1);
    ck_assert_uint_eq(m->calls.last_vector, VECTOR);
    ck_assert(!m->calls.last_auto_eoi);
}
END_TEST

START_TEST(second_message_waits_sets_pending_and_comes_by_eom_in_order)
{
    ck_assert_uint_eq(post(1), HV_STATUS_SUCCESS);
    ck_assert_uint_eq(post(2), HV_STATUS_SUCCESS);
    ck_assert_uint_eq(post(3), HV_STATUS_SUCCESS);
    ck_assert_uint_eq(slot(SINT).type, 1);
    ck_assert_uint_eq(slot(SINT).flags, HV_MESSAGE_FLAG_PENDING);
    ck_assert_uint_eq(m->calls.interrupts, 1); /* none for a message that waits */
    ck_assert_int_eq(hv_msr_write(m->vp, MSR_EOM, 0), CORE_OK);
    ck_assert_uint_eq(slot(SINT).type, 1); /* not freed yet */
    slot_clear(SINT);
    ck_assert_int_eq(hv_msr_write(m->vp, MSR_EOM, 0), CORE_OK);
    ck_assert_uint_eq(slot(SINT).type, 2);
    ck_assert_uint_eq(slot(SINT).flags, HV_MESSAGE_FLAG_PENDING);
    ck_assert_uint_eq(m->calls.interrupts, 2);
    slot_clear(SINT);
    ck_assert_int_eq(hv_msr_write(m->vp, MSR_EOI, 0),
                     CORE_OK); /* the APIC's EOI of that vector looks too */
    ck_assert_uint_eq(slot(SINT).type, 3);
    ck_assert_uint_eq(slot(SINT).flags, 0);
    slot_clear(SINT);
    ck_assert_int_eq(hv_msr_write(m->vp, MSR_EOM, 0), CORE_OK);
    ck_assert_uint_eq(m->calls.interrupts, 3);
}
END_TEST

START_TEST(eoi_of_another_vector_delivers_nothing)
{
    ck_assert_uint_eq(post(1), HV_STATUS_SUCCESS);
    ck_assert_uint_eq(post(2), HV_STATUS_SUCCESS);
    slot_clear(SINT);
    hv_eoi_notify(m->vp, VECTOR - 1);
    ck_assert_uint_eq(slot(SINT).type, 0);
    hv_eoi_notify(m->vp, VECTOR);
    ck_assert_uint_eq(slot(SINT).type, 2);
}
END_TEST

START_TEST(new_message_finds_a_slot_freed_without_eom)
{
    ck_assert_uint_eq(post(1), HV_STATUS_SUCCESS);
    ck_assert_uint_eq(post(2), HV_STATUS_SUCCESS);
    slot_clear(SINT);
    ck_assert_uint_eq(post(3), HV_STATUS_SUCCESS);
    ck_assert_uint_eq(slot(SINT).type, 2); /* order is kept */
    ck_assert_uint_eq(slot(SINT).flags, HV_MESSAGE_FLAG_PENDING);
}
END_TEST

START_TEST(masked_sint_takes_the_message_without_interrupt)
{
    ck_assert_int_eq(hv_msr_write(m->vp, 0x40000090 + SINT, SINT_MASKED | VECTOR), CORE_OK);
    ck_assert_uint_eq(post(1), HV_STATUS_SUCCESS);
    ck_assert_uint_eq(slot(SINT).type, 1);
    ck_assert_uint_eq(m->calls.interrupts, 0);
}
END_TEST

START_TEST(polled_sint_and_disabled_apic_take_it_without_interrupt)
{
    ck_assert_int_eq(hv_msr_write(m->vp, 0x40000090 + SINT, SINT_POLLING | VECTOR), CORE_OK);
    ck_assert_uint_eq(post(1), HV_STATUS_SUCCESS);
    ck_assert_uint_eq(slot(SINT).type, 1);
    slot_clear(SINT);
    ck_assert_int_eq(hv_msr_write(m->vp, 0x40000090 + SINT, VECTOR), CORE_OK);
    m->calls.apic_disabled = true;
    ck_assert_uint_eq(post(2), HV_STATUS_SUCCESS);
    ck_assert_uint_eq(slot(SINT).type, 2);
    ck_assert_uint_eq(m->calls.interrupts, 0);
}
END_TEST

START_TEST(auto_eoi_is_passed_on)
{
    ck_assert_int_eq(hv_msr_write(m->vp, 0x40000090 + SINT, SINT_AUTO_EOI | VECTOR), CORE_OK);
    ck_assert_uint_eq(post(1), HV_STATUS_SUCCESS);
    ck_assert(m->calls.last_auto_eoi);
}
END_TEST

START_TEST(deleting_a_port_takes_waiting_messages_along_and_frees_buffers)
{
    uint8_t in[16] = { 0 };

    ck_assert_uint_eq(post(1), HV_STATUS_SUCCESS);
    ck_assert_uint_eq(post(2), HV_STATUS_SUCCESS);
    le64_store(in, m->child->id);
    le32_store(in + 8, CONNECTION);
    ck_assert_uint_eq(hv_call(&m->parent, 0x0058, in, sizeof(in), NULL, 0, 0, NULL),
                      HV_STATUS_SUCCESS);
    slot_clear(SINT);
    ck_assert_int_eq(hv_msr_write(m->vp, MSR_EOM, 0), CORE_OK);
    ck_assert_uint_eq(slot(SINT).type, 0);
    ck_assert_uint_eq(post(3), HV_STATUS_INVALID_PORT_ID);
}
END_TEST

START_TEST(any_vp_goes_to_one_that_listens)
{
    fixture_connect(m, m->child, m->root, 6, HV_PORT_MESSAGE, 3, HV_ANY_VP);
    ck_assert_int_eq(hv_msr_write(m->vp, 0x40000080, 0), CORE_OK);
    uint8_t in[256] = { 6, 0, 0, 0, 0, 0, 0, 0, 1 };
    ck_assert_uint_eq(hv_call(&m->parent, 0x005c, in, sizeof(in), NULL, 0, 0, NULL),
                      HV_STATUS_INVALID_SYNIC_STATE);
    ck_assert_int_eq(hv_msr_write(m->vp1, 0x40000083, 0xb001), CORE_OK);
    ck_assert_int_eq(hv_msr_write(m->vp1, 0x40000093, 0x55), CORE_OK);
    ck_assert_int_eq(hv_msr_write(m->vp1, 0x40000080, 1), CORE_OK);
    ck_assert_uint_eq(hv_call(&m->parent, 0x005c, in, sizeof(in), NULL, 0, 0, NULL),
                      HV_STATUS_SUCCESS);
    ck_assert_uint_eq(m->calls.interrupted_vp, 1);
}
END_TEST

START_TEST(event_interrupts_only_when_its_flag_was_clear)
{
    fixture_connect(m, m->child, m->root, 8, HV_PORT_EVENT, SINT, 0);
    uint8_t in[8] = { 8, 0, 0, 0, 7 }, flags[256];
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(hv_call(&m->parent, 0x005d, in, sizeof(in), NULL, 0, 0, NULL),
                          HV_STATUS_SUCCESS);
    }
    ck_assert_uint_eq(m->calls.interrupts, 1);
    ck_assert(space_read(&m->child->space, FIXTURE_SIEFP_GPA + SINT * 256, flags, sizeof(flags)));
    ck_assert_uint_eq(flags[0], 0x80);
    flags[0] = 0;
    ck_assert(space_write(&m->child->space, FIXTURE_SIEFP_GPA + SINT * 256, flags, 1));
    ck_assert_uint_eq(hv_call(&m->parent, 0x005d, in, sizeof(in), NULL, 0, 0, NULL),
                      HV_STATUS_SUCCESS);
    ck_assert_uint_eq(m->calls.interrupts, 2);
}
END_TEST

START_TEST(reset_empties_the_synic)
{
    ck_assert_uint_eq(post(1), HV_STATUS_SUCCESS);
    ck_assert_uint_eq(post(2), HV_STATUS_SUCCESS);
    hv_partition_reset(m->child);
    ck_assert_uint_eq(fixture_msr(m->vp, 0x40000080), 0);
    ck_assert_uint_eq(fixture_msr(m->vp, 0x40000090 + SINT), 0x10000);
    fixture_synic_on(m->vp, SINT, VECTOR);
    ck_assert_uint_eq(slot(SINT).type, 0);
    for (unsigned i = 1; i <= HV_PORT_BUFFERS + 1;
         i++) { /* one lies in the slot: all buffers are back */
        ck_assert_uint_eq(post(i), HV_STATUS_SUCCESS);
    }
    ck_assert_uint_eq(post(99), HV_STATUS_INSUFFICIENT_BUFFERS);
}
END_TEST

/* ---- timers ---- */

static void timer(uint64_t config, uint64_t count)
{
    ck_assert_int_eq(hv_msr_write(m->vp, CONFIG0, config), CORE_OK);
    ck_assert_int_eq(hv_msr_write(m->vp, COUNT0, count), CORE_OK);
}

#define ON_SINT (UINT64_C(2) << 16)
#define DIRECT  (STIMER_DIRECT | UINT64_C(0xed) << 4)

START_TEST(one_shot_is_never_early_and_disables_itself)
{
    timer(STIMER_AUTO_ENABLE | ON_SINT, 100); /* at 10 us */
    ck_assert_uint_eq(fixture_msr(m->vp, CONFIG0) & STIMER_ENABLE, STIMER_ENABLE);
    fixture_advance(m, 9999);
    ck_assert_uint_eq(m->calls.interrupts, 0);
    fixture_advance(m, 200);
    ck_assert_uint_eq(m->calls.interrupts, 1);
    ck_assert_uint_eq(fixture_msr(m->vp, CONFIG0) & STIMER_ENABLE, 0);
    struct hv_message message = slot(SINT);
    ck_assert_uint_eq(message.type, HV_MESSAGE_TIMER_EXPIRED);
    ck_assert_uint_eq(message.payload_size, 24);
    ck_assert_uint_eq(le32_load(message.payload), 0);
    ck_assert_uint_eq(le64_load(message.payload + 8), 100);
    ck_assert_uint_ge(le64_load(message.payload + 16), 100);
    fixture_advance(m, 1000000);
    ck_assert_uint_eq(m->calls.interrupts, 1);
}
END_TEST

START_TEST(past_deadline_fires_at_once)
{
    fixture_advance(m, 1000000);
    timer(STIMER_AUTO_ENABLE | DIRECT, 1);
    clock_run(&m->clock);
    ck_assert_uint_eq(m->calls.interrupts, 1);
    ck_assert_uint_eq(m->calls.last_vector, 0xed);
}
END_TEST

START_TEST(direct_mode_needs_no_sint_and_posts_no_message)
{
    timer(STIMER_AUTO_ENABLE | DIRECT, 50);
    fixture_advance(m, 6000);
    ck_assert_uint_eq(m->calls.last_vector, 0xed);
    for (unsigned sint = 0; sint < HV_SINTS; sint++) {
        ck_assert_uint_eq(slot(sint).type, 0);
    }
}
END_TEST

START_TEST(message_timer_without_a_sint_stops_itself)
{
    ck_assert_int_eq(hv_msr_write(m->vp, CONFIG0, STIMER_ENABLE), CORE_OK);
    ck_assert_uint_eq(fixture_msr(m->vp, CONFIG0), 0);
}
END_TEST

START_TEST(count_zero_stops_and_clears_enable)
{
    timer(STIMER_AUTO_ENABLE | DIRECT, 50);
    ck_assert_int_eq(hv_msr_write(m->vp, COUNT0, 0), CORE_OK);
    ck_assert_uint_eq(fixture_msr(m->vp, CONFIG0) & STIMER_ENABLE, 0);
    fixture_advance(m, 100000);
    ck_assert_uint_eq(m->calls.interrupts, 0);
}
END_TEST

START_TEST(without_auto_enable_the_count_starts_nothing)
{
    timer(DIRECT, 50);
    fixture_advance(m, 100000);
    ck_assert_uint_eq(m->calls.interrupts, 0);
    ck_assert_int_eq(hv_msr_write(m->vp, CONFIG0, DIRECT | STIMER_ENABLE), CORE_OK);
    clock_run(&m->clock);
    ck_assert_uint_eq(m->calls.interrupts, 1);
}
END_TEST

START_TEST(periodic_timer_keeps_its_phase)
{
    timer(STIMER_AUTO_ENABLE | STIMER_PERIODIC | DIRECT, 100);
    for (unsigned i = 1; i <= 20; i++) {
        fixture_advance(m, 10000);
        fixture_advance(m, i == 1 ? 300 : 0);
        ck_assert_uint_eq(m->calls.interrupts, i);
    }
    ck_assert_uint_eq(fixture_msr(m->vp, CONFIG0) & STIMER_ENABLE, STIMER_ENABLE);
    m->calls.interrupts = 0;
    fixture_advance(m, 100000); /* ten periods late: some are caught up, most are not */
    for (unsigned i = 0; i < 20; i++) {
        clock_run(&m->clock);
    }
    ck_assert_uint_ge(m->calls.interrupts, 2);
    ck_assert_uint_le(m->calls.interrupts, 5);
    m->calls.interrupts = 0;
    fixture_advance(m, 10000);
    ck_assert_uint_eq(m->calls.interrupts, 1);
}
END_TEST

START_TEST(lazy_timer_skips_what_it_missed)
{
    timer(STIMER_AUTO_ENABLE | STIMER_PERIODIC | STIMER_LAZY | DIRECT, 100);
    fixture_advance(m, 100300);
    for (unsigned i = 0; i < 20; i++) {
        clock_run(&m->clock);
    }
    ck_assert_uint_eq(m->calls.interrupts, 1);
}
END_TEST

START_TEST(timer_message_not_yet_taken_is_not_queued_twice)
{
    timer(STIMER_AUTO_ENABLE | STIMER_PERIODIC | ON_SINT, 100);
    for (unsigned i = 0; i < 10; i++) {
        fixture_advance(m, 10100);
    }
    ck_assert_uint_eq(m->calls.interrupts, 1);
    slot_clear(SINT);
    ck_assert_int_eq(hv_msr_write(m->vp, MSR_EOM, 0), CORE_OK);
    ck_assert_uint_eq(m->calls.interrupts, 2);
    slot_clear(SINT);
    ck_assert_int_eq(hv_msr_write(m->vp, MSR_EOM, 0), CORE_OK);
    ck_assert_uint_eq(m->calls.interrupts, 2);
}
END_TEST

START_TEST(huge_counts_are_harmless)
{
    timer(STIMER_AUTO_ENABLE | STIMER_PERIODIC | DIRECT, UINT64_MAX);
    timer(STIMER_AUTO_ENABLE | DIRECT, UINT64_MAX);
    fixture_advance(m, UINT64_C(1) << 40);
    ck_assert_uint_eq(m->calls.interrupts, 0);
    timer(STIMER_AUTO_ENABLE | STIMER_PERIODIC | DIRECT, 1);
    fixture_advance(m, UINT64_C(1) << 40);
    for (unsigned i = 0; i < 10; i++) {
        clock_run(&m->clock);
    }
    ck_assert_uint_le(m->calls.interrupts, 12);
}
END_TEST

static Suite *suite_synic(void)
{
    Suite *suite = suite_create("partitions/hv/synic");
    TCase *tc = tcase_create("synic");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, message_lands_in_its_slot_and_interrupts);
    tcase_add_test(tc, second_message_waits_sets_pending_and_comes_by_eom_in_order);
    tcase_add_test(tc, eoi_of_another_vector_delivers_nothing);
    tcase_add_test(tc, new_message_finds_a_slot_freed_without_eom);
    tcase_add_test(tc, masked_sint_takes_the_message_without_interrupt);
    tcase_add_test(tc, polled_sint_and_disabled_apic_take_it_without_interrupt);
    tcase_add_test(tc, auto_eoi_is_passed_on);
    tcase_add_test(tc, deleting_a_port_takes_waiting_messages_along_and_frees_buffers);
    tcase_add_test(tc, any_vp_goes_to_one_that_listens);
    tcase_add_test(tc, event_interrupts_only_when_its_flag_was_clear);
    tcase_add_test(tc, reset_empties_the_synic);
    tcase_add_test(tc, one_shot_is_never_early_and_disables_itself);
    tcase_add_test(tc, past_deadline_fires_at_once);
    tcase_add_test(tc, direct_mode_needs_no_sint_and_posts_no_message);
    tcase_add_test(tc, message_timer_without_a_sint_stops_itself);
    tcase_add_test(tc, count_zero_stops_and_clears_enable);
    tcase_add_test(tc, without_auto_enable_the_count_starts_nothing);
    tcase_add_test(tc, periodic_timer_keeps_its_phase);
    tcase_add_test(tc, lazy_timer_skips_what_it_missed);
    tcase_add_test(tc, timer_message_not_yet_taken_is_not_queued_twice);
    tcase_add_test(tc, huge_counts_are_harmless);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(suite_synic())
