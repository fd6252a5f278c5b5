/* x87 loads, stores, constants, exchange and conditional move. [SDM 1 8.3.3, 8.3.4; 2 FLD .. FXCH]
 */
#include <string.h>

#include "base/bytes.h"
#include "cpu/exec/condition.h"
#include "cpu/exec/x87_op.h"

/* ---- operands in memory ---- */

static struct x87_value from_bytes(const uint8_t bytes[10])
{
    return (struct x87_value){ le64_load(bytes), le16_load(bytes + 8) };
}

struct x87_value x87_load_float(struct core *core, const struct insn *insn, bool *denormal)
{
    unsigned size = insn->size[0];
    gva_t gva = insn_linear(core, insn, size, MMU_READ);
    bool stack = insn_is_stack(insn);
    struct fp_env masked = { .precision = 64, .masks = FP_FLAGS };
    struct x87_value value;
    uint8_t bytes[10];
    bool signalling;

    *denormal = false;
    if (size == 10) {
        core_load(core, gva, bytes, 10, stack);
        return from_bytes(bytes);
    }
    if (size == 4) {
        value = fp_ops_default()->f80_from_f32(&masked, core_load32(core, gva, stack));
    } else {
        value = fp_ops_default()->f80_from_f64(&masked, core_load64(core, gva, stack));
    }
    *denormal = masked.flags & FP_DE;
    signalling = masked.flags & FP_IE;
    if (UNLIKELY(signalling)) {
        value.significand &= ~(UINT64_C(1) << 62);
    }
    return value;
}

static int64_t load_int(struct core *core, const struct insn *insn)
{
    unsigned size = insn->size[0];
    gva_t gva = insn_linear(core, insn, size, MMU_READ);
    bool stack = insn_is_stack(insn);

    return size == 2   ? (int16_t)core_load16(core, gva, stack)
           : size == 4 ? (int32_t)core_load32(core, gva, stack)
                       : (int64_t)core_load64(core, gva, stack);
}

struct x87_value x87_load_integer(struct core *core, const struct insn *insn)
{
    struct fp_env masked = { .precision = 64, .masks = FP_FLAGS };

    return fp_ops_default()->f80_from_i64(&masked, load_int(core, insn));
}

/* ---- loads ---- */

static void push_result(struct core *core, const struct insn *insn, struct fp_env *env,
                        struct x87_value value)
{
    struct x87_state *x87 = &core->state.x87;

    if (UNLIKELY(!x87_empty(x87, 7))) {
        x87_overflow(env);
        value = X87_INDEFINITE;
    }
    /* A denormal operand is loaded even when that exception is unmasked. */
    if (x87_conclude(core, insn, env) || !(env->flags & FP_IE)) {
        x87_push(x87, value);
    }
}

EXEC_OP(fld_memory)
{
    struct fp_env env = x87_begin(core);
    bool denormal;
    struct x87_value value = x87_load_float(core, insn, &denormal);

    if (denormal) {
        env.flags |= FP_DE;
    }
    if (insn->size[0] != 10 && (value.sign_exponent & 0x7fff) == 0x7fff &&
        !(value.significand >> 62 & 1) && value.significand << 1 != 0) {
        env.flags |= FP_IE;
        value.significand |= UINT64_C(1) << 62;
    }
    push_result(core, insn, &env, value);
}

EXEC_OP(fld_register)
{
    struct fp_env env = x87_begin(core);
    struct x87_state *x87 = &core->state.x87;
    struct x87_value value = *x87_st(x87, insn->n[0]);

    if (x87_empty(x87, insn->n[0])) {
        x87_underflow(&env);
        value = X87_INDEFINITE;
        if (x87_conclude(core, insn, &env)) {
            x87_push(x87, value);
        }
        return;
    }
    push_result(core, insn, &env, value);
}

EXEC_OP(fild)
{
    struct fp_env env = x87_begin(core);

    push_result(core, insn, &env, x87_load_integer(core, insn));
}

EXEC_OP(fbld)
{
    struct fp_env env = x87_begin(core);
    uint8_t bytes[10];

    core_load(core, insn_linear(core, insn, 10, MMU_READ), bytes, 10, insn_is_stack(insn));
    push_result(core, insn, &env, fp_ops_default()->f80_from_bcd(bytes));
}

/* The significand rounded down, and whether rounding to nearest goes up. */
struct constant {
    uint64_t significand;
    uint16_t exponent;
    bool nearest_up, exact;
};

static void load_constant(struct core *core, const struct insn *insn, struct constant constant)
{
    struct fp_env env = x87_begin(core);
    bool up = env.rounding == FP_NEAREST ? constant.nearest_up : env.rounding == FP_UP;

    push_result(
        core, insn, &env,
        (struct x87_value){ constant.significand + (up && !constant.exact), constant.exponent });
}

#define CONSTANT(name, significand, exponent, nearest_up, exact)                                   \
    EXEC_OP(name)                                                                                  \
    {                                                                                              \
        load_constant(core, insn,                                                                  \
                      (struct constant){ UINT64_C(significand), exponent, nearest_up, exact });    \
    }
CONSTANT(fld1, 0x8000000000000000, 0x3fff, false, true)
CONSTANT(fldl2t, 0xd49a784bcd1b8afe, 0x4000, false, false)
CONSTANT(fldl2e, 0xb8aa3b295c17f0bb, 0x3fff, true, false)
CONSTANT(fldpi, 0xc90fdaa22168c234, 0x4000, true, false)
CONSTANT(fldlg2, 0x9a209a84fbcff798, 0x3ffd, true, false)
CONSTANT(fldln2, 0xb17217f7d1cf79ab, 0x3ffe, true, false)
CONSTANT(fldz, 0, 0, false, true)

/* ---- stores ---- */

/* A store's exceptions before the computation, and overflow and underflow, when unmasked, leave
 * memory alone. */
static bool store_happens(const struct fp_env *env)
{
    return (env->flags & ~(unsigned)env->masks & FP_FLAGS & ~(unsigned)FP_PE) == 0;
}

/* Memory first (it may fault), then flags, then the pop. bytes: little-endian result. */
static void store_result(struct core *core, const struct insn *insn, struct fp_env *env,
                         const void *bytes, bool pop)
{
    bool happens = store_happens(env);
    unsigned size = insn->size[0];
    gva_t gva = insn_linear(core, insn, size, MMU_WRITE);

    if (!happens) {
        core_probe_write(core, gva, size, insn_is_stack(insn));
        env->flags &= (uint8_t)~FP_PE;
        env->c1 = false;
    } else {
        core_store(core, gva, bytes, size, insn_is_stack(insn));
    }
    (void)x87_conclude(core, insn, env);
    if (happens && pop) {
        x87_pop(&core->state.x87);
    }
}

static void store_float(struct core *core, const struct insn *insn, bool pop)
{
    struct fp_env env = x87_begin(core);
    struct x87_state *x87 = &core->state.x87;
    struct x87_value value = *x87_st(x87, 0);
    uint8_t bytes[10];

    if (UNLIKELY(x87_empty(x87, 0))) {
        x87_underflow(&env);
        value = X87_INDEFINITE;
    }
    /* The indefinite converts without exceptions. */
    if (insn->size[0] == 4) {
        le32_store(bytes, fp_ops_default()->f80_to_f32(&env, value));
    } else if (insn->size[0] == 8) {
        le64_store(bytes, fp_ops_default()->f80_to_f64(&env, value));
    } else {
        le64_store(bytes, value.significand);
        le16_store(bytes + 8, value.sign_exponent);
    }
    store_result(core, insn, &env, bytes, pop);
}

EXEC_OP(fst_memory)
{
    store_float(core, insn, false);
}

EXEC_OP(fstp_memory)
{
    store_float(core, insn, true);
}

static void store_register(struct core *core, const struct insn *insn, bool pop)
{
    struct fp_env env = x87_begin(core);
    struct x87_state *x87 = &core->state.x87;
    struct x87_value value = *x87_st(x87, 0);

    if (UNLIKELY(x87_empty(x87, 0))) {
        x87_underflow(&env);
        value = X87_INDEFINITE;
    }
    if (x87_conclude(core, insn, &env)) {
        x87_write(x87, insn->n[0], value);
        if (pop) {
            x87_pop(x87);
        }
    }
}

EXEC_OP(fst_register)
{
    store_register(core, insn, false);
}

EXEC_OP(fstp_register)
{
    store_register(core, insn, true);
}

static void store_integer(struct core *core, const struct insn *insn, bool truncate, bool pop)
{
    struct fp_env env = x87_begin(core);
    struct x87_state *x87 = &core->state.x87;
    enum fp_rounding rounding = truncate ? FP_TRUNCATE : (enum fp_rounding)env.rounding;
    struct x87_value value = *x87_st(x87, 0);
    bool underflow = x87_empty(x87, 0);
    uint8_t bytes[8];

    if (UNLIKELY(underflow)) {
        value = X87_INDEFINITE;
    }
    if (insn->size[0] == 2) {
        le16_store(bytes, (uint16_t)fp_ops_default()->f80_to_i16(&env, value, rounding));
    } else if (insn->size[0] == 4) {
        le32_store(bytes, (uint32_t)fp_ops_default()->f80_to_i32(&env, value, rounding));
    } else {
        le64_store(bytes, (uint64_t)fp_ops_default()->f80_to_i64(&env, value, rounding));
    }
    if (UNLIKELY(underflow)) {
        x87_underflow(&env);
    }
    store_result(core, insn, &env, bytes, pop);
}

EXEC_OP(fist)
{
    store_integer(core, insn, false, false);
}

EXEC_OP(fistp)
{
    store_integer(core, insn, false, true);
}

EXEC_OP(fisttp)
{
    store_integer(core, insn, true, true);
}

EXEC_OP(fbstp)
{
    struct fp_env env = x87_begin(core);
    struct x87_state *x87 = &core->state.x87;
    bool underflow = x87_empty(x87, 0);
    uint8_t bytes[10];

    fp_ops_default()->f80_to_bcd(&env, underflow ? X87_INDEFINITE : *x87_st(x87, 0), bytes);
    if (UNLIKELY(underflow)) {
        x87_underflow(&env);
    }
    store_result(core, insn, &env, bytes, true);
}

/* ---- registers ---- */

EXEC_OP(fxch)
{
    struct fp_env env = x87_begin(core);
    struct x87_state *x87 = &core->state.x87;
    unsigned i = insn->n[0];
    struct x87_value a = x87_empty(x87, 0) ? X87_INDEFINITE : *x87_st(x87, 0);
    struct x87_value b = x87_empty(x87, i) ? X87_INDEFINITE : *x87_st(x87, i);

    if (UNLIKELY(x87_empty(x87, 0) || x87_empty(x87, i))) {
        x87_underflow(&env);
    }
    if (x87_conclude(core, insn, &env)) {
        x87_write(x87, 0, b);
        x87_write(x87, i, a);
    }
}

EXEC_OP(fcmov)
{
    struct fp_env env = x87_begin(core);
    struct x87_state *x87 = &core->state.x87;
    unsigned i = insn->n[1];

    if (UNLIKELY(x87_empty(x87, 0) || x87_empty(x87, i))) {
        x87_underflow(&env);
        if (x87_conclude(core, insn, &env)) {
            x87_write(x87, 0, X87_INDEFINITE);
        }
        return;
    }
    (void)x87_conclude_keep_c1(core, insn, &env);
    if (condition_met(core, insn->imm2)) {
        x87_write(x87, 0, *x87_st(x87, i));
    }
}

/* ST(0) with its sign cleared or flipped. */
static void sign_change(struct core *core, const struct insn *insn, unsigned keep, unsigned flip)
{
    struct fp_env env = x87_begin(core);
    struct x87_state *x87 = &core->state.x87;
    struct x87_value value = *x87_st(x87, 0);

    value.sign_exponent = (uint16_t)((value.sign_exponent & keep) ^ flip);
    if (UNLIKELY(x87_empty(x87, 0))) {
        x87_underflow(&env);
        value = X87_INDEFINITE;
    }
    if (x87_conclude(core, insn, &env)) {
        x87_write(x87, 0, value);
    }
}

EXEC_OP(fchs)
{
    sign_change(core, insn, 0xffff, 0x8000);
}

EXEC_OP(fabs)
{
    sign_change(core, insn, 0x7fff, 0);
}

static void rotate(struct core *core, const struct insn *insn, unsigned by)
{
    struct fp_env env = x87_begin(core);

    (void)x87_conclude(core, insn, &env);
    x87_top_set(&core->state.x87, x87_top(&core->state.x87) + by);
}

EXEC_OP(fincstp)
{
    rotate(core, insn, 1);
}

EXEC_OP(fdecstp)
{
    rotate(core, insn, 7);
}

static void release(struct core *core, const struct insn *insn, bool pop)
{
    struct fp_env env = x87_begin(core);
    struct x87_state *x87 = &core->state.x87;
    unsigned n = (x87_top(x87) + insn->n[0]) & 7;

    (void)x87_conclude(core, insn, &env);
    x87->valid = (uint8_t)(x87->valid & ~(1u << n));
    if (pop) {
        x87_pop(x87);
    }
}

EXEC_OP(ffree)
{
    release(core, insn, false);
}

EXEC_OP(ffreep)
{
    release(core, insn, true);
}

EXEC_OP(fnop)
{
    struct fp_env env = x87_begin(core);

    env.c1 = core->state.x87.status & FSW_C1;
    (void)x87_conclude(core, insn, &env);
}

// clang-format off
#define CHOICES(X) \
    X(FLD, insn->kind[0] == OPERAND_MEM ? exec_fld_memory : exec_fld_register) \
    X(FST, insn->kind[0] == OPERAND_MEM ? exec_fst_memory : exec_fst_register) \
    X(FSTP, insn->kind[0] == OPERAND_MEM ? exec_fstp_memory : exec_fstp_register) \
    X(FILD, exec_fild) X(FIST, exec_fist) X(FISTP, exec_fistp) X(FISTTP, exec_fisttp) X(FBLD, exec_fbld) \
    X(FBSTP, exec_fbstp) X(FXCH, exec_fxch) X(FCMOVCC, exec_fcmov) X(FCHS, exec_fchs) X(FABS, exec_fabs) \
    X(FLD1, exec_fld1) X(FLDL2T, exec_fldl2t) X(FLDL2E, exec_fldl2e) X(FLDPI, exec_fldpi) X(FLDLG2, exec_fldlg2) \
    X(FLDLN2, exec_fldln2) X(FLDZ, exec_fldz) X(FDECSTP, exec_fdecstp) X(FINCSTP, exec_fincstp) \
    X(FFREE, exec_ffree) X(FFREEP, exec_ffreep) X(FNOP, exec_fnop)
// clang-format on

exec_fn *x87_choose_move(const struct insn *insn)
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
