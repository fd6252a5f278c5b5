/* `verdite run`. */
/*
 * The machine runs on the calling thread. One more thread, the watcher, waits for keys, signals and
 * the clock: it types into the serial port, lets the console's bytes out, and stops the machine
 * when something asks for its end. What asked first is kept in run.stop and decides the exit code.
 */
#include "frontend/cli/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host/crash.h"
#include "base/host/events.h"
#include "base/host/terminal.h"
#include "base/host/thread.h"
#include "base/host/time.h"
#include "frontend/cli/console.h"
#include "frontend/cli/escape.h"
#include "frontend/cli/exit_code.h"
#include "frontend/monitor/monitor.h"

#define SECOND_NS        UINT64_C(1000000000)
#define TICK_NS          (SECOND_NS / 50)
#define QUIET_NS         (5 * SECOND_NS)
#define PANIC_LINGER_NS  (2 * SECOND_NS) /* for the rest of a panic's text */
#define STOP_PATIENCE_NS (5 * SECOND_NS)

enum { RUN_INPUT_BYTES = 4096, RUN_AUTOPSY_BYTES = 16384 };

enum stop {
    STOP_NONE,
    STOP_EXPECTED,
    STOP_FAILED,
    STOP_PANIC,
    STOP_QUIT,
    STOP_INTERRUPT,
    STOP_TERMINATE
};

struct run;

/* A guest's console. */
struct run_child {
    struct run *run;
    const struct option_child *option;
    struct host_sink sink;
    struct console console;
    bool opened;
    bool ended_by_us; /* the watcher's: it panicked, others run on */
};

struct run {
    const struct options *options;
    struct vmms_config config;
    struct vmms *vmms;
    struct run_child child[VMMS_CHILDREN];
    unsigned n_children;
    unsigned typing; /* the watcher's: whose the keys are */
    struct console_shared shared;
    struct host_terminal terminal;
    struct host_events events;
    struct host_crash crash;
    struct host_thread watcher;
    struct monitor *monitor;        /* NULL: none */
    struct escape escape;           /* the watcher's */
    uint8_t typed[RUN_INPUT_BYTES]; /* the watcher's: not yet taken by the port */
    size_t n_typed;                 /* the watcher's */
    bool spoke;                     /* (atomic) the guest wrote since the last tick */
    bool quiet;                     /* (atomic) the watcher sleeps long: wake it */
    uint64_t stop_ns;               /* the watcher's: when it asked for the end */
    enum stop stop;                 /* atomic: what asked for the end first */
    bool finished;                  /* atomic: vmms_run has returned */
    char autopsy[RUN_AUTOPSY_BYTES];
};

static const struct {
    enum stop stop;
    enum exit_code code;
    const char *sentence;
} stop_rows[] = {
    { STOP_EXPECTED, EXIT_CODE_OK, "the expectation was met" },
    { STOP_FAILED, EXIT_CODE_FAILURE, "the console matched --fail-on" },
    { STOP_PANIC, EXIT_CODE_PANIC, "the guest panicked" },
    { STOP_QUIT, EXIT_CODE_OK, "ended by the user" },
    { STOP_INTERRUPT, EXIT_CODE_INTERRUPTED, "interrupted" },
    { STOP_TERMINATE, EXIT_CODE_TERMINATED, "terminated" },
};

static const struct {
    enum vmms_end end;
    enum exit_code code;
    const char *sentence;
} end_rows[] = {
    { VMMS_END_POWER_OFF, EXIT_CODE_OK, "the guest powered off" },
    { VMMS_END_RESET, EXIT_CODE_OK, "the guest reset itself" },
    { VMMS_END_STOPPED, EXIT_CODE_FAILURE, "stopped" },
    { VMMS_END_HOST_FAILURE, EXIT_CODE_FAILURE, "the host failed" },
    { VMMS_END_PANIC, EXIT_CODE_PANIC, "the guest panicked" },
    { VMMS_END_TRIPLE_FAULT, EXIT_CODE_TRIPLE_FAULT, "triple fault" },
    { VMMS_END_HALTED, EXIT_CODE_FAILURE, "the guest halted for ever, with interrupts off" },
    { VMMS_END_INSTRUCTION_LIMIT, EXIT_CODE_INSTRUCTION_LIMIT, "--max-instructions reached" },
    { VMMS_END_TIMEOUT, EXIT_CODE_TIMEOUT, "--timeout reached" },
    { VMMS_END_SAVED, EXIT_CODE_OK, "saved" },
    { VMMS_END_DIFFERS, EXIT_CODE_FAILURE, "--check lockstep: the engines differ" },
    { VMMS_END_UNIMPLEMENTED, EXIT_CODE_FAILURE, "--strict: the guest used what is not built yet" },
};

static enum stop run_stop_reason(struct run *run)
{
    return __atomic_load_n(&run->stop, __ATOMIC_ACQUIRE);
}

static void run_ask_stop(struct run *run, enum stop why)
{
    enum stop none = STOP_NONE;
    (void)__atomic_compare_exchange_n(&run->stop, &none, why, false, __ATOMIC_ACQ_REL,
                                      __ATOMIC_RELAXED);
    vmms_stop(run->vmms);
}

static enum exit_code stop_code(enum stop stop)
{
    for (unsigned i = 0; i < ARRAY_SIZE(stop_rows); i++) {
        if (stop_rows[i].stop == stop) {
            return stop_rows[i].code;
        }
    }
    return EXIT_CODE_FAILURE;
}

/* On the alternate stack of a thread that aborted or met bad memory. */
static void run_report_crash(void *opaque, const char *reason)
{
    struct run *run = opaque;
    host_terminal_restore(&run->terminal);
    host_crash_write("\nverdite: a bug of verdite itself: ");
    host_crash_write(reason);
    host_crash_write("\n");
    if (run->vmms != NULL) {
        vmms_autopsy(run->vmms, run->autopsy, sizeof(run->autopsy));
        host_crash_write(run->autopsy);
    }
}

/* What the consoles say together: one failed, or all that expect something met it. */
static enum console_verdict run_consoles(struct run *run)
{
    bool met = false, open = false;

    for (unsigned i = 0; i < run->n_children; i++) {
        struct run_child *child = &run->child[i];
        enum console_verdict verdict = console_verdict(&child->console);
        if (verdict == CONSOLE_FAILED) {
            return CONSOLE_FAILED;
        }
        met |= verdict == CONSOLE_EXPECTED;
        open |= verdict != CONSOLE_EXPECTED && child->option->expect != NULL;
    }
    return met && !open ? CONSOLE_EXPECTED : CONSOLE_OPEN;
}

static void run_output(void *opaque, const uint8_t *bytes, size_t n)
{
    struct run_child *child = opaque;
    struct run *run = child->run;
    console_output(&child->console, bytes, n);
    __atomic_store_n(&run->spoke, true, __ATOMIC_SEQ_CST);
    if (__atomic_exchange_n(&run->quiet, false, __ATOMIC_SEQ_CST)) {
        host_events_wake(&run->events);
    }
    if (console_verdict(&child->console) == CONSOLE_OPEN) {
        return;
    }
    enum console_verdict verdict = run_consoles(run);
    if (verdict != CONSOLE_OPEN && run_stop_reason(run) == STOP_NONE) {
        run_ask_stop(run, verdict == CONSOLE_EXPECTED ? STOP_EXPECTED : STOP_FAILED);
    }
}

static void run_hash_prefix(void *opaque, uint64_t instructions, uint64_t hash)
{
    (void)opaque;
    (void)fprintf(stderr, "trace hash at %llu: %016llx\n", (unsigned long long)instructions,
                  (unsigned long long)hash);
}

static void run_print_keys(void)
{
    (void)fputc('\n', stderr);
    for (unsigned i = 0; i < escape_row_n; i++) {
        (void)fprintf(stderr, "  %-14s %s\n", escape_rows[i].keys, escape_rows[i].meaning);
    }
}

static bool run_on_terminal(const struct run_child *child)
{
    return child->option->serial.to == SERIAL_STDIO;
}

static void run_type_to_next(struct run *run)
{
    do {
        run->typing = (run->typing + 1) % run->n_children;
    } while (!run_on_terminal(&run->child[run->typing]));
    (void)fprintf(stderr, "\r\n[to %s]\r\n", run->child[run->typing].option->name);
}

/* Bytes from standard input: to the guest, except the user's commands to us. */
static void run_typed(struct run *run, const uint8_t *bytes, size_t n)
{
    if (!run->terminal.raw) {
        memcpy(run->typed + run->n_typed, bytes, n);
        run->n_typed += n;
        return;
    }
    while (n > 0) {
        size_t used = n, out = 0;
        enum escape_command command =
            escape_filter(&run->escape, bytes, n, run->typed + run->n_typed, &out, &used);
        run->n_typed += out;
        bytes += used;
        n -= used;
        if (command == ESCAPE_QUIT) {
            run_ask_stop(run, STOP_QUIT);
        } else if (command == ESCAPE_NEXT) {
            run_type_to_next(run);
        } else if (command != ESCAPE_NONE) {
            run_print_keys();
        }
    }
}

static void run_type(struct run *run)
{
    if (run->n_typed > 0) {
        size_t taken = vmms_child_input(run->vmms, run->typing, run->typed, run->n_typed);
        run->n_typed -= taken;
        memmove(run->typed, run->typed + taken, run->n_typed);
    }
}

/* A guest that panicked ends; with the last of them, the run. */
static void run_end_panicked(struct run *run, uint64_t now)
{
    for (unsigned i = 0; i < run->n_children && !run->options->live_on; i++) {
        struct run_child *child = &run->child[i];
        uint64_t panicked_ns;
        if (child->ended_by_us || !console_panicked(&child->console, &panicked_ns) ||
            now - panicked_ns <= PANIC_LINGER_NS || run_stop_reason(run) != STOP_NONE) {
            continue;
        }
        if (run->n_children == 1) {
            run_ask_stop(run, STOP_PANIC);
            continue;
        }
        char command[VMMS_CHILD_NAME + 16];
        child->ended_by_us = true;
        (void)snprintf(command, sizeof(command), "@%s\tpower-off", child->option->name);
        (void)!vmms_command(run->vmms, command, NULL);
    }
}

static bool run_panicked(struct run *run)
{
    uint64_t at;
    bool panicked = false;

    for (unsigned i = 0; i < run->n_children; i++) {
        panicked |= !run->child[i].ended_by_us && console_panicked(&run->child[i].console, &at);
    }
    return panicked;
}

/* Things that no descriptor tells: an unfinished line that matches, a panic, a machine that does
 * not stop. */
static void run_tick(struct run *run)
{
    for (unsigned i = 0; i < run->n_children; i++) {
        console_flush(&run->child[i].console);
    }
    enum console_verdict verdict = run_consoles(run);
    uint64_t now = host_monotonic_ns();
    if (verdict != CONSOLE_OPEN && run_stop_reason(run) == STOP_NONE) {
        run_ask_stop(run, verdict == CONSOLE_EXPECTED ? STOP_EXPECTED : STOP_FAILED);
    }
    run_end_panicked(run, now);
    if (run_stop_reason(run) == STOP_NONE) {
        return;
    }
    run->stop_ns = run->stop_ns != 0 ? run->stop_ns : now;
    if (now - run->stop_ns > STOP_PATIENCE_NS) {
        host_terminal_restore(&run->terminal);
        host_crash_write("verdite: the machine does not stop; leaving it\n");
        host_exit_now((int)stop_code(run_stop_reason(run)));
    }
}

/* Ticks are needed while the guest speaks, input waits or the machine is to stop. */
static uint64_t run_patience(struct run *run)
{
    bool busy = run->n_typed > 0 || run_stop_reason(run) != STOP_NONE ||
                (!run->options->live_on && run_panicked(run));

    busy = __atomic_exchange_n(&run->spoke, false, __ATOMIC_SEQ_CST) || busy;
    __atomic_store_n(&run->quiet, !busy, __ATOMIC_SEQ_CST);
    return busy || __atomic_load_n(&run->spoke, __ATOMIC_SEQ_CST) ? TICK_NS : QUIET_NS;
}

static void run_watch(void *opaque)
{
    struct run *run = opaque;
    struct error error;
    (void)!host_crash_thread_enter(&run->crash, &error);
    bool input = run->shared.users > 0;
    while (!__atomic_load_n(&run->finished, __ATOMIC_ACQUIRE)) {
        uint8_t bytes[RUN_INPUT_BYTES];
        size_t n = 0;
        enum host_event_kind event = host_events_wait(&run->events, input && run->n_typed == 0,
                                                      run_patience(run), bytes, sizeof(bytes), &n);
        if (event == HOST_EVENT_INPUT) {
            run_typed(run, bytes, n);
        } else if (event == HOST_EVENT_TERMINATE) {
            run_ask_stop(run, STOP_TERMINATE);
        } else if (event == HOST_EVENT_INTERRUPT) {
            run_ask_stop(run, STOP_INTERRUPT);
        }
        run_type(run);
        run_tick(run);
    }
    host_crash_thread_leave();
}

static bool run_ever_panicked(struct run *run)
{
    uint64_t at;
    bool panicked = false;

    for (unsigned i = 0; i < run->n_children; i++) {
        panicked |= console_panicked(&run->child[i].console, &at);
    }
    return panicked;
}

static bool run_expects(const struct run *run)
{
    bool expects = false;

    for (unsigned i = 0; i < run->n_children; i++) {
        expects |= run->child[i].option->expect != NULL;
    }
    return expects;
}

/* How each of several ended. */
static void run_tell_children(struct run *run, const struct vmms_result *result)
{
    for (unsigned i = 0; i < run->n_children && run->n_children > 1; i++) {
        uint64_t at;
        enum vmms_end end =
            console_panicked(&run->child[i].console, &at) ? VMMS_END_PANIC : result->child[i];
        for (unsigned row = 0; row < ARRAY_SIZE(end_rows); row++) {
            if (end_rows[row].end == end) {
                (void)fprintf(stderr, "verdite: child %s: %s\n", run->child[i].option->name,
                              end_rows[row].sentence);
            }
        }
    }
}

static enum exit_code run_verdict(struct run *run, const struct vmms_result *result,
                                  const char **sentence)
{
    enum stop stop = run_stop_reason(run);
    bool by_us = result->end == VMMS_END_STOPPED;
    enum console_verdict verdict = run_consoles(run);
    if (verdict != CONSOLE_OPEN && (stop == STOP_NONE || stop == STOP_PANIC)) {
        stop = verdict == CONSOLE_EXPECTED ? STOP_EXPECTED : STOP_FAILED; /* in the last bytes */
        by_us = true;
    }
    by_us = by_us || stop == STOP_EXPECTED || stop == STOP_FAILED;
    if (by_us && stop != STOP_NONE && stop != STOP_QUIT) {
        for (unsigned i = 0; i < ARRAY_SIZE(stop_rows); i++) {
            *sentence = stop_rows[i].stop == stop ? stop_rows[i].sentence : *sentence;
        }
        return stop_code(stop);
    }
    bool panicked = result->panicked || run_ever_panicked(run);
    for (unsigned i = 0; i < ARRAY_SIZE(end_rows); i++) {
        if (end_rows[i].end != result->end) {
            continue;
        }
        *sentence = by_us ? "ended by the user" : end_rows[i].sentence;
        enum exit_code code = by_us ? EXIT_CODE_OK : end_rows[i].code;
        if (panicked && result->end != VMMS_END_SAVED &&
            (code == EXIT_CODE_OK || code == EXIT_CODE_FAILURE)) {
            *sentence = "the guest panicked";
            return EXIT_CODE_PANIC;
        }
        if (code == EXIT_CODE_OK && !by_us && run_expects(run) && result->end != VMMS_END_SAVED) {
            *sentence = "the guest ended before --expect was met";
            return EXIT_CODE_FAILURE;
        }
        return code;
    }
    return EXIT_CODE_FAILURE;
}

static int run_tell(struct run *run, const struct vmms_result *result, const struct error *error)
{
    const char *sentence = "ended";
    enum exit_code code = run_verdict(run, result, &sentence);
    double seconds = (double)result->wall_ns / 1e9;
    double mips = seconds > 0 ? (double)result->instructions / seconds / 1e6 : 0;
    if (result->end == VMMS_END_TRIPLE_FAULT) {
        vmms_autopsy(run->vmms, run->autopsy, sizeof(run->autopsy));
        (void)fprintf(stderr, "%s\n", run->autopsy);
    }
    if (vmms_lockstep(run->vmms, run->autopsy, sizeof(run->autopsy))) {
        (void)fprintf(stderr, "%s\n", run->autopsy);
    }
    if (result->end == VMMS_END_DIFFERS) {
        (void)fprintf(stderr, "to repeat:");
        for (char **word = run->options->argv; *word != NULL; word++) {
            (void)fprintf(stderr, " '%s'", *word);
        }
        (void)fputc('\n', stderr);
    }
    if (result->end == VMMS_END_HOST_FAILURE && error->text[0] != '\0') {
        sentence = error->text;
    }
    run_tell_children(run, result);
    (void)fprintf(stderr, "verdite: %s; %llu instructions in %.2f s, %.1f MIPS\n", sentence,
                  (unsigned long long)result->instructions, seconds, mips);
    if (result->end == VMMS_END_SAVED && run->config.n_save_at == 1) {
        (void)fprintf(stderr, "verdite: go on with: verdite resume %s\n", run->config.save);
    }
    if (result->hashed) {
        (void)fprintf(stderr, "trace hash: %016llx\n", (unsigned long long)result->trace_hash);
    }
    return (int)code;
}

static int run_open_child(struct run *run, unsigned i, struct error *error)
{
    struct run_child *child = &run->child[i];
    int code = 0;

    child->run = run;
    child->option = &run->options->child[i];
    if (run_on_terminal(child)) {
        run->shared.users++;
        host_sink_stdout(&child->sink);
    } else if (child->option->serial.to == SERIAL_NONE) {
        host_sink_none(&child->sink);
    } else {
        code = host_sink_file(&child->sink, child->option->serial.path, error);
    }
    if (code == 0) {
        code = console_init(&child->console, &child->sink, child->option->expect,
                            child->option->fail_on, error);
        child->opened = true;
    }
    return code;
}

static int run_open(struct run *run, struct error *error)
{
    const struct options *options = run->options;
    int code = 0;

    run->n_children = options->n_children;
    host_mutex_init(&run->shared.lock);
    for (unsigned i = 0; i < run->n_children && code == 0; i++) {
        code = run_open_child(run, i, error);
    }
    for (unsigned i = 0; i < run->n_children && run->shared.users > 1; i++) {
        struct run_child *child = &run->child[i];
        if (run_on_terminal(child)) {
            console_share(&child->console, &run->shared, child->option->name);
        }
    }
    while (run->shared.users > 0 && !run_on_terminal(&run->child[run->typing])) {
        run->typing++;
    }
    return code == 0 ? host_events_init(&run->events, error) : code;
}

static void run_close(struct run *run)
{
    for (unsigned i = 0; i < run->n_children; i++) {
        if (run->child[i].opened) {
            console_fini(&run->child[i].console);
            host_sink_close(&run->child[i].sink);
        }
    }
    host_mutex_fini(&run->shared.lock);
}

/* The machine exists: run it with the watcher beside it. */
static int run_guarded(struct run *run)
{
    struct error error = { "" };
    if (run->shared.users > 0) {
        (void)host_terminal_raw(&run->terminal);
    }
    int code = host_thread_start(&run->watcher, run_watch, run, &error);
    if (code != 0) {
        host_terminal_restore(&run->terminal);
        (void)fprintf(stderr, "verdite: %s\n", error.text);
        return EXIT_CODE_FAILURE;
    }
    struct vmms_result result = vmms_run(run->vmms, &error);
    __atomic_store_n(&run->finished, true, __ATOMIC_RELEASE);
    host_events_wake(&run->events);
    host_thread_join(&run->watcher);
    for (unsigned i = 0; i < run->n_children; i++) {
        console_flush(&run->child[i].console);
    }
    host_terminal_restore(&run->terminal);
    return run_tell(run, &result, &error);
}

static void run_quit(void *opaque)
{
    run_ask_stop(opaque, STOP_QUIT);
}

/* What others connect to, if the user wants any. */
static int run_monitor(struct run *run)
{
    struct error error = { "" };
    const struct monitor_config config = {
        .gdb = run->options->gdb,
        .wait = run->options->wait,
        .control = run->options->control,
        .quit = run_quit,
        .opaque = run,
    };
    if (config.gdb == NULL && config.control == NULL) {
        return EXIT_CODE_OK;
    }
    run->monitor = monitor_start(run->vmms, &config, &error);
    if (run->monitor == NULL) {
        (void)fprintf(stderr, "verdite: %s\n", error.text);
        return EXIT_CODE_FAILURE;
    }
    return EXIT_CODE_OK;
}

static int run_create(struct run *run)
{
    struct error error = { "" };
    bool usage_error = false;
    run->config = run->options->config;
    for (unsigned i = 0; i < run->n_children; i++) {
        run->config.child[i].serial_output = run_output;
        run->config.child[i].serial_opaque = &run->child[i];
    }
    run->config.hash_prefix = run_hash_prefix;
    run->vmms = vmms_create(&run->config, &usage_error, &error);
    if (run->vmms == NULL) {
        (void)fprintf(stderr, "verdite: %s\n", error.text);
        return usage_error ? EXIT_CODE_USAGE : EXIT_CODE_FAILURE;
    }
    const char *refused = vmms_translation_refused(run->vmms);
    if (refused != NULL) {
        (void)fprintf(stderr, "verdite: %s: everything is interpreted\n", refused);
    }
    int code = run_monitor(run);
    if (code == EXIT_CODE_OK) {
        code = run_guarded(run);
    }
    monitor_stop(run->monitor, code);
    struct vmms *vmms = run->vmms;
    run->vmms = NULL;
    vmms_destroy(vmms);
    return code;
}

static int run_opened(struct run *run)
{
    struct error error = { "" };
    int code = run_open(run, &error);

    if (code == 0) {
        host_crash_init(&run->crash, EXIT_CODE_BUG, run_report_crash, run);
        code = host_crash_thread_enter(&run->crash, &error);
    }
    if (code != 0) {
        (void)fprintf(stderr, "verdite: %s\n", error.text);
        return EXIT_CODE_FAILURE;
    }
    code = run_create(run);
    host_crash_fini(&run->crash);
    host_events_fini(&run->events);
    return code;
}

int run_machine(const struct options *options)
{
    struct run *run = calloc(1, sizeof(*run));

    if (run == NULL) {
        (void)fputs("verdite: no memory\n", stderr);
        return EXIT_CODE_FAILURE;
    }
    run->options = options;
    host_terminal_init(&run->terminal);
    int code = run_opened(run);
    run_close(run);
    free(run);
    return code;
}
