/* VHDX: opening: headers, log, regions, metadata, block table, parent, in this order. [MS-VHDX 2, 2.5] */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/block/vhdx.h"

#define VHDX_MOST_TABLE (UINT64_C(1) << 27) /* entries */

/* Bytes of a block that hold the disk: the last may be cut. */
static uint64_t vhdx_block_used(const struct vhdx *vhdx, uint64_t block)
{
    uint64_t left = vhdx->image.size_bytes - block * vhdx->image.block_bytes;
    return left < vhdx->image.block_bytes ? left : vhdx->image.block_bytes;
}

/* One entry of the table, for something of n bytes, `used` of which must be in the file; *extent gets its place, n 0: none. */
static bool vhdx_entry_good(const struct vhdx *vhdx, uint64_t entry, uint64_t n, uint64_t used,
                            bool partly, struct image_extent *extent)
{
    uint64_t state = entry & VHDX_STATE_MASK, offset = entry & VHDX_OFFSET_MASK;
    uint64_t size = vhdx->image.file->size_bytes;
    *extent = (struct image_extent){ 0, 0 };
    if (state <= VHDX_UNMAPPED) {
        return true;
    }
    if (state != VHDX_FULLY_PRESENT && !(state == VHDX_PARTIALLY_PRESENT && partly)) {
        return false;
    }
    *extent = (struct image_extent){ offset, n };
    return offset >= VHDX_MIB && offset <= size && used <= size - offset;
}

static int vhdx_bad_entry(const struct vhdx *vhdx, const char *what, uint64_t index, uint64_t entry,
                          struct error *error)
{
    return error_set(error, -EINVAL, "%s: the table's entry of %s %llu, 0x%llx, cannot be",
                     vhdx->image.file->name, what, (unsigned long long)index,
                     (unsigned long long)entry);
}

/* Each block and bitmap in the file and over nothing else. extents has room for all of them and for the regions. */
static int vhdx_check_extents(struct vhdx *vhdx, struct image_extent *extents, struct error *error)
{
    size_t n = 0;
    uint64_t n_chunks = vhdx->has_parent ? vhdx->n_entries / (vhdx->chunk_ratio + 1) : 0;
    extents[n++] = (struct image_extent){ 0, VHDX_MIB };
    extents[n++] = (struct image_extent){ vhdx->log_offset, vhdx->log_length };
    extents[n++] = (struct image_extent){ vhdx->bat_offset, vhdx->bat_length };
    extents[n++] = (struct image_extent){ vhdx->metadata_offset, vhdx->metadata_length };
    for (uint64_t i = 0; i < vhdx->n_blocks; i++) {
        uint64_t entry = vhdx->bat[vhdx_block_entry(vhdx, i)];
        if (!vhdx_entry_good(vhdx, entry, vhdx->image.block_bytes, vhdx_block_used(vhdx, i),
                             vhdx->has_parent, &extents[n])) {
            return vhdx_bad_entry(vhdx, "block", i, entry, error);
        }
        n += extents[n].n != 0;
    }
    for (uint64_t i = 0; i < n_chunks; i++) {
        uint64_t entry = vhdx->bat[vhdx_bitmap_entry(vhdx, i)];
        if (!vhdx_entry_good(vhdx, entry, VHDX_MIB, VHDX_MIB, false, &extents[n])) {
            return vhdx_bad_entry(vhdx, "bitmap", i, entry, error);
        }
        n += extents[n].n != 0;
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t end = extents[i].offset + extents[i].n;
        vhdx->data_end = end > vhdx->data_end ? end : vhdx->data_end;
    }
    vhdx->data_end = (vhdx->data_end + VHDX_MIB - 1) / VHDX_MIB * VHDX_MIB;
    size_t over = image_extents_overlap(extents, n);
    return over == SIZE_MAX
               ? 0
               : error_set(error, -EINVAL, "%s: parts of the VHDX overlap at %llu",
                           vhdx->image.file->name, (unsigned long long)extents[over].offset);
}

static int vhdx_read_table(struct vhdx *vhdx, struct error *error)
{
    const char *name = vhdx->image.file->name;
    if (vhdx->n_entries > VHDX_MOST_TABLE) {
        return error_set(error, -EINVAL, "%s: a block table of %llu entries", name,
                         (unsigned long long)vhdx->n_entries);
    }
    uint64_t sectors = vhdx->image.size_bytes / vhdx->image.logical_sector;
    vhdx->n_pages =
        vhdx->has_parent ? (size_t)((sectors + VHDX_PAGE_SECTORS - 1) / VHDX_PAGE_SECTORS) : 0;
    vhdx->bat = malloc((size_t)vhdx->n_entries * 8);
    vhdx->bat_dirty = calloc(1, vhdx_bat_sectors(vhdx));
    vhdx->pages = calloc(vhdx->n_pages + 1, sizeof(*vhdx->pages));
    if (vhdx->bat == NULL || vhdx->bat_dirty == NULL || vhdx->pages == NULL) {
        return error_set(error, -ENOMEM, "%s: no memory for its table", name);
    }
    int code =
        image_file_read(vhdx->image.file, vhdx->bat_offset, vhdx->bat, (size_t)vhdx->n_entries * 8);
    if (code != 0) {
        return error_set(error, code, "%.400s: %s", name, strerror(-code));
    }
    size_t present = 0;
    for (size_t i = 0; i < vhdx->n_entries; i++) {
        vhdx->bat[i] = le64_load(&vhdx->bat[i]);
        present += (vhdx->bat[i] & VHDX_STATE_MASK) > VHDX_UNMAPPED;
    }
    struct image_extent *extents = calloc(present + 5, sizeof(*extents));
    if (extents == NULL) {
        return error_set(error, -ENOMEM, "%s: no memory for its table", name);
    }
    code = vhdx_check_extents(vhdx, extents, error);
    free(extents);
    return code;
}

static int vhdx_open_all(struct vhdx *vhdx, const struct image_how *how, bool *parent_taken,
                         struct error *error)
{
    uint64_t parent_at = 0;
    uint32_t parent_length = 0;
    int code = vhdx_read_headers(vhdx, error);
    code = code == 0 ? vhdx_replay(vhdx, error) : code;
    code = code == 0 ? vhdx_read_regions(vhdx, error) : code;
    code = code == 0 ? vhdx_read_metadata(vhdx, &parent_at, &parent_length, error) : code;
    code = code == 0 ? vhdx_read_table(vhdx, error) : code;
    if (code != 0) {
        return code;
    }
    if (!vhdx->has_parent) {
        return how->parent == NULL ? 0
                                   : error_set(error, -EINVAL, "%s: this image has no parent",
                                               vhdx->image.file->name);
    }
    *parent_taken = true;
    return vhdx_take_parent(vhdx, how, parent_at, parent_length, error);
}

void vhdx_free(struct vhdx *vhdx)
{
    for (size_t i = 0; vhdx->pages != NULL && i < vhdx->n_pages; i++) {
        free(vhdx->pages[i]);
    }
    free(vhdx->pages);
    free(vhdx->bat);
    free(vhdx->bat_dirty);
    free(vhdx->dirty_pages);
    free(vhdx->free.rows);
    free(vhdx->freed.rows);
}

int vhdx_open(struct image_file *file, const struct image_how *how, struct image **image,
              struct error *error)
{
    struct vhdx *vhdx = calloc(1, sizeof(*vhdx));
    bool parent_taken = false;
    *image = NULL;
    if (vhdx == NULL) {
        image_file_close(file);
        (void)image_close(how->parent);
        return error_set(error, -ENOMEM, "no memory for an image");
    }
    image_init(&vhdx->image, &image_format_vhdx, file, how);
    int code = vhdx_open_all(vhdx, how, &parent_taken, error);
    if (code != 0) {
        if (!parent_taken) {
            (void)image_close(how->parent);
        }
        vhdx_free(vhdx);
        image_fini(&vhdx->image);
        free(vhdx);
        return code;
    }
    *image = &vhdx->image;
    return 0;
}
