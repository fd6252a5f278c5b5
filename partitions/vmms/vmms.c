/* The VM management service: makes a machine of a configuration, and hands it what frontends say. */
#include "partitions/vmms/vmms.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host/sink.h"
#include "cpu/exec/model.h"
#include "partitions/board.h"
#include "partitions/hv/hv.h"
#include "partitions/machine.h"
#include "partitions/partition.h"
#include "partitions/saved_state.h"
#include "partitions/vmms/autopsy.h"
#include "partitions/vmms/children.h"
#include "partitions/vmms/saved_config.h"
#include "partitions/vmms/settle.h"
#include "partitions/vmms/vmms_parts.h"
#include "partitions/vp.h"

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

    status = status == 0 ? settle_count(config, error) : status;
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

    status = status == 0 ? settle_config(&vmms->config, &model, error) : status;
    if (status != 0) {
        *usage_error = status == -EINVAL;
        return status;
    }
    place_children(vmms);
    struct machine_config machine = settle_machine(&vmms->config, &model);
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
