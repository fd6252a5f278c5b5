/* Captures: the file as libpcap reads it. [libpcap pcap-savefile(5)] */
#include "devices/net/pcap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "tests/check/check_main.h"

START_TEST(a_capture_is_a_pcap_file)
{
    char path[] = "/tmp/verdite-pcap-XXXXXX";
    struct net_pcap pcap;
    struct error error = { "" };
    uint8_t bytes[400];
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(net_pcap_open(&pcap, path, UINT64_C(1000000000), &error), 0);
    uint8_t arp[60] = { [12] = 8, [13] = 6 };
    struct net_frame *frame = net_frame_of(arp, sizeof(arp));
    frame->tagged = true;
    frame->tag = 5;
    net_pcap_write(&pcap, 42, frame);
    memset(bytes, 0x5a, sizeof(bytes));
    struct net_frame *large = net_frame_of(bytes, sizeof(bytes));
    net_pcap_write(&pcap, UINT64_C(2000000000), large);
    net_pcap_close(&pcap);
    uint8_t file[1024];
    ssize_t n = read(fd, file, sizeof(file));
    ck_assert_int_eq((int)n, 24 + 16 + 64 + 16 + 400);
    ck_assert_uint_eq(le32_load(file), 0xa1b23c4d);
    ck_assert_uint_eq(le32_load(file + 20), 1);
    ck_assert_uint_eq(le32_load(file + 24), 1); /* seconds */
    ck_assert_uint_eq(le32_load(file + 28), 42);
    ck_assert_uint_eq(le32_load(file + 32), 64);
    ck_assert_mem_eq(file + 40 + 12, "\x81\x00\x00\x05\x08\x06", 6);
    ck_assert_uint_eq(le32_load(file + 104), 3);
    ck_assert_uint_eq(le32_load(file + 112), 400);
    ck_assert_uint_eq(file[104 + 16 + 399], 0x5a);
    net_frame_free(frame);
    net_frame_free(large);
    close(fd);
    unlink(path);
}
END_TEST

static Suite *suite_pcap(void)
{
    Suite *suite = suite_create("devices/net/pcap");
    TCase *tcase = tcase_create("pcap");

    tcase_add_test(tcase, a_capture_is_a_pcap_file);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_pcap())
