/* The shutdown component: ask the guest's operating system to power off or to restart. [LINUX drivers/hv/hv_util.c
 * shutdown_onchannelcallback] */
#ifndef DEVICES_SYNTHETIC_SHUTDOWN_H
#define DEVICES_SYNTHETIC_SHUTDOWN_H

#include "devices/synthetic/ic.h"

/* Values of the protocol. */
enum shutdown_kind { SHUTDOWN_POWER_OFF = 0, SHUTDOWN_REBOOT = 2, SHUTDOWN_HIBERNATE = 4 };

enum shutdown_state { SHUTDOWN_NOT_ASKED, SHUTDOWN_ASKED, SHUTDOWN_ACCEPTED, SHUTDOWN_REFUSED };

struct shutdown {
    struct ic ic; /* first */
    enum shutdown_state state;
    uint32_t status; /* of the answer */
};

WARN_UNUSED int shutdown_init(struct shutdown *shutdown, const struct ic_world *world);
/* -ENOTCONN: the guest does not listen. */
int shutdown_ask(struct shutdown *shutdown, enum shutdown_kind kind, bool force);

#endif
