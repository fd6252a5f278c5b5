/* Text into a buffer of a fixed size: what does not fit is cut. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>

#include "base/compiler.h"

struct text {
    char *bytes; /* always ended by 0 */
    size_t size, n;
};

struct text text_in(char *bytes, size_t size);
void text_add(struct text *text, const char *format, ...) PRINTF(2, 3);

#endif
