/* storvsp: requests on their way: from a packet to the pool's threads, and to their end at an instant of guest time. [LINUX
 * drivers/scsi/storvsc_drv.c] */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/synthetic/storvsp_parts.h"

/* When a request ends that began now: a disk that answers in 20 us and moves 4 bytes a nanosecond. */
enum { LATENCY_NS = 20000, BYTES_PER_NS = 4 };

enum { CDB_REPORT_LUNS = 0xa0, LUN_ROW = 8 };

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

void storvsp_resume(struct storvsp *storvsp)
{
    for (unsigned i = 0; i < storvsp->vmbus.n_channels; i++) {
        struct vmbus_channel *channel = storvsp->vmbus.channel[i];
        if (channel != NULL && channel->open && channel->paused) {
            vmbus_channel_resume(channel);
        }
    }
}

void storvsp_reset_finish(struct storvsp *storvsp)
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
    storvsp_answer(storvsp, reset->channel, reset->transaction, reset->wants_completion,
                   reset->packet, VSTOR_STATUS_SUCCESS);
    reset->channel = NULL;
}

/* The answer of a target as an SRB has it. */
static void srb_settle(struct storvsp *storvsp, struct storvsp_request *request)
{
    uint8_t *packet = request->packet;
    const struct scsi_request *scsi = &request->scsi;
    bool good = scsi->status == SCSI_GOOD;
    bool from = !scsi->to_device && scsi->transferred != 0 && scsi->n_pieces == 0;
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

/* It has an answer. */
static void request_end(struct storvsp *storvsp, struct storvsp_request *request)
{
    request_trace(storvsp, request);
    srb_settle(storvsp, request);
    storvsp_answer(storvsp, request->channel, request->transaction, request->wants_completion,
                   request->packet, VSTOR_STATUS_SUCCESS);
    request_put(storvsp, request);
}

/* A timer: the instant has come, and the host is done. */
static void request_finished(void *opaque)
{
    struct storvsp_request *request = opaque;
    struct storvsp *storvsp = request->storvsp;
    vmbus_device_lock(&storvsp->vmbus);
    request_end(storvsp, request);
    storvsp_reset_finish(storvsp);
    storvsp_resume(storvsp);
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

/* What the guest says of the data. */
static bool request_parse(struct storvsp_request *request, const struct vmbus_packet *packet)
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
    return length <= request->buffer.length;
}

/* What the guest sends, copied, or room for what it gets. */
static bool request_data(struct storvsp *storvsp, struct storvsp_request *request)
{
    struct scsi_request *scsi = &request->scsi;
    uint32_t length = scsi->length;
    scsi->data =
        malloc(length > 0 ? length : 1); /* only what a target filled is shown to the guest */
    if (scsi->data == NULL) {
        return false;
    }
    return !scsi->to_device || length == 0 ||
           vmbus_buffer_read(storvsp->vmbus.memory, &request->buffer, 0, scsi->data, length);
}

/* With the realtime clock, behind nothing else for the same unit: what the host need not wait for goes between its cache and guest memory
 * without a thread and a copy in between. False: not done; what a guest gets may be there in part. */
static bool request_now(struct storvsp *storvsp, struct storvsp_request *request)
{
    struct scsi_request *scsi = &request->scsi;
    struct host_piece pieces[HOST_PIECES_MAX];
    if (storvsp->vmbus.clock->mode != CLOCK_MODE_REALTIME || request->unit == NULL ||
        !scsi_may_be_now(scsi) || !io_stream_is_idle(&request->unit->stream)) {
        return false;
    }
    uint32_t length = scsi->length;
    scsi->n_pieces = vmbus_buffer_lend(storvsp->vmbus.memory, &request->buffer, length,
                                       !scsi->to_device, pieces, HOST_PIECES_MAX);
    if (scsi->n_pieces == 0) {
        return false;
    }
    scsi->pieces = pieces;
    bool done = scsi_execute_now(&request->unit->target, scsi);
    vmbus_buffer_returned(storvsp->vmbus.memory, !scsi->to_device, pieces, scsi->n_pieces);
    scsi->pieces = NULL;
    scsi->n_pieces = done ? scsi->n_pieces : 0;
    scsi->length = length;
    return done;
}

/* It is wrong in itself. */
static void request_refuse(struct storvsp *storvsp, struct storvsp_request *request)
{
    request->packet[VSTOR_SRB_STATUS] = VSTOR_SRB_INVALID_REQUEST;
    request->packet[VSTOR_SENSE_LENGTH] = 0;
    le32_store(request->packet + VSTOR_TRANSFER_LENGTH, 0);
    DEVICE_TRACE(&storvsp->vmbus.device, STORVSP_REFUSED, VSTOR_EXECUTE_SRB,
                 request->packet[VSTOR_CDB]);
    storvsp_answer(storvsp, request->channel, request->transaction, request->wants_completion,
                   request->packet, VSTOR_STATUS_SUCCESS);
    request_put(storvsp, request);
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
    storvsp_answer(storvsp, request->channel, request->transaction, request->wants_completion,
                   request->packet, VSTOR_STATUS_SUCCESS);
    request_put(storvsp, request);
}

enum vmbus_taken storvsp_execute(struct storvsp *storvsp, struct vmbus_channel *channel,
                                 const struct vmbus_packet *packet,
                                 const uint8_t bytes[VSTOR_PACKET_BYTES])
{
    struct storvsp_request *request = storvsp->reset.channel == NULL ? request_take(storvsp) : NULL;
    if (request == NULL) {
        return VMBUS_LATER;
    }
    if (!storvsp->asked) {
        storvsp_listens(storvsp);
    }
    storvsp->quiet_ns =
        storvsp->leaving ? clock_now_ns(storvsp->vmbus.clock) + STORVSP_QUIET_NS : 0;
    request->channel = channel;
    request->transaction = packet->transaction;
    request->wants_completion = packet->wants_completion;
    memcpy(request->packet, bytes, VSTOR_PACKET_BYTES);
    bool good = request_parse(request, packet);
    request->unit = good ? unit_at(storvsp, request->packet) : NULL;
    if (good && request_now(storvsp, request)) {
        request_end(storvsp, request);
        return VMBUS_TAKEN;
    }
    if (!good || !request_data(storvsp, request)) {
        request_refuse(storvsp, request);
        return VMBUS_TAKEN;
    }
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

/* ---- life ---- */

void storvsp_requests_init(struct storvsp *storvsp)
{
    for (unsigned i = 0; i < STORVSP_REQUESTS; i++) {
        struct storvsp_request *request = &storvsp->requests[i];
        request->storvsp = storvsp;
        completion_init(&request->completion, storvsp->vmbus.clock, request_finished, request);
    }
}

void storvsp_requests_fini(struct storvsp *storvsp)
{
    for (unsigned i = 0; i < STORVSP_REQUESTS && storvsp->requests[i].storvsp != NULL; i++) {
        struct storvsp_request *request = &storvsp->requests[i];
        completion_cancel(&request->completion);
        completion_fini(&request->completion);
        vmbus_buffer_fini(&request->buffer);
        free(request->scsi.data);
    }
}

void storvsp_requests_forget(struct storvsp *storvsp, const struct vmbus_channel *channel)
{
    for (unsigned i = 0; i < STORVSP_REQUESTS; i++) {
        struct storvsp_request *request = &storvsp->requests[i];
        if (request->busy && request->channel == channel) {
            request->channel = NULL;
        }
    }
}
