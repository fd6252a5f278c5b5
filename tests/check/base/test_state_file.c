/* The file of saved state: there and back, every cut and every flipped bit refused, nothing lost when writing fails. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/host/file.h"
#include "base/state_file.h"
#include "tests/check/check_main.h"

struct thing {
    uint64_t number;
    uint32_t n;
    uint8_t bytes[64];
};

static const struct state_field rows[] = {
    STATE_FIELD(struct thing, number),
    STATE_COUNTED_FIELD(struct thing, bytes, n),
};
static const struct state_table table = STATE_TABLE("thing", 1, struct thing, rows);

enum { PAGES = 200 };

static char folder[] = "/tmp/verdite-state-XXXXXX", path[64];
static uint8_t memory[PAGES * STATE_FILE_PAGE], back[PAGES * STATE_FILE_PAGE];

static void setup(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/file", folder);
    for (size_t i = 0; i < sizeof(memory); i++) {
        memory[i] = (uint8_t)(i / STATE_FILE_PAGE % 5 == 0 ? 0 : i * 7 + i / 4096);
    }
}

static void teardown(void)
{
    (void)unlink(path);
    ck_assert_int_eq(rmdir(folder), 0); /* nothing else was left in it */
    memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
}

static void save(uint64_t number, bool many_pages)
{
    struct error error = { "" };
    struct thing thing = { .number = number, .n = 5, .bytes = "hello" };
    struct state_writer *writer = state_writer_create(path, &error);

    ck_assert_msg(writer != NULL, "%s", error.text);
    state_writer_section(writer, "thing", &table, &thing);
    thing.number++;
    state_writer_section(writer, "other/thing", &table, &thing);
    state_writer_pages(writer, 1, 3, memory);
    for (uint32_t page = 0; many_pages && page < PAGES; page += 50) {
        state_writer_pages(writer, page, 50, memory + page * STATE_FILE_PAGE);
    }
    ck_assert_msg(state_writer_commit(writer, &error) == 0, "%s", error.text);
}

static int put(void *opaque, uint64_t first, uint32_t n, const uint8_t *bytes)
{
    unsigned *pages = opaque;

    *pages += n;
    if (first >= PAGES || n > PAGES - first) {
        return -EINVAL;
    }
    memcpy(back + first * STATE_FILE_PAGE, bytes, (size_t)n * STATE_FILE_PAGE);
    return 0;
}

/* 0 or the code of whatever refused. */
static int load(struct thing things[2], unsigned *pages, struct error *error)
{
    struct state_timers timers = { .n = 0 };
    int status;
    struct state_reader *reader = state_reader_open(path, &status, error);

    *pages = 0;
    if (reader == NULL) {
        return status;
    }
    status = state_reader_section(reader, "thing", &table, &things[0], &timers, error);
    if (status == 0) {
        status = state_reader_section(reader, "other/thing", &table, &things[1], &timers, error);
    }
    if (status == 0) {
        status = state_reader_all_known(reader, error);
    }
    if (status == 0) {
        status = state_reader_pages(reader, put, pages, error);
    }
    state_reader_close(reader);
    return status;
}

START_TEST(sections_and_pages_come_back)
{
    struct thing things[2] = { { .n = 0 }, { .n = 0 } };
    struct error error = { "" };
    struct stat facts;
    unsigned pages;

    save(41, true);
    memset(back, 1, sizeof(back));
    ck_assert_msg(load(things, &pages, &error) == 0, "%s", error.text);
    ck_assert_uint_eq(things[0].number, 41);
    ck_assert_uint_eq(things[1].number, 42);
    ck_assert_int_eq(memcmp(things[1].bytes, "hello", 5), 0);
    ck_assert_uint_eq(pages, PAGES + 3);
    ck_assert_int_eq(memcmp(back, memory, sizeof(memory)), 0);
    ck_assert_int_eq(stat(path, &facts), 0);
    ck_assert_uint_eq(facts.st_mode & 0777, 0600);
    ck_assert_int_lt(facts.st_size, (off_t)sizeof(memory));
}
END_TEST

static void write_file(const uint8_t *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, n, file), n);
    ck_assert_int_eq(fclose(file), 0);
}

static void is_refused(const char *what, size_t at)
{
    struct thing things[2] = { { .n = 0 }, { .n = 0 } };
    struct error error = { "" };
    unsigned pages;
    int status = load(things, &pages, &error);

    ck_assert_msg(status == -EINVAL, "%s at %zu: %d %s", what, at, status, error.text);
    ck_assert_msg(strncmp(error.text, path, strlen(path)) == 0, "%s", error.text);
}

/* A bit that fills up a byte in front of a block may be any: what is read is what was written. */
static bool is_the_same(void)
{
    struct thing things[2] = { { .n = 0 }, { .n = 0 } };
    struct error error = { "" };
    unsigned pages;

    memset(back, 0, sizeof(back));
    return load(things, &pages, &error) == 0 && things[0].number == 7 && things[1].number == 8 &&
           things[0].n == 5 && memcmp(things[0].bytes, "hello", 5) == 0 && pages == 3 &&
           memcmp(back + STATE_FILE_PAGE, memory, 3 * STATE_FILE_PAGE) == 0;
}

START_TEST(every_cut_and_every_flipped_bit_is_refused)
{
    struct error error;
    uint8_t *bytes;
    size_t n;

    save(7, false);
    ck_assert_int_eq(host_file_read(path, 1 << 20, &bytes, &n, &error), 0);
    for (size_t cut = 0; cut < n; cut++) {
        write_file(bytes, cut);
        is_refused("cut", cut);
    }
    for (size_t bit = 0; bit < n * 8; bit += bit < 400 ? 1 : 3) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        write_file(bytes, n);
        if (!is_the_same()) {
            is_refused("bit", bit);
        }
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    bytes = realloc(bytes, n + 1);
    bytes[n] = 0;
    write_file(bytes, n + 1);
    is_refused("one byte more", n);
    free(bytes);
}
END_TEST

static const struct {
    const char *bytes;
    const char *sentence;
} foreign[] = {
    { "", "is no saved state of verdite" },
    { "v", "is cut short" },
    { "verdite state\r\n\x1a", "is cut short" },
    { "verdite state\n\n\x1a 0123456789012345678901234567890123456789", "is no saved state" },
    { "\x7f"
      "ELF and so on and so on and so on and so on",
      "is no saved state of verdite" },
};

START_TEST(foreign_files_are_refused_with_the_reason)
{
    struct thing things[2];
    struct error error = { "" };
    unsigned pages;

    write_file((const uint8_t *)foreign[_i].bytes, strlen(foreign[_i].bytes));
    ck_assert_int_eq(load(things, &pages, &error), -EINVAL);
    ck_assert_msg(strstr(error.text, foreign[_i].sentence) != NULL, "%s", error.text);
}
END_TEST

START_TEST(missing_and_unknown_sections_are_named)
{
    struct thing thing = { .n = 0 };
    struct state_timers timers = { .n = 0 };
    struct error error = { "" };
    int status;

    save(1, false);
    struct state_reader *reader = state_reader_open(path, &status, &error);
    ck_assert_ptr_nonnull(reader);
    ck_assert_int_eq(state_reader_section(reader, "nothing", &table, &thing, &timers, &error),
                     -EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "nothing: is missing"));
    ck_assert_int_eq(state_reader_section(reader, "thing", &table, &thing, &timers, &error), 0);
    ck_assert_int_eq(state_reader_all_known(reader, &error), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "other/thing: is unknown"));
    state_reader_close(reader);
}
END_TEST

START_TEST(a_page_that_nobody_takes_is_refused)
{
    struct error error = { "" };
    int status;
    unsigned pages = 0;
    struct state_writer *writer = state_writer_create(path, &error);

    state_writer_pages(writer, PAGES - 1, 2, memory);
    ck_assert_int_eq(state_writer_commit(writer, &error), 0);
    struct state_reader *reader = state_reader_open(path, &status, &error);
    ck_assert_ptr_nonnull(reader);
    ck_assert_int_eq(state_reader_pages(reader, put, &pages, &error), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "outside the machine's memory"));
    state_reader_close(reader);
}
END_TEST

START_TEST(what_was_there_stays_until_all_is_written)
{
    struct thing things[2] = { { .n = 0 }, { .n = 0 } };
    struct error error = { "" };
    unsigned pages;

    save(5, false);
    struct state_writer *writer = state_writer_create(path, &error);
    ck_assert_ptr_nonnull(writer);
    state_writer_section(writer, "half", &table, &things[0]);
    state_writer_abort(writer);
    ck_assert_int_eq(load(things, &pages, &error), 0);
    ck_assert_uint_eq(things[0].number, 5);
    save(6, false); /* and then it is replaced */
    ck_assert_int_eq(load(things, &pages, &error), 0);
    ck_assert_uint_eq(things[0].number, 6);
}
END_TEST

static const struct {
    const char *path;
    int code;
} no_places[] = {
    { "/nonexistent/folder/file", 0 },
    { "/dev/null", 0 }, /* never replaced by a file */
    { "/tmp", 0 },
};

START_TEST(where_no_file_can_be_is_an_error)
{
    struct error error = { "" };
    struct stat facts;

    ck_assert_ptr_null(state_writer_create(no_places[_i].path, &error));
    ck_assert_int_eq(strncmp(error.text, no_places[_i].path, strlen(no_places[_i].path)), 0);
    ck_assert(stat("/dev/null", &facts) == 0 && S_ISCHR(facts.st_mode));
}
END_TEST

static Suite *suite_state_file(void)
{
    Suite *suite = suite_create("base/state_file");
    TCase *cases = tcase_create("state_file");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, sections_and_pages_come_back);
    tcase_add_test(cases, every_cut_and_every_flipped_bit_is_refused);
    tcase_add_loop_test(cases, foreign_files_are_refused_with_the_reason, 0, ARRAY_SIZE(foreign));
    tcase_add_test(cases, missing_and_unknown_sections_are_named);
    tcase_add_test(cases, a_page_that_nobody_takes_is_refused);
    tcase_add_test(cases, what_was_there_stays_until_all_is_written);
    tcase_add_loop_test(cases, where_no_file_can_be_is_an_error, 0, ARRAY_SIZE(no_places));
    suite_add_tcase(suite, cases);
    return suite;
}

CHECK_MAIN(suite_state_file())
