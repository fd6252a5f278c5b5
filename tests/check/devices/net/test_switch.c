/* The virtual switch: learning, flooding, VLANs, filters, links, counters. [IEEE 802.1D 7, 802.1Q 8] */
#include "devices/net/switch.h"

#include <errno.h>
#include <string.h>

#include "tests/check/check_main.h"

enum { PORTS = 4, GOT = 16 };

struct end {
    struct net_port port;
    struct net_frame *got[GOT];
    unsigned n, links;
    bool link, full;
};

static struct clock the_clock(void)
{
    struct clock clock;

    clock_init(&clock, CLOCK_MODE_VIRTUAL);
    return clock;
}

struct world {
    struct clock clock;
    struct net_switch net;
    struct end end[PORTS];
};

static bool receive(void *opaque, struct net_frame *frame)
{
    struct end *end = opaque;

    if (end->full || end->n == GOT) {
        net_frame_free(frame);
        return false;
    }
    end->got[end->n++] = frame;
    return true;
}

static void link_changed(void *opaque, bool up)
{
    struct end *end = opaque;

    end->link = up;
    end->links++;
}

static const struct net_port_ops ops = { .receive = receive, .link = link_changed };

static void forget(struct world *world)
{
    for (unsigned i = 0; i < PORTS; i++) {
        for (unsigned k = 0; k < world->end[i].n; k++) {
            net_frame_free(world->end[i].got[k]);
        }
        world->end[i].n = 0;
    }
}

static void setup(struct world *world, enum net_switch_kind kind)
{
    memset(world, 0, sizeof(*world));
    world->clock = the_clock();
    net_switch_init(&world->net, "lan", kind, &world->clock);
    for (unsigned i = 0; i < PORTS; i++) {
        struct net_port *port = &world->end[i].port;
        *port = (struct net_port){ .ops = &ops,
                                   .opaque = &world->end[i],
                                   .filter = NET_FILTER_DIRECTED | NET_FILTER_BROADCAST |
                                             NET_FILTER_ALL_MULTICAST };
        port->name[0] = (char)('a' + i);
        memcpy(port->mac, (const uint8_t[]){ 2, 0, 0, 0, 0, (uint8_t)(i + 1) }, NET_MAC_BYTES);
        ck_assert_int_eq(net_switch_plug(&world->net, port, NULL), 0);
    }
}

static void teardown(struct world *world)
{
    forget(world);
    net_switch_fini(&world->net);
    clock_fini(&world->clock);
}

/* A frame of 60 bytes; to and from are last bytes of addresses, 0xff: broadcast, 0x80 and up: multicast. */
static struct net_frame *frame_of(uint8_t to, uint8_t from)
{
    uint8_t bytes[60] = { 2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 0x88, 0xb5, 1, 2, 3 };

    if (to == 0xff) {
        memset(bytes, 0xff, NET_MAC_BYTES);
    } else if (to >= 0x80) {
        bytes[0] = 3;
    }
    return net_frame_of(bytes, sizeof(bytes));
}

static void send_from(struct world *world, unsigned port, uint8_t to, uint8_t from)
{
    net_switch_send(&world->end[port].port, frame_of(to, from));
}

static void send_tagged(struct world *world, unsigned port, uint8_t to, uint8_t from, uint16_t tag)
{
    struct net_frame *frame = frame_of(to, from);

    frame->tagged = true;
    frame->tag = tag;
    net_switch_send(&world->end[port].port, frame);
}

/* Which ports got exactly one frame; bit 7: some got more. */
static unsigned who_got(struct world *world)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < PORTS; i++) {
        mask |= world->end[i].n == 1 ? 1u << i : 0;
        mask |= world->end[i].n > 1 ? 0x80u : 0;
    }
    forget(world);
    return mask;
}

static const uint8_t mac_2[] = { 2, 0, 0, 0, 0, 2 };

START_TEST(an_unknown_address_floods_and_a_known_one_does_not)
{
    struct world world;

    setup(&world, NET_SWITCH_PRIVATE);
    for (unsigned i = 0; i < PORTS; i++) {
        world.end[i].port.filter |= NET_FILTER_PROMISCUOUS;
    }
    send_from(&world, 0, 2, 1);
    ck_assert_uint_eq(who_got(&world), 0xe);
    send_from(&world, 1, 1, 2); /* port 0 was learned */
    ck_assert_uint_eq(who_got(&world), 0x1);
    send_from(&world, 0, 2, 1);
    ck_assert_uint_eq(who_got(&world), 0x2);
    ck_assert_ptr_eq(net_switch_find(&world.net, 0, mac_2), &world.end[1].port);
    send_from(&world, 3, 9, 2); /* the address moved */
    forget(&world);
    send_from(&world, 0, 2, 1);
    ck_assert_uint_eq(who_got(&world), 0x8);
    send_from(&world, 3, 2, 5); /* to where it came from: nowhere */
    ck_assert_uint_eq(who_got(&world), 0);
    clock_advance(&world.clock, NET_SWITCH_AGE_NS + 1);
    send_from(&world, 0, 2, 1); /* forgotten */
    ck_assert_uint_eq(who_got(&world), 0xe);
    teardown(&world);
}
END_TEST

START_TEST(broadcast_reaches_all_and_filters_hold)
{
    struct world world;

    setup(&world, NET_SWITCH_PRIVATE);
    net_port_set_filter(&world.end[1].port, NET_FILTER_DIRECTED);
    net_port_set_filter(&world.end[2].port, 0);
    send_from(&world, 0, 0xff, 1);
    ck_assert_uint_eq(who_got(&world), 0x8);
    ck_assert_uint_eq(world.end[1].port.counters.drop_filter, 1);
    send_from(&world, 0, 0x81, 1); /* multicast */
    ck_assert_uint_eq(who_got(&world), 0x8);
    net_port_set_filter(&world.end[3].port, NET_FILTER_MULTICAST);
    send_from(&world, 0, 0x81, 1);
    ck_assert_uint_eq(who_got(&world), 0);
    const uint8_t group[] = { 3, 0, 0, 0, 0, 0x81 };
    net_port_set_groups(&world.end[3].port, group, 1);
    send_from(&world, 0, 0x81, 1);
    ck_assert_uint_eq(who_got(&world), 0x8);
    send_from(&world, 0, 0x82, 1);
    ck_assert_uint_eq(who_got(&world), 0);
    net_port_set_groups(&world.end[3].port, group, NET_PORT_GROUPS + 1);
    send_from(&world, 0, 0x82, 1);
    ck_assert_uint_eq(who_got(&world), 0x8);
    send_from(&world, 0, 2, 1); /* flooded, but only its owner wants it */
    ck_assert_uint_eq(who_got(&world), 0x2);
    teardown(&world);
}
END_TEST

START_TEST(a_link_that_is_down_passes_nothing)
{
    struct world world;

    setup(&world, NET_SWITCH_PRIVATE);
    send_from(&world, 1, 0xff, 2);
    forget(&world);
    net_port_set_link(&world.end[1].port, false);
    net_port_set_link(&world.end[1].port, false);
    ck_assert_uint_eq(world.end[1].links, 1);
    ck_assert_ptr_null(net_switch_find(&world.net, 0, mac_2));
    send_from(&world, 0, 0xff, 1);
    ck_assert_uint_eq(who_got(&world), 0xc);
    send_from(&world, 1, 0xff, 2);
    ck_assert_uint_eq(who_got(&world), 0);
    ck_assert_uint_eq(world.end[1].port.counters.drop_link, 2);
    net_port_set_link(&world.end[1].port, true);
    ck_assert(world.end[1].link);
    send_from(&world, 0, 0xff, 1);
    ck_assert_uint_eq(who_got(&world), 0xe);
    net_switch_unplug(&world.end[2].port);
    send_from(&world, 0, 0xff, 1);
    ck_assert_uint_eq(who_got(&world), 0xa);
    send_from(&world, 2, 0xff, 3); /* of an unplugged port: dropped */
    ck_assert_uint_eq(who_got(&world), 0);
    teardown(&world);
}
END_TEST

/* Ports: a access 5, b trunk 5-6 native 7, c untagged, d access 6. */
static const struct vlan_row {
    const char *what;
    unsigned from;
    int tag;      /* -1: untagged */
    unsigned got; /* mask */
    int out_tag;  /* on port b; -1: untagged */
} vlan_rows[] = {
    { "access into its trunk, tagged there", 0, -1, 0x2, 5 },
    { "a tag on an access port is refused", 0, 5, 0, -1 },
    { "a priority tag on an access port is its VLAN; the priority stays", 0, 0xe000, 0x2, 0xe005 },
    { "trunk 5 to access 5", 1, 5, 0x1, -1 },
    { "trunk 6 to access 6", 1, 6, 0x8, -1 },
    { "trunk 8 is not allowed", 1, 8, 0, -1 },
    { "trunk untagged is native 7: nobody else", 1, -1, 0, -1 },
    { "untagged stays among untagged", 2, -1, 0, -1 },
    { "access 6 into the trunk", 3, -1, 0x2, 6 },
};

START_TEST(vlans_part_ports)
{
    const struct vlan_row *row = &vlan_rows[_i];
    static const char *const settings[PORTS] = { "access 5", "trunk 5-6 native 7", "untagged",
                                                 "access 6" };
    struct world world;

    setup(&world, NET_SWITCH_PRIVATE);
    for (unsigned i = 0; i < PORTS; i++) {
        ck_assert_int_eq(net_vlan_parse(&world.end[i].port.vlan, settings[i], NULL), 0);
    }
    if (row->tag < 0) {
        send_from(&world, row->from, 0xff, (uint8_t)(row->from + 1));
    } else {
        send_tagged(&world, row->from, 0xff, (uint8_t)(row->from + 1), (uint16_t)row->tag);
    }
    for (unsigned i = 0; i < PORTS; i++) {
        for (unsigned k = 0; k < world.end[i].n; k++) {
            const struct net_frame *frame = world.end[i].got[k];
            ck_assert_int_eq(frame->tagged, i == 1);
            ck_assert_msg(i != 1 || frame->tag == row->out_tag, "%s", row->what);
        }
    }
    ck_assert_msg(who_got(&world) == row->got, "%s", row->what);
    ck_assert_uint_eq(world.end[row->from].port.counters.drop_vlan,
                      row->got == 0 && (row->tag == 5 || row->tag == 8));
    teardown(&world);
}
END_TEST

START_TEST(addresses_are_learned_per_vlan)
{
    struct world world;

    setup(&world, NET_SWITCH_PRIVATE);
    ck_assert_int_eq(net_vlan_parse(&world.end[0].port.vlan, "trunk 5,6", NULL), 0);
    ck_assert_int_eq(net_vlan_parse(&world.end[1].port.vlan, "access 5", NULL), 0);
    ck_assert_int_eq(net_vlan_parse(&world.end[2].port.vlan, "access 6", NULL), 0);
    send_from(&world, 1, 0xff, 9);
    send_from(&world, 2, 0xff, 9); /* the same address in two VLANs */
    forget(&world);
    const uint8_t nine[] = { 2, 0, 0, 0, 0, 9 };
    ck_assert_ptr_eq(net_switch_find(&world.net, 5, nine), &world.end[1].port);
    ck_assert_ptr_eq(net_switch_find(&world.net, 6, nine), &world.end[2].port);
    ck_assert_ptr_null(net_switch_find(&world.net, 0, nine));
    teardown(&world);
}
END_TEST

static const struct {
    const char *text;
    bool good;
} vlan_texts[] = {
    { "untagged", true },
    { "access 1", true },
    { "access 4094", true },
    { "access 0", false },
    { "access 4095", false },
    { "access", false },
    { "access 5x", false },
    { "trunk 1", true },
    { "trunk 1-3,9 native 2", true },
    { "trunk 3-1", false },
    { "trunk", false },
    { "trunk 1,", false },
    { "trunk 1-", false },
    { "", false },
    { "trunk 1 native", false },
    { "untagged 1", false },
};

START_TEST(vlan_settings_are_read_or_refused)
{
    struct net_vlan vlan;
    struct error error = { "" };
    int status = net_vlan_parse(&vlan, vlan_texts[_i].text, &error);

    ck_assert_int_eq(status == 0, vlan_texts[_i].good);
    ck_assert_int_eq(error.text[0] == '\0', vlan_texts[_i].good);
}
END_TEST

START_TEST(counters_count_what_passed)
{
    struct world world;

    setup(&world, NET_SWITCH_PRIVATE);
    send_from(&world, 0, 0xff, 1);
    send_from(&world, 0, 0x81, 1);
    send_from(&world, 0, 2, 1);
    world.end[1].full = true;
    send_from(&world, 0, 2, 1);
    const struct net_port_counters *in = &world.end[0].port.counters;
    const struct net_port_counters *out = &world.end[1].port.counters;
    ck_assert_uint_eq(in->in_frames, 4);
    ck_assert_uint_eq(in->in_bytes, 240);
    ck_assert_uint_eq(in->in_broadcast, 1);
    ck_assert_uint_eq(in->in_multicast, 1);
    ck_assert_uint_eq(out->out_frames, 3);
    ck_assert_uint_eq(out->out_bytes, 180);
    ck_assert_uint_eq(out->drop_full, 1);
    teardown(&world);
}
END_TEST

START_TEST(a_false_source_is_dropped)
{
    struct world world;

    setup(&world, NET_SWITCH_PRIVATE);
    world.end[0].port.guard = true;
    send_from(&world, 0, 0xff, 7); /* not its own */
    struct net_frame *frame = frame_of(0xff, 1);
    frame->bytes[6] = 3; /* a group cannot send */
    net_switch_send(&world.end[1].port, frame);
    ck_assert_uint_eq(who_got(&world), 0);
    ck_assert_uint_eq(world.end[0].port.counters.drop_source, 1);
    ck_assert_uint_eq(world.end[1].port.counters.drop_source, 1);
    send_from(&world, 0, 0xff, 1);
    ck_assert_uint_eq(who_got(&world), 0xe);
    teardown(&world);
}
END_TEST

START_TEST(what_may_be_plugged_in_is_checked)
{
    struct world world;
    struct error error = { "" };
    struct net_port uplink = { .name = "uplink", .ops = &ops, .uplink = true };
    struct net_port second = { .name = "second", .ops = &ops, .uplink = true };
    struct net_port same = { .name = "a", .ops = &ops };

    setup(&world, NET_SWITCH_PRIVATE);
    ck_assert_int_eq(net_switch_plug(&world.net, &uplink, &error), -EPERM);
    ck_assert_int_eq(net_switch_plug(&world.net, &same, &error), -EEXIST);
    teardown(&world);
    setup(&world, NET_SWITCH_EXTERNAL);
    ck_assert_int_eq(net_switch_plug(&world.net, &uplink, &error), 0);
    ck_assert_int_eq(net_switch_plug(&world.net, &second, &error), -EEXIST);
    teardown(&world);
}
END_TEST

START_TEST(many_addresses_never_overflow_the_table)
{
    struct world world;

    setup(&world, NET_SWITCH_PRIVATE);
    for (unsigned i = 0; i < 5000; i++) {
        struct net_frame *frame = frame_of(0xff, 0);
        frame->bytes[9] = (uint8_t)(i >> 8);
        frame->bytes[10] = (uint8_t)i;
        clock_advance(&world.clock, 1);
        net_switch_send(&world.end[0].port, frame);
        forget(&world);
    }
    send_from(&world, 1, 0xff, 2);
    forget(&world);
    ck_assert_ptr_eq(net_switch_find(&world.net, 0, mac_2), &world.end[1].port);
    teardown(&world);
}
END_TEST

static Suite *suite_switch(void)
{
    Suite *suite = suite_create("devices/net/switch");
    TCase *tcase = tcase_create("switch");

    tcase_add_test(tcase, an_unknown_address_floods_and_a_known_one_does_not);
    tcase_add_test(tcase, broadcast_reaches_all_and_filters_hold);
    tcase_add_test(tcase, a_link_that_is_down_passes_nothing);
    tcase_add_loop_test(tcase, vlans_part_ports, 0, ARRAY_SIZE(vlan_rows));
    tcase_add_test(tcase, addresses_are_learned_per_vlan);
    tcase_add_loop_test(tcase, vlan_settings_are_read_or_refused, 0, ARRAY_SIZE(vlan_texts));
    tcase_add_test(tcase, counters_count_what_passed);
    tcase_add_test(tcase, a_false_source_is_dropped);
    tcase_add_test(tcase, what_may_be_plugged_in_is_checked);
    tcase_add_test(tcase, many_addresses_never_overflow_the_table);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_switch())
