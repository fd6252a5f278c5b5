/* The network adapter, to the guest: frames of the switch and control messages into sections of its receive buffer. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/devices_trace.h"
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
