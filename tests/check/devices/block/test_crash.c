/* Crash images of every type: a few; make check-crash makes thousands. */
#include "tests/support/image_crash.h"

#include "tests/check/check_main.h"

START_TEST(what_was_flushed_is_there_after_a_crash)
{
    char text[600] = "";
    ck_assert_msg(crash_run(&crash_kinds[_i], 40, 1, text, sizeof(text)) == 0, "%s", text);
}
END_TEST

static Suite *suite_crash(void)
{
    Suite *suite = suite_create("devices/block/crash");
    TCase *tcase = tcase_create("crash");
    tcase_add_loop_test(tcase, what_was_flushed_is_there_after_a_crash, 0, (int)crash_kind_n);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_crash())
