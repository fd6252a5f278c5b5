/* The Toeplitz hash against the published vectors, and the table of queues. [NDIS "Verifying the RSS Hash Calculation"] */
#include "devices/net/rss.h"

#include <string.h>

#include "devices/net/offload.h"
#include "tests/check/check_main.h"

static const uint8_t key[NET_RSS_KEY_BYTES] = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
    0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
    0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

static const struct {
    uint8_t source[4], target[4];
    uint16_t source_port, target_port;
    uint32_t ip, tcp;
} rows[] = {
    { { 66, 9, 149, 187 }, { 161, 142, 100, 80 }, 2794, 1766, 0x323e8fc2, 0x51ccc178 },
    { { 199, 92, 111, 2 }, { 65, 69, 140, 83 }, 14230, 4739, 0xd718262a, 0xc626b0ea },
    { { 24, 19, 198, 95 }, { 12, 22, 207, 184 }, 12898, 38024, 0xd2d0a5de, 0x5c2b394a },
    { { 38, 27, 205, 30 }, { 209, 142, 163, 6 }, 48228, 2217, 0x82989176, 0xafc7327f },
    { { 153, 39, 163, 191 }, { 202, 188, 127, 2 }, 44251, 1303, 0x5d1809c5, 0x10e828a2 },
};

static struct net_frame *tcp4(unsigned row)
{
    struct net_frame *frame = net_frame_new(54);
    uint8_t *p = frame->bytes;

    memset(p, 0, 54);
    frame->length = 54;
    net_be16_store(p + 12, NET_TYPE_IPV4);
    p[14] = 0x45;
    net_be16_store(p + 16, 40);
    p[23] = NET_PROTOCOL_TCP;
    memcpy(p + 26, rows[row].source, 4);
    memcpy(p + 30, rows[row].target, 4);
    net_be16_store(p + 34, rows[row].source_port);
    net_be16_store(p + 36, rows[row].target_port);
    p[46] = 0x50;
    return frame;
}

START_TEST(the_hash_is_the_published_one)
{
    struct net_rss rss = { .enabled = true,
                           .hash_types = NET_RSS_HASH_IPV4 | NET_RSS_HASH_TCP_IPV4 };
    struct net_frame *frame = tcp4((unsigned)_i);
    uint32_t hash = 0;

    memcpy(rss.key, key, sizeof(key));
    ck_assert(net_rss_hash(&rss, frame, &hash));
    ck_assert_uint_eq(hash, rows[_i].tcp);
    rss.hash_types = NET_RSS_HASH_IPV4;
    ck_assert(net_rss_hash(&rss, frame, &hash));
    ck_assert_uint_eq(hash, rows[_i].ip);
    rss.hash_types = NET_RSS_HASH_TCP_IPV6;
    ck_assert(!net_rss_hash(&rss, frame, &hash));
    net_frame_free(frame);
}
END_TEST

START_TEST(the_hash_of_ipv6_is_the_published_one)
{
    static const uint8_t input[] = { 0x3f, 0xfe, 0x25,      0x01,        0x02,      0x00,
                                     0x1f, 0xff, 0,         0,           0,         0,
                                     0,    0,    0,         7,           0x3f,      0xfe,
                                     0x25, 0x01, 0x02,      0x00,        0x00,      0x03,
                                     0,    0,    0,         0,           0,         0,
                                     0,    1,    2794 >> 8, 2794 & 0xff, 1766 >> 8, 1766 & 0xff };

    ck_assert_uint_eq(net_rss_toeplitz(key, input, 32), 0x2cc18cd5);
    ck_assert_uint_eq(net_rss_toeplitz(key, input, 36), 0x40207d3d);
}
END_TEST

START_TEST(the_table_picks_a_queue_by_the_low_bits)
{
    struct net_rss rss = { .enabled = true, .n_entries = 4, .entry = { 3, 1, 0, 2 } };

    ck_assert_uint_eq(net_rss_queue(&rss, 0xfffffff0), 3);
    ck_assert_uint_eq(net_rss_queue(&rss, 0xfffffff5), 1);
    ck_assert_uint_eq(net_rss_queue(&rss, 7), 2);
    rss.enabled = false;
    ck_assert_uint_eq(net_rss_queue(&rss, 7), 0);
    rss.enabled = true;
    rss.n_entries = 0;
    ck_assert_uint_eq(net_rss_queue(&rss, 7), 0);
}
END_TEST

static Suite *suite_rss(void)
{
    Suite *suite = suite_create("devices/net/rss");
    TCase *tcase = tcase_create("rss");

    tcase_add_loop_test(tcase, the_hash_is_the_published_one, 0, ARRAY_SIZE(rows));
    tcase_add_test(tcase, the_hash_of_ipv6_is_the_published_one);
    tcase_add_test(tcase, the_table_picks_a_queue_by_the_low_bits);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_rss())
