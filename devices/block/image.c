/* Disk images: what is common to all formats. [MS-VHDX, VHD 1.0, ECMA-119] */
#include "devices/block/image.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/block/image_format.h"

/* In the order of looking; raw is what nothing else is. */
static const struct image_format *const image_formats[] = {
    &image_format_vhdx,
    &image_format_vhd,
    &image_format_iso,
    &image_format_raw,
};

static const char *const image_type_names[] = {
    [IMAGE_FIXED] = "fixed",
    [IMAGE_DYNAMIC] = "dynamic",
    [IMAGE_DIFFERENCING] = "differencing",
};

const char *image_type_name(enum image_type type)
{
    return image_type_names[type];
}

const struct image_format *image_format_named(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(image_formats); i++) {
        if (strcmp(image_formats[i]->name, name) == 0) {
            return image_formats[i];
        }
    }
    return NULL;
}

static bool same_letters(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char x = a[i] >= 'A' && a[i] <= 'Z' ? (char)(a[i] + 32) : a[i];
        if (x != b[i]) {
            return false;
        }
    }
    return true;
}

const struct image_format *image_format_of_name(const char *file_name)
{
    const char *dot = strrchr(file_name, '.');
    if (dot == NULL || strchr(dot, '/') != NULL) {
        return NULL;
    }
    size_t length = strlen(dot + 1);
    for (unsigned i = 0; length > 0 && i < ARRAY_SIZE(image_formats); i++) {
        const char *word = image_formats[i]->extensions;
        while (*word != '\0') {
            size_t n = strcspn(word, " ");
            if (n == length && same_letters(dot + 1, word, n)) {
                return image_formats[i];
            }
            word += n + strspn(word + n, " ");
        }
    }
    return NULL;
}

void image_init(struct image *image, const struct image_format *format, struct image_file *file,
                const struct image_how *how)
{
    image->format = format;
    image->file = file;
    image->env = how->env;
    image->logical_sector = image->physical_sector = IMAGE_SECTOR;
    image->writable = how->write && file->writable;
    host_mutex_init(&image->lock);
}

void image_fini(struct image *image)
{
    (void)image_close(image->parent);
    image_file_close(image->file);
    host_mutex_fini(&image->lock);
}

int image_open_file(struct image_file *file, const struct image_format *format,
                    const struct image_how *how, struct image **image, struct error *error)
{
    *image = NULL;
    unsigned depth = 0;
    for (const struct image_chain *c = how->chain; c != NULL; c = c->child) {
        bool cycle = image_file_same(c->file, file);
        if (cycle || ++depth >= IMAGE_CHAIN_LIMIT) {
            int code =
                error_set(error, -ELOOP, cycle ? "%s: is its own ancestor" : "%s: too many parents",
                          file->name);
            image_file_close(file);
            return code;
        }
    }
    for (unsigned i = 0; format == NULL && i < ARRAY_SIZE(image_formats); i++) {
        format = image_formats[i]->probe(file) ? image_formats[i] : NULL;
    }
    if (format == NULL) {
        int code = error_set(error, -EIO, "%s: cannot be read", file->name);
        image_file_close(file);
        return code;
    }
    return format->open(file, how, image, error);
}

int image_open(const struct image_env *env, const char *name, bool write, struct image **image,
               struct error *error)
{
    struct image_file *file;
    const struct image_format *format = image_format_of_name(name);
    struct image_how how = { .env = env, .write = write };
    *image = NULL;
    int code = env->open(env->opaque, name, write ? IMAGE_FILE_WRITE : 0, &file, error);
    return code != 0 ? code : image_open_file(file, format, &how, image, error);
}

int image_close(struct image *image)
{
    if (image == NULL) {
        return 0;
    }
    int code = image->format->close(image);
    image_fini(image);
    free(image);
    return code;
}

static bool image_range_ok(const struct image *image, uint64_t offset, uint64_t n)
{
    return offset % image->logical_sector == 0 && n % image->logical_sector == 0 &&
           offset <= image->size_bytes && n <= image->size_bytes - offset;
}

int image_read(struct image *image, uint64_t offset, void *bytes, size_t n)
{
    if (!image_range_ok(image, offset, n)) {
        return -EINVAL;
    }
    host_mutex_lock(&image->lock);
    int code = n == 0 ? 0 : image->format->read(image, offset, bytes, n);
    host_mutex_unlock(&image->lock);
    return code;
}

/* 0, or why nothing may be changed. */
static int image_may_write(const struct image *image)
{
    return !image->writable ? -EROFS : image->failed ? -EIO : 0;
}

int image_write(struct image *image, uint64_t offset, const void *bytes, size_t n)
{
    if (!image_range_ok(image, offset, n)) {
        return -EINVAL;
    }
    host_mutex_lock(&image->lock);
    int code = image_may_write(image);
    code = code != 0 || n == 0 ? code : image->format->write(image, offset, bytes, n);
    host_mutex_unlock(&image->lock);
    return code;
}

bool image_now(struct image *image, bool write, uint64_t offset, const struct host_piece *pieces,
               unsigned n_pieces, size_t n)
{
    if (!image_range_ok(image, offset, n) || image->format->place == NULL ||
        !host_mutex_try(&image->lock)) {
        return false;
    }
    bool done = !write || image_may_write(image) == 0;
    for (size_t skip = 0; done && skip < n;) {
        struct image_place place;
        uint64_t part = n - skip;
        done =
            image->format->place(image, write, offset + skip, &part, &place) &&
            image_file_now(place.file, write, place.offset, pieces, n_pieces, skip, (size_t)part);
        skip += (size_t)part;
    }
    host_mutex_unlock(&image->lock);
    return done;
}

int image_discard(struct image *image, uint64_t offset, uint64_t n)
{
    if (!image_range_ok(image, offset, n)) {
        return -EINVAL;
    }
    host_mutex_lock(&image->lock);
    int code = image_may_write(image);
    code = code != 0 || n == 0 ? code : image->format->zero(image, offset, n);
    host_mutex_unlock(&image->lock);
    return code;
}

int image_flush(struct image *image)
{
    host_mutex_lock(&image->lock);
    int code = image->failed ? -EIO : image->writable ? image->format->flush(image) : 0;
    image->failed =
        image->failed || code != 0; /* the host may have dropped what it could not write */
    host_mutex_unlock(&image->lock);
    return code;
}

bool image_has_data(struct image *image, uint64_t offset, uint64_t *n)
{
    if (offset >= image->size_bytes) {
        return false;
    }
    *n = *n < image->size_bytes - offset ? *n : image->size_bytes - offset;
    if (image->format->has_data == NULL) {
        return true;
    }
    host_mutex_lock(&image->lock);
    bool has = image->format->has_data(image, offset, n);
    host_mutex_unlock(&image->lock);
    return has;
}

void image_check(struct image *image, struct image_report *report)
{
    host_mutex_lock(&image->lock);
    image->format->check(image, report);
    host_mutex_unlock(&image->lock);
    if (image->parent != NULL) {
        image_check(image->parent, report);
    }
}

int image_create(const char *name, const struct image_format *format, const struct image_new *facts,
                 struct error *error)
{
    const struct image_env *env = facts->env;
    struct image_file *file;
    if (format->create == NULL) {
        return error_set(error, -EINVAL, "%s: images of format %s are not made", name,
                         format->name);
    }
    int code = env->open(env->opaque, name, IMAGE_FILE_WRITE | IMAGE_FILE_CREATE, &file, error);
    if (code != 0) {
        return code;
    }
    code = format->create(file, facts, error);
    if (code == 0) {
        code = image_file_flush(file);
        code = code == 0 ? 0 : error_set(error, code, "%s: %s", name, strerror(-code));
    }
    image_file_close(file);
    if (code != 0) {
        (void)env->remove(env->opaque, name);
    }
    return code;
}

int image_open_snapshot(struct image *base, const char *folder, struct image **image,
                        struct error *error)
{
    const struct image_env *env = base->env;
    struct image_new facts = { .env = env,
                               .size_bytes = base->size_bytes,
                               .type = IMAGE_DIFFERENCING,
                               .logical_sector = base->logical_sector,
                               .parent = base };
    struct image_file *file;
    *image = NULL;
    int code =
        env->open(env->opaque, folder, IMAGE_FILE_WRITE | IMAGE_FILE_TEMPORARY, &file, error);
    if (code == 0) {
        code = image_format_vhdx.create(file, &facts, error);
        if (code != 0) {
            image_file_close(file);
        }
    }
    if (code != 0) {
        (void)image_close(base);
        return code;
    }
    return image_open_file(file, &image_format_vhdx,
                           &(struct image_how){ .env = env, .write = true, .parent = base }, image,
                           error);
}

static void image_report_line(struct image_report *report, const char *format, va_list args)
{
    char text[512];
    (void)vsnprintf(text, sizeof(text), format, args);
    if (report->line != NULL) {
        report->line(report->opaque, text);
    }
}

void image_report_error(struct image_report *report, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report->errors++;
    image_report_line(report, format, args);
    va_end(args);
}

void image_report_warning(struct image_report *report, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report->warnings++;
    image_report_line(report, format, args);
    va_end(args);
}

static int image_extent_order(const void *a, const void *b)
{
    const struct image_extent *x = a, *y = b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

size_t image_extents_overlap(struct image_extent *extents, size_t n)
{
    qsort(extents, n, sizeof(*extents), image_extent_order);
    for (size_t i = 1; i < n; i++) {
        if (extents[i].offset - extents[i - 1].offset < extents[i - 1].n) {
            return i;
        }
    }
    return SIZE_MAX;
}

struct image_geometry image_geometry(uint64_t size_bytes)
{
    uint64_t sectors = size_bytes / IMAGE_SECTOR;
    const uint64_t most = UINT64_C(65535) * 16 * 255;
    uint32_t total = (uint32_t)(sectors > most ? most : sectors);
    uint32_t per_track, heads, cylinder_heads;
    if (total >= 65535U * 16 * 63) {
        per_track = 255;
        heads = 16;
        cylinder_heads = total / per_track;
    } else {
        per_track = 17;
        cylinder_heads = total / per_track;
        heads = (cylinder_heads + 1023) / 1024;
        heads = heads < 4 ? 4 : heads;
        if (cylinder_heads >= heads * 1024 || heads > 16) {
            per_track = 31;
            heads = 16;
            cylinder_heads = total / per_track;
        }
        if (cylinder_heads >= heads * 1024) {
            per_track = 63;
            heads = 16;
            cylinder_heads = total / per_track;
        }
    }
    return (struct image_geometry){ (uint16_t)(cylinder_heads / heads), (uint8_t)heads,
                                    (uint8_t)per_track };
}
