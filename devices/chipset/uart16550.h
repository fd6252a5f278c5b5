/* 16550A serial port: FIFOs, interrupts, modem lines, loopback. [DS PC16550D] */
#ifndef DEVICES_CHIPSET_UART16550_H
#define DEVICES_CHIPSET_UART16550_H

#include "base/clock.h"
#include "devices/device.h"
#include "devices/irq.h"

enum { UART_COM1_PORT = 0x3f8, UART_COM1_IRQ = 4, UART_FIFO = 16, UART_QUEUE = 4096 };

/* Modem inputs, as in the modem status register. */
enum uart_modem { UART_CTS = 0x10, UART_DSR = 0x20, UART_RI = 0x40, UART_DCD = 0x80 };

/* The other end of the cable. */
struct uart_backend {
    void (*write)(void *opaque,
                  uint8_t byte); /* called with the uart's lock held, on the VP's thread */
    void *opaque;
};

struct uart16550 {
    struct device dev;
    struct clock *clock;
    struct timer timeout; /* character timeout of the receiver FIFO */
    uint64_t timeout_ns;  /* when it is due: tells a late call of a timer that was moved */
    struct irq_line irq;
    struct uart_backend backend;
    uint8_t rbr[UART_FIFO];       /* receiver: one byte when the FIFOs are off */
    uint8_t rbr_error[UART_FIFO]; /* LSR bits that came with the byte */
    uint8_t n_rbr;
    uint8_t ier, fcr, lcr, mcr, lsr, msr, scr;
    uint16_t divisor;
    uint8_t thr_empty_pending; /* the THRE interrupt source */
    uint8_t timeout_pending;   /* the character timeout source */
    uint8_t inputs;            /* modem pins, enum uart_modem */
    uint8_t line;              /* last level given to irq */
    uint32_t queue_head,
        queue_n; /* bytes the far end has sent and we hold until it may have them */
    uint8_t queue[UART_QUEUE];
};

extern const struct device_type uart16550_device_type;

void uart_init(struct uart16550 *uart, struct trace *trace, uint32_t partition, struct clock *clock,
               struct irq_line irq, struct uart_backend backend);

/*
 * Bytes from the far end, which honours RTS: they wait in a queue until the guest raises RTS or
 * DTR, then enter the FIFO as it has room, so none is ever overrun. Returns how many were taken
 * (the rest: offer again). Any thread.
 */
size_t uart_receive(struct uart16550 *uart, const uint8_t *bytes, size_t n);

/* How many bytes uart_receive would take now. Any thread. */
size_t uart_room(struct uart16550 *uart);

/* Levels of the modem inputs (enum uart_modem). After init CTS, DSR and DCD are on. Any thread. */
void uart_set_modem(struct uart16550 *uart, uint8_t inputs);

/* The far end holds the line in the break state for a character. Any thread. */
void uart_receive_break(struct uart16550 *uart);

#endif
