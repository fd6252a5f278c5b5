/* For the formats only: the head of an image, its parents, and lines of a check. */
#ifndef DEVICES_BLOCK_IMAGE_FORMAT_H
#define DEVICES_BLOCK_IMAGE_FORMAT_H

#include "devices/block/image.h"

extern const struct image_format image_format_raw, image_format_iso, image_format_vhd,
    image_format_vhdx;

/* Fill the head of an image; takes file. */
void image_init(struct image *image, const struct image_format *format, struct image_file *file,
                const struct image_how *how);
/* Release what image_init and image_open_parent took: file, parent, lock. */
void image_fini(struct image *image);

/* Open the parent that an image names: the paths in turn (relative ones from the image's folder), then their last part there.
 * wanted NULL or the format that the parent must have. */
WARN_UNUSED int image_open_parent(struct image *image, const struct image_how *how,
                                  const char *const *paths, unsigned n_paths,
                                  const struct image_format *wanted, struct error *error);
/* From the parent; zeros where it ends or there is none. */
WARN_UNUSED int image_read_parent(struct image *image, uint64_t offset, uint8_t *bytes, size_t n);
/* image_format.place of what only the parent has: for reading. */
WARN_UNUSED bool image_place_in_parent(struct image *image, bool write, uint64_t offset,
                                       uint64_t *n, struct image_place *place);

/* The path of `to` as seen from the folder of `from`, both absolute, with backslashes as images keep it. False: too long. */
bool image_relative_path(const char *from, const char *to, char *relative, size_t size);

void image_report_error(struct image_report *report, const char *format, ...) PRINTF(2, 3);
void image_report_warning(struct image_report *report, const char *format, ...) PRINTF(2, 3);

/* Ranges of a file that must not overlap. */
struct image_extent {
    uint64_t offset, n;
};
/* Sorts them; the index of one that begins before its forerunner ends, or SIZE_MAX. */
size_t image_extents_overlap(struct image_extent *extents, size_t n);

#endif
