/* The storage protocol between storvsc and storvsp, as it lies in packets. [LINUX drivers/scsi/storvsc_drv.c] */
#ifndef DEVICES_SYNTHETIC_VSTOR_H
#define DEVICES_SYNTHETIC_VSTOR_H

#include <stdint.h>

/*    code  name                    where it is allowed               bytes behind the head */
#define VSTOR_OPERATIONS(X)                                                                        \
    X(1, COMPLETE_IO, 0, 0)                                                                        \
    X(2, REMOVE_DEVICE, 0, 0)                                                                      \
    X(3, EXECUTE_SRB, VSTOR_READY, VSTOR_SRB_BYTES_OLD)                                            \
    X(4, RESET_LUN, VSTOR_READY, 0)                                                                \
    X(5, RESET_ADAPTER, VSTOR_READY, 0)                                                            \
    X(6, RESET_BUS, VSTOR_READY, 0)                                                                \
    X(7, BEGIN_INITIALIZATION, VSTOR_NEW, 0)                                                       \
    X(8, END_INITIALIZATION, VSTOR_PROPERTIES_TOLD, 0)                                             \
    X(9, QUERY_PROTOCOL_VERSION, VSTOR_BEGUN, 4)                                                   \
    X(10, QUERY_PROPERTIES, VSTOR_AGREED | VSTOR_PROPERTIES_TOLD | VSTOR_READY, 0)                 \
    X(11, ENUMERATE_BUS, 0, 0)                                                                     \
    X(12, FCHBA_DATA, 0, 0)                                                                        \
    X(13, CREATE_SUB_CHANNELS, VSTOR_READY, 2)

enum vstor_operation {
#define X(code, name, states, bytes) VSTOR_##name = code,
    VSTOR_OPERATIONS(X)
#undef X
};

/* How far the guest is with the primary channel. A set of bits. */
enum vstor_state {
    VSTOR_NEW = 1 << 0,
    VSTOR_BEGUN = 1 << 1,
    VSTOR_AGREED = 1 << 2,
    VSTOR_PROPERTIES_TOLD = 1 << 3,
    VSTOR_READY = 1 << 4,
};

/* Protocol versions; up to WIN7 a request has no extension and 18 bytes of sense. */
enum vstor_version {
    VSTOR_VERSION_WIN2008 = 0x0200,
    VSTOR_VERSION_WIN7 = 0x0402,
    VSTOR_VERSION_WIN8 = 0x0501,
    VSTOR_VERSION_WIN8_1 = 0x0600,
    VSTOR_VERSION_WIN10 = 0x0602,
};

enum {
    /* struct vstor_packet */
    VSTOR_OPERATION = 0,
    VSTOR_FLAGS = 4,
    VSTOR_STATUS = 8,
    VSTOR_HEAD_BYTES = 12,
    VSTOR_PACKET_BYTES = 64,
    VSTOR_PACKET_BYTES_OLD = 48,
    /* struct vmscsi_request, from the packet's start */
    VSTOR_SRB_LENGTH = 12,
    VSTOR_SRB_STATUS = 14,
    VSTOR_SCSI_STATUS = 15,
    VSTOR_PATH = 17,
    VSTOR_TARGET = 18,
    VSTOR_LUN = 19,
    VSTOR_CDB_LENGTH = 20,
    VSTOR_SENSE_LENGTH = 21,
    VSTOR_DATA_IN = 22,
    VSTOR_TRANSFER_LENGTH = 24,
    VSTOR_CDB = 28, /* sense comes back in its place */
    VSTOR_SRB_BYTES_OLD = 36,
    VSTOR_DATA_OUT = 0, /* of VSTOR_DATA_IN: to the device */
    /* struct vmstorage_channel_properties */
    VSTOR_PROPERTIES_CHANNELS = 16,
    VSTOR_PROPERTIES_FLAGS = 20,
    VSTOR_PROPERTIES_TRANSFER = 24,
    VSTOR_PROPERTIES_MULTI_CHANNEL = 1,
};

#define VSTOR_STATUS_SUCCESS              UINT32_C(0)
#define VSTOR_STATUS_INVALID_PARAMETER    UINT32_C(0xc000000d)
#define VSTOR_STATUS_REVISION_MISMATCH    UINT32_C(0xc0000059)
#define VSTOR_STATUS_NOT_SUPPORTED        UINT32_C(0xc00000bb)
#define VSTOR_STATUS_INVALID_DEVICE_STATE UINT32_C(0xc0000184)

/* X(code, NAME, whether it is ever given): the SRB status, beside which stand its two flags. [OPENVMM scsi_defs/src/srb.rs] */
#define VSTOR_SRB_STATUSES(X)                                                                      \
    X(0x00, PENDING, never)                                                                        \
    X(0x01, SUCCESS, given)                                                                        \
    X(0x02, ABORTED, never)                                                                        \
    X(0x03, ABORT_FAILED, never)                                                                   \
    X(0x04, ERROR, given)                                                                          \
    X(0x05, BUSY, never)                                                                           \
    X(0x06, INVALID_REQUEST, given)                                                                \
    X(0x07, INVALID_PATH, never)                                                                   \
    X(0x08, NO_DEVICE, never)                                                                      \
    X(0x09, TIMEOUT, never)                                                                        \
    X(0x0a, SELECTION_TIMEOUT, never)                                                              \
    X(0x0b, COMMAND_TIMEOUT, never)                                                                \
    X(0x0d, MESSAGE_REJECTED, never)                                                               \
    X(0x0e, BUS_RESET, never)                                                                      \
    X(0x0f, PARITY_ERROR, never)                                                                   \
    X(0x10, REQUEST_SENSE_FAILED, never)                                                           \
    X(0x11, NO_HBA, never)                                                                         \
    X(0x12, DATA_OVERRUN, never)                                                                   \
    X(0x13, UNEXPECTED_BUS_FREE, never)                                                            \
    X(0x14, PHASE_SEQUENCE_FAILURE, never)                                                         \
    X(0x15, BAD_LENGTH, never)                                                                     \
    X(0x16, REQUEST_FLUSHED, never)                                                                \
    X(0x20, INVALID_LUN, given)                                                                    \
    X(0x21, INVALID_TARGET, never)                                                                 \
    X(0x22, BAD_FUNCTION, never)                                                                   \
    X(0x23, ERROR_RECOVERY, never)                                                                 \
    X(0x24, NOT_POWERED, never)                                                                    \
    X(0x25, LINK_DOWN, never)                                                                      \
    X(0x30, INTERNAL_ERROR, never)

enum vstor_srb_status {
#define X(code, name, given) VSTOR_SRB_##name = code,
    VSTOR_SRB_STATUSES(X)
#undef X
        VSTOR_SRB_QUEUE_FROZEN = 0x40, /* never given */
    VSTOR_SRB_AUTOSENSE_VALID = 0x80,
};

#endif
