/* The clock and its timers. */
#include "base/clock.h"

#include "base/host/time.h"
#include "tests/check/check_main.h"

struct record {
    struct timer timer;
    unsigned id, times;
    uint64_t again_ns; /* arm again at this instant when it runs; 0: no */
    struct timer *cancel;
    unsigned *order, *n;
};

static void ran(void *opaque, uint64_t now_ns)
{
    struct record *r = opaque;
    (void)now_ns;
    r->times++;
    if (r->order != NULL) {
        r->order[(*r->n)++] = r->id;
    }
    if (r->again_ns != 0) {
        timer_set(&r->timer, r->again_ns);
    }
    if (r->cancel != NULL) {
        timer_cancel(r->cancel);
    }
}

START_TEST(a_stopped_clock_stands_still_and_goes_on_from_there)
{
    struct clock clock;
    clock_init(&clock, CLOCK_MODE_REALTIME);
    clock_stop(&clock);
    uint64_t stopped = clock_now_ns(&clock), since = host_monotonic_ns();
    while (host_monotonic_ns() - since < 20000000) {
    }
    ck_assert_uint_eq(clock_now_ns(&clock), stopped);
    uint64_t going = host_monotonic_ns();
    clock_go(&clock);
    uint64_t now = clock_now_ns(&clock);
    ck_assert_uint_ge(now, stopped);
    ck_assert_uint_le(now - stopped, host_monotonic_ns() - going);
    clock_fini(&clock);
}
END_TEST

START_TEST(virtual_time_moves_only_when_advanced)
{
    struct clock clock;
    clock_init(&clock, CLOCK_MODE_VIRTUAL);
    ck_assert_uint_eq(clock_now_ns(&clock), 0);
    clock_advance(&clock, 123);
    ck_assert_uint_eq(clock_now_ns(&clock), 123);
    clock_fini(&clock);
}
END_TEST

START_TEST(realtime_follows_the_host)
{
    struct clock clock;
    uint64_t before = host_monotonic_ns();
    clock_init(&clock, CLOCK_MODE_REALTIME);
    uint64_t first = clock_now_ns(&clock);
    clock_advance(&clock, UINT64_C(1000000000000)); /* no effect */
    uint64_t second = clock_now_ns(&clock);
    uint64_t after = host_monotonic_ns();
    ck_assert_uint_le(first, second);
    ck_assert_uint_le(second, after - before);
    clock_fini(&clock);
}
END_TEST

START_TEST(timers_run_in_order_of_deadline_and_once)
{
    static const uint64_t deadline[5] = { 30, 10, 20, 10, 99 };
    struct clock clock;
    struct record r[5];
    unsigned order[8], n = 0;
    clock_init(&clock, CLOCK_MODE_VIRTUAL);
    ck_assert_uint_eq(clock_next_ns(&clock), UINT64_MAX);
    for (unsigned i = 0; i < 5; i++) {
        r[i] = (struct record){ .id = i, .order = order, .n = &n };
        timer_init(&r[i].timer, &clock, ran, &r[i]);
        timer_set(&r[i].timer, deadline[i]);
    }
    ck_assert_uint_eq(clock_next_ns(&clock), 10);
    clock_advance(&clock, 9);
    ck_assert_uint_eq(clock_run(&clock), 0);
    clock_advance(&clock, 21);
    ck_assert_uint_eq(clock_run(&clock), 4);
    ck_assert_uint_eq(clock_run(&clock), 0);
    static const unsigned want[4] = { 1, 3, 2, 0 }; /* equal deadlines: in order of setting */
    ck_assert_mem_eq(order, want, sizeof(want));
    ck_assert_uint_eq(clock_next_ns(&clock), 99);
    timer_set(&r[4].timer, 31); /* moved */
    ck_assert_uint_eq(clock_next_ns(&clock), 31);
    timer_cancel(&r[4].timer);
    timer_cancel(&r[4].timer);
    ck_assert_uint_eq(clock_next_ns(&clock), UINT64_MAX);
    clock_fini(&clock);
}
END_TEST

START_TEST(a_timer_armed_in_the_past_by_its_callback_waits_for_the_next_run)
{
    struct clock clock;
    struct record r = { .again_ns = 1 };
    clock_init(&clock, CLOCK_MODE_VIRTUAL);
    timer_init(&r.timer, &clock, ran, &r);
    clock_advance(&clock, 100);
    timer_set(&r.timer, 50);
    ck_assert_uint_eq(clock_run(&clock), 1);
    ck_assert_uint_eq(clock_run(&clock), 1);
    r.again_ns = 0;
    ck_assert_uint_eq(clock_run(&clock), 1);
    ck_assert_uint_eq(clock_run(&clock), 0);
    clock_fini(&clock);
}
END_TEST

START_TEST(a_callback_may_cancel_another_that_is_due)
{
    struct clock clock;
    struct record a = { .times = 0 }, b = { .times = 0 };
    clock_init(&clock, CLOCK_MODE_VIRTUAL);
    timer_init(&a.timer, &clock, ran, &a);
    timer_init(&b.timer, &clock, ran, &b);
    a.cancel = &b.timer;
    timer_set(&a.timer, 1);
    timer_set(&b.timer, 2);
    clock_advance(&clock, 10);
    ck_assert_uint_eq(clock_run(&clock), 1);
    ck_assert_uint_eq(b.times, 0);
    clock_fini(&clock);
}
END_TEST

static void kicked(void *opaque)
{
    ++*(unsigned *)opaque;
}

START_TEST(only_a_nearer_deadline_kicks)
{
    struct clock clock;
    struct record a = { .times = 0 }, b = { .times = 0 };
    unsigned kicks = 0;
    clock_init(&clock, CLOCK_MODE_VIRTUAL);
    clock.kick = kicked;
    clock.kick_opaque = &kicks;
    timer_init(&a.timer, &clock, ran, &a);
    timer_init(&b.timer, &clock, ran, &b);
    timer_set(&a.timer, 100);
    ck_assert_uint_eq(kicks, 1);
    timer_set(&b.timer, 200);
    ck_assert_uint_eq(kicks, 1);
    timer_set(&b.timer, 50);
    ck_assert_uint_eq(kicks, 2);
    timer_cancel(&b.timer);
    ck_assert_uint_eq(kicks, 2);
    clock_fini(&clock);
}
END_TEST

START_TEST(a_posted_timer_is_told_of_by_help_alone)
{
    struct clock clock;
    struct record a = { .times = 0 };
    unsigned calls = 0;
    clock_init(&clock, CLOCK_MODE_REALTIME);
    clock.kick = kicked;
    clock.kick_opaque = &calls;
    timer_init(&a.timer, &clock, ran, &a);
    timer_post(&a.timer);
    clock_help(&clock); /* nobody's: no-op */
    ck_assert_uint_eq(calls, 0);
    clock.help = kicked;
    clock_help(&clock);
    ck_assert_uint_eq(calls, 1);
    ck_assert_uint_eq(clock_run(&clock), 1);
    ck_assert_uint_eq(a.times, 1);
    clock_fini(&clock);
}
END_TEST

static Suite *suite_clock(void)
{
    Suite *suite = suite_create("base/clock");
    TCase *tcase = tcase_create("clock");
    tcase_add_test(tcase, virtual_time_moves_only_when_advanced);
    tcase_add_test(tcase, a_stopped_clock_stands_still_and_goes_on_from_there);
    tcase_add_test(tcase, realtime_follows_the_host);
    tcase_add_test(tcase, timers_run_in_order_of_deadline_and_once);
    tcase_add_test(tcase, a_timer_armed_in_the_past_by_its_callback_waits_for_the_next_run);
    tcase_add_test(tcase, a_callback_may_cancel_another_that_is_due);
    tcase_add_test(tcase, only_a_nearer_deadline_kicks);
    tcase_add_test(tcase, a_posted_timer_is_told_of_by_help_alone);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_clock())
