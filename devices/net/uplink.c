/* An uplink to the user NAT. */
#include "devices/net/uplink.h"

#include <errno.h>
#include <string.h>

enum { ARRIVED_BYTES_MAX = 16 << 20 };

/* From the switch, with its lock: to the NAT. What it answers at once is posted, so it does not come back in here. */
static bool uplink_receive(void *opaque, struct net_frame *frame)
{
    struct net_uplink *uplink = opaque;

    if (uplink->nat == NULL) {
        net_frame_free(frame);
    } else {
        net_flows_note(&uplink->flows, frame->bytes, frame->length);
        net_nat_send(uplink->nat, frame);
    }
    return true;
}

static const struct net_port_ops port_ops = { .receive = uplink_receive };

static void nat_arrived(void *opaque, struct net_frame *frame)
{
    struct net_uplink *uplink = opaque;
    bool was_empty;

    if (uplink->ops != NULL) {
        (void)uplink->ops->post(uplink->opaque, frame->bytes, frame->length);
        net_frame_free(frame);
    } else if (net_queue_put(&uplink->arrived, frame, &was_empty) && was_empty) {
        timer_post(&uplink->timer);
    }
}

static void nat_after(void *opaque)
{
    struct net_uplink *uplink = opaque;

    clock_help(uplink->timer.clock);
}

static const struct net_nat_ops nat_ops = { .arrived = nat_arrived, .after = nat_after };

static void expired(void *opaque, uint64_t now_ns)
{
    struct net_uplink *uplink = opaque;
    struct net_frame *frame = net_queue_take(&uplink->arrived);

    (void)now_ns;
    while (frame != NULL) {
        struct net_frame *next = frame->next;
        frame->next = NULL;
        net_switch_send(&uplink->port, frame);
        frame = next;
    }
}

int net_uplink_init(struct net_uplink *uplink, struct net_switch *net,
                    const struct net_nat_config *config, bool live,
                    const struct net_uplink_ops *ops, void *opaque, struct error *error)
{
    memset(uplink, 0, sizeof(*uplink));
    uplink->ops = ops;
    uplink->opaque = opaque;
    net_queue_init(&uplink->arrived, ARRIVED_BYTES_MAX);
    timer_init(&uplink->timer, net->clock, expired, uplink);
    uplink->port = (struct net_port){
        .name = "uplink",
        .ops = &port_ops,
        .opaque = uplink,
        .uplink = true,
        .takes_large = true,
        .filter = NET_FILTER_PROMISCUOUS,
    };
    int status = net_switch_plug(net, &uplink->port, error);
    if (status == 0 && live) {
        uplink->nat = net_nat_create(config, &nat_ops, uplink, error);
        status = uplink->nat != NULL ? 0 : -ENOTSUP;
    }
    if (status != 0) {
        net_uplink_fini(uplink);
    }
    return status;
}

void net_uplink_fini(struct net_uplink *uplink)
{
    net_nat_destroy(uplink->nat);
    uplink->nat = NULL;
    net_switch_unplug(&uplink->port);
    timer_cancel(&uplink->timer);
    net_queue_fini(&uplink->arrived);
}

void net_uplink_reserve(struct net_uplink *uplink, const uint8_t mac[NET_MAC_BYTES])
{
    if (uplink->nat != NULL) {
        net_nat_reserve(uplink->nat, mac);
    }
}

/* ---- saved state ---- */

void net_uplink_save(struct net_uplink *uplink)
{
    uplink->memory = (struct net_nat_memory){ .n = 0 };
    if (uplink->nat != NULL) {
        net_nat_save(uplink->nat, &uplink->memory);
    }
}

static void introduce(struct net_uplink *uplink)
{
    uint8_t bytes[NET_FLOW_FRAME];

    for (unsigned i = 0; i < NET_NEIGHBOURS; i++) {
        uint32_t n = net_flows_introduce(&uplink->flows, i, bytes);
        struct net_frame *frame = n > 0 ? net_frame_of(bytes, n) : NULL;
        if (frame != NULL) {
            net_nat_send(uplink->nat, frame);
        }
    }
}

int net_uplink_resume(struct net_uplink *uplink, const struct net_nat_config *config,
                      struct error *error)
{
    uint8_t bytes[NET_FLOW_FRAME];

    uplink->nat = net_nat_create(config, &nat_ops, uplink, error);
    if (uplink->nat == NULL) {
        return -ENOTSUP;
    }
    int status = net_nat_restore(uplink->nat, &uplink->memory, error);
    if (status != 0) {
        return status;
    }
    introduce(uplink);
    for (unsigned i = 0; i < NET_FLOWS; i++) {
        uint32_t n = net_flows_probe(&uplink->flows, i, bytes);
        struct net_frame *frame = n > 0 ? net_frame_of(bytes, n) : NULL;
        if (frame != NULL) {
            nat_arrived(uplink, frame);
        }
        uplink->flows.flow[i].used = false;
    }
    return 0;
}

static const struct state_field memory_rows[] = {
    STATE_FIELD(struct net_nat_memory, version),
    STATE_COUNTED_FIELD(struct net_nat_memory, bytes, n),
    STATE_FIELD(struct net_nat_memory, advertise_ns),
};
static const struct state_table memory_table =
    STATE_TABLE("nat", 1, struct net_nat_memory, memory_rows);
static const struct state_field uplink_rows[] = {
    STATE_STRUCT_FIELD(struct net_uplink, port, &net_port_saved_table),
    STATE_STRUCT_FIELD(struct net_uplink, flows, &net_flows_saved_table),
    STATE_STRUCT_FIELD(struct net_uplink, memory, &memory_table),
};
const struct state_table net_uplink_saved_table =
    STATE_TABLE("uplink", 1, struct net_uplink, uplink_rows);

void net_uplink_enter(struct net_uplink *uplink, const uint8_t *bytes, uint32_t n)
{
    struct net_frame *frame = net_frame_of(bytes, n);

    if (frame != NULL) {
        frame->trusted = true;
        net_switch_send(&uplink->port, frame);
    }
}
