/* Trace events of the processor: the table. [CONVENTIONS 12] */
#include "cpu/exec/cpu_trace.h"

static const struct trace_event cpu_trace_events[] = {
#define CPU_TRACE_ROW(id, text, severity, columns)                                                 \
    [CPU_EVENT_##id] = { .name = (text), .level = (severity), .fields = (columns) },
    CPU_TRACE_ROWS(CPU_TRACE_ROW)
#undef CPU_TRACE_ROW
};

_Static_assert((int)CPU_EVENTS <= (int)TRACE_EVENTS_PER_ROOM, "one bit per event");

void cpu_trace_register(struct trace *trace)
{
    trace_register(trace, TRACE_ROOM_CPU, cpu_trace_events, CPU_EVENTS);
}

uint64_t cpu_trace_rip(const struct core *core)
{
    return insn_rip(core, core->insn) & core->ip_mask;
}

void cpu_unimplemented(const struct core *core, const char *what, uint64_t value)
{
    CPU_TRACE(core, UNIMPLEMENTED, (uint64_t)(uintptr_t)what, value);
}
