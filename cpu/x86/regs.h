/* Registers and their bits: general registers, RFLAGS, CR0-CR4, EFER, DR6/DR7, XCR0. [SDM 3A 2.3, 2.5; 1 3.4.3] */
#ifndef CPU_X86_REGS_H
#define CPU_X86_REGS_H

#include <stdint.h>

/* Indices into cpu_state.gpr. RIP and ZERO exist so that an effective address is always base + index * scale + disp. */
enum {
    REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
    REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
    REG_RIP,  /* of the first instruction of the running block; architectural between blocks */
    REG_ZERO, /* always 0 */
    REG_COUNT,
};

enum { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_COUNT };

#define BIT64(n) (UINT64_C(1) << (n))

#define FLAG_CF   BIT64(0)
#define FLAG_ONE  BIT64(1)
#define FLAG_PF   BIT64(2)
#define FLAG_AF   BIT64(4)
#define FLAG_ZF   BIT64(6)
#define FLAG_SF   BIT64(7)
#define FLAG_TF   BIT64(8)
#define FLAG_IF   BIT64(9)
#define FLAG_DF   BIT64(10)
#define FLAG_OF   BIT64(11)
#define FLAG_IOPL (BIT64(12) | BIT64(13))
#define FLAG_NT   BIT64(14)
#define FLAG_RF   BIT64(16)
#define FLAG_VM   BIT64(17)
#define FLAG_AC   BIT64(18)
#define FLAG_VIF  BIT64(19)
#define FLAG_VIP  BIT64(20)
#define FLAG_ID   BIT64(21)
#define FLAGS_ARITH (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

#define CR0_PE BIT64(0)
#define CR0_MP BIT64(1)
#define CR0_EM BIT64(2)
#define CR0_TS BIT64(3)
#define CR0_ET BIT64(4)
#define CR0_NE BIT64(5)
#define CR0_WP BIT64(16)
#define CR0_AM BIT64(18)
#define CR0_NW BIT64(29)
#define CR0_CD BIT64(30)
#define CR0_PG BIT64(31)

#define CR4_VME        BIT64(0)
#define CR4_PVI        BIT64(1)
#define CR4_TSD        BIT64(2)
#define CR4_DE         BIT64(3)
#define CR4_PSE        BIT64(4)
#define CR4_PAE        BIT64(5)
#define CR4_MCE        BIT64(6)
#define CR4_PGE        BIT64(7)
#define CR4_PCE        BIT64(8)
#define CR4_OSFXSR     BIT64(9)
#define CR4_OSXMMEXCPT BIT64(10)
#define CR4_UMIP       BIT64(11)
#define CR4_LA57       BIT64(12)
#define CR4_VMXE       BIT64(13)
#define CR4_FSGSBASE   BIT64(16)
#define CR4_PCIDE      BIT64(17)
#define CR4_OSXSAVE    BIT64(18)
#define CR4_SMEP       BIT64(20)
#define CR4_SMAP       BIT64(21)
#define CR4_PKE        BIT64(22)

#define EFER_SCE BIT64(0)
#define EFER_LME BIT64(8)
#define EFER_LMA BIT64(10)
#define EFER_NXE BIT64(11)

#define DR6_INIT UINT64_C(0xffff0ff0)
#define DR6_BD   BIT64(13)
#define DR6_BS   BIT64(14)
#define DR6_BT   BIT64(15)
#define DR7_INIT UINT64_C(0x400)
#define DR7_GD   BIT64(13)

#define XCR0_X87 BIT64(0)
#define XCR0_SSE BIT64(1)
#define XCR0_AVX BIT64(2)

#endif
