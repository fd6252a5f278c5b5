/* User NAT: a small network behind which guests reach what this process may reach, without any right on the host. By libslirp.
 *
 *   10.0.2.0/24   .2 the gateway (the host's loopback), .3 a name server (the host's), .15 the first address that DHCP gives
 *
 * Its sockets are served by a thread of its own. Frames of guests come in by net_nat_send from the clock thread; frames for guests
 * go out by ops->arrived on any thread. With a virtual clock what guests send is looked at at once, on the caller's thread, so
 * that answers that need nothing of the host (ARP, DHCP, the gateway's ping) arrive before net_nat_send returns: the same in every run.
 * All its times are then the guest's, and its thread does nothing while no socket of the host is open.
 */
#ifndef DEVICES_NET_NAT_H
#define DEVICES_NET_NAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "devices/net/frame.h"

enum { NET_NAT_FORWARDS = 32, NET_NAT_FRAME_MAX = 64 << 10, NET_NAT_MEMORY = 2048 };

/* A port of the host that leads to one of a guest. */
struct net_nat_forward {
    bool udp;
    uint8_t host[4];  /* address to listen at */
    uint8_t guest[4]; /* 0.0.0.0: the first that DHCP gives, to the first adapter */
    uint16_t host_port, guest_port;
};

struct net_nat_config {
    bool restricted;     /* nothing but DHCP and forwarded ports */
    bool ipv6;           /* fec0::/64 beside it */
    struct clock *clock; /* a virtual one; NULL: the host's time */
    unsigned n_forwards;
    struct net_nat_forward forward[NET_NAT_FORWARDS];
};

struct net_nat_ops {
    /* A frame for the guests; takes it. Any thread. */
    void (*arrived)(void *opaque, struct net_frame *frame);
    /* The NAT's own thread, without locks, after some arrived; may be NULL. */
    void (*after)(void *opaque);
};

struct net_nat;

/* What a NAT that starts in another process takes over: leases, numbers of datagrams, the next router advertisement. Not its sockets. */
struct net_nat_memory {
    uint32_t version, n; /* n 0: nothing */
    uint8_t bytes[NET_NAT_MEMORY];
    uint64_t advertise_ns; /* guest time; 0: not waited for, or not with a virtual clock */
};

/* False: verdite was built without libslirp. */
bool net_nat_built(void);

/* "tcp:127.0.0.1:2222-10.0.2.15:22"; both addresses may be left out: 127.0.0.1 and the first guest. -EINVAL with the sentence. */
WARN_UNUSED int net_nat_parse_forward(struct net_nat_forward *forward, const char *text,
                                      struct error *error);
/* One key of the list behind "user": hostfwd, restrict, ipv6. -ENOENT: it has no such key. */
WARN_UNUSED int net_nat_parse_key(struct net_nat_config *config, const char *key, const char *value,
                                  struct error *error);

/* NULL with the sentence: not built, or a port is taken. */
WARN_UNUSED struct net_nat *net_nat_create(const struct net_nat_config *config,
                                           const struct net_nat_ops *ops, void *opaque,
                                           struct error *error);
void net_nat_destroy(struct net_nat *nat);

/* Give this adapter an address now, as if it had asked by DHCP: addresses follow the order of adapters, not of boots. Clock thread. */
void net_nat_reserve(struct net_nat *nat, const uint8_t mac[NET_MAC_BYTES]);

/* Takes the frame: from a guest. Clock thread. */
void net_nat_send(struct net_nat *nat, struct net_frame *frame);

/* For a saved machine. -EINVAL with the sentence: what is no memory of this library. Clock thread. */
void net_nat_save(struct net_nat *nat, struct net_nat_memory *memory);
WARN_UNUSED int net_nat_restore(struct net_nat *nat, const struct net_nat_memory *memory,
                                struct error *error);

/* Does it talk with anything of the host, so that something may come by itself? Any thread. */
bool net_nat_busy(struct net_nat *nat);

#endif
