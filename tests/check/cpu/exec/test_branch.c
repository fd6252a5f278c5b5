/* Near branches: conditions, targets, their checks and what a refused one leaves. */
#include <check.h>

#include "cpu/exec/flags.h"
#include "tests/check/check_main.h"
#include "tests/check/cpu/exec/core_fixture.h"

/* Every condition on every combination of flags, by the formulas of SDM 1 B.1. */
START_TEST(jcc_jumps_when_its_condition_holds)
{
    struct core_fixture *f = core_fixture_create(FIXTURE_LONG);

    for (unsigned bits = 0; bits < 32; bits++) {
        bool cf = bits & 1, zf = bits & 2, sf = bits & 4, of = bits & 8, pf = bits & 16;
        const bool met[8] = { of, cf, zf, cf || zf, sf, pf, sf != of, zf || sf != of };

        for (unsigned code = 0; code < 16; code++) {
            uint8_t near[6] = { 0x0f, (uint8_t)(0x80 | code), 0x00, 0xff, 0xff, 0xff };
            uint8_t brief[2] = { (uint8_t)(0x70 | code), 0x10 };
            bool jumps = met[code / 2] != (code & 1);

            core_rflags_set(&f->core, (cf ? FLAG_CF : 0) | (zf ? FLAG_ZF : 0) | (sf ? FLAG_SF : 0) |
                                          (of ? FLAG_OF : 0) | (pf ? FLAG_PF : 0));
            ck_assert_int_eq(core_fixture_run(f, near, 6), UNWIND_NONE);
            ck_assert_uint_eq(f->core.state.gpr[REG_RIP], FIXTURE_CODE + 6 - (jumps ? 0x100 : 0));
            ck_assert_int_eq(core_fixture_run(f, brief, 2), UNWIND_NONE);
            ck_assert_uint_eq(f->core.state.gpr[REG_RIP], FIXTURE_CODE + 2 + (jumps ? 0x10 : 0));
        }
    }
    core_fixture_destroy(f);
}
END_TEST

/* RBX holds target; memory at RSI and the top of the stack too. */
static const struct branch {
    const char *hex;
    enum fixture_mode mode;
    uint64_t target, rip; /* rip 0: #GP */
    int stack;            /* bytes that RSP moved */
} branches[] = {
    { "eb 10", FIXTURE_LONG, 0, FIXTURE_CODE + 0x12, 0 },
    { "e9 00 01 00 00", FIXTURE_LONG, 0, FIXTURE_CODE + 0x105, 0 },
    { "e8 00 01 00 00", FIXTURE_LONG, 0, FIXTURE_CODE + 0x105, -8 },
    { "ff e3", FIXTURE_LONG, 0x7fffffffffff, 0x7fffffffffff, 0 },
    { "ff e3", FIXTURE_LONG, UINT64_C(1) << 47, 0, 0 },
    { "ff 26", FIXTURE_LONG, 0x123456789, 0x123456789, 0 },
    { "ff d3", FIXTURE_LONG, 0x123456789, 0x123456789, -8 },
    { "ff d3", FIXTURE_LONG, UINT64_C(1) << 63, 0, 0 },
    { "ff 16", FIXTURE_LONG, UINT64_C(0xffff800000000000), UINT64_C(0xffff800000000000), -8 },
    { "c3", FIXTURE_LONG, 0x123456789, 0x123456789, 8 },
    { "c2 10 00", FIXTURE_LONG, 0x123456789, 0x123456789, 24 },
    { "c3", FIXTURE_LONG, UINT64_C(1) << 50, 0, 0 },
    { "e9 00 01 00 00", FIXTURE_FLAT32, 0, FIXTURE_CODE + 0x105, 0 },
    { "66 e9 00 f0", FIXTURE_FLAT32, 0, (FIXTURE_CODE + 4 + 0xf000) & 0xffff, 0 },
    { "e8 00 00 ff ff", FIXTURE_FLAT32, 0, (uint32_t)(FIXTURE_CODE + 5 - 0x10000), -4 },
    { "ff e3", FIXTURE_FLAT32, 0x12345678, 0x12345678, 0 },
    { "66 ff e3", FIXTURE_FLAT32, 0x12345678, 0x5678, 0 },
    { "66 ff d3", FIXTURE_FLAT32, 0x12345678, 0x5678, -2 },
    { "ff 16", FIXTURE_FLAT32, 0x12345678, 0x12345678, -4 },
    { "c3", FIXTURE_FLAT32, 0x12345678, 0x12345678, 4 },
    { "66 c3", FIXTURE_FLAT32, 0x12345678, 0x5678, 2 },
    { "e9 00 90", FIXTURE_REAL, 0, (FIXTURE_CODE + 3 + 0x9000) & 0xffff, 0 }, /* wraps at 64K */
    { "e8 00 90", FIXTURE_REAL, 0, (FIXTURE_CODE + 3 + 0x9000) & 0xffff, -2 },
    { "66 e9 00 00 01 00", FIXTURE_REAL, 0, 0, 0 }, /* beyond the limit of 64K */
    { "66 ff e3", FIXTURE_REAL, 0x10000, 0, 0 },
    { "66 ff d3", FIXTURE_REAL, 0x10000, 0, 0 },
    { "66 c3", FIXTURE_REAL, 0x10000, 0, 0 },
    { "66 ff e3", FIXTURE_REAL, 0x1234, 0x1234, 0 },
    { "c3", FIXTURE_REAL, 0x1234, 0x1234, 2 },
};

START_TEST(branches_reach_their_target_or_change_nothing)
{
    const struct branch *b = &branches[_i];
    struct core_fixture *f = core_fixture_create(b->mode);
    uint64_t *gpr = f->core.state.gpr;

    gpr[REG_RBX] = b->target;
    gpr[REG_RSI] = FIXTURE_DATA;
    core_fixture_write(f, FIXTURE_DATA, 8, b->target);
    core_fixture_write(f, FIXTURE_STACK, 8, b->target);
    if (b->rip == 0) {
        ck_assert(core_fixture_faults(f, b->hex, VECTOR_GP));
        ck_assert_uint_eq(f->core.fault.error, 0);
        ck_assert_uint_eq(gpr[REG_RSP], FIXTURE_STACK);
    } else {
        ck_assert_int_eq(core_fixture_run_hex(f, b->hex), UNWIND_NONE);
        ck_assert_uint_eq(gpr[REG_RIP], b->rip);
        ck_assert_uint_eq(gpr[REG_RSP], (uint64_t)(FIXTURE_STACK + b->stack));
    }
    if (b->stack < 0) {
        unsigned length = 0;
        for (const char *hex = b->hex; *hex != '\0'; hex++) {
            length += *hex == ' ';
        }
        ck_assert_uint_eq(core_fixture_read(f, gpr[REG_RSP], (unsigned)-b->stack),
                          FIXTURE_CODE + length + 1);
    }
    core_fixture_destroy(f);
}
END_TEST

static const struct loop {
    const char *hex;
    uint64_t rcx, flags, rcx_after;
    bool jumps;
} loops[] = {
    { "e2 10", 2, 0, 1, true },
    { "e2 10", 1, 0, 0, false },
    { "e2 10", 0, 0, UINT64_MAX, true },
    { "67 e2 10", UINT64_C(0x500000001), 0, 0, false }, /* ECX; the write zero-extends */
    { "67 e2 10", UINT64_C(0x500000000), 0, UINT32_MAX, true },
    { "e1 10", 2, FLAG_ZF, 1, true },
    { "e1 10", 2, 0, 1, false },
    { "e0 10", 2, FLAG_ZF, 1, false },
    { "e0 10", 2, 0, 1, true },
    { "e0 10", 1, 0, 0, false },
    { "e3 10", 0, 0, 0, true },
    { "e3 10", UINT64_C(1) << 32, 0, UINT64_C(1) << 32, false },
    { "67 e3 10", UINT64_C(1) << 32, 0, UINT64_C(1) << 32, true },
};

START_TEST(loops_count_in_the_address_size)
{
    const struct loop *l = &loops[_i];
    struct core_fixture *f = core_fixture_create(FIXTURE_LONG);
    uint64_t next = FIXTURE_CODE + (l->hex[0] == '6' ? 3 : 2);

    f->core.state.gpr[REG_RCX] = l->rcx;
    core_rflags_set(&f->core, l->flags);
    ck_assert_int_eq(core_fixture_run_hex(f, l->hex), UNWIND_NONE);
    ck_assert_uint_eq(f->core.state.gpr[REG_RCX], l->rcx_after);
    ck_assert_uint_eq(f->core.state.gpr[REG_RIP], next + (l->jumps ? 0x10 : 0));
    ck_assert_uint_eq(core_rflags(&f->core), l->flags | FLAG_ONE);
    core_fixture_destroy(f);
}
END_TEST

START_TEST(bound_raises_br_outside_signed_bounds)
{
    static const struct {
        uint32_t index;
        bool inside;
    } rows[] = {
        { (uint32_t)-5, true }, { (uint32_t)-6, false }, { 9, true }, { 10, false }, { 0, true }
    };
    struct core_fixture *f = core_fixture_create(FIXTURE_FLAT32);

    core_fixture_write(f, FIXTURE_DATA, 4, (uint32_t)-5);
    core_fixture_write(f, FIXTURE_DATA + 4, 4, 9);
    f->core.state.gpr[REG_RSI] = FIXTURE_DATA;
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        f->core.state.gpr[REG_RAX] = rows[i].index;
        if (rows[i].inside) {
            ck_assert_int_eq(core_fixture_run_hex(f, "62 06"), UNWIND_NONE);
            ck_assert_uint_eq(f->core.state.gpr[REG_RIP], FIXTURE_CODE + 2);
        } else {
            ck_assert(core_fixture_faults(f, "62 06", VECTOR_BR));
        }
    }
    core_fixture_destroy(f);
}
END_TEST

static Suite *suite_branch(void)
{
    Suite *suite = suite_create("cpu/exec/branch.c");
    TCase *tcase = tcase_create("branch");

    tcase_add_test(tcase, jcc_jumps_when_its_condition_holds);
    tcase_add_loop_test(tcase, branches_reach_their_target_or_change_nothing, 0,
                        (int)ARRAY_SIZE(branches));
    tcase_add_loop_test(tcase, loops_count_in_the_address_size, 0, (int)ARRAY_SIZE(loops));
    tcase_add_test(tcase, bound_raises_br_outside_signed_bounds);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_branch())
