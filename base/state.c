/* Saved state of one object: fields by name, little-endian. [docs/saved-state.md] */
/*
 *   object:  u16 version of its table, u16 number of fields, then each field
 *   field:   u8 length and bytes of the name, u8 kind, u8 element size, u32 count, u32 length and bytes of the data
 *   data:    integers; timers: u8 armed, u64 deadline, u64 place; structs and elements: u32 length and an object each
 */
#include "base/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum { TIMER_BYTES = 17, WHERE_BYTES = 192 };

/* ---- integers of the host ---- */

static uint64_t integer_load(const uint8_t *at, unsigned size)
{
    uint16_t half;
    uint32_t word;
    uint64_t wide;

    switch (size) {
    case 1:
        return *at;
    case 2:
        memcpy(&half, at, sizeof(half));
        return half;
    case 4:
        memcpy(&word, at, sizeof(word));
        return word;
    default:
        memcpy(&wide, at, sizeof(wide));
        return wide;
    }
}

static void integer_store(uint8_t *at, unsigned size, uint64_t value)
{
    uint16_t half = (uint16_t)value;
    uint32_t word = (uint32_t)value;

    switch (size) {
    case 1:
        *at = (uint8_t)value;
        return;
    case 2:
        memcpy(at, &half, sizeof(half));
        return;
    case 4:
        memcpy(at, &word, sizeof(word));
        return;
    default:
        memcpy(at, &value, sizeof(value));
        return;
    }
}

/* ---- writing ---- */

void state_buffer_fini(struct state_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct state_buffer){ .n = 0 };
}

void state_buffer_add(struct state_buffer *buffer, const void *bytes, size_t n)
{
    if (buffer->room - buffer->n < n && !buffer->failed) {
        size_t room = buffer->room * 2 > buffer->n + n ? buffer->room * 2 : buffer->n + n + 256;
        uint8_t *more = realloc(buffer->bytes, room);
        if (more == NULL) {
            buffer->failed = true;
            return;
        }
        buffer->bytes = more;
        buffer->room = room;
    }
    if (!buffer->failed && n > 0) {
        memcpy(buffer->bytes + buffer->n, bytes, n);
        buffer->n += n;
    }
}

static void add_integer(struct state_buffer *to, uint64_t value, unsigned size)
{
    uint8_t bytes[8];

    le64_store(bytes, value);
    state_buffer_add(to, bytes, size);
}

/* Room for a length that is known later. */
static size_t length_begin(struct state_buffer *to)
{
    add_integer(to, 0, 4);
    return to->n;
}

static void length_end(struct state_buffer *to, size_t begun)
{
    if (!to->failed) {
        le32_store(to->bytes + begun - 4, (uint32_t)(to->n - begun));
    }
}

static void write_struct(struct state_buffer *to, const struct state_table *table,
                         const void *object)
{
    size_t begun = length_begin(to);

    state_write(to, table, object);
    length_end(to, begun);
}

static uint64_t timer_place(const struct timer *timer)
{
    uint64_t place = 0;

    for (const struct timer *t = timer->clock->first; t != NULL && t != timer; t = t->next) {
        place++;
    }
    return place;
}

static uint32_t write_list(struct state_buffer *to, const struct state_list *list,
                           const void *object)
{
    struct state_cursor cursor = { .at = NULL };
    uint8_t *element = malloc(list->size);
    uint32_t n = 0;

    if (element == NULL) {
        to->failed = true;
        return 0;
    }
    for (;; n++) {
        memset(element, 0, list->size);
        if (!list->get(object, &cursor, element)) {
            break;
        }
        write_struct(to, list->table, element);
    }
    free(element);
    return n;
}

/* The data of a field; returns its count. */
static uint32_t write_data(struct state_buffer *to, const struct state_field *field,
                           const uint8_t *object)
{
    const uint8_t *at = object + field->offset;
    uint32_t n = field->element != 0 ? (uint32_t)(field->size / field->element) : 1;

    switch ((enum state_kind)field->kind) {
    case STATE_COUNTED:
        n = (uint32_t)integer_load(object + field->count_offset, 4);
        /* fall through */
    case STATE_UINT:
    case STATE_BOOL:
        for (uint32_t i = 0; i < n; i++) {
            add_integer(to, integer_load(at + (size_t)i * field->element, field->element),
                        field->element);
        }
        return n;
    case STATE_TIMER: {
        const struct timer *timer = (const void *)at;
        add_integer(to, timer->armed, 1);
        add_integer(to, timer->armed ? timer->deadline_ns : 0, 8);
        add_integer(to, timer->armed ? timer_place(timer) : 0, 8);
        return 1;
    }
    case STATE_STRUCT:
        n = (uint32_t)(field->size / field->table->size);
        for (uint32_t i = 0; i < n; i++) {
            write_struct(to, field->table, at + i * field->table->size);
        }
        return n;
    case STATE_LIST:
        return write_list(to, field->list, object);
    case STATE_VALUE:
        add_integer(to, field->value->get(object), 8);
        return 1;
    }
    return 0;
}

static void write_field(struct state_buffer *to, const struct state_field *field,
                        const void *object)
{
    size_t length = strlen(field->name), count_at, begun;

    add_integer(to, length, 1);
    state_buffer_add(to, field->name, length);
    add_integer(to, field->kind, 1);
    add_integer(to, field->element, 1);
    count_at = to->n;
    add_integer(to, 0, 4);
    begun = length_begin(to);
    uint32_t n = write_data(to, field, object);
    length_end(to, begun);
    if (!to->failed) {
        le32_store(to->bytes + count_at, n);
    }
}

void state_write(struct state_buffer *to, const struct state_table *table, const void *object)
{
    unsigned n = 0;

    for (size_t i = 0; i < table->n_fields; i++) {
        n += table->fields[i].gone_since == 0;
    }
    add_integer(to, table->version, 2);
    add_integer(to, n, 2);
    for (size_t i = 0; i < table->n_fields; i++) {
        if (table->fields[i].gone_since == 0) {
            write_field(to, &table->fields[i], object);
        }
    }
}

/* ---- timers ---- */

void state_timers_fini(struct state_timers *timers)
{
    free(timers->at);
    *timers = (struct state_timers){ .n = 0 };
}

static int timers_add(struct state_timers *timers, struct state_timer timer)
{
    if (timers->n == timers->room) {
        size_t room = timers->room == 0 ? 64 : 2 * timers->room;
        struct state_timer *more = realloc(timers->at, room * sizeof(*more));
        if (more == NULL) {
            return -ENOMEM;
        }
        timers->at = more;
        timers->room = room;
    }
    timers->at[timers->n++] = timer;
    return 0;
}

static int by_place(const void *left, const void *right)
{
    const struct state_timer *a = left, *b = right;

    return a->place != b->place ? (a->place < b->place ? -1 : 1) : 0;
}

void state_timers_arm(struct state_timers *timers)
{
    if (timers->n > 0) {
        qsort(timers->at, timers->n, sizeof(timers->at[0]), by_place);
    }
    for (size_t i = 0; i < timers->n; i++) {
        timer_set(timers->at[i].timer, timers->at[i].deadline_ns);
    }
    timers->n = 0;
}

/* ---- reading ---- */

struct reader {
    const uint8_t *at, *end;
};

struct reading {
    struct state_timers *timers;
    struct error *error;
    char where[WHERE_BYTES];
    unsigned depth;
};

/* A field as the file has it. */
struct found {
    char name[STATE_NAME_MAX + 1];
    unsigned kind, element;
    uint32_t count;
    struct reader data;
};

static bool take(struct reader *reader, unsigned size, uint64_t *value)
{
    *value = 0;
    if ((size_t)(reader->end - reader->at) < size) {
        return false;
    }
    for (unsigned i = 0; i < size; i++) {
        *value |= (uint64_t)reader->at[i] << 8 * i;
    }
    reader->at += size;
    return true;
}

static bool take_bytes(struct reader *reader, size_t n, struct reader *bytes)
{
    if ((size_t)(reader->end - reader->at) < n) {
        return false;
    }
    *bytes = (struct reader){ reader->at, reader->at + n };
    reader->at += n;
    return true;
}

static bool take_field(struct reader *reader, struct found *found)
{
    uint64_t length, kind, element, count, n;
    struct reader name;

    if (!take(reader, 1, &length) || length > STATE_NAME_MAX || length == 0 ||
        !take_bytes(reader, length, &name) || !take(reader, 1, &kind) ||
        !take(reader, 1, &element) || !take(reader, 4, &count) || !take(reader, 4, &n) ||
        !take_bytes(reader, n, &found->data)) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        found->name[i] = name.at[i] > ' ' && name.at[i] < 0x7f ? (char)name.at[i] : '?';
    }
    found->name[length] = '\0';
    found->kind = (unsigned)kind;
    found->element = (unsigned)element;
    found->count = (uint32_t)count;
    return true;
}

static int refuse(struct reading *reading, const char *name, const char *reason)
{
    return error_set(reading->error, -EINVAL, "%s.%s: %s", reading->where, name, reason);
}

static int read_object(struct reading *reading, struct reader *reader,
                       const struct state_table *table, void *object);

static int read_nested(struct reading *reading, const struct found *found, struct reader *data,
                       uint32_t index, const struct state_table *table, void *object)
{
    size_t length = strlen(reading->where);
    struct reader bytes;
    uint64_t n;

    if (!take(data, 4, &n) || !take_bytes(data, n, &bytes)) {
        return refuse(reading, found->name, "is cut short");
    }
    if (reading->depth == STATE_DEPTH_MAX) {
        return refuse(reading, found->name, "is nested too deeply");
    }
    reading->depth++;
    if (found->count > 1) {
        (void)snprintf(reading->where + length, WHERE_BYTES - length, ".%s[%u]", found->name,
                       index);
    } else {
        (void)snprintf(reading->where + length, WHERE_BYTES - length, ".%s", found->name);
    }
    int status = read_object(reading, &bytes, table, object);
    reading->where[length] = '\0';
    reading->depth--;
    return status;
}

static int read_integers(struct reading *reading, const struct state_field *field,
                         struct found *found, uint8_t *object)
{
    uint64_t most = field->kind == STATE_BOOL ? 1 : field->max;

    if (found->element != field->element ||
        (uint64_t)(found->data.end - found->data.at) != (uint64_t)found->count * field->element) {
        return refuse(reading, found->name, "has another size than it should");
    }
    if (field->kind == STATE_COUNTED ? found->count > field->size / field->element
                                     : found->count != field->size / field->element) {
        return refuse(reading, found->name, "has another number of elements than it should");
    }
    for (uint32_t i = 0; i < found->count; i++) {
        uint64_t value;
        (void)take(&found->data, field->element, &value);
        if (most != 0 && value > most) {
            return refuse(reading, found->name, "has a value that cannot be");
        }
        integer_store(object + field->offset + (size_t)i * field->element, field->element, value);
    }
    if (field->kind == STATE_COUNTED) {
        integer_store(object + field->count_offset, 4, found->count);
    }
    return 0;
}

static int read_timer(struct reading *reading, const struct state_field *field, struct found *found,
                      uint8_t *object)
{
    uint64_t armed, deadline, place;
    struct timer *timer = (void *)(object + field->offset);

    if (found->data.end - found->data.at != TIMER_BYTES) {
        return refuse(reading, found->name, "has another size than it should");
    }
    (void)take(&found->data, 1, &armed);
    (void)take(&found->data, 8, &deadline);
    (void)take(&found->data, 8, &place);
    if (armed > 1) {
        return refuse(reading, found->name, "has a value that cannot be");
    }
    if (timer->clock == NULL) { /* of an object that is not in use */
        return armed == 0 ? 0 : refuse(reading, found->name, "is armed, and cannot be");
    }
    timer_cancel(timer);
    if (armed != 0 && timers_add(reading->timers, (struct state_timer){ timer, deadline, place })) {
        return error_set(reading->error, -ENOMEM, "no memory for timers");
    }
    return 0;
}

static int read_structs(struct reading *reading, const struct state_field *field,
                        struct found *found, uint8_t *object)
{
    size_t size = field->table->size;
    int status = 0;

    if (found->count != field->size / size) {
        return refuse(reading, found->name, "has another number of elements than it should");
    }
    for (uint32_t i = 0; status == 0 && i < found->count; i++) {
        status = read_nested(reading, found, &found->data, i, field->table,
                             object + field->offset + i * size);
    }
    return status;
}

static int read_element(struct reading *reading, const struct state_list *list, struct found *found,
                        uint32_t index, void *element, void *object)
{
    struct error why = { "" };

    memset(element, 0, list->size);
    int status = read_nested(reading, found, &found->data, index, list->table, element);
    if (status == 0) {
        status = list->put(object, element, &why);
        if (status != 0) {
            error_set(reading->error, status, "%s.%s[%u]: %s", reading->where, found->name, index,
                      why.text[0] != '\0' ? why.text : "cannot be");
        }
    }
    return status;
}

static int read_list(struct reading *reading, const struct state_field *field, struct found *found,
                     void *object)
{
    uint8_t *element = malloc(field->list->size);
    int status = element == NULL ? error_set(reading->error, -ENOMEM, "no memory for a list") : 0;

    for (uint32_t i = 0; status == 0 && i < found->count; i++) {
        status = read_element(reading, field->list, found, i, element, object);
    }
    free(element);
    return status;
}

static int read_value(struct reading *reading, const struct state_field *field, struct found *found,
                      void *object)
{
    struct error why = { "" };
    uint64_t value;

    if (found->data.end - found->data.at != 8) {
        return refuse(reading, found->name, "has another size than it should");
    }
    (void)take(&found->data, 8, &value);
    int status = field->value->put(object, value, &why);
    return status == 0 ? 0
                       : refuse(reading, found->name,
                                why.text[0] != '\0' ? why.text : "has a value that cannot be");
}

static int read_data(struct reading *reading, const struct state_field *field, struct found *found,
                     void *object)
{
    int status = 0;

    if (found->kind != field->kind) {
        return refuse(reading, found->name, "is of another kind than it should be");
    }
    switch ((enum state_kind)field->kind) {
    case STATE_UINT:
    case STATE_BOOL:
    case STATE_COUNTED:
        return read_integers(reading, field, found, object);
    case STATE_TIMER:
        return read_timer(reading, field, found, object);
    case STATE_STRUCT:
        status = read_structs(reading, field, found, object);
        break;
    case STATE_LIST:
        status = read_list(reading, field, found, object);
        break;
    case STATE_VALUE:
        return read_value(reading, field, found, object);
    }
    if (status == 0 && found->data.at != found->data.end) {
        status = refuse(reading, found->name, "is longer than its elements");
    }
    return status;
}

static size_t find_row(const struct state_table *table, const char *name)
{
    size_t i = 0;

    while (i < table->n_fields && strcmp(table->fields[i].name, name) != 0) {
        i++;
    }
    return i;
}

/* Rows that the file must have, and has not. */
static int require_all(struct reading *reading, uint64_t version, const struct state_table *table,
                       const uint64_t seen[4])
{
    for (size_t i = 0; i < table->n_fields; i++) {
        const struct state_field *field = &table->fields[i];
        bool expected =
            field->since <= version && (field->gone_since == 0 || field->gone_since > version);
        if (expected && (seen[i / 64] >> i % 64 & 1) == 0) {
            return refuse(reading, field->name, "is missing");
        }
    }
    return 0;
}

static int read_object(struct reading *reading, struct reader *reader,
                       const struct state_table *table, void *object)
{
    uint64_t version, n, seen[4] = { 0 };

    if (!take(reader, 2, &version) || !take(reader, 2, &n)) {
        return error_set(reading->error, -EINVAL, "%s: is cut short", reading->where);
    }
    if (version > table->version) {
        return error_set(reading->error, -EINVAL, "%s: is of version %u, and this verdite knows %u",
                         reading->where, (unsigned)version, table->version);
    }
    for (uint64_t i = 0; i < n; i++) {
        struct found found;
        if (!take_field(reader, &found)) {
            return error_set(reading->error, -EINVAL, "%s: is cut short", reading->where);
        }
        size_t row = find_row(table, found.name);
        if (row == table->n_fields || row >= 256) {
            return refuse(reading, found.name, "is unknown");
        }
        if (seen[row / 64] >> row % 64 & 1) {
            return refuse(reading, found.name, "is there twice");
        }
        seen[row / 64] |= UINT64_C(1) << row % 64;
        if (table->fields[row].gone_since != 0) {
            continue;
        }
        int status = read_data(reading, &table->fields[row], &found, object);
        if (status != 0) {
            return status;
        }
    }
    if (reader->at != reader->end) {
        return error_set(reading->error, -EINVAL, "%s: is longer than its fields", reading->where);
    }
    int status = require_all(reading, version, table, seen);
    struct error why = { "" };
    if (status == 0 && table->loaded != NULL && table->loaded(object, &why) != 0) {
        status = error_set(reading->error, -EINVAL, "%s: %s", reading->where,
                           why.text[0] != '\0' ? why.text : "does not fit together");
    }
    return status;
}

int state_read(const uint8_t *bytes, size_t n, const struct state_table *table, void *object,
               const char *where, struct state_timers *timers, struct error *error)
{
    struct reading reading = { .timers = timers, .error = error };
    struct reader reader = { bytes, bytes + n };

    (void)snprintf(reading.where, sizeof(reading.where), "%s", where);
    return read_object(&reading, &reader, table, object);
}
