/* GPA spaces: mapping, rights, overlays, generations. RAM: flags and copies. */
#include "mmu/space.h"

#include <errno.h>

#include "base/compiler.h"
#include "tests/check/check_main.h"
#include "tests/check/mmu/paging_fixture.h"

static struct ram ram;
static struct space space;

static void setup(void)
{
    ck_assert_int_eq(ram_init(&ram, 64 * PAGE_SIZE, NULL), 0);
    ck_assert_int_eq(space_init(&space, &ram, 40), 0);
}

static void teardown(void)
{
    space_fini(&space);
    ram_fini(&ram);
}

START_TEST(what_is_mapped_is_found_and_nothing_else)
{
    static const uint64_t gpfns[] = { 0, 1, 0x3ff, 0x400, 0xfffff, 0x100000, 0xfffffff };
    for (unsigned i = 0; i < ARRAY_SIZE(gpfns); i++) {
        ck_assert_int_eq(space_map(&space, gpfns[i], i * PAGE_SIZE, 1, SPACE_READ), 0);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(gpfns); i++) {
        struct space_page page = space_lookup(&space, (gpfns[i] << 12) + 0x123);
        ck_assert_int_eq(page.kind, SPACE_RAM);
        ck_assert_uint_eq(page.spa, i * PAGE_SIZE);
        ck_assert_uint_eq(page.rights, SPACE_READ);
        ck_assert(!page.overlay);
    }
    ck_assert_int_eq(space_lookup(&space, 0x2000).kind, SPACE_MMIO);
    ck_assert_int_eq(space_lookup(&space, UINT64_C(1) << 40).kind, SPACE_UNMAPPED);
    ck_assert_int_eq(space_map(&space, UINT64_C(1) << 28, 0, 1, SPACE_RWX), -EINVAL);
    ck_assert_int_eq(space_map(&space, 0, 63 * PAGE_SIZE, 2, SPACE_RWX), -EINVAL);
    space_unmap(&space, 0, UINT64_C(1) << 28);
    for (unsigned i = 0; i < ARRAY_SIZE(gpfns); i++) {
        ck_assert_int_eq(space_lookup(&space, gpfns[i] << 12).kind, SPACE_MMIO);
    }
}
END_TEST

START_TEST(only_narrowing_and_changing_bump_the_generation)
{
    uint64_t g = space.generation;
    ck_assert_int_eq(space_map(&space, 5, 0, 4, SPACE_READ), 0);
    ck_assert_int_eq(space_map(&space, 5, 0, 4, SPACE_RWX), 0);
    ck_assert_uint_eq(space.generation, g);
    ck_assert_int_eq(space_map(&space, 5, 0, 1, SPACE_READ | SPACE_EXEC), 0);
    ck_assert_uint_gt(space.generation, g);
    g = space.generation;
    ck_assert_int_eq(space_map(&space, 6, 9 * PAGE_SIZE, 1, SPACE_RWX), 0);
    ck_assert_uint_gt(space.generation, g);
    g = space.generation;
    space_unmap(&space, 6, 1);
    ck_assert_uint_gt(space.generation, g);
}
END_TEST

START_TEST(the_newest_overlay_lies_on_top_and_the_covered_page_reappears)
{
    spa_t one = 10 * PAGE_SIZE, two = 11 * PAGE_SIZE;
    ck_assert_int_eq(space_map(&space, 7, 0, 1, SPACE_RWX), 0);
    ck_assert_int_eq(space_overlay_map(&space, 7, one, SPACE_READ), 0);
    ck_assert_int_eq(space_overlay_map(&space, 7, two, SPACE_RWX), 0);
    ck_assert_uint_eq(space_lookup(&space, 0x7000).spa, two);
    ck_assert(space_lookup(&space, 0x7000).overlay);
    ck_assert_int_eq(space_overlay_map(&space, 7, one, SPACE_READ), 0); /* again: to the top */
    ck_assert_uint_eq(space_lookup(&space, 0x7000).spa, one);
    ck_assert_ptr_null(space_host(&space, 0x7000, 1, SPACE_WRITE));
    ck_assert_int_eq(space_map(&space, 7, PAGE_SIZE, 1, SPACE_READ), 0); /* beneath the overlays */
    ck_assert_uint_eq(space_lookup(&space, 0x7000).spa, one);
    space_overlay_unmap(&space, 7, one);
    ck_assert_uint_eq(space_lookup(&space, 0x7000).spa, two);
    space_overlay_unmap(&space, 7, one); /* not there: nothing happens */
    space_overlay_unmap(&space, 7, two);
    ck_assert_uint_eq(space_lookup(&space, 0x7000).spa, PAGE_SIZE);
    ck_assert(!space_lookup(&space, 0x7000).overlay);
    /* An overlay needs no page beneath. */
    ck_assert_int_eq(space_overlay_map(&space, 0x900, two, SPACE_RWX), 0);
    ck_assert_int_eq(space_lookup(&space, 0x900000).kind, SPACE_RAM);
    space_overlay_unmap(&space, 0x900, two);
    ck_assert_int_eq(space_lookup(&space, 0x900000).kind, SPACE_MMIO);
}
END_TEST

START_TEST(copies_follow_the_mapping_and_its_rights)
{
    ck_assert_int_eq(space_map(&space, 1, 20 * PAGE_SIZE, 1, SPACE_RWX), 0);
    ck_assert_int_eq(space_map(&space, 2, 3 * PAGE_SIZE, 1, SPACE_RWX), 0);
    ck_assert_int_eq(space_map(&space, 3, 4 * PAGE_SIZE, 1, SPACE_READ), 0);
    char text[300], back[300];
    for (unsigned i = 0; i < sizeof(text); i++) {
        text[i] = (char)i;
    }
    for (unsigned offset = 0; offset < 16; offset++) {
        gpa_t gpa = 0x2000 - 150 + offset;
        ck_assert(space_write(&space, gpa, text, sizeof(text)));
        ck_assert(space_read(&space, gpa, back, sizeof(back)));
        ck_assert_mem_eq(text, back, sizeof(text));
        ck_assert_mem_eq(ram_host(&ram, 21 * PAGE_SIZE - 150 + offset), text, 150 - offset);
        ck_assert_mem_eq(ram_host(&ram, 3 * PAGE_SIZE), text + 150 - offset, 150 + offset);
    }
    ck_assert_uint_eq(ram_page_flags(&ram, 3 * PAGE_SIZE), RAM_PAGE_DIRTY);
    ck_assert_uint_eq(ram_page_flags(&ram, 4 * PAGE_SIZE), 0);
    ck_assert(!space_write(&space, 0x2ff0, text, 32));
    ck_assert(space_read(&space, 0x2ff0, back, 32));
    ck_assert(!space_read(&space, 0x3ff0, back, 32));
    ck_assert_ptr_null(space_host(&space, 0x1ff0, 32, SPACE_READ));
    ck_assert_ptr_eq(space_host(&space, 0x1ff0, 16, SPACE_READ),
                     ram_host(&ram, 20 * PAGE_SIZE + 0xff0));
    ram_zero(&ram, 3 * PAGE_SIZE + 1, 299);
    ck_assert_uint_eq(*ram_host(&ram, 3 * PAGE_SIZE + 200), 0);
}
END_TEST

START_TEST(ram_refuses_what_is_no_whole_number_of_pages)
{
    struct ram bad;
    struct error error = { "" };
    ck_assert_int_eq(ram_init(&bad, 4097, &error), -EINVAL);
    ck_assert_int_ne(error.text[0], 0);
    ck_assert_int_lt(ram_init(&bad, UINT64_C(1) << 62, &error), 0);
}
END_TEST

static Suite *suite_space(void)
{
    Suite *suite = suite_create("mmu/space");
    TCase *tcase = tcase_create("space");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_is_mapped_is_found_and_nothing_else);
    tcase_add_test(tcase, only_narrowing_and_changing_bump_the_generation);
    tcase_add_test(tcase, the_newest_overlay_lies_on_top_and_the_covered_page_reappears);
    tcase_add_test(tcase, copies_follow_the_mapping_and_its_rights);
    tcase_add_test(tcase, ram_refuses_what_is_no_whole_number_of_pages);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_space())
