/* Host instructions as bytes: one function per operand form, opcodes as words. [SDM 2A 2] */
#ifndef CPU_TRANSLATE_X64_ENCODER_H
#define CPU_TRANSLATE_X64_ENCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum host_reg {
    HOST_RAX,
    HOST_RCX,
    HOST_RDX,
    HOST_RBX,
    HOST_RSP,
    HOST_RBP,
    HOST_RSI,
    HOST_RDI,
    HOST_R8,
    HOST_R9,
    HOST_R10,
    HOST_R11,
    HOST_R12,
    HOST_R13,
    HOST_R14,
    HOST_R15,
    HOST_NONE = -1,
};

/* Writes through `at`; what runs stands to_run bytes further. The caller has seen to the room. */
struct encoder {
    uint8_t *at;
    ptrdiff_t to_run;
};

/* [base + (index << scale) + disp]; without base and index an absolute address. */
struct host_mem {
    int8_t base, index; /* enum host_reg */
    uint8_t scale;
    int32_t disp;
};

#define HOST_MEM(base_, disp_)                                                                     \
    ((struct host_mem){ .base = (base_), .index = HOST_NONE, .disp = (disp_) })

/* An opcode: its byte, the map (0F, 0F 38, 0F 3A), a mandatory prefix; which register operands are bytes. */
enum {
    ENC_0F = 0x100,
    ENC_0F38 = 0x200,
    ENC_0F3A = 0x300,
    ENC_MAP = 0x300,
    ENC_66 = 0x1000,
    ENC_F3 = 0x2000,
    ENC_F2 = 0x3000,
    ENC_PREFIX = 0x3000,
    ENC_BYTE_REG = 0x10000,
    ENC_BYTE_RM = 0x20000,
    ENC_LOCK = 0x40000,
    ENC_IMM8 = 0x80000, /* an immediate byte follows: only RIP-relative operands care */
    ENC_VEX_L = 0x100000,
};

void enc_byte(struct encoder *e, unsigned byte);
void enc_word32(struct encoder *e, uint32_t value);
void enc_word64(struct encoder *e, uint64_t value);

/* size: 1, 2, 4 or 8 (66 and REX.W follow from it). reg: a register or an opcode extension. */
void enc_rr(struct encoder *e, unsigned opcode, unsigned size, unsigned reg, unsigned rm);
void enc_rm(struct encoder *e, unsigned opcode, unsigned size, unsigned reg, struct host_mem rm);
/* VEX forms with a third register. */
void enc_vex_rr(struct encoder *e, unsigned opcode, bool w, unsigned reg, unsigned v, unsigned rm);
void enc_vex_rm(struct encoder *e, unsigned opcode, bool w, unsigned reg, unsigned v,
                struct host_mem rm);
/* [RIP-relative] to a place in what runs; tail: bytes of the instruction behind the displacement. */
void enc_rip(struct encoder *e, unsigned opcode, unsigned size, unsigned reg, const void *run,
             unsigned tail);

/* ---- what is used all the time ---- */
void enc_mov(struct encoder *e, unsigned to, unsigned from); /* 64 bits */
void enc_load(struct encoder *e, unsigned size, unsigned to,
              struct host_mem mem); /* zero-extends */
void enc_store(struct encoder *e, unsigned size, struct host_mem mem, unsigned from);
void enc_store_imm(struct encoder *e, unsigned size, struct host_mem mem, int32_t imm);
void enc_mov_imm(struct encoder *e, unsigned to, uint64_t value); /* keeps flags */
void enc_lea(struct encoder *e, unsigned size, unsigned to, struct host_mem mem);

enum enc_alu { ENC_ADD, ENC_OR, ENC_ADC, ENC_SBB, ENC_AND, ENC_SUB, ENC_XOR, ENC_CMP };
void enc_alu_rr(struct encoder *e, enum enc_alu alu, unsigned size, unsigned to, unsigned from);
void enc_alu_ri(struct encoder *e, enum enc_alu alu, unsigned size, unsigned to, int32_t imm);
void enc_alu_rm(struct encoder *e, enum enc_alu alu, unsigned size, unsigned to,
                struct host_mem mem);
void enc_alu_mr(struct encoder *e, enum enc_alu alu, unsigned size, struct host_mem mem,
                unsigned from, bool lock);
void enc_alu_mi(struct encoder *e, enum enc_alu alu, unsigned size, struct host_mem mem,
                int32_t imm, bool lock);
void enc_test_rr(struct encoder *e, unsigned size, unsigned a, unsigned b);

/* Jumps return where their displacement stands, for enc_patch. */
uint8_t *enc_jcc32(struct encoder *e, unsigned condition);
uint8_t *enc_jmp32(struct encoder *e);
uint8_t *enc_call32(struct encoder *e);
uint8_t *enc_jcc8(struct encoder *e, unsigned condition);
uint8_t *enc_jrcxz8(struct encoder *e);
/* Make the jump lead to the writing place `to`. */
void enc_patch32(uint8_t *displacement, const uint8_t *to);
void enc_patch8(uint8_t *displacement, const uint8_t *to);
void enc_jmp_to(struct encoder *e, const uint8_t *to);
void enc_call_to(struct encoder *e, const uint8_t *to);

#endif
