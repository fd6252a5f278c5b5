/* Stack operations: widths, order of faults, flags images, frames. */
#include <check.h>

#include "cpu/exec/flags.h"
#include "tests/check/check_main.h"
#include "tests/check/cpu/exec/core_fixture.h"

/* ---- one push or pop in every mode and size ---- */

static const struct push {
    const char *hex;
    enum fixture_mode mode;
    unsigned size;
    uint64_t value; /* what lies on the stack; RBX is 0x8877665544332211 */
} pushes[] = {
    { "53", FIXTURE_LONG, 8, 0x8877665544332211 },
    { "66 53", FIXTURE_LONG, 2, 0x2211 },
    { "54", FIXTURE_LONG, 8, FIXTURE_STACK }, /* PUSH RSP: the old value */
    { "6a fe", FIXTURE_LONG, 8, (uint64_t)-2 },
    { "68 00 00 00 80", FIXTURE_LONG, 8, UINT64_C(0xffffffff80000000) },
    { "66 6a fe", FIXTURE_LONG, 2, 0xfffe },
    { "ff 36", FIXTURE_LONG, 8, 0x123456789abcdef0 }, /* push [rsi] */
    { "9c", FIXTURE_LONG, 8, FLAG_ONE | FLAG_CF | FLAG_ID },
    { "53", FIXTURE_FLAT32, 4, 0x44332211 },
    { "66 53", FIXTURE_FLAT32, 2, 0x2211 },
    { "54", FIXTURE_FLAT32, 4, FIXTURE_STACK },
    { "6a fe", FIXTURE_FLAT32, 4, 0xfffffffe },
    { "ff 36", FIXTURE_FLAT32, 4, 0x9abcdef0 },
    { "9c", FIXTURE_FLAT32, 4, FLAG_ONE | FLAG_CF | FLAG_ID },
    { "53", FIXTURE_REAL, 2, 0x2211 },
    { "66 53", FIXTURE_REAL, 4, 0x44332211 },
    { "6a fe", FIXTURE_REAL, 2, 0xfffe },
    { "9c", FIXTURE_REAL, 2, FLAG_ONE | FLAG_CF },
};

START_TEST(push_stores_below_and_moves_the_stack_pointer)
{
    const struct push *p = &pushes[_i];
    struct core_fixture *f = core_fixture_create(p->mode);
    uint64_t *gpr = f->core.state.gpr;

    gpr[REG_RBX] = 0x8877665544332211;
    gpr[REG_RSI] = FIXTURE_DATA;
    core_fixture_write(f, FIXTURE_DATA, 8, 0x123456789abcdef0);
    core_rflags_set(&f->core, FLAG_CF | FLAG_ID | FLAG_RF);
    ck_assert_int_eq(core_fixture_run_hex(f, p->hex), UNWIND_NONE);
    ck_assert_uint_eq(gpr[REG_RSP], FIXTURE_STACK - p->size);
    ck_assert_uint_eq(core_fixture_read(f, FIXTURE_STACK - p->size, p->size), p->value);
    core_fixture_destroy(f);
}
END_TEST

START_TEST(pop_loads_and_moves_the_stack_pointer)
{
    struct core_fixture *f = core_fixture_create(FIXTURE_LONG);
    uint64_t *gpr = f->core.state.gpr;

    core_fixture_write(f, FIXTURE_STACK, 8, 0x8877665544332211);
    ck_assert_int_eq(core_fixture_run_hex(f, "5b"), UNWIND_NONE);
    ck_assert_uint_eq(gpr[REG_RBX], 0x8877665544332211);
    ck_assert_uint_eq(gpr[REG_RSP], FIXTURE_STACK + 8);
    gpr[REG_RSP] = FIXTURE_STACK;
    ck_assert_int_eq(core_fixture_run_hex(f, "5c"), UNWIND_NONE); /* pop rsp */
    ck_assert_uint_eq(gpr[REG_RSP], 0x8877665544332211);
    gpr[REG_RSP] = FIXTURE_STACK;
    gpr[REG_RBX] = 0;
    ck_assert_int_eq(core_fixture_run_hex(f, "66 5b"), UNWIND_NONE);
    ck_assert_uint_eq(gpr[REG_RBX], 0x2211);
    ck_assert_uint_eq(gpr[REG_RSP], FIXTURE_STACK + 2);
    gpr[REG_RSP] = FIXTURE_STACK;
    ck_assert_int_eq(core_fixture_run_hex(f, "8f 44 24 08"),
                     UNWIND_NONE); /* pop [rsp+8]: RSP is incremented */
    ck_assert_uint_eq(core_fixture_read(f, FIXTURE_STACK + 16, 8), 0x8877665544332211);
    ck_assert_uint_eq(gpr[REG_RSP], FIXTURE_STACK + 8);
    core_fixture_destroy(f);
}
END_TEST

START_TEST(a_faulting_push_or_pop_moves_nothing)
{
    static const char *const forms[] = { "53", "66 53",          "6a 01", "ff 36",
                                         "9c", "e8 00 00 00 00", "ff d3", "c8 10 00 00" };
    struct core_fixture *f = core_fixture_create(FIXTURE_LONG);
    uint64_t *gpr = f->core.state.gpr;

    for (unsigned i = 0; i < ARRAY_SIZE(forms); i++) {
        gpr[REG_RSP] = FIXTURE_HOLE + 0x1000;
        gpr[REG_RSI] = FIXTURE_DATA;
        gpr[REG_RBP] = 0x55;
        ck_assert_msg(core_fixture_faults(f, forms[i], VECTOR_PF), "%s", forms[i]);
        ck_assert_uint_eq(gpr[REG_RSP], FIXTURE_HOLE + 0x1000);
        ck_assert_uint_eq(gpr[REG_RBP], 0x55);
        gpr[REG_RSP] = UINT64_C(1) << 63;
        ck_assert_msg(core_fixture_faults(f, forms[i], VECTOR_SS), "%s", forms[i]);
    }
    gpr[REG_RSP] = FIXTURE_STACK;
    gpr[REG_RSI] = FIXTURE_HOLE;
    ck_assert(core_fixture_faults(f, "8f 06", VECTOR_PF));
    ck_assert_uint_eq(gpr[REG_RSP], FIXTURE_STACK);
    core_fixture_destroy(f);
}
END_TEST

START_TEST(a_sixteen_bit_stack_pointer_wraps_and_keeps_its_upper_half)
{
    struct core_fixture *f = core_fixture_create(FIXTURE_REAL);
    uint64_t *gpr = f->core.state.gpr;

    gpr[REG_RSP] = 0x12340000;
    gpr[REG_RBX] = 0xbeef;
    ck_assert_int_eq(core_fixture_run_hex(f, "53"), UNWIND_NONE);
    ck_assert_uint_eq(gpr[REG_RSP], 0x1234fffe);
    ck_assert_uint_eq(core_fixture_read(f, 0xfffe, 2), 0xbeef);
    gpr[REG_RSP] = 1;
    ck_assert(core_fixture_faults(f, "53", VECTOR_SS)); /* two bytes at ffff */
    ck_assert_uint_eq(gpr[REG_RSP], 1);
    core_fixture_destroy(f);
}
END_TEST

START_TEST(pusha_and_popa_are_inverse_but_for_sp)
{
    static const struct {
        const char *push, *pop;
        unsigned size;
    } forms[] = { { "60", "61", 4 }, { "66 60", "66 61", 2 } };

    for (unsigned k = 0; k < ARRAY_SIZE(forms); k++) {
        struct core_fixture *f = core_fixture_create(FIXTURE_FLAT32);
        uint64_t *gpr = f->core.state.gpr, mask = forms[k].size == 4 ? UINT32_MAX : 0xffff;

        for (unsigned i = 0; i < 8; i++) {
            gpr[i] = i == REG_RSP ? FIXTURE_STACK : 0x1010101u * (i + 1);
        }
        ck_assert_int_eq(core_fixture_run_hex(f, forms[k].push), UNWIND_NONE);
        ck_assert_uint_eq(gpr[REG_RSP], FIXTURE_STACK - 8 * forms[k].size);
        for (unsigned i = 0; i < 8; i++) {
            uint64_t expected = i == REG_RSP ? FIXTURE_STACK : 0x1010101u * (i + 1);
            ck_assert_uint_eq(
                core_fixture_read(f, FIXTURE_STACK - forms[k].size * (i + 1), forms[k].size),
                expected & mask);
            gpr[i] = i == REG_RSP ? gpr[i] : 0;
        }
        ck_assert_int_eq(core_fixture_run_hex(f, forms[k].pop), UNWIND_NONE);
        for (unsigned i = 0; i < 8; i++) {
            ck_assert_uint_eq(gpr[i], i == REG_RSP ? FIXTURE_STACK : (0x1010101u * (i + 1) & mask));
        }
        core_fixture_destroy(f);
    }
}
END_TEST

/* ---- POPF: who may write what. [SDM 2 POPF, table 4-19] ---- */

#define POPF_ALL                                                                                   \
    (FLAGS_ARITH | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT | FLAG_AC | FLAG_ID)

static const struct popf {
    const char *hex;
    unsigned cpl;
    uint64_t before, image, after;
} popfs[] = {
    { "9d", 0, 0, UINT64_MAX, POPF_ALL | FLAG_ONE },
    { "9d", 0, POPF_ALL, 0, FLAG_ONE },
    { "66 9d", 0, 0, UINT64_MAX, (POPF_ALL & ~(FLAG_AC | FLAG_ID)) | FLAG_ONE },
    { "9d", 3, 0, UINT64_MAX, (POPF_ALL & ~(FLAG_IF | FLAG_IOPL)) | FLAG_ONE },
    { "9d", 3, FLAG_IOPL, UINT64_MAX, POPF_ALL | FLAG_ONE },
    { "9d", 3, FLAG_IOPL | FLAG_IF, 0, FLAG_IOPL | FLAG_ONE },
    { "9d", 3, FLAG_IF, 0, FLAG_IF | FLAG_ONE },
    { "9d", 1, BIT64(12), FLAG_IF, FLAG_IF | BIT64(12) | FLAG_ONE },
    { "9d", 0, FLAG_RF | FLAG_VIF, 0, FLAG_VIF | FLAG_ONE },
};

START_TEST(popf_writes_what_the_privilege_allows)
{
    const struct popf *p = &popfs[_i];
    struct core_fixture *f = core_fixture_create(FIXTURE_LONG);

    f->core.cpl = (uint8_t)p->cpl;
    core_rflags_set(&f->core, p->before);
    core_fixture_write(f, FIXTURE_STACK, 8, p->image);
    ck_assert_int_eq(core_fixture_run_hex(f, p->hex), UNWIND_NONE);
    ck_assert_uint_eq(core_rflags(&f->core), p->after);
    ck_assert_uint_eq(f->core.state.gpr[REG_RIP], FIXTURE_CODE + (p->hex[0] == '6' ? 2 : 1));
    if ((p->before ^ p->after) & FLAG_IF) {
        ck_assert(f->core.pending & CORE_PENDING_POLL);
    }
    core_fixture_destroy(f);
}
END_TEST

/* v86 mode: IOPL below 3 faults, or works on VIF with CR4.VME. */
START_TEST(v86_pushf_and_popf_obey_iopl)
{
    struct core_fixture *f = core_fixture_create(FIXTURE_REAL);
    struct cpu_state *state = &f->core.state;

    state->cr0 |= CR0_PE;
    core_rflags_set(&f->core, FLAG_VM);
    core_mode_update(&f->core);
    ck_assert(core_fixture_faults(f, "9c", VECTOR_GP));
    ck_assert(core_fixture_faults(f, "9d", VECTOR_GP));
    core_rflags_set(&f->core, FLAG_VM | FLAG_IOPL);
    ck_assert_int_eq(core_fixture_run_hex(f, "9c"), UNWIND_NONE);
    ck_assert_uint_eq(core_fixture_read(f, FIXTURE_STACK - 2, 2), FLAG_IOPL | FLAG_ONE);
    ck_assert_int_eq(core_fixture_run_hex(f, "66 9c"), UNWIND_NONE); /* VM is not pushed */
    ck_assert_uint_eq(core_fixture_read(f, FIXTURE_STACK - 6, 4), FLAG_IOPL | FLAG_ONE);
    state->cr4 |= CR4_VME;
    core_rflags_set(&f->core, FLAG_VM | FLAG_VIF);
    state->gpr[REG_RSP] = FIXTURE_STACK;
    ck_assert_int_eq(core_fixture_run_hex(f, "9c"), UNWIND_NONE);
    ck_assert_uint_eq(core_fixture_read(f, FIXTURE_STACK - 2, 2), FLAG_IOPL | FLAG_IF | FLAG_ONE);
    ck_assert(core_fixture_faults(f, "66 9c", VECTOR_GP));
    core_fixture_write(f, FIXTURE_STACK - 2, 2, 0);
    ck_assert_int_eq(core_fixture_run_hex(f, "9d"), UNWIND_NONE);
    ck_assert_uint_eq(core_rflags(&f->core), FLAG_VM | FLAG_ONE);
    core_rflags_set(&f->core, FLAG_VM | FLAG_VIP);
    core_fixture_write(f, FIXTURE_STACK, 2, FLAG_IF);
    ck_assert(core_fixture_faults(f, "9d", VECTOR_GP));
    core_fixture_destroy(f);
}
END_TEST

/* ---- ENTER, LEAVE ---- */

START_TEST(enter_builds_frames_and_leave_drops_them)
{
    struct core_fixture *f = core_fixture_create(FIXTURE_LONG);
    uint64_t *gpr = f->core.state.gpr;
    const uint64_t outer = FIXTURE_DATA + 0x100;

    gpr[REG_RBP] = outer;
    core_fixture_write(f, outer - 8, 8, 0xaaa);
    core_fixture_write(f, outer - 16, 8, 0xbbb);
    ck_assert_int_eq(core_fixture_run_hex(f, "c8 20 00 03"), UNWIND_NONE); /* enter 32, 3 */
    ck_assert_uint_eq(gpr[REG_RBP], FIXTURE_STACK - 8);
    ck_assert_uint_eq(gpr[REG_RSP], FIXTURE_STACK - 8 * 4 - 32);
    ck_assert_uint_eq(core_fixture_read(f, FIXTURE_STACK - 8, 8), outer);
    ck_assert_uint_eq(core_fixture_read(f, FIXTURE_STACK - 16, 8), 0xaaa);
    ck_assert_uint_eq(core_fixture_read(f, FIXTURE_STACK - 24, 8), 0xbbb);
    ck_assert_uint_eq(core_fixture_read(f, FIXTURE_STACK - 32, 8), FIXTURE_STACK - 8);
    ck_assert_int_eq(core_fixture_run_hex(f, "c9"), UNWIND_NONE);
    ck_assert_uint_eq(gpr[REG_RSP], FIXTURE_STACK);
    ck_assert_uint_eq(gpr[REG_RBP], outer);
    gpr[REG_RBP] = UINT64_C(1) << 62;
    ck_assert(core_fixture_faults(f, "c9", VECTOR_SS));
    ck_assert_uint_eq(gpr[REG_RSP], FIXTURE_STACK);
    core_fixture_destroy(f);
}
END_TEST

START_TEST(enter_faults_when_its_final_stack_pointer_cannot_be_written)
{
    struct core_fixture *f = core_fixture_create(FIXTURE_LONG);

    f->core.state.gpr[REG_RSP] = FIXTURE_HOLE + 0x1010;
    ck_assert(core_fixture_faults(f, "c8 00 01 00", VECTOR_PF));
    ck_assert_uint_eq(f->core.state.gpr[REG_RSP], FIXTURE_HOLE + 0x1010);
    ck_assert_uint_eq(f->core.state.gpr[REG_RBP], 0);
    core_fixture_destroy(f);
}
END_TEST

static Suite *suite_stack(void)
{
    Suite *suite = suite_create("cpu/exec/stack.c");
    TCase *tcase = tcase_create("stack");

    tcase_add_loop_test(tcase, push_stores_below_and_moves_the_stack_pointer, 0,
                        (int)ARRAY_SIZE(pushes));
    tcase_add_test(tcase, pop_loads_and_moves_the_stack_pointer);
    tcase_add_test(tcase, a_faulting_push_or_pop_moves_nothing);
    tcase_add_test(tcase, a_sixteen_bit_stack_pointer_wraps_and_keeps_its_upper_half);
    tcase_add_test(tcase, pusha_and_popa_are_inverse_but_for_sp);
    tcase_add_loop_test(tcase, popf_writes_what_the_privilege_allows, 0, (int)ARRAY_SIZE(popfs));
    tcase_add_test(tcase, v86_pushf_and_popf_obey_iopl);
    tcase_add_test(tcase, enter_builds_frames_and_leave_drops_them);
    tcase_add_test(tcase, enter_faults_when_its_final_stack_pointer_cannot_be_written);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_stack())
