/* RNDIS: every control message and object, data packets with their information, either way. [MS-RNDIS; LINUX rndis_filter.c] */
#include "devices/synthetic/rndis.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/net/offload.h"
#include "devices/synthetic/rndis_oid.h"
#include "tests/check/check_main.h"

static struct rndis fresh(void)
{
    struct rndis rndis = { .permanent_mac = { 0, 0x15, 0x5d, 1, 2, 3 },
                           .mtu = 1500,
                           .speed_100bps = 100000000,
                           .queues = 4 };

    rndis_reset(&rndis);
    return rndis;
}

/* Messages as Linux writes them. */
struct message {
    uint32_t n;
    uint8_t bytes[512];
};

static void words(struct message *message, const uint32_t *word, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        le32_store(message->bytes + message->n, word[i]);
        message->n += 4;
    }
    le32_store(message->bytes + 4, message->n);
}

static struct message request(uint32_t type, uint32_t oid, const void *info, uint32_t n)
{
    struct message message = { .n = 0 };

    words(&message, (const uint32_t[]){ type, 0, 99, oid, n, 20, 0 }, 7);
    memcpy(message.bytes + message.n, info, n);
    message.n += n;
    le32_store(message.bytes + 4, message.n);
    return message;
}

static struct rndis_answer ask(struct rndis *rndis, const struct message *message)
{
    struct rndis_answer answer;

    rndis_control(rndis, message->bytes, message->n, &answer);
    ck_assert(answer.n == 0 || le32_load(answer.bytes + 4) == answer.n);
    return answer;
}

/* The value of a query; NULL: refused with *status. */
static const uint8_t *query(struct rndis *rndis, uint32_t oid, struct rndis_answer *answer,
                            uint32_t *n, uint32_t *status)
{
    struct message message = request(RNDIS_QUERY, oid, "", 0);

    *answer = ask(rndis, &message);
    ck_assert_uint_eq(le32_load(answer->bytes), 0x80000004);
    ck_assert_uint_eq(le32_load(answer->bytes + 8), 99);
    *status = le32_load(answer->bytes + 12);
    *n = le32_load(answer->bytes + 16);
    return *status == 0 ? answer->bytes + 8 + le32_load(answer->bytes + 20) : NULL;
}

static uint32_t set(struct rndis *rndis, uint32_t oid, const void *value, uint32_t n,
                    unsigned *changed)
{
    struct message message = request(RNDIS_SET, oid, value, n);
    struct rndis_answer answer = ask(rndis, &message);

    ck_assert_uint_eq(le32_load(answer.bytes), 0x80000005);
    ck_assert_uint_eq(answer.n, 16);
    *changed = answer.changed;
    return le32_load(answer.bytes + 12);
}

START_TEST(initialize_tells_the_limits)
{
    struct rndis rndis = fresh();
    struct message message = { .n = 0 };

    words(&message, (const uint32_t[]){ RNDIS_INITIALIZE, 0, 7, 1, 0, 0x4000 }, 6);
    struct rndis_answer answer = ask(&rndis, &message);
    ck_assert_uint_eq(answer.n, 52);
    ck_assert_uint_eq(le32_load(answer.bytes), 0x80000002);
    ck_assert_uint_eq(le32_load(answer.bytes + 8), 7);
    ck_assert_uint_eq(le32_load(answer.bytes + 12), 0);
    ck_assert_uint_eq(le32_load(answer.bytes + 16), 1);
    ck_assert_uint_eq(le32_load(answer.bytes + 32), 8);
    ck_assert_uint_eq(le32_load(answer.bytes + 40), 3);
    ck_assert(rndis.initialized);
    le32_store(message.bytes + 12, 2); /* a version that is not */
    answer = ask(&rndis, &message);
    ck_assert_uint_ne(le32_load(answer.bytes + 12), 0);
    ck_assert(!rndis.initialized);
}
END_TEST

START_TEST(other_messages_are_answered_in_their_form)
{
    struct rndis rndis = fresh();
    struct message message = { .n = 0 };

    rndis.filter = 0xd;
    words(&message, (const uint32_t[]){ RNDIS_KEEPALIVE, 0, 5 }, 3);
    struct rndis_answer answer = ask(&rndis, &message);
    ck_assert_uint_eq(le32_load(answer.bytes), 0x80000008);
    ck_assert_uint_eq(le32_load(answer.bytes + 8), 5);
    le32_store(message.bytes, RNDIS_RESET);
    rndis.initialized = true;
    answer = ask(&rndis, &message);
    ck_assert_uint_eq(le32_load(answer.bytes), 0x80000006);
    ck_assert_uint_eq(le32_load(answer.bytes + 8), 0);
    ck_assert_uint_eq(rndis.filter, 0);
    ck_assert(rndis.initialized);
    le32_store(message.bytes, RNDIS_HALT);
    answer = ask(&rndis, &message);
    ck_assert_uint_eq(answer.n, 0);
    ck_assert(!rndis.initialized && (answer.changed & RNDIS_CHANGED_HALTED) != 0);
    le32_store(message.bytes, 77);
    answer = ask(&rndis, &message);
    ck_assert(answer.n == 0 && answer.unknown == 77);
}
END_TEST

static const struct {
    uint32_t oid, bytes, value; /* of the first four bytes */
} queries[] = {
    { 0x00010102, 4, 0 },
    { 0x00010103, 4, 0 },
    { 0x00010104, 4, 0 },
    { 0x00010105, 4, 1500 },
    { 0x00010106, 4, 1500 },
    { 0x00010107, 4, 100000000 },
    { 0x00010108, 4, 8 * 1514 },
    { 0x00010109, 4, 8 * 1514 },
    { 0x0001010a, 4, 1514 },
    { 0x0001010b, 4, 1514 },
    { 0x0001010c, 4, 0x00155d00 },
    { 0x0001010d, 16, 0x7774654e },
    { 0x0001010e, 4, 0 },
    { 0x0001010f, 4, 1500 },
    { 0x00010110, 4, 0x500 },
    { 0x00010111, 4, 1514 },
    { 0x00010113, 4, 11 },
    { 0x00010114, 4, 1 },
    { 0x00010115, 4, 8 },
    { 0x00010116, 4, 0x500 },
    { 0x00010202, 4, 0 },
    { 0x00010203, 18, 0x00120288 },
    { 0x00020101, 4, 0 },
    { 0x00020102, 4, 0 },
    { 0x00020103, 4, 0 },
    { 0x00020104, 4, 0 },
    { 0x00020105, 4, 0 },
    { 0x00020216, 32, 0x0065004e },
    { 0x01010101, 6, 0x015d1500 },
    { 0x01010102, 6, 0x015d1500 },
    { 0x01010103, 0, 0 },
    { 0x01010104, 4, 64 },
    { 0x01010105, 4, 0 },
    { 0x01020101, 4, 0 },
    { 0x01020102, 4, 0 },
    { 0x01020103, 4, 0 },
    { 0xfc01020b, 112, 0x007001a7 },
    { 0xfc01020d, 112, 0x007001a7 },
};

START_TEST(each_object_has_its_value)
{
    struct rndis rndis = fresh();
    struct rndis_answer answer;
    uint32_t n, status;
    const uint8_t *value = query(&rndis, queries[_i].oid, &answer, &n, &status);

    ck_assert_msg(value != NULL, "%08x: status %08x", queries[_i].oid, status);
    ck_assert_msg(n == queries[_i].bytes, "%08x: %u bytes", queries[_i].oid, n);
    ck_assert_msg(n < 4 || le32_load(value) == queries[_i].value, "%08x: %08x", queries[_i].oid,
                  le32_load(value));
}
END_TEST

START_TEST(the_list_of_objects_holds_every_row_and_others_are_refused)
{
    struct rndis rndis = fresh();
    struct rndis_answer answer;
    uint32_t n, status, found = 0;
    const uint8_t *list = query(&rndis, 0x00010101, &answer, &n, &status);

    for (unsigned i = 0; i < ARRAY_SIZE(queries); i++) {
        for (uint32_t at = 0; at < n; at += 4) {
            found += le32_load(list + at) == queries[i].oid;
        }
    }
    ck_assert_uint_eq(found, ARRAY_SIZE(queries));
    ck_assert_uint_eq(n / 4, ARRAY_SIZE(queries) + 1 + 5); /* itself, and what can only be set */
    ck_assert_ptr_null(query(&rndis, 0x0001011a, &answer, &n, &status));
    ck_assert_uint_eq(status, RNDIS_STATUS_NOT_SUPPORTED);
    ck_assert_uint_eq(answer.unknown, 0x0001011a);
    rndis.queues = 1; /* no RSS */
    ck_assert_ptr_null(query(&rndis, 0x00010203, &answer, &n, &status));
    unsigned changed;
    ck_assert_uint_eq(set(&rndis, 0x01010101, "abcdef", 6, &changed), RNDIS_STATUS_NOT_SUPPORTED);
}
END_TEST

/* What Linux wants of the offloads before it turns them on. [LINUX rndis_netdev_set_hwcaps] */
START_TEST(offload_capabilities_are_what_drivers_want)
{
    struct rndis rndis = fresh();
    uint8_t asked[156] = { 0xa7, 2, 156, 0 };
    struct message message = request(RNDIS_QUERY, 0xfc01020d, asked, sizeof(asked));
    struct rndis_answer answer = ask(&rndis, &message);
    const uint8_t *caps = answer.bytes + 24;

    ck_assert_uint_eq(le32_load(answer.bytes + 16), 156);
    ck_assert_mem_eq(caps, asked, 4);
    ck_assert_uint_eq(le32_load(caps + 8) & 0x14, 0x14);  /* TCP and its options over IPv4 */
    ck_assert_uint_eq(le32_load(caps + 8) & 0x40, 0x40);  /* UDP */
    ck_assert_uint_eq(le32_load(caps + 24) & 0x15, 0x15); /* IPv6 */
    ck_assert_uint_eq(le32_load(caps + 80), 2);           /* large sends, Ethernet */
    ck_assert_uint_ge(le32_load(caps + 84), 0x8000);
    ck_assert_uint_eq(le32_load(caps + 104), 5);
}
END_TEST

START_TEST(setting_offloads_takes_all_or_nothing)
{
    struct rndis rndis = fresh();
    uint8_t value[24] = { 0x80, 1, 24, 0, 1, 4, 2, 3, 0, 0, 0, 2, 1 };
    unsigned changed;

    ck_assert_uint_eq(set(&rndis, 0xfc01020c, value, sizeof(value), &changed), 0);
    ck_assert_uint_eq(changed, RNDIS_CHANGED_OFFLOAD);
    ck_assert(rndis.ip4 == 0 && rndis.tcp4 == (RNDIS_OFFLOAD_TX | RNDIS_OFFLOAD_RX));
    ck_assert(rndis.udp4 == RNDIS_OFFLOAD_TX && rndis.tcp6 == RNDIS_OFFLOAD_RX && rndis.lso4);
    value[5] = 0;  /* no change */
    value[12] = 3; /* no such value */
    value[11] = 1;
    ck_assert_uint_eq(set(&rndis, 0xfc01020c, value, sizeof(value), &changed),
                      RNDIS_STATUS_INVALID_DATA);
    ck_assert(rndis.lso4 && changed == 0);
    ck_assert_uint_eq(set(&rndis, 0xfc01020c, value, 19, &changed), RNDIS_STATUS_INVALID_LENGTH);
}
END_TEST

START_TEST(filters_and_groups_are_set)
{
    struct rndis rndis = fresh();
    uint8_t groups[65 * 6] = { 1, 0, 0x5e, 0, 0, 1, 1, 0, 0x5e, 0, 0, 2 };
    unsigned changed;

    ck_assert_uint_eq(set(&rndis, 0x0001010e, "\x0d\0\0\0", 4, &changed), 0);
    ck_assert_uint_eq(rndis.filter, 0xd);
    ck_assert_uint_eq(changed, RNDIS_CHANGED_FILTER);
    ck_assert_uint_eq(set(&rndis, 0x0001010e, "\x0d\0", 3, &changed), RNDIS_STATUS_INVALID_LENGTH);
    ck_assert_uint_eq(set(&rndis, 0x01010103, groups, 12, &changed), 0);
    ck_assert_uint_eq(rndis.n_groups, 2);
    ck_assert_uint_eq(set(&rndis, 0x01010103, groups, 13, &changed), RNDIS_STATUS_INVALID_LENGTH);
    ck_assert_uint_eq(set(&rndis, 0x01010103, groups, 390, &changed), RNDIS_STATUS_FAILURE);
    ck_assert_uint_eq(rndis.n_groups, 2);
    ck_assert_uint_eq(set(&rndis, 0x0001010f, "\x00\x01\0\0", 4, &changed), 0);
    ck_assert_uint_eq(rndis.lookahead, 256);
    ck_assert_uint_eq(set(&rndis, 0x00010112, "\1\0\0\0", 4, &changed), 0);
    ck_assert_uint_eq(set(&rndis, 0x0101010a, "\1\0\0\0", 4, &changed), 0);
}
END_TEST

/* NDIS_RECEIVE_SCALE_PARAMETERS as Linux sends it: the table at 40, the key behind. */
static void rss_parameters(uint8_t value[40 + 64 + 40], uint32_t queues)
{
    memset(value, 0, 144);
    value[0] = 0x89;
    value[1] = 2;
    le16_store(value + 2, 40);
    le32_store(value + 8, 0x1 | 0x200 | 0x1000);
    le16_store(value + 12, 64);
    le32_store(value + 16, 40);
    le16_store(value + 20, 40);
    le32_store(value + 24, 104);
    for (unsigned i = 0; i < 16; i++) {
        le32_store(value + 40 + 4 * i, i % queues);
    }
    memset(value + 104, 0x5a, 40);
}

START_TEST(rss_parameters_are_checked)
{
    struct rndis rndis = fresh();
    uint8_t value[144];
    unsigned changed;

    rss_parameters(value, 4);
    ck_assert_uint_eq(set(&rndis, 0x00010204, value, sizeof(value), &changed), 0);
    ck_assert(rndis.rss.enabled && rndis.rss.n_entries == 16 && rndis.rss.entry[7] == 3);
    ck_assert_uint_eq(rndis.rss.hash_types, 0x1200);
    ck_assert_uint_eq(rndis.rss.key[39], 0x5a);
    rss_parameters(value, 5); /* a queue that is not there */
    ck_assert_uint_eq(set(&rndis, 0x00010204, value, sizeof(value), &changed),
                      RNDIS_STATUS_INVALID_DATA);
    ck_assert_uint_eq(rndis.rss.entry[7], 3);
    static const struct {
        unsigned at;
        uint32_t value;
    } bad[] = { { 0, 0x88 },        { 12, 60 }, { 12, 48 }, { 16, 100 },
                { 16, 0xffffffff }, { 20, 41 }, { 24, 105 } };
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        rss_parameters(value, 4);
        if (bad[i].at == 16 || bad[i].at == 24) {
            le32_store(value + bad[i].at, bad[i].value);
        } else {
            le16_store(value + bad[i].at, (uint16_t)bad[i].value);
        }
        ck_assert_msg(set(&rndis, 0x00010204, value, sizeof(value), &changed) != 0, "row %u", i);
    }
    rss_parameters(value, 4);
    le16_store(value + 4, 0x10); /* disable */
    ck_assert_uint_eq(set(&rndis, 0x00010204, value, sizeof(value), &changed), 0);
    ck_assert(!rndis.rss.enabled);
    rndis.queues = 1;
    ck_assert_uint_eq(set(&rndis, 0x00010204, value, sizeof(value), &changed),
                      RNDIS_STATUS_NOT_SUPPORTED);
}
END_TEST

/* OID_GEN_RNDIS_CONFIG_PARAMETER: NetworkAddress as Linux sends it. */
static uint32_t address_parameter(uint8_t value[96], const char *name, const char *mac)
{
    uint32_t name_bytes = 2 * (uint32_t)strlen(name), mac_bytes = 2 * (uint32_t)strlen(mac);

    memset(value, 0, 96);
    le32_store(value, 20);
    le32_store(value + 4, name_bytes);
    le32_store(value + 8, 2); /* a string */
    le32_store(value + 12, 20 + name_bytes);
    le32_store(value + 16, mac_bytes);
    for (uint32_t i = 0; i < name_bytes / 2; i++) {
        value[20 + 2 * i] = (uint8_t)name[i];
    }
    for (uint32_t i = 0; i < mac_bytes / 2; i++) {
        value[20 + name_bytes + 2 * i] = (uint8_t)mac[i];
    }
    return 20 + name_bytes + mac_bytes;
}

START_TEST(the_guest_may_change_its_address_unless_it_is_fixed)
{
    struct rndis rndis = fresh();
    uint8_t value[96];
    unsigned changed;
    uint32_t n = address_parameter(value, "NetworkAddress", "00155dAAbbcc");

    ck_assert_uint_eq(set(&rndis, 0x0001021b, value, n, &changed), 0);
    ck_assert_mem_eq(rndis.mac, "\x00\x15\x5d\xaa\xbb\xcc", 6);
    ck_assert_uint_eq(changed, RNDIS_CHANGED_MAC);
    rndis.mac_fixed = true;
    ck_assert_uint_eq(set(&rndis, 0x0001021b, value, n, &changed), RNDIS_STATUS_FAILURE);
    ck_assert_uint_eq(set(&rndis, 0x0001021b, value, n - 2, &changed), RNDIS_STATUS_INVALID_DATA);
    rndis.mac_fixed = false;
    n = address_parameter(value, "NetworkAddress", "01155daabbcc"); /* a group */
    ck_assert_uint_eq(set(&rndis, 0x0001021b, value, n, &changed), RNDIS_STATUS_INVALID_DATA);
    n = address_parameter(value, "NetworkAddress", "00155daabbcg");
    ck_assert_uint_eq(set(&rndis, 0x0001021b, value, n, &changed), RNDIS_STATUS_INVALID_DATA);
    n = address_parameter(value, "Speed", "1");
    ck_assert_uint_eq(set(&rndis, 0x0001021b, value, n, &changed), RNDIS_STATUS_NOT_SUPPORTED);
}
END_TEST

START_TEST(bad_lengths_are_refused)
{
    struct rndis rndis = fresh();
    struct message message = request(RNDIS_SET, 0x0001010e, "\x0d\0\0\0", 4);
    struct rndis_answer answer;

    for (uint32_t n = 0; n < message.n; n++) { /* cut anywhere: no answer */
        rndis_control(&rndis, message.bytes, n, &answer);
        ck_assert_uint_eq(answer.n, 0);
    }
    le32_store(message.bytes + 20, 21); /* the value beyond the end */
    answer = ask(&rndis, &message);
    ck_assert_uint_eq(le32_load(answer.bytes + 12), RNDIS_STATUS_INVALID_DATA);
    le32_store(message.bytes + 20, 0xfffffff0);
    answer = ask(&rndis, &message);
    ck_assert_uint_eq(le32_load(answer.bytes + 12), RNDIS_STATUS_INVALID_DATA);
    ck_assert_uint_eq(rndis.filter, 0);
}
END_TEST

/* ---- data ---- */

/* A packet as Linux builds it: PPIs in a row, then the frame. */
static uint32_t data_packet(uint8_t *bytes, const uint32_t (*ppi)[2], unsigned n, uint32_t frame)
{
    uint32_t at = 44;

    memset(bytes, 0, 44);
    for (unsigned i = 0; i < n; i++, at += 16) {
        le32_store(bytes + at, 16);
        le32_store(bytes + at + 4, ppi[i][0]);
        le32_store(bytes + at + 8, 12);
        le32_store(bytes + at + 12, ppi[i][1]);
    }
    le32_store(bytes, RNDIS_PACKET);
    le32_store(bytes + 4, at + frame);
    le32_store(bytes + 8, at - 8);
    le32_store(bytes + 12, frame);
    le32_store(bytes + 28, n != 0 ? 36 : 0);
    le32_store(bytes + 32, 16 * n);
    return at + frame;
}

START_TEST(what_precedes_a_frame_is_read)
{
    uint8_t bytes[512];
    struct rndis_packet packet;
    const uint32_t ppi[][2] = { { 6, 3 | 1 << 3 | 0x123 << 4 },
                                { 0, 1 | 1 << 2 | 34 << 16 },
                                { 2, 1448 | 34 << 20 | 1u << 30 },
                                { 9, 0x12345678 },
                                { 0x80000001, 5 } };
    uint32_t n = data_packet(bytes, ppi, 5, 100);

    ck_assert(rndis_packet_parse(&packet, bytes, n, n));
    ck_assert_uint_eq(packet.message, n);
    ck_assert_uint_eq(packet.data, 44 + 80);
    ck_assert_uint_eq(packet.length, 100);
    ck_assert(packet.tagged && packet.tag == (3 << 13 | 1 << 12 | 0x123));
    ck_assert_uint_eq(packet.fill, NET_FILL_TCP);
    ck_assert_uint_eq(packet.mss, 1448);
    ck_assert(!rndis_packet_parse(&packet, bytes, n, n - 1)); /* longer than what is there */
    /* Cut, or with a broken word: refused or read inside. */
    for (uint32_t cut = 0; cut < 44 + 80; cut++) {
        if (rndis_packet_parse(&packet, bytes, cut, n)) {
            ck_assert_uint_ge(cut, 44 + 80);
        }
    }
    static const struct {
        unsigned at;
        uint32_t value;
    } bad[] = { { 0, 2 },    { 4, 43 },  { 8, 0xfffffff0 },  { 12, 101 }, { 28, 0xffffff00 },
                { 32, 500 }, { 44, 11 }, { 44, 0xffffffff }, { 52, 17 } };
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        n = data_packet(bytes, ppi, 5, 100);
        le32_store(bytes + bad[i].at, bad[i].value);
        ck_assert_msg(!rndis_packet_parse(&packet, bytes, n, n), "row %u", i);
    }
}
END_TEST

static struct net_frame *udp_frame(void)
{
    struct net_frame *frame = net_frame_new(60);
    uint8_t *p = frame->bytes;

    memset(p, 0, 60);
    frame->length = 60;
    net_be16_store(p + 12, NET_TYPE_IPV4);
    p[14] = 0x45;
    net_be16_store(p + 16, 46);
    p[23] = NET_PROTOCOL_UDP;
    p[26] = 10;
    net_be16_store(p + 38, 26);
    ck_assert(net_offload_fill(frame, NET_FILL_IPV4 | NET_FILL_UDP));
    return frame;
}

START_TEST(what_the_guest_gets_parses_as_a_packet)
{
    struct rndis rndis = fresh();
    struct net_frame *frame = udp_frame();
    uint8_t bytes[RNDIS_OVERHEAD + 60];
    struct rndis_packet packet;
    uint32_t hash = 0xabcdef01;

    uint32_t n = rndis_packet_build(&rndis, frame, NULL, bytes); /* nothing was turned on */
    ck_assert_uint_eq(n, 44);
    ck_assert_uint_eq(le32_load(bytes + 8), 36);
    rndis.ip4 = rndis.udp4 = RNDIS_OFFLOAD_RX;
    frame->tagged = true;
    frame->tag = 5 << 13 | 77;
    n = rndis_packet_build(&rndis, frame, &hash, bytes);
    ck_assert_uint_eq(n, RNDIS_OVERHEAD);
    memcpy(bytes + n, frame->bytes, 60);
    ck_assert(rndis_packet_parse(&packet, bytes, n + 60, n + 60));
    ck_assert_uint_eq(packet.data, n);
    ck_assert(packet.tagged && packet.tag == frame->tag);
    ck_assert_uint_eq(le32_load(bytes + 44 + 4), 0);
    ck_assert_uint_eq(le32_load(bytes + 44 + 12), 1 << 4 | 1 << 5); /* UDP and IP are right */
    ck_assert_uint_eq(le32_load(bytes + 76 + 4), 8);                /* [LINUX NBL_HASH_VALUE] */
    ck_assert_uint_eq(le32_load(bytes + 76 + 12), hash);
    frame->bytes[59] ^= 1;
    (void)rndis_packet_build(&rndis, frame, &hash, bytes);
    ck_assert_uint_eq(le32_load(bytes + 44 + 12), 1 << 1 | 1 << 5); /* UDP is wrong */
    net_frame_free(frame);
}
END_TEST

START_TEST(link_changes_are_indicated)
{
    uint8_t bytes[RNDIS_CONTROL_MAX];

    ck_assert_uint_eq(rndis_indicate_link(true, bytes), 20);
    ck_assert_uint_eq(le32_load(bytes), 7);
    ck_assert_uint_eq(le32_load(bytes + 4), 20);
    ck_assert_uint_eq(le32_load(bytes + 8), 0x4001000b);
    (void)rndis_indicate_link(false, bytes);
    ck_assert_uint_eq(le32_load(bytes + 8), 0x4001000c);
}
END_TEST

static Suite *suite_rndis(void)
{
    Suite *suite = suite_create("devices/synthetic/rndis");
    TCase *tcase = tcase_create("rndis");

    tcase_add_test(tcase, initialize_tells_the_limits);
    tcase_add_test(tcase, other_messages_are_answered_in_their_form);
    tcase_add_loop_test(tcase, each_object_has_its_value, 0, ARRAY_SIZE(queries));
    tcase_add_test(tcase, the_list_of_objects_holds_every_row_and_others_are_refused);
    tcase_add_test(tcase, offload_capabilities_are_what_drivers_want);
    tcase_add_test(tcase, setting_offloads_takes_all_or_nothing);
    tcase_add_test(tcase, filters_and_groups_are_set);
    tcase_add_test(tcase, rss_parameters_are_checked);
    tcase_add_test(tcase, the_guest_may_change_its_address_unless_it_is_fixed);
    tcase_add_test(tcase, bad_lengths_are_refused);
    tcase_add_test(tcase, what_precedes_a_frame_is_read);
    tcase_add_test(tcase, what_the_guest_gets_parses_as_a_packet);
    tcase_add_test(tcase, link_changes_are_indicated);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_rndis())
