/* Local APIC registers: the MMIO page and the x2APIC MSRs, from one table. [SDM 3A 10.4, 10.12] */
#include "base/compiler.h"
#include "devices/chipset/lapic_parts.h"
#include "devices/devices_trace.h"

enum { R = 1, W = 2, RW = R | W, XAPIC_ONLY = 4, X2APIC_ONLY = 8 };

/* One register: what may be done with it and which bits may be written. Vector sets are eight rows
 * each. */
struct lapic_row {
    uint16_t offset;
    uint8_t rights;
    uint8_t count; /* consecutive registers, 0x10 apart */
    uint32_t writable;
};

/* clang-format off */
static const struct lapic_row lapic_rows[] = {
    { LAPIC_ID,            R,                1, 0 },
    { LAPIC_VERSION,       R,                1, 0 },
    { LAPIC_TPR,           RW,               1, 0xff },
    { LAPIC_APR,           R | XAPIC_ONLY,   1, 0 },
    { LAPIC_PPR,           R,                1, 0 },
    { LAPIC_EOI,           W,                1, 0 },         /* x2APIC: only 0 may be written */
    { LAPIC_RRD,           R | XAPIC_ONLY,   1, 0 },
    { LAPIC_LDR,           RW,               1, 0xff000000 }, /* x2APIC: read-only, derived from the id */
    { LAPIC_DFR,           RW | XAPIC_ONLY,  1, 0xf0000000 },
    { LAPIC_SVR,           RW,               1, 0x1ff },
    { LAPIC_ISR,           R,                8, 0 },
    { LAPIC_TMR,           R,                8, 0 },
    { LAPIC_IRR,           R,                8, 0 },
    { LAPIC_ESR,           RW,               1, 0 },
    { LAPIC_ICR_LOW,       RW,               1, 0xccfff },
    { LAPIC_ICR_HIGH,      RW | XAPIC_ONLY,  1, 0xff000000 },
    { LAPIC_LVT_TIMER,     RW,               1, 0x700ff },
    { LAPIC_LVT_THERMAL,   RW,               1, 0x107ff },
    { LAPIC_LVT_PERF,      RW,               1, 0x107ff },
    { LAPIC_LVT_LINT0,     RW,               1, 0x1a7ff },
    { LAPIC_LVT_LINT1,     RW,               1, 0x1a7ff },
    { LAPIC_LVT_ERROR,     RW,               1, 0x100ff },
    { LAPIC_TIMER_INITIAL, RW,               1, 0xffffffff },
    { LAPIC_TIMER_CURRENT, R,                1, 0 },
    { LAPIC_TIMER_DIVIDE,  RW,               1, 0x0b },
    { LAPIC_SELF_IPI,      W | X2APIC_ONLY,  1, 0xff },
};
/* clang-format on */

enum { LAPIC_VERSION_VALUE = 0x14 | (LAPIC_LVTS - 1) << 16 };

/* The row of an offset in the current mode, or NULL. */
static const struct lapic_row *lapic_row(const struct lapic *lapic, uint32_t offset)
{
    unsigned absent = lapic_is_x2(lapic) ? XAPIC_ONLY : X2APIC_ONLY;
    for (size_t i = 0; i < ARRAY_SIZE(lapic_rows); i++) {
        const struct lapic_row *row = &lapic_rows[i];
        if (offset >= row->offset && offset < row->offset + row->count * 0x10u) {
            return (row->rights & absent) == 0 ? row : NULL;
        }
    }
    return NULL;
}

static uint32_t lapic_logical_x2(const struct lapic *lapic)
{
    return (lapic->id >> 4 << 16) | UINT32_C(1) << (lapic->id & 15);
}

static uint32_t lapic_get(struct lapic *lapic, uint32_t offset)
{
    unsigned word = offset >> 4 & 7;
    switch (offset) {
    case LAPIC_ID:
        return lapic_is_x2(lapic) ? lapic->id : lapic->id << 24;
    case LAPIC_VERSION:
        return LAPIC_VERSION_VALUE;
    case LAPIC_TPR:
        return lapic->tpr;
    case LAPIC_PPR:
        return lapic_ppr_locked(lapic);
    case LAPIC_LDR:
        return lapic_is_x2(lapic) ? lapic_logical_x2(lapic) : lapic->ldr;
    case LAPIC_DFR:
        return lapic->dfr;
    case LAPIC_SVR:
        return lapic->svr;
    case LAPIC_ESR:
        return lapic->esr;
    case LAPIC_ICR_LOW:
        return lapic->icr_low;
    case LAPIC_ICR_HIGH:
        return lapic->icr_high;
    case LAPIC_LVT_TIMER:
    case LAPIC_LVT_THERMAL:
    case LAPIC_LVT_PERF:
    case LAPIC_LVT_LINT0:
    case LAPIC_LVT_LINT1:
    case LAPIC_LVT_ERROR:
        return lapic->lvt[(offset - LAPIC_LVT_TIMER) >> 4];
    case LAPIC_TIMER_INITIAL:
        return lapic_timer_is_deadline(lapic) ? 0 : lapic->initial;
    case LAPIC_TIMER_CURRENT:
        return lapic_timer_current_locked(lapic);
    case LAPIC_TIMER_DIVIDE:
        return lapic->divide;
    default:
        break;
    }
    if (offset >= LAPIC_ISR && offset < LAPIC_TMR) {
        return lapic->isr[word];
    }
    if (offset >= LAPIC_TMR && offset < LAPIC_IRR) {
        return lapic->tmr[word];
    }
    if (offset >= LAPIC_IRR && offset < LAPIC_ESR) {
        return lapic->irr[word];
    }
    return 0; /* arbitration priority, remote read: not on this processor */
}

/* The ICR was written: send. icr in the x2APIC layout. [SDM 3A 10.6.1] */
static void lapic_send(struct lapic *lapic, uint64_t icr, struct lapic_after *after)
{
    enum lapic_mode mode = lapic_icr_mode(icr);
    uint8_t vector = (uint8_t)icr;
    bool assert_level = (icr >> 14 & 1) != 0, level = (icr >> 15 & 1) != 0;
    DEVICE_TRACE(&lapic->dev, LAPIC_IPI, icr);
    if ((mode == LAPIC_FIXED || mode == LAPIC_LOWEST) && vector < 16) {
        lapic_error_locked(lapic, ESR_SEND_ILLEGAL, after);
        return;
    }
    if (mode == LAPIC_INIT && level && !assert_level) {
        return; /* INIT level de-assert: nothing on processors since the Pentium 4 */
    }
    if ((icr >> 18 & 3) == LAPIC_TO_SELF) {
        if (mode == LAPIC_FIXED) { /* the other modes are invalid with this shorthand */
            lapic_deliver_locked(lapic, mode, vector, false, after);
        }
        return;
    }
    after->ipi = true;
    after->icr = icr;
}

static void lapic_set_lvt(struct lapic *lapic, unsigned row, uint32_t value,
                          struct lapic_after *after)
{
    uint32_t before = lapic->lvt[row];
    if ((lapic->svr & SVR_ENABLED) == 0) {
        value |= LVT_MASKED; /* stays set while software-disabled */
    }
    lapic->lvt[row] = value | (before & (value & LVT_LEVEL) >> 1 & LVT_REMOTE_IRR);
    if (row == LVT_TIMER) {
        lapic_timer_lvt_locked(lapic, before);
    } else if (row == LVT_LINT0) {
        lapic_lint_update_locked(lapic, 0, false, after);
    }
    if (row != LVT_TIMER && (value & LVT_MASKED) == 0 && (value >> 8 & 7) == LAPIC_FIXED &&
        (value & LVT_VECTOR) < 16) {
        lapic_error_locked(lapic, ESR_RECEIVE_ILLEGAL, after);
    }
}

static void lapic_set_svr(struct lapic *lapic, uint32_t value)
{
    lapic->svr = value;
    if ((value & SVR_ENABLED) == 0) {
        for (unsigned i = 0; i < LAPIC_LVTS; i++) {
            lapic->lvt[i] |= LVT_MASKED;
        }
    }
}

/* value holds only writable bits. */
static void lapic_set(struct lapic *lapic, uint32_t offset, uint32_t value,
                      struct lapic_after *after)
{
    switch (offset) {
    case LAPIC_TPR:
        lapic->tpr = value;
        break;
    case LAPIC_EOI:
        lapic_eoi_locked(lapic, after);
        break;
    case LAPIC_LDR:
        lapic->ldr = value;
        break;
    case LAPIC_DFR:
        lapic->dfr = value | 0x0fffffff;
        break;
    case LAPIC_SVR:
        lapic_set_svr(lapic, value);
        break;
    case LAPIC_ESR:
        lapic->esr = lapic->esr_pending;
        lapic->esr_pending = 0;
        break;
    case LAPIC_ICR_LOW:
        lapic->icr_low = value;
        lapic_send(lapic, (uint64_t)(lapic->icr_high >> 24) << 32 | value, after);
        break;
    case LAPIC_ICR_HIGH:
        lapic->icr_high = value;
        break;
    case LAPIC_TIMER_INITIAL:
        lapic_timer_start_locked(lapic, value);
        break;
    case LAPIC_TIMER_DIVIDE:
        lapic_timer_divide_locked(lapic, value);
        break;
    case LAPIC_SELF_IPI:
        lapic_send(lapic, (uint64_t)LAPIC_TO_SELF << 18 | value, after);
        break;
    default:
        lapic_set_lvt(lapic, (offset - LAPIC_LVT_TIMER) >> 4, value, after);
        break;
    }
}

/* ---- MMIO
 * ----------------------------------------------------------------------------------------------------
 */

uint64_t lapic_read(struct lapic *lapic, uint32_t offset, uint32_t size)
{
    struct lapic_after after = { 0 };
    host_mutex_lock(&lapic->dev.lock);
    uint64_t value = 0;
    const struct lapic_row *row = lapic_row(lapic, offset & 0xff0);
    if (row == NULL) {
        lapic_error_locked(lapic, ESR_ILLEGAL_REGISTER, &after);
    } else if ((row->rights & R) != 0 && (offset & 0xc) == 0) {
        value = (uint64_t)lapic_get(lapic, offset & 0xff0) >> (offset & 3) * 8;
    }
    lapic_leave(lapic, &after);
    return size < 8 ? value & ((UINT64_C(1) << size * 8) - 1) : value;
}

void lapic_write(struct lapic *lapic, uint32_t offset, uint32_t size, uint64_t value)
{
    struct lapic_after after = { 0 };
    if (size < 4 || (offset & 0xf) != 0) {
        return; /* undefined by the manual; the register is left alone. [SDM 3A 10.4.1] */
    }
    host_mutex_lock(&lapic->dev.lock);
    DEVICE_TRACE(&lapic->dev, LAPIC_WRITE, offset, value);
    const struct lapic_row *row = lapic_row(lapic, offset);
    if (row == NULL) {
        lapic_error_locked(lapic, ESR_ILLEGAL_REGISTER, &after);
    } else if ((row->rights & W) != 0) {
        lapic_set(lapic, offset, (uint32_t)value & row->writable, &after);
    }
    lapic_leave(lapic, &after);
}

bool lapic_mmio_enabled(struct lapic *lapic)
{
    host_mutex_lock(&lapic->dev.lock);
    bool enabled = lapic_is_on(lapic) && !lapic_is_x2(lapic);
    host_mutex_unlock(&lapic->dev.lock);
    return enabled;
}

uint64_t lapic_mmio_base(struct lapic *lapic)
{
    host_mutex_lock(&lapic->dev.lock);
    uint64_t base = lapic->apic_base & lapic->address_mask;
    host_mutex_unlock(&lapic->dev.lock);
    return base;
}

uint64_t lapic_cr8(struct lapic *lapic)
{
    host_mutex_lock(&lapic->dev.lock);
    uint64_t cr8 = lapic->tpr >> 4;
    host_mutex_unlock(&lapic->dev.lock);
    return cr8;
}

void lapic_set_cr8(struct lapic *lapic, uint64_t cr8)
{
    struct lapic_after after = { 0 };
    host_mutex_lock(&lapic->dev.lock);
    lapic->tpr = (uint32_t)(cr8 & 15) << 4;
    lapic_leave(lapic, &after);
}

/* ---- MSRs
 * ----------------------------------------------------------------------------------------------------
 */

/* IA32_APIC_BASE. Legal moves between off, xAPIC and x2APIC: [SDM 3A figure 10-27]. */
static bool lapic_set_base(struct lapic *lapic, uint64_t value)
{
    uint64_t modes = APIC_BASE_EN | (lapic->x2apic_allowed ? APIC_BASE_EXTD : 0);
    if ((value & ~(lapic->address_mask | APIC_BASE_BSP | modes)) != 0) {
        return false;
    }
    uint64_t from = lapic->apic_base & (APIC_BASE_EN | APIC_BASE_EXTD);
    uint64_t to = value & (APIC_BASE_EN | APIC_BASE_EXTD);
    bool illegal = to == APIC_BASE_EXTD ||
                   (from == (APIC_BASE_EN | APIC_BASE_EXTD) && to == APIC_BASE_EN) ||
                   (from == 0 && to == (APIC_BASE_EN | APIC_BASE_EXTD));
    if (illegal) {
        return false;
    }
    lapic->apic_base = value;
    DEVICE_TRACE(&lapic->dev, LAPIC_MODE, value);
    if (from != to && to == 0) {
        lapic_reset_locked(lapic); /* turned off: its state is lost */
    } else if (from != to && to == (APIC_BASE_EN | APIC_BASE_EXTD)) {
        lapic->icr_high = 0;
        lapic->dfr = UINT32_MAX;
    }
    return true;
}

/* Delivery status, and remote IRR of the LINT pins: not reserved, so writing them is no fault. [SDM
 * 3A figure 10-8] */
static uint32_t lapic_lvt_read_only(uint32_t offset)
{
    bool lint = offset == LAPIC_LVT_LINT0 || offset == LAPIC_LVT_LINT1;
    return LVT_PENDING | (lint ? LVT_REMOTE_IRR : 0);
}

static bool lapic_set_x2(struct lapic *lapic, uint32_t offset, uint64_t value,
                         struct lapic_after *after)
{
    const struct lapic_row *row = lapic_row(lapic, offset);
    if (row == NULL || (row->rights & W) == 0 || offset == LAPIC_LDR) {
        return false;
    }
    if (offset == LAPIC_ICR_LOW) {
        if ((value & UINT64_C(0xffffffff) & ~(uint64_t)row->writable) != 0) {
            return false;
        }
        lapic->icr_low = (uint32_t)value;
        lapic->icr_high = (uint32_t)(value >> 32);
        lapic_send(lapic, value, after);
        return true;
    }
    if (offset >= LAPIC_LVT_TIMER && offset <= LAPIC_LVT_ERROR) {
        value &= ~(uint64_t)lapic_lvt_read_only(offset);
    }
    if ((value & ~(uint64_t)row->writable) != 0) {
        return false;
    }
    lapic_set(lapic, offset, (uint32_t)value, after);
    return true;
}

bool lapic_msr_read(struct lapic *lapic, uint32_t msr, uint64_t *value)
{
    bool ok = true;
    host_mutex_lock(&lapic->dev.lock);
    uint32_t offset = (msr - LAPIC_MSR_X2) * 16;
    if (msr == LAPIC_MSR_APIC_BASE) {
        *value = lapic->apic_base;
    } else if (msr == LAPIC_MSR_TSC_DEADLINE) {
        *value = lapic->tsc_deadline;
    } else if (!lapic_is_x2(lapic) || msr < LAPIC_MSR_X2 || msr > LAPIC_MSR_X2 + 0xff) {
        ok = false;
    } else {
        const struct lapic_row *row = lapic_row(lapic, offset);
        ok = row != NULL && (row->rights & R) != 0;
        if (ok) {
            *value = lapic_get(lapic, offset);
        }
        if (ok && offset == LAPIC_ICR_LOW) {
            *value |= (uint64_t)lapic->icr_high << 32;
        }
    }
    host_mutex_unlock(&lapic->dev.lock);
    return ok;
}

bool lapic_msr_write(struct lapic *lapic, uint32_t msr, uint64_t value)
{
    struct lapic_after after = { 0 };
    bool ok = true;
    host_mutex_lock(&lapic->dev.lock);
    DEVICE_TRACE(&lapic->dev, LAPIC_WRITE, msr, value);
    if (msr == LAPIC_MSR_APIC_BASE) {
        ok = lapic_set_base(lapic, value);
    } else if (msr == LAPIC_MSR_TSC_DEADLINE) {
        lapic_timer_deadline_locked(lapic, value);
    } else if (!lapic_is_x2(lapic) || msr < LAPIC_MSR_X2 || msr > LAPIC_MSR_X2 + 0xff) {
        ok = false;
    } else {
        ok = lapic_set_x2(lapic, (msr - LAPIC_MSR_X2) * 16, value, &after);
    }
    lapic_leave(lapic, &after);
    return ok;
}
