/* PVH: an ELF's segments, its Xen entry note, hvm_start_info, the 32-bit entry. [PVH start_info.h]
 * [ELF 64 and 32] */
#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/firmware/boot_parts.h"

enum {
    PT_LOAD = 1,
    PT_NOTE = 4,
    EM_386 = 3,
    EM_X86_64 = 62,
    NOTE_PHYS32_ENTRY = 18,
    START_INFO_MAGIC = 0x336ec578,
    START_INFO_VERSION = 1,
    START_INFO_BYTES = 56,
    MODULE_BYTES = 32,
    MEMMAP_BYTES = 24,
    COMMAND_LINE_MOST = 2047, /* what Linux keeps */
};

/* A program header, of either class. */
struct elf_segment {
    uint32_t type;
    uint64_t offset, paddr, file_bytes, memory_bytes, align;
};

struct elf {
    const struct boot_image *image;
    bool is64;
    uint64_t phoff;
    unsigned phentsize, phnum;
};

bool pvh_is_elf(const struct boot_image *image)
{
    return image->n >= 4 && memcmp(image->bytes, "\177ELF", 4) == 0;
}

static bool elf_inside(const struct elf *elf, uint64_t offset, uint64_t n)
{
    return offset <= elf->image->n && n <= elf->image->n - offset;
}

static int elf_open(struct elf *elf, const struct boot_image *image, struct error *error)
{
    const uint8_t *b = image->bytes;
    elf->image = image;
    if (image->n < 52 || (b[4] == 2 && image->n < 64)) {
        return error_set(error, -ENOEXEC, "%s: the ELF header is truncated", image->name);
    }
    unsigned machine = le16_load(b + 18);
    if ((b[4] != 1 && b[4] != 2) || b[5] != 1 || (machine != EM_386 && machine != EM_X86_64)) {
        return error_set(error, -ENOEXEC, "%s: an ELF file, but not for x86", image->name);
    }
    elf->is64 = b[4] == 2;
    elf->phoff = elf->is64 ? le64_load(b + 32) : le32_load(b + 28);
    elf->phentsize = le16_load(b + (elf->is64 ? 54 : 42));
    elf->phnum = le16_load(b + (elf->is64 ? 56 : 44));
    unsigned least = elf->is64 ? 56 : 32;
    if (elf->phnum == 0 || elf->phentsize < least ||
        !elf_inside(elf, elf->phoff, (uint64_t)elf->phnum * elf->phentsize)) {
        return error_set(error, -ENOEXEC, "%s: the ELF program headers are missing or truncated",
                         image->name);
    }
    return 0;
}

static struct elf_segment elf_segment(const struct elf *elf, unsigned i)
{
    const uint8_t *p = elf->image->bytes + elf->phoff + (uint64_t)i * elf->phentsize;
    if (elf->is64) {
        return (struct elf_segment){ le32_load(p),      le64_load(p + 8),  le64_load(p + 24),
                                     le64_load(p + 32), le64_load(p + 40), le64_load(p + 48) };
    }
    return (struct elf_segment){ le32_load(p),      le32_load(p + 4),  le32_load(p + 12),
                                 le32_load(p + 16), le32_load(p + 20), le32_load(p + 28) };
}

/* Look for the Xen entry in one note segment. */
static bool elf_find_entry(const struct elf *elf, const struct elf_segment *segment,
                           uint32_t *entry)
{
    uint64_t align = segment->align == 8 ? 8 : 4, at = 0;
    const uint8_t *notes = elf->image->bytes + segment->offset;
    while (segment->file_bytes - at >= 12) {
        const uint8_t *note = notes + at;
        uint64_t name = le32_load(note), description = le32_load(note + 4);
        uint64_t name_end = (12 + name + align - 1) & ~(align - 1);
        uint64_t end = (name_end + description + align - 1) & ~(align - 1);
        if (name_end + description > segment->file_bytes - at) {
            return false;
        }
        if (name == 4 && memcmp(note + 12, "Xen", 4) == 0 &&
            le32_load(note + 8) == NOTE_PHYS32_ENTRY && description >= 4) {
            *entry = le32_load(note + name_end);
            return true;
        }
        if (end > segment->file_bytes - at) {
            return false;
        }
        at += end;
    }
    return false;
}

static int elf_store_zeros(const struct linux_boot_config *config, gpa_t gpa, uint64_t n,
                           struct error *error)
{
    static const uint8_t zeros[PAGE_SIZE];
    int code = 0;
    while (n > 0 && code == 0) {
        size_t chunk = n < sizeof(zeros) ? (size_t)n : sizeof(zeros);
        code = boot_write(config, gpa, zeros, chunk, error);
        gpa += chunk;
        n -= chunk;
    }
    return code;
}

static int elf_load_segment(const struct linux_boot_config *config, const struct elf *elf,
                            const struct elf_segment *s, struct error *error)
{
    const char *name = elf->image->name;
    if (!elf_inside(elf, s->offset, s->file_bytes) || s->memory_bytes < s->file_bytes) {
        return error_set(error, -ENOEXEC, "%s: an ELF segment is truncated", name);
    }
    if (s->paddr < BOOT_FIRST_FREE || s->paddr >= BOOT_HIGH_RAM ||
        !boot_is_ram(config, s->paddr, s->memory_bytes)) {
        return error_set(
            error, -ENOSPC,
            "%s: its segment at 0x%llx (%llu KiB) does not lie in the guest's memory above 1 MiB",
            name, (unsigned long long)s->paddr, (unsigned long long)(s->memory_bytes >> 10));
    }
    int code = boot_write(config, s->paddr, elf->image->bytes + s->offset, s->file_bytes, error);
    return code != 0 ? code
                     : elf_store_zeros(config, s->paddr + s->file_bytes,
                                       s->memory_bytes - s->file_bytes, error);
}

/* Load all segments; the entry and the span of memory they cover. */
static int elf_load(const struct linux_boot_config *config, const struct elf *elf, uint32_t *entry,
                    struct boot_span *span, struct error *error)
{
    bool found = false;
    *span = (struct boot_span){ UINT64_MAX, 0 };
    for (unsigned i = 0; i < elf->phnum; i++) {
        struct elf_segment s = elf_segment(elf, i);
        if (s.type == PT_NOTE && elf_inside(elf, s.offset, s.file_bytes)) {
            found = found || elf_find_entry(elf, &s, entry);
        }
        if (s.type != PT_LOAD || s.memory_bytes == 0) {
            continue;
        }
        int code = elf_load_segment(config, elf, &s, error);
        if (code != 0) {
            return code;
        }
        span->begin = s.paddr < span->begin ? s.paddr : span->begin;
        span->end = s.paddr + s.memory_bytes > span->end ? s.paddr + s.memory_bytes : span->end;
    }
    if (!found) {
        return error_set(error, -ENOEXEC, "%s: an ELF file without a PVH entry note",
                         elf->image->name);
    }
    if (*entry < span->begin || *entry >= span->end) {
        return error_set(error, -ENOEXEC, "%s: the PVH entry 0x%x lies in none of its segments",
                         elf->image->name, *entry);
    }
    return 0;
}

/* hvm_start_info, then the module list, then the memory map, in one page. */
static int pvh_store_start_info(const struct linux_boot_config *config, gpa_t initrd,
                                struct error *error)
{
    uint8_t page[START_INFO_BYTES + MODULE_BYTES + BOOT_RANGES * MEMMAP_BYTES] = { 0 };
    uint8_t *module = page + START_INFO_BYTES, *map = module + MODULE_BYTES;
    le32_store(page, START_INFO_MAGIC);
    le32_store(page + 4, START_INFO_VERSION);
    if (initrd != 0) {
        le32_store(page + 12, 1);
        le64_store(page + 16, BOOT_PARAMS + START_INFO_BYTES);
        le64_store(module, initrd);
        le64_store(module + 8, config->initrd_bytes);
    }
    le64_store(page + 24, BOOT_COMMAND_LINE);
    le64_store(page + 32, config->rsdp);
    le64_store(page + 40, BOOT_PARAMS + START_INFO_BYTES + MODULE_BYTES);
    le32_store(page + 48, config->n_map);
    for (unsigned i = 0; i < config->n_map; i++) {
        le64_store(map + MEMMAP_BYTES * i, config->map[i].base);
        le64_store(map + MEMMAP_BYTES * i + 8, config->map[i].length_bytes);
        le32_store(map + MEMMAP_BYTES * i + 16, (uint32_t)config->map[i].type);
    }
    return boot_write(config, BOOT_PARAMS, page, sizeof(page), error);
}

int pvh_load(const struct linux_boot_config *config, const struct boot_image *image,
             struct boot_state *state, struct error *error)
{
    struct elf elf = { 0 };
    struct boot_span span = { 0, 0 };
    uint32_t entry = 0;
    gpa_t initrd = 0;
    int code = elf_open(&elf, image, error);
    code = code != 0 ? code : elf_load(config, &elf, &entry, &span, error);
    code = code != 0 ? code : boot_place_initrd(config, BOOT_HIGH_RAM, span, &initrd, error);
    code = code != 0 ? code : boot_place_command_line(config, COMMAND_LINE_MOST, error);
    code = code != 0 ? code : pvh_store_start_info(config, initrd, error);
    code = code != 0 ? code : boot_enter(config, BOOT_MODE_PROTECTED32, state, error);
    state->rip = entry;
    state->rbx = BOOT_PARAMS;
    return code;
}
