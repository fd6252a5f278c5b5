/* Where bytes go: standard output, a file, or nowhere. Unbuffered; what cannot be written is dropped and remembered. */
#ifndef BASE_HOST_SINK_H
#define BASE_HOST_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"

struct host_sink {
    int fd; /* -1: nowhere */
    bool owned, failed;
};

void host_sink_none(struct host_sink *sink);
void host_sink_stdout(struct host_sink *sink);
WARN_UNUSED int host_sink_file(struct host_sink *sink, const char *path, struct error *error);
void host_sink_write(struct host_sink *sink, const uint8_t *bytes, size_t n);
void host_sink_close(struct host_sink *sink);

#endif
