/* Waiting for many descriptors with the events that each is wanted for. [LINUX poll(2)] */
#ifndef BASE_HOST_POLL_H
#define BASE_HOST_POLL_H

#include <stdbool.h>
#include <stdint.h>

enum {
    HOST_POLL_IN = 1u << 0,
    HOST_POLL_OUT = 1u << 1,
    HOST_POLL_PRIORITY = 1u << 2,
    HOST_POLL_ERROR = 1u << 3,
    HOST_POLL_HANG_UP = 1u << 4,
    HOST_POLL_MAX = 1024,
};

struct host_poll {
    int fd;          /* negative: skipped */
    unsigned wanted; /* HOST_POLL_* */
    unsigned got;    /* filled in; errors and hang-ups always */
};

/* Until one is ready or the time is over (UINT32_MAX ms: no limit). At most HOST_POLL_MAX are looked at. False: it failed, nothing is filled
 * in but zeros. */
bool host_poll_wait(struct host_poll *polls, unsigned n, uint32_t timeout_ms);

#endif
