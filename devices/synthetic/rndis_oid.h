/* Object identifiers that drivers of the adapter query and set. [NDIS OIDs; MS-RNDIS 2.2.10] */
#ifndef DEVICES_SYNTHETIC_RNDIS_OID_H
#define DEVICES_SYNTHETIC_RNDIS_OID_H

#include "devices/synthetic/rndis.h"

/* clang-format off */
/* X(oid, name): what can be asked for, and what can be set. All others are answered with NOT_SUPPORTED. */
#define RNDIS_OIDS_QUERIED(X) \
    X(0x00010101, GEN_SUPPORTED_LIST)          X(0x00010102, GEN_HARDWARE_STATUS) \
    X(0x00010103, GEN_MEDIA_SUPPORTED)         X(0x00010104, GEN_MEDIA_IN_USE) \
    X(0x00010105, GEN_MAXIMUM_LOOKAHEAD)       X(0x00010106, GEN_MAXIMUM_FRAME_SIZE) \
    X(0x00010107, GEN_LINK_SPEED)              X(0x00010108, GEN_TRANSMIT_BUFFER_SPACE) \
    X(0x00010109, GEN_RECEIVE_BUFFER_SPACE)    X(0x0001010a, GEN_TRANSMIT_BLOCK_SIZE) \
    X(0x0001010b, GEN_RECEIVE_BLOCK_SIZE)      X(0x0001010c, GEN_VENDOR_ID) \
    X(0x0001010d, GEN_VENDOR_DESCRIPTION)      X(0x0001010e, GEN_CURRENT_PACKET_FILTER) \
    X(0x0001010f, GEN_CURRENT_LOOKAHEAD)       X(0x00010110, GEN_DRIVER_VERSION) \
    X(0x00010111, GEN_MAXIMUM_TOTAL_SIZE)      X(0x00010113, GEN_MAC_OPTIONS) \
    X(0x00010114, GEN_MEDIA_CONNECT_STATUS)    X(0x00010115, GEN_MAXIMUM_SEND_PACKETS) \
    X(0x00010116, GEN_VENDOR_DRIVER_VERSION)   X(0x00010202, GEN_PHYSICAL_MEDIUM) \
    X(0x00010203, GEN_RECEIVE_SCALE_CAPABILITIES) \
    X(0x00020101, GEN_XMIT_OK)                 X(0x00020102, GEN_RCV_OK) \
    X(0x00020103, GEN_XMIT_ERROR)              X(0x00020104, GEN_RCV_ERROR) \
    X(0x00020105, GEN_RCV_NO_BUFFER)           X(0x00020216, GEN_FRIENDLY_NAME) \
    X(0x01010101, 802_3_PERMANENT_ADDRESS)     X(0x01010102, 802_3_CURRENT_ADDRESS) \
    X(0x01010103, 802_3_MULTICAST_LIST)        X(0x01010104, 802_3_MAXIMUM_LIST_SIZE) \
    X(0x01010105, 802_3_MAC_OPTIONS)           X(0x01020101, 802_3_RCV_ERROR_ALIGNMENT) \
    X(0x01020102, 802_3_XMIT_ONE_COLLISION)    X(0x01020103, 802_3_XMIT_MORE_COLLISIONS) \
    X(0xfc01020b, TCP_OFFLOAD_CURRENT_CONFIG)  X(0xfc01020d, TCP_OFFLOAD_HARDWARE_CAPABILITIES)
#define RNDIS_OIDS_SET(X) \
    X(0x0001010e, GEN_CURRENT_PACKET_FILTER)   X(0x0001010f, GEN_CURRENT_LOOKAHEAD) \
    X(0x00010112, GEN_PROTOCOL_OPTIONS)        X(0x00010204, GEN_RECEIVE_SCALE_PARAMETERS) \
    X(0x0001021b, GEN_RNDIS_CONFIG_PARAMETER)  X(0x01010103, 802_3_MULTICAST_LIST) \
    X(0xfc01020c, TCP_OFFLOAD_PARAMETERS)      X(0x0101010a, OFFLOAD_ENCAPSULATION)
/* clang-format on */

enum { RNDIS_INFO_MAX = RNDIS_CONTROL_MAX - 24 };

struct rndis_info {
    uint32_t n; /* bytes of the value */
    uint8_t bytes[RNDIS_INFO_MAX];
};

/* The value of an OID. `asked`: what the guest sent with the query (structures that tell their size). An RNDIS_STATUS_*. */
uint32_t rndis_oid_query(const struct rndis *rndis, uint32_t oid, const uint8_t *asked, uint32_t n,
                         struct rndis_info *info);
/* Take a value; adds to *changed. */
uint32_t rndis_oid_set(struct rndis *rndis, uint32_t oid, const uint8_t *value, uint32_t n,
                       unsigned *changed);

#endif
