/* The feature that each operation needs: against lists of the manual's summary, and against Zydis for every encoding of
 * the maps. [SDM 1 5] */
#include <string.h>

#include "base/compiler.h"
#include "cpu/decode/op_info.h"
#include "tests/check/check_main.h"

#ifdef HAVE_ZYDIS
#include <Zydis/Zydis.h>
#endif

/* By section of the manual's summary. What is in no list is as old as the 80486. */
static const struct needs_list {
    enum op_feature needs;
    const char *operations;
} needs_lists[] = {
    /* 5.1: general purpose */
    { OP_NEEDS_CMOV, "CMOVCC FCMOVCC FCOMI FUCOMI FCOMIP FUCOMIP" },
    { OP_NEEDS_CX8, "CMPXCHG8B" },
    { OP_NEEDS_CX16, "CMPXCHG16B" },
    { OP_NEEDS_MOVBE, "MOVBE" },
    { OP_NEEDS_POPCNT, "POPCNT" },
    { OP_NEEDS_RDRAND, "RDRAND" },
    { OP_NEEDS_RDSEED, "RDSEED" },
    { OP_NEEDS_P6, "ENDBR PREFETCH RDPMC" },
    { OP_NEEDS_LM, "MOVSXD SWAPGS" },
    /* 5.2: x87 */
    { OP_NEEDS_FPU, "FLD FST FSTP FILD FIST FISTP FBLD FBSTP FXCH" },
    { OP_NEEDS_FPU, "FADD FADDP FIADD FSUB FSUBP FISUB FSUBR FSUBRP FISUBR FMUL FMULP FIMUL FDIV "
                    "FDIVP FIDIV FDIVR" },
    { OP_NEEDS_FPU, "FDIVRP FIDIVR FPREM FPREM1 FABS FCHS FRNDINT FSCALE FSQRT FXTRACT" },
    { OP_NEEDS_FPU, "FCOM FCOMP FCOMPP FUCOM FUCOMP FUCOMPP FICOM FICOMP FTST FXAM" },
    { OP_NEEDS_FPU, "FSIN FCOS FSINCOS FPTAN FPATAN F2XM1 FYL2X FYL2XP1" },
    { OP_NEEDS_FPU, "FLD1 FLDZ FLDPI FLDL2E FLDLN2 FLDL2T FLDLG2" },
    { OP_NEEDS_FPU, "FINCSTP FDECSTP FFREE FFREEP FNINIT FNCLEX FNSTCW FLDCW FNSTENV FLDENV FNSAVE "
                    "FRSTOR FNSTSW FNOP" },
    { OP_NEEDS_FPU, "FNENI FNDISI FNSETPM" },
    /* 5.3: state management */
    { OP_NEEDS_FXSR, "FXSAVE FXRSTOR" },
    /* 5.4: MMX, also with XMM registers */
    { OP_NEEDS_MMX, "MOVD MOVQ PACKSSWB PACKSSDW PACKUSWB PUNPCKHBW PUNPCKHWD PUNPCKHDQ PUNPCKLBW "
                    "PUNPCKLWD PUNPCKLDQ" },
    { OP_NEEDS_MMX, "PADDB PADDW PADDD PADDSB PADDSW PADDUSB PADDUSW PSUBB PSUBW PSUBD PSUBSB "
                    "PSUBSW PSUBUSB PSUBUSW" },
    { OP_NEEDS_MMX,
      "PMULHW PMULLW PMADDWD PCMPEQB PCMPEQW PCMPEQD PCMPGTB PCMPGTW PCMPGTD PAND PANDN POR PXOR" },
    { OP_NEEDS_MMX, "PSLLW PSLLD PSLLQ PSRLW PSRLD PSRLQ PSRAW PSRAD EMMS" },
    /* 5.5: SSE */
    { OP_NEEDS_SSE, "MOVAPS MOVUPS MOVHPS MOVHLPS MOVLPS MOVLHPS MOVMSKPS MOVSS" },
    { OP_NEEDS_SSE,
      "ADDPS ADDSS SUBPS SUBSS MULPS MULSS DIVPS DIVSS RCPPS RCPSS SQRTPS SQRTSS RSQRTPS RSQRTSS" },
    { OP_NEEDS_SSE, "MAXPS MAXSS MINPS MINSS CMPPS CMPSS COMISS UCOMISS ANDPS ANDNPS ORPS XORPS" },
    { OP_NEEDS_SSE, "SHUFPS UNPCKHPS UNPCKLPS CVTPI2PS CVTSI2SS CVTPS2PI CVTTPS2PI CVTSS2SI "
                    "CVTTSS2SI LDMXCSR STMXCSR" },
    { OP_NEEDS_SSE,
      "PAVGB PAVGW PEXTRW PINSRW PMAXUB PMAXSW PMINUB PMINSW PMOVMSKB PMULHUW PSADBW PSHUFW" },
    { OP_NEEDS_SSE, "MASKMOVQ MOVNTQ MOVNTPS SFENCE" },
    /* 5.6: SSE2 */
    { OP_NEEDS_SSE2, "MOVAPD MOVUPD MOVHPD MOVLPD MOVMSKPD MOVSD ADDPD ADDSD SUBPD SUBSD MULPD "
                     "MULSD DIVPD DIVSD" },
    { OP_NEEDS_SSE2,
      "SQRTPD SQRTSD MAXPD MAXSD MINPD MINSD ANDPD ANDNPD ORPD XORPD CMPPD CMPSDX COMISD UCOMISD" },
    { OP_NEEDS_SSE2, "SHUFPD UNPCKHPD UNPCKLPD CVTPD2PI CVTTPD2PI CVTPI2PD CVTPD2DQ CVTTPD2DQ "
                     "CVTDQ2PD CVTPS2PD CVTPD2PS" },
    { OP_NEEDS_SSE2, "CVTSS2SD CVTSD2SS CVTSD2SI CVTTSD2SI CVTSI2SD CVTDQ2PS CVTPS2DQ CVTTPS2DQ" },
    { OP_NEEDS_SSE2,
      "MOVDQA MOVDQU MOVQ2DQ MOVDQ2Q PMULUDQ PADDQ PSUBQ PSHUFLW PSHUFHW PSHUFD PSLLDQ PSRLDQ" },
    { OP_NEEDS_SSE2, "PUNPCKHQDQ PUNPCKLQDQ LFENCE MFENCE MASKMOVDQU MOVNTPD MOVNTDQ MOVNTI" },
    { OP_NEEDS_CLFSH, "CLFLUSH" },
    /* 5.7, 5.8: SSE3, SSSE3 */
    { OP_NEEDS_SSE3,
      "FISTTP LDDQU ADDSUBPS ADDSUBPD HADDPS HSUBPS HADDPD HSUBPD MOVSHDUP MOVSLDUP MOVDDUP" },
    { OP_NEEDS_SSSE3,
      "PHADDW PHADDSW PHADDD PHSUBW PHSUBSW PHSUBD PABSB PABSW PABSD PMADDUBSW PMULHRSW PSHUFB" },
    { OP_NEEDS_SSSE3, "PSIGNB PSIGNW PSIGND PALIGNR" },
    /* 5.10, 5.11: SSE4 */
    { OP_NEEDS_SSE4_1,
      "PMULLD PMULDQ DPPD DPPS MOVNTDQA BLENDPD BLENDPS BLENDVPD BLENDVPS PBLENDVB PBLENDW" },
    { OP_NEEDS_SSE4_1,
      "PMINUW PMINUD PMINSB PMINSD PMAXUW PMAXUD PMAXSB PMAXSD ROUNDPS ROUNDPD ROUNDSS ROUNDSD" },
    { OP_NEEDS_SSE4_1, "EXTRACTPS INSERTPS PINSRB PINSRD PINSRQ PEXTRB PEXTRW2 PEXTRD PEXTRQ" },
    { OP_NEEDS_SSE4_1,
      "PMOVSXBW PMOVZXBW PMOVSXBD PMOVZXBD PMOVSXWD PMOVZXWD PMOVSXBQ PMOVZXBQ PMOVSXWQ PMOVZXWQ" },
    { OP_NEEDS_SSE4_1, "PMOVSXDQ PMOVZXDQ MPSADBW PHMINPOSUW PTEST PCMPEQQ PACKUSDW" },
    { OP_NEEDS_SSE4_2, "PCMPESTRI PCMPESTRM PCMPISTRI PCMPISTRM PCMPGTQ CRC32" },
    /* 5.12 to 5.17: AES, PCLMULQDQ, AVX, F16C, FMA, AVX2; 5.1.16: BMI, ADX; SHA */
    { OP_NEEDS_AES, "AESDEC AESDECLAST AESENC AESENCLAST AESIMC AESKEYGENASSIST" },
    { OP_NEEDS_PCLMULQDQ, "PCLMULQDQ" },
    { OP_NEEDS_SHA, "SHA1MSG1 SHA1MSG2 SHA1NEXTE SHA1RNDS4 SHA256MSG1 SHA256MSG2 SHA256RNDS2" },
    { OP_NEEDS_AVX,
      "ZEROUPPER ZEROALL BROADCASTSS BROADCASTSD BROADCASTF128 EXTRACTF128 INSERTF128" },
    { OP_NEEDS_AVX, "MASKMOVPS MASKMOVPD PERMILPS PERMILPD PERM2F128 TESTPS TESTPD" },
    { OP_NEEDS_F16C, "CVTPH2PS CVTPS2PH" },
    { OP_NEEDS_FMA,
      "FMADDSUB132PS FMADDSUB132PD FMADDSUB213PS FMADDSUB213PD FMADDSUB231PS FMADDSUB231PD" },
    { OP_NEEDS_FMA,
      "FMSUBADD132PS FMSUBADD132PD FMSUBADD213PS FMSUBADD213PD FMSUBADD231PS FMSUBADD231PD" },
    { OP_NEEDS_FMA,
      "FMADD132PS FMADD132PD FMADD132SS FMADD132SD FMADD213PS FMADD213PD FMADD213SS" },
    { OP_NEEDS_FMA,
      "FMADD213SD FMADD231PS FMADD231PD FMADD231SS FMADD231SD FMSUB132PS FMSUB132PD" },
    { OP_NEEDS_FMA,
      "FMSUB132SS FMSUB132SD FMSUB213PS FMSUB213PD FMSUB213SS FMSUB213SD FMSUB231PS" },
    { OP_NEEDS_FMA,
      "FMSUB231PD FMSUB231SS FMSUB231SD FNMADD132PS FNMADD132PD FNMADD132SS FNMADD132SD" },
    { OP_NEEDS_FMA,
      "FNMADD213PS FNMADD213PD FNMADD213SS FNMADD213SD FNMADD231PS FNMADD231PD FNMADD231SS" },
    { OP_NEEDS_FMA,
      "FNMADD231SD FNMSUB132PS FNMSUB132PD FNMSUB132SS FNMSUB132SD FNMSUB213PS FNMSUB213PD" },
    { OP_NEEDS_FMA, "FNMSUB213SS FNMSUB213SD FNMSUB231PS FNMSUB231PD FNMSUB231SS FNMSUB231SD" },
    { OP_NEEDS_AVX2,
      "BROADCASTI128 EXTRACTI128 INSERTI128 PMASKMOVD PMASKMOVQ PERM2I128 PERMD PERMPS" },
    { OP_NEEDS_AVX2,
      "PERMQ PERMPD PBLENDD PBROADCASTB PBROADCASTW PBROADCASTD PBROADCASTQ PSLLVD PSLLVQ" },
    { OP_NEEDS_AVX2,
      "PSRLVD PSRLVQ PSRAVD GATHERDPS GATHERDPD GATHERQPS GATHERQPD PGATHERDD PGATHERDQ" },
    { OP_NEEDS_AVX2, "PGATHERQD PGATHERQQ" },
    { OP_NEEDS_BMI1, "ANDN BEXTR BLSI BLSMSK BLSR" },
    { OP_NEEDS_BMI2, "BZHI MULX PDEP PEXT RORX SARX SHLX SHRX" },
    { OP_NEEDS_ADX, "ADCX ADOX" },
    /* 5.20: system */
    { OP_NEEDS_MSR, "RDMSR WRMSR" },
    { OP_NEEDS_TSC, "RDTSC" },
    { OP_NEEDS_RDTSCP, "RDTSCP" },
    { OP_NEEDS_RDPID, "RDPID" },
    { OP_NEEDS_SEP, "SYSENTER SYSEXIT" },
    { OP_NEEDS_SYSCALL, "SYSCALL SYSRET" },
    { OP_NEEDS_XSAVE, "XSAVE XRSTOR XGETBV XSETBV" },
    { OP_NEEDS_XSAVEOPT, "XSAVEOPT" },
    { OP_NEEDS_XSAVEC, "XSAVEC" },
    { OP_NEEDS_FSGSBASE, "RDFSBASE RDGSBASE WRFSBASE WRGSBASE" },
    { OP_NEEDS_INVPCID, "INVPCID" },
    { OP_NEEDS_SMAP, "CLAC STAC" },
    { OP_NEEDS_CLFLUSHOPT, "CLFLUSHOPT" },
    { OP_NEEDS_NEVER, "MONITOR MWAIT XSAVES XRSTORS" },
};

static bool list_holds(const char *list, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = list; (at = strstr(at, name)) != NULL; at += length) {
        if ((at == list || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0')) {
            return true;
        }
    }
    return false;
}

START_TEST(operations_need_what_the_manual_says)
{
    enum op_feature needs = OP_NEEDS_NOTHING;
    unsigned found = 0;

    for (unsigned n = 0; n < ARRAY_SIZE(needs_lists); n++) {
        if (list_holds(needs_lists[n].operations, op_info[_i].name)) {
            needs = needs_lists[n].needs;
            found++;
        }
    }
    ck_assert_msg(found <= 1, "%s is in two lists", op_info[_i].name);
    ck_assert_msg(op_info[_i].needs == needs, "%s needs %u, not %u", op_info[_i].name,
                  op_info[_i].needs, needs);
}
END_TEST

/* Forms: the feature depends on operands or the mode. */
static const struct form_case {
    uint8_t bytes[8];
    uint8_t bits;
    enum op_feature needs;
} form_cases[] = {
    { { 0x0f, 0xfc, 0xc1 }, 32, OP_NEEDS_MMX },           /* paddb mm */
    { { 0x66, 0x0f, 0xfc, 0xc1 }, 32, OP_NEEDS_SSE2 },    /* paddb xmm */
    { { 0x0f, 0x6e, 0xc0 }, 32, OP_NEEDS_MMX },           /* movd mm, eax */
    { { 0x66, 0x0f, 0x7e, 0xc0 }, 32, OP_NEEDS_SSE2 },    /* movd eax, xmm0 */
    { { 0xf3, 0x0f, 0x7e, 0x00 }, 32, OP_NEEDS_SSE2 },    /* movq xmm, m64 */
    { { 0x0f, 0xd7, 0xc1 }, 32, OP_NEEDS_SSE },           /* pmovmskb eax, mm */
    { { 0x66, 0x0f, 0xd7, 0xc1 }, 32, OP_NEEDS_SSE2 },    /* pmovmskb eax, xmm */
    { { 0x0f, 0xd4, 0xc1 }, 32, OP_NEEDS_SSE2 },          /* paddq mm */
    { { 0x0f, 0x38, 0x00, 0xc1 }, 32, OP_NEEDS_SSSE3 },   /* pshufb mm */
    { { 0x66, 0x0f, 0xc5, 0xc1, 0 }, 32, OP_NEEDS_SSE2 }, /* pextrw eax, xmm1 */
    { { 0x66, 0x0f, 0x3a, 0x15, 0xc8, 0 },
      32,
      OP_NEEDS_SSE4_1 },                /* pextrw eax, xmm1: the new form */
    { { 0x9f }, 32, OP_NEEDS_NOTHING }, /* lahf */
    { { 0x9f }, 64, OP_NEEDS_LAHF },
    { { 0x9e }, 64, OP_NEEDS_LAHF },                      /* sahf */
    { { 0x90 }, 32, OP_NEEDS_NOTHING },                   /* nop */
    { { 0xf3, 0x90 }, 32, OP_NEEDS_NOTHING },             /* pause: a nop before it had its name */
    { { 0x0f, 0x1f, 0x00 }, 32, OP_NEEDS_P6 },            /* nop [eax] */
    { { 0x0f, 0x18, 0x08 }, 32, OP_NEEDS_P6 },            /* prefetcht0 [eax] */
    { { 0xf3, 0x0f, 0xbd, 0xc0 }, 32, OP_NEEDS_NOTHING }, /* lzcnt: bsr */
    { { 0xf3, 0x0f, 0xbc, 0xc0 }, 32, OP_NEEDS_NOTHING }, /* tzcnt: bsf */
    { { 0xf3, 0x0f, 0xb8, 0xc0 }, 32, OP_NEEDS_POPCNT },
    { { 0x0f, 0xc8 }, 32, OP_NEEDS_NOTHING },       /* bswap */
    { { 0x0f, 0xb1, 0x08 }, 32, OP_NEEDS_NOTHING }, /* cmpxchg */
    { { 0x9b }, 32, OP_NEEDS_NOTHING },             /* fwait */
};

START_TEST(forms_need_what_the_manual_says)
{
    const struct form_case *row = &form_cases[_i];
    struct insn insn = { 0 };

    ck_assert_int_eq(
        decode_insn(row->bytes, sizeof(row->bytes), (struct decode_mode){ row->bits, true }, &insn),
        DECODE_OK);
    ck_assert_msg(insn_needs(&insn, row->bits) == row->needs, "%s: %u, not %u",
                  op_info[insn.op].name, insn_needs(&insn, row->bits), row->needs);
}
END_TEST

#ifdef HAVE_ZYDIS
/* What Zydis calls it; OP_FEATURE_COUNT: nothing that we have. */
static enum op_feature zydis_needs(const ZydisDecodedInstruction *zydis, const struct insn *insn,
                                   unsigned bits)
{
    switch (zydis->meta.isa_set) {
    case ZYDIS_ISA_SET_I86:
    case ZYDIS_ISA_SET_I186:
    case ZYDIS_ISA_SET_I286REAL:
    case ZYDIS_ISA_SET_I286PROTECTED:
    case ZYDIS_ISA_SET_I386:
    case ZYDIS_ISA_SET_I486:
    case ZYDIS_ISA_SET_I486REAL:
    case ZYDIS_ISA_SET_LZCNT:
    case ZYDIS_ISA_SET_PAUSE:
    case ZYDIS_ISA_SET_VTX: /* VMCALL: #UD comes from above */
    case ZYDIS_ISA_SET_SVM:
        return OP_NEEDS_NOTHING;
    case ZYDIS_ISA_SET_LAHF:
        return bits == 64 ? OP_NEEDS_LAHF : OP_NEEDS_NOTHING;
    case ZYDIS_ISA_SET_LONGMODE:
        return zydis->mnemonic == ZYDIS_MNEMONIC_SYSCALL || zydis->mnemonic == ZYDIS_MNEMONIC_SYSRET
                   ? OP_NEEDS_SYSCALL
               : zydis->mnemonic == ZYDIS_MNEMONIC_MOVSXD ||
                       zydis->mnemonic == ZYDIS_MNEMONIC_SWAPGS
                   ? OP_NEEDS_LM
                   : OP_NEEDS_NOTHING;
    case ZYDIS_ISA_SET_AMD:
        return zydis->mnemonic == ZYDIS_MNEMONIC_SYSCALL || zydis->mnemonic == ZYDIS_MNEMONIC_SYSRET
                   ? OP_NEEDS_SYSCALL
                   : OP_NEEDS_NOTHING;
    case ZYDIS_ISA_SET_PENTIUMREAL:
        return zydis->mnemonic == ZYDIS_MNEMONIC_CMPXCHG8B ? OP_NEEDS_CX8
               : zydis->mnemonic == ZYDIS_MNEMONIC_RDTSC   ? OP_NEEDS_TSC
               : zydis->mnemonic == ZYDIS_MNEMONIC_RDMSR || zydis->mnemonic == ZYDIS_MNEMONIC_WRMSR
                   ? OP_NEEDS_MSR
                   : OP_NEEDS_NOTHING;
    case ZYDIS_ISA_SET_PPRO:
        return list_holds("SYSENTER SYSEXIT", op_info[insn->op].name)              ? OP_NEEDS_SEP
               : list_holds("FCOMI FCOMIP FUCOMI FUCOMIP", op_info[insn->op].name) ? OP_NEEDS_CMOV
               : insn->op == OP_UD || insn->op == OP_UD0 || insn->op == OP_UD1 ||
                       insn->op == OP_UD2 || insn->op == OP_BSWAP
                   ? OP_NEEDS_NOTHING
                   : OP_NEEDS_P6;
    case ZYDIS_ISA_SET_FAT_NOP:
    case ZYDIS_ISA_SET_PREFETCH_NOP:
    case ZYDIS_ISA_SET_PREFETCHWT1:
    case ZYDIS_ISA_SET_SSE_PREFETCH: /* a hint, and a NOP on what came before */
    case ZYDIS_ISA_SET_RDPMC:
    case ZYDIS_ISA_SET_CET:
    case ZYDIS_ISA_SET_MPX:
    case ZYDIS_ISA_SET_CLDEMOTE:
        return OP_NEEDS_P6;
    case ZYDIS_ISA_SET_CMOV:
    case ZYDIS_ISA_SET_FCMOV:
        return OP_NEEDS_CMOV;
    case ZYDIS_ISA_SET_X87:
        return insn->op == OP_FWAIT ? OP_NEEDS_NOTHING : OP_NEEDS_FPU;
    case ZYDIS_ISA_SET_PENTIUMMMX:
        /* Also of those that SSE added to the MMX registers. [SDM 1 5.5.3] */
        return list_holds("PAVGB PAVGW PEXTRW PINSRW PMAXUB PMAXSW PMINUB PMINSW PMOVMSKB PMULHUW "
                          "PSADBW PSHUFW MASKMOVQ "
                          "MOVNTQ",
                          op_info[insn->op].name)
                   ? OP_NEEDS_SSE
                   : OP_NEEDS_MMX;
    case ZYDIS_ISA_SET_SSE:
    case ZYDIS_ISA_SET_SSEMXCSR:
        return OP_NEEDS_SSE;
    case ZYDIS_ISA_SET_SSE2:
    case ZYDIS_ISA_SET_SSE2MMX:
        return OP_NEEDS_SSE2;
    case ZYDIS_ISA_SET_SSE3:
    case ZYDIS_ISA_SET_SSE3X87:
        return OP_NEEDS_SSE3;
    case ZYDIS_ISA_SET_SSSE3:
    case ZYDIS_ISA_SET_SSSE3MMX:
        return OP_NEEDS_SSSE3;
    case ZYDIS_ISA_SET_SSE4:
        return OP_NEEDS_SSE4_1;
    case ZYDIS_ISA_SET_SSE42:
        return zydis->mnemonic == ZYDIS_MNEMONIC_POPCNT ? OP_NEEDS_POPCNT : OP_NEEDS_SSE4_2;
    case ZYDIS_ISA_SET_MONITOR:
    case ZYDIS_ISA_SET_XSAVES:
        return OP_NEEDS_NEVER;
    case ZYDIS_ISA_SET_BMI1:
        return insn->op == OP_TZCNT ? OP_NEEDS_NOTHING : OP_NEEDS_BMI1;
#define SAME(zydis_name, name)                                                                     \
    case ZYDIS_ISA_SET_##zydis_name:                                                               \
        return OP_NEEDS_##name;
        SAME(POPCNT, POPCNT)
        SAME(ADOX_ADCX, ADX)
        SAME(AES, AES)
        SAME(AVX, AVX)
        SAME(AVX2, AVX2)
        SAME(AVX2GATHER, AVX2)
        SAME(AVXAES, AVX)
        SAME(BMI2, BMI2)
        SAME(F16C, F16C)
        SAME(FMA, FMA)
        SAME(PCLMULQDQ, PCLMULQDQ)
        SAME(SHA, SHA)
        SAME(CMPXCHG16B, CX16)
        SAME(MOVBE, MOVBE)
        SAME(FXSAVE, FXSR)
        SAME(FXSAVE64, FXSR)
        SAME(XSAVE, XSAVE)
        SAME(XSAVEOPT, XSAVEOPT)
        SAME(XSAVEC, XSAVEC)
        SAME(RDRAND, RDRAND)
        SAME(RDSEED, RDSEED)
        SAME(RDTSCP, RDTSCP)
        SAME(RDPID, RDPID)
        SAME(CLFSH, CLFSH)
        SAME(CLFLUSHOPT, CLFLUSHOPT)
        SAME(RDWRFSGS, FSGSBASE)
        SAME(INVPCID, INVPCID)
        SAME(SMAP, SMAP)
#undef SAME
    default:
        return OP_FEATURE_COUNT;
    }
}

static unsigned compare_encoding(const ZydisDecoder *decoder, const uint8_t bytes[16],
                                 unsigned bits)
{
    ZydisDecodedInstruction zydis;
    struct insn insn = { 0 };

    if (decode_insn(bytes, INSN_MAX_LENGTH, (struct decode_mode){ (uint8_t)bits, true }, &insn) !=
            DECODE_OK ||
        insn.op == OP_UD ||
        !ZYAN_SUCCESS(
            ZydisDecoderDecodeInstruction(decoder, ZYAN_NULL, bytes, INSN_MAX_LENGTH, &zydis))) {
        return 0;
    }
    enum op_feature theirs = zydis_needs(&zydis, &insn, bits), ours = insn_needs(&insn, bits);
    ck_assert_msg(ours == theirs,
                  "%02x %02x %02x %02x %02x (%u bits) %s: %u, Zydis' set %u (%u), %s", bytes[0],
                  bytes[1], bytes[2], bytes[3], bytes[4], bits, op_info[insn.op].name, ours,
                  zydis.meta.isa_set, theirs, ZydisMnemonicGetString(zydis.mnemonic));
    return 1;
}

/* Every prefix, map, opcode and ModRM (registers 0 and 1, memory) there is. */
START_TEST(encodings_need_what_zydis_says)
{
    static const uint8_t prefixes[] = { 0, 0x66, 0xf3, 0xf2 };
    static const struct {
        uint8_t n, bytes[2];
    } maps[] = { { 0, { 0 } }, { 1, { 0x0f } }, { 2, { 0x0f, 0x38 } }, { 2, { 0x0f, 0x3a } } };
    unsigned bits = _i != 0 ? 64 : 32, compared = 0;
    ZydisDecoder decoder;

    ZydisDecoderInit(&decoder,
                     bits == 64 ? ZYDIS_MACHINE_MODE_LONG_64 : ZYDIS_MACHINE_MODE_LEGACY_32,
                     bits == 64 ? ZYDIS_STACK_WIDTH_64 : ZYDIS_STACK_WIDTH_32);
    ZydisDecoderEnableMode(&decoder, ZYDIS_DECODER_MODE_MPX, ZYAN_FALSE);
    ZydisDecoderEnableMode(&decoder, ZYDIS_DECODER_MODE_CLDEMOTE, ZYAN_FALSE);
    for (unsigned prefix = 0; prefix < ARRAY_SIZE(prefixes); prefix++) {
        for (unsigned map = 0; map < ARRAY_SIZE(maps); map++) {
            for (unsigned code = 0; code < 256; code++) {
                for (unsigned modrm = 0; modrm < 256; modrm++) {
                    uint8_t bytes[16] = { 0 };
                    unsigned n = 0;

                    if (prefixes[prefix] != 0) {
                        bytes[n++] = prefixes[prefix];
                    }
                    for (unsigned k = 0; k < maps[map].n; k++) {
                        bytes[n++] = maps[map].bytes[k];
                    }
                    bytes[n++] = (uint8_t)code;
                    bytes[n] = (uint8_t)modrm;
                    compared += compare_encoding(&decoder, bytes, bits);
                }
            }
        }
    }
    ck_assert_uint_gt(compared, 100000);
}
END_TEST

/* Every VEX prefix of three bytes that selects a map, with VEX.vvvv unused and used. */
START_TEST(vex_encodings_need_what_zydis_says)
{
    static const uint8_t unused_or_used[] = { 0x78, 0x68 };
    unsigned bits = _i != 0 ? 64 : 32, compared = 0;
    ZydisDecoder decoder;

    ZydisDecoderInit(&decoder,
                     bits == 64 ? ZYDIS_MACHINE_MODE_LONG_64 : ZYDIS_MACHINE_MODE_LEGACY_32,
                     bits == 64 ? ZYDIS_STACK_WIDTH_64 : ZYDIS_STACK_WIDTH_32);
    for (unsigned n = 0; n < 3 * 2 * 8 * 2 * 256; n++) {
        unsigned map = 1 + n % 3, vvvv = unused_or_used[n / 3 % 2], l_pp = n / 6 % 8;
        unsigned w = n / 48 % 2, code = n / 96;

        for (unsigned modrm = 0; modrm < 256; modrm += 3) {
            uint8_t bytes[16] = { 0xc4, (uint8_t)(0xe0 | map), (uint8_t)(w << 7 | vvvv | l_pp),
                                  (uint8_t)code, (uint8_t)modrm };

            compared += compare_encoding(&decoder, bytes, bits);
        }
    }
    ck_assert_uint_gt(compared, 50000);
}
END_TEST
#endif

static Suite *suite_op_needs(void)
{
    Suite *suite = suite_create("cpu/decode/op_info");
    TCase *needs = tcase_create("needs");

    tcase_add_loop_test(needs, operations_need_what_the_manual_says, 0, OP_COUNT);
    tcase_add_loop_test(needs, forms_need_what_the_manual_says, 0, ARRAY_SIZE(form_cases));
#ifdef HAVE_ZYDIS
    tcase_add_loop_test(needs, encodings_need_what_zydis_says, 0, 2);
    tcase_add_loop_test(needs, vex_encodings_need_what_zydis_says, 0, 2);
#endif
    suite_add_tcase(suite, needs);
    return suite;
}

CHECK_MAIN(suite_op_needs())
