/* Remote NDIS: control messages and data packets between a synthetic network adapter and its driver. [MS-RNDIS; NDIS offload and RSS
 * structures; LINUX include/linux/rndis.h, drivers/net/hyperv/hyperv_net.h]
 *
 * Pure: bytes in, bytes out. What a message changes is kept in struct rndis; what it asks of the adapter goes through rndis_ops.
 *
 *   message:  u32 type, u32 length, then per type; offsets inside count from byte 8
 */
#ifndef DEVICES_SYNTHETIC_RNDIS_H
#define DEVICES_SYNTHETIC_RNDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/state.h"
#include "devices/net/rss.h"
#include "devices/net/switch.h"

/* clang-format off */
/* X(code, NAME, least bytes, what): messages of the guest. */
#define RNDIS_MESSAGES(X) \
    X(1, PACKET,     44, data) \
    X(2, INITIALIZE, 24, answered) \
    X(3, HALT,       12, silent) \
    X(4, QUERY,      28, answered) \
    X(5, SET,        28, answered) \
    X(6, RESET,      12, answered) \
    X(8, KEEPALIVE,  12, answered)
/* X(code, NAME, how): host: of the host; not_built: of the guest, traced and not answered. */
#define RNDIS_MESSAGES_OTHER(X) \
    X(7, INDICATE, host) \
    X(9, SET_EX,   not_built)

/* X(type, NAME, what is taken of the guest, what is told to it): per-packet information. [LINUX hyperv_net.h enum ndis_per_pkt_info_type] */
#define RNDIS_PPIS(X) \
    X(0,  CHECKSUM,             done,    done) \
    X(1,  IPSEC,                skipped, never) \
    X(2,  LSO,                  done,    never) \
    X(3,  CLASSIFICATION,       skipped, never) \
    X(5,  SG_LIST,              skipped, never) \
    X(6,  VLAN,                 done,    done) \
    X(7,  ORIGINAL_PACKET,      skipped, never) \
    X(8,  HASH,                 skipped, done) \
    X(9,  ORIGINAL_BUFFER_LIST, skipped, never) \
    X(10, CACHED_BUFFER_LIST,   skipped, never) \
    X(11, SHORT_PACKET_PADDING, skipped, never)
/* clang-format on */

enum rndis_ppi {
#define X(type, name, from, to) RNDIS_PPI_##name = type,
    RNDIS_PPIS(X)
#undef X
};

enum rndis_message {
#define X(code, name, least, what) RNDIS_##name = code,
    RNDIS_MESSAGES(X)
#undef X
#define X(code, name, how) RNDIS_##name = code,
        RNDIS_MESSAGES_OTHER(X)
#undef X
};

static inline uint32_t rndis_complete(uint32_t type)
{
    return type | UINT32_C(0x80000000);
}

enum {
    RNDIS_HEADER = 8,
    RNDIS_PACKET_HEADER = 44,
    RNDIS_CONTROL_MAX = 4096, /* bytes of a control message of either side */
    RNDIS_PPI_HEADER = 12,
    RNDIS_PPI_BYTES_MAX = 1024,
    /* What we put before a frame at most: three PPIs of 4 bytes each. */
    RNDIS_OVERHEAD = RNDIS_PACKET_HEADER + 3 * (RNDIS_PPI_HEADER + 4),
    RNDIS_PACKETS_PER_MESSAGE = 8,
    RNDIS_ALIGNMENT_LOG2 = 3,
    RNDIS_LSO_MAX = 62780, /* bytes of a large send */
    RNDIS_MTU_DEFAULT = 1500,
    RNDIS_MTU_MAX = 9000,
};

/* Statuses. [MS-RNDIS 2.2; NDIS_STATUS] */
#define RNDIS_STATUS_SUCCESS          UINT32_C(0x00000000)
#define RNDIS_STATUS_FAILURE          UINT32_C(0xc0000001)
#define RNDIS_STATUS_NOT_SUPPORTED    UINT32_C(0xc00000bb)
#define RNDIS_STATUS_INVALID_LENGTH   UINT32_C(0xc0010014)
#define RNDIS_STATUS_INVALID_DATA     UINT32_C(0xc0010015)
#define RNDIS_STATUS_BUFFER_TOO_SHORT UINT32_C(0xc0010016)
#define RNDIS_STATUS_CONNECT          UINT32_C(0x4001000b)
#define RNDIS_STATUS_DISCONNECT       UINT32_C(0x4001000c)

/* Offload parameters: what the guest turned on. */
enum {
    RNDIS_OFFLOAD_TX = 1,
    RNDIS_OFFLOAD_RX = 2,
};

struct rndis {
    bool initialized;
    uint8_t permanent_mac[NET_MAC_BYTES], mac[NET_MAC_BYTES];
    bool mac_fixed; /* the guest may not change its address */
    uint32_t mtu;
    uint32_t speed_100bps;
    uint32_t queues; /* receive queues at most; below 2: no RSS */
    uint32_t filter, lookahead;
    uint8_t groups[NET_PORT_GROUPS * NET_MAC_BYTES];
    uint32_t n_groups;
    uint8_t ip4, tcp4, udp4, tcp6, udp6; /* RNDIS_OFFLOAD_* */
    bool lso4, lso6;
    struct net_rss rss;
    const struct net_port *port; /* link and counters; NULL in tests of bytes alone */
};

/* What changed in struct rndis, for the adapter. */
enum {
    RNDIS_CHANGED_FILTER = 1u << 0, /* filter, groups */
    RNDIS_CHANGED_MAC = 1u << 1,
    RNDIS_CHANGED_OFFLOAD = 1u << 2,
    RNDIS_CHANGED_RSS = 1u << 3,
    RNDIS_CHANGED_HALTED = 1u << 4, /* halt or reset */
};

struct rndis_answer {
    uint32_t n;       /* bytes of the answer; 0: none */
    unsigned changed; /* RNDIS_CHANGED_* */
    uint32_t unknown; /* an OID, or a message type, that is not built; 0: none */
    uint8_t bytes[RNDIS_CONTROL_MAX];
};

/* MAC, MTU, speed and queues are set; the rest becomes what it is at power-on. */
void rndis_reset(struct rndis *rndis);
/* A control message, copied. */
void rndis_control(struct rndis *rndis, const uint8_t *message, uint32_t n,
                   struct rndis_answer *answer);
/* The indication that the link is up or down; returns its bytes. */
uint32_t rndis_indicate_link(bool up, uint8_t bytes[RNDIS_CONTROL_MAX]);

/* ---- data ---- */

/* What precedes a frame of the guest. */
struct rndis_packet {
    uint32_t message;      /* bytes, to where the next begins */
    uint32_t data, length; /* of the frame, from the message's first byte */
    bool tagged;
    uint16_t tag;
    unsigned fill; /* NET_FILL_* */
    uint16_t mss;
};

/* The first `n` bytes of a packet message (all of it or RNDIS_PPI_BYTES_MAX at least) of which `left` bytes are there at all. False: it
 * breaks the rules. */
bool rndis_packet_parse(struct rndis_packet *packet, const uint8_t *bytes, uint32_t n,
                        uint32_t left);

/* What precedes a frame for the guest: the header and the per-packet information the guest asked for. Returns its bytes, at most
 * RNDIS_OVERHEAD. */
uint32_t rndis_packet_build(const struct rndis *rndis, const struct net_frame *frame,
                            const uint32_t *hash, uint8_t bytes[RNDIS_OVERHEAD]);

extern const struct state_table rndis_saved_table;

#endif
