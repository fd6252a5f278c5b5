/* GUIDs as they stand in images: 16 bytes, the first three parts little-endian (VHDX). [MS-DTYP 2.3.4] */
#ifndef DEVICES_BLOCK_GUID_H
#define DEVICES_BLOCK_GUID_H

#include <stdbool.h>
#include <stdint.h>

struct guid {
    uint8_t bytes[16];
};

enum { GUID_TEXT_SIZE = 39 }; /* with braces and the zero */

bool guid_equal(const struct guid *a, const struct guid *b);
bool guid_is_zero(const struct guid *guid);
/* "{01234567-89ab-cdef-0123-456789abcdef}" */
void guid_print(const struct guid *guid, char text[GUID_TEXT_SIZE]);
/* With or without braces, letters of either case; false when the text is none. */
bool guid_parse(const char *text, struct guid *guid);

#endif
