/* CPU models: their rows, the feature option syntax, and what depends on features. [SDM 2A CPUID;
 * 3A 2.5] */
#include "cpu/exec/model.h"

#include <errno.h>
#include <string.h>

#include "cpu/decode/op_info.h"

#define F(name) FEATURE_BIT(name)

// clang-format off
#define FEATURES_486 (F(FPU) | F(VME))
#define FEATURES_PENTIUM3 \
    (FEATURES_486 | F(DE) | F(PSE) | F(TSC) | F(MSR) | F(PAE) | F(MCE) | F(CX8) | F(APIC) | F(SEP) | F(MTRR) | \
     F(PGE) | F(MCA) | F(CMOV) | F(PAT) | F(PSE36) | F(MMX) | F(FXSR) | F(SSE))
#define FEATURES_V1 (FEATURES_PENTIUM3 | F(CLFSH) | F(SSE2) | F(SYSCALL) | F(NX) | F(LM))
#define FEATURES_V2 \
    (FEATURES_V1 | F(SSE3) | F(SSSE3) | F(CX16) | F(SSE4_1) | F(SSE4_2) | F(POPCNT) | F(LAHF))
#define FEATURES_V3 \
    (FEATURES_V2 | F(MOVBE) | F(XSAVE) | F(AVX) | F(AVX2) | F(BMI1) | F(BMI2) | F(F16C) | F(FMA) | F(LZCNT))
#define FEATURES_VERDITE64 \
    (FEATURES_V2 | F(MOVBE) | F(XSAVE) | F(XSAVEOPT) | F(RDRAND) | F(RDTSCP) | F(GBPAGES) | F(FSGSBASE) | \
     F(SMEP) | F(SMAP) | F(PCID) | F(INVPCID) | F(UMIP) | F(ERMS) | F(ARAT) | F(TSC_ADJUST) | F(BMI1) | F(BMI2) | \
     F(LZCNT) | F(AES) | F(PCLMULQDQ) | F(SHA))

/* The 64-bit models call themselves family 6 model 1Ch stepping 10 (Bonnell, in order): no speculation, so that stock
 * kernels turn no mitigation on. [LINUX arch/x86/kernel/cpu/common.c cpu_vuln_whitelist] */
const struct cpu_model cpu_models[] = {
    { "verdite64", "what verdite does fast (default)", "GenuineIntel", "Verdite 64-bit processor",
      6, 0x1c, 10, 40, 48, 0xd, 0x80000008, FEATURES_VERDITE64 },
    { "x86-64-v1", "the x86-64 baseline", "GenuineIntel", "Verdite x86-64-v1 processor",
      6, 0x1c, 10, 40, 48, 0x7, 0x80000008, FEATURES_V1 },
    { "x86-64-v2", "x86-64 with SSE4.2, CX16 and POPCNT", "GenuineIntel", "Verdite x86-64-v2 processor",
      6, 0x1c, 10, 40, 48, 0x7, 0x80000008, FEATURES_V2 },
    { "x86-64-v3", "x86-64-v2 with AVX2, BMI, FMA, F16C, MOVBE and LZCNT", "GenuineIntel",
      "Verdite x86-64-v3 processor", 6, 0x1c, 10, 40, 48, 0xd, 0x80000008, FEATURES_V3 },
    { "pentium3", "32-bit, PAE and SSE", "GenuineIntel", "", 6, 8, 3, 36, 32, 0x2, 0, FEATURES_PENTIUM3 },
    { "486", "32-bit, no TSC, no CMPXCHG8B", "GenuineIntel", "", 4, 8, 0, 32, 32, 0x1, 0, FEATURES_486 },
};
// clang-format on
const unsigned cpu_model_count = ARRAY_SIZE(cpu_models);

struct feature_row {
    const char *option;
    uint32_t leaf;
    uint8_t subleaf, reg, bit;
};

static const struct feature_row feature_rows[FEATURE_COUNT] = {
#define X(name, option, leaf, subleaf, reg, bit) { option, leaf, subleaf, reg, bit },
    CPU_FEATURES(X)
#undef X
};

/* A feature and the one without which it makes no sense. */
static const struct {
    uint8_t feature, needs;
} dependencies[] = {
    { FEATURE_MMX, FEATURE_FPU },          { FEATURE_FXSR, FEATURE_FPU },
    { FEATURE_SSE, FEATURE_FXSR },         { FEATURE_SSE2, FEATURE_SSE },
    { FEATURE_SSE3, FEATURE_SSE2 },        { FEATURE_SSSE3, FEATURE_SSE3 },
    { FEATURE_SSE4_1, FEATURE_SSSE3 },     { FEATURE_SSE4_2, FEATURE_SSE4_1 },
    { FEATURE_PSE36, FEATURE_PSE },        { FEATURE_SEP, FEATURE_MSR },
    { FEATURE_MTRR, FEATURE_MSR },         { FEATURE_APIC, FEATURE_MSR },
    { FEATURE_MCA, FEATURE_MCE },          { FEATURE_X2APIC, FEATURE_APIC },
    { FEATURE_ARAT, FEATURE_APIC },        { FEATURE_XSAVE, FEATURE_FXSR },
    { FEATURE_XSAVEOPT, FEATURE_XSAVE },   { FEATURE_NX, FEATURE_PAE },
    { FEATURE_LM, FEATURE_PAE },           { FEATURE_LM, FEATURE_SSE2 },
    { FEATURE_LM, FEATURE_MSR },           { FEATURE_SYSCALL, FEATURE_LM },
    { FEATURE_LAHF, FEATURE_LM },          { FEATURE_CX16, FEATURE_LM },
    { FEATURE_PCID, FEATURE_LM },          { FEATURE_GBPAGES, FEATURE_LM },
    { FEATURE_FSGSBASE, FEATURE_LM },      { FEATURE_RDTSCP, FEATURE_TSC },
    { FEATURE_INVTSC, FEATURE_TSC },       { FEATURE_TSC_ADJUST, FEATURE_TSC },
    { FEATURE_CLFLUSHOPT, FEATURE_CLFSH }, { FEATURE_XSAVEC, FEATURE_XSAVE },
    { FEATURE_AVX, FEATURE_XSAVE },        { FEATURE_AVX, FEATURE_SSE4_2 },
    { FEATURE_AVX2, FEATURE_AVX },         { FEATURE_FMA, FEATURE_AVX },
    { FEATURE_F16C, FEATURE_AVX },         { FEATURE_AES, FEATURE_SSE2 },
    { FEATURE_PCLMULQDQ, FEATURE_SSE2 },   { FEATURE_SHA, FEATURE_SSSE3 },
};

/* Names that users know and verdite does not do. */
static const char *const absent_features[] = {
    "3dnow",     "3dnowext",     "abm",     "acpi",      "arch-capabilities",
    "avx512f",   "cet-ibt",      "cet-ss",  "clwb",      "dca",
    "ds",        "dtes64",       "est",     "fma4",      "fred",
    "gfni",      "hle",          "ht",      "ibrs",      "la57",
    "lam",       "mmxext",       "monitor", "mpx",       "mwait",
    "perfmon",   "pku",          "pks",     "psn",       "rtm",
    "serialize", "sgx",          "smx",     "spec-ctrl", "ss",
    "ssbd",      "sse4a",        "stibp",   "svm",       "tbm",
    "tm",        "tsc-deadline", "vaes",    "vmx",       "waitpkg",
    "xop",       "xsaves",       "xtpr",
};

const char *cpu_feature_name(enum cpu_feature feature)
{
    return feature_rows[feature].option;
}

const struct cpu_model *cpu_model_find(const char *name)
{
    if (name == NULL || name[0] == '\0') {
        return &cpu_models[0];
    }
    for (unsigned n = 0; n < cpu_model_count; n++) {
        if (strcmp(cpu_models[n].name, name) == 0) {
            return &cpu_models[n];
        }
    }
    return NULL;
}

/* ---- option syntax ---- */

enum { NAME_MAX_LENGTH = 31 };

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Edit distance. Both at most NAME_MAX_LENGTH long. */
static unsigned name_distance(const char *a, const char *b)
{
    unsigned row[NAME_MAX_LENGTH + 1];
    size_t length = strlen(b);

    for (unsigned j = 0; j <= length; j++) {
        row[j] = j;
    }
    for (size_t i = 0; a[i] != '\0'; i++) {
        unsigned diagonal = row[0];

        row[0] = (unsigned)i + 1;
        for (size_t j = 0; j < length; j++) {
            unsigned above = row[j + 1];

            row[j + 1] = least(diagonal + (a[i] != b[j]), least(above, row[j]) + 1);
            diagonal = above;
        }
    }
    return row[length];
}

static const char *nearest_model(const char *name)
{
    const char *best = cpu_models[0].name;
    unsigned best_distance = UINT32_MAX;

    for (unsigned n = 0; n < cpu_model_count; n++) {
        unsigned distance = name_distance(name, cpu_models[n].name);

        if (distance < best_distance) {
            best_distance = distance;
            best = cpu_models[n].name;
        }
    }
    return best;
}

static const char *nearest_feature(const char *name)
{
    const char *best = feature_rows[0].option;
    unsigned best_distance = UINT32_MAX;

    for (unsigned n = 0; n < FEATURE_COUNT; n++) {
        unsigned distance = name_distance(name, feature_rows[n].option);

        if (distance < best_distance) {
            best_distance = distance;
            best = feature_rows[n].option;
        }
    }
    return best;
}

static int feature_find(const char *name)
{
    for (int n = 0; n < FEATURE_COUNT; n++) {
        if (strcmp(feature_rows[n].option, name) == 0) {
            return n;
        }
    }
    return -1;
}

static void feature_add(struct cpu_model *model, unsigned feature)
{
    /* XSAVE is useless without the leaf that tells its sizes. */
    uint32_t leaf = feature == FEATURE_XSAVE ? 0xd : feature_rows[feature].leaf;

    model->features |= UINT64_C(1) << feature;
    if (leaf >= 0x80000000 && model->max_extended_leaf < leaf) {
        model->max_extended_leaf = leaf;
    } else if (leaf < 0x80000000 && model->max_leaf < leaf) {
        model->max_leaf = leaf;
    }
}

/* Without the feature, and without what needs it. */
static void feature_remove(struct cpu_model *model, unsigned feature)
{
    model->features &= ~(UINT64_C(1) << feature);
    for (unsigned n = 0; n < ARRAY_SIZE(dependencies); n++) {
        if (dependencies[n].needs == feature && cpu_model_has(model, dependencies[n].feature)) {
            feature_remove(model, dependencies[n].feature);
        }
    }
}

static int feature_apply(struct cpu_model *model, const char *word, struct error *error)
{
    if (word[0] != '+' && word[0] != '-') {
        return error_set(error, -EINVAL, "CPU feature \"%s\": write +%s or -%s", word, word, word);
    }
    int feature = feature_find(word + 1);
    if (feature < 0) {
        for (unsigned n = 0; n < ARRAY_SIZE(absent_features); n++) {
            if (strcmp(absent_features[n], word + 1) == 0) {
                return word[0] == '-'
                           ? 0
                           : error_set(error, -EINVAL, "CPU feature \"%s\" is not implemented",
                                       word + 1);
            }
        }
        return error_set(error, -EINVAL, "no CPU feature is called \"%s\": did you mean \"%s\"?",
                         word + 1, nearest_feature(word + 1));
    }
    if (word[0] == '+') {
        feature_add(model, (unsigned)feature);
    } else {
        feature_remove(model, (unsigned)feature);
    }
    return 0;
}

/* Copy the word up to the next comma. False: too long. */
static bool next_word(const char **text, char word[NAME_MAX_LENGTH + 1])
{
    size_t length = strcspn(*text, ",");
    bool fits = length <= NAME_MAX_LENGTH;
    size_t kept = fits ? length : NAME_MAX_LENGTH;

    memcpy(word, *text, kept);
    word[kept] = '\0';
    *text += length + ((*text)[length] == ',');
    return fits;
}

int cpu_model_configure(struct cpu_model *copy, const char *text, struct error *error)
{
    char word[NAME_MAX_LENGTH + 1];

    if (text == NULL) {
        text = "";
    }
    if (!next_word(&text, word) || cpu_model_find(word) == NULL) {
        return error_set(error, -EINVAL, "no CPU model is called \"%s\": did you mean \"%s\"?",
                         word, nearest_model(word));
    }
    *copy = *cpu_model_find(word);
    while (*text != '\0') {
        if (!next_word(&text, word)) {
            return error_set(error, -EINVAL, "no CPU feature is called \"%s...\"", word);
        }
        int status = feature_apply(copy, word, error);
        if (status != 0) {
            return status;
        }
    }
    for (unsigned n = 0; n < ARRAY_SIZE(dependencies); n++) {
        if (cpu_model_has(copy, dependencies[n].feature) &&
            !cpu_model_has(copy, dependencies[n].needs)) {
            return error_set(error, -EINVAL, "CPU feature \"%s\" needs \"%s\", which %s lacks",
                             feature_rows[dependencies[n].feature].option,
                             feature_rows[dependencies[n].needs].option, copy->name);
        }
    }
    return 0;
}

/* ---- what CPUID says ---- */

uint32_t cpu_model_signature(const struct cpu_model *model)
{
    unsigned family = model->family < 15 ? model->family : 15;
    unsigned extended_family = model->family < 15 ? 0 : model->family - 15;

    return model->stepping | (model->model & 15) << 4 | family << 8 | (model->model >> 4) << 16 |
           extended_family << 20;
}

static uint32_t word_of(const char *text, size_t at)
{
    size_t length = strlen(text);
    uint32_t word = 0;

    for (size_t n = 0; n < 4; n++) {
        if (at + n < length) {
            word |= (uint32_t)(uint8_t)text[at + n] << 8 * n;
        }
    }
    return word;
}

static void features_of(const struct cpu_model *model, uint32_t leaf, uint32_t subleaf,
                        uint32_t regs[4])
{
    for (unsigned n = 0; n < FEATURE_COUNT; n++) {
        const struct feature_row *row = &feature_rows[n];

        if (row->leaf == leaf && row->subleaf == subleaf && cpu_model_has(model, n)) {
            regs[row->reg] |= UINT32_C(1) << row->bit;
        }
    }
}

/* Caches of leaf 4: type, level, ways, sets of 64-byte lines. */
static const struct {
    uint8_t type, level, ways;
    uint16_t sets;
} caches[] = {
    { 1, 1, 8, 64 },   /* data, 32 KiB */
    { 2, 1, 8, 64 },   /* instructions, 32 KiB */
    { 3, 2, 8, 1024 }, /* unified, 512 KiB */
};

static void leaf_caches(uint32_t subleaf, uint32_t regs[4])
{
    if (subleaf < ARRAY_SIZE(caches)) {
        regs[0] = caches[subleaf].type | (uint32_t)caches[subleaf].level << 5 | 1u << 8;
        regs[1] = 63 | (uint32_t)(caches[subleaf].ways - 1) << 22;
        regs[2] = caches[subleaf].sets - 1u;
    }
}

/* One thread per core; APIC ids are above us. [SDM 2A CPUID leaf 0Bh] */
static void leaf_topology(uint32_t subleaf, uint32_t regs[4])
{
    regs[2] = subleaf & 0xff;
    if (subleaf < 2) {
        regs[1] = 1;
        regs[2] |= (subleaf + 1) << 8;
    }
}

/* x87 and SSE live in the legacy area: 512 bytes and the header; behind it 256 bytes of AVX, in the
 * compacted format too. */
static uint32_t xsave_bytes(uint64_t components)
{
    return components & XCR0_AVX ? XSAVE_AVX_AT + XSAVE_AVX_BYTES : XSAVE_AVX_AT;
}

static void leaf_xsave(const struct core *core, uint32_t subleaf, uint32_t regs[4])
{
    uint64_t possible = cpu_model_xcr0(core->model);

    if (subleaf == 0 && core_has_feature(core, FEATURE_XSAVE)) {
        regs[0] = (uint32_t)possible;
        regs[1] = xsave_bytes(core->state.xcr0);
        regs[2] = xsave_bytes(possible);
    } else if (subleaf == 1 && core_has_feature(core, FEATURE_XSAVEC)) {
        regs[1] = xsave_bytes(core->state.xcr0);
    } else if (subleaf == 2 && possible & XCR0_AVX) {
        regs[0] = XSAVE_AVX_BYTES;
        regs[1] = XSAVE_AVX_AT;
    }
}

static void basic_leaf(const struct core *core, uint32_t leaf, uint32_t subleaf, uint32_t regs[4])
{
    const struct cpu_model *model = core->model;

    features_of(model, leaf, leaf == 0xd || leaf == 7 ? subleaf : 0, regs);
    switch (leaf) {
    case 0:
        regs[0] = model->max_leaf;
        regs[1] = word_of(model->vendor, 0);
        regs[3] = word_of(model->vendor, 4);
        regs[2] = word_of(model->vendor, 8);
        break;
    case 1:
        regs[0] = cpu_model_signature(model);
        regs[1] = (cpu_model_has(model, FEATURE_CLFSH) ? 8u << 8 : 0) | 1u << 16;
        if (core->state.cr4 & CR4_OSXSAVE) {
            regs[2] |= 1u << 27;
        }
        break;
    case 2: /* descriptor FFh: see leaf 4; the Pentium III lists its own */
        regs[0] = model->max_leaf >= 4 ? 0x0000ff01 : 0x03020101;
        regs[3] = model->max_leaf >= 4 ? 0 : 0x0c040843;
        break;
    case 4:
        leaf_caches(subleaf, regs);
        break;
    case 0xb:
        leaf_topology(subleaf, regs);
        break;
    case 0xd:
        leaf_xsave(core, subleaf, regs);
        break;
    default: /* 3, 5, 8, 9, Ah, Ch: nothing there */
        break;
    }
}

static void extended_leaf(const struct core *core, uint32_t leaf, uint32_t regs[4])
{
    const struct cpu_model *model = core->model;

    features_of(model, leaf, 0, regs);
    switch (leaf) {
    case 0x80000000:
        regs[0] = model->max_extended_leaf;
        break;
    case 0x80000001:
        if (core->bits != 64) {
            regs[3] &=
                ~(1u << 11); /* Intel: SYSCALL exists in 64-bit mode only, and says so there */
        }
        break;
    case 0x80000002:
    case 0x80000003:
    case 0x80000004:
        for (unsigned n = 0; n < 4; n++) {
            regs[n] = word_of(model->brand, (leaf - 0x80000002) * 16 + n * 4);
        }
        break;
    case 0x80000006: /* the L2 cache: 512 KiB, 8 ways, 64-byte lines */
        regs[2] = 512u << 16 | 6u << 12 | 64;
        break;
    case 0x80000008:
        regs[0] = model->physical_bits | model->linear_bits << 8;
        break;
    default:
        break;
    }
}

void cpu_model_cpuid(const struct core *core, uint32_t leaf, uint32_t subleaf, uint32_t regs[4])
{
    const struct cpu_model *model = core->model;

    memset(regs, 0, 4 * sizeof(regs[0]));
    if (leaf >= 0x40000000 && leaf <= 0x4fffffff) {
        return; /* reserved for software: the owner may fill it */
    }
    if (leaf >= 0x80000000 && leaf <= model->max_extended_leaf) {
        extended_leaf(core, leaf, regs);
    } else {
        basic_leaf(core, leaf <= model->max_leaf ? leaf : model->max_leaf, subleaf, regs);
    }
}

/* ---- what depends on features ---- */

uint64_t cpu_model_cr4_reserved(const struct cpu_model *model)
{
    static const struct {
        uint8_t feature;
        uint64_t bits;
    } rows[] = {
        { FEATURE_VME, CR4_VME | CR4_PVI },
        { FEATURE_TSC, CR4_TSD },
        { FEATURE_DE, CR4_DE },
        { FEATURE_PSE, CR4_PSE },
        { FEATURE_PAE, CR4_PAE },
        { FEATURE_MCE, CR4_MCE },
        { FEATURE_PGE, CR4_PGE },
        { FEATURE_MSR, CR4_PCE },
        { FEATURE_FXSR, CR4_OSFXSR },
        { FEATURE_SSE, CR4_OSXMMEXCPT },
        { FEATURE_UMIP, CR4_UMIP },
        { FEATURE_FSGSBASE, CR4_FSGSBASE },
        { FEATURE_PCID, CR4_PCIDE },
        { FEATURE_XSAVE, CR4_OSXSAVE },
        { FEATURE_SMEP, CR4_SMEP },
        { FEATURE_SMAP, CR4_SMAP },
    };
    uint64_t allowed = 0;

    for (unsigned n = 0; n < ARRAY_SIZE(rows); n++) {
        allowed |= cpu_model_has(model, rows[n].feature) ? rows[n].bits : 0;
    }
    return ~allowed;
}

uint64_t cpu_model_xcr0(const struct cpu_model *model)
{
    if (!cpu_model_has(model, FEATURE_XSAVE)) {
        return 0;
    }
    return XCR0_X87 | (cpu_model_has(model, FEATURE_SSE) ? XCR0_SSE : 0) |
           (cpu_model_has(model, FEATURE_AVX) ? XCR0_AVX : 0);
}

bool cpu_model_knows(const struct cpu_model *model, const struct insn *insn, unsigned bits)
{
    static const uint8_t features[OP_FEATURE_COUNT] = {
#define X(name) [OP_NEEDS_##name] = FEATURE_##name,
        OP_FEATURES(X)
#undef X
    };
    enum op_feature needs = insn_needs(insn, bits);

    if (op_info[insn->op].family == FAMILY_X87 && insn->op != OP_FWAIT &&
        !cpu_model_has(model, FEATURE_FPU)) {
        return false; /* FCMOVcc, FCOMI: whatever else they need */
    }
    switch (needs) {
    case OP_NEEDS_NOTHING:
        return true;
    case OP_NEEDS_P6:
        return model->family >= 6;
    case OP_NEEDS_NEVER:
    case OP_FEATURE_COUNT:
        return false;
    default:
        return cpu_model_has(model, features[needs]);
    }
}
