/* The guest's console. */
#include "frontend/cli/console.h"

#include <errno.h>
#include <string.h>

#include "base/host/time.h"

/* What guests print when they die. at_start: only at the beginning of a line, behind a time stamp
 * or not. */
static const struct {
    const char *text;
    bool at_start;
} console_panics[] = {
    { "Kernel panic - not syncing", false }, /* [LINUX kernel/panic.c] */
    { "*** STOP: 0x", false },               /* Windows bug check, text mode */
    { "panic: ", true },                     /* the BSDs */
};

static int console_regex(regex_t *regex, const char *text, bool *has, struct error *error)
{
    *has = false;
    if (text == NULL) {
        return 0;
    }
    if (regcomp(regex, text, REG_EXTENDED | REG_NOSUB) != 0) {
        return error_set(error, -EINVAL, "'%s' is no regular expression", text);
    }
    *has = true;
    return 0;
}

int console_init(struct console *console, struct host_sink *sink, const char *expect,
                 const char *fail_on, struct error *error)
{
    memset(console, 0, sizeof(*console));
    console->sink = sink;
    host_mutex_init(&console->lock);
    int code = console_regex(&console->expect, expect, &console->has_expect, error);
    if (code == 0) {
        code = console_regex(&console->fail_on, fail_on, &console->has_fail_on, error);
    }
    return code;
}

void console_fini(struct console *console)
{
    console_flush(console);
    console_flush(console); /* also what might have grown */
    if (console->has_expect) {
        regfree(&console->expect);
    }
    if (console->has_fail_on) {
        regfree(&console->fail_on);
    }
    host_mutex_fini(&console->lock);
}

void console_share(struct console *console, struct console_shared *shared, const char *name)
{
    console->shared = shared;
    console->name = name;
}

/* A line's name where one begins; another's unfinished line is ended before. */
static void console_write_shared(struct console *console)
{
    struct console_shared *shared = console->shared;

    host_mutex_lock(&shared->lock);
    for (size_t at = 0; at < console->buffered;) {
        const uint8_t *from = console->buffer + at;
        const uint8_t *feed = memchr(from, '\n', console->buffered - at);
        size_t n = feed != NULL ? (size_t)(feed - from) + 1 : console->buffered - at;
        if (shared->in_line && shared->last != console) {
            host_sink_write(console->sink, (const uint8_t *)"\r\n", 2);
            shared->in_line = false;
        }
        if (!shared->in_line) {
            host_sink_write(console->sink, (const uint8_t *)console->name, strlen(console->name));
            host_sink_write(console->sink, (const uint8_t *)"| ", 2);
        }
        host_sink_write(console->sink, from, n);
        shared->in_line = feed == NULL;
        shared->last = console;
        at += n;
    }
    host_mutex_unlock(&shared->lock);
}

static void console_write_locked(struct console *console)
{
    if (console->shared != NULL) {
        console_write_shared(console);
    } else {
        host_sink_write(console->sink, console->buffer, console->buffered);
    }
    console->buffered = 0;
}

static void console_match_locked(struct console *console)
{
    console->line[console->line_length] = '\0';
    console->line_changed = false;
    const char *line = console->line;
    for (unsigned i = 0; !console->panicked && i < ARRAY_SIZE(console_panics); i++) {
        const char *at = strstr(line, console_panics[i].text);
        if (at != NULL && (!console_panics[i].at_start || at == line)) {
            console->panicked = true;
            console->panicked_ns = host_monotonic_ns();
        }
    }
    if (console->verdict != CONSOLE_OPEN) {
        return;
    }
    if (console->has_fail_on && regexec(&console->fail_on, line, 0, NULL, 0) == 0) {
        console->verdict = CONSOLE_FAILED;
    } else if (console->has_expect && regexec(&console->expect, line, 0, NULL, 0) == 0) {
        console->verdict = CONSOLE_EXPECTED;
    }
}

/* Skip ESC x and ESC [ ... letter. True when the byte belongs to such a sequence. */
static bool console_in_escape(struct console *console, uint8_t byte)
{
    switch (console->escape_state) {
    case 0:
        console->escape_state = byte == 0x1b;
        return byte == 0x1b;
    case 1:
        console->escape_state = byte == '[' ? 2 : 0;
        return true;
    default:
        console->escape_state = byte >= 0x40 && byte <= 0x7e ? 0 : 2;
        return true;
    }
}

static void console_byte_locked(struct console *console, uint8_t byte)
{
    if (console->buffered == CONSOLE_BUFFER_BYTES) {
        console_write_locked(console);
    }
    console->buffer[console->buffered++] = byte;
    if (console_in_escape(console, byte) || byte == '\r' || byte == '\0') {
        return;
    }
    if (byte == '\n' || console->line_length == CONSOLE_LINE_BYTES - 1) {
        console_match_locked(console);
        console->line_length = 0;
    }
    if (byte != '\n') {
        console->line[console->line_length++] = (char)byte;
        console->line_changed = true;
    }
}

void console_output(struct console *console, const uint8_t *bytes, size_t n)
{
    host_mutex_lock(&console->lock);
    for (size_t i = 0; i < n; i++) {
        console_byte_locked(console, bytes[i]);
    }
    if (n > 0 && bytes[n - 1] == '\n') {
        console_write_locked(console);
    }
    host_mutex_unlock(&console->lock);
}

void console_flush(struct console *console)
{
    host_mutex_lock(&console->lock);
    bool grows = console->shared != NULL && console->waiting != console->buffered;
    console->waiting = console->buffered;
    if (!grows) { /* else the rest of its line may come */
        console_write_locked(console);
    }
    if (console->line_changed) {
        console_match_locked(console);
    }
    host_mutex_unlock(&console->lock);
}

enum console_verdict console_verdict(struct console *console)
{
    host_mutex_lock(&console->lock);
    enum console_verdict verdict = console->verdict;
    host_mutex_unlock(&console->lock);
    return verdict;
}

bool console_panicked(struct console *console, uint64_t *at_ns)
{
    host_mutex_lock(&console->lock);
    bool panicked = console->panicked;
    *at_ns = console->panicked_ns;
    host_mutex_unlock(&console->lock);
    return panicked;
}
