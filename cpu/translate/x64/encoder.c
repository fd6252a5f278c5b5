/* Host instructions as bytes: prefixes, REX or VEX, ModRM, SIB. [SDM 2A 2] */
#include "cpu/translate/x64/encoder.h"

#include <assert.h>
#include <string.h>

void enc_byte(struct encoder *e, unsigned byte)
{
    *e->at++ = (uint8_t)byte;
}

void enc_word32(struct encoder *e, uint32_t value)
{
    memcpy(e->at, &value, 4);
    e->at += 4;
}

void enc_word64(struct encoder *e, uint64_t value)
{
    memcpy(e->at, &value, 8);
    e->at += 8;
}

/* Legacy prefixes, REX and the opcode. x, b: the numbers of index and base or rm. */
static void enc_head(struct encoder *e, unsigned opcode, unsigned size, unsigned reg, unsigned x,
                     unsigned b, bool force_rex)
{
    static const uint8_t prefixes[] = { 0, 0x66, 0xf3, 0xf2 };
    unsigned prefix = prefixes[opcode >> 12 & 3];

    if (opcode & ENC_LOCK) {
        enc_byte(e, 0xf0);
    }
    if (size == 2 && prefix != 0x66) {
        enc_byte(e, 0x66);
    }
    if (prefix != 0) {
        enc_byte(e, prefix);
    }
    unsigned rex = (size == 8 ? 8u : 0) | (reg >> 3 & 1) << 2 | (x >> 3 & 1) << 1 | (b >> 3 & 1);
    if (rex != 0 || force_rex) {
        enc_byte(e, 0x40 | rex);
    }
    if (opcode & ENC_MAP) {
        enc_byte(e, 0x0f);
    }
    if ((opcode & ENC_MAP) == ENC_0F38) {
        enc_byte(e, 0x38);
    } else if ((opcode & ENC_MAP) == ENC_0F3A) {
        enc_byte(e, 0x3a);
    }
    enc_byte(e, opcode & 0xff);
}

/* SPL, BPL, SIL and DIL need a REX prefix. */
static bool enc_byte_needs_rex(unsigned reg)
{
    return reg >= HOST_RSP && reg <= HOST_RDI;
}

void enc_rr(struct encoder *e, unsigned opcode, unsigned size, unsigned reg, unsigned rm)
{
    bool force = ((opcode & ENC_BYTE_REG) && enc_byte_needs_rex(reg)) ||
                 ((opcode & ENC_BYTE_RM) && enc_byte_needs_rex(rm));

    enc_head(e, opcode, size, reg, 0, rm, force);
    enc_byte(e, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

static void enc_modrm(struct encoder *e, unsigned reg, struct host_mem m)
{
    unsigned field = (reg & 7) << 3;

    if (m.base == HOST_NONE) {
        enc_byte(e, field | 4);
        enc_byte(e, (m.index == HOST_NONE ? 4u << 3 : ((unsigned)m.index & 7) << 3) |
                        (unsigned)m.scale << 6 | 5);
        enc_word32(e, (uint32_t)m.disp);
        return;
    }
    unsigned base = (unsigned)m.base & 7;
    unsigned mod = m.disp == 0 && base != 5 ? 0 : m.disp >= -128 && m.disp <= 127 ? 1 : 2;
    if (m.index != HOST_NONE || base == 4) {
        assert(m.index != HOST_RSP);
        enc_byte(e, mod << 6 | field | 4);
        enc_byte(e, (unsigned)m.scale << 6 |
                        (m.index == HOST_NONE ? 4u << 3 : ((unsigned)m.index & 7) << 3) | base);
    } else {
        enc_byte(e, mod << 6 | field | base);
    }
    if (mod == 1) {
        enc_byte(e, (uint8_t)m.disp);
    } else if (mod == 2) {
        enc_word32(e, (uint32_t)m.disp);
    }
}

static unsigned enc_number(int8_t reg)
{
    return reg == HOST_NONE ? 0 : (unsigned)reg;
}

void enc_rm(struct encoder *e, unsigned opcode, unsigned size, unsigned reg, struct host_mem m)
{
    bool force = (opcode & ENC_BYTE_REG) && enc_byte_needs_rex(reg);

    enc_head(e, opcode, size, reg, enc_number(m.index), enc_number(m.base), force);
    enc_modrm(e, reg, m);
}

void enc_rip(struct encoder *e, unsigned opcode, unsigned size, unsigned reg, const void *run,
             unsigned tail)
{
    bool force = (opcode & ENC_BYTE_REG) && enc_byte_needs_rex(reg);

    enc_head(e, opcode, size, reg, 0, 0, force);
    enc_byte(e, (reg & 7) << 3 | 5);
    intptr_t next = (intptr_t)e->at + 4 + (intptr_t)tail + e->to_run;
    intptr_t distance = (intptr_t)run - next;
    assert(distance == (int32_t)distance);
    enc_word32(e, (uint32_t)distance);
}

static void enc_vex_head(struct encoder *e, unsigned opcode, bool w, unsigned reg, unsigned v,
                         unsigned x, unsigned b)
{
    unsigned map = opcode >> 8 & 3;
    static const uint8_t prefixes[] = { 0, 1, 2, 3 };

    enc_byte(e, 0xc4);
    enc_byte(e, (~reg >> 3 & 1) << 7 | (~x >> 3 & 1) << 6 | (~b >> 3 & 1) << 5 | map);
    enc_byte(e, (w ? 0x80u : 0) | (~v & 15) << 3 | (opcode & ENC_VEX_L ? 4u : 0) |
                    prefixes[opcode >> 12 & 3]);
    enc_byte(e, opcode & 0xff);
}

void enc_vex_rr(struct encoder *e, unsigned opcode, bool w, unsigned reg, unsigned v, unsigned rm)
{
    enc_vex_head(e, opcode, w, reg, v, 0, rm);
    enc_byte(e, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

void enc_vex_rm(struct encoder *e, unsigned opcode, bool w, unsigned reg, unsigned v,
                struct host_mem m)
{
    enc_vex_head(e, opcode, w, reg, v, enc_number(m.index), enc_number(m.base));
    enc_modrm(e, reg, m);
}

void enc_mov(struct encoder *e, unsigned to, unsigned from)
{
    if (to != from) {
        enc_rr(e, 0x8b, 8, to, from);
    }
}

void enc_load(struct encoder *e, unsigned size, unsigned to, struct host_mem mem)
{
    if (size < 4) {
        enc_rm(e, ENC_0F | (size == 1 ? 0xb6 : 0xb7), 4, to, mem);
    } else {
        enc_rm(e, 0x8b, size, to, mem);
    }
}

void enc_store(struct encoder *e, unsigned size, struct host_mem mem, unsigned from)
{
    enc_rm(e, size == 1 ? ENC_BYTE_REG | 0x88 : 0x89, size, from, mem);
}

static void enc_imm(struct encoder *e, unsigned size, int32_t imm)
{
    if (size == 1) {
        enc_byte(e, (uint8_t)imm);
    } else if (size == 2) {
        enc_byte(e, (uint8_t)imm);
        enc_byte(e, (uint8_t)(imm >> 8));
    } else {
        enc_word32(e, (uint32_t)imm);
    }
}

void enc_store_imm(struct encoder *e, unsigned size, struct host_mem mem, int32_t imm)
{
    enc_rm(e, size == 1 ? 0xc6 : 0xc7, size, 0, mem);
    enc_imm(e, size, imm);
}

void enc_mov_imm(struct encoder *e, unsigned to, uint64_t value)
{
    if (value <= UINT32_MAX) {
        enc_head(e, 0xb8 | (to & 7), 4, 0, 0, to, false);
        enc_word32(e, (uint32_t)value);
    } else if ((int64_t)value == (int32_t)value) {
        enc_rr(e, 0xc7, 8, 0, to);
        enc_word32(e, (uint32_t)value);
    } else {
        enc_head(e, 0xb8 | (to & 7), 8, 0, 0, to, false);
        enc_word64(e, value);
    }
}

void enc_lea(struct encoder *e, unsigned size, unsigned to, struct host_mem mem)
{
    enc_rm(e, 0x8d, size, to, mem);
}

static unsigned enc_alu_opcode(enum enc_alu alu, unsigned size, bool to_rm)
{
    return (unsigned)alu << 3 | (to_rm ? 0 : 2) |
           (size == 1 ? (unsigned)ENC_BYTE_REG | (unsigned)ENC_BYTE_RM : 1);
}

void enc_alu_rr(struct encoder *e, enum enc_alu alu, unsigned size, unsigned to, unsigned from)
{
    enc_rr(e, enc_alu_opcode(alu, size, false), size, to, from);
}

static unsigned enc_group1(unsigned size, int32_t imm)
{
    return size == 1 ? 0x80u | (unsigned)ENC_BYTE_RM : imm >= -128 && imm <= 127 ? 0x83u : 0x81u;
}

void enc_alu_ri(struct encoder *e, enum enc_alu alu, unsigned size, unsigned to, int32_t imm)
{
    unsigned opcode = enc_group1(size, imm);

    enc_rr(e, opcode, size, (unsigned)alu, to);
    enc_imm(e, (opcode & 0xff) == 0x83 ? 1 : size, imm);
}

void enc_alu_rm(struct encoder *e, enum enc_alu alu, unsigned size, unsigned to,
                struct host_mem mem)
{
    enc_rm(e, enc_alu_opcode(alu, size, false), size, to, mem);
}

void enc_alu_mr(struct encoder *e, enum enc_alu alu, unsigned size, struct host_mem mem,
                unsigned from, bool lock)
{
    enc_rm(e, enc_alu_opcode(alu, size, true) | (lock ? (unsigned)ENC_LOCK : 0), size, from, mem);
}

void enc_alu_mi(struct encoder *e, enum enc_alu alu, unsigned size, struct host_mem mem,
                int32_t imm, bool lock)
{
    unsigned opcode = enc_group1(size, imm) & ~(unsigned)ENC_BYTE_RM;

    enc_rm(e, opcode | (lock ? (unsigned)ENC_LOCK : 0), size, (unsigned)alu, mem);
    enc_imm(e, opcode == 0x83 ? 1 : size, imm);
}

void enc_test_rr(struct encoder *e, unsigned size, unsigned a, unsigned b)
{
    enc_rr(e, size == 1 ? 0x84u | (unsigned)ENC_BYTE_REG | (unsigned)ENC_BYTE_RM : 0x85u, size, b,
           a);
}

static uint8_t *enc_rel32(struct encoder *e)
{
    enc_word32(e, 0);
    return e->at - 4;
}

uint8_t *enc_jcc32(struct encoder *e, unsigned condition)
{
    enc_byte(e, 0x0f);
    enc_byte(e, 0x80 | condition);
    return enc_rel32(e);
}

uint8_t *enc_jmp32(struct encoder *e)
{
    enc_byte(e, 0xe9);
    return enc_rel32(e);
}

uint8_t *enc_call32(struct encoder *e)
{
    enc_byte(e, 0xe8);
    return enc_rel32(e);
}

uint8_t *enc_jcc8(struct encoder *e, unsigned condition)
{
    enc_byte(e, 0x70 | condition);
    enc_byte(e, 0);
    return e->at - 1;
}

uint8_t *enc_jrcxz8(struct encoder *e)
{
    enc_byte(e, 0xe3);
    enc_byte(e, 0);
    return e->at - 1;
}

void enc_patch32(uint8_t *displacement, const uint8_t *to)
{
    int32_t distance = (int32_t)(to - (displacement + 4));

    memcpy(displacement, &distance, 4);
}

void enc_patch8(uint8_t *displacement, const uint8_t *to)
{
    ptrdiff_t distance = to - (displacement + 1);

    assert(distance >= -128 && distance <= 127);
    *displacement = (uint8_t)distance;
}

void enc_jmp_to(struct encoder *e, const uint8_t *to)
{
    enc_patch32(enc_jmp32(e), to);
}

void enc_call_to(struct encoder *e, const uint8_t *to)
{
    enc_patch32(enc_call32(e), to);
}
