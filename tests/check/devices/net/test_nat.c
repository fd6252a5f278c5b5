/* The user NAT: settings, ARP, DHCP, the gateway's ping, a forwarded port, restrict. [RFC 826, 2131, 792] */
#include "devices/net/nat.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/host/time.h"
#include "devices/net/offload.h"
#include "devices/net/uplink.h"
#include "tests/check/check_main.h"

static const struct {
    const char *text;
    bool good, udp;
    unsigned host_last, host_port, guest_last, guest_port;
} forwards[] = {
    { "tcp:127.0.0.1:2222-:22", true, false, 1, 2222, 0, 22 },
    { "tcp::2222-:22", true, false, 1, 2222, 0, 22 },
    { "udp:0.0.0.0:53-10.0.2.16:5353", true, true, 0, 53, 16, 5353 },
    { "tcp:127.0.0.1:0-:22", false, false, 0, 0, 0, 0 },
    { "tcp:127.0.0.1:65536-:22", false, false, 0, 0, 0, 0 },
    { "tcp:127.0.0.256:1-:22", false, false, 0, 0, 0, 0 },
    { "tcp:127.0.0.1:1", false, false, 0, 0, 0, 0 },
    { "tcp:127.0.0.1:1-22", false, false, 0, 0, 0, 0 },
    { "tcp:127.0.0.1:1-:22x", false, false, 0, 0, 0, 0 },
    { "sctp:127.0.0.1:1-:22", false, false, 0, 0, 0, 0 },
    { "tcp", false, false, 0, 0, 0, 0 },
    { "", false, false, 0, 0, 0, 0 },
};

START_TEST(forwards_are_read_or_refused)
{
    struct net_nat_forward forward;
    struct error error = { "" };
    int status = net_nat_parse_forward(&forward, forwards[_i].text, &error);

    ck_assert_msg((status == 0) == forwards[_i].good, "%s: %s", forwards[_i].text, error.text);
    if (status == 0) {
        ck_assert_int_eq(forward.udp, forwards[_i].udp);
        ck_assert_uint_eq(forward.host[3], forwards[_i].host_last);
        ck_assert_uint_eq(forward.host_port, forwards[_i].host_port);
        ck_assert_uint_eq(forward.guest[3], forwards[_i].guest_last);
        ck_assert_uint_eq(forward.guest_port, forwards[_i].guest_port);
    }
}
END_TEST

START_TEST(keys_are_known)
{
    struct net_nat_config config = { 0 };
    struct error error = { "" };

    ck_assert_int_eq(net_nat_parse_key(&config, "restrict", "on", &error), 0);
    ck_assert(config.restricted);
    ck_assert_int_eq(net_nat_parse_key(&config, "restrict", "yes", &error), -EINVAL);
    ck_assert_int_eq(net_nat_parse_key(&config, "hostfwd", "tcp::1-:2", &error), 0);
    ck_assert_uint_eq(config.n_forwards, 1);
    ck_assert_int_eq(net_nat_parse_key(&config, "smb", "x", &error), -ENOENT);
}
END_TEST

/* ---- with libslirp ---- */

enum { PATIENCE_MS = 30000 }; /* a busy host */

/* A guest that is a port of a switch with an uplink. */
struct guest {
    struct clock clock;
    struct net_switch net;
    struct net_uplink uplink;
    struct net_port port;
    struct net_frame *got;
    uint8_t posted[2048]; /* with a virtual clock: what would enter at an instant */
    uint32_t n_posted;
};

static bool receive(void *opaque, struct net_frame *frame)
{
    struct guest *guest = opaque;

    net_frame_free(guest->got);
    guest->got = frame;
    return true;
}

static bool post(void *opaque, const uint8_t *bytes, uint32_t n)
{
    struct guest *guest = opaque;

    ck_assert_uint_le(n, sizeof(guest->posted));
    memcpy(guest->posted, bytes, n);
    guest->n_posted = n;
    return true;
}

static const struct net_port_ops ops = { .receive = receive };
static const struct net_uplink_ops uplink_ops = { .post = post };
static const uint8_t mac[NET_MAC_BYTES] = { 0x00, 0x15, 0x5d, 0, 0, 1 };
static const uint8_t gateway_mac[NET_MAC_BYTES] = { 0x52, 0x55, 10, 0, 2, 2 };
static const uint8_t guest_ip[4] = { 10, 0, 2, 15 }, gateway_ip[4] = { 10, 0, 2, 2 };

/* live: the library runs, else it waits for net_uplink_resume. False: the NAT is not built, which is said; the test is over. */
static bool start(struct guest *guest, enum clock_mode mode, struct net_nat_config *config,
                  bool live)
{
    struct error error = { "" };
    bool is_virtual = mode == CLOCK_MODE_VIRTUAL;

    memset(guest, 0, sizeof(*guest));
    clock_init(&guest->clock, mode);
    config->clock = is_virtual ? &guest->clock : NULL;
    net_switch_init(&guest->net, "nat", NET_SWITCH_EXTERNAL, &guest->clock);
    int status = net_uplink_init(&guest->uplink, &guest->net, config, live,
                                 is_virtual ? &uplink_ops : NULL, guest, &error);
    if (!net_nat_built()) {
        ck_assert_int_eq(status, live ? -ENOTSUP : 0);
        ck_assert(!live || strstr(error.text, "libslirp") != NULL);
        return false;
    }
    ck_assert_msg(status == 0, "%s", error.text);
    guest->port = (struct net_port){ .name = "guest",
                                     .ops = &ops,
                                     .opaque = guest,
                                     .filter = NET_FILTER_DIRECTED | NET_FILTER_BROADCAST };
    memcpy(guest->port.mac, mac, sizeof(mac));
    ck_assert_int_eq(net_switch_plug(&guest->net, &guest->port, &error), 0);
    return true;
}

static void stop(struct guest *guest)
{
    net_uplink_fini(&guest->uplink);
    net_switch_unplug(&guest->port);
    net_switch_fini(&guest->net);
    clock_fini(&guest->clock);
    net_frame_free(guest->got);
}

/* The next frame that reaches the guest within a time, or NULL; the guest's to free. */
static struct net_frame *wait_frame(struct guest *guest, unsigned ms)
{
    uint64_t until = host_monotonic_ns() + ms * UINT64_C(1000000);

    while (guest->got == NULL && host_monotonic_ns() < until) {
        clock_run(&guest->clock);
        usleep(500);
    }
    struct net_frame *frame = guest->got;
    guest->got = NULL;
    return frame;
}

static struct net_frame *answer_to(struct guest *guest, struct net_frame *frame, unsigned ms)
{
    net_switch_send(&guest->port, frame);
    return wait_frame(guest, ms);
}

static struct net_frame *arp_request(uint8_t last)
{
    uint8_t bytes[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    static const uint8_t fixed[] = { 8, 6, 0, 1, 8, 0, 6, 4, 0, 1 };

    memcpy(bytes + 6, mac, 6);
    memcpy(bytes + 12, fixed, sizeof(fixed));
    memcpy(bytes + 22, mac, 6);
    memcpy(bytes + 28, (const uint8_t[]){ 10, 0, 2, 15 }, 4);
    memcpy(bytes + 38, (const uint8_t[]){ 10, 0, 2, last }, 4);
    return net_frame_of(bytes, sizeof(bytes));
}

static struct net_frame *udp_frame(const uint8_t to[6], const uint8_t source[4],
                                   const uint8_t target[4], uint16_t from_port, uint16_t to_port,
                                   const uint8_t *payload, uint32_t n)
{
    struct net_frame *frame = net_frame_new(42 + n);
    uint8_t *p = frame->bytes;

    frame->length = 42 + n;
    memset(p, 0, 42);
    memcpy(p, to, 6);
    memcpy(p + 6, mac, 6);
    net_be16_store(p + 12, NET_TYPE_IPV4);
    p[14] = 0x45;
    net_be16_store(p + 16, 28 + n);
    p[22] = 64;
    p[23] = NET_PROTOCOL_UDP;
    memcpy(p + 26, source, 4);
    memcpy(p + 30, target, 4);
    net_be16_store(p + 34, from_port);
    net_be16_store(p + 36, to_port);
    net_be16_store(p + 38, 8 + n);
    memcpy(p + 42, payload, n);
    ck_assert(net_offload_fill(frame, NET_FILL_IPV4 | NET_FILL_UDP));
    return frame;
}

static const uint8_t everyone[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static const uint8_t nobody[4] = { 0 }, all[4] = { 255, 255, 255, 255 };

/* Of an adapter of this last byte. */
static struct net_frame *dhcp_discover(uint8_t last)
{
    uint8_t dhcp[300] = { 1, 1, 6, 0, 0x12, 0x34, 0x56, 0x78 };
    static const uint8_t options[] = { 99, 130, 83, 99, 53, 1, 1, 255 };

    memcpy(dhcp + 28, mac, 6);
    dhcp[28 + 5] = last;
    memcpy(dhcp + 236, options, sizeof(options));
    struct net_frame *frame = udp_frame(everyone, nobody, all, 68, 67, dhcp, sizeof(dhcp));
    frame->bytes[11] = last;
    return frame;
}

/* The value of a DHCP option in a reply, or NULL. */
static const uint8_t *dhcp_option(const struct net_frame *frame, uint8_t code)
{
    for (uint32_t at = 42 + 240; at + 1 < frame->length && frame->bytes[at] != 255;
         at += 2u + frame->bytes[at + 1]) {
        if (frame->bytes[at] == code) {
            return frame->bytes + at + 2;
        }
    }
    return NULL;
}

START_TEST(the_gateway_answers_arp_dhcp_and_ping)
{
    struct net_nat_config config = { 0 };
    struct guest guest;

    if (!start(&guest, CLOCK_MODE_REALTIME, &config, true)) {
        return;
    }
    struct net_frame *frame = answer_to(&guest, arp_request(2), PATIENCE_MS);
    ck_assert_ptr_nonnull(frame);
    ck_assert_uint_eq(net_be16(frame->bytes + 20), 2); /* a reply */
    ck_assert_mem_eq(frame->bytes + 28, ((const uint8_t[]){ 10, 0, 2, 2 }), 4);
    net_frame_free(frame);

    frame = answer_to(&guest, dhcp_discover(1), PATIENCE_MS);
    ck_assert_ptr_nonnull(frame);
    struct net_checksums sums = net_offload_verify(frame);
    ck_assert(sums.ip_good);
    ck_assert_mem_eq(frame->bytes + 42 + 16, ((const uint8_t[]){ 10, 0, 2, 15 }), 4);
    ck_assert_mem_eq(dhcp_option(frame, 53), "\x02", 1); /* an offer */
    ck_assert_mem_eq(dhcp_option(frame, 3), ((const uint8_t[]){ 10, 0, 2, 2 }), 4);
    ck_assert_mem_eq(dhcp_option(frame, 6), ((const uint8_t[]){ 10, 0, 2, 3 }), 4);
    net_frame_free(frame);
    stop(&guest);
}
END_TEST

/* Addresses follow the order in which adapters were made, not that in which their guests ask. */
START_TEST(an_adapter_has_its_address_before_it_asks)
{
    static const uint8_t adapters[] = { 7, 8 };
    struct net_nat_config config = { 0 };
    struct guest guest;

    if (!start(&guest, CLOCK_MODE_VIRTUAL, &config, true)) {
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        net_uplink_reserve(&guest.uplink,
                           (const uint8_t[]){ mac[0], mac[1], mac[2], 0, 0, adapters[i] });
        ck_assert_uint_eq(guest.n_posted, 0); /* nobody hears of it */
    }
    for (unsigned i = 2; i-- > 0;) { /* the second asks first */
        guest.n_posted = 0;
        net_switch_send(&guest.port, dhcp_discover(adapters[i]));
        ck_assert_uint_gt(guest.n_posted, 42 + 240);
        ck_assert_mem_eq(guest.posted + 42 + 16, ((const uint8_t[]){ 10, 0, 2, (uint8_t)(15 + i) }),
                         4);
    }
    stop(&guest);
}
END_TEST

/* A socket of the host's loopback at a port that is free. */
static int loopback_socket(int type, struct sockaddr_in *address)
{
    socklen_t size = sizeof(*address);
    int fd = socket(AF_INET, type, 0);

    *address =
        (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    ck_assert_int_eq(bind(fd, (struct sockaddr *)address, size), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)address, &size), 0);
    return fd;
}

/* A datagram of the guest reaches a socket of the host's loopback through the gateway, and its answer comes back. */
START_TEST(the_gateway_is_the_hosts_loopback_unless_restricted)
{
    struct net_nat_config config = { .restricted = _i == 1 };
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    struct guest guest;
    uint8_t text[16];

    if (!start(&guest, CLOCK_MODE_REALTIME, &config, true)) {
        return;
    }
    int fd = loopback_socket(SOCK_DGRAM, &address);
    struct timeval limit = { .tv_sec = _i == 1 ? 0 : PATIENCE_MS / 1000, .tv_usec = 200000 };
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    net_frame_free(answer_to(&guest, arp_request(2), PATIENCE_MS));
    net_switch_send(&guest.port,
                    udp_frame(gateway_mac, guest_ip, gateway_ip, 4000, ntohs(address.sin_port),
                              (const uint8_t *)"question", 8));
    ssize_t n = recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&address, &size);
    if (_i == 1) {
        ck_assert_int_lt((int)n, 0); /* restricted: it never came */
    } else {
        ck_assert_int_eq((int)n, 8);
        ck_assert_mem_eq(text, "question", 8);
        ck_assert_int_eq((int)sendto(fd, "answer", 6, 0, (struct sockaddr *)&address, size), 6);
        struct net_frame *frame = wait_frame(&guest, PATIENCE_MS);
        ck_assert_ptr_nonnull(frame);
        ck_assert_uint_eq(frame->length, 48);
        ck_assert_mem_eq(frame->bytes + 42, "answer", 6);
        ck_assert_uint_eq(net_be16(frame->bytes + 36), 4000);
        ck_assert(net_nat_busy(guest.uplink.nat));
        net_frame_free(frame);
    }
    close(fd);
    stop(&guest);
}
END_TEST

/* A datagram of the host reaches the guest by a forwarded port, and the guest's answer the one who asked. */
START_TEST(a_datagram_comes_through_a_forwarded_port)
{
    struct net_nat_config config = { .n_forwards = 1 };
    struct sockaddr_in address, asker;
    struct timeval limit = { .tv_sec = PATIENCE_MS / 1000 };
    struct guest guest;
    uint8_t text[16];

    close(loopback_socket(SOCK_DGRAM, &address));
    config.forward[0] = (struct net_nat_forward){ .udp = true,
                                                  .host = { 127, 0, 0, 1 },
                                                  .host_port = ntohs(address.sin_port),
                                                  .guest_port = 53 };
    if (!start(&guest, CLOCK_MODE_REALTIME, &config, true)) {
        return;
    }
    net_frame_free(answer_to(&guest, arp_request(2), PATIENCE_MS)); /* it knows the guest */
    int fd = loopback_socket(SOCK_DGRAM, &asker);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    ck_assert_int_eq(
        (int)sendto(fd, "question", 8, 0, (struct sockaddr *)&address, sizeof(address)), 8);
    struct net_frame *frame = wait_frame(&guest, PATIENCE_MS);
    ck_assert_ptr_nonnull(frame);
    ck_assert_uint_eq(frame->length, 42 + 8);
    ck_assert_mem_eq(frame->bytes + 30, guest_ip, 4);
    ck_assert_uint_eq(net_be16(frame->bytes + 36), 53);
    ck_assert_mem_eq(frame->bytes + 42, "question", 8);
    net_switch_send(&guest.port,
                    udp_frame(gateway_mac, guest_ip, frame->bytes + 26, 53,
                              net_be16(frame->bytes + 34), (const uint8_t *)"answer", 6));
    ck_assert_int_eq((int)recv(fd, text, sizeof(text), 0), 6);
    ck_assert_mem_eq(text, "answer", 6);
    net_frame_free(frame);
    close(fd);
    stop(&guest);
}
END_TEST

START_TEST(a_taken_port_is_an_error_with_its_number)
{
    static const struct net_nat_ops none = { 0 };
    struct net_nat_config config = { .n_forwards = 1 };
    struct sockaddr_in address;
    struct error error = { "" };
    char number[16];

    if (!net_nat_built()) {
        return;
    }
    int fd = loopback_socket(SOCK_STREAM, &address);
    ck_assert_int_eq(listen(fd, 1), 0);
    config.forward[0] = (struct net_nat_forward){ .host = { 127, 0, 0, 1 },
                                                  .host_port = ntohs(address.sin_port),
                                                  .guest_port = 22 };
    ck_assert_ptr_null(net_nat_create(&config, &none, NULL, &error));
    snprintf(number, sizeof(number), "%u", ntohs(address.sin_port));
    ck_assert_msg(strstr(error.text, number) != NULL, "%s", error.text);
    close(fd);
}
END_TEST

/* With the virtual clock an answer is posted within the call that asked, and enters only by net_uplink_enter. */
START_TEST(a_synchronous_answer_is_posted_before_the_call_returns)
{
    struct net_nat_config config = { 0 };
    struct guest guest;

    if (!start(&guest, CLOCK_MODE_VIRTUAL, &config, true)) {
        return;
    }
    net_switch_send(&guest.port, arp_request(2));
    ck_assert_uint_ge(guest.n_posted, 42);
    clock_run(&guest.clock);
    ck_assert_ptr_null(guest.got);
    net_uplink_enter(&guest.uplink, guest.posted, guest.n_posted);
    ck_assert_ptr_nonnull(guest.got);
    stop(&guest);
}
END_TEST

/* Router advertisements come at guest instants, the same in every run, however long the host takes. */
START_TEST(virtual_time_advertises_the_router)
{
    struct net_nat_config config = { .ipv6 = true };
    struct guest guest;

    if (!start(&guest, CLOCK_MODE_VIRTUAL, &config, true)) {
        return;
    }
    for (unsigned round = 0; round < 3; round++) {
        uint64_t next = clock_next_ns(&guest.clock), now = clock_now_ns(&guest.clock);
        ck_assert_uint_eq(next, UINT64_C(400000000000) * (round + 1));
        guest.n_posted = 0;
        clock_advance(&guest.clock, next - now - 1);
        clock_run(&guest.clock);
        ck_assert_uint_eq(guest.n_posted, 0);
        clock_advance(&guest.clock, 1);
        clock_run(&guest.clock);
        ck_assert_uint_gt(guest.n_posted, 54);
        ck_assert_uint_eq(guest.posted[54], 134); /* [RFC 4861 4.2] */
        net_uplink_save(&guest.uplink);
        ck_assert_uint_eq(guest.uplink.memory.advertise_ns, clock_next_ns(&guest.clock));
    }
    stop(&guest);
}
END_TEST

enum { TCP_RST = 0x04, TCP_ACK = 0x10 };

/* A TCP segment of the guest: 10.0.2.15 port 4000 to 10.0.2.2 port 80. */
static struct net_frame *segment(uint32_t sequence, uint32_t acknowledged, uint8_t flags)
{
    uint8_t rest[12] = { 0 };
    struct net_frame *frame =
        udp_frame(gateway_mac, guest_ip, gateway_ip, 4000, 80, rest, sizeof(rest));
    uint8_t *tcp = frame->bytes + 34;
    frame->bytes[23] = NET_PROTOCOL_TCP;
    net_be32_store(tcp + 4, sequence);
    net_be32_store(tcp + 8, acknowledged);
    tcp[12] = 0x50;
    tcp[13] = flags;
    ck_assert(net_offload_fill(frame, NET_FILL_IPV4 | NET_FILL_TCP));
    return frame;
}

static void note(struct guest *guest, struct net_frame *frame)
{
    net_flows_note(&guest->uplink.flows, frame->bytes, frame->length);
    net_frame_free(frame);
}

/* A NAT that starts anew knows what the old one leased and whom it spoke with; it has no connection, and says so when the guest answers. */
START_TEST(a_nat_in_another_process_ends_connections)
{
    struct net_nat_config config = { 0 };
    struct error error = { "" };
    struct guest guest;

    if (!start(&guest, CLOCK_MODE_VIRTUAL, &config, false)) {
        return;
    }
    note(&guest, segment(1000, 2000, TCP_ACK));
    ck_assert_int_eq(net_uplink_resume(&guest.uplink, &config, &error), 0);
    ck_assert_uint_eq(guest.n_posted, 54);
    struct net_frame *probe = net_frame_of(guest.posted, guest.n_posted);
    struct net_checksums sums = net_offload_verify(probe);
    ck_assert(sums.ip_good && sums.l4_good);
    ck_assert_mem_eq(probe->bytes, mac, 6);
    ck_assert_uint_eq(net_be32(probe->bytes + 38), 1999);
    net_frame_free(probe);
    guest.n_posted = 0;
    net_nat_send(guest.uplink.nat, segment(1000, 2000, TCP_ACK)); /* the guest: where it is */
    ck_assert_uint_eq(guest.n_posted, 54); /* at once, not after an ARP question */
    ck_assert_uint_eq(net_be32(guest.posted + 38), 2000);
    ck_assert_uint_eq(guest.posted[47] & TCP_RST, TCP_RST);
    /* One that the guest reset itself is forgotten. */
    note(&guest, segment(1000, 2000, TCP_ACK));
    note(&guest, segment(1000, 2000, TCP_ACK | TCP_RST));
    uint8_t none[NET_FLOW_FRAME];
    for (unsigned i = 0; i < NET_FLOWS; i++) {
        ck_assert_uint_eq(net_flows_probe(&guest.uplink.flows, i, none), 0);
    }
    stop(&guest);
}
END_TEST

START_TEST(another_memory_is_refused)
{
    struct net_nat_config config = { 0 };
    struct net_nat_memory memory;
    struct guest guest;
    struct error error = { "" };

    if (!start(&guest, CLOCK_MODE_REALTIME, &config, true)) {
        return;
    }
    net_nat_save(guest.uplink.nat, &memory);
    ck_assert_uint_gt(memory.n, 0);
    ck_assert_int_eq(net_nat_restore(guest.uplink.nat, &memory, &error), 0);
    struct net_nat_memory bad = memory;
    bad.bytes[0] = 42; /* a connection follows */
    ck_assert_int_eq(net_nat_restore(guest.uplink.nat, &bad, &error), -EINVAL);
    bad = memory;
    bad.n--;
    ck_assert_int_eq(net_nat_restore(guest.uplink.nat, &bad, &error), -EINVAL);
    bad = memory;
    bad.version++;
    ck_assert_int_eq(net_nat_restore(guest.uplink.nat, &bad, &error), -EINVAL);
    stop(&guest);
}
END_TEST

static Suite *suite_nat(void)
{
    Suite *suite = suite_create("devices/net/nat");
    TCase *tcase = tcase_create("nat");

    tcase_add_loop_test(tcase, forwards_are_read_or_refused, 0, ARRAY_SIZE(forwards));
    tcase_add_test(tcase, keys_are_known);
    tcase_add_test(tcase, the_gateway_answers_arp_dhcp_and_ping);
    tcase_add_test(tcase, an_adapter_has_its_address_before_it_asks);
    tcase_add_loop_test(tcase, the_gateway_is_the_hosts_loopback_unless_restricted, 0, 2);
    tcase_add_test(tcase, a_datagram_comes_through_a_forwarded_port);
    tcase_add_test(tcase, a_taken_port_is_an_error_with_its_number);
    tcase_add_test(tcase, a_synchronous_answer_is_posted_before_the_call_returns);
    tcase_add_test(tcase, virtual_time_advertises_the_router);
    tcase_add_test(tcase, a_nat_in_another_process_ends_connections);
    tcase_add_test(tcase, another_memory_is_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_nat())
