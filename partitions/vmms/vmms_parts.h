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

/* ---- saved_machine.c ---- */

/* A machine as machine_init left it to what the reader has; the configuration was read of it before. */
WARN_UNUSED int saved_machine_restore(struct vmms *vmms, struct state_reader *reader,
                                      struct error *error);
/* After a restore the kernel's files are read when they are needed: they must be the same. */
WARN_UNUSED int saved_machine_read_again(struct vmms *vmms, struct child *child,
                                         struct error *error);

#endif
