/* partitions/vmms/vmms.c: wrong configurations and files are refused with a sentence, never worse. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "partitions/vmms/vmms.h"
#include "tests/check/check_main.h"
#include "tests/support/guest_file.h"

enum { MIB = 1 << 20, ROLES = 3, NOISE_BYTES = 20000 };

static const uint8_t halt[64] = { 0xfa, 0xf4 }; /* cli; hlt */

/* The configuration is refused: nothing comes back but a sentence. */
static void refuse(const struct vmms_config *config, bool is_usage, const char *part)
{
    struct error error = { "" };
    bool usage = !is_usage;
    struct vmms *vmms = vmms_create(config, &usage, &error);

    ck_assert_msg(vmms == NULL, "accepted; no \"%s\"", part);
    ck_assert_msg(strstr(error.text, part) != NULL, "no \"%s\" in \"%s\"", part, error.text);
    ck_assert_msg(usage == is_usage, "usage %d with \"%s\"", usage, error.text);
    size_t length = strlen(error.text);
    ck_assert(error.text[length - 1] != '.' && error.text[length - 1] != '\n');
}

static struct vmms_config config_of(const char *kernel)
{
    return (struct vmms_config){ .child[0].kernel = kernel,
                                 .child[0].memory_bytes = 8 * MIB,
                                 .max_instructions = 1000 };
}

/* ---- what the configuration says ---- */

static const struct {
    struct vmms_config config; /* the kernel is added */
    const char *part;
} wrong[] = {
    { { .child[0].memory_bytes = MIB }, "memory must be a whole number of MiB from 2" },
    { { .child[0].memory_bytes = 8 * MIB + 1 }, "memory must be a whole number of MiB" },
    { { .child[0].memory_bytes = 4096 }, "memory must be a whole number of MiB" },
    { { .child[0].memory_bytes = UINT64_MAX }, "memory must be a whole number of MiB" },
    { { .child[0].memory_bytes = UINT64_C(1) << 63 }, "memory must be a whole number of MiB" },
    { { .child[0].cpus = 65 }, "at most 64 processors" },
    { { .child[0].cpus = UINT32_MAX }, "at most 64 processors" },
    { { .cpu = "verdit64" }, "verdite64" },
    { { .cpu = "pentium4" }, "pentium3" },
    { { .cpu = "verdite64,+smeb" }, "smep" },
    { { .cpu = "verdite64,+avx512f" }, "avx512f" },
    { { .cpu = "verdite64,smep" }, "+smep" },
    { { .cpu = "verdite64,+" }, "no CPU feature" },
    { { .cpu = ",," }, "write +" },
    { { .trace = "no.such.event" }, "no.such.event" },
    { { .dump = "blok" }, "blok" },
};

START_TEST(wrong_configuration_is_a_usage_error)
{
    struct guest_file file;
    struct vmms_config config = wrong[_i].config;

    guest_file_make(&file, halt, sizeof(halt));
    config.child[0].kernel = file.path;
    refuse(&config, true, wrong[_i].part);
    guest_file_remove(&file);
}
END_TEST

START_TEST(kernel_must_be_named)
{
    struct vmms_config config = config_of(NULL);

    refuse(&config, true, "no kernel");
}
END_TEST

/* ---- files ---- */

START_TEST(unreadable_files_are_named_with_the_reason)
{
    struct guest_file good, empty;
    struct vmms_config config;

    guest_file_make(&good, halt, sizeof(halt));
    guest_file_write(&empty, "", 0);
    config = config_of("/nonexistent/vmlinuz");
    refuse(&config, false, "/nonexistent/vmlinuz: No such file or directory");
    config = config_of("/");
    refuse(&config, false, "/: Is a directory");
    config = config_of(empty.path);
    refuse(&config, false, empty.path);
    config = config_of(good.path);
    config.child[0].initrd = "/nonexistent/initrd";
    refuse(&config, false, "/nonexistent/initrd: No such file or directory");
    config.child[0].initrd = "/";
    refuse(&config, false, "/: Is a directory");
    config.child[0].initrd = empty.path;
    refuse(&config, false, "the file is empty");
    guest_file_remove(&good);
    guest_file_remove(&empty);
}
END_TEST

/* Create, and run when it is accepted all the same. */
static bool try_kernel(const void *bytes, size_t n, struct error *error)
{
    struct guest_file file;
    struct vmms_config config;
    bool usage;

    guest_file_write(&file, bytes, n);
    config = config_of(file.path);
    error->text[0] = '\0';
    struct vmms *vmms = vmms_create(&config, &usage, error);
    guest_file_remove(&file);
    ck_assert(!usage);
    if (vmms == NULL) {
        ck_assert_msg(strstr(error->text, file.path) != NULL, "which file? \"%s\"", error->text);
        return false;
    }
    (void)vmms_run(vmms, error);
    vmms_destroy(vmms);
    return true;
}

START_TEST(truncated_elf_is_refused_at_every_length)
{
    struct error error;
    size_t size;
    uint8_t *image = guest_elf(halt, sizeof(halt), &size);

    ck_assert(try_kernel(image, size, &error));
    /* Each length is a machine of its own, which is slow under ThreadSanitizer. */
    const size_t step = THREAD_SANITIZER ? 11 : 1;
    for (size_t n = 0; n < size; n += n < 200 ? step : 7 * step) {
        ck_assert_msg(!try_kernel(image, n, &error), "%zu bytes are accepted", n);
    }
    free(image);
}
END_TEST

static uint32_t noise(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 16);
}

enum dress { BARE, DRESSED_ELF, DRESSED_BZIMAGE, DRESSED_GZIP, DRESSES };

/* Noise behind the marks that make a loader look further. [LINUX boot.rst] */
static void dress(uint8_t *bytes, enum dress dress)
{
    size_t size;
    uint8_t *elf;

    switch (dress) {
    case DRESSED_ELF:
        elf = guest_elf(halt, sizeof(halt), &size);
        memcpy(bytes, elf, 64);
        free(elf);
        break;
    case DRESSED_BZIMAGE:
        bytes[0x1f1] &= 0x0f;
        le16_store(bytes + 0x1fe, 0xaa55);
        memcpy(bytes + 0x202, "HdrS", 4);
        le16_store(bytes + 0x206, 0x20f);
        bytes[0x211] |= 1;
        le16_store(bytes + 0x236, 0x3f);
        break;
    case DRESSED_GZIP:
        bytes[0] = 0x1f;
        bytes[1] = 0x8b;
        bytes[2] = 8;
        bytes[3] = 0;
        break;
    default:
        break;
    }
}

START_TEST(random_kernels_do_no_harm)
{
    const char *seed = getenv("SEED"), *n = getenv("N");
    uint64_t state = (seed != NULL ? strtoull(seed, NULL, 0) : 1) * 2654435761u + 1;
    unsigned rounds = n != NULL ? (unsigned)strtoul(n, NULL, 0) : 60;
    uint8_t *bytes = malloc(NOISE_BYTES);
    struct error error;

    for (unsigned round = 0; round < rounds; round++) {
        size_t size = round < DRESSES ? NOISE_BYTES : 0x400 + noise(&state) % (NOISE_BYTES - 0x400);
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (uint8_t)noise(&state);
        }
        dress(bytes, (enum dress)(round % DRESSES));
        bool accepted = try_kernel(bytes, size, &error);
        ck_assert_msg(!accepted || round % DRESSES == DRESSED_BZIMAGE, "noise is a kernel");
    }
    free(bytes);
}
END_TEST

START_TEST(too_little_memory_is_said)
{
    struct guest_file kernel, initrd;
    uint8_t *big = calloc(1, 8 * MIB);
    struct vmms_config config;

    /* A kernel that ends beyond the guest's memory, and an initrd that does not fit beside it. */
    guest_file_make(&kernel, big, 4 * MIB);
    config = config_of(kernel.path);
    config.child[0].memory_bytes = 4 * MIB;
    refuse(&config, false, kernel.path);
    guest_file_write(&initrd, big, 8 * MIB);
    config.child[0].memory_bytes = 10 * MIB;
    config.child[0].initrd = initrd.path;
    refuse(&config, false, "initrd");
    guest_file_remove(&kernel);
    guest_file_remove(&initrd);
    free(big);
}
END_TEST

START_TEST(command_line_has_a_limit)
{
    struct guest_file kernel;
    char *line = calloc(1, 100001);

    memset(line, 'x', 100000);
    guest_file_make(&kernel, halt, sizeof(halt));
    struct vmms_config config = config_of(kernel.path);
    config.child[0].append = line;
    refuse(&config, false, "command line");
    guest_file_remove(&kernel);
    free(line);
}
END_TEST

START_TEST(largest_configurations_start)
{
    static const struct {
        uint64_t mib;
        unsigned cpus;
    } rows[] = {
        { 2, 1 }, { 3, 1 }, { 2, 64 }, { 512, 64 }, { 3071, 2 }, { 3072, 2 }, { 5000, 1 }
    };
    struct guest_file kernel;
    bool usage;

    guest_file_make(&kernel, halt, sizeof(halt));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vmms_config config = config_of(kernel.path);
        struct error error = { "" };
        config.role = (enum vmms_role)_i;
        config.child[0].memory_bytes = rows[i].mib * MIB;
        config.child[0].cpus = rows[i].cpus;
        struct vmms *vmms = vmms_create(&config, &usage, &error);
        ck_assert_msg(vmms != NULL, "%llu MiB, %u: %s", (unsigned long long)rows[i].mib,
                      rows[i].cpus, error.text);
        struct vmms_result result = vmms_run(vmms, &error);
        ck_assert_int_eq(result.end, VMMS_END_HALTED);
        ck_assert_uint_eq(result.instructions, 2);
        vmms_destroy(vmms);
    }
    guest_file_remove(&kernel);
}
END_TEST

START_TEST(explain_refuses_what_create_refuses)
{
    char text[2048];
    struct error error;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (wrong[i].config.trace == NULL) {
            error.text[0] = '\0';
            ck_assert_int_lt(vmms_explain(&wrong[i].config, text, sizeof(text), &error), 0);
            ck_assert_msg(strstr(error.text, wrong[i].part) != NULL, "\"%s\"", error.text);
        }
    }
    struct vmms_config config = config_of("k");
    for (size_t size = 1; size < 32; size++) {
        ck_assert_int_eq(vmms_explain(&config, text, size, &error), 0);
        ck_assert_uint_eq(strlen(text), size - 1);
    }
}
END_TEST

static Suite *suite_vmms_input(void)
{
    Suite *suite = suite_create("partitions/vmms input");
    TCase *config = tcase_create("configuration"), *files = tcase_create("files");

    tcase_add_loop_test(config, wrong_configuration_is_a_usage_error, 0,
                        sizeof(wrong) / sizeof(wrong[0]));
    tcase_add_test(config, kernel_must_be_named);
    tcase_add_loop_test(config, largest_configurations_start, 0, ROLES);
    tcase_add_test(config, explain_refuses_what_create_refuses);
    tcase_add_test(files, unreadable_files_are_named_with_the_reason);
    tcase_add_test(files, truncated_elf_is_refused_at_every_length);
    tcase_add_test(files, random_kernels_do_no_harm);
    tcase_add_test(files, too_little_memory_is_said);
    tcase_add_test(files, command_line_has_a_limit);
    suite_add_tcase(suite, config);
    suite_add_tcase(suite, files);
    return suite;
}

CHECK_MAIN(suite_vmms_input())
