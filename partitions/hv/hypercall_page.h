/* The hypercall page: code that a guest calls. Private to partitions. [TLFS hypercall-interface] */
#ifndef PARTITIONS_HV_HYPERCALL_PAGE_H
#define PARTITIONS_HV_HYPERCALL_PAGE_H

struct partition;

void hypercall_page_fill(struct partition *partition);
/* Partition-wide synthetic registers back to their first values; overlays uncovered. */
void hv_partition_registers_reset(struct partition *partition);

#endif
