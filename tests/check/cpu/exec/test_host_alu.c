/* Integer instructions against the host CPU: the same bytes, random operands, all register results
 * and defined flags. N: rounds per instruction; SEED: of the random numbers. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cpu/exec/flags.h"
#include "tests/check/check_main.h"
#include "tests/check/cpu/exec/core_fixture.h"

#if defined(__x86_64__)

/* What an instruction sees and leaves: registers 0..7 (but RSP), flags, and 16 bytes at RSI. */
struct machine {
    uint64_t reg[8];
    uint64_t flags;
};

#define C   FLAG_CF
#define A   FLAG_AF
#define O   FLAG_OF
#define ALL FLAGS_ARITH
#define SZP (FLAG_SF | FLAG_ZF | FLAG_PF)

/* undefined: flags that the manual leaves open. undefined_count: those it leaves open when the
 * count (CL or the immediate) is not 1.
 */
static const struct row {
    const char *hex;
    uint64_t undefined, undefined_count;
    bool memory; /* RSI points at data */
} rows[] = {
    /* ADD, OR, ADC, SBB, AND, SUB, XOR, CMP in r/m, r of every size; then r, r/m with memory; then
       immediates */
    { "00 d8", 0, 0, false },
    { "66 01 d8", 0, 0, false },
    { "01 d8", 0, 0, false },
    { "48 01 d8", 0, 0, false },
    { "08 d8", A, 0, false },
    { "66 09 d8", A, 0, false },
    { "09 d8", A, 0, false },
    { "48 09 d8", A, 0, false },
    { "10 d8", 0, 0, false },
    { "66 11 d8", 0, 0, false },
    { "11 d8", 0, 0, false },
    { "48 11 d8", 0, 0, false },
    { "18 d8", 0, 0, false },
    { "66 19 d8", 0, 0, false },
    { "19 d8", 0, 0, false },
    { "48 19 d8", 0, 0, false },
    { "20 d8", A, 0, false },
    { "66 21 d8", A, 0, false },
    { "21 d8", A, 0, false },
    { "48 21 d8", A, 0, false },
    { "28 d8", 0, 0, false },
    { "66 29 d8", 0, 0, false },
    { "29 d8", 0, 0, false },
    { "48 29 d8", 0, 0, false },
    { "30 d8", A, 0, false },
    { "66 31 d8", A, 0, false },
    { "31 d8", A, 0, false },
    { "48 31 d8", A, 0, false },
    { "38 d8", 0, 0, false },
    { "66 39 d8", 0, 0, false },
    { "39 d8", 0, 0, false },
    { "48 39 d8", 0, 0, false },
    { "84 d8", A, 0, false },
    { "66 85 d8", A, 0, false },
    { "85 d8", A, 0, false },
    { "48 85 d8", A, 0, false },
    { "00 fc", 0, 0, false },               /* add ah, bh */
    { "02 06", 0, 0, true },                /* add al, [rsi] */
    { "48 03 46 08", 0, 0, true },          /* add rax, [rsi+8] */
    { "03 46 04", 0, 0, true },             /* add eax, [rsi+4] */
    { "66 13 06", 0, 0, true },             /* adc ax, [rsi] */
    { "48 3b 06", 0, 0, true },             /* cmp rax, [rsi] */
    { "48 01 06", 0, 0, true },             /* add [rsi], rax */
    { "11 46 04", 0, 0, true },             /* adc [rsi+4], eax */
    { "66 29 46 02", 0, 0, true },          /* sub [rsi+2], ax */
    { "18 46 01", 0, 0, true },             /* sbb [rsi+1], al */
    { "f0 48 01 06", 0, 0, true },          /* lock add [rsi], rax */
    { "f0 11 06", 0, 0, true },             /* lock adc [rsi], eax */
    { "f0 66 29 06", 0, 0, true },          /* lock sub [rsi], ax */
    { "f0 80 2e 7f", 0, 0, true },          /* lock sub byte [rsi], 127 */
    { "81 06 78 56 34 92", 0, 0, true },    /* add dword [rsi], imm32 */
    { "48 81 2e 78 56 34 92", 0, 0, true }, /* sub qword [rsi], imm32 sign-extended */
    { "83 16 ff", 0, 0, true },             /* adc dword [rsi], -1 */
    { "66 83 d8 80", 0, 0, false },         /* sbb ax, -128 */
    { "48 05 ff ff ff ff", 0, 0, false },   /* add rax, -1 */
    { "3c 80", 0, 0, false },               /* cmp al, 128 */
    { "48 f7 06 ff ff ff 7f", A, 0, true }, /* test qword [rsi], imm */
    /* INC, DEC, NEG, NOT */
    { "fe c0", 0, 0, false },
    { "66 ff c0", 0, 0, false },
    { "ff c0", 0, 0, false },
    { "48 ff c0", 0, 0, false },
    { "fe c8", 0, 0, false },
    { "66 ff c8", 0, 0, false },
    { "ff c8", 0, 0, false },
    { "48 ff c8", 0, 0, false },
    { "f6 d8", 0, 0, false },
    { "66 f7 d8", 0, 0, false },
    { "f7 d8", 0, 0, false },
    { "48 f7 d8", 0, 0, false },
    { "f6 d0", 0, 0, false },
    { "f7 d0", 0, 0, false },
    { "48 ff 06", 0, 0, true },
    { "ff 0e", 0, 0, true },
    { "f0 ff 0e", 0, 0, true },
    { "48 f7 1e", 0, 0, true },
    { "f6 16", 0, 0, true },
    /* MUL, IMUL */
    { "f6 e3", A | SZP, 0, false },
    { "66 f7 e3", A | SZP, 0, false },
    { "f7 e3", A | SZP, 0, false },
    { "48 f7 e3", A | SZP, 0, false },
    { "f6 eb", A | SZP, 0, false },
    { "66 f7 eb", A | SZP, 0, false },
    { "f7 eb", A | SZP, 0, false },
    { "48 f7 eb", A | SZP, 0, false },
    { "66 0f af c3", A | SZP, 0, false },
    { "0f af c3", A | SZP, 0, false },
    { "48 0f af c3", A | SZP, 0, false },
    { "48 0f af 06", A | SZP, 0, true },
    { "6b c3 9c", A | SZP, 0, false },
    { "66 6b c3 9c", A | SZP, 0, false },
    { "48 69 c3 78 56 34 f2", A | SZP, 0, false },
/* shifts and rotates by 1, imm8, CL */
#define SHIFTS_OF(modrm)                                                                           \
    { "d0 " modrm, A, O, false }, { "66 d1 " modrm, A, O, false }, { "d1 " modrm, A, O, false },   \
        { "48 d1 " modrm, A, O, false }, { "c0 " modrm " 05", A, O, false },                       \
        { "66 c1 " modrm " 0b", A, O, false }, { "c1 " modrm " 13", A, O, false },                 \
        { "48 c1 " modrm " 2b", A, O, false }, { "d3 " modrm, A, O, false },                       \
    {                                                                                              \
        "48 d3 " modrm, A, O, false                                                                \
    }
    SHIFTS_OF("c0"), /* rol */
    SHIFTS_OF("c8"), /* ror */
    SHIFTS_OF("d0"), /* rcl */
    SHIFTS_OF("d8"), /* rcr */
    SHIFTS_OF("e0"), /* shl */
    SHIFTS_OF("e8"), /* shr */
    SHIFTS_OF("f8"), /* sar */
    /* 8 and 16 bits by CL: a count beyond the width leaves CF of SHL and SHR open */
    { "d2 c0", A, O, false },
    { "66 d3 c8", A, O, false },
    { "d2 d0", A, O, false },
    { "66 d3 d8", A, O, false },
    { "d2 e0", A, O | C, false },
    { "66 d3 e0", A, O | C, false },
    { "d2 e8", A, O | C, false },
    { "66 d3 e8", A, O | C, false },
    { "d2 f8", A, O, false },
    { "66 d3 f8", A, O, false },
    { "48 d3 26", A, O, true },
    { "d1 16", A, O, true },
    { "0f a4 d8 09", A, O, false },
    { "48 0f a5 d8", A, O, false },
    { "0f ac d8 09", A, O, false },
    { "48 0f ad d8", A, O, false },
    { "66 0f a4 d8 01", A, 0, false },
    { "66 0f ac d8 0f", A, O, false },
    { "48 0f a4 1e 11", A, O, true },
    /* bits: BT and its kin keep ZF */
    { "0f a3 d8", A | O | FLAG_SF | FLAG_PF, 0, false },
    { "48 0f a3 d8", A | O | FLAG_SF | FLAG_PF, 0, false },
    { "66 0f ab d8", A | O | FLAG_SF | FLAG_PF, 0, false },
    { "48 0f b3 d8", A | O | FLAG_SF | FLAG_PF, 0, false },
    { "0f bb d8", A | O | FLAG_SF | FLAG_PF, 0, false },
    { "48 0f ba e8 25", A | O | FLAG_SF | FLAG_PF, 0, false },
    { "0f ba 3e 25", A | O | FLAG_SF | FLAG_PF, 0, true },
    { "f0 0f ba 2e 05", A | O | FLAG_SF | FLAG_PF, 0, true },
    { "0f bc c3", ALL & ~FLAG_ZF, 0, false },
    { "48 0f bc c3", ALL & ~FLAG_ZF, 0, false },
    { "66 0f bd c3", ALL & ~FLAG_ZF, 0, false },
    { "48 0f bd c3", ALL & ~FLAG_ZF, 0, false },
    { "f3 0f b8 c3", 0, 0, false },
    { "f3 48 0f b8 c3", 0, 0, false },
    { "f3 66 0f b8 c3", 0, 0, false },
    { "f2 0f 38 f0 c3", 0, 0, false },
    { "f2 66 0f 38 f1 c3", 0, 0, false },
    { "f2 0f 38 f1 c3", 0, 0, false },
    { "f2 48 0f 38 f1 c3", 0, 0, false },
    /* exchanges */
    { "0f b0 cb", 0, 0, false },
    { "0f b1 cb", 0, 0, false },
    { "66 0f b1 cb", 0, 0, false },
    { "48 0f b1 cb", 0, 0, false },
    { "0f b1 0e", 0, 0, true },
    { "f0 48 0f b1 0e", 0, 0, true },
    { "f0 0f b0 0e", 0, 0, true },
    { "0f b1 c0", 0, 0, false }, /* cmpxchg eax, eax: always equal */
    { "0f c1 d8", 0, 0, false },
    { "0f c1 c0", 0, 0, false },
    { "48 0f c1 d8", 0, 0, false },
    { "0f c0 1e", 0, 0, true },
    { "f0 48 0f c1 1e", 0, 0, true },
    { "0f c7 0e", 0, 0, true },
    { "f0 0f c7 0e", 0, 0, true },
    { "f0 48 0f c7 0e", 0, 0, true },
    { "48 0f c7 0e", 0, 0, true },
    { "87 1e", 0, 0, true },
    { "48 87 1e", 0, 0, true },
    { "86 fc", 0, 0, false },
    { "93", 0, 0, false },
    { "48 93", 0, 0, false },
    /* moves */
    { "88 e3", 0, 0, false },
    { "66 89 c3", 0, 0, false },
    { "89 c3", 0, 0, false },
    { "48 89 c3", 0, 0, false },
    { "8a 66 03", 0, 0, true },
    { "66 8b 46 01", 0, 0, true },
    { "8b 46 02", 0, 0, true },
    { "48 8b 46 03", 0, 0, true },
    { "88 7e 03", 0, 0, true },
    { "66 89 46 01", 0, 0, true },
    { "89 46 02", 0, 0, true },
    { "48 89 46 03", 0, 0, true },
    { "48 c7 06 78 56 34 f2", 0, 0, true },
    { "66 c7 46 05 34 12", 0, 0, true },
    { "0f b6 c7", 0, 0, false },
    { "48 0f b6 06", 0, 0, true },
    { "66 0f b6 c3", 0, 0, false },
    { "0f b7 c3", 0, 0, false },
    { "48 0f b7 46 01", 0, 0, true },
    { "0f be c7", 0, 0, false },
    { "66 0f be 06", 0, 0, true },
    { "48 0f be c3", 0, 0, false },
    { "0f bf c3", 0, 0, false },
    { "48 0f bf 06", 0, 0, true },
    { "48 63 c3", 0, 0, false },
    { "63 c3", 0, 0, false },
    { "48 63 46 04", 0, 0, true },
    { "48 8d 44 9a 10", 0, 0, false },
    { "8d 44 9a 10", 0, 0, false },
    { "66 8d 44 9a 10", 0, 0, false },
    { "67 48 8d 44 9a 10", 0, 0, false },
    { "0f c8", 0, 0, false },
    { "48 0f cb", 0, 0, false },
    { "0f 38 f0 06", 0, 0, true },
    { "48 0f 38 f1 06", 0, 0, true },
    { "66 0f 38 f0 06", 0, 0, true },
    { "66 98", 0, 0, false },
    { "98", 0, 0, false },
    { "48 98", 0, 0, false },
    { "66 99", 0, 0, false },
    { "99", 0, 0, false },
    { "48 99", 0, 0, false },
    { "9f", 0, 0, false },
    { "9e", 0, 0, false },
    { "f5", 0, 0, false },
    { "f8", 0, 0, false },
    { "f9", 0, 0, false },
#define CONDITION_OF(digit)                                                                        \
    { "0f 9" digit " c0", 0, 0, false }, { "48 0f 4" digit " c3", 0, 0, false },                   \
        { "0f 4" digit " c3", 0, 0, false },                                                       \
    {                                                                                              \
        "66 0f 4" digit " c3", 0, 0, false                                                         \
    }
    CONDITION_OF("0"),
    CONDITION_OF("1"),
    CONDITION_OF("2"),
    CONDITION_OF("3"),
    CONDITION_OF("4"),
    CONDITION_OF("5"),
    CONDITION_OF("6"),
    CONDITION_OF("7"),
    CONDITION_OF("8"),
    CONDITION_OF("9"),
    CONDITION_OF("a"),
    CONDITION_OF("b"),
    CONDITION_OF("c"),
    CONDITION_OF("d"),
    CONDITION_OF("e"),
    CONDITION_OF("f"),
    { "0f 94 06", 0, 0, true },
    { "0f 44 06", 0, 0, true },
};

enum { PAGE = 4096 };

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Random with a liking for the corners. */
static uint64_t operand(uint64_t *state)
{
    uint64_t value = next_random(state);
    static const uint64_t corners[] = {
        0,
        1,
        2,
        0x7f,
        0x80,
        0xff,
        0x7fff,
        0x8000,
        0xffff,
        0x7fffffff,
        0x80000000,
        0xffffffff,
        0x7fffffffffffffff,
        0x8000000000000000,
        0xffffffffffffffff,
        0xffffffff80000000,
    };

    switch (next_random(state) & 7) {
    case 0:
    case 1:
        return corners[value & 15];
    case 2:
        return value & 0xff;
    case 3:
        return (uint64_t)(int64_t)(int8_t)value;
    default:
        return value;
    }
}

static size_t hex_bytes(const char *hex, uint8_t *bytes)
{
    size_t n = 0;

    for (; *hex != '\0'; hex += hex[2] == ' ' ? 3 : 2) {
        char digits[3] = { hex[0], hex[1], 0 };
        bytes[n++] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return n;
}

/* A function: push rbx, rbp; push rdi; load all from [rdi]; the instruction; store all to [saved
 * rdi]; return. */
static void *native_page(void)
{
    void *page =
        mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    ck_assert_ptr_ne(page, MAP_FAILED);
    return page;
}

static void native_build(uint8_t *page, const uint8_t *insn, size_t n)
{
    static const uint8_t before[] = {
        0x53, 0x55, 0x57,       /* push rbx; push rbp; push rdi */
        0xff, 0x77, 0x40, 0x9d, /* push [rdi+64]; popf */
        0x48, 0x8b, 0x07, 0x48, 0x8b, 0x4f, 0x08, 0x48,
        0x8b, 0x57, 0x10, 0x48, 0x8b, 0x5f, 0x18,       /* rax rcx rdx rbx */
        0x48, 0x8b, 0x6f, 0x28, 0x48, 0x8b, 0x77, 0x30, /* rbp rsi */
    };
    static const uint8_t after[] = {
        0x9c, 0x57,                   /* pushf; push rdi */
        0x48, 0x8b, 0x7c, 0x24, 0x10, /* mov rdi, [rsp+16] */
        0x48, 0x89, 0x07, 0x48, 0x89, 0x4f, 0x08, 0x48, 0x89, 0x57, 0x10, 0x48, 0x89, 0x5f,
        0x18, 0x48, 0x89, 0x6f, 0x28, 0x48, 0x89, 0x77, 0x30, 0x58, 0x8f, 0x47, 0x40, /* pop rax;
                                                                                         pop
                                                                                         [rdi+64] */
        0x5f, 0x5d, 0x5b, 0xfc, 0xc3, /* pop rdi; pop rbp; pop rbx; cld; ret */
    };

    memcpy(page, before, sizeof(before));
    memcpy(page + sizeof(before), insn, n);
    memcpy(page + sizeof(before) + n, after, sizeof(after));
}

static void compare(struct core_fixture *f, const struct row *row, void *page, uint64_t *random)
{
    uint8_t bytes[16];
    uint8_t native_data[64] __attribute__((aligned(16)));
    struct machine m = { .flags = FLAG_ONE | (next_random(random) & FLAGS_ARITH) };
    size_t n = hex_bytes(row->hex, bytes);
    void (*run)(struct machine * m);

    for (unsigned i = 0; i < 8; i++) {
        m.reg[i] = operand(random);
    }
    m.reg[REG_RSP] = m.reg[REG_RDI] = 0;
    for (unsigned i = 0; i < sizeof(native_data); i += 8) {
        uint64_t value = operand(random);
        memcpy(native_data + i, &value, 8);
    }
    if (row->memory && (next_random(random) & 1)) {
        memcpy(native_data, &m.reg[REG_RAX], 8); /* CMPXCHG finds what it expects */
        memcpy(native_data + 4, &m.reg[REG_RDX], (next_random(random) & 1) ? 4 : 0);
        memcpy(native_data + 8, &m.reg[REG_RDX], 8);
    }
    if (!row->memory && (next_random(random) & 3) == 0) {
        m.reg[REG_RBX] = m.reg[REG_RAX];
    }
    memcpy(core_fixture_at(f, FIXTURE_DATA), native_data, sizeof(native_data));
    for (unsigned i = 0; i < 8; i++) {
        if (i != REG_RSP) {
            f->core.state.gpr[i] = m.reg[i];
        }
    }
    if (row->memory) {
        f->core.state.gpr[REG_RSI] = FIXTURE_DATA;
        m.reg[REG_RSI] = (uint64_t)(uintptr_t)native_data;
    }
    core_rflags_set(&f->core, m.flags);
    unsigned count = bytes[n - 1];
    if (strncmp(row->hex, "d0", 2) == 0 || strstr(row->hex, "d1 ") != NULL) {
        count = 1;
    } else if (strstr(row->hex, "d3 ") != NULL || strstr(row->hex, "d2 ") != NULL ||
               strstr(row->hex, "0f a5") != NULL || strstr(row->hex, "0f ad") != NULL) {
        count = (unsigned)m.reg[REG_RCX] & (strstr(row->hex, "48") != NULL ? 63 : 31);
    }
    struct machine start = m;
    native_build(page, bytes, n);
    memcpy(&run, &page, sizeof(run));
    run(&m);
    ck_assert_msg(core_fixture_run(f, bytes, n) == UNWIND_NONE, "%s unwound", row->hex);
    uint64_t undefined = row->undefined_count != 0 && count == 0 ? 0 : row->undefined;
    undefined |= count > 1 ? row->undefined_count : 0;
    for (unsigned i = 0; i < 7; i++) {
        if (i == REG_RSP || (i == REG_RSI && row->memory)) {
            continue;
        }
        ck_assert_msg(f->core.state.gpr[i] == m.reg[i],
                      "%s (rax %#llx rcx %#llx rdx %#llx rbx %#llx flags %#llx): register %u is "
                      "%#llx, not %#llx",
                      row->hex, (unsigned long long)start.reg[0], (unsigned long long)start.reg[1],
                      (unsigned long long)start.reg[2], (unsigned long long)start.reg[3],
                      (unsigned long long)start.flags, i, (unsigned long long)f->core.state.gpr[i],
                      (unsigned long long)m.reg[i]);
    }
    uint64_t differ = (core_rflags(&f->core) ^ m.flags) & FLAGS_ARITH & ~undefined;
    ck_assert_msg(differ == 0,
                  "%s (rax %#llx rcx %#llx rbx %#llx flags %#llx): flags %#llx, not %#llx",
                  row->hex, (unsigned long long)start.reg[0], (unsigned long long)start.reg[1],
                  (unsigned long long)start.reg[3], (unsigned long long)start.flags,
                  (unsigned long long)core_rflags(&f->core), (unsigned long long)m.flags);
    ck_assert_msg(memcmp(core_fixture_at(f, FIXTURE_DATA), native_data, sizeof(native_data)) == 0,
                  "%s: memory differs", row->hex);
}

static uint64_t number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}

START_TEST(instructions_do_what_the_host_cpu_does)
{
    struct core_fixture *f = core_fixture_create(FIXTURE_LONG);
    uint64_t random = number("SEED", 1) + (uint64_t)_i * 1000003, rounds = number("N", 400);
    void *page = native_page();

    for (uint64_t i = 0; i < rounds; i++) {
        compare(f, &rows[_i], page, &random);
    }
    munmap(page, PAGE);
    core_fixture_destroy(f);
}
END_TEST

static Suite *suite_host_alu(void)
{
    Suite *suite = suite_create("cpu/exec against the host CPU");
    TCase *tcase = tcase_create("registers");

    tcase_add_loop_test(tcase, instructions_do_what_the_host_cpu_does, 0, (int)ARRAY_SIZE(rows));
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_host_alu())

#else

CHECK_MAIN_SKIP("only an x86-64 host knows the answers")

#endif
