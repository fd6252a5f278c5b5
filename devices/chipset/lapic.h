/* Local APIC of one virtual processor: xAPIC and x2APIC, timer, IPIs. [SDM 3A 10] */
#ifndef DEVICES_CHIPSET_LAPIC_H
#define DEVICES_CHIPSET_LAPIC_H

#include <stdatomic.h>

#include "base/clock.h"
#include "devices/device.h"
#include "devices/irq.h"

/* The timer's input clock before the divider. Also what HV_X64_MSR_APIC_FREQUENCY must report. */
#define LAPIC_BUS_HZ       UINT64_C(200000000)
#define LAPIC_DEFAULT_BASE UINT64_C(0xfee00000)

#define APIC_BASE_BSP      (UINT64_C(1) << 8)
#define APIC_BASE_EXTD     (UINT64_C(1) << 10)
#define APIC_BASE_EN       (UINT64_C(1) << 11)

enum { LAPIC_MSR_APIC_BASE = 0x1b, LAPIC_MSR_TSC_DEADLINE = 0x6e0, LAPIC_MSR_X2 = 0x800 };

/* Register offsets in the MMIO page; the x2APIC MSR is 0x800 + offset / 16. [SDM 3A Table 10-1] */
enum lapic_register {
    LAPIC_ID = 0x020,
    LAPIC_VERSION = 0x030,
    LAPIC_TPR = 0x080,
    LAPIC_APR = 0x090,
    LAPIC_PPR = 0x0a0,
    LAPIC_EOI = 0x0b0,
    LAPIC_RRD = 0x0c0,
    LAPIC_LDR = 0x0d0,
    LAPIC_DFR = 0x0e0,
    LAPIC_SVR = 0x0f0,
    LAPIC_ISR = 0x100,
    LAPIC_TMR = 0x180,
    LAPIC_IRR = 0x200,
    LAPIC_ESR = 0x280,
    LAPIC_LVT_CMCI = 0x2f0,
    LAPIC_ICR_LOW = 0x300,
    LAPIC_ICR_HIGH = 0x310,
    LAPIC_LVT_TIMER = 0x320,
    LAPIC_LVT_THERMAL = 0x330,
    LAPIC_LVT_PERF = 0x340,
    LAPIC_LVT_LINT0 = 0x350,
    LAPIC_LVT_LINT1 = 0x360,
    LAPIC_LVT_ERROR = 0x370,
    LAPIC_TIMER_INITIAL = 0x380,
    LAPIC_TIMER_CURRENT = 0x390,
    LAPIC_TIMER_DIVIDE = 0x3e0,
    LAPIC_SELF_IPI = 0x3f0,
};

/* LVT rows kept, in the order of their offsets. */
enum lapic_lvt { LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR, LAPIC_LVTS };

enum lapic_mode {
    LAPIC_FIXED = 0,
    LAPIC_LOWEST = 1,
    LAPIC_SMI = 2,
    LAPIC_NMI = 4,
    LAPIC_INIT = 5,
    LAPIC_SIPI = 6,
    LAPIC_EXTINT = 7,
};

enum lapic_shorthand { LAPIC_TO_DEST, LAPIC_TO_SELF, LAPIC_TO_ALL, LAPIC_TO_OTHERS };

/* What lapic_acknowledge answers beside a vector. */
enum {
    LAPIC_NONE = -1,          /* nothing is to be delivered */
    LAPIC_TAKE_EXTINT = 0x100 /* ask the 8259A: pic_acknowledge */
};

/* Calls upward. All are made without the APIC's lock; none may be NULL. */
struct lapic_ops {
    /* An IPI leaves. icr as in x2APIC mode: destination in bits 63:32; shorthand not "self". */
    void (*send_ipi)(void *opaque, uint64_t icr);
    /* An interrupt was ended. level: it was level-triggered, the I/O APICs want to know. */
    void (*eoi)(void *opaque, uint8_t vector, bool level);
    /* Something became pending (an interrupt, NMI, INIT or SIPI). From any thread: wake the VP. */
    void (*kick)(void *opaque);
};

/*
 * Lock: dev.lock guards every field but the two atomics; each function takes it, so all are
 * callable from any thread. `ready` and `events` are written under the lock and read without it.
 */
struct lapic {
    struct device dev;
    struct clock *clock;
    const struct lapic_ops *ops;
    void *opaque;
    uint32_t id;           /* x2APIC id; its low byte is the xAPIC id */
    bool x2apic_allowed;   /* CPUID.1:ECX.21 */
    uint64_t apic_base;    /* IA32_APIC_BASE */
    uint64_t address_mask; /* legal bits of its address field */
    uint32_t irr[8], isr[8], tmr[8], auto_eoi[8];
    uint32_t tpr, ldr, dfr, svr, esr, esr_pending, icr_low, icr_high;
    uint32_t lvt[LAPIC_LVTS];
    uint32_t lint_sources[2]; /* who drives LINT0 and LINT1 */
    bool extint;              /* an ExtINT message waits to be acknowledged */
    uint8_t sipi_vector;
    atomic_bool ready;  /* lapic_acknowledge would answer something */
    atomic_uint events; /* enum lapic_event */
    /* Timer. */
    struct timer timer;
    uint32_t initial, divide;
    uint64_t timer_start_ns; /* when timer_count was loaded */
    uint32_t timer_count;    /* 0: stopped */
    uint32_t timer_owed;     /* periodic: ticks that the host was too late for */
    uint64_t timer_due_ns;   /* tells a late call of a timer that was moved */
    uint64_t tsc_deadline;   /* 0: not armed */
    uint64_t tsc_hz;
    uint64_t tsc_offset; /* guest TSC = clock * tsc_hz + tsc_offset */
};

enum lapic_event {
    LAPIC_EVENT_NMI = 1,
    LAPIC_EVENT_INIT = 2,
    LAPIC_EVENT_SIPI = 4,
    LAPIC_EVENT_SMI = 8
};

extern const struct device_type lapic_device_type;

/* id: initial APIC id. bsp: the boot processor. phys_bits: CPUID.80000008:EAX[7:0]. Reset is done.
 */
void lapic_init(struct lapic *lapic, struct trace *trace, uint32_t partition, struct clock *clock,
                const struct lapic_ops *ops, void *opaque, uint32_t id, bool bsp, bool x2apic,
                unsigned phys_bits, uint64_t tsc_hz);

/* device_reset is power-on; this is what INIT does: keeps the id, IA32_APIC_BASE and its mode. [SDM
 * 3A 10.4.7.3] */
void lapic_init_reset(struct lapic *lapic);

/* What firmware leaves behind: enabled, on the boot processor LINT0 = ExtINT and LINT1 = NMI
 * (virtual wire). [MPS 3.6.2.2] */
void lapic_set_virtual_wire(struct lapic *lapic);

/* Added to the clock's TSC when the guest's TSC was written or adjusted: deadlines follow. */
void lapic_set_tsc_offset(struct lapic *lapic, uint64_t offset);

/* ---- what the processor does
 * -------------------------------------------------------------------------------- */

/* The MMIO page: offset 0..0xfff, size 1, 2, 4, 8. Only aligned 32-bit writes reach a register. Not
 * to be called (the page is not there) unless lapic_mmio_enabled. */
uint64_t lapic_read(struct lapic *lapic, uint32_t offset, uint32_t size);
void lapic_write(struct lapic *lapic, uint32_t offset, uint32_t size, uint64_t value);
bool lapic_mmio_enabled(struct lapic *lapic);
uint64_t lapic_mmio_base(struct lapic *lapic);

/* IA32_APIC_BASE, IA32_TSC_DEADLINE and 0x800..0x8ff. False: #GP(0). */
bool lapic_msr_read(struct lapic *lapic, uint32_t msr, uint64_t *value);
bool lapic_msr_write(struct lapic *lapic, uint32_t msr, uint64_t value);

uint64_t lapic_cr8(struct lapic *lapic);
void lapic_set_cr8(struct lapic *lapic, uint64_t cr8); /* 0..15 */

/* Would lapic_acknowledge answer an interrupt? One atomic load. */
bool lapic_pending(struct lapic *lapic);

/* Take the highest interrupt that the priority allows: a vector, LAPIC_TAKE_EXTINT or LAPIC_NONE.
 */
int lapic_acknowledge(struct lapic *lapic);

void lapic_eoi(struct lapic *lapic);

/* NMI, INIT, SIPI and SMI: which are pending, and take one (true if it was). */
unsigned lapic_events(struct lapic *lapic);
bool lapic_take_event(struct lapic *lapic, enum lapic_event event);
uint8_t lapic_sipi_vector(struct lapic *lapic);

/* ---- what reaches it
 * ----------------------------------------------------------------------------------------- */

/* An interrupt message addressed to this APIC. level: trigger mode. */
void lapic_deliver(struct lapic *lapic, enum lapic_mode mode, uint8_t vector, bool level);

/* Sink for struct irq_line: number 0 = LINT0, 1 = LINT1. */
void lapic_set_line(void *lapic, unsigned number, unsigned source, bool level);

/* SynIC: interrupts of this vector are ended by their acknowledge. [TLFS SINT AutoEOI] */
void lapic_set_auto_eoi_vector(struct lapic *lapic, uint8_t vector, bool on);

/* Is this APIC meant by a destination? logical: destination mode. */
bool lapic_matches(struct lapic *lapic, bool logical, uint32_t destination);

/* Is it meant by an IPI of `sender`? Shorthands and destination. */
bool lapic_icr_targets(uint64_t icr, struct lapic *sender, struct lapic *candidate);

/* For lowest-priority arbitration: the processor priority; a disabled APIC answers 0x100. */
unsigned lapic_arbitration_priority(struct lapic *lapic);

static inline enum lapic_mode lapic_icr_mode(uint64_t icr)
{
    return (enum lapic_mode)(icr >> 8 & 7);
}

/* An MSI or I/O APIC message taken apart. [SDM 3A 10.11] */
struct lapic_message {
    enum lapic_mode mode;
    uint8_t vector;
    bool level, logical;
    uint32_t destination;
};
struct lapic_message lapic_message_from_msi(struct msi_message msi);

#endif
