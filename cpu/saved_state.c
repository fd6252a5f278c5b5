/* The tables of a processor's saved state. [docs/saved-state.md] */
#include "cpu/saved_state.h"

#include <string.h>

#include "cpu/block.h"
#include "cpu/cpu.h"
#include "cpu/exec/exec.h"
#include "cpu/exec/flags.h"
#include "cpu/translate/translate.h"

/* ---- registers ---- */

static const struct state_field segment_rows[] = {
    STATE_FIELD(struct x86_segment, selector),
    STATE_FIELD(struct x86_segment, base),
    STATE_FIELD(struct x86_segment, limit),
    STATE_FIELD(struct x86_segment, attributes),
};
static const struct state_table segment_table =
    STATE_TABLE("segment", 1, struct x86_segment, segment_rows);

static const struct state_field table_rows[] = {
    STATE_FIELD(struct x86_table, base),
    STATE_FIELD(struct x86_table, limit),
};
static const struct state_table table_table =
    STATE_TABLE("descriptor_table", 1, struct x86_table, table_rows);

static const struct state_field x87_value_rows[] = {
    STATE_FIELD(struct x87_value, significand),
    STATE_FIELD(struct x87_value, sign_exponent),
};
static const struct state_table x87_value_table =
    STATE_TABLE("x87_value", 1, struct x87_value, x87_value_rows);

static const struct state_field x87_rows[] = {
    STATE_STRUCT_FIELD(struct x87_state, reg, &x87_value_table),
    STATE_FIELD(struct x87_state, control),
    STATE_FIELD(struct x87_state, status),
    STATE_FIELD(struct x87_state, valid),
    STATE_FIELD_MAX(struct x87_state, opcode, 0x7ff),
    STATE_FIELD(struct x87_state, instruction),
    STATE_FIELD(struct x87_state, data),
    STATE_FIELD(struct x87_state, instruction_selector),
    STATE_FIELD(struct x87_state, data_selector),
};
static const struct state_table x87_table = STATE_TABLE("x87", 1, struct x87_state, x87_rows);

static const struct state_field xmm_rows[] = { STATE_FIELD(union xmm, u64) };
static const struct state_table xmm_table = STATE_TABLE("xmm", 1, union xmm, xmm_rows);

/* RFLAGS is the core's: the flags are kept in another form. */
static const struct state_field register_rows[] = {
    STATE_FIELD(struct cpu_state, gpr),
    STATE_STRUCT_FIELD(struct cpu_state, seg, &segment_table),
    STATE_STRUCT_FIELD(struct cpu_state, ldtr, &segment_table),
    STATE_STRUCT_FIELD(struct cpu_state, tr, &segment_table),
    STATE_STRUCT_FIELD(struct cpu_state, gdtr, &table_table),
    STATE_STRUCT_FIELD(struct cpu_state, idtr, &table_table),
    STATE_FIELD(struct cpu_state, cr0),
    STATE_FIELD(struct cpu_state, cr2),
    STATE_FIELD(struct cpu_state, cr3),
    STATE_FIELD(struct cpu_state, cr4),
    STATE_FIELD(struct cpu_state, efer),
    STATE_FIELD(struct cpu_state, xcr0),
    STATE_FIELD(struct cpu_state, dr),
    STATE_FIELD(struct cpu_state, dr6),
    STATE_FIELD(struct cpu_state, dr7),
    STATE_FIELD(struct cpu_state, star),
    STATE_FIELD(struct cpu_state, lstar),
    STATE_FIELD(struct cpu_state, cstar),
    STATE_FIELD(struct cpu_state, fmask),
    STATE_FIELD(struct cpu_state, kernel_gs_base),
    STATE_FIELD(struct cpu_state, sysenter_cs),
    STATE_FIELD(struct cpu_state, sysenter_esp),
    STATE_FIELD(struct cpu_state, sysenter_eip),
    STATE_FIELD(struct cpu_state, tsc_aux),
    STATE_FIELD(struct cpu_state, pat),
    STATE_FIELD(struct cpu_state, misc_enable),
    STATE_FIELD(struct cpu_state, mtrr_def_type),
    STATE_FIELD(struct cpu_state, mtrr_fixed),
    STATE_FIELD(struct cpu_state, mtrr_base),
    STATE_FIELD(struct cpu_state, mtrr_mask),
    STATE_FIELD(struct cpu_state, tsc_offset),
    STATE_STRUCT_FIELD(struct cpu_state, x87, &x87_table),
    STATE_STRUCT_FIELD(struct cpu_state, xmm, &xmm_table),
    STATE_STRUCT_FIELD(struct cpu_state, ymm_high, &xmm_table),
    STATE_FIELD(struct cpu_state, mxcsr),
    STATE_FIELD_MAX(struct cpu_state, shadow, SHADOW_MOV_SS),
    STATE_FIELD(struct cpu_state, nmi_blocked),
    STATE_FIELD_MAX(struct cpu_state, activity, ACTIVITY_SHUTDOWN),
};
static const struct state_table register_table =
    STATE_TABLE("registers", 1, struct cpu_state, register_rows);

/* ---- the core ---- */

static uint64_t rflags_get(const void *object)
{
    return core_rflags(object);
}

static int rflags_put(void *object, uint64_t value, struct error *error)
{
    (void)error;
    core_rflags_set(object, value);
    return 0;
}

static const struct state_value rflags = { rflags_get, rflags_put };

static const struct state_field fault_rows[] = {
    STATE_FIELD_MAX(struct x86_fault, vector, 255),
    STATE_FIELD(struct x86_fault, has_error),
    STATE_FIELD(struct x86_fault, error),
    STATE_FIELD(struct x86_fault, address),
};
static const struct state_table fault_table = STATE_TABLE("fault", 1, struct x86_fault, fault_rows);

static const struct state_field core_rows[] = {
    STATE_STRUCT_FIELD(struct core, state, &register_table),
    STATE_VALUE_FIELD("rflags", &rflags),
    STATE_FIELD(struct core, mmu.paging.pdpte), /* loaded by MOV to CR3, not kept with memory */
    STATE_FIELD(struct core, retired),
    STATE_FIELD(struct core, debug_pending),
    STATE_FIELD(struct core, event_suspended.valid),
    STATE_FIELD_MAX(struct core, event_suspended.source, INTERRUPT_EXCEPTION),
    STATE_STRUCT_FIELD(struct core, event_suspended.fault, &fault_table),
};

static int core_loaded(void *object, struct error *error)
{
    struct core *core = object;
    uint64_t rf = core->state.rflags_rest & FLAG_RF; /* of an interrupted repetition */

    (void)error;
    core_mode_update(core);
    core->state.rflags_rest |= rf;
    mmu_flush_all(&core->mmu);
    core->attention = true;
    return 0;
}

static const struct state_table core_table =
    STATE_TABLE_LOADED("core", 1, struct core, core_rows, core_loaded);

static const struct state_field cpu_rows[] = {
    STATE_STRUCT_FIELD(struct cpu, core, &core_table),
    STATE_FIELD(struct cpu, n_faults),
};
const struct state_table cpu_saved_table = STATE_TABLE("cpu", 1, struct cpu, cpu_rows);

void cpu_forget(struct cpu *cpu)
{
    mmu_flush_all(&cpu->core.mmu); /* no link and no jump to a block is followed any more */
    block_cache_clear(cpu->blocks);
    if (cpu->translator != NULL) { /* the memory of the blocks that it knows is used again */
        translator_clear(cpu->translator);
    }
    cpu->edge = NULL;
    cpu->previous = NULL; /* cpu_run sets it */
}
