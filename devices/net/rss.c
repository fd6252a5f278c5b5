/* Receive side scaling. [NDIS "RSS Hashing Functions"] */
#include "devices/net/rss.h"

#include <string.h>

#include "devices/net/offload.h"

uint32_t net_rss_toeplitz(const uint8_t key[NET_RSS_KEY_BYTES], const uint8_t *input, uint32_t n)
{
    uint64_t window = (uint64_t)net_be32(key) << 32 | net_be32(key + 4);
    uint32_t result = 0;

    for (uint32_t i = 0; i < n; i++) {
        for (unsigned bit = 0x80; bit != 0; bit >>= 1) {
            if ((input[i] & bit) != 0) {
                result ^= (uint32_t)(window >> 32);
            }
            window <<= 1;
        }
        window |= i + 8 < NET_RSS_KEY_BYTES ? key[i + 8] : 0;
    }
    return result;
}

bool net_rss_hash(const struct net_rss *rss, const struct net_frame *frame, uint32_t *hash)
{
    enum { IPV4_SOURCE = 12, IPV6_SOURCE = 8, PORTS = 4 };
    struct net_layout layout = net_layout_of(frame->bytes, frame->length);
    bool v4 = layout.ip_version == 4, tcp = layout.protocol == NET_PROTOCOL_TCP;
    uint32_t addresses = v4 ? 8 : 32, n = addresses;
    uint32_t tcp_types =
        v4 ? NET_RSS_HASH_TCP_IPV4 : NET_RSS_HASH_TCP_IPV6 | NET_RSS_HASH_TCP_IPV6_EX;
    uint32_t ip_types = v4 ? NET_RSS_HASH_IPV4 : NET_RSS_HASH_IPV6 | NET_RSS_HASH_IPV6_EX;
    uint8_t input[36];

    if (layout.ip_version == 0) {
        return false;
    }
    memcpy(input, frame->bytes + layout.l3 + (v4 ? IPV4_SOURCE : IPV6_SOURCE), addresses);
    if (tcp && (rss->hash_types & tcp_types) != 0) {
        memcpy(input + addresses, frame->bytes + layout.l4, PORTS);
        n += PORTS;
    } else if ((rss->hash_types & ip_types) == 0) {
        return false;
    }
    *hash = net_rss_toeplitz(rss->key, input, n);
    return true;
}

uint32_t net_rss_queue(const struct net_rss *rss, uint32_t hash)
{
    return rss->enabled && rss->n_entries != 0 ? rss->entry[hash & (rss->n_entries - 1)] : 0;
}
