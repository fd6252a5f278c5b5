/* VPs on the machine: what a processor asks of the world around it, and what the hypervisor asks of
 * a processor. */
#include "partitions/vp.h"

#include <errno.h>
#include <stdlib.h>

#include "cpu/exec/flags.h"
#include "cpu/x86/exception.h"
#include "devices/chipset/lapic.h"
#include "devices/chipset/pic.h"
#include "partitions/board.h"
#include "partitions/debug.h"
#include "partitions/hv/hv.h"
#include "partitions/machine.h"
#include "partitions/partition.h"

/* What the machine adds to a VP; vp.glue. */
struct vp_glue {
    struct lapic lapic;
    bool idle; /* HV_X64_MSR_GUEST_IDLE: any interrupt wakes, whatever IF says */
    struct machine *machine;
};

struct machine *vp_machine(const struct vp *vp)
{
    return ((const struct vp_glue *)vp->glue)->machine;
}

static struct vp_glue *glue_of(const struct vp *vp)
{
    return vp->glue;
}

static struct board *board_of(const struct vp *vp)
{
    return vp->partition->glue;
}

static bool hv_present(const struct vp *vp)
{
    return vp_machine(vp)->config.hypervisor;
}

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

    if (!hv_present(vp) || partition_is_root(vp->partition)) {
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
    if (!hv_present(vp)) {
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
    if (!hv_present(vp)) {
        return CORE_GP;
    }
    struct hv_instruction instruction = instruction_of(vp);
    if (hv_intercept_msr(vp, msr, true, value, &instruction)) {
        return CORE_SUSPEND;
    }
    return hv_msr_is_synthetic(msr) ? hv_msr_write(vp, msr, value) : CORE_GP;
}

static uint64_t op_apic_base_read(struct vp *vp)
{
    uint64_t value = 0;

    return lapic_msr_read(vp->lapic, LAPIC_MSR_APIC_BASE, &value) ? value : 0;
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
        if (!(op_apic_base_read(vp) & APIC_BASE_EN)) {
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
    return hv_present(vp) ? hv_cpuid(vp, leaf, subleaf, regs) : CORE_OK;
}

static enum core_status vmcall(void *owner, bool amd_form)
{
    struct vp *vp = owner;

    (void)amd_form; /* the hypercall page says which; both enter */
    return hv_present(vp) ? hv_hypercall_from_guest(vp) : CORE_UD;
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
    struct board *board = board_of(owner);

    if (board != NULL) {
        board_fpu_error(board);
    }
}

static const struct core_ops core_ops = {
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
};

/* ---- cpu_interrupts ---- */

static int acknowledge(void *owner)
{
    struct vp *vp = owner;
    struct board *board = board_of(vp);
    int vector = lapic_acknowledge(vp->lapic);

    if (vector == LAPIC_TAKE_EXTINT) {
        return board != NULL ? board_acknowledge(board) : -1;
    }
    return vector;
}

static bool interrupt_pending(void *owner)
{
    struct vp *vp = owner;

    return lapic_pending(vp->lapic) || lapic_events(vp->lapic) != 0;
}

static bool nmi(void *owner)
{
    return lapic_take_event(((struct vp *)owner)->lapic, LAPIC_EVENT_NMI);
}

static const struct cpu_interrupts cpu_interrupts = {
    .acknowledge = acknowledge,
    .pending = interrupt_pending,
    .nmi = nmi,
};

/* ---- what the local APIC posts ---- */

static void lapic_kicked(void *opaque)
{
    struct vp *vp = opaque;

    cpu_kick(&vp->cpu);
    machine_kick(vp_machine(vp));
}

static void lapic_ended(void *opaque, uint8_t vector, bool level)
{
    struct vp *vp = opaque;
    struct board *board = board_of(vp);

    if (level && board != NULL) {
        board_apic_eoi(board, vector);
    }
    if (hv_present(vp)) {
        hv_eoi_notify(vp, vector);
    }
}

static void lapic_sends(void *opaque, uint64_t icr)
{
    board_send_ipi(opaque, icr);
}

static const struct lapic_ops lapic_ops = {
    .send_ipi = lapic_sends,
    .eoi = lapic_ended,
    .kick = lapic_kicked,
};

/* ---- life ---- */

struct vp *vp_create(void *opaque, struct partition *partition, uint32_t index)
{
    struct machine *machine = opaque;
    struct vp *vp;
    struct vp_glue *glue;

    if (machine->n_vps == MACHINE_VPS) {
        return NULL;
    }
    vp = calloc(1, sizeof(*vp));
    glue = calloc(1, sizeof(*glue));
    if (vp == NULL || glue == NULL) {
        goto no_memory;
    }
    vp->partition = partition;
    vp->index = index;
    vp->glue = glue;
    vp->lapic = &glue->lapic;
    glue->machine = machine;
    const struct cpu_model *model = &machine->config.model;
    lapic_init(vp->lapic, &machine->trace, (uint32_t)partition->id, &machine->clock, &lapic_ops, vp,
               index, index == 0, (model->features >> FEATURE_X2APIC & 1) != 0,
               model->physical_bits, machine->hv.tsc_hz);
    if (cpu_init(&vp->cpu, &machine->config.model, &partition->space, &core_ops, &cpu_interrupts,
                 vp, &machine->trace) != 0) {
        device_fini(&vp->lapic->dev);
        goto no_memory;
    }
    vp->cpu.core.partition = (uint32_t)partition->id;
    vp->cpu.core.vp = (int)index;
    vp->cpu.dump = machine->config.dump != 0 ? &machine->dump : NULL;
    if (index != 0) {
        vp->cpu.core.state.activity = ACTIVITY_WAIT_FOR_SIPI;
    }
    machine->vps[machine->n_vps++] = vp;
    debug_vp_created(machine, vp);
    return vp;

no_memory:
    free(glue);
    free(vp);
    return NULL;
}

void vp_destroy(void *opaque, struct vp *vp)
{
    struct machine *machine = opaque;

    for (unsigned i = 0; i < machine->n_vps; i++) {
        if (machine->vps[i] == vp) {
            machine->retired_by_destroyed += vp->cpu.core.retired;
            schedule_forget(machine, vp);
            machine->vps[i] = machine->vps[--machine->n_vps];
            break;
        }
    }
    device_fini(&vp->lapic->dev);
    cpu_fini(&vp->cpu);
    free(vp->glue);
    free(vp);
}

static void vp_reset(struct vp *vp, bool init)
{
    cpu_reset(&vp->cpu, init);
    vp->cpu.core.state.activity = vp->index == 0 ? ACTIVITY_RUNNING : ACTIVITY_WAIT_FOR_SIPI;
    glue_of(vp)->idle = false;
}

void machine_partition_reset(struct machine *machine, struct partition *partition)
{
    hv_partition_reset(partition);
    for (unsigned i = 0; i < machine->n_vps; i++) {
        struct vp *vp = machine->vps[i];
        if (vp->partition == partition) {
            device_reset(&vp->lapic->dev);
            vp_reset(vp, false);
        }
    }
}

/* ---- running ---- */

/* [SDM 3A 8.4.3] */
static void apply_init_and_sipi(struct vp *vp)
{
    struct cpu_state *state = &vp->cpu.core.state;

    if (lapic_take_event(vp->lapic, LAPIC_EVENT_INIT)) {
        lapic_init_reset(vp->lapic);
        vp_reset(vp, true);
    }
    if (lapic_take_event(vp->lapic, LAPIC_EVENT_SIPI) &&
        state->activity == ACTIVITY_WAIT_FOR_SIPI) {
        uint8_t vector = lapic_sipi_vector(vp->lapic);
        state->seg[SEG_CS].selector = (uint16_t)(vector << 8);
        state->seg[SEG_CS].base = (uint64_t)vector << 12;
        state->gpr[REG_RIP] = 0;
        state->activity = ACTIVITY_RUNNING;
        core_mode_update(&vp->cpu.core);
    }
    /* There is no SMM: an SMI is taken and nothing happens. */
    lapic_take_event(vp->lapic, LAPIC_EVENT_SMI);
}

bool vp_prepare(struct vp *vp)
{
    struct cpu_state *state = &vp->cpu.core.state;

    if (vp->is_sink || vp_is_suspended(vp)) {
        return false;
    }
    apply_init_and_sipi(vp);
    if (state->activity == ACTIVITY_RUNNING) {
        return true;
    }
    if (state->activity != ACTIVITY_HALTED || !interrupt_pending(vp)) {
        return false;
    }
    if (glue_of(vp)->idle) {
        glue_of(vp)->idle = false;
        state->activity = ACTIVITY_RUNNING;
        return true;
    }
    return (state->rflags_rest & FLAG_IF) || (lapic_events(vp->lapic) & LAPIC_EVENT_NMI);
}

bool vp_can_wake(const struct vp *vp)
{
    const struct cpu_state *state = &vp->cpu.core.state;

    return !vp->is_sink && !vp_is_suspended(vp) &&
           (state->activity == ACTIVITY_RUNNING ||
            (state->activity == ACTIVITY_HALTED &&
             ((state->rflags_rest & FLAG_IF) || glue_of(vp)->idle)));
}

enum cpu_exit vp_run(struct vp *vp, uint64_t instructions)
{
    enum cpu_exit exit;

    hv_vp_run_begin(vp);
    if (interrupt_pending(vp)) {
        cpu_kick(&vp->cpu);
    }
    exit = cpu_run(&vp->cpu, instructions);
    hv_vp_run_end(vp);
    if (exit == CPU_EXIT_HALT && hv_present(vp) && !partition_is_root(vp->partition)) {
        hv_intercept_halt(vp);
    }
    return exit;
}

bool vp_shutdown(struct vp *vp)
{
    struct machine *machine = vp_machine(vp);

    return machine->config.hypervisor && machine->config.root_is_guest &&
           hv_intercept_unrecoverable(vp);
}

/* ---- hypervisor_ops ---- */

static int partition_created(void *opaque, struct partition *partition)
{
    (void)opaque;
    partition->space.ops = &board_space_ops;
    partition->space.ops_opaque = partition;
    return 0;
}

static void op_interrupt(struct vp *vp, unsigned vector, bool auto_eoi)
{
    lapic_set_auto_eoi_vector(vp->lapic, (uint8_t)vector, auto_eoi);
    lapic_deliver(vp->lapic, LAPIC_FIXED, (uint8_t)vector, false);
}

enum { SVR_ENABLE = 0x100 };

static bool op_apic_enabled(struct vp *vp)
{
    return lapic_read(vp->lapic, LAPIC_SVR, 4) & SVR_ENABLE;
}

static uint32_t op_apic_id(struct vp *vp)
{
    return vp->lapic->id;
}

/* An APIC register in whichever mode the APIC is. The ICR is 64 bits in both. [TLFS HV_X64_MSR_ICR]
 */
static bool apic_register(struct vp *vp, uint32_t offset, bool write, uint64_t *value)
{
    uint32_t msr = LAPIC_MSR_X2 + offset / 16;

    if (op_apic_base_read(vp) & APIC_BASE_EXTD) {
        return write ? lapic_msr_write(vp->lapic, msr, *value)
                     : lapic_msr_read(vp->lapic, msr, value);
    }
    if (write) {
        if (offset == LAPIC_ICR_LOW) {
            lapic_write(vp->lapic, LAPIC_ICR_HIGH, 4, *value >> 32);
        }
        lapic_write(vp->lapic, offset, 4, (uint32_t)*value);
    } else {
        *value = lapic_read(vp->lapic, offset, 4);
        if (offset == LAPIC_ICR_LOW) {
            *value |= lapic_read(vp->lapic, LAPIC_ICR_HIGH, 4) << 32;
        }
    }
    return true;
}

static enum core_status op_apic_read(struct vp *vp, enum hv_apic_register reg, uint64_t *value)
{
    if (reg == HV_APIC_EOI) {
        return CORE_GP; /* write-only */
    }
    return apic_register(vp, reg == HV_APIC_TPR ? LAPIC_TPR : LAPIC_ICR_LOW, false, value)
               ? CORE_OK
               : CORE_GP;
}

static enum core_status op_apic_write(struct vp *vp, enum hv_apic_register reg, uint64_t value)
{
    if (reg == HV_APIC_EOI) {
        lapic_eoi(vp->lapic);
        return CORE_OK;
    }
    return apic_register(vp, reg == HV_APIC_TPR ? LAPIC_TPR : LAPIC_ICR_LOW, true, &value)
               ? CORE_OK
               : CORE_GP;
}

static bool op_assert_interrupt(struct partition *partition, const struct hv_interrupt *interrupt)
{
    return board_assert_interrupt(partition, interrupt);
}

static int op_clear_interrupt(struct partition *partition)
{
    struct board *board = partition->glue;

    return board != NULL ? board_clear_extint(board) : 1;
}

static bool op_apic_base_write(struct vp *vp, uint64_t value)
{
    return lapic_msr_write(vp->lapic, LAPIC_MSR_APIC_BASE, value);
}

static void op_state_changed(struct vp *vp)
{
    core_mode_update(&vp->cpu.core);
    mmu_flush_all(&vp->cpu.core.mmu);
    cpu_kick(&vp->cpu);
}

static void op_tlb_flush(struct vp *vp, bool all, gva_t gva, uint64_t n_pages)
{
    struct mmu *mmu = &vp->cpu.core.mmu;

    /* One logical-processor thread: no VP is inside an instruction of its own now, or it is the
     * caller's. */
    if (all || n_pages > 64) {
        mmu_flush_all(mmu);
        return;
    }
    for (uint64_t i = 0; i < n_pages; i++) {
        mmu_flush_page(mmu, gva + i * PAGE_SIZE);
    }
}

static void op_kick(struct vp *vp)
{
    lapic_kicked(vp);
}

static void op_idle(struct vp *vp)
{
    glue_of(vp)->idle = true;
    vp->cpu.core.state.activity = ACTIVITY_HALTED;
    vp->cpu.core.attention = true;
    cpu_cut(&vp->cpu);
}

static void op_reset(struct partition *partition)
{
    struct machine *machine = CONTAINER_OF(partition->hv, struct machine, hv);

    __atomic_store_n(&machine->reset, true, __ATOMIC_RELEASE);
    machine_kick(machine);
}

static void op_crashed(struct partition *partition, uint64_t control)
{
    struct machine *machine = CONTAINER_OF(partition->hv, struct machine, hv);

    (void)control;
    __atomic_store_n(&machine->crashed, true, __ATOMIC_RELEASE);
}

static void op_sink(struct vp *vp, unsigned sint)
{
    struct machine *machine = vp_machine(vp);

    if (machine->config.root_message != NULL) {
        machine->config.root_message(machine->config.root_message_opaque, vp, sint);
    }
}

const struct hypervisor_ops vp_hypervisor_ops = {
    .vp_create = vp_create,
    .vp_destroy = vp_destroy,
    .partition_created = partition_created,
    .interrupt = op_interrupt,
    .apic_enabled = op_apic_enabled,
    .apic_id = op_apic_id,
    .apic_read = op_apic_read,
    .apic_write = op_apic_write,
    .assert_interrupt = op_assert_interrupt,
    .clear_interrupt = op_clear_interrupt,
    .apic_base_read = op_apic_base_read,
    .apic_base_write = op_apic_base_write,
    .state_changed = op_state_changed,
    .tlb_flush = op_tlb_flush,
    .kick = op_kick,
    .idle = op_idle,
    .reset = op_reset,
    .crashed = op_crashed,
    .sink = op_sink,
};
