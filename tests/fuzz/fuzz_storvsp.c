/* Fuzz target: any packets of a guest to storvsp, in any order with time and closing between; with the realtime clock requests that are done
 * at once. [LINUX drivers/scsi/storvsc_drv.c] */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/synthetic/storvsp.h"
#include "tests/support/image_store.h"
#include "tests/support/vmbus_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { RINGS_AT = 8, DATA_AT = 64, DISK_BYTES = 1 << 20, CHANNELS = 4 };

/* The controller's relid, of the offers that wait. */
static uint32_t fuzz_offered(struct vmbus_rig *rig)
{
    const struct rig_message *message;
    uint32_t found = 0;
    while ((message = rig_next(rig)) != NULL) {
        uint32_t class = le32_load(message->bytes + OFFER_TYPE);
        if (le32_load(message->bytes) == VMBUS_MESSAGE_OFFER_CHANNEL &&
            (class == 0xba6163d9 || class == 0x32412632)) {
            found = le32_load(message->bytes + OFFER_RELID);
        }
    }
    return found;
}

struct fuzz_box {
    struct vmbus_rig *rig;
    struct clock *clock;
    struct image_store *store;
    struct storvsp *storvsp;
    uint32_t relid[CHANNELS]; /* of the channels that were opened; 0: none */
    struct rig_ring to_host[CHANNELS], to_guest[CHANNELS];
};

/* The ranges of a GPA-direct packet: one, of n bytes from `offset` in the pages that data lies in; the third page may be one that is not
 * there. */
static size_t fuzz_ranges(uint8_t header[16 + 4 * 8], uint32_t n, uint32_t offset, bool hole)
{
    le32_store(header, 0);
    le32_store(header + 4, 1);
    le32_store(header + 8, n);
    le32_store(header + 12, offset);
    for (unsigned i = 0; i < 4; i++) {
        le64_store(header + 16 + i * 8, hole && i == 2 ? RIG_HOLE : DATA_AT + i);
    }
    return 16 + 8 * (((size_t)offset + n + PAGE_SIZE - 1) / PAGE_SIZE);
}

/* A packet: what it is, then its bytes; ready-made beginnings let it come further. */
static size_t fuzz_packet(struct rig_ring *ring, const uint8_t *data, size_t n)
{
    uint8_t packet[VSTOR_PACKET_BYTES] = { 0 }, header[16 + 4 * 8] = { 0 };
    size_t length = data[1] % (VSTOR_PACKET_BYTES + 1), taken = length < n - 2 ? length : n - 2;
    bool signal, direct = (data[0] & 1) != 0;
    memcpy(packet, data + 2, taken);
    if (data[0] & 2) {
        le32_store(packet, VSTOR_EXECUTE_SRB);
        packet[VSTOR_CDB_LENGTH] = 16;
        packet[VSTOR_LUN] &= 1;
        packet[VSTOR_PATH] = packet[VSTOR_TARGET] = 0;
        length = VSTOR_PACKET_BYTES;
    } else {
        packet[0] &= 15;
        packet[1] = packet[2] = packet[3] = 0;
    }
    (void)fuzz_ranges(header, packet[VSTOR_TRANSFER_LENGTH] * 64U,
                      packet[VSTOR_TRANSFER_LENGTH + 1] & 4095U, false);
    (void)rig_put(ring, direct ? VMBUS_PACKET_GPA_DIRECT : VMBUS_PACKET_INBAND, 1, data[0], header,
                  direct ? sizeof(header) : 0, packet, (uint32_t)length, &signal);
    return taken + 2;
}

/* A request as a driver makes it: a command, blocks, as much memory as it takes, or nearly so. */
static size_t fuzz_request(struct rig_ring *ring, const uint8_t *how)
{
    static const uint8_t commands[] = { 0x28, 0x2a, 0x88, 0x8a, 0x12, 0x25, 0x00, 0xa0,
                                        0x35, 0x42, 0x41, 0x1a, 0x03, 0x9e, 0x2f, 0xc1 };
    uint8_t packet[VSTOR_PACKET_BYTES] = { 0 }, header[16 + 4 * 8];
    uint8_t command = commands[how[1] % ARRAY_SIZE(commands)], *cdb = packet + VSTOR_CDB;
    uint32_t blocks = how[3] % 28, n = blocks * 512, offset = how[1] & 16 ? 512 * (how[3] % 4) : 0;
    bool writes = command == 0x2a || command == 0x8a || command == 0x42 || command == 0x41, signal;
    le32_store(packet, VSTOR_EXECUTE_SRB);
    packet[VSTOR_CDB_LENGTH] = 16;
    packet[VSTOR_LUN] = how[2] & 1;
    packet[VSTOR_DATA_IN] = writes ? VSTOR_DATA_OUT : 1;
    le32_store(packet + VSTOR_TRANSFER_LENGTH, n + (how[1] & 32 ? 64 : 0));
    cdb[0] = command;
    if (command >> 5 == 4) {
        be64_store(cdb + 2, how[2] * 8u);
        be32_store(cdb + 10, blocks);
    } else if (command >> 5 == 5) {
        be32_store(cdb + 6, n);
    } else {
        be32_store(cdb + 2, how[2] * 8u);
        be16_store(cdb + 7, (uint16_t)blocks);
    }
    size_t n_header = fuzz_ranges(header, n, offset, (how[1] & 64) != 0);
    (void)rig_put(ring, n > 0 ? VMBUS_PACKET_GPA_DIRECT : VMBUS_PACKET_INBAND, how[1] >> 7, how[2],
                  header, n > 0 ? (uint32_t)n_header : 0, packet, sizeof(packet), &signal);
    return 4;
}

/* An operation without a request: initialization, resets, sub-channels. */
static void fuzz_operation(struct rig_ring *ring, unsigned operation, unsigned argument)
{
    uint8_t packet[VSTOR_PACKET_BYTES] = { 0 };
    bool signal;
    le32_store(packet, operation);
    le16_store(packet + VSTOR_HEAD_BYTES, (uint16_t)argument);
    (void)rig_put(ring, VMBUS_PACKET_INBAND, 1, operation, NULL, 0, packet, sizeof(packet),
                  &signal);
}

static void fuzz_disk(struct image_store *store, struct storvsp *storvsp, unsigned lun)
{
    struct error error;
    struct image *image;
    const char *name = lun == 0 ? "disk.img" : "other.img";
    if (storvsp->units[lun] != NULL) {
        return;
    }
    if (image_file_resize(image_store_make(store, name)->bytes, DISK_BYTES) != 0 ||
        image_open(&store->env, name, true, &image, &error) != 0 ||
        storvsp_attach(storvsp, lun, SCSI_DISK, image) != 0) {
        abort();
    }
}

/* Open a channel, and all that were offered since. */
static void fuzz_open(struct fuzz_box *box, uint32_t relid)
{
    for (unsigned i = 0; relid != 0 && i < CHANNELS; i++) {
        uint64_t at = RINGS_AT + (uint64_t)i * RIG_RINGS;
        if (box->relid[i] == 0) {
            box->relid[i] = rig_open_at(box->rig, relid, at) ? relid : 0;
            box->to_host[i] = rig_ring_out(box->rig, at);
            box->to_guest[i] = rig_ring_in(box->rig, at);
            return;
        }
    }
}

static void fuzz_close(struct fuzz_box *box, unsigned which)
{
    uint32_t relid = box->relid[which];
    rig_close(box->rig, relid);
    (void)rig_teardown(box->rig, relid, 0xe1e10 + relid);
    for (unsigned i = 1; which == 0 && i < CHANNELS; i++) {
        box->relid[i] = 0; /* the host took the sub-channels back */
    }
    box->relid[which] = 0;
    if (which == 0) {
        fuzz_open(box, relid);
    }
}

static void fuzz_run(struct fuzz_box *box)
{
    for (unsigned i = 0; i < CHANNELS; i++) {
        if (box->relid[i] != 0) {
            vmbus_server_signaled(&box->rig->server, box->relid[i]);
        }
    }
    vmbus_server_work(&box->rig->server);
}

static void fuzz_time(struct fuzz_box *box, uint64_t ns, bool read)
{
    uint8_t reply[4096];
    bool signal;
    if (box->clock->mode == CLOCK_MODE_VIRTUAL) {
        clock_advance(box->clock, ns);
    } else { /* what the host has is answered whatever the hour */
        vmbus_device_lock(&box->storvsp->vmbus);
        (void)storvsp_quiesce(box->storvsp);
        vmbus_device_unlock(&box->storvsp->vmbus);
    }
    (void)clock_run(box->clock);
    for (unsigned i = 0; read && i < CHANNELS; i++) {
        while (box->relid[i] != 0 &&
               rig_get(&box->to_guest[i], reply, sizeof(reply), &signal) > 0) {
        }
    }
}

/* What the host does: disks come and go, the controller leaves. */
static void fuzz_host(struct fuzz_box *box, unsigned what)
{
    struct storvsp *storvsp = box->storvsp;
    vmbus_device_lock(&storvsp->vmbus);
    switch (what % 4) {
    case 0:
        fuzz_disk(box->store, storvsp, 1);
        break;
    case 1:
        (void)storvsp_detach(storvsp, what / 4 % 2);
        break;
    case 2:
        (void)storvsp_quiesce(storvsp);
        break;
    default:
        if (storvsp->vmbus.host != NULL) {
            vmbus_device_rescind(&storvsp->vmbus);
        }
        break;
    }
    vmbus_device_unlock(&storvsp->vmbus);
}

/* One step. Its first byte: what; and the bytes it took. */
static size_t fuzz_step(struct fuzz_box *box, const uint8_t *data, size_t n)
{
    struct rig_ring *ring = &box->to_host[0];
    if (n >= 4 && box->relid[data[2] % CHANNELS] != 0) {
        ring = &box->to_host[data[2] % CHANNELS];
    }
    switch (data[0]) {
    case 0xff:
        fuzz_close(box, box->relid[data[1] % CHANNELS] != 0 ? data[1] % CHANNELS : 0);
        return 2;
    case 0xfe:
        fuzz_host(box, data[1]);
        return 2;
    case 0xfd:
        fuzz_open(box, fuzz_offered(box->rig));
        return 1;
    case 0xfc:
        device_reset(&box->storvsp->vmbus.device);
        return 1;
    default:
        break;
    }
    if (data[0] >= 0xf0) {
        fuzz_time(box, data[0] < 0xf8 ? 20000 : UINT64_C(600000000), data[0] != 0xf1);
        return 1;
    }
    if (data[0] >= 0xe0) {
        fuzz_operation(ring, data[0] & 15, data[1] % 20);
        return 2;
    }
    return data[0] >= 0x60 && n >= 4 ? fuzz_request(ring, data) : fuzz_packet(ring, data, n);
}

/* Version and all that belongs to it. */
static void fuzz_begin(struct fuzz_box *box, uint8_t which)
{
    static const uint16_t versions[] = { VSTOR_VERSION_WIN10, VSTOR_VERSION_WIN7,
                                         VSTOR_VERSION_WIN8, VSTOR_VERSION_WIN2008 };
    struct rig_ring *ring = &box->to_host[0];
    fuzz_operation(ring, VSTOR_BEGIN_INITIALIZATION, 0);
    fuzz_operation(ring, VSTOR_QUERY_PROTOCOL_VERSION, versions[which % ARRAY_SIZE(versions)]);
    fuzz_operation(ring, VSTOR_QUERY_PROPERTIES, 0);
    fuzz_operation(ring, VSTOR_END_INITIALIZATION, 0);
    fuzz_run(box);
    fuzz_time(box, 1, true);
    if (box->storvsp->state != VSTOR_READY) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct vmbus_rig *rig;
    static struct io_pool *pool;
    struct image_store *store = calloc(1, sizeof(*store));
    struct storvsp *storvsp = calloc(1, sizeof(*storvsp));
    struct clock clk;
    struct error error;
    if (store == NULL || storvsp == NULL) {
        abort();
    }
    if (rig == NULL) {
        rig = vmbus_rig_create();
        pool = calloc(1, sizeof(*pool));
        if (pool == NULL || io_pool_init(pool, &error) != 0) {
            abort();
        }
    }
    struct fuzz_box box = { .rig = rig, .clock = &clk, .store = store, .storvsp = storvsp };
    clock_init(&clk, n > 0 && (data[0] & 0x20) ? CLOCK_MODE_REALTIME : CLOCK_MODE_VIRTUAL);
    image_store_init(store, 1);
    const struct storvsp_world world = { &clk, NULL, 2, pool, CHANNELS };
    if (storvsp_init(storvsp, &world, n > 0 && (data[0] & 0x0c) == 0x0c, 0) != 0) {
        abort();
    }
    fuzz_disk(store, storvsp, 0);
    (void)rig_connect(rig);
    vmbus_server_add(&rig->server, &storvsp->vmbus);
    vmbus_server_work(&rig->server);
    fuzz_open(&box, fuzz_offered(rig));
    if (box.relid[0] == 0) {
        abort();
    }
    if (n > 0 && (data[0] & 0x10) == 0) {
        fuzz_begin(&box, data[0]);
    }
    for (size_t at = n > 0; at + 2 < n; fuzz_run(&box)) {
        at += fuzz_step(&box, data + at, n - at);
    }
    vmbus_rig_again(rig);
    (void)storvsp_fini(storvsp);
    clock_fini(&clk);
    image_store_fini(store);
    free(storvsp);
    free(store);
    return 0;
}
