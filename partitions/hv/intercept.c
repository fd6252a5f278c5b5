/* Intercepts: a message to the parent's VP, then suspension. [TLFS v2.0 9, 16; LINUX hvhdk.h] */
#include "partitions/hv/intercept.h"

#include <string.h>

#include "cpu/exec/flags.h"
#include "partitions/hv/request.h"
#include "partitions/hv/synic.h"
#include "partitions/hv/trace.h"

/* Offsets of the 40-byte header. */
enum {
    HEADER_VP = 0,
    HEADER_LENGTH_CR8 = 4, /* instruction length: bits 3:0, CR8: 7:4 */
    HEADER_ACCESS = 5,
    HEADER_EXECUTION_STATE = 6,
    HEADER_CS = 8,
    HEADER_RIP = 24,
    HEADER_RFLAGS = 32,
    HEADER_BYTES = 40,
};

enum { SEGMENT_BYTES = 16, INSTRUCTION_BYTES = 16 };

/* [TLFS hv_intercept_access_type] */
enum { ACCESS_TYPE_READ = 0, ACCESS_TYPE_WRITE = 1, ACCESS_TYPE_EXECUTE = 2 };

/* [LINUX hvhdk.h union hv_x64_vp_execution_state] */
enum {
    EXECUTION_CR0_PE = 1u << 2,
    EXECUTION_CR0_AM = 1u << 3,
    EXECUTION_EFER_LMA = 1u << 4,
    EXECUTION_DEBUG_ACTIVE = 1u << 5,
    EXECUTION_INTERRUPTION_PENDING = 1u << 6,
    EXECUTION_VTL_SHIFT = 7,
    EXECUTION_INTERRUPT_SHADOW = 1u << 12,
};

static void segment_store(uint8_t *to, const struct x86_segment *segment)
{
    le64_store(to, segment->base);
    le32_store(to + 8, segment->limit);
    le16_store(to + 12, segment->selector);
    le16_store(to + 14, (uint16_t)(segment->attributes & SEG_UNUSABLE ? 0 : segment->attributes));
}

static unsigned execution_state(const struct vp *vp)
{
    const struct cpu_state *state = &vp->cpu.core.state;
    unsigned cpl = state->rflags_rest & FLAG_VM ? 3 : segment_dpl(&state->seg[SEG_SS]);

    return cpl | (state->cr0 & CR0_PE ? EXECUTION_CR0_PE : 0u) |
           (state->cr0 & CR0_AM ? EXECUTION_CR0_AM : 0u) |
           (state->efer & EFER_LMA ? EXECUTION_EFER_LMA : 0u) |
           (state->dr7 & 0xff ? EXECUTION_DEBUG_ACTIVE : 0u) |
           (vp->cpu.core.event_suspended.valid ? EXECUTION_INTERRUPTION_PENDING : 0u) |
           vp->active_vtl << EXECUTION_VTL_SHIFT |
           (state->shadow ? EXECUTION_INTERRUPT_SHADOW : 0u);
}

struct intercept {
    enum hv_message_type type;
    unsigned access;
    uint8_t length; /* of the instruction */
    uint64_t info;  /* for the trace */
    uint8_t payload_size;
    uint8_t payload[HV_MESSAGE_PAYLOAD_MAX];
};

static uint8_t instruction_length(const struct vp *vp, const struct hv_instruction *instruction)
{
    if (instruction != NULL && instruction->length != 0) {
        return instruction->length;
    }
    return vp->cpu.running != NULL ? vp->cpu.core.insn->length : 0;
}

static void header_fill(const struct vp *vp, struct intercept *intercept)
{
    const struct core *core = &vp->cpu.core;
    uint8_t *p = intercept->payload;

    le32_store(p + HEADER_VP, vp->index);
    p[HEADER_LENGTH_CR8] = intercept->length & 0xf;
    p[HEADER_ACCESS] = (uint8_t)intercept->access;
    le16_store(p + HEADER_EXECUTION_STATE, (uint16_t)execution_state(vp));
    segment_store(p + HEADER_CS, &core->state.seg[SEG_CS]);
    le64_store(p + HEADER_RIP, vp_rip(vp));
    le64_store(p + HEADER_RFLAGS, core_rflags(core));
}

static struct vp *intercept_target(const struct partition *parent)
{
    for (uint32_t i = 0; i < HV_VPS; i++) {
        if (parent->vps[i] != NULL) {
            return parent->vps[i];
        }
    }
    return NULL;
}

/* Post to SINT0 of the parent's VP and suspend. One buffer a VP: a message not yet delivered is
 * overwritten. */
static bool intercept_post(struct vp *vp, struct intercept *intercept)
{
    struct partition *partition = vp->partition;
    struct hv_message_buffer *buffer = &vp->intercept;
    struct vp *target;

    if (partition->parent == NULL) {
        return false;
    }
    header_fill(vp, intercept);
    target = intercept_target(partition->parent);
    if (buffer->queued_vp != NULL) {
        synic_unqueue(buffer);
    }
    buffer->message = (struct hv_message){ .type = intercept->type,
                                           .payload_size = intercept->payload_size,
                                           .origin = partition->id };
    memcpy(buffer->message.payload, intercept->payload, intercept->payload_size);
    __atomic_store_n(&vp->intercept_suspend, true, __ATOMIC_RELEASE);
    HV_TRACE(partition->hv, INTERCEPT, partition->id, vp->index, intercept->type,
             le64_load(intercept->payload + HEADER_RIP), intercept->info);
    if (target != NULL) {
        synic_post(target, 0, 0, buffer);
    }
    return true;
}

static void instruction_bytes(uint8_t *count, uint8_t *bytes,
                              const struct hv_instruction *instruction)
{
    *count = 0;
    if (instruction != NULL) {
        *count =
            instruction->n_bytes < INSTRUCTION_BYTES ? instruction->n_bytes : INSTRUCTION_BYTES;
        memcpy(bytes, instruction->bytes, *count);
    }
}

/* ---- GPA ---- */

bool hv_intercept_gpa_locked(struct vp *vp, gpa_t gpa, bool gva_valid, gva_t gva, unsigned access,
                             const struct hv_instruction *instruction)
{
    enum {
        CACHE_TYPE = 40,
        BYTE_COUNT = 44,
        INFO = 45,
        TPR = 46,
        GVA = 48,
        GPA = 56,
        BYTES = 64,
        SIZE = 80,
        INFO_GVA_VALID = 1u << 0,
        INFO_GVA_GPA_VALID = 1u << 1,
        CACHE_TYPE_WRITE_BACK = 6,
    };
    struct space_page page = space_lookup(&vp->partition->space, gpa);
    struct intercept intercept = {
        .type = page.kind == SPACE_RAM ? HV_MESSAGE_GPA_INTERCEPT : HV_MESSAGE_UNMAPPED_GPA,
        .access = access & SPACE_WRITE  ? ACCESS_TYPE_WRITE
                  : access & SPACE_EXEC ? ACCESS_TYPE_EXECUTE
                                        : ACCESS_TYPE_READ,
        .length = instruction != NULL ? instruction->length : 0,
        .info = gpa,
        .payload_size = SIZE,
    };
    uint8_t *p = intercept.payload;

    if (page.kind == SPACE_RAM && page.overlay) {
        return false; /* the hypervisor's own page: not the parent's affair */
    }
    le32_store(p + CACHE_TYPE, CACHE_TYPE_WRITE_BACK);
    instruction_bytes(p + BYTE_COUNT, p + BYTES, instruction);
    p[INFO] = gva_valid ? INFO_GVA_VALID | INFO_GVA_GPA_VALID : 0;
    le64_store(p + GVA, gva_valid ? gva : 0);
    le64_store(p + GPA, gpa);
    return intercept_post(vp, &intercept);
}

/* ---- instructions ---- */

static bool io_port_intercept(struct vp *vp, uint16_t port, unsigned size, bool write,
                              unsigned flags, const struct hv_instruction *instruction)
{
    enum {
        PORT = 40,
        INFO = 42,
        BYTE_COUNT = 43,
        RAX = 48,
        BYTES = 56,
        DS = 72,
        ES = 88,
        RCX = 104,
        RSI = 112,
        RDI = 120,
        SIZE = 128,
    };
    const struct cpu_state *state = &vp->cpu.core.state;
    struct intercept intercept = { .type = HV_MESSAGE_X64_IO_PORT,
                                   .access = write ? ACCESS_TYPE_WRITE : ACCESS_TYPE_READ,
                                   .length = instruction_length(vp, instruction),
                                   .info = port,
                                   .payload_size = SIZE };
    uint8_t *p = intercept.payload;

    le16_store(p + PORT, port);
    p[INFO] = (uint8_t)(size | flags);
    instruction_bytes(p + BYTE_COUNT, p + BYTES, instruction);
    le64_store(p + RAX, state->gpr[REG_RAX]);
    segment_store(p + DS, &state->seg[SEG_DS]);
    segment_store(p + ES, &state->seg[SEG_ES]);
    le64_store(p + RCX, state->gpr[REG_RCX]);
    le64_store(p + RSI, state->gpr[REG_RSI]);
    le64_store(p + RDI, state->gpr[REG_RDI]);
    return intercept_post(vp, &intercept);
}

bool hv_intercept_msr_locked(struct vp *vp, uint32_t msr, bool write, uint64_t value,
                             const struct hv_instruction *instruction)
{
    enum { NUMBER = 40, RDX = 48, RAX = 56, SIZE = 64 };
    struct intercept intercept = { .type = HV_MESSAGE_X64_MSR,
                                   .access = write ? ACCESS_TYPE_WRITE : ACCESS_TYPE_READ,
                                   .length = instruction_length(vp, instruction),
                                   .info = msr,
                                   .payload_size = SIZE };

    if (!vp->partition->intercepts.msr) {
        return false;
    }
    le32_store(intercept.payload + NUMBER, msr);
    le64_store(intercept.payload + RDX, write ? value >> 32 : vp->cpu.core.state.gpr[REG_RDX]);
    le64_store(intercept.payload + RAX, write ? (uint32_t)value : vp->cpu.core.state.gpr[REG_RAX]);
    return intercept_post(vp, &intercept);
}

static bool cpuid_intercept(struct vp *vp, const uint32_t defaults[4],
                            const struct hv_instruction *instruction)
{
    enum { REGISTERS = 40, DEFAULTS = 72, SIZE = 104 };
    /* RAX RCX RDX RBX, and the results in the same order (defaults: EAX EBX ECX EDX) */
    static const uint8_t registers[4] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX };
    static const uint8_t results[4] = { 0, 2, 3, 1 };
    struct intercept intercept = { .type = HV_MESSAGE_X64_CPUID,
                                   .access = ACCESS_TYPE_EXECUTE,
                                   .length = instruction_length(vp, instruction),
                                   .info = vp->cpu.core.state.gpr[REG_RAX],
                                   .payload_size = SIZE };

    for (unsigned i = 0; i < 4; i++) {
        le64_store(intercept.payload + REGISTERS + 8 * i, vp->cpu.core.state.gpr[registers[i]]);
        le64_store(intercept.payload + DEFAULTS + 8 * i, defaults[results[i]]);
    }
    return intercept_post(vp, &intercept);
}

static bool exception_intercept(struct vp *vp, const struct x86_fault *fault,
                                const struct hv_instruction *instruction)
{
    enum {
        VECTOR = 40,
        INFO = 42,
        BYTE_COUNT = 43,
        ERROR = 44,
        PARAMETER = 48,
        BYTES = 64,
        DS = 80,
        SS = 96,
        GPRS = 112,
        SIZE = 240,
        INFO_ERROR_VALID = 1u << 0,
    };
    const struct cpu_state *state = &vp->cpu.core.state;
    struct intercept intercept = { .type = HV_MESSAGE_X64_EXCEPTION,
                                   .access = ACCESS_TYPE_EXECUTE,
                                   .length = instruction_length(vp, instruction),
                                   .info = fault->vector,
                                   .payload_size = SIZE };
    /* RAX RCX RDX RBX RSP RBP RSI RDI R8-R15: the order of struct cpu_state */
    uint8_t *p = intercept.payload;

    le16_store(p + VECTOR, fault->vector);
    p[INFO] = fault->has_error ? INFO_ERROR_VALID : 0;
    instruction_bytes(p + BYTE_COUNT, p + BYTES, instruction);
    le32_store(p + ERROR, fault->error);
    le64_store(p + PARAMETER, fault->address);
    segment_store(p + DS, &state->seg[SEG_DS]);
    segment_store(p + SS, &state->seg[SEG_SS]);
    for (unsigned i = 0; i < 16; i++) {
        le64_store(p + GPRS + 8 * i, state->gpr[i]);
    }
    return intercept_post(vp, &intercept);
}

static bool header_only(struct vp *vp, enum hv_message_type type)
{
    struct intercept intercept = { .type = type,
                                   .access = ACCESS_TYPE_EXECUTE,
                                   .payload_size = HEADER_BYTES };

    return intercept_post(vp, &intercept);
}

/* ---- the public faces ---- */

static void lock(struct vp *vp)
{
    host_rwlock_write(&vp->partition->hv->lock);
}

static bool unlock(struct vp *vp, bool result)
{
    host_rwlock_unlock(&vp->partition->hv->lock);
    return result;
}

bool hv_intercept_gpa(struct vp *vp, gpa_t gpa, bool gva_valid, gva_t gva, unsigned access,
                      const struct hv_instruction *instruction)
{
    lock(vp);
    return unlock(vp, hv_intercept_gpa_locked(vp, gpa, gva_valid, gva, access, instruction));
}

bool hv_intercept_io(struct vp *vp, uint16_t port, unsigned size, bool write, bool string, bool rep,
                     const struct hv_instruction *instruction)
{
    enum { INFO_STRING = 1u << 3, INFO_REP = 1u << 4 };

    if (!(vp->partition->intercepts.io[port / 8] >> port % 8 & 1)) {
        return false;
    }
    lock(vp);
    return unlock(vp, io_port_intercept(vp, port, size, write,
                                        (string ? INFO_STRING : 0u) | (rep ? INFO_REP : 0u),
                                        instruction));
}

bool hv_intercept_msr(struct vp *vp, uint32_t msr, bool write, uint64_t value,
                      const struct hv_instruction *instruction)
{
    if (!vp->partition->intercepts.msr) {
        return false;
    }
    lock(vp);
    return unlock(vp, hv_intercept_msr_locked(vp, msr, write, value, instruction));
}

bool hv_intercept_cpuid(struct vp *vp, uint32_t leaf, uint32_t subleaf, const uint32_t defaults[4],
                        const struct hv_instruction *instruction)
{
    const struct partition_intercepts *intercepts = &vp->partition->intercepts;

    (void)subleaf; /* v2.0 intercepts whole leaves */
    for (unsigned i = 0; i < intercepts->n_cpuid; i++) {
        if (intercepts->cpuid[i] == leaf) {
            lock(vp);
            return unlock(vp, cpuid_intercept(vp, defaults, instruction));
        }
    }
    return false;
}

bool hv_intercept_exception(struct vp *vp, const struct x86_fault *fault,
                            const struct hv_instruction *instruction)
{
    if (fault->vector >= 32 || !(vp->partition->intercepts.exceptions >> fault->vector & 1)) {
        return false;
    }
    lock(vp);
    return unlock(vp, exception_intercept(vp, fault, instruction));
}

bool hv_intercept_halt(struct vp *vp)
{
    if (!vp->partition->intercepts.halt) {
        return false;
    }
    lock(vp);
    return unlock(vp, header_only(vp, HV_MESSAGE_X64_HALT));
}

bool hv_intercept_unrecoverable(struct vp *vp)
{
    lock(vp);
    return unlock(vp, header_only(vp, HV_MESSAGE_UNRECOVERABLE_EXCEPTION));
}

/* ---- HvCallInstallIntercept ---- */

static hv_status_t install_cpuid(struct partition_intercepts *intercepts, uint32_t leaf, bool on)
{
    unsigned i = 0;

    while (i < intercepts->n_cpuid && intercepts->cpuid[i] != leaf) {
        i++;
    }
    if (on && i == intercepts->n_cpuid) {
        if (i == PARTITION_CPUID_INTERCEPTS) {
            return HV_STATUS_INSUFFICIENT_MEMORY;
        }
        intercepts->cpuid[intercepts->n_cpuid++] = leaf;
    } else if (!on && i < intercepts->n_cpuid) {
        intercepts->cpuid[i] = intercepts->cpuid[--intercepts->n_cpuid];
    }
    return HV_STATUS_SUCCESS;
}

hv_status_t hv_call_install_intercept(struct hv_request *request)
{
    struct partition_intercepts *intercepts = &request->target->intercepts;
    uint32_t access = le32_load(request->in + 8), type = le32_load(request->in + 12);
    uint64_t parameter = le64_load(request->in + 16);
    uint32_t allowed = type == HV_INTERCEPT_IO_PORT || type == HV_INTERCEPT_MSR
                           ? HV_ACCESS_READ | HV_ACCESS_WRITE
                           : HV_ACCESS_EXECUTE;

    if (type >= HV_INTERCEPT_TYPES_SIMPLE) {
        HV_TRACE(request->hv, NOT_BUILT, request->caller->partition->id, -1,
                 HV_TRACE_NAME("intercept type"), type);
        return HV_STATUS_INVALID_PARAMETER;
    }
    if (access != 0 && access != allowed) {
        return HV_STATUS_INVALID_PARAMETER;
    }
    switch (type) {
    case HV_INTERCEPT_IO_PORT:
        if (parameter > UINT16_MAX) {
            return HV_STATUS_INVALID_PARAMETER;
        }
        intercepts->io[parameter / 8] =
            (uint8_t)((intercepts->io[parameter / 8] & ~(1u << parameter % 8)) |
                      (access != 0 ? 1u << parameter % 8 : 0u));
        return HV_STATUS_SUCCESS;
    case HV_INTERCEPT_MSR:
        intercepts->msr = access != 0;
        return HV_STATUS_SUCCESS;
    case HV_INTERCEPT_CPUID:
        if (parameter > UINT32_MAX) {
            return HV_STATUS_INVALID_PARAMETER;
        }
        return install_cpuid(intercepts, (uint32_t)parameter, access != 0);
    default:
        if (parameter >= 32) {
            return HV_STATUS_INVALID_PARAMETER;
        }
        intercepts->exceptions =
            (intercepts->exceptions & ~(1u << parameter)) | (access != 0 ? 1u << parameter : 0u);
        return HV_STATUS_SUCCESS;
    }
}
