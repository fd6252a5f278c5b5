/* The table of a VMBus server's saved state, with its hypervisor side. [docs/saved-state.md] */
#include "partitions/vmbus/saved_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "partitions/vmbus/host.h"

enum { RANGE_CHUNK = 1024, RANGE_BYTES_MAX = 0xffff };

static int cannot_be(struct error *error, const char *why)
{
    return error_set(error, -EINVAL, "%s", why);
}

/* ---- messages that wait to go out ---- */

struct saved_out {
    uint32_t n;
    uint8_t bytes[VMBUS_MESSAGE_MAX];
};

static const struct state_field out_rows[] = { STATE_COUNTED_FIELD(struct saved_out, bytes, n) };
static const struct state_table out_table = STATE_TABLE("message", 1, struct saved_out, out_rows);

static bool out_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct vmbus_server *server = &((const struct vmbus_host *)object)->server;
    const struct vmbus_out *out =
        cursor->a++ == 0 ? server->out_first : ((const struct vmbus_out *)cursor->at)->next;
    struct saved_out *saved = element;

    cursor->at = out;
    if (out == NULL) {
        return false;
    }
    saved->n = out->n;
    memcpy(saved->bytes, out->bytes, out->n);
    return true;
}

static int out_put(void *object, const void *element, struct error *error)
{
    struct vmbus_server *server = &((struct vmbus_host *)object)->server;
    const struct saved_out *saved = element;
    if (!vmbus_is_hosts_message(saved->bytes, saved->n)) {
        return cannot_be(error, "no host sends this message");
    }
    struct vmbus_out *out = calloc(1, sizeof(*out));
    if (out == NULL) {
        return error_set(error, -ENOMEM, "no memory for messages");
    }
    out->n = (uint8_t)saved->n;
    memcpy(out->bytes, saved->bytes, saved->n);
    *(server->out_last != NULL ? &server->out_last->next : &server->out_first) = out;
    server->out_last = out;
    server->n_out++;
    return 0;
}

static const struct state_list out_list = { &out_table, sizeof(struct saved_out), out_get,
                                            out_put };

/* ---- GPADLs that have not all come, in pieces; the newest first, as the list has them ---- */

struct saved_range {
    uint32_t relid, id, n_ranges, bytes, n;
    uint8_t range[RANGE_CHUNK];
};

static const struct state_field range_rows[] = {
    STATE_FIELD_MAX(struct saved_range, relid, VMBUS_RELIDS - 1),
    STATE_FIELD(struct saved_range, id),
    STATE_FIELD(struct saved_range, n_ranges),
    STATE_FIELD_MAX(struct saved_range, bytes, RANGE_BYTES_MAX),
    STATE_COUNTED_FIELD(struct saved_range, range, n),
};
static const struct state_table range_table =
    STATE_TABLE("range", 1, struct saved_range, range_rows);

static bool ranges_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct vmbus_server *server = &((const struct vmbus_host *)object)->server;
    const struct vmbus_gpadl_incomplete *gpadl = cursor->a++ == 0 ? server->incomplete : cursor->at;
    struct saved_range *saved = element;

    if (gpadl == NULL) {
        return false;
    }
    uint64_t left = gpadl->have - cursor->b;
    *saved = (struct saved_range){ gpadl->relid,
                                   gpadl->id,
                                   gpadl->n_ranges,
                                   gpadl->bytes,
                                   (uint32_t)(left < RANGE_CHUNK ? left : RANGE_CHUNK),
                                   { 0 } };
    memcpy(saved->range, gpadl->range + cursor->b, saved->n);
    cursor->b += saved->n;
    if (cursor->b == gpadl->have) {
        gpadl = gpadl->next;
        cursor->b = 0;
    }
    cursor->at = gpadl;
    return true;
}

static int ranges_put(void *object, const void *element, struct error *error)
{
    struct vmbus_server *server = &((struct vmbus_host *)object)->server;
    const struct saved_range *saved = element;
    struct vmbus_gpadl_incomplete **link = &server->incomplete;

    while (*link != NULL && (*link)->id != saved->id) {
        link = &(*link)->next;
    }
    if (*link == NULL) {
        if (server->n_incomplete == VMBUS_GPADLS_INCOMPLETE_MAX || saved->bytes < 16) {
            return cannot_be(error, "no GPADL can be like this");
        }
        *link = calloc(1, sizeof(**link) + saved->bytes);
        if (*link == NULL) {
            return error_set(error, -ENOMEM, "no memory for a GPADL");
        }
        (*link)->relid = saved->relid;
        (*link)->id = saved->id;
        (*link)->n_ranges = saved->n_ranges;
        (*link)->bytes = saved->bytes;
        server->n_incomplete++;
    }
    struct vmbus_gpadl_incomplete *gpadl = *link;
    if (saved->bytes != gpadl->bytes || saved->n >= gpadl->bytes - gpadl->have) {
        return cannot_be(error, "no GPADL can be like this");
    }
    memcpy(gpadl->range + gpadl->have, saved->range, saved->n);
    gpadl->have += saved->n;
    return 0;
}

static const struct state_list ranges_list = { &range_table, sizeof(struct saved_range), ranges_get,
                                               ranges_put };

/* ---- the server ---- */

static const struct state_field host_rows[] = {
    STATE_FIELD(struct vmbus_host, contacted),
    STATE_FIELD(struct vmbus_host, attached),
    STATE_TIMER_FIELD(struct vmbus_host, work),
    STATE_FIELD(struct vmbus_host, server.connected),
    STATE_FIELD(struct vmbus_host, server.offers_requested),
    STATE_FIELD(struct vmbus_host, server.version),
    STATE_FIELD(struct vmbus_host, server.target_vp),
    STATE_FIELD_MAX(struct vmbus_host, server.sint, HV_SINTS - 1),
    STATE_FIELD_MAX(struct vmbus_host, server.last_relid, VMBUS_RELIDS - 1),
    STATE_FIELD(struct vmbus_host, server.retry),
    STATE_FIELD(struct vmbus_host, server.wanted),
    STATE_FIELD(struct vmbus_host, server.counters.messages_in),
    STATE_FIELD(struct vmbus_host, server.counters.messages_out),
    STATE_FIELD(struct vmbus_host, server.counters.messages_bad),
    STATE_FIELD(struct vmbus_host, server.counters.messages_lost),
    STATE_FIELD(struct vmbus_host, server.counters.contacts),
    STATE_FIELD(struct vmbus_host, server.counters.unloads),
    STATE_LIST_FIELD("out", &out_list),
    STATE_LIST_FIELD("incomplete", &ranges_list),
};

static const char *channels_enter(struct vmbus_server *server, struct vmbus_device *dev)
{
    for (unsigned i = 0; i < dev->n_channels; i++) {
        struct vmbus_channel *channel = dev->channel[i];
        if (!channel->offered) {
            continue;
        }
        if (channel->relid == 0 || channel->relid >= VMBUS_RELIDS ||
            server->relid[channel->relid] != NULL) {
            channel->offered = false; /* it is in no table */
            return "two channels have one relid, or none";
        }
        server->relid[channel->relid] = channel;
    }
    return NULL;
}

/* What the devices say: who has which relid, and how much the GPADLs take. */
static int host_loaded(void *object, struct error *error)
{
    struct vmbus_server *server = &((struct vmbus_host *)object)->server;
    const char *why = NULL;

    server->n_gpadls = 0;
    server->gpadl_pages = 0;
    for (struct vmbus_device *dev = server->devices; dev != NULL; dev = dev->next) {
        const char *wrong = channels_enter(server, dev);
        why = wrong != NULL ? wrong : why;
        for (const struct vmbus_gpadl *gpadl = dev->gpadls; gpadl != NULL; gpadl = gpadl->next) {
            server->n_gpadls++;
            server->gpadl_pages += vmbus_gpadl_pages(&gpadl->buffer);
        }
    }
    for (const struct vmbus_gpadl_incomplete *g = server->incomplete; g != NULL; g = g->next) {
        why = server->relid[g->relid] == NULL ? "a GPADL is of no channel" : why;
    }
    return why == NULL ? 0 : cannot_be(error, why);
}

const struct state_table vmbus_host_saved_table =
    STATE_TABLE_LOADED("vmbus", 1, struct vmbus_host, host_rows, host_loaded);
