/* Trace: registration of tables, selection by globs, and the text line of an event. */
#include "base/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/text.h"

enum { TRACE_LINE_BYTES = 6144, TRACE_GLOB_BYTES = 128 };

static const char *const trace_room_names[TRACE_ROOMS] = {
    [TRACE_ROOM_CPU] = "cpu", [TRACE_ROOM_MMU] = "mmu",   [TRACE_ROOM_DEVICES] = "devices",
    [TRACE_ROOM_HV] = "hv",   [TRACE_ROOM_VMMS] = "vmms",
};

void trace_init(struct trace *trace, struct clock *clock, FILE *out)
{
    *trace = (struct trace){ .clock = clock, .out = out };
}

static void trace_wants(struct trace *trace)
{
    for (unsigned room = 0; room < TRACE_ROOMS; room++) {
        bool all = trace->hashing || (trace->json != NULL && trace->json_all);
        trace->on[room] = all ? UINT64_MAX : trace->shown[room];
    }
}

/* What the hash must know of a row, so that it need not read its text at each event. */
static void trace_fields_count(struct trace *trace, enum trace_room room, unsigned event)
{
    const char *field = trace->table[room].events[event].fields;
    unsigned n = 0;
    for (field = field != NULL ? field : ""; n < TRACE_ARGS; n++) {
        field += strspn(field, " ");
        size_t length = strcspn(field, " ");
        if (length == 0) {
            break;
        }
        if (length > 2 && field[length - 2] == ':' && field[length - 1] == 's') {
            trace->text_fields[room][event] |= (uint8_t)(1u << n);
        }
        field += length;
    }
    trace->n_fields[room][event] = (uint8_t)n;
}

void trace_register(struct trace *trace, enum trace_room room, const struct trace_event *events,
                    unsigned n)
{
    trace->table[room] = (struct trace_table){ events, n };
    for (unsigned i = 0; i < n && i < TRACE_EVENTS_PER_ROOM; i++) {
        if (events[i].level == TRACE_ERROR || events[i].level == TRACE_UNIMPLEMENTED) {
            trace->shown[room] |= UINT64_C(1) << i;
        }
        trace_fields_count(trace, room, i);
    }
    trace_wants(trace);
}

void trace_quiet(struct trace *trace)
{
    for (unsigned room = 0; room < TRACE_ROOMS; room++) {
        const struct trace_table *table = &trace->table[room];
        trace->asked[room] = trace->shown[room] = 0;
        for (unsigned i = 0; i < table->n_events && i < TRACE_EVENTS_PER_ROOM; i++) {
            enum trace_level level = table->events[i].level;
            if (level == TRACE_ERROR || level == TRACE_UNIMPLEMENTED) {
                trace->shown[room] |= UINT64_C(1) << i;
            }
        }
    }
    trace_wants(trace);
}

void trace_hash_start(struct trace *trace)
{
    hash_init(&trace->hash);
    trace->hashing = true;
    trace_wants(trace);
}

void trace_json_start(struct trace *trace, struct host_sink *sink, bool all)
{
    trace->json = sink;
    trace->json_all = all;
    trace_wants(trace);
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
                trace->shown[room] |= UINT64_C(1) << i;
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
    trace_wants(trace);
    return 0;
}

/* Add " name=value" for the field at *fields ("relid:d "), and step over it. */
static void trace_field(struct text *line, const char **fields, uint64_t value)
{
    const char *field = *fields + strspn(*fields, " ");
    size_t name = strcspn(field, ": ");
    char kind = field[name] == ':' ? field[name + 1] : 'd';
    *fields = field + strcspn(field, " ");
    if (name == 0) {
        return;
    }
    text_add(line, " %.*s=", (int)name, field);
    if (kind == 'x') {
        text_add(line, "0x%" PRIx64, value);
    } else if (kind == 's') {
        const char *text = (const char *)(uintptr_t)value;
        text_add(line, "%s", text != NULL ? text : "-");
    } else {
        text_add(line, "%" PRIu64, value);
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

/* Canonical: no address, no padding, no time of the host. */
static void trace_hash_event(struct trace *trace, enum trace_room room, unsigned event,
                             uint64_t now_ns, uint32_t partition, int vp,
                             const uint64_t args[TRACE_ARGS])
{
    struct hash *hash = &trace->hash;
    hash_word(hash, now_ns);
    hash_word(hash, (uint64_t)partition << 32 | (uint32_t)vp);
    hash_word(hash, (uint64_t)room << 32 | event);
    for (unsigned i = 0; i < trace->n_fields[room][event]; i++) {
        if (trace->text_fields[room][event] >> i & 1) {
            const char *text = (const char *)(uintptr_t)args[i];
            hash_bytes(hash, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
        } else {
            hash_word(hash, args[i]);
        }
    }
}

/* A JSON string. Numbers that a reader might round are strings, too. */
static void trace_json_string(struct text *line, const char *text)
{
    text_add(line, "\"");
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            text_add(line, "\\%c", c);
        } else if (c < 0x20 || c >= 0x7f) {
            text_add(line, "\\u%04x", c);
        } else {
            text_add(line, "%c", c);
        }
    }
    text_add(line, "\"");
}

static void trace_json_fields(struct text *line, const struct trace_event *row,
                              const uint64_t args[TRACE_ARGS])
{
    const char *field = row->fields != NULL ? row->fields : "";
    for (unsigned i = 0; i < TRACE_ARGS; i++) {
        field += strspn(field, " ");
        size_t length = strcspn(field, " "), name = strcspn(field, ": ");
        if (length == 0) {
            break;
        }
        char kind = field[name] == ':' ? field[name + 1] : 'd';
        text_add(line, "%s\"%.*s\":", i != 0 ? "," : "", (int)name, field);
        if (kind == 's') {
            const char *text = (const char *)(uintptr_t)args[i];
            char cut[TRACE_GLOB_BYTES];
            (void)snprintf(cut, sizeof(cut), "%s", text != NULL ? text : "");
            trace_json_string(line, cut);
        } else if (kind == 'x') {
            text_add(line, "\"0x%" PRIx64 "\"", args[i]);
        } else {
            text_add(line, "%" PRIu64, args[i]);
        }
        field += length;
    }
}

static void trace_json_event(struct trace *trace, enum trace_room room,
                             const struct trace_event *row, uint64_t now_ns, uint32_t partition,
                             int vp, const uint64_t args[TRACE_ARGS])
{
    static const char *const levels[] = {
        [TRACE_ERROR] = "error", [TRACE_WARN] = "warn",
        [TRACE_GUEST] = "guest", [TRACE_UNIMPLEMENTED] = "unimplemented",
        [TRACE_INFO] = "info",   [TRACE_DEBUG] = "debug",
        [TRACE_HOST] = "host",
    };
    char bytes[TRACE_LINE_BYTES];
    struct text line = text_in(bytes, sizeof(bytes));
    text_add(&line, "{\"ns\":%" PRIu64, now_ns);
    if (partition != 0 || vp >= 0) {
        text_add(&line, ",\"partition\":%" PRIu32, partition);
    }
    if (vp >= 0) {
        text_add(&line, ",\"vp\":%d", vp);
    }
    text_add(&line, ",\"room\":\"%s\",\"event\":", trace_room_names[room]);
    trace_json_string(&line, row->name);
    text_add(&line, ",\"level\":\"%s\",\"fields\":{", levels[row->level]);
    trace_json_fields(&line, row, args);
    text_add(&line, "}}\n");
    host_sink_write(trace->json, (const uint8_t *)line.bytes, line.n);
}

static void trace_text_event(struct trace *trace, enum trace_room room,
                             const struct trace_event *row, uint64_t now_ns, uint32_t partition,
                             int vp, uint32_t unasked, const uint64_t args[TRACE_ARGS])
{
    char bytes[TRACE_LINE_BYTES];
    struct text line = text_in(bytes, sizeof(bytes));
    text_add(&line, "%" PRIu64, now_ns);
    if (partition == 0 && vp < 0) {
        text_add(&line, " -");
    } else if (vp < 0) {
        text_add(&line, " p%" PRIu32 ".v-", partition);
    } else {
        text_add(&line, " p%" PRIu32 ".v%d", partition, vp);
    }
    text_add(&line, " %s.%s", trace_room_names[room], row->name);
    const char *fields = row->fields != NULL ? row->fields : "";
    for (unsigned i = 0; i < TRACE_ARGS && *fields != '\0'; i++) {
        trace_field(&line, &fields, args[i]);
    }
    if (unasked == TRACE_UNASKED_LINES) {
        text_add(&line, " (the last of these that is shown unasked)");
    }
    bytes[line.n] = '\n'; /* in place of the 0: one write */
    (void)fwrite(bytes, 1, line.n + 1, trace->out);
}

void trace_emit(struct trace *trace, enum trace_room room, unsigned event, uint32_t partition,
                int vp, const uint64_t args[TRACE_ARGS])
{
    const struct trace_table *table = &trace->table[room];
    if (event >= table->n_events || event >= TRACE_EVENTS_PER_ROOM) {
        return;
    }
    const struct trace_event *row = &table->events[event];
    bool shown = trace->shown[room] >> event & 1;
    uint64_t now_ns = trace->clock != NULL ? clock_now_ns(trace->clock) : 0;
    __atomic_add_fetch(&trace->count[row->level], 1, __ATOMIC_RELAXED);
    if (trace->hashing && row->level != TRACE_HOST) {
        trace_hash_event(trace, room, event, now_ns, partition, vp, args);
    }
    if (trace->json != NULL && (shown || trace->json_all)) {
        trace_json_event(trace, room, row, now_ns, partition, vp, args);
    }
    if (shown && trace->out != NULL) {
        uint32_t unasked = trace_unasked(trace, room, event);
        if (unasked <= TRACE_UNASKED_LINES) {
            trace_text_event(trace, room, row, now_ns, partition, vp, unasked, args);
        }
    }
}
