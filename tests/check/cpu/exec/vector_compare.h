/* Vector instructions against the host CPU: rows of opcodes, random operands, all registers and
 * memory compared. */
#ifndef TESTS_CHECK_CPU_EXEC_VECTOR_COMPARE_H
#define TESTS_CHECK_CPU_EXEC_VECTOR_COMPARE_H

#include <check.h>
#include <stdint.h>

enum vector_row_flag {
    VR_REG = 1,  /* r/m may be a register */
    VR_MEM = 2,  /* r/m may be memory */
    VR_IMM = 4,  /* an immediate byte follows */
    VR_GPR = 8,  /* reg or r/m is a general register: not RSP, not RSI */
    VR_W = 16,   /* with REX.W, too */
    VR_RDI = 32, /* stores at rDI */
    VR_ANY = VR_REG | VR_MEM,
};

/* map: 0x0f, 0x38, 0x3a. group: reg field, or -1. */
struct vector_test_row {
    const char *name;
    uint8_t prefix, map, opcode;
    int8_t group;
    uint8_t flags;
};

/* Runs cases of one row; the first difference fails the test with its bytes and operands. */
void vector_compare_row(const struct vector_test_row *row, unsigned cases);

#endif
