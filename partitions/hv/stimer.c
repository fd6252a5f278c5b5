/* Synthetic timers: one-shot, periodic, by message or by vector. [TLFS timers] */
/*
 * One-shot: COUNT is an absolute reference time; past means at once. Periodic: COUNT is the period,
 * the first one begins when the timer is enabled; periods keep their phase. A late periodic timer
 * fires for at most LATE_PERIODS missed periods and skips the others; a lazy one skips all of them.
 * A message that the guest has not taken yet is not queued twice.
 */
#include "partitions/hv/stimer.h"

#include "base/bytes.h"
#include "partitions/hv/features.h"
#include "partitions/hv/hv.h"
#include "partitions/hv/synic.h"
#include "partitions/hv/time.h"
#include "partitions/hv/trace.h"

enum { LATE_PERIODS = 3 };

static void arm(struct hv_timer *timer)
{
    struct partition *partition = timer->vp->partition;

    HV_TRACE(partition->hv, TIMER_ARMED, partition->id, timer->vp->index, timer->index,
             timer->due_ref);
    timer_set(&timer->timer, hv_reference_deadline_ns(partition, timer->due_ref));
}

static void start(struct hv_timer *timer)
{
    if ((timer->config & STIMER_ENABLE) == 0 || timer->count == 0) {
        timer_cancel(&timer->timer);
        return;
    }
    timer->due_ref = timer->count;
    if (timer->config & STIMER_PERIODIC) {
        uint64_t now = hv_reference_time(timer->vp->partition);

        timer->due_ref = now + timer->count < now ? UINT64_MAX : now + timer->count;
    }
    arm(timer);
}

static void post_message(struct hv_timer *timer)
{
    struct hv_message *message = &timer->buffer.message;
    unsigned sint = STIMER_SINT(timer->config);

    if (timer->buffer.queued_vp != NULL || !synic_takes_messages(timer->vp, timer->vtl)) {
        return; /* the earlier one still waits, or nobody listens */
    }
    *message = (struct hv_message){ .type = HV_MESSAGE_TIMER_EXPIRED, .payload_size = 24 };
    le32_store(message->payload, timer->index);
    le64_store(message->payload + 8, timer->due_ref);
    synic_post_locked(timer->vp, timer->vtl, sint, &timer->buffer);
}

static void fire(struct hv_timer *timer, uint64_t now)
{
    struct hypervisor *hv = timer->vp->partition->hv;

    HV_TRACE(hv, TIMER_EXPIRED, timer->vp->partition->id, timer->vp->index, timer->index,
             timer->due_ref, now);
    if (timer->config & STIMER_DIRECT) {
        if (hv->ops->apic_enabled(timer->vp)) {
            hv->ops->interrupt(timer->vp, STIMER_VECTOR(timer->config), false);
        }
    } else {
        post_message(timer);
    }
}

static void next_period(struct hv_timer *timer, uint64_t now)
{
    uint64_t period = timer->count, missed;

    if (timer->due_ref > UINT64_MAX - period) {
        timer->due_ref = UINT64_MAX;
        return;
    }
    timer->due_ref += period;
    if (timer->due_ref > now) {
        return;
    }
    missed = (now - timer->due_ref) / period + 1;
    if (timer->config & STIMER_LAZY) {
        timer->due_ref += missed * period;
    } else if (missed > LATE_PERIODS) {
        timer->due_ref += (missed - LATE_PERIODS) * period;
    }
}

static void expired(void *opaque, uint64_t now_ns)
{
    struct hv_timer *timer = opaque;
    struct hypervisor *hv = timer->hv; /* its VP's partition may be gone */
    uint64_t now;

    host_rwlock_read(&hv->lock);
    host_mutex_lock(&timer->vp->synic_lock);
    if ((timer->config & STIMER_ENABLE) == 0) {
        host_mutex_unlock(&timer->vp->synic_lock);
        host_rwlock_unlock(&hv->lock);
        return; /* stopped while this call was under way */
    }
    now = hv_reference_time_at(timer->vp->partition, now_ns);
    if (now < timer->due_ref) {
        arm(timer); /* never early */
    } else {
        if ((timer->config & STIMER_PERIODIC) == 0) {
            timer->config &= ~STIMER_ENABLE;
            fire(timer, now);
        } else {
            fire(timer, now);
            next_period(timer, now);
            arm(timer);
        }
    }
    host_mutex_unlock(&timer->vp->synic_lock);
    host_rwlock_unlock(&hv->lock);
}

void stimer_init(struct hv_timer *timer, struct vp *vp, unsigned vtl, unsigned index)
{
    timer->vp = vp;
    timer->hv = vp->partition->hv;
    timer->vtl = (uint8_t)vtl;
    timer->index = (uint8_t)index;
    timer->buffer.timer = timer;
    timer_init(&timer->timer, vp->partition->hv->clock, expired, timer);
}

void stimer_reset(struct hv_timer *timer)
{
    timer_cancel(&timer->timer);
    timer->config = 0;
    timer->count = 0;
    timer->due_ref = 0;
}

bool stimer_config_write(struct hv_timer *timer, uint64_t config)
{
    if ((config & ~STIMER_CONFIG_BITS) != 0 ||
        ((config & STIMER_DIRECT) != 0 &&
         !(timer->vp->partition->features & HV_FEATURE_DIRECT_TIMERS))) {
        return false;
    }
    /* SINT0 is the hypervisor's: such a timer stops itself, unless it needs no SINT. */
    if ((config & STIMER_DIRECT) == 0 && STIMER_SINT(config) == 0) {
        config &= ~STIMER_ENABLE;
    }
    timer->config = config;
    start(timer);
    return true;
}

void stimer_count_write(struct hv_timer *timer, uint64_t count)
{
    timer->count = count;
    if (count == 0) {
        timer->config &= ~STIMER_ENABLE;
    } else if (timer->config & STIMER_AUTO_ENABLE) {
        timer->config |= STIMER_ENABLE;
        if ((timer->config & STIMER_DIRECT) == 0 && STIMER_SINT(timer->config) == 0) {
            timer->config &= ~STIMER_ENABLE;
        }
    }
    start(timer);
}
