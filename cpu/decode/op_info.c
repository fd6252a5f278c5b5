/* One row per operation: flags read, written, undefined; may fault; ends a block; oracle. [SDM 1 A; SDM 2] */
#include "cpu/decode/op_info.h"

#define FLAGS_ALL                                                                                  \
    (FLAGS_ARITH | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT | FLAG_RF | FLAG_VM |         \
     FLAG_AC | FLAG_ID)
/* What an interrupt or system call clears. */
#define FLAGS_SYSTEM (FLAG_TF | FLAG_IF | FLAG_NT | FLAG_RF | FLAG_VM | FLAG_AC)

// clang-format off
/* X(mnemonic, flags read, written, undefined, may fault, ends block, oracle, its note) */
#define OP_INFO(X) \
    X(ADD, 0, FLAGS_ARITH, 0, 0, 0, HOST, NULL) \
    X(OR, 0, FLAGS_ARITH, FLAG_AF, 0, 0, HOST_MASKED, "AF undefined [SDM 2 AND]") \
    X(ADC, FLAG_CF, FLAGS_ARITH, 0, 0, 0, HOST, NULL) \
    X(SBB, FLAG_CF, FLAGS_ARITH, 0, 0, 0, HOST, NULL) \
    X(AND, 0, FLAGS_ARITH, FLAG_AF, 0, 0, HOST_MASKED, "AF undefined [SDM 2 AND]") \
    X(SUB, 0, FLAGS_ARITH, 0, 0, 0, HOST, NULL) \
    X(XOR, 0, FLAGS_ARITH, FLAG_AF, 0, 0, HOST_MASKED, "AF undefined [SDM 2 AND]") \
    X(CMP, 0, FLAGS_ARITH, 0, 0, 0, HOST, NULL) \
    X(TEST, 0, FLAGS_ARITH, FLAG_AF, 0, 0, HOST_MASKED, "AF undefined [SDM 2 AND]") \
    X(INC, 0, FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF, 0, 0, 0, HOST, NULL) \
    X(DEC, 0, FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF, 0, 0, 0, HOST, NULL) \
    X(NEG, 0, FLAGS_ARITH, 0, 0, 0, HOST, NULL) \
    X(NOT, 0, 0, 0, 0, 0, HOST, NULL) \
    X(MUL, 0, FLAGS_ARITH, FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF, 0, 0, HOST_MASKED, "SF ZF AF PF undefined [SDM 2 MUL, IMUL]") \
    X(IMUL, 0, FLAGS_ARITH, FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF, 0, 0, HOST_MASKED, "SF ZF AF PF undefined [SDM 2 MUL, IMUL]") \
    X(IMUL2, 0, FLAGS_ARITH, FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF, 0, 0, HOST_MASKED, "SF ZF AF PF undefined [SDM 2 MUL, IMUL]") \
    X(IMUL3, 0, FLAGS_ARITH, FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF, 0, 0, HOST_MASKED, "SF ZF AF PF undefined [SDM 2 MUL, IMUL]") \
    X(DIV, 0, FLAGS_ARITH, FLAGS_ARITH, 1, 0, HOST_MASKED, "all flags undefined [SDM 2 DIV]") \
    X(IDIV, 0, FLAGS_ARITH, FLAGS_ARITH, 1, 0, HOST_MASKED, "all flags undefined [SDM 2 DIV]") \
    X(AAA, FLAG_AF, FLAGS_ARITH, FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_PF, 0, 0, HOST_MASKED, "OF SF ZF PF undefined [SDM 2 AAA]") \
    X(AAS, FLAG_AF, FLAGS_ARITH, FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_PF, 0, 0, HOST_MASKED, "OF SF ZF PF undefined [SDM 2 AAA]") \
    X(AAM, 0, FLAGS_ARITH, FLAG_OF | FLAG_AF | FLAG_CF, 1, 0, HOST_MASKED, "OF AF CF undefined [SDM 2 AAM]") \
    X(AAD, 0, FLAGS_ARITH, FLAG_OF | FLAG_AF | FLAG_CF, 0, 0, HOST_MASKED, "OF AF CF undefined [SDM 2 AAM]") \
    X(DAA, FLAG_AF | FLAG_CF, FLAGS_ARITH, FLAG_OF, 0, 0, HOST_MASKED, "OF undefined [SDM 2 DAA]") \
    X(DAS, FLAG_AF | FLAG_CF, FLAGS_ARITH, FLAG_OF, 0, 0, HOST_MASKED, "OF undefined [SDM 2 DAA]") \
    X(CMPXCHG, 0, FLAGS_ARITH, 0, 0, 0, HOST, NULL) \
    X(CMPXCHG8B, 0, FLAG_ZF, 0, 1, 0, HOST, NULL) \
    X(CMPXCHG16B, 0, FLAG_ZF, 0, 1, 0, HOST, NULL) \
    X(XADD, 0, FLAGS_ARITH, 0, 0, 0, HOST, NULL) \
    X(ROL, 0, FLAG_OF | FLAG_CF, FLAG_OF, 0, 0, HOST_MASKED, "OF undefined unless the count is 1 [SDM 2 RCL]") \
    X(ROR, 0, FLAG_OF | FLAG_CF, FLAG_OF, 0, 0, HOST_MASKED, "OF undefined unless the count is 1 [SDM 2 RCL]") \
    X(RCL, FLAG_CF, FLAG_OF | FLAG_CF, FLAG_OF, 0, 0, HOST_MASKED, "OF undefined unless the count is 1 [SDM 2 RCL]") \
    X(RCR, FLAG_CF, FLAG_OF | FLAG_CF, FLAG_OF, 0, 0, HOST_MASKED, "OF undefined unless the count is 1 [SDM 2 RCL]") \
    X(SHL, 0, FLAGS_ARITH, FLAG_OF | FLAG_AF | FLAG_CF, 0, 0, HOST_MASKED, "AF undefined; OF unless the count is 1; CF when the count reaches the size [SDM 2 SAL]") \
    X(SHR, 0, FLAGS_ARITH, FLAG_OF | FLAG_AF | FLAG_CF, 0, 0, HOST_MASKED, "AF undefined; OF unless the count is 1; CF when the count reaches the size [SDM 2 SAL]") \
    X(SAR, 0, FLAGS_ARITH, FLAG_OF | FLAG_AF, 0, 0, HOST_MASKED, "AF undefined; OF unless the count is 1; CF when the count reaches the size [SDM 2 SAL]") \
    X(SHLD, 0, FLAGS_ARITH, FLAGS_ARITH, 0, 0, HOST_MASKED, "AF undefined; OF unless the count is 1; all when the count exceeds the size [SDM 2 SHLD]") \
    X(SHRD, 0, FLAGS_ARITH, FLAGS_ARITH, 0, 0, HOST_MASKED, "AF undefined; OF unless the count is 1; all when the count exceeds the size [SDM 2 SHLD]") \
    X(MOV, 0, 0, 0, 0, 0, HOST, NULL) \
    X(MOVZX, 0, 0, 0, 0, 0, HOST, NULL) \
    X(MOVSX, 0, 0, 0, 0, 0, HOST, NULL) \
    X(MOVSXD, 0, 0, 0, 0, 0, HOST, NULL) \
    X(XCHG, 0, 0, 0, 0, 0, HOST, NULL) \
    X(LEA, 0, 0, 0, 0, 0, HOST, NULL) \
    X(BSWAP, 0, 0, 0, 0, 0, HOST_MASKED, "16-bit form undefined [SDM 2 BSWAP]") \
    X(CBW, 0, 0, 0, 0, 0, HOST, NULL) \
    X(CWD, 0, 0, 0, 0, 0, HOST, NULL) \
    X(CMOVCC, FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_PF | FLAG_CF, 0, 0, 0, 0, HOST, NULL) \
    X(SETCC, FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_PF | FLAG_CF, 0, 0, 0, 0, HOST, NULL) \
    X(XLAT, 0, 0, 0, 1, 0, HOST, NULL) \
    X(LAHF, FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF | FLAG_CF, 0, 0, 0, 0, HOST, NULL) \
    X(SAHF, 0, FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF | FLAG_CF, 0, 0, 0, HOST, NULL) \
    X(CMC, FLAG_CF, FLAG_CF, 0, 0, 0, HOST, NULL) \
    X(CLC, 0, FLAG_CF, 0, 0, 0, HOST, NULL) \
    X(STC, 0, FLAG_CF, 0, 0, 0, HOST, NULL) \
    X(CLD, 0, FLAG_DF, 0, 0, 0, HOST, NULL) \
    X(STD, 0, FLAG_DF, 0, 0, 0, HOST, NULL) \
    X(NOP, 0, 0, 0, 0, 0, HOST, NULL) \
    X(PAUSE, 0, 0, 0, 0, 0, HOST, NULL) \
    X(MOVBE, 0, 0, 0, 0, 0, HOST, NULL) \
    X(MOVNTI, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SALC, FLAG_CF, 0, 0, 0, 0, HOST, NULL) \
    X(ENDBR, 0, 0, 0, 0, 0, HOST, NULL) \
    X(PUSH, 0, 0, 0, 1, 0, HOST, NULL) \
    X(POP, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PUSHA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(POPA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PUSHF, FLAGS_ALL, 0, 0, 1, 0, HOST, NULL) \
    X(POPF, 0, FLAGS_ALL, 0, 1, 1, HOST, NULL) \
    X(ENTER, 0, 0, 0, 1, 0, HOST, NULL) \
    X(LEAVE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(BT, 0, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF | FLAG_CF, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF, 0, 0, HOST_MASKED, "OF SF AF PF undefined [SDM 2 BT]") \
    X(BTS, 0, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF | FLAG_CF, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF, 0, 0, HOST_MASKED, "OF SF AF PF undefined [SDM 2 BT]") \
    X(BTR, 0, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF | FLAG_CF, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF, 0, 0, HOST_MASKED, "OF SF AF PF undefined [SDM 2 BT]") \
    X(BTC, 0, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF | FLAG_CF, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF, 0, 0, HOST_MASKED, "OF SF AF PF undefined [SDM 2 BT]") \
    X(BSF, 0, FLAGS_ARITH, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF | FLAG_CF, 0, 0, HOST_MASKED, "CF OF SF AF PF undefined [SDM 2 BSF]") \
    X(BSR, 0, FLAGS_ARITH, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF | FLAG_CF, 0, 0, HOST_MASKED, "CF OF SF AF PF undefined [SDM 2 BSF]") \
    X(POPCNT, 0, FLAGS_ARITH, 0, 0, 0, HOST, NULL) \
    X(LZCNT, 0, FLAGS_ARITH, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF, 0, 0, HOST_MASKED, "no model has them: judged as BSR and BSF; OF SF PF AF undefined [SDM 2 LZCNT]") \
    X(TZCNT, 0, FLAGS_ARITH, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF, 0, 0, HOST_MASKED, "no model has them: judged as BSR and BSF; OF SF PF AF undefined [SDM 2 LZCNT]") \
    X(CRC32, 0, 0, 0, 0, 0, HOST, NULL) \
    X(MOVS, FLAG_DF, 0, 0, 1, 0, HOST, NULL) \
    X(CMPS, FLAG_DF, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(STOS, FLAG_DF, 0, 0, 1, 0, HOST, NULL) \
    X(LODS, FLAG_DF, 0, 0, 1, 0, HOST, NULL) \
    X(SCAS, FLAG_DF, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(JCC, FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_PF | FLAG_CF, 0, 0, 1, 1, HOST, NULL) \
    X(JMP, 0, 0, 0, 1, 1, HOST, NULL) \
    X(CALL, 0, 0, 0, 1, 1, HOST, NULL) \
    X(RET, 0, 0, 0, 1, 1, HOST, NULL) \
    X(LOOP, 0, 0, 0, 1, 1, HOST, NULL) \
    X(LOOPE, FLAG_ZF, 0, 0, 1, 1, HOST, NULL) \
    X(LOOPNE, FLAG_ZF, 0, 0, 1, 1, HOST, NULL) \
    X(JCXZ, 0, 0, 0, 1, 1, HOST, NULL) \
    X(BOUND, 0, 0, 0, 1, 1, HOST, NULL) \
    X(JMPF, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_far") \
    X(CALLF, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_far") \
    X(RETF, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_far") \
    X(INT, FLAGS_ALL, FLAGS_SYSTEM, 0, 1, 1, TEST, "cpu/exec/test_far") \
    X(INT3, FLAGS_ALL, FLAGS_SYSTEM, 0, 1, 1, TEST, "cpu/exec/test_far") \
    X(INTO, FLAGS_ALL, FLAGS_SYSTEM, 0, 1, 1, TEST, "cpu/exec/test_far") \
    X(INT1, FLAGS_ALL, FLAGS_SYSTEM, 0, 1, 1, TEST, "cpu/exec/test_far") \
    X(IRET, FLAGS_ALL, FLAGS_ALL, 0, 1, 1, TEST, "cpu/exec/test_far") \
    X(SYSCALL, FLAGS_ALL, FLAGS_SYSTEM, 0, 1, 1, TEST, "cpu/exec/test_far") \
    X(SYSRET, 0, FLAGS_ALL, 0, 1, 1, TEST, "cpu/exec/test_far") \
    X(SYSENTER, FLAGS_ALL, FLAGS_SYSTEM, 0, 1, 1, TEST, "cpu/exec/test_far") \
    X(SYSEXIT, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_far") \
    X(UD, 0, 0, 0, 1, 1, HOST, NULL) \
    X(UD0, 0, 0, 0, 1, 1, HOST, NULL) \
    X(UD1, 0, 0, 0, 1, 1, HOST, NULL) \
    X(UD2, 0, 0, 0, 1, 1, HOST, NULL) \
    X(HLT, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_system") \
    X(CLI, 0, FLAG_IF, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(STI, 0, FLAG_IF, 0, 1, 1, TEST, "cpu/exec/test_system") \
    X(MOVSEG, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_segment") \
    X(LDS, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_segment") \
    X(LES, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_segment") \
    X(LFS, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_segment") \
    X(LGS, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_segment") \
    X(LSS, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_segment") \
    X(PUSHSEG, 0, 0, 0, 1, 0, HOST, NULL) \
    X(POPSEG, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_segment") \
    X(LGDT, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(LIDT, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(SGDT, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(SIDT, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(LLDT, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(LTR, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(SLDT, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(STR, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(LMSW, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_system") \
    X(SMSW, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(CLTS, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(LAR, 0, FLAG_ZF, 0, 1, 0, TEST, "cpu/exec/test_segment") \
    X(LSL, 0, FLAG_ZF, 0, 1, 0, TEST, "cpu/exec/test_segment") \
    X(VERR, 0, FLAG_ZF, 0, 1, 0, TEST, "cpu/exec/test_segment") \
    X(VERW, 0, FLAG_ZF, 0, 1, 0, TEST, "cpu/exec/test_segment") \
    X(ARPL, 0, FLAG_ZF, 0, 1, 0, HOST, NULL) \
    X(MOVCR, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_system") \
    X(MOVDR, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_system") \
    X(INVLPG, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_system") \
    X(INVPCID, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_system") \
    X(INVD, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(WBINVD, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(WRMSR, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_system") \
    X(RDMSR, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(RDPMC, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(RDTSC, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(RDTSCP, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(RDPID, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(CPUID, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(RSM, 0, FLAGS_ALL, 0, 1, 1, TEST, "cpu/exec/test_system") \
    X(VMCALL, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_system") \
    X(VMMCALL, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_system") \
    X(SWAPGS, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(RDFSBASE, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(RDGSBASE, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(WRFSBASE, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(WRGSBASE, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(XGETBV, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(XSETBV, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_system") \
    X(CLAC, 0, FLAG_AC, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(STAC, 0, FLAG_AC, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(MONITOR, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(MWAIT, 0, 0, 0, 1, 1, TEST, "cpu/exec/test_system") \
    X(RDRAND, 0, FLAGS_ARITH, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(RDSEED, 0, FLAGS_ARITH, 0, 1, 0, TEST, "cpu/exec/test_system") \
    X(PREFETCH, 0, 0, 0, 0, 0, HOST, NULL) \
    X(LFENCE, 0, 0, 0, 0, 0, HOST, NULL) \
    X(MFENCE, 0, 0, 0, 0, 0, HOST, NULL) \
    X(SFENCE, 0, 0, 0, 0, 0, HOST, NULL) \
    X(CLFLUSH, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CLFLUSHOPT, 0, 0, 0, 1, 0, HOST, NULL) \
    X(IN, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_io") \
    X(OUT, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_io") \
    X(INS, FLAG_DF, 0, 0, 1, 0, TEST, "cpu/exec/test_io") \
    X(OUTS, FLAG_DF, 0, 0, 1, 0, TEST, "cpu/exec/test_io") \
    X(FADD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FADDP, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FIADD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMUL, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FMULP, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FIMUL, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FSUB, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FSUBP, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FISUB, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FSUBR, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FSUBRP, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FISUBR, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FDIV, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FDIVP, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FIDIV, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FDIVR, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FDIVRP, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FIDIVR, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FCOM, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FCOMP, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FCOMPP, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FICOM, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FICOMP, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FUCOM, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FUCOMP, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FUCOMPP, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FCOMI, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(FCOMIP, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(FUCOMI, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(FUCOMIP, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(FLD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FST, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FSTP, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FILD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FIST, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FISTP, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FISTTP, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FBLD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FBSTP, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FXCH, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FCMOVCC, FLAG_ZF | FLAG_PF | FLAG_CF, 0, 0, 1, 0, HOST, NULL) \
    X(FCHS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FABS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FTST, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FXAM, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FLD1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FLDL2T, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FLDL2E, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FLDPI, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FLDLG2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FLDLN2, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FLDZ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(F2XM1, 0, 0, 0, 1, 0, HOST_MASKED, "transcendental: error below 1 ulp [SDM 1 8.3.10]") \
    X(FYL2X, 0, 0, 0, 1, 0, HOST_MASKED, "transcendental: error below 1 ulp [SDM 1 8.3.10]") \
    X(FPTAN, 0, 0, 0, 1, 0, HOST_MASKED, "transcendental: error below 1 ulp [SDM 1 8.3.10]") \
    X(FPATAN, 0, 0, 0, 1, 0, HOST_MASKED, "transcendental: error below 1 ulp [SDM 1 8.3.10]") \
    X(FXTRACT, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FPREM1, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FDECSTP, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FINCSTP, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FPREM, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FYL2XP1, 0, 0, 0, 1, 0, HOST_MASKED, "transcendental: error below 1 ulp [SDM 1 8.3.10]") \
    X(FSQRT, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FSINCOS, 0, 0, 0, 1, 0, HOST_MASKED, "transcendental: error below 1 ulp [SDM 1 8.3.10]") \
    X(FRNDINT, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FSCALE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FSIN, 0, 0, 0, 1, 0, HOST_MASKED, "transcendental: error below 1 ulp [SDM 1 8.3.10]") \
    X(FCOS, 0, 0, 0, 1, 0, HOST_MASKED, "transcendental: error below 1 ulp [SDM 1 8.3.10]") \
    X(FNOP, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FWAIT, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNCLEX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNINIT, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FLDCW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNSTCW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNSTSW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FLDENV, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNSTENV, 0, 0, 0, 1, 0, HOST_MASKED, "x87 instruction and data pointers, MXCSR_MASK: kept differently by vendors") \
    X(FRSTOR, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNSAVE, 0, 0, 0, 1, 0, HOST_MASKED, "x87 instruction and data pointers, MXCSR_MASK: kept differently by vendors") \
    X(FFREE, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FFREEP, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNENI, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNDISI, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FNSETPM, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PUNPCKLBW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PUNPCKLWD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PUNPCKLDQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PACKSSWB, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PCMPGTB, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PCMPGTW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PCMPGTD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PACKUSWB, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PUNPCKHBW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PUNPCKHWD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PUNPCKHDQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PACKSSDW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PUNPCKLQDQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PUNPCKHQDQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVDQA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVDQU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSHUFW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSHUFD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSHUFHW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSHUFLW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSRLW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSRAW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSLLW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSRLD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSRAD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSLLD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSRLQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSLLQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSRLDQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSLLDQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PCMPEQB, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PCMPEQW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PCMPEQD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(EMMS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PINSRW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PEXTRW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PADDQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMULLW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMOVMSKB, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSUBUSB, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSUBUSW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMINUB, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PAND, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PADDUSB, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PADDUSW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMAXUB, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PANDN, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PAVGB, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PAVGW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMULHUW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMULHW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSUBSB, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSUBSW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMINSW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(POR, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PADDSB, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PADDSW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMAXSW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PXOR, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMULUDQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMADDWD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSADBW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSUBB, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSUBW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSUBD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSUBQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PADDB, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PADDW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PADDD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MASKMOVQ, 0, 0, 0, 1, 0, HOST_MASKED, "a mask of zeros may fault or not [SDM 2 MASKMOVDQU]") \
    X(MASKMOVDQU, 0, 0, 0, 1, 0, HOST_MASKED, "a mask of zeros may fault or not [SDM 2 MASKMOVDQU]") \
    X(MOVNTQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVNTDQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVQ2DQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVDQ2Q, 0, 0, 0, 1, 0, HOST, NULL) \
    X(LDDQU, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSHUFB, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PHADDW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PHADDD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PHADDSW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMADDUBSW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PHSUBW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PHSUBD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PHSUBSW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSIGNB, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSIGNW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PSIGND, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMULHRSW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PABSB, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PABSW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PABSD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PALIGNR, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PBLENDVB, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PTEST, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(PMOVSXBW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMOVSXBD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMOVSXBQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMOVSXWD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMOVSXWQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMOVSXDQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMOVZXBW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMOVZXBD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMOVZXBQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMOVZXWD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMOVZXWQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMOVZXDQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMULDQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PCMPEQQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVNTDQA, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PACKUSDW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PCMPGTQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMINSB, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMINSD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMINUW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMINUD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMAXSB, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMAXSD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMAXUW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMAXUD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PMULLD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PHMINPOSUW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PBLENDW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PEXTRB, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PEXTRD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PEXTRQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PINSRB, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PINSRD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PINSRQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MPSADBW, 0, 0, 0, 1, 0, HOST, NULL) \
    X(PCMPESTRM, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(PCMPESTRI, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(PCMPISTRM, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(PCMPISTRI, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(MOVUPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVUPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVSS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVSD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVLPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVLPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVHLPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVLHPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVHPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVHPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVSLDUP, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVSHDUP, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVDDUP, 0, 0, 0, 1, 0, HOST, NULL) \
    X(UNPCKLPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(UNPCKLPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(UNPCKHPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(UNPCKHPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVAPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVAPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTPI2PS, 0, 0, 0, 1, 0, HOST_MASKED, "from memory AMD does not enter the MMX state [SDM 2 CVTPI2PS]") \
    X(CVTPI2PD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTSI2SS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTSI2SD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVNTPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVNTPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTTPS2PI, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTTPD2PI, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTTSS2SI, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTTSD2SI, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTPS2PI, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTPD2PI, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTSS2SI, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTSD2SI, 0, 0, 0, 1, 0, HOST, NULL) \
    X(UCOMISS, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(UCOMISD, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(COMISS, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(COMISD, 0, FLAGS_ARITH, 0, 1, 0, HOST, NULL) \
    X(MOVMSKPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MOVMSKPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SQRTPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SQRTPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SQRTSS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SQRTSD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(RSQRTPS, 0, 0, 0, 1, 0, HOST_MASKED, "approximate: relative error at most 1.5 * 2^-12 [SDM 2 RCPPS]") \
    X(RSQRTSS, 0, 0, 0, 1, 0, HOST_MASKED, "approximate: relative error at most 1.5 * 2^-12 [SDM 2 RCPPS]") \
    X(RCPPS, 0, 0, 0, 1, 0, HOST_MASKED, "approximate: relative error at most 1.5 * 2^-12 [SDM 2 RCPPS]") \
    X(RCPSS, 0, 0, 0, 1, 0, HOST_MASKED, "approximate: relative error at most 1.5 * 2^-12 [SDM 2 RCPPS]") \
    X(ANDPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ANDPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ANDNPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ANDNPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ORPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ORPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(XORPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(XORPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ADDPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ADDPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ADDSS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ADDSD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MULPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MULPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MULSS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MULSD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTPS2PD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTPD2PS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTSS2SD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTSD2SS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTDQ2PS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTPS2DQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTTPS2DQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SUBPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SUBPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SUBSS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SUBSD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MINPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MINPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MINSS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MINSD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(DIVPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(DIVPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(DIVSS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(DIVSD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MAXPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MAXPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MAXSS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(MAXSD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CMPPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CMPPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CMPSS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CMPSDX, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SHUFPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(SHUFPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTTPD2DQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTDQ2PD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(CVTPD2DQ, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ADDSUBPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ADDSUBPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(HADDPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(HADDPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(HSUBPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(HSUBPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(BLENDVPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(BLENDVPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ROUNDPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ROUNDPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ROUNDSS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(ROUNDSD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(BLENDPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(BLENDPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(EXTRACTPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(INSERTPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(DPPS, 0, 0, 0, 1, 0, HOST, NULL) \
    X(DPPD, 0, 0, 0, 1, 0, HOST, NULL) \
    X(LDMXCSR, 0, 0, 0, 1, 0, HOST, NULL) \
    X(STMXCSR, 0, 0, 0, 1, 0, HOST, NULL) \
    X(FXSAVE, 0, 0, 0, 1, 0, HOST_MASKED, "x87 instruction and data pointers, MXCSR_MASK: kept differently by vendors") \
    X(FXRSTOR, 0, 0, 0, 1, 0, HOST, NULL) \
    X(XSAVE, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_xsave") \
    X(XSAVEOPT, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_xsave") \
    X(XSAVEC, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_xsave") \
    X(XSAVES, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_xsave") \
    X(XRSTOR, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_xsave") \
    X(XRSTORS, 0, 0, 0, 1, 0, TEST, "cpu/exec/test_xsave")

/* The families come from ops.h, so that no row can disagree with it. */
enum {
#define X(mnemonic, family) FAMILY_OF_##mnemonic = FAMILY_##family,
    X86_OPS(X)
#undef X
};

const struct op_info op_info[OP_COUNT] = {
#define X(mnemonic, read, written, undefined, faults, ends, judge, why) \
    [OP_##mnemonic] = { \
        .name = #mnemonic, .family = FAMILY_OF_##mnemonic, .oracle = ORACLE_##judge, .ends_block = (ends) != 0, \
        .may_fault = (faults) != 0, .flags_read = (uint32_t)(read), .flags_written = (uint32_t)(written), \
        .flags_undefined = (uint32_t)(undefined), .note = (why), \
    },
    OP_INFO(X)
#undef X
};
// clang-format on
