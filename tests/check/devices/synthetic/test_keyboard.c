/* The synthetic keyboard: its protocol, scan codes of ASCII, pace, what is refused. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/synthetic/keyboard.h"
#include "tests/check/check_main.h"
#include "tests/check/devices/device_fixture.h"
#include "tests/support/vmbus_rig.h"

enum { RINGS_AT = 8 };

static struct vmbus_rig *rig;
static struct keyboard keyboard;
static struct rig_ring to_host, to_guest;
static uint32_t relid;

static void setup(void)
{
    rig = vmbus_rig_create();
    memset(&keyboard, 0, sizeof(keyboard));
    ck_assert_int_eq(keyboard_init(&keyboard, &rig->clock, &rig->trace, 1), 0);
    vmbus_server_add(&rig->server, &keyboard.vmbus);
    relid = rig_connect(rig); /* the rig's own device comes first: this one is next */
    ck_assert_uint_eq(relid, 0);
    relid = 2;
    rig->taken = rig->n_out = 0;
    ck_assert(rig_open_at(rig, relid, RINGS_AT));
    to_host = rig_ring_out(rig, RINGS_AT);
    to_guest = rig_ring_in(rig, RINGS_AT);
}

static void teardown(void)
{
    vmbus_server_reset(&rig->server);
    keyboard_fini(&keyboard);
    vmbus_rig_destroy(rig);
}

static void tell(uint32_t type, uint32_t value)
{
    uint8_t message[8];
    bool signal;

    le32_store(message, type);
    le32_store(message + 4, value);
    ck_assert(rig_put(&to_host, VMBUS_PACKET_INBAND, 0, 0, NULL, 0, message, 8, &signal));
    vmbus_server_signaled(&rig->server, relid);
}

/* The host's next message, its payload; NULL: none. */
static const uint8_t *told(void)
{
    static uint8_t packet[64];
    bool signal;

    return rig_get(&to_guest, packet, sizeof(packet), &signal) > 0 ? packet + 16 : NULL;
}

static void agree(void)
{
    tell(1, 0x10000);
    const uint8_t *answer = told();
    ck_assert(answer != NULL);
    ck_assert_uint_eq(le32_load(answer), 2);
    ck_assert_uint_eq(le32_load(answer + 4), 1);
}

START_TEST(only_version_1_0_is_accepted)
{
    tell(1, 0x20000);
    const uint8_t *answer = told();
    ck_assert_uint_eq(le32_load(answer), 2);
    ck_assert_uint_eq(le32_load(answer + 4), 0);
    ck_assert_int_eq(keyboard_type(&keyboard, "a"), -ENOTCONN);
    agree();
    ck_assert_int_eq(keyboard_type(&keyboard, "a"), 0);
}
END_TEST

/* [IBM PC/AT scan codes, set 1] */
START_TEST(characters_are_keys)
{
    static const struct {
        char character;
        uint16_t code;
        bool shift;
    } rows[] = {
        { 'a', 0x1e, false }, { 'A', 0x1e, true },     { 'z', 0x2c, false },  { 'Q', 0x10, true },
        { 'p', 0x19, false }, { 'm', 0x32, false },    { 'l', 0x26, false },  { '1', 0x02, false },
        { '0', 0x0b, false }, { '!', 0x02, true },     { ')', 0x0b, true },   { '-', 0x0c, false },
        { '+', 0x0d, true },  { '\b', 0x0e, false },   { '\t', 0x0f, false }, { '[', 0x1a, false },
        { '}', 0x1b, true },  { '\n', 0x1c, false },   { ';', 0x27, false },  { '"', 0x28, true },
        { '`', 0x29, false }, { '~', 0x29, true },     { '\\', 0x2b, false }, { '|', 0x2b, true },
        { ',', 0x33, false }, { '>', 0x34, true },     { '/', 0x35, false },  { '?', 0x35, true },
        { ' ', 0x39, false }, { '\x1b', 0x01, false },
    };

    agree();
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        const char text[2] = { rows[i].character, '\0' };
        const uint16_t codes[] = { 0x2a, rows[i].code, rows[i].code, 0x2a };
        const uint32_t flags[] = { 0, 0, KEYBOARD_BREAK, KEYBOARD_BREAK };
        ck_assert_int_eq(keyboard_type(&keyboard, text), 0);
        pass(&rig->clock, 100 * MS);
        for (unsigned k = rows[i].shift ? 0 : 1; k < (rows[i].shift ? 4u : 3u); k++) {
            const uint8_t *event = told();
            ck_assert_msg(event != NULL, "%u: too few", i);
            ck_assert_uint_eq(le32_load(event), 3);
            ck_assert_msg(le16_load(event + 4) == codes[k], "%u: 0x%x", i, le16_load(event + 4));
            ck_assert_uint_eq(le32_load(event + 8), flags[k]);
        }
        ck_assert(told() == NULL);
    }
}
END_TEST

START_TEST(strokes_come_at_a_pace)
{
    unsigned n = 0;

    agree();
    ck_assert_int_eq(keyboard_type(&keyboard, "abcdefgh"), 0);
    pass(&rig->clock, 7 * MS); /* at 0, 2, 4, 6 */
    while (told() != NULL) {
        n++;
    }
    ck_assert_uint_eq(n, 4);
    pass(&rig->clock, 1000 * MS);
    while (told() != NULL) {
        n++;
    }
    ck_assert_uint_eq(n, 16);
}
END_TEST

START_TEST(what_no_key_has_is_refused)
{
    static const char *const texts[] = { "\xc3\xa4", "\x01", "ok\x7f", "\r" };
    char many[KEYBOARD_QUEUE];

    agree();
    for (unsigned i = 0; i < ARRAY_SIZE(texts); i++) {
        ck_assert_int_eq(keyboard_type(&keyboard, texts[i]), -EINVAL);
    }
    memset(many, 'x', sizeof(many));
    many[KEYBOARD_QUEUE / 2] = '\0';
    ck_assert_int_eq(keyboard_type(&keyboard, many), 0);
    ck_assert_int_eq(keyboard_type(&keyboard, "y"), -ENOBUFS);
    rig_close(rig, relid);
    ck_assert_uint_eq(keyboard.n, 0);
}
END_TEST

/* The guest never reads: its ring fills, the keys wait. */
START_TEST(a_guest_that_does_not_read_gets_the_keys_later)
{
    unsigned n = 0;
    char many[1000];

    agree();
    memset(many, 'x', sizeof(many));
    many[sizeof(many) - 1] = '\0';
    ck_assert_int_eq(keyboard_type(&keyboard, many), 0);
    pass(&rig->clock, 10 * SECOND);
    ck_assert(keyboard.n > 0);
    ck_assert_uint_le(keyboard.channel->n_waiting, 64);
    for (unsigned i = 0; i < 20; i++) {
        while (told() != NULL) {
            n++;
        }
        vmbus_server_work(&rig->server);
        pass(&rig->clock, 10 * SECOND);
    }
    ck_assert_uint_eq(n, 2 * (sizeof(many) - 1));
}
END_TEST

START_TEST(bad_messages_stop_the_channel)
{
    bool signal;

    agree();
    tell(4, 7);
    ck_assert_uint_eq(keyboard.leds, 7);
    tell(99, 0);
    ck_assert(!keyboard.channel->broken);
    ck_assert(rig_put(&to_host, VMBUS_PACKET_INBAND, 0, 0, NULL, 0, "", 0, &signal));
    vmbus_server_signaled(&rig->server, relid);
    ck_assert(keyboard.channel->broken);
}
END_TEST

static Suite *suite_keyboard(void)
{
    Suite *suite = suite_create("devices/synthetic/keyboard");
    TCase *tcase = tcase_create("keyboard");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, only_version_1_0_is_accepted);
    tcase_add_test(tcase, characters_are_keys);
    tcase_add_test(tcase, strokes_come_at_a_pace);
    tcase_add_test(tcase, what_no_key_has_is_refused);
    tcase_add_test(tcase, a_guest_that_does_not_read_gets_the_keys_later);
    tcase_add_test(tcase, bad_messages_stop_the_channel);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_keyboard())
