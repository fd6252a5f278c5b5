/* Waiting for many descriptors. [LINUX poll(2)] */
#include "base/host/poll.h"

#include <poll.h>

#include "base/compiler.h"

static const struct {
    unsigned ours;
    short theirs;
} bits[] = {
    { HOST_POLL_IN, POLLIN },     { HOST_POLL_OUT, POLLOUT },     { HOST_POLL_PRIORITY, POLLPRI },
    { HOST_POLL_ERROR, POLLERR }, { HOST_POLL_HANG_UP, POLLHUP },
};

bool host_poll_wait(struct host_poll *polls, unsigned n, uint32_t timeout_ms)
{
    struct pollfd fds[HOST_POLL_MAX];
    int timeout = timeout_ms == UINT32_MAX ? -1 : timeout_ms > 60000 ? 60000 : (int)timeout_ms;

    n = n < HOST_POLL_MAX ? n : HOST_POLL_MAX;
    for (unsigned i = 0; i < n; i++) {
        fds[i] = (struct pollfd){ .fd = polls[i].fd };
        polls[i].got = 0;
        for (unsigned bit = 0; bit < ARRAY_SIZE(bits); bit++) {
            if ((polls[i].wanted & bits[bit].ours) != 0) {
                fds[i].events = (short)(fds[i].events | bits[bit].theirs);
            }
        }
    }
    if (poll(fds, n, timeout) < 0) {
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        for (unsigned bit = 0; bit < ARRAY_SIZE(bits); bit++) {
            if ((fds[i].revents & bits[bit].theirs) != 0) {
                polls[i].got |= bits[bit].ours;
            }
        }
    }
    return true;
}
