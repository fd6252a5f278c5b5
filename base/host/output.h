/* Files that appear whole or not at all, and files read as a stream. */
#ifndef BASE_HOST_OUTPUT_H
#define BASE_HOST_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"

/* A new file under another name beside `path`, which takes its place when all is written. */
struct host_output {
    int fd;
    char *path, *temporary; /* owned */
};

/* 0 or -errno with the sentence. What exists at path and is no regular file is -EINVAL. */
WARN_UNUSED int host_output_create(struct host_output *output, const char *path, struct error *error);
WARN_UNUSED int host_output_write(struct host_output *output, const void *bytes, size_t n, struct error *error);
/* Over the first bytes of the file. */
WARN_UNUSED int host_output_write_first(struct host_output *output, const void *bytes, size_t n, struct error *error);
/* On the disk, and in its place: 0. On failure what was at path is untouched. Ends the output in either case. */
WARN_UNUSED int host_output_commit(struct host_output *output, struct error *error);
void host_output_abort(struct host_output *output); /* path is untouched */

/* -errno with the sentence, or a descriptor. */
WARN_UNUSED int host_input_open(const char *path, struct error *error);
/* Bytes read, fewer than n only at the end; or -errno. */
WARN_UNUSED long host_input_read(int fd, void *bytes, size_t n);
void host_input_close(int fd);

#endif
