/* VHD inside: the layout of its structures and of an open image. [VHD 1.0] */
#ifndef DEVICES_BLOCK_VHD_H
#define DEVICES_BLOCK_VHD_H

#include "devices/block/image_format.h"

enum {
    VHD_SECTOR = 512,
    VHD_FOOTER_BYTES = 512,
    VHD_HEADER_BYTES = 1024,
    VHD_VERSION = 0x00010000,
    VHD_FEATURES = 2, /* reserved, always set */
    VHD_BLOCK_BYTES = 2 << 20,
    VHD_LEAST_BLOCK_BYTES = 4096,
    VHD_MOST_BLOCK_BYTES = 256 << 20,
    VHD_LOCATORS = 8,
};

#define VHD_MOST_BYTES (UINT64_C(2040) << 30)
#define VHD_UNUSED     UINT32_C(0xffffffff) /* a table entry without a block */

enum vhd_disk_type { VHD_DISK_FIXED = 2, VHD_DISK_DYNAMIC = 3, VHD_DISK_DIFFERENCING = 4 };

/* Big-endian fields of the footer and of the dynamic header, by offset. */
enum {
    VHD_FOOTER_COOKIE = 0, /* "conectix" */
    VHD_FOOTER_FEATURES = 8,
    VHD_FOOTER_VERSION = 12,
    VHD_FOOTER_DATA_OFFSET = 16,
    VHD_FOOTER_TIME = 24, /* seconds since 2000 */
    VHD_FOOTER_CREATOR = 28,
    VHD_FOOTER_CREATOR_VERSION = 32,
    VHD_FOOTER_CREATOR_HOST = 36,
    VHD_FOOTER_ORIGINAL_SIZE = 40,
    VHD_FOOTER_CURRENT_SIZE = 48,
    VHD_FOOTER_GEOMETRY = 56,
    VHD_FOOTER_TYPE = 60,
    VHD_FOOTER_CHECKSUM = 64,
    VHD_FOOTER_ID = 68,

    VHD_HEADER_COOKIE = 0, /* "cxsparse" */
    VHD_HEADER_DATA_OFFSET = 8,
    VHD_HEADER_TABLE_OFFSET = 16,
    VHD_HEADER_VERSION = 24,
    VHD_HEADER_ENTRIES = 28,
    VHD_HEADER_BLOCK_BYTES = 32,
    VHD_HEADER_CHECKSUM = 36,
    VHD_HEADER_PARENT_ID = 40,
    VHD_HEADER_PARENT_TIME = 56,
    VHD_HEADER_PARENT_NAME = 64, /* 512 bytes, UTF-16 big-endian */
    VHD_HEADER_LOCATORS = 576,
    VHD_PARENT_NAME_BYTES = 512,

    VHD_LOCATOR_BYTES = 24,
    VHD_LOCATOR_CODE = 0,
    VHD_LOCATOR_SPACE = 4,
    VHD_LOCATOR_LENGTH = 8,
    VHD_LOCATOR_OFFSET = 16,
};

#define VHD_LOCATOR_RELATIVE UINT32_C(0x57327275) /* "W2ru": UTF-16 little-endian */
#define VHD_LOCATOR_ABSOLUTE UINT32_C(0x57326b75) /* "W2ku" */

/* The sector bitmap of a block: most significant bit first, 1: the sector is in this file. */
struct vhd_bitmap {
    bool dirty;
    uint8_t bits[];
};

struct vhd {
    struct image image;
    uint8_t footer[VHD_FOOTER_BYTES];
    /* Dynamic and differencing only. */
    uint64_t table_offset;
    uint32_t n_blocks;
    uint32_t bitmap_bytes;
    uint32_t *table;             /* sector of each block, VHD_UNUSED: none */
    struct vhd_bitmap **bitmaps; /* NULL: not read yet */
    uint8_t *full; /* a bit a block: all of its sectors are in this file, and the file says so */
    uint8_t *table_dirty;    /* a byte for each sector of the table */
    uint32_t *dirty_bitmaps; /* blocks */
    size_t n_dirty_bitmaps, room_dirty_bitmaps;
    uint64_t data_end; /* of the last block: where the footer stands, or will */
    bool dirty;        /* the table or a bitmap differs from the file */
    bool cut;          /* nothing is behind data_end but our own writes */
    bool footer_lost;  /* no footer at data_end */
};

/* The ones' complement of the sum of the bytes, the field at `at` taken as zeros. */
uint32_t vhd_checksum(const uint8_t *bytes, size_t n, size_t at);
/* vhd_open.c, vhd_create.c */
bool vhd_probe(struct image_file *file);
int vhd_open(struct image_file *file, const struct image_how *how, struct image **image,
             struct error *error);
int vhd_create(struct image_file *file, const struct image_new *facts, struct error *error);
/* Free all but the head. */
void vhd_free(struct vhd *vhd);

static inline struct vhd *vhd_of(struct image *image)
{
    return CONTAINER_OF(image, struct vhd, image);
}

static inline uint64_t vhd_table_bytes(const struct vhd *vhd)
{
    return ((uint64_t)vhd->n_blocks * 4 + VHD_SECTOR - 1) / VHD_SECTOR * VHD_SECTOR;
}

#endif
