/* ACPI fixed hardware: events and SCI, sleep control, PM timer, reset control. [ACPI 4.8] */
#include "devices/chipset/pm.h"

#include "base/compiler.h"
#include "devices/devices_trace.h"

enum {
    PM1_TMR = 1 << 0,
    PM1_GBL = 1 << 5,
    PM1_PWRBTN = 1 << 8,
    PM1_SLPBTN = 1 << 9,
    PM1_RTC = 1 << 10,
    PM1_WAK = 1 << 15,
    PM1_STATUS_BITS = PM1_TMR | 1 << 4 | PM1_GBL | PM1_PWRBTN | PM1_SLPBTN | PM1_RTC | PM1_WAK,
    PM1_ENABLE_BITS = PM1_TMR | PM1_GBL | PM1_PWRBTN | PM1_SLPBTN | PM1_RTC,
    PM1_SCI_EN = 1 << 0,
    PM1_SLP_TYP = 7 << 10,
    PM1_SLP_EN = 1 << 13,
    PM1_CONTROL_BITS = PM1_SCI_EN | 1 << 1 | PM1_SLP_TYP,
    RESET_SYSTEM = 1 << 1,
    RESET_NOW = 1 << 2,
    RESET_FULL = 1 << 3,
    PORT_A_INIT = 1 << 0,
    PORT_A_A20 = 1 << 1,
};

#define NS_PER_SECOND UINT64_C(1000000000)

static uint64_t pm_tick(uint64_t ns)
{
    return ns / NS_PER_SECOND * PM_TIMER_HZ + ns % NS_PER_SECOND * PM_TIMER_HZ / NS_PER_SECOND;
}

static uint64_t pm_tick_ns(uint64_t tick)
{
    return tick / PM_TIMER_HZ * NS_PER_SECOND +
           (tick % PM_TIMER_HZ * NS_PER_SECOND + PM_TIMER_HZ - 1) / PM_TIMER_HZ;
}

/* TMR_STS is set when the timer's highest bit changes. [ACPI 4.8.3.3] */
static unsigned pm_carry_shift(const struct pm *pm)
{
    return pm->timer_32bit ? 31 : 23;
}

static void pm_update(struct pm *pm)
{
    uint64_t tick = pm_tick(clock_now_ns(pm->clock));
    unsigned shift = pm_carry_shift(pm);
    if (tick >> shift != pm->seen >> shift) {
        pm->status |= PM1_TMR;
    }
    pm->seen = tick;
    bool level = (pm->control & PM1_SCI_EN) != 0 &&
                 ((pm->status & pm->enable) != 0 || (pm->gpe_status & pm->gpe_enable) != 0);
    DEVICE_TRACE(&pm->dev, PM_SCI, pm->status, pm->enable, level);
    irq_line_set(&pm->sci, level);
    if ((pm->enable & PM1_TMR) != 0 && (pm->status & PM1_TMR) == 0) {
        timer_set(&pm->timer, pm_tick_ns(((tick >> shift) + 1) << shift));
    } else {
        timer_cancel(&pm->timer);
    }
}

static void pm_expired(void *opaque, uint64_t now_ns)
{
    struct pm *pm = opaque;
    (void)now_ns;
    host_mutex_lock(&pm->dev.lock);
    pm_update(pm);
    host_mutex_unlock(&pm->dev.lock);
}

void pm_press_power_button(struct pm *pm)
{
    host_mutex_lock(&pm->dev.lock);
    pm->status |= PM1_PWRBTN;
    pm_update(pm);
    host_mutex_unlock(&pm->dev.lock);
}

void pm_raise_gpe(struct pm *pm, unsigned gpe)
{
    host_mutex_lock(&pm->dev.lock);
    pm->gpe_status |= gpe < 32 ? UINT32_C(1) << gpe : 0;
    pm_update(pm);
    host_mutex_unlock(&pm->dev.lock);
}

static void pm_write_control(struct pm *pm, uint16_t value)
{
    pm->control = (uint16_t)((value & PM1_CONTROL_BITS) | PM1_SCI_EN); /* no legacy mode to go to */
    if ((value & PM1_SLP_EN) == 0) {
        return;
    }
    unsigned type = value >> 10 & 7;
    DEVICE_TRACE(&pm->dev, PM_SLEEP, type);
    if (type != PM_SLP_TYP_S5) {
        device_unimplemented(&pm->dev, "sleep state", type);
    } else if (pm->ops->power_off != NULL) {
        pm->ops->power_off(pm->opaque);
    }
}

/* The 16-bit registers as words of the block; the timer's two words are read at one instant by
 * pm_read. */
static enum io_status pm_read(void *dev, uint64_t offset, uint32_t size, uint64_t *value)
{
    struct pm *pm = dev;
    uint32_t now = (uint32_t)pm_tick(clock_now_ns(pm->clock));
    uint64_t words[2] = { 0, pm->timer_32bit ? now : now & 0xffffff };
    if (offset < 4) {
        pm_update(pm);
    }
    words[0] = pm->status | (uint64_t)pm->enable << 16 | (uint64_t)pm->control << 32;
    uint64_t shift = offset % 8 * 8;
    *value = words[offset / 8] >> shift;
    if (size < 8) {
        *value &= (UINT64_C(1) << size * 8) - 1;
    }
    return IO_OK;
}

static enum io_status pm_write(void *dev, uint64_t offset, uint32_t size, uint64_t value)
{
    struct pm *pm = dev;
    if (offset >= 6) {
        return IO_OK; /* the timer cannot be written */
    }
    pm_update(pm);
    /* A byte or a double word touches only the bytes it covers: merge into the 8-byte image. */
    uint64_t bits = (size < 8 ? (UINT64_C(1) << size * 8) - 1 : UINT64_MAX) << offset * 8;
    uint64_t written = value << offset * 8 & bits;
    pm->status &= (uint16_t) ~(written & PM1_STATUS_BITS); /* write 1 to clear */
    uint16_t enable_bits = (uint16_t)(bits >> 16);
    pm->enable =
        (uint16_t)(((pm->enable & ~enable_bits) | (written >> 16 & enable_bits)) & PM1_ENABLE_BITS);
    if ((bits >> 32 & 0xffff) != 0) {
        uint16_t control_bits = (uint16_t)(bits >> 32);
        pm_write_control(pm, (uint16_t)((pm->control & ~control_bits) | (written >> 32)));
    }
    pm_update(pm);
    return IO_OK;
}

static enum io_status pm_gpe_read(void *dev, uint64_t offset, uint32_t size, uint64_t *value)
{
    struct pm *pm = dev;
    *value = (pm->gpe_status | (uint64_t)pm->gpe_enable << 32) >> offset * 8;
    *value &= (UINT64_C(1) << size * 8) - 1;
    return IO_OK;
}

static enum io_status pm_gpe_write(void *dev, uint64_t offset, uint32_t size, uint64_t value)
{
    struct pm *pm = dev;
    uint64_t bits = ((UINT64_C(1) << size * 8) - 1) << offset * 8;
    uint64_t written = value << offset * 8 & bits;
    pm->gpe_status &= (uint32_t)~written;
    pm->gpe_enable = (uint32_t)((pm->gpe_enable & ~(bits >> 32)) | written >> 32);
    pm_update(pm);
    return IO_OK;
}

static void pm_request_reset(struct pm *pm, uint64_t port, uint8_t value, bool cold)
{
    DEVICE_TRACE(&pm->dev, PM_RESET, port, value);
    if (pm->ops->reset != NULL) {
        pm->ops->reset(pm->opaque, cold);
    }
}

/* Bit 2 going from 0 to 1 resets: the processor, or with bit 1 the system. [DS 82371AB RC] */
static enum io_status pm_reset_write(void *dev, uint64_t offset, uint32_t size, uint64_t value)
{
    struct pm *pm = dev;
    (void)offset;
    (void)size;
    uint8_t before = pm->reset_control, byte = (uint8_t)value;
    pm->reset_control = byte & (RESET_SYSTEM | RESET_FULL);
    if ((byte & RESET_NOW) != 0 && (before & RESET_NOW) == 0) {
        pm_request_reset(pm, PM_PORT_RESET, byte, (byte & RESET_SYSTEM) != 0);
    }
    return IO_OK;
}

static enum io_status pm_reset_read(void *dev, uint64_t offset, uint32_t size, uint64_t *value)
{
    (void)offset;
    (void)size;
    *value = ((struct pm *)dev)->reset_control;
    return IO_OK;
}

static enum io_status pm_port_a_write(void *dev, uint64_t offset, uint32_t size, uint64_t value)
{
    struct pm *pm = dev;
    (void)offset;
    (void)size;
    uint8_t before = pm->port_a;
    pm->port_a = value & (PORT_A_INIT | PORT_A_A20);
    if (((before ^ pm->port_a) & PORT_A_A20) != 0) {
        if (pm->ops->a20 != NULL) {
            pm->ops->a20(pm->opaque, (pm->port_a & PORT_A_A20) != 0);
        } else if ((pm->port_a & PORT_A_A20) == 0) {
            device_unimplemented(&pm->dev, "A20 gate off", value);
        }
    }
    if ((pm->port_a & PORT_A_INIT) != 0 && (before & PORT_A_INIT) == 0) {
        pm_request_reset(pm, PM_PORT_A, (uint8_t)value, false);
    }
    return IO_OK;
}

static enum io_status pm_port_a_read(void *dev, uint64_t offset, uint32_t size, uint64_t *value)
{
    (void)offset;
    (void)size;
    *value = ((struct pm *)dev)->port_a;
    return IO_OK;
}

static void pm_reset(struct device *dev)
{
    struct pm *pm = (struct pm *)dev;
    pm->status = pm->enable = 0;
    pm->control = PM1_SCI_EN; /* ACPI mode from the start: the FADT has no SMI command */
    pm->gpe_status = pm->gpe_enable = 0;
    pm->reset_control = 0;
    pm->port_a = PORT_A_A20;
    pm->seen = pm_tick(clock_now_ns(pm->clock));
    pm_update(pm);
}

static void pm_fini(struct device *dev)
{
    timer_cancel(&((struct pm *)dev)->timer);
}

void pm_init(struct pm *pm, struct trace *trace, uint32_t partition, struct clock *clock,
             struct irq_line sci, bool timer_32bit, const struct pm_ops *ops, void *opaque)
{
    device_init(&pm->dev, &pm_device_type, trace, partition);
    pm->clock = clock;
    pm->sci = sci;
    pm->ops = ops;
    pm->opaque = opaque;
    pm->timer_32bit = timer_32bit;
    timer_init(&pm->timer, clock, pm_expired, pm);
    device_reset(&pm->dev);
}

static const struct io_region pm_regions[] = {
    [PM_REGION_ACPI] = { "pm", IO_PORT, 12, 1 | 2 | 4, pm_read, pm_write },
    [PM_REGION_GPE0] = { "gpe0", IO_PORT, 8, 1 | 2 | 4, pm_gpe_read, pm_gpe_write },
    [PM_REGION_RESET] = { "reset", IO_PORT, 1, 1, pm_reset_read, pm_reset_write },
    [PM_REGION_PORT_A] = { "port92", IO_PORT, 1, 1, pm_port_a_read, pm_port_a_write },
};

static const struct state_field pm_state[] = {
    STATE_TIMER_FIELD(struct pm, timer), STATE_FIELD(struct pm, seen),
    STATE_FIELD(struct pm, status),      STATE_FIELD(struct pm, enable),
    STATE_FIELD(struct pm, control),     STATE_FIELD(struct pm, gpe_status),
    STATE_FIELD(struct pm, gpe_enable),  STATE_FIELD(struct pm, reset_control),
    STATE_FIELD(struct pm, port_a),
};

const struct device_type pm_device_type = {
    .name = "pm",
    .size = sizeof(struct pm),
    .reset = pm_reset,
    .fini = pm_fini,
    .regions = pm_regions,
    .n_regions = ARRAY_SIZE(pm_regions),
    .state = STATE_TABLE("pm", 1, struct pm, pm_state),
};
