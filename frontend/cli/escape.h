/* The escape key: what the user types to verdite instead of to the guest. */
#ifndef FRONTEND_CLI_ESCAPE_H
#define FRONTEND_CLI_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ESCAPE_KEY = 0x01 }; /* Ctrl-A */

enum escape_command { ESCAPE_NONE, ESCAPE_QUIT, ESCAPE_HELP, ESCAPE_NEXT, ESCAPE_UNKNOWN };

struct escape {
    bool seen; /* the last key was the escape key */
};

/* Sort typed bytes: those for the guest go to `out` (room for n), *n_out counts them. Stops behind the first
 * command and returns it; *used tells how many bytes were looked at. */
enum escape_command escape_filter(struct escape *escape, const uint8_t *bytes, size_t n, uint8_t *out,
                                  size_t *n_out, size_t *used);

struct escape_row {
    uint8_t key; /* after the escape key */
    enum escape_command command;
    const char *keys, *meaning;
};

extern const struct escape_row escape_rows[];
extern const unsigned escape_row_n;

#endif
