/* A memfd mapped twice: to write, and to run. [LINUX memfd_create(2)] */
#include "base/host/code_memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What others still need of a limited address space, or of memory that is promised only when it is there: stacks, heaps. */
static const size_t headroom_bytes = (size_t)256 << 20;

static int leave_headroom(void)
{
    void *room =
        mmap(NULL, headroom_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (room == MAP_FAILED) {
        return -errno;
    }
    (void)munmap(room, headroom_bytes);
    return 0;
}

static int map_both(struct host_code_memory *memory, int fd)
{
    uint8_t *run = mmap(NULL, memory->code_bytes + memory->data_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (run == MAP_FAILED) {
        return -errno;
    }
    memory->run = run;
    memory->data = run + memory->code_bytes;
    if (mmap(run, memory->code_bytes, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, fd, 0) ==
        MAP_FAILED) {
        return -errno;
    }
    uint8_t *write = mmap(NULL, memory->code_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (write == MAP_FAILED) {
        return -errno;
    }
    memory->write = write;
    return leave_headroom();
}

int host_code_memory_create(struct host_code_memory *memory, size_t code_bytes, size_t data_bytes,
                            struct error *error)
{
    *memory = (struct host_code_memory){ .code_bytes = code_bytes, .data_bytes = data_bytes };
    int fd = memfd_create("code", MFD_CLOEXEC);
    int status = fd < 0 || ftruncate(fd, (off_t)code_bytes) != 0 ? -errno : map_both(memory, fd);

    if (fd >= 0) {
        (void)close(fd);
    }
    if (status != 0) {
        host_code_memory_destroy(memory);
        return error_set(error, status, "the host refuses memory for code: %s", strerror(-status));
    }
    return 0;
}

void host_code_memory_destroy(struct host_code_memory *memory)
{
    if (memory->run != NULL) {
        (void)munmap(memory->run, memory->code_bytes + memory->data_bytes);
    }
    if (memory->write != NULL) {
        (void)munmap(memory->write, memory->code_bytes);
    }
    *memory = (struct host_code_memory){ 0 };
}
