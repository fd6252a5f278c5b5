/* 16550A: registers, interrupt priority, FIFO trigger and timeout, loopback, modem lines, the input
 * queue. [DS PC16550D] */
#include "devices/chipset/uart16550.h"

#include <string.h>

#include "tests/check/check_main.h"
#include "tests/check/devices/device_fixture.h"

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR, FCR = IIR };

static struct clock clk;
static struct uart16550 uart;
static struct wire irq4;
static char sent[64];
static size_t n_sent;

static void record(void *opaque, uint8_t byte)
{
    (void)opaque;
    sent[n_sent++ % sizeof(sent)] = (char)byte;
}

static void out(unsigned offset, unsigned value)
{
    reg_write(&uart, 0, offset, 1, value);
}

static unsigned in(unsigned offset)
{
    return (unsigned)reg_read(&uart, 0, offset, 1);
}

static size_t type(const char *text)
{
    return uart_receive(&uart, (const uint8_t *)text, strlen(text));
}

static void setup(void)
{
    clock_init(&clk, CLOCK_MODE_VIRTUAL);
    memset(&uart, 0, sizeof(uart));
    irq4 = (struct wire){ 0 };
    n_sent = 0;
    uart_init(&uart, NULL, 0, &clk, wire_line(&irq4), (struct uart_backend){ record, NULL });
    out(LCR, 0x80);
    out(DATA, 1); /* 115200 */
    out(IER, 0);
    out(LCR, 0x03);
    out(MCR, 0x0b);
}

static void teardown(void)
{
    device_fini(&uart.dev);
    clock_fini(&clk);
}

START_TEST(power_on_registers)
{
    device_reset(&uart.dev);
    static const unsigned expected[8] = { 0, 0, 0x01, 0, 0, 0x60, 0xb0, 0 };
    for (unsigned i = 1; i < 8; i++) {
        ck_assert_uint_eq(in(i), expected[i]);
    }
}
END_TEST

START_TEST(divisor_and_scratch)
{
    out(SCR, 0x5a);
    out(LCR, 0x83);
    ck_assert_uint_eq(in(DATA), 1);
    out(DATA, 0x34);
    out(IER, 0x12);
    ck_assert_uint_eq(uart.divisor, 0x1234);
    ck_assert_uint_eq(in(IER), 0x12);
    out(LCR, 0x03);
    ck_assert_uint_eq(in(IER), 0);
    ck_assert_uint_eq(in(SCR), 0x5a);
}
END_TEST

START_TEST(written_bytes_leave_in_order)
{
    for (const char *p = "verdite"; *p != '\0'; p++) {
        out(DATA, (uint8_t)*p);
        ck_assert_uint_eq(in(LSR)&0x60, 0x60);
    }
    ck_assert_mem_eq(sent, "verdite", 7);
}
END_TEST

/* Linux's test for a lost THRE interrupt does exactly this. */
START_TEST(enabling_thre_interrupts_again)
{
    out(IER, 0x02);
    ck_assert(irq4.level);
    ck_assert_uint_eq(in(IIR), 0x02);
    ck_assert(!irq4.level);
    ck_assert_uint_eq(in(IIR), 0x01);
    out(IER, 0x00);
    out(IER, 0x02);
    ck_assert_uint_eq(in(IIR), 0x02);
    out(DATA, 'x');
    ck_assert(irq4.level);
    ck_assert_uint_eq(in(IIR), 0x02);
}
END_TEST

START_TEST(without_fifos_one_byte_at_a_time)
{
    out(IER, 0x01);
    ck_assert_uint_eq(type("ab"), 2);
    ck_assert(irq4.level);
    ck_assert_uint_eq(in(IIR), 0x04);
    ck_assert_uint_eq(in(DATA), 'a');
    ck_assert_uint_eq(in(LSR), 0x61); /* b came, no overrun */
    ck_assert_uint_eq(in(DATA), 'b');
    ck_assert_uint_eq(in(LSR), 0x60);
    ck_assert(!irq4.level);
}
END_TEST

START_TEST(fifo_trigger_levels)
{
    static const unsigned levels[4] = { 1, 4, 8, 14 };
    out(FCR, 0x07 | (unsigned)_i << 6);
    out(IER, 0x01);
    ck_assert_uint_eq(in(IIR)&0xc0, 0xc0);
    for (unsigned i = 1; i <= levels[_i]; i++) {
        ck_assert(!irq4.level);
        type("z");
    }
    ck_assert(irq4.level);
    ck_assert_uint_eq(in(IIR), 0xc4);
    in(DATA);
    ck_assert_int_eq(irq4.level, false);
}
END_TEST

START_TEST(character_timeout_after_four_characters)
{
    out(FCR, 0xc7); /* trigger 14 */
    out(IER, 0x01);
    type("q");
    uint64_t character = 10 * SECOND / 115200;
    pass(&clk, 4 * character - 100);
    ck_assert(!irq4.level);
    pass(&clk, 200);
    ck_assert(irq4.level);
    ck_assert_uint_eq(in(IIR), 0xcc);
    ck_assert_uint_eq(in(DATA), 'q');
    ck_assert(!irq4.level);
    ck_assert_uint_eq(in(IIR), 0xc1);
}
END_TEST

START_TEST(queue_drops_nothing)
{
    static uint8_t bytes[UART_QUEUE + 100];
    for (unsigned i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    }
    out(FCR, 0x07);
    size_t taken = uart_receive(&uart, bytes, sizeof(bytes));
    ck_assert_uint_eq(taken, UART_QUEUE);
    for (unsigned i = 0; i < sizeof(bytes); i++) {
        taken += uart_receive(&uart, bytes + taken, sizeof(bytes) - taken);
        ck_assert_uint_eq(in(LSR)&0x03, 1);
        ck_assert_uint_eq(in(DATA), bytes[i]);
    }
    ck_assert_uint_eq(in(LSR)&0x03, 0);
    ck_assert_uint_eq(uart_room(&uart), UART_QUEUE);
}
END_TEST

START_TEST(input_waits_until_the_guest_is_ready)
{
    out(MCR, 0);
    type("early");
    ck_assert_uint_eq(in(LSR)&1, 0);
    out(FCR, 0x07); /* a driver's start-up clears the FIFO */
    out(MCR, 0x0b);
    ck_assert_uint_eq(in(DATA), 'e');
}
END_TEST

START_TEST(loopback_data_and_modem_lines)
{
    out(MCR, 0x1a);                        /* loop, RTS, OUT2 */
    ck_assert_uint_eq(in(MSR)&0xf0, 0x90); /* DCD, CTS: what Linux's autoconfig expects */
    out(DATA, 'L');
    ck_assert_uint_eq(n_sent, 0);
    ck_assert_uint_eq(in(DATA), 'L');
    out(DATA, '1');
    out(DATA, '2');
    ck_assert_uint_eq(in(LSR)&0x02, 0x02); /* overrun */
    ck_assert_uint_eq(in(LSR)&0x02, 0);
}
END_TEST

START_TEST(modem_deltas_and_interrupt)
{
    in(MSR);
    out(IER, 0x08);
    uart_set_modem(&uart, UART_DSR | UART_DCD | UART_RI);
    ck_assert(irq4.level);
    ck_assert_uint_eq(in(IIR), 0x00);
    ck_assert_uint_eq(in(MSR), 0xe1); /* CTS fell; RI rose, which is no event */
    ck_assert(!irq4.level);
    uart_set_modem(&uart, UART_DSR | UART_DCD);
    ck_assert_uint_eq(in(MSR), 0xa4); /* trailing edge of RI */
}
END_TEST

START_TEST(interrupts_come_by_priority)
{
    out(IER, 0x0f);
    uart_set_modem(&uart, 0);
    type("a");
    uart_receive_break(&uart); /* no room without FIFOs: overrun */
    ck_assert_uint_eq(in(IIR), 0x06);
    in(LSR);
    ck_assert_uint_eq(in(IIR), 0x04);
    in(DATA);
    ck_assert_uint_eq(in(IIR), 0x02);
    ck_assert_uint_eq(in(IIR), 0x00);
    in(MSR);
    ck_assert_uint_eq(in(IIR), 0x01);
}
END_TEST

START_TEST(break_shows_with_its_byte)
{
    out(FCR, 0x07);
    type("ab");
    uart_receive_break(&uart);
    ck_assert_uint_eq(in(LSR), 0xe1); /* an error somewhere in the FIFO */
    in(DATA);
    in(DATA);
    ck_assert_uint_eq(in(LSR)&0x11, 0x11);
    ck_assert_uint_eq(in(DATA), 0);
    ck_assert_uint_eq(in(LSR), 0x60);
}
END_TEST

START_TEST(out2_gates_the_interrupt)
{
    out(MCR, 0x03);
    out(IER, 0x02);
    ck_assert(!irq4.level);
    out(MCR, 0x0b);
    ck_assert(irq4.level);
}
END_TEST

static Suite *suite_uart(void)
{
    Suite *s = suite_create("devices/chipset/uart16550");
    TCase *t = tcase_create("uart16550");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, power_on_registers);
    tcase_add_test(t, divisor_and_scratch);
    tcase_add_test(t, written_bytes_leave_in_order);
    tcase_add_test(t, enabling_thre_interrupts_again);
    tcase_add_test(t, without_fifos_one_byte_at_a_time);
    tcase_add_loop_test(t, fifo_trigger_levels, 0, 4);
    tcase_add_test(t, character_timeout_after_four_characters);
    tcase_add_test(t, queue_drops_nothing);
    tcase_add_test(t, input_waits_until_the_guest_is_ready);
    tcase_add_test(t, loopback_data_and_modem_lines);
    tcase_add_test(t, modem_deltas_and_interrupt);
    tcase_add_test(t, interrupts_come_by_priority);
    tcase_add_test(t, break_shows_with_its_byte);
    tcase_add_test(t, out2_gates_the_interrupt);
    suite_add_tcase(s, t);
    return s;
}

CHECK_MAIN(suite_uart())
