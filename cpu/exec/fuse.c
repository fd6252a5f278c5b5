/* A comparison and the conditional jump behind it as one function: one dispatch less, and the
 * condition comes from the operands. [SDM 1 B.1]
 *
 * Flags are set all the same, and core.insn stands at the jump when it raises.
 */
#include "cpu/exec/exec.h"
#include "cpu/exec/flags.h"
#include "cpu/exec/operand.h"

enum fuse { FUSE_CMP, FUSE_TEST };

/* What condition `code` says after comparing or testing a and b; both extended by their sign. */
static ALWAYS_INLINE bool fused_condition(enum fuse fuse, unsigned code, uint64_t a, uint64_t b,
                                          uint64_t r)
{
    bool met;

    switch (code >> 1) {
    case 1:
        met = fuse == FUSE_CMP && a < b;
        break;
    case 2:
        met = r == 0;
        break;
    case 3:
        met = fuse == FUSE_CMP ? a <= b : r == 0;
        break;
    case 4:
        met = (int64_t)r < 0;
        break;
    case 6:
        met = fuse == FUSE_CMP ? (int64_t)a < (int64_t)b : (int64_t)r < 0;
        break;
    default:
        met = fuse == FUSE_CMP ? (int64_t)a <= (int64_t)b : (int64_t)r <= 0;
        break;
    }
    return met != (bool)(code & 1);
}

/* Whether the jump was taken. */
static ALWAYS_INLINE bool fused(struct core *core, const struct insn *insn, enum fuse fuse,
                                unsigned size, unsigned code, uint64_t b)
{
    uint64_t a = gpr_read(core, insn->n[0], size), r;
    const struct insn *jump = insn + 1;

    if (fuse == FUSE_CMP) {
        flags_sub_size(core, size, a, b, a - b);
    } else {
        core->state.flags_result = size_sign_extend(a & b, size);
        core->state.flags_carry = 0;
    }
    r = core->state.flags_result;
    if (!fused_condition(fuse, code, size_sign_extend(a, size), size_sign_extend(b, size), r)) {
        return false;
    }
    core->insn = jump;
    uint64_t target = core->state.gpr[REG_RIP] + jump->offset + jump->length + jump->imm;
    if (UNLIKELY((uint64_t)((int64_t)(target << 16) >> 16) != target)) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    core->state.gpr[REG_RIP] = target;
    return true;
}

/* Sign extension keeps the unsigned order within one size. Without OF, NO, P, NP, which no compiler
 * jumps on. */
// clang-format off
#define FUSED_CONDITIONS(X, fuse, name, size) \
    X(fuse, name, size, 2) X(fuse, name, size, 3) X(fuse, name, size, 4) X(fuse, name, size, 5) X(fuse, name, size, 6) \
    X(fuse, name, size, 7) X(fuse, name, size, 8) X(fuse, name, size, 9) X(fuse, name, size, 12) \
    X(fuse, name, size, 13) X(fuse, name, size, 14) X(fuse, name, size, 15)
#define FUSED(X) \
    FUSED_CONDITIONS(X, FUSE_CMP, cmp, 1) FUSED_CONDITIONS(X, FUSE_CMP, cmp, 4) FUSED_CONDITIONS(X, FUSE_CMP, cmp, 8) \
    FUSED_CONDITIONS(X, FUSE_TEST, test, 1) FUSED_CONDITIONS(X, FUSE_TEST, test, 4) \
    FUSED_CONDITIONS(X, FUSE_TEST, test, 8)
// clang-format on

#define X(fuse, name, size, code)                                                                  \
    static void exec_##name##size##_rr_##code(struct core *core, const struct insn *insn)          \
    {                                                                                              \
        if (!fused(core, insn, fuse, size, code, gpr_read(core, insn->n[1], size))) {              \
            insn++;                                                                                \
            EXEC_NEXT(core, insn);                                                                 \
        }                                                                                          \
    }                                                                                              \
    static void exec_##name##size##_ri_##code(struct core *core, const struct insn *insn)          \
    {                                                                                              \
        if (!fused(core, insn, fuse, size, code, insn->imm)) {                                     \
            insn++;                                                                                \
            EXEC_NEXT(core, insn);                                                                 \
        }                                                                                          \
    }
FUSED(X)
#undef X

static exec_fn *const fused_forms[2][4][16][2] = {
#define X(fuse, name, size, code)                                                                  \
    [fuse][(size) == 8 ? 3 : (size) / 2][code] = { exec_##name##size##_rr_##code,                  \
                                                   exec_##name##size##_ri_##code },
    FUSED(X)
#undef X
};

exec_fn *exec_choose_fused(const struct insn *insn)
{
    const struct insn *jump = insn + 1;

    if ((insn->op != OP_CMP && insn->op != OP_TEST) || jump->op != OP_JCC || jump->opsize != 8 ||
        insn->kind[0] != OPERAND_GPR || insn->kind[1] == OPERAND_MEM) {
        return NULL;
    }
    return fused_forms[insn->op == OP_CMP ? FUSE_CMP : FUSE_TEST][size_log2(insn->size[0])]
                      [jump->imm2 & 15][insn->kind[1] == OPERAND_IMM];
}
