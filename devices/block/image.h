/* Disk images: one interface over raw files, ISO, VHD and VHDX. */
#ifndef DEVICES_BLOCK_IMAGE_H
#define DEVICES_BLOCK_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/host/mutex.h"
#include "devices/block/guid.h"
#include "devices/block/image_file.h"

enum {
    IMAGE_SECTOR =
        512, /* offsets and lengths are multiples of the logical sector, and so of this */
    IMAGE_CHAIN_LIMIT = 64, /* images from a differencing one down to its first ancestor */
};

enum image_type { IMAGE_FIXED, IMAGE_DYNAMIC, IMAGE_DIFFERENCING };

struct image_format;

/* The head of every open image. Facts are constant once it is open; the lock guards the rest and is taken by image_*. */
struct image {
    const struct image_format *format;
    struct image_file *file; /* owned */
    struct image *parent;    /* owned; NULL unless differencing */
    const struct image_env *env;
    enum image_type type;
    uint64_t size_bytes; /* as the guest sees it */
    uint32_t logical_sector, physical_sector;
    uint32_t block_bytes; /* what is allocated at a time; 0: nothing is */
    struct guid id;       /* of the virtual disk; zero: has none */
    bool writable;
    bool removable; /* an ISO: a medium for a DVD drive */
    bool
        failed; /* a flush or a change of metadata failed: what is on the host is not known any more */
    const char *failure; /* why it may be read but not written, for image_info; or NULL */
    struct host_mutex lock;
};

/* What is told by image_check. */
struct image_report {
    unsigned errors;       /* what breaks the format */
    unsigned warnings;     /* what was repaired by itself or will be */
    uint64_t leaked_bytes; /* space of the file that nothing uses */
    void (*line)(void *opaque, const char *text);
    void *opaque;
};

/* The images above the one that is opened, for finding cycles. */
struct image_chain {
    const struct image_chain *child;
    struct image_file *file;
};

struct image_how {
    const struct image_env *env;
    bool write;
    struct image *
        parent; /* given from outside, and taken, in place of the one that the image names; or NULL */
    const struct image_chain *chain;
};

struct image_new {
    const struct image_env *env;
    uint64_t size_bytes;
    enum image_type type;
    uint32_t logical_sector; /* 0: 512 */
    uint32_t block_bytes;    /* 0: the format's usual one */
    struct image *parent;    /* IMAGE_DIFFERENCING: open; borrowed */
};

struct image_place {
    struct image_file *file; /* the image's, or an ancestor's */
    uint64_t offset;
};

/* A format. The image's lock is held, ranges are checked, writes have a writable image. */
struct image_format {
    const char *name;
    const char *extensions; /* "vhdx avhdx" */
    bool (*probe)(struct image_file *file);
    /* Takes file, also when it fails. */
    int (*open)(struct image_file *file, const struct image_how *how, struct image **image,
                struct error *error);
    /* Write an empty image into a new, empty file. NULL: cannot. */
    int (*create)(struct image_file *file, const struct image_new *facts, struct error *error);
    int (*read)(struct image *image, uint64_t offset, uint8_t *bytes, size_t n);
    int (*write)(struct image *image, uint64_t offset, const uint8_t *bytes, size_t n);
    int (*zero)(struct image *image, uint64_t offset, uint64_t n);
    int (*flush)(struct image *image);
    void (*check)(struct image *image, struct image_report *report);
    /* Where the beginning of the range lies, as far as that is known without I/O: *n is cut to what lies there in one piece. write: what is
     * written there is written to the image, nothing else changes. False: look with read or write. NULL: always so. */
    bool (*place)(struct image *image, bool write, uint64_t offset, uint64_t *n,
                  struct image_place *place);
    /* Whether the range may hold anything but zeros; *n is cut to what the answer is for. NULL: it may. */
    bool (*has_data)(struct image *image, uint64_t offset, uint64_t *n);
    /* Leave the file as an orderly end does, free all but the head. 0 or -errno. */
    int (*close)(struct image *image);
};

/* Open by name; the extension names the format (vhd, vhdx, iso; raw and img: never anything else), others are looked into.
 * write: for reading only otherwise. 0 or -errno with a sentence. */
WARN_UNUSED int image_open(const struct image_env *env, const char *name, bool write,
                           struct image **image, struct error *error);
/* The same on an open file, which is taken (also on failure). format NULL: look. */
WARN_UNUSED int image_open_file(struct image_file *file, const struct image_format *format,
                                const struct image_how *how, struct image **image,
                                struct error *error);
/* A writable view of base, which is taken also on failure: what is written goes to a nameless file in `folder`. */
WARN_UNUSED int image_open_snapshot(struct image *base, const char *folder, struct image **image,
                                    struct error *error);
/* Write back, leave the file in order, free. NULL does nothing. 0 or -errno: the last writes may be lost. */
int image_close(struct image *image);

/* offset and n are multiples of the logical sector and inside the image, else -EINVAL. 0 or -errno. Any thread. */
WARN_UNUSED int image_read(struct image *image, uint64_t offset, void *bytes, size_t n);
WARN_UNUSED int image_write(struct image *image, uint64_t offset, const void *bytes, size_t n);
/* The same with memory in pieces, if it can be done at once: nobody else is at the image, and the host need not wait. False: not done, or
 * in part, also when it is wrong: image_read or image_write do it. */
WARN_UNUSED bool image_now(struct image *image, bool write, uint64_t offset,
                           const struct host_piece *pieces, unsigned n_pieces, size_t n);
/* The range reads as zeros; its space may be given back. */
WARN_UNUSED int image_discard(struct image *image, uint64_t offset, uint64_t n);
/* Everything that was written before is there after any crash of the host. */
WARN_UNUSED int image_flush(struct image *image);

bool image_has_data(struct image *image, uint64_t offset, uint64_t *n);
void image_check(struct image *image, struct image_report *report);
/* Make an empty image. On failure no file is left. */
WARN_UNUSED int image_create(const char *name, const struct image_format *format,
                             const struct image_new *facts, struct error *error);

const struct image_format *image_format_named(const char *name); /* NULL: none */
const struct image_format *
image_format_of_name(const char *file_name); /* by extension; NULL: tells nothing */
const char *image_type_name(enum image_type type);

/* Cylinders, heads and sectors a track that firmware of old would show. [VHD appendix] */
struct image_geometry {
    uint16_t cylinders;
    uint8_t heads, sectors;
};
struct image_geometry image_geometry(uint64_t size_bytes);

#endif
