/* VHDX: making one. [MS-VHDX 2] */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/block/crc32c.h"
#include "devices/block/image_text.h"
#include "devices/block/vhdx.h"

enum {
    /* Where our regions stand: header section, log, metadata, block table, blocks. */
    NEW_LOG = VHDX_MIB,
    NEW_METADATA = NEW_LOG + VHDX_LOG_BYTES,
    NEW_TABLE = NEW_METADATA + VHDX_MIB,
    NEW_BLOCK_BYTES = 2 << 20,
    NEW_LARGE_BLOCK_BYTES = 32 << 20,
    NEW_PHYSICAL_SECTOR = 4096,
};

#define NEW_LARGE_DISK (UINT64_C(4) << 40) /* from here on larger blocks keep the table small */

static int new_check(const struct image_file *file, const struct image_new *facts, uint32_t block,
                     uint32_t logical, struct error *error)
{
    const char *name = file->name;
    if (logical != 512 && logical != 4096) {
        return error_set(error, -EINVAL, "%s: a VHDX has sectors of 512 or 4096 bytes", name);
    }
    if (block < VHDX_LEAST_BLOCK_BYTES || block > VHDX_MOST_BLOCK_BYTES ||
        (block & (block - 1)) != 0) {
        return error_set(error, -EINVAL, "%s: the blocks of a VHDX have 1M to 256M, a power of two",
                         name);
    }
    if (facts->size_bytes == 0 || facts->size_bytes % logical != 0 ||
        facts->size_bytes > VHDX_MOST_BYTES) {
        return error_set(error, -EINVAL, "%s: a VHDX has a multiple of %u bytes, at most 64 TiB",
                         name, logical);
    }
    return 0;
}

static void new_region(uint8_t *row, const struct guid *id, uint64_t offset, uint32_t length)
{
    memcpy(row, id->bytes, 16);
    le64_store(row + VHDX_REGION_OFFSET, offset);
    le32_store(row + VHDX_REGION_LENGTH, length);
    le32_store(row + VHDX_REGION_REQUIRED, 1);
}

/* Identifier, both headers, both region tables. */
static int new_header_section(struct image_file *file, struct vhdx *vhdx)
{
    uint8_t *bytes = calloc(1, VHDX_REGIONS_BYTES);
    if (bytes == NULL) {
        return -ENOMEM;
    }
    memcpy(bytes, "vhdxfile", 8);
    (void)image_text_to_utf16("verdite", false, bytes + 8, 510);
    int code = image_file_write(file, VHDX_IDENTIFIER, bytes, VHDX_HEADER_BYTES);
    for (unsigned i = 0; code == 0 && i < 2; i++) {
        vhdx->header_sequence++;
        vhdx_make_header(vhdx, bytes);
        code = image_file_write(file, i == 0 ? VHDX_HEADER_1 : VHDX_HEADER_2, bytes,
                                VHDX_HEADER_BYTES);
    }
    memset(bytes, 0, VHDX_REGIONS_BYTES);
    memcpy(bytes, "regi", 4);
    le32_store(bytes + VHDX_REGIONS_COUNT, 2);
    new_region(bytes + VHDX_REGIONS_ROWS, &vhdx_region_bat, NEW_TABLE, vhdx->bat_length);
    new_region(bytes + VHDX_REGIONS_ROWS + VHDX_REGION_BYTES, &vhdx_region_metadata, NEW_METADATA,
               VHDX_MIB);
    le32_store(bytes + 4, crc32c_of_structure(bytes, VHDX_REGIONS_BYTES));
    code = code == 0 ? image_file_write(file, VHDX_REGIONS_1, bytes, VHDX_REGIONS_BYTES) : code;
    code = code == 0 ? image_file_write(file, VHDX_REGIONS_2, bytes, VHDX_REGIONS_BYTES) : code;
    free(bytes);
    return code;
}

/* The metadata region on its way: rows of the table and items behind it. */
struct new_metadata {
    uint8_t bytes[2 * VHDX_KIB64];
    unsigned n_rows;
    uint32_t end;
};

static void new_item(struct new_metadata *metadata, const struct guid *id, const void *item,
                     uint32_t n, uint32_t flags)
{
    uint8_t *row =
        metadata->bytes + VHDX_METADATA_ROWS + (size_t)metadata->n_rows * VHDX_ITEM_BYTES;
    memcpy(row, id->bytes, 16);
    le32_store(row + VHDX_ITEM_OFFSET, metadata->end);
    le32_store(row + VHDX_ITEM_LENGTH, n);
    le32_store(row + VHDX_ITEM_FLAGS, flags | VHDX_ITEM_REQUIRED);
    memcpy(metadata->bytes + metadata->end, item, n);
    metadata->end += (n + 7) / 8 * 8;
    metadata->n_rows++;
    le16_store(metadata->bytes + VHDX_METADATA_COUNT, (uint16_t)metadata->n_rows);
}

enum { LOCATOR_SIZE = 16384, LOCATOR_KEYS = 20, LOCATOR_TEXT = 256, LOCATOR_KEY_BYTES = 12 };

/* A key and its value; false when there is no room. */
static bool new_locator_pair(uint8_t *locator, uint32_t *end, const char *key, const char *value)
{
    unsigned n = le16_load(locator + 18);
    uint8_t *row = locator + LOCATOR_KEYS + (size_t)n * LOCATOR_KEY_BYTES;
    size_t key_bytes = image_text_to_utf16(key, false, locator + *end, LOCATOR_SIZE - *end);
    le32_store(row, *end);
    le16_store(row + 8, (uint16_t)key_bytes);
    *end += (uint32_t)key_bytes;
    size_t value_bytes = image_text_to_utf16(value, false, locator + *end, LOCATOR_SIZE - *end);
    le32_store(row + 4, *end);
    le16_store(row + 10, (uint16_t)value_bytes);
    *end += (uint32_t)value_bytes;
    le16_store(locator + 18, (uint16_t)(n + 1));
    return key_bytes != 0 && value_bytes != 0;
}

/* A nameless image, as of a snapshot, names no path. */
static int new_locator(struct image_file *file, const struct image_new *facts, uint8_t *locator,
                       uint32_t *length)
{
    const struct image_env *env = facts->env;
    char child[IMAGE_NAME_MAX], parent[IMAGE_NAME_MAX], relative[IMAGE_NAME_MAX],
        linkage[GUID_TEXT_SIZE];
    struct guid nothing = { { 0 } };
    *length = LOCATOR_TEXT;
    memcpy(locator, vhdx_locator_vhdx.bytes, 16);
    bool named = facts->parent->format == &image_format_vhdx;
    guid_print(named ? &vhdx_of(facts->parent)->data_write : &nothing, linkage);
    if (!new_locator_pair(locator, length, "parent_linkage", linkage)) {
        return -ENAMETOOLONG;
    }
    if (!named || env->absolute(env->opaque, file->name, child, sizeof(child)) != 0) {
        return 0;
    }
    int code = env->absolute(env->opaque, facts->parent->file->name, parent, sizeof(parent));
    if (code != 0) {
        return code;
    }
    bool ok = image_relative_path(child, parent, relative, sizeof(relative)) &&
              new_locator_pair(locator, length, "relative_path", relative) &&
              new_locator_pair(locator, length, "absolute_win32_path", parent);
    return ok ? 0 : -ENAMETOOLONG;
}

static int new_metadata(struct image_file *file, const struct image_new *facts,
                        const struct vhdx *vhdx)
{
    const struct image_env *env = facts->env;
    struct new_metadata *metadata = calloc(1, sizeof(*metadata));
    uint8_t *locator = calloc(1, LOCATOR_SIZE);
    uint8_t bytes[16];
    uint32_t length = 0;
    bool child = facts->type == IMAGE_DIFFERENCING;
    int code = metadata == NULL || locator == NULL ? -ENOMEM
               : child                             ? new_locator(file, facts, locator, &length)
                                                   : 0;
    if (code == 0) {
        memcpy(metadata->bytes, "metadata", 8);
        metadata->end = VHDX_KIB64;
        le32_store(bytes, vhdx->image.block_bytes);
        le32_store(bytes + 4, (facts->type == IMAGE_FIXED ? VHDX_LEAVE_ALLOCATED : 0U) |
                                  (child ? VHDX_HAS_PARENT : 0U));
        new_item(metadata, &vhdx_item_file, bytes, 8, 0);
        le64_store(bytes, facts->size_bytes);
        new_item(metadata, &vhdx_item_size, bytes, 8, VHDX_ITEM_VIRTUAL_DISK);
        /* A child is the same disk to a guest as its parent. */
        if (child) {
            memcpy(bytes, facts->parent->id.bytes, 16);
        } else {
            env->random(env->opaque, bytes, 16);
        }
        new_item(metadata, &vhdx_item_page83, bytes, 16, VHDX_ITEM_VIRTUAL_DISK);
        le32_store(bytes, vhdx->image.logical_sector);
        new_item(metadata, &vhdx_item_logical, bytes, 4, VHDX_ITEM_VIRTUAL_DISK);
        le32_store(bytes, NEW_PHYSICAL_SECTOR);
        new_item(metadata, &vhdx_item_physical, bytes, 4, VHDX_ITEM_VIRTUAL_DISK);
        if (child) {
            new_item(metadata, &vhdx_item_parent, locator, length, 0);
        }
        code = image_file_write(file, NEW_METADATA, metadata->bytes, sizeof(metadata->bytes));
    }
    free(locator);
    free(metadata);
    return code;
}

/* Of a fixed image every block has its place from the start, one behind the other. */
static int new_table(struct image_file *file, const struct vhdx *vhdx)
{
    uint8_t sector[VHDX_LOG_SECTOR];
    uint64_t place = NEW_TABLE + (uint64_t)vhdx->bat_length;
    int code = 0;
    for (uint64_t first = 0; code == 0 && first < vhdx->n_entries;
         first += VHDX_ENTRIES_PER_SECTOR) {
        memset(sector, 0, sizeof(sector));
        for (uint64_t i = first; i < first + VHDX_ENTRIES_PER_SECTOR && i < vhdx->n_entries; i++) {
            if (i % (vhdx->chunk_ratio + 1) != vhdx->chunk_ratio) {
                le64_store(sector + (i - first) * 8, place | VHDX_FULLY_PRESENT);
                place += vhdx->image.block_bytes;
            }
        }
        code = image_file_write(file, NEW_TABLE + first * 8, sector, sizeof(sector));
    }
    return code == 0 ? image_file_resize(file, place) : code;
}

int vhdx_create(struct image_file *file, const struct image_new *facts, struct error *error)
{
    uint32_t logical = facts->logical_sector != 0 ? facts->logical_sector : 512;
    uint32_t block = facts->block_bytes != 0              ? facts->block_bytes
                     : facts->size_bytes < NEW_LARGE_DISK ? (uint32_t)NEW_BLOCK_BYTES
                                                          : (uint32_t)NEW_LARGE_BLOCK_BYTES;
    int code = new_check(file, facts, block, logical, error);
    if (code != 0) {
        return code;
    }
    const struct image_env *env = facts->env;
    struct vhdx vhdx = { .log_offset = NEW_LOG, .log_length = VHDX_LOG_BYTES };
    bool child = facts->type == IMAGE_DIFFERENCING;
    vhdx.image.block_bytes = block;
    vhdx.image.logical_sector = logical;
    vhdx.chunk_ratio = VHDX_CHUNK_SECTORS * logical / block;
    vhdx.n_blocks = (facts->size_bytes + block - 1) / block;
    vhdx.n_entries = vhdx_entries(vhdx.n_blocks, vhdx.chunk_ratio, child);
    vhdx.bat_length = (uint32_t)((vhdx.n_entries * 8 + VHDX_MIB - 1) / VHDX_MIB * VHDX_MIB);
    env->random(env->opaque, vhdx.file_write.bytes, 16);
    env->random(env->opaque, vhdx.data_write.bytes, 16);
    code = image_file_resize(file, NEW_TABLE + (uint64_t)vhdx.bat_length);
    code = code == 0 ? new_metadata(file, facts, &vhdx) : code;
    code = code == 0 && facts->type == IMAGE_FIXED ? new_table(file, &vhdx) : code;
    /* The identifier last: until then the file is no VHDX. */
    code = code == 0 ? new_header_section(file, &vhdx) : code;
    return code == 0 ? 0 : error_set(error, code, "%.400s: %s", file->name, strerror(-code));
}
