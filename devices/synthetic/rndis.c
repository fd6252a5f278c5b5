/* Remote NDIS messages and packets. [MS-RNDIS 2.2; NDIS per-packet information] */
#include "devices/synthetic/rndis.h"

#include <string.h>

#include "base/bytes.h"
#include "devices/net/offload.h"
#include "devices/synthetic/rndis_oid.h"

enum {
    MAJOR_VERSION = 1,
    MINOR_VERSION = 0,
    CONNECTIONLESS = 1,
    QUERY_COMPLETE_BYTES = 24,
    SET_COMPLETE_BYTES = 16,
    INITIALIZE_COMPLETE_BYTES = 52,
    INFO_AT = 8 + 16, /* of a query's answer: 16 behind the request id */

    /* Per-packet information: u32 size, u32 type (bit 31: internal), u32 offset of the value in it. */
    PPIS_MAX = 32,

    /* The checksum value, to us */
    SEND_IS_IPV4 = 1u << 0,
    SEND_IS_IPV6 = 1u << 1,
    SEND_TCP = 1u << 2,
    SEND_UDP = 1u << 3,
    SEND_IP = 1u << 4,
    /* and to the guest */
    RECEIVE_TCP_FAILED = 1u << 0,
    RECEIVE_UDP_FAILED = 1u << 1,
    RECEIVE_IP_FAILED = 1u << 2,
    RECEIVE_TCP_SUCCEEDED = 1u << 3,
    RECEIVE_UDP_SUCCEEDED = 1u << 4,
    RECEIVE_IP_SUCCEEDED = 1u << 5,

    LSO_MSS = 0xfffff,
};
#define MAX_TRANSFER UINT32_C(0xefffffff)

void rndis_reset(struct rndis *rndis)
{
    rndis->initialized = false;
    memcpy(rndis->mac, rndis->permanent_mac, NET_MAC_BYTES);
    rndis->filter = 0;
    rndis->lookahead = rndis->mtu;
    rndis->n_groups = 0;
    rndis->ip4 = rndis->tcp4 = rndis->udp4 = rndis->tcp6 = rndis->udp6 = 0;
    rndis->lso4 = rndis->lso6 = false;
    memset(&rndis->rss, 0, sizeof(rndis->rss));
}

/* ---- control ---- */

static void answer_begin(struct rndis_answer *answer, uint32_t type, uint32_t n, uint32_t id,
                         uint32_t status)
{
    memset(answer->bytes, 0, n);
    le32_store(answer->bytes, rndis_complete(type));
    le32_store(answer->bytes + 4, n);
    le32_store(answer->bytes + 8, id);
    le32_store(answer->bytes + 12, status);
    answer->n = n;
}

static void initialize(struct rndis *rndis, const uint8_t *message, struct rndis_answer *answer)
{
    bool known = le32_load(message + 12) == MAJOR_VERSION;
    uint32_t status = known ? RNDIS_STATUS_SUCCESS : RNDIS_STATUS_FAILURE;
    uint8_t *bytes = answer->bytes;

    rndis->initialized = known;
    answer_begin(answer, RNDIS_INITIALIZE, INITIALIZE_COMPLETE_BYTES, le32_load(message + 8),
                 status);
    le32_store(bytes + 16, MAJOR_VERSION);
    le32_store(bytes + 20, MINOR_VERSION);
    le32_store(bytes + 24, CONNECTIONLESS);
    le32_store(bytes + 32, RNDIS_PACKETS_PER_MESSAGE);
    le32_store(bytes + 36, MAX_TRANSFER);
    le32_store(bytes + 40, RNDIS_ALIGNMENT_LOG2);
}

/* The value that comes with a query or a set. False: it lies outside. */
static bool info_of(const uint8_t *message, uint32_t n, const uint8_t **info, uint32_t *n_info)
{
    uint32_t length = le32_load(message + 16), at = le32_load(message + 20);

    if (length == 0) {
        *info = message;
        *n_info = 0;
        return true;
    }
    if (at > n - RNDIS_HEADER || length > n - RNDIS_HEADER - at) {
        return false;
    }
    *info = message + RNDIS_HEADER + at;
    *n_info = length;
    return true;
}

static void query(struct rndis *rndis, const uint8_t *message, uint32_t n,
                  struct rndis_answer *answer)
{
    uint32_t oid = le32_load(message + 12), n_asked, status = RNDIS_STATUS_INVALID_DATA;
    struct rndis_info info = { .n = 0 };
    const uint8_t *asked;

    if (info_of(message, n, &asked, &n_asked)) {
        status = rndis_oid_query(rndis, oid, asked, n_asked, &info);
    }
    if (status != RNDIS_STATUS_SUCCESS) {
        info.n = 0;
    }
    answer->unknown = status == RNDIS_STATUS_NOT_SUPPORTED ? oid : 0;
    answer_begin(answer, RNDIS_QUERY, QUERY_COMPLETE_BYTES + info.n, le32_load(message + 8),
                 status);
    if (info.n > 0) {
        le32_store(answer->bytes + 16, info.n);
        le32_store(answer->bytes + 20, INFO_AT - RNDIS_HEADER);
        memcpy(answer->bytes + INFO_AT, info.bytes, info.n);
    }
}

static void set(struct rndis *rndis, const uint8_t *message, uint32_t n,
                struct rndis_answer *answer)
{
    uint32_t oid = le32_load(message + 12), n_value, status = RNDIS_STATUS_INVALID_DATA;
    const uint8_t *value;

    if (info_of(message, n, &value, &n_value)) {
        status = rndis_oid_set(rndis, oid, value, n_value, &answer->changed);
    }
    answer->unknown = status == RNDIS_STATUS_NOT_SUPPORTED ? oid : 0;
    answer_begin(answer, RNDIS_SET, SET_COMPLETE_BYTES, le32_load(message + 8), status);
}

static uint32_t least_bytes(uint32_t type)
{
    switch (type) {
#define X(code, name, least, what)                                                                 \
    case RNDIS_##name:                                                                             \
        return least;
        RNDIS_MESSAGES(X)
#undef X
    default:
        return UINT32_MAX;
    }
}

void rndis_control(struct rndis *rndis, const uint8_t *message, uint32_t n,
                   struct rndis_answer *answer)
{
    uint32_t type = n >= RNDIS_HEADER ? le32_load(message) : 0;
    uint32_t length = n >= RNDIS_HEADER ? le32_load(message + 4) : 0;

    answer->n = 0;
    answer->changed = 0;
    answer->unknown = 0;
    if (length > n || length < least_bytes(type)) {
        answer->unknown = least_bytes(type) == UINT32_MAX ? type : 0;
        return;
    }
    switch (type) {
    case RNDIS_INITIALIZE:
        initialize(rndis, message, answer);
        break;
    case RNDIS_HALT:
        rndis_reset(rndis);
        answer->changed = RNDIS_CHANGED_HALTED | RNDIS_CHANGED_FILTER | RNDIS_CHANGED_MAC;
        break;
    case RNDIS_QUERY:
        query(rndis, message, length, answer);
        break;
    case RNDIS_SET:
        set(rndis, message, length, answer);
        break;
    case RNDIS_RESET: { /* status and "filters are lost" stand where others have the request id */
        bool was = rndis->initialized;
        rndis_reset(rndis);
        rndis->initialized = was;
        answer->changed = RNDIS_CHANGED_HALTED | RNDIS_CHANGED_FILTER | RNDIS_CHANGED_MAC;
        answer_begin(answer, RNDIS_RESET, 16, RNDIS_STATUS_SUCCESS, 1);
        break;
    }
    case RNDIS_KEEPALIVE:
        answer_begin(answer, RNDIS_KEEPALIVE, 16, le32_load(message + 8), RNDIS_STATUS_SUCCESS);
        break;
    default: /* RNDIS_PACKET on the control channel */
        break;
    }
}

uint32_t rndis_indicate_link(bool up, uint8_t bytes[RNDIS_CONTROL_MAX])
{
    enum { INDICATE_BYTES = 20 };

    memset(bytes, 0, INDICATE_BYTES);
    le32_store(bytes, RNDIS_INDICATE);
    le32_store(bytes + 4, INDICATE_BYTES);
    le32_store(bytes + 8, up ? RNDIS_STATUS_CONNECT : RNDIS_STATUS_DISCONNECT);
    return INDICATE_BYTES;
}

/* ---- packets of the guest ---- */

static void take_ppi(struct rndis_packet *packet, uint32_t type, uint32_t value)
{
    switch (type) {
    case RNDIS_PPI_CHECKSUM:
        packet->fill |= (value & SEND_TCP) != 0 ? NET_FILL_TCP : 0;
        packet->fill |= (value & SEND_UDP) != 0 ? NET_FILL_UDP : 0;
        packet->fill |= (value & SEND_IP) != 0 && (value & SEND_IS_IPV4) != 0 ? NET_FILL_IPV4 : 0;
        break;
    case RNDIS_PPI_LSO:
        packet->mss = (value & LSO_MSS) > UINT16_MAX ? UINT16_MAX : (uint16_t)(value & LSO_MSS);
        break;
    case RNDIS_PPI_VLAN: /* priority 2:0, CFI 3, VLAN 15:4 */
        packet->tagged = true;
        packet->tag = (uint16_t)((value & 7) << 13 | (value >> 3 & 1) << 12 | (value >> 4 & 0xfff));
        break;
    default: /* hash and others: advice only */
        break;
    }
}

static bool parse_ppis(struct rndis_packet *packet, const uint8_t *at, uint32_t n)
{
    for (unsigned i = 0; n > 0 && i < PPIS_MAX; i++) {
        if (n < RNDIS_PPI_HEADER) {
            return false;
        }
        uint32_t size = le32_load(at), type = le32_load(at + 4), offset = le32_load(at + 8);
        if (size < RNDIS_PPI_HEADER || size > n || offset > size) {
            return false;
        }
        if (size - offset >= 4 && type >> 31 == 0) {
            take_ppi(packet, type, le32_load(at + offset));
        }
        at += size;
        n -= size;
    }
    return true;
}

bool rndis_packet_parse(struct rndis_packet *packet, const uint8_t *bytes, uint32_t n,
                        uint32_t left)
{
    *packet = (struct rndis_packet){ 0 };
    if (n < RNDIS_PACKET_HEADER || le32_load(bytes) != RNDIS_PACKET) {
        return false;
    }
    uint32_t message = le32_load(bytes + 4);
    uint32_t data = le32_load(bytes + 8), length = le32_load(bytes + 12);
    uint32_t ppi = le32_load(bytes + 28), n_ppi = le32_load(bytes + 32);
    if (message < RNDIS_PACKET_HEADER || message > left || data > message - RNDIS_HEADER ||
        length > message - RNDIS_HEADER - data) {
        return false;
    }
    packet->message = message;
    packet->data = RNDIS_HEADER + data;
    packet->length = length;
    if (n_ppi == 0) {
        return true;
    }
    uint32_t seen = n < message ? n : message;
    if (ppi > seen - RNDIS_HEADER || n_ppi > seen - RNDIS_HEADER - ppi) {
        return false;
    }
    return parse_ppis(packet, bytes + RNDIS_HEADER + ppi, n_ppi);
}

/* ---- packets for the guest ---- */

static uint32_t put_ppi(uint8_t *bytes, uint32_t at, uint32_t type, uint32_t value)
{
    le32_store(bytes + at, RNDIS_PPI_HEADER + 4);
    le32_store(bytes + at + 4, type);
    le32_store(bytes + at + 8, RNDIS_PPI_HEADER);
    le32_store(bytes + at + RNDIS_PPI_HEADER, value);
    return at + RNDIS_PPI_HEADER + 4;
}

/* What the guest is told of the frame's checksums; 0: nothing. */
static uint32_t checksum_value(const struct rndis *rndis, const struct net_frame *frame)
{
    uint8_t on = rndis->ip4 | rndis->tcp4 | rndis->udp4 | rndis->tcp6 | rndis->udp6;
    uint32_t value = 0;

    if ((on & RNDIS_OFFLOAD_RX) == 0) {
        return 0;
    }
    struct net_checksums sums = net_offload_verify(frame);
    bool v4 = sums.ip_good || sums.ip_bad;
    if (v4 && (rndis->ip4 & RNDIS_OFFLOAD_RX) != 0) {
        value |= sums.ip_good ? RECEIVE_IP_SUCCEEDED : RECEIVE_IP_FAILED;
    }
    if (sums.protocol == NET_PROTOCOL_TCP &&
        ((v4 ? rndis->tcp4 : rndis->tcp6) & RNDIS_OFFLOAD_RX) != 0) {
        value |= sums.l4_good ? RECEIVE_TCP_SUCCEEDED : 0;
        value |= sums.l4_bad ? RECEIVE_TCP_FAILED : 0;
    }
    if (sums.protocol == NET_PROTOCOL_UDP &&
        ((v4 ? rndis->udp4 : rndis->udp6) & RNDIS_OFFLOAD_RX) != 0) {
        value |= sums.l4_good ? RECEIVE_UDP_SUCCEEDED : 0;
        value |= sums.l4_bad ? RECEIVE_UDP_FAILED : 0;
    }
    return value;
}

uint32_t rndis_packet_build(const struct rndis *rndis, const struct net_frame *frame,
                            const uint32_t *hash, uint8_t bytes[RNDIS_OVERHEAD])
{
    uint32_t at = RNDIS_PACKET_HEADER, checksum = checksum_value(rndis, frame);

    memset(bytes, 0, RNDIS_PACKET_HEADER);
    if (checksum != 0) {
        at = put_ppi(bytes, at, RNDIS_PPI_CHECKSUM, checksum);
    }
    if (frame->tagged) {
        uint32_t tag = frame->tag;
        at = put_ppi(bytes, at, RNDIS_PPI_VLAN,
                     tag >> 13 | (tag >> 12 & 1) << 3 | (tag & 0xfff) << 4);
    }
    if (hash != NULL) {
        at = put_ppi(bytes, at, RNDIS_PPI_HASH, *hash);
    }
    le32_store(bytes, RNDIS_PACKET);
    le32_store(bytes + 4, at + frame->length);
    le32_store(bytes + 8, at - RNDIS_HEADER);
    le32_store(bytes + 12, frame->length);
    if (at > RNDIS_PACKET_HEADER) {
        le32_store(bytes + 28, RNDIS_PACKET_HEADER - RNDIS_HEADER);
        le32_store(bytes + 32, at - RNDIS_PACKET_HEADER);
    }
    return at;
}

static const struct state_field rndis_rows[] = {
    STATE_FIELD(struct rndis, initialized),
    STATE_FIELD(struct rndis, mac),
    STATE_FIELD_MAX(struct rndis, mtu, RNDIS_MTU_MAX),
    STATE_FIELD(struct rndis, filter),
    STATE_FIELD(struct rndis, lookahead),
    STATE_FIELD(struct rndis, groups),
    STATE_FIELD_MAX(struct rndis, n_groups, NET_PORT_GROUPS),
    STATE_FIELD(struct rndis, ip4),
    STATE_FIELD(struct rndis, tcp4),
    STATE_FIELD(struct rndis, udp4),
    STATE_FIELD(struct rndis, tcp6),
    STATE_FIELD(struct rndis, udp6),
    STATE_FIELD(struct rndis, lso4),
    STATE_FIELD(struct rndis, lso6),
    STATE_FIELD(struct rndis, rss.enabled),
    STATE_FIELD(struct rndis, rss.hash_types),
    STATE_FIELD(struct rndis, rss.key),
    STATE_FIELD_MAX(struct rndis, rss.n_entries, NET_RSS_ENTRIES),
    STATE_FIELD(struct rndis, rss.entry),
};
const struct state_table rndis_saved_table = STATE_TABLE("rndis", 1, struct rndis, rndis_rows);
