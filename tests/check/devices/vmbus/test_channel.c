/* Channels: packets both ways around the ring's end, signals, back pressure, guests that break the rules, buffers. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "tests/check/check_main.h"
#include "tests/support/vmbus_rig.h"

enum { RINGS_AT = 8 };

static struct vmbus_rig *rig;
static struct vmbus_channel *channel;
static struct rig_ring to_host, to_guest;
static uint32_t relid;

static void setup(void)
{
    rig = vmbus_rig_create();
    relid = rig_connect(rig);
    ck_assert(rig_open_at(rig, relid, RINGS_AT));
    channel = rig->device.vmbus.channel[0];
    to_host = rig_ring_out(rig, RINGS_AT);
    to_guest = rig_ring_in(rig, RINGS_AT);
}

static void teardown(void)
{
    vmbus_rig_destroy(rig);
}

static void tell_host(void)
{
    vmbus_server_signaled(&rig->server, relid);
}

static uint64_t draw(uint64_t *random, uint64_t below)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random % below;
}

static void fill(uint8_t *bytes, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (uint8_t)((seed + i) * 31 >> 3);
    }
}

/* ---- packets ---- */

START_TEST(packets_go_around_in_order)
{
    uint8_t payload[2048], packet[4096];
    uint64_t random = 5, sent = 0, got = 0, sizes[64];
    bool signal;

    rig->device.echo = true;
    while (got < 5000) {
        uint64_t n = draw(&random, sizeof(payload));
        fill(payload, n, sent);
        if (sent - got < ARRAY_SIZE(sizes) &&
            rig_put(&to_host, VMBUS_PACKET_INBAND, VMBUS_PACKET_FLAG_COMPLETE, sent ^ 0xffff000000,
                    NULL, 0, payload, (uint32_t)n, &signal)) {
            sizes[sent++ % ARRAY_SIZE(sizes)] = n;
            if (signal) {
                tell_host();
            }
            continue;
        }
        tell_host(); /* the ring is full, or enough is under way */
        unsigned take = 1 + (unsigned)draw(&random, 8);
        uint32_t length;
        while (take-- > 0 && (length = rig_get(&to_guest, packet, sizeof(packet), &signal)) > 0) {
            n = sizes[got % ARRAY_SIZE(sizes)];
            fill(payload, n, got);
            ck_assert_uint_eq(le16_load(packet), VMBUS_PACKET_COMPLETION);
            ck_assert_uint_eq(le64_load(packet + 8), got ^ 0xffff000000);
            ck_assert_uint_eq(length, 16 + ((n + 7) & ~UINT64_C(7)));
            ck_assert_mem_eq(packet + 16, payload, n);
            got++;
            if (signal) {
                tell_host();
            }
        }
    }
    ck_assert_uint_eq(channel->counters.packets_in, rig->device.packets);
    ck_assert(!channel->broken);
    ck_assert_uint_gt(channel->counters.full, 10); /* it was full at times */
}
END_TEST

START_TEST(a_packet_is_what_was_sent)
{
    static const uint8_t header[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    bool signal;

    ck_assert(rig_put(&to_host, VMBUS_PACKET_GPA_DIRECT, VMBUS_PACKET_FLAG_COMPLETE, 99, header, 8,
                      "payload", 7, &signal));
    ck_assert(signal);
    tell_host();
    ck_assert_uint_eq(rig->device.packets, 1);
    ck_assert_uint_eq(rig->device.last.type, VMBUS_PACKET_GPA_DIRECT);
    ck_assert(rig->device.last.wants_completion);
    ck_assert_uint_eq(rig->device.last.transaction, 99);
    ck_assert_uint_eq(rig->device.last.header_bytes, 8);
    ck_assert_uint_eq(rig->device.last.payload_bytes, 8);
    ck_assert_mem_eq(rig->device.last_payload, "payload", 8);
}
END_TEST

START_TEST(transfer_packets_name_their_ranges)
{
    const struct vmbus_transfer_range ranges[] = { { 100, 200 }, { 300, 400 } };
    uint8_t packet[256];
    bool signal;

    vmbus_device_lock(&rig->device.vmbus);
    ck_assert_int_eq(vmbus_channel_send_transfer(channel, 0xcafe, ranges, 2, "abc", 3, 7), 0);
    ck_assert_int_eq(
        vmbus_channel_send_transfer(channel, 0, ranges, VMBUS_TRANSFER_RANGES_MAX + 1, "", 0, 7),
        -EMSGSIZE);
    vmbus_device_unlock(&rig->device.vmbus);
    ck_assert_uint_eq(rig_get(&to_guest, packet, sizeof(packet), &signal), 48);
    ck_assert_uint_eq(le16_load(packet), VMBUS_PACKET_TRANSFER_PAGES);
    ck_assert_uint_eq(le16_load(packet + 2), 5); /* the payload at 40 */
    ck_assert_uint_eq(le16_load(packet + 6), VMBUS_PACKET_FLAG_COMPLETE);
    ck_assert_uint_eq(le16_load(packet + 16), 0xcafe);
    ck_assert_uint_eq(le32_load(packet + 20), 2);
    ck_assert_uint_eq(le32_load(packet + 24), 100);
    ck_assert_uint_eq(le32_load(packet + 36), 400);
    ck_assert_mem_eq(packet + 40, "abc\0\0\0\0\0", 8);
}
END_TEST

/* ---- signals ---- */

static int send(uint32_t n)
{
    static const uint8_t bytes[3 * 4096];

    vmbus_device_lock(&rig->device.vmbus);
    int status = vmbus_channel_send(channel, bytes, n, 0, false);
    vmbus_device_unlock(&rig->device.vmbus);
    return status;
}

START_TEST(the_guest_is_signalled_when_its_ring_was_empty)
{
    uint8_t packet[256];
    bool signal;
    unsigned before = rig->signals[relid];

    ck_assert_int_eq(send(8), 0);
    ck_assert_uint_eq(rig->signals[relid], before + 1);
    ck_assert_int_eq(send(8), 0);
    ck_assert_int_eq(send(8), 0);
    ck_assert_uint_eq(rig->signals[relid], before + 1);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(rig_get(&to_guest, packet, sizeof(packet), &signal), 24);
    }
    ck_assert_int_eq(send(8), 0);
    ck_assert_uint_eq(rig->signals[relid], before + 2);
    ck_assert_uint_eq(rig_get(&to_guest, packet, sizeof(packet), &signal), 24);
    le32_store(to_guest.control + VMBUS_RING_INTERRUPT_MASK, 1); /* the guest polls */
    ck_assert_int_eq(send(8), 0);
    ck_assert_uint_eq(rig->signals[relid], before + 2);
}
END_TEST

START_TEST(the_host_masks_while_it_reads)
{
    bool signal;

    ck_assert_uint_eq(le32_load(to_host.control + VMBUS_RING_INTERRUPT_MASK), 0);
    rig->device.taken = VMBUS_LATER;
    ck_assert(rig_put(&to_host, VMBUS_PACKET_INBAND, 0, 0, NULL, 0, "a", 1, &signal));
    ck_assert(signal);
    tell_host();
    ck_assert_uint_eq(le32_load(to_host.control + VMBUS_RING_INTERRUPT_MASK), 1);
    ck_assert(channel->paused);
    ck_assert_uint_eq(le32_load(to_host.control + VMBUS_RING_READ_INDEX), 0);
    ck_assert(rig_put(&to_host, VMBUS_PACKET_INBAND, 0, 0, NULL, 0, "b", 1, &signal));
    ck_assert(!signal);
    tell_host();
    ck_assert_uint_eq(rig->device.packets, 0);
    rig->device.taken = VMBUS_TAKEN;
    unsigned wakes = rig->wakes;
    vmbus_device_lock(&rig->device.vmbus);
    vmbus_channel_resume(channel);
    vmbus_device_unlock(&rig->device.vmbus);
    ck_assert_uint_eq(rig->device.packets, 0); /* posted */
    ck_assert_uint_gt(rig->wakes, wakes);
    vmbus_server_work(&rig->server);
    ck_assert_uint_eq(rig->device.packets, 2);
    ck_assert_uint_eq(le32_load(to_host.control + VMBUS_RING_INTERRUPT_MASK), 0);
}
END_TEST

START_TEST(a_guest_that_waits_for_room_is_told_once)
{
    bool signal;
    unsigned n = 0;

    while (rig_put(&to_host, VMBUS_PACKET_INBAND, 0, 0, NULL, 0, "12345678", 8, &signal)) {
        n++;
    }
    ck_assert_uint_eq(n, 3 * 4096 / 32 - 1); /* never filled whole */
    le32_store(to_host.control + VMBUS_RING_PENDING_SEND, 100);
    unsigned before = rig->signals[relid];
    tell_host();
    ck_assert_uint_lt(rig->device.packets, n); /* others have their turn */
    vmbus_server_work(&rig->server);
    ck_assert_uint_eq(rig->device.packets, n);
    ck_assert_uint_eq(rig->signals[relid], before + 1);
}
END_TEST

START_TEST(nobody_is_told_of_room_that_was_there)
{
    bool signal;

    ck_assert(rig_put(&to_host, VMBUS_PACKET_INBAND, 0, 0, NULL, 0, "12345678", 8, &signal));
    le32_store(to_host.control + VMBUS_RING_PENDING_SEND, 100);
    unsigned before = rig->signals[relid];
    tell_host();
    ck_assert_uint_eq(rig->device.packets, 1);
    ck_assert_uint_eq(rig->signals[relid], before);
}
END_TEST

/* ---- back pressure ---- */

START_TEST(packets_wait_for_room)
{
    uint8_t packet[4096];
    bool signal;
    unsigned sent = 0, got = 0, told = 0;

    while (!channel->congested) {
        ck_assert_int_eq(send(1000), 0);
        sent++;
    }
    ck_assert_int_eq(send(1000), 0);
    sent++;
    ck_assert_uint_eq(le32_load(to_guest.control + VMBUS_RING_PENDING_SEND), 1024);
    ck_assert(rig_put(&to_host, VMBUS_PACKET_INBAND, 0, 0, NULL, 0, "x", 1, &signal));
    tell_host();
    ck_assert_uint_eq(rig->device.packets, 0); /* nothing is taken meanwhile */
    while (rig_get(&to_guest, packet, sizeof(packet), &signal) > 0) {
        got++;
        told += signal;
        if (signal) {
            tell_host();
        }
    }
    ck_assert_uint_eq(got, sent);
    ck_assert_uint_ge(told, 1);
    ck_assert_uint_eq(rig->device.writable, 1);
    ck_assert_uint_eq(rig->device.packets, 1);
    ck_assert(!vmbus_channel_congested(channel));
    ck_assert_uint_eq(le32_load(to_guest.control + VMBUS_RING_PENDING_SEND), 0);
}
END_TEST

START_TEST(a_guest_that_tells_nothing_is_looked_at_again)
{
    uint8_t packet[4096];
    bool signal;

    while (!channel->congested) {
        ck_assert_int_eq(send(1000), 0);
    }
    vmbus_server_work(&rig->server);
    ck_assert(rig->server.retry);
    while (rig_get(&to_guest, packet, sizeof(packet), &signal) > 0) {
    }
    vmbus_server_work(&rig->server);
    ck_assert(!channel->congested);
    ck_assert_uint_gt(rig_get(&to_guest, packet, sizeof(packet), &signal), 0);
    vmbus_server_work(&rig->server);
    ck_assert(!rig->server.retry);
}
END_TEST

START_TEST(sending_has_limits)
{
    unsigned n = 0;
    int status;

    ck_assert_int_eq(send(3 * 4096), -EMSGSIZE);
    ck_assert_int_eq(send(3 * 4096 - 16 - 8), -EMSGSIZE);
    ck_assert_int_eq(send(3 * 4096 - 16 - 16), 0);
    while ((status = send(8192)) == 0) {
        n++;
    }
    ck_assert_int_eq(status, -ENOBUFS);
    ck_assert_uint_eq(n, VMBUS_WAITING_MAX / (8192 + 16));
    rig_close(rig, relid);
    ck_assert_int_eq(send(8), -ENOTCONN);
    ck_assert_uint_eq(channel->n_waiting, 0);
}
END_TEST

/* ---- rules broken ---- */

static const struct {
    const char *what;
    bool of_host_ring;
    unsigned offset; /* of the control page; 4096 and on: data */
    uint32_t value;
} broken_rows[] = {
    { "a write index behind the end", false, 0, 3 * 4096 },
    { "a write index that is odd", false, 0, 33 },
    { "the greatest write index", false, 0, UINT32_MAX },
    { "half a packet", false, 0, 16 },
    { "a packet longer than what is there", false, 4096 + 4, 1000 },
    { "a packet of no length", false, 4096 + 4, 0 },
    { "a payload behind the end", false, 4096 + 2, 3 << 16 | 4 },
    { "a payload inside the descriptor", false, 4096 + 0, 1 << 16 | 6 },
    { "an unknown type", false, 4096 + 0, 2 << 16 | 0x55 },
    { "a read index behind the end", true, 4, 3 * 4096 },
    { "a read index that is odd", true, 4, 1 },
};

START_TEST(a_guest_that_breaks_the_rules_stops_its_channel)
{
    struct rig_ring *ring = broken_rows[_i].of_host_ring ? &to_guest : &to_host;
    bool signal;

    rig->device.echo = true;
    ck_assert(rig_put(&to_host, VMBUS_PACKET_INBAND, 0, 0, NULL, 0, "12345678", 8, &signal));
    le32_store(ring->control + broken_rows[_i].offset, broken_rows[_i].value);
    tell_host();
    ck_assert_msg(channel->broken, "%s is taken", broken_rows[_i].what);
    ck_assert_uint_eq(rig->device.packets, broken_rows[_i].of_host_ring);
    ck_assert_int_eq(send(8), -ENOTCONN);
    tell_host();
    vmbus_server_work(&rig->server);
    rig_close(rig, relid);
    ck_assert(rig_teardown(rig, relid, 0xe1e10 + relid));
    ck_assert(rig_open_at(rig, relid, RINGS_AT)); /* it may begin anew */
    ck_assert(rig_put(&to_host, VMBUS_PACKET_INBAND, 0, 0, NULL, 0, "12345678", 8, &signal));
    tell_host();
    ck_assert_uint_eq(rig->device.packets, 1u + broken_rows[_i].of_host_ring);
}
END_TEST

/* ---- buffers ---- */

static uint32_t put_range(uint8_t *bytes, uint32_t count, uint32_t offset, const uint64_t *gpfn,
                          unsigned n)
{
    le32_store(bytes, count);
    le32_store(bytes + 4, offset);
    for (unsigned i = 0; i < n; i++) {
        le64_store(bytes + 8 + 8 * i, gpfn[i]);
    }
    return 8 + 8 * n;
}

START_TEST(buffers_are_read_and_written_page_by_page)
{
    const struct vmbus_memory *memory = rig->device.vmbus.memory;
    uint8_t header[128] = { 0 }, bytes[10000], back[10000];
    struct vmbus_packet packet = { .type = VMBUS_PACKET_GPA_DIRECT, .header = header };
    struct vmbus_buffer buffer;
    uint32_t first;
    gpa_t gpa;

    le32_store(header + 4, 2);
    uint32_t n = 8 + put_range(header + 8, 5000, 4000, (const uint64_t[]){ 50, 40, 41 }, 3);
    n += put_range(header + n, 100, 8, (const uint64_t[]){ 60 }, 1);
    packet.header_bytes = n;
    ck_assert_int_eq(vmbus_packet_buffer(&packet, &buffer, &first), 0);
    ck_assert_uint_eq(first, 5000);
    ck_assert_uint_eq(buffer.length, 5100);
    ck_assert_uint_eq(buffer.n_segments, 3); /* 40 and 41 are neighbours */
    ck_assert(vmbus_buffer_gpa(&buffer, 96, &gpa) && gpa == 40 * PAGE_SIZE);
    ck_assert(vmbus_buffer_gpa(&buffer, 5000, &gpa) && gpa == 60 * PAGE_SIZE + 8);
    ck_assert(!vmbus_buffer_gpa(&buffer, 5100, &gpa));
    fill(bytes, sizeof(bytes), 3);
    ck_assert(vmbus_buffer_write(memory, &buffer, 0, bytes, 5100));
    ck_assert_mem_eq(ram_host(&rig->ram, 50 * PAGE_SIZE + 4000), bytes, 96);
    ck_assert_mem_eq(ram_host(&rig->ram, 40 * PAGE_SIZE), bytes + 96, 4904);
    ck_assert_mem_eq(ram_host(&rig->ram, 60 * PAGE_SIZE + 8), bytes + 5000, 100);
    for (uint32_t at = 0; at < 5100; at += 97) {
        uint32_t piece = 5100 - at < 300 ? 5100 - at : 300;
        ck_assert(vmbus_buffer_read(memory, &buffer, at, back, piece));
        ck_assert_mem_eq(back, bytes + at, piece);
    }
    ck_assert(vmbus_buffer_read(memory, &buffer, 5100, back, 0));
    ck_assert(!vmbus_buffer_read(memory, &buffer, 5100, back, 1));
    ck_assert(!vmbus_buffer_read(memory, &buffer, 5000, back, 101));
    ck_assert(!vmbus_buffer_read(memory, &buffer, UINT32_MAX, back, 2));
    vmbus_buffer_fini(&buffer);
}
END_TEST

START_TEST(bad_ranges_are_refused)
{
    static const struct {
        const char *what;
        uint32_t ranges, count, offset, cut;
        uint64_t gpfn;
        int status;
    } rows[] = {
        { "one page", 1, 4096, 0, 24, 5, 0 },
        { "no range", 0, 4096, 0, 24, 5, -EINVAL },
        { "more ranges than bytes", 2, 4096, 0, 24, 5, -EINVAL },
        { "the most ranges", UINT32_MAX, 4096, 0, 24, 5, -EINVAL },
        { "no bytes", 1, 0, 0, 24, 5, -EINVAL },
        { "the most bytes", 1, UINT32_MAX, 0, 24, 5, -EINVAL },
        { "an offset of a page", 1, 1, 4096, 24, 5, -EINVAL },
        { "a page number that is cut", 1, 4096, 0, 20, 5, -EINVAL },
        { "no header", 1, 4096, 0, 8, 5, -EINVAL },
        { "a page of 64 bits", 1, 4096, 0, 24, UINT64_C(1) << 52, -EINVAL },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        uint8_t header[24] = { 0 };
        struct vmbus_packet packet = { .type = VMBUS_PACKET_GPA_DIRECT,
                                       .header = header,
                                       .header_bytes = rows[i].cut };
        struct vmbus_buffer buffer;
        le32_store(header + 4, rows[i].ranges);
        put_range(header + 8, rows[i].count, rows[i].offset, &rows[i].gpfn, 1);
        int status = vmbus_packet_buffer(&packet, &buffer, NULL);
        ck_assert_msg(status == rows[i].status, "%s: %d", rows[i].what, status);
        vmbus_buffer_fini(&buffer);
        packet.type = VMBUS_PACKET_INBAND;
        ck_assert_int_eq(vmbus_packet_buffer(&packet, &buffer, NULL), -EINVAL);
    }
}
END_TEST

START_TEST(absent_pages_refuse_the_copy)
{
    const struct vmbus_memory *memory = rig->device.vmbus.memory;
    uint8_t bytes[3 * 4096] = { 0 };

    ck_assert(vmbus_memory_write(memory, (RIG_HOLE - 1) * PAGE_SIZE, bytes, PAGE_SIZE));
    ck_assert(!vmbus_memory_write(memory, (RIG_HOLE - 1) * PAGE_SIZE + 1, bytes, PAGE_SIZE));
    ck_assert(!vmbus_memory_read(memory, RIG_HOLE * PAGE_SIZE, bytes, 1));
    ck_assert(!vmbus_memory_read(memory, RIG_PAGES * PAGE_SIZE - 1, bytes, 2));
    ck_assert(vmbus_memory_read(memory, RIG_PAGES * PAGE_SIZE - 1, bytes, 1));
}
END_TEST

/* ---- GUIDs ---- */

START_TEST(guids_lie_and_read_as_linux_has_them)
{
    static const struct vmbus_guid scsi =
        VMBUS_GUID(0xba6163d9, 0x04a1, 0x4d29, 0xb605, 0x72e2ffb1dc7f);
    char text[VMBUS_GUID_TEXT];

    /* modalias vmbus:d96361baa104294db60572e2ffb1dc7f */
    ck_assert_mem_eq(scsi.bytes, "\xd9\x63\x61\xba\xa1\x04\x29\x4d\xb6\x05\x72\xe2\xff\xb1\xdc\x7f",
                     16);
    vmbus_guid_text(&scsi, text);
    ck_assert_str_eq(text, "ba6163d9-04a1-4d29-b605-72e2ffb1dc7f");
}
END_TEST

static Suite *suite_channel(void)
{
    Suite *suite = suite_create("devices/vmbus");
    TCase *tcase = tcase_create("channel");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, packets_go_around_in_order);
    tcase_add_test(tcase, a_packet_is_what_was_sent);
    tcase_add_test(tcase, transfer_packets_name_their_ranges);
    tcase_add_test(tcase, the_guest_is_signalled_when_its_ring_was_empty);
    tcase_add_test(tcase, the_host_masks_while_it_reads);
    tcase_add_test(tcase, a_guest_that_waits_for_room_is_told_once);
    tcase_add_test(tcase, nobody_is_told_of_room_that_was_there);
    tcase_add_test(tcase, packets_wait_for_room);
    tcase_add_test(tcase, a_guest_that_tells_nothing_is_looked_at_again);
    tcase_add_test(tcase, sending_has_limits);
    tcase_add_loop_test(tcase, a_guest_that_breaks_the_rules_stops_its_channel, 0,
                        ARRAY_SIZE(broken_rows));
    tcase_add_test(tcase, buffers_are_read_and_written_page_by_page);
    tcase_add_test(tcase, bad_ranges_are_refused);
    tcase_add_test(tcase, absent_pages_refuse_the_copy);
    tcase_add_test(tcase, guids_lie_and_read_as_linux_has_them);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_channel())
