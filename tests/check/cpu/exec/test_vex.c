/* cpu/exec: what VEX-encoded and cryptographic instructions do beside their lanes: availability, upper halves,
 * alignment, masked memory; and published examples. Lanes are the host CPU's to judge. [SDM 2A 2.4; FIPS 197; FIPS 180-4] */
#include <string.h>

#include "cpu/exec/fp_ops.h"
#include "cpu/exec/model.h"
#include "tests/check/check_main.h"
#include "tests/check/cpu/exec/core_fixture.h"

static struct core_fixture *fixture;
static struct cpu_model model;

static void setup_mode(enum fixture_mode mode)
{
    struct error error = { "" };

    fixture = core_fixture_create(mode);
    struct core *core = &fixture->core;

    ck_assert_int_eq(cpu_model_configure(&model, "x86-64-v3,+aes,+sha,+pclmulqdq", &error), 0);
    core->model = &model;
    core->state.cr4 |= CR4_OSXSAVE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    core->state.xcr0 = XCR0_X87 | XCR0_SSE | XCR0_AVX;
    core->state.mxcsr = MXCSR_INIT;
    core->state.gpr[REG_RSI] = FIXTURE_DATA;
    core_mode_update(core);
    for (unsigned i = 0; i < 16; i++) {
        memset(&core->state.xmm[i], 0x10 + (int)i, 16);
        memset(&core->state.ymm_high[i], 0x80 + (int)i, 16);
    }
}

static void setup(void)
{
    setup_mode(FIXTURE_LONG);
}

static void teardown(void)
{
    core_fixture_destroy(fixture);
}

static void run(const char *hex)
{
    ck_assert_msg(core_fixture_run_hex(fixture, hex) != UNWIND_FAULT, "%s: vector %u", hex,
                  fixture->core.fault.vector);
}

/* ---- what makes them unavailable [SDM 2A table 2-14 and after] ---- */
static const struct blocked_case {
    uint64_t cr0_set, cr4_clear, xcr0;
    int vector; /* -1: it runs */
} blocked_cases[] = {
    { 0, 0, 7, -1 },
    { CR0_TS, 0, 7, VECTOR_NM },
    { 0, CR4_OSXSAVE, 7, VECTOR_UD },
    { CR0_TS, CR4_OSXSAVE, 7, VECTOR_UD },
    { 0, 0, 3, VECTOR_UD },
    { 0, 0, 1, VECTOR_UD },
    { CR0_EM, 0, 7, -1 },     /* of SSE alone */
    { 0, CR4_OSFXSR, 7, -1 }, /* likewise */
};

static const char *const blocked_insns[] = {
    "c5 f0 58 c2",       /* vaddps xmm0, xmm1, xmm2 */
    "c5 f9 6f 06",       /* vmovdqa xmm0, [rsi] */
    "c5 f8 2e c1",       /* vucomiss xmm0, xmm1 */
    "c5 f8 77",          /* vzeroupper */
    "c5 fb 2c c1",       /* vcvttsd2si eax, xmm1 */
    "c4 e2 69 92 04 0e", /* vgatherdps xmm0, [rsi+xmm1], xmm2 */
    "c5 f8 ae 1e",       /* vstmxcsr [rsi] */
};

START_TEST(availability_is_checked)
{
    const struct blocked_case *row = &blocked_cases[_i % (int)ARRAY_SIZE(blocked_cases)];
    const char *hex = blocked_insns[_i / (int)ARRAY_SIZE(blocked_cases)];
    struct core *core = &fixture->core;

    memset(&core->state.xmm[1], 0, 16); /* near indices */
    core->state.cr0 |= row->cr0_set;
    core->state.cr4 &= ~row->cr4_clear;
    core->state.xcr0 = row->xcr0;
    core_mode_update(core);
    if (row->vector < 0) {
        run(hex);
    } else {
        ck_assert_msg(core_fixture_faults(fixture, hex, (unsigned)row->vector), "%s", hex);
    }
}
END_TEST

START_TEST(real_mode_does_not_know_vex)
{
    teardown();
    setup_mode(FIXTURE_REAL);
    ck_assert(core_fixture_faults(fixture, "c5 f0 58 c2", VECTOR_UD));
    ck_assert(core_fixture_faults(fixture, "c4 e2 70 f2 c2", VECTOR_UD)); /* andn */
}
END_TEST

/* ---- upper halves ---- */
static bool high_is(unsigned n, uint8_t byte)
{
    uint8_t expected[16];

    memset(expected, byte, sizeof(expected));
    return memcmp(&fixture->core.state.ymm_high[n], expected, 16) == 0;
}

static const struct upper_case {
    const char *hex; /* destination: register 0 */
    uint8_t high;    /* what each byte of its upper half is afterwards */
} upper_cases[] = {
    { "0f 57 c2", 0x80 },          /* xorps: SSE keeps it */
    { "66 0f 6f c1", 0x80 },       /* movdqa */
    { "c5 f0 57 c2", 0 },          /* vxorps xmm0, xmm1, xmm2 */
    { "c5 f4 57 c1", 0 },          /* vxorps ymm0, ymm1, ymm1 */
    { "c5 fc 28 c1", 0x81 },       /* vmovaps ymm0, ymm1 */
    { "c5 f8 28 c1", 0 },          /* vmovaps xmm0, xmm1 */
    { "c5 f2 10 c2", 0 },          /* vmovss xmm0, xmm1, xmm2 */
    { "c5 fa 10 06", 0 },          /* vmovss xmm0, [rsi] */
    { "c5 f9 6e c1", 0 },          /* vmovd xmm0, ecx */
    { "c5 fa 7e c1", 0 },          /* vmovq xmm0, xmm1 */
    { "c5 f1 c4 c1 03", 0 },       /* vpinsrw */
    { "c5 f2 2a c1", 0 },          /* vcvtsi2ss */
    { "c4 e2 79 18 c1", 0 },       /* vbroadcastss xmm0, xmm1 */
    { "c4 e3 75 06 c2 31", 0x82 }, /* vperm2f128 ymm0, ymm1, ymm2: high of 1, high of 2 */
    { "c4 e3 79 62 c1 00", 0 },    /* vpcmpistrm: xmm0 */
    { "c5 fc 77", 0 },             /* vzeroall */
    { "c5 f8 77", 0 },             /* vzeroupper */
};

START_TEST(upper_halves_are_cleared_or_kept)
{
    run(upper_cases[_i].hex);
    ck_assert_msg(high_is(0, upper_cases[_i].high), "%s", upper_cases[_i].hex);
    ck_assert(high_is(3, strstr(upper_cases[_i].hex, " 77") != NULL ? 0 : 0x83));
}
END_TEST

START_TEST(outside_64_bit_mode_eight_registers_are_cleared)
{
    teardown();
    setup_mode(FIXTURE_FLAT32);
    run("c5 fc 77");
    ck_assert(high_is(7, 0));
    ck_assert(high_is(8, 0x88));
}
END_TEST

/* ---- alignment ---- */
START_TEST(only_moves_that_say_so_need_alignment)
{
    fixture->core.state.gpr[REG_RSI] = FIXTURE_DATA + 16;
    run("c5 f9 6f 06");                                                /* vmovdqa xmm0, [rsi] */
    ck_assert(core_fixture_faults(fixture, "c5 fd 6f 06", VECTOR_GP)); /* vmovdqa ymm0 */
    ck_assert(core_fixture_faults(fixture, "c5 fd e7 06", VECTOR_GP)); /* vmovntdq [rsi], ymm0 */
    fixture->core.state.gpr[REG_RSI] = FIXTURE_DATA + 1;
    run("c5 fe 6f 06");    /* vmovdqu ymm0, [rsi] */
    run("c5 fc 58 06");    /* vaddps ymm0, ymm0, [rsi] */
    run("c4 e2 79 dc 06"); /* vaesenc xmm0, xmm0, [rsi] */
    ck_assert(core_fixture_faults(fixture, "66 0f 38 dc 06", VECTOR_GP)); /* aesenc xmm0, [rsi] */
}
END_TEST

/* ---- masked memory: the page behind FIXTURE_DATA's is not there ---- */
START_TEST(masked_elements_do_not_fault)
{
    struct cpu_state *state = &fixture->core.state;
    uint64_t end = UINT64_C(0x7000000000); /* not mapped */

    state->gpr[REG_RSI] = end;
    memset(&state->xmm[1], 0x7f, 16);
    memset(&state->ymm_high[1], 0x7f, 16);
    run("c4 e2 75 2c 06"); /* vmaskmovps ymm0, ymm1, [rsi] */
    ck_assert_uint_eq(state->xmm[0].u64[0] | state->ymm_high[0].u64[1], 0);
    run("c4 e2 75 2e 06"); /* vmaskmovps [rsi], ymm1, ymm0 */
    state->ymm_high[1].u32[3] = 0x80000000;
    ck_assert(core_fixture_faults(fixture, "c4 e2 75 2c 06", VECTOR_PF));
    ck_assert_uint_eq(fixture->core.fault.address, end + 28);
}
END_TEST

/* Elements before the one that faults are there and their mask is clear; it goes on from there. */
START_TEST(gathers_keep_what_they_have_done)
{
    struct cpu_state *state = &fixture->core.state;
    uint32_t *data = (uint32_t *)(void *)core_fixture_at(fixture, FIXTURE_DATA);

    data[0] = 0x11111111;
    data[1] = 0x22222222;
    for (unsigned i = 0; i < 4; i++) {
        state->xmm[1].u32[i] = i == 2 ? 0x70000000 : 4 * i; /* the third is not there */
        state->xmm[2].u32[i] = UINT32_MAX;
    }
    ck_assert(core_fixture_faults(fixture, "c4 e2 69 92 04 0e", VECTOR_PF));
    ck_assert_uint_eq(state->xmm[0].u32[0], 0x11111111);
    ck_assert_uint_eq(state->xmm[0].u32[1], 0x22222222);
    ck_assert_uint_eq(state->xmm[0].u32[2], 0x10101010);
    ck_assert_uint_eq(state->xmm[2].u64[0], 0);
    ck_assert_uint_eq(state->xmm[2].u32[3], UINT32_MAX);
    ck_assert(high_is(0, 0x80));
    state->xmm[1].u32[2] = 4;
    run("c4 e2 69 92 04 0e");
    ck_assert_uint_eq(state->xmm[0].u32[2], 0x22222222);
    ck_assert(high_is(0, 0) && high_is(2, 0));
}
END_TEST

/* ---- published examples ---- */

/* FIPS 197 appendix B: key 2b7e151628aed2a6abf7158809cf4f3c, input 3243f6a8885a308d313198a2e0370734. */
static const uint8_t aes_key[11][16] = {
    "\x2b\x7e\x15\x16\x28\xae\xd2\xa6\xab\xf7\x15\x88\x09\xcf\x4f\x3c",
    "\xa0\xfa\xfe\x17\x88\x54\x2c\xb1\x23\xa3\x39\x39\x2a\x6c\x76\x05",
    "\xf2\xc2\x95\xf2\x7a\x96\xb9\x43\x59\x35\x80\x7a\x73\x59\xf6\x7f",
    "\x3d\x80\x47\x7d\x47\x16\xfe\x3e\x1e\x23\x7e\x44\x6d\x7a\x88\x3b",
    "\xef\x44\xa5\x41\xa8\x52\x5b\x7f\xb6\x71\x25\x3b\xdb\x0b\xad\x00",
    "\xd4\xd1\xc6\xf8\x7c\x83\x9d\x87\xca\xf2\xb8\xbc\x11\xf9\x15\xbc",
    "\x6d\x88\xa3\x7a\x11\x0b\x3e\xfd\xdb\xf9\x86\x41\xca\x00\x93\xfd",
    "\x4e\x54\xf7\x0e\x5f\x5f\xc9\xf3\x84\xa6\x4f\xb2\x4e\xa6\xdc\x4f",
    "\xea\xd2\x73\x21\xb5\x8d\xba\xd2\x31\x2b\xf5\x60\x7f\x8d\x29\x2f",
    "\xac\x77\x66\xf3\x19\xfa\xdc\x21\x28\xd1\x29\x41\x57\x5c\x00\x6e",
    "\xd0\x14\xf9\xa8\xc9\xee\x25\x89\xe1\x3f\x0c\xc8\xb6\x63\x0c\xa6",
};
static const uint8_t aes_plain[] =
    "\x32\x43\xf6\xa8\x88\x5a\x30\x8d\x31\x31\x98\xa2\xe0\x37\x07\x34";
static const uint8_t aes_cipher[] =
    "\x39\x25\x84\x1d\x02\xdc\x09\xfb\xdc\x11\x85\x97\x19\x6a\x0b\x32";

START_TEST(aes_encrypts_and_decrypts_the_example)
{
    union xmm *x = fixture->core.state.xmm;

    memcpy(&x[0], aes_plain, 16);
    for (unsigned round = 0; round < 11; round++) {
        memcpy(&x[1], aes_key[round], 16);
        run(round == 0 ? "0f 57 c1" : round < 10 ? "66 0f 38 dc c1" : "66 0f 38 dd c1");
    }
    ck_assert_mem_eq(&x[0], aes_cipher, 16);
    for (unsigned round = 0; round < 11; round++) {
        memcpy(&x[1], aes_key[10 - round], 16);
        if (round > 0 && round < 10) {
            run("66 0f 38 db c9"); /* aesimc xmm1, xmm1 */
        }
        run(round == 0 ? "0f 57 c1" : round < 10 ? "66 0f 38 de c1" : "66 0f 38 df c1");
    }
    ck_assert_mem_eq(&x[0], aes_plain, 16);
}
END_TEST

/* The first word of the next round key: the last one substituted and rotated, a constant, the first. */
START_TEST(aeskeygenassist_makes_the_next_key)
{
    union xmm *x = fixture->core.state.xmm, key, next;

    memcpy(&x[1], aes_key[0], 16);
    memcpy(&key, aes_key[0], 16);
    memcpy(&next, aes_key[1], 16);
    run("66 0f 3a df c1 01");
    ck_assert_uint_eq(x[0].u32[3] ^ key.u32[0], next.u32[0]);
}
END_TEST

/* FIPS 180-4: SHA-256 of "abc", whose first message words and digest the standard's examples list. */
START_TEST(sha256_of_abc)
{
    static const uint32_t k[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
        0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
        0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
        0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
        0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
        0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
        0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
        0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
        0xc67178f2,
    };
    union xmm *x = fixture->core.state.xmm;
    uint32_t w[64] = { 0x61626380, [15] = 24 };
    const union xmm abef = { .u32 = { 0x9b05688c, 0x510e527f, 0xbb67ae85, 0x6a09e667 } };
    const union xmm cdgh = { .u32 = { 0x5be0cd19, 0x1f83d9ab, 0xa54ff53a, 0x3c6ef372 } };

    for (unsigned t = 16; t < 64; t += 4) { /* sha256msg1, the words between, sha256msg2 */
        memcpy(&x[3], &w[t - 16], 16);
        memcpy(&x[4], &w[t - 12], 16);
        run("0f 38 cc dc");
        for (unsigned i = 0; i < 4; i++) {
            x[3].u32[i] += w[t - 7 + i];
        }
        memcpy(&x[4], &w[t - 4], 16);
        run("0f 38 cd dc");
        memcpy(&w[t], &x[3], 16);
    }
    x[1] = cdgh;
    x[2] = abef;
    for (unsigned t = 0; t < 64; t += 2) {
        union xmm older = x[2];

        x[0].u32[0] = w[t] + k[t];
        x[0].u32[1] = w[t + 1] + k[t + 1];
        run("0f 38 cb ca"); /* sha256rnds2 xmm1, xmm2 */
        x[2] = x[1];
        x[1] = older;
    }
    ck_assert_uint_eq(x[2].u32[3] + abef.u32[3], 0xba7816bf);
    ck_assert_uint_eq(x[2].u32[2] + abef.u32[2], 0x8f01cfea);
    ck_assert_uint_eq(x[1].u32[3] + cdgh.u32[3], 0x414140de);
    ck_assert_uint_eq(x[1].u32[2] + cdgh.u32[2], 0x5dae2223);
    ck_assert_uint_eq(x[2].u32[1] + abef.u32[1], 0xb00361a3);
    ck_assert_uint_eq(x[1].u32[0] + cdgh.u32[0], 0xf20015ad);
}
END_TEST

/* (x^63 + 1)^2 = x^126 + 1; and a product by x. */
START_TEST(carryless_products)
{
    union xmm *x = fixture->core.state.xmm;

    x[0].u64[0] = x[1].u64[1] = UINT64_C(0x8000000000000001);
    run("66 0f 3a 44 c1 10");
    ck_assert_uint_eq(x[0].u64[0], 1);
    ck_assert_uint_eq(x[0].u64[1], UINT64_C(0x4000000000000000));
}
END_TEST

/* ---- fused multiply-add: what rounding twice would lose [SDM 1 14.4] ---- */
static const struct fma_case {
    uint64_t a, b, c, result;
    uint8_t flags;
} fma_cases[] = {
    /* (1 + 2^-52) * (1 - 2^-52) - 1 = -2^-104 */
    { 0x3ff0000000000001, 0x3feffffffffffffe, 0xbff0000000000000, 0xb970000000000000, 0 },
    /* inf * 0 + 1; inf * 1 - inf; and a NaN before both */
    { 0x7ff0000000000000, 0, 0x3ff0000000000000, 0xfff8000000000000, FP_IE },
    { 0x7ff0000000000000, 0x3ff0000000000000, 0xfff0000000000000, 0xfff8000000000000, FP_IE },
    { 0x7ff0000000000000, 0, 0x7ff8000000000123, 0x7ff8000000000123, 0 },
    /* 1 * 1 + 2^-60: inexact; 1 * 1 - 1 = +0; 2^-1000 * 2^-1000 + 0 underflows */
    { 0x3ff0000000000000, 0x3ff0000000000000, 0x3c30000000000000, 0x3ff0000000000000, FP_PE },
    { 0x3ff0000000000000, 0x3ff0000000000000, 0xbff0000000000000, 0, 0 },
    { 0x0170000000000000, 0x0170000000000000, 0, 0, FP_PE | FP_UE },
};

START_TEST(fused_multiply_add_rounds_once)
{
    const struct fma_case *row = &fma_cases[_i];
    const struct fp_ops *ops[] = { &fp_ops_soft, fp_ops_default() };

    for (unsigned i = 0; i < 2; i++) {
        struct fp_env env = fp_env_from_mxcsr(MXCSR_INIT);
        uint64_t r = ops[i]->f64_fma(&env, row->a, row->b, row->c);

        ck_assert_uint_eq(r, row->result);
        ck_assert_uint_eq(env.flags, row->flags);
    }
}
END_TEST

static Suite *suite_vex(void)
{
    Suite *suite = suite_create("cpu/exec/vex");
    TCase *tcase = tcase_create("vex");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, availability_is_checked, 0,
                        ARRAY_SIZE(blocked_cases) * ARRAY_SIZE(blocked_insns));
    tcase_add_test(tcase, real_mode_does_not_know_vex);
    tcase_add_loop_test(tcase, upper_halves_are_cleared_or_kept, 0, ARRAY_SIZE(upper_cases));
    tcase_add_test(tcase, outside_64_bit_mode_eight_registers_are_cleared);
    tcase_add_test(tcase, only_moves_that_say_so_need_alignment);
    tcase_add_test(tcase, masked_elements_do_not_fault);
    tcase_add_test(tcase, gathers_keep_what_they_have_done);
    tcase_add_test(tcase, aes_encrypts_and_decrypts_the_example);
    tcase_add_test(tcase, aeskeygenassist_makes_the_next_key);
    tcase_add_test(tcase, sha256_of_abc);
    tcase_add_test(tcase, carryless_products);
    tcase_add_loop_test(tcase, fused_multiply_add_rounds_once, 0, ARRAY_SIZE(fma_cases));
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_vex())
