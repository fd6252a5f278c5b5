/* The state of all VPs and the RAM as canonical words, for the trace hash. */
#include "partitions/state_hash.h"

#include "cpu/exec/flags.h"
#include "devices/chipset/lapic.h"
#include "partitions/board.h"
#include "partitions/machine.h"
#include "partitions/partition.h"
#include "partitions/vp.h"

static void hash_words(struct hash *hash, const uint64_t *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        hash_word(hash, words[i]);
    }
}

static void hash_segment(struct hash *hash, const struct x86_segment *segment)
{
    hash_word(hash, segment->base);
    hash_word(hash, (uint64_t)segment->limit << 32 | segment->selector);
    hash_word(hash, segment->attributes);
}

static void hash_system(struct hash *hash, const struct cpu_state *state)
{
    const uint64_t words[] = {
        state->gdtr.base,   state->gdtr.limit,   state->idtr.base,    state->idtr.limit,
        state->cr0,         state->cr2,          state->cr3,          state->cr4,
        state->efer,        state->xcr0,         state->dr6,          state->dr7,
        state->star,        state->lstar,        state->cstar,        state->fmask,
        state->sysenter_cs, state->sysenter_esp, state->sysenter_eip, state->kernel_gs_base,
        state->tsc_aux,     state->pat,          state->misc_enable,  state->mtrr_def_type,
        state->tsc_offset,  state->shadow,       state->nmi_blocked,  state->activity,
    };

    hash_words(hash, words, ARRAY_SIZE(words));
    hash_words(hash, state->dr, ARRAY_SIZE(state->dr));
    hash_words(hash, state->mtrr_fixed, ARRAY_SIZE(state->mtrr_fixed));
    hash_words(hash, state->mtrr_base, ARRAY_SIZE(state->mtrr_base));
    hash_words(hash, state->mtrr_mask, ARRAY_SIZE(state->mtrr_mask));
}

static void hash_float(struct hash *hash, const struct cpu_state *state)
{
    const struct x87_state *x87 = &state->x87;
    const uint64_t words[] = {
        x87->control, x87->status,        x87->valid,
        x87->opcode,  x87->data,          x87->instruction,
        state->mxcsr, x87->data_selector, x87->instruction_selector,
    };

    hash_words(hash, words, ARRAY_SIZE(words));
    for (size_t i = 0; i < ARRAY_SIZE(x87->reg); i++) {
        hash_word(hash, x87->reg[i].significand);
        hash_word(hash, x87->reg[i].sign_exponent);
    }
    for (size_t i = 0; i < ARRAY_SIZE(state->xmm); i++) {
        hash_words(hash, state->xmm[i].u64, ARRAY_SIZE(state->xmm[i].u64));
        hash_words(hash, state->ymm_high[i].u64, ARRAY_SIZE(state->ymm_high[i].u64));
    }
}

/* The flags as RFLAGS, whatever their lazy form. */
static void hash_core(struct hash *hash, const struct core *core)
{
    const struct cpu_state *state = &core->state;

    hash_word(hash, core->retired);
    hash_words(hash, state->gpr, REG_RIP + 1);
    hash_word(hash, core_rflags(core));
    for (unsigned n = 0; n < SEG_COUNT; n++) {
        hash_segment(hash, &state->seg[n]);
    }
    hash_segment(hash, &state->ldtr);
    hash_segment(hash, &state->tr);
    hash_system(hash, state);
    hash_float(hash, state);
    hash_word(hash, core->debug_pending);
    hash_word(hash, core->event_suspended.valid);
    if (core->event_suspended.valid) {
        hash_word(hash, core->event_suspended.source);
        hash_word(hash, core->event_suspended.fault.vector);
        hash_word(hash, core->event_suspended.fault.error);
        hash_word(hash, core->event_suspended.fault.address);
    }
}

static void hash_timer(struct hash *hash, const struct timer *timer)
{
    hash_word(hash, timer->armed);
    hash_word(hash, timer->armed ? timer->deadline_ns : 0);
}

/* A device by its state table. Its scalars are in the host's order, which is little-endian. */
static void hash_device(struct hash *hash, const struct device *dev)
{
    for (size_t i = 0; i < dev->type->state.n_fields; i++) {
        const struct state_field *field = &dev->type->state.fields[i];
        const uint8_t *at = (const uint8_t *)dev + field->offset;
        if (field->kind == STATE_UINT || field->kind == STATE_BOOL) {
            hash_bytes(hash, at, field->size);
        } else if (field->kind == STATE_TIMER) {
            hash_timer(hash, (const struct timer *)(const void *)at);
        }
    }
}

static void hash_vtl(struct hash *hash, const struct vp_vtl *vtl)
{
    const struct synic *synic = &vtl->synic;

    hash_word(hash, synic->control);
    hash_word(hash, synic->siefp_msr);
    hash_word(hash, synic->simp_msr);
    hash_words(hash, synic->sint, ARRAY_SIZE(synic->sint));
    hash_word(hash, vtl->vp_assist_msr);
    for (size_t i = 0; i < ARRAY_SIZE(vtl->timer); i++) {
        hash_word(hash, vtl->timer[i].config);
        hash_word(hash, vtl->timer[i].count);
        hash_word(hash, vtl->timer[i].due_ref);
        hash_timer(hash, &vtl->timer[i].timer);
    }
}

static void hash_vp(struct hash *hash, const struct vp *vp)
{
    hash_word(hash, (uint64_t)vp->partition->id);
    hash_word(hash, vp->index);
    hash_core(hash, &vp->cpu.core);
    hash_device(hash, &vp->lapic->dev);
    hash_word(hash, vp->active_vtl);
    hash_word(hash, (vp->explicit_suspend ? 1u : 0) | (vp->intercept_suspend ? 2u : 0) |
                        (vp->tlb_flush_inhibit ? 4u : 0) | (vp->is_sink ? 8u : 0));
    hash_word(hash, vp->run_time_ns);
    hash_word(hash, vp->deliverability_notifications);
    for (unsigned v = 0; v < HV_VTLS; v++) {
        hash_vtl(hash, &vp->vtl[v]);
    }
}

static void hash_boards(struct hash *hash, const struct machine *machine)
{
    for (unsigned i = 0; i < machine->hv.n_partitions; i++) {
        const struct partition *partition = machine->hv.partitions[i];
        const struct device *dev;
        for (unsigned n = 0; partition != NULL && partition->glue != NULL &&
                             (dev = board_device(partition->glue, n)) != NULL;
             n++) {
            hash_device(hash, dev);
        }
    }
}

static void hash_vps(struct hash *hash, struct machine *machine)
{
    hash_word(hash, clock_now_ns(&machine->clock));
    hash_word(hash, machine->n_vps);
    for (unsigned i = 0; i < machine->n_vps; i++) {
        hash_vp(hash, machine->vps[i]);
    }
    hash_boards(hash, machine);
}

void state_hash_vps(struct machine *machine)
{
    hash_vps(&machine->trace.hash, machine);
}

/* Four lanes, which a host can work on at once; a page of zeros is one word. */
static void hash_page(struct hash *hash, const uint8_t *page)
{
    uint64_t lane[4] = { 1, 2, 3, 4 }, any = 0;

    for (size_t i = 0; i < PAGE_SIZE; i += 8) {
        any |= ram_load64(page + i);
    }
    if (any == 0) {
        hash_word(hash, 0);
        return;
    }
    for (size_t i = 0; i < PAGE_SIZE; i += 32) {
        for (size_t n = 0; n < 4; n++) {
            lane[n] = hash_step(lane[n], ram_load64(page + i + 8 * n));
        }
    }
    hash_words(hash, lane, ARRAY_SIZE(lane));
}

uint64_t state_hash_final(struct machine *machine)
{
    struct hash hash = machine->trace.hash;

    hash_vps(&hash, machine);
    for (uint64_t page = 0; page < machine->ram.n_pages; page++) {
        hash_page(&hash, ram_host(&machine->ram, page << PAGE_SHIFT));
    }
    return hash_value(&hash);
}
