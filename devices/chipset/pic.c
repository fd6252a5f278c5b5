/* Two cascaded 8259A interrupt controllers: requests, priorities, ICW and OCW words. [DS 8259A] */
#include "devices/chipset/pic.h"

#include "base/compiler.h"
#include "devices/devices_trace.h"

enum {
    ICW1_INIT = 0x10,
    ICW1_IC4 = 0x01,
    ICW1_SNGL = 0x02,
    ICW1_LTIM = 0x08,
    ICW4_AEOI = 0x02,
    ICW4_8086 = 0x01,
    ICW4_SFNM = 0x10,
    OCW3_SELECT = 0x08,
    OCW3_RIS = 0x01,
    OCW3_RR = 0x02,
    OCW3_POLL = 0x04,
    OCW3_SMM = 0x20,
    OCW3_ESMM = 0x40,
};

/* IRQ 0, 1, 2, 8 and 13 are edge triggered for ever. [DS 82371SB ELCR1, ELCR2] */
static const uint8_t pic_elcr_writable[2] = { 0xf8, 0xde };

static bool pic_is_level(const struct pic_chip *chip, unsigned ir)
{
    return chip->level_triggered != 0 || (chip->elcr >> ir & 1) != 0;
}

/* Priority of an IR input: 0 is the highest. */
static unsigned pic_rank(const struct pic_chip *chip, unsigned ir)
{
    return (ir + 7u - chip->lowest) & 7;
}

/* The input of highest priority among a set; 8 when the set is empty. */
static unsigned pic_highest(const struct pic_chip *chip, uint8_t set)
{
    for (unsigned rank = 0; rank < 8; rank++) {
        unsigned ir = (rank + chip->lowest + 1u) & 7;
        if ((set >> ir & 1) != 0) {
            return ir;
        }
    }
    return 8;
}

/* The input that asks for an interrupt now; 8 when none may. */
static unsigned pic_request(const struct pic *pic, unsigned number)
{
    const struct pic_chip *chip = &pic->chip[number];
    if (chip->next_icw != 0) {
        return 8;
    }
    unsigned ir = pic_highest(chip, (uint8_t)(chip->irr & ~chip->imr));
    if (ir == 8) {
        return 8;
    }
    uint8_t service = chip->isr;
    if (chip->special_mask != 0) {
        service &= (uint8_t)~chip->imr;
    }
    if (number == 0 && (chip->icw4 & ICW4_SFNM) != 0) {
        service &= (uint8_t) ~(1u << PIC_CASCADE); /* a slave may interrupt itself */
    }
    unsigned busy = pic_highest(chip, service);
    return busy != 8 && pic_rank(chip, busy) <= pic_rank(chip, ir) ? 8 : ir;
}

/* A level at an IR input: edges latch a request, which lasts only while the line is high. */
static void pic_chip_input(struct pic_chip *chip, unsigned ir, bool level)
{
    uint8_t bit = (uint8_t)(1u << ir);
    if (level) {
        if (pic_is_level(chip, ir) || (chip->lines & bit) == 0) {
            chip->irr |= bit;
        }
        chip->lines |= bit;
    } else {
        chip->irr &= (uint8_t)~bit;
        chip->lines &= (uint8_t)~bit;
    }
}

static void pic_update(struct pic *pic)
{
    if (pic->chip[0].single == 0) {
        pic_chip_input(&pic->chip[0], PIC_CASCADE, pic_request(pic, 1) != 8);
    }
    bool level = pic_request(pic, 0) != 8;
    if (level != (pic->output_level != 0)) {
        pic->output_level = level;
        irq_line_set(&pic->output, level);
    }
}

static void pic_end_of_interrupt(struct pic_chip *chip, unsigned ir, bool rotate)
{
    if (ir < 8) {
        chip->isr &= (uint8_t) ~(1u << ir);
        if (rotate) {
            chip->lowest = (uint8_t)ir;
        }
    }
}

/* One chip's part of the INTA cycles: the input in service, 7 with *spurious when the request is
 * gone. */
static unsigned pic_chip_acknowledge(struct pic *pic, unsigned number, bool *spurious)
{
    struct pic_chip *chip = &pic->chip[number];
    unsigned ir = pic_request(pic, number);
    if (ir == 8) {
        *spurious = true;
        return 7;
    }
    uint8_t bit = (uint8_t)(1u << ir);
    if (!pic_is_level(chip, ir)) {
        chip->irr &= (uint8_t)~bit;
    }
    if ((chip->icw4 & ICW4_AEOI) == 0) {
        chip->isr |= bit;
    } else if (chip->rotate_auto != 0) {
        chip->lowest = (uint8_t)ir;
    }
    if (number == 1) {
        pic_chip_input(&pic->chip[0], PIC_CASCADE, false); /* INT falls with INTA */
    }
    return ir;
}

uint8_t pic_acknowledge(struct pic *pic)
{
    host_mutex_lock(&pic->dev.lock);
    bool spurious = false;
    unsigned ir = pic_chip_acknowledge(pic, 0, &spurious);
    unsigned vector = pic->chip[0].base + ir;
    if (!spurious && ir == PIC_CASCADE && pic->chip[0].single == 0) {
        vector = pic->chip[1].base + pic_chip_acknowledge(pic, 1, &spurious);
    }
    DEVICE_TRACE(&pic->dev, PIC_ACKNOWLEDGE, vector, spurious);
    pic_update(pic);
    host_mutex_unlock(&pic->dev.lock);
    return (uint8_t)vector;
}

bool pic_pending(struct pic *pic)
{
    host_mutex_lock(&pic->dev.lock);
    bool level = pic->output_level != 0;
    host_mutex_unlock(&pic->dev.lock);
    return level;
}

void pic_set_line(void *sink, unsigned number, unsigned source, bool level)
{
    struct pic *pic = sink;
    if (number >= PIC_LINES || number == PIC_CASCADE || source >= 32) {
        return;
    }
    host_mutex_lock(&pic->dev.lock);
    struct pic_chip *chip = &pic->chip[number >> 3];
    uint32_t *sources = &chip->sources[number & 7];
    *sources = level ? *sources | UINT32_C(1) << source : *sources & ~(UINT32_C(1) << source);
    pic_chip_input(chip, number & 7, *sources != 0);
    pic_update(pic);
    host_mutex_unlock(&pic->dev.lock);
}

static enum io_status pic_read(struct pic *pic, unsigned number, uint64_t offset, uint64_t *value)
{
    struct pic_chip *chip = &pic->chip[number];
    if (chip->poll != 0) { /* the read is the acknowledge. [DS 8259A poll command] */
        chip->poll = 0;
        bool spurious = false;
        unsigned ir = pic_chip_acknowledge(pic, number, &spurious);
        *value = spurious ? 0 : 0x80 | ir;
        pic_update(pic);
    } else if (offset == 1) {
        *value = chip->imr;
    } else {
        *value = chip->read_isr != 0 ? chip->isr : chip->irr;
    }
    return IO_OK;
}

static void pic_icw1(struct pic_chip *chip, uint8_t value)
{
    chip->imr = chip->isr = 0;
    chip->icw3 = 0;
    chip->icw4 = 0;
    chip->lowest = 7;
    chip->special_mask = chip->read_isr = chip->poll = chip->rotate_auto = 0;
    chip->level_triggered = (value & ICW1_LTIM) != 0;
    chip->single = (value & ICW1_SNGL) != 0;
    chip->need_icw4 = (value & ICW1_IC4) != 0;
    chip->next_icw = 2;
    chip->irr = 0; /* the edge sense circuit is reset: a high line must fall and rise again */
    for (unsigned ir = 0; ir < 8; ir++) {
        if (pic_is_level(chip, ir)) {
            chip->irr |= (uint8_t)(chip->lines & 1u << ir);
        }
    }
}

static void pic_icw(struct pic *pic, struct pic_chip *chip, uint8_t value)
{
    switch (chip->next_icw) {
    case 2:
        chip->base = value & 0xf8;
        chip->next_icw = chip->single == 0 ? 3 : chip->need_icw4 != 0 ? 4 : 0;
        break;
    case 3:
        chip->icw3 = value;
        chip->next_icw = chip->need_icw4 != 0 ? 4 : 0;
        break;
    default:
        chip->icw4 = value;
        chip->next_icw = 0;
        if ((value & ICW4_8086) == 0) {
            device_unimplemented(&pic->dev, "MCS-80/85 mode", value);
        }
        break;
    }
}

static void pic_ocw2(struct pic_chip *chip, uint8_t value)
{
    unsigned level = value & 7;
    uint8_t service = chip->isr;
    if (chip->special_mask != 0) {
        service &= (uint8_t)~chip->imr; /* a masked IS bit is not cleared by a non-specific EOI */
    }
    switch (value >> 5) {
    case 0: /* rotate in automatic EOI mode: clear */
    case 4: /* set */
        chip->rotate_auto = value >> 7;
        break;
    case 1: /* non-specific EOI */
    case 5: /* rotate on it */
        pic_end_of_interrupt(chip, pic_highest(chip, service), value >> 7 != 0);
        break;
    case 3: /* specific EOI */
    case 7: /* rotate on it */
        pic_end_of_interrupt(chip, level, value >> 7 != 0);
        break;
    case 6: /* set priority */
        chip->lowest = (uint8_t)level;
        break;
    default: /* 2: no operation */
        break;
    }
}

static void pic_ocw3(struct pic_chip *chip, uint8_t value)
{
    if ((value & OCW3_POLL) != 0) {
        chip->poll = 1;
    } else if ((value & OCW3_RR) != 0) {
        chip->read_isr = value & OCW3_RIS;
    }
    if ((value & OCW3_ESMM) != 0) {
        chip->special_mask = (value & OCW3_SMM) != 0;
    }
}

static enum io_status pic_write(struct pic *pic, unsigned number, uint64_t offset, uint8_t value)
{
    struct pic_chip *chip = &pic->chip[number];
    DEVICE_TRACE(&pic->dev, PIC_COMMAND, number, offset, value);
    if (offset == 0 && (value & ICW1_INIT) != 0) {
        pic_icw1(chip, value);
    } else if (offset == 0 && (value & OCW3_SELECT) != 0) {
        pic_ocw3(chip, value);
    } else if (offset == 0) {
        pic_ocw2(chip, value);
    } else if (chip->next_icw != 0) {
        pic_icw(pic, chip, value);
    } else {
        chip->imr = value;
    }
    pic_update(pic);
    return IO_OK;
}

static enum io_status pic_master_read(void *dev, uint64_t offset, uint32_t size, uint64_t *value)
{
    (void)size;
    return pic_read(dev, 0, offset, value);
}

static enum io_status pic_master_write(void *dev, uint64_t offset, uint32_t size, uint64_t value)
{
    (void)size;
    return pic_write(dev, 0, offset, (uint8_t)value);
}

static enum io_status pic_slave_read(void *dev, uint64_t offset, uint32_t size, uint64_t *value)
{
    (void)size;
    return pic_read(dev, 1, offset, value);
}

static enum io_status pic_slave_write(void *dev, uint64_t offset, uint32_t size, uint64_t value)
{
    (void)size;
    return pic_write(dev, 1, offset, (uint8_t)value);
}

static enum io_status pic_elcr_read(void *dev, uint64_t offset, uint32_t size, uint64_t *value)
{
    (void)size;
    *value = ((struct pic *)dev)->chip[offset & 1].elcr;
    return IO_OK;
}

static enum io_status pic_elcr_write(void *dev, uint64_t offset, uint32_t size, uint64_t value)
{
    (void)size;
    struct pic *pic = dev;
    struct pic_chip *chip = &pic->chip[offset & 1];
    chip->elcr = (uint8_t)(value & pic_elcr_writable[offset & 1]);
    chip->irr |= (uint8_t)(chip->lines & chip->elcr);
    pic_update(pic);
    return IO_OK;
}

static void pic_reset(struct device *dev)
{
    struct pic *pic = (struct pic *)dev;
    for (unsigned i = 0; i < 2; i++) {
        struct pic_chip *chip = &pic->chip[i];
        chip->elcr = 0;
        chip->base = 0;
        pic_icw1(chip, ICW1_IC4);
        chip->next_icw = 0;
        chip->icw4 = ICW4_8086;
        chip->imr = 0xff; /* undefined on the chip; nothing must come before the first ICW1 */
    }
    pic_update(pic);
}

void pic_init(struct pic *pic, struct trace *trace, uint32_t partition, struct irq_line output)
{
    device_init(&pic->dev, &pic_device_type, trace, partition);
    pic->output = output;
    device_reset(&pic->dev);
}

static const struct io_region pic_regions[] = {
    [PIC_REGION_MASTER] = { "pic.master", IO_PORT, 2, 1, pic_master_read, pic_master_write },
    [PIC_REGION_SLAVE] = { "pic.slave", IO_PORT, 2, 1, pic_slave_read, pic_slave_write },
    [PIC_REGION_ELCR] = { "pic.elcr", IO_PORT, 2, 1, pic_elcr_read, pic_elcr_write },
};

static const struct state_field chip_state[] = {
    STATE_FIELD(struct pic_chip, irr),
    STATE_FIELD(struct pic_chip, isr),
    STATE_FIELD(struct pic_chip, imr),
    STATE_FIELD(struct pic_chip, lines),
    STATE_FIELD(struct pic_chip, elcr),
    STATE_FIELD(struct pic_chip, base),
    STATE_FIELD(struct pic_chip, icw3),
    STATE_FIELD(struct pic_chip, icw4),
    STATE_FIELD_MAX(struct pic_chip, lowest, 7),
    STATE_FIELD_MAX(struct pic_chip, next_icw, 4),
    STATE_FIELD(struct pic_chip, single),
    STATE_FIELD(struct pic_chip, need_icw4),
    STATE_FIELD(struct pic_chip, level_triggered),
    STATE_FIELD(struct pic_chip, read_isr),
    STATE_FIELD(struct pic_chip, poll),
    STATE_FIELD(struct pic_chip, special_mask),
    STATE_FIELD(struct pic_chip, rotate_auto),
    STATE_FIELD(struct pic_chip, sources),
};
static const struct state_table chip_table = STATE_TABLE("chip", 1, struct pic_chip, chip_state);

static const struct state_field pic_state[] = {
    STATE_STRUCT_FIELD(struct pic, chip, &chip_table),
    STATE_FIELD(struct pic, output_level),
};

const struct device_type pic_device_type = {
    .name = "pic",
    .size = sizeof(struct pic),
    .reset = pic_reset,
    .regions = pic_regions,
    .n_regions = ARRAY_SIZE(pic_regions),
    .state = STATE_TABLE("pic", 1, struct pic, pic_state),
};
