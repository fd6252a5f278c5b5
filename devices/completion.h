/* Completions: a job of a host thread whose result the guest sees at an instant of guest time. [docs/architecture.md, VMBus]
 *
 * With the virtual clock the result is seen exactly at `due_ns`, chosen when the job began: the machine stands still there until
 * the host is done. With the realtime clock it is seen as soon as the host is done; due_ns does not matter.
 */
#ifndef DEVICES_COMPLETION_H
#define DEVICES_COMPLETION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/host/mutex.h"

/* Embed it. One job at a time. */
struct completion {
    struct timer timer;
    struct host_mutex lock;
    struct host_cond done_cond;
    bool busy; /* begun, finished not yet called; clock thread */
    bool done; /* by the host; written with the lock (atomic) */
    void (*finished)(void *opaque);
    void *opaque;
};

/* finished is called in a timer with no lock of ours held. */
void completion_init(struct completion *completion, struct clock *clock, void (*finished)(void *),
                     void *opaque);
/* Not while a host thread may still call completion_done. */
void completion_fini(struct completion *completion);

/* Clock thread, before the host thread is told: finished will be called once. */
void completion_begin(struct completion *completion, uint64_t due_ns);
/* The host's thread: the result is there. Nothing of the completion is touched by it afterwards. With the realtime clock it then calls
 * clock_help, without locks (io_pool does for its jobs). */
void completion_done(struct completion *completion);
/* Clock thread: wait until the host is done; finished is not called. For closing and saving. */
void completion_cancel(struct completion *completion);

#endif
