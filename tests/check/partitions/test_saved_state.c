/* Saved machines: saved, destroyed, made again and run on, at many instants of hostile guests: the hash of the undisturbed run. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "partitions/machine.h"
#include "partitions/vmms/vmms.h"
#include "tests/check/check_main.h"
#include "tests/support/guest_chaos.h"
#include "tests/support/guest_file.h"

enum { MIB = 1 << 20, INSTRUCTIONS = 200000, INSTANTS = 12 };

struct rig {
    struct guest_file kernel, state;
    struct vmms_config config;
    size_t n_printed;
};

static void printed(void *opaque, const uint8_t *bytes, size_t n)
{
    (void)bytes;
    *(size_t *)opaque += n;
}

static void rig_init(struct rig *rig, enum vmms_role role, uint64_t seed)
{
    size_t n;
    uint8_t *code = guest_chaos(CHAOS_RANDOM, 3000, seed, &n);

    memset(rig, 0, sizeof(*rig));
    guest_file_make(&rig->kernel, code, n);
    guest_file_write(&rig->state, "", 0);
    free(code);
    rig->config = (struct vmms_config){
        .child[0].kernel = rig->kernel.path,
        .child[0].memory_bytes = 8 * MIB,
        .child[0].cpus = 3,
        .role = role,
        .virtual_time = true,
        .seed = seed,
        .max_instructions = INSTRUCTIONS,
        .timeout_ns = UINT64_C(600000000000),
        .no_reboot = true,
        .child[0].serial_output = printed,
        .child[0].serial_opaque = &rig->n_printed,
    };
}

static void rig_fini(struct rig *rig)
{
    guest_file_remove(&rig->kernel);
    guest_file_remove(&rig->state);
}

static struct vmms_result run(const struct vmms_config *config)
{
    struct error error = { "" };
    bool usage;
    struct vmms *vmms = vmms_create(config, &usage, &error);

    ck_assert_msg(vmms != NULL, "%s", error.text);
    struct vmms_result result = vmms_run(vmms, &error);
    ck_assert_msg(result.end != VMMS_END_HOST_FAILURE, "%s", error.text);
    vmms_destroy(vmms);
    return result;
}

static struct vmms_config resuming(const struct rig *rig)
{
    struct vmms_config config = rig->config;

    config.child[0].kernel = NULL; /* what the file says */
    config.child[0].cpus = 0;
    config.child[0].memory_bytes = 0;
    config.role = VMMS_ROLE_CHILD;
    config.seed = 0;
    config.virtual_time = false;
    config.save_at = NULL;
    config.n_save_at = 0;
    config.resume = rig->state.path;
    return config;
}

static const enum vmms_role roles[] = { VMMS_ROLE_CHILD, VMMS_ROLE_ROOT, VMMS_ROLE_PC };

START_TEST(goes_on_as_if_nothing_had_been)
{
    struct rig rig;
    uint64_t at;

    rig_init(&rig, roles[_i % 3], (uint64_t)_i + 1);
    struct vmms_result undisturbed = run(&rig.config);
    for (unsigned i = 0; i < INSTANTS; i++) {
        at = i == 0 ? 1 : undisturbed.instructions * i / INSTANTS - i % 3;
        rig.config.save = rig.state.path;
        rig.config.save_at = &at;
        rig.config.n_save_at = 1;
        rig.config.save_continues = i % 2 == 0;
        struct vmms_result saved = run(&rig.config);
        if (rig.config.save_continues) { /* who saves goes on as well */
            ck_assert_uint_eq(saved.trace_hash, undisturbed.trace_hash);
        } else {
            ck_assert_int_eq(saved.end, VMMS_END_SAVED);
            ck_assert_uint_eq(saved.instructions, at);
        }
        struct vmms_config config = resuming(&rig);
        struct vmms_result resumed = run(&config);
        ck_assert_int_eq(resumed.end, undisturbed.end);
        ck_assert_uint_eq(resumed.instructions, undisturbed.instructions);
        ck_assert_msg(resumed.trace_hash == undisturbed.trace_hash, "saved at %llu",
                      (unsigned long long)at);
    }
    rig_fini(&rig);
}
END_TEST

/* A restored machine is saved again at once: the same bytes. */
START_TEST(a_restored_machine_saves_the_same_bytes)
{
    struct rig rig;
    uint64_t at;

    rig_init(&rig, roles[_i % 3], 5);
    at = run(&rig.config).instructions / 2;
    struct guest_file again;
    guest_file_write(&again, "", 0);
    rig.config.save = rig.state.path;
    rig.config.save_at = &at;
    rig.config.n_save_at = 1;
    ck_assert_int_eq(run(&rig.config).end, VMMS_END_SAVED);
    struct vmms_config config = resuming(&rig);
    config.save = again.path;
    config.save_at = &at;
    config.n_save_at = 1;
    ck_assert_int_eq(run(&config).end, VMMS_END_SAVED);
    FILE *a = fopen(rig.state.path, "rb"), *b = fopen(again.path, "rb");
    ck_assert(a != NULL && b != NULL);
    int left, right;
    do {
        left = fgetc(a);
        right = fgetc(b);
        ck_assert_int_eq(left, right);
    } while (left != EOF);
    fclose(a);
    fclose(b);
    guest_file_remove(&again);
    rig_fini(&rig);
}
END_TEST

/* Prefix hashes follow the undisturbed run's, too. */
struct notes {
    uint64_t from, sum;
};

static void note(void *opaque, uint64_t instructions, uint64_t hash)
{
    struct notes *notes = opaque;

    if (instructions > notes->from) {
        notes->sum = (notes->sum ^ hash) * 3 + instructions;
    }
}

START_TEST(prefixes_are_the_same)
{
    struct rig rig;
    uint64_t at;

    rig_init(&rig, VMMS_ROLE_CHILD, 9);
    at = run(&rig.config).instructions / 2;
    struct notes undisturbed = { at, 0 }, resumed = undisturbed;
    rig.config.hash_every = 1;
    rig.config.hash_prefix = note;
    rig.config.hash_opaque = &undisturbed;
    rig.config.save = rig.state.path;
    rig.config.save_at = &at;
    rig.config.n_save_at = 1;
    rig.config.save_continues = true;
    (void)run(&rig.config);
    struct vmms_config config = resuming(&rig);
    config.hash_opaque = &resumed;
    (void)run(&config);
    ck_assert_uint_ne(undisturbed.sum, 0);
    ck_assert_uint_eq(undisturbed.sum, resumed.sum);
    rig_fini(&rig);
}
END_TEST

START_TEST(a_reset_reads_the_kernel_again_and_knows_it)
{
    /* in al, 0x64 until it may be written; then pulse the reset line */
    static const uint8_t resets[] = { 0x90, 0x90, 0x90, 0x90, 0xb0, 0xfe,
                                      0xe6, 0x64, 0xf4, 0xeb, 0xfd };
    struct rig rig;
    uint64_t at = 2;
    struct error error = { "" };
    bool usage;

    rig_init(&rig, VMMS_ROLE_PC, 1);
    guest_file_remove(&rig.kernel);
    guest_file_make(&rig.kernel, resets, sizeof(resets));
    rig.config.child[0].kernel = rig.kernel.path;
    rig.config.child[0].cpus = 1;
    rig.config.no_reboot = false;
    rig.config.max_instructions = 1000;
    rig.config.save = rig.state.path;
    rig.config.save_at = &at;
    rig.config.n_save_at = 1;
    (void)run(&rig.config);
    struct vmms_config config = resuming(&rig);
    ck_assert_int_eq(run(&config).end, VMMS_END_INSTRUCTION_LIMIT); /* it resets for ever */
    /* Another kernel in its place is not booted. */
    FILE *file = fopen(rig.kernel.path, "ab");
    fputc(0, file);
    fclose(file);
    struct vmms *vmms = vmms_create(&config, &usage, &error);
    ck_assert_ptr_nonnull(vmms);
    ck_assert_int_eq(vmms_run(vmms, &error).end, VMMS_END_HOST_FAILURE);
    ck_assert_ptr_nonnull(strstr(error.text, "is not the one"));
    vmms_destroy(vmms);
    rig_fini(&rig);
}
END_TEST

START_TEST(with_the_hosts_clock_time_goes_on_from_where_it_was)
{
    /* A loop without end. */
    static const uint8_t spins[] = { 0xeb, 0xfe };
    struct rig rig;
    uint64_t at = 100000;
    struct error error = { "" };
    bool usage;

    rig_init(&rig, VMMS_ROLE_CHILD, 1);
    guest_file_remove(&rig.kernel);
    guest_file_make(&rig.kernel, spins, sizeof(spins));
    rig.config.child[0].kernel = rig.kernel.path;
    rig.config.virtual_time = false;
    rig.config.max_instructions = 0;
    rig.config.save = rig.state.path;
    rig.config.save_at = &at;
    rig.config.n_save_at = 1;
    struct vmms *vmms = vmms_create(&rig.config, &usage, &error);
    ck_assert_ptr_nonnull(vmms);
    ck_assert_int_eq(vmms_run(vmms, &error).end, VMMS_END_SAVED);
    uint64_t then = clock_now_ns(&vmms_machine(vmms)->clock);
    vmms_destroy(vmms);
    usleep(100000);
    struct vmms_config config = resuming(&rig);
    vmms = vmms_create(&config, &usage, &error);
    ck_assert_msg(vmms != NULL, "%s", error.text);
    uint64_t now = clock_now_ns(&vmms_machine(vmms)->clock);
    /* From an instant before `then`; what the host slept is not the guest's. */
    ck_assert_uint_lt(now, then + 90000000);
    ck_assert_uint_gt(machine_instructions(vmms_machine(vmms)), at - 1);
    vmms_destroy(vmms);
    rig_fini(&rig);
}
END_TEST

static Suite *suite_saved_state(void)
{
    Suite *suite = suite_create("partitions/saved_state");
    TCase *cases = tcase_create("saved_state");

    tcase_set_timeout(cases, 900);
    tcase_add_loop_test(cases, goes_on_as_if_nothing_had_been, 0, 12);
    tcase_add_loop_test(cases, a_restored_machine_saves_the_same_bytes, 0, 3);
    tcase_add_test(cases, prefixes_are_the_same);
    tcase_add_test(cases, a_reset_reads_the_kernel_again_and_knows_it);
    tcase_add_test(cases, with_the_hosts_clock_time_goes_on_from_where_it_was);
    suite_add_tcase(suite, cases);
    return suite;
}

CHECK_MAIN(suite_saved_state())
