/* Whole files of the host. [POSIX open, read] */
#include "base/host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Read until the end or the limit. The size that stat told is only a first guess: pipes have none.
 */
static int host_file_slurp(int fd, size_t guess, size_t limit, uint8_t **data, size_t *length)
{
    size_t capacity = guess + 1, used = 0;
    uint8_t *bytes = malloc(capacity);
    if (bytes == NULL) {
        return -ENOMEM;
    }
    for (;;) {
        if (used == capacity) {
            uint8_t *more = realloc(bytes, capacity * 2);
            if (more == NULL) {
                free(bytes);
                return -ENOMEM;
            }
            bytes = more;
            capacity *= 2;
        }
        ssize_t n = read(fd, bytes + used, capacity - used);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 || used + (size_t)n > limit) {
            int code = n < 0 ? -errno : -EFBIG;
            free(bytes);
            return code;
        }
        if (n == 0) {
            break;
        }
        used += (size_t)n;
    }
    *data = bytes;
    *length = used;
    return 0;
}

int host_file_read(const char *path, size_t limit_bytes, uint8_t **data, size_t *length_bytes,
                   struct error *error)
{
    *data = NULL;
    *length_bytes = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return error_set(error, -errno, "%s: %s", path, strerror(errno));
    }
    struct stat facts;
    int code = fstat(fd, &facts) == 0 ? 0 : -errno;
    size_t guess = 0;
    if (code == 0 && S_ISDIR(facts.st_mode)) {
        code = -EISDIR;
    } else if (code == 0 && S_ISREG(facts.st_mode)) {
        guess = facts.st_size > 0 ? (size_t)facts.st_size : 0;
        code = guess > limit_bytes ? -EFBIG : 0;
    }
    if (code == 0) {
        code = host_file_slurp(fd, guess < 4096 ? 4096 : guess, limit_bytes, data, length_bytes);
    }
    (void)close(fd);
    return code == 0 ? 0 : error_set(error, code, "%s: %s", path, strerror(-code));
}
