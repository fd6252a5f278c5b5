/* Integration components against a guest of ours: negotiation, each exchange, answers that make no sense. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/state.h"
#include "devices/synthetic/heartbeat.h"
#include "devices/synthetic/kvp.h"
#include "devices/synthetic/shutdown.h"
#include "devices/synthetic/timesync.h"
#include "devices/synthetic/utf16.h"
#include "tests/check/check_main.h"
#include "tests/check/devices/device_fixture.h"
#include "tests/support/vmbus_rig.h"

enum { FRAME = 28, RINGS_AT = 8 };
#define WALL      UINT64_C(133000000000000000)
#define REFERENCE UINT64_C(777)

static struct vmbus_rig *rig;
static struct heartbeat heartbeat;
static struct shutdown shut;
static struct timesync timesync;
static struct kvp kvp;
static struct ic *ic; /* the one under test */
static uint32_t relid;
static struct rig_ring to_host, to_guest;
static uint8_t packet[4096]; /* the last of the host, with its descriptor */
static uint32_t packet_bytes;

static uint64_t wall(void *opaque)
{
    (void)opaque;
    return WALL;
}

static uint64_t reference(void *opaque)
{
    (void)opaque;
    return REFERENCE;
}

static struct ic_world rig_world(void)
{
    return (struct ic_world){ .clock = &rig->clock,
                              .trace = &rig->trace,
                              .partition = 1,
                              .wall_100ns = wall,
                              .reference_100ns = reference };
}

static void setup(void)
{
    rig = vmbus_rig_create();
    const struct ic_world world = rig_world();
    memset(&heartbeat, 0, sizeof(heartbeat));
    memset(&shut, 0, sizeof(shut));
    memset(&timesync, 0, sizeof(timesync));
    memset(&kvp, 0, sizeof(kvp));
    ck_assert_int_eq(heartbeat_init(&heartbeat, &world), 0);
    ck_assert_int_eq(shutdown_init(&shut, &world), 0);
    ck_assert_int_eq(timesync_init(&timesync, &world), 0);
    ck_assert_int_eq(kvp_init(&kvp, &world), 0);
}

static void teardown(void)
{
    vmbus_server_reset(&rig->server); /* closes what is open */
    ic_fini(&heartbeat.ic);
    ic_fini(&shut.ic);
    ic_fini(&timesync.ic);
    kvp_fini(&kvp);
    vmbus_rig_destroy(rig);
}

/* Offer, open; the guest is there. */
static void begin(struct ic *component)
{
    ic = component;
    vmbus_server_add(&rig->server, &ic->vmbus);
    ck_assert(rig_contact(rig, VMBUS_VERSION_5_3));
    rig_send(rig, VMBUS_MESSAGE_REQUEST_OFFERS, (uint8_t[8]){ 0 }, 8);
    ck_assert(rig_expect(rig, VMBUS_MESSAGE_OFFER_CHANNEL) != NULL);
    const uint8_t *offer = rig_expect(rig, VMBUS_MESSAGE_OFFER_CHANNEL);
    ck_assert(offer != NULL);
    relid = le32_load(offer + OFFER_RELID);
    ck_assert(le16_load(offer + OFFER_FLAGS) & VMBUS_OFFER_NAMED_PIPE);
    ck_assert_uint_eq(le32_load(offer + OFFER_USER), 4);
    ck_assert(rig_expect(rig, VMBUS_MESSAGE_ALL_OFFERS_DELIVERED) != NULL);
    ck_assert(rig_open_at(rig, relid, RINGS_AT));
    to_host = rig_ring_out(rig, RINGS_AT);
    to_guest = rig_ring_in(rig, RINGS_AT);
}

/* The host's next frame; false: none. */
static bool take(void)
{
    bool signal;

    uint32_t n = rig_get(&to_guest, packet, sizeof(packet), &signal);

    if (n == 0) {
        return false;
    }
    packet_bytes = n;
    ck_assert_uint_eq(le16_load(packet), VMBUS_PACKET_INBAND);
    ck_assert_uint_eq(le32_load(packet + 16), 1);
    ck_assert_uint_le(le32_load(packet + 20) + 24, packet_bytes);
    ck_assert_uint_eq(le32_load(packet + 20) - 20, le16_load(packet + 24 + 10));
    ck_assert_uint_eq(packet[24 + 17], 3); /* a request with a transaction */
    return true;
}

static uint8_t *body(void)
{
    return packet + 16 + FRAME;
}

/* Send the frame in hand back as an answer. */
static void answer(uint32_t status)
{
    bool signal;

    le32_store(packet + 24 + 12, status);
    packet[24 + 17] = 5;
    ck_assert(rig_put(&to_host, VMBUS_PACKET_INBAND, 0, 0, NULL, 0, packet + 16, packet_bytes - 16,
                      &signal));
    vmbus_server_signaled(&rig->server, relid);
}

/* Answer the negotiation with these versions. */
static void negotiate(uint32_t framework, uint32_t message)
{
    pass(&rig->clock, 2 * MS);
    ck_assert(take());
    ck_assert_uint_eq(le16_load(packet + 24 + 4), 0);
    le16_store(body(), 1);
    le16_store(body() + 2, 1);
    le16_store(body() + 8, (uint16_t)(framework >> 16));
    le16_store(body() + 10, (uint16_t)framework);
    le16_store(body() + 12, (uint16_t)(message >> 16));
    le16_store(body() + 14, (uint16_t)message);
    answer(0);
}

/* ---- negotiation ---- */

START_TEST(the_host_lists_versions)
{
    begin(&shut.ic);
    ck_assert(!take()); /* not at once */
    pass(&rig->clock, 2 * MS);
    ck_assert(take());
    ck_assert_uint_eq(le16_load(body()), 2);
    ck_assert_uint_eq(le16_load(body() + 2), 4);
    ck_assert_uint_eq(le32_load(body() + 8), 3);             /* framework 3.0 */
    ck_assert_uint_eq(le32_load(body() + 12), 1);            /* 1.0 */
    ck_assert_uint_eq(le32_load(body() + 16), 3 | 2u << 16); /* shutdown 3.2 */
    ck_assert_uint_eq(le32_load(body() + 28), 1);
    ck_assert(!ic->agreed);
}
END_TEST

START_TEST(only_offered_versions_are_taken)
{
    static const struct {
        uint32_t framework, message;
        bool agreed;
    } rows[] = {
        { 0x30000, 0x30002, true },  { 0x10000, 0x10000, true },        { 0x30000, 0x30000, true },
        { 0x30001, 0x30002, false }, { 0x30000, 0x30003, false },       { 0x30000, 0, false },
        { 0, 0x30002, false },       { 0xffffffff, 0xffffffff, false },
    };

    begin(&shut.ic);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        negotiate(rows[i].framework, rows[i].message);
        ck_assert_msg(ic->agreed == rows[i].agreed, "row %u", i);
        ck_assert_int_eq(shutdown_ask(&shut, SHUTDOWN_POWER_OFF, false),
                         rows[i].agreed ? 0 : -ENOTCONN);
        rig_close(rig, relid);
        ck_assert(!ic->agreed);
        ck_assert(rig_teardown(rig, relid, 0xe1e10 + relid));
        ck_assert(rig_open_at(rig, relid, RINGS_AT));
    }
}
END_TEST

START_TEST(no_common_version_is_told_by_zeros)
{
    begin(&shut.ic);
    pass(&rig->clock, 2 * MS);
    ck_assert(take());
    le32_store(body(), 0);
    answer(0);
    ck_assert(ic->refused && !ic->agreed);
    pass(&rig->clock, 100 * SECOND);
    ck_assert(!take());
}
END_TEST

/* ---- heartbeat ---- */

START_TEST(a_guest_that_answers_lives)
{
    begin(&heartbeat.ic);
    ck_assert_int_eq(heartbeat_state(&heartbeat), HEARTBEAT_NONE);
    negotiate(0x30000, 0x30000);
    for (uint64_t i = 0; i < 10; i++) {
        ck_assert(take());
        ck_assert_uint_eq(le16_load(packet + 24 + 4), 1);
        ck_assert_uint_eq(le64_load(body()), 2 * i);
        ck_assert(!take());
        le64_store(body(), 2 * i + 1);
        answer(0);
        ck_assert_int_eq(heartbeat_state(&heartbeat), HEARTBEAT_OK);
        pass(&rig->clock, 2 * SECOND);
    }
    pass(&rig->clock, 20 * SECOND);
    ck_assert_int_eq(heartbeat_state(&heartbeat), HEARTBEAT_LOST);
    ck_assert(take());
    le64_store(body(), 12345); /* no answer to what was asked */
    answer(0);
    ck_assert_int_eq(heartbeat_state(&heartbeat), HEARTBEAT_LOST);
    le64_store(body(), heartbeat.sequence + 1);
    answer(0);
    ck_assert_int_eq(heartbeat_state(&heartbeat), HEARTBEAT_OK);
    rig_close(rig, relid);
    ck_assert_int_eq(heartbeat_state(&heartbeat), HEARTBEAT_NONE);
}
END_TEST

/* ---- shutdown ---- */

START_TEST(shutdown_says_how)
{
    static const struct {
        enum shutdown_kind kind;
        bool force;
        uint32_t flags;
    } rows[] = { { SHUTDOWN_POWER_OFF, false, 0 },
                 { SHUTDOWN_POWER_OFF, true, 1 },
                 { SHUTDOWN_REBOOT, false, 2 },
                 { SHUTDOWN_REBOOT, true, 3 },
                 { SHUTDOWN_HIBERNATE, false, 4 } };

    begin(&shut.ic);
    negotiate(0x30000, 0x30002);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        ck_assert_int_eq(shutdown_ask(&shut, rows[i].kind, rows[i].force), 0);
        ck_assert_int_eq(shut.state, SHUTDOWN_ASKED);
        ck_assert(take());
        ck_assert_uint_eq(le16_load(packet + 24 + 4), 3);
        ck_assert_uint_eq(le16_load(packet + 24 + 10), 2060);
        ck_assert_uint_eq(le32_load(body() + 8), rows[i].flags);
        answer(i % 2 == 0 ? 0 : IC_STATUS_FAIL);
        ck_assert_int_eq(shut.state, i % 2 == 0 ? SHUTDOWN_ACCEPTED : SHUTDOWN_REFUSED);
    }
}
END_TEST

/* ---- time ---- */

START_TEST(the_clock_is_set_and_then_sampled)
{
    begin(&timesync.ic);
    negotiate(0x30000, 0x40000);
    ck_assert(take());
    ck_assert_uint_eq(le16_load(packet + 24 + 10), 22);
    ck_assert_uint_eq(le64_load(body()), WALL);
    ck_assert_uint_eq(le64_load(body() + 8), REFERENCE);
    ck_assert_uint_eq(body()[16], 1);
    ck_assert(!take());
    pass(&rig->clock, 6 * SECOND);
    ck_assert(take());
    ck_assert_uint_eq(body()[16], 2);
    ck_assert(!take());
    ck_assert_int_eq(timesync_set(&timesync), 0);
    ck_assert(take());
    ck_assert_uint_eq(body()[16], 1);
    pass(&rig->clock, 1000 * SECOND); /* the guest reads nothing: the ring does not overflow */
    ck_assert(!ic->channel->broken);
    ck_assert_uint_lt(ic->channel->n_waiting, 200);
}
END_TEST

START_TEST(old_guests_get_the_old_form)
{
    begin(&timesync.ic);
    negotiate(0x10000, 0x10000);
    ck_assert(take());
    ck_assert_uint_eq(le16_load(packet + 24 + 10), 25);
    ck_assert_uint_eq(le64_load(body()), WALL);
    ck_assert_uint_eq(body()[24], 1);
}
END_TEST

/* ---- key-value pairs ---- */

static void put_text(uint8_t *at, uint8_t *length, const char *text, size_t most)
{
    uint32_t used = 0;

    ck_assert(utf16_from_utf8(text, at, most, &used));
    le32_store(length, used);
}

/* Answer the next request as a guest with two keys in each pool does; false: there is none. */
static bool serve_kvp_request(void)
{
    if (!take()) {
        return false;
    }
    ck_assert_uint_eq(le16_load(packet + 24 + 4), 2);
    if (body()[0] != 3) {
        answer(0);
        return true;
    }
    uint32_t index = le32_load(body() + 4);
    if (index >= 2) {
        answer(IC_STATUS_CONT);
        return true;
    }
    const char key[] = { 'k', (char)('0' + body()[1]), (char)('a' + index), 0 };
    le32_store(body() + 8, 1);
    put_text(body() + 20, body() + 12, key, 512);
    put_text(body() + 20 + 512, body() + 16, "v\xc3\xa4lue", 2048);
    answer(0);
    return true;
}

/* Answer every request; how many there were. */
static unsigned serve_kvp(void)
{
    unsigned n = 0;

    while (serve_kvp_request()) {
        n++;
    }
    return n;
}

static unsigned items_in(const struct kvp_item *item)
{
    unsigned n = 0;

    for (; item != NULL; item = item->next) {
        n++;
    }
    return n;
}

START_TEST(pools_are_listed)
{
    unsigned i = 0;
    static const char *const keys[] = { "k0a", "k0b", "k1a", "k1b", "k2a", "k2b" };

    begin(&kvp.ic);
    negotiate(0x30000, 0x40000);
    ck_assert_uint_eq(serve_kvp(), 9);
    ck_assert(kvp.listed);
    for (const struct kvp_item *item = kvp.items; item != NULL; item = item->next, i++) {
        ck_assert_str_eq(item->key, keys[i]);
        ck_assert_str_eq(item->value, "v\xc3\xa4lue");
        ck_assert_int_eq(item->pool, i / 2);
    }
    ck_assert_uint_eq(i, 6);
    ck_assert(!take());
    pass(&rig->clock, (KVP_PERIOD_S + 1) * SECOND);
    ck_assert_uint_eq(serve_kvp(), 9);
}
END_TEST

/* Between any two requests, and when the list is whole. */
START_TEST(a_saved_list_goes_on)
{
    unsigned n = 0;

    begin(&kvp.ic);
    negotiate(0x30000, 0x40000);
    const struct ic_world world = rig_world();
    do {
        const struct state_table *table = &kvp.ic.kind->type.state;
        struct state_buffer buffer = { .n = 0 };
        struct state_timers timers = { .n = 0 };
        struct kvp other;
        struct error error = { .text = "" };

        state_write(&buffer, table, &kvp);
        ck_assert(!buffer.failed);
        memset(&other, 0, sizeof(other));
        ck_assert_int_eq(kvp_init(&other, &world), 0);
        other.ic.vmbus.channel[0]->open = true; /* as its own saved state would say */
        ck_assert_msg(state_read(buffer.bytes, buffer.n, table, &other, "kvp", &timers, &error) ==
                          0,
                      "after %u: %s", n, error.text);
        state_timers_fini(&timers);
        ck_assert_int_eq(other.pool, kvp.pool);
        ck_assert_uint_eq(other.index, kvp.index);
        ck_assert_int_eq(other.listed, kvp.listed);
        ck_assert_uint_eq(items_in(other.items), items_in(kvp.items));
        ck_assert_uint_eq(items_in(other.listing), items_in(kvp.listing));
        other.ic.vmbus.channel[0]->open = false;
        kvp_fini(&other);
        state_buffer_fini(&buffer);
        n++;
    } while (serve_kvp_request());
    ck_assert_uint_eq(n, 10);
    ck_assert(kvp.listed);
}
END_TEST

START_TEST(keys_are_set_and_deleted)
{
    uint8_t text[64];
    uint32_t used;

    begin(&kvp.ic);
    ck_assert_int_eq(kvp_set(&kvp, "a", "b"), -ENOTCONN);
    negotiate(0x30000, 0x40000);
    ck_assert_uint_eq(serve_kvp(), 9);
    ck_assert_int_eq(kvp_set(&kvp, "greeting", "h\xc3\xa9llo"), 0);
    ck_assert_int_eq(kvp_delete(&kvp, "other"), 0); /* waits */
    ck_assert(take());
    ck_assert_uint_eq(body()[0], 1);
    ck_assert_uint_eq(body()[1], 0);
    ck_assert_uint_eq(le32_load(body() + 4), 1);
    ck_assert(utf16_from_utf8("greeting", text, sizeof(text), &used));
    ck_assert_uint_eq(le32_load(body() + 8), used);
    ck_assert_mem_eq(body() + 16, text, used);
    ck_assert(utf16_from_utf8("h\xc3\xa9llo", text, sizeof(text), &used));
    ck_assert_uint_eq(le32_load(body() + 12), used);
    ck_assert_mem_eq(body() + 16 + 512, text, used);
    ck_assert(!take()); /* one at a time */
    answer(0);
    ck_assert(take());
    ck_assert_uint_eq(body()[0], 2);
    ck_assert(utf16_from_utf8("other", text, sizeof(text), &used));
    ck_assert_uint_eq(le32_load(body() + 4), used);
    ck_assert_mem_eq(body() + 8, text, used);
    answer(IC_STATUS_FAIL);
    ck_assert_uint_eq(kvp.failed, 1);
    ck_assert_uint_eq(serve_kvp(), 9); /* and listed anew */
}
END_TEST

START_TEST(keys_are_checked)
{
    char long_key[300] = { 0 };

    begin(&kvp.ic);
    negotiate(0x30000, 0x40000);
    memset(long_key, 'k', sizeof(long_key) - 1);
    ck_assert_int_eq(kvp_set(&kvp, long_key, "v"), -EINVAL);
    ck_assert_int_eq(kvp_set(&kvp, "", "v"), -EINVAL);
    ck_assert_int_eq(kvp_set(&kvp, "k", "\xff"), -EINVAL);
    long_key[255] = '\0';
    for (unsigned i = 0; i < KVP_WRITES_MAX; i++) {
        ck_assert_int_eq(kvp_set(&kvp, long_key, "v"), 0);
    }
    ck_assert_int_eq(kvp_set(&kvp, "k", "v"), -ENOBUFS);
    rig_close(rig, relid);
    ck_assert_uint_eq(kvp.n_writes, 0);
}
END_TEST

/* Answers of random bytes to what was asked. */
START_TEST(wild_answers_are_taken_for_what_they_are)
{
    struct ic *const components[] = { &heartbeat.ic, &shut.ic, &timesync.ic, &kvp.ic };
    uint64_t random = (uint64_t)_i * 99 + 1;
    bool signal;

    begin(components[_i % 4]);
    negotiate(0x30000, _i % 4 == 0 ? 0x30000 : _i % 4 == 1 ? 0x30002 : 0x40000);
    ck_assert(ic->agreed);
    for (unsigned i = 0; i < 3000; i++) {
        uint8_t frame[3000];
        for (unsigned b = 0; b < sizeof(frame); b++) {
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            frame[b] = (uint8_t)(random >> 56 & (random >> 40 & 1 ? 0xff : 3));
        }
        if (i % 4 != 0) { /* nearly right */
            le32_store(frame, 1);
            le16_store(frame + 8 + 4, (uint16_t)ic->kind->message);
            frame[8 + 16] = ic->transaction;
            frame[8 + 17] = 5;
            le32_store(frame + 8 + 12, 0);
        }
        if (rig_put(&to_host, VMBUS_PACKET_INBAND, 0, 0, NULL, 0, frame,
                    (uint32_t)(random >> 33) % sizeof(frame), &signal)) {
            vmbus_server_signaled(&rig->server, relid);
        }
        while (rig_get(&to_guest, packet, sizeof(packet), &signal) > 0) {
        }
        if (ic->channel->broken) {
            rig_close(rig, relid);
            ck_assert(rig_teardown(rig, relid, 0xe1e10 + relid));
            ck_assert(rig_open_at(rig, relid, RINGS_AT));
            negotiate(0x30000, _i % 4 == 0 ? 0x30000 : _i % 4 == 1 ? 0x30002 : 0x40000);
        }
        pass(&rig->clock, MS);
    }
}
END_TEST

/* ---- texts ---- */

START_TEST(texts_go_both_ways)
{
    static const struct {
        const char *utf8;
        uint32_t bytes; /* 0: refused */
        const char *back;
    } rows[] = {
        { "", 2, "" },
        { "abc", 8, "abc" },
        { "\xc3\xa9", 4, "\xc3\xa9" },
        { "\xe2\x82\xac", 4, "\xe2\x82\xac" },
        { "\xf0\x9f\x90\xa7", 6, "\xf0\x9f\x90\xa7" },
        { "a\nb", 8, "a?b" },
        { "\x80", 0, "" },
        { "\xc3", 0, "" },
        { "\xc0\x80", 0, "" },         /* too long a form */
        { "\xed\xa0\x80", 0, "" },     /* a surrogate */
        { "\xf4\x90\x80\x80", 0, "" }, /* above 10ffff */
        { "\xff", 0, "" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        uint8_t units[32];
        char back[32];
        uint32_t used = 0;
        bool ok = utf16_from_utf8(rows[i].utf8, units, sizeof(units), &used);
        ck_assert_msg(ok == (rows[i].bytes != 0), "row %u", i);
        if (ok) {
            ck_assert_uint_eq(used, rows[i].bytes);
            utf16_to_utf8(units, used, back, sizeof(back));
            ck_assert_str_eq(back, rows[i].back);
            ck_assert(!utf16_from_utf8(rows[i].utf8, units, used - 1, &used));
        }
    }
}
END_TEST

/* ---- saved state ---- */

/* After their exchanges, and a listing to its end: what a component saves it reads, and saves alike. */
START_TEST(what_is_saved_is_read)
{
    struct ic *const components[] = { &heartbeat.ic, &shut.ic, &timesync.ic, &kvp.ic };
    static const uint32_t versions[] = { 0x30000, 0x30002, 0x40000, 0x40000 };
    struct state_buffer first = { 0 }, second = { 0 };
    struct state_timers timers = { 0 };
    struct error error = { "" };

    begin(components[_i]);
    negotiate(0x30000, versions[_i]);
    for (unsigned i = 0; i < 2; i++) { /* before anything is listed anew */
        if (ic == &kvp.ic) {
            (void)serve_kvp();
        } else if (take()) {
            answer(0);
        }
        pass(&rig->clock, 6 * SECOND);
    }
    const struct state_table *table = &ic->kind->type.state;
    state_write(&first, table, ic);
    if (ic == &kvp.ic) { /* lists are read into empty ones */
        ic->kind->closed(ic);
    }
    ck_assert_msg(state_read(first.bytes, first.n, table, ic, "ic", &timers, &error) == 0, "%s",
                  error.text);
    state_timers_arm(&timers);
    state_write(&second, table, ic);
    ck_assert_uint_eq(first.n, second.n);
    ck_assert_mem_eq(first.bytes, second.bytes, first.n);
    state_timers_fini(&timers);
    state_buffer_fini(&first);
    state_buffer_fini(&second);
}
END_TEST

static Suite *suite_ic(void)
{
    Suite *suite = suite_create("devices/synthetic/ic");
    TCase *tcase = tcase_create("components");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_host_lists_versions);
    tcase_add_test(tcase, only_offered_versions_are_taken);
    tcase_add_test(tcase, no_common_version_is_told_by_zeros);
    tcase_add_test(tcase, a_guest_that_answers_lives);
    tcase_add_test(tcase, shutdown_says_how);
    tcase_add_test(tcase, the_clock_is_set_and_then_sampled);
    tcase_add_test(tcase, old_guests_get_the_old_form);
    tcase_add_test(tcase, pools_are_listed);
    tcase_add_test(tcase, a_saved_list_goes_on);
    tcase_add_test(tcase, keys_are_set_and_deleted);
    tcase_add_test(tcase, keys_are_checked);
    tcase_add_loop_test(tcase, wild_answers_are_taken_for_what_they_are, 0, 8);
    tcase_add_test(tcase, texts_go_both_ways);
    tcase_add_loop_test(tcase, what_is_saved_is_read, 0, 4);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_ic())
