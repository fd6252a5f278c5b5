/* What a processor model does not know raises #UD, and what it knows does not. [SDM 2, exceptions of each instruction]
 */
#include <stdio.h>
#include <string.h>

#include "cpu/exec/model.h"
#include "cpu/x86/exception.h"
#include "tests/check/check_main.h"
#include "tests/check/cpu/exec/core_fixture.h"

/* An instruction and the option without which it does not exist; RAX and RSI point to aligned data. */
static const struct feature_case {
    const char *hex, *option;
} feature_cases[] = {
    { "0f fc c1", "mmx" },             /* paddb mm0, mm1 */
    { "0f 77", "mmx" },                /* emms */
    { "0f 58 c1", "sse" },             /* addps */
    { "0f ae 10", "sse" },             /* ldmxcsr [rax] */
    { "0f e0 c1", "sse" },             /* pavgb mm0, mm1 */
    { "0f ae f8", "sse" },             /* sfence */
    { "66 0f 58 c1", "sse2" },         /* addpd */
    { "66 0f fc c1", "sse2" },         /* paddb xmm0, xmm1 */
    { "0f c3 08", "sse2" },            /* movnti [rax], ecx */
    { "0f ae f0", "sse2" },            /* mfence */
    { "66 0f d0 c1", "sse3" },         /* addsubpd */
    { "df 08", "sse3" },               /* fisttp word [rax] */
    { "66 0f 38 00 c1", "ssse3" },     /* pshufb */
    { "0f 38 00 c1", "ssse3" },        /* pshufb mm0, mm1 */
    { "66 0f 38 40 c1", "sse4.1" },    /* pmulld */
    { "66 0f 3a 15 c8 00", "sse4.1" }, /* pextrw eax, xmm1, 0: the new encoding */
    { "66 0f 38 37 c1", "sse4.2" },    /* pcmpgtq */
    { "f2 0f 38 f1 c1", "sse4.2" },    /* crc32 */
    { "f3 0f b8 c1", "popcnt" },
    { "0f 44 c1", "cmov" },    /* cmove */
    { "db f1", "cmov" },       /* fcomi */
    { "da c1", "cmov" },       /* fcmovb */
    { "0f c7 0e", "cx8" },     /* cmpxchg8b [rsi] */
    { "48 0f c7 0e", "cx16" }, /* cmpxchg16b [rsi] */
    { "0f 38 f0 0e", "movbe" },
    { "0f ae 06", "fxsr" },  /* fxsave [rsi] */
    { "0f ae 26", "xsave" }, /* xsave [rsi] */
    { "0f ae 36", "xsaveopt" },
    { "0f c7 26", "xsavec" },
    { "0f 01 d0", "xsave" }, /* xgetbv */
    { "0f c7 f1", "rdrand" },
    { "0f c7 f9", "rdseed" },
    { "0f 31", "tsc" }, /* rdtsc */
    { "0f 01 f9", "rdtscp" },
    { "f3 0f c7 f9", "rdpid" },
    { "0f ae 3e", "clflush" },
    { "66 0f ae 3e", "clflushopt" },
    { "f3 48 0f ae c1", "fsgsbase" }, /* rdfsbase rcx */
    { "66 0f 38 82 0e", "invpcid" },
    { "0f 01 ca", "smap" }, /* clac */
    { "9f", "lahf" },
    { "66 0f 38 dc c1", "aes" },          /* aesenc */
    { "66 0f 3a 44 c1 00", "pclmulqdq" }, /* pclmulqdq */
    { "0f 38 c9 c1", "sha" },             /* sha1msg1 */
    { "66 0f 38 f6 c1", "adx" },          /* adcx */
    { "c4 e2 70 f2 c2", "bmi1" },         /* andn eax, ecx, edx */
    { "c4 e2 71 f7 c2", "bmi2" },         /* shlx */
    { "c5 f8 58 c1", "avx" },             /* vaddps xmm */
    { "c5 fc 58 c1", "avx" },             /* vaddps ymm */
    { "c5 f9 6f c1", "avx" },             /* vmovdqa xmm */
    { "c4 e2 79 dc c1", "avx" },          /* vaesenc */
    { "c5 fd fc c1", "avx2" },            /* vpaddb ymm */
    { "c4 e2 7d 18 c1", "avx2" },         /* vbroadcastss ymm, xmm: from memory it is AVX */
    { "c4 e2 71 b8 c2", "fma" },          /* vfmadd231ps */
    { "c4 e2 79 13 c1", "f16c" },         /* vcvtph2ps */
};

static struct core_fixture *fixture_with(const char *text, struct cpu_model *model)
{
    struct core_fixture *fixture = core_fixture_create(FIXTURE_LONG);
    struct core *core = &fixture->core;
    struct error error = { "" };

    ck_assert_msg(cpu_model_configure(model, text, &error) == 0, "%s: %s", text, error.text);
    core->model = model;
    core->state.cr4 |= CR4_OSXSAVE | CR4_FSGSBASE;
    core->state.xcr0 = XCR0_X87 | XCR0_SSE | XCR0_AVX;
    core->state.gpr[REG_RAX] = FIXTURE_DATA;
    core->state.gpr[REG_RSI] = FIXTURE_DATA;
    core_mode_update(core);
    return fixture;
}

#define EVERYTHING "verdite64,+xsavec,+rdseed,+rdpid,+clflushopt,+adx,+avx,+avx2,+fma,+f16c"

START_TEST(instructions_come_with_their_feature)
{
    const struct feature_case *row = &feature_cases[_i];
    struct cpu_model model;
    struct core_fixture *fixture = fixture_with(EVERYTHING, &model);
    enum core_unwind how = core_fixture_run_hex(fixture, row->hex);

    ck_assert_msg(how != UNWIND_FAULT || fixture->core.fault.vector != VECTOR_UD, "%s with %s",
                  row->hex, row->option);
    core_fixture_destroy(fixture);

    char text[128];
    (void)snprintf(text, sizeof(text), EVERYTHING ",-%s", row->option);
    fixture = fixture_with(text, &model);
    if (strcmp(row->option, "fxsr") == 0 || strcmp(row->option, "sse") == 0) {
        fixture->core.state.cr4 |= CR4_OSFXSR; /* whatever the enables say */
    }
    ck_assert_msg(core_fixture_faults(fixture, row->hex, VECTOR_UD), "%s without %s", row->hex,
                  row->option);
    core_fixture_destroy(fixture);
}
END_TEST

/* What each named model knows, in 32-bit code: m of the order 486, pentium3, x86-64-v1, x86-64-v2, verdite64. */
static const char *const model_order[] = { "486", "pentium3", "x86-64-v1", "x86-64-v2",
                                           "verdite64" };
enum { MODELS = 5 };

static const struct model_case {
    const char *hex;
    unsigned first; /* the oldest that knows it; MODELS: none */
} model_cases[] = {
    { "0f c8", 0 },          /* bswap eax */
    { "0f a2", 0 },          /* cpuid */
    { "0f b1 0e", 0 },       /* cmpxchg */
    { "0f c1 0e", 0 },       /* xadd */
    { "0f 01 3e", 0 },       /* invlpg */
    { "0f 08", 0 },          /* invd */
    { "d9 e8", 0 },          /* fld1 */
    { "f3 90", 0 },          /* pause */
    { "f3 0f bc c1", 0 },    /* tzcnt: bsf */
    { "0f 31", 1 },          /* rdtsc */
    { "0f c7 0e", 1 },       /* cmpxchg8b */
    { "0f 44 c1", 1 },       /* cmove */
    { "db e9", 1 },          /* fucomi */
    { "0f 1f 06", 1 },       /* nop [esi] */
    { "0f 18 0e", 1 },       /* prefetcht0 */
    { "0f fc c1", 1 },       /* paddb mm */
    { "0f ae 06", 1 },       /* fxsave */
    { "0f 58 c1", 1 },       /* addps */
    { "0f da c1", 1 },       /* pminub mm */
    { "0f d4 c1", 2 },       /* paddq mm */
    { "66 0f fc c1", 2 },    /* paddb xmm */
    { "66 0f 58 c1", 2 },    /* addpd */
    { "0f ae f0", 2 },       /* mfence */
    { "0f ae 3e", 2 },       /* clflush */
    { "f2 0f d0 c1", 3 },    /* addsubps */
    { "0f 38 00 c1", 3 },    /* pshufb mm */
    { "66 0f 38 40 c1", 3 }, /* pmulld */
    { "66 0f 38 37 c1", 3 }, /* pcmpgtq */
    { "f3 0f b8 c1", 3 },    /* popcnt */
    { "0f 38 f0 0e", 4 },    /* movbe */
    { "0f ae 26", 4 },       /* xsave */
    { "0f c7 f1", 4 },       /* rdrand */
    { "0f 01 ca", 4 },       /* clac */
    { "0f c7 f9", MODELS },  /* rdseed: an option */
    { "0f 01 c8", MODELS },  /* monitor */
    { "0f 01 c9", MODELS },  /* mwait */
    { "0f c7 2e", MODELS },  /* xsaves */
};

START_TEST(named_models_know_their_age)
{
    const struct model_case *row = &model_cases[_i / MODELS];
    unsigned m = (unsigned)_i % MODELS;
    struct core_fixture *fixture = core_fixture_create(FIXTURE_FLAT32);
    struct core *core = &fixture->core;

    core->model = cpu_model_find(model_order[m]);
    core->state.cr4 |= CR4_OSXSAVE;
    core->state.xcr0 = XCR0_X87 | XCR0_SSE;
    core->state.gpr[REG_RSI] = FIXTURE_DATA;
    core_mode_update(core);
    enum core_unwind how = core_fixture_run_hex(fixture, row->hex);
    bool undefined = how == UNWIND_FAULT && core->fault.vector == VECTOR_UD;
    ck_assert_msg(undefined == (m < row->first), "%s on %s", row->hex, model_order[m]);
    core_fixture_destroy(fixture);
}
END_TEST

/* How the absence of an x87 is found out: FNSTSW leaves its operand alone. [SDM 3A 9.2.2] */
START_TEST(without_an_x87_its_instructions_do_nothing)
{
    struct cpu_model model;
    struct core_fixture *fixture = fixture_with("verdite64,-fpu", &model);
    struct core *core = &fixture->core;

    core->state.gpr[REG_RAX] = 0x5a5a;
    ck_assert_int_eq(core_fixture_run_hex(fixture, "db e3"), UNWIND_NONE); /* fninit */
    ck_assert_int_eq(core_fixture_run_hex(fixture, "df e0"), UNWIND_NONE); /* fnstsw ax */
    ck_assert_uint_eq(core->state.gpr[REG_RAX], 0x5a5a);
    core->state.cr0 |= CR0_EM;
    core_mode_update(core);
    ck_assert(core_fixture_faults(fixture, "df e0", VECTOR_NM));
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(lahf_is_always_known_outside_64_bit_mode)
{
    struct core_fixture *fixture = core_fixture_create(FIXTURE_FLAT32);

    fixture->core.model = cpu_model_find("x86-64-v1");
    ck_assert_int_eq(core_fixture_run_hex(fixture, "9f"), UNWIND_NONE);
    core_fixture_destroy(fixture);
}
END_TEST

static Suite *suite_features(void)
{
    Suite *suite = suite_create("cpu/exec/features");
    TCase *features = tcase_create("features");

    tcase_add_loop_test(features, instructions_come_with_their_feature, 0,
                        ARRAY_SIZE(feature_cases));
    tcase_add_loop_test(features, named_models_know_their_age, 0, ARRAY_SIZE(model_cases) * MODELS);
    tcase_add_test(features, without_an_x87_its_instructions_do_nothing);
    tcase_add_test(features, lahf_is_always_known_outside_64_bit_mode);
    suite_add_tcase(suite, features);
    return suite;
}

CHECK_MAIN(suite_features())
