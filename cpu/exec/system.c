/* System instructions: the rows with their preconditions, the dispatcher, and the handlers that fit
 * no other file. [SDM 2; 3A 2.8, 5.9, 20.2]
 */
#include "cpu/exec/system.h"

#include "cpu/exec/cpu_trace.h"
#include "cpu/exec/flags.h"
#include "cpu/exec/model.h"
#include "cpu/exec/operand.h"
#include "cpu/exec/segment.h"

/* ---- interrupts, halting ---- */

static void system_hlt(struct core *core, const struct insn *insn)
{
    (void)insn;
    core->state.activity = ACTIVITY_HALTED;
    core->attention = true;
}

/* Which flag CLI and STI mean: IF, VIF, or none (#GP). [SDM 2A CLI table] */
static uint64_t interrupt_flag(struct core *core)
{
    const struct cpu_state *state = &core->state;

    if (!(state->cr0 & CR0_PE) || core->cpl <= core_iopl(core)) {
        return FLAG_IF;
    }
    if (core_in_v86(core) ? (state->cr4 & CR4_VME) != 0
                          : (state->cr4 & CR4_PVI) != 0 && core->cpl == 3) {
        return FLAG_VIF;
    }
    core_raise_error(core, VECTOR_GP, 0);
}

static void system_cli(struct core *core, const struct insn *insn)
{
    (void)insn;
    core->state.rflags_rest &= ~interrupt_flag(core);
}

static void system_sti(struct core *core, const struct insn *insn)
{
    uint64_t flag = interrupt_flag(core);

    (void)insn;
    if (flag == FLAG_VIF && (core->state.rflags_rest & FLAG_VIP)) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    if (flag == FLAG_IF && !(core->state.rflags_rest & FLAG_IF)) {
        core->state.shadow = SHADOW_STI;
        core->attention = true;
    }
    core->state.rflags_rest |= flag;
}

/* ---- translations and caches ---- */

static void system_invlpg(struct core *core, const struct insn *insn)
{
    uint64_t gva = insn_offset(core, insn) + core->seg_base[insn->segment];

    if (core->bits != 64) {
        gva = (uint32_t)gva;
    } else if (!gva_canonical(gva)) {
        return;
    }
    mmu_flush_page(&core->mmu, gva);
}

/* Types 0 to 3: one address, one PCID, all with globals, all but globals. This TLB has no PCID
 * tags: it never holds anything of another PCID. */
static void system_invpcid(struct core *core, const struct insn *insn)
{
    struct cpu_state *state = &core->state;
    uint64_t type = gpr_read(core, insn->n[0], core->bits == 64 ? 8 : 4);
    uint64_t descriptor[2];

    core_load(core, insn_linear(core, insn, 16, MMU_READ), descriptor, 16, insn_is_stack(insn));
    uint64_t pcid = descriptor[0], address = descriptor[1];
    bool bad = type > 3 || (pcid >> 12) != 0 || (type == 0 && !gva_canonical(address)) ||
               (type < 2 && pcid != 0 && !(state->cr4 & CR4_PCIDE));

    if (bad) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    bool current = !(state->cr4 & CR4_PCIDE) || pcid == (state->cr3 & 0xfff);
    if (type == 0 && current) {
        mmu_flush_page(&core->mmu, address);
    } else if (type == 2) {
        mmu_flush_all(&core->mmu);
    } else if (type == 3 || (type == 1 && current)) {
        mmu_flush_non_global(&core->mmu);
    }
}

static void system_nothing(struct core *core, const struct insn *insn)
{
    (void)core;
    (void)insn;
}

/* Its own stores are seen by all before it goes on: the host's loads and stores are the guest's. */
static void store_fence(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void system_mfence(struct core *core, const struct insn *insn)
{
    (void)core;
    (void)insn;
    store_fence();
}

/* Faults as a load of one byte would. */
static void system_clflush(struct core *core, const struct insn *insn)
{
    (void)core_load8(core, insn_linear(core, insn, 1, MMU_READ), insn_is_stack(insn));
}

/* ---- identification, random numbers, AC ---- */

static void system_cpuid(struct core *core, const struct insn *insn)
{
    uint64_t *gpr = core->state.gpr;
    uint32_t leaf = (uint32_t)gpr[REG_RAX], subleaf = (uint32_t)gpr[REG_RCX], regs[4];

    (void)insn;
    store_fence();
    cpu_model_cpuid(core, leaf, subleaf, regs);
    core_check(core, core->ops->cpuid(core->owner, leaf, subleaf, regs));
    CPU_TRACE(core, CPUID, leaf, subleaf, regs[0], regs[1], regs[2], regs[3]);
    if (UNLIKELY(!cpu_model_has_leaf(core->model, leaf))) {
        CPU_TRACE(core, CPUID_UNKNOWN, leaf, subleaf, cpu_trace_rip(core));
    }
    gpr[REG_RAX] = regs[CPUID_EAX];
    gpr[REG_RBX] = regs[CPUID_EBX];
    gpr[REG_RCX] = regs[CPUID_ECX];
    gpr[REG_RDX] = regs[CPUID_EDX];
    /* It serializes: code that another processor wrote before is what comes next. [SDM 3A 8.1.3] */
    if (UNLIKELY(__atomic_load_n(&core->pending, __ATOMIC_ACQUIRE) & CORE_PENDING_REQUEST)) {
        core_end_block(core);
    }
}

static void system_random(struct core *core, const struct insn *insn)
{
    gpr_write(core, insn->n[0], insn->opsize, core->ops->random(core->owner));
    flags_set(core, FLAG_CF);
}

static void system_clac(struct core *core, const struct insn *insn)
{
    (void)insn;
    core->state.rflags_rest &= ~FLAG_AC;
    core_privilege_update(core);
}

static void system_stac(struct core *core, const struct insn *insn)
{
    (void)insn;
    core->state.rflags_rest |= FLAG_AC;
    core_privilege_update(core);
}

static void system_undefined(struct core *core, const struct insn *insn)
{
    (void)insn;
    core_raise(core, VECTOR_UD);
}

/* ---- the rows ---- */

struct system_row {
    system_handler *handler;
    uint8_t checks; /* enum system_check */
};

#define PROTECTED SYSTEM_PROTECTED

// clang-format off
static const struct system_row system_rows[OP_COUNT] = {
    [OP_UD]       = { system_undefined, 0 },
    [OP_UD0]      = { system_undefined, 0 },
    [OP_UD1]      = { system_undefined, 0 },
    [OP_UD2]      = { system_undefined, 0 },
    [OP_HLT]      = { system_hlt, SYSTEM_CPL0 },
    [OP_CLI]      = { system_cli, 0 },
    [OP_STI]      = { system_sti, 0 },
    [OP_MOVSEG]   = { system_mov_seg, 0 },
    [OP_LDS]      = { system_load_far_pointer, 0 },
    [OP_LES]      = { system_load_far_pointer, 0 },
    [OP_LFS]      = { system_load_far_pointer, 0 },
    [OP_LGS]      = { system_load_far_pointer, 0 },
    [OP_LSS]      = { system_load_far_pointer, 0 },
    [OP_PUSHSEG]  = { system_push_seg, 0 },
    [OP_POPSEG]   = { system_pop_seg, 0 },
    [OP_LGDT]     = { system_lgdt, SYSTEM_CPL0 },
    [OP_LIDT]     = { system_lidt, SYSTEM_CPL0 },
    [OP_SGDT]     = { system_sgdt, SYSTEM_UMIP },
    [OP_SIDT]     = { system_sidt, SYSTEM_UMIP },
    [OP_LLDT]     = { system_lldt, PROTECTED | SYSTEM_CPL0 },
    [OP_LTR]      = { system_ltr, PROTECTED | SYSTEM_CPL0 },
    [OP_SLDT]     = { system_sldt, PROTECTED | SYSTEM_UMIP },
    [OP_STR]      = { system_str, PROTECTED | SYSTEM_UMIP },
    [OP_LMSW]     = { system_lmsw, SYSTEM_CPL0 },
    [OP_SMSW]     = { system_smsw, SYSTEM_UMIP },
    [OP_CLTS]     = { system_clts, SYSTEM_CPL0 },
    [OP_LAR]      = { system_lar, PROTECTED },
    [OP_LSL]      = { system_lsl, PROTECTED },
    [OP_VERR]     = { system_verify, PROTECTED },
    [OP_VERW]     = { system_verify, PROTECTED },
    [OP_ARPL]     = { system_arpl, PROTECTED },
    [OP_MOVCR]    = { system_mov_cr, 0 }, /* #UD for the number first */
    [OP_MOVDR]    = { system_mov_dr, 0 },
    [OP_INVLPG]   = { system_invlpg, SYSTEM_CPL0 },
    [OP_INVPCID]  = { system_invpcid, SYSTEM_CPL0 },
    [OP_INVD]     = { system_nothing, SYSTEM_CPL0 },
    [OP_WBINVD]   = { system_nothing, SYSTEM_CPL0 },
    [OP_WRMSR]    = { system_wrmsr, SYSTEM_CPL0 },
    [OP_RDMSR]    = { system_rdmsr, SYSTEM_CPL0 },
    [OP_RDPMC]    = { system_rdpmc, 0 },
    [OP_RDTSC]    = { system_rdtsc, 0 },
    [OP_RDTSCP]   = { system_rdtscp, 0 },
    [OP_RDPID]    = { system_rdpid, 0 },
    [OP_CPUID]    = { system_cpuid, 0 },
    [OP_RSM]      = { system_undefined, 0 }, /* outside SMM */
    [OP_SWAPGS]   = { system_swapgs, SYSTEM_CPL0 },
    [OP_RDFSBASE] = { system_read_base, 0 },
    [OP_RDGSBASE] = { system_read_base, 0 },
    [OP_WRFSBASE] = { system_write_base, 0 },
    [OP_WRGSBASE] = { system_write_base, 0 },
    [OP_XGETBV]   = { system_xgetbv, 0 },
    [OP_XSETBV]   = { system_xsetbv, 0 },
    [OP_CLAC]     = { system_clac, SYSTEM_CPL0_UD },
    [OP_STAC]     = { system_stac, SYSTEM_CPL0_UD },
    [OP_MONITOR]  = { system_undefined, 0 }, /* no model has them */
    [OP_MWAIT]    = { system_undefined, 0 },
    [OP_RDRAND]   = { system_random, 0 },
    [OP_RDSEED]   = { system_random, 0 },
    [OP_PREFETCH] = { system_nothing, 0 },
    [OP_LFENCE]   = { system_nothing, 0 },
    [OP_MFENCE]   = { system_mfence, 0 },
    [OP_SFENCE]   = { system_nothing, 0 },
    [OP_CLFLUSH]    = { system_clflush, 0 },
    [OP_CLFLUSHOPT] = { system_clflush, 0 },
};
// clang-format on

static void check_row(struct core *core, const struct system_row *row)
{
    if (((row->checks & SYSTEM_PROTECTED) && !core_in_protected(core)) ||
        ((row->checks & SYSTEM_CPL0_UD) && core->cpl != 0)) {
        core_raise(core, VECTOR_UD);
    }
    if (core->cpl != 0 && ((row->checks & SYSTEM_CPL0) ||
                           ((row->checks & SYSTEM_UMIP) && (core->state.cr4 & CR4_UMIP)))) {
        core_raise_error(core, VECTOR_GP, 0);
    }
}

EXEC_OP(system)
{
    const struct system_row *row = &system_rows[insn->op];

    check_row(core, row);
    if (row->checks & SYSTEM_CPL0) {
        store_fence(); /* most of them serialize [SDM 3A 8.3] */
    }
    row->handler(core, insn);
}

/* Goes up, and sees RIP at the instruction. Whoever answers may replace RIP (a call that does not
 * return here). */
EXEC_END_OP(vmcall)
{
    uint64_t *rip = &core->state.gpr[REG_RIP];
    uint64_t block_rip = *rip, here = insn_rip(core, insn) & core->ip_mask;
    uint64_t next = insn_next_rip(core, insn);

    *rip = here;
    enum core_status status = core->ops->vmcall(core->owner, insn->op == OP_VMMCALL);
    if (status != CORE_OK) {
        *rip = block_rip;
        core_check(core, status);
    }
    if (*rip == here) {
        *rip = next;
    }
}

exec_fn *exec_choose_system(const struct insn *insn)
{
    if (insn->op == OP_VMCALL || insn->op == OP_VMMCALL) {
        return exec_vmcall;
    }
    return system_rows[insn->op].handler != NULL ? exec_system : exec_undefined;
}
