/* Images in files of the host. [base/host/block_file.h] */
#include "devices/block/image_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/host/time.h"

struct image_file_host {
    struct image_file file;
    struct host_block_file host;
};

static struct host_block_file *host_of(struct image_file *file)
{
    return &CONTAINER_OF(file, struct image_file_host, file)->host;
}

static int host_read(struct image_file *file, uint64_t offset, void *bytes, size_t n)
{
    return host_block_read(host_of(file), offset, bytes, n);
}

static int host_write(struct image_file *file, uint64_t offset, const void *bytes, size_t n)
{
    return host_block_write(host_of(file), offset, bytes, n);
}

static int host_flush(struct image_file *file)
{
    return host_block_flush(host_of(file));
}

static int host_resize(struct image_file *file, uint64_t size_bytes)
{
    return host_block_resize(host_of(file), size_bytes);
}

static int host_zero(struct image_file *file, uint64_t offset, uint64_t n)
{
    int code = host_block_punch(host_of(file), offset, n);
    if (code != -EOPNOTSUPP) {
        return code;
    }
    enum { CHUNK = 1 << 16 };
    uint8_t *zeros = calloc(1, CHUNK);
    if (zeros == NULL) {
        return -ENOMEM;
    }
    for (code = 0; code == 0 && n > 0;) {
        size_t part = n < CHUNK ? (size_t)n : CHUNK;
        code = host_block_write(host_of(file), offset, zeros, part);
        offset += part;
        n -= part;
    }
    free(zeros);
    return code;
}

static bool host_now(struct image_file *file, bool write, uint64_t offset,
                     const struct host_piece *pieces, unsigned n_pieces, size_t skip, size_t n)
{
    return write ? host_block_write_now(host_of(file), offset, pieces, n_pieces, skip, n)
                 : host_block_read_now(host_of(file), offset, pieces, n_pieces, skip, n);
}

static bool host_same(struct image_file *a, struct image_file *b)
{
    return host_block_same(host_of(a), host_of(b));
}

static void host_close(struct image_file *file)
{
    host_block_close(host_of(file));
    free(CONTAINER_OF(file, struct image_file_host, file));
}

static const struct image_file_ops image_file_host_ops = {
    .read = host_read,
    .write = host_write,
    .flush = host_flush,
    .resize = host_resize,
    .zero = host_zero,
    .now = host_now,
    .same = host_same,
    .close = host_close,
};

static int env_open(void *opaque, const char *name, unsigned flags, struct image_file **file,
                    struct error *error)
{
    (void)opaque;
    *file = NULL;
    if (strlen(name) >= IMAGE_NAME_MAX) {
        return error_set(error, -ENAMETOOLONG, "%.40s...: this path is too long", name);
    }
    struct image_file_host *image = calloc(1, sizeof(*image));
    if (image == NULL) {
        return error_set(error, -ENOMEM, "%s: no memory", name);
    }
    unsigned how = (flags & IMAGE_FILE_WRITE ? HOST_BLOCK_WRITE : 0U) |
                   (flags & IMAGE_FILE_CREATE ? HOST_BLOCK_CREATE : 0U) |
                   (flags & IMAGE_FILE_TEMPORARY ? HOST_BLOCK_TEMPORARY : 0U);
    int code = host_block_open(&image->host, name, how, error);
    if (code != 0) {
        free(image);
        return code;
    }
    image->file = (struct image_file){ .ops = &image_file_host_ops,
                                       .size_bytes = image->host.size_bytes,
                                       .writable = how != 0 };
    memcpy(image->file.name, name, strlen(name) + 1);
    *file = &image->file;
    return 0;
}

static int env_absolute(void *opaque, const char *name, char *out, size_t size)
{
    (void)opaque;
    return host_path_absolute(name, out, size);
}

static int env_remove(void *opaque, const char *name)
{
    (void)opaque;
    return host_path_delete(name);
}

static void env_random(void *opaque, void *bytes, size_t n)
{
    (void)opaque;
    host_random(bytes, n);
}

static int64_t env_now(void *opaque)
{
    (void)opaque;
    return host_wall_seconds();
}

const struct image_env image_env_host = {
    .open = env_open,
    .absolute = env_absolute,
    .remove = env_remove,
    .random = env_random,
    .now_seconds = env_now,
};
