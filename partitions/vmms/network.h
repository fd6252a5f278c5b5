/* The network of one child: its adapters, the switches they are plugged into, the user NAT behind, captures. All by the machine's thread,
 * or while it stands still. */
#ifndef PARTITIONS_VMMS_NETWORK_H
#define PARTITIONS_VMMS_NETWORK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/state_file.h"
#include "devices/net/uplink.h"
#include "devices/synthetic/netvsp.h"

struct worker;

enum { NETWORK_NICS = 8, NETWORK_SWITCHES = 8, NETWORK_CAPTURES = 8 };

/* What one --net says. */
struct network_request {
    bool none, user;
    bool uplink;              /* only the user network, no adapter */
    char net[NET_PORT_NAME];  /* the switch; "user" of a user network */
    char name[NET_PORT_NAME]; /* of the adapter; empty: nicN */
    bool has_mac;
    uint8_t mac[NET_MAC_BYTES];
    bool mac_fixed;  /* no other address: neither may the guest change it nor send from another */
    unsigned queues; /* 0: as many as VPs, at most 8 */
    int slot; /* which of the adapters, for its address and GUID; -1: the first that is free */
    struct net_vlan vlan;
    struct net_nat_config nat;
};

/* An adapter. */
struct nic {
    struct netvsp netvsp; /* first */
    bool removed;         /* the guest is to let go of it; freed once it has */
    char *text;           /* owned: what asked for it */
};

struct network {
    struct worker *worker; /* NULL: not started */
    struct network *home;  /* the first child's, which has the switches and the uplink of all */
    unsigned number;       /* of the child, for its addresses */
    uint64_t seed;
    unsigned cpus;
    struct net_switch *net[NETWORK_SWITCHES]; /* owned; those of home count */
    struct net_uplink uplink;
    bool uplinked;
    bool restoring;                             /* what is outside begins with network_resume */
    struct net_nat_config nat;                  /* of the uplink */
    char *uplink_text;                          /* owned: what asked for it */
    struct nic *nic[NETWORK_NICS];              /* owned */
    struct net_pcap *capture[NETWORK_CAPTURES]; /* owned */
    unsigned n_captures;
};

/* "user[,hostfwd=…][,restrict=on]", "switch=NAME", "none", and keys of the adapter: name, mac, spoof, vlan, queues, slot; or "uplink" with keys of
 * "user": no adapter yet. -EINVAL with the sentence. */
WARN_UNUSED int network_parse(struct network_request *request, const char *text,
                              struct error *error);

/* restoring: of a saved machine, until network_resume. */
void network_init(struct network *network, struct worker *worker, unsigned cpus, uint64_t seed,
                  bool restoring);
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

/* Is it one of the adapters? */
bool network_has(const struct network *network, const struct vmbus_device *dev);
/* Free the adapters that the guest has let go of. */
void network_reap(struct network *network);

/* ---- saved state ---- */

/* What network_add must be given, line by line, for a network like this one. -E2BIG: it does not fit. Before a save: adapters that the guest
 * has let go of are gone after it. */
WARN_UNUSED int network_text(struct network *network, char *text, size_t room, struct error *error);
/* Before the devices' states of any child; and behind those of all, of the first, which has the switches. */
void network_visit_adapters(struct network *network, struct state_walk *walk);
void network_visit(struct network *network, struct state_walk *walk);
/* Everything was read: the user network begins. Its guests' connections with the host are reset. */
WARN_UNUSED int network_resume(struct network *network, struct error *error);

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
