/* Requests and answers of the control socket. */
#include "frontend/monitor/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/monitor/control_verbs.h"
#include "frontend/monitor/inspect.h"
#include "frontend/monitor/text.h"
#include "partitions/machine.h"

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
    (void)request, (void)error, (void)size;
    __atomic_store_n(&control->machine->reset, true, __ATOMIC_RELEASE);
    machine_kick(control->machine);
    return done();
}

static json_t *verb_quit(struct control *control, const struct control_request *request,
                         char *error, size_t size)
{
    (void)request, (void)error, (void)size;
    control->quit(control->quit_opaque);
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

static verb_handler *const handlers[] = {
#define X(name, arguments, least, most, help) verb_##name,
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

char *control_answer(struct control *control, const char *line)
{
    struct control_request request;
    char error[256] = "";

    if (!control_parse(&request, line, error, sizeof(error))) {
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

char *control_request(const char *verb, int n, char **arguments)
{
    json_t *object = json_object(), *args = json_array();

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

char *control_request(const char *verb, int n, char **arguments)
{
    (void)verb, (void)n, (void)arguments;
    return NULL;
}

char *control_text(const char *answer, bool json, bool *ok)
{
    (void)answer, (void)json;
    *ok = false;
    return NULL;
}
#endif
