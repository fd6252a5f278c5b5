/* Guest time: the machine's clock and its list of timers, ordered by deadline. */
#include "base/clock.h"

#include <stddef.h>

#include "base/host/time.h"

void clock_init(struct clock *clock, enum clock_mode mode)
{
    *clock = (struct clock){ .mode = mode, .next_ns = UINT64_MAX };
    clock->origin_ns = mode == CLOCK_MODE_REALTIME ? host_monotonic_ns() : 0;
    host_mutex_init(&clock->lock);
}

void clock_fini(struct clock *clock)
{
    host_mutex_fini(&clock->lock);
}

uint64_t clock_now_ns(struct clock *clock)
{
    if (clock->mode == CLOCK_MODE_REALTIME) {
        uint64_t stopped = __atomic_load_n(&clock->stopped_ns, __ATOMIC_ACQUIRE);
        return stopped != 0
                   ? stopped - 1
                   : host_monotonic_ns() - __atomic_load_n(&clock->origin_ns, __ATOMIC_RELAXED);
    }
    uint64_t ahead = clock->ahead != NULL ? clock->ahead(clock->ahead_opaque) : 0;
    return __atomic_load_n(&clock->virtual_ns, __ATOMIC_ACQUIRE) + ahead;
}

uint64_t clock_last_ns(struct clock *clock)
{
    return clock->mode == CLOCK_MODE_REALTIME
               ? clock_now_ns(clock)
               : __atomic_load_n(&clock->virtual_ns, __ATOMIC_ACQUIRE);
}

void clock_advance(struct clock *clock, uint64_t delta_ns)
{
    if (clock->mode == CLOCK_MODE_VIRTUAL) {
        __atomic_add_fetch(&clock->virtual_ns, delta_ns, __ATOMIC_ACQ_REL);
    }
}

void clock_stop(struct clock *clock)
{
    if (clock->mode == CLOCK_MODE_REALTIME) {
        __atomic_store_n(&clock->stopped_ns, clock_now_ns(clock) + 1, __ATOMIC_RELEASE);
    }
}

void clock_go(struct clock *clock)
{
    uint64_t stopped = __atomic_load_n(&clock->stopped_ns, __ATOMIC_RELAXED);

    if (stopped != 0) {
        __atomic_store_n(&clock->origin_ns, host_monotonic_ns() - (stopped - 1), __ATOMIC_RELEASE);
        __atomic_store_n(&clock->stopped_ns, 0, __ATOMIC_RELEASE);
    }
}

void clock_restore(struct clock *clock, uint64_t now_ns)
{
    if (clock->mode == CLOCK_MODE_REALTIME) {
        __atomic_store_n(&clock->origin_ns, host_monotonic_ns() - now_ns, __ATOMIC_RELEASE);
    } else {
        __atomic_store_n(&clock->virtual_ns, now_ns, __ATOMIC_RELEASE);
    }
}

uint64_t clock_next_ns(struct clock *clock)
{
    return __atomic_load_n(&clock->next_ns, __ATOMIC_ACQUIRE);
}

/* The list changed: publish the first deadline. Returns whether it came nearer. */
static bool clock_publish_locked(struct clock *clock)
{
    uint64_t before = clock->next_ns;
    uint64_t next = clock->first != NULL ? clock->first->deadline_ns : UINT64_MAX;
    __atomic_store_n(&clock->next_ns, next, __ATOMIC_RELEASE);
    return next < before;
}

static void clock_remove_locked(struct clock *clock, struct timer *timer)
{
    struct timer **link = &clock->first;
    while (*link != NULL && *link != timer) {
        link = &(*link)->next;
    }
    if (*link == timer) {
        *link = timer->next;
    }
    timer->next = NULL;
    timer->armed = false;
}

/* The first timer that is due at `now` and was armed before this run, removed from the list. */
static struct timer *clock_take_due(struct clock *clock, uint64_t now, uint64_t run)
{
    host_mutex_lock(&clock->lock);
    struct timer *due = clock->first;
    while (due != NULL && due->deadline_ns <= now && due->set_in_run == run) {
        due = due->next;
    }
    if (due != NULL && due->deadline_ns <= now) {
        clock_remove_locked(clock, due);
        clock_publish_locked(clock);
    } else {
        due = NULL;
    }
    host_mutex_unlock(&clock->lock);
    return due;
}

unsigned clock_run(struct clock *clock)
{
    uint64_t now = clock_now_ns(clock);
    if (clock_next_ns(clock) > now) {
        return 0;
    }
    host_mutex_lock(&clock->lock);
    uint64_t run = ++clock->run;
    host_mutex_unlock(&clock->lock);
    unsigned ran = 0;
    struct timer *due = clock_take_due(clock, now, run);
    while (due != NULL) {
        due->expired(due->opaque, now);
        ran++;
        due = clock_take_due(clock, now, run);
    }
    return ran;
}

void timer_init(struct timer *timer, struct clock *clock, void (*expired)(void *, uint64_t),
                void *opaque)
{
    *timer = (struct timer){ .clock = clock, .expired = expired, .opaque = opaque };
}

/* Returns whether the first deadline came nearer. */
static bool timer_arm(struct timer *timer, uint64_t deadline_ns)
{
    struct clock *clock = timer->clock;
    host_mutex_lock(&clock->lock);
    if (timer->armed) {
        clock_remove_locked(clock, timer);
    }
    struct timer **link = &clock->first;
    while (*link != NULL && (*link)->deadline_ns <= deadline_ns) {
        link = &(*link)->next;
    }
    timer->deadline_ns = deadline_ns;
    timer->set_in_run = clock->run;
    timer->armed = true;
    timer->next = *link;
    *link = timer;
    bool nearer = clock_publish_locked(clock);
    host_mutex_unlock(&clock->lock);
    return nearer;
}

void timer_set(struct timer *timer, uint64_t deadline_ns)
{
    struct clock *clock = timer->clock;

    if (timer_arm(timer, deadline_ns) && clock->kick != NULL) {
        clock->kick(clock->kick_opaque);
    }
}

void timer_post(struct timer *timer)
{
    (void)timer_arm(timer, 0);
}

void clock_help(struct clock *clock)
{
    if (clock->help != NULL) {
        clock->help(clock->kick_opaque);
    }
}

void timer_cancel(struct timer *timer)
{
    struct clock *clock = timer->clock;
    host_mutex_lock(&clock->lock);
    if (timer->armed) {
        clock_remove_locked(clock, timer);
        clock_publish_locked(clock);
    }
    host_mutex_unlock(&clock->lock);
}
