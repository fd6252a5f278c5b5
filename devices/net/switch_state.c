/* Saved state of a switch and its ports. */
#include <errno.h>
#include <string.h>

#include "devices/net/switch.h"

struct saved_address {
    struct net_address address;
    uint32_t place;
};

static const struct state_field address_rows[] = {
    STATE_FIELD_MAX(struct saved_address, place, NET_SWITCH_ADDRESSES - 1),
    STATE_FIELD(struct saved_address, address.mac),
    STATE_FIELD_MAX(struct saved_address, address.vlan, NET_VLAN_MAX),
    STATE_FIELD_MAX(struct saved_address, address.port, NET_SWITCH_PORTS),
    STATE_FIELD(struct saved_address, address.seen_ns),
};
static const struct state_table address_table =
    STATE_TABLE("address", 1, struct saved_address, address_rows);

static bool addresses_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct net_switch *net = object;

    while (cursor->a < NET_SWITCH_ADDRESSES && net->address[cursor->a].port == 0) {
        cursor->a++;
    }
    if (cursor->a == NET_SWITCH_ADDRESSES) {
        return false;
    }
    *(struct saved_address *)element = (struct saved_address){
        .address = net->address[cursor->a],
        .place = (uint32_t)cursor->a,
    };
    cursor->a++;
    return true;
}

/* One of a port that is not there any more is forgotten. */
static int addresses_put(void *object, const void *element, struct error *error)
{
    struct net_switch *net = object;
    const struct saved_address *saved = element;

    (void)error;
    if (saved->address.port != 0 && net->port[saved->address.port - 1] != NULL) {
        net->address[saved->place] = saved->address;
    }
    return 0;
}

static const struct state_list addresses_list = { &address_table, sizeof(struct saved_address),
                                                  addresses_get, addresses_put };
static const struct state_field switch_rows[] = { STATE_LIST_FIELD("addresses", &addresses_list) };
const struct state_table net_switch_saved_table =
    STATE_TABLE("switch", 1, struct net_switch, switch_rows);

static const struct state_field port_rows[] = {
    STATE_FIELD_MAX(struct net_port, index, NET_SWITCH_PORTS - 1),
    STATE_FIELD(struct net_port, link),
    STATE_FIELD(struct net_port, mac),
    STATE_FIELD(struct net_port, filter),
    STATE_FIELD(struct net_port, groups),
    STATE_FIELD_MAX(struct net_port, n_groups, NET_PORT_GROUPS),
#define X(name) STATE_FIELD(struct net_port, counters.name),
    NET_PORT_COUNTERS(X)
#undef X
};
const struct state_table net_port_saved_table = STATE_TABLE("port", 1, struct net_port, port_rows);

int net_switch_replace(struct net_switch *net, struct error *error)
{
    struct net_port *port[NET_SWITCH_PORTS];

    memcpy(port, net->port, sizeof(port));
    memset(net->port, 0, sizeof(net->port));
    for (unsigned i = 0; i < NET_SWITCH_PORTS; i++) {
        if (port[i] == NULL) {
            continue;
        }
        if (net->port[port[i]->index] != NULL) {
            return error_set(error, -EINVAL, "switch %s: two ports at one place", net->name);
        }
        net->port[port[i]->index] = port[i];
    }
    return 0;
}
