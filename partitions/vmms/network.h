/* The network of one child: its adapters, the switches they are plugged into, the user NAT behind, captures. All by the machine's thread,
 * or while it stands still. */
#ifndef PARTITIONS_VMMS_NETWORK_H
#define PARTITIONS_VMMS_NETWORK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"
#include "devices/net/uplink.h"
#include "devices/synthetic/netvsp.h"

struct worker;
struct nic;

enum { NETWORK_NICS = 8, NETWORK_SWITCHES = 8, NETWORK_CAPTURES = 8 };

/* What one --net says. */
struct network_request {
    bool none, user;
    char net[NET_PORT_NAME];  /* the switch; "user" of a user network */
    char name[NET_PORT_NAME]; /* of the adapter; empty: nicN */
    bool has_mac;
    uint8_t mac[NET_MAC_BYTES];
    unsigned queues; /* 0: as many as VPs, at most 8 */
    struct net_vlan vlan;
    struct net_nat_config nat;
};

struct network {
    struct worker *worker; /* NULL: not started */
    uint64_t seed;
    unsigned cpus;
    struct net_switch *net[NETWORK_SWITCHES]; /* owned */
    struct net_uplink uplink;
    bool uplinked;
    struct nic *nic[NETWORK_NICS];              /* owned */
    struct net_pcap *capture[NETWORK_CAPTURES]; /* owned */
    unsigned n_captures;
};

/* "user[,hostfwd=…][,restrict=on]", "switch=NAME", "none", and keys of the adapter: name, mac, vlan, queues. -EINVAL with the sentence. */
WARN_UNUSED int network_parse(struct network_request *request, const char *text,
                              struct error *error);

void network_init(struct network *network, struct worker *worker, unsigned cpus, uint64_t seed);
/* A zeroed one: no-op. */
void network_fini(struct network *network);
/* Make an adapter and offer it. */
WARN_UNUSED int network_add(struct network *network, const char *text, struct error *error);
/* Take an adapter from the guest. Its port is unplugged at once. */
WARN_UNUSED int network_remove(struct network *network, const char *name, struct error *error);
WARN_UNUSED int network_link(struct network *network, const char *name, bool up,
                             struct error *error);
/* "PORT=FILE": all frames of an adapter, or of "uplink", to a file. */
WARN_UNUSED int network_capture(struct network *network, const char *text, struct error *error);

/* What is told of an adapter or an uplink. */
struct network_port {
    const char *name, *net, *kind;
    bool link, nic;
    uint8_t mac[NET_MAC_BYTES];
    uint32_t mtu, version;
    unsigned channels;
    struct net_port_counters counters;
};
/* By index; false behind the last. */
bool network_port(const struct network *network, unsigned index, struct network_port *port);

#endif
