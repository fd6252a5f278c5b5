/* The worker of one child: the root's VP that hears for it, VMBus, its devices. */
#include "partitions/vmms/worker.h"

#include <errno.h>

#include "base/host/time.h"
#include "partitions/machine.h"
#include "partitions/partition.h"
#include "partitions/schedule.h"
#include "partitions/vmms/parent.h"

/* ---- what devices are told of the world ---- */

/* Since 1601, in 100 ns. With the virtual clock the host's time is the guest's, from a fixed day on. */
static uint64_t wall_100ns(void *opaque)
{
    const uint64_t since_1601 = UINT64_C(116444736000000000);
    struct worker *worker = opaque;
    struct machine *machine = worker->machine;
    uint64_t ns = machine->config.virtual_time ? SCHEDULE_EPOCH_SECONDS * UINT64_C(1000000000) +
                                                     clock_now_ns(&machine->clock)
                                               : host_wall_ns();

    return since_1601 + ns / 100;
}

static uint64_t reference_100ns(void *opaque)
{
    return hv_reference_time(((struct worker *)opaque)->child);
}

/* ---- life ---- */

static int integration_start(struct worker *worker, struct error *error)
{
    const struct ic_world world = {
        .clock = &worker->machine->clock,
        .trace = &worker->machine->trace,
        .partition = (uint32_t)worker->child->id,
        .wall_100ns = wall_100ns,
        .reference_100ns = reference_100ns,
        .opaque = worker,
    };
    int status = heartbeat_init(&worker->heartbeat, &world);

    status = status == 0 ? shutdown_init(&worker->shutdown, &world) : status;
    status = status == 0 ? timesync_init(&worker->timesync, &world) : status;
    status = status == 0 ? kvp_init(&worker->kvp, &world) : status;
    if (status != 0) {
        return error_set(error, status, "no memory for the integration components");
    }
    struct ic *const components[] = { &worker->heartbeat.ic, &worker->shutdown.ic,
                                      &worker->timesync.ic, &worker->kvp.ic };
    for (unsigned i = 0; i < ARRAY_SIZE(components) && status == 0; i++) {
        status = worker_add(worker, &components[i]->vmbus);
    }
    return status;
}

int worker_add(struct worker *worker, struct vmbus_device *dev)
{
    if (worker->n_devices == WORKER_DEVICES) {
        return -ENOSPC;
    }
    worker->device[worker->n_devices++] = dev;
    vmbus_server_add(&worker->vmbus.server, dev);
    return 0;
}

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
    return status == 0 ? integration_start(worker, error) : status;
}

void worker_fini(struct worker *worker)
{
    vmbus_host_fini(&worker->vmbus);
    ic_fini(&worker->heartbeat.ic);
    ic_fini(&worker->shutdown.ic);
    ic_fini(&worker->timesync.ic);
    kvp_fini(&worker->kvp);
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
