/* VMBus over the hypervisor itself: a child's hypercalls, SIMP slots and event flags; ports and pools back at their start. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/synthetic/heartbeat.h"
#include "partitions/hv/memory.h"
#include "partitions/vmbus/gpa_map.h"
#include "partitions/vmbus/host.h"
#include "partitions/vmbus/saved_state.h"
#include "tests/check/check_main.h"
#include "tests/check/partitions/hv/hv_fixture.h"

enum {
    SINT = 2,
    VECTOR = 0xf3,
    RINGS_AT = 24, /* a page of the child */
    RING_PAGES = 8,
    EOM = 0x40000084,
    INSUFFICIENT_BUFFERS = 0x13,
};

static struct fixture *fixture;
static struct fixture_machine *m;
static struct vmbus_host host;
static struct heartbeat heartbeat[3];
static unsigned seen_sinks;
static uint8_t message[HV_MESSAGE_SIZE]; /* the last of the host, from its slot */

static uint64_t a_time(void *opaque)
{
    (void)opaque;
    return 1;
}

static unsigned ports_of(const struct partition *partition)
{
    unsigned n = 0;

    for (const struct port *port = partition->port_list; port != NULL; port = port->next) {
        n++;
    }
    for (const struct connection *c = partition->connection_list; c != NULL; c = c->next) {
        n += 0x10000;
    }
    return n;
}

static struct error error;

static void setup(void)
{
    fixture = fixture_create(false);
    m = &fixture->machine[0];
    seen_sinks = 0;
    ck_assert_int_eq(vmbus_host_init(&host, &m->hv, m->child, m->root_vp, &m->trace, &error), 0);
    const struct ic_world world = { .clock = &m->clock,
                                    .trace = &m->trace,
                                    .partition = (uint32_t)m->child->id,
                                    .wall_100ns = a_time,
                                    .reference_100ns = a_time };
    for (unsigned i = 0; i < ARRAY_SIZE(heartbeat); i++) {
        memset(&heartbeat[i], 0, sizeof(heartbeat[i]));
        ck_assert_int_eq(heartbeat_init(&heartbeat[i], &world), 0);
        heartbeat[i].ic.vmbus.offer.instance.bytes[0] = (uint8_t)i;
        vmbus_server_add(&host.server, &heartbeat[i].ic.vmbus);
    }
    fixture_synic_on(m->vp, SINT, VECTOR);
}

static void teardown(void)
{
    vmbus_host_fini(&host);
    for (unsigned i = 0; i < ARRAY_SIZE(heartbeat); i++) {
        ic_fini(&heartbeat[i].ic);
    }
    fixture_destroy(fixture);
}

/* The machine forwards the hypervisor's call, and its clock runs the work. */
static void run(uint64_t ns)
{
    if (m->calls.sinks != seen_sinks) {
        seen_sinks = m->calls.sinks;
        vmbus_host_sink(&host, SINT);
    }
    fixture_advance(m, ns);
}

static hv_status_t post_on(uint32_t connection, unsigned number, uint8_t *bytes, uint32_t n)
{
    const struct hv_caller child = fixture_caller(m->vp);
    uint8_t in[256] = { 0 };

    le32_store(bytes, number);
    le32_store(bytes + 4, 0);
    le32_store(in, connection);
    le32_store(in + 8, 1);
    le32_store(in + 12, n);
    memcpy(in + 16, bytes, n);
    return hv_call(&child, 0x5c, in, sizeof(in), NULL, 0, 0, NULL);
}

static void post(unsigned number, uint8_t *bytes, uint32_t n)
{
    ck_assert_int_eq(post_on(VMBUS_CONNECTION_MESSAGES_5, number, bytes, n), HV_STATUS_SUCCESS);
    run(0);
}

/* Take what is in the slot as a guest does: copy, free it, EOM if more waits. False: it is free. */
static bool take(void)
{
    gpa_t slot = FIXTURE_SIMP_GPA + SINT * HV_MESSAGE_SIZE;
    const uint32_t none = 0;

    ck_assert(space_read(&m->child->space, slot, message, sizeof(message)));
    if (le32_load(message) == 0) {
        return false;
    }
    ck_assert_uint_eq(le32_load(message), 1);
    ck_assert(space_write(&m->child->space, slot, &none, 4));
    if ((message[5] & 1) != 0) {
        ck_assert_int_eq(hv_msr_write(m->vp, EOM, 0), CORE_OK);
    }
    return true;
}

static const uint8_t *expect(unsigned number, uint32_t n)
{
    ck_assert_msg(take(), "message %u has not come", number);
    ck_assert_uint_eq(le32_load(message + 16), number);
    ck_assert_uint_eq(message[4], n);
    return message + 16;
}

static void contact(void)
{
    uint8_t bytes[40] = { 0 };

    le32_store(bytes + CONTACT_VERSION, VMBUS_VERSION_5_3);
    bytes[CONTACT_SINT] = SINT;
    post(VMBUS_MESSAGE_INITIATE_CONTACT, bytes, sizeof(bytes));
    const uint8_t *answer = expect(VMBUS_MESSAGE_VERSION_RESPONSE, 16);
    ck_assert_uint_eq(answer[VERSION_SUPPORTED], 1);
    ck_assert_uint_eq(le32_load(answer + VERSION_SELECTED), 4);
}

/* Three offers; the relid of the first. */
static uint32_t offers(void)
{
    uint8_t bytes[8];
    uint32_t relid = 0;

    post(VMBUS_MESSAGE_REQUEST_OFFERS, bytes, sizeof(bytes));
    for (unsigned i = 0; i < ARRAY_SIZE(heartbeat); i++) {
        const uint8_t *offer = expect(VMBUS_MESSAGE_OFFER_CHANNEL, 196);
        relid = i == 0 ? le32_load(offer + OFFER_RELID) : relid;
        ck_assert_uint_eq(le32_load(offer + OFFER_CONNECTION), 0x2000 + relid + i);
    }
    (void)expect(VMBUS_MESSAGE_ALL_OFFERS_DELIVERED, 8);
    ck_assert(!take());
    return relid;
}

static void open_rings(uint32_t relid)
{
    uint8_t gpadl[28 + 8 * RING_PAGES] = { 0 }, open[148] = { 0 };
    static const uint8_t zeros[RING_PAGES * PAGE_SIZE];

    ck_assert(space_write(&m->child->space, RINGS_AT * PAGE_SIZE, zeros, sizeof(zeros)));
    le32_store(gpadl + GPADL_RELID, relid);
    le32_store(gpadl + GPADL_ID, 9);
    le16_store(gpadl + GPADL_RANGE_BYTES, 8 + 8 * RING_PAGES);
    le16_store(gpadl + GPADL_RANGES, 1);
    le32_store(gpadl + GPADL_RANGE, RING_PAGES * PAGE_SIZE);
    for (unsigned i = 0; i < RING_PAGES; i++) {
        le64_store(gpadl + 28 + 8 * i, RINGS_AT + i);
    }
    post(VMBUS_MESSAGE_GPADL_HEADER, gpadl, sizeof(gpadl));
    ck_assert_uint_eq(le32_load(expect(VMBUS_MESSAGE_GPADL_CREATED, 20) + GPADL_CREATED_STATUS), 0);
    le32_store(open + OPEN_RELID, relid);
    le32_store(open + OPEN_GPADL, 9);
    le32_store(open + OPEN_DOWNSTREAM, RING_PAGES / 2);
    post(VMBUS_MESSAGE_OPEN_CHANNEL, open, sizeof(open));
    ck_assert_uint_eq(le32_load(expect(VMBUS_MESSAGE_OPEN_CHANNEL_RESULT, 20) + OPEN_RESULT_STATUS),
                      0);
}

static uint8_t event_byte(uint32_t relid)
{
    uint8_t byte;

    ck_assert(space_read(&m->child->space, FIXTURE_SIEFP_GPA + SINT * 256 + relid / 8, &byte, 1));
    return byte;
}

/* ---- */

START_TEST(a_child_finds_its_devices)
{
    contact();
    ck_assert_uint_ne(offers(), 0);
    ck_assert_uint_eq(m->calls.last_vector, VECTOR);
    ck_assert_uint_eq(m->calls.interrupted_vp, 0);
}
END_TEST

START_TEST(packets_and_events_go_both_ways)
{
    const struct hv_caller child = fixture_caller(m->vp);
    uint32_t relid, write;
    uint8_t signal[8] = { 0 }, packet[16 + 64 + 8];

    contact();
    relid = offers();
    open_rings(relid);
    ck_assert_uint_eq(event_byte(relid) >> relid % 8 & 1, 0);
    run(2000000); /* the component speaks */
    ck_assert_uint_eq(event_byte(relid) >> relid % 8 & 1, 1);
    gpa_t to_guest = (RINGS_AT + RING_PAGES / 2) * PAGE_SIZE;
    ck_assert(space_read(&m->child->space, to_guest, &write, 4));
    ck_assert_uint_eq(write, 80);
    ck_assert(space_read(&m->child->space, to_guest + PAGE_SIZE, packet, 80));
    /* The versions picked, and back into the other ring. */
    packet[16 + 8 + 17] = 5;
    le32_store(packet + 16 + 28, 1 | 1u << 16);
    le32_store(packet + 16 + 28 + 8 + 4, 3);
    gpa_t to_host = RINGS_AT * PAGE_SIZE;
    write = 80;
    ck_assert(space_write(&m->child->space, to_host + PAGE_SIZE, packet, 80));
    ck_assert(space_write(&m->child->space, to_host, &write, 4));
    le32_store(signal, VMBUS_CONNECTION_EVENTS + relid);
    ck_assert_int_eq(hv_call(&child, 0x5d, signal, sizeof(signal), NULL, 0, 0, NULL),
                     HV_STATUS_SUCCESS);
    run(0);
    ck_assert(heartbeat[0].ic.agreed);
    ck_assert(!heartbeat[1].ic.agreed);
    ck_assert_uint_eq(heartbeat[0].ic.version.major, 3);
}
END_TEST

START_TEST(a_child_without_privileges_is_heard_by_nobody)
{
    uint8_t bytes[40] = { 0 };

    m->child->privileges &= ~(UINT64_C(1) << HV_PRIVILEGE_BIT_POST_MESSAGES);
    ck_assert_int_eq(
        post_on(VMBUS_CONNECTION_MESSAGES_5, VMBUS_MESSAGE_INITIATE_CONTACT, bytes, 40),
        HV_STATUS_ACCESS_DENIED);
    ck_assert_uint_eq(host.server.counters.messages_in, 0);
}
END_TEST

START_TEST(old_versions_come_on_the_first_connection)
{
    uint8_t bytes[40] = { 0 };

    le32_store(bytes + CONTACT_VERSION, VMBUS_VERSION_2_4);
    ck_assert_int_eq(post_on(VMBUS_CONNECTION_MESSAGES, VMBUS_MESSAGE_INITIATE_CONTACT, bytes, 40),
                     HV_STATUS_SUCCESS);
    run(0);
    const uint8_t *answer = expect(VMBUS_MESSAGE_VERSION_RESPONSE, 16);
    ck_assert_uint_eq(answer[VERSION_SUPPORTED], 1);
    ck_assert_uint_eq(le32_load(answer + VERSION_SELECTED), VMBUS_VERSION_2_4);
    ck_assert_uint_ne(offers(), 0);
}
END_TEST

/* Neither side loses a message when a guest posts and never takes. */
START_TEST(a_flood_fills_the_ports_and_nothing_is_lost)
{
    uint8_t bytes[40] = { 0 };
    hv_status_t status = HV_STATUS_SUCCESS;
    uint32_t sent = 0, got = 0;

    contact();
    while (status == HV_STATUS_SUCCESS && sent < 1000) {
        le32_store(bytes + CONNECT_ENDPOINT, sent);
        status = post_on(VMBUS_CONNECTION_MESSAGES_5, VMBUS_MESSAGE_TL_CONNECT_REQUEST, bytes, 40);
        sent += status == HV_STATUS_SUCCESS;
        run(0);
    }
    ck_assert_int_eq(status, INSUFFICIENT_BUFFERS);
    ck_assert_uint_ge(sent, VMBUS_OUT_HIGH + HV_PORT_BUFFERS);
    while (got < sent) {
        if (take()) {
            ck_assert_uint_eq(le32_load(message + 16), VMBUS_MESSAGE_TL_CONNECT_REQUEST_RESULT);
            ck_assert_uint_eq(le32_load(message + 16 + CONNECT_ENDPOINT), got);
            got++;
        } else {
            ck_assert(m->clock.first != NULL); /* it will try again */
            run(100000);
        }
    }
    ck_assert(!take());
}
END_TEST

static int post_away(void *opaque, const uint8_t *bytes, size_t n)
{
    (void)opaque, (void)bytes, (void)n;
    return 0;
}

/* When the way out was full and is free again, all at once, what waits at the port is taken. */
START_TEST(what_waits_at_the_port_is_taken_when_the_way_out_is_free)
{
    uint8_t bytes[40] = { 0 };
    struct vmbus_wire_ops away;
    uint32_t sent = 0;

    contact();
    while (post_on(VMBUS_CONNECTION_MESSAGES_5, VMBUS_MESSAGE_TL_CONNECT_REQUEST, bytes, 40) ==
           HV_STATUS_SUCCESS) {
        sent++;
        run(0);
    }
    ck_assert(!vmbus_server_accepts(&host.server));
    away = *host.server.wire;
    away.post = post_away;
    host.server.wire = &away;
    for (unsigned i = 0; i < 10; i++) {
        fixture_advance(m, 100000);
    }
    ck_assert_uint_eq(host.server.counters.messages_in, sent + 1);
    ck_assert_uint_eq(host.server.counters.messages_out, sent + 1);
}
END_TEST

/* Messages that wait are saved; one that no host sends is refused, and not looked up by its number. */
START_TEST(saved_messages_are_the_hosts)
{
    static const uint8_t mark[8] = { 0x5a, 0xa5, 0x17, 0x71, 0x5a, 0xa5, 0x17, 0x72 };
    static const uint32_t numbers[] = { VMBUS_MESSAGE_TL_CONNECT_REQUEST_RESULT, 0,
                                        VMBUS_MESSAGE_OPEN_CHANNEL, 1000, UINT32_MAX };
    uint8_t bytes[40] = { 0 };
    struct state_buffer saved = { .bytes = NULL };

    contact();
    memcpy(bytes + CONNECT_ENDPOINT, mark, sizeof(mark));
    for (unsigned i = 0; i < HV_PORT_BUFFERS + 4; i++) {
        post(VMBUS_MESSAGE_TL_CONNECT_REQUEST, bytes, sizeof(bytes));
    }
    ck_assert_uint_gt(host.server.n_out, 0);
    state_write(&saved, &vmbus_host_saved_table, &host);
    uint8_t *at = memmem(saved.bytes, saved.n, mark, sizeof(mark));
    ck_assert(at != NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
        struct vmbus_host other;
        struct state_timers timers = { .at = NULL };
        le32_store(at - CONNECT_ENDPOINT, numbers[i]);
        vmbus_host_restore(&other, &m->hv, m->child, m->root_vp, &m->trace);
        int status = state_read(saved.bytes, saved.n, &vmbus_host_saved_table, &other, "vmbus",
                                &timers, &error);
        ck_assert_int_eq(status, i == 0 ? 0 : -EINVAL);
        other.contacted = false; /* the port is the first's */
        state_timers_fini(&timers);
        vmbus_host_fini(&other);
    }
    state_buffer_fini(&saved);
}
END_TEST

START_TEST(ports_and_pools_are_as_before)
{
    unsigned root = ports_of(m->root), child = ports_of(m->child);
    uint64_t root_pool = m->root->pool_used, child_pool = m->child->pool_used;
    uint8_t bytes[8];

    for (unsigned i = 0; i < 20; i++) {
        contact();
        open_rings(offers());
        ck_assert_uint_gt(m->child->pool_used, child_pool);
        if (i % 2 == 0) {
            post(VMBUS_MESSAGE_UNLOAD, bytes, sizeof(bytes));
            (void)expect(VMBUS_MESSAGE_UNLOAD_RESPONSE, 8);
        }
        vmbus_host_reset(&host);
        ck_assert_uint_eq(ports_of(m->root), root);
        ck_assert_uint_eq(ports_of(m->child), child);
        ck_assert_uint_eq(m->root->pool_used, root_pool);
        ck_assert_uint_eq(m->child->pool_used, child_pool);
        run(0);
    }
    ck_assert_uint_eq(root, 2);
    ck_assert_uint_eq(child, 2 * 0x10000);
}
END_TEST

START_TEST(only_mapped_pages_are_reached)
{
    spa_t spa;

    ck_assert(gpa_map_child(m->child, 0, SPACE_READ | SPACE_WRITE, &spa));
    ck_assert_uint_eq(spa, FIXTURE_CHILD_FROM * PAGE_SIZE);
    ck_assert(!gpa_map_child(m->child, FIXTURE_CHILD_PAGES, SPACE_READ, &spa));
    ck_assert(!gpa_map_child(m->child, UINT64_MAX >> PAGE_SHIFT, SPACE_READ, &spa));
    /* The page under the child's SIMP, not the hypervisor's overlay. */
    ck_assert(gpa_map_child(m->child, FIXTURE_SIMP_GPA >> PAGE_SHIFT, SPACE_READ, &spa));
    ck_assert_uint_eq(spa, (FIXTURE_CHILD_FROM + (FIXTURE_SIMP_GPA >> PAGE_SHIFT)) * PAGE_SIZE);
    hv_memory_unmap(m->child, 3);
    ck_assert(!gpa_map_child(m->child, 3, SPACE_READ, &spa));
}
END_TEST

static Suite *suite_host(void)
{
    Suite *suite = suite_create("partitions/vmbus/host");
    TCase *tcase = tcase_create("host");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_child_finds_its_devices);
    tcase_add_test(tcase, packets_and_events_go_both_ways);
    tcase_add_test(tcase, a_child_without_privileges_is_heard_by_nobody);
    tcase_add_test(tcase, old_versions_come_on_the_first_connection);
    tcase_add_test(tcase, a_flood_fills_the_ports_and_nothing_is_lost);
    tcase_add_test(tcase, what_waits_at_the_port_is_taken_when_the_way_out_is_free);
    tcase_add_test(tcase, saved_messages_are_the_hosts);
    tcase_add_test(tcase, ports_and_pools_are_as_before);
    tcase_add_test(tcase, only_mapped_pages_are_reached);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_host())
