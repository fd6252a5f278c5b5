/* SynIC for who holds the hypervisor's lock: for writing, or for reading and where `_locked` says so the VP's synic_lock. [TLFS inter-partition-communication] */
#ifndef PARTITIONS_HV_SYNIC_H
#define PARTITIONS_HV_SYNIC_H

#include <stdbool.h>
#include <stdint.h>

#include "partitions/hv/message.h"
#include "partitions/hv/status.h"
#include "partitions/vp.h"

/* HV_X64_MSR_SCONTROL, SIEFP, SIMP, SINTx. */
#define SYNIC_ENABLE  UINT64_C(1)
#define SINT_VECTOR   UINT64_C(0xff)
#define SINT_MASKED   (UINT64_C(1) << 16)
#define SINT_AUTO_EOI (UINT64_C(1) << 17)
#define SINT_POLLING  (UINT64_C(1) << 18)
#define SINT_RESET    SINT_MASKED

/* Registers to their first values, pages zeroed and uncovered, queues emptied (buffers go home). */
void synic_reset(struct vp *vp, unsigned vtl);

/* May messages be posted to it; may events be signalled? */
bool synic_takes_messages(const struct vp *vp, unsigned vtl);
bool synic_takes_events(const struct vp *vp, unsigned vtl);

/* Queue a filled buffer for a SINT and deliver what can be delivered. The buffer is in no queue. */
void synic_post(struct vp *vp, unsigned vtl, unsigned sint, struct hv_message_buffer *buffer);
void synic_post_locked(struct vp *vp, unsigned vtl, unsigned sint,
                       struct hv_message_buffer *buffer);
/* Take a buffer out of the queue it waits in. */
void synic_unqueue(struct hv_message_buffer *buffer);
/* Deliver from the queue of one SINT, or of all (EOM). */
void synic_scan_locked(struct vp *vp, unsigned vtl, unsigned sint);
void synic_scan_all_locked(struct vp *vp, unsigned vtl);
/* Is any message queued? Without locks. */
bool synic_waits(const struct vp *vp, unsigned vtl);

/* Set an event flag; interrupt on 0 -> 1. */
hv_status_t synic_signal(struct vp *vp, unsigned vtl, unsigned sint, unsigned flag);

#endif
