/* Every operation has its facts: a judge, sane flags; blocks end where they must. */
#include "cpu/decode/op_info.h"

#include <stdio.h>
#include <string.h>

#include "tests/check/check_main.h"
#include "tests/check/cpu/decode/compare.h"

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

struct seen {
    uint64_t reads, writes, undefined;
    bool any;
};

static void see(struct seen seen[OP_COUNT])
{
    static const unsigned bits[] = { 16, 32, 64 };
    uint64_t state = 5;

    for (unsigned i = 0; i < 600000; i++) {
        uint8_t bytes[15];
        struct insn insn;
        uint64_t reads, writes, undefined;
        unsigned mode = bits[i % 3];

        random_bytes(&state, bytes);
        if (decode_insn(bytes, 15, (struct decode_mode){ (uint8_t)mode, true }, &insn) ==
                DECODE_OK &&
            zydis_flags(bytes, mode, &reads, &writes, &undefined)) {
            seen[insn.op].reads |= reads;
            seen[insn.op].writes |= writes;
            seen[insn.op].undefined |= undefined;
            seen[insn.op].any = true;
        }
    }
}

/* Where our rows say more or other than Zydis, and why. */
static bool zydis_differs(unsigned op)
{
    switch (op) {
    case OP_SBB: /* AF is defined [SDM 2 SBB] */
    case OP_SHL: /* CF is undefined when the count reaches the size, all flags of SHLD likewise */
    case OP_SHR:
    case OP_SHLD:
    case OP_SHRD:
    case OP_CMPS: /* REPE looks at ZF only after it has written it */
    case OP_SCAS:
    case OP_INT: /* an interrupt pushes all flags */
    case OP_INT3:
    case OP_INTO:
    case OP_INT1:
    case OP_IRET:    /* to an outer level or task: NT, VM, IOPL decide */
    case OP_SYSCALL: /* R11 */
    case OP_SYSENTER:
    case OP_BEXTR:  /* CF and OF are cleared [SDM 2 BEXTR] */
    case OP_VMCALL: /* VMfail: not for what a hypervisor answers */
        return true;
    default:
        return false;
    }
}

START_TEST(flags_are_as_zydis_has_them)
{
    struct seen seen[OP_COUNT] = { 0 };
    const uint64_t mask = FLAGS_ARITH | FLAG_DF;

    see(seen);
    for (unsigned op = 0; op < OP_COUNT; op++) {
        const struct op_info *info = &op_info[op];
        if (op == OP_UD || !seen[op].any || zydis_differs(op)) {
            continue;
        }
        ck_assert_msg((info->flags_read & mask) == (seen[op].reads & mask) &&
                          (info->flags_written & mask) == (seen[op].writes & mask) &&
                          (info->flags_undefined & mask) == (seen[op].undefined & mask),
                      "%s: reads %x Zydis %x, writes %x %x, undefined %x %x", info->name,
                      info->flags_read & (unsigned)mask, (unsigned)(seen[op].reads & mask),
                      info->flags_written & (unsigned)mask, (unsigned)(seen[op].writes & mask),
                      info->flags_undefined & (unsigned)mask,
                      (unsigned)(seen[op].undefined & mask));
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
    if (zydis_built_in()) {
        tcase_add_test(tcase, flags_are_as_zydis_has_them);
    }
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_op_info())
