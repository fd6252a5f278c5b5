/* What a synthetic device (VSP) sees of VMBus: its offer, its channels, their packets, its guest's memory. [TLFS; LINUX
 * drivers/hv/channel.c, ring_buffer.c for the other side of the contract]
 *
 * A device fills a struct vmbus_device (first member of its own), calls vmbus_device_init, and is given to the server
 * (vmbus_server_add), which offers it. From then on the server calls ops.
 *
 * Threads and locks. Every op, and every vmbus_channel_* call, runs with device.lock held. Ops are called on the machine's clock
 * thread: at virtual instants, in the same order in every run with the virtual clock. A device's own timers (struct timer on
 * `clock`) take the lock themselves (vmbus_device_lock) and may then call vmbus_channel_*. Host threads (disks, sockets) never
 * touch a channel or guest memory: they work on the host's bytes and post a struct completion (devices/completion.h), whose
 * callback comes back on the clock thread. Nothing here calls back into the device except where an op is named, and a device
 * calls upward only by posting: what it asks of the server happens after it has let go of its lock.
 *
 * Back pressure. vmbus_channel_send never loses a packet: when the guest's ring is full it waits in the channel, in order, and
 * while anything waits no packet is taken from the guest. A device that makes packets by itself (not answering the guest's) looks
 * at vmbus_channel_congested first.
 */
#ifndef DEVICES_VMBUS_CHANNEL_H
#define DEVICES_VMBUS_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/state.h"
#include "devices/device.h"
#include "devices/vmbus/guid.h"
#include "devices/vmbus/memory.h"
#include "devices/vmbus/packet.h"
#include "devices/vmbus/ring.h"

struct vmbus_channel;
struct vmbus_device;

enum {
    VMBUS_USER_BYTES = 120,
    VMBUS_CHANNELS = 64, /* of one device: the primary and its sub-channels */

    /* vmbus_offer.flags */
    VMBUS_OFFER_ENUMERATE = 1u << 0,
    VMBUS_OFFER_NAMED_PIPE =
        1u << 4, /* user_defined begins with the pipe mode u32: 4 is message mode */
    VMBUS_OFFER_LOOPBACK = 1u << 8,
    VMBUS_OFFER_PARENT = 1u << 9,
    VMBUS_OFFER_SOCKET = 1u << 13, /* hv_sock */
    VMBUS_PIPE_MODE_MESSAGE = 4,
};

struct vmbus_offer {
    struct vmbus_guid type, instance;
    uint16_t flags;          /* VMBUS_OFFER_* */
    uint16_t mmio_megabytes; /* of register space that the guest shall give it */
    uint8_t user_defined[VMBUS_USER_BYTES];
};

enum vmbus_taken {
    VMBUS_TAKEN,
    VMBUS_LATER, /* the packet stays in the ring; nothing more is taken until vmbus_channel_resume */
};

struct vmbus_device_ops {
    /* The guest opened a channel: user_data, rings and target VP are set. 0 or -errno: OPENCHANNEL fails. */
    int (*open)(struct vmbus_device *dev, struct vmbus_channel *channel);
    /* It is closed, by the guest or because the offer or the guest goes away. Forget all that is under way for it: completions of
     * it are never sent. Sub-channels are closed before the primary. */
    void (*close)(struct vmbus_device *dev, struct vmbus_channel *channel);
    /* The next packet. */
    enum vmbus_taken (*packet)(struct vmbus_device *dev, struct vmbus_channel *channel,
                               const struct vmbus_packet *packet);
    /* The channel was congested and is not any more. May be NULL. */
    void (*writable)(struct vmbus_device *dev, struct vmbus_channel *channel);
    /* The offer is about to be taken back: end what is under way with the guest. False: not yet; the device calls
     * vmbus_device_rescind again when it may be so. May be NULL. */
    bool (*leave)(struct vmbus_device *dev);
    /* A GPADL that the guest made on one of the channels is about to go: drop it. May be NULL. */
    void (*gpadl_gone)(struct vmbus_device *dev, uint32_t gpadl);
};

/* A guest's buffer that it announced beforehand. */
struct vmbus_gpadl {
    struct vmbus_gpadl *next; /* of the device; newest first */
    uint32_t id;              /* the guest's */
    struct vmbus_channel *channel;
    struct vmbus_buffer buffer;
    unsigned rings; /* open channels whose rings lie in it: it cannot be torn down */
};

/* What a channel asks of the server. Called with the device locked: posts only. */
struct vmbus_host_ops {
    void (*signal)(void *opaque,
                   struct vmbus_channel *channel); /* interrupt the guest: a ring changed */
    void (*wanted)(void *opaque, struct vmbus_device *dev); /* look at wanted_* */
};

struct vmbus_counters {
    uint64_t packets_in, packets_out, bytes_in, bytes_out, signals_in, signals_out, full;
};

struct vmbus_channel {
    struct vmbus_device *device;
    unsigned index; /* 0: the primary */
    void *opaque;   /* the device's own */

    /* The server's; 0 while not offered. */
    uint32_t relid, connection_id;
    bool offered, rescinded; /* rescinded: offered until the guest releases the relid */

    bool open;
    uint32_t open_id, target_vp, ring_gpadl, ring_offset; /* of OPENCHANNEL; ring_offset in pages */
    uint8_t user_data[VMBUS_USER_BYTES];                  /* likewise */
    struct vmbus_ring in, out;                            /* guest to host, host to guest */

    bool broken; /* the guest broke the ring's rules: nothing moves until it closes the channel */
    bool paused; /* VMBUS_LATER */
    bool wanted; /* run it again: resumed */
    bool congested;
    uint8_t *waiting; /* owned: packets that did not fit, one after the other, trailers included */
    uint32_t n_waiting, waiting_room;
    uint8_t *scratch; /* owned while open: the packet in hand */
    struct vmbus_counters counters;
};

struct vmbus_device {
    struct device device; /* first */
    const struct vmbus_device_ops *ops;
    struct vmbus_offer offer;
    struct clock *clock;
    const struct vmbus_memory *memory; /* of the guest; set when it is added to a server */
    const struct vmbus_host_ops *host; /* likewise; NULL: not added */
    void *host_opaque;
    struct vmbus_device *next;                     /* the server's list */
    struct vmbus_channel *channel[VMBUS_CHANNELS]; /* [0] is there from vmbus_device_init on */
    unsigned n_channels;
    unsigned wanted_channels; /* offer channels up to this number */
    bool wanted_rescind;
    struct vmbus_gpadl *gpadls;
};

/* ---- life ---- */

/* dev is zeroed memory but for what the device has filled in. type->reset (may be NULL) is called when the guest is reset, after
 * close of all channels. 0 or -ENOMEM. */
WARN_UNUSED int vmbus_device_init(struct vmbus_device *dev, const struct device_type *type,
                                  const struct vmbus_device_ops *ops,
                                  const struct vmbus_offer *offer, struct clock *clock,
                                  struct trace *trace, uint32_t partition);
/* After the server has let it go. Calls type->fini. */
void vmbus_device_fini(struct vmbus_device *dev);

static inline void vmbus_device_lock(struct vmbus_device *dev)
{
    host_mutex_lock(&dev->device.lock);
}

static inline void vmbus_device_unlock(struct vmbus_device *dev)
{
    host_mutex_unlock(&dev->device.lock);
}

/* ---- channels: with the lock ---- */

/* Offer sub-channels 1..n (of n there may be some already; at most VMBUS_CHANNELS - 1). Posted: the offers follow what was sent
 * before, so send the completion that announces them first. False: too many. */
WARN_UNUSED bool vmbus_device_offer_subchannels(struct vmbus_device *dev, unsigned n);
/* Take the offer back. Posted. The guest closes or not; ops->close is called, then the server forgets the device. */
void vmbus_device_rescind(struct vmbus_device *dev);

/* Send a packet of the host. -ENOTCONN: not open or broken (drop it); -ENOBUFS: more waits than VMBUS_WAITING_MAX (a device that looks
 * at congested never sees it, nor does one that answers the guest's packets); -EMSGSIZE. */
enum { VMBUS_WAITING_MAX = 1 << 20 };
int vmbus_channel_send(struct vmbus_channel *channel, const void *payload, uint32_t n,
                       uint64_t transaction, bool wants_completion);
/* The completion of a packet of the guest: transaction as it came. Only for those that asked. */
int vmbus_channel_complete(struct vmbus_channel *channel, uint64_t transaction, const void *payload,
                           uint32_t n);
/* Data that lies in a GPADL that the guest knows by page_set. */
int vmbus_channel_send_transfer(struct vmbus_channel *channel, uint16_t page_set,
                                const struct vmbus_transfer_range *ranges, uint32_t n_ranges,
                                const void *payload, uint32_t n, uint64_t transaction);

/* Does anything wait for room in the guest's ring? */
bool vmbus_channel_congested(const struct vmbus_channel *channel);
/* After VMBUS_LATER: take packets again. Posted. */
void vmbus_channel_resume(struct vmbus_channel *channel);
/* The guest broke the device's protocol so that going on makes no sense: nothing moves until it closes the channel. `why` is a literal. */
void vmbus_channel_break(struct vmbus_channel *channel, const char *why, uint64_t value);

/* A GPADL of the device by the guest's id, or NULL. Good until gpadl_gone or the end of the channel. */
struct vmbus_gpadl *vmbus_device_gpadl(struct vmbus_device *dev, uint32_t id);

/* ---- the server's side: with the lock ---- */

/* Move what waits, take packets until there is none. After a signal, a resume, an open. */
void vmbus_channel_run(struct vmbus_channel *channel);
/* Rings from the GPADL, then ops->open. 0 or -errno. */
WARN_UNUSED int vmbus_channel_open(struct vmbus_channel *channel, struct vmbus_gpadl *gpadl);
void vmbus_channel_close(struct vmbus_channel *channel);
/* Make channel[n]. */
WARN_UNUSED int vmbus_device_grow(struct vmbus_device *dev);

/* For saved state: open as it was, with the host's indices, without ops->open. 0 or -errno. */
WARN_UNUSED int vmbus_channel_restore(struct vmbus_channel *channel, struct vmbus_gpadl *gpadl,
                                      uint32_t in_index, uint32_t out_index);
/* Is what waits a row of packets that the ring can hold? */
bool vmbus_channel_waiting_is_whole(const struct vmbus_channel *channel);

#endif
