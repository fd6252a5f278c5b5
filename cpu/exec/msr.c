/* Model-specific registers that the processor keeps: a row each; others go to core_ops. TSC, FS and
 * GS bases. [SDM 4 2.1; 3A 11.11, 11.12; 2 RDMSR, SWAPGS]
 */
#include "cpu/exec/cpu_trace.h"
#include "cpu/exec/model.h"
#include "cpu/exec/operand.h"
#include "cpu/exec/segment.h"
#include "cpu/exec/system.h"

enum {
    MSR_TSC = 0x10,
    MSR_PLATFORM_ID = 0x17,
    MSR_TSC_ADJUST = 0x3b,
    MSR_BIOS_SIGN_ID = 0x8b,
    MSR_MTRRCAP = 0xfe,
    MSR_SYSENTER_CS = 0x174,
    MSR_SYSENTER_ESP = 0x175,
    MSR_SYSENTER_EIP = 0x176,
    MSR_MCG_CAP = 0x179,
    MSR_MCG_STATUS = 0x17a,
    MSR_MISC_ENABLE = 0x1a0,
    MSR_DEBUGCTL = 0x1d9,
    MSR_MTRR_BASE0 = 0x200,
    MSR_MTRR_FIX64K = 0x250,
    MSR_MTRR_FIX16K = 0x258,
    MSR_MTRR_FIX4K = 0x268,
    MSR_PAT = 0x277,
    MSR_MTRR_DEF_TYPE = 0x2ff,
};

#define MSR_EFER           0xc0000080
#define MSR_STAR           0xc0000081
#define MSR_LSTAR          0xc0000082
#define MSR_CSTAR          0xc0000083
#define MSR_FMASK          0xc0000084
#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX        0xc0000103

/* What a write must satisfy. */
enum msr_rule {
    MSR_PLAIN,     /* bits outside the mask: #GP */
    MSR_READ_ONLY, /* #GP */
    MSR_IGNORED,   /* written without effect */
    MSR_CANONICAL,
    MSR_PAT_TYPES,  /* every byte a memory type of the PAT */
    MSR_MTRR_TYPES, /* every byte a memory type of the MTRRs */
    MSR_MTRR_VARIABLE,
    MSR_SPECIAL, /* its own code below */
};

enum { NO_FEATURE = 0xff, NOWHERE = 0 };

struct msr_row {
    uint32_t first, count, stride; /* registers first, first + stride, ... */
    uint8_t feature;               /* without it: #GP */
    uint8_t rule;                  /* enum msr_rule */
    uint32_t offset;               /* in struct cpu_state, or NOWHERE: value */
    uint64_t mask;                 /* MSR_PLAIN: writable bits; NOWHERE: the value read */
};

#define AT(member) offsetof(struct cpu_state, member)

// clang-format off
static const struct msr_row msr_rows[] = {
    /* first            n  stride feature           rule               where                mask or value */
    { MSR_TSC,          1, 1, FEATURE_TSC,        MSR_SPECIAL,       NOWHERE,             0 },
    { MSR_PLATFORM_ID,  1, 1, FEATURE_MSR,        MSR_READ_ONLY,     NOWHERE,             0 },
    { MSR_TSC_ADJUST,   1, 1, FEATURE_TSC_ADJUST, MSR_PLAIN,         AT(tsc_offset),      UINT64_MAX },
    /* Revision 1 in the upper half; writes are the loader's protocol of [SDM 3A 9.11.7]. */
    { MSR_BIOS_SIGN_ID, 1, 1, FEATURE_MSR,        MSR_IGNORED,       NOWHERE,             UINT64_C(1) << 32 },
    /* Eight variable ranges, fixed ranges, write combining. */
    { MSR_MTRRCAP,      1, 1, FEATURE_MTRR,       MSR_READ_ONLY,     NOWHERE,             0x508 },
    { MSR_SYSENTER_CS,  1, 1, FEATURE_SEP,        MSR_PLAIN,         AT(sysenter_cs),     UINT32_MAX },
    { MSR_SYSENTER_ESP, 1, 1, FEATURE_SEP,        MSR_CANONICAL,     AT(sysenter_esp),    0 },
    { MSR_SYSENTER_EIP, 1, 1, FEATURE_SEP,        MSR_CANONICAL,     AT(sysenter_eip),    0 },
    /* No banks: nothing here ever breaks. */
    { MSR_MCG_CAP,      1, 1, FEATURE_MCA,        MSR_READ_ONLY,     NOWHERE,             0 },
    { MSR_MCG_STATUS,   1, 1, FEATURE_MCA,        MSR_IGNORED,       NOWHERE,             0 },
    { MSR_MISC_ENABLE,  1, 1, FEATURE_SSE2,       MSR_SPECIAL,       AT(misc_enable),     0 },
    /* Neither branch trace nor branch steps: only 0 can be written. */
    { MSR_DEBUGCTL,     1, 1, FEATURE_MSR,        MSR_PLAIN,         NOWHERE,             0 },
    { MSR_MTRR_BASE0,     8, 2, FEATURE_MTRR,     MSR_MTRR_VARIABLE, AT(mtrr_base),       0 },
    { MSR_MTRR_BASE0 + 1, 8, 2, FEATURE_MTRR,     MSR_MTRR_VARIABLE, AT(mtrr_mask),       0 },
    { MSR_MTRR_FIX64K,  1, 1, FEATURE_MTRR,       MSR_MTRR_TYPES,    AT(mtrr_fixed[0]),   0 },
    { MSR_MTRR_FIX16K,  2, 1, FEATURE_MTRR,       MSR_MTRR_TYPES,    AT(mtrr_fixed[1]),   0 },
    { MSR_MTRR_FIX4K,   8, 1, FEATURE_MTRR,       MSR_MTRR_TYPES,    AT(mtrr_fixed[3]),   0 },
    { MSR_PAT,          1, 1, FEATURE_PAT,        MSR_PAT_TYPES,     AT(pat),             0 },
    { MSR_MTRR_DEF_TYPE, 1, 1, FEATURE_MTRR,      MSR_SPECIAL,       AT(mtrr_def_type),   0 },
    { MSR_EFER,         1, 1, FEATURE_NX,         MSR_SPECIAL,       AT(efer),            0 },
    { MSR_STAR,         1, 1, FEATURE_SYSCALL,    MSR_PLAIN,         AT(star),            UINT64_MAX },
    { MSR_LSTAR,        1, 1, FEATURE_SYSCALL,    MSR_CANONICAL,     AT(lstar),           0 },
    { MSR_CSTAR,        1, 1, FEATURE_SYSCALL,    MSR_CANONICAL,     AT(cstar),           0 },
    { MSR_FMASK,        1, 1, FEATURE_SYSCALL,    MSR_PLAIN,         AT(fmask),           UINT32_MAX },
    { MSR_FS_BASE,      1, 1, FEATURE_LM,         MSR_CANONICAL,     AT(seg[SEG_FS].base), 0 },
    { MSR_GS_BASE,      1, 1, FEATURE_LM,         MSR_CANONICAL,     AT(seg[SEG_GS].base), 0 },
    { MSR_KERNEL_GS_BASE, 1, 1, FEATURE_LM,       MSR_CANONICAL,     AT(kernel_gs_base),  0 },
    { MSR_TSC_AUX,      1, 1, FEATURE_RDTSCP,     MSR_PLAIN,         AT(tsc_aux),         UINT32_MAX },
};
// clang-format on

/* The row of an MSR and the number of the register within it. */
static const struct msr_row *find_row(const struct core *core, uint32_t msr, unsigned *n)
{
    for (unsigned i = 0; i < ARRAY_SIZE(msr_rows); i++) {
        const struct msr_row *row = &msr_rows[i];
        uint32_t distance = msr - row->first;

        if (distance < row->count * row->stride && distance % row->stride == 0) {
            *n = distance / row->stride;
            return core_has_feature(core, row->feature) ? row : NULL;
        }
    }
    return NULL;
}

static uint64_t *row_register(struct core *core, const struct msr_row *row, unsigned n)
{
    return (uint64_t *)(void *)((char *)&core->state + row->offset) + n;
}

enum core_status core_msr_read(struct core *core, uint32_t msr, uint64_t *value)
{
    unsigned n;
    const struct msr_row *row = find_row(core, msr, &n);

    if (row == NULL) {
        return core->ops->msr_read(core->owner, msr, value);
    }
    if (msr == MSR_TSC) {
        *value = core_tsc(core);
    } else {
        *value = row->offset == NOWHERE ? row->mask : *row_register(core, row, n);
    }
    return CORE_OK;
}

/* ---- writes ---- */

static bool memory_types(uint64_t value, unsigned bytes, unsigned allowed)
{
    for (unsigned i = 0; i < bytes; i++, value >>= 8) {
        if ((value & 0xff) > 7 || !(allowed >> (value & 0xff) & 1)) {
            return false;
        }
    }
    return true;
}

enum { TYPES_MTRR = 0x73, TYPES_PAT = 0xf3 }; /* UC WC WT WP WB, and UC- */

static bool write_efer(struct core *core, uint64_t value)
{
    struct cpu_state *state = &core->state;
    uint64_t allowed = EFER_LMA; /* read-only: ignored */

    allowed |= core_has_feature(core, FEATURE_SYSCALL) ? EFER_SCE : 0;
    allowed |= core_has_feature(core, FEATURE_LM) ? EFER_LME : 0;
    allowed |= core_has_feature(core, FEATURE_NX) ? EFER_NXE : 0;
    if ((value & ~allowed) || ((state->cr0 & CR0_PG) && ((state->efer ^ value) & EFER_LME))) {
        return false;
    }
    state->efer = (value & ~EFER_LMA) | (state->efer & EFER_LMA);
    core_mode_update(core);
    return true;
}

static bool write_misc_enable(struct core *core, uint64_t value)
{
    const uint64_t writable = BIT64(0) | BIT64(3), fixed = BIT64(11) | BIT64(12); /* no BTS, PEBS */

    if (value & ~(writable | fixed)) {
        return false;
    }
    core->state.misc_enable = (value & writable) | fixed;
    return true;
}

static bool write_special(struct core *core, uint32_t msr, uint64_t value)
{
    switch (msr) {
    case MSR_TSC:
        core->state.tsc_offset = value - core->ops->tsc(core->owner);
        return true;
    case MSR_EFER:
        return write_efer(core, value);
    case MSR_MISC_ENABLE:
        return write_misc_enable(core, value);
    case MSR_MTRR_DEF_TYPE:
        if ((value & ~UINT64_C(0xcff)) || !memory_types(value & 0xff, 1, TYPES_MTRR)) {
            return false;
        }
        core->state.mtrr_def_type = value;
        return true;
    default:
        return false;
    }
}

static bool variable_mtrr_valid(const struct core *core, uint32_t msr, uint64_t value)
{
    uint64_t beyond = ~((UINT64_C(1) << core->model->physical_bits) - 1);

    return msr & 1 ? !(value & (beyond | 0x7ff))
                   : !(value & (beyond | 0xf00)) && memory_types(value & 0xff, 1, TYPES_MTRR);
}

/* True: the value may be stored. */
static bool value_valid(const struct core *core, const struct msr_row *row, uint32_t msr,
                        uint64_t value)
{
    switch ((enum msr_rule)row->rule) {
    case MSR_PLAIN:
        return !(value & ~row->mask);
    case MSR_CANONICAL:
        return gva_canonical(value);
    case MSR_PAT_TYPES:
        return memory_types(value, 8, TYPES_PAT);
    case MSR_MTRR_TYPES:
        return memory_types(value, 8, TYPES_MTRR);
    case MSR_MTRR_VARIABLE:
        return variable_mtrr_valid(core, msr, value);
    case MSR_READ_ONLY:
    case MSR_IGNORED:
    case MSR_SPECIAL:
        break;
    }
    return false;
}

enum core_status core_msr_write(struct core *core, uint32_t msr, uint64_t value)
{
    unsigned n;
    const struct msr_row *row = find_row(core, msr, &n);

    if (row == NULL) {
        return core->ops->msr_write(core->owner, msr, value);
    }
    if (row->rule == MSR_SPECIAL) {
        return write_special(core, msr, value) ? CORE_OK : CORE_GP;
    }
    if (row->rule == MSR_IGNORED) {
        return CORE_OK;
    }
    if (!value_valid(core, row, msr, value)) {
        return CORE_GP;
    }
    if (row->offset != NOWHERE) {
        *row_register(core, row, n) = value;
    }
    if (msr == MSR_FS_BASE || msr == MSR_GS_BASE) {
        core->seg_base[msr == MSR_FS_BASE ? SEG_FS : SEG_GS] = value;
    }
    return CORE_OK;
}

/* ---- instructions ---- */

void system_rdmsr(struct core *core, const struct insn *insn)
{
    uint64_t value = 0;

    uint32_t msr = (uint32_t)core->state.gpr[REG_RCX];
    enum core_status status = core_msr_read(core, msr, &value);

    (void)insn;
    if (UNLIKELY(status == CORE_GP)) {
        CPU_TRACE(core, MSR_REFUSED, msr, 0, 0, cpu_trace_rip(core));
    } else {
        CPU_TRACE(core, MSR_READ, msr, value);
    }
    core_check(core, status);
    core->state.gpr[REG_RAX] = (uint32_t)value;
    core->state.gpr[REG_RDX] = value >> 32;
}

static void refused_write(const struct core *core, uint32_t msr, uint64_t value)
{
    const uint64_t built_nowhere = 0x7fc3; /* last branches, BTF, branch trace, freezing */

    if (msr == MSR_DEBUGCTL && (value & built_nowhere)) {
        cpu_unimplemented(core, "DEBUGCTL", value);
    }
    CPU_TRACE(core, MSR_REFUSED, msr, 1, value, cpu_trace_rip(core));
}

void system_wrmsr(struct core *core, const struct insn *insn)
{
    uint64_t value = (uint32_t)core->state.gpr[REG_RAX] | core->state.gpr[REG_RDX] << 32;
    uint32_t msr = (uint32_t)core->state.gpr[REG_RCX];

    (void)insn;
    CPU_TRACE(core, MSR_WRITE, msr, value);
    if (LIKELY(msr == MSR_GS_BASE && gva_canonical(value) && core->bits == 64)) {
        core->state.seg[SEG_GS].base = value;
        core->seg_base[SEG_GS] = value;
        return;
    }
    enum core_status status = core_msr_write(core, msr, value);
    if (UNLIKELY(status == CORE_GP)) {
        refused_write(core, msr, value);
    }
    core_check(core, status);
}

static void check_tsd(struct core *core)
{
    if ((core->state.cr4 & CR4_TSD) && core->cpl != 0) {
        core_raise_error(core, VECTOR_GP, 0);
    }
}

void system_rdtsc(struct core *core, const struct insn *insn)
{
    (void)insn;
    check_tsd(core);
    uint64_t tsc = core_tsc(core);
    core->state.gpr[REG_RAX] = (uint32_t)tsc;
    core->state.gpr[REG_RDX] = tsc >> 32;
}

void system_rdtscp(struct core *core, const struct insn *insn)
{
    system_rdtsc(core, insn);
    core->state.gpr[REG_RCX] = (uint32_t)core->state.tsc_aux;
}

void system_rdpid(struct core *core, const struct insn *insn)
{
    core->state.gpr[insn->n[0]] = (uint32_t)core->state.tsc_aux;
}

/* There are no counters: any index is too large. */
void system_rdpmc(struct core *core, const struct insn *insn)
{
    (void)insn;
    core_raise_error(core, VECTOR_GP, 0);
}

void system_swapgs(struct core *core, const struct insn *insn)
{
    struct cpu_state *state = &core->state;
    uint64_t base = state->seg[SEG_GS].base;

    (void)insn;
    state->seg[SEG_GS].base = state->kernel_gs_base;
    core->seg_base[SEG_GS] = state->kernel_gs_base;
    state->kernel_gs_base = base;
}

static void check_fsgsbase(struct core *core)
{
    if (!(core->state.cr4 & CR4_FSGSBASE) || core->bits != 64) {
        core_raise(core, VECTOR_UD);
    }
}

void system_read_base(struct core *core, const struct insn *insn)
{
    unsigned segment = insn->op == OP_RDFSBASE ? SEG_FS : SEG_GS;

    check_fsgsbase(core);
    gpr_write(core, insn->n[0], insn->size[0], core->state.seg[segment].base);
}

void system_write_base(struct core *core, const struct insn *insn)
{
    unsigned segment = insn->op == OP_WRFSBASE ? SEG_FS : SEG_GS;

    check_fsgsbase(core);
    uint64_t value = gpr_read(core, insn->n[0], insn->size[0]);
    if (!gva_canonical(value)) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    core->state.seg[segment].base = value;
    core->seg_base[segment] = value;
}
