/* Packets in a ring: the 16-byte descriptor, what follows it, and the trailer. [LINUX include/linux/hyperv.h struct vmpacket_descriptor]
 *
 *   u16 type, u16 offset/8 of the payload, u16 length/8 with descriptor, u16 flags, u64 transaction id;
 *   header of the type; payload, padded to 8; u64 trailer: the write index before the packet in its upper half
 */
#ifndef DEVICES_VMBUS_PACKET_H
#define DEVICES_VMBUS_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/vmbus/memory.h"

/* X(type, NAME, taken from guests, sent to them). A guest that sends another one stops its channel. */
#define VMBUS_PACKETS(X)                                                                           \
    X(0x1, SYNCH, false, false)                                                                    \
    X(0x2, ADD_TRANSFER_PAGE_SET, false, false)                                                    \
    X(0x3, REMOVE_TRANSFER_PAGE_SET, false, false)                                                 \
    X(0x4, ESTABLISH_GPADL, false, false)                                                          \
    X(0x5, TEARDOWN_GPADL, false, false)                                                           \
    X(0x6, INBAND, true, true)                                                                     \
    X(0x7, TRANSFER_PAGES, true, true)                                                             \
    X(0x8, GPADL, false, false)                                                                    \
    X(0x9, GPA_DIRECT, true, false)                                                                \
    X(0xa, CANCEL_REQUEST, false, false)                                                           \
    X(0xb, COMPLETION, true, true)                                                                 \
    X(0xc, ADDITIONAL_PACKETS, false, false)                                                       \
    X(0xd, ADDITIONAL_DATA, true, false)

enum vmbus_packet_type {
#define X(type, name, taken, sent) VMBUS_PACKET_##name = type,
    VMBUS_PACKETS(X)
#undef X
};

enum {
    VMBUS_PACKET_DESCRIPTOR = 16,
    VMBUS_PACKET_TRAILER = 8,
    VMBUS_PACKET_FLAG_COMPLETE = 1u << 0, /* the other side asks for a completion */
    VMBUS_PACKET_BYTES_MAX = 128 << 10,   /* whole, either way; a larger one breaks the channel */
    VMBUS_TRANSFER_RANGES_MAX = 64,
};

/* What came from the guest, copied: nothing in it points into shared memory. Valid during ops->packet. */
struct vmbus_packet {
    enum vmbus_packet_type type;
    bool wants_completion;
    uint64_t transaction;
    const uint8_t *header; /* between descriptor and payload */
    uint32_t header_bytes;
    const uint8_t *payload; /* padding included: its true length is the device protocol's to know */
    uint32_t payload_bytes;
};

/* GPA_DIRECT: the memory that it names, all ranges one after the other. Owned by the caller from then on, so that it may outlive
 * the packet. n_first (may be NULL): bytes of the first range. -EINVAL: not such a packet, or bad ranges. */
WARN_UNUSED int vmbus_packet_buffer(const struct vmbus_packet *packet, struct vmbus_buffer *buffer,
                                    uint32_t *n_first);

/* One range of a transfer page packet: bytes of the GPADL that the page set id stands for. */
struct vmbus_transfer_range {
    uint32_t length, offset;
};

#endif
