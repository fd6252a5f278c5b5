/* storvsp: the protocol, units that come and go, leaving. [LINUX drivers/scsi/storvsc_drv.c] */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/synthetic/storvsp_parts.h"

/* A guest that does not let go of its units is left after this. */
#define LEAVE_LATEST_NS UINT64_C(60000000000)

static const struct vstor_row {
    const char *name;
    uint32_t states;
    uint32_t bytes;
} vstor_rows[] = {
#define X(code, name, states, bytes) [code] = { #name, states, bytes },
    VSTOR_OPERATIONS(X)
#undef X
};

static struct storvsp *storvsp_of(struct vmbus_device *dev)
{
    return (struct storvsp *)dev;
}

uint32_t storvsp_packet_bytes(const struct storvsp *storvsp)
{
    return storvsp->version != 0 && storvsp->version <= VSTOR_VERSION_WIN7 ? VSTOR_PACKET_BYTES_OLD
                                                                           : VSTOR_PACKET_BYTES;
}

void storvsp_answer(struct storvsp *storvsp, struct vmbus_channel *channel, uint64_t transaction,
                    bool wanted, uint8_t packet[VSTOR_PACKET_BYTES], uint32_t status)
{
    le32_store(packet + VSTOR_OPERATION, VSTOR_COMPLETE_IO);
    le32_store(packet + VSTOR_FLAGS, 0);
    le32_store(packet + VSTOR_STATUS, status);
    if (channel != NULL && wanted) {
        (void)vmbus_channel_complete(channel, transaction, packet, storvsp_packet_bytes(storvsp));
    }
}

/* Say that something came or went, if the guest listens. Linux has no queue for such a packet before its first request (it would
 * crash): until then the packet waits, an enumeration in place of a removal. */
static void tell(struct storvsp *storvsp, enum vstor_operation operation)
{
    uint8_t packet[VSTOR_PACKET_BYTES] = { 0 };
    struct vmbus_channel *channel = storvsp->vmbus.channel[0];
    if (channel == NULL || !channel->open || storvsp->state != VSTOR_READY) {
        return;
    }
    if (!storvsp->asked) {
        storvsp->untold = operation == VSTOR_ENUMERATE_BUS || storvsp->untold == 0
                              ? (uint32_t)operation
                              : storvsp->untold;
        return;
    }
    le32_store(packet + VSTOR_OPERATION, operation);
    (void)vmbus_channel_send(channel, packet, storvsp_packet_bytes(storvsp), 0, false);
}

void storvsp_listens(struct storvsp *storvsp)
{
    uint32_t untold = storvsp->untold;
    storvsp->asked = true;
    storvsp->untold = 0;
    if (untold != 0) {
        tell(storvsp, (enum vstor_operation)untold);
    }
}

/* As after a reset: a guest begins anew. */
static void begin(struct storvsp *storvsp)
{
    storvsp->state = VSTOR_NEW;
    storvsp->version = 0;
    storvsp->asked = false;
    storvsp->untold = 0;
}

/* ---- the protocol ---- */

static uint32_t query_version(struct storvsp *storvsp, const uint8_t *packet)
{
    static const uint16_t known[] = { VSTOR_VERSION_WIN2008, VSTOR_VERSION_WIN7, VSTOR_VERSION_WIN8,
                                      VSTOR_VERSION_WIN8_1, VSTOR_VERSION_WIN10 };
    uint16_t version = le16_load(packet + VSTOR_HEAD_BYTES);
    for (unsigned i = 0; i < ARRAY_SIZE(known); i++) {
        if (known[i] == version) {
            storvsp->version = version;
            storvsp->state = VSTOR_AGREED;
            DEVICE_TRACE(&storvsp->vmbus.device, STORVSP_VERSION, version >> 8, version & 0xff);
            return VSTOR_STATUS_SUCCESS;
        }
    }
    return VSTOR_STATUS_REVISION_MISMATCH;
}

static void query_properties(struct storvsp *storvsp, uint8_t *packet)
{
    uint32_t multi = storvsp->most_subchannels > 0 ? VSTOR_PROPERTIES_MULTI_CHANNEL : 0;
    memset(packet + VSTOR_HEAD_BYTES, 0, VSTOR_PACKET_BYTES - VSTOR_HEAD_BYTES);
    le16_store(packet + VSTOR_PROPERTIES_CHANNELS, storvsp->most_subchannels);
    le32_store(packet + VSTOR_PROPERTIES_FLAGS, multi);
    le32_store(packet + VSTOR_PROPERTIES_TRANSFER, SCSI_TRANSFER_MAX);
    storvsp->state = storvsp->state == VSTOR_READY ? VSTOR_READY : VSTOR_PROPERTIES_TOLD;
}

/* Operations that are answered at once. */
static uint32_t obey(struct storvsp *storvsp, uint32_t operation, uint8_t *packet,
                     unsigned *subchannels)
{
    switch (operation) {
    case VSTOR_BEGIN_INITIALIZATION:
        storvsp->state = VSTOR_BEGUN;
        return VSTOR_STATUS_SUCCESS;
    case VSTOR_QUERY_PROTOCOL_VERSION:
        return query_version(storvsp, packet);
    case VSTOR_QUERY_PROPERTIES:
        query_properties(storvsp, packet);
        return VSTOR_STATUS_SUCCESS;
    case VSTOR_END_INITIALIZATION:
        storvsp->state = VSTOR_READY;
        return VSTOR_STATUS_SUCCESS;
    case VSTOR_CREATE_SUB_CHANNELS:
        *subchannels = le16_load(packet + VSTOR_HEAD_BYTES);
        return *subchannels <= storvsp->most_subchannels ? VSTOR_STATUS_SUCCESS
                                                         : VSTOR_STATUS_INVALID_PARAMETER;
    default:
        return VSTOR_STATUS_NOT_SUPPORTED;
    }
}

static enum vmbus_taken storvsp_packet(struct vmbus_device *dev, struct vmbus_channel *channel,
                                       const struct vmbus_packet *packet)
{
    struct storvsp *storvsp = storvsp_of(dev);
    uint8_t bytes[VSTOR_PACKET_BYTES] = { 0 };
    unsigned subchannels = 0;
    if (packet->type != VMBUS_PACKET_INBAND && packet->type != VMBUS_PACKET_GPA_DIRECT) {
        return VMBUS_TAKEN; /* completions of our own messages: none was asked for */
    }
    if (packet->payload_bytes < VSTOR_HEAD_BYTES) {
        vmbus_channel_break(channel, "storvsp packet", packet->payload_bytes);
        return VMBUS_TAKEN;
    }
    memcpy(bytes, packet->payload,
           packet->payload_bytes < sizeof(bytes) ? packet->payload_bytes : sizeof(bytes));
    uint32_t operation = le32_load(bytes + VSTOR_OPERATION);
    const struct vstor_row *row =
        operation < ARRAY_SIZE(vstor_rows) ? &vstor_rows[operation] : NULL;
    uint32_t status = VSTOR_STATUS_SUCCESS;
    if (row == NULL || row->states == 0) {
        status = VSTOR_STATUS_NOT_SUPPORTED;
    } else if (!(row->states & storvsp->state)) {
        status = VSTOR_STATUS_INVALID_DEVICE_STATE;
    } else if (packet->payload_bytes < VSTOR_HEAD_BYTES + row->bytes) {
        status = VSTOR_STATUS_INVALID_PARAMETER;
    } else if (operation == VSTOR_EXECUTE_SRB) {
        return storvsp_execute(storvsp, channel, packet, bytes);
    } else if (operation >= VSTOR_RESET_LUN && operation <= VSTOR_RESET_BUS) {
        if (storvsp->reset.channel != NULL) {
            return VMBUS_LATER;
        }
        storvsp->reset =
            (struct storvsp_reset){ channel, packet->transaction, { 0 }, packet->wants_completion };
        memcpy(storvsp->reset.packet, bytes, sizeof(bytes));
        storvsp_reset_finish(storvsp);
        return VMBUS_TAKEN;
    } else {
        status = obey(storvsp, operation, bytes, &subchannels);
    }
    if (status != VSTOR_STATUS_SUCCESS) {
        DEVICE_TRACE(&dev->device, STORVSP_REFUSED, operation, status);
    }
    storvsp_answer(storvsp, channel, packet->transaction, packet->wants_completion, bytes, status);
    if (status == VSTOR_STATUS_SUCCESS && subchannels > 0) {
        bool offered = vmbus_device_offer_subchannels(dev, subchannels);
        (void)offered; /* there may be as many */
    }
    return VMBUS_TAKEN;
}

static int storvsp_open(struct vmbus_device *dev, struct vmbus_channel *channel)
{
    struct storvsp *storvsp = storvsp_of(dev);
    if (channel->index != 0) {
        return storvsp->state == VSTOR_READY ? 0 : -EINVAL;
    }
    begin(storvsp);
    return 0;
}

static void stay(struct storvsp *storvsp)
{
    storvsp->leaving = false;
    storvsp->quiet_ns = storvsp->latest_ns = 0;
    timer_cancel(&storvsp->leave);
}

static void storvsp_close(struct vmbus_device *dev, struct vmbus_channel *channel)
{
    struct storvsp *storvsp = storvsp_of(dev);
    storvsp_requests_forget(storvsp, channel);
    if (storvsp->reset.channel == channel) {
        storvsp->reset.channel = NULL;
        storvsp_resume(storvsp);
    }
    if (channel->index == 0) {
        begin(storvsp);
        stay(storvsp);
    }
}

static void leave_expired(void *opaque, uint64_t now_ns)
{
    struct storvsp *storvsp = opaque;
    (void)now_ns;
    vmbus_device_lock(&storvsp->vmbus);
    if (storvsp->leaving) {
        vmbus_device_rescind(&storvsp->vmbus);
    }
    vmbus_device_unlock(&storvsp->vmbus);
}

/* A guest waits for ever for requests that were under way when it hears of a rescind. So its disks go first, one and all. */
static bool storvsp_leave(struct vmbus_device *dev)
{
    struct storvsp *storvsp = storvsp_of(dev);
    uint64_t now = clock_now_ns(dev->clock);
    if (!dev->channel[0]->open || dev->channel[0]->broken) {
        return true;
    }
    if (!storvsp->leaving) {
        storvsp->leaving = true;
        storvsp->quiet_ns = now + STORVSP_QUIET_NS;
        storvsp->latest_ns = now + LEAVE_LATEST_NS;
        tell(storvsp, VSTOR_REMOVE_DEVICE);
    }
    bool quiet = storvsp->under_way == 0 && now >= storvsp->quiet_ns;
    if (quiet || now >= storvsp->latest_ns) {
        return true;
    }
    uint64_t next = storvsp->quiet_ns > now ? storvsp->quiet_ns : now + STORVSP_QUIET_NS;
    timer_set(&storvsp->leave, next < storvsp->latest_ns ? next : storvsp->latest_ns);
    return false;
}

/* The guest starts anew: so do the disks. What is under way for it ends unseen. */
static void storvsp_reset(struct device *dev)
{
    struct storvsp *storvsp = (struct storvsp *)dev;
    for (unsigned i = 0; i < STORVSP_UNITS; i++) {
        if (storvsp->units[i] != NULL) {
            io_stream_drain(&storvsp->units[i]->stream);
            scsi_target_reset(&storvsp->units[i]->target);
        }
    }
    begin(storvsp);
    stay(storvsp);
}

static const struct vmbus_device_ops storvsp_ops = {
    .open = storvsp_open,
    .close = storvsp_close,
    .packet = storvsp_packet,
    .leave = storvsp_leave,
};

static const struct device_type storvsp_type = {
    .name = "storvsp",
    .size = sizeof(struct storvsp),
    .reset = storvsp_reset,
    .state = { .name = "storvsp",
               .version = 3,
               .fields = storvsp_state_rows,
               .n_fields = STORVSP_STATE_ROWS,
               .size = sizeof(struct storvsp),
               .loaded = storvsp_state_loaded },
};

static const struct device_type storvsp_ide_type = {
    .name = "storvsp-ide",
    .size = sizeof(struct storvsp),
    .reset = storvsp_reset,
    .state = { .name = "storvsp",
               .version = 3,
               .fields = storvsp_state_rows,
               .n_fields = STORVSP_STATE_ROWS,
               .size = sizeof(struct storvsp),
               .loaded = storvsp_state_loaded },
};

int storvsp_init(struct storvsp *storvsp, const struct storvsp_world *world, bool ide,
                 unsigned index)
{
    enum { SUBCHANNELS_MOST = 15 };
    static const struct vmbus_guid scsi_class =
        VMBUS_GUID(0xba6163d9, 0x04a1, 0x4d29, 0xb605, 0x72e2ffb1dc7f);
    static const struct vmbus_guid ide_class =
        VMBUS_GUID(0x32412632, 0x86cb, 0x44a2, 0x9b5c, 0x50d1417354f5);
    static const struct vmbus_guid scsi_instance =
        VMBUS_GUID(0xf8b3781a, 0x1e82, 0x4818, 0xa1c3, 0x63d806ec15bb);
    /* Drive in bytes 4 and 5, as guests read it. */
    static const struct vmbus_guid ide_instance =
        VMBUS_GUID(0x00000000, 0x0000, 0x8899, 0x0000, 0x000000000000);
    struct vmbus_offer offer = { .type = ide ? ide_class : scsi_class,
                                 .instance = ide ? ide_instance : scsi_instance,
                                 .flags = VMBUS_OFFER_ENUMERATE };
    offer.instance.bytes[ide ? 4 : 15] = (uint8_t)(offer.instance.bytes[ide ? 4 : 15] + index);
    storvsp->pool = world->pool;
    storvsp->ide = ide;
    storvsp->most_subchannels = (uint16_t)(ide || world->cpus < 2               ? 0
                                           : world->cpus - 1 < SUBCHANNELS_MOST ? world->cpus - 1
                                                                                : SUBCHANNELS_MOST);
    storvsp->state = VSTOR_NEW;
    timer_init(&storvsp->leave, world->clock, leave_expired, storvsp);
    int code =
        vmbus_device_init(&storvsp->vmbus, ide ? &storvsp_ide_type : &storvsp_type, &storvsp_ops,
                          &offer, world->clock, world->trace, world->partition);
    if (code == 0) {
        storvsp_requests_init(storvsp);
    }
    return code;
}

static int unit_destroy(struct storvsp_unit *unit)
{
    io_stream_fini(&unit->stream);
    int code = scsi_target_fini(&unit->target);
    free(unit);
    return code;
}

int storvsp_fini(struct storvsp *storvsp)
{
    int code = 0;
    if (storvsp->pool == NULL) {
        return 0; /* never made */
    }
    timer_cancel(&storvsp->leave);
    storvsp_requests_fini(storvsp);
    for (unsigned i = 0; i < STORVSP_UNITS; i++) {
        int why = storvsp->units[i] != NULL ? unit_destroy(storvsp->units[i]) : 0;
        code = why != 0 ? why : code;
        storvsp->units[i] = NULL;
    }
    if (code != 0) {
        DEVICE_TRACE(&storvsp->vmbus.device, STORVSP_LOST, (uint64_t)-code);
    }
    vmbus_device_fini(&storvsp->vmbus);
    return code;
}

int storvsp_quiesce(struct storvsp *storvsp)
{
    int code = 0;
    for (unsigned i = 0; i < STORVSP_UNITS; i++) {
        struct storvsp_unit *unit = storvsp->units[i];
        if (unit != NULL) {
            io_stream_drain(&unit->stream);
            int why = unit->target.image != NULL ? image_flush(unit->target.image) : 0;
            code = code != 0 ? code : why;
        }
    }
    return code;
}

int storvsp_attach(struct storvsp *storvsp, unsigned lun, enum scsi_kind kind, struct image *image)
{
    struct storvsp_unit *unit =
        lun < STORVSP_UNITS && storvsp->units[lun] == NULL ? calloc(1, sizeof(*unit)) : NULL;
    if (unit == NULL) {
        (void)image_close(image);
        return lun >= STORVSP_UNITS ? -EINVAL : storvsp->units[lun] != NULL ? -EBUSY : -ENOMEM;
    }
    uint8_t id[SCSI_ID_BYTES] = { 'v', 'e', 'r', 'd', 'i', 't', 'e' };
    memcpy(id + 8, storvsp->vmbus.offer.instance.bytes + 12, 4);
    id[12] = storvsp->vmbus.offer.instance.bytes[4];
    id[15] = (uint8_t)lun;
    scsi_target_init(&unit->target, kind, image, id);
    io_stream_init(&unit->stream, storvsp->pool);
    storvsp->units[lun] = unit;
    tell(storvsp, VSTOR_ENUMERATE_BUS);
    return 0;
}

int storvsp_detach(struct storvsp *storvsp, unsigned lun)
{
    struct storvsp_unit *unit = lun < STORVSP_UNITS ? storvsp->units[lun] : NULL;
    if (unit == NULL) {
        return -ENOENT;
    }
    storvsp->units[lun] = NULL;
    tell(storvsp, VSTOR_REMOVE_DEVICE);
    return unit_destroy(unit);
}
