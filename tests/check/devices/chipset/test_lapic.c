/* Local APIC: registers in both modes, priority, EOI, IPIs, timer, pins, mode changes. [SDM 3A 10]
 */
#include "base/host/time.h"
#include "devices/chipset/lapic.h"

#include <string.h>

#include "tests/check/check_main.h"
#include "tests/check/devices/device_fixture.h"

enum { TSC_HZ = 2500000000u };

static struct clock clk;
static struct lapic apic;
static uint64_t sent_icr;
static unsigned n_ipis, n_kicks, n_ends, n_eois, eoi_vector;

static void send_ipi(void *opaque, uint64_t icr)
{
    (void)opaque;
    sent_icr = icr;
    n_ipis++;
}

static void ended(void *opaque, uint8_t vector, bool level)
{
    (void)opaque;
    n_ends++;
    if (!level) {
        return;
    }
    eoi_vector = vector;
    n_eois++;
}

static void kick(void *opaque)
{
    (void)opaque;
    n_kicks++;
}

static const struct lapic_ops ops = { send_ipi, ended, kick };

static uint32_t get(uint32_t offset)
{
    return (uint32_t)lapic_read(&apic, offset, 4);
}

static void put(uint32_t offset, uint32_t value)
{
    lapic_write(&apic, offset, 4, value);
}

static void fixed(uint8_t vector)
{
    lapic_deliver(&apic, LAPIC_FIXED, vector, false);
}

static void start(uint32_t id)
{
    memset(&apic, 0, sizeof(apic));
    n_ipis = n_kicks = n_ends = n_eois = 0;
    lapic_init(&apic, NULL, 0, &clk, &ops, NULL, id, true, true, 40, TSC_HZ);
}

static void setup(void)
{
    clock_init(&clk, CLOCK_MODE_VIRTUAL);
    start(3);
    put(LAPIC_SVR, 0x1ff);
}

static void teardown(void)
{
    device_fini(&apic.dev);
    clock_fini(&clk);
}

static void go_x2apic(void)
{
    ck_assert(lapic_msr_write(&apic, LAPIC_MSR_APIC_BASE, 0xfee00d00));
}

/* [SDM 3A 10.4.7.1] */
START_TEST(power_on_registers)
{
    start(3);
    static const struct {
        uint32_t offset, value;
    } rows[] = {
        { LAPIC_ID, 3u << 24 },
        { LAPIC_VERSION, 0x00050014 },
        { LAPIC_TPR, 0 },
        { LAPIC_PPR, 0 },
        { LAPIC_LDR, 0 },
        { LAPIC_DFR, 0xffffffff },
        { LAPIC_SVR, 0xff },
        { LAPIC_ESR, 0 },
        { LAPIC_ICR_LOW, 0 },
        { LAPIC_LVT_TIMER, 0x10000 },
        { LAPIC_LVT_THERMAL, 0x10000 },
        { LAPIC_LVT_PERF, 0x10000 },
        { LAPIC_LVT_LINT0, 0x10000 },
        { LAPIC_LVT_LINT1, 0x10000 },
        { LAPIC_LVT_ERROR, 0x10000 },
        { LAPIC_TIMER_INITIAL, 0 },
        { LAPIC_TIMER_CURRENT, 0 },
        { LAPIC_TIMER_DIVIDE, 0 },
        { LAPIC_IRR, 0 },
        { LAPIC_ISR + 0x70, 0 },
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_uint_eq(get(rows[i].offset), rows[i].value);
    }
    uint64_t base = 0;
    ck_assert(lapic_msr_read(&apic, LAPIC_MSR_APIC_BASE, &base));
    ck_assert_uint_eq(base, 0xfee00900);
}
END_TEST

START_TEST(only_writable_bits_change)
{
    static const struct {
        uint32_t offset, value;
    } rows[] = {
        { LAPIC_TPR, 0xff },          { LAPIC_LDR, 0xff000000 },      { LAPIC_DFR, 0xffffffff },
        { LAPIC_SVR, 0x1ff },         { LAPIC_LVT_TIMER, 0x700ff },   { LAPIC_LVT_LINT0, 0x1a7ff },
        { LAPIC_LVT_ERROR, 0x100ff }, { LAPIC_TIMER_DIVIDE, 0x0b },   { LAPIC_VERSION, 0x00050014 },
        { LAPIC_ID, 3u << 24 },       { LAPIC_ICR_HIGH, 0xff000000 },
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        put(rows[i].offset, 0xffffffff);
        ck_assert_uint_eq(get(rows[i].offset), rows[i].value);
    }
    put(LAPIC_DFR, 0);
    ck_assert_uint_eq(get(LAPIC_DFR), 0x0fffffff);
}
END_TEST

START_TEST(highest_vector_first_and_nesting_by_class)
{
    fixed(0x41);
    fixed(0x52);
    ck_assert_uint_eq(n_kicks, 1);
    ck_assert_uint_eq(get(LAPIC_IRR + 0x20), 1u << 1 | 1u << 18);
    ck_assert_int_eq(lapic_acknowledge(&apic), 0x52);
    ck_assert(!lapic_pending(&apic));
    fixed(0x5f); /* same class: waits */
    ck_assert_int_eq(lapic_acknowledge(&apic), LAPIC_NONE);
    fixed(0x61);
    ck_assert_int_eq(lapic_acknowledge(&apic), 0x61);
    ck_assert_uint_eq(get(LAPIC_PPR), 0x60);
    put(LAPIC_EOI, 0);
    ck_assert_uint_eq(get(LAPIC_PPR), 0x50);
    put(LAPIC_EOI, 0);
    ck_assert_int_eq(lapic_acknowledge(&apic), 0x5f);
    lapic_eoi(&apic);
    ck_assert_int_eq(lapic_acknowledge(&apic), 0x41);
    lapic_eoi(&apic);
    lapic_eoi(&apic); /* nothing in service: no effect */
    ck_assert_uint_eq(n_eois, 0);
    ck_assert_uint_eq(n_ends, 4);
}
END_TEST

START_TEST(task_priority_holds_back)
{
    lapic_set_cr8(&apic, 5);
    ck_assert_uint_eq(get(LAPIC_TPR), 0x50);
    fixed(0x5f);
    ck_assert(!lapic_pending(&apic));
    n_kicks = 0;
    put(LAPIC_TPR, 0x4f);
    ck_assert_uint_eq(n_kicks, 1);
    ck_assert_uint_eq(lapic_cr8(&apic), 4);
    ck_assert_uint_eq(get(LAPIC_PPR), 0x4f);
    ck_assert_int_eq(lapic_acknowledge(&apic), 0x5f);
}
END_TEST

START_TEST(level_interrupt_is_reported_at_eoi)
{
    lapic_deliver(&apic, LAPIC_FIXED, 0x39, true);
    ck_assert_uint_eq(get(LAPIC_TMR + 0x10), 1u << 25);
    lapic_acknowledge(&apic);
    put(LAPIC_EOI, 0);
    ck_assert_uint_eq(n_eois, 1);
    ck_assert_uint_eq(eoi_vector, 0x39);
    fixed(0x39);
    ck_assert_uint_eq(get(LAPIC_TMR + 0x10), 0);
    lapic_acknowledge(&apic);
    put(LAPIC_EOI, 0);
    ck_assert_uint_eq(n_eois, 1);
}
END_TEST

START_TEST(auto_eoi_vector_is_never_in_service)
{
    lapic_set_auto_eoi_vector(&apic, 0xf3, true);
    fixed(0xf3);
    ck_assert_int_eq(lapic_acknowledge(&apic), 0xf3);
    ck_assert_uint_eq(get(LAPIC_ISR + 0x70), 0);
    ck_assert_uint_eq(get(LAPIC_PPR), 0);
    lapic_set_auto_eoi_vector(&apic, 0xf3, false);
    fixed(0xf3);
    lapic_acknowledge(&apic);
    ck_assert_uint_eq(get(LAPIC_ISR + 0x70), 1u << 19);
}
END_TEST

START_TEST(software_disabled_takes_no_fixed_but_nmi)
{
    put(LAPIC_LVT_TIMER, 0x30);
    put(LAPIC_SVR, 0xff);
    ck_assert_uint_eq(get(LAPIC_LVT_TIMER), 0x10030);
    put(LAPIC_LVT_TIMER, 0x30);
    ck_assert_uint_eq(get(LAPIC_LVT_TIMER), 0x10030);
    fixed(0x40);
    ck_assert(!lapic_pending(&apic));
    lapic_deliver(&apic, LAPIC_NMI, 0, false);
    ck_assert(lapic_take_event(&apic, LAPIC_EVENT_NMI));
    ck_assert(!lapic_take_event(&apic, LAPIC_EVENT_NMI));
}
END_TEST

START_TEST(init_and_sipi)
{
    n_kicks = 0;
    lapic_deliver(&apic, LAPIC_INIT, 0, false);
    lapic_deliver(&apic, LAPIC_SIPI, 0x9a, false);
    ck_assert_uint_eq(n_kicks, 2);
    ck_assert_uint_eq(lapic_events(&apic), LAPIC_EVENT_INIT | LAPIC_EVENT_SIPI);
    ck_assert(lapic_take_event(&apic, LAPIC_EVENT_INIT));
    ck_assert(lapic_take_event(&apic, LAPIC_EVENT_SIPI));
    ck_assert_uint_eq(lapic_sipi_vector(&apic), 0x9a);
    go_x2apic();
    ck_assert(lapic_msr_write(&apic, 0x808, 0x20));
    lapic_init_reset(&apic);
    uint64_t value = 0;
    ck_assert(lapic_msr_read(&apic, 0x808, &value)); /* x2APIC mode survives INIT */
    ck_assert_uint_eq(value, 0);
}
END_TEST

START_TEST(outgoing_ipis)
{
    put(LAPIC_ICR_HIGH, 0x05000000);
    put(LAPIC_ICR_LOW, 0x000040fd);
    ck_assert_uint_eq(n_ipis, 1);
    ck_assert_uint_eq(sent_icr, 0x5000040fd);
    put(LAPIC_ICR_LOW, 0x000c4500); /* INIT to all others */
    ck_assert_uint_eq(sent_icr, 0x5000c4500);
    ck_assert_int_eq(lapic_icr_mode(sent_icr), LAPIC_INIT);
    put(LAPIC_ICR_LOW, 0x00008500); /* INIT level de-assert */
    ck_assert_uint_eq(n_ipis, 2);
    put(LAPIC_ICR_LOW, 0x00044077); /* self */
    ck_assert_uint_eq(n_ipis, 2);
    ck_assert_int_eq(lapic_acknowledge(&apic), 0x77);
}
END_TEST

START_TEST(errors_are_shown_after_a_write_to_esr)
{
    put(LAPIC_LVT_ERROR, 0xfe);
    put(LAPIC_ICR_LOW, 0x0000400f);
    ck_assert_uint_eq(n_ipis, 0);
    ck_assert_int_eq(lapic_acknowledge(&apic), 0xfe);
    fixed(0x05);
    get(0x2f0);
    ck_assert_uint_eq(get(LAPIC_ESR), 0);
    put(LAPIC_ESR, 0);
    ck_assert_uint_eq(get(LAPIC_ESR), 0xe0);
    put(LAPIC_ESR, 0);
    ck_assert_uint_eq(get(LAPIC_ESR), 0);
    put(LAPIC_LVT_ERROR, 0x02); /* an error vector that is itself illegal: no endless loop */
    fixed(0x05);
    put(LAPIC_ESR, 0);
    ck_assert_uint_eq(get(LAPIC_ESR), 0x40);
}
END_TEST

/* Destinations: mode, LDR, DFR, id -> does it match. [SDM 3A 10.6.2] */
START_TEST(destinations)
{
    static const struct {
        bool x2;
        uint32_t ldr, dfr;
        bool logical;
        uint32_t to;
        bool match;
    } rows[] = {
        { false, 0, 0xffffffff, false, 3, true },
        { false, 0, 0xffffffff, false, 4, false },
        { false, 0, 0xffffffff, false, 0xff, true },
        { false, 0x08000000, 0xffffffff, true, 0x0c, true },
        { false, 0x08000000, 0xffffffff, true, 0x04, false },
        { false, 0x08000000, 0xffffffff, true, 0xff, true },
        { false, 0x12000000, 0x0fffffff, true, 0x12, true },
        { false, 0x12000000, 0x0fffffff, true, 0x22, false },
        { false, 0x12000000, 0x0fffffff, true, 0x11, false },
        { false, 0x12000000, 0x0fffffff, true, 0xf2, true },
        { true, 0, 0, false, 3, true },
        { true, 0, 0, false, 0xff, false },
        { true, 0, 0, false, 0xffffffff, true },
        { true, 0, 0, true, 0x00000008, true },
        { true, 0, 0, true, 0x00010008, false },
        { true, 0, 0, true, 0x00000007, false },
        { true, 0, 0, true, 0xffffffff, true },
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start(3);
        put(LAPIC_LDR, rows[i].ldr);
        put(LAPIC_DFR, rows[i].dfr);
        if (rows[i].x2) {
            go_x2apic();
        }
        ck_assert_msg(lapic_matches(&apic, rows[i].logical, rows[i].to) == rows[i].match, "row %u",
                      i);
    }
    struct lapic *other = NULL;
    ck_assert(lapic_icr_targets(UINT64_C(1) << 18, &apic, &apic));
    ck_assert(!lapic_icr_targets(UINT64_C(3) << 18, &apic, &apic));
    ck_assert(lapic_icr_targets(UINT64_C(2) << 18, other, &apic));
}
END_TEST

START_TEST(msi_taken_apart)
{
    struct lapic_message m = lapic_message_from_msi((struct msi_message){ 0xfee0300c, 0xc131 });
    ck_assert_int_eq(m.mode, LAPIC_LOWEST);
    ck_assert_uint_eq(m.vector, 0x31);
    ck_assert(m.level && m.logical);
    ck_assert_uint_eq(m.destination, 3);
}
END_TEST

/* divide configuration -> divisor. [SDM 3A figure 10-10] */
START_TEST(timer_divisors)
{
    static const struct {
        uint32_t code;
        unsigned divisor;
    } rows[] = { { 0, 2 },  { 1, 4 },  { 2, 8 },    { 3, 16 },
                 { 8, 32 }, { 9, 64 }, { 10, 128 }, { 11, 1 } };
    put(LAPIC_TIMER_DIVIDE, rows[_i].code);
    put(LAPIC_LVT_TIMER, 0xec);
    put(LAPIC_TIMER_INITIAL, 10000);
    uint64_t length = UINT64_C(10000) * rows[_i].divisor * 5;
    pass(&clk, length / 2);
    ck_assert_uint_eq(get(LAPIC_TIMER_CURRENT), 5000);
    pass(&clk, length / 2 - 1);
    ck_assert(!lapic_pending(&apic));
    pass(&clk, 1);
    ck_assert_int_eq(lapic_acknowledge(&apic), 0xec);
    ck_assert_uint_eq(get(LAPIC_TIMER_CURRENT), 0);
    pass(&clk, length * 3);
    lapic_eoi(&apic);
    ck_assert(!lapic_pending(&apic)); /* one-shot */
}
END_TEST

START_TEST(periodic_timer_does_not_drift)
{
    put(LAPIC_TIMER_DIVIDE, 3);
    put(LAPIC_LVT_TIMER, 0x200ec);
    put(LAPIC_TIMER_INITIAL, 50000); /* 4 ms */
    unsigned count = 0;
    for (unsigned i = 0; i < 1000; i++) {
        pass(&clk, MS);
        if (lapic_acknowledge(&apic) == 0xec) {
            count++;
            lapic_eoi(&apic);
        }
    }
    ck_assert_uint_eq(count, 250);
    pass(&clk, MS);
    ck_assert_uint_eq(get(LAPIC_TIMER_CURRENT), 37500);
    put(LAPIC_TIMER_INITIAL, 0);
    pass(&clk, SECOND);
    ck_assert(!lapic_pending(&apic));
}
END_TEST

/* The host was away for ten periods: all of them are given, no two at once; so does the next second. */
START_TEST(ticks_that_the_host_missed_are_given_later)
{
    clk.mode = CLOCK_MODE_REALTIME;
    clk.origin_ns = host_monotonic_ns();
    put(LAPIC_TIMER_DIVIDE, 3);
    put(LAPIC_LVT_TIMER, 0x200ec);
    put(LAPIC_TIMER_INITIAL, 50000000); /* 4 s: the test's own time does not count */
    unsigned count = 0;
    clk.origin_ns -= 4 * (uint64_t)SECOND;
    clock_run(&clk);
    count += lapic_acknowledge(&apic) == 0xec; /* one period: nothing is owed */
    lapic_eoi(&apic);
    ck_assert_uint_eq(apic.timer_owed, 0);
    put(LAPIC_TIMER_INITIAL, 5000000); /* 400 ms */
    clk.origin_ns -= 1210 * (uint64_t)MS;
    count = 0;
    for (unsigned i = 0; i < 6; i++) {
        clock_run(&clk);
        if (lapic_acknowledge(&apic) == 0xec) {
            count++;
            lapic_eoi(&apic);
        }
        ck_assert(!lapic_pending(&apic));
        clk.origin_ns -= 25 * (uint64_t)MS;
    }
    ck_assert_uint_ge(count, 3); /* a second's worth at most: one, and two owed */
    put(LAPIC_TIMER_INITIAL, 0);
}
END_TEST

START_TEST(masked_timer_counts_silently)
{
    put(LAPIC_TIMER_DIVIDE, 11);
    put(LAPIC_LVT_TIMER, 0x100ec);
    put(LAPIC_TIMER_INITIAL, 0xffffffff);
    pass(&clk, MS);
    ck_assert_uint_eq(get(LAPIC_TIMER_CURRENT), 0xffffffff - 200000);
    pass(&clk, 30 * SECOND);
    ck_assert_uint_eq(get(LAPIC_TIMER_CURRENT), 0);
    ck_assert(!lapic_pending(&apic));
}
END_TEST

START_TEST(tsc_deadline)
{
    uint64_t value = 1;
    ck_assert(lapic_msr_write(&apic, LAPIC_MSR_TSC_DEADLINE, 1000)); /* not in this mode: ignored */
    ck_assert(lapic_msr_read(&apic, LAPIC_MSR_TSC_DEADLINE, &value));
    ck_assert_uint_eq(value, 0);
    put(LAPIC_LVT_TIMER, 0x400ec);
    pass(&clk, MS);
    lapic_msr_write(&apic, LAPIC_MSR_TSC_DEADLINE, UINT64_C(2) * TSC_HZ / 1000); /* 2 ms */
    put(LAPIC_TIMER_INITIAL, 5); /* ignored in this mode */
    pass(&clk, MS - 1);
    ck_assert(!lapic_pending(&apic));
    lapic_msr_read(&apic, LAPIC_MSR_TSC_DEADLINE, &value);
    ck_assert_uint_eq(value, UINT64_C(2) * TSC_HZ / 1000);
    pass(&clk, 1);
    ck_assert_int_eq(lapic_acknowledge(&apic), 0xec);
    lapic_eoi(&apic);
    lapic_msr_read(&apic, LAPIC_MSR_TSC_DEADLINE, &value);
    ck_assert_uint_eq(value, 0);
    lapic_msr_write(&apic, LAPIC_MSR_TSC_DEADLINE, 1); /* past: at once */
    pass(&clk, 0);
    ck_assert_int_eq(lapic_acknowledge(&apic), 0xec);
    lapic_eoi(&apic);
    lapic_msr_write(&apic, LAPIC_MSR_TSC_DEADLINE, UINT64_MAX);
    lapic_msr_write(&apic, LAPIC_MSR_TSC_DEADLINE, 0); /* disarms */
    ck_assert_uint_eq(clock_next_ns(&clk), UINT64_MAX);
}
END_TEST

START_TEST(tsc_offset_moves_the_deadline)
{
    put(LAPIC_LVT_TIMER, 0x400ec);
    lapic_msr_write(&apic, LAPIC_MSR_TSC_DEADLINE, TSC_HZ); /* 1 s */
    lapic_set_tsc_offset(&apic, TSC_HZ / 2);
    pass(&clk, SECOND / 2 - 1);
    ck_assert(!lapic_pending(&apic));
    pass(&clk, 1);
    ck_assert(lapic_pending(&apic));
}
END_TEST

START_TEST(virtual_wire_passes_the_8259)
{
    start(0);
    lapic_set_line(&apic, 0, 0, true);
    ck_assert(!lapic_pending(&apic)); /* LINT0 is masked at reset */
    lapic_set_virtual_wire(&apic);
    ck_assert_int_eq(lapic_acknowledge(&apic), LAPIC_TAKE_EXTINT);
    ck_assert(lapic_pending(&apic)); /* the line is still up */
    lapic_set_line(&apic, 0, 0, false);
    ck_assert(!lapic_pending(&apic));
    lapic_set_line(&apic, 1, 0, true);
    ck_assert(lapic_take_event(&apic, LAPIC_EVENT_NMI));
    lapic_deliver(&apic, LAPIC_EXTINT, 0, false); /* from the I/O APIC */
    ck_assert_int_eq(lapic_acknowledge(&apic), LAPIC_TAKE_EXTINT);
    ck_assert(!lapic_pending(&apic));
}
END_TEST

START_TEST(level_lint0_has_remote_irr)
{
    put(LAPIC_LVT_LINT0, 0x8055);
    lapic_set_line(&apic, 0, 0, true);
    ck_assert_uint_eq(get(LAPIC_LVT_LINT0), 0xc055);
    ck_assert_int_eq(lapic_acknowledge(&apic), 0x55);
    put(LAPIC_EOI, 0);
    ck_assert(lapic_pending(&apic));
    lapic_acknowledge(&apic);
    lapic_set_line(&apic, 0, 0, false);
    put(LAPIC_EOI, 0);
    ck_assert(!lapic_pending(&apic));
    ck_assert_uint_eq(get(LAPIC_LVT_LINT0), 0x8055);
}
END_TEST

/* IA32_APIC_BASE: from, to, legal. [SDM 3A figure 10-27] */
START_TEST(mode_transitions)
{
    static const struct {
        uint64_t via, to;
        bool legal;
    } rows[] = {
        { 0xfee00900, 0xfee00900, true },     { 0xfee00900, 0xfee00100, true },
        { 0xfee00900, 0xfee00d00, true },     { 0xfee00900, 0xfee00500, false },
        { 0xfee00d00, 0xfee00900, false },    { 0xfee00d00, 0xfee00100, true },
        { 0xfee00d00, 0xfee00500, false },    { 0xfee00100, 0xfee00d00, false },
        { 0xfee00100, 0xfee00900, true },     { 0xfee00900, 0xfee00901, false },
        { 0xfee00900, 0x10000000900, false }, { 0xfee00900, 0xff12345900, true },
    };
    start(3);
    ck_assert(lapic_msr_write(&apic, LAPIC_MSR_APIC_BASE, rows[_i].via));
    ck_assert(lapic_msr_write(&apic, LAPIC_MSR_APIC_BASE, rows[_i].to) == rows[_i].legal);
    uint64_t now = 0;
    lapic_msr_read(&apic, LAPIC_MSR_APIC_BASE, &now);
    ck_assert_uint_eq(now, rows[_i].legal ? rows[_i].to : rows[_i].via);
    ck_assert(lapic_mmio_enabled(&apic) == ((now & 0xc00) == 0x800));
    ck_assert_uint_eq(lapic_mmio_base(&apic), now & ~UINT64_C(0xfff));
}
END_TEST

START_TEST(x2apic_needs_cpuid)
{
    lapic_init(&apic, NULL, 0, &clk, &ops, NULL, 0, true, false, 36, TSC_HZ);
    ck_assert(!lapic_msr_write(&apic, LAPIC_MSR_APIC_BASE, 0xfee00d00));
}
END_TEST

START_TEST(x2apic_registers_and_faults)
{
    start(0x123);
    uint64_t value = 0;
    ck_assert(!lapic_msr_read(&apic, 0x802, &value)); /* not in xAPIC mode */
    put(LAPIC_SVR, 0x1ff);
    go_x2apic();
    static const struct {
        uint32_t msr;
        uint64_t value;
        bool ok;
    } reads[] = {
        { 0x802, 0x123, true }, { 0x803, 0x50014, true }, { 0x80d, 0x120008, true },
        { 0x80f, 0x1ff, true }, { 0x80b, 0, false },      { 0x80e, 0, false },
        { 0x831, 0, false },    { 0x83f, 0, false },      { 0x82f, 0, false },
        { 0x8ff, 0, false },    { 0x810, 0, true },       { 0x827, 0, true },
        { 0x800, 0, false },    { 0x809, 0, false },
    };
    for (unsigned i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
        bool ok = lapic_msr_read(&apic, reads[i].msr, &value);
        ck_assert_msg(ok == reads[i].ok, "msr %x", reads[i].msr);
        ck_assert(!ok || value == reads[i].value);
    }
    static const struct {
        uint32_t msr;
        uint64_t value;
        bool ok;
    } writes[] = {
        { 0x802, 0, false },
        { 0x808, 0x30, true },
        { 0x808, 0x100, false },
        { 0x80b, 1, false },
        { 0x80b, 0, true },
        { 0x80d, 1, false },
        { 0x80f, 0x3ff, false },
        { 0x828, 1, false },
        { 0x828, 0, true },
        { 0x830, 0x1000, false },
        { 0x832, 0x80000, false },
        { 0x83e, 4, false },
        { 0x83f, 0x100, false },
        { 0x83f, 0x44, true },
        { 0x810, 0, false },
        { 0x838, UINT64_C(1) << 32, false },
        { 0x835, 0x5700, true },
        { 0x833, 0x1400, true }, /* delivery status, remote IRR: read-only */
        { 0x833, 0x4000, false },
        { 0x832, 0x11000, true },
    };
    for (unsigned i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
        ck_assert_msg(lapic_msr_write(&apic, writes[i].msr, writes[i].value) == writes[i].ok,
                      "msr %x", writes[i].msr);
    }
    ck_assert_int_eq(lapic_acknowledge(&apic), 0x44); /* self IPI */
    ck_assert(lapic_msr_write(&apic, 0x830, UINT64_C(0x12345678000040fd)));
    ck_assert_uint_eq(sent_icr, UINT64_C(0x12345678000040fd));
    ck_assert(lapic_msr_read(&apic, 0x830, &value));
    ck_assert_uint_eq(value, UINT64_C(0x12345678000040fd));
}
END_TEST

START_TEST(mmio_takes_only_aligned_words)
{
    lapic_write(&apic, LAPIC_TPR, 1, 0x30);
    lapic_write(&apic, LAPIC_TPR + 4, 4, 0x30);
    ck_assert_uint_eq(get(LAPIC_TPR), 0);
    put(LAPIC_TPR, 0x37);
    ck_assert_uint_eq(lapic_read(&apic, LAPIC_TPR, 1), 0x37);
    ck_assert_uint_eq(lapic_read(&apic, LAPIC_ID + 3, 1), 3);
    ck_assert_uint_eq(lapic_read(&apic, LAPIC_TPR + 4, 4), 0);
}
END_TEST

START_TEST(arbitration_priority)
{
    put(LAPIC_TPR, 0x20);
    ck_assert_uint_eq(lapic_arbitration_priority(&apic), 0x20);
    put(LAPIC_SVR, 0xff);
    ck_assert_uint_eq(lapic_arbitration_priority(&apic), 0x100);
}
END_TEST

static Suite *suite_lapic(void)
{
    Suite *s = suite_create("devices/chipset/lapic");
    TCase *t = tcase_create("lapic");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, power_on_registers);
    tcase_add_test(t, only_writable_bits_change);
    tcase_add_test(t, highest_vector_first_and_nesting_by_class);
    tcase_add_test(t, task_priority_holds_back);
    tcase_add_test(t, level_interrupt_is_reported_at_eoi);
    tcase_add_test(t, auto_eoi_vector_is_never_in_service);
    tcase_add_test(t, software_disabled_takes_no_fixed_but_nmi);
    tcase_add_test(t, init_and_sipi);
    tcase_add_test(t, outgoing_ipis);
    tcase_add_test(t, errors_are_shown_after_a_write_to_esr);
    tcase_add_test(t, destinations);
    tcase_add_test(t, msi_taken_apart);
    tcase_add_loop_test(t, timer_divisors, 0, 8);
    tcase_add_test(t, periodic_timer_does_not_drift);
    tcase_add_test(t, ticks_that_the_host_missed_are_given_later);
    tcase_add_test(t, masked_timer_counts_silently);
    tcase_add_test(t, tsc_deadline);
    tcase_add_test(t, tsc_offset_moves_the_deadline);
    tcase_add_test(t, virtual_wire_passes_the_8259);
    tcase_add_test(t, level_lint0_has_remote_irr);
    tcase_add_loop_test(t, mode_transitions, 0, 12);
    tcase_add_test(t, x2apic_needs_cpuid);
    tcase_add_test(t, x2apic_registers_and_faults);
    tcase_add_test(t, mmio_takes_only_aligned_words);
    tcase_add_test(t, arbitration_priority);
    suite_add_tcase(s, t);
    return s;
}

CHECK_MAIN(suite_lapic())
