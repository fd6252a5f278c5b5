/* The trace events of the machine itself. */
#ifndef PARTITIONS_MACHINE_TRACE_H
#define PARTITIONS_MACHINE_TRACE_H

#include "base/trace.h"

/* clang-format off */
#define MACHINE_TRACE_EVENTS(X) \
    X(SLICE,        "machine.slice",        DEBUG, "instructions:d") \
    X(SERIAL_INPUT, "machine.serial_input", DEBUG, "byte:x port:d") \
    X(NET_INPUT,    "machine.net_input",    DEBUG, "bytes:d first:x") \
    X(COMMAND,      "machine.command",      DEBUG, "byte:x") \
    X(VMBUS_MESSAGE_IN,  "vmbus.message_in",  DEBUG, "name:s bytes:d first:x") \
    X(VMBUS_MESSAGE_OUT, "vmbus.message_out", DEBUG, "name:s first:x lost:d") \
    X(VMBUS_MESSAGE_BAD, "vmbus.message_bad", GUEST, "why:s value:x") \
    X(VMBUS_NOT_BUILT,   "vmbus.not_built",   UNIMPLEMENTED, "name:s") \
    X(VMBUS_CONTACT,     "vmbus.contact",     INFO,  "version:x supported:d vp:d sint:d") \
    X(VMBUS_LIMIT,       "vmbus.limit",       WARN,  "what:s value:d") \
    X(CHILD_NOT_STOPPED, "machine.child_not_stopped", WARN, "why:s")
/* clang-format on */

enum machine_event {
#define X(id, name, level, fields) MACHINE_EVENT_##id,
    MACHINE_TRACE_EVENTS(X)
#undef X
        MACHINE_EVENTS
};

#endif
