/* Fuzz target: any bytes as an RNDIS control message are answered in form or not at all; any bytes as a packet are refused or read inside.
 * Inputs that begin with an odd byte are queries and sets of the objects that there are, well formed but for their values. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/net/offload.h"
#include "devices/synthetic/rndis_oid.h"
#include "tests/support/rndis_value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One message, its answer, and what it made of the adapter. */
static uint32_t control(struct rndis *rndis, const uint8_t *data, uint32_t n)
{
    struct rndis_answer answer;

    rndis_control(rndis, data, n, &answer);
    assert(answer.n <= sizeof(answer.bytes));
    assert(answer.n == 0 || (answer.n >= 16 && le32_load(answer.bytes + 4) == answer.n));
    assert(rndis->rss.n_entries <= NET_RSS_ENTRIES && rndis->n_groups <= NET_PORT_GROUPS);
    assert((rndis->rss.n_entries & (rndis->rss.n_entries - 1)) == 0);
    for (uint32_t k = 0; k < rndis->rss.n_entries; k++) {
        assert(rndis->rss.entry[k] < rndis->queues);
    }
    return answer.n > 0 ? le32_load(answer.bytes + 12) : RNDIS_STATUS_FAILURE;
}

static struct rndis adapter(const struct net_port *port)
{
    struct rndis rndis = { .mtu = 1500, .queues = 4, .permanent_mac = { 2 }, .port = port };

    rndis_reset(&rndis);
    return rndis;
}

/* Steps: which object, set or query and how, bytes of its value. */
static void objects(const uint8_t *data, uint32_t n)
{
#define X(oid, name) oid,
    static const uint32_t queried[] = { RNDIS_OIDS_QUERIED(X) }, sets[] = { RNDIS_OIDS_SET(X) };
#undef X
    struct net_port port = { .name = "port", .link = true };
    struct rndis rndis = adapter(&port);
    uint8_t message[28 + 256];

    while (n >= 3) {
        bool set = (data[1] & 1) != 0;
        uint32_t oid =
            set ? sets[data[0] % ARRAY_SIZE(sets)] : queried[data[0] % ARRAY_SIZE(queried)];
        uint32_t length = data[2], taken = length < n - 3 ? length : n - 3;
        memset(message, 0, sizeof(message));
        memcpy(message + 28, data + 3, taken);
        if ((data[1] & 2) == 0) {
            rndis_value_form(oid, message + 28, length);
        }
        le32_store(message, set ? RNDIS_SET : RNDIS_QUERY);
        le32_store(message + 4, 28 + length);
        le32_store(message + 12, oid);
        le32_store(message + 16, length);
        le32_store(message + 20, 20);
        uint32_t status = control(&rndis, message, 28 + length);
        assert(status != RNDIS_STATUS_NOT_SUPPORTED || oid == 0x0001021b);
        rndis.mac_fixed = (data[1] & 4) != 0;
        port.link = (data[1] & 8) == 0;
        data += 3 + taken;
        n -= 3 + taken;
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
    if ((data[0] & 1) != 0) {
        objects(data + 1, n - 1);
        return 0;
    }
    struct rndis rndis = adapter(NULL);
    (void)control(&rndis, data, n);
    (void)control(&rndis, data, n); /* in what the first made */
    if (rndis_packet_parse(&packet, data, n, n)) {
        assert(packet.message <= n && packet.data <= packet.message &&
               packet.length <= packet.message - packet.data);
        frame(data + packet.data, packet.length);
    }
    (void)rndis_packet_parse(&cut, data, n / 2, n);
    frame(data, n);
    return 0;
}
