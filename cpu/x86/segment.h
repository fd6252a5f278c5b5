/* Segments: the cached descriptor of a segment register and its attribute bits. [SDM 3A 3.4; TLFS hv_x64_segment_register] */
#ifndef CPU_X86_SEGMENT_H
#define CPU_X86_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

/* Attributes in the layout of a descriptor's bits 40..55 (also the TLFS's and VMX's). */
enum {
    SEG_TYPE = 0xf,
    SEG_ACCESSED = 1u << 0,
    SEG_WRITABLE = 1u << 1,   /* data */
    SEG_READABLE = 1u << 1,   /* code */
    SEG_EXPAND_DOWN = 1u << 2, /* data */
    SEG_CONFORMING = 1u << 2, /* code */
    SEG_CODE = 1u << 3,
    SEG_S = 1u << 4,          /* code or data, not system */
    SEG_DPL_SHIFT = 5,
    SEG_P = 1u << 7,
    SEG_AVL = 1u << 12,
    SEG_L = 1u << 13,
    SEG_DB = 1u << 14,
    SEG_G = 1u << 15,
    SEG_UNUSABLE = 1u << 16,  /* a null selector was loaded: not of the descriptor */
};

struct x86_segment {
    uint64_t base;
    uint32_t limit; /* in bytes, granularity applied */
    uint32_t attributes;
    uint16_t selector;
};

struct x86_table {
    uint64_t base;
    uint16_t limit;
};

static inline unsigned segment_dpl(const struct x86_segment *segment)
{
    return segment->attributes >> SEG_DPL_SHIFT & 3;
}

#endif
