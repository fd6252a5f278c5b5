/* Our own death (abort, bad memory access): one last report, then a fixed exit code. */
/*
 * A handler may not use globals. It finds its object through the alternate signal stack of its thread: that is
 * HOST_CRASH_STACK bytes, aligned to its size, and begins with a header that points to the object. On a thread
 * without such a stack the signal keeps its default action.
 */
#ifndef BASE_HOST_CRASH_H
#define BASE_HOST_CRASH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"

enum { HOST_CRASH_STACK = 65536, HOST_CRASH_THREADS = 4 };

struct host_crash {
    int exit_code;
    /* On the alternate stack, in a handler: only what is safe there. reason: "assertion failed", ... */
    void (*report)(void *opaque, const char *reason);
    void *opaque;
    void *stack[HOST_CRASH_THREADS]; /* one for each thread that entered */
    unsigned n;
    bool crashing; /* atomic: a crash in the report ends at once */
};

/* Install the handlers. Where a sanitizer has its own, that stays for bad accesses. */
void host_crash_init(struct host_crash *crash, int exit_code, void (*report)(void *, const char *),
                     void *opaque);
/* Give the calling thread its stack; for threads that are not running at the same time as another enter. */
WARN_UNUSED int host_crash_thread_enter(struct host_crash *crash, struct error *error);
/* The thread's former stack again. Called by each thread that entered, before it ends. */
void host_crash_thread_leave(void);
/* Default actions again; frees the stacks. The threads that entered have left, except perhaps the caller. */
void host_crash_fini(struct host_crash *crash);

/* Write text to standard error, from a handler too. */
void host_crash_write(const char *text);

#endif
