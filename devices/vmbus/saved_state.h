/* What is saved of a device on VMBus beside its own state: offers, GPADLs, channels, packets that wait. */
#ifndef DEVICES_VMBUS_SAVED_STATE_H
#define DEVICES_VMBUS_SAVED_STATE_H

#include "base/state.h"

/* Of a struct vmbus_device that was added to a server and is closed; after the guest's GPA map. Its own table (type->state) is
 * read next: its `loaded` takes up the open channels, for ops->open is not called again. */
extern const struct state_table vmbus_device_saved_table;

#endif
