/* The processor's trace events: what each says, and that none is written unasked but what is not built. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/exec/cpu_trace.h"
#include "cpu/exec/exec.h"
#include "tests/check/check_main.h"
#include "tests/check/cpu/exec/core_fixture.h"

struct traced {
    struct core_fixture *fixture;
    struct trace trace;
    char *text;
    size_t length;
};

static void traced_create(struct traced *traced, enum fixture_mode mode, const char *globs)
{
    traced->fixture = core_fixture_create(mode);
    trace_init(&traced->trace, NULL, open_memstream(&traced->text, &traced->length));
    cpu_trace_register(&traced->trace);
    ck_assert_int_eq(trace_enable(&traced->trace, globs, NULL), 0);
    traced->fixture->core.trace = &traced->trace;
    traced->fixture->core.partition = 2;
    traced->fixture->core.vp = 1;
}

static void traced_says(struct traced *traced, const char *text)
{
    (void)fclose(traced->trace.out);
    ck_assert_str_eq(traced->text, text);
    free(traced->text);
    core_fixture_destroy(traced->fixture);
}

/* An instruction in 64-bit mode with RAX, RCX, RDX, and what it traces. */
static const struct trace_case {
    const char *globs, *hex;
    uint64_t rax, rcx, rdx;
    const char *text;
} trace_cases[] = {
    { "cpu.msr_read", "0f 32", 0, 0x277, 0,
      "0 p2.v1 cpu.msr_read msr=0x277 value=0x7040600070406\n" },
    { "cpu.msr_write", "0f 30", 0x10, 0xc0000103, 0,
      "0 p2.v1 cpu.msr_write msr=0xc0000103 value=0x10\n" },
    { "cpu.msr_refused", "0f 32", 0, 0x1234, 0,
      "0 p2.v1 cpu.msr_refused msr=0x1234 write=0 value=0x0 rip=0x8000\n" },
    { "cpu.msr_refused", "0f 30", 5, 0x1234, 1,
      "0 p2.v1 cpu.msr_refused msr=0x1234 write=1 value=0x100000005 rip=0x8000\n" },
    { "", "0f 32", 0, 0x1234, 0, "" },
    { "", "0f 30", 2, 0x1d9, 0, "0 p2.v1 cpu.unimplemented what=DEBUGCTL value=0x2\n" },
    { "", "0f 30", 0, 0x1d9, 0, "" },
    { "cpu.cpuid_unknown", "0f a2", 0x20, 0, 0,
      "0 p2.v1 cpu.cpuid_unknown leaf=0x20 subleaf=0x0 rip=0x8000\n" },
    { "cpu.cpuid_unknown", "0f a2", 0x8000001e, 1, 0,
      "0 p2.v1 cpu.cpuid_unknown leaf=0x8000001e subleaf=0x1 rip=0x8000\n" },
    { "cpu.cpuid_unknown", "0f a2", 0x40000001, 0, 0, "" },
    { "cpu.cpuid_unknown", "0f a2", 7, 0, 0, "" },
    { "cpu.cpuid", "0f a2", 0x80000008, 0, 0,
      "0 p2.v1 cpu.cpuid leaf=0x80000008 subleaf=0x0 eax=0x3028 ebx=0x0 ecx=0x0 edx=0x0\n" },
};

START_TEST(instructions_trace)
{
    const struct trace_case *row = &trace_cases[_i];
    struct traced traced;

    traced_create(&traced, FIXTURE_LONG, row->globs);
    traced.fixture->core.state.gpr[REG_RAX] = row->rax;
    traced.fixture->core.state.gpr[REG_RCX] = row->rcx;
    traced.fixture->core.state.gpr[REG_RDX] = row->rdx;
    (void)core_fixture_run_hex(traced.fixture, row->hex);
    traced_says(&traced, row->text);
}
END_TEST

/* Without an IDT: #PF, then #DF, then shutdown. */
START_TEST(a_triple_fault_traces_each_attempt)
{
    struct traced traced;
    struct x86_fault first = { 0 };
    struct delivery delivery = {
        INTERRUPT_EXCEPTION,
        { .vector = VECTOR_PF, .has_error = true, .error = 2, .address = 0x1234 }
    };

    traced_create(&traced, FIXTURE_LONG, "cpu.exception,cpu.triple_fault");
    traced.fixture->core.state.idtr.limit = 0;
    ck_assert(!core_deliver(&traced.fixture->core, delivery, &first));
    traced_says(&traced,
                "0 p2.v1 cpu.exception vector=14 error=0x2 rip=0x8000 address=0x1234\n"
                "0 p2.v1 cpu.exception vector=8 error=0x0 rip=0x8000 address=0x0\n"
                "0 p2.v1 cpu.triple_fault first=14 first_address=0x1234 last=13 rip=0x8000\n");
}
END_TEST

START_TEST(interrupts_and_modes_trace)
{
    struct traced traced;
    struct x86_fault first = { 0 };

    traced_create(&traced, FIXTURE_REAL, "cpu.interrupt,cpu.mode");
    struct core *core = &traced.fixture->core;
    core->state.idtr.base = 0;
    core->state.idtr.limit = 0x3ff;
    core_fixture_write(traced.fixture, 4 * 0x21, 4, 0x00003000);
    ck_assert_int_eq(core_fixture_run_hex(traced.fixture, "cd 21"), UNWIND_NONE);
    ck_assert(
        core_deliver(core, (struct delivery){ INTERRUPT_EXTERNAL, { .vector = 0x21 } }, &first));
    core->state.gpr[REG_RAX] = 0x11;
    ck_assert_int_ne(core_fixture_run_hex(traced.fixture, "0f 22 c0"), UNWIND_FAULT);
    traced_says(&traced, "0 p2.v1 cpu.interrupt vector=0x21 source=1 rip=0x8000\n"
                         "0 p2.v1 cpu.interrupt vector=0x21 source=0 rip=0x3000\n"
                         "0 p2.v1 cpu.mode bits=16 cr0=0x11 cr4=0x600 efer=0x0\n");
}
END_TEST

static Suite *suite_cpu_trace(void)
{
    Suite *suite = suite_create("cpu/exec/cpu_trace");
    TCase *events = tcase_create("events");

    tcase_add_loop_test(events, instructions_trace, 0, ARRAY_SIZE(trace_cases));
    tcase_add_test(events, a_triple_fault_traces_each_attempt);
    tcase_add_test(events, interrupts_and_modes_trace);
    suite_add_tcase(suite, events);
    return suite;
}

CHECK_MAIN(suite_cpu_trace())
