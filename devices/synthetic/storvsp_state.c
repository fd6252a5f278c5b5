/* storvsp: saved state. Requests under way are saved with what the host has done for them: it is idle, its work is not done twice. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/synthetic/storvsp.h"

enum { NO_CHANNEL = 0xffff, SAVED_PIECE = 4096 };

static uint64_t channel_number(const struct vmbus_channel *channel)
{
    return channel != NULL ? channel->index : NO_CHANNEL;
}

static int channel_numbered(struct storvsp *storvsp, uint64_t number,
                            struct vmbus_channel **channel, struct error *error)
{
    *channel = NULL;
    if (number == NO_CHANNEL) {
        return 0;
    }
    if (number < storvsp->vmbus.n_channels) {
        *channel = storvsp->vmbus.channel[number];
    }
    return *channel != NULL && (*channel)->open
               ? 0
               : error_set(error, -EINVAL, "a request of a channel that is not open");
}

/* ---- a request ---- */

static uint64_t request_channel_get(const void *object)
{
    return channel_number(((const struct storvsp_request *)object)->channel);
}

static int request_channel_put(void *object, uint64_t value, struct error *error)
{
    struct storvsp_request *request = object;
    return channel_numbered(request->storvsp, value, &request->channel, error);
}

static const struct state_value request_channel = { request_channel_get, request_channel_put };

#define REQUEST_FIELD(member) STATE_FIELD(struct storvsp_request, member)
static const struct state_field request_rows[] = {
    REQUEST_FIELD(busy),
    REQUEST_FIELD(transaction),
    REQUEST_FIELD(wants_completion),
    REQUEST_FIELD(packet),
    STATE_FIELD_MAX(struct storvsp_request, scsi.length, SCSI_TRANSFER_MAX),
    REQUEST_FIELD(scsi.to_device),
    REQUEST_FIELD(scsi.cdb),
    STATE_FIELD_MAX(struct storvsp_request, scsi.status, SCSI_CHECK_CONDITION),
    STATE_FIELD_MAX(struct storvsp_request, scsi.transferred, SCSI_TRANSFER_MAX),
    REQUEST_FIELD(scsi.sense),
    REQUEST_FIELD(scsi.unknown),
    STATE_TIMER_FIELD(struct storvsp_request, completion.timer),
    STATE_VALUE_FIELD("channel", &request_channel),
};

static int request_loaded(void *object, struct error *error)
{
    struct storvsp_request *request = object;
    if (!request->busy) {
        return 0;
    }
    request->scsi.data = calloc(1, request->scsi.length > 0 ? request->scsi.length : 1);
    if (request->scsi.data == NULL) {
        return error_set(error, -ENOMEM, "no memory");
    }
    request->completion.busy = request->completion.done = true;
    return request->scsi.transferred <= request->scsi.length
               ? 0
               : error_set(error, -EINVAL, "more data than asked for");
}

static const struct state_table request_table =
    STATE_TABLE_LOADED("request", 1, struct storvsp_request, request_rows, request_loaded);

/* ---- the memory that requests name ---- */

struct saved_segment {
    uint32_t request, at, length;
    uint64_t gpa;
};

static const struct state_field segment_rows[] = {
    STATE_FIELD_MAX(struct saved_segment, request, STORVSP_REQUESTS - 1),
    STATE_FIELD(struct saved_segment, at),
    STATE_FIELD(struct saved_segment, length),
    STATE_FIELD(struct saved_segment, gpa),
};
static const struct state_table segment_table =
    STATE_TABLE("segment", 1, struct saved_segment, segment_rows);

static bool segment_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct storvsp *storvsp = object;
    while (cursor->a < STORVSP_REQUESTS &&
           cursor->b >= storvsp->requests[cursor->a].buffer.n_segments) {
        cursor->a++;
        cursor->b = 0;
    }
    if (cursor->a == STORVSP_REQUESTS) {
        return false;
    }
    const struct vmbus_segment *segment = &storvsp->requests[cursor->a].buffer.segment[cursor->b++];
    *(struct saved_segment *)element =
        (struct saved_segment){ (uint32_t)cursor->a, segment->at, segment->length, segment->gpa };
    return true;
}

static int segment_put(void *object, const void *element, struct error *error)
{
    const struct saved_segment *saved = element;
    struct vmbus_buffer *buffer = &((struct storvsp *)object)->requests[saved->request].buffer;
    if (saved->at != buffer->length || saved->length == 0 ||
        saved->length > UINT32_MAX - saved->at || buffer->n_segments >= VMBUS_BUFFER_PAGES_MAX) {
        return error_set(error, -EINVAL, "its pieces do not follow each other");
    }
    struct vmbus_segment *more = realloc(buffer->segment, (buffer->n_segments + 1) * sizeof(*more));
    if (more == NULL) {
        return error_set(error, -ENOMEM, "no memory");
    }
    more[buffer->n_segments++] = (struct vmbus_segment){ saved->gpa, saved->at, saved->length };
    buffer->segment = more;
    buffer->length += saved->length;
    return 0;
}

static const struct state_list segment_list = { &segment_table, sizeof(struct saved_segment),
                                                segment_get, segment_put };

/* ---- data that waits for its instant ---- */

struct saved_data {
    uint32_t request, at, n;
    uint8_t bytes[SAVED_PIECE];
};

static const struct state_field data_rows[] = {
    STATE_FIELD_MAX(struct saved_data, request, STORVSP_REQUESTS - 1),
    STATE_FIELD(struct saved_data, at),
    STATE_COUNTED_FIELD(struct saved_data, bytes, n),
};
static const struct state_table data_table = STATE_TABLE("data", 1, struct saved_data, data_rows);

static bool data_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct storvsp *storvsp = object;
    struct saved_data *saved = element;
    const struct scsi_request *scsi = NULL;
    for (; cursor->a < STORVSP_REQUESTS; cursor->a++, cursor->b = 0) {
        scsi = &storvsp->requests[cursor->a].scsi;
        if (storvsp->requests[cursor->a].busy && !scsi->to_device &&
            cursor->b < scsi->transferred) {
            break;
        }
    }
    if (cursor->a == STORVSP_REQUESTS) {
        return false;
    }
    uint32_t left = scsi->transferred - (uint32_t)cursor->b;
    saved->request = (uint32_t)cursor->a;
    saved->at = (uint32_t)cursor->b;
    saved->n = left < SAVED_PIECE ? left : SAVED_PIECE;
    memcpy(saved->bytes, scsi->data + cursor->b, saved->n);
    cursor->b += saved->n;
    return true;
}

static int data_put(void *object, const void *element, struct error *error)
{
    const struct saved_data *saved = element;
    struct storvsp_request *request = &((struct storvsp *)object)->requests[saved->request];
    if (!request->busy || saved->at > request->scsi.transferred ||
        saved->n > request->scsi.transferred - saved->at) {
        return error_set(error, -EINVAL, "more data than a request has");
    }
    memcpy(request->scsi.data + saved->at, saved->bytes, saved->n);
    return 0;
}

static const struct state_list data_list = { &data_table, sizeof(struct saved_data), data_get,
                                             data_put };

/* ---- units: made of the configuration, here is what their guest knows of them ---- */

struct saved_unit {
    uint32_t lun;
    uint8_t attention, media_event;
    bool no_write_cache, prevented, tray_open, medium;
};

static const struct state_field unit_rows[] = {
    STATE_FIELD_MAX(struct saved_unit, lun, STORVSP_UNITS - 1),
    STATE_FIELD(struct saved_unit, attention),
    STATE_FIELD(struct saved_unit, media_event),
    STATE_FIELD(struct saved_unit, no_write_cache),
    STATE_FIELD(struct saved_unit, prevented),
    STATE_FIELD(struct saved_unit, tray_open),
    STATE_FIELD(struct saved_unit, medium),
};
static const struct state_table unit_table = STATE_TABLE("unit", 1, struct saved_unit, unit_rows);

static bool unit_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct storvsp *storvsp = object;
    while (cursor->a < STORVSP_UNITS && storvsp->units[cursor->a] == NULL) {
        cursor->a++;
    }
    if (cursor->a == STORVSP_UNITS) {
        return false;
    }
    const struct scsi_target *target = &storvsp->units[cursor->a]->target;
    *(struct saved_unit *)element = (struct saved_unit){ .lun = (uint32_t)cursor->a++,
                                                         .attention = target->attention,
                                                         .media_event = target->media_event,
                                                         .no_write_cache = target->no_write_cache,
                                                         .prevented = target->prevented,
                                                         .tray_open = target->tray_open,
                                                         .medium = target->image != NULL };
    return true;
}

static int unit_put(void *object, const void *element, struct error *error)
{
    const struct saved_unit *saved = element;
    struct storvsp_unit *unit = ((struct storvsp *)object)->units[saved->lun];
    if (unit == NULL) {
        return error_set(error, -EINVAL, "there is no disk at LUN %u now", saved->lun);
    }
    struct scsi_target *target = &unit->target;
    if (!saved->medium && target->kind == SCSI_DVD) {
        (void)image_close(target->image); /* the guest had taken it out */
        target->image = NULL;
    }
    target->attention = saved->attention;
    target->media_event = saved->media_event;
    target->no_write_cache = saved->no_write_cache;
    target->prevented = saved->prevented;
    target->tray_open = saved->tray_open;
    return saved->medium == (target->image != NULL)
               ? 0
               : error_set(error, -EINVAL, "another medium is in LUN %u", saved->lun);
}

static const struct state_list unit_list = { &unit_table, sizeof(struct saved_unit), unit_get,
                                             unit_put };

/* ---- all of it ---- */

static uint64_t reset_channel_get(const void *object)
{
    return channel_number(((const struct storvsp *)object)->reset.channel);
}

static int reset_channel_put(void *object, uint64_t value, struct error *error)
{
    struct storvsp *storvsp = object;
    return channel_numbered(storvsp, value, &storvsp->reset.channel, error);
}

static const struct state_value reset_channel = { reset_channel_get, reset_channel_put };

const struct state_field storvsp_state_rows[] = {
    STATE_FIELD_MAX(struct storvsp, state, VSTOR_READY),
    STATE_FIELD(struct storvsp, version),
    STATE_FIELD(struct storvsp, asked),
    STATE_FIELD_MAX(struct storvsp, untold, VSTOR_ENUMERATE_BUS),
    STATE_VALUE_FIELD("reset.channel", &reset_channel),
    STATE_FIELD(struct storvsp, reset.transaction),
    STATE_FIELD(struct storvsp, reset.packet),
    STATE_FIELD(struct storvsp, reset.wants_completion),
    STATE_FIELD(struct storvsp, leaving),
    STATE_FIELD(struct storvsp, quiet_ns),
    STATE_FIELD(struct storvsp, latest_ns),
    STATE_TIMER_FIELD(struct storvsp, leave),
    STATE_STRUCT_FIELD(struct storvsp, requests, &request_table),
    STATE_LIST_FIELD("segments", &segment_list),
    STATE_LIST_FIELD("data", &data_list),
    STATE_LIST_FIELD("units", &unit_list),
};

_Static_assert(ARRAY_SIZE(storvsp_state_rows) == STORVSP_STATE_ROWS, "told in storvsp.h");

int storvsp_state_loaded(void *object, struct error *error)
{
    struct storvsp *storvsp = object;
    storvsp->under_way = 0;
    for (unsigned i = 0; i < STORVSP_REQUESTS; i++) {
        const struct storvsp_request *request = &storvsp->requests[i];
        storvsp->under_way += request->busy;
        if (!request->busy && request->buffer.n_segments != 0) {
            return error_set(error, -EINVAL, "memory of a request that is not there");
        }
    }
    return 0;
}
