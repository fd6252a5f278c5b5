/* partitions/logical_processor: requests and answers, code written under a running VP, waking, stopping, deleting. */
#include <check.h>
#include <pthread.h>
#include <time.h>

#include "base/bytes.h"
#include "base/host/time.h"
#include "devices/chipset/lapic.h"
#include "partitions/hv/hv.h"
#include "partitions/machine.h"
#include "partitions/partition.h"
#include "partitions/vmms/vmms.h"
#include "partitions/vp_glue.h"
#include "tests/check/check_main.h"
#include "tests/support/running_machine.h"

enum { DATUM = 0x200000, TRAMPOLINE = 0x8000, IMMEDIATE = GUEST_CODE + 1, ROUNDS = 10000 };

/* 0: mov eax, 0; 5: mov [DATUM], eax; 10: jmp 0 */
static const uint8_t writer[] = { 0xb8, 0, 0, 0, 0, 0xa3, 0, 0, 0x20, 0, 0xeb, 0xf4 };
/* 0: hlt; 1: jmp 0 with interrupts on */
static const uint8_t idler[] = { 0xfb, 0xf4, 0xeb, 0xfc };
/* cli; hlt */
static const uint8_t dead[] = { 0xfa, 0xf4 };

static uint32_t datum(const struct running_machine *rig)
{
    return ram_load32(space_host(&rig->guest->space, DATUM, 4, SPACE_READ));
}

static bool becomes(const struct running_machine *rig, uint32_t value)
{
    uint64_t until = host_monotonic_ns() + UINT64_C(300000000000);

    while (datum(rig) != value) {
        if (host_monotonic_ns() > until) {
            return false;
        }
        running_machine_pause_ms(0);
    }
    return true;
}

static void *flusher(void *opaque)
{
    struct running_machine *rig = opaque;

    for (unsigned i = 0; i < ROUNDS; i++) {
        lp_flush(&rig->machine->lp[i % 2], i % 5 == 0, DATUM, 1 + i % 3);
        lps_settle(rig->machine, NULL);
        ck_assert_uint_eq(__atomic_load_n(&rig->machine->lp[i % 2].queue.kinds, __ATOMIC_ACQUIRE) &
                              LP_REQUEST_SPACE,
                          0);
    }
    return NULL;
}

/* Each VP's processor runs on its own; the application processors in real mode, at TRAMPOLINE. */
static void start_others(struct running_machine *rig, const uint8_t *code, size_t n)
{
    ck_assert(space_write(&rig->guest->space, TRAMPOLINE, code, n));
    for (unsigned i = 1; i < rig->machine->n_vps; i++) {
        lapic_deliver(rig->machine->vps[i]->lapic, LAPIC_INIT, 0, false);
        lapic_deliver(rig->machine->vps[i]->lapic, LAPIC_SIPI, TRAMPOLINE >> 12, false);
    }
}

static const uint8_t forever[] = { 0xeb, 0xfe };

START_TEST(requests_of_two_are_answered)
{
    struct running_machine rig;
    pthread_t other;

    running_machine_start(&rig, 2, writer, sizeof(writer));
    start_others(&rig, forever, sizeof(forever));
    ck_assert_int_eq(pthread_create(&other, NULL, flusher, &rig), 0);
    flusher(&rig);
    pthread_join(other, NULL);
    uint64_t posted = 0;
    for (unsigned i = 0; i < 2; i++) {
        posted += __atomic_load_n(&rig.machine->lp[i].posted, __ATOMIC_ACQUIRE);
    }
    ck_assert_uint_ge(posted, 2 * ROUNDS);
    running_machine_end(&rig);
    ck_assert_int_eq(rig.result.end, VMMS_END_STOPPED);
}
END_TEST

/* The host writes the operand of an instruction in a loop: every new one is seen. */
START_TEST(written_code_runs)
{
    struct running_machine rig;

    running_machine_start(&rig, 2, writer, sizeof(writer));
    start_others(&rig, forever, sizeof(forever));
    for (uint32_t i = 1; i <= 500; i++) {
        uint8_t bytes[4];

        le32_store(bytes, i * 0x01010101);
        ck_assert(space_write(&rig.guest->space, IMMEDIATE, bytes, sizeof(bytes)));
        ck_assert_msg(becomes(&rig, i * 0x01010101), "round %u: %x", i, datum(&rig));
    }
    running_machine_end(&rig);
}
END_TEST

/* Nothing to do: no processor time, and a stop ends it at once. */
START_TEST(idle_costs_nothing_and_stops)
{
    struct running_machine rig;
    struct timespec before, after;

    running_machine_start(&rig, 4, idler, sizeof(idler));
    start_others(&rig, idler, sizeof(idler));
    running_machine_pause_ms(300);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    running_machine_pause_ms(500);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    long us =
        (long)(after.tv_sec - before.tv_sec) * 1000000 + (after.tv_nsec - before.tv_nsec) / 1000;
    ck_assert_int_lt(us, 20000);
    uint64_t start = host_monotonic_ns();
    running_machine_end(&rig);
    ck_assert_uint_lt(host_monotonic_ns() - start, UINT64_C(5000000000));
    ck_assert_int_eq(rig.result.end, VMMS_END_STOPPED);
}
END_TEST

START_TEST(all_halted_for_ever_ends_the_run)
{
    struct running_machine rig;

    running_machine_start(&rig, 4, dead, sizeof(dead)); /* the others wait for SIPI */
    running_machine_join(&rig);
    ck_assert_int_eq(rig.result.end, VMMS_END_HALTED);
}
END_TEST

static hv_status_t call_vp(struct running_machine *rig, uint16_t code, uint32_t index, size_t size)
{
    enum { CREATE_VP_BYTES = 40 };
    struct hv_caller root = hv_caller_root(&rig->machine->hv);
    uint8_t in[CREATE_VP_BYTES] = { 0 };

    le64_store(in, rig->guest->id);
    le32_store(in + 8, index);
    return hv_call(&root, code, in, size, NULL, 0, 0, NULL);
}

/* A VP that runs is deleted and made anew, again and again, while another runs. */
START_TEST(running_vp_is_deleted)
{
    enum { CREATE_VP = 0x4e, DELETE_VP = 0x4f };
    struct running_machine rig;

    running_machine_start(&rig, 2, writer, sizeof(writer));
    for (unsigned i = 0; i < 50; i++) {
        start_others(&rig, forever, sizeof(forever));
        running_machine_pause_ms(i % 3);
        ck_assert_int_eq(call_vp(&rig, DELETE_VP, 1, 16), HV_STATUS_SUCCESS);
        ck_assert_ptr_null(partition_vp(rig.guest, 1));
        hv_status_t status = call_vp(&rig, CREATE_VP, 1, 40);
        for (unsigned n = 0; n < 1000 && status == HV_STATUS_NO_RESOURCES; n++) {
            running_machine_pause_ms(1);
            status = call_vp(&rig, CREATE_VP, 1, 40);
        }
        ck_assert_int_eq(status, HV_STATUS_SUCCESS);
    }
    uint8_t bytes[4] = { 1, 2, 3, 4 };
    ck_assert(space_write(&rig.guest->space, IMMEDIATE, bytes, sizeof(bytes)));
    ck_assert(becomes(&rig, 0x04030201));
    running_machine_end(&rig);
}
END_TEST

static Suite *suite_logical_processor(void)
{
    Suite *suite = suite_create("logical_processor");
    TCase *tc = tcase_create("machine");

    tcase_set_timeout(tc, 900);
    tcase_add_test(tc, requests_of_two_are_answered);
    tcase_add_test(tc, written_code_runs);
    tcase_add_test(tc, idle_costs_nothing_and_stops);
    tcase_add_test(tc, all_halted_for_ever_ends_the_run);
    tcase_add_test(tc, running_vp_is_deleted);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(suite_logical_processor())
