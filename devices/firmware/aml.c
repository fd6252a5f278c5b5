/* A small writer of ACPI Machine Language. [ACPI 20.2] */
#include "devices/firmware/aml.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"

enum {
    OP_ZERO = 0x00,
    OP_ONE = 0x01,
    OP_NAME = 0x08,
    OP_BYTE = 0x0a,
    OP_WORD = 0x0b,
    OP_DWORD = 0x0c,
    OP_STRING = 0x0d,
    OP_QWORD = 0x0e,
    OP_SCOPE = 0x10,
    OP_BUFFER = 0x11,
    OP_PACKAGE = 0x12,
    OP_EXT = 0x5b,
    OP_EXT_DEVICE = 0x82,
    PREFIX_DUAL = 0x2e,
    PREFIX_MULTI = 0x2f,
};

static void aml_bytes(struct aml *aml, const void *bytes, size_t n)
{
    if (aml->full || n > aml->size - aml->n) {
        aml->full = true;
        return;
    }
    memcpy(aml->out + aml->n, bytes, n);
    aml->n += n;
}

static void aml_byte(struct aml *aml, unsigned byte)
{
    uint8_t b = (uint8_t)byte;
    aml_bytes(aml, &b, 1);
}

void aml_init(struct aml *aml, uint8_t *out, size_t size)
{
    *aml = (struct aml){ .out = out, .size = size };
}

/* NameString: root or parent prefixes, then segments of four letters. */
static void aml_path(struct aml *aml, const char *path)
{
    while (*path == '\\' || *path == '^') {
        aml_byte(aml, (uint8_t)*path++);
    }
    unsigned segments = *path != '\0';
    for (const char *p = path; *p != '\0'; p++) {
        segments += *p == '.';
    }
    if (segments == 0) {
        aml_byte(aml, 0);
    } else if (segments == 2) {
        aml_byte(aml, PREFIX_DUAL);
    } else if (segments > 2) {
        aml_byte(aml, PREFIX_MULTI);
        aml_byte(aml, segments);
    }
    while (*path != '\0') {
        for (unsigned i = 0; i < 4; i++) {
            bool more = *path != '\0' && *path != '.';
            aml_byte(aml, more ? (uint8_t)*path : '_');
            path += more;
        }
        path += *path == '.';
    }
}

static void aml_open(struct aml *aml)
{
    assert(aml->depth < AML_DEPTH);
    aml->open[aml->depth++] = aml->n;
}

/* PkgLength counts itself; it is put in front of what was written meanwhile. [ACPI 20.2.4] */
static void aml_close(struct aml *aml)
{
    assert(aml->depth > 0);
    size_t at = aml->open[--aml->depth], body = aml->n - at;
    unsigned extra = body + 1 < 64 ? 0 : body + 2 < 4096 ? 1 : 2;
    size_t length = body + 1 + extra;
    uint8_t encoded[3] = { (uint8_t)(extra == 0 ? length : extra << 6 | (length & 15)),
                           (uint8_t)(length >> 4), (uint8_t)(length >> 12) };
    if (aml->full || extra + 1 > aml->size - aml->n) {
        aml->full = true;
        return;
    }
    memmove(aml->out + at + extra + 1, aml->out + at, body);
    memcpy(aml->out + at, encoded, extra + 1);
    aml->n += extra + 1;
}

void aml_scope_begin(struct aml *aml, const char *path)
{
    aml_byte(aml, OP_SCOPE);
    aml_open(aml);
    aml_path(aml, path);
}

void aml_device_begin(struct aml *aml, const char *path)
{
    aml_byte(aml, OP_EXT);
    aml_byte(aml, OP_EXT_DEVICE);
    aml_open(aml);
    aml_path(aml, path);
}

void aml_end(struct aml *aml)
{
    aml_close(aml);
}

static void aml_integer(struct aml *aml, uint64_t value)
{
    uint8_t bytes[8];
    le64_store(bytes, value);
    if (value <= 1) {
        aml_byte(aml, value == 0 ? OP_ZERO : OP_ONE);
    } else if (value <= UINT8_MAX) {
        aml_byte(aml, OP_BYTE);
        aml_bytes(aml, bytes, 1);
    } else if (value <= UINT16_MAX) {
        aml_byte(aml, OP_WORD);
        aml_bytes(aml, bytes, 2);
    } else if (value <= UINT32_MAX) {
        aml_byte(aml, OP_DWORD);
        aml_bytes(aml, bytes, 4);
    } else {
        aml_byte(aml, OP_QWORD);
        aml_bytes(aml, bytes, 8);
    }
}

void aml_name_integer(struct aml *aml, const char *path, uint64_t value)
{
    aml_byte(aml, OP_NAME);
    aml_path(aml, path);
    aml_integer(aml, value);
}

void aml_name_string(struct aml *aml, const char *path, const char *text)
{
    aml_byte(aml, OP_NAME);
    aml_path(aml, path);
    aml_byte(aml, OP_STRING);
    aml_bytes(aml, text, strlen(text) + 1);
}

static unsigned aml_hex(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'A' + 10);
}

/* Three letters of five bits and four hexadecimal digits, big-endian. [ACPI 19.3.4 EISAID] */
void aml_name_eisa_id(struct aml *aml, const char *path, const char *id)
{
    unsigned letters =
        (unsigned)(id[0] - 0x40) << 10 | (unsigned)(id[1] - 0x40) << 5 | (unsigned)(id[2] - 0x40);
    unsigned digits =
        aml_hex(id[3]) << 12 | aml_hex(id[4]) << 8 | aml_hex(id[5]) << 4 | aml_hex(id[6]);
    uint8_t bytes[4] = { (uint8_t)(letters >> 8), (uint8_t)letters, (uint8_t)(digits >> 8),
                         (uint8_t)digits };
    aml_name_integer(aml, path, le32_load(bytes));
}

void aml_name_package(struct aml *aml, const char *path, const uint8_t *values, unsigned n)
{
    aml_byte(aml, OP_NAME);
    aml_path(aml, path);
    aml_byte(aml, OP_PACKAGE);
    aml_open(aml);
    aml_byte(aml, n);
    for (unsigned i = 0; i < n; i++) {
        aml_integer(aml, values[i]);
    }
    aml_close(aml);
}

void aml_resources_begin(struct aml *aml, const char *path)
{
    static const uint8_t word[3] = { OP_WORD, 0, 0 };
    aml_byte(aml, OP_NAME);
    aml_path(aml, path);
    aml_byte(aml, OP_BUFFER);
    aml_open(aml);
    aml->resources = aml->n + 1;
    aml_bytes(aml, word, sizeof(word));
}

/* I/O port descriptor: 16-bit decode, one place. [ACPI 6.4.2.5] */
void aml_resource_io(struct aml *aml, uint16_t port, uint8_t length)
{
    uint8_t d[8] = { 0x47, 1, 0, 0, 0, 0, 1, length };
    le16_store(d + 2, port);
    le16_store(d + 4, port);
    aml_bytes(aml, d, sizeof(d));
}

/* IRQ descriptor without flags: edge, active high. [ACPI 6.4.2.1] */
void aml_resource_irq(struct aml *aml, unsigned irq)
{
    uint8_t d[3] = { 0x22, 0, 0 };
    le16_store(d + 1, (uint16_t)(1u << irq));
    aml_bytes(aml, d, sizeof(d));
}

/* QWord address space descriptor: memory, producer, positive decode, fixed, cacheable, writable.
 * [ACPI 6.4.3.5.1] */
void aml_resource_memory_window(struct aml *aml, uint64_t base, uint64_t length)
{
    uint8_t d[46] = { 0x8a, 43, 0, 0, 0x0c, 0x03 };
    le64_store(d + 14, base);
    le64_store(d + 22, base + length - 1);
    le64_store(d + 38, length);
    aml_bytes(aml, d, sizeof(d));
}

void aml_resources_end(struct aml *aml)
{
    static const uint8_t end[2] = { 0x79, 0 };
    aml_bytes(aml, end, sizeof(end));
    if (!aml->full) {
        le16_store(aml->out + aml->resources, (uint16_t)(aml->n - aml->resources - 2));
    }
    aml_close(aml);
}
