/* An uplink: the port of a switch behind which the user NAT lies, and the instants at which the NAT's frames enter the machine.
 *
 * With the realtime clock they enter on the clock thread as soon as it looks. With the virtual clock they are outside input: `post`
 * gets each (any thread), and what enters comes back by net_uplink_enter at an instant that a record keeps.
 */
#ifndef DEVICES_NET_UPLINK_H
#define DEVICES_NET_UPLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "devices/net/flows.h"
#include "devices/net/nat.h"
#include "devices/net/switch.h"

struct net_uplink_ops {
    /* Any thread; with the virtual clock only. False: there is no room, the frame is lost. */
    bool (*post)(void *opaque, const uint8_t *bytes, uint32_t n);
};

struct net_uplink {
    struct net_port port;
    struct net_nat *nat; /* owned; NULL: a record is fed back, nothing live enters */
    struct net_queue arrived;
    struct timer timer;
    const struct net_uplink_ops *ops; /* NULL: the realtime clock */
    void *opaque;
    struct net_flows flows;
    struct net_nat_memory memory; /* of a save, until net_uplink_resume */
};

/* Start the NAT and plug it in. `live` false: no NAT, the uplink only lets in what net_uplink_enter gives. */
WARN_UNUSED int net_uplink_init(struct net_uplink *uplink, struct net_switch *net,
                                const struct net_nat_config *config, bool live,
                                const struct net_uplink_ops *ops, void *opaque,
                                struct error *error);
void net_uplink_fini(struct net_uplink *uplink);

/* The next address of the NAT is this adapter's. */
void net_uplink_reserve(struct net_uplink *uplink, const uint8_t mac[NET_MAC_BYTES]);

/* Saved state: what is under way in sockets of the host is not in it. net_uplink_save before the table is written; after it was read into
 * an uplink that is not live, net_uplink_resume starts the NAT. Connections with the host are gone: it resets them as soon as their
 * guests answer a segment that is sent to them now. */
void net_uplink_save(struct net_uplink *uplink);
WARN_UNUSED int net_uplink_resume(struct net_uplink *uplink, const struct net_nat_config *config,
                                  struct error *error);
extern const struct state_table net_uplink_saved_table;

/* Clock thread: a frame that was posted enters now. */
void net_uplink_enter(struct net_uplink *uplink, const uint8_t *bytes, uint32_t n);

#endif
