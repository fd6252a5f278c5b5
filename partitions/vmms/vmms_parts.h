/* struct vmms, for the files that make it up. */
#ifndef PARTITIONS_VMMS_VMMS_PARTS_H
#define PARTITIONS_VMMS_VMMS_PARTS_H

#include <stdbool.h>

#include "base/host/sink.h"
#include "partitions/machine.h"
#include "partitions/vmms/children.h"
#include "partitions/vmms/saved_config.h"
#include "partitions/vmms/vmms.h"

struct vmms {
    struct vmms_config config;
    struct machine machine;
    struct child *child; /* owned */
    unsigned n_children;
    struct vp *faulted; /* the last that ended its guest */
    struct saved_config
        saved; /* what a saved state tells of it; of one that was restored, also its strings */
    bool machine_made;
    struct host_sink json;
};

#endif
