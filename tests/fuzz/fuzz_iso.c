/* Fuzz target: any bytes as the descriptors of a disc of any length, found by its name or by them; then a drive with it, and MMC commands.
 * What a block holds is what the file holds, then zeros. [ECMA-119 6.2.1, 8.1; ECMA-167 2/9; MMC-6] */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/scsi/scsi.h"
#include "tests/support/image_store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum {
    SECTOR = 2048,
    DESCRIPTORS_AT = 16 * SECTOR,
    DESCRIPTOR = 3,
    DESCRIPTORS_MOST = 70,
    HEAD = 6,
    REQUEST = 1 + SCSI_CDB_BYTES,
    LENGTH_MOST = 1 << 17,
};

static const char *const disc_names[] = { "disc.iso", "disc" };

/* The file: up to 16 MiB, or of a size beyond a CD; volume descriptors, each a type, an identifier and a version. */
static size_t disc_make(struct image_store *store, const uint8_t *data, size_t n)
{
    static const char *const identifiers[] = { "CD001", "BEA01", "NSR02", "NSR03",
                                               "TEA01", "BOOT2", "CDW02", "\0\0\0\0\0" };
    struct image_file *file = image_store_make(store, disc_names[data[0] & 1])->bytes;
    uint64_t size = (data[0] & 2) != 0 ? UINT64_C(405000) * SECTOR + le32_load(data + 1)
                                       : le32_load(data + 1) & 0xffffff;
    size_t count = data[5] % DESCRIPTORS_MOST, taken = 0;

    if (image_file_resize(file, size) != 0) {
        abort();
    }
    for (size_t i = 0; i < count && taken + DESCRIPTOR <= n - HEAD; i++, taken += DESCRIPTOR) {
        const uint8_t *how = data + HEAD + taken;
        uint8_t descriptor[8] = { how[0], 0, 0, 0, 0, 0, how[2] };
        memcpy(descriptor + 1, identifiers[how[1] % ARRAY_SIZE(identifiers)], 5);
        uint64_t at = DESCRIPTORS_AT + i * SECTOR;
        if (at + sizeof(descriptor) <= size &&
            image_file_write(file, at, descriptor, sizeof(descriptor)) != 0) {
            abort();
        }
    }
    return HEAD + taken;
}

/* One block, as the target gives it, is the file's. */
static void disc_compare(struct image_store *store, struct scsi_target *target, uint32_t lba)
{
    uint8_t bytes[SECTOR], expected[SECTOR];
    struct scsi_request request = { .cdb = { 0x28, 0, 0, 0, 0, 0, 0, 0, 1 },
                                    .data = bytes,
                                    .length = SECTOR };
    struct image *image = target->image;
    struct image_file *file = NULL;

    for (unsigned i = 0; i < ARRAY_SIZE(disc_names); i++) {
        struct store_file *found = image_store_find(store, disc_names[i]);
        file = found != NULL ? found->bytes : file;
    }
    be32_store(request.cdb + 2, lba);
    scsi_execute(target, &request);
    if (request.status != SCSI_GOOD || image == NULL || image->logical_sector != SECTOR) {
        return;
    }
    assert(request.transferred == SECTOR && (uint64_t)lba * SECTOR < image->size_bytes);
    if (image_file_read_padded(file, (uint64_t)lba * SECTOR, expected, SECTOR) != 0) {
        abort();
    }
    assert(memcmp(bytes, expected, SECTOR) == 0);
}

/* A command of a drive, with parameters of the input; every 16th is any command at all. */
static void command(struct scsi_target *target, const uint8_t *how, uint8_t *data)
{
    static const uint8_t opcodes[] = { 0x00, 0x03, 0x12, 0x1a, 0x1b, 0x1e, 0x25, 0x28,
                                       0x2b, 0x2f, 0x43, 0x46, 0x4a, 0x51, 0x52, 0x5a,
                                       0xa0, 0xa8, 0xad, 0xbb, 0xbd, 0xbe, 0x15, 0x55 };
    struct scsi_request request = { .length = how[0] == 255 ? LENGTH_MOST : 8u * how[0],
                                    .data = data };

    memcpy(request.cdb, how + 1, SCSI_CDB_BYTES);
    if (how[1] % 16 != 0) {
        request.cdb[0] = opcodes[how[1] / 2 % ARRAY_SIZE(opcodes)];
    }
    request.to_device = request.cdb[0] == 0x15 || request.cdb[0] == 0x55;
    scsi_execute(target, &request);
    assert(request.transferred <= request.length);
    assert(request.status == SCSI_GOOD || request.sense[0] != 0);
}

static struct image *disc_open(struct image_store *store, const char *name)
{
    struct error error = { "" };
    struct image *image = NULL;
    int code = image_open(&store->env, name, false, &image, &error);

    assert((code == 0) == (image != NULL) && (code == 0) == (error.text[0] == '\0'));
    assert(image == NULL ||
           (image->size_bytes % image->logical_sector == 0 && image->size_bytes > 0));
    return image;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const uint8_t id[SCSI_ID_BYTES] = { 1 };
    static uint8_t buffer[LENGTH_MOST];
    struct image_store *store = calloc(1, sizeof(*store));
    struct scsi_target target;

    if (store == NULL || n < HEAD) {
        free(store);
        return 0;
    }
    image_store_init(store, 1);
    const char *name = disc_names[data[0] & 1];
    size_t at = disc_make(store, data, n);
    struct image *image = disc_open(store, name);
    assert(image == NULL || !image->writable);
    scsi_target_init(&target, SCSI_DVD, image, id);
    for (; at + REQUEST <= n; at += REQUEST) {
        if (data[at] == 254) { /* the host changes the medium */
            struct image *other = (data[at + 1] & 1) != 0 ? disc_open(store, name) : NULL;
            if (scsi_target_change_medium(&target, other, (data[at + 1] & 2) != 0) != 0) {
                (void)image_close(other);
            }
        } else if (data[at] == 253) {
            disc_compare(store, &target, le32_load(data + at + 1) >> (data[at + 5] & 31));
        } else {
            command(&target, data + at, buffer);
        }
    }
    (void)scsi_target_fini(&target);
    assert(store->opened == 0);
    image_store_fini(store);
    free(store);
    return 0;
}
