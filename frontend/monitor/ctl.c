/* `verdite ctl`: one request to a machine's control socket. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host/socket.h"
#include "frontend/monitor/control.h"
#include "frontend/monitor/control_verbs.h"
#include "frontend/monitor/monitor.h"

enum { ANSWER_BYTES = 1 << 24 };

static void print_usage(FILE *out)
{
    (void)fprintf(out, "usage: verdite ctl [--json] [--child NAME] PATH VERB [ARGS]\n");
    for (unsigned i = 0; control_verb(i) != NULL; i++) {
        const struct control_verb *verb = control_verb(i);
        (void)fprintf(out, "  %s %-*s %s\n", verb->name, (int)(15 - strlen(verb->name)),
                      verb->arguments, verb->help);
    }
}

static bool send_all(int fd, const char *line)
{
    size_t n = strlen(line);

    while (n > 0) {
        long done = host_socket_write(fd, line, n);
        if (done < 0) {
            return false;
        }
        line += done;
        n -= (size_t)done;
    }
    return true;
}

/* A line, without its newline; freed by the caller. NULL: the machine went away. */
static char *receive(int fd)
{
    char *answer = malloc(ANSWER_BYTES + 1);
    size_t n = 0;

    while (answer != NULL && n < ANSWER_BYTES) {
        long got = host_socket_read(fd, answer + n, ANSWER_BYTES - n);
        if (got < 0) {
            break;
        }
        n += (size_t)got;
        if (n > 0 && answer[n - 1] == '\n') {
            answer[n - 1] = '\0';
            return answer;
        }
    }
    free(answer);
    return NULL;
}

static int ask(int fd, const char *child, const char *verb, int n, char **arguments, bool json)
{
    char *line = control_request(child, verb, n, arguments), *answer = NULL, *text = NULL;
    bool ok = false;

    if (line != NULL && send_all(fd, line)) {
        answer = receive(fd);
    }
    if (answer != NULL) {
        text = control_text(answer, json, &ok);
    }
    if (text == NULL) {
        (void)fprintf(stderr, "verdite: ctl: no answer\n");
    } else {
        (void)fprintf(ok ? stdout : stderr, "%s%s", ok ? "" : "verdite: ctl: ", text);
    }
    free(line);
    free(answer);
    free(text);
    return ok ? 0 : 1;
}

int monitor_ctl(int argc, char **argv)
{
    struct error error = { "" };
    const char *child = NULL;
    bool json = false;

    for (; argc > 0 && strncmp(argv[0], "--", 2) == 0; argc--, argv++) {
        if (strcmp(argv[0], "--json") == 0) {
            json = true;
        } else if (strcmp(argv[0], "--child") == 0 && argc > 1) {
            child = argv[1];
            argc--;
            argv++;
        } else {
            argc = 1; /* the usage */
        }
    }
    if (argc < 2 || !control_built()) {
        if (!control_built()) {
            (void)fprintf(stderr, "verdite: ctl: this verdite was built without Jansson\n");
        } else {
            print_usage(stderr);
        }
        return 2;
    }
    int fd = host_connect_unix(argv[0], &error);
    if (fd < 0) {
        (void)fprintf(stderr, "verdite: ctl: %s\n", error.text);
        return 1;
    }
    int code = ask(fd, child, argv[1], argc - 2, argv + 2, json);
    host_socket_close(fd);
    return code;
}
