/* One guest: an emulator's process, its console, and its CPU clock. [LINUX clock_getcpuclockid(3)] */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

enum { ARGUMENTS = 48, LINE = 1024 };

struct guest {
    pid_t pid;
    int console;
    char fifo[64]; /* "" : the console is its standard output */
    char line[LINE];
    size_t length;
};

static double seconds(struct timespec time)
{
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double wall(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return seconds(now);
}

/* Of the process, to the nanosecond, and of its ended children, to the tick. */
static double cpu_of(pid_t pid)
{
    char path[32], text[1024];
    unsigned long children[2] = { 0 };
    struct timespec used = { 0 };
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) == 0) {
        clock_gettime(clock, &used);
    }
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        size_t length = fread(text, 1, sizeof(text) - 1, file);
        text[length] = '\0';
        const char *rest = strrchr(text, ')');
        if (rest != NULL) { /* after the name: state and ten fields, utime, stime, cutime, cstime */
            sscanf(rest + 1, " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu %lu",
                   &children[0], &children[1]);
        }
        fclose(file);
    }
    return seconds(used) + (double)(children[0] + children[1]) / (double)sysconf(_SC_CLK_TCK);
}

/* A word of a command with its placeholders replaced. The caller frees it. */
static char *expand(const struct bench *bench, const struct guest *guest, const char *word,
                    const char *words)
{
    const struct {
        const char *name, *value;
    } table[] = {
        { "{verdite}", bench->verdite },
        { "{kernel}", bench->kernel },
        { "{initrd}", bench->initrd },
        { "{cpus}", bench->cpus },
        { "{root}", bench->root },
        { "{qemu10}", bench->qemu10 },
        { "{words}", words },
        { "{console}", guest->fifo },
    };
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    while (out != NULL && *word != '\0') {
        size_t i = 0, n = sizeof(table) / sizeof(table[0]);
        while (i < n && strncmp(word, table[i].name, strlen(table[i].name)) != 0) {
            i++;
        }
        if (i < n) {
            fputs(table[i].value, out);
            word += strlen(table[i].name);
        } else {
            fputc(*word++, out);
        }
    }
    if (out != NULL) {
        fclose(out);
    }
    return text;
}

static void execute(const struct bench *bench, const struct guest *guest, const char *command,
                    const char *words, int output)
{
    char copy[1024], *argument[ARGUMENTS] = { NULL };
    int n = 0, nothing = open("/dev/null", O_RDWR);

    snprintf(copy, sizeof(copy), "%s", command);
    for (char *word = strtok(copy, " "); word != NULL && n < ARGUMENTS - 1;
         word = strtok(NULL, " ")) {
        argument[n++] = expand(bench, guest, word, words);
    }
    dup2(nothing, 0);
    dup2(output, 1);
    dup2(nothing, 2);
    setsid();
    if (n > 0 && argument[0] != NULL) {
        execvp(argument[0], argument);
    }
    _exit(127);
}

/* Natively the rows come in the environment, as from a kernel. */
static void set_environment(const char *words)
{
    char copy[4096];

    snprintf(copy, sizeof(copy), "%s", words);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        char *value = strchr(word, '=');
        if (value != NULL) {
            *value++ = '\0';
            setenv(word, value, 1);
        }
    }
}

static bool guest_start(struct guest *guest, const struct bench *bench,
                        const struct emulator *emulator, const char *words)
{
    int ends[2];

    *guest = (struct guest){ .console = -1 };
    if (strstr(emulator->command, "{console}") != NULL) {
        snprintf(guest->fifo, sizeof(guest->fifo), "build/bench/console.%d", (int)getpid());
        unlink(guest->fifo);
        if (mkfifo(guest->fifo, 0600) != 0) {
            return false;
        }
        ends[0] = open(guest->fifo, O_RDWR | O_CLOEXEC);
        ends[1] = open("/dev/null", O_WRONLY | O_CLOEXEC);
    } else if (pipe2(ends, O_CLOEXEC) != 0) {
        return false;
    }
    guest->pid = fork();
    if (guest->pid == 0) {
        if (strcmp(emulator->name, "native") == 0) {
            set_environment(words);
        }
        execute(bench, guest, emulator->command, words, ends[1]);
    }
    close(ends[1]);
    guest->console = ends[0];
    return guest->pid > 0;
}

static bool ended(pid_t pid)
{
    siginfo_t info = { 0 };

    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid;
}

/* Hand over the complete lines of what was read. */
static void take_lines(struct guest *guest, const char *data, size_t length, line_fn *line,
                       void *opaque)
{
    double cpu = cpu_of(guest->pid);

    for (size_t i = 0; i < length; i++) {
        if (data[i] == '\n') {
            guest->line[guest->length] = '\0';
            line(opaque, guest->line, cpu);
            guest->length = 0;
        } else if (data[i] != '\r' && guest->length < LINE - 1) {
            guest->line[guest->length++] = data[i];
        }
    }
}

bool guest_run(const struct bench *bench, const struct emulator *emulator, const char *words,
               double limit, line_fn *line, void *opaque, double *cpu)
{
    char data[4096];
    struct guest guest;
    struct rusage used;
    int status = -1;
    double until = wall() + limit;

    if (!guest_start(&guest, bench, emulator, words)) {
        return false;
    }
    while (wall() < until) {
        struct pollfd ready = { .fd = guest.console, .events = POLLIN };
        if (poll(&ready, 1, 100) > 0) {
            ssize_t length = read(guest.console, data, sizeof(data));
            if (length > 0) {
                take_lines(&guest, data, (size_t)length, line, opaque);
                continue;
            }
            if (length == 0) {
                break;
            }
        }
        if (ended(guest.pid)) {
            break;
        }
    }
    bool in_time = true;
    for (double last = wall() + 5; !ended(guest.pid);) {
        if (wall() > last || wall() > until) {
            kill(-guest.pid, SIGKILL);
            in_time = false;
            break;
        }
        nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
    }
    wait4(guest.pid, &status, 0, &used);
    close(guest.console);
    if (guest.fifo[0] != '\0') {
        unlink(guest.fifo);
    }
    *cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    return in_time;
}
