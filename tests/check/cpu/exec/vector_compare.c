/* Vector instructions against the host CPU: rows of opcodes, random operands, all registers and
 * memory compared. */
#include "tests/check/cpu/exec/vector_compare.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "cpu/exec/flags.h"
#include "tests/check/cpu/exec/core_fixture.h"
#include "tests/check/cpu/exec/native.h"

enum { WINDOW = 64, FX_XMM = 160, FX_ST = 32, FX_MXCSR = 24 };

struct vector_case {
    uint8_t bytes[15];
    size_t n;
    unsigned offset; /* of the memory operand in the window */
    struct native_state before;
    uint8_t memory[WINDOW];
};

/* ---- operands ---- */
static uint32_t interesting_f32(uint64_t *seed)
{
    static const uint32_t values[] = {
        0x00000000, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000,
        0x7fc00000, 0xffc12345, 0x7fa00001, 0xff800001, 0x00000001, 0x807fffff,
        0x00800000, 0x7f7fffff, 0xff7fffff, 0x4f000000, 0xcf000000, 0x4effffff,
        0x5f000000, 0xdf000000, 0x3f000000, 0x40200000, 0x3effffff, 0x4b000001,
    };
    uint64_t r = native_random(seed);

    switch (r >> 60 & 3) {
    case 0:
        return values[(r >> 8) % (sizeof(values) / sizeof(values[0]))];
    case 1:
        return ((uint32_t)r & 0x80ffffff) | (uint32_t)(110 + (r >> 32) % 50) << 23;
    case 2:
        return ((uint32_t)r & 0x807fffff) |
               (uint32_t)((r >> 32) % 4 < 2 ? (r >> 34) % 4 : 252 + (r >> 34) % 4) << 23;
    default:
        return (uint32_t)r;
    }
}

static uint64_t interesting_f64(uint64_t *seed)
{
    static const uint64_t values[] = {
        0,
        0x8000000000000000,
        0x3ff0000000000000,
        0xbff0000000000000,
        0x7ff0000000000000,
        0xfff0000000000000,
        0x7ff8000000000000,
        0xfff8000012345678,
        0x7ff4000000000001,
        0xfff0000000000001,
        1,
        0x800fffffffffffff,
        0x0010000000000000,
        0x7fefffffffffffff,
        0xffefffffffffffff,
        0x41e0000000000000,
        0xc1e0000000000000,
        0x41dfffffffc00000,
        0x41dfffffffe00000,
        0xc1e0000000100000,
        0x43e0000000000000,
        0xc3e0000000000000,
        0x3fe0000000000000,
        0x4004000000000000,
        0x36a0000000000000,
        0x47efffffe0000000,
        0x47effffff0000000,
    };
    uint64_t r = native_random(seed), exponent = native_random(seed);

    switch (exponent >> 60 & 3) {
    case 0:
        return values[r % (sizeof(values) / sizeof(values[0]))];
    case 1:
        return (r & 0x800fffffffffffff) | (1000 + exponent % 90) << 52;
    case 2: {
        static const uint16_t edges[] = { 0,     1,     2,     0x7fd, 0x7fe, 0x7ff,
                                          0x36a, 0x380, 0x381, 0x47e, 0x47f };
        return (r & 0x800fffffffffffff) | (uint64_t)edges[exponent % 11] << 52;
    }
    default:
        return r;
    }
}

static void random_lane16(uint8_t *to, uint64_t *seed)
{
    static const uint8_t edges[8] = { 0x00, 0xff, 0x7f, 0x80, 0x01, 0xfe, 0x81, 0x40 };
    uint64_t kind = native_random(seed) >> 40;

    for (unsigned i = 0; i < 16; i += 8) {
        le64_store(to + i, native_random(seed));
    }
    switch (kind % 8) {
    case 0: /* edge bytes */
        for (unsigned i = 0; i < 16; i++) {
            to[i] = edges[to[i] & 7];
        }
        break;
    case 1: /* edge words */
        for (unsigned i = 0; i < 16; i += 2) {
            to[i + 1] = edges[to[i + 1] & 7];
            to[i] = to[i] & 1 ? 0xff : 0;
        }
        break;
    case 2: /* small letters with zeros: strings, shift counts */
        for (unsigned i = 0; i < 16; i++) {
            to[i] &= kind & 8 ? 3 : i & 1 ? 0 : 7;
        }
        break;
    case 3: /* a small count */
        le64_store(to, native_random(seed) >> 58);
        break;
    case 4:
    case 5:
        for (unsigned i = 0; i < 16; i += 4) {
            le32_store(to + i, interesting_f32(seed));
        }
        break;
    case 6:
        for (unsigned i = 0; i < 16; i += 8) {
            le64_store(to + i, interesting_f64(seed));
        }
        break;
    default:
        break;
    }
}

static uint32_t random_mxcsr(uint64_t *seed)
{
    uint64_t r = native_random(seed) >> 8;
    uint32_t mxcsr = r & 1 ? 0x1f80 : 0x1fa0;

    if (r & 2) {
        mxcsr |= (uint32_t)(r >> 8) & 0xe07f; /* rounding, FTZ, DAZ, flags */
    }
    if ((r & 0x1c) == 0x1c) {
        mxcsr &= (uint32_t)(r >> 32) | ~0x1f80u; /* masks */
    }
    return mxcsr;
}

static void random_state(struct vector_case *c, uint64_t *seed)
{
    uint64_t r = native_random(seed) >> 8;

    memset(&c->before, 0, sizeof(c->before));
    for (unsigned i = 0; i < 16; i++) {
        c->before.gpr[i] = native_random(seed) >> (i & 1 ? 0 : native_random(seed) >> 58);
    }
    if (r & 0x1000) {
        c->before.gpr[0] = (uint64_t)((int64_t)(r >> 20 & 63) - 32);
        c->before.gpr[2] = (uint64_t)((int64_t)(r >> 26 & 63) - 32);
    }
    c->before.rflags = 0x202 | (r & 0x8d5);
    le16_store(c->before.fx, 0x37f);
    le16_store(c->before.fx + 2, (uint16_t)(r & 0x3800));
    c->before.fx[4] = (uint8_t)(r >> 32);
    le32_store(c->before.fx + FX_MXCSR, random_mxcsr(seed));
    for (unsigned i = 0; i < 8; i++) {
        uint8_t slot[16];

        random_lane16(slot, seed);
        memcpy(c->before.fx + FX_ST + 16 * i, slot, 10);
    }
    for (unsigned i = 0; i < 16; i++) {
        random_lane16(c->before.fx + FX_XMM + 16 * i, seed);
    }
    for (unsigned i = 0; i < WINDOW; i += 16) {
        random_lane16(c->memory + i, seed);
    }
}

/* ---- bytes ---- */
static unsigned random_register(const struct vector_test_row *row, uint64_t *seed)
{
    unsigned n;

    do {
        n = (unsigned)(native_random(seed) >> 60);
    } while ((row->flags & VR_GPR) && (n == 4 || n == 6));
    return n;
}

static void random_bytes(const struct vector_test_row *row, struct vector_case *c, uint64_t *seed)
{
    bool memory = (row->flags & VR_MEM) && (!(row->flags & VR_REG) || native_random(seed) >> 63);
    unsigned reg = row->group >= 0 ? (unsigned)row->group : random_register(row, seed);
    unsigned rm = memory ? 6 : random_register(row, seed);
    uint8_t rex = (uint8_t)(0x40 | reg >> 3 << 2 | rm >> 3);
    size_t n = 0;

    if ((row->flags & VR_W) && native_random(seed) >> 63) {
        rex |= 8;
    }
    if (memory && native_random(seed) >> 62 == 0) {
        c->bytes[n++] = 0x65; /* GS, of base 0 on both: the general form of memory operands */
    }
    if (row->prefix) {
        c->bytes[n++] = row->prefix;
    }
    if (rex != 0x40) {
        c->bytes[n++] = rex;
    }
    c->bytes[n++] = 0x0f;
    if (row->map != 0x0f) {
        c->bytes[n++] = row->map;
    }
    c->bytes[n++] = row->opcode;
    if (row->flags & VR_ANY) {
        c->bytes[n++] = (uint8_t)((memory ? 0 : 0xc0) | (reg & 7) << 3 | (rm & 7));
    }
    if (row->flags & VR_IMM) {
        uint64_t r = native_random(seed) >> 32;

        c->bytes[n++] = (uint8_t)(r & 0x100 ? r & 15 : r);
    }
    c->n = n;
    c->offset = native_random(seed) >> 61 == 0 ? (unsigned)(native_random(seed) >> 59) : 16;
}

/* ---- both machines ---- */
static void fixture_load(struct core_fixture *fixture, const struct native_state *state)
{
    struct cpu_state *cpu = &fixture->core.state;

    for (unsigned i = 0; i < 16; i++) {
        if (i != REG_RSP) {
            cpu->gpr[i] = state->gpr[i];
        }
    }
    core_rflags_set(&fixture->core, state->rflags);
    cpu->x87.control = le16_load(state->fx);
    cpu->x87.status = le16_load(state->fx + 2);
    cpu->x87.valid = state->fx[4];
    for (unsigned i = 0; i < 8; i++) {
        struct x87_value *value = &cpu->x87.reg[((cpu->x87.status >> 11 & 7) + i) & 7];

        value->significand = le64_load(state->fx + FX_ST + 16 * i);
        value->sign_exponent = le16_load(state->fx + FX_ST + 16 * i + 8);
    }
    cpu->mxcsr = le32_load(state->fx + FX_MXCSR);
    for (unsigned i = 0; i < 16; i++) {
        memcpy(&cpu->xmm[i], state->fx + FX_XMM + 16 * i, 16);
    }
}

static void fixture_store(const struct core_fixture *fixture, struct native_state *state)
{
    const struct cpu_state *cpu = &fixture->core.state;

    for (unsigned i = 0; i < 16; i++) {
        if (i != REG_RSP) {
            state->gpr[i] = cpu->gpr[i];
        }
    }
    state->rflags = flags_get(&fixture->core);
    le16_store(state->fx, cpu->x87.control);
    le16_store(state->fx + 2, cpu->x87.status);
    state->fx[4] = cpu->x87.valid;
    for (unsigned i = 0; i < 8; i++) {
        const struct x87_value *value = &cpu->x87.reg[((cpu->x87.status >> 11 & 7) + i) & 7];

        le64_store(state->fx + FX_ST + 16 * i, value->significand);
        le16_store(state->fx + FX_ST + 16 * i + 8, value->sign_exponent);
    }
    le32_store(state->fx + FX_MXCSR, cpu->mxcsr);
    for (unsigned i = 0; i < 16; i++) {
        memcpy(state->fx + FX_XMM + 16 * i, &cpu->xmm[i], 16);
    }
}

static enum native_end run_fixture(struct core_fixture *fixture, const struct vector_case *c,
                                   const struct vector_test_row *row, struct native_state *state,
                                   uint8_t *memory)
{
    struct cpu_state *cpu = &fixture->core.state;

    fixture_load(fixture, state);
    cpu->gpr[REG_RSI] = FIXTURE_DATA + c->offset;
    if (row->flags & VR_RDI) {
        cpu->gpr[REG_RDI] = FIXTURE_DATA + c->offset;
    }
    memcpy(core_fixture_at(fixture, FIXTURE_DATA), memory, WINDOW);
    enum core_unwind how = core_fixture_run(fixture, c->bytes, c->n);

    memcpy(memory, core_fixture_at(fixture, FIXTURE_DATA), WINDOW);
    fixture_store(fixture, state);
    if (how == UNWIND_NONE) {
        return NATIVE_DONE;
    }
    ck_assert_int_eq(how, UNWIND_FAULT);
    return fixture->core.fault.vector == VECTOR_XM   ? NATIVE_FP_FAULT
           : fixture->core.fault.vector == VECTOR_GP ? NATIVE_GP_FAULT
                                                     : NATIVE_UD_FAULT;
}

static enum native_end run_native(const struct vector_case *c, const struct vector_test_row *row,
                                  struct native_state *state, uint8_t *memory)
{
    _Alignas(64) static uint8_t window[WINDOW];

    memcpy(window, memory, WINDOW);
    state->gpr[6] = (uint64_t)(uintptr_t)(window + c->offset);
    if (row->flags & VR_RDI) {
        state->gpr[7] = (uint64_t)(uintptr_t)(window + c->offset);
    }
    enum native_end end = native_run(state, c->bytes, c->n);

    memcpy(memory, window, WINDOW);
    state->rflags &= 0x8d5;
    return end;
}

/* ---- comparison ---- */
static void print_state(char *text, size_t size, const struct vector_case *c)
{
    size_t at = (size_t)snprintf(text, size, "bytes");

    for (size_t i = 0; i < c->n && at < size; i++) {
        at += (size_t)snprintf(text + at, size - at, " %02x", c->bytes[i]);
    }
    for (unsigned i = 0; i < 16 && at < size; i++) {
        at += (size_t)snprintf(text + at, size - at, "\n xmm%u %016llx_%016llx gpr %016llx", i,
                               (unsigned long long)le64_load(c->before.fx + FX_XMM + 16 * i + 8),
                               (unsigned long long)le64_load(c->before.fx + FX_XMM + 16 * i),
                               (unsigned long long)c->before.gpr[i]);
    }
    for (unsigned i = 0; i < 4 && at < size; i++) {
        at += (size_t)snprintf(text + at, size - at, "\n mem%u %016llx_%016llx", i,
                               (unsigned long long)le64_load(c->memory + 16 * i + 8),
                               (unsigned long long)le64_load(c->memory + 16 * i));
    }
    snprintf(text + at, at < size ? size - at : 0, "\n offset %u mxcsr %04x fsw %04x ftw %02x",
             c->offset, le32_load(c->before.fx + FX_MXCSR), le16_load(c->before.fx + 2),
             c->before.fx[4]);
}

static bool bytes_differ(char *text, size_t size, const char *what, unsigned n,
                         const uint8_t *native, const uint8_t *ours, unsigned length)
{
    if (memcmp(native, ours, length) == 0) {
        return false;
    }
    size_t at = (size_t)snprintf(text, size, "%s%u: host ", what, n);

    for (unsigned i = length; i-- > 0;) {
        at += (size_t)snprintf(text + at, size - at, "%02x", native[i]);
    }
    at += (size_t)snprintf(text + at, size - at, " ours ");
    for (unsigned i = length; i-- > 0;) {
        at += (size_t)snprintf(text + at, size - at, "%02x", ours[i]);
    }
    return true;
}

static bool states_differ(char *text, size_t size, const struct native_state *native,
                          const struct native_state *ours)
{
    for (unsigned i = 0; i < 16; i++) {
        if (i != 4 && i != 6 && i != 7 &&
            bytes_differ(text, size, "gpr", i, (const uint8_t *)&native->gpr[i],
                         (const uint8_t *)&ours->gpr[i], 8)) {
            return true;
        }
        if (bytes_differ(text, size, "xmm", i, native->fx + FX_XMM + 16 * i,
                         ours->fx + FX_XMM + 16 * i, 16)) {
            return true;
        }
        if (i < 8 && bytes_differ(text, size, "st", i, native->fx + FX_ST + 16 * i,
                                  ours->fx + FX_ST + 16 * i, 10)) {
            return true;
        }
    }
    return bytes_differ(text, size, "rflags", 0, (const uint8_t *)&native->rflags,
                        (const uint8_t *)&ours->rflags, 8) ||
           bytes_differ(text, size, "fsw", 0, native->fx + 2, ours->fx + 2, 3) ||
           bytes_differ(text, size, "mxcsr", 0, native->fx + FX_MXCSR, ours->fx + FX_MXCSR, 4);
}

void vector_compare_row(const struct vector_test_row *row, unsigned cases)
{
    static char what[512], how[4096];
    struct core_fixture *fixture;
    uint64_t seed = native_seed() ^ (uint64_t)row->opcode << 32 ^ (uint64_t)row->map << 40 ^
                    (uint64_t)row->prefix << 48;

    if (!native_available()) {
        return;
    }
    fixture = core_fixture_create(FIXTURE_LONG);
    for (unsigned i = 0; i < cases; i++) {
        static struct vector_case c;
        struct native_state native, ours;
        uint8_t native_memory[WINDOW], our_memory[WINDOW];

        random_state(&c, &seed);
        random_bytes(row, &c, &seed);
        native = ours = c.before;
        memcpy(native_memory, c.memory, WINDOW);
        memcpy(our_memory, c.memory, WINDOW);
        enum native_end native_end = run_native(&c, row, &native, native_memory);
        enum native_end our_end = run_fixture(fixture, &c, row, &ours, our_memory);

        if (native_end != our_end) {
            snprintf(what, sizeof(what), "end: host %d ours %d", native_end, our_end);
        } else if (!states_differ(what, sizeof(what), &native, &ours) &&
                   !bytes_differ(what, sizeof(what), "memory", 0, native_memory, our_memory,
                                 WINDOW)) {
            continue;
        }
        print_state(how, sizeof(how), &c);
        ck_abort_msg("%s case %u: %s\n%s", row->name, i, what, how);
    }
    core_fixture_destroy(fixture);
}
