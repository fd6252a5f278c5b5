/* The synthetic network adapter: NVSP on VMBus channels, RNDIS inside, a port of a switch behind. [LINUX drivers/net/hyperv; MS-RNDIS]
 *
 * Frames of the guest are read from its send buffer or from pages it names, get the checksums it left out, and go to the switch while
 * the packet is taken. Frames for the guest wait in a queue that the switch fills; a timer moves them into free sections of the guest's
 * receive buffer, a batch of one channel at a time, and the sections come back with the guest's completions. When there are none, or
 * the guest's ring is full, frames wait, and the switch counts what finds no room.
 */
#ifndef DEVICES_SYNTHETIC_NETVSP_H
#define DEVICES_SYNTHETIC_NETVSP_H

#include "devices/net/switch.h"
#include "devices/synthetic/nvsp.h"
#include "devices/synthetic/rndis.h"
#include "devices/vmbus/channel.h"

enum {
    NETVSP_SECTIONS_MAX = 16384,
    NETVSP_SECTION_LEAST = 1728,
    NETVSP_SEND_SECTION = 6144,
    NETVSP_BATCH = 32, /* frames of one packet to the guest */
    NETVSP_QUEUE_BYTES = 4 << 20,
    NETVSP_CONTROL_MAX =
        64, /* control messages that wait for a section; then the guest is not listening */
    NETVSP_FRAME_MAX = 64 << 10,
};

struct netvsp_config {
    const char *name; /* of the port; copied */
    unsigned number;  /* of this guest's adapters, from 0: makes the instance GUID */
    uint8_t mac[NET_MAC_BYTES];
    bool mac_fixed;  /* the guest may not change it, nor send from another */
    unsigned queues; /* 1 to VMBUS_CHANNELS */
    struct net_vlan vlan;
};

/* One piece of the receive buffer. */
struct netvsp_section {
    uint32_t next;   /* of its batch, or of the free ones; NETVSP_NONE ends */
    uint8_t head;    /* the first of a batch that the guest has; its index + 1 is the transaction */
    uint8_t channel; /* of a head */
};
#define NETVSP_NONE UINT32_MAX

struct netvsp_counters {
    uint64_t frames_out, frames_in, control_in, control_out; /* out: of the guest */
    uint64_t bad, no_section, lost;                          /* messages; times; frames */
};

/* A control message that waits. */
struct netvsp_control {
    struct netvsp_control *next;
    uint32_t n;
    uint8_t bytes[];
};

struct netvsp {
    struct vmbus_device vmbus; /* first */
    struct net_port port;
    struct net_queue queue; /* for the guest */
    struct timer timer;     /* moves frames, tells of the link */
    bool link_changed;      /* (atomic) */
    uint64_t told_ns;       /* when the guest was told of its link last, plus 1; 0: not yet */
    bool leaving;           /* it is being taken away: rescinded once the guest is quiet */
    struct timer leave;
    uint32_t leave_steps, leave_quiet; /* looks, and those in a row that saw nothing of the guest */
    uint64_t leave_packets;            /* of the guest at the last look */
    struct netvsp_config config;
    struct rndis rndis;

    /* Of the open primary channel; all 0 when it closes. */
    uint32_t version; /* 0: not agreed */
    uint32_t ndis_version;
    uint32_t frame_max;     /* of NDIS_CONFIG: MTU and header */
    uint32_t receive_gpadl; /* 0: none */
    uint32_t section_bytes, n_sections, n_free, first_free;
    struct netvsp_section *section; /* owned */
    uint32_t n_read_sections;       /* of a saved state, until all are read */
    uint32_t send_gpadl;
    uint32_t n_send_sections;
    struct netvsp_control *control_first, *control_last; /* owned */
    unsigned n_control;
    unsigned n_subchannels; /* granted */
    bool link_told;         /* what the guest was told last */
    struct netvsp_counters counters;
};

/* nv is zeroed memory. 0 or -errno. */
WARN_UNUSED int netvsp_init(struct netvsp *nv, const struct netvsp_config *config,
                            struct clock *clock, struct trace *trace, uint32_t partition);
/* After the server has let it go. It is unplugged. */
void netvsp_fini(struct netvsp *nv);
/* Plug the adapter into a switch. Before the guest sees it, or at any time: the link goes up. */
WARN_UNUSED int netvsp_plug(struct netvsp *nv, struct net_switch *net, struct error *error);
void netvsp_unplug(struct netvsp *nv);
/* Take it away: the guest is told that its link is down, and the offer is rescinded once it sends no more, 6 s later at most. Linux hears
 * no completion after a rescind and would wait for one for ever. Locked. */
void netvsp_leave(struct netvsp *nv);

/* Its saved state: buffers, frames and control messages that wait, RNDIS, the port. Read when it is plugged in; afterwards net_switch_replace. */
enum { NETVSP_STATE_ROWS = 33 };
extern const struct state_field netvsp_state_rows[];
WARN_UNUSED int netvsp_state_loaded(void *object, struct error *error);

/* ---- among netvsp*.c; locked ---- */

void netvsp_bad(struct netvsp *nv, const char *why, uint64_t value);

/* An NVSP message of the guest. */
void netvsp_message(struct netvsp *nv, struct vmbus_channel *channel,
                    const struct vmbus_packet *packet);
void netvsp_send_buffer_drop(struct netvsp *nv);
/* Advice, when the last sub-channel is open: which one the guest shall send a flow on. */
void netvsp_send_table(struct netvsp *nv);

/* A data or control packet of the guest. Returns NVSP_STATUS_*. */
uint32_t netvsp_take_rndis(struct netvsp *nv, const struct vmbus_packet *packet);

/* Move what waits for the guest as far as it goes. */
void netvsp_move(struct netvsp *nv);
/* The guest gave a batch back. */
void netvsp_completed(struct netvsp *nv, uint64_t transaction);
void netvsp_send_control(struct netvsp *nv, const uint8_t *bytes, uint32_t n);
/* Only into the list. False: no room. */
WARN_UNUSED bool netvsp_control_wait(struct netvsp *nv, const uint8_t *bytes, uint32_t n);
void netvsp_control_drop(struct netvsp *nv);
/* Set up or drop the receive buffer's sections. */
WARN_UNUSED bool netvsp_sections_make(struct netvsp *nv, uint32_t bytes);
void netvsp_sections_drop(struct netvsp *nv);
/* A sub-channel closed: what the guest had of it comes back. */
void netvsp_sections_reclaim(struct netvsp *nv, unsigned channel);

#endif
