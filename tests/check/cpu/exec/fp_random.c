/* Random floating-point operands: few-bit fractions, extreme and middling exponents. */
#include "tests/check/cpu/exec/fp_random.h"

#include <stdlib.h>

uint64_t fp_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* A fraction with few or many bits, left-aligned in 64. */
static uint64_t random_fraction(uint64_t *s)
{
    uint64_t r = fp_random(s);

    switch (fp_random(s) % 6) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX << r % 64;
    case 2:
        return UINT64_C(1) << r % 64;
    case 3:
        return r << r % 64;
    case 4:
        return r >> 40 << 40;
    default:
        return r;
    }
}

static unsigned random_exponent(uint64_t *s, unsigned max)
{
    unsigned bias = max / 2, r = (unsigned)fp_random(s);

    switch (fp_random(s) % 8) {
    case 0:
        return 0;
    case 1:
        return max;
    case 2:
        return max - r % 4;
    case 3:
        return r % 70;
    case 4:
    case 5:
        return bias - 8 + r % 80;
    case 6:
        return bias - 3 + r % 6;
    default:
        return r % (max + 1);
    }
}

struct x87_value fp_random_value(uint64_t *s, enum fp_shape shape)
{
    uint64_t sign = fp_random(s) & 1, fraction = random_fraction(s);
    unsigned exponent;

    switch (shape) {
    case FP_SHAPE_F32:
        exponent = random_exponent(s, 255);
        return (struct x87_value){ sign << 31 | (uint64_t)exponent << 23 | fraction >> 41, 0 };
    case FP_SHAPE_F64:
        exponent = random_exponent(s, 2047);
        return (struct x87_value){ sign << 63 | (uint64_t)exponent << 52 | fraction >> 12, 0 };
    case FP_SHAPE_F80:
        exponent = random_exponent(s, 32767);
        fraction >>= 1;
        if (exponent != 0 ? fp_random(s) % 64 != 0 : fp_random(s) % 8 == 0) {
            fraction |= UINT64_C(1) << 63;
        }
        return (struct x87_value){ fraction, (uint16_t)(sign << 15 | exponent) };
    case FP_SHAPE_I32:
        return (struct x87_value){ (uint32_t)(fraction >> fp_random(s) % 64), 0 };
    default:
        fraction >>= fp_random(s) % 64;
        return (struct x87_value){ sign ? 0 - fraction : fraction, 0 };
    }
}

uint64_t fp_distance(struct x87_value a, struct x87_value b)
{
    __extension__ typedef unsigned __int128 wide;
    wide x = (wide)(a.sign_exponent & 0x7fff) << 63 | (a.significand & INT64_MAX);
    wide y = (wide)(b.sign_exponent & 0x7fff) << 63 | (b.significand & INT64_MAX);

    if ((a.sign_exponent ^ b.sign_exponent) >> 15) {
        return UINT64_MAX;
    }
    x = x > y ? x - y : y - x;
    return x > UINT64_MAX ? UINT64_MAX : (uint64_t)x;
}

unsigned long fp_env_number(const char *name, unsigned long otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoul(text, NULL, 0) : otherwise;
}
