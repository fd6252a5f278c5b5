/* Ports, connections, PostMessage, SignalEvent. [TLFS v2.0 14.9] */
#include "partitions/hv/port.h"

#include <stdlib.h>
#include <string.h>

#include "partitions/hv/memory.h"
#include "partitions/hv/request.h"
#include "partitions/hv/synic.h"
#include "partitions/hv/trace.h"

struct port *hv_port_find(struct partition *partition, uint32_t id)
{
    struct port *port = partition->port_list;

    while (port != NULL && port->id != id) {
        port = port->next;
    }
    return port;
}

struct connection *hv_connection_find(struct partition *partition, uint32_t id)
{
    struct connection *connection = partition->connection_list;

    while (connection != NULL && connection->id != id) {
        connection = connection->next;
    }
    return connection;
}

static bool id_reserved(uint32_t id, unsigned bits)
{
    return id >> bits != 0;
}

static bool bytes_zero(const uint8_t *bytes, size_t n)
{
    while (n > 0 && bytes[n - 1] == 0) {
        n--;
    }
    return n == 0;
}

/* ---- ports ---- */

/* HV_PORT_INFO at offset 24. */
enum {
    INFO_TYPE = 24,
    INFO_SINT = 32,
    INFO_VP = 36,
    INFO_BASE_FLAG = 40,
    INFO_FLAG_COUNT = 42,
    INFO_REST = 44
};

static hv_status_t port_info_read(const struct hv_request *request, struct hv_port_info *info)
{
    const uint8_t *in = request->in;

    info->type = (enum hv_port_type)le32_load(in + INFO_TYPE);
    info->sint = le32_load(in + INFO_SINT);
    info->vp = le32_load(in + INFO_VP);
    if (info->type != HV_PORT_MESSAGE && info->type != HV_PORT_EVENT) {
        HV_TRACE(request->hv, NOT_BUILT, request->caller->partition->id, -1,
                 HV_TRACE_NAME("port type"), info->type);
        return HV_STATUS_INVALID_PARAMETER; /* monitor and doorbell ports are not built */
    }
    if (info->sint == 0 || info->sint >= HV_SINTS || le32_load(in + INFO_TYPE + 4) != 0 ||
        !bytes_zero(in + (info->type == HV_PORT_EVENT ? INFO_REST : INFO_BASE_FLAG),
                    info->type == HV_PORT_EVENT ? 4 : 8)) {
        return HV_STATUS_INVALID_PARAMETER;
    }
    if (info->type == HV_PORT_EVENT) {
        info->base_flag = le16_load(in + INFO_BASE_FLAG);
        info->flag_count = le16_load(in + INFO_FLAG_COUNT);
        if (info->flag_count == 0 || info->base_flag + info->flag_count > HV_EVENT_FLAGS_PER_SINT) {
            return HV_STATUS_INVALID_PARAMETER;
        }
    }
    if (info->vp != HV_ANY_VP && partition_vp(request->target, info->vp) == NULL) {
        return HV_STATUS_INVALID_VP_INDEX;
    }
    return HV_STATUS_SUCCESS;
}

static hv_status_t port_create(struct hv_request *request, uint32_t id,
                               struct partition *connectable, const struct hv_port_info *info)
{
    struct partition *owner = request->target;
    struct port *port;

    if (!partition_charge(owner, HV_COST_PORT)) {
        return HV_STATUS_INSUFFICIENT_MEMORY;
    }
    port = calloc(1, sizeof(*port));
    if (port == NULL) {
        partition_uncharge(owner, HV_COST_PORT);
        return HV_STATUS_NO_RESOURCES;
    }
    port->id = id;
    port->owner = owner;
    port->connectable = connectable;
    port->info = *info;
    for (unsigned i = 0; i < HV_PORT_BUFFERS; i++) {
        port->buffers[i].port = port;
        port->buffers[i].next = port->free;
        port->free = &port->buffers[i];
    }
    port->next = owner->port_list;
    owner->port_list = port;
    HV_TRACE(request->hv, PORT_CREATED, owner->id, -1, owner->id, id, info->type, info->sint);
    return HV_STATUS_SUCCESS;
}

/* 0x57 and 0x95: the old form has zeros where the new one has VTLs. */
hv_status_t hv_call_create_port(struct hv_request *request)
{
    uint32_t id = le32_load(request->in + 8);
    struct partition *connectable = hv_request_partition(request, le64_load(request->in + 16));
    struct hv_port_info info = { .base_flag = 0 };
    hv_status_t status;

    if (connectable == NULL) {
        return HV_STATUS_INVALID_PARTITION_ID;
    }
    if (connectable->state != PARTITION_ACTIVE) {
        return HV_STATUS_INVALID_PARTITION_STATE;
    }
    if (id_reserved(id, HV_PORT_ID_BITS) || hv_port_find(request->target, id) != NULL) {
        return HV_STATUS_INVALID_PORT_ID;
    }
    if (!bytes_zero(request->in + 12, 4)) {
        return HV_STATUS_INVALID_PARAMETER; /* only VTL 0 */
    }
    status = port_info_read(request, &info);
    return status == HV_STATUS_SUCCESS ? port_create(request, id, connectable, &info) : status;
}

static void port_delete(struct port *port)
{
    struct hypervisor *hv = port->owner->hv;
    struct port **link = &port->owner->port_list;

    for (unsigned i = 0; i < HV_PORT_BUFFERS; i++) {
        if (port->buffers[i].queued_vp != NULL) {
            synic_unqueue(&port->buffers[i]); /* messages not yet delivered go with the port */
        }
    }
    for (unsigned p = 0; p < hv->n_partitions; p++) {
        for (struct connection *c = hv->partitions[p]->connection_list; c != NULL; c = c->next) {
            if (c->port == port) {
                c->port = NULL;
            }
        }
    }
    while (*link != port) {
        link = &(*link)->next;
    }
    *link = port->next;
    partition_uncharge(port->owner, HV_COST_PORT);
    free(port);
}

hv_status_t hv_call_delete_port(struct hv_request *request)
{
    struct port *port = hv_port_find(request->target, le32_load(request->in + 8));

    if (port == NULL) {
        return HV_STATUS_INVALID_PORT_ID;
    }
    port_delete(port);
    return HV_STATUS_SUCCESS;
}

/* ---- port properties ---- */

enum { PORT_PROPERTY_POST_COUNT = 0, PORT_PROPERTY_PREFERRED_TARGET_VP = 1 };

hv_status_t hv_call_get_port_property(struct hv_request *request)
{
    struct port *port = hv_port_find(request->target, le32_load(request->in + 8));

    if (port == NULL) {
        return HV_STATUS_INVALID_PORT_ID;
    }
    switch (le32_load(request->in + 16)) {
    case PORT_PROPERTY_POST_COUNT:
        le64_store(request->out, port->post_count);
        return HV_STATUS_SUCCESS;
    case PORT_PROPERTY_PREFERRED_TARGET_VP:
        le64_store(request->out, port->preferred_vp);
        return HV_STATUS_SUCCESS;
    default:
        return HV_STATUS_UNKNOWN_PROPERTY;
    }
}

hv_status_t hv_call_set_port_property(struct hv_request *request)
{
    struct port *port = hv_port_find(request->target, le32_load(request->in + 8));
    uint64_t value = le64_load(request->in + 24);

    if (port == NULL) {
        return HV_STATUS_INVALID_PORT_ID;
    }
    switch (le32_load(request->in + 16)) {
    case PORT_PROPERTY_POST_COUNT:
        return HV_STATUS_INVALID_PARAMETER; /* read-only */
    case PORT_PROPERTY_PREFERRED_TARGET_VP:
        if (value > UINT32_MAX || partition_vp(request->target, (uint32_t)value) == NULL) {
            return HV_STATUS_INVALID_VP_INDEX;
        }
        port->preferred_vp = (uint32_t)value;
        le64_store(request->out, value);
        return HV_STATUS_SUCCESS;
    default:
        return HV_STATUS_UNKNOWN_PROPERTY;
    }
}

/* ---- connections ---- */

static hv_status_t connection_create(struct hv_request *request, uint32_t id,
                                     struct partition *port_partition, struct port *port)
{
    struct partition *owner = request->target;
    struct connection *connection;

    if (!partition_charge(owner, HV_COST_CONNECTION)) {
        return HV_STATUS_INSUFFICIENT_MEMORY;
    }
    connection = calloc(1, sizeof(*connection));
    if (connection == NULL) {
        partition_uncharge(owner, HV_COST_CONNECTION);
        return HV_STATUS_NO_RESOURCES;
    }
    *connection = (struct connection){ .next = owner->connection_list,
                                       .id = id,
                                       .owner = owner,
                                       .port_partition_id = port_partition->id,
                                       .port = port,
                                       .type = port->info.type };
    owner->connection_list = connection;
    port->connected = true;
    HV_TRACE(request->hv, PORT_CONNECTED, owner->id, -1, owner->id, id, port->id);
    return HV_STATUS_SUCCESS;
}

/* 0x59 and 0x96: they differ in the length of HV_CONNECTION_INFO (16 or 32), whose first word is
 * what counts. */
hv_status_t hv_call_connect_port(struct hv_request *request)
{
    uint32_t id = le32_load(request->in + 8), port_id = le32_load(request->in + 24);
    struct partition *port_partition = hv_request_partition(request, le64_load(request->in + 16));
    struct port *port;

    if (port_partition == NULL) {
        return HV_STATUS_INVALID_PARTITION_ID;
    }
    if (port_partition->state != PARTITION_ACTIVE) {
        return HV_STATUS_INVALID_PARTITION_STATE;
    }
    if (id_reserved(id, HV_CONNECTION_ID_BITS) || hv_connection_find(request->target, id) != NULL) {
        return HV_STATUS_INVALID_CONNECTION_ID;
    }
    port = hv_port_find(port_partition, port_id);
    if (port == NULL || port->connected || port->connectable != request->target) {
        return HV_STATUS_INVALID_PORT_ID;
    }
    if (!bytes_zero(request->in + 12, 4) || !bytes_zero(request->in + 28, 4) ||
        le32_load(request->in + 32) != (uint32_t)port->info.type) {
        return HV_STATUS_INVALID_PARAMETER;
    }
    return connection_create(request, id, port_partition, port);
}

static void connection_delete(struct connection *connection)
{
    struct connection **link = &connection->owner->connection_list;

    while (*link != connection) {
        link = &(*link)->next;
    }
    *link = connection->next;
    if (connection->port != NULL) {
        connection->port->connected = false;
    }
    partition_uncharge(connection->owner, HV_COST_CONNECTION);
    free(connection);
}

hv_status_t hv_call_disconnect_port(struct hv_request *request)
{
    struct connection *connection = hv_connection_find(request->target, le32_load(request->in + 8));

    if (connection == NULL) {
        return HV_STATUS_INVALID_CONNECTION_ID;
    }
    connection_delete(connection);
    return HV_STATUS_SUCCESS;
}

void hv_ports_fini(struct partition *partition)
{
    while (partition->connection_list != NULL) {
        connection_delete(partition->connection_list);
    }
    while (partition->port_list != NULL) {
        port_delete(partition->port_list);
    }
    /* Ports elsewhere that waited for this partition's connections can have none any more. */
    for (unsigned p = 0; p < partition->hv->n_partitions; p++) {
        for (struct port *port = partition->hv->partitions[p]->port_list; port != NULL;
             port = port->next) {
            if (port->connectable == partition) {
                port->connectable = NULL;
            }
        }
    }
}

/* ---- sending ---- */

/* The connection's port when it can be sent to. */
static hv_status_t sendable_port(const struct hv_request *request, uint32_t id,
                                 enum hv_port_type type, struct port **port)
{
    struct connection *connection = hv_connection_find(request->caller->partition, id);

    if (connection == NULL) {
        return HV_STATUS_INVALID_CONNECTION_ID;
    }
    *port = connection->port;
    if (*port == NULL || (*port)->owner->state != PARTITION_ACTIVE || connection->type != type) {
        return HV_STATUS_INVALID_PORT_ID;
    }
    return HV_STATUS_SUCCESS;
}

/* The VP that a port's message or event goes to: its own, or the preferred or the first whose SynIC
 * listens. */
static hv_status_t target_vp(const struct port *port, bool (*takes)(const struct vp *, unsigned),
                             struct vp **target)
{
    const struct partition *owner = port->owner;
    struct vp *vp;

    if (port->info.vp != HV_ANY_VP) {
        *target = partition_vp(owner, port->info.vp);
        if (*target == NULL) {
            return HV_STATUS_INVALID_VP_INDEX;
        }
        return takes(*target, port->vtl) ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_SYNIC_STATE;
    }
    if (owner->n_vps == 0) {
        return HV_STATUS_INVALID_VP_INDEX;
    }
    vp = partition_vp(owner, port->preferred_vp);
    for (uint32_t i = 0; vp == NULL || !takes(vp, port->vtl); i++) {
        if (i == HV_VPS) {
            return HV_STATUS_INVALID_SYNIC_STATE;
        }
        vp = owner->vps[i];
    }
    *target = vp;
    return HV_STATUS_SUCCESS;
}

hv_status_t hv_call_post_message(struct hv_request *request)
{
    uint32_t id = le32_load(request->in), type = le32_load(request->in + 8),
             size = le32_load(request->in + 12);
    struct hv_message_buffer *buffer;
    struct port *port;
    struct vp *vp;
    hv_status_t status;

    status = sendable_port(request, id, HV_PORT_MESSAGE, &port);
    if (status != HV_STATUS_SUCCESS) {
        return status;
    }
    if (type == 0 || type >> 31 != 0 || size > HV_MESSAGE_PAYLOAD_MAX) {
        return HV_STATUS_INVALID_PARAMETER;
    }
    status = target_vp(port, synic_takes_messages, &vp);
    if (status != HV_STATUS_SUCCESS) {
        return status;
    }
    host_mutex_lock(&request->hv->buffers_lock);
    buffer = port->free;
    if (buffer != NULL) {
        port->free = buffer->next;
        port->post_count++;
    }
    host_mutex_unlock(&request->hv->buffers_lock);
    if (buffer == NULL) {
        return HV_STATUS_INSUFFICIENT_BUFFERS;
    }
    buffer->message =
        (struct hv_message){ .type = type, .payload_size = (uint8_t)size, .origin = port->id };
    memcpy(buffer->message.payload, request->in + 16, size);
    synic_post(vp, port->vtl, port->info.sint, buffer);
    return HV_STATUS_SUCCESS;
}

hv_status_t hv_call_signal_event(struct hv_request *request)
{
    uint32_t id = le32_load(request->in);
    uint16_t flag = le16_load(request->in + 4);
    struct port *port;
    struct vp *vp;
    hv_status_t status = sendable_port(request, id, HV_PORT_EVENT, &port);

    if (status != HV_STATUS_SUCCESS) {
        return status;
    }
    if (flag >= port->info.flag_count) {
        return HV_STATUS_INVALID_PARAMETER;
    }
    status = target_vp(port, synic_takes_events, &vp);
    if (status != HV_STATUS_SUCCESS) {
        return status;
    }
    return synic_signal(vp, port->vtl, port->info.sint, port->info.base_flag + (unsigned)flag);
}
