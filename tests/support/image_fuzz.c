/* Fuzzing of images. Input: a byte that chooses, then changes: 4 bytes where (the place that they count from, the distance), 1 byte how
 * many, so many bytes. [MS-VHDX, VHD 1.0] */
#include "tests/support/image_fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/block/crc32c.h"
#include "devices/block/vhd.h"
#include "devices/block/vhdx.h"
#include "tests/support/image_store.h"

enum { DISK = 3 << 20, PIECE = 1 << 16, METADATA = 2 << 20, TABLE = 3 << 20 };
/* Of the first byte, behind the type: checksums are set right; the image may be written to; it was left with a log to be replayed. */
enum { SEAL = 4, WRITE = 8, CRASHED = 16 };

static void must(int code)
{
    if (code != 0) {
        abort();
    }
}

/* An image with some data, and what a crash would leave of it: with a log, in a VHDX. */
static void fuzz_make(struct image_store *store, const char *name, const char *crashed,
                      const char *format, enum image_type type, struct image *parent)
{
    struct error error = { "" };
    struct image *image;
    uint8_t bytes[4096] = { 1 };
    uint32_t block = strcmp(format, "vhd") == 0 ? 16384 : 1 << 20;
    struct image_new facts = {
        .env = &store->env, .size_bytes = DISK, .type = type, .block_bytes = block, .parent = parent
    };
    must(image_create(name, image_format_named(format), &facts, &error));
    (void)image_close(parent);
    must(image_open(&store->env, name, true, &image, &error));
    must(image_write(image, 0, bytes, sizeof(bytes)));
    must(image_write(image, 2 << 20, bytes, sizeof(bytes)));
    must(image_flush(image));
    image_store_copy(store, name, crashed);
    must(image_close(image));
}

/* Use an image if it opens at all, to read or to write. */
static void fuzz_use(struct image_store *store, const char *name, bool write)
{
    static const uint64_t places[] = { 0, 4096, 1 << 20, (1 << 20) + 8192, 2 << 20 };
    struct error error = { "" };
    struct image *image;
    struct image_report report = { 0 };
    if (image_open(&store->env, name, write, &image, &error) != 0) {
        must(error.text[0] != '\0' ? 0 : -1);
        return;
    }
    uint8_t *bytes = malloc(PIECE);
    must(bytes != NULL ? 0 : -1);
    image_check(image, &report);
    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        uint64_t at = places[i], n = PIECE;
        (void)!image_read(image, at, bytes, PIECE);
        (void)image_has_data(image, at / image->logical_sector * image->logical_sector, &n);
        (void)!image_write(image, at, bytes, 8192);
        (void)!(i % 2 == 0 ? image_flush(image) : image_discard(image, at, PIECE));
    }
    (void)!image_discard(image, 1 << 20, 1 << 20); /* a whole block: its room is used again */
    (void)!image_flush(image);
    (void)!image_write(image, 1 << 20, bytes, 4096);
    uint64_t last = image->size_bytes - image->logical_sector;
    (void)!image_read(image, last, bytes, image->logical_sector);
    (void)!image_write(image, last, bytes, image->logical_sector);
    free(bytes);
    (void)image_close(image);
}

/* Apply the changes; each of the places is where a number that the input gives counts from. */
static void fuzz_change(struct image_file *file, const uint8_t *data, size_t n,
                        const uint64_t *places, size_t n_places)
{
    while (n > 5) {
        uint64_t at = places[data[0] % n_places] + (le32_load(data) >> 8) % (1 << 17);
        size_t length = data[4] < n - 5 ? data[4] : n - 5;
        if (at + length <= file->size_bytes) {
            must(image_file_write(file, at, data + 5, length));
        }
        data += 5 + length;
        n -= 5 + length;
    }
}

static void fuzz_seal_vhd(struct image_file *file)
{
    uint8_t bytes[VHD_HEADER_BYTES];
    uint64_t at[2] = { 0, file->size_bytes - VHD_FOOTER_BYTES };
    must(image_file_read(file, 0, bytes, VHD_FOOTER_BYTES));
    be32_store(bytes + VHD_FOOTER_CHECKSUM,
               vhd_checksum(bytes, VHD_FOOTER_BYTES, VHD_FOOTER_CHECKSUM));
    must(image_file_write(file, at[0], bytes, VHD_FOOTER_BYTES));
    must(image_file_write(file, at[1], bytes, VHD_FOOTER_BYTES));
    must(image_file_read(file, VHD_FOOTER_BYTES, bytes, VHD_HEADER_BYTES));
    be32_store(bytes + VHD_HEADER_CHECKSUM,
               vhd_checksum(bytes, VHD_HEADER_BYTES, VHD_HEADER_CHECKSUM));
    must(image_file_write(file, VHD_FOOTER_BYTES, bytes, VHD_HEADER_BYTES));
}

static void fuzz_seal(struct image_file *file, uint64_t at, size_t n)
{
    uint8_t *bytes = malloc(n);
    must(bytes == NULL || image_file_read(file, at, bytes, n) != 0 ? -1 : 0);
    le32_store(bytes + 4, crc32c_of_structure(bytes, n));
    must(image_file_write(file, at, bytes, n));
    free(bytes);
}

static void fuzz_seal_vhdx(struct image_file *file)
{
    fuzz_seal(file, VHDX_HEADER_1, VHDX_HEADER_BYTES);
    fuzz_seal(file, VHDX_HEADER_2, VHDX_HEADER_BYTES);
    fuzz_seal(file, VHDX_REGIONS_1, VHDX_REGIONS_BYTES);
    for (uint32_t at = 0, length; at + VHDX_LOG_SECTOR <= VHDX_LOG_BYTES; at += length) {
        uint8_t entry[VHDX_LOG_HEADER_BYTES];
        must(image_file_read(file, VHDX_MIB + at, entry, sizeof(entry)));
        length = le32_load(entry + VHDX_LOG_LENGTH);
        if (memcmp(entry, "loge", 4) != 0 || length < VHDX_LOG_SECTOR ||
            length > 64 * VHDX_LOG_SECTOR || length > VHDX_LOG_BYTES - at) {
            break;
        }
        fuzz_seal(file, VHDX_MIB + at, length);
    }
}

/* Images to begin with, made once. */
static const char *const fuzz_names[2][3] = {
    { "fixed", "dynamic", "differencing" },
    { "fixed crashed", "dynamic crashed", "differencing crashed" },
};

static void fuzz_templates(struct image_store *store, const char *format)
{
    struct error error = { "" };
    struct image *parent;
    image_store_init(store, 3);
    fuzz_make(store, "base", "base crashed", format, IMAGE_DYNAMIC, NULL);
    for (unsigned i = IMAGE_FIXED; i <= IMAGE_DIFFERENCING; i++) {
        parent = NULL;
        if (i == IMAGE_DIFFERENCING) {
            must(image_open(&store->env, "base", false, &parent, &error));
        }
        fuzz_make(store, fuzz_names[0][i], fuzz_names[1][i], format, (enum image_type)i, parent);
    }
}

static void fuzz_format(struct image_store *store, const char *format, const uint8_t *data,
                        size_t n, const uint64_t *places, size_t n_places)
{
    if (n < 1) {
        return;
    }
    if (store->random == 0) {
        fuzz_templates(store, format);
    }
    bool vhd = strcmp(format, "vhd") == 0;
    enum image_type type = (enum image_type)((data[0] & 3) % 3);
    image_store_copy(store, fuzz_names[(data[0] & CRASHED) != 0][type], "disk");
    struct image_file *file = image_store_find(store, "disk")->bytes;
    fuzz_change(file, data + 1, n - 1, places, n_places);
    if ((data[0] & SEAL) != 0 && vhd && type != IMAGE_FIXED) {
        fuzz_seal_vhd(file);
    } else if ((data[0] & SEAL) != 0 && !vhd) {
        fuzz_seal_vhdx(file);
    }
    fuzz_use(store, "disk", (data[0] & WRITE) != 0);
    must(store->opened == 0 ? 0 : -1);
}

void image_fuzz_vhd(const uint8_t *data, size_t n)
{
    static struct image_store store;
    static const uint64_t places[] = { 0, VHD_FOOTER_BYTES, 1536, DISK };
    fuzz_format(&store, "vhd", data, n, places, ARRAY_SIZE(places));
}

void image_fuzz_vhdx(const uint8_t *data, size_t n)
{
    static struct image_store store;
    static const uint64_t places[] = { VHDX_HEADER_1,
                                       VHDX_HEADER_2,
                                       VHDX_REGIONS_1,
                                       VHDX_MIB,
                                       METADATA,
                                       TABLE,
                                       METADATA + VHDX_KIB64,
                                       VHDX_MIB + VHDX_LOG_SECTOR,
                                       VHDX_MIB + 3 * VHDX_LOG_SECTOR };
    fuzz_format(&store, "vhdx", data, n, places, ARRAY_SIZE(places));
}

void image_fuzz_bytes(const uint8_t *data, size_t n)
{
    struct image_store *store = calloc(1, sizeof(*store));
    if (n < 3 || store == NULL) {
        free(store);
        return;
    }
    image_store_init(store, 3);
    struct image_file *file = image_store_make(store, "bytes")->bytes;
    must(image_file_resize(file, (data[1] & 1) != 0 ? le16_load(data) * 64U : 0));
    must(image_file_write(file, (data[0] & 1) != 0 ? 32768 : 0, data + 2, n - 2));
    fuzz_use(store, "bytes", (data[1] & 2) != 0);
    image_store_fini(store);
    free(store);
}
