/* The adapter's objects: what setting them does. [NDIS OIDs] */
#include <string.h>

#include "base/bytes.h"
#include "devices/synthetic/rndis_oid.h"

enum {
#define X(oid, name) SET_##name = (int32_t)UINT32_C(oid),
    RNDIS_OIDS_SET(X)
#undef X
};

enum {
    NDIS_TYPE_RSS_PARAMETERS = 0x89,
    RSS_PARAMETERS_BYTES = 28, /* to the key's offset */
    RSS_HASH_UNCHANGED = 0x0002,
    RSS_TABLE_UNCHANGED = 0x0004,
    RSS_KEY_UNCHANGED = 0x0008,
    RSS_DISABLE = 0x0010,

    OFFLOAD_PARAMETERS_BYTES = 20,
};

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
    case SET_GEN_CURRENT_PACKET_FILTER:
    case SET_GEN_CURRENT_LOOKAHEAD:
        if (n < 4) {
            return RNDIS_STATUS_INVALID_LENGTH;
        }
        if ((int32_t)oid == SET_GEN_CURRENT_LOOKAHEAD) {
            rndis->lookahead = le32_load(value);
        } else {
            rndis->filter = le32_load(value);
            change = RNDIS_CHANGED_FILTER;
        }
        break;
    case SET_GEN_PROTOCOL_OPTIONS:  /* of no meaning for us */
    case SET_OFFLOAD_ENCAPSULATION: /* Ethernet is all there is */
        break;
    case SET_802_3_MULTICAST_LIST:
        status = set_groups(rndis, value, n);
        change = RNDIS_CHANGED_FILTER;
        break;
    case SET_TCP_OFFLOAD_PARAMETERS:
        status = set_offload(rndis, value, n);
        change = RNDIS_CHANGED_OFFLOAD;
        break;
    case SET_GEN_RECEIVE_SCALE_PARAMETERS:
        status = set_rss(rndis, value, n);
        change = RNDIS_CHANGED_RSS;
        break;
    case SET_GEN_RNDIS_CONFIG_PARAMETER:
        return set_parameter(rndis, value, n, changed);
    default:
        return RNDIS_STATUS_NOT_SUPPORTED;
    }
    *changed |= status == RNDIS_STATUS_SUCCESS ? change : 0;
    return status;
}
