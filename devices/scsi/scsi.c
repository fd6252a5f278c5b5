/* SCSI targets: the table of commands and what all of them share. [SPC-4, SBC-3, MMC-6] */
#include "devices/scsi/scsi.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/scsi/scsi_parts.h"

enum {
    NEEDS_MEDIUM = 1 << 0,
    BEFORE_ATTENTION = 1 << 1, /* answered though the guest has an attention to hear of; it stays */
    NEEDS_WRITABLE = 1 << 2,
    TAKES_DATA = 1 << 3, /* data goes to the device */
    MAY_BE_NOW = 1 << 4, /* knows request->pieces; the direction is TAKES_DATA's */
};

enum {
    START_STOP_LOEJ = 2,
    START_STOP_START = 1,
    EVENT_NEW_MEDIUM = 2,
    EVENT_MEDIUM_REMOVED = 3,
    EVENT_EJECT_REQUEST = 1
};

void scsi_sense_store(uint8_t bytes[SCSI_SENSE_BYTES], enum scsi_sense sense)
{
    memset(bytes, 0, SCSI_SENSE_BYTES);
    bytes[0] = 0x70;
    bytes[2] = (uint8_t)((unsigned)sense >> 16);
    bytes[7] = SCSI_SENSE_BYTES - 8;
    bytes[12] = (uint8_t)((unsigned)sense >> 8);
    bytes[13] = (uint8_t)sense;
}

void scsi_check(struct scsi_request *request, enum scsi_sense sense)
{
    request->status = SCSI_CHECK_CONDITION;
    request->transferred = 0;
    scsi_sense_store(request->sense, sense);
}

void scsi_check_at(struct scsi_request *request, enum scsi_sense sense, uint64_t lba)
{
    scsi_check(request, sense);
    if (lba <= UINT32_MAX) {
        request->sense[0] |= 0x80; /* the information field is valid */
        be32_store(request->sense + 3, (uint32_t)lba);
    }
}

void scsi_reply(struct scsi_request *request, const void *bytes, size_t n, uint32_t allocation)
{
    size_t most = allocation < request->length ? allocation : request->length;
    n = n < most ? n : most;
    if (n > 0) {
        memcpy(request->data, bytes, n);
    }
    request->transferred = (uint32_t)n;
}

uint64_t scsi_n_blocks(const struct scsi_target *target)
{
    return target->image == NULL ? 0 : target->image->size_bytes / target->image->logical_sector;
}

bool scsi_writable(const struct scsi_target *target)
{
    return target->image != NULL && target->image->writable;
}

enum scsi_sense scsi_sense_of(int code, bool write)
{
    return code == -EROFS    ? SCSI_SENSE_PROTECT_WRITE
           : code == -ENOSPC ? SCSI_SENSE_PROTECT_SPACE
           : code == -ENOMEM ? SCSI_SENSE_HARDWARE_INTERNAL
           : write           ? SCSI_SENSE_MEDIUM_WRITE_ERROR
                             : SCSI_SENSE_MEDIUM_UNRECOVERED_READ;
}

static enum scsi_sense scsi_no_medium(const struct scsi_target *target)
{
    return target->tray_open ? SCSI_SENSE_NOT_READY_NO_MEDIUM_TRAY_OPEN
                             : SCSI_SENSE_NOT_READY_NO_MEDIUM_TRAY_CLOSED;
}

/* The attention that is told next, and is told then. */
static enum scsi_sense scsi_take_attention(struct scsi_target *target)
{
    static const struct {
        uint8_t bit;
        enum scsi_sense sense;
    } rows[] = {
        { SCSI_ATTENTION_POWER_ON, SCSI_SENSE_ATTENTION_POWER_ON },
        { SCSI_ATTENTION_MEDIUM, SCSI_SENSE_ATTENTION_MEDIUM_CHANGED },
        { SCSI_ATTENTION_CAPACITY, SCSI_SENSE_ATTENTION_CAPACITY_CHANGED },
    };
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        if (target->attention & rows[i].bit) {
            target->attention &= (uint8_t)~rows[i].bit;
            return rows[i].sense;
        }
    }
    return SCSI_SENSE_NONE;
}

/* Succeeds: the row's checks are all there is to it. */
static void scsi_nothing(struct scsi_target *target, struct scsi_request *request)
{
    (void)target, (void)request;
}

static void scsi_request_sense(struct scsi_target *target, struct scsi_request *request)
{
    uint8_t bytes[SCSI_SENSE_BYTES];
    if (request->cdb[1] & 1) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_CDB); /* descriptor format */
        return;
    }
    enum scsi_sense sense = scsi_take_attention(target);
    if (sense == SCSI_SENSE_NONE && target->image == NULL) {
        sense = scsi_no_medium(target);
    }
    scsi_sense_store(bytes, sense);
    scsi_reply(request, bytes, sizeof(bytes), request->cdb[4]);
}

/* Eject and load of a drive; spinning of a disk has no meaning here. */
static void scsi_start_stop_unit(struct scsi_target *target, struct scsi_request *request)
{
    uint8_t how = request->cdb[4];
    if (target->kind == SCSI_DISK && !(how & START_STOP_START) && scsi_writable(target)) {
        int code = image_flush(target->image);
        if (code != 0) {
            scsi_check(request, scsi_sense_of(code, true));
        }
        return;
    }
    if (target->kind != SCSI_DVD || !(how & START_STOP_LOEJ)) {
        return;
    }
    if (!(how & START_STOP_START) && target->prevented) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_MEDIUM_REMOVAL_PREVENTED);
        return;
    }
    if (!(how & START_STOP_START)) {
        (void)image_close(target->image); /* read only: nothing to lose */
        target->image = NULL;
        target->media_event = EVENT_MEDIUM_REMOVED;
    }
    target->tray_open = !(how & START_STOP_START);
}

static void scsi_prevent_allow(struct scsi_target *target, struct scsi_request *request)
{
    target->prevented = (request->cdb[4] & 1) != 0;
}

static void scsi_send_diagnostic(struct scsi_target *target, struct scsi_request *request)
{
    (void)target;
    if (be16_load(request->cdb + 3) != 0) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_CDB);
    }
}

enum { DISK = SCSI_DISK, DVD = SCSI_DVD, BOTH = SCSI_DISK | SCSI_DVD, NEITHER = 0 };

/* clang-format off */
static const struct scsi_row scsi_rows[] = {
    /* code  name                           kinds    CDB flags */
    { 0x00, "TEST UNIT READY",              BOTH,    6,  NEEDS_MEDIUM, scsi_nothing },
    { 0x01, "REZERO UNIT",                  DISK,    6,  0, scsi_nothing },
    { 0x02, "REQUEST BLOCK ADDRESS",        NEITHER, 6,  0, NULL },
    { 0x03, "REQUEST SENSE",                BOTH,    6,  BEFORE_ATTENTION, scsi_request_sense },
    { 0x04, "FORMAT UNIT",                  NEITHER, 6,  0, NULL },
    { 0x07, "REASSIGN BLOCKS",              NEITHER, 6,  0, NULL },
    { 0x08, "READ (6)",                     DISK,    6,  NEEDS_MEDIUM | MAY_BE_NOW, scsi_read },
    { 0x0a, "WRITE (6)",                    DISK,    6,  NEEDS_MEDIUM | MAY_BE_NOW | NEEDS_WRITABLE | TAKES_DATA, scsi_write },
    { 0x0b, "SEEK (6)",                     NEITHER, 6,  0, NULL },
    { 0x12, "INQUIRY",                      BOTH,    6,  BEFORE_ATTENTION, scsi_inquiry },
    { 0x13, "VERIFY (6)",                   NEITHER, 6,  0, NULL },
    { 0x15, "MODE SELECT (6)",              BOTH,    6,  TAKES_DATA, scsi_mode_select_6 },
    { 0x16, "RESERVE (6)",                  NEITHER, 6,  0, NULL },
    { 0x17, "RELEASE (6)",                  NEITHER, 6,  0, NULL },
    { 0x18, "COPY",                         NEITHER, 6,  0, NULL },
    { 0x1a, "MODE SENSE (6)",               BOTH,    6,  0, scsi_mode_sense_6 },
    { 0x1b, "START STOP UNIT",              BOTH,    6,  0, scsi_start_stop_unit },
    { 0x1c, "RECEIVE DIAGNOSTIC RESULTS",   NEITHER, 6,  0, NULL },
    { 0x1d, "SEND DIAGNOSTIC",              BOTH,    6,  0, scsi_send_diagnostic },
    { 0x1e, "PREVENT ALLOW MEDIUM REMOVAL", BOTH,    6,  0, scsi_prevent_allow },
    { 0x23, "READ FORMAT CAPACITIES",       NEITHER, 10, 0, NULL },
    { 0x25, "READ CAPACITY (10)",           BOTH,    10, NEEDS_MEDIUM, scsi_read_capacity_10 },
    { 0x28, "READ (10)",                    BOTH,    10, NEEDS_MEDIUM | MAY_BE_NOW, scsi_read },
    { 0x2a, "WRITE (10)",                   DISK,    10, NEEDS_MEDIUM | MAY_BE_NOW | NEEDS_WRITABLE | TAKES_DATA, scsi_write },
    { 0x2b, "SEEK (10)",                    BOTH,    10, NEEDS_MEDIUM, scsi_prefetch },
    { 0x2e, "WRITE AND VERIFY (10)",        DISK,    10, NEEDS_MEDIUM | NEEDS_WRITABLE | TAKES_DATA, scsi_write_verify },
    { 0x2f, "VERIFY (10)",                  BOTH,    10, NEEDS_MEDIUM, scsi_verify },
    { 0x30, "SEARCH DATA HIGH (10)",        NEITHER, 10, 0, NULL },
    { 0x31, "SEARCH DATA EQUAL (10)",       NEITHER, 10, 0, NULL },
    { 0x32, "SEARCH DATA LOW (10)",         NEITHER, 10, 0, NULL },
    { 0x33, "SET LIMITS (10)",              NEITHER, 10, 0, NULL },
    { 0x34, "PRE-FETCH (10)",               DISK,    10, NEEDS_MEDIUM, scsi_prefetch },
    { 0x35, "SYNCHRONIZE CACHE (10)",       BOTH,    10, NEEDS_MEDIUM, scsi_synchronize_cache },
    { 0x36, "LOCK UNLOCK CACHE (10)",       NEITHER, 10, 0, NULL },
    { 0x37, "READ DEFECT DATA (10)",        NEITHER, 10, 0, NULL },
    { 0x39, "COMPARE",                      NEITHER, 10, 0, NULL },
    { 0x3a, "COPY AND VERIFY",              NEITHER, 10, 0, NULL },
    { 0x3b, "WRITE BUFFER",                 NEITHER, 10, 0, NULL },
    { 0x3c, "READ BUFFER (10)",             NEITHER, 10, 0, NULL },
    { 0x3e, "READ LONG (10)",               NEITHER, 10, 0, NULL },
    { 0x3f, "WRITE LONG (10)",              NEITHER, 10, 0, NULL },
    { 0x40, "CHANGE DEFINITION",            NEITHER, 10, 0, NULL },
    { 0x41, "WRITE SAME (10)",              DISK,    10, NEEDS_MEDIUM | NEEDS_WRITABLE | TAKES_DATA, scsi_write_same },
    { 0x42, "UNMAP",                        DISK,    10, NEEDS_MEDIUM | NEEDS_WRITABLE | TAKES_DATA, scsi_unmap },
    { 0x43, "READ TOC/PMA/ATIP",            DVD,     10, NEEDS_MEDIUM, scsi_read_toc },
    { 0x44, "READ HEADER",                  NEITHER, 10, 0, NULL },
    { 0x45, "PLAY AUDIO (10)",              NEITHER, 10, 0, NULL },
    { 0x46, "GET CONFIGURATION",            DVD,     10, BEFORE_ATTENTION, scsi_get_configuration },
    { 0x47, "PLAY AUDIO MSF",               NEITHER, 10, 0, NULL },
    { 0x48, "SANITIZE",                     NEITHER, 10, 0, NULL },
    { 0x49, "PLAY TRACK RELATIVE",          NEITHER, 10, 0, NULL },
    { 0x4a, "GET EVENT STATUS NOTIFICATION", DVD,    10, BEFORE_ATTENTION, scsi_get_event_status },
    { 0x4b, "PAUSE/RESUME",                 NEITHER, 10, 0, NULL },
    { 0x4c, "LOG SELECT",                   NEITHER, 10, 0, NULL },
    { 0x4d, "LOG SENSE",                    NEITHER, 10, 0, NULL },
    { 0x4e, "STOP PLAY/SCAN",               NEITHER, 10, 0, NULL },
    { 0x50, "XDWRITE (10)",                 NEITHER, 10, 0, NULL },
    { 0x51, "READ DISC INFORMATION",        DVD,     10, NEEDS_MEDIUM, scsi_read_disc_information },
    { 0x52, "READ TRACK INFORMATION",       DVD,     10, NEEDS_MEDIUM, scsi_read_track_information },
    { 0x53, "RESERVE TRACK, XDWRITEREAD (10)", NEITHER, 10, 0, NULL },
    { 0x54, "SEND OPC INFORMATION",         NEITHER, 10, 0, NULL },
    { 0x55, "MODE SELECT (10)",             BOTH,    10, TAKES_DATA, scsi_mode_select_10 },
    { 0x56, "RESERVE (10)",                 NEITHER, 10, 0, NULL },
    { 0x57, "RELEASE (10)",                 NEITHER, 10, 0, NULL },
    { 0x58, "REPAIR TRACK",                 NEITHER, 10, 0, NULL },
    { 0x5a, "MODE SENSE (10)",              BOTH,    10, 0, scsi_mode_sense_10 },
    { 0x5b, "CLOSE TRACK SESSION",          NEITHER, 10, 0, NULL },
    { 0x5c, "READ BUFFER CAPACITY",         NEITHER, 10, 0, NULL },
    { 0x5d, "SEND CUE SHEET",               NEITHER, 10, 0, NULL },
    { 0x5e, "PERSISTENT RESERVE IN",        NEITHER, 10, 0, NULL },
    { 0x5f, "PERSISTENT RESERVE OUT",       NEITHER, 10, 0, NULL },
    { 0x80, "XDWRITE EXTENDED (16)",        NEITHER, 16, 0, NULL },
    { 0x81, "REBUILD (16)",                 NEITHER, 16, 0, NULL },
    { 0x82, "REGENERATE (16)",              NEITHER, 16, 0, NULL },
    { 0x83, "THIRD-PARTY COPY OUT",         NEITHER, 16, 0, NULL },
    { 0x84, "THIRD-PARTY COPY IN",          NEITHER, 16, 0, NULL },
    { 0x85, "ATA PASS-THROUGH (16)",        NEITHER, 16, 0, NULL },
    { 0x86, "ACCESS CONTROL IN",            NEITHER, 16, 0, NULL },
    { 0x87, "ACCESS CONTROL OUT",           NEITHER, 16, 0, NULL },
    { 0x88, "READ (16)",                    DISK,    16, NEEDS_MEDIUM | MAY_BE_NOW, scsi_read },
    { 0x89, "COMPARE AND WRITE",            NEITHER, 16, 0, NULL },
    { 0x8a, "WRITE (16)",                   DISK,    16, NEEDS_MEDIUM | MAY_BE_NOW | NEEDS_WRITABLE | TAKES_DATA, scsi_write },
    { 0x8b, "ORWRITE (16)",                 NEITHER, 16, 0, NULL },
    { 0x8c, "READ ATTRIBUTE",               NEITHER, 16, 0, NULL },
    { 0x8d, "WRITE ATTRIBUTE",              NEITHER, 16, 0, NULL },
    { 0x8e, "WRITE AND VERIFY (16)",        DISK,    16, NEEDS_MEDIUM | NEEDS_WRITABLE | TAKES_DATA, scsi_write_verify },
    { 0x8f, "VERIFY (16)",                  DISK,    16, NEEDS_MEDIUM, scsi_verify },
    { 0x90, "PRE-FETCH (16)",               DISK,    16, NEEDS_MEDIUM, scsi_prefetch },
    { 0x91, "SYNCHRONIZE CACHE (16)",       DISK,    16, NEEDS_MEDIUM, scsi_synchronize_cache },
    { 0x92, "LOCK UNLOCK CACHE (16)",       NEITHER, 16, 0, NULL },
    { 0x93, "WRITE SAME (16)",              DISK,    16, NEEDS_MEDIUM | NEEDS_WRITABLE | TAKES_DATA, scsi_write_same },
    { 0x94, "ZBC OUT",                      NEITHER, 16, 0, NULL },
    { 0x95, "ZBC IN",                       NEITHER, 16, 0, NULL },
    { 0x9a, "WRITE STREAM (16)",            NEITHER, 16, 0, NULL },
    { 0x9b, "READ BUFFER (16)",             NEITHER, 16, 0, NULL },
    { 0x9c, "WRITE ATOMIC (16)",            NEITHER, 16, 0, NULL },
    { 0x9d, "SERVICE ACTION BIDIRECTIONAL", NEITHER, 16, 0, NULL },
    { 0x9e, "SERVICE ACTION IN (16)",       DISK,    16, NEEDS_MEDIUM, scsi_service_action_in },
    { 0x9f, "SERVICE ACTION OUT (16)",      NEITHER, 16, 0, NULL },
    { 0xa0, "REPORT LUNS",                  BOTH,    12, BEFORE_ATTENTION, scsi_report_luns },
    { 0xa1, "ATA PASS-THROUGH (12), BLANK", NEITHER, 12, 0, NULL },
    { 0xa2, "SECURITY PROTOCOL IN",         NEITHER, 12, 0, NULL },
    { 0xa3, "MAINTENANCE IN, SEND KEY",     NEITHER, 12, 0, NULL },
    { 0xa4, "MAINTENANCE OUT, REPORT KEY",  NEITHER, 12, 0, NULL },
    { 0xa5, "PLAY AUDIO (12)",              NEITHER, 12, 0, NULL },
    { 0xa6, "LOAD/UNLOAD MEDIUM",           NEITHER, 12, 0, NULL },
    { 0xa7, "SET READ AHEAD",               NEITHER, 12, 0, NULL },
    { 0xa8, "READ (12)",                    BOTH,    12, NEEDS_MEDIUM | MAY_BE_NOW, scsi_read },
    { 0xa9, "SERVICE ACTION OUT (12)",      NEITHER, 12, 0, NULL },
    { 0xaa, "WRITE (12)",                   DISK,    12, NEEDS_MEDIUM | MAY_BE_NOW | NEEDS_WRITABLE | TAKES_DATA, scsi_write },
    { 0xab, "SERVICE ACTION IN (12)",       NEITHER, 12, 0, NULL },
    { 0xac, "GET PERFORMANCE",              NEITHER, 12, 0, NULL },
    { 0xad, "READ DISC STRUCTURE",          DVD,     12, NEEDS_MEDIUM, scsi_read_dvd_structure },
    { 0xae, "WRITE AND VERIFY (12)",        DISK,    12, NEEDS_MEDIUM | NEEDS_WRITABLE | TAKES_DATA, scsi_write_verify },
    { 0xaf, "VERIFY (12)",                  DISK,    12, NEEDS_MEDIUM, scsi_verify },
    { 0xb0, "SEARCH DATA HIGH (12)",        NEITHER, 12, 0, NULL },
    { 0xb1, "SEARCH DATA EQUAL (12)",       NEITHER, 12, 0, NULL },
    { 0xb2, "SEARCH DATA LOW (12)",         NEITHER, 12, 0, NULL },
    { 0xb3, "SET LIMITS (12)",              NEITHER, 12, 0, NULL },
    { 0xb5, "SECURITY PROTOCOL OUT",        NEITHER, 12, 0, NULL },
    { 0xb6, "SET STREAMING",                NEITHER, 12, 0, NULL },
    { 0xb7, "READ DEFECT DATA (12)",        NEITHER, 12, 0, NULL },
    { 0xb9, "READ CD MSF",                  NEITHER, 12, 0, NULL },
    { 0xba, "SCAN",                         NEITHER, 12, 0, NULL },
    { 0xbb, "SET CD SPEED",                 DVD,     12, 0, scsi_nothing },
    { 0xbc, "PLAY CD",                      NEITHER, 12, 0, NULL },
    { 0xbd, "MECHANISM STATUS",             DVD,     12, 0, scsi_mechanism_status },
    { 0xbe, "READ CD",                      DVD,     12, NEEDS_MEDIUM, scsi_read_cd },
    { 0xbf, "SEND DISC STRUCTURE",          NEITHER, 12, 0, NULL },
};
/* clang-format on */

const struct scsi_row *scsi_row(unsigned index)
{
    return index < ARRAY_SIZE(scsi_rows) ? &scsi_rows[index] : NULL;
}

const char *scsi_sense_name(unsigned sense)
{
    switch (sense) {
#define X(name, code)                                                                              \
    case code:                                                                                     \
        return #name;
        SCSI_SENSE_LIST(X)
#undef X
    default:
        return "?";
    }
}

static const struct scsi_row *scsi_find(uint8_t opcode)
{
    for (unsigned i = 0; i < ARRAY_SIZE(scsi_rows); i++) {
        if (scsi_rows[i].opcode == opcode) {
            return &scsi_rows[i];
        }
    }
    return NULL;
}

static void scsi_begin(struct scsi_request *request)
{
    request->status = SCSI_GOOD;
    request->transferred = 0;
    request->unknown = false;
    memset(request->sense, 0, sizeof(request->sense));
}

/* The checks in the order of SPC-4 5.3.3: command, control byte, attention, medium, protection. */
static void scsi_dispatch(struct scsi_target *target, struct scsi_request *request)
{
    const struct scsi_row *row = scsi_find(request->cdb[0]);
    request->unknown = row == NULL;
    if (row == NULL || !(row->kinds & target->kind)) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_COMMAND);
        return;
    }
    if (request->cdb[row->cdb_bytes - 1] & 0x04) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_CDB); /* NACA */
        return;
    }
    enum scsi_sense attention =
        row->flags & BEFORE_ATTENTION ? SCSI_SENSE_NONE : scsi_take_attention(target);
    if (attention != SCSI_SENSE_NONE) {
        scsi_check(request, attention);
    } else if (row->flags & NEEDS_MEDIUM && target->image == NULL) {
        scsi_check(request, scsi_no_medium(target));
    } else if (row->flags & NEEDS_WRITABLE && !target->image->writable) {
        scsi_check(request, SCSI_SENSE_PROTECT_WRITE);
    } else {
        if (row->flags & TAKES_DATA && !request->to_device) {
            request->length = 0; /* there is nothing to take */
        }
        row->execute(target, request);
    }
}

void scsi_execute(struct scsi_target *target, struct scsi_request *request)
{
    scsi_begin(request);
    host_mutex_lock(&target->lock);
    scsi_dispatch(target, request);
    host_mutex_unlock(&target->lock);
}

bool scsi_may_be_now(const struct scsi_request *request)
{
    const struct scsi_row *row = scsi_find(request->cdb[0]);
    return row != NULL && (row->flags & MAY_BE_NOW) != 0 && request->length != 0 &&
           request->to_device == ((row->flags & TAKES_DATA) != 0);
}

bool scsi_execute_now(struct scsi_target *target, struct scsi_request *request)
{
    request->later = !host_mutex_try(&target->lock);
    if (!request->later) {
        scsi_begin(request);
        scsi_dispatch(target, request);
        host_mutex_unlock(&target->lock);
    }
    return !request->later;
}

void scsi_execute_no_unit(struct scsi_request *request)
{
    uint8_t bytes[36] = { 0x7f, 0, 6, 2, 31 };
    scsi_begin(request);
    if (request->cdb[0] == 0x12) {
        if ((request->cdb[1] & 1) != 0) {
            scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_CDB);
            return;
        }
        memset(bytes + 8, ' ', sizeof(bytes) - 8);
        scsi_reply(request, bytes, sizeof(bytes), be16_load(request->cdb + 3));
    } else if (request->cdb[0] == 0x03) {
        scsi_sense_store(bytes, SCSI_SENSE_ILLEGAL_LUN);
        scsi_reply(request, bytes, SCSI_SENSE_BYTES, request->cdb[4]);
    } else {
        scsi_check(request, SCSI_SENSE_ILLEGAL_LUN);
    }
}

void scsi_target_init(struct scsi_target *target, enum scsi_kind kind, struct image *image,
                      const uint8_t id[SCSI_ID_BYTES])
{
    *target = (struct scsi_target){ .kind = kind, .image = image };
    memcpy(target->id, image != NULL && !guid_is_zero(&image->id) ? image->id.bytes : id,
           SCSI_ID_BYTES);
    host_mutex_init(&target->lock);
    scsi_target_reset(target);
}

int scsi_target_fini(struct scsi_target *target)
{
    int code = image_close(target->image);
    target->image = NULL;
    host_mutex_fini(&target->lock);
    return code;
}

void scsi_target_reset(struct scsi_target *target)
{
    host_mutex_lock(&target->lock);
    target->attention = SCSI_ATTENTION_POWER_ON;
    target->media_event = target->kind == SCSI_DVD && target->image != NULL ? EVENT_NEW_MEDIUM : 0;
    target->no_write_cache = false;
    target->prevented = false;
    host_mutex_unlock(&target->lock);
}

int scsi_target_change_medium(struct scsi_target *target, struct image *image, bool force)
{
    int code = 0;
    host_mutex_lock(&target->lock);
    if (target->kind != SCSI_DVD) {
        code = -EINVAL;
    } else if (target->prevented && target->image != NULL && !force) {
        target->media_event = EVENT_EJECT_REQUEST; /* the guest may let it go */
        code = -EBUSY;
    } else {
        (void)image_close(target->image);
        target->image = image;
        target->tray_open = false;
        target->prevented = false;
        target->media_event = image != NULL ? EVENT_NEW_MEDIUM : EVENT_MEDIUM_REMOVED;
        target->attention |= image != NULL ? SCSI_ATTENTION_MEDIUM : 0;
    }
    host_mutex_unlock(&target->lock);
    return code;
}

static const struct state_field scsi_target_fields[] = {
    STATE_FIELD(struct scsi_target, attention),      STATE_FIELD(struct scsi_target, media_event),
    STATE_FIELD(struct scsi_target, no_write_cache), STATE_FIELD(struct scsi_target, prevented),
    STATE_FIELD(struct scsi_target, tray_open),
};
const struct state_table scsi_target_state =
    STATE_TABLE("scsi_target", 1, struct scsi_target, scsi_target_fields);
