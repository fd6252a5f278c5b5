/* Trace: typed events from one table per room; text, JSON, hash and docs come from the rows. */
#ifndef BASE_TRACE_H
#define BASE_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/host/sink.h"

enum trace_level {
    TRACE_ERROR,
    TRACE_WARN,
    TRACE_GUEST,
    TRACE_UNIMPLEMENTED,
    TRACE_INFO,
    TRACE_DEBUG,
    TRACE_HOST, /* of caches and other means that guests cannot see: the only level that the hash leaves out */
    TRACE_LEVELS,
};

enum trace_room { TRACE_ROOM_CPU, TRACE_ROOM_MMU, TRACE_ROOM_DEVICES, TRACE_ROOM_HV, TRACE_ROOM_VMMS, TRACE_ROOMS };

enum {
    TRACE_ARGS = 6,
    TRACE_EVENTS_PER_ROOM = 64,
    TRACE_UNASKED_LINES = 20, /* of an event that is on from the start: a guest must not flood the host */
};

/* One row. fields: "relid:d gpadl:x status:x": name, colon, d (decimal) or x (hex) or s (const char *), space. */
struct trace_event {
    const char *name; /* "synic.message_posted": the room's table prefixes nothing */
    enum trace_level level;
    const char *fields;
};

struct trace_table {
    const struct trace_event *events;
    unsigned n_events;
};

struct trace {
    uint64_t on[TRACE_ROOMS];    /* bit n: event n of that room is wanted by text, JSON or hash */
    uint64_t shown[TRACE_ROOMS]; /* those that are printed as text */
    uint64_t asked[TRACE_ROOMS]; /* bit n: by trace_enable */
    uint32_t unasked_lines[TRACE_ROOMS][TRACE_EVENTS_PER_ROOM]; /* (atomic) written so far */
    struct trace_table table[TRACE_ROOMS];
    struct clock *clock;
    FILE *out;      /* NULL: nothing is written */
    struct host_sink *json; /* NULL: none. Gets what is shown, or every event */
    bool json_all;
    bool hashing;     /* every event goes into the hash */
    struct hash hash; /* one thread */
    uint8_t n_fields[TRACE_ROOMS][TRACE_EVENTS_PER_ROOM];
    uint8_t text_fields[TRACE_ROOMS][TRACE_EVENTS_PER_ROOM]; /* bit n: field n is a string */
    bool strict;    /* an UNIMPLEMENTED event fails the run */
    uint64_t count[TRACE_LEVELS]; /* events seen per level (atomic), wanted or not for levels above INFO */
};

void trace_init(struct trace *trace, struct clock *clock, FILE *out);
/* Called once by each room with its const table (at most TRACE_EVENTS_PER_ROOM rows). */
void trace_register(struct trace *trace, enum trace_room room, const struct trace_event *events, unsigned n);
/* Turn on what a comma-separated list of globs names ("synic.*,hv.hypercall"). -EINVAL when a glob matches nothing. */
WARN_UNUSED int trace_enable(struct trace *trace, const char *globs, struct error *error);

/* Take back what trace_enable turned on. Hash and JSON get what they got. */
void trace_quiet(struct trace *trace);

/* From now on every event, wanted or not, goes into trace.hash: time, partition, VP, room, number and arguments,
 * strings by their text. Before or after trace_register; for machines whose events come from one thread. */
void trace_hash_start(struct trace *trace);
/* One JSON object a line into a sink that outlives the trace: the shown events, or all of them. */
void trace_json_start(struct trace *trace, struct host_sink *sink, bool all);

/* partition 0, vp -1: belongs to none. Use the macro: it costs one predictable branch when the event is off. */
void trace_emit(struct trace *trace, enum trace_room room, unsigned event, uint32_t partition, int vp,
                const uint64_t args[TRACE_ARGS]);

static inline bool trace_wanted(const struct trace *trace, enum trace_room room, unsigned event)
{
    return trace != NULL && UNLIKELY(trace->on[room] >> event & 1);
}

#define TRACE(trace, room, event, partition, vp, ...) \
    (trace_wanted(trace, room, event) \
         ? trace_emit(trace, room, event, partition, vp, (const uint64_t[TRACE_ARGS]){ __VA_ARGS__ }) \
         : (void)0)

#endif
