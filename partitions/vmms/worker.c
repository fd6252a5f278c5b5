/* The worker of one child: the root's VP that hears for it, VMBus, its devices. */
#include "partitions/vmms/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/host/time.h"
#include "devices/vmbus/saved_state.h"
#include "partitions/machine.h"
#include "partitions/partition.h"
#include "partitions/schedule.h"
#include "partitions/vmbus/saved_state.h"
#include "partitions/vmms/parent.h"
#include "partitions/vp.h"

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
    if (status == 0) {
        status = keyboard_init(&worker->keyboard, world.clock, world.trace, world.partition);
    }
    return status == 0 ? worker_add(worker, &worker->keyboard.vmbus) : status;
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

void worker_drop(struct worker *worker, const struct vmbus_device *dev)
{
    for (unsigned i = 0; i < worker->n_devices; i++) {
        if (worker->device[i] == dev) {
            memmove(&worker->device[i], &worker->device[i + 1],
                    (--worker->n_devices - i) * sizeof(struct vmbus_device *));
            return;
        }
    }
}

int worker_start(struct worker *worker, struct machine *machine, struct partition *child,
                 uint32_t root_vp, struct error *error)
{
    struct partition *root = machine->hv.root;
    int status =
        partition_vp(root, root_vp) == NULL ? parent_create_vp(machine, root, root_vp, error) : 0;

    worker->machine = machine;
    worker->child = child;
    if (status == 0) {
        status = vmbus_host_init(&worker->vmbus, &machine->hv, child, partition_vp(root, root_vp),
                                 &machine->trace, error);
    }
    return status == 0 ? integration_start(worker, error) : status;
}

int worker_restore(struct worker *worker, struct machine *machine, struct partition *child,
                   uint32_t number, struct error *error)
{
    struct vp *root_vp = partition_vp(machine->hv.root, number);

    if (root_vp == NULL || !root_vp->is_sink || child == machine->hv.root) {
        return error_set(error, -EINVAL, "the root has no VP to hear for it");
    }
    worker->machine = machine;
    worker->child = child;
    vmbus_host_restore(&worker->vmbus, &machine->hv, child, root_vp, &machine->trace);
    return integration_start(worker, error);
}

/* ---- saved state ---- */

/* A device that is on the bus; in the order in which they were added to it. */
struct saved_device {
    uint32_t number; /* of worker.device */
};

static const struct state_field saved_device_rows[] = { STATE_FIELD_MAX(struct saved_device, number,
                                                                        WORKER_DEVICES - 1) };
static const struct state_table saved_device_table =
    STATE_TABLE("device", 1, struct saved_device, saved_device_rows);

static bool on_bus_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct worker *worker = object;
    const struct vmbus_device *dev = cursor->a++ == 0
                                         ? worker->vmbus.server.devices
                                         : ((const struct vmbus_device *)cursor->at)->next;
    struct saved_device *saved = element;

    cursor->at = dev;
    while (dev != NULL && saved->number < worker->n_devices &&
           worker->device[saved->number] != dev) {
        saved->number++;
    }
    return dev != NULL;
}

static int on_bus_put(void *object, const void *element, struct error *error)
{
    struct worker *worker = object;
    const struct saved_device *saved = element;

    if (saved->number >= worker->n_devices || worker->device[saved->number]->host != NULL) {
        return error_set(error, -EINVAL, "there is no such device");
    }
    vmbus_server_add(&worker->vmbus.server, worker->device[saved->number]);
    return 0;
}

static uint64_t n_devices_get(const void *object)
{
    return ((const struct worker *)object)->n_devices;
}

/* The same devices; from now on none of them is on the bus. */
static int n_devices_put(void *object, uint64_t value, struct error *error)
{
    struct worker *worker = object;

    for (unsigned i = 0; i < worker->n_devices; i++) {
        worker->device[i]->host = NULL;
        worker->device[i]->next = NULL;
    }
    worker->vmbus.server.devices = NULL;
    return value == worker->n_devices ? 0
                                      : error_set(error, -EINVAL, "there are other devices now");
}

static const struct state_value n_devices_value = { n_devices_get, n_devices_put };
static const struct state_list on_bus_list = { &saved_device_table, sizeof(struct saved_device),
                                               on_bus_get, on_bus_put };
static const struct state_field worker_rows[] = {
    STATE_VALUE_FIELD("n_devices", &n_devices_value),
    STATE_LIST_FIELD("on_bus", &on_bus_list),
};
static const struct state_table worker_table = STATE_TABLE("worker", 1, struct worker, worker_rows);

/* Adapters behind all else, by their slots: the order in which a restored machine makes them. */
static void order_devices(struct worker *worker)
{
    struct vmbus_device *device[WORKER_DEVICES];
    unsigned n = 0;

    for (unsigned i = 0; i < worker->n_devices; i++) {
        if (!network_has(&worker->network, worker->device[i])) {
            device[n++] = worker->device[i];
        }
    }
    for (unsigned i = 0; i < NETWORK_NICS; i++) {
        if (worker->network.nic[i] != NULL) {
            device[n++] = &worker->network.nic[i]->netvsp.vmbus;
        }
    }
    memcpy(worker->device, device, n * sizeof(device[0]));
}

const char *worker_unsaved(const struct worker *worker)
{
    for (unsigned i = 0; i < worker->n_devices; i++) {
        if (worker->device[i]->device.type->state.fields == NULL) {
            return worker->device[i]->device.type->name;
        }
    }
    return NULL;
}

void worker_visit(struct worker *worker, struct state_walk *walk)
{
    uint64_t id = worker->child->id;

    if (walk->writer != NULL) {
        order_devices(worker);
    }
    state_visit(walk, &worker_table, worker, "partition.%" PRIu64 "/worker", id);
    for (unsigned i = 0; i < worker->n_devices; i++) {
        struct vmbus_device *dev = worker->device[i];
        const char *name = dev->device.type->name;
        state_visit(walk, &vmbus_device_saved_table, dev,
                    "partition.%" PRIu64 "/worker/%u.%s/vmbus", id, i, name);
        state_visit(walk, &dev->device.type->state, dev, "partition.%" PRIu64 "/worker/%u.%s", id,
                    i, name);
    }
    state_visit(walk, &vmbus_host_saved_table, &worker->vmbus, "partition.%" PRIu64 "/vmbus", id);
}

void worker_fini(struct worker *worker)
{
    vmbus_host_fini(&worker->vmbus);
    network_fini(&worker->network);
    ic_fini(&worker->heartbeat.ic);
    ic_fini(&worker->shutdown.ic);
    ic_fini(&worker->timesync.ic);
    kvp_fini(&worker->kvp);
    keyboard_fini(&worker->keyboard);
    storage_fini(&worker->storage);
}

void worker_reset(struct worker *worker)
{
    if (worker->machine != NULL) {
        vmbus_host_reset(&worker->vmbus);
    }
}

void worker_root_message(struct worker *worker, unsigned sint)
{
    vmbus_host_sink(&worker->vmbus, sint);
}
