/* The built-in parent: the order of hypercalls that makes a child. [TLFS partition-manager,
 * HvCallCreatePartition] */
#include "partitions/vmms/parent.h"

#include <errno.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "partitions/machine.h"
#include "partitions/partition.h"
#include "partitions/vmbus/host.h"
#include "partitions/vp.h"

/* Call codes and layouts of the table in hv/hypercall_table.h. */
enum {
    CALL_CREATE_PARTITION = 0x40,
    CALL_INITIALIZE_PARTITION = 0x41,
    CALL_SET_PARTITION_PROPERTY = 0x45,
    CALL_DEPOSIT_MEMORY = 0x48,
    CALL_MAP_GPA_PAGES = 0x4b,
    CALL_CREATE_VP = 0x4e,
    CALL_SET_VP_REGISTERS = 0x51,

    CREATE_PARTITION_BYTES = 56,
    CREATE_VP_BYTES = 40,
    MAP_GPA_BYTES = 24,
    REGISTER_BYTES = 32,

    PROPERTY_PRIVILEGE_FLAGS = 0x00010000,
    REGISTER_EXPLICIT_SUSPEND = 0,
    SUBNODE_ANY = 0,
    PAGES_A_CALL = 510,
    REGISTERS_A_CALL = 64,
    /* What a parent deposits up front. */
    POOL_PARTITION = 208 + VMBUS_HOST_POOL_PAGES,
    POOL_VP = 90,
};

#define MAP_READ_WRITE_EXECUTE 0xfu /* read, write, kernel and user execute */

uint64_t parent_pool_pages(uint64_t memory_bytes, unsigned cpus)
{
    return 2 * (POOL_PARTITION + (uint64_t)POOL_VP * cpus + (memory_bytes >> PAGE_SHIFT) / 512);
}

static int refused(struct error *error, const char *call, hv_status_t status)
{
    return error_set(error, status == HV_STATUS_ACCESS_DENIED ? -EPERM : -EIO,
                     "the parent's %s: HV_STATUS_%s (0x%x)", call, hv_status_name(status), status);
}

/* Deposit pages of the parent's from *next on. */
static hv_status_t deposit(struct machine *machine, uint64_t id, uint64_t *next, unsigned n)
{
    struct hv_caller root = hv_caller_root(&machine->hv);
    uint8_t input[8 + 8 * PAGES_A_CALL];
    hv_status_t status = HV_STATUS_SUCCESS;

    while (n > 0 && status == HV_STATUS_SUCCESS) {
        unsigned reps = n < PAGES_A_CALL ? n : PAGES_A_CALL, done = 0;
        le64_store(input, id);
        for (unsigned i = 0; i < reps; i++) {
            le64_store(input + 8 + 8 * i, *next + i);
        }
        status =
            hv_call(&root, CALL_DEPOSIT_MEMORY, input, 8 + 8 * (size_t)reps, NULL, 0, reps, &done);
        *next += done;
        n -= done;
    }
    return status;
}

struct pool {
    struct machine *machine;
    uint64_t id, next, end; /* the parent's pages that may still be deposited */
};

/* A call said INSUFFICIENT_MEMORY: give the partition more and let it be tried again. */
static bool feed(struct pool *pool)
{
    unsigned n = pool->end - pool->next < 16 ? (unsigned)(pool->end - pool->next) : 16;

    return n > 0 && deposit(pool->machine, pool->id, &pool->next, n) == HV_STATUS_SUCCESS;
}

static hv_status_t map_range(struct pool *pool, uint64_t gpfn, uint64_t from, uint64_t n)
{
    struct hv_caller root = hv_caller_root(&pool->machine->hv);
    uint8_t input[MAP_GPA_BYTES + 8 * PAGES_A_CALL];
    hv_status_t status;

    while (n > 0) {
        unsigned reps = n < PAGES_A_CALL ? (unsigned)n : PAGES_A_CALL, done = 0;
        le64_store(input, pool->id);
        le64_store(input + 8, gpfn);
        le32_store(input + 16, MAP_READ_WRITE_EXECUTE);
        le32_store(input + 20, 0);
        for (unsigned i = 0; i < reps; i++) {
            le64_store(input + MAP_GPA_BYTES + 8 * i, from + i);
        }
        status = hv_call(&root, CALL_MAP_GPA_PAGES, input, MAP_GPA_BYTES + 8 * (size_t)reps, NULL,
                         0, reps, &done);
        gpfn += done;
        from += done;
        n -= done;
        if (status != HV_STATUS_SUCCESS &&
            !(status == HV_STATUS_INSUFFICIENT_MEMORY && feed(pool))) {
            return status;
        }
    }
    return HV_STATUS_SUCCESS;
}

int parent_create_child(struct machine *machine, const struct parent_child *config,
                        struct partition **child, struct error *error)
{
    struct hv_caller root = hv_caller_root(&machine->hv);
    uint64_t pages = config->memory_bytes >> PAGE_SHIFT;
    uint64_t low = config->low_limit >> PAGE_SHIFT;
    struct pool pool = { .machine = machine, .next = config->first_page + pages };
    uint8_t create[CREATE_PARTITION_BYTES] = { 0 }, property[24] = { 0 }, id[8];
    hv_status_t status;

    pool.end = pool.next + parent_pool_pages(config->memory_bytes, config->cpus);
    status = hv_call(&root, CALL_CREATE_PARTITION, create, sizeof(create), id, sizeof(id), 0, NULL);
    if (status != HV_STATUS_SUCCESS) {
        return refused(error, "HvCallCreatePartition", status);
    }
    pool.id = le64_load(id);
    status = deposit(machine, pool.id, &pool.next, POOL_PARTITION);
    if (status != HV_STATUS_SUCCESS) {
        return refused(error, "HvCallDepositMemory", status);
    }
    le64_store(property, pool.id);
    le32_store(property + 8, PROPERTY_PRIVILEGE_FLAGS);
    le64_store(property + 16, config->privileges);
    status =
        hv_call(&root, CALL_SET_PARTITION_PROPERTY, property, sizeof(property), NULL, 0, 0, NULL);
    if (status != HV_STATUS_SUCCESS) {
        return refused(error, "HvCallSetPartitionProperty", status);
    }
    status = hv_call(&root, CALL_INITIALIZE_PARTITION, id, sizeof(id), NULL, 0, 0, NULL);
    if (status != HV_STATUS_SUCCESS) {
        return refused(error, "HvCallInitializePartition", status);
    }
    status = map_range(&pool, 0, config->first_page, pages < low ? pages : low);
    if (status == HV_STATUS_SUCCESS && pages > low) {
        status = map_range(&pool, config->high_base >> PAGE_SHIFT, config->first_page + low,
                           pages - low);
    }
    if (status != HV_STATUS_SUCCESS) {
        return refused(error, "HvCallMapGpaPages", status);
    }
    /* Only now: the tables of a large map would have taken them. */
    status = deposit(machine, pool.id, &pool.next, POOL_VP * config->cpus);
    if (status != HV_STATUS_SUCCESS) {
        return refused(error, "HvCallDepositMemory", status);
    }
    *child = hypervisor_partition(&machine->hv, pool.id);
    return 0;
}

int parent_create_vp(struct machine *machine, struct partition *partition, uint32_t index,
                     struct error *error)
{
    struct hv_caller root = hv_caller_root(&machine->hv);
    uint8_t input[CREATE_VP_BYTES] = { 0 };

    le64_store(input, partition->id);
    le32_store(input + 8, index);
    input[15] = SUBNODE_ANY;
    hv_status_t status = hv_call(&root, CALL_CREATE_VP, input, sizeof(input), NULL, 0, 0, NULL);
    return status == HV_STATUS_SUCCESS ? 0 : refused(error, "HvCallCreateVp", status);
}

int parent_create_vps(struct machine *machine, struct partition *partition, unsigned cpus,
                      struct error *error)
{
    int status = 0;

    for (unsigned i = 0; i < cpus && status == 0; i++) {
        status = parent_create_vp(machine, partition, i, error);
    }
    return status;
}

int parent_set_registers(struct machine *machine, struct partition *partition, uint32_t vp,
                         const struct hv_register_assignment *registers, unsigned n,
                         struct error *error)
{
    struct hv_caller root = hv_caller_root(&machine->hv);
    uint8_t input[16 + REGISTER_BYTES * REGISTERS_A_CALL] = { 0 };
    unsigned done = 0;

    if (n > REGISTERS_A_CALL) {
        return error_set(error, -E2BIG, "too many registers in one call");
    }
    le64_store(input, partition->id);
    le32_store(input + 8, vp);
    for (unsigned i = 0; i < n; i++) {
        uint8_t *element = input + 16 + REGISTER_BYTES * i;
        le32_store(element, registers[i].name);
        le64_store(element + 16, registers[i].low);
        le64_store(element + 24, registers[i].high);
    }
    hv_status_t status = hv_call(&root, CALL_SET_VP_REGISTERS, input,
                                 16 + REGISTER_BYTES * (size_t)n, NULL, 0, n, &done);
    if (status != HV_STATUS_SUCCESS) {
        refused(error, "HvCallSetVpRegisters", status);
        return -EIO;
    }
    return 0;
}

static int suspend_all(struct machine *machine, struct partition *partition, bool suspend,
                       struct error *error)
{
    const struct hv_register_assignment value = { .name = REGISTER_EXPLICIT_SUSPEND,
                                                  .low = suspend };

    for (uint32_t i = 0; i < HV_VPS; i++) {
        if (partition_vp(partition, i) != NULL) {
            int status = parent_set_registers(machine, partition, i, &value, 1, error);
            if (status != 0) {
                return status;
            }
        }
    }
    return 0;
}

int parent_start(struct machine *machine, struct partition *partition, struct error *error)
{
    return suspend_all(machine, partition, false, error);
}

int parent_stop(struct machine *machine, struct partition *partition, struct error *error)
{
    return suspend_all(machine, partition, true, error);
}
