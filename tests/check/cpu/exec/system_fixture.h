/* A core fixture with descriptor tables, task state segments and stacks of two privilege levels. */
#ifndef TESTS_CHECK_CPU_EXEC_SYSTEM_FIXTURE_H
#define TESTS_CHECK_CPU_EXEC_SYSTEM_FIXTURE_H

#include "cpu/exec/exec.h"
#include "tests/check/cpu/exec/core_fixture.h"

enum {
    GDT = 0x12000,
    IDT = 0x13000,
    TSS_A = 0x14000,
    TSS_B = 0x15000,
    LDT = 0x16000,
    TSS_LONG = 0x17000,
    STACK0 = 0x19000, /* tops */
    STACK3 = 0x1a000,
    HANDLER = 0x8800,
};

/* Selectors of the GDT, RPL 0. 32-bit segments are flat. */
enum {
    CODE0 = 0x08,
    DATA0 = 0x10,
    CODE3 = 0x18,
    DATA3 = 0x20,
    CODE16 = 0x28, /* limit ffffh */
    DATA16 = 0x30,
    CONFORMING = 0x38,
    ABSENT = 0x40, /* data, DPL 0, not present */
    READ_ONLY = 0x48,
    EXECUTE_ONLY = 0x50,
    SMALL_CODE = 0x58, /* limit 0fffh */
    LDT_A = 0x60,
    TSS_A_SELECTOR = 0x68, /* in TR */
    TSS_B_SELECTOR = 0x70,
    CALL_GATE = 0x78, /* DPL 3, to CODE0:HANDLER, two parameters */
    TASK_GATE = 0x80, /* DPL 3, to TSS_B */
    ABSENT_CODE = 0x88,
    CODE64 = 0x90,
    CODE64_3 = 0x98,
    TSS_LONG_SELECTOR = 0xa0,
    CALL_GATE_LONG = 0xb0,
    GDT_BYTES = 0xc0,
};

uint64_t descriptor_make(uint32_t base, uint32_t limit, uint32_t attributes);
uint64_t gate_make(uint16_t selector, uint32_t offset, unsigned type, unsigned dpl, unsigned low);

struct core_fixture *system_fixture_create(enum fixture_mode mode);
/* Flat 32-bit (or 64-bit) code at this privilege, with its stack. */
void system_fixture_level(struct core_fixture *fixture, unsigned cpl);
/* An IDT gate (64-bit in FIXTURE_LONG; ist for those). */
void system_fixture_gate(struct core_fixture *fixture, unsigned vector, uint16_t selector,
                         unsigned type, unsigned dpl, unsigned ist);
/* Virtual-8086 mode with CS = 800h:0, SS:SP = 1900h:0fffh..., IOPL. */
void system_fixture_v86(struct core_fixture *fixture, unsigned iopl);

/* Deliver an exception or interrupt at the present RIP. */
bool system_fixture_deliver(struct core_fixture *fixture, enum interrupt_source source,
                            unsigned vector, bool has_error, uint32_t error,
                            struct x86_fault *first);

#endif
