/* A VMBus server under test, and the guest's side of it. [LINUX drivers/hv] */
#include "tests/support/vmbus_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/devices_trace.h"
#include "partitions/machine_trace.h"

/* ---- the wire ---- */

static int wire_contact(void *opaque, uint32_t vp, unsigned sint)
{
    struct vmbus_rig *rig = opaque;

    rig->contacted = vp < RIG_VPS;
    rig->contact_vp = vp;
    rig->contact_sint = sint;
    return rig->contacted ? 0 : -EINVAL;
}

static void wire_hang_up(void *opaque)
{
    ((struct vmbus_rig *)opaque)->contacted = false;
}

static int wire_post(void *opaque, const uint8_t *message, size_t n)
{
    struct vmbus_rig *rig = opaque;

    if (rig->taken == rig->n_out) {
        rig->taken = rig->n_out = 0;
    }
    if (rig->post_status != 0 || !rig->contacted || rig->n_out == RIG_OUT) {
        return rig->post_status != 0 ? rig->post_status : -ENOTCONN;
    }
    rig->out[rig->n_out].n = n;
    memcpy(rig->out[rig->n_out++].bytes, message, n);
    return 0;
}

static int wire_listen(void *opaque, uint32_t relid)
{
    struct vmbus_rig *rig = opaque;

    if (rig->n_listens == rig->listen_limit || rig->listens[relid]) {
        return -ENOSPC;
    }
    rig->n_listens++;
    rig->listens[relid] = true;
    return 0;
}

static void wire_unlisten(void *opaque, uint32_t relid)
{
    struct vmbus_rig *rig = opaque;

    rig->n_listens -= rig->listens[relid];
    rig->listens[relid] = false;
}

static int wire_attach(void *opaque, uint32_t relid, uint32_t vp, unsigned sint)
{
    struct vmbus_rig *rig = opaque;

    (void)sint;
    if (vp >= RIG_VPS || rig->attached[relid]) {
        return -EINVAL;
    }
    rig->attached[relid] = true;
    rig->attached_vp[relid] = vp;
    return 0;
}

static void wire_detach(void *opaque, uint32_t relid)
{
    ((struct vmbus_rig *)opaque)->attached[relid] = false;
}

static void wire_signal(void *opaque, uint32_t relid)
{
    struct vmbus_rig *rig = opaque;

    rig->signals[relid] += rig->attached[relid];
}

static void wire_wake(void *opaque)
{
    ((struct vmbus_rig *)opaque)->wakes++;
}

static void wire_gone(void *opaque, struct vmbus_device *dev)
{
    (void)dev;
    ((struct vmbus_rig *)opaque)->gone++;
}

static const struct vmbus_wire_ops wire_ops = {
    .contact = wire_contact,
    .hang_up = wire_hang_up,
    .post = wire_post,
    .listen = wire_listen,
    .unlisten = wire_unlisten,
    .attach = wire_attach,
    .detach = wire_detach,
    .signal = wire_signal,
    .wake = wire_wake,
    .gone = wire_gone,
};

/* ---- the device ---- */

static int device_open(struct vmbus_device *dev, struct vmbus_channel *channel)
{
    struct rig_device *device = (struct rig_device *)dev;

    for (unsigned i = 0; i < device->sent_at_open; i++) {
        static const uint8_t packet[1024];
        (void)vmbus_channel_send(channel, packet, sizeof(packet), i, false);
    }
    device->opened += device->open_status == 0;
    return device->open_status;
}

static void device_close(struct vmbus_device *dev, struct vmbus_channel *channel)
{
    (void)channel;
    ((struct rig_device *)dev)->closed++;
}

static enum vmbus_taken device_packet(struct vmbus_device *dev, struct vmbus_channel *channel,
                                      const struct vmbus_packet *packet)
{
    struct rig_device *device = (struct rig_device *)dev;
    uint32_t n = packet->payload_bytes < sizeof(device->last_payload)
                     ? packet->payload_bytes
                     : (uint32_t)sizeof(device->last_payload);

    if (device->taken == VMBUS_LATER) {
        return VMBUS_LATER;
    }
    device->packets++;
    device->last = *packet;
    memcpy(device->last_payload, packet->payload, n);
    if (device->echo && packet->wants_completion) {
        (void)vmbus_channel_complete(channel, packet->transaction, packet->payload,
                                     packet->payload_bytes);
    } else if (device->echo) {
        (void)vmbus_channel_send(channel, packet->payload, packet->payload_bytes, 0, false);
    }
    return VMBUS_TAKEN;
}

static void device_writable(struct vmbus_device *dev, struct vmbus_channel *channel)
{
    (void)channel;
    ((struct rig_device *)dev)->writable++;
}

static void device_gpadl_gone(struct vmbus_device *dev, uint32_t gpadl)
{
    (void)gpadl;
    ((struct rig_device *)dev)->gpadls_gone++;
}

static void device_was_reset(struct device *dev)
{
    ((struct rig_device *)dev)->resets++;
}

static const struct vmbus_device_ops device_ops = {
    .open = device_open,
    .close = device_close,
    .packet = device_packet,
    .writable = device_writable,
    .gpadl_gone = device_gpadl_gone,
};
static const struct device_type device_type = { .name = "rig",
                                                .size = sizeof(struct rig_device),
                                                .reset = device_was_reset };

void rig_device_init(struct vmbus_rig *rig, struct rig_device *device, uint8_t instance)
{
    struct vmbus_offer offer = {
        .type = VMBUS_GUID(0x01234567, 0x89ab, 0xcdef, 0x0123, 0x456789abcdef),
        .instance = VMBUS_GUID(0xfedcba98, 0x7654, 0x3210, 0xfedc, 0xba9876543200),
        .flags = VMBUS_OFFER_ENUMERATE,
        .mmio_megabytes = 8,
        .user_defined = "user",
    };

    offer.instance.bytes[15] = instance;
    if (vmbus_device_init(&device->vmbus, &device_type, &device_ops, &offer, &rig->clock,
                          &rig->trace, 1) != 0) {
        abort();
    }
}

/* ---- life ---- */

static bool memory_page(void *opaque, uint64_t gpfn, unsigned rights, spa_t *spa)
{
    (void)opaque, (void)rights;
    *spa = gpfn << PAGE_SHIFT;
    return gpfn < RIG_PAGES && gpfn != RIG_HOLE;
}

/* Everything but the memory. */
static void rig_begin(struct vmbus_rig *rig)
{
    clock_init(&rig->clock, CLOCK_MODE_VIRTUAL);
    trace_init(&rig->trace, &rig->clock, NULL);
    devices_trace_register(&rig->trace);
    rig->listen_limit = VMBUS_RELIDS;
    const struct vmbus_memory memory = { .ram = &rig->ram, .page = memory_page, .opaque = rig };
    vmbus_server_init(&rig->server, &wire_ops, rig, &memory, &rig->trace, 1);
    rig_device_init(rig, &rig->device, 1);
    rig_device_init(rig, &rig->second, 2);
    vmbus_server_add(&rig->server, &rig->device.vmbus);
}

static void rig_end(struct vmbus_rig *rig)
{
    vmbus_server_fini(&rig->server);
    vmbus_device_fini(&rig->device.vmbus);
    vmbus_device_fini(&rig->second.vmbus);
    clock_fini(&rig->clock);
}

struct vmbus_rig *vmbus_rig_create(void)
{
    struct vmbus_rig *rig = calloc(1, sizeof(*rig));

    if (rig == NULL ||
        ram_init(&rig->ram, (uint64_t)RIG_PAGES << PAGE_SHIFT, &(struct error){ "" }) != 0) {
        abort();
    }
    rig_begin(rig);
    return rig;
}

void vmbus_rig_again(struct vmbus_rig *rig)
{
    struct ram ram = rig->ram;

    rig_end(rig);
    memset(ram_host(&ram, 0), 0, (size_t)RIG_FIRST_PAGES << PAGE_SHIFT);
    memset(rig, 0, sizeof(*rig));
    rig->ram = ram;
    rig_begin(rig);
}

void vmbus_rig_destroy(struct vmbus_rig *rig)
{
    rig_end(rig);
    ram_fini(&rig->ram);
    free(rig);
}

/* ---- messages ---- */

void rig_send(struct vmbus_rig *rig, enum vmbus_message number, void *message, size_t n)
{
    le32_store(message, (uint32_t)number);
    le32_store((uint8_t *)message + 4, 0);
    vmbus_server_message(&rig->server, message, n);
}

const struct rig_message *rig_next(struct vmbus_rig *rig)
{
    if (rig->taken == rig->n_out) {
        rig->taken = rig->n_out = 0;
        return NULL;
    }
    return &rig->out[rig->taken++];
}

const uint8_t *rig_expect(struct vmbus_rig *rig, enum vmbus_message number)
{
    const struct rig_message *message = rig_next(rig);

    return message != NULL && le32_load(message->bytes) == (uint32_t)number ? message->bytes : NULL;
}

bool rig_contact(struct vmbus_rig *rig, uint32_t version)
{
    uint8_t message[40] = { 0 };

    le32_store(message + CONTACT_VERSION, version);
    message[CONTACT_SINT] = VMBUS_SINT;
    rig_send(rig, VMBUS_MESSAGE_INITIATE_CONTACT, message, sizeof(message));
    const uint8_t *answer = rig_expect(rig, VMBUS_MESSAGE_VERSION_RESPONSE);
    return answer != NULL && answer[VERSION_SUPPORTED] == 1;
}

uint32_t rig_connect(struct vmbus_rig *rig)
{
    uint8_t message[8];

    if (!rig_contact(rig, VMBUS_VERSION_5_3)) {
        return 0;
    }
    rig_send(rig, VMBUS_MESSAGE_REQUEST_OFFERS, message, sizeof(message));
    const uint8_t *offer = rig_expect(rig, VMBUS_MESSAGE_OFFER_CHANNEL);
    uint32_t relid = offer != NULL ? le32_load(offer + OFFER_RELID) : 0;
    return rig_expect(rig, VMBUS_MESSAGE_ALL_OFFERS_DELIVERED) != NULL ? relid : 0;
}

uint32_t rig_gpadl(struct vmbus_rig *rig, uint32_t relid, uint32_t id, uint64_t gpfn, unsigned n)
{
    enum { IN_HEADER = 26, IN_BODY = 28 };
    uint8_t message[VMBUS_MESSAGE_MAX] = { 0 };
    unsigned take = n < IN_HEADER ? n : IN_HEADER;

    le32_store(message + GPADL_RELID, relid);
    le32_store(message + GPADL_ID, id);
    le16_store(message + GPADL_RANGE_BYTES, (uint16_t)(8 + 8 * n));
    le16_store(message + GPADL_RANGES, 1);
    le32_store(message + GPADL_RANGE, (uint32_t)(n * PAGE_SIZE));
    le32_store(message + GPADL_RANGE + 4, 0);
    for (unsigned i = 0; i < take; i++, gpfn++) {
        le64_store(message + 28 + 8 * i, gpfn);
    }
    rig_send(rig, VMBUS_MESSAGE_GPADL_HEADER, message, 28 + 8 * take);
    for (n -= take; n > 0; n -= take) {
        take = n < IN_BODY ? n : IN_BODY;
        memset(message, 0, sizeof(message));
        le32_store(message + GPADL_BODY_ID, id);
        for (unsigned i = 0; i < take; i++, gpfn++) {
            le64_store(message + GPADL_BODY_PAGES + 8 * i, gpfn);
        }
        rig_send(rig, VMBUS_MESSAGE_GPADL_BODY, message, GPADL_BODY_PAGES + 8 * take);
    }
    const uint8_t *answer = rig_expect(rig, VMBUS_MESSAGE_GPADL_CREATED);
    return answer != NULL && le32_load(answer + GPADL_RELID) == relid &&
                   le32_load(answer + GPADL_ID) == id
               ? le32_load(answer + GPADL_CREATED_STATUS)
               : UINT32_MAX;
}

uint32_t rig_open(struct vmbus_rig *rig, uint32_t relid, uint32_t gpadl, uint32_t vp,
                  uint32_t downstream)
{
    uint8_t message[VMBUS_BYTES_OPEN_CHANNEL] = { 0 };

    le32_store(message + OPEN_RELID, relid);
    le32_store(message + OPEN_ID, relid + 1000);
    le32_store(message + OPEN_GPADL, gpadl);
    le32_store(message + OPEN_VP, vp);
    le32_store(message + OPEN_DOWNSTREAM, downstream);
    memcpy(message + OPEN_USER, "hello", 5);
    rig_send(rig, VMBUS_MESSAGE_OPEN_CHANNEL, message, sizeof(message));
    const uint8_t *answer = rig_expect(rig, VMBUS_MESSAGE_OPEN_CHANNEL_RESULT);
    return answer != NULL && le32_load(answer + OPEN_RESULT_RELID) == relid &&
                   le32_load(answer + OPEN_RESULT_ID) == relid + 1000
               ? le32_load(answer + OPEN_RESULT_STATUS)
               : UINT32_MAX;
}

bool rig_open_at(struct vmbus_rig *rig, uint32_t relid, uint64_t gpfn)
{
    ram_zero(&rig->ram, gpfn << PAGE_SHIFT, RIG_RINGS * PAGE_SIZE);
    return rig_gpadl(rig, relid, 0xe1e10 + relid, gpfn, RIG_RINGS) == 0 &&
           rig_open(rig, relid, 0xe1e10 + relid, 1, RIG_RINGS / 2) == 0;
}

void rig_close(struct vmbus_rig *rig, uint32_t relid)
{
    uint8_t message[12];

    le32_store(message + CLOSE_RELID, relid);
    rig_send(rig, VMBUS_MESSAGE_CLOSE_CHANNEL, message, sizeof(message));
}

bool rig_teardown(struct vmbus_rig *rig, uint32_t relid, uint32_t id)
{
    uint8_t message[16];

    le32_store(message + GPADL_RELID, relid);
    le32_store(message + GPADL_ID, id);
    rig_send(rig, VMBUS_MESSAGE_GPADL_TEARDOWN, message, sizeof(message));
    const uint8_t *answer = rig_expect(rig, VMBUS_MESSAGE_GPADL_TORNDOWN);
    return answer != NULL && le32_load(answer + GPADL_TORNDOWN_ID) == id;
}

/* ---- rings ---- */

struct rig_ring rig_ring(struct vmbus_rig *rig, uint64_t gpfn, unsigned pages)
{
    uint8_t *control = ram_host(&rig->ram, gpfn << PAGE_SHIFT);

    return (struct rig_ring){ .control = control,
                              .data = control + PAGE_SIZE,
                              .size = (uint32_t)((pages - 1) * PAGE_SIZE) };
}

static uint32_t ring_used(const struct rig_ring *ring)
{
    uint32_t write = le32_load(ring->control), read = le32_load(ring->control + 4);

    return write >= read ? write - read : ring->size - (read - write);
}

static void ring_put(struct rig_ring *ring, uint32_t *at, const void *bytes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        ring->data[*at] = ((const uint8_t *)bytes)[i];
        *at = (*at + 1) % ring->size;
    }
}

/* [LINUX hv_ringbuffer_write, hv_signal_on_write] */
bool rig_put(struct rig_ring *ring, unsigned type, unsigned flags, uint64_t transaction,
             const void *header, uint32_t n_header, const void *payload, uint32_t n, bool *signal)
{
    uint8_t descriptor[16], trailer[8];
    uint32_t padded = (n + 7) & ~7u, total = 16 + n_header + padded + 8;
    uint32_t old = le32_load(ring->control), at = old;
    static const uint8_t zeros[8] = { 0 };

    *signal = false;
    if (ring->size - ring_used(ring) <= total) {
        return false;
    }
    le16_store(descriptor, (uint16_t)type);
    le16_store(descriptor + 2, (uint16_t)((16 + n_header) / 8));
    le16_store(descriptor + 4, (uint16_t)((16 + n_header + padded) / 8));
    le16_store(descriptor + 6, (uint16_t)flags);
    le64_store(descriptor + 8, transaction);
    le64_store(trailer, (uint64_t)old << 32);
    ring_put(ring, &at, descriptor, 16);
    ring_put(ring, &at, header, n_header);
    ring_put(ring, &at, payload, n);
    ring_put(ring, &at, zeros, padded - n);
    ring_put(ring, &at, trailer, 8);
    le32_store(ring->control, at);
    *signal = le32_load(ring->control + 8) == 0 && le32_load(ring->control + 4) == old;
    return true;
}

/* [LINUX hv_pkt_iter_first, hv_pkt_iter_close] */
uint32_t rig_get(struct rig_ring *ring, uint8_t *packet, uint32_t size, bool *signal)
{
    uint32_t read = le32_load(ring->control + 4), used = ring_used(ring), at = read;

    *signal = false;
    if (used == 0) {
        return 0;
    }
    for (uint32_t i = 0; i < 16; i++) {
        packet[i] = ring->data[(at + i) % ring->size];
    }
    uint32_t n = le16_load(packet + 4) * 8u;
    if (n > size || n + 8 > used) {
        abort();
    }
    for (uint32_t i = 0; i < n; i++) {
        packet[i] = ring->data[(at + i) % ring->size];
    }
    uint8_t trailer[8];
    for (uint32_t i = 0; i < 8; i++) {
        trailer[i] = ring->data[(at + n + i) % ring->size];
    }
    if (le64_load(trailer) != (uint64_t)read << 32) {
        abort();
    }
    le32_store(ring->control + 4, (at + n + 8) % ring->size);
    uint32_t pending = le32_load(ring->control + 12), room = ring->size - ring_used(ring);
    *signal = pending != 0 && room > pending && room - (n + 8) <= pending;
    return n;
}
