/* Fuzz target: any bytes as an RNDIS control message are answered in form or not at all; any bytes as a packet are refused or read inside. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/net/offload.h"
#include "devices/synthetic/rndis.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void control(const uint8_t *data, uint32_t n)
{
    struct rndis rndis = { .mtu = 1500, .queues = 4, .permanent_mac = { 2 } };
    struct rndis_answer answer;

    rndis_reset(&rndis);
    for (unsigned i = 0; i < 2; i++) { /* the second time in what the first made */
        rndis_control(&rndis, data, n, &answer);
        assert(answer.n <= sizeof(answer.bytes));
        assert(answer.n == 0 || (answer.n >= 16 && le32_load(answer.bytes + 4) == answer.n));
        assert(rndis.rss.n_entries <= NET_RSS_ENTRIES && rndis.n_groups <= NET_PORT_GROUPS);
        assert((rndis.rss.n_entries & (rndis.rss.n_entries - 1)) == 0);
        for (uint32_t k = 0; k < rndis.rss.n_entries; k++) {
            assert(rndis.rss.entry[k] < rndis.queues);
        }
    }
}

/* A frame with everything that may be asked for, cut, and told to a guest. */
static void frame(const uint8_t *data, uint32_t n)
{
    struct rndis rndis = { .ip4 = 3,
                           .tcp4 = 3,
                           .udp4 = 3,
                           .tcp6 = 3,
                           .udp6 = 3,
                           .rss = { .hash_types = NET_RSS_HASH_ALL } };
    struct net_frame *whole = net_frame_of(data, n);
    uint8_t bytes[RNDIS_OVERHEAD];
    uint32_t hash;

    if (whole == NULL) {
        return;
    }
    bool hashed = net_rss_hash(&rndis.rss, whole, &hash);
    assert(rndis_packet_build(&rndis, whole, hashed ? &hash : NULL, bytes) <= RNDIS_OVERHEAD);
    (void)net_offload_fill(whole, NET_FILL_IPV4 | NET_FILL_TCP | NET_FILL_UDP);
    assert(!net_offload_verify(whole).ip_bad);
    whole->mss = (uint16_t)(1 + data[0]);
    struct net_frame *whole_one = net_frame_copy(whole);
    (void)net_offload_whole(whole_one);
    net_frame_free(whole_one);
    net_frame_free_list(net_offload_segment(whole));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t n = (uint32_t)size;
    struct rndis_packet packet;
    struct rndis_packet cut;

    if (n < 1) {
        return 0;
    }
    control(data, n);
    if (rndis_packet_parse(&packet, data, n, n)) {
        assert(packet.message <= n && packet.data <= packet.message &&
               packet.length <= packet.message - packet.data);
        frame(data + packet.data, packet.length);
    }
    (void)rndis_packet_parse(&cut, data, n / 2, n);
    frame(data, n);
    return 0;
}
