/* The table of this room's trace events, registered with a machine's trace. */
#include "partitions/hv/trace.h"

#include "partitions/hv/hv.h"

static const struct trace_event hv_trace_events[] = {
#define X(id, event_name, event_level, event_fields)                                               \
    { .name = event_name, .level = TRACE_##event_level, .fields = event_fields },
    HV_TRACE_EVENTS(X)
#undef X
};
_Static_assert(ARRAY_SIZE(hv_trace_events) <= TRACE_EVENTS_PER_ROOM, "trace rows");

void hv_trace_register(struct trace *trace)
{
    trace_register(trace, TRACE_ROOM_HV, hv_trace_events, ARRAY_SIZE(hv_trace_events));
}
