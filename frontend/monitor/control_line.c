/* Lines of a control connection. */
#include "frontend/monitor/control_line.h"

enum control_input control_reader_byte(struct control_reader *reader, uint8_t byte)
{
    if (reader->ended) {
        reader->n = 0;
        reader->ended = reader->too_long = false;
    }
    if (byte == '\n') {
        reader->ended = true;
        reader->bytes[reader->n] = '\0';
        return reader->too_long ? CONTROL_INPUT_TOO_LONG : CONTROL_INPUT_LINE;
    }
    if (reader->n == CONTROL_LINE_BYTES) {
        reader->too_long = true;
    } else {
        reader->bytes[reader->n++] = (char)byte;
    }
    return CONTROL_INPUT_NONE;
}
