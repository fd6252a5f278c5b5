/* The parts of the local APIC's model see each other here; nobody else does. [SDM 3A 10] */
#ifndef DEVICES_CHIPSET_LAPIC_PARTS_H
#define DEVICES_CHIPSET_LAPIC_PARTS_H

#include "devices/chipset/lapic.h"

enum {
    LVT_VECTOR = 0xff,
    LVT_PENDING = 1 << 12,
    LVT_POLARITY = 1 << 13,
    LVT_REMOTE_IRR = 1 << 14,
    LVT_LEVEL = 1 << 15,
    LVT_MASKED = 1 << 16,
    SVR_ENABLED = 1 << 8,
    ESR_SEND_ILLEGAL = 1 << 5,
    ESR_RECEIVE_ILLEGAL = 1 << 6,
    ESR_ILLEGAL_REGISTER = 1 << 7,
};

/* What must be done upward after the lock is dropped. Zero-initialised by each entry point. */
struct lapic_after {
    bool kick;
    bool eoi;
    bool ipi;
    uint8_t eoi_vector;
    bool eoi_level;
    uint64_t icr;
};

/* Drop the lock and make the calls. Recomputes `ready`, so every entry point ends with it. */
void lapic_leave(struct lapic *lapic, struct lapic_after *after);

static inline bool lapic_is_on(const struct lapic *lapic)
{
    return (lapic->apic_base & APIC_BASE_EN) != 0;
}

static inline bool lapic_is_x2(const struct lapic *lapic)
{
    return (lapic->apic_base & APIC_BASE_EXTD) != 0;
}

/* All _locked functions: the caller holds the lock. */
void lapic_deliver_locked(struct lapic *lapic, enum lapic_mode mode, uint8_t vector, bool level,
                          struct lapic_after *after);
void lapic_deliver_lvt_locked(struct lapic *lapic, enum lapic_lvt row, struct lapic_after *after);
void lapic_error_locked(struct lapic *lapic, uint32_t bit, struct lapic_after *after);
void lapic_eoi_locked(struct lapic *lapic, struct lapic_after *after);
void lapic_lint_update_locked(struct lapic *lapic, unsigned pin, bool rising,
                              struct lapic_after *after);
uint32_t lapic_ppr_locked(const struct lapic *lapic);
void lapic_reset_locked(struct lapic *lapic);

void lapic_timer_expired(void *opaque, uint64_t now_ns);
void lapic_timer_stop_locked(struct lapic *lapic);
void lapic_timer_start_locked(struct lapic *lapic, uint32_t initial);
void lapic_timer_divide_locked(struct lapic *lapic, uint32_t divide);
void lapic_timer_lvt_locked(struct lapic *lapic, uint32_t before);
uint32_t lapic_timer_current_locked(struct lapic *lapic);
void lapic_timer_deadline_locked(struct lapic *lapic, uint64_t tsc);
bool lapic_timer_is_deadline(const struct lapic *lapic);

#endif
