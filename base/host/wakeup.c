/* Wake-ups over POSIX semaphores. [POSIX semaphore.h; sem_clockwait] */
#include "base/host/wakeup.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

static void must(int status)
{
    assert(status == 0);
    (void)status;
}

void host_wakeup_init(struct host_wakeup *wakeup)
{
    must(sem_init(&wakeup->sem, 0, 0));
    wakeup->set = false;
}

void host_wakeup_fini(struct host_wakeup *wakeup)
{
    must(sem_destroy(&wakeup->sem));
}

void host_wakeup_set(struct host_wakeup *wakeup)
{
    if (!__atomic_exchange_n(&wakeup->set, true, __ATOMIC_SEQ_CST)) {
        (void)sem_post(&wakeup->sem);
    }
}

bool host_wakeup_wait(struct host_wakeup *wakeup, uint64_t monotonic_ns)
{
    struct timespec until = {
        .tv_sec = (time_t)(monotonic_ns / 1000000000u),
        .tv_nsec = (long)(monotonic_ns % 1000000000u),
    };
    int status;

    do {
        status = monotonic_ns == UINT64_MAX ? sem_wait(&wakeup->sem)
                                            : sem_clockwait(&wakeup->sem, CLOCK_MONOTONIC, &until);
    } while (status != 0 && errno == EINTR);
    /* One post for each time it was set: the count is never above one. */
    return status == 0 && __atomic_exchange_n(&wakeup->set, false, __ATOMIC_SEQ_CST);
}
