/* Local APIC: acceptance, priority, end of interrupt, local pins, destinations. [SDM
 * 3A 10.5, 10.6, 10.8] */
#include "devices/chipset/lapic.h"

#include <errno.h>
#include <string.h>

#include "base/compiler.h"
#include "devices/chipset/lapic_parts.h"
#include "devices/devices_trace.h"

/* ---- bit sets of 256 vectors
 * --------------------------------------------------------------------------------- */

static void vectors_set(uint32_t *set, unsigned vector)
{
    set[vector >> 5] |= UINT32_C(1) << (vector & 31);
}

static void vectors_clear(uint32_t *set, unsigned vector)
{
    set[vector >> 5] &= ~(UINT32_C(1) << (vector & 31));
}

static bool vectors_test(const uint32_t *set, unsigned vector)
{
    return (set[vector >> 5] >> (vector & 31) & 1) != 0;
}

static int vectors_highest(const uint32_t *set)
{
    for (int i = 7; i >= 0; i--) {
        if (set[i] != 0) {
            return i * 32 + 31 - __builtin_clz(set[i]);
        }
    }
    return -1;
}

/* ---- priority
 * ------------------------------------------------------------------------------------------------
 */

uint32_t lapic_ppr_locked(const struct lapic *lapic)
{
    int service = vectors_highest(lapic->isr);
    uint32_t class = service < 0 ? 0 : (uint32_t)service & 0xf0;
    return (lapic->tpr & 0xf0) >= class ? lapic->tpr : class;
}

/* The vector that may interrupt the processor now, or -1. */
static int lapic_deliverable(const struct lapic *lapic)
{
    int request = vectors_highest(lapic->irr);
    return request >= 0 && ((uint32_t)request & 0xf0) > (lapic_ppr_locked(lapic) & 0xf0) ? request
                                                                                         : -1;
}

/* The 8259A's INTR reaches the processor: through LINT0 as ExtINT, or straight when the APIC is
 * off. */
static bool lapic_extint_pending(const struct lapic *lapic)
{
    if (!lapic_is_on(lapic)) {
        return lapic->lint_sources[0] != 0;
    }
    uint32_t lint0 = lapic->lvt[LVT_LINT0];
    return lapic->extint ||
           ((lint0 & (LVT_MASKED | 0x700)) == LAPIC_EXTINT << 8 && lapic->lint_sources[0] != 0);
}

void lapic_leave(struct lapic *lapic, struct lapic_after *after)
{
    bool ready =
        lapic_extint_pending(lapic) || (lapic_is_on(lapic) && lapic_deliverable(lapic) >= 0);
    bool was = atomic_exchange(&lapic->ready, ready);
    if (ready && !was) {
        after->kick = true;
    }
    host_mutex_unlock(&lapic->dev.lock);
    if (after->eoi) {
        lapic->ops->eoi(lapic->opaque, after->eoi_vector, after->eoi_level);
    }
    if (after->ipi) {
        lapic->ops->send_ipi(lapic->opaque, after->icr);
    }
    if (after->kick) {
        lapic->ops->kick(lapic->opaque);
    }
}

bool lapic_pending(struct lapic *lapic)
{
    return atomic_load(&lapic->ready);
}

int lapic_acknowledge(struct lapic *lapic)
{
    struct lapic_after after = { 0 };
    host_mutex_lock(&lapic->dev.lock);
    int vector = LAPIC_NONE;
    if (lapic_extint_pending(lapic)) {
        lapic->extint = false;
        vector = LAPIC_TAKE_EXTINT;
    } else if (lapic_is_on(lapic)) {
        vector = lapic_deliverable(lapic);
        if (vector >= 0) {
            vectors_clear(lapic->irr, (unsigned)vector);
            if (!vectors_test(lapic->auto_eoi, (unsigned)vector)) {
                vectors_set(lapic->isr, (unsigned)vector);
            }
        }
    }
    lapic_leave(lapic, &after);
    return vector;
}

/* ---- acceptance
 * ---------------------------------------------------------------------------------------------- */

static void lapic_post_event(struct lapic *lapic, enum lapic_event event, struct lapic_after *after)
{
    atomic_fetch_or(&lapic->events, (unsigned)event);
    after->kick = true;
}

static void lapic_accept(struct lapic *lapic, uint8_t vector, bool level, struct lapic_after *after)
{
    if (vector < 16) {
        lapic_error_locked(lapic, ESR_RECEIVE_ILLEGAL, after);
        return;
    }
    vectors_set(lapic->irr, vector);
    if (level) {
        vectors_set(lapic->tmr, vector);
    } else {
        vectors_clear(lapic->tmr, vector);
    }
}

void lapic_deliver_locked(struct lapic *lapic, enum lapic_mode mode, uint8_t vector, bool level,
                          struct lapic_after *after)
{
    DEVICE_TRACE(&lapic->dev, LAPIC_DELIVER, mode, vector, level);
    switch (mode) {
    case LAPIC_FIXED:
    case LAPIC_LOWEST: /* not while disabled by hardware or software */
        if (lapic_is_on(lapic) && (lapic->svr & SVR_ENABLED) != 0) {
            lapic_accept(lapic, vector, level, after);
        }
        break;
    case LAPIC_EXTINT:
        lapic->extint = lapic_is_on(lapic);
        break;
    case LAPIC_NMI:
        lapic_post_event(lapic, LAPIC_EVENT_NMI, after);
        break;
    case LAPIC_INIT:
        lapic_post_event(lapic, LAPIC_EVENT_INIT, after);
        break;
    case LAPIC_SIPI:
        lapic->sipi_vector = vector;
        lapic_post_event(lapic, LAPIC_EVENT_SIPI, after);
        break;
    case LAPIC_SMI:
        lapic_post_event(lapic, LAPIC_EVENT_SMI, after);
        break;
    default: /* 3 is reserved */
        break;
    }
}

/* A local source fires. */
void lapic_deliver_lvt_locked(struct lapic *lapic, enum lapic_lvt row, struct lapic_after *after)
{
    uint32_t lvt = lapic->lvt[row];
    if ((lvt & LVT_MASKED) != 0 || !lapic_is_on(lapic)) {
        return;
    }
    enum lapic_mode mode =
        row == LVT_TIMER || row == LVT_ERROR ? LAPIC_FIXED : (enum lapic_mode)(lvt >> 8 & 7);
    lapic_deliver_locked(lapic, mode, (uint8_t)(lvt & LVT_VECTOR), false, after);
}

/* Remember an error; the guest sees it after it writes ESR. [SDM 3A 10.5.3] */
void lapic_error_locked(struct lapic *lapic, uint32_t bit, struct lapic_after *after)
{
    bool again = (lapic->esr_pending & bit) != 0;
    lapic->esr_pending |= bit;
    DEVICE_TRACE(&lapic->dev, LAPIC_ERROR, lapic->esr_pending);
    /* An error LVT with an illegal vector must not report itself for ever. */
    if (!again && (lapic->lvt[LVT_ERROR] & LVT_VECTOR) >= 16) {
        lapic_deliver_lvt_locked(lapic, LVT_ERROR, after);
    }
}

void lapic_deliver(struct lapic *lapic, enum lapic_mode mode, uint8_t vector, bool level)
{
    struct lapic_after after = { 0 };
    host_mutex_lock(&lapic->dev.lock);
    lapic_deliver_locked(lapic, mode, vector, level, &after);
    lapic_leave(lapic, &after);
}

/* ---- end of interrupt
 * ---------------------------------------------------------------------------------------- */

void lapic_eoi_locked(struct lapic *lapic, struct lapic_after *after)
{
    int vector = vectors_highest(lapic->isr);
    if (vector < 0) {
        return;
    }
    vectors_clear(lapic->isr, (unsigned)vector);
    after->eoi = true;
    after->eoi_vector = (uint8_t)vector;
    after->eoi_level = vectors_test(lapic->tmr, (unsigned)vector);
    for (unsigned pin = 0; after->eoi_level && pin < 2; pin++) {
        uint32_t *lvt = &lapic->lvt[LVT_LINT0 + pin];
        if ((*lvt & LVT_REMOTE_IRR) != 0 && (*lvt & LVT_VECTOR) == (uint32_t)vector) {
            *lvt &= ~(uint32_t)LVT_REMOTE_IRR;
            lapic_lint_update_locked(lapic, pin, false, after);
        }
    }
}

void lapic_eoi(struct lapic *lapic)
{
    struct lapic_after after = { 0 };
    host_mutex_lock(&lapic->dev.lock);
    lapic_eoi_locked(lapic, &after);
    lapic_leave(lapic, &after);
}

void lapic_set_auto_eoi_vector(struct lapic *lapic, uint8_t vector, bool on)
{
    host_mutex_lock(&lapic->dev.lock);
    if (on) {
        vectors_set(lapic->auto_eoi, vector);
    } else {
        vectors_clear(lapic->auto_eoi, vector);
    }
    host_mutex_unlock(&lapic->dev.lock);
}

/* ---- pins and events
 * ----------------------------------------------------------------------------------------- */

/* LINT0 and LINT1 by their LVT. ExtINT is looked at when it is acknowledged. [SDM 3A 10.5.1] */
void lapic_lint_update_locked(struct lapic *lapic, unsigned pin, bool rising,
                              struct lapic_after *after)
{
    uint32_t *lvt = &lapic->lvt[LVT_LINT0 + pin];
    bool high = lapic->lint_sources[pin] != 0;
    if (!lapic_is_on(lapic)) {
        if (pin == 1 && rising) {
            lapic_post_event(lapic, LAPIC_EVENT_NMI, after); /* the pins are INTR and NMI */
        }
        return;
    }
    enum lapic_mode mode = (enum lapic_mode)(*lvt >> 8 & 7);
    if ((*lvt & LVT_MASKED) != 0 || mode == LAPIC_EXTINT) {
        return;
    }
    bool level = pin == 0 && mode == LAPIC_FIXED && (*lvt & LVT_LEVEL) != 0;
    if (!level && rising) {
        lapic_deliver_lvt_locked(lapic, LVT_LINT0 + pin, after);
    } else if (level && high && (*lvt & LVT_REMOTE_IRR) == 0) {
        *lvt |= LVT_REMOTE_IRR;
        lapic_deliver_locked(lapic, mode, (uint8_t)(*lvt & LVT_VECTOR), true, after);
    }
}

void lapic_set_line(void *sink, unsigned number, unsigned source, bool level)
{
    struct lapic *lapic = sink;
    struct lapic_after after = { 0 };
    if (number > 1 || source >= 32) {
        return;
    }
    host_mutex_lock(&lapic->dev.lock);
    uint32_t *sources = &lapic->lint_sources[number];
    bool before = *sources != 0;
    *sources = level ? *sources | UINT32_C(1) << source : *sources & ~(UINT32_C(1) << source);
    lapic_lint_update_locked(lapic, number, !before && *sources != 0, &after);
    lapic_leave(lapic, &after);
}

unsigned lapic_events(struct lapic *lapic)
{
    return atomic_load(&lapic->events);
}

bool lapic_take_event(struct lapic *lapic, enum lapic_event event)
{
    return (atomic_fetch_and(&lapic->events, ~(unsigned)event) & (unsigned)event) != 0;
}

uint8_t lapic_sipi_vector(struct lapic *lapic)
{
    host_mutex_lock(&lapic->dev.lock);
    uint8_t vector = lapic->sipi_vector;
    host_mutex_unlock(&lapic->dev.lock);
    return vector;
}

/* ---- destinations
 * -------------------------------------------------------------------------------------------- */

static bool lapic_matches_locked(const struct lapic *lapic, bool logical, uint32_t destination)
{
    if (!lapic_is_on(lapic)) {
        return false;
    }
    if (lapic_is_x2(lapic)) {
        if (destination == UINT32_MAX) {
            return true;
        }
        uint32_t ldr = (lapic->id >> 4 << 16) | UINT32_C(1) << (lapic->id & 15);
        return logical ? destination >> 16 == ldr >> 16 && (destination & ldr & 0xffff) != 0
                       : destination == lapic->id;
    }
    uint8_t to = (uint8_t)destination;
    if (to == 0xff) {
        return true;
    }
    if (!logical) {
        return destination == (lapic->id & 0xff);
    }
    uint8_t ldr = (uint8_t)(lapic->ldr >> 24);
    if (lapic->dfr >> 28 == 0xf) { /* flat */
        return (to & ldr) != 0;
    }
    return (to >> 4 == ldr >> 4 || to >> 4 == 0xf) && (to & ldr & 0x0f) != 0;
}

bool lapic_matches(struct lapic *lapic, bool logical, uint32_t destination)
{
    host_mutex_lock(&lapic->dev.lock);
    bool matches = lapic_matches_locked(lapic, logical, destination);
    host_mutex_unlock(&lapic->dev.lock);
    return matches;
}

bool lapic_icr_targets(uint64_t icr, struct lapic *sender, struct lapic *candidate)
{
    switch (icr >> 18 & 3) {
    case LAPIC_TO_SELF:
        return sender == candidate;
    case LAPIC_TO_ALL:
        return true;
    case LAPIC_TO_OTHERS:
        return sender != candidate;
    default:
        return lapic_matches(candidate, (icr >> 11 & 1) != 0, (uint32_t)(icr >> 32));
    }
}

unsigned lapic_arbitration_priority(struct lapic *lapic)
{
    host_mutex_lock(&lapic->dev.lock);
    bool enabled = lapic_is_on(lapic) && (lapic->svr & SVR_ENABLED) != 0;
    unsigned priority = enabled ? lapic_ppr_locked(lapic) : 0x100;
    host_mutex_unlock(&lapic->dev.lock);
    return priority;
}

struct lapic_message lapic_message_from_msi(struct msi_message msi)
{
    return (struct lapic_message){
        .mode = (enum lapic_mode)(msi.data >> 8 & 7),
        .vector = (uint8_t)msi.data,
        .level = (msi.data >> 15 & 1) != 0,
        .logical = (msi.address >> 2 & 1) != 0,
        .destination = (uint32_t)(msi.address >> 12 & 0xff),
    };
}

/* ---- life
 * ----------------------------------------------------------------------------------------------------
 */

/* Everything but the id and IA32_APIC_BASE. [SDM 3A 10.4.7.1, 10.12.5.1] */
void lapic_reset_locked(struct lapic *lapic)
{
    memset(lapic->irr, 0, sizeof(lapic->irr));
    memset(lapic->isr, 0, sizeof(lapic->isr));
    memset(lapic->tmr, 0, sizeof(lapic->tmr));
    lapic->tpr = lapic->ldr = lapic->esr = lapic->esr_pending = 0;
    lapic->icr_low = lapic->icr_high = 0;
    lapic->dfr = UINT32_MAX;
    lapic->svr = 0xff;
    for (unsigned i = 0; i < LAPIC_LVTS; i++) {
        lapic->lvt[i] = LVT_MASKED;
    }
    lapic->extint = false;
    lapic->initial = lapic->divide = 0;
    lapic_timer_stop_locked(lapic);
    atomic_store(&lapic->ready, lapic_extint_pending(lapic));
}

static void lapic_reset(struct device *dev)
{
    struct lapic *lapic = (struct lapic *)dev;
    lapic->apic_base = LAPIC_DEFAULT_BASE | APIC_BASE_EN | (lapic->apic_base & APIC_BASE_BSP);
    memset(lapic->auto_eoi, 0, sizeof(lapic->auto_eoi));
    atomic_store(&lapic->events, 0);
    lapic->sipi_vector = 0;
    lapic->tsc_offset = 0;
    lapic_reset_locked(lapic);
}

void lapic_init_reset(struct lapic *lapic)
{
    host_mutex_lock(&lapic->dev.lock);
    lapic_reset_locked(lapic);
    host_mutex_unlock(&lapic->dev.lock);
}

void lapic_set_virtual_wire(struct lapic *lapic)
{
    struct lapic_after after = { 0 };
    host_mutex_lock(&lapic->dev.lock);
    lapic->svr = SVR_ENABLED | 0x0f;
    if ((lapic->apic_base & APIC_BASE_BSP) != 0) {
        lapic->lvt[LVT_LINT0] = LAPIC_EXTINT << 8;
        lapic->lvt[LVT_LINT1] = LAPIC_NMI << 8;
    }
    lapic_leave(lapic, &after);
}

void lapic_init(struct lapic *lapic, struct trace *trace, uint32_t partition, struct clock *clock,
                const struct lapic_ops *ops, void *opaque, uint32_t id, bool bsp, bool x2apic,
                unsigned phys_bits, uint64_t tsc_hz)
{
    device_init(&lapic->dev, &lapic_device_type, trace, partition);
    lapic->clock = clock;
    lapic->ops = ops;
    lapic->opaque = opaque;
    lapic->id = id;
    lapic->x2apic_allowed = x2apic;
    lapic->apic_base = bsp ? APIC_BASE_BSP : 0;
    lapic->address_mask = ((UINT64_C(1) << phys_bits) - 1) & ~UINT64_C(0xfff);
    lapic->tsc_hz = tsc_hz != 0 ? tsc_hz : 1;
    atomic_init(&lapic->ready, false);
    atomic_init(&lapic->events, 0);
    timer_init(&lapic->timer, clock, lapic_timer_expired, lapic);
    device_reset(&lapic->dev);
}

static void lapic_fini(struct device *dev)
{
    timer_cancel(&((struct lapic *)dev)->timer);
}

/* As the registers' writes keep them. */
static int lapic_loaded(void *object, struct error *error)
{
    const struct lapic *lapic = object;
    const uint64_t base = APIC_BASE_BSP | APIC_BASE_EXTD | APIC_BASE_EN | lapic->address_mask;

    return (lapic->apic_base & ~base) == 0
               ? 0
               : error_set(error, -EINVAL, "apic_base has reserved bits");
}

/* No region: the page belongs to the VP, which calls lapic_read and lapic_write itself. */
static const struct state_field lapic_state[] = {
    STATE_FIELD(struct lapic, id),          STATE_FIELD(struct lapic, apic_base),
    STATE_FIELD(struct lapic, irr),         STATE_FIELD(struct lapic, isr),
    STATE_FIELD(struct lapic, tmr),         STATE_FIELD(struct lapic, auto_eoi),
    STATE_FIELD(struct lapic, tpr),         STATE_FIELD(struct lapic, ldr),
    STATE_FIELD(struct lapic, dfr),         STATE_FIELD(struct lapic, svr),
    STATE_FIELD(struct lapic, esr),         STATE_FIELD(struct lapic, esr_pending),
    STATE_FIELD(struct lapic, icr_low),     STATE_FIELD(struct lapic, icr_high),
    STATE_FIELD(struct lapic, lvt),         STATE_FIELD(struct lapic, lint_sources),
    STATE_FIELD(struct lapic, extint),      STATE_FIELD(struct lapic, sipi_vector),
    STATE_ATOMIC_BOOL(struct lapic, ready), STATE_ATOMIC_UINT(struct lapic, events),
    STATE_TIMER_FIELD(struct lapic, timer), STATE_FIELD(struct lapic, initial),
    STATE_FIELD(struct lapic, divide),      STATE_FIELD(struct lapic, timer_start_ns),
    STATE_FIELD(struct lapic, timer_count), STATE_FIELD(struct lapic, timer_due_ns),
    STATE_FIELD(struct lapic, timer_owed),  STATE_FIELD(struct lapic, tsc_deadline),
    STATE_FIELD(struct lapic, tsc_offset),
};

const struct device_type lapic_device_type = {
    .name = "lapic",
    .size = sizeof(struct lapic),
    .reset = lapic_reset,
    .fini = lapic_fini,
    .state = STATE_TABLE_LOADED("lapic", 1, struct lapic, lapic_state, lapic_loaded),
};
