/* Whole files of the host. */
#ifndef BASE_HOST_FILE_H
#define BASE_HOST_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"

/* Read a whole file into memory that the caller frees with free(). At most limit_bytes, else -EFBIG.
 * 0 or -errno with the sentence in error. A directory or an unreadable file is an error; an empty file is not. */
WARN_UNUSED int host_file_read(const char *path, size_t limit_bytes, uint8_t **data, size_t *length_bytes,
                               struct error *error);

#endif
