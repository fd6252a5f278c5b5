/* x87 arithmetic and comparison. [SDM 1 8.3.5, 8.3.6; 2 FADD, FSUB, FMUL, FDIV, FCOM, FUCOM, FCOMI,
 * FICOM, FTST, FXAM] */
#include "cpu/exec/flags.h"
#include "cpu/exec/x87_op.h"

typedef struct x87_value compute_fn(struct fp_env *env, struct x87_value d, struct x87_value s);

/* ST(n0) = ST(n0) op ST(n1), perhaps with a pop. */
static void arith_register(struct core *core, const struct insn *insn, compute_fn *compute,
                           bool pop)
{
    struct fp_env env = x87_begin(core);
    struct x87_state *x87 = &core->state.x87;
    unsigned d = insn->n[0], s = insn->n[1];
    struct x87_value r = X87_INDEFINITE;

    if (UNLIKELY(x87_empty(x87, d) || x87_empty(x87, s))) {
        x87_underflow(&env);
    } else {
        r = compute(&env, *x87_st(x87, d), *x87_st(x87, s));
    }
    if (x87_conclude(core, insn, &env)) {
        x87_write(x87, d, r);
        if (pop) {
            x87_pop(x87);
        }
    }
}

static bool is_nan_or_unsupported(struct x87_value a)
{
    return (a.sign_exponent & 0x7fff) == 0x7fff
               ? a.significand != UINT64_C(1) << 63
               : (a.sign_exponent & 0x7fff) != 0 && a.significand >> 63 == 0;
}

/* The memory operand was denormal: DE, unless something before it in precedence was found. */
static void add_denormal(struct fp_env *env, struct x87_value other)
{
    if (is_nan_or_unsupported(other) || (env->flags & (FP_IE | FP_ZE))) {
        return;
    }
    if (!(env->masks & FP_DE)) {
        env->flags = 0;
        env->c1 = false;
    }
    env->flags |= FP_DE;
}

/* ST(0) = ST(0) op memory. */
static void arith_memory(struct core *core, const struct insn *insn, compute_fn *compute,
                         bool integer)
{
    struct fp_env env = x87_begin(core);
    struct x87_state *x87 = &core->state.x87;
    bool denormal = false;
    struct x87_value r = X87_INDEFINITE;
    struct x87_value s =
        integer ? x87_load_integer(core, insn) : x87_load_float(core, insn, &denormal);

    if (UNLIKELY(x87_empty(x87, 0))) {
        x87_underflow(&env);
    } else {
        r = compute(&env, *x87_st(x87, 0), s);
        if (UNLIKELY(denormal)) {
            add_denormal(&env, *x87_st(x87, 0));
        }
    }
    if (x87_conclude(core, insn, &env)) {
        x87_write(x87, 0, r);
    }
}

/* name, the table's function, operands swapped */
#define ARITH(name, function, first, second)                                                       \
    static struct x87_value compute_##name(struct fp_env *env, struct x87_value d,                 \
                                           struct x87_value s)                                     \
    {                                                                                              \
        return fp_ops_default()->function(env, first, second);                                     \
    }                                                                                              \
    EXEC_OP(f##name##_register)                                                                    \
    {                                                                                              \
        arith_register(core, insn, compute_##name, false);                                         \
    }                                                                                              \
    EXEC_OP(f##name##p)                                                                            \
    {                                                                                              \
        arith_register(core, insn, compute_##name, true);                                          \
    }                                                                                              \
    EXEC_OP(f##name##_float)                                                                       \
    {                                                                                              \
        arith_memory(core, insn, compute_##name, false);                                           \
    }                                                                                              \
    EXEC_OP(fi##name)                                                                              \
    {                                                                                              \
        arith_memory(core, insn, compute_##name, true);                                            \
    }

ARITH(add, f80_add, d, s)
ARITH(mul, f80_mul, d, s)
ARITH(sub, f80_sub, d, s)
ARITH(subr, f80_sub, s, d)
ARITH(div, f80_div, d, s)
ARITH(divr, f80_div, s, d)

/* ---- comparison ---- */

enum { COMPARE_FLAGS = 1, COMPARE_QUIET = 2, COMPARE_INTEGER = 4 };

static const uint16_t relation_conditions[] = {
    [FP_LESS] = FSW_C0,
    [FP_EQUAL] = FSW_C3,
    [FP_GREATER] = 0,
    [FP_UNORDERED] = FSW_C0 | FSW_C2 | FSW_C3,
};
static const uint8_t relation_flags[] = {
    [FP_LESS] = FLAG_CF,
    [FP_EQUAL] = FLAG_ZF,
    [FP_GREATER] = 0,
    [FP_UNORDERED] = FLAG_CF | FLAG_PF | FLAG_ZF,
};

/* The result is reported even with an unmasked exception; only the pops do not happen. */
static void compare_end(struct core *core, const struct insn *insn, struct fp_env *env,
                        enum fp_relation relation, unsigned how, unsigned pops)
{
    struct x87_state *x87 = &core->state.x87;
    bool done;

    if (how & COMPARE_FLAGS) {
        done = x87_conclude_keep_c1(core, insn, env);
        flags_set(core, relation_flags[relation]);
    } else {
        done = x87_conclude(core, insn, env);
        x87_conditions_set(x87, relation_conditions[relation]);
    }
    for (; done && pops > 0; pops--) {
        x87_pop(x87);
    }
}

static void compare(struct core *core, const struct insn *insn, unsigned how, unsigned pops)
{
    struct fp_env env = x87_begin(core);
    struct x87_state *x87 = &core->state.x87;
    enum fp_relation relation = FP_UNORDERED;
    bool memory = insn->kind[0] == OPERAND_MEM, denormal = false;
    /* FUCOMPP and FCOMPP have no operand; FCOMI's are ST, ST(i) */
    unsigned i = insn->kind[1] == OPERAND_ST   ? insn->n[1]
                 : insn->kind[0] == OPERAND_ST ? insn->n[0]
                                               : 1;
    struct x87_value s;

    if (memory) {
        s = how & COMPARE_INTEGER ? x87_load_integer(core, insn)
                                  : x87_load_float(core, insn, &denormal);
    } else {
        s = *x87_st(x87, i);
    }
    if (UNLIKELY(x87_empty(x87, 0) || (!memory && x87_empty(x87, i)))) {
        x87_underflow(&env);
    } else {
        relation = fp_ops_default()->f80_compare(&env, *x87_st(x87, 0), s, !(how & COMPARE_QUIET));
        if (UNLIKELY(denormal)) {
            add_denormal(&env, *x87_st(x87, 0));
        }
    }
    compare_end(core, insn, &env, relation, how, pops);
}

#define COMPARE(name, how, pops)                                                                   \
    EXEC_OP(name)                                                                                  \
    {                                                                                              \
        compare(core, insn, how, pops);                                                            \
    }
COMPARE(fcom, 0, 0)
COMPARE(fcomp, 0, 1)
COMPARE(fcompp, 0, 2)
COMPARE(fucom, COMPARE_QUIET, 0)
COMPARE(fucomp, COMPARE_QUIET, 1)
COMPARE(fucompp, COMPARE_QUIET, 2)
COMPARE(ficom, COMPARE_INTEGER, 0)
COMPARE(ficomp, COMPARE_INTEGER, 1)
COMPARE(fcomi, COMPARE_FLAGS, 0)
COMPARE(fcomip, COMPARE_FLAGS, 1)
COMPARE(fucomi, COMPARE_FLAGS | COMPARE_QUIET, 0)
COMPARE(fucomip, COMPARE_FLAGS | COMPARE_QUIET, 1)

EXEC_OP(ftst)
{
    struct fp_env env = x87_begin(core);
    struct x87_state *x87 = &core->state.x87;
    enum fp_relation relation = FP_UNORDERED;

    if (x87_empty(x87, 0)) {
        x87_underflow(&env);
    } else {
        relation =
            fp_ops_default()->f80_compare(&env, *x87_st(x87, 0), (struct x87_value){ 0, 0 }, true);
    }
    compare_end(core, insn, &env, relation, 0, 0);
}

/* C3 C2 C0 of FXAM's classes. */
static unsigned classify(struct x87_value a)
{
    unsigned exp = a.sign_exponent & 0x7fff;

    if (exp == 0) {
        return a.significand == 0 ? FSW_C3 : FSW_C3 | FSW_C2;
    }
    if (a.significand >> 63 == 0) {
        return 0; /* unsupported */
    }
    if (exp != 0x7fff) {
        return FSW_C2;
    }
    return a.significand << 1 == 0 ? FSW_C2 | FSW_C0 : FSW_C0;
}

EXEC_OP(fxam)
{
    struct fp_env env = x87_begin(core);
    struct x87_state *x87 = &core->state.x87;
    struct x87_value a = *x87_st(x87, 0);

    (void)x87_conclude(core, insn, &env);
    x87_conditions_set(x87, (x87_empty(x87, 0) ? FSW_C3 | FSW_C0 : classify(a)) |
                                (a.sign_exponent & 0x8000 ? FSW_C1 : 0));
}

/* X(op, function): D is the memory form. */
#define FORMS(X, OP, name)                                                                         \
    X(F##OP, insn->kind[0] == OPERAND_MEM ? exec_f##name##_float : exec_f##name##_register)        \
    X(F##OP##P, exec_f##name##p)                                                                   \
    X(FI##OP, exec_fi##name)

// clang-format off
#define CHOICES(X) \
    FORMS(X, ADD, add) FORMS(X, MUL, mul) FORMS(X, SUB, sub) FORMS(X, SUBR, subr) FORMS(X, DIV, div) \
    FORMS(X, DIVR, divr) \
    X(FCOM, exec_fcom) X(FCOMP, exec_fcomp) X(FCOMPP, exec_fcompp) X(FICOM, exec_ficom) X(FICOMP, exec_ficomp) \
    X(FUCOM, exec_fucom) X(FUCOMP, exec_fucomp) X(FUCOMPP, exec_fucompp) X(FCOMI, exec_fcomi) \
    X(FCOMIP, exec_fcomip) X(FUCOMI, exec_fucomi) X(FUCOMIP, exec_fucomip) X(FTST, exec_ftst) X(FXAM, exec_fxam)
// clang-format on

exec_fn *x87_choose_arith(const struct insn *insn)
{
    switch (insn->op) {
#define X(op, function)                                                                            \
    case OP_##op:                                                                                  \
        return function;
        CHOICES(X)
#undef X
    default:
        return NULL;
    }
}
