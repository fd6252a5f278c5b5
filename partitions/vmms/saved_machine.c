/* A machine with all its children to a file, and from one. [docs/saved-state.md] */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "partitions/board.h"
#include "partitions/hv/hv.h"
#include "partitions/machine.h"
#include "partitions/partition.h"
#include "partitions/saved_state.h"
#include "partitions/vmms/vmms_parts.h"

/* ---- both ways ---- */

/* The parts' sections. Adapters on their way out of every child come first, and the switches of all last: ports of all children are in
 * them. */
static void visit_parts(struct vmms *vmms, struct state_walk *walk)
{
    machine_visit_parts(&vmms->machine, walk);
    for (unsigned i = 0; i < vmms->n_children; i++) {
        network_visit_adapters(&vmms->child[i].worker.network, walk);
    }
    for (unsigned i = 0; i < vmms->n_children; i++) {
        if (vmms->child[i].worker.machine != NULL) {
            worker_visit(&vmms->child[i].worker, walk);
        }
    }
    network_visit(&vmms->child[0].worker.network, walk);
    machine_visit_last(&vmms->machine, walk);
}

/* ---- saving ---- */

/* The disks as they are now, not as they were at the start: a line each. */
static int save_disks(struct storage *storage, struct saved_text *text, struct error *error)
{
    text->n = 0;
    for (unsigned i = 0; i < storage->n_disks; i++) {
        size_t n = strlen(storage->disks[i].spec);
        if (text->n + n + 2 > sizeof(text->bytes) || i == VMMS_DISKS_MAX) {
            return error_set(error, -E2BIG, "the disks are too many to be saved");
        }
        memcpy(text->bytes + text->n, storage->disks[i].spec, n);
        text->n += (uint32_t)n;
        text->bytes[text->n++] = '\n';
    }
    text->bytes[text->n] = 0;
    return storage_quiesce(storage, error);
}

/* What its configuration does not tell. */
static int save_child(struct child *child, struct saved_child *saved, struct error *error)
{
    saved->guest = child->partition->id;
    saved->over = child->over;
    saved->end = child->over ? child->end : 0;
    if (child->image.kernel != NULL) {
        saved->kernel_facts = boot_file_facts(child->image.kernel, child->image.kernel_bytes);
        saved->initrd_facts = boot_file_facts(child->image.initrd, child->image.initrd_bytes);
    }
    int status = save_disks(&child->worker.storage, &saved->disks, error);
    if (status == 0) {
        status = network_text(&child->worker.network, (char *)saved->net.bytes,
                              sizeof(saved->net.bytes), error);
        saved->net.n = (uint32_t)strlen((char *)saved->net.bytes);
    }
    return status;
}

int vmms_save(struct vmms *vmms, const char *path, struct error *error)
{
    for (unsigned i = 0; i < vmms->n_children; i++) {
        const char *unsaved = worker_unsaved(&vmms->child[i].worker);
        if (unsaved != NULL) {
            return error_set(error, -ENOTSUP, "the state of the device %s cannot be saved",
                             unsaved);
        }
    }
    int status = saved_config_fill(&vmms->saved, &vmms->config, &vmms->machine.config, error);
    for (unsigned i = 0; i < vmms->n_children && status == 0; i++) {
        status = save_child(&vmms->child[i], &vmms->saved.child[i], error);
    }
    if (status != 0) {
        return status;
    }
    struct state_writer *writer = state_writer_create(path, error);
    if (writer == NULL) {
        return -EIO;
    }
    struct state_walk walk = { .writer = writer };
    machine_forget(&vmms->machine);
    saved_config_write(&vmms->saved, writer);
    machine_visit_objects(&vmms->machine, &walk);
    visit_parts(vmms, &walk);
    return state_writer_commit(writer, error);
}

/* ---- restoring ---- */

int vmms_saved_children(const char *path, struct vmms_saved *saved, struct error *error)
{
    struct saved_config *from = calloc(1, sizeof(*from));
    struct vmms_config *config = calloc(1, sizeof(*config));
    int status = -ENOMEM;
    struct state_reader *reader = NULL;

    if (from == NULL || config == NULL) {
        error_set(error, status, "%.200s: no memory", path);
    } else {
        reader = state_reader_open(path, &status, error);
        status = reader != NULL ? saved_config_read(from, reader, config, error) : status;
    }
    if (reader != NULL && status == 0) {
        saved->n_children = from->n_children;
        memcpy(saved->name, from->name, sizeof(saved->name));
    }
    state_reader_close(reader);
    free(config);
    free(from);
    return status;
}

int saved_machine_read_again(struct vmms *vmms, struct child *child, struct error *error)
{
    const struct vmms_child *config = child->config;
    const struct saved_child *saved = &vmms->saved.child[child->number];
    struct boot_image *image = &child->image;
    int status = boot_read(image, config->kernel, config->initrd, config->append, error);

    if (status == 0) {
        struct boot_file_facts kernel = boot_file_facts(image->kernel, image->kernel_bytes);
        struct boot_file_facts initrd = boot_file_facts(image->initrd, image->initrd_bytes);
        if (!saved_config_same_file(&saved->kernel_facts, &kernel) ||
            !saved_config_same_file(&saved->initrd_facts, &initrd)) {
            status = error_set(error, -EINVAL,
                               "the kernel or its initrd is not the one that the "
                               "saved machine was started with");
        }
    }
    return status;
}

/* What is on the partition that a saved child has. */
static int make_child(struct vmms *vmms, struct child *child, struct error *error)
{
    struct machine *machine = &vmms->machine;
    const struct saved_child *saved = &vmms->saved.child[child->number];
    struct partition *guest = hypervisor_partition(&machine->hv, saved->guest);

    if (guest == NULL || guest->n_vps == 0 || guest->glue != NULL) {
        return error_set(error, -EINVAL, "%s: config.guest: there is no such partition",
                         vmms->config.resume);
    }
    child->over = saved->over;
    child->end = (enum vmms_end)saved->end;
    int status = child_make_board(child, machine, guest, error);
    if (status != 0 || vmms->config.role != VMMS_ROLE_CHILD) {
        return status;
    }
    status = worker_restore(&child->worker, machine, guest, child->number, error);
    return status == 0 ? child_make_devices(child, &vmms->child[0], vmms->config.seed, true, error)
                       : status;
}

int saved_machine_restore(struct vmms *vmms, struct state_reader *reader, struct error *error)
{
    struct machine *machine = &vmms->machine;
    struct state_walk walk = { .reader = reader, .error = error };
    bool replays = machine->input.replay;

    machine_visit_objects(machine, &walk);
    for (unsigned i = 0; i < vmms->n_children && walk.status == 0; i++) {
        walk.status = make_child(vmms, &vmms->child[i], error);
    }
    if (walk.status == 0) {
        visit_parts(vmms, &walk);
    }
    state_timers_fini(&walk.timers);
    if (walk.status != 0) {
        machine_restore_failed(machine);
    } else if (replays) {
        machine->input.replay = true; /* what is fed back now, the saved machine did not */
        machine_input_skip(&machine->input, clock_now_ns(&machine->clock));
    }
    if (walk.status == 0) {
        walk.status = network_resume(&vmms->child[0].worker.network, error);
    }
    return walk.status;
}
