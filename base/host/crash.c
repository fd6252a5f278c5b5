/* Our own death, reported. [POSIX sigaltstack] */
#include "base/host/crash.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Start of every alternate stack of ours. */
struct crash_header {
    uint64_t magic;
    struct host_crash *crash;
    stack_t before; /* a sanitizer may have had one */
};

#define CRASH_MAGIC UINT64_C(0x7665726469746521)

static const struct crash_signal {
    int number;
    const char *reason;
} crash_signals[] = {
    { SIGABRT, "assertion failed or abort" }, { SIGSEGV, "bad memory access (SIGSEGV)" },
    { SIGBUS, "bad memory access (SIGBUS)" }, { SIGILL, "illegal instruction" },
    { SIGFPE, "arithmetic error" },
};

void host_crash_write(const char *text)
{
    (void)!write(STDERR_FILENO, text, strlen(text));
}

/* The header of this thread's alternate stack, or NULL when it has none of ours. */
static struct crash_header *crash_find(void)
{
    stack_t stack;
    if (sigaltstack(NULL, &stack) != 0 || (stack.ss_flags & SS_DISABLE) != 0 ||
        stack.ss_size != HOST_CRASH_STACK - sizeof(struct crash_header)) {
        return NULL;
    }
    struct crash_header *header = (struct crash_header *)stack.ss_sp - 1;
    bool ours = (uintptr_t)header % HOST_CRASH_STACK == 0 && header->magic == CRASH_MAGIC;
    return ours ? header : NULL;
}

static void crash_handler(int number)
{
    struct crash_header *header = crash_find();
    if (header == NULL) {
        (void)signal(number, SIG_DFL);
        (void)raise(number);
        return;
    }
    struct host_crash *crash = header->crash;
    if (!__atomic_exchange_n(&crash->crashing, true, __ATOMIC_ACQ_REL)) {
        const char *reason = "unknown";
        for (unsigned i = 0; i < ARRAY_SIZE(crash_signals); i++) {
            reason = crash_signals[i].number == number ? crash_signals[i].reason : reason;
        }
        crash->report(crash->opaque, reason);
    }
    _exit(crash->exit_code);
}

void host_crash_init(struct host_crash *crash, int exit_code, void (*report)(void *, const char *),
                     void *opaque)
{
    *crash = (struct host_crash){ .exit_code = exit_code, .report = report, .opaque = opaque };
    for (unsigned i = 0; i < ARRAY_SIZE(crash_signals); i++) {
        struct sigaction old,
            new = { .sa_handler = crash_handler, .sa_flags = SA_ONSTACK | SA_NODEFER };
        (void)sigemptyset(&new.sa_mask);
        if (sigaction(crash_signals[i].number, NULL, &old) == 0 && old.sa_handler == SIG_DFL) {
            (void)sigaction(crash_signals[i].number, &new, NULL);
        }
    }
}

int host_crash_thread_enter(struct host_crash *crash, struct error *error)
{
    struct crash_header *header = NULL;
    if (crash->n < HOST_CRASH_THREADS) {
        header = aligned_alloc(HOST_CRASH_STACK, HOST_CRASH_STACK);
    }
    if (header == NULL) {
        return error_set(error, -ENOMEM, "no memory for a signal stack");
    }
    *header = (struct crash_header){ .magic = CRASH_MAGIC, .crash = crash };
    crash->stack[crash->n++] = header;
    stack_t stack = { .ss_sp = header + 1, .ss_size = HOST_CRASH_STACK - sizeof(*header) };
    return sigaltstack(&stack, &header->before) == 0
               ? 0
               : error_set(error, -errno, "sigaltstack refused");
}

void host_crash_thread_leave(void)
{
    struct crash_header *header = crash_find();
    if (header != NULL) {
        (void)sigaltstack(&header->before, NULL);
    }
}

void host_crash_fini(struct host_crash *crash)
{
    for (unsigned i = 0; i < ARRAY_SIZE(crash_signals); i++) {
        struct sigaction old;
        if (sigaction(crash_signals[i].number, NULL, &old) == 0 &&
            old.sa_handler == crash_handler) {
            (void)signal(crash_signals[i].number, SIG_DFL);
        }
    }
    host_crash_thread_leave();
    while (crash->n > 0) {
        free(crash->stack[--crash->n]);
    }
}
