/* storvsp: the protocol's states and versions, requests over rings with guest memory, completions at their instant, closing, resets,
 * disks that come and go. [LINUX drivers/scsi/storvsc_drv.c] */
#include "devices/synthetic/storvsp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "tests/check/check_main.h"
#include "tests/support/image_store.h"
#include "tests/support/vmbus_rig.h"

enum { RINGS_AT = 8, DATA_AT = 64, DISK_BYTES = 4 << 20, MILLISECOND = 1000000 };

static struct vmbus_rig *rig;
static struct image_store store;
static struct io_pool pool;
static struct clock clk; /* outlives the rig */
static struct storvsp *storvsp;
static struct rig_ring to_host, to_guest;
static uint32_t relid;
static uint8_t reply[4096]; /* descriptor, then the vstor packet */
static uint8_t *const answered = reply + 16;

static void add_disk(unsigned lun, const char *name)
{
    struct error error = { "" };
    struct image *image;
    struct image_file *file = image_store_make(&store, name)->bytes;
    ck_assert_int_eq(image_file_resize(file, DISK_BYTES), 0);
    ck_assert_int_eq(image_open(&store.env, name, true, &image, &error), 0);
    vmbus_device_lock(&storvsp->vmbus);
    ck_assert_int_eq(storvsp_attach(storvsp, lun, SCSI_DISK, image), 0);
    vmbus_device_unlock(&storvsp->vmbus);
}

/* Until a relid is offered that has this device's class. */
static uint32_t offered(void)
{
    const struct rig_message *message;
    uint32_t found = 0;
    while ((message = rig_next(rig)) != NULL) {
        if (le32_load(message->bytes) == 1 && le32_load(message->bytes + 8) == 0xba6163d9) {
            found = le32_load(message->bytes + 184);
        }
    }
    return found;
}

static void setup(void)
{
    struct error error = { "" };
    clock_init(&clk, CLOCK_MODE_VIRTUAL);
    rig = vmbus_rig_create();
    image_store_init(&store, 1);
    ck_assert_int_eq(io_pool_init(&pool, &error), 0);
    storvsp = calloc(1, sizeof(*storvsp));
    const struct storvsp_world world = { &clk, NULL, 2, &pool, 4 };
    ck_assert_int_eq(storvsp_init(storvsp, &world, false, 0), 0);
    add_disk(0, "zero.img");
    add_disk(3, "three.img");
    (void)rig_connect(rig);
    while (rig_next(rig) != NULL) {
    }
    vmbus_server_add(&rig->server, &storvsp->vmbus);
    vmbus_server_work(&rig->server);
    relid = offered();
    ck_assert_uint_ne(relid, 0);
    ck_assert(rig_open_at(rig, relid, RINGS_AT));
    to_host = rig_ring_out(rig, RINGS_AT);
    to_guest = rig_ring_in(rig, RINGS_AT);
}

static void teardown(void)
{
    vmbus_rig_destroy(rig);
    ck_assert_int_eq(storvsp_fini(storvsp), 0);
    free(storvsp);
    io_pool_fini(&pool);
    clock_fini(&clk);
    ck_assert_uint_eq(store.opened, 0);
    image_store_fini(&store);
}

static void pass(uint64_t ns)
{
    clock_advance(&clk, ns);
    (void)clock_run(&clk);
    vmbus_server_work(&rig->server);
}

/* The next packet of the host: its transaction; UINT64_MAX: none. */
static uint64_t get(void)
{
    bool signal;
    memset(reply, 0xee, sizeof(reply));
    return rig_get(&to_guest, reply, sizeof(reply), &signal) == 0 ? UINT64_MAX
                                                                  : le64_load(reply + 8);
}

static void put(const uint8_t *packet, uint32_t n, uint64_t transaction)
{
    bool signal;
    ck_assert(rig_put(&to_host, VMBUS_PACKET_INBAND, VMBUS_PACKET_FLAG_COMPLETE, transaction, NULL,
                      0, packet, n, &signal));
    vmbus_server_signaled(&rig->server, relid);
    vmbus_server_work(&rig->server);
}

/* An operation without data, whose answer comes at once: its status. */
static uint32_t ask(uint32_t operation, uint16_t value)
{
    uint8_t packet[VSTOR_PACKET_BYTES] = { 0 };
    le32_store(packet, operation);
    le16_store(packet + VSTOR_HEAD_BYTES, value);
    put(packet, sizeof(packet), 77 + operation);
    ck_assert_uint_eq(get(), 77 + operation);
    ck_assert_uint_eq(le16_load(reply), VMBUS_PACKET_COMPLETION);
    ck_assert_uint_eq(le32_load(answered), VSTOR_COMPLETE_IO);
    return le32_load(answered + VSTOR_STATUS);
}

static void initialize(uint16_t version)
{
    ck_assert_uint_eq(ask(VSTOR_BEGIN_INITIALIZATION, 0), 0);
    ck_assert_uint_eq(ask(VSTOR_QUERY_PROTOCOL_VERSION, version), 0);
    ck_assert_uint_eq(ask(VSTOR_QUERY_PROPERTIES, 0), 0);
    ck_assert_uint_eq(ask(VSTOR_END_INITIALIZATION, 0), 0);
}

/* A request over data pages from DATA_AT on, `offset` in the first. */
static void srb(uint8_t lun, bool to_device, uint32_t length, uint32_t offset, const uint8_t *cdb,
                uint64_t transaction)
{
    uint8_t packet[VSTOR_PACKET_BYTES] = { 0 }, header[8 + 8 + 64 * 8] = { 0 };
    uint32_t pages = (offset + length + 4095) / 4096;
    bool signal;
    le32_store(packet, VSTOR_EXECUTE_SRB);
    le16_store(packet + VSTOR_SRB_LENGTH, 52);
    packet[VSTOR_LUN] = lun;
    packet[VSTOR_CDB_LENGTH] = 16;
    packet[VSTOR_SENSE_LENGTH] = 20;
    packet[VSTOR_DATA_IN] = to_device ? 0 : 1;
    le32_store(packet + VSTOR_TRANSFER_LENGTH, length);
    memcpy(packet + VSTOR_CDB, cdb, 16);
    le32_store(header + 4, 1);
    le32_store(header + 8, length);
    le32_store(header + 12, offset);
    for (uint32_t i = 0; i < pages; i++) {
        le64_store(header + 16 + i * 8, DATA_AT + i);
    }
    ck_assert(length == 0 ? rig_put(&to_host, VMBUS_PACKET_INBAND, 1, transaction, NULL, 0, packet,
                                    sizeof(packet), &signal)
                          : rig_put(&to_host, VMBUS_PACKET_GPA_DIRECT, 1, transaction, header,
                                    16 + pages * 8, packet, sizeof(packet), &signal));
    vmbus_server_signaled(&rig->server, relid);
    vmbus_server_work(&rig->server);
}

static uint8_t *guest(uint64_t gpfn)
{
    return rig_ring(rig, gpfn, 2).control;
}

#define CDB(...) ((const uint8_t[16]){ __VA_ARGS__ })

START_TEST(every_operation_has_its_states)
{
    static const struct {
        uint32_t operation;
        const char *allowed; /* in the states New, Begun, Agreed, Told, Ready */
    } rows[] = {
        { 0, "" },
        { VSTOR_COMPLETE_IO, "" },
        { VSTOR_REMOVE_DEVICE, "" },
        { 14, "" },
        { VSTOR_ENUMERATE_BUS, "" },
        { VSTOR_FCHBA_DATA, "" },
        { 0xffffffff, "" },
        { VSTOR_RESET_LUN, "R" },
        { VSTOR_RESET_ADAPTER, "R" },
        { VSTOR_RESET_BUS, "R" },
        { VSTOR_BEGIN_INITIALIZATION, "N" },
        { VSTOR_QUERY_PROTOCOL_VERSION, "B" },
        { VSTOR_QUERY_PROPERTIES, "ATR" },
        { VSTOR_END_INITIALIZATION, "T" },
        { VSTOR_CREATE_SUB_CHANNELS, "R" },
    };
    static const struct {
        char letter;
        uint32_t state;
    } states[] = { { 'N', VSTOR_NEW },
                   { 'B', VSTOR_BEGUN },
                   { 'A', VSTOR_AGREED },
                   { 'T', VSTOR_PROPERTIES_TOLD },
                   { 'R', VSTOR_READY } };
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        for (unsigned s = 0; s < ARRAY_SIZE(states); s++) {
            storvsp->state = states[s].state;
            uint32_t status = ask(rows[i].operation,
                                  rows[i].operation == VSTOR_QUERY_PROTOCOL_VERSION ? 0x602 : 0);
            bool allowed = strchr(rows[i].allowed, states[s].letter) != NULL;
            uint32_t expected = allowed                      ? VSTOR_STATUS_SUCCESS
                                : rows[i].allowed[0] == '\0' ? VSTOR_STATUS_NOT_SUPPORTED
                                                             : VSTOR_STATUS_INVALID_DEVICE_STATE;
            ck_assert_msg(status == expected, "operation %u in %c: %x", rows[i].operation,
                          states[s].letter, status);
        }
    }
}
END_TEST

START_TEST(versions_are_agreed_on)
{
    static const struct {
        uint16_t version;
        bool known;
    } rows[] = { { 0x0200, true }, { 0x0402, true },  { 0x0501, true },  { 0x0600, true },
                 { 0x0602, true }, { 0x0700, false }, { 0x0000, false }, { 0x0502, false } };
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        storvsp->state = VSTOR_BEGUN;
        storvsp->version = 0;
        ck_assert_uint_eq(ask(VSTOR_QUERY_PROTOCOL_VERSION, rows[i].version),
                          rows[i].known ? 0 : VSTOR_STATUS_REVISION_MISMATCH);
        ck_assert_uint_eq(storvsp->state, rows[i].known ? VSTOR_AGREED : VSTOR_BEGUN);
    }
}
END_TEST

START_TEST(properties_and_sub_channels)
{
    initialize(0x602);
    ck_assert_uint_eq(ask(VSTOR_QUERY_PROPERTIES, 0), 0);
    ck_assert_uint_eq(le16_load(answered + VSTOR_PROPERTIES_CHANNELS), 3);
    ck_assert_uint_eq(le32_load(answered + VSTOR_PROPERTIES_FLAGS), 1);
    ck_assert_uint_eq(le32_load(answered + VSTOR_PROPERTIES_TRANSFER), 1 << 20);
    ck_assert_uint_eq(ask(VSTOR_CREATE_SUB_CHANNELS, 4), VSTOR_STATUS_INVALID_PARAMETER);
    ck_assert_uint_eq(offered(), 0);
    ck_assert_uint_eq(ask(VSTOR_CREATE_SUB_CHANNELS, 3), 0);
    ck_assert_uint_ne(offered(), 0);
    ck_assert_uint_eq(storvsp->vmbus.n_channels, 4);
}
END_TEST

START_TEST(data_goes_both_ways)
{
    initialize(0x602);
    uint8_t *bytes = guest(DATA_AT) + 100;
    for (unsigned i = 0; i < 8192; i++) {
        bytes[i] = (uint8_t)(i * 7);
    }
    srb(3, false, 0, 0, CDB(0), 1); /* takes the attention of power-on */
    pass(MILLISECOND);
    ck_assert_uint_eq(get(), 1);
    ck_assert_uint_eq(answered[VSTOR_SRB_STATUS], VSTOR_SRB_ERROR | VSTOR_SRB_AUTOSENSE_VALID);
    ck_assert_uint_eq(answered[VSTOR_SCSI_STATUS], 2);
    ck_assert_uint_eq(answered[VSTOR_SENSE_LENGTH], 18);
    ck_assert(answered[VSTOR_CDB] == 0x70 && answered[VSTOR_CDB + 2] == 6 &&
              answered[VSTOR_CDB + 12] == 0x29);
    srb(3, true, 8192, 100, CDB(0x2a, 0, 0, 0, 0, 5, 0, 0, 16), 2);
    ck_assert_uint_eq(get(), UINT64_MAX); /* not before its instant */
    pass(MILLISECOND);
    ck_assert_uint_eq(get(), 2);
    ck_assert_uint_eq(answered[VSTOR_SRB_STATUS], VSTOR_SRB_SUCCESS);
    ck_assert_uint_eq(le32_load(answered + VSTOR_TRANSFER_LENGTH), 8192);
    memset(bytes, 0, 8192);
    srb(3, false, 8192, 100, CDB(0x28, 0, 0, 0, 0, 5, 0, 0, 16), 3);
    ck_assert_uint_eq(bytes[1], 0); /* nor is memory */
    pass(MILLISECOND);
    ck_assert_uint_eq(get(), 3);
    for (unsigned i = 0; i < 8192; i++) {
        ck_assert_uint_eq(bytes[i], (uint8_t)(i * 7));
    }
    ck_assert_uint_eq(get(), UINT64_MAX);
}
END_TEST

/* With the realtime clock what the host has at hand is answered when it is asked for, in guest memory and without the pool; what needs a
 * flush is not, nor what comes behind it. */
START_TEST(what_need_not_wait_is_answered_at_once)
{
    clk.mode = CLOCK_MODE_REALTIME;
    initialize(0x602);
    storvsp->units[3]->target.attention = 0;
    spa_t spa;
    ck_assert(
        storvsp->vmbus.memory->page(storvsp->vmbus.memory->opaque, DATA_AT + 1, SPACE_READ, &spa));
    uint8_t *bytes = guest(DATA_AT) + 100;
    for (unsigned i = 0; i < 8192; i++) {
        bytes[i] = (uint8_t)(i * 7);
    }
    srb(3, true, 8192, 100, CDB(0x2a, 0, 0, 0, 0, 5, 0, 0, 16), 2);
    ck_assert_uint_eq(get(), 2);
    ck_assert_uint_eq(answered[VSTOR_SRB_STATUS], VSTOR_SRB_SUCCESS);
    ck_assert_uint_eq(le32_load(answered + VSTOR_TRANSFER_LENGTH), 8192);
    memset(bytes, 0, 8192);
    ram_page_clear(storvsp->vmbus.memory->ram, spa, RAM_PAGE_DIRTY);
    srb(3, false, 8192, 100, CDB(0x28, 0, 0, 0, 0, 5, 0, 0, 16), 3);
    ck_assert_uint_eq(get(), 3);
    for (unsigned i = 0; i < 8192; i++) {
        ck_assert_uint_eq(bytes[i], (uint8_t)(i * 7));
    }
    ck_assert_uint_ne(ram_page_flags(storvsp->vmbus.memory->ram, spa) & RAM_PAGE_DIRTY, 0);
    /* Beyond the end: the answer is at once too. */
    srb(3, false, 512, 0, CDB(0x28, 0, 0xff, 0, 0, 0, 0, 0, 1), 4);
    ck_assert_uint_eq(get(), 4);
    ck_assert_uint_eq(answered[VSTOR_SRB_STATUS], VSTOR_SRB_ERROR | VSTOR_SRB_AUTOSENSE_VALID);
    ck_assert_uint_eq(storvsp->under_way, 0);
    srb(3, true, 512, 0, CDB(0x2a, 8, 0, 0, 0, 5, 0, 0, 1), 5); /* FUA */
    ck_assert_uint_eq(storvsp->under_way, 1);
    io_stream_drain(&storvsp->units[3]->stream);
    (void)clock_run(&clk);
    ck_assert_uint_eq(get(), 5);
    ck_assert_uint_eq(answered[VSTOR_SRB_STATUS], VSTOR_SRB_SUCCESS);
    ck_assert_uint_eq(storvsp->under_way, 0);
}
END_TEST

START_TEST(bad_requests_are_refused)
{
    initialize(0x602);
    /* A page that is not there, for both ways; more than a transfer may be; less memory than is said. */
    bool signal;
    for (unsigned i = 0; i < 5; i++) {
        uint8_t packet[VSTOR_PACKET_BYTES] = { 0 }, header[24] = { 0 };
        le32_store(packet, VSTOR_EXECUTE_SRB);
        packet[VSTOR_CDB_LENGTH] = i == 4 ? 17 : 16;
        packet[VSTOR_DATA_IN] = i == 1;
        packet[VSTOR_CDB] = 0x12;
        packet[VSTOR_CDB + 4] = 96;
        le32_store(packet + VSTOR_TRANSFER_LENGTH, i == 2 ? (1 << 20) + 1 : i == 3 ? 513 : 512);
        le32_store(header + 4, 1);
        le32_store(header + 8, 512);
        le64_store(header + 16, i < 2 ? RIG_HOLE : DATA_AT);
        ck_assert(rig_put(&to_host, VMBUS_PACKET_GPA_DIRECT, 1, i, header, 24, packet,
                          sizeof(packet), &signal));
        vmbus_server_signaled(&rig->server, relid);
        pass(MILLISECOND);
        ck_assert_uint_eq(get(), i);
        ck_assert_uint_eq(answered[VSTOR_SRB_STATUS], VSTOR_SRB_INVALID_REQUEST);
        ck_assert_uint_eq(le32_load(answered + VSTOR_TRANSFER_LENGTH), 0);
    }
    /* A short packet is answered, a stump breaks the channel. */
    uint8_t packet[20] = { VSTOR_EXECUTE_SRB };
    put(packet, sizeof(packet), 9);
    ck_assert_uint_eq(get(), 9);
    ck_assert_uint_eq(le32_load(answered + VSTOR_STATUS), VSTOR_STATUS_INVALID_PARAMETER);
    put(packet, 8, 10);
    ck_assert(storvsp->vmbus.channel[0]->broken);
}
END_TEST

START_TEST(units_that_are_there_and_not)
{
    initialize(0x602);
    uint8_t *bytes = guest(DATA_AT);
    srb(1, false, 512, 0, CDB(0x12, 0, 0, 0, 96), 1);
    ck_assert_uint_eq(get(), 1);
    ck_assert(answered[VSTOR_SRB_STATUS] == VSTOR_SRB_SUCCESS && bytes[0] == 0x7f);
    srb(1, false, 0, 0, CDB(0), 2);
    ck_assert_uint_eq(get(), 2);
    ck_assert_uint_eq(answered[VSTOR_SRB_STATUS], VSTOR_SRB_INVALID_LUN);
    for (unsigned lun = 0; lun < 3; lun += 2) {
        memset(bytes, 0xee, 512);
        srb((uint8_t)lun, false, 512, 0, CDB(0xa0, 0, 0, 0, 0, 0, 0, 0, 2), 3);
        pass(MILLISECOND);
        ck_assert_uint_eq(get(), 3);
        ck_assert_uint_eq(le32_load(answered + VSTOR_TRANSFER_LENGTH), 24);
        ck_assert(bytes[3] == 16 && bytes[9] == 0 && bytes[17] == 3);
    }
}
END_TEST

START_TEST(resets_wait_for_what_is_under_way)
{
    initialize(0x602);
    uint8_t packet[VSTOR_PACKET_BYTES] = { VSTOR_RESET_BUS };
    storvsp->units[0]->target.attention = 0;
    srb(0, false, 512, 0, CDB(0x28, 0, 0, 0, 0, 0, 0, 0, 1), 1);
    put(packet, sizeof(packet), 2);
    srb(0, false, 0, 0, CDB(0), 3); /* waits in the ring */
    ck_assert_uint_eq(get(), UINT64_MAX);
    pass(MILLISECOND);
    ck_assert_uint_eq(get(), 1);
    ck_assert_uint_eq(answered[VSTOR_SRB_STATUS], VSTOR_SRB_SUCCESS);
    ck_assert_uint_eq(get(), 2);
    pass(MILLISECOND);
    ck_assert_uint_eq(get(), 3);
    ck_assert_uint_eq(answered[VSTOR_CDB + 12], 0x29); /* it was reset */
}
END_TEST

START_TEST(more_than_can_be_under_way_waits)
{
    initialize(0x602);
    unsigned sent = 0, got = 0;
    while (got < 1000) {
        for (unsigned i = 0; i < 90 && sent < 1000; i++) {
            srb(3, false, 0, 0, CDB(0x35), sent++);
        }
        ck_assert_uint_le(storvsp->under_way, STORVSP_REQUESTS);
        pass(MILLISECOND / 10);
        uint64_t transaction;
        while ((transaction = get()) != UINT64_MAX) {
            ck_assert_uint_eq(transaction, got++);
        }
    }
    ck_assert_uint_eq(storvsp->under_way, 0);
}
END_TEST

START_TEST(closing_forgets_what_is_under_way)
{
    initialize(0x602);
    guest(DATA_AT)[0] = 0x77;
    srb(0, false, 512, 0, CDB(0x28, 0, 0, 0, 0, 0, 0, 0, 1), 1);
    rig_close(rig, relid);
    pass(MILLISECOND);
    ck_assert_uint_eq(guest(DATA_AT)[0], 0x77); /* the memory is not the disk's any more */
    ck_assert_uint_eq(storvsp->under_way, 0);
    ck_assert_uint_eq(storvsp->state, VSTOR_NEW);
    ck_assert(rig_teardown(rig, relid, 0xe1e10 + relid));
    ck_assert(rig_open_at(rig, relid, RINGS_AT));
    to_host = rig_ring_out(rig, RINGS_AT);
    to_guest = rig_ring_in(rig, RINGS_AT);
    initialize(0x402);
    srb(0, false, 0, 0, CDB(0x1b), 1);
    pass(MILLISECOND);
    ck_assert_uint_eq(get(), 1);
    ck_assert_uint_eq(le16_load(reply + 4) * 8,
                      16 + VSTOR_PACKET_BYTES_OLD); /* old guests get short answers */
}
END_TEST

static void remove_disk(unsigned lun)
{
    vmbus_device_lock(&storvsp->vmbus);
    ck_assert_int_eq(storvsp_detach(storvsp, lun), 0);
    vmbus_device_unlock(&storvsp->vmbus);
}

static void reopen(void)
{
    rig_close(rig, relid);
    ck_assert(rig_teardown(rig, relid, 0xe1e10 + relid));
    ck_assert(rig_open_at(rig, relid, RINGS_AT));
    to_host = rig_ring_out(rig, RINGS_AT);
    to_guest = rig_ring_in(rig, RINGS_AT);
}

/* Linux crashes when it hears of a unit before it has asked for anything: it is told with its first request, once, and what it
 * was not told is forgotten when it opens the channel anew. */
START_TEST(nothing_is_told_before_the_first_request)
{
    static const struct {
        const char *changes; /* +: LUN 5 comes; -: it goes; o: the channel is opened anew */
        uint32_t told;
    } rows[] = {
        { "", 0 },
        { "+", VSTOR_ENUMERATE_BUS },
        { "-", VSTOR_REMOVE_DEVICE },
        { "+-", VSTOR_ENUMERATE_BUS }, /* whose scan finds what is gone, too */
        { "+o", 0 },
        { "-+", VSTOR_ENUMERATE_BUS },
    };
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        initialize(0x602);
        for (const char *change = rows[i].changes; *change != '\0'; change++) {
            if (*change == 'o') {
                reopen();
                initialize(0x602);
            } else if (*change == '+') {
                add_disk(5, "five.img");
            } else {
                remove_disk(5);
            }
            ck_assert_uint_eq(get(), UINT64_MAX);
        }
        srb(0, false, 0, 0, CDB(0), 1);
        uint64_t first = get();
        ck_assert_uint_eq(first, rows[i].told != 0 ? 0 : UINT64_MAX);
        ck_assert(rows[i].told == 0 || le32_load(answered) == rows[i].told);
        pass(MILLISECOND);
        ck_assert_uint_eq(get(), 1);
        srb(0, false, 0, 0, CDB(0), 2);
        pass(MILLISECOND);
        ck_assert_uint_eq(get(), 2); /* told once */
        reopen();
    }
}
END_TEST

/* A request, so that the guest listens. */
static void ask_first(void)
{
    srb(0, false, 0, 0, CDB(0), 99);
    pass(MILLISECOND);
    ck_assert_uint_eq(get(), 99);
}

START_TEST(disks_come_and_go)
{
    initialize(0x602);
    ask_first();
    add_disk(5, "five.img");
    ck_assert_uint_eq(get(), 0);
    ck_assert_uint_eq(le16_load(reply), VMBUS_PACKET_INBAND);
    ck_assert_uint_eq(le32_load(answered), VSTOR_ENUMERATE_BUS);
    srb(5, false, 0, 0, CDB(0), 1);
    vmbus_device_lock(&storvsp->vmbus);
    ck_assert_int_eq(storvsp_detach(storvsp, 5), 0); /* with a request under way */
    ck_assert_int_eq(storvsp_detach(storvsp, 5), -ENOENT);
    vmbus_device_unlock(&storvsp->vmbus);
    ck_assert_uint_eq(get(), 0);
    ck_assert_uint_eq(le32_load(answered), VSTOR_REMOVE_DEVICE);
    pass(MILLISECOND);
    ck_assert_uint_eq(get(), 1);
    srb(5, false, 0, 0, CDB(0), 2);
    ck_assert_uint_eq(get(), 2);
    ck_assert_uint_eq(answered[VSTOR_SRB_STATUS], VSTOR_SRB_INVALID_LUN);
}
END_TEST

/* Number of messages of this kind that the server sent since the last look. */
static unsigned messages(uint32_t number)
{
    const struct rig_message *message;
    unsigned n = 0;
    while ((message = rig_next(rig)) != NULL) {
        n += le32_load(message->bytes) == number;
    }
    return n;
}

/* Before a rescind the units are gone, and the channel works on until the guest asks for nothing more. */
START_TEST(leaves_when_the_guest_is_quiet)
{
    enum { RESCIND = 2, QUIET = 2000 };
    initialize(0x602);
    (void)messages(RESCIND);
    storvsp->units[0]->target.attention = 0;
    srb(0, false, 512, 0, CDB(0x28, 0, 0, 0, 0, 0, 0, 0, 1), 1);
    vmbus_device_lock(&storvsp->vmbus);
    vmbus_device_rescind(&storvsp->vmbus);
    vmbus_device_unlock(&storvsp->vmbus);
    vmbus_server_work(&rig->server);
    ck_assert_uint_eq(get(), 0);
    ck_assert_uint_eq(le32_load(answered), VSTOR_REMOVE_DEVICE);
    pass(MILLISECOND);
    ck_assert_uint_eq(get(), 1); /* what was under way ends well */
    ck_assert_uint_eq(answered[VSTOR_SRB_STATUS], VSTOR_SRB_SUCCESS);
    for (unsigned i = 2; i < 5; i++) {
        pass(UINT64_C(300) * MILLISECOND);
        srb(0, false, 0, 0, CDB(0), i);
        ck_assert_uint_eq(get(), i);
        ck_assert_uint_eq(answered[VSTOR_SRB_STATUS], VSTOR_SRB_INVALID_LUN);
        ck_assert_uint_eq(messages(RESCIND), 0);
    }
    pass((QUIET - 1) * UINT64_C(1000000));
    ck_assert_uint_eq(messages(RESCIND), 0);
    pass(MILLISECOND);
    ck_assert_uint_eq(messages(RESCIND), 1);
}
END_TEST

/* A guest that does not let go is left after a minute. */
START_TEST(leaves_a_guest_that_is_never_quiet)
{
    enum { RESCIND = 2 };
    initialize(0x602);
    ask_first();
    (void)messages(RESCIND);
    vmbus_device_lock(&storvsp->vmbus);
    vmbus_device_rescind(&storvsp->vmbus);
    vmbus_device_unlock(&storvsp->vmbus);
    vmbus_server_work(&rig->server);
    ck_assert_uint_eq(get(), 0);
    for (unsigned i = 1; i < 40; i++) {
        pass(UINT64_C(1500) * MILLISECOND);
        srb(0, false, 0, 0, CDB(0), i);
        ck_assert_uint_eq(get(), i);
    }
    ck_assert_uint_eq(messages(RESCIND), 0);
    pass(UINT64_C(1500) * MILLISECOND);
    ck_assert_uint_eq(messages(RESCIND), 1);
}
END_TEST

static Suite *suite_storvsp(void)
{
    Suite *suite = suite_create("devices/synthetic/storvsp");
    TCase *tcase = tcase_create("storvsp");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, every_operation_has_its_states);
    tcase_add_test(tcase, versions_are_agreed_on);
    tcase_add_test(tcase, properties_and_sub_channels);
    tcase_add_test(tcase, data_goes_both_ways);
    tcase_add_test(tcase, what_need_not_wait_is_answered_at_once);
    tcase_add_test(tcase, bad_requests_are_refused);
    tcase_add_test(tcase, units_that_are_there_and_not);
    tcase_add_test(tcase, resets_wait_for_what_is_under_way);
    tcase_add_test(tcase, more_than_can_be_under_way_waits);
    tcase_add_test(tcase, closing_forgets_what_is_under_way);
    tcase_add_test(tcase, nothing_is_told_before_the_first_request);
    tcase_add_test(tcase, disks_come_and_go);
    tcase_add_test(tcase, leaves_when_the_guest_is_quiet);
    tcase_add_test(tcase, leaves_a_guest_that_is_never_quiet);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_storvsp())
