/* Local APIC timer: one-shot, periodic and TSC-deadline, computed from the clock. [SDM 3A 10.5.4]
 */
#include "devices/chipset/lapic_parts.h"

enum {
    TIMER_MODE = 3 << 17,
    TIMER_ONE_SHOT = 0 << 17,
    TIMER_PERIODIC = 1 << 17,
    TIMER_DEADLINE = 2 << 17
};

#define NS_PER_SECOND UINT64_C(1000000000)
#define NS_PER_BUS    (NS_PER_SECOND / LAPIC_BUS_HZ)

/* A guest may ask for a period of nanoseconds; the host's timers are not asked more often than
 * this. */
#define TIMER_SHORTEST_NS UINT64_C(1000)

/* Periods from which on a tick that the host was too late for is given afterwards. */
#define TIMER_OWED_SHORTEST_NS UINT64_C(250000)

static uint32_t lapic_timer_mode(const struct lapic *lapic)
{
    return lapic->lvt[LVT_TIMER] & TIMER_MODE;
}

bool lapic_timer_is_deadline(const struct lapic *lapic)
{
    return lapic_timer_mode(lapic) == TIMER_DEADLINE;
}

/* Divide configuration bits 3, 1, 0: 000 is 2, ... 110 is 128, 111 is 1. Nanoseconds of a count. */
static uint64_t lapic_timer_step_ns(const struct lapic *lapic)
{
    unsigned code = (lapic->divide >> 1 & 4) | (lapic->divide & 3);
    return NS_PER_BUS << ((code + 1) & 7);
}

/* Guest nanoseconds at which the TSC reaches a value: the first at which it is not below. */
static uint64_t lapic_tsc_to_ns(const struct lapic *lapic, uint64_t tsc)
{
    uint64_t ticks = tsc - lapic->tsc_offset;
    if ((int64_t)ticks < 0) {
        return 0; /* before the clock began */
    }
    uint64_t seconds = ticks / lapic->tsc_hz, rest = ticks % lapic->tsc_hz;
    if (seconds >= UINT64_MAX / NS_PER_SECOND - 1) {
        return UINT64_MAX - 1;
    }
    /* rest < tsc_hz < 2^34 and NS_PER_SECOND < 2^30: the product fits */
    return seconds * NS_PER_SECOND + (rest * NS_PER_SECOND + lapic->tsc_hz - 1) / lapic->tsc_hz;
}

static void lapic_timer_arm(struct lapic *lapic, uint64_t due_ns)
{
    lapic->timer_due_ns = due_ns;
    timer_set(&lapic->timer, due_ns);
}

void lapic_timer_stop_locked(struct lapic *lapic)
{
    lapic->timer_count = 0;
    lapic->tsc_deadline = 0;
    lapic->timer_owed = 0;
    lapic->timer_due_ns = UINT64_MAX;
    timer_cancel(&lapic->timer);
}

uint32_t lapic_timer_current_locked(struct lapic *lapic)
{
    if (lapic->timer_count == 0 || lapic_timer_is_deadline(lapic)) {
        return 0;
    }
    uint64_t now = clock_now_ns(lapic->clock);
    uint64_t elapsed = now > lapic->timer_start_ns
                           ? (now - lapic->timer_start_ns) / lapic_timer_step_ns(lapic)
                           : 0;
    if (elapsed < lapic->timer_count) {
        return (uint32_t)(lapic->timer_count - elapsed);
    }
    if (lapic_timer_mode(lapic) != TIMER_PERIODIC || lapic->initial == 0) {
        return 0;
    }
    return (uint32_t)(lapic->initial - (elapsed - lapic->timer_count) % lapic->initial);
}

/* Count down from `count` beginning now. */
static void lapic_timer_load(struct lapic *lapic, uint32_t count, uint64_t now)
{
    lapic->timer_start_ns = now;
    lapic->timer_count = count;
    uint64_t length = count * lapic_timer_step_ns(lapic);
    lapic_timer_arm(lapic, now + (length < TIMER_SHORTEST_NS ? TIMER_SHORTEST_NS : length));
}

/* A write to the initial count register. 0 stops the timer. */
void lapic_timer_start_locked(struct lapic *lapic, uint32_t initial)
{
    if (lapic_timer_is_deadline(lapic)) {
        return; /* ignored in this mode */
    }
    lapic->initial = initial;
    lapic_timer_stop_locked(lapic);
    if (initial != 0) {
        lapic_timer_load(lapic, initial, clock_now_ns(lapic->clock));
    }
}

void lapic_timer_divide_locked(struct lapic *lapic, uint32_t divide)
{
    uint32_t current = lapic_timer_current_locked(lapic);
    lapic->divide = divide & 0x0b;
    if (current != 0) {
        lapic_timer_load(lapic, current, clock_now_ns(lapic->clock));
    }
}

/* The timer's LVT was written. Going to or from TSC-deadline mode disarms. */
void lapic_timer_lvt_locked(struct lapic *lapic, uint32_t before)
{
    bool was = (before & TIMER_MODE) == TIMER_DEADLINE;
    if (was != lapic_timer_is_deadline(lapic)) {
        lapic_timer_stop_locked(lapic);
        lapic->initial = 0;
    }
    if (lapic_timer_mode(lapic) != TIMER_PERIODIC) {
        lapic->timer_owed = 0;
    }
}

/* A write to IA32_TSC_DEADLINE. */
void lapic_timer_deadline_locked(struct lapic *lapic, uint64_t tsc)
{
    if (!lapic_timer_is_deadline(lapic)) {
        return; /* ignored in the other modes */
    }
    lapic_timer_stop_locked(lapic);
    if (tsc != 0) {
        lapic->tsc_deadline = tsc;
        lapic_timer_arm(lapic, lapic_tsc_to_ns(lapic, tsc));
    }
}

void lapic_set_tsc_offset(struct lapic *lapic, uint64_t offset)
{
    struct lapic_after after = { 0 };
    host_mutex_lock(&lapic->dev.lock);
    lapic->tsc_offset = offset;
    if (lapic->tsc_deadline != 0) {
        lapic_timer_deadline_locked(lapic, lapic->tsc_deadline);
    }
    lapic_leave(lapic, &after);
}

static uint64_t lapic_timer_end_ns(const struct lapic *lapic)
{
    return lapic->timer_start_ns + lapic->timer_count * lapic_timer_step_ns(lapic);
}

/* A period ended, or an owed tick is given. Ticks that came due while the host ran something else are
 * owed, and given at a sixteenth of the period: a guest that counts ticks keeps its time. */
static void lapic_timer_tick(struct lapic *lapic, uint64_t now)
{
    uint64_t period = lapic->initial * lapic_timer_step_ns(lapic);
    uint64_t due = lapic_timer_end_ns(lapic);

    if (now < due && lapic->timer_owed != 0) {
        lapic->timer_owed--;
        lapic_timer_arm(lapic, due);
    } else {
        uint64_t missed = now > due && period != 0 ? (now - due) / period : 0;
        lapic_timer_load(lapic, lapic->initial, due + missed * period); /* no drift */
        if (lapic->clock->mode == CLOCK_MODE_REALTIME && period >= TIMER_OWED_SHORTEST_NS) {
            uint64_t owed = lapic->timer_owed + missed, most = NS_PER_SECOND / period;
            lapic->timer_owed = (uint32_t)(owed < most ? owed : most);
        }
    }
    if (lapic->timer_owed != 0 && now + period / 16 < lapic->timer_due_ns) {
        lapic_timer_arm(lapic, now + period / 16);
    }
}

void lapic_timer_expired(void *opaque, uint64_t now_ns)
{
    struct lapic *lapic = opaque;
    struct lapic_after after = { 0 };
    host_mutex_lock(&lapic->dev.lock);
    if (now_ns >= lapic->timer_due_ns && (lapic->timer_count != 0 || lapic->tsc_deadline != 0)) {
        bool deliver = true;
        lapic->timer_due_ns = UINT64_MAX;
        lapic->tsc_deadline = 0;
        if (lapic->timer_count != 0 && lapic_timer_mode(lapic) == TIMER_PERIODIC) {
            lapic_timer_tick(lapic, now_ns);
        } else if (lapic->timer_count != 0 && now_ns < lapic_timer_end_ns(lapic)) {
            lapic_timer_arm(lapic, lapic_timer_end_ns(lapic)); /* what was owed is owed no more */
            deliver = false;
        } else {
            lapic->timer_count = 0;
        }
        if (deliver) {
            lapic_deliver_lvt_locked(lapic, LVT_TIMER, &after);
        }
    }
    lapic_leave(lapic, &after);
}
