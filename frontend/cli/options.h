/* The command line: one table of keys makes the parser, --help and the man page. */
#ifndef FRONTEND_CLI_OPTIONS_H
#define FRONTEND_CLI_OPTIONS_H

#include <stdbool.h>

#include "base/error.h"
#include "frontend/cli/suggest.h"
#include "partitions/vmms/vmms.h"

enum command { COMMAND_RUN, COMMAND_EXPLAIN, COMMAND_HELP, COMMAND_MAN, COMMAND_VERSION, COMMAND_CTL, COMMAND_IMAGE, COMMAND_RESUME };

enum { OPTIONS_SAVES = 256 }; /* instants of --save-at */

enum serial_to { SERIAL_STDIO, SERIAL_FILE, SERIAL_NONE };

/* Strings point into argv. */
struct options {
    enum command command;
    struct vmms_config config;
    enum serial_to serial;
    const char *serial_path;
    const char *expect, *fail_on; /* extended regular expressions, or NULL */
    const char *gdb, *control;    /* where to listen, or NULL */
    bool wait;
    bool live_on; /* a panic of the guest does not end the run */
    uint64_t save_at[OPTIONS_SAVES];
    bool role_given;
    int hypervisor; /* -1 not given, 0 off, 1 on */
};

/* 0, or -EINVAL with the sentence. cpu_model: the known models, to suggest one. */
WARN_UNUSED int options_parse(struct options *options, int argc, char **argv, suggest_name cpu_model,
                              struct error *error);

struct option_key {
    const char *name;     /* without the dashes */
    const char *argument; /* NULL: none */
    const char *fallback; /* default as text, or NULL */
    const char *help;     /* sentences */
    int (*parse)(struct options *options, const char *value, struct error *error);
};

extern const struct option_key option_keys[];
extern const unsigned option_key_n;

#endif
