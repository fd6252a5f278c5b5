/* User NAT by libslirp: what the library calls, its timers, its descriptors. [libslirp 4.7 libslirp.h] */
#include "devices/net/nat_slirp.h"

#ifdef HAVE_SLIRP

#include "base/host/socket.h"
#include "base/host/time.h"

enum {
    SLACK_MS = 5,
    /* Between 200 and 600 s, which the library would throw dice for. [RFC 4861 6.2.1] */
    ADVERTISE_MS = 400000,
};

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

uint64_t nat_now_ns(const struct net_nat *nat)
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

void nat_expect_timers(struct net_nat *nat)
{
    int64_t first_ms = INT64_MAX;

    if (nat->clock == NULL) {
        return;
    }
    for (unsigned i = 0; i < NAT_TIMERS; i++) {
        const struct nat_timer *timer = &nat->timer[i];
        first_ms = timer->armed && timer->expires_ms < first_ms ? timer->expires_ms : first_ms;
    }
    if (first_ms == INT64_MAX) {
        timer_cancel(&nat->due);
    } else {
        timer_set(&nat->due, (uint64_t)(first_ms < 0 ? 0 : first_ms) * NAT_NS_PER_MS);
    }
}

static void *timer_new_opaque(SlirpTimerId id, void *timer_opaque, void *opaque)
{
    struct net_nat *nat = opaque;

    for (unsigned i = 0; i < NAT_TIMERS; i++) {
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
        nat_expect_timers(timer->nat);
    }
}

static void timer_mod(void *handle, int64_t expires_ms, void *opaque)
{
    struct nat_timer *timer = handle;

    (void)opaque;
    if (timer != NULL) { /* there is only the one of router advertisements */
        timer->expires_ms = timer->nat->clock != NULL
                                ? (int64_t)(nat_now_ns(timer->nat) / NAT_NS_PER_MS) + ADVERTISE_MS
                                : expires_ms;
        timer->armed = true;
        nat_expect_timers(timer->nat);
    }
}

void nat_run_timers(struct net_nat *nat)
{
    int64_t now_ms = (int64_t)(nat_now_ns(nat) / NAT_NS_PER_MS);

    for (unsigned i = 0; i < NAT_TIMERS; i++) {
        struct nat_timer *timer = &nat->timer[i];
        if (timer->armed && timer->expires_ms <= now_ms) {
            timer->armed = false;
            slirp_handle_timer(nat->slirp, timer->id, timer->opaque);
        }
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

const SlirpCb nat_callbacks = {
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

/* ---- what its thread waits for ---- */

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

static uint32_t until_timers(const struct net_nat *nat, uint32_t timeout_ms)
{
    int64_t now_ms = (int64_t)(nat_now_ns(nat) / NAT_NS_PER_MS);

    for (unsigned i = 0; nat->clock == NULL && i < NAT_TIMERS; i++) {
        const struct nat_timer *timer = &nat->timer[i];
        if (timer->armed) {
            int64_t left = timer->expires_ms <= now_ms ? 0 : timer->expires_ms - now_ms;
            timeout_ms = left < (int64_t)timeout_ms ? (uint32_t)left : timeout_ms;
        }
    }
    return timeout_ms;
}

uint32_t nat_fill_polls(struct net_nat *nat)
{
    uint32_t timeout_ms = NAT_LOOK_AGAIN_MS;

    nat->n_polls = 1;
    nat->polls[0] = (struct host_poll){ .fd = nat->wake_fd, .wanted = HOST_POLL_IN };
    slirp_pollfds_fill(nat->slirp, &timeout_ms, add_poll, nat);
    return until_timers(nat, timeout_ms);
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

bool nat_may_sleep(struct net_nat *nat)
{
    struct poll_check check = { nat, 1, true };
    uint32_t timeout_ms = NAT_LOOK_AGAIN_MS;

    slirp_pollfds_fill(nat->slirp, &timeout_ms, check_poll, &check);
    return check.same && check.n == nat->n_polls &&
           host_monotonic_ns() + (uint64_t)(timeout_ms + SLACK_MS) * NAT_NS_PER_MS >=
               nat->wait_until_ns;
}

int nat_revents(int index, void *opaque)
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

#endif
