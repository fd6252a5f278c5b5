/* Opening, closing and modifying channels. [LINUX drivers/hv/channel.c] */
#include <string.h>

#include "base/bytes.h"
#include "partitions/vmbus/server_parts.h"

static void result_send(struct vmbus_server *server, uint32_t relid, uint32_t id, uint32_t status)
{
    uint8_t answer[VMBUS_BYTES_OPEN_CHANNEL_RESULT];

    le32_store(answer + OPEN_RESULT_RELID, relid);
    le32_store(answer + OPEN_RESULT_ID, id);
    le32_store(answer + OPEN_RESULT_STATUS, status);
    vmbus_send(server, VMBUS_MESSAGE_OPEN_CHANNEL_RESULT, answer, sizeof(answer));
}

/* The rings and the device; locked. False: refused. */
static bool open_channel(struct vmbus_server *server, struct vmbus_channel *channel,
                         const uint8_t *message)
{
    struct vmbus_gpadl *gpadl =
        vmbus_device_gpadl(channel->device, le32_load(message + OPEN_GPADL));

    if (gpadl == NULL || gpadl->channel != channel) {
        vmbus_bad(server, "open with no GPADL", le32_load(message + OPEN_GPADL));
        return false;
    }
    channel->open_id = le32_load(message + OPEN_ID);
    channel->target_vp = le32_load(message + OPEN_VP);
    channel->ring_gpadl = gpadl->id;
    channel->ring_offset = le32_load(message + OPEN_DOWNSTREAM);
    memcpy(channel->user_data, message + OPEN_USER, VMBUS_USER_BYTES);
    return vmbus_channel_open(channel, gpadl) == 0;
}

void vmbus_on_open(struct vmbus_server *server, const uint8_t *message, size_t n)
{
    uint32_t relid = le32_load(message + OPEN_RELID), id = le32_load(message + OPEN_ID);
    struct vmbus_channel *channel = vmbus_channel_of(server, relid);
    bool opened = false;

    (void)n;
    if (channel == NULL || channel->rescinded) {
        vmbus_bad(server, "open of no offer", relid); /* a rescinded one is never answered */
        return;
    }
    if (channel->open) {
        vmbus_bad(server, "open of an open channel", relid);
    } else if (server->wire->attach(server->opaque, relid, le32_load(message + OPEN_VP),
                                    server->sint) != 0) {
        vmbus_bad(server, "open for no VP", le32_load(message + OPEN_VP));
    } else {
        vmbus_device_lock(channel->device);
        opened = open_channel(server, channel, message);
        vmbus_device_unlock(channel->device);
        if (!opened) {
            server->wire->detach(server->opaque, relid);
        }
    }
    result_send(server, relid, id, opened ? VMBUS_STATUS_SUCCESS : VMBUS_STATUS_UNSUCCESSFUL);
    if (opened) {
        vmbus_server_signaled(server, relid); /* what it put into the ring beforehand */
    }
}

void vmbus_on_close(struct vmbus_server *server, const uint8_t *message, size_t n)
{
    uint32_t relid = le32_load(message + CLOSE_RELID);
    struct vmbus_channel *channel = vmbus_channel_of(server, relid);

    (void)n;
    if (channel == NULL || (!channel->open && !channel->rescinded)) {
        vmbus_bad(server, "close of no open channel", relid);
        return;
    }
    vmbus_channel_shut(server, channel);
    if (channel->index == 0) {
        struct vmbus_device *dev = channel->device;
        dev->wanted_channels = 1;
        for (unsigned i = 1; i < dev->n_channels; i++) {
            vmbus_rescind_channel(server, dev->channel[i]); /* they are asked for anew */
        }
    }
}

void vmbus_on_modify(struct vmbus_server *server, const uint8_t *message, size_t n)
{
    uint32_t relid = le32_load(message + MODIFY_RELID), vp = le32_load(message + MODIFY_VP);
    struct vmbus_channel *channel = vmbus_channel_of(server, relid);
    uint32_t status = VMBUS_STATUS_INVALID_PARAMETER;
    uint8_t answer[VMBUS_BYTES_MODIFY_CHANNEL_RESPONSE];

    (void)n;
    if (channel == NULL || !channel->open) {
        vmbus_bad(server, "modify of no open channel", relid);
    } else {
        server->wire->detach(server->opaque, relid);
        if (server->wire->attach(server->opaque, relid, vp, server->sint) == 0) {
            channel->target_vp = vp;
            status = VMBUS_STATUS_SUCCESS;
            server->wire->signal(server->opaque,
                                 relid); /* one that went to the old VP may be lost */
        } else {
            vmbus_bad(server, "modify to no VP", vp);
            (void)server->wire->attach(server->opaque, relid, channel->target_vp, server->sint);
        }
    }
    if (server->version >= VMBUS_VERSION_5_3) {
        le32_store(answer + MODIFY_RELID, relid);
        le32_store(answer + MODIFY_RESPONSE_STATUS, status);
        vmbus_send(server, VMBUS_MESSAGE_MODIFY_CHANNEL_RESPONSE, answer, sizeof(answer));
    }
}
