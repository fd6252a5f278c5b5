/* 16550A serial port: what is written leaves at once; interrupts are exact. [DS PC16550D] */
#include "devices/chipset/uart16550.h"

#include <errno.h>
#include <string.h>

#include "base/compiler.h"
#include "devices/devices_trace.h"

enum { RBR_THR = 0, IER = 1, IIR_FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7 };

enum {
    IER_RDA = 0x01,
    IER_THRE = 0x02,
    IER_LINE = 0x04,
    IER_MODEM = 0x08,
    IIR_NONE = 0x01,
    IIR_MODEM = 0x00,
    IIR_THRE = 0x02,
    IIR_RDA = 0x04,
    IIR_LINE = 0x06,
    IIR_TIMEOUT = 0x0c,
    IIR_FIFOS = 0xc0,
    FCR_ENABLE = 0x01,
    FCR_CLEAR_RX = 0x02,
    FCR_CLEAR_TX = 0x04,
    LCR_DLAB = 0x80,
    LCR_BREAK = 0x40,
    MCR_DTR = 0x01,
    MCR_RTS = 0x02,
    MCR_OUT1 = 0x04,
    MCR_OUT2 = 0x08,
    MCR_LOOP = 0x10,
    LSR_DR = 0x01,
    LSR_OE = 0x02,
    LSR_PE = 0x04,
    LSR_FE = 0x08,
    LSR_BI = 0x10,
    LSR_THRE = 0x20,
    LSR_TEMT = 0x40,
    LSR_FIFO_ERROR = 0x80,
    LSR_ERRORS = LSR_OE | LSR_PE | LSR_FE | LSR_BI,
    MSR_DELTAS = 0x0f,
};

static const uint8_t uart_triggers[4] = { 1, 4, 8, 14 };

static bool uart_fifos(const struct uart16550 *uart)
{
    return (uart->fcr & FCR_ENABLE) != 0;
}

static unsigned uart_capacity(const struct uart16550 *uart)
{
    return uart_fifos(uart) ? UART_FIFO : 1;
}

static unsigned uart_trigger(const struct uart16550 *uart)
{
    return uart_fifos(uart) ? uart_triggers[uart->fcr >> 6] : 1;
}

/* Nanoseconds that a character takes: start, data, parity and stop bits at 1.8432 MHz / (16 *
 * divisor). */
static uint64_t uart_character_ns(const struct uart16550 *uart)
{
    unsigned lcr = uart->lcr;
    unsigned bits = 1 + 5 + (lcr & 3) + (lcr >> 3 & 1) + 1 + (lcr >> 2 & 1);
    uint64_t divisor = uart->divisor != 0 ? uart->divisor : 1;
    return bits * divisor * 16 * UINT64_C(1000000000) / 1843200;
}

/* Four characters without a byte in or out raise the timeout. [DS PC16550D FIFO interrupt mode] */
static void uart_start_timeout(struct uart16550 *uart)
{
    uart->timeout_ns = clock_now_ns(uart->clock) + 4 * uart_character_ns(uart);
    timer_set(&uart->timeout, uart->timeout_ns);
}

/* The interrupt of highest priority, as IIR bits 3:0. [DS PC16550D Table V] */
static uint8_t uart_interrupt(const struct uart16550 *uart)
{
    if ((uart->ier & IER_LINE) != 0 && (uart->lsr & LSR_ERRORS) != 0) {
        return IIR_LINE;
    }
    if ((uart->ier & IER_RDA) != 0 && uart->n_rbr >= uart_trigger(uart)) {
        return IIR_RDA;
    }
    if ((uart->ier & IER_RDA) != 0 && uart->timeout_pending != 0) {
        return IIR_TIMEOUT;
    }
    if ((uart->ier & IER_THRE) != 0 && uart->thr_empty_pending != 0) {
        return IIR_THRE;
    }
    if ((uart->ier & IER_MODEM) != 0 && (uart->msr & MSR_DELTAS) != 0) {
        return IIR_MODEM;
    }
    return IIR_NONE;
}

/* On the PC, OUT2 connects INTR to the interrupt controller; loopback takes OUT2's pin away. */
static void uart_update(struct uart16550 *uart)
{
    uint8_t source = uart_interrupt(uart);
    bool level = source != IIR_NONE && (uart->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;
    if (level != (uart->line != 0)) {
        uart->line = level;
        DEVICE_TRACE(&uart->dev, UART_LINE, source, level);
        irq_line_set(&uart->irq, level);
    }
}

/* LSR shows the errors of the byte at the top of the FIFO. */
static void uart_show_top(struct uart16550 *uart)
{
    uart->lsr &= (uint8_t) ~(LSR_DR | LSR_FIFO_ERROR);
    if (uart->n_rbr == 0) {
        return;
    }
    uart->lsr |= LSR_DR | uart->rbr_error[0];
    uart->rbr_error[0] = 0; /* shown once; reading LSR clears it */
    for (unsigned i = 0; i < uart->n_rbr && uart_fifos(uart); i++) {
        if (uart->rbr_error[i] != 0) {
            uart->lsr |= LSR_FIFO_ERROR;
        }
    }
}

/* A character arrives at the receiver. When there is no room it overruns (only loopback can do
 * that). */
static void uart_push(struct uart16550 *uart, uint8_t byte, uint8_t error)
{
    if (uart->n_rbr >= uart_capacity(uart)) {
        uart->lsr |= LSR_OE;
        if (!uart_fifos(uart)) {
            uart->rbr[0] = byte; /* the new one overwrites; with FIFOs the shift register does */
        }
        return;
    }
    uart->rbr[uart->n_rbr] = byte;
    uart->rbr_error[uart->n_rbr] = error;
    uart->n_rbr++;
    if (uart->n_rbr == 1) {
        uart_show_top(uart);
    } else if (error != 0) {
        uart->lsr |= LSR_FIFO_ERROR;
    }
    uart->timeout_pending = 0;
    if (uart_fifos(uart)) {
        uart_start_timeout(uart);
    }
}

/* Let waiting bytes in while the guest holds RTS or DTR and there is room. */
static void uart_fill(struct uart16550 *uart)
{
    if ((uart->mcr & MCR_LOOP) != 0 || (uart->mcr & (MCR_RTS | MCR_DTR)) == 0) {
        return;
    }
    while (uart->queue_n > 0 && uart->n_rbr < uart_capacity(uart)) {
        uart_push(uart, uart->queue[uart->queue_head], 0);
        uart->queue_head = (uart->queue_head + 1) % UART_QUEUE;
        uart->queue_n--;
    }
}

static void uart_expired(void *opaque, uint64_t now_ns)
{
    struct uart16550 *uart = opaque;
    host_mutex_lock(&uart->dev.lock);
    if (uart_fifos(uart) && uart->n_rbr > 0 && now_ns >= uart->timeout_ns) {
        uart->timeout_pending = 1;
        uart_update(uart);
    }
    host_mutex_unlock(&uart->dev.lock);
}

size_t uart_receive(struct uart16550 *uart, const uint8_t *bytes, size_t n)
{
    host_mutex_lock(&uart->dev.lock);
    size_t taken = 0;
    for (; taken < n && uart->queue_n < UART_QUEUE; taken++) {
        uart->queue[(uart->queue_head + uart->queue_n) % UART_QUEUE] = bytes[taken];
        uart->queue_n++;
    }
    uart_fill(uart);
    uart_update(uart);
    host_mutex_unlock(&uart->dev.lock);
    return taken;
}

size_t uart_room(struct uart16550 *uart)
{
    host_mutex_lock(&uart->dev.lock);
    size_t room = UART_QUEUE - uart->queue_n;
    host_mutex_unlock(&uart->dev.lock);
    return room;
}

void uart_receive_break(struct uart16550 *uart)
{
    host_mutex_lock(&uart->dev.lock);
    if ((uart->mcr & MCR_LOOP) == 0) {
        uart_push(uart, 0, LSR_BI);
        uart_update(uart);
    }
    host_mutex_unlock(&uart->dev.lock);
}

/* New modem levels: changes of CTS, DSR and DCD and the trailing edge of RI are kept until MSR is
 * read. */
static void uart_modem_levels(struct uart16550 *uart, uint8_t levels)
{
    uint8_t changed = (uint8_t)((uart->msr ^ levels) & 0xf0);
    uint8_t deltas = (uint8_t)((changed & (UART_CTS | UART_DSR | UART_DCD)) >> 4);
    if ((changed & UART_RI) != 0 && (levels & UART_RI) == 0) {
        deltas |= UART_RI >> 4;
    }
    uart->msr = (uint8_t)((levels & 0xf0) | (uart->msr & MSR_DELTAS) | deltas);
}

/* In loopback RTS, DTR, OUT1 and OUT2 come back as CTS, DSR, RI and DCD. */
static uint8_t uart_levels(const struct uart16550 *uart)
{
    if ((uart->mcr & MCR_LOOP) == 0) {
        return uart->inputs;
    }
    return (uint8_t)(((uart->mcr & MCR_RTS) != 0 ? UART_CTS : 0) |
                     ((uart->mcr & MCR_DTR) != 0 ? UART_DSR : 0) |
                     ((uart->mcr & MCR_OUT1) != 0 ? UART_RI : 0) |
                     ((uart->mcr & MCR_OUT2) != 0 ? UART_DCD : 0));
}

void uart_set_modem(struct uart16550 *uart, uint8_t inputs)
{
    host_mutex_lock(&uart->dev.lock);
    uart->inputs = inputs & 0xf0;
    uart_modem_levels(uart, uart_levels(uart));
    uart_update(uart);
    host_mutex_unlock(&uart->dev.lock);
}

static uint8_t uart_read_rbr(struct uart16550 *uart)
{
    uint8_t byte = uart->rbr[0];
    if (uart->n_rbr > 0) {
        uart->n_rbr--;
        memmove(uart->rbr, uart->rbr + 1, uart->n_rbr);
        memmove(uart->rbr_error, uart->rbr_error + 1, uart->n_rbr);
        uart->rbr_error[uart->n_rbr] = 0;
        if (uart->n_rbr == 0) {
            uart->rbr[0] = byte; /* an empty receiver reads the last byte again */
        }
    }
    uart->timeout_pending = 0;
    uart_show_top(uart);
    uart_fill(uart);
    if (uart_fifos(uart) && uart->n_rbr > 0) {
        uart_start_timeout(uart);
    } else {
        timer_cancel(&uart->timeout);
    }
    return byte;
}

static enum io_status uart_read(void *dev, uint64_t offset, uint32_t size, uint64_t *value)
{
    struct uart16550 *uart = dev;
    (void)size;
    bool dlab = (uart->lcr & LCR_DLAB) != 0;
    switch (offset) {
    case RBR_THR:
        *value = dlab ? uart->divisor & 0xff : uart_read_rbr(uart);
        break;
    case IER:
        *value = dlab ? uart->divisor >> 8 : uart->ier;
        break;
    case IIR_FCR: {
        uint8_t source = uart_interrupt(uart);
        if (source == IIR_THRE) {
            uart->thr_empty_pending = 0; /* reading it as the source ends it */
        }
        *value = source | (uart_fifos(uart) ? IIR_FIFOS : 0u);
        break;
    }
    case LCR:
        *value = uart->lcr;
        break;
    case MCR:
        *value = uart->mcr;
        break;
    case LSR:
        *value = uart->lsr;
        uart->lsr &= (uint8_t)~LSR_ERRORS;
        break;
    case MSR:
        *value = uart->msr;
        uart->msr &= (uint8_t)~MSR_DELTAS;
        break;
    default:
        *value = uart->scr;
        break;
    }
    uart_update(uart);
    return IO_OK;
}

/* The byte leaves at once: THR and shift register are empty again before the next instruction. */
static void uart_transmit(struct uart16550 *uart, uint8_t byte)
{
    if ((uart->mcr & MCR_LOOP) != 0) {
        uart_push(uart, byte, 0);
    } else if (uart->backend.write != NULL) {
        uart->backend.write(uart->backend.opaque, byte);
    }
    uart->thr_empty_pending = 1;
}

static void uart_write_fcr(struct uart16550 *uart, uint8_t value)
{
    bool toggled = ((value ^ uart->fcr) & FCR_ENABLE) != 0;
    if (toggled || (value & (FCR_ENABLE | FCR_CLEAR_RX)) == (FCR_ENABLE | FCR_CLEAR_RX)) {
        uart->n_rbr = 0;
        memset(uart->rbr_error, 0, sizeof(uart->rbr_error));
        uart->timeout_pending = 0;
        timer_cancel(&uart->timeout);
        uart_show_top(uart);
    }
    if (toggled || (value & (FCR_ENABLE | FCR_CLEAR_TX)) == (FCR_ENABLE | FCR_CLEAR_TX)) {
        uart->thr_empty_pending = 1;
    }
    /* The other bits are taken only with bit 0 set. */
    uart->fcr = (value & FCR_ENABLE) != 0 ? value & 0xc9 : 0;
    uart_fill(uart);
}

static void uart_write_mcr(struct uart16550 *uart, uint8_t value)
{
    uart->mcr = value & 0x1f;
    uart_modem_levels(uart, uart_levels(uart));
    uart_fill(uart);
}

static enum io_status uart_write(void *dev, uint64_t offset, uint32_t size, uint64_t value)
{
    struct uart16550 *uart = dev;
    uint8_t byte = (uint8_t)value;
    (void)size;
    bool dlab = (uart->lcr & LCR_DLAB) != 0;
    DEVICE_TRACE(&uart->dev, UART_WRITE, offset, byte);
    switch (offset) {
    case RBR_THR:
        if (dlab) {
            uart->divisor = (uint16_t)((uart->divisor & 0xff00) | byte);
        } else {
            uart_transmit(uart, byte);
        }
        break;
    case IER:
        if (dlab) {
            uart->divisor = (uint16_t)((uart->divisor & 0xff) | byte << 8);
        } else {
            if ((byte & IER_THRE) != 0 && (uart->ier & IER_THRE) == 0) {
                uart->thr_empty_pending = 1; /* enabling it with THR empty interrupts at once */
            }
            uart->ier = byte & 0x0f;
        }
        break;
    case IIR_FCR:
        uart_write_fcr(uart, byte);
        break;
    case LCR:
        if ((byte & LCR_BREAK) != 0 && (uart->lcr & LCR_BREAK) == 0 &&
            (uart->mcr & MCR_LOOP) != 0) {
            uart_push(uart, 0, LSR_BI);
        }
        uart->lcr = byte;
        break;
    case MCR:
        uart_write_mcr(uart, byte);
        break;
    case SCR:
        uart->scr = byte;
        break;
    default: /* LSR and MSR: factory test only */
        break;
    }
    uart_update(uart);
    return IO_OK;
}

static void uart_reset(struct device *dev)
{
    struct uart16550 *uart = (struct uart16550 *)dev;
    timer_cancel(&uart->timeout);
    uart->n_rbr = 0;
    memset(uart->rbr_error, 0, sizeof(uart->rbr_error));
    uart->ier = uart->fcr = uart->lcr = uart->mcr = 0;
    uart->lsr = LSR_THRE | LSR_TEMT;
    uart->msr = uart->inputs;
    uart->divisor = 12; /* 9600 baud; undefined on the chip */
    uart->thr_empty_pending = uart->timeout_pending = 0;
    uart_update(uart);
}

static void uart_fini(struct device *dev)
{
    timer_cancel(&((struct uart16550 *)dev)->timeout);
}

void uart_init(struct uart16550 *uart, struct trace *trace, uint32_t partition, struct clock *clock,
               struct irq_line irq, struct uart_backend backend)
{
    device_init(&uart->dev, &uart16550_device_type, trace, partition);
    uart->clock = clock;
    uart->irq = irq;
    uart->backend = backend;
    uart->inputs = UART_CTS | UART_DSR | UART_DCD;
    timer_init(&uart->timeout, clock, uart_expired, uart);
    device_reset(&uart->dev);
}

static const struct io_region uart_regions[] = {
    { "uart16550", IO_PORT, 8, 1, uart_read, uart_write },
};

/* The queue's bytes lie inside it. */
static int uart_loaded(void *object, struct error *error)
{
    const struct uart16550 *uart = object;

    return uart->queue_head < UART_QUEUE && uart->queue_n <= UART_QUEUE
               ? 0
               : error_set(error, -EINVAL, "the queue reaches out of its buffer");
}

static const struct state_field uart_state[] = {
    STATE_TIMER_FIELD(struct uart16550, timeout),
    STATE_FIELD(struct uart16550, timeout_ns),
    STATE_FIELD(struct uart16550, rbr),
    STATE_FIELD(struct uart16550, rbr_error),
    STATE_FIELD_MAX(struct uart16550, n_rbr, UART_FIFO),
    STATE_FIELD(struct uart16550, ier),
    STATE_FIELD(struct uart16550, fcr),
    STATE_FIELD(struct uart16550, lcr),
    STATE_FIELD(struct uart16550, mcr),
    STATE_FIELD(struct uart16550, lsr),
    STATE_FIELD(struct uart16550, msr),
    STATE_FIELD(struct uart16550, scr),
    STATE_FIELD(struct uart16550, divisor),
    STATE_FIELD(struct uart16550, thr_empty_pending),
    STATE_FIELD(struct uart16550, timeout_pending),
    STATE_FIELD(struct uart16550, inputs),
    STATE_FIELD(struct uart16550, line),
    STATE_FIELD(struct uart16550, queue_head),
    STATE_FIELD(struct uart16550, queue_n),
    STATE_FIELD(struct uart16550, queue),
};

const struct device_type uart16550_device_type = {
    .name = "uart16550",
    .size = sizeof(struct uart16550),
    .reset = uart_reset,
    .fini = uart_fini,
    .regions = uart_regions,
    .n_regions = ARRAY_SIZE(uart_regions),
    .state = STATE_TABLE_LOADED("uart16550", 1, struct uart16550, uart_state, uart_loaded),
};
