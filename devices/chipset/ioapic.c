/* 82093AA I/O APIC: redirection table, level and edge, remote IRR, EOI. [DS 82093AA] */
#include "devices/chipset/ioapic.h"

#include "base/compiler.h"
#include "devices/devices_trace.h"

/* Redirection entry: 63:56 destination, 16 mask, 15 level, 14 remote IRR, 13 polarity, 12 delivery
 * status, 11 logical, 10:8 delivery mode, 7:0 vector. */
#define RTE_READ_ONLY  (UINT64_C(1) << 14 | UINT64_C(1) << 12)
#define RTE_WRITABLE   (UINT64_C(0xff00000000000000) | UINT64_C(0x1afff))
#define RTE_LEVEL      (UINT64_C(1) << 15)
#define RTE_REMOTE_IRR (UINT64_C(1) << 14)
#define RTE_MASK       (UINT64_C(1) << 16)

enum {
    IOAPIC_REG_ID = 0x00,
    IOAPIC_REG_VERSION = 0x01,
    IOAPIC_REG_ARBITRATION = 0x02,
    IOAPIC_REG_REDIRECT = 0x10,
    IOAPIC_SELECT = 0x00,
    IOAPIC_WINDOW = 0x10,
    IOAPIC_EOI = 0x40,
    DELIVERY_LOWEST = 1,
};

static void ioapic_send(struct ioapic *ioapic, unsigned pin)
{
    uint64_t entry = ioapic->redirect[pin];
    unsigned mode = entry >> 8 & 7;
    bool logical = (entry >> 11 & 1) != 0;
    struct msi_message message = {
        .address = UINT64_C(0xfee00000) | entry >> 56 << 12 | (mode == DELIVERY_LOWEST ? 8u : 0u) |
                   (logical ? 4u : 0u),
        .data = (uint32_t)(entry & 0x87ff) | UINT32_C(1) << 14, /* vector, mode, trigger; assert */
    };
    DEVICE_TRACE(&ioapic->dev, IOAPIC_SEND, pin, message.address, message.data);
    if (ioapic->router.send != NULL) {
        ioapic->router.send(ioapic->router.opaque, message);
    }
}

/* A level pin that is asserted, unmasked and not in service is sent. */
static void ioapic_serve_level(struct ioapic *ioapic, unsigned pin)
{
    uint64_t *entry = &ioapic->redirect[pin];
    if ((*entry & (RTE_LEVEL | RTE_MASK | RTE_REMOTE_IRR)) == RTE_LEVEL &&
        (ioapic->lines >> pin & 1) != 0) {
        *entry |= RTE_REMOTE_IRR;
        ioapic_send(ioapic, pin);
    }
}

void ioapic_set_line(void *sink, unsigned number, unsigned source, bool level)
{
    struct ioapic *ioapic = sink;
    if (number >= IOAPIC_PINS || source >= 32) {
        return;
    }
    host_mutex_lock(&ioapic->dev.lock);
    uint32_t *sources = &ioapic->sources[number];
    uint32_t pin = UINT32_C(1) << number;
    *sources = level ? *sources | UINT32_C(1) << source : *sources & ~(UINT32_C(1) << source);
    bool before = (ioapic->lines & pin) != 0;
    ioapic->lines = *sources != 0 ? ioapic->lines | pin : ioapic->lines & ~pin;
    if ((ioapic->redirect[number] & RTE_LEVEL) != 0) {
        ioapic_serve_level(ioapic, number);
    } else if (*sources != 0 && !before && (ioapic->redirect[number] & RTE_MASK) == 0) {
        ioapic_send(ioapic, number); /* an edge on a masked pin is lost. [DS 82093AA 3.2.4] */
    }
    host_mutex_unlock(&ioapic->dev.lock);
}

static void ioapic_eoi_locked(struct ioapic *ioapic, uint8_t vector)
{
    DEVICE_TRACE(&ioapic->dev, IOAPIC_EOI, vector);
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        uint64_t *entry = &ioapic->redirect[pin];
        if ((uint8_t)*entry == vector && (*entry & RTE_LEVEL) != 0) {
            *entry &= ~RTE_REMOTE_IRR;
            ioapic_serve_level(ioapic, pin);
        }
    }
}

void ioapic_eoi(struct ioapic *ioapic, uint8_t vector)
{
    host_mutex_lock(&ioapic->dev.lock);
    ioapic_eoi_locked(ioapic, vector);
    host_mutex_unlock(&ioapic->dev.lock);
}

static uint32_t ioapic_register_read(const struct ioapic *ioapic)
{
    unsigned index = ioapic->select;
    if (index >= IOAPIC_REG_REDIRECT && index < IOAPIC_REG_REDIRECT + 2 * IOAPIC_PINS) {
        unsigned half = index - IOAPIC_REG_REDIRECT;
        return (uint32_t)(ioapic->redirect[half / 2] >> (half % 2 * 32));
    }
    switch (index) {
    case IOAPIC_REG_ID:
    case IOAPIC_REG_ARBITRATION:
        return (uint32_t)ioapic->id << 24;
    case IOAPIC_REG_VERSION:
        return IOAPIC_VERSION | (IOAPIC_PINS - 1) << 16;
    default:
        return 0;
    }
}

static void ioapic_register_write(struct ioapic *ioapic, uint32_t value)
{
    unsigned index = ioapic->select;
    if (index >= IOAPIC_REG_REDIRECT && index < IOAPIC_REG_REDIRECT + 2 * IOAPIC_PINS) {
        unsigned pin = (index - IOAPIC_REG_REDIRECT) / 2;
        unsigned shift = index % 2 * 32;
        uint64_t writable = RTE_WRITABLE & UINT64_C(0xffffffff) << shift;
        uint64_t *entry = &ioapic->redirect[pin];
        *entry = (*entry & ~writable) | ((uint64_t)value << shift & writable);
        if ((*entry & RTE_LEVEL) == 0) {
            *entry &= ~RTE_READ_ONLY; /* remote IRR has no meaning for edges */
        }
        DEVICE_TRACE(&ioapic->dev, IOAPIC_REDIRECT, pin, *entry);
        ioapic_serve_level(ioapic, pin);
    } else if (index == IOAPIC_REG_ID) {
        ioapic->id = value >> 24 & 0x0f;
    }
}

static enum io_status ioapic_read(void *dev, uint64_t offset, uint32_t size, uint64_t *value)
{
    struct ioapic *ioapic = dev;
    (void)size;
    switch (offset) {
    case IOAPIC_SELECT:
        *value = ioapic->select;
        return IO_OK;
    case IOAPIC_WINDOW:
        *value = ioapic_register_read(ioapic);
        return IO_OK;
    default:
        *value = 0;
        return IO_OK;
    }
}

static enum io_status ioapic_write(void *dev, uint64_t offset, uint32_t size, uint64_t value)
{
    struct ioapic *ioapic = dev;
    (void)size;
    switch (offset) {
    case IOAPIC_SELECT:
        ioapic->select = (uint8_t)value;
        break;
    case IOAPIC_WINDOW:
        ioapic_register_write(ioapic, (uint32_t)value);
        break;
    case IOAPIC_EOI:
        ioapic_eoi_locked(ioapic, (uint8_t)value);
        break;
    default:
        return IO_NO_REGISTER;
    }
    return IO_OK;
}

static void ioapic_reset(struct device *dev)
{
    struct ioapic *ioapic = (struct ioapic *)dev;
    ioapic->select = 0;
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        ioapic->redirect[pin] = RTE_MASK;
    }
}

void ioapic_init(struct ioapic *ioapic, struct trace *trace, uint32_t partition, uint8_t id,
                 struct msi_router router)
{
    device_init(&ioapic->dev, &ioapic_device_type, trace, partition);
    ioapic->id = id & 0x0f;
    ioapic->router = router;
    device_reset(&ioapic->dev);
}

/* A page is decoded; bytes and words are not registers of this chip. */
static const struct io_region ioapic_regions[] = {
    { "ioapic", IO_MMIO, 0x1000, 4, ioapic_read, ioapic_write },
};

static const struct state_field ioapic_state[] = {
    STATE_FIELD(struct ioapic, id),       STATE_FIELD(struct ioapic, select),
    STATE_FIELD(struct ioapic, lines),    STATE_FIELD(struct ioapic, sources),
    STATE_FIELD(struct ioapic, redirect),
};

const struct device_type ioapic_device_type = {
    .name = "ioapic",
    .size = sizeof(struct ioapic),
    .reset = ioapic_reset,
    .regions = ioapic_regions,
    .n_regions = ARRAY_SIZE(ioapic_regions),
    .state = STATE_TABLE("ioapic", 1, struct ioapic, ioapic_state),
};
