/* Checksums and segmentation against sums added up the plain way. [RFC 1071, 791, 9293, 3168] */
#include "devices/net/offload.h"

#include <stdlib.h>
#include <string.h>

#include "tests/check/check_main.h"

/* RFC 1071 4.1, as it stands there. */
static uint16_t plain_sum(const uint8_t *bytes, size_t n, uint32_t sum)
{
    for (size_t i = 0; i + 1 < n; i += 2) {
        sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
    }
    if (n % 2 != 0) {
        sum += (uint32_t)(bytes[n - 1] << 8);
    }
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)sum;
}

START_TEST(the_sum_is_the_plain_one)
{
    uint8_t bytes[257];
    const uint8_t rfc1071[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 }; /* section 3 */

    ck_assert_uint_eq(net_checksum_add(rfc1071, sizeof(rfc1071), 0), 0xddf2);
    srand(7);
    for (unsigned round = 0; round < 2000; round++) {
        size_t n = (size_t)rand() % sizeof(bytes);
        uint16_t before = (uint16_t)rand();
        for (size_t i = 0; i < n; i++) {
            bytes[i] = round % 3 == 0 ? 0xff : (uint8_t)rand();
        }
        uint16_t got = net_checksum_add(bytes, n, before), want = plain_sum(bytes, n, before);
        ck_assert_msg(got == want || (got % 0xffff == 0 && want % 0xffff == 0),
                      "n %zu: %04x, not %04x", n, got, want);
    }
}
END_TEST

/* A well-known header whose checksum is b861: 172.16... from 192.168.0.1 to 192.168.0.199, UDP. */
START_TEST(a_known_ipv4_header_gets_its_checksum)
{
    static const uint8_t header[] = { 0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
                                      0x00, 0x00, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7 };
    uint8_t bytes[NET_HEADER_BYTES + 0x73] = { [12] = 8 };

    memcpy(bytes + NET_HEADER_BYTES, header, sizeof(header));
    struct net_frame *frame = net_frame_of(bytes, sizeof(bytes));
    ck_assert(net_offload_fill(frame, NET_FILL_IPV4));
    ck_assert_uint_eq(net_be16(frame->bytes + NET_HEADER_BYTES + 10), 0xb861);
    net_frame_free(frame);
}
END_TEST

struct shape {
    unsigned version, options; /* bytes of IP options or extension header */
    uint8_t protocol;
    uint32_t tcp_options, payload;
};

static struct net_frame *make(const struct shape *shape)
{
    uint32_t ip = shape->version == 4 ? 20 + shape->options : 40 + shape->options;
    uint32_t l4 = shape->protocol == NET_PROTOCOL_TCP ? 20 + shape->tcp_options : 8;
    uint32_t n = NET_HEADER_BYTES + ip + l4 + shape->payload;
    struct net_frame *frame = net_frame_new(n);
    uint8_t *p = frame->bytes;

    frame->length = n;
    for (uint32_t i = 0; i < n; i++) {
        p[i] = (uint8_t)(i * 167 + (i >> 8) * 31);
    }
    p[0] = p[6] = 2;
    net_be16_store(p + 12, shape->version == 4 ? NET_TYPE_IPV4 : NET_TYPE_IPV6);
    uint8_t *h = p + NET_HEADER_BYTES;
    if (shape->version == 4) {
        h[0] = (uint8_t)(0x40 | ip / 4);
        net_be16_store(h + 2, n - NET_HEADER_BYTES);
        net_be16_store(h + 6, 0x4000);
        h[9] = shape->protocol;
    } else {
        h[0] = 0x60;
        net_be16_store(h + 4, n - NET_HEADER_BYTES - 40);
        h[6] = shape->options != 0 ? 60 : shape->protocol; /* destination options */
        if (shape->options != 0) {
            h[40] = shape->protocol;
            h[41] = (uint8_t)(shape->options / 8 - 1);
        }
    }
    uint8_t *t = h + ip;
    if (shape->protocol == NET_PROTOCOL_TCP) {
        t[12] = (uint8_t)(l4 / 4 << 4);
        t[13] = 0x80 | 0x10 | 0x08 | 0x01; /* CWR ACK PSH FIN */
    } else {
        net_be16_store(t + 4, l4 + shape->payload);
    }
    return frame;
}

/* The sum over pseudo-header and segment, by the plain way: ffff when the checksum is right. */
static uint16_t plain_l4(const struct net_frame *frame, const struct shape *shape)
{
    uint32_t ip = shape->version == 4 ? 20 + shape->options : 40 + shape->options;
    const uint8_t *h = frame->bytes + NET_HEADER_BYTES;
    uint32_t n = frame->length - NET_HEADER_BYTES - ip;
    uint32_t sum = shape->version == 4 ? plain_sum(h + 12, 8, 0) : plain_sum(h + 8, 32, 0);

    return plain_sum(h + ip, n, sum + (n >> 16) + (n & 0xffff) + shape->protocol);
}

static const struct shape shapes[] = {
    { 4, 0, NET_PROTOCOL_TCP, 0, 0 },     { 4, 0, NET_PROTOCOL_TCP, 12, 1 },
    { 4, 8, NET_PROTOCOL_TCP, 0, 1460 },  { 4, 0, NET_PROTOCOL_TCP, 12, 1447 },
    { 4, 0, NET_PROTOCOL_UDP, 0, 0 },     { 4, 40, NET_PROTOCOL_UDP, 0, 33 },
    { 6, 0, NET_PROTOCOL_TCP, 0, 100 },   { 6, 16, NET_PROTOCOL_TCP, 20, 101 },
    { 6, 0, NET_PROTOCOL_UDP, 0, 1200 },  { 6, 8, NET_PROTOCOL_UDP, 0, 7 },
    { 4, 0, NET_PROTOCOL_TCP, 0, 40000 }, { 6, 0, NET_PROTOCOL_TCP, 12, 40001 },
};

START_TEST(checksums_are_filled_in_and_judged)
{
    const struct shape *shape = &shapes[_i];
    struct net_frame *frame = make(shape);
    unsigned l4 = shape->protocol == NET_PROTOCOL_TCP ? NET_FILL_TCP : NET_FILL_UDP;

    struct net_checksums before = net_offload_verify(frame);
    ck_assert(!before.l4_good && !before.ip_good);
    ck_assert(net_offload_fill(frame, l4 | (shape->version == 4 ? NET_FILL_IPV4 : 0)));
    ck_assert_uint_eq(plain_l4(frame, shape), 0xffff);
    if (shape->version == 4) {
        ck_assert_uint_eq(plain_sum(frame->bytes + NET_HEADER_BYTES, 20 + shape->options, 0),
                          0xffff);
    }
    struct net_checksums after = net_offload_verify(frame);
    ck_assert(after.l4_good && !after.l4_bad && after.protocol == shape->protocol);
    ck_assert_int_eq(after.ip_good, shape->version == 4);
    frame->bytes[frame->length - 1] ^= 1;
    after = net_offload_verify(frame);
    ck_assert(after.l4_bad && !after.l4_good);
    /* The other protocol, the other version: refused. */
    ck_assert(!net_offload_fill(frame, l4 == NET_FILL_TCP ? NET_FILL_UDP : NET_FILL_TCP));
    ck_assert_int_eq(net_offload_fill(frame, NET_FILL_IPV4), shape->version == 4);
    net_frame_free(frame);
}
END_TEST

static const struct cut {
    struct shape shape;
    uint16_t mss;
    unsigned frames;
} cuts[] = {
    { { 4, 0, NET_PROTOCOL_TCP, 12, 1448 }, 1448, 1 },
    { { 4, 0, NET_PROTOCOL_TCP, 12, 1449 }, 1448, 2 },
    { { 4, 4, NET_PROTOCOL_TCP, 0, 62000 }, 1460, 43 },
    { { 6, 0, NET_PROTOCOL_TCP, 12, 30000 }, 1428, 22 },
    { { 6, 8, NET_PROTOCOL_TCP, 0, 3000 }, 1000, 3 },
    { { 4, 0, NET_PROTOCOL_TCP, 0, 0 }, 1460, 1 },
    { { 4, 0, NET_PROTOCOL_TCP, 0, 5 }, 1, 5 },
};

static void check_part(const struct cut *cut, const struct net_frame *whole,
                       const struct net_frame *part, unsigned number, uint32_t at)
{
    uint32_t ip = cut->shape.version == 4 ? 20 + cut->shape.options : 40 + cut->shape.options;
    uint32_t headers = NET_HEADER_BYTES + ip + 20 + cut->shape.tcp_options;
    const uint8_t *h = part->bytes + NET_HEADER_BYTES, *t = h + ip;
    const uint8_t *whole_h = whole->bytes + NET_HEADER_BYTES, *whole_t = whole_h + ip;
    uint32_t n = part->length - headers;
    bool last = at + n == cut->shape.payload;

    ck_assert_uint_eq(plain_l4(part, &cut->shape), 0xffff);
    if (cut->shape.version == 4) {
        ck_assert_uint_eq(plain_sum(h, ip, 0), 0xffff);
        ck_assert_uint_eq(net_be16(h + 2), part->length - NET_HEADER_BYTES);
        ck_assert_uint_eq(net_be16(h + 4), (net_be16(whole_h + 4) + number) & 0xffff);
    } else {
        ck_assert_uint_eq(net_be16(h + 4), part->length - NET_HEADER_BYTES - 40);
    }
    ck_assert_uint_eq(net_be32(t + 4), net_be32(whole_t + 4) + at);
    ck_assert_uint_eq(net_be32(t + 8), net_be32(whole_t + 8)); /* acknowledgement */
    ck_assert_uint_eq(t[13] & 0x80, number == 0 ? 0x80 : 0);
    ck_assert_uint_eq(t[13] & 0x09, last ? 0x09 : 0);
    ck_assert_uint_eq(t[13] & 0x10, 0x10);
    ck_assert(n <= cut->mss && (last || n == cut->mss));
    ck_assert_mem_eq(part->bytes + headers, whole->bytes + headers + at, n);
    ck_assert(part->tagged && part->tag == 7 && part->mss == 0);
}

START_TEST(a_large_frame_is_cut)
{
    const struct cut *cut = &cuts[_i];
    struct net_frame *frame = make(&cut->shape), *whole = net_frame_copy(frame);
    uint32_t headers = frame->length - cut->shape.payload, at = 0;
    unsigned number = 0;

    frame->mss = cut->mss;
    frame->tagged = true;
    frame->tag = 7;
    if (cut->shape.version == 4 && _i % 2 == 0) {
        net_be16_store(frame->bytes + NET_HEADER_BYTES + 2, 0); /* as large sends leave it */
    }
    struct net_frame *list = net_offload_segment(frame);
    for (struct net_frame *part = list; part != NULL; part = part->next, number++) {
        check_part(cut, whole, part, number, at);
        at += part->length - headers;
    }
    ck_assert_uint_eq(number, cut->frames);
    ck_assert_uint_eq(at, cut->shape.payload);
    net_frame_free_list(list);
    net_frame_free(whole);
}
END_TEST

START_TEST(odd_frames_have_no_layout)
{
    const struct shape tcp4 = { 4, 0, NET_PROTOCOL_TCP, 0, 50 };
    struct net_frame *frame = make(&tcp4);
    uint8_t *h = frame->bytes + NET_HEADER_BYTES;

    ck_assert_uint_eq(net_layout_of(frame->bytes, frame->length).protocol, NET_PROTOCOL_TCP);
    /* Cut anywhere, nothing points outside. */
    for (uint32_t n = 0; n < frame->length; n++) {
        struct net_layout layout = net_layout_of(frame->bytes, n);
        ck_assert(layout.ip_version == 0 || (layout.l4 <= layout.end && layout.end <= n));
        ck_assert_uint_eq(layout.protocol, 0);
    }
    net_be16_store(h + 6, 0x2000); /* more fragments */
    ck_assert(net_layout_of(frame->bytes, frame->length).fragment);
    ck_assert(!net_offload_fill(frame, NET_FILL_TCP));
    frame->mss = 10;
    ck_assert_ptr_null(net_offload_segment(frame));
}
END_TEST

START_TEST(a_tag_is_taken_out_and_put_beside)
{
    uint8_t bytes[64] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0x60, 5, 8, 6, 0xaa };
    struct net_frame *frame = net_frame_of(bytes, sizeof(bytes));

    ck_assert(frame->tagged && frame->tag == 0x6005 && frame->length == 60);
    ck_assert_uint_eq(net_be16(frame->bytes + 12), 0x0806);
    ck_assert_uint_eq(frame->bytes[14], 0xaa);
    net_frame_free(frame);
    ck_assert_ptr_null(net_frame_of(bytes, 13));
}
END_TEST

static Suite *suite_offload(void)
{
    Suite *suite = suite_create("devices/net/offload");
    TCase *tcase = tcase_create("offload");

    tcase_add_test(tcase, the_sum_is_the_plain_one);
    tcase_add_test(tcase, a_known_ipv4_header_gets_its_checksum);
    tcase_add_loop_test(tcase, checksums_are_filled_in_and_judged, 0, ARRAY_SIZE(shapes));
    tcase_add_loop_test(tcase, a_large_frame_is_cut, 0, ARRAY_SIZE(cuts));
    tcase_add_test(tcase, odd_frames_have_no_layout);
    tcase_add_test(tcase, a_tag_is_taken_out_and_put_beside);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_offload())
