/* The worker of one child under the built-in parent: its VMBus, and the synthetic devices offered there. */
#ifndef PARTITIONS_VMMS_WORKER_H
#define PARTITIONS_VMMS_WORKER_H

#include "base/compiler.h"
#include "base/error.h"
#include "devices/synthetic/heartbeat.h"
#include "devices/synthetic/kvp.h"
#include "devices/synthetic/shutdown.h"
#include "devices/synthetic/timesync.h"
#include "partitions/vmbus/host.h"

struct machine;
struct partition;

struct worker {
    struct machine *machine;
    struct partition *child;
    struct vmbus_host vmbus;
    struct heartbeat heartbeat;
    struct shutdown shutdown;
    struct timesync timesync;
    struct kvp kvp;
};

/* After the child's VPs were made: the root's VP, its ports, the devices. 0 or -errno. Not moved afterwards. */
WARN_UNUSED int worker_start(struct worker *worker, struct machine *machine,
                             struct partition *child, struct error *error);
/* Before the machine goes. A zeroed one: no-op. */
void worker_fini(struct worker *worker);
/* The child was reset. */
void worker_reset(struct worker *worker);
/* machine_config.root_message; opaque: the worker, which may not have started. */
void worker_root_message(void *opaque, struct vp *root_vp, unsigned sint);

#endif
