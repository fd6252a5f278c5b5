/* Fuzz target: any CDBs with any data, on a disk and on a drive. [SPC-4, SBC-3, MMC-6] */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/scsi/scsi.h"
#include "tests/support/image_store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct image *fuzz_image(struct image_store *store, const char *name, const char *format,
                                uint64_t bytes)
{
    struct error error;
    struct image *image = NULL;
    struct image_new facts = { .env = &store->env, .size_bytes = bytes, .block_bytes = 1 << 14 };
    facts.type = strcmp(format, "vhd") == 0 ? IMAGE_DYNAMIC : IMAGE_FIXED;
    if (image_create(name, image_format_named(format), &facts, &error) != 0 ||
        image_open(&store->env, name, true, &image, &error) != 0) {
        abort();
    }
    return image;
}

enum { TARGETS = 3, RAW = 0x80, FLIP = 0x40 };

/* A CDB of a command that there is, with places and lengths near those that make sense; pages, service actions and flags of the input. */
static void fuzz_cdb(const uint8_t *how, struct scsi_request *request)
{
    static const uint8_t pages[] = { 0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2,
                                     0x01, 0x08, 0x0a, 0x1c, 0x2a, 0x3f };
    unsigned n_rows = 0;
    uint8_t *cdb = request->cdb;

    while (scsi_row(n_rows) != NULL) {
        n_rows++;
    }
    const struct scsi_row *row = scsi_row(how[0] % n_rows);
    memset(cdb, 0, SCSI_CDB_BYTES);
    cdb[0] = row->opcode;
    cdb[1] = how[1] & 8 ? how[2] : 0;
    request->to_device = row->opcode == 0x15 || row->opcode == 0x55 || row->opcode == 0x42 ||
                         strncmp(row->name, "WRITE", 5) == 0;
    switch (row->cdb_bytes) {
    case 6:
        cdb[3] = how[3];
        cdb[4] = how[4];
        break;
    case 10:
        be32_store(cdb + 2, how[3] * 8u);
        be16_store(cdb + 7, how[4]);
        break;
    case 12:
        be32_store(cdb + 2, how[3] * 8u);
        be32_store(cdb + 6, how[4]);
        break;
    default:
        be64_store(cdb + 2, how[3] * 8u);
        be32_store(cdb + 10, how[4]);
        break;
    }
    if (row->opcode == 0x9e) {
        cdb[1] = how[1] & 1 ? 0x10 : 0x12;
    } else if (row->opcode == 0x12 || row->opcode == 0x1a || row->opcode == 0x5a) {
        cdb[1] = row->opcode == 0x12 ? how[1] & 1 : how[2] & 8;
        cdb[2] = (how[1] & 2) == 0 ? pages[how[3] % ARRAY_SIZE(pages)] : how[3];
        cdb[3] = 0;
    } else if (row->opcode == 0x15 || row->opcode == 0x55) {
        cdb[1] |= 0x10;
    } else if (row->opcode == 0xad) {
        memset(cdb + 2, 0, 6);
        cdb[7] = how[3] % 4;
        be16_store(cdb + 8, how[4] * 16u);
    } else if (row->opcode == 0xbe && (how[1] & 2) == 0) {
        memset(cdb + 6, 0, 3);
        cdb[8] = how[4] % 8;
        cdb[9] = 0x10;
    }
}

/* Parameters of the commands that have any: UNMAP's list, a mode page as the target told it last. */
static size_t fuzz_parameters(struct scsi_request *request, const uint8_t *told, size_t n_told,
                              const uint8_t *data, size_t n)
{
    size_t count = 0;

    if (request->cdb[0] == 0x42 && request->length >= 64) {
        for (; count < 3 && count * 2 + 2 <= n; count++) {
            uint8_t *row = request->data + 8 + 16 * count;
            be64_store(row, data[2 * count] * 8u);
            be32_store(row + 8, data[2 * count + 1]);
        }
        be16_store(request->data, (uint16_t)(6 + 16 * count));
        be16_store(request->data + 2, (uint16_t)(16 * count));
        be16_store(request->cdb + 7, (uint16_t)(8 + 16 * count));
        return 2 * count;
    }
    bool mode = request->cdb[0] == 0x15 || request->cdb[0] == 0x55;
    if (mode && n >= 2 && n_told >= 4 && n_told <= request->length) {
        memcpy(request->data, told, n_told);
        request->data[0] = 0;
        request->data[data[0] % n_told] ^= data[1];
        request->cdb[request->cdb[0] == 0x15 ? 4 : 8] = (uint8_t)n_told;
        return 2;
    }
    n = n < request->length ? n : request->length;
    n = n < 64 ? n : 64;
    memcpy(request->data, data, n);
    return n;
}

/* Targets: a dynamic disk, a CD, a DVD. Requests: which target and how long the data, the CDB raw or made, the data. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const uint8_t id[SCSI_ID_BYTES] = { 1 };
    static const uint32_t lengths[] = { 0, 8, 64, 512, 4096, 40, 2048, 131072 };
    struct image_store *store = calloc(1, sizeof(*store));
    struct scsi_target targets[TARGETS];
    uint8_t told[256];
    size_t n_told = 0;
    if (store == NULL) {
        abort();
    }
    image_store_init(store, 1);
    scsi_target_init(&targets[0], SCSI_DISK, fuzz_image(store, "disk", "vhd", 1 << 20), id);
    scsi_target_init(&targets[1], SCSI_DVD, fuzz_image(store, "cd.img", "raw", 1 << 20), id);
    scsi_target_init(&targets[2], SCSI_DVD, fuzz_image(store, "dvd.img", "raw", 1 << 30), id);
    targets[1].image->logical_sector = targets[2].image->logical_sector = 2048;
    while (n >= 1 + SCSI_CDB_BYTES) {
        struct scsi_request request = { .length = lengths[data[0] >> 2 & 7],
                                        .to_device = (data[0] & FLIP) != 0 };
        struct scsi_target *target = &targets[(data[0] & 3) % TARGETS];
        size_t head = 1 + SCSI_CDB_BYTES;
        if (data[0] & RAW) {
            memcpy(request.cdb, data + 1, SCSI_CDB_BYTES);
        } else {
            head = 6;
            fuzz_cdb(data + 1, &request);
            request.to_device ^= (data[0] & FLIP) != 0;
        }
        data += head;
        n -= head;
        request.data = calloc(1, request.length + 1);
        if (request.data == NULL) {
            abort();
        }
        size_t taken = request.to_device ? fuzz_parameters(&request, told, n_told, data, n) : 0;
        data += taken;
        n -= taken;
        scsi_execute(target, &request);
        if (request.transferred > request.length) {
            abort();
        }
        if (request.cdb[0] == 0x1a && request.transferred <= sizeof(told)) {
            n_told = request.transferred;
            memcpy(told, request.data, n_told);
        }
        free(request.data);
    }
    for (unsigned i = 0; i < TARGETS; i++) {
        (void)scsi_target_fini(&targets[i]);
    }
    image_store_fini(store);
    free(store);
    return 0;
}
