/* HV_STATUS: what a hypercall answers. [TLFS HV_STATUS; TLFS v6.0b app. B] */
#ifndef PARTITIONS_HV_STATUS_H
#define PARTITIONS_HV_STATUS_H

#include <stdint.h>

typedef uint16_t hv_status_t;

/* clang-format off */
#define HV_STATUSES(X)                          \
    X(0x0000, SUCCESS)                          \
    X(0x0002, INVALID_HYPERCALL_CODE)           \
    X(0x0003, INVALID_HYPERCALL_INPUT)          \
    X(0x0004, INVALID_ALIGNMENT)                \
    X(0x0005, INVALID_PARAMETER)                \
    X(0x0006, ACCESS_DENIED)                    \
    X(0x0007, INVALID_PARTITION_STATE)          \
    X(0x0008, OPERATION_DENIED)                 \
    X(0x0009, UNKNOWN_PROPERTY)                 \
    X(0x000a, PROPERTY_VALUE_OUT_OF_RANGE)      \
    X(0x000b, INSUFFICIENT_MEMORY)              \
    X(0x000c, PARTITION_TOO_DEEP)               \
    X(0x000d, INVALID_PARTITION_ID)             \
    X(0x000e, INVALID_VP_INDEX)                 \
    X(0x0010, NOT_FOUND)                        \
    X(0x0011, INVALID_PORT_ID)                  \
    X(0x0012, INVALID_CONNECTION_ID)            \
    X(0x0013, INSUFFICIENT_BUFFERS)             \
    X(0x0014, NOT_ACKNOWLEDGED)                 \
    X(0x0015, INVALID_VP_STATE)                 \
    X(0x0016, ACKNOWLEDGED)                     \
    X(0x0018, INVALID_SYNIC_STATE)              \
    X(0x0019, OBJECT_IN_USE)                    \
    X(0x001a, INVALID_PROXIMITY_DOMAIN_INFO)    \
    X(0x001b, NO_DATA)                          \
    X(0x001c, INACTIVE)                         \
    X(0x001d, NO_RESOURCES)                     \
    X(0x001e, FEATURE_UNAVAILABLE)              \
    X(0x0050, INVALID_REGISTER_VALUE)           \
    X(0x0051, INVALID_VTL_STATE)
/* clang-format on */

enum {
#define X(number, name) HV_STATUS_##name = number,
    HV_STATUSES(X)
#undef X
};

/* "INVALID_PARAMETER", or "?" for a number without a row. */
const char *hv_status_name(hv_status_t status);

#endif
