/* Trace events of the device models: one row each, names and fields. */
#ifndef DEVICES_DEVICES_TRACE_H
#define DEVICES_DEVICES_TRACE_H

#include "base/trace.h"
#include "devices/device.h"

/* clang-format off */
/*    identifier            name                   level                fields */
#define DEVICES_TRACE_ROWS(X) \
    X(UNIMPLEMENTED,        "unimplemented",        TRACE_UNIMPLEMENTED, "device:s what:s value:x") \
    X(PIC_COMMAND,          "pic.command",          TRACE_DEBUG,         "chip:d port:x value:x") \
    X(PIC_ACKNOWLEDGE,      "pic.acknowledge",      TRACE_DEBUG,         "vector:x spurious:d") \
    X(PIT_PROGRAM,          "pit.program",          TRACE_DEBUG,         "channel:d mode:d count:d") \
    X(PIT_GATE,             "pit.gate",             TRACE_DEBUG,         "channel:d level:d") \
    X(UART_WRITE,           "uart.write",           TRACE_DEBUG,         "offset:d value:x") \
    X(UART_LINE,            "uart.interrupt",       TRACE_DEBUG,         "iir:x level:d") \
    X(CMOS_WRITE,           "cmos.write",           TRACE_DEBUG,         "index:x value:x") \
    X(CMOS_INTERRUPT,       "cmos.interrupt",       TRACE_DEBUG,         "flags:x") \
    X(IOAPIC_REDIRECT,      "ioapic.redirect",      TRACE_DEBUG,         "pin:d entry:x") \
    X(IOAPIC_SEND,          "ioapic.send",          TRACE_DEBUG,         "pin:d address:x data:x") \
    X(IOAPIC_EOI,           "ioapic.eoi",           TRACE_DEBUG,         "vector:x") \
    X(LAPIC_WRITE,          "lapic.write",          TRACE_DEBUG,         "register:x value:x") \
    X(LAPIC_DELIVER,        "lapic.deliver",        TRACE_DEBUG,         "mode:d vector:x level:d") \
    X(LAPIC_IPI,            "lapic.ipi",            TRACE_DEBUG,         "icr:x") \
    X(LAPIC_MODE,           "lapic.mode",           TRACE_DEBUG,         "apic_base:x") \
    X(LAPIC_ERROR,          "lapic.error",          TRACE_GUEST,         "esr:x") \
    X(PM_SLEEP,             "pm.sleep",             TRACE_INFO,          "type:d") \
    X(PM_SCI,               "pm.sci",               TRACE_DEBUG,         "status:x enable:x level:d") \
    X(PM_RESET,             "pm.reset",             TRACE_INFO,          "port:x value:x") \
    X(I8042_COMMAND,        "i8042.command",        TRACE_DEBUG,         "command:x") \
    X(VMBUS_OPEN,           "vmbus.channel_open",   TRACE_DEBUG,         "relid:d index:d vp:d in:d out:d") \
    X(VMBUS_CLOSE,          "vmbus.channel_close",  TRACE_DEBUG,         "relid:d index:d") \
    X(VMBUS_BROKEN,         "vmbus.channel_broken", TRACE_GUEST,         "relid:d why:s value:x") \
    X(STORVSP_VERSION,      "storvsp.version",      TRACE_INFO,          "major:d minor:d") \
    X(STORVSP_REQUEST,      "storvsp.request",      TRACE_DEBUG,         "lun:d opcode:x length:d transferred:d sense:x") \
    X(STORVSP_LOST,         "storvsp.last_writes_lost", TRACE_ERROR,     "errno:d") \
    X(STORVSP_REFUSED,      "storvsp.refused",      TRACE_GUEST,         "operation:d status:x") \
    X(IC_NEGOTIATED,        "ic.negotiated",        TRACE_INFO,          "name:s agreed:d major:d minor:d") \
    X(IC_IGNORED,           "ic.ignored",           TRACE_GUEST,         "name:s type:d flags:x") \
    X(NET_VERSION,          "net.version",          TRACE_INFO,          "version:x status:d") \
    X(NET_CONFIG,           "net.config",           TRACE_DEBUG,         "mtu:d capabilities:x") \
    X(NET_CONTROL,          "net.control",          TRACE_DEBUG,         "type:d oid:x status:x") \
    X(NET_CHANGED,          "net.changed",          TRACE_DEBUG,         "what:x filter:x rss:d tcp4:x") \
    X(NET_UNKNOWN,          "net.unknown",          TRACE_DEBUG,         "oid:x") \
    X(NET_BAD,              "net.bad",              TRACE_GUEST,         "why:s value:x")
/* clang-format on */

enum devices_event {
#define DEVICES_TRACE_ID(id, name, level, fields) DEVICES_EVENT_##id,
    DEVICES_TRACE_ROWS(DEVICES_TRACE_ID)
#undef DEVICES_TRACE_ID
        DEVICES_EVENTS
};

/* Make the rows known to a trace. Once per trace. */
void devices_trace_register(struct trace *trace);

/* What is not built: counted always, printed when wanted, fatal with --strict. Strings are
 * literals. */
void device_unimplemented(const struct device *dev, const char *what, uint64_t value);

#define DEVICE_TRACE(dev, event, ...)                                                              \
    TRACE((dev)->trace, TRACE_ROOM_DEVICES, DEVICES_EVENT_##event, (dev)->partition, -1,           \
          __VA_ARGS__)

#endif
