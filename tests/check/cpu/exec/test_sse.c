/* cpu/exec: SSE floating point, moves and shuffles against the host CPU. */
#include <check.h>
#include <stdlib.h>

#include "cpu/exec/fp_ops.h"
#include "tests/check/check_main.h"
#include "tests/check/cpu/exec/core_fixture.h"
#include "tests/check/cpu/exec/native.h"
#include "tests/check/cpu/exec/vector_compare.h"

// clang-format off
/* PS without prefix, PD with 66, SS with F3, SD with F2. */
#define PS_PD(name, opcode, flags) \
    { name "ps", 0,    0x0f, opcode, -1, flags }, \
    { name "pd", 0x66, 0x0f, opcode, -1, flags }
#define ALL(name, opcode, flags) \
    PS_PD(name, opcode, flags), \
    { name "ss", 0xf3, 0x0f, opcode, -1, flags }, \
    { name "sd", 0xf2, 0x0f, opcode, -1, flags }

/* RCPPS and RSQRTPS have bits of their own: cpu/exec/fp_ops.h. */
static const struct vector_test_row rows[] = { /* [SDM 2] */
    PS_PD("movu load", 0x10, VR_ANY), PS_PD("movu store", 0x11, VR_ANY),
    { "movss load", 0xf3, 0x0f, 0x10, -1, VR_ANY }, { "movss store", 0xf3, 0x0f, 0x11, -1, VR_ANY },
    { "movsd load", 0xf2, 0x0f, 0x10, -1, VR_ANY }, { "movsd store", 0xf2, 0x0f, 0x11, -1, VR_ANY },
    { "movlps, movhlps", 0, 0x0f, 0x12, -1, VR_ANY }, { "movlpd", 0x66, 0x0f, 0x12, -1, VR_MEM },
    PS_PD("movl store", 0x13, VR_MEM),
    { "movsldup", 0xf3, 0x0f, 0x12, -1, VR_ANY }, { "movddup", 0xf2, 0x0f, 0x12, -1, VR_ANY },
    PS_PD("unpckl", 0x14, VR_ANY), PS_PD("unpckh", 0x15, VR_ANY),
    { "movhps, movlhps", 0, 0x0f, 0x16, -1, VR_ANY }, { "movhpd", 0x66, 0x0f, 0x16, -1, VR_MEM },
    PS_PD("movh store", 0x17, VR_MEM), { "movshdup", 0xf3, 0x0f, 0x16, -1, VR_ANY },
    PS_PD("mova load", 0x28, VR_ANY), PS_PD("mova store", 0x29, VR_ANY), PS_PD("movnt", 0x2b, VR_MEM),
    { "cvtpi2ps", 0, 0x0f, 0x2a, -1, VR_REG }, { "cvtpi2pd", 0x66, 0x0f, 0x2a, -1, VR_ANY },
    { "cvtsi2ss", 0xf3, 0x0f, 0x2a, -1, VR_ANY | VR_GPR | VR_W },
    { "cvtsi2sd", 0xf2, 0x0f, 0x2a, -1, VR_ANY | VR_GPR | VR_W },
    { "cvttps2pi", 0, 0x0f, 0x2c, -1, VR_ANY }, { "cvttpd2pi", 0x66, 0x0f, 0x2c, -1, VR_ANY },
    { "cvttss2si", 0xf3, 0x0f, 0x2c, -1, VR_ANY | VR_GPR | VR_W },
    { "cvttsd2si", 0xf2, 0x0f, 0x2c, -1, VR_ANY | VR_GPR | VR_W },
    { "cvtps2pi", 0, 0x0f, 0x2d, -1, VR_ANY }, { "cvtpd2pi", 0x66, 0x0f, 0x2d, -1, VR_ANY },
    { "cvtss2si", 0xf3, 0x0f, 0x2d, -1, VR_ANY | VR_GPR | VR_W },
    { "cvtsd2si", 0xf2, 0x0f, 0x2d, -1, VR_ANY | VR_GPR | VR_W },
    { "ucomiss", 0, 0x0f, 0x2e, -1, VR_ANY }, { "ucomisd", 0x66, 0x0f, 0x2e, -1, VR_ANY },
    { "comiss", 0, 0x0f, 0x2f, -1, VR_ANY }, { "comisd", 0x66, 0x0f, 0x2f, -1, VR_ANY },
    PS_PD("movmsk", 0x50, VR_REG | VR_GPR),
    ALL("sqrt", 0x51, VR_ANY), PS_PD("and", 0x54, VR_ANY), PS_PD("andn", 0x55, VR_ANY), PS_PD("or", 0x56, VR_ANY),
    PS_PD("xor", 0x57, VR_ANY), ALL("add", 0x58, VR_ANY), ALL("mul", 0x59, VR_ANY),
    { "cvtps2pd", 0, 0x0f, 0x5a, -1, VR_ANY }, { "cvtpd2ps", 0x66, 0x0f, 0x5a, -1, VR_ANY },
    { "cvtss2sd", 0xf3, 0x0f, 0x5a, -1, VR_ANY }, { "cvtsd2ss", 0xf2, 0x0f, 0x5a, -1, VR_ANY },
    { "cvtdq2ps", 0, 0x0f, 0x5b, -1, VR_ANY }, { "cvtps2dq", 0x66, 0x0f, 0x5b, -1, VR_ANY },
    { "cvttps2dq", 0xf3, 0x0f, 0x5b, -1, VR_ANY },
    ALL("sub", 0x5c, VR_ANY), ALL("min", 0x5d, VR_ANY), ALL("div", 0x5e, VR_ANY), ALL("max", 0x5f, VR_ANY),
    { "haddpd", 0x66, 0x0f, 0x7c, -1, VR_ANY }, { "haddps", 0xf2, 0x0f, 0x7c, -1, VR_ANY },
    { "hsubpd", 0x66, 0x0f, 0x7d, -1, VR_ANY }, { "hsubps", 0xf2, 0x0f, 0x7d, -1, VR_ANY },
    { "stmxcsr", 0, 0x0f, 0xae, 3, VR_MEM },
    ALL("cmp", 0xc2, VR_ANY | VR_IMM), PS_PD("shuf", 0xc6, VR_ANY | VR_IMM),
    { "addsubpd", 0x66, 0x0f, 0xd0, -1, VR_ANY }, { "addsubps", 0xf2, 0x0f, 0xd0, -1, VR_ANY },
    { "cvttpd2dq", 0x66, 0x0f, 0xe6, -1, VR_ANY }, { "cvtdq2pd", 0xf3, 0x0f, 0xe6, -1, VR_ANY },
    { "cvtpd2dq", 0xf2, 0x0f, 0xe6, -1, VR_ANY },
    /* SSE4.1 */
    { "blendvps", 0x66, 0x38, 0x14, -1, VR_ANY }, { "blendvpd", 0x66, 0x38, 0x15, -1, VR_ANY },
    { "roundps", 0x66, 0x3a, 0x08, -1, VR_ANY | VR_IMM }, { "roundpd", 0x66, 0x3a, 0x09, -1, VR_ANY | VR_IMM },
    { "roundss", 0x66, 0x3a, 0x0a, -1, VR_ANY | VR_IMM }, { "roundsd", 0x66, 0x3a, 0x0b, -1, VR_ANY | VR_IMM },
    { "blendps", 0x66, 0x3a, 0x0c, -1, VR_ANY | VR_IMM }, { "blendpd", 0x66, 0x3a, 0x0d, -1, VR_ANY | VR_IMM },
    { "extractps", 0x66, 0x3a, 0x17, -1, VR_ANY | VR_IMM | VR_GPR },
    { "insertps", 0x66, 0x3a, 0x21, -1, VR_ANY | VR_IMM },
    { "dpps", 0x66, 0x3a, 0x40, -1, VR_ANY | VR_IMM }, { "dppd", 0x66, 0x3a, 0x41, -1, VR_ANY | VR_IMM },
};
// clang-format on

enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

START_TEST(does_what_the_host_does)
{
    vector_compare_row(&rows[_i], native_cases(3000));
}
END_TEST

/* ---- what blocks an instruction ---- */
static struct core_fixture *fixture;

static void setup(void)
{
    fixture = core_fixture_create(FIXTURE_LONG);
    fixture->core.state.gpr[REG_RSI] = FIXTURE_DATA;
}

static void teardown(void)
{
    core_fixture_destroy(fixture);
}

// clang-format off
static const struct {
    const char *hex;
    bool sse; /* needs CR4.OSFXSR */
} blocked_rows[] = { /* [SDM 3A 13.1, 13.4; 2 exception tables 23-4 to 23-8] */
    { "0f 58 c1", true },       { "0f 28 c1", true },       { "0f 11 06", true },    { "66 0f ef c0", true },
    { "66 0f 6f 06", true },    { "f2 0f 10 06", true },    { "0f ae 16", true },    { "0f ae 1e", true },
    { "66 0f 6e c0", true },    { "66 0f 71 d0 01", true }, { "f3 0f e6 c1", true }, { "f2 0f 2c c0", true },
    { "66 0f 3a 63 c1 0c", true }, { "66 0f f7 c1", true }, { "0f 2a c1", true },    { "66 0f 2a 06", true },
    { "f3 0f d6 c1", true },    { "66 0f 38 17 c1", true }, { "0f fc c1", false },   { "0f 6f 06", false },
    { "0f 6e c0", false },      { "0f 70 c1 00", false },   { "0f d7 c1", false },   { "0f 77", false },
    { "0f f7 c1", false },      { "0f 71 d0 01", false },   { "0f 38 00 c1", false },
};
// clang-format on

START_TEST(cr0_em_is_ud_and_cr0_ts_is_nm)
{
    struct cpu_state *state = &fixture->core.state;
    const char *hex = blocked_rows[_i].hex;

    state->cr0 |= CR0_EM;
    core_mode_update(&fixture->core);
    ck_assert_msg(core_fixture_faults(fixture, hex, VECTOR_UD), "%s", hex);
    state->cr0 |= CR0_TS;
    core_mode_update(&fixture->core);
    ck_assert_msg(core_fixture_faults(fixture, hex, VECTOR_UD), "%s", hex);
    state->cr0 &= ~CR0_EM;
    core_mode_update(&fixture->core);
    ck_assert_msg(core_fixture_faults(fixture, hex, VECTOR_NM), "%s", hex);
    state->cr0 &= ~CR0_TS;
    core_mode_update(&fixture->core);
    ck_assert_int_eq(core_fixture_run_hex(fixture, hex), UNWIND_NONE);
}
END_TEST

START_TEST(sse_needs_cr4_osfxsr_and_mmx_does_not)
{
    const char *hex = blocked_rows[_i].hex;

    fixture->core.state.cr4 &= ~CR4_OSFXSR;
    core_mode_update(&fixture->core);
    if (blocked_rows[_i].sse) {
        ck_assert_msg(core_fixture_faults(fixture, hex, VECTOR_UD), "%s", hex);
    } else {
        ck_assert_int_eq(core_fixture_run_hex(fixture, hex), UNWIND_NONE);
    }
}
END_TEST

START_TEST(pending_x87_exception_is_mf_before_mmx)
{
    fixture->core.state.x87.control = 0x37e; /* invalid unmasked */
    fixture->core.state.x87.status = 0x8081 | 3 << 11;
    ck_assert(core_fixture_faults(fixture, "0f fc c1", VECTOR_MF));
    ck_assert(core_fixture_faults(fixture, "0f 77", VECTOR_MF));
    ck_assert(core_fixture_faults(fixture, "0f 2d c1", VECTOR_MF));    /* cvtps2pi */
    ck_assert(core_fixture_faults(fixture, "66 0f 2a c1", VECTOR_MF)); /* cvtpi2pd xmm, mm */
    ck_assert_int_eq(core_fixture_run_hex(fixture, "66 0f 2a 06"),
                     UNWIND_NONE); /* from memory: no x87 */
    ck_assert_int_eq(core_fixture_run_hex(fixture, "66 0f fc c1"), UNWIND_NONE);
    ck_assert_int_eq(fixture->core.state.x87.status >> 11 & 7, 3);
}
END_TEST

START_TEST(cvtpi2ps_from_memory_enters_mmx) /* [SDM 2 CVTPI2PS]; AMD hosts do not */
{
    fixture->core.state.x87.status = 3 << 11;
    fixture->core.state.x87.valid = 0;
    core_fixture_write(fixture, FIXTURE_DATA, 8, UINT64_C(0xfffffffe00000003));
    ck_assert_int_eq(core_fixture_run_hex(fixture, "0f 2a 06"), UNWIND_NONE);
    ck_assert_uint_eq(fixture->core.state.xmm[0].u64[0], UINT64_C(0xc000000040400000));
    ck_assert_int_eq(fixture->core.state.x87.status, 0);
    ck_assert_int_eq(fixture->core.state.x87.valid, 0xff);
}
END_TEST

START_TEST(ldmxcsr_refuses_reserved_bits)
{
    for (unsigned bit = 0; bit < 32; bit++) {
        fixture->core.state.mxcsr = 0x1f80;
        core_fixture_write(fixture, FIXTURE_DATA, 4, 1u << bit);
        if (bit >= 16) {
            ck_assert(core_fixture_faults(fixture, "0f ae 16", VECTOR_GP));
            ck_assert_uint_eq(fixture->core.state.mxcsr, 0x1f80);
        } else {
            ck_assert_int_eq(core_fixture_run_hex(fixture, "0f ae 16"), UNWIND_NONE);
            ck_assert_uint_eq(fixture->core.state.mxcsr, 1u << bit);
        }
    }
}
END_TEST

START_TEST(unmasked_exception_is_xm_or_ud_and_keeps_the_destination)
{
    struct cpu_state *state = &fixture->core.state;

    state->xmm[0].u64[0] = UINT64_C(0x3ff0000000000000);
    state->xmm[1].u64[0] = 0;
    state->mxcsr = 0x1f80 & ~(FP_ZE << 7);
    ck_assert(core_fixture_faults(fixture, "f2 0f 5e c1", VECTOR_XM)); /* divsd */
    ck_assert_uint_eq(state->xmm[0].u64[0], UINT64_C(0x3ff0000000000000));
    ck_assert_uint_eq(state->mxcsr, (0x1f80 & ~(FP_ZE << 7)) | FP_ZE);
    ck_assert(core_fixture_faults(fixture, "f2 0f 5e c1", VECTOR_XM)); /* the flag is set already */
    state->cr4 &= ~CR4_OSXMMEXCPT;
    ck_assert(core_fixture_faults(fixture, "f2 0f 5e c1", VECTOR_UD));
}
END_TEST

START_TEST(approximations_are_within_their_error) /* [SDM 2 RCPPS, RSQRTPS]: 1.5 * 2^-12 */
{
    union xmm *x = fixture->core.state.xmm;

    x[1] =
        (union xmm){ .u32 = { 0x40400000, 0xc1200000, 0x00000000, 0x7f800000 } }; /* 3 -10 0 inf */
    ck_assert_int_eq(core_fixture_run_hex(fixture, "0f 53 c1"), UNWIND_NONE);
    ck_assert_int_le(abs((int)(x[0].u32[0] - 0x3eaaaaab)), 0x1000);
    ck_assert_int_le(abs((int)(x[0].u32[1] - 0xbdcccccd)), 0x1000);
    ck_assert_uint_eq(x[0].u32[2], 0x7f800000);
    ck_assert_uint_eq(x[0].u32[3], 0);
    ck_assert_int_eq(core_fixture_run_hex(fixture, "0f 52 c1"), UNWIND_NONE);
    ck_assert_int_le(abs((int)(x[0].u32[0] - 0x3f13cd3a)), 0x1000);
    ck_assert_uint_eq(x[0].u32[1], 0xffc00000);
    ck_assert_uint_eq(x[0].u32[2], 0x7f800000);
    ck_assert_uint_eq(x[0].u32[3], 0);
    x[0].u64[1] = 7;
    ck_assert_int_eq(core_fixture_run_hex(fixture, "f3 0f 53 c1"), UNWIND_NONE);
    ck_assert_int_le(abs((int)(x[0].u32[0] - 0x3eaaaaab)), 0x1000);
    ck_assert_uint_eq(x[0].u64[1], 7);
    ck_assert_uint_eq(fixture->core.state.mxcsr, 0x1f80);
}
END_TEST

/* ---- memory ---- */
START_TEST(faulting_store_writes_nothing)
{
    struct core *core = &fixture->core;

    core->state.xmm[0] = (union xmm){ .u64 = { UINT64_MAX, UINT64_MAX } };
    core->state.gpr[REG_RSI] = FIXTURE_HOLE - 8;
    ck_assert(
        core_fixture_faults(fixture, "0f 11 06", VECTOR_PF)); /* movups across into the hole */
    ck_assert_uint_eq(core->fault.address, FIXTURE_HOLE);
    ck_assert_uint_eq(core_fixture_read(fixture, FIXTURE_HOLE - 8, 8), 0);
    core->state.gpr[REG_RDI] = FIXTURE_HOLE - 8;
    core->state.xmm[1] = (union xmm){ .u64 = { UINT64_MAX, 0 } };
    ck_assert_int_eq(core_fixture_run_hex(fixture, "66 0f f7 c1"),
                     UNWIND_NONE); /* maskmovdqu, low half only */
    ck_assert_uint_eq(core_fixture_read(fixture, FIXTURE_HOLE - 8, 8), UINT64_MAX);
    core_fixture_write(fixture, FIXTURE_HOLE - 8, 8, 0);
    core->state.xmm[1].u64[1] = UINT64_MAX;
    ck_assert(core_fixture_faults(fixture, "66 0f f7 c1", VECTOR_PF));
    ck_assert_uint_eq(core_fixture_read(fixture, FIXTURE_HOLE - 8, 8), 0);
    core->state.gpr[REG_RSI] = FIXTURE_READ_ONLY;
    ck_assert(core_fixture_faults(fixture, "0f 29 06", VECTOR_PF));
    ck_assert_int_eq(core_fixture_run_hex(fixture, "0f 28 06"), UNWIND_NONE);
}
END_TEST

START_TEST(unaligned_access_across_pages_works)
{
    struct core *core = &fixture->core;

    core->state.gpr[REG_RSI] = FIXTURE_DATA + 0xffb;
    for (unsigned i = 0; i < 16; i++) {
        core->state.xmm[0].u8[i] = (uint8_t)(i + 1);
    }
    ck_assert_int_eq(core_fixture_run_hex(fixture, "f3 0f 7f 06"), UNWIND_NONE); /* movdqu store */
    ck_assert_int_eq(core_fixture_run_hex(fixture, "f2 0f f0 0e"), UNWIND_NONE); /* lddqu xmm1 */
    ck_assert_mem_eq(&core->state.xmm[1], &core->state.xmm[0], 16);
    ck_assert_int_eq(core_fixture_run_hex(fixture, "66 0f 3a 62 06 08"),
                     UNWIND_NONE);                                     /* pcmpistrm */
    ck_assert(core_fixture_faults(fixture, "66 0f 6f 06", VECTOR_GP)); /* movdqa */
    ck_assert(core_fixture_faults(fixture, "66 0f e7 06", VECTOR_GP)); /* movntdq */
    ck_assert(core_fixture_faults(fixture, "0f 58 06", VECTOR_GP));    /* addps */
}
END_TEST

START_TEST(non_canonical_address_is_gp_or_ss)
{
    fixture->core.state.gpr[REG_RSI] = UINT64_C(0x8000000000000000);
    fixture->core.state.gpr[REG_RBP] = UINT64_C(0x8000000000000000);
    ck_assert(core_fixture_faults(fixture, "0f 10 06", VECTOR_GP));
    ck_assert(core_fixture_faults(fixture, "0f 10 45 00", VECTOR_SS));
}
END_TEST

START_TEST(xmm_registers_reach_devices)
{
    fixture->core.state.gpr[REG_RSI] = FIXTURE_DEVICE + 16;
    fixture->core.state.xmm[2] = (union xmm){ .u64 = { 0x1122334455667788, 0x99aabbccddeeff00 } };
    ck_assert_int_eq(core_fixture_run_hex(fixture, "0f 29 16"), UNWIND_NONE);
    ck_assert_mem_eq(fixture->device + 16, &fixture->core.state.xmm[2], 16);
    ck_assert_int_eq(core_fixture_run_hex(fixture, "0f 28 1e"), UNWIND_NONE);
    ck_assert_mem_eq(&fixture->core.state.xmm[3], &fixture->core.state.xmm[2], 16);
    fixture->device_suspends = true;
    ck_assert_int_eq(core_fixture_run_hex(fixture, "0f 28 06"), UNWIND_SUSPEND);
}
END_TEST

static Suite *suite_sse(void)
{
    Suite *suite = suite_create("cpu/exec/sse");
    TCase *host = tcase_create("host");

    tcase_add_loop_test(host, does_what_the_host_does, 0, N_ROWS);
    suite_add_tcase(suite, host);

    TCase *blocked = tcase_create("blocked");

    tcase_add_checked_fixture(blocked, setup, teardown);
    tcase_add_loop_test(blocked, cr0_em_is_ud_and_cr0_ts_is_nm, 0, ARRAY_SIZE(blocked_rows));
    tcase_add_loop_test(blocked, sse_needs_cr4_osfxsr_and_mmx_does_not, 0,
                        ARRAY_SIZE(blocked_rows));
    tcase_add_test(blocked, pending_x87_exception_is_mf_before_mmx);
    tcase_add_test(blocked, cvtpi2ps_from_memory_enters_mmx);
    tcase_add_test(blocked, ldmxcsr_refuses_reserved_bits);
    tcase_add_test(blocked, unmasked_exception_is_xm_or_ud_and_keeps_the_destination);
    tcase_add_test(blocked, approximations_are_within_their_error);
    suite_add_tcase(suite, blocked);

    TCase *memory = tcase_create("memory");

    tcase_add_checked_fixture(memory, setup, teardown);
    tcase_add_test(memory, faulting_store_writes_nothing);
    tcase_add_test(memory, unaligned_access_across_pages_works);
    tcase_add_test(memory, non_canonical_address_is_gp_or_ss);
    tcase_add_test(memory, xmm_registers_reach_devices);
    suite_add_tcase(suite, memory);
    return suite;
}

CHECK_MAIN(suite_sse())
