/* x87 functions of the stack's top: roots, remainders, scaling, transcendentals. [SDM
 * 1 8.3.5, 8.3.7; 2 FPREM .. FYL2X] */
#include "cpu/exec/x87_op.h"

typedef struct x87_value unary_fn(struct fp_env *env, struct x87_value a);
typedef struct x87_value binary_fn(struct fp_env *env, struct x87_value a, struct x87_value b);

/* ST(0) = f(ST(0)) */
static void unary(struct core *core, const struct insn *insn, unary_fn *function)
{
    struct fp_env env = x87_begin(core);
    struct x87_state *x87 = &core->state.x87;
    struct x87_value r = X87_INDEFINITE;

    if (UNLIKELY(x87_empty(x87, 0))) {
        x87_underflow(&env);
    } else {
        r = function(&env, *x87_st(x87, 0));
    }
    if (x87_conclude(core, insn, &env)) {
        x87_write(x87, 0, r);
    }
}

static struct x87_value round_by_control(struct fp_env *env, struct x87_value a)
{
    return fp_ops_default()->f80_round(env, a, env->rounding, false);
}

EXEC_OP(fsqrt)
{
    unary(core, insn, fp_ops_default()->f80_sqrt);
}

EXEC_OP(frndint)
{
    unary(core, insn, round_by_control);
}

EXEC_OP(f2xm1)
{
    unary(core, insn, fp_ops_default()->f80_2xm1);
}

/* f(ST(0), ST(1)): into ST(1) and pop, or into ST(0). */
static void binary(struct core *core, const struct insn *insn, binary_fn *function, bool pop)
{
    struct fp_env env = x87_begin(core);
    struct x87_state *x87 = &core->state.x87;
    struct x87_value r = X87_INDEFINITE;

    if (UNLIKELY(x87_empty(x87, 0) || x87_empty(x87, 1))) {
        x87_underflow(&env);
    } else {
        r = function(&env, *x87_st(x87, 0), *x87_st(x87, 1));
    }
    if (x87_conclude(core, insn, &env)) {
        if (pop) {
            x87_pop(x87);
        }
        x87_write(x87, 0, r);
    }
}

EXEC_OP(fyl2x)
{
    binary(core, insn, fp_ops_default()->f80_yl2x, true);
}

EXEC_OP(fyl2xp1)
{
    binary(core, insn, fp_ops_default()->f80_yl2xp1, true);
}

EXEC_OP(fpatan)
{
    binary(core, insn, fp_ops_default()->f80_patan, true);
}

EXEC_OP(fscale)
{
    binary(core, insn, fp_ops_default()->f80_scale, false);
}

static void c2_set(struct x87_state *x87, bool set)
{
    x87->status = (uint16_t)((x87->status & ~FSW_C2) | (set ? FSW_C2 : 0));
}

static void partial_remainder(struct core *core, const struct insn *insn, bool nearest)
{
    struct fp_env env = x87_begin(core);
    struct x87_state *x87 = &core->state.x87;
    struct x87_value r = X87_INDEFINITE;
    uint64_t quotient = 0;
    bool partial = false;

    if (UNLIKELY(x87_empty(x87, 0) || x87_empty(x87, 1))) {
        x87_underflow(&env);
    } else {
        r = fp_ops_default()->f80_rem(&env, *x87_st(x87, 0), *x87_st(x87, 1), nearest, &quotient,
                                      &partial);
    }
    env.c1 = false;
    if (!x87_conclude(core, insn, &env)) {
        c2_set(x87, false);
        return;
    }
    x87_write(x87, 0, r);
    if ((r.sign_exponent & 0x7fff) == 0x7fff) { /* a NaN: C0 and C3 stay */
        c2_set(x87, false);
        return;
    }
    x87_conditions_set(x87, (quotient & 1 ? FSW_C1 : 0) | (quotient & 2 ? FSW_C3 : 0) |
                                (quotient & 4 ? FSW_C0 : 0) | (partial ? FSW_C2 : 0));
}

EXEC_OP(fprem)
{
    partial_remainder(core, insn, false);
}

EXEC_OP(fprem1)
{
    partial_remainder(core, insn, true);
}

/* ---- one operand, two results ---- */

/* ST(0) = below, then push above. */
static void two_results(struct core *core, const struct insn *insn, struct fp_env *env,
                        struct x87_value below, struct x87_value above)
{
    struct x87_state *x87 = &core->state.x87;

    if (x87_conclude(core, insn, env)) {
        x87_write(x87, 0, below);
        x87_push(x87, above);
    }
}

/* True when the stack allows it: ST(0) is there, and a place above. */
static bool two_results_fit(const struct x87_state *x87, struct fp_env *env)
{
    if (x87_empty(x87, 0)) {
        x87_underflow(env);
        return false;
    }
    if (!x87_empty(x87, 7)) {
        x87_overflow(env);
        return false;
    }
    return true;
}

EXEC_OP(fxtract)
{
    struct fp_env env = x87_begin(core);
    struct x87_state *x87 = &core->state.x87;
    struct x87_value significand = X87_INDEFINITE, exponent = X87_INDEFINITE;

    if (two_results_fit(x87, &env)) {
        significand = fp_ops_default()->f80_extract(&env, *x87_st(x87, 0), &exponent);
    }
    two_results(core, insn, &env, exponent, significand);
}

/* The operand is out of range: C2, and nothing else. */
static void out_of_range(struct core *core, const struct insn *insn, struct fp_env *env)
{
    (void)x87_conclude(core, insn, env);
    c2_set(&core->state.x87, true);
}

EXEC_OP(fsincos)
{
    struct fp_env env = x87_begin(core);
    struct x87_state *x87 = &core->state.x87;
    struct x87_value sine = X87_INDEFINITE, cosine = X87_INDEFINITE;

    if (two_results_fit(x87, &env) &&
        !fp_ops_default()->f80_sincos(&env, *x87_st(x87, 0), &sine, &cosine)) {
        out_of_range(core, insn, &env);
        return;
    }
    two_results(core, insn, &env, sine, cosine);
    c2_set(x87, false);
}

EXEC_OP(fptan)
{
    struct fp_env env = x87_begin(core);
    struct x87_state *x87 = &core->state.x87;
    struct x87_value tangent = X87_INDEFINITE, above = X87_INDEFINITE;

    if (two_results_fit(x87, &env)) {
        if (!fp_ops_default()->f80_tan(&env, *x87_st(x87, 0), &tangent)) {
            out_of_range(core, insn, &env);
            return;
        }
        above = (tangent.sign_exponent & 0x7fff) == 0x7fff ? tangent : X87_ONE;
    }
    two_results(core, insn, &env, tangent, above);
    c2_set(x87, false);
}

static void sine_or_cosine(struct core *core, const struct insn *insn, bool cosine)
{
    struct fp_env env = x87_begin(core);
    struct x87_state *x87 = &core->state.x87;
    struct x87_value r = X87_INDEFINITE;

    if (x87_empty(x87, 0)) {
        x87_underflow(&env);
    } else if (!fp_ops_default()->f80_sincos(&env, *x87_st(x87, 0), cosine ? NULL : &r,
                                             cosine ? &r : NULL)) {
        out_of_range(core, insn, &env);
        return;
    }
    if (x87_conclude(core, insn, &env)) {
        x87_write(x87, 0, r);
    }
    c2_set(x87, false);
}

EXEC_OP(fsin)
{
    sine_or_cosine(core, insn, false);
}

EXEC_OP(fcos)
{
    sine_or_cosine(core, insn, true);
}

// clang-format off
#define CHOICES(X) \
    X(FSQRT, fsqrt) X(FRNDINT, frndint) X(F2XM1, f2xm1) X(FYL2X, fyl2x) X(FYL2XP1, fyl2xp1) X(FPATAN, fpatan) \
    X(FSCALE, fscale) X(FPREM, fprem) X(FPREM1, fprem1) X(FXTRACT, fxtract) X(FSINCOS, fsincos) X(FPTAN, fptan) \
    X(FSIN, fsin) X(FCOS, fcos)
// clang-format on

exec_fn *x87_choose_function(const struct insn *insn)
{
    switch (insn->op) {
#define X(op, name)                                                                                \
    case OP_##op:                                                                                  \
        return exec_##name;
        CHOICES(X)
#undef X
    default:
        return NULL;
    }
}
