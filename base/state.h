/* Saved state: each object declares its fields in a table; save, restore and inspection work from it. */
#ifndef BASE_STATE_H
#define BASE_STATE_H

#include <stddef.h>
#include <stdint.h>

enum state_kind {
    STATE_BYTES, /* size bytes, little-endian scalars or arrays of them */
    STATE_TIMER, /* a struct timer: armed and deadline */
    STATE_LIST,  /* count at count_offset of a counted array of elements described by rows */
};

struct state_field {
    const char *name;
    enum state_kind kind;
    unsigned since_version;
    size_t offset, size;
    size_t count_offset;
    const struct state_field *rows;
    size_t n_rows;
};

#define STATE_FIELD(type, member) \
    { .name = #member, .kind = STATE_BYTES, .since_version = 1, .offset = offsetof(type, member), \
      .size = sizeof(((type *)0)->member) }
#define STATE_TIMER_FIELD(type, member) \
    { .name = #member, .kind = STATE_TIMER, .since_version = 1, .offset = offsetof(type, member), \
      .size = sizeof(((type *)0)->member) }

#endif
