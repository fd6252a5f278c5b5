/* VHD: making one. [VHD 1.0] */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/block/image_text.h"
#include "devices/block/vhd.h"

enum {
    VHD_NEW_HEADER = VHD_FOOTER_BYTES,
    VHD_NEW_TABLE = VHD_NEW_HEADER + VHD_HEADER_BYTES,
    VHD_LOCATOR_SPACE_BYTES = 4 * VHD_SECTOR,
};

#define VHD_EPOCH_2000 INT64_C(946684800) /* 2000-01-01 since 1970 */

static void vhd_make_footer(uint8_t footer[VHD_FOOTER_BYTES], const struct image_new *facts)
{
    static const uint8_t disk_types[] = {
        [IMAGE_FIXED] = VHD_DISK_FIXED,
        [IMAGE_DYNAMIC] = VHD_DISK_DYNAMIC,
        [IMAGE_DIFFERENCING] = VHD_DISK_DIFFERENCING,
    };
    const struct image_env *env = facts->env;
    struct image_geometry geometry = image_geometry(facts->size_bytes);
    memset(footer, 0, VHD_FOOTER_BYTES);
    memcpy(footer + VHD_FOOTER_COOKIE, "conectix", 8);
    be32_store(footer + VHD_FOOTER_FEATURES, VHD_FEATURES);
    be32_store(footer + VHD_FOOTER_VERSION, VHD_VERSION);
    be64_store(footer + VHD_FOOTER_DATA_OFFSET,
               facts->type == IMAGE_FIXED ? UINT64_MAX : VHD_NEW_HEADER);
    be32_store(footer + VHD_FOOTER_TIME,
               (uint32_t)(env->now_seconds(env->opaque) - VHD_EPOCH_2000));
    /* Of these names programs know that the size counts and not the geometry, which cannot tell every size. */
    memcpy(footer + VHD_FOOTER_CREATOR, "win ", 4);
    be32_store(footer + VHD_FOOTER_CREATOR_VERSION, 0x000a0000);
    memcpy(footer + VHD_FOOTER_CREATOR_HOST, "Wi2k", 4);
    be64_store(footer + VHD_FOOTER_ORIGINAL_SIZE, facts->size_bytes);
    be64_store(footer + VHD_FOOTER_CURRENT_SIZE, facts->size_bytes);
    be16_store(footer + VHD_FOOTER_GEOMETRY, geometry.cylinders);
    footer[VHD_FOOTER_GEOMETRY + 2] = geometry.heads;
    footer[VHD_FOOTER_GEOMETRY + 3] = geometry.sectors;
    be32_store(footer + VHD_FOOTER_TYPE, disk_types[facts->type]);
    env->random(env->opaque, footer + VHD_FOOTER_ID, 16);
    be32_store(footer + VHD_FOOTER_CHECKSUM,
               vhd_checksum(footer, VHD_FOOTER_BYTES, VHD_FOOTER_CHECKSUM));
}

/* One locator: its row in the header, and its text in the file. */
static int vhd_make_locator(struct image_file *file, uint8_t *row, uint32_t code, const char *path,
                            uint64_t at)
{
    uint8_t text[VHD_LOCATOR_SPACE_BYTES] = { 0 };
    size_t length = image_text_to_utf16(path, false, text, sizeof(text));
    if (length == 0) {
        return -ENAMETOOLONG;
    }
    be32_store(row + VHD_LOCATOR_CODE, code);
    be32_store(row + VHD_LOCATOR_SPACE,
               sizeof(text)); /* bytes: what other writers put here, against the text */
    be32_store(row + VHD_LOCATOR_LENGTH, (uint32_t)length);
    be64_store(row + VHD_LOCATOR_OFFSET, at);
    return image_file_write(file, at, text, sizeof(text));
}

/* Who the parent is; *end grows by what that takes. */
static int vhd_name_parent(struct image_file *file, uint8_t *header, const struct image_new *facts,
                           uint64_t *end)
{
    const struct image_env *env = facts->env;
    char child[IMAGE_NAME_MAX], parent[IMAGE_NAME_MAX], relative[IMAGE_NAME_MAX];
    struct vhd *vhd = vhd_of(facts->parent);
    int code = env->absolute(env->opaque, file->name, child, sizeof(child));
    code = code == 0 ? env->absolute(env->opaque, vhd->image.file->name, parent, sizeof(parent))
                     : code;
    if (code != 0) {
        return code;
    }
    memcpy(header + VHD_HEADER_PARENT_ID, vhd->footer + VHD_FOOTER_ID, 16);
    be32_store(header + VHD_HEADER_PARENT_TIME, be32_load(vhd->footer + VHD_FOOTER_TIME));
    const char *last = strrchr(parent, '/');
    last = last == NULL ? parent : last + 1;
    if (image_text_to_utf16(last, true, header + VHD_HEADER_PARENT_NAME,
                            VHD_PARENT_NAME_BYTES - 2) == 0) {
        return -ENAMETOOLONG;
    }
    uint8_t *row = header + VHD_HEADER_LOCATORS;
    if (image_relative_path(child, parent, relative, sizeof(relative))) {
        code = vhd_make_locator(file, row, VHD_LOCATOR_RELATIVE, relative, *end);
        row += VHD_LOCATOR_BYTES;
        *end += VHD_LOCATOR_SPACE_BYTES;
    }
    code = code == 0 ? vhd_make_locator(file, row, VHD_LOCATOR_ABSOLUTE, parent, *end) : code;
    *end += VHD_LOCATOR_SPACE_BYTES;
    return code;
}

static int vhd_write_sparse(struct image_file *file, const struct image_new *facts,
                            const uint8_t *footer)
{
    uint8_t header[VHD_HEADER_BYTES] = { 0 };
    uint32_t block = facts->block_bytes != 0 ? facts->block_bytes : VHD_BLOCK_BYTES;
    uint64_t entries = (facts->size_bytes + block - 1) / block;
    size_t table_bytes = (size_t)((entries * 4 + VHD_SECTOR - 1) / VHD_SECTOR * VHD_SECTOR);
    uint64_t end = VHD_NEW_TABLE + table_bytes;
    memcpy(header + VHD_HEADER_COOKIE, "cxsparse", 8);
    be64_store(header + VHD_HEADER_DATA_OFFSET, UINT64_MAX);
    be64_store(header + VHD_HEADER_TABLE_OFFSET, VHD_NEW_TABLE);
    be32_store(header + VHD_HEADER_VERSION, VHD_VERSION);
    be32_store(header + VHD_HEADER_ENTRIES, (uint32_t)entries);
    be32_store(header + VHD_HEADER_BLOCK_BYTES, block);
    int code = facts->type == IMAGE_DIFFERENCING ? vhd_name_parent(file, header, facts, &end) : 0;
    be32_store(header + VHD_HEADER_CHECKSUM,
               vhd_checksum(header, VHD_HEADER_BYTES, VHD_HEADER_CHECKSUM));
    uint8_t *table = malloc(table_bytes);
    if (table == NULL) {
        return -ENOMEM;
    }
    memset(table, 0xff, table_bytes);
    code = code == 0 ? image_file_write(file, 0, footer, VHD_FOOTER_BYTES) : code;
    code = code == 0 ? image_file_write(file, VHD_NEW_HEADER, header, VHD_HEADER_BYTES) : code;
    code = code == 0 ? image_file_write(file, VHD_NEW_TABLE, table, table_bytes) : code;
    code = code == 0 ? image_file_write(file, end, footer, VHD_FOOTER_BYTES) : code;
    free(table);
    return code;
}

int vhd_create(struct image_file *file, const struct image_new *facts, struct error *error)
{
    uint32_t block = facts->block_bytes;
    if (facts->size_bytes == 0 || facts->size_bytes % VHD_SECTOR != 0 ||
        facts->size_bytes > VHD_MOST_BYTES) {
        return error_set(error, -EINVAL,
                         "%s: a VHD has a multiple of 512 bytes, at most 2040 GiB; make a VHDX",
                         file->name);
    }
    if (facts->logical_sector != 0 && facts->logical_sector != VHD_SECTOR) {
        return error_set(error, -EINVAL, "%s: a VHD has sectors of 512 bytes", file->name);
    }
    if (block != 0 && (block < VHD_LEAST_BLOCK_BYTES || block > VHD_MOST_BLOCK_BYTES ||
                       (block & (block - 1)) != 0)) {
        return error_set(error, -EINVAL, "%s: a VHD has no blocks of %u bytes", file->name, block);
    }
    if (facts->type == IMAGE_DIFFERENCING && facts->parent->format != &image_format_vhd) {
        return error_set(error, -EINVAL, "%s: the parent of a VHD is a VHD", file->name);
    }
    uint8_t footer[VHD_FOOTER_BYTES];
    vhd_make_footer(footer, facts);
    int code = facts->type == IMAGE_FIXED
                   ? image_file_write(file, facts->size_bytes, footer, VHD_FOOTER_BYTES)
                   : vhd_write_sparse(file, facts, footer);
    return code == 0 ? 0 : error_set(error, code, "%.400s: %s", file->name, strerror(-code));
}
