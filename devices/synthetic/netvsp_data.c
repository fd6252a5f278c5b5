/* The network adapter's frames: from the guest's buffers to the switch, and from the switch into sections of its receive buffer. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/devices_trace.h"
#include "devices/net/offload.h"
#include "devices/synthetic/netvsp.h"

/* ---- sections ---- */

bool netvsp_sections_make(struct netvsp *nv, uint32_t bytes)
{
    uint32_t need = nv->frame_max + NET_TAG_BYTES + RNDIS_OVERHEAD;

    nv->section_bytes = need < NETVSP_SECTION_LEAST ? NETVSP_SECTION_LEAST : (need + 63) & ~63u;
    uint32_t n = bytes / nv->section_bytes;
    n = n < NETVSP_SECTIONS_MAX ? n : NETVSP_SECTIONS_MAX;
    nv->section = n > 0 ? calloc(n, sizeof(*nv->section)) : NULL;
    if (nv->section == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        nv->section[i].next = i + 1 < n ? i + 1 : NETVSP_NONE;
    }
    nv->first_free = 0;
    nv->n_sections = nv->n_free = n;
    return true;
}

void netvsp_sections_drop(struct netvsp *nv)
{
    free(nv->section);
    nv->section = NULL;
    nv->n_sections = nv->n_free = nv->section_bytes = 0;
    nv->first_free = NETVSP_NONE;
    nv->receive_gpadl = 0;
}

static uint32_t section_take(struct netvsp *nv)
{
    uint32_t index = nv->n_free > 0 ? nv->first_free : NETVSP_NONE;

    if (index != NETVSP_NONE) {
        nv->first_free = nv->section[index].next;
        nv->section[index].next = NETVSP_NONE;
        nv->n_free--;
    }
    return index;
}

static void section_give(struct netvsp *nv, uint32_t index)
{
    nv->section[index].head = 0;
    nv->section[index].next = nv->first_free;
    nv->first_free = index;
    nv->n_free++;
}

static void batch_give(struct netvsp *nv, uint32_t index)
{
    while (index != NETVSP_NONE) {
        uint32_t next = nv->section[index].next;
        section_give(nv, index);
        index = next;
    }
}

void netvsp_completed(struct netvsp *nv, uint64_t transaction)
{
    if (transaction == 0 || transaction > nv->n_sections || !nv->section[transaction - 1].head) {
        netvsp_bad(nv, "completion of nothing", transaction);
        return;
    }
    batch_give(nv, (uint32_t)transaction - 1);
}

void netvsp_sections_reclaim(struct netvsp *nv, unsigned channel)
{
    for (uint32_t i = 0; i < nv->n_sections; i++) {
        if (nv->section[i].head != 0 && nv->section[i].channel == channel) {
            batch_give(nv, i);
        }
    }
}

/* Bytes into a section of the receive buffer. */
static bool section_write(struct netvsp *nv, uint32_t index, uint32_t at, const void *bytes,
                          uint32_t n)
{
    const struct vmbus_gpadl *gpadl = vmbus_device_gpadl(&nv->vmbus, nv->receive_gpadl);

    return gpadl != NULL && at + n <= nv->section_bytes &&
           vmbus_buffer_write(nv->vmbus.memory, &gpadl->buffer, index * nv->section_bytes + at,
                              bytes, n);
}

/* ---- to the guest ---- */

/* Frames of one channel, on their way. */
struct batch {
    struct vmbus_channel *channel;
    uint32_t first, last;
    uint32_t n;
    struct vmbus_transfer_range range[NETVSP_BATCH];
};

static int send_batch(struct netvsp *nv, struct batch *batch, uint32_t channel_type)
{
    uint8_t message[NVSP_MESSAGE_BYTES] = { 0 };

    if (batch->n == 0) {
        return 0;
    }
    le32_store(message, NVSP_SEND_RNDIS);
    le32_store(message + 4, channel_type);
    le32_store(message + 8, NVSP_NO_SECTION);
    nv->section[batch->first].head = 1;
    nv->section[batch->first].channel = (uint8_t)batch->channel->index;
    int status =
        vmbus_channel_send_transfer(batch->channel, NVSP_RECEIVE_BUFFER, batch->range, batch->n,
                                    message, sizeof(message), (uint64_t)batch->first + 1);
    if (status != 0) {
        nv->counters.lost += batch->n;
        batch_give(nv, batch->first);
    }
    batch->n = 0;
    return status;
}

static void batch_add(struct netvsp *nv, struct batch *batch, uint32_t index, uint32_t n)
{
    if (batch->n == 0) {
        batch->first = index;
    } else {
        nv->section[batch->last].next = index;
    }
    batch->last = index;
    batch->range[batch->n++] =
        (struct vmbus_transfer_range){ .length = n, .offset = index * nv->section_bytes };
}

void netvsp_control_drop(struct netvsp *nv)
{
    while (nv->control_first != NULL) {
        struct netvsp_control *next = nv->control_first->next;
        free(nv->control_first);
        nv->control_first = next;
    }
    nv->control_last = NULL;
    nv->n_control = 0;
}

/* Control messages, one packet each. False: some still wait. */
static bool move_control(struct netvsp *nv)
{
    struct vmbus_channel *primary = nv->vmbus.channel[0];

    while (nv->control_first != NULL) {
        struct netvsp_control *control = nv->control_first;
        if (vmbus_channel_congested(primary)) {
            return false;
        }
        uint32_t index = section_take(nv);
        if (index == NETVSP_NONE) {
            nv->counters.no_section++;
            return false;
        }
        struct batch batch = { .channel = primary };
        if (section_write(nv, index, 0, control->bytes, control->n)) {
            batch_add(nv, &batch, index, control->n);
            nv->counters.control_out += send_batch(nv, &batch, NVSP_CHANNEL_CONTROL) == 0;
        } else {
            section_give(nv, index);
            netvsp_bad(nv, "control message does not fit", control->n);
        }
        nv->control_first = control->next;
        nv->control_last = nv->control_first != NULL ? nv->control_last : NULL;
        nv->n_control--;
        free(control);
    }
    return true;
}

bool netvsp_control_wait(struct netvsp *nv, const uint8_t *bytes, uint32_t n)
{
    struct netvsp_control *control =
        nv->n_control < NETVSP_CONTROL_MAX ? malloc(sizeof(*control) + n) : NULL;

    if (control == NULL) {
        return false;
    }
    control->next = NULL;
    control->n = n;
    memcpy(control->bytes, bytes, n);
    if (nv->control_last != NULL) {
        nv->control_last->next = control;
    } else {
        nv->control_first = control;
    }
    nv->control_last = control;
    nv->n_control++;
    return true;
}

void netvsp_send_control(struct netvsp *nv, const uint8_t *bytes, uint32_t n)
{
    if (netvsp_control_wait(nv, bytes, n)) {
        netvsp_move(nv);
    } else {
        vmbus_channel_break(nv->vmbus.channel[0], "control messages not taken", nv->n_control);
    }
}

/* The channel of a frame, by its hash. */
static struct vmbus_channel *channel_of(struct netvsp *nv, bool hashed, uint32_t hash)
{
    uint32_t queue = hashed ? net_rss_queue(&nv->rndis.rss, hash) : 0;
    struct vmbus_channel *channel = queue < nv->vmbus.n_channels &&
                                            nv->vmbus.channel[queue] != NULL &&
                                            nv->vmbus.channel[queue]->open
                                        ? nv->vmbus.channel[queue]
                                        : nv->vmbus.channel[0];
    return channel;
}

/* One frame into a section. False: it can never go. */
static bool write_frame(struct netvsp *nv, uint32_t index, const struct net_frame *frame,
                        const uint32_t *hash, uint32_t *n)
{
    uint8_t header[RNDIS_OVERHEAD];
    uint32_t n_header = rndis_packet_build(&nv->rndis, frame, hash, header);

    *n = n_header + frame->length;
    return section_write(nv, index, 0, header, n_header) &&
           section_write(nv, index, n_header, frame->bytes, frame->length);
}

static bool receiving(const struct netvsp *nv)
{
    return nv->rndis.initialized && nv->receive_gpadl != 0 && nv->vmbus.channel[0]->open &&
           !nv->vmbus.channel[0]->broken;
}

static void move_frames(struct netvsp *nv)
{
    struct batch batch = { .n = 0 };

    while (nv->n_free > 0) {
        struct net_frame *frame = net_queue_get(&nv->queue);
        uint32_t hash = 0, n;
        if (frame == NULL) {
            break;
        }
        bool hashed = nv->rndis.rss.enabled && net_rss_hash(&nv->rndis.rss, frame, &hash);
        struct vmbus_channel *channel = channel_of(nv, hashed, hash);
        if (batch.n == NETVSP_BATCH || (batch.n > 0 && batch.channel != channel)) {
            (void)send_batch(nv, &batch, NVSP_CHANNEL_DATA);
        }
        batch.channel = channel;
        uint32_t index = section_take(nv);
        if (write_frame(nv, index, frame, hashed ? &hash : NULL, &n)) {
            batch_add(nv, &batch, index, n);
            nv->counters.frames_in++;
        } else {
            section_give(nv, index);
            nv->counters.lost++; /* longer than the guest said it takes */
        }
        net_frame_free(frame);
        if (vmbus_channel_congested(channel)) {
            break;
        }
    }
    (void)send_batch(nv, &batch, NVSP_CHANNEL_DATA);
    nv->counters.no_section += nv->n_free == 0;
}

static bool any_congested(const struct netvsp *nv)
{
    for (unsigned i = 0; i < nv->vmbus.n_channels; i++) {
        if (nv->vmbus.channel[i]->open && vmbus_channel_congested(nv->vmbus.channel[i])) {
            return true;
        }
    }
    return false;
}

void netvsp_move(struct netvsp *nv)
{
    if (nv->receive_gpadl == 0 || !nv->vmbus.channel[0]->open) {
        return;
    }
    if (move_control(nv) && receiving(nv) && !any_congested(nv)) {
        move_frames(nv);
    }
}

/* ---- from the guest ---- */

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
