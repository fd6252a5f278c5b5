/* Packets: the memory that a GPA-direct packet names. [LINUX include/linux/hyperv.h struct vmdata_gpa_direct] */
#include "devices/vmbus/packet.h"

#include <errno.h>

#include "base/bytes.h"

/* The header: u32 reserved, u32 number of ranges, the ranges. */
int vmbus_packet_buffer(const struct vmbus_packet *packet, struct vmbus_buffer *buffer,
                        uint32_t *n_first)
{
    size_t used;

    *buffer = (struct vmbus_buffer){ .segment = NULL };
    if (packet->type != VMBUS_PACKET_GPA_DIRECT || packet->header_bytes < 16) {
        return -EINVAL;
    }
    if (n_first != NULL) {
        *n_first = le32_load(packet->header + 8);
    }
    return vmbus_buffer_parse(buffer, packet->header + 8, packet->header_bytes - 8,
                              le32_load(packet->header + 4), &used);
}
