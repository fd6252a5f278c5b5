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

enum vmbus_packet_type {
    VMBUS_PACKET_INBAND = 0x6,
    VMBUS_PACKET_TRANSFER_PAGES = 0x7,
    VMBUS_PACKET_GPA_DIRECT = 0x9,
    VMBUS_PACKET_COMPLETION = 0xb,
    VMBUS_PACKET_ADDITIONAL_DATA = 0xd,
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
