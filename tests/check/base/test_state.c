/* Saved state of objects: every kind there and back, little-endian bytes, and what is refused, by name. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/state.h"
#include "tests/check/check_main.h"

struct inner {
    uint16_t half;
    bool flag;
};

struct node {
    struct node *next;
    uint32_t number;
};

struct object {
    uint8_t byte;
    uint16_t halves[3];
    uint32_t word;
    uint64_t wide;
    int64_t negative;
    bool yes;
    struct inner one, two[2];
    uint32_t n_used;
    uint8_t used[16];
    struct timer timer, other;
    struct node *nodes;
    uint64_t kept; /* saved as its half */
};

static const struct state_field inner_rows[] = {
    STATE_FIELD(struct inner, half),
    STATE_FIELD(struct inner, flag),
};
static const struct state_table inner_table = STATE_TABLE("inner", 1, struct inner, inner_rows);

struct saved_node {
    uint32_t number;
};
static const struct state_field node_rows[] = { STATE_FIELD(struct saved_node, number) };
static const struct state_table node_table = STATE_TABLE("node", 1, struct saved_node, node_rows);

static bool nodes_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct node *node = cursor->a++ == 0 ? ((const struct object *)object)->nodes
                                               : ((const struct node *)cursor->at)->next;

    cursor->at = node;
    if (node != NULL) {
        ((struct saved_node *)element)->number = node->number;
    }
    return node != NULL;
}

static int nodes_put(void *object, const void *element, struct error *error)
{
    struct node **link = &((struct object *)object)->nodes;
    uint32_t number = ((const struct saved_node *)element)->number;

    if (number == 666) {
        return error_set(error, -EINVAL, "an evil number");
    }
    while (*link != NULL) {
        link = &(*link)->next;
    }
    *link = calloc(1, sizeof(**link));
    (*link)->number = number;
    return 0;
}

static const struct state_list nodes_list = { &node_table, sizeof(struct saved_node), nodes_get,
                                              nodes_put };

static uint64_t kept_get(const void *object)
{
    return ((const struct object *)object)->kept / 2;
}

static int kept_put(void *object, uint64_t value, struct error *error)
{
    ((struct object *)object)->kept = value * 2;
    return value < 1000 ? 0 : error_set(error, -EINVAL, "is too large");
}

static const struct state_value kept_value = { kept_get, kept_put };

static const struct state_field rows[] = {
    STATE_FIELD(struct object, byte),
    STATE_FIELD(struct object, halves),
    STATE_FIELD_MAX(struct object, word, 0x12345678),
    STATE_FIELD(struct object, wide),
    STATE_FIELD(struct object, negative),
    STATE_FIELD(struct object, yes),
    STATE_STRUCT_FIELD(struct object, one, &inner_table),
    STATE_STRUCT_FIELD(struct object, two, &inner_table),
    STATE_COUNTED_FIELD(struct object, used, n_used),
    STATE_TIMER_FIELD(struct object, timer),
    STATE_TIMER_FIELD(struct object, other),
    STATE_LIST_FIELD("nodes", &nodes_list),
    STATE_VALUE_FIELD("kept", &kept_value),
};

static int loaded(void *object, struct error *error)
{
    const struct object *o = object;

    return o->byte != 99 ? 0 : error_set(error, -EINVAL, "byte and the rest do not fit");
}

static const struct state_table table =
    STATE_TABLE_LOADED("object", 3, struct object, rows, loaded);

/* ---- fixtures ---- */

static struct clock clk;
static unsigned order[4], n_order;

static void rang(void *opaque, uint64_t now_ns)
{
    (void)now_ns;
    order[n_order++] = (unsigned)(uintptr_t)opaque;
}

static void setup(void)
{
    clock_init(&clk, CLOCK_MODE_VIRTUAL);
    n_order = 0;
}

static void teardown(void)
{
    clock_fini(&clk);
}

static void empty(struct object *o)
{
    memset(o, 0, sizeof(*o));
    timer_init(&o->timer, &clk, rang, (void *)(uintptr_t)1);
    timer_init(&o->other, &clk, rang, (void *)(uintptr_t)2);
}

static void done(struct object *o)
{
    timer_cancel(&o->timer);
    timer_cancel(&o->other);
    while (o->nodes != NULL) {
        struct node *next = o->nodes->next;
        free(o->nodes);
        o->nodes = next;
    }
}

static void fill(struct object *o)
{
    struct error error;

    empty(o);
    o->byte = 7;
    o->halves[0] = 0x1122;
    o->halves[2] = 0xfffe;
    o->word = 0x12345678;
    o->wide = UINT64_C(0x0102030405060708);
    o->negative = -5;
    o->yes = true;
    o->one = (struct inner){ 1, true };
    o->two[1] = (struct inner){ 9, true };
    o->n_used = 3;
    memcpy(o->used, "abcdef", 6);
    o->kept = 20;
    for (uint32_t i = 0; i < 3; i++) {
        struct saved_node node = { 10 + i };
        ck_assert_int_eq(nodes_put(o, &node, &error), 0);
    }
    timer_set(&o->other, 500); /* equal deadlines: the one armed first rings first */
    timer_set(&o->timer, 500);
}

static struct state_buffer written(void)
{
    struct state_buffer buffer = { .n = 0 };
    struct object o;

    fill(&o);
    state_write(&buffer, &table, &o);
    ck_assert(!buffer.failed);
    done(&o);
    return buffer;
}

static int read_into(struct object *o, const uint8_t *bytes, size_t n, struct error *error)
{
    struct state_timers timers = { .n = 0 };

    error->text[0] = '\0';
    int status = state_read(bytes, n, &table, o, "thing", &timers, error);
    if (status == 0) {
        state_timers_arm(&timers);
    }
    state_timers_fini(&timers);
    return status;
}

START_TEST(everything_comes_back)
{
    struct state_buffer buffer = written();
    struct object o;
    struct error error;

    empty(&o);
    timer_set(&o.timer, 3); /* of the object that is replaced */
    ck_assert_msg(read_into(&o, buffer.bytes, buffer.n, &error) == 0, "%s", error.text);
    ck_assert_uint_eq(o.byte, 7);
    ck_assert_uint_eq(o.halves[0], 0x1122);
    ck_assert_uint_eq(o.halves[1], 0);
    ck_assert_uint_eq(o.halves[2], 0xfffe);
    ck_assert_uint_eq(o.word, 0x12345678);
    ck_assert_uint_eq(o.wide, UINT64_C(0x0102030405060708));
    ck_assert_int_eq(o.negative, -5);
    ck_assert(o.yes && o.one.flag && o.two[1].flag && !o.two[0].flag);
    ck_assert_uint_eq(o.two[1].half, 9);
    ck_assert_uint_eq(o.n_used, 3);
    ck_assert_int_eq(memcmp(o.used, "abc\0\0", 5), 0); /* what is not counted is not saved */
    ck_assert_uint_eq(o.kept, 20);
    ck_assert_uint_eq(o.nodes->number, 10);
    ck_assert_uint_eq(o.nodes->next->next->number, 12);
    ck_assert_ptr_null(o.nodes->next->next->next);
    clock_advance(&clk, 499);
    ck_assert_uint_eq(clock_run(&clk), 0);
    clock_advance(&clk, 1);
    ck_assert_uint_eq(clock_run(&clk), 2);
    ck_assert_uint_eq(order[0], 2); /* in the order in which they were armed */
    ck_assert_uint_eq(order[1], 1);
    done(&o);
    state_buffer_fini(&buffer);
}
END_TEST

/* Where a field's name stands. */
static uint8_t *field_at(const struct state_buffer *buffer, const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 1; i + n < buffer->n; i++) {
        if (buffer->bytes[i - 1] == n && memcmp(buffer->bytes + i, name, n) == 0) {
            return buffer->bytes + i;
        }
    }
    ck_abort_msg("no %s", name);
    return NULL;
}

START_TEST(bytes_are_as_documented)
{
    struct state_buffer buffer = written();
    static const uint8_t word[] = { 4, 'w', 'o', 'r', 'd', STATE_UINT, 4,    1,    0,   0,
                                    0, 4,   0,   0,   0,   0x78,       0x56, 0x34, 0x12 };

    ck_assert_uint_eq(le16_load(buffer.bytes), 3);
    ck_assert_uint_eq(le16_load(buffer.bytes + 2), ARRAY_SIZE(rows));
    ck_assert_int_eq(memcmp(field_at(&buffer, "word") - 1, word, sizeof(word)), 0);
    state_buffer_fini(&buffer);
}
END_TEST

/* One change to the bytes, and the sentence. Offsets are from the name's end: kind, size, count, length, data. */
static const struct {
    const char *field;
    int at;
    uint8_t value;
    const char *sentence;
} changes[] = {
    { "byte", -1, 'x', "thing.bytx: is unknown" },
    { "word", 0, STATE_BOOL, "thing.word: is of another kind than it should be" },
    { "word", 1, 8, "thing.word: has another size than it should" },
    { "word", 2, 2, "thing.word: has another size than it should" },
    { "word", 13, 0x13, "thing.word: has a value that cannot be" },
    { "yes", 10, 2, "thing.yes: has a value that cannot be" },
    { "byte", 10, 99, "thing: byte and the rest do not fit" },
    { "two", 2, 3, "thing.two: has another number of elements than it should" },
    { "timer", 10, 7, "thing.timer: has a value that cannot be" },
    { "kept", 12, 7, "thing.kept: is too large" },
    { "nodes", 2, 9, "thing.nodes: is cut short" },
    { "nodes", 2, 1, "thing.nodes: is longer than its elements" },
    { "used", 2, 17, "thing.used: has another size than it should" },
};

START_TEST(one_wrong_byte_is_refused_by_name)
{
    struct state_buffer buffer = written();
    struct object o;
    struct error error;

    empty(&o);
    uint8_t *end = field_at(&buffer, changes[_i].field) + strlen(changes[_i].field);
    end[changes[_i].at] = changes[_i].value;
    ck_assert_int_eq(read_into(&o, buffer.bytes, buffer.n, &error), -EINVAL);
    ck_assert_str_eq(error.text, changes[_i].sentence);
    done(&o);
    state_buffer_fini(&buffer);
}
END_TEST

START_TEST(an_element_that_the_list_refuses_is_named)
{
    struct state_buffer buffer = written();
    struct object o;
    struct error error;
    uint8_t *number = field_at(&buffer, "number");

    empty(&o);
    le32_store(number + strlen("number") + 10, 666);
    ck_assert_int_eq(read_into(&o, buffer.bytes, buffer.n, &error), -EINVAL);
    ck_assert_str_eq(error.text, "thing.nodes[0]: an evil number");
    done(&o);
    state_buffer_fini(&buffer);
}
END_TEST

/* Cut anywhere: refused, never read beyond (the bytes are copied so that a sanitizer sees it). */
START_TEST(every_cut_is_refused)
{
    struct state_buffer buffer = written();

    for (size_t n = 0; n < buffer.n; n++) {
        uint8_t *cut = malloc(n + 1);
        struct object o;
        struct error error;
        memcpy(cut, buffer.bytes, n);
        empty(&o);
        ck_assert_int_eq(read_into(&o, cut, n, &error), -EINVAL);
        ck_assert_uint_gt(strlen(error.text), 0);
        done(&o);
        free(cut);
    }
    state_buffer_fini(&buffer);
}
END_TEST

/* ---- versions ---- */

struct versioned {
    uint32_t first, second, third;
};

static const struct state_field old_rows[] = {
    STATE_FIELD(struct versioned, first),
    STATE_FIELD(struct versioned, second),
};
static const struct state_table old_table = STATE_TABLE("v", 1, struct versioned, old_rows);
/* Version 2: second is gone, third came. */
static const struct state_field new_rows[] = {
    STATE_FIELD(struct versioned, first),
    { .name = "second", .kind = STATE_UINT, .element = 4, .gone_since = 2 },
    { STATE_ROW(struct versioned, third, STATE_UINT, .element = 4, .since = 2) },
};
static const struct state_table new_table = STATE_TABLE("v", 2, struct versioned, new_rows);

static int convert(const struct state_table *from, const struct state_table *to,
                   struct versioned *object, struct error *error)
{
    struct state_buffer buffer = { .n = 0 };
    struct state_timers timers = { .n = 0 };
    struct versioned source = { 1, 2, 3 };

    state_write(&buffer, from, &source);
    int status = state_read(buffer.bytes, buffer.n, to, object, "v", &timers, error);
    state_timers_fini(&timers);
    state_buffer_fini(&buffer);
    return status;
}

START_TEST(an_older_version_is_read_and_a_newer_one_refused)
{
    struct versioned object = { 70, 80, 90 };
    struct error error = { "" };

    ck_assert_int_eq(convert(&old_table, &new_table, &object, &error), 0);
    ck_assert_uint_eq(object.first, 1);
    ck_assert_uint_eq(object.second, 80); /* dropped */
    ck_assert_uint_eq(object.third, 90);  /* as it was made */
    ck_assert_int_eq(convert(&new_table, &new_table, &object, &error), 0);
    ck_assert_uint_eq(object.third, 3);
    ck_assert_int_eq(convert(&new_table, &old_table, &object, &error), -EINVAL);
    ck_assert_str_eq(error.text, "v: is of version 2, and this verdite knows 1");
}
END_TEST

START_TEST(a_missing_field_is_refused)
{
    static const struct state_field fewer[] = { STATE_FIELD(struct versioned, first) };
    static const struct state_table fewer_table = STATE_TABLE("v", 1, struct versioned, fewer);
    struct versioned object = { 0, 0, 0 };
    struct error error = { "" };

    ck_assert_int_eq(convert(&fewer_table, &old_table, &object, &error), -EINVAL);
    ck_assert_str_eq(error.text, "v.second: is missing");
}
END_TEST

static Suite *suite_state(void)
{
    Suite *suite = suite_create("base/state");
    TCase *cases = tcase_create("state");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, everything_comes_back);
    tcase_add_test(cases, bytes_are_as_documented);
    tcase_add_loop_test(cases, one_wrong_byte_is_refused_by_name, 0, ARRAY_SIZE(changes));
    tcase_add_test(cases, an_element_that_the_list_refuses_is_named);
    tcase_add_test(cases, every_cut_is_refused);
    tcase_add_test(cases, an_older_version_is_read_and_a_newer_one_refused);
    tcase_add_test(cases, a_missing_field_is_refused);
    suite_add_tcase(suite, cases);
    return suite;
}

CHECK_MAIN(suite_state())
