/* The trace events of partitions/hv: one row a state change. */
#ifndef PARTITIONS_HV_TRACE_H
#define PARTITIONS_HV_TRACE_H

#include "base/trace.h"

/* clang-format off */
#define HV_TRACE_EVENTS(X)                                                                                   \
    X(HYPERCALL,          "hypercall",             DEBUG,         "code:x name:s status:x done:d")           \
    X(HYPERCALL_REFUSED,  "hypercall_refused",     GUEST,         "code:x name:s status:x")                  \
    X(HYPERCALL_UNKNOWN,  "hypercall_unknown",     GUEST,         "code:x")                                   \
    X(NOT_BUILT,          "not_built",             UNIMPLEMENTED, "what:s number:x")                         \
    X(PARTITION_CREATED,  "partition_created",     INFO,          "id:d parent:d")                           \
    X(PARTITION_STATE,    "partition_state",       INFO,          "id:d state:d")                            \
    X(VP_CREATED,         "vp_created",            INFO,          "partition:d index:d")                     \
    X(VP_SUSPEND,         "vp_suspend",            DEBUG,         "explicit:d intercept:d")                  \
    X(MEMORY_MAPPED,      "memory_mapped",         DEBUG,         "partition:d gpfn:x spfn:x rights:x")      \
    X(MEMORY_UNMAPPED,    "memory_unmapped",       DEBUG,         "partition:d gpfn:x")                      \
    X(DEPOSITED,          "deposited",             DEBUG,         "partition:d spfn:x total:d")              \
    X(INTERCEPT,          "intercept",             DEBUG,         "type:x rip:x info:x")                     \
    X(MSR_READ,           "msr_read",              DEBUG,         "msr:x name:s value:x")                    \
    X(MSR_WRITE,          "msr_write",             DEBUG,         "msr:x name:s value:x")                    \
    X(MSR_REFUSED,        "msr_refused",           GUEST,         "msr:x write:d value:x")                   \
    X(OVERLAY,            "overlay",               DEBUG,         "name:s gpfn:x mapped:d")                  \
    X(CRASH,              "guest_crash",           GUEST,         "p0:x p1:x p2:x p3:x p4:x control:x")      \
    X(RESET,              "partition_reset",       INFO,          "id:d")                                    \
    X(MESSAGE_POSTED,     "synic.message_posted",  DEBUG,         "sint:d type:x size:d")                    \
    X(MESSAGE_DELIVERED,  "synic.message_delivered", DEBUG,       "sint:d type:x pending:d")                 \
    X(EVENT_SIGNALED,     "synic.event_signaled",  DEBUG,         "sint:d flag:d was:d")                     \
    X(SINT_INTERRUPT,     "synic.interrupt",       DEBUG,         "sint:d vector:x auto_eoi:d")              \
    X(TIMER_ARMED,        "synic.timer_armed",     DEBUG,         "index:d due:d")                           \
    X(TIMER_EXPIRED,      "synic.timer_expired",   DEBUG,         "index:d due:d now:d")                     \
    X(PORT_CREATED,       "synic.port_created",    INFO,          "partition:d port:x type:d sint:d")        \
    X(PORT_CONNECTED,     "synic.port_connected",  INFO,          "partition:d connection:x port:x")
/* clang-format on */

enum hv_trace_event {
#define X(id, name, level, fields) HV_TRACE_##id,
    HV_TRACE_EVENTS(X)
#undef X
};

/* HV_TRACE(hv, event, partition id, vp index or -1, up to six arguments) */
#define HV_TRACE(hv, event, partition, vp, ...)                                                    \
    TRACE((hv)->trace, TRACE_ROOM_HV, HV_TRACE_##event, (uint32_t)(partition), (int)(vp),          \
          __VA_ARGS__)
/* A const char * as a trace argument. */
#define HV_TRACE_NAME(text) ((uint64_t)(uintptr_t)(text))

#endif
