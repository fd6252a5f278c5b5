/* Threads over POSIX threads. [POSIX pthread_create] */
#include "base/host/thread.h"

#include <sched.h>
#include <string.h>
#include <time.h>

static void *host_thread_entry(void *argument)
{
    struct host_thread *thread = argument;
    thread->body(thread->opaque);
    return NULL;
}

int host_thread_start(struct host_thread *thread, void (*body)(void *), void *opaque,
                      struct error *error)
{
    thread->body = body;
    thread->opaque = opaque;
    int status = pthread_create(&thread->handle, NULL, host_thread_entry, thread);
    thread->running = status == 0;
    return status == 0 ? 0 : error_set(error, -status, "no thread: %s", strerror(status));
}

uintptr_t host_thread_self(void)
{
    return (uintptr_t)pthread_self();
}

void host_thread_yield(void)
{
    (void)sched_yield();
}

uint64_t host_thread_used_ns(const struct host_thread *thread)
{
    struct timespec used = { 0 };
    clockid_t id;
    if (thread->running && pthread_getcpuclockid(thread->handle, &id) == 0) {
        (void)clock_gettime(id, &used);
    }
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

void host_thread_join(struct host_thread *thread)
{
    if (thread->running) {
        thread->running = false;
        (void)pthread_join(thread->handle, NULL);
    }
}
