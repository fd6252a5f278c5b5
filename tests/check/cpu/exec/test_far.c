/* Far transfers: direct, through call gates, returns, IRET, software interrupts, fast system calls.
 */

#include "cpu/exec/flags.h"
#include "cpu/exec/segment.h"
#include "tests/check/check_main.h"
#include "tests/check/cpu/exec/system_fixture.h"

enum { FINE = 0xff, TARGET = 0x8900 };

static struct core_fixture *at_level(enum fixture_mode mode, unsigned cpl)
{
    struct core_fixture *fixture = system_fixture_create(mode);

    system_fixture_level(fixture, cpl);
    return fixture;
}

static uint64_t stack_at(struct core_fixture *fixture, unsigned n, unsigned size)
{
    return core_fixture_read(fixture, fixture->core.state.gpr[REG_RSP] + n * size, size);
}

static void stack_put(struct core_fixture *fixture, unsigned n, unsigned size, uint64_t value)
{
    core_fixture_write(fixture, fixture->core.state.gpr[REG_RSP] + n * size, size, value);
}

/* jmp or call sel:TARGET in 32-bit code */
static enum core_unwind far_direct(struct core_fixture *fixture, uint8_t opcode, uint16_t selector)
{
    uint8_t bytes[7] = {
        opcode, TARGET & 0xff, TARGET >> 8, 0, 0, (uint8_t)selector, (uint8_t)(selector >> 8)
    };

    return core_fixture_run(fixture, bytes, sizeof(bytes));
}

/* [SDM 2A JMP, CALL "Protected Mode Exceptions"; 3A table 5-1] */
static const struct far_case {
    uint8_t opcode; /* eah JMP, 9ah CALL */
    uint16_t selector;
    uint8_t cpl, vector;
    uint16_t error;
    uint16_t cs; /* afterwards */
} far_cases[] = {
    { 0xea, CODE0, 0, FINE, 0, CODE0 },
    { 0x9a, CODE0, 0, FINE, 0, CODE0 },
    { 0xea, CODE3 | 3, 3, FINE, 0, CODE3 | 3 },
    { 0xea, CODE3, 3, FINE, 0, CODE3 | 3 },      /* RPL below CPL: CS gets CPL */
    { 0xea, CODE0, 3, VECTOR_GP, CODE0, 0 },     /* DPL != CPL */
    { 0xea, CODE3 | 3, 0, VECTOR_GP, CODE3, 0 }, /* outward */
    { 0xea, CODE0 | 3, 0, VECTOR_GP, CODE0, 0 }, /* RPL > CPL */
    { 0xea, CONFORMING, 3, FINE, 0, CONFORMING | 3 },
    { 0xea, 0, 0, VECTOR_GP, 0, 0 },
    { 0xea, DATA0, 0, VECTOR_GP, DATA0, 0 },
    { 0xea, GDT_BYTES, 0, VECTOR_GP, GDT_BYTES, 0 },
    { 0xea, ABSENT_CODE, 0, VECTOR_NP, ABSENT_CODE, 0 },
    { 0xea, SMALL_CODE, 0, VECTOR_GP, 0, 0 }, /* offset beyond the limit */
    { 0xea, LDT_A, 0, VECTOR_GP, LDT_A, 0 },
    { 0x9a, CALL_GATE, 0, FINE, 0, CODE0 },
    { 0xea, CALL_GATE, 0, FINE, 0, CODE0 },
    { 0x9a, CALL_GATE | 3, 3, FINE, 0, CODE0 },
    { 0xea, CALL_GATE | 3, 3, VECTOR_GP, CODE0, 0 }, /* JMP does not change privilege */
};

START_TEST(far_transfers_make_every_check)
{
    const struct far_case *row = &far_cases[_i];
    struct core_fixture *fixture = at_level(FIXTURE_FLAT32, row->cpl);
    struct core *core = &fixture->core;
    uint64_t sp = core->state.gpr[REG_RSP];
    enum core_unwind unwind = far_direct(fixture, row->opcode, row->selector);

    if (row->vector == FINE) {
        bool gate = (row->selector & ~3) == CALL_GATE;

        ck_assert_int_eq(unwind, UNWIND_NONE);
        ck_assert_uint_eq(core->state.seg[SEG_CS].selector, row->cs);
        ck_assert_uint_eq(core->cpl, row->cs & 3);
        ck_assert_uint_eq(core->state.gpr[REG_RIP], gate ? HANDLER : TARGET);
        if (row->opcode == 0xea) {
            ck_assert_uint_eq(core->state.gpr[REG_RSP], sp);
        } else {
            ck_assert_uint_eq(stack_at(fixture, 0, 4), FIXTURE_CODE + 7);
        }
    } else {
        ck_assert_int_eq(unwind, UNWIND_FAULT);
        ck_assert_uint_eq(core->fault.vector, row->vector);
        ck_assert_uint_eq(core->fault.error, row->error);
        ck_assert_uint_eq(core->state.gpr[REG_RSP], sp);
    }
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(call_gate_switches_stacks_and_copies_parameters)
{
    struct core_fixture *fixture = at_level(FIXTURE_FLAT32, 3);
    struct core *core = &fixture->core;
    const uint64_t expected[] = {
        FIXTURE_CODE + 7, CODE3 | 3, 0x111, 0x222, STACK3 - 8, DATA3 | 3
    };

    core->state.gpr[REG_RSP] -= 8;
    stack_put(fixture, 0, 4, 0x111);
    stack_put(fixture, 1, 4, 0x222);
    ck_assert_int_eq(far_direct(fixture, 0x9a, CALL_GATE | 3), UNWIND_NONE);
    ck_assert_uint_eq(core->cpl, 0);
    ck_assert_uint_eq(core->state.seg[SEG_SS].selector, DATA0);
    ck_assert_uint_eq(core->state.gpr[REG_RSP], STACK0 - sizeof(expected) / 2);
    for (unsigned n = 0; n < ARRAY_SIZE(expected); n++) {
        ck_assert_uint_eq(stack_at(fixture, n, 4), expected[n]);
    }
    /* and RETF 8 goes back, releasing both copies */
    core->state.gpr[REG_RAX] = 0;
    core->state.seg[SEG_DS] =
        segment_of_descriptor(DATA0, core_fixture_read(fixture, GDT + DATA0, 8));
    ck_assert_int_eq(core_fixture_run_hex(fixture, "ca0800"), UNWIND_NONE);
    ck_assert_uint_eq(core->cpl, 3);
    ck_assert_uint_eq(core->state.gpr[REG_RIP], FIXTURE_CODE + 7);
    ck_assert_uint_eq(core->state.gpr[REG_RSP], STACK3);
    ck_assert_uint_eq(core->state.seg[SEG_SS].selector, DATA3 | 3);
    ck_assert_uint_eq(core->state.seg[SEG_DS].selector, 0); /* an inner segment is dropped */
    ck_assert(core->state.seg[SEG_DS].attributes & SEG_UNUSABLE);
    ck_assert_uint_eq(core->state.seg[SEG_ES].selector, DATA3 | 3);
    core_fixture_destroy(fixture);
}
END_TEST

/* Faults of the inner stack. [SDM 3A 6.13 #TS] */
static const struct stack_case {
    uint16_t ss;
    uint8_t vector;
    uint16_t error;
} stack_cases[] = {
    { 0, VECTOR_TS, 0 },
    { DATA3 | 3, VECTOR_TS, DATA3 },
    { DATA0 | 3, VECTOR_TS, DATA0 },
    { READ_ONLY, VECTOR_TS, READ_ONLY },
    { ABSENT, VECTOR_SS, ABSENT },
    { GDT_BYTES, VECTOR_TS, GDT_BYTES },
};

START_TEST(bad_inner_stacks_raise_ts_or_ss)
{
    struct core_fixture *fixture = at_level(FIXTURE_FLAT32, 3);

    core_fixture_write(fixture, TSS_A + 8, 2, stack_cases[_i].ss);
    ck_assert_int_eq(far_direct(fixture, 0x9a, CALL_GATE | 3), UNWIND_FAULT);
    ck_assert_uint_eq(fixture->core.fault.vector, stack_cases[_i].vector);
    ck_assert_uint_eq(fixture->core.fault.error, stack_cases[_i].error);
    fixture->core.state.tr.limit = 8;
    core_fixture_write(fixture, TSS_A + 8, 2, DATA0);
    ck_assert_int_eq(far_direct(fixture, 0x9a, CALL_GATE | 3), UNWIND_FAULT);
    ck_assert_uint_eq(fixture->core.fault.vector, VECTOR_TS);
    ck_assert_uint_eq(fixture->core.fault.error, TSS_A_SELECTOR);
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(long_call_gate_takes_rsp0_and_a_null_stack)
{
    struct core_fixture *fixture = at_level(FIXTURE_LONG, 3);
    struct core *core = &fixture->core;

    core_fixture_write(fixture, FIXTURE_DATA, 8, (uint64_t)(CALL_GATE_LONG | 3) << 32);
    core->state.gpr[REG_RBX] = FIXTURE_DATA;
    ck_assert_int_eq(core_fixture_run_hex(fixture, "ff1b"), UNWIND_NONE); /* call far [rbx] */
    ck_assert_uint_eq(core->state.gpr[REG_RIP], HANDLER);
    ck_assert_uint_eq(core->state.seg[SEG_CS].selector, CODE64);
    ck_assert_uint_eq(core->state.seg[SEG_SS].selector, 0);
    ck_assert_uint_eq(core->state.gpr[REG_RSP], STACK0 - 32);
    ck_assert_uint_eq(stack_at(fixture, 0, 8), FIXTURE_CODE + 2);
    ck_assert_uint_eq(stack_at(fixture, 1, 8), CODE64_3 | 3);
    ck_assert_uint_eq(stack_at(fixture, 2, 8), STACK3);
    ck_assert_uint_eq(stack_at(fixture, 3, 8), DATA3 | 3);
    core_fixture_destroy(fixture);
}
END_TEST

/* ---- IRET ---- */

START_TEST(iret_to_an_outer_level_restores_stack_and_flags)
{
    struct core_fixture *fixture = at_level(FIXTURE_FLAT32, 0);
    struct core *core = &fixture->core;

    core->state.gpr[REG_RSP] -= 20;
    stack_put(fixture, 0, 4, TARGET);
    stack_put(fixture, 1, 4, CODE3 | 3);
    stack_put(fixture, 2, 4, 0x3ed7 | FLAG_AC | FLAG_ID);
    stack_put(fixture, 3, 4, STACK3);
    stack_put(fixture, 4, 4, DATA3 | 3);
    core->state.nmi_blocked = true;
    ck_assert_int_eq(core_fixture_run_hex(fixture, "cf"), UNWIND_NONE);
    ck_assert_uint_eq(core->cpl, 3);
    ck_assert_uint_eq(core->state.gpr[REG_RIP], TARGET);
    ck_assert_uint_eq(core->state.gpr[REG_RSP], STACK3);
    ck_assert_uint_eq(core_rflags(core), 0x3ed7 | FLAG_AC | FLAG_ID);
    ck_assert(!core->state.nmi_blocked);
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(iret_at_cpl3_keeps_if_and_iopl)
{
    struct core_fixture *fixture = at_level(FIXTURE_FLAT32, 3);
    struct core *core = &fixture->core;

    core->state.gpr[REG_RSP] -= 12;
    stack_put(fixture, 0, 4, TARGET);
    stack_put(fixture, 1, 4, CODE3 | 3);
    stack_put(fixture, 2, 4, FLAG_IOPL | FLAG_IF | FLAG_CF | FLAG_VIP);
    ck_assert_int_eq(core_fixture_run_hex(fixture, "cf"), UNWIND_NONE);
    ck_assert_uint_eq(core_rflags(core), FLAG_CF | FLAG_ONE);
    core_fixture_destroy(fixture);
}
END_TEST

/* Return segments that fail: CS and SS selector, vector and error. [SDM 2A IRET, RET] */
static const struct return_case {
    uint16_t cs, ss;
    uint8_t vector;
    uint16_t error;
} return_cases[] = {
    { 0, DATA3 | 3, VECTOR_GP, 0 },
    { DATA3 | 3, DATA3 | 3, VECTOR_GP, DATA3 },
    { CODE0 | 3, DATA3 | 3, VECTOR_GP, CODE0 }, /* DPL < RPL */
    { GDT_BYTES, DATA3 | 3, VECTOR_GP, GDT_BYTES },
    { ABSENT_CODE, DATA3 | 3, VECTOR_NP, ABSENT_CODE },
    { CODE3 | 3, 0, VECTOR_GP, 0 },
    { CODE3 | 3, DATA0, VECTOR_GP, DATA0 },
    { CODE3 | 3, DATA0 | 3, VECTOR_GP, DATA0 },
};

START_TEST(bad_return_segments_fault)
{
    const struct return_case *row = &return_cases[_i];
    struct core_fixture *fixture = at_level(FIXTURE_FLAT32, 0);
    struct core *core = &fixture->core;

    core->state.gpr[REG_RSP] -= 20;
    for (unsigned far = 0; far < 2; far++) { /* IRET, RETF */
        stack_put(fixture, 0, 4, TARGET);
        stack_put(fixture, 1, 4, row->cs);
        stack_put(fixture, 2, 4, far ? STACK3 : FLAG_ONE);
        stack_put(fixture, 3, 4, far ? row->ss : STACK3);
        stack_put(fixture, 4, 4, row->ss);
        ck_assert_int_eq(core_fixture_run_hex(fixture, far ? "cb" : "cf"), UNWIND_FAULT);
        ck_assert_uint_eq(core->fault.vector, row->vector);
        ck_assert_uint_eq(core->fault.error, row->error);
        ck_assert_uint_eq(core->cpl, 0);
    }
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(iretq_always_pops_the_stack)
{
    struct core_fixture *fixture = at_level(FIXTURE_LONG, 0);
    struct core *core = &fixture->core;

    core->state.gpr[REG_RSP] -= 40;
    stack_put(fixture, 0, 8, TARGET);
    stack_put(fixture, 1, 8, CODE64);
    stack_put(fixture, 2, 8, FLAG_IF);
    stack_put(fixture, 3, 8, 0x12340);
    stack_put(fixture, 4, 8, 0); /* null is fine below CPL 3 */
    ck_assert_int_eq(core_fixture_run_hex(fixture, "48cf"), UNWIND_NONE);
    ck_assert_uint_eq(core->state.gpr[REG_RSP], 0x12340);
    ck_assert_uint_eq(core->state.gpr[REG_RIP], TARGET);
    ck_assert_uint_eq(core_rflags(core), FLAG_IF | FLAG_ONE);
    core->state.gpr[REG_RSP] = STACK0 - 40;
    stack_put(fixture, 0, 8, UINT64_C(0x800000000000));
    stack_put(fixture, 1, 8, CODE64);
    stack_put(fixture, 4, 8, 0);
    ck_assert(core_fixture_faults(fixture, "48cf", VECTOR_GP)); /* not canonical */
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(iretq_to_compatibility_mode_and_user)
{
    struct core_fixture *fixture = at_level(FIXTURE_LONG, 0);
    struct core *core = &fixture->core;

    core->state.seg[SEG_FS].base = 0x7000;
    core->state.seg[SEG_FS].attributes = SEG_UNUSABLE;
    core->state.gpr[REG_RSP] -= 40;
    stack_put(fixture, 0, 8, TARGET);
    stack_put(fixture, 1, 8, CODE3 | 3);
    stack_put(fixture, 2, 8, FLAG_IF);
    stack_put(fixture, 3, 8, STACK3);
    stack_put(fixture, 4, 8, DATA3 | 3);
    ck_assert_int_eq(core_fixture_run_hex(fixture, "48cf"), UNWIND_NONE);
    ck_assert_uint_eq(core->bits, 32);
    ck_assert_uint_eq(core->cpl, 3);
    ck_assert_uint_eq(core->stack_bits, 32);
    ck_assert_uint_eq(core->seg_base[SEG_FS],
                      0x7000); /* an unusable segment's base is not an inner one's */
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(iret_enters_virtual_8086_mode)
{
    struct core_fixture *fixture = at_level(FIXTURE_FLAT32, 0);
    struct core *core = &fixture->core;
    const uint32_t frame[] = { 0x123,  0x800,  FLAG_VM | FLAG_IF | FLAG_ONE,
                               0xff0,  0x1900, 0x1111,
                               0x2222, 0x3333, 0x4444 };

    core->state.gpr[REG_RSP] -= sizeof(frame);
    for (unsigned n = 0; n < ARRAY_SIZE(frame); n++) {
        stack_put(fixture, n, 4, frame[n]);
    }
    ck_assert_int_eq(core_fixture_run_hex(fixture, "cf"), UNWIND_NONE);
    ck_assert_uint_eq(core->cpl, 3);
    ck_assert_uint_eq(core->bits, 16);
    ck_assert_uint_eq(core->state.gpr[REG_RIP], 0x123);
    ck_assert_uint_eq(core->seg_base[SEG_CS], 0x8000);
    ck_assert_uint_eq(core->seg_base[SEG_ES], 0x11110);
    ck_assert_uint_eq(core->seg_base[SEG_DS], 0x22220);
    ck_assert_uint_eq(core->seg_base[SEG_FS], 0x33330);
    ck_assert_uint_eq(core->seg_base[SEG_GS], 0x44440);
    ck_assert_uint_eq(core->state.seg[SEG_SS].attributes, 0xf3);
    core_fixture_destroy(fixture);
}
END_TEST

/* ---- INT n ---- */

START_TEST(int_checks_gate_privilege)
{
    struct core_fixture *fixture = at_level(FIXTURE_FLAT32, 3);
    struct core *core = &fixture->core;

    system_fixture_gate(fixture, 0x80, CODE0, SYSTEM_TRAP_GATE, 3, 0);
    system_fixture_gate(fixture, 0x81, CODE0, SYSTEM_TRAP_GATE, 0, 0);
    ck_assert(core_fixture_faults(fixture, "cd81", VECTOR_GP));
    ck_assert_uint_eq(core->fault.error, 0x81 * 8 + 2);
    core->state.rflags_rest |= FLAG_IF;
    ck_assert_int_eq(core_fixture_run_hex(fixture, "cd80"), UNWIND_NONE);
    ck_assert_uint_eq(core->state.gpr[REG_RIP], HANDLER);
    ck_assert_uint_eq(core->cpl, 0);
    ck_assert_uint_eq(stack_at(fixture, 0, 4), FIXTURE_CODE + 2);
    ck_assert_uint_eq(stack_at(fixture, 1, 4), CODE3 | 3);
    ck_assert_uint_eq(stack_at(fixture, 2, 4), FLAG_IF | FLAG_ONE);
    ck_assert_uint_eq(stack_at(fixture, 3, 4), STACK3);
    ck_assert_uint_eq(stack_at(fixture, 4, 4), DATA3 | 3);
    ck_assert(core->state.rflags_rest & FLAG_IF); /* a trap gate */
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(int1_ignores_gate_privilege_and_into_needs_of)
{
    struct core_fixture *fixture = at_level(FIXTURE_FLAT32, 3);
    struct core *core = &fixture->core;

    system_fixture_gate(fixture, 1, CODE0, SYSTEM_INTERRUPT_GATE, 0, 0);
    flags_set(core, 0);
    ck_assert_int_eq(core_fixture_run_hex(fixture, "ce"), UNWIND_NONE); /* into */
    ck_assert_uint_eq(core->state.gpr[REG_RIP], FIXTURE_CODE + 1);
    flags_set(core, FLAG_OF);
    ck_assert(core_fixture_faults(fixture, "ce", VECTOR_GP)); /* vector 4 has no gate */
    ck_assert_uint_eq(core->fault.error, 4 * 8 + 2);
    ck_assert(core_fixture_faults(fixture, "cc", VECTOR_GP));
    ck_assert_uint_eq(core->fault.error, 3 * 8 + 2);
    ck_assert_int_eq(core_fixture_run_hex(fixture, "f1"), UNWIND_NONE);
    ck_assert_uint_eq(core->state.gpr[REG_RIP], HANDLER);
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(real_mode_far_transfers)
{
    struct core_fixture *fixture = system_fixture_create(FIXTURE_REAL);
    struct core *core = &fixture->core;

    ck_assert_int_eq(core_fixture_run_hex(fixture, "9a34120010"), UNWIND_NONE);
    ck_assert_uint_eq(core->state.gpr[REG_RIP], 0x1234);
    ck_assert_uint_eq(core->seg_base[SEG_CS], 0x10000);
    ck_assert_uint_eq(core_fixture_read(fixture, FIXTURE_STACK - 4, 4), FIXTURE_CODE + 5);
    core->state.seg[SEG_CS].selector = 0;
    core->state.seg[SEG_CS].base = 0;
    core_mode_update(core);
    ck_assert_int_eq(core_fixture_run_hex(fixture, "cb"), UNWIND_NONE);
    ck_assert_uint_eq(core->state.gpr[REG_RIP], FIXTURE_CODE + 5);
    ck_assert_uint_eq(core->state.gpr[REG_RSP], FIXTURE_STACK);
    core->state.idtr = (struct x86_table){ .base = 0, .limit = 0x3ff };
    core_fixture_write(fixture, 0x21 * 4, 4, 0x20000555);
    core_rflags_set(core, FLAG_IF | FLAG_TF | FLAG_CF);
    ck_assert_int_eq(core_fixture_run_hex(fixture, "cd21"), UNWIND_NONE);
    ck_assert_uint_eq(core->state.gpr[REG_RIP], 0x555);
    ck_assert_uint_eq(core->seg_base[SEG_CS], 0x20000);
    ck_assert_uint_eq(core_fixture_read(fixture, FIXTURE_STACK - 2, 2),
                      FLAG_IF | FLAG_TF | FLAG_CF | 2);
    ck_assert_uint_eq(core_rflags(core), FLAG_CF | FLAG_ONE);
    core_fixture_destroy(fixture);
}
END_TEST

/* ---- virtual-8086 mode [SDM 3A table 20-2] ---- */

START_TEST(vme_sends_int_n_to_the_program_or_the_monitor)
{
    struct core_fixture *fixture = at_level(FIXTURE_FLAT32, 0);
    struct core *core = &fixture->core;

    system_fixture_v86(fixture, 0);
    ck_assert(core_fixture_faults(fixture, "cd21", VECTOR_GP)); /* IOPL < 3, no VME */
    ck_assert_uint_eq(core->fault.error, 0);
    core->state.cr4 |= CR4_VME;
    core->state.tr.limit = 0x200;
    core_fixture_write(fixture, TSS_A + 0x66, 2, 0x88); /* bitmap at 68h: all zero */
    core_fixture_write(fixture, 0x21 * 4, 4, 0x20000555);
    core->state.rflags_rest |= FLAG_VIF;
    ck_assert_int_eq(core_fixture_run_hex(fixture, "cd21"), UNWIND_NONE);
    ck_assert_uint_eq(core->state.gpr[REG_RIP], 0x555);
    ck_assert_uint_eq(core_fixture_read(fixture, 0x19000 + 0xff0 - 2, 2),
                      FLAG_IOPL | FLAG_IF | FLAG_ONE);
    ck_assert(!(core->state.rflags_rest & FLAG_VIF));
    ck_assert(core->state.rflags_rest & FLAG_VM);
    core_fixture_write(fixture, TSS_A + 0x68 + 0x21 / 8, 1, 1 << 0x21 % 8);
    system_fixture_v86(fixture, 0);
    ck_assert(core_fixture_faults(fixture, "cd21", VECTOR_GP));
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(interrupts_leave_virtual_8086_mode_with_its_segments_on_the_stack)
{
    struct core_fixture *fixture = at_level(FIXTURE_FLAT32, 0);
    struct core *core = &fixture->core;
    struct x86_fault first;

    system_fixture_gate(fixture, 0x30, CODE0, SYSTEM_INTERRUPT_GATE, 0, 0);
    system_fixture_v86(fixture, 3);
    uint64_t rflags = core_rflags(core);
    core->state.gpr[REG_RIP] = 0x77;
    ck_assert(system_fixture_deliver(fixture, INTERRUPT_EXTERNAL, 0x30, false, 0, &first));
    const uint64_t expected[] = { 0x77, 0, rflags, 0xff0, 0x1900, 0x900, 0x900, 0x900, 0x900 };
    ck_assert_uint_eq(core->state.gpr[REG_RSP], STACK0 - 36);
    for (unsigned n = 0; n < ARRAY_SIZE(expected); n++) {
        ck_assert_uint_eq(stack_at(fixture, n, 4), expected[n]);
    }
    ck_assert_uint_eq(core->cpl, 0);
    ck_assert(!(core->state.rflags_rest & (FLAG_VM | FLAG_IF)));
    ck_assert(core->state.seg[SEG_DS].attributes & SEG_UNUSABLE);
    core_fixture_destroy(fixture);
}
END_TEST

/* ---- SYSCALL, SYSENTER ---- */

START_TEST(syscall_and_sysret_go_there_and_back)
{
    struct core_fixture *fixture = at_level(FIXTURE_LONG, 3);
    struct core *core = &fixture->core;
    struct cpu_state *state = &core->state;

    state->star = UINT64_C(0x0023001000000000);
    state->lstar = UINT64_C(0xffffffff81000000);
    state->fmask = FLAG_IF | FLAG_TF;
    core_rflags_set(core, FLAG_IF | FLAG_CF);
    ck_assert_int_eq(core_fixture_run_hex(fixture, "0f05"), UNWIND_NONE);
    ck_assert_uint_eq(state->gpr[REG_RIP], state->lstar);
    ck_assert_uint_eq(state->gpr[REG_RCX], FIXTURE_CODE + 2);
    ck_assert_uint_eq(state->gpr[REG_R11], FLAG_IF | FLAG_CF | FLAG_ONE);
    ck_assert_uint_eq(core_rflags(core), FLAG_CF | FLAG_ONE);
    ck_assert_uint_eq(state->seg[SEG_CS].selector, 0x10);
    ck_assert_uint_eq(state->seg[SEG_SS].selector, 0x18);
    ck_assert_uint_eq(core->cpl, 0);
    ck_assert_int_eq(core_fixture_run_hex(fixture, "480f07"), UNWIND_NONE);
    ck_assert_uint_eq(state->gpr[REG_RIP], FIXTURE_CODE + 2);
    ck_assert_uint_eq(state->seg[SEG_CS].selector, 0x33);
    ck_assert_uint_eq(state->seg[SEG_SS].selector, 0x2b);
    ck_assert_uint_eq(core->cpl, 3);
    ck_assert_ptr_eq(core->data_set, &core->mmu.set[TLB_USER]);
    ck_assert_uint_eq(core_rflags(core), FLAG_IF | FLAG_CF | FLAG_ONE);
    ck_assert(core_fixture_faults(fixture, "480f07", VECTOR_GP)); /* CPL 3 */
    state->efer &= ~EFER_SCE;
    core_mode_update(core);
    ck_assert(core_fixture_faults(fixture, "0f05", VECTOR_UD));
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(sysenter_and_sysexit_use_flat_segments)
{
    struct core_fixture *fixture = at_level(FIXTURE_FLAT32, 3);
    struct core *core = &fixture->core;
    struct cpu_state *state = &core->state;

    ck_assert(core_fixture_faults(fixture, "0f34", VECTOR_GP)); /* SYSENTER_CS is null */
    state->sysenter_cs = 0x08;
    state->sysenter_esp = STACK0;
    state->sysenter_eip = HANDLER;
    ck_assert_int_eq(core_fixture_run_hex(fixture, "0f34"), UNWIND_NONE);
    ck_assert_uint_eq(state->gpr[REG_RIP], HANDLER);
    ck_assert_uint_eq(state->gpr[REG_RSP], STACK0);
    ck_assert_uint_eq(state->seg[SEG_SS].selector, 0x10);
    ck_assert_uint_eq(core->cpl, 0);
    state->gpr[REG_RCX] = STACK3;
    state->gpr[REG_RDX] = TARGET;
    ck_assert_int_eq(core_fixture_run_hex(fixture, "0f35"), UNWIND_NONE);
    ck_assert_uint_eq(state->gpr[REG_RIP], TARGET);
    ck_assert_uint_eq(state->gpr[REG_RSP], STACK3);
    ck_assert_uint_eq(state->seg[SEG_CS].selector, 0x1b);
    ck_assert_uint_eq(state->seg[SEG_SS].selector, 0x23);
    core_fixture_destroy(fixture);
}
END_TEST

/* A return whose frame ends in a page that is not there: nothing of it was taken. */
static const struct {
    const char *hex;
    uint64_t rsp;
} broken_frames[] = {
    { "48 cf", FIXTURE_HOLE - 8 },       { "48 cf", FIXTURE_HOLE - 16 },
    { "48 cb", FIXTURE_HOLE - 8 },       { "cb", FIXTURE_HOLE - 4 },
    { "48 ca 10 00", FIXTURE_HOLE - 9 }, { "48 cf", FIXTURE_HOLE },
};

START_TEST(a_page_fault_in_a_return_changes_nothing)
{
    struct core_fixture *fixture = core_fixture_create(FIXTURE_LONG);
    struct core *core = &fixture->core;

    for (uint64_t at = FIXTURE_HOLE - 64; at < FIXTURE_HOLE; at++) {
        core_fixture_write(fixture, at, 1, 0);
    }
    core_fixture_write(fixture, broken_frames[_i].rsp, 8, 0x1234);
    core->state.gpr[REG_RSP] = broken_frames[_i].rsp;
    struct cpu_state before = core->state;
    ck_assert(core_fixture_faults(fixture, broken_frames[_i].hex, VECTOR_PF));
    ck_assert_uint_eq(core->fault.address, FIXTURE_HOLE);
    ck_assert_mem_eq(&core->state, &before, sizeof(before));
    core_fixture_destroy(fixture);
}
END_TEST

static Suite *suite_far(void)
{
    Suite *suite = suite_create("cpu/exec/far");
    TCase *transfers = tcase_create("transfers");
    TCase *returns = tcase_create("returns");
    TCase *system = tcase_create("system calls");

    tcase_add_loop_test(transfers, far_transfers_make_every_check, 0, ARRAY_SIZE(far_cases));
    tcase_add_test(transfers, call_gate_switches_stacks_and_copies_parameters);
    tcase_add_loop_test(transfers, bad_inner_stacks_raise_ts_or_ss, 0, ARRAY_SIZE(stack_cases));
    tcase_add_test(transfers, long_call_gate_takes_rsp0_and_a_null_stack);
    tcase_add_test(transfers, real_mode_far_transfers);
    tcase_add_test(returns, iret_to_an_outer_level_restores_stack_and_flags);
    tcase_add_test(returns, iret_at_cpl3_keeps_if_and_iopl);
    tcase_add_loop_test(returns, bad_return_segments_fault, 0, ARRAY_SIZE(return_cases));
    tcase_add_test(returns, iretq_always_pops_the_stack);
    tcase_add_test(returns, iretq_to_compatibility_mode_and_user);
    tcase_add_test(returns, iret_enters_virtual_8086_mode);
    tcase_add_test(system, int_checks_gate_privilege);
    tcase_add_test(system, int1_ignores_gate_privilege_and_into_needs_of);
    tcase_add_test(system, vme_sends_int_n_to_the_program_or_the_monitor);
    tcase_add_test(system, interrupts_leave_virtual_8086_mode_with_its_segments_on_the_stack);
    tcase_add_test(system, syscall_and_sysret_go_there_and_back);
    tcase_add_test(system, sysenter_and_sysexit_use_flat_segments);
    tcase_add_loop_test(transfers, a_page_fault_in_a_return_changes_nothing, 0,
                        ARRAY_SIZE(broken_frames));
    suite_add_tcase(suite, transfers);
    suite_add_tcase(suite, returns);
    suite_add_tcase(suite, system);
    return suite;
}

CHECK_MAIN(suite_far())
