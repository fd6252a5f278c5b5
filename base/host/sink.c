/* Where bytes go. [POSIX write] */
#include "base/host/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

void host_sink_none(struct host_sink *sink)
{
    *sink = (struct host_sink){ .fd = -1 };
}

void host_sink_stdout(struct host_sink *sink)
{
    *sink = (struct host_sink){ .fd = STDOUT_FILENO };
}

int host_sink_file(struct host_sink *sink, const char *path, struct error *error)
{
    *sink = (struct host_sink){ .owned = true };
    sink->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    return sink->fd >= 0 ? 0 : error_set(error, -errno, "%s: %s", path, strerror(errno));
}

void host_sink_write(struct host_sink *sink, const uint8_t *bytes, size_t n)
{
    while (n > 0 && sink->fd >= 0 && !sink->failed) {
        ssize_t done = write(sink->fd, bytes, n);
        if (done > 0) {
            bytes += done;
            n -= (size_t)done;
        } else if (done < 0 && errno == EAGAIN) {
            struct pollfd wait = { .fd = sink->fd, .events = POLLOUT };
            (void)poll(&wait, 1, 1000);
        } else if (done < 0 && errno != EINTR) {
            sink->failed = true;
        }
    }
}

void host_sink_close(struct host_sink *sink)
{
    if (sink->owned && sink->fd >= 0) {
        (void)close(sink->fd);
    }
    sink->fd = -1;
}
