/* What the bzImage and the PVH loader share. [LINUX boot.rst] */
#ifndef DEVICES_FIRMWARE_BOOT_PARTS_H
#define DEVICES_FIRMWARE_BOOT_PARTS_H

#include "devices/firmware/linux_boot.h"

/* Low memory. */
enum {
    BOOT_GDT = 0x1000,
    BOOT_PARAMS = 0x2000,      /* boot_params, or hvm_start_info with its lists */
    BOOT_PAGE_TABLES = 0x3000, /* PML4, PDPT, four PDs: identity for 4 GiB */
    BOOT_STACK = 0xa000,       /* grows down from here */
    BOOT_COMMAND_LINE = 0x10000,
    BOOT_COMMAND_LINE_END = 0x20000,
    BOOT_FIRST_FREE = 0x100000,
};

/* The kernel image to boot: the caller's bytes, or what was unpacked from them. */
struct boot_image {
    const char *name;
    const uint8_t *bytes;
    size_t n;
};

/* A span of guest memory that must not be used for anything else. */
struct boot_span {
    gpa_t begin, end;
};

WARN_UNUSED int bzimage_load(const struct linux_boot_config *config, const struct boot_image *image,
                             struct boot_state *state, struct error *error);
WARN_UNUSED int pvh_load(const struct linux_boot_config *config, const struct boot_image *image,
                         struct boot_state *state, struct error *error);
bool bzimage_is(const struct boot_image *image);
bool pvh_is_elf(const struct boot_image *image);

/* Is [base, base + length) inside one RAM range of the map? */
bool boot_is_ram(const struct linux_boot_config *config, gpa_t base, uint64_t length_bytes);

/* Store the initrd as high as it goes below `limit`, clear of the kernel. *base is 0 when there is
 * none. */
WARN_UNUSED int boot_place_initrd(const struct linux_boot_config *config, uint64_t limit,
                                  struct boot_span kernel, gpa_t *base, struct error *error);

/* Store the command line with its NUL; at most `limit` bytes without it. */
WARN_UNUSED int boot_place_command_line(const struct linux_boot_config *config, size_t limit,
                                        struct error *error);

/* Store the descriptor table and, for long mode, the page tables; fill the register state but the
 * entry. */
WARN_UNUSED int boot_enter(const struct linux_boot_config *config, enum boot_mode mode,
                           struct boot_state *state, struct error *error);

/* config->write with the sentence. */
WARN_UNUSED int boot_write(const struct linux_boot_config *config, gpa_t gpa, const void *bytes,
                           size_t n, struct error *error);

#endif
