/* What network adapters do for their guests: Internet checksums and TCP segmentation. [RFC 1071, 791, 8200, 9293; MS-RNDIS, NDIS large send
 * offload version 2] */
#ifndef DEVICES_NET_OFFLOAD_H
#define DEVICES_NET_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "devices/net/frame.h"

enum { NET_PROTOCOL_TCP = 6, NET_PROTOCOL_UDP = 17 };

/* Where things lie in a frame. All offsets from the frame's first byte, all inside it. */
struct net_layout {
    uint8_t ip_version; /* 4, 6; 0: no whole IP header, and nothing below is set */
    bool fragment;      /* of a larger datagram: protocol and l4 tell nothing */
    uint8_t protocol;   /* NET_PROTOCOL_* when its whole header is there, else 0 */
    uint32_t l3, l4;
    uint32_t payload; /* behind the TCP or UDP header */
    uint32_t
        end; /* of the datagram by its own length; where that is 0 (a large send), of the frame */
};

struct net_layout net_layout_of(const uint8_t *bytes, uint32_t n);

/* The one's complement sum, folded to 16 bits, big-endian words, not complemented; `sum` is that of the bytes before (an even number). */
uint16_t net_checksum_add(const uint8_t *bytes, size_t n, uint16_t sum);

enum {
    NET_FILL_IPV4 = 1u << 0, /* the IPv4 header's */
    NET_FILL_TCP = 1u << 1,
    NET_FILL_UDP = 1u << 2,
};
/* Compute and store what `what` names where the frame is of that kind. False: something asked for does not apply to the frame. */
bool net_offload_fill(struct net_frame *frame, unsigned what);

struct net_checksums {
    bool ip_good, ip_bad, l4_good,
        l4_bad;       /* neither: not looked at, not this protocol, or a fragment */
    uint8_t protocol; /* of l4 */
};
/* What the receiver is told. Of a trusted frame only the IP header is added up. */
struct net_checksums net_offload_verify(const struct net_frame *frame);

/* A frame with mss set as one whole datagram: lengths and checksums as if it went out uncut. False: it is no whole TCP segment, or longer
 * than a datagram. */
bool net_offload_whole(struct net_frame *frame);

/* Cut a TCP frame at frame->mss payload bytes: headers repeated, lengths, identification, sequence numbers, flags and checksums as each
 * frame needs them. Takes the frame; returns a list in order, of one frame when nothing is to be cut, or NULL when there is no memory or it
 * is no whole TCP segment (then it is dropped). */
struct net_frame *net_offload_segment(struct net_frame *frame);

#endif
