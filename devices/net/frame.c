/* Ethernet frames and queues of them. [IEEE 802.3, 802.1Q] */
#include "devices/net/frame.h"

#include <stdlib.h>
#include <string.h>

struct net_frame *net_frame_new(uint32_t room)
{
    struct net_frame *frame = malloc(sizeof(*frame) + room + NET_TAG_BYTES);

    if (frame != NULL) {
        memset(frame, 0, sizeof(*frame));
        frame->room = room + NET_TAG_BYTES;
    }
    return frame;
}

void net_frame_untag(struct net_frame *frame)
{
    enum { TYPE_AT = 12 };

    if (frame->tagged || frame->length < NET_HEADER_BYTES + NET_TAG_BYTES ||
        net_be16(frame->bytes + TYPE_AT) != NET_TYPE_VLAN) {
        return;
    }
    frame->tagged = true;
    frame->tag = net_be16(frame->bytes + TYPE_AT + 2);
    frame->length -= NET_TAG_BYTES;
    memmove(frame->bytes + TYPE_AT, frame->bytes + TYPE_AT + NET_TAG_BYTES,
            frame->length - TYPE_AT);
}

struct net_frame *net_frame_of(const uint8_t *bytes, uint32_t n)
{
    struct net_frame *frame;

    if (n < NET_HEADER_BYTES || n > NET_FRAME_MAX || (frame = net_frame_new(n)) == NULL) {
        return NULL;
    }
    memcpy(frame->bytes, bytes, n);
    frame->length = n;
    net_frame_untag(frame);
    return frame;
}

struct net_frame *net_frame_copy(const struct net_frame *frame)
{
    struct net_frame *copy = net_frame_new(frame->length);

    if (copy != NULL) {
        copy->length = frame->length;
        copy->tagged = frame->tagged;
        copy->tag = frame->tag;
        copy->mss = frame->mss;
        copy->trusted = frame->trusted;
        memcpy(copy->bytes, frame->bytes, frame->length);
    }
    return copy;
}

void net_frame_free(struct net_frame *frame)
{
    free(frame);
}

void net_frame_free_list(struct net_frame *frame)
{
    while (frame != NULL) {
        struct net_frame *next = frame->next;
        net_frame_free(frame);
        frame = next;
    }
}

/* ---- queues ---- */

void net_queue_init(struct net_queue *queue, uint32_t bytes_max)
{
    memset(queue, 0, sizeof(*queue));
    host_mutex_init(&queue->lock);
    queue->last = &queue->first;
    queue->bytes_max = bytes_max;
}

void net_queue_fini(struct net_queue *queue)
{
    net_frame_free_list(net_queue_take(queue));
    host_mutex_fini(&queue->lock);
}

bool net_queue_put(struct net_queue *queue, struct net_frame *frame, bool *was_empty)
{
    host_mutex_lock(&queue->lock);
    bool room = queue->bytes + frame->length <= queue->bytes_max;
    *was_empty = queue->first == NULL;
    if (room) {
        frame->next = NULL;
        *queue->last = frame;
        queue->last = &frame->next;
        queue->frames++;
        queue->bytes += frame->length;
    } else {
        queue->dropped++;
    }
    host_mutex_unlock(&queue->lock);
    if (!room) {
        net_frame_free(frame);
    }
    return room;
}

struct net_frame *net_queue_get(struct net_queue *queue)
{
    host_mutex_lock(&queue->lock);
    struct net_frame *frame = queue->first;
    if (frame != NULL) {
        queue->first = frame->next;
        if (queue->first == NULL) {
            queue->last = &queue->first;
        }
        queue->frames--;
        queue->bytes -= frame->length;
        frame->next = NULL;
    }
    host_mutex_unlock(&queue->lock);
    return frame;
}

struct net_frame *net_queue_take(struct net_queue *queue)
{
    host_mutex_lock(&queue->lock);
    struct net_frame *frame = queue->first;
    queue->first = NULL;
    queue->last = &queue->first;
    queue->frames = queue->bytes = 0;
    host_mutex_unlock(&queue->lock);
    return frame;
}

bool net_queue_empty(struct net_queue *queue)
{
    host_mutex_lock(&queue->lock);
    bool empty = queue->first == NULL;
    host_mutex_unlock(&queue->lock);
    return empty;
}
