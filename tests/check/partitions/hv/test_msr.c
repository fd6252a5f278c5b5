/* Every row of the MSR table: reads, writes, #GP for each reason, and a count. */
#include <string.h>

#include "base/bytes.h"
#include "partitions/hv/features.h"
#include "partitions/hv/msr.h"
#include "partitions/hv/request.h"
#include "partitions/hv/synic.h"
#include "tests/check/check_main.h"
#include "tests/check/partitions/hv/hv_fixture.h"

static struct fixture *f;
static struct fixture_machine *m;

static void setup(void)
{
    f = fixture_create(false);
    m = &f->machine[0];
    m->child->privileges |= HV_PRIVILEGE(ACCESS_TSC_INVARIANT_CONTROLS);
}

static void teardown(void)
{
    fixture_destroy(f);
}

/* What is read first, what is written, what is read then; NONE where the direction does not exist;
 * values that fault. */
#define NONE UINT64_C(0xfedcba9876543210)
#define SINT(n)                                                                                    \
    {                                                                                              \
        0x40000090 + (n), 0x10000, 0x30 + (n), 0x30 + (n), 15                                      \
    }
#define TIMER(n)                                                                                   \
    { 0x400000b0 + 2 * (n), 0, 0x31ff0, 0x31ff0, UINT64_C(1) << 20 },                              \
    {                                                                                              \
        0x400000b1 + 2 * (n), 0, 77, 77, NONE                                                      \
    }

static const struct {
    uint32_t msr;
    uint64_t first, write, then, faults;
} cases[] = {
    { 0x40000000, 0, 0x8100000000060000, 0x8100000000060000, NONE },
    { 0x40000001, 0, 0x5ff0, 0x5ff0,
      UINT64_C(1) << 40 }, /* bits 11:2 are kept; bit 0 needs an OS id */
    { 0x40000002, 0, NONE, NONE, 0 },
    { 0x40000003, 0, 1, 0, NONE },
    { 0x40000010, 0, NONE, NONE, 0 },
    { 0x40000020, 0, NONE, NONE, 0 },
    { 0x40000021, 0, 0x6001, 0x6001, UINT64_C(1) << 40 | 1 },
    { 0x40000022, 2000000000, NONE, NONE, 0 },
    { 0x40000023, 200000000, NONE, NONE, 0 },
    { 0x40000070, NONE, 0, NONE, UINT64_C(1) << 32 },
    { 0x40000071, 0, 0x0100000000004041, 0x0100000000004041, NONE },
    { 0x40000072, 0, 0x20, 0x20, 0x100 },
    { 0x40000073, 0, 0x7001, 0x7001, UINT64_C(1) << 40 | 1 },
    { 0x40000080, 0, 1, 1, NONE },
    { 0x40000081, 1, NONE, NONE, 0 },
    { 0x40000082, 0, 0x9001, 0x9001, UINT64_C(1) << 40 | 1 },
    { 0x40000083, 0, 0x8001, 0x8001, UINT64_C(1) << 40 | 1 },
    { 0x40000084, 0, 1, 0, NONE },
    SINT(0),
    SINT(1),
    SINT(2),
    SINT(3),
    SINT(4),
    SINT(5),
    SINT(6),
    SINT(7),
    SINT(8),
    SINT(9),
    SINT(10),
    SINT(11),
    SINT(12),
    SINT(13),
    SINT(14),
    SINT(15),
    TIMER(0),
    TIMER(1),
    TIMER(2),
    TIMER(3),
    { 0x400000f0, 0, NONE, NONE, 0 },
    { 0x40000100, 0, 1, 1, NONE },
    { 0x40000101, 0, 2, 2, NONE },
    { 0x40000102, 0, 3, 3, NONE },
    { 0x40000103, 0, 4, 4, NONE },
    { 0x40000104, 0, 5, 5, NONE },
    { 0x40000105, UINT64_C(3) << 62, UINT64_C(1) << 63, UINT64_C(3) << 62, NONE },
    { 0x40000118, 0, 1, 1, 2 },
};

START_TEST(register_reads_writes_and_faults)
{
    uint32_t msr = cases[_i].msr;
    uint64_t value = 0;

    if (cases[_i].first == NONE) {
        ck_assert_int_eq(hv_msr_read(m->vp, msr, &value), CORE_GP);
    } else {
        ck_assert_int_eq(hv_msr_read(m->vp, msr, &value), CORE_OK);
        ck_assert_uint_eq(value, cases[_i].first);
    }
    if (cases[_i].faults != NONE) {
        ck_assert_int_eq(hv_msr_write(m->vp, msr, cases[_i].faults), CORE_GP);
    }
    if (cases[_i].write != NONE) {
        ck_assert_int_eq(hv_msr_write(m->vp, msr, cases[_i].write), CORE_OK);
    }
    if (cases[_i].then != NONE) {
        ck_assert_int_eq(hv_msr_read(m->vp, msr, &value), CORE_OK);
        ck_assert_uint_eq(value, cases[_i].then);
    }
}
END_TEST

START_TEST(no_register_lacks_a_test)
{
    unsigned built = 0;

    for (unsigned r = 0; r < hv_n_msr_rows; r++) {
        unsigned tests = 0;
        for (unsigned k = 0; k < r; k++) {
            ck_assert_uint_ne(hv_msr_rows[k].number, hv_msr_rows[r].number);
        }
        for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
            tests += cases[i].msr == hv_msr_rows[r].number;
        }
        built += (hv_msr_rows[r].access & HV_MSR_BUILT) != 0;
        ck_assert_msg(tests == ((hv_msr_rows[r].access & HV_MSR_BUILT) != 0), "%s",
                      hv_msr_rows[r].name);
    }
    ck_assert_uint_eq(built, ARRAY_SIZE(cases));
}
END_TEST

START_TEST(register_needs_its_privilege_and_feature)
{
    const struct hv_msr_row *row = &hv_msr_rows[_i];
    uint64_t value;

    if (row->privilege != HV_PRIVILEGE_BIT_NONE) {
        m->child->privileges &= ~(UINT64_C(1) << row->privilege);
    }
    m->child->features &= ~row->feature;
    if ((row->access & HV_MSR_BUILT) != 0 && row->privilege == HV_PRIVILEGE_BIT_NONE &&
        row->feature == 0) {
        ck_abort_msg("%s is for everybody", row->name);
    }
    ck_assert_int_eq(hv_msr_read(m->vp, row->number, &value), CORE_GP);
    ck_assert_int_eq(hv_msr_write(m->vp, row->number, 0), CORE_GP);
    /* unless the parent wants to hear of it */
    m->child->intercepts.msr = true;
    ck_assert_int_eq(hv_msr_read(m->vp, row->number, &value), CORE_SUSPEND);
    struct hv_message message;
    ck_assert(hv_sink_message_take(m->root_vp, 0, &message));
    ck_assert_uint_eq(message.type, HV_MESSAGE_X64_MSR);
    ck_assert_uint_eq(le32_load(message.payload + 40), row->number);
}
END_TEST

START_TEST(unknown_register_faults)
{
    uint64_t value;

    ck_assert_int_eq(hv_msr_read(m->vp, 0x40000004, &value), CORE_GP);
    ck_assert_int_eq(hv_msr_write(m->vp, 0x4fffffff, 0), CORE_GP);
}
END_TEST

START_TEST(upward_calls_happen)
{
    ck_assert_int_eq(hv_msr_write(m->vp, 0x40000003, 1), CORE_OK);
    ck_assert_uint_eq(m->calls.resets, 1);
    ck_assert_int_eq(hv_msr_write(m->vp, 0x40000003, 0), CORE_OK);
    ck_assert_uint_eq(m->calls.resets, 1);
    (void)fixture_msr(m->vp, 0x400000f0);
    ck_assert_uint_eq(m->calls.idles, 1);
    ck_assert_int_eq(hv_msr_write(m->vp, 0x40000105, UINT64_C(1) << 62), CORE_OK);
    ck_assert_uint_eq(m->calls.crashes, 0);
    ck_assert_int_eq(hv_msr_write(m->vp, 0x40000105, UINT64_C(1) << 63), CORE_OK);
    ck_assert_uint_eq(m->calls.crashes, 1);
    ck_assert_int_eq(hv_msr_write(m->vp, 0x40000118, 1), CORE_OK);
    ck_assert_uint_eq(m->calls.invariant, 1);
}
END_TEST

START_TEST(locked_hypercall_page_stays_until_reset)
{
    ck_assert_int_eq(hv_msr_write(m->vp, 0x40000000, 1), CORE_OK);
    ck_assert_int_eq(hv_msr_write(m->vp, 0x40000001, 0x5003), CORE_OK);
    ck_assert_int_eq(hv_msr_write(m->vp, 0x40000001, 0x6001), CORE_GP);
    ck_assert_uint_eq(fixture_msr(m->vp, 0x40000001), 0x5003);
    hv_partition_reset(m->child);
    ck_assert_uint_eq(fixture_msr(m->vp, 0x40000001), 0);
    ck_assert(!space_lookup(&m->child->space, 0x5000).overlay);
}
END_TEST

START_TEST(overlays_keep_their_contents_and_uncover_the_guests)
{
    uint32_t word = 0x11111111, seen;

    ck_assert(space_write(&m->child->space, 0x7000, &word, 4));
    ck_assert_int_eq(hv_msr_write(m->vp, 0x40000073, 0x7001), CORE_OK);
    ck_assert(space_read(&m->child->space, 0x7000, &seen, 4));
    ck_assert_uint_eq(seen, 0);
    word = 0x22222222;
    ck_assert(space_write(&m->child->space, 0x7000, &word, 4));
    ck_assert_int_eq(hv_msr_write(m->vp, 0x40000073, 0xa001),
                     CORE_OK); /* moved: contents go along */
    ck_assert(space_read(&m->child->space, 0xa000, &seen, 4));
    ck_assert_uint_eq(seen, 0x22222222);
    ck_assert(space_read(&m->child->space, 0x7000, &seen, 4));
    ck_assert_uint_eq(seen, 0x11111111);
    ck_assert_int_eq(hv_msr_write(m->vp, 0x40000073, 0), CORE_OK);
    ck_assert(!space_lookup(&m->child->space, 0xa000).overlay);
}
END_TEST

START_TEST(reference_time_page_and_register_agree)
{
    ck_assert_int_eq(hv_msr_write(m->vp, 0x40000021, 0x6001), CORE_OK);
    for (unsigned i = 0; i < 50; i++) {
        fixture_advance(m, 123456789 + i);
        uint8_t page[24];
        ck_assert(space_read(&m->child->space, 0x6000, page, sizeof(page)));
        ck_assert_uint_ne(le32_load(page), 0);
        uint64_t tsc = hv_tsc(&m->hv, clock_now_ns(&m->clock));
        uint64_t time =
            (uint64_t)((unsigned __int128)tsc * le64_load(page + 8) >> 64) + le64_load(page + 16);
        ck_assert_uint_eq(time, fixture_msr(m->vp, 0x40000020));
        /* 100 ns units of the clock, at most one late */
        ck_assert_uint_le(clock_now_ns(&m->clock) / 100 - time, 1);
    }
    ck_assert(!space_write(&m->child->space, 0x6000, "x", 1));
}
END_TEST

START_TEST(run_time_counts_while_dispatched)
{
    hv_vp_run_begin(m->vp);
    fixture_advance(m, 5000);
    ck_assert_uint_eq(fixture_msr(m->vp, 0x40000010), 50);
    hv_vp_run_end(m->vp);
    fixture_advance(m, 5000);
    ck_assert_uint_eq(fixture_msr(m->vp, 0x40000010), 50);
}
END_TEST

START_TEST(root_guest_finds_pages_where_the_hypervisor_put_them)
{
    struct fixture_machine root;
    uint8_t code;

    fixture_machine_init(&root, true);
    uint64_t place = fixture_msr(root.root_vp, 0x40000001);
    ck_assert_uint_ge(place >> 12, FIXTURE_RESERVED_GPFN);
    ck_assert_uint_ne(fixture_msr(root.root_vp, 0x40000083), fixture_msr(root.root_vp, 0x40000082));
    ck_assert(!space_read(&root.root->space, place, &code, 1));
    ck_assert_int_eq(hv_msr_write(root.root_vp, 0x40000000, 1), CORE_OK);
    ck_assert_int_eq(hv_msr_write(root.root_vp, 0x40000001, place | 1), CORE_OK);
    ck_assert(space_read(&root.root->space, place, &code, 1));
    ck_assert_uint_eq(code, 0xf3);
    fixture_machine_fini(&root);
}
END_TEST

/* ---- CPUID ---- */

START_TEST(leaves_tell_who_is_there)
{
    uint32_t regs[4] = { 0 };

    ck_assert_int_eq(hv_cpuid(m->vp, 0x40000000, 0, regs), CORE_OK);
    ck_assert_uint_ge(regs[0], 0x40000005);
    ck_assert_uint_le(regs[0], 0x4000ffff);
    ck_assert_mem_eq(&regs[1], "Microsoft Hv", 12);
    ck_assert_int_eq(hv_cpuid(m->vp, 0x40000001, 0, regs), CORE_OK);
    ck_assert_mem_eq(&regs[0], "Hv#1", 4);
    memset(regs, 0, sizeof(regs));
    ck_assert_int_eq(hv_cpuid(m->vp, 1, 0, regs), CORE_OK);
    ck_assert_uint_eq(regs[2], UINT32_C(1) << 31);
    memset(regs, 0xff, sizeof(regs));
    ck_assert_int_eq(hv_cpuid(m->vp, 0x40000082, 0, regs),
                     CORE_OK); /* read by Linux without a look at the maximum */
    ck_assert_uint_eq(regs[0] | regs[1] | regs[2] | regs[3], 0);
}
END_TEST

START_TEST(privileges_are_what_leaf_3_shows_and_hints_follow)
{
    uint32_t regs[4];

    ck_assert_int_eq(hv_cpuid(m->vp, 0x40000003, 0, regs), CORE_OK);
    ck_assert_uint_eq(regs[0] & 0x7fff,
                      0x0eff); /* what Linux wants; bit 15 was given by this test's fixture */
    ck_assert_uint_eq(regs[1], 0x30);
    ck_assert_uint_eq(regs[3] & 0x80500, 0x80500);
    ck_assert_int_eq(hv_cpuid(m->vp, 0x40000004, 0, regs), CORE_OK);
    ck_assert_uint_eq(regs[0], 0xe2c); /* bits 2 3 5 9 10 11 */
    m->child->privileges &= ~HV_PRIVILEGE(ACCESS_INTR_CTRL_REGS);
    ck_assert_int_eq(hv_cpuid(m->vp, 0x40000004, 0, regs), CORE_OK);
    ck_assert_uint_eq(regs[0], 0xe24);
    ck_assert_int_eq(hv_cpuid(m->vp, 0x40000003, 0, regs), CORE_OK);
    ck_assert_uint_eq(regs[0] & 0x7fff, 0x0eef);
}
END_TEST

START_TEST(invariant_tsc_shows_after_the_guest_asked)
{
    uint32_t regs[4] = { 0, 0, 0, 0x100 };

    ck_assert_int_eq(hv_cpuid(m->vp, 0x80000007, 0, regs), CORE_OK);
    ck_assert_uint_eq(regs[3], 0);
    ck_assert_int_eq(hv_msr_write(m->vp, 0x40000118, 1), CORE_OK);
    ck_assert_int_eq(hv_cpuid(m->vp, 0x80000007, 0, regs), CORE_OK);
    ck_assert_uint_eq(regs[3], 0x100);
}
END_TEST

static Suite *suite_msr(void)
{
    Suite *suite = suite_create("partitions/hv/msr");
    TCase *tc = tcase_create("rows");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, register_reads_writes_and_faults, 0, ARRAY_SIZE(cases));
    tcase_add_loop_test(tc, register_needs_its_privilege_and_feature, 0, (int)hv_n_msr_rows);
    tcase_add_test(tc, no_register_lacks_a_test);
    tcase_add_test(tc, unknown_register_faults);
    tcase_add_test(tc, upward_calls_happen);
    tcase_add_test(tc, locked_hypercall_page_stays_until_reset);
    tcase_add_test(tc, overlays_keep_their_contents_and_uncover_the_guests);
    tcase_add_test(tc, reference_time_page_and_register_agree);
    tcase_add_test(tc, run_time_counts_while_dispatched);
    tcase_add_test(tc, root_guest_finds_pages_where_the_hypervisor_put_them);
    tcase_add_test(tc, leaves_tell_who_is_there);
    tcase_add_test(tc, privileges_are_what_leaf_3_shows_and_hints_follow);
    tcase_add_test(tc, invariant_tsc_shows_after_the_guest_asked);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(suite_msr())
