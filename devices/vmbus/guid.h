/* GUIDs as they lie in messages: the first three groups little-endian. [RFC 4122; LINUX guid_t] */
#ifndef DEVICES_VMBUS_GUID_H
#define DEVICES_VMBUS_GUID_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { VMBUS_GUID_BYTES = 16, VMBUS_GUID_TEXT = 37 };

struct vmbus_guid {
    uint8_t bytes[VMBUS_GUID_BYTES];
};

/* From its groups as they are written: f8615163-df3e-46c5-913f-f2d2f965ed0e is
 * VMBUS_GUID(0xf8615163, 0xdf3e, 0x46c5, 0x913f, 0xf2d2f965ed0e). */
#define VMBUS_GUID(a, b, c, d, e)                                                                  \
    {                                                                                              \
        {                                                                                          \
            (uint8_t)(a), (uint8_t)((uint32_t)(a) >> 8), (uint8_t)((uint32_t)(a) >> 16),           \
                (uint8_t)((uint32_t)(a) >> 24), (uint8_t)(b), (uint8_t)((b) >> 8), (uint8_t)(c),   \
                (uint8_t)((c) >> 8), (uint8_t)((d) >> 8), (uint8_t)(d),                            \
                (uint8_t)(UINT64_C(e) >> 40), (uint8_t)(UINT64_C(e) >> 32),                        \
                (uint8_t)(UINT64_C(e) >> 24), (uint8_t)(UINT64_C(e) >> 16),                        \
                (uint8_t)(UINT64_C(e) >> 8), (uint8_t)UINT64_C(e)                                  \
        }                                                                                          \
    }

static inline bool vmbus_guid_equal(const struct vmbus_guid *a, const struct vmbus_guid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* "f8615163-df3e-46c5-913f-f2d2f965ed0e" */
void vmbus_guid_text(const struct vmbus_guid *guid, char text[VMBUS_GUID_TEXT]);

#endif
