/* The trace events of the machine itself. */
#ifndef PARTITIONS_MACHINE_TRACE_H
#define PARTITIONS_MACHINE_TRACE_H

#include "base/trace.h"

/* clang-format off */
#define MACHINE_TRACE_EVENTS(X) \
    X(SLICE,        "machine.slice",        DEBUG, "instructions:d") \
    X(SERIAL_INPUT, "machine.serial_input", DEBUG, "byte:x")
/* clang-format on */

enum machine_event {
#define X(id, name, level, fields) MACHINE_EVENT_##id,
    MACHINE_TRACE_EVENTS(X)
#undef X
        MACHINE_EVENTS
};

#endif
