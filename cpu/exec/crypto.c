/* AES-NI, PCLMULQDQ and SHA in portable C. [SDM 2 AESENC .., PCLMULQDQ, SHA1RNDS4 ..; FIPS 197; FIPS 180-4] */
#include "cpu/exec/exec.h"
#include "cpu/exec/vex.h"

/* ---- AES: a state is 16 bytes, column by column ---- */

// clang-format off
static const uint8_t sbox[256] = {
    0x63, 0x7c, 0x77, 0x7b, 0xf2, 0x6b, 0x6f, 0xc5, 0x30, 0x01, 0x67, 0x2b, 0xfe, 0xd7, 0xab, 0x76,
    0xca, 0x82, 0xc9, 0x7d, 0xfa, 0x59, 0x47, 0xf0, 0xad, 0xd4, 0xa2, 0xaf, 0x9c, 0xa4, 0x72, 0xc0,
    0xb7, 0xfd, 0x93, 0x26, 0x36, 0x3f, 0xf7, 0xcc, 0x34, 0xa5, 0xe5, 0xf1, 0x71, 0xd8, 0x31, 0x15,
    0x04, 0xc7, 0x23, 0xc3, 0x18, 0x96, 0x05, 0x9a, 0x07, 0x12, 0x80, 0xe2, 0xeb, 0x27, 0xb2, 0x75,
    0x09, 0x83, 0x2c, 0x1a, 0x1b, 0x6e, 0x5a, 0xa0, 0x52, 0x3b, 0xd6, 0xb3, 0x29, 0xe3, 0x2f, 0x84,
    0x53, 0xd1, 0x00, 0xed, 0x20, 0xfc, 0xb1, 0x5b, 0x6a, 0xcb, 0xbe, 0x39, 0x4a, 0x4c, 0x58, 0xcf,
    0xd0, 0xef, 0xaa, 0xfb, 0x43, 0x4d, 0x33, 0x85, 0x45, 0xf9, 0x02, 0x7f, 0x50, 0x3c, 0x9f, 0xa8,
    0x51, 0xa3, 0x40, 0x8f, 0x92, 0x9d, 0x38, 0xf5, 0xbc, 0xb6, 0xda, 0x21, 0x10, 0xff, 0xf3, 0xd2,
    0xcd, 0x0c, 0x13, 0xec, 0x5f, 0x97, 0x44, 0x17, 0xc4, 0xa7, 0x7e, 0x3d, 0x64, 0x5d, 0x19, 0x73,
    0x60, 0x81, 0x4f, 0xdc, 0x22, 0x2a, 0x90, 0x88, 0x46, 0xee, 0xb8, 0x14, 0xde, 0x5e, 0x0b, 0xdb,
    0xe0, 0x32, 0x3a, 0x0a, 0x49, 0x06, 0x24, 0x5c, 0xc2, 0xd3, 0xac, 0x62, 0x91, 0x95, 0xe4, 0x79,
    0xe7, 0xc8, 0x37, 0x6d, 0x8d, 0xd5, 0x4e, 0xa9, 0x6c, 0x56, 0xf4, 0xea, 0x65, 0x7a, 0xae, 0x08,
    0xba, 0x78, 0x25, 0x2e, 0x1c, 0xa6, 0xb4, 0xc6, 0xe8, 0xdd, 0x74, 0x1f, 0x4b, 0xbd, 0x8b, 0x8a,
    0x70, 0x3e, 0xb5, 0x66, 0x48, 0x03, 0xf6, 0x0e, 0x61, 0x35, 0x57, 0xb9, 0x86, 0xc1, 0x1d, 0x9e,
    0xe1, 0xf8, 0x98, 0x11, 0x69, 0xd9, 0x8e, 0x94, 0x9b, 0x1e, 0x87, 0xe9, 0xce, 0x55, 0x28, 0xdf,
    0x8c, 0xa1, 0x89, 0x0d, 0xbf, 0xe6, 0x42, 0x68, 0x41, 0x99, 0x2d, 0x0f, 0xb0, 0x54, 0xbb, 0x16,
};

static const uint8_t inverse_sbox[256] = {
    0x52, 0x09, 0x6a, 0xd5, 0x30, 0x36, 0xa5, 0x38, 0xbf, 0x40, 0xa3, 0x9e, 0x81, 0xf3, 0xd7, 0xfb,
    0x7c, 0xe3, 0x39, 0x82, 0x9b, 0x2f, 0xff, 0x87, 0x34, 0x8e, 0x43, 0x44, 0xc4, 0xde, 0xe9, 0xcb,
    0x54, 0x7b, 0x94, 0x32, 0xa6, 0xc2, 0x23, 0x3d, 0xee, 0x4c, 0x95, 0x0b, 0x42, 0xfa, 0xc3, 0x4e,
    0x08, 0x2e, 0xa1, 0x66, 0x28, 0xd9, 0x24, 0xb2, 0x76, 0x5b, 0xa2, 0x49, 0x6d, 0x8b, 0xd1, 0x25,
    0x72, 0xf8, 0xf6, 0x64, 0x86, 0x68, 0x98, 0x16, 0xd4, 0xa4, 0x5c, 0xcc, 0x5d, 0x65, 0xb6, 0x92,
    0x6c, 0x70, 0x48, 0x50, 0xfd, 0xed, 0xb9, 0xda, 0x5e, 0x15, 0x46, 0x57, 0xa7, 0x8d, 0x9d, 0x84,
    0x90, 0xd8, 0xab, 0x00, 0x8c, 0xbc, 0xd3, 0x0a, 0xf7, 0xe4, 0x58, 0x05, 0xb8, 0xb3, 0x45, 0x06,
    0xd0, 0x2c, 0x1e, 0x8f, 0xca, 0x3f, 0x0f, 0x02, 0xc1, 0xaf, 0xbd, 0x03, 0x01, 0x13, 0x8a, 0x6b,
    0x3a, 0x91, 0x11, 0x41, 0x4f, 0x67, 0xdc, 0xea, 0x97, 0xf2, 0xcf, 0xce, 0xf0, 0xb4, 0xe6, 0x73,
    0x96, 0xac, 0x74, 0x22, 0xe7, 0xad, 0x35, 0x85, 0xe2, 0xf9, 0x37, 0xe8, 0x1c, 0x75, 0xdf, 0x6e,
    0x47, 0xf1, 0x1a, 0x71, 0x1d, 0x29, 0xc5, 0x89, 0x6f, 0xb7, 0x62, 0x0e, 0xaa, 0x18, 0xbe, 0x1b,
    0xfc, 0x56, 0x3e, 0x4b, 0xc6, 0xd2, 0x79, 0x20, 0x9a, 0xdb, 0xc0, 0xfe, 0x78, 0xcd, 0x5a, 0xf4,
    0x1f, 0xdd, 0xa8, 0x33, 0x88, 0x07, 0xc7, 0x31, 0xb1, 0x12, 0x10, 0x59, 0x27, 0x80, 0xec, 0x5f,
    0x60, 0x51, 0x7f, 0xa9, 0x19, 0xb5, 0x4a, 0x0d, 0x2d, 0xe5, 0x7a, 0x9f, 0x93, 0xc9, 0x9c, 0xef,
    0xa0, 0xe0, 0x3b, 0x4d, 0xae, 0x2a, 0xf5, 0xb0, 0xc8, 0xeb, 0xbb, 0x3c, 0x83, 0x53, 0x99, 0x61,
    0x17, 0x2b, 0x04, 0x7e, 0xba, 0x77, 0xd6, 0x26, 0xe1, 0x69, 0x14, 0x63, 0x55, 0x21, 0x0c, 0x7d,
};
// clang-format on

static uint8_t times_2(uint8_t a)
{
    return (uint8_t)(a << 1 ^ (a & 0x80 ? 0x1b : 0));
}

/* ShiftRows and SubBytes, or their inverses: row r of column c comes from column c + r, or c - r. */
static union xmm shift_and_substitute(union xmm a, bool inverse)
{
    union xmm r;

    for (unsigned i = 0; i < 16; i++) {
        unsigned row = i & 3, from = inverse ? i - 4 * row : i + 4 * row;

        r.u8[i] = inverse ? inverse_sbox[a.u8[from & 15]] : sbox[a.u8[from & 15]];
    }
    return r;
}

static union xmm mix_columns(union xmm a)
{
    union xmm r;

    for (unsigned i = 0; i < 16; i += 4) {
        const uint8_t *c = &a.u8[i];
        uint8_t all = c[0] ^ c[1] ^ c[2] ^ c[3];

        for (unsigned row = 0; row < 4; row++) {
            r.u8[i + row] = (uint8_t)(c[row] ^ all ^ times_2(c[row] ^ c[(row + 1) & 3]));
        }
    }
    return r;
}

/* The inverse is MixColumns after adding 4 times the sum of each column's alternate bytes. */
static union xmm inverse_mix_columns(union xmm a)
{
    for (unsigned i = 0; i < 16; i += 4) {
        uint8_t even = times_2(times_2(a.u8[i] ^ a.u8[i + 2]));
        uint8_t odd = times_2(times_2(a.u8[i + 1] ^ a.u8[i + 3]));

        a.u8[i] ^= even;
        a.u8[i + 1] ^= odd;
        a.u8[i + 2] ^= even;
        a.u8[i + 3] ^= odd;
    }
    return mix_columns(a);
}

static union xmm xor128(union xmm a, union xmm b)
{
    return xmm_pair(a.u64[0] ^ b.u64[0], a.u64[1] ^ b.u64[1]);
}

static union xmm aesenc(union xmm a, union xmm b, unsigned width)
{
    (void)width;
    return xor128(mix_columns(shift_and_substitute(a, false)), b);
}

static union xmm aesenclast(union xmm a, union xmm b, unsigned width)
{
    (void)width;
    return xor128(shift_and_substitute(a, false), b);
}

static union xmm aesdec(union xmm a, union xmm b, unsigned width)
{
    (void)width;
    return xor128(inverse_mix_columns(shift_and_substitute(a, true)), b);
}

static union xmm aesdeclast(union xmm a, union xmm b, unsigned width)
{
    (void)width;
    return xor128(shift_and_substitute(a, true), b);
}

static union xmm aesimc(union xmm a, union xmm b, unsigned width)
{
    (void)a;
    (void)width;
    return inverse_mix_columns(b);
}

static uint32_t rotate_left(uint32_t a, unsigned n)
{
    return a << n | a >> (32 - n);
}

static uint32_t rotate_right(uint32_t a, unsigned n)
{
    return a >> n | a << (32 - n);
}

static uint32_t substitute_word(uint32_t a)
{
    return sbox[a & 0xff] | (uint32_t)sbox[a >> 8 & 0xff] << 8 |
           (uint32_t)sbox[a >> 16 & 0xff] << 16 | (uint32_t)sbox[a >> 24] << 24;
}

static union xmm aeskeygenassist(union xmm a, union xmm b, unsigned width, unsigned imm)
{
    uint32_t low = substitute_word(b.u32[1]), high = substitute_word(b.u32[3]);

    (void)a;
    (void)width;
    return xmm_pair(lane_pair(low, rotate_right(low, 8) ^ imm),
                    lane_pair(high, rotate_right(high, 8) ^ imm));
}

/* ---- PCLMULQDQ: imm8[0] chooses the half of the first operand, imm8[4] that of the second ---- */
static union xmm pclmulqdq(union xmm a, union xmm b, unsigned width, unsigned imm)
{
    uint64_t x = a.u64[imm & 1], y = b.u64[imm >> 4 & 1], low = 0, high = 0;

    (void)width;
    for (unsigned i = 0; i < 64; i++) {
        uint64_t mask = 0 - (y >> i & 1);

        low ^= x << i & mask;
        high ^= (i != 0 ? x >> (64 - i) : 0) & mask;
    }
    return xmm_pair(low, high);
}

/* ---- SHA-1: words from the highest down are A B C D, or W0 W1 W2 W3 ---- */
static union xmm words(uint32_t w3, uint32_t w2, uint32_t w1, uint32_t w0)
{
    return xmm_pair(lane_pair(w0, w1), lane_pair(w2, w3));
}

static union xmm sha1msg1(union xmm a, union xmm b, unsigned width)
{
    (void)width;
    return words(a.u32[1] ^ a.u32[3], a.u32[0] ^ a.u32[2], b.u32[3] ^ a.u32[1],
                 b.u32[2] ^ a.u32[0]);
}

static union xmm sha1msg2(union xmm a, union xmm b, unsigned width)
{
    uint32_t w16 = rotate_left(a.u32[3] ^ b.u32[2], 1), w17 = rotate_left(a.u32[2] ^ b.u32[1], 1);
    uint32_t w18 = rotate_left(a.u32[1] ^ b.u32[0], 1), w19 = rotate_left(a.u32[0] ^ w16, 1);

    (void)width;
    return words(w16, w17, w18, w19);
}

static union xmm sha1nexte(union xmm a, union xmm b, unsigned width)
{
    (void)width;
    b.u32[3] += rotate_left(a.u32[3], 30);
    return b;
}

static uint32_t sha1_function(unsigned round, uint32_t b, uint32_t c, uint32_t d)
{
    return round == 0 ? (b & c) ^ (~b & d) : round == 2 ? (b & c) ^ (b & d) ^ (c & d) : b ^ c ^ d;
}

static union xmm sha1rnds4(union xmm x, union xmm y, unsigned width, unsigned imm)
{
    static const uint32_t constants[4] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6 };
    uint32_t a = x.u32[3], b = x.u32[2], c = x.u32[1], d = x.u32[0], e = 0;

    (void)width;
    for (unsigned i = 0; i < 4; i++) { /* the first word has E added already */
        uint32_t next = sha1_function(imm & 3, b, c, d) + rotate_left(a, 5) + y.u32[3 - i] + e +
                        constants[imm & 3];

        e = d;
        d = c;
        c = rotate_left(b, 30);
        b = a;
        a = next;
    }
    return words(a, b, c, d);
}

/* ---- SHA-256 ---- */
static uint32_t sigma(uint32_t a, unsigned r1, unsigned r2, unsigned shift)
{
    return rotate_right(a, r1) ^ rotate_right(a, r2) ^ a >> shift;
}

static union xmm sha256msg1(union xmm a, union xmm b, unsigned width)
{
    (void)width;
    return words(a.u32[3] + sigma(b.u32[0], 7, 18, 3), a.u32[2] + sigma(a.u32[3], 7, 18, 3),
                 a.u32[1] + sigma(a.u32[2], 7, 18, 3), a.u32[0] + sigma(a.u32[1], 7, 18, 3));
}

static union xmm sha256msg2(union xmm a, union xmm b, unsigned width)
{
    uint32_t w16 = a.u32[0] + sigma(b.u32[2], 17, 19, 10);
    uint32_t w17 = a.u32[1] + sigma(b.u32[3], 17, 19, 10);

    (void)width;
    return words(a.u32[3] + sigma(w17, 17, 19, 10), a.u32[2] + sigma(w16, 17, 19, 10), w17, w16);
}

/* a: C D G H, b: A B E F (from the highest word down); k: two words and constants added. */
static union xmm sha256_rounds(union xmm x, union xmm y, union xmm k)
{
    uint32_t a = y.u32[3], b = y.u32[2], c = x.u32[3], d = x.u32[2];
    uint32_t e = y.u32[1], f = y.u32[0], g = x.u32[1], h = x.u32[0];

    for (unsigned i = 0; i < 2; i++) {
        uint32_t sum_e = rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);
        uint32_t sum_a = rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22);
        uint32_t t = ((e & f) ^ (~e & g)) + sum_e + k.u32[i] + h;

        h = g;
        g = f;
        f = e;
        e = t + d;
        d = c;
        c = b;
        b = a;
        a = t + ((b & c) ^ (b & d) ^ (c & d)) + sum_a;
    }
    return words(a, b, e, f);
}

EXEC_OP(sha256rnds2)
{
    sse_check(core);
    union xmm b = vector_source128(core, insn, 1), *a = xmm_reg(core, insn, 0);

    *a = sha256_rounds(*a, b, core->state.xmm[0]);
}

// clang-format off
#define CRYPTO_OPS(X) \
    X(aesenc,     AESENC) \
    X(aesenclast, AESENCLAST) \
    X(aesdec,     AESDEC) \
    X(aesdeclast, AESDECLAST) \
    X(aesimc,     AESIMC) \
    X(sha1msg1,   SHA1MSG1) \
    X(sha1msg2,   SHA1MSG2) \
    X(sha1nexte,  SHA1NEXTE) \
    X(sha256msg1, SHA256MSG1) \
    X(sha256msg2, SHA256MSG2)
#define CRYPTO_IMM_OPS(X) \
    X(aeskeygenassist, AESKEYGENASSIST) \
    X(pclmulqdq,       PCLMULQDQ) \
    X(sha1rnds4,       SHA1RNDS4)
// clang-format on

#define X(name, mnemonic) VECTOR_OP_XMM(name)
CRYPTO_OPS(X)
#undef X
#define X(name, mnemonic)                                                                          \
    EXEC_OP(name)                                                                                  \
    {                                                                                              \
        vector_xmm_imm(core, insn, name);                                                          \
    }
CRYPTO_IMM_OPS(X)
#undef X

vector_kernel *const crypto_kernels[OP_COUNT] = {
#define X(name, mnemonic) [OP_##mnemonic] = name,
    CRYPTO_OPS(X)
#undef X
};

vector_imm_kernel *const crypto_imm_kernels[OP_COUNT] = {
#define X(name, mnemonic) [OP_##mnemonic] = name,
    CRYPTO_IMM_OPS(X)
#undef X
};

exec_fn *exec_choose_crypto(const struct insn *insn)
{
    static const struct vector_row rows[OP_COUNT] = {
#define X(name, mnemonic)                                                                          \
    [OP_##mnemonic] = { exec_##name##_xx, exec_##name##_xm, NULL, exec_##name##_xf },
        CRYPTO_OPS(X)
#undef X
#define X(name, mnemonic) [OP_##mnemonic] = { exec_##name, exec_##name, NULL, NULL },
            CRYPTO_IMM_OPS(X) X(sha256rnds2, SHA256RNDS2)
#undef X
    };
    exec_fn *fn = vector_choose(&rows[insn->op], insn);

    return fn != NULL ? fn : exec_undefined;
}
