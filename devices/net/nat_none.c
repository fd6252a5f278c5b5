/* User NAT where verdite is built without libslirp: there is none, and it says so. */
#include <errno.h>
#include <string.h>

#include "devices/net/nat.h"

#ifndef HAVE_SLIRP

bool net_nat_built(void)
{
    return false;
}

struct net_nat *net_nat_create(const struct net_nat_config *config, const struct net_nat_ops *ops,
                               void *opaque, struct error *error)
{
    (void)config, (void)ops, (void)opaque;
    error_set(error, -ENOTSUP,
              "the user network needs libslirp: verdite was built without it (Debian: "
              "libslirp-dev); --net none leaves it away");
    return NULL;
}

void net_nat_destroy(struct net_nat *nat)
{
    (void)nat;
}

void net_nat_reserve(struct net_nat *nat, const uint8_t mac[NET_MAC_BYTES])
{
    (void)nat, (void)mac;
}

void net_nat_send(struct net_nat *nat, struct net_frame *frame)
{
    (void)nat;
    net_frame_free(frame);
}

void net_nat_save(struct net_nat *nat, struct net_nat_memory *memory)
{
    (void)nat;
    memset(memory, 0, sizeof(*memory));
}

int net_nat_restore(struct net_nat *nat, const struct net_nat_memory *memory, struct error *error)
{
    (void)nat, (void)memory;
    return error_set(error, -ENOTSUP, "the user network needs libslirp");
}

bool net_nat_busy(struct net_nat *nat)
{
    (void)nat;
    return false;
}

#endif
