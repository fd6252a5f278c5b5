/* netvsp: saved state. Sections that the guest has come back with its completions, so their batches are saved as they are linked. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/synthetic/netvsp.h"

enum { SECTION_CHUNK = 1024, HEAD_AT = 32, CHANNEL_AT = 40 };

static int cannot_be(struct error *error, const char *why)
{
    return error_set(error, -EINVAL, "%s", why);
}

/* ---- sections of the receive buffer: next, head << 32, channel << 40 ---- */

struct saved_sections {
    uint32_t n;
    uint64_t section[SECTION_CHUNK];
};

static const struct state_field sections_rows[] = {
    STATE_COUNTED_FIELD(struct saved_sections, section, n),
};
static const struct state_table sections_table =
    STATE_TABLE("sections", 1, struct saved_sections, sections_rows);

static bool sections_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct netvsp *nv = object;
    struct saved_sections *saved = element;

    saved->n = 0;
    while (saved->n < SECTION_CHUNK && cursor->a < nv->n_sections) {
        const struct netvsp_section *section = &nv->section[cursor->a++];
        saved->section[saved->n++] = section->next | (uint64_t)(section->head != 0) << HEAD_AT |
                                     (uint64_t)section->channel << CHANNEL_AT;
    }
    return saved->n > 0;
}

/* Behind n_sections: room is made with the first. */
static int sections_put(void *object, const void *element, struct error *error)
{
    struct netvsp *nv = object;
    const struct saved_sections *saved = element;

    if (nv->section == NULL) {
        nv->section = calloc((size_t)nv->n_sections + 1, sizeof(*nv->section));
        nv->n_read_sections = 0;
    }
    if (nv->section == NULL) {
        return error_set(error, -ENOMEM, "no memory for sections");
    }
    if (saved->n > nv->n_sections - nv->n_read_sections) {
        return cannot_be(error, "there are more sections than are told");
    }
    for (uint32_t i = 0; i < saved->n; i++) {
        uint64_t value = saved->section[i];
        nv->section[nv->n_read_sections++] = (struct netvsp_section){
            .next = (uint32_t)value,
            .head = (uint8_t)(value >> HEAD_AT & 1),
            .channel = (uint8_t)(value >> CHANNEL_AT),
        };
    }
    return 0;
}

static const struct state_list sections_list = { &sections_table, sizeof(struct saved_sections),
                                                 sections_get, sections_put };

/* ---- control messages that wait ---- */

struct saved_control {
    uint32_t n;
    uint8_t bytes[RNDIS_CONTROL_MAX];
};

static const struct state_field control_rows[] = {
    STATE_COUNTED_FIELD(struct saved_control, bytes, n),
};
static const struct state_table control_table =
    STATE_TABLE("control", 1, struct saved_control, control_rows);

static bool control_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct netvsp *nv = object;
    const struct netvsp_control *control =
        cursor->a++ == 0 ? nv->control_first : ((const struct netvsp_control *)cursor->at)->next;
    struct saved_control *saved = element;

    cursor->at = control;
    if (control == NULL) {
        return false;
    }
    saved->n = control->n;
    memcpy(saved->bytes, control->bytes, control->n);
    return true;
}

static int control_put(void *object, const void *element, struct error *error)
{
    const struct saved_control *saved = element;

    return netvsp_control_wait(object, saved->bytes, saved->n)
               ? 0
               : cannot_be(error, "too many control messages wait");
}

static const struct state_list control_list = { &control_table, sizeof(struct saved_control),
                                                control_get, control_put };

/* ---- frames that wait ---- */

struct saved_frame {
    bool tagged, trusted;
    uint16_t tag, mss;
    uint32_t n;
    uint8_t bytes[NET_FRAME_MAX];
};

static const struct state_field frame_rows[] = {
    STATE_FIELD(struct saved_frame, tagged),
    STATE_FIELD(struct saved_frame, trusted),
    STATE_FIELD(struct saved_frame, tag),
    STATE_FIELD(struct saved_frame, mss),
    STATE_COUNTED_FIELD(struct saved_frame, bytes, n),
};
static const struct state_table frame_table =
    STATE_TABLE("frame", 1, struct saved_frame, frame_rows);

static bool frames_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct netvsp *nv = object;
    const struct net_frame *frame =
        cursor->a++ == 0 ? nv->queue.first : ((const struct net_frame *)cursor->at)->next;
    struct saved_frame *saved = element;

    cursor->at = frame;
    if (frame == NULL) {
        return false;
    }
    saved->tagged = frame->tagged;
    saved->trusted = frame->trusted;
    saved->tag = frame->tag;
    saved->mss = frame->mss;
    saved->n = frame->length;
    memcpy(saved->bytes, frame->bytes, frame->length);
    return true;
}

static int frames_put(void *object, const void *element, struct error *error)
{
    struct netvsp *nv = object;
    const struct saved_frame *saved = element;
    struct net_frame *frame = saved->n >= NET_HEADER_BYTES ? net_frame_new(saved->n) : NULL;
    bool was_empty;

    if (frame == NULL) {
        return cannot_be(error, "is no frame");
    }
    memcpy(frame->bytes, saved->bytes, saved->n);
    frame->length = saved->n;
    frame->tagged = saved->tagged;
    frame->trusted = saved->trusted;
    frame->tag = saved->tag;
    frame->mss = saved->mss;
    return net_queue_put(&nv->queue, frame, &was_empty)
               ? 0
               : cannot_be(error, "more frames wait than may");
}

static const struct state_list frames_list = { &frame_table, sizeof(struct saved_frame), frames_get,
                                               frames_put };

/* ---- the adapter ---- */

const struct state_field netvsp_state_rows[] = {
    STATE_FIELD(struct netvsp, version),
    STATE_FIELD(struct netvsp, ndis_version),
    STATE_FIELD_MAX(struct netvsp, frame_max, RNDIS_MTU_MAX + NET_HEADER_BYTES),
    STATE_FIELD(struct netvsp, receive_gpadl),
    STATE_FIELD(struct netvsp, section_bytes),
    STATE_FIELD_MAX(struct netvsp, n_sections, NETVSP_SECTIONS_MAX),
    STATE_FIELD_MAX(struct netvsp, n_free, NETVSP_SECTIONS_MAX),
    STATE_FIELD(struct netvsp, first_free),
    STATE_LIST_FIELD("sections", &sections_list), /* behind n_sections */
    STATE_FIELD(struct netvsp, send_gpadl),
    STATE_FIELD(struct netvsp, n_send_sections),
    STATE_FIELD_MAX(struct netvsp, n_subchannels, VMBUS_CHANNELS - 1),
    STATE_FIELD(struct netvsp, link_told),
    STATE_FIELD(struct netvsp, link_changed),
    STATE_LIST_FIELD("control", &control_list),
    STATE_LIST_FIELD("frames", &frames_list),
    STATE_FIELD(struct netvsp, queue.dropped),
    STATE_STRUCT_FIELD(struct netvsp, rndis, &rndis_saved_table),
    STATE_STRUCT_FIELD(struct netvsp, port, &net_port_saved_table),
    STATE_FIELD(struct netvsp, counters.frames_out),
    STATE_FIELD(struct netvsp, counters.frames_in),
    STATE_FIELD(struct netvsp, counters.control_in),
    STATE_FIELD(struct netvsp, counters.control_out),
    STATE_FIELD(struct netvsp, counters.bad),
    STATE_FIELD(struct netvsp, counters.no_section),
    STATE_FIELD(struct netvsp, counters.lost),
    STATE_TIMER_FIELD(struct netvsp, timer),
    STATE_FIELD(struct netvsp, told_ns),
    STATE_FIELD(struct netvsp, leaving),
    STATE_TIMER_FIELD(struct netvsp, leave),
    STATE_FIELD(struct netvsp, leave_steps),
    STATE_FIELD(struct netvsp, leave_quiet),
    STATE_FIELD(struct netvsp, leave_packets),
};
_Static_assert(ARRAY_SIZE(netvsp_state_rows) == NETVSP_STATE_ROWS, "told in netvsp.h");

/* Follow a list of sections that nothing else has; how many; NETVSP_NONE: it leads where it cannot. */
static uint32_t follow(const struct netvsp *nv, uint8_t *seen, uint32_t index)
{
    uint32_t n = 0;

    while (index != NETVSP_NONE) {
        if (index >= nv->n_sections || seen[index] != 0) {
            return NETVSP_NONE;
        }
        seen[index] = 1;
        index = nv->section[index].next;
        n++;
    }
    return n;
}

static bool sections_good(const struct netvsp *nv)
{
    uint8_t *seen = calloc((size_t)nv->n_sections + 1, 1);
    bool good = seen != NULL && follow(nv, seen, nv->first_free) == nv->n_free;

    for (uint32_t i = 0; good && i < nv->n_sections; i++) {
        if (nv->section[i].head != 0) {
            good = nv->section[i].channel < VMBUS_CHANNELS && follow(nv, seen, i) != NETVSP_NONE;
        }
    }
    free(seen);
    return good;
}

static bool receive_buffer_good(struct netvsp *nv)
{
    const struct vmbus_gpadl *gpadl =
        nv->receive_gpadl != 0 ? vmbus_device_gpadl(&nv->vmbus, nv->receive_gpadl) : NULL;

    if (nv->receive_gpadl == 0) {
        return nv->n_sections == 0 && nv->n_free == 0 && nv->section == NULL;
    }
    return gpadl != NULL && nv->section != NULL && nv->n_read_sections == nv->n_sections &&
           nv->section_bytes >= NETVSP_SECTION_LEAST && nv->section_bytes <= NETVSP_FRAME_MAX &&
           (uint64_t)nv->n_sections * nv->section_bytes <= gpadl->buffer.length &&
           sections_good(nv);
}

static bool send_buffer_good(struct netvsp *nv)
{
    const struct vmbus_gpadl *gpadl =
        nv->send_gpadl != 0 ? vmbus_device_gpadl(&nv->vmbus, nv->send_gpadl) : NULL;

    return nv->send_gpadl == 0
               ? nv->n_send_sections == 0
               : gpadl != NULL && nv->n_send_sections <= gpadl->buffer.length / NETVSP_SEND_SECTION;
}

int netvsp_state_loaded(void *object, struct error *error)
{
    struct netvsp *nv = object;
    uint32_t entries = nv->rndis.rss.n_entries;

    if (!receive_buffer_good(nv)) {
        return cannot_be(error, "sections: are not those of its receive buffer");
    }
    if (!send_buffer_good(nv)) {
        return cannot_be(error, "send_gpadl: is no send buffer");
    }
    if ((entries & (entries - 1)) != 0) {
        return cannot_be(error, "rndis.rss.n_entries: is no power of two");
    }
    return 0;
}
