/* frontend/monitor: framing of gdb's packets and of control lines. The checksums are the manual's and sums made by hand. */
#include <check.h>
#include <string.h>

#include "base/compiler.h"
#include "frontend/monitor/control_line.h"
#include "frontend/monitor/gdb_packet.h"
#include "tests/check/check_main.h"

/* Bytes in: the outcome of the last byte, and the payload. */
static const struct {
    const char *bytes;
    enum gdb_input last;
    const char *payload;
} packets[] = {
    { "$g#67", GDB_INPUT_PACKET, "g" },
    { "$g#68", GDB_INPUT_BAD, NULL },
    { "$g#6z", GDB_INPUT_BAD, NULL },
    { "+++$?#3f", GDB_INPUT_PACKET, "?" },
    { "$m0,1#fa", GDB_INPUT_PACKET, "m0,1" },
    { "$m0,1#FA", GDB_INPUT_PACKET, "m0,1" },
    { "$half$g#67", GDB_INPUT_PACKET, "g" }, /* the first was cut off */
    { "$X}\x03#d8", GDB_INPUT_PACKET, "X#" },
    { "$#00", GDB_INPUT_PACKET, "" },
    { "$g#6", GDB_INPUT_NONE, NULL },
    { "noise\x03", GDB_INPUT_INTERRUPT, NULL },
    { "$g#67\x03", GDB_INPUT_INTERRUPT, NULL },
    { "$\x03#03", GDB_INPUT_PACKET, "\x03" }, /* in a packet it is data */
};

START_TEST(packets_are_found)
{
    struct gdb_reader reader = { 0 };
    enum gdb_input input = GDB_INPUT_NONE;

    for (const char *c = packets[_i].bytes; *c != '\0'; c++) {
        input = gdb_reader_byte(&reader, (uint8_t)*c);
    }
    ck_assert_int_eq(input, packets[_i].last);
    if (packets[_i].payload != NULL) {
        ck_assert_str_eq(reader.bytes, packets[_i].payload);
        ck_assert_uint_eq(reader.n, strlen(packets[_i].payload));
    }
}
END_TEST

START_TEST(long_packets_are_bad_and_forgotten)
{
    static struct gdb_reader reader;

    (void)gdb_reader_byte(&reader, '$');
    for (unsigned i = 0; i < 3 * GDB_PACKET_BYTES; i++) {
        ck_assert_int_eq(gdb_reader_byte(&reader, 'a'), GDB_INPUT_NONE);
    }
    (void)gdb_reader_byte(&reader, '#');
    (void)gdb_reader_byte(&reader, '0');
    ck_assert_int_eq(gdb_reader_byte(&reader, '0'), GDB_INPUT_BAD);
    ck_assert_int_eq(gdb_reader_byte(&reader, '$'), GDB_INPUT_NONE);
    (void)gdb_reader_byte(&reader, 'g');
    (void)gdb_reader_byte(&reader, '#');
    (void)gdb_reader_byte(&reader, '6');
    ck_assert_int_eq(gdb_reader_byte(&reader, '7'), GDB_INPUT_PACKET);
}
END_TEST

START_TEST(what_is_written_is_read)
{
    uint8_t payload[256];
    char wire[600];
    struct gdb_reader reader = { 0 };
    enum gdb_input input = GDB_INPUT_NONE;

    for (unsigned i = 0; i < sizeof(payload); i++) {
        payload[i] = (uint8_t)i;
    }
    size_t n = gdb_packet_write(wire, sizeof(wire), payload, sizeof(payload));
    ck_assert_uint_eq(n, sizeof(payload) + 4 + 4); /* frame, and # $ * } escaped */
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(input, GDB_INPUT_NONE);
        input = gdb_reader_byte(&reader, (uint8_t)wire[i]);
    }
    ck_assert_int_eq(input, GDB_INPUT_PACKET);
    ck_assert_uint_eq(reader.n, sizeof(payload));
    ck_assert_mem_eq(reader.bytes, payload, sizeof(payload));
    ck_assert_uint_eq(gdb_packet_write(wire, 515, payload, sizeof(payload)), 0);
    ck_assert_uint_eq(gdb_packet_write(wire, sizeof(wire), "OK", 2), 6);
    ck_assert_mem_eq(wire, "$OK#9a", 6);
}
END_TEST

START_TEST(numbers_and_hex)
{
    const char *at = "12aF,";
    uint64_t number;
    uint8_t bytes[4];
    char text[9];

    ck_assert(gdb_number(&at, &number));
    ck_assert_uint_eq(number, 0x12af);
    ck_assert_int_eq(*at, ',');
    ck_assert(!gdb_number(&at, &number));
    at = "ffffffffffffffff";
    ck_assert(gdb_number(&at, &number) && number == UINT64_MAX);
    at = "10000000000000000";
    ck_assert(!gdb_number(&at, &number));
    ck_assert_uint_eq(gdb_unhex(bytes, 4, "deadBEEF55", 10), 4);
    ck_assert_mem_eq(bytes, "\xde\xad\xbe\xef", 4);
    ck_assert_uint_eq(gdb_unhex(bytes, 4, "01x", 3), 1);
    ck_assert_uint_eq(gdb_unhex(bytes, 4, "012", 3), 1);
    gdb_hex(text, "\xde\xad\xbe\xef", 4);
    ck_assert_str_eq(text, "deadbeef");
}
END_TEST

START_TEST(lines_are_found)
{
    static struct control_reader reader;
    const char *text = "one\n\ntwo\n";
    const char *expected[] = { "one", "", "two" };
    unsigned n = 0;

    for (const char *c = text; *c != '\0'; c++) {
        if (control_reader_byte(&reader, (uint8_t)*c) == CONTROL_INPUT_LINE) {
            ck_assert_str_eq(reader.bytes, expected[n]);
            n++;
        }
    }
    ck_assert_uint_eq(n, 3);
    for (unsigned i = 0; i < CONTROL_LINE_BYTES + 1; i++) {
        ck_assert_int_eq(control_reader_byte(&reader, 'x'), CONTROL_INPUT_NONE);
    }
    ck_assert_int_eq(control_reader_byte(&reader, '\n'), CONTROL_INPUT_TOO_LONG);
    (void)control_reader_byte(&reader, 'y');
    ck_assert_int_eq(control_reader_byte(&reader, '\n'), CONTROL_INPUT_LINE);
    ck_assert_str_eq(reader.bytes, "y");
}
END_TEST

static Suite *suite_packet(void)
{
    Suite *suite = suite_create("frontend/monitor/packet");
    TCase *tc = tcase_create("packet");

    tcase_add_loop_test(tc, packets_are_found, 0, ARRAY_SIZE(packets));
    tcase_add_test(tc, long_packets_are_bad_and_forgotten);
    tcase_add_test(tc, what_is_written_is_read);
    tcase_add_test(tc, numbers_and_hex);
    tcase_add_test(tc, lines_are_found);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(suite_packet())
