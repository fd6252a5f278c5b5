/* Saved state: each object declares its fields in a table; save, restore and the trace hash work from it. */
/*
 * A table describes a struct by rows: scalars and arrays of them, timers, structs within it, counted arrays, lists,
 * and values that functions give. What it writes describes itself: a field is its name, kind, element size, count and
 * bytes, little-endian on every host. The reader goes by name: a field that it does not know, that is missing, or
 * that has another kind or size than its row says is refused with its name.
 *
 * Versions: a row says since which version of its table it is there and, when it is gone, since when it is not; a
 * row that an older file lacks leaves what the object holds.
 */
#ifndef BASE_STATE_H
#define BASE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"

struct state_table;

enum state_kind {
    STATE_UINT = 1,    /* unsigned or two's complement integers of one size */
    STATE_BOOL = 2,    /* bytes of 0 or 1 */
    STATE_TIMER = 3,   /* a struct timer: armed, deadline, and its place among the clock's timers */
    STATE_STRUCT = 4,  /* structs with a table of their own, embedded: one or an array */
    STATE_COUNTED = 5, /* an embedded array of integers whose number another field tells */
    STATE_LIST = 6,    /* elements that functions give and take */
    STATE_VALUE = 7,   /* a 64-bit value that functions give and take: what is kept in another form */
};

enum { STATE_NAME_MAX = 47, STATE_DEPTH_MAX = 8 };

/* Where a walk through a list stands; all zero at first. */
struct state_cursor {
    const void *at;
    uint64_t a, b;
};

/* A linked list, references by id, a variant, or a compact view of something big, as a row of plain structs. */
struct state_list {
    const struct state_table *table; /* of an element */
    size_t size;                     /* of an element */
    /* The next element, or false when none is left. */
    bool (*get)(const void *object, struct state_cursor *cursor, void *element);
    /* Take one, in the order in which they were given. 0 or -errno with the sentence. */
    int (*put)(void *object, const void *element, struct error *error);
};

struct state_value {
    uint64_t (*get)(const void *object);
    int (*put)(void *object, uint64_t value, struct error *error);
};

struct state_field {
    const char *name;
    uint8_t kind;        /* enum state_kind */
    uint8_t element;     /* UINT, BOOL, COUNTED: bytes of one, 1 2 4 or 8 */
    uint16_t since;      /* table version that brought it; 0 is 1 */
    uint16_t gone_since; /* table version that has it no more: read and dropped; 0: it is there */
    size_t offset, size; /* size: all elements */
    uint64_t max;        /* UINT, COUNTED: the largest value that is allowed; 0: any */
    size_t count_offset; /* COUNTED: of the uint32_t that counts; written and read with the array */
    const struct state_table *table; /* STRUCT */
    const struct state_list *list;
    const struct state_value *value;
};

struct state_table {
    const char *name;
    uint16_t version;
    const struct state_field *fields;
    size_t n_fields;
    size_t size; /* of the struct */
    /* After all fields were read: refuse what does not fit together, derive what is not saved. May be NULL. */
    int (*loaded)(void *object, struct error *error);
};

/* The size of an integer or of an array's elements; a struct is an error of the compiler. */
#define STATE_INTEGER(type, member, of_bool, of_integer) \
    _Generic(((type *)0)->member,                        \
        bool: of_bool, bool *: of_bool,                  \
        uint8_t: of_integer(1), uint8_t *: of_integer(1), \
        uint16_t: of_integer(2), uint16_t *: of_integer(2), \
        uint32_t: of_integer(4), uint32_t *: of_integer(4), \
        int32_t: of_integer(4), int32_t *: of_integer(4), \
        uint64_t: of_integer(8), uint64_t *: of_integer(8), \
        int64_t: of_integer(8), int64_t *: of_integer(8))
#define STATE_SAME(n)    n
#define STATE_IS_UINT(n) STATE_UINT

#define STATE_ROW(type, member_, kind_, ...) \
    .name = #member_, .kind = (kind_), .offset = offsetof(type, member_), .size = sizeof(((type *)0)->member_), \
    __VA_ARGS__
#define STATE_FIELD(type, member) STATE_FIELD_MAX(type, member, 0)
#define STATE_FIELD_MAX(type, member, most)                                              \
    { STATE_ROW(type, member, STATE_INTEGER(type, member, STATE_BOOL, STATE_IS_UINT),    \
                .element = STATE_INTEGER(type, member, 1, STATE_SAME), .max = (most)) }
/* _Atomic members, whose representation is the plain one's. */
#define STATE_ATOMIC_BOOL(type, member) { STATE_ROW(type, member, STATE_BOOL, .element = 1) }
#define STATE_ATOMIC_UINT(type, member) { STATE_ROW(type, member, STATE_UINT, .element = sizeof(((type *)0)->member)) }
#define STATE_TIMER_FIELD(type, member) { STATE_ROW(type, member, STATE_TIMER, .element = 0) }
#define STATE_STRUCT_FIELD(type, member, rows) { STATE_ROW(type, member, STATE_STRUCT, .table = (rows)) }
#define STATE_COUNTED_FIELD(type, member, count)                                          \
    { STATE_ROW(type, member, STATE_COUNTED, .element = STATE_INTEGER(type, member, 1, STATE_SAME), \
                .count_offset = offsetof(type, count)) }
#define STATE_LIST_FIELD(name_, rows)  { .name = name_, .kind = STATE_LIST, .list = (rows) }
#define STATE_VALUE_FIELD(name_, rows) { .name = name_, .kind = STATE_VALUE, .value = (rows) }
#define STATE_TABLE(name_, version_, type, rows) \
    { .name = (name_), .version = (version_), .fields = (rows), .n_fields = ARRAY_SIZE(rows), .size = sizeof(type) }
#define STATE_TABLE_LOADED(name_, version_, type, rows, loaded_) \
    { .name = (name_), .version = (version_), .fields = (rows), .n_fields = ARRAY_SIZE(rows), .size = sizeof(type), \
      .loaded = (loaded_) }

/* ---- writing ---- */

struct state_buffer {
    uint8_t *bytes; /* owned */
    size_t n, room;
    bool failed; /* no memory: what follows is dropped */
};

void state_buffer_fini(struct state_buffer *buffer);
void state_buffer_add(struct state_buffer *buffer, const void *bytes, size_t n);

/* Append an object. Lists are walked as they stand: nothing else may change it. */
void state_write(struct state_buffer *to, const struct state_table *table, const void *object);

/* ---- reading ---- */

/* Timers that were read: armed all together, in the order in which the clock had them. */
struct state_timers {
    struct state_timer {
        struct timer *timer;
        uint64_t deadline_ns, place;
    } *at; /* owned */
    size_t n, room;
};

void state_timers_fini(struct state_timers *timers);
void state_timers_arm(struct state_timers *timers);

/* Read into an object that was made and reset. where: its name, for the sentence. -EINVAL with `where.field: reason`;
 * the object is then good for its destruction only. */
WARN_UNUSED int state_read(const uint8_t *bytes, size_t n, const struct state_table *table, void *object,
                           const char *where, struct state_timers *timers, struct error *error);

#endif
