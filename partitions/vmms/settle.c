/* A configuration, checked and with its defaults, and the machine that it asks for. */
#include "partitions/vmms/settle.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cpu/dump.h"
#include "partitions/vmms/children.h"

enum {
    HYPERVISOR_PAGES = 96, /* for a child, with those of the root's VP that hears for it */
    HYPERVISOR_PAGES_PER_VP = 32,
    ROOT_POOL_PAGES = 256 + VMBUS_HOST_POOL_PAGES,
    ROOT_POOL_PAGES_PER_VP = 16,
};

static const char *const role_names[] = {
    [VMMS_ROLE_CHILD] = "child",
    [VMMS_ROLE_ROOT] = "root",
    [VMMS_ROLE_PC] = "pc",
};

/* "insn,block" to CPU_DUMP_* bits. -EINVAL: the user's mistake. */
static int dump_bits(const char *list, unsigned *bits, struct error *error)
{
    static const struct {
        const char *name;
        unsigned bit;
    } rows[] = { { "insn", CPU_DUMP_INSN },
                 { "block", CPU_DUMP_BLOCK },
                 { "host", CPU_DUMP_HOST } };

    *bits = 0;
    while (list != NULL && *list != '\0') {
        size_t length = strcspn(list, ",");
        unsigned found = 0;
        for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
            if (strlen(rows[i].name) == length && strncmp(list, rows[i].name, length) == 0) {
                found = rows[i].bit;
            }
        }
        if (found == 0) {
            return error_set(error, -EINVAL, "dump %.*s: give a list of insn, block, host",
                             (int)(length < 32 ? length : 32), list);
        }
        *bits |= found;
        list += length + (list[length] == ',');
    }
    return 0;
}

int settle_count(struct vmms_config *config, struct error *error)
{
    config->n_children = config->n_children != 0 ? config->n_children : 1;
    if (config->n_children > VMMS_CHILDREN) {
        return error_set(error, -EINVAL, "at most %d children", VMMS_CHILDREN);
    }
    for (unsigned i = 0; i < config->n_children; i++) {
        struct vmms_child *child = &config->child[i];
        child->name = child->name != NULL ? child->name : "guest";
        size_t n = strlen(child->name);
        if (n == 0 || n >= VMMS_CHILD_NAME || strcspn(child->name, "\t\n") != n) {
            return error_set(error, -EINVAL, "'%.40s' is no name of a child", child->name);
        }
        for (unsigned other = 0; other < i; other++) {
            if (strcmp(config->child[other].name, child->name) == 0) {
                return error_set(error, -EINVAL, "two children are called %s", child->name);
            }
        }
    }
    return 0;
}

static int settle_children(struct vmms_config *config, struct error *error)
{
    uint64_t cpus = 0;

    for (unsigned i = 0; i < config->n_children; i++) {
        int status = child_settle(&config->child[i], config->role, error);
        if (status != 0 && config->n_children > 1 && error != NULL) {
            struct error why = *error;
            error_set(error, status, "child %s: %s", config->child[i].name, why.text);
        }
        if (status != 0) {
            return status;
        }
        cpus += config->child[i].cpus;
    }
    if (cpus > MACHINE_VPS) {
        return error_set(error, -EINVAL, "at most %d processors, of all children together",
                         MACHINE_VPS);
    }
    if (config->n_children > 1 && config->role != VMMS_ROLE_CHILD) {
        return error_set(error, -EINVAL, "only --role child has several children");
    }
    return 0;
}

static bool has_networks(const struct vmms_child *config)
{
    bool any = false;

    for (unsigned i = 0; i < config->n_net; i++) {
        any = any || strcmp(config->net[i], "none") != 0;
    }
    return any;
}

/* The configuration with its defaults, checked. -EINVAL: the user's mistake. */
int settle_config(struct vmms_config *config, struct cpu_model *model, struct error *error)
{
    const struct vmms_child *first = &config->child[0];
    unsigned dump;
    int status = settle_children(config, error);

    if (status != 0) {
        return status;
    }
    if (!config->virtual_time &&
        (config->record != NULL || config->input != NULL || config->hash_every != 0)) {
        return error_set(error, -EINVAL,
                         "record, input and trace hash need the virtual clock: --clock virtual");
    }
    if (config->lockstep &&
        (!config->virtual_time || !config->translate || first->cpus != 1 || first->n_disks != 0 ||
         has_networks(first) || config->n_children > 1)) {
        return error_set(error, -EINVAL,
                         "check lockstep needs --clock virtual, the translator, one processor, and "
                         "neither disks nor networks");
    }
    status = dump_bits(config->dump, &dump, error);
    return status == 0 && cpu_model_configure(model, config->cpu, error) == 0 ? 0 : -EINVAL;
}

_Static_assert((int)VMMS_CHILDREN <= (int)MACHINE_INPUT_PORTS, "a port for each child");
_Static_assert((int)VMMS_HIDE_BMI2 == CPU_HIDE_BMI2 && (int)VMMS_HIDE_AVX == CPU_HIDE_AVX &&
                   (int)VMMS_HIDE_EXEC == CPU_HIDE_EXEC,
               "one set of bits");

struct machine_config settle_machine(const struct vmms_config *config,
                                     const struct cpu_model *model)
{
    uint64_t root_pool = 0, reserved = 0, pages = 0;

    for (unsigned i = 0; i < config->n_children; i++) {
        const struct vmms_child *child = &config->child[i];
        uint64_t pool = ROOT_POOL_PAGES + (uint64_t)ROOT_POOL_PAGES_PER_VP * child->cpus;
        root_pool += pool;
        reserved += HYPERVISOR_PAGES + pool + (uint64_t)HYPERVISOR_PAGES_PER_VP * child->cpus;
        pages += config->role == VMMS_ROLE_CHILD ? child_pages(child)
                                                 : child->memory_bytes >> PAGE_SHIFT;
    }
    struct machine_config machine = {
        .ram_bytes = (pages + reserved) << PAGE_SHIFT,
        .reserved_pages = reserved,
        .root_pool_pages = root_pool,
        .hypervisor = config->role != VMMS_ROLE_PC,
        .root_is_guest = config->role != VMMS_ROLE_CHILD,
        .withheld_privileges = config->withheld_privileges,
        .model = *model,
        .seed = config->seed,
        .virtual_time = config->virtual_time,
        .hash_every = config->hash_every,
        .hash_prefix = config->hash_prefix,
        .hash_opaque = config->hash_opaque,
        .strict = config->strict,
        .max_instructions = config->max_instructions,
        .translate = config->translate,
        .translate_at_once = config->translate_at_once || config->lockstep,
        .lockstep = config->lockstep,
        .hide_host = config->hide_host,
        .timeout_ns = config->timeout_ns,
        .pause_at = config->save_at,
        .n_pause_at = config->n_save_at,
    };

    (void)dump_bits(config->dump, &machine.dump, NULL); /* settle_config has judged it */
    return machine;
}

int vmms_explain(const struct vmms_config *config, char *text, size_t size, struct error *error)
{
    struct vmms_config settled = *config;
    struct cpu_model model;
    int status = settle_count(&settled, error);

    status = status == 0 ? settle_config(&settled, &model, error) : status;
    if (status != 0) {
        return status;
    }
    const struct machine_config machine = settle_machine(&settled, &model);
    snprintf(text, size,
             "role: %s\nhypervisor: %s\nparent: %s\nchildren: %u\ncpu: %s (%s)\nmachine-ram: "
             "%" PRIu64 " KiB\nclock: %s\n"
             "devices: pic pit cmos ioapic uart16550 pm i8042, a local APIC for each processor\n",
             role_names[settled.role], machine.hypervisor ? "on" : "off",
             settled.role == VMMS_ROLE_CHILD  ? "built in"
             : settled.role == VMMS_ROLE_ROOT ? "the guest"
                                              : "none",
             settled.role == VMMS_ROLE_CHILD ? settled.n_children : 0, model.name,
             model.description, machine.ram_bytes >> 10,
             settled.virtual_time ? "virtual" : "realtime");
    return 0;
}

bool vmms_has_user_network(void)
{
    return net_nat_built();
}

int vmms_check_disk(const char *text, struct error *error)
{
    struct disk_spec spec;

    return disk_spec_parse(text, &spec, error);
}

int vmms_check_net(const char *text, struct error *error)
{
    struct network_request request;

    return network_parse(&request, text, error);
}

const char *vmms_cpu_model_name(unsigned index)
{
    return index < cpu_model_count ? cpu_models[index].name : NULL;
}
