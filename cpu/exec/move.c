/* Moves, conversions, conditional moves, exchanges, flag bits and no-operations. [SDM 2 MOV..XLAT]
 *
 * BSWAP of a 16-bit register is undefined: it gives zero.
 */
#include "cpu/exec/condition.h"
#include "cpu/exec/exec.h"
#include "cpu/exec/flags.h"
#include "cpu/exec/operand.h"

/* ---- MOV ---- */

static ALWAYS_INLINE bool mov_load_fast(struct core *core, const struct insn *insn, unsigned size,
                                        enum address_form form)
{
    const uint8_t *host = operand_host_read(core, insn, size, form);

    if (UNLIKELY(host == NULL)) {
        return false;
    }
    gpr_write(core, insn->n[0], size, ram_load_size(host, size));
    return true;
}

static ALWAYS_INLINE bool mov_store_fast(struct core *core, const struct insn *insn, unsigned size,
                                         uint64_t value, enum address_form form)
{
    uint8_t *host = operand_host_write(core, insn, size, form);

    if (UNLIKELY(host == NULL)) {
        return false;
    }
    ram_store_size(host, size, value);
    return true;
}

#define MOV_FAST(size, suffix, form)                                                               \
    EXEC_FAST_OP(mov##size##_rm_##suffix, mov##size##_rm)                                          \
    {                                                                                              \
        return mov_load_fast(core, insn, size, form);                                              \
    }                                                                                              \
    EXEC_FAST_OP(mov##size##_mr_##suffix, mov##size##_mr)                                          \
    {                                                                                              \
        return mov_store_fast(core, insn, size, gpr_read(core, insn->n[1], size), form);           \
    }                                                                                              \
    EXEC_FAST_OP(mov##size##_mi_##suffix, mov##size##_mi)                                          \
    {                                                                                              \
        return mov_store_fast(core, insn, size, insn->imm, form);                                  \
    }

#define MOV(size)                                                                                  \
    EXEC_OP(mov##size##_rr)                                                                        \
    {                                                                                              \
        gpr_write(core, insn->n[0], size, gpr_read(core, insn->n[1], size));                       \
    }                                                                                              \
    EXEC_OP(mov##size##_ri)                                                                        \
    {                                                                                              \
        gpr_write(core, insn->n[0], size, insn->imm);                                              \
    }                                                                                              \
    EXEC_OP(mov##size##_rm)                                                                        \
    {                                                                                              \
        gpr_write(core, insn->n[0], size, operand_load(core, insn, size));                         \
    }                                                                                              \
    EXEC_OP(mov##size##_mr)                                                                        \
    {                                                                                              \
        operand_store(core, insn, size, gpr_read(core, insn->n[1], size));                         \
    }                                                                                              \
    EXEC_OP(mov##size##_mi)                                                                        \
    {                                                                                              \
        operand_store(core, insn, size, insn->imm);                                                \
    }                                                                                              \
    MOV_FAST(size, base, ADDRESS_BASE)                                                             \
    MOV_FAST(size, index, ADDRESS_INDEX)
MOV(1)
MOV(2)
MOV(4)
MOV(8)

struct mov_forms {
    exec_fn *rr, *ri;
    exec_fn *rm[ADDRESS_FORMS], *mr[ADDRESS_FORMS], *mi[ADDRESS_FORMS];
};

#define MOV_FORMS(size)                                                                            \
    {                                                                                              \
        exec_mov##size##_rr, exec_mov##size##_ri,                                                  \
            { exec_mov##size##_rm_base, exec_mov##size##_rm_index, exec_mov##size##_rm },          \
            { exec_mov##size##_mr_base, exec_mov##size##_mr_index, exec_mov##size##_mr },          \
        {                                                                                          \
            exec_mov##size##_mi_base, exec_mov##size##_mi_index, exec_mov##size##_mi               \
        }                                                                                          \
    }
static const struct mov_forms mov_forms[4] = { MOV_FORMS(1), MOV_FORMS(2), MOV_FORMS(4),
                                               MOV_FORMS(8) };

static exec_fn *choose_mov(const struct insn *insn)
{
    const struct mov_forms *forms = &mov_forms[size_log2(insn->size[0])];
    enum address_form form = insn_address_form(insn);

    if (insn->kind[0] == OPERAND_MEM) {
        return insn->kind[1] == OPERAND_GPR ? forms->mr[form] : forms->mi[form];
    }
    return insn->kind[1] == OPERAND_MEM   ? forms->rm[form]
           : insn->kind[1] == OPERAND_IMM ? forms->ri
                                          : forms->rr;
}

/* ---- MOVZX, MOVSX, MOVSXD ---- */

static ALWAYS_INLINE void extend(struct core *core, const struct insn *insn, uint64_t value,
                                 unsigned from, unsigned to, bool sign)
{
    gpr_write(core, insn->n[0], to, sign ? size_sign_extend(value, from) : value);
}

static ALWAYS_INLINE bool extend_fast(struct core *core, const struct insn *insn, unsigned from,
                                      unsigned to, bool sign, enum address_form form)
{
    const uint8_t *host = operand_host_read(core, insn, from, form);

    if (UNLIKELY(host == NULL)) {
        return false;
    }
    extend(core, insn, ram_load_size(host, from), from, to, sign);
    return true;
}

#define EXTEND(name, from, to, sign)                                                               \
    EXEC_OP(name##from##to##_rr)                                                                   \
    {                                                                                              \
        extend(core, insn, gpr_read(core, insn->n[1], from), from, to, sign);                      \
    }                                                                                              \
    EXEC_OP(name##from##to##_rm)                                                                   \
    {                                                                                              \
        extend(core, insn, operand_load(core, insn, from), from, to, sign);                        \
    }                                                                                              \
    EXEC_FAST_OP(name##from##to##_base, name##from##to##_rm)                                       \
    {                                                                                              \
        return extend_fast(core, insn, from, to, sign, ADDRESS_BASE);                              \
    }                                                                                              \
    EXEC_FAST_OP(name##from##to##_index, name##from##to##_rm)                                      \
    {                                                                                              \
        return extend_fast(core, insn, from, to, sign, ADDRESS_INDEX);                             \
    }

/* X(name, is MOVSX, from, to): bytes */
// clang-format off
#define EXTENSIONS(X) \
    X(movzx, 0, 1, 2) X(movzx, 0, 1, 4) X(movzx, 0, 1, 8) X(movzx, 0, 2, 2) X(movzx, 0, 2, 4) X(movzx, 0, 2, 8) \
    X(movsx, 1, 1, 2) X(movsx, 1, 1, 4) X(movsx, 1, 1, 8) X(movsx, 1, 2, 2) X(movsx, 1, 2, 4) X(movsx, 1, 2, 8) \
    X(movsx, 1, 4, 2) X(movsx, 1, 4, 4) X(movsx, 1, 4, 8)
// clang-format on

#define X(name, sign, from, to) EXTEND(name, from, to, sign)
EXTENSIONS(X)
#undef X

static const struct extend_forms {
    uint8_t sign, from, to;
    exec_fn *rr, *rm[ADDRESS_FORMS];
} extend_forms[] = {
#define X(name, sign, from, to)                                                                    \
    { sign,                                                                                        \
      from,                                                                                        \
      to,                                                                                          \
      exec_##name##from##to##_rr,                                                                  \
      { exec_##name##from##to##_base, exec_##name##from##to##_index,                               \
        exec_##name##from##to##_rm } },
    EXTENSIONS(X)
#undef X
};

static exec_fn *choose_extend(const struct insn *insn)
{
    /* MOVSXD r16, r/m16 reads 16 bits; the decoder may call it r/m32. */
    for (unsigned i = 0; i < ARRAY_SIZE(extend_forms); i++) {
        const struct extend_forms *forms = &extend_forms[i];
        if (forms->sign == (insn->op != OP_MOVZX) && forms->from == insn->size[1] &&
            forms->to == insn->size[0]) {
            return insn->kind[1] == OPERAND_MEM ? forms->rm[insn_address_form(insn)] : forms->rr;
        }
    }
    return exec_undefined;
}

/* ---- LEA ---- */

EXEC_OP(lea2)
{
    gpr16_write(core, insn->n[0], (uint16_t)insn_offset(core, insn));
}
EXEC_OP(lea4)
{
    gpr32_write(core, insn->n[0], (uint32_t)insn_offset(core, insn));
}
EXEC_OP(lea8)
{
    gpr64_write(core, insn->n[0], insn_offset(core, insn));
}
EXEC_OP(lea4_base)
{
    gpr32_write(core, insn->n[0], (uint32_t)insn_address(core, insn, ADDRESS_BASE));
}
EXEC_OP(lea4_index)
{
    gpr32_write(core, insn->n[0], (uint32_t)insn_address(core, insn, ADDRESS_INDEX));
}
EXEC_OP(lea8_base)
{
    gpr64_write(core, insn->n[0], insn_address(core, insn, ADDRESS_BASE));
}
EXEC_OP(lea8_index)
{
    gpr64_write(core, insn->n[0], insn_address(core, insn, ADDRESS_INDEX));
}

static exec_fn *choose_lea(const struct insn *insn)
{
    static exec_fn *const forms[3][ADDRESS_FORMS] = {
        { exec_lea2, exec_lea2, exec_lea2 },
        { exec_lea4_base, exec_lea4_index, exec_lea4 },
        { exec_lea8_base, exec_lea8_index, exec_lea8 },
    };
    enum address_form form = insn->adsize != 8         ? ADDRESS_ANY
                             : insn->index == REG_ZERO ? ADDRESS_BASE
                                                       : ADDRESS_INDEX;

    return forms[size_log2(insn->opsize) - 1][form];
}

/* ---- XCHG ---- */

static ALWAYS_INLINE void xchg_register(struct core *core, const struct insn *insn, unsigned size)
{
    uint64_t a = gpr_read(core, insn->n[0], size), b = gpr_read(core, insn->n[1], size);

    gpr_write(core, insn->n[0], size, b);
    gpr_write(core, insn->n[1], size, a);
}

/* Always locked. */
static ALWAYS_INLINE void xchg_memory(struct core *core, const struct insn *insn, unsigned size)
{
    unsigned n = insn->kind[0] == OPERAND_GPR ? insn->n[0] : insn->n[1];
    gva_t gva = insn_linear(core, insn, size, MMU_WRITE);
    core_lock(core, gva, size);
    uint8_t *host = core_rmw(core, gva, size, insn_is_stack(insn));
    uint64_t value = gpr_read(core, n, size), old;

    if (UNLIKELY(host == NULL)) {
        old = core_load_size(core, gva, size, insn_is_stack(insn));
        core_store_size(core, gva, size, value, insn_is_stack(insn));
    } else if (ram_is_atomic(host, size)) {
        old = ram_exchange(host, size, value);
    } else {
        old = ram_load_size(host, size);
        ram_store_size(host, size, value);
    }
    gpr_write(core, n, size, old);
}

#define XCHG(size)                                                                                 \
    EXEC_OP(xchg##size##_r)                                                                        \
    {                                                                                              \
        xchg_register(core, insn, size);                                                           \
    }                                                                                              \
    EXEC_OP(xchg##size##_m)                                                                        \
    {                                                                                              \
        xchg_memory(core, insn, size);                                                             \
    }
XCHG(1)
XCHG(2)
XCHG(4)
XCHG(8)

static exec_fn *choose_xchg(const struct insn *insn)
{
    static exec_fn *const registers[] = { exec_xchg1_r, exec_xchg2_r, exec_xchg4_r, exec_xchg8_r };
    static exec_fn *const memory[] = { exec_xchg1_m, exec_xchg2_m, exec_xchg4_m, exec_xchg8_m };
    bool is_memory = insn->kind[0] == OPERAND_MEM || insn->kind[1] == OPERAND_MEM;

    return (is_memory ? memory : registers)[size_log2(insn->size[0])];
}

/* ---- CMOVCC and SETCC ---- */

/* The source is read whatever the condition says; a 32-bit destination is always zero-extended. */
static ALWAYS_INLINE void cmov(struct core *core, const struct insn *insn, bool met,
                               uint64_t source, unsigned size)
{
    uint64_t old = core->state.gpr[insn->n[0]];

    gpr_write(core, insn->n[0], size, met ? source : old);
}

#define CMOV(name, code)                                                                           \
    EXEC_OP(cmov##name##4)                                                                         \
    {                                                                                              \
        cmov(core, insn, condition_met(core, code), core->state.gpr[insn->n[1]], 4);               \
    }                                                                                              \
    EXEC_OP(cmov##name##8)                                                                         \
    {                                                                                              \
        cmov(core, insn, condition_met(core, code), core->state.gpr[insn->n[1]], 8);               \
    }                                                                                              \
    EXEC_OP(set##name)                                                                             \
    {                                                                                              \
        gpr8_write(core, insn->n[0], condition_met(core, code));                                   \
    }
CONDITIONS(CMOV)

EXEC_OP(cmov2)
{
    cmov(core, insn, condition_met(core, insn->imm2), operand_read(core, insn, 1, 2), 2);
}
EXEC_OP(cmov4_m)
{
    cmov(core, insn, condition_met(core, insn->imm2), operand_load(core, insn, 4), 4);
}
EXEC_OP(cmov8_m)
{
    cmov(core, insn, condition_met(core, insn->imm2), operand_load(core, insn, 8), 8);
}
EXEC_OP(set_m)
{
    operand_store(core, insn, 1, condition_met(core, insn->imm2));
}

static exec_fn *choose_conditional(const struct insn *insn)
{
    static exec_fn *const conditions[16][3] = {
#define X(name, code) [code] = { exec_cmov##name##4, exec_cmov##name##8, exec_set##name },
        CONDITIONS(X)
#undef X
    };
    unsigned code = insn->imm2 & 15;

    if (insn->op == OP_SETCC) {
        return insn->kind[0] == OPERAND_MEM ? exec_set_m : conditions[code][2];
    }
    if (insn->opsize == 2) {
        return exec_cmov2;
    }
    if (insn->kind[1] == OPERAND_MEM) {
        return insn->opsize == 4 ? exec_cmov4_m : exec_cmov8_m;
    }
    return conditions[code][insn->opsize == 8];
}

/* ---- conversions ---- */

EXEC_OP(cbw2)
{
    (void)insn;
    gpr16_write(core, REG_RAX, (uint16_t)(int8_t)core->state.gpr[REG_RAX]);
}
EXEC_OP(cbw4)
{
    (void)insn;
    gpr32_write(core, REG_RAX, (uint32_t)(int16_t)core->state.gpr[REG_RAX]);
}
EXEC_OP(cbw8)
{
    (void)insn;
    gpr64_write(core, REG_RAX, (uint64_t)(int32_t)core->state.gpr[REG_RAX]);
}
EXEC_OP(cwd2)
{
    (void)insn;
    gpr16_write(core, REG_RDX, (uint16_t)((int16_t)core->state.gpr[REG_RAX] >> 15));
}
EXEC_OP(cwd4)
{
    (void)insn;
    gpr32_write(core, REG_RDX, (uint32_t)((int32_t)core->state.gpr[REG_RAX] >> 31));
}
EXEC_OP(cwd8)
{
    (void)insn;
    gpr64_write(core, REG_RDX, (uint64_t)((int64_t)core->state.gpr[REG_RAX] >> 63));
}

static ALWAYS_INLINE uint64_t byte_swap(uint64_t value, unsigned size)
{
    return size == 2   ? __builtin_bswap16((uint16_t)value)
           : size == 4 ? __builtin_bswap32((uint32_t)value)
                       : __builtin_bswap64(value);
}

EXEC_OP(bswap2)
{
    gpr16_write(core, insn->n[0], 0);
}
EXEC_OP(bswap4)
{
    gpr32_write(core, insn->n[0], __builtin_bswap32((uint32_t)core->state.gpr[insn->n[0]]));
}
EXEC_OP(bswap8)
{
    gpr64_write(core, insn->n[0], __builtin_bswap64(core->state.gpr[insn->n[0]]));
}

EXEC_OP(movbe)
{
    operand_write(core, insn, 0, insn->opsize,
                  byte_swap(operand_read(core, insn, 1, insn->opsize), insn->opsize));
}

EXEC_OP(xlat)
{
    uint64_t offset = core->state.gpr[REG_RBX] + (uint8_t)core->state.gpr[REG_RAX];
    gva_t gva = segment_linear(core, insn->segment, offset & size_mask(insn->adsize), 1, MMU_READ);

    gpr8_write(core, REG_RAX, core_load8(core, gva, insn->segment == SEG_SS));
}

/* ---- flags ---- */

EXEC_OP(lahf)
{
    (void)insn;
    gpr8_write(core, REG_RAX | 16, (uint8_t)(flags_get(core) | FLAG_ONE));
}

EXEC_OP(sahf)
{
    (void)insn;
    flags_set(core, (flags_get(core) & FLAG_OF) | gpr8_read(core, REG_RAX | 16));
}

/* CF is bit 63 and CF ^ OF bit 62: changing CF alone flips both. */
#define CF_FLIP (FC_CF | FC_CF_XOR_OF)

EXEC_OP(cmc)
{
    (void)insn;
    core->state.flags_carry ^= CF_FLIP;
}
EXEC_OP(clc)
{
    (void)insn;
    core->state.flags_carry ^= flag_cf(core) ? CF_FLIP : 0;
}
EXEC_OP(stc)
{
    (void)insn;
    core->state.flags_carry ^= flag_cf(core) ? 0 : CF_FLIP;
}
EXEC_OP(cld)
{
    (void)insn;
    core->state.rflags_rest &= ~FLAG_DF;
}
EXEC_OP(std)
{
    (void)insn;
    core->state.rflags_rest |= FLAG_DF;
}
EXEC_OP(salc)
{
    (void)insn;
    gpr8_write(core, REG_RAX, flag_cf(core) ? 0xff : 0);
}
EXEC_OP(nop)
{
    (void)core, (void)insn;
}

/* Whoever spins may keep a host's processor from the one that it waits for. */
EXEC_OP(pause)
{
    enum { PAUSES_IN_A_ROW = 128 };

    (void)insn;
    if (UNLIKELY(++core->pauses == PAUSES_IN_A_ROW)) {
        core->pauses = 0;
        if (core->ops->pause != NULL) {
            core->ops->pause(core->owner);
        }
    }
}

exec_fn *exec_choose_move(const struct insn *insn)
{
    static exec_fn *const cbw[] = { NULL, exec_cbw2, exec_cbw4, exec_cbw8 };
    static exec_fn *const cwd[] = { NULL, exec_cwd2, exec_cwd4, exec_cwd8 };
    static exec_fn *const bswap[] = { NULL, exec_bswap2, exec_bswap4, exec_bswap8 };
    unsigned size = size_log2(insn->opsize);

    switch (insn->op) {
    case OP_MOV:
    case OP_MOVNTI:
        return choose_mov(insn);
    case OP_MOVZX:
    case OP_MOVSX:
    case OP_MOVSXD:
        return choose_extend(insn);
    case OP_XCHG:
        return choose_xchg(insn);
    case OP_LEA:
        return size == 0 ? exec_undefined : choose_lea(insn);
    case OP_BSWAP:
        return size == 0 ? exec_undefined : bswap[size];
    case OP_CBW:
        return size == 0 ? exec_undefined : cbw[size];
    case OP_CWD:
        return size == 0 ? exec_undefined : cwd[size];
    case OP_CMOVCC:
    case OP_SETCC:
        return choose_conditional(insn);
    case OP_XLAT:
        return exec_xlat;
    case OP_LAHF:
        return exec_lahf;
    case OP_SAHF:
        return exec_sahf;
    case OP_CMC:
        return exec_cmc;
    case OP_CLC:
        return exec_clc;
    case OP_STC:
        return exec_stc;
    case OP_CLD:
        return exec_cld;
    case OP_STD:
        return exec_std;
    case OP_MOVBE:
        return exec_movbe;
    case OP_SALC:
        return exec_salc;
    case OP_PAUSE:
        return exec_pause;
    case OP_NOP:
    case OP_ENDBR:
        return exec_nop;
    default:
        return exec_undefined;
    }
}
