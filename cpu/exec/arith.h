/* The two halves of the ARITH family, and 16-byte compare and exchange. */
#ifndef CPU_EXEC_ARITH_H
#define CPU_EXEC_ARITH_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu/exec/exec.h"

/* MUL to IDIV and the decimal adjustments (cpu/exec/multiply.c). */
exec_fn *exec_choose_multiply(const struct insn *insn);

/* Compare and exchange 16 aligned bytes of RAM; expected gets what was there. */
bool ram_compare_exchange128(uint8_t *host, uint64_t expected[2], const uint64_t value[2]);

#endif
