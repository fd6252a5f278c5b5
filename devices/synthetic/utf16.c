/* UTF-8 and UTF-16. [RFC 3629 4, RFC 2781 2] */
#include "devices/synthetic/utf16.h"

#include "base/bytes.h"

/* The next code point of the text; 0 at its end, UINT32_MAX: no UTF-8. */
static uint32_t utf8_next(const uint8_t **at)
{
    static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
    uint8_t first = **at;
    unsigned more = first < 0x80 ? 0 : first >> 5 == 6 ? 1 : first >> 4 == 14 ? 2 : 3;
    uint32_t point = first < 0x80 ? first : first & (0x3fu >> more);

    if (first == 0) {
        return 0;
    }
    if ((first & 0xc0) == 0x80 || first > 0xf4) {
        return UINT32_MAX;
    }
    (*at)++;
    for (unsigned i = 0; i < more; i++, (*at)++) {
        if ((**at & 0xc0) != 0x80) {
            return UINT32_MAX;
        }
        point = point << 6 | (**at & 0x3f);
    }
    return point < least[more] || point > 0x10ffff || point >> 11 == 0x1b ? UINT32_MAX : point;
}

bool utf16_from_utf8(const char *text, uint8_t *to, size_t n_bytes, uint32_t *used)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t n = 0;
    uint32_t point;

    do {
        point = utf8_next(&at);
        size_t need = point >= 0x10000 ? 4 : 2;
        if (point == UINT32_MAX || n + need > n_bytes) {
            return false;
        }
        if (need == 4) {
            le16_store(to + n, (uint16_t)(0xd800 + ((point - 0x10000) >> 10)));
            le16_store(to + n + 2, (uint16_t)(0xdc00 + (point & 0x3ff)));
        } else {
            le16_store(to + n, (uint16_t)point);
        }
        n += need;
    } while (point != 0);
    *used = (uint32_t)n;
    return true;
}

static size_t utf8_put(char *to, uint32_t point)
{
    static const uint8_t lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    size_t n = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;

    for (size_t i = n; i-- > 1;) {
        to[i] = (char)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    to[0] = (char)(lead[n] | point);
    return n;
}

void utf16_to_utf8(const uint8_t *from, size_t n_bytes, char *text, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i + 2 <= n_bytes && le16_load(from + i) != 0; i += 2) {
        uint32_t point = le16_load(from + i);
        char bytes[4];
        if (point >> 10 == 0x36 && i + 4 <= n_bytes && le16_load(from + i + 2) >> 10 == 0x37) {
            point = 0x10000 + ((point & 0x3ff) << 10) + (le16_load(from + i + 2) & 0x3ff);
            i += 2;
        } else if (point >> 11 == 0x1b || point < 0x20 || point == 0x7f) {
            point = '?';
        }
        size_t length = utf8_put(bytes, point);
        if (n + length >= size) {
            break;
        }
        for (size_t b = 0; b < length; b++) {
            text[n++] = bytes[b];
        }
    }
    text[n] = '\0';
}
