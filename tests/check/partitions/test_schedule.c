/* The virtual clock: exact instants inside blocks, timers at exact boundaries, the trace hash, recorded
 * and replayed input. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "partitions/machine.h"
#include "partitions/vmms/vmms.h"
#include "tests/check/check_main.h"
#include "tests/support/guest_chaos.h"
#include "tests/support/guest_file.h"

enum { CONSOLE_BYTES = 256, MIB = 1 << 20, TSC_PER_NS = 2, LAPIC_TICK_NS = 5 };

/* A gate for vector 0x40, the PIC masked, the local APIC's timer once after N ticks of 5 ns, which
 * `rdtsc` comes shortly before; then a loop of two instructions. The handler prints, in four bytes,
 * the TSC's difference, and powers off. */
enum { TIMER_TICKS_AT = 101, TIMER_INSTRUCTIONS_BEFORE = 2 }; /* rdtsc, mov esi, eax */
/* clang-format off */
static const uint8_t timer_guest[] = {
    0xbc, 0x00, 0x00, 0x09, 0x00, 0xbf, 0x00, 0x00, 0x08, 0x00, 0xb8, 0x77,
    0x00, 0x10, 0x00, 0x8c, 0xcb, 0x66, 0x89, 0x87, 0x00, 0x02, 0x00, 0x00,
    0x66, 0x89, 0x9f, 0x02, 0x02, 0x00, 0x00, 0x66, 0xc7, 0x87, 0x04, 0x02,
    0x00, 0x00, 0x00, 0x8e, 0xc1, 0xe8, 0x10, 0x66, 0x89, 0x87, 0x06, 0x02,
    0x00, 0x00, 0x57, 0x66, 0x68, 0xff, 0x07, 0x0f, 0x01, 0x1c, 0x24, 0xb0,
    0xff, 0xe6, 0x21, 0xe6, 0xa1, 0xbd, 0x00, 0x00, 0xe0, 0xfe, 0xc7, 0x85,
    0xf0, 0x00, 0x00, 0x00, 0xff, 0x01, 0x00, 0x00, 0xc7, 0x85, 0xe0, 0x03,
    0x00, 0x00, 0x0b, 0x00, 0x00, 0x00, 0xc7, 0x85, 0x20, 0x03, 0x00, 0x00,
    0x40, 0x00, 0x00, 0x00, 0xb9, 0x78, 0x56, 0x34, 0x12, 0x0f, 0x31, 0x89,
    0xc6, 0x89, 0x8d, 0x80, 0x03, 0x00, 0x00, 0xfb, 0x43, 0xeb, 0xfd, 0x0f,
    0x31, 0x29, 0xf0, 0xe8, 0x02, 0x00, 0x00, 0x00, 0xeb, 0x10, 0x66, 0xba,
    0xf8, 0x03, 0xb9, 0x04, 0x00, 0x00, 0x00, 0xee, 0xc1, 0xe8, 0x08, 0xe2,
    0xfa, 0xc3, 0x66, 0xba, 0x04, 0x06, 0x66, 0xb8, 0x00, 0x34, 0x66, 0xef,
    0xf4, 0xeb, 0xfd,
};

/* rdtsc; mov esi, eax; rep stosb of N; nop; nop; rdtsc; the difference as above. */
enum { REP_COUNT_AT = 11, REP_INSTRUCTIONS = 4 };
static const uint8_t rep_guest[] = {
    0xbc, 0x00, 0x00, 0x09, 0x00, 0xbf, 0x00, 0x00, 0x20, 0x00, 0xb9, 0x78,
    0x56, 0x34, 0x12, 0xfc, 0x0f, 0x31, 0x89, 0xc6, 0xf3, 0xaa, 0x90, 0x90,
    0x0f, 0x31, 0x29, 0xf0, 0xe8, 0x02, 0x00, 0x00, 0x00, 0xeb, 0x10, 0x66,
    0xba, 0xf8, 0x03, 0xb9, 0x04, 0x00, 0x00, 0x00, 0xee, 0xc1, 0xe8, 0x08,
    0xe2, 0xfa, 0xc3, 0x66, 0xba, 0x04, 0x06, 0x66, 0xb8, 0x00, 0x34, 0x66,
    0xef, 0xf4, 0xeb, 0xfd,
};

/* Raises DTR and RTS, prints what is typed, powers off after a q. */
static const uint8_t echo_guest[] = {
    0xbc, 0x00, 0x00, 0x09, 0x00, 0x66, 0xba, 0xfc, 0x03, 0xb0, 0x03, 0xee,
    0x66, 0xba, 0xfd, 0x03, 0xec, 0xa8, 0x01, 0x74, 0xf7, 0x66, 0xba, 0xf8,
    0x03, 0xec, 0xee, 0x3c, 0x71, 0x75, 0xed, 0xeb, 0x10, 0x66, 0xba, 0xf8,
    0x03, 0xb9, 0x04, 0x00, 0x00, 0x00, 0xee, 0xc1, 0xe8, 0x08, 0xe2, 0xfa,
    0xc3, 0x66, 0xba, 0x04, 0x06, 0x66, 0xb8, 0x00, 0x34, 0x66, 0xef, 0xf4,
    0xeb, 0xfd,
};
/* clang-format on */

/* A machine with a virtual clock and a small guest, and what it printed. */
struct rig {
    struct guest_file file;
    struct vmms_config config;
    struct vmms *vmms;
    struct error error;
    uint8_t console[CONSOLE_BYTES];
    size_t n_console;
    uint64_t flip_at; /* instructions; 0: never */
    unsigned n_prefixes;
};

static void printed(void *opaque, const uint8_t *bytes, size_t n)
{
    struct rig *rig = opaque;

    for (size_t i = 0; i < n && rig->n_console < CONSOLE_BYTES; i++) {
        rig->console[rig->n_console++] = bytes[i];
    }
}

static void prefix(void *opaque, uint64_t instructions, uint64_t hash)
{
    struct rig *rig = opaque;

    (void)hash;
    rig->n_prefixes++;
    if (instructions == rig->flip_at) {
        struct ram *ram = &vmms_machine(rig->vmms)->ram;
        *ram_host(ram, 3 * MIB + 77) ^= 0x10;
    }
}

static void rig_init(struct rig *rig, const uint8_t *code, size_t n)
{
    memset(rig, 0, sizeof(*rig));
    guest_file_make(&rig->file, code, n);
    rig->config = (struct vmms_config){
        .child[0].kernel = rig->file.path,
        .child[0].memory_bytes = 8 * MIB,
        .role = VMMS_ROLE_PC,
        .virtual_time = true,
        .max_instructions = 50000000,
        .timeout_ns = UINT64_C(600000000000),
        .child[0].serial_output = printed,
        .child[0].serial_opaque = rig,
        .hash_prefix = prefix,
        .hash_opaque = rig,
    };
}

static void rig_create(struct rig *rig)
{
    bool usage;

    rig->vmms = vmms_create(&rig->config, &usage, &rig->error);
    ck_assert_msg(rig->vmms != NULL, "%s", rig->error.text);
}

static void rig_fini(struct rig *rig)
{
    vmms_destroy(rig->vmms);
    guest_file_remove(&rig->file);
}

/* A guest with a number in its code, run to its power off: what it printed as one number. */
static uint32_t difference(const uint8_t *code, size_t n, size_t at, uint32_t number)
{
    uint8_t guest[256];
    struct rig rig;

    ck_assert_uint_le(n, sizeof(guest));
    memcpy(guest, code, n);
    le32_store(guest + at, number);
    rig_init(&rig, guest, n);
    rig_create(&rig);
    struct vmms_result result = vmms_run(rig.vmms, &rig.error);
    ck_assert_int_eq(result.end, VMMS_END_POWER_OFF);
    ck_assert_uint_eq(rig.n_console, 4);
    rig_fini(&rig);
    return le32_load(rig.console);
}

/* Deadlines at every instruction of the loop, in the first slice and in later ones; the timer itself
 * is never shorter than a microsecond. */
START_TEST(timer_interrupts_at_its_very_instruction)
{
    static const uint32_t ticks[] = { 1, 200, 201, 202, 203, 20000, 40003, 100000 };

    for (unsigned i = 0; i < ARRAY_SIZE(ticks); i++) {
        uint32_t ns = ticks[i] * LAPIC_TICK_NS;
        uint32_t expected = TSC_PER_NS * (TIMER_INSTRUCTIONS_BEFORE + (ns < 1000 ? 1000 : ns));
        ck_assert_uint_eq(difference(timer_guest, sizeof(timer_guest), TIMER_TICKS_AT, ticks[i]),
                          expected);
    }
}
END_TEST

START_TEST(each_iteration_of_rep_is_an_instruction)
{
    static const uint32_t counts[] = { 1, 2, 4095, 4096, 5000, 70000 };

    for (unsigned i = 0; i < ARRAY_SIZE(counts); i++) {
        ck_assert_uint_eq(difference(rep_guest, sizeof(rep_guest), REP_COUNT_AT, counts[i]),
                          TSC_PER_NS * (REP_INSTRUCTIONS + counts[i]));
    }
}
END_TEST

/* ---- the hash ---- */

static uint64_t hash_of(uint64_t seed, uint64_t every, uint64_t flip_at)
{
    uint8_t guest[sizeof(timer_guest)];
    struct rig rig;

    memcpy(guest, timer_guest, sizeof(guest));
    le32_store(guest + TIMER_TICKS_AT, 1000);
    rig_init(&rig, guest, sizeof(guest));
    rig.config.role = VMMS_ROLE_CHILD;
    rig.config.child[0].cpus = 3;
    rig.config.seed = seed;
    rig.config.hash_every = every;
    rig.flip_at = flip_at;
    rig_create(&rig);
    struct vmms_result result = vmms_run(rig.vmms, &rig.error);
    ck_assert_int_eq(result.end, VMMS_END_POWER_OFF);
    ck_assert(result.hashed);
    ck_assert_uint_eq(rig.n_prefixes, every != 0 ? result.instructions / every : 0);
    rig_fini(&rig);
    return result.trace_hash;
}

START_TEST(same_seed_gives_the_same_hash_and_another_seed_another)
{
    uint64_t hash = hash_of(0, 0, 0);

    ck_assert_uint_eq(hash_of(0, 0, 0), hash);
    ck_assert_uint_eq(hash_of(1, 0, 0), hash_of(1, 0, 0));
    ck_assert_uint_ne(hash_of(1, 0, 0), hash);
}
END_TEST

/* A pause after each instruction tears every block apart. */
START_TEST(pauses_do_not_change_the_hash)
{
    uint64_t hash = hash_of(5, 0, 0);

    ck_assert_uint_eq(hash_of(5, 1, 0), hash);
    ck_assert_uint_eq(hash_of(5, 7, 0), hash);
}
END_TEST

/* Guests that touch everything at random, faults and interrupts included. */
START_TEST(pauses_do_not_change_what_hostile_guests_do)
{
    static const uint64_t every[] = { 0, 0, 1, 5 };
    size_t n;
    uint8_t *code = guest_chaos(CHAOS_RANDOM, 3000, (uint64_t)_i + 1, &n);
    uint64_t hash[ARRAY_SIZE(every)], instructions = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(every); i++) {
        struct rig rig;
        rig_init(&rig, code, n);
        rig.config.role = _i % 2 == 0 ? VMMS_ROLE_CHILD : VMMS_ROLE_ROOT;
        rig.config.child[0].cpus = 2;
        rig.config.max_instructions = 300000;
        rig.config.no_reboot = true;
        rig.config.hash_every = every[i];
        rig_create(&rig);
        struct vmms_result result = vmms_run(rig.vmms, &rig.error);
        hash[i] = result.trace_hash;
        ck_assert_int_ne(result.end, VMMS_END_TIMEOUT);
        ck_assert(i == 0 || result.instructions == instructions);
        ck_assert_msg(hash[i] == hash[0], "seed %d, every %u", _i + 1, (unsigned)every[i]);
        instructions = result.instructions;
        rig_fini(&rig);
    }
    free(code);
}
END_TEST

START_TEST(one_flipped_bit_of_ram_changes_the_hash)
{
    uint64_t hash = hash_of(0, 100, 0);

    ck_assert_uint_ne(hash_of(0, 100, 100), hash);
    ck_assert_uint_ne(hash_of(0, 100, 2900), hash);
}
END_TEST

/* ---- input ---- */

struct typist {
    struct vmms *vmms;
    const char *text;
};

static void *type(void *opaque)
{
    struct typist *typist = opaque;

    for (const char *c = typist->text; *c != '\0'; c++) {
        const struct timespec nap = { .tv_nsec = 300000 * (1 + *c % 5) };
        nanosleep(&nap, NULL);
        /* Frames of the network too. */
        const uint8_t frame[700] = { (uint8_t)*c };
        ck_assert(machine_input_frame(&vmms_machine(typist->vmms)->input, frame,
                                      1 + (size_t)(*c % 2) * (sizeof(frame) - 1)));
        while (vmms_serial_input(typist->vmms, (const uint8_t *)c, 1) == 0) {
        }
    }
    return NULL;
}

static const char typed[] = "hello, a longer line than the port's buffer can hold\nq";

static uint64_t echo(unsigned cpus, const char *record, const char *input)
{
    struct rig rig;
    pthread_t thread;

    rig_init(&rig, echo_guest, sizeof(echo_guest));
    rig.config.max_instructions = 0;
    rig.config.child[0].cpus = cpus;
    rig.config.record = record;
    rig.config.input = input;
    rig_create(&rig);
    struct typist typist = { rig.vmms, typed };
    if (input == NULL) {
        ck_assert_int_eq(pthread_create(&thread, NULL, type, &typist), 0);
    }
    struct vmms_result result = vmms_run(rig.vmms, &rig.error);
    if (input == NULL) {
        pthread_join(thread, NULL);
    }
    ck_assert_int_eq(result.end, VMMS_END_POWER_OFF);
    ck_assert_uint_eq(rig.n_console, strlen(typed));
    ck_assert_mem_eq(rig.console, typed, strlen(typed));
    rig_fini(&rig);
    return result.trace_hash;
}

static char *read_text(const char *path, size_t *length)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, 262144);

    ck_assert_ptr_nonnull(file);
    *length = fread(text, 1, 262143, file);
    (void)fclose(file);
    return text;
}

START_TEST(recorded_input_fed_back_gives_the_same_hash_and_the_same_record)
{
    char first[] = "/tmp/verdite-record-XXXXXX", second[] = "/tmp/verdite-record-XXXXXX";
    size_t n, m;

    (void)close(mkstemp(first));
    (void)close(mkstemp(second));
    uint64_t hash = echo(1 + (unsigned)_i, first, NULL);
    ck_assert_uint_eq(echo(1 + (unsigned)_i, second, first), hash);
    char *a = read_text(first, &n), *b = read_text(second, &m);
    ck_assert_str_eq(a, b);
    ck_assert_ptr_nonnull(strstr(a, " net 6500"));
    free(a);
    free(b);
    (void)unlink(first);
    (void)unlink(second);
}
END_TEST

static const char record[] = "verdite input 1\n5 serial 6162\n700 net 0a0b0c\nend 2\n";

static int parse(const char *text, size_t n, struct error *error)
{
    struct machine_input input;

    machine_input_init(&input);
    int status = machine_input_parse(&input, text, n, error);
    ck_assert(status != 0 ||
              (input.n_entries == 2 && input.entry[1].ns == 700 && input.entry[0].n == 2 &&
               input.entry[0].bytes[1] == 'b' && input.entry[0].frame == NULL &&
               input.entry[1].frame->n == 3 && input.entry[1].frame->bytes[2] == 0x0c));
    machine_input_fini(&input);
    return status;
}

START_TEST(every_truncated_record_is_refused)
{
    struct error error;

    ck_assert_int_eq(parse(record, sizeof(record) - 1, &error), 0);
    for (size_t n = 0; n < sizeof(record) - 1; n++) {
        ck_assert_msg(parse(record, n, &error) != 0, "%zu bytes", n);
        ck_assert_msg(strstr(error.text, n < 16 ? "no record" : "cut short") != NULL, "%zu: %s", n,
                      error.text);
    }
}
END_TEST

START_TEST(foreign_records_are_refused_with_the_line)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "verdite input 2\nend 0\n", "no record" },
        { "\x7f"
          "ELF",
          "no record" },
        { "verdite input 1\n5 serial 61\n4 serial 61\nend 2\n", "line 3 is earlier" },
        { "verdite input 1\n5 mouse 61\nend 1\n", "line 2 is not" },
        { "verdite input 1\n5 serial 6\nend 1\n", "line 2 is not" },
        { "verdite input 1\n5 serial \nend 1\n", "line 2 is not" },
        { "verdite input 1\n5 net \nend 1\n", "line 2 is not" },
        { "verdite input 1\n5 net 616\nend 1\n", "line 2 is not" },
        { "verdite input 1\n5 serial 61\n6 net 61 62\nend 1\n", "line 3 is not" },
        { "verdite input 1\n9 net 61\n6 net 61\nend 1\n", "line 3 is earlier" },
        { "verdite input 1\n99999999999999999999 serial 61\nend 1\n", "line 2 is not" },
        { "verdite input 1\n5 serial 61\nend 2\n", "does not say 1" },
        { "verdite input 1\nend 0\nmore\n", "follows" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct error error;
        ck_assert_int_ne(parse(rows[i].text, strlen(rows[i].text), &error), 0);
        ck_assert_msg(strstr(error.text, rows[i].says) != NULL, "%s", error.text);
    }
}
END_TEST

START_TEST(what_needs_the_virtual_clock_says_so)
{
    struct rig rig;
    bool usage = false;

    rig_init(&rig, echo_guest, sizeof(echo_guest));
    rig.config.virtual_time = false;
    rig.config.hash_every = 1;
    rig.vmms = vmms_create(&rig.config, &usage, &rig.error);
    ck_assert_ptr_null(rig.vmms);
    ck_assert(usage);
    ck_assert_ptr_nonnull(strstr(rig.error.text, "--clock virtual"));
    rig_fini(&rig);
}
END_TEST

static Suite *suite_virtual_clock(void)
{
    Suite *suite = suite_create("partitions/schedule");
    TCase *tcase = tcase_create("virtual clock");

    tcase_set_timeout(tcase, 900);
    tcase_add_test(tcase, timer_interrupts_at_its_very_instruction);
    tcase_add_test(tcase, each_iteration_of_rep_is_an_instruction);
    tcase_add_test(tcase, same_seed_gives_the_same_hash_and_another_seed_another);
    tcase_add_test(tcase, pauses_do_not_change_the_hash);
    tcase_add_loop_test(tcase, pauses_do_not_change_what_hostile_guests_do, 0, 12);
    tcase_add_test(tcase, one_flipped_bit_of_ram_changes_the_hash);
    tcase_add_loop_test(tcase, recorded_input_fed_back_gives_the_same_hash_and_the_same_record, 0,
                        2);
    tcase_add_test(tcase, every_truncated_record_is_refused);
    tcase_add_test(tcase, foreign_records_are_refused_with_the_line);
    tcase_add_test(tcase, what_needs_the_virtual_clock_says_so);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_virtual_clock())
