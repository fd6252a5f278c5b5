/* Direct boot: made-up and real kernels, placement, boot_params, start_info, entry state, refusals.
 * [LINUX boot.rst] [PVH] */
#include "devices/firmware/linux_boot.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/host/file.h"
#include "tests/check/check_main.h"

#define MIB (UINT64_C(1) << 20)

/* Guest memory of the test: 64 MiB, each byte written at most inside RAM. */
static uint8_t *guest;
static struct boot_range map[BOOT_RANGES];
static struct linux_boot_config config;
static struct boot_state state;
static struct error error;
static uint8_t file[0x8000];

static bool in_ram(gpa_t gpa, uint64_t n)
{
    for (unsigned i = 0; i < config.n_map; i++) {
        if (map[i].type == BOOT_RAM && gpa >= map[i].base &&
            gpa + n <= map[i].base + map[i].length_bytes) {
            return true;
        }
    }
    return false;
}

static int store(void *opaque, gpa_t gpa, const void *bytes, size_t n)
{
    uint64_t *limit = opaque;
    ck_assert_msg(in_ram(gpa, n), "%zu bytes at %llx", n, (unsigned long long)gpa);
    if (gpa + n <= *limit) {
        memcpy(guest + gpa, bytes, n);
    }
    return 0;
}

static uint64_t memory_bytes;

static void memory(uint64_t bytes)
{
    memory_bytes = bytes;
    config.n_map = boot_memory_map(bytes, map);
}

static int load(const uint8_t *kernel, size_t n)
{
    config.kernel = kernel;
    config.kernel_bytes = n;
    error.text[0] = '\0';
    return linux_boot_load(&config, &state, &error);
}

static void refused(const uint8_t *kernel, size_t n, int code, const char *words)
{
    ck_assert_int_eq(load(kernel, n), code);
    ck_assert_msg(strstr(error.text, words) != NULL, "\"%s\" lacks \"%s\"", error.text, words);
}

/* A bzImage with 4 setup sectors and 0x1000 bytes of kernel. */
static size_t make_bzimage(void)
{
    memset(file, 0, sizeof(file));
    file[0x1f1] = 4;
    le32_store(file + 0x1f4, 0x100);
    le16_store(file + 0x1fe, 0xaa55);
    file[0x200] = 0xeb;
    file[0x201] = 0x6a;
    memcpy(file + 0x202, "HdrS", 4);
    le16_store(file + 0x206, 0x020f);
    file[0x211] = 1;
    le32_store(file + 0x22c, 0x7fffffff);
    le32_store(file + 0x230, 0x200000);
    file[0x234] = 1;
    le16_store(file + 0x236, 0x7f);
    le32_store(file + 0x238, 2047);
    le64_store(file + 0x258, 0x1000000);
    le32_store(file + 0x260, 0x200000);
    memset(file + 0xa00, 0x5a, 0x1000);
    return 0xa00 + 0x1000;
}

static size_t make_elf(bool is64)
{
    memset(file, 0, sizeof(file));
    memcpy(file, "\177ELF", 4);
    file[4] = is64 ? 2 : 1;
    file[5] = 1;
    le16_store(file + 18, is64 ? 62 : 3);
    unsigned headers = is64 ? 64 : 52, entry = is64 ? 56 : 32;
    if (is64) {
        le64_store(file + 32, headers);
    } else {
        le32_store(file + 28, headers);
    }
    le16_store(file + (is64 ? 54 : 42), (uint16_t)entry);
    le16_store(file + (is64 ? 56 : 44), 2);
    uint8_t *p = file + headers, *q = p + entry;
    le32_store(p, 1);
    le32_store(q, 4);
    if (is64) {
        le64_store(p + 8, 0x1000);    /* offset */
        le64_store(p + 24, 0x200000); /* paddr */
        le64_store(p + 32, 0x100);    /* file */
        le64_store(p + 40, 0x5000);   /* memory */
        le64_store(q + 8, 0x800);
        le64_store(q + 32, 0x40);
        le64_store(q + 48, 4);
    } else {
        le32_store(p + 4, 0x1000);
        le32_store(p + 12, 0x200000);
        le32_store(p + 16, 0x100);
        le32_store(p + 20, 0x5000);
        le32_store(q + 4, 0x800);
        le32_store(q + 16, 0x40);
        le32_store(q + 28, 4);
    }
    uint8_t *note = file + 0x800; /* another note first */
    le32_store(note, 4);
    le32_store(note + 4, 5);
    le32_store(note + 8, 1);
    memcpy(note + 12, "GNU", 4);
    note += 12 + 4 + 8;
    le32_store(note, 4);
    le32_store(note + 4, 4);
    le32_store(note + 8, 18);
    memcpy(note + 12, "Xen", 4);
    le32_store(note + 16, 0x200010);
    memset(file + 0x1000, 0xa5, 0x100);
    return 0x1100;
}

static void setup(void)
{
    guest = calloc(1, 64 * MIB);
    ck_assert(guest != NULL);
    static uint64_t limit = 64 * MIB;
    memset(&config, 0, sizeof(config));
    config.kernel_name = "test-kernel";
    config.map = map;
    config.write = store;
    config.opaque = &limit;
    memory(64 * MIB);
}

static void teardown(void)
{
    free(guest);
}

START_TEST(memory_map_has_a_hole_below_4g)
{
    ck_assert_uint_eq(boot_memory_map(8192 * MIB, map), 5);
    ck_assert_uint_eq(map[3].base + map[3].length_bytes, BOOT_LOW_RAM_END);
    ck_assert_uint_eq(map[4].base, BOOT_HIGH_RAM);
    ck_assert_uint_eq(map[4].length_bytes, 8192 * MIB - BOOT_LOW_RAM_END);
    ck_assert_uint_eq(boot_memory_map(64 * MIB, map), 4);
    ck_assert_uint_eq(map[3].length_bytes, 63 * MIB);
}
END_TEST

START_TEST(bzimage_is_loaded_and_described)
{
    static const uint8_t initrd[] = "initrd bytes";
    config.initrd = initrd;
    config.initrd_bytes = sizeof(initrd);
    config.append = "console=ttyS0 quiet";
    config.rsdp = 0xe0000;
    ck_assert_int_eq(load(file, make_bzimage()), 0);
    ck_assert_int_eq(state.mode, BOOT_MODE_LONG64);
    ck_assert_uint_eq(state.rip, 0x1000200);
    ck_assert_uint_eq(guest[0x1000000], 0x5a);
    ck_assert_uint_eq(guest[0x1000fff], 0x5a);
    const uint8_t *params = guest + state.rsi;
    ck_assert_mem_eq(params + 0x202, "HdrS", 4);
    ck_assert_uint_eq(params[0x210], 0xff);
    ck_assert_str_eq((const char *)guest + le32_load(params + 0x228), config.append);
    uint32_t at = le32_load(params + 0x218);
    ck_assert_uint_eq(le32_load(params + 0x21c), sizeof(initrd));
    ck_assert_uint_eq(at & 0xfff, 0);
    ck_assert_uint_eq(at, 64 * MIB - 0x1000);
    ck_assert_mem_eq(guest + at, initrd, sizeof(initrd));
    ck_assert_uint_eq(le64_load(params + 0x70), 0xe0000);
    ck_assert_uint_eq(params[0x1e8], 4);
    ck_assert_uint_eq(le64_load(params + 0x2d0 + 60), MIB);
    ck_assert_uint_eq(le64_load(params + 0x2d0 + 68), 63 * MIB);
    ck_assert_uint_eq(le32_load(params + 0x2d0 + 76), 1);
}
END_TEST

/* The tables in memory say what the register state says. */
START_TEST(long_mode_entry_state)
{
    ck_assert_int_eq(load(file, make_bzimage()), 0);
    ck_assert_uint_eq(state.cr0 & 0x80000001, 0x80000001);
    ck_assert_uint_eq(state.cr4, 0x20);
    ck_assert_uint_eq(state.efer, 0x500);
    ck_assert_uint_eq(state.rflags, 2);
    ck_assert_uint_eq(state.code.selector, 0x10);
    ck_assert_uint_eq(state.data.selector, 0x18);
    ck_assert_uint_eq(le64_load(guest + state.gdt_base + 0x10), 0x00af9b000000ffff);
    ck_assert_uint_eq(le64_load(guest + state.gdt_base + 0x18), 0x00cf93000000ffff);
    ck_assert_uint_eq(le64_load(guest + state.gdt_base + 0x20), 0x00008b0000000067);
    ck_assert_uint_eq(state.gdt_limit, 0x2f);
    /* walk: every 2 MiB page of 4 GiB maps to itself */
    uint64_t pml4 = le64_load(guest + state.cr3);
    for (uint64_t gva = 0; gva < UINT64_C(4) << 30; gva += 2 * MIB) {
        uint64_t pdpte = le64_load(guest + (pml4 & PAGE_MASK) + 8 * (gva >> 30));
        uint64_t pde = le64_load(guest + (pdpte & PAGE_MASK) + 8 * (gva >> 21 & 511));
        ck_assert_uint_eq(pml4 & pdpte & 3, 3);
        ck_assert_uint_eq(pde, gva | 0x83);
    }
}
END_TEST

START_TEST(relocatable_kernel_moves_up_but_not_down)
{
    /* RAM from 0 to 12 MiB and from 18 MiB on: 16 MiB, where it would like to be, is no RAM */
    memory(24 * MIB);
    map[0] = (struct boot_range){ 0, 12 * MIB, BOOT_RAM };
    map[1] = (struct boot_range){ 18 * MIB, 6 * MIB, BOOT_RAM };
    config.n_map = 2;
    ck_assert_int_eq(load(file, make_bzimage()), 0);
    ck_assert_uint_eq(state.rip, 0x1200200);
    make_bzimage();
    file[0x234] = 0;
    refused(file, 0x1a00, -ENOSPC, "needs 2 MiB");
    memory(12 * MIB);
    make_bzimage();
    refused(file, 0x1a00, -ENOSPC, "needs 2 MiB");
}
END_TEST

START_TEST(initrd_keeps_clear_of_the_kernel)
{
    size_t n = 13 * MIB;
    uint8_t *initrd = calloc(1, n);
    config.initrd = initrd;
    config.initrd_bytes = n;
    memory(20 * MIB); /* kernel at 16..18 MiB: the only room is below */
    ck_assert_int_eq(load(file, make_bzimage()), 0);
    uint32_t at = le32_load(guest + state.rsi + 0x218);
    ck_assert_uint_eq(at, 3 * MIB);
    config.initrd_bytes = n;
    memory(18 * MIB);
    make_bzimage();
    le32_store(file + 0x22c, 0x9fffff); /* highest byte allowed: 10 MiB */
    refused(file, 0x1a00, -ENOSPC, "initrd (13 MiB)");
    free(initrd);
}
END_TEST

START_TEST(pvh_elf_is_loaded_and_described)
{
    static const uint8_t initrd[] = "module";
    bool is64 = _i != 0;
    config.initrd = initrd;
    config.initrd_bytes = sizeof(initrd);
    config.append = "hello";
    config.rsdp = 0xe0000;
    memset(guest + 0x200000, 0xff, 0x6000);
    ck_assert_int_eq(load(file, make_elf(is64)), 0);
    ck_assert_int_eq(state.mode, BOOT_MODE_PROTECTED32);
    ck_assert_uint_eq(state.rip, 0x200010);
    ck_assert_uint_eq(state.cr0 & 0x80000001, 1);
    ck_assert_uint_eq(state.cr4 | state.efer | state.cr3, 0);
    ck_assert_uint_eq(le64_load(guest + state.gdt_base + 0x10), 0x00cf9b000000ffff);
    ck_assert_uint_eq(guest[0x2000ff], 0xa5);
    ck_assert_uint_eq(guest[0x200100], 0); /* bss */
    ck_assert_uint_eq(guest[0x204fff], 0);
    ck_assert_uint_eq(guest[0x205000], 0xff);
    const uint8_t *info = guest + state.rbx;
    ck_assert_uint_eq(le32_load(info), 0x336ec578);
    ck_assert_uint_eq(le32_load(info + 4), 1);
    ck_assert_uint_eq(le32_load(info + 12), 1);
    const uint8_t *module = guest + le64_load(info + 16);
    ck_assert_mem_eq(guest + le64_load(module), initrd, sizeof(initrd));
    ck_assert_uint_eq(le64_load(module + 8), sizeof(initrd));
    ck_assert_str_eq((const char *)guest + le64_load(info + 24), "hello");
    ck_assert_uint_eq(le64_load(info + 32), 0xe0000);
    ck_assert_uint_eq(le32_load(info + 48), 4);
    const uint8_t *rows = guest + le64_load(info + 40);
    ck_assert_uint_eq(le64_load(rows + 72), MIB);
    ck_assert_uint_eq(le64_load(rows + 80), 63 * MIB);
    ck_assert_uint_eq(le32_load(rows + 88), 1);
}
END_TEST

START_TEST(gzip_is_unpacked)
{
    static uint8_t packed[0x8000];
    size_t n = _i != 0 ? make_elf(true) : make_bzimage();
    z_stream z = { 0 };
    ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = file;
    z.avail_in = (uInt)n;
    z.next_out = packed;
    z.avail_out = sizeof(packed);
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t bytes = z.total_out;
    deflateEnd(&z);
    ck_assert_int_eq(load(packed, bytes), 0);
    ck_assert_uint_eq(state.rip, _i != 0 ? 0x200010 : 0x1000200);
    refused(packed, bytes / 2, -ENOEXEC, "gzip");
    packed[bytes / 2] ^= 0xff;
    ck_assert_int_ne(load(packed, bytes), 0);
}
END_TEST

START_TEST(bad_files_get_a_sentence)
{
    refused(file, 0, -ENOEXEC, "empty");
    memset(file, 0x41, sizeof(file));
    refused(file, sizeof(file), -ENOEXEC, "neither a bzImage nor an ELF");
    size_t n = make_bzimage();
    refused(file, n - 0x100, -ENOEXEC, "truncated");
    refused(file, 0x240, -ENOEXEC, "truncated");
    le16_store(file + 0x206, 0x0204);
    refused(file, n, -ENOEXEC, "boot protocol 2.04 is too old");
    make_bzimage();
    le16_store(file + 0x236, 0);
    refused(file, n, -ENOEXEC, "32-bit kernel");
    make_bzimage();
    file[0x211] = 0;
    refused(file, n, -ENOEXEC, "zImage");
    make_bzimage();
    le32_store(file + 0x260, 0xf0000000);
    refused(file, n, -ENOSPC, "3840 MiB");
    n = make_elf(true);
    refused(file, 40, -ENOEXEC, "truncated");
    refused(file, n - 1, -ENOEXEC, "segment is truncated");
    le16_store(file + 18, 183);
    refused(file, n, -ENOEXEC, "not for x86");
    make_elf(true);
    file[0x800 + 24 + 12] = 'Y';
    refused(file, n, -ENOEXEC, "without a PVH entry note");
    make_elf(true);
    le32_store(file + 0x800 + 24 + 16, 0x100);
    refused(file, n, -ENOEXEC, "entry 0x100 lies in none");
    make_elf(true);
    le64_store(file + 64 + 24, 0x8000);
    refused(file, n, -ENOSPC, "0x8000");
    make_elf(true);
    le64_store(file + 64 + 40, UINT64_MAX - 5);
    refused(file, n, -ENOSPC, "0x200000");
    memory(MIB / 16);
    make_bzimage();
    map[0].length_bytes = 0x4000;
    refused(file, 0x1a00, -ENOSPC, "too little memory");
}
END_TEST

START_TEST(long_command_line_is_refused)
{
    static char text[3000];
    memset(text, 'x', sizeof(text) - 1);
    config.append = text;
    refused(file, make_bzimage(), -EINVAL, "at most 2047");
}
END_TEST

START_TEST(every_truncation_is_survived)
{
    size_t n = _i != 0 ? make_elf(_i == 1) : make_bzimage();
    size_t end = _i != 0 ? n : n - 15; /* the last paragraph of a bzImage may be cut short */
    for (size_t cut = 0; cut < end; cut += cut < 0x300 ? 1 : 37) {
        uint8_t *copy = malloc(cut + 1); /* so that the sanitizer sees a read past the end */
        memcpy(copy, file, cut);
        ck_assert_int_ne(load(copy, cut), 0);
        ck_assert(error.text[0] != '\0');
        free(copy);
    }
}
END_TEST

static int nowhere(void *opaque, gpa_t gpa, const void *bytes, size_t n)
{
    uint64_t *total = opaque;
    (void)bytes;
    ck_assert(in_ram(gpa, n));
    *total += n;
    return 0;
}

/* Every kernel that the build has fetched. */
START_TEST(real_kernels)
{
    uint64_t total = 0;
    config.write = nowhere;
    config.opaque = &total;
    memory(512 * MIB);
    DIR *cache = opendir("build/cache/kernel");
    unsigned n = 0;
    for (struct dirent *entry; cache != NULL && (entry = readdir(cache)) != NULL;) {
        char path[512];
        uint8_t *bytes = NULL;
        size_t length = 0;
        snprintf(path, sizeof(path), "build/cache/kernel/%s/vmlinuz", entry->d_name);
        if (entry->d_name[0] == '.' ||
            host_file_read(path, 256 * MIB, &bytes, &length, &error) != 0) {
            continue;
        }
        total = 0;
        ck_assert_msg(load(bytes, length) == 0, "%s: %s", path, error.text);
        ck_assert_uint_eq(state.rip, 0x1000200);
        ck_assert_uint_gt(total, length / 2);
        free(bytes);
        n++;
    }
    if (cache != NULL) {
        closedir(cache);
    }
    if (n == 0) {
        printf("skipped: no kernel in build/cache\n");
    }
}
END_TEST

static Suite *suite_linux_boot(void)
{
    Suite *s = suite_create("devices/firmware/linux_boot");
    TCase *t = tcase_create("linux_boot");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, memory_map_has_a_hole_below_4g);
    tcase_add_test(t, bzimage_is_loaded_and_described);
    tcase_add_test(t, long_mode_entry_state);
    tcase_add_test(t, relocatable_kernel_moves_up_but_not_down);
    tcase_add_test(t, initrd_keeps_clear_of_the_kernel);
    tcase_add_loop_test(t, pvh_elf_is_loaded_and_described, 0, 2);
    tcase_add_loop_test(t, gzip_is_unpacked, 0, 2);
    tcase_add_test(t, bad_files_get_a_sentence);
    tcase_add_test(t, long_command_line_is_refused);
    tcase_add_loop_test(t, every_truncation_is_survived, 0, 3);
    tcase_add_test(t, real_kernels);
    suite_add_tcase(s, t);
    return s;
}

CHECK_MAIN(suite_linux_boot())
