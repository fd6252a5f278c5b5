/* A network adapter on a VMBus rig: the guest's side of NVSP as Linux does it, and a peer on the same switch. */
#ifndef TESTS_SUPPORT_NETVSP_RIG_H
#define TESTS_SUPPORT_NETVSP_RIG_H

#include "devices/synthetic/netvsp.h"
#include "tests/support/vmbus_rig.h"

enum {
    NETVSP_RIG_RINGS = 8,      /* page of the primary's rings */
    NETVSP_RIG_SUB_RINGS = 24, /* of the sub-channel's */
    NETVSP_RIG_RECEIVE = 256,  /* pages of the receive buffer */
    NETVSP_RIG_RECEIVE_PAGES = 16,
    NETVSP_RIG_SEND = 320,
    NETVSP_RIG_SEND_PAGES = 8,
    NETVSP_RIG_DATA = 64, /* what GPA-direct packets name */
    NETVSP_RIG_GOT = 64,
};

struct netvsp_rig {
    struct vmbus_rig *bus;
    struct clock clock;
    struct net_switch net;
    struct netvsp nv;
    uint32_t relid, sub_relid;
    struct rig_ring to_host, to_guest;
    uint8_t packet[8192]; /* the last packet of the host, with its descriptor */
    uint32_t n;
    uint8_t passed[64]; /* the beginning of one that netvsp_rig_ask read over; [0] 0: none */
    struct net_port peer;
    struct net_frame *got[NETVSP_RIG_GOT]; /* by the peer */
    unsigned n_got;
};

/* queues as in netvsp_config. The channel is open; nothing was said yet. NULL: no memory. */
struct netvsp_rig *netvsp_rig_create(unsigned queues);
void netvsp_rig_destroy(struct netvsp_rig *rig);

/* Let the host work, timers too. */
void netvsp_rig_pass(struct netvsp_rig *rig);
/* An NVSP message, a completion asked for; header: of a GPA-direct packet, or NULL. */
void netvsp_rig_put(struct netvsp_rig *rig, const void *message, uint32_t n, const void *header,
                    uint32_t n_header, uint64_t transaction);
/* The next packet of the host in rig->packet. False: none. */
bool netvsp_rig_get(struct netvsp_rig *rig);
/* A message of words and its completion's payload; NULL: none came. */
const uint8_t *netvsp_rig_ask(struct netvsp_rig *rig, const uint32_t *word, unsigned n);
/* Version, MTU, buffers. True: agreed. */
bool netvsp_rig_buffers(struct netvsp_rig *rig, uint32_t version, uint32_t mtu);
/* A control message through the send buffer; its answer where the host put it, given back. NULL: none. */
const uint8_t *netvsp_rig_control(struct netvsp_rig *rig, const uint32_t *word, unsigned n);
/* All of it, up to the packet filter. */
bool netvsp_rig_up(struct netvsp_rig *rig);
/* Give a batch back. */
void netvsp_rig_complete(struct netvsp_rig *rig, uint64_t transaction);
void netvsp_rig_forget(struct netvsp_rig *rig);
uint8_t *netvsp_rig_memory(struct netvsp_rig *rig, uint64_t gpfn);

#endif
