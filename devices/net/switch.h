/* A virtual switch: ports, VLANs, learned addresses, counters, captures. [IEEE 802.1D; Hyper-V virtual switch]
 *
 * Frames come in on a port by net_switch_send and go out by the ops of other ports. Everything happens on the machine's clock
 * thread; the switch's lock also admits others that look or change settings. A port's receive op is called with that lock held
 * and only queues: it must not call the switch.
 */
#ifndef DEVICES_NET_SWITCH_H
#define DEVICES_NET_SWITCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/host/mutex.h"
#include "base/state.h"
#include "devices/net/frame.h"
#include "devices/net/vlan.h"

struct net_pcap;
struct net_switch;

enum net_switch_kind {
    NET_SWITCH_EXTERNAL, /* an uplink leads outside */
    NET_SWITCH_INTERNAL, /* an uplink leads to the host, not outside */
    NET_SWITCH_PRIVATE,  /* guests only: no uplink */
};

enum {
    NET_SWITCH_PORTS = 64,
    NET_SWITCH_ADDRESSES = 1024, /* learned; the oldest gives way */
    NET_SWITCH_PROBES = 8,       /* places where an address may be */
    NET_PORT_NAME = 32,
    NET_PORT_GROUPS = 64, /* multicast addresses of a port's filter; with more it takes all */

    /* What a port wants to see: NDIS_PACKET_TYPE_*. [MS-RNDIS OID_GEN_CURRENT_PACKET_FILTER] */
    NET_FILTER_DIRECTED = 0x01,
    NET_FILTER_MULTICAST = 0x02,
    NET_FILTER_ALL_MULTICAST = 0x04,
    NET_FILTER_BROADCAST = 0x08,
    NET_FILTER_PROMISCUOUS = 0x20,
};
#define NET_SWITCH_AGE_NS UINT64_C(300000000000) /* [802.1D 7.9.2: 300 s] */

/* clang-format off */
/* X(name): counters of a port. "in" is from the port into the switch. */
#define NET_PORT_COUNTERS(X) \
    X(in_frames) X(in_bytes) X(in_broadcast) X(in_multicast) \
    X(out_frames) X(out_bytes) X(out_broadcast) X(out_multicast) \
    X(drop_link)   /* a link was down */ \
    X(drop_vlan)   /* the port does not carry that VLAN */ \
    X(drop_source) /* a source address that is none, or not the port's own */ \
    X(drop_size)   /* no header, or longer than anything */ \
    X(drop_filter) /* the port did not want it */ \
    X(drop_full)   /* the port's queue, or memory */
/* clang-format on */

struct net_port_counters {
#define X(name) uint64_t name;
    NET_PORT_COUNTERS(X)
#undef X
};

struct net_port_ops {
    /* Takes the frame. False: it was dropped, the queue is full. */
    bool (*receive)(void *opaque, struct net_frame *frame);
    /* The link went up or down; may be NULL. */
    void (*link)(void *opaque, bool up);
};

/* Embedded by its owner; the switch's lock guards it. */
struct net_port {
    struct net_switch *net; /* NULL: not plugged in */
    unsigned index;
    char name[NET_PORT_NAME];
    const struct net_port_ops *ops;
    void *opaque;
    bool uplink;
    bool takes_large; /* frames with mss set need not be cut */
    bool link;
    bool guard; /* frames from another source address than `mac` are dropped */
    uint8_t mac[NET_MAC_BYTES];
    unsigned filter;                                 /* NET_FILTER_* */
    uint8_t groups[NET_PORT_GROUPS * NET_MAC_BYTES]; /* one after the other */
    unsigned n_groups;
    struct net_vlan vlan;
    struct net_port_counters counters;
    struct net_pcap *capture; /* borrowed; NULL: none */
};

/* A learned address. */
struct net_address {
    uint8_t mac[NET_MAC_BYTES];
    uint16_t vlan;
    uint32_t port; /* index + 1; 0: free */
    uint64_t seen_ns;
};

struct net_switch {
    char name[NET_PORT_NAME];
    enum net_switch_kind kind;
    struct clock *clock;
    struct host_mutex lock;
    struct net_port *port[NET_SWITCH_PORTS];
    struct net_address address[NET_SWITCH_ADDRESSES];
};

void net_switch_init(struct net_switch *net, const char *name, enum net_switch_kind kind,
                     struct clock *clock);
/* All ports are unplugged. */
void net_switch_fini(struct net_switch *net);
const char *net_switch_kind_name(enum net_switch_kind kind);

/* Plug a port in. The owner has filled name, ops, opaque, uplink, takes_large, guard, mac, filter and vlan; the link is up. -ENOSPC: no
 * port is free; -EPERM: an uplink at a private switch; -EEXIST: the switch has one, or one of that name. */
WARN_UNUSED int net_switch_plug(struct net_switch *net, struct net_port *port, struct error *error);
/* No frame reaches it any more. No-op when it is not plugged in. */
void net_switch_unplug(struct net_port *port);

/* Takes the frame, with or without frame->tag. mss may be set: it is cut for ports that do not take large ones. Clock thread. */
void net_switch_send(struct net_port *port, struct net_frame *frame);

/* Settings; any thread. */
void net_port_set_link(struct net_port *port, bool up);
void net_port_set_filter(struct net_port *port, unsigned filter);
/* n of them; more than NET_PORT_GROUPS: all multicast. */
void net_port_set_groups(struct net_port *port, const uint8_t *groups, unsigned n);
void net_port_set_mac(struct net_port *port, const uint8_t mac[NET_MAC_BYTES]);
void net_port_set_capture(struct net_port *port, struct net_pcap *capture);
/* Where an address of a VLAN was seen, or NULL. For tests and inspection. */
struct net_port *net_switch_find(struct net_switch *net, uint16_t vlan,
                                 const uint8_t mac[NET_MAC_BYTES]);

static inline bool net_mac_is_multicast(const uint8_t *mac)
{
    return (mac[0] & 1) != 0;
}

static inline bool net_mac_is_broadcast(const uint8_t *mac)
{
    return (mac[0] & mac[1] & mac[2] & mac[3] & mac[4] & mac[5]) == 0xff;
}

/* Saved state. Of a port: its place among the switch's, link, address, filter, counters; when all of a switch were read into ports that were
 * plugged in, net_switch_replace puts each where it was. -EINVAL: two at one place. */
extern const struct state_table net_port_saved_table;
WARN_UNUSED int net_switch_replace(struct net_switch *net, struct error *error);
/* Of a switch: the learned addresses. */
extern const struct state_table net_switch_saved_table;

#endif
