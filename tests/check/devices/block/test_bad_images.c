/* Damaged and hostile images: each is refused with a sentence, or read as the specification says. [MS-VHDX, VHD 1.0] */
#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/block/crc32c.h"
#include "devices/block/guid.h"
#include "devices/block/image_text.h"
#include "devices/block/vhd.h"
#include "devices/block/vhdx.h"
#include "tests/check/check_main.h"
#include "tests/support/image_store.h"

enum { DISK = 5 << 20 };

static struct image_store store;

static void make(const char *name, const char *format, enum image_type type, const char *parent)
{
    struct error error = { "" };
    struct image_new facts = {
        .env = &store.env, .size_bytes = DISK, .type = type, .block_bytes = 1 << 20
    };
    if (parent != NULL) {
        ck_assert_int_eq(image_open(&store.env, parent, false, &facts.parent, &error), 0);
    }
    ck_assert_msg(image_create(name, image_format_named(format), &facts, &error) == 0, "%s",
                  error.text);
    (void)image_close(facts.parent);
}

static void setup(void)
{
    image_store_init(&store, 9);
    make("base.vhd", "vhd", IMAGE_DYNAMIC, NULL);
    make("base.vhdx", "vhdx", IMAGE_DYNAMIC, NULL);
    make("child.vhd", "vhd", IMAGE_DIFFERENCING, "base.vhd");
    make("child.vhdx", "vhdx", IMAGE_DIFFERENCING, "base.vhdx");
    static const char *const names[] = { "base.vhd", "base.vhdx", "child.vhd", "child.vhdx" };
    for (unsigned i = 0; i < 2; i++) {
        struct error error = { "" };
        struct image *image;
        uint8_t bytes[4096] = { 1, 2, 3 };
        ck_assert_int_eq(image_open(&store.env, names[i + 2], true, &image, &error), 0);
        ck_assert_int_eq(image_write(image, 0, bytes, sizeof(bytes)), 0);
        ck_assert_int_eq(image_write(image, 3 << 20, bytes, sizeof(bytes)), 0);
        ck_assert_int_eq(image_close(image), 0);
    }
}

static void teardown(void)
{
    ck_assert_uint_eq(store.opened, 0);
    image_store_fini(&store);
}

static void poke(const char *name, uint64_t offset, const void *bytes, size_t n)
{
    ck_assert_int_eq(image_file_write(image_store_find(&store, name)->bytes, offset, bytes, n), 0);
}

static void peek(const char *name, uint64_t offset, void *bytes, size_t n)
{
    ck_assert_int_eq(image_file_read(image_store_find(&store, name)->bytes, offset, bytes, n), 0);
}

/* The sentence of a refused opening holds this text; NULL: it opens. Reading only and writing alike. */
static void expect(const char *name, const char *text)
{
    for (int write = 0; write < 2; write++) {
        struct error error = { "" };
        struct image *image;
        int code = image_open(&store.env, name, write != 0, &image, &error);
        if (text == NULL) {
            ck_assert_msg(code == 0, "%s", error.text);
            ck_assert_int_eq(image_close(image), 0);
        } else {
            ck_assert_msg(code < 0, "opened, though: %s", text);
            ck_assert_msg(strstr(error.text, text) != NULL, "'%s' has no '%s'", error.text, text);
        }
    }
}

/* Change big-endian fields of the dynamic header, or of both footers, and set the checksum right. */
static void vhd_header(const char *name, size_t field, uint64_t value, unsigned size)
{
    uint8_t bytes[VHD_HEADER_BYTES];
    peek(name, VHD_FOOTER_BYTES, bytes, sizeof(bytes));
    (size == 8 ? be64_store(bytes + field, value) : be32_store(bytes + field, (uint32_t)value));
    be32_store(bytes + VHD_HEADER_CHECKSUM,
               vhd_checksum(bytes, sizeof(bytes), VHD_HEADER_CHECKSUM));
    poke(name, VHD_FOOTER_BYTES, bytes, sizeof(bytes));
}

static void vhd_footer(const char *name, size_t field, uint64_t value, unsigned size)
{
    uint8_t bytes[VHD_FOOTER_BYTES];
    peek(name, 0, bytes, sizeof(bytes));
    (size == 8 ? be64_store(bytes + field, value) : be32_store(bytes + field, (uint32_t)value));
    be32_store(bytes + VHD_FOOTER_CHECKSUM,
               vhd_checksum(bytes, sizeof(bytes), VHD_FOOTER_CHECKSUM));
    poke(name, 0, bytes, sizeof(bytes));
    poke(name, image_store_find(&store, name)->bytes->size_bytes - VHD_FOOTER_BYTES, bytes,
         sizeof(bytes));
}

static const struct {
    bool footer;
    size_t field;
    uint64_t value;
    unsigned size;
    const char *text;
} vhd_rows[] = {
    { true, VHD_FOOTER_VERSION, 0x00020000, 4, "version" },
    { true, VHD_FOOTER_TYPE, 5, 4, "type" },
    { true, VHD_FOOTER_CURRENT_SIZE, 0, 8, "cannot have 0 bytes" },
    { true, VHD_FOOTER_CURRENT_SIZE, 513, 8, "cannot have 513" },
    { true, VHD_FOOTER_CURRENT_SIZE, UINT64_C(1) << 60, 8, "cannot have" },
    { true, VHD_FOOTER_CURRENT_SIZE, UINT64_C(1) << 40, 8, "blocks in a table" },
    { true, VHD_FOOTER_DATA_OFFSET, UINT64_MAX, 8, "header is not in the file" },
    { true, VHD_FOOTER_DATA_OFFSET, 1024, 8, "header is damaged" },
    { true, VHD_FOOTER_TYPE, VHD_DISK_FIXED, 4, "shorter than its disk" },
    { false, VHD_HEADER_VERSION, 0, 4, "header is damaged" },
    { false, VHD_HEADER_BLOCK_BYTES, 0, 4, "blocks of 0 bytes" },
    { false, VHD_HEADER_BLOCK_BYTES, 3 << 20, 4, "blocks of" },
    { false, VHD_HEADER_BLOCK_BYTES, UINT32_C(1) << 31, 4, "blocks of" },
    { false, VHD_HEADER_ENTRIES, 4, 4, "5 blocks in a table of 4" },
    { false, VHD_HEADER_TABLE_OFFSET, 1537, 8, "table is not in the file" },
    { false, VHD_HEADER_TABLE_OFFSET, UINT64_MAX - 511, 8, "table is not in the file" },
    { false, VHD_HEADER_TABLE_OFFSET, 512, 8, "outside the file" },
    { false, VHD_HEADER_PARENT_ID, 1, 8, "not the parent" },
};

START_TEST(bad_vhd_fields_are_refused)
{
    if (vhd_rows[_i].footer) {
        vhd_footer("child.vhd", vhd_rows[_i].field, vhd_rows[_i].value, vhd_rows[_i].size);
    } else {
        vhd_header("child.vhd", vhd_rows[_i].field, vhd_rows[_i].value, vhd_rows[_i].size);
    }
    expect("child.vhd", vhd_rows[_i].text);
}
END_TEST

START_TEST(bad_vhd_blocks_are_refused)
{
    uint8_t table[20];
    uint32_t first;
    peek("child.vhd", 1536, table, sizeof(table));
    first = be32_load(table);
    be32_store(table + 4, first);
    poke("child.vhd", 1536, table, sizeof(table));
    expect("child.vhd", "overlap");
    be32_store(table + 4, first + 1);
    poke("child.vhd", 1536, table, sizeof(table));
    expect("child.vhd", "overlap");
    be32_store(table + 4, 0);
    poke("child.vhd", 1536, table, sizeof(table));
    expect("child.vhd", "overlap");
    be32_store(table + 4, 0xfffffffe);
    poke("child.vhd", 1536, table, sizeof(table));
    expect("child.vhd", "outside the file");
}
END_TEST

START_TEST(either_vhd_footer_will_do)
{
    struct image_file *file = image_store_find(&store, "base.vhd")->bytes;
    uint8_t zero[VHD_FOOTER_BYTES] = { 0 };
    poke("base.vhd", file->size_bytes - VHD_FOOTER_BYTES, zero, sizeof(zero));
    expect("base.vhd", NULL); /* and, opened for writing, is put back */
    poke("base.vhd", 0, zero, 8);
    expect("base.vhd", NULL);
    poke("base.vhd", file->size_bytes - VHD_FOOTER_BYTES, zero, sizeof(zero));
    expect("base.vhd", "no VHD footer");
}
END_TEST

START_TEST(vhd_footers_that_differ_are_refused)
{
    uint8_t bytes[VHD_FOOTER_BYTES];
    peek("base.vhd", 0, bytes, sizeof(bytes));
    bytes[VHD_FOOTER_ID] ^= 1;
    be32_store(bytes + VHD_FOOTER_CHECKSUM,
               vhd_checksum(bytes, sizeof(bytes), VHD_FOOTER_CHECKSUM));
    poke("base.vhd", 0, bytes, sizeof(bytes));
    expect("base.vhd", "differ");
}
END_TEST

static void vhdx_seal(const char *name, uint64_t at, size_t n)
{
    static uint8_t bytes[VHDX_REGIONS_BYTES];
    peek(name, at, bytes, n);
    le32_store(bytes + 4, crc32c_of_structure(bytes, n));
    poke(name, at, bytes, n);
}

/* Fields of both headers, of both region tables, of the metadata and of the block table, which our own writer puts at these places. */
enum where { HEADER, REGION, ITEM, METADATA, TABLE };
enum { METADATA_AT = 2 << 20, TABLE_AT = 3 << 20, METADATA_ITEMS = METADATA_AT + VHDX_KIB64 };

static const struct {
    enum where where;
    size_t field;
    uint64_t value;
    unsigned size;
    const char *text;
} vhdx_rows[] = {
    { HEADER, VHDX_HEADER_VERSION, 2, 2, "version" },
    { HEADER, VHDX_HEADER_LOG_LENGTH, 0, 4, "log of 0" },
    { HEADER, VHDX_HEADER_LOG_LENGTH, 4096, 4, "log of" },
    { HEADER, VHDX_HEADER_LOG_LENGTH, UINT32_C(0xfff00000), 4, "log of" },
    { HEADER, VHDX_HEADER_LOG_OFFSET, 0, 8, "log of" },
    { HEADER, VHDX_HEADER_LOG_OFFSET, UINT64_C(1) << 63, 8, "log of" },
    { HEADER, VHDX_HEADER_LOG_OFFSET, 2 << 20, 8, "overlap" },
    { REGION, VHDX_REGIONS_COUNT, 2048, 4, "region table of 2048" },
    { REGION, VHDX_REGIONS_COUNT, 1, 4, "no block table or no metadata" },
    { REGION, VHDX_REGIONS_ROWS, 1, 8, "needs region" },
    { REGION, VHDX_REGIONS_ROWS + VHDX_REGION_OFFSET, 4096, 8, "cannot be" },
    { REGION, VHDX_REGIONS_ROWS + VHDX_REGION_OFFSET, UINT64_C(1) << 62, 8, "cannot be" },
    { REGION, VHDX_REGIONS_ROWS + VHDX_REGION_OFFSET, 2 << 20, 8, "overlap" },
    { REGION, VHDX_REGIONS_ROWS + VHDX_REGION_LENGTH, 0, 4, "cannot be" },
    { ITEM, VHDX_METADATA_COUNT, 2048, 2, "metadata table is damaged" },
    { ITEM, VHDX_METADATA_COUNT, 3, 2, "required metadata" },
    { ITEM, VHDX_METADATA_ROWS, 1, 8, "needs metadata" },
    { ITEM, VHDX_METADATA_ROWS + VHDX_ITEM_OFFSET, 0, 4, "cannot be" },
    { ITEM, VHDX_METADATA_ROWS + VHDX_ITEM_OFFSET, UINT32_MAX, 4, "cannot be" },
    { ITEM, VHDX_METADATA_ROWS + VHDX_ITEM_LENGTH, UINT32_MAX, 4, "cannot be" },
    { ITEM, VHDX_METADATA_ROWS + VHDX_ITEM_LENGTH, 4, 4, "cannot be" },
    { METADATA, 0, 512 << 10, 4, "blocks of" },
    { METADATA, 0, 512 << 20, 4, "blocks of" },
    { METADATA, 0, 3 << 20, 4, "blocks of" },
    { METADATA, 8, 0, 8, "cannot have 0" },
    { METADATA, 8, 513, 8, "cannot have 513" },
    { METADATA, 8, UINT64_C(65) << 40, 8, "cannot have" },
    { METADATA, 8, UINT64_C(64) << 40, 8, "too small for the disk" },
    { METADATA, 32, 1024, 4, "sectors of 1024" },
    { METADATA, 48, 7, 4, "parent locator is damaged" },
    { TABLE, 8, 4, 8, "cannot be" },
    { TABLE, 8, 5, 8, "cannot be" },
    { TABLE, 8, VHDX_FULLY_PRESENT, 8, "cannot be" },
    { TABLE, 8, UINT64_C(2) << 20 | VHDX_FULLY_PRESENT, 8, "overlap" },
    { TABLE, 8, UINT64_MAX << 20 | VHDX_FULLY_PRESENT, 8, "cannot be" },
    { TABLE, 4096 * 8, UINT64_C(3) << 20 | VHDX_FULLY_PRESENT, 8, "overlap" },
    { TABLE, 4096 * 8, VHDX_PARTIALLY_PRESENT, 8, "cannot be" },
};

START_TEST(bad_vhdx_fields_are_refused)
{
    static const uint64_t twice[][2] = { { VHDX_HEADER_1, VHDX_HEADER_2 },
                                         { VHDX_REGIONS_1, VHDX_REGIONS_2 } };
    static const uint64_t at[] = {
        [ITEM] = METADATA_AT, [METADATA] = METADATA_ITEMS, [TABLE] = TABLE_AT
    };
    uint8_t bytes[8];
    le64_store(bytes, vhdx_rows[_i].value);
    if (vhdx_rows[_i].where <= REGION) {
        bool header = vhdx_rows[_i].where == HEADER;
        for (unsigned i = 0; i < 2; i++) {
            uint64_t place = twice[header ? 0 : 1][i];
            poke("child.vhdx", place + vhdx_rows[_i].field, bytes, vhdx_rows[_i].size);
            vhdx_seal("child.vhdx", place, header ? VHDX_HEADER_BYTES : VHDX_REGIONS_BYTES);
        }
    } else {
        poke("child.vhdx", at[vhdx_rows[_i].where] + vhdx_rows[_i].field, bytes,
             vhdx_rows[_i].size);
    }
    expect("child.vhdx", vhdx_rows[_i].text);
}
END_TEST

START_TEST(one_vhdx_header_and_region_table_will_do)
{
    static const uint64_t places[] = { VHDX_HEADER_1, VHDX_HEADER_2, VHDX_REGIONS_1,
                                       VHDX_REGIONS_2 };
    uint8_t bad = 0x55, old;
    for (unsigned i = 0; i < 4; i++) {
        peek("base.vhdx", places[i] + 100, &old, 1);
        poke("base.vhdx", places[i] + 100, &bad, 1);
        expect("base.vhdx", NULL);
        poke("base.vhdx", places[i] + 100, &old, 1);
    }
    poke("base.vhdx", VHDX_HEADER_1 + 100, &bad, 1);
    poke("base.vhdx", VHDX_HEADER_2 + 100, &bad, 1);
    expect("base.vhdx", "no VHDX header");
}
END_TEST

START_TEST(wrong_and_cyclic_parents_are_refused)
{
    struct error error = { "" };
    struct image *image;
    uint8_t bytes[512] = { 9 };
    ck_assert_int_eq(image_open(&store.env, "base.vhdx", true, &image, &error), 0);
    ck_assert_int_eq(image_write(image, 0, bytes, 512), 0);
    ck_assert_int_eq(image_close(image), 0);
    expect("child.vhdx", "written to since");
    image_store_copy(&store, "child.vhd", "base.vhd");
    expect("child.vhd", "its own ancestor");
    store.env.remove(store.env.opaque, "base.vhd");
    expect("child.vhd", "parent is not there");
    make("base.vhd", "vhd", IMAGE_DYNAMIC, NULL);
    expect("child.vhd", "not the parent");
    image_store_copy(&store, "base.vhdx", "base.vhd");
    expect("child.vhd", "is no vhd image");
}
END_TEST

/* A log of another writer: two entries of which the second's tail names the first, wrapping around the log's end. */
static size_t foreign_entry(uint8_t *entry, const struct guid *guid, uint64_t sequence,
                            uint32_t tail, uint64_t offset, uint8_t value)
{
    uint8_t *data = entry + VHDX_LOG_SECTOR, *descriptor = entry + VHDX_LOG_HEADER_BYTES;
    memset(entry, 0, 2 * VHDX_LOG_SECTOR);
    memcpy(entry, "loge", 4);
    le32_store(entry + VHDX_LOG_LENGTH, 2 * VHDX_LOG_SECTOR);
    le32_store(entry + VHDX_LOG_TAIL, tail);
    le64_store(entry + VHDX_LOG_SEQUENCE, sequence);
    le32_store(entry + VHDX_LOG_DESCRIPTORS, 2);
    memcpy(entry + VHDX_LOG_GUID, guid->bytes, 16);
    le64_store(entry + VHDX_LOG_FLUSHED, 4 << 20);
    le64_store(entry + VHDX_LOG_LAST, 9 << 20);
    memcpy(descriptor, "desc", 4);
    memset(descriptor + 4, value, 12);
    le64_store(descriptor + 16, offset);
    le64_store(descriptor + 24, sequence);
    memcpy(descriptor + 32, "zero", 4);
    le64_store(descriptor + 40, 4096);
    le64_store(descriptor + 48, offset + 4096);
    le64_store(descriptor + 56, sequence);
    memcpy(data, "data", 4);
    le32_store(data + 4, (uint32_t)(sequence >> 32));
    memset(data + 8, value, 4084);
    le32_store(data + 4092, (uint32_t)sequence);
    le32_store(entry + VHDX_LOG_CHECKSUM, crc32c_of_structure(entry, 2 * VHDX_LOG_SECTOR));
    return 2 * VHDX_LOG_SECTOR;
}

static void put_log(const char *name, uint64_t flushed_break)
{
    static uint8_t entries[4 * VHDX_LOG_SECTOR], header[VHDX_HEADER_BYTES];
    struct guid guid = { { 1, 2, 3 } };
    const uint32_t tail = VHDX_LOG_BYTES - 3 * VHDX_LOG_SECTOR;
    size_t n = foreign_entry(entries, &guid, 41, tail, 6 << 20, 0x11);
    n += foreign_entry(entries + n, &guid, 42, tail, 7 << 20, 0x22);
    entries[5] ^= (uint8_t)flushed_break; /* damages the first entry's checksum */
    poke(name, VHDX_MIB + tail, entries, 3 * VHDX_LOG_SECTOR);
    poke(name, VHDX_MIB, entries + 3 * VHDX_LOG_SECTOR, VHDX_LOG_SECTOR);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t at = i == 0 ? VHDX_HEADER_1 : VHDX_HEADER_2;
        peek(name, at, header, sizeof(header));
        memcpy(header + VHDX_HEADER_LOG, guid.bytes, 16);
        poke(name, at, header, sizeof(header));
        vhdx_seal(name, at, VHDX_HEADER_BYTES);
    }
}

START_TEST(a_log_of_two_entries_is_replayed)
{
    for (int write = 0; write < 2; write++) {
        struct error error = { "" };
        struct image *image;
        uint8_t bytes[8192], last;
        put_log("base.vhdx", 0);
        uint64_t size = image_store_find(&store, "base.vhdx")->bytes->size_bytes;
        ck_assert_int_eq(image_open(&store.env, "base.vhdx", write != 0, &image, &error), 0);
        ck_assert_uint_eq(image->file->size_bytes, 9 << 20);
        for (unsigned i = 0; i < 2; i++) {
            ck_assert_int_eq(image_file_read(image->file, (6 + i) << 20, bytes, sizeof(bytes)), 0);
            ck_assert(bytes[0] == 0x11 * (i + 1) && bytes[4095] == 0x11 * (i + 1) &&
                      bytes[4096] == 0);
        }
        ck_assert_int_eq(image_file_read(image->file, (9 << 20) - 1, &last, 1), 0);
        ck_assert_int_eq(image_close(image), 0);
        uint64_t after = image_store_find(&store, "base.vhdx")->bytes->size_bytes;
        ck_assert_uint_eq(after,
                          write != 0 ? UINT64_C(9) << 20 : size); /* reading only changes nothing */
    }
    expect("base.vhdx", NULL);
}
END_TEST

/* The second entry needs the first: without it there is no active sequence, and nothing is replayed. */
START_TEST(a_log_without_its_tail_is_not_replayed)
{
    put_log("base.vhdx", 1);
    struct error error = { "" };
    struct image *image;
    ck_assert_int_eq(image_open(&store.env, "base.vhdx", false, &image, &error), 0);
    ck_assert_uint_eq(image->file->size_bytes, 4 << 20);
    ck_assert_int_eq(image_close(image), 0);
}
END_TEST

START_TEST(a_log_that_knows_a_longer_file_is_refused)
{
    put_log("base.vhdx", 0);
    ck_assert_int_eq(image_file_resize(image_store_find(&store, "base.vhdx")->bytes, 3 << 20), 0);
    expect("base.vhdx", "log knows it longer");
}
END_TEST

START_TEST(checksums_and_names)
{
    /* RFC 3720 B.4 */
    uint8_t bytes[32] = { 0 }, counted[64];
    for (unsigned i = 0; i < sizeof(counted); i++) {
        counted[i] = (uint8_t)(i * 37);
    }
    ck_assert_uint_eq(crc32c(bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, 32);
    ck_assert_uint_eq(crc32c(bytes, 32), 0x62a8ab43);
    ck_assert_uint_eq(crc32c("123456789", 9), 0xe3069283);
    for (unsigned n = 0; n < 32; n++) { /* any length and alignment, bit by bit */
        uint32_t crc = UINT32_MAX;
        for (unsigned i = 0; i < 8 * n; i++) {
            crc = crc >> 1 ^
                  (((crc ^ (uint32_t)counted[n + i / 8] >> i % 8) & 1) != 0 ? 0x82f63b78 : 0);
        }
        ck_assert_uint_eq(crc32c(counted + n, n), ~crc);
    }
    struct guid guid;
    char text[GUID_TEXT_SIZE];
    ck_assert(guid_parse("{2DC27766-F623-4200-9D64-115E9BFD4A08}", &guid));
    ck_assert(guid_equal(&guid, &vhdx_region_bat));
    guid_print(&vhdx_region_metadata, text);
    ck_assert_str_eq(text, "{8b7ca206-4790-4b9a-b8fe-575f050f886e}");
    ck_assert(!guid_parse("{2DC27766-F623-4200-9D64-115E9BFD4A0}", &guid));
    ck_assert(!guid_parse("2DC27766-F623-4200-9D64-115E9BFD4A08}", &guid));
    uint8_t utf16[64];
    char utf8[64];
    size_t n =
        image_text_to_utf16("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x92\xbe", false, utf16, sizeof(utf16));
    ck_assert_uint_eq(n, 10);
    ck_assert(le16_load(utf16 + 6) == 0xd83d && le16_load(utf16 + 8) == 0xdcbe);
    ck_assert(image_text_from_utf16(utf16, n, false, utf8, sizeof(utf8)));
    ck_assert_str_eq(utf8, "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x92\xbe");
    ck_assert(!image_text_from_utf16(utf16 + 8, 2, false, utf8, sizeof(utf8)));
    ck_assert(!image_text_from_utf16(utf16, n, false, utf8, 5));
    ck_assert_uint_eq(image_text_to_utf16("\xff", false, utf16, sizeof(utf16)), 0);
}
END_TEST

static Suite *suite_bad_images(void)
{
    Suite *suite = suite_create("devices/block/bad_images");
    TCase *tcase = tcase_create("bad images");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, bad_vhd_fields_are_refused, 0, (int)ARRAY_SIZE(vhd_rows));
    tcase_add_test(tcase, bad_vhd_blocks_are_refused);
    tcase_add_test(tcase, either_vhd_footer_will_do);
    tcase_add_test(tcase, vhd_footers_that_differ_are_refused);
    tcase_add_loop_test(tcase, bad_vhdx_fields_are_refused, 0, (int)ARRAY_SIZE(vhdx_rows));
    tcase_add_test(tcase, one_vhdx_header_and_region_table_will_do);
    tcase_add_test(tcase, wrong_and_cyclic_parents_are_refused);
    tcase_add_test(tcase, a_log_of_two_entries_is_replayed);
    tcase_add_test(tcase, a_log_without_its_tail_is_not_replayed);
    tcase_add_test(tcase, a_log_that_knows_a_longer_file_is_refused);
    tcase_add_test(tcase, checksums_and_names);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_bad_images())
