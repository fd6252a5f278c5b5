/* A machine runs until its last guest has ended: what each end means, and saves on the way. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/host/time.h"
#include "partitions/machine.h"
#include "partitions/partition.h"
#include "partitions/state_hash.h"
#include "partitions/vmms/vmms_parts.h"
#include "partitions/vp.h"

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
