/* The time synchronization component: the guest's clock follows the host's. [LINUX drivers/hv/hv_util.c
 * timesync_onchannelcallback] */
#ifndef DEVICES_SYNTHETIC_TIMESYNC_H
#define DEVICES_SYNTHETIC_TIMESYNC_H

#include "devices/synthetic/ic.h"

enum { TIMESYNC_PERIOD_S = 5 };

struct timesync {
    struct ic ic;            /* first */
    uint64_t syncs, samples; /* sent */
};

WARN_UNUSED int timesync_init(struct timesync *timesync, const struct ic_world *world);
/* Set the guest's clock now. -ENOTCONN: the guest does not listen. */
int timesync_set(struct timesync *timesync);

#endif
