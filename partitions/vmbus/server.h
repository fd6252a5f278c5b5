/* The VMBus server of one child: a protocol machine. Messages and signals come in by function calls, what goes out leaves through
 * struct vmbus_wire_ops. [LINUX drivers/hv/connection.c, channel_mgmt.c for the other side; messages.h for the table]
 *
 * Threads. Every function is called on the machine's clock thread or while the machine stands still, except vmbus_server_wake. The
 * order of locks: the server's, a device's, the hypervisor's. Ops of devices are called with the device's lock.
 */
#ifndef PARTITIONS_VMBUS_SERVER_H
#define PARTITIONS_VMBUS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/trace.h"
#include "devices/vmbus/channel.h"
#include "partitions/vmbus/messages.h"

enum {
    VMBUS_RELIDS = 256, /* of one child; relid 0 is none */
    VMBUS_GPADLS_MAX = 1024,
    VMBUS_GPADL_PAGES_MAX = 1 << 17, /* of all GPADLs of a child: 512 MiB */
    VMBUS_GPADLS_INCOMPLETE_MAX = 16,
    VMBUS_OUT_HIGH = 64, /* no message is taken in while so many wait to go out */
    VMBUS_MESSAGE_MAX = 240,
    VMBUS_SINT = 2,
    VMBUS_CONNECTION_MESSAGES = 1,
    VMBUS_CONNECTION_MESSAGES_5 = 4,
    VMBUS_CONNECTION_EVENTS = 0x2000, /* + relid */
};

/* What the server does to the world. None blocks, none calls back. */
struct vmbus_wire_ops {
    /* From now on messages go to this VP's SINT. 0 or -errno: the guest has no such VP. */
    int (*contact)(void *opaque, uint32_t vp, unsigned sint);
    void (*hang_up)(void *opaque);
    /* 0; -EAGAIN: try later; else it is lost: the guest does not listen. */
    int (*post)(void *opaque, const uint8_t *message, size_t n);
    /* The guest may signal relid on VMBUS_CONNECTION_EVENTS + relid. 0 or -errno. */
    int (*listen)(void *opaque, uint32_t relid);
    void (*unlisten)(void *opaque, uint32_t relid);
    /* Signals of relid go to this VP. 0 or -errno. */
    int (*attach)(void *opaque, uint32_t relid, uint32_t vp, unsigned sint);
    void (*detach)(void *opaque, uint32_t relid);
    void (*signal)(void *opaque, uint32_t relid);
    /* The server wants vmbus_server_work soon. Any thread. */
    void (*wake)(void *opaque);
    /* The server has forgotten a device that was to be removed: free it, or keep it. */
    void (*gone)(void *opaque, struct vmbus_device *dev);
};

struct vmbus_out {
    struct vmbus_out *next;
    uint8_t n;
    uint8_t bytes[VMBUS_MESSAGE_MAX];
};

/* A GPADL whose pages have not all come. */
struct vmbus_gpadl_incomplete {
    struct vmbus_gpadl_incomplete *next;
    uint32_t relid, id;
    uint32_t n_ranges, bytes, have;
    uint8_t range[];
};

struct vmbus_server_counters {
    uint64_t messages_in, messages_out, messages_bad, messages_lost, contacts, unloads;
};

struct vmbus_server {
    const struct vmbus_wire_ops *wire;
    void *opaque;
    struct vmbus_memory memory;
    struct trace *trace;
    uint32_t partition; /* for the trace */
    struct host_mutex lock;

    bool connected;        /* a version is agreed on */
    bool offers_requested; /* offers go out */
    uint32_t version, target_vp;
    unsigned sint;

    struct vmbus_device *devices; /* in the order they were added */
    struct vmbus_channel *relid[VMBUS_RELIDS];
    uint32_t last_relid;
    struct vmbus_gpadl_incomplete *incomplete;
    unsigned n_incomplete, n_gpadls;
    uint64_t gpadl_pages;

    struct vmbus_out *out_first, *out_last;
    unsigned n_out;
    bool
        retry; /* the guest's buffers were full, or a channel is congested: work again after a while */
    bool wanted; /* (atomic) a device asked for something */
    struct vmbus_server_counters counters;
};

/* memory, trace, partition: copied. */
void vmbus_server_init(struct vmbus_server *server, const struct vmbus_wire_ops *wire, void *opaque,
                       const struct vmbus_memory *memory, struct trace *trace, uint32_t partition);
/* Devices are taken away, without gone being called. */
void vmbus_server_fini(struct vmbus_server *server);

/* Offer a device, now if the guest is there. It stays the caller's. */
void vmbus_server_add(struct vmbus_server *server, struct vmbus_device *dev);

/* A message of the guest. */
void vmbus_server_message(struct vmbus_server *server, const uint8_t *message, size_t n);
/* May more messages be taken in? */
bool vmbus_server_accepts(const struct vmbus_server *server);
/* The guest signalled a channel. */
void vmbus_server_signaled(struct vmbus_server *server, uint32_t relid);
/* What devices asked for, and what waits to go out. */
void vmbus_server_work(struct vmbus_server *server);
/* The guest was reset: everything it made is gone, nothing is sent; devices are reset. */
void vmbus_server_reset(struct vmbus_server *server);

/* RAM pages that a GPADL takes. */
uint64_t vmbus_gpadl_pages(const struct vmbus_buffer *buffer);

/* Is it a message that a host may send? */
bool vmbus_is_hosts_message(const uint8_t *message, size_t n);

/* The device whose class or instance GUID begins so, or NULL. */
struct vmbus_device *vmbus_server_find(struct vmbus_server *server, const char *guid_text);

#endif
