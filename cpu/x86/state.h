/* The architectural state of one x86 processor, as guests, debuggers and saved state know it. */
#ifndef CPU_X86_STATE_H
#define CPU_X86_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu/x86/regs.h"
#include "cpu/x86/segment.h"

/* An 80-bit extended value: sign and exponent, and the significand with its explicit integer bit. */
struct x87_value {
    uint64_t significand;
    uint16_t sign_exponent;
};

struct x87_state {
    struct x87_value reg[8]; /* physical R0..R7; ST(i) is reg[(top + i) & 7]; MMi is reg[i].significand */
    uint16_t control, status; /* FCW; FSW with TOP in bits 11-13 */
    uint8_t valid;            /* bit i: Ri is not empty (FXSAVE's abridged tag) */
    uint16_t opcode;          /* FOP, 11 bits */
    uint64_t instruction, data; /* FIP, FDP */
    uint16_t instruction_selector, data_selector;
};

union xmm {
    uint8_t u8[16];
    uint16_t u16[8];
    uint32_t u32[4];
    uint64_t u64[2];
};

enum interrupt_shadow { SHADOW_NONE = 0, SHADOW_STI = 1, SHADOW_MOV_SS = 2 };

enum activity { ACTIVITY_RUNNING, ACTIVITY_HALTED, ACTIVITY_WAIT_FOR_SIPI, ACTIVITY_SHUTDOWN };

struct cpu_state {
    uint64_t gpr[REG_COUNT];

    /* Arithmetic flags in lazy form; cpu/exec/flags.h reads and writes them. */
    uint64_t flags_result; /* sign-extended result: ZF, SF, low byte for PF */
    uint64_t flags_carry;  /* see cpu/exec/flags.h */
    uint64_t rflags_rest;  /* RFLAGS without CF PF AF ZF SF OF; bit 1 set */

    struct x86_segment seg[SEG_COUNT], ldtr, tr;
    struct x86_table gdtr, idtr;
    uint64_t cr0, cr2, cr3, cr4, efer, xcr0;
    uint64_t dr[4], dr6, dr7;

    uint64_t star, lstar, cstar, fmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t tsc_aux, pat, misc_enable;
    uint64_t mtrr_def_type, mtrr_fixed[11], mtrr_base[8], mtrr_mask[8];
    uint64_t tsc_offset; /* guest TSC = clock's TSC + offset */

    struct x87_state x87;
    union xmm xmm[16];
    union xmm ymm_high[16]; /* bits 255:128 of the YMM registers */
    uint32_t mxcsr;

    uint8_t shadow;   /* enum interrupt_shadow */
    bool nmi_blocked; /* until IRET */
    uint8_t activity; /* enum activity */
};

#endif
