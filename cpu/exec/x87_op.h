/* What the x87 instructions' files share: the stack, and how an instruction ends. [SDM
 * 1 8.1, 8.5, 8.6] */
#ifndef CPU_EXEC_X87_OP_H
#define CPU_EXEC_X87_OP_H

#include "cpu/exec/exec.h"
#include "cpu/exec/fp_ops.h"
#include "cpu/exec/x87.h"

#define FSW_SF         0x40u
#define FSW_ES         0x80u
#define FSW_C0         0x100u
#define FSW_C1         0x200u
#define FSW_C2         0x400u
#define FSW_C3         0x4000u
#define FSW_B          0x8000u
#define FSW_CONDITIONS (FSW_C0 | FSW_C1 | FSW_C2 | FSW_C3)

#define X87_INDEFINITE ((struct x87_value){ UINT64_C(0xc000000000000000), 0xffff })
#define X87_ONE        ((struct x87_value){ UINT64_C(0x8000000000000000), 0x3fff })

/* Raise #NM, or #MF for an exception that an earlier instruction left pending. */
COLD void x87_blocked(struct core *core);

/* Every waiting instruction begins so. Changes nothing. */
static ALWAYS_INLINE struct fp_env x87_begin(struct core *core)
{
    if (UNLIKELY((core->state.cr0 & (CR0_EM | CR0_TS)) || (core->state.x87.status & FSW_ES))) {
        x87_blocked(core);
    }
    return fp_env_from_x87(core->state.x87.control, core->state.x87.status);
}

/* An unmasked exception: ES, B and the opcode. */
COLD void x87_unmasked(struct core *core, const struct insn *insn);

/* Every instruction that can have exceptions ends so, when nothing can fault any more: pointers,
 * flags, C1. env->flags may hold FSW_SF. False: an unmasked exception before the computation: write
 * nothing, move no TOP. */
static ALWAYS_INLINE bool x87_conclude(struct core *core, const struct insn *insn,
                                       const struct fp_env *env)
{
    struct x87_state *x87 = &core->state.x87;
    unsigned unmasked = env->flags & ~(unsigned)env->masks & FP_FLAGS;

    x87->instruction = insn_rip(core, insn) & core->ip_mask;
    x87->instruction_selector = core->state.seg[SEG_CS].selector;
    if (insn->kind[0] == OPERAND_MEM) {
        x87->data = insn_offset(core, insn);
        x87->data_selector = core->state.seg[insn->segment].selector;
    }
    x87->status = (uint16_t)((x87->status & ~FSW_C1) | env->flags | (env->c1 ? FSW_C1 : 0));
    if (LIKELY(unmasked == 0)) {
        return true;
    }
    x87_unmasked(core, insn);
    return (unmasked & (FP_IE | FP_DE | FP_ZE)) == 0;
}

/* The same for FCOMI and FCMOV, which leave C1 alone but for a stack fault. */
static inline bool x87_conclude_keep_c1(struct core *core, const struct insn *insn,
                                        struct fp_env *env)
{
    if (!(env->flags & FSW_SF)) {
        env->c1 = core->state.x87.status & FSW_C1;
    }
    return x87_conclude(core, insn, env);
}

static inline struct x87_value *x87_st(struct x87_state *x87, unsigned i)
{
    return &x87->reg[(x87_top(x87) + i) & 7];
}

static inline bool x87_empty(const struct x87_state *x87, unsigned i)
{
    return !(x87->valid >> ((x87_top(x87) + i) & 7) & 1);
}

static inline void x87_write(struct x87_state *x87, unsigned i, struct x87_value value)
{
    unsigned n = (x87_top(x87) + i) & 7;

    x87->reg[n] = value;
    x87->valid = (uint8_t)(x87->valid | 1u << n);
}

static inline void x87_pop(struct x87_state *x87)
{
    unsigned top = x87_top(x87);

    x87->valid = (uint8_t)(x87->valid & ~(1u << top));
    x87_top_set(x87, top + 1);
}

static inline void x87_push(struct x87_state *x87, struct x87_value value)
{
    x87_top_set(x87, x87_top(x87) - 1);
    x87_write(x87, 0, value);
}

static inline void x87_underflow(struct fp_env *env)
{
    env->flags = FP_IE | FSW_SF;
    env->c1 = false;
}

static inline void x87_overflow(struct fp_env *env)
{
    env->flags = FP_IE | FSW_SF;
    env->c1 = true;
}

static inline void x87_conditions_set(struct x87_state *x87, unsigned bits)
{
    x87->status = (uint16_t)((x87->status & ~FSW_CONDITIONS) | bits);
}

/* A float (4, 8 or 10 bytes) or integer (2, 4 or 8) from memory. A 4 or 8 byte NaN keeps its
 * signalling. *denormal: a 4 or 8 byte operand is. */
struct x87_value x87_load_float(struct core *core, const struct insn *insn, bool *denormal);
struct x87_value x87_load_integer(struct core *core, const struct insn *insn);

/* The instructions of each file: NULL for another file's. */
exec_fn *x87_choose_arith(const struct insn *insn);
exec_fn *x87_choose_function(const struct insn *insn);
exec_fn *x87_choose_move(const struct insn *insn);

#endif
