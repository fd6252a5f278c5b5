/* The network adapter's NVSP messages: versions, buffers, configuration, sub-channels. [LINUX drivers/net/hyperv/netvsc.c for the other side] */
#include "base/bytes.h"
#include "devices/devices_trace.h"
#include "devices/synthetic/netvsp.h"

enum { FRAME_LEAST = 68 + NET_HEADER_BYTES };

/* An NVSP message that completes one of the guest's. */
static void complete(struct vmbus_channel *channel, const struct vmbus_packet *packet,
                     uint32_t type, const uint32_t *words, unsigned n)
{
    uint8_t message[NVSP_MESSAGE_BYTES] = { 0 };

    if (packet->wants_completion) {
        le32_store(message, type);
        for (unsigned i = 0; i < n; i++) {
            le32_store(message + 4 + 4 * i, words[i]);
        }
        (void)vmbus_channel_complete(channel, packet->transaction, message, sizeof(message));
    }
}

/* The newest version in the guest's range. */
static void on_init(struct netvsp *nv, struct vmbus_channel *channel,
                    const struct vmbus_packet *packet)
{
    static const uint32_t versions[] = {
#define X(number, name) number,
        NVSP_VERSIONS(X)
#undef X
    };
    uint32_t least = le32_load(packet->payload + 4), most = le32_load(packet->payload + 8);
    uint32_t version = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(versions); i++) {
        version = versions[i] >= least && versions[i] <= most ? versions[i] : version;
    }
    uint32_t status = version != 0                                 ? NVSP_STATUS_SUCCESS
                      : least > versions[ARRAY_SIZE(versions) - 1] ? NVSP_STATUS_PROTOCOL_TOO_NEW
                      : most < versions[0]                         ? NVSP_STATUS_PROTOCOL_TOO_OLD
                                                                   : NVSP_STATUS_FAIL;
    nv->version = version;
    DEVICE_TRACE(&nv->vmbus.device, NET_VERSION, version, status);
    complete(channel, packet, NVSP_INIT_COMPLETE, (const uint32_t[]){ version, 0x22, status }, 3);
}

/* A GPADL of the guest that may serve as a buffer, or NULL. */
static const struct vmbus_gpadl *buffer_of(struct netvsp *nv, uint32_t id)
{
    const struct vmbus_gpadl *gpadl = vmbus_device_gpadl(&nv->vmbus, id);

    if (gpadl == NULL) {
        netvsp_bad(nv, "no such GPADL", id);
    }
    return gpadl;
}

static void on_receive_buffer(struct netvsp *nv, struct vmbus_channel *channel,
                              const struct vmbus_packet *packet)
{
    uint32_t id = le32_load(packet->payload + 4), buffer = le16_load(packet->payload + 8);
    const struct vmbus_gpadl *gpadl = buffer_of(nv, id);

    if (gpadl == NULL || nv->receive_gpadl != 0 || buffer != NVSP_RECEIVE_BUFFER ||
        !netvsp_sections_make(nv, gpadl->buffer.length)) {
        netvsp_bad(nv, "receive buffer", id);
        complete(channel, packet, NVSP_SEND_RECEIVE_BUFFER_COMPLETE,
                 (const uint32_t[]){ NVSP_STATUS_FAIL }, 1);
        return;
    }
    nv->receive_gpadl = id;
    complete(channel, packet, NVSP_SEND_RECEIVE_BUFFER_COMPLETE,
             (const uint32_t[]){ NVSP_STATUS_SUCCESS, 1, 0, nv->section_bytes, nv->n_sections,
                                 nv->section_bytes * nv->n_sections },
             6);
}

static void on_send_buffer(struct netvsp *nv, struct vmbus_channel *channel,
                           const struct vmbus_packet *packet)
{
    uint32_t id = le32_load(packet->payload + 4), buffer = le16_load(packet->payload + 8);
    const struct vmbus_gpadl *gpadl = buffer_of(nv, id);

    if (gpadl == NULL || nv->send_gpadl != 0 || buffer != NVSP_SEND_BUFFER ||
        gpadl->buffer.length < NETVSP_SEND_SECTION) {
        netvsp_bad(nv, "send buffer", id);
        complete(channel, packet, NVSP_SEND_SEND_BUFFER_COMPLETE,
                 (const uint32_t[]){ NVSP_STATUS_FAIL }, 1);
        return;
    }
    nv->send_gpadl = id;
    nv->n_send_sections = gpadl->buffer.length / NETVSP_SEND_SECTION;
    complete(channel, packet, NVSP_SEND_SEND_BUFFER_COMPLETE,
             (const uint32_t[]){ NVSP_STATUS_SUCCESS, NETVSP_SEND_SECTION }, 2);
}

void netvsp_send_buffer_drop(struct netvsp *nv)
{
    nv->send_gpadl = nv->n_send_sections = 0;
}

/* The guest's MTU, and what it can do: nothing of that needs us to act. */
static void on_config(struct netvsp *nv, const struct vmbus_packet *packet)
{
    uint32_t frame = le32_load(packet->payload + 4);

    if (frame < FRAME_LEAST || nv->receive_gpadl != 0) {
        netvsp_bad(nv, "NDIS configuration", frame);
        return;
    }
    nv->frame_max =
        frame > RNDIS_MTU_MAX + NET_HEADER_BYTES ? RNDIS_MTU_MAX + NET_HEADER_BYTES : frame;
    nv->rndis.mtu = nv->frame_max - NET_HEADER_BYTES;
    DEVICE_TRACE(&nv->vmbus.device, NET_CONFIG, nv->rndis.mtu, le64_load(packet->payload + 12));
}

static void on_subchannel(struct netvsp *nv, struct vmbus_channel *channel,
                          const struct vmbus_packet *packet)
{
    uint32_t operation = le32_load(packet->payload + 4), n = le32_load(packet->payload + 8);
    uint32_t most = nv->config.queues - 1;

    n = n < most ? n : most;
    bool good = operation == NVSP_SUBCHANNEL_ALLOCATE && n > 0 && nv->n_subchannels == 0;
    complete(channel, packet, NVSP_SUBCHANNEL,
             (const uint32_t[]){ good ? NVSP_STATUS_SUCCESS : NVSP_STATUS_FAIL, good ? n : 0 }, 2);
    if (good && vmbus_device_offer_subchannels(&nv->vmbus, n)) {
        nv->n_subchannels = n;
    }
}

/* All of them in turn. */
void netvsp_send_table(struct netvsp *nv)
{
    uint8_t message[NVSP_SEND_TABLE_AT + 4 * NVSP_SEND_TABLE] = { 0 };

    le32_store(message, NVSP_SEND_INDIRECTION_TABLE);
    le32_store(message + 4, NVSP_SEND_TABLE);
    le32_store(message + 8, NVSP_SEND_TABLE_AT);
    for (uint32_t i = 0; i < NVSP_SEND_TABLE; i++) {
        le32_store(message + NVSP_SEND_TABLE_AT + 4 * i, i % (nv->n_subchannels + 1));
    }
    (void)vmbus_channel_send(nv->vmbus.channel[0], message, sizeof(message), 0, false);
}

struct message_row {
    uint32_t code, since, least;
};

static const struct message_row *message_row(uint32_t code)
{
    static const struct message_row rows[] = {
#define X(code, name, since, least, how) { code, NVSP_VERSION_##since, least },
        NVSP_MESSAGES(X)
#undef X
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        if (rows[i].code == code) {
            return &rows[i];
        }
    }
    return NULL;
}

static void dispatch(struct netvsp *nv, struct vmbus_channel *channel,
                     const struct vmbus_packet *packet, uint32_t type)
{
    switch (type) {
    case NVSP_INIT:
        on_init(nv, channel, packet);
        break;
    case NVSP_SEND_NDIS_VERSION:
        nv->ndis_version = le32_load(packet->payload + 4) << 16 | le16_load(packet->payload + 8);
        break;
    case NVSP_SEND_RECEIVE_BUFFER:
        on_receive_buffer(nv, channel, packet);
        break;
    case NVSP_REVOKE_RECEIVE_BUFFER:
        netvsp_sections_drop(nv);
        complete(channel, packet, type, NULL, 0);
        break;
    case NVSP_SEND_SEND_BUFFER:
        on_send_buffer(nv, channel, packet);
        break;
    case NVSP_REVOKE_SEND_BUFFER:
        netvsp_send_buffer_drop(nv);
        complete(channel, packet, type, NULL, 0);
        break;
    case NVSP_SEND_RNDIS: {
        uint32_t status = netvsp_take_rndis(nv, packet);
        complete(channel, packet, NVSP_SEND_RNDIS_COMPLETE, &status, 1);
        break;
    }
    case NVSP_SEND_NDIS_CONFIG:
        on_config(nv, packet);
        break;
    case NVSP_SWITCH_DATA_PATH: /* to the synthetic one is where we are */
        if (le32_load(packet->payload + 4) != 0) {
            netvsp_bad(nv, "data path to a VF", le32_load(packet->payload + 4));
        }
        complete(channel, packet, type, NULL, 0);
        break;
    default: /* NVSP_SUBCHANNEL: message_row knows no other */
        on_subchannel(nv, channel, packet);
        break;
    }
}

void netvsp_message(struct netvsp *nv, struct vmbus_channel *channel,
                    const struct vmbus_packet *packet)
{
    uint32_t type = packet->payload_bytes >= 4 ? le32_load(packet->payload) : 0;
    const struct message_row *row = message_row(type);

    if (row == NULL) {
        device_unimplemented(&nv->vmbus.device, "NVSP message", type);
        complete(channel, packet, type, (const uint32_t[]){ NVSP_STATUS_FAIL }, 1);
    } else if (packet->payload_bytes < row->least ||
               (type != NVSP_INIT && (nv->version == 0 || nv->version < row->since)) ||
               (channel->index != 0 && type != NVSP_SEND_RNDIS)) {
        netvsp_bad(nv, "NVSP message out of place", type);
        complete(channel, packet, type, (const uint32_t[]){ NVSP_STATUS_FAIL }, 1);
    } else {
        dispatch(nv, channel, packet, type);
    }
}
