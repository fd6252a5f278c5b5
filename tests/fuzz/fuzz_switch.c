/* Fuzz target: any frames at any ports of a switch, with VLANs, links, filters and segmentation; what guests said, read by the uplink's memory
 * of them; its saved state read back. [IEEE 802.1Q; RFC 791, 9293] */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "devices/net/flows.h"
#include "devices/net/offload.h"
#include "devices/net/rss.h"
#include "devices/net/switch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PORTS = 4, HEAD = 4 };

struct box {
    struct clock clock;
    struct net_switch net;
    struct net_port port[PORTS];
    struct net_flows flows;
    uint64_t received;
};

/* Whatever comes out is a frame that could be on a wire, or a large one where those are taken. */
static bool receive(void *opaque, struct net_frame *frame)
{
    struct box *box = opaque;
    struct net_rss rss = { .enabled = true, .hash_types = NET_RSS_HASH_ALL, .n_entries = 2 };
    uint32_t hash;

    assert(frame->length >= NET_HEADER_BYTES && frame->length <= NET_FRAME_MAX);
    (void)net_offload_verify(frame);
    (void)net_rss_hash(&rss, frame, &hash);
    net_flows_note(&box->flows, frame->bytes, frame->length);
    box->received++;
    net_frame_free(frame);
    return true;
}

static const struct net_port_ops ops = { .receive = receive };

static void box_init(struct box *box)
{
    static const char *const vlans[PORTS] = { "untagged", "access 5", "trunk 5-6,9 native 1",
                                              "trunk 1-4094" };
    static const char *const names[PORTS] = { "a", "b", "c", "d" };

    clock_init(&box->clock, CLOCK_MODE_VIRTUAL);
    net_switch_init(&box->net, "fuzz", NET_SWITCH_EXTERNAL, &box->clock);
    for (unsigned i = 0; i < PORTS; i++) {
        box->port[i] = (struct net_port){
            .ops = &ops,
            .opaque = box,
            .uplink = i == 3,
            .takes_large = i == 3,
            .guard = i == 1,
            .mac = { 2, 0, 0, 0, 0, (uint8_t)i },
            .filter = i == 0 ? NET_FILTER_PROMISCUOUS
                             : NET_FILTER_DIRECTED | NET_FILTER_BROADCAST | NET_FILTER_MULTICAST,
        };
        memcpy(box->port[i].name, names[i], 2);
        if (net_vlan_parse(&box->port[i].vlan, vlans[i], NULL) != 0 ||
            net_switch_plug(&box->net, &box->port[i], NULL) != 0) {
            abort();
        }
    }
}

/* How it was sent: the port, whether checksums are left out, a segment size. */
static void send_frame(struct box *box, const uint8_t *head, const uint8_t *data, uint32_t n)
{
    struct net_frame *frame = net_frame_of(data, n);

    if (frame == NULL) {
        return;
    }
    frame->mss = (head[0] & 4) != 0 ? (uint16_t)(1 + head[2]) : 0;
    if ((head[0] & 8) != 0) {
        frame->trusted = net_offload_fill(frame, head[0] >> 4 & 7);
    }
    net_switch_send(&box->port[head[0] & 3], frame);
}

static void change(struct box *box, const uint8_t *head)
{
    struct net_port *port = &box->port[head[0] & 3];

    switch (head[2] % 4) {
    case 0:
        net_port_set_link(port, (head[2] & 4) != 0);
        break;
    case 1:
        net_port_set_filter(port, head[0]);
        break;
    case 2:
        net_port_set_groups(port, head, 0);
        clock_advance(&box->clock, (uint64_t)head[0] << 32);
        break;
    default:
        net_switch_unplug(port);
        (void)net_switch_plug(&box->net, port, NULL);
        break;
    }
}

/* The bytes as a saved switch: refused, or a switch that works. */
static void restore(struct box *box, const uint8_t *data, size_t n)
{
    struct state_timers timers = { 0 };
    struct error error;

    (void)state_read(data, n, &net_switch_saved_table, &box->net, "switch", &timers, &error);
    (void)state_read(data, n, &net_flows_saved_table, &box->flows, "flows", &timers, &error);
    state_timers_fini(&timers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct box *box = calloc(1, sizeof(*box));
    uint8_t frame[NET_FLOW_FRAME];

    if (box == NULL) {
        abort();
    }
    box_init(box);
    while (size >= HEAD) {
        const uint8_t *head = data;
        uint32_t n = head[1] + (head[3] & 3u) * 256u;
        data += HEAD;
        size -= HEAD;
        n = n < size ? n : (uint32_t)size;
        if (head[3] < 0xc0) {
            send_frame(box, head, data, n);
        } else if (head[3] < 0xf0) {
            change(box, head);
            n = 0;
        } else {
            restore(box, data, n);
        }
        data += n;
        size -= n;
    }
    for (unsigned i = 0; i < NET_FLOWS; i++) {
        assert(net_flows_introduce(&box->flows, i, frame) <= sizeof(frame));
        assert(net_flows_probe(&box->flows, i, frame) <= sizeof(frame));
    }
    net_switch_fini(&box->net);
    clock_fini(&box->clock);
    free(box);
    return 0;
}
