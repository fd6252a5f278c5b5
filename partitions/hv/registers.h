/* VP registers by name; callers hold the lock. [TLFS hv_register_name] */
#ifndef PARTITIONS_HV_REGISTERS_H
#define PARTITIONS_HV_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "partitions/hv/status.h"
#include "partitions/vp.h"

/* A 128-bit register value, little-endian. */
enum { HV_REGISTER_VALUE_BYTES = 16 };

hv_status_t hv_register_get(struct vp *vp, uint32_t name, uint8_t value[HV_REGISTER_VALUE_BYTES]);
/* *core_changed is set when the processor must look at its state again. */
hv_status_t hv_register_set(struct vp *vp, uint32_t name,
                            const uint8_t value[HV_REGISTER_VALUE_BYTES], bool *core_changed);

/* Names as tests walk them; false after the last. */
bool hv_register_row(unsigned index, uint32_t *name, const char **text, bool *writable);

/* Those that C code of the parent names. */
enum hv_register_name {
    HV_REGISTER_EXPLICIT_SUSPEND = 0x00000000,
    HV_REGISTER_INTERCEPT_SUSPEND = 0x00000001,
    HV_REGISTER_INTERNAL_ACTIVITY_STATE = 0x00000004,
    HV_REGISTER_PENDING_INTERRUPTION = 0x00010002,
    HV_REGISTER_INTERRUPT_STATE = 0x00010003,
    HV_X64_REGISTER_RAX = 0x00020000, /* RCX RDX RBX RSP RBP RSI RDI R8-R15 follow */
    HV_X64_REGISTER_RIP = 0x00020010,
    HV_X64_REGISTER_RFLAGS = 0x00020011,
    HV_X64_REGISTER_XMM0 = 0x00030000,
    HV_X64_REGISTER_CR0 = 0x00040000,
    HV_X64_REGISTER_CR2 = 0x00040001,
    HV_X64_REGISTER_CR3 = 0x00040002,
    HV_X64_REGISTER_CR4 = 0x00040003,
    HV_X64_REGISTER_CR8 = 0x00040004,
    HV_X64_REGISTER_ES = 0x00060000, /* CS SS DS FS GS LDTR TR follow */
    HV_X64_REGISTER_CS = 0x00060001,
    HV_X64_REGISTER_SS = 0x00060002,
    HV_X64_REGISTER_DS = 0x00060003,
    HV_X64_REGISTER_FS = 0x00060004,
    HV_X64_REGISTER_GS = 0x00060005,
    HV_X64_REGISTER_LDTR = 0x00060006,
    HV_X64_REGISTER_TR = 0x00060007,
    HV_X64_REGISTER_IDTR = 0x00070000,
    HV_X64_REGISTER_GDTR = 0x00070001,
    HV_X64_REGISTER_EFER = 0x00080001,
};

#endif
