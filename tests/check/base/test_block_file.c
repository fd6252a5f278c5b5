/* base/host/block_file: reads and writes that need not wait, between a file and memory in pieces. */
#include "base/host/block_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/check/check_main.h"

enum { BYTES = 1 << 16 };

static char path[] = "/tmp/block-file-XXXXXX";
static struct host_block_file file;
static uint8_t content[BYTES], got[BYTES];

static void setup(void)
{
    struct error error = { "" };
    int fd = mkstemp(path);

    for (unsigned i = 0; i < BYTES; i++) {
        content[i] = (uint8_t)(i * 7 + i / 256);
    }
    memset(got, 0, sizeof(got));
    ck_assert(fd >= 0 && write(fd, content, BYTES) == BYTES);
    (void)close(fd);
    ck_assert_int_eq(host_block_open(&file, path, HOST_BLOCK_WRITE, &error), 0);
}

static void teardown(void)
{
    host_block_close(&file);
    (void)unlink(path);
}

/* Where the host can tell that it would not wait, which it need not. */
START_TEST(pieces_are_filled_in_order)
{
    const struct host_piece pieces[] = { { got + 5000, 100 }, { got, 3000 }, { got + 6000, 5000 } };

    if (host_block_read_now(&file, 1000, pieces, 3, 50, 7000)) {
        ck_assert(memcmp(got + 5050, content + 1000, 50) == 0);
        ck_assert(memcmp(got, content + 1050, 3000) == 0);
        ck_assert(memcmp(got + 6000, content + 4050, 3950) == 0);
        ck_assert(got[5049] == 0 && got[6000 + 3950] == 0);
    }
}
END_TEST

START_TEST(pieces_are_written_in_order)
{
    const struct host_piece pieces[] = { { content + 9000, 10 }, { content + 100, 300 } };

    if (host_block_write_now(&file, 20000, pieces, 2, 4, 306)) {
        ck_assert_int_eq(host_block_read(&file, 20000, got, 306), 0);
        ck_assert(memcmp(got, content + 9004, 6) == 0 && memcmp(got + 6, content + 100, 300) == 0);
    }
}
END_TEST

START_TEST(what_is_not_all_there_is_not_done)
{
    const struct host_piece piece = { got, BYTES };
    struct host_piece many[2 * HOST_PIECES_MAX];

    ck_assert(!host_block_read_now(&file, BYTES - 100, &piece, 1, 0, 200)); /* the file ends */
    ck_assert(!host_block_read_now(&file, 0, &piece, 1, 10, BYTES));        /* the pieces do */
    for (unsigned i = 0; i < ARRAY_SIZE(many); i++) {
        many[i] = (struct host_piece){ got + 2 * i, 1 };
    }
    ck_assert(!host_block_read_now(&file, 0, many, ARRAY_SIZE(many), 0, ARRAY_SIZE(many)));
    ck_assert(!host_block_write_now(&file, 0, many, ARRAY_SIZE(many), 0, ARRAY_SIZE(many)));
}
END_TEST

/* After one that took long. */
START_TEST(patience_ends)
{
    const struct host_piece piece = { content, 512 };

    file.haste.patient_until = UINT64_MAX;
    ck_assert(!host_block_write_now(&file, 0, &piece, 1, 0, 512));
    file.haste.patient_until = 0;
    bool can = host_block_write_now(&file, 0, &piece, 1, 0, 512);
    ck_assert(can || !file.haste.no_write);
}
END_TEST

static Suite *suite_block_file(void)
{
    Suite *suite = suite_create("base/host/block_file");
    TCase *tcase = tcase_create("now");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, pieces_are_filled_in_order);
    tcase_add_test(tcase, pieces_are_written_in_order);
    tcase_add_test(tcase, what_is_not_all_there_is_not_done);
    tcase_add_test(tcase, patience_ends);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_block_file())
