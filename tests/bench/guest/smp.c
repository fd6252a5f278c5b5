/* Two threads at once. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "kernels.h"

static uint64_t two_threads(void *(*work)(void *), uint64_t count)
{
    pthread_t thread[2];
    uint64_t sum = 0;

    for (int i = 0; i < 2; i++) {
        if (pthread_create(&thread[i], NULL, work, &count) != 0) {
            exit(1);
        }
    }
    for (int i = 0; i < 2; i++) {
        void *result;
        pthread_join(thread[i], &result);
        sum += (uintptr_t)result;
    }
    return sum;
}

static void *work(void *argument)
{
    uint64_t state = 1, hash = 0;

    for (uint64_t i = *(const uint64_t *)argument * 1000; i > 0; i--) {
        hash = mix(hash, next_random(&state));
    }
    return (void *)(uintptr_t)(hash >> 1);
}

static uint64_t smp_work(uint64_t count)
{
    return two_threads(work, count);
}

static uint64_t shared;

static void *increment(void *argument)
{
    for (uint64_t i = *(const uint64_t *)argument; i > 0; i--) {
        __atomic_add_fetch(&shared, 1, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

static uint64_t smp_lock(uint64_t count)
{
    shared = 0;
    two_threads(increment, count);
    return shared;
}

/* Every unmapping must be seen by the other processor. */
static void *unmap(void *argument)
{
    uint64_t done = 0;

    for (uint64_t i = *(const uint64_t *)argument; i > 0; i--) {
        volatile uint8_t *page =
            mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if ((void *)(uintptr_t)page == MAP_FAILED) {
            exit(1);
        }
        *page = 1;
        done += munmap((void *)(uintptr_t)page, 4096) == 0;
    }
    return (void *)(uintptr_t)done;
}

static uint64_t smp_shoot(uint64_t count)
{
    return two_threads(unmap, count);
}

const struct kernel smp_kernels[] = {
    { "smp_work", smp_work }, { "smp_lock", smp_lock }, { "smp_shoot", smp_shoot }, { NULL, NULL }
};
