/* Any bytes as a kernel file: no crash, no store outside the guest's RAM, a sentence for each
 * refusal. [LINUX boot.rst] [PVH] */
#include <stdlib.h>
#include <string.h>

#include "devices/firmware/linux_boot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sink {
    const struct linux_boot_config *config;
};

static int sink_write(void *opaque, gpa_t gpa, const void *bytes, size_t n)
{
    const struct linux_boot_config *config = ((struct sink *)opaque)->config;
    volatile uint8_t touched = 0;
    for (size_t i = 0; i < n; i += 64) { /* the sanitizer sees a bad source */
        touched = (uint8_t)(touched ^ ((const uint8_t *)bytes)[i]);
    }
    for (unsigned i = 0; i < config->n_map; i++) {
        const struct boot_range *range = &config->map[i];
        if (range->type == BOOT_RAM && gpa >= range->base && n <= range->length_bytes &&
            gpa - range->base <= range->length_bytes - n) {
            return 0;
        }
    }
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct boot_range map[BOOT_RANGES];
    struct linux_boot_config config = { .kernel_name = "fuzz", .map = map, .write = sink_write };
    struct sink sink = { &config };
    struct boot_state state;
    struct error error = { "" };
    /* The first byte chooses memory and initrd size, the rest is the file. */
    config.n_map = boot_memory_map((uint64_t)((data[0] & 0x7f) + 1) << 22, map);
    config.initrd = data;
    config.initrd_bytes = (data[0] & 0x80) != 0 ? size : 0;
    config.append = "console=ttyS0";
    config.kernel = data + 1;
    config.kernel_bytes = size - 1;
    config.opaque = &sink;
    int code = linux_boot_load(&config, &state, &error);
    if ((code == 0) != (error.text[0] == '\0')) {
        abort();
    }
    return 0;
}
