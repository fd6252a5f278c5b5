/* The control socket: JSON lines in, JSON lines out. {"verb": "inspect", "args": ["machine"], "child": "a", "id": 7} is answered by
 * {"id": 7, "ok": true, "result": ...} or {"id": 7, "ok": false, "error": "..."}. Needs Jansson. */
#ifndef FRONTEND_MONITOR_CONTROL_H
#define FRONTEND_MONITOR_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frontend/monitor/control_line.h"

struct machine;
struct vmms;

struct control {
    struct machine *machine;
    struct vmms *vmms; /* NULL: no guest to talk to */
    void (*quit)(void *opaque);
    void *quit_opaque;
    bool paused;
    const bool *debugger_holds; /* for status */
};

enum { CONTROL_VERB_BYTES = 32, CONTROL_ARGUMENTS = 4, CONTROL_ARGUMENT_BYTES = 256 };

/* A request as text: what a line says. */
struct control_request {
    unsigned verb; /* index of control_verb */
    unsigned n;
    char argument[CONTROL_ARGUMENTS][CONTROL_ARGUMENT_BYTES];
    char child[CONTROL_VERB_BYTES]; /* its name; empty: none */
    unsigned at_child;              /* its number */
    char id[64]; /* JSON text of "id"; empty: none */
};

bool control_built(void);

/* True, or the sentence in error. */
bool control_parse(struct control_request *request, const char *line, char *error, size_t size);

/* The answer to one line, a line itself with its newline; freed by the caller. NULL: no memory. */
char *control_answer(struct control *control, const char *line);
char *control_refuse(const char *sentence);

/* The line of a request for a verb with its arguments, of a child or NULL; freed by the caller. */
char *control_request(const char *child, const char *verb, int n, char **arguments);
/* An answer's result as text for people, or its error: *ok tells. Freed by the caller. */
char *control_text(const char *answer, bool json, bool *ok);

#endif
