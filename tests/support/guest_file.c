/* A minimal ELF64: one segment of code, one note with the entry. [ELF; XEN pvh.pandoc] */
#include "tests/support/guest_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"

enum {
    ELF_HEADER_BYTES = 64,
    PROGRAM_HEADER_BYTES = 56,
    NOTE = ELF_HEADER_BYTES + 2 * PROGRAM_HEADER_BYTES,
    NOTE_BYTES = 20,
    PT_LOAD = 1,
    PT_NOTE = 4,
    MACHINE_X86_64 = 62,
    NOTE_PHYS32_ENTRY = 18,
};

static void program_header(uint8_t *header, uint32_t type, uint64_t offset, uint64_t address,
                           uint64_t bytes)
{
    le32_store(header, type);
    le32_store(header + 4, 7); /* readable, writable, executable */
    le64_store(header + 8, offset);
    le64_store(header + 16, address);
    le64_store(header + 24, address);
    le64_store(header + 32, bytes);
    le64_store(header + 40, bytes);
    le64_store(header + 48, 4);
}

uint8_t *guest_elf(const void *code, size_t n, size_t *size)
{
    static const uint8_t ident[16] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };
    uint8_t *image = calloc(1, GUEST_FILE_CODE + n);

    if (image == NULL) {
        abort();
    }
    memcpy(image, ident, sizeof(ident));
    le16_store(image + 16, 2); /* executable */
    le16_store(image + 18, MACHINE_X86_64);
    le32_store(image + 20, 1);
    le64_store(image + 24, GUEST_CODE);
    le64_store(image + 32, ELF_HEADER_BYTES);
    le16_store(image + 52, ELF_HEADER_BYTES);
    le16_store(image + 54, PROGRAM_HEADER_BYTES);
    le16_store(image + 56, 2);
    program_header(image + ELF_HEADER_BYTES, PT_LOAD, GUEST_FILE_CODE, GUEST_CODE, n);
    program_header(image + ELF_HEADER_BYTES + PROGRAM_HEADER_BYTES, PT_NOTE, NOTE, 0, NOTE_BYTES);
    le32_store(image + NOTE, 4);
    le32_store(image + NOTE + 4, 4);
    le32_store(image + NOTE + 8, NOTE_PHYS32_ENTRY);
    memcpy(image + NOTE + 12, "Xen", 4);
    le32_store(image + NOTE + 16, GUEST_CODE);
    memcpy(image + GUEST_FILE_CODE, code, n);
    *size = GUEST_FILE_CODE + n;
    return image;
}

void guest_file_write(struct guest_file *file, const void *bytes, size_t n)
{
    const char *folder = getenv("TMPDIR");

    (void)snprintf(file->path, sizeof(file->path), "%s/verdite-guest-XXXXXX",
                   folder != NULL && strlen(folder) < 96 ? folder : "/tmp");
    int fd = mkstemp(file->path);
    if (fd < 0) {
        perror(file->path);
        abort();
    }
    for (size_t done = 0; done < n;) {
        ssize_t written = write(fd, (const uint8_t *)bytes + done, n - done);
        if (written <= 0) {
            perror(file->path);
            abort();
        }
        done += (size_t)written;
    }
    (void)close(fd);
}

void guest_file_make(struct guest_file *file, const void *code, size_t n)
{
    size_t size;
    uint8_t *image = guest_elf(code, n, &size);

    guest_file_write(file, image, size);
    free(image);
}

void guest_file_remove(struct guest_file *file)
{
    (void)unlink(file->path);
}
