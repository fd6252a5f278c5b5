/* Every operation has its facts: a judge, sane flags; blocks end where they must. */
#include "cpu/decode/op_info.h"

#include <stdio.h>
#include <string.h>

#include "tests/check/check_main.h"

START_TEST(every_operation_names_its_judge)
{
    for (unsigned op = 0; op < OP_COUNT; op++) {
        const struct op_info *info = &op_info[op];

        ck_assert_ptr_nonnull(info->name);
        ck_assert_msg(info->oracle != ORACLE_NONE, "%s has no oracle", info->name);
        if (info->oracle != ORACLE_HOST) {
            ck_assert_msg(info->note != NULL && strlen(info->note) > 4,
                          "%s: the oracle needs a note", info->name);
        }
    }
}
END_TEST

START_TEST(a_named_test_exists)
{
    for (unsigned op = 0; op < OP_COUNT; op++) {
        char path[160];
        FILE *file;

        if (op_info[op].oracle != ORACLE_TEST) {
            continue;
        }
        snprintf(path, sizeof(path), "tests/check/%s.c", op_info[op].note);
        file = fopen(path, "r");
        ck_assert_msg(file != NULL, "%s: no %s", op_info[op].name, path);
        fclose(file);
    }
}
END_TEST

START_TEST(undefined_flags_are_written)
{
    for (unsigned op = 0; op < OP_COUNT; op++) {
        ck_assert_msg((op_info[op].flags_undefined & ~op_info[op].flags_written) == 0, "%s",
                      op_info[op].name);
    }
}
END_TEST

START_TEST(branches_end_blocks)
{
    for (unsigned op = 0; op < OP_COUNT; op++) {
        bool branches = op_info[op].family == FAMILY_BRANCH || op_info[op].family == FAMILY_FAR;
        ck_assert_msg(!branches || op_info[op].ends_block, "%s", op_info[op].name);
    }
    ck_assert(!op_info[OP_MOVS].ends_block);
    ck_assert(op_info[OP_STI].ends_block);
    ck_assert(!op_info[OP_CLI].ends_block);
}
END_TEST

static Suite *suite_op_info(void)
{
    Suite *suite = suite_create("cpu/decode/op_info");
    TCase *tcase = tcase_create("rows");

    tcase_add_test(tcase, every_operation_names_its_judge);
    tcase_add_test(tcase, a_named_test_exists);
    tcase_add_test(tcase, undefined_flags_are_written);
    tcase_add_test(tcase, branches_end_blocks);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_op_info())
