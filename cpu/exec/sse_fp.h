/* An SSE floating-point instruction's frame: environment from MXCSR, results, exceptions. [SDM
 * 1 11.5]
 *
 * Most programs run with every exception masked, rounding to nearest and PE long set (env.quick).
 * Then an operation whose operands and result are normal numbers, the smallest binade excepted,
 * changes nothing but its destination, and C's own arithmetic gives its bits. */
#ifndef CPU_EXEC_SSE_FP_H
#define CPU_EXEC_SSE_FP_H

#include <float.h>

#include "cpu/exec/fp_bits.h"
#include "cpu/exec/fp_ops.h"
#include "cpu/exec/vex.h"

/* Collects env.flags into MXCSR and raises: #XM, or #UD without CR4.OSXMMEXCPT. Returns when all
 * are masked. */
COLD void sse_fp_flags(struct core *core, const struct fp_env *env);

static ALWAYS_INLINE struct fp_env sse_fp_begin(struct core *core)
{
    sse_check(core);
    return fp_env_from_mxcsr(core->state.mxcsr);
}

static ALWAYS_INLINE struct fp_env vex_fp_begin(struct core *core)
{
    avx_check(core);
    return fp_env_from_mxcsr(core->state.mxcsr);
}

/* After all elements are computed, before the destination is written. */
static ALWAYS_INLINE void sse_fp_end(struct core *core, const struct fp_env *env)
{
    if (UNLIKELY(env->flags & ~(core->state.mxcsr & env->masks))) { /* new, or not masked */
        sse_fp_flags(core, env);
    }
}

/* Neither a NaN nor a denormal: comparisons meet no exception. */
static ALWAYS_INLINE bool f32_is_comparable(uint32_t a)
{
    uint32_t magnitude = a << 1;

    return magnitude - 0x01000000u <= 0xff000000u - 0x01000000u || magnitude == 0;
}

static ALWAYS_INLINE bool f64_is_comparable(uint64_t a)
{
    uint64_t magnitude = a << 1, least = UINT64_C(1) << 53, infinity = UINT64_C(0x7ff) << 53;

    return magnitude - least <= infinity - least || magnitude == 0;
}

/* May C's arithmetic stand for the CPU's? Not where the host computes with excess precision. */
static ALWAYS_INLINE bool sse_fp_quick(const struct fp_env *env)
{
    return FLT_EVAL_METHOD == 0 && LIKELY(env->quick);
}

/* The same, from MXCSR. */
static ALWAYS_INLINE bool sse_fp_quick_mxcsr(uint32_t mxcsr)
{
    return FLT_EVAL_METHOD == 0 && LIKELY((mxcsr & 0x7fa0) == 0x1fa0);
}

#endif
