/* MC146818 real-time clock: time of day computed from the clock, alarm, periodic and update events.
 * [DS MC146818A] */
#include "devices/chipset/cmos.h"

#include <string.h>

#include "base/compiler.h"
#include "devices/devices_trace.h"

enum {
    RTC_SECONDS = 0,
    RTC_SECONDS_ALARM = 1,
    RTC_MINUTES = 2,
    RTC_MINUTES_ALARM = 3,
    RTC_HOURS = 4,
    RTC_HOURS_ALARM = 5,
    RTC_WEEKDAY = 6,
    RTC_DAY = 7,
    RTC_MONTH = 8,
    RTC_YEAR = 9,
    RTC_A = 10,
    RTC_B = 11,
    RTC_C = 12,
    RTC_D = 13,
};

enum {
    A_UIP = 0x80,
    A_DIVIDER = 0x70,
    A_DIVIDER_32K = 0x20,
    A_RATE = 0x0f,
    B_SET = 0x80,
    B_PIE = 0x40,
    B_AIE = 0x20,
    B_UIE = 0x10,
    B_SQWE = 0x08,
    B_BINARY = 0x04,
    B_24H = 0x02,
    B_DSE = 0x01,
    C_IRQF = 0x80,
    C_PF = 0x40,
    C_AF = 0x20,
    C_UF = 0x10,
    D_VRT = 0x80,
    ALARM_ANY = 0xc0,
    HOUR_PM = 0x80,
};

#define NS_PER_SECOND UINT64_C(1000000000)

/* UIP rises 244 us before the update cycle, which takes 1984 us with a 32.768 kHz crystal; the new
 * time is there at its end. [DS MC146818A Table 4] */
enum { UPDATE_NS = (244 + 1984) * 1000, CATCH_UP_SECONDS = 86400 };

/* ---- time of day
 * -------------------------------------------------------------------------------------------- */

struct rtc_time {
    int64_t year;
    unsigned month, day, weekday, hour, minute,
        second; /* month and day from 1, weekday 1 = Sunday */
};

/* Days since 1970-01-01 of a date of the Gregorian calendar, and back: years that begin in March.
 */
static int64_t rtc_days(int64_t year, unsigned month, unsigned day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (int64_t)((month + 9) % 12) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static struct rtc_time rtc_from_seconds(int64_t seconds)
{
    int64_t days = seconds / 86400, rest = seconds % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    struct rtc_time t = { .hour = (unsigned)(rest / 3600),
                          .minute = (unsigned)(rest / 60 % 60),
                          .second = (unsigned)(rest % 60),
                          .weekday = (unsigned)(((days + 4) % 7 + 7) % 7 + 1) };
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    t.day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
    t.month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
    t.year = yoe + era * 400 + (t.month <= 2);
    return t;
}

static uint8_t rtc_encode(const struct cmos *cmos, unsigned value)
{
    return (uint8_t)((cmos->ram[RTC_B] & B_BINARY) != 0 ? value : value / 10 << 4 | value % 10);
}

static unsigned rtc_decode(const struct cmos *cmos, uint8_t value)
{
    return (cmos->ram[RTC_B] & B_BINARY) != 0 ? value : (value >> 4) * 10u + (value & 15);
}

static uint8_t rtc_encode_hour(const struct cmos *cmos, unsigned hour)
{
    if ((cmos->ram[RTC_B] & B_24H) != 0) {
        return rtc_encode(cmos, hour);
    }
    return (uint8_t)(rtc_encode(cmos, hour % 12 == 0 ? 12 : hour % 12) |
                     (hour >= 12 ? HOUR_PM : 0));
}

static unsigned rtc_decode_hour(const struct cmos *cmos, uint8_t value)
{
    if ((cmos->ram[RTC_B] & B_24H) != 0) {
        return rtc_decode(cmos, value);
    }
    return rtc_decode(cmos, value & 0x7f) % 12 + ((value & HOUR_PM) != 0 ? 12 : 0);
}

static bool cmos_running(const struct cmos *cmos)
{
    return (cmos->ram[RTC_A] & A_DIVIDER) == A_DIVIDER_32K && (cmos->ram[RTC_B] & B_SET) == 0;
}

/* Seconds counter at a guest instant. base_ns may lie in the future by less than a second (divider
 * reset). */
static int64_t cmos_seconds(const struct cmos *cmos, uint64_t ns)
{
    return ns < cmos->base_ns
               ? cmos->base_seconds - 1
               : cmos->base_seconds + (int64_t)((ns - cmos->base_ns) / NS_PER_SECOND);
}

static uint64_t cmos_next_second_ns(const struct cmos *cmos, uint64_t ns)
{
    return ns < cmos->base_ns
               ? cmos->base_ns
               : cmos->base_ns + ((ns - cmos->base_ns) / NS_PER_SECOND + 1) * NS_PER_SECOND;
}

/* Put the running time into the registers. */
static void cmos_time_to_ram(struct cmos *cmos, uint64_t now)
{
    struct rtc_time t = rtc_from_seconds(cmos_seconds(cmos, now));
    cmos->ram[RTC_SECONDS] = rtc_encode(cmos, t.second);
    cmos->ram[RTC_MINUTES] = rtc_encode(cmos, t.minute);
    cmos->ram[RTC_HOURS] = rtc_encode_hour(cmos, t.hour);
    cmos->ram[RTC_WEEKDAY] = rtc_encode(cmos, t.weekday);
    cmos->ram[RTC_DAY] = rtc_encode(cmos, t.day);
    cmos->ram[RTC_MONTH] = rtc_encode(cmos, t.month);
    cmos->ram[RTC_YEAR] = rtc_encode(cmos, (unsigned)(t.year % 100));
    cmos->ram[CMOS_CENTURY] = (uint8_t)(t.year / 1000 % 10 << 4 | t.year / 100 % 10);
}

/* The registers are the time from now on. Nonsense a guest wrote counts on from what the date
 * arithmetic makes of it. */
static void cmos_time_from_ram(struct cmos *cmos)
{
    const uint8_t *ram = cmos->ram;
    int64_t century = (ram[CMOS_CENTURY] >> 4) * 10 + (ram[CMOS_CENTURY] & 15);
    unsigned month = rtc_decode(cmos, ram[RTC_MONTH]);
    int64_t days = rtc_days(century * 100 + rtc_decode(cmos, ram[RTC_YEAR]),
                            month < 1 || month > 12 ? 1 : month, rtc_decode(cmos, ram[RTC_DAY]));
    cmos->base_seconds = days * 86400 + rtc_decode_hour(cmos, ram[RTC_HOURS]) * INT64_C(3600) +
                         rtc_decode(cmos, ram[RTC_MINUTES]) * INT64_C(60) +
                         rtc_decode(cmos, ram[RTC_SECONDS]);
}

/* ---- events
 * --------------------------------------------------------------------------------------------------
 */

/* Periods of the rate selection with a 32.768 kHz time base: rates 1 and 2 are as 8 and 9. 0: none.
 */
static uint64_t cmos_period_ticks(const struct cmos *cmos)
{
    unsigned rate = cmos->ram[RTC_A] & A_RATE;
    if (rate == 0 || (cmos->ram[RTC_A] & A_DIVIDER) != A_DIVIDER_32K) {
        return 0;
    }
    return UINT64_C(1) << ((rate <= 2 ? rate + 7 : rate) - 1);
}

static uint64_t cmos_tick(uint64_t ns)
{
    return ns / NS_PER_SECOND * 32768 + ns % NS_PER_SECOND * 32768 / NS_PER_SECOND;
}

static uint64_t cmos_tick_ns(uint64_t tick)
{
    return tick / 32768 * NS_PER_SECOND + (tick % 32768 * NS_PER_SECOND + 32767) / 32768;
}

static bool cmos_alarm_matches(const struct cmos *cmos, int64_t seconds)
{
    struct rtc_time t = rtc_from_seconds(seconds);
    const uint8_t *ram = cmos->ram;
    return (ram[RTC_SECONDS_ALARM] >= ALARM_ANY ||
            ram[RTC_SECONDS_ALARM] == rtc_encode(cmos, t.second)) &&
           (ram[RTC_MINUTES_ALARM] >= ALARM_ANY ||
            ram[RTC_MINUTES_ALARM] == rtc_encode(cmos, t.minute)) &&
           (ram[RTC_HOURS_ALARM] >= ALARM_ANY ||
            ram[RTC_HOURS_ALARM] == rtc_encode_hour(cmos, t.hour));
}

static void cmos_raise(struct cmos *cmos)
{
    uint8_t *c = &cmos->ram[RTC_C];
    bool level = (*c & cmos->ram[RTC_B] & (C_PF | C_AF | C_UF)) != 0;
    if (level != ((*c & C_IRQF) != 0)) {
        *c = (uint8_t)(level ? *c | C_IRQF : *c & ~C_IRQF);
        DEVICE_TRACE(&cmos->dev, CMOS_INTERRUPT, *c);
    }
    irq_line_set(&cmos->irq, level);
}

/* Bring the flags of register C up to now. They are set whether or not their interrupt is enabled.
 */
static void cmos_catch_up(struct cmos *cmos, uint64_t now)
{
    uint64_t period = cmos_period_ticks(cmos);
    if (period != 0 && cmos_tick(now) / period != cmos_tick(cmos->flags_ns) / period) {
        cmos->ram[RTC_C] |= C_PF;
    }
    if (cmos_running(cmos)) {
        int64_t from = cmos_seconds(cmos, cmos->flags_ns), to = cmos_seconds(cmos, now);
        if (to > from) {
            cmos->ram[RTC_C] |= C_UF;
        }
        for (int64_t s = to - from > CATCH_UP_SECONDS ? to - CATCH_UP_SECONDS : from;
             s < to && (cmos->ram[RTC_C] & C_AF) == 0; s++) {
            if (cmos_alarm_matches(cmos, s + 1)) {
                cmos->ram[RTC_C] |= C_AF;
            }
        }
    }
    cmos->flags_ns = now;
    cmos_raise(cmos);
}

/* Wake for the next event whose interrupt is enabled and not yet pending. */
static void cmos_schedule(struct cmos *cmos, uint64_t now)
{
    uint8_t wanted = cmos->ram[RTC_B] & (uint8_t)~cmos->ram[RTC_C];
    uint64_t next = UINT64_MAX, period = cmos_period_ticks(cmos);
    if ((wanted & B_PIE) != 0 && period != 0) {
        next = cmos_tick_ns((cmos_tick(now) / period + 1) * period);
    }
    if ((wanted & (B_AIE | B_UIE)) != 0 && cmos_running(cmos)) {
        uint64_t second = cmos_next_second_ns(cmos, now);
        next = second < next ? second : next;
    }
    if (next == UINT64_MAX) {
        timer_cancel(&cmos->timer);
    } else {
        timer_set(&cmos->timer, next);
    }
}

static void cmos_expired(void *opaque, uint64_t now_ns)
{
    struct cmos *cmos = opaque;
    (void)now_ns;
    host_mutex_lock(&cmos->dev.lock);
    uint64_t now = clock_now_ns(cmos->clock);
    cmos_catch_up(cmos, now);
    cmos_schedule(cmos, now);
    host_mutex_unlock(&cmos->dev.lock);
}

/* ---- registers
 * -----------------------------------------------------------------------------------------------
 */

static bool cmos_is_time(unsigned index)
{
    return index == RTC_SECONDS || index == RTC_MINUTES || index == RTC_HOURS ||
           (index >= RTC_WEEKDAY && index <= RTC_YEAR) || index == CMOS_CENTURY;
}

static uint8_t cmos_register_read(struct cmos *cmos, unsigned index)
{
    uint64_t now = clock_now_ns(cmos->clock);
    if (cmos_is_time(index) && cmos_running(cmos)) {
        cmos_time_to_ram(cmos, now);
    }
    if (index == RTC_A) {
        bool updating = cmos_running(cmos) && cmos_next_second_ns(cmos, now) - now <= UPDATE_NS;
        return (uint8_t)(cmos->ram[RTC_A] | (updating ? A_UIP : 0));
    }
    if (index == RTC_C) {
        cmos_catch_up(cmos, now);
        uint8_t flags = cmos->ram[RTC_C];
        cmos->ram[RTC_C] = 0;
        irq_line_set(&cmos->irq, false);
        cmos_schedule(cmos, now);
        return flags;
    }
    return cmos->ram[index];
}

/* Registers A and B decide whether time runs. */
static void cmos_control_write(struct cmos *cmos, unsigned index, uint8_t value, uint64_t now)
{
    bool was_running = cmos_running(cmos);
    bool was_reset = (cmos->ram[RTC_A] & 0x60) == 0x60;
    if (was_running) {
        cmos_time_to_ram(cmos, now);
    }
    if (index == RTC_A) {
        cmos->ram[RTC_A] = value & (uint8_t)~A_UIP;
    } else {
        cmos->ram[RTC_B] = (uint8_t)((value & B_SET) != 0 ? value & ~B_UIE : value);
        if ((value & B_DSE) != 0) {
            device_unimplemented(&cmos->dev, "daylight savings", value);
        }
    }
    bool running = cmos_running(cmos);
    if (!was_running && running) {
        cmos_time_from_ram(cmos);
        if (was_reset && index == RTC_A) {
            cmos->base_ns =
                now + NS_PER_SECOND / 2; /* the first update comes half a second later */
            cmos->base_seconds++;
        } else if (now >= cmos->base_ns) {
            cmos->base_ns = now - (now - cmos->base_ns) % NS_PER_SECOND; /* the divider ran on */
        }
    }
}

static void cmos_register_write(struct cmos *cmos, unsigned index, uint8_t value)
{
    uint64_t now = clock_now_ns(cmos->clock);
    DEVICE_TRACE(&cmos->dev, CMOS_WRITE, index, value);
    cmos_catch_up(cmos, now);
    if (index == RTC_A || index == RTC_B) {
        cmos_control_write(cmos, index, value, now);
    } else if (cmos_is_time(index) && cmos_running(cmos)) { /* without SET: as if it took no time */
        cmos_time_to_ram(cmos, now);
        cmos->ram[index] = value;
        cmos_time_from_ram(cmos);
        cmos->base_ns = now < cmos->base_ns ? now : now - (now - cmos->base_ns) % NS_PER_SECOND;
    } else if (index != RTC_C && index != RTC_D) {
        cmos->ram[index] = value;
    }
    cmos_raise(cmos);
    cmos_schedule(cmos, now);
}

static enum io_status cmos_read(void *dev, uint64_t offset, uint32_t size, uint64_t *value)
{
    struct cmos *cmos = dev;
    (void)size;
    if (offset == 0) {
        return IO_NO_REGISTER; /* the index is write-only */
    }
    *value = cmos_register_read(cmos, cmos->index & (CMOS_BYTES - 1));
    return IO_OK;
}

static enum io_status cmos_write(void *dev, uint64_t offset, uint32_t size, uint64_t value)
{
    struct cmos *cmos = dev;
    (void)size;
    if (offset == 0) {
        cmos->index = (uint8_t)value;
    } else {
        cmos_register_write(cmos, cmos->index & (CMOS_BYTES - 1), (uint8_t)value);
    }
    return IO_OK;
}

bool cmos_nmi_masked(struct cmos *cmos)
{
    host_mutex_lock(&cmos->dev.lock);
    bool masked = (cmos->index & 0x80) != 0;
    host_mutex_unlock(&cmos->dev.lock);
    return masked;
}

/* The RESET pin clears the enables and flags; time, alarm and RAM live on the battery. [DS
 * MC146818A RESET] */
static void cmos_reset(struct device *dev)
{
    struct cmos *cmos = (struct cmos *)dev;
    uint64_t now = clock_now_ns(cmos->clock);
    cmos->index = 0;
    cmos->ram[RTC_B] &= (uint8_t) ~(B_PIE | B_AIE | B_UIE | B_SQWE);
    cmos->ram[RTC_C] = 0;
    cmos->flags_ns = now;
    irq_line_set(&cmos->irq, false);
    cmos_schedule(cmos, now);
}

static void cmos_fini(struct device *dev)
{
    timer_cancel(&((struct cmos *)dev)->timer);
}

static void cmos_store16(struct cmos *cmos, unsigned index, uint64_t value)
{
    cmos->ram[index] = (uint8_t)value;
    cmos->ram[index + 1] = (uint8_t)(value >> 8);
}

/* Where PC firmware leaves the memory size: 0x15 base KiB, 0x17 and 0x30 KiB above 1 MiB, 0x34 64
 * KiB units above 16 MiB, 0x5b 64 KiB units above 4 GiB. [SEABIOS src/hw/rtc.h] */
static void cmos_store_memory(struct cmos *cmos, const struct cmos_config *config)
{
    uint64_t below = config->memory_below_4g;
    uint64_t extended = below > 0x100000 ? (below - 0x100000) >> 10 : 0;
    uint64_t high = below > 0x1000000 ? (below - 0x1000000) >> 16 : 0;
    uint64_t base = below >> 10 < 640 ? below >> 10 : 640;
    cmos_store16(cmos, 0x15, base);
    cmos_store16(cmos, 0x17, extended > 0xffff ? 0xffff : extended);
    cmos_store16(cmos, 0x30, extended > 0xffff ? 0xffff : extended);
    cmos_store16(cmos, 0x34, high > 0xffff ? 0xffff : high);
    cmos_store16(cmos, 0x5b, config->memory_above_4g >> 16);
    cmos->ram[0x5d] = (uint8_t)(config->memory_above_4g >> 32);
    cmos->ram[0x14] = 0x02; /* equipment: a coprocessor, no floppy, no PS/2 mouse */
}

void cmos_init(struct cmos *cmos, struct trace *trace, uint32_t partition, struct clock *clock,
               struct irq_line irq, const struct cmos_config *config)
{
    device_init(&cmos->dev, &cmos_device_type, trace, partition);
    cmos->clock = clock;
    cmos->irq = irq;
    memset(cmos->ram, 0, sizeof(cmos->ram));
    cmos->ram[RTC_A] = A_DIVIDER_32K | 6; /* 1024 Hz, as PC firmware leaves it */
    cmos->ram[RTC_B] = B_24H;
    cmos->ram[RTC_D] = D_VRT;
    cmos->base_ns = clock_now_ns(clock);
    cmos->base_seconds = config->wall_seconds;
    cmos_store_memory(cmos, config);
    timer_init(&cmos->timer, clock, cmos_expired, cmos);
    device_reset(&cmos->dev);
}

static const struct io_region cmos_regions[] = {
    { "cmos", IO_PORT, 2, 1, cmos_read, cmos_write },
};

static const struct state_field cmos_state[] = {
    STATE_TIMER_FIELD(struct cmos, timer), STATE_FIELD(struct cmos, index),
    STATE_FIELD(struct cmos, ram),         STATE_FIELD(struct cmos, base_seconds),
    STATE_FIELD(struct cmos, base_ns),     STATE_FIELD(struct cmos, flags_ns),
};

const struct device_type cmos_device_type = {
    .name = "cmos",
    .size = sizeof(struct cmos),
    .reset = cmos_reset,
    .fini = cmos_fini,
    .regions = cmos_regions,
    .n_regions = ARRAY_SIZE(cmos_regions),
    .state = STATE_TABLE("cmos", 1, struct cmos, cmos_state),
};
