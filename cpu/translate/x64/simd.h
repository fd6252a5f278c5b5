/* Vector instructions that run as they are: guest XMM registers in the host's of the same number.
 *
 * A block that uses them makes sure at its entry that they are there (translated.vectors); whoever calls C saves them
 * before and loads them behind, and who leaves saves them. The guest's MXCSR is loaded meanwhile; with an unmasked exception
 * in it, or with SSE blocked, the block is interpreted.
 */
#ifndef CPU_TRANSLATE_X64_SIMD_H
#define CPU_TRANSLATE_X64_SIMD_H

#include "cpu/translate/x64/emit.h"

enum vector_shape {
    VECTOR_NONE,
    VECTOR_OP, /* xmm, xmm/m: memory aligned when it is 16 bytes; then an immediate byte, if there is one */
    VECTOR_MOVE, /* xmm, xmm/m or m, xmm: `store` is the opcode of the other way; memory need not be aligned */
    VECTOR_ALIGNED, /* likewise, aligned */
    VECTOR_SHIFT, /* xmm, xmm/m; by an immediate: `store` is the opcode, `extension` in its ModRM */
    VECTOR_TO_GPR,   /* r32/64, xmm/m: unaligned scalars, MOVMSK */
    VECTOR_FROM_GPR, /* xmm, r32/64 or m */
    VECTOR_MOVD,     /* MOVD, MOVQ with general registers or memory */
    VECTOR_EXTRACT,  /* r32/64 or m, xmm, an immediate */
    VECTOR_STRING,   /* PCMPESTRI .. */
    VECTOR_FLAGS,    /* xmm, xmm/m: sets all flags */
};

struct vector_row {
    uint8_t shape, extension;
    uint16_t opcode, store; /* ENC_* words */
};

/* By op. */
extern const struct vector_row vector_rows[OP_COUNT];

/* Whether the instruction has host code that works on vector registers. */
bool emit_vector_fits(const struct insn *insn);
bool emit_vector(struct emitter *e, const struct insn *insn);

#endif
