/* Addresses and TCP connections of guests, noted as their frames pass. [RFC 826, 791, 9293] */
#include "devices/net/flows.h"

#include <string.h>

#include "devices/net/offload.h"

enum {
    TYPE_ARP = 0x0806,
    ARP_BYTES = 28,
    SOURCE_AT = 6,
    IP_BYTES = 20,
    TCP_BYTES = 20,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_ACK = 0x10,
    WINDOW = 1024,
    HOPS = 64,
};

static const uint8_t network[3] = { 10, 0, 2 };
static const uint8_t gateway_mac[NET_MAC_BYTES] = { 0x52, 0x55, 10, 0, 2, 2 };

static void note_neighbour(struct net_flows *flows, const uint8_t *ip, const uint8_t *mac)
{
    if (memcmp(ip, network, sizeof(network)) == 0) {
        memcpy(flows->mac + ip[3] * NET_MAC_BYTES, mac, NET_MAC_BYTES);
        flows->known[ip[3]] = true;
    }
}

/* ---- connections ---- */

static struct net_flow *flow_at(struct net_flows *flows, const uint8_t *addresses,
                                const uint8_t *ports)
{
    uint32_t hash = net_be32(addresses) ^ net_be32(addresses + 4) * UINT32_C(0x9e3779b1);

    hash = (hash ^ net_be32(ports)) * UINT32_C(0x85ebca6b);
    return &flows->flow[(hash ^ hash >> 16) % NET_FLOWS];
}

static bool flow_is(const struct net_flow *flow, const uint8_t *addresses, const uint8_t *ports)
{
    return flow->used && memcmp(flow->guest, addresses, 4) == 0 &&
           memcmp(flow->outside, addresses + 4, 4) == 0 && flow->guest_port == net_be16(ports) &&
           flow->outside_port == net_be16(ports + 2);
}

static void note_segment(struct net_flows *flows, const uint8_t *bytes,
                         const struct net_layout *layout)
{
    const uint8_t *ip = bytes + layout->l3 + 12, *tcp = bytes + layout->l4;
    struct net_flow *flow = flow_at(flows, ip, tcp);
    uint8_t flags = tcp[13];

    if ((flags & TCP_RST) != 0) {
        flow->used = flow->used && !flow_is(flow, ip, tcp);
    } else if ((flags & TCP_ACK) != 0) {
        flow->used = true;
        memcpy(flow->mac, bytes + SOURCE_AT, NET_MAC_BYTES);
        memcpy(flow->guest, ip, 4);
        memcpy(flow->outside, ip + 4, 4);
        flow->guest_port = net_be16(tcp);
        flow->outside_port = net_be16(tcp + 2);
        flow->sequence =
            net_be32(tcp + 4) + (layout->end - layout->payload) + ((flags & TCP_SYN) != 0 ? 1 : 0);
        flow->acknowledged = net_be32(tcp + 8);
    }
}

void net_flows_note(struct net_flows *flows, const uint8_t *bytes, uint32_t n)
{
    if (n >= NET_HEADER_BYTES + ARP_BYTES && net_be16(bytes + 12) == TYPE_ARP) {
        note_neighbour(flows, bytes + NET_HEADER_BYTES + 14, bytes + NET_HEADER_BYTES + 8);
        return;
    }
    struct net_layout layout = net_layout_of(bytes, n);
    if (layout.ip_version != 4) {
        return;
    }
    if ((bytes[0] & 1) == 0) {
        note_neighbour(flows, bytes + layout.l3 + 12, bytes + SOURCE_AT);
    }
    if (layout.protocol == NET_PROTOCOL_TCP) {
        note_segment(flows, bytes, &layout);
    }
}

/* ---- what a new NAT and the guests are sent ---- */

uint32_t net_flows_introduce(const struct net_flows *flows, unsigned n,
                             uint8_t frame[NET_FLOW_FRAME])
{
    static const uint8_t head[] = { 0, 1, 8, 0, 6, 4, 0, 2 }; /* Ethernet, IPv4, reply */
    uint8_t *arp = frame + NET_HEADER_BYTES;

    if (n >= NET_NEIGHBOURS || !flows->known[n]) {
        return 0;
    }
    memset(frame, 0, NET_FLOW_FRAME);
    memcpy(frame, gateway_mac, NET_MAC_BYTES);
    memcpy(frame + SOURCE_AT, flows->mac + n * NET_MAC_BYTES, NET_MAC_BYTES);
    net_be16_store(frame + 12, TYPE_ARP);
    memcpy(arp, head, sizeof(head));
    memcpy(arp + 8, flows->mac + n * NET_MAC_BYTES, NET_MAC_BYTES);
    memcpy(arp + 14, network, sizeof(network));
    arp[17] = (uint8_t)n;
    memcpy(arp + 18, gateway_mac, NET_MAC_BYTES);
    memcpy(arp + 24, gateway_mac + 2, 4);
    return NET_HEADER_BYTES + ARP_BYTES;
}

uint32_t net_flows_probe(const struct net_flows *flows, unsigned n, uint8_t frame[NET_FLOW_FRAME])
{
    const uint32_t bytes = NET_HEADER_BYTES + IP_BYTES + TCP_BYTES;
    uint8_t *ip = frame + NET_HEADER_BYTES, *tcp = ip + IP_BYTES;
    uint8_t pseudo[12] = { 0 };

    if (n >= NET_FLOWS || !flows->flow[n].used) {
        return 0;
    }
    const struct net_flow *flow = &flows->flow[n];
    memset(frame, 0, NET_FLOW_FRAME);
    memcpy(frame, flow->mac, NET_MAC_BYTES);
    memcpy(frame + SOURCE_AT, gateway_mac, NET_MAC_BYTES);
    net_be16_store(frame + 12, NET_TYPE_IPV4);
    ip[0] = 0x45;
    net_be16_store(ip + 2, IP_BYTES + TCP_BYTES);
    ip[8] = HOPS;
    ip[9] = NET_PROTOCOL_TCP;
    memcpy(ip + 12, flow->outside, 4);
    memcpy(ip + 16, flow->guest, 4);
    net_be16_store(ip + 10, (uint16_t)~net_checksum_add(ip, IP_BYTES, 0));
    net_be16_store(tcp, flow->outside_port);
    net_be16_store(tcp + 2, flow->guest_port);
    net_be32_store(tcp + 4,
                   flow->acknowledged - 1); /* old: the guest says where it is [9293 3.10.7.4] */
    net_be32_store(tcp + 8, flow->sequence);
    tcp[12] = TCP_BYTES / 4 << 4;
    tcp[13] = TCP_ACK;
    net_be16_store(tcp + 14, WINDOW);
    memcpy(pseudo, flow->outside, 4);
    memcpy(pseudo + 4, flow->guest, 4);
    pseudo[9] = NET_PROTOCOL_TCP;
    pseudo[11] = TCP_BYTES;
    net_be16_store(tcp + 16, (uint16_t)~net_checksum_add(
                                 tcp, TCP_BYTES, net_checksum_add(pseudo, sizeof(pseudo), 0)));
    return bytes;
}

/* ---- saved state ---- */

static const struct state_field flow_rows[] = {
    STATE_FIELD(struct net_flow, used),       STATE_FIELD(struct net_flow, mac),
    STATE_FIELD(struct net_flow, guest),      STATE_FIELD(struct net_flow, outside),
    STATE_FIELD(struct net_flow, guest_port), STATE_FIELD(struct net_flow, outside_port),
    STATE_FIELD(struct net_flow, sequence),   STATE_FIELD(struct net_flow, acknowledged),
};
static const struct state_table flow_table = STATE_TABLE("flow", 1, struct net_flow, flow_rows);
static const struct state_field flows_rows[] = {
    STATE_FIELD(struct net_flows, mac),
    STATE_FIELD(struct net_flows, known),
    STATE_STRUCT_FIELD(struct net_flows, flow, &flow_table),
};
const struct state_table net_flows_saved_table =
    STATE_TABLE("flows", 1, struct net_flows, flows_rows);
