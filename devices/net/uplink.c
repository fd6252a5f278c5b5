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
        timer_set(&uplink->timer, 0);
    }
}

static const struct net_nat_ops nat_ops = { .arrived = nat_arrived };

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

void net_uplink_enter(struct net_uplink *uplink, const uint8_t *bytes, uint32_t n)
{
    struct net_frame *frame = net_frame_of(bytes, n);

    if (frame != NULL) {
        frame->trusted = true;
        net_switch_send(&uplink->port, frame);
    }
}
