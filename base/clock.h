/* Guest time: one clock per machine and the timers on it. No guest-visible time has another source. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/host/mutex.h"

enum clock_mode {
    CLOCK_MODE_REALTIME, /* follows the host's monotonic clock */
    CLOCK_MODE_VIRTUAL,  /* advances only by clock_advance */
};

struct clock;

/* An event owned by its device. Embed it; timer_init once; the callback runs on the clock thread (realtime:
 * whichever thread has the machine's turn, one at a time; virtual: at an instruction boundary) with no clock lock held, and may set the same timer again. */
struct timer {
    struct clock *clock;
    void (*expired)(void *opaque, uint64_t now_ns);
    void *opaque;
    uint64_t deadline_ns;
    struct timer *next; /* the clock's list, ordered by deadline; guarded by clock.lock */
    uint64_t
        set_in_run; /* clock.run when it was set: what a callback arms in the past waits for the next run */
    bool armed;
};

struct clock {
    enum clock_mode mode;
    uint64_t origin_ns; /* realtime: host time of guest time 0 */
    uint64_t
        stopped_ns; /* realtime: guest time while it stands still, plus 1; 0: it runs (atomic) */
    uint64_t virtual_ns; /* virtual: guest time at the last clock_advance (atomic) */
    /* Virtual: nanoseconds since the last clock_advance, so that a reader in the midst of what is running gets
     * its exact instant; may be NULL: 0. Never smaller than before unless clock_advance made up for it. */
    uint64_t (*ahead)(void *opaque);
    void *ahead_opaque;
    uint64_t next_ns; /* deadline of the first timer, UINT64_MAX if none (atomic): the cheap look */
    struct timer *first;
    uint64_t run;               /* number of the latest clock_run; guarded by lock */
    struct host_mutex lock;     /* guards the list */
    void (*kick)(void *opaque); /* called when an earlier deadline was armed; may be NULL */
    void (*help)(void *opaque); /* of clock_help; may be NULL */
    void *kick_opaque;
};

void clock_init(struct clock *clock, enum clock_mode mode);
void clock_fini(struct clock *clock);

/* Guest nanoseconds since the machine was made. Any thread; never goes backward. */
uint64_t clock_now_ns(struct clock *clock);
/* The same without asking what runs: virtual: guest time at the last clock_advance. Any thread, also while a VP runs. */
uint64_t clock_last_ns(struct clock *clock);

/* Virtual mode only: let guest time pass. */
void clock_advance(struct clock *clock, uint64_t delta_ns);

/* Realtime mode only: the machine stands still, and so does guest time; then both go on. By the machine's thread. */
void clock_stop(struct clock *clock);
void clock_go(struct clock *clock);

/* The guest time of a machine that was saved, before any timer is armed. */
void clock_restore(struct clock *clock, uint64_t now_ns);

/* Deadline of the first armed timer, UINT64_MAX when none is armed. */
uint64_t clock_next_ns(struct clock *clock);

/* Run every timer whose deadline has passed, in order of deadline. Returns how many ran. */
unsigned clock_run(struct clock *clock);

void timer_init(struct timer *timer, struct clock *clock, void (*expired)(void *, uint64_t),
                void *opaque);
void timer_set(struct timer *timer,
               uint64_t deadline_ns);   /* arms, or moves an armed one; past = next clock_run */
void timer_cancel(struct timer *timer); /* no-op when not armed */

/* Realtime: arm a timer for now without telling anybody: the thread calls clock_help as soon as it holds no lock, or runs in a timer. */
void timer_post(struct timer *timer);
/* Any thread that holds no lock: see that what is due is run, by itself when nobody else is at it. */
void clock_help(struct clock *clock);

#endif
