/* SynIC messages: slot, types, buffers. [TLFS inter-partition-communication; LINUX hvgdk_mini.h] */
#ifndef PARTITIONS_HV_MESSAGE_H
#define PARTITIONS_HV_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

enum {
    HV_SINTS = 16,
    HV_MESSAGE_SIZE = 256,
    HV_MESSAGE_PAYLOAD_MAX = 240,
    HV_EVENT_FLAGS_PER_SINT = 2048
};

/* As it lies in a SIMP slot. The slot is free when type is 0. */
struct hv_message {
    uint32_t type;
    uint8_t payload_size;
    uint8_t flags; /* HV_MESSAGE_FLAG_PENDING */
    uint16_t reserved;
    uint64_t origin; /* sender partition, or port id */
    uint8_t payload[HV_MESSAGE_PAYLOAD_MAX];
};
_Static_assert(sizeof(struct hv_message) == HV_MESSAGE_SIZE, "TLFS HV_MESSAGE");
_Static_assert(offsetof(struct hv_message, payload) == 16, "TLFS HV_MESSAGE");

enum { HV_MESSAGE_FLAG_PENDING = 1u << 0 };

/* [TLFS HV_MESSAGE_TYPE; LINUX hvgdk_mini.h enum hv_message_type] */
enum hv_message_type {
    HV_MESSAGE_NONE = 0,
    HV_MESSAGE_UNMAPPED_GPA = 0x80000000,
    HV_MESSAGE_GPA_INTERCEPT = 0x80000001,
    HV_MESSAGE_TIMER_EXPIRED = 0x80000010,
    HV_MESSAGE_INVALID_VP_REGISTER = 0x80000020,
    HV_MESSAGE_UNRECOVERABLE_EXCEPTION = 0x80000021,
    HV_MESSAGE_UNSUPPORTED_FEATURE = 0x80000022,
    HV_MESSAGE_X64_IO_PORT = 0x80010000,
    HV_MESSAGE_X64_MSR = 0x80010001,
    HV_MESSAGE_X64_CPUID = 0x80010002,
    HV_MESSAGE_X64_EXCEPTION = 0x80010003,
    HV_MESSAGE_X64_APIC_EOI = 0x80010004,
    HV_MESSAGE_X64_HALT = 0x80010007,
};

struct port;

/* A queued message. Owned by a port, a timer or a VP (intercepts); linked into the queue of its
 * target's SINT. */
struct hv_message_buffer {
    struct hv_message message;
    struct hv_message_buffer *next; /* in the SINT's queue, or in the port's free list */
    struct port *port;              /* goes back there after delivery; NULL: a dedicated buffer */
    uint8_t queued_sint, queued_vtl;
    struct vp *queued_vp;   /* NULL: not queued */
    struct hv_timer *timer; /* dedicated to it: the delivery time is filled in at delivery */
};

#endif
