/* SCSI targets: every row of the command table by its preconditions, and a table of CDBs with what they must answer.
 * [SPC-4, SBC-3, MMC-6] */
#include "devices/scsi/scsi.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "tests/check/check_main.h"
#include "tests/support/image_store.h"

enum { BLOCKS = 8192, DISK_BYTES = BLOCKS * 512, DISC_BYTES = 100 * 2048 };

static struct image_store store;
static struct scsi_target disk, locked, disc, empty;
static struct scsi_request request;
static uint8_t data[SCSI_TRANSFER_MAX];
static const uint8_t id[SCSI_ID_BYTES] = { 1, 2, 3, 4 };

static struct image *open_image(const char *name, bool write)
{
    struct error error = { "" };
    struct image *image;
    ck_assert_msg(image_open(&store.env, name, write, &image, &error) == 0, "%s", error.text);
    return image;
}

static void setup(void)
{
    image_store_init(&store, 1);
    struct image_file *file = image_store_make(&store, "disk.img")->bytes;
    ck_assert_int_eq(image_file_resize(file, DISK_BYTES), 0);
    ck_assert_int_eq(image_file_write(file, 5 * 512, "five", 4), 0);
    image_store_copy(&store, "disk.img", "locked.img");
    file = image_store_make(&store, "disc.iso")->bytes;
    ck_assert_int_eq(image_file_resize(file, DISC_BYTES), 0);
    ck_assert_int_eq(image_file_write(file, 7 * 2048, "seven", 5), 0);
    scsi_target_init(&disk, SCSI_DISK, open_image("disk.img", true), id);
    scsi_target_init(&locked, SCSI_DISK, open_image("locked.img", false), id);
    scsi_target_init(&disc, SCSI_DVD, open_image("disc.iso", false), id);
    scsi_target_init(&empty, SCSI_DVD, NULL, id);
    disk.attention = locked.attention = disc.attention = empty.attention = 0;
}

static void teardown(void)
{
    struct scsi_target *all[] = { &disk, &locked, &disc, &empty };
    for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
        ck_assert_int_eq(scsi_target_fini(all[i]), 0);
    }
    ck_assert_uint_eq(store.opened, 0);
    image_store_fini(&store);
}

/* The sense that a CDB ends with. */
static unsigned run(struct scsi_target *target, const uint8_t *cdb, size_t n, bool to_device,
                    uint32_t length)
{
    memset(&request, 0x5a, sizeof(request));
    request.n_pieces = 0;
    memset(request.cdb, 0, sizeof(request.cdb));
    memcpy(request.cdb, cdb, n);
    request.data = data;
    request.length = length;
    request.to_device = to_device;
    scsi_execute(target, &request);
    if (request.status == SCSI_GOOD) {
        ck_assert_uint_le(request.transferred, length);
        return 0;
    }
    ck_assert_int_eq(request.status, SCSI_CHECK_CONDITION);
    ck_assert_uint_eq(request.sense[0] & 0x7f, 0x70);
    ck_assert_uint_eq(request.sense[7], 10);
    return (unsigned)request.sense[2] << 16 | (unsigned)request.sense[12] << 8 | request.sense[13];
}

#define RUN(target, to_device, length, ...)                                                        \
    run(target, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }),        \
        to_device, length)

START_TEST(every_row_refuses_what_all_commands_refuse)
{
    unsigned n = 0, refused = 0;
    for (const struct scsi_row *row; (row = scsi_row(n)) != NULL; n++) {
        uint8_t cdb[SCSI_CDB_BYTES] = { row->opcode };
        struct scsi_target *other = row->kinds & SCSI_DISK ? &disc : &disk;
        /* The CDB's length is the opcode's group. */
        static const unsigned lengths[] = { 6, 10, 10, 0, 16, 12, 12, 12 };
        ck_assert_uint_eq(row->cdb_bytes, lengths[row->opcode >> 5]);
        ck_assert(row->kinds == 0 || row->execute != NULL);
        ck_assert(n == 0 || scsi_row(n - 1)->opcode < row->opcode);
        if (row->kinds != (SCSI_DISK | SCSI_DVD)) {
            ck_assert_uint_eq(run(other, cdb, sizeof(cdb), false, 0), SCSI_SENSE_ILLEGAL_COMMAND);
            ck_assert(!request.unknown);
            refused++;
        }
        if (row->kinds == 0) {
            continue;
        }
        struct scsi_target *right = row->kinds & SCSI_DISK ? &disk : &disc;
        cdb[row->cdb_bytes - 1] = 4;
        ck_assert_uint_eq(run(right, cdb, sizeof(cdb), false, 0), SCSI_SENSE_ILLEGAL_FIELD_IN_CDB);
        cdb[row->cdb_bytes - 1] = 0;
        right->attention = SCSI_ATTENTION_POWER_ON;
        unsigned sense = run(right, cdb, sizeof(cdb), false, 0);
        bool exempt = row->opcode == 0x12 || row->opcode == 0xa0 || row->opcode == 0x03 ||
                      row->opcode == 0x46 || row->opcode == 0x4a;
        ck_assert_msg(exempt ? sense != SCSI_SENSE_ATTENTION_POWER_ON
                             : sense == SCSI_SENSE_ATTENTION_POWER_ON,
                      "%s: %x", row->name, sense);
        ck_assert_uint_eq(right->attention,
                          exempt && row->opcode != 0x03 ? SCSI_ATTENTION_POWER_ON : 0);
        right->attention = 0;
    }
    ck_assert_uint_gt(n, 60);
    ck_assert_uint_gt(refused, 20);
    ck_assert_uint_eq(RUN(&disk, false, 0, 0xc1), SCSI_SENSE_ILLEGAL_COMMAND);
    ck_assert(request.unknown);
}
END_TEST

START_TEST(commands_for_a_medium_need_one)
{
    static const uint8_t opcodes[] = { 0x00, 0x25, 0x28, 0x35, 0x43, 0x51, 0xa8, 0xad, 0xbe };
    for (unsigned i = 0; i < sizeof(opcodes); i++) {
        empty.tray_open = i % 2 != 0;
        ck_assert_uint_eq(RUN(&empty, false, 0, opcodes[i]),
                          empty.tray_open ? SCSI_SENSE_NOT_READY_NO_MEDIUM_TRAY_OPEN
                                          : SCSI_SENSE_NOT_READY_NO_MEDIUM_TRAY_CLOSED);
    }
}
END_TEST

START_TEST(writes_need_a_writable_medium)
{
    static const uint8_t opcodes[] = { 0x0a, 0x2a, 0xaa, 0x8a, 0x2e, 0xae, 0x8e, 0x41, 0x93, 0x42 };
    for (unsigned i = 0; i < sizeof(opcodes); i++) {
        ck_assert_uint_eq(RUN(&locked, true, 512, opcodes[i], 0, 0, 0, 1, 0, 0, 0, 1),
                          SCSI_SENSE_PROTECT_WRITE);
    }
}
END_TEST

#define E(name) SCSI_SENSE_##name
/* clang-format off */
static const struct {
    struct scsi_target *target;
    bool to_device;
    uint32_t length;
    uint8_t cdb[16];
    unsigned sense;
    uint32_t transferred;
    uint32_t at;           /* bytes of the answer from here */
    uint8_t n, bytes[12];
} rows[] = {
    { &disk, 0, 0, { 0x00 }, 0, 0, 0, 0, { 0 } },
    { &disk, 0, 96, { 0x12, 0, 0, 0, 96 }, 0, 96, 0, 12, { 0, 0, 6, 0x12, 91, 0, 0, 2, 'M', 's', 'f', 't' } },
    { &disc, 0, 96, { 0x12, 0, 0, 0, 36 }, 0, 36, 0, 8, { 5, 0x80, 6, 0x12, 91, 0, 0, 2 } },
    { &disk, 0, 96, { 0x12, 0, 1, 0, 96 }, E(ILLEGAL_FIELD_IN_CDB), 0, 0, 0, { 0 } },
    { &disk, 0, 96, { 0x12, 2, 0, 0, 96 }, E(ILLEGAL_FIELD_IN_CDB), 0, 0, 0, { 0 } },
    { &disk, 0, 255, { 0x12, 1, 0, 0, 255 }, 0, 10, 0, 10, { 0, 0, 0, 6, 0, 0x80, 0x83, 0xb0, 0xb1, 0xb2 } },
    { &disc, 0, 255, { 0x12, 1, 0, 0, 255 }, 0, 7, 0, 7, { 5, 0, 0, 3, 0, 0x80, 0x83 } },
    { &disk, 0, 255, { 0x12, 1, 0x80, 0, 255 }, 0, 36, 0, 12, { 0, 0x80, 0, 32, '0', '1', '0', '2', '0', '3', '0', '4' } },
    { &disk, 0, 255, { 0x12, 1, 0x83, 0, 255 }, 0, 60, 0, 8, { 0, 0x83, 0, 56, 2, 1, 0, 40 } },
    { &disk, 0, 255, { 0x12, 1, 0x83, 0, 255 }, 0, 60, 48, 4, { 1, 3, 0, 8 } },
    { &disk, 0, 255, { 0x12, 1, 0xb0, 0, 255 }, 0, 64, 0, 12, { 0, 0xb0, 0, 0x3c, 1, 0, 0, 1, 0, 0, 8, 0 } },
    { &disk, 0, 255, { 0x12, 1, 0xb0, 0, 255 }, 0, 64, 20, 12, { 0, 0x40, 0, 0, 0, 0, 1, 0, 0, 0, 0, 8 } },
    { &disk, 0, 255, { 0x12, 1, 0xb1, 0, 255 }, 0, 64, 0, 6, { 0, 0xb1, 0, 0x3c, 0, 1 } },
    { &disk, 0, 255, { 0x12, 1, 0xb2, 0, 255 }, 0, 8, 0, 8, { 0, 0xb2, 0, 4, 0, 0xe4, 1, 0 } },
    { &disc, 0, 255, { 0x12, 1, 0xb0, 0, 255 }, E(ILLEGAL_FIELD_IN_CDB), 0, 0, 0, { 0 } },
    { &disk, 0, 16, { 0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 16 }, 0, 16, 0, 9, { 0, 0, 0, 8, 0, 0, 0, 0, 0 } },
    { &disk, 0, 16, { 0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 15 }, E(ILLEGAL_FIELD_IN_CDB), 0, 0, 0, { 0 } },
    { &disk, 0, 16, { 0xa0, 0, 3, 0, 0, 0, 0, 0, 0, 16 }, E(ILLEGAL_FIELD_IN_CDB), 0, 0, 0, { 0 } },
    { &disk, 0, 18, { 0x03, 0, 0, 0, 18 }, 0, 18, 0, 8, { 0x70, 0, 0, 0, 0, 0, 0, 10 } },
    { &disk, 0, 18, { 0x03, 1, 0, 0, 18 }, E(ILLEGAL_FIELD_IN_CDB), 0, 0, 0, { 0 } },
    { &empty, 0, 18, { 0x03, 0, 0, 0, 18 }, 0, 18, 2, 12, { 2, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x3a, 1 } },
    { &disk, 0, 8, { 0x25 }, 0, 8, 0, 8, { 0, 0, 0x1f, 0xff, 0, 0, 2, 0 } },
    { &disk, 0, 8, { 0x25, 0, 0, 0, 0, 1 }, E(ILLEGAL_FIELD_IN_CDB), 0, 0, 0, { 0 } },
    { &disc, 0, 8, { 0x25 }, 0, 8, 0, 8, { 0, 0, 0, 99, 0, 0, 8, 0 } },
    { &disk, 0, 32, { 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32 }, 0, 32, 4, 11, { 0, 0, 0x1f, 0xff, 0, 0, 2, 0, 0, 0, 0xc0 } },
    { &disk, 0, 24, { 0x9e, 0x12, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 24 }, 0, 24, 12, 9, { 0, 0, 0, 5, 0, 0, 0x1f, 0xfb, 0 } },
    { &disk, 0, 24, { 0x9e, 0x12, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 24 }, E(ILLEGAL_LBA), 0, 0, 0, { 0 } },
    { &disk, 0, 24, { 0x9e, 0x13 }, E(ILLEGAL_FIELD_IN_CDB), 0, 0, 0, { 0 } },
    { &disk, 0, 512, { 0x08, 0, 0, 5, 1 }, 0, 512, 0, 4, { 'f', 'i', 'v', 'e' } },
    { &disk, 0, 131072, { 0x08, 0, 0, 5, 0 }, 0, 131072, 0, 4, { 'f', 'i', 'v', 'e' } },
    { &disk, 0, 512, { 0x28, 0, 0, 0, 0, 5, 0, 0, 1 }, 0, 512, 0, 4, { 'f', 'i', 'v', 'e' } },
    { &disk, 0, 512, { 0xa8, 0, 0, 0, 0, 5, 0, 0, 0, 1 }, 0, 512, 0, 4, { 'f', 'i', 'v', 'e' } },
    { &disk, 0, 512, { 0x88, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1 }, 0, 512, 0, 4, { 'f', 'i', 'v', 'e' } },
    { &disc, 0, 2048, { 0x28, 0, 0, 0, 0, 7, 0, 0, 1 }, 0, 2048, 0, 5, { 's', 'e', 'v', 'e', 'n' } },
    { &disk, 0, 0, { 0x28, 0, 0, 0, 0, 5, 0, 0, 0 }, 0, 0, 0, 0, { 0 } },
    { &disk, 0, 512, { 0x28, 0x20, 0, 0, 0, 5, 0, 0, 1 }, E(ILLEGAL_FIELD_IN_CDB), 0, 0, 0, { 0 } },
    { &disk, 0, 511, { 0x28, 0, 0, 0, 0, 5, 0, 0, 1 }, E(ILLEGAL_FIELD_IN_CDB), 0, 0, 0, { 0 } },
    { &disk, 0, 512, { 0x28, 0, 0, 0, 0x20, 0, 0, 0, 1 }, E(ILLEGAL_LBA), 0, 0, 0, { 0 } },
    { &disk, 0, 1024, { 0x28, 0, 0, 0, 0x1f, 0xff, 0, 0, 2 }, E(ILLEGAL_LBA), 0, 0, 0, { 0 } },
    { &disk, 0, 512, { 0x88, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1 }, E(ILLEGAL_LBA), 0, 0, 0, { 0 } },
    { &disk, 1, 512, { 0x2a, 0, 0, 0, 0, 9, 0, 0, 1 }, 0, 512, 0, 0, { 0 } },
    { &disk, 1, 512, { 0x2a, 8, 0, 0, 0, 9, 0, 0, 1 }, 0, 512, 0, 0, { 0 } },
    { &disk, 0, 512, { 0x2a, 0, 0, 0, 0, 9, 0, 0, 1 }, E(ILLEGAL_FIELD_IN_CDB), 0, 0, 0, { 0 } },
    { &disk, 1, 512, { 0x2a, 0, 0, 0, 0x20, 0, 0, 0, 1 }, E(ILLEGAL_LBA), 0, 0, 0, { 0 } },
    { &disk, 0, 0, { 0x35 }, 0, 0, 0, 0, { 0 } },
    { &disk, 0, 0, { 0x35, 0, 0, 0, 0x20, 0, 0, 0, 1 }, E(ILLEGAL_LBA), 0, 0, 0, { 0 } },
    { &disk, 0, 0, { 0x91 }, 0, 0, 0, 0, { 0 } },
    { &disk, 0, 0, { 0x2f, 0, 0, 0, 0, 5, 0, 0, 1 }, 0, 0, 0, 0, { 0 } },
    { &disk, 0, 0, { 0x2f, 4, 0, 0, 0, 5, 0, 0, 1 }, E(ILLEGAL_FIELD_IN_CDB), 0, 0, 0, { 0 } },
    { &disk, 1, 512, { 0x2f, 2, 0, 0, 0, 5, 0, 0, 1 }, E(MISCOMPARE), 0, 0, 0, { 0 } },
    { &disk, 1, 512, { 0x2f, 2, 0, 0, 0, 6, 0, 0, 1 }, 0, 512, 0, 0, { 0 } },
    { &disk, 1, 512, { 0x2f, 6, 0, 0, 0, 6, 0, 0, 9 }, 0, 512, 0, 0, { 0 } },
    { &disk, 1, 512, { 0x2f, 6, 0, 0, 0, 4, 0, 0, 9 }, E(MISCOMPARE), 0, 0, 0, { 0 } },
    { &disk, 1, 512, { 0x2f, 6, 0, 0, 0, 6, 0, 8, 0 }, 0, 512, 0, 0, { 0 } },
    { &disk, 1, 512, { 0x2f, 6, 0, 0, 0, 6, 0, 8, 1 }, E(ILLEGAL_FIELD_IN_CDB), 0, 0, 0, { 0 } },
    { &disk, 1, 512, { 0x93, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 9 }, 0, 512, 0, 0, { 0 } },
    { &disk, 1, 0, { 0x93, 1, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 9 }, 0, 0, 0, 0, { 0 } },
    { &disk, 1, 512, { 0x93, 0x10, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 9 }, E(ILLEGAL_FIELD_IN_CDB), 0, 0, 0, { 0 } },
    { &disk, 1, 512, { 0x93, 8, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0 }, E(ILLEGAL_FIELD_IN_CDB), 0, 0, 0, { 0 } },
    { &disk, 1, 256, { 0x41, 8, 0, 0, 0, 5, 0, 0, 1 }, E(ILLEGAL_FIELD_IN_CDB), 0, 0, 0, { 0 } },
    { &disk, 1, 24, { 0x42, 1, 0, 0, 0, 0, 0, 0, 24 }, E(ILLEGAL_FIELD_IN_CDB), 0, 0, 0, { 0 } },
    { &disk, 1, 24, { 0x42, 0, 0, 0, 0, 0, 0, 0, 7 }, E(ILLEGAL_PARAMETER_LENGTH), 0, 0, 0, { 0 } },
    { &disk, 1, 24, { 0x42, 0, 0, 0, 0, 0, 0, 0, 25 }, E(ILLEGAL_PARAMETER_LENGTH), 0, 0, 0, { 0 } },
    { &disk, 1, 24, { 0x42, 0, 0, 0, 0, 0, 0, 0, 0 }, 0, 0, 0, 0, { 0 } },
    { &disk, 0, 64, { 0x1a, 0, 0x08, 0, 64 }, 0, 32, 0, 12, { 31, 0, 0x10, 8, 0, 0, 0x20, 0, 0, 0, 2, 0 } },
    { &disk, 0, 64, { 0x1a, 0, 0x08, 0, 64 }, 0, 32, 12, 3, { 8, 0x12, 4 } },
    { &disk, 0, 64, { 0x1a, 8, 0x48, 0, 64 }, 0, 24, 4, 4, { 8, 0x12, 4, 0 } },
    { &locked, 0, 64, { 0x1a, 8, 0x08, 0, 64 }, 0, 24, 0, 4, { 23, 0, 0x90, 0 } },
    { &disk, 0, 200, { 0x5a, 8, 0x3f, 0, 0, 0, 0, 0, 200 }, 0, 8 + 12 + 20 + 12 + 12, 0, 9, { 0, 62, 0, 0x10, 0, 0, 0, 0, 1 } },
    { &disk, 0, 64, { 0x1a, 0, 0xc8, 0, 64 }, E(ILLEGAL_SAVING_PARAMETERS), 0, 0, 0, { 0 } },
    { &disk, 0, 64, { 0x1a, 0, 0x05, 0, 64 }, E(ILLEGAL_FIELD_IN_CDB), 0, 0, 0, { 0 } },
    { &disc, 0, 64, { 0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 64 }, 0, 30, 8, 4, { 0x2a, 0x14, 0x0b, 0 } },
    { &disk, 1, 4, { 0x15, 0, 0, 0, 4 }, E(ILLEGAL_FIELD_IN_CDB), 0, 0, 0, { 0 } },
    { &disk, 1, 4, { 0x15, 0x11, 0, 0, 4 }, E(ILLEGAL_FIELD_IN_CDB), 0, 0, 0, { 0 } },
    { &disk, 1, 4, { 0x15, 0x10, 0, 0, 5 }, E(ILLEGAL_PARAMETER_LENGTH), 0, 0, 0, { 0 } },
    { &disk, 1, 4, { 0x15, 0x10, 0, 0, 4 }, 0, 4, 0, 0, { 0 } },
    { &disk, 0, 0, { 0x1d, 4 }, 0, 0, 0, 0, { 0 } },
    { &disk, 0, 0, { 0x1d, 0, 0, 0, 4 }, E(ILLEGAL_FIELD_IN_CDB), 0, 0, 0, { 0 } },
    { &disk, 0, 0, { 0x5e, 0 }, E(ILLEGAL_COMMAND), 0, 0, 0, { 0 } },
    { &disk, 0, 0, { 0x5f, 0 }, E(ILLEGAL_COMMAND), 0, 0, 0, { 0 } },
    { &disc, 0, 64, { 0x46, 2, 0, 0, 0, 0, 0, 0, 64 }, 0, 20, 0, 12, { 0, 0, 0, 16, 0, 0, 0, 8, 0, 0, 3, 8 } },
    { &empty, 0, 64, { 0x46, 2, 0, 0, 0, 0, 0, 0, 64 }, 0, 20, 6, 2, { 0, 0 } },
    { &disc, 0, 64, { 0x46, 3 }, E(ILLEGAL_FIELD_IN_CDB), 0, 0, 0, { 0 } },
    { &disc, 0, 8, { 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8 }, 0, 8, 0, 6, { 0, 6, 4, 0x10, 2, 2 } },
    { &disc, 0, 8, { 0x4a, 1, 0, 0, 0x02, 0, 0, 0, 8 }, 0, 4, 0, 4, { 0, 2, 0x80, 0x10 } },
    { &disc, 0, 8, { 0x4a, 0, 0, 0, 0x10, 0, 0, 0, 8 }, E(ILLEGAL_FIELD_IN_CDB), 0, 0, 0, { 0 } },
    { &disc, 0, 20, { 0x43, 0, 0, 0, 0, 0, 0, 0, 20 }, 0, 20, 0, 12, { 0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0 } },
    { &disc, 0, 20, { 0x43, 2, 0, 0, 0, 0, 0xaa, 0, 20 }, 0, 12, 4, 8, { 0, 0x14, 0xaa, 0, 0, 0, 3, 25 } },
    { &disc, 0, 20, { 0x43, 0, 1, 0, 0, 0, 0, 0, 20 }, 0, 12, 0, 8, { 0, 10, 1, 1, 0, 0x14, 1, 0 } },
    { &disc, 0, 20, { 0x43, 0, 0, 0, 0, 0, 2, 0, 20 }, E(ILLEGAL_FIELD_IN_CDB), 0, 0, 0, { 0 } },
    { &disc, 0, 34, { 0x51, 0, 0, 0, 0, 0, 0, 0, 34 }, 0, 34, 0, 7, { 0, 32, 0x0e, 1, 1, 1, 1 } },
    { &disc, 0, 36, { 0x52, 1, 0, 0, 0, 1, 0, 0, 36 }, 0, 36, 0, 7, { 0, 34, 1, 1, 0, 4, 1 } },
    { &disc, 0, 36, { 0x52, 0, 0, 0, 0, 99, 0, 0, 36 }, 0, 36, 24, 4, { 0, 0, 0, 100 } },
    { &disc, 0, 36, { 0x52, 0, 0, 0, 0, 100, 0, 0, 36 }, E(ILLEGAL_FIELD_IN_CDB), 0, 0, 0, { 0 } },
    { &disc, 0, 8, { 0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8 }, 0, 8, 0, 6, { 0, 0, 0, 0, 0, 1 } },
    { &disc, 0, 2048, { 0xbe, 0, 0, 0, 0, 7, 0, 0, 1, 0x10 }, 0, 2048, 0, 5, { 's', 'e', 'v', 'e', 'n' } },
    { &disc, 0, 2352, { 0xbe, 0, 0, 0, 0, 7, 0, 0, 1, 0xf8 }, E(ILLEGAL_MODE_FOR_TRACK), 0, 0, 0, { 0 } },
    { &disc, 0, 2048, { 0xbe, 0, 0, 0, 0, 100, 0, 0, 1, 0x10 }, E(ILLEGAL_LBA), 0, 0, 0, { 0 } },
    { &disc, 0, 64, { 0xad, 0, 0, 0, 0, 0, 0, 0, 0, 64 }, E(ILLEGAL_FIELD_IN_CDB), 0, 0, 0, { 0 } },
    { &disc, 0, 0, { 0xbb }, 0, 0, 0, 0, { 0 } },
};
/* clang-format on */

START_TEST(a_command_answers_as_its_standard_says)
{
    memset(data, rows[_i].to_device ? 0 : 0xee, sizeof(data));
    unsigned sense = run(rows[_i].target, rows[_i].cdb, 16, rows[_i].to_device, rows[_i].length);
    ck_assert_msg(sense == rows[_i].sense, "%s, not %s", scsi_sense_name(sense),
                  scsi_sense_name(rows[_i].sense));
    ck_assert_uint_eq(request.transferred, rows[_i].transferred);
    for (unsigned i = 0; i < rows[_i].n; i++) {
        ck_assert_msg(data[rows[_i].at + i] == rows[_i].bytes[i], "byte %u: %02x", i,
                      data[rows[_i].at + i]);
    }
    if (sense == SCSI_SENSE_ILLEGAL_LBA && rows[_i].cdb[2] != 0xff) {
        ck_assert_uint_eq(request.sense[0], 0xf0);
    }
}
END_TEST

START_TEST(what_is_written_is_read)
{
    memset(data, 0x11, 4096);
    ck_assert_uint_eq(RUN(&disk, true, 4096, 0x8a, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 8), 0);
    memset(data, 0, 4096);
    ck_assert_uint_eq(RUN(&disk, false, 512, 0x28, 0, 0, 0, 0, 23, 0, 0, 1), 0);
    ck_assert(data[0] == 0x11 && data[511] == 0x11);
    /* UNMAP of two ranges; the blocks between stay. */
    memset(data, 0, 40);
    be16_store(data, 38);
    be16_store(data + 2, 32);
    be64_store(data + 8, 16);
    be32_store(data + 16, 2);
    be64_store(data + 24, 20);
    be32_store(data + 32, 4);
    ck_assert_uint_eq(RUN(&disk, true, 40, 0x42, 0, 0, 0, 0, 0, 0, 0, 40), 0);
    ck_assert_uint_eq(RUN(&disk, false, 4096, 0x28, 0, 0, 0, 0, 16, 0, 0, 8), 0);
    ck_assert(data[0] == 0 && data[1023] == 0 && data[1024] == 0x11 && data[2047] == 0x11 &&
              data[2048] == 0);
    /* WRITE SAME of a block that is not zeros. */
    memset(data, 0x22, 512);
    ck_assert_uint_eq(RUN(&disk, true, 512, 0x41, 0, 0, 0, 0, 16, 0, 1, 0), 0);
    ck_assert_uint_eq(RUN(&disk, false, 512, 0x28, 0, 0, 0, 1, 15, 0, 0, 1), 0);
    ck_assert(data[0] == 0x22 && data[511] == 0x22);
    /* An UNMAP with one bad range changes nothing. */
    memset(data, 0, 40);
    be16_store(data + 2, 32);
    be64_store(data + 8, 16);
    be32_store(data + 16, 2);
    be64_store(data + 24, BLOCKS);
    be32_store(data + 32, 1);
    ck_assert_uint_eq(RUN(&disk, true, 40, 0x42, 0, 0, 0, 0, 0, 0, 0, 40), SCSI_SENSE_ILLEGAL_LBA);
    ck_assert_uint_eq(RUN(&disk, false, 512, 0x28, 0, 0, 0, 0, 16, 0, 0, 1), 0);
    ck_assert(data[0] == 0x22);
}
END_TEST

/* Flushes that reach the file, by the recording file. */
static size_t flushes(void)
{
    const struct store_file *file = image_store_find(&store, "disk.img");
    size_t n = 0;
    for (size_t i = 0; i < file->n_ops; i++) {
        n += file->ops[i].kind == STORE_FLUSH;
    }
    return n;
}

START_TEST(the_write_cache_is_flushed_when_it_must_be)
{
    uint8_t page[24] = { 0 };
    store_file_record(image_store_find(&store, "disk.img"));
    ck_assert_uint_eq(RUN(&disk, true, 512, 0x2a, 0, 0, 0, 0, 9, 0, 0, 1), 0);
    ck_assert_uint_eq(flushes(), 0);
    ck_assert_uint_eq(RUN(&disk, true, 512, 0x2a, 8, 0, 0, 0, 9, 0, 0, 1), 0); /* FUA */
    ck_assert_uint_eq(flushes(), 1);
    ck_assert_uint_eq(RUN(&disk, false, 0, 0x35), 0);
    ck_assert_uint_eq(flushes(), 2);
    /* The cache off by MODE SELECT: every write goes through. */
    ck_assert_uint_eq(RUN(&disk, false, 64, 0x1a, 8, 8, 0, 64), 0);
    memcpy(page, data, sizeof(page));
    page[0] = page[2] = 0;
    page[4 + 2] = 0;
    memcpy(data, page, sizeof(page));
    ck_assert_uint_eq(RUN(&disk, true, 24, 0x15, 0x10, 0, 0, 24), 0);
    size_t before = flushes();
    ck_assert_uint_eq(RUN(&disk, true, 512, 0x2a, 0, 0, 0, 0, 9, 0, 0, 1), 0);
    ck_assert_uint_eq(flushes(), before + 1);
    ck_assert_uint_eq(RUN(&disk, false, 64, 0x1a, 8, 8, 0, 64), 0);
    ck_assert_uint_eq(data[4 + 2], 0);
    /* What may not change is refused. */
    page[4 + 3] = 1;
    memcpy(data, page, sizeof(page));
    ck_assert_uint_eq(RUN(&disk, true, 24, 0x15, 0x10, 0, 0, 24),
                      SCSI_SENSE_ILLEGAL_FIELD_IN_PARAMETERS);
}
END_TEST

START_TEST(a_failing_host_is_told_as_sense)
{
    store.fail_after = 1;
    ck_assert_uint_eq(RUN(&disk, true, 512, 0x2a, 0, 0, 0, 0, 9, 0, 0, 1),
                      SCSI_SENSE_MEDIUM_WRITE_ERROR);
    ck_assert_uint_eq(be32_load(request.sense + 3), 9);
    store.fail_after = 1;
    ck_assert_uint_eq(RUN(&disk, false, 0, 0x35), SCSI_SENSE_MEDIUM_WRITE_ERROR);
    ck_assert_uint_eq(RUN(&disk, true, 512, 0x2a, 0, 0, 0, 0, 9, 0, 0, 1),
                      SCSI_SENSE_MEDIUM_WRITE_ERROR);
    disk.image->failed = false; /* so that it closes well */
}
END_TEST

START_TEST(a_medium_comes_and_goes)
{
    ck_assert_uint_eq(RUN(&disc, false, 0, 0x1e, 0, 0, 0, 1), 0);
    ck_assert_uint_eq(RUN(&disc, false, 0, 0x1b, 0, 0, 0, 2),
                      SCSI_SENSE_ILLEGAL_MEDIUM_REMOVAL_PREVENTED);
    ck_assert_int_eq(scsi_target_change_medium(&disc, NULL, false), -EBUSY);
    ck_assert_uint_eq(RUN(&disc, false, 8, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), 0);
    ck_assert_uint_eq(data[4], 1); /* eject requested */
    ck_assert_uint_eq(RUN(&disc, false, 0, 0x1e), 0);
    ck_assert_uint_eq(RUN(&disc, false, 0, 0x1b, 0, 0, 0, 2), 0);
    ck_assert_uint_eq(RUN(&disc, false, 0, 0x00), SCSI_SENSE_NOT_READY_NO_MEDIUM_TRAY_OPEN);
    ck_assert_uint_eq(RUN(&disc, false, 8, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), 0);
    ck_assert(data[4] == 3 && data[5] == 1);
    ck_assert_int_eq(scsi_target_change_medium(&disc, open_image("disc.iso", false), false), 0);
    ck_assert_uint_eq(RUN(&disc, false, 0, 0x00), SCSI_SENSE_ATTENTION_MEDIUM_CHANGED);
    ck_assert_uint_eq(RUN(&disc, false, 0, 0x00), 0);
    ck_assert_uint_eq(RUN(&disc, false, 8, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), 0);
    ck_assert(data[4] == 2 && data[5] == 2);
    ck_assert_int_eq(scsi_target_change_medium(&disk, NULL, true), -EINVAL);
}
END_TEST

START_TEST(where_no_unit_is)
{
    request = (struct scsi_request){ .cdb = { 0x12, 0, 0, 0, 36 }, .data = data, .length = 96 };
    scsi_execute_no_unit(&request);
    ck_assert_int_eq(request.status, SCSI_GOOD);
    ck_assert(request.transferred == 36 && data[0] == 0x7f);
    request = (struct scsi_request){ .cdb = { 0x00 } };
    scsi_execute_no_unit(&request);
    ck_assert(request.status == SCSI_CHECK_CONDITION && request.sense[2] == 5 &&
              request.sense[12] == 0x25);
}
END_TEST

static Suite *suite_scsi(void)
{
    Suite *suite = suite_create("devices/scsi/scsi");
    TCase *tcase = tcase_create("scsi");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, every_row_refuses_what_all_commands_refuse);
    tcase_add_test(tcase, commands_for_a_medium_need_one);
    tcase_add_test(tcase, writes_need_a_writable_medium);
    tcase_add_loop_test(tcase, a_command_answers_as_its_standard_says, 0, (int)ARRAY_SIZE(rows));
    tcase_add_test(tcase, what_is_written_is_read);
    tcase_add_test(tcase, the_write_cache_is_flushed_when_it_must_be);
    tcase_add_test(tcase, a_failing_host_is_told_as_sense);
    tcase_add_test(tcase, a_medium_comes_and_goes);
    tcase_add_test(tcase, where_no_unit_is);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_scsi())
