/* Requests and answers of the control socket. */
#include "frontend/monitor/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "frontend/monitor/control_verbs.h"
#include "frontend/monitor/inspect.h"
#include "partitions/machine.h"
#include "partitions/vmms/vmms.h"

#ifdef HAVE_JANSSON
#include <jansson.h>

bool control_built(void)
{
    return true;
}

/* ---- requests ---- */

static bool take_arguments(struct control_request *request, const json_t *args, char *error,
                           size_t size)
{
    const struct control_verb *verb = control_verb(request->verb);
    size_t n = args != NULL ? json_array_size(args) : 0;

    if ((args != NULL && !json_is_array(args)) || n < verb->least || n > verb->most) {
        (void)snprintf(error, size, "%s %s: takes %u to %u arguments, in a list of strings",
                       verb->name, verb->arguments, verb->least, verb->most);
        return false;
    }
    for (unsigned i = 0; i < n && i < CONTROL_ARGUMENTS; i++) {
        const char *text = json_string_value(json_array_get(args, i));
        if (text == NULL || strlen(text) >= CONTROL_ARGUMENT_BYTES) {
            (void)snprintf(error, size, "%s: argument %u is no string, or too long", verb->name,
                           i + 1);
            return false;
        }
        memcpy(request->argument[i], text, strlen(text) + 1);
        request->n = i + 1;
    }
    return true;
}

static bool take_request(struct control_request *request, const json_t *json, char *error,
                         size_t size)
{
    const char *name = json_string_value(json_object_get(json, "verb"));
    const json_t *id = json_object_get(json, "id");

    if (json_is_integer(id) || json_is_string(id)) {
        char *text = json_dumps(id, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
        if (text != NULL && strlen(text) < sizeof(request->id)) {
            memcpy(request->id, text, strlen(text) + 1);
        }
        free(text);
    }
    if (name == NULL) {
        (void)snprintf(error, size, "a request is an object with a string \"verb\"");
        return false;
    }
    while (control_verb(request->verb) != NULL &&
           strcmp(control_verb(request->verb)->name, name) != 0) {
        request->verb++;
    }
    if (control_verb(request->verb) == NULL) {
        (void)snprintf(error, size, "unknown verb; help lists them");
        return false;
    }
    const char *child = json_string_value(json_object_get(json, "child"));
    if (child != NULL && strlen(child) >= sizeof(request->child)) {
        (void)snprintf(error, size, "there is no such child");
        return false;
    }
    (void)snprintf(request->child, sizeof(request->child), "%s", child != NULL ? child : "");
    return take_arguments(request, json_object_get(json, "args"), error, size);
}

bool control_parse(struct control_request *request, const char *line, char *error, size_t size)
{
    json_error_t where;
    json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, &where);

    memset(request, 0, sizeof(*request));
    if (json == NULL) {
        (void)snprintf(error, size, "not JSON: %s", where.text);
        return false;
    }
    bool ok = take_request(request, json, error, size);
    json_decref(json);
    return ok;
}

/* ---- verbs: a result, or NULL with the sentence ---- */

typedef json_t *verb_handler(struct control *control, const struct control_request *request,
                             char *error, size_t size);

static json_t *done(void)
{
    return json_string("done");
}

static json_t *verb_help(struct control *control, const struct control_request *request,
                         char *error, size_t size)
{
    json_t *object = json_object();

    (void)control, (void)request, (void)error, (void)size;
    for (unsigned i = 0; control_verb(i) != NULL; i++) {
        const struct control_verb *verb = control_verb(i);
        char name[64];
        (void)snprintf(name, sizeof(name), "%s%s%s", verb->name,
                       verb->arguments[0] != '\0' ? " " : "", verb->arguments);
        json_object_set_new(object, name, json_string(verb->help));
    }
    return object;
}

static void status_of_child(struct vmms *vmms, unsigned child, json_t *object)
{
    struct vmms_guest guest;

    vmms_guest(vmms, child, &guest);
    if (guest.child) {
        json_object_set_new(object, "vmbus",
                            json_sprintf("%u.%u", guest.vmbus_major, guest.vmbus_minor));
        json_object_set_new(object, "heartbeat", json_string(guest.heartbeat));
        json_object_set_new(object, "shutdown", json_string(guest.shutdown));
        json_object_set_new(object, "kvp", json_boolean(guest.kvp));
    }
}

/* Of the only one, or of one that is named, beside the machine's; else of all under their names. */
static void status_of_children(struct control *control, const struct control_request *request,
                               json_t *object)
{
    struct vmms *vmms = control->vmms;

    if (vmms == NULL) {
        return;
    }
    if (request->child[0] != '\0' || vmms_child_name(vmms, 1) == NULL) {
        status_of_child(vmms, request->at_child, object);
        return;
    }
    json_t *children = json_object();
    for (unsigned i = 0; vmms_child_name(vmms, i) != NULL; i++) {
        struct vmms_guest guest;
        vmms_guest(vmms, i, &guest);
        json_t *child = json_pack("{s:I, s:s}", "partition", (json_int_t)guest.partition, "state",
                                  guest.over ? "ended" : "running");
        status_of_child(vmms, i, child);
        json_object_set_new(children, vmms_child_name(vmms, i), child);
    }
    json_object_set_new(object, "children", children);
}

static json_t *verb_status(struct control *control, const struct control_request *request,
                           char *error, size_t size)
{
    struct machine *machine = control->machine;
    const char *state = machine->debug.ended       ? "ended"
                        : control->paused          ? "paused"
                        : *control->debugger_holds ? "stopped by the debugger"
                                                   : "running";

    (void)request, (void)error, (void)size;
    debug_hold(machine);
    json_t *result =
        json_pack("{s:s, s:I, s:I, s:I, s:b}", "state", state, "instructions",
                  (json_int_t)machine_instructions(machine), "guest_time_ns",
                  (json_int_t)clock_now_ns(&machine->clock), "hypercalls",
                  (json_int_t)machine->hv.hypercalls, "guest_crashed", (int)machine->crashed);
    debug_release(machine);
    status_of_children(control, request, result);
    return result;
}

static json_t *verb_pause(struct control *control, const struct control_request *request,
                          char *error, size_t size)
{
    (void)request, (void)error, (void)size;
    if (!control->paused) {
        debug_hold(control->machine);
        control->paused = true;
    }
    return done();
}

static json_t *verb_resume(struct control *control, const struct control_request *request,
                           char *error, size_t size)
{
    (void)request, (void)error, (void)size;
    if (control->paused) {
        control->paused = false;
        debug_release(control->machine);
    }
    return done();
}

static json_t *verb_reset(struct control *control, const struct control_request *request,
                          char *error, size_t size)
{
    (void)error, (void)size;
    if (control->vmms != NULL) {
        vmms_reset(control->vmms, request->at_child);
    }
    return done();
}

static json_t *command(struct control *control, const struct control_request *request, char *error,
                       size_t size, const char *a, const char *b, const char *c);

static json_t *verb_power_off(struct control *control, const struct control_request *request,
                              char *error, size_t size)
{
    return command(control, request, error, size, "power-off", NULL, NULL);
}

static json_t *verb_quit(struct control *control, const struct control_request *request,
                         char *error, size_t size)
{
    (void)request, (void)error, (void)size;
    control->quit(control->quit_opaque);
    return done();
}

static json_t *verb_save(struct control *control, const struct control_request *request,
                         char *error, size_t size)
{
    struct error why = { "" };

    debug_hold(control->machine);
    int status = control->machine->debug.ended
                     ? error_set(&why, -ECANCELED, "the run is over")
                     : vmms_save(control->vmms, request->argument[0], &why);
    debug_release(control->machine);
    if (status != 0) {
        (void)snprintf(error, size, "%s", why.text);
        return NULL;
    }
    return done();
}

static json_t *verb_inspect(struct control *control, const struct control_request *request,
                            char *error, size_t size)
{
    const char *path = request->n > 0 ? request->argument[0] : "";

    debug_hold(control->machine);
    json_t *result = inspect(control->machine, path);
    debug_release(control->machine);
    if (result == NULL) {
        (void)snprintf(error, size, "there is nothing at that path");
    }
    return result;
}

/* ---- the guest over VMBus ---- */

/* Words set apart by tabs, to the parent's stack. NULL words are left out. */
static json_t *command(struct control *control, const struct control_request *request, char *error,
                       size_t size, const char *a, const char *b, const char *c)
{
    char text[4 * CONTROL_ARGUMENT_BYTES];
    struct error why = { "" };

    if (control->vmms == NULL || strchr(b != NULL ? b : "", '\t') != NULL ||
        strchr(c != NULL ? c : "", '\t') != NULL) {
        (void)snprintf(error, size, "there is no guest to talk to, or a word holds a tab");
        return NULL;
    }
    bool other = request->at_child != 0;
    (void)snprintf(text, sizeof(text), "%s%s%s%s%s%s%s%s", other ? "@" : "",
                   other ? vmms_child_name(control->vmms, request->at_child) : "",
                   other ? "\t" : "", a, b != NULL ? "\t" : "", b != NULL ? b : "",
                   c != NULL ? "\t" : "", c != NULL ? c : "");
    if (vmms_command(control->vmms, text, &why) != 0) {
        (void)snprintf(error, size, "%s", why.text);
        return NULL;
    }
    return done();
}

static json_t *verb_shutdown(struct control *control, const struct control_request *request,
                             char *error, size_t size)
{
    return command(control, request, error, size, "shutdown",
                   request->n > 0 ? request->argument[0] : "off",
                   request->n > 1 ? request->argument[1] : NULL);
}

static json_t *verb_timesync(struct control *control, const struct control_request *request,
                             char *error, size_t size)
{
    return command(control, request, error, size, "timesync", NULL, NULL);
}

static void kvp_put(void *opaque, const char *pool, const char *key, const char *value)
{
    json_t *tree = opaque, *object = json_object_get(tree, pool);

    if (object == NULL) {
        object = json_object();
        json_object_set_new(tree, pool, object);
    }
    json_object_set_new(object, key, json_string(value));
}

/* From the host's copy; a new look is asked for. */
static json_t *kvp_list(struct control *control, unsigned child, const char *key, char *error,
                        size_t size)
{
    json_t *tree = json_object(), *found = NULL, *object;
    const char *pool;

    if (control->vmms == NULL || vmms_kvp_each(control->vmms, child, kvp_put, tree) != 0) {
        (void)snprintf(error, size, "the guest has told no keys: its daemon does not run");
    } else if (key == NULL) {
        found = json_incref(tree);
    } else {
        json_object_foreach(tree, pool, object)
        {
            found = found == NULL ? json_incref(json_object_get(object, key)) : found;
        }
        if (found == NULL) {
            (void)snprintf(error, size, "the guest has no such key");
        }
    }
    json_decref(tree);
    return found;
}

static json_t *verb_kvp(struct control *control, const struct control_request *request, char *error,
                        size_t size)
{
    const char *what = request->argument[0], *key = request->argument[1];

    if (strcmp(what, "list") == 0 && request->n == 1) {
        return kvp_list(control, request->at_child, NULL, error, size);
    }
    if (strcmp(what, "get") == 0 && request->n == 2) {
        return kvp_list(control, request->at_child, key, error, size);
    }
    if (strcmp(what, "set") == 0 && request->n == 3) {
        return command(control, request, error, size, "kvp-set", key, request->argument[2]);
    }
    if (strcmp(what, "delete") == 0 && request->n == 2) {
        return command(control, request, error, size, "kvp-delete", key, NULL);
    }
    (void)snprintf(error, size, "kvp takes list, get KEY, set KEY VALUE or delete KEY");
    return NULL;
}

static json_t *verb_type(struct control *control, const struct control_request *request,
                         char *error, size_t size)
{
    return command(control, request, error, size, "type", request->argument[0], NULL);
}

static json_t *verb_console(struct control *control, const struct control_request *request,
                            char *error, size_t size)
{
    struct error why = { "there is no guest to talk to" };

    if (control->vmms == NULL ||
        vmms_child_type(control->vmms, request->at_child, request->argument[0], &why) != 0) {
        (void)snprintf(error, size, "%s", why.text);
        return NULL;
    }
    return done();
}

static json_t *verb_rescind(struct control *control, const struct control_request *request,
                            char *error, size_t size)
{
    return command(control, request, error, size, "rescind", request->argument[0], NULL);
}

static json_t *verb_offer(struct control *control, const struct control_request *request,
                          char *error, size_t size)
{
    return command(control, request, error, size, "offer", request->argument[0], NULL);
}

static json_t *nic_list(struct control *control, unsigned child)
{
    json_t *list = json_object();
    struct vmms_port port;

    for (unsigned i = 0; control->vmms != NULL && vmms_port(control->vmms, child, i, &port); i++) {
        json_t *object = json_pack("{s:s, s:s, s:s}", "switch", port.net, "kind", port.kind, "link",
                                   port.link ? "up" : "down");
        if (port.adapter) {
            json_object_set_new(object, "mac", json_string(port.mac));
            json_object_set_new(object, "mtu", json_integer(port.mtu));
            json_object_set_new(object, "channels", json_integer(port.channels));
            json_object_set_new(object, "nvsp", json_sprintf("0x%x", port.protocol));
        }
        for (unsigned k = 0; k < VMMS_PORT_COUNTERS && port.counter_name[k] != NULL; k++) {
            json_object_set_new(object, port.counter_name[k],
                                json_integer((json_int_t)port.counter[k]));
        }
        json_object_set_new(list, port.name, object);
    }
    return list;
}

static json_t *verb_disk(struct control *control, const struct control_request *request,
                         char *error, size_t size)
{
    const char *what = request->argument[0];
    struct vmms_disk disk;

    if (strcmp(what, "add") == 0 && request->n == 2) {
        return command(control, request, error, size, "disk-add", request->argument[1], NULL);
    }
    if (strcmp(what, "remove") == 0 && request->n == 2) {
        return command(control, request, error, size, "disk-remove", request->argument[1], NULL);
    }
    if (strcmp(what, "list") != 0 || request->n != 1) {
        (void)snprintf(error, size, "disk takes add FILE[,...], remove LUN or list");
        return NULL;
    }
    json_t *list = json_array();
    for (unsigned i = 0;
         control->vmms != NULL && vmms_disk(control->vmms, request->at_child, i, &disk); i++) {
        json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:s, s:I}", "file", disk.file, "bus",
                                              disk.ide ? "ide" : "scsi", "lun", (int)disk.lun,
                                              "kind", disk.kind, "bytes", (json_int_t)disk.bytes));
    }
    return list;
}

static json_t *verb_nic(struct control *control, const struct control_request *request, char *error,
                        size_t size)
{
    static const struct {
        const char *word, *command;
        unsigned n;
    } rows[] = { { "add", "nic-add", 2 },
                 { "remove", "nic-remove", 2 },
                 { "link", "nic-link", 3 },
                 { "capture", "nic-capture", 2 } };

    if (strcmp(request->argument[0], "list") == 0 && request->n == 1) {
        return nic_list(control, request->at_child);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        if (strcmp(request->argument[0], rows[i].word) == 0 && request->n == rows[i].n) {
            return command(control, request, error, size, rows[i].command, request->argument[1],
                           request->n > 2 ? request->argument[2] : NULL);
        }
    }
    (void)snprintf(error, size,
                   "nic takes list, add NET, remove NAME, link NAME up|down or capture PORT=FILE");
    return NULL;
}

static json_t *device_object(const struct vmms_offer *offer)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "instance",
                     offer->instance, "class", offer->class, "state",
                     !offer->offered    ? "not offered"
                     : offer->rescinded ? "rescinded"
                                        : "offered",
                     "channels", (int)offer->channels, "open", (int)offer->open, "packets_in",
                     (json_int_t)offer->packets_in, "packets_out", (json_int_t)offer->packets_out,
                     "bytes_in", (json_int_t)offer->bytes_in, "bytes_out",
                     (json_int_t)offer->bytes_out, "signals_in", (json_int_t)offer->signals_in,
                     "signals_out", (json_int_t)offer->signals_out, "full",
                     (json_int_t)offer->full);
}

static json_t *verb_devices(struct control *control, const struct control_request *request,
                            char *error, size_t size)
{
    json_t *object = json_object(), *list = json_object();
    struct vmms_offer offer;
    struct vmms_vmbus vmbus = { 0 };

    (void)error, (void)size;
    for (unsigned i = 0;
         control->vmms != NULL && vmms_offer(control->vmms, request->at_child, i, &offer); i++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "%s-%.8s", offer.name, offer.instance);
        json_object_set_new(list, name, device_object(&offer));
    }
    if (control->vmms != NULL) {
        vmms_vmbus(control->vmms, request->at_child, &vmbus);
    }
    json_object_set_new(
        object, "vmbus",
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:I}", "messages_in",
                  (json_int_t)vmbus.messages_in, "messages_out", (json_int_t)vmbus.messages_out,
                  "messages_bad", (json_int_t)vmbus.messages_bad, "messages_lost",
                  (json_int_t)vmbus.messages_lost, "contacts", (json_int_t)vmbus.contacts,
                  "unloads", (json_int_t)vmbus.unloads, "gpadls", (int)vmbus.gpadls,
                  "incomplete_gpadls", (int)vmbus.incomplete_gpadls, "gpadl_pages",
                  (json_int_t)vmbus.gpadl_pages));
    json_object_set_new(object, "devices", list);
    return object;
}

static json_t *verb_memory(struct control *control, const struct control_request *request,
                           char *error, size_t size)
{
    struct vmms_memory memory = { 0 };

    (void)error, (void)size;
    if (control->vmms != NULL) {
        vmms_memory(control->vmms, request->at_child, &memory);
    }
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:i, s:i, s:I, s:I, s:I}", "deposited_pages",
        (json_int_t)memory.deposited_pages, "deposited_used", (json_int_t)memory.deposited_used,
        "parent_used", (json_int_t)memory.parent_used, "mapped_pages",
        (json_int_t)memory.mapped_pages, "channels_open", (int)memory.channels_open, "gpadls",
        (int)memory.gpadls, "gpadl_pages", (json_int_t)memory.gpadl_pages, "waiting_bytes",
        (json_int_t)memory.waiting_bytes, "heap_bytes", (json_int_t)memory.heap_bytes);
}

static verb_handler *const handlers[] = {
#define X(name, child, arguments, least, most, help) verb_##name,
    CONTROL_VERBS(X)
#undef X
};

/* ---- answers ---- */

static char *line_of(json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
    size_t n = text != NULL ? strlen(text) : 0;
    char *line = text != NULL ? realloc(text, n + 2) : NULL;

    json_decref(object);
    if (line == NULL) {
        free(text);
        return NULL;
    }
    line[n] = '\n';
    line[n + 1] = '\0';
    return line;
}

static json_t *frame(const char *id, bool ok)
{
    json_t *object = json_object();

    if (id[0] != '\0') {
        json_object_set_new(object, "id", json_loads(id, JSON_DECODE_ANY, NULL));
    }
    json_object_set_new(object, "ok", json_boolean(ok));
    return object;
}

static char *refuse(const char *id, const char *sentence)
{
    json_t *object = frame(id, false);

    json_object_set_new(object, "error", json_string(sentence));
    return line_of(object);
}

char *control_refuse(const char *sentence)
{
    return refuse("", sentence);
}

/* Which child is asked. False with the sentence. */
static bool find_child(struct control *control, struct control_request *request, char *error,
                       size_t size)
{
    struct vmms *vmms = control->vmms;
    const char *name;

    if (request->child[0] == '\0') {
        bool which =
            vmms != NULL && control_verb(request->verb)->child && vmms_child_name(vmms, 1) != NULL;
        if (which) {
            (void)snprintf(error, size, "which child? There are %s, %s%s", vmms_child_name(vmms, 0),
                           vmms_child_name(vmms, 1),
                           vmms_child_name(vmms, 2) != NULL ? " ..." : "");
        }
        return !which;
    }
    for (unsigned i = 0; vmms != NULL && (name = vmms_child_name(vmms, i)) != NULL; i++) {
        if (strcmp(name, request->child) == 0) {
            request->at_child = i;
            return true;
        }
    }
    (void)snprintf(error, size, "there is no child %s", request->child);
    return false;
}

char *control_answer(struct control *control, const char *line)
{
    struct control_request request;
    char error[256] = "";

    if (!control_parse(&request, line, error, sizeof(error)) ||
        !find_child(control, &request, error, sizeof(error))) {
        return refuse(request.id, error);
    }
    json_t *result = handlers[request.verb](control, &request, error, sizeof(error));
    if (result == NULL) {
        return refuse(request.id, error[0] != '\0' ? error : "no memory");
    }
    json_t *object = frame(request.id, true);
    json_object_set_new(object, "result", result);
    return line_of(object);
}

/* ---- the client's side ---- */

char *control_request(const char *child, const char *verb, int n, char **arguments)
{
    json_t *object = json_object(), *args = json_array();

    if (child != NULL) {
        json_object_set_new(object, "child", json_string(child));
    }
    json_object_set_new(object, "verb", json_string(verb));
    for (int i = 0; i < n; i++) {
        json_array_append_new(args, json_string(arguments[i]));
    }
    json_object_set_new(object, "args", args);
    return line_of(object);
}

enum { TEXT_BYTES = 1 << 20, DEPTH = 16 };

static void print_value(struct text *text, const json_t *value, unsigned depth);

static void print_members(struct text *text, const json_t *value, unsigned depth)
{
    const char *key;
    json_t *member;
    size_t i;

    json_object_foreach((json_t *)(uintptr_t)value, key, member)
    {
        text_add(text, "%*s%s:", (int)(2 * depth), "", key);
        print_value(text, member, depth + 1);
    }
    json_array_foreach(value, i, member)
    {
        text_add(text, "%*s-", (int)(2 * depth), "");
        print_value(text, member, depth + 1);
    }
}

/* Behind a key and its colon. */
static void print_value(struct text *text, const json_t *value, unsigned depth)
{
    if (json_is_object(value) || json_is_array(value)) {
        text_add(text, "\n");
        if (depth < DEPTH) {
            print_members(text, value, depth);
        }
        return;
    }
    char *dump = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);
    text_add(text, " %s\n",
             dump != NULL            ? dump
             : json_is_string(value) ? json_string_value(value)
                                     : "?");
    free(dump);
}

char *control_text(const char *answer, bool json, bool *ok)
{
    json_t *object = json_loads(answer, 0, NULL);
    char *bytes = malloc(TEXT_BYTES);

    *ok = false;
    if (object == NULL || bytes == NULL) {
        json_decref(object);
        free(bytes);
        return NULL;
    }
    const json_t *result = json_object_get(object, "result");
    const char *error = json_string_value(json_object_get(object, "error"));
    struct text text = text_in(bytes, TEXT_BYTES);
    *ok = json_is_true(json_object_get(object, "ok"));
    if (!*ok) {
        text_add(&text, "%s\n", error != NULL ? error : "refused");
    } else if (json) {
        char *dump = json_dumps(result, JSON_ENCODE_ANY | JSON_INDENT(2));
        text_add(&text, "%s\n", dump != NULL ? dump : "");
        free(dump);
    } else if (json_is_object(result) || json_is_array(result)) {
        print_members(&text, result, 0);
    } else {
        print_value(&text, result, 0);
        memmove(bytes, bytes + 1, text.n); /* the blank behind a colon that is not there */
    }
    json_decref(object);
    return bytes;
}
#else

bool control_built(void)
{
    return false;
}

bool control_parse(struct control_request *request, const char *line, char *error, size_t size)
{
    (void)request, (void)line;
    (void)snprintf(error, size, "built without Jansson");
    return false;
}

char *control_answer(struct control *control, const char *line)
{
    (void)control, (void)line;
    return NULL;
}

char *control_refuse(const char *sentence)
{
    (void)sentence;
    return NULL;
}

char *control_request(const char *child, const char *verb, int n, char **arguments)
{
    (void)child, (void)verb, (void)n, (void)arguments;
    return NULL;
}

char *control_text(const char *answer, bool json, bool *ok)
{
    (void)answer, (void)json;
    *ok = false;
    return NULL;
}
#endif
