/* VEX-encoded instructions as they are: guest YMM registers in the host's of the same number, general registers where
 * the register plan has them. The opcodes are those of the decoder's maps. */
#ifndef CPU_TRANSLATE_X64_VEX_H
#define CPU_TRANSLATE_X64_VEX_H

#include "cpu/decode/opcode_map.h"
#include "cpu/translate/x64/emit.h"

/* One encoding of an operation. */
struct vex_form {
    uint32_t opcode;  /* ENC_* word */
    int8_t extension; /* in ModRM.reg, or -1 */
    const struct opcode_row *row;
    uint16_t next; /* of the same operation, 0: none */
};

enum { VEX_FORMS = 512 };

struct vex_forms {
    struct vex_form form[VEX_FORMS]; /* from 1 */
    uint16_t first[OP_COUNT];        /* 0: none */
    unsigned n;
};

void vex_forms_list(struct vex_forms *forms);

/* Whether it has host code that works on vector registers, all of them YMM. */
bool emit_vex_fits(const struct vex_forms *forms, const struct insn *insn);
bool emit_vex(struct emitter *e, const struct insn *insn);

#endif
