/* VP registers by name: one table for reading and writing. [TLFS hv_register_name] */
#include "partitions/hv/registers.h"

#include <string.h>

#include "base/bytes.h"
#include "cpu/exec/exec.h"
#include "cpu/exec/flags.h"
#include "partitions/hv/cpuid.h"
#include "partitions/hv/hv.h"
#include "partitions/hv/msr.h"
#include "partitions/hv/request.h"
#include "partitions/hv/stimer.h"
#include "partitions/hv/synic.h"
#include "partitions/hv/trace.h"

/* How the value lies in struct cpu_state, at `offset`; or who reads and writes it. */
enum register_kind {
    REGISTER_U64, /* checked against `reserved` */
    REGISTER_U32,
    REGISTER_SEGMENT,
    REGISTER_TABLE,
    REGISTER_XMM,
    REGISTER_X87,     /* `offset`: ST number's physical register */
    REGISTER_SPECIAL, /* get and set */
    REGISTER_MSR,     /* `offset`: a synthetic MSR, with what a write there does */
    REGISTER_CPUID,   /* `offset`: a leaf of ours, read-only */
};

struct register_row {
    uint32_t name;
    const char *text;
    enum register_kind kind;
    uint32_t offset;
    uint64_t reserved; /* bits that must be 0 */
    void (*get)(struct vp *vp, uint8_t *value);
    bool (*set)(struct vp *vp,
                const uint8_t *value); /* false: invalid value; NULL with SPECIAL: read-only */
};

/* ---- the special ones ---- */

static void u64_out(uint8_t *value, uint64_t number)
{
    le64_store(value, number);
}

static void explicit_suspend_get(struct vp *vp, uint8_t *value)
{
    u64_out(value, vp->explicit_suspend);
}

static void suspend_changed(struct vp *vp)
{
    struct hypervisor *hv = vp->partition->hv;

    HV_TRACE(hv, VP_SUSPEND, vp->partition->id, vp->index, vp->explicit_suspend,
             vp->intercept_suspend);
    hv->ops->kick(vp);
}

static bool explicit_suspend_set(struct vp *vp, const uint8_t *value)
{
    uint64_t number = le64_load(value);

    if (number > 1) {
        return false;
    }
    __atomic_store_n(&vp->explicit_suspend, number != 0, __ATOMIC_RELEASE);
    suspend_changed(vp);
    return true;
}

static void intercept_suspend_get(struct vp *vp, uint8_t *value)
{
    u64_out(value, (vp->intercept_suspend ? 1u : 0u) | (vp->tlb_flush_inhibit ? 2u : 0u));
}

/* A parent can only clear it. */
static bool intercept_suspend_set(struct vp *vp, const uint8_t *value)
{
    uint64_t number = le64_load(value);

    if ((number & ~UINT64_C(2)) != 0) {
        return false;
    }
    vp->tlb_flush_inhibit = (number & 2) != 0;
    __atomic_store_n(&vp->intercept_suspend, false, __ATOMIC_RELEASE);
    suspend_changed(vp);
    return true;
}

/* Bits: 0 waits for SIPI, 1 halted. [TLFS hv_internal_activity_register] */
static void activity_get(struct vp *vp, uint8_t *value)
{
    uint8_t activity = vp->cpu.core.state.activity;

    u64_out(value, (activity == ACTIVITY_WAIT_FOR_SIPI ? 1u : 0u) |
                       (activity == ACTIVITY_HALTED ? 2u : 0u));
}

static bool activity_set(struct vp *vp, const uint8_t *value)
{
    uint64_t number = le64_load(value);

    if (number > 2) {
        return false;
    }
    vp->cpu.core.state.activity = number == 1   ? ACTIVITY_WAIT_FOR_SIPI
                                  : number == 2 ? ACTIVITY_HALTED
                                                : ACTIVITY_RUNNING;
    return true;
}

/* What the processor delivers before anything else when it runs.
 * {pending:1 type:3 error valid:1 length:4 nested:1 reserved:6 vector:16 error:32} */
enum pending_type { PENDING_INTERRUPT = 0, PENDING_NMI = 2, PENDING_EXCEPTION = 3 };
enum { PENDING_VALID = 1u << 0, PENDING_ERROR_VALID = 1u << 4 };

static void pending_interruption_get(struct vp *vp, uint8_t *value)
{
    const struct core *core = &vp->cpu.core;
    const struct x86_fault *fault = &core->event_suspended.fault;
    enum pending_type type = core->event_suspended.source == INTERRUPT_EXCEPTION ? PENDING_EXCEPTION
                             : fault->vector == VECTOR_NMI                       ? PENDING_NMI
                                                           : PENDING_INTERRUPT;

    if (core->event_suspended.valid) {
        u64_out(value, PENDING_VALID | (uint64_t)type << 1 |
                           (fault->has_error ? PENDING_ERROR_VALID : 0u) |
                           (uint64_t)fault->vector << 16 | (uint64_t)fault->error << 32);
    }
}

static bool pending_interruption_set(struct vp *vp, const uint8_t *value)
{
    uint64_t number = le64_load(value);
    struct core *core = &vp->cpu.core;
    unsigned type = (unsigned)(number >> 1 & 7), vector = (unsigned)(number >> 16 & 0xffff);

    if (!(number & PENDING_VALID)) {
        core->event_suspended.valid = false;
        return true;
    }
    if ((number >> 9 & 0x7f) != 0 || vector > 255 ||
        (type == PENDING_EXCEPTION ? vector > 31
         : type == PENDING_NMI     ? vector != VECTOR_NMI
                                   : type != PENDING_INTERRUPT)) {
        if (type > PENDING_EXCEPTION) {
            HV_TRACE(vp->partition->hv, NOT_BUILT, vp->partition->id, vp->index,
                     HV_TRACE_NAME("pending software interruption"), type);
        }
        return false;
    }
    core->event_suspended.valid = true;
    core->event_suspended.source =
        type == PENDING_EXCEPTION ? INTERRUPT_EXCEPTION : INTERRUPT_EXTERNAL;
    core->event_suspended.fault =
        (struct x86_fault){ .vector = (uint8_t)vector,
                            .has_error = (number & PENDING_ERROR_VALID) != 0,
                            .error = (uint32_t)(number >> 32),
                            .address = core->state.cr2 };
    core->state.nmi_blocked = core->state.nmi_blocked || type == PENDING_NMI;
    if (core->state.activity == ACTIVITY_HALTED) {
        core->state.activity = ACTIVITY_RUNNING;
    }
    vp->partition->hv->ops->kick(vp);
    return true;
}

static void cr2_get(struct vp *vp, uint8_t *value)
{
    u64_out(value, vp->cpu.core.state.cr2);
}

/* A #PF that waits to be delivered carries its address: the two may be set in either order. */
static bool cr2_set(struct vp *vp, const uint8_t *value)
{
    struct core *core = &vp->cpu.core;

    core->state.cr2 = le64_load(value);
    if (core->event_suspended.fault.vector == VECTOR_PF) {
        core->event_suspended.fault.address = core->state.cr2;
    }
    return true;
}

static void interrupt_state_get(struct vp *vp, uint8_t *value)
{
    const struct cpu_state *state = &vp->cpu.core.state;

    u64_out(value, (state->shadow != SHADOW_NONE ? 1u : 0u) | (state->nmi_blocked ? 2u : 0u));
}

static bool interrupt_state_set(struct vp *vp, const uint8_t *value)
{
    uint64_t number = le64_load(value);

    if (number > 3) {
        return false;
    }
    vp->cpu.core.state.shadow = number & 1 ? SHADOW_STI : SHADOW_NONE;
    vp->cpu.core.state.nmi_blocked = (number & 2) != 0;
    return true;
}

static void rip_get(struct vp *vp, uint8_t *value)
{
    u64_out(value, vp_rip(vp));
}

/* A VP in the middle of an instruction cannot be moved: the call is its own. */
static bool rip_set(struct vp *vp, const uint8_t *value)
{
    if (vp->cpu.running != NULL) {
        return false;
    }
    vp->cpu.core.state.gpr[REG_RIP] = le64_load(value);
    return true;
}

static void rflags_get(struct vp *vp, uint8_t *value)
{
    u64_out(value, core_rflags(&vp->cpu.core));
}

static bool rflags_set(struct vp *vp, const uint8_t *value)
{
    uint64_t number = le64_load(value);

    if ((number & ~UINT64_C(0x3f7fd7)) != 0 || (number & FLAG_ONE) == 0) {
        return false;
    }
    core_rflags_set(&vp->cpu.core, number);
    return true;
}

static void cr8_get(struct vp *vp, uint8_t *value)
{
    uint64_t tpr = 0;

    (void)vp->partition->hv->ops->apic_read(vp, HV_APIC_TPR, &tpr);
    u64_out(value, tpr >> 4);
}

static bool cr8_set(struct vp *vp, const uint8_t *value)
{
    uint64_t number = le64_load(value);

    return number <= 15 &&
           vp->partition->hv->ops->apic_write(vp, HV_APIC_TPR, number << 4) == CORE_OK;
}

static void apic_base_get(struct vp *vp, uint8_t *value)
{
    u64_out(value, vp->partition->hv->ops->apic_base_read(vp));
}

static bool apic_base_set(struct vp *vp, const uint8_t *value)
{
    return vp->partition->hv->ops->apic_base_write(vp, le64_load(value));
}

static void tsc_get(struct vp *vp, uint8_t *value)
{
    struct hypervisor *hv = vp->partition->hv;

    u64_out(value, hv_tsc(hv, clock_now_ns(hv->clock)) + vp->cpu.core.state.tsc_offset);
}

static bool tsc_set(struct vp *vp, const uint8_t *value)
{
    struct hypervisor *hv = vp->partition->hv;

    vp->cpu.core.state.tsc_offset = le64_load(value) - hv_tsc(hv, clock_now_ns(hv->clock));
    return true;
}

static void apic_id_get(struct vp *vp, uint8_t *value)
{
    u64_out(value, vp->partition->hv->ops->apic_id(vp));
}

static void mtrr_cap_get(struct vp *vp, uint8_t *value)
{
    enum { VARIABLE_RANGES = 8, FIXED_SUPPORTED = 1u << 8, WRITE_COMBINING = 1u << 10 };

    (void)vp;
    u64_out(value, VARIABLE_RANGES | FIXED_SUPPORTED | WRITE_COMBINING);
}

/* {control, status, tag, 0, opcode, instruction pointer}; [TLFS hv_x64_fp_control_status_register]
 */
static void x87_control_get(struct vp *vp, uint8_t *value)
{
    const struct x87_state *x87 = &vp->cpu.core.state.x87;

    le16_store(value, x87->control);
    le16_store(value + 2, x87->status);
    value[4] = x87->valid;
    le16_store(value + 6, x87->opcode);
    le64_store(value + 8, x87->instruction);
}

static bool x87_control_set(struct vp *vp, const uint8_t *value)
{
    struct x87_state *x87 = &vp->cpu.core.state.x87;

    if (value[5] != 0) {
        return false;
    }
    x87->control = (le16_load(value) & 0x1f7f) | 0x40;
    x87->status = le16_load(value + 2);
    x87->valid = value[4];
    x87->opcode = le16_load(value + 6) & 0x7ff;
    x87->instruction = le64_load(value + 8);
    return true;
}

/* {last data pointer, MXCSR, its mask}; [TLFS hv_x64_xmm_control_status_register] */
enum { MXCSR_MASK = 0xffff };

static void xmm_control_get(struct vp *vp, uint8_t *value)
{
    le64_store(value, vp->cpu.core.state.x87.data);
    le32_store(value + 8, vp->cpu.core.state.mxcsr);
    le32_store(value + 12, MXCSR_MASK);
}

static bool xmm_control_set(struct vp *vp, const uint8_t *value)
{
    uint32_t mxcsr = le32_load(value + 8);

    if ((mxcsr & ~(uint32_t)MXCSR_MASK) != 0) {
        return false;
    }
    vp->cpu.core.state.x87.data = le64_load(value);
    vp->cpu.core.state.mxcsr = mxcsr;
    return true;
}

static void deliverability_get(struct vp *vp, uint8_t *value)
{
    u64_out(value, vp->deliverability_notifications);
}

/* Clearing is always possible; the notifications themselves are not built. */
static bool deliverability_set(struct vp *vp, const uint8_t *value)
{
    if (le64_load(value) != 0) {
        HV_TRACE(vp->partition->hv, NOT_BUILT, vp->partition->id, vp->index,
                 HV_TRACE_NAME("deliverability notifications"), 0);
        return false;
    }
    vp->deliverability_notifications = 0;
    return true;
}

/* ---- the table ---- */

#define STATE(member) offsetof(struct cpu_state, member)
#define R64(number, text, member, reserved)                                                        \
    {                                                                                              \
        number, text, REGISTER_U64, STATE(member), reserved, NULL, NULL                            \
    }
#define SPECIAL(number, text, name)                                                                \
    {                                                                                              \
        number, text, REGISTER_SPECIAL, 0, 0, name##_get, name##_set                               \
    }
#define READ_ONLY(number, text, name)                                                              \
    {                                                                                              \
        number, text, REGISTER_SPECIAL, 0, 0, name##_get, NULL                                     \
    }
#define SEGMENT(number, text, member)                                                              \
    {                                                                                              \
        number, text, REGISTER_SEGMENT, STATE(member), 0, NULL, NULL                               \
    }
#define MSR(number, text, msr)                                                                     \
    {                                                                                              \
        number, text, REGISTER_MSR, msr, 0, NULL, NULL                                             \
    }
#define LEAF(number, text, leaf)                                                                   \
    {                                                                                              \
        number, text, REGISTER_CPUID, leaf, 0, NULL, NULL                                          \
    }
#define GPR(n, text) R64(0x00020000 + (n), text, gpr[n], 0)
#define XMM(n)                                                                                     \
    {                                                                                              \
        0x00030000 + (n), "XMM" #n, REGISTER_XMM, STATE(xmm[n]), 0, NULL, NULL                     \
    }
#define X87(n)                                                                                     \
    {                                                                                              \
        0x00030010 + (n), "FP" #n, REGISTER_X87, n, 0, NULL, NULL                                  \
    }
#define MTRR_RANGE(n)                                                                              \
    R64(0x00080010 + (n), "MTRR_BASE" #n, mtrr_base[n], 0),                                        \
        R64(0x00080040 + (n), "MTRR_MASK" #n, mtrr_mask[n], 0)
#define SINT(n) MSR(0x000a0000 + (n), "SINT" #n, 0x40000090 + (n))
#define STIMER(n)                                                                                  \
    MSR(0x000b0000 + 2 * (n), "STIMER" #n "_CONFIG", 0x400000b0 + 2 * (n)),                        \
        MSR(0x000b0001 + 2 * (n), "STIMER" #n "_COUNT", 0x400000b1 + 2 * (n))

#define CR0_RESERVED  (~UINT64_C(0xe005003f))
#define CR4_RESERVED  (~UINT64_C(0x7fffff))
#define EFER_RESERVED (~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | UINT64_C(0x7000)))

/* clang-format off */
static const struct register_row register_rows[] = {
    SPECIAL(0x00000000, "EXPLICIT_SUSPEND", explicit_suspend),
    SPECIAL(0x00000001, "INTERCEPT_SUSPEND", intercept_suspend),
    SPECIAL(0x00000004, "INTERNAL_ACTIVITY_STATE", activity),
    LEAF(0x00000100, "HYPERVISOR_VERSION", 0x40000002),
    LEAF(0x00000200, "PRIVILEGES_AND_FEATURES_INFO", 0x40000003),
    LEAF(0x00000201, "FEATURES_INFO", 0x40000004),
    LEAF(0x00000202, "IMPLEMENTATION_LIMITS_INFO", 0x40000005),
    LEAF(0x00000203, "HARDWARE_FEATURES_INFO", 0x40000006),
    MSR(0x00000210, "GUEST_CRASH_P0", 0x40000100), MSR(0x00000211, "GUEST_CRASH_P1", 0x40000101),
    MSR(0x00000212, "GUEST_CRASH_P2", 0x40000102), MSR(0x00000213, "GUEST_CRASH_P3", 0x40000103),
    MSR(0x00000214, "GUEST_CRASH_P4", 0x40000104), MSR(0x00000215, "GUEST_CRASH_CTL", 0x40000105),
    SPECIAL(0x00010002, "PENDING_INTERRUPTION", pending_interruption),
    SPECIAL(0x00010003, "INTERRUPT_STATE", interrupt_state),
    SPECIAL(0x00010006, "DELIVERABILITY_NOTIFICATIONS", deliverability),
    GPR(0, "RAX"), GPR(1, "RCX"), GPR(2, "RDX"), GPR(3, "RBX"), GPR(4, "RSP"), GPR(5, "RBP"), GPR(6, "RSI"),
    GPR(7, "RDI"), GPR(8, "R8"), GPR(9, "R9"), GPR(10, "R10"), GPR(11, "R11"), GPR(12, "R12"), GPR(13, "R13"),
    GPR(14, "R14"), GPR(15, "R15"), SPECIAL(0x00020010, "RIP", rip),
    SPECIAL(0x00020011, "RFLAGS", rflags),
    XMM(0), XMM(1), XMM(2), XMM(3), XMM(4), XMM(5), XMM(6), XMM(7), XMM(8), XMM(9), XMM(10), XMM(11), XMM(12),
    XMM(13), XMM(14), XMM(15),
    X87(0), X87(1), X87(2), X87(3), X87(4), X87(5), X87(6), X87(7),
    SPECIAL(0x00030018, "FP_CONTROL_STATUS", x87_control),
    SPECIAL(0x00030019, "XMM_CONTROL_STATUS", xmm_control),
    R64(0x00040000, "CR0", cr0, CR0_RESERVED), SPECIAL(0x00040001, "CR2", cr2), R64(0x00040002, "CR3", cr3, 0),
    R64(0x00040003, "CR4", cr4, CR4_RESERVED), SPECIAL(0x00040004, "CR8", cr8),
    R64(0x00040005, "XFEM", xcr0, ~UINT64_C(0x7)),
    R64(0x00050000, "DR0", dr[0], 0), R64(0x00050001, "DR1", dr[1], 0), R64(0x00050002, "DR2", dr[2], 0),
    R64(0x00050003, "DR3", dr[3], 0), R64(0x00050004, "DR6", dr6, ~UINT64_C(0xffffffff)),
    R64(0x00050005, "DR7", dr7, ~UINT64_C(0xffffffff)),
    SEGMENT(0x00060000, "ES", seg[SEG_ES]), SEGMENT(0x00060001, "CS", seg[SEG_CS]),
    SEGMENT(0x00060002, "SS", seg[SEG_SS]), SEGMENT(0x00060003, "DS", seg[SEG_DS]),
    SEGMENT(0x00060004, "FS", seg[SEG_FS]), SEGMENT(0x00060005, "GS", seg[SEG_GS]),
    SEGMENT(0x00060006, "LDTR", ldtr), SEGMENT(0x00060007, "TR", tr),
    { 0x00070000, "IDTR", REGISTER_TABLE, STATE(idtr), 0, NULL, NULL },
    { 0x00070001, "GDTR", REGISTER_TABLE, STATE(gdtr), 0, NULL, NULL },
    SPECIAL(0x00080000, "TSC", tsc), R64(0x00080001, "EFER", efer, EFER_RESERVED),
    R64(0x00080002, "KERNEL_GS_BASE", kernel_gs_base, 0), SPECIAL(0x00080003, "APIC_BASE", apic_base),
    R64(0x00080004, "PAT", pat, UINT64_C(0xf8f8f8f8f8f8f8f8)),
    R64(0x00080005, "SYSENTER_CS", sysenter_cs, 0), R64(0x00080006, "SYSENTER_EIP", sysenter_eip, 0),
    R64(0x00080007, "SYSENTER_ESP", sysenter_esp, 0),
    R64(0x00080008, "STAR", star, 0), R64(0x00080009, "LSTAR", lstar, 0), R64(0x0008000a, "CSTAR", cstar, 0),
    R64(0x0008000b, "SFMASK", fmask, 0), READ_ONLY(0x0008000c, "INITIAL_APIC_ID", apic_id),
    READ_ONLY(0x0008000d, "MTRR_CAP", mtrr_cap), R64(0x0008000e, "MTRR_DEF_TYPE", mtrr_def_type, ~UINT64_C(0xcff)),
    MTRR_RANGE(0), MTRR_RANGE(1), MTRR_RANGE(2), MTRR_RANGE(3), MTRR_RANGE(4), MTRR_RANGE(5), MTRR_RANGE(6),
    MTRR_RANGE(7),
    R64(0x00080070, "MTRR_FIX64K_00000", mtrr_fixed[0], 0), R64(0x00080071, "MTRR_FIX16K_80000", mtrr_fixed[1], 0),
    R64(0x00080072, "MTRR_FIX16K_A0000", mtrr_fixed[2], 0), R64(0x00080073, "MTRR_FIX4K_C0000", mtrr_fixed[3], 0),
    R64(0x00080074, "MTRR_FIX4K_C8000", mtrr_fixed[4], 0), R64(0x00080075, "MTRR_FIX4K_D0000", mtrr_fixed[5], 0),
    R64(0x00080076, "MTRR_FIX4K_D8000", mtrr_fixed[6], 0), R64(0x00080077, "MTRR_FIX4K_E0000", mtrr_fixed[7], 0),
    R64(0x00080078, "MTRR_FIX4K_E8000", mtrr_fixed[8], 0), R64(0x00080079, "MTRR_FIX4K_F0000", mtrr_fixed[9], 0),
    R64(0x0008007a, "MTRR_FIX4K_F8000", mtrr_fixed[10], 0),
    R64(0x0008007b, "TSC_AUX", tsc_aux, ~UINT64_C(0xffffffff)), R64(0x000800a0, "MISC_ENABLE", misc_enable, 0),
    READ_ONLY(0x00084802, "APIC_ID", apic_id),
    MSR(0x00090000, "VP_RUNTIME", 0x40000010), MSR(0x00090001, "HYPERCALL", 0x40000001),
    MSR(0x00090002, "GUEST_OS_ID", 0x40000000), MSR(0x00090003, "VP_INDEX", 0x40000002),
    MSR(0x00090004, "TIME_REF_COUNT", 0x40000020), MSR(0x00090013, "VP_ASSIST_PAGE", 0x40000073),
    MSR(0x00090017, "REFERENCE_TSC", 0x40000021),
    SINT(0), SINT(1), SINT(2), SINT(3), SINT(4), SINT(5), SINT(6), SINT(7), SINT(8), SINT(9), SINT(10), SINT(11),
    SINT(12), SINT(13), SINT(14), SINT(15),
    MSR(0x000a0010, "SCONTROL", 0x40000080), MSR(0x000a0011, "SVERSION", 0x40000081),
    MSR(0x000a0012, "SIEFP", 0x40000082), MSR(0x000a0013, "SIMP", 0x40000083), MSR(0x000a0014, "EOM", 0x40000084),
    STIMER(0), STIMER(1), STIMER(2), STIMER(3),
};
/* clang-format on */

static const struct register_row *register_find(uint32_t name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(register_rows); i++) {
        if (register_rows[i].name == name) {
            return &register_rows[i];
        }
    }
    return NULL;
}

/* ---- reading and writing by kind ---- */

static void segment_get(const struct x86_segment *segment, uint8_t *value)
{
    le64_store(value, segment->base);
    le32_store(value + 8, segment->limit);
    le16_store(value + 12, segment->selector);
    le16_store(value + 14,
               (uint16_t)(segment->attributes & SEG_UNUSABLE ? 0 : segment->attributes));
}

static bool segment_set(struct x86_segment *segment, const uint8_t *value)
{
    uint32_t attributes = le16_load(value + 14);

    if ((attributes & 0x0f00) != 0) {
        return false;
    }
    segment->base = le64_load(value);
    segment->limit = le32_load(value + 8);
    segment->selector = le16_load(value + 12);
    segment->attributes = attributes & SEG_P ? attributes : attributes | SEG_UNUSABLE;
    return true;
}

static struct x87_value *x87_of(struct vp *vp, unsigned st)
{
    struct x87_state *x87 = &vp->cpu.core.state.x87;

    return &x87->reg[((x87->status >> 11 & 7) + st) & 7];
}

hv_status_t hv_register_get(struct vp *vp, uint32_t name, uint8_t value[HV_REGISTER_VALUE_BYTES])
{
    const struct register_row *row = register_find(name);
    const uint8_t *state = (const uint8_t *)&vp->cpu.core.state;
    const struct x86_table *table;

    if (row == NULL) {
        return HV_STATUS_INVALID_PARAMETER;
    }
    memset(value, 0, HV_REGISTER_VALUE_BYTES);
    switch (row->kind) {
    case REGISTER_U64:
        memcpy(value, state + row->offset, 8);
        break;
    case REGISTER_U32:
        memcpy(value, state + row->offset, 4);
        break;
    case REGISTER_SEGMENT:
        segment_get((const struct x86_segment *)(const void *)(state + row->offset), value);
        break;
    case REGISTER_TABLE: /* {0 u16[3], limit u16, base u64} */
        table = (const struct x86_table *)(const void *)(state + row->offset);
        le16_store(value + 6, table->limit);
        le64_store(value + 8, table->base);
        break;
    case REGISTER_XMM:
        memcpy(value, state + row->offset, 16);
        break;
    case REGISTER_X87:
        le64_store(value, x87_of(vp, row->offset)->significand);
        le16_store(value + 8, x87_of(vp, row->offset)->sign_exponent);
        break;
    case REGISTER_SPECIAL:
        row->get(vp, value);
        break;
    case REGISTER_MSR: {
        uint64_t number = 0;
        const struct hv_msr_row *msr = hv_msr_row_find(row->offset);

        if (msr->read == NULL || msr->read(vp, row->offset, &number) != CORE_OK) {
            return HV_STATUS_INVALID_PARAMETER;
        }
        le64_store(value, number);
        break;
    }
    case REGISTER_CPUID: {
        uint32_t regs[4];

        hv_cpuid_leaf(vp->partition, row->offset, regs);
        for (unsigned i = 0; i < 4; i++) {
            le32_store(value + 4 * i, regs[i]);
        }
        break;
    }
    }
    return HV_STATUS_SUCCESS;
}

static bool register_store(struct vp *vp, const struct register_row *row, const uint8_t *value)
{
    uint8_t *state = (uint8_t *)&vp->cpu.core.state;
    struct x86_table *table;

    switch (row->kind) {
    case REGISTER_U64:
        if ((le64_load(value) & row->reserved) != 0) {
            return false;
        }
        memcpy(state + row->offset, value, 8);
        return true;
    case REGISTER_U32:
        memcpy(state + row->offset, value, 4);
        return true;
    case REGISTER_SEGMENT:
        return segment_set((struct x86_segment *)(void *)(state + row->offset), value);
    case REGISTER_TABLE:
        table = (struct x86_table *)(void *)(state + row->offset);
        table->limit = le16_load(value + 6);
        table->base = le64_load(value + 8);
        return true;
    case REGISTER_XMM:
        memcpy(state + row->offset, value, 16);
        return true;
    case REGISTER_X87:
        x87_of(vp, row->offset)->significand = le64_load(value);
        x87_of(vp, row->offset)->sign_exponent = le16_load(value + 8);
        return true;
    case REGISTER_SPECIAL:
        return row->set != NULL && row->set(vp, value);
    case REGISTER_MSR: {
        const struct hv_msr_row *msr = hv_msr_row_find(row->offset);

        return msr->write != NULL && msr->write(vp, row->offset, le64_load(value)) == CORE_OK;
    }
    default:
        return false;
    }
}

hv_status_t hv_register_set(struct vp *vp, uint32_t name,
                            const uint8_t value[HV_REGISTER_VALUE_BYTES], bool *core_changed)
{
    const struct register_row *row = register_find(name);

    if (row == NULL || !register_store(vp, row, value)) {
        return HV_STATUS_INVALID_PARAMETER;
    }
    if (row->kind != REGISTER_MSR && name >= 0x00010000) {
        *core_changed = true;
    }
    return HV_STATUS_SUCCESS;
}

bool hv_register_row(unsigned index, uint32_t *name, const char **text, bool *writable)
{
    const struct register_row *row = &register_rows[index];

    if (index >= ARRAY_SIZE(register_rows)) {
        return false;
    }
    *name = row->name;
    *text = row->text;
    *writable = row->kind == REGISTER_MSR       ? hv_msr_row_find(row->offset)->write != NULL
                : row->kind == REGISTER_SPECIAL ? row->set != NULL
                                                : row->kind != REGISTER_CPUID;
    return true;
}
