/* SynIC: message and event pages, SINTs, EOM. [TLFS inter-partition-communication] */
/*
 * Delivery of one SINT's queue. Is the slot free (type 0)?
 *   yes: copy the oldest message, set MessagePending when more wait, publish the type, interrupt
 *   no:  set MessagePending in the slot, then look at the type once more
 * The guest frees a slot by type = 0, a barrier, then reads MessagePending and writes EOM when it
 * is set. So pending is always set before the last look at the type: one of the two sides sees the
 * other. [KVM hyperv.c for the same order]
 * A VP without a guest (the built-in parent) has no slots: its messages wait in the queue until it
 * takes them.
 */
#include "partitions/hv/synic.h"

#include <string.h>

#include "base/bytes.h"
#include "partitions/hv/hv.h"
#include "partitions/hv/port.h"
#include "partitions/hv/time.h"
#include "partitions/hv/trace.h"

static struct synic *synic_of(const struct vp *vp, unsigned vtl)
{
    return (struct synic *)(uintptr_t)&vp->vtl[vtl].synic;
}

static uint64_t synic_control(const struct synic *synic)
{
    return __atomic_load_n(&synic->control, __ATOMIC_RELAXED);
}

bool synic_takes_messages(const struct vp *vp, unsigned vtl)
{
    const struct synic *synic = synic_of(vp, vtl);

    return vp->is_sink ||
           ((synic_control(synic) & SYNIC_ENABLE) != 0 && (synic->simp_msr & SYNIC_ENABLE) != 0);
}

bool synic_takes_events(const struct vp *vp, unsigned vtl)
{
    const struct synic *synic = synic_of(vp, vtl);

    return vp->is_sink ||
           ((synic_control(synic) & SYNIC_ENABLE) != 0 && (synic->siefp_msr & SYNIC_ENABLE) != 0);
}

static void synic_interrupt(struct vp *vp, unsigned vtl, unsigned sint)
{
    uint64_t value = synic_of(vp, vtl)->sint[sint];
    struct hypervisor *hv = vp->partition->hv;

    if (vp->is_sink) {
        hv->ops->sink(vp, sint);
        return;
    }
    if ((value & (SINT_MASKED | SINT_POLLING)) != 0 || !hv->ops->apic_enabled(vp)) {
        return; /* lost: the message or flag itself is written */
    }
    HV_TRACE(hv, SINT_INTERRUPT, vp->partition->id, vp->index, sint, value & SINT_VECTOR,
             (value & SINT_AUTO_EOI) != 0);
    hv->ops->interrupt(vp, (unsigned)(value & SINT_VECTOR), (value & SINT_AUTO_EOI) != 0);
}

/* ---- queues ---- */

static void buffer_home(struct hv_message_buffer *buffer)
{
    buffer->queued_vp = NULL;
    buffer->next = NULL;
    if (buffer->port != NULL) {
        struct host_mutex *lock = &buffer->port->owner->hv->buffers_lock;

        host_mutex_lock(lock);
        buffer->next = buffer->port->free;
        buffer->port->free = buffer;
        host_mutex_unlock(lock);
    }
}

/* `first` is also looked at without a lock: does anything wait? */
static void queue_set_first(struct sint_queue *queue, struct hv_message_buffer *buffer)
{
    __atomic_store_n(&queue->first, buffer, __ATOMIC_RELEASE);
}

bool synic_waits(const struct vp *vp, unsigned vtl)
{
    for (unsigned sint = 0; sint < HV_SINTS; sint++) {
        if (__atomic_load_n(&synic_of(vp, vtl)->queue[sint].first, __ATOMIC_ACQUIRE) != NULL) {
            return true;
        }
    }
    return false;
}

static struct hv_message_buffer *queue_take(struct sint_queue *queue)
{
    struct hv_message_buffer *buffer = queue->first;

    queue_set_first(queue, buffer->next);
    if (queue->first == NULL) {
        queue->last = NULL;
    }
    return buffer;
}

void synic_unqueue(struct hv_message_buffer *buffer)
{
    struct sint_queue *queue =
        &synic_of(buffer->queued_vp, buffer->queued_vtl)->queue[buffer->queued_sint];
    struct hv_message_buffer **link = &queue->first, *before = NULL;

    while (*link != buffer) {
        before = *link;
        link = &before->next;
    }
    __atomic_store_n(link, buffer->next, __ATOMIC_RELEASE);
    if (queue->last == buffer) {
        queue->last = before;
    }
    buffer_home(buffer);
}

/* ---- delivery ---- */

static void slot_write(struct vp *vp, struct hv_message_buffer *buffer, spa_t slot, bool more)
{
    enum { TIMER_DELIVERY_TIME = 16 };
    struct ram *ram = vp->partition->hv->ram;
    struct hv_message *message = &buffer->message;
    uint8_t image[HV_MESSAGE_SIZE];

    if (buffer->timer != NULL) {
        le64_store(message->payload + TIMER_DELIVERY_TIME, hv_reference_time(vp->partition));
    }
    le32_store(image, 0);
    image[4] = message->payload_size;
    image[5] = more ? HV_MESSAGE_FLAG_PENDING : 0;
    le16_store(image + 6, 0);
    le64_store(image + 8, message->origin);
    memcpy(image + 16, message->payload, sizeof(message->payload));
    ram_write(ram, slot, image, sizeof(image));
    __atomic_thread_fence(__ATOMIC_RELEASE);
    ram_store32(ram_host(ram, slot), message->type);
}

/* Is the slot free? If not, the guest is told that more waits. */
static bool slot_free(struct ram *ram, spa_t slot)
{
    uint8_t *host = ram_host(ram, slot);

    if (ram_load32(host) == HV_MESSAGE_NONE) {
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        return true;
    }
    __atomic_or_fetch(host + 5, HV_MESSAGE_FLAG_PENDING, __ATOMIC_SEQ_CST);
    return ram_load32(host) == HV_MESSAGE_NONE;
}

void synic_scan_locked(struct vp *vp, unsigned vtl, unsigned sint)
{
    struct hypervisor *hv = vp->partition->hv;
    struct synic *synic = synic_of(vp, vtl);
    struct sint_queue *queue = &synic->queue[sint];
    spa_t slot = synic->simp.spa + sint * HV_MESSAGE_SIZE;
    struct hv_message_buffer *buffer;

    if (queue->first == NULL || !synic_takes_messages(vp, vtl)) {
        return;
    }
    if (vp->is_sink) {
        synic_interrupt(vp, vtl, sint);
        return;
    }
    if (!slot_free(hv->ram, slot)) {
        return;
    }
    buffer = queue_take(queue);
    slot_write(vp, buffer, slot, queue->first != NULL);
    HV_TRACE(hv, MESSAGE_DELIVERED, vp->partition->id, vp->index, sint, buffer->message.type,
             queue->first != NULL);
    buffer_home(buffer);
    synic_interrupt(vp, vtl, sint);
}

void synic_scan_all_locked(struct vp *vp, unsigned vtl)
{
    for (unsigned sint = 0; sint < HV_SINTS; sint++) {
        synic_scan_locked(vp, vtl, sint);
    }
}

void synic_post_locked(struct vp *vp, unsigned vtl, unsigned sint, struct hv_message_buffer *buffer)
{
    struct sint_queue *queue = &synic_of(vp, vtl)->queue[sint];

    buffer->queued_vp = vp;
    buffer->queued_vtl = (uint8_t)vtl;
    buffer->queued_sint = (uint8_t)sint;
    buffer->next = NULL;
    if (queue->last != NULL) {
        queue->last->next = buffer;
    } else {
        queue_set_first(queue, buffer);
    }
    queue->last = buffer;
    HV_TRACE(vp->partition->hv, MESSAGE_POSTED, vp->partition->id, vp->index, sint,
             buffer->message.type, buffer->message.payload_size);
    synic_scan_locked(vp, vtl, sint);
}

void synic_post(struct vp *vp, unsigned vtl, unsigned sint, struct hv_message_buffer *buffer)
{
    host_mutex_lock(&vp->synic_lock);
    synic_post_locked(vp, vtl, sint, buffer);
    host_mutex_unlock(&vp->synic_lock);
}

static hv_status_t synic_signal_locked(struct vp *vp, unsigned vtl, unsigned sint, unsigned flag)
{
    struct synic *synic = synic_of(vp, vtl);
    struct hypervisor *hv = vp->partition->hv;
    spa_t byte = synic->siefp.spa + sint * (HV_EVENT_FLAGS_PER_SINT / 8) + flag / 8;
    uint8_t bit = (uint8_t)(1u << flag % 8), old;

    if (!synic_takes_events(vp, vtl) || (!vp->is_sink && (synic->sint[sint] & SINT_MASKED) != 0)) {
        return HV_STATUS_INVALID_SYNIC_STATE;
    }
    ram_page_set(hv->ram, byte, RAM_PAGE_DIRTY);
    old = __atomic_fetch_or(ram_host(hv->ram, byte), bit, __ATOMIC_SEQ_CST);
    HV_TRACE(hv, EVENT_SIGNALED, vp->partition->id, vp->index, sint, flag, (old & bit) != 0);
    if ((old & bit) == 0) {
        synic_interrupt(vp, vtl, sint);
    }
    return HV_STATUS_SUCCESS;
}

hv_status_t synic_signal(struct vp *vp, unsigned vtl, unsigned sint, unsigned flag)
{
    host_mutex_lock(&vp->synic_lock);
    hv_status_t status = synic_signal_locked(vp, vtl, sint, flag);
    host_mutex_unlock(&vp->synic_lock);
    return status;
}

/* ---- reset, EOI, the built-in parent's side ---- */

void synic_reset(struct vp *vp, unsigned vtl)
{
    struct hypervisor *hv = vp->partition->hv;
    struct synic *synic = synic_of(vp, vtl);
    bool root = partition_is_root(vp->partition);

    synic->control = 0;
    overlay_unmap(&synic->siefp, &vp->partition->space);
    overlay_unmap(&synic->simp, &vp->partition->space);
    synic->siefp_msr = root ? overlay_root_gpfn(&synic->siefp, hv) << PAGE_SHIFT : 0;
    synic->simp_msr = root ? overlay_root_gpfn(&synic->simp, hv) << PAGE_SHIFT : 0;
    ram_zero(hv->ram, synic->siefp.spa, PAGE_SIZE);
    ram_zero(hv->ram, synic->simp.spa, PAGE_SIZE);
    for (unsigned sint = 0; sint < HV_SINTS; sint++) {
        synic->sint[sint] = SINT_RESET;
        while (synic->queue[sint].first != NULL) {
            buffer_home(queue_take(&synic->queue[sint]));
        }
    }
}

void hv_eoi_notify(struct vp *vp, unsigned vector)
{
    struct hypervisor *hv = vp->partition->hv;

    if (!synic_waits(vp, 0) && !synic_waits(vp, 1)) {
        return;
    }
    host_rwlock_read(&hv->lock);
    host_mutex_lock(&vp->synic_lock);
    for (unsigned vtl = 0; vtl < HV_VTLS; vtl++) {
        for (unsigned sint = 0; sint < HV_SINTS; sint++) {
            uint64_t value = synic_of(vp, vtl)->sint[sint];

            if ((value & SINT_MASKED) == 0 && (value & SINT_VECTOR) == vector) {
                synic_scan_locked(vp, vtl, sint);
            }
        }
    }
    host_mutex_unlock(&vp->synic_lock);
    host_rwlock_unlock(&hv->lock);
}

bool hv_sink_message_take(struct vp *vp, unsigned sint, struct hv_message *message)
{
    struct hypervisor *hv = vp->partition->hv;
    struct sint_queue *queue = &synic_of(vp, 0)->queue[sint];
    bool taken;

    host_rwlock_read(&hv->lock);
    host_mutex_lock(&vp->synic_lock);
    taken = vp->is_sink && queue->first != NULL;
    if (taken) {
        struct hv_message_buffer *buffer = queue_take(queue);

        *message = buffer->message;
        HV_TRACE(hv, MESSAGE_DELIVERED, vp->partition->id, vp->index, sint, message->type,
                 queue->first != NULL);
        buffer_home(buffer);
    }
    host_mutex_unlock(&vp->synic_lock);
    host_rwlock_unlock(&hv->lock);
    return taken;
}

bool hv_sink_event_take(struct vp *vp, unsigned sint, unsigned *flag)
{
    struct hypervisor *hv = vp->partition->hv;
    spa_t flags = synic_of(vp, 0)->siefp.spa + sint * (HV_EVENT_FLAGS_PER_SINT / 8);

    for (unsigned i = 0; vp->is_sink && i < HV_EVENT_FLAGS_PER_SINT / 8; i++) {
        uint8_t *byte = ram_host(hv->ram, flags + i);
        uint8_t set = ram_load8(byte);

        if (set != 0) {
            unsigned bit = (unsigned)__builtin_ctz(set);

            __atomic_fetch_and(byte, (uint8_t) ~(1u << bit), __ATOMIC_SEQ_CST);
            *flag = i * 8 + bit;
            return true;
        }
    }
    return false;
}
