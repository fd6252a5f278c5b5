/* A file of the host that is read and written at offsets. [POSIX pread, pwrite, fdatasync; fcntl_locking(2), fallocate(2), preadv2(2)] */
#include "base/host/block_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/host/time.h"

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

/* Bytes [skip, skip + n) of the pieces. Returns how many parts, 0: too many, or the pieces end before. */
static int parts_of(struct iovec parts[HOST_PIECES_MAX], const struct host_piece *pieces,
                    unsigned n_pieces, size_t skip, size_t n)
{
    int used = 0;
    for (unsigned i = 0; n > 0 && i < n_pieces; i++) {
        if (skip >= pieces[i].n) {
            skip -= pieces[i].n;
            continue;
        }
        if (used == HOST_PIECES_MAX) {
            return 0;
        }
        size_t part = pieces[i].n - skip < n ? pieces[i].n - skip : n;
        parts[used++] = (struct iovec){ (uint8_t *)pieces[i].at + skip, part };
        skip = 0;
        n -= part;
    }
    return n == 0 ? used : 0;
}

bool host_block_read_now(struct host_block_file *file, uint64_t offset,
                         const struct host_piece *pieces, unsigned n_pieces, size_t skip, size_t n)
{
    struct iovec parts[HOST_PIECES_MAX];
    int n_parts = file->haste.no_read ? 0 : parts_of(parts, pieces, n_pieces, skip, n);
    ssize_t got = n_parts > 0 ? preadv2(file->fd, parts, n_parts, (off_t)offset, RWF_NOWAIT) : 0;
    file->haste.no_read |= got < 0 && (errno == EOPNOTSUPP || errno == ENOSYS);
    return got > 0 && (size_t)got == n;
}

/* How often this thread slept. [getrusage(2)] */
static long times_slept(void)
{
    struct rusage usage = { .ru_nvcsw = 0 };
    (void)getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nvcsw;
}

/* Few file systems can say whether a buffered write would wait. It goes to the host's cache and does not, but when the host makes writers
 * wait until dirty pages are on their disk. After one that slept and took long none is tried for a while, twice as long if that was not
 * enough. Long is more than a thread that only lost its processor waits on a busy host. */
static void note_time(struct host_block_haste *haste, uint64_t began, bool slept)
{
    const uint64_t long_ns = 30000000, patience_least_ns = 100000000,
                   patience_most_ns = UINT64_C(10000000000);
    uint64_t now = host_monotonic_ns(), twice = 2 * haste->patience_ns;
    if (now - began <= long_ns || !slept) {
        return;
    }
    bool again = twice != 0 && began - haste->patient_until < twice;
    haste->patience_ns = !again                     ? patience_least_ns
                         : twice > patience_most_ns ? patience_most_ns
                                                    : twice;
    haste->patient_until = now + haste->patience_ns;
}

bool host_block_write_now(struct host_block_file *file, uint64_t offset,
                          const struct host_piece *pieces, unsigned n_pieces, size_t skip, size_t n)
{
    struct host_block_haste *haste = &file->haste;
    struct iovec parts[HOST_PIECES_MAX];
    int n_parts = parts_of(parts, pieces, n_pieces, skip, n);
    uint64_t began = host_monotonic_ns();
    if (n_parts == 0 || began < haste->patient_until) {
        return false;
    }
    ssize_t put = -1;
    if (!haste->no_write) {
        put = pwritev2(file->fd, parts, n_parts, (off_t)offset, RWF_NOWAIT);
        haste->no_write = put < 0 && (errno == EOPNOTSUPP || errno == ENOSYS);
    }
    if (haste->no_write) { /* nothing was written yet */
        long sleeps = times_slept();
        put = pwritev(file->fd, parts, n_parts, (off_t)offset);
        note_time(haste, began, times_slept() != sleeps);
    }
    return put > 0 && (size_t)put == n;
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
