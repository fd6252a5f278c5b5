/* Opcodes that ModRM extends: the groups by reg, pairs by mod, and rows by rm. [SDM 2D A.4 table A-6]
 *
 * A group has 16 rows: reg 0..7 with a memory operand, then reg 0..7 with a register.
 */
#include "cpu/decode/opcode_map.h"

#define MEM(reg) [reg]
#define REG(reg) [(reg) + 8]
/* The same row for both. */
#define BOTH(reg, ...) [reg] = __VA_ARGS__, [(reg) + 8] = __VA_ARGS__

// clang-format off
#define GROUP_1(e, i, more) \
    BOTH(0, ROW(ADD, e, i, _, F_LOCK | (more))), \
    BOTH(1, ROW(OR, e, i, _, F_LOCK | (more))), \
    BOTH(2, ROW(ADC, e, i, _, F_LOCK | (more))), \
    BOTH(3, ROW(SBB, e, i, _, F_LOCK | (more))), \
    BOTH(4, ROW(AND, e, i, _, F_LOCK | (more))), \
    BOTH(5, ROW(SUB, e, i, _, F_LOCK | (more))), \
    BOTH(6, ROW(XOR, e, i, _, F_LOCK | (more))), \
    BOTH(7, ROW(CMP, e, i, _, (more))),

#define GROUP_2(e, i) \
    BOTH(0, ROW(ROL, e, i, _, 0)), \
    BOTH(1, ROW(ROR, e, i, _, 0)), \
    BOTH(2, ROW(RCL, e, i, _, 0)), \
    BOTH(3, ROW(RCR, e, i, _, 0)), \
    BOTH(4, ROW(SHL, e, i, _, 0)), \
    BOTH(5, ROW(SHR, e, i, _, 0)), \
    BOTH(6, ROW(SHL, e, i, _, 0)), \
    BOTH(7, ROW(SAR, e, i, _, 0)),

#define GROUP_3(e, i) \
    BOTH(0, ROW(TEST, e, i, _, 0)), \
    BOTH(1, ROW(TEST, e, i, _, 0)), \
    BOTH(2, ROW(NOT, e, _, _, F_LOCK)), \
    BOTH(3, ROW(NEG, e, _, _, F_LOCK)), \
    BOTH(4, ROW(MUL, e, _, _, 0)), \
    BOTH(5, ROW(IMUL, e, _, _, 0)), \
    BOTH(6, ROW(DIV, e, _, _, 0)), \
    BOTH(7, ROW(IDIV, e, _, _, 0)),

#define GROUP_9_ROWS \
    MEM(1) = ROW(CMPXCHG8B, Myy, _, _, F_LOCK | F_W_NEXT),

const struct opcode_row opcode_groups[GROUP_COUNT][16] = {
    [GROUP_1_Eb_Ib] = { GROUP_1(Eb, sIb, 0) },
    [GROUP_1_Ev_Iz] = { GROUP_1(Ev, Iz, 0) },
    [GROUP_1_Eb_Ib_82] = { GROUP_1(Eb, sIb, F_NO64) },
    [GROUP_1_Ev_sIb] = { GROUP_1(Ev, sIb, 0) },
    [GROUP_1A] = { BOTH(0, ROW(POP, Ev, _, _, F_D64)) },
    [GROUP_2_Eb_Ib] = { GROUP_2(Eb, Ib) },
    [GROUP_2_Ev_Ib] = { GROUP_2(Ev, Ib) },
    [GROUP_2_Eb_1] = { GROUP_2(Eb, 1) },
    [GROUP_2_Ev_1] = { GROUP_2(Ev, 1) },
    [GROUP_2_Eb_CL] = { GROUP_2(Eb, CL) },
    [GROUP_2_Ev_CL] = { GROUP_2(Ev, CL) },
    [GROUP_3_Eb] = { GROUP_3(Eb, sIb) },
    [GROUP_3_Ev] = { GROUP_3(Ev, Iz) },
    [GROUP_4] = {
        BOTH(0, ROW(INC, Eb, _, _, F_LOCK)),
        BOTH(1, ROW(DEC, Eb, _, _, F_LOCK)),
    },
    [GROUP_5] = {
        BOTH(0, ROW(INC, Ev, _, _, F_LOCK)),
        BOTH(1, ROW(DEC, Ev, _, _, F_LOCK)),
        BOTH(2, ROW(CALL, Ev, _, _, F_F64)),
        MEM(3) = ROW(CALLF, Mp, _, _, 0),
        BOTH(4, ROW(JMP, Ev, _, _, F_F64)),
        MEM(5) = ROW(JMPF, Mp, _, _, 0),
        BOTH(6, ROW(PUSH, Ev, _, _, F_D64)),
    },
    [GROUP_6] = {
        BOTH(0, ROW(SLDT, Evw, _, _, 0)),
        BOTH(1, ROW(STR, Evw, _, _, 0)),
        BOTH(2, ROW(LLDT, Ew, _, _, 0)),
        BOTH(3, ROW(LTR, Ew, _, _, 0)),
        BOTH(4, ROW(VERR, Ew, _, _, 0)),
        BOTH(5, ROW(VERW, Ew, _, _, 0)),
    },
    [GROUP_7] = {
        MEM(0) = ROW(SGDT, Ms, _, _, F_F64),
        MEM(1) = ROW(SIDT, Ms, _, _, F_F64),
        MEM(2) = ROW(LGDT, Ms, _, _, F_F64),
        MEM(3) = ROW(LIDT, Ms, _, _, F_F64),
        BOTH(4, ROW(SMSW, Evw, _, _, 0)),
        BOTH(6, ROW(LMSW, Ew, _, _, 0)),
        MEM(7) = ROW(INVLPG, M, _, _, 0),
        REG(0) = ROW_RM(7_0, 0),
        REG(1) = ROW_RM(7_1, 0),
        REG(2) = ROW_RM(7_2, 0),
        REG(3) = ROW_RM(7_3, 0),
        REG(7) = ROW_RM(7_7, 0),
    },
    [GROUP_8] = {
        BOTH(4, ROW(BT, Ev, Ib, _, 0)),
        BOTH(5, ROW(BTS, Ev, Ib, _, F_LOCK)),
        BOTH(6, ROW(BTR, Ev, Ib, _, F_LOCK)),
        BOTH(7, ROW(BTC, Ev, Ib, _, F_LOCK)),
    },
    [GROUP_9] = {
        GROUP_9_ROWS
        MEM(3) = ROW(XRSTORS, M, _, _, F_NP),
        MEM(4) = ROW(XSAVEC, M, _, _, F_NP),
        MEM(5) = ROW(XSAVES, M, _, _, F_NP),
        REG(6) = ROW(RDRAND, Rv, _, _, F_NP),
        REG(7) = ROW(RDSEED, Rv, _, _, F_NP),
    },
    [GROUP_9_66] = {
        GROUP_9_ROWS
        REG(6) = ROW(RDRAND, Rv, _, _, 0),
        REG(7) = ROW(RDSEED, Rv, _, _, 0),
    },
    [GROUP_9_F3] = {
        GROUP_9_ROWS
        REG(7) = ROW(RDPID, Rn, _, _, 0),
    },
    [GROUP_11_Eb] = { BOTH(0, ROW(MOV, Eb, sIb, _, 0)) },
    [GROUP_11_Ev] = { BOTH(0, ROW(MOV, Ev, Iz, _, 0)) },
    [GROUP_12] = {
        REG(2) = ROW(PSRLW, Nq, Ib, _, 0),
        REG(4) = ROW(PSRAW, Nq, Ib, _, 0),
        REG(6) = ROW(PSLLW, Nq, Ib, _, 0),
    },
    [GROUP_12_66] = {
        REG(2) = ROW(PSRLW, Udq, Ib, _, 0),
        REG(4) = ROW(PSRAW, Udq, Ib, _, 0),
        REG(6) = ROW(PSLLW, Udq, Ib, _, 0),
    },
    [GROUP_13] = {
        REG(2) = ROW(PSRLD, Nq, Ib, _, 0),
        REG(4) = ROW(PSRAD, Nq, Ib, _, 0),
        REG(6) = ROW(PSLLD, Nq, Ib, _, 0),
    },
    [GROUP_13_66] = {
        REG(2) = ROW(PSRLD, Udq, Ib, _, 0),
        REG(4) = ROW(PSRAD, Udq, Ib, _, 0),
        REG(6) = ROW(PSLLD, Udq, Ib, _, 0),
    },
    [GROUP_14] = {
        REG(2) = ROW(PSRLQ, Nq, Ib, _, 0),
        REG(6) = ROW(PSLLQ, Nq, Ib, _, 0),
    },
    [GROUP_14_66] = {
        REG(2) = ROW(PSRLQ, Udq, Ib, _, 0),
        REG(3) = ROW(PSRLDQ, Udq, Ib, _, 0),
        REG(6) = ROW(PSLLQ, Udq, Ib, _, 0),
        REG(7) = ROW(PSLLDQ, Udq, Ib, _, 0),
    },
    [GROUP_15] = {
        MEM(0) = ROW(FXSAVE, M, _, _, 0),
        MEM(1) = ROW(FXRSTOR, M, _, _, 0),
        MEM(2) = ROW(LDMXCSR, Md, _, _, 0),
        MEM(3) = ROW(STMXCSR, Md, _, _, 0),
        MEM(4) = ROW(XSAVE, M, _, _, 0),
        MEM(5) = ROW(XRSTOR, M, _, _, 0),
        MEM(6) = ROW(XSAVEOPT, M, _, _, 0),
        MEM(7) = ROW(CLFLUSH, Mb, _, _, 0),
        REG(5) = ROW(LFENCE, _, _, _, 0),
        REG(6) = ROW(MFENCE, _, _, _, 0),
        REG(7) = ROW(SFENCE, _, _, _, 0),
    },
    [GROUP_15_66] = {
        MEM(7) = ROW(CLFLUSHOPT, Mb, _, _, 0),
    },
    [GROUP_15_F3] = {
        REG(0) = ROW(RDFSBASE, Ry, _, _, F_ONLY64),
        REG(1) = ROW(RDGSBASE, Ry, _, _, F_ONLY64),
        REG(2) = ROW(WRFSBASE, Ry, _, _, F_ONLY64),
        REG(3) = ROW(WRGSBASE, Ry, _, _, F_ONLY64),
    },
    [GROUP_16] = {
        MEM(0) = ROW(PREFETCH, Mb, _, _, 0),
        MEM(1) = ROW(PREFETCH, Mb, _, _, 0),
        MEM(2) = ROW(PREFETCH, Mb, _, _, 0),
        MEM(3) = ROW(PREFETCH, Mb, _, _, 0),
        REG(0) = ROW(NOP, Ev, _, _, 0),
        REG(1) = ROW(NOP, Ev, _, _, 0),
        REG(2) = ROW(NOP, Ev, _, _, 0),
        REG(3) = ROW(NOP, Ev, _, _, 0),
        BOTH(4, ROW(NOP, Ev, _, _, 0)),
        BOTH(5, ROW(NOP, Ev, _, _, 0)),
        BOTH(6, ROW(NOP, Ev, _, _, 0)),
        BOTH(7, ROW(NOP, Ev, _, _, 0)),
    },
    [GROUP_P] = {
        MEM(0) = ROW(PREFETCH, Mb, _, _, 0), REG(0) = ROW(NOP, Ev, _, _, 0),
        MEM(1) = ROW(PREFETCH, Mb, _, _, 0), REG(1) = ROW(NOP, Ev, _, _, 0),
        MEM(2) = ROW(PREFETCH, Mb, _, _, 0), REG(2) = ROW(NOP, Ev, _, _, 0),
        MEM(3) = ROW(PREFETCH, Mb, _, _, 0), REG(3) = ROW(NOP, Ev, _, _, 0),
        MEM(4) = ROW(PREFETCH, Mb, _, _, 0), REG(4) = ROW(NOP, Ev, _, _, 0),
        MEM(5) = ROW(PREFETCH, Mb, _, _, 0), REG(5) = ROW(NOP, Ev, _, _, 0),
        MEM(6) = ROW(PREFETCH, Mb, _, _, 0), REG(6) = ROW(NOP, Ev, _, _, 0),
        MEM(7) = ROW(PREFETCH, Mb, _, _, 0), REG(7) = ROW(NOP, Ev, _, _, 0),
    },
    /* F3 0F 1E: shadow-stack reads are NOPs without CET; ENDBR32 and ENDBR64 are FB and FA. */
    [GROUP_1E_F3] = {
        BOTH(0, ROW(NOP, Ev, _, _, 0)),
        BOTH(1, ROW(NOP, Ev, _, _, 0)),
        BOTH(2, ROW(NOP, Ev, _, _, 0)),
        BOTH(3, ROW(NOP, Ev, _, _, 0)),
        BOTH(4, ROW(NOP, Ev, _, _, 0)),
        BOTH(5, ROW(NOP, Ev, _, _, 0)),
        BOTH(6, ROW(NOP, Ev, _, _, 0)),
        MEM(7) = ROW(NOP, Ev, _, _, 0),
        REG(7) = ROW_RM(1E_7, 0),
    },
    [GROUP_V12] = {
        REG(2) = VROW(PSRLW, Hx, Ux, Ib, _, 0),
        REG(4) = VROW(PSRAW, Hx, Ux, Ib, _, 0),
        REG(6) = VROW(PSLLW, Hx, Ux, Ib, _, 0),
    },
    [GROUP_V13] = {
        REG(2) = VROW(PSRLD, Hx, Ux, Ib, _, 0),
        REG(4) = VROW(PSRAD, Hx, Ux, Ib, _, 0),
        REG(6) = VROW(PSLLD, Hx, Ux, Ib, _, 0),
    },
    [GROUP_V14] = {
        REG(2) = VROW(PSRLQ, Hx, Ux, Ib, _, 0),
        REG(3) = VROW(PSRLDQ, Hx, Ux, Ib, _, 0),
        REG(6) = VROW(PSLLQ, Hx, Ux, Ib, _, 0),
        REG(7) = VROW(PSLLDQ, Hx, Ux, Ib, _, 0),
    },
    [GROUP_V15] = {
        MEM(2) = VROW(LDMXCSR, Md, _, _, _, F_L0),
        MEM(3) = VROW(STMXCSR, Md, _, _, _, F_L0),
    },
    [GROUP_V17] = {
        BOTH(1, VROW(BLSR, By, Ey, _, _, F_L0)),
        BOTH(2, VROW(BLSMSK, By, Ey, _, _, F_L0)),
        BOTH(3, VROW(BLSI, By, Ey, _, _, F_L0)),
    },
};

const struct opcode_row opcode_pairs[PAIR_COUNT][2] = {
    [PAIR_12] = { ROW(MOVLPS, Vq, Mq, _, 0), ROW(MOVHLPS, Vq, Udq, _, 0) },
    [PAIR_16] = { ROW(MOVHPS, Vq, Mq, _, 0), ROW(MOVLHPS, Vq, Uq, _, 0) },
    [PAIR_V10_F3] = { VROW(MOVSS, Vdq, Md, _, _, 0), VROW(MOVSS, Vdq, Hdq, Udq, _, 0) },
    [PAIR_V10_F2] = { VROW(MOVSD, Vdq, Mq, _, _, 0), VROW(MOVSD, Vdq, Hdq, Udq, _, 0) },
    [PAIR_V11_F3] = { VROW(MOVSS, Md, Vdq, _, _, 0), VROW(MOVSS, Udq, Hdq, Vdq, _, 0) },
    [PAIR_V11_F2] = { VROW(MOVSD, Mq, Vdq, _, _, 0), VROW(MOVSD, Udq, Hdq, Vdq, _, 0) },
    [PAIR_V12] = { VROW(MOVLPS, Vdq, Hdq, Mq, _, F_L0), VROW(MOVHLPS, Vdq, Hdq, Udq, _, F_L0) },
    [PAIR_V16] = { VROW(MOVHPS, Vdq, Hdq, Mq, _, F_L0), VROW(MOVLHPS, Vdq, Hdq, Udq, _, F_L0) },
};

const struct opcode_row opcode_rms[RM_COUNT][8] = {
    [RM_7_0] = { [1] = ROW(VMCALL, _, _, _, F_NP) },
    [RM_7_1] = {
        [0] = ROW(MONITOR, _, _, _, F_NP | F_SEG),
        [1] = ROW(MWAIT, _, _, _, F_NP),
        [2] = ROW(CLAC, _, _, _, F_NP),
        [3] = ROW(STAC, _, _, _, F_NP),
    },
    [RM_7_2] = {
        [0] = ROW(XGETBV, _, _, _, F_NP),
        [1] = ROW(XSETBV, _, _, _, F_NP),
    },
    [RM_7_3] = { [1] = ROW(VMMCALL, _, _, _, 0) },
    [RM_7_7] = {
        [0] = ROW(SWAPGS, _, _, _, F_ONLY64),
        [1] = ROW(RDTSCP, _, _, _, 0),
    },
    [RM_1E_7] = {
        [0] = ROW(NOP, Ev, _, _, 0),
        [1] = ROW(NOP, Ev, _, _, 0),
        [2] = ROW(ENDBR, _, _, _, 0),
        [3] = ROW(ENDBR, _, _, _, 0),
        [4] = ROW(NOP, Ev, _, _, 0),
        [5] = ROW(NOP, Ev, _, _, 0),
        [6] = ROW(NOP, Ev, _, _, 0),
        [7] = ROW(NOP, Ev, _, _, 0),
    },
};
// clang-format on
