/* A VMBus server with a wire of the test's, guest memory, a device that records, and the guest's side of messages and rings as
 * Linux does them. */
#ifndef TESTS_SUPPORT_VMBUS_RIG_H
#define TESTS_SUPPORT_VMBUS_RIG_H

#include "partitions/vmbus/server.h"

enum {
    RIG_PAGES = 2048, /* of guest memory, from GPA 0 */
    RIG_HOLE = 100,   /* a page that the child does not have */
    RIG_FIRST_PAGES = 128,
    RIG_VPS = 4,
    RIG_OUT = 1024,
    RIG_RINGS = 8, /* pages of the rings that rig_open_at makes: 4 each way */
};

struct rig_message {
    size_t n;
    uint8_t bytes[VMBUS_MESSAGE_MAX];
};

struct rig_device {
    struct vmbus_device vmbus; /* first */
    unsigned opened, closed, packets, gpadls_gone, writable, resets;
    int open_status;
    unsigned sent_at_open;  /* packets of 1 KiB, before it says so */
    enum vmbus_taken taken; /* what packet answers */
    bool echo;              /* answer each packet: a completion if it asks for one, else a packet */
    struct vmbus_packet last;
    uint8_t last_payload[4096];
};

struct vmbus_rig {
    struct ram ram;
    struct clock clock;
    struct trace trace;
    struct vmbus_server server;
    struct rig_device device, second;

    /* The wire. */
    struct rig_message out[RIG_OUT];
    unsigned n_out, taken;
    bool contacted;
    uint32_t contact_vp;
    unsigned contact_sint;
    bool listens[VMBUS_RELIDS], attached[VMBUS_RELIDS];
    uint32_t attached_vp[VMBUS_RELIDS];
    unsigned signals[VMBUS_RELIDS], wakes, gone, listen_limit, n_listens;
    int post_status; /* what post answers; 0: takes it */
};

/* With the device offered when the guest asks; `second` is not added. */
struct vmbus_rig *vmbus_rig_create(void);
void vmbus_rig_destroy(struct vmbus_rig *rig);
/* The same rig as new, for who makes thousands: what was added to the server is gone from it, and the first RIG_FIRST_PAGES of memory are
 * zeros. */
void vmbus_rig_again(struct vmbus_rig *rig);
void rig_device_init(struct vmbus_rig *rig, struct rig_device *device, uint8_t instance);

/* ---- the guest's messages ---- */

void rig_send(struct vmbus_rig *rig, enum vmbus_message number, void *message, size_t n);
/* The next message of the host, or NULL. */
const struct rig_message *rig_next(struct vmbus_rig *rig);
/* The next one, which must be of that number; NULL otherwise. */
const uint8_t *rig_expect(struct vmbus_rig *rig, enum vmbus_message number);

bool rig_contact(struct vmbus_rig *rig, uint32_t version);
/* Contact of 5.3, offers; the device's relid. */
uint32_t rig_connect(struct vmbus_rig *rig);
/* Announce n pages from gpfn on, in as many messages as it takes. The status, or UINT32_MAX: no answer. */
uint32_t rig_gpadl(struct vmbus_rig *rig, uint32_t relid, uint32_t id, uint64_t gpfn, unsigned n);
/* The status, or UINT32_MAX. */
uint32_t rig_open(struct vmbus_rig *rig, uint32_t relid, uint32_t gpadl, uint32_t vp,
                  uint32_t downstream);
/* Rings from page gpfn on, zeroed, GPADL id 0xe1e10 + relid. True: opened. */
bool rig_open_at(struct vmbus_rig *rig, uint32_t relid, uint64_t gpfn);
void rig_close(struct vmbus_rig *rig, uint32_t relid);
bool rig_teardown(struct vmbus_rig *rig, uint32_t relid, uint32_t id);

/* ---- the guest's rings ---- */

struct rig_ring {
    uint8_t *control, *data;
    uint32_t size;
};

struct rig_ring rig_ring(struct vmbus_rig *rig, uint64_t gpfn, unsigned pages);

static inline struct rig_ring rig_ring_out(struct vmbus_rig *rig, uint64_t gpfn) /* guest to host */
{
    return rig_ring(rig, gpfn, RIG_RINGS / 2);
}

static inline struct rig_ring rig_ring_in(struct vmbus_rig *rig, uint64_t gpfn)
{
    return rig_ring(rig, gpfn + RIG_RINGS / 2, RIG_RINGS / 2);
}

/* Put a packet (header bytes and payload behind the descriptor). False: full. *signal: the host is to be told. */
bool rig_put(struct rig_ring *ring, unsigned type, unsigned flags, uint64_t transaction,
             const void *header, uint32_t n_header, const void *payload, uint32_t n, bool *signal);
/* Get a packet whole, with its descriptor, checking its trailer; its length, 0: none. *signal: the host waits for room. */
uint32_t rig_get(struct rig_ring *ring, uint8_t *packet, uint32_t size, bool *signal);

#endif
