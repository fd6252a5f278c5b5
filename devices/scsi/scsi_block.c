/* Reading, writing and what belongs to it. [SBC-3 5] */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/scsi/scsi_parts.h"

enum { FUA = 0x08, PROTECT = 0xe0, ANCHOR = 0x10, WRITE_SAME_NO_DATA = 0x01, FILL_PIECE = 1 << 16 };

#define WRITE_SAME_MOST UINT64_C(0x400000) /* as the block limits page says */
#define UNMAP_MOST      UINT64_C(0x400000)

/* Blocks that a CDB is about. */
struct scsi_range {
    uint64_t lba, blocks;
};

/* By the CDB's length, which its first byte tells. [SPC-4 4.2.5.1] */
static struct scsi_range range_of(const struct scsi_request *request)
{
    const uint8_t *cdb = request->cdb;
    switch (cdb[0] >> 5) {
    case 0:
        return (struct scsi_range){ be32_load(cdb) & 0x1fffff, cdb[4] == 0 ? 256 : cdb[4] };
    case 4:
        return (struct scsi_range){ be64_load(cdb + 2), be32_load(cdb + 10) };
    case 5:
        return (struct scsi_range){ be32_load(cdb + 2), be32_load(cdb + 6) };
    default:
        return (struct scsi_range){ be32_load(cdb + 2), be16_load(cdb + 7) };
    }
}

/* Inside the disk? Else the sense is set. */
static bool range_good(struct scsi_target *target, struct scsi_request *request,
                       struct scsi_range range)
{
    uint64_t all = scsi_n_blocks(target);
    if (range.lba > all || range.blocks > all - range.lba ||
        (range.blocks == 0 && range.lba == all)) {
        scsi_check_at(request, SCSI_SENSE_ILLEGAL_LBA, range.lba);
        return false;
    }
    return true;
}

/* The bytes of a range that the request's data has room for; 0 with sense set when it has not. */
static bool range_fits(struct scsi_target *target, struct scsi_request *request,
                       struct scsi_range range, size_t *bytes)
{
    uint64_t n = range.blocks * target->image->logical_sector;
    if (n > request->length) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_CDB);
        return false;
    }
    *bytes = (size_t)n;
    return true;
}

static bool is_six(const struct scsi_request *request)
{
    return request->cdb[0] >> 5 == 0;
}

void scsi_read(struct scsi_target *target, struct scsi_request *request)
{
    struct scsi_range range = range_of(request);
    size_t n;
    if (!is_six(request) && request->cdb[1] & PROTECT) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_CDB);
        return;
    }
    if (!range_good(target, request, range) || !range_fits(target, request, range, &n)) {
        return;
    }
    uint64_t offset = range.lba * target->image->logical_sector;
    if (request->n_pieces != 0) {
        request->later =
            !image_now(target->image, false, offset, request->pieces, request->n_pieces, n);
    }
    int code = request->n_pieces != 0 ? 0 : image_read(target->image, offset, request->data, n);
    if (code != 0) {
        scsi_check_at(request, scsi_sense_of(code, false), range.lba);
        return;
    }
    request->transferred = (uint32_t)n;
}

/* The write of a range that was checked; then to the medium, where that was asked for. */
static void write_range(struct scsi_target *target, struct scsi_request *request,
                        struct scsi_range range, size_t n, bool through)
{
    uint64_t offset = range.lba * target->image->logical_sector;
    if (request->n_pieces != 0) {
        request->later =
            through || target->no_write_cache ||
            !image_now(target->image, true, offset, request->pieces, request->n_pieces, n);
        request->transferred = (uint32_t)n;
        return;
    }
    int code = image_write(target->image, offset, request->data, n);
    if (code == 0 && (through || target->no_write_cache)) {
        code = image_flush(target->image);
    }
    if (code != 0) {
        scsi_check_at(request, scsi_sense_of(code, true), range.lba);
        return;
    }
    request->transferred = (uint32_t)n;
}

void scsi_write(struct scsi_target *target, struct scsi_request *request)
{
    struct scsi_range range = range_of(request);
    size_t n;
    if (!is_six(request) && request->cdb[1] & PROTECT) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_CDB);
        return;
    }
    if (range_good(target, request, range) && range_fits(target, request, range, &n)) {
        write_range(target, request, range, n, !is_six(request) && (request->cdb[1] & FUA) != 0);
    }
}

void scsi_write_verify(struct scsi_target *target, struct scsi_request *request)
{
    struct scsi_range range = range_of(request);
    size_t n;
    if (request->cdb[1] & (PROTECT | 0x06)) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_CDB);
        return;
    }
    if (range_good(target, request, range) && range_fits(target, request, range, &n)) {
        write_range(target, request, range, n, true);
    }
}

/* Compare a range with the data, whole or one block of it again and again. */
static void verify_range(struct scsi_target *target, struct scsi_request *request,
                         struct scsi_range range, bool one_block)
{
    uint32_t sector = target->image->logical_sector;
    uint8_t *bytes = malloc(sector);
    int code = bytes == NULL ? -ENOMEM : 0;
    bool compare = request->length != 0, same = true;
    for (uint64_t i = 0; code == 0 && same && i < range.blocks; i++) {
        code = image_read(target->image, (range.lba + i) * sector, bytes, sector);
        same = code != 0 || !compare ||
               memcmp(bytes, request->data + (one_block ? 0 : i * sector), sector) == 0;
    }
    free(bytes);
    if (code != 0) {
        scsi_check_at(request, scsi_sense_of(code, false), range.lba);
    } else if (!same) {
        scsi_check(request, SCSI_SENSE_MISCOMPARE);
    }
}

void scsi_verify(struct scsi_target *target, struct scsi_request *request)
{
    struct scsi_range range = range_of(request);
    unsigned compare = request->cdb[1] >> 1 & 3;
    size_t n;
    if (request->cdb[1] & PROTECT || compare == 2 || (compare != 0 && !request->to_device)) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_CDB);
        return;
    }
    if (!range_good(target, request, range)) {
        return;
    }
    if (compare == 0) {
        return; /* the host reads what it holds */
    }
    /* One block against the whole of a large disk would keep a thread of the host for hours. [SBC-3 6.5.3] */
    if (range.blocks > SCSI_TRANSFER_MAX / target->image->logical_sector) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_CDB);
        return;
    }
    struct scsi_range data = { range.lba, compare == 3 ? 1 : range.blocks };
    if (range_fits(target, request, data, &n)) {
        verify_range(target, request, range, compare == 3);
        request->transferred = request->status == SCSI_GOOD ? (uint32_t)n : 0;
    }
}

void scsi_prefetch(struct scsi_target *target, struct scsi_request *request)
{
    (void)range_good(target, request, range_of(request));
}

void scsi_synchronize_cache(struct scsi_target *target, struct scsi_request *request)
{
    if (!range_good(target, request, range_of(request))) {
        return;
    }
    int code = target->image->writable ? image_flush(target->image) : 0;
    if (code != 0) {
        scsi_check(request, scsi_sense_of(code, true));
    }
}

/* A range reads as zeros; 0 or the sense is set. */
static int discard_range(struct scsi_target *target, struct scsi_request *request,
                         struct scsi_range range)
{
    uint32_t sector = target->image->logical_sector;
    int code = image_discard(target->image, range.lba * sector, range.blocks * sector);
    if (code != 0) {
        scsi_check_at(request, scsi_sense_of(code, true), range.lba);
    }
    return code;
}

static int write_through(struct scsi_target *target, struct scsi_request *request)
{
    int code = target->no_write_cache ? image_flush(target->image) : 0;
    if (code != 0) {
        scsi_check(request, scsi_sense_of(code, true));
    }
    return code;
}

void scsi_unmap(struct scsi_target *target, struct scsi_request *request)
{
    enum { HEADER = 8, DESCRIPTOR = 16, MOST = 256 };
    size_t n = be16_load(request->cdb + 7);
    if (request->cdb[1] & 1) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_CDB); /* nothing is anchored */
        return;
    }
    if (n == 0) {
        return;
    }
    if (n > request->length || n < HEADER) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_PARAMETER_LENGTH);
        return;
    }
    size_t bytes = be16_load(request->data + 2);
    bytes = bytes < n - HEADER ? bytes : n - HEADER;
    size_t count = bytes / DESCRIPTOR;
    if (count > MOST) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_PARAMETERS);
        return;
    }
    /* All of them are checked before the first is obeyed. */
    for (size_t i = 0; i < count; i++) {
        const uint8_t *row = request->data + HEADER + i * DESCRIPTOR;
        struct scsi_range range = { be64_load(row), be32_load(row + 8) };
        if (!range_good(target, request, range)) {
            return;
        }
        if (range.blocks > UNMAP_MOST) {
            scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_PARAMETERS);
            return;
        }
    }
    for (size_t i = 0; i < count; i++) {
        const uint8_t *row = request->data + HEADER + i * DESCRIPTOR;
        if (discard_range(target, request,
                          (struct scsi_range){ be64_load(row), be32_load(row + 8) }) != 0) {
            return;
        }
    }
    if (write_through(target, request) == 0) {
        request->transferred = (uint32_t)n;
    }
}

static bool all_zeros(const uint8_t *bytes, size_t n)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, n - 1) == 0;
}

/* One block again and again. */
static int fill_range(struct scsi_target *target, struct scsi_range range, const uint8_t *block)
{
    uint32_t sector = target->image->logical_sector;
    uint64_t at = range.lba * sector, left = range.blocks * sector;
    uint8_t *piece = malloc(FILL_PIECE);
    int code = piece == NULL ? -ENOMEM : 0;
    for (size_t i = 0; code == 0 && i < FILL_PIECE; i += sector) {
        memcpy(piece + i, block, sector);
    }
    while (code == 0 && left > 0) {
        size_t n = left < FILL_PIECE ? (size_t)left : FILL_PIECE;
        code = image_write(target->image, at, piece, n);
        at += n;
        left -= n;
    }
    free(piece);
    return code;
}

void scsi_write_same(struct scsi_target *target, struct scsi_request *request)
{
    struct scsi_range range = range_of(request);
    uint32_t sector = target->image->logical_sector;
    bool no_data = request->cdb[0] == 0x93 && (request->cdb[1] & WRITE_SAME_NO_DATA) != 0;
    if (request->cdb[1] & (PROTECT | ANCHOR) || range.blocks == 0 ||
        range.blocks > WRITE_SAME_MOST || (!no_data && request->length < sector)) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_CDB);
        return;
    }
    if (!range_good(target, request, range)) {
        return;
    }
    /* Zeros are unmapped, asked for or not; other blocks cannot be. */
    if (no_data || all_zeros(request->data, sector)) {
        if (discard_range(target, request, range) != 0) {
            return;
        }
    } else {
        int code = fill_range(target, range, request->data);
        if (code != 0) {
            scsi_check_at(request, scsi_sense_of(code, true), range.lba);
            return;
        }
    }
    if (write_through(target, request) == 0) {
        request->transferred = no_data ? 0 : sector;
    }
}

void scsi_read_capacity_10(struct scsi_target *target, struct scsi_request *request)
{
    uint8_t bytes[8];
    uint64_t last = scsi_n_blocks(target) - 1;
    if (be32_load(request->cdb + 2) != 0 || request->cdb[8] & 1) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_CDB);
        return;
    }
    be32_store(bytes, last > UINT32_MAX ? UINT32_MAX : (uint32_t)last);
    be32_store(bytes + 4, target->image->logical_sector);
    scsi_reply(request, bytes, sizeof(bytes), sizeof(bytes));
}

static void read_capacity_16(struct scsi_target *target, struct scsi_request *request)
{
    uint8_t bytes[32] = { 0 };
    uint32_t ratio = target->image->physical_sector / target->image->logical_sector;
    unsigned exponent = 0;
    while (UINT32_C(2) << exponent <= ratio) {
        exponent++;
    }
    be64_store(bytes, scsi_n_blocks(target) - 1);
    be32_store(bytes + 8, target->image->logical_sector);
    bytes[13] = (uint8_t)exponent;
    bytes[14] = 0x80 | 0x40; /* unmaps, and what is unmapped reads as zeros */
    scsi_reply(request, bytes, sizeof(bytes), be32_load(request->cdb + 10));
}

/* One descriptor: how far from the block on everything is mapped, or nothing is. */
static void get_lba_status(struct scsi_target *target, struct scsi_request *request)
{
    uint8_t bytes[24] = { 0, 0, 0, 20 };
    uint32_t sector = target->image->logical_sector;
    uint64_t lba = be64_load(request->cdb + 2), all = scsi_n_blocks(target);
    if (!range_good(target, request, (struct scsi_range){ lba, 1 })) {
        return;
    }
    uint64_t n = (all - lba) * sector, most = (uint64_t)UINT32_MAX * sector;
    n = n < most ? n : most;
    bool mapped = image_has_data(target->image, lba * sector, &n);
    be64_store(bytes + 8, lba);
    be32_store(bytes + 16, (uint32_t)(n / sector > 0 ? n / sector : 1));
    bytes[20] = mapped ? 0 : 1;
    scsi_reply(request, bytes, sizeof(bytes), be32_load(request->cdb + 10));
}

void scsi_service_action_in(struct scsi_target *target, struct scsi_request *request)
{
    switch (request->cdb[1] & 0x1f) {
    case 0x10:
        read_capacity_16(target, request);
        break;
    case 0x12:
        get_lba_status(target, request);
        break;
    default:
        scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_CDB);
    }
}
