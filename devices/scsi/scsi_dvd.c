/* A DVD drive: what it is, what lies in it. [MMC-6 5, 6] */
#include <string.h>

#include "base/bytes.h"
#include "devices/scsi/scsi_parts.h"

enum {
    PROFILE_CD_ROM = 0x0008,
    PROFILE_DVD_ROM = 0x0010,
    CD_MOST_BLOCKS = 405000, /* a disc of 90 minutes: more is a DVD */
    LEAD_OUT = 0xaa,
    MSF_OFFSET = 150,
    FRAMES = 75,
};

static unsigned dvd_profile(const struct scsi_target *target)
{
    return target->image == NULL                    ? 0
           : scsi_n_blocks(target) > CD_MOST_BLOCKS ? PROFILE_DVD_ROM
                                                    : PROFILE_CD_ROM;
}

/* Features; of those with a mark the current bit follows the medium. [MMC-6 5.3] */
static const struct {
    uint16_t code;
    uint8_t version;  /* version and persistent bits; the current bit is the medium's */
    unsigned profile; /* current with this one; 0: always; 1: with any medium */
    uint8_t n;
    uint8_t data[8];
} dvd_features[] = {
    { 0x0000, 0x03, 0, 8, { 0, PROFILE_DVD_ROM, 0, 0, 0, PROFILE_CD_ROM, 0, 0 } },
    { 0x0001, 0x0b, 0, 8, { 0, 0, 0, 1, 1, 0, 0, 0 } },  /* core: SCSI */
    { 0x0002, 0x07, 0, 4, { 0x02, 0, 0, 0 } },           /* morphing */
    { 0x0003, 0x0b, 0, 4, { 0x29, 0, 0, 0 } },           /* removable: a tray, locks, ejects */
    { 0x0010, 0x00, 1, 8, { 0, 0, 8, 0, 0, 16, 0, 0 } }, /* reads blocks of 2048 bytes */
    { 0x001e, 0x08, PROFILE_CD_ROM, 4, { 0, 0, 0, 0 } },
    { 0x001f, 0x04, PROFILE_DVD_ROM, 4, { 0, 0, 0, 0 } },
    { 0x0100, 0x03, 0, 0, { 0 } },          /* power management */
    { 0x0105, 0x07, 0, 4, { 0, 0, 0, 0 } }, /* time-out */
};

void scsi_get_configuration(struct scsi_target *target, struct scsi_request *request)
{
    uint8_t bytes[160] = { 0 };
    unsigned kind = request->cdb[1] & 3, first = be16_load(request->cdb + 2),
             profile = dvd_profile(target);
    size_t n = 8;
    if (kind == 3) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_CDB);
        return;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(dvd_features); i++) {
        unsigned with = dvd_features[i].profile;
        bool current = with == 0 || with == profile || (with == 1 && profile != 0);
        if (dvd_features[i].code < first || (kind == 1 && !current) ||
            (kind == 2 && dvd_features[i].code != first)) {
            continue;
        }
        uint8_t *to = bytes + n;
        be16_store(to, dvd_features[i].code);
        to[2] = (uint8_t)((dvd_features[i].version & ~1) | (current ? 1 : 0));
        to[3] = dvd_features[i].n;
        memcpy(to + 4, dvd_features[i].data, dvd_features[i].n);
        if (dvd_features[i].code == 0) {
            to[6] = profile == PROFILE_DVD_ROM; /* which of the profiles is current */
            to[10] = profile == PROFILE_CD_ROM;
        }
        n += 4U + dvd_features[i].n;
    }
    be32_store(bytes, (uint32_t)(n - 4));
    be16_store(bytes + 6, (uint16_t)profile);
    scsi_reply(request, bytes, n, be16_load(request->cdb + 7));
}

void scsi_get_event_status(struct scsi_target *target, struct scsi_request *request)
{
    enum { CLASS_MEDIA = 4, CLASSES = 1 << CLASS_MEDIA, NO_EVENT = 0x80 };
    uint8_t bytes[8] = { 0, 2, NO_EVENT, CLASSES };
    if ((request->cdb[1] & 1) == 0) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_CDB); /* only when asked */
        return;
    }
    if ((request->cdb[4] & CLASSES) == 0) {
        scsi_reply(request, bytes, 4, be16_load(request->cdb + 7));
        return;
    }
    bytes[1] = 6;
    bytes[2] = CLASS_MEDIA;
    bytes[4] = target->media_event;
    bytes[5] = (uint8_t)((target->image != NULL ? 2 : 0) | (target->tray_open ? 1 : 0));
    target->media_event = 0;
    scsi_reply(request, bytes, sizeof(bytes), be16_load(request->cdb + 7));
}

static void dvd_address(uint8_t *to, uint32_t lba, bool msf)
{
    uint32_t frames = lba + MSF_OFFSET;
    if (!msf) {
        be32_store(to, lba);
        return;
    }
    to[0] = 0;
    to[1] = (uint8_t)(frames / FRAMES / 60);
    to[2] = (uint8_t)(frames / FRAMES % 60);
    to[3] = (uint8_t)(frames % FRAMES);
}

/* One session of one track of data. */
void scsi_read_toc(struct scsi_target *target, struct scsi_request *request)
{
    uint8_t bytes[20] = { 0, 0, 1, 1 };
    bool msf = (request->cdb[1] & 2) != 0;
    unsigned format = request->cdb[2] & 15, track = request->cdb[6];
    format = format != 0 ? format : request->cdb[9] >> 6; /* where SFF-8020 had it */
    size_t n = 4;
    if (format == 1) {
        bytes[5] = 0x14;
        bytes[6] = 1;
        dvd_address(bytes + 8, 0, msf);
        n = 12;
    } else if (format == 0 && (track <= 1 || track == LEAD_OUT)) {
        if (track <= 1) {
            bytes[n + 1] = 0x14; /* data, not copied */
            bytes[n + 2] = 1;
            dvd_address(bytes + n + 4, 0, msf);
            n += 8;
        }
        bytes[n + 1] = 0x14;
        bytes[n + 2] = LEAD_OUT;
        dvd_address(bytes + n + 4, (uint32_t)scsi_n_blocks(target), msf);
        n += 8;
    } else {
        scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_CDB);
        return;
    }
    be16_store(bytes, (uint16_t)(n - 2));
    scsi_reply(request, bytes, n, be16_load(request->cdb + 7));
}

void scsi_read_disc_information(struct scsi_target *target, struct scsi_request *request)
{
    uint8_t bytes[34] = { 0, 32, 0x0e, 1, 1, 1, 1, 0x20 };
    (void)target;
    if (request->cdb[1] & 7) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_CDB);
        return;
    }
    memset(bytes + 16, 0xff, 8); /* no lead-in or lead-out to be written */
    scsi_reply(request, bytes, sizeof(bytes), be16_load(request->cdb + 7));
}

/* The one track, by its number, by a block in it, or by its session. [MMC-6 6.26] */
void scsi_read_track_information(struct scsi_target *target, struct scsi_request *request)
{
    uint8_t bytes[36] = { 0, 34, 1, 1, 0, 4, 1 };
    unsigned kind = request->cdb[1] & 3;
    uint32_t number = be32_load(request->cdb + 2);
    if (kind == 3 || (kind == 0 ? number >= scsi_n_blocks(target) : number != 1)) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_CDB);
        return;
    }
    be32_store(bytes + 24, (uint32_t)scsi_n_blocks(target));
    scsi_reply(request, bytes, sizeof(bytes), be16_load(request->cdb + 7));
}

/* The physical format of a DVD-ROM of one layer; no copyright protection. [MMC-6 6.22.3] */
void scsi_read_dvd_structure(struct scsi_target *target, struct scsi_request *request)
{
    uint8_t bytes[4 + 2048] = { 0 };
    unsigned format = request->cdb[7];
    uint32_t allocation = be16_load(request->cdb + 8);
    if (dvd_profile(target) != PROFILE_DVD_ROM || format > 1 || request->cdb[6] != 0) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_CDB);
        return;
    }
    if (format == 1) {
        be16_store(bytes, 6);
        scsi_reply(request, bytes, 8, allocation);
        return;
    }
    uint8_t *layer = bytes + 4;
    be16_store(bytes, 2048 + 2);
    layer[0] = 0x01; /* DVD-ROM, version 1 */
    layer[1] = 0x0f; /* 120 mm, no maximum rate */
    layer[2] = 0x01; /* embossed */
    be32_store(layer + 4, 0x30000);
    be32_store(layer + 8, (uint32_t)(0x30000 + scsi_n_blocks(target) - 1));
    scsi_reply(request, bytes, sizeof(bytes), allocation);
}

void scsi_mechanism_status(struct scsi_target *target, struct scsi_request *request)
{
    uint8_t bytes[8] = { 0 };
    bytes[1] = target->tray_open ? 0x10 : 0;
    bytes[5] = 1;
    scsi_reply(request, bytes, sizeof(bytes), be16_load(request->cdb + 8));
}

/* Only the user's 2048 bytes of a block can be had. [MMC-6 6.19] */
void scsi_read_cd(struct scsi_target *target, struct scsi_request *request)
{
    uint64_t lba = be32_load(request->cdb + 2);
    uint32_t blocks = be32_load(request->cdb + 5) & 0xffffff;
    uint64_t n = (uint64_t)blocks * target->image->logical_sector;
    unsigned type = request->cdb[1] >> 2 & 7;
    if (blocks == 0 || (request->cdb[9] & 0xf8) == 0) {
        return;
    }
    if (request->cdb[9] != 0x10 || (type != 0 && type != 2) || request->cdb[10] & 7) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_MODE_FOR_TRACK);
        return;
    }
    if (lba >= scsi_n_blocks(target) || blocks > scsi_n_blocks(target) - lba) {
        scsi_check_at(request, SCSI_SENSE_ILLEGAL_LBA, lba);
        return;
    }
    if (n > request->length) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_CDB);
        return;
    }
    int code =
        image_read(target->image, lba * target->image->logical_sector, request->data, (size_t)n);
    if (code != 0) {
        scsi_check_at(request, scsi_sense_of(code, false), lba);
        return;
    }
    request->transferred = (uint32_t)n;
}
