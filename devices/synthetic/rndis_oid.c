/* The adapter's objects: their values. [NDIS OIDs] */
#include "devices/synthetic/rndis_oid.h"

#include <string.h>

#include "base/bytes.h"

enum {
#define X(oid, name) OID_##name = (int32_t)UINT32_C(oid),
    RNDIS_OIDS_QUERIED(X)
#undef X
};

enum {
    NDIS_TYPE_OFFLOAD = 0xa7,
    NDIS_TYPE_RSS_CAPABILITIES = 0x88,
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

    DRIVER_VERSION = 0x0500,
    MAC_OPTIONS = 0x1 | 0x2 | 0x8, /* copies lookahead data, serialized, no loopback */
};

/* What can be asked for, then what can only be set. */
static uint32_t supported(struct rndis_info *info)
{
#define X(oid, name) UINT32_C(oid),
    static const uint32_t queried[] = { RNDIS_OIDS_QUERIED(X) }, set[] = { RNDIS_OIDS_SET(X) };
#undef X

    info->n = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(queried); i++, info->n += 4) {
        le32_store(info->bytes + info->n, queried[i]);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(set); i++) {
        bool also = false;
        for (unsigned k = 0; k < ARRAY_SIZE(queried); k++) {
            also |= queried[k] == set[i];
        }
        if (!also) {
            le32_store(info->bytes + info->n, set[i]);
            info->n += 4;
        }
    }
    return RNDIS_STATUS_SUCCESS;
}

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
        return supported(info);
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
