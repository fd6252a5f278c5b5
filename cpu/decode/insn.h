/* struct insn: the one form of code inside cpu/. The decoder fills it, executors read it. */
#ifndef CPU_DECODE_INSN_H
#define CPU_DECODE_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu/decode/ops.h"
#include "cpu/x86/regs.h"

struct core;
struct insn;

typedef void exec_fn(struct core *core, const struct insn *insn);

/* What an operand is; insn.n tells which. */
enum operand_kind {
    OPERAND_NONE,
    OPERAND_GPR,  /* n: 0..15; size 1 also 16 | 0..3 for AH CH DH BH */
    OPERAND_MEM,  /* insn.base, index, scale, disp, segment; at most one per instruction */
    OPERAND_IMM,  /* insn.imm, sign- or zero-extended to 64 bits as the instruction says */
    OPERAND_REL,  /* branch displacement in insn.imm, sign-extended, relative to the next instruction */
    OPERAND_FAR,  /* ptr16:16/32: offset in imm, selector in imm2 */
    OPERAND_XMM,  /* n: 0..15; size 32: the YMM register */
    OPERAND_MMX,  /* n: 0..7 */
    OPERAND_ST,   /* n: i of ST(i) */
    OPERAND_SEG,  /* n: enum SEG_* */
    OPERAND_CR,   /* n: 0..15 */
    OPERAND_DR,   /* n: 0..7 */
};

enum { INSN_OPERANDS = 4, INSN_MAX_LENGTH = 15 };

enum insn_flag {
    INSN_LOCK = 1u << 0,
    INSN_REP = 1u << 1,        /* F3, only where it is a repeat prefix */
    INSN_REPNE = 1u << 2,      /* F2, likewise */
    INSN_SEGMENTED = 1u << 3,  /* memory operand needs base and limit: not 64-bit, and not a flat segment */
    INSN_STACK_SEGMENT = 1u << 4, /* a bad memory operand address is #SS, not #GP */
    INSN_REX_W = 1u << 5,
    INSN_OPSIZE_PREFIX = 1u << 6,
    INSN_VEX = 1u << 7,
};

/* Operand 0 is the destination (or the only source), as in Intel syntax. An instruction that is not valid decodes to
 * OP_UD with its length: it raises #UD when executed. Implicit operands (string ops, MUL, PUSH's stack) belong to the
 * operation and are not listed, except CL and accumulators that Intel syntax writes out.
 *
 * What rows settle, where the manual leaves a choice:
 *   x87 register forms: FADD.. FDIVR, F*P list both (destination first): ST(0), ST(i) or ST(i), ST(0); also FCMOVCC,
 *   FCOMI, FUCOMI, FCOMIP, FUCOMIP: ST(0), ST(i). FLD, FST, FSTP, FXCH, FCOM, FCOMP, FUCOM, FUCOMP, FFREE, FFREEP: ST(i)
 *   alone. Memory forms: the memory operand alone. FNSTSW AX is a register of size 2.
 *   Shifts: count is operand 1: IMM 1, GPR CL (n 1, size 1), or IMM. SHLD, SHRD: operand 2. BT..BTC: register or IMM.
 *   ALU immediates are sign-extended to 64 bits, of bytes too; those of shifts, BT, IN, OUT, INT, RET, ENTER, AAM, AAD and
 *   SSE are zero-extended. MOV r64, imm64 has all 64 bits.
 *   opsize is 1 for byte forms. MOVZX, MOVSX: size[1] is the source's. MOVSEG, SLDT, STR, SMSW: 2 in memory, opsize in a
 *   register; MOVSEG from r/m: 2. PINSRB, PINSRW, PEXTRB, PEXTRW: 4 for a general register.
 *   SSE scalars: register operands have the size of the scalar too (ADDSS: 4). FXSAVE and XSAVE's areas: size 0.
 *   NOP and PREFETCH may list a memory operand, which is not accessed. Far pointers in memory: opsize + 2.
 *   VEX (INSN_VEX): an operation that SSE has too keeps its name (ADDPS for VADDPS); opsize is the vector length, 16 or 32,
 *   of general registers' operations (ANDN ..) 4 or 8. Vector registers of scalars have size 16. Gathers: the memory
 *   operand's index is a vector register (n in insn.index); its size is that of one element.
 *   segment of MASKMOVQ, MASKMOVDQU, MONITOR, XLAT, OUTS and string sources: DS or the override. */
struct insn {
    exec_fn *exec;     /* chosen by the block builder; the decoder leaves it NULL */
    uint64_t imm;
    int64_t disp;      /* sign-extended; full 64 bits for moffs. The block builder adds the next offset to RIP-relative ones */
    uint16_t op;       /* enum x86_op */
    uint8_t length;    /* bytes, 1..15 */
    uint8_t flags;     /* INSN_* */
    uint8_t opsize;    /* effective operand size in bytes: 1, 2, 4, 8; of VEX vectors 16, 32 */
    uint8_t adsize;    /* effective address size in bytes: 2, 4, 8 */
    uint8_t kind[INSN_OPERANDS]; /* enum operand_kind */
    uint8_t size[INSN_OPERANDS]; /* bytes of each operand: 1 2 4 6 8 10 16 32 ..., 0 when it has none (LEA, INVLPG) */
    uint8_t n[INSN_OPERANDS];    /* register numbers */
    uint8_t base, index, scale_log2; /* of the memory operand: REG_*, REG_ZERO when absent */
    uint8_t segment;   /* SEG_* of the memory operand, or of the source of string operations */
    uint8_t number;    /* how many instructions of its block have run when the block is left here (block builder) */
    uint16_t imm2;     /* ENTER's level, a far pointer's selector */
    uint16_t offset;   /* of the instruction's first byte from its block's start (block builder) */
};

/* The mode a decoder works in; also the part of a block's key that changes what bytes mean. */
struct decode_mode {
    uint8_t bits;  /* 16, 32 or 64: CS.D and CS.L */
    bool flat;     /* DS ES SS CS have base 0 and limit 4G: no segment checks needed (64-bit: always) */
};

enum decode_status {
    DECODE_OK,        /* insn filled; may be OP_UD */
    DECODE_TRUNCATED, /* more bytes are needed to tell; with 15 bytes given it is never returned */
    DECODE_TOO_LONG,  /* over 15 bytes: #GP(0) */
};

/* bytes: `available` of them, 1..15. Any bytes are legal input. */
enum decode_status decode_insn(const uint8_t *bytes, size_t available, struct decode_mode mode, struct insn *insn);

/* "add dword [rax+0x10], ecx": for dumps and traces; truncated to fit. rip: of the instruction. */
void insn_print(const struct insn *insn, uint64_t rip, char *text, size_t size);

#endif
