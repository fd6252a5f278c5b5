/* MOVS, STOS, LODS, CMPS, SCAS, alone and repeated. [SDM 2 MOVS.., REP; 1 7.3.9]
 *
 * A repeated operation runs in chunks: a run of elements that lie in pages the TLB knows, or else
 * one element that may fault. Registers and flags are up to date after each chunk, so that a fault
 * or an interruption between chunks finds the completed iterations and nothing else. Every
 * iteration counts as one instruction; the block counts one itself.
 */
#include "cpu/exec/exec.h"
#include "cpu/exec/flags.h"
#include "cpu/exec/operand.h"

enum { STRING_CHUNK = 4096 }; /* elements between looks at what is pending */

/* ---- one element ---- */

static ALWAYS_INLINE uint64_t string_offset(const struct core *core, const struct insn *insn,
                                            unsigned reg)
{
    return core->state.gpr[reg] & size_mask(insn->adsize);
}

static ALWAYS_INLINE void string_step(struct core *core, const struct insn *insn, unsigned reg,
                                      uint64_t bytes)
{
    gpr_write(core, reg, insn->adsize, core->state.gpr[reg] + bytes);
}

static ALWAYS_INLINE uint64_t string_delta(const struct core *core, unsigned size)
{
    return core->state.rflags_rest & FLAG_DF ? 0 - (uint64_t)size : size;
}

static ALWAYS_INLINE uint64_t source_load(struct core *core, const struct insn *insn, unsigned size)
{
    gva_t gva =
        segment_linear(core, insn->segment, string_offset(core, insn, REG_RSI), size, MMU_READ);

    return core_load_size(core, gva, size, insn->segment == SEG_SS);
}

static ALWAYS_INLINE gva_t destination(struct core *core, const struct insn *insn, unsigned size,
                                       unsigned access)
{
    return segment_linear(core, SEG_ES, string_offset(core, insn, REG_RDI), size, access);
}

static ALWAYS_INLINE void movs_one(struct core *core, const struct insn *insn, unsigned size)
{
    uint64_t value = source_load(core, insn, size), delta = string_delta(core, size);

    core_store_size(core, destination(core, insn, size, MMU_WRITE), size, value, false);
    string_step(core, insn, REG_RSI, delta);
    string_step(core, insn, REG_RDI, delta);
}

static ALWAYS_INLINE void stos_one(struct core *core, const struct insn *insn, unsigned size)
{
    uint64_t value = gpr_read(core, REG_RAX, size);

    core_store_size(core, destination(core, insn, size, MMU_WRITE), size, value, false);
    string_step(core, insn, REG_RDI, string_delta(core, size));
}

static ALWAYS_INLINE void lods_one(struct core *core, const struct insn *insn, unsigned size)
{
    gpr_write(core, REG_RAX, size, source_load(core, insn, size));
    string_step(core, insn, REG_RSI, string_delta(core, size));
}

static ALWAYS_INLINE void cmps_one(struct core *core, const struct insn *insn, unsigned size)
{
    uint64_t a = source_load(core, insn, size), delta = string_delta(core, size);
    uint64_t b = core_load_size(core, destination(core, insn, size, MMU_READ), size, false);

    flags_sub_size(core, size, a, b, a - b);
    string_step(core, insn, REG_RSI, delta);
    string_step(core, insn, REG_RDI, delta);
}

static ALWAYS_INLINE void scas_one(struct core *core, const struct insn *insn, unsigned size)
{
    uint64_t a = gpr_read(core, REG_RAX, size);
    uint64_t b = core_load_size(core, destination(core, insn, size, MMU_READ), size, false);

    flags_sub_size(core, size, a, b, a - b);
    string_step(core, insn, REG_RDI, string_delta(core, size));
}

/* ---- runs of elements in one page, upward ---- */

/* A run may start: addresses need no check and grow. */
static ALWAYS_INLINE bool run_possible(const struct core *core, const struct insn *insn)
{
    return core->flat && !(core->state.rflags_rest & FLAG_DF) &&
           (core->bits == 64 || insn->segment < SEG_FS);
}

/* How many of n elements at an index register lie before the end of the page and the wrap of the
 * address; and where. */
static ALWAYS_INLINE uint64_t run_length(const struct core *core, const struct insn *insn,
                                         unsigned reg, unsigned segment, unsigned size, uint64_t n,
                                         gva_t *gva)
{
    uint64_t offset = string_offset(core, insn, reg), page;

    *gva = offset + core->seg_base[segment];
    page = (PAGE_SIZE - (*gva & ~PAGE_MASK)) / size;
    n = n < page ? n : page;
    if (insn->adsize != 8) {
        uint64_t wrap = (size_mask(insn->adsize) - offset + 1) / size;
        n = n < wrap ? n : wrap;
    }
    return n;
}

/* Copy as elements upward would. */
static void run_copy(uint8_t *to, const uint8_t *from, uint64_t length, unsigned size)
{
    uint64_t i = 0;

    if ((size_t)((uintptr_t)to - (uintptr_t)from) >= 8) {
        for (; i + 8 <= length; i += 8) {
            ram_store64(to + i, ram_load64(from + i));
        }
        for (; i < length; i++) {
            ram_store8(to + i, ram_load8(from + i));
        }
        return;
    }
    for (; i < length; i += size) {
        ram_store_size(to + i, size, ram_load_size(from + i, size));
    }
}

static void run_fill(uint8_t *to, uint64_t value, uint64_t length, unsigned size)
{
    uint64_t i = 0;

    value *= size == 1   ? UINT64_C(0x0101010101010101)
             : size == 2 ? UINT64_C(0x0001000100010001)
             : size == 4 ? UINT64_C(0x0000000100000001)
                         : 1;
    for (; i + 8 <= length; i += 8) {
        ram_store64(to + i, value);
    }
    for (; i < length; i += size) {
        ram_store_size(to + i, size, value);
    }
}

/* ---- chunks: do 1..n elements, return how many. Only the first may fault, and before any change
 * ---- */

static ALWAYS_INLINE uint64_t movs_chunk(struct core *core, const struct insn *insn, unsigned size,
                                         uint64_t n)
{
    if (LIKELY(run_possible(core, insn))) {
        gva_t from, to;
        n = run_length(core, insn, REG_RSI, insn->segment, size, n, &from);
        n = run_length(core, insn, REG_RDI, SEG_ES, size, n, &to);
        const uint8_t *host_from = tlb_read(core->data_set, from, size);
        uint8_t *host_to = tlb_write(core->data_set, to, size);
        if (LIKELY(n != 0 && host_from != NULL && host_to != NULL)) {
            run_copy(host_to, host_from, n * size, size);
            string_step(core, insn, REG_RSI, n * size);
            string_step(core, insn, REG_RDI, n * size);
            return n;
        }
    }
    movs_one(core, insn, size);
    return 1;
}

static ALWAYS_INLINE uint64_t stos_chunk(struct core *core, const struct insn *insn, unsigned size,
                                         uint64_t n)
{
    if (LIKELY(run_possible(core, insn))) {
        gva_t to;
        n = run_length(core, insn, REG_RDI, SEG_ES, size, n, &to);
        uint8_t *host_to = tlb_write(core->data_set, to, size);
        if (LIKELY(n != 0 && host_to != NULL)) {
            run_fill(host_to, gpr_read(core, REG_RAX, size), n * size, size);
            string_step(core, insn, REG_RDI, n * size);
            return n;
        }
    }
    stos_one(core, insn, size);
    return 1;
}

static ALWAYS_INLINE uint64_t lods_chunk(struct core *core, const struct insn *insn, unsigned size,
                                         uint64_t n)
{
    (void)n;
    lods_one(core, insn, size);
    return 1;
}

static ALWAYS_INLINE uint64_t cmps_chunk(struct core *core, const struct insn *insn, unsigned size,
                                         uint64_t n)
{
    bool equal = insn->flags & INSN_REP;

    if (LIKELY(run_possible(core, insn))) {
        gva_t from, to;
        n = run_length(core, insn, REG_RSI, insn->segment, size, n, &from);
        n = run_length(core, insn, REG_RDI, SEG_ES, size, n, &to);
        const uint8_t *host_from = tlb_read(core->data_set, from, size);
        const uint8_t *host_to = tlb_read(core->data_set, to, size);
        if (LIKELY(n != 0 && host_from != NULL && host_to != NULL)) {
            uint64_t i = 0, a, b;
            do {
                a = ram_load_size(host_from + i * size, size);
                b = ram_load_size(host_to + i * size, size);
                i++;
            } while (i < n && (a == b) == equal);
            flags_sub_size(core, size, a, b, a - b);
            string_step(core, insn, REG_RSI, i * size);
            string_step(core, insn, REG_RDI, i * size);
            return i;
        }
    }
    cmps_one(core, insn, size);
    return 1;
}

static ALWAYS_INLINE uint64_t scas_chunk(struct core *core, const struct insn *insn, unsigned size,
                                         uint64_t n)
{
    bool equal = insn->flags & INSN_REP;

    if (LIKELY(run_possible(core, insn))) {
        gva_t to;
        n = run_length(core, insn, REG_RDI, SEG_ES, size, n, &to);
        const uint8_t *host_to = tlb_read(core->data_set, to, size);
        if (LIKELY(n != 0 && host_to != NULL)) {
            uint64_t i = 0, a = gpr_read(core, REG_RAX, size), b;
            do {
                b = ram_load_size(host_to + i * size, size);
                i++;
            } while (i < n && (a == b) == equal);
            flags_sub_size(core, size, a, b, a - b);
            string_step(core, insn, REG_RDI, i * size);
            return i;
        }
    }
    scas_one(core, insn, size);
    return 1;
}

/* ---- repetition ---- */

typedef uint64_t string_chunk(struct core *core, const struct insn *insn, unsigned size,
                              uint64_t n);

/* compares: REPE and REPNE end on ZF. */
static ALWAYS_INLINE void repeat(struct core *core, const struct insn *insn, unsigned size,
                                 string_chunk *chunk, bool compares)
{
    uint64_t left = string_offset(core, insn, REG_RCX);
    bool trap = (core->state.rflags_rest & FLAG_TF) != 0;

    if (left == 0) {
        return;
    }
    for (;;) {
        uint64_t n = left < STRING_CHUNK ? left : STRING_CHUNK;
        int64_t budget = core_budget_left(core, insn);
        if (UNLIKELY(trap || budget <= 1)) {
            n = 1;
        } else if (n > (uint64_t)budget) {
            n = (uint64_t)budget;
        }
        n = chunk(core, insn, size, n);
        left -= n;
        gpr_write(core, REG_RCX, insn->adsize, left);
        core->retired += n;
        core->budget -= (int64_t)n;
        if (left == 0 || (compares && flag_zf(core) != ((insn->flags & INSN_REP) != 0))) {
            break;
        }
        if (UNLIKELY(trap)) {
            core->debug_pending |= DR6_BS;
            core->attention = true;
            core_restart_insn(core);
        }
        if (UNLIKELY(core_budget_left(core, insn) <= 0 ||
                     __atomic_load_n(&core->pending, __ATOMIC_RELAXED) != 0)) {
            core_restart_insn(core);
        }
    }
    core->retired -= 1;
    core->budget += 1;
    core_end_short_block(core, insn);
}

#define STRING_SIZE(name, size, compares)                                                          \
    EXEC_OP(name##size)                                                                            \
    {                                                                                              \
        name##_one(core, insn, size);                                                              \
    }                                                                                              \
    EXEC_OP(rep_##name##size)                                                                      \
    {                                                                                              \
        repeat(core, insn, size, name##_chunk, compares);                                          \
    }

/* X(name, NAME, ends on ZF) */
#define STRINGS(X)                                                                                 \
    X(movs, MOVS, false)                                                                           \
    X(stos, STOS, false) X(lods, LODS, false) X(cmps, CMPS, true) X(scas, SCAS, true)

#define X(name, NAME, compares)                                                                    \
    STRING_SIZE(name, 1, compares)                                                                 \
    STRING_SIZE(name, 2, compares)                                                                 \
    STRING_SIZE(name, 4, compares)                                                                 \
    STRING_SIZE(name, 8, compares)
STRINGS(X)
#undef X

exec_fn *exec_choose_string(const struct insn *insn)
{
    unsigned size = size_log2(insn->opsize);
    bool rep = (insn->flags & (INSN_REP | INSN_REPNE)) != 0;

    switch (insn->op) {
#define X(name, NAME, compares)                                                                    \
    case OP_##NAME: {                                                                              \
        static exec_fn *const once[] = { exec_##name##1, exec_##name##2, exec_##name##4,           \
                                         exec_##name##8 };                                         \
        static exec_fn *const repeated[] = { exec_rep_##name##1, exec_rep_##name##2,               \
                                             exec_rep_##name##4, exec_rep_##name##8 };             \
        return (rep ? repeated : once)[size];                                                      \
    }
        STRINGS(X)
#undef X
    default:
        return exec_undefined;
    }
}
