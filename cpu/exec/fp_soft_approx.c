/* RCPPS and RSQRTPS: the exact value rounded to 13 significant bits, on every host the same. [SDM 2
 * RCPPS, RSQRTPS]
 *
 * The relative error is at most 2^-13, within the manual's 1.5 * 2^-12. Ties do not occur in RSQRT
 * and are rounded up in RCP. Denormal operands count as zeros of their sign; results below the
 * normal range are zeros of their sign.
 */
#include "cpu/exec/fp_soft.h"

#define F32_SIGN       0x80000000u
#define F32_INF        0x7f800000u
#define F32_QUIET      0x00400000u
#define F32_INDEFINITE 0xffc00000u

enum { RESULT_BITS = 13 };

uint32_t fp_soft_f32_rcp(uint32_t a)
{
    uint32_t sign = a & F32_SIGN, exp = a >> 23 & 0xff, fraction = a & 0x7fffff, result;
    int32_t result_exp;

    if (exp == 0xff) {
        return fraction != 0 ? a | F32_QUIET : sign;
    }
    if (exp == 0) {
        return sign | F32_INF;
    }
    /* 1 / 1.f = 2^23 / sig, in (1/2, 1]: with 2^(RESULT_BITS + 1) more, halved to round. */
    result = (uint32_t)((UINT64_C(1) << (23 + RESULT_BITS + 1)) / (fraction | 0x800000));
    result = (result + 1) >> 1;
    result_exp = 253 - (int32_t)exp;
    if (result >> RESULT_BITS) { /* 1.0 */
        result >>= 1;
        result_exp++;
    }
    if (result_exp <= 0) {
        return sign;
    }
    return sign | (uint32_t)result_exp << 23 | (result << (24 - RESULT_BITS) & 0x7fffff);
}

uint32_t fp_soft_f32_rsqrt(uint32_t a)
{
    uint32_t sign = a & F32_SIGN, exp = a >> 23 & 0xff, fraction = a & 0x7fffff;
    uint64_t sig, result = 0;
    int32_t e;

    if (exp == 0xff && fraction != 0) {
        return a | F32_QUIET;
    }
    if (exp == 0) {
        return sign | F32_INF;
    }
    if (sign) {
        return F32_INDEFINITE;
    }
    if (exp == 0xff) {
        return 0;
    }
    /* a = s * 2^(2e) with s in [1, 4): 1 / sqrt(s) in (1/2, 1]. */
    e = ((int32_t)exp - 127) >> 1;
    sig = (uint64_t)(fraction | 0x800000) << (((int32_t)exp - 127) & 1);
    /* The largest r with (r / 2^14)^2 * s <= 1, bit by bit; one bit more than kept, to round. */
    for (uint64_t bit = UINT64_C(1) << (RESULT_BITS + 1); bit != 0; bit >>= 1) {
        uint64_t r = result | bit;

        if (r * r * sig <= UINT64_C(1) << (23 + 2 * (RESULT_BITS + 1))) {
            result = r;
        }
    }
    result = (result + 1) >> 1;
    if (result >> RESULT_BITS) {
        result >>= 1;
        e--;
    }
    return (uint32_t)(126 - e) << 23 | ((uint32_t)result << (24 - RESULT_BITS) & 0x7fffff);
}
