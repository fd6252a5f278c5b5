/* From a guest's VMCALL to a request and back: the call's forms. [TLFS hypercall-interface] */
#include <string.h>

#include "cpu/exec/core.h"
#include "partitions/hv/features.h"
#include "partitions/hv/intercept.h"
#include "partitions/hv/request.h"
#include "partitions/hv/trace.h"

/* A guest's rep call goes on for at most this many elements before its VP looks up: far below 50
 * us. */
enum { REP_BUDGET = 64 };

/* Two general registers, then XMM0-5. */
enum { FAST_GPR_BYTES = 16, FAST_BYTES = 112, FAST_PAIR_BYTES = 16 };

struct entry {
    struct vp *vp;
    struct cpu_state *state;
    bool wide; /* 64-bit code */
    struct hv_control control;
    const struct hv_call_row *row;
    size_t in_bytes, out_bytes;
    bool shared; /* a reader of the hypervisor's lock; */
    bool again;  /* needs to be a writer */
    uint64_t in_gpa, out_gpa;
    uint8_t in[HV_PARAMETER_BYTES], out[HV_PARAMETER_BYTES];
};

static uint64_t register_pair(const struct cpu_state *state, unsigned high, unsigned low)
{
    return state->gpr[high] << 32 | (uint32_t)state->gpr[low];
}

static void register_pair_set(struct cpu_state *state, unsigned high, unsigned low, uint64_t value)
{
    state->gpr[high] = value >> 32;
    state->gpr[low] = (uint32_t)value;
}

static bool is_hypercall(const struct vp *vp)
{
    const struct cpu_state *state = &vp->cpu.core.state;
    unsigned cpl = state->rflags_rest & FLAG_VM ? 3 : segment_dpl(&state->seg[SEG_SS]);

    return (state->cr0 & CR0_PE) != 0 && cpl == 0 && vp->partition->guest_os_id != 0;
}

static void read_registers(struct entry *entry)
{
    const struct cpu_state *state = entry->state;

    entry->wide = (state->efer & EFER_LMA) != 0 && (state->seg[SEG_CS].attributes & SEG_L) != 0;
    if (entry->wide) {
        entry->control = hv_control_decode(state->gpr[REG_RCX]);
        entry->in_gpa = state->gpr[REG_RDX];
        entry->out_gpa = state->gpr[REG_R8];
    } else {
        entry->control = hv_control_decode(register_pair(state, REG_RDX, REG_RAX));
        entry->in_gpa = register_pair(state, REG_RBX, REG_RCX);
        entry->out_gpa = register_pair(state, REG_RDI, REG_RSI);
    }
}

static void set_result(struct entry *entry, hv_status_t status, unsigned done)
{
    uint64_t result = status | (uint64_t)done << 32;

    if (entry->wide) {
        entry->state->gpr[REG_RAX] = result;
    } else {
        register_pair_set(entry->state, REG_RDX, REG_RAX, result);
    }
}

/* The call starts again at element `start` when the instruction does. */
static void set_rep_start(struct entry *entry, unsigned start)
{
    const uint64_t mask = UINT64_C(0xfff) << 48;
    struct cpu_state *state = entry->state;

    if (entry->wide) {
        state->gpr[REG_RCX] = (state->gpr[REG_RCX] & ~mask) | (uint64_t)start << 48;
    } else {
        uint64_t control = register_pair(state, REG_RDX, REG_RAX);

        register_pair_set(state, REG_RDX, REG_RAX, (control & ~mask) | (uint64_t)start << 48);
    }
}

/* ---- parameters in registers ---- */

static size_t fast_output_offset(const struct entry *entry)
{
    return (entry->in_bytes + FAST_PAIR_BYTES - 1) & ~(size_t)(FAST_PAIR_BYTES - 1);
}

static hv_status_t fast_check(const struct entry *entry)
{
    uint32_t features = entry->vp->partition->features;

    if (entry->in_bytes > FAST_BYTES ||
        (entry->out_bytes > 0 && ((features & HV_FEATURE_XMM_OUTPUT) == 0 ||
                                  fast_output_offset(entry) + entry->out_bytes > FAST_BYTES))) {
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    }
    return HV_STATUS_SUCCESS;
}

static bool fast_uses_xmm(const struct entry *entry)
{
    return entry->in_bytes > FAST_GPR_BYTES || entry->out_bytes > 0;
}

static void fast_read(struct entry *entry)
{
    le64_store(entry->in, entry->in_gpa);
    le64_store(entry->in + 8, entry->out_gpa);
    for (unsigned i = 0; i < (FAST_BYTES - FAST_GPR_BYTES) / 16; i++) {
        memcpy(entry->in + FAST_GPR_BYTES + 16 * i, entry->state->xmm[i].u8, 16);
    }
}

/* Registers that hold no output keep what they held. */
static void fast_write(struct entry *entry)
{
    uint8_t registers[FAST_BYTES];
    size_t at = fast_output_offset(entry);

    memcpy(registers, entry->in, sizeof(registers));
    memcpy(registers + at, entry->out, entry->out_bytes);
    if (at == 0 && entry->wide) {
        entry->state->gpr[REG_RDX] = le64_load(registers);
        if (entry->out_bytes > 8) {
            entry->state->gpr[REG_R8] = le64_load(registers + 8);
        }
    } else if (at == 0) {
        register_pair_set(entry->state, REG_RBX, REG_RCX, le64_load(registers));
        if (entry->out_bytes > 8) {
            register_pair_set(entry->state, REG_RDI, REG_RSI, le64_load(registers + 8));
        }
    }
    for (unsigned i = 0; i < (FAST_BYTES - FAST_GPR_BYTES) / 16; i++) {
        memcpy(entry->state->xmm[i].u8, registers + FAST_GPR_BYTES + 16 * i, 16);
    }
}

/* ---- parameters in memory ---- */

static bool list_aligned(const struct entry *entry, gpa_t gpa, size_t bytes)
{
    return bytes == 0 || (gpa % 8 == 0 && gpa % PAGE_SIZE + bytes <= PAGE_SIZE &&
                          gpa >> entry->vp->partition->hv->config.address_bits == 0);
}

static hv_status_t slow_check(const struct entry *entry)
{
    bool apart = entry->in_bytes == 0 || entry->out_bytes == 0 ||
                 entry->in_gpa + entry->in_bytes <= entry->out_gpa ||
                 entry->out_gpa + entry->out_bytes <= entry->in_gpa;

    if (!list_aligned(entry, entry->in_gpa, entry->in_bytes) ||
        !list_aligned(entry, entry->out_gpa, entry->out_bytes) || !apart) {
        return HV_STATUS_INVALID_ALIGNMENT;
    }
    return HV_STATUS_SUCCESS;
}

/* A list that is not there: the parent is told and the call starts again; the root has no parent.
 */
static enum core_status list_missing(struct entry *entry, gpa_t gpa, unsigned access)
{
    if (entry->shared) {
        entry->again = true;
        return CORE_SUSPEND;
    }
    if (hv_intercept_gpa_locked(entry->vp, gpa, false, 0, access, NULL)) {
        return CORE_SUSPEND;
    }
    set_result(entry, HV_STATUS_INVALID_PARAMETER, entry->control.start);
    return CORE_OK;
}

static enum core_status slow_read(struct entry *entry, bool *ready)
{
    const struct space *space = &entry->vp->partition->space;

    *ready = false;
    if (entry->in_bytes > 0 && !space_read(space, entry->in_gpa, entry->in, entry->in_bytes)) {
        return list_missing(entry, entry->in_gpa, SPACE_READ);
    }
    if (entry->out_bytes > 0 &&
        space_host(space, entry->out_gpa, entry->out_bytes, SPACE_WRITE) == NULL) {
        return list_missing(entry, entry->out_gpa, SPACE_WRITE);
    }
    *ready = true;
    return CORE_OK;
}

/* Output of the elements done in this entry; a simple call's only when it succeeded. */
static void write_output(struct entry *entry, hv_status_t status, unsigned done)
{
    size_t from = 0, to = entry->out_bytes;

    if (entry->row->shape == HV_SHAPE_REP) {
        from = (size_t)entry->control.start * entry->row->out_element;
        to = (size_t)done * entry->row->out_element;
    } else if (status != HV_STATUS_SUCCESS) {
        return;
    }
    if (entry->control.fast) {
        if (to > from) {
            fast_write(entry);
        }
    } else if (to > from) {
        /* Checked before; it can only fail when the page was taken away meanwhile. */
        (void)!space_write(&entry->vp->partition->space, entry->out_gpa + from, entry->out + from,
                           to - from);
    }
}

static enum core_status run(struct entry *entry, const struct hv_caller *caller)
{
    struct hypervisor *hv = entry->vp->partition->hv;
    struct hv_request request = { .hv = hv,
                                  .caller = caller,
                                  .row = entry->row,
                                  .control = entry->control,
                                  .in = entry->in,
                                  .out = entry->out };
    unsigned done;
    hv_status_t status;

    memset(entry->out, 0, entry->out_bytes);
    status = hv_request_run(&request, REP_BUDGET, &done);
    if (request.again) {
        return CORE_SUSPEND;
    }
    write_output(entry, status, done);
    if (status == HV_STATUS_SUCCESS && entry->row->shape == HV_SHAPE_REP &&
        done < entry->control.reps) {
        set_rep_start(entry, done);
        return CORE_SUSPEND;
    }
    set_result(entry, status, done);
    return CORE_OK;
}

static enum core_status enter(struct entry *entry)
{
    struct vp *vp = entry->vp;
    struct hv_caller caller = {
        .partition = vp->partition, .vp = vp, .vtl = vp->active_vtl, .guest = true
    };
    hv_status_t status = hv_request_check(&caller, &entry->control, &entry->row);
    bool ready = true;

    if (status == HV_STATUS_SUCCESS) {
        entry->in_bytes = hv_request_in_bytes(entry->row, &entry->control);
        entry->out_bytes = hv_request_out_bytes(entry->row, &entry->control);
        if (entry->control.fast && fast_uses_xmm(entry) &&
            !(vp->partition->features & HV_FEATURE_XMM_INPUT)) {
            return CORE_UD;
        }
        status = entry->control.fast ? fast_check(entry) : slow_check(entry);
    }
    if (status != HV_STATUS_SUCCESS) {
        HV_TRACE(vp->partition->hv, HYPERCALL_REFUSED, vp->partition->id, vp->index,
                 entry->control.code, HV_TRACE_NAME(entry->row != NULL ? entry->row->name : "?"),
                 status);
        set_result(entry, status, entry->control.start);
        return CORE_OK;
    }
    if (entry->control.fast) {
        fast_read(entry);
    } else {
        enum core_status read = slow_read(entry, &ready);

        if (!ready) {
            return read;
        }
    }
    return run(entry, &caller);
}

enum core_status hv_hypercall_from_guest(struct vp *vp)
{
    struct hypervisor *hv = vp->partition->hv;
    struct entry entry;
    enum core_status status;

    if (!is_hypercall(vp)) {
        return CORE_UD;
    }
    entry.vp = vp;
    entry.state = &vp->cpu.core.state;
    read_registers(&entry);
    entry.again = false;
    entry.shared = true; /* whether it is or not: what cannot be done then is done as a writer */
    hv_call_lock(hv, entry.control.code);
    status = enter(&entry);
    host_rwlock_unlock(&hv->lock);
    if (entry.again) {
        entry.shared = false;
        host_rwlock_write(&hv->lock);
        status = enter(&entry);
        host_rwlock_unlock(&hv->lock);
    }
    return status;
}
