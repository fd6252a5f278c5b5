/* Trace events of the processor: one row each, names and fields. */
#ifndef CPU_EXEC_CPU_TRACE_H
#define CPU_EXEC_CPU_TRACE_H

#include "base/trace.h"
#include "cpu/exec/core.h"

/* address: CR2 of #PF, the new DR6 bits of #DB. source: enum interrupt_source. */
/* clang-format off */
/*    identifier            name                   level                fields */
#define CPU_TRACE_ROWS(X) \
    X(EXCEPTION,            "exception",           TRACE_DEBUG,         "vector:d error:x rip:x address:x") \
    X(INTERRUPT,            "interrupt",           TRACE_DEBUG,         "vector:x source:d rip:x") \
    X(TRIPLE_FAULT,         "triple_fault",        TRACE_GUEST,         "first:d first_address:x last:d rip:x") \
    X(MODE,                 "mode",                TRACE_DEBUG,         "bits:d cr0:x cr4:x efer:x") \
    X(RESET,                "reset",               TRACE_INFO,          "init:d") \
    X(MSR_READ,             "msr_read",            TRACE_DEBUG,         "msr:x value:x") \
    X(MSR_WRITE,            "msr_write",           TRACE_DEBUG,         "msr:x value:x") \
    X(MSR_REFUSED,          "msr_refused",         TRACE_GUEST,         "msr:x write:d value:x rip:x") \
    X(CPUID,                "cpuid",               TRACE_DEBUG,         "leaf:x subleaf:x eax:x ebx:x ecx:x edx:x") \
    X(CPUID_UNKNOWN,        "cpuid_unknown",       TRACE_GUEST,         "leaf:x subleaf:x rip:x") \
    X(CODE_WRITTEN,         "code_written",        TRACE_HOST,          "spa:x length:d") \
    X(BLOCKS_EMPTIED,       "blocks_emptied",      TRACE_HOST,          "") \
    X(UNIMPLEMENTED,        "unimplemented",       TRACE_UNIMPLEMENTED, "what:s value:x")
/* clang-format on */

enum cpu_event {
#define CPU_TRACE_ID(id, name, level, fields) CPU_EVENT_##id,
    CPU_TRACE_ROWS(CPU_TRACE_ID)
#undef CPU_TRACE_ID
        CPU_EVENTS
};

/* Make the rows known to a trace. Once per trace. */
void cpu_trace_register(struct trace *trace);

/* What is not built: what is a literal. */
void cpu_unimplemented(const struct core *core, const char *what, uint64_t value);

/* Where the instruction being executed stands. Called by one. */
uint64_t cpu_trace_rip(const struct core *core);

#define CPU_TRACE(core, event, ...)                                                                \
    TRACE((core)->trace, TRACE_ROOM_CPU, CPU_EVENT_##event, (core)->partition, (core)->vp,         \
          __VA_ARGS__)

#endif
