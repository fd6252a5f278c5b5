/* x87 in the machine: deferred #MF, #NM, FERR#, environment images of each mode, tags, MMX entry.
 * [SDM 1 8; 3A 2.5, 13.1] */
#include <string.h>

#include "base/bytes.h"
#include "cpu/exec/x87.h"
#include "tests/check/check_main.h"
#include "tests/check/cpu/exec/core_fixture.h"

#define FSW_ES 0x80

static struct core_fixture *fixture;

static void long_mode(void)
{
    fixture = core_fixture_create(FIXTURE_LONG);
    fixture->core.state.gpr[REG_RAX] = FIXTURE_DATA;
    x87_reset(&fixture->core.state.x87);
}

static void teardown(void)
{
    core_fixture_destroy(fixture);
}

static struct x87_state *x87(void)
{
    return &fixture->core.state.x87;
}

static void run(const char *hex)
{
    ck_assert_msg(core_fixture_run_hex(fixture, hex) == UNWIND_NONE, "%s", hex);
}

/* 1 / 0 with ZE unmasked: the exception is pending afterwards. */
static void make_pending(void)
{
    run("db e3"); /* fninit */
    x87()->control = 0x37b;
    run("d9 e8"); /* fld1 */
    run("d9 ee"); /* fldz */
    run("d8 f9"); /* fdivr st0, st1 */
    ck_assert_uint_eq(x87()->status & FSW_ES, FSW_ES);
    ck_assert_uint_eq(x87()->status & 4, 4);
}

START_TEST(an_unmasked_exception_is_raised_by_the_next_waiting_instruction)
{
    make_pending();
    ck_assert_uint_eq(x87()->opcode, 0x0f9);
    ck_assert_uint_eq(x87()->instruction, FIXTURE_CODE);
    run("df e0"); /* fnstsw ax */
    run("d9 38"); /* fnstcw [rax] */
    ck_assert(core_fixture_faults(fixture, "d9 e8", VECTOR_MF));
    ck_assert(core_fixture_faults(fixture, "9b", VECTOR_MF));
    ck_assert(core_fixture_faults(fixture, "d9 28", VECTOR_MF));
    run("db e2"); /* fnclex */
    run("9b");
    run("d9 e8");
}
END_TEST

START_TEST(fnstenv_and_fnsave_take_a_pending_exception_away)
{
    make_pending();
    run("d9 30"); /* fnstenv [rax] masks all */
    ck_assert_uint_eq(x87()->status & FSW_ES, 0);
    ck_assert_uint_eq(x87()->control & 0x3f, 0x3f);
    ck_assert_uint_eq(core_fixture_read(fixture, FIXTURE_DATA, 4), 0xffff037b);
    make_pending();
    run("dd 30"); /* fnsave [rax] */
    ck_assert_uint_eq(x87()->control, 0x37f);
    ck_assert_uint_eq(x87()->valid, 0);
    ck_assert_uint_ne(core_fixture_read(fixture, FIXTURE_DATA + 4, 2) & FSW_ES, 0);
    ck_assert(core_fixture_run_hex(fixture, "dd 20") == UNWIND_NONE); /* frstor [rax] */
    ck_assert(core_fixture_faults(fixture, "d9 e8", VECTOR_MF));
}
END_TEST

START_TEST(fldcw_that_unmasks_makes_a_sticky_flag_pending)
{
    run("d9 e8");
    run("d9 ee");
    run("d8 f9"); /* ZE, masked */
    ck_assert_uint_eq(x87()->status & FSW_ES, 0);
    core_fixture_write(fixture, FIXTURE_DATA, 2, 0x37b);
    run("d9 28"); /* fldcw [rax] */
    ck_assert(core_fixture_faults(fixture, "d9 e8", VECTOR_MF));
}
END_TEST

START_TEST(cr0_ts_and_em_raise_nm)
{
    static const char *const instructions[] = {
        "d9 e8", "db e3", "df e0", "db e2", "d9 30", "d9 38"
    };

    for (unsigned i = 0; i < 2 * sizeof(instructions) / sizeof(instructions[0]); i++) {
        fixture->core.state.cr0 =
            (fixture->core.state.cr0 & ~(CR0_TS | CR0_EM)) | (i & 1 ? CR0_TS : CR0_EM);
        core_mode_update(&fixture->core);
        ck_assert(core_fixture_faults(fixture, instructions[i / 2], VECTOR_NM));
    }
}
END_TEST

START_TEST(fwait_needs_both_mp_and_ts_for_nm)
{
    for (unsigned i = 0; i < 8; i++) {
        fixture->core.state.cr0 &= ~(CR0_TS | CR0_EM | CR0_MP);
        fixture->core.state.cr0 |=
            (i & 1 ? CR0_TS : 0) | (i & 2 ? CR0_MP : 0) | (i & 4 ? CR0_EM : 0);
        ck_assert_int_eq(core_fixture_faults(fixture, "9b", VECTOR_NM), (i & 3) == 3);
    }
}
END_TEST

static void count_error(void *owner)
{
    struct core_fixture *f = owner;

    f->device[0]++;
}

START_TEST(without_cr0_ne_a_pending_exception_asks_for_the_external_interrupt)
{
    struct core_ops ops = *fixture->core.ops;

    ops.fpu_error = count_error;
    fixture->core.ops = &ops;
    make_pending();
    fixture->core.state.cr0 &= ~CR0_NE;
    run("df e0");
    ck_assert_uint_eq(fixture->device[0], 0);
    run("9b");
    ck_assert_uint_eq(fixture->device[0], 1);
    run("d9 d0"); /* fnop */
    ck_assert_uint_eq(fixture->device[0], 2);
}
END_TEST

START_TEST(a_store_that_faults_changes_nothing)
{
    struct x87_state before;

    run("d9 eb"); /* fldpi: inexact as a float */
    before = *x87();
    fixture->core.state.gpr[REG_RAX] = FIXTURE_READ_ONLY;
    ck_assert(core_fixture_faults(fixture, "d9 18", VECTOR_PF)); /* fstp dword */
    ck_assert(core_fixture_faults(fixture, "db 38", VECTOR_PF)); /* fstp tword */
    ck_assert(core_fixture_faults(fixture, "dd 30", VECTOR_PF)); /* fnsave */
    fixture->core.state.gpr[REG_RAX] = FIXTURE_HOLE - 0x40;
    ck_assert(core_fixture_faults(fixture, "dd 30", VECTOR_PF));
    fixture->core.state.gpr[REG_RAX] = FIXTURE_HOLE;
    ck_assert(core_fixture_faults(fixture, "d8 00", VECTOR_PF)); /* fadd dword */
    ck_assert_int_eq(memcmp(&before, x87(), sizeof(before)), 0);
}
END_TEST

START_TEST(tag_words_go_between_their_two_forms)
{
    static const struct x87_value values[8] = {
        { UINT64_C(1) << 63, 0x3fff }, /* valid */
        { 0, 0 },                      /* zero */
        { 0, 0x8000 },                 /* zero */
        { 1, 0 },                      /* denormal: special */
        { UINT64_C(1) << 63, 0x7fff }, /* infinity: special */
        { 5, 0x3fff },                 /* unsupported: special */
        { UINT64_C(3) << 62, 0xffff }, /* NaN: special */
        { UINT64_C(1) << 63, 0x3fff }, /* empty */
    };

    memcpy(x87()->reg, values, sizeof(values));
    x87()->valid = 0x7f;
    ck_assert_uint_eq(x87_tag_word(x87()), 0xea94);
    ck_assert_uint_eq(x87_tag_abridge(0xea94), 0x7f);
    x87()->status = 3 << 11; /* TOP does not matter: registers are physical */
    ck_assert_uint_eq(x87_tag_word(x87()), 0xea94);
}
END_TEST

START_TEST(mmx_enters_with_all_tags_valid_and_its_own_exceptions)
{
    jmp_buf unwind;
    struct core *core = &fixture->core;

    x87()->status = 5 << 11;
    x87()->valid = 0;
    core->unwind = &unwind;
    if (setjmp(unwind) == 0) {
        x87_mmx_enter(core);
        ck_assert_uint_eq(x87_top(x87()), 0);
        ck_assert_uint_eq(x87()->valid, 0xff);
    } else {
        ck_abort_msg("no exception was due");
    }
    make_pending();
    core->unwind = &unwind;
    if (setjmp(unwind) == 0) {
        x87_mmx_enter(core);
        ck_abort_msg("#MF was due");
    }
    ck_assert_uint_eq(core->fault.vector, VECTOR_MF);
    core->state.cr0 |= CR0_TS;
    if (setjmp(unwind) == 0) {
        x87_mmx_enter(core);
        ck_abort_msg("#NM was due");
    }
    ck_assert_uint_eq(core->fault.vector, VECTOR_NM);
    core->state.cr0 |= CR0_EM;
    if (setjmp(unwind) == 0) {
        x87_mmx_enter(core);
        ck_abort_msg("#UD was due");
    }
    ck_assert_uint_eq(core->fault.vector, VECTOR_UD);
    core->unwind = NULL;
}
END_TEST

/* ---- environment images ---- */

struct image_row {
    enum fixture_mode mode;
    const char *store, *load;
    unsigned size;
    uint8_t image[28];
};

/* FCW 0c7f, FSW 3801 (TOP 7), R7 valid; FIP 12345 (real: linear), FDP 23456, FCS 8, FDS 10, FOP 7a5
 */
static const struct image_row images[] = {
    { FIXTURE_FLAT32, "d9 30", "d9 20", 28, { 0x7f, 0x0c, 0xff, 0xff, 0x01, 0x38, 0xff,
                                              0xff, 0xff, 0x3f, 0xff, 0xff, 0x45, 0x23,
                                              0x01, 0x00, 0x08, 0x00, 0xa5, 0x07, 0x56,
                                              0x34, 0x02, 0x00, 0x10, 0x00, 0xff, 0xff } },
    { FIXTURE_FLAT32,
      "66 d9 30",
      "66 d9 20",
      14,
      { 0x7f, 0x0c, 0x01, 0x38, 0xff, 0x3f, 0x45, 0x23, 0x08, 0x00, 0x56, 0x34, 0x10, 0x00 } },
    { FIXTURE_REAL,
      "d9 35",
      "d9 25",
      14,
      { 0x7f, 0x0c, 0x01, 0x38, 0xff, 0x3f, 0x45, 0x23, 0xa5, 0x17, 0x56, 0x34, 0x00, 0x20 } },
    { FIXTURE_REAL, "66 d9 35", "66 d9 25", 28, { 0x7f, 0x0c, 0xff, 0xff, 0x01, 0x38, 0xff,
                                                  0xff, 0xff, 0x3f, 0xff, 0xff, 0x45, 0x23,
                                                  0xff, 0xff, 0xa5, 0x17, 0x00, 0x00, 0x56,
                                                  0x34, 0xff, 0xff, 0x00, 0x20, 0x00, 0x00 } },
    { FIXTURE_LONG, "d9 30", "d9 20", 28, { 0x7f, 0x0c, 0xff, 0xff, 0x01, 0x38, 0xff,
                                            0xff, 0xff, 0x3f, 0xff, 0xff, 0x45, 0x23,
                                            0x01, 0x00, 0x08, 0x00, 0xa5, 0x07, 0x56,
                                            0x34, 0x02, 0x00, 0x10, 0x00, 0xff, 0xff } },
};

START_TEST(environment_images_have_the_layout_of_their_mode)
{
    const struct image_row *row = &images[_i];
    bool real = row->mode == FIXTURE_REAL;
    struct x87_state before;

    fixture = core_fixture_create(row->mode);
    fixture->core.state.gpr[REG_RAX] = fixture->core.state.gpr[REG_RDI] = FIXTURE_DATA;
    *x87() = (struct x87_state){ .control = 0xc7f,
                                 .status = 0x3801,
                                 .valid = 0x80,
                                 .opcode = 0x7a5,
                                 .instruction = real ? 0x2345 : 0x12345,
                                 .data = real ? 0x3456 : 0x23456,
                                 .instruction_selector = real ? 0x1000 : 8,
                                 .data_selector = real ? 0x2000 : 0x10 };
    x87()->reg[7] = (struct x87_value){ UINT64_C(1) << 63, 0x3fff };
    memset(core_fixture_at(fixture, FIXTURE_DATA), 0xcc, 64);
    run(row->store);
    ck_assert_mem_eq(core_fixture_at(fixture, FIXTURE_DATA), row->image, row->size);
    ck_assert_uint_eq(*core_fixture_at(fixture, FIXTURE_DATA + row->size), 0xcc);
    before = *x87();
    before.control = 0xc7f;
    x87_reset(x87());
    x87()->reg[7] = before.reg[7];
    run(row->load);
    ck_assert_uint_eq(x87()->control, 0xc7f);
    ck_assert_uint_eq(x87()->status, 0x3801);
    ck_assert_uint_eq(x87()->valid, 0x80);
    memset(core_fixture_at(fixture, FIXTURE_DATA), 0xcc, 64);
    run(row->store); /* again the same image: nothing of it was lost */
    if (row->size == 28 || real) {
        ck_assert_mem_eq(core_fixture_at(fixture, FIXTURE_DATA), row->image, row->size);
    }
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(fnsave_writes_the_stack_after_the_environment_and_frstor_reads_it)
{
    static const char *const save[2] = { "dd 30", "66 dd 30" }, *const load[2] = { "dd 20",
                                                                                   "66 dd 20" };
    unsigned env = _i == 0 ? 28 : 14;

    run("d9 e8"); /* fld1 */
    run("d9 eb"); /* fldpi */
    run(save[_i]);
    ck_assert_uint_eq(core_fixture_read(fixture, FIXTURE_DATA + env, 8),
                      UINT64_C(0xc90fdaa22168c235));
    ck_assert_uint_eq(core_fixture_read(fixture, FIXTURE_DATA + env + 8, 2), 0x4000);
    ck_assert_uint_eq(core_fixture_read(fixture, FIXTURE_DATA + env + 10, 8), UINT64_C(1) << 63);
    ck_assert_uint_eq(core_fixture_read(fixture, FIXTURE_DATA + env + 18, 2), 0x3fff);
    ck_assert_uint_eq(x87()->status, 0);
    x87_reset(x87());
    run(load[_i]);
    ck_assert_uint_eq(x87_top(x87()), 6);
    ck_assert_uint_eq(x87()->valid, 0xc0);
    ck_assert_uint_eq(x87()->reg[6].significand, UINT64_C(0xc90fdaa22168c235));
    ck_assert_uint_eq(x87()->reg[7].sign_exponent, 0x3fff);
}
END_TEST

static Suite *suite_x87(void)
{
    Suite *suite = suite_create("cpu/exec/x87");
    TCase *machine = tcase_create("machine"), *images_case = tcase_create("images");

    tcase_add_checked_fixture(machine, long_mode, teardown);
    tcase_add_test(machine, an_unmasked_exception_is_raised_by_the_next_waiting_instruction);
    tcase_add_test(machine, fnstenv_and_fnsave_take_a_pending_exception_away);
    tcase_add_test(machine, fldcw_that_unmasks_makes_a_sticky_flag_pending);
    tcase_add_test(machine, cr0_ts_and_em_raise_nm);
    tcase_add_test(machine, fwait_needs_both_mp_and_ts_for_nm);
    tcase_add_test(machine, without_cr0_ne_a_pending_exception_asks_for_the_external_interrupt);
    tcase_add_test(machine, a_store_that_faults_changes_nothing);
    tcase_add_test(machine, tag_words_go_between_their_two_forms);
    tcase_add_test(machine, mmx_enters_with_all_tags_valid_and_its_own_exceptions);
    tcase_add_loop_test(machine, fnsave_writes_the_stack_after_the_environment_and_frstor_reads_it,
                        0, 2);
    suite_add_tcase(suite, machine);
    tcase_add_loop_test(images_case, environment_images_have_the_layout_of_their_mode, 0,
                        (int)(sizeof(images) / sizeof(images[0])));
    suite_add_tcase(suite, images_case);
    return suite;
}

CHECK_MAIN(suite_x87())
