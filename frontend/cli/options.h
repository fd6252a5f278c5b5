/* What the user asks for: a command, and a machine, from a machine file and a command line by one table of keys. */
#ifndef FRONTEND_CLI_OPTIONS_H
#define FRONTEND_CLI_OPTIONS_H

#include <stdbool.h>

#include "base/error.h"
#include "frontend/cli/suggest.h"
#include "partitions/vmms/vmms.h"

enum command {
    COMMAND_RUN,
    COMMAND_EXPLAIN,
    COMMAND_HELP,
    COMMAND_MAN,
    COMMAND_VERSION,
    COMMAND_CTL,
    COMMAND_IMAGE,
    COMMAND_RESUME
};

enum {
    OPTIONS_SAVES = 256 /* instants of --save-at */
};

enum serial_to { SERIAL_STDIO, SERIAL_FILE, SERIAL_NONE };

struct option_serial {
    enum serial_to to;
    const char *path;
};

struct option_saves {
    uint64_t at[OPTIONS_SAVES];
    unsigned n;
};

struct option_role {
    enum vmms_role role;
    bool given;
};

struct option_child {
    char name[VMMS_CHILD_NAME];
    unsigned line; /* of its section in the machine file; 0: none */
    struct vmms_child config;
    struct option_serial serial;
    const char *expect, *fail_on; /* extended regular expressions, or NULL */
};

/* A key that was given, in the order of giving. */
struct setting {
    const struct option_key *key;
    unsigned child; /* of a key of a guest */
    unsigned line;  /* in the machine file; 0: from the command line */
    char *value;    /* owned */
};

/* Not moved once it is parsed. */
struct options {
    enum command command;
    char **argv;               /* as it was given */
    struct vmms_config config; /* its children are those of child */
    struct option_child child[VMMS_CHILDREN];
    unsigned n_children;
    unsigned at_child;         /* which a command line speaks of */
    bool child_named;          /* by --child */
    const char *gdb, *control; /* where to listen, or NULL */
    bool wait;
    bool live_on; /* a panic of the guest does not end the run */
    struct option_saves save_at;
    struct option_role role;
    int hypervisor; /* -1 not given, 0 off, 1 on */

    const char *file;         /* the machine file, or NULL */
    struct setting *settings; /* owned */
    unsigned n_settings;
};

/* 0, or -EINVAL (a machine file that cannot be read: another) with the sentence. cpu_model: the known models, to suggest one.
 * options_fini in both cases. */
WARN_UNUSED int options_parse(struct options *options, int argc, char **argv,
                              suggest_name cpu_model, struct error *error);
void options_fini(struct options *options);

enum {
    OPTION_LIST = 1,
    OPTION_SAVED = 2,
    OPTION_OLD = 4,
    OPTION_SECTION = 8,
};

struct option_key {
    const char *name; /* without the dashes */
    unsigned flags;   /* of OPTION_* */
    bool of_child;    /* a key of a guest, else of the machine */
    size_t place;     /* offset of what parse fills, in struct option_child or struct options */
    int (*parse)(void *place, const char *value, struct error *error);
    const char *argument; /* NULL: on or off */
    const char *fallback; /* default as text, or NULL */
    const char *help;     /* sentences */
};

extern const struct option_key option_keys[];
extern const unsigned option_key_n;

/* ---- for machine files ---- */

const struct option_key *option_find(const char *name, size_t length); /* NULL: there is none */
const char *option_name(unsigned index);                               /* NULL after the last */
/* Keep a key that was given; its value is checked by options_settle. */
WARN_UNUSED int options_give(struct options *options, const struct option_key *key, unsigned child,
                             const char *value, size_t length, unsigned line, struct error *error);
/* More of the value of the last one given. */
WARN_UNUSED int options_give_more(struct options *options, const char *blank, const char *more,
                                  struct error *error);
/* The child of that name; made when there is none. -EINVAL: it is no name, or there are too many. */
WARN_UNUSED int options_child(struct options *options, const char *name, size_t length,
                              unsigned *child, struct error *error);
/* Fill the configuration from what was given. */
WARN_UNUSED int options_settle(struct options *options, suggest_name cpu_model,
                               struct error *error);
/* What holds of a key for a child: the i-th value that was given, its default, or NULL. */
const char *options_value(const struct options *options, const struct option_key *key,
                          unsigned child, unsigned i);

#endif
