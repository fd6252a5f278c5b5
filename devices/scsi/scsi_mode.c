/* MODE SENSE and MODE SELECT: a table of pages. [SPC-4 6.11, 6.13, 7.5; SBC-3 6.4; MMC-6 7] */
#include <string.h>

#include "base/bytes.h"
#include "devices/scsi/scsi_parts.h"

enum {
    MODE_MOST = 256,
    PAGE_ALL = 0x3f,
    CONTROL_CURRENT = 0,
    CONTROL_CHANGEABLE = 1,
    CONTROL_SAVED = 3,
    CACHING = 0x08,
    CACHING_WCE = 0x04,
    SPECIFIC_PROTECTED = 0x80,
    SPECIFIC_DPOFUA = 0x10,
};

/* Pages as they are by default; the length byte says how many bytes follow it. */
static const uint8_t page_recovery_disk[] = { 0x01, 0x0a, 0xc0, 0x08, 0,    0,
                                              0,    0,    0x08, 0,    0xff, 0xff };
static const uint8_t page_recovery_dvd[] = { 0x01, 0x0a, 0, 0x08, 0, 0, 0, 0, 0, 0, 0, 0 };
static const uint8_t page_caching[] = { 0x08, 0x12, CACHING_WCE, 0, 0xff, 0xff, 0, 0, 0xff, 0xff,
                                        0xff, 0xff, 0,           0, 0,    0,    0, 0, 0,    0 };
static const uint8_t page_control[] = {
    0x0a, 0x0a, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0
}; /* commands may be reordered */
static const uint8_t page_exceptions[] = { 0x1c, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
/* Reads CD-R, CD-RW, DVD-ROM, DVD-R; multi session; locks and ejects, a tray; 24x of 176 kB/s. */
static const uint8_t page_capabilities[] = { 0x2a, 0x14, 0x0b, 0, 0x70, 0, 0x29, 0,
                                             0x10, 0x8a, 0,    2, 2,    0, 0x10, 0x8a,
                                             0,    0,    0,    0, 0,    0 };

static const struct {
    const uint8_t *bytes;
    size_t n;
    unsigned kinds;
} mode_pages[] = {
    { page_recovery_disk, sizeof(page_recovery_disk), SCSI_DISK },
    { page_recovery_dvd, sizeof(page_recovery_dvd), SCSI_DVD },
    { page_caching, sizeof(page_caching), SCSI_DISK },
    { page_control, sizeof(page_control), SCSI_DISK | SCSI_DVD },
    { page_exceptions, sizeof(page_exceptions), SCSI_DISK },
    { page_capabilities, sizeof(page_capabilities), SCSI_DVD },
};

/* One page by control: current, changeable or default values. */
static size_t mode_page(const struct scsi_target *target, unsigned index, unsigned control,
                        uint8_t *to)
{
    size_t n = mode_pages[index].n;
    memcpy(to, mode_pages[index].bytes, n);
    if (control == CONTROL_CHANGEABLE) {
        memset(to + 2, 0, n - 2);
        to[2] = to[0] == CACHING ? CACHING_WCE : 0;
    } else if (to[0] == CACHING && control == CONTROL_CURRENT && target->no_write_cache) {
        to[2] &= (uint8_t)~CACHING_WCE;
    }
    return n;
}

/* Block descriptor of a disk, 8 bytes. [SBC-3 6.4.2] */
static size_t mode_descriptor(const struct scsi_target *target, uint8_t *to)
{
    uint64_t blocks = scsi_n_blocks(target);
    memset(to, 0, 8);
    be32_store(to, blocks > UINT32_MAX ? UINT32_MAX : (uint32_t)blocks);
    be32_store(to + 4, target->image == NULL ? IMAGE_SECTOR : target->image->logical_sector);
    return 8;
}

static void mode_sense(struct scsi_target *target, struct scsi_request *request, bool ten)
{
    uint8_t bytes[MODE_MOST] = { 0 };
    unsigned control = request->cdb[2] >> 6, code = request->cdb[2] & 0x3f;
    size_t header = ten ? 8 : 4, n = header;
    uint8_t specific =
        target->kind == SCSI_DVD
            ? 0
            : (uint8_t)(SPECIFIC_DPOFUA | (scsi_writable(target) ? 0 : SPECIFIC_PROTECTED));
    uint32_t allocation = ten ? be16_load(request->cdb + 7) : request->cdb[4];
    bool found = false;
    if (control == CONTROL_SAVED) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_SAVING_PARAMETERS);
        return;
    }
    if ((request->cdb[1] & 0x08) == 0 && target->kind == SCSI_DISK) {
        n += mode_descriptor(target, bytes + n);
        bytes[ten ? 7 : 3] = 8;
    }
    if (request->cdb[3] == 0 || (request->cdb[3] == 0xff && code == PAGE_ALL)) {
        for (unsigned i = 0; i < ARRAY_SIZE(mode_pages); i++) {
            bool wanted = code == PAGE_ALL || code == mode_pages[i].bytes[0];
            if (wanted && mode_pages[i].kinds & target->kind) {
                n += mode_page(target, i, control, bytes + n);
                found = true;
            }
        }
    }
    if (!found) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_CDB);
        return;
    }
    if (ten) {
        be16_store(bytes, (uint16_t)(n - 2));
        bytes[3] = specific;
    } else {
        bytes[0] = (uint8_t)(n - 1);
        bytes[2] = specific;
    }
    scsi_reply(request, bytes, n, allocation);
}

/* A page that the guest sends: all must stay as it is but for the write cache. Its length, 0 when it is wrong. */
static size_t mode_take_page(struct scsi_target *target, const uint8_t *from, size_t left,
                             bool *no_write_cache)
{
    uint8_t current[MODE_MOST], change[MODE_MOST];
    for (unsigned i = 0; left >= 2 && i < ARRAY_SIZE(mode_pages); i++) {
        size_t n = mode_pages[i].n;
        if (!(mode_pages[i].kinds & target->kind) || (from[0] & 0x7f) != mode_pages[i].bytes[0]) {
            continue;
        }
        if (left < n || from[1] != n - 2) {
            return 0;
        }
        (void)mode_page(target, i, CONTROL_CURRENT, current);
        (void)mode_page(target, i, CONTROL_CHANGEABLE, change);
        for (size_t byte = 2; byte < n; byte++) {
            if (((from[byte] ^ current[byte]) & ~change[byte]) != 0) {
                return 0;
            }
        }
        if (current[0] == CACHING) {
            *no_write_cache = (from[2] & CACHING_WCE) == 0;
        }
        return n;
    }
    return 0;
}

static void mode_select(struct scsi_target *target, struct scsi_request *request, bool ten)
{
    size_t header = ten ? 8 : 4, n = ten ? be16_load(request->cdb + 7) : request->cdb[4];
    bool no_write_cache = target->no_write_cache;
    if ((request->cdb[1] & 0x10) == 0 || request->cdb[1] & 0x01) {
        scsi_check(
            request,
            SCSI_SENSE_ILLEGAL_FIELD_IN_CDB); /* pages of the standard only, and none is saved */
        return;
    }
    if (n == 0) {
        return;
    }
    if (n > request->length || n < header) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_PARAMETER_LENGTH);
        return;
    }
    size_t at = header + (ten ? be16_load(request->data + 6) : request->data[3]);
    if (at > n) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_PARAMETER_LENGTH);
        return;
    }
    while (at < n) {
        size_t taken = mode_take_page(target, request->data + at, n - at, &no_write_cache);
        if (taken == 0) {
            scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_PARAMETERS);
            return;
        }
        at += taken;
    }
    if (no_write_cache && !target->no_write_cache && scsi_writable(target)) {
        int code = image_flush(target->image);
        if (code != 0) {
            scsi_check(request, scsi_sense_of(code, true));
            return;
        }
    }
    target->no_write_cache = no_write_cache;
    request->transferred = (uint32_t)n;
}

void scsi_mode_sense_6(struct scsi_target *target, struct scsi_request *request)
{
    mode_sense(target, request, false);
}

void scsi_mode_sense_10(struct scsi_target *target, struct scsi_request *request)
{
    mode_sense(target, request, true);
}

void scsi_mode_select_6(struct scsi_target *target, struct scsi_request *request)
{
    mode_select(target, request, false);
}

void scsi_mode_select_10(struct scsi_target *target, struct scsi_request *request)
{
    mode_select(target, request, true);
}
