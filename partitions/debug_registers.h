/* The registers of a VP by number: one table for gdb's descriptions, for its packets, and for people. */
#ifndef PARTITIONS_DEBUG_REGISTERS_H
#define PARTITIONS_DEBUG_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

struct vp;

enum { DEBUG_REGISTER_BYTES = 16 };

/* Which registers exist: gdb knows two sets. Both can be read in every mode. */
enum debug_layout { DEBUG_LAYOUT_32 = 1u << 0, DEBUG_LAYOUT_64 = 1u << 1 };

/* The groups of a description; a register of the group FLAGS or GENERAL is in gdb's core feature. */
enum debug_group {
    DEBUG_GROUP_GENERAL,
    DEBUG_GROUP_SEGMENT,
    DEBUG_GROUP_X87,
    DEBUG_GROUP_SSE,
    DEBUG_GROUP_BASE,
    DEBUG_GROUP_AVX,
    DEBUG_GROUP_SYSTEM,
};

struct debug_register {
    const char *name;
    const char *type; /* gdb's; NULL: an integer */
    uint16_t bits;
    uint8_t group;   /* enum debug_group */
    uint8_t layouts; /* enum debug_layout */
    uint8_t kind, n; /* private to debug_registers.c */
};

/* In gdb's order. */
extern const struct debug_register debug_registers[];
extern const unsigned debug_register_n;

/* The mode that the VP is in: 16, 32 or 64. */
unsigned debug_bits(const struct vp *vp);

/* The row of a layout's register number, or NULL. */
const struct debug_register *debug_register_of(enum debug_layout layout, unsigned number);
const struct debug_register *debug_register_named(enum debug_layout layout, const char *name);

/* Little-endian; bits / 8 bytes. Only while the machine is held.
 * The instruction pointer is the linear address: in 16-bit modes CS's base is in it. A segment register written in
 * real mode moves its base; in protected mode only the selector changes, its hidden part stays. Of control registers
 * the bits that make the mode stay. */
void debug_register_read(struct vp *vp, const struct debug_register *reg,
                         uint8_t value[DEBUG_REGISTER_BYTES]);
void debug_register_write(struct vp *vp, const struct debug_register *reg,
                          const uint8_t value[DEBUG_REGISTER_BYTES]);

#endif
