/* Bit tests, scans, counts and CRC32. [SDM 2 BT, BSF, BSR, POPCNT, LZCNT, TZCNT, CRC32]
 *
 * Undefined flags: BT and its kin change CF only; BSF and BSR set SF, ZF and PF by the source and
 * clear the others. A scan of zero leaves the destination as it was.
 */
#include "cpu/exec/exec.h"
#include "cpu/exec/flags.h"
#include "cpu/exec/operand.h"

/* ---- BT, BTS, BTR, BTC ---- */

enum bit_test { BIT_TEST, BIT_SET, BIT_RESET, BIT_COMPLEMENT };

static ALWAYS_INLINE uint64_t bit_changed(enum bit_test test, uint64_t value, uint64_t mask)
{
    switch (test) {
    case BIT_SET:
        return value | mask;
    case BIT_RESET:
        return value & ~mask;
    case BIT_COMPLEMENT:
        return value ^ mask;
    default:
        return value;
    }
}

static ALWAYS_INLINE void bit_carry(struct core *core, uint64_t value, uint64_t mask)
{
    if (((value & mask) != 0) != flag_cf(core)) {
        core->state.flags_carry ^= FC_CF | FC_CF_XOR_OF;
    }
}

static ALWAYS_INLINE uint64_t bit_mask(uint64_t n, unsigned size)
{
    return UINT64_C(1) << (n & (size * 8 - 1));
}

static ALWAYS_INLINE void bit_register(struct core *core, const struct insn *insn,
                                       enum bit_test test)
{
    unsigned size = insn->size[0];
    uint64_t mask = bit_mask(operand_read(core, insn, 1, 1), size),
             value = gpr_read(core, insn->n[0], size);

    if (test != BIT_TEST) {
        gpr_write(core, insn->n[0], size, bit_changed(test, value, mask));
    }
    bit_carry(core, value, mask);
}

/* A register's bit number reaches, signed, beyond the operand. */
static gva_t bit_linear(struct core *core, const struct insn *insn, unsigned size, unsigned access)
{
    struct insn moved = *insn;

    if (insn->kind[1] == OPERAND_GPR) {
        int64_t n = (int64_t)size_sign_extend(core->state.gpr[insn->n[1]], size);
        moved.disp =
            (int64_t)((uint64_t)moved.disp + (uint64_t)(n >> (size_log2(size) + 3)) * size);
    }
    return insn_linear(core, &moved, size, access);
}

static ALWAYS_INLINE void bit_memory(struct core *core, const struct insn *insn, enum bit_test test)
{
    unsigned size = insn->size[0];
    uint64_t mask = bit_mask(operand_read(core, insn, 1, 1), size), value;
    gva_t gva = bit_linear(core, insn, size, test == BIT_TEST ? MMU_READ : MMU_WRITE);
    bool stack = insn_is_stack(insn);

    if (test == BIT_TEST) {
        value = core_load_size(core, gva, size, stack);
    } else {
        if (insn->flags & INSN_LOCK) {
            core_lock(core, gva, size);
        }
        uint8_t *host = core_rmw(core, gva, size, stack);
        if (UNLIKELY(host == NULL)) {
            value = core_load_size(core, gva, size, stack);
            core_store_size(core, gva, size, bit_changed(test, value, mask), stack);
        } else {
            value = ram_load_size(host, size);
            if ((insn->flags & INSN_LOCK) && ram_is_atomic(host, size)) {
                while (!ram_compare_exchange(host, size, &value, bit_changed(test, value, mask))) {
                }
            } else {
                ram_store_size(host, size, bit_changed(test, value, mask));
            }
        }
    }
    bit_carry(core, value, mask);
}

/* X(name, NAME, test) */
#define BIT_TESTS(X) X(bt, BT, TEST) X(bts, BTS, SET) X(btr, BTR, RESET) X(btc, BTC, COMPLEMENT)

#define X(name, NAME, test)                                                                        \
    EXEC_OP(name##_r)                                                                              \
    {                                                                                              \
        bit_register(core, insn, BIT_##test);                                                      \
    }                                                                                              \
    EXEC_OP(name##_m)                                                                              \
    {                                                                                              \
        bit_memory(core, insn, BIT_##test);                                                        \
    }
BIT_TESTS(X)
#undef X

/* ---- scans and counts: value is zero-extended and not zero ---- */

static ALWAYS_INLINE unsigned lowest_bit(uint64_t value)
{
    return (unsigned)__builtin_ctzll(value);
}

static ALWAYS_INLINE unsigned highest_bit(uint64_t value)
{
    return 63 - (unsigned)__builtin_clzll(value);
}

static ALWAYS_INLINE void bit_scan(struct core *core, const struct insn *insn, bool reverse)
{
    unsigned size = insn->opsize;
    uint64_t value = operand_read(core, insn, 1, size);

    if (value != 0) {
        gpr_write(core, insn->n[0], size, reverse ? highest_bit(value) : lowest_bit(value));
    }
    core->state.flags_result = size_sign_extend(value, size);
    core->state.flags_carry = 0;
}

EXEC_OP(bsf)
{
    bit_scan(core, insn, false);
}
EXEC_OP(bsr)
{
    bit_scan(core, insn, true);
}

/* CF: the source is zero, ZF: the result is. Undefined: SF 0, OF 0, AF 0, PF of the result. */
static ALWAYS_INLINE void zeros_count(struct core *core, const struct insn *insn, bool leading)
{
    unsigned size = insn->opsize, bits = 8 * size;
    uint64_t value = operand_read(core, insn, 1, size);
    unsigned n = value == 0 ? bits : leading ? bits - 1 - highest_bit(value) : lowest_bit(value);

    gpr_write(core, insn->n[0], size, n);
    core->state.flags_result = n;
    core->state.flags_carry = value == 0 ? FC_CF | FC_CF_XOR_OF : 0;
}

EXEC_OP(lzcnt)
{
    zeros_count(core, insn, true);
}

EXEC_OP(tzcnt)
{
    zeros_count(core, insn, false);
}

EXEC_OP(popcnt)
{
    unsigned size = insn->opsize;

    uint64_t value = operand_read(core, insn, 1, size);
    gpr_write(core, insn->n[0], size, (uint64_t)__builtin_popcountll(value));
    flags_set(core, value == 0 ? FLAG_ZF : 0);
}

/* ---- CRC32: the Castagnoli polynomial, reflected, four bits at a time ---- */

static const uint32_t crc_nibbles[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

EXEC_OP(crc32)
{
    unsigned size = insn->size[1];

    uint64_t data = operand_read(core, insn, 1, size);
    uint32_t crc = (uint32_t)core->state.gpr[insn->n[0]];
    for (unsigned i = 0; i < size * 2; i++) {
        crc = crc >> 4 ^ crc_nibbles[(crc ^ (uint32_t)data) & 15];
        data >>= 4;
    }
    gpr32_write(core, insn->n[0], crc); /* a 64-bit destination is zero-extended as well */
}

exec_fn *exec_choose_bit(const struct insn *insn)
{
    switch (insn->op) {
#define X(name, NAME, test)                                                                        \
    case OP_##NAME:                                                                                \
        return insn->kind[0] == OPERAND_MEM ? exec_##name##_m : exec_##name##_r;
        BIT_TESTS(X)
#undef X
    case OP_BSF:
        return exec_bsf;
    case OP_BSR:
        return exec_bsr;
    case OP_TZCNT:
        return exec_tzcnt;
    case OP_LZCNT:
        return exec_lzcnt;
    case OP_POPCNT:
        return exec_popcnt;
    case OP_CRC32:
        return exec_crc32;
    default:
        return exec_undefined;
    }
}
