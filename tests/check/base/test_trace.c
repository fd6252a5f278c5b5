/* Trace lines, selection by globs, and whole files. */
#include "base/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/host/file.h"
#include "tests/check/check_main.h"

static const struct trace_event events[] = {
    { "synic.posted", TRACE_DEBUG, "sint:d payload:x from:s" },
    { "msr.unknown", TRACE_UNIMPLEMENTED, "index:x" },
    { "empty", TRACE_INFO, "" },
    { "cache", TRACE_HOST, "n:d" },
};

static char text[4096];
static struct trace trace;
static struct clock vtime;

static void setup(void)
{
    memset(text, 0, sizeof(text));
    clock_init(&vtime, CLOCK_MODE_VIRTUAL);
    clock_advance(&vtime, 42);
    trace_init(&trace, &vtime, fmemopen(text, sizeof(text), "w"));
    trace_register(&trace, TRACE_ROOM_HV, events, 4);
}

static void teardown(void)
{
    (void)fclose(trace.out);
    clock_fini(&vtime);
}

static void expect(const char *line)
{
    ck_assert_int_eq(fflush(trace.out), 0);
    ck_assert_str_eq(text, line);
}

START_TEST(a_line_names_time_place_event_and_fields)
{
    struct error error;
    ck_assert_int_eq(trace_enable(&trace, "synic.*,hv.empty", &error), 0);
    TRACE(&trace, TRACE_ROOM_HV, 0, 3, 1, 2, 0xab, (uintptr_t) "tester");
    TRACE(&trace, TRACE_ROOM_HV, 2, 0, -1, 0);
    expect("42 p3.v1 hv.synic.posted sint=2 payload=0xab from=tester\n42 - hv.empty\n");
}
END_TEST

START_TEST(only_errors_and_what_is_not_built_are_on_at_first)
{
    TRACE(&trace, TRACE_ROOM_HV, 0, 3, 1, 2);
    TRACE(&trace, TRACE_ROOM_HV, 1, 3, -1, 0x10);
    TRACE(NULL, TRACE_ROOM_HV, 1, 3, -1, 0x10);
    expect("42 p3.v- hv.msr.unknown index=0x10\n");
    ck_assert_uint_eq(trace.count[TRACE_UNIMPLEMENTED], 1);
    ck_assert_uint_eq(trace.count[TRACE_DEBUG], 0);
}
END_TEST

START_TEST(quiet_leaves_what_was_on_at_first_and_the_hash)
{
    struct error error;
    trace_hash_start(&trace);
    ck_assert_int_eq(trace_enable(&trace, "*", &error), 0);
    trace_quiet(&trace);
    TRACE(&trace, TRACE_ROOM_HV, 0, 3, 1, 2);
    TRACE(&trace, TRACE_ROOM_HV, 1, 3, -1, 0x10);
    expect("42 p3.v- hv.msr.unknown index=0x10\n");
    uint64_t before = hash_value(&trace.hash);
    TRACE(&trace, TRACE_ROOM_HV, 0, 3, 1, 2);
    ck_assert_uint_ne(hash_value(&trace.hash), before);
}
END_TEST

/* A guest that repeats itself does not flood the host, unless the user asked to see it. */
START_TEST(unasked_lines_come_to_an_end)
{
    static const char *const last =
        "42 p3.v- hv.msr.unknown index=0x13 (the last of these that is shown unasked)\n";
    struct error error;
    for (unsigned i = 0; i < 10 * TRACE_UNASKED_LINES; i++) {
        TRACE(&trace, TRACE_ROOM_HV, 1, 3, -1, i);
    }
    (void)fflush(trace.out);
    size_t quiet = strlen(text);
    ck_assert_str_eq(text + quiet - strlen(last), last);
    ck_assert_uint_eq(trace.count[TRACE_UNIMPLEMENTED], 10 * TRACE_UNASKED_LINES);
    ck_assert_int_eq(trace_enable(&trace, "msr.unknown", &error), 0);
    TRACE(&trace, TRACE_ROOM_HV, 1, 3, -1, 0x10);
    (void)fflush(trace.out);
    ck_assert_str_eq(text + quiet, "42 p3.v- hv.msr.unknown index=0x10\n");
}
END_TEST

START_TEST(a_glob_that_matches_nothing_is_an_error)
{
    struct error error = { "" };
    ck_assert_int_eq(trace_enable(&trace, "synic.posted,nosuch*", &error), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "nosuch*"));
    ck_assert_int_eq(trace_enable(&trace, "*.posted", &error), 0);
    ck_assert_int_eq(trace_enable(&trace, "*.poste?", &error), 0);
    ck_assert_int_eq(trace_enable(&trace, "*.poste", &error), -EINVAL);
}
END_TEST

START_TEST(files_are_read_whole_or_refused_with_a_sentence)
{
    uint8_t *data = NULL;
    size_t length = 1;
    struct error error = { "" };
    ck_assert_int_eq(host_file_read("/nonexistent/x", 10, &data, &length, &error), -ENOENT);
    ck_assert_ptr_nonnull(strstr(error.text, "/nonexistent/x"));
    ck_assert_int_eq(host_file_read("/", 10, &data, &length, &error), -EISDIR);
    ck_assert_int_eq(host_file_read("/dev/null", 10, &data, &length, &error), 0);
    ck_assert_uint_eq(length, 0);
    free(data);
    ck_assert_int_eq(host_file_read("/proc/self/status", 1 << 20, &data, &length, &error), 0);
    ck_assert_uint_gt(length, 100);
    free(data);
    ck_assert_int_eq(host_file_read("/proc/self/status", 10, &data, &length, &error), -EFBIG);
    ck_assert_int_eq(host_file_read("/proc/self/exe", 100, &data, &length, &error), -EFBIG);
    ck_assert_ptr_null(data);
}
END_TEST

static uint64_t hash_of_event(unsigned event, uint32_t partition, uint64_t number, const char *name)
{
    trace_hash_start(&trace);
    TRACE(&trace, TRACE_ROOM_HV, event, partition, 1, 2, number, (uintptr_t)name);
    return hash_value(&trace.hash);
}

START_TEST(the_hash_covers_events_that_are_off_and_strings_by_their_text)
{
    char copy[] = "tester";
    uint64_t hash = hash_of_event(0, 3, 7, "tester");
    ck_assert_uint_eq(hash_of_event(0, 3, 7, copy), hash);
    ck_assert_uint_ne(hash_of_event(0, 3, 7, "testes"), hash);
    ck_assert_uint_ne(hash_of_event(0, 3, 8, "tester"), hash);
    ck_assert_uint_ne(hash_of_event(0, 4, 7, "tester"), hash);
    ck_assert_uint_ne(hash_of_event(2, 3, 7, "tester"), hash);
    uint64_t empty = hash_of_event(2, 3, 7, "");
    ck_assert_uint_eq(hash_of_event(2, 3, 8, "x"), empty); /* it has no fields */
    clock_advance(&vtime, 1);
    ck_assert_uint_ne(hash_of_event(2, 3, 7, ""), empty);
    expect("");
}
END_TEST

START_TEST(events_of_the_hosts_own_caches_are_not_hashed)
{
    trace_hash_start(&trace);
    uint64_t before = hash_value(&trace.hash);
    TRACE(&trace, TRACE_ROOM_HV, 3, 1, 0, 5);
    ck_assert_uint_eq(hash_value(&trace.hash), before);
}
END_TEST

START_TEST(json_lines_hold_names_and_escape_text)
{
    char path[] = "/tmp/verdite-json-XXXXXX", line[512] = "";
    struct host_sink sink;
    struct error error;
    (void)close(mkstemp(path));
    ck_assert_int_eq(host_sink_file(&sink, path, &error), 0);
    trace_json_start(&trace, &sink, true);
    TRACE(&trace, TRACE_ROOM_HV, 0, 3, 1, 2, 0xab, (uintptr_t) "a\"b\\\n");
    host_sink_close(&sink);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(fgets(line, sizeof(line), file));
    (void)fclose(file);
    (void)unlink(path);
    ck_assert_str_eq(
        line, "{\"ns\":42,\"partition\":3,\"vp\":1,\"room\":\"hv\",\"event\":\"synic.posted\","
              "\"level\":\"debug\",\"fields\":{\"sint\":2,\"payload\":\"0xab\","
              "\"from\":\"a\\\"b\\\\\\u000a\"}}\n");
    expect("");
}
END_TEST

static Suite *suite_trace(void)
{
    Suite *suite = suite_create("base/trace");
    TCase *tcase = tcase_create("trace");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_line_names_time_place_event_and_fields);
    tcase_add_test(tcase, only_errors_and_what_is_not_built_are_on_at_first);
    tcase_add_test(tcase, quiet_leaves_what_was_on_at_first_and_the_hash);
    tcase_add_test(tcase, unasked_lines_come_to_an_end);
    tcase_add_test(tcase, a_glob_that_matches_nothing_is_an_error);
    tcase_add_test(tcase, the_hash_covers_events_that_are_off_and_strings_by_their_text);
    tcase_add_test(tcase, events_of_the_hosts_own_caches_are_not_hashed);
    tcase_add_test(tcase, json_lines_hold_names_and_escape_text);
    tcase_add_test(tcase, files_are_read_whole_or_refused_with_a_sentence);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_trace())
