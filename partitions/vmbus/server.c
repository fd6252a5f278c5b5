/* The VMBus server: contact, the queue of messages out, what devices ask for. [LINUX drivers/hv/connection.c] */
#include "partitions/vmbus/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "partitions/vmbus/server_parts.h"

enum message_state { DONE, REFUSED, NOT_BUILT };
enum direction { GUEST, HOST };

struct message_row {
    const char *name;
    enum direction direction;
    uint32_t since;
    enum message_state state;
    uint8_t bytes;
    vmbus_handler *handler;
};

static const struct message_row rows[] = {
#define X(number, row_name, row_direction, row_since, row_bytes, row_state, row_handler)           \
    [number] = { .name = #row_name,                                                                \
                 .direction = row_direction,                                                       \
                 .since = row_since,                                                               \
                 .state = row_state,                                                               \
                 .bytes = row_bytes,                                                               \
                 .handler = row_handler },
    VMBUS_MESSAGES(X)
#undef X
};

bool vmbus_is_hosts_message(const uint8_t *message, size_t n)
{
    uint32_t number = n >= VMBUS_MESSAGE_HEADER ? le32_load(message) : 0;

    return number < ARRAY_SIZE(rows) && rows[number].name != NULL &&
           rows[number].direction == HOST && n <= VMBUS_MESSAGE_MAX;
}

/* ---- out ---- */

void vmbus_send(struct vmbus_server *server, enum vmbus_message number, uint8_t *message, size_t n)
{
    struct vmbus_out *out =
        calloc(1, sizeof(*out)); /* the trace tells of a first word, there or not */

    if (out == NULL) {
        server->counters.messages_lost++;
        return;
    }
    le32_store(message, (uint32_t)number);
    le32_store(message + 4, 0);
    out->next = NULL;
    out->n = (uint8_t)n;
    memcpy(out->bytes, message, n);
    if (server->out_last != NULL) {
        server->out_last->next = out;
    } else {
        server->out_first = out;
    }
    server->out_last = out;
    server->n_out++;
}

static void out_drop_first(struct vmbus_server *server)
{
    struct vmbus_out *out = server->out_first;

    server->out_first = out->next;
    if (server->out_first == NULL) {
        server->out_last = NULL;
    }
    server->n_out--;
    free(out);
}

static void out_flush(struct vmbus_server *server)
{
    while (server->out_first != NULL) {
        const struct vmbus_out *out = server->out_first;
        int status = server->wire->post(server->opaque, out->bytes, out->n);

        if (status == -EAGAIN) {
            server->retry = true;
            return;
        }
        server->counters.messages_out += status == 0;
        server->counters.messages_lost += status != 0;
        VMBUS_TRACE(server, MESSAGE_OUT, (uint64_t)(uintptr_t)rows[le32_load(out->bytes)].name,
                    le32_load(out->bytes + 8), (uint64_t)(status != 0));
        out_drop_first(server);
    }
}

/* ---- in ---- */

void vmbus_bad(struct vmbus_server *server, const char *why, uint64_t value)
{
    server->counters.messages_bad++;
    VMBUS_TRACE(server, MESSAGE_BAD, (uint64_t)(uintptr_t)why, value);
}

bool vmbus_server_accepts(const struct vmbus_server *server)
{
    return server->n_out < VMBUS_OUT_HIGH;
}

static void dispatch(struct vmbus_server *server, const uint8_t *message, size_t n)
{
    uint32_t number = n >= VMBUS_MESSAGE_HEADER ? le32_load(message) : 0;

    server->counters.messages_in++;
    if (number >= ARRAY_SIZE(rows) || rows[number].name == NULL ||
        rows[number].direction != GUEST || n > VMBUS_MESSAGE_MAX) {
        vmbus_bad(server, "no message of a guest", number);
        return;
    }
    const struct message_row *row = &rows[number];
    VMBUS_TRACE(server, MESSAGE_IN, (uint64_t)(uintptr_t)row->name, n,
                n >= 12 ? le32_load(message + 8) : 0);
    if (row->state == NOT_BUILT) {
        VMBUS_TRACE(server, NOT_BUILT, (uint64_t)(uintptr_t)row->name);
        return;
    }
    if (n < row->bytes) {
        vmbus_bad(server, "too short", number);
        return;
    }
    if (!server->connected && number != VMBUS_MESSAGE_INITIATE_CONTACT) {
        vmbus_bad(server, "before contact", number);
        return;
    }
    if (server->version < row->since) {
        vmbus_bad(server, "newer than the version", number);
        return;
    }
    row->handler(server, message, n);
}

void vmbus_server_message(struct vmbus_server *server, const uint8_t *message, size_t n)
{
    host_mutex_lock(&server->lock);
    dispatch(server, message, n);
    out_flush(server);
    host_mutex_unlock(&server->lock);
}

/* ---- contact ---- */

static bool version_supported(uint32_t version)
{
    static const uint32_t supported[] = {
#define X(version) version,
        VMBUS_VERSIONS(X)
#undef X
    };

    for (unsigned i = 0; i < ARRAY_SIZE(supported); i++) {
        if (supported[i] == version) {
            return true;
        }
    }
    return false;
}

static void version_answer(struct vmbus_server *server, uint32_t version, bool supported)
{
    uint8_t answer[VMBUS_BYTES_VERSION_RESPONSE] = { 0 };

    answer[VERSION_SUPPORTED] = supported;
    if (supported) {
        le32_store(answer + VERSION_SELECTED,
                   version >= VMBUS_VERSION_5_0 ? VMBUS_CONNECTION_MESSAGES_5 : version);
    }
    vmbus_send(server, VMBUS_MESSAGE_VERSION_RESPONSE, answer, sizeof(answer));
    VMBUS_TRACE(server, CONTACT, version, supported, server->target_vp, server->sint);
}

/* A new contact ends what was: the guest is another one (kexec, kdump), or tries the next version. */
void vmbus_on_contact(struct vmbus_server *server, const uint8_t *message, size_t n)
{
    uint32_t version = le32_load(message + CONTACT_VERSION), vp = le32_load(message + CONTACT_VP);
    bool has_sint = version >= VMBUS_VERSION_5_0;
    unsigned sint = has_sint ? message[CONTACT_SINT] : VMBUS_SINT;
    bool sint_ok = sint > 0 && sint < 16 && (!has_sint || message[CONTACT_VTL] == 0);

    (void)n;
    vmbus_disconnect(server);
    server->counters.contacts++;
    server->target_vp = vp;
    server->sint = sint_ok ? sint : VMBUS_SINT;
    if (server->wire->contact(server->opaque, vp, server->sint) != 0) {
        vmbus_bad(server, "contact for no VP", vp);
        return;
    }
    server->connected = sint_ok && version_supported(version);
    server->version = server->connected ? version : 0;
    version_answer(server, version, server->connected);
}

void vmbus_on_unload(struct vmbus_server *server, const uint8_t *message, size_t n)
{
    uint8_t answer[VMBUS_BYTES_UNLOAD_RESPONSE];

    (void)message, (void)n;
    server->counters.unloads++;
    vmbus_disconnect(server);
    vmbus_send(server, VMBUS_MESSAGE_UNLOAD_RESPONSE, answer, sizeof(answer));
}

/* There is no hv_sock: the guest's socket is told so, or, by version 4.0, waits in vain. */
void vmbus_on_tl_connect(struct vmbus_server *server, const uint8_t *message, size_t n)
{
    uint8_t answer[VMBUS_BYTES_TL_CONNECT_REQUEST_RESULT];

    (void)n;
    if (server->version < VMBUS_VERSION_4_1) {
        return; /* which has no answer to this */
    }
    memcpy(answer + CONNECT_ENDPOINT, message + CONNECT_ENDPOINT, 2 * VMBUS_GUID_BYTES);
    le32_store(answer + CONNECT_RESULT_STATUS, VMBUS_STATUS_CONNECTION_REFUSED);
    vmbus_send(server, VMBUS_MESSAGE_TL_CONNECT_REQUEST_RESULT, answer, sizeof(answer));
}

/* ---- signals and work ---- */

static void run_channel(struct vmbus_server *server, struct vmbus_channel *channel)
{
    vmbus_device_lock(channel->device);
    vmbus_channel_run(channel);
    server->retry |= vmbus_channel_congested(channel);
    vmbus_device_unlock(channel->device);
}

void vmbus_server_signaled(struct vmbus_server *server, uint32_t relid)
{
    struct vmbus_channel *channel = vmbus_channel_of(server, relid);

    if (channel != NULL) {
        run_channel(server, channel);
    }
}

static void device_run(struct vmbus_server *server, struct vmbus_device *dev)
{
    for (unsigned i = 0; i < dev->n_channels; i++) {
        struct vmbus_channel *channel = dev->channel[i];
        if (channel->open && (channel->wanted || vmbus_channel_congested(channel))) {
            run_channel(server, channel);
        }
    }
}

static bool may_leave(struct vmbus_device *dev)
{
    vmbus_device_lock(dev);
    bool may = dev->ops->leave == NULL || dev->ops->leave(dev);
    vmbus_device_unlock(dev);
    return may;
}

/* What one device asked for since the last look. */
static void device_work(struct vmbus_server *server, struct vmbus_device *dev)
{
    if (dev->wanted_rescind) {
        if (may_leave(dev)) {
            vmbus_rescind_device(server, dev);
            return;
        }
    }
    vmbus_offer_device(server, dev);
    device_run(server, dev);
}

void vmbus_server_work(struct vmbus_server *server)
{
    struct vmbus_device *next;

    host_mutex_lock(&server->lock);
    server->retry = false;
    if (__atomic_exchange_n(&server->wanted, false, __ATOMIC_ACQ_REL) || server->n_out > 0) {
        for (struct vmbus_device *dev = server->devices; dev != NULL; dev = next) {
            next = dev->next; /* gone may free it */
            device_work(server, dev);
        }
    }
    out_flush(server);
    if (server->retry) {
        __atomic_store_n(&server->wanted, true, __ATOMIC_RELEASE);
    }
    host_mutex_unlock(&server->lock);
}

/* ---- what channels ask ---- */

static void host_signal(void *opaque, struct vmbus_channel *channel)
{
    struct vmbus_server *server = opaque;

    server->wire->signal(server->opaque, channel->relid);
}

static void host_wanted(void *opaque, struct vmbus_device *dev)
{
    struct vmbus_server *server = opaque;

    (void)dev;
    __atomic_store_n(&server->wanted, true, __ATOMIC_RELEASE);
    server->wire->wake(server->opaque);
}

static const struct vmbus_host_ops host_ops = { .signal = host_signal, .wanted = host_wanted };

/* ---- life ---- */

void vmbus_server_init(struct vmbus_server *server, const struct vmbus_wire_ops *wire, void *opaque,
                       const struct vmbus_memory *memory, struct trace *trace, uint32_t partition)
{
    *server = (struct vmbus_server){
        .wire = wire,
        .opaque = opaque,
        .memory = *memory,
        .trace = trace,
        .partition = partition,
        .sint = VMBUS_SINT,
    };
    host_mutex_init(&server->lock);
}

void vmbus_server_fini(struct vmbus_server *server)
{
    vmbus_disconnect(server);
    for (struct vmbus_device *dev = server->devices; dev != NULL; dev = dev->next) {
        dev->host = NULL;
    }
    while (server->out_first != NULL) {
        out_drop_first(server);
    }
    host_mutex_fini(&server->lock);
}

void vmbus_server_add(struct vmbus_server *server, struct vmbus_device *dev)
{
    struct vmbus_device **link = &server->devices;

    host_mutex_lock(&server->lock);
    dev->next = NULL;
    dev->memory = &server->memory;
    dev->host = &host_ops;
    dev->host_opaque = server;
    dev->wanted_rescind = false;
    dev->wanted_channels = 1;
    while (*link != NULL) {
        link = &(*link)->next;
    }
    *link = dev;
    host_mutex_unlock(&server->lock);
    host_wanted(server, dev);
}

void vmbus_disconnect(struct vmbus_server *server)
{
    struct vmbus_device *next;

    for (struct vmbus_device *dev = server->devices; dev != NULL; dev = dev->next) {
        for (unsigned i = dev->n_channels; i-- > 0;) { /* sub-channels first */
            if (dev->channel[i]->offered) {
                vmbus_forget_channel(server, dev->channel[i]);
            }
        }
    }
    vmbus_gpadls_drop_incomplete(server, 0);
    while (server->out_first != NULL) {
        out_drop_first(server);
    }
    server->connected = server->offers_requested = false;
    server->version = 0;
    server->last_relid = 0;
    for (struct vmbus_device *dev = server->devices; dev != NULL; dev = next) {
        next = dev->next;
        dev->wanted_channels = 1;
        if (dev->wanted_rescind) {
            vmbus_device_gone(server, dev);
        }
    }
}

void vmbus_server_reset(struct vmbus_server *server)
{
    host_mutex_lock(&server->lock);
    vmbus_disconnect(server);
    server->wire->hang_up(server->opaque);
    for (struct vmbus_device *dev = server->devices; dev != NULL; dev = dev->next) {
        device_reset(&dev->device);
    }
    host_mutex_unlock(&server->lock);
}

struct vmbus_device *vmbus_server_find(struct vmbus_server *server, const char *guid_text)
{
    size_t n = strlen(guid_text);
    char text[VMBUS_GUID_TEXT];

    for (struct vmbus_device *dev = server->devices; dev != NULL && n > 0; dev = dev->next) {
        vmbus_guid_text(&dev->offer.instance, text);
        if (strncmp(text, guid_text, n) == 0) {
            return dev;
        }
        vmbus_guid_text(&dev->offer.type, text);
        if (strncmp(text, guid_text, n) == 0 || strcmp(dev->device.type->name, guid_text) == 0) {
            return dev;
        }
    }
    return NULL;
}
