/* Copying and comparing images. [MS-VHDX 2.5, VHD 1.0] */
#include "devices/block/image_convert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 1 << 20, GRAIN = 4096 };

static int copy_error(const struct image *image, int code, struct error *error)
{
    return error_set(error, code, "%.400s: %s", image->file->name, strerror(-code));
}

/* Write the grains of a piece that differ from what `to` has. */
static int copy_differences(struct image *to, uint64_t offset, const uint8_t *bytes,
                            const uint8_t *old, size_t n)
{
    size_t grain = GRAIN;
    for (size_t at = 0; at < n;) {
        size_t end = at;
        while (end < n && memcmp(bytes + end, old + end, n - end < grain ? n - end : grain) != 0) {
            end += n - end < grain ? n - end : grain;
        }
        if (end > at) {
            int code = image_write(to, offset + at, bytes + at, end - at);
            if (code != 0) {
                return code;
            }
        }
        at = end == at ? at + grain : end;
    }
    return 0;
}

/* Like image_read, with zeros behind the end. */
static int read_filled(struct image *image, uint64_t offset, uint8_t *bytes, size_t n)
{
    uint64_t there = offset < image->size_bytes ? image->size_bytes - offset : 0;
    size_t part = there < n ? (size_t)there : n;
    memset(bytes + part, 0, n - part);
    return part == 0 ? 0 : image_read(image, offset, bytes, part);
}

int image_copy(struct image *from, struct image *to, struct error *error)
{
    uint8_t *bytes = malloc(PIECE), *old = malloc(PIECE);
    int code = bytes == NULL || old == NULL ? error_set(error, -ENOMEM, "no memory to copy") : 0;
    for (uint64_t at = 0; code == 0 && at < to->size_bytes;) {
        uint64_t left = to->size_bytes - at, n = left < PIECE ? left : PIECE, run = n;
        bool has = at < from->size_bytes && image_has_data(from, at, &run);
        if (!has && to->parent == NULL) {
            at += run / to->logical_sector != 0 ? run / to->logical_sector * to->logical_sector : n;
            continue;
        }
        int why = read_filled(from, at, bytes, (size_t)n);
        if (why != 0) {
            code = copy_error(from, why, error);
            break;
        }
        why = image_read(to, at, old, (size_t)n);
        why = why == 0 ? copy_differences(to, at, bytes, old, (size_t)n) : why;
        code = why == 0 ? 0 : copy_error(to, why, error);
        at += n;
    }
    free(bytes);
    free(old);
    int why = code == 0 ? image_flush(to) : 0;
    return why == 0 ? code : copy_error(to, why, error);
}

int image_compare(struct image *a, struct image *b, uint64_t *differ, struct error *error)
{
    uint64_t size = a->size_bytes > b->size_bytes ? a->size_bytes : b->size_bytes;
    uint8_t *of_a = malloc(PIECE), *of_b = malloc(PIECE);
    int code = of_a == NULL || of_b == NULL ? error_set(error, -ENOMEM, "no memory to compare") : 0;
    *differ = UINT64_MAX;
    for (uint64_t at = 0; code == 0 && at < size && *differ == UINT64_MAX; at += PIECE) {
        size_t n = size - at < PIECE ? (size_t)(size - at) : PIECE;
        int why_a = read_filled(a, at, of_a, n), why_b = read_filled(b, at, of_b, n);
        code = why_a != 0   ? copy_error(a, why_a, error)
               : why_b != 0 ? copy_error(b, why_b, error)
                            : 0;
        bool same = code != 0 || memcmp(of_a, of_b, n) == 0;
        for (size_t i = 0; !same && i < n && *differ == UINT64_MAX; i++) {
            *differ = of_a[i] != of_b[i] ? at + i : *differ;
        }
    }
    free(of_a);
    free(of_b);
    return code;
}
