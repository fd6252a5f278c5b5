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

/* X(code, NAME, since, least bytes, how): messages of the guest. how: done, ignored (no answer is due), or refused. */
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

/* X(code, NAME, since, how): the rest. how: host (of the host), never (of the host, without need), not_built (of the guest: traced and
 * completed as failed), dead (given up by the protocol: likewise). */
#define NVSP_MESSAGES_OTHER(X) \
    X(2,   INIT_COMPLETE,                       1, host) \
    X(102, SEND_RECEIVE_BUFFER_COMPLETE,        1, host) \
    X(105, SEND_SEND_BUFFER_COMPLETE,           1, host) \
    X(108, SEND_RNDIS_COMPLETE,                 1, host) \
    X(109, SEND_CHIMNEY_BUFFER,                 2, not_built) \
    X(110, SEND_CHIMNEY_BUFFER_COMPLETE,        2, never) \
    X(111, REVOKE_CHIMNEY_BUFFER,               2, not_built) \
    X(112, RESUME_CHIMNEY_INDICATION,           2, not_built) \
    X(113, TERMINATE_CHIMNEY,                   2, not_built) \
    X(114, TERMINATE_CHIMNEY_COMPLETE,          2, never) \
    X(115, INDICATE_CHIMNEY_EVENT,              2, never) \
    X(116, SEND_CHIMNEY_PACKET,                 2, not_built) \
    X(117, SEND_CHIMNEY_PACKET_COMPLETE,        2, never) \
    X(118, POST_CHIMNEY_RECEIVE,                2, not_built) \
    X(119, POST_CHIMNEY_RECEIVE_COMPLETE,       2, never) \
    X(120, ALLOCATE_RECEIVE_BUFFER,             2, dead) \
    X(121, ALLOCATE_RECEIVE_BUFFER_COMPLETE,    2, never) \
    X(122, FREE_RECEIVE_BUFFER,                 2, dead) \
    X(123, SEND_VMQ_RNDIS,                      2, dead) \
    X(124, SEND_VMQ_RNDIS_COMPLETE,             2, never) \
    X(126, ALLOCATE_CHIMNEY_HANDLE,             2, not_built) \
    X(127, ALLOCATE_CHIMNEY_HANDLE_COMPLETE,    2, never) \
    X(128, SEND_VF_ASSOCIATION,                 4, never) \
    X(130, UPLINK_CONNECT_STATE,                4, dead) \
    X(131, OID_QUERY_EX,                        5, not_built) \
    X(132, OID_QUERY_EX_COMPLETE,               5, never) \
    X(134, SEND_INDIRECTION_TABLE,              5, host) \
    X(135, PD_API,                              6, not_built) \
    X(136, PD_POST_BATCH,                       6, not_built)
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
#define X(code, name, since, how) NVSP_##name = code,
        NVSP_MESSAGES_OTHER(X)
#undef X
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
