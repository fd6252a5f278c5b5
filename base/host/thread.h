/* Threads of the host. */
#ifndef BASE_HOST_THREAD_H
#define BASE_HOST_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"

struct host_thread {
    pthread_t handle;
    void (*body)(void *opaque);
    void *opaque;
    bool running; /* started and not joined; the starter's */
};

/* Run body(opaque) on a new thread. The struct must outlive it. 0 or -errno. */
WARN_UNUSED int host_thread_start(struct host_thread *thread, void (*body)(void *), void *opaque,
                                  struct error *error);
/* The calling thread: another number than any other that runs; never 0. */
uintptr_t host_thread_self(void);
/* Let other threads have the processor. */
void host_thread_yield(void);
/* Processor time that it has used; 0 when it does not run. By who started it. */
uint64_t host_thread_used_ns(const struct host_thread *thread);
/* Wait for its end. No-op when it never started. */
void host_thread_join(struct host_thread *thread);

#endif
