/* Operands of integer instructions: by size, by addressing form, atomically; and the stack. [SDM
 * 1 3.7, 6.2]
 *
 * Sizes are in bytes and nearly always constant, so that these inline to one access. A hot memory
 * form is written twice: EXEC_OP handles every address, EXEC_FAST_OP one addressing form in
 * straight-line code. The fast one does nothing but hand over to the other when its TLB look-up
 * misses, and so needs no stack frame.
 */
#ifndef CPU_EXEC_OPERAND_H
#define CPU_EXEC_OPERAND_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu/exec/core.h"
#include "cpu/exec/exec.h"
#include "cpu/exec/flags.h"

/* ---- sizes ---- */

static ALWAYS_INLINE uint64_t size_mask(unsigned size)
{
    return size == 8 ? UINT64_MAX : (UINT64_C(1) << (size * 8)) - 1;
}

static ALWAYS_INLINE uint64_t size_sign_extend(uint64_t value, unsigned size)
{
    return size == 1   ? (uint64_t)(int64_t)(int8_t)value
           : size == 2 ? (uint64_t)(int64_t)(int16_t)value
           : size == 4 ? (uint64_t)(int64_t)(int32_t)value
                       : value;
}

/* 0..3 for 1, 2, 4, 8 bytes: index of tables by size. */
static inline unsigned size_log2(unsigned size)
{
    return size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : 3;
}

/* ---- flags by size ---- */

static ALWAYS_INLINE void flags_add_size(struct core *core, unsigned size, uint64_t a, uint64_t b,
                                         uint64_t r)
{
    if (size == 1) {
        flags_add8(core, (uint8_t)a, (uint8_t)b, (uint8_t)r);
    } else if (size == 2) {
        flags_add16(core, (uint16_t)a, (uint16_t)b, (uint16_t)r);
    } else if (size == 4) {
        flags_add32(core, (uint32_t)a, (uint32_t)b, (uint32_t)r);
    } else {
        flags_add64(core, a, b, r);
    }
}

static ALWAYS_INLINE void flags_sub_size(struct core *core, unsigned size, uint64_t a, uint64_t b,
                                         uint64_t r)
{
    if (size == 1) {
        flags_sub8(core, (uint8_t)a, (uint8_t)b, (uint8_t)r);
    } else if (size == 2) {
        flags_sub16(core, (uint16_t)a, (uint16_t)b, (uint16_t)r);
    } else if (size == 4) {
        flags_sub32(core, (uint32_t)a, (uint32_t)b, (uint32_t)r);
    } else {
        flags_sub64(core, a, b, r);
    }
}

/* ---- memory by size ---- */

static ALWAYS_INLINE uint64_t ram_load_size(const uint8_t *host, unsigned size)
{
    return size == 1   ? ram_load8(host)
           : size == 2 ? ram_load16(host)
           : size == 4 ? ram_load32(host)
                       : ram_load64(host);
}

static ALWAYS_INLINE void ram_store_size(uint8_t *host, unsigned size, uint64_t value)
{
    if (size == 1) {
        ram_store8(host, (uint8_t)value);
    } else if (size == 2) {
        ram_store16(host, (uint16_t)value);
    } else if (size == 4) {
        ram_store32(host, (uint32_t)value);
    } else {
        ram_store64(host, value);
    }
}

static ALWAYS_INLINE uint64_t core_load_size(struct core *core, gva_t gva, unsigned size,
                                             bool stack)
{
    return size == 1   ? core_load8(core, gva, stack)
           : size == 2 ? core_load16(core, gva, stack)
           : size == 4 ? core_load32(core, gva, stack)
                       : core_load64(core, gva, stack);
}

static ALWAYS_INLINE void core_store_size(struct core *core, gva_t gva, unsigned size,
                                          uint64_t value, bool stack)
{
    if (size == 1) {
        core_store8(core, gva, (uint8_t)value, stack);
    } else if (size == 2) {
        core_store16(core, gva, (uint16_t)value, stack);
    } else if (size == 4) {
        core_store32(core, gva, (uint32_t)value, stack);
    } else {
        core_store64(core, gva, value, stack);
    }
}

/* Whether a locked access can be one host atomic. A locked access that is not aligned is done in
 * plain pieces: it is atomic only as long as one host thread runs the machine. */
static ALWAYS_INLINE bool ram_is_atomic(const uint8_t *host, unsigned size)
{
    return ((uintptr_t)host & (size - 1)) == 0;
}

/* Sequentially consistent compare and exchange on aligned RAM; *expected gets what was there. */
static ALWAYS_INLINE bool ram_compare_exchange(uint8_t *host, unsigned size, uint64_t *expected,
                                               uint64_t value)
{
    uint8_t e8 = (uint8_t)*expected;
    uint16_t e16 = (uint16_t)*expected;
    uint32_t e32 = (uint32_t)*expected;
    void *at = host;
    bool done;

    if (size == 1) {
        done = __atomic_compare_exchange_n(host, &e8, (uint8_t)value, false, __ATOMIC_SEQ_CST,
                                           __ATOMIC_SEQ_CST);
        *expected = e8;
    } else if (size == 2) {
        done = __atomic_compare_exchange_n((uint16_t *)at, &e16, (uint16_t)value, false,
                                           __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        *expected = e16;
    } else if (size == 4) {
        done = __atomic_compare_exchange_n((uint32_t *)at, &e32, (uint32_t)value, false,
                                           __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        *expected = e32;
    } else {
        done = __atomic_compare_exchange_n((uint64_t *)at, expected, value, false, __ATOMIC_SEQ_CST,
                                           __ATOMIC_SEQ_CST);
    }
    return done;
}

static ALWAYS_INLINE uint64_t ram_exchange(uint8_t *host, unsigned size, uint64_t value)
{
    void *at = host;

    return size == 1   ? __atomic_exchange_n(host, (uint8_t)value, __ATOMIC_SEQ_CST)
           : size == 2 ? __atomic_exchange_n((uint16_t *)at, (uint16_t)value, __ATOMIC_SEQ_CST)
           : size == 4 ? __atomic_exchange_n((uint32_t *)at, (uint32_t)value, __ATOMIC_SEQ_CST)
                       : __atomic_exchange_n((uint64_t *)at, value, __ATOMIC_SEQ_CST);
}

/* ---- operands of any kind: for what is not hot ---- */

static ALWAYS_INLINE uint64_t operand_load(struct core *core, const struct insn *insn,
                                           unsigned size)
{
    return core_load_size(core, insn_linear(core, insn, size, MMU_READ), size, insn_is_stack(insn));
}

static ALWAYS_INLINE void operand_store(struct core *core, const struct insn *insn, unsigned size,
                                        uint64_t value)
{
    core_store_size(core, insn_linear(core, insn, size, MMU_WRITE), size, value,
                    insn_is_stack(insn));
}

/* Operand i: a general register, memory or an immediate. */
static ALWAYS_INLINE uint64_t operand_read(struct core *core, const struct insn *insn, unsigned i,
                                           unsigned size)
{
    if (insn->kind[i] == OPERAND_GPR) {
        return gpr_read(core, insn->n[i], size);
    }
    return insn->kind[i] == OPERAND_MEM ? operand_load(core, insn, size)
                                        : insn->imm & size_mask(size);
}

/* Operand i: a general register or memory. Faults before it changes anything. */
static ALWAYS_INLINE void operand_write(struct core *core, const struct insn *insn, unsigned i,
                                        unsigned size, uint64_t value)
{
    if (insn->kind[i] == OPERAND_GPR) {
        gpr_write(core, insn->n[i], size, value);
    } else {
        operand_store(core, insn, size, value);
    }
}

/* ---- the fast addressing forms ---- */

enum address_form {
    ADDRESS_BASE,  /* 64-bit, no segment base: base + disp */
    ADDRESS_INDEX, /* 64-bit, no segment base: base + index * scale + disp */
    ADDRESS_ANY,
    ADDRESS_FORMS,
};

static inline enum address_form insn_address_form(const struct insn *insn)
{
    if (insn->adsize != 8 || (insn->flags & INSN_SEGMENTED) || insn->segment >= SEG_FS) {
        return ADDRESS_ANY;
    }
    return insn->index == REG_ZERO ? ADDRESS_BASE : ADDRESS_INDEX;
}

static ALWAYS_INLINE uint64_t insn_address(const struct core *core, const struct insn *insn,
                                           enum address_form form)
{
    uint64_t address = core->state.gpr[insn->base] + (uint64_t)insn->disp;

    return form == ADDRESS_BASE ? address
                                : address + (core->state.gpr[insn->index] << insn->scale_log2);
}

/* Host pointer of the memory operand, or NULL: leave it to the other function. */
static ALWAYS_INLINE uint8_t *operand_host_read(struct core *core, const struct insn *insn,
                                                unsigned size, enum address_form form)
{
    return tlb_read(core->data_set, insn_address(core, insn, form), size);
}

static ALWAYS_INLINE uint8_t *operand_host_write(struct core *core, const struct insn *insn,
                                                 unsigned size, enum address_form form)
{
    return tlb_write(core->data_set, insn_address(core, insn, form), size);
}

/* A fast form of an operation: the body returns false, having changed nothing, to leave the
 * instruction to the function `slow`. */
#define EXEC_FAST_OP(name, slow)                                                                   \
    static ALWAYS_INLINE bool name##_body(struct core *core, const struct insn *insn);             \
    static void exec_##name(struct core *core, const struct insn *insn)                            \
    {                                                                                              \
        if (UNLIKELY(!name##_body(core, insn))) {                                                  \
            exec_##slow(core, insn);                                                               \
            return;                                                                                \
        }                                                                                          \
        EXEC_NEXT(core, insn);                                                                     \
    }                                                                                              \
    static ALWAYS_INLINE bool name##_body(struct core *core, const struct insn *insn)

/* ---- segments of implicit operands: decided at run time ---- */

static ALWAYS_INLINE gva_t segment_linear(struct core *core, unsigned segment, uint64_t offset,
                                          unsigned size, unsigned access)
{
    if (LIKELY(core->bits == 64)) {
        return offset + core->seg_base[segment];
    }
    return core_segment_linear(core, segment, offset, size, access);
}

/* ---- the stack ---- */

static ALWAYS_INLINE uint64_t stack_wrap(const struct core *core, uint64_t offset)
{
    if (LIKELY(core->stack_bits == 64)) {
        return offset;
    }
    return core->stack_bits == 32 ? (uint32_t)offset : (uint16_t)offset;
}

/* The stack pointer moved by delta; not yet written. */
static ALWAYS_INLINE uint64_t stack_moved(const struct core *core, uint64_t delta)
{
    return stack_wrap(core, core->state.gpr[REG_RSP] + delta);
}

/* Write the stack pointer by the stack's width. */
static ALWAYS_INLINE void stack_set(struct core *core, uint64_t offset)
{
    if (UNLIKELY(core->stack_bits == 16)) {
        gpr16_write(core, REG_RSP, (uint16_t)offset);
    } else {
        core->state.gpr[REG_RSP] = offset;
    }
}

static ALWAYS_INLINE uint64_t stack_load(struct core *core, uint64_t offset, unsigned size)
{
    return core_load_size(core, segment_linear(core, SEG_SS, offset, size, MMU_READ), size, true);
}

static ALWAYS_INLINE void stack_store(struct core *core, uint64_t offset, unsigned size,
                                      uint64_t value)
{
    core_store_size(core, segment_linear(core, SEG_SS, offset, size, MMU_WRITE), size, value, true);
}

#endif
