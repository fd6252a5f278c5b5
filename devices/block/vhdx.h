/* VHDX inside: the layout of its structures and of an open image. [MS-VHDX 2] */
#ifndef DEVICES_BLOCK_VHDX_H
#define DEVICES_BLOCK_VHDX_H

#include "devices/block/image_format.h"

enum {
    VHDX_KIB64 = 64 << 10,
    VHDX_MIB = 1 << 20,
    VHDX_LOG_SECTOR = 4096,
    /* [2.2] the header section */
    VHDX_IDENTIFIER = 0,
    VHDX_HEADER_1 = VHDX_KIB64,
    VHDX_HEADER_2 = 2 * VHDX_KIB64,
    VHDX_REGIONS_1 = 3 * VHDX_KIB64,
    VHDX_REGIONS_2 = 4 * VHDX_KIB64,
    VHDX_HEADER_BYTES = 4096,
    VHDX_REGIONS_BYTES = VHDX_KIB64,
    VHDX_VERSION = 1,
    VHDX_MOST_ENTRIES = 2047, /* of a region or metadata table */
    /* [2.2.2] */
    VHDX_HEADER_SIGNATURE = 0, /* "head" */
    VHDX_HEADER_CHECKSUM = 4,
    VHDX_HEADER_SEQUENCE = 8,
    VHDX_HEADER_FILE_WRITE = 16,
    VHDX_HEADER_DATA_WRITE = 32,
    VHDX_HEADER_LOG = 48,
    VHDX_HEADER_LOG_VERSION = 64,
    VHDX_HEADER_VERSION = 66,
    VHDX_HEADER_LOG_LENGTH = 68,
    VHDX_HEADER_LOG_OFFSET = 72,
    /* [2.2.3] */
    VHDX_REGIONS_COUNT = 8,
    VHDX_REGIONS_ROWS = 16,
    VHDX_REGION_BYTES = 32,
    VHDX_REGION_OFFSET = 16,
    VHDX_REGION_LENGTH = 24,
    VHDX_REGION_REQUIRED = 28,
    /* [2.6.1] */
    VHDX_METADATA_COUNT = 10,
    VHDX_METADATA_ROWS = 32,
    VHDX_ITEM_BYTES = 32,
    VHDX_ITEM_OFFSET = 16,
    VHDX_ITEM_LENGTH = 20,
    VHDX_ITEM_FLAGS = 24,
    VHDX_ITEM_USER = 1,
    VHDX_ITEM_VIRTUAL_DISK = 2,
    VHDX_ITEM_REQUIRED = 4,
    /* [2.6.2.1] */
    VHDX_LEAVE_ALLOCATED = 1,
    VHDX_HAS_PARENT = 2,
    VHDX_LEAST_BLOCK_BYTES = 1 << 20,
    VHDX_MOST_BLOCK_BYTES = 256 << 20,
    /* [2.3.1] */
    VHDX_LOG_SIGNATURE = 0, /* "loge" */
    VHDX_LOG_CHECKSUM = 4,
    VHDX_LOG_LENGTH = 8,
    VHDX_LOG_TAIL = 12,
    VHDX_LOG_SEQUENCE = 16,
    VHDX_LOG_DESCRIPTORS = 24,
    VHDX_LOG_GUID = 32,
    VHDX_LOG_FLUSHED = 48,
    VHDX_LOG_LAST = 56,
    VHDX_LOG_HEADER_BYTES = 64,
    VHDX_DESCRIPTOR_BYTES = 32,
    VHDX_DATA_HEAD = 8,       /* bytes of a logged sector that stand in the descriptor: first */
    VHDX_DATA_TAIL = 4,       /* and last */
    VHDX_LOG_BYTES = 1 << 20, /* of a log that we make */
    VHDX_LOG_MOST_BYTES = 64 << 20,
    VHDX_LOG_MOST_SECTORS = (VHDX_LOG_SECTOR - VHDX_LOG_HEADER_BYTES) / VHDX_DESCRIPTOR_BYTES,
    /* [2.5.1] */
    VHDX_ENTRIES_PER_SECTOR = VHDX_LOG_SECTOR / 8,
    VHDX_PAGE_SECTORS = VHDX_LOG_SECTOR * 8, /* sectors that 4 KiB of a sector bitmap tell of */
    VHDX_BITMAP_PAGES = VHDX_MIB / VHDX_LOG_SECTOR,
};

#define VHDX_MOST_BYTES    (UINT64_C(64) << 40)
#define VHDX_CHUNK_SECTORS (UINT64_C(1) << 23)
#define VHDX_STATE_MASK    UINT64_C(7)
#define VHDX_OFFSET_MASK   (~UINT64_C(0xfffff)) /* the megabytes of an entry, as bytes */
#define VHDX_RESERVED_MASK UINT64_C(0xffff8)

enum vhdx_state {
    VHDX_NOT_PRESENT = 0,
    VHDX_UNDEFINED = 1,
    VHDX_ZERO = 2,
    VHDX_UNMAPPED = 3,
    VHDX_FULLY_PRESENT = 6, /* of a sector bitmap block: present */
    VHDX_PARTIALLY_PRESENT = 7,
};

extern const struct guid vhdx_region_bat, vhdx_region_metadata;
extern const struct guid vhdx_item_file, vhdx_item_size, vhdx_item_page83, vhdx_item_logical,
    vhdx_item_physical, vhdx_item_parent, vhdx_locator_vhdx;

/* 4 KiB of a sector bitmap: least significant bit first, 1: the sector is in this file. */
struct vhdx_page {
    bool dirty;
    uint8_t bits[VHDX_LOG_SECTOR];
};

struct vhdx_place {
    uint64_t offset, n;
};

struct vhdx_places {
    struct vhdx_place *rows;
    size_t n, room;
};

struct vhdx {
    struct image image;
    /* Of the current header. */
    unsigned header; /* 0 or 1 */
    uint64_t header_sequence;
    struct guid file_write, data_write, log_guid;
    uint64_t log_offset;
    uint32_t log_length;
    bool replayed, both_headers, both_regions; /* for a check */
    /* The session: from the first change on, the header has new identities and the log is ours. */
    bool session;
    uint64_t log_sequence;
    uint32_t log_head; /* where the next entry goes */

    uint64_t bat_offset, metadata_offset;
    uint32_t bat_length, metadata_length;
    bool leave_allocated, has_parent;
    uint64_t chunk_ratio, n_blocks, n_entries;
    uint64_t *bat;
    uint8_t *bat_dirty;       /* a byte for each 4 KiB of the table */
    struct vhdx_page **pages; /* of the sector bitmaps; NULL: not read */
    size_t n_pages;
    uint32_t *dirty_pages;
    size_t n_dirty_pages, room_dirty_pages;
    struct vhdx_places free, freed; /* room to use again: now; once the table's change is durable */
    uint64_t data_end;              /* of all that is used */
    bool dirty;                     /* the table or a bitmap differs from the file */
};

/* A sector of metadata, to be logged and then written. */
struct vhdx_change {
    uint64_t offset;
    const uint8_t *bytes;
};

static inline struct vhdx *vhdx_of(struct image *image)
{
    return CONTAINER_OF(image, struct vhdx, image);
}

/* Where block b and the bitmap of chunk c stand in the table. [2.5] */
static inline uint64_t vhdx_block_entry(const struct vhdx *vhdx, uint64_t block)
{
    return block + block / vhdx->chunk_ratio;
}

static inline uint64_t vhdx_bitmap_entry(const struct vhdx *vhdx, uint64_t chunk)
{
    return (chunk + 1) * vhdx->chunk_ratio + chunk;
}

static inline uint64_t vhdx_entries(uint64_t n_blocks, uint64_t chunk_ratio, bool has_parent)
{
    return has_parent ? (n_blocks + chunk_ratio - 1) / chunk_ratio * (chunk_ratio + 1)
                      : n_blocks + (n_blocks - 1) / chunk_ratio;
}

static inline size_t vhdx_bat_sectors(const struct vhdx *vhdx)
{
    return (size_t)((vhdx->n_entries + VHDX_ENTRIES_PER_SECTOR - 1) / VHDX_ENTRIES_PER_SECTOR);
}

/* vhdx_header.c: the header section. */
bool vhdx_probe(struct image_file *file);
WARN_UNUSED int vhdx_read_headers(struct vhdx *vhdx, struct error *error);
/* Make what vhdx holds the current header, durably. */
WARN_UNUSED int vhdx_write_header(struct vhdx *vhdx);
WARN_UNUSED int vhdx_read_regions(struct vhdx *vhdx, struct error *error);
/* The bytes of a header with its checksum. */
void vhdx_make_header(const struct vhdx *vhdx, uint8_t bytes[VHDX_HEADER_BYTES]);

/* vhdx_metadata.c. *parent_at, *parent_length: the parent locator in the file, length 0 when there is none. */
WARN_UNUSED int vhdx_read_metadata(struct vhdx *vhdx, uint64_t *parent_at, uint32_t *parent_length,
                                   struct error *error);
/* Open the parent that the locator names, or take the given one. */
WARN_UNUSED int vhdx_take_parent(struct vhdx *vhdx, const struct image_how *how, uint64_t at,
                                 uint32_t length, struct error *error);

/* vhdx_log.c. */
WARN_UNUSED int vhdx_replay(struct vhdx *vhdx, struct error *error);
/* Before the first change of the file. */
WARN_UNUSED int vhdx_start_session(struct vhdx *vhdx);
/* How many sectors an entry takes at most. */
size_t vhdx_log_room(const struct vhdx *vhdx);
/* Log n sectors, durably, then write them. What was written before is durable already. */
WARN_UNUSED int vhdx_commit(struct vhdx *vhdx, const struct vhdx_change *changes, size_t n);

/* vhdx_open.c, vhdx_create.c */
int vhdx_open(struct image_file *file, const struct image_how *how, struct image **image,
              struct error *error);
void vhdx_free(struct vhdx *vhdx);
int vhdx_create(struct image_file *file, const struct image_new *facts, struct error *error);

#endif
