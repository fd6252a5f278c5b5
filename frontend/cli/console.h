/* The guest's console: bytes out to a sink, lines matched against what the run waits for. */
#ifndef FRONTEND_CLI_CONSOLE_H
#define FRONTEND_CLI_CONSOLE_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/host/mutex.h"
#include "base/host/sink.h"

enum { CONSOLE_LINE_BYTES = 4096, CONSOLE_BUFFER_BYTES = 4096 };

enum console_verdict { CONSOLE_OPEN, CONSOLE_EXPECTED, CONSOLE_FAILED };

/* What several consoles write to, each line with its child's name before it. */
struct console_shared {
    struct host_mutex lock; /* guards all below; inside a console's */
    const struct console *last; /* wrote last */
    bool in_line;           /* and left its line unfinished */
    unsigned users;
};

struct console {
    struct host_mutex lock; /* guards all below */
    struct host_sink *sink;
    struct console_shared *shared; /* borrowed; NULL: the sink is ours alone */
    const char *name;              /* with shared: borrowed */
    regex_t expect, fail_on;
    bool has_expect, has_fail_on;
    enum console_verdict verdict; /* the first that was reached */
    bool panicked;                /* a line was a panic's */
    uint64_t panicked_ns;         /* host time of it */
    uint8_t buffer[CONSOLE_BUFFER_BYTES];
    size_t buffered;
    size_t waiting; /* with shared: buffered at the last flush */
    char line[CONSOLE_LINE_BYTES]; /* without escape sequences and carriage returns */
    size_t line_length;
    bool line_changed;     /* since it was last matched */
    unsigned escape_state; /* inside an ESC [ ... sequence */
};

/* expect, fail_on: extended regular expressions that compile, or NULL. sink is borrowed. */
WARN_UNUSED int console_init(struct console *console, struct host_sink *sink, const char *expect,
                             const char *fail_on, struct error *error);
/* Before the first output: the sink is shared with others. */
void console_share(struct console *console, struct console_shared *shared, const char *name);
void console_fini(struct console *console);

/* Bytes from the guest. Any thread. Complete lines are matched at once. */
void console_output(struct console *console, const uint8_t *bytes, size_t n);
/* Let out what is held back, and match an unfinished line (a prompt). Call it now and then. */
void console_flush(struct console *console);

enum console_verdict console_verdict(struct console *console);
bool console_panicked(struct console *console, uint64_t *at_ns);

#endif
