/* Exactness of #DB: which instruction, which DR6 bits, which RF in the frame. [SDM 3A 6.8.3, 17.2, 17.3] */
#include <check.h>

#include "cpu/cpu.h"
#include "cpu/exec/flags.h"
#include "tests/check/check_main.h"
#include "tests/check/cpu/cpu_rig.h"

enum {
    DATA = 0x9000,
    NONE = 0xff, /* no exception: the code halts */
    /* DR7 of breakpoint 0: code, written bytes, read or written, I/O. */
    CODE_0 = 1,
    WRITE_0 = 1 | 1 << 16,
    WRITE4_0 = 1 | 1 << 16 | 3 << 18,
    ACCESS_0 = 1 | 3 << 16,
    IO_0 = 1 | 2 << 16,
    GUARD = 1 << 13,
    TF = 0x100,
    RF = 0x10000,
    B0 = 1,
    BD = 0x2000,
    BS = 0x4000,
};

// clang-format off
static const struct debug_case {
    const char *name;
    uint8_t n, code[12];
    uint32_t rflags, dr0, dr7, stack, data, rcx;
    uint8_t vector;
    uint32_t rip, dr6, rf; /* pushed RIP and RF */
    uint32_t rbx, rcx_after;
} debug_cases[] = {
    { "step one", 2, { 0x43, 0x43 }, TF, 0, 0, 0, 0, 0, VECTOR_DB, 0x1001, BS, 0, 1, 0 },
    { "step an iteration", 2, { 0xf3, 0xaa }, TF, 0, 0, 0, 0, 3, VECTOR_DB, 0x1000, BS, RF, 0, 2 },
    { "step the last iteration", 2, { 0xf3, 0xaa }, TF, 0, 0, 0, 0, 1, VECTOR_DB, 0x1002, BS, 0, 0, 0 },
    { "step over mov ss and one more", 4, { 0x8e, 0xd0, 0x43, 0x43 }, TF, 0, 0, 0, 0, 0, VECTOR_DB, 0x1003, BS, 0, 1, 0 },
    { "step over pop ss and one more", 3, { 0x17, 0x43, 0x43 }, TF, 0, 0, 0x10, 0, 0, VECTOR_DB, 0x1002, BS, 0, 1, 0 },
    { "sti does not hold a step back", 2, { 0xfb, 0x43 }, TF, 0, 0, 0, 0, 0, VECTOR_DB, 0x1001, BS, 0, 0, 0 },
    { "int n drops the step", 2, { 0xcd, 0x21 }, TF, 0, 0, 0, 0, 0, 0x21, 0x1002, 0, 0, 0, 0 },
    { "int3 drops the step", 1, { 0xcc }, TF, 0, 0, 0, 0, 0, VECTOR_BP, 0x1001, 0, 0, 0, 0 },
    { "into not taken steps", 1, { 0xce }, TF, 0, 0, 0, 0, 0, VECTOR_DB, 0x1001, BS, 0, 0, 0 },
    { "a fault drops the step", 2, { 0x0f, 0x0b }, TF, 0, 0, 0, 0, 0, VECTOR_UD, 0x1000, 0, RF, 0, 0 },
    { "popf that clears TF steps", 2, { 0x9d, 0x43 }, TF, 0, 0, 2, 0, 0, VECTOR_DB, 0x1001, BS, 0, 0, 0 },
    { "popf that sets TF steps after the next", 3, { 0x9d, 0x43, 0x43 }, 0, 0, 0, TF | 2, 0, 0, VECTOR_DB, 0x1002, BS, 0, 1, 0 },
    { "hlt wakes by its step", 2, { 0xf4, 0x43 }, TF, 0, 0, 0, 0, 0, VECTOR_DB, 0x1001, BS, 0, 0, 0 },
    { "write", 6, { 0xa3, 0, 0x90, 0, 0, 0xf4 }, 0, DATA, WRITE_0, 0, 0, 0, VECTOR_DB, 0x1005, B0, 0, 0, 0 },
    { "write and step", 6, { 0xa3, 0, 0x90, 0, 0, 0xf4 }, TF, DATA, WRITE_0, 0, 0, 0, VECTOR_DB, 0x1005, B0 | BS, 0, 0, 0 },
    { "a read is no write", 6, { 0xa1, 0, 0x90, 0, 0, 0xf4 }, 0, DATA, WRITE_0, 0, 0, 0, NONE, 0x1006, 0, 0, 0, 0 },
    { "read", 6, { 0xa1, 0, 0x90, 0, 0, 0xf4 }, 0, DATA, ACCESS_0, 0, 0x10, 0, VECTOR_DB, 0x1005, B0, 0, 0, 0 },
    { "read, modify, write", 7, { 0x01, 0x05, 0, 0x90, 0, 0, 0xf4 }, 0, DATA, WRITE_0, 0, 0, 0, VECTOR_DB, 0x1006, B0, 0, 0, 0 },
    { "the last byte", 6, { 0xa3, 0, 0x90, 0, 0, 0xf4 }, 0, DATA + 3, WRITE_0, 0, 0, 0, VECTOR_DB, 0x1005, B0, 0, 0, 0 },
    { "the byte behind", 6, { 0xa3, 0, 0x90, 0, 0, 0xf4 }, 0, DATA + 4, WRITE_0, 0, 0, 0, NONE, 0x1006, 0, 0, 0, 0 },
    { "a byte of four", 6, { 0xa2, 3, 0x90, 0, 0, 0xf4 }, 0, DATA, WRITE4_0, 0, 0, 0, VECTOR_DB, 0x1005, B0, 0, 0, 0 },
    { "across pages", 6, { 0xa3, 0xfe, 0x9f, 0, 0, 0xf4 }, 0, 0xa000, WRITE_0, 0, 0, 0, VECTOR_DB, 0x1005, B0, 0, 0, 0 },
    { "pushed", 2, { 0x50, 0xf4 }, 0, RIG_STACK - 4, WRITE_0, 0, 0, 0, VECTOR_DB, 0x1001, B0, 0, 0, 0 },
    { "in a repetition", 3, { 0xf3, 0xaa, 0xf4 }, 0, DATA + 1, WRITE_0, 0, 0, 4, VECTOR_DB, 0x1000, B0, RF, 0, 2 },
    { "mov ss from a watched word waits", 8, { 0x8e, 0x15, 0, 0x90, 0, 0, 0x43, 0x43 }, 0, DATA, ACCESS_0, 0, 0x10, 0, VECTOR_DB, 0x1007, B0, 0, 1, 0 },
    { "into the handler behind it", 8, { 0x8e, 0x15, 0, 0x90, 0, 0, 0xcd, 0x21 }, 0, DATA, ACCESS_0, 0, 0x10, 0, VECTOR_DB, RIG_HANDLERS + 4 * 0x21, B0, 0, 0, 0 },
    { "a fault drops a data breakpoint", 6, { 0xf7, 0x35, 0, 0x90, 0, 0 }, 0, DATA, ACCESS_0, 0, 0, 0, VECTOR_DE, 0x1000, 0, RF, 0, 0 },
    { "code", 2, { 0x43, 0x43 }, 0, 0x1001, CODE_0, 0, 0, 0, VECTOR_DB, 0x1001, B0, 0, 1, 0 },
    { "code with RF", 3, { 0x43, 0x43, 0xf4 }, RF, 0x1000, CODE_0, 0, 0, 0, NONE, 0x1003, 0, 0, 2, 0 },
    { "RF lasts one instruction", 3, { 0x43, 0x43, 0xf4 }, RF, 0x1001, CODE_0, 0, 0, 0, VECTOR_DB, 0x1001, B0, 0, 1, 0 },
    { "RF lasts a repetition", 3, { 0xf3, 0xaa, 0xf4 }, RF, 0x1000, CODE_0, 0, 0, 5, NONE, 0x1003, 0, 0, 0, 0 },
    { "code behind mov ss", 4, { 0x8e, 0xd0, 0x43, 0xf4 }, 0, 0x1002, CODE_0, 0, 0, 0, NONE, 0x1004, 0, 0, 1, 0 },
    { "debug registers are guarded", 3, { 0x0f, 0x21, 0xc0 }, 0, 0, GUARD, 0, 0, 0, VECTOR_DB, 0x1000, BD, RF, 0, 0 },
    { "port", 3, { 0xe6, 0x80, 0xf4 }, 0, 0x80, IO_0, 0, 0, 0, VECTOR_DB, 0x1002, B0, 0, 0, 0 },
    { "port read", 3, { 0xe4, 0x80, 0xf4 }, 0, 0x80, IO_0, 0, 0, 0, VECTOR_DB, 0x1002, B0, 0, 0, 0 },
    { "port in a repetition", 3, { 0xf3, 0x6e, 0xf4 }, 0, 0, IO_0, 0, 0, 3, VECTOR_DB, 0x1000, B0, RF, 0, 2 },
};
// clang-format on

START_TEST(debug_exceptions_are_exact)
{
    const struct debug_case *row = &debug_cases[_i];
    struct rig *rig = rig_create(row->code, row->n);
    struct core *core = &rig->cpu.core;
    uint32_t frame[3];

    ram_write(&rig->ram, RIG_STACK, &row->stack, 4);
    ram_write(&rig->ram, DATA, &row->data, 4);
    core->state.gpr[REG_RAX] = 0x10;
    core->state.gpr[REG_RBX] = 0;
    core->state.gpr[REG_RCX] = row->rcx;
    core->state.gpr[REG_RSI] = core->state.gpr[REG_RDI] = DATA;
    core->state.cr4 |= CR4_DE;
    core->state.dr[0] = row->dr0;
    core->state.dr7 = 0x400 | row->dr7;
    core_rflags_set(core, 2 | row->rflags);
    core_mode_update(core);
    enum cpu_exit exit = cpu_run(&rig->cpu, 1000);
    while (exit == CPU_EXIT_POLL) { /* POPF asks for a look */
        exit = cpu_run(&rig->cpu, 1000);
    }
    ck_assert_msg(exit == CPU_EXIT_HALT, "%s: does not end", row->name);

    uint64_t rip = core->state.gpr[REG_RIP];
    bool handled = rip > RIG_HANDLERS && rip < RIG_HANDLERS + 4 * 64;
    unsigned vector = handled ? (unsigned)(rip - RIG_HANDLERS) / 4 : NONE;
    ck_assert_msg(vector == row->vector, "%s: vector %u, rip %x", row->name, vector, (unsigned)rip);
    if (handled) {
        ram_read(&rig->ram, core->state.gpr[REG_RSP], frame, sizeof(frame));
        ck_assert_msg(frame[0] == row->rip, "%s: pushed rip %x", row->name, frame[0]);
        ck_assert_msg((frame[2] & RF) == row->rf, "%s: pushed flags %x", row->name, frame[2]);
    } else {
        ck_assert_uint_eq(rip, row->rip);
    }
    ck_assert_msg((core->state.dr6 & 0xe00f) == row->dr6, "%s: DR6 %x", row->name,
                  (unsigned)core->state.dr6);
    ck_assert_msg(core->state.gpr[REG_RBX] == row->rbx, "%s: ran on", row->name);
    ck_assert_msg(core->state.gpr[REG_RCX] == row->rcx_after, "%s: count %u", row->name,
                  (unsigned)core->state.gpr[REG_RCX]);
    rig_destroy(rig);
}
END_TEST

/* A page fault's IRET sets RF for one instruction only: an interrupt later pushes it clear. */
START_TEST(iret_with_rf_sets_it_for_one_instruction)
{
    /* iretd to 100eh; nop; ...; jmp $ at 100eh + 2 */
    struct rig *rig = RIG(0xcf, 0x43, 0x43, 0xeb, 0xfe);
    const uint32_t frame[3] = { RIG_CODE + 1, 8, 0x10202 };
    struct core *core = &rig->cpu.core;
    uint32_t pushed[3];

    ram_write(&rig->ram, RIG_STACK - 12, frame, sizeof(frame));
    core->state.gpr[REG_RSP] = RIG_STACK - 12;
    ck_assert_int_eq(cpu_run(&rig->cpu, 1000), CPU_EXIT_BUDGET);
    rig->vector = 0x30;
    cpu_kick(&rig->cpu);
    while (cpu_run(&rig->cpu, 100) == CPU_EXIT_POLL) {
    }
    ck_assert_uint_eq(core->state.gpr[REG_RDX] & 0xff, 0x30);
    ram_read(&rig->ram, core->state.gpr[REG_RSP], pushed, sizeof(pushed));
    ck_assert_uint_eq(pushed[0], RIG_CODE + 3);
    ck_assert_uint_eq(pushed[2] & RF, 0);
    rig_destroy(rig);
}
END_TEST

/* STI holds interrupts back for one iteration of a repetition, not for all of it. */
START_TEST(a_repetition_behind_sti_can_be_interrupted)
{
    struct rig *rig = RIG(0xfb, 0xf3, 0xaa, 0xf4);
    struct core *core = &rig->cpu.core;

    core->state.gpr[REG_RCX] = 50000;
    core->state.gpr[REG_RDI] = 0x20000;
    rig->vector = 0x30;
    cpu_kick(&rig->cpu);
    while (cpu_run(&rig->cpu, 100000) == CPU_EXIT_POLL) {
    }
    ck_assert_uint_eq(core->state.gpr[REG_RDX] & 0xff, 0x30);
    ck_assert_uint_gt(core->state.gpr[REG_RCX], 0);
    ck_assert_uint_lt(core->state.gpr[REG_RCX], 50000);
    rig_destroy(rig);
}
END_TEST

static Suite *suite_debug(void)
{
    Suite *suite = suite_create("cpu/debug");
    TCase *tc = tcase_create("debug");

    tcase_add_loop_test(tc, debug_exceptions_are_exact, 0, ARRAY_SIZE(debug_cases));
    tcase_add_test(tc, iret_with_rf_sets_it_for_one_instruction);
    tcase_add_test(tc, a_repetition_behind_sti_can_be_interrupted);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(suite_debug())
