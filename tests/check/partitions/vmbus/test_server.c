/* The VMBus server: every message, good and with each field bad; limits; ends; random guests. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "tests/check/check_main.h"
#include "tests/support/vmbus_rig.h"

static struct vmbus_rig *rig;

static void setup(void)
{
    rig = vmbus_rig_create();
}

static void teardown(void)
{
    vmbus_rig_destroy(rig);
}

/* Nothing of the guest is left. */
static void assert_clean(void)
{
    ck_assert_uint_eq(rig->server.n_gpadls, 0);
    ck_assert_uint_eq(rig->server.gpadl_pages, 0);
    ck_assert_uint_eq(rig->server.n_incomplete, 0);
    ck_assert_uint_eq(rig->n_listens, 0);
    ck_assert_uint_eq(rig->device.opened, rig->device.closed);
    ck_assert(rig->device.vmbus.gpadls == NULL);
    for (uint32_t i = 0; i < VMBUS_RELIDS; i++) {
        ck_assert(!rig->attached[i] && rig->server.relid[i] == NULL);
    }
}

static void unload(void)
{
    uint8_t message[8];

    rig_send(rig, VMBUS_MESSAGE_UNLOAD, message, sizeof(message));
    ck_assert(rig_expect(rig, VMBUS_MESSAGE_UNLOAD_RESPONSE) != NULL);
    assert_clean();
}

/* ---- versions ---- */

static const struct {
    uint32_t version;
    bool supported;
    uint32_t selected;
} version_rows[] = {
    { 0x0000000d, false, 0 },         { 0x00010001, false, 0 },
    { 0x00020004, true, 0x00020004 }, { 0x00030000, true, 0x00030000 },
    { 0x00040000, true, 0x00040000 }, { 0x00040001, true, 0x00040001 },
    { 0x00050000, true, 4 },          { 0x00050001, true, 4 },
    { 0x00050002, true, 4 },          { 0x00050003, true, 4 },
    { 0x00050004, false, 0 },         { 0x00060000, false, 0 },
    { 0x00000000, false, 0 },         { 0xffffffff, false, 0 },
};

START_TEST(versions_are_supported_or_refused)
{
    uint8_t message[40] = { 0 };

    le32_store(message + CONTACT_VERSION, version_rows[_i].version);
    le32_store(message + CONTACT_VP, 2);
    message[CONTACT_SINT] = 2;
    rig_send(rig, VMBUS_MESSAGE_INITIATE_CONTACT, message, sizeof(message));
    const uint8_t *answer = rig_expect(rig, VMBUS_MESSAGE_VERSION_RESPONSE);
    ck_assert(answer != NULL);
    ck_assert_uint_eq(answer[VERSION_SUPPORTED], version_rows[_i].supported);
    ck_assert_uint_eq(answer[VERSION_STATE], 0);
    ck_assert_uint_eq(le32_load(answer + VERSION_SELECTED), version_rows[_i].selected);
    ck_assert_uint_eq(rig->contact_vp, 2);
    ck_assert_uint_eq(rig->server.connected, version_rows[_i].supported);
}
END_TEST

START_TEST(contact_names_where_answers_go)
{
    static const struct {
        uint32_t version, vp;
        uint8_t sint, vtl;
        bool answered, supported;
        unsigned to;
    } rows[] = {
        { VMBUS_VERSION_5_3, 0, 2, 0, true, true, 2 },
        { VMBUS_VERSION_5_3, 3, 7, 0, true, true, 7 },
        { VMBUS_VERSION_5_3, 0, 0, 0, true, false, 2 },  /* SINT 0 is the hypervisor's */
        { VMBUS_VERSION_5_3, 0, 16, 0, true, false, 2 }, /* there is none */
        { VMBUS_VERSION_5_3, 0, 2, 1, true, false, 2 },  /* VTL 1 */
        { VMBUS_VERSION_4_1, 0, 99, 99, true, true, 2 }, /* an address lies there */
        { VMBUS_VERSION_5_3, RIG_VPS, 2, 0, false, false, 0 },
        { VMBUS_VERSION_5_3, UINT32_MAX, 2, 0, false, false, 0 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        uint8_t message[40] = { 0 };
        le32_store(message + CONTACT_VERSION, rows[i].version);
        le32_store(message + CONTACT_VP, rows[i].vp);
        message[CONTACT_SINT] = rows[i].sint;
        message[CONTACT_VTL] = rows[i].vtl;
        rig_send(rig, VMBUS_MESSAGE_INITIATE_CONTACT, message, sizeof(message));
        const struct rig_message *answer = rig_next(rig);
        ck_assert_msg((answer != NULL) == rows[i].answered, "row %u", i);
        if (answer != NULL) {
            ck_assert_msg(answer->bytes[VERSION_SUPPORTED] == rows[i].supported, "row %u", i);
            ck_assert_uint_eq(rig->contact_sint, rows[i].to);
        }
        ck_assert(rig_next(rig) == NULL);
        ck_assert_uint_eq(rig->server.connected, rows[i].supported);
    }
}
END_TEST

/* ---- every row of the table ---- */

static const struct {
    unsigned number, bytes;
    uint32_t since;
    bool guest, built;
} message_rows[] = {
#define GUEST     true
#define HOST      false
#define DONE      true
#define REFUSED   true
#define NOT_BUILT false
#define X(number, name, direction, since, bytes, state, handler)                                   \
    { number, bytes, since, direction, state },
    VMBUS_MESSAGES(X)
#undef X
};

START_TEST(short_messages_are_dropped)
{
    unsigned number = message_rows[_i].number;
    uint8_t message[VMBUS_MESSAGE_MAX] = { 0 };

    ck_assert_uint_ne(rig_connect(rig), 0);
    for (size_t n = 0; n < message_rows[_i].bytes; n++) {
        uint64_t bad = rig->server.counters.messages_bad;
        le32_store(message, number);
        vmbus_server_message(&rig->server, message, n);
        ck_assert_msg(rig_next(rig) == NULL, "message %u of %zu bytes is answered", number, n);
        ck_assert_msg(rig->server.counters.messages_bad == bad + 1 ||
                          (message_rows[_i].guest && !message_rows[_i].built && n >= 8),
                      "message %u of %zu bytes", number, n);
    }
    ck_assert(rig->server.connected);
}
END_TEST

START_TEST(messages_of_the_host_and_before_contact_are_dropped)
{
    unsigned number = message_rows[_i].number;
    uint8_t message[VMBUS_MESSAGE_MAX] = { 0 };

    if (number == VMBUS_MESSAGE_INITIATE_CONTACT) {
        return;
    }
    rig_send(rig, (enum vmbus_message)number, message, sizeof(message));
    ck_assert(rig_next(rig) == NULL);
    assert_clean();
    if (!message_rows[_i].guest) {
        ck_assert_uint_ne(rig_connect(rig), 0);
        rig_send(rig, (enum vmbus_message)number, message, sizeof(message));
        ck_assert(rig_next(rig) == NULL);
        ck_assert_uint_ge(rig->server.counters.messages_bad, 2);
    }
}
END_TEST

/* By each version: a newer message is none; a socket's request is answered from 4.1 on. [OPENVMM vmbus_core/src/protocol.rs] */
START_TEST(newer_messages_are_dropped)
{
    static const uint32_t versions[] = { VMBUS_VERSION_2_4, VMBUS_VERSION_4_0, VMBUS_VERSION_4_1,
                                         VMBUS_VERSION_5_3 };
    uint32_t since = message_rows[_i].since;

    for (unsigned i = 0; i < ARRAY_SIZE(versions); i++) {
        uint8_t message[VMBUS_MESSAGE_MAX] = { 0 };
        if (!message_rows[_i].guest || !message_rows[_i].built || since == 0) {
            return;
        }
        ck_assert(rig_contact(rig, versions[i]));
        uint64_t bad = rig->server.counters.messages_bad;
        rig_send(rig, (enum vmbus_message)message_rows[_i].number, message, 40);
        const struct rig_message *answer = rig_next(rig);
        if (versions[i] < since) {
            ck_assert(answer == NULL);
            ck_assert_uint_eq(rig->server.counters.messages_bad, bad + 1);
        } else if (message_rows[_i].number == VMBUS_MESSAGE_TL_CONNECT_REQUEST) {
            ck_assert_uint_eq(rig->server.counters.messages_bad, bad);
            ck_assert((answer != NULL) == (versions[i] >= VMBUS_VERSION_4_1));
        }
    }
}
END_TEST

START_TEST(unknown_numbers_are_dropped)
{
    static const uint32_t numbers[] = { 0, 30, 31, 255, 256, 0x80000001, UINT32_MAX };
    uint8_t message[VMBUS_MESSAGE_MAX] = { 0 };

    ck_assert_uint_ne(rig_connect(rig), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
        rig_send(rig, (enum vmbus_message)numbers[i], message, sizeof(message));
        ck_assert(rig_next(rig) == NULL);
    }
    ck_assert_uint_eq(rig->server.counters.messages_bad, ARRAY_SIZE(numbers));
}
END_TEST

/* ---- offers ---- */

START_TEST(an_offer_has_its_fields)
{
    uint8_t message[8];

    vmbus_server_add(&rig->server, &rig->second.vmbus);
    ck_assert(rig_contact(rig, VMBUS_VERSION_5_3));
    rig_send(rig, VMBUS_MESSAGE_REQUEST_OFFERS, message, sizeof(message));
    for (unsigned i = 1; i <= 2; i++) {
        const struct rig_message *offer = rig_next(rig);
        ck_assert_uint_eq(offer->n, 196);
        ck_assert_uint_eq(le32_load(offer->bytes), VMBUS_MESSAGE_OFFER_CHANNEL);
        ck_assert_mem_eq(offer->bytes + OFFER_TYPE,
                         "\x67\x45\x23\x01\xab\x89\xef\xcd\x01\x23\x45\x67\x89\xab\xcd\xef", 16);
        ck_assert_uint_eq(offer->bytes[OFFER_INSTANCE + 15], i);
        ck_assert_uint_eq(le16_load(offer->bytes + OFFER_FLAGS), VMBUS_OFFER_ENUMERATE);
        ck_assert_uint_eq(le16_load(offer->bytes + OFFER_MMIO), 8);
        ck_assert_mem_eq(offer->bytes + OFFER_USER, "user", 5);
        ck_assert_uint_eq(le16_load(offer->bytes + OFFER_SUBCHANNEL), 0);
        ck_assert_uint_eq(le32_load(offer->bytes + OFFER_RELID), i);
        ck_assert_uint_eq(offer->bytes[OFFER_MONITOR_ID + 1], 0);
        ck_assert_uint_eq(le16_load(offer->bytes + OFFER_DEDICATED), 1);
        ck_assert_uint_eq(le32_load(offer->bytes + OFFER_CONNECTION), 0x2000 + i);
        ck_assert(rig->listens[i]);
    }
    ck_assert(rig_expect(rig, VMBUS_MESSAGE_ALL_OFFERS_DELIVERED) != NULL);
    rig_send(rig, VMBUS_MESSAGE_REQUEST_OFFERS, message, sizeof(message)); /* once is enough */
    ck_assert(rig_next(rig) == NULL);
    ck_assert_uint_eq(rig->server.counters.messages_bad, 1);
}
END_TEST

START_TEST(a_late_device_is_offered_at_once)
{
    ck_assert_uint_eq(rig_connect(rig), 1);
    vmbus_server_add(&rig->server, &rig->second.vmbus);
    ck_assert_uint_ge(rig->wakes, 1);
    vmbus_server_work(&rig->server);
    const uint8_t *offer = rig_expect(rig, VMBUS_MESSAGE_OFFER_CHANNEL);
    ck_assert(offer != NULL && le32_load(offer + OFFER_RELID) == 2);
}
END_TEST

START_TEST(without_ports_there_is_no_offer)
{
    uint8_t message[8];

    rig->listen_limit = 0;
    ck_assert(rig_contact(rig, VMBUS_VERSION_5_3));
    rig_send(rig, VMBUS_MESSAGE_REQUEST_OFFERS, message, sizeof(message));
    ck_assert(rig_expect(rig, VMBUS_MESSAGE_ALL_OFFERS_DELIVERED) != NULL);
}
END_TEST

/* ---- GPADLs ---- */

START_TEST(gpadls_of_every_length)
{
    static const unsigned pages[] = { 1, 2, 25, 26, 27, 54, 55, 99, 1000 };
    uint32_t relid = rig_connect(rig);
    unsigned sum = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {
        ck_assert_uint_eq(rig_gpadl(rig, relid, 10 + i, RIG_HOLE + 1, pages[i]), 0);
        sum += pages[i];
        const struct vmbus_gpadl *gpadl = vmbus_device_gpadl(&rig->device.vmbus, 10 + i);
        ck_assert_uint_eq(gpadl->buffer.length, pages[i] * PAGE_SIZE);
        ck_assert_uint_eq(gpadl->buffer.n_segments, 1);
    }
    ck_assert_uint_eq(rig->server.gpadl_pages, sum);
    for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {
        ck_assert(rig_teardown(rig, relid, 10 + i));
    }
    ck_assert_uint_eq(rig->device.gpadls_gone, ARRAY_SIZE(pages));
    ck_assert_uint_eq(rig->server.gpadl_pages, 0);
    unload();
}
END_TEST

/* One bad thing each; answered by a status. */
START_TEST(bad_gpadls_are_refused)
{
    static const struct {
        const char *what;
        uint16_t bytes, ranges;
        uint32_t count, offset;
        uint64_t gpfn;
    } rows[] = {
        { "no range", 16, 0, 4096, 0, 1 },
        { "no page", 8, 1, 4096, 0, 1 },
        { "half a page number", 12, 1, 4096, 0, 1 },
        { "no bytes", 16, 1, 0, 0, 1 },
        { "an offset of a page", 16, 1, 1, 4096, 1 },
        { "pages that are not there", 16, 1, 8192, 0, 1 },
        { "an offset that needs one more", 16, 1, 4096, 1, 1 },
        { "two ranges in one", 16, 2, 4096, 0, 1 },
        { "more than there is", 24, 1, 4096, 0, 1 },
        { "a page that is not the guest's", 16, 1, 4096, 0, RIG_HOLE },
        { "a page behind the end", 16, 1, 4096, 0, RIG_PAGES },
        { "a page number of 64 bits", 16, 1, 4096, 0, UINT64_MAX },
        { "the most bytes", 16, 1, UINT32_MAX, 0, 1 },
    };
    uint32_t relid = rig_connect(rig);

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        uint8_t message[44] = { 0 };
        le32_store(message + GPADL_RELID, relid);
        le32_store(message + GPADL_ID, 7);
        le16_store(message + GPADL_RANGE_BYTES, rows[i].bytes);
        le16_store(message + GPADL_RANGES, rows[i].ranges);
        le32_store(message + 20, rows[i].count);
        le32_store(message + 24, rows[i].offset);
        le64_store(message + 28, rows[i].gpfn);
        le64_store(message + 36, 2);
        rig_send(rig, VMBUS_MESSAGE_GPADL_HEADER, message, sizeof(message));
        const uint8_t *answer = rig_expect(rig, VMBUS_MESSAGE_GPADL_CREATED);
        ck_assert_msg(answer != NULL, "%s is not answered", rows[i].what);
        ck_assert_msg(le32_load(answer + GPADL_CREATED_STATUS) != 0, "%s is taken", rows[i].what);
        ck_assert_uint_eq(rig->server.n_gpadls + rig->server.n_incomplete, 0);
    }
    ck_assert_uint_eq(rig_gpadl(rig, relid, 7, 1, 1), 0); /* the id is free */
    ck_assert_uint_ne(rig_gpadl(rig, relid, 7, 1, 1), 0); /* now it is not */
    ck_assert_uint_eq(rig_gpadl(rig, relid + 1, 8, 1, 1), UINT32_MAX);
}
END_TEST

START_TEST(gpadl_bodies_need_a_header)
{
    uint8_t body[24] = { 0 };
    uint32_t relid = rig_connect(rig);

    le32_store(body + GPADL_BODY_ID, 9);
    rig_send(rig, VMBUS_MESSAGE_GPADL_BODY, body, sizeof(body));
    ck_assert(rig_next(rig) == NULL);
    ck_assert_uint_eq(rig->server.counters.messages_bad, 1);
    ck_assert_uint_eq(rig_gpadl(rig, relid, 9, 1, 1), 0);
    rig_send(rig, VMBUS_MESSAGE_GPADL_BODY, body, sizeof(body)); /* it is complete */
    ck_assert(rig_next(rig) == NULL);
}
END_TEST

START_TEST(gpadls_are_limited)
{
    uint32_t relid = rig_connect(rig), status = 0;
    uint8_t header[28] = { 0 };
    unsigned n = 0;

    le32_store(header + GPADL_RELID, relid);
    le16_store(header + GPADL_RANGE_BYTES, 8 + 8 * 100);
    le16_store(header + GPADL_RANGES, 1);
    for (unsigned i = 0; i < 2 * VMBUS_GPADLS_INCOMPLETE_MAX; i++) { /* never finished */
        le32_store(header + GPADL_ID, 100000 + i);
        rig_send(rig, VMBUS_MESSAGE_GPADL_HEADER, header, sizeof(header));
        const uint8_t *answer = rig_expect(rig, VMBUS_MESSAGE_GPADL_CREATED);
        ck_assert_uint_eq(answer != NULL, i >= VMBUS_GPADLS_INCOMPLETE_MAX);
    }
    unload();
    relid = rig_connect(rig);
    for (n = 0; status == 0 && n < 2 * VMBUS_GPADLS_MAX; n++) {
        status = rig_gpadl(rig, relid, 1 + n, 1, 1);
    }
    ck_assert_uint_eq(n, VMBUS_GPADLS_MAX + 1);
    unload();
    relid = rig_connect(rig);
    for (status = 0, n = 0; status == 0 && n < 1000; n++) {
        status = rig_gpadl(rig, relid, 1 + n, RIG_HOLE + 1, 1500);
    }
    ck_assert_uint_eq(n, VMBUS_GPADL_PAGES_MAX / 1500 + 1);
    unload();
}
END_TEST

/* ---- open, close, modify ---- */

START_TEST(a_channel_opens_and_closes)
{
    uint32_t relid = rig_connect(rig);
    const struct vmbus_channel *channel = rig->device.vmbus.channel[0];

    ck_assert(rig_open_at(rig, relid, 8));
    ck_assert_uint_eq(rig->device.opened, 1);
    ck_assert(channel->open && rig->attached[relid] && rig->attached_vp[relid] == 1);
    ck_assert_mem_eq(channel->user_data, "hello", 6);
    ck_assert_uint_eq(channel->in.size, 3 * PAGE_SIZE);
    ck_assert_uint_eq(rig_open(rig, relid, 0xe1e10 + relid, 1, 4),
                      VMBUS_STATUS_UNSUCCESSFUL); /* twice */
    ck_assert(channel->open && rig->attached[relid]);
    ck_assert(!rig_teardown(rig, relid, 0xe1e10 + relid)); /* the rings lie there */
    ck_assert_uint_eq(rig->server.n_gpadls, 1);
    rig_close(rig, relid);
    ck_assert(rig_next(rig) == NULL);
    ck_assert(!channel->open && !rig->attached[relid]);
    ck_assert_uint_eq(rig->device.closed, 1);
    rig_close(rig, relid);
    ck_assert_uint_eq(rig->device.closed, 1);
    ck_assert(rig_teardown(rig, relid, 0xe1e10 + relid));
    ck_assert(!rig_teardown(rig, relid, 0xe1e10 + relid));
    ck_assert(rig_open_at(rig, relid, 8));
    unload();
}
END_TEST

START_TEST(bad_opens_are_refused)
{
    static const struct {
        const char *what;
        uint32_t relid, gpadl, vp, downstream, status;
    } rows[] = {
        { "no relid", 0, 1, 0, 4, UINT32_MAX },
        { "no offer", 77, 1, 0, 4, UINT32_MAX },
        { "a relid out of range", 0x80000001, 1, 0, 4, UINT32_MAX },
        { "no GPADL", 1, 99, 0, 4, VMBUS_STATUS_UNSUCCESSFUL },
        { "another channel's GPADL", 1, 2, 0, 4, VMBUS_STATUS_UNSUCCESSFUL },
        { "no VP", 1, 1, RIG_VPS, 4, VMBUS_STATUS_UNSUCCESSFUL },
        { "any VP", 1, 1, UINT32_MAX, 4, VMBUS_STATUS_UNSUCCESSFUL },
        { "no ring of the guest", 1, 1, 0, 0, VMBUS_STATUS_UNSUCCESSFUL },
        { "a ring of one page", 1, 1, 0, 1, VMBUS_STATUS_UNSUCCESSFUL },
        { "a ring of one page of the host", 1, 1, 0, 7, VMBUS_STATUS_UNSUCCESSFUL },
        { "no ring of the host", 1, 1, 0, 8, VMBUS_STATUS_UNSUCCESSFUL },
        { "far behind the end", 1, 1, 0, UINT32_MAX, VMBUS_STATUS_UNSUCCESSFUL },
        { "nothing", 1, 1, 0, 4, 0 },
    };

    vmbus_server_add(&rig->server, &rig->second.vmbus);
    ck_assert(rig_contact(rig, VMBUS_VERSION_5_3));
    rig_send(rig, VMBUS_MESSAGE_REQUEST_OFFERS, (uint8_t[8]){ 0 }, 8);
    while (rig_next(rig) != NULL) {
    }
    ck_assert_uint_eq(rig_gpadl(rig, 1, 1, 8, 8), 0);
    ck_assert_uint_eq(rig_gpadl(rig, 2, 2, 16, 8), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        uint32_t status =
            rig_open(rig, rows[i].relid, rows[i].gpadl, rows[i].vp, rows[i].downstream);
        ck_assert_msg(status == rows[i].status, "%s: 0x%x", rows[i].what, status);
        ck_assert_uint_eq(rig->device.opened, status == 0);
    }
    rig_close(rig, 1);
    rig->device.open_status = -EIO; /* the device does not want */
    ck_assert_uint_eq(rig_open(rig, 1, 1, 0, 4), VMBUS_STATUS_UNSUCCESSFUL);
    ck_assert(!rig->attached[1]);
    ck_assert(rig_teardown(rig, 1, 1));
}
END_TEST

/* A device that says more than the ring holds, and then that it does not want: the next open knows nothing of it. */
START_TEST(a_refused_open_leaves_nothing)
{
    uint32_t relid = rig_connect(rig);
    const struct vmbus_channel *channel = rig->device.vmbus.channel[0];

    rig->device.open_status = -EIO;
    rig->device.sent_at_open = 64;
    ck_assert(!rig_open_at(rig, relid, 8));
    ck_assert(!vmbus_channel_congested(channel) && !channel->congested);
    ck_assert(rig_teardown(rig, relid, 0xe1e10 + relid));
    rig->device.open_status = 0;
    rig->device.sent_at_open = 0;
    ck_assert(rig_open_at(rig, relid, 8));
    ck_assert(!vmbus_channel_congested(channel));
}
END_TEST

START_TEST(rings_with_bad_indices_do_not_open)
{
    static const uint32_t bad[] = { 3 * 4096, 4, UINT32_MAX, 0x80000000 };
    uint32_t relid = rig_connect(rig);

    ck_assert_uint_eq(rig_gpadl(rig, relid, 1, 8, 8), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        ram_zero(&rig->ram, 8 << PAGE_SHIFT, 8 * PAGE_SIZE);
        ram_write(&rig->ram, (8 << PAGE_SHIFT) + VMBUS_RING_READ_INDEX, &bad[i], 4);
        ck_assert_uint_eq(rig_open(rig, relid, 1, 0, 4), VMBUS_STATUS_UNSUCCESSFUL);
        ram_zero(&rig->ram, 8 << PAGE_SHIFT, 8 * PAGE_SIZE);
        ram_write(&rig->ram, (12 << PAGE_SHIFT) + VMBUS_RING_WRITE_INDEX, &bad[i], 4);
        ck_assert_uint_eq(rig_open(rig, relid, 1, 0, 4), VMBUS_STATUS_UNSUCCESSFUL);
    }
}
END_TEST

static uint32_t modify(uint32_t relid, uint32_t vp)
{
    uint8_t message[16];

    le32_store(message + MODIFY_RELID, relid);
    le32_store(message + MODIFY_VP, vp);
    rig_send(rig, VMBUS_MESSAGE_MODIFY_CHANNEL, message, sizeof(message));
    const struct rig_message *answer = rig_next(rig);
    return answer == NULL ? UINT32_MAX : le32_load(answer->bytes + MODIFY_RESPONSE_STATUS);
}

START_TEST(modify_moves_a_channel_to_another_vp)
{
    uint32_t relid = rig_connect(rig);

    ck_assert_uint_ne(modify(relid, 2), 0); /* not open */
    ck_assert(rig_open_at(rig, relid, 8));
    unsigned signals = rig->signals[relid];
    ck_assert_uint_eq(modify(relid, 3), 0);
    ck_assert_uint_eq(rig->attached_vp[relid], 3);
    ck_assert_uint_gt(rig->signals[relid], signals);
    ck_assert_uint_ne(modify(relid, RIG_VPS), 0);
    ck_assert_uint_ne(modify(relid + 1, 0), 0);
    ck_assert(rig->attached[relid] && rig->attached_vp[relid] == 3); /* as it was */
    unload();
}
END_TEST

START_TEST(modify_depends_on_the_version)
{
    static const struct {
        uint32_t version;
        bool moved, answered;
    } rows[] = { { VMBUS_VERSION_4_0, false, false },
                 { VMBUS_VERSION_4_1, true, false },
                 { VMBUS_VERSION_5_2, true, false },
                 { VMBUS_VERSION_5_3, true, true } };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        ck_assert(rig_contact(rig, rows[i].version));
        rig_send(rig, VMBUS_MESSAGE_REQUEST_OFFERS, (uint8_t[8]){ 0 }, 8);
        const uint8_t *offer = rig_expect(rig, VMBUS_MESSAGE_OFFER_CHANNEL);
        uint32_t relid = le32_load(offer + OFFER_RELID);
        ck_assert(rig_expect(rig, VMBUS_MESSAGE_ALL_OFFERS_DELIVERED) != NULL);
        ck_assert(rig_open_at(rig, relid, 8));
        ck_assert_uint_eq(modify(relid, 0) != UINT32_MAX, rows[i].answered);
        ck_assert_uint_eq(rig->attached_vp[relid], rows[i].moved ? 0 : 1);
    }
}
END_TEST

/* ---- the end of offers ---- */

static bool release(uint32_t relid)
{
    uint8_t message[12];
    uint64_t bad = rig->server.counters.messages_bad;

    le32_store(message + RELEASED_RELID, relid);
    rig_send(rig, VMBUS_MESSAGE_RELID_RELEASED, message, sizeof(message));
    return rig->server.counters.messages_bad == bad;
}

static void rescind(void)
{
    vmbus_device_lock(&rig->device.vmbus);
    vmbus_device_rescind(&rig->device.vmbus);
    vmbus_device_unlock(&rig->device.vmbus);
    vmbus_server_work(&rig->server);
}

START_TEST(rescind_release_and_offer_again)
{
    uint32_t relid = rig_connect(rig);

    for (unsigned i = 0; i < 20; i++) {
        ck_assert(!release(relid)); /* nobody asked for it */
        ck_assert(rig_open_at(rig, relid, 8));
        rescind();
        const uint8_t *message = rig_expect(rig, VMBUS_MESSAGE_RESCIND_CHANNEL_OFFER);
        ck_assert(message != NULL && le32_load(message + RESCIND_RELID) == relid);
        ck_assert_uint_eq(rig->device.closed, i + 1);
        ck_assert_uint_eq(rig_open(rig, relid, 0xe1e10 + relid, 0, 4), UINT32_MAX);
        ck_assert_uint_eq(rig_gpadl(rig, relid, 5, 1, 1), UINT32_MAX);
        rig_close(rig, relid);
        if (i % 2 == 0) { /* or the release takes it along */
            ck_assert(rig_teardown(rig, relid, 0xe1e10 + relid));
        }
        ck_assert_uint_eq(rig->gone, i);
        ck_assert(release(relid));
        ck_assert_uint_eq(rig->gone, i + 1);
        assert_clean();
        vmbus_server_add(&rig->server, &rig->device.vmbus);
        vmbus_server_work(&rig->server);
        message = rig_expect(rig, VMBUS_MESSAGE_OFFER_CHANNEL);
        ck_assert(message != NULL && le32_load(message + OFFER_RELID) != relid);
        relid = le32_load(message + OFFER_RELID);
    }
}
END_TEST

START_TEST(a_device_without_a_guest_goes_at_once)
{
    rescind();
    ck_assert_uint_eq(rig->gone, 1);
    ck_assert(rig->server.devices == NULL);
}
END_TEST

START_TEST(unload_ends_a_rescind)
{
    uint32_t relid = rig_connect(rig);

    ck_assert(rig_open_at(rig, relid, 8));
    rescind();
    ck_assert(rig_expect(rig, VMBUS_MESSAGE_RESCIND_CHANNEL_OFFER) != NULL);
    unload();
    ck_assert_uint_eq(rig->gone, 1);
}
END_TEST

static void ask_subchannels(unsigned n)
{
    vmbus_device_lock(&rig->device.vmbus);
    ck_assert(vmbus_device_offer_subchannels(&rig->device.vmbus, n));
    ck_assert(!vmbus_device_offer_subchannels(&rig->device.vmbus, VMBUS_CHANNELS));
    vmbus_device_unlock(&rig->device.vmbus);
    vmbus_server_work(&rig->server);
}

START_TEST(subchannels_live_with_their_primary)
{
    uint32_t relid = rig_connect(rig), sub[3];

    ck_assert(rig_open_at(rig, relid, 8));
    for (unsigned round = 0; round < 20; round++) {
        ask_subchannels(3);
        for (unsigned i = 0; i < 3; i++) {
            const uint8_t *offer = rig_expect(rig, VMBUS_MESSAGE_OFFER_CHANNEL);
            ck_assert(offer != NULL);
            ck_assert_uint_eq(le16_load(offer + OFFER_SUBCHANNEL), i + 1);
            ck_assert_uint_eq(offer[OFFER_INSTANCE + 15], 1);
            sub[i] = le32_load(offer + OFFER_RELID);
        }
        for (unsigned i = 0; i < 3; i++) {
            ck_assert(rig_open_at(rig, sub[i], 16 + 8 * i));
        }
        ck_assert_uint_eq(rig->device.opened - rig->device.closed, 4);
        rig_close(rig, sub[1]);
        rig_close(rig, relid);
        ck_assert_uint_eq(rig->device.opened, rig->device.closed);
        for (unsigned i = 0; i < 3; i++) {
            const uint8_t *message = rig_expect(rig, VMBUS_MESSAGE_RESCIND_CHANNEL_OFFER);
            ck_assert(message != NULL && le32_load(message + RESCIND_RELID) == sub[i]);
            ck_assert(release(sub[i]));
        }
        ck_assert_uint_eq(rig->gone, 0);
        ck_assert(rig_teardown(rig, relid, 0xe1e10 + relid));
        ck_assert_uint_eq(rig->server.n_gpadls, 0);
        ck_assert_uint_eq(rig->n_listens, 1);
        ck_assert(rig_open_at(rig, relid, 8));
    }
    unload();
}
END_TEST

/* kexec, kdump, a reboot that forgets to unload. */
START_TEST(reconnecting_forgets_everything)
{
    for (unsigned i = 0; i < 20; i++) {
        uint32_t relid = rig_connect(rig);
        ck_assert_uint_eq(relid, 1);
        ck_assert(rig_open_at(rig, relid, 8));
        ck_assert_uint_eq(rig_gpadl(rig, relid, 3, 300, 90), 0);
        ask_subchannels(2);
        while (rig_next(rig) != NULL) {
        }
        if (i % 3 == 0) {
            unload();
        } else if (i % 3 == 1) {
            vmbus_server_reset(&rig->server);
            ck_assert(!rig->contacted);
            ck_assert_uint_eq(rig->device.resets, i / 3 + 1);
            assert_clean();
        }
    }
}
END_TEST

START_TEST(sockets_are_refused)
{
    uint8_t message[40];

    ck_assert_uint_ne(rig_connect(rig), 0);
    for (unsigned i = 8; i < 40; i++) {
        message[i] = (uint8_t)i;
    }
    rig_send(rig, VMBUS_MESSAGE_TL_CONNECT_REQUEST, message, sizeof(message));
    const uint8_t *answer = rig_expect(rig, VMBUS_MESSAGE_TL_CONNECT_REQUEST_RESULT);
    ck_assert(answer != NULL);
    ck_assert_mem_eq(answer + 8, message + 8, 32);
    ck_assert_uint_eq(le32_load(answer + CONNECT_RESULT_STATUS), VMBUS_STATUS_CONNECTION_REFUSED);
}
END_TEST

/* ---- the way out is blocked ---- */

START_TEST(what_cannot_go_out_waits_and_then_nothing_is_taken_in)
{
    uint32_t relid = rig_connect(rig);
    unsigned n = 0;

    rig->post_status = -EAGAIN;
    while (vmbus_server_accepts(&rig->server)) {
        uint8_t message[40] = { 0 };
        le32_store(message + 8, n++);
        rig_send(rig, VMBUS_MESSAGE_TL_CONNECT_REQUEST, message, sizeof(message));
        ck_assert(rig->server.retry);
    }
    ck_assert_uint_eq(n, VMBUS_OUT_HIGH);
    rig->post_status = 0;
    vmbus_server_work(&rig->server);
    ck_assert(!rig->server.retry && vmbus_server_accepts(&rig->server));
    for (unsigned i = 0; i < n; i++) { /* in order */
        const uint8_t *answer = rig_expect(rig, VMBUS_MESSAGE_TL_CONNECT_REQUEST_RESULT);
        ck_assert(answer != NULL && le32_load(answer + 8) == i);
    }
    rig->post_status = -ENOTCONN; /* the guest does not listen: they are lost */
    ck_assert_uint_eq(rig_gpadl(rig, relid, 1, 1, 1), UINT32_MAX);
    ck_assert_uint_eq(rig->server.counters.messages_lost, 1);
    rig->post_status = 0;
    unload();
}
END_TEST

/* ---- a hostile guest ---- */

static uint64_t draw(uint64_t *random, uint64_t below)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random % below;
}

/* Messages of right numbers with fields that are often near the truth; rings are scribbled on. */
static void random_step(uint64_t *random)
{
    static const uint32_t values[] = { 0, 1, 2, 3, 4, 7, 8, 16, 100, 4096, 0xe1e11, UINT32_MAX };
    uint8_t message[VMBUS_MESSAGE_MAX];
    unsigned number = (unsigned)draw(random, 32);
    size_t n = draw(random, 4) != 0 ? 8 + draw(random, 30) * 8 : draw(random, sizeof(message));

    for (size_t at = 8; at + 4 <= sizeof(message); at += 4) {
        le32_store(message + at, draw(random, 8) != 0 ? values[draw(random, ARRAY_SIZE(values))]
                                                      : (uint32_t)draw(random, UINT32_MAX));
    }
    if (number == VMBUS_MESSAGE_GPADL_HEADER) {
        le16_store(message + GPADL_RANGE_BYTES, (uint16_t)(16 + 8 * draw(random, 40)));
        le16_store(message + GPADL_RANGES, 1);
        le32_store(message + 20, (uint32_t)draw(random, 40) * 4096);
        le32_store(message + 24, 0);
    }
    if (number == VMBUS_MESSAGE_INITIATE_CONTACT && draw(random, 8) != 0) {
        number = VMBUS_MESSAGE_OPEN_CHANNEL;
    }
    le32_store(message, number);
    vmbus_server_message(&rig->server, message, n);
    uint32_t word = (uint32_t)draw(random, 0x4000);
    ram_write(&rig->ram, draw(random, 40) * PAGE_SIZE + draw(random, 32) * 4, &word, 4);
    vmbus_server_signaled(&rig->server, (uint32_t)draw(random, 6));
    if (draw(random, 16) == 0) {
        vmbus_server_work(&rig->server);
    }
    if (draw(random, 64) == 0) {
        (void)rig_connect(rig);
        (void)rig_open_at(rig, 1, 8);
        ask_subchannels(3);
    }
    rig->n_out = rig->taken = 0;
}

START_TEST(random_guests_hurt_only_themselves)
{
    uint64_t random = (uint64_t)_i * 77 + 1;

    rig->device.echo = true;
    for (unsigned i = 0; i < 20000; i++) {
        random_step(&random);
        ck_assert_uint_le(rig->server.n_gpadls, VMBUS_GPADLS_MAX);
        ck_assert_uint_le(rig->server.n_incomplete, VMBUS_GPADLS_INCOMPLETE_MAX);
    }
    ck_assert_uint_gt(rig->device.opened, 100);
    ck_assert_uint_ne(rig_connect(rig), 0);
    unload();
}
END_TEST

static Suite *suite_server(void)
{
    Suite *suite = suite_create("partitions/vmbus");
    TCase *tcase = tcase_create("server");
    int n = (int)ARRAY_SIZE(message_rows);

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 900);
    tcase_add_loop_test(tcase, versions_are_supported_or_refused, 0, ARRAY_SIZE(version_rows));
    tcase_add_test(tcase, contact_names_where_answers_go);
    tcase_add_loop_test(tcase, short_messages_are_dropped, 0, n);
    tcase_add_loop_test(tcase, messages_of_the_host_and_before_contact_are_dropped, 0, n);
    tcase_add_loop_test(tcase, newer_messages_are_dropped, 0, ARRAY_SIZE(message_rows));
    tcase_add_test(tcase, unknown_numbers_are_dropped);
    tcase_add_test(tcase, an_offer_has_its_fields);
    tcase_add_test(tcase, a_late_device_is_offered_at_once);
    tcase_add_test(tcase, without_ports_there_is_no_offer);
    tcase_add_test(tcase, gpadls_of_every_length);
    tcase_add_test(tcase, bad_gpadls_are_refused);
    tcase_add_test(tcase, gpadl_bodies_need_a_header);
    tcase_add_test(tcase, gpadls_are_limited);
    tcase_add_test(tcase, a_channel_opens_and_closes);
    tcase_add_test(tcase, bad_opens_are_refused);
    tcase_add_test(tcase, a_refused_open_leaves_nothing);
    tcase_add_test(tcase, rings_with_bad_indices_do_not_open);
    tcase_add_test(tcase, modify_moves_a_channel_to_another_vp);
    tcase_add_test(tcase, modify_depends_on_the_version);
    tcase_add_test(tcase, rescind_release_and_offer_again);
    tcase_add_test(tcase, a_device_without_a_guest_goes_at_once);
    tcase_add_test(tcase, unload_ends_a_rescind);
    tcase_add_test(tcase, subchannels_live_with_their_primary);
    tcase_add_test(tcase, reconnecting_forgets_everything);
    tcase_add_test(tcase, sockets_are_refused);
    tcase_add_test(tcase, what_cannot_go_out_waits_and_then_nothing_is_taken_in);
    tcase_add_loop_test(tcase, random_guests_hurt_only_themselves, 0, 8);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_server())
