/* The host's clocks. [POSIX clock_gettime] */
#include "base/host/time.h"

#include <time.h>

static uint64_t host_clock_ns(clockid_t id)
{
    struct timespec now = { 0 };
    (void)clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t host_monotonic_ns(void)
{
    return host_clock_ns(CLOCK_MONOTONIC);
}

int64_t host_wall_seconds(void)
{
    return (int64_t)time(NULL);
}

uint64_t host_wall_ns(void)
{
    return host_clock_ns(CLOCK_REALTIME);
}

uint64_t host_thread_cpu_ns(void)
{
    return host_clock_ns(CLOCK_THREAD_CPUTIME_ID);
}
