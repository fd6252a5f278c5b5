/* GUIDs as text. [RFC 4122] */
#include "devices/vmbus/guid.h"

#include <stdio.h>

#include "base/bytes.h"

void vmbus_guid_text(const struct vmbus_guid *guid, char text[VMBUS_GUID_TEXT])
{
    const uint8_t *b = guid->bytes;

    snprintf(text, VMBUS_GUID_TEXT, "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             (unsigned)le32_load(b), (unsigned)le16_load(b + 4), (unsigned)le16_load(b + 6), b[8],
             b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}
