/* Standard input, signals and wake-ups as events. [LINUX signalfd(2), eventfd(2)] */
#include "base/host/events.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

int host_events_init(struct host_events *events, struct error *error)
{
    sigset_t set;
    *events = (struct host_events){ .signal_fd = -1, .wake_fd = -1 };
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGHUP);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGQUIT);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    events->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    events->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (events->signal_fd < 0 || events->wake_fd < 0) {
        int code = -errno;
        host_events_fini(events);
        return error_set(error, code, "no signal or event descriptor: %s", strerror(-code));
    }
    return 0;
}

void host_events_fini(struct host_events *events)
{
    if (events->signal_fd >= 0) {
        (void)close(events->signal_fd);
    }
    if (events->wake_fd >= 0) {
        (void)close(events->wake_fd);
    }
    events->signal_fd = events->wake_fd = -1;
}

static enum host_event_kind host_events_signal(struct host_events *events)
{
    struct signalfd_siginfo info;
    if (read(events->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info)) {
        return HOST_EVENT_TIMEOUT;
    }
    bool terminate = info.ssi_signo == SIGTERM || info.ssi_signo == SIGHUP;
    return terminate ? HOST_EVENT_TERMINATE : HOST_EVENT_INTERRUPT;
}

static enum host_event_kind host_events_input(struct host_events *events, uint8_t *bytes,
                                              size_t size, size_t *length)
{
    ssize_t n = read(STDIN_FILENO, bytes, size);
    if (n > 0) {
        *length = (size_t)n;
        return HOST_EVENT_INPUT;
    }
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
        return HOST_EVENT_TIMEOUT;
    }
    events->input_ended = true;
    return HOST_EVENT_END;
}

enum host_event_kind host_events_wait(struct host_events *events, bool want_input,
                                      uint64_t timeout_ns, uint8_t *bytes, size_t size,
                                      size_t *length)
{
    bool input = want_input && !events->input_ended;
    struct pollfd fds[3] = {
        { .fd = events->signal_fd, .events = POLLIN },
        { .fd = events->wake_fd, .events = POLLIN },
        { .fd = input ? STDIN_FILENO : -1, .events = POLLIN },
    };
    uint64_t ms = timeout_ns / 1000000u;
    *length = 0;
    if (poll(fds, 3, ms > 60000 ? 60000 : (int)ms) <= 0) {
        return HOST_EVENT_TIMEOUT;
    }
    if (fds[0].revents != 0) {
        return host_events_signal(events);
    }
    if (fds[1].revents != 0) {
        uint64_t count;
        (void)!read(events->wake_fd, &count, sizeof(count));
        return HOST_EVENT_WAKE;
    }
    return host_events_input(events, bytes, size, length);
}

void host_events_wake(struct host_events *events)
{
    uint64_t one = 1;
    (void)!write(events->wake_fd, &one, sizeof(one));
}

void host_exit_now(int code)
{
    _exit(code);
}
