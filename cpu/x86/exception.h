/* Exception vectors and the error codes of those that push one. [SDM 3A 6.3, 6.13] */
#ifndef CPU_X86_EXCEPTION_H
#define CPU_X86_EXCEPTION_H

#include <stdbool.h>
#include <stdint.h>

enum x86_vector {
    VECTOR_DE = 0, VECTOR_DB = 1, VECTOR_NMI = 2, VECTOR_BP = 3, VECTOR_OF = 4, VECTOR_BR = 5, VECTOR_UD = 6,
    VECTOR_NM = 7, VECTOR_DF = 8, VECTOR_TS = 10, VECTOR_NP = 11, VECTOR_SS = 12, VECTOR_GP = 13, VECTOR_PF = 14,
    VECTOR_MF = 16, VECTOR_AC = 17, VECTOR_MC = 18, VECTOR_XM = 19,
};

/* Error code of segment-related exceptions: selector index and TI, with these. */
enum { SELECTOR_ERROR_EXT = 1u << 0, SELECTOR_ERROR_IDT = 1u << 1 };

/* An exception as data: what the instruction raised and what delivery needs. */
struct x86_fault {
    uint8_t vector;
    bool has_error;
    uint32_t error;
    uint64_t address; /* #PF: goes to CR2. #DB: bits to set in DR6 */
};

static inline bool x86_vector_has_error(unsigned vector)
{
    return vector == VECTOR_DF || (vector >= VECTOR_TS && vector <= VECTOR_PF) || vector == VECTOR_AC;
}

#endif
