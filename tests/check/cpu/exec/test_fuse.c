/* A comparison fused with its conditional jump does what the two do one after the other. */
#include <check.h>
#include <string.h>

#include "cpu/exec/exec.h"
#include "tests/check/check_main.h"
#include "tests/check/cpu/exec/core_fixture.h"

static const struct pair {
    uint8_t bytes[8];
    uint8_t length;
    bool fuses;
} pairs[] = {
    { { 0x38, 0xd8 }, 2, true },                         /* cmp al, bl */
    { { 0x38, 0xdc }, 2, true },                         /* cmp ah, bl */
    { { 0x39, 0xd8 }, 2, true },                         /* cmp eax, ebx */
    { { 0x48, 0x39, 0xd8 }, 3, true },                   /* cmp rax, rbx */
    { { 0x3c, 0x80 }, 2, true },                         /* cmp al, 0x80 */
    { { 0x83, 0xf8, 0xff }, 3, true },                   /* cmp eax, -1 */
    { { 0x3d, 0x00, 0x00, 0x00, 0x80 }, 5, true },       /* cmp eax, 0x80000000 */
    { { 0x48, 0x3d, 0xff, 0xff, 0xff, 0x7f }, 6, true }, /* cmp rax, 0x7fffffff */
    { { 0x84, 0xd8 }, 2, true },                         /* test al, bl */
    { { 0x85, 0xd8 }, 2, true },                         /* test eax, ebx */
    { { 0x48, 0x85, 0xc0 }, 3, true },                   /* test rax, rax */
    { { 0xa8, 0x80 }, 2, true },                         /* test al, 0x80 */
    { { 0x48, 0xa9, 0x00, 0x00, 0x00, 0x80 }, 6, true }, /* test rax, -0x80000000 */
    { { 0x66, 0x39, 0xd8 }, 3, false },                  /* cmp ax, bx */
    { { 0x48, 0x3b, 0x06 }, 3, false },                  /* cmp rax, [rsi] */
    { { 0x29, 0xd8 }, 2, false },                        /* sub eax, ebx */
};

static const uint64_t corners[] = {
    0,
    1,
    2,
    0x7f,
    0x80,
    0x81,
    0xff,
    0x8000,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    0x7f80,
    UINT64_C(0x7fffffffffffffff),
    UINT64_C(0x8000000000000000),
    UINT64_MAX,
    UINT64_MAX - 1,
    UINT64_C(0xffffffff80000000),
    0x100000000,
};

static void stop(struct core *core, const struct insn *insn)
{
    (void)core, (void)insn;
}

static void build(struct insn insn[3], const struct pair *pair, unsigned code)
{
    uint8_t bytes[16] = { 0 }, jump[16] = { (uint8_t)(0x70 | code), 0x40 };
    const struct decode_mode mode = { .bits = 64, .flat = true };

    memcpy(bytes, pair->bytes, pair->length);
    memset(insn, 0, 3 * sizeof(*insn));
    ck_assert_int_eq(decode_insn(bytes, 15, mode, &insn[0]), DECODE_OK);
    ck_assert_int_eq(decode_insn(jump, 15, mode, &insn[1]), DECODE_OK);
    ck_assert_uint_eq(insn[0].length, pair->length);
    insn[1].offset = insn[0].length;
    insn[1].exec = exec_choose(&insn[1]);
    insn[2].exec = stop;
}

START_TEST(fused_pairs_do_what_their_parts_do)
{
    const struct pair *pair = &pairs[_i];
    struct core_fixture *f = core_fixture_create(FIXTURE_LONG);
    struct core *core = &f->core;
    struct insn insn[3];

    for (unsigned code = 0; code < 16; code++) {
        build(insn, pair, code);
        exec_fn *fused = exec_choose_fused(insn), *first = exec_choose(&insn[0]);
        bool rare = code < 2 || code == 10 || code == 11;
        ck_assert_int_eq(fused != NULL, pair->fuses && !rare);
        if (fused == NULL) {
            continue;
        }
        for (unsigned i = 0; i < ARRAY_SIZE(corners) * ARRAY_SIZE(corners); i++) {
            core->state.gpr[REG_RAX] = corners[i % ARRAY_SIZE(corners)];
            core->state.gpr[REG_RBX] = corners[i / ARRAY_SIZE(corners)];
            core->state.gpr[REG_RIP] = FIXTURE_CODE;
            core->insn = insn;
            first(core, insn);
            struct cpu_state expected = core->state;
            const struct insn *last = core->insn; /* the jump, or what is behind it */
            core->state.gpr[REG_RIP] = FIXTURE_CODE;
            core->state.flags_result = core->state.flags_carry = 0x5a;
            core->insn = insn;
            fused(core, insn);
            ck_assert_mem_eq(&core->state, &expected, sizeof(expected));
            ck_assert_ptr_eq(core->insn, last);
        }
    }
    core_fixture_destroy(f);
}
END_TEST

static Suite *suite_fuse(void)
{
    Suite *suite = suite_create("cpu/exec/fuse.c");
    TCase *tcase = tcase_create("fuse");

    tcase_add_loop_test(tcase, fused_pairs_do_what_their_parts_do, 0, (int)ARRAY_SIZE(pairs));
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_fuse())
