/* One guest's life: made, started, restarted, ended. */
#include "partitions/vmms/children.h"

#include <errno.h>

#include "cpu/exec/model.h"
#include "partitions/board.h"
#include "partitions/hv/hv.h"
#include "partitions/machine.h"
#include "partitions/machine_trace.h"
#include "partitions/partition.h"
#include "partitions/vmms/parent.h"
#include "partitions/vp.h"

enum {
    DEFAULT_MEMORY_MB = 512,
    MINIMUM_MEMORY_MB = 2,
    MAXIMUM_MEMORY_MB = 64 << 10,
};

/* ---- configuration ---- */

int child_settle(struct vmms_child *child, enum vmms_role role, struct error *error)
{
    if (child->memory_bytes == 0) {
        child->memory_bytes = (uint64_t)DEFAULT_MEMORY_MB << 20;
    }
    if (child->memory_bytes % (1 << 20) != 0 || child->memory_bytes >> 20 < MINIMUM_MEMORY_MB ||
        child->memory_bytes >> 20 > MAXIMUM_MEMORY_MB) {
        return error_set(error, -EINVAL, "memory must be a whole number of MiB from %d to %d",
                         MINIMUM_MEMORY_MB, MAXIMUM_MEMORY_MB);
    }
    if (child->cpus == 0) {
        child->cpus = 1;
    }
    if (child->cpus > MACHINE_VPS) {
        return error_set(error, -EINVAL, "at most %d processors", MACHINE_VPS);
    }
    for (unsigned i = 0; i < child->n_disks; i++) {
        struct disk_spec spec;
        if (disk_spec_parse(child->disks[i], &spec, error) != 0) {
            return -EINVAL;
        }
    }
    for (unsigned i = 0; i < child->n_net; i++) {
        struct network_request request;
        if (network_parse(&request, child->net[i], error) != 0) {
            return -EINVAL;
        }
        if (!request.none && role != VMMS_ROLE_CHILD) {
            return error_set(error, -EINVAL, "net %s: only --role child has network adapters yet",
                             child->net[i]);
        }
    }
    return 0;
}

uint64_t child_pages(const struct vmms_child *config)
{
    return (config->memory_bytes >> PAGE_SHIFT) +
           parent_pool_pages(config->memory_bytes, config->cpus);
}

/* ---- life ---- */

/* The privileges of a child: what Linux uses, and invariant TSC when the model has it. */
static uint64_t child_privileges(const struct machine *machine)
{
    uint64_t privileges = hv_privileges_child_linux();

    if (machine->config.model.features >> FEATURE_INVTSC & 1) {
        privileges |= HV_PRIVILEGE(ACCESS_TSC_INVARIANT_CONTROLS);
    }
    return privileges;
}

int child_make_board(struct child *child, struct machine *machine, struct partition *partition,
                     struct error *error)
{
    const struct board_callbacks callbacks = {
        .serial_output = child->config->serial_output,
        .serial_opaque = child->config->serial_opaque,
    };

    child->machine = machine;
    child->partition = partition;
    partition->name = child->config->name;
    child->board = board_create(machine, partition, child->config->memory_bytes, &callbacks, error);
    return child->board != NULL ? 0 : -ENOMEM;
}

int child_make(struct child *child, struct machine *machine, bool is_child, struct error *error)
{
    const struct parent_child config = {
        .first_page = child->first_page,
        .memory_bytes = child->config->memory_bytes,
        .cpus = child->config->cpus,
        .low_limit = BOARD_LOW_MEMORY_LIMIT,
        .high_base = BOARD_HIGH_MEMORY,
        .privileges = child_privileges(machine),
    };
    struct partition *partition = machine->hv.root;
    int status = is_child ? parent_create_child(machine, &config, &partition, error) : 0;

    if (status == 0) {
        status = child_make_board(child, machine, partition, error);
    }
    return status == 0 ? parent_create_vps(machine, partition, child->config->cpus, error) : status;
}

int child_make_devices(struct child *child, struct child *first, uint64_t seed, bool restoring,
                       struct error *error)
{
    struct network *network = &child->worker.network;
    const struct vmms_child *config = child->config;
    int status = storage_start(&child->worker.storage, &child->worker, config->disks,
                               config->n_disks, error);

    if (status == 0) {
        network_init(network, &child->worker, config->cpus, seed, restoring);
        network->number = child->number;
        network->home = &first->worker.network;
    }
    for (unsigned i = 0; i < config->n_net && status == 0; i++) {
        status = network_add(network, config->net[i], error);
    }
    for (unsigned i = 0; i < config->n_pcap && status == 0; i++) {
        status = network_capture(network, config->pcap[i], error);
    }
    return status;
}

int child_start(struct child *child, struct error *error)
{
    int status = boot_place(&child->image, child->machine, child->partition,
                            child->config->memory_bytes, child->config->cpus, error);

    return status != 0 ? status : parent_start(child->machine, child->partition, error);
}

int child_restart(struct child *child, struct error *error)
{
    machine_partition_reset(child->machine, child->partition);
    board_reset(child->board);
    worker_reset(&child->worker);
    return child_start(child, error);
}

void child_end(struct child *child, enum vmms_end end)
{
    struct error error;

    child->over = true;
    child->end = end;
    if (parent_stop(child->machine, child->partition, &error) != 0) {
        TRACE(&child->machine->trace, TRACE_ROOM_VMMS, MACHINE_EVENT_CHILD_NOT_STOPPED,
              (uint32_t)child->partition->id, -1, (uintptr_t)error.text);
    }
    board_reset(child->board);
    worker_reset(&child->worker);
}

void child_fini(struct child *child)
{
    if (child->machine != NULL) {
        worker_fini(&child->worker);
        board_destroy(child->board);
    }
}
