/* 8042 keyboard controller: what it answers by itself; its two ports are empty. [DS 8042 PS/2] */
#include "devices/chipset/i8042.h"

#include <string.h>

#include "base/compiler.h"
#include "devices/devices_trace.h"

enum {
    STATUS_OBF = 0x01,
    STATUS_SYSTEM = 0x04,
    STATUS_COMMAND = 0x08,
    STATUS_UNLOCKED = 0x10,
    STATUS_AUX = 0x20,
    STATUS_TIMEOUT = 0x40,
    MODE_KEYBOARD_IRQ = 0x01,
    MODE_AUX_IRQ = 0x02,
    MODE_SYSTEM = 0x04,
    MODE_KEYBOARD_OFF = 0x10,
    MODE_AUX_OFF = 0x20,
    PORT_RESET = 0x01, /* active low */
    PORT_A20 = 0x02,
    PORT_KEYBOARD_FULL = 0x10,
    ANSWER_RESEND = 0xfe, /* what the controller gives the host when nothing clocks a byte out */
};

static void i8042_update(struct i8042 *k)
{
    bool full = (k->status & STATUS_OBF) != 0, aux = (k->status & STATUS_AUX) != 0;
    irq_line_set(&k->keyboard, full && !aux && (k->ram[0] & MODE_KEYBOARD_IRQ) != 0);
    irq_line_set(&k->aux, full && aux && (k->ram[0] & MODE_AUX_IRQ) != 0);
}

/* flags: STATUS_AUX and STATUS_TIMEOUT as they apply to this byte. */
static void i8042_answer(struct i8042 *k, uint8_t byte, uint8_t flags)
{
    k->output = byte;
    k->status = (uint8_t)((k->status & ~(STATUS_AUX | STATUS_TIMEOUT)) | STATUS_OBF | flags);
}

static void i8042_output_port(struct i8042 *k, uint8_t value)
{
    uint8_t before = k->output_port;
    k->output_port = value;
    if (((before ^ value) & PORT_A20) != 0) {
        if (k->ops->a20 != NULL) {
            k->ops->a20(k->opaque, (value & PORT_A20) != 0);
        } else if ((value & PORT_A20) == 0) {
            device_unimplemented(&k->dev, "A20 gate off", value);
        }
    }
    if ((value & PORT_RESET) == 0 && k->ops->reset != NULL) {
        k->output_port |= PORT_RESET;
        k->ops->reset(k->opaque);
    }
}

static uint8_t i8042_read_output_port(const struct i8042 *k)
{
    bool full = (k->status & (STATUS_OBF | STATUS_AUX)) == STATUS_OBF;
    return (uint8_t)(k->output_port | (full ? PORT_KEYBOARD_FULL : 0));
}

/* Commands that answer or act at once. [DS 8042 PS/2 controller commands] */
static void i8042_command(struct i8042 *k, uint8_t command)
{
    DEVICE_TRACE(&k->dev, I8042_COMMAND, command);
    k->pending = 0;
    if (command >= 0xf0) { /* pulse low the output port bits that are 0 in the command */
        if ((command & PORT_RESET) == 0 && k->ops->reset != NULL) {
            k->ops->reset(k->opaque);
        }
        return;
    }
    if (command >= 0x20 && command < 0x40) {
        i8042_answer(k, k->ram[command & 31], 0);
        return;
    }
    if (command >= 0x60 && command < 0x80) {
        k->pending = command;
        return;
    }
    switch (command) {
    case 0xa7: /* disable, enable the auxiliary port */
        k->ram[0] |= MODE_AUX_OFF;
        break;
    case 0xa8:
        k->ram[0] &= (uint8_t)~MODE_AUX_OFF;
        break;
    case 0xaa: /* self-test */
        k->status |= STATUS_SYSTEM;
        i8042_answer(k, 0x55, 0);
        break;
    case 0xa9: /* auxiliary and keyboard interface test: clock and data lines are neither stuck low
                  nor high */
    case 0xab:
        i8042_answer(k, 0x00, 0);
        break;
    case 0xad:
        k->ram[0] |= MODE_KEYBOARD_OFF;
        break;
    case 0xae:
        k->ram[0] &= (uint8_t)~MODE_KEYBOARD_OFF;
        break;
    case 0xc0: /* input port: not locked, jumpers as on the PC */
        i8042_answer(k, 0xb0, 0);
        break;
    case 0xd0:
        i8042_answer(k, i8042_read_output_port(k), 0);
        break;
    case 0xd1: /* output port; to the output buffer as keyboard, as auxiliary; to the auxiliary
                  device */
    case 0xd2:
    case 0xd3:
    case 0xd4:
        k->pending = command;
        break;
    case 0xe0: /* test inputs: both clocks are high */
        i8042_answer(k, 0x03, 0);
        break;
    default:
        device_unimplemented(&k->dev, "command", command);
        break;
    }
}

static void i8042_data(struct i8042 *k, uint8_t byte)
{
    uint8_t command = k->pending;
    k->pending = 0;
    if (command >= 0x60 && command < 0x80) {
        k->ram[command & 31] = byte;
        if (command == 0x60) {
            k->status = (uint8_t)((k->status & ~STATUS_SYSTEM) | (byte & MODE_SYSTEM));
        }
        return;
    }
    switch (command) {
    case 0xd1:
        i8042_output_port(k, byte);
        break;
    case 0xd2:
        i8042_answer(k, byte, 0);
        break;
    case 0xd3:
        i8042_answer(k, byte, STATUS_AUX);
        break;
    case 0xd4: /* nobody clocks the byte out: the transmission times out */
        i8042_answer(k, ANSWER_RESEND, STATUS_AUX | STATUS_TIMEOUT);
        break;
    default:
        k->ram[0] &= (uint8_t)~MODE_KEYBOARD_OFF; /* sending enables the interface */
        i8042_answer(k, ANSWER_RESEND, STATUS_TIMEOUT);
        break;
    }
}

static enum io_status i8042_data_read(void *dev, uint64_t offset, uint32_t size, uint64_t *value)
{
    struct i8042 *k = dev;
    (void)offset;
    (void)size;
    *value = k->output; /* empty: the last byte again */
    k->status &= (uint8_t)~STATUS_OBF;
    i8042_update(k);
    return IO_OK;
}

static enum io_status i8042_data_write(void *dev, uint64_t offset, uint32_t size, uint64_t value)
{
    struct i8042 *k = dev;
    (void)offset;
    (void)size;
    k->status &= (uint8_t)~STATUS_COMMAND;
    i8042_data(k, (uint8_t)value);
    i8042_update(k);
    return IO_OK;
}

static enum io_status i8042_status_read(void *dev, uint64_t offset, uint32_t size, uint64_t *value)
{
    (void)offset;
    (void)size;
    *value = ((struct i8042 *)dev)->status;
    return IO_OK;
}

static enum io_status i8042_status_write(void *dev, uint64_t offset, uint32_t size, uint64_t value)
{
    struct i8042 *k = dev;
    (void)offset;
    (void)size;
    k->status |= STATUS_COMMAND;
    i8042_command(k, (uint8_t)value);
    i8042_update(k);
    return IO_OK;
}

static void i8042_reset(struct device *dev)
{
    struct i8042 *k = (struct i8042 *)dev;
    memset(k->ram, 0, sizeof(k->ram));
    k->ram[0] = MODE_SYSTEM | MODE_KEYBOARD_OFF | MODE_AUX_OFF; /* as firmware leaves it */
    k->status = STATUS_SYSTEM | STATUS_UNLOCKED;
    k->output = 0;
    k->output_port = PORT_RESET | PORT_A20 | 0xcc;
    k->pending = 0;
    i8042_update(k);
}

void i8042_init(struct i8042 *k, struct trace *trace, uint32_t partition, struct irq_line keyboard,
                struct irq_line aux, const struct i8042_ops *ops, void *opaque)
{
    device_init(&k->dev, &i8042_device_type, trace, partition);
    k->keyboard = keyboard;
    k->aux = aux;
    k->ops = ops;
    k->opaque = opaque;
    device_reset(&k->dev);
}

static const struct io_region i8042_regions[] = {
    [I8042_REGION_DATA] = { "i8042.data", IO_PORT, 1, 1, i8042_data_read, i8042_data_write },
    [I8042_REGION_STATUS] = { "i8042.status", IO_PORT, 1, 1, i8042_status_read,
                              i8042_status_write },
};

static const struct state_field i8042_state[] = {
    STATE_FIELD(struct i8042, ram),     STATE_FIELD(struct i8042, status),
    STATE_FIELD(struct i8042, output),  STATE_FIELD(struct i8042, output_port),
    STATE_FIELD(struct i8042, pending),
};

const struct device_type i8042_device_type = {
    .name = "i8042",
    .size = sizeof(struct i8042),
    .reset = i8042_reset,
    .regions = i8042_regions,
    .n_regions = ARRAY_SIZE(i8042_regions),
    .state = STATE_TABLE("i8042", 1, struct i8042, i8042_state),
};
