/* GPADLs: lists of guest pages, over several messages. [LINUX drivers/hv/channel.c create_gpadl_header] */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "partitions/vmbus/server_parts.h"

static void created_send(struct vmbus_server *server, uint32_t relid, uint32_t id, uint32_t status)
{
    uint8_t answer[VMBUS_BYTES_GPADL_CREATED];

    le32_store(answer + GPADL_RELID, relid);
    le32_store(answer + GPADL_ID, id);
    le32_store(answer + GPADL_CREATED_STATUS, status);
    vmbus_send(server, VMBUS_MESSAGE_GPADL_CREATED, answer, sizeof(answer));
}

uint64_t vmbus_gpadl_pages(const struct vmbus_buffer *buffer)
{
    uint64_t pages = 0;

    for (uint32_t i = 0; i < buffer->n_segments; i++) {
        gpa_t first = buffer->segment[i].gpa;
        pages += ((first & ~PAGE_MASK) + buffer->segment[i].length + PAGE_SIZE - 1) >> PAGE_SHIFT;
    }
    return pages;
}

/* Is every page the child's, to read and to write? */
static bool all_mapped(const struct vmbus_memory *memory, const struct vmbus_buffer *buffer)
{
    for (uint32_t i = 0; i < buffer->n_segments; i++) {
        gpa_t last = buffer->segment[i].gpa + buffer->segment[i].length - 1;
        for (uint64_t gpfn = buffer->segment[i].gpa >> PAGE_SHIFT; gpfn <= last >> PAGE_SHIFT;
             gpfn++) {
            spa_t spa;
            if (!memory->page(memory->opaque, gpfn, SPACE_READ | SPACE_WRITE, &spa)) {
                return false;
            }
        }
    }
    return true;
}

/* All its ranges are there. */
static uint32_t gpadl_make(struct vmbus_server *server, struct vmbus_channel *channel,
                           const struct vmbus_gpadl_incomplete *from)
{
    struct vmbus_gpadl *gpadl = calloc(1, sizeof(*gpadl));
    size_t used = 0;

    if (gpadl == NULL) {
        return VMBUS_STATUS_UNSUCCESSFUL;
    }
    if (vmbus_buffer_parse(&gpadl->buffer, from->range, from->bytes, from->n_ranges, &used) != 0 ||
        used != from->bytes || !all_mapped(&server->memory, &gpadl->buffer) ||
        server->gpadl_pages + vmbus_gpadl_pages(&gpadl->buffer) > VMBUS_GPADL_PAGES_MAX) {
        vmbus_bad(server, "GPADL of bad ranges", from->id);
        vmbus_buffer_fini(&gpadl->buffer);
        free(gpadl);
        return VMBUS_STATUS_INVALID_PARAMETER;
    }
    gpadl->id = from->id;
    gpadl->channel = channel;
    vmbus_device_lock(channel->device);
    gpadl->next = channel->device->gpadls;
    channel->device->gpadls = gpadl;
    vmbus_device_unlock(channel->device);
    server->n_gpadls++;
    server->gpadl_pages += vmbus_gpadl_pages(&gpadl->buffer);
    return VMBUS_STATUS_SUCCESS;
}

static struct vmbus_gpadl_incomplete **incomplete_find(struct vmbus_server *server, uint32_t id)
{
    struct vmbus_gpadl_incomplete **link = &server->incomplete;

    while (*link != NULL && (*link)->id != id) {
        link = &(*link)->next;
    }
    return link;
}

/* Take n more bytes of pages; when they are all there, make the GPADL. */
static void gpadl_add(struct vmbus_server *server, struct vmbus_gpadl_incomplete **link,
                      const uint8_t *bytes, size_t n)
{
    struct vmbus_gpadl_incomplete *gpadl = *link;
    uint32_t left = gpadl->bytes - gpadl->have;
    struct vmbus_channel *channel = vmbus_channel_of(server, gpadl->relid);
    uint32_t take = n < left ? (uint32_t)n : left;

    memcpy(gpadl->range + gpadl->have, bytes, take);
    gpadl->have += take;
    if (gpadl->have < gpadl->bytes) {
        return;
    }
    *link = gpadl->next;
    server->n_incomplete--;
    created_send(server, gpadl->relid, gpadl->id, gpadl_make(server, channel, gpadl));
    free(gpadl);
}

/* What can be wrong before any page is looked at. */
static const char *header_wrong(struct vmbus_server *server, const struct vmbus_channel *channel,
                                uint32_t id, uint32_t n_ranges, uint32_t bytes)
{
    if (n_ranges == 0 || bytes < 16 || bytes % 8 != 0) {
        return "GPADL header";
    }
    if (vmbus_device_gpadl(channel->device, id) != NULL || *incomplete_find(server, id) != NULL) {
        return "GPADL id that is in use";
    }
    if (server->n_gpadls >= VMBUS_GPADLS_MAX ||
        server->n_incomplete >= VMBUS_GPADLS_INCOMPLETE_MAX) {
        return "GPADLs without end";
    }
    return NULL;
}

void vmbus_on_gpadl_header(struct vmbus_server *server, const uint8_t *message, size_t n)
{
    uint32_t relid = le32_load(message + GPADL_RELID), id = le32_load(message + GPADL_ID);
    uint32_t bytes = le16_load(message + GPADL_RANGE_BYTES);
    struct vmbus_channel *channel = vmbus_channel_of(server, relid);
    struct vmbus_gpadl_incomplete *gpadl;
    const char *why;

    if (channel == NULL || channel->rescinded) {
        vmbus_bad(server, "GPADL of no offer", relid);
        return;
    }
    why = header_wrong(server, channel, id, le16_load(message + GPADL_RANGES), bytes);
    gpadl = why == NULL ? malloc(sizeof(*gpadl) + bytes) : NULL;
    if (gpadl == NULL) {
        vmbus_bad(server, why != NULL ? why : "no memory", id);
        created_send(server, relid, id, VMBUS_STATUS_INVALID_PARAMETER);
        return;
    }
    *gpadl = (struct vmbus_gpadl_incomplete){
        .next = server->incomplete,
        .relid = relid,
        .id = id,
        .n_ranges = le16_load(message + GPADL_RANGES),
        .bytes = bytes,
    };
    server->incomplete = gpadl;
    server->n_incomplete++;
    gpadl_add(server, &server->incomplete, message + GPADL_RANGE, n - GPADL_RANGE);
}

/* Bodies name only the GPADL, and come in order: messages of one port do. */
void vmbus_on_gpadl_body(struct vmbus_server *server, const uint8_t *message, size_t n)
{
    uint32_t id = le32_load(message + GPADL_BODY_ID);
    struct vmbus_gpadl_incomplete **link = incomplete_find(server, id);

    if (*link == NULL) {
        vmbus_bad(server, "body of no GPADL", id);
        return;
    }
    gpadl_add(server, link, message + GPADL_BODY_PAGES, n - GPADL_BODY_PAGES);
}

static void gpadl_free(struct vmbus_server *server, struct vmbus_gpadl *gpadl)
{
    server->n_gpadls--;
    server->gpadl_pages -= vmbus_gpadl_pages(&gpadl->buffer);
    vmbus_buffer_fini(&gpadl->buffer);
    free(gpadl);
}

void vmbus_on_gpadl_teardown(struct vmbus_server *server, const uint8_t *message, size_t n)
{
    uint32_t relid = le32_load(message + GPADL_RELID), id = le32_load(message + GPADL_ID);
    struct vmbus_channel *channel = vmbus_channel_of(server, relid);
    struct vmbus_gpadl *gpadl = channel != NULL ? vmbus_device_gpadl(channel->device, id) : NULL;
    uint8_t answer[VMBUS_BYTES_GPADL_TORNDOWN];

    (void)n;
    if (gpadl == NULL || gpadl->channel != channel || gpadl->rings != 0) {
        vmbus_bad(server, gpadl == NULL ? "teardown of no GPADL" : "teardown of a GPADL in use",
                  id);
        return;
    }
    struct vmbus_device *dev = channel->device;
    struct vmbus_gpadl **link = &dev->gpadls;
    vmbus_device_lock(dev);
    if (dev->ops->gpadl_gone != NULL) {
        dev->ops->gpadl_gone(dev, id);
    }
    while (*link != gpadl) {
        link = &(*link)->next;
    }
    *link = gpadl->next;
    vmbus_device_unlock(dev);
    gpadl_free(server, gpadl);
    le32_store(answer + GPADL_TORNDOWN_ID, id);
    vmbus_send(server, VMBUS_MESSAGE_GPADL_TORNDOWN, answer, sizeof(answer));
}

void vmbus_gpadls_drop(struct vmbus_server *server, struct vmbus_channel *channel)
{
    struct vmbus_device *dev = channel->device;

    vmbus_device_lock(dev);
    for (struct vmbus_gpadl **link = &dev->gpadls; *link != NULL;) {
        struct vmbus_gpadl *gpadl = *link;
        if (gpadl->channel != channel) {
            link = &gpadl->next;
            continue;
        }
        if (dev->ops->gpadl_gone != NULL) {
            dev->ops->gpadl_gone(dev, gpadl->id);
        }
        *link = gpadl->next;
        gpadl_free(server, gpadl);
    }
    vmbus_device_unlock(dev);
}

void vmbus_gpadls_drop_incomplete(struct vmbus_server *server, uint32_t relid)
{
    for (struct vmbus_gpadl_incomplete **link = &server->incomplete; *link != NULL;) {
        struct vmbus_gpadl_incomplete *gpadl = *link;
        if (relid != 0 && gpadl->relid != relid) {
            link = &gpadl->next;
            continue;
        }
        *link = gpadl->next;
        server->n_incomplete--;
        free(gpadl);
    }
}
