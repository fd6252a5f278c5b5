/* The container of saved state: header, zlib stream, records with checksums. [RFC 1950; docs/saved-state.md] */
/*
 *   header:  16 bytes of magic, u32 format, u32 header bytes, u64 record bytes, u32 CRC of the records, u32 CRC of the
 *            header until here
 *   record:  u8 'S', u8 length and bytes of the name, u32 length and bytes of the object, u32 CRC of the record
 *            u8 'P', u64 first page, u32 number of pages, their bytes, u32 CRC of the record
 *            u8 'E'
 */
#include "base/state_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/host/output.h"

static const uint8_t magic[16] = "verdite state\r\n\x1a";

enum {
    HEADER_BYTES = 40,
    CHUNK_BYTES = 1 << 16,
    SECTION_BYTES_MAX = 256 << 20,
    SECTIONS_MAX = 1 << 16,
    COMPRESSION = 1, /* fast: what is saved is mostly guest memory */
};

static uint32_t crc_of(uint32_t crc, const void *bytes, size_t n)
{
    const uint8_t *at = bytes;

    while (n > 0) {
        uInt piece = n < UINT32_MAX ? (uInt)n : UINT32_MAX;
        crc = (uint32_t)crc32(crc, at, piece);
        at += piece;
        n -= piece;
    }
    return crc;
}

/* ---- writing ---- */

struct state_writer {
    struct host_output output;
    z_stream z;
    struct error error; /* the first one */
    int code;
    uint64_t bytes; /* of records */
    uint32_t crc, record_crc;
    struct state_buffer object;
    uint8_t chunk[CHUNK_BYTES];
};

struct state_writer *state_writer_create(const char *path, struct error *error)
{
    static const uint8_t zeros[HEADER_BYTES];
    struct state_writer *writer = calloc(1, sizeof(*writer));

    if (writer == NULL) {
        error_set(error, -ENOMEM, "%s: no memory", path);
        return NULL;
    }
    if (host_output_create(&writer->output, path, error) != 0) {
        free(writer);
        return NULL;
    }
    if (deflateInit(&writer->z, COMPRESSION) != Z_OK) {
        error_set(error, -ENOMEM, "%s: no memory", path);
        host_output_abort(&writer->output);
        free(writer);
        return NULL;
    }
    writer->code = host_output_write(&writer->output, zeros, sizeof(zeros), &writer->error);
    return writer;
}

/* Compress what there is; finish: to the end of the stream. */
static void writer_deflate(struct state_writer *writer, const void *bytes, size_t n, bool finish)
{
    int status;

    writer->z.next_in = (Bytef *)(uintptr_t)bytes;
    writer->z.avail_in = (uInt)n;
    do {
        writer->z.next_out = writer->chunk;
        writer->z.avail_out = CHUNK_BYTES;
        status = deflate(&writer->z, finish ? Z_FINISH : Z_NO_FLUSH);
        size_t done = CHUNK_BYTES - writer->z.avail_out;
        if (done > 0 && writer->code == 0) {
            writer->code = host_output_write(&writer->output, writer->chunk, done, &writer->error);
        }
    } while (writer->z.avail_in > 0 || (finish ? status == Z_OK : writer->z.avail_out == 0));
}

static void writer_add(struct state_writer *writer, const void *bytes, size_t n)
{
    if (writer->code != 0 || n == 0) {
        return;
    }
    writer->crc = crc_of(writer->crc, bytes, n);
    writer->record_crc = crc_of(writer->record_crc, bytes, n);
    writer->bytes += n;
    writer_deflate(writer, bytes, n, false);
}

static void writer_add_crc(struct state_writer *writer)
{
    uint8_t bytes[4];

    le32_store(bytes, writer->record_crc);
    writer_add(writer, bytes, sizeof(bytes));
}

void state_writer_section(struct state_writer *writer, const char *name,
                          const struct state_table *table, const void *object)
{
    uint8_t head[2] = { 'S', (uint8_t)strlen(name) }, length[4];

    writer->object.n = 0;
    state_write(&writer->object, table, object);
    if (writer->object.failed || writer->object.n > SECTION_BYTES_MAX) {
        if (writer->code == 0) {
            writer->code =
                error_set(&writer->error, -ENOMEM, "%s: %s: no memory", writer->output.path, name);
        }
        return;
    }
    le32_store(length, (uint32_t)writer->object.n);
    writer->record_crc = 0;
    writer_add(writer, head, sizeof(head));
    writer_add(writer, name, head[1]);
    writer_add(writer, length, sizeof(length));
    writer_add(writer, writer->object.bytes, writer->object.n);
    writer_add_crc(writer);
}

void state_writer_pages(struct state_writer *writer, uint64_t first, uint32_t n,
                        const uint8_t *bytes)
{
    uint8_t head[13] = { 'P' };

    le64_store(head + 1, first);
    le32_store(head + 9, n);
    writer->record_crc = 0;
    writer_add(writer, head, sizeof(head));
    writer_add(writer, bytes, (size_t)n * STATE_FILE_PAGE);
    writer_add_crc(writer);
}

static void writer_free(struct state_writer *writer)
{
    (void)deflateEnd(&writer->z);
    state_buffer_fini(&writer->object);
    free(writer);
}

int state_writer_commit(struct state_writer *writer, struct error *error)
{
    uint8_t header[HEADER_BYTES];

    writer_add(writer, "E", 1);
    if (writer->code == 0) {
        writer_deflate(writer, NULL, 0, true);
    }
    memcpy(header, magic, sizeof(magic));
    le32_store(header + 16, STATE_FILE_FORMAT);
    le32_store(header + 20, HEADER_BYTES);
    le64_store(header + 24, writer->bytes);
    le32_store(header + 32, writer->crc);
    le32_store(header + 36, crc_of(0, header, 36));
    if (writer->code == 0) {
        writer->code =
            host_output_write_first(&writer->output, header, sizeof(header), &writer->error);
    }
    int code = writer->code;
    if (code == 0) {
        code = host_output_commit(&writer->output, error);
    } else {
        error_set(error, code, "%s", writer->error.text);
        host_output_abort(&writer->output);
    }
    writer_free(writer);
    return code;
}

void state_writer_abort(struct state_writer *writer)
{
    if (writer != NULL) {
        host_output_abort(&writer->output);
        writer_free(writer);
    }
}

/* ---- reading ---- */

struct section {
    char name[STATE_SECTION_NAME_MAX + 1];
    uint8_t *bytes; /* owned */
    size_t n;
    bool taken;
};

struct state_reader {
    const char *path;
    int fd; /* -1: memory */
    z_stream z;
    bool inflating, ended;
    const uint8_t *memory;
    size_t memory_n;
    uint64_t bytes, bytes_expected;
    uint32_t crc, crc_expected, record_crc;
    struct section *section; /* owned */
    size_t n_sections, room;
    uint8_t kind; /* of the record after the sections */
    uint8_t chunk[CHUNK_BYTES];
    uint8_t pages[STATE_FILE_PAGES_MAX * STATE_FILE_PAGE];
};

static int bad(const struct state_reader *reader, struct error *error, const char *why)
{
    return error_set(error, -EINVAL, "%s: %s", reader->path, why);
}

/* More compressed bytes. False: there are none. */
static bool refill(struct state_reader *reader)
{
    long n = host_input_read(reader->fd, reader->chunk, sizeof(reader->chunk));

    reader->z.next_in = reader->chunk;
    reader->z.avail_in = n > 0 ? (uInt)n : 0;
    return n > 0;
}

/* NULL: n bytes are in `to`. Else why not. */
static const char *inflate_bytes(struct state_reader *reader, uint8_t *to, size_t n)
{
    reader->z.next_out = to;
    reader->z.avail_out = (uInt)n;
    while (reader->z.avail_out > 0) {
        if (reader->ended || (reader->z.avail_in == 0 && !refill(reader))) {
            return "is cut short";
        }
        int status = inflate(&reader->z, Z_NO_FLUSH);
        reader->ended = status == Z_STREAM_END;
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
            return "is damaged: the compressed data is not valid";
        }
    }
    return NULL;
}

static int take(struct state_reader *reader, void *to, size_t n, struct error *error)
{
    if (n == 0) {
        return 0;
    }
    if (reader->fd < 0) {
        if (reader->memory_n < n) {
            return bad(reader, error, "is cut short");
        }
        memcpy(to, reader->memory, n);
        reader->memory += n;
        reader->memory_n -= n;
        return 0;
    }
    if (n > reader->bytes_expected - reader->bytes) {
        return bad(reader, error, "is damaged: it holds more than its header says");
    }
    const char *why = inflate_bytes(reader, to, n);
    if (why != NULL) {
        return bad(reader, error, why);
    }
    reader->bytes += n;
    reader->crc = crc_of(reader->crc, to, n);
    reader->record_crc = crc_of(reader->record_crc, to, n);
    return 0;
}

static int take_crc(struct state_reader *reader, const char *what, struct error *error)
{
    uint32_t expected = reader->record_crc;
    uint8_t bytes[4];
    int status = take(reader, bytes, sizeof(bytes), error);

    if (status == 0 && reader->fd >= 0 && le32_load(bytes) != expected) {
        return error_set(error, -EINVAL, "%s: %s: is damaged: its checksum is wrong", reader->path,
                         what);
    }
    return status;
}

/* n bytes into memory that grows as they come: a wrong length costs nothing. */
static int take_object(struct state_reader *reader, struct section *section, size_t n,
                       struct error *error)
{
    while (section->n < n) {
        size_t piece = n - section->n < (1u << 20) ? n - section->n : 1u << 20;
        uint8_t *more = realloc(section->bytes, section->n + piece);
        if (more == NULL) {
            return error_set(error, -ENOMEM, "%s: no memory", reader->path);
        }
        section->bytes = more;
        int status = take(reader, section->bytes + section->n, piece, error);
        if (status != 0) {
            return status;
        }
        section->n += piece;
    }
    return 0;
}

static struct section *section_add(struct state_reader *reader)
{
    if (reader->n_sections == reader->room) {
        size_t room = reader->room == 0 ? 64 : 2 * reader->room;
        struct section *more =
            room > SECTIONS_MAX ? NULL : realloc(reader->section, room * sizeof(*more));
        if (more == NULL) {
            return NULL;
        }
        reader->section = more;
        reader->room = room;
    }
    struct section *section = &reader->section[reader->n_sections++];
    *section = (struct section){ .n = 0 };
    return section;
}

static struct section *section_find(const struct state_reader *reader, const char *name)
{
    for (size_t i = 0; i < reader->n_sections; i++) {
        if (strcmp(reader->section[i].name, name) == 0) {
            return &reader->section[i];
        }
    }
    return NULL;
}

/* The kind byte was taken. */
static int take_section(struct state_reader *reader, struct error *error)
{
    char name[STATE_SECTION_NAME_MAX + 1] = "";
    uint8_t length, bytes[4];
    int status = take(reader, &length, 1, error);

    if (status == 0 && (length == 0 || length > STATE_SECTION_NAME_MAX)) {
        return bad(reader, error, "is damaged: a section has no proper name");
    }
    status = status == 0 ? take(reader, name, length, error) : status;
    status = status == 0 ? take(reader, bytes, sizeof(bytes), error) : status;
    if (status != 0) {
        return status;
    }
    for (char *c = name; c < name + length; c++) {
        *c = *c > ' ' && *c < 0x7f ? *c : '?';
    }
    if (le32_load(bytes) > SECTION_BYTES_MAX) {
        return error_set(error, -EINVAL, "%s: %s: is too large", reader->path, name);
    }
    if (section_find(reader, name) != NULL) {
        return error_set(error, -EINVAL, "%s: %s: is there twice", reader->path, name);
    }
    struct section *section = section_add(reader);
    if (section == NULL) {
        return error_set(error, -ENOMEM, "%s: no memory for its sections", reader->path);
    }
    memcpy(section->name, name, sizeof(name));
    status = take_object(reader, section, le32_load(bytes), error);
    return status == 0 ? take_crc(reader, name, error) : status;
}

static int take_sections(struct state_reader *reader, struct error *error)
{
    for (;;) {
        reader->record_crc = 0;
        int status = take(reader, &reader->kind, 1, error);
        if (status != 0 || reader->kind != 'S') {
            return status;
        }
        status = take_section(reader, error);
        if (status != 0) {
            return status;
        }
    }
}

static int take_header(struct state_reader *reader, struct error *error)
{
    uint8_t header[HEADER_BYTES];
    long n = host_input_read(reader->fd, header, sizeof(header));

    if (n < 0) {
        return error_set(error, (int)n, "%s: %s", reader->path, strerror((int)-n));
    }
    size_t same = (size_t)n < sizeof(magic) ? (size_t)n : sizeof(magic);
    if (n == 0 || memcmp(header, magic, same) != 0) {
        return bad(reader, error, "is no saved state of verdite");
    }
    if (n < HEADER_BYTES) {
        return bad(reader, error, "is cut short");
    }
    if (le32_load(header + 36) != crc_of(0, header, 36)) {
        return bad(reader, error, "is damaged: the header's checksum is wrong");
    }
    if (le32_load(header + 16) != STATE_FILE_FORMAT || le32_load(header + 20) != HEADER_BYTES) {
        return error_set(error, -EINVAL, "%s: is of format %u, and this verdite knows %u",
                         reader->path, le32_load(header + 16), STATE_FILE_FORMAT);
    }
    reader->bytes_expected = le64_load(header + 24);
    reader->crc_expected = le32_load(header + 32);
    return 0;
}

struct state_reader *state_reader_open(const char *path, int *code, struct error *error)
{
    struct state_reader *reader = calloc(1, sizeof(*reader));

    if (reader == NULL) {
        *code = error_set(error, -ENOMEM, "%s: no memory", path);
        return NULL;
    }
    reader->path = path;
    reader->fd = host_input_open(path, error);
    *code = reader->fd < 0 ? -EINVAL : take_header(reader, error);
    if (*code == 0) {
        reader->inflating = inflateInit(&reader->z) == Z_OK;
        *code = reader->inflating ? take_sections(reader, error)
                                  : error_set(error, -ENOMEM, "%s: no memory", path);
    }
    if (*code != 0) {
        state_reader_close(reader);
        return NULL;
    }
    return reader;
}

struct state_reader *state_reader_memory(const uint8_t *bytes, size_t n, int *code,
                                         struct error *error)
{
    struct state_reader *reader = calloc(1, sizeof(*reader));

    if (reader == NULL) {
        *code = error_set(error, -ENOMEM, "no memory");
        return NULL;
    }
    reader->path = "memory";
    reader->fd = -1;
    reader->memory = bytes;
    reader->memory_n = n;
    *code = take_sections(reader, error);
    if (*code != 0) {
        state_reader_close(reader);
        return NULL;
    }
    return reader;
}

void state_reader_close(struct state_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    for (size_t i = 0; i < reader->n_sections; i++) {
        free(reader->section[i].bytes);
    }
    free(reader->section);
    if (reader->inflating) {
        (void)inflateEnd(&reader->z);
    }
    host_input_close(reader->fd);
    free(reader);
}

bool state_reader_has(const struct state_reader *reader, const char *name)
{
    return section_find(reader, name) != NULL;
}

int state_reader_section(struct state_reader *reader, const char *name,
                         const struct state_table *table, void *object, struct state_timers *timers,
                         struct error *error)
{
    struct section *section = section_find(reader, name);
    struct error why = { "" };

    if (section == NULL) {
        return error_set(error, -EINVAL, "%s: %s: is missing", reader->path, name);
    }
    section->taken = true;
    int status = state_read(section->bytes, section->n, table, object, name, timers, &why);
    return status == 0 ? 0 : error_set(error, status, "%s: %s", reader->path, why.text);
}

int state_reader_all_known(const struct state_reader *reader, struct error *error)
{
    for (size_t i = 0; i < reader->n_sections; i++) {
        if (!reader->section[i].taken) {
            return error_set(error, -EINVAL, "%s: %s: is unknown", reader->path,
                             reader->section[i].name);
        }
    }
    return 0;
}

static int take_pages(struct state_reader *reader,
                      int (*put)(void *opaque, uint64_t first, uint32_t n, const uint8_t *bytes),
                      void *opaque, struct error *error)
{
    uint8_t head[12];
    int status = take(reader, head, sizeof(head), error);
    uint64_t first = status == 0 ? le64_load(head) : 0;
    uint32_t n = status == 0 ? le32_load(head + 8) : 0;

    if (status == 0 && (n == 0 || n > STATE_FILE_PAGES_MAX)) {
        return bad(reader, error, "is damaged: too many pages at once");
    }
    status = status == 0 ? take(reader, reader->pages, (size_t)n * STATE_FILE_PAGE, error) : status;
    status = status == 0 ? take_crc(reader, "memory", error) : status;
    if (status == 0 && put(opaque, first, n, reader->pages) != 0) {
        return bad(reader, error, "memory: a page lies outside the machine's memory");
    }
    return status;
}

/* Nothing may be left. */
static int take_end(struct state_reader *reader, struct error *error)
{
    uint8_t more;

    if (reader->fd < 0) {
        return reader->memory_n == 0 ? 0 : bad(reader, error, "goes on behind its end");
    }
    if (reader->bytes != reader->bytes_expected || reader->crc != reader->crc_expected) {
        return bad(reader, error, "is damaged: its checksum is wrong");
    }
    const char *why = inflate_bytes(reader, &more, 1); /* the stream's own check comes last */
    if (why == NULL || !reader->ended) {
        return bad(reader, error, "is cut short, or damaged at its end");
    }
    if (reader->z.avail_in > 0 || refill(reader)) {
        return bad(reader, error, "goes on behind its end");
    }
    return 0;
}

int state_reader_pages(struct state_reader *reader,
                       int (*put)(void *opaque, uint64_t first, uint32_t n, const uint8_t *bytes),
                       void *opaque, struct error *error)
{
    int status = 0;

    while (status == 0 && reader->kind == 'P') {
        status = take_pages(reader, put, opaque, error);
        reader->record_crc = 0;
        if (status == 0) {
            status = take(reader, &reader->kind, 1, error);
        }
    }
    if (status == 0 && reader->kind != 'E') {
        return bad(reader, error, "is damaged: a record is of no known kind");
    }
    return status == 0 ? take_end(reader, error) : status;
}

/* ---- both ways ---- */

void state_visit(struct state_walk *walk, const struct state_table *table, void *object,
                 const char *format, ...)
{
    char name[STATE_SECTION_NAME_MAX + 1];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(name, sizeof(name), format, args);
    va_end(args);
    if (walk->writer != NULL) {
        state_writer_section(walk->writer, name, table, object);
    } else if (walk->status == 0) {
        walk->status =
            state_reader_section(walk->reader, name, table, object, &walk->timers, walk->error);
    }
}
