/* VHDX: the header section: identifier, two headers, two region tables. [MS-VHDX 2.2] */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/block/crc32c.h"
#include "devices/block/vhdx.h"

/* clang-format off */
const struct guid vhdx_region_bat = { { 0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42, 0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08 } };
const struct guid vhdx_region_metadata = { { 0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b, 0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e } };
/* clang-format on */

static const uint32_t vhdx_header_at[2] = { VHDX_HEADER_1, VHDX_HEADER_2 };
static const uint32_t vhdx_regions_at[2] = { VHDX_REGIONS_1, VHDX_REGIONS_2 };

bool vhdx_probe(struct image_file *file)
{
    uint8_t signature[8];
    return image_file_read(file, VHDX_IDENTIFIER, signature, 8) == 0 &&
           memcmp(signature, "vhdxfile", 8) == 0;
}

static bool vhdx_structure_good(const uint8_t *bytes, size_t n, const char *signature)
{
    return memcmp(bytes, signature, 4) == 0 &&
           le32_load(bytes + 4) == crc32c_of_structure(bytes, n);
}

static void vhdx_take_header(struct vhdx *vhdx, unsigned which, const uint8_t *bytes)
{
    vhdx->header = which;
    vhdx->header_sequence = le64_load(bytes + VHDX_HEADER_SEQUENCE);
    memcpy(vhdx->file_write.bytes, bytes + VHDX_HEADER_FILE_WRITE, 16);
    memcpy(vhdx->data_write.bytes, bytes + VHDX_HEADER_DATA_WRITE, 16);
    memcpy(vhdx->log_guid.bytes, bytes + VHDX_HEADER_LOG, 16);
    vhdx->log_offset = le64_load(bytes + VHDX_HEADER_LOG_OFFSET);
    vhdx->log_length = le32_load(bytes + VHDX_HEADER_LOG_LENGTH);
}

int vhdx_read_headers(struct vhdx *vhdx, struct error *error)
{
    struct image_file *file = vhdx->image.file;
    uint8_t bytes[2][VHDX_HEADER_BYTES];
    bool good[2];
    for (unsigned i = 0; i < 2; i++) {
        good[i] = image_file_read(file, vhdx_header_at[i], bytes[i], VHDX_HEADER_BYTES) == 0 &&
                  vhdx_structure_good(bytes[i], VHDX_HEADER_BYTES, "head");
    }
    vhdx->both_headers = good[0] && good[1];
    if (!vhdx_probe(file) || (!good[0] && !good[1])) {
        return error_set(error, -EINVAL, "%s: no VHDX header with a right checksum", file->name);
    }
    unsigned which = !good[0] || (good[1] && le64_load(bytes[1] + VHDX_HEADER_SEQUENCE) >
                                                 le64_load(bytes[0] + VHDX_HEADER_SEQUENCE));
    vhdx_take_header(vhdx, which, bytes[which]);
    unsigned version = le16_load(bytes[which] + VHDX_HEADER_VERSION);
    unsigned log_version = le16_load(bytes[which] + VHDX_HEADER_LOG_VERSION);
    if (version != VHDX_VERSION || (log_version != 0 && !guid_is_zero(&vhdx->log_guid))) {
        return error_set(error, -EINVAL, "%s: VHDX version %u with log version %u is not known",
                         file->name, version, log_version);
    }
    if (vhdx->log_offset % VHDX_MIB != 0 || vhdx->log_offset < VHDX_MIB ||
        vhdx->log_length % VHDX_MIB != 0 || vhdx->log_length == 0 ||
        vhdx->log_length > VHDX_LOG_MOST_BYTES || vhdx->log_offset > file->size_bytes ||
        vhdx->log_length > file->size_bytes - vhdx->log_offset) {
        return error_set(error, -EINVAL, "%s: a VHDX log of %u bytes at %llu cannot be", file->name,
                         vhdx->log_length, (unsigned long long)vhdx->log_offset);
    }
    return 0;
}

void vhdx_make_header(const struct vhdx *vhdx, uint8_t bytes[VHDX_HEADER_BYTES])
{
    memset(bytes, 0, VHDX_HEADER_BYTES);
    memcpy(bytes, "head", 4);
    le64_store(bytes + VHDX_HEADER_SEQUENCE, vhdx->header_sequence);
    memcpy(bytes + VHDX_HEADER_FILE_WRITE, vhdx->file_write.bytes, 16);
    memcpy(bytes + VHDX_HEADER_DATA_WRITE, vhdx->data_write.bytes, 16);
    memcpy(bytes + VHDX_HEADER_LOG, vhdx->log_guid.bytes, 16);
    le16_store(bytes + VHDX_HEADER_VERSION, VHDX_VERSION);
    le32_store(bytes + VHDX_HEADER_LOG_LENGTH, vhdx->log_length);
    le64_store(bytes + VHDX_HEADER_LOG_OFFSET, vhdx->log_offset);
    le32_store(bytes + VHDX_HEADER_CHECKSUM, crc32c_of_structure(bytes, VHDX_HEADER_BYTES));
}

/* Over the one that is not current: a torn write leaves the other. [2.2.2.1] */
int vhdx_write_header(struct vhdx *vhdx)
{
    uint8_t bytes[VHDX_HEADER_BYTES];
    vhdx->header ^= 1;
    vhdx->header_sequence++;
    vhdx_make_header(vhdx, bytes);
    int code =
        image_file_write(vhdx->image.file, vhdx_header_at[vhdx->header], bytes, sizeof(bytes));
    return code == 0 ? image_file_flush(vhdx->image.file) : code;
}

/* One row of the region table; which of the extents are taken so far is in extents. */
static int vhdx_take_region(struct vhdx *vhdx, const uint8_t *row, struct image_extent *extents,
                            size_t *n, struct error *error)
{
    const char *name = vhdx->image.file->name;
    uint64_t size = vhdx->image.file->size_bytes;
    struct guid id;
    memcpy(id.bytes, row, 16);
    uint64_t offset = le64_load(row + VHDX_REGION_OFFSET);
    uint32_t length = le32_load(row + VHDX_REGION_LENGTH);
    bool bat = guid_equal(&id, &vhdx_region_bat), metadata = guid_equal(&id, &vhdx_region_metadata);
    if (!bat && !metadata && (le32_load(row + VHDX_REGION_REQUIRED) & 1) != 0) {
        char text[GUID_TEXT_SIZE];
        guid_print(&id, text);
        return error_set(error, -EINVAL, "%s: needs region %s, which is not known", name, text);
    }
    if (offset % VHDX_MIB != 0 || offset < VHDX_MIB || length % VHDX_MIB != 0 || length == 0 ||
        offset > size || length > size - offset) {
        return error_set(error, -EINVAL, "%s: a region of %u bytes at %llu cannot be", name, length,
                         (unsigned long long)offset);
    }
    if ((bat && vhdx->bat_length != 0) || (metadata && vhdx->metadata_length != 0)) {
        return error_set(error, -EINVAL, "%s: a region stands twice in the table", name);
    }
    if (bat) {
        vhdx->bat_offset = offset;
        vhdx->bat_length = length;
    } else if (metadata) {
        vhdx->metadata_offset = offset;
        vhdx->metadata_length = length;
    }
    extents[(*n)++] = (struct image_extent){ offset, length };
    return 0;
}

static int vhdx_take_regions(struct vhdx *vhdx, const uint8_t *bytes, struct error *error)
{
    const char *name = vhdx->image.file->name;
    uint32_t count = le32_load(bytes + VHDX_REGIONS_COUNT);
    if (count > VHDX_MOST_ENTRIES) {
        return error_set(error, -EINVAL, "%s: a region table of %u rows", name, count);
    }
    struct image_extent *extents = calloc((size_t)count + 1, sizeof(*extents));
    if (extents == NULL) {
        return error_set(error, -ENOMEM, "%s: no memory for its regions", name);
    }
    size_t n = 0;
    extents[n++] = (struct image_extent){ vhdx->log_offset, vhdx->log_length };
    int code = 0;
    for (uint32_t i = 0; code == 0 && i < count; i++) {
        code = vhdx_take_region(vhdx, bytes + VHDX_REGIONS_ROWS + (size_t)i * VHDX_REGION_BYTES,
                                extents, &n, error);
    }
    for (size_t i = 0; code == 0 && i < n; i++) {
        uint64_t end = extents[i].offset + extents[i].n;
        vhdx->data_end = end > vhdx->data_end ? end : vhdx->data_end;
    }
    if (code == 0 && image_extents_overlap(extents, n) != SIZE_MAX) {
        code = error_set(error, -EINVAL, "%s: regions of the VHDX overlap", name);
    }
    if (code == 0 && (vhdx->bat_length == 0 || vhdx->metadata_length == 0)) {
        code = error_set(error, -EINVAL, "%s: the VHDX has no block table or no metadata", name);
    }
    free(extents);
    return code;
}

int vhdx_read_regions(struct vhdx *vhdx, struct error *error)
{
    struct image_file *file = vhdx->image.file;
    uint8_t *bytes = malloc(2 * (size_t)VHDX_REGIONS_BYTES);
    if (bytes == NULL) {
        return error_set(error, -ENOMEM, "%s: no memory for its regions", file->name);
    }
    bool good[2];
    for (unsigned i = 0; i < 2; i++) {
        uint8_t *table = bytes + (size_t)i * VHDX_REGIONS_BYTES;
        good[i] = image_file_read(file, vhdx_regions_at[i], table, VHDX_REGIONS_BYTES) == 0 &&
                  vhdx_structure_good(table, VHDX_REGIONS_BYTES, "regi");
    }
    vhdx->both_regions =
        good[0] && good[1] && memcmp(bytes, bytes + VHDX_REGIONS_BYTES, VHDX_REGIONS_BYTES) == 0;
    int code = good[0] || good[1]
                   ? vhdx_take_regions(vhdx, good[0] ? bytes : bytes + VHDX_REGIONS_BYTES, error)
                   : error_set(error, -EINVAL, "%s: no VHDX region table with a right checksum",
                               file->name);
    free(bytes);
    return code;
}
