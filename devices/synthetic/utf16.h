/* Text between UTF-8 (the host's) and UTF-16, little-endian (the protocols'). [RFC 3629, RFC 2781] */
#ifndef DEVICES_SYNTHETIC_UTF16_H
#define DEVICES_SYNTHETIC_UTF16_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* With a final 0; *used: bytes, that 0 included. False: bad UTF-8, or it does not fit into n_bytes. */
bool utf16_from_utf8(const char *text, uint8_t *to, size_t n_bytes, uint32_t *used);
/* Up to the first 0 or n_bytes. What is no UTF-16, and control characters, become '?'; what does not fit is cut. */
void utf16_to_utf8(const uint8_t *from, size_t n_bytes, char *text, size_t size);

#endif
