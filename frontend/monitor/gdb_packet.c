/* Packets of gdb's remote protocol. [GDB doc, Remote Protocol, Overview] */
#include "frontend/monitor/gdb_packet.h"

int gdb_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void begin(struct gdb_reader *reader)
{
    reader->state = GDB_DATA;
    reader->n = 0;
    reader->sum = 0;
    reader->bad = false;
}

static void keep(struct gdb_reader *reader, uint8_t byte)
{
    if (reader->n == GDB_PACKET_BYTES) {
        reader->bad = true;
    } else {
        reader->bytes[reader->n++] = (char)byte;
    }
}

static enum gdb_input data_byte(struct gdb_reader *reader, uint8_t byte)
{
    if (byte == '$') {
        begin(reader); /* the one before was cut off */
        return GDB_INPUT_NONE;
    }
    if (byte == '#') {
        reader->state = GDB_SUM_HIGH;
        return GDB_INPUT_NONE;
    }
    reader->sum = (uint8_t)(reader->sum + byte);
    if (reader->state == GDB_ESCAPED) {
        reader->state = GDB_DATA;
        keep(reader, byte ^ 0x20);
    } else if (byte == '}') {
        reader->state = GDB_ESCAPED;
    } else {
        keep(reader, byte);
    }
    return GDB_INPUT_NONE;
}

enum gdb_input gdb_reader_byte(struct gdb_reader *reader, uint8_t byte)
{
    int digit = gdb_digit((char)byte);

    switch (reader->state) {
    case GDB_IDLE:
        if (byte == '$') {
            begin(reader);
        }
        return byte == 3 ? GDB_INPUT_INTERRUPT : GDB_INPUT_NONE;
    case GDB_DATA:
    case GDB_ESCAPED:
        return data_byte(reader, byte);
    case GDB_SUM_HIGH:
        reader->told = (uint8_t)((unsigned)digit << 4);
        reader->bad = reader->bad || digit < 0;
        reader->state = GDB_SUM_LOW;
        return GDB_INPUT_NONE;
    case GDB_SUM_LOW:
    default:
        reader->state = GDB_IDLE;
        reader->bytes[reader->n] = '\0';
        return digit < 0 || reader->bad || (reader->told | digit) != reader->sum ? GDB_INPUT_BAD
                                                                                 : GDB_INPUT_PACKET;
    }
}

size_t gdb_packet_write(char *to, size_t size, const void *payload, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const char *bytes = payload;
    size_t at = 0;
    uint8_t sum = 0;

    if (size < 2 * n + 4) {
        return 0;
    }
    to[at++] = '$';
    for (size_t i = 0; i < n; i++) {
        char c = bytes[i];
        if (c == '#' || c == '$' || c == '}' || c == '*') {
            to[at++] = '}';
            sum = (uint8_t)(sum + '}');
            c = (char)(c ^ 0x20);
        }
        to[at++] = c;
        sum = (uint8_t)(sum + (uint8_t)c);
    }
    to[at++] = '#';
    to[at++] = digits[sum >> 4];
    to[at++] = digits[sum & 15];
    return at;
}

bool gdb_number(const char **at, uint64_t *number)
{
    unsigned n = 0;

    *number = 0;
    for (; gdb_digit(**at) >= 0; n++, (*at)++) {
        *number = *number << 4 | (unsigned)gdb_digit(**at);
    }
    return n >= 1 && n <= 16;
}

size_t gdb_unhex(void *to, size_t size, const char *text, size_t n)
{
    uint8_t *bytes = to;
    size_t done = 0;

    while (done < size && 2 * done + 1 < n) {
        int high = gdb_digit(text[2 * done]), low = gdb_digit(text[2 * done + 1]);
        if (high < 0 || low < 0) {
            break;
        }
        bytes[done++] = (uint8_t)((unsigned)high << 4 | (unsigned)low);
    }
    return done;
}

void gdb_hex(char *to, const void *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *from = bytes;

    for (size_t i = 0; i < n; i++) {
        to[2 * i] = digits[from[i] >> 4];
        to[2 * i + 1] = digits[from[i] & 15];
    }
    to[2 * n] = '\0';
}
