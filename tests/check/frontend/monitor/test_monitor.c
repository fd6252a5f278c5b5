/* frontend/monitor: sockets of a running machine. Bad clients hurt nobody; good ones are served meanwhile. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/compiler.h"
#include "frontend/monitor/control.h"
#include "frontend/monitor/gdb_packet.h"
#include "frontend/monitor/monitor.h"
#include "partitions/vmms/vmms.h"
#include "tests/check/check_main.h"
#include "tests/support/guest_file.h"

enum { REPLY_BYTES = 1 << 17, MANY = 100 };

struct rig {
    struct guest_file file;
    struct vmms *vmms;
    struct monitor *monitor;
    pthread_t thread;
    char folder[64], gdb[96], gdb_option[128], control[96];
    struct vmms_result result;
    int quits;
};

static void *run(void *opaque)
{
    struct rig *rig = opaque;
    struct error error;

    rig->result = vmms_run(rig->vmms, &error);
    return NULL;
}

static void quit(void *opaque)
{
    struct rig *rig = opaque;

    rig->quits++;
    vmms_stop(rig->vmms);
}

/* instructions: 0, or how many with the virtual clock. */
static void rig_start_for(struct rig *rig, bool wait, uint64_t instructions)
{
    static const uint8_t code[] = { 0x40, 0xeb, 0xfd }; /* 0: inc eax; jmp 0 */
    struct error error = { "" };
    bool usage;

    memset(rig, 0, sizeof(*rig));
    (void)snprintf(rig->folder, sizeof(rig->folder), "/tmp/monitor-XXXXXX");
    ck_assert(mkdtemp(rig->folder) != NULL);
    (void)snprintf(rig->gdb, sizeof(rig->gdb), "%s/gdb", rig->folder);
    (void)snprintf(rig->gdb_option, sizeof(rig->gdb_option), "unix:%s", rig->gdb);
    (void)snprintf(rig->control, sizeof(rig->control), "%s/control", rig->folder);
    guest_file_make(&rig->file, code, sizeof(code));
    const struct vmms_config config = { .child[0].kernel = rig->file.path,
                                        .child[0].memory_bytes = 8 << 20,
                                        .child[0].cpus = 2,
                                        .virtual_time = instructions != 0,
                                        .max_instructions = instructions,
                                        .timeout_ns = UINT64_C(100000000000) };
    rig->vmms = vmms_create(&config, &usage, &error);
    ck_assert_msg(rig->vmms != NULL, "%s", error.text);
    const struct monitor_config monitor = {
        .gdb = rig->gdb_option,
        .control = control_built() ? rig->control : NULL,
        .wait = wait,
        .quit = quit,
        .opaque = rig,
    };
    rig->monitor = monitor_start(rig->vmms, &monitor, &error);
    ck_assert_msg(rig->monitor != NULL, "%s", error.text);
    ck_assert_int_eq(pthread_create(&rig->thread, NULL, run, rig), 0);
}

static void rig_start(struct rig *rig, bool wait)
{
    rig_start_for(rig, wait, 0);
}

static void rig_end(struct rig *rig)
{
    vmms_stop(rig->vmms);
    pthread_join(rig->thread, NULL);
    monitor_stop(rig->monitor, 7);
    vmms_destroy(rig->vmms);
    guest_file_remove(&rig->file);
    ck_assert_int_ne(access(rig->gdb, F_OK), 0); /* removed */
    ck_assert_int_eq(rmdir(rig->folder), 0);
}

static int dial(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void say(int fd, const char *bytes, size_t n)
{
    (void)!send(fd, bytes, n, MSG_NOSIGNAL);
}

/* A packet there, one back. */
static void ask(int fd, const char *payload, char *reply)
{
    static struct gdb_reader reader;
    char wire[512];
    char byte;

    memset(&reader, 0, sizeof(reader));
    say(fd, wire, gdb_packet_write(wire, sizeof(wire), payload, strlen(payload)));
    for (;;) {
        ck_assert_int_eq(recv(fd, &byte, 1, 0), 1);
        if (gdb_reader_byte(&reader, (uint8_t)byte) == GDB_INPUT_PACKET) {
            memcpy(reply, reader.bytes, reader.n + 1);
            return;
        }
    }
}

static void ask_control(const char *path, const char *line, char *reply)
{
    int fd = dial(path);
    size_t n = 0;

    say(fd, line, strlen(line));
    do {
        ssize_t got = recv(fd, reply + n, REPLY_BYTES - 1 - n, 0);
        ck_assert_int_gt(got, 0);
        n += (size_t)got;
    } while (reply[n - 1] != '\n');
    reply[n] = '\0';
    (void)close(fd);
}

START_TEST(a_gdb_session)
{
    struct rig rig;
    static char reply[REPLY_BYTES];

    rig_start(&rig, true);
    int fd = dial(rig.gdb);
    ask(fd, "qSupported:swbreak+;hwbreak+", reply);
    ck_assert(strstr(reply, "QStartNoAckMode+") != NULL);
    ask(fd, "?", reply);
    ck_assert_str_eq(reply, "T05thread:1;");
    ask(fd, "qfThreadInfo", reply);
    ck_assert_str_eq(reply, "m1,2");
    ask(fd, "p10", reply); /* RIP */
    ck_assert_str_eq(reply, "0000100000000000");
    ask(fd, "m100000,3", reply);
    ck_assert_str_eq(reply, "40ebfd");
    ask(fd, "Z0,100001,1", reply);
    ck_assert_str_eq(reply, "OK");
    ask(fd, "vCont;c", reply);
    ck_assert_str_eq(reply, "T05thread:1;swbreak:;");
    ask(fd, "P0=2a00000000000000", reply);
    ck_assert_str_eq(reply, "OK");
    ask(fd, "vCont;c", reply);
    ask(fd, "p0", reply);
    ck_assert_str_eq(reply, "2b00000000000000");
    ask(fd, "vCont;s:1", reply);
    ck_assert_str_eq(reply, "T05thread:1;");
    ask(fd, "p10", reply);
    ck_assert_str_eq(reply, "0000100000000000");
    ask(fd, "X100000,1:\x48", reply);
    ck_assert_str_eq(reply, "OK");
    ask(fd, "vCont;c", reply);
    ask(fd, "p0", reply);
    ck_assert_str_eq(reply, "2a00000000000000"); /* dec */
    ask(fd, "z0,100001,1", reply);
    ask(fd, "nonsense", reply);
    ck_assert_str_eq(reply, "");
    ask(fd, "qXfer:features:read:target.xml:0,3000", reply);
    ck_assert(reply[0] == 'l' && strstr(reply, "<architecture>i386:x86-64</architecture>") != NULL);
    say(fd, "$c#63", 5);
    (void)usleep(20000);
    say(fd, "\x03", 1);
    ask(fd, "qC", reply); /* the stop comes first */
    ck_assert_str_eq(reply, "T02thread:1;");
    (void)close(fd);
    rig_end(&rig);
}
END_TEST

/* Bytes of a fixed generator. */
static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static void scream(const char *path, uint32_t seed, const char *start)
{
    char bytes[600];
    int fd = dial(path);

    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = 0; i < sizeof(bytes); i++) {
            bytes[i] = (char)next_random(&seed);
        }
        memcpy(bytes, start, strlen(start));
        say(fd, bytes, sizeof(bytes));
    }
    (void)close(fd);
}

static void *idle(void *opaque)
{
    return opaque;
}

START_TEST(bad_clients_hurt_nobody)
{
    static const char *const starts[] = {
        "$g", "$Z0,", "{\"verb\":", "\n\n\n", "$vCont;", "$qRcmd,"
    };
    struct rig rig;
    static char reply[REPLY_BYTES];
    int many[MANY];

    rig_start(&rig, false);
    for (uint32_t i = 0; i < 60; i++) {
        scream(rig.gdb, i, starts[i % ARRAY_SIZE(starts)]);
        if (control_built()) {
            scream(rig.control, i, starts[i % ARRAY_SIZE(starts)]);
        }
    }
    for (unsigned i = 0; i < MANY; i++) {
        many[i] = dial(control_built() ? rig.control : rig.gdb);
        say(many[i], "{\"verb\": \"sta", 13);
    }
    if (control_built()) {
        ask_control(rig.control, "{\"verb\": \"status\", \"id\": 5}\n", reply);
        ck_assert_msg(strstr(reply, "\"id\":5,\"ok\":true") != NULL, "%s", reply);
    }
    for (unsigned i = 0; i < MANY; i++) {
        (void)close(many[i]);
    }
    int fd = dial(rig.gdb);
    ask(fd, "?", reply);
    ck_assert_str_eq(reply, "T05thread:1;");
    ask(fd, "D", reply);
    ck_assert_str_eq(reply, "OK");
    (void)close(fd);
    rig_end(&rig);
    ck_assert_int_eq(rig.result.end, VMMS_END_STOPPED);
    ck_assert_uint_gt(rig.result.instructions, 0);
}
END_TEST

/* Nothing that the guest does depends on them: the trace hash is that of a run without. */
START_TEST(bad_clients_leave_no_trace)
{
    static const char *const starts[] = { "$m0,1000", "{\"verb\":\"pau", "$?#3f$g", "\x03",
                                          "+++---" };
    const uint64_t instructions = 40000000;
    struct rig alone, rig;
    int many[MANY];

    rig_start_for(&alone, false, instructions);
    pthread_join(alone.thread, NULL);
    ck_assert_int_eq(pthread_create(&alone.thread, NULL, idle, NULL), 0);
    rig_end(&alone);
    rig_start_for(&rig, true, instructions); /* the first gdb client to leave lets it go */
    for (uint32_t i = 0; i < 40; i++) {
        scream(rig.gdb, i, starts[i % ARRAY_SIZE(starts)]);
        if (control_built()) {
            scream(rig.control, i, starts[i % ARRAY_SIZE(starts)]);
        }
    }
    for (unsigned i = 0; i < MANY; i++) {
        many[i] = dial(rig.gdb);
        say(many[i], "$qSupp", 6);
    }
    for (unsigned i = 0; i < MANY; i++) {
        (void)close(many[i]);
    }
    pthread_join(rig.thread, NULL);
    ck_assert_int_eq(pthread_create(&rig.thread, NULL, idle, NULL), 0);
    rig_end(&rig);
    ck_assert_int_eq(rig.result.end, VMMS_END_INSTRUCTION_LIMIT);
    ck_assert_int_eq(rig.quits, 0);
    ck_assert(rig.result.hashed);
    ck_assert_uint_eq(rig.result.trace_hash, alone.result.trace_hash);
}
END_TEST

static const struct {
    const char *line, *part;
} requests[] = {
    { "{\"verb\":\"status\"}", "\"state\":\"running\"" },
    { "{\"verb\":\"pause\"}", "{\"ok\":true,\"result\":\"done\"}" },
    { "{\"verb\":\"status\"}", "\"state\":\"paused\"" },
    { "{\"verb\":\"pause\"}", "\"ok\":true" },
    { "{\"verb\":\"inspect\",\"args\":[\"partitions/2/vps/0/registers/cs_base\"]}",
      "\"0x0000000000000000\"" },
    { "{\"verb\":\"inspect\",\"args\":[\"partitions/9\"]}", "\"ok\":false" },
    { "{\"verb\":\"inspect\",\"args\":[\"a\",\"b\"]}", "\"ok\":false" },
    { "{\"verb\":\"inspect\",\"args\":[7]}", "\"ok\":false" },
    { "{\"verb\":\"inspect\",\"args\":\"x\"}", "\"ok\":false" },
    { "{\"verb\":\"inspect\"}", "\"sints\"" },
    { "{\"verb\":\"resume\"}", "\"ok\":true" },
    { "{\"verb\":\"status\"}", "\"state\":\"running\"" },
    { "{\"verb\":\"no such\"}", "unknown verb" },
    { "[]", "\"ok\":false" },
    { "{", "not JSON" },
    { "", "not JSON" },
    { "{\"verb\":\"reset\"}", "\"ok\":true" },
    { "{\"verb\":\"status\"}", "\"state\":\"running\"" },
};

START_TEST(control_requests)
{
    struct rig rig;
    static char reply[REPLY_BYTES];
    char line[256];
    struct stat status;

    if (!control_built()) {
        return;
    }
    rig_start(&rig, false);
    ck_assert_int_eq(stat(rig.control, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0600);
    for (unsigned i = 0; i < ARRAY_SIZE(requests); i++) {
        (void)snprintf(line, sizeof(line), "%s\n", requests[i].line);
        ask_control(rig.control, line, reply);
        ck_assert_msg(strstr(reply, requests[i].part) != NULL, "%s: %.300s", requests[i].line,
                      reply);
    }
    ask_control(rig.control, "{\"verb\":\"quit\"}\n", reply);
    ck_assert_int_eq(rig.quits, 1);
    rig_end(&rig);
    ck_assert_int_eq(rig.result.end, VMMS_END_STOPPED);
}
END_TEST

static const struct {
    const char *text;
    int code;
} places[] = {
    { "1234", 0 }, { "unix:/x", 0 }, { "0", -22 },      { "65536", -22 }, { "12x", -22 },
    { "", -22 },   { "unix:", -22 }, { "host:1", -22 }, { "-1", -22 },
};

START_TEST(places_are_checked)
{
    struct error error;

    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        ck_assert_int_eq(monitor_check_gdb(places[i].text, &error), places[i].code);
    }
}
END_TEST

static Suite *suite_monitor(void)
{
    Suite *suite = suite_create("frontend/monitor/monitor");
    TCase *tc = tcase_create("monitor");

    tcase_set_timeout(tc, 900);
    tcase_add_test(tc, a_gdb_session);
    tcase_add_test(tc, bad_clients_leave_no_trace);
    tcase_add_test(tc, bad_clients_hurt_nobody);
    tcase_add_test(tc, control_requests);
    tcase_add_test(tc, places_are_checked);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(suite_monitor())
