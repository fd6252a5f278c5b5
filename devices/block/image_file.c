/* What an image lies in: ranges are checked here, for every kind of file. [POSIX pread, pwrite] */
#include "devices/block/image_file.h"

#include <errno.h>
#include <string.h>

static const uint64_t image_file_limit = UINT64_C(1) << 62;

int image_file_read(struct image_file *file, uint64_t offset, void *bytes, size_t n)
{
    if (offset > file->size_bytes || n > file->size_bytes - offset) {
        return -EIO;
    }
    return n == 0 ? 0 : file->ops->read(file, offset, bytes, n);
}

int image_file_read_padded(struct image_file *file, uint64_t offset, void *bytes, size_t n)
{
    uint64_t there = offset < file->size_bytes ? file->size_bytes - offset : 0;
    size_t part = there < n ? (size_t)there : n;
    memset((uint8_t *)bytes + part, 0, n - part);
    return part == 0 ? 0 : file->ops->read(file, offset, bytes, part);
}

int image_file_write(struct image_file *file, uint64_t offset, const void *bytes, size_t n)
{
    if (!file->writable) {
        return -EROFS;
    }
    if (offset > image_file_limit || n > image_file_limit - offset) {
        return -EFBIG;
    }
    int code = n == 0 ? 0 : file->ops->write(file, offset, bytes, n);
    if (code == 0 && offset + n > file->size_bytes) {
        file->size_bytes = offset + n;
    }
    return code;
}

bool image_file_now(struct image_file *file, bool write, uint64_t offset,
                    const struct host_piece *pieces, unsigned n_pieces, size_t skip, size_t n)
{
    return file->ops->now != NULL && (file->writable || !write) && offset <= file->size_bytes &&
           n <= file->size_bytes - offset &&
           file->ops->now(file, write, offset, pieces, n_pieces, skip, n);
}

int image_file_flush(struct image_file *file)
{
    return file->writable ? file->ops->flush(file) : 0;
}

int image_file_resize(struct image_file *file, uint64_t size_bytes)
{
    if (!file->writable) {
        return -EROFS;
    }
    if (size_bytes > image_file_limit) {
        return -EFBIG;
    }
    int code = size_bytes == file->size_bytes ? 0 : file->ops->resize(file, size_bytes);
    if (code == 0) {
        file->size_bytes = size_bytes;
    }
    return code;
}

int image_file_zero(struct image_file *file, uint64_t offset, uint64_t n)
{
    if (!file->writable) {
        return -EROFS;
    }
    if (offset > file->size_bytes || n > file->size_bytes - offset) {
        return -EIO;
    }
    return n == 0 ? 0 : file->ops->zero(file, offset, n);
}

bool image_file_same(struct image_file *a, struct image_file *b)
{
    return a == b || (a->ops == b->ops && a->ops->same != NULL && a->ops->same(a, b));
}

void image_file_close(struct image_file *file)
{
    if (file != NULL) {
        file->ops->close(file);
    }
}
