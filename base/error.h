/* The sentence the user reads when the host fails us: filled beside a -errno return. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/compiler.h"

struct error {
    char text[512]; /* empty: no error */
};

/* Set the sentence (no final full stop or newline) and return `code`, so that failures are one line:
 * `return error_set(error, -EINVAL, "%s: not a bzImage", path);`. error may be NULL. */
int error_set(struct error *error, int code, const char *format, ...) PRINTF(3, 4);

#endif
