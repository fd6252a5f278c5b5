/* Integration components: what all of them share. One channel in pipe mode; the host speaks first, agrees on a framework and a
 * message version, then each component's own exchange. [LINUX include/linux/hyperv.h struct icmsg_hdr; drivers/hv/channel_mgmt.c
 * vmbus_prep_negotiate_resp]
 *
 *   pipe header:  u32 1, u32 bytes that follow
 *   header:       framework version u16 u16, u16 message type, message version u16 u16, u16 bytes of the body, u32 status,
 *                 u8 transaction, u8 flags, u16 0
 *
 * Functions named ic_* and those of the components are called with the device locked, or while the machine stands still.
 */
#ifndef DEVICES_SYNTHETIC_IC_H
#define DEVICES_SYNTHETIC_IC_H

#include "devices/vmbus/channel.h"

enum { IC_BODY_MAX = 16 << 10, IC_VERSIONS_MAX = 8 };

/* Statuses of answers: HRESULTs. [LINUX include/linux/hyperv.h] */
#define IC_STATUS_OK   UINT32_C(0)
#define IC_STATUS_FAIL UINT32_C(0x80004005)
#define IC_STATUS_CONT UINT32_C(0x80070103) /* no more data */

/* X(type, NAME, whether a component of it is offered). [LINUX include/linux/hyperv.h ICMSGTYPE_*; OPENVMM hyperv_ic_protocol] */
#define IC_MESSAGES(X)                                                                             \
    X(0, NEGOTIATE, every)                                                                         \
    X(1, HEARTBEAT, offered)                                                                       \
    X(2, KVP, offered)                                                                             \
    X(3, SHUTDOWN, offered)                                                                        \
    X(4, TIMESYNC, offered)                                                                        \
    X(5, VSS, not_offered)                                                                         \
    X(6, REMOTE_DESKTOP, not_offered)                                                              \
    X(7, GUEST_SERVICES, not_offered)                                                              \
    X(8, VM_SESSION, not_offered)

enum ic_message_type {
#define X(type, name, offered) IC_MESSAGE_##name = type,
    IC_MESSAGES(X)
#undef X
};

struct ic_version {
    uint16_t major, minor;
};

/* An answer of the guest, copied. */
struct ic_answer {
    uint32_t status;
    uint8_t transaction;
    const uint8_t *body;
    uint32_t n;
};

struct ic;

struct ic_kind {
    struct device_type type;
    struct vmbus_guid class, instance;
    enum ic_message_type message;
    const struct ic_version *versions; /* newest first */
    unsigned n_versions;
    void (*agreed)(struct ic *ic, uint64_t now_ns); /* versions are settled */
    void (*answered)(struct ic *ic, const struct ic_answer *answer);
    void (*tick)(struct ic *ic, uint64_t now_ns); /* the timer that ic_tick_at set. May be NULL */
    void (*closed)(struct ic *ic);                /* may be NULL */
};

/* What a component is told of the world. */
struct ic_world {
    struct clock *clock;
    struct trace *trace;
    uint32_t partition;
    uint64_t (*wall_100ns)(void *opaque);      /* the host's time since 1601, UTC */
    uint64_t (*reference_100ns)(void *opaque); /* the guest's reference time */
    void *opaque;
};

struct ic {
    struct vmbus_device vmbus; /* first */
    const struct ic_kind *kind;
    struct ic_world world;
    struct vmbus_channel *channel; /* NULL: closed */
    bool agreed, refused;          /* refused: no common version */
    struct ic_version framework, version;
    uint8_t transaction; /* of the last request */
    struct timer timer;
};

/* Rows of struct ic in a component's saved state; read after its channels. */
extern const struct state_table ic_saved_table;

WARN_UNUSED int ic_init(struct ic *ic, const struct ic_kind *kind, const struct ic_world *world);
void ic_fini(struct ic *ic);

/* Send a request of the component's message type. -ENOTCONN: the guest does not listen. */
int ic_request(struct ic *ic, const void *body, uint32_t n);
void ic_tick_at(struct ic *ic, uint64_t deadline_ns);

#endif
