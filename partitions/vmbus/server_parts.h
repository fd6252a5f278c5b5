/* Between the files of the server. */
#ifndef PARTITIONS_VMBUS_SERVER_PARTS_H
#define PARTITIONS_VMBUS_SERVER_PARTS_H

#include "partitions/machine_trace.h"
#include "partitions/vmbus/server.h"

typedef void vmbus_handler(struct vmbus_server *server, const uint8_t *message, size_t n);

vmbus_handler vmbus_on_request_offers, vmbus_on_open, vmbus_on_close, vmbus_on_gpadl_header,
    vmbus_on_gpadl_body, vmbus_on_gpadl_teardown, vmbus_on_relid_released, vmbus_on_contact,
    vmbus_on_unload, vmbus_on_tl_connect, vmbus_on_modify;

/* Queue a message of the host: its number and length are set by it. */
void vmbus_send(struct vmbus_server *server, enum vmbus_message number, uint8_t *message, size_t n);
/* The guest's message makes no sense: counted, traced, dropped. `why` is a literal. */
void vmbus_bad(struct vmbus_server *server, const char *why, uint64_t value);

/* NULL: no such relid. */
struct vmbus_channel *vmbus_channel_of(const struct vmbus_server *server, uint32_t relid);

/* Offer what is not offered yet. */
void vmbus_offer_device(struct vmbus_server *server, struct vmbus_device *dev);
/* Take the offers of a device back; the guest will release them. */
void vmbus_rescind_device(struct vmbus_server *server, struct vmbus_device *dev);
void vmbus_rescind_channel(struct vmbus_server *server, struct vmbus_channel *channel);
/* The guest knows nothing of the channel any more. */
void vmbus_forget_channel(struct vmbus_server *server, struct vmbus_channel *channel);
/* Is a device that was to be removed known by no relid? Then it goes. */
void vmbus_device_gone(struct vmbus_server *server, struct vmbus_device *dev);
/* The guest's connection ends: channels closed, GPADLs dropped, relids free. */
void vmbus_disconnect(struct vmbus_server *server);

void vmbus_channel_shut(struct vmbus_server *server, struct vmbus_channel *channel);

/* GPADLs of a channel, or all that are incomplete. */
void vmbus_gpadls_drop(struct vmbus_server *server, struct vmbus_channel *channel);
void vmbus_gpadls_drop_incomplete(struct vmbus_server *server, uint32_t relid); /* 0: all */

#define VMBUS_TRACE(server, event, ...)                                                            \
    TRACE((server)->trace, TRACE_ROOM_VMMS, MACHINE_EVENT_VMBUS_##event, (server)->partition, -1,  \
          __VA_ARGS__)

#endif
