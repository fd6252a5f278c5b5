/* The heartbeat component: does the guest live? [LINUX drivers/hv/hv_util.c heartbeat_onchannelcallback] */
#ifndef DEVICES_SYNTHETIC_HEARTBEAT_H
#define DEVICES_SYNTHETIC_HEARTBEAT_H

#include "devices/synthetic/ic.h"

enum { HEARTBEAT_PERIOD_S = 2, HEARTBEAT_MISSED_MAX = 5 };

enum heartbeat_state {
    HEARTBEAT_NONE, /* the guest has no such driver, or it is not there yet */
    HEARTBEAT_OK,
    HEARTBEAT_LOST, /* some beats are not answered */
};

struct heartbeat {
    struct ic ic;      /* first */
    uint64_t sequence; /* of the last beat sent */
    uint64_t answered;
    unsigned missed; /* beats since the last answer */
};

WARN_UNUSED int heartbeat_init(struct heartbeat *heartbeat, const struct ic_world *world);
enum heartbeat_state heartbeat_state(const struct heartbeat *heartbeat);

#endif
