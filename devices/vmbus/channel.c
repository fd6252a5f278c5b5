/* Channels: packets through the rings, signals, back pressure; the device around them. [LINUX
 * drivers/hv/ring_buffer.c hv_signal_on_write, hv_pkt_iter_close] */
/*
 * Signals. Who writes a ring interrupts the reader when the ring was empty and its interrupt mask is 0. Who reads a ring
 * interrupts the writer when the read made more room than the writer's pending send size, and there was not so much before. Each
 * side publishes its index, then a full barrier, then looks at what the other published.
 */
#include "devices/vmbus/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/devices_trace.h"

/* What a run takes at most: others come first then. (With the virtual clock no time passes meanwhile.) */
enum { PACKETS_A_RUN = 256, RUN_NS = 500000, WAITING_FIRST = 4096 };

static void signal_guest(struct vmbus_channel *channel)
{
    channel->counters.signals_out++;
    channel->device->host->signal(channel->device->host_opaque, channel);
}

static void ask_host(struct vmbus_device *dev)
{
    if (dev->host != NULL) {
        dev->host->wanted(dev->host_opaque, dev);
    }
}

void vmbus_channel_break(struct vmbus_channel *channel, const char *why, uint64_t value)
{
    if (!channel->broken) {
        DEVICE_TRACE(&channel->device->device, VMBUS_BROKEN, channel->relid,
                     (uint64_t)(uintptr_t)why, value);
    }
    channel->broken = true;
}

static bool moves(const struct vmbus_channel *channel)
{
    return channel->open && !channel->broken;
}

/* ---- to the guest ---- */

/* Put one packet, its trailer made here. False: no room (or broken). */
static bool put(struct vmbus_channel *channel, const uint8_t *packet, uint32_t n)
{
    struct vmbus_ring *ring = &channel->out;
    uint32_t old = ring->index, total = n + VMBUS_PACKET_TRAILER, read;
    uint8_t trailer[VMBUS_PACKET_TRAILER];

    if (!vmbus_ring_guest_index(ring, VMBUS_RING_READ_INDEX, &read)) {
        vmbus_channel_break(channel, "read index", read);
        return false;
    }
    if (ring->size - vmbus_ring_used(ring, old, read) <= total) {
        return false;
    }
    le64_store(trailer, (uint64_t)old << 32);
    vmbus_ring_write(ring, old, packet, n);
    vmbus_ring_write(ring, vmbus_ring_after(ring, old, n), trailer, sizeof(trailer));
    ring->index = vmbus_ring_after(ring, old, total);
    vmbus_ring_control_set(ring, VMBUS_RING_WRITE_INDEX, ring->index);
    channel->counters.packets_out++;
    channel->counters.bytes_out += total;
    if (vmbus_ring_control(ring, VMBUS_RING_INTERRUPT_MASK) == 0 &&
        vmbus_ring_control(ring, VMBUS_RING_READ_INDEX) == old) {
        signal_guest(channel);
    }
    return true;
}

/* The same, or ask the guest to tell when there is room, and look once more. */
static bool put_or_ask(struct vmbus_channel *channel, const uint8_t *packet, uint32_t n)
{
    if (put(channel, packet, n)) {
        return true;
    }
    if (channel->broken) {
        return false;
    }
    vmbus_ring_control_set(&channel->out, VMBUS_RING_PENDING_SEND, n + VMBUS_PACKET_TRAILER);
    return put(channel, packet, n);
}

static uint32_t packet_length(const uint8_t *packet)
{
    return le16_load(packet + 4) * 8u;
}

/* What waits, in order, as far as it goes. */
static void flush(struct vmbus_channel *channel)
{
    uint32_t done = 0;

    while (done < channel->n_waiting) {
        uint32_t n = packet_length(channel->waiting + done);
        if (!put_or_ask(channel, channel->waiting + done, n)) {
            break;
        }
        done += n;
    }
    if (done > 0) {
        channel->n_waiting -= done;
        memmove(channel->waiting, channel->waiting + done, channel->n_waiting);
    }
    if (channel->n_waiting == 0 && channel->congested) {
        channel->congested = false;
        vmbus_ring_control_set(&channel->out, VMBUS_RING_PENDING_SEND, 0);
    }
}

static int let_wait(struct vmbus_channel *channel, const uint8_t *packet, uint32_t n)
{
    if (channel->n_waiting + n > VMBUS_WAITING_MAX) {
        return -ENOBUFS;
    }
    if (channel->n_waiting + n > channel->waiting_room) {
        uint32_t room = channel->waiting_room != 0 ? channel->waiting_room : WAITING_FIRST;
        while (room < channel->n_waiting + n) {
            room *= 2;
        }
        uint8_t *more = realloc(channel->waiting, room);
        if (more == NULL) {
            return -ENOBUFS;
        }
        channel->waiting = more;
        channel->waiting_room = room;
    }
    memcpy(channel->waiting + channel->n_waiting, packet, n);
    channel->n_waiting += n;
    channel->counters.full++;
    if (!channel->congested) {
        channel->congested = true;
        ask_host(channel->device); /* for guests that ignore the pending send size */
    }
    return 0;
}

static int send(struct vmbus_channel *channel, enum vmbus_packet_type type, unsigned flags,
                const uint8_t *header, uint32_t n_header, const void *payload, uint32_t n,
                uint64_t transaction)
{
    uint8_t small[512], *packet = small;
    uint32_t offset = VMBUS_PACKET_DESCRIPTOR + n_header, padded, total;
    int status = 0;

    if (!moves(channel)) {
        return -ENOTCONN;
    }
    if (n > VMBUS_PACKET_BYTES_MAX) {
        return -EMSGSIZE;
    }
    padded = (n + 7) & ~UINT32_C(7);
    total = offset + padded;
    if (total > VMBUS_PACKET_BYTES_MAX || total + VMBUS_PACKET_TRAILER >= channel->out.size) {
        return -EMSGSIZE;
    }
    if (total > sizeof(small)) {
        packet = malloc(total);
        if (packet == NULL) {
            return -ENOBUFS;
        }
    }
    le16_store(packet, (uint16_t)type);
    le16_store(packet + 2, (uint16_t)(offset / 8));
    le16_store(packet + 4, (uint16_t)(total / 8));
    le16_store(packet + 6, (uint16_t)flags);
    le64_store(packet + 8, transaction);
    if (n_header > 0) {
        memcpy(packet + VMBUS_PACKET_DESCRIPTOR, header, n_header);
    }
    if (n > 0) {
        memcpy(packet + offset, payload, n);
    }
    memset(packet + offset + n, 0, padded - n);
    if (channel->n_waiting > 0 || !put_or_ask(channel, packet, total)) {
        status = channel->broken ? -ENOTCONN : let_wait(channel, packet, total);
    }
    if (packet != small) {
        free(packet);
    }
    return status;
}

int vmbus_channel_send(struct vmbus_channel *channel, const void *payload, uint32_t n,
                       uint64_t transaction, bool wants_completion)
{
    return send(channel, VMBUS_PACKET_INBAND, wants_completion ? VMBUS_PACKET_FLAG_COMPLETE : 0,
                NULL, 0, payload, n, transaction);
}

int vmbus_channel_complete(struct vmbus_channel *channel, uint64_t transaction, const void *payload,
                           uint32_t n)
{
    return send(channel, VMBUS_PACKET_COMPLETION, 0, NULL, 0, payload, n, transaction);
}

/* The header: u16 page set id, u8 sender owns the set, u8 0, u32 number of ranges, the ranges. */
int vmbus_channel_send_transfer(struct vmbus_channel *channel, uint16_t page_set,
                                const struct vmbus_transfer_range *ranges, uint32_t n_ranges,
                                const void *payload, uint32_t n, uint64_t transaction)
{
    uint8_t header[8 + 8 * VMBUS_TRANSFER_RANGES_MAX] = { 0 };

    if (n_ranges > VMBUS_TRANSFER_RANGES_MAX) {
        return -EMSGSIZE;
    }
    le16_store(header, page_set);
    le32_store(header + 4, n_ranges);
    for (uint32_t i = 0; i < n_ranges; i++) {
        le32_store(header + 8 + 8 * i, ranges[i].length);
        le32_store(header + 12 + 8 * i, ranges[i].offset);
    }
    return send(channel, VMBUS_PACKET_TRANSFER_PAGES, VMBUS_PACKET_FLAG_COMPLETE, header,
                8 + 8 * n_ranges, payload, n, transaction);
}

bool vmbus_channel_congested(const struct vmbus_channel *channel)
{
    return channel->n_waiting > 0;
}

/* ---- from the guest ---- */

static bool type_known(unsigned type)
{
    static const bool taken_types[] = {
#define X(number, name, taken, sent) [number] = taken,
        VMBUS_PACKETS(X)
#undef X
    };

    return type < ARRAY_SIZE(taken_types) && taken_types[type];
}

/* Copy the next packet into the scratch and check it. False: none, or broken. */
static bool get(struct vmbus_channel *channel, struct vmbus_packet *packet, uint32_t *taken)
{
    const struct vmbus_ring *ring = &channel->in;
    uint8_t *bytes = channel->scratch;
    uint32_t write, used, length, offset;

    if (!vmbus_ring_guest_index(ring, VMBUS_RING_WRITE_INDEX, &write)) {
        vmbus_channel_break(channel, "write index", write);
        return false;
    }
    used = vmbus_ring_used(ring, write, ring->index);
    if (used == 0) {
        return false;
    }
    if (used < VMBUS_PACKET_DESCRIPTOR + VMBUS_PACKET_TRAILER) {
        vmbus_channel_break(channel, "less than a packet", used);
        return false;
    }
    vmbus_ring_read(ring, ring->index, bytes, VMBUS_PACKET_DESCRIPTOR);
    offset = le16_load(bytes + 2) * 8u;
    length = packet_length(bytes);
    if (offset < VMBUS_PACKET_DESCRIPTOR || offset > length ||
        length > used - VMBUS_PACKET_TRAILER || length > VMBUS_PACKET_BYTES_MAX ||
        !type_known(le16_load(bytes))) {
        vmbus_channel_break(channel, "packet descriptor", le64_load(bytes));
        return false;
    }
    vmbus_ring_read(ring, vmbus_ring_after(ring, ring->index, VMBUS_PACKET_DESCRIPTOR),
                    bytes + VMBUS_PACKET_DESCRIPTOR, length - VMBUS_PACKET_DESCRIPTOR);
    *taken = length + VMBUS_PACKET_TRAILER;
    *packet = (struct vmbus_packet){
        .type = (enum vmbus_packet_type)le16_load(bytes),
        .wants_completion = (le16_load(bytes + 6) & VMBUS_PACKET_FLAG_COMPLETE) != 0,
        .transaction = le64_load(bytes + 8),
        .header = bytes + VMBUS_PACKET_DESCRIPTOR,
        .header_bytes = offset - VMBUS_PACKET_DESCRIPTOR,
        .payload = bytes + offset,
        .payload_bytes = length - offset,
    };
    return true;
}

/* The packet is done with: its room is the guest's again. */
static void advance(struct vmbus_channel *channel, uint32_t taken)
{
    struct vmbus_ring *ring = &channel->in;
    uint32_t pending, write, free_now;

    ring->index = vmbus_ring_after(ring, ring->index, taken);
    vmbus_ring_control_set(ring, VMBUS_RING_READ_INDEX, ring->index);
    channel->counters.packets_in++;
    channel->counters.bytes_in += taken;
    pending = vmbus_ring_control(ring, VMBUS_RING_PENDING_SEND);
    if (pending == 0 || !vmbus_ring_guest_index(ring, VMBUS_RING_WRITE_INDEX, &write)) {
        return;
    }
    free_now = ring->size - vmbus_ring_used(ring, write, ring->index);
    if (free_now > pending && (free_now < taken || free_now - taken <= pending)) {
        signal_guest(channel);
    }
}

static bool readable(const struct vmbus_channel *channel)
{
    return moves(channel) && !channel->paused && channel->n_waiting == 0;
}

/* Up to *budget packets, until the clock's until_ns. True: the ring is empty. */
static bool take(struct vmbus_channel *channel, unsigned *budget, uint64_t until_ns)
{
    struct vmbus_device *dev = channel->device;
    struct vmbus_packet packet;
    uint32_t taken;

    while (readable(channel) && *budget > 0) {
        if (!get(channel, &packet, &taken)) {
            return !channel->broken;
        }
        if (dev->ops->packet(dev, channel, &packet) == VMBUS_LATER) {
            channel->paused = true;
            return false;
        }
        if (!moves(channel)) {
            return false;
        }
        advance(channel, taken);
        *budget = clock_now_ns(dev->clock) < until_ns ? *budget - 1 : 0;
    }
    return false;
}

void vmbus_channel_run(struct vmbus_channel *channel)
{
    unsigned budget = PACKETS_A_RUN;
    bool was_congested = channel->congested;
    uint32_t write;
    uint64_t until_ns = clock_now_ns(channel->device->clock) + RUN_NS;

    channel->wanted = false;
    if (!moves(channel)) {
        return;
    }
    channel->counters.signals_in++;
    flush(channel);
    if (was_congested && !channel->congested && channel->device->ops->writable != NULL) {
        channel->device->ops->writable(channel->device, channel);
    }
    while (readable(channel)) {
        vmbus_ring_control_set(&channel->in, VMBUS_RING_INTERRUPT_MASK, 1);
        if (!take(channel, &budget, until_ns)) {
            break;
        }
        vmbus_ring_control_set(&channel->in, VMBUS_RING_INTERRUPT_MASK, 0);
        if (!vmbus_ring_guest_index(&channel->in, VMBUS_RING_WRITE_INDEX, &write) ||
            write == channel->in.index) {
            break;
        }
    }
    if (readable(channel) && budget == 0) {
        vmbus_channel_resume(channel); /* others first */
    }
}

void vmbus_channel_resume(struct vmbus_channel *channel)
{
    channel->paused = false;
    channel->wanted = true;
    ask_host(channel->device);
}

/* ---- open and close ---- */

static void rings_close(struct vmbus_channel *channel)
{
    vmbus_ring_close(&channel->in);
    vmbus_ring_close(&channel->out);
    free(channel->scratch);
    channel->scratch = NULL;
}

/* As before it was opened. */
static void clear(struct vmbus_channel *channel)
{
    rings_close(channel);
    free(channel->waiting);
    channel->waiting = NULL;
    channel->n_waiting = channel->waiting_room = 0;
    channel->open = false;
    channel->broken = channel->paused = channel->congested = channel->wanted = false;
}

static int rings_open(struct vmbus_channel *channel, const struct vmbus_gpadl *gpadl)
{
    const struct vmbus_memory *memory = channel->device->memory;
    uint32_t pages = gpadl->buffer.length >> PAGE_SHIFT, split = channel->ring_offset;
    int status;

    if (split >= pages) {
        return -EINVAL;
    }
    channel->scratch = malloc(VMBUS_PACKET_BYTES_MAX);
    status = channel->scratch == NULL ? -ENOMEM
                                      : vmbus_ring_open(&channel->in, memory, &gpadl->buffer, 0,
                                                        split, VMBUS_RING_READ_INDEX);
    if (status == 0) {
        status = vmbus_ring_open(&channel->out, memory, &gpadl->buffer, split, pages - split,
                                 VMBUS_RING_WRITE_INDEX);
    }
    if (status != 0) {
        rings_close(channel);
    }
    return status;
}

int vmbus_channel_open(struct vmbus_channel *channel, struct vmbus_gpadl *gpadl)
{
    struct vmbus_device *dev = channel->device;
    int status = rings_open(channel, gpadl);

    if (status != 0) {
        return status;
    }
    channel->open = true;
    channel->broken = channel->paused = channel->congested = channel->wanted = false;
    status = dev->ops->open(dev, channel);
    if (status != 0) {
        clear(channel);
        return status;
    }
    gpadl->rings++;
    DEVICE_TRACE(&dev->device, VMBUS_OPEN, channel->relid, channel->index, channel->target_vp,
                 channel->in.size, channel->out.size);
    return 0;
}

int vmbus_channel_restore(struct vmbus_channel *channel, struct vmbus_gpadl *gpadl,
                          uint32_t in_index, uint32_t out_index)
{
    int status = rings_open(channel, gpadl);

    if (status == 0 && (in_index >= channel->in.size || in_index % 8 != 0 ||
                        out_index >= channel->out.size || out_index % 8 != 0)) {
        rings_close(channel);
        status = -EINVAL;
    }
    if (status == 0) {
        channel->in.index = in_index;
        channel->out.index = out_index;
        channel->open = true;
        gpadl->rings++;
    }
    return status;
}

bool vmbus_channel_waiting_is_whole(const struct vmbus_channel *channel)
{
    uint32_t at = 0;

    while (channel->n_waiting - at >= VMBUS_PACKET_DESCRIPTOR) {
        uint32_t n = packet_length(channel->waiting + at);
        if (n < VMBUS_PACKET_DESCRIPTOR || n > channel->n_waiting - at ||
            n + VMBUS_PACKET_TRAILER >= channel->out.size) {
            return false;
        }
        at += n;
    }
    return at == channel->n_waiting;
}

void vmbus_channel_close(struct vmbus_channel *channel)
{
    struct vmbus_device *dev = channel->device;
    struct vmbus_gpadl *gpadl;

    if (!channel->open) {
        return;
    }
    DEVICE_TRACE(&dev->device, VMBUS_CLOSE, channel->relid, channel->index);
    dev->ops->close(dev, channel);
    channel->open = false;
    gpadl = vmbus_device_gpadl(dev, channel->ring_gpadl);
    if (gpadl != NULL) {
        gpadl->rings--;
    }
    clear(channel);
}

/* ---- devices ---- */

int vmbus_device_grow(struct vmbus_device *dev)
{
    struct vmbus_channel *channel;

    if (dev->n_channels == VMBUS_CHANNELS) {
        return -ENOSPC;
    }
    channel = calloc(1, sizeof(*channel));
    if (channel == NULL) {
        return -ENOMEM;
    }
    channel->device = dev;
    channel->index = dev->n_channels;
    dev->channel[dev->n_channels++] = channel;
    return 0;
}

int vmbus_device_init(struct vmbus_device *dev, const struct device_type *type,
                      const struct vmbus_device_ops *ops, const struct vmbus_offer *offer,
                      struct clock *clock, struct trace *trace, uint32_t partition)
{
    device_init(&dev->device, type, trace, partition);
    dev->ops = ops;
    dev->offer = *offer;
    dev->clock = clock;
    dev->wanted_channels = 1;
    int status = vmbus_device_grow(dev);
    if (status != 0) {
        host_mutex_fini(&dev->device.lock);
        dev->device.type = NULL;
    }
    return status;
}

void vmbus_device_fini(struct vmbus_device *dev)
{
    for (unsigned i = 0; i < dev->n_channels; i++) {
        free(dev->channel[i]);
    }
    dev->n_channels = 0;
    device_fini(&dev->device);
}

bool vmbus_device_offer_subchannels(struct vmbus_device *dev, unsigned n)
{
    if (n > VMBUS_CHANNELS - 1) {
        return false;
    }
    if (n + 1 > dev->wanted_channels) {
        dev->wanted_channels = n + 1;
        ask_host(dev);
    }
    return true;
}

void vmbus_device_rescind(struct vmbus_device *dev)
{
    dev->wanted_rescind = true;
    ask_host(dev);
}

struct vmbus_gpadl *vmbus_device_gpadl(struct vmbus_device *dev, uint32_t id)
{
    struct vmbus_gpadl *gpadl = dev->gpadls;

    while (gpadl != NULL && gpadl->id != id) {
        gpadl = gpadl->next;
    }
    return gpadl;
}
