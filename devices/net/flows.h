/* What an uplink keeps in mind of the guests behind it, for a NAT that starts anew in another process: their addresses, so that it need not
 * ask, and their TCP connections, so that it can end them. [RFC 826, 9293] */
#ifndef DEVICES_NET_FLOWS_H
#define DEVICES_NET_FLOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/state.h"
#include "devices/net/frame.h"

enum { NET_NEIGHBOURS = 256, NET_FLOWS = 256, NET_FLOW_FRAME = 64 };

/* A TCP connection as the guest's last segment told it. By IPv4. */
struct net_flow {
    bool used;
    uint8_t mac[NET_MAC_BYTES];
    uint8_t guest[4], outside[4];
    uint16_t guest_port, outside_port;
    uint32_t sequence, acknowledged; /* what the guest sends next, and expects next */
};

struct net_flows {
    uint8_t mac[NET_NEIGHBOURS * NET_MAC_BYTES]; /* of 10.0.2.N */
    bool known[NET_NEIGHBOURS];
    struct net_flow flow[NET_FLOWS]; /* by hash: one gives way to another */
};

/* A frame that a guest sends outside. */
void net_flows_note(struct net_flows *flows, const uint8_t *bytes, uint32_t n);

/* An answer to nobody's ARP question that tells the address of neighbour N to the NAT; 0: it is not known. Returns bytes. */
uint32_t net_flows_introduce(const struct net_flows *flows, unsigned n,
                             uint8_t frame[NET_FLOW_FRAME]);
/* A segment that the guest of connection N acknowledges, whatever it has sent since: the NAT, which does not know the connection, then
 * resets it. 0: there is none. Returns bytes. */
uint32_t net_flows_probe(const struct net_flows *flows, unsigned n, uint8_t frame[NET_FLOW_FRAME]);

extern const struct state_table net_flows_saved_table;

#endif
