/* Text of code as it is first met: decoded fields, blocks, the disassembler's second opinion. */
#ifndef CPU_DUMP_H
#define CPU_DUMP_H

#include <stdint.h>
#include <stdio.h>

struct block;
struct code;
struct core;

enum {
    CPU_DUMP_INSN = 1u << 0,  /* every field of every decoded instruction */
    CPU_DUMP_BLOCK = 1u << 1, /* every block: key, bytes, instructions, who executes them */
    CPU_DUMP_HOST = 1u << 2,  /* every translation: the host's instructions */
};

/* Who wants to read what. Set into cpu.dump by the owner of the processor. */
struct cpu_dump {
    unsigned what;
    FILE *out; /* NULL: nothing is written */
};

/* A block was built for the code at rip. bytes: its code, or NULL when block->spa tells where it
 * lies. */
void cpu_dump_block(const struct cpu_dump *dump, const struct core *core, const struct block *block,
                    uint64_t rip, const uint8_t *bytes);

/* A block was translated. */
void cpu_dump_code(const struct cpu_dump *dump, const struct code *code);

#endif
