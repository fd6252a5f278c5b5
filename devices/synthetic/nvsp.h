/* NVSP: the messages between a network adapter's driver and the host. [LINUX drivers/net/hyperv/hyperv_net.h; OPENVMM netvsp/src/protocol.rs]
 *
 *   message:  u32 type, then per type; 40 bytes whatever the type
 */
#ifndef DEVICES_SYNTHETIC_NVSP_H
#define DEVICES_SYNTHETIC_NVSP_H

#include <stdint.h>

enum {
    NVSP_MESSAGE_BYTES = 40,
    NVSP_SEND_TABLE = 16, /* entries of the indirection table that the host may send */
    NVSP_SEND_TABLE_AT = 12,
    NVSP_RECEIVE_BUFFER = 0xcafe, /* its id, and the page set's of what lies there */
    NVSP_SEND_BUFFER = 0,
    NVSP_CHANNEL_DATA = 0,
    NVSP_CHANNEL_CONTROL = 1,
    NVSP_SUBCHANNEL_ALLOCATE = 1,
};
#define NVSP_NO_SECTION UINT32_C(0xffffffff)

/* clang-format off */
/* X(number, NAME), oldest first. */
#define NVSP_VERSIONS(X) \
    X(0x00002, 1) X(0x30002, 2) X(0x40000, 4) X(0x50000, 5) X(0x60000, 6) X(0x60001, 61)

/* X(code, NAME, since, least bytes, how): messages of the guest. how: done, ignored (no answer is due), or refused. What has no row is
 * not built: chimney, VMQ, host receive buffers, OID query ex. */
#define NVSP_MESSAGES(X) \
    X(1,   INIT,               1, 12, done) \
    X(100, SEND_NDIS_VERSION,  1, 12, done) \
    X(101, SEND_RECEIVE_BUFFER, 1, 10, done) \
    X(103, REVOKE_RECEIVE_BUFFER, 1, 6, done) \
    X(104, SEND_SEND_BUFFER,   1, 10, done) \
    X(106, REVOKE_SEND_BUFFER, 1, 6, done) \
    X(107, SEND_RNDIS,         1, 16, done) \
    X(125, SEND_NDIS_CONFIG,   2, 20, done) \
    X(129, SWITCH_DATA_PATH,   4, 8, refused) \
    X(133, SUBCHANNEL,         5, 12, done)
/* clang-format on */

enum nvsp_version {
#define X(number, name) NVSP_VERSION_##name = number,
    NVSP_VERSIONS(X)
#undef X
};

enum nvsp_message {
#define X(code, name, since, least, how) NVSP_##name = code,
    NVSP_MESSAGES(X)
#undef X
    /* Those of the host. */
    NVSP_INIT_COMPLETE = 2,
    NVSP_SEND_RECEIVE_BUFFER_COMPLETE = 102,
    NVSP_SEND_SEND_BUFFER_COMPLETE = 105,
    NVSP_SEND_RNDIS_COMPLETE = 108,
    NVSP_SEND_VF_ASSOCIATION = 128, /* never sent: there is no VF */
    NVSP_SEND_INDIRECTION_TABLE = 134,
};

enum nvsp_status {
    NVSP_STATUS_SUCCESS = 1,
    NVSP_STATUS_FAIL = 2,
    NVSP_STATUS_PROTOCOL_TOO_NEW = 3,
    NVSP_STATUS_PROTOCOL_TOO_OLD = 4,
    NVSP_STATUS_INVALID_RNDIS = 5,
    NVSP_STATUS_BUSY = 6,
};

#endif
