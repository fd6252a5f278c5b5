/* One row per operation: feature needed, flags read, written, undefined; may fault; ends a block; oracle. [SDM 1 A; SDM 2] */
#include "cpu/decode/op_info.h"

#define FLAGS_ALL                                                                                  \
    (FLAGS_ARITH | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT | FLAG_RF | FLAG_VM |         \
     FLAG_AC | FLAG_ID)
/* What an interrupt or system call clears. */
#define FLAGS_SYSTEM (FLAG_TF | FLAG_IF | FLAG_NT | FLAG_RF | FLAG_VM | FLAG_AC)

// clang-format off
/* X(mnemonic, feature needed, flags read, written, undefined, may fault, ends block, oracle, its note) */
#define OP_INFO(X) \
    X(ADD, NOTHING, 0, FLAGS_ARITH, 0, 0, 0, HOST, NULL) \
    X(OR, NOTHING, 0, FLAGS_ARITH, FLAG_AF, 0, 0, HOST_MASKED, "AF undefined [SDM 2 AND]") \
    X(ADC, NOTHING, FLAG_CF, FLAGS_ARITH, 0, 0, 0, HOST, NULL) \
    X(SBB, NOTHING, FLAG_CF, FLAGS_ARITH, 0, 0, 0, HOST, NULL) \
    X(AND, NOTHING, 0, FLAGS_ARITH, FLAG_AF, 0, 0, HOST_MASKED, "AF undefined [SDM 2 AND]") \
    X(SUB, NOTHING, 0, FLAGS_ARITH, 0, 0, 0, HOST, NULL) \
    X(XOR, NOTHING, 0, FLAGS_ARITH, FLAG_AF, 0, 0, HOST_MASKED, "AF undefined [SDM 2 AND]") \
    X(CMP, NOTHING, 0, FLAGS_ARITH, 0, 0, 0, HOST, NULL) \
    X(TEST, NOTHING, 0, FLAGS_ARITH, FLAG_AF, 0, 0, HOST_MASKED, "AF undefined [SDM 2 AND]") \
    X(INC, NOTHING, 0, FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF, 0, 0, 0, HOST, NULL) \
    X(DEC, NOTHING, 0, FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF, 0, 0, 0, HOST, NULL) \
    X(NEG, NOTHING, 0, FLAGS_ARITH, 0, 0, 0, HOST, NULL) \
    X(NOT, NOTHING, 0, 0, 0, 0, 0, HOST, NULL) \
    X(MUL, NOTHING, 0, FLAGS_ARITH, FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF, 0, 0, HOST_MASKED, "SF ZF AF PF undefined [SDM 2 MUL, IMUL]") \
    X(IMUL, NOTHING, 0, FLAGS_ARITH, FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF, 0, 0, HOST_MASKED, "SF ZF AF PF undefined [SDM 2 MUL, IMUL]") \
    X(IMUL2, NOTHING, 0, FLAGS_ARITH, FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF, 0, 0, HOST_MASKED, "SF ZF AF PF undefined [SDM 2 MUL, IMUL]") \
    X(IMUL3, NOTHING, 0, FLAGS_ARITH, FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF, 0, 0, HOST_MASKED, "SF ZF AF PF undefined [SDM 2 MUL, IMUL]") \
    X(DIV, NOTHING, 0, FLAGS_ARITH, FLAGS_ARITH, 1, 0, HOST_MASKED, "all flags undefined [SDM 2 DIV]") \
    X(IDIV, NOTHING, 0, FLAGS_ARITH, FLAGS_ARITH, 1, 0, HOST_MASKED, "all flags undefined [SDM 2 DIV]") \
    X(AAA, NOTHING, FLAG_AF, FLAGS_ARITH, FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_PF, 0, 0, HOST_MASKED, "OF SF ZF PF undefined [SDM 2 AAA]") \
    X(AAS, NOTHING, FLAG_AF, FLAGS_ARITH, FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_PF, 0, 0, HOST_MASKED, "OF SF ZF PF undefined [SDM 2 AAA]") \
    X(AAM, NOTHING, 0, FLAGS_ARITH, FLAG_OF | FLAG_AF | FLAG_CF, 1, 0, HOST_MASKED, "OF AF CF undefined [SDM 2 AAM]") \
    X(AAD, NOTHING, 0, FLAGS_ARITH, FLAG_OF | FLAG_AF | FLAG_CF, 0, 0, HOST_MASKED, "OF AF CF undefined [SDM 2 AAM]") \
    X(DAA, NOTHING, FLAG_AF | FLAG_CF, FLAGS_ARITH, FLAG_OF, 0, 0, HOST_MASKED, "OF undefined [SDM 2 DAA]") \
    X(DAS, NOTHING, FLAG_AF | FLAG_CF, FLAGS_ARITH, FLAG_OF, 0, 0, HOST_MASKED, "OF undefined [SDM 2 DAA]") \
    X(CMPXCHG, NOTHING, 0, FLAGS_ARITH, 0, 0, 0, HOST, NULL) \
    X(CMPXCHG8B, CX8, 0, FLAG_ZF, 0, 1, 0, HOST, NULL) \
    X(CMPXCHG16B, CX16, 0, FLAG_ZF, 0, 1, 0, HOST, NULL) \
    X(XADD, NOTHING, 0, FLAGS_ARITH, 0, 0, 0, HOST, NULL) \
    X(ROL, NOTHING, 0, FLAG_OF | FLAG_CF, FLAG_OF, 0, 0, HOST_MASKED, "OF undefined unless the count is 1 [SDM 2 RCL]") \
    X(ROR, NOTHING, 0, FLAG_OF | FLAG_CF, FLAG_OF, 0, 0, HOST_MASKED, "OF undefined unless the count is 1 [SDM 2 RCL]") \
    X(RCL, NOTHING, FLAG_CF, FLAG_OF | FLAG_CF, FLAG_OF, 0, 0, HOST_MASKED, "OF undefined unless the count is 1 [SDM 2 RCL]") \
    X(RCR, NOTHING, FLAG_CF, FLAG_OF | FLAG_CF, FLAG_OF, 0, 0, HOST_MASKED, "OF undefined unless the count is 1 [SDM 2 RCL]") \
    X(SHL, NOTHING, 0, FLAGS_ARITH, FLAG_OF | FLAG_AF | FLAG_CF, 0, 0, HOST_MASKED, "AF undefined; OF unless the count is 1; CF when the count reaches the size [SDM 2 SAL]") \
    X(SHR, NOTHING, 0, FLAGS_ARITH, FLAG_OF | FLAG_AF | FLAG_CF, 0, 0, HOST_MASKED, "AF undefined; OF unless the count is 1; CF when the count reaches the size [SDM 2 SAL]") \
    X(SAR, NOTHING, 0, FLAGS_ARITH, FLAG_OF | FLAG_AF, 0, 0, HOST_MASKED, "AF undefined; OF unless the count is 1; CF when the count reaches the size [SDM 2 SAL]") \
    X(SHLD, NOTHING, 0, FLAGS_ARITH, FLAGS_ARITH, 0, 0, HOST_MASKED, "AF undefined; OF unless the count is 1; all when the count exceeds the size [SDM 2 SHLD]") \
    X(SHRD, NOTHING, 0, FLAGS_ARITH, FLAGS_ARITH, 0, 0, HOST_MASKED, "AF undefined; OF unless the count is 1; all when the count exceeds the size [SDM 2 SHLD]") \
    X(MOV, NOTHING, 0, 0, 0, 0, 0, HOST, NULL) \
    X(MOVZX, NOTHING, 0, 0, 0, 0, 0, HOST, NULL) \
    X(MOVSX, NOTHING, 0, 0, 0, 0, 0, HOST, NULL) \
    X(MOVSXD, LM, 0, 0, 0, 0, 0, HOST, NULL) \
    X(XCHG, NOTHING, 0, 0, 0, 0, 0, HOST, NULL) \
    X(LEA, NOTHING, 0, 0, 0, 0, 0, HOST, NULL) \
    X(BSWAP, NOTHING, 0, 0, 0, 0, 0, HOST_MASKED, "16-bit form undefined [SDM 2 BSWAP]") \
    X(CBW, NOTHING, 0, 0, 0, 0, 0, HOST, NULL) \
    X(CWD, NOTHING, 0, 0, 0, 0, 0, HOST, NULL) \
    X(CMOVCC, CMOV, FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_PF | FLAG_CF, 0, 0, 0, 0, HOST, NULL) \
    X(SETCC, NOTHING, FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_PF | FLAG_CF, 0, 0, 0, 0, HOST, NULL) \
    X(XLAT, NOTHING, 0, 0, 0, 1, 0, HOST, NULL) \
    X(LAHF, NOTHING, FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF | FLAG_CF, 0, 0, 0, 0, HOST, NULL) \
    X(SAHF, NOTHING, 0, FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF | FLAG_CF, 0, 0, 0, HOST, NULL) \
    X(CMC, NOTHING, FLAG_CF, FLAG_CF, 0, 0, 0, HOST, NULL) \
    X(CLC, NOTHING, 0, FLAG_CF, 0, 0, 0, HOST, NULL) \
    X(STC, NOTHING, 0, FLAG_CF, 0, 0, 0, HOST, NULL) \
    X(CLD, NOTHING, 0, FLAG_DF, 0, 0, 0, HOST, NULL) \
    X(STD, NOTHING, 0, FLAG_DF, 0, 0, 0, HOST, NULL) \
    X(NOP, NOTHING, 0, 0, 0, 0, 0, HOST, NULL) \
    X(PAUSE, NOTHING, 0, 0, 0, 0, 0, HOST, NULL) \
    X(MOVBE, MOVBE, 0, 0, 0, 0, 0, HOST, NULL) \
    X(MOVNTI, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SALC, NOTHING, FLAG_CF, 0, 0, 0, 0, HOST, NULL) \
    X(ENDBR, P6, 0, 0, 0, 0, 0, HOST, NULL) \
    X(PUSH, NOTHING, 0, 0, 0, 1, 0, HOST, NULL) \
    X(POP, NOTHING, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PUSHA, NOTHING, 0, 0, 0, 1, 0, HOST, NULL) \
    X(POPA, NOTHING, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PUSHF, NOTHING, FLAGS_ALL, 0, 0, 1, 0, HOST, NULL) \
    X(POPF, NOTHING, 0, FLAGS_ALL, 0, 1, 1, HOST, NULL) \
    X(ENTER, NOTHING, 0, 0, 0, 1, 0, HOST, NULL) \
    X(LEAVE, NOTHING, 0, 0, 0, 1, 0, HOST, NULL) \
    X(BT, NOTHING, 0, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF | FLAG_CF, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF, 0, 0, HOST_MASKED, "OF SF AF PF undefined [SDM 2 BT]") \
    X(BTS, NOTHING, 0, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF | FLAG_CF, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF, 0, 0, HOST_MASKED, "OF SF AF PF undefined [SDM 2 BT]") \
    X(BTR, NOTHING, 0, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF | FLAG_CF, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF, 0, 0, HOST_MASKED, "OF SF AF PF undefined [SDM 2 BT]") \
    X(BTC, NOTHING, 0, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF | FLAG_CF, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF, 0, 0, HOST_MASKED, "OF SF AF PF undefined [SDM 2 BT]") \
    X(BSF, NOTHING, 0, FLAGS_ARITH, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF | FLAG_CF, 0, 0, HOST_MASKED, "CF OF SF AF PF undefined [SDM 2 BSF]") \
    X(BSR, NOTHING, 0, FLAGS_ARITH, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF | FLAG_CF, 0, 0, HOST_MASKED, "CF OF SF AF PF undefined [SDM 2 BSF]") \
    X(POPCNT, POPCNT, 0, FLAGS_ARITH, 0, 0, 0, HOST, NULL) \
    X(LZCNT, NOTHING, 0, FLAGS_ARITH, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF, 0, 0, HOST_MASKED, "OF SF PF AF undefined [SDM 2 LZCNT]") \
    X(TZCNT, NOTHING, 0, FLAGS_ARITH, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF, 0, 0, HOST_MASKED, "OF SF PF AF undefined [SDM 2 LZCNT]") \
    X(CRC32, SSE4_2, 0, 0, 0, 0, 0, HOST, NULL) \
    X(MOVS, NOTHING, FLAG_DF, 0, 0, 1, 0, HOST, NULL) \
    X(CMPS, NOTHING, FLAG_DF, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(STOS, NOTHING, FLAG_DF, 0, 0, 1, 0, HOST, NULL) \
    X(LODS, NOTHING, FLAG_DF, 0, 0, 1, 0, HOST, NULL) \
    X(SCAS, NOTHING, FLAG_DF, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(JCC, NOTHING, FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_PF | FLAG_CF, 0, 0, 1, 1, HOST, NULL) \
    X(JMP, NOTHING, 0, 0, 0, 1, 1, HOST, NULL) \
    X(CALL, NOTHING, 0, 0, 0, 1, 1, HOST, NULL) \
    X(RET, NOTHING, 0, 0, 0, 1, 1, HOST, NULL) \
    X(LOOP, NOTHING, 0, 0, 0, 1, 1, HOST, NULL) \
    X(LOOPE, NOTHING, FLAG_ZF, 0, 0, 1, 1, HOST, NULL) \
    X(LOOPNE, NOTHING, FLAG_ZF, 0, 0, 1, 1, HOST, NULL) \
    X(JCXZ, NOTHING, 0, 0, 0, 1, 1, HOST, NULL) \
    X(BOUND, NOTHING, 0, 0, 0, 1, 1, HOST, NULL) \
    X(JMPF, NOTHING, 0, 0, 0, 1, 1, HOST_MASKED, "at CPL 3, user segments; the rest: cpu/exec/test_far") \
    X(CALLF, NOTHING, 0, 0, 0, 1, 1, HOST_MASKED, "at CPL 3, user segments; the rest: cpu/exec/test_far") \
    X(RETF, NOTHING, 0, 0, 0, 1, 1, HOST_MASKED, "at CPL 3, user segments; the rest: cpu/exec/test_far") \
    X(INT, NOTHING, FLAGS_ALL, FLAGS_SYSTEM, 0, 1, 1, TEST, "cpu/exec/test_far") \
    X(INT3, NOTHING, FLAGS_ALL, FLAGS_SYSTEM, 0, 1, 1, TEST, "cpu/exec/test_far") \
    X(INTO, NOTHING, FLAGS_ALL, FLAGS_SYSTEM, 0, 1, 1, TEST, "cpu/exec/test_far") \
    X(INT1, NOTHING, FLAGS_ALL, FLAGS_SYSTEM, 0, 1, 1, TEST, "cpu/exec/test_far") \
    X(IRET, NOTHING, FLAGS_ALL, FLAGS_ALL, 0, 1, 1, HOST_MASKED, "at CPL 3, user segments; the rest: cpu/exec/test_far") \
    X(SYSCALL, SYSCALL, FLAGS_ALL, FLAGS_ALL, 0, 1, 1, TEST, "cpu/exec/test_far") \
    X(SYSRET, SYSCALL, 0, FLAGS_ALL, 0, 1, 1, TEST, "cpu/exec/test_far") \
    X(SYSENTER, SEP, FLAGS_ALL, FLAGS_SYSTEM, 0, 1, 1, TEST, "cpu/exec/test_far") \
    X(SYSEXIT, SEP, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_far") \
    X(UD, NOTHING, 0, 0, 0, 1, 1, HOST, NULL) \
    X(UD0, NOTHING, 0, 0, 0, 1, 1, HOST, NULL) \
    X(UD1, NOTHING, 0, 0, 0, 1, 1, HOST, NULL) \
    X(UD2, NOTHING, 0, 0, 0, 1, 1, HOST, NULL) \
    X(HLT, NOTHING, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_system") \
    X(CLI, NOTHING, 0, FLAG_IF, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(STI, NOTHING, 0, FLAG_IF, 0, 1, 1, TEST, "cpu/exec/test_system") \
    X(MOVSEG, NOTHING, 0, 0, 0, 1, 0, HOST_MASKED, "at CPL 3, user segments; the rest: cpu/exec/test_segment") \
    X(LDS, NOTHING, 0, 0, 0, 1, 1, HOST_MASKED, "at CPL 3, user segments; the rest: cpu/exec/test_segment") \
    X(LES, NOTHING, 0, 0, 0, 1, 1, HOST_MASKED, "at CPL 3, user segments; the rest: cpu/exec/test_segment") \
    X(LFS, NOTHING, 0, 0, 0, 1, 1, HOST_MASKED, "at CPL 3, user segments; the rest: cpu/exec/test_segment") \
    X(LGS, NOTHING, 0, 0, 0, 1, 1, HOST_MASKED, "at CPL 3, user segments; the rest: cpu/exec/test_segment") \
    X(LSS, NOTHING, 0, 0, 0, 1, 1, HOST_MASKED, "at CPL 3, user segments; the rest: cpu/exec/test_segment") \
    X(PUSHSEG, NOTHING, 0, 0, 0, 1, 0, HOST, NULL) \
    X(POPSEG, NOTHING, 0, 0, 0, 1, 0, HOST_MASKED, "at CPL 3, user segments; the rest: cpu/exec/test_segment") \
    X(LGDT, NOTHING, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(LIDT, NOTHING, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(SGDT, NOTHING, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(SIDT, NOTHING, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(LLDT, NOTHING, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(LTR, NOTHING, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(SLDT, NOTHING, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(STR, NOTHING, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(LMSW, NOTHING, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_system") \
    X(SMSW, NOTHING, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(CLTS, NOTHING, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(LAR, NOTHING, 0, FLAG_ZF, 0, 1, 0, HOST_MASKED, "at CPL 3, user segments; the rest: cpu/exec/test_segment") \
    X(LSL, NOTHING, 0, FLAG_ZF, 0, 1, 0, HOST_MASKED, "at CPL 3, user segments; the rest: cpu/exec/test_segment") \
    X(VERR, NOTHING, 0, FLAG_ZF, 0, 1, 0, HOST_MASKED, "at CPL 3, user segments; the rest: cpu/exec/test_segment") \
    X(VERW, NOTHING, 0, FLAG_ZF, 0, 1, 0, HOST_MASKED, "at CPL 3, user segments; the rest: cpu/exec/test_segment") \
    X(ARPL, NOTHING, 0, FLAG_ZF, 0, 1, 0, HOST, NULL) \
    X(MOVCR, NOTHING, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_system") \
    X(MOVDR, NOTHING, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_system") \
    X(INVLPG, NOTHING, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_system") \
    X(INVPCID, INVPCID, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_system") \
    X(INVD, NOTHING, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(WBINVD, NOTHING, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(WRMSR, MSR, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_system") \
    X(RDMSR, MSR, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(RDPMC, P6, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(RDTSC, TSC, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(RDTSCP, RDTSCP, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(RDPID, RDPID, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(CPUID, NOTHING, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(RSM, NOTHING, 0, FLAGS_ALL, 0, 1, 1, TEST, "cpu/exec/test_system") \
    X(VMCALL, NOTHING, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_system") \
    X(VMMCALL, NOTHING, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_system") \
    X(SWAPGS, LM, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(RDFSBASE, FSGSBASE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(RDGSBASE, FSGSBASE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(WRFSBASE, FSGSBASE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(WRGSBASE, FSGSBASE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(XGETBV, XSAVE, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(XSETBV, XSAVE, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_system") \
    X(CLAC, SMAP, 0, FLAG_AC, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(STAC, SMAP, 0, FLAG_AC, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(MONITOR, NEVER, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(MWAIT, NEVER, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_system") \
    X(RDRAND, RDRAND, 0, FLAGS_ARITH, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(RDSEED, RDSEED, 0, FLAGS_ARITH, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(PREFETCH, P6, 0, 0, 0, 0, 0, HOST, NULL) \
    X(LFENCE, SSE2, 0, 0, 0, 0, 0, HOST, NULL) \
    X(MFENCE, SSE2, 0, 0, 0, 0, 0, HOST, NULL) \
    X(SFENCE, SSE, 0, 0, 0, 0, 0, HOST, NULL) \
    X(CLFLUSH, CLFSH, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CLFLUSHOPT, CLFLUSHOPT, 0, 0, 0, 1, 0, HOST, NULL) \
    X(IN, NOTHING, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_io") \
    X(OUT, NOTHING, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_io") \
    X(INS, NOTHING, FLAG_DF, 0, 0, 1, 0, TEST, "cpu/exec/test_io") \
    X(OUTS, NOTHING, FLAG_DF, 0, 0, 1, 0, TEST, "cpu/exec/test_io") \
    X(FADD, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FADDP, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FIADD, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMUL, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMULP, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FIMUL, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FSUB, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FSUBP, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FISUB, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FSUBR, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FSUBRP, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FISUBR, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FDIV, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FDIVP, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FIDIV, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FDIVR, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FDIVRP, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FIDIVR, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FCOM, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FCOMP, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FCOMPP, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FICOM, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FICOMP, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FUCOM, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FUCOMP, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FUCOMPP, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FCOMI, CMOV, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(FCOMIP, CMOV, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(FUCOMI, CMOV, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(FUCOMIP, CMOV, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(FLD, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FST, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FSTP, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FILD, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FIST, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FISTP, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FISTTP, SSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FBLD, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FBSTP, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FXCH, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FCMOVCC, CMOV, FLAG_ZF | FLAG_PF | FLAG_CF, 0, 0, 1, 0, HOST, NULL) \
    X(FCHS, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FABS, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FTST, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FXAM, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FLD1, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FLDL2T, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FLDL2E, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FLDPI, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FLDLG2, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FLDLN2, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FLDZ, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(F2XM1, FPU, 0, 0, 0, 1, 0, HOST_MASKED, "transcendental: error below 1 ulp [SDM 1 8.3.10]") \
    X(FYL2X, FPU, 0, 0, 0, 1, 0, HOST_MASKED, "transcendental: error below 1 ulp [SDM 1 8.3.10]") \
    X(FPTAN, FPU, 0, 0, 0, 1, 0, HOST_MASKED, "transcendental: error below 1 ulp [SDM 1 8.3.10]") \
    X(FPATAN, FPU, 0, 0, 0, 1, 0, HOST_MASKED, "transcendental: error below 1 ulp [SDM 1 8.3.10]") \
    X(FXTRACT, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FPREM1, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FDECSTP, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FINCSTP, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FPREM, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FYL2XP1, FPU, 0, 0, 0, 1, 0, HOST_MASKED, "transcendental: error below 1 ulp [SDM 1 8.3.10]") \
    X(FSQRT, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FSINCOS, FPU, 0, 0, 0, 1, 0, HOST_MASKED, "transcendental: error below 1 ulp [SDM 1 8.3.10]") \
    X(FRNDINT, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FSCALE, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FSIN, FPU, 0, 0, 0, 1, 0, HOST_MASKED, "transcendental: error below 1 ulp [SDM 1 8.3.10]") \
    X(FCOS, FPU, 0, 0, 0, 1, 0, HOST_MASKED, "transcendental: error below 1 ulp [SDM 1 8.3.10]") \
    X(FNOP, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FWAIT, NOTHING, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNCLEX, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNINIT, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FLDCW, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNSTCW, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNSTSW, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FLDENV, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNSTENV, FPU, 0, 0, 0, 1, 0, HOST_MASKED, "x87 instruction and data pointers, MXCSR_MASK: kept differently by vendors") \
    X(FRSTOR, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNSAVE, FPU, 0, 0, 0, 1, 0, HOST_MASKED, "x87 instruction and data pointers, MXCSR_MASK: kept differently by vendors") \
    X(FFREE, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FFREEP, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNENI, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNDISI, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNSETPM, FPU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PUNPCKLBW, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PUNPCKLWD, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PUNPCKLDQ, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PACKSSWB, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PCMPGTB, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PCMPGTW, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PCMPGTD, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PACKUSWB, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PUNPCKHBW, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PUNPCKHWD, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PUNPCKHDQ, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PACKSSDW, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PUNPCKLQDQ, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PUNPCKHQDQ, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVD, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVQ, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVDQA, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVDQU, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSHUFW, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSHUFD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSHUFHW, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSHUFLW, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSRLW, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSRAW, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSLLW, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSRLD, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSRAD, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSLLD, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSRLQ, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSLLQ, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSRLDQ, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSLLDQ, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PCMPEQB, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PCMPEQW, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PCMPEQD, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(EMMS, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PINSRW, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PEXTRW, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PEXTRW2, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PADDQ, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMULLW, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMOVMSKB, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSUBUSB, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSUBUSW, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMINUB, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PAND, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PADDUSB, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PADDUSW, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMAXUB, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PANDN, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PAVGB, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PAVGW, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMULHUW, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMULHW, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSUBSB, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSUBSW, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMINSW, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(POR, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PADDSB, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PADDSW, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMAXSW, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PXOR, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMULUDQ, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMADDWD, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSADBW, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSUBB, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSUBW, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSUBD, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSUBQ, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PADDB, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PADDW, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PADDD, MMX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MASKMOVQ, SSE, 0, 0, 0, 1, 0, HOST_MASKED, "a mask of zeros may fault or not [SDM 2 MASKMOVDQU]") \
    X(MASKMOVDQU, SSE2, 0, 0, 0, 1, 0, HOST_MASKED, "a mask of zeros may fault or not [SDM 2 MASKMOVDQU]") \
    X(MOVNTQ, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVNTDQ, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVQ2DQ, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVDQ2Q, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(LDDQU, SSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSHUFB, SSSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PHADDW, SSSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PHADDD, SSSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PHADDSW, SSSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMADDUBSW, SSSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PHSUBW, SSSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PHSUBD, SSSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PHSUBSW, SSSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSIGNB, SSSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSIGNW, SSSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSIGND, SSSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMULHRSW, SSSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PABSB, SSSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PABSW, SSSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PABSD, SSSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PALIGNR, SSSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PBLENDVB, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PTEST, SSE4_1, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(PMOVSXBW, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMOVSXBD, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMOVSXBQ, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMOVSXWD, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMOVSXWQ, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMOVSXDQ, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMOVZXBW, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMOVZXBD, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMOVZXBQ, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMOVZXWD, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMOVZXWQ, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMOVZXDQ, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMULDQ, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PCMPEQQ, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVNTDQA, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PACKUSDW, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PCMPGTQ, SSE4_2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMINSB, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMINSD, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMINUW, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMINUD, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMAXSB, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMAXSD, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMAXUW, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMAXUD, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMULLD, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PHMINPOSUW, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PBLENDW, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PEXTRB, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PEXTRD, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PEXTRQ, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PINSRB, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PINSRD, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PINSRQ, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MPSADBW, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PCMPESTRM, SSE4_2, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(PCMPESTRI, SSE4_2, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(PCMPISTRM, SSE4_2, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(PCMPISTRI, SSE4_2, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(MOVUPS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVUPD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVSS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVSD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVLPS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVLPD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVHLPS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVLHPS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVHPS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVHPD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVSLDUP, SSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVSHDUP, SSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVDDUP, SSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(UNPCKLPS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(UNPCKLPD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(UNPCKHPS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(UNPCKHPD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVAPS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVAPD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTPI2PS, SSE, 0, 0, 0, 1, 0, HOST_MASKED, "from memory AMD does not enter the MMX state [SDM 2 CVTPI2PS]") \
    X(CVTPI2PD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTSI2SS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTSI2SD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVNTPS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVNTPD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTTPS2PI, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTTPD2PI, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTTSS2SI, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTTSD2SI, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTPS2PI, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTPD2PI, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTSS2SI, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTSD2SI, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(UCOMISS, SSE, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(UCOMISD, SSE2, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(COMISS, SSE, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(COMISD, SSE2, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(MOVMSKPS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVMSKPD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SQRTPS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SQRTPD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SQRTSS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SQRTSD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(RSQRTPS, SSE, 0, 0, 0, 1, 0, HOST_MASKED, "approximate: relative error at most 1.5 * 2^-12 [SDM 2 RCPPS]") \
    X(RSQRTSS, SSE, 0, 0, 0, 1, 0, HOST_MASKED, "approximate: relative error at most 1.5 * 2^-12 [SDM 2 RCPPS]") \
    X(RCPPS, SSE, 0, 0, 0, 1, 0, HOST_MASKED, "approximate: relative error at most 1.5 * 2^-12 [SDM 2 RCPPS]") \
    X(RCPSS, SSE, 0, 0, 0, 1, 0, HOST_MASKED, "approximate: relative error at most 1.5 * 2^-12 [SDM 2 RCPPS]") \
    X(ANDPS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ANDPD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ANDNPS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ANDNPD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ORPS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ORPD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(XORPS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(XORPD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ADDPS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ADDPD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ADDSS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ADDSD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MULPS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MULPD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MULSS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MULSD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTPS2PD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTPD2PS, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTSS2SD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTSD2SS, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTDQ2PS, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTPS2DQ, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTTPS2DQ, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SUBPS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SUBPD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SUBSS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SUBSD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MINPS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MINPD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MINSS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MINSD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(DIVPS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(DIVPD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(DIVSS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(DIVSD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MAXPS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MAXPD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MAXSS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MAXSD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CMPPS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CMPPD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CMPSS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CMPSDX, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SHUFPS, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SHUFPD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTTPD2DQ, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTDQ2PD, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTPD2DQ, SSE2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ADDSUBPD, SSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ADDSUBPS, SSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(HADDPD, SSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(HADDPS, SSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(HSUBPD, SSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(HSUBPS, SSE3, 0, 0, 0, 1, 0, HOST, NULL) \
    X(BLENDVPS, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(BLENDVPD, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ROUNDPS, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ROUNDPD, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ROUNDSS, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ROUNDSD, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(BLENDPS, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(BLENDPD, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(EXTRACTPS, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(INSERTPS, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(DPPS, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(DPPD, SSE4_1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(LDMXCSR, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(STMXCSR, SSE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FXSAVE, FXSR, 0, 0, 0, 1, 0, HOST_MASKED, "x87 instruction and data pointers, MXCSR_MASK: kept differently by vendors") \
    X(FXRSTOR, FXSR, 0, 0, 0, 1, 0, HOST, NULL) \
    X(XSAVE, XSAVE, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_xsave") \
    X(XSAVEOPT, XSAVEOPT, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_xsave") \
    X(XSAVEC, XSAVEC, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_xsave") \
    X(XSAVES, NEVER, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_xsave") \
    X(XRSTOR, XSAVE, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_xsave") \
    X(XRSTORS, NEVER, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_xsave") \
    X(ADCX, ADX, FLAG_CF, FLAG_CF, 0, 0, 0, HOST, NULL) \
    X(ADOX, ADX, FLAG_OF, FLAG_OF, 0, 0, 0, HOST, NULL) \
    X(ANDN, BMI1, 0, FLAGS_ARITH, FLAG_AF | FLAG_PF, 0, 0, HOST_MASKED, "AF PF undefined [SDM 2 ANDN]") \
    X(BEXTR, BMI1, 0, FLAGS_ARITH, FLAG_AF | FLAG_SF | FLAG_PF, 0, 0, HOST_MASKED, "AF SF PF undefined [SDM 2 BEXTR]") \
    X(BLSI, BMI1, 0, FLAGS_ARITH, FLAG_AF | FLAG_PF, 0, 0, HOST_MASKED, "AF PF undefined [SDM 2 BLSI]") \
    X(BLSMSK, BMI1, 0, FLAGS_ARITH, FLAG_AF | FLAG_PF, 0, 0, HOST_MASKED, "AF PF undefined [SDM 2 BLSI]") \
    X(BLSR, BMI1, 0, FLAGS_ARITH, FLAG_AF | FLAG_PF, 0, 0, HOST_MASKED, "AF PF undefined [SDM 2 BLSI]") \
    X(BZHI, BMI2, 0, FLAGS_ARITH, FLAG_AF | FLAG_PF, 0, 0, HOST_MASKED, "AF PF undefined [SDM 2 BZHI]") \
    X(MULX, BMI2, 0, 0, 0, 0, 0, HOST, NULL) \
    X(PDEP, BMI2, 0, 0, 0, 0, 0, HOST, NULL) \
    X(PEXT, BMI2, 0, 0, 0, 0, 0, HOST, NULL) \
    X(RORX, BMI2, 0, 0, 0, 0, 0, HOST, NULL) \
    X(SARX, BMI2, 0, 0, 0, 0, 0, HOST, NULL) \
    X(SHLX, BMI2, 0, 0, 0, 0, 0, HOST, NULL) \
    X(SHRX, BMI2, 0, 0, 0, 0, 0, HOST, NULL) \
    X(AESDEC, AES, 0, 0, 0, 1, 0, HOST, NULL) \
    X(AESDECLAST, AES, 0, 0, 0, 1, 0, HOST, NULL) \
    X(AESENC, AES, 0, 0, 0, 1, 0, HOST, NULL) \
    X(AESENCLAST, AES, 0, 0, 0, 1, 0, HOST, NULL) \
    X(AESIMC, AES, 0, 0, 0, 1, 0, HOST, NULL) \
    X(AESKEYGENASSIST, AES, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PCLMULQDQ, PCLMULQDQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SHA1MSG1, SHA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SHA1MSG2, SHA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SHA1NEXTE, SHA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SHA1RNDS4, SHA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SHA256MSG1, SHA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SHA256MSG2, SHA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SHA256RNDS2, SHA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ZEROUPPER, AVX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ZEROALL, AVX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(BROADCASTSS, AVX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(BROADCASTSD, AVX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(BROADCASTF128, AVX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(EXTRACTF128, AVX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(INSERTF128, AVX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MASKMOVPS, AVX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MASKMOVPD, AVX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PERMILPS, AVX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PERMILPD, AVX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PERM2F128, AVX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(TESTPS, AVX, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(TESTPD, AVX, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(CVTPH2PS, F16C, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTPS2PH, F16C, 0, 0, 0, 1, 0, HOST, NULL) \
    X(BROADCASTI128, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(EXTRACTI128, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(INSERTI128, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMASKMOVD, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMASKMOVQ, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PERM2I128, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PERMD, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PERMPS, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PERMQ, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PERMPD, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PBLENDD, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PBROADCASTB, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PBROADCASTW, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PBROADCASTD, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PBROADCASTQ, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSLLVD, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSLLVQ, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSRLVD, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSRLVQ, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSRAVD, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(GATHERDPS, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(GATHERDPD, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(GATHERQPS, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(GATHERQPD, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PGATHERDD, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PGATHERDQ, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PGATHERQD, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PGATHERQQ, AVX2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMADDSUB132PS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMADDSUB132PD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMADDSUB213PS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMADDSUB213PD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMADDSUB231PS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMADDSUB231PD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMSUBADD132PS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMSUBADD132PD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMSUBADD213PS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMSUBADD213PD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMSUBADD231PS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMSUBADD231PD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMADD132PS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMADD132PD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMADD132SS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMADD132SD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMADD213PS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMADD213PD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMADD213SS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMADD213SD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMADD231PS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMADD231PD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMADD231SS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMADD231SD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMSUB132PS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMSUB132PD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMSUB132SS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMSUB132SD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMSUB213PS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMSUB213PD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMSUB213SS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMSUB213SD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMSUB231PS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMSUB231PD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMSUB231SS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMSUB231SD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNMADD132PS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNMADD132PD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNMADD132SS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNMADD132SD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNMADD213PS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNMADD213PD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNMADD213SS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNMADD213SD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNMADD231PS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNMADD231PD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNMADD231SS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNMADD231SD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNMSUB132PS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNMSUB132PD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNMSUB132SS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNMSUB132SD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNMSUB213PS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNMSUB213PD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNMSUB213SS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNMSUB213SD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNMSUB231PS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNMSUB231PD, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNMSUB231SS, FMA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNMSUB231SD, FMA, 0, 0, 0, 1, 0, HOST, NULL)

/* The families come from ops.h, so that no row can disagree with it. */
enum {
#define X(mnemonic, family) FAMILY_OF_##mnemonic = FAMILY_##family,
    X86_OPS(X)
#undef X
};

const struct op_info op_info[OP_COUNT] = {
#define X(mnemonic, feature, read, written, undefined, faults, ends, judge, why) \
    [OP_##mnemonic] = { \
        .name = #mnemonic, .family = FAMILY_OF_##mnemonic, .oracle = ORACLE_##judge, .needs = OP_NEEDS_##feature, .ends_block = (ends) != 0, \
        .may_fault = (faults) != 0, .flags_read = (uint32_t)(read), .flags_written = (uint32_t)(written), \
        .flags_undefined = (uint32_t)(undefined), .note = (why), \
    },
    OP_INFO(X)
#undef X
};
// clang-format on

static bool names_xmm(const struct insn *insn)
{
    for (unsigned i = 0; i < INSN_OPERANDS; i++) {
        if (insn->kind[i] == OPERAND_XMM) {
            return true;
        }
    }
    return false;
}

/* Of VEX forms: what SSE has needs AVX, integers of 256 bits AVX2, with the manual's exceptions. */
static enum op_feature vex_needs(const struct insn *insn, const struct op_info *info)
{
    switch (insn->op) {
    case OP_PTEST:
    case OP_MOVDQA:
    case OP_MOVDQU:
    case OP_LDDQU:
    case OP_MOVNTDQ:
        return OP_NEEDS_AVX;
    case OP_BROADCASTSS:
    case OP_BROADCASTSD:
        return insn->kind[1] == OPERAND_MEM ? OP_NEEDS_AVX : OP_NEEDS_AVX2;
    default:
        break;
    }
    switch (info->family) {
    case FAMILY_MMX:
        return insn->opsize == 32 ? OP_NEEDS_AVX2 : OP_NEEDS_AVX;
    case FAMILY_SSE:
    case FAMILY_CRYPTO:
        return OP_NEEDS_AVX;
    default:
        return (enum op_feature)info->needs;
    }
}

enum op_feature insn_needs(const struct insn *insn, unsigned bits)
{
    const struct op_info *info = &op_info[insn->op];
    enum op_feature needs = (enum op_feature)info->needs;

    switch (insn->op) {
    case OP_LAHF:
    case OP_SAHF:
        return bits == 64 ? OP_NEEDS_LAHF : OP_NEEDS_NOTHING;
    case OP_NOP: /* the hint forms, with ModRM */
        return insn->kind[0] != OPERAND_NONE ? OP_NEEDS_P6 : OP_NEEDS_NOTHING;
    default:
        break;
    }
    if (insn->flags & INSN_VEX) {
        return vex_needs(insn, info);
    }
    if (info->family == FAMILY_MMX && needs < OP_NEEDS_SSE2 && names_xmm(insn)) {
        return OP_NEEDS_SSE2;
    }
    return needs;
}
