/* RCPPS and RSQRTPS: the manual's error bound, special operands, and a few bits written out. [SDM 2
 * RCPPS, RSQRTPS] */
#include <string.h>

#include "cpu/exec/fp_ops.h"
#include "tests/check/check_main.h"
#include "tests/check/cpu/exec/fp_random.h"

static double value_of(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof(value));
    return (double)value;
}

static const double bound = 1.5 / 4096;

START_TEST(the_error_is_within_the_bound)
{
    uint64_t seed = fp_env_number("SEED", 1);

    for (unsigned long n = fp_env_number("N", 100000); n > 0; n--) {
        /* exponents whose reciprocal is normal */
        uint32_t bits = (uint32_t)(fp_random(&seed) % 0x7e000000) + 0x00800000;
        double x = value_of(bits), r = value_of(fp_ops_soft.f32_rcp(bits)),
               s = value_of(fp_ops_soft.f32_rsqrt(bits));

        ck_assert_msg(x * r - 1 <= bound && x * r - 1 >= -bound, "rcp %08x", bits);
        /* (1 + e)^2 is 1 + 2e and a little */
        ck_assert_msg(x * s * s - 1 <= 2 * bound && x * s * s - 1 >= -2 * bound, "rsqrt %08x",
                      bits);
        ck_assert_uint_eq(fp_ops_soft.f32_rcp(bits | 0x80000000),
                          fp_ops_soft.f32_rcp(bits) | 0x80000000);
    }
}
END_TEST

/* operand, RCPPS, RSQRTPS */
static const uint32_t special[][3] = {
    { 0x00000000, 0x7f800000, 0x7f800000 }, /* 0 */
    { 0x80000000, 0xff800000, 0xff800000 },
    { 0x00000001, 0x7f800000, 0x7f800000 }, /* denormal: as 0 */
    { 0x807fffff, 0xff800000, 0xff800000 },
    { 0x7f800000, 0x00000000, 0x00000000 }, /* infinity */
    { 0xff800000, 0x80000000, 0xffc00000 },
    { 0x7fc00001, 0x7fc00001, 0x7fc00001 }, /* NaN */
    { 0x7f800001, 0x7fc00001, 0x7fc00001 },
    { 0xff800002, 0xffc00002, 0xffc00002 },
    { 0x3f800000, 0x3f800000, 0x3f800000 }, /* 1 */
    { 0xbf800000, 0xbf800000, 0xffc00000 },
    { 0x40000000, 0x3f000000, 0x3f350800 }, /* 2: 0.70710678 in 13 bits: 5793 / 8192 */
    { 0x40800000, 0x3e800000, 0x3f000000 }, /* 4 */
    { 0x40400000, 0x3eaaa800, 0x3f13d000 }, /* 3: 5461 / 16384; 4730 / 8192 */
    { 0x7e800000, 0x00800000, 0x20000000 }, /* the reciprocal is the least normal */
    { 0x7e900000, 0x00000000, 0x1ff15800 }, /* and below it */
};

START_TEST(special_operands)
{
    ck_assert_uint_eq(fp_ops_soft.f32_rcp(special[_i][0]), special[_i][1]);
    ck_assert_uint_eq(fp_ops_soft.f32_rsqrt(special[_i][0]), special[_i][2]);
    ck_assert_uint_eq(fp_ops_default()->f32_rcp(special[_i][0]), special[_i][1]);
    ck_assert_uint_eq(fp_ops_default()->f32_rsqrt(special[_i][0]), special[_i][2]);
}
END_TEST

static Suite *suite_fp_approx(void)
{
    Suite *suite = suite_create("cpu/exec/fp_approx");
    TCase *approx = tcase_create("approx");

    tcase_add_test(approx, the_error_is_within_the_bound);
    tcase_add_loop_test(approx, special_operands, 0, (int)(sizeof(special) / sizeof(special[0])));
    suite_add_tcase(suite, approx);
    return suite;
}

CHECK_MAIN(suite_fp_approx())
