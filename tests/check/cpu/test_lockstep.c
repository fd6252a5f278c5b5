/* cpu/lockstep: engines that agree leave what one engine leaves; a seeded wrong translation is found and named. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/lockstep.h"
#include "tests/check/check_main.h"
#include "tests/check/cpu/cpu_rig.h"

#if defined(__x86_64__)

#include "cpu/translate/x64/translator.h"

enum { DATA = 0x20000 };

static struct rig *start(const uint8_t *code, size_t n, bool translated, bool lockstep)
{
    struct rig *rig = rig_create(code, n);
    const struct cpu_translation how = { .counted = true, .at_once = true };

    rig_long_mode(rig);
    rig->cpu.core.state.gpr[REG_RBX] = DATA;
    if (translated && cpu_translate(&rig->cpu, how, NULL) != 0) {
        rig_destroy(rig);
        return NULL; /* this host has no translator */
    }
    if (lockstep) {
        ck_assert_int_eq(cpu_lockstep(&rig->cpu), 0);
    }
    return rig;
}

/* A loop of everything that a stretch may hold; RBX: memory, RSI: a counter. */
static const uint8_t loop[] = {
    0x48, 0xff, 0xc6,                         /*  0: inc rsi */
    0xb8, 0x44, 0x33, 0x22, 0x11,             /*  3: mov eax, 0x11223344 */
    0x48, 0x89, 0x04, 0xf3,                   /*  8: mov [rbx + rsi * 8], rax */
    0x81, 0xfe, 0x66, 0x55, 0x44, 0x33,       /* 12: cmp esi, 0x33445566 */
    0x0f, 0x98, 0xc2,                         /* 18: sets dl */
    0xc7, 0x43, 0x08, 0x77, 0x66, 0x55, 0x44, /* 21: mov dword [rbx + 8], 0x44556677 */
    0x90,                                     /* 28: nop */
    0x48, 0x01, 0xc2,                         /* 29: add rdx, rax */
    0x66, 0x0f, 0x6e, 0xc2,                   /* 32: movd xmm0, edx */
    0xe8, 0x02, 0x00, 0x00, 0x00,             /* 36: call 43 */
    0xeb, 0xd5,                               /* 41: jmp 0 */
    0x66, 0x0f, 0xfe, 0xc8,                   /* 43: paddd xmm1, xmm0 */
    0xf3, 0xa4,                               /* 47: rep movsb, RCX is 0 */
    0xc3,                                     /* 49: ret */
};

START_TEST(what_agrees_is_as_with_one_engine)
{
    struct rig *one = start(loop, sizeof(loop), false, false);
    struct rig *both = start(loop, sizeof(loop), true, true);

    if (both == NULL) {
        rig_destroy(one);
        return;
    }
    for (unsigned i = 1; i < 40; i++) {
        uint64_t budget = 7 * i * i;
        ck_assert_int_eq(cpu_run(&one->cpu, budget), CPU_EXIT_BUDGET);
        ck_assert_msg(cpu_run(&both->cpu, budget) == CPU_EXIT_BUDGET, "%s",
                      lockstep_report(both->cpu.lockstep));
        ck_assert_uint_eq(one->cpu.core.retired, both->cpu.core.retired);
        ck_assert_mem_eq(one->cpu.core.state.gpr, both->cpu.core.state.gpr,
                         sizeof(one->cpu.core.state.gpr));
        ck_assert_mem_eq(one->cpu.core.state.xmm, both->cpu.core.state.xmm,
                         sizeof(one->cpu.core.state.xmm));
    }
    ck_assert_mem_eq(ram_host(&one->ram, DATA), ram_host(&both->ram, DATA), 16 * PAGE_SIZE);
    const struct lockstep_counts *counts = lockstep_counts(both->cpu.lockstep);
    ck_assert_uint_gt(counts->stretches, 100);
    ck_assert_uint_gt(counts->instructions, 100000);
    rig_destroy(one);
    rig_destroy(both);
}
END_TEST

/* Change the byte behind these three of translated code. False: they are not there. */
static bool spoil(struct rig *rig, const uint8_t bytes[3])
{
    struct translator *t = rig->cpu.translator;

    for (uint8_t *at = t->code_first; at + 4 <= t->code_at; at++) {
        if (memcmp(at, bytes, 3) == 0) {
            at[3] ^= 0x80;
            return true;
        }
    }
    return false;
}

static const struct {
    uint8_t bytes[3]; /* of an immediate that the block has */
    const char *says;
} spoilt[] = {
    { { 0x44, 0x33, 0x22 }, "byte at 20" },      /* RAX goes to memory and is overwritten */
    { { 0x66, 0x55, 0x44 }, "rdx: translated" }, /* SF goes to RDX */
    { { 0x77, 0x66, 0x55 }, "byte at 2000b: translated c4, interpreted 44" },
};

START_TEST(a_wrong_translation_is_found)
{
    struct rig *rig = start(loop, sizeof(loop), true, true);

    if (rig == NULL) {
        return;
    }
    rig->cpu.core.state.gpr[REG_RSI] = 0;
    ck_assert_int_eq(cpu_run(&rig->cpu, 300), CPU_EXIT_BUDGET);
    ck_assert(spoil(rig, spoilt[_i].bytes));
    enum cpu_exit exit = cpu_run(&rig->cpu, 100000);
    const char *report = lockstep_report(rig->cpu.lockstep);
    ck_assert_int_eq(exit, CPU_EXIT_DIFFERS);
    ck_assert_msg(strstr(report, spoilt[_i].says) != NULL, "%s", report);
    ck_assert_msg(strstr(report, "inc rsi") != NULL, "%s", report); /* the block */
    rig_destroy(rig);
}
END_TEST

/* Both engines raise it, and it is delivered once. */
START_TEST(faults_are_compared_and_delivered)
{
    /* jmp 2 (cpu_run's first block is interpreted); inc rsi; mov eax, [rbx]: not mapped */
    static const uint8_t code[] = { 0xeb, 0x00, 0x48, 0xff, 0xc6, 0x8b, 0x03, 0xf4 };
    struct rig *rig = start(code, sizeof(code), true, true);

    if (rig == NULL) {
        return;
    }
    rig->cpu.core.state.gpr[REG_RSI] = 0;
    rig->cpu.core.state.gpr[REG_RBX] = UINT64_C(0x40000000);
    rig->cpu.core.state.idtr.limit = 0; /* a triple fault */
    ck_assert_int_eq(cpu_run(&rig->cpu, 1000), CPU_EXIT_TRIPLE_FAULT);
    ck_assert_uint_eq(rig->cpu.first_fault.vector, VECTOR_PF);
    ck_assert_uint_eq(rig->cpu.first_fault.address, 0x40000000);
    ck_assert_uint_eq(rig->cpu.core.state.gpr[REG_RSI], 1);
    ck_assert_uint_eq(lockstep_counts(rig->cpu.lockstep)->faults, 1);
    rig_destroy(rig);
}
END_TEST

/* Further than the displacements of one check reach. */
START_TEST(a_stack_far_away_is_checked_where_it_is)
{
    /* jmp 2; sub rsp, 0x7fffffff, twice; push rax: not canonical or not mapped */
    static const uint8_t code[] = { 0xeb, 0x00, 0x48, 0x81, 0xec, 0xff, 0xff, 0xff, 0x7f,
                                    0x48, 0x81, 0xec, 0xff, 0xff, 0xff, 0x7f, 0x50, 0xf4 };
    struct rig *rig = start(code, sizeof(code), true, _i == 1);

    if (rig == NULL) {
        return;
    }
    rig->cpu.core.state.gpr[REG_RSP] = DATA + 0x100;
    rig->cpu.core.state.idtr.limit = 0;
    ck_assert_int_eq(cpu_run(&rig->cpu, 1000), CPU_EXIT_TRIPLE_FAULT);
    ck_assert_uint_eq(rig->cpu.first_fault.vector, VECTOR_PF);
    ck_assert_uint_eq(rig->cpu.first_fault.address, DATA + 0x100 - UINT64_C(0xfffffffe) - 8);
    ck_assert_uint_eq(rig->cpu.core.state.gpr[REG_RSP], DATA + 0x100 - UINT64_C(0xfffffffe));
    rig_destroy(rig);
}
END_TEST

static Suite *suite_lockstep(void)
{
    Suite *suite = suite_create("lockstep");
    TCase *tc = tcase_create("lockstep");

    tcase_set_timeout(tc, 900);
    tcase_add_test(tc, what_agrees_is_as_with_one_engine);
    tcase_add_loop_test(tc, a_wrong_translation_is_found, 0, ARRAY_SIZE(spoilt));
    tcase_add_test(tc, faults_are_compared_and_delivered);
    tcase_add_loop_test(tc, a_stack_far_away_is_checked_where_it_is, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(suite_lockstep())

#else

CHECK_MAIN_SKIP("the translator is for x86-64 hosts")

#endif
