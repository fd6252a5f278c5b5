/* cpu/run.c: budgets, self-modifying code, interrupts and shadows, single-step, page-crossing instructions. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"
#include "cpu/exec/flags.h"
#include "cpu/exec/model.h"
#include "tests/check/check_main.h"
#include "tests/check/cpu/cpu_rig.h"

START_TEST(budget_is_exact)
{
    struct rig *rig = RIG(0x40, 0x43, 0xeb, 0xfc); /* inc eax; inc ebx; jmp */
    uint64_t budget = (uint64_t)_i + 1;

    ck_assert_int_eq(cpu_run(&rig->cpu, budget), CPU_EXIT_BUDGET);
    ck_assert_uint_eq(rig->cpu.core.retired, budget);
    ck_assert_uint_eq(rig->cpu.core.state.gpr[REG_RAX], (budget + 2) / 3);
    ck_assert_uint_eq(rig->cpu.core.state.gpr[REG_RIP], RIG_CODE + (budget % 3));
    rig_destroy(rig);
}
END_TEST

/* What a REP takes of the budget counts for the rest of its block, too. */
START_TEST(budget_is_exact_around_rep)
{
    /* inc eax; mov ecx, 20; rep stosb; 8 times inc eax; jmp to the start */
    struct rig *rig = RIG(0x40, 0xb9, 20, 0, 0, 0, 0xf3, 0xaa, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40,
                          0x40, 0x40, 0xeb, 0xee);
    uint64_t left = 200;

    rig->cpu.core.state.gpr[REG_RDI] = 0x9000;
    while (left > 0) {
        uint64_t budget = (uint64_t)_i + 1 < left ? (uint64_t)_i + 1 : left;
        uint64_t before = rig->cpu.core.retired;
        ck_assert_int_eq(cpu_run(&rig->cpu, budget), CPU_EXIT_BUDGET);
        ck_assert_uint_eq(rig->cpu.core.retired - before, budget);
        left -= budget;
    }
    /* A round is 31: six of them and 14, of which 12 are iterations. */
    ck_assert_uint_eq(rig->cpu.core.state.gpr[REG_RDI], 0x9000 + 6 * 20 + 12);
    ck_assert_uint_eq(rig->cpu.core.state.gpr[REG_RCX], 8);
    rig_destroy(rig);
}
END_TEST

START_TEST(store_into_the_running_block_takes_effect_at_once)
{
    /* mov byte [RIG_CODE + 8], 0x43 (inc ebx); inc eax (becomes inc ebx); hlt */
    struct rig *rig = RIG(0xc6, 0x05, 0x07, 0x10, 0x00, 0x00, 0x43, 0x40, 0xf4);

    rig->cpu.core.state.gpr[REG_RBX] = 0;
    ck_assert_int_eq(cpu_run(&rig->cpu, 100), CPU_EXIT_HALT);
    ck_assert_uint_eq(rig->cpu.core.state.gpr[REG_RAX], 0);
    ck_assert_uint_eq(rig->cpu.core.state.gpr[REG_RBX], 1);
    ck_assert_uint_eq(rig->cpu.core.retired, 3);
    rig_destroy(rig);
}
END_TEST

START_TEST(budget_is_exact_across_conditional_jumps)
{
    /* inc eax; test al, 1; jz +1; inc ebx; jmp RIG_CODE */
    struct rig *rig = RIG(0x40, 0xa8, 0x01, 0x74, 0x01, 0x43, 0xeb, 0xf8);
    static const uint32_t next[] = { [0] = 1, [1] = 3, [5] = 6, [6] = 0 };
    uint64_t budget = (uint64_t)_i + 1;
    uint32_t eax = 0, ebx = 0, at = 0;

    for (uint64_t i = 0; i < budget; i++) {
        eax += at == 0;
        ebx += at == 5;
        at = at == 3 ? (eax & 1 ? 5 : 6) : next[at];
    }
    rig->cpu.core.state.gpr[REG_RBX] = 0;
    ck_assert_int_eq(cpu_run(&rig->cpu, budget), CPU_EXIT_BUDGET);
    ck_assert_uint_eq(rig->cpu.core.retired, budget);
    ck_assert_uint_eq(rig->cpu.core.state.gpr[REG_RAX], eax);
    ck_assert_uint_eq(rig->cpu.core.state.gpr[REG_RBX], ebx);
    ck_assert_uint_eq(rig->cpu.core.state.gpr[REG_RIP], RIG_CODE + at);
    rig_destroy(rig);
}
END_TEST

START_TEST(store_behind_a_jump_into_the_running_block_takes_effect_at_once)
{
    /* test eax, eax; jnz +0; mov byte [RIG_CODE + 11], 0x43; inc eax (becomes inc ebx); hlt */
    struct rig *rig =
        RIG(0x85, 0xc0, 0x75, 0x00, 0xc6, 0x05, 0x0b, 0x10, 0x00, 0x00, 0x43, 0x40, 0xf4);

    rig->cpu.core.state.gpr[REG_RBX] = 0;
    ck_assert_int_eq(cpu_run(&rig->cpu, 100), CPU_EXIT_HALT);
    ck_assert_uint_eq(rig->cpu.core.state.gpr[REG_RAX], 0);
    ck_assert_uint_eq(rig->cpu.core.state.gpr[REG_RBX], 1);
    ck_assert_uint_eq(rig->cpu.core.retired, 5);
    rig_destroy(rig);
}
END_TEST

START_TEST(rep_counts_each_iteration)
{
    struct rig *rig = RIG(0xf3, 0xaa, 0xf4); /* rep stosb; hlt */

    rig->cpu.core.state.gpr[REG_RCX] = 10000;
    rig->cpu.core.state.gpr[REG_RDI] = 0x20000;
    ck_assert_int_eq(cpu_run(&rig->cpu, 100000), CPU_EXIT_HALT);
    ck_assert_uint_eq(rig->cpu.core.retired, 10001);
    ck_assert_uint_eq(rig->cpu.core.state.gpr[REG_RDI], 0x20000 + 10000);
    rig_destroy(rig);
}
END_TEST

START_TEST(fault_pushes_the_instruction)
{
    struct rig *rig = RIG(0x40, 0x40, 0x0f, 0x0b); /* inc eax; inc eax; ud2 */

    ck_assert_int_eq(cpu_run(&rig->cpu, 100), CPU_EXIT_HALT);
    ck_assert_uint_eq(rig->cpu.core.state.gpr[REG_RDX] & 0xff, VECTOR_UD);
    uint32_t pushed;
    ram_read(&rig->ram, RIG_STACK - 12, &pushed, 4);
    ck_assert_uint_eq(pushed, RIG_CODE + 2);
    rig_destroy(rig);
}
END_TEST

START_TEST(sti_shadows_one_instruction)
{
    struct rig *rig = RIG(0xfb, 0x40, 0x40, 0x40); /* sti; inc eax (shadowed); inc eax */

    rig->vector = 0x30;
    cpu_kick(&rig->cpu);
    ck_assert_int_eq(cpu_run(&rig->cpu, 100), CPU_EXIT_POLL); /* delivered; the kick is told once */
    ck_assert_int_eq(cpu_run(&rig->cpu, 100), CPU_EXIT_HALT);
    ck_assert_uint_eq(rig->cpu.core.state.gpr[REG_RDX] & 0xff, 0x30);
    ck_assert_uint_eq(rig->cpu.core.state.gpr[REG_RAX], 1);
    rig_destroy(rig);
}
END_TEST

START_TEST(single_step_traps_after_one)
{
    struct rig *rig = RIG(0x40, 0x40, 0x40);

    rig->cpu.core.state.rflags_rest |= FLAG_TF;
    core_mode_update(&rig->cpu.core);
    ck_assert_int_eq(cpu_run(&rig->cpu, 100), CPU_EXIT_HALT);
    ck_assert_uint_eq(rig->cpu.core.state.gpr[REG_RDX] & 0xff, VECTOR_DB);
    ck_assert_uint_eq(rig->cpu.core.state.gpr[REG_RAX], 1);
    ck_assert_uint_eq(rig->cpu.core.state.dr6 & DR6_BS, DR6_BS);
    rig_destroy(rig);
}
END_TEST

START_TEST(instruction_may_cross_a_page)
{
    struct rig *rig = RIG(0x90);
    const uint8_t code[] = { 0xb8, 0x78, 0x56, 0x34, 0x12, 0xf4 }; /* mov eax, 0x12345678; hlt */

    ram_write(&rig->ram, 0x1ffe, code, sizeof(code));
    rig->cpu.core.state.gpr[REG_RIP] = 0x1ffe;
    ck_assert_int_eq(cpu_run(&rig->cpu, 100), CPU_EXIT_HALT);
    ck_assert_uint_eq(rig->cpu.core.state.gpr[REG_RAX], 0x12345678);
    ck_assert_uint_eq(rig->cpu.core.retired, 2);
    rig_destroy(rig);
}
END_TEST

START_TEST(fault_without_an_idt_is_a_triple_fault)
{
    struct rig *rig = RIG(0x0f, 0x0b);

    rig->cpu.core.state.idtr.limit = 0;
    ck_assert_int_eq(cpu_run(&rig->cpu, 100), CPU_EXIT_TRIPLE_FAULT);
    ck_assert_uint_eq(rig->cpu.first_fault.vector, VECTOR_UD);
    rig_destroy(rig);
}
END_TEST

static Suite *suite_run(void)
{
    Suite *suite = suite_create("cpu/run");
    TCase *tc = tcase_create("run");

    tcase_set_tags(tc, "fast");
    tcase_add_loop_test(tc, budget_is_exact, 0, 200);
    tcase_add_loop_test(tc, budget_is_exact_around_rep, 0, 100);
    tcase_add_loop_test(tc, budget_is_exact_across_conditional_jumps, 0, 200);
    tcase_add_test(tc, store_behind_a_jump_into_the_running_block_takes_effect_at_once);
    tcase_add_test(tc, store_into_the_running_block_takes_effect_at_once);
    tcase_add_test(tc, rep_counts_each_iteration);
    tcase_add_test(tc, fault_pushes_the_instruction);
    tcase_add_test(tc, sti_shadows_one_instruction);
    tcase_add_test(tc, single_step_traps_after_one);
    tcase_add_test(tc, instruction_may_cross_a_page);
    tcase_add_test(tc, fault_without_an_idt_is_a_triple_fault);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(suite_run())
