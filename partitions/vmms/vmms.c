/* The VM management service: turns a configuration into a running machine, and its end into a result. */
#include "partitions/vmms/vmms.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host/file.h"
#include "base/host/time.h"
#include "cpu/exec/model.h"
#include "partitions/board.h"
#include "partitions/hv/hv.h"
#include "partitions/machine.h"
#include "partitions/partition.h"
#include "partitions/vmms/autopsy.h"
#include "partitions/vmms/boot.h"
#include "partitions/vmms/parent.h"
#include "partitions/vp.h"

enum {
    DEFAULT_MEMORY_MB = 512,
    MINIMUM_MEMORY_MB = 1,
    MAXIMUM_MEMORY_MB = 64 << 10,
    HYPERVISOR_PAGES_PER_VP = 32,
    HYPERVISOR_PAGES = 64,
    ROOT_POOL_PAGES = 64,
    FILE_LIMIT_MB = 1024,
};

struct vmms {
    struct vmms_config config;
    struct machine machine;
    struct partition *guest; /* the partition that the kernel boots in */
    struct board *board;
    struct boot_image image;
    bool machine_made;
};

static const char *const role_names[] = { "child", "root", "pc" };

/* The configuration with its defaults, checked. */
static int settle(struct vmms_config *config, struct cpu_model *model, struct error *error)
{
    if (config->memory_bytes == 0) {
        config->memory_bytes = (uint64_t)DEFAULT_MEMORY_MB << 20;
    }
    if (config->memory_bytes % (1 << 20) != 0 || config->memory_bytes >> 20 < MINIMUM_MEMORY_MB ||
        config->memory_bytes >> 20 > MAXIMUM_MEMORY_MB) {
        return error_set(error, -EINVAL, "memory must be a whole number of MiB from %d to %d", MINIMUM_MEMORY_MB,
                         MAXIMUM_MEMORY_MB);
    }
    if (config->cpus == 0) {
        config->cpus = 1;
    }
    if (config->cpus > MACHINE_VPS) {
        return error_set(error, -EINVAL, "at most %d processors", MACHINE_VPS);
    }
    return cpu_model_configure(model, config->cpu, error);
}

static void machine_config_of(const struct vmms_config *config, const struct cpu_model *model,
                              struct machine_config *machine, const struct parent_callbacks *unused)
{
    (void)unused;
    *machine = (struct machine_config){
        .reserved_pages = HYPERVISOR_PAGES + ROOT_POOL_PAGES + (uint64_t)HYPERVISOR_PAGES_PER_VP * config->cpus,
        .root_pool_pages = ROOT_POOL_PAGES,
        .hypervisor = config->role != VMMS_ROLE_PC,
        .root_is_guest = config->role != VMMS_ROLE_CHILD,
        .withheld_privileges = config->withheld_privileges,
        .model = *model,
        .seed = config->seed,
        .strict = config->strict,
        .max_instructions = config->max_instructions,
        .timeout_ns = config->timeout_ns,
    };
    machine->ram_bytes = config->memory_bytes + (machine->reserved_pages << PAGE_SHIFT);
    if (config->role == VMMS_ROLE_CHILD) {
        machine->ram_bytes += parent_pool_pages(config->memory_bytes, config->cpus) << PAGE_SHIFT;
    }
}
