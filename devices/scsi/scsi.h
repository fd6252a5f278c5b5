/* SCSI targets: disks and DVD drives over images. A request is a CDB with its data; the answer is data, a status and sense. */
#ifndef DEVICES_SCSI_SCSI_H
#define DEVICES_SCSI_SCSI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/host/mutex.h"
#include "base/state.h"
#include "devices/block/image.h"

enum {
    SCSI_CDB_BYTES = 16,
    SCSI_SENSE_BYTES = 18, /* fixed format */
    SCSI_TRANSFER_MAX = 1 << 20,
    SCSI_ID_BYTES = 16,
};

enum scsi_status {
    SCSI_GOOD = 0x00,
    SCSI_CHECK_CONDITION = 0x02,
};

/* Sense key, additional code and qualifier in one number: 0xKAAQQ. [SPC-4 4.5.6, annex F] */
#define SCSI_SENSE_LIST(X)                                                                         \
    X(NONE, 0x00000)                                                                               \
    X(NOT_READY_NO_MEDIUM_TRAY_CLOSED, 0x23a01)                                                    \
    X(NOT_READY_NO_MEDIUM_TRAY_OPEN, 0x23a02)                                                      \
    X(MEDIUM_WRITE_ERROR, 0x30c00)                                                                 \
    X(MEDIUM_UNRECOVERED_READ, 0x31100)                                                            \
    X(HARDWARE_INTERNAL, 0x44400)                                                                  \
    X(ILLEGAL_PARAMETER_LENGTH, 0x51a00)                                                           \
    X(ILLEGAL_COMMAND, 0x52000)                                                                    \
    X(ILLEGAL_LBA, 0x52100)                                                                        \
    X(ILLEGAL_FIELD_IN_CDB, 0x52400)                                                               \
    X(ILLEGAL_LUN, 0x52500)                                                                        \
    X(ILLEGAL_FIELD_IN_PARAMETERS, 0x52600)                                                        \
    X(ILLEGAL_SAVING_PARAMETERS, 0x53900)                                                          \
    X(ILLEGAL_MEDIUM_REMOVAL_PREVENTED, 0x55302)                                                   \
    X(ILLEGAL_MODE_FOR_TRACK, 0x56400)                                                             \
    X(ATTENTION_MEDIUM_CHANGED, 0x62800)                                                           \
    X(ATTENTION_POWER_ON, 0x62900)                                                                 \
    X(ATTENTION_MODE_CHANGED, 0x62a01)                                                             \
    X(ATTENTION_CAPACITY_CHANGED, 0x62a09)                                                         \
    X(PROTECT_WRITE, 0x72700)                                                                      \
    X(PROTECT_SPACE, 0x72707)                                                                      \
    X(MISCOMPARE, 0xe1d00)

enum scsi_sense {
#define X(name, code) SCSI_SENSE_##name = code,
    SCSI_SENSE_LIST(X)
#undef X
};

struct scsi_request {
    uint8_t cdb[SCSI_CDB_BYTES];
    uint8_t *data; /* what goes to the device, or room for what comes from it */
    uint32_t length;
    bool to_device;
    /* Of scsi_execute_now, in place of data: `length` bytes. */
    const struct host_piece *pieces;
    unsigned n_pieces;
    bool later; /* it has to wait for the host */
    /* The answer. */
    enum scsi_status status;
    uint32_t transferred; /* bytes of data that are used or filled */
    uint8_t sense[SCSI_SENSE_BYTES];
    bool unknown; /* no row of the table has this command */
};

enum scsi_kind { SCSI_DISK = 1, SCSI_DVD = 2 };

enum {
    SCSI_ATTENTION_POWER_ON = 1 << 0,
    SCSI_ATTENTION_MEDIUM = 1 << 1,
    SCSI_ATTENTION_CAPACITY = 1 << 2,
};

/* One logical unit. Requests of one target are executed one after the other, in any thread; the lock keeps them from the calls of
 * the host's side. */
struct scsi_target {
    enum scsi_kind kind;
    struct image *image; /* owned; NULL: a drive without a medium */
    uint8_t id[SCSI_ID_BYTES];
    struct host_mutex lock;
    /* What a guest can see change. */
    uint8_t attention;   /* SCSI_ATTENTION_* that the guest has not been told */
    uint8_t media_event; /* of GET EVENT STATUS, told once */
    bool no_write_cache;
    bool prevented; /* the guest locks the medium in */
    bool tray_open;
};

/* Takes image. id: of a disk that its image does not name. */
void scsi_target_init(struct scsi_target *target, enum scsi_kind kind, struct image *image,
                      const uint8_t id[SCSI_ID_BYTES]);
/* Closes the image. 0 or -errno, as image_close. */
int scsi_target_fini(struct scsi_target *target);
/* To the state after power-on. */
void scsi_target_reset(struct scsi_target *target);

void scsi_execute(struct scsi_target *target, struct scsi_request *request);
/* Does the command read or write blocks, so that it may be worth trying it at once? */
bool scsi_may_be_now(const struct scsi_request *request);
/* The same, between the medium and request->pieces, if the host need not wait for it. False: it was not done, or in part. */
WARN_UNUSED bool scsi_execute_now(struct scsi_target *target, struct scsi_request *request);
/* What INQUIRY, REPORT LUNS and others say where there is no logical unit. [SPC-4 4.6.4] */
void scsi_execute_no_unit(struct scsi_request *request);

/* Host's side: put another medium (taken) into a drive, or none. -EBUSY: the guest holds it (force takes it out anyway). */
WARN_UNUSED int scsi_target_change_medium(struct scsi_target *target, struct image *image,
                                          bool force);

/* The command table, for documents and tests; NULL after the last. */
struct scsi_row {
    uint8_t opcode;
    const char *name;
    unsigned kinds; /* of target that know it: a set of enum scsi_kind; 0: refused everywhere */
    uint8_t cdb_bytes;
    unsigned flags;
    void (*execute)(struct scsi_target *target, struct scsi_request *request);
};
const struct scsi_row *scsi_row(unsigned index);
const char *scsi_sense_name(unsigned sense);

extern const struct state_table scsi_target_state;

#endif
