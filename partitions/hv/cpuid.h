/* The hypervisor's CPUID leaves; private to partitions. [TLFS feature-discovery] */
#ifndef PARTITIONS_HV_CPUID_H
#define PARTITIONS_HV_CPUID_H

#include <stdint.h>

struct partition;

/* 0x40000000-0x400000ff: EAX EBX ECX EDX. */
void hv_cpuid_leaf(const struct partition *partition, uint32_t leaf, uint32_t regs[4]);

#endif
