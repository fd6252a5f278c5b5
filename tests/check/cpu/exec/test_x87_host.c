/* Every x87 encoding against the host CPU: registers, tags, FCW, FSW, memory, flags. [SDM 1 8; 2]
 *
 * Random states are loaded by FXRSTOR, one instruction runs, FXSAVE tells. N=n states per encoding
 * and SEED=n from the environment. Transcendentals may differ by two units in the last place and in
 * C1. The host reports FIP, FDP and FOP only while an exception is pending: then they are compared.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bytes.h"
#include "cpu/decode/insn.h"
#include "cpu/exec/flags.h"
#include "cpu/exec/x87.h"
#include "tests/check/check_main.h"
#include "tests/check/cpu/exec/core_fixture.h"
#include "tests/check/cpu/exec/fp_random.h"

#ifdef __x86_64__

enum { MEMORY = 128, FSW_SUMMARY = 0x8080, FSW_C1 = 0x200 };

struct machine {
    struct x87_state x87;
    uint64_t rax, flags;
    uint8_t memory[MEMORY];
};

struct image {
    uint8_t bytes[512] __attribute__((aligned(16)));
};

/* ---- the host ---- */

typedef void run_fn(struct image *image, void *memory, uint64_t regs[2]);

static uint8_t *code_page;

static const uint8_t before[] = {
    0x48, 0x0f, 0xae, 0x0f, /* fxrstor64 [rdi] */
    0xff, 0x32, 0x9d,       /* push [rdx]; popfq */
    0x48, 0x89, 0xf0,       /* mov rax, rsi */
};
static const uint8_t after[] = {
    0x9c, 0x8f, 0x02,       /* pushfq; pop [rdx] */
    0x48, 0x89, 0x42, 0x08, /* mov [rdx+8], rax */
    0x48, 0x0f, 0xae, 0x07, /* fxsave64 [rdi] */
    0xdb, 0xe3, 0xc3,       /* fninit; ret */
};

static void run_native(struct machine *m, const uint8_t *code, size_t n)
{
    struct image image = { { 0 } };
    uint64_t regs[2] = { m->flags, 0 };
    uint8_t *p = code_page;
    run_fn *run;

    le16_store(image.bytes, m->x87.control);
    le16_store(image.bytes + 2, m->x87.status);
    image.bytes[4] = m->x87.valid;
    le32_store(image.bytes + 24, 0x1f80);
    for (unsigned i = 0; i < 8; i++) {
        const struct x87_value *v = &m->x87.reg[(x87_top(&m->x87) + i) & 7];

        le64_store(image.bytes + 32 + 16 * i, v->significand);
        le16_store(image.bytes + 40 + 16 * i, v->sign_exponent);
    }
    memcpy(p, before, sizeof(before));
    memcpy(p + sizeof(before), code, n);
    memcpy(p + sizeof(before) + n, after, sizeof(after));
    memcpy(&run, &p, sizeof(run));
    run(&image, m->memory, regs);
    m->flags = regs[0] & FLAGS_ARITH;
    m->rax = regs[1];
    m->x87.control = le16_load(image.bytes);
    m->x87.status = le16_load(image.bytes + 2);
    m->x87.valid = image.bytes[4];
    m->x87.opcode = le16_load(image.bytes + 6);
    m->x87.instruction = le64_load(image.bytes + 8) - (uint64_t)(uintptr_t)(p + sizeof(before));
    m->x87.data = le64_load(image.bytes + 16) - (uint64_t)(uintptr_t)m->memory;
    for (unsigned i = 0; i < 8; i++) {
        struct x87_value *v = &m->x87.reg[(x87_top(&m->x87) + i) & 7];

        v->significand = le64_load(image.bytes + 32 + 16 * i);
        v->sign_exponent = le16_load(image.bytes + 40 + 16 * i);
    }
}

/* ---- ours ---- */

static bool run_ours(struct core_fixture *fixture, struct machine *m, const uint8_t *code, size_t n)
{
    struct core *core = &fixture->core;

    core->state.x87 = m->x87;
    core->state.gpr[REG_RAX] = FIXTURE_DATA;
    flags_set(core, m->flags);
    memcpy(core_fixture_at(fixture, FIXTURE_DATA), m->memory, MEMORY);
    if (core_fixture_run(fixture, code, n) != UNWIND_NONE) {
        return false;
    }
    m->x87 = core->state.x87;
    m->x87.instruction -= FIXTURE_CODE;
    m->x87.data -= FIXTURE_DATA;
    m->rax = core->state.gpr[REG_RAX];
    m->flags = flags_get(core);
    memcpy(m->memory, core_fixture_at(fixture, FIXTURE_DATA), MEMORY);
    return true;
}

/* ---- one encoding ---- */

struct encoding {
    uint8_t code[3];
    size_t n;
    struct insn insn;
};

static bool decodes(struct encoding *e)
{
    uint8_t bytes[INSN_MAX_LENGTH] = { 0 };

    memcpy(bytes, e->code, e->n);
    return decode_insn(bytes, sizeof(bytes), (struct decode_mode){ 64, true }, &e->insn) ==
               DECODE_OK &&
           e->insn.op != OP_UD && e->insn.length == e->n;
}

static bool is_approximate(const struct insn *insn)
{
    switch (insn->op) {
    case OP_F2XM1:
    case OP_FYL2X:
    case OP_FYL2XP1:
    case OP_FPATAN:
    case OP_FSIN:
    case OP_FCOS:
    case OP_FSINCOS:
    case OP_FPTAN:
        return true;
    default:
        return false;
    }
}

/* Operands for which the manual defines no result. */
static bool is_undefined(const struct insn *insn, const struct machine *m)
{
    struct x87_value st0 = m->x87.reg[x87_top(&m->x87)];
    unsigned exp = st0.sign_exponent & 0x7fff;

    return (insn->op == OP_F2XM1 && exp > 0x3fff && exp < 0x7fff) ||
           (insn->op == OP_FYL2XP1 && exp >= 0x3ffd && exp < 0x7fff);
}

static bool waits(const struct insn *insn)
{
    switch (insn->op) {
    case OP_FNSTCW:
    case OP_FNSTSW:
    case OP_FNSTENV:
    case OP_FNSAVE:
    case OP_FNINIT:
    case OP_FNCLEX:
        return false;
    default:
        return true;
    }
}

static struct machine random_machine(uint64_t *s, const struct insn *insn)
{
    struct machine m = { .flags = fp_random(s) & FLAGS_ARITH };
    uint64_t r = fp_random(s);
    unsigned masks = r % 4 == 0 ? r >> 8 & 0x3f : 0x3f, pc = r >> 16 & 3;

    m.x87.control = (uint16_t)(0x40 | masks | (pc == 1 ? 3 : pc) << 8 | (r >> 18 & 3) << 10);
    if (is_approximate(insn)) {
        m.x87.control = (uint16_t)(0x340 | masks);
    }
    m.x87.status = (uint16_t)((r >> 20 & 0x7f00) | (r >> 40 & masks) | (r >> 40 & 0x40));
    if (!waits(insn) && r >> 62 == 0) {
        m.x87.status |= r >> 48 & 0x3f;
    }
    for (unsigned i = 0; i < 8; i++) {
        m.x87.reg[i] = fp_random_value(s, FP_SHAPE_F80);
    }
    m.x87.valid = (uint8_t)(fp_random(s) | fp_random(s));
    if (r >> 60 != 0) { /* ST(0) to ST(6) are there, ST(7) perhaps not */
        unsigned st7 = (x87_top(&m.x87) + 7) & 7;

        m.x87.valid = (uint8_t)(r >> 59 & 1 ? 0xffu : ~(1u << st7));
    }
    x87_status_normalize(&m.x87);
    for (unsigned i = 0; i < MEMORY; i += 8) {
        le64_store(m.memory + i, fp_random(s));
    }
    if (insn->kind[0] == OPERAND_MEM && insn->size[0] <= 10) {
        static const enum fp_shape shapes[2][2] = { { FP_SHAPE_F32, FP_SHAPE_I32 },
                                                    { FP_SHAPE_F64, FP_SHAPE_I64 } };
        struct x87_value v = insn->size[0] == 10
                                 ? fp_random_value(s, FP_SHAPE_F80)
                                 : fp_random_value(s, shapes[insn->size[0] == 8][r >> 58 & 1]);

        le64_store(m.memory, v.significand);
        le16_store(m.memory + 8, v.sign_exponent);
    }
    if (insn->op == OP_FBLD) { /* digits above 9 are undefined */
        for (unsigned i = 0; i < 9; i++) {
            m.memory[i] = (uint8_t)(fp_random(s) % 10 << 4 | fp_random(s) % 10);
        }
    }
    return m;
}

static bool values_differ(const struct insn *insn, const struct x87_value *a,
                          const struct x87_value *b)
{
    if (is_approximate(insn) && (a->sign_exponent & 0x7fff) != 0x7fff) {
        return fp_distance(*a, *b) > 2;
    }
    return a->significand != b->significand || a->sign_exponent != b->sign_exponent;
}

static const char *difference(const struct insn *insn, const struct machine *a,
                              const struct machine *b)
{
    unsigned ignored = is_approximate(insn) ? FSW_C1 : 0;

    if (a->x87.control != b->x87.control) {
        return "FCW";
    }
    if ((a->x87.status ^ b->x87.status) & ~ignored) {
        return "FSW";
    }
    if (a->x87.valid != b->x87.valid) {
        return "tags";
    }
    for (unsigned i = 0; i < 8; i++) {
        if (values_differ(insn, &a->x87.reg[i], &b->x87.reg[i])) {
            return "registers";
        }
    }
    if (a->flags != b->flags) {
        return "RFLAGS";
    }
    if (insn->op == OP_FNSTSW && (uint16_t)a->rax != (uint16_t)b->rax &&
        insn->kind[0] == OPERAND_GPR) {
        return "AX";
    }
    if (insn->op == OP_FNSAVE || insn->op == OP_FNSTENV) { /* pointers: of the test program */
        unsigned size = insn->op == OP_FNSAVE ? 108 : 28;

        return memcmp(a->memory, b->memory, 12) != 0 ||
                       memcmp(a->memory + 28, b->memory + 28, size - 28) != 0
                   ? "image"
                   : NULL;
    }
    if (memcmp(a->memory, b->memory, MEMORY) != 0) {
        return "memory";
    }
    return NULL;
}

/* Where the instruction raised an exception that is now pending. */
static const char *pointer_difference(const struct insn *insn, const struct machine *a,
                                      const struct machine *b)
{
    if (!(b->x87.status & 0x80) || !waits(insn) || insn->op == OP_FLDENV || insn->op == OP_FRSTOR ||
        insn->op == OP_FLDCW) {
        return NULL;
    }
    if (a->x87.opcode != b->x87.opcode) {
        return "FOP";
    }
    if (a->x87.instruction != b->x87.instruction) {
        return "FIP";
    }
    return insn->kind[0] == OPERAND_MEM && a->x87.data != b->x87.data ? "FDP" : NULL;
}

static void print_machine(const char *name, const struct machine *m)
{
    fprintf(stderr,
            "  %s FCW %04x FSW %04x valid %02x flags %03" PRIx64 " ax %04x fop %03x fip %" PRIx64
            " fdp %" PRIx64 " memory",
            name, m->x87.control, m->x87.status, m->x87.valid, m->flags, (uint16_t)m->rax,
            m->x87.opcode, m->x87.instruction, m->x87.data);
    for (unsigned i = 0; i < 10; i++) {
        fprintf(stderr, " %02x", m->memory[i]);
    }
    fprintf(stderr, "\n        ");
    for (unsigned i = 0; i < 8; i++) {
        const struct x87_value *v = &m->x87.reg[(x87_top(&m->x87) + i) & 7];

        fprintf(stderr, " %04x:%016" PRIx64, v->sign_exponent, v->significand);
    }
    fprintf(stderr, "\n");
}

static bool try_encoding(struct core_fixture *fixture, const struct encoding *e, uint64_t *seed)
{
    char text[64];

    for (unsigned long n = fp_env_number("N", 300); n > 0; n--) {
        struct machine start = random_machine(seed, &e->insn), ours = start, host = start;
        const char *what = NULL;

        if (is_undefined(&e->insn, &start)) {
            continue;
        }
        run_native(&host, e->code, e->n);
        if (!run_ours(fixture, &ours, e->code, e->n)) {
            what = "an exception";
        } else {
            what = difference(&e->insn, &ours, &host);
            if (what == NULL) {
                what = pointer_difference(&e->insn, &ours, &host);
            }
        }
        if (what != NULL) {
            insn_print(&e->insn, 0, text, sizeof(text));
            fprintf(stderr, "%02x %02x %s: %s\n", e->code[0], e->code[1], text, what);
            print_machine("start", &start);
            print_machine("ours ", &ours);
            print_machine("host ", &host);
            return false;
        }
    }
    return true;
}

START_TEST(every_encoding_does_what_the_host_does)
{
    struct core_fixture *fixture = core_fixture_create(FIXTURE_LONG);
    uint64_t seed = fp_env_number("SEED", 1) * 100 + (uint64_t)_i;
    unsigned tried = 0, failed = 0;

    code_page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code_page == MAP_FAILED) {
        core_fixture_destroy(fixture);
        return; /* the host forbids it */
    }
    for (unsigned modrm = 0; modrm < 256; modrm++) {
        struct encoding e = { { (uint8_t)(0xd8 + _i), (uint8_t)modrm, 0 }, 2, { 0 } };

        /* D9 D8+i stores without checks on some hosts, and is in no manual of Intel's */
        if ((modrm < 0xc0 && (modrm & 0xc7) != 0) || !decodes(&e) ||
            (_i == 1 && modrm >> 3 == 0x1b)) {
            continue;
        }
        tried++;
        failed += !try_encoding(fixture, &e, &seed);
    }
    ck_assert_uint_gt(tried, 40);
    ck_assert_uint_eq(failed, 0);
    munmap(code_page, 4096);
    core_fixture_destroy(fixture);
}
END_TEST

static Suite *suite_x87_host(void)
{
    Suite *suite = suite_create("cpu/exec/x87_host");
    TCase *encodings = tcase_create("encodings");

    tcase_set_timeout(encodings, 600);
    tcase_add_loop_test(encodings, every_encoding_does_what_the_host_does, 0, 8);
    suite_add_tcase(suite, encodings);
    return suite;
}

CHECK_MAIN(suite_x87_host())

#else

CHECK_MAIN_SKIP("only an x86-64 host knows the answers")

#endif
