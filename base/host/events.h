/* What the outside world wants of a program: bytes on standard input, signals, and wake-ups from our own threads. */
#ifndef BASE_HOST_EVENTS_H
#define BASE_HOST_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"

enum host_event_kind {
    HOST_EVENT_TIMEOUT,
    HOST_EVENT_INPUT,     /* length bytes were read */
    HOST_EVENT_END,       /* standard input ended: never asked again */
    HOST_EVENT_TERMINATE, /* SIGTERM or SIGHUP */
    HOST_EVENT_INTERRUPT, /* SIGINT or SIGQUIT */
    HOST_EVENT_WAKE,      /* host_events_wake */
};

struct host_events {
    int signal_fd, wake_fd;
    bool input_ended;
};

/* Block the signals in the calling thread and in those it starts later, so that they arrive as events; ignore SIGPIPE. */
WARN_UNUSED int host_events_init(struct host_events *events, struct error *error);
void host_events_fini(struct host_events *events);

/* Wait until something happens. want_input: look at standard input too. One thread. */
enum host_event_kind host_events_wait(struct host_events *events, bool want_input, uint64_t timeout_ns,
                                      uint8_t *bytes, size_t size, size_t *length);
/* Any thread, signal handlers too. */
void host_events_wake(struct host_events *events);

/* End the process at once, without unwinding. */
NORETURN void host_exit_now(int code);

#endif
