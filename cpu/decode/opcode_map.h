/* The opcode maps: one row per opcode, in the operand notation of the manual. [SDM 2D appendix A] */
#ifndef CPU_DECODE_OPCODE_MAP_H
#define CPU_DECODE_OPCODE_MAP_H

#include <stdint.h>

#include "cpu/decode/ops.h"

/* How an operand is encoded. The manual's letters; below the line, forms that it writes out. [SDM 2D A.2.1] */
enum operand_method {
    METHOD_NONE,
    METHOD_A,  /* far pointer in the instruction */
    METHOD_C,  /* reg: control register */
    METHOD_D,  /* reg: debug register */
    METHOD_E,  /* r/m: general register or memory */
    METHOD_G,  /* reg: general register */
    METHOD_I,  /* immediate, zero-extended */
    METHOD_J,  /* branch displacement */
    METHOD_M,  /* r/m: memory only */
    METHOD_N,  /* r/m: MMX register only */
    METHOD_O,  /* memory at an address without ModRM */
    METHOD_P,  /* reg: MMX register */
    METHOD_Q,  /* r/m: MMX register or memory */
    METHOD_R,  /* r/m: general register only */
    METHOD_S,  /* reg: segment register */
    METHOD_U,  /* r/m: XMM register only */
    METHOD_V,  /* reg: XMM register */
    METHOD_W,  /* r/m: XMM register or memory */
    METHOD_B,  /* VEX.vvvv: general register */
    METHOD_H,  /* VEX.vvvv: vector register */
    METHOD_L,  /* high 4 bits of an immediate byte: vector register */
    METHOD_MV, /* r/m: memory with a vector register for index (VSIB) */
    METHOD_Z,  /* low 3 bits of the opcode: general register */
    METHOD_IS, /* immediate of at most 4 bytes, sign-extended */
    METHOD_IB, /* immediate byte, sign-extended */
    METHOD_I2, /* second immediate: goes to insn.imm2, no operand */
    METHOD_ANY_R, /* r/m as a general register whatever mod says (MOV CR, DR) */
    METHOD_REG,   /* a fixed general register */
    METHOD_SREG,  /* a fixed segment register */
    METHOD_ONE,   /* the constant 1 */
    METHOD_ST0,   /* ST(0) */
    METHOD_STI,   /* r/m: ST(i) */
};

/* How large an operand is. [SDM 2D A.2.2] */
enum operand_type {
    TYPE_NONE,
    TYPE_B, TYPE_W, TYPE_D, TYPE_Q, TYPE_DQ, TYPE_T, /* 1 2 4 8 16 10 bytes */
    TYPE_V,   /* operand size */
    TYPE_Z,   /* operand size, at most 4 */
    TYPE_Y,   /* 8 with REX.W, else 4 */
    TYPE_N,   /* 8 in 64-bit mode, else 4 */
    TYPE_A,   /* two of operand size (BOUND) */
    TYPE_P,   /* far pointer: operand size and a selector */
    TYPE_S,   /* pseudo-descriptor: 6, in 64-bit mode 10 */
    TYPE_YY,  /* 16 with REX.W, else 8 */
    TYPE_VW,  /* register: operand size; memory: 2 */
    TYPE_DB,  /* register: 4; memory: 1 */
    TYPE_DW,  /* register: 4; memory: 2 */
    TYPE_X,   /* vector length: 16 or 32 */
    TYPE_XH, TYPE_XQ, TYPE_XE, /* half, a quarter, an eighth of it */
    TYPE_XD,  /* 8, with VEX.L 32 (VMOVDDUP) */
    TYPE_QQ,  /* 32 */
    TYPE_XW,  /* 16 unless VEX.W, then vector length */
    TYPE_EW,  /* element: 8 with VEX.W, else 4, in every mode */
    TYPE_ENV, /* x87 environment: 14 or 28 */
    TYPE_FP,  /* x87 state: 94 or 108 */
};

/* X(code, method, type, fixed register) */
// clang-format off
#define OPERAND_CODES(X) \
    X(_, NONE, NONE, 0) \
    X(Ap, A, P, 0) \
    X(Cn, C, N, 0) X(Dn, D, N, 0) \
    X(Eb, E, B, 0) X(Ew, E, W, 0) X(Ed, E, D, 0) X(Ev, E, V, 0) X(Ey, E, Y, 0) X(Ez, E, Z, 0) \
    X(Evw, E, VW, 0) X(Edb, E, DB, 0) X(Edw, E, DW, 0) \
    X(Gb, G, B, 0) X(Gw, G, W, 0) X(Gd, G, D, 0) X(Gv, G, V, 0) X(Gy, G, Y, 0) X(Gn, G, N, 0) \
    X(Ib, I, B, 0) X(Iw, I, W, 0) X(Iv, I, V, 0) X(Iz, IS, V, 0) X(sIb, IB, V, 0) X(I2b, I2, B, 0) \
    X(Jb, J, B, 0) X(Jz, J, Z, 0) \
    X(M, M, NONE, 0) X(Mb, M, B, 0) X(Mw, M, W, 0) X(Md, M, D, 0) X(Mq, M, Q, 0) X(Mdq, M, DQ, 0) X(Mt, M, T, 0) \
    X(Mv, M, V, 0) X(My, M, Y, 0) X(Ma, M, A, 0) X(Mp, M, P, 0) X(Ms, M, S, 0) X(Myy, M, YY, 0) \
    X(Menv, M, ENV, 0) X(Mfp, M, FP, 0) \
    X(Nq, N, Q, 0) \
    X(Ob, O, B, 0) X(Ov, O, V, 0) \
    X(Pq, P, Q, 0) X(Qd, Q, D, 0) X(Qq, Q, Q, 0) \
    X(Rv, R, V, 0) X(Ry, R, Y, 0) X(Rn, R, N, 0) X(Rcn, ANY_R, N, 0) \
    X(Sw, S, W, 0) \
    X(Uq, U, Q, 0) X(Udq, U, DQ, 0) \
    X(Vd, V, D, 0) X(Vq, V, Q, 0) X(Vdq, V, DQ, 0) \
    X(Ww, W, W, 0) X(Wd, W, D, 0) X(Wq, W, Q, 0) X(Wdq, W, DQ, 0) \
    X(By, B, Y, 0) \
    X(Hd, H, D, 0) X(Hdq, H, DQ, 0) X(Hqq, H, QQ, 0) X(Hx, H, X, 0) X(Hxw, H, XW, 0) \
    X(Lx, L, X, 0) \
    X(Mx, M, X, 0) X(Mvw, MV, EW, 0) \
    X(Ux, U, X, 0) \
    X(Vx, V, X, 0) X(Vqq, V, QQ, 0) X(Vxw, V, XW, 0) \
    X(Wb, W, B, 0) X(Wx, W, X, 0) X(Wqq, W, QQ, 0) X(Wxh, W, XH, 0) X(Wxq, W, XQ, 0) X(Wxe, W, XE, 0) X(Wxd, W, XD, 0) \
    X(Wvw, W, EW, 0) \
    X(Zb, Z, B, 0) X(Zv, Z, V, 0) \
    X(AL, REG, B, 0) X(AX, REG, W, 0) X(rAX, REG, V, 0) X(zAX, REG, Z, 0) X(CL, REG, B, 1) X(DX, REG, W, 2) \
    X(ES, SREG, W, 0) X(CS, SREG, W, 1) X(SS, SREG, W, 2) X(DS, SREG, W, 3) X(FS, SREG, W, 4) X(GS, SREG, W, 5) \
    X(1, ONE, B, 0) \
    X(ST0, ST0, T, 0) X(STi, STI, T, 0)
// clang-format on

enum operand_code {
#define X(code, method, type, fixed) CODE_##code,
    OPERAND_CODES(X)
#undef X
    CODE_COUNT,
};

enum opcode_how {
    OPCODE_NONE,  /* #UD */
    OPCODE_INSN,  /* op is an enum x86_op */
    OPCODE_GROUP, /* op is an enum opcode_group: ModRM.reg selects */
    OPCODE_PAIR,  /* op is an enum opcode_pair: memory or register selects */
    OPCODE_RM,    /* op is an enum opcode_rm: ModRM.rm selects */
    OPCODE_X87,   /* escape: opcode and ModRM select */
};

/* Facts of a row beside its operands. */
enum opcode_flag {
    F_LOCK = 1u << 0,   /* LOCK is allowed when operand 0 is memory */
    F_D64 = 1u << 1,    /* 64-bit mode: operand size is 64 unless 66 makes it 16 */
    F_F64 = 1u << 2,    /* 64-bit mode: operand size is 64, 66 is ignored */
    F_NO64 = 1u << 3,   /* invalid in 64-bit mode */
    F_ONLY64 = 1u << 4, /* valid in 64-bit mode only */
    F_REP = 1u << 5,    /* F2 and F3 repeat; implies F_SEG */
    F_BYTE = 1u << 6,   /* operand size is 1 */
    F_COND = 1u << 7,   /* low 4 bits of the opcode are a condition: insn.imm2 */
    F_FCOND = 1u << 8,  /* FCMOVcc's condition: insn.imm2 */
    F_W_NEXT = 1u << 9, /* with REX.W the next operation of ops.h */
    F_ANY = 1u << 10,   /* 66, F2 and F3 are no part of the opcode */
    F_NP = 1u << 11,    /* with 66, F2 or F3: #UD */
    F_SEG = 1u << 12,   /* implied memory operand: segment (DS or the override) and address size matter */
    F_L0 = 1u << 14,     /* VEX: #UD unless VEX.L is 0 */
    F_L1 = 1u << 15,     /* unless it is 1 */
    F_W0 = 1u << 16,     /* unless VEX.W is 0, in every mode */
    F_W1 = 1u << 17,     /* unless it is 1 */
    F_L_NEXT = 1u << 18, /* with VEX.L the next operation of ops.h */
    F_VW_NEXT = 1u << 19, /* with VEX.W the next operation, in every mode */
    F_NOP = 1u << 13,   /* 90: XCHG r8, rAX with REX.B, else NOP, with F3 PAUSE */
};

struct opcode_row {
    uint16_t op;
    uint8_t how;
    uint8_t operand[4]; /* enum operand_code */
    uint32_t flags;
};

/* Mandatory prefixes select a plane; of F2 and F3 the last counts, and both win over 66. [SDM 2A 2.1.2] */
enum opcode_plane { NP, P66, PF3, PF2, OPCODE_PLANES };

enum opcode_group {
    GROUP_1_Eb_Ib, GROUP_1_Ev_Iz, GROUP_1_Eb_Ib_82, GROUP_1_Ev_sIb, GROUP_1A,
    GROUP_2_Eb_Ib, GROUP_2_Ev_Ib, GROUP_2_Eb_1, GROUP_2_Ev_1, GROUP_2_Eb_CL, GROUP_2_Ev_CL,
    GROUP_3_Eb, GROUP_3_Ev, GROUP_4, GROUP_5, GROUP_6, GROUP_7, GROUP_8, GROUP_9, GROUP_9_66, GROUP_9_F3,
    GROUP_11_Eb, GROUP_11_Ev, GROUP_12, GROUP_12_66, GROUP_13, GROUP_13_66, GROUP_14, GROUP_14_66,
    GROUP_15, GROUP_15_66, GROUP_15_F3, GROUP_16, GROUP_P, GROUP_1E_F3,
    GROUP_V12, GROUP_V13, GROUP_V14, GROUP_V15, GROUP_V17,
    GROUP_COUNT,
};
enum opcode_pair {
    PAIR_12, PAIR_16, PAIR_V10_F3, PAIR_V10_F2, PAIR_V11_F3, PAIR_V11_F2, PAIR_V12, PAIR_V16, PAIR_COUNT,
};
enum opcode_rm { RM_7_0, RM_7_1, RM_7_2, RM_7_3, RM_7_7, RM_1E_7, RM_COUNT };

#define ROW(op, a, b, c, flags) { OP_##op, OPCODE_INSN, { CODE_##a, CODE_##b, CODE_##c, 0 }, flags }
#define VROW(op, a, b, c, d, flags) { OP_##op, OPCODE_INSN, { CODE_##a, CODE_##b, CODE_##c, CODE_##d }, flags }
#define ROW_GROUP(group, flags) { GROUP_##group, OPCODE_GROUP, { 0, 0, 0, 0 }, flags }
#define ROW_PAIR(pair)          { PAIR_##pair, OPCODE_PAIR, { 0, 0, 0, 0 }, 0 }
#define ROW_RM(rm, flags)       { RM_##rm, OPCODE_RM, { 0, 0, 0, 0 }, flags }
#define ROW_X87()               { 0, OPCODE_X87, { 0, 0, 0, 0 }, 0 }

extern const struct opcode_row opcode_map_one_byte[256];
extern const struct opcode_row opcode_row_63_64bit; /* MOVSXD: 63 in 64-bit mode, elsewhere ARPL */
extern const struct opcode_row opcode_map_0f[OPCODE_PLANES][256];
extern const struct opcode_row opcode_map_0f38[OPCODE_PLANES][256];
extern const struct opcode_row opcode_map_0f3a[OPCODE_PLANES][256];
extern const struct opcode_row opcode_map_vex_0f[OPCODE_PLANES][256]; /* by VEX.pp */
extern const struct opcode_row opcode_map_vex_0f38[OPCODE_PLANES][256];
extern const struct opcode_row opcode_map_vex_0f3a[OPCODE_PLANES][256];
extern const struct opcode_row opcode_groups[GROUP_COUNT][16]; /* by reg; + 8 when r/m is a register */
extern const struct opcode_row opcode_pairs[PAIR_COUNT][2];    /* memory, register */
extern const struct opcode_row opcode_rms[RM_COUNT][8];
extern const struct opcode_row opcode_x87_memory[8][8];        /* by escape - D8, reg */
extern const struct opcode_row opcode_x87_register[8][64];     /* by escape - D8, ModRM - C0 */

#endif
