/* Lines of a control connection. */
#ifndef FRONTEND_MONITOR_CONTROL_LINE_H
#define FRONTEND_MONITOR_CONTROL_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONTROL_LINE_BYTES = 4096 };

enum control_input {
    CONTROL_INPUT_NONE,
    CONTROL_INPUT_LINE,     /* reader.bytes holds reader.n bytes and a 0 */
    CONTROL_INPUT_TOO_LONG, /* a line ended that was not kept */
};

struct control_reader {
    size_t n;
    bool ended, too_long;
    char bytes[CONTROL_LINE_BYTES + 1];
};

/* One byte; any byte at any time. */
enum control_input control_reader_byte(struct control_reader *reader, uint8_t byte);

#endif
