/* The adapter's objects: their values, and what setting them does. [NDIS OIDs] */
#include "devices/synthetic/rndis_oid.h"

#include <string.h>

#include "base/bytes.h"
#include "devices/net/offload.h"

enum {
#define X(oid, name) OID_##name = (int32_t)UINT32_C(oid),
    RNDIS_OIDS_QUERIED(X)
#undef X
        OID_GEN_PROTOCOL_OPTIONS = 0x00010112,
    OID_GEN_RECEIVE_SCALE_PARAMETERS = 0x00010204,
    OID_GEN_RNDIS_CONFIG_PARAMETER = 0x0001021b,
    OID_TCP_OFFLOAD_PARAMETERS = (int32_t)UINT32_C(0xfc01020c),
    OID_OFFLOAD_ENCAPSULATION = 0x0101010a,
};

static const uint32_t supported[] = {
#define X(oid, name) UINT32_C(oid),
    RNDIS_OIDS_QUERIED(X)
#undef X
        UINT32_C(0x00010112),
    UINT32_C(0x00010204),
    UINT32_C(0x0001021b),
    UINT32_C(0xfc01020c),
    UINT32_C(0x0101010a),
};

enum {
    NDIS_TYPE_OFFLOAD = 0xa7,
    NDIS_TYPE_RSS_CAPABILITIES = 0x88,
    NDIS_TYPE_RSS_PARAMETERS = 0x89,
    NDIS_ENCAPSULATION_8023 = 0x2,

    /* NDIS_OFFLOAD: revisions 1 and 2 end here. */
    OFFLOAD_BYTES_1 = 112,
    OFFLOAD_BYTES_2 = 156,
    OFFLOAD_CHECKSUM_AT = 4,
    OFFLOAD_LSO2_AT = 80,
    /* NDIS_TCP_IP_CHECKSUM_OFFLOAD: encapsulation and abilities for v4 send, v4 receive, v6 send, v6 receive. */
    CHECKSUM_IP_OPTIONS = 0x001,
    CHECKSUM_TCP_OPTIONS = 0x004,
    CHECKSUM_TCP = 0x010,
    CHECKSUM_UDP = 0x040,
    CHECKSUM_IPV4 = 0x100,
    CHECKSUM_V4 =
        CHECKSUM_IP_OPTIONS | CHECKSUM_TCP_OPTIONS | CHECKSUM_TCP | CHECKSUM_UDP | CHECKSUM_IPV4,
    CHECKSUM_V6 = CHECKSUM_IP_OPTIONS | CHECKSUM_TCP_OPTIONS | CHECKSUM_TCP | CHECKSUM_UDP,
    LSO_SEGMENTS_LEAST = 2,
    LSO_V6_EXTENSIONS = 0x001,
    LSO_V6_TCP_OPTIONS = 0x004,

    RSS_CAPABILITIES_BYTES = 18, /* revision 2, to the number of table entries */
    RSS_CAPABILITIES_FLAGS = 0x01000000 | 0x02000000 | 0x04000000, /* MSI, at ISR, at DPC */
    RSS_PARAMETERS_BYTES = 28,                                     /* to the key's offset */
    RSS_HASH_UNCHANGED = 0x0002,
    RSS_TABLE_UNCHANGED = 0x0004,
    RSS_KEY_UNCHANGED = 0x0008,
    RSS_DISABLE = 0x0010,

    OFFLOAD_PARAMETERS_BYTES = 20,
    DRIVER_VERSION = 0x0500,
    MAC_OPTIONS = 0x1 | 0x2 | 0x8, /* copies lookahead data, serialized, no loopback */
    FRIENDLY_NAME_BYTES = 32,
};

/* ---- queries ---- */

static uint32_t word(struct rndis_info *info, uint32_t value)
{
    le32_store(info->bytes, value);
    info->n = 4;
    return RNDIS_STATUS_SUCCESS;
}

static uint32_t bytes(struct rndis_info *info, const void *value, uint32_t n)
{
    memcpy(info->bytes, value, n);
    info->n = n;
    return RNDIS_STATUS_SUCCESS;
}

static uint32_t utf16(struct rndis_info *info, const char *text)
{
    info->n = 0;
    for (; *text != '\0'; text++, info->n += 2) {
        le16_store(info->bytes + info->n, (uint8_t)*text);
    }
    le16_store(info->bytes + info->n, 0);
    info->n += 2;
    return RNDIS_STATUS_SUCCESS;
}

/* NDIS_OFFLOAD, of the revision that the guest left room for. */
static uint32_t offload(const uint8_t *asked, uint32_t n, struct rndis_info *info)
{
    static const uint32_t checksum[8] = {
        NDIS_ENCAPSULATION_8023, CHECKSUM_V4, NDIS_ENCAPSULATION_8023, CHECKSUM_V4,
        NDIS_ENCAPSULATION_8023, CHECKSUM_V6, NDIS_ENCAPSULATION_8023, CHECKSUM_V6,
    };
    static const uint32_t lso2[7] = {
        NDIS_ENCAPSULATION_8023,
        RNDIS_LSO_MAX,
        LSO_SEGMENTS_LEAST,
        NDIS_ENCAPSULATION_8023,
        RNDIS_LSO_MAX,
        LSO_SEGMENTS_LEAST,
        LSO_V6_EXTENSIONS | LSO_V6_TCP_OPTIONS,
    };
    bool newer = n >= 4 && asked[1] >= 2 && le16_load(asked + 2) >= OFFLOAD_BYTES_2;

    info->n = newer ? OFFLOAD_BYTES_2 : OFFLOAD_BYTES_1;
    memset(info->bytes, 0, info->n);
    info->bytes[0] = NDIS_TYPE_OFFLOAD;
    info->bytes[1] = newer ? 2 : 1;
    le16_store(info->bytes + 2, (uint16_t)info->n);
    for (unsigned i = 0; i < ARRAY_SIZE(checksum); i++) {
        le32_store(info->bytes + OFFLOAD_CHECKSUM_AT + 4 * i, checksum[i]);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(lso2); i++) {
        le32_store(info->bytes + OFFLOAD_LSO2_AT + 4 * i, lso2[i]);
    }
    return RNDIS_STATUS_SUCCESS;
}

static uint32_t rss_capabilities(const struct rndis *rndis, struct rndis_info *info)
{
    if (rndis->queues < 2) {
        return RNDIS_STATUS_NOT_SUPPORTED;
    }
    info->n = RSS_CAPABILITIES_BYTES;
    info->bytes[0] = NDIS_TYPE_RSS_CAPABILITIES;
    info->bytes[1] = 2;
    le16_store(info->bytes + 2, RSS_CAPABILITIES_BYTES);
    le32_store(info->bytes + 4, RSS_CAPABILITIES_FLAGS | NET_RSS_HASH_TCP_IPV4 |
                                    NET_RSS_HASH_TCP_IPV6 | NET_RSS_FUNCTION_TOEPLITZ);
    le32_store(info->bytes + 8, rndis->queues);
    le32_store(info->bytes + 12, rndis->queues);
    le16_store(info->bytes + 16, NET_RSS_ENTRIES);
    return RNDIS_STATUS_SUCCESS;
}

static uint64_t dropped(const struct net_port_counters *counters)
{
    return counters->drop_link + counters->drop_vlan + counters->drop_source + counters->drop_size;
}

uint32_t rndis_oid_query(const struct rndis *rndis, uint32_t oid, const uint8_t *asked, uint32_t n,
                         struct rndis_info *info)
{
    static const struct net_port no_port;
    const struct net_port *port = rndis->port != NULL ? rndis->port : &no_port;
    const struct net_port_counters *counters = &port->counters;
    uint32_t frame = rndis->mtu + NET_HEADER_BYTES;

    info->n = 0;
    switch ((int32_t)oid) {
    case OID_GEN_SUPPORTED_LIST:
        for (unsigned i = 0; i < ARRAY_SIZE(supported); i++, info->n += 4) {
            le32_store(info->bytes + info->n, supported[i]);
        }
        return RNDIS_STATUS_SUCCESS;
    case OID_GEN_HARDWARE_STATUS: /* ready */
    case OID_GEN_MEDIA_SUPPORTED: /* Ethernet */
    case OID_GEN_MEDIA_IN_USE:
    case OID_GEN_PHYSICAL_MEDIUM: /* unspecified */
    case OID_GEN_XMIT_ERROR:
    case OID_802_3_MAC_OPTIONS:
    case OID_802_3_RCV_ERROR_ALIGNMENT:
    case OID_802_3_XMIT_ONE_COLLISION:
    case OID_802_3_XMIT_MORE_COLLISIONS:
        return word(info, 0);
    case OID_GEN_MAXIMUM_LOOKAHEAD:
    case OID_GEN_MAXIMUM_FRAME_SIZE:
        return word(info, rndis->mtu);
    case OID_GEN_CURRENT_LOOKAHEAD:
        return word(info, rndis->lookahead);
    case OID_GEN_TRANSMIT_BLOCK_SIZE:
    case OID_GEN_RECEIVE_BLOCK_SIZE:
    case OID_GEN_MAXIMUM_TOTAL_SIZE:
        return word(info, frame);
    case OID_GEN_TRANSMIT_BUFFER_SPACE:
    case OID_GEN_RECEIVE_BUFFER_SPACE:
        return word(info, frame * RNDIS_PACKETS_PER_MESSAGE);
    case OID_GEN_LINK_SPEED:
        return word(info, rndis->speed_100bps);
    case OID_GEN_VENDOR_ID:
        return word(info, 0x00155d00); /* the company's addresses begin so */
    case OID_GEN_VENDOR_DESCRIPTION:
        return bytes(info, "Network Adapter", sizeof("Network Adapter"));
    case OID_GEN_CURRENT_PACKET_FILTER:
        return word(info, rndis->filter);
    case OID_GEN_DRIVER_VERSION:
    case OID_GEN_VENDOR_DRIVER_VERSION:
        return word(info, DRIVER_VERSION);
    case OID_GEN_MAC_OPTIONS:
        return word(info, MAC_OPTIONS);
    case OID_GEN_MEDIA_CONNECT_STATUS:
        return word(info, !port->link); /* 0: connected */
    case OID_GEN_MAXIMUM_SEND_PACKETS:
        return word(info, RNDIS_PACKETS_PER_MESSAGE);
    case OID_GEN_RECEIVE_SCALE_CAPABILITIES:
        return rss_capabilities(rndis, info);
    case OID_GEN_XMIT_OK:
        return word(info, (uint32_t)counters->in_frames);
    case OID_GEN_RCV_OK:
        return word(info, (uint32_t)counters->out_frames);
    case OID_GEN_RCV_ERROR:
        return word(info, (uint32_t)dropped(counters));
    case OID_GEN_RCV_NO_BUFFER:
        return word(info, (uint32_t)counters->drop_full);
    case OID_GEN_FRIENDLY_NAME:
        return utf16(info, port->name[0] != '\0' ? port->name : "Network Adapter");
    case OID_802_3_PERMANENT_ADDRESS:
        return bytes(info, rndis->permanent_mac, NET_MAC_BYTES);
    case OID_802_3_CURRENT_ADDRESS:
        return bytes(info, rndis->mac, NET_MAC_BYTES);
    case OID_802_3_MULTICAST_LIST:
        return bytes(info, rndis->groups, rndis->n_groups * NET_MAC_BYTES);
    case OID_802_3_MAXIMUM_LIST_SIZE:
        return word(info, NET_PORT_GROUPS);
    case OID_TCP_OFFLOAD_CURRENT_CONFIG:
    case OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES:
        return offload(asked, n, info);
    default:
        return RNDIS_STATUS_NOT_SUPPORTED;
    }
}

/* ---- setting ---- */

static uint32_t set_groups(struct rndis *rndis, const uint8_t *value, uint32_t n)
{
    if (n % NET_MAC_BYTES != 0) {
        return RNDIS_STATUS_INVALID_LENGTH;
    }
    if (n > sizeof(rndis->groups)) {
        return RNDIS_STATUS_FAILURE; /* more than MAXIMUM_LIST_SIZE */
    }
    if (n > 0) {
        memcpy(rndis->groups, value, n);
    }
    rndis->n_groups = n / NET_MAC_BYTES;
    return RNDIS_STATUS_SUCCESS;
}

/* NDIS_OFFLOAD_PARAMETERS: 0 no change, 1 disabled, 2 send, 3 receive, 4 both. */
static bool set_checksum(uint8_t *to, uint8_t value)
{
    static const uint8_t rows[] = { 0, 0, RNDIS_OFFLOAD_TX, RNDIS_OFFLOAD_RX,
                                    RNDIS_OFFLOAD_TX | RNDIS_OFFLOAD_RX };

    if (value >= ARRAY_SIZE(rows)) {
        return false;
    }
    *to = value == 0 ? *to : rows[value];
    return true;
}

static bool set_lso(bool *to, uint8_t value)
{
    *to = value == 0 ? *to : value == 2;
    return value <= 2;
}

static uint32_t set_offload(struct rndis *rndis, const uint8_t *value, uint32_t n)
{
    struct rndis now = *rndis;

    if (n < OFFLOAD_PARAMETERS_BYTES || le16_load(value + 2) > n) {
        return RNDIS_STATUS_INVALID_LENGTH;
    }
    if (!set_checksum(&now.ip4, value[4]) || !set_checksum(&now.tcp4, value[5]) ||
        !set_checksum(&now.udp4, value[6]) || !set_checksum(&now.tcp6, value[7]) ||
        !set_checksum(&now.udp6, value[8]) || !set_lso(&now.lso4, value[11]) ||
        !set_lso(&now.lso6, value[12])) {
        return RNDIS_STATUS_INVALID_DATA;
    }
    *rndis = now;
    return RNDIS_STATUS_SUCCESS;
}

/* The new table, when it is whole. */
static bool set_table(struct net_rss *rss, const uint8_t *value, uint32_t n, uint32_t queues)
{
    uint32_t size = le16_load(value + 12), at = le32_load(value + 16), entries = size / 4;

    if (size % 4 != 0 || at > n || size > n - at || entries == 0 || entries > NET_RSS_ENTRIES ||
        (entries & (entries - 1)) != 0) {
        return false;
    }
    for (uint32_t i = 0; i < entries; i++) {
        uint32_t queue = le32_load(value + at + 4 * i);
        if (queue >= queues) {
            return false;
        }
        rss->entry[i] = queue;
    }
    rss->n_entries = entries;
    return true;
}

/* NDIS_RECEIVE_SCALE_PARAMETERS */
static uint32_t set_rss(struct rndis *rndis, const uint8_t *value, uint32_t n)
{
    struct net_rss rss = rndis->rss;

    if (rndis->queues < 2) {
        return RNDIS_STATUS_NOT_SUPPORTED;
    }
    if (n < RSS_PARAMETERS_BYTES) {
        return RNDIS_STATUS_INVALID_LENGTH;
    }
    unsigned flags = le16_load(value + 4);
    if (value[0] != NDIS_TYPE_RSS_PARAMETERS) {
        return RNDIS_STATUS_INVALID_DATA;
    }
    if ((flags & RSS_HASH_UNCHANGED) == 0) {
        rss.hash_types = le32_load(value + 8) & NET_RSS_HASH_ALL;
    }
    if ((flags & RSS_TABLE_UNCHANGED) == 0 && (flags & RSS_DISABLE) == 0 &&
        !set_table(&rss, value, n, rndis->queues)) {
        return RNDIS_STATUS_INVALID_DATA;
    }
    if ((flags & RSS_KEY_UNCHANGED) == 0 && (flags & RSS_DISABLE) == 0) {
        uint32_t size = le16_load(value + 20), at = le32_load(value + 24);
        if (size > NET_RSS_KEY_BYTES || at > n || size > n - at) {
            return RNDIS_STATUS_INVALID_DATA;
        }
        memset(rss.key, 0, sizeof(rss.key));
        memcpy(rss.key, value + at, size);
    }
    rss.enabled = (flags & RSS_DISABLE) == 0;
    rndis->rss = rss;
    return RNDIS_STATUS_SUCCESS;
}

/* An ASCII string in UTF-16 equals `text`? */
static bool utf16_is(const uint8_t *value, uint32_t n, const char *text)
{
    if (n != 2 * strlen(text)) {
        return false;
    }
    for (uint32_t i = 0; i < n / 2; i++) {
        if (le16_load(value + 2 * i) != (uint8_t)text[i]) {
            return false;
        }
    }
    return true;
}

/* Twelve hexadecimal digits in UTF-16. */
static bool utf16_mac(const uint8_t *value, uint32_t n, uint8_t mac[NET_MAC_BYTES])
{
    if (n != 24) {
        return false;
    }
    for (uint32_t i = 0; i < 12; i++) {
        unsigned c = le16_load(value + 2 * i);
        unsigned digit = c >= '0' && c <= '9'   ? c - '0'
                         : c >= 'a' && c <= 'f' ? c - 'a' + 10
                         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                : 16;
        if (digit == 16) {
            return false;
        }
        mac[i / 2] = (uint8_t)(i % 2 == 0 ? digit << 4 : mac[i / 2] | digit);
    }
    return true;
}

/* MS-RNDIS 2.2.11 OID_GEN_RNDIS_CONFIG_PARAMETER: name offset and length, type, value offset and length, from the value's first byte. */
static uint32_t set_parameter(struct rndis *rndis, const uint8_t *value, uint32_t n,
                              unsigned *changed)
{
    uint8_t mac[NET_MAC_BYTES];

    if (n < 20) {
        return RNDIS_STATUS_INVALID_LENGTH;
    }
    uint32_t name = le32_load(value), name_bytes = le32_load(value + 4);
    uint32_t data = le32_load(value + 12), data_bytes = le32_load(value + 16);
    if (name > n || name_bytes > n - name || data > n || data_bytes > n - data) {
        return RNDIS_STATUS_INVALID_DATA;
    }
    if (!utf16_is(value + name, name_bytes, "NetworkAddress")) {
        return RNDIS_STATUS_NOT_SUPPORTED;
    }
    if (!utf16_mac(value + data, data_bytes, mac) || net_mac_is_multicast(mac)) {
        return RNDIS_STATUS_INVALID_DATA;
    }
    if (rndis->mac_fixed && memcmp(mac, rndis->permanent_mac, NET_MAC_BYTES) != 0) {
        return RNDIS_STATUS_FAILURE;
    }
    memcpy(rndis->mac, mac, NET_MAC_BYTES);
    *changed |= RNDIS_CHANGED_MAC;
    return RNDIS_STATUS_SUCCESS;
}

uint32_t rndis_oid_set(struct rndis *rndis, uint32_t oid, const uint8_t *value, uint32_t n,
                       unsigned *changed)
{
    unsigned change = 0;
    uint32_t status = RNDIS_STATUS_SUCCESS;

    switch ((int32_t)oid) {
    case OID_GEN_CURRENT_PACKET_FILTER:
    case OID_GEN_CURRENT_LOOKAHEAD:
        if (n < 4) {
            return RNDIS_STATUS_INVALID_LENGTH;
        }
        if ((int32_t)oid == OID_GEN_CURRENT_LOOKAHEAD) {
            rndis->lookahead = le32_load(value);
        } else {
            rndis->filter = le32_load(value);
            change = RNDIS_CHANGED_FILTER;
        }
        break;
    case OID_GEN_PROTOCOL_OPTIONS:  /* of no meaning for us */
    case OID_OFFLOAD_ENCAPSULATION: /* Ethernet is all there is */
        break;
    case OID_802_3_MULTICAST_LIST:
        status = set_groups(rndis, value, n);
        change = RNDIS_CHANGED_FILTER;
        break;
    case OID_TCP_OFFLOAD_PARAMETERS:
        status = set_offload(rndis, value, n);
        change = RNDIS_CHANGED_OFFLOAD;
        break;
    case OID_GEN_RECEIVE_SCALE_PARAMETERS:
        status = set_rss(rndis, value, n);
        change = RNDIS_CHANGED_RSS;
        break;
    case OID_GEN_RNDIS_CONFIG_PARAMETER:
        return set_parameter(rndis, value, n, changed);
    default:
        return RNDIS_STATUS_NOT_SUPPORTED;
    }
    *changed |= status == RNDIS_STATUS_SUCCESS ? change : 0;
    return status;
}
