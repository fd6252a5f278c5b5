/* What an instruction asks of the world around its VP: ports, MSRs, CPUID, time, interrupts. */
#include "cpu/exec/model.h"
#include "partitions/hv/hv.h"
#include "partitions/vp_glue.h"

/* ---- core_ops ---- */

static enum core_status status_of(enum io_status status)
{
    return status == IO_SUSPEND ? CORE_SUSPEND : CORE_OK;
}

/* The instruction being executed, for intercept messages. */
static struct hv_instruction instruction_of(const struct vp *vp)
{
    return (struct hv_instruction){ .length = vp->cpu.core.insn->length };
}

static bool port_intercepted(struct vp *vp, uint16_t port, unsigned size, bool write)
{
    const struct insn *insn = vp->cpu.core.insn;
    struct hv_instruction instruction;

    if (!vp_has_hypervisor(vp) || partition_is_root(vp->partition)) {
        return false;
    }
    instruction = instruction_of(vp);
    return hv_intercept_io(vp, port, size, write, insn->op == OP_INS || insn->op == OP_OUTS,
                           (insn->flags & INSN_REP) != 0, &instruction);
}

static enum core_status port_read(void *owner, uint16_t port, unsigned size, uint32_t *value)
{
    struct vp *vp = owner;
    uint64_t wide = UINT32_MAX;

    if (port_intercepted(vp, port, size, false)) {
        return CORE_SUSPEND;
    }
    if (vp->partition->ports != NULL &&
        bus_read(vp->partition->ports, port, size, &wide, NULL) == IO_SUSPEND) {
        return CORE_SUSPEND;
    }
    *value = (uint32_t)wide;
    return CORE_OK;
}

static enum core_status port_write(void *owner, uint16_t port, unsigned size, uint32_t value)
{
    struct vp *vp = owner;

    if (port_intercepted(vp, port, size, true)) {
        return CORE_SUSPEND;
    }
    return vp->partition->ports == NULL
               ? CORE_OK
               : status_of(bus_write(vp->partition->ports, port, size, value, NULL));
}

static uint64_t synchronous_requests(const struct vp *vp)
{
    return __atomic_load_n(&vp_machine(vp)->synchronous, __ATOMIC_RELAXED);
}

/* What an instruction asked of other processors is done before the next one. */
static enum core_status waited_for(struct vp *vp, uint64_t before, enum core_status status)
{
    if (synchronous_requests(vp) != before && vp_is_parallel(vp)) {
        vp_glue_of(vp)->lp->must_wait = true;
        cpu_request(&vp->cpu);
    }
    return status;
}

enum { MSR_X2APIC_LAST = LAPIC_MSR_X2 + 0xff };
enum { CPUID_HTT = 1 << 28 }; /* leaf 1 EDX: EBX counts APIC ids of the package */

static bool msr_is_apic(uint32_t msr)
{
    return msr == LAPIC_MSR_APIC_BASE || msr == LAPIC_MSR_TSC_DEADLINE ||
           (msr >= LAPIC_MSR_X2 && msr <= MSR_X2APIC_LAST);
}

static enum core_status msr_read(void *owner, uint32_t msr, uint64_t *value)
{
    struct vp *vp = owner;

    if (msr_is_apic(msr)) {
        return lapic_msr_read(vp->lapic, msr, value) ? CORE_OK : CORE_GP;
    }
    if (!vp_has_hypervisor(vp)) {
        return CORE_GP;
    }
    struct hv_instruction instruction = instruction_of(vp);
    if (hv_intercept_msr(vp, msr, false, 0, &instruction)) {
        return CORE_SUSPEND;
    }
    return hv_msr_is_synthetic(msr) ? hv_msr_read(vp, msr, value) : CORE_GP;
}

static enum core_status msr_write(void *owner, uint32_t msr, uint64_t value)
{
    struct vp *vp = owner;

    if (msr_is_apic(msr)) {
        return lapic_msr_write(vp->lapic, msr, value) ? CORE_OK : CORE_GP;
    }
    if (!vp_has_hypervisor(vp)) {
        return CORE_GP;
    }
    struct hv_instruction instruction = instruction_of(vp);
    if (hv_intercept_msr(vp, msr, true, value, &instruction)) {
        return CORE_SUSPEND;
    }
    if (!hv_msr_is_synthetic(msr)) {
        return CORE_GP;
    }
    uint64_t before = synchronous_requests(vp);
    return waited_for(vp, before, hv_msr_write(vp, msr, value));
}

/* Bits of an APIC id that tell the partition's VPs apart: they are the cores of one package. */
static unsigned core_bits(const struct vp *vp)
{
    unsigned bits = 0;

    while (1u << bits < vp->partition->n_vps) {
        bits++;
    }
    return bits;
}

/* What only the VP knows: its APIC id, whether the APIC is on, and who shares its package. [SDM 2A
 * CPUID leaves 1, 4, 0xb; 3A 9.9.3] */
static enum core_status cpuid(void *owner, uint32_t leaf, uint32_t subleaf, uint32_t regs[4])
{
    struct vp *vp = owner;
    uint32_t id = vp->lapic->id;

    if (leaf == 1) {
        regs[CPUID_EBX] = (regs[CPUID_EBX] & 0xffff) | 1u << core_bits(vp) << 16 | id << 24;
        regs[CPUID_EDX] |= vp->partition->n_vps > 1 ? CPUID_HTT : 0;
        if (!(vp_apic_base(vp) & APIC_BASE_EN)) {
            regs[CPUID_EDX] &= ~(1u << 9);
        }
    } else if (leaf == 4 && (regs[CPUID_EAX] & 0x1f) != 0) {
        regs[CPUID_EAX] |= ((1u << core_bits(vp)) - 1) << 26;
    } else if (leaf == 0xb && vp->cpu.core.model->max_leaf >= 0xb) {
        regs[CPUID_EDX] = id;
        if (subleaf == 1) {
            regs[CPUID_EAX] = core_bits(vp);
            regs[CPUID_EBX] = vp->partition->n_vps;
        }
    }
    return vp_has_hypervisor(vp) ? hv_cpuid(vp, leaf, subleaf, regs) : CORE_OK;
}

static enum core_status vmcall(void *owner, bool amd_form)
{
    struct vp *vp = owner;

    (void)amd_form; /* the hypercall page says which; both enter */
    if (!vp_has_hypervisor(vp)) {
        return CORE_UD;
    }
    uint64_t before = synchronous_requests(vp);
    return waited_for(vp, before, hv_hypercall_from_guest(vp));
}

static uint64_t tsc(void *owner)
{
    struct machine *machine = vp_machine(owner);

    return hv_tsc(&machine->hv, clock_now_ns(&machine->clock));
}

static uint64_t random_word(void *owner)
{
    return machine_random(vp_machine(owner));
}

static uint8_t cr8_read(void *owner)
{
    return (uint8_t)lapic_cr8(((struct vp *)owner)->lapic);
}

static void cr8_write(void *owner, uint8_t value)
{
    lapic_set_cr8(((struct vp *)owner)->lapic, value);
}

static void fpu_error(void *owner)
{
    struct board *board = vp_board(owner);

    if (board != NULL) {
        board_fpu_error(board);
    }
}

static bool code_marked(void *owner, spa_t spa)
{
    struct vp *vp = owner;
    struct machine *machine = vp_machine(vp);

    if (!vp_is_parallel(vp)) {
        for (unsigned i = 0; i < machine->n_vps; i++) {
            mmu_write_protect(&machine->vps[i]->cpu.core.mmu, spa);
        }
        return false;
    }
    if (!lps_write_protect(machine, vp_glue_of(vp)->lp, spa)) {
        return false;
    }
    vp_glue_of(vp)->lp->must_wait = true;
    vp_glue_of(vp)->lp->marked = spa;
    return true;
}

static void alone_wanted(void *owner)
{
    vp_glue_of(owner)->lp->wants_alone = true;
}

static void many_pauses(void *owner)
{
    struct machine *machine = vp_machine(owner);

    if (__atomic_load_n(&machine->n_lps, __ATOMIC_RELAXED) > 1) {
        host_thread_yield();
    }
}

const struct core_ops vp_core_ops = {
    .port_read = port_read,
    .port_write = port_write,
    .msr_read = msr_read,
    .msr_write = msr_write,
    .cpuid = cpuid,
    .vmcall = vmcall,
    .tsc = tsc,
    .random = random_word,
    .cr8_read = cr8_read,
    .cr8_write = cr8_write,
    .fpu_error = fpu_error,
    .code_marked = code_marked,
    .alone_wanted = alone_wanted,
    .pause = many_pauses,
};

/* ---- cpu_interrupts ---- */

static int acknowledge(void *owner)
{
    struct vp *vp = owner;
    struct board *board = vp_board(vp);
    int vector = lapic_acknowledge(vp->lapic);

    if (vector == LAPIC_TAKE_EXTINT) {
        return board != NULL ? board_acknowledge(board) : -1;
    }
    return vector;
}

static bool interrupt_pending(void *owner)
{
    return vp_interrupt_pending(owner);
}

static bool nmi(void *owner)
{
    return lapic_take_event(((struct vp *)owner)->lapic, LAPIC_EVENT_NMI);
}

const struct cpu_interrupts vp_interrupts = {
    .acknowledge = acknowledge,
    .pending = interrupt_pending,
    .nmi = nmi,
};
