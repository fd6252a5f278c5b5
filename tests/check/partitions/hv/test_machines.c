/* Two machines with two partitions each share nothing; pages are accounted for. */
#include "base/bytes.h"
#include "partitions/hv/memory.h"
#include "tests/check/check_main.h"
#include "tests/check/partitions/hv/hv_fixture.h"

static struct fixture *f;

static void setup(void)
{
    f = fixture_create(false);
}

static void teardown(void)
{
    fixture_destroy(f);
}

START_TEST(a_write_in_one_child_shows_only_in_its_parents_page)
{
    uint64_t word = 0x1122334455667788, seen = 0;

    ck_assert(space_write(&f->machine[0].child->space, 0x1000, &word, 8));
    ck_assert(
        space_read(&f->machine[0].root->space, (FIXTURE_CHILD_FROM + 1) * PAGE_SIZE, &seen, 8));
    ck_assert_uint_eq(seen, word);
    ck_assert(space_read(&f->machine[1].child->space, 0x1000, &seen, 8));
    ck_assert_uint_eq(seen, 0);
    ck_assert(!space_read(&f->machine[0].child->space, FIXTURE_CHILD_PAGES * PAGE_SIZE, &seen, 8));
}
END_TEST

START_TEST(time_and_registers_belong_to_one_machine)
{
    fixture_advance(&f->machine[0], 1000000);
    ck_assert_uint_eq(fixture_msr(f->machine[0].vp, 0x40000020),
                      9999); /* floor of the truncated scale */
    ck_assert_uint_eq(fixture_msr(f->machine[1].vp, 0x40000020), 0);
    ck_assert_int_eq(hv_msr_write(f->machine[0].vp, 0x40000000, 7), CORE_OK);
    ck_assert_uint_eq(fixture_msr(f->machine[0].vp1, 0x40000000), 7);
    ck_assert_uint_eq(fixture_msr(f->machine[1].vp, 0x40000000), 0);
}
END_TEST

START_TEST(interrupts_stay_in_their_machine)
{
    struct fixture_machine *m = &f->machine[0];
    struct hv_caller child = fixture_caller(m->vp);
    uint8_t in[16] = { 0x40, 0, 0, 0, 0, 0, 0, 0, 2 };

    ck_assert_uint_eq(hv_call(&child, 0x000b, in, sizeof(in), NULL, 0, 0, NULL), HV_STATUS_SUCCESS);
    ck_assert_uint_eq(m->calls.interrupts, 1);
    ck_assert_uint_eq(m->calls.interrupted_vp, 1);
    ck_assert_uint_eq(f->machine[1].calls.interrupts, 0);
}
END_TEST

START_TEST(a_deposited_page_is_reachable_by_nobody_and_comes_back_zeroed)
{
    struct fixture_machine *m = &f->machine[0];
    uint64_t word = 1, seen;
    uint8_t in[16] = { 0 }, out[8];
    unsigned done;

    ck_assert(space_write(&m->root->space, 600 * PAGE_SIZE, &word, 8));
    le64_store(in, m->child->id);
    le64_store(in + 8, 600);
    ck_assert_uint_eq(hv_call(&m->parent, 0x0048, in, 16, NULL, 0, 1, &done), HV_STATUS_SUCCESS);
    ck_assert(!space_read(&m->root->space, 600 * PAGE_SIZE, &seen, 8));
    ck_assert_uint_eq(hv_call(&m->parent, 0x0048, in, 16, NULL, 0, 1, &done),
                      HV_STATUS_OPERATION_DENIED);
    le64_store(in + 8, 0);
    ck_assert_uint_eq(hv_call(&m->parent, 0x0049, in, 16, out, 8, 1, &done), HV_STATUS_SUCCESS);
    ck_assert_uint_eq(le64_load(out), 600);
    ck_assert(space_read(&m->root->space, 600 * PAGE_SIZE, &seen, 8));
    ck_assert_uint_eq(seen, 0);
}
END_TEST

START_TEST(a_call_that_finds_no_memory_can_be_tried_again)
{
    struct fixture_machine *m = &f->machine[0];
    uint8_t create[40] = { 0 }, balance[16] = { 0 }, out[16], give[16];
    unsigned done;

    m->child->pool_used = m->child->pool_total - HV_COST_VP + 1;
    le64_store(create, m->child->id);
    le32_store(create + 8, 2);
    ck_assert_uint_eq(hv_call(&m->parent, 0x004e, create, 40, NULL, 0, 0, NULL),
                      HV_STATUS_INSUFFICIENT_MEMORY);
    ck_assert_ptr_null(m->child->vps[2]);
    le64_store(balance, m->child->id);
    ck_assert_uint_eq(hv_call(&m->parent, 0x004a, balance, 16, out, 16, 0, NULL),
                      HV_STATUS_SUCCESS);
    ck_assert_uint_eq(le64_load(out), HV_COST_VP - 1);
    le64_store(give, m->child->id);
    le64_store(give + 8, 601);
    ck_assert_uint_eq(hv_call(&m->parent, 0x0048, give, 16, NULL, 0, 1, &done), HV_STATUS_SUCCESS);
    ck_assert_uint_eq(hv_call(&m->parent, 0x004e, create, 40, NULL, 0, 0, NULL), HV_STATUS_SUCCESS);
    ck_assert_ptr_nonnull(m->child->vps[2]);
}
END_TEST

static void call_id(struct fixture_machine *m, uint16_t code, uint64_t id, hv_status_t expect)
{
    uint8_t in[8];

    le64_store(in, id);
    ck_assert_uint_eq(hv_call(&m->parent, code, in, 8, NULL, 0, 0, NULL), expect);
}

START_TEST(a_partition_ends_by_finalize_withdraw_delete_and_its_pages_come_home)
{
    struct fixture_machine *m = &f->machine[0];
    uint64_t id = m->child->id, word = 5;
    uint64_t used = m->root->pool_used;
    uint8_t in[16] = { 0 }, out[8 * FIXTURE_CHILD_POOL];
    unsigned done;

    call_id(m, 0x0043, id, HV_STATUS_INVALID_PARTITION_STATE);
    call_id(m, 0x0042, id, HV_STATUS_SUCCESS);
    call_id(m, 0x0041, id, HV_STATUS_INVALID_PARTITION_STATE);
    call_id(m, 0x0043, id, HV_STATUS_OPERATION_DENIED); /* its pool is not empty */
    le64_store(in, id);
    ck_assert_uint_eq(
        hv_call(&m->parent, 0x0049, in, 16, out, sizeof(out), FIXTURE_CHILD_POOL, &done),
        HV_STATUS_SUCCESS);
    ck_assert_uint_eq(done, FIXTURE_CHILD_POOL);
    call_id(m, 0x0043, id, HV_STATUS_SUCCESS);
    call_id(m, 0x0043, id, HV_STATUS_INVALID_PARTITION_ID);
    ck_assert_uint_eq(m->root->pool_used, used - HV_COST_PARTITION);
    for (uint64_t gpfn = 0; gpfn < FIXTURE_PAGES - FIXTURE_RESERVED; gpfn++) {
        ck_assert(space_write(&m->root->space, gpfn * PAGE_SIZE, &word, 8));
    }
    ck_assert_uint_eq(f->machine[1].hv.n_partitions, 2);
}
END_TEST

START_TEST(grandchildren_hang_under_their_parent_and_depth_has_an_end)
{
    struct fixture_machine *m = &f->machine[0];
    struct hv_caller caller = m->parent;
    uint8_t in[56] = { 0 }, out[8];
    hv_status_t status = HV_STATUS_SUCCESS;
    unsigned depth;

    for (depth = 0; status == HV_STATUS_SUCCESS && depth < 20; depth++) {
        caller.partition->privileges |= HV_PRIVILEGE(CREATE_PARTITIONS);
        status = hv_call(&caller, 0x0040, in, 56, out, 8, 0, NULL);
        if (status == HV_STATUS_SUCCESS) {
            caller.partition = hypervisor_partition(&m->hv, le64_load(out));
            caller.partition->state = PARTITION_ACTIVE;
            /* the pool of the next creator: what its parent can give */
            for (uint64_t i = 0; i < HV_COST_PARTITION; i++) {
                ck_assert(hv_pool_add(caller.partition, 640 + depth * HV_COST_PARTITION + i, 0));
            }
        }
    }
    ck_assert_uint_eq(status, HV_STATUS_PARTITION_TOO_DEEP);
    ck_assert_uint_eq(partition_depth(caller.partition), HV_DEPTH - 1);
    /* the parent cannot go before its children */
    call_id(m, 0x0042, m->hv.partitions[2]->id, HV_STATUS_OPERATION_DENIED);
}
END_TEST

START_TEST(withheld_privilege_stops_the_built_in_parent)
{
    struct fixture_machine *m = &f->machine[0];
    uint8_t in[56] = { 0 }, out[8];

    m->root->privileges &= ~HV_PRIVILEGE(CREATE_PARTITIONS);
    ck_assert_uint_eq(hv_call(&m->parent, 0x0040, in, 56, out, 8, 0, NULL),
                      HV_STATUS_ACCESS_DENIED);
}
END_TEST

static Suite *suite_machines(void)
{
    Suite *suite = suite_create("partitions/hv/machines");
    TCase *tc = tcase_create("two machines");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_write_in_one_child_shows_only_in_its_parents_page);
    tcase_add_test(tc, time_and_registers_belong_to_one_machine);
    tcase_add_test(tc, interrupts_stay_in_their_machine);
    tcase_add_test(tc, a_deposited_page_is_reachable_by_nobody_and_comes_back_zeroed);
    tcase_add_test(tc, a_call_that_finds_no_memory_can_be_tried_again);
    tcase_add_test(tc, a_partition_ends_by_finalize_withdraw_delete_and_its_pages_come_home);
    tcase_add_test(tc, grandchildren_hang_under_their_parent_and_depth_has_an_end);
    tcase_add_test(tc, withheld_privilege_stops_the_built_in_parent);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(suite_machines())
