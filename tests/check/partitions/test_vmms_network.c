/* partitions/vmms/network_parse.c: what --net and nic add say is read or refused. */
#include "partitions/vmms/network.h"

#include <string.h>

#include "partitions/vmms/vmms.h"
#include "tests/check/check_main.h"
#include "tests/support/guest_file.h"

static const struct {
    const char *text, *refused; /* part of the sentence; NULL: it is good */
} rows[] = {
    { "none", NULL },
    { "user", NULL },
    { "user,hostfwd=tcp:127.0.0.1:2222-:22,hostfwd=udp::53-:53,restrict=on", NULL },
    { "user,name=wan,mac=00:15:5d:01:02:03,queues=4", NULL },
    { "switch=lan", NULL },
    { "user,spoof=off", NULL },
    { "switch=lan,spoof=on", NULL },
    { "user,spoof=no", "on or off" },
    { "user,spoof", "KEY=VALUE" },
    { "switch=lan,vlan=5", NULL },
    { "switch=lan,vlan=trunk 1+5-7 native 1", NULL },
    { "", "say user" },
    { "none,name=a", "say user" },
    { "usr", "say user" },
    { "user,restrict", "say user" },
    { "user,restrict=yes", "on or off" },
    { "user,smb=/tmp", "no key smb" },
    { "switch=lan,hostfwd=tcp::1-:1", "no key hostfwd" },
    { "switch=", "a name" },
    { "switch=user", "--net user" },
    { "switch=a b", "a name" },
    { "user,mac=00:15:5d:01:02", "six bytes" },
    { "user,mac=01:15:5d:01:02:03", "six bytes" },
    { "user,queues=0", "1 to 64" },
    { "user,queues=65", "1 to 64" },
    { "user,vlan=4095", "vlan" },
    { "user,hostfwd=tcp:1", "hostfwd" },
};

START_TEST(what_net_says_is_read_or_refused)
{
    struct network_request request;
    struct error error = { "" };
    int status = network_parse(&request, rows[_i].text, &error);

    ck_assert_msg((status == 0) == (rows[_i].refused == NULL), "%s: %s", rows[_i].text, error.text);
    ck_assert_msg(status == 0 || strstr(error.text, rows[_i].refused) != NULL, "%s: %s",
                  rows[_i].text, error.text);
}
END_TEST

START_TEST(keys_are_kept)
{
    struct network_request request;

    ck_assert_int_eq(network_parse(&request,
                                   "user,name=wan,mac=00:15:5D:01:02:ff,queues=4,vlan=7,"
                                   "hostfwd=tcp::2222-:22",
                                   NULL),
                     0);
    ck_assert(request.user && !request.none && request.has_mac && request.queues == 4);
    ck_assert_str_eq(request.name, "wan");
    ck_assert_uint_eq(request.mac[5], 0xff);
    ck_assert_uint_eq(request.vlan.id, 7);
    ck_assert_uint_eq(request.nat.forward[0].guest_port, 22);
}
END_TEST

static const uint8_t halt[64] = { 0xfa, 0xf4 }; /* cli; hlt */

START_TEST(a_wrong_net_is_a_usage_error)
{
    static const char *const wrong[] = { "usr", "user,queues=99" };
    struct guest_file file;
    struct error error = { "" };
    bool usage = false;

    guest_file_make(&file, halt, sizeof(halt));
    struct vmms_config config = { .child[0].kernel = file.path,
                                  .child[0].memory_bytes = 8 << 20,
                                  .child[0].n_net = 1 };
    config.child[0].net[0] = _i < 2 ? wrong[_i] : "user";
    config.role = _i < 2 ? VMMS_ROLE_CHILD : VMMS_ROLE_PC;
    ck_assert_ptr_null(vmms_create(&config, &usage, &error));
    ck_assert(usage && error.text[0] != '\0');
    guest_file_remove(&file);
}
END_TEST

static Suite *suite_network(void)
{
    Suite *suite = suite_create("partitions/vmms/network");
    TCase *tcase = tcase_create("network");

    tcase_add_loop_test(tcase, what_net_says_is_read_or_refused, 0, ARRAY_SIZE(rows));
    tcase_add_test(tcase, keys_are_kept);
    tcase_add_loop_test(tcase, a_wrong_net_is_a_usage_error, 0, 3);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_network())
