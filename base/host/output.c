/* Atomic creation of files: written beside, flushed, renamed. [POSIX rename, fsync] */
#include "base/host/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int host_output_create(struct host_output *output, const char *path, struct error *error)
{
    struct stat facts;
    size_t room = strlen(path) + sizeof(".XXXXXX");

    *output = (struct host_output){ .fd = -1 };
    if (stat(path, &facts) == 0 && !S_ISREG(facts.st_mode)) {
        return error_set(error, -EINVAL, "%s: is no regular file", path);
    }
    output->path = strdup(path);
    output->temporary = malloc(room);
    if (output->path == NULL || output->temporary == NULL) {
        free(output->path);
        free(output->temporary);
        return error_set(error, -ENOMEM, "%s: no memory", path);
    }
    (void)snprintf(output->temporary, room, "%s.XXXXXX", path);
    output->fd = mkstemp(output->temporary); /* mode 0600: it holds what the guest's memory holds */
    if (output->fd < 0) {
        int code = error_set(error, -errno, "%s: %s", path, strerror(errno));
        free(output->path);
        free(output->temporary);
        return code;
    }
    return 0;
}

static int output_write(struct host_output *output, const uint8_t *bytes, size_t n, off_t at,
                        struct error *error)
{
    while (n > 0) {
        ssize_t done = at < 0 ? write(output->fd, bytes, n) : pwrite(output->fd, bytes, n, at);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            int code = done < 0 ? errno : EIO;
            return error_set(error, -code, "%s: %s", output->path, strerror(code));
        }
        bytes += done;
        n -= (size_t)done;
        at = at < 0 ? at : at + done;
    }
    return 0;
}

int host_output_write(struct host_output *output, const void *bytes, size_t n, struct error *error)
{
    return output_write(output, bytes, n, -1, error);
}

int host_output_write_first(struct host_output *output, const void *bytes, size_t n,
                            struct error *error)
{
    return output_write(output, bytes, n, 0, error);
}

/* The directory's entry on the disk, too; what cannot be opened cannot be flushed. */
static void flush_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *directory = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    int fd = directory != NULL ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
    free(directory);
}

static void output_forget(struct host_output *output)
{
    free(output->path);
    free(output->temporary);
    *output = (struct host_output){ .fd = -1 };
}

int host_output_commit(struct host_output *output, struct error *error)
{
    int code = fsync(output->fd) == 0 ? 0 : errno;

    if (close(output->fd) != 0 && code == 0) {
        code = errno;
    }
    if (code == 0 && rename(output->temporary, output->path) != 0) {
        code = errno;
    }
    if (code == 0) {
        flush_directory(output->path);
    } else {
        error_set(error, -code, "%s: %s", output->path, strerror(code));
        (void)unlink(output->temporary);
    }
    output_forget(output);
    return -code;
}

void host_output_abort(struct host_output *output)
{
    if (output->fd >= 0) {
        (void)close(output->fd);
        (void)unlink(output->temporary);
        output_forget(output);
    }
}

int host_input_open(const char *path, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat facts;

    if (fd < 0) {
        return error_set(error, -errno, "%s: %s", path, strerror(errno));
    }
    if (fstat(fd, &facts) == 0 && S_ISDIR(facts.st_mode)) {
        (void)close(fd);
        return error_set(error, -EISDIR, "%s: %s", path, strerror(EISDIR));
    }
    return fd;
}

long host_input_read(int fd, void *bytes, size_t n)
{
    uint8_t *to = bytes;
    size_t done = 0;

    while (done < n) {
        ssize_t got = read(fd, to + done, n - done);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -errno;
        }
        if (got == 0) {
            break;
        }
        done += (size_t)got;
    }
    return (long)done;
}

void host_input_close(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}
