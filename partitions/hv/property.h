/* Partition properties; private to partitions. [TLFS hv_partition_property_code] */
#ifndef PARTITIONS_HV_PROPERTY_H
#define PARTITIONS_HV_PROPERTY_H

#include <stdint.h>

#include "partitions/hv/status.h"

struct partition;

void hv_property_set_initial(struct partition *partition);
hv_status_t hv_property_get(struct partition *partition, uint32_t code, uint64_t *value);
hv_status_t hv_property_set(struct partition *partition, uint32_t code, uint64_t value);

/* Codes, as tests walk them; 0 after the last. */
uint32_t hv_property_code(unsigned index);

enum { HV_PROPERTY_PRIVILEGE_FLAGS = 0x00010000 };

#endif
