/* CRC-32C, eight bytes at a time: a log of a VHDX is summed whole. [RFC 3720 12.1, MS-VHDX 2.2.2] */
#include "devices/block/crc32c.h"

#include "base/bytes.h"
#include "devices/block/crc32c_table.h"

static uint32_t crc32c_go_on(uint32_t crc, const uint8_t *bytes, size_t n)
{
    for (; n >= 8; bytes += 8, n -= 8) {
        uint32_t low = crc ^ le32_load(bytes), high = le32_load(bytes + 4);
        crc = crc32c_table[7][low & 255] ^ crc32c_table[6][low >> 8 & 255] ^
              crc32c_table[5][low >> 16 & 255] ^ crc32c_table[4][low >> 24] ^
              crc32c_table[3][high & 255] ^ crc32c_table[2][high >> 8 & 255] ^
              crc32c_table[1][high >> 16 & 255] ^ crc32c_table[0][high >> 24];
    }
    for (; n > 0; bytes++, n--) {
        crc = crc >> 8 ^ crc32c_table[0][(crc ^ *bytes) & 255];
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
