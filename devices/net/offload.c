/* Internet checksums, and TCP frames cut to size. [RFC 1071, 791, 8200, 9293] */
#include "devices/net/offload.h"

#include <string.h>

#include "base/bytes.h"

enum {
    TYPE_AT = 12,
    IPV4_HEADER = 20,
    IPV4_LENGTH_AT = 2,
    IPV4_ID_AT = 4,
    IPV4_FRAGMENT_AT = 6,
    IPV4_FRAGMENT_MASK = 0x3fff, /* more fragments, offset */
    IPV4_PROTOCOL_AT = 9,
    IPV4_CHECKSUM_AT = 10,
    IPV4_SOURCE_AT = 12,
    IPV6_HEADER = 40,
    IPV6_LENGTH_AT = 4,
    IPV6_NEXT_AT = 6,
    IPV6_SOURCE_AT = 8,
    IPV6_HOP_BY_HOP = 0,
    IPV6_ROUTING = 43,
    IPV6_FRAGMENT = 44,
    IPV6_DESTINATION = 60,
    IPV6_EXTENSIONS_MAX = 8,
    UDP_HEADER = 8,
    UDP_LENGTH_AT = 4,
    UDP_CHECKSUM_AT = 6,
    TCP_HEADER = 20,
    TCP_SEQUENCE_AT = 4,
    TCP_OFFSET_AT = 12,
    TCP_FLAGS_AT = 13,
    TCP_CHECKSUM_AT = 16,
    TCP_FIN = 0x01,
    TCP_PSH = 0x08,
    TCP_CWR = 0x80,
};

/* ---- where things lie ---- */

static void ipv4_layout(struct net_layout *layout, const uint8_t *bytes, uint32_t n)
{
    const uint8_t *ip = bytes + layout->l3;

    if (n - layout->l3 < IPV4_HEADER) {
        return;
    }
    uint32_t header = (ip[0] & 0xfu) * 4, total = net_be16(ip + IPV4_LENGTH_AT);
    if (ip[0] >> 4 != 4 || header < IPV4_HEADER || header > n - layout->l3) {
        return;
    }
    if (total != 0 && (total < header || total > n - layout->l3)) {
        return;
    }
    layout->ip_version = 4;
    layout->end = total == 0 ? n : layout->l3 + total;
    layout->l4 = layout->l3 + header;
    layout->fragment = (net_be16(ip + IPV4_FRAGMENT_AT) & IPV4_FRAGMENT_MASK) != 0;
    layout->protocol = ip[IPV4_PROTOCOL_AT];
}

static void ipv6_layout(struct net_layout *layout, const uint8_t *bytes, uint32_t n)
{
    const uint8_t *ip = bytes + layout->l3;

    if (n - layout->l3 < IPV6_HEADER || ip[0] >> 4 != 6) {
        return;
    }
    uint32_t length = net_be16(ip + IPV6_LENGTH_AT);
    if (length > n - layout->l3 - IPV6_HEADER) {
        return;
    }
    layout->ip_version = 6;
    layout->l4 = layout->l3 + IPV6_HEADER;
    layout->end = length == 0 ? n : layout->l4 + length;
    layout->protocol = ip[IPV6_NEXT_AT];
    for (unsigned i = 0; i < IPV6_EXTENSIONS_MAX; i++) {
        const uint8_t *extension = bytes + layout->l4;
        bool known = layout->protocol == IPV6_HOP_BY_HOP || layout->protocol == IPV6_ROUTING ||
                     layout->protocol == IPV6_DESTINATION;
        if (layout->protocol == IPV6_FRAGMENT) {
            layout->fragment = true;
            return;
        }
        if (!known || layout->end - layout->l4 < 8) {
            return;
        }
        uint32_t size = (extension[1] + 1u) * 8;
        if (size > layout->end - layout->l4) {
            return;
        }
        layout->protocol = extension[0];
        layout->l4 += size;
    }
}

struct net_layout net_layout_of(const uint8_t *bytes, uint32_t n)
{
    struct net_layout layout = { .l3 = NET_HEADER_BYTES };

    if (n < NET_HEADER_BYTES) {
        return layout;
    }
    uint16_t type = net_be16(bytes + TYPE_AT);
    if (type == NET_TYPE_VLAN && n >= NET_HEADER_BYTES + NET_TAG_BYTES) {
        type = net_be16(bytes + TYPE_AT + NET_TAG_BYTES);
        layout.l3 += NET_TAG_BYTES;
    }
    if (type == NET_TYPE_IPV4) {
        ipv4_layout(&layout, bytes, n);
    } else if (type == NET_TYPE_IPV6) {
        ipv6_layout(&layout, bytes, n);
    }
    uint8_t protocol = layout.protocol;
    uint32_t left = layout.end - layout.l4;
    layout.protocol = 0;
    if (layout.ip_version == 0 || layout.fragment) {
        return layout;
    }
    if (protocol == NET_PROTOCOL_UDP && left >= UDP_HEADER) {
        layout.protocol = protocol;
        layout.payload = layout.l4 + UDP_HEADER;
    } else if (protocol == NET_PROTOCOL_TCP && left >= TCP_HEADER) {
        uint32_t header = (bytes[layout.l4 + TCP_OFFSET_AT] >> 4) * 4u;
        if (header >= TCP_HEADER && header <= left) {
            layout.protocol = protocol;
            layout.payload = layout.l4 + header;
        }
    }
    return layout;
}

/* ---- checksums ---- */

/* Summed as little-endian words, eight bytes at a time, swapped at the end: the sum does not mind. [RFC 1071 2] */
uint16_t net_checksum_add(const uint8_t *bytes, size_t n, uint16_t sum)
{
    uint64_t low = (uint16_t)(sum << 8 | sum >> 8), high = 0;

    for (; n >= 8; bytes += 8, n -= 8) {
        uint64_t word = le64_load(bytes);
        low += word & 0xffffffff;
        high += word >> 32;
    }
    for (; n >= 2; bytes += 2, n -= 2) {
        low += le16_load(bytes);
    }
    if (n != 0) {
        low += bytes[0];
    }
    low = (low & 0xffffffff) + (low >> 32) + (high & 0xffffffff) + (high >> 32);
    low = (low & 0xffff) + (low >> 16 & 0xffff) + (low >> 32);
    low = (low & 0xffff) + (low >> 16);
    low = (low & 0xffff) + (low >> 16);
    return (uint16_t)(low << 8 | low >> 8);
}

/* The pseudo-header's and the segment's sum, the checksum field counted as it is. */
static uint16_t l4_sum(const uint8_t *bytes, const struct net_layout *layout)
{
    uint32_t length = layout->end - layout->l4;
    uint8_t tail[8] = { 0 };
    uint16_t sum = layout->ip_version == 4
                       ? net_checksum_add(bytes + layout->l3 + IPV4_SOURCE_AT, 8, 0)
                       : net_checksum_add(bytes + layout->l3 + IPV6_SOURCE_AT, 32, 0);

    net_be32_store(tail, length);
    net_be32_store(tail + 4, layout->protocol);
    sum = net_checksum_add(tail, sizeof(tail), sum);
    return net_checksum_add(bytes + layout->l4, length, sum);
}

static void fill_ipv4(uint8_t *ip, uint32_t header)
{
    net_be16_store(ip + IPV4_CHECKSUM_AT, 0);
    net_be16_store(ip + IPV4_CHECKSUM_AT, (uint16_t)~net_checksum_add(ip, header, 0));
}

static void fill_l4(uint8_t *bytes, const struct net_layout *layout)
{
    bool udp = layout->protocol == NET_PROTOCOL_UDP;
    uint8_t *field = bytes + layout->l4 + (udp ? UDP_CHECKSUM_AT : TCP_CHECKSUM_AT);

    net_be16_store(field, 0);
    uint16_t checksum = (uint16_t)~l4_sum(bytes, layout);
    net_be16_store(field, udp && checksum == 0 ? 0xffff : checksum); /* 0: none. [RFC 768] */
}

bool net_offload_fill(struct net_frame *frame, unsigned what)
{
    struct net_layout layout = net_layout_of(frame->bytes, frame->length);
    bool all = true;

    if ((what & NET_FILL_IPV4) != 0) {
        if (layout.ip_version == 4) {
            fill_ipv4(frame->bytes + layout.l3, layout.l4 - layout.l3);
        } else {
            all = false;
        }
    }
    if ((what & (NET_FILL_TCP | NET_FILL_UDP)) != 0) {
        unsigned bit = layout.protocol == NET_PROTOCOL_TCP   ? NET_FILL_TCP
                       : layout.protocol == NET_PROTOCOL_UDP ? NET_FILL_UDP
                                                             : 0;
        if ((what & bit) != 0) {
            fill_l4(frame->bytes, &layout);
        } else {
            all = false;
        }
    }
    return all;
}

struct net_checksums net_offload_verify(const struct net_frame *frame)
{
    const uint8_t *bytes = frame->bytes;
    struct net_layout layout = net_layout_of(bytes, frame->length);
    struct net_checksums result = { .protocol = layout.protocol };

    if (layout.ip_version == 4) {
        result.ip_good = net_checksum_add(bytes + layout.l3, layout.l4 - layout.l3, 0) == 0xffff;
        result.ip_bad = !result.ip_good;
    }
    if (layout.protocol == 0) {
        return result;
    }
    if (layout.protocol == NET_PROTOCOL_UDP &&
        (net_be16(bytes + layout.l4 + UDP_CHECKSUM_AT) == 0 ||
         net_be16(bytes + layout.l4 + UDP_LENGTH_AT) != layout.end - layout.l4)) {
        return result; /* it has none, or is odd: the guest's to judge */
    }
    result.l4_good = frame->trusted || l4_sum(bytes, &layout) == 0xffff;
    result.l4_bad = !result.l4_good;
    return result;
}

/* ---- segmentation ---- */

/* The frame that carries payload [at, at + n) of `whole`. */
static struct net_frame *segment(const struct net_frame *whole, const struct net_layout *layout,
                                 uint32_t at, uint32_t n, unsigned number)
{
    uint32_t payload = layout->end - layout->payload;
    struct net_frame *frame = net_frame_new(layout->payload + n);

    if (frame == NULL) {
        return NULL;
    }
    frame->length = layout->payload + n;
    frame->tagged = whole->tagged;
    frame->tag = whole->tag;
    frame->trusted = true;
    memcpy(frame->bytes, whole->bytes, layout->payload);
    memcpy(frame->bytes + layout->payload, whole->bytes + layout->payload + at, n);

    struct net_layout part = *layout;
    uint8_t *ip = frame->bytes + part.l3, *tcp = frame->bytes + part.l4;
    part.end = frame->length;
    if (part.ip_version == 4) {
        net_be16_store(ip + IPV4_LENGTH_AT, part.end - part.l3);
        net_be16_store(ip + IPV4_ID_AT, net_be16(ip + IPV4_ID_AT) + number);
        fill_ipv4(ip, part.l4 - part.l3);
    } else {
        net_be16_store(ip + IPV6_LENGTH_AT, part.end - part.l3 - IPV6_HEADER);
    }
    net_be32_store(tcp + TCP_SEQUENCE_AT, net_be32(tcp + TCP_SEQUENCE_AT) + at);
    if (at != 0) {
        tcp[TCP_FLAGS_AT] &= (uint8_t)~TCP_CWR; /* the first only. [RFC 3168 6.1.2] */
    }
    if (at + n != payload) {
        tcp[TCP_FLAGS_AT] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
    }
    fill_l4(frame->bytes, &part);
    return frame;
}

bool net_offload_whole(struct net_frame *frame)
{
    struct net_layout layout = net_layout_of(frame->bytes, frame->length);
    uint8_t *ip = frame->bytes + layout.l3;

    if (layout.protocol != NET_PROTOCOL_TCP || layout.end - layout.l3 > UINT16_MAX) {
        return false;
    }
    if (layout.ip_version == 4) {
        net_be16_store(ip + IPV4_LENGTH_AT, layout.end - layout.l3);
        fill_ipv4(ip, layout.l4 - layout.l3);
    } else {
        net_be16_store(ip + IPV6_LENGTH_AT, layout.end - layout.l3 - IPV6_HEADER);
    }
    fill_l4(frame->bytes, &layout);
    frame->trusted = true;
    return true;
}

struct net_frame *net_offload_segment(struct net_frame *frame)
{
    struct net_layout layout = net_layout_of(frame->bytes, frame->length);
    struct net_frame *first = NULL, **last = &first;
    uint32_t payload = layout.end - layout.payload, mss = frame->mss;

    if (mss == 0) {
        return frame;
    }
    if (layout.protocol != NET_PROTOCOL_TCP) {
        net_frame_free(frame);
        return NULL;
    }
    unsigned number = 0;
    for (uint32_t at = 0; at < payload || number == 0; at += mss, number++) {
        uint32_t n = payload - at < mss ? payload - at : mss;
        struct net_frame *part = segment(frame, &layout, at, n, number);
        if (part == NULL) {
            net_frame_free_list(first);
            first = NULL;
            break;
        }
        *last = part;
        last = &part->next;
    }
    net_frame_free(frame);
    return first;
}
