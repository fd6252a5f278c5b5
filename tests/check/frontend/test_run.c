/* `verdite run` against a machine that plays a script: exit codes, expectations, panics, signals,
 * crashes, the terminal. */
#include "frontend/cli/run.h"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "frontend/cli/cli.h"
#include "frontend/cli/escape.h"
#include "tests/check/check_main.h"

/* The machine: what it prints and how it ends come from its kernel's name, "TEXT@END". */
struct vmms {
    struct vmms_config config;
    bool stopped; /* atomic */
    uint8_t typed[64];
    size_t n_typed; /* atomic */
};

struct vmms *vmms_create(const struct vmms_config *config, bool *usage_error, struct error *error)
{
    *usage_error = strstr(config->child[0].kernel, "@usage") != NULL;
    if (*usage_error || strstr(config->child[0].kernel, "@missing") != NULL) {
        (void)error_set(error, -1, "no such kernel");
        return NULL;
    }
    struct vmms *vmms = calloc(1, sizeof(*vmms));
    if (vmms == NULL) {
        _exit(66); /* no assertion of the test library: its descriptor is closed here */
    }
    vmms->config = *config;
    return vmms;
}

void vmms_destroy(struct vmms *vmms)
{
    free(vmms);
}

void vmms_stop(struct vmms *vmms)
{
    __atomic_store_n(&vmms->stopped, true, __ATOMIC_RELEASE);
}

size_t vmms_serial_input(struct vmms *vmms, const uint8_t *bytes, size_t n)
{
    size_t at = vmms->n_typed, taken = n < 2 ? n : 2; /* a small port */
    if (at + taken > sizeof(vmms->typed)) {
        return 0;
    }
    memcpy(vmms->typed + at, bytes, taken);
    __atomic_store_n(&vmms->n_typed, at + taken, __ATOMIC_RELEASE);
    return taken;
}

void vmms_autopsy(struct vmms *vmms, char *text, size_t size)
{
    (void)vmms;
    (void)snprintf(text, size, "AUTOPSY");
}

int vmms_save(struct vmms *vmms, const char *path, struct error *error)
{
    (void)vmms, (void)path, (void)error;
    return 0;
}

int vmms_saved_children(const char *path, struct vmms_saved *saved, struct error *error)
{
    (void)path, (void)error;
    *saved = (struct vmms_saved){ .n_children = 1, .name = { "guest" } };
    return 0;
}

int vmms_explain(const struct vmms_config *config, char *text, size_t size, struct error *error)
{
    (void)config, (void)error;
    (void)snprintf(text, size, "memory: 1\n");
    return 0;
}

struct machine *vmms_machine(struct vmms *vmms)
{
    (void)vmms;
    return NULL; /* nobody asks for a monitor */
}

bool vmms_has_user_network(void)
{
    return false;
}

bool vmms_lockstep(struct vmms *vmms, char *text, size_t size)
{
    (void)vmms, (void)text, (void)size;
    return false;
}

int vmms_check_disk(const char *text, struct error *error)
{
    (void)text, (void)error;
    return 0;
}

int vmms_check_net(const char *text, struct error *error)
{
    (void)text, (void)error;
    return 0;
}

int vmms_command(struct vmms *vmms, const char *text, struct error *error)
{
    (void)vmms, (void)text;
    return error_set(error, -1, "nobody asks");
}

size_t vmms_child_input(struct vmms *vmms, unsigned child, const uint8_t *bytes, size_t n)
{
    (void)child;
    return vmms_serial_input(vmms, bytes, n);
}

int vmms_child_type(struct vmms *vmms, unsigned child, const char *text, struct error *error)
{
    (void)vmms, (void)child, (void)text, (void)error;
    return 0;
}

const char *vmms_child_name(const struct vmms *vmms, unsigned child)
{
    (void)vmms;
    return child == 0 ? "guest" : NULL;
}

void vmms_reset(struct vmms *vmms, unsigned child)
{
    (void)vmms, (void)child;
}

void vmms_guest(struct vmms *vmms, unsigned child, struct vmms_guest *guest)
{
    (void)vmms, (void)child;
    memset(guest, 0, sizeof(*guest));
}

int vmms_kvp_each(struct vmms *vmms, unsigned child,
                  void (*each)(void *opaque, const char *pool, const char *key, const char *value),
                  void *opaque)
{
    (void)vmms, (void)child, (void)each, (void)opaque;
    return -1;
}

bool vmms_offer(struct vmms *vmms, unsigned child, unsigned n, struct vmms_offer *offer)
{
    (void)vmms, (void)child, (void)n, (void)offer;
    return false;
}

bool vmms_disk(struct vmms *vmms, unsigned child, unsigned n, struct vmms_disk *disk)
{
    (void)vmms, (void)child, (void)n, (void)disk;
    return false;
}

bool vmms_port(struct vmms *vmms, unsigned child, unsigned index, struct vmms_port *port)
{
    (void)vmms, (void)child, (void)index, (void)port;
    return false;
}

void vmms_vmbus(struct vmms *vmms, unsigned child, struct vmms_vmbus *vmbus)
{
    (void)vmms, (void)child;
    memset(vmbus, 0, sizeof(*vmbus));
}

void vmms_memory(struct vmms *vmms, unsigned child, struct vmms_memory *memory)
{
    (void)vmms, (void)child;
    memset(memory, 0, sizeof(*memory));
}

const char *vmms_translation_refused(const struct vmms *vmms)
{
    (void)vmms;
    return NULL;
}

const char *vmms_cpu_model_name(unsigned index)
{
    return index == 0 ? "bonnell" : NULL;
}

static const struct {
    const char *name;
    enum vmms_end end;
} ends[] = {
    { "@off", VMMS_END_POWER_OFF },           { "@reset", VMMS_END_RESET },
    { "@host", VMMS_END_HOST_FAILURE },       { "@panic", VMMS_END_PANIC },
    { "@triple", VMMS_END_TRIPLE_FAULT },     { "@halt", VMMS_END_HALTED },
    { "@limit", VMMS_END_INSTRUCTION_LIMIT }, { "@timeout", VMMS_END_TIMEOUT },
    { "@strict", VMMS_END_UNIMPLEMENTED },
};

static void machine_print(struct vmms *vmms, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = text[i] == '_' ? ' ' : text[i] == '/' ? '\n' : (uint8_t)text[i];
        vmms->config.child[0].serial_output(vmms->config.child[0].serial_opaque, &byte, 1);
    }
}

/* In a child process of a test: the program says here that the machine runs. */
enum { RUNS_FD = 63 };

struct vmms_result vmms_run(struct vmms *vmms, struct error *error)
{
    (void)!write(RUNS_FD, "", 1);
    const char *script = vmms->config.child[0].kernel, *end = strchr(script, '@');
    struct vmms_result result = { .instructions = 5000000, .wall_ns = 1000000000 };
    machine_print(vmms, script, (size_t)(end - script));
    if (strcmp(end, "@abort") == 0) {
        abort();
    }
    if (strcmp(end, "@echo") == 0) {
        while (__atomic_load_n(&vmms->n_typed, __ATOMIC_ACQUIRE) < 4) {
            (void)usleep(1000);
        }
        machine_print(vmms, (char *)vmms->typed, 4);
        result.end = VMMS_END_POWER_OFF;
        return result;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(ends); i++) {
        if (strcmp(end, ends[i].name) == 0) {
            result.end = ends[i].end;
            (void)error_set(error, 0, "disk full");
            return result;
        }
    }
    while (strcmp(end, "@deaf") == 0 || !__atomic_load_n(&vmms->stopped, __ATOMIC_ACQUIRE)) {
        (void)usleep(1000);
    }
    result.end = VMMS_END_STOPPED;
    return result;
}

/* Run the program on a line in a child process. input NULL: no standard input. Returns the wait
 * status. */
struct outcome {
    int status;
    char out[4096], err[8192];
};

static size_t drain(int fd, char *text, size_t size)
{
    size_t n = 0;
    ssize_t got;
    while (n < size - 1 && (got = read(fd, text + n, size - 1 - n)) > 0) {
        n += (size_t)got;
    }
    text[n] = '\0';
    return n;
}

static int run_line(const char *line)
{
    char text[512], *argv[32] = { "verdite" };
    int argc = 1;
    (void)snprintf(text, sizeof(text), "%s", line);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    return cli_main(argc, argv);
}

static NORETURN void child(const char *line, const int in[2], const int out[2], const int err[2],
                           const int runs[2])
{
    (void)dup2(in[0], 0);
    (void)dup2(out[1], 1);
    (void)dup2(err[1], 2);
    (void)dup2(runs[1], RUNS_FD);
    for (int fd = 3; fd < RUNS_FD; fd++) {
        (void)close(fd);
    }
    int code = run_line(line);
    (void)fflush(stdout);
    (void)fflush(stderr);
    _exit(code);
}

/* Or until it has ended. */
static void wait_until_runs(int fd)
{
    char byte;
    ck_assert_int_ge(read(fd, &byte, 1), 0);
}

static void play(struct outcome *o, const char *line, const char *input, int signal_number)
{
    int in[2], out[2], err[2], runs[2];
    ck_assert(pipe(in) == 0 && pipe(out) == 0 && pipe(err) == 0 && pipe(runs) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        child(line, in, out, err, runs);
    }
    (void)close(in[0]);
    (void)close(out[1]);
    (void)close(err[1]);
    (void)close(runs[1]);
    (void)!write(in[1], input, strlen(input));
    (void)close(in[1]);
    if (signal_number != 0) {
        wait_until_runs(runs[0]);
        (void)kill(pid, signal_number);
    }
    (void)drain(out[0], o->out, sizeof(o->out));
    (void)drain(err[0], o->err, sizeof(o->err));
    (void)close(out[0]);
    (void)close(err[0]);
    (void)close(runs[0]);
    ck_assert_int_eq(waitpid(pid, &o->status, 0), pid);
}

static const struct {
    const char *line;
    int signal, code;
    const char *says; /* on standard error */
} plays[] = {
    { "run --kernel hello/@off", 0, 0, "powered off; 5000000 instructions in 1.00 s, 5.0 MIPS" },
    { "run --kernel x@reset --no-reboot", 0, 0, "reset itself" },
    { "run --kernel x@host", 0, 1, "disk full" },
    { "run --kernel x@missing", 0, 1, "no such kernel" },
    { "run --kernel x@usage", 0, 2, "no such kernel" },
    { "run --kernle x", 0, 2, "did you mean --kernel?" },
    { "run --kernel x@panic", 0, 120, "panicked" },
    { "run --kernel x@triple", 0, 121, "AUTOPSY" },
    { "run --kernel x@halt", 0, 1, "halted for ever" },
    { "run --kernel x@limit", 0, 122, "--max-instructions" },
    { "run --kernel x@timeout", 0, 124, "--timeout" },
    { "run --kernel x@strict", 0, 1, "not built yet" },
    /* panic text: 120 though it powers off or is cut short; a guest that hangs is ended */
    { "run --kernel [1]_Kernel_panic_-_not_syncing:_x/@off", 0, 120, "panicked" },
    { "run --kernel [1]_Kernel_panic_-_not_syncing:_x/@limit", 0, 122, "--max" },
    { "run --kernel Kernel_panic_-_not_syncing/@hang", 0, 120, "panicked" },
    { "run --kernel no_panic:_here/@off", 0, 0, "powered off" },
    { "run --kernel panic:_here/@off", 0, 120, "panicked" },
    /* expectations */
    { "run --kernel one/READY/@hang --expect ^READY$", 0, 0, "expectation was met" },
    { "run --kernel one/login:_@hang --expect login:.$", 0, 0, "expectation was met" },
    { "run --kernel one/READY@off --expect ^READY$", 0, 0, "expectation was met" },
    { "run --kernel one/two/@off --expect ^READY$", 0, 1, "before --expect" },
    { "run --kernel one/BAD/@hang --expect READY --fail-on BAD", 0, 1, "--fail-on" },
    { "run --kernel READY/BAD/@hang --expect READY --fail-on BAD", 0, 0, "expectation" },
    { "run --kernel Kernel_panic_-_not_syncing:_VFS/@hang --expect VFS", 0, 0, "expectation" },
    { "run --kernel \033[1mRE\033[0mADY/@hang --expect ^READY$", 0, 0, "expectation" },
    /* signals */
    { "run --kernel x@hang", SIGTERM, 143, "terminated" },
    { "run --kernel x@hang", SIGHUP, 143, "terminated" },
    { "run --kernel x@hang", SIGINT, 130, "interrupted" },
    { "run --kernel x@deaf", SIGTERM, 143, "does not stop" },
    /* our own bug */
    { "run --kernel x@abort", 0, 99, "AUTOPSY" },
    { "run --kernel x@abort", 0, 99, "a bug of verdite itself: assertion failed or abort" },
    { "explain --kernel x", 0, 0, "" },
    { "--version", 0, 0, "" },
};

START_TEST(each_end_has_its_exit_code_and_sentence)
{
    struct outcome o;
    play(&o, plays[_i].line, "", plays[_i].signal);
    ck_assert_msg(WIFEXITED(o.status) && WEXITSTATUS(o.status) == plays[_i].code,
                  "%s: status %#x, stderr %s", plays[_i].line, (unsigned)o.status, o.err);
    ck_assert_msg(strstr(o.err, plays[_i].says) != NULL, "%s says: %s", plays[_i].line, o.err);
}
END_TEST

START_TEST(what_the_guest_printed_is_flushed_on_termination)
{
    struct outcome o;
    play(&o, "run --kernel no_newline_yet@hang", "", SIGTERM);
    ck_assert_str_eq(o.out, "no newline yet");
}
END_TEST

START_TEST(piped_input_reaches_the_serial_port_as_it_is)
{
    struct outcome o;
    play(&o, "run --kernel @echo", "a\001xb", 0);
    ck_assert_str_eq(o.out, "a\001xb");
    ck_assert_int_eq(WEXITSTATUS(o.status), 0);
}
END_TEST

START_TEST(serial_goes_to_a_file_or_nowhere)
{
    struct outcome o;
    char line[256], path[] = "/tmp/verdite-test-XXXXXX", text[64] = "";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    (void)snprintf(line, sizeof(line), "run --kernel hello/@off --serial file:%s", path);
    play(&o, line, "", 0);
    ck_assert_int_eq(o.status, 0);
    ck_assert_str_eq(o.out, "");
    ck_assert_int_eq(read(fd, text, sizeof(text) - 1), 6);
    ck_assert_str_eq(text, "hello\n");
    (void)close(fd);
    (void)unlink(path);
    play(&o, "run --kernel hello/@off --serial none --expect hello", "", 0);
    ck_assert_int_eq(o.status, 0);
    ck_assert_str_eq(o.out, "");
    play(&o, "run --kernel hello/@off --serial file:/nonexistent/x", "", 0);
    ck_assert_int_eq(WEXITSTATUS(o.status), 1);
}
END_TEST

/* On a terminal of its own: type keys once the machine runs, and look at the terminal's modes around it. */
static int play_terminal(const char *line, const char *keys, bool *was_raw, bool *restored)
{
    int master, go[2], runs[2], status;
    struct termios before, during, after;
    ck_assert(pipe(go) == 0 && pipe(runs) == 0);
    pid_t pid = forkpty(&master, NULL, NULL, NULL);
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        char byte;
        (void)dup2(runs[1], RUNS_FD);
        (void)close(runs[1]);
        (void)!read(go[0], &byte, 1); /* until the modes were looked at */
        _exit(run_line(line));
    }
    (void)close(runs[1]);
    ck_assert_int_eq(tcgetattr(master, &before), 0);
    (void)!write(go[1], "", 1);
    wait_until_runs(runs[0]);
    (void)tcgetattr(master, &during);
    (void)!write(master, keys, strlen(keys));
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(tcgetattr(master, &after), 0);
    *was_raw = (during.c_lflag & (tcflag_t)(ICANON | ECHO | ISIG)) == 0;
    *restored = after.c_lflag == before.c_lflag && after.c_iflag == before.c_iflag;
    for (unsigned i = 0; i < 2; i++) {
        (void)close(go[i]);
    }
    (void)close(runs[0]);
    (void)close(master);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

START_TEST(the_terminal_is_raw_during_the_run_and_restored_on_every_way_out)
{
    bool raw, restored;
    ck_assert_int_eq(play_terminal("run --kernel x@hang", "ab\003\001x", &raw, &restored), 0);
    ck_assert(raw && restored);
    ck_assert_int_eq(play_terminal("run --kernel @echo", "abc\001\001", &raw, &restored), 0);
    ck_assert(raw && restored);
    ck_assert_int_eq(play_terminal("run --kernel x@abort", "", &raw, &restored), 99);
    ck_assert(restored);
    ck_assert_int_eq(
        play_terminal("run --kernel x@hang --timeout 9 --serial none", "\003", &raw, &restored),
        130);
    ck_assert(!raw && restored);
}
END_TEST

START_TEST(the_escape_key_is_not_typed)
{
    static const struct {
        const char *keys, *typed;
        enum escape_command command;
        size_t used;
    } cases[] = {
        { "abc", "abc", ESCAPE_NONE, 3 },   { "a\001\001b", "a\001b", ESCAPE_NONE, 4 },
        { "a\001xb", "a", ESCAPE_QUIT, 3 }, { "\001h", "", ESCAPE_HELP, 2 },
        { "\001q", "", ESCAPE_UNKNOWN, 2 }, { "a\001", "a", ESCAPE_NONE, 2 },
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct escape escape = { false };
        uint8_t out[8];
        size_t n, used;
        ck_assert_int_eq(escape_filter(&escape, (const uint8_t *)cases[i].keys,
                                       strlen(cases[i].keys), out, &n, &used),
                         cases[i].command);
        ck_assert_uint_eq(used, cases[i].used);
        ck_assert_uint_eq(n, strlen(cases[i].typed));
        ck_assert_mem_eq(out, cases[i].typed, n);
    }
}
END_TEST

static Suite *suite_run(void)
{
    Suite *suite = suite_create("frontend/cli/run");
    TCase *tcase = tcase_create("run");
    tcase_set_timeout(tcase, 900);
    tcase_add_loop_test(tcase, each_end_has_its_exit_code_and_sentence, 0, ARRAY_SIZE(plays));
    tcase_add_test(tcase, what_the_guest_printed_is_flushed_on_termination);
    tcase_add_test(tcase, piped_input_reaches_the_serial_port_as_it_is);
    tcase_add_test(tcase, serial_goes_to_a_file_or_nowhere);
    tcase_add_test(tcase, the_terminal_is_raw_during_the_run_and_restored_on_every_way_out);
    tcase_add_test(tcase, the_escape_key_is_not_typed);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_run())
