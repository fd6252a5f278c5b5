/* PUSH, POP and their kin, ENTER and LEAVE. [SDM 2 PUSH..POPF, ENTER, LEAVE; 1 6.2]
 *
 * RSP and RBP are written last, when nothing can fault any more.
 */
#include "cpu/exec/exec.h"
#include "cpu/exec/flags.h"
#include "cpu/exec/operand.h"

/* ---- PUSH, POP ---- */

static ALWAYS_INLINE void push(struct core *core, unsigned size, uint64_t value)
{
    uint64_t top = stack_moved(core, 0 - (uint64_t)size);

    stack_store(core, top, size, value);
    stack_set(core, top);
}

/* Operand size 64 exists only in 64-bit mode. */
static ALWAYS_INLINE bool push8_fast(struct core *core, uint64_t value)
{
    uint64_t top = core->state.gpr[REG_RSP] - 8;
    uint8_t *host = tlb_write(core->data_set, top, 8);

    if (UNLIKELY(host == NULL)) {
        return false;
    }
    ram_store64(host, value);
    core->state.gpr[REG_RSP] = top;
    return true;
}

EXEC_OP(push_any)
{
    push(core, insn->opsize, operand_read(core, insn, 0, insn->opsize));
}
EXEC_FAST_OP(push8_r, push_any)
{
    return push8_fast(core, core->state.gpr[insn->n[0]]);
}
EXEC_FAST_OP(push8_i, push_any)
{
    return push8_fast(core, insn->imm);
}

EXEC_OP(pop_r)
{
    uint64_t value = stack_load(core, stack_moved(core, 0), insn->opsize);

    stack_set(core, stack_moved(core, insn->opsize));
    gpr_write(core, insn->n[0], insn->opsize, value);
}

EXEC_FAST_OP(pop8_r, pop_r)
{
    uint64_t top = core->state.gpr[REG_RSP];
    const uint8_t *host = tlb_read(core->data_set, top, 8);

    if (UNLIKELY(host == NULL)) {
        return false;
    }
    core->state.gpr[REG_RSP] = top + 8;
    core->state.gpr[insn->n[0]] = ram_load64(host);
    return true;
}

/* An address that uses RSP sees it incremented. */
EXEC_OP(pop_m)
{
    uint64_t value = stack_load(core, stack_moved(core, 0), insn->opsize);
    uint64_t after = stack_moved(core, insn->opsize);
    struct insn moved = *insn;

    if (insn->base == REG_RSP) {
        moved.disp += (int64_t)(after - stack_moved(core, 0));
    }
    operand_store(core, &moved, insn->opsize, value);
    stack_set(core, after);
}

/* ---- PUSHA, POPA ---- */

EXEC_OP(pusha)
{
    unsigned size = insn->opsize;

    for (unsigned i = 0; i < 8; i++) {
        stack_store(core, stack_moved(core, 0 - (uint64_t)size * (i + 1)), size,
                    core->state.gpr[i]);
    }
    stack_set(core, stack_moved(core, 0 - (uint64_t)size * 8));
}

EXEC_OP(popa)
{
    unsigned size = insn->opsize;
    uint64_t value[8];

    for (unsigned i = 0; i < 8; i++) {
        value[7 - i] = stack_load(core, stack_moved(core, (uint64_t)size * i), size);
    }
    stack_set(core, stack_moved(core, (uint64_t)size * 8));
    for (unsigned i = 0; i < 8; i++) {
        if (i != REG_RSP) {
            gpr_write(core, i, size, value[i]);
        }
    }
}

/* ---- PUSHF, POPF ---- */

static unsigned flags_iopl(const struct core *core)
{
    return (unsigned)(core->state.rflags_rest >> 12 & 3);
}

static bool in_v86(const struct core *core)
{
    return (core->state.rflags_rest & FLAG_VM) != 0;
}

/* v86 mode below IOPL 3: PUSHF and POPF work on VIF (CR4.VME, 16-bit operands only) or fault. [SDM
 * 3B 21.2.8] */
static bool uses_vif(struct core *core, const struct insn *insn)
{
    if (!in_v86(core) || flags_iopl(core) == 3) {
        return false;
    }
    if (!(core->state.cr4 & CR4_VME) || insn->opsize != 2) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    return true;
}

EXEC_OP(pushf)
{
    uint64_t image = core_rflags(core) & ~(FLAG_RF | FLAG_VM);

    if (uses_vif(core, insn)) {
        image = (image & ~FLAG_IF) | FLAG_IOPL | (image & FLAG_VIF ? FLAG_IF : 0);
    }
    push(core, insn->opsize, image);
}

static uint64_t popf_writable(const struct core *core, unsigned size)
{
    uint64_t writable = FLAGS_ARITH | FLAG_TF | FLAG_DF | FLAG_NT;

    if (size != 2) {
        writable |= FLAG_AC | FLAG_ID;
    }
    if (core->cpl == 0 || in_v86(core)) {
        writable |= FLAG_IF | (in_v86(core) ? 0 : FLAG_IOPL);
    } else if (core->cpl <= flags_iopl(core)) {
        writable |= FLAG_IF;
    }
    return writable;
}

EXEC_END_OP(popf)
{
    uint64_t image = stack_load(core, stack_moved(core, 0), insn->opsize), old = core_rflags(core);
    uint64_t writable = popf_writable(core, insn->opsize), new;

    if (uses_vif(core, insn)) {
        if ((image & FLAG_TF) || ((image & FLAG_IF) && (old & FLAG_VIP))) {
            core_raise_error(core, VECTOR_GP, 0);
        }
        writable &= ~FLAG_IF;
        old = (old & ~FLAG_VIF) | (image & FLAG_IF ? FLAG_VIF : 0);
    }
    new = ((old & ~writable) | (image & writable)) & ~FLAG_RF;
    stack_set(core, stack_moved(core, insn->opsize));
    core_rflags_set(core, new);
    if ((new ^ old) & (FLAG_TF | FLAG_AC)) {
        core_mode_update(core);
    }
    if ((new ^ old) & (FLAG_TF | FLAG_IF)) {
        __atomic_fetch_or(&core->pending, CORE_PENDING_POLL, __ATOMIC_RELAXED);
    }
    exec_advance(core, insn);
}

/* ---- ENTER, LEAVE ---- */

EXEC_OP(enter)
{
    unsigned size = insn->opsize, level = insn->imm2 & 31;
    uint64_t bp = core->state.gpr[REG_RBP], delta = 0 - (uint64_t)size;

    stack_store(core, stack_moved(core, delta), size, bp);
    uint64_t frame = stack_moved(core, delta);
    for (unsigned i = 1; i < level; i++) {
        bp = stack_wrap(core, bp - size);
        delta -= size;
        stack_store(core, stack_moved(core, delta), size, stack_load(core, bp, size));
    }
    if (level > 0) {
        delta -= size;
        stack_store(core, stack_moved(core, delta), size, frame);
    }
    uint64_t top = stack_moved(core, delta - (uint16_t)insn->imm);
    /* A write at the final stack pointer must be possible. */
    core_probe_write(core, segment_linear(core, SEG_SS, top, size, MMU_WRITE), size, true);
    gpr_write(core, REG_RBP, size, frame);
    stack_set(core, top);
}

EXEC_OP(leave)
{
    unsigned size = insn->opsize;
    uint64_t top = stack_wrap(core, core->state.gpr[REG_RBP]);
    uint64_t value = stack_load(core, top, size);

    stack_set(core, stack_wrap(core, top + size));
    gpr_write(core, REG_RBP, size, value);
}

exec_fn *exec_choose_stack(const struct insn *insn)
{
    bool wide = insn->opsize == 8;

    switch (insn->op) {
    case OP_PUSH:
        if (wide && insn->kind[0] == OPERAND_GPR) {
            return exec_push8_r;
        }
        return wide && insn->kind[0] == OPERAND_IMM ? exec_push8_i : exec_push_any;
    case OP_POP:
        return insn->kind[0] == OPERAND_MEM ? exec_pop_m : wide ? exec_pop8_r : exec_pop_r;
    case OP_PUSHA:
        return exec_pusha;
    case OP_POPA:
        return exec_popa;
    case OP_PUSHF:
        return exec_pushf;
    case OP_POPF:
        return exec_popf;
    case OP_ENTER:
        return exec_enter;
    case OP_LEAVE:
        return exec_leave;
    default:
        return exec_undefined;
    }
}
