/* A streaming 64-bit hash of words and bytes: the same on every host. Multiply, rotate, and a final
 * mix after which every input bit reaches every output bit; not for secrets. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

/* Odd, with about half of the bits set, and without a pattern: fractions of square roots. */
#define HASH_MULTIPLY_IN  UINT64_C(0x6a09e667f3bcc909) /* sqrt 2 */
#define HASH_MULTIPLY_MIX UINT64_C(0xbb67ae8584caa73b) /* sqrt 3 */
#define HASH_START        UINT64_C(0x3c6ef372fe94f82b) /* sqrt 5 */

struct hash {
    uint64_t state;
    uint64_t words;
};

static inline uint64_t hash_rotate(uint64_t value, unsigned by)
{
    return value << by | value >> (64 - by);
}

static inline void hash_init(struct hash *hash)
{
    *hash = (struct hash){ .state = HASH_START };
}

static ALWAYS_INLINE uint64_t hash_step(uint64_t state, uint64_t word)
{
    word *= HASH_MULTIPLY_IN;
    word ^= word >> 32;
    return (hash_rotate(state, 29) ^ word) * HASH_MULTIPLY_MIX;
}

static inline void hash_word(struct hash *hash, uint64_t word)
{
    hash->state = hash_step(hash->state, word);
    hash->words++;
}

/* Little-endian words of the bytes, the rest filled up with zeros, and their number. */
static inline void hash_bytes(struct hash *hash, const void *bytes, size_t n)
{
    const uint8_t *from = bytes;
    uint64_t last = 0;

    hash_word(hash, n);
    for (; n >= 8; n -= 8, from += 8) {
        hash_word(hash, le64_load(from));
    }
    for (size_t i = 0; i < n; i++) {
        last |= (uint64_t)from[i] << 8 * i;
    }
    if (n > 0) {
        hash_word(hash, last);
    }
}

/* The hash of what was put in until now; more may follow. */
static inline uint64_t hash_value(const struct hash *hash)
{
    uint64_t value = hash->state ^ hash->words;

    for (unsigned i = 0; i < 3; i++) {
        value ^= value >> 31;
        value *= i % 2 == 0 ? HASH_MULTIPLY_IN : HASH_MULTIPLY_MIX;
    }
    return value ^ value >> 33;
}

#endif
