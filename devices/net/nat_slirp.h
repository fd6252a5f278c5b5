/* User NAT by libslirp, among its files: what it is made of. [libslirp 4.7 libslirp.h] */
#ifndef DEVICES_NET_NAT_SLIRP_H
#define DEVICES_NET_NAT_SLIRP_H

#include "devices/net/nat.h"

#ifdef HAVE_SLIRP

#include <libslirp.h>

#include "base/host/poll.h"
#include "base/host/thread.h"

enum {
    NAT_TIMERS = 4,
    NAT_LOOK_AGAIN_MS = 1000, /* the thread, when nothing wakes it */
    NAT_NS_PER_MS = 1000000,
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
    struct nat_timer timer[NAT_TIMERS];
    struct timer due; /* the first of them, with a virtual clock */
    /* Guest time when a guest sent last, or a timer ran: exact, where the clock's last instant is not. */
    uint64_t sent_ns;
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

/* ---- all with the lock ---- */

/* What the library calls; its argument is the NAT. */
extern const SlirpCb nat_callbacks;
/* The library's time. */
uint64_t nat_now_ns(const struct net_nat *nat);
/* With a virtual clock: expect the first of the timers. */
void nat_expect_timers(struct net_nat *nat);
/* Those that are due. */
void nat_run_timers(struct net_nat *nat);
/* What the thread waits for, into nat->polls. Returns how long at most. */
uint32_t nat_fill_polls(struct net_nat *nat);
/* While the thread sleeps: may it sleep on? */
bool nat_may_sleep(struct net_nat *nat);
/* What came of the descriptors, for slirp_pollfds_poll. */
int nat_revents(int index, void *opaque);

#endif

#endif
