/* Random programs of hypercalls and MSR accesses leave the hypervisor whole. */
#include <stdlib.h>

#include "tests/check/check_main.h"
#include "tests/check/partitions/hv/hv_random.h"

enum { PROGRAMS = 40, PROGRAM_BYTES = 4000 };

/* xorshift64*: the same programs on every host */
static void fill(uint8_t *data, size_t size, uint64_t seed)
{
    uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;

    for (size_t i = 0; i < size; i++) {
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        data[i] = (uint8_t)(x * UINT64_C(0x2545f4914f6cdd1d) >> 56);
    }
}

static void run(void (*program)(const uint8_t *, size_t), uint64_t base)
{
    uint8_t *data = malloc(PROGRAM_BYTES);

    ck_assert_ptr_nonnull(data);
    for (uint64_t i = 0; i < PROGRAMS; i++) {
        fill(data, PROGRAM_BYTES, base + i);
        program(data, PROGRAM_BYTES);
    }
    free(data);
}

START_TEST(random_hypercalls_keep_the_invariants)
{
    run(hv_random_calls, 1000);
}
END_TEST

START_TEST(random_registers_keep_the_invariants)
{
    run(hv_random_msrs, 5000);
}
END_TEST

static Suite *suite_random(void)
{
    Suite *suite = suite_create("partitions/hv/random");
    TCase *tc = tcase_create("random");

    tcase_add_test(tc, random_hypercalls_keep_the_invariants);
    tcase_add_test(tc, random_registers_keep_the_invariants);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(suite_random())
