/* User NAT by libslirp: what another process takes over. [libslirp 4.7 libslirp.h] */
#include "devices/net/nat_slirp.h"

#include <errno.h>
#include <string.h>

#ifdef HAVE_SLIRP

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
    for (unsigned i = 0; i < NAT_TIMERS; i++) {
        if (nat->clock != NULL && nat->timer[i].used) {
            nat->timer[i].armed = memory->advertise_ns != 0;
            nat->timer[i].expires_ms = (int64_t)(memory->advertise_ns / NAT_NS_PER_MS);
        }
    }
    nat_expect_timers(nat);
    host_mutex_unlock(&nat->lock);
    return status;
}

#endif
