/* VHD: opening. Nothing in the file is believed before it was checked. [VHD 1.0] */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/block/image_text.h"
#include "devices/block/vhd.h"

enum { VHD_MOST_BLOCKS = 1 << 25 };

uint32_t vhd_checksum(const uint8_t *bytes, size_t n, size_t at)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += i >= at && i < at + 4 ? 0U : bytes[i];
    }
    return ~sum;
}

static bool vhd_footer_good(const uint8_t *footer)
{
    return memcmp(footer, "conectix", 8) == 0 &&
           be32_load(footer + VHD_FOOTER_CHECKSUM) ==
               vhd_checksum(footer, VHD_FOOTER_BYTES, VHD_FOOTER_CHECKSUM);
}

bool vhd_probe(struct image_file *file)
{
    uint8_t cookie[8];
    if (file->size_bytes < VHD_FOOTER_BYTES) {
        return false;
    }
    if (image_file_read(file, 0, cookie, 8) == 0 && memcmp(cookie, "conectix", 8) == 0) {
        return true;
    }
    return image_file_read(file, file->size_bytes - VHD_FOOTER_BYTES, cookie, 8) == 0 &&
           memcmp(cookie, "conectix", 8) == 0;
}

/* The footer, from the end or, where a crash lost that, its copy at the start. Guest data may stand in one of the two places
 * and look like one; two that differ are refused. */
static int vhd_read_footer(struct vhd *vhd, struct error *error)
{
    struct image_file *file = vhd->image.file;
    uint8_t copy[VHD_FOOTER_BYTES];
    if (file->size_bytes < VHD_FOOTER_BYTES) {
        return error_set(error, -EINVAL, "%s: too small for a VHD", file->name);
    }
    int code =
        image_file_read(file, file->size_bytes - VHD_FOOTER_BYTES, vhd->footer, VHD_FOOTER_BYTES);
    code = code == 0 ? image_file_read(file, 0, copy, VHD_FOOTER_BYTES) : code;
    if (code != 0) {
        return error_set(error, code, "%.400s: %s", file->name, strerror(-code));
    }
    bool at_end = vhd_footer_good(vhd->footer);
    bool at_start = vhd_footer_good(copy) && be32_load(copy + VHD_FOOTER_TYPE) != VHD_DISK_FIXED;
    vhd->footer_lost = !at_end;
    if (!at_end && !at_start) {
        return error_set(error, -EINVAL, "%s: no VHD footer with a right checksum", file->name);
    }
    if (at_end && at_start && memcmp(vhd->footer, copy, VHD_FOOTER_BYTES) != 0) {
        return error_set(error, -EINVAL, "%s: the two VHD footers differ", file->name);
    }
    if (!at_end) {
        memcpy(vhd->footer, copy, VHD_FOOTER_BYTES);
    }
    return 0;
}

static int vhd_take_footer(struct vhd *vhd, struct error *error)
{
    struct image *image = &vhd->image;
    const char *name = image->file->name;
    uint32_t type = be32_load(vhd->footer + VHD_FOOTER_TYPE),
             version = be32_load(vhd->footer + VHD_FOOTER_VERSION);
    image->size_bytes = be64_load(vhd->footer + VHD_FOOTER_CURRENT_SIZE);
    memcpy(image->id.bytes, vhd->footer + VHD_FOOTER_ID, 16);
    if (version >> 16 != VHD_VERSION >> 16) {
        return error_set(error, -EINVAL, "%s: VHD version 0x%x is not known", name, version);
    }
    if (type < VHD_DISK_FIXED || type > VHD_DISK_DIFFERENCING) {
        return error_set(error, -EINVAL, "%s: VHD type %u is not known", name, type);
    }
    if (image->size_bytes == 0 || image->size_bytes % VHD_SECTOR != 0 ||
        image->size_bytes > VHD_MOST_BYTES) {
        return error_set(error, -EINVAL, "%s: a VHD cannot have %llu bytes", name,
                         (unsigned long long)image->size_bytes);
    }
    image->type = type == VHD_DISK_FIXED     ? IMAGE_FIXED
                  : type == VHD_DISK_DYNAMIC ? IMAGE_DYNAMIC
                                             : IMAGE_DIFFERENCING;
    if (image->type == IMAGE_FIXED &&
        image->size_bytes > image->file->size_bytes - VHD_FOOTER_BYTES) {
        return error_set(error, -EINVAL, "%s: the file is shorter than its disk", name);
    }
    return 0;
}

static int vhd_take_header(struct vhd *vhd, uint8_t header[VHD_HEADER_BYTES], struct error *error)
{
    struct image_file *file = vhd->image.file;
    uint64_t at = be64_load(vhd->footer + VHD_FOOTER_DATA_OFFSET);
    if (image_file_read(file, at, header, VHD_HEADER_BYTES) != 0) {
        return error_set(error, -EINVAL, "%s: the VHD header is not in the file", file->name);
    }
    if (memcmp(header, "cxsparse", 8) != 0 ||
        be32_load(header + VHD_HEADER_CHECKSUM) !=
            vhd_checksum(header, VHD_HEADER_BYTES, VHD_HEADER_CHECKSUM) ||
        be32_load(header + VHD_HEADER_VERSION) >> 16 != VHD_VERSION >> 16) {
        return error_set(error, -EINVAL, "%s: the VHD header is damaged", file->name);
    }
    uint32_t block = be32_load(header + VHD_HEADER_BLOCK_BYTES);
    if (block < VHD_LEAST_BLOCK_BYTES || block > VHD_MOST_BLOCK_BYTES ||
        (block & (block - 1)) != 0) {
        return error_set(error, -EINVAL, "%s: VHD blocks of %u bytes are not known", file->name,
                         block);
    }
    uint64_t n_blocks = (vhd->image.size_bytes + block - 1) / block;
    uint32_t entries = be32_load(header + VHD_HEADER_ENTRIES);
    if (n_blocks > entries || n_blocks > VHD_MOST_BLOCKS) {
        return error_set(error, -EINVAL, "%s: %llu blocks in a table of %u", file->name,
                         (unsigned long long)n_blocks, entries);
    }
    vhd->image.block_bytes = block;
    vhd->n_blocks = (uint32_t)n_blocks;
    vhd->bitmap_bytes = (block / VHD_SECTOR / 8 + VHD_SECTOR - 1) / VHD_SECTOR * VHD_SECTOR;
    vhd->table_offset = be64_load(header + VHD_HEADER_TABLE_OFFSET);
    uint64_t size = file->size_bytes;
    if (vhd->table_offset % VHD_SECTOR != 0 || vhd->table_offset > size ||
        n_blocks * 4 > size - vhd->table_offset) {
        return error_set(error, -EINVAL, "%s: the block table is not in the file", file->name);
    }
    return 0;
}

/* Bytes of the file that hold no block: footer copy, header, table, locators. Returns how many extents. */
static size_t vhd_fixed_extents(const struct vhd *vhd, const uint8_t *header,
                                struct image_extent *extents)
{
    size_t n = 0;
    extents[n++] = (struct image_extent){ 0, VHD_FOOTER_BYTES };
    extents[n++] =
        (struct image_extent){ be64_load(vhd->footer + VHD_FOOTER_DATA_OFFSET), VHD_HEADER_BYTES };
    extents[n++] = (struct image_extent){ vhd->table_offset, vhd_table_bytes(vhd) };
    for (unsigned i = 0; i < VHD_LOCATORS; i++) {
        const uint8_t *locator = header + VHD_HEADER_LOCATORS + i * VHD_LOCATOR_BYTES;
        uint64_t offset = be64_load(locator + VHD_LOCATOR_OFFSET);
        uint32_t length = be32_load(locator + VHD_LOCATOR_LENGTH);
        if (be32_load(locator + VHD_LOCATOR_CODE) != 0 && length != 0) {
            extents[n++] = (struct image_extent){ offset, length };
        }
    }
    return n;
}

/* Every block inside the file, none over another thing. Sets data_end. */
static int vhd_check_table(struct vhd *vhd, const uint8_t *header, struct error *error)
{
    const char *name = vhd->image.file->name;
    uint64_t size = vhd->image.file->size_bytes,
             whole = (uint64_t)vhd->bitmap_bytes + vhd->image.block_bytes;
    struct image_extent *extents =
        calloc((size_t)vhd->n_blocks + 3 + VHD_LOCATORS, sizeof(*extents));
    if (extents == NULL) {
        return error_set(error, -ENOMEM, "%s: no memory for its table", name);
    }
    size_t n = vhd_fixed_extents(vhd, header, extents);
    int code = 0;
    for (uint32_t i = 0; code == 0 && i < vhd->n_blocks; i++) {
        uint64_t at = (uint64_t)vhd->table[i] * VHD_SECTOR;
        if (vhd->table[i] == VHD_UNUSED) {
            continue;
        }
        if (at > size || whole > size - at) {
            code = error_set(error, -EINVAL, "%s: block %u lies outside the file", name, i);
        }
        extents[n++] = (struct image_extent){ at, whole };
    }
    for (size_t i = 0; code == 0 && i < n; i++) {
        if (extents[i].offset > size || extents[i].n > size - extents[i].offset) {
            code = error_set(error, -EINVAL, "%s: the parent's name lies outside the file", name);
        } else if (extents[i].offset + extents[i].n > vhd->data_end) {
            vhd->data_end = extents[i].offset + extents[i].n;
        }
    }
    if (code == 0 && image_extents_overlap(extents, n) != SIZE_MAX) {
        code = error_set(error, -EINVAL, "%s: parts of the VHD overlap", name);
    }
    vhd->data_end = (vhd->data_end + VHD_SECTOR - 1) / VHD_SECTOR * VHD_SECTOR;
    free(extents);
    return code;
}

static int vhd_read_table(struct vhd *vhd, const uint8_t *header, struct error *error)
{
    size_t n = vhd->n_blocks, sectors = (size_t)(vhd_table_bytes(vhd) / VHD_SECTOR);
    vhd->table = calloc(n, sizeof(*vhd->table));
    vhd->bitmaps = calloc(n, sizeof(*vhd->bitmaps));
    vhd->full = calloc(1, (n + 7) / 8);
    vhd->table_dirty = calloc(1, sectors);
    if (vhd->table == NULL || vhd->bitmaps == NULL || vhd->full == NULL ||
        vhd->table_dirty == NULL) {
        return error_set(error, -ENOMEM, "%s: no memory for its table", vhd->image.file->name);
    }
    int code = image_file_read(vhd->image.file, vhd->table_offset, vhd->table, n * 4);
    if (code != 0) {
        return error_set(error, code, "%.400s: %s", vhd->image.file->name, strerror(-code));
    }
    for (size_t i = 0; i < n; i++) {
        vhd->table[i] = be32_load(&vhd->table[i]);
    }
    return vhd_check_table(vhd, header, error);
}

/* One locator's path, or an empty string. */
static void vhd_read_locator(struct vhd *vhd, const uint8_t *header, uint32_t code, char *path,
                             size_t size)
{
    uint8_t bytes[2 * IMAGE_NAME_MAX];
    *path = '\0';
    for (unsigned i = 0; i < VHD_LOCATORS; i++) {
        const uint8_t *locator = header + VHD_HEADER_LOCATORS + i * VHD_LOCATOR_BYTES;
        uint32_t length = be32_load(locator + VHD_LOCATOR_LENGTH);
        if (be32_load(locator + VHD_LOCATOR_CODE) != code || length > sizeof(bytes)) {
            continue;
        }
        if (image_file_read(vhd->image.file, be64_load(locator + VHD_LOCATOR_OFFSET), bytes,
                            length) == 0 &&
            image_text_from_utf16(bytes, length, false, path, size)) {
            return;
        }
        *path = '\0';
    }
}

static int vhd_take_parent(struct vhd *vhd, const uint8_t *header, const struct image_how *how,
                           struct error *error)
{
    struct image *image = &vhd->image;
    if (how->parent != NULL) {
        image->parent = how->parent;
        return 0;
    }
    char relative[IMAGE_NAME_MAX], absolute[IMAGE_NAME_MAX], last[IMAGE_NAME_MAX];
    vhd_read_locator(vhd, header, VHD_LOCATOR_RELATIVE, relative, sizeof(relative));
    vhd_read_locator(vhd, header, VHD_LOCATOR_ABSOLUTE, absolute, sizeof(absolute));
    if (!image_text_from_utf16(header + VHD_HEADER_PARENT_NAME, VHD_PARENT_NAME_BYTES, true, last,
                               sizeof(last))) {
        last[0] = '\0';
    }
    const char *const paths[] = { relative, absolute, last };
    int code = image_open_parent(image, how, paths, ARRAY_SIZE(paths), &image_format_vhd, error);
    if (code == 0 && memcmp(image->parent->id.bytes, header + VHD_HEADER_PARENT_ID, 16) != 0) {
        code = error_set(error, -EINVAL, "%.200s: %.200s is not the parent it was made from",
                         image->file->name, image->parent->file->name);
    }
    return code;
}

void vhd_free(struct vhd *vhd)
{
    for (uint32_t i = 0; vhd->bitmaps != NULL && i < vhd->n_blocks; i++) {
        free(vhd->bitmaps[i]);
    }
    free(vhd->bitmaps);
    free(vhd->table);
    free(vhd->full);
    free(vhd->table_dirty);
    free(vhd->dirty_bitmaps);
}

int vhd_open(struct image_file *file, const struct image_how *how, struct image **image,
             struct error *error)
{
    struct vhd *vhd = calloc(1, sizeof(*vhd));
    *image = NULL;
    if (vhd == NULL) {
        image_file_close(file);
        (void)image_close(how->parent);
        return error_set(error, -ENOMEM, "no memory for an image");
    }
    uint8_t header[VHD_HEADER_BYTES];
    image_init(&vhd->image, &image_format_vhd, file, how);
    int code = vhd_read_footer(vhd, error);
    code = code == 0 ? vhd_take_footer(vhd, error) : code;
    if (code == 0 && vhd->image.type != IMAGE_FIXED) {
        code = vhd_take_header(vhd, header, error);
        code = code == 0 ? vhd_read_table(vhd, header, error) : code;
    }
    bool has_parent = vhd->image.type == IMAGE_DIFFERENCING;
    if (code == 0 && has_parent) {
        code = vhd_take_parent(vhd, header, how, error);
    } else if (how->parent != NULL) {
        (void)image_close(how->parent);
        code = code != 0 ? code
                         : error_set(error, -EINVAL, "%s: this image has no parent", file->name);
    }
    if (code != 0) {
        vhd_free(vhd);
        image_fini(&vhd->image);
        free(vhd);
        return code;
    }
    *image = &vhd->image;
    return 0;
}
