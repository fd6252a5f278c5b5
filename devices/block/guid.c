/* GUIDs as they stand in images. [MS-DTYP 2.3.4] */
#include "devices/block/guid.h"

#include <stdio.h>
#include <string.h>

/* Which byte each pair of digits of the text is. */
static const uint8_t guid_order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

static bool guid_dash_after(unsigned i)
{
    return i == 3 || i == 5 || i == 7 || i == 9;
}

bool guid_equal(const struct guid *a, const struct guid *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

bool guid_is_zero(const struct guid *guid)
{
    static const struct guid zero;
    return guid_equal(guid, &zero);
}

void guid_print(const struct guid *guid, char text[GUID_TEXT_SIZE])
{
    char *to = text;
    *to++ = '{';
    for (unsigned i = 0; i < 16; i++) {
        (void)snprintf(to, 3, "%02x", guid->bytes[guid_order[i]]);
        to += 2;
        if (guid_dash_after(i)) {
            *to++ = '-';
        }
    }
    *to++ = '}';
    *to = '\0';
}

static int guid_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool guid_parse(const char *text, struct guid *guid)
{
    bool braces = *text == '{';
    text += braces;
    for (unsigned i = 0; i < 16; i++) {
        int high = guid_digit(text[0]), low = high < 0 ? -1 : guid_digit(text[1]);
        if (low < 0) {
            return false;
        }
        guid->bytes[guid_order[i]] = (uint8_t)(high << 4 | low);
        text += 2;
        if (guid_dash_after(i) && *text++ != '-') {
            return false;
        }
    }
    return strcmp(text, braces ? "}" : "") == 0;
}
