/* The bits of float and double, and what a look at them says. [SDM 1 4.2, 4.8] */
#ifndef CPU_EXEC_FP_BITS_H
#define CPU_EXEC_FP_BITS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/compiler.h"

static ALWAYS_INLINE float f32_value(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static ALWAYS_INLINE uint32_t f32_bits(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static ALWAYS_INLINE double f64_value(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static ALWAYS_INLINE uint64_t f64_bits(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

/* Normal, and not of the smallest binade: rounding cannot have met underflow. */
static ALWAYS_INLINE bool f32_is_plain(uint32_t a)
{
    return (a >> 23 & 0xff) - 2 < 0xff - 2;
}

static ALWAYS_INLINE bool f64_is_plain(uint64_t a)
{
    return (a >> 52 & 0x7ff) - 2 < 0x7ff - 2;
}

#endif
