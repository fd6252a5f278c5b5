/* Binary integer arithmetic, one function per operation, size and operand form. [SDM 2 ADD..XOR,
 * CMPXCHG, XADD]
 *
 * Undefined flags: AF after AND OR XOR TEST is 0.
 */
#include "cpu/exec/arith.h"

#include "cpu/exec/flags.h"
#include "cpu/exec/operand.h"

/* The one-operand operations ignore the second operand. */
enum alu {
    ALU_ADD,
    ALU_OR,
    ALU_ADC,
    ALU_SBB,
    ALU_AND,
    ALU_SUB,
    ALU_XOR,
    ALU_CMP,
    ALU_TEST,
    ALU_INC,
    ALU_DEC,
    ALU_NEG,
    ALU_NOT,
    ALU_COUNT
};

/* ---- meaning ---- */

/* Bits above the operand size are garbage. */
static ALWAYS_INLINE uint64_t alu_result(enum alu alu, uint64_t a, uint64_t b, unsigned carry)
{
    switch (alu) {
    case ALU_ADD:
        return a + b;
    case ALU_OR:
        return a | b;
    case ALU_ADC:
        return a + b + carry;
    case ALU_SBB:
        return a - b - carry;
    case ALU_AND:
    case ALU_TEST:
        return a & b;
    case ALU_SUB:
    case ALU_CMP:
        return a - b;
    case ALU_XOR:
        return a ^ b;
    case ALU_INC:
        return a + 1;
    case ALU_DEC:
        return a - 1;
    case ALU_NEG:
        return 0 - a;
    default:
        return ~a;
    }
}

/* INC and DEC keep CF. overflow: the result that OF tells. */
static ALWAYS_INLINE void flags_step(struct core *core, unsigned size, uint64_t a, uint64_t r,
                                     uint64_t overflow)
{
    uint64_t cf = core->state.flags_carry & FC_CF;
    uint64_t of = (r & size_mask(size)) == overflow ? FC_CF_XOR_OF : 0;

    core->state.flags_result = size_sign_extend(r, size);
    core->state.flags_carry = cf | ((cf >> 1) ^ of) | ((a ^ r ^ 1) >> 1 & FC_AF);
}

static ALWAYS_INLINE void alu_flags(struct core *core, enum alu alu, unsigned size, uint64_t a,
                                    uint64_t b, uint64_t r)
{
    switch (alu) {
    case ALU_ADD:
    case ALU_ADC:
        flags_add_size(core, size, a, b, r);
        break;
    case ALU_SUB:
    case ALU_SBB:
    case ALU_CMP:
        flags_sub_size(core, size, a, b, r);
        break;
    case ALU_NEG:
        flags_sub_size(core, size, 0, a, r);
        break;
    case ALU_INC:
        flags_step(core, size, a, r, (size_mask(size) >> 1) + 1);
        break;
    case ALU_DEC:
        flags_step(core, size, a, r, size_mask(size) >> 1);
        break;
    case ALU_NOT:
        break;
    default:
        core->state.flags_result = size_sign_extend(r, size);
        core->state.flags_carry = 0;
        break;
    }
}

static ALWAYS_INLINE bool alu_writes(enum alu alu)
{
    return alu != ALU_CMP && alu != ALU_TEST;
}

static ALWAYS_INLINE unsigned alu_carry(const struct core *core, enum alu alu)
{
    return (alu == ALU_ADC || alu == ALU_SBB) && flag_cf(core);
}

/* ---- operand forms ---- */

static ALWAYS_INLINE void alu_register(struct core *core, const struct insn *insn, enum alu alu,
                                       unsigned size, uint64_t b)
{
    uint64_t a = gpr_read(core, insn->n[0], size);
    uint64_t r = alu_result(alu, a, b, alu_carry(core, alu));

    if (alu_writes(alu)) {
        gpr_write(core, insn->n[0], size, r);
    }
    alu_flags(core, alu, size, a, b, r);
}

static ALWAYS_INLINE bool alu_register_fast(struct core *core, const struct insn *insn,
                                            enum alu alu, unsigned size, enum address_form form)
{
    const uint8_t *host = operand_host_read(core, insn, size, form);

    if (UNLIKELY(host == NULL)) {
        return false;
    }
    alu_register(core, insn, alu, size, ram_load_size(host, size));
    return true;
}

static ALWAYS_INLINE bool alu_memory_fast(struct core *core, const struct insn *insn, enum alu alu,
                                          unsigned size, uint64_t b, enum address_form form)
{
    uint8_t *host = alu_writes(alu) ? operand_host_write(core, insn, size, form)
                                    : operand_host_read(core, insn, size, form);

    if (UNLIKELY(host == NULL)) {
        return false;
    }
    uint64_t a = ram_load_size(host, size);
    uint64_t r = alu_result(alu, a, b, alu_carry(core, alu));
    if (alu_writes(alu)) {
        ram_store_size(host, size, r);
    }
    alu_flags(core, alu, size, a, b, r);
    return true;
}

static ALWAYS_INLINE void alu_memory(struct core *core, const struct insn *insn, enum alu alu,
                                     unsigned size, uint64_t b, bool lock)
{
    unsigned carry = alu_carry(core, alu);
    uint64_t a, r;

    if (!alu_writes(alu)) {
        a = operand_load(core, insn, size);
        alu_flags(core, alu, size, a, b, alu_result(alu, a, b, carry));
        return;
    }
    gva_t gva = insn_linear(core, insn, size, MMU_WRITE);
    if (lock) {
        core_lock(core, gva, size);
    }
    uint8_t *host = core_rmw(core, gva, size, insn_is_stack(insn));
    if (UNLIKELY(host == NULL)) {
        a = core_load_size(core, gva, size, insn_is_stack(insn));
        r = alu_result(alu, a, b, carry);
        core_store_size(core, gva, size, r, insn_is_stack(insn));
    } else if (lock && ram_is_atomic(host, size)) {
        a = ram_load_size(host, size);
        do {
            r = alu_result(alu, a, b, carry);
        } while (!ram_compare_exchange(host, size, &a, r));
    } else {
        a = ram_load_size(host, size);
        r = alu_result(alu, a, b, carry);
        ram_store_size(host, size, r);
    }
    alu_flags(core, alu, size, a, b, r);
}

/* ---- one function per operation, size and form ---- */

#define ALU_SOURCE(insn, size) gpr_read(core, (insn)->n[1], size)

#define ALU_BINARY(name, alu, size)                                                                \
    EXEC_OP(name##size##_rr)                                                                       \
    {                                                                                              \
        alu_register(core, insn, alu, size, ALU_SOURCE(insn, size));                               \
    }                                                                                              \
    EXEC_OP(name##size##_ri)                                                                       \
    {                                                                                              \
        alu_register(core, insn, alu, size, insn->imm);                                            \
    }                                                                                              \
    EXEC_OP(name##size##_rm)                                                                       \
    {                                                                                              \
        alu_register(core, insn, alu, size, operand_load(core, insn, size));                       \
    }                                                                                              \
    EXEC_OP(name##size##_mr)                                                                       \
    {                                                                                              \
        alu_memory(core, insn, alu, size, ALU_SOURCE(insn, size), false);                          \
    }                                                                                              \
    EXEC_OP(name##size##_mi)                                                                       \
    {                                                                                              \
        alu_memory(core, insn, alu, size, insn->imm, false);                                       \
    }                                                                                              \
    EXEC_OP(name##size##_mr_lock)                                                                  \
    {                                                                                              \
        alu_memory(core, insn, alu, size, ALU_SOURCE(insn, size), true);                           \
    }                                                                                              \
    EXEC_OP(name##size##_mi_lock)                                                                  \
    {                                                                                              \
        alu_memory(core, insn, alu, size, insn->imm, true);                                        \
    }                                                                                              \
    ALU_FAST(name, alu, size, base, ADDRESS_BASE)                                                  \
    ALU_FAST(name, alu, size, index, ADDRESS_INDEX)

#define ALU_FAST(name, alu, size, suffix, form)                                                    \
    EXEC_FAST_OP(name##size##_rm_##suffix, name##size##_rm)                                        \
    {                                                                                              \
        return alu_register_fast(core, insn, alu, size, form);                                     \
    }                                                                                              \
    EXEC_FAST_OP(name##size##_mr_##suffix, name##size##_mr)                                        \
    {                                                                                              \
        return alu_memory_fast(core, insn, alu, size, ALU_SOURCE(insn, size), form);               \
    }                                                                                              \
    EXEC_FAST_OP(name##size##_mi_##suffix, name##size##_mi)                                        \
    {                                                                                              \
        return alu_memory_fast(core, insn, alu, size, insn->imm, form);                            \
    }

#define ALU_UNARY(name, alu, size)                                                                 \
    EXEC_OP(name##size##_r)                                                                        \
    {                                                                                              \
        alu_register(core, insn, alu, size, 0);                                                    \
    }                                                                                              \
    EXEC_OP(name##size##_m)                                                                        \
    {                                                                                              \
        alu_memory(core, insn, alu, size, 0, false);                                               \
    }                                                                                              \
    EXEC_OP(name##size##_m_lock)                                                                   \
    {                                                                                              \
        alu_memory(core, insn, alu, size, 0, true);                                                \
    }                                                                                              \
    EXEC_FAST_OP(name##size##_m_base, name##size##_m)                                              \
    {                                                                                              \
        return alu_memory_fast(core, insn, alu, size, 0, ADDRESS_BASE);                            \
    }                                                                                              \
    EXEC_FAST_OP(name##size##_m_index, name##size##_m)                                             \
    {                                                                                              \
        return alu_memory_fast(core, insn, alu, size, 0, ADDRESS_INDEX);                           \
    }

/* X(name, NAME) */
#define ALU_BINARIES(X)                                                                            \
    X(add, ADD)                                                                                    \
    X(or, OR) X(adc, ADC) X(sbb, SBB) X(and, AND) X(sub, SUB) X(xor, XOR) X(cmp, CMP) X(test, TEST)
#define ALU_UNARIES(X) X(inc, INC) X(dec, DEC) X(neg, NEG) X(not, NOT)

#define X(name, NAME)                                                                              \
    ALU_BINARY(name, ALU_##NAME, 1)                                                                \
    ALU_BINARY(name, ALU_##NAME, 2)                                                                \
    ALU_BINARY(name, ALU_##NAME, 4)                                                                \
    ALU_BINARY(name, ALU_##NAME, 8)
ALU_BINARIES(X)
#undef X
#define X(name, NAME)                                                                              \
    ALU_UNARY(name, ALU_##NAME, 1)                                                                 \
    ALU_UNARY(name, ALU_##NAME, 2)                                                                 \
    ALU_UNARY(name, ALU_##NAME, 4)                                                                 \
    ALU_UNARY(name, ALU_##NAME, 8)
ALU_UNARIES(X)
#undef X

struct alu_forms {
    exec_fn *rr, *ri; /* unary: rr is the register form */
    exec_fn *rm[ADDRESS_FORMS], *mr[ADDRESS_FORMS],
        *mi[ADDRESS_FORMS]; /* unary: mi is the memory form */
    exec_fn *mr_lock, *mi_lock;
};

#define BINARY_FORMS(name, size)                                                                   \
    {                                                                                              \
        exec_##name##size##_rr, exec_##name##size##_ri,                                            \
            { exec_##name##size##_rm_base, exec_##name##size##_rm_index, exec_##name##size##_rm }, \
            { exec_##name##size##_mr_base, exec_##name##size##_mr_index, exec_##name##size##_mr }, \
            { exec_##name##size##_mi_base, exec_##name##size##_mi_index, exec_##name##size##_mi }, \
            exec_##name##size##_mr_lock, exec_##name##size##_mi_lock                               \
    }
#define UNARY_FORMS(name, size)                                                                    \
    {                                                                                              \
        .rr = exec_##name##size##_r,                                                               \
        .mi = { exec_##name##size##_m_base, exec_##name##size##_m_index, exec_##name##size##_m },  \
        .mi_lock = exec_##name##size##_m_lock                                                      \
    }

static const struct alu_forms alu_forms[ALU_COUNT][4] = {
#define X(name, NAME)                                                                              \
    [ALU_##NAME] = { BINARY_FORMS(name, 1), BINARY_FORMS(name, 2), BINARY_FORMS(name, 4),          \
                     BINARY_FORMS(name, 8) },
    ALU_BINARIES(X)
#undef X
#define X(name, NAME)                                                                              \
    [ALU_##NAME] = { UNARY_FORMS(name, 1), UNARY_FORMS(name, 2), UNARY_FORMS(name, 4),             \
                     UNARY_FORMS(name, 8) },
        ALU_UNARIES(X)
#undef X
};

static exec_fn *choose_alu(const struct insn *insn, enum alu alu)
{
    const struct alu_forms *forms = &alu_forms[alu][size_log2(insn->size[0])];
    enum address_form form = insn_address_form(insn);
    bool lock = (insn->flags & INSN_LOCK) != 0;

    if (insn->kind[0] == OPERAND_MEM) {
        if (insn->kind[1] == OPERAND_GPR) {
            return lock ? forms->mr_lock : forms->mr[form];
        }
        return lock ? forms->mi_lock : forms->mi[form];
    }
    return insn->kind[1] == OPERAND_MEM   ? forms->rm[form]
           : insn->kind[1] == OPERAND_IMM ? forms->ri
                                          : forms->rr;
}

/* ---- CMPXCHG and XADD ---- */

static ALWAYS_INLINE void cmpxchg(struct core *core, const struct insn *insn, unsigned size)
{
    uint64_t accumulator = gpr_read(core, REG_RAX, size), source = gpr_read(core, insn->n[1], size),
             old;

    if (insn->kind[0] == OPERAND_GPR) {
        old = gpr_read(core, insn->n[0], size);
        if (old == accumulator) {
            gpr_write(core, insn->n[0], size, source);
        }
    } else {
        gva_t gva = insn_linear(core, insn, size, MMU_WRITE);
        if (insn->flags & INSN_LOCK) {
            core_lock(core, gva, size);
        }
        uint8_t *host = core_rmw(core, gva, size, insn_is_stack(insn));
        if (UNLIKELY(host == NULL)) {
            old = core_load_size(core, gva, size, insn_is_stack(insn));
            core_store_size(core, gva, size, old == accumulator ? source : old,
                            insn_is_stack(insn));
        } else if ((insn->flags & INSN_LOCK) && ram_is_atomic(host, size)) {
            old = accumulator;
            ram_compare_exchange(host, size, &old, source);
        } else {
            old = ram_load_size(host, size);
            ram_store_size(host, size, old == accumulator ? source : old);
        }
    }
    flags_sub_size(core, size, accumulator, old, accumulator - old);
    if (old != accumulator) {
        gpr_write(core, REG_RAX, size, old);
    }
}

static ALWAYS_INLINE void xadd(struct core *core, const struct insn *insn, unsigned size)
{
    uint64_t source = gpr_read(core, insn->n[1], size), old;

    if (insn->kind[0] == OPERAND_GPR) {
        old = gpr_read(core, insn->n[0], size);
        gpr_write(core, insn->n[1], size, old);
        gpr_write(core, insn->n[0], size, old + source);
    } else {
        gva_t gva = insn_linear(core, insn, size, MMU_WRITE);
        if (insn->flags & INSN_LOCK) {
            core_lock(core, gva, size);
        }
        uint8_t *host = core_rmw(core, gva, size, insn_is_stack(insn));
        if (UNLIKELY(host == NULL)) {
            old = core_load_size(core, gva, size, insn_is_stack(insn));
            core_store_size(core, gva, size, old + source, insn_is_stack(insn));
        } else {
            old = ram_load_size(host, size);
            if ((insn->flags & INSN_LOCK) && ram_is_atomic(host, size)) {
                while (!ram_compare_exchange(host, size, &old, old + source)) {
                }
            } else {
                ram_store_size(host, size, old + source);
            }
        }
        gpr_write(core, insn->n[1], size, old);
    }
    flags_add_size(core, size, old, source, old + source);
}

#define EXCHANGES(size)                                                                            \
    EXEC_OP(cmpxchg##size)                                                                         \
    {                                                                                              \
        cmpxchg(core, insn, size);                                                                 \
    }                                                                                              \
    EXEC_OP(xadd##size)                                                                            \
    {                                                                                              \
        xadd(core, insn, size);                                                                    \
    }
EXCHANGES(1)
EXCHANGES(2)
EXCHANGES(4)
EXCHANGES(8)

static exec_fn *const cmpxchg_sizes[] = { exec_cmpxchg1, exec_cmpxchg2, exec_cmpxchg4,
                                          exec_cmpxchg8 };
static exec_fn *const xadd_sizes[] = { exec_xadd1, exec_xadd2, exec_xadd4, exec_xadd8 };

static void zf_set(struct core *core, bool zf)
{
    flags_set(core, (flags_get(core) & ~FLAG_ZF) | (zf ? FLAG_ZF : 0));
}

EXEC_OP(cmpxchg8b)
{
    uint64_t expected = (uint32_t)core->state.gpr[REG_RAX] | core->state.gpr[REG_RDX] << 32;
    uint64_t value = (uint32_t)core->state.gpr[REG_RBX] | core->state.gpr[REG_RCX] << 32, old;
    gva_t gva = insn_linear(core, insn, 8, MMU_WRITE);
    if (insn->flags & INSN_LOCK) {
        core_lock(core, gva, 8);
    }
    uint8_t *host = core_rmw(core, gva, 8, insn_is_stack(insn));

    if (host != NULL && ram_is_atomic(host, 8)) {
        old = expected;
        ram_compare_exchange(host, 8, &old, value);
    } else {
        old = core_load64(core, gva, insn_is_stack(insn));
        core_store64(core, gva, old == expected ? value : old, insn_is_stack(insn));
    }
    if (old != expected) {
        gpr32_write(core, REG_RAX, (uint32_t)old);
        gpr32_write(core, REG_RDX, (uint32_t)(old >> 32));
    }
    zf_set(core, old == expected);
}

EXEC_OP(cmpxchg16b)
{
    uint64_t *gpr = core->state.gpr;
    uint64_t old[2] = { gpr[REG_RAX], gpr[REG_RDX] }, value[2] = { gpr[REG_RBX], gpr[REG_RCX] };
    gva_t gva = insn_linear(core, insn, 16, MMU_WRITE);

    if (gva & 15) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    uint8_t *host = core_rmw(core, gva, 16, insn_is_stack(insn));
    bool same;
    if (host != NULL) {
        same = ram_compare_exchange128(host, old, value);
    } else {
        core_load(core, gva, old, 16, insn_is_stack(insn));
        same = old[0] == gpr[REG_RAX] && old[1] == gpr[REG_RDX];
        core_store(core, gva, same ? value : old, 16, insn_is_stack(insn));
    }
    if (!same) {
        gpr[REG_RAX] = old[0];
        gpr[REG_RDX] = old[1];
    }
    zf_set(core, same);
}

exec_fn *exec_choose_arith(const struct insn *insn)
{
    unsigned size = size_log2(insn->size[0]);

    switch (insn->op) {
#define X(name, NAME)                                                                              \
    case OP_##NAME:                                                                                \
        return choose_alu(insn, ALU_##NAME);
        ALU_BINARIES(X)
        ALU_UNARIES(X)
#undef X
    case OP_CMPXCHG:
        return cmpxchg_sizes[size];
    case OP_XADD:
        return xadd_sizes[size];
    case OP_CMPXCHG8B:
        return exec_cmpxchg8b;
    case OP_CMPXCHG16B:
        return exec_cmpxchg16b;
    default:
        return exec_choose_multiply(insn);
    }
}
