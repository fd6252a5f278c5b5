/* What an image lies in: bytes at offsets, with a size and a flush. A host file, memory, a view with patches; tests add one that records. */
#ifndef DEVICES_BLOCK_IMAGE_FILE_H
#define DEVICES_BLOCK_IMAGE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/host/block_file.h"

enum { IMAGE_NAME_MAX = 1024 };

struct image_file;

/* All return 0 or -errno. image_file_* below check the ranges before they call these. */
struct image_file_ops {
    int (*read)(struct image_file *file, uint64_t offset, void *bytes, size_t n);
    int (*write)(struct image_file *file, uint64_t offset, const void *bytes, size_t n);
    int (*flush)(struct image_file *file);
    int (*resize)(struct image_file *file, uint64_t size_bytes); /* new bytes are zeros */
    int (*zero)(struct image_file *file, uint64_t offset, uint64_t n);
    /* As host_block_*_now; NULL: never at once. */
    bool (*now)(struct image_file *file, bool write, uint64_t offset,
                const struct host_piece *pieces, unsigned n_pieces, size_t skip, size_t n);
    bool (*same)(struct image_file *a, struct image_file *b); /* both have these ops */
    void (*close)(struct image_file *file);                   /* and frees it */
};

struct image_file {
    const struct image_file_ops *ops;
    uint64_t size_bytes;
    bool writable;
    char name[IMAGE_NAME_MAX]; /* its path, for sentences and for finding parents */
};

/* Exactly n bytes inside the file, else -EIO. */
WARN_UNUSED int image_file_read(struct image_file *file, uint64_t offset, void *bytes, size_t n);
/* As much as there is, then zeros. */
WARN_UNUSED int image_file_read_padded(struct image_file *file, uint64_t offset, void *bytes,
                                       size_t n);
/* Makes the file larger where it must. -EROFS when it is not writable. */
WARN_UNUSED int image_file_write(struct image_file *file, uint64_t offset, const void *bytes,
                                 size_t n);
/* Without a wait and without making the file larger, between it and memory in pieces. False: not done, or in part. One caller at a time. */
WARN_UNUSED bool image_file_now(struct image_file *file, bool write, uint64_t offset,
                                const struct host_piece *pieces, unsigned n_pieces, size_t skip,
                                size_t n);
/* All that was written before is on stable storage. */
WARN_UNUSED int image_file_flush(struct image_file *file);
WARN_UNUSED int image_file_resize(struct image_file *file, uint64_t size_bytes);
/* A range inside the file reads as zeros from now on; its space is given back where that can be done. */
WARN_UNUSED int image_file_zero(struct image_file *file, uint64_t offset, uint64_t n);
bool image_file_same(struct image_file *a, struct image_file *b);
void image_file_close(struct image_file *file); /* NULL does nothing */

enum {
    IMAGE_FILE_WRITE = 1,
    IMAGE_FILE_CREATE = 2,    /* new; -EEXIST when it is there */
    IMAGE_FILE_TEMPORARY = 4, /* the name is a folder; the file vanishes when closed */
};

/* Where images, their parents, new identities and the time come from. Borrowed by what is opened with it. */
struct image_env {
    int (*open)(void *opaque, const char *name, unsigned flags, struct image_file **file,
                struct error *error);
    int (*absolute)(void *opaque, const char *name, char *out,
                    size_t size); /* as host_path_absolute */
    int (*remove)(void *opaque, const char *name);
    void (*random)(void *opaque, void *bytes, size_t n);
    int64_t (*now_seconds)(void *opaque); /* since 1970, UTC */
    void *opaque;
};

/* The host's files. */
extern const struct image_env image_env_host;

/* A file in memory, at most limit_bytes of it. NULL: no memory. */
struct image_file *image_file_memory(const char *name, uint64_t limit_bytes);

/* A view of a file in which ranges are replaced; it owns base. Patches are added in order, the later covers the earlier. Read only. */
struct image_file *image_file_patched(struct image_file *base);
/* bytes NULL: zeros. */
WARN_UNUSED int image_file_patch(struct image_file *patched, uint64_t offset, const void *bytes,
                                 uint64_t n);

#endif
