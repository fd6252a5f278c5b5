/* Entering interrupt and exception handlers, and hardware task switches: shared by delivery and INT n. [SDM 3A 6, 7] */
#ifndef CPU_EXEC_INTERRUPT_H
#define CPU_EXEC_INTERRUPT_H

#include "cpu/exec/exec.h"

/* One event on its way through the IDT or IVT. */
struct interrupt_event {
    uint8_t vector;
    bool software;  /* INT n, INT3, INTO: gate DPL is checked */
    bool int_n;     /* INT n only: virtual-8086 redirection and IOPL */
    bool has_error;
    uint32_t error;
    uint64_t rflags; /* image to push */
    uint64_t rip;    /* to push */
    uint16_t insn_offset; /* of the running instruction in its block, 0 in delivery: for faults in a new task */
};

/* Everything up to the handler's first instruction: RIP is set. Raises (nothing changed but memory) what goes wrong. */
void interrupt_enter(struct core *core, const struct interrupt_event *event);

enum task_switch { TASK_JMP, TASK_CALL, TASK_IRET, TASK_INTERRUPT };

struct task_switch_request {
    enum task_switch kind;
    uint16_t selector;   /* of the new TSS */
    uint64_t raw;        /* its descriptor; type and presence have been checked */
    uint64_t rip;        /* to save in the old TSS */
    bool has_error;      /* pushed on the new stack */
    uint32_t error;
    uint16_t insn_offset;
};

/* RIP, all registers and the mode are the new task's afterwards. */
void task_switch(struct core *core, const struct task_switch_request *request);
/* Check a TSS selector (GDT, in range, type available or busy): errors by vector (#GP, or #TS for IRET), #NP. */
uint64_t task_fetch(struct core *core, uint16_t selector, bool busy, unsigned vector);

#endif
