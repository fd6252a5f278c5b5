/* Text in a buffer: what does not fit is cut, and the end is always there. */
#include <string.h>

#include "base/text.h"
#include "tests/check/check_main.h"

START_TEST(grows)
{
    char bytes[16];
    struct text text = text_in(bytes, sizeof(bytes));

    ck_assert_str_eq(bytes, "");
    text_add(&text, "%d", 12);
    text_add(&text, "-%s", "ab");
    ck_assert_str_eq(bytes, "12-ab");
    ck_assert_uint_eq(text.n, 5);
}
END_TEST

/* The longest that fits, one more, and far more; behind the buffer nothing changes. */
START_TEST(is_cut)
{
    static const char long_text[] = "0123456789abcdef";
    char bytes[9];

    for (unsigned n = 7; n <= 16; n++) {
        unsigned kept = n < 7 ? n : 7;
        memset(bytes, '#', sizeof(bytes));
        struct text text = text_in(bytes, 8);
        text_add(&text, "%.*s", (int)n, long_text);
        ck_assert_uint_eq(text.n, kept);
        ck_assert_uint_eq(strlen(bytes), kept);
        ck_assert_int_eq(strncmp(bytes, long_text, kept), 0);
        text_add(&text, "more");
        ck_assert_uint_eq(text.n, 7);
        ck_assert_int_eq(bytes[8], '#');
    }
}
END_TEST

static Suite *suite_text(void)
{
    Suite *suite = suite_create("text");
    TCase *tcase = tcase_create("text");

    tcase_add_test(tcase, grows);
    tcase_add_test(tcase, is_cut);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_text())
