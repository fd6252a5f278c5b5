/* A file of the host that is read and written at offsets. [POSIX pread, pwrite, fdatasync; fcntl_locking(2), fallocate(2)] */
#include "base/host/block_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes in the file; devices tell theirs otherwise. */
static int block_size(int fd, uint64_t *size)
{
    struct stat facts;
    if (fstat(fd, &facts) != 0) {
        return -errno;
    }
    if (S_ISDIR(facts.st_mode)) {
        return -EISDIR;
    }
    if (S_ISBLK(facts.st_mode)) {
        return ioctl(fd, BLKGETSIZE64, size) == 0 ? 0 : -errno;
    }
    if (!S_ISREG(facts.st_mode)) {
        return -EINVAL;
    }
    *size = (uint64_t)facts.st_size;
    return 0;
}

static int block_lock(int fd, bool alone)
{
    struct flock lock = { .l_type = alone ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET };
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0) {
        return 0;
    }
    return errno == EAGAIN || errno == EACCES ? -EBUSY : 0; /* file systems without locks */
}

int host_block_open(struct host_block_file *file, const char *path, unsigned flags,
                    struct error *error)
{
    int how =
        O_CLOEXEC |
        (flags & (HOST_BLOCK_WRITE | HOST_BLOCK_CREATE | HOST_BLOCK_TEMPORARY) ? O_RDWR : O_RDONLY);
    how |= flags & HOST_BLOCK_CREATE ? O_CREAT | O_EXCL : 0;
    how |= flags & HOST_BLOCK_TEMPORARY ? O_TMPFILE : 0;
    *file = (struct host_block_file){ .fd = open(path, how,
                                                 flags & HOST_BLOCK_TEMPORARY ? 0600 : 0644) };
    if (file->fd < 0) {
        return error_set(error, -errno, "%s: %s", path, strerror(errno));
    }
    int code = block_size(file->fd, &file->size_bytes);
    if (code == 0 && !(flags & HOST_BLOCK_TEMPORARY)) {
        code = block_lock(file->fd, (how & O_ACCMODE) == O_RDWR);
    }
    if (code == 0) {
        return 0;
    }
    host_block_close(file);
    if (code == -EBUSY) {
        return error_set(error, code, "%s: another program or disk uses this file", path);
    }
    return error_set(error, code, "%s: %s", path, code == -EINVAL ? "not a file" : strerror(-code));
}

void host_block_close(struct host_block_file *file)
{
    if (file->fd >= 0) {
        (void)close(file->fd);
    }
    file->fd = -1;
}

int host_block_read(const struct host_block_file *file, uint64_t offset, void *bytes, size_t n)
{
    uint8_t *to = bytes;
    while (n > 0) {
        ssize_t got = pread(file->fd, to, n, (off_t)offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got < 0 ? -errno : -EIO;
        }
        to += got;
        offset += (uint64_t)got;
        n -= (size_t)got;
    }
    return 0;
}

int host_block_write(const struct host_block_file *file, uint64_t offset, const void *bytes,
                     size_t n)
{
    const uint8_t *from = bytes;
    while (n > 0) {
        ssize_t put = pwrite(file->fd, from, n, (off_t)offset);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return put < 0 ? -errno : -EIO;
        }
        from += put;
        offset += (uint64_t)put;
        n -= (size_t)put;
    }
    return 0;
}

int host_block_flush(const struct host_block_file *file)
{
    return fdatasync(file->fd) == 0 ? 0 : -errno;
}

int host_block_resize(const struct host_block_file *file, uint64_t size_bytes)
{
    return ftruncate(file->fd, (off_t)size_bytes) == 0 ? 0 : -errno;
}

int host_block_punch(const struct host_block_file *file, uint64_t offset, uint64_t n)
{
    int status =
        fallocate(file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)n);
    return status == 0 ? 0 : errno == ENOSYS ? -EOPNOTSUPP : -errno;
}

bool host_block_same(const struct host_block_file *a, const struct host_block_file *b)
{
    struct stat of_a, of_b;
    return fstat(a->fd, &of_a) == 0 && fstat(b->fd, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
           of_a.st_ino == of_b.st_ino;
}

int host_path_absolute(const char *path, char *absolute, size_t size)
{
    char *found = realpath(path, NULL);
    if (found == NULL) {
        return -errno;
    }
    size_t length = strlen(found);
    if (length < size) {
        memcpy(absolute, found, length + 1);
    }
    free(found);
    return length < size ? 0 : -ENAMETOOLONG;
}

int host_path_delete(const char *path)
{
    return unlink(path) == 0 ? 0 : -errno;
}

void host_random(void *bytes, size_t n)
{
    uint8_t *to = bytes;
    while (n > 0) {
        ssize_t got = getrandom(to, n, 0);
        if (got < 0 && errno != EINTR) {
            abort(); /* a kernel without it is older than any that we run on */
        }
        to += got > 0 ? got : 0;
        n -= got > 0 ? (size_t)got : 0;
    }
}
