/* netvsp: each NVSP message, buffers and sections, frames both ways over rings and guest memory, sub-channels, link, what guests do
 * wrong. [LINUX drivers/net/hyperv/netvsc.c] */
#include "devices/synthetic/netvsp.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/net/offload.h"
#include "tests/check/check_main.h"
#include "tests/support/netvsp_rig.h"

static struct netvsp_rig *rig;

static void setup(void)
{
    rig = netvsp_rig_create(2);
    ck_assert_ptr_nonnull(rig);
}

static void teardown(void)
{
    netvsp_rig_destroy(rig);
}

static uint32_t status_of(const uint32_t *word, unsigned n, uint32_t type)
{
    const uint8_t *answer = netvsp_rig_ask(rig, word, n);

    ck_assert_ptr_nonnull(answer);
    ck_assert_uint_eq(le32_load(answer), type);
    return le32_load(answer + 4);
}

/* ---- messages ---- */

static const struct {
    uint32_t least, most, version, status;
} versions[] = {
    { 2, 2, 2, 1 },
    { 0x30002, 0x30002, 0x30002, 1 },
    { 0x40000, 0x40000, 0x40000, 1 },
    { 0x50000, 0x50000, 0x50000, 1 },
    { 0x60000, 0x60000, 0x60000, 1 },
    { 0x60001, 0x60001, 0x60001, 1 },
    { 2, 0x60001, 0x60001, 1 },
    { 2, 0x50fff, 0x50000, 1 },
    { 0x70000, 0x70000, 0, NVSP_STATUS_PROTOCOL_TOO_NEW },
    { 1, 1, 0, NVSP_STATUS_PROTOCOL_TOO_OLD },
    { 0x30003, 0x3ffff, 0, NVSP_STATUS_FAIL },
};

START_TEST(the_newest_common_version_is_agreed_on)
{
    const uint8_t *answer = netvsp_rig_ask(
        rig, (const uint32_t[]){ NVSP_INIT, versions[_i].least, versions[_i].most }, 3);

    ck_assert_uint_eq(le32_load(answer), NVSP_INIT_COMPLETE);
    ck_assert_uint_eq(le32_load(answer + 4), versions[_i].version);
    ck_assert_uint_eq(le32_load(answer + 12), versions[_i].status);
    ck_assert_uint_eq(rig->nv.version, versions[_i].version);
}
END_TEST

START_TEST(nothing_is_done_before_a_version)
{
#define X(code, name, since, least, how) code,
    static const uint32_t codes[] = { NVSP_MESSAGES(X) };
#undef X

    for (unsigned i = 1; i < ARRAY_SIZE(codes); i++) {
        ck_assert_uint_eq(status_of((const uint32_t[]){ codes[i], 1, 1 }, 3, codes[i]),
                          NVSP_STATUS_FAIL);
    }
    ck_assert_uint_eq(rig->nv.counters.bad, ARRAY_SIZE(codes) - 1);
    ck_assert_uint_eq(status_of((const uint32_t[]){ 131, 1, 1 }, 3, 131), NVSP_STATUS_FAIL);
}
END_TEST

/* What a version has, and what it has not: by its rows, and by hand for what changed the device. */
static const struct {
    uint32_t version;
    bool config, data_path, subchannels;
} features[] = {
    { NVSP_VERSION_1, false, false, false }, { NVSP_VERSION_2, true, false, false },
    { NVSP_VERSION_4, true, true, false },   { NVSP_VERSION_5, true, true, true },
    { NVSP_VERSION_6, true, true, true },    { NVSP_VERSION_61, true, true, true },
};

START_TEST(each_version_has_what_it_allows)
{
    uint32_t version = features[_i].version;
    uint32_t mtu = features[_i].config ? 4000 : 1500;

    ck_assert(netvsp_rig_buffers(rig, version, 4000));
    ck_assert_uint_eq(rig->nv.version, version);
    ck_assert_uint_eq(rig->nv.rndis.mtu, mtu);
    ck_assert_uint_ge(rig->nv.section_bytes, mtu + NET_HEADER_BYTES + RNDIS_OVERHEAD);
    uint64_t bad = rig->nv.counters.bad;
    (void)netvsp_rig_ask(rig, (const uint32_t[]){ NVSP_SWITCH_DATA_PATH, 0 }, 2);
    ck_assert_uint_eq(rig->nv.counters.bad, bad + !features[_i].data_path);
    const uint8_t *answer = netvsp_rig_ask(rig, (const uint32_t[]){ NVSP_SUBCHANNEL, 1, 1 }, 3);
    ck_assert_uint_eq(le32_load(answer), NVSP_SUBCHANNEL);
    ck_assert_uint_eq(le32_load(answer + 4),
                      features[_i].subchannels ? NVSP_STATUS_SUCCESS : NVSP_STATUS_FAIL);
    ck_assert_uint_eq(rig->nv.n_subchannels, features[_i].subchannels);
    /* RNDIS is the same in all: what was said is answered. */
    answer =
        netvsp_rig_control(rig, (const uint32_t[]){ RNDIS_INITIALIZE, 24, 1, 1, 0, 0x4000 }, 6);
    ck_assert_ptr_nonnull(answer);
    ck_assert_uint_eq(le32_load(answer + 12), RNDIS_STATUS_SUCCESS);
}
END_TEST

START_TEST(the_receive_buffer_is_cut_into_sections_that_hold_a_frame)
{
    (void)netvsp_rig_ask(rig, (const uint32_t[]){ NVSP_INIT, 0x60001, 0x60001 }, 3);
    if (_i == 1) {
        (void)netvsp_rig_ask(rig, (const uint32_t[]){ NVSP_SEND_NDIS_CONFIG, 9014, 0, 0, 0 }, 5);
    }
    ck_assert_uint_eq(rig_gpadl(rig->bus, rig->relid, 5, NETVSP_RIG_RECEIVE, 16), 0);
    const uint8_t *answer = netvsp_rig_ask(
        rig, (const uint32_t[]){ NVSP_SEND_RECEIVE_BUFFER, 5, NVSP_RECEIVE_BUFFER }, 3);
    uint32_t size = le32_load(answer + 16), n = le32_load(answer + 20);
    ck_assert_uint_eq(le32_load(answer), NVSP_SEND_RECEIVE_BUFFER_COMPLETE);
    ck_assert_uint_eq(le32_load(answer + 4), NVSP_STATUS_SUCCESS);
    ck_assert_uint_eq(le32_load(answer + 8), 1); /* one section, as Linux wants it */
    ck_assert_uint_eq(le32_load(answer + 12), 0);
    ck_assert_uint_eq(le32_load(answer + 24), size * n);
    ck_assert_uint_le(size * n, 65536);
    ck_assert_uint_ge(size, (_i == 1 ? 9014u : 1514u) + 4 + RNDIS_OVERHEAD);
    /* A second one, another id, no GPADL: refused. */
    ck_assert_uint_eq(status_of((const uint32_t[]){ NVSP_SEND_RECEIVE_BUFFER, 5, 0xcafe }, 3,
                                NVSP_SEND_RECEIVE_BUFFER_COMPLETE),
                      NVSP_STATUS_FAIL);
    (void)netvsp_rig_ask(rig, (const uint32_t[]){ NVSP_REVOKE_RECEIVE_BUFFER, 0xcafe }, 2);
    ck_assert_uint_eq(rig->nv.n_sections, 0);
    ck_assert_uint_eq(status_of((const uint32_t[]){ NVSP_SEND_RECEIVE_BUFFER, 5, 0xcaff }, 3,
                                NVSP_SEND_RECEIVE_BUFFER_COMPLETE),
                      NVSP_STATUS_FAIL);
    ck_assert_uint_eq(status_of((const uint32_t[]){ NVSP_SEND_RECEIVE_BUFFER, 6, 0xcafe }, 3,
                                NVSP_SEND_RECEIVE_BUFFER_COMPLETE),
                      NVSP_STATUS_FAIL);
}
END_TEST

START_TEST(the_send_buffer_has_sections_too)
{
    (void)netvsp_rig_ask(rig, (const uint32_t[]){ NVSP_INIT, 0x60001, 0x60001 }, 3);
    ck_assert_uint_eq(rig_gpadl(rig->bus, rig->relid, 5, NETVSP_RIG_SEND, 8), 0);
    ck_assert_uint_eq(rig_gpadl(rig->bus, rig->relid, 6, NETVSP_RIG_RECEIVE, 1), 0);
    ck_assert_uint_eq(status_of((const uint32_t[]){ NVSP_SEND_SEND_BUFFER, 6, 0 }, 3,
                                NVSP_SEND_SEND_BUFFER_COMPLETE),
                      NVSP_STATUS_FAIL); /* smaller than a section */
    ck_assert_uint_eq(status_of((const uint32_t[]){ NVSP_SEND_SEND_BUFFER, 5, 0 }, 3,
                                NVSP_SEND_SEND_BUFFER_COMPLETE),
                      NVSP_STATUS_SUCCESS);
    ck_assert_uint_eq(rig->nv.n_send_sections, 8 * 4096 / NETVSP_SEND_SECTION);
    (void)netvsp_rig_ask(rig, (const uint32_t[]){ NVSP_REVOKE_SEND_BUFFER, 0 }, 2);
    ck_assert_uint_eq(rig->nv.n_send_sections, 0);
    ck_assert_uint_eq(status_of((const uint32_t[]){ NVSP_SEND_SEND_BUFFER, 5, 0 }, 3,
                                NVSP_SEND_SEND_BUFFER_COMPLETE),
                      NVSP_STATUS_SUCCESS);
    ck_assert(rig_teardown(rig->bus, rig->relid, 5)); /* the GPADL goes: so does the buffer */
    ck_assert_uint_eq(rig->nv.n_send_sections, 0);
}
END_TEST

START_TEST(there_is_no_vf)
{
    ck_assert(netvsp_rig_buffers(rig, NVSP_VERSION_61, 1500));
    uint64_t bad = rig->nv.counters.bad;
    (void)netvsp_rig_ask(rig, (const uint32_t[]){ NVSP_SWITCH_DATA_PATH, 0 }, 2);
    ck_assert_uint_eq(rig->nv.counters.bad, bad);
    (void)netvsp_rig_ask(rig, (const uint32_t[]){ NVSP_SWITCH_DATA_PATH, 1 }, 2);
    ck_assert_uint_eq(rig->nv.counters.bad, bad + 1);
}
END_TEST

/* ---- frames ---- */

/* An RNDIS packet with a frame of n bytes at `to`; its bytes. */
static uint32_t rndis_frame(uint8_t *to, uint8_t target, uint32_t n)
{
    memset(to, 0, 44);
    le32_store(to, RNDIS_PACKET);
    le32_store(to + 4, 44 + n);
    le32_store(to + 8, 36);
    le32_store(to + 12, n);
    for (uint32_t i = 0; i < n; i++) {
        to[44 + i] = (uint8_t)(i + target);
    }
    memcpy(to + 44, (const uint8_t[]){ 2, 0, 0, 0, 0, target, 0, 0x15, 0x5d, 0, 0, 1 }, 12);
    return 44 + n;
}

static uint32_t send_rndis(uint32_t section, uint32_t bytes)
{
    return status_of((const uint32_t[]){ NVSP_SEND_RNDIS, NVSP_CHANNEL_DATA, section, bytes }, 4,
                     NVSP_SEND_RNDIS_COMPLETE);
}

START_TEST(frames_leave_by_sections_by_pages_and_by_both)
{
    ck_assert(netvsp_rig_up(rig));
    uint8_t *section = netvsp_rig_memory(rig, NETVSP_RIG_SEND) + 2 * NETVSP_SEND_SECTION;
    /* Three in one section, aligned as the host asked. */
    uint32_t at = rndis_frame(section, 9, 64);
    le32_store(section + 4, 112);
    at = 112 + rndis_frame(section + 112, 8, 200);
    le32_store(section + 112 + 4, 248);
    at = 360 + rndis_frame(section + 360, 7, 60);
    ck_assert_uint_eq(send_rndis(2, at), NVSP_STATUS_SUCCESS);
    ck_assert_uint_eq(rig->n_got, 3);
    ck_assert_uint_eq(rig->got[1]->length, 200);
    ck_assert_mem_eq(rig->got[1]->bytes, section + 112 + 44, 200);
    netvsp_rig_forget(rig);
    /* In pages: the header in one range, the frame over two pages in another. */
    uint8_t *page = netvsp_rig_memory(rig, NETVSP_RIG_DATA);
    uint8_t whole[2048], header[8 + 16 + 24] = { 0 };
    uint32_t n = rndis_frame(whole, 9, 1514);
    memcpy(page, whole, 44);
    memcpy(page + 2 * 4096 - 700, whole + 44, n - 44);
    le32_store(header + 4, 2);
    le32_store(header + 8, 44);
    le64_store(header + 16, NETVSP_RIG_DATA);
    le32_store(header + 24, n - 44);
    le32_store(header + 28, 4096 - 700);
    le64_store(header + 32, NETVSP_RIG_DATA + 1);
    le64_store(header + 40, NETVSP_RIG_DATA + 2);
    uint8_t message[40] = { NVSP_SEND_RNDIS };
    le32_store(message + 8, NVSP_NO_SECTION);
    netvsp_rig_put(rig, message, sizeof(message), header, sizeof(header), 5);
    ck_assert(netvsp_rig_get(rig));
    ck_assert_uint_eq(le32_load(rig->packet + 16), NVSP_SEND_RNDIS_COMPLETE);
    ck_assert_uint_eq(le32_load(rig->packet + 20), NVSP_STATUS_SUCCESS);
    ck_assert_uint_eq(rig->n_got, 1);
    ck_assert_mem_eq(rig->got[0]->bytes, whole + 44, 1514);
    netvsp_rig_forget(rig);
    /* The header in a section, the frame in pages. */
    memcpy(netvsp_rig_memory(rig, NETVSP_RIG_SEND), whole, 44);
    le32_store(header + 4, 1);
    memmove(header + 8, header + 24, 24);
    le32_store(message + 8, 0);
    le32_store(message + 12, 44);
    netvsp_rig_put(rig, message, sizeof(message), header, 32, 6);
    ck_assert_uint_eq(rig->n_got, 1);
    ck_assert_mem_eq(rig->got[0]->bytes, whole + 44, 1514);
    ck_assert_uint_eq(rig->nv.counters.frames_out, 5);
}
END_TEST

START_TEST(what_is_no_frame_is_refused)
{
    ck_assert(netvsp_rig_up(rig));
    uint8_t *section = netvsp_rig_memory(rig, NETVSP_RIG_SEND);
    uint32_t n = rndis_frame(section, 9, 64);

    ck_assert_uint_eq(send_rndis(5, n), NVSP_STATUS_INVALID_RNDIS); /* beyond the last */
    ck_assert_uint_eq(send_rndis(0xfffffffe, n), NVSP_STATUS_INVALID_RNDIS);
    ck_assert_uint_eq(send_rndis(0, NETVSP_SEND_SECTION + 1), NVSP_STATUS_INVALID_RNDIS);
    ck_assert_uint_eq(send_rndis(0, n - 1), NVSP_STATUS_INVALID_RNDIS); /* cut */
    le32_store(section, 2);
    ck_assert_uint_eq(send_rndis(0, n), NVSP_STATUS_INVALID_RNDIS);
    (void)rndis_frame(section, 9, 10); /* less than a header */
    (void)send_rndis(0, 54);
    ck_assert_uint_eq(rig->n_got, 0);
    /* Pages that are not there. */
    uint8_t header[24] = { 0 }, message[40] = { NVSP_SEND_RNDIS };
    le32_store(header + 4, 1);
    le32_store(header + 8, 100);
    le64_store(header + 16, RIG_HOLE);
    le32_store(message + 8, NVSP_NO_SECTION);
    netvsp_rig_put(rig, message, sizeof(message), header, sizeof(header), 5);
    ck_assert(netvsp_rig_get(rig));
    ck_assert_uint_eq(le32_load(rig->packet + 20), NVSP_STATUS_INVALID_RNDIS);
    ck_assert(!rig->nv.vmbus.channel[0]->broken);
}
END_TEST

static void send_to_guest(uint8_t last, uint32_t n)
{
    uint8_t bytes[9100];

    for (uint32_t i = 0; i < n; i++) {
        bytes[i] = (uint8_t)(i * 3 + n);
    }
    memcpy(bytes, (const uint8_t[]){ 0, 0x15, 0x5d, 0, 0, last, 2, 0, 0, 0, 0, 9 }, 12);
    bytes[12] = 0x88;
    bytes[13] = 0xb5;
    net_switch_send(&rig->peer, net_frame_of(bytes, n));
}

START_TEST(frames_reach_the_receive_buffer_in_batches)
{
    ck_assert(netvsp_rig_up(rig));
    uint32_t all = rig->nv.n_free;
    send_to_guest(1, 60);
    send_to_guest(1, 1514);
    send_to_guest(7, 60);                             /* for another: filtered */
    ck_assert_uint_eq(rig->nv.counters.frames_in, 0); /* not from within the switch */
    netvsp_rig_pass(rig);
    ck_assert(netvsp_rig_get(rig));
    ck_assert_uint_eq(le16_load(rig->packet), VMBUS_PACKET_TRANSFER_PAGES);
    ck_assert_uint_eq(le16_load(rig->packet + 16), NVSP_RECEIVE_BUFFER);
    ck_assert_uint_eq(le32_load(rig->packet + 20), 2); /* ranges */
    ck_assert_uint_eq(le32_load(rig->packet + 40), NVSP_SEND_RNDIS);
    ck_assert_uint_eq(le32_load(rig->packet + 44), NVSP_CHANNEL_DATA);
    ck_assert_uint_eq(rig->nv.n_free, all - 2);
    const uint8_t *second =
        netvsp_rig_memory(rig, NETVSP_RIG_RECEIVE) + le32_load(rig->packet + 36);
    ck_assert_uint_eq(le32_load(rig->packet + 32), 44 + 1514);
    ck_assert_uint_eq(le32_load(second), RNDIS_PACKET);
    ck_assert_uint_eq(le32_load(second + 12), 1514);
    ck_assert_uint_eq(second[44 + 1000], (uint8_t)(1000 * 3 + 1514));
    uint64_t transaction = le64_load(rig->packet + 8);
    netvsp_rig_complete(rig, transaction);
    ck_assert_uint_eq(rig->nv.n_free, all);
    uint64_t bad = rig->nv.counters.bad;
    netvsp_rig_complete(rig, transaction); /* twice, and never given: only counted */
    netvsp_rig_complete(rig, 0);
    netvsp_rig_complete(rig, UINT64_MAX);
    ck_assert_uint_eq(rig->nv.counters.bad, bad + 3);
    ck_assert_uint_eq(rig->nv.n_free, all);
}
END_TEST

/* What the guest asked to see, down to its port of the switch. */
static const struct {
    const char *what;
    uint32_t filter;
    uint8_t to[NET_MAC_BYTES];
    bool arrives;
} filters[] = {
    { "nothing", 0, { 0, 0x15, 0x5d, 0, 0, 1 }, false },
    { "its address", NET_FILTER_DIRECTED, { 0, 0x15, 0x5d, 0, 0, 1 }, true },
    { "another address", NET_FILTER_DIRECTED, { 0, 0x15, 0x5d, 0, 0, 7 }, false },
    { "another, all addresses", NET_FILTER_PROMISCUOUS, { 0, 0x15, 0x5d, 0, 0, 7 }, true },
    { "a broadcast", NET_FILTER_BROADCAST, { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, true },
    { "a broadcast not asked for",
      NET_FILTER_DIRECTED | NET_FILTER_ALL_MULTICAST,
      { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
      false },
    { "a group of its list", NET_FILTER_MULTICAST, { 1, 0, 0x5e, 0, 0, 1 }, true },
    { "a group of its list, lists off", NET_FILTER_DIRECTED, { 1, 0, 0x5e, 0, 0, 1 }, false },
    { "another group", NET_FILTER_MULTICAST, { 1, 0, 0x5e, 0, 0, 2 }, false },
    { "another group, all groups", NET_FILTER_ALL_MULTICAST, { 1, 0, 0x5e, 0, 0, 2 }, true },
};

START_TEST(the_guest_sees_what_it_asked_for)
{
    uint32_t set_list[] = {
        RNDIS_SET, 0, 3, 0x01010103, NET_MAC_BYTES, 20, 0, 0x005e0001, 0x0100
    }; /* 01:00:5e:00:00:01 */
    uint32_t set_filter[] = { RNDIS_SET, 0, 4, 0x0001010e, 4, 20, 0, filters[_i].filter };
    uint8_t bytes[60] = { [6] = 2, [11] = 9, [12] = 0x88, [13] = 0xb5 };

    ck_assert(netvsp_rig_up(rig));
    const uint8_t *answer = netvsp_rig_control(rig, set_list, ARRAY_SIZE(set_list));
    ck_assert_uint_eq(le32_load(answer + 12), RNDIS_STATUS_SUCCESS);
    answer = netvsp_rig_control(rig, set_filter, ARRAY_SIZE(set_filter));
    ck_assert_uint_eq(le32_load(answer + 12), RNDIS_STATUS_SUCCESS);
    memcpy(bytes, filters[_i].to, NET_MAC_BYTES);
    net_switch_send(&rig->peer, net_frame_of(bytes, sizeof(bytes)));
    netvsp_rig_pass(rig);
    ck_assert_msg(netvsp_rig_get(rig) == filters[_i].arrives, "%s", filters[_i].what);
    ck_assert_uint_eq(rig->nv.port.counters.drop_filter, !filters[_i].arrives);
}
END_TEST

START_TEST(frames_wait_for_free_sections)
{
    ck_assert(netvsp_rig_up(rig));
    uint32_t all = rig->nv.n_free;
    for (uint32_t i = 0; i < all + 3; i++) {
        send_to_guest(1, 100 + i);
    }
    netvsp_rig_pass(rig);
    ck_assert_uint_eq(rig->nv.n_free, 0);
    uint32_t received = 0;
    while (netvsp_rig_get(rig)) {
        uint32_t n = le32_load(rig->packet + 20);
        for (uint32_t i = 0; i < n; i++) { /* in order */
            ck_assert_uint_eq(le32_load(rig->packet + 24 + 8 * i), 44 + 100 + received);
            received++;
        }
        netvsp_rig_complete(rig, le64_load(rig->packet + 8));
    }
    ck_assert_uint_eq(received, all + 3);
    ck_assert_uint_eq(rig->nv.n_free, all);
}
END_TEST

START_TEST(a_frame_longer_than_the_guest_takes_is_lost_alone)
{
    ck_assert(netvsp_rig_up(rig)); /* an MTU of 1500 */
    uint32_t all = rig->nv.n_free;
    send_to_guest(1, 9000);
    send_to_guest(1, 1514);
    netvsp_rig_pass(rig);
    ck_assert_uint_eq(rig->nv.counters.lost, 1);
    ck_assert_uint_eq(rig->nv.n_free, all - 1);
    ck_assert(netvsp_rig_get(rig));
    ck_assert_uint_eq(le32_load(rig->packet + 20), 1);
    ck_assert_uint_eq(le32_load(rig->packet + 24), 44 + 1514);
}
END_TEST

START_TEST(closing_forgets_and_opening_starts_anew)
{
    ck_assert(netvsp_rig_up(rig));
    send_to_guest(1, 60);
    netvsp_rig_pass(rig);
    rig_close(rig->bus, rig->relid);
    ck_assert(rig->nv.version == 0 && rig->nv.n_sections == 0 && rig->nv.send_gpadl == 0);
    ck_assert(!rig->nv.rndis.initialized);
    send_to_guest(1, 60); /* nobody listens */
    netvsp_rig_pass(rig);
    ck_assert_uint_eq(rig->nv.port.filter, 0);
    ck_assert(rig_teardown(rig->bus, rig->relid, 0x51) && rig_teardown(rig->bus, rig->relid, 0x52));
    ck_assert(rig_teardown(rig->bus, rig->relid, 0xe1e10 + rig->relid));
    ck_assert(rig_open_at(rig->bus, rig->relid, NETVSP_RIG_RINGS));
    ck_assert(netvsp_rig_up(rig));
    send_to_guest(1, 60);
    netvsp_rig_pass(rig);
    ck_assert(netvsp_rig_get(rig));
    ck_assert_uint_eq(le16_load(rig->packet), VMBUS_PACKET_TRANSFER_PAGES);
}
END_TEST

START_TEST(the_guest_hears_of_its_link)
{
    ck_assert(netvsp_rig_up(rig));
    for (unsigned up = 0; up < 2; up++) {
        net_port_set_link(&rig->nv.port, up == 1);
        netvsp_rig_pass(rig);
        ck_assert(netvsp_rig_get(rig));
        ck_assert_uint_eq(le32_load(rig->packet + 36), NVSP_CHANNEL_CONTROL);
        const uint8_t *message =
            netvsp_rig_memory(rig, NETVSP_RIG_RECEIVE) + le32_load(rig->packet + 28);
        ck_assert_uint_eq(le32_load(message), RNDIS_INDICATE);
        ck_assert_uint_eq(le32_load(message + 8),
                          up == 1 ? RNDIS_STATUS_CONNECT : RNDIS_STATUS_DISCONNECT);
        netvsp_rig_complete(rig, le64_load(rig->packet + 8));
    }
    ck_assert(!netvsp_rig_get(rig));
}
END_TEST

START_TEST(a_flow_goes_to_the_channel_of_its_hash)
{
    ck_assert(netvsp_rig_up(rig));
    ck_assert_uint_eq(status_of((const uint32_t[]){ NVSP_SUBCHANNEL, 2, 1 }, 3, NVSP_SUBCHANNEL),
                      NVSP_STATUS_FAIL); /* no such operation */
    const uint8_t *answer = netvsp_rig_ask(rig, (const uint32_t[]){ NVSP_SUBCHANNEL, 1, 63 }, 3);
    ck_assert_uint_eq(le32_load(answer + 4), NVSP_STATUS_SUCCESS);
    ck_assert_uint_eq(le32_load(answer + 8), 1); /* as many as there are queues */
    const uint8_t *offer = rig_expect(rig->bus, VMBUS_MESSAGE_OFFER_CHANNEL);
    ck_assert_ptr_nonnull(offer);
    ck_assert_uint_eq(le16_load(offer + 180), 1);
    rig->sub_relid = le32_load(offer + 184);
    ck_assert(rig_open_at(rig->bus, rig->sub_relid, NETVSP_RIG_SUB_RINGS));
    ck_assert(netvsp_rig_get(rig)); /* how the guest shall spread what it sends */
    ck_assert_uint_eq(le32_load(rig->packet + 16), NVSP_SEND_INDIRECTION_TABLE);
    ck_assert_uint_eq(le32_load(rig->packet + 20), 16);
    ck_assert_uint_eq(le32_load(rig->packet + 16 + le32_load(rig->packet + 24) + 4), 1);
    /* All hashes to queue 1, by addresses. */
    uint32_t set[7 + 10 + 2 + 10] = { RNDIS_SET, 0, 3, 0x00010204, 40 + 8 + 40, 20, 0 };
    set[7] = 0x89 | 2 << 8 | 40 << 16;
    set[9] = 1 | NET_RSS_HASH_IPV4;
    set[10] = 8;
    set[11] = 40;
    set[12] = 40;
    set[13] = 48;
    set[17] = set[18] = 1;
    memset(set + 19, 0x5a, 40);
    answer = netvsp_rig_control(rig, set, ARRAY_SIZE(set));
    ck_assert_uint_eq(le32_load(answer + 12), 0);
    struct net_frame *frame = net_frame_new(60);
    memset(frame->bytes, 0, 60);
    frame->length = 60;
    memcpy(frame->bytes,
           (const uint8_t[]){ 0, 0x15, 0x5d, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 0, 0x45, 0, 0, 40 }, 18);
    frame->bytes[26] = 10;
    net_switch_send(&rig->peer, frame);
    send_to_guest(1, 60); /* no IP: the primary's */
    netvsp_rig_pass(rig);
    struct rig_ring sub = rig_ring_in(rig->bus, NETVSP_RIG_SUB_RINGS);
    uint8_t packet[256];
    bool signal;
    ck_assert_uint_gt(rig_get(&sub, packet, sizeof(packet), &signal), 0);
    ck_assert_uint_eq(le16_load(packet), VMBUS_PACKET_TRANSFER_PAGES);
    ck_assert_uint_eq(le32_load(packet + 24), 44 + 16 + 60); /* with its hash */
    ck_assert(netvsp_rig_get(rig));
    ck_assert_uint_eq(le32_load(rig->packet + 24), 44 + 60);
    netvsp_rig_complete(rig, le64_load(rig->packet + 8));
    ck_assert_uint_eq(rig->nv.n_free, rig->nv.n_sections - 1);
    rig_close(rig->bus, rig->sub_relid); /* what it held comes back */
    ck_assert_uint_eq(rig->nv.n_free, rig->nv.n_sections);
}
END_TEST

START_TEST(adapters_have_guids_of_their_own)
{
    struct netvsp *other = calloc(1, sizeof(*other));
    const struct netvsp_config config = {
        .name = "other", .number = 3, .queues = 1, .mac_fixed = true
    };

    ck_assert_ptr_nonnull(other);
    ck_assert_int_eq(netvsp_init(other, &config, &rig->clock, &rig->bus->trace, 1), 0);
    ck_assert_mem_ne(&other->vmbus.offer.instance, &rig->nv.vmbus.offer.instance,
                     sizeof(other->vmbus.offer.instance));
    ck_assert_mem_eq(&other->vmbus.offer.type, &rig->nv.vmbus.offer.type,
                     sizeof(other->vmbus.offer.type));
    ck_assert(other->port.guard && other->rndis.mac_fixed); /* no other address */
    ck_assert(!rig->nv.port.guard && !rig->nv.rndis.mac_fixed);
    netvsp_fini(other);
    free(other);
}
END_TEST

/* ---- saved state ---- */

static const struct state_table *table(void)
{
    return &rig->nv.vmbus.device.type->state;
}

static int read_back(const struct state_buffer *buffer, struct error *error)
{
    struct state_timers timers = { .n = 0 };

    netvsp_sections_drop(&rig->nv);
    netvsp_control_drop(&rig->nv);
    net_frame_free_list(net_queue_take(&rig->nv.queue));
    rig->nv.receive_gpadl = 0;
    int status = state_read(buffer->bytes, buffer->n, table(), &rig->nv, "nv", &timers, error);
    if (status == 0) {
        state_timers_arm(&timers);
    }
    state_timers_fini(&timers);
    return status;
}

/* With batches at the guest and frames that wait for sections: what was saved is read, goes on, and is saved alike. */
START_TEST(a_saved_adapter_goes_on)
{
    struct state_buffer first = { 0 }, second = { 0 };
    struct error error = { "" };

    ck_assert(netvsp_rig_up(rig));
    uint32_t n_sections = rig->nv.n_sections;
    for (unsigned i = 0; i < n_sections + 5; i++) {
        send_to_guest(1, 100);
        netvsp_rig_pass(rig);
    }
    ck_assert_uint_eq(rig->nv.n_free, 0);
    ck_assert_uint_eq(rig->nv.queue.frames, 5);
    state_write(&first, table(), &rig->nv);
    ck_assert_msg(read_back(&first, &error) == 0, "%s", error.text);
    state_write(&second, table(), &rig->nv);
    ck_assert_uint_eq(first.n, second.n);
    ck_assert_mem_eq(first.bytes, second.bytes, first.n);
    while (netvsp_rig_get(rig)) {
        netvsp_rig_complete(rig, le64_load(rig->packet + 8));
        netvsp_rig_pass(rig);
    }
    ck_assert_uint_eq(rig->nv.queue.frames, 0);
    ck_assert_uint_eq(rig->nv.n_free, n_sections);
    ck_assert_uint_eq(rig->nv.counters.frames_in, n_sections + 5);
    state_buffer_fini(&first);
    state_buffer_fini(&second);
}
END_TEST

/* One byte of a saved adapter is another: refused, or read; in neither case anything else happens (ASan watches). */
START_TEST(a_damaged_adapter_does_no_harm)
{
    struct state_buffer buffer = { 0 };
    struct error error;
    unsigned refused = 0;

    ck_assert(netvsp_rig_up(rig));
    for (unsigned i = 0; i < 12; i++) {
        send_to_guest(1, 100);
        netvsp_rig_pass(rig);
    }
    state_write(&buffer, table(), &rig->nv);
    ck_assert_int_eq(read_back(&buffer, &error), 0);
    for (size_t at = 0; at < buffer.n; at += 1 + at / 64) {
        uint8_t was = buffer.bytes[at];
        buffer.bytes[at] ^= (uint8_t)(1u << at % 8);
        if (read_back(&buffer, &error) == 0) {
            send_to_guest(1, 100);
            netvsp_rig_pass(rig);
        } else {
            refused++;
        }
        buffer.bytes[at] = was;
    }
    ck_assert_uint_gt(refused, 100);
    ck_assert_int_eq(read_back(&buffer, &error), 0);
    state_buffer_fini(&buffer);
}
END_TEST

START_TEST(large_sends_are_cut_for_the_switch)
{
    ck_assert(netvsp_rig_up(rig));
    uint8_t *page = netvsp_rig_memory(rig, NETVSP_RIG_DATA);
    uint32_t n = 54 + 4000;
    memset(page, 0, 2 * 4096);
    le32_store(page, RNDIS_PACKET);
    le32_store(page + 4, 44 + 16 + n);
    le32_store(page + 8, 36 + 16);
    le32_store(page + 12, n);
    le32_store(page + 28, 36);
    le32_store(page + 32, 16);
    le32_store(page + 44, 16);
    le32_store(page + 48, 2);
    le32_store(page + 52, 12);
    le32_store(page + 56, 1460 | 34 << 20 | 1u << 30);
    uint8_t *frame = page + 60;
    memcpy(frame, (const uint8_t[]){ 2, 0, 0, 0, 0, 9, 0, 0x15, 0x5d, 0, 0, 1, 8, 0, 0x45 }, 15);
    frame[23] = NET_PROTOCOL_TCP;
    frame[46] = 0x50;
    uint8_t header[8 + 8 + 16] = { 0 }, message[40] = { NVSP_SEND_RNDIS };
    le32_store(header + 4, 1);
    le32_store(header + 8, 60 + n);
    le64_store(header + 16, NETVSP_RIG_DATA);
    le64_store(header + 24, NETVSP_RIG_DATA + 1);
    le32_store(message + 8, NVSP_NO_SECTION);
    netvsp_rig_put(rig, message, sizeof(message), header, sizeof(header), 5);
    ck_assert_uint_eq(rig->n_got, 3);
    ck_assert_uint_eq(rig->got[0]->length, 1514);
    ck_assert_uint_eq(rig->got[2]->length, 54 + 4000 - 2 * 1460);
    ck_assert(net_offload_verify(rig->got[1]).ip_good);
    rig->got[1]->trusted = false;
    ck_assert(net_offload_verify(rig->got[1]).l4_good);
}
END_TEST

static Suite *suite_netvsp(void)
{
    Suite *suite = suite_create("devices/synthetic/netvsp");
    TCase *tcase = tcase_create("netvsp");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, the_newest_common_version_is_agreed_on, 0, ARRAY_SIZE(versions));
    tcase_add_test(tcase, nothing_is_done_before_a_version);
    tcase_add_loop_test(tcase, each_version_has_what_it_allows, 0, ARRAY_SIZE(features));
    tcase_add_loop_test(tcase, the_receive_buffer_is_cut_into_sections_that_hold_a_frame, 0, 2);
    tcase_add_test(tcase, the_send_buffer_has_sections_too);
    tcase_add_test(tcase, there_is_no_vf);
    tcase_add_test(tcase, frames_leave_by_sections_by_pages_and_by_both);
    tcase_add_test(tcase, what_is_no_frame_is_refused);
    tcase_add_test(tcase, frames_reach_the_receive_buffer_in_batches);
    tcase_add_loop_test(tcase, the_guest_sees_what_it_asked_for, 0, ARRAY_SIZE(filters));
    tcase_add_test(tcase, frames_wait_for_free_sections);
    tcase_add_test(tcase, a_frame_longer_than_the_guest_takes_is_lost_alone);
    tcase_add_test(tcase, closing_forgets_and_opening_starts_anew);
    tcase_add_test(tcase, the_guest_hears_of_its_link);
    tcase_add_test(tcase, a_flow_goes_to_the_channel_of_its_hash);
    tcase_add_test(tcase, large_sends_are_cut_for_the_switch);
    tcase_add_test(tcase, adapters_have_guids_of_their_own);
    tcase_add_test(tcase, a_saved_adapter_goes_on);
    tcase_add_test(tcase, a_damaged_adapter_does_no_harm);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_netvsp())
