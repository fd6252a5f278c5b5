/* CPU models: what CPUID says, and with it which instructions, control bits and MSRs exist. [SDM 2A
 * CPUID] */
#ifndef CPU_EXEC_MODEL_H
#define CPU_EXEC_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "cpu/exec/core.h"

/* Where the AVX component lies in an XSAVE image. [SDM 1 13.4.3] */
enum { XSAVE_AVX_AT = 576, XSAVE_AVX_BYTES = 256 };

enum cpuid_reg { CPUID_EAX, CPUID_EBX, CPUID_ECX, CPUID_EDX };

/* X(NAME, option name, leaf, subleaf, register, bit): every feature that verdite can do. */
// clang-format off
#define CPU_FEATURES(X) \
    X(FPU,        "fpu",        0x1, 0, CPUID_EDX, 0) \
    X(VME,        "vme",        0x1, 0, CPUID_EDX, 1) \
    X(DE,         "de",         0x1, 0, CPUID_EDX, 2) \
    X(PSE,        "pse",        0x1, 0, CPUID_EDX, 3) \
    X(TSC,        "tsc",        0x1, 0, CPUID_EDX, 4) \
    X(MSR,        "msr",        0x1, 0, CPUID_EDX, 5) \
    X(PAE,        "pae",        0x1, 0, CPUID_EDX, 6) \
    X(MCE,        "mce",        0x1, 0, CPUID_EDX, 7) \
    X(CX8,        "cx8",        0x1, 0, CPUID_EDX, 8) \
    X(APIC,       "apic",       0x1, 0, CPUID_EDX, 9) \
    X(SEP,        "sep",        0x1, 0, CPUID_EDX, 11) \
    X(MTRR,       "mtrr",       0x1, 0, CPUID_EDX, 12) \
    X(PGE,        "pge",        0x1, 0, CPUID_EDX, 13) \
    X(MCA,        "mca",        0x1, 0, CPUID_EDX, 14) \
    X(CMOV,       "cmov",       0x1, 0, CPUID_EDX, 15) \
    X(PAT,        "pat",        0x1, 0, CPUID_EDX, 16) \
    X(PSE36,      "pse36",      0x1, 0, CPUID_EDX, 17) \
    X(CLFSH,      "clflush",    0x1, 0, CPUID_EDX, 19) \
    X(MMX,        "mmx",        0x1, 0, CPUID_EDX, 23) \
    X(FXSR,       "fxsr",       0x1, 0, CPUID_EDX, 24) \
    X(SSE,        "sse",        0x1, 0, CPUID_EDX, 25) \
    X(SSE2,       "sse2",       0x1, 0, CPUID_EDX, 26) \
    X(SSE3,       "sse3",       0x1, 0, CPUID_ECX, 0) \
    X(PCLMULQDQ,  "pclmulqdq",  0x1, 0, CPUID_ECX, 1) \
    X(SSSE3,      "ssse3",      0x1, 0, CPUID_ECX, 9) \
    X(FMA,        "fma",        0x1, 0, CPUID_ECX, 12) \
    X(CX16,       "cx16",       0x1, 0, CPUID_ECX, 13) \
    X(PCID,       "pcid",       0x1, 0, CPUID_ECX, 17) \
    X(SSE4_1,     "sse4.1",     0x1, 0, CPUID_ECX, 19) \
    X(SSE4_2,     "sse4.2",     0x1, 0, CPUID_ECX, 20) \
    X(X2APIC,     "x2apic",     0x1, 0, CPUID_ECX, 21) \
    X(MOVBE,      "movbe",      0x1, 0, CPUID_ECX, 22) \
    X(POPCNT,     "popcnt",     0x1, 0, CPUID_ECX, 23) \
    X(AES,        "aes",        0x1, 0, CPUID_ECX, 25) \
    X(XSAVE,      "xsave",      0x1, 0, CPUID_ECX, 26) \
    X(AVX,        "avx",        0x1, 0, CPUID_ECX, 28) \
    X(F16C,       "f16c",       0x1, 0, CPUID_ECX, 29) \
    X(RDRAND,     "rdrand",     0x1, 0, CPUID_ECX, 30) \
    X(ARAT,       "arat",       0x6, 0, CPUID_EAX, 2) \
    X(FSGSBASE,   "fsgsbase",   0x7, 0, CPUID_EBX, 0) \
    X(TSC_ADJUST, "tsc-adjust", 0x7, 0, CPUID_EBX, 1) \
    X(BMI1,       "bmi1",       0x7, 0, CPUID_EBX, 3) \
    X(AVX2,       "avx2",       0x7, 0, CPUID_EBX, 5) \
    X(SMEP,       "smep",       0x7, 0, CPUID_EBX, 7) \
    X(BMI2,       "bmi2",       0x7, 0, CPUID_EBX, 8) \
    X(ERMS,       "erms",       0x7, 0, CPUID_EBX, 9) \
    X(INVPCID,    "invpcid",    0x7, 0, CPUID_EBX, 10) \
    X(RDSEED,     "rdseed",     0x7, 0, CPUID_EBX, 18) \
    X(ADX,        "adx",        0x7, 0, CPUID_EBX, 19) \
    X(SMAP,       "smap",       0x7, 0, CPUID_EBX, 20) \
    X(CLFLUSHOPT, "clflushopt", 0x7, 0, CPUID_EBX, 23) \
    X(SHA,        "sha",        0x7, 0, CPUID_EBX, 29) \
    X(UMIP,       "umip",       0x7, 0, CPUID_ECX, 2) \
    X(RDPID,      "rdpid",      0x7, 0, CPUID_ECX, 22) \
    X(XSAVEOPT,   "xsaveopt",   0xd, 1, CPUID_EAX, 0) \
    X(XSAVEC,     "xsavec",     0xd, 1, CPUID_EAX, 1) \
    X(LAHF,       "lahf",       0x80000001, 0, CPUID_ECX, 0) \
    X(LZCNT,      "lzcnt",      0x80000001, 0, CPUID_ECX, 5) \
    X(SYSCALL,    "syscall",    0x80000001, 0, CPUID_EDX, 11) \
    X(NX,         "nx",         0x80000001, 0, CPUID_EDX, 20) \
    X(GBPAGES,    "pdpe1gb",    0x80000001, 0, CPUID_EDX, 26) \
    X(RDTSCP,     "rdtscp",     0x80000001, 0, CPUID_EDX, 27) \
    X(LM,         "lm",         0x80000001, 0, CPUID_EDX, 29) \
    X(INVTSC,     "invtsc",     0x80000007, 0, CPUID_EDX, 8)
// clang-format on

enum cpu_feature {
#define X(name, option, leaf, subleaf, reg, bit) FEATURE_##name,
    CPU_FEATURES(X)
#undef X
        FEATURE_COUNT,
};

_Static_assert(FEATURE_COUNT <= 64, "cpu_model.features is one word");
#define FEATURE_BIT(name) (UINT64_C(1) << FEATURE_##name)

struct cpu_model {
    const char *name;
    const char *description;
    const char *vendor;               /* 12 characters */
    const char *brand;                /* at most 47 characters; leaves 80000002..4 */
    unsigned family, model, stepping; /* as displayed: extended fields folded in */
    unsigned physical_bits, linear_bits;
    uint32_t max_leaf, max_extended_leaf; /* max_extended_leaf 0: no extended leaves */
    uint64_t features;                    /* FEATURE_BIT */
};

/* The models verdite knows; [0] is the default. */
extern const struct cpu_model cpu_models[];
extern const unsigned cpu_model_count;

/* By name, or NULL. NULL or "" names the default. */
const struct cpu_model *cpu_model_find(const char *name);

/* "MODEL[,+feature][,-feature]..." into *copy (which may borrow strings of the table). 0, or
 * -EINVAL with a sentence: unknown names get the nearest known one, features that do not exist here
 * or need another one are refused. */
WARN_UNUSED int cpu_model_configure(struct cpu_model *copy, const char *text, struct error *error);

/* Option name of a feature, for lists. */
const char *cpu_feature_name(enum cpu_feature feature);

/* CPUID.1:EAX, also EDX after reset. */
uint32_t cpu_model_signature(const struct cpu_model *model);

/* CPUID as the model answers it in the core's present state (OSXSAVE, XCR0 sizes): regs EAX EBX ECX
 * EDX. APIC ids and the leaves 0x4000xxxx belong to core_ops.cpuid, which has the last word. */
void cpu_model_cpuid(const struct core *core, uint32_t leaf, uint32_t subleaf, uint32_t regs[4]);

/* Whether the model answers a leaf itself, or its owner may (0x4000xxxx). */
static inline bool cpu_model_has_leaf(const struct cpu_model *model, uint32_t leaf)
{
    return leaf <= model->max_leaf || leaf >> 28 == 4 ||
           (leaf >= 0x80000000 && leaf <= model->max_extended_leaf) || leaf == 0x80000000;
}

/* CR4 bits that the model does not have. */
uint64_t cpu_model_cr4_reserved(const struct cpu_model *model);

/* XCR0 bits that exist. */
uint64_t cpu_model_xcr0(const struct cpu_model *model);

/* Whether the model knows this instruction. bits: of the code. */
bool cpu_model_knows(const struct cpu_model *model, const struct insn *insn, unsigned bits);

static inline bool cpu_model_has(const struct cpu_model *model, enum cpu_feature feature)
{
    return model->features >> feature & 1;
}

static inline bool core_has_feature(const struct core *core, enum cpu_feature feature)
{
    return core->model->features >> feature & 1;
}

#endif
