/* Buses: attachment, look-up, splitting, refusals. */
#include "mmu/bus.h"

#include <errno.h>

#include "base/compiler.h"
#include "tests/check/check_main.h"

struct log {
    unsigned n;
    uint64_t offset[8], value[8];
    uint32_t size[8];
    enum io_status answer;
};

static enum io_status log_access(struct log *log, uint64_t offset, uint32_t size, uint64_t value)
{
    if (log->n < 8) {
        log->offset[log->n] = offset;
        log->size[log->n] = size;
        log->value[log->n] = value;
    }
    log->n++;
    return log->answer;
}

static enum io_status log_read(void *device, uint64_t offset, uint32_t size, uint64_t *value)
{
    *value = 0x8877665544332211 >> offset % 8 * 8; /* byte n of the region reads (n + 1) * 0x11 */
    return log_access(device, offset, size, 0);
}

static enum io_status log_write(void *device, uint64_t offset, uint32_t size, uint64_t value)
{
    return log_access(device, offset, size, value);
}

#define REGION(length, sizes)                                                                      \
    {                                                                                              \
        "r", IO_PORT, length, sizes, log_read, log_write                                           \
    }
static const struct io_region bytes8 = REGION(8, 1);
static const struct io_region words8 = REGION(8, 2 | 4);
static const struct io_region longs8 = REGION(8, 4);
static const struct io_region one = REGION(1, 1);

/* clang-format off */
static const struct {
    const struct io_region *region;
    uint64_t address; /* the region lies at 0x60 */
    uint32_t size;
    uint64_t value;
    unsigned n; /* accesses that reach the device */
    uint32_t first_size;
    bool found;
} reads[] = {
    { &bytes8, 0x60, 1, 0x11, 1, 1, true },
    { &bytes8, 0x62, 4, 0x66554433, 4, 1, true },
    { &bytes8, 0x60, 8, 0x8877665544332211, 8, 1, true },
    { &bytes8, 0x66, 4, 0xffff8877, 2, 1, true },  /* the end of the region: the rest floats */
    { &bytes8, 0x5e, 4, 0x2211ffff, 2, 1, true },  /* begins before it */
    { &bytes8, 0x68, 4, 0xffffffff, 0, 0, false },
    { &bytes8, 0x50, 2, 0xffff, 0, 0, false },
    { &words8, 0x62, 2, 0x4433, 1, 2, true },
    { &words8, 0x60, 8, 0x8877665544332211, 2, 4, true },
    { &words8, 0x60, 1, 0xff, 0, 0, true },        /* too small for the region */
    { &longs8, 0x64, 8, 0xffffffff88776655, 1, 4, true },
    { &longs8, 0x66, 4, 0xffffffff, 0, 0, true },
    { &one, 0x60, 2, 0xff11, 1, 1, true },
};
/* clang-format on */

START_TEST(reads_reach_the_device_in_legal_pieces)
{
    struct bus bus;
    struct log log = { .answer = IO_OK };
    struct host_mutex lock;
    host_mutex_init(&lock);
    bus_init(&bus, IO_PORT);
    ck_assert_int_eq(bus_attach(&bus, reads[_i].region, 0x60, &log, &lock), 0);
    for (unsigned again = 0; again < 2; again++) {
        uint64_t value = 0;
        bool found = false;
        log.n = 0;
        ck_assert_int_eq(bus_read(&bus, reads[_i].address, reads[_i].size, &value, &found), IO_OK);
        ck_assert_uint_eq(value, reads[_i].value);
        ck_assert_uint_eq(log.n, reads[_i].n);
        ck_assert_int_eq(found, reads[_i].found);
        if (log.n > 0) {
            ck_assert_uint_eq(log.size[0], reads[_i].first_size);
        }
    }
    host_mutex_fini(&lock);
}
END_TEST

START_TEST(a_split_write_goes_low_bytes_first)
{
    struct bus bus;
    struct log log = { .answer = IO_OK };
    bus_init(&bus, IO_PORT);
    ck_assert_int_eq(bus_attach(&bus, &bytes8, 0x60, &log, NULL), 0);
    ck_assert_int_eq(bus_write(&bus, 0x61, 4, 0xffffff0044332211, NULL), IO_OK);
    ck_assert_uint_eq(log.n, 4);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_uint_eq(log.offset[i], i + 1);
        ck_assert_uint_eq(log.value[i], 0x11 * (i + 1));
    }
}
END_TEST

START_TEST(refusals_read_all_ones_and_suspension_is_passed_on)
{
    struct bus bus;
    struct log log = { .answer = IO_NO_REGISTER };
    bus_init(&bus, IO_PORT);
    ck_assert_int_eq(bus_attach(&bus, &words8, 0x60, &log, NULL), 0);
    uint64_t value = 0;
    for (enum io_status answer = IO_NO_REGISTER; answer <= IO_UNALIGNED; answer++) {
        log.answer = answer;
        ck_assert_int_eq(bus_read(&bus, 0x60, 2, &value, NULL), IO_OK);
        ck_assert_uint_eq(value, 0xffff);
        ck_assert_int_eq(bus_write(&bus, 0x60, 2, 1, NULL), IO_OK);
    }
    log.answer = IO_SUSPEND;
    ck_assert_int_eq(bus_read(&bus, 0x60, 2, &value, NULL), IO_SUSPEND);
    ck_assert_int_eq(bus_write(&bus, 0x60, 2, 1, NULL), IO_SUSPEND);
}
END_TEST

START_TEST(attachments_stay_ordered_and_apart)
{
    struct bus bus;
    struct log log[6] = { { .answer = IO_OK } };
    static const uint64_t base[6] = { 0x100, 0x40, 0x80, 0xc0, 0x48, 0x20 };
    bus_init(&bus, IO_PORT);
    for (unsigned i = 0; i < 6; i++) {
        log[i].answer = IO_OK;
        ck_assert_int_eq(bus_attach(&bus, &bytes8, base[i], &log[i], NULL), 0);
    }
    ck_assert_int_eq(bus_attach(&bus, &bytes8, 0x47, &log[0], NULL), -EEXIST);
    ck_assert_int_eq(bus_attach(&bus, &bytes8, 0x39, &log[0], NULL), -EEXIST);
    ck_assert_int_eq(bus_attach(&bus, &bytes8, 0x40, &log[0], NULL), -EEXIST);
    for (unsigned i = 0; i < 6; i++) {
        uint64_t value;
        ck_assert_int_eq(bus_read(&bus, base[i] + 7, 1, &value, NULL), IO_OK);
        ck_assert_uint_eq(value, 0x88);
        ck_assert_uint_eq(log[i].n, 1);
    }
    bus_detach(&bus, &bytes8, &log[2]);
    bool found = true;
    uint64_t value;
    ck_assert_int_eq(bus_read(&bus, 0x80, 1, &value, &found), IO_OK);
    ck_assert(!found);
    ck_assert_int_eq(bus_attach(&bus, &bytes8, 0x7f, &log[2], NULL), 0);
    for (unsigned i = 6; i <= BUS_ATTACHMENTS; i++) {
        int code = bus_attach(&bus, &one, 0x1000 + i, &log[0], NULL);
        ck_assert_int_eq(code, i < BUS_ATTACHMENTS ? 0 : -ENOSPC);
    }
}
END_TEST

static Suite *suite_bus(void)
{
    Suite *suite = suite_create("mmu/bus");
    TCase *tcase = tcase_create("bus");
    tcase_add_loop_test(tcase, reads_reach_the_device_in_legal_pieces, 0, ARRAY_SIZE(reads));
    tcase_add_test(tcase, a_split_write_goes_low_bytes_first);
    tcase_add_test(tcase, refusals_read_all_ones_and_suspension_is_passed_on);
    tcase_add_test(tcase, attachments_stay_ordered_and_apart);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_bus())
