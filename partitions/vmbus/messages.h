/* The control messages of VMBus: one table, and where their fields lie. [LINUX include/linux/hyperv.h enum
 * vmbus_channel_message_type; OPENVMM vmbus_core/src/protocol.rs] */
#ifndef PARTITIONS_VMBUS_MESSAGES_H
#define PARTITIONS_VMBUS_MESSAGES_H

/* A version is major << 16 | minor. */
enum {
    VMBUS_VERSION_2_4 = 0x00020004,
    VMBUS_VERSION_3_0 = 0x00030000,
    VMBUS_VERSION_4_0 = 0x00040000,
    VMBUS_VERSION_4_1 = 0x00040001,
    VMBUS_VERSION_5_0 = 0x00050000,
    VMBUS_VERSION_5_1 = 0x00050001,
    VMBUS_VERSION_5_2 = 0x00050002,
    VMBUS_VERSION_5_3 = 0x00050003,
    VMBUS_VERSION_6_0 = 0x00060000,
};

/* Those that are answered with "supported". All others are refused: 0.13 and 1.1 (a shared interrupt page), 6.0 (confidential). */
#define VMBUS_VERSIONS(X)                                                                          \
    X(VMBUS_VERSION_2_4)                                                                           \
    X(VMBUS_VERSION_3_0)                                                                           \
    X(VMBUS_VERSION_4_0)                                                                           \
    X(VMBUS_VERSION_4_1)                                                                           \
    X(VMBUS_VERSION_5_0)                                                                           \
    X(VMBUS_VERSION_5_1)                                                                           \
    X(VMBUS_VERSION_5_2)                                                                           \
    X(VMBUS_VERSION_5_3)

/*
 * X(number, NAME, direction, since, bytes, state, handler)
 * direction: GUEST sends it, HOST sends it. since: the version that brought it, 0: any; before, it is no message. bytes: the least a guest's message has, what a host's has.
 * state: DONE; REFUSED: answered by a refusal of the protocol; NOT_BUILT: traced and dropped.
 */
/* clang-format off */
#define VMBUS_MESSAGES(X) \
    X( 1, OFFER_CHANNEL,              HOST,  0,                  196, DONE,      NULL) \
    X( 2, RESCIND_CHANNEL_OFFER,      HOST,  0,                   12, DONE,      NULL) \
    X( 3, REQUEST_OFFERS,             GUEST, 0,                    8, DONE,      vmbus_on_request_offers) \
    X( 4, ALL_OFFERS_DELIVERED,       HOST,  0,                    8, DONE,      NULL) \
    X( 5, OPEN_CHANNEL,               GUEST, 0,                  148, DONE,      vmbus_on_open) \
    X( 6, OPEN_CHANNEL_RESULT,        HOST,  0,                   20, DONE,      NULL) \
    X( 7, CLOSE_CHANNEL,              GUEST, 0,                   12, DONE,      vmbus_on_close) \
    X( 8, GPADL_HEADER,               GUEST, 0,                   20, DONE,      vmbus_on_gpadl_header) \
    X( 9, GPADL_BODY,                 GUEST, 0,                   16, DONE,      vmbus_on_gpadl_body) \
    X(10, GPADL_CREATED,              HOST,  0,                   20, DONE,      NULL) \
    X(11, GPADL_TEARDOWN,             GUEST, 0,                   16, DONE,      vmbus_on_gpadl_teardown) \
    X(12, GPADL_TORNDOWN,             HOST,  0,                   12, DONE,      NULL) \
    X(13, RELID_RELEASED,             GUEST, 0,                   12, DONE,      vmbus_on_relid_released) \
    X(14, INITIATE_CONTACT,           GUEST, 0,                   40, DONE,      vmbus_on_contact) \
    X(15, VERSION_RESPONSE,           HOST,  0,                   16, DONE,      NULL) \
    X(16, UNLOAD,                     GUEST, 0,                    8, DONE,      vmbus_on_unload) \
    X(17, UNLOAD_RESPONSE,            HOST,  0,                    8, DONE,      NULL) \
    X(18, OPEN_RESERVED_CHANNEL,      GUEST, VMBUS_VERSION_4_0,    8, NOT_BUILT, NULL) \
    X(19, CLOSE_RESERVED_CHANNEL,     GUEST, VMBUS_VERSION_4_0,    8, NOT_BUILT, NULL) \
    X(20, CLOSE_RESERVED_RESPONSE,    HOST,  VMBUS_VERSION_4_0,    8, NOT_BUILT, NULL) \
    X(21, TL_CONNECT_REQUEST,         GUEST, VMBUS_VERSION_4_0,   40, REFUSED,   vmbus_on_tl_connect) \
    X(22, MODIFY_CHANNEL,             GUEST, VMBUS_VERSION_4_1,   16, DONE,      vmbus_on_modify) \
    X(23, TL_CONNECT_REQUEST_RESULT,  HOST,  VMBUS_VERSION_4_1,   44, DONE,      NULL) \
    X(24, MODIFY_CHANNEL_RESPONSE,    HOST,  VMBUS_VERSION_5_3,   16, DONE,      NULL) \
    X(25, MODIFY_CONNECTION,          GUEST, VMBUS_VERSION_6_0,    8, NOT_BUILT, NULL) \
    X(26, MODIFY_CONNECTION_RESPONSE, HOST,  VMBUS_VERSION_6_0,    8, NOT_BUILT, NULL) \
    X(27, PAUSE,                      GUEST, VMBUS_VERSION_6_0,    8, NOT_BUILT, NULL) \
    X(28, PAUSE_RESPONSE,             HOST,  VMBUS_VERSION_6_0,    8, NOT_BUILT, NULL) \
    X(29, RESUME,                     GUEST, VMBUS_VERSION_6_0,    8, NOT_BUILT, NULL)
/* clang-format on */

enum vmbus_message {
#define X(number, name, direction, since, bytes, state, handler) VMBUS_MESSAGE_##name = number,
    VMBUS_MESSAGES(X)
#undef X
};
enum vmbus_message_bytes {
#define X(number, name, direction, since, bytes, state, handler) VMBUS_BYTES_##name = bytes,
    VMBUS_MESSAGES(X)
#undef X
};

/* Every message: u32 number, u32 0. Offsets of what follows. */
enum {
    VMBUS_MESSAGE_HEADER = 8,

    OFFER_TYPE = 8,
    OFFER_INSTANCE = 24,
    OFFER_FLAGS = 56,
    OFFER_MMIO = 58,
    OFFER_USER = 60,
    OFFER_SUBCHANNEL = 180,
    OFFER_RELID = 184,
    OFFER_MONITOR_ID = 188, /* and at 189 whether one is allocated: never */
    OFFER_DEDICATED = 190,  /* u16: events have a connection of their own: always */
    OFFER_CONNECTION = 192,

    RESCIND_RELID = 8,

    OPEN_RELID = 8,
    OPEN_ID = 12,
    OPEN_GPADL = 16,
    OPEN_VP = 20,
    OPEN_DOWNSTREAM = 24, /* first page of the host's ring */
    OPEN_USER = 28,
    OPEN_RESULT_RELID = 8,
    OPEN_RESULT_ID = 12,
    OPEN_RESULT_STATUS = 16,

    CLOSE_RELID = 8,

    GPADL_RELID = 8,
    GPADL_ID = 12,
    GPADL_RANGE_BYTES = 16, /* u16 */
    GPADL_RANGES = 18,      /* u16 */
    GPADL_RANGE = 20,
    GPADL_BODY_ID = 12, /* before it a message number, which guests leave 0 */
    GPADL_BODY_PAGES = 16,
    GPADL_CREATED_STATUS = 16,
    GPADL_TORNDOWN_ID = 8,

    RELEASED_RELID = 8,

    CONTACT_VERSION = 8,
    CONTACT_VP = 12,
    CONTACT_SINT = 16,     /* u8, from 5.0 on; before: GPA of the interrupt page */
    CONTACT_VTL = 17,      /* u8, likewise */
    VERSION_SUPPORTED = 8, /* u8 */
    VERSION_STATE = 9,     /* u8: 0, success */
    VERSION_SELECTED = 12, /* the version; from 5.0 on the connection for messages */

    CONNECT_ENDPOINT = 8,
    CONNECT_SERVICE = 24,
    CONNECT_RESULT_STATUS = 40,

    MODIFY_RELID = 8,
    MODIFY_VP = 12,
    MODIFY_RESPONSE_STATUS = 12,
};

/* NTSTATUS values that the host answers. */
#define VMBUS_STATUS_SUCCESS            UINT32_C(0)
#define VMBUS_STATUS_UNSUCCESSFUL       UINT32_C(0xc0000001)
#define VMBUS_STATUS_INVALID_PARAMETER  UINT32_C(0xc000000d)
#define VMBUS_STATUS_CONNECTION_REFUSED UINT32_C(0xc0000236)

#endif
