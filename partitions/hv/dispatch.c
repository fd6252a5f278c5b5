/* The one dispatcher of hypercalls, and its order of checks. [TLFS hypercall-interface] */
/*
 * What is wrong is told in this order, whoever calls (departures stand at the handler; the
 * specification leaves the order open):
 *   1. #UD       no hypercall at all: CPL, real mode, no guest OS id, XMM not offered (entry.c)
 *   2. code      INVALID_HYPERCALL_CODE: no row, or a row that is not built
 *   3. shape     INVALID_HYPERCALL_INPUT: reserved bits, reps, variable header, fast form
 *   4. privilege ACCESS_DENIED: the row's bit of the caller's mask
 *   5. alignment INVALID_ALIGNMENT: the lists' GPAs (entry.c)
 *   6. memory    a child's lists that are not there: a GPA intercept, no status (entry.c)
 *   7. ids       INVALID_PARTITION_ID, ACCESS_DENIED (not the parent), INVALID_PARTITION_STATE,
 *                INVALID_VP_INDEX
 *   8. parameters, then resources: the handler
 */
#include <string.h>

#include "partitions/hv/request.h"
#include "partitions/hv/trace.h"

enum {
    FAST = HV_CALL_FAST,
    VAR = HV_CALL_VAR,
    IF_SELF = HV_CALL_IF_SELF,
    VP = HV_CALL_VP,
    VPS = HV_CALL_VPS,
    SHARED = HV_CALL_SHARED,
    U = 1u << PARTITION_UNINITIALIZED,
    A = 1u << PARTITION_ACTIVE,
    G = 1u << PARTITION_FINALIZING,
    F = 1u << PARTITION_FINALIZED,
    ALL = 0xf,
};

const struct hv_call_row hv_call_rows[] = {
#define HV_CALL(row_code, row_name, row_shape, row_in, row_el, row_out, row_out_el, row_flags,     \
                row_privilege, row_target, row_states, row_handler)                                \
    { .code = row_code,                                                                            \
      .name = #row_name,                                                                           \
      .shape = HV_SHAPE_##row_shape,                                                               \
      .in = row_in,                                                                                \
      .in_element = row_el,                                                                        \
      .out = row_out,                                                                              \
      .out_element = row_out_el,                                                                   \
      .flags = row_flags,                                                                          \
      .privilege = HV_PRIVILEGE_BIT_##row_privilege,                                               \
      .target = HV_TARGET_##row_target,                                                            \
      .states = row_states,                                                                        \
      .handler = row_handler },
    HV_CALLS(HV_CALL)
#undef HV_CALL
#define HV_CALL_NOT_BUILT(row_code, row_name)                                                      \
    { .code = row_code,                                                                            \
      .name = #row_name,                                                                           \
      .shape = HV_SHAPE_NOT_BUILT,                                                                 \
      .privilege = HV_PRIVILEGE_BIT_NONE },
        HV_CALLS_NOT_BUILT(HV_CALL_NOT_BUILT)
#undef HV_CALL_NOT_BUILT
};
const unsigned hv_n_call_rows = ARRAY_SIZE(hv_call_rows);
_Static_assert(ARRAY_SIZE(hv_call_rows) <= HV_CALL_ROWS_MOST, "a counter for each");

bool hv_call_count(const struct hypervisor *hv, unsigned row, uint16_t *code, const char **name,
                   uint64_t *count)
{
    if (row >= hv_n_call_rows) {
        return false;
    }
    *code = hv_call_rows[row].code;
    *name = hv_call_rows[row].name;
    *count = __atomic_load_n(&hv->hypercalls_by_row[row], __ATOMIC_RELAXED);
    return true;
}

const struct hv_call_row *hv_call_row_find(uint16_t code)
{
    for (unsigned i = 0; i < hv_n_call_rows; i++) {
        if (hv_call_rows[i].code == code) {
            return &hv_call_rows[i];
        }
    }
    return NULL;
}

void hv_call_lock(struct hypervisor *hv, uint16_t code)
{
    const struct hv_call_row *row = hv_call_row_find(code);

    if (row != NULL && (row->flags & HV_CALL_SHARED) != 0) {
        host_rwlock_read(&hv->lock);
    } else {
        host_rwlock_write(&hv->lock);
    }
}

/*
 *  63 60 59      48 47 44 43    32 31     30 27 26      17 16   15   0
 *  [rsvd][rep start][rsvd][rep cnt][nested][rsvd][variable][fast][code]
 */
struct hv_control hv_control_decode(uint64_t value)
{
    return (struct hv_control){
        .code = (uint16_t)value,
        .fast = (value >> 16 & 1) != 0,
        .variable = (unsigned)(value >> 17 & 0x3ff),
        .nested = (value >> 31 & 1) != 0,
        .reps = (unsigned)(value >> 32 & 0xfff),
        .start = (unsigned)(value >> 48 & 0xfff),
        .reserved = (value & UINT64_C(0xf000f00078000000)) != 0,
    };
}

hv_status_t hv_request_check(const struct hv_caller *caller, const struct hv_control *control,
                             const struct hv_call_row **row)
{
    const struct hv_call_row *found = hv_call_row_find(control->code);
    struct hypervisor *hv = caller->partition->hv;

    *row = found;
    int vp = caller->vp != NULL ? (int)caller->vp->index : -1;
    if (found == NULL) {
        HV_TRACE(hv, HYPERCALL_UNKNOWN, caller->partition->id, vp, control->code);
        return HV_STATUS_INVALID_HYPERCALL_CODE;
    }
    if (found->shape == HV_SHAPE_NOT_BUILT) {
        HV_TRACE(hv, NOT_BUILT, caller->partition->id, vp, HV_TRACE_NAME(found->name),
                 control->code);
        return HV_STATUS_INVALID_HYPERCALL_CODE;
    }
    if (control->reserved || control->nested || (control->fast && !(found->flags & HV_CALL_FAST)) ||
        (control->variable != 0 && !(found->flags & HV_CALL_VAR))) {
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    }
    if (found->shape == HV_SHAPE_REP ? control->start >= control->reps
                                     : control->reps != 0 || control->start != 0) {
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    }
    if (found->privilege != HV_PRIVILEGE_BIT_NONE && !(found->flags & HV_CALL_IF_SELF) &&
        !(caller->partition->privileges >> found->privilege & 1)) {
        return HV_STATUS_ACCESS_DENIED;
    }
    return HV_STATUS_SUCCESS;
}

size_t hv_request_in_bytes(const struct hv_call_row *row, const struct hv_control *control)
{
    return row->in + control->variable * 8u + (size_t)control->reps * row->in_element;
}

size_t hv_request_out_bytes(const struct hv_call_row *row, const struct hv_control *control)
{
    return row->out + (size_t)control->reps * row->out_element;
}

struct partition *hv_request_partition(const struct hv_request *request, uint64_t id)
{
    return id == HV_PARTITION_ID_SELF ? request->caller->partition
                                      : hypervisor_partition(request->hv, id);
}

static bool caller_may_name(const struct hv_request *request, const struct partition *target)
{
    const struct partition *caller = request->caller->partition;

    if (target->parent == caller) {
        return true;
    }
    if (target != caller) {
        return false;
    }
    switch (request->row->target) {
    case HV_TARGET_CHILD_SELF:
        return !(request->row->flags & HV_CALL_IF_SELF) ||
               (caller->privileges >> request->row->privilege & 1) != 0;
    case HV_TARGET_CHILD_ROOT:
        return partition_is_root(target);
    default:
        return false;
    }
}

static hv_status_t find_target(struct hv_request *request)
{
    enum { VP_INDEX_OFFSET = 8 };

    if (request->row->target == HV_TARGET_NONE) {
        return HV_STATUS_SUCCESS;
    }
    request->target = hv_request_partition(request, le64_load(request->in));
    if (request->target == NULL) {
        return HV_STATUS_INVALID_PARTITION_ID;
    }
    if (!caller_may_name(request, request->target)) {
        return HV_STATUS_ACCESS_DENIED;
    }
    if (!(request->row->states >> request->target->state & 1)) {
        return HV_STATUS_INVALID_PARTITION_STATE;
    }
    if (request->row->flags & HV_CALL_VP) {
        uint32_t index = le32_load(request->in + VP_INDEX_OFFSET);

        request->vp = partition_vp(request->target, index);
        if (index == HV_VP_INDEX_SELF && request->target == request->caller->partition) {
            request->vp = request->caller->vp;
        }
        if (request->vp == NULL) {
            return HV_STATUS_INVALID_VP_INDEX;
        }
    }
    return HV_STATUS_SUCCESS;
}

/* Do the VPs whose state the call touches stand still? */
static bool targets_held(const struct hv_request *request)
{
    const struct hypervisor *hv = request->hv;
    struct vp *by = request->caller->vp;
    bool held = true;

    if (hv->ops->hold == NULL) {
        return true;
    }
    if ((request->row->flags & HV_CALL_VP) != 0 && request->vp != by) {
        held = hv->ops->hold(hv->config.ops_opaque, by, request->vp);
    }
    if (request->row->flags & HV_CALL_VPS) {
        for (uint32_t i = 0; i < HV_VPS; i++) {
            struct vp *vp = partition_vp(request->target, i);
            held &= vp == NULL || hv->ops->hold(hv->config.ops_opaque, by, vp);
        }
    }
    return held;
}

static void targets_release(const struct hv_request *request)
{
    if ((request->row->flags & (HV_CALL_VP | HV_CALL_VPS)) != 0 &&
        request->hv->ops->release != NULL) {
        request->hv->ops->release(request->hv->config.ops_opaque, request->caller->vp);
    }
}

hv_status_t hv_request_run(struct hv_request *request, unsigned budget, unsigned *done)
{
    const struct hv_caller *caller = request->caller;
    hv_status_t status = find_target(request);

    *done = request->control.start;
    request->again = status == HV_STATUS_SUCCESS && !targets_held(request);
    if (request->again) {
        return HV_STATUS_SUCCESS;
    }
    if (status == HV_STATUS_SUCCESS && request->row->shape == HV_SHAPE_SIMPLE) {
        status = request->row->handler(request);
    } else if (status == HV_STATUS_SUCCESS) {
        while (status == HV_STATUS_SUCCESS && *done < request->control.reps && budget-- > 0) {
            request->index = *done;
            status = request->row->handler(request);
            *done += status == HV_STATUS_SUCCESS;
        }
    }
    if (request->registers_changed) {
        request->hv->ops->state_changed(request->vp);
    }
    targets_release(request);
    __atomic_fetch_add(&request->hv->hypercalls, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&request->hv->hypercalls_by_row[request->row - hv_call_rows], 1,
                       __ATOMIC_RELAXED);
    HV_TRACE(request->hv, HYPERCALL, caller->partition->id,
             caller->vp != NULL ? (int)caller->vp->index : -1, request->row->code,
             HV_TRACE_NAME(request->row->name), status, *done);
    return status;
}

struct hv_caller hv_caller_root(struct hypervisor *hv)
{
    return (struct hv_caller){ .partition = hv->root };
}

/* The control value that a guest would have made of a C call; reserved: no guest could. */
static struct hv_control control_of_call(const struct hv_call_row *row, uint16_t code,
                                         size_t in_len, unsigned reps)
{
    struct hv_control control = { .code = code, .reps = reps, .reserved = reps > 0xfff };
    size_t fixed = row != NULL ? row->in + (size_t)reps * row->in_element : in_len;
    size_t variable = in_len >= fixed ? in_len - fixed : 0;

    control.variable = (unsigned)(variable / 8 & 0x3ff);
    control.reserved =
        control.reserved || in_len < fixed || variable % 8 != 0 || variable / 8 > 0x3ff;
    return control;
}

/* *again: nothing happened, see hv_request.again. *settles: VPs may have been asked for something. */
static hv_status_t call_once(const struct hv_caller *caller, uint16_t code, const void *in,
                             size_t in_len, void *out, size_t out_len, unsigned reps,
                             unsigned *reps_done, bool *again, bool *settles)
{
    struct hypervisor *hv = caller->partition->hv;
    struct hv_control control = control_of_call(hv_call_row_find(code), code, in_len, reps);
    const struct hv_call_row *row;
    unsigned done = 0;
    hv_status_t status;

    hv_call_lock(hv, code);
    status = hv_request_check(caller, &control, &row);
    if (status == HV_STATUS_SUCCESS && out_len < hv_request_out_bytes(row, &control)) {
        status = HV_STATUS_INVALID_HYPERCALL_INPUT;
    }
    if (status == HV_STATUS_SUCCESS) {
        struct hv_request request = {
            .hv = hv, .caller = caller, .row = row, .control = control, .in = in, .out = out
        };

        if (out_len > 0) {
            memset(out, 0, hv_request_out_bytes(row, &control));
        }
        status = hv_request_run(&request, UINT32_MAX, &done);
        *again = request.again;
        *settles = row->target != HV_TARGET_NONE;
    } else {
        HV_TRACE(hv, HYPERCALL_REFUSED, caller->partition->id, -1, code,
                 HV_TRACE_NAME(row != NULL ? row->name : "?"), status);
    }
    host_rwlock_unlock(&hv->lock);
    if (reps_done != NULL) {
        *reps_done = done;
    }
    return status;
}

hv_status_t hv_call(const struct hv_caller *caller, uint16_t code, const void *in, size_t in_len,
                    void *out, size_t out_len, unsigned reps, unsigned *reps_done)
{
    struct hypervisor *hv = caller->partition->hv;
    hv_status_t status;
    bool again, settles;

    do {
        again = settles = false;
        status =
            call_once(caller, code, in, in_len, out, out_len, reps, reps_done, &again, &settles);
        if (settles && hv->ops->settle != NULL) {
            hv->ops->settle(hv->config.ops_opaque);
        }
    } while (again);
    return status;
}
