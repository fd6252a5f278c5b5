/* Text into a buffer of a fixed size. */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

struct text text_in(char *bytes, size_t size)
{
    bytes[0] = '\0';
    return (struct text){ bytes, size, 0 };
}

void text_add(struct text *text, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int n = vsnprintf(text->bytes + text->n, text->size - text->n, format, args);
    va_end(args);
    if (n > 0) {
        size_t left = text->size - text->n - 1;
        text->n += (size_t)n < left ? (size_t)n : left;
    }
}
