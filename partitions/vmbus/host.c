/* Ports, connections, messages, events of VMBus by hypercalls; the server's hour. [TLFS inter-partition-communication] */
#include "partitions/vmbus/host.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "partitions/hv/hypervisor.h"
#include "partitions/hv/port.h"
#include "partitions/hv/status.h"
#include "partitions/partition.h"
#include "partitions/vmbus/gpa_map.h"

/* Call codes and layouts of the table in hv/hypercall_table.h. */
enum {
    CALL_DELETE_PORT = 0x58,
    CALL_DISCONNECT_PORT = 0x5b,
    CALL_POST_MESSAGE = 0x5c,
    CALL_SIGNAL_EVENT = 0x5d,
    CALL_CREATE_PORT = 0x95,
    CALL_CONNECT_PORT = 0x96,

    CREATE_PORT_BYTES = 56,
    CONNECT_PORT_BYTES = 72,
    POST_MESSAGE_BYTES = 256,

    MESSAGE_TYPE = 1,
    RETRY_NS = 100000,
    TAKEN_AT_ONCE = 1024,

    /* Ids within the 16 bits that each child has of the root's port and connection ids; in the child they are alone. */
    PORT_MESSAGES = 0x1, /* of the child */
    PORT_EVENTS = 0x1000,
};

static uint32_t root_id(const struct vmbus_host *host, uint32_t id)
{
    return (uint32_t)(host->child->id & 0xff) << 16 | id;
}

/* ---- hypercalls of the root ---- */

static hv_status_t call(const struct vmbus_host *host, uint16_t code, const uint8_t *in, size_t n)
{
    struct hv_caller root = hv_caller_root(host->hv);

    return hv_call(&root, code, in, n, NULL, 0, 0, NULL);
}

struct port_place {
    const struct partition *owner, *sender;
    uint32_t port, connection;
    enum hv_port_type type;
};

/* *refused (may be NULL): the call that failed. */
static hv_status_t port_make(const struct vmbus_host *host, const struct port_place *place,
                             uint32_t vp, unsigned sint, uint32_t flag, const char **refused)
{
    uint8_t create[CREATE_PORT_BYTES] = { 0 }, connect[CONNECT_PORT_BYTES] = { 0 };
    uint8_t delete[16] = { 0 };

    le64_store(create, place->owner->id);
    le32_store(create + 8, place->port);
    le64_store(create + 16, place->sender->id);
    le32_store(create + 24, place->type);
    le32_store(create + 32, sint);
    le32_store(create + 36, vp);
    if (place->type == HV_PORT_EVENT) {
        le16_store(create + 40, (uint16_t)flag);
        le16_store(create + 42, 1);
    }
    hv_status_t status = call(host, CALL_CREATE_PORT, create, sizeof(create));
    if (status != HV_STATUS_SUCCESS) {
        if (refused != NULL) {
            *refused = "HvCallCreatePort";
        }
        return status;
    }
    le64_store(connect, place->sender->id);
    le32_store(connect + 8, place->connection);
    le64_store(connect + 16, place->owner->id);
    le32_store(connect + 24, place->port);
    le32_store(connect + 32, place->type);
    status = call(host, CALL_CONNECT_PORT, connect, sizeof(connect));
    if (status != HV_STATUS_SUCCESS) {
        if (refused != NULL) {
            *refused = "HvCallConnectPort";
        }
        le64_store(delete, place->owner->id);
        le32_store(delete + 8, place->port);
        (void)call(host, CALL_DELETE_PORT, delete, sizeof(delete));
    }
    return status;
}

static void port_unmake(const struct vmbus_host *host, const struct port_place *place)
{
    uint8_t in[16] = { 0 };

    le64_store(in, place->sender->id);
    le32_store(in + 8, place->connection);
    (void)call(host, CALL_DISCONNECT_PORT, in, sizeof(in));
    le64_store(in, place->owner->id);
    le32_store(in + 8, place->port);
    (void)call(host, CALL_DELETE_PORT, in, sizeof(in));
}

/* ---- the four kinds of ports ---- */

static struct port_place messages_in(const struct vmbus_host *host, uint32_t connection)
{
    return (struct port_place){ .owner = host->hv->root,
                                .sender = host->child,
                                .port = root_id(host, connection),
                                .connection = connection,
                                .type = HV_PORT_MESSAGE };
}

static struct port_place messages_out(const struct vmbus_host *host)
{
    return (struct port_place){ .owner = host->child,
                                .sender = host->hv->root,
                                .port = PORT_MESSAGES,
                                .connection = root_id(host, PORT_MESSAGES),
                                .type = HV_PORT_MESSAGE };
}

static struct port_place events_in(const struct vmbus_host *host, uint32_t relid)
{
    return (struct port_place){ .owner = host->hv->root,
                                .sender = host->child,
                                .port = root_id(host, VMBUS_CONNECTION_EVENTS + relid),
                                .connection = VMBUS_CONNECTION_EVENTS + relid,
                                .type = HV_PORT_EVENT };
}

static struct port_place events_out(const struct vmbus_host *host, uint32_t relid)
{
    return (struct port_place){ .owner = host->child,
                                .sender = host->hv->root,
                                .port = PORT_EVENTS + relid,
                                .connection = root_id(host, PORT_EVENTS + relid),
                                .type = HV_PORT_EVENT };
}

/* ---- the server's wire ---- */

static void wire_hang_up(void *opaque)
{
    struct vmbus_host *host = opaque;
    struct port_place place = messages_out(host);

    if (host->contacted) {
        port_unmake(host, &place);
        host->contacted = false;
    }
}

static int wire_contact(void *opaque, uint32_t vp, unsigned sint)
{
    struct vmbus_host *host = opaque;
    struct port_place place = messages_out(host);

    wire_hang_up(host);
    if (vp == HV_ANY_VP || port_make(host, &place, vp, sint, 0, NULL) != HV_STATUS_SUCCESS) {
        return -EINVAL;
    }
    host->contacted = true;
    return 0;
}

static int wire_post(void *opaque, const uint8_t *message, size_t n)
{
    struct vmbus_host *host = opaque;
    uint8_t in[POST_MESSAGE_BYTES] = { 0 };

    le32_store(in, root_id(host, PORT_MESSAGES));
    le32_store(in + 8, MESSAGE_TYPE);
    le32_store(in + 12, (uint32_t)n);
    memcpy(in + 16, message, n);
    switch (call(host, CALL_POST_MESSAGE, in, sizeof(in))) {
    case HV_STATUS_SUCCESS:
        return 0;
    case HV_STATUS_INSUFFICIENT_BUFFERS:
        return -EAGAIN;
    default:
        return -ENOTCONN;
    }
}

static int wire_listen(void *opaque, uint32_t relid)
{
    struct vmbus_host *host = opaque;
    struct port_place place = events_in(host, relid);

    return port_make(host, &place, host->root_vp->index, VMBUS_SINT, relid, NULL) ==
                   HV_STATUS_SUCCESS
               ? 0
               : -ENOSPC;
}

static void wire_unlisten(void *opaque, uint32_t relid)
{
    struct vmbus_host *host = opaque;
    struct port_place place = events_in(host, relid);

    port_unmake(host, &place);
}

static void wire_detach(void *opaque, uint32_t relid)
{
    struct vmbus_host *host = opaque;
    struct port_place place = events_out(host, relid);

    if (host->attached[relid / 64] >> relid % 64 & 1) {
        port_unmake(host, &place);
        host->attached[relid / 64] &= ~(UINT64_C(1) << relid % 64);
    }
}

static int wire_attach(void *opaque, uint32_t relid, uint32_t vp, unsigned sint)
{
    struct vmbus_host *host = opaque;
    struct port_place place = events_out(host, relid);

    if (vp == HV_ANY_VP || port_make(host, &place, vp, sint, relid, NULL) != HV_STATUS_SUCCESS) {
        return -EINVAL;
    }
    host->attached[relid / 64] |= UINT64_C(1) << relid % 64;
    return 0;
}

static void wire_signal(void *opaque, uint32_t relid)
{
    struct vmbus_host *host = opaque;
    uint8_t in[8] = { 0 };

    le32_store(in, root_id(host, PORT_EVENTS + relid));
    (void)call(host, CALL_SIGNAL_EVENT, in, sizeof(in));
}

static void wake(struct vmbus_host *host, uint64_t after_ns)
{
    timer_set(&host->work, clock_now_ns(host->hv->clock) + after_ns);
}

static void wire_wake(void *opaque)
{
    wake(opaque, 0);
}

static void wire_gone(void *opaque, struct vmbus_device *dev)
{
    struct vmbus_host *host = opaque;

    if (host->gone != NULL) {
        host->gone(host->gone_opaque, dev);
    }
}

static const struct vmbus_wire_ops wire_ops = {
    .contact = wire_contact,
    .hang_up = wire_hang_up,
    .post = wire_post,
    .listen = wire_listen,
    .unlisten = wire_unlisten,
    .attach = wire_attach,
    .detach = wire_detach,
    .signal = wire_signal,
    .wake = wire_wake,
    .gone = wire_gone,
};

/* ---- the hour ---- */

/* What came, in the order of its arrival; then signals by relid; then what is asked and waits. */
static void work(void *opaque, uint64_t now_ns)
{
    struct vmbus_host *host = opaque;
    struct hv_message message;
    unsigned taken = 0, relid;

    (void)now_ns;
    while (vmbus_server_accepts(&host->server) &&
           hv_sink_message_take(host->root_vp, VMBUS_SINT, &message)) {
        if (message.type == MESSAGE_TYPE) {
            vmbus_server_message(&host->server, message.payload, message.payload_size);
        }
    }
    bool stopped = !vmbus_server_accepts(&host->server); /* more may have come */
    while (taken++ < TAKEN_AT_ONCE && hv_sink_event_take(host->root_vp, VMBUS_SINT, &relid)) {
        vmbus_server_signaled(&host->server, relid);
    }
    vmbus_server_work(&host->server);
    if (taken > TAKEN_AT_ONCE || (stopped && vmbus_server_accepts(&host->server))) {
        wake(host, 0);
    } else if (host->server.retry) {
        wake(host, RETRY_NS);
    }
}

void vmbus_host_sink(struct vmbus_host *host, unsigned sint)
{
    if (sint == VMBUS_SINT && host->hv != NULL) {
        wake(host, 0);
    }
}

/* ---- life ---- */

static bool memory_page(void *opaque, uint64_t gpfn, unsigned rights, spa_t *spa)
{
    return gpa_map_child(opaque, gpfn, rights, spa);
}

void vmbus_host_restore(struct vmbus_host *host, struct hypervisor *hv, struct partition *child,
                        struct vp *root_vp, struct trace *trace)
{
    const struct vmbus_memory memory = { .ram = hv->ram, .page = memory_page, .opaque = child };

    *host = (struct vmbus_host){ .hv = hv, .child = child, .root_vp = root_vp };
    vmbus_server_init(&host->server, &wire_ops, host, &memory, trace, (uint32_t)child->id);
    timer_init(&host->work, hv->clock, work, host);
}

int vmbus_host_init(struct vmbus_host *host, struct hypervisor *hv, struct partition *child,
                    struct vp *root_vp, struct trace *trace, struct error *error)
{
    static const uint32_t connections[] = { VMBUS_CONNECTION_MESSAGES,
                                            VMBUS_CONNECTION_MESSAGES_5 };
    const char *refused = "";

    vmbus_host_restore(host, hv, child, root_vp, trace);
    for (unsigned i = 0; i < ARRAY_SIZE(connections); i++) {
        struct port_place place = messages_in(host, connections[i]);
        hv_status_t status = port_make(host, &place, host->root_vp->index, VMBUS_SINT, 0, &refused);
        if (status != HV_STATUS_SUCCESS) {
            return error_set(error, -EPERM, "the parent's %s: HV_STATUS_%s (0x%x)", refused,
                             hv_status_name(status), status);
        }
    }
    return 0;
}

void vmbus_host_fini(struct vmbus_host *host)
{
    if (host->hv != NULL) {
        timer_cancel(&host->work);
        vmbus_server_fini(&host->server);
        host->hv = NULL;
    }
}

void vmbus_host_reset(struct vmbus_host *host)
{
    struct hv_message message;
    unsigned relid;

    while (hv_sink_message_take(host->root_vp, VMBUS_SINT, &message)) {
    }
    while (hv_sink_event_take(host->root_vp, VMBUS_SINT, &relid)) {
    }
    vmbus_server_reset(&host->server);
    wake(host, 0);
}
