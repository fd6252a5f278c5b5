/* User NAT by libslirp: its sockets' thread, what guests send, its life. [libslirp 4.7 libslirp.h] */
#include "devices/net/nat_slirp.h"

#include <errno.h>
#include <string.h>

#ifdef HAVE_SLIRP

#include <stdlib.h>

#include "base/host/socket.h"
#include "base/host/time.h"
#include "devices/net/offload.h"

enum {
    CONFIG_VERSION = 4,
    TO_NAT_BYTES_MAX = 8 << 20, /* what guests may send ahead of it */
    IP_BYTES = 20,
    UDP_BYTES = 8,
    BOOTP_BYTES = 300, /* the least [RFC 1542 2.1] */
    BOOTP_MAC_AT = 28,
    BOOTP_OPTIONS_AT = 236,
    BOOTP_SERVER = 67,
    BOOTP_CLIENT = 68,
    DISCOVER_BYTES = NET_HEADER_BYTES + IP_BYTES + UDP_BYTES + BOOTP_BYTES,
};

bool net_nat_built(void)
{
    return true;
}

/* ---- its thread ---- */

static void take_from_guests(struct net_nat *nat)
{
    struct net_frame *frame = net_queue_take(&nat->from_guests);

    while (frame != NULL) {
        struct net_frame *next = frame->next;
        slirp_input(nat->slirp, frame->bytes, (int)frame->length);
        net_frame_free(frame);
        frame = next;
    }
}

/* Clock thread: the virtual clock reached the first timer. */
static void due(void *opaque, uint64_t now_ns)
{
    struct net_nat *nat = opaque;

    host_mutex_lock(&nat->lock);
    nat->sent_ns = now_ns;
    nat_run_timers(nat);
    host_mutex_unlock(&nat->lock);
}

/* Is there anything that the host's descriptors or the passing of time could change? With a virtual clock only then the library is
 * called, for it also sends what guests made it hold back, and that belongs to an instant of theirs. */
static bool concerned(const struct net_nat *nat, bool ok)
{
    bool any = nat->clock == NULL || nat->n_polls > 1 + nat->n_listening;

    for (unsigned i = 1; ok && !any && i < nat->n_polls; i++) {
        any = nat->polls[i].got != 0;
    }
    return any;
}

static void serve(void *opaque)
{
    struct net_nat *nat = opaque;

    host_mutex_lock(&nat->lock);
    while (!__atomic_load_n(&nat->stop, __ATOMIC_ACQUIRE)) {
        take_from_guests(nat);
        uint32_t timeout_ms = nat_fill_polls(nat);
        __atomic_store_n(&nat->busy, nat->n_polls > 1 + nat->n_listening, __ATOMIC_RELEASE);
        nat->wait_until_ns = host_monotonic_ns() + (uint64_t)timeout_ms * NAT_NS_PER_MS;
        nat->refill = false;
        bool arrived = nat->arrived;
        nat->arrived = false;
        host_mutex_unlock(&nat->lock);

        if (arrived && nat->ops->after != NULL) {
            nat->ops->after(nat->opaque);
        }
        bool ok = host_poll_wait(nat->polls, nat->n_polls, timeout_ms);
        host_mutex_lock(&nat->lock);
        if (ok && nat->polls[0].got != 0) {
            host_wake_clear(nat->wake_fd);
        }
        if (!nat->refill && concerned(nat, ok)) {
            slirp_pollfds_poll(nat->slirp, !ok, nat_revents, nat);
        }
        if (nat->clock == NULL) {
            nat_run_timers(nat);
        }
    }
    host_mutex_unlock(&nat->lock);
}

/* ---- life ---- */

static struct in_addr ipv4(unsigned a, unsigned b, unsigned c, unsigned d)
{
    return (struct in_addr){ .s_addr = htonl(a << 24 | b << 16 | c << 8 | d) };
}

static SlirpConfig config_of(const struct net_nat_config *config)
{
    SlirpConfig slirp = {
        .version = CONFIG_VERSION,
        .restricted = config->restricted,
        .in_enabled = true,
        .vnetwork = ipv4(10, 0, 2, 0),
        .vnetmask = ipv4(255, 255, 255, 0),
        .vhost = ipv4(10, 0, 2, 2),
        .vdhcp_start = ipv4(10, 0, 2, 15),
        .vnameserver = ipv4(10, 0, 2, 3),
        .in6_enabled = config->ipv6,
        .vprefix_len = 64,
    };

    slirp.vprefix_addr6.s6_addr[0] = 0xfe;
    slirp.vprefix_addr6.s6_addr[1] = 0xc0;
    slirp.vhost6 = slirp.vprefix_addr6;
    slirp.vhost6.s6_addr[15] = 2;
    slirp.vnameserver6 = slirp.vprefix_addr6;
    slirp.vnameserver6.s6_addr[15] = 3;
    return slirp;
}

static int add_forward(struct net_nat *nat, const struct net_nat_forward *forward,
                       struct error *error)
{
    const uint8_t *h = forward->host, *g = forward->guest;
    struct in_addr guest = net_be32(g) == 0 ? ipv4(10, 0, 2, 15) : ipv4(g[0], g[1], g[2], g[3]);

    if (slirp_add_hostfwd(nat->slirp, forward->udp, ipv4(h[0], h[1], h[2], h[3]),
                          forward->host_port, guest, forward->guest_port) < 0) {
        return error_set(error, -EADDRINUSE, "hostfwd: cannot listen at %s port %u of %u.%u.%u.%u",
                         forward->udp ? "udp" : "tcp", forward->host_port, h[0], h[1], h[2], h[3]);
    }
    nat->n_listening++;
    return 0;
}

struct net_nat *net_nat_create(const struct net_nat_config *config, const struct net_nat_ops *ops,
                               void *opaque, struct error *error)
{
    const SlirpConfig slirp = config_of(config);
    struct net_nat *nat = calloc(1, sizeof(*nat));
    int status = 0;

    if (nat == NULL) {
        error_set(error, -ENOMEM, "no memory for the user network");
        return NULL;
    }
    nat->ops = ops;
    nat->opaque = opaque;
    nat->clock = config->clock;
    timer_init(&nat->due, nat->clock, due, nat);
    host_mutex_init(&nat->lock);
    net_queue_init(&nat->from_guests, TO_NAT_BYTES_MAX);
    nat->wake_fd = host_wake_open();
    nat->slirp = nat->wake_fd >= 0 ? slirp_new(&slirp, &nat_callbacks, nat) : NULL;
    if (nat->slirp == NULL) {
        status = error_set(error, -EMFILE, "the user network cannot start");
    }
    for (unsigned i = 0; status == 0 && i < config->n_forwards; i++) {
        status = add_forward(nat, &config->forward[i], error);
    }
    if (status == 0) {
        status = host_thread_start(&nat->thread, serve, nat, error);
    }
    if (status != 0) {
        net_nat_destroy(nat);
        return NULL;
    }
    return nat;
}

void net_nat_destroy(struct net_nat *nat)
{
    if (nat == NULL) {
        return;
    }
    __atomic_store_n(&nat->stop, true, __ATOMIC_RELEASE);
    if (nat->wake_fd >= 0) {
        host_wake_post(nat->wake_fd);
    }
    host_thread_join(&nat->thread);
    if (nat->slirp != NULL) {
        slirp_cleanup(nat->slirp);
    }
    if (nat->clock != NULL) {
        timer_cancel(&nat->due);
    }
    if (nat->wake_fd >= 0) {
        host_socket_close(nat->wake_fd);
    }
    net_queue_fini(&nat->from_guests);
    host_mutex_fini(&nat->lock);
    free(nat);
}

void net_nat_send(struct net_nat *nat, struct net_frame *frame)
{
    bool was_empty;

    if (nat->clock == NULL && host_mutex_try(&nat->lock)) {
        /* Its thread sleeps, and need not wake up for most of what guests send. */
        take_from_guests(nat);
        slirp_input(nat->slirp, frame->bytes, (int)frame->length);
        bool sleeps = nat_may_sleep(nat);
        nat->refill |= !sleeps;
        host_mutex_unlock(&nat->lock);
        net_frame_free(frame);
        if (!sleeps) {
            host_wake_post(nat->wake_fd);
        }
        return;
    }
    if (nat->clock == NULL) {
        if (net_queue_put(&nat->from_guests, frame, &was_empty) && was_empty) {
            host_wake_post(nat->wake_fd);
        }
        return;
    }
    host_mutex_lock(&nat->lock);
    nat->sent_ns = clock_now_ns(nat->clock);
    slirp_input(nat->slirp, frame->bytes, (int)frame->length);
    /* No look at sockets: only what it held back until it knew an address, and its time-outs. */
    slirp_pollfds_poll(nat->slirp, true, nat_revents, nat);
    host_mutex_unlock(&nat->lock);
    net_frame_free(frame);
    host_wake_post(nat->wake_fd); /* it may have opened a socket */
}

/* A DHCPDISCOVER of an adapter. [RFC 2131 table 5] */
static void discover_of(const uint8_t mac[NET_MAC_BYTES], uint8_t frame[DISCOVER_BYTES])
{
    static const uint8_t ip_head[] = { 0x45, 0, 0, 0, 0, 0, 0, 0, 64, NET_PROTOCOL_UDP };
    static const uint8_t bootp_head[] = { 1, 1, NET_MAC_BYTES }; /* a request, Ethernet */
    static const uint8_t options[] = { 99, 130, 83, 99, 53, 1, 1, 255 };
    uint8_t *ip = frame + NET_HEADER_BYTES, *udp = ip + IP_BYTES, *bootp = udp + UDP_BYTES;

    memset(frame, 0, DISCOVER_BYTES);
    memset(frame, 0xff, NET_MAC_BYTES);
    memcpy(frame + NET_MAC_BYTES, mac, NET_MAC_BYTES);
    net_be16_store(frame + 2 * NET_MAC_BYTES, NET_TYPE_IPV4);
    memcpy(ip, ip_head, sizeof(ip_head));
    net_be16_store(ip + 2, IP_BYTES + UDP_BYTES + BOOTP_BYTES);
    memset(ip + 16, 0xff, 4); /* from 0.0.0.0 to everyone */
    net_be16_store(ip + 10, (uint16_t)~net_checksum_add(ip, IP_BYTES, 0));
    net_be16_store(udp, BOOTP_CLIENT);
    net_be16_store(udp + 2, BOOTP_SERVER);
    net_be16_store(udp + 4, UDP_BYTES + BOOTP_BYTES);
    memcpy(bootp, bootp_head, sizeof(bootp_head));
    memcpy(bootp + BOOTP_MAC_AT, mac, NET_MAC_BYTES);
    memcpy(bootp + BOOTP_OPTIONS_AT, options, sizeof(options));
}

void net_nat_reserve(struct net_nat *nat, const uint8_t mac[NET_MAC_BYTES])
{
    uint8_t discover[DISCOVER_BYTES];

    discover_of(mac, discover);
    host_mutex_lock(&nat->lock);
    nat->quiet = true;
    slirp_input(nat->slirp, discover, sizeof(discover));
    nat->quiet = false;
    host_mutex_unlock(&nat->lock);
}

bool net_nat_busy(struct net_nat *nat)
{
    return __atomic_load_n(&nat->busy, __ATOMIC_ACQUIRE);
}

#endif
