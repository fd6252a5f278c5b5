/* How guests enter: registers by mode, forms, order of checks, continuation. */
#include <string.h>

#include "base/bytes.h"
#include "partitions/hv/features.h"
#include "tests/check/check_main.h"
#include "tests/check/partitions/hv/hv_fixture.h"

static struct fixture *f;
static struct fixture_machine *m;

static void setup(void)
{
    f = fixture_create(false);
    m = &f->machine[0];
}

static void teardown(void)
{
    fixture_destroy(f);
}

static uint64_t result(void)
{
    return m->vp->cpu.core.state.gpr[REG_RAX];
}

enum {
    IPI = 0x000b,
    FLUSH_SPACE = 0x0002,
    FLUSH_LIST = 0x0003,
    FLUSH_LIST_EX = 0x0014,
    POST = 0x005c,
    ID = 0x0046
};
#define FAST        (UINT64_C(1) << 16)
#define REPS(n)     ((uint64_t)(n) << 32)
#define START(n)    ((uint64_t)(n) << 48)
#define VARIABLE(n) ((uint64_t)(n) << 17)

/* ---- #UD ---- */

static void real_mode(struct cpu_state *s)
{
    s->cr0 = 0;
}
static void user_mode(struct cpu_state *s)
{
    s->seg[SEG_SS].attributes |= 3u << SEG_DPL_SHIFT;
}
static void virtual_8086(struct cpu_state *s)
{
    s->rflags_rest |= FLAG_VM;
}
static void no_os_id(struct cpu_state *s)
{
    (void)s;
    m->child->guest_os_id = 0;
}

static void (*const undefined[])(struct cpu_state *) = { real_mode, user_mode, virtual_8086,
                                                         no_os_id };

START_TEST(hypercall_is_undefined_where_it_cannot_be_made)
{
    struct cpu_state *s = &m->vp->cpu.core.state;

    fixture_enter_long_mode(m->vp);
    undefined[_i](s);
    s->gpr[REG_RCX] = IPI | FAST;
    s->gpr[REG_RDX] = 0x40;
    s->gpr[REG_R8] = 1;
    ck_assert_int_eq(hv_hypercall_from_guest(m->vp), CORE_UD);
    ck_assert_uint_eq(m->calls.interrupts, 0);
}
END_TEST

/* ---- the control word ---- */

static const struct {
    uint64_t control;
    hv_status_t status;
    const char *what;
} controls[] = {
    { 0x3fff, HV_STATUS_INVALID_HYPERCALL_CODE, "no such code" },
    { 0x0001, HV_STATUS_INVALID_HYPERCALL_CODE, "named, not built" },
    { 0x0001 | UINT64_C(1) << 63, HV_STATUS_INVALID_HYPERCALL_CODE, "code before reserved bits" },
    { IPI | UINT64_C(1) << 27, HV_STATUS_INVALID_HYPERCALL_INPUT, "reserved 27" },
    { IPI | UINT64_C(1) << 30, HV_STATUS_INVALID_HYPERCALL_INPUT, "reserved 30" },
    { IPI | UINT64_C(1) << 31, HV_STATUS_INVALID_HYPERCALL_INPUT, "nested" },
    { IPI | UINT64_C(1) << 44, HV_STATUS_INVALID_HYPERCALL_INPUT, "reserved 44" },
    { IPI | UINT64_C(1) << 60, HV_STATUS_INVALID_HYPERCALL_INPUT, "reserved 60" },
    { IPI | REPS(1), HV_STATUS_INVALID_HYPERCALL_INPUT, "reps on a simple call" },
    { IPI | START(1), HV_STATUS_INVALID_HYPERCALL_INPUT, "start on a simple call" },
    { IPI | VARIABLE(1), HV_STATUS_INVALID_HYPERCALL_INPUT, "variable header on a call without" },
    { FLUSH_LIST, HV_STATUS_INVALID_HYPERCALL_INPUT, "no reps on a rep call" },
    { FLUSH_LIST | REPS(2) | START(2), HV_STATUS_INVALID_HYPERCALL_INPUT, "start at count" },
    { POST | FAST, HV_STATUS_INVALID_HYPERCALL_INPUT, "fast on a call that is not" },
    { FLUSH_LIST | FAST | REPS(12), HV_STATUS_INVALID_HYPERCALL_INPUT, "fast list of 120 bytes" },
    { ID, HV_STATUS_ACCESS_DENIED, "privilege" },
    { ID | UINT64_C(1) << 27, HV_STATUS_INVALID_HYPERCALL_INPUT, "reserved bits before privilege" },
};

START_TEST(control_word_is_checked_in_order)
{
    ck_assert_int_eq(fixture_vmcall(m->vp, controls[_i].control, NULL, 0), CORE_OK);
    ck_assert_msg((result() & 0xffff) == controls[_i].status, "%s: %#lx", controls[_i].what,
                  (unsigned long)result());
}
END_TEST

/* ---- lists ---- */

static const struct {
    uint64_t in, out;
    hv_status_t status;
} alignments[] = {
    { 0x2004, 0x3000, HV_STATUS_INVALID_ALIGNMENT }, /* not 8-byte aligned */
    { 0x2ff8, 0x3000, HV_STATUS_INVALID_ALIGNMENT }, /* the list crosses its page */
    { 0x2000, 0x3004, HV_STATUS_INVALID_ALIGNMENT },
    { 0x2000, 0x3ff8, HV_STATUS_INVALID_ALIGNMENT },
    { 0x2000, 0x2008, HV_STATUS_INVALID_ALIGNMENT },            /* they overlap */
    { UINT64_C(1) << 40, 0x3000, HV_STATUS_INVALID_ALIGNMENT }, /* outside the GPA space */
    { 0x2ff0, 0x3ff0, HV_STATUS_SUCCESS },
};

START_TEST(lists_lie_aligned_inside_a_page_each)
{
    struct cpu_state *s = &m->vp->cpu.core.state;
    uint8_t in[16] = { 0 };

    m->child->privileges |= HV_PRIVILEGE(ACCESS_MEMORY_POOL); /* GetMemoryBalance: 16 in, 16 out */
    fixture_enter_long_mode(m->vp);
    le64_store(in, 999);
    ck_assert(space_write(&m->child->space, 0x2ff0, in, sizeof(in)));
    s->gpr[REG_RCX] = 0x004a;
    s->gpr[REG_RDX] = alignments[_i].in;
    s->gpr[REG_R8] = alignments[_i].out;
    ck_assert_int_eq(hv_hypercall_from_guest(m->vp), CORE_OK);
    ck_assert_uint_eq(result() & 0xffff, alignments[_i].status == HV_STATUS_SUCCESS
                                             ? HV_STATUS_INVALID_PARTITION_ID
                                             : alignments[_i].status);
}
END_TEST

START_TEST(gpa_of_a_list_that_the_call_lacks_is_ignored)
{
    struct cpu_state *s = &m->vp->cpu.core.state;

    m->child->privileges |= HV_PRIVILEGE(ACCESS_PARTITION_ID);
    fixture_enter_long_mode(m->vp);
    s->gpr[REG_RCX] = ID;
    s->gpr[REG_RDX] = 0x1234567; /* no input */
    s->gpr[REG_R8] = FIXTURE_OUT_GPA;
    ck_assert_int_eq(hv_hypercall_from_guest(m->vp), CORE_OK);
    ck_assert_uint_eq(result(), 0);
    uint64_t id = 0;
    ck_assert(space_read(&m->child->space, FIXTURE_OUT_GPA, &id, 8));
    ck_assert_uint_eq(id, m->child->id);
}
END_TEST

START_TEST(list_in_unmapped_memory_is_an_intercept_and_the_call_restarts)
{
    struct cpu_state *s = &m->vp->cpu.core.state;
    struct hv_message message;

    fixture_enter_long_mode(m->vp);
    s->gpr[REG_RIP] = 0x7777;
    s->gpr[REG_RCX] = IPI;
    s->gpr[REG_RDX] = 0x100000;
    ck_assert_int_eq(hv_hypercall_from_guest(m->vp), CORE_SUSPEND);
    ck_assert(m->vp->intercept_suspend);
    ck_assert(hv_sink_message_take(m->root_vp, 0, &message));
    ck_assert_uint_eq(message.type, HV_MESSAGE_UNMAPPED_GPA);
    ck_assert_uint_eq(message.origin, m->child->id);
    ck_assert_uint_eq(message.payload_size, 80);
    ck_assert_uint_eq(le64_load(message.payload + 24), 0x7777);
    ck_assert_uint_eq(le64_load(message.payload + 56), 0x100000);
    ck_assert_uint_eq(s->gpr[REG_RCX], IPI);
}
END_TEST

/* ---- forms ---- */

START_TEST(slow_call_in_long_mode)
{
    uint8_t in[16] = { 0x55, 0, 0, 0, 0, 0, 0, 0, 3 };

    ck_assert_int_eq(fixture_vmcall(m->vp, IPI, in, sizeof(in)), CORE_OK);
    ck_assert_uint_eq(result(), HV_STATUS_SUCCESS);
    ck_assert_uint_eq(m->calls.interrupts, 2);
    ck_assert_uint_eq(m->calls.last_vector, 0x55);
}
END_TEST

START_TEST(fast_call_takes_two_registers_and_changes_only_rax)
{
    struct cpu_state *s = &m->vp->cpu.core.state;
    uint64_t before[16];

    fixture_enter_long_mode(m->vp);
    for (unsigned i = 0; i < 16; i++) {
        s->gpr[i] = 0x1000 + i;
    }
    s->gpr[REG_RCX] = IPI | FAST;
    s->gpr[REG_RDX] = 0x66;
    s->gpr[REG_R8] = 1;
    memcpy(before, s->gpr, sizeof(before));
    ck_assert_int_eq(hv_hypercall_from_guest(m->vp), CORE_OK);
    before[REG_RAX] = 0;
    ck_assert_mem_eq(before, s->gpr, sizeof(before));
    ck_assert_uint_eq(m->calls.last_vector, 0x66);
}
END_TEST

START_TEST(protected_mode_caller_uses_register_pairs)
{
    struct cpu_state *s = &m->vp->cpu.core.state;

    fixture_enter_long_mode(m->vp);
    s->seg[SEG_CS].attributes = SEG_CODE | SEG_S | SEG_P | SEG_DB; /* compatibility mode too */
    s->gpr[REG_RDX] = 0xdead00000000;                              /* upper halves are ignored */
    s->gpr[REG_RAX] = IPI | FAST;
    s->gpr[REG_RBX] = 0;
    s->gpr[REG_RCX] = 0x67;
    s->gpr[REG_RDI] = 0;
    s->gpr[REG_RSI] = 2;
    ck_assert_int_eq(hv_hypercall_from_guest(m->vp), CORE_OK);
    ck_assert_uint_eq(s->gpr[REG_RAX], 0);
    ck_assert_uint_eq(s->gpr[REG_RDX], 0);
    ck_assert_uint_eq(m->calls.last_vector, 0x67);
    ck_assert_uint_eq(m->calls.interrupted_vp, 1);
}
END_TEST

START_TEST(xmm_fast_call_reads_six_registers_more)
{
    struct cpu_state *s = &m->vp->cpu.core.state;

    fixture_enter_long_mode(m->vp);
    s->gpr[REG_RCX] = FLUSH_LIST | FAST | REPS(2); /* 24 + 16 bytes */
    s->gpr[REG_RDX] = 0;
    s->gpr[REG_R8] = 0;
    s->xmm[0].u64[0] = 2;          /* processor mask: VP 1 */
    s->xmm[0].u64[1] = 0x5000 | 3; /* four pages */
    s->xmm[1].u64[0] = 0x9000;
    ck_assert_int_eq(hv_hypercall_from_guest(m->vp), CORE_OK);
    ck_assert_uint_eq(result(), REPS(2));
    ck_assert_uint_eq(m->calls.flushes, 2);
    ck_assert_uint_eq(m->calls.flush_gva, 0x9000);
    ck_assert_uint_eq(m->calls.flush_pages, 1);
    m->child->features &= ~(uint32_t)HV_FEATURE_XMM_INPUT;
    ck_assert_int_eq(hv_hypercall_from_guest(m->vp), CORE_UD);
}
END_TEST

START_TEST(fast_output_follows_the_input_pairs)
{
    struct cpu_state *s = &m->vp->cpu.core.state;

    m->child->privileges |= HV_PRIVILEGE(ACCESS_VP_REGISTERS);
    fixture_enter_long_mode(m->vp);
    s->gpr[REG_RCX] = 0x0050 | FAST | REPS(1); /* GetVpRegisters: 16 + 4 in, 16 out */
    s->gpr[REG_RDX] = HV_PARTITION_ID_SELF;
    s->gpr[REG_R8] = 0xfffffffe;
    s->xmm[0].u64[0] = 0x00090003; /* VP index */
    s->xmm[0].u64[1] = 0x1111;
    s->xmm[1].u64[0] = s->xmm[1].u64[1] = 0x2222;
    s->xmm[2].u64[0] = 0x3333;
    ck_assert_int_eq(hv_hypercall_from_guest(m->vp), CORE_OK);
    ck_assert_uint_eq(result(), REPS(1));
    ck_assert_uint_eq(s->xmm[1].u64[0], 0); /* the index, in the pair after the rounded input */
    ck_assert_uint_eq(s->xmm[1].u64[1], 0);
    ck_assert_uint_eq(s->xmm[0].u64[1], 0x1111);
    ck_assert_uint_eq(s->xmm[2].u64[0], 0x3333);
    m->child->features &= ~(uint32_t)HV_FEATURE_XMM_OUTPUT;
    s->gpr[REG_RCX] = 0x0050 | FAST | REPS(1);
    ck_assert_int_eq(hv_hypercall_from_guest(m->vp), CORE_OK);
    ck_assert_uint_eq(result() & 0xffff, HV_STATUS_INVALID_HYPERCALL_INPUT);
}
END_TEST

START_TEST(long_rep_call_restarts_where_it_stopped)
{
    struct cpu_state *s = &m->vp->cpu.core.state;
    uint8_t in[24 + 8 * 200] = { 0 };
    unsigned entries = 0;
    uint64_t before = 0;

    le64_store(in + 16, 1);
    for (unsigned i = 0; i < 200; i++) {
        le64_store(in + 24 + 8 * i, (uint64_t)i << 12);
    }
    enum core_status status = fixture_vmcall(m->vp, FLUSH_LIST | REPS(200), in, sizeof(in));
    while (status == CORE_SUSPEND) {
        uint64_t start = s->gpr[REG_RCX] >> 48 & 0xfff;
        ck_assert_uint_gt(start, before);
        ck_assert_uint_eq(m->calls.flushes, start);
        ck_assert(!vp_is_suspended(m->vp) || m->vp->explicit_suspend);
        before = start;
        entries++;
        status = hv_hypercall_from_guest(m->vp);
    }
    ck_assert_uint_gt(entries, 1);
    ck_assert_uint_eq(result(), REPS(200));
    ck_assert_uint_eq(m->calls.flushes, 200);
}
END_TEST

START_TEST(elements_before_a_failure_stay_done_and_are_counted_absolutely)
{
    struct cpu_state *s = &m->vp->cpu.core.state;
    uint8_t in[16 + 4 * 3] = { 0 };
    uint32_t out[3] = { 9, 9, 9 };

    le64_store(in, HV_PARTITION_ID_SELF);
    le32_store(in + 16, 2); /* APIC id 2: VP 1 */
    le32_store(in + 20, 0);
    le32_store(in + 24, 77);
    ck_assert(space_write(&m->child->space, FIXTURE_OUT_GPA, out, sizeof(out)));
    ck_assert_int_eq(fixture_vmcall(m->vp, 0x009a | REPS(3) | START(1), in, sizeof(in)), CORE_OK);
    ck_assert_uint_eq(s->gpr[REG_RAX], HV_STATUS_INVALID_PARAMETER | REPS(2));
    ck_assert(space_read(&m->child->space, FIXTURE_OUT_GPA, out, sizeof(out)));
    ck_assert_uint_eq(out[0], 9); /* not of this call */
    ck_assert_uint_eq(out[1], 0);
    ck_assert_uint_eq(out[2], 9);
}
END_TEST

START_TEST(hypercall_page_holds_a_call_and_ends_in_ret)
{
    uint8_t code[16], ram[16] = { 0xaa };

    ck_assert(space_write(&m->child->space, 0x5000, ram, sizeof(ram)));
    ck_assert_int_eq(hv_msr_write(m->vp, 0x40000001, 0x5001), CORE_OK);
    ck_assert_uint_eq(fixture_msr(m->vp, 0x40000001),
                      0x5000); /* no OS id yet: not enabled, no fault */
    ck_assert_int_eq(hv_msr_write(m->vp, 0x40000000, 1), CORE_OK);
    ck_assert_int_eq(hv_msr_write(m->vp, 0x40000001, 0x5001), CORE_OK);
    ck_assert(space_read(&m->child->space, 0x5000, code, sizeof(code)));
    static const uint8_t expect[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x0f, 0x01, 0xc1, 0xc3, 0xcc };
    ck_assert_mem_eq(code, expect, sizeof(expect));
    ck_assert(!space_write(&m->child->space, 0x5000, code, 1)); /* not writable */
    ck_assert_int_eq(hv_msr_write(m->vp, 0x40000000, 0), CORE_OK);
    ck_assert_uint_eq(fixture_msr(m->vp, 0x40000001), 0x5000);
    ck_assert(space_read(&m->child->space, 0x5000, code, 1));
    ck_assert_uint_eq(code[0], 0xaa); /* the covered page is back */
}
END_TEST

static Suite *suite_entry(void)
{
    Suite *suite = suite_create("partitions/hv/entry");
    TCase *tc = tcase_create("entry");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, hypercall_is_undefined_where_it_cannot_be_made, 0,
                        ARRAY_SIZE(undefined));
    tcase_add_loop_test(tc, control_word_is_checked_in_order, 0, ARRAY_SIZE(controls));
    tcase_add_loop_test(tc, lists_lie_aligned_inside_a_page_each, 0, ARRAY_SIZE(alignments));
    tcase_add_test(tc, gpa_of_a_list_that_the_call_lacks_is_ignored);
    tcase_add_test(tc, list_in_unmapped_memory_is_an_intercept_and_the_call_restarts);
    tcase_add_test(tc, slow_call_in_long_mode);
    tcase_add_test(tc, fast_call_takes_two_registers_and_changes_only_rax);
    tcase_add_test(tc, protected_mode_caller_uses_register_pairs);
    tcase_add_test(tc, xmm_fast_call_reads_six_registers_more);
    tcase_add_test(tc, fast_output_follows_the_input_pairs);
    tcase_add_test(tc, long_rep_call_restarts_where_it_stopped);
    tcase_add_test(tc, elements_before_a_failure_stay_done_and_are_counted_absolutely);
    tcase_add_test(tc, hypercall_page_holds_a_call_and_ends_in_ret);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(suite_entry())
