/* System instructions: one row each with its preconditions; one dispatcher checks them. [SDM 2; 3A 2.8, 5.9] */
#ifndef CPU_EXEC_SYSTEM_H
#define CPU_EXEC_SYSTEM_H

#include "cpu/exec/core.h"
#include "cpu/exec/exec.h"

/* What the dispatcher checks before the handler runs, in this order. */
enum system_check {
    SYSTEM_PROTECTED = 1u << 0, /* #UD in real and virtual-8086 mode */
    SYSTEM_CPL0_UD = 1u << 1,   /* #UD unless CPL 0 */
    SYSTEM_CPL0 = 1u << 2,      /* #GP(0) unless CPL 0 */
    SYSTEM_UMIP = 1u << 3,      /* #GP(0) when CR4.UMIP and CPL > 0 */
};

typedef void system_handler(struct core *core, const struct insn *insn);

/* Handlers: they may raise; they do not touch RIP. */
system_handler system_mov_cr, system_mov_dr, system_lmsw, system_smsw, system_clts, system_xgetbv,
    system_xsetbv;
system_handler system_rdmsr, system_wrmsr, system_rdtsc, system_rdtscp, system_rdpid, system_rdpmc,
    system_swapgs, system_read_base, system_write_base;
system_handler system_mov_seg, system_load_far_pointer, system_push_seg, system_pop_seg, system_lgdt,
    system_lidt, system_sgdt, system_sidt, system_lldt, system_ltr, system_sldt, system_str, system_lar,
    system_lsl, system_verify, system_arpl;

/* What RDMSR and WRMSR do at CPL 0. */
enum core_status core_msr_read(struct core *core, uint32_t msr, uint64_t *value);
enum core_status core_msr_write(struct core *core, uint32_t msr, uint64_t value);

/* MOV to CR0 with every check; also LMSW's way. Raises #GP(0). */
void control_write_cr0(struct core *core, uint64_t value);

/* TSC as the guest reads it. */
static inline uint64_t core_tsc(const struct core *core)
{
    return core->ops->tsc(core->owner) + core->state.tsc_offset;
}

#endif
