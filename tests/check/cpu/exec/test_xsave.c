/* cpu/exec: FXSAVE, FXRSTOR and the XSAVE family. [SDM 1 10.5, 13] */
#include <check.h>
#include <string.h>

#include "base/bytes.h"
#include "cpu/exec/model.h"
#include "tests/check/check_main.h"
#include "tests/check/cpu/exec/core_fixture.h"
#include "tests/check/cpu/exec/native.h"

enum { AREA = FIXTURE_DATA, HEADER = 512, AREA_SIZE = 576 };

#define FXSAVE    "0f ae 06"
#define FXSAVE64  "48 0f ae 06"
#define FXRSTOR   "0f ae 0e"
#define FXRSTOR64 "48 0f ae 0e"
#define XSAVE     "0f ae 26"
#define XSAVE64   "48 0f ae 26"
#define XRSTOR    "0f ae 2e"
#define XRSTOR64  "48 0f ae 2e"
#define XSAVEOPT  "0f ae 36"
#define XSAVEC    "0f c7 26"
#define XSAVES    "0f c7 2e"
#define XRSTORS   "0f c7 1e"

static struct core_fixture *fixture;
static struct cpu_model model;

static void state_fill(struct cpu_state *state)
{
    for (unsigned i = 0; i < 16; i++) {
        state->xmm[i] =
            (union xmm){ .u64 = { UINT64_C(0x0101010101010101) * (i + 1), ~(uint64_t)i } };
    }
    for (unsigned i = 0; i < 8; i++) {
        state->x87.reg[i] = (struct x87_value){ 0x8000000000000000 + i, (uint16_t)(0x4000 + i) };
    }
    state->x87.control = 0x27f;
    state->x87.status = 5 << 11 | 0x4700;
    state->x87.valid = 0xa5;
    state->x87.opcode = 0x123;
    state->x87.instruction = 0x123456789abc;
    state->x87.data = 0x7edcba987654;
    state->x87.instruction_selector = 0x10;
    state->x87.data_selector = 0x2b;
    state->mxcsr = 0x9fbf;
}

static void model_set(const char *text)
{
    struct error error = { 0 };

    ck_assert_int_eq(cpu_model_configure(&model, text, &error), 0);
}

static void setup_mode(enum fixture_mode mode)
{
    fixture = core_fixture_create(mode);
    struct core *core = &fixture->core;

    model_set("verdite64,+xsavec");
    core->model = &model;
    core->state.gpr[REG_RSI] = AREA;
    core->state.gpr[REG_RAX] = 3;
    core->state.cr4 |= CR4_OSXSAVE;
    core->state.xcr0 = 3;
    core_mode_update(core);
    state_fill(&core->state);
    memset(core_fixture_at(fixture, AREA), 0xcc, AREA_SIZE);
}

static void setup(void)
{
    setup_mode(FIXTURE_LONG);
}

static void setup_flat32(void)
{
    setup_mode(FIXTURE_FLAT32);
}

static void teardown(void)
{
    core_fixture_destroy(fixture);
}

static void run(const char *hex)
{
    ck_assert_msg(core_fixture_run_hex(fixture, hex) == UNWIND_NONE, "%s", hex);
}

static uint8_t *area(unsigned at)
{
    return core_fixture_at(fixture, AREA + at);
}

static void header(uint64_t xstate_bv, uint64_t xcomp_bv)
{
    memset(area(HEADER), 0, 64);
    le64_store(area(HEADER), xstate_bv);
    le64_store(area(HEADER + 8), xcomp_bv);
}

static bool area_untouched(unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        if (*area(i) != 0xcc) {
            return false;
        }
    }
    return true;
}

/* What FXSAVE images hold, as state. */
static void assert_same_state(const struct cpu_state *a, const struct cpu_state *b, unsigned n_xmm)
{
    ck_assert_mem_eq(a->xmm, b->xmm, n_xmm * sizeof(a->xmm[0]));
    ck_assert_uint_eq(a->mxcsr, b->mxcsr);
    for (unsigned i = 0; i < 8; i++) {
        ck_assert_uint_eq(a->x87.reg[i].significand, b->x87.reg[i].significand);
        ck_assert_uint_eq(a->x87.reg[i].sign_exponent, b->x87.reg[i].sign_exponent);
    }
    ck_assert_uint_eq(a->x87.control, b->x87.control);
    ck_assert_uint_eq(a->x87.status, b->x87.status);
    ck_assert_uint_eq(a->x87.valid, b->x87.valid);
    ck_assert_uint_eq(a->x87.opcode, b->x87.opcode);
    ck_assert_uint_eq(a->x87.instruction, b->x87.instruction);
    ck_assert_uint_eq(a->x87.data, b->x87.data);
}

static void state_clear(struct cpu_state *state)
{
    memset(state->xmm, 0x55, sizeof(state->xmm));
    memset(&state->x87, 0, sizeof(state->x87));
    state->mxcsr = 0x1f80;
}

START_TEST(fxsave64_layout)
{
    run(FXSAVE64);
    ck_assert_uint_eq(le16_load(area(0)), 0x27f);
    ck_assert_uint_eq(le16_load(area(2)), 5 << 11 | 0x4700);
    ck_assert_uint_eq(*area(4), 0xa5);
    ck_assert_uint_eq(le16_load(area(6)), 0x123);
    ck_assert_uint_eq(le64_load(area(8)), 0x123456789abc);
    ck_assert_uint_eq(le64_load(area(16)), 0x7edcba987654);
    ck_assert_uint_eq(le32_load(area(24)), 0x9fbf);
    ck_assert_uint_eq(le32_load(area(28)), 0xffff);
    for (unsigned i = 0; i < 8; i++) { /* ST(i), from TOP 5 */
        ck_assert_uint_eq(le64_load(area(32 + 16 * i)), 0x8000000000000000 + ((i + 5) & 7));
        ck_assert_uint_eq(le16_load(area(40 + 16 * i)), 0x4000 + ((i + 5) & 7));
    }
    ck_assert_mem_eq(area(160), fixture->core.state.xmm, 256);
    ck_assert(area_untouched(464, AREA_SIZE)); /* for software */
}
END_TEST

START_TEST(fxsave_with_selectors)
{
    run(FXSAVE);
    ck_assert_uint_eq(le32_load(area(8)), 0x56789abc);
    ck_assert_uint_eq(le16_load(area(12)), 0x10);
    ck_assert_uint_eq(le32_load(area(16)), 0xba987654);
    ck_assert_uint_eq(le16_load(area(20)), 0x2b);
    ck_assert_mem_eq(area(160), fixture->core.state.xmm, 256);
}
END_TEST

START_TEST(fxsave_agrees_with_the_host)
{
    struct native_state native = { 0 };
    static _Alignas(64) uint8_t image[512];

    if (!native_available()) {
        return;
    }
    run(FXSAVE64);
    memcpy(native.fx, area(0), 464);
    native.rflags = 0x202;
    native.gpr[6] = (uint64_t)(uintptr_t)image;
    ck_assert_int_eq(native_run(&native, "\x48\x0f\xae\x06", 4), NATIVE_DONE);
    ck_assert_mem_eq(image, area(0), 6);
    ck_assert_mem_eq(image + 24, area(24), 4);
    ck_assert_mem_eq(image + 32, area(32), 416 - 32);
}
END_TEST

START_TEST(fxrstor_undoes_fxsave)
{
    struct cpu_state before = fixture->core.state;

    run(FXSAVE64);
    state_clear(&fixture->core.state);
    run(FXRSTOR64);
    assert_same_state(&fixture->core.state, &before, 16);
}
END_TEST

START_TEST(outside_64_bit_mode_xmm8_and_up_are_left_alone)
{
    struct cpu_state before = fixture->core.state;

    run(FXSAVE);
    ck_assert(area_untouched(160 + 128, AREA_SIZE));
    ck_assert_mem_eq(area(160), before.xmm, 128);
    memset(area(160), 0x77, 256);
    run(FXRSTOR);
    ck_assert_uint_eq(fixture->core.state.xmm[7].u64[0], 0x7777777777777777);
    ck_assert_mem_eq(&fixture->core.state.xmm[8], &before.xmm[8], 128);
    header(0, 0);
    run(XRSTOR);
    ck_assert_uint_eq(fixture->core.state.xmm[7].u64[0], 0);
    ck_assert_mem_eq(&fixture->core.state.xmm[8], &before.xmm[8], 128);
}
END_TEST

START_TEST(refused_images_change_nothing)
{
    struct cpu_state before;

    run(FXSAVE64);
    before = fixture->core.state;
    le32_store(area(24), 0x10000);
    ck_assert(core_fixture_faults(fixture, FXRSTOR64, VECTOR_GP));
    header(2, 0);
    ck_assert(core_fixture_faults(fixture, XRSTOR64, VECTOR_GP));
    header(0, 0); /* standard form: MXCSR is loaded whatever XSTATE_BV says */
    ck_assert(core_fixture_faults(fixture, XRSTOR64, VECTOR_GP));
    le32_store(area(24), 0x1f80);
    header(4, 0); /* not in XCR0 */
    ck_assert(core_fixture_faults(fixture, XRSTOR64, VECTOR_GP));
    header(3, 1); /* XCOMP_BV without the format bit */
    ck_assert(core_fixture_faults(fixture, XRSTOR64, VECTOR_GP));
    header(3, 0);
    *area(HEADER + 23) = 1;
    ck_assert(core_fixture_faults(fixture, XRSTOR64, VECTOR_GP));
    header(3, BIT64(63) | 1); /* a component that the compacted image does not have */
    ck_assert(core_fixture_faults(fixture, XRSTOR64, VECTOR_GP));
    header(3, BIT64(63) | 7);
    ck_assert(core_fixture_faults(fixture, XRSTOR64, VECTOR_GP));
    header(3, BIT64(63) | 3);
    *area(HEADER + 63) = 1;
    ck_assert(core_fixture_faults(fixture, XRSTOR64, VECTOR_GP));
    assert_same_state(&fixture->core.state, &before, 16);
    header(3, BIT64(63) | 3);
    run(XRSTOR64);
    model_set("verdite64"); /* without XSAVEC no compacted form */
    ck_assert(core_fixture_faults(fixture, XRSTOR64, VECTOR_GP));
}
END_TEST

// clang-format off
static const struct {
    const char *hex;
    unsigned alignment;
    bool xsave;
} images[] = {
    { FXSAVE, 16, false },  { FXRSTOR, 16, false }, { XSAVE, 64, true },
    { XRSTOR, 64, true },   { XSAVEOPT, 64, true }, { XSAVEC, 64, true },
};
// clang-format on

START_TEST(checks_before_any_access)
{
    struct cpu_state *state = &fixture->core.state;
    const char *hex = images[_i].hex;

    state->mxcsr = 0x1f80;
    run(FXSAVE);
    header(0, 0);
    run(hex);
    state->gpr[REG_RSI] = AREA + images[_i].alignment / 2;
    ck_assert(core_fixture_faults(fixture, hex, VECTOR_GP));
    state->gpr[REG_RSI] = FIXTURE_HOLE;
    ck_assert(core_fixture_faults(fixture, hex, VECTOR_PF));
    state->gpr[REG_RSI] = UINT64_C(0x8000000000000000);
    ck_assert(core_fixture_faults(fixture, hex, VECTOR_GP));
    state->cr0 |= CR0_TS;
    core_mode_update(&fixture->core);
    ck_assert(core_fixture_faults(fixture, hex, VECTOR_NM));
    state->cr0 = (state->cr0 & ~CR0_TS) | CR0_EM;
    core_mode_update(&fixture->core);
    state->gpr[REG_RSI] = AREA;
    if (images[_i].xsave) {
        run(hex);
        state->cr4 &= ~CR4_OSXSAVE;
    }
    ck_assert(core_fixture_faults(fixture, hex, VECTOR_UD));
}
END_TEST

START_TEST(features_gate_their_instructions)
{
    model_set("verdite64");
    ck_assert(core_fixture_faults(fixture, XSAVEC, VECTOR_UD));
    ck_assert(core_fixture_faults(fixture, XSAVES, VECTOR_UD));
    ck_assert(core_fixture_faults(fixture, XRSTORS, VECTOR_UD));
    model_set("verdite64,-xsaveopt");
    ck_assert(core_fixture_faults(fixture, XSAVEOPT, VECTOR_UD));
}
END_TEST

START_TEST(xsave_merges_xstate_bv_and_keeps_the_rest)
{
    header(0x8000000000000004, 0);
    fixture->core.state.gpr[REG_RAX] = 2;
    run(XSAVE64);
    ck_assert_uint_eq(le64_load(area(HEADER)), 0x8000000000000006);
    ck_assert(area_untouched(0, 24));
    ck_assert(area_untouched(32, 160));
    ck_assert_mem_eq(area(160), fixture->core.state.xmm, 256);
    ck_assert_uint_eq(le32_load(area(24)), 0x9fbf);
    fixture->core.state.gpr[REG_RAX] =
        UINT64_C(0xfffffffffffffffd); /* all but SSE; XCR0 limits it */
    memset(area(160), 0xcc, 256);
    run(XSAVE64);
    ck_assert_uint_eq(le64_load(area(HEADER)), 0x8000000000000007);
    ck_assert(area_untouched(160, 416));
    ck_assert_uint_eq(le16_load(area(0)), 0x27f);
}
END_TEST

START_TEST(xsave_and_xrstor_round_trip)
{
    struct cpu_state before = fixture->core.state;

    header(0, 0);
    run(XSAVE64);
    ck_assert_uint_eq(le64_load(area(HEADER)), 3);
    state_clear(&fixture->core.state);
    run(XRSTOR64);
    assert_same_state(&fixture->core.state, &before, 16);
}
END_TEST

START_TEST(components_in_initial_state_are_not_in_use)
{
    struct cpu_state *state = &fixture->core.state;

    header(0, 0);
    le32_store(area(24), 0x1f80);
    run(XRSTOR64); /* everything to its initial configuration */
    ck_assert_uint_eq(state->x87.control, 0x37f);
    ck_assert_uint_eq(state->x87.status, 0);
    ck_assert_uint_eq(state->x87.valid, 0);
    ck_assert_uint_eq(state->x87.reg[3].significand, 0);
    ck_assert_uint_eq(state->xmm[15].u64[1], 0);
    header(3, 0);
    memset(area(0), 0xcc, HEADER);
    run(XSAVEOPT);
    ck_assert_uint_eq(le64_load(area(HEADER)), 0);
    ck_assert(area_untouched(0, 24));
    ck_assert_uint_eq(le32_load(area(24)), 0x1f80); /* MXCSR goes with what is asked for */
    ck_assert(area_untouched(32, HEADER));
    run(XSAVE);
    ck_assert_uint_eq(le64_load(area(HEADER)), 0);
    ck_assert_uint_eq(le16_load(area(0)), 0x37f);
    state->xmm[15].u64[1] = 1;
    run(XSAVEOPT);
    ck_assert_uint_eq(le64_load(area(HEADER)), 2);
    state->xmm[15].u64[1] = 0;
    state->x87.reg[7].sign_exponent = 1;
    run(XSAVEOPT);
    ck_assert_uint_eq(le64_load(area(HEADER)), 1);
}
END_TEST

START_TEST(xsavec_writes_the_compacted_format)
{
    struct cpu_state *state = &fixture->core.state, before;

    memset(&state->x87, 0, sizeof(state->x87));
    state->x87.control = 0x37f; /* initial */
    before = *state;
    run(XSAVEC);
    ck_assert_uint_eq(le64_load(area(HEADER)), 2);
    ck_assert_uint_eq(le64_load(area(HEADER + 8)), BIT64(63) | 3);
    ck_assert(area_untouched(0, 24));
    ck_assert(area_untouched(32, 160));
    ck_assert_mem_eq(area(160), state->xmm, 256);
    header(2, BIT64(63) | 3);
    state_fill(state);
    memset(state->xmm, 0x55, sizeof(state->xmm));
    run(XRSTOR);
    assert_same_state(state, &before, 16);
    header(0,
           BIT64(63) |
               3); /* compacted form: MXCSR gets its initial value, the image's is not looked at */
    le32_store(area(24), 0xffffffff);
    run(XRSTOR);
    ck_assert_uint_eq(state->mxcsr, 0x1f80);
    ck_assert_uint_eq(state->xmm[1].u64[0], 0);
}
END_TEST

/* ---- AVX: the upper halves at 576 [SDM 1 13.4.3, 13.6 to 13.10] ---- */
static void avx_setup(uint64_t requested)
{
    struct core *core = &fixture->core;

    model_set("verdite64,+xsavec,+avx");
    core->model = &model;
    core->state.xcr0 = 7;
    core->state.gpr[REG_RAX] = requested;
    core_mode_update(core);
    for (unsigned i = 0; i < 16; i++) {
        core->state.ymm_high[i] = (union xmm){ .u64 = { 0x1000 + i, 0x2000 + i } };
    }
    memset(core_fixture_at(fixture, AREA), 0, 832);
}

START_TEST(upper_halves_are_saved_and_restored)
{
    struct cpu_state *state = &fixture->core.state;
    uint8_t *area = core_fixture_at(fixture, AREA);
    static const char *const saves[] = { XSAVE64, XSAVEOPT, XSAVEC };

    avx_setup(7);
    ck_assert_int_ne(core_fixture_run_hex(fixture, saves[_i]), UNWIND_FAULT);
    ck_assert_uint_eq(le64_load(area + HEADER), 7);
    ck_assert_uint_eq(le64_load(area + HEADER + 8), _i == 2 ? BIT64(63) | 7 : 0);
    ck_assert_uint_eq(le64_load(area + 576), 0x1000);
    ck_assert_uint_eq(le64_load(area + 576 + 16 * 15 + 8), 0x200f);
    memset(state->ymm_high, 0xee, sizeof(state->ymm_high));
    ck_assert_int_ne(core_fixture_run_hex(fixture, XRSTOR64), UNWIND_FAULT);
    ck_assert_uint_eq(state->ymm_high[15].u64[1], 0x200f);
    le64_store(area + HEADER, 3); /* AVX in its initial configuration */
    ck_assert_int_ne(core_fixture_run_hex(fixture, XRSTOR64), UNWIND_FAULT);
    ck_assert_uint_eq(state->ymm_high[15].u64[1] | state->ymm_high[0].u64[0], 0);
    ck_assert_uint_eq(state->xmm[1].u64[1], ~UINT64_C(1));
}
END_TEST

START_TEST(upper_halves_not_asked_for_stay)
{
    struct cpu_state *state = &fixture->core.state;
    uint8_t *area = core_fixture_at(fixture, AREA);

    avx_setup(3);
    ck_assert_int_ne(core_fixture_run_hex(fixture, XSAVE64), UNWIND_FAULT);
    ck_assert_uint_eq(le64_load(area + HEADER), 3);
    ck_assert_uint_eq(le64_load(area + 576), 0);
    ck_assert_int_ne(core_fixture_run_hex(fixture, XRSTOR64), UNWIND_FAULT);
    ck_assert_uint_eq(state->ymm_high[0].u64[0], 0x1000);
}
END_TEST

/* MXCSR goes with AVX too in the standard format; and clear upper halves are not in use. */
START_TEST(mxcsr_goes_with_avx)
{
    struct cpu_state *state = &fixture->core.state;
    uint8_t *area = core_fixture_at(fixture, AREA);

    avx_setup(4);
    memset(state->ymm_high, 0, sizeof(state->ymm_high));
    ck_assert_int_ne(core_fixture_run_hex(fixture, XSAVE64), UNWIND_FAULT);
    ck_assert_uint_eq(le64_load(area + HEADER), 0);
    ck_assert_uint_eq(le32_load(area + 24), 0x9fbf);
    le32_store(area + 24, 0x1f80);
    ck_assert_int_ne(core_fixture_run_hex(fixture, XRSTOR64), UNWIND_FAULT);
    ck_assert_uint_eq(state->mxcsr, 0x1f80);
}
END_TEST

START_TEST(xsetbv_wants_sse_with_avx)
{
    struct core *core = &fixture->core;
    static const struct {
        uint32_t value;
        bool allowed;
    } rows[] = { { 7, true }, { 3, true }, { 1, true }, { 5, false }, { 4, false }, { 15, false } };

    avx_setup(0);
    for (unsigned i = 0; i < 6; i++) {
        core->state.gpr[REG_RAX] = rows[i].value;
        core->state.gpr[REG_RCX] = core->state.gpr[REG_RDX] = 0;
        if (rows[i].allowed) {
            ck_assert_int_ne(core_fixture_run_hex(fixture, "0f 01 d1"), UNWIND_FAULT);
            ck_assert_uint_eq(core->state.xcr0, rows[i].value);
            ck_assert(core->avx_blocked == (rows[i].value != 7));
        } else {
            ck_assert(core_fixture_faults(fixture, "0f 01 d1", VECTOR_GP));
        }
    }
}
END_TEST

static Suite *suite_xsave(void)
{
    Suite *suite = suite_create("cpu/exec/xsave");
    TCase *fx = tcase_create("fxsave"), *x = tcase_create("xsave"),
          *flat32 = tcase_create("flat32");

    tcase_add_checked_fixture(fx, setup, teardown);
    tcase_add_test(fx, fxsave64_layout);
    tcase_add_test(fx, fxsave_with_selectors);
    tcase_add_test(fx, fxsave_agrees_with_the_host);
    tcase_add_test(fx, fxrstor_undoes_fxsave);
    suite_add_tcase(suite, fx);
    tcase_add_checked_fixture(flat32, setup_flat32, teardown);
    tcase_add_test(flat32, outside_64_bit_mode_xmm8_and_up_are_left_alone);
    suite_add_tcase(suite, flat32);
    tcase_add_checked_fixture(x, setup, teardown);
    tcase_add_loop_test(x, checks_before_any_access, 0, (int)(sizeof(images) / sizeof(images[0])));
    tcase_add_test(x, refused_images_change_nothing);
    tcase_add_test(x, features_gate_their_instructions);
    tcase_add_test(x, xsave_merges_xstate_bv_and_keeps_the_rest);
    tcase_add_test(x, xsave_and_xrstor_round_trip);
    tcase_add_test(x, components_in_initial_state_are_not_in_use);
    tcase_add_test(x, xsavec_writes_the_compacted_format);
    tcase_add_loop_test(x, upper_halves_are_saved_and_restored, 0, 3);
    tcase_add_test(x, upper_halves_not_asked_for_stay);
    tcase_add_test(x, mxcsr_goes_with_avx);
    tcase_add_test(x, xsetbv_wants_sse_with_avx);
    suite_add_tcase(suite, x);
    return suite;
}

CHECK_MAIN(suite_xsave())
