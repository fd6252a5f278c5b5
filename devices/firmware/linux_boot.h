/* Direct boot: a bzImage by its 64-bit entry, an ELF by its PVH entry; what a boot loader would
 * have done. [LINUX boot.rst] [PVH] */
#ifndef DEVICES_FIRMWARE_LINUX_BOOT_H
#define DEVICES_FIRMWARE_LINUX_BOOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "mmu/addr.h"

/* Where a machine with this loader keeps things. RAM stops at BOOT_LOW_RAM_END and goes on at 4
 * GiB. */
#define BOOT_LOW_RAM_END  UINT64_C(0xc0000000)
#define BOOT_HIGH_RAM     UINT64_C(0x100000000)
#define BOOT_FIRMWARE     UINT64_C(0xe0000) /* ACPI tables, up to 1 MiB */
#define BOOT_FIRMWARE_END UINT64_C(0x100000)

enum boot_range_type { BOOT_RAM = 1, BOOT_RESERVED = 2, BOOT_ACPI = 3, BOOT_NVS = 4 };

/* A row of the memory map that the guest gets. */
struct boot_range {
    gpa_t base;
    uint64_t length_bytes;
    enum boot_range_type type;
};

enum { BOOT_RANGES = 16 };

/* The map of a machine with that much RAM (at least 1 MiB). Returns the number of rows. */
unsigned boot_memory_map(uint64_t memory_bytes, struct boot_range map[BOOT_RANGES]);

struct linux_boot_config {
    const char *kernel_name; /* for messages */
    const uint8_t *kernel;   /* bzImage, ELF, or either gzip'ed; untrusted */
    size_t kernel_bytes;
    const uint8_t *initrd; /* or NULL */
    size_t initrd_bytes;
    const char *append;           /* command line, or NULL */
    const struct boot_range *map; /* ordered, not overlapping; at most BOOT_RANGES */
    unsigned n_map;
    gpa_t rsdp; /* 0: no ACPI */
    /* Store into guest memory. 0 or -errno. All addresses lie in RAM of the map. */
    int (*write)(void *opaque, gpa_t gpa, const void *bytes, size_t n);
    void *opaque;
};

/* A segment register: attributes as in the descriptor's bits 55:52 and 47:40 -> bits 15:12 and 7:0.
 */
struct boot_segment {
    uint16_t selector;
    uint16_t attributes;
    uint32_t limit;
    uint64_t base;
};

enum boot_mode { BOOT_MODE_LONG64, BOOT_MODE_PROTECTED32 };

/* The processor as the kernel is entered. Registers not named are 0. */
struct boot_state {
    enum boot_mode mode;
    uint64_t rip, rsp, rbx, rsi, rflags;
    uint64_t cr0, cr3, cr4, efer;
    struct boot_segment code, data, task; /* data: DS, ES, SS (FS and GS too) */
    uint64_t gdt_base;
    uint16_t gdt_limit, idt_limit;
};

/*
 * Load the kernel, initrd, command line, memory map and the tables of the entry state. 0 or -errno
 * with the sentence: -ENOEXEC not a kernel we can boot, -ENOSPC does not fit into the guest's
 * memory, what write returned. The bytes below 1 MiB that are used: 0x1000..0x1ffff.
 */
WARN_UNUSED int linux_boot_load(const struct linux_boot_config *config, struct boot_state *state,
                                struct error *error);

#endif
