/* Control, debug and extended control registers: every reserved bit and consistency rule. [SDM
 * 3A 2.5, 9.8.5, 17.2]
 */
#include <string.h>

#include "cpu/exec/cpu_trace.h"
#include "cpu/exec/model.h"
#include "cpu/exec/operand.h"
#include "cpu/exec/segment.h"
#include "cpu/exec/system.h"

#define CR0_DEFINED                                                                                \
    (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD |     \
     CR0_PG)

#define CR3_NO_FLUSH BIT64(63)

static NORETURN void raise_gp(struct core *core)
{
    core_raise_error(core, VECTOR_GP, 0);
}

/* Legacy PAE paging keeps its four PDPTEs in the processor. [SDM 3A 4.4.1] */
static void load_pdptes(struct core *core, uint64_t cr0, uint64_t cr3, uint64_t cr4)
{
    uint64_t pdpte[4];
    struct paging paging = core->mmu.paging;

    paging.cr0 = cr0;
    paging.cr3 = cr3;
    paging.cr4 = cr4;
    paging.efer = core->state.efer;
    if (!walk_pdptes_load(core->mmu.space, &paging, cr3, pdpte)) {
        raise_gp(core);
    }
    memcpy(core->mmu.paging.pdpte, pdpte, sizeof(pdpte));
}

static bool legacy_pae(const struct core *core, uint64_t cr0, uint64_t cr4)
{
    return (cr0 & CR0_PG) && (cr4 & CR4_PAE) && !(core->state.efer & EFER_LME);
}

void control_write_cr0(struct core *core, uint64_t value)
{
    struct cpu_state *state = &core->state;
    uint64_t old = state->cr0, efer = state->efer;

    if (core->bits == 64 && value >> 32) {
        raise_gp(core);
    }
    value = (value & CR0_DEFINED) | CR0_ET;
    if (((value & CR0_PG) && !(value & CR0_PE)) || ((value & CR0_NW) && !(value & CR0_CD))) {
        raise_gp(core);
    }
    uint64_t changed = old ^ value;
    if (changed & CR0_PG) {
        bool code64 = state->seg[SEG_CS].attributes & SEG_L;

        if (value & CR0_PG) {
            if (efer & EFER_LME) {
                if (!(state->cr4 & CR4_PAE) || code64) {
                    raise_gp(core);
                }
                efer |= EFER_LMA;
            }
        } else {
            if (core->bits == 64 || (state->cr4 & CR4_PCIDE)) {
                raise_gp(core);
            }
            efer &= ~EFER_LMA;
        }
    }
    if ((changed & (CR0_PG | CR0_CD | CR0_NW)) && legacy_pae(core, value, state->cr4)) {
        load_pdptes(core, value, state->cr3, state->cr4);
    }
    state->efer = efer;
    state->cr0 = value;
    core_mode_update(core);
    if (changed & (CR0_PE | CR0_PG)) {
        CPU_TRACE(core, MODE, core->bits, value, state->cr4, state->efer);
    }
}

static void write_cr3(struct core *core, uint64_t value)
{
    struct cpu_state *state = &core->state;
    uint64_t reserved = ~((UINT64_C(1) << core->model->physical_bits) - 1);

    if (core->bits != 64) {
        value = (uint32_t)value;
    } else if (value & reserved & ~(state->cr4 & CR4_PCIDE ? CR3_NO_FLUSH : 0)) {
        raise_gp(core);
    }
    if (legacy_pae(core, state->cr0, state->cr4)) {
        load_pdptes(core, state->cr0, value, state->cr4);
    }
    state->cr3 = value & ~CR3_NO_FLUSH;
    mmu_paging_set(&core->mmu, state->cr0, value, state->cr4, state->efer);
    if (core->ops->flush_notify != NULL) {
        core->ops->flush_notify(core->owner);
    }
}

static void write_cr4(struct core *core, uint64_t value)
{
    struct cpu_state *state = &core->state;
    uint64_t changed = state->cr4 ^ value;

    if (value & cpu_model_cr4_reserved(core->model)) {
        raise_gp(core);
    }
    if (core_in_long(core) && !(value & CR4_PAE)) {
        raise_gp(core);
    }
    if ((changed & value & CR4_PCIDE) && (!core_in_long(core) || (state->cr3 & 0xfff))) {
        raise_gp(core);
    }
    if ((changed & (CR4_PAE | CR4_PSE | CR4_PGE | CR4_SMEP)) &&
        legacy_pae(core, state->cr0, value)) {
        load_pdptes(core, state->cr0, state->cr3, value);
    }
    state->cr4 = value;
    core_mode_update(core);
}

static void write_cr(struct core *core, unsigned n, uint64_t value)
{
    switch (n) {
    case 0:
        control_write_cr0(core, value);
        break;
    case 2:
        core->state.cr2 = value;
        break;
    case 3:
        write_cr3(core, value);
        break;
    case 4:
        write_cr4(core, value);
        break;
    case 8:
        if (value >> 4) {
            raise_gp(core);
        }
        core->ops->cr8_write(core->owner, (uint8_t)value);
        break;
    default:
        core_raise(core, VECTOR_UD);
    }
}

static uint64_t read_cr(struct core *core, unsigned n)
{
    switch (n) {
    case 0:
        return core->state.cr0;
    case 2:
        return core->state.cr2;
    case 3:
        return core->state.cr3;
    case 4:
        return core->state.cr4;
    case 8:
        return core->ops->cr8_read(core->owner);
    default:
        core_raise(core, VECTOR_UD);
    }
}

void system_mov_cr(struct core *core, const struct insn *insn)
{
    unsigned size = core->bits == 64 ? 8 : 4;
    bool write = insn->kind[0] == OPERAND_CR;
    unsigned n = insn->n[write ? 0 : 1];

    if (n > 8 || n == 1 || (n >= 5 && n <= 7)) {
        core_raise(core, VECTOR_UD); /* before the privilege check */
    }
    if (core->cpl != 0) {
        raise_gp(core);
    }
    if (write) {
        write_cr(core, n, gpr_read(core, insn->n[1], size));
    } else {
        gpr_write(core, insn->n[0], size, read_cr(core, n));
    }
}

/* PE may be set, not cleared. */
void system_lmsw(struct core *core, const struct insn *insn)
{
    uint64_t value = operand_read(core, insn, 0, 2);
    uint64_t mask = CR0_MP | CR0_EM | CR0_TS | (value & CR0_PE);

    control_write_cr0(core, (core->state.cr0 & ~mask) | (value & mask));
}

void system_smsw(struct core *core, const struct insn *insn)
{
    operand_write(core, insn, 0, insn->size[0], core->state.cr0);
}

void system_clts(struct core *core, const struct insn *insn)
{
    (void)insn;
    core->state.cr0 &= ~CR0_TS;
    core_mode_update(core);
}

/* ---- debug registers ---- */

static void write_dr(struct core *core, unsigned n, uint64_t value)
{
    struct cpu_state *state = &core->state;

    if (n < 4) {
        state->dr[n] = value;
        return;
    }
    if (value >> 32) {
        raise_gp(core);
    }
    if (n == 6) {
        state->dr6 = (value & 0xe00f) | DR6_INIT;
    } else {
        state->dr7 = (value & 0xffff23ff) | DR7_INIT;
    }
    core_privilege_update(core);
}

void system_mov_dr(struct core *core, const struct insn *insn)
{
    unsigned size = core->bits == 64 ? 8 : 4;
    bool write = insn->kind[0] == OPERAND_DR;
    unsigned n = insn->n[write ? 0 : 1];

    if (n > 7) {
        core_raise(core, VECTOR_UD);
    }
    if (core->cpl != 0) {
        raise_gp(core);
    }
    if (n == 4 || n == 5) {
        if (core->state.cr4 & CR4_DE) {
            core_raise(core, VECTOR_UD);
        }
        n += 2;
    }
    if (core->state.dr7 & DR7_GD) {
        core_raise_fault(core, (struct x86_fault){ .vector = VECTOR_DB, .address = DR6_BD });
    }
    if (write) {
        write_dr(core, n, gpr_read(core, insn->n[1], size));
    } else {
        gpr_write(core, insn->n[0], size,
                  n < 4    ? core->state.dr[n]
                  : n == 6 ? core->state.dr6
                           : core->state.dr7);
    }
}

/* ---- XCR0 ---- */

static void check_osxsave(struct core *core)
{
    if (!(core->state.cr4 & CR4_OSXSAVE)) {
        core_raise(core, VECTOR_UD);
    }
}

void system_xgetbv(struct core *core, const struct insn *insn)
{
    (void)insn;
    check_osxsave(core);
    if ((uint32_t)core->state.gpr[REG_RCX] != 0) {
        raise_gp(core);
    }
    core->state.gpr[REG_RAX] = (uint32_t)core->state.xcr0;
    core->state.gpr[REG_RDX] = core->state.xcr0 >> 32;
}

void system_xsetbv(struct core *core, const struct insn *insn)
{
    uint64_t value = (uint32_t)core->state.gpr[REG_RAX] | core->state.gpr[REG_RDX] << 32;

    (void)insn;
    check_osxsave(core);
    if (core->cpl != 0 || (uint32_t)core->state.gpr[REG_RCX] != 0 || !(value & XCR0_X87) ||
        (value & ~cpu_model_xcr0(core->model)) || (value & (XCR0_SSE | XCR0_AVX)) == XCR0_AVX) {
        raise_gp(core);
    }
    core->state.xcr0 = value;
    core_mode_update(core);
}
