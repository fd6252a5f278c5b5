/* UTF-16 in images, from and to the host's UTF-8. [RFC 2781, RFC 3629] */
#include "devices/block/image_text.h"

#include "base/bytes.h"

static uint32_t utf16_unit(const uint8_t *from, bool big_endian)
{
    return big_endian ? be16_load(from) : le16_load(from);
}

/* Bytes put, 0 when there is no room. */
static size_t utf8_put(uint32_t code, char *to, size_t room)
{
    static const uint8_t lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (n > room) {
        return 0;
    }
    for (size_t i = n; i > 1; i--) {
        to[i - 1] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    to[0] = (char)(lead[n] | code);
    return n;
}

bool image_text_from_utf16(const uint8_t *utf16, size_t n_bytes, bool big_endian, char *utf8,
                           size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i + 2 <= n_bytes; i += 2) {
        uint32_t code = utf16_unit(utf16 + i, big_endian);
        if (code == 0) {
            break;
        }
        if (code >= 0xd800 && code < 0xdc00 && i + 4 <= n_bytes) {
            uint32_t low = utf16_unit(utf16 + i + 2, big_endian);
            if (low < 0xdc00 || low > 0xdfff) {
                return false;
            }
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            i += 2;
        } else if (code >= 0xd800 && code < 0xe000) {
            return false;
        }
        size_t n = used + 1 < size ? utf8_put(code, utf8 + used, size - used - 1) : 0;
        if (n == 0) {
            return false;
        }
        used += n;
    }
    if (used >= size) {
        return false;
    }
    utf8[used] = '\0';
    return true;
}

/* One character; bytes taken, 0 when it is none. */
static size_t utf8_take(const uint8_t *from, uint32_t *code)
{
    size_t n = from[0] < 0x80   ? 1
               : from[0] < 0xc2 ? 0
               : from[0] < 0xe0 ? 2
               : from[0] < 0xf0 ? 3
               : from[0] < 0xf5 ? 4
                                : 0;
    if (n == 0) {
        return 0;
    }
    *code = n == 1 ? from[0] : from[0] & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        if ((from[i] & 0xc0) != 0x80) {
            return 0;
        }
        *code = *code << 6 | (from[i] & 0x3f);
    }
    return n;
}

size_t image_text_to_utf16(const char *utf8, bool big_endian, uint8_t *utf16, size_t size)
{
    void (*store)(void *, uint16_t) = big_endian ? be16_store : le16_store;
    size_t used = 0;
    for (const uint8_t *from = (const uint8_t *)utf8; *from != 0;) {
        uint32_t code = 0;
        size_t n = utf8_take(from, &code);
        size_t need = code >= 0x10000 ? 4 : 2;
        if (n == 0 || used + need > size) {
            return 0;
        }
        if (need == 4) {
            store(utf16 + used, (uint16_t)(0xd800 + ((code - 0x10000) >> 10)));
            store(utf16 + used + 2, (uint16_t)(0xdc00 + ((code - 0x10000) & 0x3ff)));
        } else {
            store(utf16 + used, (uint16_t)code);
        }
        used += need;
        from += n;
    }
    return used;
}
