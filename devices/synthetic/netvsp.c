/* The synthetic network adapter: its channels, its port, its link, its life. [LINUX drivers/net/hyperv/netvsc.c for the other side] */
#include "devices/synthetic/netvsp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/devices_trace.h"

enum {
    SPEED_100BPS = 100000000 /* 10 Gbit/s */,
    LEAVE_QUIET = 10,
    LEAVE_STEPS_MOST = 200,
    LEAVE_STEP_NS = 20000000,
};
/* A guest may take that long to heed a link that changed twice. [LINUX drivers/net/hyperv/netvsc_drv.c LINKCHANGE_INT] */
#define LINK_APART_NS UINT64_C(2200000000)

void netvsp_bad(struct netvsp *nv, const char *why, uint64_t value)
{
    nv->counters.bad++;
    DEVICE_TRACE(&nv->vmbus.device, NET_BAD, (uint64_t)(uintptr_t)why, value);
}

/* ---- ops ---- */

static struct netvsp *of(struct vmbus_device *dev)
{
    return (struct netvsp *)dev;
}

static enum vmbus_taken on_packet(struct vmbus_device *dev, struct vmbus_channel *channel,
                                  const struct vmbus_packet *packet)
{
    struct netvsp *nv = of(dev);

    if (packet->type == VMBUS_PACKET_COMPLETION) {
        netvsp_completed(nv, packet->transaction);
        netvsp_move(nv);
        return VMBUS_TAKEN;
    }
    netvsp_message(nv, channel, packet);
    return VMBUS_TAKEN;
}

static void forget(struct netvsp *nv)
{
    netvsp_sections_drop(nv);
    netvsp_send_buffer_drop(nv);
    netvsp_control_drop(nv);
    nv->version = nv->ndis_version = 0;
    nv->n_subchannels = 0;
    nv->frame_max = RNDIS_MTU_DEFAULT + NET_HEADER_BYTES;
    nv->rndis.mtu = RNDIS_MTU_DEFAULT;
    rndis_reset(&nv->rndis);
    net_port_set_filter(&nv->port, 0);
    net_port_set_mac(&nv->port, nv->rndis.mac);
    net_frame_free_list(net_queue_take(&nv->queue));
}

static int on_open(struct vmbus_device *dev, struct vmbus_channel *channel)
{
    struct netvsp *nv = of(dev);

    if (channel->index == 0) {
        forget(nv);
        nv->link_told = nv->port.link;
    } else if (channel->index == nv->n_subchannels) {
        netvsp_send_table(nv);
    }
    return 0;
}

static void on_close(struct vmbus_device *dev, struct vmbus_channel *channel)
{
    struct netvsp *nv = of(dev);

    if (channel->index == 0) {
        forget(nv);
    } else {
        netvsp_sections_reclaim(nv, channel->index);
    }
}

static void on_writable(struct vmbus_device *dev, struct vmbus_channel *channel)
{
    (void)channel;
    netvsp_move(of(dev));
}

static void on_gpadl_gone(struct vmbus_device *dev, uint32_t gpadl)
{
    struct netvsp *nv = of(dev);

    if (nv->receive_gpadl == gpadl && gpadl != 0) {
        netvsp_sections_drop(nv);
    }
    if (nv->send_gpadl == gpadl) {
        netvsp_send_buffer_drop(nv);
    }
}

static const struct vmbus_device_ops device_ops = {
    .open = on_open,
    .close = on_close,
    .packet = on_packet,
    .writable = on_writable,
    .gpadl_gone = on_gpadl_gone,
};

/* ---- the port ---- */

static bool port_receive(void *opaque, struct net_frame *frame)
{
    struct netvsp *nv = opaque;
    bool was_empty;

    if (!net_queue_put(&nv->queue, frame, &was_empty)) {
        return false;
    }
    if (was_empty) {
        timer_set(&nv->timer, 0);
    }
    return true;
}

static void port_link(void *opaque, bool up)
{
    struct netvsp *nv = opaque;

    (void)up;
    __atomic_store_n(&nv->link_changed, true, __ATOMIC_RELEASE);
    timer_set(&nv->timer, 0);
}

static const struct net_port_ops port_ops = { .receive = port_receive, .link = port_link };

static void tell_link(struct netvsp *nv, bool up)
{
    uint8_t bytes[RNDIS_CONTROL_MAX];

    nv->link_told = up;
    nv->told_ns = clock_now_ns(nv->timer.clock) + 1;
    netvsp_send_control(nv, bytes, rndis_indicate_link(up, bytes));
}

static void expired(void *opaque, uint64_t now_ns)
{
    struct netvsp *nv = opaque;

    (void)now_ns;
    vmbus_device_lock(&nv->vmbus);
    if (__atomic_exchange_n(&nv->link_changed, false, __ATOMIC_ACQ_REL) &&
        nv->link_told != nv->port.link && nv->rndis.initialized && !nv->leaving) {
        tell_link(nv, nv->port.link);
    }
    netvsp_move(nv);
    vmbus_device_unlock(&nv->vmbus);
}

/* ---- taken away ---- */

static bool listens(const struct netvsp *nv)
{
    return nv->vmbus.channel[0]->open && !nv->vmbus.channel[0]->broken && nv->rndis.initialized;
}

static uint64_t packets_of_guest(const struct netvsp *nv)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < nv->vmbus.n_channels; i++) {
        n += nv->vmbus.channel[i]->counters.packets_in;
    }
    return n;
}

static void leave_step(void *opaque, uint64_t now_ns)
{
    struct netvsp *nv = opaque;

    vmbus_device_lock(&nv->vmbus);
    uint64_t packets = packets_of_guest(nv);
    nv->leave_quiet = packets == nv->leave_packets ? nv->leave_quiet + 1 : 0;
    nv->leave_packets = packets;
    if (nv->leaving &&
        (!listens(nv) || nv->leave_quiet >= LEAVE_QUIET || nv->leave_steps++ >= LEAVE_STEPS_MOST)) {
        nv->leaving = false;
        vmbus_device_rescind(&nv->vmbus);
    } else if (nv->leaving) {
        timer_set(&nv->leave, now_ns + LEAVE_STEP_NS);
    }
    vmbus_device_unlock(&nv->vmbus);
}

void netvsp_leave(struct netvsp *nv)
{
    uint64_t now = clock_now_ns(nv->timer.clock), told = nv->told_ns;

    if (nv->leaving) {
        return;
    }
    if (!listens(nv)) {
        vmbus_device_rescind(&nv->vmbus);
        return;
    }
    if (nv->link_told) {
        tell_link(nv, false);
    }
    nv->leaving = true;
    nv->leave_steps = nv->leave_quiet = 0;
    nv->leave_packets = packets_of_guest(nv);
    bool lately = told != 0 && now < told + LINK_APART_NS;
    timer_set(&nv->leave, (lately ? told + LINK_APART_NS : now) + LEAVE_STEP_NS);
}

/* ---- life ---- */

static void netvsp_reset(struct device *dev)
{
    forget((struct netvsp *)dev);
}

static const struct device_type netvsp_type = {
    .name = "netvsp",
    .size = sizeof(struct netvsp),
    .reset = netvsp_reset,
    .state = { .name = "netvsp",
               .version = 1,
               .fields = netvsp_state_rows,
               .n_fields = NETVSP_STATE_ROWS,
               .size = sizeof(struct netvsp),
               .loaded = netvsp_state_loaded },
};

int netvsp_init(struct netvsp *nv, const struct netvsp_config *config, struct clock *clock,
                struct trace *trace, uint32_t partition)
{
    struct vmbus_offer offer = {
        .type = VMBUS_GUID(0xf8615163, 0xdf3e, 0x46c5, 0x913f, 0xf2d2f965ed0e),
        .instance = VMBUS_GUID(0x6e657400, 0x0001, 0x4000, 0x8000, 0x00155d000000),
        .flags = VMBUS_OFFER_ENUMERATE,
    };
    offer.instance.bytes[15] = (uint8_t)config->number; /* guests know adapters apart by it */
    int status =
        vmbus_device_init(&nv->vmbus, &netvsp_type, &device_ops, &offer, clock, trace, partition);

    if (status != 0) {
        return status;
    }
    nv->config = *config;
    nv->config.queues = config->queues < 1                ? 1
                        : config->queues > VMBUS_CHANNELS ? VMBUS_CHANNELS
                                                          : config->queues;
    net_queue_init(&nv->queue, NETVSP_QUEUE_BYTES);
    timer_init(&nv->timer, clock, expired, nv);
    timer_init(&nv->leave, clock, leave_step, nv);
    memcpy(nv->rndis.permanent_mac, config->mac, NET_MAC_BYTES);
    nv->rndis.mac_fixed = config->mac_fixed;
    nv->rndis.queues = nv->config.queues;
    nv->rndis.speed_100bps = SPEED_100BPS;
    nv->rndis.port = &nv->port;
    nv->port = (struct net_port){
        .ops = &port_ops, .opaque = nv, .guard = config->mac_fixed, .vlan = config->vlan
    };
    size_t n = strnlen(config->name, NET_PORT_NAME - 1);
    memcpy(nv->port.name, config->name, n);
    nv->config.name = nv->port.name;
    forget(nv);
    return 0;
}

void netvsp_fini(struct netvsp *nv)
{
    if (nv->vmbus.device.type == NULL) {
        return; /* never built */
    }
    net_switch_unplug(&nv->port);
    timer_cancel(&nv->timer);
    timer_cancel(&nv->leave);
    netvsp_sections_drop(nv);
    netvsp_control_drop(nv);
    net_queue_fini(&nv->queue);
    vmbus_device_fini(&nv->vmbus);
}

int netvsp_plug(struct netvsp *nv, struct net_switch *net, struct error *error)
{
    int status = net_switch_plug(net, &nv->port, error);

    if (status == 0) {
        port_link(nv, true);
    }
    return status;
}

void netvsp_unplug(struct netvsp *nv)
{
    net_switch_unplug(&nv->port);
    nv->port.link = false;
    port_link(nv, false);
}
