/* Raw images, and ISO: the file's bytes are the disk's. [ECMA-119 6.2.1, 8.1] */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/block/image_format.h"

enum { ISO_SECTOR = 2048, ISO_DESCRIPTORS = 16 * ISO_SECTOR, ISO_MOST_DESCRIPTORS = 64 };

static bool raw_probe(struct image_file *file)
{
    (void)file;
    return true;
}

/* A volume descriptor of ECMA-119, or of ECMA-167 (UDF), at sector 16 or soon after. */
static bool iso_probe(struct image_file *file)
{
    uint8_t descriptor[8];
    for (unsigned i = 0; i < ISO_MOST_DESCRIPTORS; i++) {
        if (image_file_read(file, ISO_DESCRIPTORS + (uint64_t)i * ISO_SECTOR, descriptor,
                            sizeof(descriptor)) != 0) {
            return false;
        }
        if (memcmp(descriptor + 1, "CD001", 5) == 0 || memcmp(descriptor + 1, "NSR0", 4) == 0) {
            return true;
        }
        if (memcmp(descriptor + 1, "BEA01", 5) != 0 && memcmp(descriptor + 1, "BOOT2", 5) != 0) {
            return false;
        }
    }
    return false;
}

static int raw_open_as(struct image_file *file, const struct image_format *format,
                       const struct image_how *how, struct image **image, struct error *error)
{
    *image = NULL;
    if (how->parent != NULL || file->size_bytes == 0) {
        int code = error_set(error, -EINVAL,
                             how->parent != NULL ? "%s: a %s image has no parent"
                                                 : "%s: an empty %s image",
                             file->name, format->name);
        (void)image_close(how->parent);
        image_file_close(file);
        return code;
    }
    struct image *raw = calloc(1, sizeof(*raw));
    if (raw == NULL) {
        image_file_close(file);
        return error_set(error, -ENOMEM, "no memory for an image");
    }
    bool iso = format == &image_format_iso;
    image_init(raw, format, file, how);
    raw->logical_sector = raw->physical_sector = iso ? ISO_SECTOR : IMAGE_SECTOR;
    raw->removable = iso;
    raw->writable = raw->writable && !iso;
    /* A last part of a sector is filled up with zeros. */
    raw->size_bytes =
        (file->size_bytes + raw->logical_sector - 1) / raw->logical_sector * raw->logical_sector;
    *image = raw;
    return 0;
}

static int raw_open(struct image_file *file, const struct image_how *how, struct image **image,
                    struct error *error)
{
    return raw_open_as(file, &image_format_raw, how, image, error);
}

static int iso_open(struct image_file *file, const struct image_how *how, struct image **image,
                    struct error *error)
{
    return raw_open_as(file, &image_format_iso, how, image, error);
}

static int raw_create(struct image_file *file, const struct image_new *facts, struct error *error)
{
    if (facts->type == IMAGE_DIFFERENCING) {
        return error_set(error, -EINVAL, "%s: a raw image has no parent; make a VHDX", file->name);
    }
    if (facts->size_bytes == 0 || facts->size_bytes % IMAGE_SECTOR != 0) {
        return error_set(error, -EINVAL, "%s: the size must be a multiple of 512 bytes",
                         file->name);
    }
    int code = image_file_resize(file, facts->size_bytes);
    return code == 0 ? 0 : error_set(error, code, "%.400s: %s", file->name, strerror(-code));
}

static int raw_read(struct image *image, uint64_t offset, uint8_t *bytes, size_t n)
{
    return image_file_read_padded(image->file, offset, bytes, n);
}

static int raw_write(struct image *image, uint64_t offset, const uint8_t *bytes, size_t n)
{
    return image_file_write(image->file, offset, bytes, n);
}

static bool raw_place(struct image *image, bool write, uint64_t offset, uint64_t *n,
                      struct image_place *place)
{
    (void)write, (void)n;
    *place = (struct image_place){ image->file, offset };
    return true;
}

static int raw_zero(struct image *image, uint64_t offset, uint64_t n)
{
    uint64_t size =
        image->file->size_bytes; /* may end within the last sector, which reads as zeros there */
    if (offset >= size) {
        return 0;
    }
    return image_file_zero(image->file, offset, n < size - offset ? n : size - offset);
}

static int raw_flush(struct image *image)
{
    return image_file_flush(image->file);
}

static void raw_check(struct image *image, struct image_report *report)
{
    if (image->file->size_bytes != image->size_bytes) {
        image_report_warning(report, "%.300s: the file ends within a sector", image->file->name);
    }
}

static int raw_close(struct image *image)
{
    return image->writable ? image_file_flush(image->file) : 0;
}

const struct image_format image_format_raw = {
    .name = "raw",
    .extensions = "raw img",
    .probe = raw_probe,
    .open = raw_open,
    .create = raw_create,
    .read = raw_read,
    .write = raw_write,
    .zero = raw_zero,
    .place = raw_place,
    .flush = raw_flush,
    .check = raw_check,
    .close = raw_close,
};

const struct image_format image_format_iso = {
    .name = "iso",
    .extensions = "iso",
    .probe = iso_probe,
    .open = iso_open,
    .read = raw_read,
    .write = raw_write,
    .zero = raw_zero,
    .place = raw_place,
    .flush = raw_flush,
    .check = raw_check,
    .close = raw_close,
};
