/* From an instruction to the function that executes it: the family of each op. */
#include "cpu/exec/exec.h"

static const uint8_t op_families[OP_COUNT] = {
#define X(mnemonic, family) [OP_##mnemonic] = FAMILY_##family,
    X86_OPS(X)
#undef X
};

static exec_fn *(*const family_choosers[])(const struct insn *insn) = {
#define X(family, name) [FAMILY_##family] = exec_choose_##name,
    EXEC_FAMILIES(X)
#undef X
};

exec_fn *exec_choose(const struct insn *insn)
{
    return family_choosers[op_families[insn->op]](insn);
}

void exec_undefined(struct core *core, const struct insn *insn)
{
    (void)insn;
    core_raise(core, VECTOR_UD);
}
