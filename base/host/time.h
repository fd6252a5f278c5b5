/* The host's clocks. */
#ifndef BASE_HOST_TIME_H
#define BASE_HOST_TIME_H

#include <stdint.h>

uint64_t host_monotonic_ns(void);
int64_t host_wall_seconds(void);   /* since 1970, UTC */
uint64_t host_wall_ns(void);       /* likewise */
uint64_t host_thread_cpu_ns(void); /* CPU time of the calling thread */

#endif
