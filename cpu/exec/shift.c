/* Shifts and rotates. [SDM 2 SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR, SHLD, SHRD]
 *
 * The count is taken modulo 32 (64 for 64-bit operands); zero changes no flag, and still
 * zero-extends a 32-bit register. Undefined flags: AF is 0 after shifts; OF for counts above 1 is
 * what the formula for 1 gives on the result; CF of SHL and SHR by more than the operand's width is
 * 0; SHLD and SHRD of 16 bits by more than 16 shift in the destination again.
 */
#include "cpu/exec/exec.h"
#include "cpu/exec/flags.h"
#include "cpu/exec/operand.h"

enum shift {
    SHIFT_ROL,
    SHIFT_ROR,
    SHIFT_RCL,
    SHIFT_RCR,
    SHIFT_SHL,
    SHIFT_SHR,
    SHIFT_SAR,
    SHIFT_COUNT
};

static ALWAYS_INLINE unsigned count_mask(unsigned size)
{
    return size == 8 ? 63 : 31;
}

/* bit n of value, which must be below 64 */
static ALWAYS_INLINE bool bit_of(uint64_t value, unsigned n)
{
    return value >> n & 1;
}

/* All six flags: cf, of, and the rest by the result. */
static ALWAYS_INLINE void shift_flags(struct core *core, unsigned size, uint64_t r, bool cf,
                                      bool of)
{
    core->state.flags_result = size_sign_extend(r, size);
    core->state.flags_carry = (uint64_t)cf << 63 | (uint64_t)(cf != of) << 62;
}

/* CF and OF only. */
static ALWAYS_INLINE void rotate_flags(struct core *core, bool cf, bool of)
{
    core->state.flags_carry = (core->state.flags_carry & ~(FC_CF | FC_CF_XOR_OF)) |
                              (uint64_t)cf << 63 | (uint64_t)(cf != of) << 62;
}

/* What a shift gives: result and flags, before anything is written. */
struct shifted {
    uint64_t result;
    bool cf, of;
};

/* RCL and RCR: through CF, modulo the width plus one. */
static ALWAYS_INLINE struct shifted rotate_carry(bool left, unsigned size, uint64_t a,
                                                 unsigned count, bool cf)
{
    const unsigned bits = size * 8;
    unsigned n = count % (bits + 1);
    unsigned __int128 mask = ((unsigned __int128)1 << (bits + 1)) - 1;
    unsigned __int128 all = (unsigned __int128)cf << bits | a;

    n = left ? n : bits + 1 - n;
    all = (all << n | all >> (bits + 1 - n)) & mask;
    uint64_t r = (uint64_t)all & size_mask(size);
    bool out = all >> bits & 1;
    bool sign = bit_of(r, bits - 1);
    return (struct shifted){ r, out, sign != (left ? out : bit_of(r, bits - 2)) };
}

/* a is zero-extended; count is 1..31 or 63. */
static ALWAYS_INLINE struct shifted shift_compute(enum shift shift, unsigned size, uint64_t a,
                                                  unsigned count, bool cf)
{
    const unsigned bits = size * 8;
    struct shifted s = { 0 };
    unsigned n = count & (bits - 1);
    int64_t sign_extended;

    switch (shift) {
    case SHIFT_ROL:
        s.result = n == 0 ? a : (a << n | a >> (bits - n)) & size_mask(size);
        s.cf = s.result & 1;
        s.of = s.cf != bit_of(s.result, bits - 1);
        break;
    case SHIFT_ROR:
        s.result = n == 0 ? a : (a >> n | a << (bits - n)) & size_mask(size);
        s.cf = bit_of(s.result, bits - 1);
        s.of = s.cf != bit_of(s.result, bits - 2);
        break;
    case SHIFT_SHL:
        s.result = a << count & size_mask(size);
        s.cf = size == 8 ? bit_of(a, 64 - count) : bit_of(a << count, bits);
        s.of = s.cf != bit_of(s.result, bits - 1);
        break;
    case SHIFT_SHR:
        s.result = a >> count;
        s.cf = bit_of(a, count - 1);
        s.of = bit_of(s.result, bits - 2);
        break;
    case SHIFT_SAR:
        sign_extended = (int64_t)size_sign_extend(a, size);
        s.result = (uint64_t)(sign_extended >> count) & size_mask(size);
        s.cf = sign_extended >> (count - 1) & 1;
        s.of = false;
        break;
    default:
        s = rotate_carry(shift == SHIFT_RCL, size, a, count, cf);
        break;
    }
    return s;
}

static ALWAYS_INLINE void shift_set_flags(struct core *core, enum shift shift, unsigned size,
                                          struct shifted s)
{
    if (shift >= SHIFT_SHL) {
        shift_flags(core, size, s.result, s.cf, s.of);
    } else {
        rotate_flags(core, s.cf, s.of);
    }
}

static ALWAYS_INLINE void shift_register(struct core *core, const struct insn *insn,
                                         enum shift shift, unsigned size, unsigned count)
{
    uint64_t a = gpr_read(core, insn->n[0], size);

    count &= count_mask(size);
    if (UNLIKELY(count == 0)) {
        gpr_write(core, insn->n[0], size, a);
        return;
    }
    struct shifted s = shift_compute(shift, size, a, count, flag_cf(core));
    gpr_write(core, insn->n[0], size, s.result);
    shift_set_flags(core, shift, size, s);
}

/* A count of zero writes memory all the same. */
static void shift_memory(struct core *core, const struct insn *insn, enum shift shift,
                         unsigned count)
{
    unsigned size = insn->size[0];
    gva_t gva = insn_linear(core, insn, size, MMU_WRITE);
    uint8_t *host = core_rmw(core, gva, size, insn_is_stack(insn));
    uint64_t a = host != NULL ? ram_load_size(host, size)
                              : core_load_size(core, gva, size, insn_is_stack(insn));
    struct shifted s = { .result = a };

    count &= count_mask(size);
    if (count != 0) {
        s = shift_compute(shift, size, a, count, flag_cf(core));
    }
    if (host != NULL) {
        ram_store_size(host, size, s.result);
    } else {
        core_store_size(core, gva, size, s.result, insn_is_stack(insn));
    }
    if (count != 0) {
        shift_set_flags(core, shift, size, s);
    }
}

/* X(name, NAME) */
#define SHIFTS(X)                                                                                  \
    X(rol, ROL) X(ror, ROR) X(rcl, RCL) X(rcr, RCR) X(shl, SHL) X(shr, SHR) X(sar, SAR)

#define SHIFT_SIZE(name, shift, size)                                                              \
    EXEC_OP(name##size##_i)                                                                        \
    {                                                                                              \
        shift_register(core, insn, shift, size, (unsigned)insn->imm);                              \
    }                                                                                              \
    EXEC_OP(name##size##_c)                                                                        \
    {                                                                                              \
        shift_register(core, insn, shift, size, (unsigned)core->state.gpr[REG_RCX]);               \
    }

#define X(name, NAME)                                                                              \
    SHIFT_SIZE(name, SHIFT_##NAME, 1)                                                              \
    SHIFT_SIZE(name, SHIFT_##NAME, 2)                                                              \
    SHIFT_SIZE(name, SHIFT_##NAME, 4)                                                              \
    SHIFT_SIZE(name, SHIFT_##NAME, 8)                                                              \
    EXEC_OP(name##_m)                                                                              \
    {                                                                                              \
        shift_memory(core, insn, SHIFT_##NAME, (unsigned)operand_read(core, insn, 1, 1));          \
    }
SHIFTS(X)
#undef X

struct shift_forms {
    exec_fn *immediate[4], *cl[4], *memory;
};

static const struct shift_forms shift_forms[SHIFT_COUNT] = {
#define X(name, NAME)                                                                              \
    [SHIFT_##NAME] = { { exec_##name##1_i, exec_##name##2_i, exec_##name##4_i, exec_##name##8_i }, \
                       { exec_##name##1_c, exec_##name##2_c, exec_##name##4_c, exec_##name##8_c }, \
                       exec_##name##_m },
    SHIFTS(X)
#undef X
};

static exec_fn *choose_shift(const struct insn *insn, enum shift shift)
{
    const struct shift_forms *forms = &shift_forms[shift];
    unsigned size = size_log2(insn->size[0]);

    if (insn->kind[0] == OPERAND_MEM) {
        return forms->memory;
    }
    return insn->kind[1] == OPERAND_IMM ? forms->immediate[size] : forms->cl[size];
}

/* ---- SHLD, SHRD ---- */

/* The destination, then the bits shifted in, then (16 bits by more than 16) the destination again.
 */
static struct shifted double_shift(bool left, unsigned size, uint64_t a, uint64_t b, unsigned count)
{
    const unsigned bits = size * 8;
    struct shifted s;

    if (size == 2) {
        uint64_t all = a << 32 | b << 16 | a; /* the same from either end */
        s.result = (left ? all << count >> 32 : all >> count) & 0xffff;
        s.cf = left ? bit_of(all, 48 - count) : bit_of(all, count - 1);
    } else {
        s.result = (left ? a << count | b >> (bits - count) : a >> count | b << (bits - count)) &
                   size_mask(size);
        s.cf = bit_of(a, left ? bits - count : count - 1);
    }
    s.of = bit_of(s.result, bits - 1) != (left ? s.cf : bit_of(s.result, bits - 2));
    return s;
}

static void double_shift_do(struct core *core, const struct insn *insn, bool left)
{
    unsigned size = insn->size[0],
             count = (unsigned)operand_read(core, insn, 2, 1) & count_mask(size);
    uint64_t b = gpr_read(core, insn->n[1], size), a;
    struct shifted s;
    gva_t gva = 0;
    uint8_t *host = NULL;

    if (insn->kind[0] == OPERAND_GPR) {
        a = gpr_read(core, insn->n[0], size);
    } else {
        gva = insn_linear(core, insn, size, MMU_WRITE);
        host = core_rmw(core, gva, size, insn_is_stack(insn));
        a = host != NULL ? ram_load_size(host, size)
                         : core_load_size(core, gva, size, insn_is_stack(insn));
    }
    s = (struct shifted){ .result = a };
    if (count != 0) {
        s = double_shift(left, size, a, b, count);
    }
    if (insn->kind[0] == OPERAND_GPR) {
        gpr_write(core, insn->n[0], size, s.result);
    } else if (host != NULL) {
        ram_store_size(host, size, s.result);
    } else {
        core_store_size(core, gva, size, s.result, insn_is_stack(insn));
    }
    if (count != 0) {
        shift_flags(core, size, s.result, s.cf, s.of);
    }
}

EXEC_OP(shld)
{
    double_shift_do(core, insn, true);
}

EXEC_OP(shrd)
{
    double_shift_do(core, insn, false);
}

exec_fn *exec_choose_shift(const struct insn *insn)
{
    switch (insn->op) {
#define X(name, NAME)                                                                              \
    case OP_##NAME:                                                                                \
        return choose_shift(insn, SHIFT_##NAME);
        SHIFTS(X)
#undef X
    case OP_SHLD:
        return exec_shld;
    case OP_SHRD:
        return exec_shrd;
    default:
        return exec_undefined;
    }
}
