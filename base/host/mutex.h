/* Mutexes and condition variables of the host. */
#ifndef BASE_HOST_MUTEX_H
#define BASE_HOST_MUTEX_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct host_mutex {
    pthread_mutex_t handle;
};

struct host_cond {
    pthread_cond_t handle; /* waits on the monotonic clock */
};

/* Many readers or one writer. */
struct host_rwlock {
    pthread_rwlock_t handle;
};

void host_mutex_init(struct host_mutex *mutex);
void host_mutex_fini(struct host_mutex *mutex);
void host_mutex_lock(struct host_mutex *mutex);
bool host_mutex_try(struct host_mutex *mutex); /* true: locked */
void host_mutex_unlock(struct host_mutex *mutex);

void host_rwlock_init(struct host_rwlock *lock);
void host_rwlock_fini(struct host_rwlock *lock);
void host_rwlock_read(struct host_rwlock *lock);
void host_rwlock_write(struct host_rwlock *lock);
void host_rwlock_unlock(struct host_rwlock *lock);

void host_cond_init(struct host_cond *cond);
void host_cond_fini(struct host_cond *cond);
void host_cond_signal(struct host_cond *cond);
void host_cond_signal_one(struct host_cond *cond); /* wakes one of those that wait */
/* Wait until signalled or until the monotonic instant (UINT64_MAX: no limit). False on time-out. */
bool host_cond_wait_until(struct host_cond *cond, struct host_mutex *mutex, uint64_t monotonic_ns);

#endif
