/* The VM management service: turns a configuration into a running machine, and its end into a
 * result. */
#include "partitions/vmms/vmms.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host/sink.h"
#include "base/host/time.h"
#include "cpu/dump.h"
#include "cpu/exec/model.h"
#include "partitions/board.h"
#include "partitions/hv/hv.h"
#include "partitions/machine.h"
#include "partitions/partition.h"
#include "partitions/saved_state.h"
#include "partitions/state_hash.h"
#include "partitions/vmms/autopsy.h"
#include "partitions/vmms/children.h"
#include "partitions/vmms/saved_config.h"
#include "partitions/vmms/vmms_parts.h"
#include "partitions/vp.h"

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

static int count_children(struct vmms_config *config, struct error *error)
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
static int settle(struct vmms_config *config, struct cpu_model *model, struct error *error)
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

static struct machine_config machine_config_of(const struct vmms_config *config,
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

    (void)dump_bits(config->dump, &machine.dump, NULL); /* settle has judged it */
    return machine;
}

/* The root's RAM: below and above the hole when it is the guest; one to one when the parent is
 * built in. */
static int map_root(struct vmms *vmms)
{
    struct machine *machine = &vmms->machine;
    uint64_t pages = (machine->config.ram_bytes >> PAGE_SHIFT) - machine->config.reserved_pages;
    uint64_t low = BOARD_LOW_MEMORY_LIMIT >> PAGE_SHIFT;

    if (!machine->config.root_is_guest || pages <= low) {
        return hypervisor_root_map(&machine->hv, 0, 0, pages);
    }
    int status = hypervisor_root_map(&machine->hv, 0, 0, low);
    return status != 0 ? status
                       : hypervisor_root_map(&machine->hv, BOARD_HIGH_MEMORY >> PAGE_SHIFT, low,
                                             pages - low);
}

static int make_partitions(struct vmms *vmms, struct error *error)
{
    bool is_child = vmms->config.role == VMMS_ROLE_CHILD;
    int status = map_root(vmms);

    if (status != 0) {
        return error_set(error, status, "no memory for the root's GPA map");
    }
    for (unsigned i = 0; i < vmms->n_children && status == 0; i++) {
        struct child *child = &vmms->child[i];
        status = child_make(child, &vmms->machine, is_child, error);
        if (status == 0 && is_child) {
            status = worker_start(&child->worker, &vmms->machine, child->partition, i, error);
            status = status == 0 ? child_make_devices(child, &vmms->child[0], vmms->config.seed,
                                                      false, error)
                                 : status;
        }
    }
    return status;
}

/* One whose guest ended listens no more. */
static size_t serial_input(void *opaque, unsigned port, const uint8_t *bytes, size_t n)
{
    struct vmms *vmms = opaque;

    return port >= vmms->n_children || vmms->child[port].over
               ? n
               : board_serial_input(vmms->child[port].board, bytes, n);
}

/* The record to feed back, the record to write, and the JSON trace. */
static int open_files(struct vmms *vmms, bool *usage_error, struct error *error)
{
    const struct vmms_config *config = &vmms->config;
    struct machine *machine = &vmms->machine;
    int status = 0;

    machine->input.serial = serial_input;
    machine->input.serial_opaque = vmms;
    for (unsigned i = 0; i < vmms->n_children; i++) {
        machine->input.port_name[i] = vmms->child[i].config->name;
    }
    if (config->input != NULL) {
        status = machine_input_replay(&machine->input, config->input, error);
        *usage_error = status == -EINVAL;
    }
    if (status == 0 && config->record != NULL) {
        status = machine_input_record(&machine->input, config->record, error);
    }
    if (status == 0 && config->trace_json != NULL) {
        status = host_sink_file(&vmms->json, config->trace_json, error);
        if (status == 0) {
            trace_json_start(&machine->trace, &vmms->json, config->trace == NULL);
        }
    }
    return status;
}

/* The child that a command begins with: "@NAME" and a tab; else the first. NULL: there is none of the name. */
static struct child *addressed(struct vmms *vmms, const char **text, size_t *n)
{
    const char *end = *n > 0 && **text == '@' ? memchr(*text, '\t', *n) : NULL;

    if (end == NULL) {
        return &vmms->child[0];
    }
    size_t length = (size_t)(end - *text) - 1;
    for (unsigned i = 0; i < vmms->n_children; i++) {
        const char *name = vmms->child[i].config->name;
        if (strlen(name) == length && strncmp(name, *text + 1, length) == 0) {
            *n -= length + 2;
            *text += length + 2;
            return &vmms->child[i];
        }
    }
    return NULL;
}

static void power_off(struct vmms *vmms, struct child *child)
{
    __atomic_store_n(&child->partition->power_off, true, __ATOMIC_RELEASE);
    __atomic_store_n(&vmms->machine.power_off, true, __ATOMIC_RELEASE);
    machine_kick(&vmms->machine);
}

static int take_command(struct vmms *vmms, const char *text, size_t n, struct error *error)
{
    static const char off[] = "power-off";
    struct child *child = addressed(vmms, &text, &n);

    if (child == NULL) {
        return error_set(error, -ENOENT, "there is no such child");
    }
    if (child->over) {
        return error_set(error, -ENOTCONN, "child %s has ended", child->config->name);
    }
    if (n == sizeof(off) - 1 && memcmp(text, off, n) == 0) {
        power_off(vmms, child);
        return 0;
    }
    return worker_command(&child->worker, text, n, error);
}

static void enter_command(void *opaque, const char *text, size_t n)
{
    (void)take_command(opaque, text, n, NULL); /* its fate is the guest's to see */
}

static void root_message(void *opaque, struct vp *root_vp, unsigned sint)
{
    struct vmms *vmms = opaque;

    if (root_vp->index < vmms->n_children) {
        worker_root_message(&vmms->child[root_vp->index].worker, sint);
    }
}

static int open_saved(struct vmms *vmms, struct state_reader **reader, struct error *error)
{
    struct vmms_config *config = &vmms->config;
    int status = 0;

    *reader =
        config->resume_records == NULL
            ? state_reader_open(config->resume, &status, error)
            : state_reader_memory(config->resume_records, config->n_resume_records, &status, error);
    return *reader == NULL ? status : saved_config_read(&vmms->saved, *reader, config, error);
}

static int read_kernels(struct vmms *vmms, struct error *error)
{
    int status = 0;

    for (unsigned i = 0; i < vmms->n_children && status == 0; i++) {
        const struct vmms_child *child = vmms->child[i].config;
        status =
            boot_read(&vmms->child[i].image, child->kernel, child->initrd, child->append, error);
    }
    return status;
}

/* What the configuration comes from beside the caller: the kernel's files, or a saved state. */
static int make_children(struct vmms *vmms, struct state_reader **reader, struct error *error)
{
    struct vmms_config *config = &vmms->config;
    int status = config->resume != NULL ? open_saved(vmms, reader, error) : 0;

    status = status == 0 ? count_children(config, error) : status;
    if (status != 0) {
        return status;
    }
    vmms->child = calloc(config->n_children, sizeof(*vmms->child));
    if (vmms->child == NULL) {
        return error_set(error, -ENOMEM, "no memory for a machine");
    }
    vmms->n_children = config->n_children;
    for (unsigned i = 0; i < vmms->n_children; i++) {
        vmms->child[i].config = &config->child[i];
        vmms->child[i].number = i;
    }
    return config->resume == NULL ? read_kernels(vmms, error) : 0;
}

/* After the configuration is settled: what each has of the parent's pages. */
static void place_children(struct vmms *vmms)
{
    uint64_t page = 0;

    for (unsigned i = 0; i < vmms->n_children; i++) {
        vmms->child[i].first_page = page;
        page += child_pages(vmms->child[i].config);
    }
}

/* vmms.config to a machine without partitions, and the reader of a saved state. */
static int make_machine(struct vmms *vmms, struct state_reader **reader, bool *usage_error,
                        struct error *error)
{
    struct cpu_model model;
    int status = make_children(vmms, reader, error);

    status = status == 0 ? settle(&vmms->config, &model, error) : status;
    if (status != 0) {
        *usage_error = status == -EINVAL;
        return status;
    }
    place_children(vmms);
    struct machine_config machine = machine_config_of(&vmms->config, &model);
    machine.root_message = root_message;
    machine.root_message_opaque = vmms;
    if (*reader != NULL) {
        status = saved_config_check(&vmms->saved, &machine, vmms->config.resume, error);
    }
    *usage_error = status != 0;
    if (status == 0) {
        status = machine_init(&vmms->machine, &machine, stderr, error);
        vmms->machine_made = status == 0;
    }
    return status;
}

static int start_children(struct vmms *vmms, struct error *error)
{
    int status = 0;

    for (unsigned i = 0; i < vmms->n_children && status == 0; i++) {
        status = child_start(&vmms->child[i], error);
    }
    return status;
}

struct vmms *vmms_create(const struct vmms_config *config, bool *usage_error, struct error *error)
{
    struct vmms *vmms = calloc(1, sizeof(*vmms));
    struct state_reader *reader = NULL;

    *usage_error = false;
    if (vmms == NULL) {
        error_set(error, -ENOMEM, "no memory for a machine");
        return NULL;
    }
    vmms->config = *config;
    host_sink_none(&vmms->json);
    int status = make_machine(vmms, &reader, usage_error, error);
    if (status == 0) {
        vmms->machine.input.command = enter_command;
        vmms->machine.input.command_opaque = vmms;
    }
    if (status == 0 && config->trace != NULL) {
        status = trace_enable(&vmms->machine.trace, config->trace, error);
        *usage_error = status != 0;
    }
    if (status == 0) {
        status = open_files(vmms, usage_error, error);
    }
    if (status == 0 && reader != NULL) {
        status = saved_machine_restore(vmms, reader, error);
        *usage_error = status == -EINVAL;
    } else if (status == 0) {
        status = make_partitions(vmms, error);
        status = status == 0 ? start_children(vmms, error) : status;
    }
    state_reader_close(reader);
    if (status == 0 && config->lockstep && vmms_translation_refused(vmms) != NULL) {
        status = error_set(error, -ENOTSUP, "check lockstep: %s", vmms_translation_refused(vmms));
    }
    if (status != 0) {
        vmms_destroy(vmms);
        return NULL;
    }
    return vmms;
}

/* An instant of save_at is reached. False: the run ends here. */
static bool save_now(struct vmms *vmms, struct vmms_result *result, struct error *error)
{
    const struct vmms_config *config = &vmms->config;
    unsigned number = vmms->machine.n_paused;
    char path[4096];
    int n = config->n_save_at == 1 ? snprintf(path, sizeof(path), "%s", config->save)
                                   : snprintf(path, sizeof(path), "%s.%" PRIu64, config->save,
                                              config->save_at[number - 1]);

    result->end = VMMS_END_HOST_FAILURE;
    if ((size_t)n >= sizeof(path)) {
        error_set(error, -ENAMETOOLONG, "%s: the name is too long", config->save);
        return false;
    }
    clock_stop(&vmms->machine.clock);
    int status = vmms_save(vmms, path, error);
    clock_go(&vmms->machine.clock);
    if (status != 0) {
        return false;
    }
    result->end = VMMS_END_SAVED;
    return number < config->n_save_at || config->save_continues;
}

void vmms_destroy(struct vmms *vmms)
{
    if (vmms == NULL) {
        return;
    }
    for (unsigned i = vmms->child != NULL ? vmms->n_children : 0; i-- > 0;) {
        child_fini(&vmms->child[i]); /* the first last: it has the switches */
        boot_fini(&vmms->child[i].image);
    }
    if (vmms->machine_made) {
        machine_fini(&vmms->machine);
    }
    host_sink_close(&vmms->json);
    free(vmms->child);
    free(vmms);
}

static enum vmms_end end_of(enum machine_end end)
{
    static const enum vmms_end ends[] = {
        [MACHINE_POWER_OFF] = VMMS_END_POWER_OFF,
        [MACHINE_RESET] = VMMS_END_RESET,
        [MACHINE_STOPPED] = VMMS_END_STOPPED,
        [MACHINE_TRIPLE_FAULT] = VMMS_END_TRIPLE_FAULT,
        [MACHINE_HALTED] = VMMS_END_HALTED,
        [MACHINE_INSTRUCTION_LIMIT] = VMMS_END_INSTRUCTION_LIMIT,
        [MACHINE_TIMEOUT] = VMMS_END_TIMEOUT,
        [MACHINE_UNIMPLEMENTED] = VMMS_END_UNIMPLEMENTED,
        [MACHINE_DIFFERS] = VMMS_END_DIFFERS,
    };

    return ends[end];
}

static int restart(struct vmms *vmms, struct child *child, struct error *error)
{
    int status = child->image.kernel == NULL ? saved_machine_read_again(vmms, child, error) : 0;

    return status == 0 ? child_restart(child, error) : status;
}

/* What one guest did; a guest that did nothing runs on. fell: the VP that triple-faulted, or NULL. */
static int take_end(struct vmms *vmms, struct child *child, const struct vp *fell,
                    struct error *error)
{
    struct partition *partition = child->partition;
    bool off = __atomic_exchange_n(&partition->power_off, false, __ATOMIC_ACQ_REL);
    bool reset = __atomic_exchange_n(&partition->reset, false, __ATOMIC_ACQ_REL);
    bool crashed = __atomic_load_n(
        vmms->n_children > 1 ? &partition->crashed : &vmms->machine.crashed, __ATOMIC_ACQUIRE);
    bool faulted = fell != NULL && fell->partition == partition;

    if (child->over || (!off && !reset && !faulted)) {
        return 0;
    }
    if (reset && !off && !vmms->config.no_reboot) {
        return restart(vmms, child, error);
    }
    enum vmms_end end = off || reset ? crashed ? VMMS_END_PANIC
                                       : off   ? VMMS_END_POWER_OFF
                                               : VMMS_END_RESET
                                     : VMMS_END_TRIPLE_FAULT;
    if (vmms->n_children > 1) {
        child_end(child, end);
    }
    child->over = true;
    child->end = end;
    return 0;
}

/* Why machine_run came back, to who it was. True: others run on. */
static bool runs_on(struct vmms *vmms, enum machine_end end, struct vmms_result *result,
                    struct error *error)
{
    static const uint8_t worse[] = { [VMMS_END_POWER_OFF] = 1,
                                     [VMMS_END_RESET] = 2,
                                     [VMMS_END_PANIC] = 3,
                                     [VMMS_END_TRIPLE_FAULT] = 4 };
    struct machine *machine = &vmms->machine;
    bool told = end == MACHINE_TRIPLE_FAULT, left = false;

    __atomic_store_n(&machine->power_off, false, __ATOMIC_RELEASE);
    __atomic_store_n(&machine->reset, false, __ATOMIC_RELEASE);
    struct vp *fell = __atomic_exchange_n(&machine->faulted, NULL, __ATOMIC_ACQ_REL);
    vmms->faulted = fell != NULL ? fell : vmms->faulted; /* others may end later */
    for (unsigned i = 0; i < vmms->n_children; i++) {
        told |= vmms->child[i].partition->power_off || vmms->child[i].partition->reset;
    }
    if (!told) { /* a guest's own child, or a machine that was saved so */
        vmms->child[0].partition->power_off = end == MACHINE_POWER_OFF;
        vmms->child[0].partition->reset = end == MACHINE_RESET;
    } else if (vmms->n_children == 1 && end == MACHINE_TRIPLE_FAULT) {
        vmms->child[0].over = true; /* whichever partition fell */
        vmms->child[0].end = VMMS_END_TRIPLE_FAULT;
    }
    result->end = VMMS_END_POWER_OFF;
    for (unsigned i = 0; i < vmms->n_children; i++) {
        struct child *child = &vmms->child[i];
        if (take_end(vmms, child, fell, error) != 0) {
            result->end = VMMS_END_HOST_FAILURE;
            return false;
        }
        left |= !child->over;
        if (child->over && worse[child->end] > worse[result->end]) {
            result->end = child->end;
        }
    }
    return left;
}

static void tell_result(struct vmms *vmms, struct vmms_result *result, uint64_t started_ns)
{
    struct machine *machine = &vmms->machine;

    debug_end(machine);
    result->panicked = __atomic_load_n(&machine->crashed, __ATOMIC_ACQUIRE);
    for (unsigned i = 0; i < vmms->n_children; i++) {
        const struct child *child = &vmms->child[i];
        result->child[i] = child->over ? child->end : result->end;
    }
    result->hashed = vmms->config.virtual_time;
    result->trace_hash = result->hashed ? state_hash_final(machine) : 0;
    result->instructions = machine_instructions(machine);
    result->wall_ns = host_monotonic_ns() - started_ns;
}

struct vmms_result vmms_run(struct vmms *vmms, struct error *error)
{
    struct vmms_result result = { 0 };
    uint64_t started = host_monotonic_ns();

    for (;;) {
        enum machine_end end = machine_run(&vmms->machine);
        if (end == MACHINE_PAUSED) {
            if (!save_now(vmms, &result, error)) {
                break;
            }
        } else if (end == MACHINE_POWER_OFF || end == MACHINE_RESET ||
                   end == MACHINE_TRIPLE_FAULT) {
            if (!runs_on(vmms, end, &result, error)) {
                break;
            }
        } else {
            result.end = end_of(end);
            break;
        }
    }
    tell_result(vmms, &result, started);
    return result;
}

void vmms_stop(struct vmms *vmms)
{
    machine_stop(&vmms->machine);
}

size_t vmms_serial_input(struct vmms *vmms, const uint8_t *bytes, size_t n)
{
    return vmms_child_input(vmms, 0, bytes, n);
}

size_t vmms_child_input(struct vmms *vmms, unsigned child, const uint8_t *bytes, size_t n)
{
    if (vmms->config.virtual_time) {
        return machine_input_type(&vmms->machine.input, child, bytes, n);
    }
    size_t taken = serial_input(vmms, child, bytes, n);

    machine_kick(&vmms->machine);
    return taken;
}

int vmms_child_type(struct vmms *vmms, unsigned child, const char *text, struct error *error)
{
    char typed[MACHINE_INPUT_QUEUE + 1];
    size_t n = strlen(text);

    if (n >= sizeof(typed)) {
        return error_set(error, -ENOBUFS, "at most %d characters at once", MACHINE_INPUT_QUEUE);
    }
    memcpy(typed, text, n + 1);
    if (!worker_unescape(typed)) {
        return error_set(error, -EINVAL, "console knows \\n, \\t, \\b, \\e and \\\\");
    }
    if (vmms->config.virtual_time && vmms->machine.input.replay) {
        return error_set(error, -EPERM, "this run replays its input");
    }
    n = strlen(typed);
    size_t taken = vmms_child_input(vmms, child, (const uint8_t *)typed, n);
    return taken == n
               ? 0
               : error_set(error, -ENOBUFS, "its serial port took %zu of %zu characters", taken, n);
}

const char *vmms_child_name(const struct vmms *vmms, unsigned child)
{
    return child < vmms->n_children ? vmms->child[child].config->name : NULL;
}

void vmms_reset(struct vmms *vmms, unsigned child)
{
    __atomic_store_n(&vmms->child[child].partition->reset, true, __ATOMIC_RELEASE);
    __atomic_store_n(&vmms->machine.reset, true, __ATOMIC_RELEASE);
    machine_kick(&vmms->machine);
}

/* ---- what the guest says over VMBus ---- */

int vmms_command(struct vmms *vmms, const char *text, struct error *error)
{
    struct machine *machine = &vmms->machine;
    int status;

    if (vmms->config.virtual_time && vmms->config.role == VMMS_ROLE_CHILD) {
        status = machine_input_command(&machine->input, text);
        return status == 0 ? 0
                           : error_set(error, status,
                                       status == -EPERM ? "this run replays its input"
                                                        : "too much waits to enter the machine");
    }
    debug_hold(machine);
    status = take_command(vmms, text, strlen(text), error);
    debug_release(machine);
    return status;
}

const char *vmms_translation_refused(const struct vmms *vmms)
{
    const char *text = vmms->machine.translation_refused.text;

    return text[0] != '\0' ? text : NULL;
}

struct machine *vmms_machine(struct vmms *vmms)
{
    return &vmms->machine;
}

void vmms_autopsy(struct vmms *vmms, char *text, size_t size)
{
    struct vp *vp = vmms->faulted != NULL ? vmms->faulted : vmms->machine.faulted;

    if (vp == NULL && vmms->machine.n_vps > 0) {
        vp = vmms->machine.vps[0];
    }
    text[0] = '\0';
    if (vp != NULL) {
        autopsy_print(vp, text, size);
    }
}

int vmms_explain(const struct vmms_config *config, char *text, size_t size, struct error *error)
{
    struct vmms_config settled = *config;
    struct cpu_model model;
    int status = count_children(&settled, error);

    status = status == 0 ? settle(&settled, &model, error) : status;
    if (status != 0) {
        return status;
    }
    const struct machine_config machine = machine_config_of(&settled, &model);
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
