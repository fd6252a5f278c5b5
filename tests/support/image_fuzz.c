/* Fuzzing of images. Input: a byte that chooses, then changes: 4 bytes where, 1 byte how many, so many bytes. [MS-VHDX, VHD 1.0] */
#include "tests/support/image_fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/block/crc32c.h"
#include "devices/block/vhd.h"
#include "devices/block/vhdx.h"
#include "tests/support/image_store.h"

enum { DISK = 3 << 20, PIECE = 1 << 16, METADATA = 2 << 20, TABLE = 3 << 20, SEAL = 4 };

static void must(int code)
{
    if (code != 0) {
        abort();
    }
}

static void fuzz_make(struct image_store *store, const char *name, const char *format,
                      enum image_type type, struct image *parent)
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
    must(image_close(image));
}

/* Use an image if it opens at all. */
static void fuzz_use(struct image_store *store, const char *name)
{
    static const uint64_t places[] = { 0, 4096, 1 << 20, (1 << 20) + 8192, 2 << 20 };
    for (int write = 0; write < 2; write++) {
        struct error error = { "" };
        struct image *image;
        struct image_report report = { 0 };
        if (image_open(&store->env, name, write != 0, &image, &error) != 0) {
            continue;
        }
        uint8_t *bytes = malloc(PIECE);
        image_check(image, &report);
        for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
            uint64_t at = places[i], n = PIECE;
            (void)!image_read(image, at, bytes, PIECE);
            (void)image_has_data(image, at / image->logical_sector * image->logical_sector, &n);
            (void)!image_write(image, at, bytes, 8192);
            (void)!(i % 2 == 0 ? image_flush(image) : image_discard(image, at, PIECE));
        }
        (void)!image_read(image, image->size_bytes - image->logical_sector, bytes,
                          image->logical_sector);
        (void)!image_write(image, image->size_bytes - image->logical_sector, bytes,
                           image->logical_sector);
        free(bytes);
        (void)image_close(image);
    }
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
    uint8_t length[4];
    fuzz_seal(file, VHDX_HEADER_1, VHDX_HEADER_BYTES);
    fuzz_seal(file, VHDX_HEADER_2, VHDX_HEADER_BYTES);
    fuzz_seal(file, VHDX_REGIONS_1, VHDX_REGIONS_BYTES);
    must(image_file_read(file, VHDX_MIB + VHDX_LOG_LENGTH, length, 4));
    uint32_t entry = le32_load(length);
    if (entry >= VHDX_LOG_SECTOR && entry <= 64 * VHDX_LOG_SECTOR) {
        fuzz_seal(file, VHDX_MIB, entry);
    }
}

/* Images to begin with, made once. */
static const char *const fuzz_names[] = { "fixed", "dynamic", "differencing" };

static void fuzz_templates(struct image_store *store, const char *format)
{
    struct error error = { "" };
    struct image *parent;
    image_store_init(store, 3);
    fuzz_make(store, fuzz_names[0], format, IMAGE_FIXED, NULL);
    fuzz_make(store, fuzz_names[1], format, IMAGE_DYNAMIC, NULL);
    fuzz_make(store, "base", format, IMAGE_DYNAMIC, NULL);
    must(image_open(&store->env, "base", false, &parent, &error));
    fuzz_make(store, fuzz_names[2], format, IMAGE_DIFFERENCING, parent);
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
    enum image_type type = (enum image_type)(data[0] % 3);
    image_store_copy(store, fuzz_names[type], "disk");
    struct image_file *file = image_store_find(store, "disk")->bytes;
    fuzz_change(file, data + 1, n - 1, places, n_places);
    if ((data[0] & SEAL) != 0 && vhd && type != IMAGE_FIXED) {
        fuzz_seal_vhd(file);
    } else if ((data[0] & SEAL) != 0 && !vhd) {
        fuzz_seal_vhdx(file);
    }
    fuzz_use(store, "disk");
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
    static const uint64_t places[] = { VHDX_HEADER_1, VHDX_HEADER_2, VHDX_REGIONS_1,       VHDX_MIB,
                                       METADATA,      TABLE,         METADATA + VHDX_KIB64 };
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
    fuzz_use(store, "bytes");
    image_store_fini(store);
    free(store);
}
