/* Fuzz target: a guest's rings alone: control words, bytes and descriptors as it likes, packets by the rules between, a device that echoes,
 * waits and sends. Its packets arrive in order as long as it keeps to the rules. [LINUX drivers/hv/ring_buffer.c] */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "tests/support/vmbus_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RINGS_AT = 8, GPADL = 7, HEAD = 4, PAYLOAD_MAX = 2048 };

struct box {
    struct vmbus_rig *rig;
    struct vmbus_channel *channel;
    struct rig_ring to_host, to_guest;
    uint32_t relid;
    bool kept_rules, kept_reading; /* in what it writes; in the ring that it reads */
    uint64_t put;
};

/* Open with the rings split after `split` pages. */
static void open_rings(struct box *box, unsigned split)
{
    struct vmbus_rig *rig = box->rig;

    ram_zero(&rig->ram, RINGS_AT << PAGE_SHIFT, RIG_RINGS * PAGE_SIZE);
    split = 2 + split % (RIG_RINGS - 3);
    if (rig_gpadl(rig, box->relid, GPADL, RINGS_AT, RIG_RINGS) != 0 ||
        rig_open(rig, box->relid, GPADL, 1, split) != 0) {
        abort();
    }
    box->to_host = rig_ring(rig, RINGS_AT, split);
    box->to_guest = rig_ring(rig, RINGS_AT + split, RIG_RINGS - split);
    box->kept_rules = box->kept_reading = true;
    box->put = rig->device.packets = 0;
}

static void close_rings(struct box *box)
{
    rig_close(box->rig, box->relid);
    if (!rig_teardown(box->rig, box->relid, GPADL)) {
        abort();
    }
}

static void run(struct box *box)
{
    vmbus_server_signaled(&box->rig->server, box->relid);
    vmbus_server_work(&box->rig->server);
}

/* A control word: any value, or one near the ring's end or its present value. */
static void write_control(struct box *box, const uint8_t *how, uint32_t value)
{
    static const uint8_t words[] = { VMBUS_RING_WRITE_INDEX, VMBUS_RING_READ_INDEX,
                                     VMBUS_RING_INTERRUPT_MASK, VMBUS_RING_PENDING_SEND,
                                     VMBUS_RING_FEATURES };
    struct rig_ring *ring = (how[1] & 1) != 0 ? &box->to_guest : &box->to_host;
    unsigned word = words[(how[1] >> 1) % ARRAY_SIZE(words)];
    uint8_t *at = ring->control + word;

    switch (how[2] & 3) {
    case 0:
        break;
    case 1:
        value = ring->size - 8 * (how[3] & 15u);
        break;
    case 2:
        value = le32_load(at) + 8 * how[3];
        break;
    default:
        value = le32_load(at) - 8 * how[3];
        break;
    }
    le32_store(at, value);
    if (word == VMBUS_RING_WRITE_INDEX || word == VMBUS_RING_READ_INDEX) {
        box->kept_rules &= (how[1] & 1) != 0;
        box->kept_reading &= (how[1] & 1) == 0;
    }
}

/* A descriptor of any kind where the guest writes next, bytes behind it, and the index moved by as much as it says or not. */
static size_t put_anything(struct box *box, const uint8_t *how, const uint8_t *bytes, size_t n)
{
    struct rig_ring *ring = &box->to_host;
    uint32_t at = le32_load(ring->control), by = how[2] * 8u;

    n = n < how[1] ? n : how[1];
    for (uint32_t i = 0; i < n; i++) {
        ring->data[(at + i) % ring->size] = bytes[i];
    }
    le32_store(ring->control, (at % ring->size + by) % ring->size);
    box->kept_rules = false;
    return n;
}

/* A packet by the rules, of up to PAYLOAD_MAX bytes. */
static void put_packet(struct box *box, const uint8_t *how)
{
    static const uint8_t types[] = { VMBUS_PACKET_INBAND, VMBUS_PACKET_GPA_DIRECT,
                                     VMBUS_PACKET_COMPLETION, VMBUS_PACKET_TRANSFER_PAGES,
                                     VMBUS_PACKET_ADDITIONAL_DATA };
    static const uint8_t zeros[64];
    uint8_t payload[PAYLOAD_MAX];
    uint32_t n = how[2] * 8u, header = how[3] % 9 * 8u;
    const struct rig_ring *ring = &box->to_host;
    bool signal;

    if (le32_load(ring->control) >= ring->size || le32_load(ring->control + 4) >= ring->size ||
        le32_load(ring->control) % 8 != 0 || le32_load(ring->control + 4) % 8 != 0) {
        return;
    }
    memset(payload, how[2], sizeof(payload));
    le64_store(payload, box->put);
    box->put += rig_put(&box->to_host, types[how[1] % ARRAY_SIZE(types)], how[3] >> 7, box->put,
                        zeros, header, payload, n, &signal);
}

/* What the device does by itself. */
static void device_step(struct box *box, const uint8_t *how)
{
    struct vmbus_transfer_range ranges[VMBUS_TRANSFER_RANGES_MAX + 1] = { { 8, 16 } };
    uint8_t payload[PAYLOAD_MAX] = { how[2] };
    struct rig_device *device = &box->rig->device;

    switch (how[1] % 4) {
    case 0:
        device->echo = (how[2] & 1) != 0;
        device->taken = (how[2] & 2) != 0 ? VMBUS_LATER : VMBUS_TAKEN;
        if (device->taken == VMBUS_TAKEN) {
            vmbus_channel_resume(box->channel);
        }
        break;
    case 1:
        (void)vmbus_channel_send(box->channel, payload, how[2] * 8u, how[3], (how[3] & 1) != 0);
        break;
    case 2:
        (void)vmbus_channel_send_transfer(box->channel, how[3], ranges,
                                          how[2] % (VMBUS_TRANSFER_RANGES_MAX + 2), payload, how[3],
                                          how[2]);
        break;
    default:
        vmbus_channel_break(box->channel, "asked to", how[2]);
        box->kept_rules = false;
        break;
    }
}

/* The guest reads, whole and well-formed packets, for as long as it left its side of that ring alone. */
static void read_some(struct box *box, unsigned n)
{
    uint8_t packet[(RIG_RINGS - 2) * PAGE_SIZE];
    bool signal;

    while (box->kept_reading && n-- > 0 &&
           rig_get(&box->to_guest, packet, sizeof(packet), &signal) > 0) {
        if (signal) {
            run(box);
        }
    }
}

static void check(const struct box *box)
{
    const struct vmbus_channel *channel = box->channel;

    assert(channel->open && channel->n_waiting <= VMBUS_WAITING_MAX);
    assert(channel->in.index < channel->in.size && channel->in.index % 8 == 0);
    assert(channel->out.index < channel->out.size && channel->out.index % 8 == 0);
    assert(!box->kept_rules || !box->kept_reading || !channel->broken);
    assert(!box->kept_rules || box->rig->device.packets <= box->put);
}

static size_t step(struct box *box, const uint8_t *how, const uint8_t *bytes, size_t n)
{
    switch (how[0] % 8) {
    case 0:
        write_control(box, how, n >= 4 ? le32_load(bytes) : 0);
        return n >= 4 ? 4 : n;
    case 1:
        return put_anything(box, how, bytes, n);
    case 2:
    case 3:
        put_packet(box, how);
        return 0;
    case 4:
        device_step(box, how);
        return 0;
    case 5:
        read_some(box, how[1]);
        return 0;
    case 6:
        close_rings(box);
        open_rings(box, how[1]);
        return 0;
    default:
        run(box);
        return 0;
    }
}

/* Everything that was put is read at last, the last of it whole. */
static void drain(struct box *box)
{
    struct rig_device *device = &box->rig->device;

    device->taken = VMBUS_TAKEN;
    device->echo = false;
    vmbus_channel_resume(box->channel);
    for (unsigned i = 0; i < 1000 && (device->packets < box->put || box->channel->n_waiting > 0);
         i++) {
        read_some(box, 1000);
        run(box);
    }
    assert(device->packets == box->put && box->channel->n_waiting == 0);
    if (box->put > 0 && device->last.payload_bytes >= 8) {
        assert(le64_load(device->last_payload) == box->put - 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vmbus_rig *rig;
    struct box box = { 0 };

    if (rig == NULL) {
        rig = vmbus_rig_create();
    }
    box.rig = rig;
    box.relid = rig_connect(rig);
    box.channel = rig->device.vmbus.channel[0];
    open_rings(&box, 2);
    for (size_t at = 0; at + HEAD <= size;) {
        at += HEAD + step(&box, data + at, data + at + HEAD, size - at - HEAD);
        check(&box);
    }
    if (box.kept_rules && box.kept_reading) {
        drain(&box);
    }
    close_rings(&box);
    assert(rig->server.n_gpadls == 0);
    vmbus_rig_again(rig);
    return 0;
}
