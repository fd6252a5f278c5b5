/* MUL, DIV and the decimal adjustments. [SDM 2 MUL, IMUL, DIV, IDIV, AAA, AAD, AAM, AAS, DAA, DAS]
 *
 * Undefined flags: after a multiplication SF, ZF and PF tell of the low half of the product and AF
 * is 0; a division changes none; AAA and AAS set SF, ZF and PF by AL and clear OF; DAA and DAS
 * clear OF; AAM and AAD clear CF, OF, AF.
 */
#include "cpu/exec/arith.h"
#include "cpu/exec/flags.h"
#include "cpu/exec/operand.h"

typedef unsigned __int128 u128;
typedef __int128 s128;

/* ---- multiplication ---- */

static ALWAYS_INLINE void multiply_flags(struct core *core, unsigned size, uint64_t low,
                                         bool overflow)
{
    core->state.flags_result = size_sign_extend(low, size);
    core->state.flags_carry = overflow ? FC_CF : 0; /* OF = CF */
}

static ALWAYS_INLINE void multiply_write(struct core *core, unsigned size, uint64_t low,
                                         uint64_t high)
{
    if (size == 1) {
        gpr16_write(core, REG_RAX, (uint16_t)((low & 0xff) | high << 8));
    } else {
        gpr_write(core, REG_RAX, size, low);
        gpr_write(core, REG_RDX, size, high);
    }
}

static ALWAYS_INLINE void multiply_unsigned(struct core *core, const struct insn *insn,
                                            unsigned size)
{
    u128 product = (u128)gpr_read(core, REG_RAX, size) * operand_read(core, insn, 0, size);
    uint64_t low = (uint64_t)product & size_mask(size), high = (uint64_t)(product >> (size * 8));

    multiply_write(core, size, low, high);
    multiply_flags(core, size, low, high != 0);
}

static ALWAYS_INLINE bool product_overflows(s128 product, unsigned size)
{
    return product != (int64_t)size_sign_extend((uint64_t)product, size);
}

static ALWAYS_INLINE s128 product_of(uint64_t a, uint64_t b, unsigned size)
{
    return (s128)(int64_t)size_sign_extend(a, size) * (int64_t)size_sign_extend(b, size);
}

static ALWAYS_INLINE void multiply_signed(struct core *core, const struct insn *insn, unsigned size)
{
    s128 product = product_of(core->state.gpr[REG_RAX], operand_read(core, insn, 0, size), size);

    multiply_write(core, size, (uint64_t)product, (uint64_t)(product >> (size * 8)));
    multiply_flags(core, size, (uint64_t)product, product_overflows(product, size));
}

/* IMUL with a destination register: of operands `i` and `i + 1`. */
static ALWAYS_INLINE void multiply_truncated(struct core *core, const struct insn *insn,
                                             unsigned size, unsigned i)
{
    uint64_t a = operand_read(core, insn, i, size), b = operand_read(core, insn, i + 1, size);
    s128 product = product_of(a, b, size);

    gpr_write(core, insn->n[0], size, (uint64_t)product);
    multiply_flags(core, size, (uint64_t)product, product_overflows(product, size));
}

/* ---- division ---- */

static ALWAYS_INLINE void divide_write(struct core *core, unsigned size, uint64_t quotient,
                                       uint64_t remainder)
{
    if (size == 1) {
        gpr16_write(core, REG_RAX, (uint16_t)((quotient & 0xff) | remainder << 8));
    } else {
        gpr_write(core, REG_RAX, size, quotient);
        gpr_write(core, REG_RDX, size, remainder);
    }
}

static ALWAYS_INLINE void divide_unsigned(struct core *core, const struct insn *insn, unsigned size)
{
    uint64_t divisor = operand_read(core, insn, 0, size);
    uint64_t high = size == 1 ? gpr8_read(core, REG_RAX | 16) : gpr_read(core, REG_RDX, size);
    uint64_t low = gpr_read(core, REG_RAX, size);

    /* The quotient fits exactly when the high half is below the divisor. */
    if (UNLIKELY(high >= divisor)) {
        core_raise(core, VECTOR_DE);
    }
    if (size == 8 && high != 0) {
        u128 dividend = (u128)high << 64 | low;
        divide_write(core, size, (uint64_t)(dividend / divisor), (uint64_t)(dividend % divisor));
        return;
    }
    uint64_t dividend = size == 8 ? low : high << (size * 8 & 63) | low;
    divide_write(core, size, dividend / divisor, dividend % divisor);
}

static ALWAYS_INLINE void divide_signed(struct core *core, const struct insn *insn, unsigned size)
{
    int64_t divisor = (int64_t)size_sign_extend(operand_read(core, insn, 0, size), size);
    uint64_t high = size == 1 ? gpr8_read(core, REG_RAX | 16) : core->state.gpr[REG_RDX];
    uint64_t low = gpr_read(core, REG_RAX, size);

    if (UNLIKELY(divisor == 0)) {
        core_raise(core, VECTOR_DE);
    }
    high = size_sign_extend(high, size);
    if (size < 8 || high == (uint64_t)((int64_t)low >> 63)) {
        int64_t dividend = (int64_t)(size == 8 ? low : high << (size * 8 & 63) | low);
        if (UNLIKELY(divisor == -1 && dividend == INT64_MIN)) {
            core_raise(core, VECTOR_DE);
        }
        int64_t quotient = dividend / divisor;
        if (UNLIKELY(quotient != (int64_t)size_sign_extend((uint64_t)quotient, size))) {
            core_raise(core, VECTOR_DE);
        }
        divide_write(core, size, (uint64_t)quotient, (uint64_t)(dividend % divisor));
        return;
    }
    u128 bits = (u128)high << 64 | low;
    /* Only the most negative dividend cannot be negated; -1 overflows on every dividend that comes
     * here. */
    if (UNLIKELY(divisor == -1)) {
        core_raise(core, VECTOR_DE);
    }
    s128 quotient = (s128)bits / divisor;
    if (UNLIKELY(quotient != (int64_t)quotient)) {
        core_raise(core, VECTOR_DE);
    }
    divide_write(core, size, (uint64_t)quotient, (uint64_t)((s128)bits % divisor));
}

#define MULTIPLY(size)                                                                             \
    EXEC_OP(mul##size)                                                                             \
    {                                                                                              \
        multiply_unsigned(core, insn, size);                                                       \
    }                                                                                              \
    EXEC_OP(imul##size)                                                                            \
    {                                                                                              \
        multiply_signed(core, insn, size);                                                         \
    }                                                                                              \
    EXEC_OP(imul2_##size)                                                                          \
    {                                                                                              \
        multiply_truncated(core, insn, size, 0);                                                   \
    }                                                                                              \
    EXEC_OP(imul3_##size)                                                                          \
    {                                                                                              \
        multiply_truncated(core, insn, size, 1);                                                   \
    }                                                                                              \
    EXEC_OP(div##size)                                                                             \
    {                                                                                              \
        divide_unsigned(core, insn, size);                                                         \
    }                                                                                              \
    EXEC_OP(idiv##size)                                                                            \
    {                                                                                              \
        divide_signed(core, insn, size);                                                           \
    }
MULTIPLY(1)
MULTIPLY(2)
MULTIPLY(4)
MULTIPLY(8)

#define SIZES(name)                                                                                \
    {                                                                                              \
        exec_##name##1, exec_##name##2, exec_##name##4, exec_##name##8                             \
    }

/* ---- decimal adjustments ---- */

static void adjust_flags(struct core *core, uint8_t al, bool cf, bool af)
{
    flags_logic8(core, al);
    core->state.flags_carry = (cf ? FC_CF | FC_CF_XOR_OF : 0) | (af ? FC_AF : 0);
}

EXEC_OP(daa)
{
    uint8_t old = gpr8_read(core, REG_RAX), al = old;
    bool cf = flag_cf(core) || old > 0x99, af = (old & 15) > 9 || flag_af(core);

    (void)insn;
    al = (uint8_t)(al + (af ? 6 : 0) + (cf ? 0x60 : 0));
    gpr8_write(core, REG_RAX, al);
    adjust_flags(core, al, cf, af);
}

EXEC_OP(das)
{
    uint8_t old = gpr8_read(core, REG_RAX), al = old;
    bool high = flag_cf(core) || old > 0x99, af = (old & 15) > 9 || flag_af(core);
    bool cf = high || (af && old < 6);

    (void)insn;
    al = (uint8_t)(al - (af ? 6 : 0) - (high ? 0x60 : 0));
    gpr8_write(core, REG_RAX, al);
    adjust_flags(core, al, cf, af);
}

static void adjust_ascii(struct core *core, uint16_t step)
{
    uint16_t ax = (uint16_t)core->state.gpr[REG_RAX];
    bool adjust = (ax & 15) > 9 || flag_af(core);

    ax = (uint16_t)((ax + (adjust ? step : 0)) & 0xff0f);
    gpr16_write(core, REG_RAX, ax);
    adjust_flags(core, (uint8_t)ax, adjust, adjust);
}

EXEC_OP(aaa)
{
    (void)insn;
    adjust_ascii(core, 0x106);
}

EXEC_OP(aas)
{
    (void)insn;
    adjust_ascii(core, (uint16_t)-0x106);
}

EXEC_OP(aam)
{
    uint8_t base = (uint8_t)insn->imm, al = gpr8_read(core, REG_RAX);

    if (base == 0) {
        core_raise(core, VECTOR_DE);
    }
    gpr16_write(core, REG_RAX, (uint16_t)((al / base) << 8 | al % base));
    adjust_flags(core, al % base, false, false);
}

EXEC_OP(aad)
{
    uint16_t ax = (uint16_t)core->state.gpr[REG_RAX];
    uint8_t al = (uint8_t)(ax + (ax >> 8) * (uint8_t)insn->imm);

    gpr16_write(core, REG_RAX, al);
    adjust_flags(core, al, false, false);
}

exec_fn *exec_choose_multiply(const struct insn *insn)
{
    static exec_fn *const mul[] = SIZES(mul), *const imul[] = SIZES(imul),
                          *const imul2[] = SIZES(imul2_);
    static exec_fn *const imul3[] = SIZES(imul3_), *const div[] = SIZES(div),
                          *const idiv[] = SIZES(idiv);
    unsigned size = size_log2(insn->size[0]);

    switch (insn->op) {
    case OP_MUL:
        return mul[size];
    case OP_IMUL:
        return imul[size];
    case OP_IMUL2:
        return imul2[size];
    case OP_IMUL3:
        return imul3[size];
    case OP_DIV:
        return div[size];
    case OP_IDIV:
        return idiv[size];
    case OP_AAA:
        return exec_aaa;
    case OP_AAS:
        return exec_aas;
    case OP_AAM:
        return exec_aam;
    case OP_AAD:
        return exec_aad;
    case OP_DAA:
        return exec_daa;
    case OP_DAS:
        return exec_das;
    default:
        return exec_undefined;
    }
}
