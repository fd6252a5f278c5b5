/* Mutexes and condition variables over POSIX threads. [POSIX pthread.h] */
#include "base/host/mutex.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

static void must(int status)
{
    assert(status == 0);
    (void)status;
}

void host_mutex_init(struct host_mutex *mutex)
{
    must(pthread_mutex_init(&mutex->handle, NULL));
}

void host_mutex_fini(struct host_mutex *mutex)
{
    must(pthread_mutex_destroy(&mutex->handle));
}

void host_mutex_lock(struct host_mutex *mutex)
{
    must(pthread_mutex_lock(&mutex->handle));
}

bool host_mutex_try(struct host_mutex *mutex)
{
    return pthread_mutex_trylock(&mutex->handle) == 0;
}

void host_mutex_unlock(struct host_mutex *mutex)
{
    must(pthread_mutex_unlock(&mutex->handle));
}

void host_rwlock_init(struct host_rwlock *lock)
{
    must(pthread_rwlock_init(&lock->handle, NULL));
}

void host_rwlock_fini(struct host_rwlock *lock)
{
    must(pthread_rwlock_destroy(&lock->handle));
}

void host_rwlock_read(struct host_rwlock *lock)
{
    must(pthread_rwlock_rdlock(&lock->handle));
}

void host_rwlock_write(struct host_rwlock *lock)
{
    must(pthread_rwlock_wrlock(&lock->handle));
}

void host_rwlock_unlock(struct host_rwlock *lock)
{
    must(pthread_rwlock_unlock(&lock->handle));
}

void host_cond_init(struct host_cond *cond)
{
    pthread_condattr_t attributes;
    must(pthread_condattr_init(&attributes));
    must(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    must(pthread_cond_init(&cond->handle, &attributes));
    must(pthread_condattr_destroy(&attributes));
}

void host_cond_fini(struct host_cond *cond)
{
    must(pthread_cond_destroy(&cond->handle));
}

void host_cond_signal(struct host_cond *cond)
{
    must(pthread_cond_broadcast(&cond->handle));
}

void host_cond_signal_one(struct host_cond *cond)
{
    must(pthread_cond_signal(&cond->handle));
}

bool host_cond_wait_until(struct host_cond *cond, struct host_mutex *mutex, uint64_t monotonic_ns)
{
    if (monotonic_ns == UINT64_MAX) {
        must(pthread_cond_wait(&cond->handle, &mutex->handle));
        return true;
    }
    struct timespec until = {
        .tv_sec = (time_t)(monotonic_ns / 1000000000u),
        .tv_nsec = (long)(monotonic_ns % 1000000000u),
    };
    int status = pthread_cond_timedwait(&cond->handle, &mutex->handle, &until);
    must(status == ETIMEDOUT ? 0 : status);
    return status == 0;
}
