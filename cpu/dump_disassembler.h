/* One instruction as an outside disassembler reads it: a second opinion beside insn_print. */
#ifndef CPU_DUMP_DISASSEMBLER_H
#define CPU_DUMP_DISASSEMBLER_H

#include <stddef.h>
#include <stdint.h>

/* Text of the first instruction in `bytes` as code of 16, 32 or 64 bits at rip; empty when it is
 * not one, or when the build has no disassembler. Returns its length, or 0. */
size_t dump_disassemble(const uint8_t *bytes, size_t n, unsigned bits, uint64_t rip, char *text,
                        size_t size);

#endif
