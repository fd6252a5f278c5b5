/* Small guests as files: bytes of 32-bit code wrapped in an ELF with a PVH note. [XEN pvh.pandoc]
 */
#ifndef TESTS_SUPPORT_GUEST_FILE_H
#define TESTS_SUPPORT_GUEST_FILE_H

#include <stddef.h>
#include <stdint.h>

/* Where the code lies in guest memory, and where it is entered: protected mode, flat, no paging. */
enum { GUEST_CODE = 0x100000, GUEST_FILE_CODE = 0x100 };

struct guest_file {
    char path[128];
};

/* The image. Freed by the caller. */
uint8_t *guest_elf(const void *code, size_t n, size_t *size);

/* A file of these bytes; aborts when the host has no room. */
void guest_file_write(struct guest_file *file, const void *bytes, size_t n);
/* Likewise, of code wrapped in an ELF. */
void guest_file_make(struct guest_file *file, const void *code, size_t n);
void guest_file_remove(struct guest_file *file);

#endif
