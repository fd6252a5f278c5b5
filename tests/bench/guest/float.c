/* Floating point and vectors. */
#include <emmintrin.h>
#include <stddef.h>
#include <string.h>

#include "kernels.h"

static uint64_t bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static uint64_t matmul(uint64_t count)
{
    enum { SIDE = 96 };
    static double a[SIDE][SIDE], b[SIDE][SIDE], product[SIDE][SIDE];

    for (int i = 0; i < SIDE; i++) {
        for (int j = 0; j < SIDE; j++) {
            a[i][j] = 0.5 * i + j;
            b[i][j] = 0.25 * j - i;
        }
    }
    while (count-- > 0) {
        for (int i = 0; i < SIDE; i++) {
            for (int j = 0; j < SIDE; j++) {
                double sum = 0.5 * product[i][j];
                for (int k = 0; k < SIDE; k++) {
                    sum += a[i][k] * b[k][j];
                }
                product[i][j] = sum;
            }
        }
    }
    return bits_of(product[SIDE / 3][SIDE / 2]);
}

static uint64_t x87(uint64_t count)
{
    volatile long double x = 1.0L, y = 0.25L;

    while (count-- > 0) {
        x = 1.0000001L * x + y;
        y = 1.0L / x + 0.25L * y;
    }
    return bits_of((double)(x - y));
}

static uint64_t sse2(uint64_t count)
{
    enum { WORDS = 1024 };
    static float numbers[WORDS] __attribute__((aligned(16)));
    static uint32_t words[WORDS] __attribute__((aligned(16)));
    __m128 sum = _mm_setzero_ps();
    __m128i hash = _mm_setzero_si128();
    uint64_t state = 1;
    float floats[4];
    uint64_t integers[2];

    for (int i = 0; i < WORDS; i++) {
        numbers[i] = 0.002f * (float)i;
        words[i] = next_random(&state);
    }
    while (count-- > 0) {
        for (int i = 0; i < WORDS; i += 4) {
            __m128i word = _mm_load_si128((const __m128i *)(const void *)(words + i));
            sum = _mm_add_ps(_mm_mul_ps(sum, _mm_set1_ps(0.5f)),
                             _mm_sqrt_ps(_mm_load_ps(numbers + i)));
            word = _mm_xor_si128(_mm_slli_epi32(word, 3), _mm_shuffle_epi32(word, 0x1b));
            hash = _mm_add_epi32(hash, _mm_unpackhi_epi8(word, _mm_srli_epi32(word, 5)));
        }
    }
    _mm_storeu_ps(floats, sum);
    _mm_storeu_si128((__m128i *)(void *)integers, hash);
    return mix(mix(bits_of(floats[0] + floats[3]), integers[0]), integers[1]);
}

const struct kernel float_kernels[] = {
    { "matmul", matmul }, { "x87", x87 }, { "sse2", sse2 }, { NULL, NULL }
};
