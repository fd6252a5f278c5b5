/* An Ethernet frame on its way through the switch: bytes without their 802.1Q tag, which is kept beside them. [IEEE 802.3, 802.1Q] */
#ifndef DEVICES_NET_FRAME_H
#define DEVICES_NET_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/host/mutex.h"

enum {
    NET_MAC_BYTES = 6,
    NET_HEADER_BYTES = 14, /* destination, source, type */
    NET_TAG_BYTES = 4,
    NET_VLAN_MAX = 4094,
    NET_FRAME_MAX = 64 << 10, /* with a segmentation request; on a wire the MTU decides */

    NET_TYPE_IPV4 = 0x0800,
    NET_TYPE_VLAN = 0x8100,
    NET_TYPE_IPV6 = 0x86dd,
};

/* One owner at a time. Bytes of it are the owner's to change. */
struct net_frame {
    struct net_frame *next; /* of a list or queue */
    uint32_t length, room;
    bool tagged;  /* an 802.1Q tag belongs between the addresses and the type */
    uint16_t tag; /* priority 15:13, DEI 12, VLAN 11:0 */
    /* TCP payload bytes of each frame that this one stands for; 0: it is one frame. Checksums are filled in all the same. */
    uint16_t mss;
    bool trusted; /* its TCP or UDP checksum is right: it was made in this process */
    uint8_t bytes[];
};

/* A frame with room for `room` bytes and a tag, or NULL. */
struct net_frame *net_frame_new(uint32_t room);
/* Of these bytes; a tag in them becomes frame->tag. NULL: no memory, or fewer bytes than a header, or more than NET_FRAME_MAX. */
struct net_frame *net_frame_of(const uint8_t *bytes, uint32_t n);
struct net_frame *net_frame_copy(const struct net_frame *frame);
void net_frame_free(struct net_frame *frame); /* NULL is fine */
void net_frame_free_list(struct net_frame *frame);
/* An 802.1Q tag in the bytes becomes frame->tag. */
void net_frame_untag(struct net_frame *frame);

static inline uint16_t net_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t net_be32(const uint8_t *p)
{
    return (uint32_t)net_be16(p) << 16 | net_be16(p + 2);
}

static inline void net_be16_store(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void net_be32_store(uint8_t *p, uint32_t v)
{
    net_be16_store(p, v >> 16);
    net_be16_store(p + 2, v);
}

/* ---- a bounded queue of frames between threads ---- */

struct net_queue {
    struct host_mutex lock;
    struct net_frame *first, **last;
    uint32_t frames, bytes; /* in it now */
    uint32_t bytes_max;
    uint64_t dropped;
};

void net_queue_init(struct net_queue *queue, uint32_t bytes_max);
void net_queue_fini(struct net_queue *queue);
/* Takes the frame: it is queued, or dropped (false) when there is no room. *was_empty tells that nobody has been told yet. */
bool net_queue_put(struct net_queue *queue, struct net_frame *frame, bool *was_empty);
struct net_frame *net_queue_get(struct net_queue *queue); /* NULL: empty */
/* Everything, as a list. */
struct net_frame *net_queue_take(struct net_queue *queue);
bool net_queue_empty(struct net_queue *queue);

#endif
