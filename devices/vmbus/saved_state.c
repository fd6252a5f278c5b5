/* The table of a VMBus device's saved state. [docs/saved-state.md] */
#include "devices/vmbus/saved_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/vmbus/channel.h"

enum { WAITING_CHUNK = 4096 };

static int cannot_be(struct error *error, const char *why)
{
    return error_set(error, -EINVAL, "%s", why);
}

/* ---- how many channels ---- */

static uint64_t n_channels_get(const void *object)
{
    return ((const struct vmbus_device *)object)->n_channels;
}

static int n_channels_put(void *object, uint64_t value, struct error *error)
{
    struct vmbus_device *dev = object;

    if (value == 0 || value > VMBUS_CHANNELS) {
        return cannot_be(error, "has a value that cannot be");
    }
    while (dev->n_channels < value) {
        if (vmbus_device_grow(dev) != 0) {
            return error_set(error, -ENOMEM, "no memory for channels");
        }
    }
    return 0;
}

static const struct state_value n_channels = { n_channels_get, n_channels_put };

/* ---- GPADLs: a row for each piece, those of one GPADL together, the oldest GPADL first ---- */

struct saved_piece {
    uint32_t gpadl, channel, length;
    uint64_t gpa;
};

static const struct state_field piece_rows[] = {
    STATE_FIELD(struct saved_piece, gpadl),
    STATE_FIELD_MAX(struct saved_piece, channel, VMBUS_CHANNELS - 1),
    STATE_FIELD(struct saved_piece, gpa),
    STATE_FIELD_MAX(struct saved_piece, length, VMBUS_BUFFER_PAGES_MAX *PAGE_SIZE),
};
static const struct state_table piece_table =
    STATE_TABLE("piece", 1, struct saved_piece, piece_rows);

static const struct vmbus_gpadl *gpadl_from_oldest(const struct vmbus_device *dev, uint64_t number)
{
    const struct vmbus_gpadl *gpadl = dev->gpadls;
    uint64_t n = 0;

    for (const struct vmbus_gpadl *g = gpadl; g != NULL; g = g->next) {
        n++;
    }
    for (uint64_t i = number + 1; i < n; i++) {
        gpadl = gpadl->next;
    }
    return number < n ? gpadl : NULL;
}

static bool pieces_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct vmbus_gpadl *gpadl = cursor->at;

    while (gpadl == NULL || cursor->b >= gpadl->buffer.n_segments) {
        gpadl = gpadl_from_oldest(object, cursor->a++);
        cursor->b = 0;
        if (gpadl == NULL) {
            return false;
        }
    }
    const struct vmbus_segment *segment = &gpadl->buffer.segment[cursor->b++];
    cursor->at = gpadl;
    *(struct saved_piece *)element = (struct saved_piece){
        .gpadl = gpadl->id,
        .channel = gpadl->channel->index,
        .gpa = segment->gpa,
        .length = segment->length,
    };
    return true;
}

static struct vmbus_gpadl *gpadl_make(struct vmbus_device *dev, const struct saved_piece *piece)
{
    struct vmbus_gpadl *gpadl = calloc(1, sizeof(*gpadl));

    if (gpadl != NULL) {
        gpadl->id = piece->gpadl;
        gpadl->channel = dev->channel[piece->channel];
        gpadl->next = dev->gpadls;
        dev->gpadls = gpadl;
    }
    return gpadl;
}

static int pieces_put(void *object, const void *element, struct error *error)
{
    struct vmbus_device *dev = object;
    const struct saved_piece *piece = element;
    const uint64_t most = (uint64_t)VMBUS_BUFFER_PAGES_MAX * PAGE_SIZE;

    if (piece->channel >= dev->n_channels || piece->length == 0 ||
        piece->gpa > UINT64_MAX - piece->length) {
        return cannot_be(error, "no GPADL can have this piece");
    }
    struct vmbus_gpadl *gpadl = dev->gpadls;
    if (gpadl == NULL || gpadl->id != piece->gpadl) {
        gpadl = vmbus_device_gpadl(dev, piece->gpadl) == NULL ? gpadl_make(dev, piece) : NULL;
    }
    if (gpadl == NULL || gpadl->channel->index != piece->channel ||
        gpadl->buffer.length + (uint64_t)piece->length > most ||
        gpadl->buffer.n_segments == VMBUS_BUFFER_PAGES_MAX) {
        return cannot_be(error, "no GPADL can have this piece");
    }
    struct vmbus_buffer *buffer = &gpadl->buffer;
    struct vmbus_segment *more = realloc(buffer->segment, (buffer->n_segments + 1) * sizeof(*more));
    if (more == NULL) {
        return error_set(error, -ENOMEM, "no memory for a GPADL");
    }
    buffer->segment = more;
    more[buffer->n_segments++] =
        (struct vmbus_segment){ piece->gpa, buffer->length, piece->length };
    buffer->length += piece->length;
    return 0;
}

static const struct state_list pieces_list = { &piece_table, sizeof(struct saved_piece), pieces_get,
                                               pieces_put };

/* ---- channels ---- */

struct saved_channel {
    uint32_t index, relid, connection_id, open_id, target_vp, ring_gpadl, ring_offset;
    uint32_t in_index, out_index;
    bool offered, rescinded, open, broken, paused, wanted, congested;
    uint8_t user_data[VMBUS_USER_BYTES];
    struct vmbus_counters counters;
};

static const struct state_field counter_rows[] = {
    STATE_FIELD(struct vmbus_counters, packets_in), STATE_FIELD(struct vmbus_counters, packets_out),
    STATE_FIELD(struct vmbus_counters, bytes_in),   STATE_FIELD(struct vmbus_counters, bytes_out),
    STATE_FIELD(struct vmbus_counters, signals_in), STATE_FIELD(struct vmbus_counters, signals_out),
    STATE_FIELD(struct vmbus_counters, full),
};
static const struct state_table counter_table =
    STATE_TABLE("counters", 1, struct vmbus_counters, counter_rows);

static const struct state_field channel_rows[] = {
    STATE_FIELD_MAX(struct saved_channel, index, VMBUS_CHANNELS - 1),
    STATE_FIELD(struct saved_channel, relid),
    STATE_FIELD(struct saved_channel, connection_id),
    STATE_FIELD(struct saved_channel, offered),
    STATE_FIELD(struct saved_channel, rescinded),
    STATE_FIELD(struct saved_channel, open),
    STATE_FIELD(struct saved_channel, open_id),
    STATE_FIELD(struct saved_channel, target_vp),
    STATE_FIELD(struct saved_channel, ring_gpadl),
    STATE_FIELD(struct saved_channel, ring_offset),
    STATE_FIELD(struct saved_channel, user_data),
    STATE_FIELD(struct saved_channel, in_index),
    STATE_FIELD(struct saved_channel, out_index),
    STATE_FIELD(struct saved_channel, broken),
    STATE_FIELD(struct saved_channel, paused),
    STATE_FIELD(struct saved_channel, wanted),
    STATE_FIELD(struct saved_channel, congested),
    STATE_STRUCT_FIELD(struct saved_channel, counters, &counter_table),
};
static const struct state_table channel_table =
    STATE_TABLE("channel", 1, struct saved_channel, channel_rows);

static bool channels_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct vmbus_device *dev = object;
    struct saved_channel *saved = element;

    if (cursor->a >= dev->n_channels) {
        return false;
    }
    const struct vmbus_channel *channel = dev->channel[cursor->a++];
    *saved = (struct saved_channel){
        .index = channel->index,
        .relid = channel->relid,
        .connection_id = channel->connection_id,
        .offered = channel->offered,
        .rescinded = channel->rescinded,
        .open = channel->open,
        .open_id = channel->open_id,
        .target_vp = channel->target_vp,
        .ring_gpadl = channel->ring_gpadl,
        .ring_offset = channel->ring_offset,
        .in_index = channel->in.index,
        .out_index = channel->out.index,
        .broken = channel->broken,
        .paused = channel->paused,
        .wanted = channel->wanted,
        .congested = channel->congested,
        .counters = channel->counters,
    };
    memcpy(saved->user_data, channel->user_data, sizeof(saved->user_data));
    return true;
}

static int channels_put(void *object, const void *element, struct error *error)
{
    struct vmbus_device *dev = object;
    const struct saved_channel *saved = element;

    if (saved->index >= dev->n_channels || dev->channel[saved->index]->open) {
        return cannot_be(error, "there is no such channel");
    }
    struct vmbus_channel *channel = dev->channel[saved->index];
    channel->relid = saved->relid;
    channel->connection_id = saved->connection_id;
    channel->offered = saved->offered;
    channel->rescinded = saved->rescinded;
    channel->open_id = saved->open_id;
    channel->target_vp = saved->target_vp;
    channel->ring_gpadl = saved->ring_gpadl;
    channel->ring_offset = saved->ring_offset;
    memcpy(channel->user_data, saved->user_data, sizeof(saved->user_data));
    if (saved->open) {
        struct vmbus_gpadl *gpadl = vmbus_device_gpadl(dev, saved->ring_gpadl);
        if (gpadl == NULL || gpadl->channel != channel || !saved->offered ||
            vmbus_channel_restore(channel, gpadl, saved->in_index, saved->out_index) != 0) {
            return cannot_be(error, "its rings cannot be there");
        }
    }
    channel->broken = saved->broken;
    channel->paused = saved->paused;
    channel->wanted = saved->wanted;
    channel->congested = saved->congested;
    channel->counters = saved->counters;
    return 0;
}

static const struct state_list channels_list = { &channel_table, sizeof(struct saved_channel),
                                                 channels_get, channels_put };

/* ---- packets that wait for room in a ring, in pieces ---- */

struct saved_waiting {
    uint32_t channel, n;
    uint8_t bytes[WAITING_CHUNK];
};

static const struct state_field waiting_rows[] = {
    STATE_FIELD_MAX(struct saved_waiting, channel, VMBUS_CHANNELS - 1),
    STATE_COUNTED_FIELD(struct saved_waiting, bytes, n),
};
static const struct state_table waiting_table =
    STATE_TABLE("waiting", 1, struct saved_waiting, waiting_rows);

static bool waiting_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct vmbus_device *dev = object;
    struct saved_waiting *saved = element;

    while (cursor->a < dev->n_channels && cursor->b >= dev->channel[cursor->a]->n_waiting) {
        cursor->a++;
        cursor->b = 0;
    }
    if (cursor->a >= dev->n_channels) {
        return false;
    }
    const struct vmbus_channel *channel = dev->channel[cursor->a];
    uint64_t left = channel->n_waiting - cursor->b;
    saved->channel = channel->index;
    saved->n = (uint32_t)(left < WAITING_CHUNK ? left : WAITING_CHUNK);
    memcpy(saved->bytes, channel->waiting + cursor->b, saved->n);
    cursor->b += saved->n;
    return true;
}

static int waiting_put(void *object, const void *element, struct error *error)
{
    struct vmbus_device *dev = object;
    const struct saved_waiting *saved = element;

    if (saved->channel >= dev->n_channels || !dev->channel[saved->channel]->open ||
        dev->channel[saved->channel]->n_waiting + saved->n > VMBUS_WAITING_MAX) {
        return cannot_be(error, "nothing can wait there");
    }
    struct vmbus_channel *channel = dev->channel[saved->channel];
    uint8_t *more = realloc(channel->waiting, channel->n_waiting + saved->n + 1);
    if (more == NULL) {
        return error_set(error, -ENOMEM, "no memory for packets");
    }
    channel->waiting = more;
    memcpy(more + channel->n_waiting, saved->bytes, saved->n);
    channel->n_waiting += saved->n;
    channel->waiting_room = channel->n_waiting;
    return 0;
}

static const struct state_list waiting_list = { &waiting_table, sizeof(struct saved_waiting),
                                                waiting_get, waiting_put };

/* ---- the device ---- */

static const struct state_field device_rows[] = {
    STATE_VALUE_FIELD("n_channels", &n_channels), /* before all that names one */
    STATE_FIELD_MAX(struct vmbus_device, wanted_channels, VMBUS_CHANNELS),
    STATE_FIELD(struct vmbus_device, wanted_rescind),
    STATE_LIST_FIELD("gpadls", &pieces_list),
    STATE_LIST_FIELD("channels", &channels_list),
    STATE_LIST_FIELD("waiting", &waiting_list),
};

/* What waits is whole packets, and something waits only when the ring is full. */
static int device_loaded(void *object, struct error *error)
{
    const struct vmbus_device *dev = object;

    for (unsigned i = 0; i < dev->n_channels; i++) {
        if (!vmbus_channel_waiting_is_whole(dev->channel[i])) {
            return cannot_be(error, "what waits is not packets");
        }
    }
    return 0;
}

const struct state_table vmbus_device_saved_table =
    STATE_TABLE_LOADED("vmbus", 1, struct vmbus_device, device_rows, device_loaded);
