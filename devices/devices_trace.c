/* Trace events of the device models: the table. [CONVENTIONS 12] */
#include "devices/devices_trace.h"

static const struct trace_event devices_trace_events[] = {
#define DEVICES_TRACE_ROW(id, text, severity, columns)                                             \
    [DEVICES_EVENT_##id] = { .name = (text), .level = (severity), .fields = (columns) },
    DEVICES_TRACE_ROWS(DEVICES_TRACE_ROW)
#undef DEVICES_TRACE_ROW
};

_Static_assert((int)DEVICES_EVENTS <= (int)TRACE_EVENTS_PER_ROOM, "one bit per event");

void devices_trace_register(struct trace *trace)
{
    trace_register(trace, TRACE_ROOM_DEVICES, devices_trace_events, DEVICES_EVENTS);
}

void device_unimplemented(const struct device *dev, const char *what, uint64_t value)
{
    DEVICE_TRACE(dev, UNIMPLEMENTED, (uint64_t)(uintptr_t)dev->type->name,
                 (uint64_t)(uintptr_t)what, value);
}
