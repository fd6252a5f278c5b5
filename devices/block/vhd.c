/* VHD: reading, writing, flushing. A block's place and its bitmap reach the file only when a flush has first made its data
 * durable, so a crash shows each sector as it was or as it was to be. [VHD 1.0 "Block allocation table and data blocks"] */
#include "devices/block/vhd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

static uint64_t vhd_bitmap_at(const struct vhd *vhd, uint32_t block)
{
    return (uint64_t)vhd->table[block] * VHD_SECTOR;
}

static uint64_t vhd_data_at(const struct vhd *vhd, uint32_t block)
{
    return vhd_bitmap_at(vhd, block) + vhd->bitmap_bytes;
}

static bool vhd_is_full(const struct vhd *vhd, uint32_t block)
{
    return (vhd->full[block / 8] >> block % 8 & 1) != 0;
}

static bool vhd_bit(const uint8_t *bits, uint32_t sector)
{
    return (bits[sector / 8] >> (7 - sector % 8) & 1) != 0;
}

static bool vhd_all_ones(const struct vhd *vhd, const uint8_t *bits)
{
    uint32_t sectors = vhd->image.block_bytes / VHD_SECTOR;
    for (uint32_t i = 0; i < sectors / 8; i++) {
        if (bits[i] != 0xff) {
            return false;
        }
    }
    return true;
}

/* The bitmap is all ones in the file too: it need not be kept. */
static void vhd_forget_full(struct vhd *vhd, uint32_t block)
{
    if (!vhd->bitmaps[block]->dirty && vhd_all_ones(vhd, vhd->bitmaps[block]->bits)) {
        vhd->full[block / 8] |= (uint8_t)(1U << block % 8);
        free(vhd->bitmaps[block]);
        vhd->bitmaps[block] = NULL;
    }
}

/* Have the bitmap of an allocated block in memory, unless it is full. */
static int vhd_load_bitmap(struct vhd *vhd, uint32_t block)
{
    if (vhd_is_full(vhd, block) || vhd->bitmaps[block] != NULL) {
        return 0;
    }
    struct vhd_bitmap *bitmap = calloc(1, sizeof(*bitmap) + vhd->bitmap_bytes);
    if (bitmap == NULL) {
        return -ENOMEM;
    }
    int code = image_file_read(vhd->image.file, vhd_bitmap_at(vhd, block), bitmap->bits,
                               vhd->bitmap_bytes);
    if (code != 0) {
        free(bitmap);
        return code;
    }
    vhd->bitmaps[block] = bitmap;
    vhd_forget_full(vhd, block);
    return 0;
}

/* How many sectors from `first` on, at most n, are alike: in this file or not. */
static uint32_t vhd_run(const struct vhd *vhd, uint32_t block, uint32_t first, uint32_t n,
                        bool *here)
{
    const struct vhd_bitmap *bitmap = vhd->bitmaps[block];
    *here = true;
    if (bitmap == NULL) {
        return n; /* full */
    }
    *here = vhd_bit(bitmap->bits, first);
    uint32_t run = 1;
    while (run < n && vhd_bit(bitmap->bits, first + run) == *here) {
        run++;
    }
    return run;
}

/* A part of one block. */
static int vhd_read_part(struct vhd *vhd, uint32_t block, uint32_t within, uint8_t *bytes, size_t n)
{
    uint64_t offset = (uint64_t)block * vhd->image.block_bytes + within;
    if (vhd->table[block] == VHD_UNUSED) {
        return image_read_parent(&vhd->image, offset, bytes, n);
    }
    int code = vhd_load_bitmap(vhd, block);
    while (code == 0 && n > 0) {
        bool here;
        size_t run =
            (size_t)vhd_run(vhd, block, within / VHD_SECTOR, (uint32_t)(n / VHD_SECTOR), &here) *
            VHD_SECTOR;
        code = here ? image_file_read_padded(vhd->image.file, vhd_data_at(vhd, block) + within,
                                             bytes, run)
                    : image_read_parent(&vhd->image, offset, bytes, run);
        within += (uint32_t)run;
        offset += run;
        bytes += run;
        n -= run;
    }
    return code;
}

/* What a loop over the blocks of a range is at. */
struct vhd_part {
    uint32_t block, within;
    size_t n;
};

static struct vhd_part vhd_part(const struct vhd *vhd, uint64_t offset, uint64_t n)
{
    uint32_t size = vhd->image.block_bytes, within = (uint32_t)(offset % size);
    uint64_t left = size - within;
    return (struct vhd_part){ (uint32_t)(offset / size), within, (size_t)(n < left ? n : left) };
}

static int vhd_read(struct image *image, uint64_t offset, uint8_t *bytes, size_t n)
{
    struct vhd *vhd = vhd_of(image);
    if (image->type == IMAGE_FIXED) {
        return image_file_read(image->file, offset, bytes, n);
    }
    int code = 0;
    while (code == 0 && n > 0) {
        struct vhd_part part = vhd_part(vhd, offset, n);
        code = vhd_read_part(vhd, part.block, part.within, bytes, part.n);
        offset += part.n;
        bytes += part.n;
        n -= part.n;
    }
    return code;
}

/* What is known in memory of where things lie; a bitmap that was not read yet is not waited for. */
static bool vhd_place(struct image *image, bool write, uint64_t offset, uint64_t *n,
                      struct image_place *place)
{
    struct vhd *vhd = vhd_of(image);
    *place = (struct image_place){ image->file, offset };
    if (image->type == IMAGE_FIXED) {
        return true;
    }
    struct vhd_part part = vhd_part(vhd, offset, *n);
    *n = part.n;
    if (vhd->table[part.block] == VHD_UNUSED) {
        return image_place_in_parent(image, write, offset, n, place);
    }
    if (!vhd_is_full(vhd, part.block) && vhd->bitmaps[part.block] == NULL) {
        return false;
    }
    bool here;
    *n = (uint64_t)vhd_run(vhd, part.block, part.within / VHD_SECTOR,
                           (uint32_t)(part.n / VHD_SECTOR), &here) *
         VHD_SECTOR;
    place->offset = vhd_data_at(vhd, part.block) + part.within;
    return here || image_place_in_parent(image, write, offset, n, place);
}

static int vhd_bitmap_dirty(struct vhd *vhd, uint32_t block)
{
    if (vhd->bitmaps[block]->dirty) {
        return 0;
    }
    if (vhd->n_dirty_bitmaps == vhd->room_dirty_bitmaps) {
        size_t room = vhd->room_dirty_bitmaps == 0 ? 64 : vhd->room_dirty_bitmaps * 2;
        uint32_t *more = realloc(vhd->dirty_bitmaps, room * sizeof(*more));
        if (more == NULL) {
            return -ENOMEM;
        }
        vhd->dirty_bitmaps = more;
        vhd->room_dirty_bitmaps = room;
    }
    vhd->dirty_bitmaps[vhd->n_dirty_bitmaps++] = block;
    vhd->bitmaps[block]->dirty = true;
    vhd->dirty = true;
    return 0;
}

/* Give a block a place behind the others. Until the next flush only memory knows of it. */
static int vhd_allocate(struct vhd *vhd, uint32_t block)
{
    uint64_t whole = (uint64_t)vhd->bitmap_bytes + vhd->image.block_bytes;
    if ((vhd->data_end + whole) / VHD_SECTOR >= VHD_UNUSED) {
        return -ENOSPC;
    }
    if (!vhd->cut || !vhd->footer_lost) {
        /* The footer there, and what a crash may have left behind it, become zeros: they must not be taken for a bitmap. */
        int code = image_file_resize(vhd->image.file, vhd->data_end);
        if (code != 0) {
            return code;
        }
        vhd->cut = true;
        vhd->footer_lost = true;
    }
    struct vhd_bitmap *bitmap = calloc(1, sizeof(*bitmap) + vhd->bitmap_bytes);
    if (bitmap == NULL) {
        return -ENOMEM;
    }
    /* All of a dynamic image's block is valid at once: the file's zeros. */
    memset(bitmap->bits, vhd->image.type == IMAGE_DYNAMIC ? 0xff : 0, vhd->bitmap_bytes);
    free(vhd->bitmaps[block]);
    vhd->bitmaps[block] = bitmap;
    int code = vhd_bitmap_dirty(vhd, block);
    if (code != 0) {
        return code;
    }
    vhd->table[block] = (uint32_t)(vhd->data_end / VHD_SECTOR);
    vhd->table_dirty[(size_t)block * 4 / VHD_SECTOR] = 1;
    vhd->data_end += whole;
    vhd->footer_lost = true;
    return 0;
}

static int vhd_set_bits(struct vhd *vhd, uint32_t block, uint32_t first, uint32_t n)
{
    struct vhd_bitmap *bitmap = vhd->bitmaps[block];
    if (bitmap == NULL) {
        return 0; /* full */
    }
    bool changed = false;
    for (uint32_t i = first; i < first + n; i++) {
        if (!vhd_bit(bitmap->bits, i)) {
            bitmap->bits[i / 8] |= (uint8_t)(0x80 >> i % 8);
            changed = true;
        }
    }
    return changed ? vhd_bitmap_dirty(vhd, block) : 0;
}

/* bytes NULL: zeros. */
static int vhd_write_part(struct vhd *vhd, struct vhd_part part, const uint8_t *bytes)
{
    int code = vhd->table[part.block] == VHD_UNUSED ? vhd_allocate(vhd, part.block)
                                                    : vhd_load_bitmap(vhd, part.block);
    if (code != 0) {
        return code;
    }
    uint64_t at = vhd_data_at(vhd, part.block) + part.within;
    if (bytes != NULL) {
        code = image_file_write(vhd->image.file, at, bytes, part.n);
    } else if (at < vhd->image.file->size_bytes) {
        uint64_t there = vhd->image.file->size_bytes - at;
        code = image_file_zero(vhd->image.file, at, part.n < there ? part.n : there);
    }
    return code == 0 ? vhd_set_bits(vhd, part.block, part.within / VHD_SECTOR,
                                    (uint32_t)(part.n / VHD_SECTOR))
                     : code;
}

static int vhd_write(struct image *image, uint64_t offset, const uint8_t *bytes, size_t n)
{
    struct vhd *vhd = vhd_of(image);
    if (image->type == IMAGE_FIXED) {
        return image_file_write(image->file, offset, bytes, n);
    }
    int code = 0;
    while (code == 0 && n > 0) {
        struct vhd_part part = vhd_part(vhd, offset, n);
        code = vhd_write_part(vhd, part, bytes);
        offset += part.n;
        bytes += part.n;
        n -= part.n;
    }
    return code;
}

static int vhd_zero(struct image *image, uint64_t offset, uint64_t n)
{
    struct vhd *vhd = vhd_of(image);
    if (image->type == IMAGE_FIXED) {
        return image_file_zero(image->file, offset, n);
    }
    int code = 0;
    while (code == 0 && n > 0) {
        struct vhd_part part = vhd_part(vhd, offset, n);
        if (vhd->table[part.block] != VHD_UNUSED || image->type == IMAGE_DIFFERENCING) {
            code = vhd_write_part(vhd, part, NULL);
        }
        offset += part.n;
        n -= part.n;
    }
    return code;
}

/* What says that data is there: after the data. */
static int vhd_write_metadata(struct vhd *vhd)
{
    struct image_file *file = vhd->image.file;
    int code = 0;
    for (size_t i = 0; code == 0 && i < vhd->n_dirty_bitmaps; i++) {
        uint32_t block = vhd->dirty_bitmaps[i];
        code = image_file_write(file, vhd_bitmap_at(vhd, block), vhd->bitmaps[block]->bits,
                                vhd->bitmap_bytes);
    }
    size_t sectors = (size_t)(vhd_table_bytes(vhd) / VHD_SECTOR);
    for (size_t i = 0; code == 0 && i < sectors; i++) {
        uint8_t bytes[VHD_SECTOR];
        if (vhd->table_dirty[i] == 0) {
            continue;
        }
        for (size_t entry = 0; entry < VHD_SECTOR / 4; entry++) {
            size_t block = i * (VHD_SECTOR / 4) + entry;
            be32_store(bytes + entry * 4, block < vhd->n_blocks ? vhd->table[block] : VHD_UNUSED);
        }
        code = image_file_write(file, vhd->table_offset + i * VHD_SECTOR, bytes, VHD_SECTOR);
    }
    return code == 0 ? image_file_flush(file) : code;
}

static int vhd_flush(struct image *image)
{
    struct vhd *vhd = vhd_of(image);
    if (image->type == IMAGE_FIXED || !vhd->dirty) {
        return image_file_flush(image->file);
    }
    int code = vhd->footer_lost
                   ? image_file_write(image->file, vhd->data_end, vhd->footer, VHD_FOOTER_BYTES)
                   : 0;
    code = code == 0 ? image_file_flush(image->file) : code;
    code = code == 0 ? vhd_write_metadata(vhd) : code;
    if (code != 0) {
        return code;
    }
    for (size_t i = 0; i < vhd->n_dirty_bitmaps; i++) {
        uint32_t block = vhd->dirty_bitmaps[i];
        vhd->bitmaps[block]->dirty = false;
        vhd_forget_full(vhd, block);
    }
    vhd->n_dirty_bitmaps = 0;
    memset(vhd->table_dirty, 0, (size_t)(vhd_table_bytes(vhd) / VHD_SECTOR));
    vhd->dirty = false;
    vhd->footer_lost = false;
    return 0;
}

static bool vhd_has_data(struct image *image, uint64_t offset, uint64_t *n)
{
    struct vhd *vhd = vhd_of(image);
    if (image->type == IMAGE_FIXED) {
        return true;
    }
    struct vhd_part part = vhd_part(vhd, offset, *n);
    *n = part.n;
    if (vhd->table[part.block] != VHD_UNUSED) {
        return true;
    }
    return image->parent != NULL && offset < image->parent->size_bytes &&
           image_has_data(image->parent, offset, n);
}

static void vhd_check(struct image *image, struct image_report *report)
{
    struct vhd *vhd = vhd_of(image);
    const char *name = image->file->name;
    uint64_t end =
        (image->type == IMAGE_FIXED ? image->size_bytes : vhd->data_end) + VHD_FOOTER_BYTES;
    if (vhd->footer_lost) {
        image_report_warning(
            report, "%.300s: the footer at the end is lost; the copy at the start is used", name);
    }
    if (image->type != IMAGE_FIXED) {
        uint8_t copy[VHD_FOOTER_BYTES];
        if (image_file_read(image->file, 0, copy, sizeof(copy)) != 0 ||
            memcmp(copy, vhd->footer, sizeof(copy)) != 0) {
            image_report_error(report, "%.300s: the copy of the footer at the start is damaged",
                               name);
        }
    }
    report->leaked_bytes += image->file->size_bytes > end ? image->file->size_bytes - end : 0;
}

static int vhd_close(struct image *image)
{
    struct vhd *vhd = vhd_of(image);
    int code = 0;
    if (image->writable && !image->failed) {
        code = vhd_flush(image);
        if (code == 0 && image->type != IMAGE_FIXED && vhd->footer_lost) {
            /* A crash lost it: what is behind the last block is leavings. */
            code = image_file_resize(image->file, vhd->data_end);
            code = code == 0
                       ? image_file_write(image->file, vhd->data_end, vhd->footer, VHD_FOOTER_BYTES)
                       : code;
            code = code == 0 ? image_file_flush(image->file) : code;
        }
    }
    vhd_free(vhd);
    return code;
}

const struct image_format image_format_vhd = {
    .name = "vhd",
    .extensions = "vhd avhd vpc",
    .probe = vhd_probe,
    .open = vhd_open,
    .create = vhd_create,
    .read = vhd_read,
    .write = vhd_write,
    .zero = vhd_zero,
    .place = vhd_place,
    .flush = vhd_flush,
    .has_data = vhd_has_data,
    .check = vhd_check,
    .close = vhd_close,
};
