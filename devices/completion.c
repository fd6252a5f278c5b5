/* Completions: the host's done, seen at a guest instant. [docs/architecture.md, VMBus] */
#include "devices/completion.h"

#include <string.h>

#include "base/host/time.h"

enum { LOOK_AGAIN_NS = 1000000000 };

static void wait_done(struct completion *completion)
{
    host_mutex_lock(&completion->lock);
    while (!completion->done) {
        (void)host_cond_wait_until(&completion->done_cond, &completion->lock,
                                   host_monotonic_ns() + LOOK_AGAIN_NS);
    }
    host_mutex_unlock(&completion->lock);
}

static void expired(void *opaque, uint64_t now_ns)
{
    struct completion *completion = opaque;

    (void)now_ns;
    if (completion->busy) {
        /* Who told us may still hold the lock: not worth a wait. */
        if (!__atomic_load_n(&completion->done, __ATOMIC_ACQUIRE)) {
            wait_done(completion);
        }
        completion->busy = false;
        completion->finished(completion->opaque);
    }
}

void completion_init(struct completion *completion, struct clock *clock, void (*finished)(void *),
                     void *opaque)
{
    memset(completion, 0, sizeof(*completion));
    timer_init(&completion->timer, clock, expired, completion);
    host_mutex_init(&completion->lock);
    host_cond_init(&completion->done_cond);
    completion->finished = finished;
    completion->opaque = opaque;
}

void completion_fini(struct completion *completion)
{
    timer_cancel(&completion->timer);
    /* Who told of the last one may not have left yet: expired does not wait for it. */
    host_mutex_lock(&completion->lock);
    host_mutex_unlock(&completion->lock);
    host_cond_fini(&completion->done_cond);
    host_mutex_fini(&completion->lock);
}

void completion_begin(struct completion *completion, uint64_t due_ns)
{
    completion->busy = true;
    host_mutex_lock(&completion->lock);
    __atomic_store_n(&completion->done, false, __ATOMIC_RELAXED);
    host_mutex_unlock(&completion->lock);
    if (completion->timer.clock->mode == CLOCK_MODE_VIRTUAL) {
        timer_set(&completion->timer, due_ns);
    }
}

void completion_done(struct completion *completion)
{
    host_mutex_lock(&completion->lock);
    __atomic_store_n(&completion->done, true, __ATOMIC_RELEASE);
    if (completion->timer.clock->mode == CLOCK_MODE_REALTIME) {
        timer_post(&completion->timer);
    }
    host_cond_signal(&completion->done_cond);
    host_mutex_unlock(&completion->lock);
}

void completion_cancel(struct completion *completion)
{
    if (completion->busy) {
        wait_done(completion);
        timer_cancel(&completion->timer);
        completion->busy = false;
    }
}
