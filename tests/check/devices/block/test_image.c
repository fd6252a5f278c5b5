/* Images of every kind against a model: random reads, writes, discards, reopening; parents, snapshots, failures of the host. */
#include "devices/block/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/block/image_convert.h"
#include "tests/check/check_main.h"
#include "tests/support/image_store.h"

enum { DISK = 5 << 20, STEPS = 400, LONGEST = 96 << 10 };

static const struct {
    const char *format;
    enum image_type type;
    uint32_t block, sector;
} kinds[] = {
    { "raw", IMAGE_FIXED, 0, 512 },
    { "vhd", IMAGE_FIXED, 0, 512 },
    { "vhd", IMAGE_DYNAMIC, 4096, 512 },
    { "vhd", IMAGE_DYNAMIC, 2 << 20, 512 },
    { "vhd", IMAGE_DIFFERENCING, 64 << 10, 512 },
    { "vhd", IMAGE_DIFFERENCING, 4096, 512 },
    { "vhdx", IMAGE_FIXED, 1 << 20, 512 },
    { "vhdx", IMAGE_DYNAMIC, 2 << 20, 512 },
    { "vhdx", IMAGE_DYNAMIC, 2 << 20, 4096 },
    { "vhdx", IMAGE_DIFFERENCING, 1 << 20, 512 },
    { "vhdx", IMAGE_DIFFERENCING, 2 << 20, 4096 },
};

static struct image_store store;
static uint8_t model[DISK], got[DISK];
static uint64_t seed;

static void setup(void)
{
    image_store_init(&store, 5);
    memset(model, 0, sizeof(model));
    seed = 77;
}

static void teardown(void)
{
    ck_assert_uint_eq(store.opened, 0);
    image_store_fini(&store);
}

static struct image *open_image(const char *name, bool write)
{
    struct error error = { "" };
    struct image *image;
    ck_assert_msg(image_open(&store.env, name, write, &image, &error) == 0, "%s", error.text);
    return image;
}

static void create(const char *name, const char *format, struct image_new facts)
{
    struct error error = { "" };
    facts.env = &store.env;
    ck_assert_msg(image_create(name, image_format_named(format), &facts, &error) == 0, "%s",
                  error.text);
}

static void fill(uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (uint8_t)store_random(&seed);
    }
}

/* "disk" of a kind, and for a differencing one "base" under it, with content. */
static void make(int kind)
{
    struct image_new facts = { .size_bytes = DISK,
                               .type = kinds[kind].type,
                               .logical_sector = kinds[kind].sector,
                               .block_bytes = kinds[kind].block };
    if (kinds[kind].type == IMAGE_DIFFERENCING) {
        facts.type = IMAGE_DYNAMIC;
        create("base", kinds[kind].format, facts);
        struct image *base = open_image("base", true);
        fill(model, DISK / 2);
        ck_assert_int_eq(image_write(base, 0, model, DISK / 2), 0);
        ck_assert_int_eq(image_close(base), 0);
        facts.type = IMAGE_DIFFERENCING;
        facts.parent = open_image("base", false);
    }
    create("disk", kinds[kind].format, facts);
    (void)image_close(facts.parent);
}

static void expect_model(struct image *image)
{
    ck_assert_int_eq(image_read(image, 0, got, DISK), 0);
    ck_assert(memcmp(got, model, DISK) == 0);
}

/* At once where the image lets us, in two pieces; else the usual way. Returns whether it did. */
static bool step_now(struct image *image, bool write, uint64_t offset, uint8_t *bytes, size_t n)
{
    size_t first = 1 + store_below(&seed, n - 1);
    const struct host_piece pieces[] = { { bytes, first }, { bytes + first, n - first } };
    bool now = store_below(&seed, 2) == 0 && image_now(image, write, offset, pieces, 2, n);
    if (!now && write) {
        ck_assert_int_eq(image_write(image, offset, bytes, n), 0);
    } else if (!now) {
        ck_assert_int_eq(image_read(image, offset, bytes, n), 0);
    }
    return now;
}

/* Returns whether data moved at once. */
static bool random_step(struct image *image)
{
    bool now = false;
    static uint8_t bytes[LONGEST];
    uint64_t sector = image->logical_sector;
    uint64_t offset = store_below(&seed, DISK / sector) * sector;
    uint64_t most = store_below(&seed, 3) == 0 ? LONGEST : 8 * sector, left = DISK - offset;
    uint64_t n = (1 + store_below(&seed, most / sector)) * sector;
    n = n < left ? n : left;
    switch (store_below(&seed, 8)) {
    case 0:
        ck_assert_int_eq(image_flush(image), 0);
        break;
    case 1:
        if (image->block_bytes != 0 && store_below(&seed, 2) == 0) {
            offset = offset / image->block_bytes * image->block_bytes;
            n = DISK - offset < image->block_bytes ? DISK - offset : image->block_bytes;
        }
        ck_assert_int_eq(image_discard(image, offset, n), 0);
        memset(model + offset, 0, n);
        break;
    case 2:
    case 3:
        now = step_now(image, false, offset, got, n);
        ck_assert(memcmp(got, model + offset, n) == 0);
        break;
    default:
        fill(bytes, n);
        now = step_now(image, true, offset, bytes, n);
        memcpy(model + offset, bytes, n);
    }
    return now;
}

START_TEST(an_image_reads_as_it_was_written)
{
    make(_i);
    struct image *image = open_image("disk", true);
    ck_assert_uint_eq(image->size_bytes, DISK);
    ck_assert_uint_eq(image->logical_sector, kinds[_i].sector);
    ck_assert_int_eq((int)image->type, (int)kinds[_i].type);
    unsigned at_once = 0;
    for (unsigned i = 0; i < STEPS; i++) {
        at_once += random_step(image);
        if (i % 100 == 99) {
            expect_model(image);
            ck_assert_int_eq(image_close(image), 0);
            image = open_image("disk", i % 200 == 99);
            expect_model(image);
            struct image_report report = { 0 };
            image_check(image, &report);
            ck_assert_uint_eq(report.errors + report.warnings, 0);
            if (!image->writable) {
                ck_assert_int_eq(image_write(image, 0, model, 4096), -EROFS);
                ck_assert_int_eq(image_close(image), 0);
                image = open_image("disk", true);
            }
        }
    }
    ck_assert_uint_gt(at_once, STEPS / 50);
    ck_assert_int_eq(image_close(image), 0);
}
END_TEST

/* What has no place in the file yet, or is not known to have one, is not done at once; nor what is not allowed. */
START_TEST(only_what_has_a_place_is_done_at_once)
{
    make(_i);
    struct image *image = open_image("disk", false);
    const struct host_piece piece = { got, 4096 };
    bool placed = kinds[_i].type == IMAGE_FIXED;
    ck_assert(!image_now(image, true, DISK - 4096, &piece, 1, 4096));
    ck_assert_int_eq(image_now(image, false, DISK - 4096, &piece, 1, 4096), placed);
    /* A parent's data is read there, when it is known where. */
    ck_assert_int_eq(image_read(image, 0, got, 4096), 0);
    memset(got, 0x5a, 4096);
    ck_assert_int_eq(image_now(image, false, 0, &piece, 1, 4096),
                     placed || kinds[_i].type == IMAGE_DIFFERENCING);
    ck_assert(kinds[_i].type == IMAGE_DYNAMIC || memcmp(got, model, 4096) == 0);
    ck_assert(!image_now(image, false, DISK, &piece, 1, 4096));
    ck_assert(!image_now(image, false, 1, &piece, 1, 4096));
    ck_assert_int_eq(image_close(image), 0);
    image = open_image("disk", true);
    fill(model + DISK - 4096, 4096);
    struct host_piece data = { model + DISK - 4096, 4096 };
    ck_assert_int_eq(image_write(image, DISK - 8192, got, 4096), 0);
    memcpy(model + DISK - 8192, got, 4096);
    if (!image_now(image, true, DISK - 4096, &data, 1, 4096)) {
        ck_assert_int_eq(image_write(image, DISK - 4096, data.at, 4096), 0);
    }
    fill(model + DISK - 4096, 4096);
    ck_assert(image_now(image, true, DISK - 4096, &data, 1, 4096));
    expect_model(image);
    ck_assert_int_eq(image_close(image), 0);
}
END_TEST

START_TEST(ranges_outside_and_between_sectors_are_refused)
{
    make(_i);
    struct image *image = open_image("disk", true);
    uint64_t sector = image->logical_sector;
    ck_assert_int_eq(image_read(image, DISK, got, sector), -EINVAL);
    ck_assert_int_eq(image_read(image, DISK - sector, got, 2 * sector), -EINVAL);
    ck_assert_int_eq(image_read(image, UINT64_MAX - sector + 1, got, sector), -EINVAL);
    ck_assert_int_eq(image_read(image, 1, got, sector), -EINVAL);
    ck_assert_int_eq(image_write(image, 0, got, sector - 1), -EINVAL);
    ck_assert_int_eq(image_discard(image, DISK, sector), -EINVAL);
    ck_assert_int_eq(image_close(image), 0);
}
END_TEST

/* Space comes back, and is used again. */
START_TEST(discarded_blocks_are_used_again)
{
    make(_i);
    static uint8_t bytes[DISK];
    fill(bytes, DISK);
    struct image *image = open_image("disk", true);
    uint64_t size = 0;
    for (unsigned i = 0; i < 5; i++) {
        ck_assert_int_eq(image_write(image, 0, bytes, DISK), 0);
        ck_assert_int_eq(image_flush(image), 0);
        size = i == 1 ? image->file->size_bytes : size;
        ck_assert_int_eq(image_discard(image, 0, DISK), 0);
        ck_assert_int_eq(image_flush(image), 0);
        expect_model((memset(model, 0, DISK), image));
    }
    ck_assert_uint_le(image->file->size_bytes, size + 512);
    ck_assert_int_eq(image_close(image), 0);
}
END_TEST

/* Whatever operation of the host fails: an error, never wrong data from what was flushed. */
START_TEST(a_failing_host_loses_nothing_flushed)
{
    make(_i);
    struct image *image = open_image("disk", true);
    for (unsigned i = 0; i < 20; i++) {
        random_step(image);
    }
    ck_assert_int_eq(image_close(image), 0);
    image_store_copy(&store, "disk", "kept");
    static uint8_t bytes[LONGEST], zero[LONGEST];
    fill(bytes, sizeof(bytes));
    for (unsigned n = 1; n < 40; n++) {
        image_store_copy(&store, "kept", "disk");
        image = open_image("disk", true);
        store.fail_after = n;
        int code = image_write(image, 1 << 20, bytes, LONGEST);
        int flushed = image_flush(image);
        int freed = image_discard(image, 2 << 20, LONGEST);
        int closed = image_close(image);
        bool failed = store.fail_after == 0;
        store.fail_after = 0;
        ck_assert(!failed || code != 0 || flushed != 0 || freed != 0 || closed != 0);
        image = open_image("disk", false);
        ck_assert_int_eq(image_read(image, 0, got, DISK), 0);
        if (flushed == 0 && code == 0) {
            ck_assert(memcmp(got + (1 << 20), bytes, LONGEST) == 0);
        }
        if (failed) {
            memcpy(got + (1 << 20), model + (1 << 20), LONGEST); /* either */
        }
        bool kept = true;
        for (uint64_t at = 0; at < DISK; at += 512) {
            bool changed = at >= 1 << 20 && at < (1 << 20) + LONGEST;
            bool dropped = at >= 2 << 20 && at < (2 << 20) + LONGEST;
            bool same = memcmp(got + at, model + at, 512) == 0;
            kept = kept &&
                   (same || (changed && !failed) || (dropped && memcmp(got + at, zero, 512) == 0));
        }
        ck_assert(kept);
        ck_assert_int_eq(image_close(image), 0);
    }
}
END_TEST

START_TEST(a_snapshot_leaves_its_base_alone)
{
    make(_i);
    struct error error = { "" };
    struct image *image;
    struct image *base = open_image("disk", false);
    struct guid id = base->id;
    ck_assert_msg(image_open_snapshot(base, "/", &image, &error) == 0, "%s", error.text);
    ck_assert(guid_equal(&image->id, &id)); /* the same disk to a guest */
    for (unsigned i = 0; i < 100; i++) {
        random_step(image);
    }
    expect_model(image);
    ck_assert_int_eq(image_close(image), 0);
    image_store_copy(&store, "disk", "kept");
    image = open_image("disk", false);
    image_close(image);
    ck_assert(image_store_find(&store, "kept") != NULL);
}
END_TEST

START_TEST(copies_are_equal)
{
    make(_i);
    struct image *image = open_image("disk", true);
    for (unsigned i = 0; i < 30; i++) {
        random_step(image);
    }
    struct error error = { "" };
    for (unsigned kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
        if (kinds[kind].type == IMAGE_DIFFERENCING || kinds[kind].sector != kinds[_i].sector) {
            continue;
        }
        create("copy", kinds[kind].format,
               (struct image_new){ .size_bytes = DISK,
                                   .type = kinds[kind].type,
                                   .logical_sector = kinds[kind].sector,
                                   .block_bytes = kinds[kind].block });
        struct image *copy = open_image("copy", true);
        uint64_t differ;
        ck_assert_int_eq(image_copy(image, copy, &error), 0);
        ck_assert_int_eq(image_compare(image, copy, &differ, &error), 0);
        ck_assert_uint_eq(differ, UINT64_MAX);
        got[0] = (uint8_t)~model[777 * 4096];
        memcpy(got + 1, model + 777 * 4096 + 1, 4095);
        ck_assert_int_eq(image_write(copy, 777 * 4096, got, 4096), 0);
        ck_assert_int_eq(image_compare(image, copy, &differ, &error), 0);
        ck_assert_uint_eq(differ, 777 * 4096);
        ck_assert_int_eq(image_close(copy), 0);
        store.env.remove(store.env.opaque, "copy");
    }
    ck_assert_int_eq(image_close(image), 0);
}
END_TEST

/* [VHD 1.0 appendix "CHS calculation"], by hand for each branch. */
START_TEST(geometry_follows_the_appendix)
{
    static const struct {
        uint64_t sectors;
        unsigned c, h, s;
    } rows[] = {
        { 16 * 1024 * 2, 481, 4, 17 },
        { 1024 * 16 * 17, 561, 16, 31 },
        { 400000, 806, 16, 31 },
        { UINT64_C(8) << 21, 16644, 16, 63 },
        { UINT64_C(40) << 21, 20560, 16, 255 },
        { UINT64_C(4) << 31, 65535, 16, 255 },
    };
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct image_geometry g = image_geometry(rows[i].sectors * 512);
        ck_assert_msg(g.cylinders == rows[i].c && g.heads == rows[i].h && g.sectors == rows[i].s,
                      "row %u: %u/%u/%u", i, g.cylinders, g.heads, g.sectors);
    }
}
END_TEST

START_TEST(iso_is_found_and_read_only)
{
    struct store_file *file = image_store_make(&store, "disc");
    ck_assert_int_eq(image_file_resize(file->bytes, 40 * 2048 + 100), 0);
    ck_assert_int_eq(image_file_write(file->bytes, 16 * 2048, "\001CD001\001", 7), 0);
    struct image *image = open_image("disc", true);
    ck_assert_str_eq(image->format->name, "iso");
    ck_assert_uint_eq(image->logical_sector, 2048);
    ck_assert_uint_eq(image->size_bytes, 41 * 2048);
    ck_assert(image->removable && !image->writable);
    ck_assert_int_eq(image_read(image, 16 * 2048, got, 2048), 0);
    ck_assert(memcmp(got + 1, "CD001", 5) == 0);
    ck_assert_int_eq(image_write(image, 0, got, 2048), -EROFS);
    ck_assert_int_eq(image_close(image), 0);
}
END_TEST

/* A guest that writes another format's signature into its raw disk gains nothing when the name says raw. */
START_TEST(a_name_settles_the_format)
{
    static const struct {
        const char *name, *format;
    } rows[] = { { "a.img", "raw" },
                 { "b.raw", "raw" },
                 { "c.VHD", "vhd" },
                 { "d.avhdx", "vhdx" },
                 { "e.iso", "iso" } };
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        ck_assert_str_eq(image_format_of_name(rows[i].name)->name, rows[i].format);
    }
    ck_assert_ptr_null(image_format_of_name("disk"));
    ck_assert_ptr_null(image_format_of_name("a.vhd/disk"));
    struct store_file *file = image_store_make(&store, "guest.img");
    ck_assert_int_eq(image_file_write(file->bytes, 0, "vhdxfile", 8), 0);
    struct image *image = open_image("guest.img", false);
    ck_assert_str_eq(image->format->name, "raw");
    ck_assert_int_eq(image_close(image), 0);
}
END_TEST

static Suite *suite_image(void)
{
    Suite *suite = suite_create("devices/block/image");
    TCase *tcase = tcase_create("image");
    tcase_add_checked_fixture(tcase, setup, teardown);
    int n = (int)ARRAY_SIZE(kinds);
    tcase_add_loop_test(tcase, an_image_reads_as_it_was_written, 0, n);
    tcase_add_loop_test(tcase, only_what_has_a_place_is_done_at_once, 0, n);
    tcase_add_loop_test(tcase, ranges_outside_and_between_sectors_are_refused, 0, n);
    tcase_add_loop_test(tcase, discarded_blocks_are_used_again, 0, n);
    tcase_add_loop_test(tcase, a_failing_host_loses_nothing_flushed, 0, n);
    tcase_add_loop_test(tcase, a_snapshot_leaves_its_base_alone, 0, n);
    tcase_add_loop_test(tcase, copies_are_equal, 0, n);
    tcase_add_test(tcase, geometry_follows_the_appendix);
    tcase_add_test(tcase, iso_is_found_and_read_only);
    tcase_add_test(tcase, a_name_settles_the_format);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_image())
