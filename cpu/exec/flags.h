/* The arithmetic flags in lazy form: two words that are cheap to write and cheap enough to read. [SDM 1 3.4.3.1]
 *
 * flags_result: the result sign-extended to 64 bits. ZF = it is zero, SF = its sign ^ bit 1 of flags_carry,
 * PF = parity of its low byte ^ bit 0 of flags_carry.
 * flags_carry: bit 63 = CF, bit 62 = CF ^ OF, bit 3 = AF, bit 1 = SF correction, bit 0 = PF correction.
 *
 * With the carry-out vector c of an n-bit addition or subtraction (bit i: carry or borrow out of bit i),
 * CF = c[n-1], CF ^ OF = c[n-2], AF = c[3]; for n = 64 the vector itself, masked, is flags_carry.
 */
#ifndef CPU_EXEC_FLAGS_H
#define CPU_EXEC_FLAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "cpu/exec/core.h"

#define FC_CF      BIT64(63)
#define FC_CF_XOR_OF BIT64(62)
#define FC_AF      BIT64(3)
#define FC_SF_FLIP BIT64(1)
#define FC_PF_FLIP BIT64(0)

static ALWAYS_INLINE bool flag_cf(const struct core *core)
{
    return core->state.flags_carry >> 63;
}

static ALWAYS_INLINE bool flag_of(const struct core *core)
{
    return (core->state.flags_carry ^ core->state.flags_carry << 1) >> 63;
}

static ALWAYS_INLINE bool flag_af(const struct core *core)
{
    return core->state.flags_carry >> 3 & 1;
}

static ALWAYS_INLINE bool flag_zf(const struct core *core)
{
    return core->state.flags_result == 0;
}

static ALWAYS_INLINE bool flag_sf(const struct core *core)
{
    return (core->state.flags_result >> 63 ^ core->state.flags_carry >> 1) & 1;
}

static ALWAYS_INLINE bool flag_pf(const struct core *core)
{
    return (__builtin_parityll(core->state.flags_result & 0xff) ^ 1 ^ (int)(core->state.flags_carry & 1)) & 1;
}

/* Set all six from an RFLAGS image (other bits ignored). */
static inline void flags_set(struct core *core, uint64_t rflags)
{
    bool cf = rflags & FLAG_CF, of = (rflags & FLAG_OF) != 0, zf = (rflags & FLAG_ZF) != 0;
    bool sf = (rflags & FLAG_SF) != 0, pf = (rflags & FLAG_PF) != 0;
    /* result 0 has SF 0, PF 1; result 1 has SF 0, PF 0 */
    uint64_t result = zf ? 0 : 1;
    bool result_pf = zf;

    core->state.flags_result = result;
    core->state.flags_carry = (cf ? FC_CF : 0) | (cf != of ? FC_CF_XOR_OF : 0) | (rflags & FLAG_AF ? FC_AF : 0) |
                              (sf ? FC_SF_FLIP : 0) | (pf != result_pf ? FC_PF_FLIP : 0);
}

static inline uint64_t flags_get(const struct core *core)
{
    return (flag_cf(core) ? FLAG_CF : 0) | (flag_pf(core) ? FLAG_PF : 0) | (flag_af(core) ? FLAG_AF : 0) |
           (flag_zf(core) ? FLAG_ZF : 0) | (flag_sf(core) ? FLAG_SF : 0) | (flag_of(core) ? FLAG_OF : 0);
}

static inline uint64_t core_rflags(const struct core *core)
{
    return core->state.rflags_rest | flags_get(core);
}

/* Set all of RFLAGS; the caller calls core_mode_update when VM, AC or TF may have changed. */
static inline void core_rflags_set(struct core *core, uint64_t rflags)
{
    flags_set(core, rflags);
    core->state.rflags_rest = (rflags & ~FLAGS_ARITH & UINT64_C(0x3fffff) & ~(BIT64(3) | BIT64(5) | BIT64(15))) | FLAG_ONE;
}

/* After an addition a + b (+ carry) = r of the given width, and after a subtraction a - b (- borrow) = r.
 * Operands are zero-extended. */
#define FLAGS_OF_WIDTH(bits)                                                                                      \
    static ALWAYS_INLINE uint64_t flags_shape##bits(uint64_t carries)                                             \
    {                                                                                                             \
        return (carries << (64 - bits) & (FC_CF | FC_CF_XOR_OF)) | (carries & FC_AF);                             \
    }                                                                                                             \
    static ALWAYS_INLINE void flags_add##bits(struct core *core, uint##bits##_t a, uint##bits##_t b,              \
                                              uint##bits##_t r)                                                   \
    {                                                                                                             \
        core->state.flags_result = (uint64_t)(int64_t)(int##bits##_t)r;                                           \
        core->state.flags_carry = flags_shape##bits((uint64_t)(uint##bits##_t)((a & b) | ((a | b) & ~r)));        \
    }                                                                                                             \
    static ALWAYS_INLINE void flags_sub##bits(struct core *core, uint##bits##_t a, uint##bits##_t b,              \
                                              uint##bits##_t r)                                                   \
    {                                                                                                             \
        core->state.flags_result = (uint64_t)(int64_t)(int##bits##_t)r;                                           \
        core->state.flags_carry = flags_shape##bits((uint64_t)(uint##bits##_t)((~a & b) | ((~a | b) & r)));       \
    }                                                                                                             \
    static ALWAYS_INLINE void flags_logic##bits(struct core *core, uint##bits##_t r) /* CF = OF = AF = 0 */       \
    {                                                                                                             \
        core->state.flags_result = (uint64_t)(int64_t)(int##bits##_t)r;                                           \
        core->state.flags_carry = 0;                                                                              \
    }
FLAGS_OF_WIDTH(8)
FLAGS_OF_WIDTH(16)
FLAGS_OF_WIDTH(32)
FLAGS_OF_WIDTH(64)
#undef FLAGS_OF_WIDTH

#endif
