/* What is saved of a VMBus server and its side of the hypervisor. */
#ifndef PARTITIONS_VMBUS_SAVED_STATE_H
#define PARTITIONS_VMBUS_SAVED_STATE_H

#include "base/state.h"

/* Of a struct vmbus_host that vmbus_host_restore made; after the devices (vmbus_device_saved_table). */
extern const struct state_table vmbus_host_saved_table;

#endif
