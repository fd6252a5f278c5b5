/* Receive side scaling: the Toeplitz hash and the table from hashes to queues. [NDIS "RSS Hashing Functions", "Verifying the RSS Hash
 * Calculation"] */
#ifndef DEVICES_NET_RSS_H
#define DEVICES_NET_RSS_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/net/frame.h"

enum {
    NET_RSS_KEY_BYTES = 40,
    NET_RSS_ENTRIES = 128,
    NET_RSS_FUNCTION_TOEPLITZ = 1u << 0,
    NET_RSS_HASH_IPV4 = 1u << 8,
    NET_RSS_HASH_TCP_IPV4 = 1u << 9,
    NET_RSS_HASH_IPV6 = 1u << 10,
    NET_RSS_HASH_IPV6_EX = 1u << 11,
    NET_RSS_HASH_TCP_IPV6 = 1u << 12,
    NET_RSS_HASH_TCP_IPV6_EX = 1u << 13,
    NET_RSS_HASH_ALL = 0x3f00,
};

struct net_rss {
    bool enabled;
    uint32_t hash_types; /* NET_RSS_HASH_* */
    uint8_t key[NET_RSS_KEY_BYTES];
    uint32_t n_entries;              /* a power of two, or 0: everything to queue 0 */
    uint32_t entry[NET_RSS_ENTRIES]; /* queues */
};

/* n at most NET_RSS_KEY_BYTES - 4. */
uint32_t net_rss_toeplitz(const uint8_t key[NET_RSS_KEY_BYTES], const uint8_t *input, uint32_t n);
/* The hash of a frame by the types that are on; false: it is of no such type. */
bool net_rss_hash(const struct net_rss *rss, const struct net_frame *frame, uint32_t *hash);
uint32_t net_rss_queue(const struct net_rss *rss, uint32_t hash);

#endif
