/* ADX, BMI1 and BMI2: carries of their own, bit fields, shifts without flags. [SDM 2 ADCX, ANDN, BEXTR, PDEP ..]
 *
 * Undefined flags: AF is 0 everywhere; PF is that of the result, and so is SF of BEXTR. */
#include "cpu/exec/exec.h"
#include "cpu/exec/flags.h"
#include "cpu/exec/operand.h"

/* VEX encodings do not exist in real and virtual-8086 mode. */
static ALWAYS_INLINE void vex_mode_check(struct core *core)
{
    if (UNLIKELY(core->bits != 64) &&
        (!(core->state.cr0 & CR0_PE) || (core->state.rflags_rest & FLAG_VM))) {
        core_raise(core, VECTOR_UD);
    }
}

static ALWAYS_INLINE void write(struct core *core, const struct insn *insn, unsigned operand,
                                unsigned size, uint64_t value)
{
    core->state.gpr[insn->n[operand] & 15] = size == 4 ? (uint32_t)value : value;
}

/* ZF, SF and PF by the result, OF and AF clear. */
static ALWAYS_INLINE void flags_by(struct core *core, unsigned size, uint64_t result, bool carry)
{
    core->state.flags_result = size_sign_extend(result, size);
    core->state.flags_carry = carry ? FC_CF | FC_CF_XOR_OF : 0;
}

static ALWAYS_INLINE void add_with(struct core *core, const struct insn *insn, uint64_t flag)
{
    unsigned size = insn->size[0];
    uint64_t flags = flags_get(core), b = operand_read(core, insn, 1, size);
    uint64_t a = gpr_read(core, insn->n[0], size), carry = (flags & flag) != 0;
    uint64_t r = (a + b + carry) & size_mask(size);
    bool out = carry ? r <= a : r < a;

    write(core, insn, 0, size, r);
    flags_set(core, (flags & ~flag) | (out ? flag : 0));
}

EXEC_OP(adcx)
{
    add_with(core, insn, FLAG_CF);
}

EXEC_OP(adox)
{
    add_with(core, insn, FLAG_OF);
}

EXEC_OP(andn)
{
    unsigned size = insn->size[0];

    vex_mode_check(core);
    uint64_t b = operand_read(core, insn, 2, size);
    uint64_t r = ~gpr_read(core, insn->n[1], size) & b & size_mask(size);

    write(core, insn, 0, size, r);
    flags_by(core, size, r, false);
}

EXEC_OP(bextr)
{
    unsigned size = insn->size[0];

    vex_mode_check(core);
    uint64_t a = operand_read(core, insn, 1, size), control = gpr_read(core, insn->n[2], size);
    unsigned start = control & 0xff, length = control >> 8 & 0xff;
    uint64_t r = start < 64 ? a >> start : 0;

    r = length < 64 ? r & ((UINT64_C(1) << length) - 1) : r;
    write(core, insn, 0, size, r);
    flags_by(core, size, r, false);
}

EXEC_OP(blsr)
{
    unsigned size = insn->size[0];

    vex_mode_check(core);
    uint64_t a = operand_read(core, insn, 1, size), r = a & (a - 1);

    write(core, insn, 0, size, r);
    flags_by(core, size, r, a == 0);
}

EXEC_OP(blsmsk)
{
    unsigned size = insn->size[0];

    vex_mode_check(core);
    uint64_t a = operand_read(core, insn, 1, size), r = (a ^ (a - 1)) & size_mask(size);

    write(core, insn, 0, size, r);
    flags_by(core, size, r, a == 0);
}

EXEC_OP(blsi)
{
    unsigned size = insn->size[0];

    vex_mode_check(core);
    uint64_t a = operand_read(core, insn, 1, size), r = a & (0 - a);

    write(core, insn, 0, size, r);
    flags_by(core, size, r, a != 0);
}

EXEC_OP(bzhi)
{
    unsigned size = insn->size[0];

    vex_mode_check(core);
    uint64_t a = operand_read(core, insn, 1, size);
    unsigned n = gpr_read(core, insn->n[2], size) & 0xff;
    uint64_t r = n < 8 * size ? a & ((UINT64_C(1) << n) - 1) : a;

    write(core, insn, 0, size, r);
    flags_by(core, size, r, n >= 8 * size);
}

/* The first destination is written last: it wins when both are the same. */
EXEC_OP(mulx)
{
    unsigned size = insn->size[0];

    vex_mode_check(core);
    uint64_t b = operand_read(core, insn, 2, size), a = gpr_read(core, REG_RDX, size);
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;

    write(core, insn, 1, size, (uint64_t)product);
    write(core, insn, 0, size, (uint64_t)(product >> 8 * size));
}

EXEC_OP(pdep)
{
    unsigned size = insn->size[0];

    vex_mode_check(core);
    uint64_t mask = operand_read(core, insn, 2, size), a = gpr_read(core, insn->n[1], size), r = 0;

    for (; mask != 0; mask &= mask - 1, a >>= 1) {
        r |= a & 1 ? mask & (0 - mask) : 0;
    }
    write(core, insn, 0, size, r);
}

EXEC_OP(pext)
{
    unsigned size = insn->size[0], n = 0;

    vex_mode_check(core);
    uint64_t mask = operand_read(core, insn, 2, size), a = gpr_read(core, insn->n[1], size), r = 0;

    for (; mask != 0; mask &= mask - 1, n++) {
        r |= (uint64_t)((a & mask & (0 - mask)) != 0) << n;
    }
    write(core, insn, 0, size, r);
}

EXEC_OP(rorx)
{
    unsigned size = insn->size[0], count = (unsigned)insn->imm & (8 * size - 1);

    vex_mode_check(core);
    uint64_t a = operand_read(core, insn, 1, size);

    write(core, insn, 0, size, count == 0 ? a : a >> count | a << (8 * size - count));
}

static ALWAYS_INLINE unsigned shift_count(const struct core *core, const struct insn *insn)
{
    return (unsigned)core->state.gpr[insn->n[2] & 15] & (8u * insn->size[0] - 1);
}

EXEC_OP(shlx)
{
    vex_mode_check(core);
    write(core, insn, 0, insn->size[0],
          operand_read(core, insn, 1, insn->size[0]) << shift_count(core, insn));
}

EXEC_OP(shrx)
{
    vex_mode_check(core);
    write(core, insn, 0, insn->size[0],
          operand_read(core, insn, 1, insn->size[0]) >> shift_count(core, insn));
}

EXEC_OP(sarx)
{
    vex_mode_check(core);
    int64_t a =
        (int64_t)size_sign_extend(operand_read(core, insn, 1, insn->size[0]), insn->size[0]);

    write(core, insn, 0, insn->size[0], (uint64_t)(a >> shift_count(core, insn)));
}

exec_fn *exec_choose_bmi(const struct insn *insn)
{
    switch (insn->op) {
#define X(name, mnemonic)                                                                          \
    case OP_##mnemonic:                                                                            \
        return exec_##name;
        X(adcx, ADCX)
        X(adox, ADOX)
        X(andn, ANDN)
        X(bextr, BEXTR)
        X(blsi, BLSI)
        X(blsmsk, BLSMSK)
        X(blsr, BLSR)
        X(bzhi, BZHI)
        X(mulx, MULX)
        X(pdep, PDEP)
        X(pext, PEXT)
        X(rorx, RORX)
        X(sarx, SARX)
        X(shlx, SHLX)
        X(shrx, SHRX)
#undef X
    default:
        return exec_undefined;
    }
}
