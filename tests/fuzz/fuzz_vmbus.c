/* Fuzz target: any bytes as a guest of VMBus: messages, writes into its memory, signals, time; a device that echoes and the
 * integration components. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/synthetic/heartbeat.h"
#include "devices/synthetic/kvp.h"
#include "devices/synthetic/shutdown.h"
#include "devices/synthetic/timesync.h"
#include "tests/support/vmbus_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct box {
    struct vmbus_rig *rig;
    struct heartbeat heartbeat;
    struct shutdown shutdown;
    struct timesync timesync;
    struct kvp kvp;
};

static uint64_t a_time(void *opaque)
{
    (void)opaque;
    return 1;
}

static void box_init(struct box *box)
{
    const struct ic_world world = { .clock = &box->rig->clock,
                                    .trace = &box->rig->trace,
                                    .partition = 1,
                                    .wall_100ns = a_time,
                                    .reference_100ns = a_time };
    if (heartbeat_init(&box->heartbeat, &world) != 0 ||
        shutdown_init(&box->shutdown, &world) != 0 || timesync_init(&box->timesync, &world) != 0 ||
        kvp_init(&box->kvp, &world) != 0) {
        abort();
    }
    vmbus_server_add(&box->rig->server, &box->heartbeat.ic.vmbus);
    vmbus_server_add(&box->rig->server, &box->shutdown.ic.vmbus);
    vmbus_server_add(&box->rig->server, &box->timesync.ic.vmbus);
    vmbus_server_add(&box->rig->server, &box->kvp.ic.vmbus);
    box->rig->device.echo = true;
}

/* Relids 1 to 5 are offered: open one, 8 pages from 8 * relid on. */
static void open_one(struct box *box, uint8_t which)
{
    uint32_t relid = 1 + which % 5;

    if (!box->rig->server.connected) {
        (void)rig_connect(box->rig);
    }
    (void)rig_open_at(box->rig, relid, 8 * relid);
}

/* A packet of a guest that keeps to the ring's rules. */
static void put_packet(struct box *box, const uint8_t *step, const uint8_t *bytes, size_t n)
{
    struct rig_ring ring = rig_ring_out(box->rig, 8 * (1 + step[1] % 5));
    uint32_t header = step[2] / 8 * 8u;
    bool signal;

    if (le32_load(ring.control) < ring.size && le32_load(ring.control + 4) < ring.size &&
        header <= n) {
        (void)rig_put(&ring, step[3] & 15, step[3] >> 4, 1, bytes, header, bytes + header,
                      (uint32_t)(n - header), &signal);
    }
    vmbus_server_signaled(&box->rig->server, 1 + step[1] % 5);
}

/* A message in its form, of a channel and of other things that may be there. */
static void send_message(struct box *box, const uint8_t *step, const uint8_t *bytes, size_t n)
{
    static const uint32_t versions[] = { 0x00010001,        VMBUS_VERSION_2_4, VMBUS_VERSION_4_0,
                                         VMBUS_VERSION_4_1, VMBUS_VERSION_5_2, VMBUS_VERSION_5_3,
                                         VMBUS_VERSION_6_0 };
    static const uint8_t numbers[] = {
        VMBUS_MESSAGE_REQUEST_OFFERS,
        VMBUS_MESSAGE_OPEN_CHANNEL,
        VMBUS_MESSAGE_CLOSE_CHANNEL,
        VMBUS_MESSAGE_GPADL_TEARDOWN,
        VMBUS_MESSAGE_RELID_RELEASED,
        VMBUS_MESSAGE_INITIATE_CONTACT,
        VMBUS_MESSAGE_UNLOAD,
        VMBUS_MESSAGE_MODIFY_CHANNEL,
        VMBUS_MESSAGE_TL_CONNECT_REQUEST,
    };
    uint8_t message[VMBUS_MESSAGE_MAX] = { 0 };
    uint32_t relid = step[2] % 12, id = step[2] & 0x80 ? step[3] : 0xe1e10 + relid;
    unsigned number = numbers[step[1] % ARRAY_SIZE(numbers)];

    if (step[1] >= 0xe0) { /* a GPADL of up to 255 pages, one after the other */
        (void)rig_gpadl(box->rig, relid, step[3], 8 * relid, n > 0 ? bytes[0] : 1);
        return;
    }
    le32_store(message + 8, relid); /* most begin with it */
    switch (number) {
    case VMBUS_MESSAGE_OPEN_CHANNEL:
        le32_store(message + OPEN_ID, step[3]);
        le32_store(message + OPEN_GPADL, id);
        le32_store(message + OPEN_VP, step[3] % (RIG_VPS + 1));
        le32_store(message + OPEN_DOWNSTREAM, step[3] / 8 % 9);
        break;
    case VMBUS_MESSAGE_GPADL_TEARDOWN:
        le32_store(message + GPADL_ID, id);
        break;
    case VMBUS_MESSAGE_INITIATE_CONTACT:
        le32_store(message + CONTACT_VERSION, versions[step[3] % ARRAY_SIZE(versions)]);
        le32_store(message + CONTACT_VP, step[2] % (RIG_VPS + 1));
        message[CONTACT_SINT] = step[3] & 0x40 ? step[2] : VMBUS_SINT;
        break;
    case VMBUS_MESSAGE_MODIFY_CHANNEL:
        le32_store(message + MODIFY_VP, step[3] % (RIG_VPS + 1));
        break;
    default:
        break;
    }
    rig_send(box->rig, (enum vmbus_message)number, message,
             number == VMBUS_MESSAGE_OPEN_CHANNEL ? VMBUS_BYTES_OPEN_CHANNEL : 40);
}

/* What the host does by itself: wishes of the components, a device that comes, goes, and offers sub-channels. */
static void host_step(struct box *box, const uint8_t *step)
{
    struct vmbus_device *dev = &box->rig->device.vmbus;

    switch (step[1] % 4) {
    case 0:
        (void)kvp_set(&box->kvp, "key", "value");
        (void)shutdown_ask(&box->shutdown, SHUTDOWN_REBOOT, false);
        break;
    case 1:
        if (dev->host != NULL) {
            vmbus_device_lock(dev);
            vmbus_device_rescind(dev);
            vmbus_device_unlock(dev);
        }
        break;
    case 2:
        if (dev->host == NULL) {
            vmbus_server_add(&box->rig->server, dev);
        }
        break;
    default:
        if (dev->host != NULL) {
            vmbus_device_lock(dev);
            (void)!vmbus_device_offer_subchannels(dev, step[2] % 70);
            vmbus_device_unlock(dev);
        }
        break;
    }
}

/* One step: what, three bytes of how, and up to 240 bytes. Returns how many of them it took. */
static size_t take_step(struct box *box, const uint8_t *step, const uint8_t *bytes, size_t n)
{
    struct vmbus_rig *rig = box->rig;
    uint8_t message[VMBUS_MESSAGE_MAX] = { 0 };

    n = n < sizeof(message) ? n : sizeof(message);
    switch (step[0] % 8) {
    case 0:
        open_one(box, step[1]);
        return 0;
    case 1: /* a message */
        if (step[0] & 8) {
            send_message(box, step, bytes, n);
            return 0;
        }
        n = n < step[2] ? n : step[2];
        memcpy(message, bytes, n);
        rig_send(rig, (enum vmbus_message)(step[1] % 32), message, n < 8 ? 8 : n);
        return n;
    case 2: /* memory */
        n = n < step[3] % 16u ? n : step[3] % 16u;
        ram_write(&rig->ram, ((uint64_t)step[1] % 64 << PAGE_SHIFT) + step[2], bytes, n);
        return n;
    case 3:
        vmbus_server_signaled(&rig->server, step[1]);
        return 0;
    case 4:
        clock_advance(&rig->clock, (uint64_t)step[1] << 24);
        clock_run(&rig->clock);
        return 0;
    case 5:
        vmbus_server_work(&rig->server);
        return 0;
    case 6:
        n = n < step[2] ? n : step[2];
        put_packet(box, step, bytes, n);
        return n;
    default:
        host_step(box, step);
        return 0;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vmbus_rig *rig;
    struct box *box = calloc(1, sizeof(*box));

    if (rig == NULL) {
        rig = vmbus_rig_create();
    }
    if (box == NULL) {
        return 0;
    }
    box->rig = rig;
    box_init(box);
    for (size_t at = 0; at + 4 <= size;) {
        at += 4 + take_step(box, data + at, data + at + 4, size - at - 4);
        box->rig->n_out = box->rig->taken = 0;
        (void)vmbus_server_accepts(&box->rig->server);
    }
    vmbus_server_reset(&box->rig->server);
    assert(box->rig->server.n_gpadls == 0 && box->rig->server.gpadl_pages == 0);
    assert(box->rig->n_listens == 0 && box->rig->device.opened == box->rig->device.closed);
    vmbus_rig_again(rig);
    ic_fini(&box->heartbeat.ic);
    ic_fini(&box->shutdown.ic);
    ic_fini(&box->timesync.ic);
    kvp_fini(&box->kvp);
    free(box);
    return 0;
}
