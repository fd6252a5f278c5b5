/* CPU models: CPUID rows, options with suggestions, dependencies. */
#include <string.h>

#include "cpu/exec/model.h"
#include "tests/check/check_main.h"

static void cpuid_of(const struct cpu_model *model, uint32_t leaf, uint32_t subleaf,
                     uint32_t regs[4])
{
    struct core core = { .model = model, .bits = 64 };

    cpu_model_cpuid(&core, leaf, subleaf, regs);
}

/* CPUID of the default model, worked out from the manual's bit numbers. [SDM 2A CPUID] */
static const struct cpuid_case {
    uint32_t leaf, subleaf, regs[4]; /* EAX EBX ECX EDX */
} cpuid_cases[] = {
    { 0, 0, { 0xd, 0x756e6547, 0x6c65746e, 0x49656e69 } }, /* GenuineIntel */
    /* SSE3 PCLMULQDQ SSSE3 CX16 PCID SSE4.1 SSE4.2 MOVBE POPCNT AES XSAVE RDRAND; FPU..SSE2 */
    { 1, 0, { 0x106ca, 0x00010800, 0x46da2203, 0x078bfbff } },
    { 2, 0, { 0xff01, 0, 0, 0 } },
    { 3, 0, { 0, 0, 0, 0 } },
    { 4, 0, { 0x121, 0x01c0003f, 63, 0 } },
    { 4, 2, { 0x143, 0x01c0003f, 1023, 0 } },
    { 4, 3, { 0, 0, 0, 0 } },
    { 5, 0, { 0, 0, 0, 0 } },
    { 6, 0, { 4, 0, 0, 0 } },
    /* FSGSBASE TSC_ADJUST BMI1 SMEP BMI2 ERMS INVPCID SMAP SHA; UMIP */
    { 7, 0, { 0, 0x2010078b, 4, 0 } },
    { 7, 1, { 0, 0, 0, 0 } },
    { 0xa, 0, { 0, 0, 0, 0 } },
    { 0xb, 0, { 0, 1, 0x100, 0 } },
    { 0xb, 1, { 0, 1, 0x201, 0 } },
    { 0xb, 2, { 0, 0, 2, 0 } },
    { 0xd, 0, { 3, 576, 576, 0 } },
    { 0xd, 1, { 1, 0, 0, 0 } },
    { 0xd, 2, { 0, 0, 0, 0 } },
    { 0xe, 0, { 3, 576, 576, 0 } }, /* beyond the last basic leaf: the last one */
    { 0x80000009, 1, { 1, 0, 0, 0 } },
    { 0x40000000, 0, { 0, 0, 0, 0 } },
    { 0x4000ffff, 0, { 0, 0, 0, 0 } },
    { 0x80000000, 0, { 0x80000008, 0, 0, 0 } },
    { 0x80000001, 0, { 0, 0, 0x21, 0x2c100800 } }, /* LAHF LZCNT; SYSCALL NX 1G RDTSCP LM */
    { 0x80000007, 0, { 0, 0, 0, 0 } },
    { 0x80000008, 0, { 0x3028, 0, 0, 0 } },
};

START_TEST(cpuid_of_the_default_model)
{
    const struct cpuid_case *row = &cpuid_cases[_i];
    uint32_t regs[4];

    cpuid_of(cpu_model_find(NULL), row->leaf, row->subleaf, regs);
    for (unsigned n = 0; n < 4; n++) {
        ck_assert_msg(regs[n] == row->regs[n], "leaf %x.%x register %u: %08x, not %08x", row->leaf,
                      row->subleaf, n, regs[n], row->regs[n]);
    }
}
END_TEST

START_TEST(cpuid_follows_the_processors_state)
{
    struct core core = { .model = cpu_model_find("verdite64"), .bits = 32 };
    uint32_t regs[4];

    cpu_model_cpuid(&core, 0x80000001, 0, regs);
    ck_assert_uint_eq(regs[CPUID_EDX] >> 11 & 1, 0); /* SYSCALL: only in 64-bit mode */
    core.state.cr4 = CR4_OSXSAVE;
    cpu_model_cpuid(&core, 1, 0, regs);
    ck_assert_uint_eq(regs[CPUID_ECX] >> 27 & 1, 1);
}
END_TEST

/* The AVX component: 256 bytes behind the header. [SDM 1 13.4.3; 2A CPUID leaf 0Dh] */
START_TEST(xsave_leaf_follows_xcr0)
{
    struct core core = { .model = cpu_model_find("x86-64-v3"), .bits = 64 };
    uint32_t regs[4];

    for (unsigned avx = 0; avx < 2; avx++) {
        core.state.xcr0 = avx ? 7 : 3;
        cpu_model_cpuid(&core, 0xd, 0, regs);
        ck_assert_uint_eq(regs[CPUID_EAX], 7);
        ck_assert_uint_eq(regs[CPUID_EBX], avx ? 832 : 576);
        ck_assert_uint_eq(regs[CPUID_ECX], 832);
    }
    cpu_model_cpuid(&core, 0xd, 2, regs);
    ck_assert_uint_eq(regs[CPUID_EAX], 256);
    ck_assert_uint_eq(regs[CPUID_EBX], 576);
    ck_assert_uint_eq(regs[CPUID_ECX], 0);
}
END_TEST

START_TEST(brand_is_readable)
{
    char brand[49] = { 0 };

    for (unsigned n = 0; n < 3; n++) {
        uint32_t regs[4];

        cpuid_of(cpu_model_find("x86-64-v2"), 0x80000002 + n, 0, regs);
        memcpy(brand + 16 * n, regs, 16);
    }
    ck_assert_str_eq(brand, "Verdite x86-64-v2 processor");
}
END_TEST

/* Signatures [SDM 2A CPUID leaf 1], and features of the psABI's levels. */
static const struct model_case {
    const char *name;
    uint32_t signature;
    uint64_t has, lacks;
} model_cases[] = {
    { "verdite64", 0x106ca, FEATURE_BIT(SMAP) | FEATURE_BIT(XSAVEOPT) | FEATURE_BIT(GBPAGES),
      FEATURE_BIT(INVTSC) | FEATURE_BIT(X2APIC) | FEATURE_BIT(RDSEED) },
    { "x86-64-v1", 0x106ca, FEATURE_BIT(LM) | FEATURE_BIT(SSE2) | FEATURE_BIT(SYSCALL),
      FEATURE_BIT(SSE3) | FEATURE_BIT(CX16) | FEATURE_BIT(XSAVE) },
    { "x86-64-v2", 0x106ca,
      FEATURE_BIT(CX16) | FEATURE_BIT(LAHF) | FEATURE_BIT(POPCNT) | FEATURE_BIT(SSE4_2),
      FEATURE_BIT(MOVBE) | FEATURE_BIT(XSAVE) },
    { "x86-64-v3", 0x106ca,
      FEATURE_BIT(AVX) | FEATURE_BIT(AVX2) | FEATURE_BIT(BMI1) | FEATURE_BIT(BMI2) |
          FEATURE_BIT(F16C) | FEATURE_BIT(FMA) | FEATURE_BIT(LZCNT) | FEATURE_BIT(MOVBE) |
          FEATURE_BIT(XSAVE),
      FEATURE_BIT(AES) | FEATURE_BIT(SHA) },
    { "pentium3", 0x683, FEATURE_BIT(SSE) | FEATURE_BIT(PAE), FEATURE_BIT(SSE2) | FEATURE_BIT(LM) },
    { "486", 0x480, FEATURE_BIT(FPU), FEATURE_BIT(TSC) | FEATURE_BIT(CX8) | FEATURE_BIT(PSE) },
};

START_TEST(models_are_what_they_are_called)
{
    const struct model_case *row = &model_cases[_i];
    const struct cpu_model *model = cpu_model_find(row->name);
    struct cpu_model copy;

    ck_assert_ptr_nonnull(model);
    ck_assert_uint_eq(cpu_model_signature(model), row->signature);
    ck_assert_uint_eq(model->features & row->has, row->has);
    ck_assert_uint_eq(model->features & row->lacks, 0);
    ck_assert_int_eq(cpu_model_configure(&copy, row->name, NULL), 0); /* its dependencies hold */
}
END_TEST

START_TEST(every_model_has_a_row_here)
{
    ck_assert_uint_eq(cpu_model_count, ARRAY_SIZE(model_cases));
}
END_TEST

static const struct option_case {
    const char *text;
    const char *message; /* part of it; NULL: accepted */
    uint64_t has, lacks;
} option_cases[] = {
    { NULL, NULL, FEATURE_BIT(SSE4_2), 0 },
    { "verdite64,+invtsc", NULL, FEATURE_BIT(INVTSC), 0 },
    { "verdite64,+x2apic,-smap", NULL, FEATURE_BIT(X2APIC), FEATURE_BIT(SMAP) },
    { "verdite64,-ssse3", NULL, FEATURE_BIT(SSE3), FEATURE_BIT(SSSE3) | FEATURE_BIT(SSE4_2) },
    { "verdite64,-avx", NULL, FEATURE_BIT(SSE4_2), 0 },
    { "x86-64-v1,+xsave,+xsaveopt", NULL, FEATURE_BIT(XSAVEOPT), 0 },
    { "verdit64", "did you mean \"verdite64\"", 0, 0 },
    { "pentium4", "did you mean \"pentium3\"", 0, 0 },
    { "verdite64,+avx,+avx2", NULL, FEATURE_BIT(AVX) | FEATURE_BIT(AVX2), 0 },
    { "x86-64-v3,-avx", NULL, FEATURE_BIT(BMI2), FEATURE_BIT(AVX2) | FEATURE_BIT(FMA) },
    { "x86-64-v3,-xsave", NULL, FEATURE_BIT(BMI2), FEATURE_BIT(AVX) },
    { "verdite64,+avx2", "\"avx2\" needs \"avx\"", 0, 0 },
    { "verdite64,+avx512f", "\"avx512f\" is not implemented", 0, 0 },
    { "verdite64,+invtcs", "did you mean \"invtsc\"", 0, 0 },
    { "verdite64,invtsc", "write +invtsc or -invtsc", 0, 0 },
    { "x86-64-v1,+sse4.2", "\"sse4.2\" needs \"sse4.1\"", 0, 0 },
    { "verdite64,", NULL, FEATURE_BIT(LM), 0 },
    { "verdite64,,", "write +", 0, 0 },
    { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "no CPU model", 0,
      0 },
    { "486,+aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "no CPU feature", 0, 0 },
};

START_TEST(options_add_and_remove_features)
{
    const struct option_case *row = &option_cases[_i];
    struct cpu_model model;
    struct error error = { "" };
    int status = cpu_model_configure(&model, row->text, &error);

    if (row->message == NULL) {
        ck_assert_msg(status == 0, "%s", error.text);
        ck_assert_uint_eq(model.features & row->has, row->has);
        ck_assert_uint_eq(model.features & row->lacks, 0);
    } else {
        ck_assert_int_lt(status, 0);
        ck_assert_msg(strstr(error.text, row->message) != NULL, "%s", error.text);
    }
}
END_TEST

START_TEST(added_features_show_in_cpuid)
{
    struct cpu_model model;
    uint32_t regs[4];

    ck_assert_int_eq(cpu_model_configure(&model, "x86-64-v1,+xsave,+invtsc", NULL), 0);
    cpuid_of(&model, 0, 0, regs);
    ck_assert_uint_eq(regs[CPUID_EAX], 0xd); /* the sizes' leaf came with it */
    cpuid_of(&model, 0x80000007, 0, regs);
    ck_assert_uint_eq(regs[CPUID_EDX], 0x100);
    ck_assert_uint_eq(cpu_model_xcr0(&model), 3);
    ck_assert_uint_eq(cpu_model_cr4_reserved(&model) & CR4_OSXSAVE, 0);
    ck_assert_uint_eq(cpu_model_cr4_reserved(&model) & CR4_SMAP, CR4_SMAP);
}
END_TEST

static Suite *suite_model(void)
{
    Suite *suite = suite_create("cpu/exec/model");
    TCase *cpuid = tcase_create("cpuid");
    TCase *options = tcase_create("options");

    tcase_add_loop_test(cpuid, cpuid_of_the_default_model, 0, ARRAY_SIZE(cpuid_cases));
    tcase_add_test(cpuid, cpuid_follows_the_processors_state);
    tcase_add_test(cpuid, brand_is_readable);
    tcase_add_test(cpuid, xsave_leaf_follows_xcr0);
    tcase_add_loop_test(cpuid, models_are_what_they_are_called, 0, ARRAY_SIZE(model_cases));
    tcase_add_test(cpuid, every_model_has_a_row_here);
    tcase_add_loop_test(options, options_add_and_remove_features, 0, ARRAY_SIZE(option_cases));
    tcase_add_test(options, added_features_show_in_cpuid);
    suite_add_tcase(suite, cpuid);
    suite_add_tcase(suite, options);
    return suite;
}

CHECK_MAIN(suite_model())
