/* From an instruction to the function that executes it: the family of each op. */
#include "cpu/exec/exec.h"
#include "cpu/exec/model.h"
#include "cpu/exec/vex.h"

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
    if (insn->flags & INSN_VEX && op_families[insn->op] != FAMILY_BMI) {
        return exec_choose_vex(insn);
    }
    return family_choosers[op_families[insn->op]](insn);
}

/* Operations that only VEX encodes. */
exec_fn *exec_choose_avx(const struct insn *insn)
{
    return exec_choose_vex(insn);
}

/* Before LZCNT and TZCNT were new, their encodings were BSR and BSF with a prefix that means
 * nothing. */
static exec_fn *choose_before_lzcnt(const struct insn *insn)
{
    struct insn older = *insn;

    older.op = insn->op == OP_LZCNT ? OP_BSR : OP_BSF;
    return exec_choose(&older);
}

/* Without a coprocessor ESC instructions do nothing at all (FNSTSW leaves its operand alone: how its
 * absence is found out), unless the system emulates one. [SDM 3A 9.2.2] */
EXEC_OP(x87_absent)
{
    (void)insn;
    if (core->state.cr0 & (CR0_EM | CR0_TS)) {
        core_raise(core, VECTOR_NM);
    }
}

exec_fn *exec_choose_for(const struct cpu_model *model, const struct insn *insn, unsigned bits)
{
    if ((insn->op == OP_LZCNT && !cpu_model_has(model, FEATURE_LZCNT)) ||
        (insn->op == OP_TZCNT && !cpu_model_has(model, FEATURE_BMI1))) {
        return choose_before_lzcnt(insn);
    }
    if (cpu_model_knows(model, insn, bits)) {
        return exec_choose(insn);
    }
    return op_families[insn->op] == FAMILY_X87 && !cpu_model_has(model, FEATURE_FPU)
               ? exec_x87_absent
               : exec_undefined;
}

void exec_undefined(struct core *core, const struct insn *insn)
{
    (void)insn;
    core_raise(core, VECTOR_UD);
}
