/* String operations: widths, direction, repetition, what a fault or an interruption leaves. */
#include <check.h>
#include <string.h>

#include "cpu/exec/flags.h"
#include "tests/check/check_main.h"
#include "tests/check/cpu/exec/core_fixture.h"

enum { FROM = FIXTURE_DATA, TO = FIXTURE_DATA + 0x1800, LENGTH = 0x1800 };

static struct core_fixture *start(enum fixture_mode mode, uint64_t rcx)
{
    struct core_fixture *f = core_fixture_create(mode);

    for (unsigned i = 0; i < LENGTH; i++) {
        *core_fixture_at(f, FROM + i) = (uint8_t)(i * 7 + (i >> 8));
    }
    f->core.state.gpr[REG_RSI] = FROM;
    f->core.state.gpr[REG_RDI] = TO;
    f->core.state.gpr[REG_RCX] = rcx;
    f->core.budget = 1000000;
    return f;
}

/* Again as long as it asks to run again. */
static enum core_unwind run_through(struct core_fixture *f, const char *hex)
{
    enum core_unwind how;

    do {
        how = core_fixture_run_hex(f, hex);
    } while (how == UNWIND_RESTART);
    return how;
}

/* Copies of every width and mode, upward and downward. */
static const struct copy {
    const char *hex;
    enum fixture_mode mode;
    unsigned size, count;
    bool down;
} copies[] = {
    { "f3 a4", FIXTURE_LONG, 1, 0x1234, false },    { "f3 66 a5", FIXTURE_LONG, 2, 0x8f1, false },
    { "f3 a5", FIXTURE_LONG, 4, 0x401, false },     { "f3 48 a5", FIXTURE_LONG, 8, 0x203, false },
    { "f3 a4", FIXTURE_LONG, 1, 0x234, true },      { "f3 48 a5", FIXTURE_LONG, 8, 0x203, true },
    { "f3 a4", FIXTURE_FLAT32, 1, 0x1234, false },  { "f3 a5", FIXTURE_FLAT32, 4, 0x401, false },
    { "f3 a4", FIXTURE_REAL, 1, 0x1234, false },    { "f3 a5", FIXTURE_REAL, 2, 0x8f1, false },
    { "f3 66 a5", FIXTURE_REAL, 4, 0x401, false },  { "f3 a4", FIXTURE_LONG, 1, 0, false },
    { "f3 67 a4", FIXTURE_LONG, 1, 0x1234, false }, { "f3 67 66 a5", FIXTURE_REAL, 4, 0x401, true },
};

START_TEST(rep_movs_copies_and_leaves_registers_behind_the_ends)
{
    const struct copy *c = &copies[_i];
    struct core_fixture *f = start(c->mode, c->count);
    uint64_t *gpr = f->core.state.gpr, bytes = (uint64_t)c->size * c->count,
             retired = f->core.retired;
    uint64_t delta = c->down ? 0 - bytes : bytes;

    if (c->down) {
        core_rflags_set(&f->core, FLAG_DF);
        gpr[REG_RSI] = FROM + bytes - c->size;
        gpr[REG_RDI] = TO + bytes - c->size;
    }
    uint64_t rsi = gpr[REG_RSI], rdi = gpr[REG_RDI];
    ck_assert_int_eq(run_through(f, c->hex), UNWIND_NONE);
    ck_assert_mem_eq(core_fixture_at(f, FROM), core_fixture_at(f, TO), bytes);
    ck_assert_uint_eq(*core_fixture_at(f, TO + bytes), 0);
    ck_assert_uint_eq(gpr[REG_RSI], rsi + delta);
    ck_assert_uint_eq(gpr[REG_RDI], rdi + delta);
    ck_assert_uint_eq(gpr[REG_RCX], 0);
    /* The block counts one for the instruction itself. */
    ck_assert_uint_eq(f->core.retired - retired, c->count == 0 ? 0 : c->count - 1);
    core_fixture_destroy(f);
}
END_TEST

/* Overlap upward repeats the pattern; the element width decides. */
START_TEST(overlapping_rep_movs_propagates_element_by_element)
{
    static const struct {
        const char *hex;
        unsigned size;
    } forms[] = { { "f3 a4", 1 }, { "f3 66 a5", 2 }, { "f3 a5", 4 }, { "f3 48 a5", 8 } };

    for (unsigned i = 0; i < ARRAY_SIZE(forms); i++) {
        for (unsigned distance = 1; distance < 20; distance++) {
            unsigned size = forms[i].size, count = 64 / size;
            struct core_fixture *f = start(FIXTURE_LONG, count);
            uint8_t expected[128];

            memcpy(expected, core_fixture_at(f, FROM), sizeof(expected));
            for (unsigned j = 0; j < count; j++) {
                uint8_t element[8];
                memcpy(element, expected + j * size, size);
                memcpy(expected + distance + j * size, element, size);
            }
            f->core.state.gpr[REG_RDI] = FROM + distance;
            ck_assert_int_eq(run_through(f, forms[i].hex), UNWIND_NONE);
            ck_assert_mem_eq(core_fixture_at(f, FROM), expected, sizeof(expected));
            core_fixture_destroy(f);
        }
    }
}
END_TEST

START_TEST(rep_stos_fills_with_every_width)
{
    static const struct {
        const char *hex;
        unsigned size;
    } forms[] = { { "f3 aa", 1 }, { "f3 66 ab", 2 }, { "f3 ab", 4 }, { "f3 48 ab", 8 } };
    const uint64_t pattern = UINT64_C(0x8877665544332211);

    for (unsigned i = 0; i < ARRAY_SIZE(forms); i++) {
        unsigned size = forms[i].size, count = 0x1103 / size;
        struct core_fixture *f = start(FIXTURE_LONG, count);

        f->core.state.gpr[REG_RAX] = pattern;
        ck_assert_int_eq(run_through(f, forms[i].hex), UNWIND_NONE);
        for (unsigned j = 0; j < count; j++) {
            ck_assert_mem_eq(core_fixture_at(f, TO + j * size), &pattern, size);
        }
        ck_assert_uint_eq(*core_fixture_at(f, TO + count * size), 0);
        ck_assert_uint_eq(f->core.state.gpr[REG_RDI], TO + count * size);
        core_fixture_destroy(f);
    }
}
END_TEST

START_TEST(repe_cmps_stops_behind_the_first_difference)
{
    struct core_fixture *f = start(FIXTURE_LONG, 0x1400);

    memcpy(core_fixture_at(f, TO), core_fixture_at(f, FROM), LENGTH);
    *core_fixture_at(f, TO + 0x1234) = (uint8_t)(*core_fixture_at(f, FROM + 0x1234) + 1);
    ck_assert_int_eq(run_through(f, "f3 a6"), UNWIND_NONE);
    ck_assert_uint_eq(f->core.state.gpr[REG_RSI], FROM + 0x1235);
    ck_assert_uint_eq(f->core.state.gpr[REG_RDI], TO + 0x1235);
    ck_assert_uint_eq(f->core.state.gpr[REG_RCX], 0x1400 - 0x1235);
    ck_assert(!flag_zf(&f->core));
    ck_assert(flag_cf(&f->core)); /* source below destination */
    f->core.state.gpr[REG_RCX] = 0;
    core_rflags_set(&f->core, FLAG_OF);
    ck_assert_int_eq(run_through(f, "f3 a6"), UNWIND_NONE);
    ck_assert_uint_eq(core_rflags(&f->core), FLAG_OF | FLAG_ONE); /* no iteration: flags stay */
    core_fixture_destroy(f);
}
END_TEST

START_TEST(repne_scas_finds_and_repe_scas_skips)
{
    struct core_fixture *f = start(FIXTURE_LONG, 0x1100);
    uint64_t *gpr = f->core.state.gpr;

    *core_fixture_at(f, TO + 0x1010) = 0x5a;
    gpr[REG_RAX] = 0x5a;
    ck_assert_int_eq(run_through(f, "f2 ae"), UNWIND_NONE);
    ck_assert_uint_eq(gpr[REG_RDI], TO + 0x1011);
    ck_assert(flag_zf(&f->core));
    gpr[REG_RDI] = TO;
    gpr[REG_RCX] = 0x1100;
    gpr[REG_RAX] = 0;
    ck_assert_int_eq(run_through(f, "f3 48 af"), UNWIND_NONE);
    ck_assert_uint_eq(gpr[REG_RDI], TO + 0x1018);
    ck_assert(!flag_zf(&f->core));
    core_fixture_destroy(f);
}
END_TEST

START_TEST(lods_and_single_operations_step_once)
{
    struct core_fixture *f = start(FIXTURE_LONG, 3);
    uint64_t *gpr = f->core.state.gpr;

    gpr[REG_RAX] = UINT64_MAX;
    ck_assert_int_eq(core_fixture_run_hex(f, "ad"), UNWIND_NONE);
    ck_assert_uint_eq(gpr[REG_RAX], 0x150e0700);
    ck_assert_uint_eq(gpr[REG_RSI], FROM + 4);
    core_rflags_set(&f->core, FLAG_DF);
    ck_assert_int_eq(core_fixture_run_hex(f, "48 ab"), UNWIND_NONE);
    ck_assert_uint_eq(core_fixture_read(f, TO, 8), 0x150e0700);
    ck_assert_uint_eq(gpr[REG_RDI], TO - 8);
    core_rflags_set(&f->core, 0);
    ck_assert_int_eq(run_through(f, "f3 ac"), UNWIND_NONE);
    ck_assert_uint_eq(gpr[REG_RAX] & 0xff, 6 * 7);
    ck_assert_uint_eq(gpr[REG_RSI], FROM + 7);
    ck_assert_uint_eq(gpr[REG_RCX], 0);
    core_fixture_destroy(f);
}
END_TEST

START_TEST(a_fault_leaves_the_completed_iterations)
{
    struct core_fixture *f = start(FIXTURE_LONG, 100);
    uint64_t *gpr = f->core.state.gpr;

    gpr[REG_RDI] = FIXTURE_HOLE - 40;
    ck_assert(core_fixture_faults(f, "f3 a4", VECTOR_PF));
    ck_assert_uint_eq(f->core.fault.address, FIXTURE_HOLE);
    ck_assert_uint_eq(gpr[REG_RCX], 60);
    ck_assert_uint_eq(gpr[REG_RSI], FROM + 40);
    ck_assert_uint_eq(gpr[REG_RDI], FIXTURE_HOLE);
    ck_assert_uint_eq(f->core.retired, 40);
    ck_assert_mem_eq(core_fixture_at(f, FIXTURE_HOLE - 40), core_fixture_at(f, FROM), 40);
    core_fixture_destroy(f);
}
END_TEST

START_TEST(a_pending_poll_interrupts_between_iterations)
{
    struct core_fixture *f = start(FIXTURE_LONG, 0x1800);
    uint64_t *gpr = f->core.state.gpr, runs = 0;
    enum core_unwind how;

    f->core.pending = CORE_PENDING_POLL;
    do {
        uint64_t before = gpr[REG_RCX];
        how = core_fixture_run_hex(f, "f3 a4");
        ck_assert_uint_lt(gpr[REG_RCX], before);
        ck_assert_uint_eq(gpr[REG_RSI] + gpr[REG_RCX], FROM + 0x1800);
        ck_assert_uint_eq(gpr[REG_RIP], how == UNWIND_RESTART ? FIXTURE_CODE : FIXTURE_CODE + 2);
        runs++;
    } while (how == UNWIND_RESTART);
    ck_assert_int_eq(how, UNWIND_NONE);
    ck_assert_uint_ge(runs, 2);
    ck_assert_uint_eq(f->core.retired, 0x1800 - 1);
    ck_assert_mem_eq(core_fixture_at(f, TO), core_fixture_at(f, FROM), LENGTH);
    core_fixture_destroy(f);
}
END_TEST

START_TEST(single_step_traps_after_each_iteration)
{
    struct core_fixture *f = start(FIXTURE_LONG, 3);

    f->core.state.rflags_rest |= FLAG_TF;
    ck_assert_int_eq(core_fixture_run_hex(f, "f3 a4"), UNWIND_RESTART);
    ck_assert_uint_eq(f->core.state.gpr[REG_RCX], 2);
    ck_assert_uint_eq(f->core.debug_pending & DR6_BS, DR6_BS);
    core_fixture_destroy(f);
}
END_TEST

START_TEST(a_budget_ends_a_repetition_exactly)
{
    struct core_fixture *f = start(FIXTURE_LONG, 1000);

    f->core.budget = 77;
    ck_assert_int_eq(core_fixture_run_hex(f, "f3 a4"), UNWIND_RESTART);
    ck_assert_uint_eq(f->core.state.gpr[REG_RCX], 1000 - 77);
    ck_assert_int_eq(f->core.budget, 0);
    core_fixture_destroy(f);
}
END_TEST

/* 16-bit addresses wrap within the segment. */
START_TEST(offsets_wrap_by_the_address_size)
{
    struct core_fixture *f = start(FIXTURE_REAL, 0x20);

    f->core.state.gpr[REG_RAX] = 0xaa;
    f->core.state.gpr[REG_RDI] = 0x1234fff0;
    ck_assert_int_eq(run_through(f, "f3 aa"), UNWIND_NONE);
    ck_assert_uint_eq(f->core.state.gpr[REG_RDI], 0x12340010);
    ck_assert_uint_eq(*core_fixture_at(f, 0xffff), 0xaa);
    ck_assert_uint_eq(*core_fixture_at(f, 0x000f), 0xaa);
    ck_assert_uint_eq(*core_fixture_at(f, 0x10000), 0);
    core_fixture_destroy(f);
}
END_TEST

static Suite *suite_string(void)
{
    Suite *suite = suite_create("cpu/exec/string.c");
    TCase *tcase = tcase_create("string");

    tcase_add_loop_test(tcase, rep_movs_copies_and_leaves_registers_behind_the_ends, 0,
                        (int)ARRAY_SIZE(copies));
    tcase_add_test(tcase, overlapping_rep_movs_propagates_element_by_element);
    tcase_add_test(tcase, rep_stos_fills_with_every_width);
    tcase_add_test(tcase, repe_cmps_stops_behind_the_first_difference);
    tcase_add_test(tcase, repne_scas_finds_and_repe_scas_skips);
    tcase_add_test(tcase, lods_and_single_operations_step_once);
    tcase_add_test(tcase, a_fault_leaves_the_completed_iterations);
    tcase_add_test(tcase, a_pending_poll_interrupts_between_iterations);
    tcase_add_test(tcase, single_step_traps_after_each_iteration);
    tcase_add_test(tcase, a_budget_ends_a_repetition_exactly);
    tcase_add_test(tcase, offsets_wrap_by_the_address_size);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_string())
