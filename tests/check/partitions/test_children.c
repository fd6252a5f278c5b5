/* Several children of one machine: each its own memory, console and end; what one does harms no other. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "partitions/machine.h"
#include "partitions/partition.h"
#include "partitions/vmms/vmms.h"
#include "tests/check/check_main.h"
#include "tests/support/guest_file.h"

enum { MIB = 1 << 20, CHILDREN = 3, CONSOLE_BYTES = 64, LETTER_AT = 6, LOOPS_AT = 8 };

/* Writes its letter to memory, loops, prints what is there. Then an end. */
static const uint8_t guest[] = {
    0xc6, 0x05, 0x00, 0x00, 0x20, 0x00, 'X', /* movb $'X', 0x200000 */
    0xb9, 0x00, 0x00, 0x00, 0x00,            /* mov $LOOPS, %ecx */
    0x49, 0x75, 0xfd,                        /* 1: dec %ecx; jnz 1b */
    0x66, 0xba, 0xf8, 0x03,                  /* mov $0x3f8, %dx */
    0xa0, 0x00, 0x00, 0x20, 0x00, 0xee,      /* mov 0x200000, %al; out %al, %dx */
};
static const uint8_t powers_off[] = { 0x66, 0xba, 0x04, 0x06, 0x66, 0xb8, 0x00,
                                      0x34, 0x66, 0xef, 0xf4, 0xeb, 0xfd };
static const uint8_t faults[] = { 0x0f, 0x01, 0x1d, 0x00, 0x00, 0x30, 0x00, 0xcc }; /* lidt; int3 */
static const uint8_t resets[] = { 0xb0, 0xfe, 0xe6, 0x64, 0xf4, 0xeb, 0xfd };
static const uint8_t halts[] = { 0xfa, 0xf4, 0xeb, 0xfd };
static const uint8_t idles[] = { 0xfb, 0xf4, 0xeb, 0xfd };

struct end {
    const uint8_t *code;
    size_t n;
};
#define END_OF(code)                                                                               \
    {                                                                                              \
        code, sizeof(code)                                                                         \
    }
static const struct end off = END_OF(powers_off);

struct console {
    char text[CONSOLE_BYTES];
    size_t n;
};

struct rig {
    struct guest_file file[CHILDREN];
    struct vmms_config config;
    struct console console[CHILDREN];
    struct vmms *vmms;
    struct error error;
};

static void printed(void *opaque, const uint8_t *bytes, size_t n)
{
    struct console *console = opaque;

    for (size_t i = 0; i < n && console->n < CONSOLE_BYTES - 1; i++) {
        console->text[console->n++] = (char)bytes[i];
    }
}

/* Children A, B, C; the first with that end. */
static void rig_init(struct rig *rig, bool virtual_time, struct end end)
{
    static const char *const names[CHILDREN] = { "a", "b", "c" };

    memset(rig, 0, sizeof(*rig));
    for (unsigned i = 0; i < CHILDREN; i++) {
        uint8_t code[64];
        struct end last = i == 0 ? end : off;
        memcpy(code, guest, sizeof(guest));
        memcpy(code + sizeof(guest), last.code, last.n);
        code[LETTER_AT] = (uint8_t)('A' + i);
        le32_store(code + LOOPS_AT, 200000 * (i + 1));
        guest_file_make(&rig->file[i], code, sizeof(guest) + last.n);
    }
    rig->config = (struct vmms_config){ .n_children = CHILDREN,
                                        .virtual_time = virtual_time,
                                        .no_reboot = true,
                                        .timeout_ns = UINT64_C(60000000000) };
    for (unsigned i = 0; i < CHILDREN; i++) {
        rig->config.child[i] = (struct vmms_child){ .name = names[i],
                                                    .kernel = rig->file[i].path,
                                                    .memory_bytes = (i == 0 ? 8 : i + 4) * MIB,
                                                    .cpus = i == 0 ? 2 : i,
                                                    .serial_output = printed,
                                                    .serial_opaque = &rig->console[i] };
    }
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
    for (unsigned i = 0; i < CHILDREN; i++) {
        guest_file_remove(&rig->file[i]);
    }
}

static const struct {
    struct end end;
    enum vmms_end of_first, of_run;
} ends[] = {
    { END_OF(powers_off), VMMS_END_POWER_OFF, VMMS_END_POWER_OFF },
    { END_OF(faults), VMMS_END_TRIPLE_FAULT, VMMS_END_TRIPLE_FAULT },
    { END_OF(resets), VMMS_END_RESET, VMMS_END_RESET },
    { END_OF(halts), VMMS_END_HALTED, VMMS_END_HALTED },
};

/* The first ends early, the others go on to their own ends, in both clocks. */
START_TEST(the_end_of_one_is_no_end_of_the_others)
{
    struct rig *rig = malloc(sizeof(*rig));

    rig_init(rig, _i % 2 == 1, ends[_i / 2].end);
    rig_create(rig);
    struct vmms_result result = vmms_run(rig->vmms, &rig->error);
    ck_assert_int_eq(result.end, ends[_i / 2].of_run);
    ck_assert_int_eq(result.child[0], ends[_i / 2].of_first);
    ck_assert_int_eq(result.child[1], VMMS_END_POWER_OFF);
    ck_assert_int_eq(result.child[2], VMMS_END_POWER_OFF);
    ck_assert_str_eq(rig->console[0].text, "A"); /* each its own memory and port */
    ck_assert_str_eq(rig->console[1].text, "B");
    ck_assert_str_eq(rig->console[2].text, "C");
    rig_fini(rig);
    free(rig);
}
END_TEST

/* The autopsy is of who fell, though others end later. */
START_TEST(the_autopsy_is_of_who_fell)
{
    struct rig *rig = malloc(sizeof(*rig));
    char text[16384];

    rig_init(rig, _i == 1, off);
    guest_file_remove(&rig->file[1]);
    guest_file_make(&rig->file[1], faults, sizeof(faults));
    rig->config.child[1].kernel = rig->file[1].path;
    rig_create(rig);
    struct vmms_result result = vmms_run(rig->vmms, &rig->error);
    ck_assert_int_eq(result.end, VMMS_END_TRIPLE_FAULT);
    ck_assert_int_eq(result.child[1], VMMS_END_TRIPLE_FAULT);
    ck_assert_int_eq(result.child[2], VMMS_END_POWER_OFF);
    vmms_autopsy(rig->vmms, text, sizeof(text));
    ck_assert_msg(strstr(text, "triple fault: partition 3 (b), VP 0,") == text, "%.60s", text);
    rig_fini(rig);
    free(rig);
}
END_TEST

static uint64_t hash_of(uint64_t seed)
{
    struct rig *rig = malloc(sizeof(*rig));

    rig_init(rig, true, off);
    rig->config.seed = seed;
    rig_create(rig);
    struct vmms_result result = vmms_run(rig->vmms, &rig->error);
    ck_assert_int_eq(result.end, VMMS_END_POWER_OFF);
    ck_assert(result.hashed);
    rig_fini(rig);
    free(rig);
    return result.trace_hash;
}

START_TEST(same_seed_same_hash)
{
    uint64_t hash = hash_of(7);

    ck_assert_uint_eq(hash, hash_of(7));
    ck_assert_uint_ne(hash, hash_of(8));
}
END_TEST

/* A guest that waits for ever, ended from outside by its name. */
START_TEST(a_child_is_ended_by_its_name)
{
    struct rig *rig = malloc(sizeof(*rig));

    rig_init(rig, true, (struct end)END_OF(idles));
    rig_create(rig);
    ck_assert_str_eq(vmms_child_name(rig->vmms, 2), "c");
    ck_assert_ptr_null(vmms_child_name(rig->vmms, 3));
    ck_assert_int_eq(vmms_command(rig->vmms, "@b\tpower-off", &rig->error), 0);
    ck_assert_int_eq(vmms_command(rig->vmms, "@a\tpower-off", &rig->error), 0);
    struct vmms_result result = vmms_run(rig->vmms, &rig->error);
    ck_assert_int_eq(result.end, VMMS_END_POWER_OFF);
    ck_assert_str_eq(rig->console[0].text, "");
    ck_assert_str_eq(rig->console[1].text, "");
    ck_assert_str_eq(rig->console[2].text, "C");
    rig_fini(rig);
    free(rig);
}
END_TEST

/* A child that resets itself starts again, alone. */
START_TEST(a_reset_restarts_one)
{
    struct rig *rig = malloc(sizeof(*rig));

    rig_init(rig, true, (struct end)END_OF(resets));
    rig->config.no_reboot = false;
    rig->config.max_instructions = 6000000;
    rig_create(rig);
    struct vmms_result result = vmms_run(rig->vmms, &rig->error);
    ck_assert_int_eq(result.end, VMMS_END_INSTRUCTION_LIMIT);
    ck_assert_int_eq(result.child[1], VMMS_END_POWER_OFF);
    ck_assert_int_eq(strncmp(rig->console[0].text, "AAA", 3), 0);
    ck_assert_str_eq(rig->console[1].text, "B");
    ck_assert_str_eq(rig->console[2].text, "C");
    rig_fini(rig);
    free(rig);
}
END_TEST

/* Row of ends, or behind them: the first resets itself again and again. */
static void rig_init_saved(struct rig *rig, unsigned row)
{
    bool reboots = row == ARRAY_SIZE(ends);

    rig_init(rig, true, reboots ? (struct end)END_OF(resets) : ends[row].end);
    rig->config.no_reboot = !reboots;
    rig->config.max_instructions = reboots ? 6000000 : 0;
}

/* What runs to the end, to be compared; consoles go on where they are. */
static struct vmms_result rig_run(struct rig *rig)
{
    rig_create(rig);
    struct vmms_result result = vmms_run(rig->vmms, &rig->error);
    ck_assert_msg(result.end != VMMS_END_HOST_FAILURE, "%s", rig->error.text);
    vmms_destroy(rig->vmms);
    rig->vmms = NULL;
    return result;
}

static void save_and_go_on(unsigned row, uint64_t at, const char *path,
                           const struct vmms_result *undisturbed, const struct rig *whole)
{
    struct rig *rig = malloc(sizeof(*rig));
    struct vmms_saved saved;

    rig_init_saved(rig, row);
    rig->config.save = path;
    rig->config.save_at = &at;
    rig->config.n_save_at = 1;
    ck_assert_int_eq(rig_run(rig).end, VMMS_END_SAVED);
    ck_assert_int_eq(vmms_saved_children(path, &saved, &rig->error), 0);
    ck_assert_uint_eq(saved.n_children, CHILDREN);
    struct vmms_config config = { .resume = path,
                                  .no_reboot = rig->config.no_reboot,
                                  .max_instructions = rig->config.max_instructions,
                                  .timeout_ns = rig->config.timeout_ns };
    for (unsigned i = 0; i < CHILDREN; i++) {
        ck_assert_str_eq(saved.name[i], rig->config.child[i].name);
        config.child[i].serial_output = printed;
        config.child[i].serial_opaque = &rig->console[i];
    }
    rig->config = config;
    struct vmms_result resumed = rig_run(rig);
    ck_assert_int_eq(resumed.end, undisturbed->end);
    ck_assert_uint_eq(resumed.instructions, undisturbed->instructions);
    ck_assert_msg(resumed.trace_hash == undisturbed->trace_hash, "saved at %llu",
                  (unsigned long long)at);
    for (unsigned i = 0; i < CHILDREN; i++) {
        ck_assert_int_eq(resumed.child[i], undisturbed->child[i]);
        ck_assert_str_eq(rig->console[i].text, whole->console[i].text);
    }
    rig_fini(rig);
    free(rig);
}

/* Saved while all run, and after the end or a reset of some: the hash, the consoles and the ends of the undisturbed run. */
START_TEST(a_saved_machine_goes_on)
{
    enum { INSTANTS = 7 };
    struct rig *whole = malloc(sizeof(*whole));
    struct guest_file state;

    guest_file_write(&state, "", 0);
    rig_init_saved(whole, (unsigned)_i);
    struct vmms_result undisturbed = rig_run(whole);
    for (unsigned i = 0; i < INSTANTS; i++) {
        uint64_t at = i == 0 ? 1 : undisturbed.instructions * i / INSTANTS - i % 3;
        save_and_go_on((unsigned)_i, at, state.path, &undisturbed, whole);
    }
    guest_file_remove(&state);
    rig_fini(whole);
    free(whole);
}
END_TEST

/* Raises DTR and RTS, prints what comes, powers off after a 'q'. */
static const uint8_t echoes[] = {
    0x66, 0xba, 0xfc, 0x03, 0xb0, 0x03, 0xee,                   /* out 0x3fc */
    0x66, 0xba, 0xfd, 0x03, 0xec, 0xa8, 0x01, 0x74, 0xf7,       /* 1: in 0x3fd; no byte: 1b */
    0x66, 0xba, 0xf8, 0x03, 0xec, 0xee, 0x3c, 'q',  0x75, 0xed, /* in, out; no 'q': 1b */
};

static void rig_init_echo(struct rig *rig)
{
    uint8_t code[sizeof(echoes) + sizeof(powers_off)];

    rig_init(rig, true, off);
    memcpy(code, echoes, sizeof(echoes));
    memcpy(code + sizeof(echoes), powers_off, sizeof(powers_off));
    for (unsigned i = 0; i < CHILDREN; i++) {
        guest_file_remove(&rig->file[i]);
        guest_file_make(&rig->file[i], code, sizeof(code));
        rig->config.child[i].kernel = rig->file[i].path;
        rig->config.child[i].cpus = 1;
    }
    rig->config.max_instructions = 50000000;
}

static const char script[] =
    "verdite input 1\n1000 serial@b 78\n50000 serial 61\n"
    "900000 serial@c 71\n1000000 serial@b 7971\n2000000 serial@a 71\nend 5\n";

static void check_echoes(const struct rig *rig, const struct vmms_result *result, uint64_t *hash)
{
    ck_assert_msg(result->end == VMMS_END_POWER_OFF, "end %d: '%s' '%s' '%s'", (int)result->end,
                  rig->console[0].text, rig->console[1].text, rig->console[2].text);
    ck_assert_str_eq(rig->console[0].text, "aq");
    ck_assert_str_eq(rig->console[1].text, "xyq");
    ck_assert_str_eq(rig->console[2].text, "q");
    ck_assert(*hash == 0 || *hash == result->trace_hash);
    *hash = result->trace_hash;
}

/* A record written by hand names the children; the same again, and saved between its entries. */
START_TEST(a_script_types_to_each_by_its_name)
{
    struct rig *rig = malloc(sizeof(*rig));
    struct guest_file input, state;
    uint64_t hash = 0, at = 950000;

    guest_file_write(&input, script, sizeof(script) - 1);
    guest_file_write(&state, "", 0);
    for (unsigned round = 0; round < 3; round++) {
        rig_init_echo(rig);
        rig->config.input = input.path;
        rig->config.save = round == 2 ? state.path : NULL;
        rig->config.save_at = &at;
        rig->config.n_save_at = round == 2;
        struct vmms_result result = rig_run(rig);
        if (round == 2) {
            ck_assert_int_eq(result.end, VMMS_END_SAVED);
            ck_assert_str_eq(rig->console[1].text, "x");
            rig->config.input = rig->config.save = NULL;
            rig->config.n_save_at = 0;
            rig->config.resume = state.path;
            result = rig_run(rig);
        }
        check_echoes(rig, &result, &hash);
        rig_fini(rig);
    }
    guest_file_remove(&input);
    guest_file_remove(&state);
    free(rig);
}
END_TEST

static void type_to(struct rig *rig, unsigned child, const char *text)
{
    ck_assert_uint_eq(vmms_child_input(rig->vmms, child, (const uint8_t *)text, strlen(text)),
                      strlen(text));
}

/* What is typed is recorded with the child's name, and fed back to it; so is a command. */
START_TEST(what_is_typed_is_recorded)
{
    struct rig *rig = malloc(sizeof(*rig));
    struct guest_file record;
    uint64_t hash = 0;

    guest_file_write(&record, "", 0);
    for (unsigned round = 0; round < 2; round++) {
        rig_init_echo(rig);
        rig->config.record = round == 0 ? record.path : NULL;
        rig->config.input = round == 1 ? record.path : NULL;
        rig_create(rig);
        type_to(rig, 0, round == 0 ? "aq" : "zz"); /* while it is fed back, keys do nothing */
        ck_assert_int_eq(vmms_child_type(rig->vmms, 1, "b\\q", &rig->error), -EINVAL);
        ck_assert_int_eq(vmms_child_type(rig->vmms, 1, "b\\tq", &rig->error),
                         round == 0 ? 0 : -EPERM);
        if (round == 0) {
            ck_assert_int_eq(vmms_command(rig->vmms, "@c\tpower-off", &rig->error), 0);
        }
        struct vmms_result result = vmms_run(rig->vmms, &rig->error);
        ck_assert_int_eq(result.end, VMMS_END_POWER_OFF);
        ck_assert_str_eq(rig->console[0].text, "aq");
        ck_assert_str_eq(rig->console[1].text, "b\tq");
        ck_assert_str_eq(rig->console[2].text, "");
        ck_assert(round == 0 || hash == result.trace_hash);
        hash = result.trace_hash;
        rig_fini(rig);
    }
    guest_file_remove(&record);
    free(rig);
}
END_TEST

START_TEST(a_script_for_a_child_that_is_none_is_refused)
{
    static const char of_d[] = "verdite input 1\n1 serial@d 78\nend 1\n";
    struct rig *rig = malloc(sizeof(*rig));
    struct guest_file input;
    bool usage = false;

    guest_file_write(&input, of_d, sizeof(of_d) - 1);
    rig_init_echo(rig);
    rig->config.input = input.path;
    ck_assert_ptr_null(vmms_create(&rig->config, &usage, &rig->error));
    ck_assert(usage);
    ck_assert_ptr_nonnull(strstr(rig->error.text, "line 2 is not"));
    guest_file_remove(&input);
    rig_fini(rig);
    free(rig);
}
END_TEST

static const struct {
    unsigned first, second; /* processors */
    const char *name;       /* of the second */
    enum vmms_role role;
    const char *part;
} wrong[] = {
    { 40, 40, "b", VMMS_ROLE_CHILD, "at most 64 processors, of all children together" },
    { 1, 65, "b", VMMS_ROLE_CHILD, "child b: at most 64 processors" },
    { 1, 1, "a", VMMS_ROLE_CHILD, "two children are called a" },
    { 1, 1, "", VMMS_ROLE_CHILD, "'' is no name of a child" },
    { 1, 1, "a\nb", VMMS_ROLE_CHILD, "is no name of a child" },
    { 1, 1, "12345678901234567890123456789012", VMMS_ROLE_CHILD, "is no name of a child" },
    { 1, 1, "b", VMMS_ROLE_PC, "only --role child has several children" },
};

START_TEST(wrong_machines_are_refused)
{
    struct rig *rig = malloc(sizeof(*rig));
    bool usage = false;

    rig_init(rig, false, off);
    rig->config.child[0].cpus = wrong[_i].first;
    rig->config.child[1].cpus = wrong[_i].second;
    rig->config.child[1].name = wrong[_i].name;
    rig->config.role = wrong[_i].role;
    ck_assert_ptr_null(vmms_create(&rig->config, &usage, &rig->error));
    ck_assert(usage);
    ck_assert_msg(strstr(rig->error.text, wrong[_i].part) != NULL, "%s", rig->error.text);
    rig_fini(rig);
    free(rig);
}
END_TEST

static Suite *suite_children(void)
{
    Suite *suite = suite_create("partitions/vmms/children");
    TCase *tcase = tcase_create("children");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, the_end_of_one_is_no_end_of_the_others, 0, 2 * ARRAY_SIZE(ends));
    tcase_add_loop_test(tcase, the_autopsy_is_of_who_fell, 0, 2);
    tcase_add_test(tcase, same_seed_same_hash);
    tcase_add_test(tcase, a_child_is_ended_by_its_name);
    tcase_add_test(tcase, a_reset_restarts_one);
    tcase_add_loop_test(tcase, a_saved_machine_goes_on, 0, ARRAY_SIZE(ends) + 1);
    tcase_add_test(tcase, a_script_types_to_each_by_its_name);
    tcase_add_test(tcase, what_is_typed_is_recorded);
    tcase_add_test(tcase, a_script_for_a_child_that_is_none_is_refused);
    tcase_add_loop_test(tcase, wrong_machines_are_refused, 0, ARRAY_SIZE(wrong));
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_children())
