/* VMBus between the hypervisor and a server: its ports, connections, messages and events, all by hypercalls of the root; and when
 * the server works: in a timer on the machine's clock, at the instant after something came. */
#ifndef PARTITIONS_VMBUS_HOST_H
#define PARTITIONS_VMBUS_HOST_H

#include "base/error.h"
#include "partitions/hv/hv.h"
#include "partitions/vmbus/server.h"

struct vmbus_host {
    struct vmbus_server server;
    struct hypervisor *hv;
    struct partition *child;
    struct vp *root_vp; /* hears the messages and events of VMBUS_SINT; of this child alone */
    struct timer work;
    uint64_t attached[VMBUS_RELIDS / 64]; /* bit relid: there is an event port in the child */
    bool contacted;                       /* there is a message port in the child */
    void (*gone)(void *opaque, struct vmbus_device *dev); /* may be NULL */
    void *gone_opaque;
};

/* Pages that ports and connections take at most from each of the two pools. */
enum { VMBUS_HOST_POOL_PAGES = 2 * VMBUS_RELIDS + 8 };

/* The child's privileges to post and signal are its own matter. 0, or -errno with the hypercall that was refused. */
WARN_UNUSED int vmbus_host_init(struct vmbus_host *host, struct hypervisor *hv,
                                struct partition *child, struct vp *root_vp, struct trace *trace,
                                struct error *error);
/* The same for a machine that is restored, which has the ports already. */
void vmbus_host_restore(struct vmbus_host *host, struct hypervisor *hv, struct partition *child,
                        struct vp *root_vp, struct trace *trace);
/* Before the partition goes. A zeroed one: no-op. */
void vmbus_host_fini(struct vmbus_host *host);

/* hypervisor_ops.sink: something waits for the root's VP. With the hypervisor's lock held: posts only. */
void vmbus_host_sink(struct vmbus_host *host, unsigned sint);
/* The child was reset. */
void vmbus_host_reset(struct vmbus_host *host);

#endif
