/* 8254 timer: six modes computed from the clock, never stepped; port 0x61. [DS 82C54] */
#include "devices/chipset/pit.h"

#include <errno.h>

#include "base/compiler.h"
#include "devices/devices_trace.h"

/*
 * A counter is its start tick and its count; everything else follows from the ticks elapsed since.
 * The count written is loaded on the CLK after the write, so start is one tick after it. [DS 82C54
 * mode definitions]
 *
 *   mode  OUT
 *   0     low for N ticks from the load, then high; GATE low stops the count
 *   1     high; low for N ticks from a GATE edge
 *   2     period N, low for its last tick; GATE low forces high, its edge reloads
 *   3     period N, high for (N + 1) / 2, then low; GATE as in 2
 *   4     high, low for one tick N ticks after the load; GATE low stops the count
 *   5     as 4, from a GATE edge
 */

enum { ACCESS_LATCH = 0, ACCESS_LSB = 1, ACCESS_MSB = 2, ACCESS_WORD = 3 };
enum { PORT_B_GATE2 = 0x01, PORT_B_WRITABLE = 0x0f, PORT_B_REFRESH = 0x10, PORT_B_OUT2 = 0x20 };
enum { PIT_REFRESH_NS = 15085, PIT_CONTROL = 3 };
enum { PIT_OWED_SHORTEST = PIT_HZ / 4000 }; /* faster edges are no clock ticks */

#define NS_PER_SECOND UINT64_C(1000000000)

static uint64_t pit_tick(uint64_t ns)
{
    return PIT_FIRST_TICK + ns / NS_PER_SECOND * PIT_HZ +
           ns % NS_PER_SECOND * PIT_HZ / NS_PER_SECOND;
}

/* The first nanosecond of a tick. */
static uint64_t pit_tick_ns(uint64_t tick)
{
    tick -= PIT_FIRST_TICK;
    return tick / PIT_HZ * NS_PER_SECOND + (tick % PIT_HZ * NS_PER_SECOND + PIT_HZ - 1) / PIT_HZ;
}

static bool pit_is_periodic(const struct pit_channel *ch)
{
    return ch->mode == 2 || ch->mode == 3;
}

static bool pit_is_triggered(const struct pit_channel *ch)
{
    return ch->mode == 1 || ch->mode == 5;
}

static uint64_t pit_elapsed(const struct pit_channel *ch, uint64_t tick)
{
    if (ch->gate == 0 && (ch->mode == 0 || ch->mode == 4)) {
        return ch->held;
    }
    return tick > ch->start ? tick - ch->start : 0;
}

/* Ticks of the high part of a square wave. */
static uint64_t pit_high_ticks(const struct pit_channel *ch)
{
    return (ch->count + 1u) / 2;
}

/* Take a count written meanwhile to a periodic counter: at the end of the period (mode 3: half
 * period) it was written in. */
static void pit_catch_up(struct pit_channel *ch, uint64_t tick)
{
    if (ch->next_count == 0 || !pit_is_periodic(ch) || ch->counting == 0 || ch->gate == 0 ||
        tick < ch->reload_at) {
        return;
    }
    bool low_half = ch->mode == 3 && (ch->reload_at - ch->start) % ch->count != 0;
    ch->count = ch->next_count;
    ch->next_count = 0;
    ch->start = ch->reload_at - (low_half ? pit_high_ticks(ch) : 0);
}

static bool pit_out(const struct pit_channel *ch, uint64_t tick)
{
    uint64_t elapsed = pit_elapsed(ch, tick);
    switch (ch->mode) {
    case 0:
        return ch->counting != 0 && elapsed >= ch->count;
    case 1:
        return ch->armed == 0 || tick < ch->start || elapsed >= ch->count;
    case 2:
        return ch->counting == 0 || ch->gate == 0 || tick < ch->start ||
               elapsed % ch->count != ch->count - 1u;
    case 3:
        return ch->counting == 0 || ch->gate == 0 || tick < ch->start ||
               elapsed % ch->count < pit_high_ticks(ch);
    default:
        return ch->counting == 0 || ch->armed == 0 || elapsed != ch->count;
    }
}

/* Did OUT rise at least once in (from, to]? Only for what changes by time. */
static bool pit_rose(const struct pit_channel *ch, uint64_t from, uint64_t to)
{
    if (ch->counting == 0 || to <= from || to <= ch->start) {
        return false;
    }
    uint64_t end = to - ch->start, begin = from > ch->start ? from - ch->start : 0;
    switch (ch->mode) {
    case 2:
    case 3:
        return ch->gate != 0 && end / ch->count > begin / ch->count;
    case 4:
        return ch->gate != 0 && ch->armed != 0 && begin <= ch->count && end > ch->count;
    case 5:
        return ch->armed != 0 && begin <= ch->count && end > ch->count;
    case 1:
        return ch->armed != 0 && begin < ch->count && end >= ch->count;
    default:
        return ch->gate != 0 && begin < ch->count && end >= ch->count;
    }
}

/* The tick after now at which OUT changes in a way that a line can see; UINT64_MAX: never by
 * itself. */
static uint64_t pit_next_change(const struct pit_channel *ch, uint64_t now)
{
    if (ch->counting == 0 || (ch->gate == 0 && !pit_is_triggered(ch))) {
        return UINT64_MAX;
    }
    uint64_t elapsed = now > ch->start ? now - ch->start : 0;
    uint64_t period = elapsed / ch->count * ch->count;
    switch (ch->mode) {
    case 2: /* the low tick is given together with the rise */
        return ch->start + period + ch->count;
    case 3:
        return elapsed - period < pit_high_ticks(ch) ? ch->start + period + pit_high_ticks(ch)
                                                     : ch->start + period + ch->count;
    case 4:
    case 5:
        return ch->armed != 0 && elapsed <= ch->count ? ch->start + ch->count + 1 : UINT64_MAX;
    case 1:
        return ch->armed != 0 && elapsed < ch->count ? ch->start + ch->count : UINT64_MAX;
    default:
        return elapsed < ch->count ? ch->start + ch->count : UINT64_MAX;
    }
}

/* Edges that came due while the host ran something else, be it the clock's thread or the processor's that takes them:
 * they are owed, and given at a sixteenth of the period, so that a guest that counts them keeps its time. A guest's own
 * delays lose edges as on real hardware. */
static void pit_owe(struct pit *pit, uint64_t from, uint64_t now)
{
    const struct pit_channel *ch = &pit->channel[0];
    uint64_t begin = from > ch->start ? from - ch->start : 0;

    if (pit->clock->mode != CLOCK_MODE_REALTIME || !pit_is_periodic(ch) ||
        ch->count < PIT_OWED_SHORTEST) {
        return;
    }
    uint64_t rose = (now - ch->start) / ch->count - begin / ch->count;
    uint64_t owed = pit->owed + rose - (pit->starved ? 0 : 1);
    uint64_t most = PIT_HZ / ch->count;
    pit->owed = (uint32_t)(owed < most ? owed : most);
    pit->owed_at = now + ch->count / 16;
}

static void pit_rise(struct pit *pit)
{
    irq_line_set(&pit->irq, false);
    irq_line_set(&pit->irq, true);
}

/* Give OUT 0 to its line and set the timer for the next change. */
static void pit_update(struct pit *pit)
{
    struct pit_channel *ch = &pit->channel[0];
    uint64_t now = pit_tick(clock_now_ns(pit->clock));
    if (pit_rose(ch, pit->seen, now)) {
        pit_rise(pit);
        pit_owe(pit, pit->seen, now);
    } else if (pit->owed != 0 && now >= pit->owed_at) {
        if (pit_out(ch, now) && !pit->starved) {
            pit_rise(pit);
            pit->owed--;
        }
        pit->owed_at = now + ch->count / (pit->starved ? 4 : 16);
    }
    pit_catch_up(ch, now);
    irq_line_set(&pit->irq, pit_out(ch, now));
    pit->seen = now;
    uint64_t next = pit_next_change(ch, now);
    if (pit->owed != 0 && pit->owed_at < next) {
        next = pit->owed_at;
    }
    if (next == UINT64_MAX) {
        timer_cancel(&pit->timer);
    } else {
        timer_set(&pit->timer, pit_tick_ns(next > now ? next : now + 1));
    }
}

static void pit_expired(void *opaque, uint64_t now_ns)
{
    struct pit *pit = opaque;
    (void)now_ns;
    bool starved = pit->starves != NULL && pit->starves(pit->starves_opaque);
    host_mutex_lock(&pit->dev.lock);
    pit->starved = starved;
    pit_update(pit);
    pit->starved = false;
    host_mutex_unlock(&pit->dev.lock);
}

static uint16_t pit_to_bcd(uint32_t n)
{
    n %= 10000;
    return (uint16_t)(n % 10 | n / 10 % 10 << 4 | n / 100 % 10 << 8 | n / 1000 << 12);
}

static uint32_t pit_from_bcd(uint32_t v)
{
    return (v & 15) + (v >> 4 & 15) * 10 + (v >> 8 & 15) * 100 + (v >> 12 & 15) * 1000;
}

/* What the counting element holds, as the guest reads it. */
static uint16_t pit_current(const struct pit_channel *ch, uint64_t tick)
{
    uint32_t modulus = ch->bcd != 0 ? 10000 : 65536;
    uint64_t elapsed = pit_elapsed(ch, tick);
    uint64_t left;
    if (ch->counting == 0) {
        left = ch->count;
    } else if (ch->mode == 2) {
        left = ch->count - elapsed % ch->count;
    } else if (ch->mode == 3) {
        uint64_t phase = elapsed % ch->count, high = pit_high_ticks(ch);
        phase = phase < high ? phase : phase - high;
        left = (ch->count & ~UINT32_C(1)) - 2 * phase;
    } else {
        left = ch->count + (elapsed / modulus + 1) * modulus - elapsed; /* wraps and goes on */
    }
    uint32_t value = (uint32_t)(left % modulus);
    return ch->bcd != 0 ? pit_to_bcd(value) : (uint16_t)value;
}

static bool pit_null_count(const struct pit_channel *ch, uint64_t tick)
{
    return ch->next_count != 0 || ch->counting == 0 || tick < ch->start;
}

static void pit_latch_count(struct pit_channel *ch, uint64_t tick)
{
    if (ch->latched == 0) {
        ch->latch = pit_current(ch, tick);
        ch->latched = ch->access == ACCESS_WORD ? 2 : 1;
    }
}

static void pit_latch_status(struct pit_channel *ch, uint64_t tick)
{
    if (ch->status_latched == 0) {
        ch->status =
            (uint8_t)((pit_out(ch, tick) ? 0x80 : 0) | (pit_null_count(ch, tick) ? 0x40 : 0) |
                      ch->access << 4 | ch->mode << 1 | ch->bcd);
        ch->status_latched = 1;
    }
}

static void pit_control(struct pit *pit, uint8_t value, uint64_t tick)
{
    unsigned select = value >> 6, access = value >> 4 & 3;
    if (select == 3) { /* read-back: bits 5 and 4 low ask for count and status */
        for (unsigned i = 0; i < PIT_CHANNELS; i++) {
            if ((value >> (i + 1) & 1) != 0 && (value & 0x20) == 0) {
                pit_latch_count(&pit->channel[i], tick);
            }
            if ((value >> (i + 1) & 1) != 0 && (value & 0x10) == 0) {
                pit_latch_status(&pit->channel[i], tick);
            }
        }
        return;
    }
    struct pit_channel *ch = &pit->channel[select];
    if (access == ACCESS_LATCH) {
        pit_latch_count(ch, tick);
        return;
    }
    unsigned mode = value >> 1 & 7;
    ch->mode = (uint8_t)(mode > 5 ? mode - 4 : mode); /* x10 and x11 */
    ch->access = (uint8_t)access;
    ch->bcd = value & 1;
    ch->counting = ch->armed = 0;
    ch->next_count = 0;
    pit->owed = select == 0 ? 0 : pit->owed;
    ch->write_msb = ch->read_msb = 0;
    ch->latched = ch->status_latched = 0;
    ch->held = 0;
}

/* A whole count was written. */
static void pit_count_written(struct pit *pit, unsigned number, uint32_t raw, uint64_t tick)
{
    struct pit_channel *ch = &pit->channel[number];
    uint32_t count = ch->bcd != 0 ? pit_from_bcd(raw) : raw;
    if (count == 0) {
        count = ch->bcd != 0 ? 10000 : 65536;
    }
    if (pit_is_periodic(ch) && count == 1) {
        count = 2; /* illegal in modes 2 and 3; a period of one tick has no edge */
    }
    DEVICE_TRACE(&pit->dev, PIT_PROGRAM, number, ch->mode, count);
    if (pit_is_triggered(ch)) {
        ch->next_count = count; /* taken at the trigger */
        return;
    }
    if (pit_is_periodic(ch) && ch->counting != 0 && ch->gate != 0 && tick >= ch->start) {
        uint64_t phase = (tick - ch->start) % ch->count, high = pit_high_ticks(ch);
        ch->reload_at = tick - phase + (ch->mode == 3 && phase < high ? high : ch->count);
        ch->next_count = count;
        return;
    }
    ch->count = count;
    ch->next_count = 0;
    ch->start = tick + 1;
    ch->held = 0;
    ch->counting = ch->armed = 1;
}

static void pit_gate(struct pit *pit, unsigned number, bool level, uint64_t tick)
{
    struct pit_channel *ch = &pit->channel[number];
    if (level == (ch->gate != 0)) {
        return;
    }
    DEVICE_TRACE(&pit->dev, PIT_GATE, number, level);
    pit_catch_up(ch, tick);
    if (!level) {
        ch->held = pit_elapsed(ch, tick);
        ch->gate = 0;
        return;
    }
    ch->gate = 1;
    if (pit_is_triggered(ch)) {
        if (ch->next_count != 0) {
            ch->count = ch->next_count;
            ch->next_count = 0;
        } else if (ch->counting == 0) {
            return; /* no count was ever written */
        }
        ch->start = tick + 1;
        ch->counting = ch->armed = 1;
    } else if (pit_is_periodic(ch)) {
        ch->count = ch->next_count != 0 ? ch->next_count : ch->count;
        ch->next_count = 0;
        ch->start = tick + 1;
    } else {
        ch->start = tick - (ch->held < tick ? ch->held : tick);
    }
}

static enum io_status pit_read(void *dev, uint64_t offset, uint32_t size, uint64_t *value)
{
    struct pit *pit = dev;
    (void)size;
    if (offset == PIT_CONTROL) {
        return IO_NO_REGISTER; /* the control word cannot be read */
    }
    struct pit_channel *ch = &pit->channel[offset];
    uint64_t tick = pit_tick(clock_now_ns(pit->clock));
    pit_catch_up(ch, tick);
    if (ch->status_latched != 0) {
        ch->status_latched = 0;
        *value = ch->status;
        return IO_OK;
    }
    uint16_t count = ch->latched != 0 ? ch->latch : pit_current(ch, tick);
    if (ch->latched != 0) {
        ch->latched--;
    }
    if (ch->access == ACCESS_WORD) {
        *value = ch->read_msb != 0 ? count >> 8 : count & 0xff;
        ch->read_msb ^= 1;
    } else {
        *value = ch->access == ACCESS_MSB ? count >> 8 : count & 0xff;
    }
    return IO_OK;
}

static enum io_status pit_write(void *dev, uint64_t offset, uint32_t size, uint64_t value)
{
    struct pit *pit = dev;
    (void)size;
    pit_update(pit); /* OUT 0 up to now, by the old programming */
    uint64_t tick = pit->seen;
    uint8_t byte = (uint8_t)value;
    if (offset == PIT_CONTROL) {
        pit_control(pit, byte, tick);
    } else {
        struct pit_channel *ch = &pit->channel[offset];
        pit_catch_up(ch, tick);
        if (ch->access == ACCESS_LSB) {
            pit_count_written(pit, (unsigned)offset, byte, tick);
        } else if (ch->access == ACCESS_MSB) {
            pit_count_written(pit, (unsigned)offset, (uint32_t)byte << 8, tick);
        } else if (ch->write_msb == 0) {
            ch->write_low = byte;
            ch->write_msb = 1;
            if (ch->mode == 0) {
                ch->counting = 0; /* the first byte stops the count and lowers OUT */
            }
        } else {
            ch->write_msb = 0;
            pit_count_written(pit, (unsigned)offset, ch->write_low | (uint32_t)byte << 8, tick);
        }
    }
    pit_update(pit);
    return IO_OK;
}

static enum io_status pit_port_b_read(void *dev, uint64_t offset, uint32_t size, uint64_t *value)
{
    struct pit *pit = dev;
    (void)offset;
    (void)size;
    uint64_t now = clock_now_ns(pit->clock), tick = pit_tick(now);
    pit_catch_up(&pit->channel[2], tick);
    *value = pit->port_b | (now / PIT_REFRESH_NS % 2 != 0 ? PORT_B_REFRESH : 0u) |
             (pit_out(&pit->channel[2], tick) ? PORT_B_OUT2 : 0u);
    return IO_OK;
}

static enum io_status pit_port_b_write(void *dev, uint64_t offset, uint32_t size, uint64_t value)
{
    struct pit *pit = dev;
    (void)offset;
    (void)size;
    pit->port_b = value & PORT_B_WRITABLE;
    pit_gate(pit, 2, (value & PORT_B_GATE2) != 0, pit_tick(clock_now_ns(pit->clock)));
    return IO_OK;
}

static void pit_reset(struct device *dev)
{
    struct pit *pit = (struct pit *)dev;
    for (unsigned i = 0; i < PIT_CHANNELS; i++) {
        pit->channel[i] =
            (struct pit_channel){ .count = 65536, .access = ACCESS_WORD, .mode = 3, .gate = i < 2 };
    }
    pit->port_b = 0;
    pit->owed = 0;
    pit_update(pit);
}

void pit_init(struct pit *pit, struct trace *trace, uint32_t partition, struct clock *clock,
              struct irq_line irq)
{
    device_init(&pit->dev, &pit_device_type, trace, partition);
    pit->clock = clock;
    pit->irq = irq;
    timer_init(&pit->timer, clock, pit_expired, pit);
    device_reset(&pit->dev);
}

static void pit_fini(struct device *dev)
{
    timer_cancel(&((struct pit *)dev)->timer);
}

static const struct io_region pit_regions[] = {
    [PIT_REGION_COUNTERS] = { "pit", IO_PORT, 4, 1, pit_read, pit_write },
    [PIT_REGION_PORT_B] = { "port61", IO_PORT, 1, 1, pit_port_b_read, pit_port_b_write },
};

static const struct state_field channel_state[] = {
    STATE_FIELD(struct pit_channel, start),
    STATE_FIELD(struct pit_channel, held),
    STATE_FIELD_MAX(struct pit_channel, count, 65536),
    STATE_FIELD_MAX(struct pit_channel, next_count, 65536),
    STATE_FIELD(struct pit_channel, reload_at),
    STATE_FIELD(struct pit_channel, latch),
    STATE_FIELD(struct pit_channel, status),
    STATE_FIELD_MAX(struct pit_channel, mode, 5),
    STATE_FIELD_MAX(struct pit_channel, access, 3),
    STATE_FIELD(struct pit_channel, bcd),
    STATE_FIELD(struct pit_channel, gate),
    STATE_FIELD(struct pit_channel, counting),
    STATE_FIELD(struct pit_channel, armed),
    STATE_FIELD(struct pit_channel, write_low),
    STATE_FIELD(struct pit_channel, write_msb),
    STATE_FIELD(struct pit_channel, read_msb),
    STATE_FIELD(struct pit_channel, latched),
    STATE_FIELD(struct pit_channel, status_latched),
};
static const struct state_table channel_table =
    STATE_TABLE("channel", 1, struct pit_channel, channel_state);

/* Counts are divided by: one that was loaded is never 0. */
static int pit_loaded(void *object, struct error *error)
{
    const struct pit *pit = object;

    for (unsigned i = 0; i < PIT_CHANNELS; i++) {
        if (pit->channel[i].counting != 0 && pit->channel[i].count == 0) {
            return error_set(error, -EINVAL, "a channel counts from 0");
        }
    }
    return 0;
}

static const struct state_field pit_state[] = {
    STATE_TIMER_FIELD(struct pit, timer),
    STATE_FIELD(struct pit, seen),
    STATE_FIELD(struct pit, owed),
    STATE_FIELD(struct pit, owed_at),
    STATE_STRUCT_FIELD(struct pit, channel, &channel_table),
    STATE_FIELD(struct pit, port_b),
};

const struct device_type pit_device_type = {
    .name = "pit",
    .size = sizeof(struct pit),
    .reset = pit_reset,
    .fini = pit_fini,
    .regions = pit_regions,
    .n_regions = ARRAY_SIZE(pit_regions),
    .state = STATE_TABLE_LOADED("pit", 1, struct pit, pit_state, pit_loaded),
};
