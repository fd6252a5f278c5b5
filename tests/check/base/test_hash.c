/* base/hash.h: every bit and the order matter, on every host the same. */
#include "base/hash.h"

#include <check.h>
#include <string.h>

#include "tests/check/check_main.h"

static uint64_t of(const void *bytes, size_t n)
{
    struct hash hash;

    hash_init(&hash);
    hash_bytes(&hash, bytes, n);
    return hash_value(&hash);
}

START_TEST(each_flipped_bit_gives_another_hash_with_about_half_of_its_bits_flipped)
{
    uint8_t bytes[40] = { 1, 2, 3 };
    uint64_t plain = of(bytes, sizeof(bytes));
    unsigned flipped = 0;

    for (unsigned bit = 0; bit < 8 * sizeof(bytes); bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        uint64_t other = of(bytes, sizeof(bytes));
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        int n = __builtin_popcountll(plain ^ other);
        ck_assert_msg(n > 8 && n < 56, "bit %u flips %d", bit, n);
        flipped += (unsigned)n;
    }
    ck_assert_uint_gt(flipped, 28 * 8 * sizeof(bytes));
    ck_assert_uint_lt(flipped, 36 * 8 * sizeof(bytes));
}
END_TEST

START_TEST(order_length_and_zeros_matter)
{
    static const uint8_t zeros[16];
    struct hash a, b;

    hash_init(&a);
    hash_init(&b);
    ck_assert_uint_eq(hash_value(&a), hash_value(&b));
    hash_word(&a, 1);
    hash_word(&a, 2);
    hash_word(&b, 2);
    hash_word(&b, 1);
    ck_assert_uint_ne(hash_value(&a), hash_value(&b));
    for (size_t n = 0; n < 16; n++) {
        ck_assert_uint_ne(of(zeros, n), of(zeros, n + 1));
    }
}
END_TEST

/* Worked out by a program in another language from the header's text. */
START_TEST(known_values)
{
    ck_assert_uint_eq(of("", 0), UINT64_C(0x778cd3ef81083cf5));
    ck_assert_uint_eq(of("verdite", 7), UINT64_C(0xb877680f4ae7a07f));
}
END_TEST

static Suite *suite_hash(void)
{
    Suite *suite = suite_create("hash");
    TCase *tcase = tcase_create("hash");

    tcase_add_test(tcase, each_flipped_bit_gives_another_hash_with_about_half_of_its_bits_flipped);
    tcase_add_test(tcase, order_length_and_zeros_matter);
    tcase_add_test(tcase, known_values);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_hash())
