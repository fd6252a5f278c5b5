/* The escape key. */
#include "frontend/cli/escape.h"

#include "base/compiler.h"

const struct escape_row escape_rows[] = {
    { 'x', ESCAPE_QUIT, "Ctrl-A x", "end the run" },
    { 'n', ESCAPE_NEXT, "Ctrl-A n", "type to the next child" },
    { 'h', ESCAPE_HELP, "Ctrl-A h", "print these keys" },
    { ESCAPE_KEY, ESCAPE_NONE, "Ctrl-A Ctrl-A", "send Ctrl-A to the guest" },
};
const unsigned escape_row_n = ARRAY_SIZE(escape_rows);

enum escape_command escape_filter(struct escape *escape, const uint8_t *bytes, size_t n,
                                  uint8_t *out, size_t *n_out, size_t *used)
{
    *n_out = 0;
    for (size_t i = 0; i < n; i++) {
        if (!escape->seen) {
            escape->seen = bytes[i] == ESCAPE_KEY;
            if (!escape->seen) {
                out[(*n_out)++] = bytes[i];
            }
            continue;
        }
        escape->seen = false;
        enum escape_command command = ESCAPE_UNKNOWN;
        for (unsigned row = 0; row < ARRAY_SIZE(escape_rows); row++) {
            command = escape_rows[row].key == bytes[i] ? escape_rows[row].command : command;
        }
        if (command != ESCAPE_NONE) {
            *used = i + 1;
            return command;
        }
        out[(*n_out)++] = ESCAPE_KEY;
    }
    *used = n;
    return ESCAPE_NONE;
}
