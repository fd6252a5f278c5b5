/* The worker of one child: the root's VP that hears for it, VMBus, its devices. */
#include "partitions/vmms/worker.h"

#include "partitions/machine.h"
#include "partitions/partition.h"
#include "partitions/vmms/parent.h"

int worker_start(struct worker *worker, struct machine *machine, struct partition *child,
                 struct error *error)
{
    struct partition *root = machine->hv.root;
    int status = partition_vp(root, 0) == NULL ? parent_create_vps(machine, root, 1, error) : 0;

    worker->machine = machine;
    worker->child = child;
    if (status == 0) {
        status = vmbus_host_init(&worker->vmbus, &machine->hv, child, partition_vp(root, 0),
                                 &machine->trace, error);
    }
    return status;
}

void worker_fini(struct worker *worker)
{
    vmbus_host_fini(&worker->vmbus);
}

void worker_reset(struct worker *worker)
{
    if (worker->machine != NULL) {
        vmbus_host_reset(&worker->vmbus);
    }
}

void worker_root_message(void *opaque, struct vp *root_vp, unsigned sint)
{
    struct worker *worker = opaque;

    (void)root_vp;
    vmbus_host_sink(&worker->vmbus, sint);
}
