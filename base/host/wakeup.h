/* A wake-up that is kept until someone waits: also for signal handlers. [POSIX sem_post] */
#ifndef BASE_HOST_WAKEUP_H
#define BASE_HOST_WAKEUP_H

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

struct host_wakeup {
    sem_t sem;
    bool set; /* (atomic) not yet taken by a wait */
};

void host_wakeup_init(struct host_wakeup *wakeup);
void host_wakeup_fini(struct host_wakeup *wakeup);

/* Any thread, signal handlers too. What was written before is seen by the one that wakes. */
void host_wakeup_set(struct host_wakeup *wakeup);
/* One thread: wait until it is set or until the monotonic instant (UINT64_MAX: no limit), and take it. False on
 * time-out. */
bool host_wakeup_wait(struct host_wakeup *wakeup, uint64_t monotonic_ns);

#endif
