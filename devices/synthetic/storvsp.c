/* storvsp: the protocol, and requests on their way. [LINUX drivers/scsi/storvsc_drv.c] */
#include "devices/synthetic/storvsp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/devices_trace.h"

/* When a request ends that began now: a disk that answers in 20 us and moves 4 bytes a nanosecond. */
enum { LATENCY_NS = 20000, BYTES_PER_NS = 4 };

/* What a guest has to let go of its units, and how long it may ask for nothing meanwhile. */
enum { LEAVE_QUIET_NS = 500000000 };
#define LEAVE_LATEST_NS UINT64_C(10000000000)

enum { CDB_REPORT_LUNS = 0xa0, LUN_ROW = 8 };

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

static uint32_t packet_bytes(const struct storvsp *storvsp)
{
    return storvsp->version != 0 && storvsp->version <= VSTOR_VERSION_WIN7 ? VSTOR_PACKET_BYTES_OLD
                                                                           : VSTOR_PACKET_BYTES;
}

/* Answer a packet in place. */
static void answer(struct storvsp *storvsp, struct vmbus_channel *channel, uint64_t transaction,
                   bool wanted, uint8_t packet[VSTOR_PACKET_BYTES], uint32_t status)
{
    le32_store(packet + VSTOR_OPERATION, VSTOR_COMPLETE_IO);
    le32_store(packet + VSTOR_FLAGS, 0);
    le32_store(packet + VSTOR_STATUS, status);
    if (channel != NULL && wanted) {
        (void)vmbus_channel_complete(channel, transaction, packet, packet_bytes(storvsp));
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
    (void)vmbus_channel_send(channel, packet, packet_bytes(storvsp), 0, false);
}

/* The guest's first request: it listens. */
static void listens(struct storvsp *storvsp)
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

/* ---- requests ---- */

/* The first that is free: which one it is does not depend on what was before. */
static struct storvsp_request *request_take(struct storvsp *storvsp)
{
    for (unsigned i = 0; storvsp->under_way < STORVSP_REQUESTS && i < STORVSP_REQUESTS; i++) {
        if (!storvsp->requests[i].busy) {
            storvsp->requests[i].busy = true;
            storvsp->under_way++;
            return &storvsp->requests[i];
        }
    }
    return NULL;
}

static void request_put(struct storvsp *storvsp, struct storvsp_request *request)
{
    vmbus_buffer_fini(&request->buffer);
    memset(&request->buffer, 0, sizeof(request->buffer));
    free(request->scsi.data);
    request->scsi.data = NULL;
    request->channel = NULL;
    request->unit = NULL;
    request->busy = false;
    storvsp->under_way--;
}

/* Take packets again, on every channel that had to wait. */
static void resume(struct storvsp *storvsp)
{
    for (unsigned i = 0; i < storvsp->vmbus.n_channels; i++) {
        struct vmbus_channel *channel = storvsp->vmbus.channel[i];
        if (channel != NULL && channel->open && channel->paused) {
            vmbus_channel_resume(channel);
        }
    }
}

static void reset_finish(struct storvsp *storvsp)
{
    struct storvsp_reset *reset = &storvsp->reset;
    if (storvsp->under_way != 0 || reset->channel == NULL) {
        return;
    }
    for (unsigned i = 0; i < STORVSP_UNITS; i++) {
        if (storvsp->units[i] != NULL) {
            scsi_target_reset(&storvsp->units[i]->target);
        }
    }
    answer(storvsp, reset->channel, reset->transaction, reset->wants_completion, reset->packet,
           VSTOR_STATUS_SUCCESS);
    reset->channel = NULL;
}

/* The answer of a target as an SRB has it. */
static void srb_settle(struct storvsp *storvsp, struct storvsp_request *request)
{
    uint8_t *packet = request->packet;
    const struct scsi_request *scsi = &request->scsi;
    bool good = scsi->status == SCSI_GOOD;
    bool from = !scsi->to_device && scsi->transferred != 0;
    if (from && request->channel != NULL &&
        !vmbus_buffer_write(storvsp->vmbus.memory, &request->buffer, 0, scsi->data,
                            scsi->transferred)) {
        packet[VSTOR_SRB_STATUS] = VSTOR_SRB_INVALID_REQUEST;
        le32_store(packet + VSTOR_TRANSFER_LENGTH, 0);
        return;
    }
    packet[VSTOR_SRB_STATUS] =
        good ? VSTOR_SRB_SUCCESS : VSTOR_SRB_ERROR | VSTOR_SRB_AUTOSENSE_VALID;
    packet[VSTOR_SCSI_STATUS] = (uint8_t)scsi->status;
    packet[VSTOR_SENSE_LENGTH] = good ? 0 : SCSI_SENSE_BYTES;
    le32_store(packet + VSTOR_TRANSFER_LENGTH, scsi->transferred);
    if (!good) {
        memcpy(packet + VSTOR_CDB, scsi->sense, SCSI_SENSE_BYTES);
    }
}

static void request_trace(struct storvsp *storvsp, const struct storvsp_request *request)
{
    const struct scsi_request *scsi = &request->scsi;
    unsigned sense =
        scsi->status == SCSI_GOOD
            ? 0
            : (unsigned)scsi->sense[2] << 16 | (unsigned)scsi->sense[12] << 8 | scsi->sense[13];
    DEVICE_TRACE(&storvsp->vmbus.device, STORVSP_REQUEST, request->packet[VSTOR_LUN], scsi->cdb[0],
                 scsi->length, scsi->transferred, sense);
    if (scsi->unknown) {
        device_unimplemented(&storvsp->vmbus.device, "SCSI command", scsi->cdb[0]);
    }
}

/* The clock thread: the instant has come, and the host is done. */
static void request_finished(void *opaque)
{
    struct storvsp_request *request = opaque;
    struct storvsp *storvsp = request->storvsp;
    vmbus_device_lock(&storvsp->vmbus);
    request_trace(storvsp, request);
    srb_settle(storvsp, request);
    answer(storvsp, request->channel, request->transaction, request->wants_completion,
           request->packet, VSTOR_STATUS_SUCCESS);
    request_put(storvsp, request);
    reset_finish(storvsp);
    resume(storvsp);
    vmbus_device_unlock(&storvsp->vmbus);
}

/* A thread of the pool. */
static void request_run(void *opaque)
{
    struct storvsp_request *request = opaque;
    scsi_execute(&request->unit->target, &request->scsi);
    completion_done(&request->completion);
}

/* The units that are there, as any of them would tell, there or not: an empty list is no error. */
static void report_luns(const struct storvsp *storvsp, const uint8_t *packet,
                        struct scsi_request *scsi)
{
    bool first = packet[VSTOR_PATH] == 0 && packet[VSTOR_TARGET] == 0;
    uint8_t bytes[8 + STORVSP_UNITS * LUN_ROW] = { 0 };
    uint32_t allocation = be32_load(scsi->cdb + 6), n = 8;
    for (unsigned i = 0; first && i < STORVSP_UNITS; i++) {
        if (storvsp->units[i] != NULL && !storvsp->leaving) {
            bytes[n + 1] = (uint8_t)i;
            n += LUN_ROW;
        }
    }
    be32_store(bytes, n - 8);
    uint32_t most = allocation < scsi->length ? allocation : scsi->length;
    scsi->transferred = n < most ? n : most;
    memcpy(scsi->data, bytes, scsi->transferred);
    scsi->status = SCSI_GOOD;
}

static struct storvsp_unit *unit_at(struct storvsp *storvsp, const uint8_t *packet)
{
    unsigned lun = packet[VSTOR_LUN];
    bool here = storvsp->ide
                    ? lun == 0
                    : packet[VSTOR_PATH] == 0 && packet[VSTOR_TARGET] == 0 && lun < STORVSP_UNITS;
    return here && !storvsp->leaving ? storvsp->units[lun] : NULL;
}

/* What the guest sends, copied, or room for what it gets. */
static bool request_data(struct storvsp *storvsp, struct storvsp_request *request,
                         const struct vmbus_packet *packet)
{
    struct scsi_request *scsi = &request->scsi;
    uint32_t length = le32_load(request->packet + VSTOR_TRANSFER_LENGTH);
    *scsi = (struct scsi_request){ .length = length,
                                   .to_device = request->packet[VSTOR_DATA_IN] == VSTOR_DATA_OUT };
    size_t cdb_length = request->packet[VSTOR_CDB_LENGTH];
    if (cdb_length == 0 || cdb_length > SCSI_CDB_BYTES || length > SCSI_TRANSFER_MAX) {
        return false;
    }
    memcpy(scsi->cdb, request->packet + VSTOR_CDB, cdb_length);
    if (packet->type == VMBUS_PACKET_GPA_DIRECT) {
        if (vmbus_packet_buffer(packet, &request->buffer, NULL) != 0) {
            return false;
        }
    }
    if (length > request->buffer.length) {
        return false;
    }
    scsi->data =
        malloc(length > 0 ? length : 1); /* only what a target filled is shown to the guest */
    if (scsi->data == NULL) {
        return false;
    }
    return !scsi->to_device || length == 0 ||
           vmbus_buffer_read(storvsp->vmbus.memory, &request->buffer, 0, scsi->data, length);
}

/* Nothing there: INQUIRY says so in its data, the rest by the SRB's status, on which guests remove the unit. */
static void request_without_unit(struct storvsp *storvsp, struct storvsp_request *request)
{
    scsi_execute_no_unit(&request->scsi);
    request->scsi.unknown = false;
    request_trace(storvsp, request);
    srb_settle(storvsp, request);
    if (request->scsi.status != SCSI_GOOD) {
        request->packet[VSTOR_SRB_STATUS] = VSTOR_SRB_INVALID_LUN;
        request->packet[VSTOR_SENSE_LENGTH] = 0;
    }
    answer(storvsp, request->channel, request->transaction, request->wants_completion,
           request->packet, VSTOR_STATUS_SUCCESS);
    request_put(storvsp, request);
}

static enum vmbus_taken execute_srb(struct storvsp *storvsp, struct vmbus_channel *channel,
                                    const struct vmbus_packet *packet,
                                    const uint8_t bytes[VSTOR_PACKET_BYTES])
{
    struct storvsp_request *request = storvsp->reset.channel == NULL ? request_take(storvsp) : NULL;
    if (request == NULL) {
        return VMBUS_LATER;
    }
    if (!storvsp->asked) {
        listens(storvsp);
    }
    storvsp->quiet_ns = storvsp->leaving ? clock_now_ns(storvsp->vmbus.clock) + LEAVE_QUIET_NS : 0;
    request->channel = channel;
    request->transaction = packet->transaction;
    request->wants_completion = packet->wants_completion;
    memcpy(request->packet, bytes, VSTOR_PACKET_BYTES);
    if (!request_data(storvsp, request, packet)) {
        request->packet[VSTOR_SRB_STATUS] = VSTOR_SRB_INVALID_REQUEST;
        request->packet[VSTOR_SENSE_LENGTH] = 0;
        le32_store(request->packet + VSTOR_TRANSFER_LENGTH, 0);
        DEVICE_TRACE(&storvsp->vmbus.device, STORVSP_REFUSED, VSTOR_EXECUTE_SRB,
                     request->packet[VSTOR_CDB]);
        answer(storvsp, channel, request->transaction, request->wants_completion, request->packet,
               VSTOR_STATUS_SUCCESS);
        request_put(storvsp, request);
        return VMBUS_TAKEN;
    }
    request->unit = unit_at(storvsp, request->packet);
    bool list = !storvsp->ide && request->scsi.cdb[0] == CDB_REPORT_LUNS;
    if (request->unit == NULL && !list) {
        request_without_unit(storvsp, request);
        return VMBUS_TAKEN;
    }
    completion_begin(&request->completion, clock_now_ns(storvsp->vmbus.clock) + LATENCY_NS +
                                               request->scsi.length / BYTES_PER_NS);
    if (list) {
        report_luns(storvsp, request->packet, &request->scsi);
        completion_done(&request->completion);
        return VMBUS_TAKEN;
    }
    request->job = (struct io_job){ .run = request_run, .opaque = request };
    io_stream_submit(&request->unit->stream, &request->job);
    return VMBUS_TAKEN;
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
        return execute_srb(storvsp, channel, packet, bytes);
    } else if (operation >= VSTOR_RESET_LUN && operation <= VSTOR_RESET_BUS) {
        if (storvsp->reset.channel != NULL) {
            return VMBUS_LATER;
        }
        storvsp->reset =
            (struct storvsp_reset){ channel, packet->transaction, { 0 }, packet->wants_completion };
        memcpy(storvsp->reset.packet, bytes, sizeof(bytes));
        reset_finish(storvsp);
        return VMBUS_TAKEN;
    } else {
        status = obey(storvsp, operation, bytes, &subchannels);
    }
    if (status != VSTOR_STATUS_SUCCESS) {
        DEVICE_TRACE(&dev->device, STORVSP_REFUSED, operation, status);
    }
    answer(storvsp, channel, packet->transaction, packet->wants_completion, bytes, status);
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
    for (unsigned i = 0; i < STORVSP_REQUESTS; i++) {
        struct storvsp_request *request = &storvsp->requests[i];
        if (request->busy && request->channel == channel) {
            request->channel = NULL;
        }
    }
    if (storvsp->reset.channel == channel) {
        storvsp->reset.channel = NULL;
        resume(storvsp);
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
        storvsp->quiet_ns = now + LEAVE_QUIET_NS;
        storvsp->latest_ns = now + LEAVE_LATEST_NS;
        tell(storvsp, VSTOR_REMOVE_DEVICE);
    }
    bool quiet = storvsp->under_way == 0 && now >= storvsp->quiet_ns;
    if (quiet || now >= storvsp->latest_ns) {
        return true;
    }
    uint64_t next = storvsp->quiet_ns > now ? storvsp->quiet_ns : now + LEAVE_QUIET_NS;
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
    for (unsigned i = 0; code == 0 && i < STORVSP_REQUESTS; i++) {
        struct storvsp_request *request = &storvsp->requests[i];
        request->storvsp = storvsp;
        completion_init(&request->completion, world->clock, request_finished, request);
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
    for (unsigned i = 0; i < STORVSP_REQUESTS && storvsp->requests[i].storvsp != NULL; i++) {
        struct storvsp_request *request = &storvsp->requests[i];
        completion_cancel(&request->completion);
        completion_fini(&request->completion);
        vmbus_buffer_fini(&request->buffer);
        free(request->scsi.data);
    }
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
