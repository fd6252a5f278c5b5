/* cpu/run.c: budgets, self-modifying code, interrupts and shadows, single-step, page-crossing instructions. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"
#include "cpu/exec/flags.h"
#include "cpu/exec/model.h"
#include "tests/check/check_main.h"

enum {
    RAM_BYTES = 1 << 20,
    CODE = 0x1000,
    GDT = 0x3000,
    IDT = 0x4000,
    HANDLERS = 0x5000,
    STACK = 0x8000
};

/* A cpu in flat 32-bit protected mode whose exception handlers halt. */
struct rig {
    struct ram ram;
    struct space space;
    struct cpu cpu;
    int vector; /* what acknowledge answers, -1: nothing */
};

static int acknowledge(void *owner)
{
    struct rig *rig = owner;
    int vector = rig->vector;

    rig->vector = -1;
    return vector;
}

static bool pending(void *owner)
{
    return ((struct rig *)owner)->vector >= 0;
}

static bool no_nmi(void *owner)
{
    (void)owner;
    return false;
}

static const struct cpu_interrupts interrupts = { acknowledge, pending, no_nmi };
static const struct core_ops core_ops;

static void code_written(void *opaque, spa_t spa, size_t length)
{
    cpu_code_written(&((struct rig *)opaque)->cpu, spa, length);
}

static const struct ram_ops ram_ops = { code_written };

static void flat(struct x86_segment *segment, uint16_t selector, uint32_t attributes)
{
    *segment =
        (struct x86_segment){ .limit = UINT32_MAX, .selector = selector, .attributes = attributes };
}

static struct rig *rig_create(const void *code, size_t n)
{
    static const uint8_t gdt[24] = { [8] = 0xff, 0xff, 0, 0, 0, 0x9b, 0xcf, 0,
                                     0xff,       0xff, 0, 0, 0, 0x93, 0xcf, 0 };
    struct rig *rig = calloc(1, sizeof(*rig));
    struct core *core = &rig->cpu.core;

    ck_assert_int_eq(ram_init(&rig->ram, RAM_BYTES, NULL), 0);
    rig->ram.ops = &ram_ops;
    rig->ram.ops_opaque = rig;
    ck_assert_int_eq(space_init(&rig->space, &rig->ram, 36), 0);
    ck_assert_int_eq(space_map(&rig->space, 0, 0, RAM_BYTES >> PAGE_SHIFT, SPACE_RWX), 0);
    rig->vector = -1;
    ram_write(&rig->ram, GDT, gdt, sizeof(gdt));
    for (unsigned i = 0; i < 64; i++) {
        /* Handler i: mov dl, i; hlt */
        const uint8_t handler[4] = { 0xb2, (uint8_t)i, 0xf4, 0x90 };
        uint32_t at = HANDLERS + 4 * i;
        const uint8_t gate[8] = { (uint8_t)at, (uint8_t)(at >> 8), 8, 0, 0, 0x8e, 0, 0 };
        ram_write(&rig->ram, at, handler, sizeof(handler));
        ram_write(&rig->ram, IDT + 8 * i, gate, sizeof(gate));
    }
    ram_write(&rig->ram, CODE, code, n);
    ck_assert_int_eq(
        cpu_init(&rig->cpu, cpu_model_find(NULL), &rig->space, &core_ops, &interrupts, rig, NULL),
        0);
    core->state.cr0 |= CR0_PE;
    core->state.gdtr = (struct x86_table){ GDT, 23 };
    core->state.idtr = (struct x86_table){ IDT, 64 * 8 - 1 };
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        flat(&core->state.seg[i], 0x10, 0xc093);
    }
    flat(&core->state.seg[SEG_CS], 8, 0xc09b);
    core->state.gpr[REG_RIP] = CODE;
    core->state.gpr[REG_RSP] = STACK;
    core->state.gpr[REG_RAX] = core->state.gpr[REG_RDX] = core->state.gpr[REG_RCX] = 0;
    core_mode_update(core);
    return rig;
}

static void rig_destroy(struct rig *rig)
{
    cpu_fini(&rig->cpu);
    space_fini(&rig->space);
    ram_fini(&rig->ram);
    free(rig);
}

#define RIG(...)                                                                                   \
    rig_create((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

START_TEST(budget_is_exact)
{
    struct rig *rig = RIG(0x40, 0x43, 0xeb, 0xfc); /* inc eax; inc ebx; jmp */
    uint64_t budget = (uint64_t)_i + 1;

    ck_assert_int_eq(cpu_run(&rig->cpu, budget), CPU_EXIT_BUDGET);
    ck_assert_uint_eq(rig->cpu.core.retired, budget);
    ck_assert_uint_eq(rig->cpu.core.state.gpr[REG_RAX], (budget + 2) / 3);
    ck_assert_uint_eq(rig->cpu.core.state.gpr[REG_RIP], CODE + (budget % 3));
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
    /* mov byte [CODE + 8], 0x43 (inc ebx); inc eax (becomes inc ebx); hlt */
    struct rig *rig = RIG(0xc6, 0x05, 0x07, 0x10, 0x00, 0x00, 0x43, 0x40, 0xf4);

    rig->cpu.core.state.gpr[REG_RBX] = 0;
    ck_assert_int_eq(cpu_run(&rig->cpu, 100), CPU_EXIT_HALT);
    ck_assert_uint_eq(rig->cpu.core.state.gpr[REG_RAX], 0);
    ck_assert_uint_eq(rig->cpu.core.state.gpr[REG_RBX], 1);
    ck_assert_uint_eq(rig->cpu.core.retired, 3);
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
    ram_read(&rig->ram, STACK - 12, &pushed, 4);
    ck_assert_uint_eq(pushed, CODE + 2);
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
