/* A file in memory: chunks that are there only once written. For snapshots, tests and fuzzing. [POSIX ftruncate] */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/block/image_file.h"

enum { CHUNK_SHIFT = 16, CHUNK = 1 << CHUNK_SHIFT };

struct image_file_memory {
    struct image_file file;
    uint64_t limit_bytes;
    uint8_t **chunks; /* NULL: zeros */
    size_t n_chunks;
};

static struct image_file_memory *memory_of(struct image_file *file)
{
    return CONTAINER_OF(file, struct image_file_memory, file);
}

/* How much of a range lies in its first chunk. */
static size_t memory_part(uint64_t offset, uint64_t n)
{
    uint64_t left = CHUNK - (offset & (CHUNK - 1));
    return (size_t)(n < left ? n : left);
}

static int memory_read(struct image_file *file, uint64_t offset, void *bytes, size_t n)
{
    struct image_file_memory *memory = memory_of(file);
    uint8_t *to = bytes;
    while (n > 0) {
        size_t part = memory_part(offset, n), index = (size_t)(offset >> CHUNK_SHIFT);
        if (index < memory->n_chunks && memory->chunks[index] != NULL) {
            memcpy(to, memory->chunks[index] + (offset & (CHUNK - 1)), part);
        } else {
            memset(to, 0, part);
        }
        to += part;
        offset += part;
        n -= part;
    }
    return 0;
}

/* The chunk's place, made when it is not there. */
static uint8_t *memory_chunk(struct image_file_memory *memory, size_t index)
{
    if (index >= memory->n_chunks) {
        size_t n = memory->n_chunks * 2 > index ? memory->n_chunks * 2 : index + 1;
        uint8_t **more = realloc(memory->chunks, n * sizeof(*more));
        if (more == NULL) {
            return NULL;
        }
        memset(more + memory->n_chunks, 0, (n - memory->n_chunks) * sizeof(*more));
        memory->chunks = more;
        memory->n_chunks = n;
    }
    if (memory->chunks[index] == NULL) {
        memory->chunks[index] = calloc(1, CHUNK);
    }
    return memory->chunks[index];
}

static int memory_write(struct image_file *file, uint64_t offset, const void *bytes, size_t n)
{
    struct image_file_memory *memory = memory_of(file);
    const uint8_t *from = bytes;
    if (offset + n > memory->limit_bytes) {
        return -ENOSPC;
    }
    while (n > 0) {
        size_t part = memory_part(offset, n);
        uint8_t *chunk = memory_chunk(memory, (size_t)(offset >> CHUNK_SHIFT));
        if (chunk == NULL) {
            return -ENOMEM;
        }
        memcpy(chunk + (offset & (CHUNK - 1)), from, part);
        from += part;
        offset += part;
        n -= part;
    }
    return 0;
}

static bool memory_now(struct image_file *file, bool write, uint64_t offset,
                       const struct host_piece *pieces, unsigned n_pieces, size_t skip, size_t n)
{
    int code = 0;
    for (unsigned i = 0; code == 0 && n > 0 && i < n_pieces; i++) {
        if (skip >= pieces[i].n) {
            skip -= pieces[i].n;
            continue;
        }
        size_t part = pieces[i].n - skip < n ? pieces[i].n - skip : n;
        uint8_t *at = (uint8_t *)pieces[i].at + skip;
        code = write ? memory_write(file, offset, at, part) : memory_read(file, offset, at, part);
        skip = 0;
        offset += part;
        n -= part;
    }
    return code == 0 && n == 0;
}

static int memory_flush(struct image_file *file)
{
    (void)file;
    return 0;
}

static int memory_zero(struct image_file *file, uint64_t offset, uint64_t n)
{
    struct image_file_memory *memory = memory_of(file);
    while (n > 0 && offset >> CHUNK_SHIFT < memory->n_chunks) {
        size_t part = memory_part(offset, n), index = (size_t)(offset >> CHUNK_SHIFT);
        if (part == CHUNK) {
            free(memory->chunks[index]);
            memory->chunks[index] = NULL;
        } else if (memory->chunks[index] != NULL) {
            memset(memory->chunks[index] + (offset & (CHUNK - 1)), 0, part);
        }
        offset += part;
        n -= part;
    }
    return 0;
}

static int memory_resize(struct image_file *file, uint64_t size_bytes)
{
    if (size_bytes > memory_of(file)->limit_bytes) {
        return -ENOSPC;
    }
    return size_bytes < file->size_bytes
               ? memory_zero(file, size_bytes, file->size_bytes - size_bytes)
               : 0;
}

static void memory_close(struct image_file *file)
{
    struct image_file_memory *memory = memory_of(file);
    for (size_t i = 0; i < memory->n_chunks; i++) {
        free(memory->chunks[i]);
    }
    free(memory->chunks);
    free(memory);
}

static const struct image_file_ops image_file_memory_ops = {
    .read = memory_read,
    .write = memory_write,
    .flush = memory_flush,
    .resize = memory_resize,
    .zero = memory_zero,
    .now = memory_now,
    .close = memory_close,
};

struct image_file *image_file_memory(const char *name, uint64_t limit_bytes)
{
    struct image_file_memory *memory = calloc(1, sizeof(*memory));
    size_t length = strlen(name);
    if (memory == NULL || length >= IMAGE_NAME_MAX) {
        free(memory);
        return NULL;
    }
    memory->file = (struct image_file){ .ops = &image_file_memory_ops, .writable = true };
    memcpy(memory->file.name, name, length + 1);
    memory->limit_bytes = limit_bytes;
    return &memory->file;
}
