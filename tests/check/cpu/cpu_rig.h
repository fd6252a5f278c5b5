/* A cpu in flat 32-bit protected mode over 1 MiB of RAM: runs code from bytes until it halts. */
#ifndef TESTS_CHECK_CPU_CPU_RIG_H
#define TESTS_CHECK_CPU_CPU_RIG_H

#include "cpu/cpu.h"

enum {
    RIG_RAM_BYTES = 1 << 20,
    RIG_CODE = 0x1000,
    RIG_GDT = 0x3000,
    RIG_IDT = 0x4000,
    RIG_HANDLERS = 0x5000,
    RIG_STACK = 0x8000,
    RIG_TABLES = 0x10000 /* of rig_long_mode */
};

/* A cpu in flat 32-bit protected mode whose exception handlers halt. */
struct rig {
    struct ram ram;
    struct space space;
    struct cpu cpu;
    int vector; /* what acknowledge answers, -1: nothing */
};

/* Handler n of 64 is: mov dl, n; hlt. Ports answer 0. */
struct rig *rig_create(const void *code, size_t n);
void rig_destroy(struct rig *rig);
/* To 64-bit mode, with one page of 2 MiB one to one, and nothing else. No exception can be delivered. */
void rig_long_mode(struct rig *rig);

#define RIG(...)                                                                                   \
    rig_create((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

#endif
