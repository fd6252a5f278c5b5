/* Reference time and its page. Private to partitions; hv.h has the public part. [TLFS timers] */
#ifndef PARTITIONS_HV_TIME_H
#define PARTITIONS_HV_TIME_H

#include <stdint.h>

struct hypervisor;
struct partition;

/* Reference time 0 is now; fills the page of a partition that owns one. */
void hv_time_init(struct partition *partition);
uint64_t hv_reference_time_at(const struct partition *partition, uint64_t now_ns);
/* The first instant of the machine's clock at which reference time is at least ref; UINT64_MAX: out
 * of reach. */
uint64_t hv_reference_deadline_ns(const struct partition *partition, uint64_t ref);

#endif
