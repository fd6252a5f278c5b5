/* The framing of gdb's remote protocol: bytes to packets and back. [GDB doc, Remote Protocol, Overview] */
#ifndef FRONTEND_MONITOR_GDB_PACKET_H
#define FRONTEND_MONITOR_GDB_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GDB_PACKET_BYTES = 0x4000 };

enum gdb_input {
    GDB_INPUT_NONE,      /* more bytes are needed, or it was an acknowledgement */
    GDB_INPUT_PACKET,    /* reader.bytes holds reader.n bytes, unescaped, and a 0 */
    GDB_INPUT_BAD,       /* wrong checksum or too long: ask again */
    GDB_INPUT_INTERRUPT, /* Ctrl-C */
};

struct gdb_reader {
    enum { GDB_IDLE, GDB_DATA, GDB_ESCAPED, GDB_SUM_HIGH, GDB_SUM_LOW } state;
    uint8_t sum, told;
    bool bad;
    size_t n;
    char bytes[GDB_PACKET_BYTES + 1];
};

/* One byte from the wire; any byte at any time. */
enum gdb_input gdb_reader_byte(struct gdb_reader *reader, uint8_t byte);

/* Frame and escape a payload. The number of bytes, or 0 when they do not fit. */
size_t gdb_packet_write(char *to, size_t size, const void *payload, size_t n);

/* ---- fields of a payload ---- */

/* -1: no hexadecimal digit. */
int gdb_digit(char c);
/* Digits at *at, at least one, at most 16; steps over them. */
bool gdb_number(const char **at, uint64_t *number);
/* 2 * n digits to bytes; how many bytes there were before something else came. */
size_t gdb_unhex(void *to, size_t size, const char *text, size_t n);
/* n bytes to 2 * n digits and a 0. */
void gdb_hex(char *to, const void *bytes, size_t n);

#endif
