/* Direct boot: the kernel's files, the ACPI tables, and the registers that VP 0 starts with. */
#ifndef PARTITIONS_VMMS_BOOT_H
#define PARTITIONS_VMMS_BOOT_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"

struct machine;
struct partition;

/* What was read from the host: owned. */
struct boot_image {
    uint8_t *kernel, *initrd;
    size_t kernel_bytes, initrd_bytes;
    const char *kernel_path, *append; /* borrowed */
};

/* What tells a file from another; all zero: there is none. */
struct boot_file_facts {
    uint64_t bytes;
    uint32_t crc;
};
struct boot_file_facts boot_file_facts(const uint8_t *bytes, size_t n);

/* initrd and append may be NULL. */
WARN_UNUSED int boot_read(struct boot_image *image, const char *kernel, const char *initrd,
                          const char *append, struct error *error);
void boot_fini(struct boot_image *image);

/* Put kernel, initrd, command line and ACPI tables into the partition's memory and set VP 0's
 * registers. Also after each reset. A malformed file is -EINVAL or -ENOEXEC with a sentence. */
WARN_UNUSED int boot_place(const struct boot_image *image, struct machine *machine,
                           struct partition *partition, uint64_t memory_bytes, unsigned cpus,
                           struct error *error);

#endif
