/* Integration components: negotiation and the frame of their messages. [LINUX drivers/hv/hv_util.c for the other side] */
#include "devices/synthetic/ic.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/devices_trace.h"

enum {
    PIPE_DATA = 1,
    PIPE_HEADER = 8,
    HEADER = 20,

    FRAMEWORK_MAJOR = 0,
    FRAMEWORK_MINOR = 2,
    MESSAGE_TYPE = 4,
    VERSION_MAJOR = 6,
    VERSION_MINOR = 8,
    BODY_BYTES = 10,
    STATUS = 12,
    TRANSACTION = 16,
    FLAGS = 17,

    FLAG_TRANSACTION = 1,
    FLAG_REQUEST = 2,
    FLAG_RESPONSE = 4,

    /* Negotiation: u16 number of framework versions, u16 of message versions, u32 0, the versions. */
    NEGOTIATE_VERSIONS = 8,
    SPEAK_AFTER_NS = 1000000, /* the guest has its answer to the open by then */
};

static const struct ic_version frameworks[] = { { 3, 0 }, { 1, 0 } };

static int frame_send(struct ic *ic, enum ic_message_type type, const void *body, uint32_t n)
{
    uint8_t frame[PIPE_HEADER + HEADER + 4096] = { 0 };
    uint8_t *header = frame + PIPE_HEADER;

    if (ic->channel == NULL) {
        return -ENOTCONN;
    }
    if (n > sizeof(frame) - PIPE_HEADER - HEADER) {
        return -EMSGSIZE;
    }
    le32_store(frame, PIPE_DATA);
    le32_store(frame + 4, HEADER + n);
    le16_store(header + FRAMEWORK_MAJOR, ic->framework.major);
    le16_store(header + FRAMEWORK_MINOR, ic->framework.minor);
    le16_store(header + MESSAGE_TYPE, (uint16_t)type);
    le16_store(header + VERSION_MAJOR, ic->version.major);
    le16_store(header + VERSION_MINOR, ic->version.minor);
    le16_store(header + BODY_BYTES, (uint16_t)n);
    header[TRANSACTION] = ++ic->transaction;
    header[FLAGS] = FLAG_TRANSACTION | FLAG_REQUEST;
    memcpy(header + HEADER, body, n);
    return vmbus_channel_send(ic->channel, frame, PIPE_HEADER + HEADER + n, 0, false);
}

int ic_request(struct ic *ic, const void *body, uint32_t n)
{
    return ic->agreed ? frame_send(ic, ic->kind->message, body, n) : -ENOTCONN;
}

static uint8_t *version_put(uint8_t *at, const struct ic_version *version)
{
    le16_store(at, version->major);
    le16_store(at + 2, version->minor);
    return at + 4;
}

static void negotiate(struct ic *ic)
{
    uint8_t body[NEGOTIATE_VERSIONS + 4 * (ARRAY_SIZE(frameworks) + IC_VERSIONS_MAX)] = { 0 };
    uint8_t *at = body + NEGOTIATE_VERSIONS;

    le16_store(body, ARRAY_SIZE(frameworks));
    le16_store(body + 2, (uint16_t)ic->kind->n_versions);
    for (unsigned i = 0; i < ARRAY_SIZE(frameworks); i++) {
        at = version_put(at, &frameworks[i]);
    }
    for (unsigned i = 0; i < ic->kind->n_versions; i++) {
        at = version_put(at, &ic->kind->versions[i]);
    }
    ic->framework = frameworks[0];
    ic->version = ic->kind->versions[0];
    (void)frame_send(ic, IC_MESSAGE_NEGOTIATE, body, (uint32_t)(at - body));
}

static bool version_take(const uint8_t *at, const struct ic_version *offered, unsigned n,
                         struct ic_version *version)
{
    *version = (struct ic_version){ .major = le16_load(at), .minor = le16_load(at + 2) };
    for (unsigned i = 0; i < n; i++) {
        if (offered[i].major == version->major && offered[i].minor == version->minor) {
            return true;
        }
    }
    return false;
}

/* The guest picked one of each, or none. */
static void negotiated(struct ic *ic, const struct ic_answer *answer)
{
    const uint8_t *versions = answer->body + NEGOTIATE_VERSIONS;

    if (ic->agreed) {
        return;
    }
    if (answer->n < NEGOTIATE_VERSIONS + 8 || le16_load(answer->body) != 1 ||
        le16_load(answer->body + 2) != 1 ||
        !version_take(versions, frameworks, ARRAY_SIZE(frameworks), &ic->framework) ||
        !version_take(versions + 4, ic->kind->versions, ic->kind->n_versions, &ic->version)) {
        ic->refused = true;
    } else {
        ic->agreed = true;
    }
    DEVICE_TRACE(&ic->vmbus.device, IC_NEGOTIATED, (uint64_t)(uintptr_t)ic->kind->type.name,
                 ic->agreed, ic->version.major, ic->version.minor);
    if (ic->agreed) {
        ic->kind->agreed(ic, clock_now_ns(ic->world.clock));
    }
}

static enum vmbus_taken ic_packet(struct vmbus_device *dev, struct vmbus_channel *channel,
                                  const struct vmbus_packet *packet)
{
    struct ic *ic = (struct ic *)dev;
    const uint8_t *header = packet->payload + PIPE_HEADER;
    struct ic_answer answer;

    if (packet->type != VMBUS_PACKET_INBAND || packet->payload_bytes < PIPE_HEADER + HEADER ||
        le32_load(packet->payload) != PIPE_DATA) {
        vmbus_channel_break(channel, "IC packet", packet->payload_bytes);
        return VMBUS_TAKEN;
    }
    answer = (struct ic_answer){
        .status = le32_load(header + STATUS),
        .transaction = header[TRANSACTION],
        .body = header + HEADER,
        .n = packet->payload_bytes - PIPE_HEADER - HEADER,
    };
    unsigned type = le16_load(header + MESSAGE_TYPE);
    bool response = (header[FLAGS] & FLAG_RESPONSE) != 0;
    if (response && type == IC_MESSAGE_NEGOTIATE) {
        negotiated(ic, &answer);
    } else if (response && ic->agreed && type == (unsigned)ic->kind->message) {
        ic->kind->answered(ic, &answer);
    } else {
        DEVICE_TRACE(&dev->device, IC_IGNORED, (uint64_t)(uintptr_t)ic->kind->type.name, type,
                     header[FLAGS]);
    }
    return VMBUS_TAKEN;
}

static int ic_open(struct vmbus_device *dev, struct vmbus_channel *channel)
{
    struct ic *ic = (struct ic *)dev;

    ic->channel = channel;
    ic->agreed = ic->refused = false;
    ic->transaction = 0;
    ic_tick_at(ic, clock_now_ns(ic->world.clock) + SPEAK_AFTER_NS);
    return 0;
}

static void ic_close(struct vmbus_device *dev, struct vmbus_channel *channel)
{
    struct ic *ic = (struct ic *)dev;

    (void)channel;
    timer_cancel(&ic->timer);
    ic->channel = NULL;
    ic->agreed = ic->refused = false;
    if (ic->kind->closed != NULL) {
        ic->kind->closed(ic);
    }
}

static const struct vmbus_device_ops ic_ops = {
    .open = ic_open,
    .close = ic_close,
    .packet = ic_packet,
};

static void ic_expired(void *opaque, uint64_t now_ns)
{
    struct ic *ic = opaque;

    vmbus_device_lock(&ic->vmbus);
    if (ic->channel != NULL && !ic->agreed && !ic->refused) {
        negotiate(ic);
    } else if (ic->agreed && ic->kind->tick != NULL) {
        ic->kind->tick(ic, now_ns);
    }
    vmbus_device_unlock(&ic->vmbus);
}

void ic_tick_at(struct ic *ic, uint64_t deadline_ns)
{
    timer_set(&ic->timer, deadline_ns);
}

int ic_init(struct ic *ic, const struct ic_kind *kind, const struct ic_world *world)
{
    struct vmbus_offer offer = {
        .type = kind->class,
        .instance = kind->instance,
        .flags = VMBUS_OFFER_ENUMERATE | VMBUS_OFFER_NAMED_PIPE,
    };

    le32_store(offer.user_defined, VMBUS_PIPE_MODE_MESSAGE);
    ic->kind = kind;
    ic->world = *world;
    timer_init(&ic->timer, world->clock, ic_expired, ic);
    return vmbus_device_init(&ic->vmbus, &kind->type, &ic_ops, &offer, world->clock, world->trace,
                             world->partition);
}

void ic_fini(struct ic *ic)
{
    if (ic->kind != NULL) {
        timer_cancel(&ic->timer);
        vmbus_device_fini(&ic->vmbus);
        ic->kind = NULL;
    }
}

/* ---- saved state ---- */

static const struct state_field version_rows[] = {
    STATE_FIELD(struct ic_version, major),
    STATE_FIELD(struct ic_version, minor),
};
static const struct state_table version_table =
    STATE_TABLE("version", 1, struct ic_version, version_rows);

static const struct state_field ic_rows[] = {
    STATE_FIELD(struct ic, agreed),
    STATE_FIELD(struct ic, refused),
    STATE_STRUCT_FIELD(struct ic, framework, &version_table),
    STATE_STRUCT_FIELD(struct ic, version, &version_table),
    STATE_FIELD(struct ic, transaction),
    STATE_TIMER_FIELD(struct ic, timer),
};

static int ic_loaded(void *object, struct error *error)
{
    struct ic *ic = object;

    ic->channel = ic->vmbus.channel[0]->open ? ic->vmbus.channel[0] : NULL;
    return ic->channel != NULL || !ic->agreed
               ? 0
               : error_set(error, -EINVAL, "agreed with nobody: the channel is closed");
}

const struct state_table ic_saved_table =
    STATE_TABLE_LOADED("ic", 1, struct ic, ic_rows, ic_loaded);
