/* Values of objects in their form. [NDIS_OFFLOAD_PARAMETERS, NDIS_RECEIVE_SCALE_PARAMETERS; MS-RNDIS 2.2.11] */
#include "tests/support/rndis_value.h"

#include <string.h>

#include "base/bytes.h"

void rndis_value_form(uint32_t oid, uint8_t *value, uint32_t n)
{
    static const uint8_t name[] = "N\0e\0t\0w\0o\0r\0k\0A\0d\0d\0r\0e\0s\0s";
    enum { HEADER = 4, NAME = 20, DIGITS = NAME + sizeof(name), DIGIT_BYTES = 24 };

    if (oid == 0x0001021b && n >= DIGITS + DIGIT_BYTES) { /* a parameter: the address, in digits */
        memset(value, 0, NAME);
        le32_store(value, NAME);
        le32_store(value + 4, sizeof(name));
        le32_store(value + 12, DIGITS);
        le32_store(value + 16, DIGIT_BYTES);
        memcpy(value + NAME, name, sizeof(name));
        for (unsigned i = 0; i < DIGIT_BYTES; i += 2) {
            value[DIGITS + i] = (uint8_t)("0123456789abcdefABCDEFx"[value[DIGITS + i] % 23]);
            value[DIGITS + i + 1] = 0;
        }
    } else if (oid == 0x00010204 && n >= 52) { /* RSS: flags, a table and a key behind */
        value[0] = 0x89;
        value[1] = 2;
        le16_store(value + 2, 40);
        le16_store(value + 12, (uint16_t)(4u << value[12] % 5));
        le32_store(value + 16, 44);
        le16_store(value + 20, value[20] % 44);
        le32_store(value + 24, 44);
        for (uint32_t at = 44; at + 4 <= n; at += 4) {
            le32_store(value + at, value[at] >= 250 ? value[at] : value[at] % 2);
        }
    } else if (n >= HEADER) {
        value[0] = oid == 0xfc01020c || oid == 0xfc01020b || oid == 0xfc01020d
                       ? (uint8_t)(0x80 + value[0] % 2 * 0x27)
                       : value[0];
        le16_store(value + 2, (uint16_t)n);
        for (uint32_t at = HEADER; oid == 0xfc01020c && at < n; at++) {
            value[at] %= 6;
        }
    }
}
