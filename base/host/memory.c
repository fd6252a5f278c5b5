/* Big blocks of memory: a memfd where the host has one, else anonymous pages. [LINUX
 * memfd_create(2)] */
#include "base/host/memory.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *host_memory_map(size_t length_bytes, const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC);
    if (fd >= 0) {
        void *memory = MAP_FAILED;
        if (ftruncate(fd, (off_t)length_bytes) == 0) {
            memory =
                mmap(NULL, length_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
        }
        (void)close(fd);
        if (memory != MAP_FAILED) {
            return memory;
        }
    }
    return mmap(NULL, length_bytes, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

uint8_t *host_memory_reserve(size_t length_bytes, const char *name, struct error *error)
{
    if (length_bytes == 0 || length_bytes > PTRDIFF_MAX) {
        (void)error_set(error, -EINVAL, "%s: %zu bytes cannot be reserved", name, length_bytes);
        return NULL;
    }
    void *memory = host_memory_map(length_bytes, name);
    if (memory == MAP_FAILED) {
        (void)error_set(error, -errno, "%s: the host refuses %zu MiB of memory: %s", name,
                        length_bytes >> 20, strerror(errno));
        return NULL;
    }
    (void)madvise(memory, length_bytes, MADV_HUGEPAGE);
    return memory;
}

void host_memory_release(uint8_t *memory, size_t length_bytes)
{
    if (memory != NULL) {
        (void)munmap(memory, length_bytes);
    }
}

uint64_t host_heap_bytes(void)
{
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
    struct mallinfo2 heap = mallinfo2();
    return (uint64_t)heap.uordblks + heap.hblkhd;
#else
    return 0;
#endif
}
