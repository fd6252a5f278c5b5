/* gdb's remote stub: packets to the debug interface. [GDB doc, Remote Protocol, Packets] */
#include "frontend/monitor/gdb.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "partitions/machine.h"
#include "partitions/partition.h"
#include "partitions/vp.h"

enum { REPLY_BYTES = 2 * GDB_PACKET_BYTES + 64 };

void gdb_init(struct gdb *gdb, struct machine *machine, void (*quit)(void *), void *opaque)
{
    memset(gdb, 0, sizeof(*gdb));
    gdb->machine = machine;
    gdb->quit = quit;
    gdb->quit_opaque = opaque;
    gdb->layout = DEBUG_LAYOUT_64;
    gdb->architecture = 64;
}

/* ---- output ---- */

static void put(struct gdb *gdb, const char *bytes, size_t n)
{
    if (sizeof(gdb->out) - gdb->n_out < n) {
        gdb->closing = true; /* it asks and does not listen */
        return;
    }
    memcpy(gdb->out + gdb->n_out, bytes, n);
    gdb->n_out += n;
}

void gdb_reply(struct gdb *gdb, const void *payload, size_t n)
{
    size_t framed =
        gdb_packet_write(gdb->out + gdb->n_out, sizeof(gdb->out) - gdb->n_out, payload, n);

    gdb->n_out += framed;
    gdb->closing = gdb->closing || framed == 0;
}

void gdb_reply_text(struct gdb *gdb, const char *text)
{
    gdb_reply(gdb, text, strlen(text));
}

void gdb_written(struct gdb *gdb, size_t n)
{
    gdb->n_out -= n;
    memmove(gdb->out, gdb->out + n, gdb->n_out);
}

static void ok(struct gdb *gdb)
{
    gdb_reply_text(gdb, "OK");
}

static void wrong(struct gdb *gdb)
{
    gdb_reply_text(gdb, "E01");
}

/* ---- stopping and going ---- */

struct vp *gdb_vp(struct gdb *gdb)
{
    struct vp *vp = gdb->general != 0 ? debug_vp(gdb->machine, gdb->general) : NULL;

    return vp != NULL ? vp : debug_vp_at(gdb->machine, 0);
}

static void stop_reply(struct gdb *gdb)
{
    static const struct {
        const char *what;
        unsigned signal;
        bool address;
    } rows[] = {
        [DEBUG_NONE] = { "", 5, false },
        [DEBUG_BREAKPOINT] = { "swbreak:;", 5, false },
        [DEBUG_HARDWARE_BREAKPOINT] = { "hwbreak:;", 5, false },
        [DEBUG_WATCH_WRITE] = { "watch", 5, true },
        [DEBUG_WATCH_READ] = { "rwatch", 5, true },
        [DEBUG_WATCH_ACCESS] = { "awatch", 5, true },
        [DEBUG_STEP] = { "", 5, false },
        [DEBUG_INTERRUPT] = { "", 2, false },
        [DEBUG_SHUTDOWN] = { "", 11, false },
    };
    const struct debug_event *event = &gdb->last;
    char bytes[128];
    struct text text = text_in(bytes, sizeof(bytes));

    text_add(&text, "T%02xthread:%x;", rows[event->reason].signal, gdb->general);
    if (rows[event->reason].address) {
        text_add(&text, "%s:%" PRIx64 ";", rows[event->reason].what, event->address);
    } else if ((event->reason == DEBUG_BREAKPOINT && gdb->knows_swbreak) ||
               (event->reason == DEBUG_HARDWARE_BREAKPOINT && gdb->knows_hwbreak)) {
        text_add(&text, "%s", rows[event->reason].what);
    }
    gdb_reply(gdb, text.bytes, text.n);
}

/* The machine is held for the client: from now on `event` is why. */
static void stopped(struct gdb *gdb, struct debug_event event)
{
    struct vp *vp = event.vp != NULL ? event.vp : debug_vp_at(gdb->machine, 0);

    gdb->holding = true;
    gdb->last = event;
    gdb->general = vp != NULL ? debug_thread(gdb->machine, vp) : 0;
    gdb->go = 0;
}

static void go(struct gdb *gdb)
{
    gdb->holding = false;
    debug_release(gdb->machine);
}

static void leave(struct gdb *gdb)
{
    struct debug_event event;

    if (!gdb->holding) {
        debug_hold(gdb->machine);
        while (debug_take_event(gdb->machine, &event)) {
            debug_release(gdb->machine); /* its own hold */
        }
    }
    debug_points_clear(gdb->machine);
    debug_action_set_all(gdb->machine, DEBUG_ACTION_RUN);
    go(gdb);
}

void gdb_connect(struct gdb *gdb)
{
    bool held = gdb->holding; /* from the start */

    gdb_init(gdb, gdb->machine, gdb->quit, gdb->quit_opaque);
    debug_hold(gdb->machine);
    if (held) {
        debug_release(gdb->machine);
    }
    gdb->connected = true;
    stopped(gdb, (struct debug_event){ .reason = DEBUG_NONE });
}

void gdb_disconnect(struct gdb *gdb)
{
    if (gdb->connected) {
        gdb->connected = false;
        leave(gdb);
    }
}

void gdb_poll(struct gdb *gdb)
{
    struct debug_event event;

    if (!debug_take_event(gdb->machine, &event)) {
        return;
    }
    if (!gdb->connected || gdb->holding) {
        debug_release(gdb->machine);
        return;
    }
    stopped(gdb, event);
    stop_reply(gdb);
}

void gdb_ended(struct gdb *gdb, int exit_code)
{
    char text[8];

    if (gdb->connected) {
        (void)snprintf(text, sizeof(text), "W%02x", (unsigned)exit_code & 0xff);
        gdb_reply_text(gdb, text);
        gdb->closing = true;
    }
}

static void interrupt(struct gdb *gdb)
{
    struct debug_event event;

    if (gdb->holding) {
        return;
    }
    debug_hold(gdb->machine);
    if (debug_take_event(gdb->machine, &event)) {
        debug_release(gdb->machine); /* it had just stopped by itself: one of the two holds stays */
        stopped(gdb, event);
    } else {
        stopped(gdb, (struct debug_event){ .reason = DEBUG_INTERRUPT });
    }
    stop_reply(gdb);
}

/* ---- registers and memory ---- */

static void read_all(struct gdb *gdb, const char *at)
{
    char text[REPLY_BYTES];
    uint8_t value[DEBUG_REGISTER_BYTES];
    const struct debug_register *reg;
    size_t n = 0;

    (void)at;
    for (unsigned i = 0; (reg = debug_register_of(gdb->layout, i)) != NULL; i++) {
        debug_register_read(gdb_vp(gdb), reg, value);
        gdb_hex(text + n, value, reg->bits / 8);
        n += reg->bits / 4;
    }
    gdb_reply(gdb, text, n);
}

static void write_all(struct gdb *gdb, const char *at)
{
    uint8_t value[DEBUG_REGISTER_BYTES] = { 0 };
    const struct debug_register *reg;
    size_t left = strlen(at);

    for (unsigned i = 0; (reg = debug_register_of(gdb->layout, i)) != NULL; i++) {
        size_t bytes = reg->bits / 8;
        if (left < 2 * bytes || gdb_unhex(value, bytes, at, left) < bytes) {
            break; /* the rest keeps its values */
        }
        debug_register_write(gdb_vp(gdb), reg, value);
        at += 2 * bytes;
        left -= 2 * bytes;
    }
    ok(gdb);
}

static void read_one(struct gdb *gdb, const char *at)
{
    char text[2 * DEBUG_REGISTER_BYTES + 1];
    uint8_t value[DEBUG_REGISTER_BYTES];
    uint64_t number;
    const struct debug_register *reg = gdb_number(&at, &number) && number < 1024
                                           ? debug_register_of(gdb->layout, (unsigned)number)
                                           : NULL;

    if (reg == NULL) {
        wrong(gdb);
        return;
    }
    debug_register_read(gdb_vp(gdb), reg, value);
    gdb_hex(text, value, reg->bits / 8);
    gdb_reply_text(gdb, text);
}

static void write_one(struct gdb *gdb, const char *at)
{
    uint8_t value[DEBUG_REGISTER_BYTES] = { 0 };
    uint64_t number;
    const struct debug_register *reg = gdb_number(&at, &number) && number < 1024
                                           ? debug_register_of(gdb->layout, (unsigned)number)
                                           : NULL;

    if (reg == NULL || *at++ != '=' ||
        gdb_unhex(value, reg->bits / 8, at, strlen(at)) < reg->bits / 8) {
        wrong(gdb);
        return;
    }
    debug_register_write(gdb_vp(gdb), reg, value);
    ok(gdb);
}

static bool range(const char **at, uint64_t *address, uint64_t *length, char end)
{
    if (!gdb_number(at, address) || *(*at)++ != ',' || !gdb_number(at, length) || **at != end) {
        return false;
    }
    *at += end != '\0';
    return *length <= GDB_PACKET_BYTES;
}

static void read_memory(struct gdb *gdb, const char *at)
{
    uint8_t bytes[GDB_PACKET_BYTES];
    char text[REPLY_BYTES];
    uint64_t address, length;

    if (!range(&at, &address, &length, '\0')) {
        wrong(gdb);
        return;
    }
    size_t n = gdb->physical ? debug_physical_read(gdb_vp(gdb), address, bytes, length)
                             : debug_memory_read(gdb_vp(gdb), address, bytes, length);
    if (n == 0 && length != 0) {
        wrong(gdb);
        return;
    }
    gdb_hex(text, bytes, n);
    gdb_reply(gdb, text, 2 * n);
}

static void store(struct gdb *gdb, uint64_t address, const void *bytes, uint64_t length)
{
    size_t n = gdb->physical ? debug_physical_write(gdb_vp(gdb), address, bytes, length)
                             : debug_memory_write(gdb_vp(gdb), address, bytes, length);

    if (n == length) {
        ok(gdb);
    } else {
        wrong(gdb);
    }
}

static void write_memory(struct gdb *gdb, const char *at)
{
    uint8_t bytes[GDB_PACKET_BYTES];
    uint64_t address, length;

    if (!range(&at, &address, &length, ':') || length > sizeof(bytes) ||
        gdb_unhex(bytes, length, at, strlen(at)) < length) {
        wrong(gdb);
        return;
    }
    store(gdb, address, bytes, length);
}

static void write_binary(struct gdb *gdb, const char *at)
{
    uint64_t address, length;

    if (!range(&at, &address, &length, ':') ||
        length > (size_t)(gdb->reader.bytes + gdb->reader.n - at)) {
        wrong(gdb);
        return;
    }
    store(gdb, address, at, length);
}

/* ---- points ---- */

static void point(struct gdb *gdb, const char *at, bool set)
{
    uint64_t kind, address, length;

    if (!gdb_number(&at, &kind) || *at++ != ',' || !gdb_number(&at, &address) || *at++ != ',' ||
        !gdb_number(&at, &length)) {
        wrong(gdb);
        return;
    }
    if (kind >= DEBUG_POINT_KINDS) {
        gdb_reply_text(gdb, "");
        return;
    }
    enum debug_point_kind k = (enum debug_point_kind)kind;
    if (!set) {
        debug_point_clear(gdb->machine, k, address, length);
        ok(gdb);
    } else if (debug_point_set(gdb->machine, k, address, length)) {
        ok(gdb);
    } else {
        wrong(gdb);
    }
}

static void point_set(struct gdb *gdb, const char *at)
{
    point(gdb, at, true);
}

static void point_clear(struct gdb *gdb, const char *at)
{
    point(gdb, at, false);
}

/* ---- threads ---- */

static bool thread_number(const char **at, bool *all, uint64_t *thread)
{
    *all = false;
    *thread = 0;
    if (strncmp(*at, "-1", 2) == 0) {
        *all = true;
        *at += 2;
        return true;
    }
    return gdb_number(at, thread) && *thread <= UINT32_MAX;
}

static void choose_thread(struct gdb *gdb, const char *at)
{
    char which = *at;
    uint64_t thread;
    bool all;

    if (which == '\0' || (at++, !thread_number(&at, &all, &thread)) ||
        (!all && thread != 0 && debug_vp(gdb->machine, (unsigned)thread) == NULL)) {
        wrong(gdb);
        return;
    }
    if (which == 'g') {
        gdb->general = thread != 0 ? (unsigned)thread : gdb->general;
    } else {
        gdb->go = (unsigned)thread;
        gdb->go_all = all;
    }
    ok(gdb);
}

static void thread_alive(struct gdb *gdb, const char *at)
{
    uint64_t thread;
    bool all;

    if (thread_number(&at, &all, &thread) && debug_vp(gdb->machine, (unsigned)thread) != NULL) {
        ok(gdb);
    } else {
        wrong(gdb);
    }
}

static void threads(struct gdb *gdb)
{
    char bytes[1024];
    struct text text = text_in(bytes, sizeof(bytes));
    struct vp *vp;

    for (unsigned i = 0; (vp = debug_vp_at(gdb->machine, i)) != NULL; i++) {
        text_add(&text, "%c%x", i == 0 ? 'm' : ',', debug_thread(gdb->machine, vp));
    }
    gdb_reply_text(gdb, text.n != 0 ? text.bytes : "l");
}

static void thread_about(struct gdb *gdb, const char *at)
{
    static const char *const activities[] = {
        [ACTIVITY_RUNNING] = "running",
        [ACTIVITY_HALTED] = "halted",
        [ACTIVITY_WAIT_FOR_SIPI] = "waits for SIPI",
        [ACTIVITY_SHUTDOWN] = "shutdown",
    };
    char about[96], text[2 * sizeof(about) + 1];
    uint64_t thread;
    bool all;
    struct vp *vp =
        thread_number(&at, &all, &thread) ? debug_vp(gdb->machine, (unsigned)thread) : NULL;

    if (vp == NULL) {
        wrong(gdb);
        return;
    }
    const char *name = vp->partition->name;
    (void)snprintf(about, sizeof(about), "%.32s%spartition %" PRIu64 " VP %" PRIu32 " [%s%s]",
                   name != NULL ? name : "", name != NULL ? ": " : "", vp->partition->id, vp->index,
                   activities[vp->cpu.core.state.activity & 3],
                   vp_is_suspended(vp) ? ", suspended" : "");
    gdb_hex(text, about, strlen(about));
    gdb_reply_text(gdb, text);
}

/* ---- going on ---- */

/* c, C, s, S: of the Hc thread; the signal is not the machine's. */
static void resume(struct gdb *gdb, const char *at, enum debug_action action, bool signal)
{
    uint64_t value;
    struct vp *vp = gdb->go != 0 ? debug_vp(gdb->machine, gdb->go) : NULL;

    if (signal) {
        (void)!gdb_number(&at, &value);
        at += *at == ';';
    }
    if (gdb_number(&at, &value)) {
        uint8_t bytes[DEBUG_REGISTER_BYTES] = { 0 };
        const char *name = gdb->layout == DEBUG_LAYOUT_64 ? "rip" : "eip";
        for (unsigned i = 0; i < 8; i++) {
            bytes[i] = (uint8_t)(value >> 8 * i);
        }
        debug_register_write(vp != NULL ? vp : gdb_vp(gdb), debug_register_named(gdb->layout, name),
                             bytes);
    }
    debug_action_set_all(gdb->machine, vp != NULL ? DEBUG_ACTION_STAY : DEBUG_ACTION_RUN);
    if (vp != NULL || action == DEBUG_ACTION_STEP) {
        debug_action_set(vp != NULL ? vp : gdb_vp(gdb), action);
    }
    go(gdb);
}

static void go_on(struct gdb *gdb, const char *at)
{
    resume(gdb, at, DEBUG_ACTION_RUN, false);
}

static void go_on_signal(struct gdb *gdb, const char *at)
{
    resume(gdb, at, DEBUG_ACTION_RUN, true);
}

static void step(struct gdb *gdb, const char *at)
{
    resume(gdb, at, DEBUG_ACTION_STEP, false);
}

static void step_signal(struct gdb *gdb, const char *at)
{
    resume(gdb, at, DEBUG_ACTION_STEP, true);
}

/* One ";action[:thread]" for every VP that no earlier one named. done: bit per position. */
static bool vcont_action(struct gdb *gdb, const char **at, uint64_t *done)
{
    enum debug_action action;
    uint64_t thread = 0, signal;
    bool all = true;
    struct vp *vp;
    char word = *(*at)++;

    switch (word) {
    case 'c':
    case 'C':
        action = DEBUG_ACTION_RUN;
        break;
    case 's':
    case 'S':
        action = DEBUG_ACTION_STEP;
        break;
    default:
        return false;
    }
    if ((word == 'C' || word == 'S') && !gdb_number(at, &signal)) {
        return false;
    }
    if (**at == ':' && ((*at)++, !thread_number(at, &all, &thread))) {
        return false;
    }
    for (unsigned i = 0; (vp = debug_vp_at(gdb->machine, i)) != NULL; i++) {
        if ((all || debug_thread(gdb->machine, vp) == thread) && !(*done >> i & 1)) {
            debug_action_set(vp, action);
            *done |= UINT64_C(1) << i;
        }
    }
    return **at == ';' || **at == '\0';
}

static void v_packet(struct gdb *gdb, const char *at)
{
    uint64_t done = 0;

    if (strcmp(at, "Cont?") == 0) {
        gdb_reply_text(gdb, "vCont;c;C;s;S");
    } else if (strncmp(at, "Cont;", 5) == 0) {
        debug_action_set_all(gdb->machine, DEBUG_ACTION_STAY);
        for (at += 4; *at == ';';) {
            at++;
            if (!vcont_action(gdb, &at, &done)) {
                wrong(gdb);
                return;
            }
        }
        if (done != 0) {
            go(gdb);
        } else {
            wrong(gdb);
        }
    } else if (strncmp(at, "Kill", 4) == 0) {
        ok(gdb);
        gdb->quit(gdb->quit_opaque);
        gdb->closing = true;
    } else {
        gdb_reply_text(gdb, "");
    }
}

/* ---- queries ---- */

static void query_features(struct gdb *gdb, const char *at)
{
    char text[REPLY_BYTES];
    uint64_t offset, length;
    static const char annex[] = "target.xml:";

    if (strncmp(at, annex, strlen(annex)) != 0) {
        gdb_reply_text(gdb, "E00");
        return;
    }
    at += strlen(annex);
    if (!range(&at, &offset, &length, '\0')) {
        wrong(gdb);
        return;
    }
    if (offset == 0) {
        gdb_describe(gdb);
    }
    size_t whole = strlen(gdb->description);
    size_t from = offset < whole ? (size_t)offset : whole;
    size_t n = whole - from < length ? whole - from : (size_t)length;
    text[0] = from + n < whole ? 'm' : 'l';
    memcpy(text + 1, gdb->description + from, n);
    gdb_reply(gdb, text, 1 + n);
}

static void query_supported(struct gdb *gdb, const char *at)
{
    char text[160];

    gdb->knows_swbreak = strstr(at, "swbreak+") != NULL;
    gdb->knows_hwbreak = strstr(at, "hwbreak+") != NULL;
    (void)snprintf(
        text, sizeof(text),
        "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;vContSupported+;swbreak+;hwbreak+",
        GDB_PACKET_BYTES);
    gdb_reply_text(gdb, text);
}

static void query_command(struct gdb *gdb, const char *at)
{
    char line[512];
    size_t n = gdb_unhex(line, sizeof(line) - 1, at, strlen(at));

    line[n] = '\0';
    gdb_monitor(gdb, line);
}

static void query_current(struct gdb *gdb, const char *at)
{
    char text[16];

    (void)at;
    (void)snprintf(text, sizeof(text), "QC%x", gdb->general);
    gdb_reply_text(gdb, text);
}

static void query_threads(struct gdb *gdb, const char *at)
{
    (void)at;
    threads(gdb);
}

static void query_threads_rest(struct gdb *gdb, const char *at)
{
    (void)at;
    gdb_reply_text(gdb, "l");
}

static void query_attached(struct gdb *gdb, const char *at)
{
    (void)at;
    gdb_reply_text(gdb, "1");
}

static void start_no_acks(struct gdb *gdb, const char *at)
{
    (void)at;
    ok(gdb);
    gdb->no_acks = true;
}

static void why_stopped(struct gdb *gdb, const char *at)
{
    (void)at;
    stop_reply(gdb);
}

static void detach(struct gdb *gdb, const char *at)
{
    (void)at;
    ok(gdb);
    gdb->closing = true;
}

static void kill_machine(struct gdb *gdb, const char *at)
{
    (void)at;
    gdb->quit(gdb->quit_opaque);
    gdb->closing = true;
}

/* By the first characters of a packet; the first row that fits. Others are answered with nothing: not known. */
static const struct {
    const char *start;
    void (*run)(struct gdb *gdb, const char *at);
    bool whole; /* nothing may follow */
} packets[] = {
    { "?", why_stopped, true },
    { "g", read_all, true },
    { "G", write_all, false },
    { "p", read_one, false },
    { "P", write_one, false },
    { "m", read_memory, false },
    { "M", write_memory, false },
    { "X", write_binary, false },
    { "Z", point_set, false },
    { "z", point_clear, false },
    { "c", go_on, false },
    { "C", go_on_signal, false },
    { "s", step, false },
    { "S", step_signal, false },
    { "v", v_packet, false },
    { "H", choose_thread, false },
    { "T", thread_alive, false },
    { "D", detach, false },
    { "k", kill_machine, false },
    { "qfThreadInfo", query_threads, true },
    { "qsThreadInfo", query_threads_rest, true },
    { "qThreadExtraInfo,", thread_about, false },
    { "qC", query_current, true },
    { "qAttached", query_attached, false },
    { "qXfer:features:read:", query_features, false },
    { "qSupported", query_supported, false },
    { "qRcmd,", query_command, false },
    { "QStartNoAckMode", start_no_acks, true },
};

static void packet(struct gdb *gdb)
{
    const char *bytes = gdb->reader.bytes;

    if (!gdb->holding) {
        wrong(gdb); /* the machine runs: only Ctrl-C means something */
        return;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(packets); i++) {
        size_t n = strlen(packets[i].start);
        if (strncmp(bytes, packets[i].start, n) == 0 && (!packets[i].whole || bytes[n] == '\0')) {
            if (gdb_vp(gdb) == NULL) {
                wrong(gdb);
            } else {
                packets[i].run(gdb, bytes + n);
            }
            return;
        }
    }
    gdb_reply_text(gdb, "");
}

void gdb_input(struct gdb *gdb, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n && !gdb->closing; i++) {
        switch (gdb_reader_byte(&gdb->reader, bytes[i])) {
        case GDB_INPUT_PACKET:
            if (!gdb->no_acks) {
                put(gdb, "+", 1);
            }
            packet(gdb);
            break;
        case GDB_INPUT_BAD:
            if (!gdb->no_acks) {
                put(gdb, "-", 1);
            }
            break;
        case GDB_INPUT_INTERRUPT:
            interrupt(gdb);
            break;
        case GDB_INPUT_NONE:
            break;
        }
    }
}
