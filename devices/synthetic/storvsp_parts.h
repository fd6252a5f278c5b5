/* Between the files of storvsp: the protocol's states, and requests on their way. */
#ifndef DEVICES_SYNTHETIC_STORVSP_PARTS_H
#define DEVICES_SYNTHETIC_STORVSP_PARTS_H

#include "devices/devices_trace.h"
#include "devices/synthetic/storvsp.h"

/* How long a guest that has to let go of its units may ask for nothing meanwhile. */
enum { STORVSP_QUIET_NS = 2000000000 };

/* Bytes of a packet in the version that is agreed on. */
uint32_t storvsp_packet_bytes(const struct storvsp *storvsp);
/* Answer a packet in place. channel NULL: nobody waits for it. */
void storvsp_answer(struct storvsp *storvsp, struct vmbus_channel *channel, uint64_t transaction,
                    bool wanted, uint8_t packet[VSTOR_PACKET_BYTES], uint32_t status);
/* The guest's first request: it listens. */
void storvsp_listens(struct storvsp *storvsp);

/* bytes: the packet's payload, filled up with zeros. */
enum vmbus_taken storvsp_execute(struct storvsp *storvsp, struct vmbus_channel *channel,
                                 const struct vmbus_packet *packet,
                                 const uint8_t bytes[VSTOR_PACKET_BYTES]);
/* Answer the reset that waits, when nothing is under way any more. */
void storvsp_reset_finish(struct storvsp *storvsp);
/* Take packets again, on every channel that had to wait. */
void storvsp_resume(struct storvsp *storvsp);
void storvsp_requests_init(struct storvsp *storvsp);
void storvsp_requests_fini(struct storvsp *storvsp);
/* The channel is closed: nobody waits for what is under way for it. */
void storvsp_requests_forget(struct storvsp *storvsp, const struct vmbus_channel *channel);

#endif
