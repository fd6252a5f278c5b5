/* The virtual switch: learn, look up, deliver. [IEEE 802.1D 7] */
#include "devices/net/switch.h"

#include <errno.h>
#include <string.h>

#include "devices/net/offload.h"
#include "devices/net/pcap.h"

enum { SOURCE_AT = 6 };

static const char *const kind_names[] = {
    [NET_SWITCH_EXTERNAL] = "external",
    [NET_SWITCH_INTERNAL] = "internal",
    [NET_SWITCH_PRIVATE] = "private",
};

const char *net_switch_kind_name(enum net_switch_kind kind)
{
    return kind_names[kind];
}

static void set_name(char to[NET_PORT_NAME], const char *name)
{
    size_t n = strnlen(name, NET_PORT_NAME - 1);

    memmove(to, name, n);
    to[n] = '\0';
}

void net_switch_init(struct net_switch *net, const char *name, enum net_switch_kind kind,
                     struct clock *clock)
{
    memset(net, 0, sizeof(*net));
    set_name(net->name, name);
    net->kind = kind;
    net->clock = clock;
    host_mutex_init(&net->lock);
}

void net_switch_fini(struct net_switch *net)
{
    for (unsigned i = 0; i < NET_SWITCH_PORTS; i++) {
        if (net->port[i] != NULL) {
            net_switch_unplug(net->port[i]);
        }
    }
    host_mutex_fini(&net->lock);
}

/* ---- learned addresses ---- */

static struct net_address *address_at(struct net_switch *net, uint16_t vlan, const uint8_t *mac,
                                      unsigned probe)
{
    uint32_t hash = vlan * UINT32_C(0x9e3779b1);

    for (unsigned i = 0; i < NET_MAC_BYTES; i++) {
        hash = (hash ^ mac[i]) * UINT32_C(0x01000193);
    }
    hash ^= hash >> 15;
    return &net->address[(hash + probe) % NET_SWITCH_ADDRESSES];
}

static bool address_is(const struct net_address *address, uint16_t vlan, const uint8_t *mac)
{
    return address->port != 0 && address->vlan == vlan &&
           memcmp(address->mac, mac, NET_MAC_BYTES) == 0;
}

static struct net_address *find(struct net_switch *net, uint16_t vlan, const uint8_t *mac,
                                uint64_t now_ns)
{
    for (unsigned i = 0; i < NET_SWITCH_PROBES; i++) {
        struct net_address *address = address_at(net, vlan, mac, i);
        if (address_is(address, vlan, mac)) {
            if (now_ns - address->seen_ns <= NET_SWITCH_AGE_NS) {
                return address;
            }
            address->port = 0;
            return NULL;
        }
    }
    return NULL;
}

static void learn(struct net_switch *net, uint16_t vlan, const uint8_t *mac,
                  const struct net_port *port, uint64_t now_ns)
{
    struct net_address *place = NULL;

    for (unsigned i = 0; i < NET_SWITCH_PROBES; i++) {
        struct net_address *address = address_at(net, vlan, mac, i);
        if (address_is(address, vlan, mac)) {
            place = address;
            break;
        }
        if (place == NULL || (place->port != 0 && address->port == 0) ||
            (place->port != 0 && address->seen_ns < place->seen_ns)) {
            place = address;
        }
    }
    memcpy(place->mac, mac, NET_MAC_BYTES);
    place->vlan = vlan;
    place->port = port->index + 1;
    place->seen_ns = now_ns;
}

static void forget_port(struct net_switch *net, const struct net_port *port)
{
    for (unsigned i = 0; i < NET_SWITCH_ADDRESSES; i++) {
        if (net->address[i].port == port->index + 1) {
            net->address[i].port = 0;
        }
    }
}

struct net_port *net_switch_find(struct net_switch *net, uint16_t vlan,
                                 const uint8_t mac[NET_MAC_BYTES])
{
    host_mutex_lock(&net->lock);
    const struct net_address *address = find(net, vlan, mac, clock_now_ns(net->clock));
    struct net_port *port = address != NULL ? net->port[address->port - 1] : NULL;
    host_mutex_unlock(&net->lock);
    return port;
}

/* ---- delivery ---- */

static bool in_groups(const struct net_port *port, const uint8_t *mac)
{
    for (unsigned i = 0; i < port->n_groups; i++) {
        if (memcmp(port->groups + i * NET_MAC_BYTES, mac, NET_MAC_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static bool wants(const struct net_port *port, const uint8_t *mac)
{
    if ((port->filter & NET_FILTER_PROMISCUOUS) != 0) {
        return true;
    }
    if (net_mac_is_broadcast(mac)) {
        return (port->filter & NET_FILTER_BROADCAST) != 0;
    }
    if (net_mac_is_multicast(mac)) {
        return (port->filter & NET_FILTER_ALL_MULTICAST) != 0 ||
               ((port->filter & NET_FILTER_MULTICAST) != 0 && in_groups(port, mac));
    }
    return (port->filter & NET_FILTER_DIRECTED) != 0 && memcmp(port->mac, mac, NET_MAC_BYTES) == 0;
}

static void deliver_one(struct net_port *port, struct net_frame *frame, uint64_t now_ns)
{
    uint32_t length = frame->length;
    bool broadcast = net_mac_is_broadcast(frame->bytes);
    bool multicast = net_mac_is_multicast(frame->bytes) && !broadcast;

    if (port->capture != NULL) {
        net_pcap_write(port->capture, now_ns, frame);
    }
    if (!port->ops->receive(port->opaque, frame)) {
        port->counters.drop_full++;
        return;
    }
    port->counters.out_frames++;
    port->counters.out_bytes += length;
    port->counters.out_broadcast += broadcast;
    port->counters.out_multicast += multicast;
}

/* Takes the frame. */
static void deliver(struct net_port *port, struct net_frame *frame, uint16_t vlan, uint64_t now_ns)
{
    if (!port->link) {
        port->counters.drop_link++;
    } else if (!wants(port, frame->bytes)) {
        port->counters.drop_filter++;
    } else {
        net_vlan_retag(&port->vlan, frame, vlan);
        if (frame->mss != 0 && !(port->takes_large && net_offload_whole(frame))) {
            frame = net_offload_segment(frame);
            port->counters.drop_full += frame == NULL;
        }
        while (frame != NULL) {
            struct net_frame *next = frame->next;
            frame->next = NULL;
            deliver_one(port, frame, now_ns);
            frame = next;
        }
        return;
    }
    net_frame_free(frame);
}

/* To all ports of the VLAN but the one it came from. The last gets the frame itself. */
static void flood(struct net_switch *net, const struct net_port *from, struct net_frame *frame,
                  uint16_t vlan, uint64_t now_ns)
{
    struct net_port *held = NULL;

    for (unsigned i = 0; i < NET_SWITCH_PORTS; i++) {
        struct net_port *port = net->port[i];
        if (port == NULL || port == from || !net_vlan_carries(&port->vlan, vlan)) {
            continue;
        }
        if (held != NULL) {
            struct net_frame *copy = net_frame_copy(frame);
            if (copy != NULL) {
                deliver(held, copy, vlan, now_ns);
            } else {
                held->counters.drop_full++;
            }
        }
        held = port;
    }
    if (held != NULL) {
        deliver(held, frame, vlan, now_ns);
    } else {
        net_frame_free(frame);
    }
}

/* False: the frame goes no further. */
static bool admit(struct net_port *port, const struct net_frame *frame, uint16_t *vlan)
{
    struct net_port_counters *counters = &port->counters;
    const uint8_t *source = frame->bytes + SOURCE_AT;

    if (frame->length < NET_HEADER_BYTES || frame->length > NET_FRAME_MAX) {
        counters->drop_size++;
    } else if (!port->link) {
        counters->drop_link++;
    } else if (net_mac_is_multicast(source) ||
               (port->guard && memcmp(source, port->mac, NET_MAC_BYTES) != 0)) {
        counters->drop_source++;
    } else if (!net_vlan_classify(&port->vlan, frame, vlan)) {
        counters->drop_vlan++;
    } else {
        return true;
    }
    return false;
}

void net_switch_send(struct net_port *port, struct net_frame *frame)
{
    struct net_switch *net = port->net;
    uint16_t vlan = 0;

    if (net == NULL) {
        net_frame_free(frame);
        return;
    }
    host_mutex_lock(&net->lock);
    uint64_t now = clock_now_ns(net->clock);
    if (!admit(port, frame, &vlan)) {
        net_frame_free(frame);
        goto out;
    }
    if (port->capture != NULL) {
        net_pcap_write(port->capture, now, frame);
    }
    bool multicast = net_mac_is_multicast(frame->bytes);
    bool broadcast = net_mac_is_broadcast(frame->bytes);
    port->counters.in_frames++;
    port->counters.in_bytes += frame->length;
    port->counters.in_broadcast += broadcast;
    port->counters.in_multicast += multicast && !broadcast;
    learn(net, vlan, frame->bytes + SOURCE_AT, port, now);

    const struct net_address *address = multicast ? NULL : find(net, vlan, frame->bytes, now);
    if (address == NULL) {
        flood(net, port, frame, vlan, now);
    } else {
        struct net_port *to = net->port[address->port - 1];
        if (to == port || !net_vlan_carries(&to->vlan, vlan)) {
            net_frame_free(frame); /* it was there already, or the VLAN was taken from the port */
        } else {
            deliver(to, frame, vlan, now);
        }
    }
out:
    host_mutex_unlock(&net->lock);
}

/* ---- ports ---- */

static int place(struct net_switch *net, struct net_port *port, struct error *error)
{
    int index = -1;

    if (port->uplink && net->kind == NET_SWITCH_PRIVATE) {
        return error_set(error, -EPERM, "switch %s is private: it has no uplink", net->name);
    }
    for (unsigned i = 0; i < NET_SWITCH_PORTS; i++) {
        const struct net_port *other = net->port[i];
        if (other == NULL) {
            index = index < 0 ? (int)i : index;
        } else if (strcmp(other->name, port->name) == 0) {
            return error_set(error, -EEXIST, "switch %s has a port %s already", net->name,
                             port->name);
        } else if (other->uplink && port->uplink) {
            return error_set(error, -EEXIST, "switch %s has an uplink already", net->name);
        }
    }
    return index >= 0 ? index
                      : error_set(error, -ENOSPC, "switch %s has all its %d ports in use",
                                  net->name, NET_SWITCH_PORTS);
}

int net_switch_plug(struct net_switch *net, struct net_port *port, struct error *error)
{
    host_mutex_lock(&net->lock);
    int index = place(net, port, error);
    if (index >= 0) {
        net->port[index] = port;
        port->index = (unsigned)index;
        port->net = net;
        port->link = true;
    }
    host_mutex_unlock(&net->lock);
    return index < 0 ? index : 0;
}

void net_switch_unplug(struct net_port *port)
{
    struct net_switch *net = port->net;

    if (net == NULL) {
        return;
    }
    host_mutex_lock(&net->lock);
    forget_port(net, port);
    for (unsigned i = 0; i < NET_SWITCH_PORTS; i++) { /* index may have come from a file */
        net->port[i] = net->port[i] == port ? NULL : net->port[i];
    }
    port->net = NULL;
    host_mutex_unlock(&net->lock);
}

void net_port_set_link(struct net_port *port, bool up)
{
    struct net_switch *net = port->net;

    if (net == NULL) {
        return;
    }
    host_mutex_lock(&net->lock);
    bool changed = port->link != up;
    port->link = up;
    if (!up) {
        forget_port(net, port);
    }
    host_mutex_unlock(&net->lock);
    if (changed && port->ops->link != NULL) {
        port->ops->link(port->opaque, up);
    }
}

/* A setting of a port; the lock is its switch's, when it is plugged in. */
static void port_lock(struct net_port *port)
{
    if (port->net != NULL) {
        host_mutex_lock(&port->net->lock);
    }
}

static void port_unlock(struct net_port *port)
{
    if (port->net != NULL) {
        host_mutex_unlock(&port->net->lock);
    }
}

void net_port_set_filter(struct net_port *port, unsigned filter)
{
    port_lock(port);
    port->filter = filter;
    port_unlock(port);
}

void net_port_set_groups(struct net_port *port, const uint8_t *groups, unsigned n)
{
    port_lock(port);
    if (n > NET_PORT_GROUPS) {
        port->filter |= NET_FILTER_ALL_MULTICAST;
        n = 0;
    }
    if (n > 0) {
        memcpy(port->groups, groups, (size_t)n * NET_MAC_BYTES);
    }
    port->n_groups = n;
    port_unlock(port);
}

void net_port_set_mac(struct net_port *port, const uint8_t mac[NET_MAC_BYTES])
{
    port_lock(port);
    memcpy(port->mac, mac, NET_MAC_BYTES);
    port_unlock(port);
}

void net_port_set_capture(struct net_port *port, struct net_pcap *capture)
{
    port_lock(port);
    port->capture = capture;
    port_unlock(port);
}
