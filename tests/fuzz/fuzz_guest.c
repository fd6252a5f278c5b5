/* Fuzz target: any bytes as a guest's code with all privileges, in each role: it ends only itself.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "partitions/vmms/vmms.h"
#include "tests/support/guest_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t stub[] = {
#include "tests/fuzz/guest_stub.inc"
};

/* As guest_stub.S says, from GUEST_CODE on. */
enum {
    CODE = 0x4000,
    CODE_MOST = 0x3000,
    SLOTS = 0xb004,
    MODE = 0xb008,
    IMAGE_BYTES = 0xb00c,
    INSTRUCTIONS = 5000,
};

static void printed(void *opaque, const uint8_t *bytes, size_t n)
{
    (void)bytes;
    *(size_t *)opaque += n;
}

/* First byte: role, mode, whether a reset runs it again; the rest: code. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t image[IMAGE_BYTES];
    size_t n_printed = 0, n_file, n = size < 2 ? 0 : size - 1 < CODE_MOST ? size - 1 : CODE_MOST;
    char path[64], text[4096];
    struct error error;
    bool usage;

    if (n == 0) {
        return 0;
    }
    memset(image, 0, sizeof(image));
    memcpy(image, stub, sizeof(stub));
    memcpy(image + CODE, data + 1, n);
    le32_store(image + SLOTS, (uint32_t)(n + 15) / 16);
    le32_store(image + MODE, (data[0] >> 2) % 3);
    uint8_t *file = guest_elf(image, sizeof(image), &n_file);
    int fd = memfd_create("guest", MFD_CLOEXEC);
    assert(fd >= 0 && write(fd, file, n_file) == (ssize_t)n_file);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    const struct vmms_config config = {
        .child[0].kernel = path,
        .child[0].memory_bytes = 4 << 20,
        .child[0].cpus = 1 + (data[0] >> 7),
        .role = (enum vmms_role)((data[0] & 3) % 3),
        .max_instructions = INSTRUCTIONS,
        .timeout_ns = 10000000, /* one that waits */
        .no_reboot = (data[0] >> 6 & 1) != 0,
        .child[0].serial_output = printed,
        .child[0].serial_opaque = &n_printed,
    };
    struct vmms *vmms = vmms_create(&config, &usage, &error);
    assert(vmms != NULL);
    struct vmms_result result = vmms_run(vmms, &error);
    assert(result.end != VMMS_END_HOST_FAILURE && result.end != VMMS_END_STOPPED);
    assert(result.instructions <= INSTRUCTIONS && n_printed <= result.instructions);
    vmms_autopsy(vmms, text, sizeof(text));
    vmms_destroy(vmms);
    (void)close(fd);
    free(file);
    return 0;
}
