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
        (void)kvp_set(&box->kvp, "key", "value");
        (void)shutdown_ask(&box->shutdown, SHUTDOWN_REBOOT, false);
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
