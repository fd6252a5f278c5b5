/* VHDX: metadata items, and the parent that they name. [MS-VHDX 2.6] */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/block/image_text.h"
#include "devices/block/vhdx.h"

/* clang-format off */
const struct guid vhdx_item_file = { { 0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d, 0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b } };
const struct guid vhdx_item_size = { { 0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48, 0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8 } };
const struct guid vhdx_item_page83 = { { 0xab, 0x12, 0xca, 0xbe, 0xe6, 0xb2, 0x23, 0x45, 0x93, 0xef, 0xc3, 0x09, 0xe0, 0x00, 0xc7, 0x46 } };
const struct guid vhdx_item_logical = { { 0x1d, 0xbf, 0x41, 0x81, 0x6f, 0xa9, 0x09, 0x47, 0xba, 0x47, 0xf2, 0x33, 0xa8, 0xfa, 0xab, 0x5f } };
const struct guid vhdx_item_physical = { { 0xc7, 0x48, 0xa3, 0xcd, 0x5d, 0x44, 0x71, 0x44, 0x9c, 0xc9, 0xe9, 0x88, 0x52, 0x51, 0xc5, 0x56 } };
const struct guid vhdx_item_parent = { { 0x2d, 0x5f, 0xd3, 0xa8, 0x0b, 0xb3, 0x4d, 0x45, 0xab, 0xf7, 0xd3, 0xd8, 0x48, 0x34, 0xab, 0x0c } };
const struct guid vhdx_locator_vhdx = { { 0xb7, 0xef, 0x4a, 0xb0, 0x9e, 0xd1, 0x81, 0x4a, 0xb7, 0x89, 0x25, 0xb8, 0xe9, 0x44, 0x59, 0x13 } };
/* clang-format on */

enum vhdx_item {
    ITEM_FILE,
    ITEM_SIZE,
    ITEM_PAGE83,
    ITEM_LOGICAL,
    ITEM_PHYSICAL,
    ITEM_PARENT,
    ITEMS
};

static const struct {
    const struct guid *id;
    uint32_t least_bytes;
} vhdx_items[ITEMS] = {
    [ITEM_FILE] = { &vhdx_item_file, 8 },         [ITEM_SIZE] = { &vhdx_item_size, 8 },
    [ITEM_PAGE83] = { &vhdx_item_page83, 16 },    [ITEM_LOGICAL] = { &vhdx_item_logical, 4 },
    [ITEM_PHYSICAL] = { &vhdx_item_physical, 4 }, [ITEM_PARENT] = { &vhdx_item_parent, 20 },
};

enum { LOCATOR_ROWS = 20, LOCATOR_ROW_BYTES = 12, LOCATOR_MOST_BYTES = 64 << 10 };

/* Where an item stands in the metadata region; length 0: it is not there. */
struct vhdx_item_place {
    uint32_t offset, length;
};

static int vhdx_take_row(struct vhdx *vhdx, const uint8_t *row, struct vhdx_item_place *places,
                         struct error *error)
{
    const char *name = vhdx->image.file->name;
    struct guid id;
    memcpy(id.bytes, row, 16);
    uint32_t offset = le32_load(row + VHDX_ITEM_OFFSET), length = le32_load(row + VHDX_ITEM_LENGTH);
    uint32_t flags = le32_load(row + VHDX_ITEM_FLAGS);
    unsigned item = 0;
    while (item < ITEMS && !guid_equal(&id, vhdx_items[item].id)) {
        item++;
    }
    if (item == ITEMS || (flags & VHDX_ITEM_USER) != 0) {
        char text[GUID_TEXT_SIZE];
        guid_print(&id, text);
        return (flags & VHDX_ITEM_REQUIRED) == 0
                   ? 0
                   : error_set(error, -EINVAL, "%s: needs metadata %s, which is not known", name,
                               text);
    }
    if (places[item].length != 0) {
        return error_set(error, -EINVAL, "%s: a metadata item stands twice in the table", name);
    }
    if (offset < VHDX_KIB64 || offset > vhdx->metadata_length ||
        length > vhdx->metadata_length - offset || length < vhdx_items[item].least_bytes ||
        length > VHDX_MIB) {
        return error_set(error, -EINVAL, "%s: a metadata item of %u bytes at %u cannot be", name,
                         length, offset);
    }
    places[item] = (struct vhdx_item_place){ offset, length };
    return 0;
}

static int vhdx_find_items(struct vhdx *vhdx, struct vhdx_item_place *places, struct error *error)
{
    const char *name = vhdx->image.file->name;
    uint8_t *table = malloc(VHDX_KIB64);
    if (table == NULL) {
        return error_set(error, -ENOMEM, "%s: no memory for its metadata", name);
    }
    int code = image_file_read(vhdx->image.file, vhdx->metadata_offset, table, VHDX_KIB64);
    unsigned count = le16_load(table + VHDX_METADATA_COUNT);
    if (code != 0 || memcmp(table, "metadata", 8) != 0 || count > VHDX_MOST_ENTRIES) {
        code =
            error_set(error, code != 0 ? code : -EINVAL, "%s: the metadata table is damaged", name);
    }
    for (unsigned i = 0; code == 0 && i < count; i++) {
        code = vhdx_take_row(vhdx, table + VHDX_METADATA_ROWS + (size_t)i * VHDX_ITEM_BYTES, places,
                             error);
    }
    for (unsigned i = 0; code == 0 && i < ITEMS; i++) {
        if (i != ITEM_PARENT && places[i].length == 0) {
            code = error_set(error, -EINVAL, "%s: a required metadata item is missing", name);
        }
    }
    free(table);
    return code;
}

static int vhdx_item(struct vhdx *vhdx, const struct vhdx_item_place *place, uint8_t *bytes,
                     size_t n)
{
    return image_file_read(vhdx->image.file, vhdx->metadata_offset + place->offset, bytes, n);
}

static bool vhdx_sector_size_known(uint32_t bytes)
{
    return bytes == 512 || bytes == 4096;
}

/* What the items say, each checked. */
static int vhdx_settle(struct vhdx *vhdx, uint32_t block, uint32_t flags, struct error *error)
{
    struct image *image = &vhdx->image;
    const char *name = image->file->name;
    if (block < VHDX_LEAST_BLOCK_BYTES || block > VHDX_MOST_BLOCK_BYTES ||
        (block & (block - 1)) != 0) {
        return error_set(error, -EINVAL, "%s: VHDX blocks of %u bytes cannot be", name, block);
    }
    if (!vhdx_sector_size_known(image->logical_sector) ||
        !vhdx_sector_size_known(image->physical_sector)) {
        return error_set(error, -EINVAL, "%s: sectors of %u and %u bytes cannot be", name,
                         image->logical_sector, image->physical_sector);
    }
    if (image->size_bytes == 0 || image->size_bytes > VHDX_MOST_BYTES ||
        image->size_bytes % image->logical_sector != 0) {
        return error_set(error, -EINVAL, "%s: a VHDX cannot have %llu bytes", name,
                         (unsigned long long)image->size_bytes);
    }
    image->block_bytes = block;
    vhdx->leave_allocated = (flags & VHDX_LEAVE_ALLOCATED) != 0;
    vhdx->has_parent = (flags & VHDX_HAS_PARENT) != 0;
    image->type = vhdx->has_parent        ? IMAGE_DIFFERENCING
                  : vhdx->leave_allocated ? IMAGE_FIXED
                                          : IMAGE_DYNAMIC;
    vhdx->chunk_ratio = VHDX_CHUNK_SECTORS * image->logical_sector / block;
    vhdx->n_blocks = (image->size_bytes + block - 1) / block;
    vhdx->n_entries = vhdx_entries(vhdx->n_blocks, vhdx->chunk_ratio, vhdx->has_parent);
    if (vhdx->n_entries * 8 > vhdx->bat_length) {
        return error_set(error, -EINVAL, "%s: the block table is too small for the disk", name);
    }
    return 0;
}

int vhdx_read_metadata(struct vhdx *vhdx, uint64_t *parent_at, uint32_t *parent_length,
                       struct error *error)
{
    struct image *image = &vhdx->image;
    struct vhdx_item_place places[ITEMS] = { { 0, 0 } };
    uint8_t file[8], size[8], logical[4], physical[4];
    int code = vhdx_find_items(vhdx, places, error);
    if (code != 0) {
        return code;
    }
    code = vhdx_item(vhdx, &places[ITEM_FILE], file, sizeof(file));
    code = code == 0 ? vhdx_item(vhdx, &places[ITEM_SIZE], size, sizeof(size)) : code;
    code = code == 0 ? vhdx_item(vhdx, &places[ITEM_PAGE83], image->id.bytes, 16) : code;
    code = code == 0 ? vhdx_item(vhdx, &places[ITEM_LOGICAL], logical, sizeof(logical)) : code;
    code = code == 0 ? vhdx_item(vhdx, &places[ITEM_PHYSICAL], physical, sizeof(physical)) : code;
    if (code != 0) {
        return error_set(error, code, "%.400s: %s", image->file->name, strerror(-code));
    }
    image->size_bytes = le64_load(size);
    image->logical_sector = le32_load(logical);
    image->physical_sector = le32_load(physical);
    *parent_at = vhdx->metadata_offset + places[ITEM_PARENT].offset;
    *parent_length = places[ITEM_PARENT].length;
    return vhdx_settle(vhdx, le32_load(file), le32_load(file + 4), error);
}

/* What a parent locator says, as UTF-8; empty: it does not say. */
struct vhdx_locator {
    char linkage[64], linkage2[64], relative[IMAGE_NAME_MAX], volume[IMAGE_NAME_MAX],
        absolute[IMAGE_NAME_MAX];
};

static void vhdx_take_key(struct vhdx_locator *locator, const uint8_t *bytes, uint32_t length,
                          const uint8_t *row)
{
    const struct {
        const char *key;
        char *value;
        size_t size;
    } keys[] = {
        { "parent_linkage", locator->linkage, sizeof(locator->linkage) },
        { "parent_linkage2", locator->linkage2, sizeof(locator->linkage2) },
        { "relative_path", locator->relative, sizeof(locator->relative) },
        { "volume_path", locator->volume, sizeof(locator->volume) },
        { "absolute_win32_path", locator->absolute, sizeof(locator->absolute) },
    };
    uint32_t key_at = le32_load(row), value_at = le32_load(row + 4);
    uint32_t key_length = le16_load(row + 8), value_length = le16_load(row + 10);
    char key[64];
    if (key_at > length || key_length > length - key_at || value_at > length ||
        value_length > length - value_at ||
        !image_text_from_utf16(bytes + key_at, key_length, false, key, sizeof(key))) {
        return;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(keys); i++) {
        if (strcmp(keys[i].key, key) == 0 &&
            !image_text_from_utf16(bytes + value_at, value_length, false, keys[i].value,
                                   keys[i].size)) {
            keys[i].value[0] = '\0';
        }
    }
}

static bool vhdx_linked(const char *linkage, const struct guid *data_write)
{
    struct guid wanted;
    return guid_parse(linkage, &wanted) && guid_equal(&wanted, data_write);
}

static int vhdx_open_parent(struct vhdx *vhdx, const struct image_how *how,
                            const struct vhdx_locator *locator, struct error *error)
{
    struct image *image = &vhdx->image;
    const char *const paths[] = { locator->relative, locator->absolute, locator->volume };
    int code = image_open_parent(image, how, paths, ARRAY_SIZE(paths), &image_format_vhdx, error);
    if (code != 0) {
        return code;
    }
    const struct guid *data_write = &vhdx_of(image->parent)->data_write;
    if (!vhdx_linked(locator->linkage, data_write) && !vhdx_linked(locator->linkage2, data_write)) {
        return error_set(error, -EINVAL,
                         "%.200s: its parent %.200s is another, or was written to since",
                         image->file->name, image->parent->file->name);
    }
    if (image->parent->logical_sector != image->logical_sector) {
        return error_set(error, -EINVAL, "%.200s: its parent %.200s has sectors of another size",
                         image->file->name, image->parent->file->name);
    }
    return 0;
}

int vhdx_take_parent(struct vhdx *vhdx, const struct image_how *how, uint64_t at, uint32_t length,
                     struct error *error)
{
    const char *name = vhdx->image.file->name;
    if (how->parent != NULL) {
        vhdx->image.parent = how->parent;
        return 0;
    }
    if (length < LOCATOR_ROWS || length > LOCATOR_MOST_BYTES) {
        return error_set(error, -EINVAL, "%s: does not name its parent", name);
    }
    uint8_t *bytes = malloc(length);
    struct vhdx_locator *locator = calloc(1, sizeof(*locator));
    int code = bytes == NULL || locator == NULL
                   ? -ENOMEM
                   : image_file_read(vhdx->image.file, at, bytes, length);
    if (code != 0) {
        code = error_set(error, code, "%.400s: %s", name, strerror(-code));
    } else if (memcmp(bytes, vhdx_locator_vhdx.bytes, 16) != 0 ||
               (size_t)le16_load(bytes + 18) * LOCATOR_ROW_BYTES > length - LOCATOR_ROWS) {
        code = error_set(error, -EINVAL, "%s: its parent locator is damaged", name);
    } else {
        for (unsigned i = 0; i < le16_load(bytes + 18); i++) {
            vhdx_take_key(locator, bytes, length,
                          bytes + LOCATOR_ROWS + (size_t)i * LOCATOR_ROW_BYTES);
        }
        code = vhdx_open_parent(vhdx, how, locator, error);
    }
    free(locator);
    free(bytes);
    return code;
}
