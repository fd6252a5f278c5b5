/* VHDX: reading, writing, flushing. Data goes to its place at once; the block table and the sector bitmaps change in memory, and
 * by the log in the file when a flush has made the data durable. [MS-VHDX 2.3, 2.5] */
#include "devices/block/vhdx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

/* A range's part in one block. */
struct vhdx_part {
    uint64_t block;
    uint32_t within;
    size_t n;
    bool whole; /* all of the block that is of the disk */
};

static struct vhdx_part vhdx_part(const struct vhdx *vhdx, uint64_t offset, uint64_t n)
{
    const struct image *image = &vhdx->image;
    uint32_t within = (uint32_t)(offset % image->block_bytes);
    uint64_t left = image->block_bytes - within, part = n < left ? n : left;
    bool to_end = part == left || offset + part == image->size_bytes;
    return (struct vhdx_part){ offset / image->block_bytes, within, (size_t)part,
                               within == 0 && to_end };
}

static uint64_t *vhdx_bat_at(struct vhdx *vhdx, uint64_t block)
{
    return &vhdx->bat[vhdx_block_entry(vhdx, block)];
}

static void vhdx_set_entry(struct vhdx *vhdx, uint64_t index, uint64_t value)
{
    vhdx->bat[index] = value;
    vhdx->bat_dirty[index / VHDX_ENTRIES_PER_SECTOR] = 1;
    vhdx->dirty = true;
}

static int vhdx_places_add(struct vhdx_places *places, uint64_t offset, uint64_t n)
{
    if (places->n == places->room) {
        size_t room = places->room == 0 ? 16 : places->room * 2;
        struct vhdx_place *more = realloc(places->rows, room * sizeof(*more));
        if (more == NULL) {
            return -ENOMEM;
        }
        places->rows = more;
        places->room = room;
    }
    places->rows[places->n++] = (struct vhdx_place){ offset, n };
    return 0;
}

/* Room of n bytes that reads as zeros, at a megabyte. */
static int vhdx_allocate(struct vhdx *vhdx, uint64_t n, uint64_t *offset)
{
    for (size_t i = 0; i < vhdx->free.n; i++) {
        struct vhdx_place place = vhdx->free.rows[i];
        uint64_t size = vhdx->image.file->size_bytes;
        if (place.n != n) {
            continue;
        }
        vhdx->free.rows[i] = vhdx->free.rows[--vhdx->free.n];
        *offset = place.offset;
        return place.offset >= size
                   ? 0
                   : image_file_zero(vhdx->image.file, place.offset,
                                     n < size - place.offset ? n : size - place.offset);
    }
    *offset = vhdx->data_end;
    vhdx->data_end += n;
    return 0;
}

static uint64_t vhdx_sector_of(const struct vhdx *vhdx, const struct vhdx_part *part)
{
    return (part->block * vhdx->image.block_bytes + part->within) / vhdx->image.logical_sector;
}

/* The page that tells of a sector. */
static int vhdx_page(struct vhdx *vhdx, uint64_t sector, struct vhdx_page **page)
{
    size_t index = (size_t)(sector / VHDX_PAGE_SECTORS);
    *page = vhdx->pages[index];
    if (*page != NULL) {
        return 0;
    }
    struct vhdx_page *new = calloc(1, sizeof(*new));
    if (new == NULL) {
        return -ENOMEM;
    }
    uint64_t entry = vhdx->bat[vhdx_bitmap_entry(vhdx, sector / VHDX_CHUNK_SECTORS)];
    if ((entry & VHDX_STATE_MASK) == VHDX_FULLY_PRESENT) {
        uint64_t at = (entry & VHDX_OFFSET_MASK) + index % VHDX_BITMAP_PAGES * VHDX_LOG_SECTOR;
        int code = image_file_read_padded(vhdx->image.file, at, new->bits, sizeof(new->bits));
        if (code != 0) {
            free(new);
            return code;
        }
    }
    *page = vhdx->pages[index] = new;
    return 0;
}

static int vhdx_page_dirty(struct vhdx *vhdx, uint64_t sector, struct vhdx_page *page)
{
    if (page->dirty) {
        return 0;
    }
    if (vhdx->n_dirty_pages == vhdx->room_dirty_pages) {
        size_t room = vhdx->room_dirty_pages == 0 ? 64 : vhdx->room_dirty_pages * 2;
        uint32_t *more = realloc(vhdx->dirty_pages, room * sizeof(*more));
        if (more == NULL) {
            return -ENOMEM;
        }
        vhdx->dirty_pages = more;
        vhdx->room_dirty_pages = room;
    }
    vhdx->dirty_pages[vhdx->n_dirty_pages++] = (uint32_t)(sector / VHDX_PAGE_SECTORS);
    page->dirty = true;
    vhdx->dirty = true;
    return 0;
}

static bool vhdx_bit(const struct vhdx_page *page, uint64_t sector)
{
    uint32_t bit = (uint32_t)(sector % VHDX_PAGE_SECTORS);
    return (page->bits[bit / 8] >> bit % 8 & 1) != 0;
}

/* Set or clear the bits of n sectors, and see that their bitmap has a place. */
static int vhdx_mark(struct vhdx *vhdx, uint64_t sector, uint64_t n, bool here)
{
    uint64_t index =
        vhdx_bitmap_entry(vhdx, sector / VHDX_CHUNK_SECTORS); /* a block lies in one chunk */
    if ((vhdx->bat[index] & VHDX_STATE_MASK) != VHDX_FULLY_PRESENT) {
        uint64_t offset;
        int code = vhdx_allocate(vhdx, VHDX_MIB, &offset);
        if (code != 0) {
            return code;
        }
        vhdx_set_entry(vhdx, index, offset | VHDX_FULLY_PRESENT);
    }
    for (uint64_t end = sector + n; sector < end; sector++) {
        struct vhdx_page *page;
        int code = vhdx_page(vhdx, sector, &page);
        if (code == 0 && vhdx_bit(page, sector) != here) {
            uint32_t bit = (uint32_t)(sector % VHDX_PAGE_SECTORS);
            code = vhdx_page_dirty(vhdx, sector, page);
            page->bits[bit / 8] ^= (uint8_t)(code == 0 ? 1U << bit % 8 : 0U);
        }
        if (code != 0) {
            return code;
        }
    }
    return 0;
}

static int vhdx_read_partly(struct vhdx *vhdx, struct vhdx_part part, uint8_t *bytes)
{
    uint32_t size = vhdx->image.logical_sector;
    uint64_t at = (*vhdx_bat_at(vhdx, part.block) & VHDX_OFFSET_MASK) + part.within;
    uint64_t sector = vhdx_sector_of(vhdx, &part), end = sector + part.n / size;
    while (sector < end) {
        struct vhdx_page *page;
        uint64_t run = 0;
        bool here = false;
        do {
            int code = vhdx_page(vhdx, sector + run, &page);
            if (code != 0) {
                return code;
            }
            here = run == 0 ? vhdx_bit(page, sector) : here;
        } while (vhdx_bit(page, sector + run) == here && sector + ++run < end);
        size_t n = (size_t)run * size;
        int code = here ? image_file_read_padded(vhdx->image.file, at, bytes, n)
                        : image_read_parent(&vhdx->image, sector * size, bytes, n);
        if (code != 0) {
            return code;
        }
        sector += run;
        at += n;
        bytes += n;
    }
    return 0;
}

static int vhdx_read_part(struct vhdx *vhdx, struct vhdx_part part, uint8_t *bytes)
{
    uint64_t entry = *vhdx_bat_at(vhdx, part.block);
    switch (entry & VHDX_STATE_MASK) {
    case VHDX_FULLY_PRESENT:
        return image_file_read_padded(vhdx->image.file, (entry & VHDX_OFFSET_MASK) + part.within,
                                      bytes, part.n);
    case VHDX_PARTIALLY_PRESENT:
        return vhdx_read_partly(vhdx, part, bytes);
    case VHDX_NOT_PRESENT:
        return image_read_parent(&vhdx->image, part.block * vhdx->image.block_bytes + part.within,
                                 bytes, part.n);
    default: /* zero, unmapped, undefined */
        memset(bytes, 0, part.n);
        return 0;
    }
}

static int vhdx_read(struct image *image, uint64_t offset, uint8_t *bytes, size_t n)
{
    struct vhdx *vhdx = vhdx_of(image);
    int code = 0;
    while (code == 0 && n > 0) {
        struct vhdx_part part = vhdx_part(vhdx, offset, n);
        code = vhdx_read_part(vhdx, part, bytes);
        offset += part.n;
        bytes += part.n;
        n -= part.n;
    }
    return code;
}

/* How many of n sectors from `first` on are alike, in this file or not, as far as the pages in memory tell; 0: they do not. */
static uint64_t vhdx_known_run(const struct vhdx *vhdx, uint64_t first, uint64_t n, bool *here)
{
    uint64_t run = 0;
    while (run < n) {
        const struct vhdx_page *page = vhdx->pages[(first + run) / VHDX_PAGE_SECTORS];
        if (page == NULL || (run > 0 && vhdx_bit(page, first + run) != *here)) {
            break;
        }
        *here = vhdx_bit(page, first + run);
        run++;
    }
    return run;
}

static bool vhdx_place(struct image *image, bool write, uint64_t offset, uint64_t *n,
                       struct image_place *place)
{
    struct vhdx *vhdx = vhdx_of(image);
    struct vhdx_part part = vhdx_part(vhdx, offset, *n);
    uint64_t entry = *vhdx_bat_at(vhdx, part.block);
    bool here = true;
    *n = part.n;
    *place = (struct image_place){ image->file, (entry & VHDX_OFFSET_MASK) + part.within };
    if (write && !vhdx->session) {
        return false;
    }
    switch (entry & VHDX_STATE_MASK) {
    case VHDX_FULLY_PRESENT:
        return true;
    case VHDX_PARTIALLY_PRESENT:
        *n = vhdx_known_run(vhdx, vhdx_sector_of(vhdx, &part), part.n / image->logical_sector,
                            &here) *
             image->logical_sector;
        return *n != 0 && (here || image_place_in_parent(image, write, offset, n, place));
    case VHDX_NOT_PRESENT:
        return image_place_in_parent(image, write, offset, n, place);
    default: /* zeros */
        return false;
    }
}

/* Give a block a place, so that it reads as it did. */
static int vhdx_make_present(struct vhdx *vhdx, const struct vhdx_part *part)
{
    uint64_t offset, old = *vhdx_bat_at(vhdx, part->block) & VHDX_STATE_MASK;
    bool partly = old == VHDX_NOT_PRESENT && vhdx->has_parent && !part->whole;
    int code = vhdx_allocate(vhdx, vhdx->image.block_bytes, &offset);
    if (code == 0 && partly) {
        uint64_t sectors = vhdx->image.block_bytes / vhdx->image.logical_sector,
                 first = part->block * sectors;
        uint64_t all = vhdx->image.size_bytes / vhdx->image.logical_sector;
        code = vhdx_mark(vhdx, first, sectors < all - first ? sectors : all - first, false);
    }
    if (code == 0) {
        vhdx_set_entry(vhdx, vhdx_block_entry(vhdx, part->block),
                       offset | (partly ? VHDX_PARTIALLY_PRESENT : VHDX_FULLY_PRESENT));
    }
    return code;
}

/* bytes NULL: zeros. */
static int vhdx_write_part(struct vhdx *vhdx, const struct vhdx_part *part, const uint8_t *bytes)
{
    struct image_file *file = vhdx->image.file;
    int code = 0;
    if ((*vhdx_bat_at(vhdx, part->block) & VHDX_STATE_MASK) <= VHDX_UNMAPPED) {
        code = vhdx_make_present(vhdx, part);
    }
    if (code != 0) {
        return code;
    }
    uint64_t entry = *vhdx_bat_at(vhdx, part->block),
             at = (entry & VHDX_OFFSET_MASK) + part->within;
    if (bytes != NULL) {
        code = image_file_write(file, at, bytes, part->n);
    } else if (at < file->size_bytes) {
        code = image_file_zero(file, at,
                               part->n < file->size_bytes - at ? part->n : file->size_bytes - at);
    }
    if (code == 0 && (entry & VHDX_STATE_MASK) == VHDX_PARTIALLY_PRESENT) {
        code =
            vhdx_mark(vhdx, vhdx_sector_of(vhdx, part), part->n / vhdx->image.logical_sector, true);
    }
    return code;
}

/* The first change of an opening. A header that may be half written is never tried again. */
static int vhdx_begin(struct vhdx *vhdx)
{
    int code = 0;
    if (!vhdx->session) {
        /* What a crash may have left behind the last block goes: what is allocated there must read as zeros. */
        code = image_file_resize(vhdx->image.file, vhdx->data_end);
        code = code == 0 ? vhdx_start_session(vhdx) : code;
    }
    vhdx->image.failed = vhdx->image.failed || code != 0;
    return code;
}

static int vhdx_write(struct image *image, uint64_t offset, const uint8_t *bytes, size_t n)
{
    struct vhdx *vhdx = vhdx_of(image);
    int code = vhdx_begin(vhdx);
    while (code == 0 && n > 0) {
        struct vhdx_part part = vhdx_part(vhdx, offset, n);
        code = vhdx_write_part(vhdx, &part, bytes);
        offset += part.n;
        bytes += part.n;
        n -= part.n;
    }
    return code;
}

static int vhdx_zero_part(struct vhdx *vhdx, const struct vhdx_part *part)
{
    uint64_t entry = *vhdx_bat_at(vhdx, part->block), index = vhdx_block_entry(vhdx, part->block);
    bool placed = (entry & VHDX_STATE_MASK) > VHDX_UNMAPPED;
    bool parent = (entry & VHDX_STATE_MASK) == VHDX_NOT_PRESENT && vhdx->has_parent;
    if (!placed && !parent) {
        return 0;
    }
    if (!part->whole || vhdx->leave_allocated) {
        return vhdx_write_part(vhdx, part, NULL);
    }
    int code =
        placed ? vhdx_places_add(&vhdx->freed, entry & VHDX_OFFSET_MASK, vhdx->image.block_bytes)
               : 0;
    if (code == 0) {
        vhdx_set_entry(vhdx, index, VHDX_ZERO);
    }
    return code;
}

static int vhdx_zero(struct image *image, uint64_t offset, uint64_t n)
{
    struct vhdx *vhdx = vhdx_of(image);
    int code = vhdx_begin(vhdx);
    while (code == 0 && n > 0) {
        struct vhdx_part part = vhdx_part(vhdx, offset, n);
        code = vhdx_zero_part(vhdx, &part);
        offset += part.n;
        n -= part.n;
    }
    return code;
}

/* Changes on their way to the log. */
struct vhdx_batch {
    struct vhdx_change changes[VHDX_LOG_MOST_SECTORS];
    uint8_t bytes[VHDX_LOG_MOST_SECTORS][VHDX_LOG_SECTOR]; /* of the table's sectors */
    size_t n;
    bool unsafe; /* what the entry before has changed may not be durable */
};

static int vhdx_batch_commit(struct vhdx *vhdx, struct vhdx_batch *batch)
{
    int code = batch->n > 0 && batch->unsafe ? image_file_flush(vhdx->image.file) : 0;
    if (code == 0 && batch->n > 0) {
        code = vhdx_commit(vhdx, batch->changes, batch->n);
        batch->unsafe = true;
        batch->n = 0;
    }
    return code;
}

static void vhdx_batch_table_sector(const struct vhdx *vhdx, struct vhdx_batch *batch,
                                    size_t sector)
{
    uint8_t *bytes = batch->bytes[batch->n];
    for (size_t i = 0; i < VHDX_ENTRIES_PER_SECTOR; i++) {
        size_t entry = sector * VHDX_ENTRIES_PER_SECTOR + i;
        le64_store(bytes + i * 8, entry < vhdx->n_entries ? vhdx->bat[entry] : 0);
    }
    batch->changes[batch->n++] =
        (struct vhdx_change){ vhdx->bat_offset + sector * VHDX_LOG_SECTOR, bytes };
}

/* Bitmaps first: a block that shows itself partly present then has its bits. */
static int vhdx_flush_metadata(struct vhdx *vhdx, struct vhdx_batch *batch)
{
    size_t room = vhdx_log_room(vhdx), sectors = vhdx_bat_sectors(vhdx);
    int code = 0;
    for (size_t i = 0; code == 0 && i < vhdx->n_dirty_pages; i++) {
        size_t page = vhdx->dirty_pages[i];
        uint64_t entry = vhdx->bat[vhdx_bitmap_entry(vhdx, page / VHDX_BITMAP_PAGES)];
        uint64_t at = (entry & VHDX_OFFSET_MASK) + page % VHDX_BITMAP_PAGES * VHDX_LOG_SECTOR;
        batch->changes[batch->n++] = (struct vhdx_change){ at, vhdx->pages[page]->bits };
        code = batch->n == room ? vhdx_batch_commit(vhdx, batch) : 0;
    }
    for (size_t i = 0; code == 0 && i < sectors; i++) {
        if (vhdx->bat_dirty[i] != 0) {
            vhdx_batch_table_sector(vhdx, batch, i);
            code = batch->n == room ? vhdx_batch_commit(vhdx, batch) : 0;
        }
    }
    return code == 0 ? vhdx_batch_commit(vhdx, batch) : code;
}

/* What was freed can be used again, now that nothing durable names it. Its space goes back to the host. */
static int vhdx_release_freed(struct vhdx *vhdx)
{
    for (size_t i = 0; i < vhdx->freed.n; i++) {
        struct vhdx_place place = vhdx->freed.rows[i];
        uint64_t size = vhdx->image.file->size_bytes;
        uint64_t there = place.offset < size ? size - place.offset : 0;
        int code =
            image_file_zero(vhdx->image.file, place.offset, place.n < there ? place.n : there);
        code = code == 0 ? vhdx_places_add(&vhdx->free, place.offset, place.n) : code;
        if (code != 0) {
            return code;
        }
    }
    vhdx->freed.n = 0;
    return 0;
}

static int vhdx_flush(struct image *image)
{
    struct vhdx *vhdx = vhdx_of(image);
    if (!vhdx->dirty) {
        return image_file_flush(image->file);
    }
    struct vhdx_batch *batch = malloc(sizeof(*batch));
    if (batch == NULL) {
        return -ENOMEM;
    }
    batch->n = 0;
    batch->unsafe = false;
    int code = image->file->size_bytes < vhdx->data_end
                   ? image_file_resize(image->file, vhdx->data_end)
                   : 0;
    code = code == 0 ? image_file_flush(image->file) : code;
    code = code == 0 ? vhdx_flush_metadata(vhdx, batch) : code;
    free(batch);
    if (code != 0) {
        return code;
    }
    for (size_t i = 0; i < vhdx->n_dirty_pages; i++) {
        vhdx->pages[vhdx->dirty_pages[i]]->dirty = false;
    }
    vhdx->n_dirty_pages = 0;
    memset(vhdx->bat_dirty, 0, vhdx_bat_sectors(vhdx));
    vhdx->dirty = false;
    return vhdx_release_freed(vhdx);
}

static bool vhdx_has_data(struct image *image, uint64_t offset, uint64_t *n)
{
    struct vhdx *vhdx = vhdx_of(image);
    struct vhdx_part part = vhdx_part(vhdx, offset, *n);
    *n = part.n;
    uint64_t state = *vhdx_bat_at(vhdx, part.block) & VHDX_STATE_MASK;
    if (state != VHDX_NOT_PRESENT) {
        return state > VHDX_UNMAPPED;
    }
    return image->parent != NULL && offset < image->parent->size_bytes &&
           image_has_data(image->parent, offset, n);
}

static void vhdx_check(struct image *image, struct image_report *report)
{
    struct vhdx *vhdx = vhdx_of(image);
    const char *name = image->file->name;
    uint64_t used =
        VHDX_MIB + (uint64_t)vhdx->log_length + vhdx->bat_length + vhdx->metadata_length;
    if (vhdx->replayed) {
        image_report_warning(report, "%.300s: was not closed in order; its log was replayed", name);
    }
    if (!vhdx->both_headers) {
        image_report_warning(report, "%.300s: one of the two headers is damaged; the other is used",
                             name);
    }
    if (!vhdx->both_regions) {
        image_report_warning(
            report, "%.300s: one of the two region tables is damaged; the other is used", name);
    }
    for (uint64_t i = 0; i < vhdx->n_entries; i++) {
        uint64_t entry = vhdx->bat[i];
        bool bitmap = i % (vhdx->chunk_ratio + 1) == vhdx->chunk_ratio;
        if ((entry & VHDX_RESERVED_MASK) != 0) {
            image_report_error(report,
                               "%.300s: reserved bits are set in entry %llu of the block table",
                               name, (unsigned long long)i);
        }
        used += (entry & VHDX_STATE_MASK) <= VHDX_UNMAPPED ? 0
                : bitmap                                   ? (uint64_t)VHDX_MIB
                                                           : image->block_bytes;
    }
    report->leaked_bytes += image->file->size_bytes > used ? image->file->size_bytes - used : 0;
}

static int vhdx_close(struct image *image)
{
    struct vhdx *vhdx = vhdx_of(image);
    int code = 0;
    if (vhdx->session && !image->failed) {
        code = vhdx_flush(image);
        /* What the last log entry changed is durable before the header forgets the log. */
        code = code == 0 ? image_file_flush(image->file) : code;
        memset(&vhdx->log_guid, 0, sizeof(vhdx->log_guid));
        code = code == 0 ? vhdx_write_header(vhdx) : code;
    }
    vhdx_free(vhdx);
    return code;
}

const struct image_format image_format_vhdx = {
    .name = "vhdx",
    .extensions = "vhdx avhdx",
    .probe = vhdx_probe,
    .open = vhdx_open,
    .create = vhdx_create,
    .read = vhdx_read,
    .write = vhdx_write,
    .zero = vhdx_zero,
    .place = vhdx_place,
    .flush = vhdx_flush,
    .has_data = vhdx_has_data,
    .check = vhdx_check,
    .close = vhdx_close,
};
