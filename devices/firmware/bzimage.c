/* bzImage: the setup header checked, boot_params filled, the 64-bit entry. [LINUX
 * Documentation/arch/x86/boot.rst] */
#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/firmware/boot_parts.h"

/* Offsets in the file and in boot_params alike. */
enum {
    HDR_SETUP_SECTS = 0x1f1,
    HDR_SYSSIZE = 0x1f4,
    HDR_VID_MODE = 0x1fa,
    HDR_BOOT_FLAG = 0x1fe,
    HDR_JUMP = 0x201, /* length of the header after 0x202 */
    HDR_MAGIC = 0x202,
    HDR_VERSION = 0x206,
    HDR_TYPE_OF_LOADER = 0x210,
    HDR_LOADFLAGS = 0x211,
    HDR_CODE32_START = 0x214,
    HDR_RAMDISK_IMAGE = 0x218,
    HDR_RAMDISK_SIZE = 0x21c,
    HDR_CMD_LINE_PTR = 0x228,
    HDR_INITRD_ADDR_MAX = 0x22c,
    HDR_KERNEL_ALIGNMENT = 0x230,
    HDR_RELOCATABLE = 0x234,
    HDR_XLOADFLAGS = 0x236,
    HDR_CMDLINE_SIZE = 0x238,
    HDR_SETUP_DATA = 0x250,
    HDR_PREF_ADDRESS = 0x258,
    HDR_INIT_SIZE = 0x260,
    HDR_END = 0x264,  /* of what protocol 2.12 guarantees */
    HDR_MOST = 0x290, /* end of the room for the header in boot_params */
};

/* Offsets only in boot_params. [LINUX Documentation/arch/x86/zero-page.rst] */
enum {
    PARAM_ACPI_RSDP_ADDR = 0x70,
    PARAM_EXT_RAMDISK_IMAGE = 0xc0,
    PARAM_EXT_RAMDISK_SIZE = 0xc4,
    PARAM_ALT_MEM_K = 0x1e0,
    PARAM_E820_ENTRIES = 0x1e8,
    PARAM_E820_TABLE = 0x2d0,
    PARAM_SIZE = 0x1000,
};

enum {
    PROTOCOL_MIN = 0x020c,
    XLF_KERNEL_64 = 1,
    XLF_CAN_BE_ABOVE_4G = 2,
    LOADED_HIGH = 1,
    ENTRY_64 = 0x200,
};

static const uint8_t bzimage_magic[4] = { 'H', 'd', 'r', 'S' };

bool bzimage_is(const struct boot_image *image)
{
    return image->n > HDR_MAGIC + 4 && memcmp(image->bytes + HDR_MAGIC, bzimage_magic, 4) == 0;
}

static int bzimage_check(const struct boot_image *image, size_t *kernel, struct error *error)
{
    const uint8_t *b = image->bytes;
    if (image->n < HDR_END || le16_load(b + HDR_BOOT_FLAG) != 0xaa55) {
        return error_set(error, -ENOEXEC, "%s: the bzImage header is truncated or damaged",
                         image->name);
    }
    unsigned version = le16_load(b + HDR_VERSION);
    if (version < PROTOCOL_MIN) {
        return error_set(error, -ENOEXEC,
                         "%s: boot protocol %u.%02u is too old (2.12 is needed, Linux 3.8)",
                         image->name, version >> 8, version & 0xff);
    }
    if ((b[HDR_LOADFLAGS] & LOADED_HIGH) == 0) {
        return error_set(error, -ENOEXEC, "%s: a zImage, not a bzImage", image->name);
    }
    if ((le16_load(b + HDR_XLOADFLAGS) & XLF_KERNEL_64) == 0) {
        return error_set(error, -ENOEXEC, "%s: a 32-bit kernel (it has no 64-bit entry point)",
                         image->name);
    }
    *kernel = (b[HDR_SETUP_SECTS] == 0 ? 5u : b[HDR_SETUP_SECTS] + 1u) * 512u;
    uint64_t size = (uint64_t)le32_load(b + HDR_SYSSIZE) * 16;
    /* syssize counts paragraphs, so the last one may be cut short in the file */
    if (*kernel >= image->n || image->n - *kernel + 15 < size) {
        return error_set(error, -ENOEXEC, "%s: the bzImage is truncated (%zu of %llu bytes)",
                         image->name, image->n, (unsigned long long)(*kernel + size));
    }
    return 0;
}

/* Where it goes: its preferred address, or the lowest aligned one that has room. */
static int bzimage_place(const struct linux_boot_config *config, const struct boot_image *image,
                         uint64_t need, gpa_t *at, struct error *error)
{
    const uint8_t *b = image->bytes;
    *at = le64_load(b + HDR_PREF_ADDRESS);
    if (*at >= BOOT_FIRST_FREE && *at < BOOT_HIGH_RAM && boot_is_ram(config, *at, need)) {
        return 0;
    }
    /* It may lie higher, but not lower: it would move itself up to there. [LINUX head_64.S] */
    gpa_t lowest = *at > BOOT_FIRST_FREE ? *at : BOOT_FIRST_FREE;
    uint64_t align = le32_load(b + HDR_KERNEL_ALIGNMENT);
    bool relocatable = b[HDR_RELOCATABLE] != 0 && align != 0 && (align & (align - 1)) == 0;
    for (unsigned i = 0; relocatable && i < config->n_map; i++) {
        gpa_t base = config->map[i].base;
        base = ((base < lowest ? lowest : base) + align - 1) & ~(align - 1);
        if (base < BOOT_HIGH_RAM && boot_is_ram(config, base, need)) {
            *at = base;
            return 0;
        }
    }
    return error_set(error, -ENOSPC,
                     "%s: the kernel needs %llu MiB, more than the guest's memory holds",
                     image->name, (unsigned long long)((need + 0xfffff) >> 20));
}

static void bzimage_store_map(uint8_t *params, const struct linux_boot_config *config)
{
    params[PARAM_E820_ENTRIES] = (uint8_t)config->n_map;
    for (unsigned i = 0; i < config->n_map; i++) {
        uint8_t *row = params + PARAM_E820_TABLE + 20u * i;
        le64_store(row, config->map[i].base);
        le64_store(row + 8, config->map[i].length_bytes);
        le32_store(row + 16, (uint32_t)config->map[i].type);
    }
}

static void bzimage_fill(uint8_t *params, const struct linux_boot_config *config,
                         const struct boot_image *image, gpa_t kernel, gpa_t initrd)
{
    const uint8_t *b = image->bytes;
    size_t end = HDR_MAGIC + (size_t)b[HDR_JUMP];
    end = end < HDR_END ? HDR_END : end > HDR_MOST ? HDR_MOST : end;
    end = end < image->n ? end : image->n;
    memcpy(params + HDR_SETUP_SECTS, b + HDR_SETUP_SECTS, end - HDR_SETUP_SECTS);
    params[HDR_TYPE_OF_LOADER] = 0xff; /* no assigned id */
    le16_store(params + HDR_VID_MODE, 0xffff);
    le32_store(params + HDR_CODE32_START, (uint32_t)kernel);
    le32_store(params + HDR_CMD_LINE_PTR, BOOT_COMMAND_LINE);
    uint64_t n = initrd != 0 ? config->initrd_bytes : 0;
    le32_store(params + HDR_RAMDISK_IMAGE, (uint32_t)initrd);
    le32_store(params + HDR_RAMDISK_SIZE, (uint32_t)n);
    le32_store(params + PARAM_EXT_RAMDISK_IMAGE, (uint32_t)(initrd >> 32));
    le32_store(params + PARAM_EXT_RAMDISK_SIZE, (uint32_t)(n >> 32));
    le64_store(params + HDR_SETUP_DATA, 0);
    le64_store(params + PARAM_ACPI_RSDP_ADDR, config->rsdp);
    bzimage_store_map(params, config);
}

int bzimage_load(const struct linux_boot_config *config, const struct boot_image *image,
                 struct boot_state *state, struct error *error)
{
    size_t offset = 0;
    gpa_t kernel = 0, initrd = 0;
    int code = bzimage_check(image, &offset, error);
    if (code != 0) {
        return code;
    }
    const uint8_t *b = image->bytes;
    uint64_t bytes = image->n - offset, need = le32_load(b + HDR_INIT_SIZE);
    need = need > bytes ? need : bytes;
    code = bzimage_place(config, image, need, &kernel, error);
    if (code != 0) {
        return code;
    }
    uint64_t limit = (le16_load(b + HDR_XLOADFLAGS) & XLF_CAN_BE_ABOVE_4G) != 0 &&
                             le32_load(b + HDR_INITRD_ADDR_MAX) == UINT32_MAX
                         ? UINT64_MAX
                         : (uint64_t)le32_load(b + HDR_INITRD_ADDR_MAX) + 1;
    code = boot_place_initrd(config, limit, (struct boot_span){ kernel, kernel + need }, &initrd,
                             error);
    code =
        code != 0 ? code : boot_place_command_line(config, le32_load(b + HDR_CMDLINE_SIZE), error);
    code = code != 0 ? code : boot_write(config, kernel, b + offset, bytes, error);
    if (code != 0) {
        return code;
    }
    uint8_t params[PARAM_SIZE] = { 0 };
    bzimage_fill(params, config, image, kernel, initrd);
    code = boot_write(config, BOOT_PARAMS, params, sizeof(params), error);
    code = code != 0 ? code : boot_enter(config, BOOT_MODE_LONG64, state, error);
    state->rip = kernel + ENTRY_64;
    state->rsi = BOOT_PARAMS;
    return code;
}
