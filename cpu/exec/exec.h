/* The meaning of x86: from a decoded instruction to the function that executes it, family by family.
 *
 * A function does one instruction completely: it reads operands, checks, and then (nothing can fault any more) writes
 * registers, memory and flags. It does not touch REG_RIP unless its operation ends the block: those set REG_RIP to the
 * next instruction's address themselves. Straight-line functions end with EXEC_NEXT, which threads to the next
 * instruction of the block; block enders simply return.
 */
#ifndef CPU_EXEC_EXEC_H
#define CPU_EXEC_EXEC_H

#include "cpu/decode/insn.h"
#include "cpu/exec/core.h"

/* Go on to the next instruction of the block (a sibling call when optimising; bounded by the block's length). */
#define EXEC_NEXT(core, insn)                  \
    do {                                       \
        (core)->insn = (insn) + 1;             \
        (insn)[1].exec((core), (insn) + 1);    \
        return;                                \
    } while (0)

/* A straight-line operation: the body may return early when it is done.
 *     EXEC_OP(nop) { (void)core; (void)insn; }   defines exec_nop. */
#define EXEC_OP(name)                                                                      \
    static ALWAYS_INLINE void name##_body(struct core *core, const struct insn *insn);     \
    static void exec_##name(struct core *core, const struct insn *insn)                    \
    {                                                                                      \
        name##_body(core, insn);                                                           \
        EXEC_NEXT(core, insn);                                                             \
    }                                                                                      \
    static ALWAYS_INLINE void name##_body(struct core *core, const struct insn *insn)

/* An operation that ends its block: it must set REG_RIP (exec_advance for "the next instruction"). */
#define EXEC_END_OP(name) static void exec_##name(struct core *core, const struct insn *insn)

static ALWAYS_INLINE void exec_advance(struct core *core, const struct insn *insn)
{
    core->state.gpr[REG_RIP] = insn_next_rip(core, insn);
}

/* One chooser per family (the family column of cpu/decode/ops.h): the function for this instruction's operand kinds
 * and sizes, never NULL for an op of its family. */
#define EXEC_FAMILIES(X) \
    X(ARITH, arith)      \
    X(SHIFT, shift)      \
    X(MOVE, move)        \
    X(STACK, stack)      \
    X(BIT, bit)          \
    X(STRING, string)    \
    X(BRANCH, branch)    \
    X(FAR, far)          \
    X(SYSTEM, system)    \
    X(IO, io)            \
    X(X87, x87)          \
    X(MMX, mmx)          \
    X(SSE, sse)          \
    X(XSAVE, xsave)      \
    X(BMI, bmi)          \
    X(CRYPTO, crypto)    \
    X(AVX, avx)

#define X(family, name) exec_fn *exec_choose_##name(const struct insn *insn);
EXEC_FAMILIES(X)
#undef X

/* The chooser of the op's family, applied. */
exec_fn *exec_choose(const struct insn *insn);

/* Likewise for a processor model: what it does not know raises #UD, except x87 without an x87. bits: of the code. */
exec_fn *exec_choose_for(const struct cpu_model *model, const struct insn *insn, unsigned bits);

/* One function for this instruction and the one behind it (insn[1], of the same block), or NULL. It counts as both;
 * whoever runs only the first must choose its own function again. */
exec_fn *exec_choose_fused(const struct insn *insn);

/* Raises #UD: what OP_UD executes as. */
void exec_undefined(struct core *core, const struct insn *insn);

/* ---- exceptions and interrupts (cpu/exec/interrupt.c) ---- */
enum interrupt_source { INTERRUPT_EXTERNAL, INTERRUPT_SOFTWARE, INTERRUPT_INT1, INTERRUPT_EXCEPTION };

/* Deliver through the IDT or IVT in the current mode; RIP is the address to push. Nested faults are delivered as the
 * SDM's table of double faults says. Returns false for a triple fault: the core is in shutdown, core.fault and
 * first_fault tell both. Must run inside an unwind frame of its own: it sets core.unwind itself. */
struct delivery {
    enum interrupt_source source;
    struct x86_fault fault; /* vector, error code */
};
WARN_UNUSED bool core_deliver(struct core *core, struct delivery delivery, struct x86_fault *first_fault);

#endif
