/* Fuzz target: any CDBs with any data, on a disk and on a drive. [SPC-4, SBC-3, MMC-6] */
#include <stdlib.h>
#include <string.h>

#include "devices/scsi/scsi.h"
#include "tests/support/image_store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct image *fuzz_image(struct image_store *store, const char *name, const char *format,
                                uint64_t bytes)
{
    struct error error;
    struct image *image = NULL;
    struct image_new facts = { .env = &store->env, .size_bytes = bytes, .block_bytes = 1 << 14 };
    facts.type = strcmp(format, "vhd") == 0 ? IMAGE_DYNAMIC : IMAGE_FIXED;
    if (image_create(name, image_format_named(format), &facts, &error) != 0 ||
        image_open(&store->env, name, true, &image, &error) != 0) {
        abort();
    }
    return image;
}

/* A request: which target and what data there is, the CDB, the data. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const uint8_t id[SCSI_ID_BYTES] = { 1 };
    static const uint32_t lengths[] = { 0, 8, 64, 512, 4096, 40, 2048, 131072 };
    struct image_store *store = calloc(1, sizeof(*store));
    struct scsi_target targets[2];
    if (store == NULL) {
        abort();
    }
    image_store_init(store, 1);
    scsi_target_init(&targets[0], SCSI_DISK, fuzz_image(store, "disk", "vhd", 1 << 20), id);
    scsi_target_init(&targets[1], SCSI_DVD, fuzz_image(store, "disc.img", "raw", 1 << 20), id);
    targets[1].image->logical_sector = 2048;
    while (n >= 1 + SCSI_CDB_BYTES) {
        struct scsi_request request = { .length = lengths[data[0] >> 1 & 7],
                                        .to_device = (data[0] & 16) != 0 };
        memcpy(request.cdb, data + 1, SCSI_CDB_BYTES);
        struct scsi_target *target = &targets[data[0] & 1];
        data += 1 + SCSI_CDB_BYTES;
        n -= 1 + SCSI_CDB_BYTES;
        request.data = calloc(1, request.length + 1);
        if (request.data == NULL) {
            abort();
        }
        size_t taken =
            request.to_device && request.length <= 64 ? request.length < n ? request.length : n : 0;
        memcpy(request.data, data, taken);
        data += taken;
        n -= taken;
        scsi_execute(target, &request);
        if (request.transferred > request.length) {
            abort();
        }
        free(request.data);
    }
    (void)scsi_target_fini(&targets[0]);
    (void)scsi_target_fini(&targets[1]);
    image_store_fini(store);
    free(store);
    return 0;
}
