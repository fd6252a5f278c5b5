/* User NAT by libslirp: its sockets, its timers, its thread. [libslirp 4.7 libslirp.h] */
#include "devices/net/nat.h"

#include <errno.h>
#include <string.h>

#ifdef HAVE_SLIRP

#include <libslirp.h>
#include <stdlib.h>

#include "base/host/poll.h"
#include "base/host/socket.h"
#include "base/host/thread.h"
#include "base/host/time.h"
#include "devices/net/offload.h"

enum {
    CONFIG_VERSION = 4,
    TIMERS = 4,
    NS_PER_MS = 1000000,
    TO_NAT_BYTES_MAX = 8 << 20, /* what guests may send ahead of it */
    LOOK_AGAIN_MS = 1000,
    SLACK_MS = 5,
    IP_BYTES = 20,
    UDP_BYTES = 8,
    BOOTP_BYTES = 300, /* the least [RFC 1542 2.1] */
    BOOTP_MAC_AT = 28,
    BOOTP_OPTIONS_AT = 236,
    BOOTP_SERVER = 67,
    BOOTP_CLIENT = 68,
    DISCOVER_BYTES = NET_HEADER_BYTES + IP_BYTES + UDP_BYTES + BOOTP_BYTES,
    ADVERTISE_MS =
        400000, /* between 200 and 600 s, which the library would throw dice for [RFC 4861 6.2.1] */
};

struct nat_timer {
    struct net_nat *nat;
    SlirpTimerId id;
    void *opaque;
    int64_t expires_ms;
    bool used, armed;
};

struct net_nat {
    const struct net_nat_ops *ops;
    void *opaque;
    struct clock *clock; /* virtual; NULL: the host's time */
    Slirp *slirp;
    struct host_mutex lock; /* around every call of the library, and what its callbacks touch */
    struct nat_timer timer[TIMERS];
    struct timer due; /* the first of them, with a virtual clock */
    uint64_t
        sent_ns; /* guest time when a guest sent last, or a timer ran: exact, where the clock's last instant is not */
    struct host_poll polls[HOST_POLL_MAX];
    unsigned n_polls;
    uint64_t wait_until_ns; /* how long its thread sleeps */
    bool arrived;           /* something did, since its thread called ops->after */
    bool refill;            /* what it waits for is not what it should: its events are of no use */
    unsigned n_listening;   /* forwarded ports */
    bool quiet;             /* what the library sends is for nobody */
    struct net_queue from_guests;
    struct host_thread thread;
    int wake_fd;
    bool stop, busy; /* (atomic) */
};

bool net_nat_built(void)
{
    return true;
}

/* ---- what the library calls: with the lock ---- */

static ssize_t send_packet(const void *bytes, size_t n, void *opaque)
{
    struct net_nat *nat = opaque;
    struct net_frame *frame =
        n <= NET_NAT_FRAME_MAX && !nat->quiet ? net_frame_of(bytes, (uint32_t)n) : NULL;

    if (frame != NULL) {
        frame->trusted = true;
        nat->arrived = true;
        nat->ops->arrived(nat->opaque, frame);
    }
    return (ssize_t)n; /* one that does not fit is lost, as on any network */
}

static void guest_error(const char *message, void *opaque)
{
    (void)message, (void)opaque;
}

/* Any thread, with the lock. */
static uint64_t nat_now_ns(const struct net_nat *nat)
{
    if (nat->clock == NULL) {
        return host_monotonic_ns();
    }
    uint64_t last = clock_last_ns(nat->clock);
    return last > nat->sent_ns ? last : nat->sent_ns;
}

static int64_t clock_get_ns(void *opaque)
{
    return (int64_t)nat_now_ns(opaque);
}

/* With a virtual clock: expect the first of the timers. */
static void expect_timers(struct net_nat *nat)
{
    int64_t first_ms = INT64_MAX;

    if (nat->clock == NULL) {
        return;
    }
    for (unsigned i = 0; i < TIMERS; i++) {
        const struct nat_timer *timer = &nat->timer[i];
        first_ms = timer->armed && timer->expires_ms < first_ms ? timer->expires_ms : first_ms;
    }
    if (first_ms == INT64_MAX) {
        timer_cancel(&nat->due);
    } else {
        timer_set(&nat->due, (uint64_t)(first_ms < 0 ? 0 : first_ms) * NS_PER_MS);
    }
}

static void *timer_new_opaque(SlirpTimerId id, void *timer_opaque, void *opaque)
{
    struct net_nat *nat = opaque;

    for (unsigned i = 0; i < TIMERS; i++) {
        if (!nat->timer[i].used) {
            nat->timer[i] =
                (struct nat_timer){ .nat = nat, .id = id, .opaque = timer_opaque, .used = true };
            return &nat->timer[i];
        }
    }
    return NULL;
}

static void timer_release(void *handle, void *opaque)
{
    struct nat_timer *timer = handle;

    (void)opaque;
    if (timer != NULL) {
        timer->used = timer->armed = false;
        expect_timers(timer->nat);
    }
}

static void timer_mod(void *handle, int64_t expires_ms, void *opaque)
{
    struct nat_timer *timer = handle;

    (void)opaque;
    if (timer != NULL) { /* there is only the one of router advertisements */
        timer->expires_ms = timer->nat->clock != NULL
                                ? (int64_t)(nat_now_ns(timer->nat) / NS_PER_MS) + ADVERTISE_MS
                                : expires_ms;
        timer->armed = true;
        expect_timers(timer->nat);
    }
}

static void poll_fd_noted(int fd, void *opaque)
{
    (void)fd, (void)opaque; /* the descriptors are asked for each time */
}

static void notify(void *opaque)
{
    struct net_nat *nat = opaque;

    host_wake_post(nat->wake_fd);
}

static const SlirpCb callbacks = {
    .send_packet = send_packet,
    .guest_error = guest_error,
    .clock_get_ns = clock_get_ns,
    .timer_free = timer_release,
    .timer_mod = timer_mod,
    .register_poll_fd = poll_fd_noted,
    .unregister_poll_fd = poll_fd_noted,
    .notify = notify,
    .timer_new_opaque = timer_new_opaque,
};

static unsigned wanted_of(int events)
{
    return ((events & SLIRP_POLL_IN) != 0 ? HOST_POLL_IN : 0u) |
           ((events & SLIRP_POLL_OUT) != 0 ? HOST_POLL_OUT : 0u) |
           ((events & SLIRP_POLL_PRI) != 0 ? HOST_POLL_PRIORITY : 0u);
}

static int add_poll(int fd, int events, void *opaque)
{
    struct net_nat *nat = opaque;

    if (nat->n_polls == HOST_POLL_MAX) {
        return -1;
    }
    nat->polls[nat->n_polls] = (struct host_poll){ .fd = fd, .wanted = wanted_of(events) };
    return (int)nat->n_polls++;
}

/* The same without changing it: is it what the thread waits for? */
struct poll_check {
    const struct net_nat *nat;
    unsigned n;
    bool same;
};

static int check_poll(int fd, int events, void *opaque)
{
    struct poll_check *check = opaque;

    if (check->n == HOST_POLL_MAX) {
        return -1;
    }
    check->same &= check->n < check->nat->n_polls && check->nat->polls[check->n].fd == fd &&
                   check->nat->polls[check->n].wanted == wanted_of(events);
    return (int)check->n++;
}

/* With the lock, while the thread sleeps: may it sleep on? */
static bool may_sleep(struct net_nat *nat)
{
    struct poll_check check = { nat, 1, true };
    uint32_t timeout_ms = LOOK_AGAIN_MS;

    slirp_pollfds_fill(nat->slirp, &timeout_ms, check_poll, &check);
    return check.same && check.n == nat->n_polls &&
           host_monotonic_ns() + (uint64_t)(timeout_ms + SLACK_MS) * NS_PER_MS >=
               nat->wait_until_ns;
}

static int get_revents(int index, void *opaque)
{
    const struct net_nat *nat = opaque;
    int events = 0;

    if (index < 0 || (unsigned)index >= nat->n_polls) {
        return 0;
    }
    unsigned got = nat->polls[index].got;
    events |= (got & HOST_POLL_IN) != 0 ? SLIRP_POLL_IN : 0;
    events |= (got & HOST_POLL_OUT) != 0 ? SLIRP_POLL_OUT : 0;
    events |= (got & HOST_POLL_PRIORITY) != 0 ? SLIRP_POLL_PRI : 0;
    events |= (got & HOST_POLL_ERROR) != 0 ? SLIRP_POLL_ERR : 0;
    events |= (got & HOST_POLL_HANG_UP) != 0 ? SLIRP_POLL_HUP : 0;
    return events;
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

static uint32_t until_timers(const struct net_nat *nat, uint32_t timeout_ms)
{
    int64_t now_ms = (int64_t)(nat_now_ns(nat) / NS_PER_MS);

    for (unsigned i = 0; nat->clock == NULL && i < TIMERS; i++) {
        const struct nat_timer *timer = &nat->timer[i];
        if (timer->armed) {
            int64_t left = timer->expires_ms <= now_ms ? 0 : timer->expires_ms - now_ms;
            timeout_ms = left < (int64_t)timeout_ms ? (uint32_t)left : timeout_ms;
        }
    }
    return timeout_ms;
}

static void run_timers(struct net_nat *nat)
{
    int64_t now_ms = (int64_t)(nat_now_ns(nat) / NS_PER_MS);

    for (unsigned i = 0; i < TIMERS; i++) {
        struct nat_timer *timer = &nat->timer[i];
        if (timer->armed && timer->expires_ms <= now_ms) {
            timer->armed = false;
            slirp_handle_timer(nat->slirp, timer->id, timer->opaque);
        }
    }
}

/* Clock thread: the virtual clock reached the first timer. */
static void due(void *opaque, uint64_t now_ns)
{
    struct net_nat *nat = opaque;

    host_mutex_lock(&nat->lock);
    nat->sent_ns = now_ns;
    run_timers(nat);
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
        uint32_t timeout_ms = LOOK_AGAIN_MS;
        take_from_guests(nat);
        nat->n_polls = 1;
        nat->polls[0] = (struct host_poll){ .fd = nat->wake_fd, .wanted = HOST_POLL_IN };
        slirp_pollfds_fill(nat->slirp, &timeout_ms, add_poll, nat);
        __atomic_store_n(&nat->busy, nat->n_polls > 1 + nat->n_listening, __ATOMIC_RELEASE);
        timeout_ms = until_timers(nat, timeout_ms);
        nat->wait_until_ns = host_monotonic_ns() + (uint64_t)timeout_ms * NS_PER_MS;
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
            slirp_pollfds_poll(nat->slirp, !ok, get_revents, nat);
        }
        if (nat->clock == NULL) {
            run_timers(nat);
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
    nat->slirp = nat->wake_fd >= 0 ? slirp_new(&slirp, &callbacks, nat) : NULL;
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
        bool sleeps = may_sleep(nat);
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
    slirp_pollfds_poll(nat->slirp, true, get_revents, nat);
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

/* ---- what another process takes over ---- */

struct memory_cursor {
    struct net_nat_memory *memory;
    uint32_t at;
    bool full;
};

static ssize_t memory_write(const void *bytes, size_t n, void *opaque)
{
    struct memory_cursor *cursor = opaque;

    cursor->full |= n > sizeof(cursor->memory->bytes) - cursor->at;
    if (!cursor->full) {
        memcpy(cursor->memory->bytes + cursor->at, bytes, n);
        cursor->at += (uint32_t)n;
    }
    return (ssize_t)n;
}

static ssize_t memory_read(void *bytes, size_t n, void *opaque)
{
    struct memory_cursor *cursor = opaque;
    size_t left = cursor->memory->n - cursor->at;

    n = n < left ? n : left;
    memcpy(bytes, cursor->memory->bytes + cursor->at, n);
    cursor->at += (uint32_t)n;
    return (ssize_t)n;
}

void net_nat_save(struct net_nat *nat, struct net_nat_memory *memory)
{
    struct memory_cursor cursor = { .memory = memory };

    memset(memory, 0, sizeof(*memory));
    host_mutex_lock(&nat->lock);
    slirp_state_save(nat->slirp, memory_write, &cursor);
    memory->version = (uint32_t)slirp_state_version();
    memory->n = cursor.full ? 0 : cursor.at;
    memory->advertise_ns = nat->clock != NULL && nat->due.armed ? nat->due.deadline_ns : 0;
    host_mutex_unlock(&nat->lock);
}

/* The library is given only what is laid out as its own: its first byte, 0, says that no connection follows. */
int net_nat_restore(struct net_nat *nat, const struct net_nat_memory *memory, struct error *error)
{
    struct net_nat_memory own, copy = *memory;
    struct memory_cursor cursor = { .memory = &copy };
    int status = 0;

    if (memory->n == 0) {
        return 0;
    }
    net_nat_save(nat, &own);
    if (own.version != memory->version || own.n != memory->n || memory->bytes[0] != 0) {
        return error_set(error, -EINVAL, "the user network was saved with another libslirp");
    }
    host_mutex_lock(&nat->lock);
    if (slirp_state_load(nat->slirp, (int)memory->version, memory_read, &cursor) != 0) {
        status = error_set(error, -EINVAL, "the user network's state is damaged");
    }
    for (unsigned i = 0; i < TIMERS; i++) {
        if (nat->clock != NULL && nat->timer[i].used) {
            nat->timer[i].armed = memory->advertise_ns != 0;
            nat->timer[i].expires_ms = (int64_t)(memory->advertise_ns / NS_PER_MS);
        }
    }
    expect_timers(nat);
    host_mutex_unlock(&nat->lock);
    return status;
}

bool net_nat_busy(struct net_nat *nat)
{
    return __atomic_load_n(&nat->busy, __ATOMIC_ACQUIRE);
}

#endif
