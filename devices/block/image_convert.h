/* Copying one image into another. */
#ifndef DEVICES_BLOCK_IMAGE_CONVERT_H
#define DEVICES_BLOCK_IMAGE_CONVERT_H

#include "devices/block/image.h"

/* Copy all of `from` into the empty `to`, which is as large: zeros are left out, and what `to` has from its parent already. 0 or
 * -errno with a sentence. */
WARN_UNUSED int image_copy(struct image *from, struct image *to, struct error *error);
/* The first place where two images differ, UINT64_MAX when they do not; a shorter one counts as filled up with zeros. */
WARN_UNUSED int image_compare(struct image *a, struct image *b, uint64_t *differ,
                              struct error *error);

#endif
