/* Facts of each operation beside its family: flags, faults, blocks, and who judges it. [SDM 1 A;
 * SDM 2] */
#ifndef CPU_DECODE_OP_INFO_H
#define CPU_DECODE_OP_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu/decode/insn.h"

/* Whose word on an operation's meaning is final. */
enum op_oracle {
    ORACLE_NONE,        /* a defect: a test fails */
    ORACLE_HOST,        /* the host CPU, by random instructions (tests/fuzz/cpu) */
    ORACLE_HOST_MASKED, /* likewise, without what the note names */
    ORACLE_TEST, /* the unit test program that the note names: the host cannot run it in user mode
                  */
};

/* What a processor must have to know an operation, by CPUID's names. Each SIMD level needs those before
 * it. [SDM 2A CPUID] */
// clang-format off
#define OP_FEATURES(X) \
    X(FPU) X(MMX) X(SSE) X(SSE2) X(SSE3) X(SSSE3) X(SSE4_1) X(SSE4_2) X(POPCNT) X(CMOV) X(CX8) X(CX16) X(MOVBE) \
    X(FXSR) X(XSAVE) X(XSAVEOPT) X(XSAVEC) X(RDRAND) X(RDSEED) X(TSC) X(RDTSCP) X(RDPID) X(MSR) X(CLFSH) \
    X(CLFLUSHOPT) X(SEP) X(SYSCALL) X(FSGSBASE) X(INVPCID) X(SMAP) X(LAHF) X(LM) \
    X(AVX) X(AVX2) X(FMA) X(F16C) X(BMI1) X(BMI2) X(ADX) X(AES) X(PCLMULQDQ) X(SHA)
// clang-format on

enum op_feature {
    OP_NEEDS_NOTHING, /* the 80486 has it; LZCNT and TZCNT are BSR and BSF before they are new */
#define X(name) OP_NEEDS_##name,
    OP_FEATURES(X)
#undef X
        OP_NEEDS_P6, /* came with family 6, and CPUID does not tell: hints, RDPMC */
    OP_NEEDS_NEVER,  /* no model has it */
    OP_FEATURE_COUNT,
};

/* Flags are FLAG_* bits. Written includes undefined; a shift by 0 writes nothing. */
struct op_info {
    const char *name;
    uint8_t family;  /* enum op_family */
    uint8_t oracle;  /* enum op_oracle */
    uint8_t needs;   /* enum op_feature; insn_needs knows what depends on the form */
    bool ends_block; /* always; insn_ends_block knows the rest */
    bool may_fault;  /* even without a memory operand */
    uint32_t flags_read, flags_written, flags_undefined;
    const char *note; /* of the oracle, or NULL */
};

extern const struct op_info op_info[OP_COUNT];

/* The feature without which this form of the operation does not exist. bits: of the code. [SDM 2] */
enum op_feature insn_needs(const struct insn *insn, unsigned bits);

/* Whether a block must end after this instruction: it branches, or may change mode, translation or
 * what may interrupt. */
static inline bool insn_ends_block(const struct insn *insn, unsigned bits)
{
    if (insn->op == OP_MOVSEG || insn->op == OP_POPSEG) {
        bool loads = insn->op == OP_POPSEG || insn->kind[0] == OPERAND_SEG;
        return loads && (bits != 64 || insn->n[0] == SEG_SS);
    }
    return op_info[insn->op].ends_block;
}

#endif
