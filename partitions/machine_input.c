/* Outside input of a machine with a virtual clock: queue, record, replay. */
#include "partitions/machine_input.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host/file.h"
#include "partitions/machine.h"
#include "partitions/machine_trace.h"

static const char first_line[] = "verdite input 1\n";

enum { RECORD_BYTES_MAX = 1 << 30 };

static void free_frames(struct input_frame *frame)
{
    while (frame != NULL) {
        struct input_frame *next = frame->next;
        free(frame);
        frame = next;
    }
}

void machine_input_init(struct machine_input *input)
{
    memset(input, 0, sizeof(*input));
    input->last_frame = &input->first_frame;
    host_sink_none(&input->to);
    host_mutex_init(&input->lock);
    host_cond_init(&input->typed);
}

void machine_input_fini(struct machine_input *input)
{
    if (input->record) {
        char line[64];
        int n = snprintf(line, sizeof(line), "end %" PRIu64 "\n", input->recorded);
        host_sink_write(&input->to, (const uint8_t *)line, (size_t)n);
        host_sink_close(&input->to);
    }
    for (size_t i = 0; i < input->n_entries; i++) {
        free(input->entry[i].frame);
    }
    free(input->entry);
    free_frames(input->first_frame);
    host_cond_fini(&input->typed);
    host_mutex_fini(&input->lock);
}

/* ---- the record's text ---- */

struct reader {
    const char *at, *end;
    unsigned line;
};

static bool read_number(struct reader *reader, uint64_t *number)
{
    const char *start = reader->at;

    *number = 0;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') {
        unsigned digit = (unsigned)(*reader->at - '0');
        if (*number > (UINT64_MAX - digit) / 10) {
            return false;
        }
        *number = *number * 10 + digit;
        reader->at++;
    }
    return reader->at != start;
}

static bool read_word(struct reader *reader, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(reader->end - reader->at) < n || memcmp(reader->at, word, n) != 0) {
        return false;
    }
    reader->at += n;
    return true;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_bytes(struct reader *reader, struct input_entry *entry)
{
    entry->n = 0;
    while (reader->end - reader->at >= 2 && entry->n < MACHINE_INPUT_ENTRY) {
        int high = hex_digit(reader->at[0]), low = hex_digit(reader->at[1]);
        if (high < 0 || low < 0) {
            break;
        }
        entry->bytes[entry->n++] = (uint8_t)(high << 4 | low);
        reader->at += 2;
    }
    return entry->n > 0;
}

/* A frame of as many bytes as there are digits for. */
static bool read_frame(struct reader *reader, struct input_entry *entry)
{
    size_t n = 0;

    while ((size_t)(reader->end - reader->at) > n && hex_digit(reader->at[n]) >= 0) {
        n++;
    }
    if (n == 0 || n % 2 != 0 || n / 2 > MACHINE_INPUT_FRAME) {
        return false;
    }
    entry->frame = malloc(sizeof(*entry->frame) + n / 2);
    if (entry->frame == NULL) {
        return false;
    }
    entry->frame->n = (uint32_t)(n / 2);
    for (size_t i = 0; i < n / 2; i++) {
        int high = hex_digit(reader->at[2 * i]), low = hex_digit(reader->at[2 * i + 1]);
        entry->frame->bytes[i] = (uint8_t)(high << 4 | low);
    }
    reader->at += n;
    return true;
}

/* The name of a serial port, and the blank behind it. */
static bool read_port(struct reader *reader, const struct machine_input *input,
                      struct input_entry *entry)
{
    for (unsigned i = 0; i < MACHINE_INPUT_PORTS; i++) {
        const char *at = reader->at, *name = input->port_name[i];
        if (name != NULL && read_word(reader, name) && read_word(reader, " ")) {
            entry->port = (uint8_t)i;
            return true;
        }
        reader->at = at;
    }
    return false;
}

/* "NS serial HEX\n", "NS serial@NAME HEX\n", "NS net HEX\n" or "NS command HEX\n". On failure entry->frame may be set: the
 * caller's. */
static bool read_entry(struct reader *reader, const struct machine_input *input,
                       struct input_entry *entry)
{
    *entry = (struct input_entry){ 0 };
    if (!read_number(reader, &entry->ns)) {
        return false;
    }
    if (read_word(reader, " serial ") ||
        (read_word(reader, " serial@") && read_port(reader, input, entry))) {
        return read_bytes(reader, entry) && read_word(reader, "\n");
    }
    bool command = read_word(reader, " command ");
    if ((!command && !read_word(reader, " net ")) || !read_frame(reader, entry)) {
        return false;
    }
    entry->frame->command = command;
    return read_word(reader, "\n");
}

static int add_entry(struct machine_input *input, const struct input_entry *entry)
{
    /* Room doubles when the number is a power of two. */
    if ((input->n_entries & (input->n_entries - 1)) == 0) {
        size_t room = input->n_entries == 0 ? 1 : 2 * input->n_entries;
        struct input_entry *more = realloc(input->entry, room * sizeof(*more));
        if (more == NULL) {
            return -ENOMEM;
        }
        input->entry = more;
    }
    input->entry[input->n_entries++] = *entry;
    return 0;
}

int machine_input_add(struct machine_input *input, uint64_t ns, enum machine_input_kind kind,
                      unsigned port, const uint8_t *bytes, size_t n)
{
    struct input_entry entry = { .ns = ns, .port = (uint8_t)port };
    bool frame = kind != MACHINE_INPUT_SERIAL;

    if (n == 0 || port >= MACHINE_INPUT_PORTS ||
        n > (frame ? MACHINE_INPUT_FRAME : MACHINE_INPUT_ENTRY) ||
        (input->n_entries > 0 && ns < input->entry[input->n_entries - 1].ns)) {
        return -EINVAL;
    }
    if (frame) {
        entry.frame = malloc(sizeof(*entry.frame) + n);
        if (entry.frame == NULL) {
            return -ENOMEM;
        }
        entry.frame->n = (uint32_t)n;
        entry.frame->command = kind == MACHINE_INPUT_COMMAND;
        memcpy(entry.frame->bytes, bytes, n);
    } else {
        entry.n = (uint8_t)n;
        memcpy(entry.bytes, bytes, n);
    }
    int status = add_entry(input, &entry);
    if (status != 0) {
        free(entry.frame);
    }
    return status;
}

void machine_input_skip(struct machine_input *input, uint64_t now_ns)
{
    while (input->next_entry < input->n_entries && input->entry[input->next_entry].ns < now_ns) {
        input->next_entry++;
    }
}

int machine_input_parse(struct machine_input *input, const char *text, size_t length,
                        struct error *error)
{
    struct reader reader = { .at = text, .end = text + length, .line = 2 };
    uint64_t count, last_ns = 0;

    if (!read_word(&reader, first_line)) {
        return error_set(error, -EINVAL, "input: this is no record of verdite's input");
    }
    for (; !read_word(&reader, "end "); reader.line++) {
        struct input_entry entry;
        if (reader.at == reader.end) {
            return error_set(error, -EINVAL, "input: the record is cut short: it has no end line");
        }
        if (memchr(reader.at, '\n', (size_t)(reader.end - reader.at)) == NULL) {
            return error_set(error, -EINVAL, "input: the record is cut short in line %u",
                             reader.line);
        }
        if (!read_entry(&reader, input, &entry)) {
            free(entry.frame);
            return error_set(
                error, -EINVAL,
                "input: line %u is not NS serial HEX, NS serial@CHILD HEX of a child that "
                "there is, NS net HEX or NS command HEX",
                reader.line);
        }
        if (entry.ns < last_ns) {
            free(entry.frame);
            return error_set(error, -EINVAL, "input: line %u is earlier than the one before it",
                             reader.line);
        }
        last_ns = entry.ns;
        if (add_entry(input, &entry) != 0) {
            free(entry.frame);
            return error_set(error, -ENOMEM, "input: no memory for the record");
        }
    }
    if (!read_number(&reader, &count) || !read_word(&reader, "\n") || count != input->n_entries) {
        return error_set(error, -EINVAL,
                         "input: the record is cut short: its end line does not say"
                         " %zu",
                         input->n_entries);
    }
    if (reader.at != reader.end) {
        return error_set(error, -EINVAL, "input: something follows the record's end");
    }
    input->replay = true;
    return 0;
}

int machine_input_replay(struct machine_input *input, const char *path, struct error *error)
{
    uint8_t *data;
    size_t length;
    int status = host_file_read(path, RECORD_BYTES_MAX, &data, &length, error);

    if (status != 0) {
        return status;
    }
    status = machine_input_parse(input, (const char *)data, length, error);
    free(data);
    return status;
}

int machine_input_record(struct machine_input *input, const char *path, struct error *error)
{
    int status = host_sink_file(&input->to, path, error);

    if (status == 0) {
        input->record = true;
        host_sink_write(&input->to, (const uint8_t *)first_line, sizeof(first_line) - 1);
    }
    return status;
}

/* port: of a serial one, its name; or NULL. */
static void record_bytes(struct machine_input *input, uint64_t now_ns, const char *kind,
                         const char *port, const uint8_t *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    char line[1024];
    size_t at = (size_t)snprintf(line, sizeof(line), "%" PRIu64 " %s%s%.64s ", now_ns, kind,
                                 port != NULL ? "@" : "", port != NULL ? port : "");

    for (size_t i = 0; i < n; i++) {
        if (at + 4 > sizeof(line)) {
            host_sink_write(&input->to, (const uint8_t *)line, at);
            at = 0;
        }
        line[at++] = digits[bytes[i] >> 4];
        line[at++] = digits[bytes[i] & 0xf];
    }
    line[at++] = '\n';
    host_sink_write(&input->to, (const uint8_t *)line, at);
    input->recorded++;
}

/* ---- entering ---- */

size_t machine_input_type(struct machine_input *input, unsigned port, const uint8_t *bytes,
                          size_t n)
{
    if (input->replay || port >= MACHINE_INPUT_PORTS) {
        return n;
    }
    host_mutex_lock(&input->lock);
    struct input_queue *queue = &input->queue[port];
    size_t room = sizeof(queue->bytes) - queue->n;
    n = n < room ? n : room;
    memcpy(queue->bytes + queue->n, bytes, n);
    queue->n += (uint32_t)n;
    host_cond_signal(&input->typed);
    host_mutex_unlock(&input->lock);
    return n;
}

/* A copy waits; false: no room. */
static bool queue_frame(struct machine_input *input, const uint8_t *bytes, size_t n, bool command)
{
    struct input_frame *frame = malloc(sizeof(*frame) + n);
    if (frame == NULL) {
        return false;
    }
    frame->next = NULL;
    frame->n = (uint32_t)n;
    frame->command = command;
    memcpy(frame->bytes, bytes, n);
    host_mutex_lock(&input->lock);
    bool room = input->queued_frames + n <= MACHINE_INPUT_FRAMES;
    if (room) {
        *input->last_frame = frame;
        input->last_frame = &frame->next;
        input->queued_frames += n;
        host_cond_signal(&input->typed);
    }
    host_mutex_unlock(&input->lock);
    if (!room) {
        free(frame);
    }
    return room;
}

bool machine_input_frame(struct machine_input *input, const uint8_t *bytes, size_t n)
{
    if (input->replay || n == 0 || n > MACHINE_INPUT_FRAME) {
        return input->replay;
    }
    return queue_frame(input, bytes, n, false);
}

bool machine_input_restore_waiting(struct machine_input *input, bool command, const uint8_t *bytes,
                                   size_t n)
{
    return queue_frame(input, bytes, n, command);
}

int machine_input_command(struct machine_input *input, const char *text)
{
    size_t n = strlen(text);

    if (input->replay) {
        return -EPERM;
    }
    return n > 0 && n <= MACHINE_INPUT_FRAME && queue_frame(input, (const uint8_t *)text, n, true)
               ? 0
               : -ENOBUFS;
}

bool machine_input_frame_waits(struct machine_input *input)
{
    host_mutex_lock(&input->lock);
    bool waits = input->first_frame != NULL;
    host_mutex_unlock(&input->lock);
    return waits;
}

bool machine_input_expected(const struct machine_input *input)
{
    return !input->replay && input->net_busy != NULL && input->net_busy(input->net_opaque);
}

static bool any_waits(const struct machine_input *input)
{
    bool any = input->first_frame != NULL;

    for (unsigned i = 0; i < MACHINE_INPUT_PORTS; i++) {
        any |= input->queue[i].n > 0;
    }
    return any;
}

bool machine_input_wait(struct machine_input *input, uint64_t until_ns)
{
    host_mutex_lock(&input->lock);
    if (!any_waits(input)) {
        (void)host_cond_wait_until(&input->typed, &input->lock, until_ns);
    }
    bool any = any_waits(input);
    host_mutex_unlock(&input->lock);
    return any;
}

/* Bytes into the port, as events of this instant; returns how many it took. */
static size_t enter(struct machine *machine, uint64_t now_ns, unsigned port, const uint8_t *bytes,
                    size_t n)
{
    struct machine_input *input = &machine->input;
    size_t taken = input->serial != NULL ? input->serial(input->serial_opaque, port, bytes, n) : n;

    for (size_t i = 0; i < taken; i++) {
        TRACE(&machine->trace, TRACE_ROOM_VMMS, MACHINE_EVENT_SERIAL_INPUT, 0, -1, bytes[i], port);
    }
    if (taken > 0 && input->record) {
        record_bytes(input, now_ns, "serial", port != 0 ? input->port_name[port] : NULL, bytes,
                     taken);
    }
    return taken;
}

static void enter_command(struct machine *machine, uint64_t now_ns, const struct input_frame *frame)
{
    struct machine_input *input = &machine->input;

    for (uint32_t i = 0; i < frame->n; i++) {
        TRACE(&machine->trace, TRACE_ROOM_VMMS, MACHINE_EVENT_COMMAND, 0, -1, frame->bytes[i]);
    }
    if (input->record) {
        record_bytes(input, now_ns, "command", NULL, frame->bytes, frame->n);
    }
    if (input->command != NULL) {
        input->command(input->command_opaque, (const char *)frame->bytes, frame->n);
    }
}

static void enter_frame(struct machine *machine, uint64_t now_ns, const struct input_frame *frame)
{
    struct machine_input *input = &machine->input;

    if (frame->command) {
        enter_command(machine, now_ns, frame);
        return;
    }
    TRACE(&machine->trace, TRACE_ROOM_VMMS, MACHINE_EVENT_NET_INPUT, 0, -1, frame->n,
          frame->bytes[0]);
    if (input->record) {
        record_bytes(input, now_ns, "net", NULL, frame->bytes, frame->n);
    }
    if (input->net != NULL) {
        input->net(input->net_opaque, frame->bytes, frame->n);
    }
}

static void enter_recorded(struct machine *machine, uint64_t now_ns)
{
    struct machine_input *input = &machine->input;

    while (input->next_entry < input->n_entries) {
        const struct input_entry *entry = &input->entry[input->next_entry];
        if (entry->ns > now_ns) {
            return;
        }
        if (entry->frame != NULL) {
            enter_frame(machine, now_ns, entry->frame);
            input->next_entry++;
            continue;
        }
        input->entered += enter(machine, now_ns, entry->port, entry->bytes + input->entered,
                                entry->n - input->entered);
        if (input->entered < entry->n) {
            return; /* the port is full */
        }
        input->entered = 0;
        input->next_entry++;
    }
}

static void enter_live(struct machine *machine, uint64_t now_ns)
{
    struct machine_input *input = &machine->input;

    host_mutex_lock(&input->lock);
    for (unsigned i = 0; i < MACHINE_INPUT_PORTS; i++) {
        struct input_queue *queue = &input->queue[i];
        size_t n = queue->n < MACHINE_INPUT_ENTRY ? queue->n : MACHINE_INPUT_ENTRY;
        if (n > 0) {
            size_t taken = enter(machine, now_ns, i, queue->bytes, n);
            queue->n -= (uint32_t)taken;
            memmove(queue->bytes, queue->bytes + taken, queue->n);
        }
    }
    struct input_frame *frame = input->first_frame;
    input->first_frame = NULL;
    input->last_frame = &input->first_frame;
    input->queued_frames = 0;
    host_mutex_unlock(&input->lock);
    for (const struct input_frame *at = frame; at != NULL; at = at->next) {
        enter_frame(machine, now_ns, at);
    }
    free_frames(frame);
}

void machine_input_enter(struct machine *machine)
{
    struct machine_input *input = &machine->input;
    uint64_t now = clock_now_ns(&machine->clock);

    if (input->looked && input->looked_ns == now) {
        return;
    }
    input->looked = true;
    input->looked_ns = now;
    if (input->replay) {
        enter_recorded(machine, now);
    } else {
        enter_live(machine, now);
    }
}

uint64_t machine_input_next_ns(const struct machine_input *input)
{
    return input->next_entry < input->n_entries ? input->entry[input->next_entry].ns : UINT64_MAX;
}

bool machine_input_is_live(const struct machine_input *input)
{
    return !input->replay;
}
