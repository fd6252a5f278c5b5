/* Direct boot: memory map, unpacking, initrd and command line, entry state. [LINUX boot.rst] [SDM
 * 3A 9.8] */
#include "devices/firmware/linux_boot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "devices/firmware/boot_parts.h"

/* A kernel does not unpack to more than this. */
#define BOOT_UNPACKED_LIMIT (UINT64_C(512) << 20)

unsigned boot_memory_map(uint64_t memory_bytes, struct boot_range map[BOOT_RANGES])
{
    uint64_t low = memory_bytes < BOOT_LOW_RAM_END ? memory_bytes : BOOT_LOW_RAM_END;
    unsigned n = 0;
    map[n++] = (struct boot_range){ 0, 0x9fc00, BOOT_RAM };
    map[n++] = (struct boot_range){ 0x9fc00, 0x400, BOOT_RESERVED }; /* EBDA */
    map[n++] =
        (struct boot_range){ BOOT_FIRMWARE, BOOT_FIRMWARE_END - BOOT_FIRMWARE, BOOT_RESERVED };
    if (low > 0x100000) {
        map[n++] = (struct boot_range){ 0x100000, low - 0x100000, BOOT_RAM };
    }
    if (memory_bytes > low) {
        map[n++] = (struct boot_range){ BOOT_HIGH_RAM, memory_bytes - low, BOOT_RAM };
    }
    return n;
}

bool boot_is_ram(const struct linux_boot_config *config, gpa_t base, uint64_t length_bytes)
{
    for (unsigned i = 0; i < config->n_map; i++) {
        const struct boot_range *range = &config->map[i];
        if (range->type == BOOT_RAM && base >= range->base &&
            base - range->base <= range->length_bytes &&
            length_bytes <= range->length_bytes - (base - range->base)) {
            return true;
        }
    }
    return false;
}

int boot_write(const struct linux_boot_config *config, gpa_t gpa, const void *bytes, size_t n,
               struct error *error)
{
    int code = n == 0 ? 0 : config->write(config->opaque, gpa, bytes, n);
    return code == 0 ? 0
                     : error_set(error, code, "cannot store %zu bytes at guest address 0x%llx", n,
                                 (unsigned long long)gpa);
}

int boot_place_initrd(const struct linux_boot_config *config, uint64_t limit,
                      struct boot_span kernel, gpa_t *base, struct error *error)
{
    *base = 0;
    uint64_t n = config->initrd != NULL ? config->initrd_bytes : 0;
    if (n == 0) {
        return 0;
    }
    for (unsigned i = config->n_map; i-- > 0;) {
        const struct boot_range *range = &config->map[i];
        uint64_t end = range->base + range->length_bytes;
        end = end < limit ? end : limit;
        for (unsigned below = 0; below < 2 && range->type == BOOT_RAM; below++) {
            if (below == 1 && kernel.begin < end) {
                end = kernel.begin; /* second try: under the kernel */
            }
            gpa_t at = end > n ? (end - n) & PAGE_MASK : 0;
            if (at < BOOT_FIRST_FREE || at < range->base ||
                (at < kernel.end && at + n > kernel.begin)) {
                continue;
            }
            *base = at;
            return boot_write(config, at, config->initrd, config->initrd_bytes, error);
        }
    }
    return error_set(error, -ENOSPC, "the initrd (%llu MiB) does not fit into the guest's memory",
                     (unsigned long long)(n >> 20));
}

int boot_place_command_line(const struct linux_boot_config *config, size_t limit,
                            struct error *error)
{
    const char *text = config->append != NULL ? config->append : "";
    size_t n = strlen(text), most = BOOT_COMMAND_LINE_END - BOOT_COMMAND_LINE - 1;
    limit = limit < most ? limit : most;
    if (n > limit) {
        return error_set(error, -EINVAL,
                         "the command line has %zu bytes, the kernel takes at most %zu", n, limit);
    }
    return boot_write(config, BOOT_COMMAND_LINE, text, n + 1, error);
}

static uint64_t boot_descriptor(const struct boot_segment *segment)
{
    bool pages = (segment->attributes & 0x8000) != 0;
    uint64_t limit = pages ? segment->limit >> 12 : segment->limit;
    return (limit & 0xffff) | (segment->base & 0xffffff) << 16 |
           (uint64_t)(segment->attributes & 0xf0ff) << 40 | (limit >> 16 & 0xf) << 48 |
           (segment->base >> 24 & 0xff) << 56;
}

static int boot_write_page_tables(const struct linux_boot_config *config, struct error *error)
{
    enum { TABLES = 6, PRESENT_WRITE = 3, LARGE = 0x80 };
    uint8_t page[PAGE_SIZE];
    for (unsigned table = 0; table < TABLES; table++) {
        memset(page, 0, sizeof(page));
        if (table == 0) {
            le64_store(page, BOOT_PAGE_TABLES + PAGE_SIZE + PRESENT_WRITE);
        }
        for (unsigned i = 0; i < 4 && table == 1; i++) {
            le64_store(page + 8 * i, BOOT_PAGE_TABLES + (2 + i) * PAGE_SIZE + PRESENT_WRITE);
        }
        for (unsigned i = 0; i < 512 && table >= 2; i++) {
            uint64_t gpa = ((uint64_t)(table - 2) << 30) + ((uint64_t)i << 21);
            le64_store(page + 8 * i, gpa | PRESENT_WRITE | LARGE);
        }
        int code =
            boot_write(config, BOOT_PAGE_TABLES + table * PAGE_SIZE, page, sizeof(page), error);
        if (code != 0) {
            return code;
        }
    }
    return 0;
}

int boot_enter(const struct linux_boot_config *config, enum boot_mode mode,
               struct boot_state *state, struct error *error)
{
    bool long_mode = mode == BOOT_MODE_LONG64;
    state->mode = mode;
    state->rflags = 2;
    state->rsp = BOOT_STACK;
    state->code = (struct boot_segment){ 0x10, long_mode ? 0xa09b : 0xc09b, 0xffffffff, 0 };
    state->data = (struct boot_segment){ 0x18, 0xc093, 0xffffffff, 0 };
    state->task = (struct boot_segment){ 0x20, 0x008b, 0x67, 0 };
    state->gdt_base = BOOT_GDT;
    state->gdt_limit = 6 * 8 - 1; /* the long mode TSS descriptor takes two entries */
    state->idt_limit = 0;
    state->cr0 = long_mode ? 0x80000031 : 0x00000011; /* PE, ET; NE and PG */
    state->cr3 = long_mode ? BOOT_PAGE_TABLES : 0;
    state->cr4 = long_mode ? 0x20 : 0;   /* PAE */
    state->efer = long_mode ? 0x500 : 0; /* LME, LMA */
    uint8_t gdt[6 * 8] = { 0 };
    le64_store(gdt + 0x10, boot_descriptor(&state->code));
    le64_store(gdt + 0x18, boot_descriptor(&state->data));
    le64_store(gdt + 0x20, boot_descriptor(&state->task));
    int code = boot_write(config, BOOT_GDT, gdt, sizeof(gdt), error);
    return code != 0 || !long_mode ? code : boot_write_page_tables(config, error);
}

/* Unpack a gzip file into memory that the caller frees. */
static int boot_gunzip(const struct boot_image *packed, uint8_t **bytes, size_t *n,
                       struct error *error)
{
    z_stream stream = { 0 };
    if (inflateInit2(&stream, 15 + 16) != Z_OK) {
        return error_set(error, -ENOMEM, "%s: no memory to unpack it", packed->name);
    }
    uint8_t *out = NULL;
    size_t size = 0, used = 0, in = 0;
    int code = 0, status = Z_OK;
    while (code == 0 && status != Z_STREAM_END) {
        if (used == size) {
            size_t more = size == 0 ? 1 << 20 : size * 2;
            uint8_t *grown = more <= BOOT_UNPACKED_LIMIT ? realloc(out, more) : NULL;
            if (grown == NULL) {
                code = error_set(error, -EFBIG, "%s: unpacks to more than %llu MiB", packed->name,
                                 (unsigned long long)(size >> 20));
                break;
            }
            out = grown;
            size = more;
        }
        if (stream.avail_in == 0) {
            size_t chunk = packed->n - in < UINT32_MAX ? packed->n - in : UINT32_MAX;
            stream.next_in = (z_const Bytef *)(uintptr_t)(packed->bytes + in);
            stream.avail_in = (uInt)chunk;
            in += chunk;
        }
        size_t space = size - used < (1u << 30) ? size - used : 1u << 30;
        stream.next_out = out + used;
        stream.avail_out = (uInt)space;
        status = inflate(&stream, Z_NO_FLUSH);
        used += space - stream.avail_out;
        if (status != Z_OK && status != Z_STREAM_END) {
            code = error_set(error, -ENOEXEC, "%s: the gzip data is damaged or truncated",
                             packed->name);
        }
    }
    inflateEnd(&stream);
    if (code != 0) {
        free(out);
        return code;
    }
    *bytes = out;
    *n = used;
    return 0;
}

int linux_boot_load(const struct linux_boot_config *config, struct boot_state *state,
                    struct error *error)
{
    struct boot_image image = { config->kernel_name != NULL ? config->kernel_name : "kernel",
                                config->kernel, config->kernel_bytes };
    uint8_t *unpacked = NULL;
    int code = 0;
    memset(state, 0, sizeof(*state));
    if (image.n == 0) {
        return error_set(error, -ENOEXEC, "%s: the file is empty", image.name);
    }
    if (!boot_is_ram(config, BOOT_GDT, BOOT_COMMAND_LINE_END - BOOT_GDT)) {
        return error_set(error, -ENOSPC, "the guest has too little memory to boot a kernel");
    }
    if (image.n >= 18 && image.bytes[0] == 0x1f && image.bytes[1] == 0x8b) {
        code = boot_gunzip(&image, &unpacked, &image.n, error);
        if (code != 0) {
            return code;
        }
        image.bytes = unpacked;
    }
    if (pvh_is_elf(&image)) {
        code = pvh_load(config, &image, state, error);
    } else if (bzimage_is(&image)) {
        code = bzimage_load(config, &image, state, error);
    } else {
        code = error_set(error, -ENOEXEC, "%s: neither a bzImage nor an ELF kernel", image.name);
    }
    free(unpacked);
    return code;
}
