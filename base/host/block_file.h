/* A file of the host that is read and written at offsets: what disk images lie in. Paths and randomness for them. */
#ifndef BASE_HOST_BLOCK_FILE_H
#define BASE_HOST_BLOCK_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"

enum {
    HOST_BLOCK_WRITE = 1,  /* open for writing too */
    HOST_BLOCK_CREATE = 2, /* make it; -EEXIST when it is there */
    HOST_BLOCK_TEMPORARY =
        4, /* path is a folder: a nameless file in it that vanishes with its last user */
};

/* What host_*_now found out of a file: whoever has it uses it. */
struct host_block_haste {
    bool no_read, no_write; /* the file system cannot say whether it would wait */
    uint64_t patient_until; /* host's time until which writes are not tried: one took long */
    uint64_t patience_ns;
};

struct host_block_file {
    int fd;
    uint64_t size_bytes; /* when it was opened */
    struct host_block_haste haste;
};

/* A part of memory that is not ours alone: a guest's, say. Only the host's own calls touch it. */
struct host_piece {
    void *at;
    size_t n;
};
enum { HOST_PIECES_MAX = 272 };

/* Open a regular file or a block device, and lock it: readers share it, a writer is alone. The lock ends with the
 * process. 0 or -errno with the sentence in error. */
WARN_UNUSED int host_block_open(struct host_block_file *file, const char *path, unsigned flags,
                                struct error *error);
void host_block_close(struct host_block_file *file);

/* All n bytes, or -errno (-EIO: the file ends before). */
WARN_UNUSED int host_block_read(const struct host_block_file *file, uint64_t offset, void *bytes,
                                size_t n);
WARN_UNUSED int host_block_write(const struct host_block_file *file, uint64_t offset,
                                 const void *bytes, size_t n);
/* The same for n bytes of memory in pieces, behind the first `skip` of them, if that can be done at once: reads when all is in the host's
 * cache; writes when nothing is known to make them wait. One caller at a time. False: no, or an error; parts may be done. */
WARN_UNUSED bool host_block_read_now(struct host_block_file *file, uint64_t offset,
                                     const struct host_piece *pieces, unsigned n_pieces,
                                     size_t skip, size_t n);
WARN_UNUSED bool host_block_write_now(struct host_block_file *file, uint64_t offset,
                                      const struct host_piece *pieces, unsigned n_pieces,
                                      size_t skip, size_t n);
/* What was written, and the size, is on stable storage. */
WARN_UNUSED int host_block_flush(const struct host_block_file *file);
WARN_UNUSED int host_block_resize(const struct host_block_file *file, uint64_t size_bytes);
/* Give the space of a range back; it reads as zeros. -EOPNOTSUPP where the host cannot. */
WARN_UNUSED int host_block_punch(const struct host_block_file *file, uint64_t offset, uint64_t n);
/* Both are the same file of the host. */
bool host_block_same(const struct host_block_file *a, const struct host_block_file *b);

/* The path with no link, dot or relative part in it. 0 or -errno. */
WARN_UNUSED int host_path_absolute(const char *path, char *absolute, size_t size);
WARN_UNUSED int host_path_delete(const char *path);
/* Bytes that nobody can foretell. */
void host_random(void *bytes, size_t n);

#endif
