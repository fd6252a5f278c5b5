/* Offers: relids, sub-channels, rescind and release. [LINUX drivers/hv/channel_mgmt.c] */
#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "partitions/vmbus/server_parts.h"

struct vmbus_channel *vmbus_channel_of(const struct vmbus_server *server, uint32_t relid)
{
    return relid < VMBUS_RELIDS ? server->relid[relid] : NULL;
}

/* The next free one after the last: a relid is not used again at once. 0: none. */
static uint32_t relid_take(struct vmbus_server *server)
{
    for (uint32_t i = 1; i < VMBUS_RELIDS; i++) {
        uint32_t relid = (server->last_relid + i - 1) % (VMBUS_RELIDS - 1) + 1;
        if (server->relid[relid] == NULL) {
            server->last_relid = relid;
            return relid;
        }
    }
    return 0;
}

static void offer_send(struct vmbus_server *server, const struct vmbus_channel *channel)
{
    const struct vmbus_offer *offer = &channel->device->offer;
    uint8_t message[VMBUS_BYTES_OFFER_CHANNEL] = { 0 };

    memcpy(message + OFFER_TYPE, offer->type.bytes, VMBUS_GUID_BYTES);
    memcpy(message + OFFER_INSTANCE, offer->instance.bytes, VMBUS_GUID_BYTES);
    le16_store(message + OFFER_FLAGS, offer->flags);
    le16_store(message + OFFER_MMIO, offer->mmio_megabytes);
    memcpy(message + OFFER_USER, offer->user_defined, VMBUS_USER_BYTES);
    le16_store(message + OFFER_SUBCHANNEL, (uint16_t)channel->index);
    le32_store(message + OFFER_RELID, channel->relid);
    message[OFFER_MONITOR_ID] = 0xff;
    le16_store(message + OFFER_DEDICATED, 1);
    le32_store(message + OFFER_CONNECTION, channel->connection_id);
    vmbus_send(server, VMBUS_MESSAGE_OFFER_CHANNEL, message, sizeof(message));
}

/* False: no relid is left, or the hypervisor refused a port. */
static bool offer_channel(struct vmbus_server *server, struct vmbus_channel *channel)
{
    uint32_t relid = relid_take(server);

    if (relid == 0 || server->wire->listen(server->opaque, relid) != 0) {
        VMBUS_TRACE(server, LIMIT, (uint64_t)(uintptr_t) "offers", relid);
        return false;
    }
    server->relid[relid] = channel;
    channel->relid = relid;
    channel->connection_id = VMBUS_CONNECTION_EVENTS + relid;
    channel->offered = true;
    offer_send(server, channel);
    return true;
}

void vmbus_offer_device(struct vmbus_server *server, struct vmbus_device *dev)
{
    if (!server->offers_requested || dev->wanted_rescind) {
        return;
    }
    vmbus_device_lock(dev);
    for (unsigned i = 0; i < dev->wanted_channels; i++) {
        if ((i == dev->n_channels && vmbus_device_grow(dev) != 0) ||
            (!dev->channel[i]->offered && !offer_channel(server, dev->channel[i]))) {
            dev->wanted_channels = i == 0 ? 1 : i;
            break;
        }
    }
    vmbus_device_unlock(dev);
}

void vmbus_on_request_offers(struct vmbus_server *server, const uint8_t *message, size_t n)
{
    uint8_t all[VMBUS_BYTES_ALL_OFFERS_DELIVERED];

    (void)message, (void)n;
    if (server->offers_requested) {
        vmbus_bad(server, "offers were requested before", 0);
        return;
    }
    server->offers_requested = true;
    for (struct vmbus_device *dev = server->devices; dev != NULL; dev = dev->next) {
        vmbus_offer_device(server, dev);
    }
    vmbus_send(server, VMBUS_MESSAGE_ALL_OFFERS_DELIVERED, all, sizeof(all));
}

/* ---- away ---- */

void vmbus_channel_shut(struct vmbus_server *server, struct vmbus_channel *channel)
{
    if (channel->open) {
        vmbus_device_lock(channel->device);
        vmbus_channel_close(channel);
        vmbus_device_unlock(channel->device);
        server->wire->detach(server->opaque, channel->relid);
    }
}

void vmbus_forget_channel(struct vmbus_server *server, struct vmbus_channel *channel)
{
    vmbus_channel_shut(server, channel);
    vmbus_gpadls_drop(server, channel);
    vmbus_gpadls_drop_incomplete(server, channel->relid);
    server->wire->unlisten(server->opaque, channel->relid);
    server->relid[channel->relid] = NULL;
    channel->relid = channel->connection_id = 0;
    channel->offered = channel->rescinded = false;
}

void vmbus_device_gone(struct vmbus_server *server, struct vmbus_device *dev)
{
    struct vmbus_device **link = &server->devices;

    for (unsigned i = 0; i < dev->n_channels; i++) {
        if (dev->channel[i]->offered) {
            return;
        }
    }
    while (*link != dev) {
        link = &(*link)->next;
    }
    *link = dev->next;
    dev->next = NULL;
    dev->host = NULL;
    dev->wanted_rescind = false;
    server->wire->gone(server->opaque, dev);
}

/* The host stops at once: the rings are closed before the guest hears of it. */
void vmbus_rescind_channel(struct vmbus_server *server, struct vmbus_channel *channel)
{
    uint8_t message[VMBUS_BYTES_RESCIND_CHANNEL_OFFER];

    if (channel->offered && !channel->rescinded) {
        vmbus_channel_shut(server, channel);
        channel->rescinded = true;
        le32_store(message + RESCIND_RELID, channel->relid);
        vmbus_send(server, VMBUS_MESSAGE_RESCIND_CHANNEL_OFFER, message, sizeof(message));
    }
}

void vmbus_rescind_device(struct vmbus_server *server, struct vmbus_device *dev)
{
    for (unsigned i = dev->n_channels; i-- > 0;) { /* sub-channels first */
        vmbus_rescind_channel(server, dev->channel[i]);
    }
    vmbus_device_gone(server, dev);
}

void vmbus_on_relid_released(struct vmbus_server *server, const uint8_t *message, size_t n)
{
    struct vmbus_channel *channel = vmbus_channel_of(server, le32_load(message + RELEASED_RELID));

    (void)n;
    if (channel == NULL || !channel->rescinded) {
        vmbus_bad(server, "release of a relid that was not rescinded",
                  le32_load(message + RELEASED_RELID));
        return;
    }
    struct vmbus_device *dev = channel->device;
    vmbus_forget_channel(server, channel);
    if (dev->wanted_rescind) {
        vmbus_device_gone(server, dev);
    } else {
        vmbus_offer_device(server, dev); /* a sub-channel that is wanted again */
    }
}
