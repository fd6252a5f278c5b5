/* The monitor: one thread that serves gdb and the control socket beside the running machine. */
#ifndef FRONTEND_MONITOR_MONITOR_H
#define FRONTEND_MONITOR_MONITOR_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/error.h"

struct monitor;
struct vmms;

struct monitor_config {
    const char *gdb;            /* "PORT" or "unix:PATH"; NULL: none */
    const char *control;        /* a path; NULL: none */
    bool wait;                  /* nothing runs until gdb lets it */
    void (*quit)(void *opaque); /* a client ends the run. On the monitor's thread */
    void *opaque;
};

/* Is the text a place for --gdb? -EINVAL with the sentence. */
WARN_UNUSED int monitor_check_gdb(const char *text, struct error *error);

/* Before vmms_run. NULL with the sentence. The config is copied, its strings are borrowed. */
WARN_UNUSED struct monitor *monitor_start(struct vmms *vmms, const struct monitor_config *config,
                                          struct error *error);
/* After vmms_run, or instead of it: tell gdb the exit code, close everything. NULL: no-op. */
void monitor_stop(struct monitor *monitor, int exit_code);

/* `verdite ctl PATH VERB [ARGS]`: ask a machine's control socket. Prints; returns 0, 1 (it refused), or 2. */
int monitor_ctl(int argc, char **argv);

#endif
