/* Random bytes through our decoder, Zydis and Capstone in every mode. N=, SEED= from the
 * environment. */
#include "tests/check/cpu/decode/compare.h"

#include <stdio.h>
#include <string.h>

#include "tests/check/check_main.h"

static const unsigned mode_bits[] = { 16, 32, 64 };

static void compare_random(compare_fn *compare, unsigned bits, uint64_t n)
{
    uint64_t seed = environment_number("SEED", 1), state = seed * 1000003 + bits;

    for (uint64_t i = 0; i < n; i++) {
        uint8_t bytes[15];
        struct difference difference;

        random_bytes(&state, bytes);
        compare(bytes, sizeof(bytes), bits, &difference);
        if (difference.text[0] != '\0') {
            char text[640];
            difference_report(compare, bytes, sizeof(bytes), bits, text, sizeof(text));
            ck_abort_msg("%s", text);
        }
    }
}

START_TEST(random_bytes_decode_as_zydis_has_them)
{
    compare_random(zydis_compare, mode_bits[_i], environment_number("N", 300000));
}
END_TEST

START_TEST(random_bytes_decode_as_capstone_has_them)
{
    compare_random(capstone_compare, mode_bits[_i], environment_number("N", 30000));
}
END_TEST

/* What needs more bytes says so, and says the same once they are there. */
START_TEST(fewer_bytes_are_truncated_and_never_read_beyond)
{
    uint64_t state = environment_number("SEED", 1) + (uint64_t)_i;
    struct decode_mode mode = { (uint8_t)mode_bits[_i], true };

    for (unsigned i = 0; i < 100000; i++) {
        uint8_t bytes[15];
        struct insn whole, part;

        random_bytes(&state, bytes);
        enum decode_status status = decode_insn(bytes, 15, mode, &whole);
        ck_assert_int_ne(status, DECODE_TRUNCATED);
        size_t length = status == DECODE_OK ? whole.length : 15;
        ck_assert_uint_ge(length, 1);
        ck_assert_uint_le(length, 15);
        for (size_t n = 1; n < length; n++) {
            ck_assert_int_eq(decode_insn(bytes, n, mode, &part), DECODE_TRUNCATED);
        }
        if (status == DECODE_OK) {
            ck_assert_int_eq(decode_insn(bytes, length, mode, &part), DECODE_OK);
            ck_assert_int_eq(memcmp(&whole, &part, sizeof(whole)), 0);
        }
    }
}
END_TEST

START_TEST(text_of_any_instruction_fits_what_it_is_given)
{
    uint64_t state = 77 + (uint64_t)_i;
    struct decode_mode mode = { (uint8_t)mode_bits[_i], true };

    for (unsigned i = 0; i < 20000; i++) {
        uint8_t bytes[15];
        struct insn insn;
        char text[40] = "";

        random_bytes(&state, bytes);
        decode_insn(bytes, 15, mode, &insn);
        insn_print(&insn, state, text, 1 + i % 39);
        ck_assert_uint_le(strlen(text), i % 39);
    }
}
END_TEST

static Suite *suite_random(void)
{
    Suite *suite = suite_create("cpu/decode random");
    TCase *tcase = tcase_create("random");

    tcase_set_timeout(tcase, 3600);
    if (zydis_built_in()) {
        tcase_add_loop_test(tcase, random_bytes_decode_as_zydis_has_them, 0, 3);
    }
    if (capstone_built_in()) {
        tcase_add_loop_test(tcase, random_bytes_decode_as_capstone_has_them, 0, 3);
    }
    tcase_add_loop_test(tcase, fewer_bytes_are_truncated_and_never_read_beyond, 0, 3);
    tcase_add_loop_test(tcase, text_of_any_instruction_fits_what_it_is_given, 0, 3);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_random())
