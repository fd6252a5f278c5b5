/* 128-bit significands: multiply, add, divide. */
#include "cpu/exec/fp_soft_wide.h"

struct fp_wide fp_wide_from(fp_u128 value, int32_t exp, bool sign)
{
    int shift;

    if (value == 0) {
        return (struct fp_wide){ .sign = sign };
    }
    shift = value >> 64 ? __builtin_clzll((uint64_t)(value >> 64))
                        : 64 + __builtin_clzll((uint64_t)value);
    return (struct fp_wide){ .sig = value << shift, .exp = exp - shift, .sign = sign };
}

struct fp_wide fp_wide_from_num(struct fp_num num)
{
    return (struct fp_wide){ .sig = (fp_u128)num.sig << 64, .exp = num.exp, .sign = num.sign };
}

fp_u128 fp_mul_high(fp_u128 a, fp_u128 b)
{
    uint64_t a1 = (uint64_t)(a >> 64), a0 = (uint64_t)a, b1 = (uint64_t)(b >> 64), b0 = (uint64_t)b;
    fp_u128 middle1 = (fp_u128)a1 * b0, middle2 = (fp_u128)a0 * b1, low = (fp_u128)a0 * b0;
    fp_u128 carry = (low >> 64) + (uint64_t)middle1 + (uint64_t)middle2;

    return (fp_u128)a1 * b1 + (middle1 >> 64) + (middle2 >> 64) + (carry >> 64);
}

struct fp_wide fp_wide_mul(struct fp_wide a, struct fp_wide b)
{
    return fp_wide_from(fp_mul_high(a.sig, b.sig), a.exp + b.exp + 1, a.sign != b.sign);
}

struct fp_wide fp_wide_add(struct fp_wide a, struct fp_wide b)
{
    struct fp_wide big = a, small = b;

    if (a.sig == 0 || b.sig == 0) {
        return a.sig == 0 ? b : a;
    }
    if (a.exp < b.exp || (a.exp == b.exp && a.sig < b.sig)) {
        big = b;
        small = a;
    }
    small.sig = fp_shift_right_jam(small.sig, (uint32_t)(big.exp - small.exp));
    if (big.sign != small.sign) {
        return fp_wide_from(big.sig - small.sig, big.exp, big.sign);
    }
    big.sig += small.sig;
    if (big.sig < small.sig) { /* carry */
        big.sig = big.sig >> 1 | (fp_u128)1 << 127;
        big.exp++;
    }
    return big;
}

struct fp_wide fp_wide_div(struct fp_wide a, struct fp_wide b)
{
    fp_u128 rest = a.sig, quotient = 0;
    bool carry = false;

    if (a.sig == 0) {
        return a;
    }
    for (unsigned i = 0; i < 128; i++) {
        quotient <<= 1;
        if (carry || rest >= b.sig) {
            rest -= b.sig;
            quotient |= 1;
        }
        carry = rest >> 127;
        rest <<= 1;
    }
    return fp_wide_from(quotient, a.exp - b.exp, a.sign != b.sign);
}

fp_u128 fp_wide_fraction(struct fp_wide a)
{
    int32_t shift = -1 - a.exp;

    return shift > 127 ? 0 : a.sig >> shift;
}
