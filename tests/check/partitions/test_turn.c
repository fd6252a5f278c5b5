/* partitions/turn: who brings work runs it; who finds another at it leaves it there; nothing that is armed is forgotten. */
#include "partitions/turn.h"

#include <check.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/host/thread.h"
#include "base/host/time.h"
#include "partitions/machine.h"
#include "partitions/vmms/vmms.h"
#include "tests/check/check_main.h"
#include "tests/support/running_machine.h"

enum { HELPERS = 3, POSTS = 3000, TRIES = 3000 };

/* 0: hlt; 1: jmp 0 with interrupts on */
static const uint8_t idler[] = { 0xfb, 0xf4, 0xeb, 0xfc };

struct job {
    struct timer timer, later;
    uintptr_t by;       /* (atomic) who ran it last */
    unsigned ran, late; /* (atomic) */
    bool arms;
};

static void ran_late(void *opaque, uint64_t now_ns)
{
    struct job *job = opaque;

    (void)now_ns;
    __atomic_add_fetch(&job->late, 1, __ATOMIC_SEQ_CST);
}

static void ran(void *opaque, uint64_t now_ns)
{
    struct job *job = opaque;

    __atomic_store_n(&job->by, host_thread_self(), __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&job->ran, 1, __ATOMIC_SEQ_CST);
    if (job->arms) {
        timer_set(&job->later, now_ns + 1000000);
    }
}

static void job_init(struct job *job, struct running_machine *rig)
{
    memset(job, 0, sizeof(*job));
    timer_init(&job->timer, &rig->machine->clock, ran, job);
    timer_init(&job->later, &rig->machine->clock, ran_late, job);
}

static bool becomes(const unsigned *count, unsigned least)
{
    for (unsigned i = 0; i < 60000 && __atomic_load_n(count, __ATOMIC_SEQ_CST) < least; i++) {
        running_machine_pause_ms(1);
    }
    return __atomic_load_n(count, __ATOMIC_SEQ_CST) >= least;
}

/* On the thread that posted it, as soon as nobody else is at it; always on some. */
START_TEST(who_comes_runs_what_is_due)
{
    struct running_machine rig;
    struct job job;
    bool mine = false;

    running_machine_start(&rig, 1, idler, sizeof(idler));
    job_init(&job, &rig);
    for (unsigned i = 0; i < TRIES && !mine; i++) {
        timer_post(&job.timer);
        clock_help(&rig.machine->clock);
        ck_assert(becomes(&job.ran, i + 1));
        mine = __atomic_load_n(&job.by, __ATOMIC_SEQ_CST) == host_thread_self();
        running_machine_pause_ms(1);
    }
    ck_assert(mine);
    running_machine_end(&rig);
}
END_TEST

/* What a helper's work arms for later is run when it is time, though the coordinator slept for longer. */
START_TEST(what_is_armed_in_a_turn_comes_in_time)
{
    struct running_machine rig;
    struct job job;

    running_machine_start(&rig, 1, idler, sizeof(idler));
    job_init(&job, &rig);
    job.arms = true;
    for (unsigned i = 0; i < 20; i++) {
        timer_post(&job.timer);
        clock_help(&rig.machine->clock);
        ck_assert(becomes(&job.late, i + 1));
    }
    running_machine_end(&rig);
}
END_TEST

struct helper {
    struct running_machine *rig;
    struct job job;
    pthread_t thread;
    unsigned *inside, *most; /* (atomic) callbacks under way */
};

static void one_at_a_time(void *opaque, uint64_t now_ns)
{
    struct helper *helper = opaque;
    unsigned n = __atomic_add_fetch(helper->inside, 1, __ATOMIC_SEQ_CST);

    if (n > 1) {
        __atomic_store_n(helper->most, n, __ATOMIC_SEQ_CST);
    }
    ran(&helper->job, now_ns);
    __atomic_sub_fetch(helper->inside, 1, __ATOMIC_SEQ_CST);
}

static void *post_many(void *opaque)
{
    struct helper *helper = opaque;

    for (unsigned i = 0; i < POSTS; i++) {
        unsigned before = __atomic_load_n(&helper->job.ran, __ATOMIC_SEQ_CST);
        timer_post(&helper->job.timer);
        clock_help(&helper->rig->machine->clock);
        if (i % 16 == 0) {
            (void)becomes(&helper->job.ran, before + 1); /* else what follows may be one with it */
        }
    }
    return NULL;
}

START_TEST(many_come_and_one_works)
{
    struct running_machine rig;
    struct helper helper[HELPERS];
    unsigned inside = 0, most = 0;

    running_machine_start(&rig, 1, idler, sizeof(idler));
    for (unsigned i = 0; i < HELPERS; i++) {
        helper[i] = (struct helper){ .rig = &rig, .inside = &inside, .most = &most };
        timer_init(&helper[i].job.timer, &rig.machine->clock, one_at_a_time, &helper[i]);
        ck_assert_int_eq(pthread_create(&helper[i].thread, NULL, post_many, &helper[i]), 0);
    }
    for (unsigned i = 0; i < HELPERS; i++) {
        pthread_join(helper[i].thread, NULL);
        unsigned before = __atomic_load_n(&helper[i].job.ran, __ATOMIC_SEQ_CST);
        ck_assert_uint_ge(before, POSTS / 16);
    }
    ck_assert_uint_eq(most, 0);
    running_machine_end(&rig);
}
END_TEST

/* Without a coordinator nobody runs anything. */
START_TEST(a_machine_that_stands_still_is_left_alone)
{
    struct running_machine rig;
    struct job job;

    running_machine_start(&rig, 1, idler, sizeof(idler));
    job_init(&job, &rig);
    vmms_stop(rig.vmms);
    pthread_join(rig.thread, NULL);
    timer_post(&job.timer);
    clock_help(&rig.machine->clock);
    ck_assert_uint_eq(job.ran, 0);
    timer_cancel(&job.timer);
    vmms_destroy(rig.vmms);
    guest_file_remove(&rig.file);
}
END_TEST

static Suite *suite_turn(void)
{
    Suite *suite = suite_create("turn");
    TCase *tc = tcase_create("machine");

    tcase_set_timeout(tc, 900);
    tcase_add_test(tc, who_comes_runs_what_is_due);
    tcase_add_test(tc, what_is_armed_in_a_turn_comes_in_time);
    tcase_add_test(tc, many_come_and_one_works);
    tcase_add_test(tc, a_machine_that_stands_still_is_left_alone);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(suite_turn())
