/* Fuzz target: any packets of a guest to storvsp, in any order with time and closing between. [LINUX drivers/scsi/storvsc_drv.c] */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/synthetic/storvsp.h"
#include "tests/support/image_store.h"
#include "tests/support/vmbus_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { RINGS_AT = 8, DISK_BYTES = 1 << 20 };

/* The controller's relid, of the offers that wait. */
static uint32_t fuzz_offered(struct vmbus_rig *rig)
{
    const struct rig_message *message;
    uint32_t found = 0;
    while ((message = rig_next(rig)) != NULL) {
        if (le32_load(message->bytes) == 1 && le32_load(message->bytes + 8) == 0xba6163d9) {
            found = le32_load(message->bytes + 184);
        }
    }
    return found;
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
    le32_store(header + 4, 1);
    le32_store(header + 8, packet[VSTOR_TRANSFER_LENGTH] * 64U);
    le32_store(header + 12, packet[VSTOR_TRANSFER_LENGTH + 1] & 4095U);
    for (unsigned i = 0; i < 4; i++) {
        le64_store(header + 16 + i * 8, 64 + i);
    }
    (void)rig_put(ring, direct ? VMBUS_PACKET_GPA_DIRECT : VMBUS_PACKET_INBAND, 1, data[0], header,
                  direct ? sizeof(header) : 0, packet, (uint32_t)length, &signal);
    return taken + 2;
}

static void fuzz_disk(struct image_store *store, struct storvsp *storvsp)
{
    struct error error;
    struct image *image;
    if (image_file_resize(image_store_make(store, "disk.img")->bytes, DISK_BYTES) != 0 ||
        image_open(&store->env, "disk.img", true, &image, &error) != 0 ||
        storvsp_attach(storvsp, 0, SCSI_DISK, image) != 0) {
        abort();
    }
}

static void fuzz_run(struct vmbus_rig *rig, struct clock *clk, struct storvsp *storvsp,
                     uint32_t relid, const uint8_t *data, size_t n)
{
    struct rig_ring to_host = rig_ring_out(rig, RINGS_AT), to_guest = rig_ring_in(rig, RINGS_AT);
    uint8_t reply[4096];
    bool signal;
    while (n > 2) {
        size_t taken = 1;
        if (data[0] == 0xff) {
            rig_close(rig, relid);
            (void)rig_teardown(rig, relid, 0xe1e10 + relid);
            (void)rig_open_at(rig, relid, RINGS_AT);
        } else if (data[0] >= 0xf0) {
            clock_advance(clk, 20000);
            (void)clock_run(clk);
            while (data[0] != 0xf1 && rig_get(&to_guest, reply, sizeof(reply), &signal) > 0) {
            }
        } else if (data[0] >= 0xe8) {
            storvsp->state = 1u << data[0] % 5;
        } else {
            taken = fuzz_packet(&to_host, data, n);
        }
        vmbus_server_signaled(&rig->server, relid);
        vmbus_server_work(&rig->server);
        data += taken;
        n -= taken;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct image_store *store = calloc(1, sizeof(*store));
    struct storvsp *storvsp = calloc(1, sizeof(*storvsp));
    static struct vmbus_rig *rig;
    static struct io_pool *pool;
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
    clock_init(&clk, CLOCK_MODE_VIRTUAL);
    image_store_init(store, 1);
    const struct storvsp_world world = { &clk, NULL, 2, pool, 4 };
    if (storvsp_init(storvsp, &world, false, 0) != 0) {
        abort();
    }
    fuzz_disk(store, storvsp);
    (void)rig_connect(rig);
    (void)fuzz_offered(rig);
    vmbus_server_add(&rig->server, &storvsp->vmbus);
    vmbus_server_work(&rig->server);
    uint32_t relid = fuzz_offered(rig);
    if (!rig_open_at(rig, relid, RINGS_AT)) {
        abort();
    }
    fuzz_run(rig, &clk, storvsp, relid, data, n);
    vmbus_rig_again(rig);
    (void)storvsp_fini(storvsp);
    clock_fini(&clk);
    image_store_fini(store);
    free(storvsp);
    free(store);
    return 0;
}
