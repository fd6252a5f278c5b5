/* Ports and connections: who may send where. [TLFS inter-partition-communication] */
#ifndef PARTITIONS_HV_PORT_H
#define PARTITIONS_HV_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "partitions/hv/message.h"
#include "partitions/hv/status.h"

enum hv_port_type { HV_PORT_MESSAGE = 1, HV_PORT_EVENT = 2, HV_PORT_MONITOR = 3 };
enum { HV_PORT_BUFFERS = 16, HV_PORT_ID_BITS = 24, HV_CONNECTION_ID_BITS = 24 };
#define HV_ANY_VP UINT32_C(0xffffffff)

/* What CreatePort says of a port, and ConnectPort of its connection. */
struct hv_port_info {
    enum hv_port_type type;
    uint32_t sint, vp;              /* message, event: the target */
    uint16_t base_flag, flag_count; /* event */
};

struct port {
    struct port *next; /* in partition.ports */
    uint32_t id;
    uint8_t vtl;
    struct partition *owner;       /* receives */
    struct partition *connectable; /* may be the source of connections */
    struct hv_port_info info;
    bool connected;                 /* one connection a port */
    uint64_t post_count;            /* messages accepted since creation */
    uint32_t preferred_vp;          /* tried first when the target is HV_ANY_VP */
    struct hv_message_buffer *free; /* of `buffers` */
    struct hv_message_buffer buffers[HV_PORT_BUFFERS];
};

struct connection {
    struct connection *next; /* in partition.connections */
    uint32_t id;
    uint8_t vtl;
    struct partition *owner; /* sends */
    uint64_t port_partition_id;
    struct port *port; /* NULL: the port was deleted */
    enum hv_port_type type;
};

struct port *hv_port_find(struct partition *partition, uint32_t id);
struct connection *hv_connection_find(struct partition *partition, uint32_t id);
/* Delete everything that belongs to a partition that goes away: its ports, its connections. */
void hv_ports_fini(struct partition *partition);

#endif
