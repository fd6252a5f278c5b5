/* What the generators of single instructions and of sequences share. */
#ifndef TESTS_FUZZ_CPU_GENERATE_H
#define TESTS_FUZZ_CPU_GENERATE_H

#include "tests/fuzz/cpu/case.h"

/* Bytes of one instruction under construction. */
struct encoder {
    uint8_t bytes[24];
    unsigned n, modrm_at; /* modrm_at: 0 none */
};

static inline unsigned below(uint64_t *state, unsigned n)
{
    return (unsigned)((fuzz_random(state) >> 32) % n);
}

/* True once in n. */
static inline bool once_in(uint64_t *state, unsigned n)
{
    return below(state, n) == 0;
}

/* 64, 32 or 16, as the host and the options allow. */
unsigned bits_generate(const struct generator *generator, uint64_t *state);

/* One attempt at bytes of this operation: false when they came out as something else. */
bool instruction_generate(const struct generator *generator, uint64_t *state, unsigned op,
                          unsigned bits, struct encoder *e, struct insn *insn);

/* Where a memory operand shall lie. */
uint64_t random_target(uint64_t *state);

/* Segments, registers, flags, x87 and SSE state for the case's bits. */
void state_generate(uint64_t *state, struct fuzz_case *c);

uint64_t segment_base(const struct fuzz_case *c, unsigned segment);
bool has_memory_operand(const struct insn *insn);

/* Where 66 must not reach the host: near branches in 64-bit mode. Intel ignores it, AMD does not. */
void native_branch(uint8_t *bytes, unsigned n);

void sequence_generate(const struct generator *generator, uint64_t *state, struct fuzz_case *c);

#endif
