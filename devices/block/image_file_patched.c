/* A view of a file in which ranges are replaced: a VHDX that may only be read, with its log applied. [MS-VHDX 2.3.3] */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/block/image_file.h"

struct image_patch {
    uint64_t offset, n;
    uint8_t *bytes; /* NULL: zeros */
};

struct image_file_patched {
    struct image_file file;
    struct image_file *base;
    struct image_patch *patches;
    size_t n_patches;
};

static struct image_file_patched *patched_of(struct image_file *file)
{
    return CONTAINER_OF(file, struct image_file_patched, file);
}

static int patched_read(struct image_file *file, uint64_t offset, void *bytes, size_t n)
{
    struct image_file_patched *patched = patched_of(file);
    int code = image_file_read_padded(patched->base, offset, bytes, n);
    for (size_t i = 0; code == 0 && i < patched->n_patches; i++) {
        const struct image_patch *patch = &patched->patches[i];
        uint64_t from = patch->offset > offset ? patch->offset : offset;
        uint64_t end =
            patch->offset + patch->n < offset + n ? patch->offset + patch->n : offset + n;
        if (from >= end) {
            continue;
        }
        uint8_t *to = (uint8_t *)bytes + (from - offset);
        if (patch->bytes == NULL) {
            memset(to, 0, (size_t)(end - from));
        } else {
            memcpy(to, patch->bytes + (from - patch->offset), (size_t)(end - from));
        }
    }
    return code;
}

/* Never called: the view is not writable. */
static int patched_write(struct image_file *file, uint64_t offset, const void *bytes, size_t n)
{
    (void)file, (void)offset, (void)bytes, (void)n;
    return -EROFS;
}

static int patched_resize(struct image_file *file, uint64_t size_bytes)
{
    (void)file, (void)size_bytes;
    return -EROFS;
}

static int patched_zero(struct image_file *file, uint64_t offset, uint64_t n)
{
    (void)file, (void)offset, (void)n;
    return -EROFS;
}

static int patched_flush(struct image_file *file)
{
    (void)file;
    return 0;
}

static bool patched_same(struct image_file *a, struct image_file *b)
{
    return image_file_same(patched_of(a)->base, patched_of(b)->base);
}

static void patched_close(struct image_file *file)
{
    struct image_file_patched *patched = patched_of(file);
    for (size_t i = 0; i < patched->n_patches; i++) {
        free(patched->patches[i].bytes);
    }
    free(patched->patches);
    image_file_close(patched->base);
    free(patched);
}

static const struct image_file_ops image_file_patched_ops = {
    .read = patched_read,
    .write = patched_write,
    .flush = patched_flush,
    .resize = patched_resize,
    .zero = patched_zero,
    .same = patched_same,
    .close = patched_close,
};

struct image_file *image_file_patched(struct image_file *base)
{
    struct image_file_patched *patched = calloc(1, sizeof(*patched));
    if (patched == NULL) {
        return NULL;
    }
    patched->file = *base;
    patched->file.ops = &image_file_patched_ops;
    patched->file.writable = false;
    patched->base = base;
    return &patched->file;
}

int image_file_patch(struct image_file *file, uint64_t offset, const void *bytes, uint64_t n)
{
    struct image_file_patched *patched = patched_of(file);
    struct image_patch patch = { .offset = offset, .n = n };
    if (bytes != NULL) {
        patch.bytes = malloc((size_t)n);
        if (patch.bytes == NULL) {
            return -ENOMEM;
        }
        memcpy(patch.bytes, bytes, (size_t)n);
    }
    struct image_patch *more = realloc(patched->patches, (patched->n_patches + 1) * sizeof(*more));
    if (more == NULL) {
        free(patch.bytes);
        return -ENOMEM;
    }
    more[patched->n_patches] = patch;
    patched->patches = more;
    patched->n_patches++;
    if (offset + n > file->size_bytes) {
        file->size_bytes = offset + n;
    }
    return 0;
}
