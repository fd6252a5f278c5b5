/* The network adapter, from the guest: RNDIS packets in its send buffer or in pages; frames to the switch, control messages to RNDIS. */
#include "base/bytes.h"
#include "devices/devices_trace.h"
#include "devices/net/offload.h"
#include "devices/synthetic/netvsp.h"

/* Where an RNDIS packet lies: first a piece of the send buffer, then the pages that the packet names. */
struct source {
    const struct vmbus_memory *memory;
    const struct vmbus_buffer *first;
    uint32_t first_at, first_bytes;
    struct vmbus_buffer second; /* owned */
};

static bool source_read(const struct source *source, uint32_t at, void *to, uint32_t n)
{
    uint32_t in_first = at < source->first_bytes ? source->first_bytes - at : 0;

    in_first = in_first < n ? in_first : n;
    if (in_first > 0 &&
        !vmbus_buffer_read(source->memory, source->first, source->first_at + at, to, in_first)) {
        return false;
    }
    return in_first == n ||
           vmbus_buffer_read(source->memory, &source->second, at + in_first - source->first_bytes,
                             (uint8_t *)to + in_first, n - in_first);
}

static bool source_open(struct netvsp *nv, const struct vmbus_packet *packet, struct source *source)
{
    uint32_t section = le32_load(packet->payload + 8), bytes = le32_load(packet->payload + 12);

    *source = (struct source){ .memory = nv->vmbus.memory };
    if (section != NVSP_NO_SECTION) {
        const struct vmbus_gpadl *gpadl =
            nv->send_gpadl != 0 ? vmbus_device_gpadl(&nv->vmbus, nv->send_gpadl) : NULL;
        if (gpadl == NULL || section >= nv->n_send_sections || bytes > NETVSP_SEND_SECTION) {
            netvsp_bad(nv, "send section", section);
            return false;
        }
        source->first = &gpadl->buffer;
        source->first_at = section * NETVSP_SEND_SECTION;
        source->first_bytes = bytes;
    }
    if (packet->type == VMBUS_PACKET_GPA_DIRECT &&
        vmbus_packet_buffer(packet, &source->second, NULL) != 0) {
        netvsp_bad(nv, "GPA ranges", packet->header_bytes);
        return false;
    }
    return true;
}

/* One frame at [at, ...) of the source to the switch. Returns the bytes of its message; 0: the rest is no packet. */
static uint32_t take_frame(struct netvsp *nv, const struct source *source, uint32_t at,
                           uint32_t left)
{
    uint8_t head[RNDIS_PPI_BYTES_MAX];
    uint32_t n = left < sizeof(head) ? left : (uint32_t)sizeof(head);
    struct rndis_packet packet;

    if (!source_read(source, at, head, n) || !rndis_packet_parse(&packet, head, n, left)) {
        netvsp_bad(nv, "RNDIS packet", at);
        return 0;
    }
    if (packet.length < NET_HEADER_BYTES || packet.length > NETVSP_FRAME_MAX) {
        netvsp_bad(nv, "frame length", packet.length);
        return packet.message;
    }
    struct net_frame *frame = net_frame_new(packet.length);
    if (frame == NULL || !source_read(source, at + packet.data, frame->bytes, packet.length)) {
        net_frame_free(frame);
        nv->counters.lost++;
        return packet.message;
    }
    frame->length = packet.length;
    frame->tagged = packet.tagged;
    frame->tag = packet.tag;
    net_frame_untag(frame);
    frame->mss = packet.mss;
    if (frame->mss == 0 && packet.fill != 0) {
        frame->trusted = net_offload_fill(frame, packet.fill) &&
                         (packet.fill & (NET_FILL_TCP | NET_FILL_UDP)) != 0;
    }
    nv->counters.frames_out++;
    net_switch_send(&nv->port, frame);
    return packet.message;
}

static uint32_t take_data(struct netvsp *nv, const struct source *source)
{
    uint32_t bytes = source->first_bytes + source->second.length, at = 0, frames = 0;

    if (!nv->rndis.initialized) {
        netvsp_bad(nv, "data before RNDIS was initialized", bytes);
        return NVSP_STATUS_FAIL;
    }
    while (bytes - at >= RNDIS_PACKET_HEADER) {
        uint32_t n = take_frame(nv, source, at, bytes - at);
        if (n == 0) {
            break;
        }
        at += n;
        frames++;
    }
    return frames > 0 ? NVSP_STATUS_SUCCESS : NVSP_STATUS_INVALID_RNDIS;
}

static void changed(struct netvsp *nv, unsigned what)
{
    const struct rndis *rndis = &nv->rndis;

    if ((what & RNDIS_CHANGED_FILTER) != 0) {
        net_port_set_groups(&nv->port, rndis->groups, rndis->n_groups);
        net_port_set_filter(&nv->port, rndis->filter);
    }
    if ((what & RNDIS_CHANGED_MAC) != 0) {
        net_port_set_mac(&nv->port, rndis->mac);
    }
    DEVICE_TRACE(&nv->vmbus.device, NET_CHANGED, what, rndis->filter, rndis->rss.enabled,
                 rndis->tcp4);
}

static uint32_t take_control(struct netvsp *nv, const struct source *source)
{
    uint32_t n = source->first_bytes + source->second.length;
    uint8_t message[RNDIS_CONTROL_MAX];
    struct rndis_answer answer;

    if (n > sizeof(message) || !source_read(source, 0, message, n)) {
        netvsp_bad(nv, "control message", n);
        return NVSP_STATUS_INVALID_RNDIS;
    }
    nv->counters.control_in++;
    rndis_control(&nv->rndis, message, n, &answer);
    DEVICE_TRACE(&nv->vmbus.device, NET_CONTROL, n >= 4 ? le32_load(message) : 0,
                 n >= 16 ? le32_load(message + 12) : 0,
                 answer.n >= 16 ? le32_load(answer.bytes + 12) : 0);
    if (answer.unknown != 0) {
        DEVICE_TRACE(&nv->vmbus.device, NET_UNKNOWN, answer.unknown);
    }
    if (answer.changed != 0) {
        changed(nv, answer.changed);
    }
    if (answer.n > 0) {
        netvsp_send_control(nv, answer.bytes, answer.n);
    }
    return NVSP_STATUS_SUCCESS;
}

uint32_t netvsp_take_rndis(struct netvsp *nv, const struct vmbus_packet *packet)
{
    struct source source;
    uint32_t status = NVSP_STATUS_INVALID_RNDIS;

    if (source_open(nv, packet, &source)) {
        status = le32_load(packet->payload + 4) == NVSP_CHANNEL_CONTROL ? take_control(nv, &source)
                                                                        : take_data(nv, &source);
    }
    vmbus_buffer_fini(&source.second);
    return status;
}
