/* UTF-16 in images, from and to the host's UTF-8. [RFC 2781, RFC 3629] */
#ifndef DEVICES_BLOCK_IMAGE_TEXT_H
#define DEVICES_BLOCK_IMAGE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* n_bytes of UTF-16 to UTF-8 that ends with a zero; stops at a zero in it. False: it does not fit or is no UTF-16. */
bool image_text_from_utf16(const uint8_t *utf16, size_t n_bytes, bool big_endian, char *utf8,
                           size_t size);
/* The bytes of UTF-16 of a string, without a final zero, or 0 when it does not fit or is no UTF-8. */
size_t image_text_to_utf16(const char *utf8, bool big_endian, uint8_t *utf16, size_t size);

#endif
