/* Near jumps, calls and returns, loops, BOUND. [SDM 2 JMP, CALL, RET, Jcc, LOOP, BOUND; 1 6.4]
 *
 * A target is checked before anything changes: outside 64-bit mode against the code segment's
 * limit, in it for being canonical.
 */
#include "cpu/exec/condition.h"
#include "cpu/exec/exec.h"
#include "cpu/exec/flags.h"
#include "cpu/exec/operand.h"

static ALWAYS_INLINE void target_check(struct core *core, const struct insn *insn, uint64_t target)
{
    bool bad;

    if (LIKELY(insn->opsize == 8)) {
        bad = (uint64_t)((int64_t)(target << 16) >> 16) != target;
    } else {
        bad = target > core->state.seg[SEG_CS].limit;
    }
    if (UNLIKELY(bad)) {
        core_raise_error(core, VECTOR_GP, 0);
    }
}

/* Near branches have operand size 64 in 64-bit mode and only there; 16 clears the upper half of
 * EIP. */
static ALWAYS_INLINE uint64_t target_truncate(const struct insn *insn, uint64_t target)
{
    return LIKELY(insn->opsize == 8) ? target
           : insn->opsize == 4       ? (uint32_t)target
                                     : (uint16_t)target;
}

static ALWAYS_INLINE uint64_t relative_target(const struct core *core, const struct insn *insn)
{
    return target_truncate(insn,
                           core->state.gpr[REG_RIP] + insn->offset + insn->length + insn->imm);
}

static ALWAYS_INLINE void jump_relative(struct core *core, const struct insn *insn)
{
    uint64_t target = relative_target(core, insn);

    target_check(core, insn, target);
    core->state.gpr[REG_RIP] = target;
}

/* With operand size 64, where the next address needs no truncation. */
static ALWAYS_INLINE void jump_wide(struct core *core, const struct insn *insn)
{
    uint64_t target = core->state.gpr[REG_RIP] + insn->offset + insn->length + insn->imm;

    if (UNLIKELY((uint64_t)((int64_t)(target << 16) >> 16) != target)) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    core->state.gpr[REG_RIP] = target;
}

/* ---- JCC, JMP: a JCC that is not taken goes on in its block ---- */

#define JCC(name, code)                                                                            \
    EXEC_END_OP(j##name)                                                                           \
    {                                                                                              \
        if (condition_met(core, code)) {                                                           \
            jump_relative(core, insn);                                                             \
            return;                                                                                \
        }                                                                                          \
        EXEC_NEXT(core, insn);                                                                     \
    }                                                                                              \
    EXEC_END_OP(j##name##8)                                                                        \
    {                                                                                              \
        if (condition_met(core, code)) {                                                           \
            jump_wide(core, insn);                                                                 \
            return;                                                                                \
        }                                                                                          \
        EXEC_NEXT(core, insn);                                                                     \
    }
CONDITIONS(JCC)

EXEC_END_OP(jmp8)
{
    jump_wide(core, insn);
}

EXEC_END_OP(jmp)
{
    jump_relative(core, insn);
}

EXEC_END_OP(jmp_indirect)
{
    unsigned size = insn->opsize;
    uint64_t target = target_truncate(insn, operand_read(core, insn, 0, size));

    target_check(core, insn, target);
    core->state.gpr[REG_RIP] = target;
}

EXEC_END_OP(jmp8_r)
{
    uint64_t target = core->state.gpr[insn->n[0]];

    target_check(core, insn, target);
    core->state.gpr[REG_RIP] = target;
}

/* A jump table: hands over to the general function when the table is not in the TLB. */
#define JMP_FAST(suffix, form)                                                                     \
    EXEC_END_OP(jmp8_##suffix)                                                                     \
    {                                                                                              \
        const uint8_t *host = operand_host_read(core, insn, 8, form);                              \
                                                                                                   \
        if (UNLIKELY(host == NULL)) {                                                              \
            exec_jmp_indirect(core, insn);                                                         \
            return;                                                                                \
        }                                                                                          \
        uint64_t target = ram_load64(host);                                                        \
        target_check(core, insn, target);                                                          \
        core->state.gpr[REG_RIP] = target;                                                         \
    }
JMP_FAST(base, ADDRESS_BASE)
JMP_FAST(index, ADDRESS_INDEX)

static exec_fn *choose_jmp(const struct insn *insn)
{
    static exec_fn *const wide[ADDRESS_FORMS] = { exec_jmp8_base, exec_jmp8_index,
                                                  exec_jmp_indirect };

    if (insn->kind[0] == OPERAND_REL) {
        return insn->opsize == 8 ? exec_jmp8 : exec_jmp;
    }
    if (insn->opsize != 8) {
        return exec_jmp_indirect;
    }
    return insn->kind[0] == OPERAND_GPR ? exec_jmp8_r : wide[insn_address_form(insn)];
}

/* ---- CALL, RET ---- */

static ALWAYS_INLINE void call(struct core *core, const struct insn *insn, uint64_t target)
{
    unsigned size = insn->opsize;
    uint64_t top = stack_moved(core, 0 - (uint64_t)size);

    target_check(core, insn, target);
    if (LIKELY(size == 8)) {
        core_store64(core, top, insn_next_rip(core, insn), true);
    } else {
        stack_store(core, top, size, insn_next_rip(core, insn));
    }
    stack_set(core, top);
    core->state.gpr[REG_RIP] = target;
}

EXEC_END_OP(call)
{
    call(core, insn, relative_target(core, insn));
}

EXEC_END_OP(call_indirect)
{
    call(core, insn, target_truncate(insn, operand_read(core, insn, 0, insn->opsize)));
}

EXEC_END_OP(ret)
{
    unsigned size = insn->opsize;
    uint64_t top = stack_moved(core, 0);
    uint64_t target =
        LIKELY(size == 8) ? core_load64(core, top, true) : stack_load(core, top, size);

    target_check(core, insn, target);
    stack_set(core, stack_moved(core, size + insn->imm));
    core->state.gpr[REG_RIP] = target;
}

/* In 64-bit mode: what falls through to the functions above when the stack is not in the TLB. */
EXEC_END_OP(call8)
{
    uint64_t target = relative_target(core, insn), top = core->state.gpr[REG_RSP] - 8;
    uint8_t *host = tlb_write(core->data_set, top, 8);

    if (UNLIKELY(host == NULL)) {
        exec_call(core, insn);
        return;
    }
    target_check(core, insn, target);
    ram_store64(host, insn_next_rip(core, insn));
    core->state.gpr[REG_RSP] = top;
    core->state.gpr[REG_RIP] = target;
}

EXEC_END_OP(ret8)
{
    uint64_t top = core->state.gpr[REG_RSP];
    const uint8_t *host = tlb_read(core->data_set, top, 8);

    if (UNLIKELY(host == NULL)) {
        exec_ret(core, insn);
        return;
    }
    uint64_t target = ram_load64(host);
    target_check(core, insn, target);
    core->state.gpr[REG_RSP] = top + 8 + insn->imm;
    core->state.gpr[REG_RIP] = target;
}

/* ---- LOOP, JCXZ: the count is as wide as addresses ---- */

static void loop_if(struct core *core, const struct insn *insn, bool condition)
{
    uint64_t count = (core->state.gpr[REG_RCX] - 1) & size_mask(insn->adsize);
    uint64_t target = insn_next_rip(core, insn);

    if (count != 0 && condition) {
        target = relative_target(core, insn);
        target_check(core, insn, target);
    }
    gpr_write(core, REG_RCX, insn->adsize, count);
    core->state.gpr[REG_RIP] = target;
}

EXEC_END_OP(loop)
{
    loop_if(core, insn, true);
}

EXEC_END_OP(loope)
{
    loop_if(core, insn, flag_zf(core));
}

EXEC_END_OP(loopne)
{
    loop_if(core, insn, !flag_zf(core));
}

EXEC_END_OP(jcxz)
{
    if ((core->state.gpr[REG_RCX] & size_mask(insn->adsize)) == 0) {
        jump_relative(core, insn);
    } else {
        exec_advance(core, insn);
    }
}

/* ---- BOUND ---- */

EXEC_END_OP(bound)
{
    unsigned size = insn->opsize;
    gva_t gva = insn_linear(core, insn, 2 * size, MMU_READ);
    uint64_t both[2] = { 0, 0 };

    core_load(core, gva, &both[0], size, insn_is_stack(insn));
    core_load(core, gva + size, &both[1], size, insn_is_stack(insn));
    int64_t index = (int64_t)size_sign_extend(gpr_read(core, insn->n[0], size), size);
    if (index < (int64_t)size_sign_extend(both[0], size) ||
        index > (int64_t)size_sign_extend(both[1], size)) {
        core_raise(core, VECTOR_BR);
    }
    exec_advance(core, insn);
}

exec_fn *exec_choose_branch(const struct insn *insn)
{
    static exec_fn *const conditions[16][2] = {
#define X(name, code) [code] = { exec_j##name, exec_j##name##8 },
        CONDITIONS(X)
#undef X
    };
    bool relative = insn->kind[0] == OPERAND_REL,
         wide = insn->opsize == 8; /* only in 64-bit mode */

    switch (insn->op) {
    case OP_JCC:
        return conditions[insn->imm2 & 15][wide];
    case OP_JMP:
        return choose_jmp(insn);
    case OP_CALL:
        if (relative) {
            return wide ? exec_call8 : exec_call;
        }
        return exec_call_indirect;
    case OP_RET:
        return wide ? exec_ret8 : exec_ret;
    case OP_LOOP:
        return exec_loop;
    case OP_LOOPE:
        return exec_loope;
    case OP_LOOPNE:
        return exec_loopne;
    case OP_JCXZ:
        return exec_jcxz;
    case OP_BOUND:
        return exec_bound;
    default:
        return exec_undefined;
    }
}
