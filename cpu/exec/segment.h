/* Descriptors and segment registers: reading tables, loading with every check, stacks of far transfers. [SDM 3A 3, 5] */
#ifndef CPU_EXEC_SEGMENT_H
#define CPU_EXEC_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu/exec/core.h"

/* System descriptor types. [SDM 3A table 3-2] */
enum {
    SYSTEM_TSS16_AVAILABLE = 1,
    SYSTEM_LDT = 2,
    SYSTEM_TSS16_BUSY = 3,
    SYSTEM_CALL_GATE16 = 4,
    SYSTEM_TASK_GATE = 5,
    SYSTEM_INTERRUPT_GATE16 = 6,
    SYSTEM_TRAP_GATE16 = 7,
    SYSTEM_TSS_AVAILABLE = 9,
    SYSTEM_TSS_BUSY = 11,
    SYSTEM_CALL_GATE = 12,
    SYSTEM_INTERRUPT_GATE = 14,
    SYSTEM_TRAP_GATE = 15,
    SYSTEM_BUSY_BIT = 2,
};

#define SELECTOR_RPL  3u
#define SELECTOR_TI   4u
#define SELECTOR_NULL(selector) (((selector) & ~SELECTOR_RPL) == 0)

static inline bool core_in_v86(const struct core *core)
{
    return (core->state.rflags_rest & FLAG_VM) != 0;
}

/* Protected mode with descriptors: not real, not virtual-8086 mode. */
static inline bool core_in_protected(const struct core *core)
{
    return (core->state.cr0 & CR0_PE) && !core_in_v86(core);
}

static inline bool core_in_long(const struct core *core)
{
    return (core->state.efer & EFER_LMA) != 0;
}

static inline unsigned core_iopl(const struct core *core)
{
    return core->state.rflags_rest >> 12 & 3;
}

static inline bool gva_canonical(uint64_t gva)
{
    return (uint64_t)((int64_t)(gva << 16) >> 16) == gva;
}

/* ---- descriptors: the 8 bytes as one word ---- */
static inline unsigned descriptor_type(uint64_t raw) /* type and S: 0..15 system, 16..31 code and data */
{
    return raw >> 40 & 0x1f;
}

static inline unsigned descriptor_dpl(uint64_t raw)
{
    return raw >> 45 & 3;
}

static inline bool descriptor_present(uint64_t raw)
{
    return raw >> 47 & 1;
}

static inline bool descriptor_is_code(uint64_t raw)
{
    return (raw >> 43 & 3) == 3;
}

static inline bool descriptor_is_conforming_code(uint64_t raw)
{
    return (raw >> 42 & 7) == 7;
}

static inline bool descriptor_is_writable_data(uint64_t raw)
{
    return (raw >> 40 & (SEG_S | SEG_CODE | SEG_WRITABLE)) == (SEG_S | SEG_WRITABLE);
}

static inline uint32_t descriptor_base(uint64_t raw)
{
    return (uint32_t)(raw >> 16 & 0xffffff) | (uint32_t)(raw >> 32 & 0xff000000);
}

uint32_t descriptor_limit(uint64_t raw);

/* The segment register that a descriptor makes. */
struct x86_segment segment_of_descriptor(uint16_t selector, uint64_t raw);

/* Read the descriptor of a non-null selector. False when it lies beyond its table. May raise #PF. */
bool descriptor_read(struct core *core, uint16_t selector, uint64_t *raw);
/* The second 8 bytes of a 16-byte system descriptor (IA-32e mode). */
bool descriptor_read_upper(struct core *core, uint16_t selector, uint64_t *raw);
/* The same, raising vector(selector) beyond the table. */
uint64_t descriptor_fetch(struct core *core, uint16_t selector, unsigned vector);
/* Set the accessed bit of a code or data descriptor in memory if it is clear. */
void descriptor_access(struct core *core, uint16_t selector, uint64_t *raw);
/* Store byte 5 (type, S, DPL, P) of a descriptor. */
void descriptor_store_type(struct core *core, uint16_t selector, uint64_t raw);

/* ---- segment registers ---- */

/* Real and virtual-8086 mode: base = selector * 16. */
void segment_load_real(struct core *core, unsigned segment, uint16_t selector);
/* MOV, POP, LDS...: any mode, with every check of protected mode; the caller calls core_mode_update (SS, or when
 * core->bits is not 64) or segment_loaded. Not CS. */
void segment_load(struct core *core, unsigned segment, uint16_t selector);
/* What is derived from one segment register, after a load of it: cheap. Calls core_mode_update where needed. */
void segment_loaded(struct core *core, unsigned segment);
/* The checks of a stack segment for privilege cpl. vector: #GP, or #TS in stack switches; not present is #SS. */
uint64_t segment_check_ss(struct core *core, uint16_t selector, unsigned cpl, unsigned vector);
/* Make the register unusable with this null selector; the base stays. */
void segment_set_null(struct core *core, unsigned segment, uint16_t selector);
/* After a return to an outer level: unusable data segments of inner levels. */
void segment_drop_inner(struct core *core, unsigned cpl);
/* Does [offset, offset + size) lie inside? protected_mode: expand-down counts. */
bool segment_limit_allows(const struct x86_segment *segment, uint64_t offset, unsigned size);

/* Load CS from a checked descriptor, RPL = cpl. */
void segment_set_cs(struct core *core, uint16_t selector, uint64_t raw, unsigned cpl);
/* #GP(0) when offset is no valid instruction address in the code segment of this descriptor. */
void code_check_offset(struct core *core, uint64_t raw, uint64_t offset);

/* ---- the stack of a far transfer: pushes go to memory, the registers are set by the caller at the end ---- */
struct far_stack {
    struct x86_segment ss;
    uint64_t sp;
    uint64_t mask; /* of the stack pointer: 64K, 4G, all */
    uint8_t cpl;   /* privilege of the accesses */
    bool wide;     /* 64-bit mode: no segmentation */
    uint16_t error; /* of #SS when the limit is exceeded: the new stack's selector, or 0 */
};

/* The stack in use. */
struct far_stack far_stack_current(const struct core *core);
/* A new stack segment for cpl. */
struct far_stack far_stack_new(struct x86_segment ss, uint64_t sp, unsigned cpl);
void far_stack_push(struct core *core, struct far_stack *stack, uint64_t value, unsigned size);
uint64_t far_stack_pop(struct core *core, struct far_stack *stack, unsigned size);
/* RSP's new value: the bits outside the mask stay. */
uint64_t far_stack_pointer(const struct core *core, const struct far_stack *stack);
/* Memory access at a given privilege, not core->cpl. */
void far_store(struct core *core, gva_t gva, const void *data, unsigned size, unsigned cpl);
void far_load(struct core *core, gva_t gva, void *data, unsigned size, unsigned cpl);

/* SS:SP for privilege dpl from the current TSS. #TS when it is too small. 16- and 32-bit TSS. */
void tss_stack(struct core *core, unsigned dpl, uint16_t *ss, uint32_t *sp);
/* 64-bit TSS: RSP0..2 (slot 0..2) or IST1..7 (slot 3 + ist). */
uint64_t tss_stack_long(struct core *core, unsigned slot);

#endif
