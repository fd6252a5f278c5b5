/* Delivery through gates: frames, privilege, error codes with EXT, double and triple faults, IST.
 */
#include "cpu/exec/flags.h"
#include "cpu/exec/segment.h"
#include "tests/check/check_main.h"
#include "tests/check/cpu/exec/system_fixture.h"

enum { RIP = 0x8123 };

static struct core_fixture *start(enum fixture_mode mode, unsigned cpl)
{
    struct core_fixture *fixture = system_fixture_create(mode);

    system_fixture_level(fixture, cpl);
    fixture->core.state.gpr[REG_RIP] = RIP;
    core_rflags_set(&fixture->core, FLAG_IF | FLAG_TF | FLAG_NT);
    return fixture;
}

static uint64_t stack_at(struct core_fixture *fixture, unsigned n, unsigned size)
{
    return core_fixture_read(fixture, fixture->core.state.gpr[REG_RSP] + n * size, size);
}

START_TEST(same_level_frame_has_error_code_and_rf)
{
    struct core_fixture *fixture = start(FIXTURE_FLAT32, 0);
    struct core *core = &fixture->core;
    uint64_t sp = core->state.gpr[REG_RSP];
    struct x86_fault first;

    system_fixture_gate(fixture, VECTOR_GP, CODE0, SYSTEM_INTERRUPT_GATE, 0, 0);
    ck_assert(
        system_fixture_deliver(fixture, INTERRUPT_EXCEPTION, VECTOR_GP, true, 0x1234, &first));
    ck_assert_uint_eq(core->state.gpr[REG_RSP], sp - 16);
    ck_assert_uint_eq(stack_at(fixture, 0, 4), 0x1234);
    ck_assert_uint_eq(stack_at(fixture, 1, 4), RIP);
    ck_assert_uint_eq(stack_at(fixture, 2, 4), CODE0);
    ck_assert_uint_eq(stack_at(fixture, 3, 4), FLAG_IF | FLAG_TF | FLAG_NT | FLAG_RF | FLAG_ONE);
    ck_assert_uint_eq(core_rflags(core), FLAG_ONE);
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(sixteen_bit_gate_pushes_words)
{
    struct core_fixture *fixture = start(FIXTURE_FLAT32, 0);
    struct core *core = &fixture->core;
    uint64_t sp = core->state.gpr[REG_RSP];
    struct x86_fault first;

    system_fixture_gate(fixture, 0x20, CODE16, SYSTEM_TRAP_GATE16, 0, 0);
    ck_assert(system_fixture_deliver(fixture, INTERRUPT_EXTERNAL, 0x20, false, 0, &first));
    ck_assert_uint_eq(core->state.gpr[REG_RSP], sp - 6);
    ck_assert_uint_eq(stack_at(fixture, 0, 2), RIP);
    ck_assert_uint_eq(stack_at(fixture, 1, 2), CODE0);
    ck_assert_uint_eq(core->bits, 16);
    ck_assert_uint_eq(core->state.gpr[REG_RIP], HANDLER);
    ck_assert(core->state.rflags_rest & FLAG_IF); /* a trap gate */
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(long_mode_aligns_and_switches_by_privilege_and_ist)
{
    struct core_fixture *fixture = start(FIXTURE_LONG, 3);
    struct core *core = &fixture->core;
    struct x86_fault first;

    system_fixture_gate(fixture, 0x20, CODE64, SYSTEM_INTERRUPT_GATE, 0, 0);
    system_fixture_gate(fixture, 0x21, CODE64, SYSTEM_INTERRUPT_GATE, 0, 1);
    ck_assert(system_fixture_deliver(fixture, INTERRUPT_EXTERNAL, 0x20, false, 0, &first));
    ck_assert_uint_eq(core->state.gpr[REG_RSP], STACK0 - 40);
    ck_assert_uint_eq(stack_at(fixture, 0, 8), RIP);
    ck_assert_uint_eq(stack_at(fixture, 1, 8), CODE64_3 | 3);
    ck_assert_uint_eq(stack_at(fixture, 3, 8), STACK3);
    ck_assert_uint_eq(stack_at(fixture, 4, 8), DATA3 | 3);
    ck_assert_uint_eq(core->state.seg[SEG_SS].selector, 0);
    ck_assert_uint_eq(core->cpl, 0);
    core->state.gpr[REG_RSP] =
        STACK0 - 0x101; /* misaligned, same level: the stack stays, aligned */
    ck_assert(system_fixture_deliver(fixture, INTERRUPT_EXTERNAL, 0x20, false, 0, &first));
    ck_assert_uint_eq(core->state.gpr[REG_RSP], STACK0 - 0x110 - 40);
    ck_assert_uint_eq(stack_at(fixture, 3, 8), STACK0 - 0x101);
    ck_assert(system_fixture_deliver(fixture, INTERRUPT_EXTERNAL, 0x21, false, 0, &first));
    ck_assert_uint_eq(core->state.gpr[REG_RSP], STACK0 - 0x800 - 40);
    core_fixture_destroy(fixture);
}
END_TEST

/* What goes wrong on the way to the handler of an external interrupt: the fault that arrives
 * instead, its error code with EXT set. [SDM 3A 6.12, 6.13] */
static const struct gate_case {
    uint16_t selector;
    uint8_t type;
    uint8_t vector;
    uint32_t error;
} gate_cases[] = {
    { 0, SYSTEM_INTERRUPT_GATE, VECTOR_GP, 1 },
    { GDT_BYTES, SYSTEM_INTERRUPT_GATE, VECTOR_GP, GDT_BYTES | 1 },
    { DATA0, SYSTEM_INTERRUPT_GATE, VECTOR_GP, DATA0 | 1 },
    { CODE3, SYSTEM_INTERRUPT_GATE, VECTOR_GP, CODE3 | 1 },
    { ABSENT_CODE, SYSTEM_INTERRUPT_GATE, VECTOR_NP, ABSENT_CODE | 1 },
    { CODE0, SYSTEM_CALL_GATE, VECTOR_GP, 0x20 * 8 | 3 },
    { CODE0, 0, VECTOR_GP, 0x20 * 8 | 3 },
};

START_TEST(faults_on_the_way_carry_ext)
{
    const struct gate_case *row = &gate_cases[_i];
    struct core_fixture *fixture = start(FIXTURE_FLAT32, 0);
    struct x86_fault first;

    system_fixture_gate(fixture, VECTOR_GP, CODE0, SYSTEM_INTERRUPT_GATE, 0, 0);
    system_fixture_gate(fixture, VECTOR_NP, CODE0, SYSTEM_INTERRUPT_GATE, 0, 0);
    system_fixture_gate(fixture, 0x20, row->selector, row->type, 0, 0);
    ck_assert(system_fixture_deliver(fixture, INTERRUPT_EXTERNAL, 0x20, false, 0, &first));
    ck_assert_uint_eq(stack_at(fixture, 0, 4), row->error);
    ck_assert_uint_eq(stack_at(fixture, 1, 4), RIP);
    ck_assert_uint_eq(fixture->core.fault.vector, row->vector);
    core_fixture_destroy(fixture);
}
END_TEST

/* Which second exception makes a double fault. The second is made by a not-present gate (#NP) of
 * the first. [SDM 3A table 6-5] */
static const struct double_case {
    uint8_t vector;
    bool doubles;
} double_cases[] = {
    { VECTOR_DE, true },  { VECTOR_DB, false }, { VECTOR_BP, false }, { VECTOR_UD, false },
    { VECTOR_NM, false }, { VECTOR_TS, true },  { VECTOR_SS, true },  { VECTOR_GP, true },
    { VECTOR_PF, true },  { VECTOR_MF, false }, { VECTOR_AC, false },
};

START_TEST(contributory_exceptions_double)
{
    const struct double_case *row = &double_cases[_i];
    struct core_fixture *fixture = start(FIXTURE_FLAT32, 0);
    struct core *core = &fixture->core;
    struct x86_fault first;

    system_fixture_gate(fixture, VECTOR_NP, CODE0, SYSTEM_INTERRUPT_GATE, 0, 0);
    system_fixture_gate(fixture, VECTOR_DF, CODE0, SYSTEM_TRAP_GATE, 0, 0);
    system_fixture_gate(fixture, row->vector, CODE0, SYSTEM_INTERRUPT_GATE, 0, 0);
    core_fixture_write(fixture, IDT + row->vector * 8u + 5, 1, SYSTEM_INTERRUPT_GATE); /* P = 0 */
    ck_assert(system_fixture_deliver(fixture, INTERRUPT_EXCEPTION, row->vector, false, 0, &first));
    ck_assert_uint_eq(stack_at(fixture, 0, 4), row->doubles ? 0 : row->vector * 8u | 3);
    ck_assert_uint_eq(!!(core->state.rflags_rest & FLAG_IF),
                      row->doubles); /* the gate that was taken */
    ck_assert_uint_eq(stack_at(fixture, 1, 4), RIP);
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(fault_in_double_fault_shuts_down)
{
    struct core_fixture *fixture = start(FIXTURE_LONG, 0);
    struct core *core = &fixture->core;
    struct delivery delivery = {
        INTERRUPT_EXCEPTION,
        { .vector = VECTOR_PF, .has_error = true, .error = 2, .address = 0xabc }
    };
    struct x86_fault first = { 0 };

    core->state.idtr.limit = 0;
    ck_assert(!core_deliver(core, delivery, &first));
    ck_assert_uint_eq(core->state.activity, ACTIVITY_SHUTDOWN);
    ck_assert_uint_eq(first.vector, VECTOR_PF);
    ck_assert_uint_eq(core->fault.vector, VECTOR_GP);
    ck_assert_uint_eq(core->state.cr2, 0xabc);
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(page_fault_on_the_stack_becomes_a_double_fault_on_its_ist)
{
    struct core_fixture *fixture = start(FIXTURE_LONG, 0);
    struct core *core = &fixture->core;
    struct x86_fault first;

    system_fixture_gate(fixture, VECTOR_PF, CODE64, SYSTEM_INTERRUPT_GATE, 0, 0);
    system_fixture_gate(fixture, VECTOR_DF, CODE64, SYSTEM_INTERRUPT_GATE, 0, 1);
    core->state.gpr[REG_RSP] = FIXTURE_HOLE + 0x800;
    ck_assert(system_fixture_deliver(fixture, INTERRUPT_EXCEPTION, VECTOR_PF, true, 2, &first));
    ck_assert_uint_eq(core->state.gpr[REG_RSP], STACK0 - 0x800 - 48);
    ck_assert_uint_eq(stack_at(fixture, 0, 8), 0);
    ck_assert_uint_eq(stack_at(fixture, 1, 8), RIP);
    ck_assert_uint_eq(core->state.cr2 & PAGE_MASK, FIXTURE_HOLE);
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(suspended_delivery_is_kept)
{
    struct core_fixture *fixture = start(FIXTURE_LONG, 0);
    struct core *core = &fixture->core;
    struct x86_fault first;

    system_fixture_gate(fixture, 0x40, CODE64, SYSTEM_INTERRUPT_GATE, 0, 0);
    core->state.gpr[REG_RSP] = FIXTURE_DEVICE + 0x800;
    fixture->device_suspends = true;
    ck_assert(system_fixture_deliver(fixture, INTERRUPT_EXTERNAL, 0x40, false, 0, &first));
    ck_assert(core->event_suspended.valid);
    ck_assert_uint_eq(core->event_suspended.fault.vector, 0x40);
    ck_assert_uint_eq(core->state.gpr[REG_RIP], RIP);
    fixture->device_suspends = false;
    ck_assert(core_deliver(core,
                           (struct delivery){ (enum interrupt_source)core->event_suspended.source,
                                              core->event_suspended.fault },
                           &first));
    ck_assert(!core->event_suspended.valid);
    ck_assert_uint_eq(core->state.gpr[REG_RIP], HANDLER);
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(debug_exception_sets_dr6_and_clears_gd)
{
    struct core_fixture *fixture = start(FIXTURE_LONG, 0);
    struct core *core = &fixture->core;
    struct delivery delivery = { INTERRUPT_EXCEPTION, { .vector = VECTOR_DB, .address = DR6_BS } };
    struct x86_fault first;

    system_fixture_gate(fixture, VECTOR_DB, CODE64, SYSTEM_INTERRUPT_GATE, 0, 0);
    core->state.dr7 |= DR7_GD;
    core->state.dr6 |= 3;
    ck_assert(core_deliver(core, delivery, &first));
    ck_assert_uint_eq(core->state.dr6, DR6_INIT | DR6_BS);
    ck_assert_uint_eq(core->state.dr7, DR7_INIT);
    ck_assert_uint_eq(stack_at(fixture, 2, 8) & FLAG_RF, 0); /* a trap */
    core_fixture_destroy(fixture);
}
END_TEST

/* ---- hardware tasks ---- */

/* A task in TSS_B that is fine. */
static void fill_tss_b(struct core_fixture *fixture)
{
    static const uint16_t selectors[] = {
        DATA0, CODE0, DATA0, DATA0, 0, DATA3
    }; /* ES CS SS DS FS GS */

    core_fixture_write(fixture, TSS_B + 0x20, 4, HANDLER);
    core_fixture_write(fixture, TSS_B + 0x24, 4, FLAG_CF | FLAG_ONE);
    for (unsigned n = 0; n < 8; n++) {
        core_fixture_write(fixture, TSS_B + 0x28 + 4 * n, 4, n == REG_RSP ? STACK0 : 0x1000 + n);
    }
    for (unsigned n = 0; n < 6; n++) {
        core_fixture_write(fixture, TSS_B + 0x48 + 4 * n, 4, selectors[n]);
    }
    core_fixture_write(fixture, TSS_B + 0x60, 2, LDT_A);
}

static unsigned busy(struct core_fixture *fixture, uint16_t selector)
{
    return core_fixture_read(fixture, GDT + selector + 5u, 1) >> 1 & 1;
}

START_TEST(call_to_a_tss_nests_and_iret_returns)
{
    struct core_fixture *fixture = start(FIXTURE_FLAT32, 0);
    struct core *core = &fixture->core;
    struct cpu_state *state = &core->state;

    fill_tss_b(fixture);
    core_rflags_set(core, FLAG_IF | FLAG_ZF);
    state->gpr[REG_RBX] = 0xb0b;
    ck_assert_int_eq(core_fixture_run_hex(fixture, "9a000000007000"), UNWIND_NONE);
    ck_assert_uint_eq(state->gpr[REG_RIP], HANDLER);
    ck_assert_uint_eq(state->gpr[REG_RBX], 0x1003);
    ck_assert_uint_eq(state->tr.selector, TSS_B_SELECTOR);
    ck_assert_uint_eq(core_rflags(core), FLAG_CF | FLAG_NT | FLAG_ONE);
    ck_assert(state->cr0 & CR0_TS);
    ck_assert_uint_eq(state->seg[SEG_GS].selector, DATA3);
    ck_assert_uint_eq(core_fixture_read(fixture, TSS_B, 2), TSS_A_SELECTOR);
    ck_assert_uint_eq(busy(fixture, TSS_A_SELECTOR), 1);
    ck_assert_uint_eq(busy(fixture, TSS_B_SELECTOR), 1);
    ck_assert_uint_eq(core_fixture_read(fixture, TSS_A + 0x20, 4), FIXTURE_CODE + 7);
    ck_assert_uint_eq(core_fixture_read(fixture, TSS_A + 0x24, 4), FLAG_IF | FLAG_ZF | FLAG_ONE);
    ck_assert_uint_eq(core_fixture_read(fixture, TSS_A + 0x28 + 12, 4), 0xb0b);
    ck_assert_uint_eq(core_fixture_read(fixture, TSS_A + 0x4c, 2), CODE0);
    core_fixture_write(fixture, TSS_A + 0x60, 2, LDT_A);
    ck_assert_int_eq(core_fixture_run_hex(fixture, "cf"), UNWIND_NONE);
    ck_assert_uint_eq(state->gpr[REG_RIP], FIXTURE_CODE + 7);
    ck_assert_uint_eq(state->gpr[REG_RBX], 0xb0b);
    ck_assert_uint_eq(state->tr.selector, TSS_A_SELECTOR);
    ck_assert_uint_eq(busy(fixture, TSS_B_SELECTOR), 0);
    ck_assert_uint_eq(core_fixture_read(fixture, TSS_B + 0x24, 4),
                      FLAG_CF | FLAG_ONE); /* NT cleared */
    ck_assert_uint_eq(core_rflags(core), FLAG_IF | FLAG_ZF | FLAG_ONE);
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(jump_through_a_task_gate_frees_the_old_task)
{
    struct core_fixture *fixture = start(FIXTURE_FLAT32, 3);
    struct core *core = &fixture->core;

    fill_tss_b(fixture);
    core_rflags_set(core, FLAG_IF);
    core->state.dr7 |= 0x155;
    core_fixture_write(fixture, TSS_B + 0x64, 2, 1); /* T */
    ck_assert_int_eq(core_fixture_run_hex(fixture, "ea000000008300"), UNWIND_NONE);
    ck_assert_uint_eq(core->cpl, 0);
    ck_assert_uint_eq(busy(fixture, TSS_A_SELECTOR), 0);
    ck_assert_uint_eq(busy(fixture, TSS_B_SELECTOR), 1);
    ck_assert(!(core->state.rflags_rest & FLAG_NT));
    ck_assert_uint_eq(core->state.dr7, DR7_INIT);
    ck_assert_uint_eq(core->debug_pending, DR6_BT);
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(exception_through_a_task_gate_pushes_its_error_code_there)
{
    struct core_fixture *fixture = start(FIXTURE_FLAT32, 0);
    struct core *core = &fixture->core;
    struct x86_fault first;

    fill_tss_b(fixture);
    system_fixture_gate(fixture, VECTOR_DF, TSS_B_SELECTOR, SYSTEM_TASK_GATE, 0, 0);
    ck_assert(system_fixture_deliver(fixture, INTERRUPT_EXCEPTION, VECTOR_DF, true, 0x77, &first));
    ck_assert_uint_eq(core->state.tr.selector, TSS_B_SELECTOR);
    ck_assert_uint_eq(core->state.gpr[REG_RSP], STACK0 - 4);
    ck_assert_uint_eq(stack_at(fixture, 0, 4), 0x77);
    ck_assert_uint_eq(core_fixture_read(fixture, TSS_A + 0x20, 4), RIP);
    core_fixture_destroy(fixture);
}
END_TEST

/* Faults in the new task: field of the TSS, its value, the exception. [SDM 3A table 7-1] */
static const struct task_case {
    uint8_t field;
    uint16_t value;
    uint8_t vector;
    uint16_t error;
} task_cases[] = {
    { 0x60, CODE0, VECTOR_TS, CODE0 }, /* LDT */
    { 0x4c, 0, VECTOR_TS, 0 },         /* CS */
    { 0x4c, DATA0, VECTOR_TS, DATA0 },
    { 0x4c, CODE3, VECTOR_TS, CODE3 },
    { 0x4c, ABSENT_CODE, VECTOR_NP, ABSENT_CODE },
    { 0x50, 0, VECTOR_TS, 0 }, /* SS */
    { 0x50, DATA3 | 3, VECTOR_TS, DATA3 },
    { 0x50, ABSENT, VECTOR_SS, ABSENT },
    { 0x54, EXECUTE_ONLY, VECTOR_TS, EXECUTE_ONLY }, /* DS */
    { 0x54, ABSENT, VECTOR_NP, ABSENT },
    { 0x48, GDT_BYTES, VECTOR_TS, GDT_BYTES }, /* ES */
};

START_TEST(bad_segments_fault_in_the_new_task)
{
    const struct task_case *row = &task_cases[_i];
    struct core_fixture *fixture = start(FIXTURE_FLAT32, 0);
    struct core *core = &fixture->core;

    fill_tss_b(fixture);
    core_fixture_write(fixture, TSS_B + row->field, 2, row->value);
    core_rflags_set(core, 0);
    ck_assert_int_eq(core_fixture_run_hex(fixture, "ea000000007000"), UNWIND_FAULT);
    ck_assert_uint_eq(core->fault.vector, row->vector);
    ck_assert_uint_eq(core->fault.error, row->error);
    ck_assert_uint_eq(core->state.tr.selector, TSS_B_SELECTOR);
    ck_assert_uint_eq(core->state.gpr[REG_RIP], HANDLER);
    core_fixture_destroy(fixture);
}
END_TEST

/* Faults before the switch leave the old task. */
static const struct refused_case {
    const char *insn;
    uint32_t offset; /* of a byte of the GDT to change, 0: none */
    uint8_t value, vector;
    uint16_t error;
} refused_cases[] = {
    { "ea000000006800", 0, 0, VECTOR_GP, TSS_A_SELECTOR }, /* busy */
    { "ea000000007000", TSS_B_SELECTOR + 5, 0x09, VECTOR_NP, TSS_B_SELECTOR },
    { "ea000000007000", TSS_B_SELECTOR, 0x66, VECTOR_TS, TSS_B_SELECTOR }, /* limit */
    { "ea000000008000", TASK_GATE + 2, DATA0, VECTOR_GP, DATA0 },
    { "ea000000008000", TASK_GATE + 2, 0x0c, VECTOR_GP, 0x0c }, /* in the LDT */
    { "ea000000008000", TASK_GATE + 5, 0x65, VECTOR_NP, TASK_GATE },
};

START_TEST(bad_tss_leaves_the_old_task)
{
    const struct refused_case *row = &refused_cases[_i];
    struct core_fixture *fixture = start(FIXTURE_FLAT32, 0);

    fill_tss_b(fixture);
    if (row->offset) {
        core_fixture_write(fixture, GDT + row->offset, 1, row->value);
    }
    ck_assert(core_fixture_faults(fixture, row->insn, row->vector));
    ck_assert_uint_eq(fixture->core.fault.error, row->error);
    ck_assert_uint_eq(fixture->core.state.tr.selector, TSS_A_SELECTOR);
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(task_in_virtual_8086_mode)
{
    struct core_fixture *fixture = start(FIXTURE_FLAT32, 0);
    struct core *core = &fixture->core;

    fill_tss_b(fixture);
    core_rflags_set(core, 0);
    core_fixture_write(fixture, TSS_B + 0x20, 4, 0x100);
    core_fixture_write(fixture, TSS_B + 0x24, 4, FLAG_VM | FLAG_ONE);
    core_fixture_write(fixture, TSS_B + 0x4c, 2, 0x800);
    ck_assert_int_eq(core_fixture_run_hex(fixture, "ea000000007000"), UNWIND_NONE);
    ck_assert_uint_eq(core->cpl, 3);
    ck_assert_uint_eq(core->bits, 16);
    ck_assert_uint_eq(core->seg_base[SEG_CS], 0x8000);
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(sixteen_bit_task_fills_the_upper_halves_with_ones)
{
    struct core_fixture *fixture = start(FIXTURE_FLAT32, 0);
    struct core *core = &fixture->core;
    static const uint16_t fields[] = { /* IP FLAGS AX CX DX BX SP BP SI DI ES CS SS DS LDT */
                                       0x500, 2, 1,     2,      3,      4,     0x8000, 6,
                                       7,     8, DATA0, CODE16, DATA16, DATA0, 0
    };

    core_rflags_set(core, 0);
    core_fixture_write(fixture, GDT + TSS_B_SELECTOR, 8,
                       descriptor_make(TSS_B, 0x2b, SEG_P | SYSTEM_TSS16_AVAILABLE));
    for (unsigned n = 0; n < ARRAY_SIZE(fields); n++) {
        core_fixture_write(fixture, TSS_B + 0x0e + 2 * n, 2, fields[n]);
    }
    ck_assert_int_eq(core_fixture_run_hex(fixture, "ea000000007000"), UNWIND_NONE);
    ck_assert_uint_eq(core->state.gpr[REG_RIP], 0x500);
    ck_assert_uint_eq(core->state.gpr[REG_RCX], 0xffff0002);
    ck_assert_uint_eq(core->bits, 16);
    ck_assert_uint_eq(core->stack_bits, 16);
    ck_assert_uint_eq(core->state.seg[SEG_FS].selector, 0);
    core_fixture_destroy(fixture);
}
END_TEST

static Suite *suite_interrupt(void)
{
    Suite *suite = suite_create("cpu/exec/interrupt");
    TCase *frames = tcase_create("frames");
    TCase *doubles = tcase_create("double faults");
    TCase *tasks = tcase_create("tasks");

    tcase_add_test(frames, same_level_frame_has_error_code_and_rf);
    tcase_add_test(frames, sixteen_bit_gate_pushes_words);
    tcase_add_test(frames, long_mode_aligns_and_switches_by_privilege_and_ist);
    tcase_add_test(frames, debug_exception_sets_dr6_and_clears_gd);
    tcase_add_test(frames, suspended_delivery_is_kept);
    tcase_add_loop_test(doubles, faults_on_the_way_carry_ext, 0, ARRAY_SIZE(gate_cases));
    tcase_add_loop_test(doubles, contributory_exceptions_double, 0, ARRAY_SIZE(double_cases));
    tcase_add_test(doubles, fault_in_double_fault_shuts_down);
    tcase_add_test(doubles, page_fault_on_the_stack_becomes_a_double_fault_on_its_ist);
    tcase_add_test(tasks, call_to_a_tss_nests_and_iret_returns);
    tcase_add_test(tasks, jump_through_a_task_gate_frees_the_old_task);
    tcase_add_test(tasks, exception_through_a_task_gate_pushes_its_error_code_there);
    tcase_add_loop_test(tasks, bad_segments_fault_in_the_new_task, 0, ARRAY_SIZE(task_cases));
    tcase_add_loop_test(tasks, bad_tss_leaves_the_old_task, 0, ARRAY_SIZE(refused_cases));
    tcase_add_test(tasks, task_in_virtual_8086_mode);
    tcase_add_test(tasks, sixteen_bit_task_fills_the_upper_halves_with_ones);
    suite_add_tcase(suite, frames);
    suite_add_tcase(suite, doubles);
    suite_add_tcase(suite, tasks);
    return suite;
}

CHECK_MAIN(suite_interrupt())
