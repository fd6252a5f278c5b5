/* CRC-32C, four bits at a time: metadata is small. [RFC 3720 12.1, MS-VHDX 2.2.2] */
#include "devices/block/crc32c.h"

/* Remainders of the sixteen values by 0x1EDC6F41, bits reversed. */
static const uint32_t crc32c_nibbles[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

static uint32_t crc32c_go_on(uint32_t crc, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ crc32c_nibbles[crc & 15];
        crc = crc >> 4 ^ crc32c_nibbles[crc & 15];
    }
    return crc;
}

uint32_t crc32c(const void *bytes, size_t n)
{
    return ~crc32c_go_on(UINT32_MAX, bytes, n);
}

uint32_t crc32c_of_structure(const void *bytes, size_t n)
{
    static const uint8_t zeros[4];
    const uint8_t *from = bytes;
    uint32_t crc = crc32c_go_on(UINT32_MAX, from, 4);
    crc = crc32c_go_on(crc, zeros, 4);
    return ~crc32c_go_on(crc, from + 8, n - 8);
}
