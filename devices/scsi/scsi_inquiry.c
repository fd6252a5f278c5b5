/* INQUIRY, its vital product data pages, and REPORT LUNS. [SPC-4 6.6, 6.33, 7.8; SBC-3 6.5] */
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "devices/scsi/scsi_parts.h"

enum { INQUIRY_BYTES = 96, SERIAL_DIGITS = 32, TYPE_DISK = 0, TYPE_DVD = 5 };

static void serial_text(const struct scsi_target *target, char text[SERIAL_DIGITS])
{
    static const char digits[] = "0123456789abcdef";
    for (unsigned i = 0; i < SCSI_ID_BYTES; i++) {
        text[2 * i] = digits[target->id[i] >> 4];
        text[2 * i + 1] = digits[target->id[i] & 15];
    }
}

static uint8_t device_type(const struct scsi_target *target)
{
    return target->kind == SCSI_DVD ? TYPE_DVD : TYPE_DISK;
}

static void inquiry_standard(const struct scsi_target *target, struct scsi_request *request)
{
    /* SAM-5, SPC-4, SBC-3 or MMC-6, without a version each. */
    uint8_t bytes[INQUIRY_BYTES] = { 0 };
    bytes[0] = device_type(target);
    bytes[1] = target->kind == SCSI_DVD ? 0x80 : 0;
    bytes[2] = 6;    /* SPC-4 */
    bytes[3] = 0x12; /* hierarchical LUNs, format 2 */
    bytes[4] = INQUIRY_BYTES - 5;
    bytes[7] = 0x02; /* queues commands */
    /* The names by which guests know a Hyper-V disk: Linux allows it WRITE SAME then. [LINUX storvsc_drv.c] */
    memcpy(bytes + 8, "Msft    ", 8);
    memcpy(bytes + 16, target->kind == SCSI_DVD ? "Virtual DVD-ROM " : "Virtual Disk    ", 16);
    memcpy(bytes + 32, "1.0 ", 4);
    be16_store(bytes + 58, 0x00a0);
    be16_store(bytes + 60, 0x0460);
    be16_store(bytes + 62, target->kind == SCSI_DVD ? 0x04e0 : 0x04c0);
    scsi_reply(request, bytes, sizeof(bytes), be16_load(request->cdb + 3));
}

/* Each fills a page from byte 4 on and returns how much. */
static size_t page_supported(const struct scsi_target *target, uint8_t *page);

static size_t page_serial(const struct scsi_target *target, uint8_t *page)
{
    char text[SERIAL_DIGITS];
    serial_text(target, text);
    memcpy(page + 4, text, sizeof(text));
    return sizeof(text);
}

static size_t page_identification(const struct scsi_target *target, uint8_t *page)
{
    struct hash hash;
    char text[SERIAL_DIGITS];
    uint8_t *to = page + 4;
    hash_init(&hash);
    hash_bytes(&hash, target->id, SCSI_ID_BYTES);
    serial_text(target, text);
    /* T10 vendor: ASCII, the vendor and the serial number. */
    memcpy(to, (const uint8_t[]){ 0x02, 0x01, 0x00, 8 + SERIAL_DIGITS }, 4);
    memcpy(to + 4, "Msft    ", 8);
    memcpy(to + 12, text, sizeof(text));
    to += 12 + SERIAL_DIGITS;
    /* NAA 3h, locally assigned: a number of the serial number. */
    memcpy(to, (const uint8_t[]){ 0x01, 0x03, 0x00, 8 }, 4);
    be64_store(to + 4, UINT64_C(3) << 60 | hash_value(&hash) >> 4);
    to += 12;
    return (size_t)(to - (page + 4));
}

static size_t page_block_limits(const struct scsi_target *target, uint8_t *page)
{
    const struct image *image = target->image;
    uint32_t sector = image == NULL ? IMAGE_SECTOR : image->logical_sector;
    uint32_t grain = image != NULL && image->block_bytes != 0 ? image->block_bytes : 4096;
    uint32_t physical = image == NULL ? sector : image->physical_sector;
    page[4] = 1;                                         /* WRITE SAME of no blocks is refused */
    be16_store(page + 6, (uint16_t)(physical / sector)); /* optimal transfer length granularity */
    be32_store(page + 8, SCSI_TRANSFER_MAX / sector);    /* maximum transfer length */
    be32_store(page + 20, UINT32_C(0x00400000));         /* blocks of one UNMAP descriptor */
    be32_store(page + 24, 256);                          /* descriptors of one UNMAP */
    be32_store(page + 28, grain / sector);               /* optimal unmap granularity */
    be32_store(page + 32, UINT32_C(0x80000000));         /* ... aligned to 0 */
    be64_store(page + 36, UINT32_C(0x00400000));         /* blocks of one WRITE SAME */
    return 0x3c;
}

static size_t page_characteristics(const struct scsi_target *target, uint8_t *page)
{
    (void)target;
    be16_store(page + 4, 1); /* does not rotate */
    return 0x3c;
}

static size_t page_provisioning(const struct scsi_target *target, uint8_t *page)
{
    bool thin = target->image != NULL && target->image->type != IMAGE_FIXED;
    page[5] =
        0x80 | 0x40 | 0x20 |
        0x04; /* UNMAP; WRITE SAME (16) and (10) with UNMAP; what is unmapped reads as zeros */
    page[6] = thin ? 2 : 1;
    return 4;
}

static const struct {
    uint8_t code;
    unsigned kinds;
    size_t (*fill)(const struct scsi_target *target, uint8_t *page);
} inquiry_pages[] = {
    { 0x00, SCSI_DISK | SCSI_DVD, page_supported },
    { 0x80, SCSI_DISK | SCSI_DVD, page_serial },
    { 0x83, SCSI_DISK | SCSI_DVD, page_identification },
    { 0xb0, SCSI_DISK, page_block_limits },
    { 0xb1, SCSI_DISK, page_characteristics },
    { 0xb2, SCSI_DISK, page_provisioning },
};

static size_t page_supported(const struct scsi_target *target, uint8_t *page)
{
    size_t n = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(inquiry_pages); i++) {
        if (inquiry_pages[i].kinds & target->kind) {
            page[4 + n++] = inquiry_pages[i].code;
        }
    }
    return n;
}

void scsi_inquiry(struct scsi_target *target, struct scsi_request *request)
{
    bool vital = (request->cdb[1] & 1) != 0;
    if ((request->cdb[1] & ~1) != 0 || (!vital && request->cdb[2] != 0)) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_CDB);
        return;
    }
    if (!vital) {
        inquiry_standard(target, request);
        return;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(inquiry_pages); i++) {
        if (inquiry_pages[i].code == request->cdb[2] && inquiry_pages[i].kinds & target->kind) {
            uint8_t page[128] = { device_type(target), request->cdb[2] };
            size_t n = inquiry_pages[i].fill(target, page);
            be16_store(page + 2, (uint16_t)n);
            scsi_reply(request, page, 4 + n, be16_load(request->cdb + 3));
            return;
        }
    }
    scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_CDB);
}

/* Of a unit that knows only itself; a controller answers for all of its units. */
void scsi_report_luns(struct scsi_target *target, struct scsi_request *request)
{
    uint8_t bytes[16] = { 0, 0, 0, 8 };
    (void)target;
    if (request->cdb[2] > 2 || be32_load(request->cdb + 6) < 16) {
        scsi_check(request, SCSI_SENSE_ILLEGAL_FIELD_IN_CDB);
        return;
    }
    bytes[3] = request->cdb[2] == 1 ? 0 : 8; /* no well known logical units */
    scsi_reply(request, bytes, request->cdb[2] == 1 ? 8 : 16, be32_load(request->cdb + 6));
}
