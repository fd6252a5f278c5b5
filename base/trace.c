/* Trace: registration of tables, selection by globs, and the text line of an event. */
#include "base/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

enum { TRACE_LINE_BYTES = 1024, TRACE_GLOB_BYTES = 128 };

static const char *const trace_room_names[TRACE_ROOMS] = {
    [TRACE_ROOM_CPU] = "cpu", [TRACE_ROOM_MMU] = "mmu",   [TRACE_ROOM_DEVICES] = "devices",
    [TRACE_ROOM_HV] = "hv",   [TRACE_ROOM_VMMS] = "vmms",
};

/* A line under construction; what does not fit is cut. */
struct trace_line {
    char text[TRACE_LINE_BYTES];
    size_t length;
};

static void trace_line_add(struct trace_line *line, const char *format, ...) PRINTF(2, 3);

static void trace_line_add(struct trace_line *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line->text + line->length, sizeof(line->text) - line->length, format, args);
    va_end(args);
    if (n > 0) {
        line->length += (size_t)n;
    }
    if (line->length > sizeof(line->text) - 1) {
        line->length = sizeof(line->text) - 1;
    }
}

void trace_init(struct trace *trace, struct clock *clock, FILE *out)
{
    *trace = (struct trace){ .clock = clock, .out = out };
}

void trace_register(struct trace *trace, enum trace_room room, const struct trace_event *events,
                    unsigned n)
{
    trace->table[room] = (struct trace_table){ events, n };
    for (unsigned i = 0; i < n && i < TRACE_EVENTS_PER_ROOM; i++) {
        if (events[i].level == TRACE_ERROR || events[i].level == TRACE_UNIMPLEMENTED) {
            trace->on[room] |= UINT64_C(1) << i;
        }
    }
}

/* `*` any run of characters, `?` any one. */
static bool trace_glob_matches(const char *glob, const char *name)
{
    while (*glob != '\0') {
        if (*glob == '*') {
            for (const char *rest = name;; rest++) {
                if (trace_glob_matches(glob + 1, rest)) {
                    return true;
                }
                if (*rest == '\0') {
                    return false;
                }
            }
        }
        if (*name == '\0' || (*glob != '?' && *glob != *name)) {
            return false;
        }
        glob++;
        name++;
    }
    return *name == '\0';
}

static bool trace_enable_one(struct trace *trace, const char *glob)
{
    bool found = false;
    for (unsigned room = 0; room < TRACE_ROOMS; room++) {
        const struct trace_table *table = &trace->table[room];
        for (unsigned i = 0; i < table->n_events && i < TRACE_EVENTS_PER_ROOM; i++) {
            char full[TRACE_GLOB_BYTES];
            (void)snprintf(full, sizeof(full), "%s.%s", trace_room_names[room],
                           table->events[i].name);
            if (trace_glob_matches(glob, table->events[i].name) || trace_glob_matches(glob, full)) {
                trace->on[room] |= UINT64_C(1) << i;
                trace->asked[room] |= UINT64_C(1) << i;
                found = true;
            }
        }
    }
    return found;
}

int trace_enable(struct trace *trace, const char *globs, struct error *error)
{
    while (*globs != '\0') {
        size_t length = strcspn(globs, ",");
        char glob[TRACE_GLOB_BYTES];
        if (length >= sizeof(glob)) {
            return error_set(error, -EINVAL, "trace: a pattern is too long");
        }
        memcpy(glob, globs, length);
        glob[length] = '\0';
        if (length > 0 && !trace_enable_one(trace, glob)) {
            return error_set(error, -EINVAL, "trace: no event matches '%s'", glob);
        }
        globs += length + (globs[length] == ',');
    }
    return 0;
}

/* Add " name=value" for the field at *fields ("relid:d "), and step over it. */
static void trace_field(struct trace_line *line, const char **fields, uint64_t value)
{
    const char *field = *fields + strspn(*fields, " ");
    size_t name = strcspn(field, ": ");
    char kind = field[name] == ':' ? field[name + 1] : 'd';
    *fields = field + strcspn(field, " ");
    if (name == 0) {
        return;
    }
    trace_line_add(line, " %.*s=", (int)name, field);
    if (kind == 'x') {
        trace_line_add(line, "0x%" PRIx64, value);
    } else if (kind == 's') {
        const char *text = (const char *)(uintptr_t)value;
        trace_line_add(line, "%s", text != NULL ? text : "-");
    } else {
        trace_line_add(line, "%" PRIu64, value);
    }
}

/* Which line of an event that nobody asked for this is: 0 for one that may always be written. */
static uint32_t trace_unasked(struct trace *trace, enum trace_room room, unsigned event)
{
    uint32_t *lines = &trace->unasked_lines[room][event];
    if (trace->asked[room] >> event & 1) {
        return 0;
    }
    return __atomic_load_n(lines, __ATOMIC_RELAXED) > TRACE_UNASKED_LINES
               ? TRACE_UNASKED_LINES + 1
               : __atomic_add_fetch(lines, 1, __ATOMIC_RELAXED);
}

void trace_emit(struct trace *trace, enum trace_room room, unsigned event, uint32_t partition,
                int vp, const uint64_t args[TRACE_ARGS])
{
    const struct trace_table *table = &trace->table[room];
    if (event >= table->n_events || event >= TRACE_EVENTS_PER_ROOM) {
        return;
    }
    const struct trace_event *row = &table->events[event];
    __atomic_add_fetch(&trace->count[row->level], 1, __ATOMIC_RELAXED);
    if (trace->out == NULL) {
        return;
    }
    uint32_t unasked = trace_unasked(trace, room, event);
    if (unasked > TRACE_UNASKED_LINES) {
        return;
    }
    struct trace_line line = { .length = 0 };
    trace_line_add(&line, "%" PRIu64, trace->clock != NULL ? clock_now_ns(trace->clock) : 0);
    if (partition == 0 && vp < 0) {
        trace_line_add(&line, " -");
    } else if (vp < 0) {
        trace_line_add(&line, " p%" PRIu32 ".v-", partition);
    } else {
        trace_line_add(&line, " p%" PRIu32 ".v%d", partition, vp);
    }
    trace_line_add(&line, " %s.%s", trace_room_names[room], row->name);
    const char *fields = row->fields != NULL ? row->fields : "";
    for (unsigned i = 0; i < TRACE_ARGS && *fields != '\0'; i++) {
        trace_field(&line, &fields, args[i]);
    }
    if (unasked == TRACE_UNASKED_LINES) {
        trace_line_add(&line, " (the last of these that is shown unasked)");
    }
    line.text[line.length] = '\n';
    (void)fwrite(line.text, 1, line.length + 1, trace->out);
}
