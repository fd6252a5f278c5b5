/* fp_ops: soft against the host's instructions, and fp_ops_host against soft; random and edge
 * operands. [SDM 1 4.8, 11.5]
 *
 * N=n cases per row and SEED=n from the environment. A difference is shrunk and printed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cpu/exec/fp_ops.h"
#include "tests/check/check_main.h"
#include "tests/check/cpu/exec/fp_random.h"
#include "tests/check/cpu/exec/fpe_catch.h"

#ifdef __x86_64__

struct input {
    struct x87_value a, b;
    struct fp_env env;
};

struct output {
    struct x87_value r, r2;
    uint8_t flags;
    bool c1;
};

struct row {
    const char *name;
    enum fp_shape a, b;
    bool x87;
    void (*table)(const struct fp_ops *ops, const struct input *in, struct fp_env *env,
                  struct output *out);
    void (*native)(const struct input *in, struct output *out); /* everything masked */
};

static uint32_t mxcsr_of(const struct fp_env *env)
{
    return (uint32_t)env->masks << 7 | (uint32_t)env->rounding << 13 | (env->daz ? 0x40u : 0) |
           (env->ftz ? 0x8000u : 0);
}

static uint16_t control_of(const struct fp_env *env)
{
    unsigned pc = env->precision == 24 ? 0 : env->precision == 53 ? 2 : 3;

    return (uint16_t)(0x7fu | pc << 8 | (unsigned)env->rounding << 10);
}

static const uint32_t mxcsr_default = 0x1f80;

/* ---- natives ---- */

#define SSE_CALL(instruction, outs, ins)                                                           \
    uint32_t csr = mxcsr_of(&in->env), flags;                                                      \
    __asm__ volatile("ldmxcsr %[csr]\n\t" instruction "\n\tstmxcsr %[flags]\n\tldmxcsr %[def]"     \
                     : outs, [flags] "=&m"(flags)                                                  \
                     : ins, [csr] "m"(csr), [def] "m"(mxcsr_default)                               \
                     : "xmm0", "xmm1", "rax", "cc");                                               \
    out->flags = flags & 0x3f

#define NATIVE_SSE(name, move_in, instruction, move_out)                                           \
    static void native_##name(const struct input *in, struct output *out)                          \
    {                                                                                              \
        uint64_t r = 0;                                                                            \
        SSE_CALL(move_in " %[a], %%xmm0\n\t" move_in " %[b], %%xmm1\n\t" instruction               \
                         "\n\t" move_out,                                                          \
                 [r] "+m"(r), [a] "m"(in->a.significand)COMMA[b] "m"(in->b.significand));          \
        out->r.significand = r;                                                                    \
    }
#define COMMA ,
#define NATIVE_SSE2(name)                                                                          \
    NATIVE_SSE(f32_##name, "movss", #name "ss %%xmm1, %%xmm0", "movss %%xmm0, %[r]")               \
    NATIVE_SSE(f64_##name, "movsd", #name "sd %%xmm1, %%xmm0", "movsd %%xmm0, %[r]")
#define NATIVE_SSE1(name)                                                                          \
    NATIVE_SSE(f32_##name, "movss", #name "ss %%xmm0, %%xmm0", "movss %%xmm0, %[r]")               \
    NATIVE_SSE(f64_##name, "movsd", #name "sd %%xmm0, %%xmm0", "movsd %%xmm0, %[r]")
NATIVE_SSE2(add)
NATIVE_SSE2(sub)
NATIVE_SSE2(mul)
NATIVE_SSE2(div)
NATIVE_SSE2(min)
NATIVE_SSE2(max)
NATIVE_SSE1(sqrt)
NATIVE_SSE(f32_round, "movss", "roundss $4, %%xmm0, %%xmm0", "movss %%xmm0, %[r]")
NATIVE_SSE(f64_round, "movsd", "roundsd $4, %%xmm0, %%xmm0", "movsd %%xmm0, %[r]")
NATIVE_SSE(f32_round_exact, "movss", "roundss $12, %%xmm0, %%xmm0", "movss %%xmm0, %[r]")
NATIVE_SSE(f64_round_exact, "movsd", "roundsd $12, %%xmm0, %%xmm0", "movsd %%xmm0, %[r]")
NATIVE_SSE(f32_to_f64, "movss", "cvtss2sd %%xmm0, %%xmm0", "movsd %%xmm0, %[r]")
NATIVE_SSE(f64_to_f32, "movsd", "cvtsd2ss %%xmm0, %%xmm0", "movss %%xmm0, %[r]")
NATIVE_SSE(f32_to_i32, "movss", "cvtss2sil %%xmm0, %%eax", "movl %%eax, %[r]")
NATIVE_SSE(f32_to_i64, "movss", "cvtss2siq %%xmm0, %%rax", "movq %%rax, %[r]")
NATIVE_SSE(f64_to_i32, "movsd", "cvtsd2sil %%xmm0, %%eax", "movl %%eax, %[r]")
NATIVE_SSE(f64_to_i64, "movsd", "cvtsd2siq %%xmm0, %%rax", "movq %%rax, %[r]")
NATIVE_SSE(f32_trunc_i32, "movss", "cvttss2sil %%xmm0, %%eax", "movl %%eax, %[r]")
NATIVE_SSE(f32_trunc_i64, "movss", "cvttss2siq %%xmm0, %%rax", "movq %%rax, %[r]")
NATIVE_SSE(f64_trunc_i32, "movsd", "cvttsd2sil %%xmm0, %%eax", "movl %%eax, %[r]")
NATIVE_SSE(f64_trunc_i64, "movsd", "cvttsd2siq %%xmm0, %%rax", "movq %%rax, %[r]")
NATIVE_SSE(f32_from_i32, "movsd", "cvtsi2ssl %[a], %%xmm0", "movss %%xmm0, %[r]")
NATIVE_SSE(f32_from_i64, "movsd", "cvtsi2ssq %[a], %%xmm0", "movss %%xmm0, %[r]")
NATIVE_SSE(f64_from_i32, "movsd", "cvtsi2sdl %[a], %%xmm0", "movsd %%xmm0, %[r]")
NATIVE_SSE(f64_from_i64, "movsd", "cvtsi2sdq %[a], %%xmm0", "movsd %%xmm0, %[r]")

#define NATIVE_COMPARE(name, move_in, instruction)                                                 \
    static void native_##name(const struct input *in, struct output *out)                          \
    {                                                                                              \
        uint64_t r = 0;                                                                            \
        SSE_CALL(move_in " %[a], %%xmm0\n\t" move_in " %[b], %%xmm1\n\t" instruction               \
                         " %%xmm1, %%xmm0\n\tpushfq\n\tpopq %%rax\n\tmovq %%rax, %[r]",            \
                 [r] "+r"(r), [a] "m"(in->a.significand)COMMA[b] "m"(in->b.significand));          \
        out->r.significand = r & 4    ? FP_UNORDERED                                               \
                             : r & 64 ? FP_EQUAL                                                   \
                             : r & 1  ? FP_LESS                                                    \
                                      : FP_GREATER;                                                 \
    }
NATIVE_COMPARE(f32_ucompare, "movss", "ucomiss")
NATIVE_COMPARE(f64_ucompare, "movsd", "ucomisd")
NATIVE_COMPARE(f32_compare, "movss", "comiss")
NATIVE_COMPARE(f64_compare, "movsd", "comisd")

#define X87_CALL(instructions, outs, ins)                                                          \
    uint16_t control = control_of(&in->env), status;                                               \
    __asm__ volatile("fninit\n\tfldcw %[cw]\n\t" instructions "\n\tfninit"                         \
                     : [sw] "=&a"(status), outs                                                    \
                     : ins, [cw] "m"(control)                                                      \
                     : "st", "st(1)", "st(2)", "memory");                                          \
    out->flags = status & 0x3f;                                                                    \
    out->c1 = (status & 0x200) != 0

/* a is in ST(0), b in ST(1). */
#define NATIVE_X87(name, instructions, store)                                                      \
    static void native_##name(const struct input *in, struct output *out)                          \
    {                                                                                              \
        struct x87_value r = { 0, 0 };                                                             \
        X87_CALL("fldt %[b]\n\tfldt %[a]\n\tfnclex\n\t" instructions, [r] "+m"(r),                 \
                 [a] "m"(in->a)COMMA[b] "m"(in->b));                                               \
        out->r = r;                                                                                \
        (void)store;                                                                               \
    }
#define STORE_RESULT "\n\tfnstsw %%ax\n\tfstpt %[r]"
NATIVE_X87(f80_add, "fadd %%st(1), %%st" STORE_RESULT, 0)
NATIVE_X87(f80_sub, "fsub %%st(1), %%st" STORE_RESULT, 0)
NATIVE_X87(f80_mul, "fmul %%st(1), %%st" STORE_RESULT, 0)
NATIVE_X87(f80_div, "fdiv %%st(1), %%st" STORE_RESULT, 0)
NATIVE_X87(f80_sqrt, "fsqrt" STORE_RESULT, 0)
NATIVE_X87(f80_round, "frndint" STORE_RESULT, 0)
NATIVE_X87(f80_scale, "fscale" STORE_RESULT, 0)
NATIVE_X87(f80_to_i16, "fistps %[r]\n\tfnstsw %%ax", 0)
NATIVE_X87(f80_to_i32, "fistpl %[r]\n\tfnstsw %%ax", 0)
NATIVE_X87(f80_to_i64, "fistpll %[r]\n\tfnstsw %%ax", 0)
NATIVE_X87(f80_to_f32, "fstps %[r]\n\tfnstsw %%ax", 0)
NATIVE_X87(f80_to_f64, "fstpl %[r]\n\tfnstsw %%ax", 0)
NATIVE_X87(f80_to_bcd, "fbstp %[r]\n\tfnstsw %%ax", 0)
NATIVE_X87(f80_from_f32, "flds %[a]" STORE_RESULT, 0)
NATIVE_X87(f80_from_f64, "fldl %[a]" STORE_RESULT, 0)
NATIVE_X87(f80_from_i32, "fildl %[a]" STORE_RESULT, 0)
NATIVE_X87(f80_from_i64, "fildll %[a]" STORE_RESULT, 0)

static uint64_t relation_of(unsigned status)
{
    return status & 0x400    ? FP_UNORDERED
           : status & 0x4000 ? FP_EQUAL
           : status & 0x100  ? FP_LESS
                             : FP_GREATER;
}

#define NATIVE_COMPARE80(name, instruction)                                                        \
    static void native_##name(const struct input *in, struct output *out)                          \
    {                                                                                              \
        struct x87_value r = { 0, 0 };                                                             \
        X87_CALL("fldt %[b]\n\tfldt %[a]\n\tfnclex\n\t" instruction "\n\tfnstsw %%ax",             \
                 [r] "+m"(r), [a] "m"(in->a)COMMA[b] "m"(in->b));                                  \
        out->r.significand = relation_of(status);                                                  \
        out->c1 = false;                                                                           \
    }
NATIVE_COMPARE80(f80_compare, "fcom %%st(1)")
NATIVE_COMPARE80(f80_ucompare, "fucom %%st(1)")

#define NATIVE_REM(name, instruction)                                                              \
    static void native_##name(const struct input *in, struct output *out)                          \
    {                                                                                              \
        struct x87_value r = { 0, 0 };                                                             \
        X87_CALL("fldt %[b]\n\tfldt %[a]\n\tfnclex\n\t" instruction STORE_RESULT, [r] "+m"(r),     \
                 [a] "m"(in->a)COMMA[b] "m"(in->b));                                               \
        out->r = r;                                                                                \
        out->r2.significand =                                                                      \
            (status >> 9 & 1) | (status >> 13 & 2) | (status >> 6 & 4) | (status >> 7 & 8);        \
        if (out->flags & 1) {                                                                      \
            out->r2.significand = 0;                                                               \
        }                                                                                          \
        out->c1 = false;                                                                           \
    }
NATIVE_REM(f80_rem, "fprem")
NATIVE_REM(f80_rem1, "fprem1")

static void native_f80_extract(const struct input *in, struct output *out)
{
    struct x87_value r = { 0, 0 }, r2 = { 0, 0 };
    X87_CALL("fldt %[a]\n\tfnclex\n\tfxtract\n\tfnstsw %%ax\n\tfstpt %[r]\n\tfstpt %[r2]",
             [r] "+m"(r)COMMA[r2] "+m"(r2), [a] "m"(in->a));
    out->r = r;
    out->r2 = r2;
}

/* ---- the table's side ---- */

#define ARG_f32(v) (uint32_t)(v).significand
#define ARG_f64(v) (v).significand
#define ARG_f80(v) (v)
#define SET_f32(x) out->r.significand = (x)
#define SET_f64(x) out->r.significand = (x)
#define SET_f80(x) out->r = (x)
#define SET_i32(x) out->r.significand = (uint32_t)(x)
#define SET_i64(x) out->r.significand = (uint64_t)(x)
#define TABLE(name, statement)                                                                     \
    static void table_##name(const struct fp_ops *ops, const struct input *in, struct fp_env *env, \
                             struct output *out)                                                   \
    {                                                                                              \
        statement;                                                                                 \
    }
#define TABLE_2(f, name)                                                                           \
    TABLE(f##_##name, SET_##f(ops->f##_##name(env, ARG_##f(in->a), ARG_##f(in->b))))
#define TABLE_FORMAT(f)                                                                            \
    TABLE_2(f, add)                                                                                \
    TABLE_2(f, sub)                                                                                \
    TABLE_2(f, mul)                                                                                \
    TABLE_2(f, div)                                                                                \
    TABLE(f##_sqrt, SET_##f(ops->f##_sqrt(env, ARG_##f(in->a))))                                   \
    TABLE(f##_compare, SET_i64(ops->f##_compare(env, ARG_##f(in->a), ARG_##f(in->b), true)))       \
    TABLE(f##_ucompare, SET_i64(ops->f##_compare(env, ARG_##f(in->a), ARG_##f(in->b), false)))     \
    TABLE(f##_round, SET_##f(ops->f##_round(env, ARG_##f(in->a), env->rounding, false)))           \
    TABLE(f##_to_i32, SET_i32(ops->f##_to_i32(env, ARG_##f(in->a), env->rounding)))                \
    TABLE(f##_to_i64, SET_i64(ops->f##_to_i64(env, ARG_##f(in->a), env->rounding)))                \
    TABLE(f##_from_i32, SET_##f(ops->f##_from_i32(env, (int32_t)in->a.significand)))               \
    TABLE(f##_from_i64, SET_##f(ops->f##_from_i64(env, (int64_t)in->a.significand)))
#define TABLE_SSE(f)                                                                               \
    TABLE_FORMAT(f)                                                                                \
    TABLE_2(f, min)                                                                                \
    TABLE_2(f, max)                                                                                \
    TABLE(f##_round_exact, SET_##f(ops->f##_round(env, ARG_##f(in->a), env->rounding, true)))      \
    TABLE(f##_trunc_i32, SET_i32(ops->f##_to_i32(env, ARG_##f(in->a), FP_TRUNCATE)))               \
    TABLE(f##_trunc_i64, SET_i64(ops->f##_to_i64(env, ARG_##f(in->a), FP_TRUNCATE)))
TABLE_SSE(f32)
TABLE_SSE(f64)
TABLE_FORMAT(f80)
TABLE(f32_to_f64, SET_f64(ops->f32_to_f64(env, ARG_f32(in->a))))
TABLE(f64_to_f32, SET_f32(ops->f64_to_f32(env, ARG_f64(in->a))))
TABLE(f80_scale, SET_f80(ops->f80_scale(env, in->a, in->b)))
TABLE(f80_to_i16, out->r.significand = (uint16_t)ops->f80_to_i16(env, in->a, env->rounding))
TABLE(f80_to_f32, SET_f32(ops->f80_to_f32(env, in->a)))
TABLE(f80_to_f64, SET_f64(ops->f80_to_f64(env, in->a)))
TABLE(f80_from_f32, SET_f80(ops->f80_from_f32(env, ARG_f32(in->a))))
TABLE(f80_from_f64, SET_f80(ops->f80_from_f64(env, ARG_f64(in->a))))
TABLE(f80_extract, out->r = ops->f80_extract(env, in->a, &out->r2))

static void table_f80_to_bcd(const struct fp_ops *ops, const struct input *in, struct fp_env *env,
                             struct output *out)
{
    uint8_t bcd[10];

    ops->f80_to_bcd(env, in->a, bcd);
    memcpy(&out->r.significand, bcd, 8);
    memcpy(&out->r.sign_exponent, bcd + 8, 2);
}

static void table_rem(const struct fp_ops *ops, const struct input *in, struct fp_env *env,
                      struct output *out, bool nearest)
{
    uint64_t quotient;
    bool partial;

    out->r = ops->f80_rem(env, in->a, in->b, nearest, &quotient, &partial);
    out->r2.significand = (quotient & 7) | (partial ? 8u : 0);
    env->c1 = false;
}
TABLE(f80_rem, table_rem(ops, in, env, out, false))
TABLE(f80_rem1, table_rem(ops, in, env, out, true))

#define ROW(name, a, b, x87)                                                                       \
    {                                                                                              \
#name, a, b, x87, table_##name, native_##name                                              \
    }
#define ROWS_FORMAT(f, F, x87)                                                                     \
    ROW(f##_add, F, F, x87), ROW(f##_sub, F, F, x87), ROW(f##_mul, F, F, x87),                     \
        ROW(f##_div, F, F, x87), ROW(f##_sqrt, F, F, x87), ROW(f##_compare, F, F, x87),            \
        ROW(f##_ucompare, F, F, x87), ROW(f##_round, F, F, x87), ROW(f##_to_i32, F, F, x87),       \
        ROW(f##_to_i64, F, F, x87), ROW(f##_from_i32, FP_SHAPE_I32, F, x87),                       \
        ROW(f##_from_i64, FP_SHAPE_I64, F, x87)
#define ROWS_SSE(f, F)                                                                             \
    ROWS_FORMAT(f, F, false), ROW(f##_min, F, F, false), ROW(f##_max, F, F, false),                \
        ROW(f##_round_exact, F, F, false), ROW(f##_trunc_i32, F, F, false),                        \
        ROW(f##_trunc_i64, F, F, false)

static const struct row rows[] = {
    ROWS_SSE(f32, FP_SHAPE_F32),
    ROWS_SSE(f64, FP_SHAPE_F64),
    ROWS_FORMAT(f80, FP_SHAPE_F80, true),
    ROW(f32_to_f64, FP_SHAPE_F32, FP_SHAPE_F32, false),
    ROW(f64_to_f32, FP_SHAPE_F64, FP_SHAPE_F64, false),
    ROW(f80_scale, FP_SHAPE_F80, FP_SHAPE_F80, true),
    ROW(f80_to_i16, FP_SHAPE_F80, FP_SHAPE_F80, true),
    ROW(f80_to_f32, FP_SHAPE_F80, FP_SHAPE_F80, true),
    ROW(f80_to_f64, FP_SHAPE_F80, FP_SHAPE_F80, true),
    ROW(f80_from_f32, FP_SHAPE_F32, FP_SHAPE_F80, true),
    ROW(f80_from_f64, FP_SHAPE_F64, FP_SHAPE_F80, true),
    ROW(f80_to_bcd, FP_SHAPE_F80, FP_SHAPE_F80, true),
    ROW(f80_rem, FP_SHAPE_F80, FP_SHAPE_F80, true),
    ROW(f80_rem1, FP_SHAPE_F80, FP_SHAPE_F80, true),
    ROW(f80_extract, FP_SHAPE_F80, FP_SHAPE_F80, true),
};

/* ---- operands ---- */

static struct input random_input(uint64_t *s, const struct row *row)
{
    static const uint8_t precisions[4] = { 64, 64, 53, 24 };
    struct input in = { .a = fp_random_value(s, row->a), .b = fp_random_value(s, row->b) };
    uint64_t r = fp_random(s);

    if (row->a == row->b && r % 4 == 0) { /* close to each other */
        in.b = in.a;
        in.b.significand += r >> 32 & 7;
        in.b.significand -= 3;
    }
    in.env.masks = FP_FLAGS;
    in.env.rounding = r >> 8 & 3;
    in.env.precision = row->x87 ? precisions[r >> 10 & 3] : 64;
    in.env.daz = !row->x87 && (r >> 12 & 3) == 0;
    in.env.ftz = !row->x87 && (r >> 14 & 3) == 0;
    return in;
}

/* ---- comparing ---- */

typedef bool differs_fn(const struct row *row, const struct input *in, struct output *x,
                        struct output *y);

static bool output_differs(const struct row *row, const struct output *x, const struct output *y)
{
    return x->r.significand != y->r.significand || x->r.sign_exponent != y->r.sign_exponent ||
           x->r2.significand != y->r2.significand || x->r2.sign_exponent != y->r2.sign_exponent ||
           x->flags != y->flags || (row->x87 && x->c1 != y->c1);
}

static void run_table(const struct fp_ops *ops, const struct row *row, const struct input *in,
                      struct output *out)
{
    struct fp_env env = in->env;

    memset(out, 0, sizeof(*out));
    row->table(ops, in, &env, out);
    out->flags = env.flags;
    out->c1 = env.c1;
}

static bool soft_differs_from_native(const struct row *row, const struct input *in,
                                     struct output *x, struct output *y)
{
    run_table(&fp_ops_soft, row, in, x);
    memset(y, 0, sizeof(*y));
    row->native(in, y);
    return output_differs(row, x, y);
}

static bool host_differs_from_soft(const struct row *row, const struct input *in, struct output *x,
                                   struct output *y)
{
    run_table(&fp_ops_host, row, in, x);
    run_table(&fp_ops_soft, row, in, y);
    if (x->flags == y->flags && (x->flags & 7 & ~in->env.masks)) {
        return false; /* stopped before the computation: no result is written */
    }
    if (in->env.quick) { /* PE is sticky already: not reported */
        x->flags &= (uint8_t)~FP_PE;
        y->flags &= (uint8_t)~FP_PE;
    }
    return output_differs(row, x, y);
}

static void shrink(differs_fn *differs, const struct row *row, struct input *in)
{
    struct output x, y;

    for (unsigned bit = 0; bit < 160; bit++) {
        struct input smaller = *in;
        struct x87_value *v = bit < 80 ? &smaller.a : &smaller.b;
        unsigned n = bit % 80;

        if (n < 64) {
            v->significand &= ~(UINT64_C(1) << n);
        } else {
            v->sign_exponent &= (uint16_t) ~(1u << (n - 64));
        }
        if (differs(row, &smaller, &x, &y)) {
            *in = smaller;
        }
    }
}

static void print_output(const char *name, const struct output *o)
{
    fprintf(stderr, "  %s: %04x:%016" PRIx64 " %04x:%016" PRIx64 " flags %02x c1 %d\n", name,
            o->r.sign_exponent, o->r.significand, o->r2.sign_exponent, o->r2.significand, o->flags,
            o->c1);
}

static void compare_row(differs_fn *differs, const struct row *row, struct input in)
{
    struct output x, y;

    if (!differs(row, &in, &x, &y)) {
        return;
    }
    shrink(differs, row, &in);
    (void)differs(row, &in, &x, &y);
    fprintf(stderr,
            "%s a %04x:%016" PRIx64 " b %04x:%016" PRIx64
            " rounding %u precision %u masks %02x daz %d ftz %d quick %d\n",
            row->name, in.a.sign_exponent, in.a.significand, in.b.sign_exponent, in.b.significand,
            in.env.rounding, in.env.precision, in.env.masks, in.env.daz, in.env.ftz, in.env.quick);
    print_output("is    ", &x);
    print_output("wanted", &y);
    ck_abort_msg("%s differs", row->name);
}

START_TEST(soft_gives_what_the_host_instruction_gives)
{
    const struct row *row = &rows[_i];
    uint64_t seed = fp_env_number("SEED", 1) * 1000 + (uint64_t)_i;

    for (unsigned long n = fp_env_number("N", 10000); n > 0; n--) {
        compare_row(soft_differs_from_native, row, random_input(&seed, row));
    }
}
END_TEST

static bool soft_differs_from_unmasked_native(const struct row *row, const struct input *in,
                                              struct output *x, struct output *y)
{
    uint32_t raised;

    (void)fpe_take();
    run_table(&fp_ops_soft, row, in, x);
    memset(y, 0, sizeof(*y));
    row->native(in, y);
    raised = fpe_take();
    if (raised != 0) {
        y->flags = raised & FP_FLAGS;
        return x->flags != y->flags;
    }
    return output_differs(row, x, y);
}

START_TEST(soft_reports_the_flags_of_unmasked_sse_exceptions)
{
    const struct row *row = &rows[_i];
    uint64_t seed = fp_env_number("SEED", 3) * 1000 + (uint64_t)_i;

    if (row->x87) {
        return;
    }
    ck_assert_int_eq(fpe_catch(), 0);
    for (unsigned long n = fp_env_number("N", 10000) / 4; n > 0; n--) {
        struct input in = random_input(&seed, row);

        in.env.masks = fp_random(&seed) & FP_FLAGS;
        compare_row(soft_differs_from_unmasked_native, row, in);
    }
}
END_TEST

START_TEST(host_gives_what_soft_gives_with_any_masks)
{
    const struct row *row = &rows[_i];
    uint64_t seed = fp_env_number("SEED", 2) * 1000 + (uint64_t)_i;

    for (unsigned long n = fp_env_number("N", 10000); n > 0; n--) {
        struct input in = random_input(&seed, row);

        if (n % 2 == 0) {
            in.env.precision = 64;
            in.env.rounding = FP_NEAREST;
            in.env.quick = true;
        } else if (n % 4 == 1) {
            in.env.masks = fp_random(&seed) & FP_FLAGS;
        }
        compare_row(host_differs_from_soft, row, in);
    }
}
END_TEST

static Suite *suite_fp_ops(void)
{
    Suite *suite = suite_create("cpu/exec/fp_ops");
    TCase *soft = tcase_create("soft"), *host = tcase_create("host");

    tcase_set_timeout(soft, 600);
    tcase_set_timeout(host, 600);
    tcase_add_loop_test(soft, soft_gives_what_the_host_instruction_gives, 0,
                        (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_loop_test(soft, soft_reports_the_flags_of_unmasked_sse_exceptions, 0,
                        (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_loop_test(host, host_gives_what_soft_gives_with_any_masks, 0,
                        (int)(sizeof(rows) / sizeof(rows[0])));
    suite_add_tcase(suite, soft);
    suite_add_tcase(suite, host);
    return suite;
}

CHECK_MAIN(suite_fp_ops())

#else

CHECK_MAIN_SKIP("only an x86-64 host knows the answers")

#endif
