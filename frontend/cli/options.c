/* What was given, by a machine file and a command line, and what it says together. */
#include "frontend/cli/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/cli/machine_file.h"

static const struct {
    const char *word;
    enum command command;
} commands[] = {
    { "run", COMMAND_RUN },           { "explain", COMMAND_EXPLAIN },
    { "help", COMMAND_HELP },         { "--help", COMMAND_HELP },
    { "-h", COMMAND_HELP },           { "version", COMMAND_VERSION },
    { "--version", COMMAND_VERSION }, { "ctl", COMMAND_CTL },
    { "image", COMMAND_IMAGE },       { "resume", COMMAND_RESUME },
};

static const char *command_name(unsigned index)
{
    return index < ARRAY_SIZE(commands) ? commands[index].word : NULL;
}

/* "unknown KIND 'word'", with a suggestion where one is near. */
static int unknown(const char *kind, const char *dashes, const char *word, size_t length,
                   suggest_name name, struct error *error)
{
    const char *near = suggest_nearest(word, length, name);
    int shown = (int)(length < 100 ? length : 100);

    if (near != NULL) {
        return error_set(error, -EINVAL, "unknown %s '%s%.*s'; did you mean %s%s?", kind, dashes,
                         shown, word, dashes, near);
    }
    return error_set(error, -EINVAL, "unknown %s '%s%.*s'; see verdite --help", kind, dashes, shown,
                     word);
}

/* ---- what was given ---- */

int options_give(struct options *options, const struct option_key *key, unsigned child,
                 const char *value, size_t length, unsigned line, struct error *error)
{
    if ((options->n_settings & (options->n_settings - 1)) == 0) { /* full */
        size_t room = options->n_settings == 0 ? 1 : 2 * (size_t)options->n_settings;
        struct setting *more = realloc(options->settings, room * sizeof(*more));
        if (more == NULL) {
            return error_set(error, -ENOMEM, "no memory");
        }
        options->settings = more;
    }
    struct setting *setting = &options->settings[options->n_settings];
    *setting = (struct setting){ key, child, line, strndup(value, length) };
    if (setting->value == NULL) {
        return error_set(error, -ENOMEM, "no memory");
    }
    options->n_settings++;
    return 0;
}

int options_give_more(struct options *options, const char *blank, const char *more,
                      struct error *error)
{
    struct setting *setting = &options->settings[options->n_settings - 1];
    size_t n = strlen(setting->value), blanks = n == 0 ? 0 : strlen(blank), length = strlen(more);
    char *value = realloc(setting->value, n + blanks + length + 1);

    if (value == NULL) {
        return error_set(error, -ENOMEM, "no memory");
    }
    memcpy(value + n, blank, blanks);
    memcpy(value + n + blanks, more, length + 1);
    setting->value = value;
    return 0;
}

static bool child_name_good(const char *name, size_t length)
{
    const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t n = strspn(name, letters);

    return length > 0 && length < VMMS_CHILD_NAME && n >= length;
}

int options_child(struct options *options, const char *name, size_t length, unsigned *child,
                  struct error *error)
{
    for (*child = 0; *child < options->n_children; ++*child) {
        const char *other = options->child[*child].name;
        if (strlen(other) == length && strncmp(other, name, length) == 0) {
            return 0;
        }
    }
    if (!child_name_good(name, length)) {
        return error_set(error, -EINVAL, "a child's name has 1 to %d letters, digits, -, _ or .",
                         VMMS_CHILD_NAME - 1);
    }
    if (options->n_children == VMMS_CHILDREN) {
        return error_set(error, -EINVAL, "there may be %d children", VMMS_CHILDREN);
    }
    struct option_child *made = &options->child[options->n_children++];
    *made = (struct option_child){ .config = { .memory_bytes = UINT64_C(512) << 20, .cpus = 1 } };
    memcpy(made->name, name, length);
    return 0;
}

/* Does a later one take its place? A command line's list takes the whole place of a file's. */
static bool replaced(const struct options *options, unsigned n)
{
    const struct setting *setting = &options->settings[n];
    bool list = (setting->key->flags & OPTION_LIST) != 0;

    for (unsigned i = n + 1; i < options->n_settings; i++) {
        const struct setting *later = &options->settings[i];
        if (later->key == setting->key && later->child == setting->child &&
            (!list || (later->line == 0 && setting->line != 0))) {
            return true;
        }
    }
    return false;
}

const char *options_value(const struct options *options, const struct option_key *key,
                          unsigned child, unsigned i)
{
    bool given = false;

    for (unsigned n = 0; n < options->n_settings; n++) {
        const struct setting *setting = &options->settings[n];
        if (setting->key == key && (!key->of_child || setting->child == child) &&
            !replaced(options, n)) {
            given = true;
            if (i-- == 0) {
                return setting->value;
            }
        }
    }
    return given || i > 0 ? NULL : key->fallback;
}

/* ---- what it says together ---- */

/* Puts before the sentence where the value was given. */
static int refuse(const struct options *options, const struct setting *setting, int status,
                  struct error *error)
{
    struct error why = { "" };

    if (error == NULL) {
        return status;
    }
    why = *error;
    if (setting->line != 0) {
        return error_set(error, status, "%.200s:%u: %s = %.100s: %s", options->file, setting->line,
                         setting->key->name, setting->value, why.text);
    }
    return error_set(error, status, "--%s%s%.100s: %s", setting->key->name,
                     setting->key->argument != NULL ? " " : "=", setting->value, why.text);
}

/* The same for a key by name, as the machine is told it; nothing is put before where it was not given. */
static int refuse_key(const struct options *options, const char *name, struct error *error)
{
    for (unsigned n = options->n_settings; n-- > 0;) {
        if (strcmp(options->settings[n].key->name, name) == 0) {
            return refuse(options, &options->settings[n], -EINVAL, error);
        }
    }
    return -EINVAL;
}

static int settle_role(struct options *options, struct error *error)
{
    struct vmms_config *config = &options->config;

    config->role = options->role.role;
    if (options->hypervisor == 0) {
        if (options->role.given && config->role != VMMS_ROLE_PC) {
            return error_set(error, -EINVAL, "--hypervisor off leaves only --role pc");
        }
        config->role = VMMS_ROLE_PC;
    } else if (options->hypervisor == 1 && config->role == VMMS_ROLE_PC) {
        return error_set(error, -EINVAL, "--role pc has no hypervisor; leave --hypervisor on away");
    }
    if (config->role == VMMS_ROLE_CHILD) {
        return 0;
    }
    if (options->n_children > 1) {
        error_set(error, -EINVAL, "only --role child has several children");
        return refuse_key(options, "role", error);
    }
    for (unsigned n = 0; n < options->n_settings; n++) {
        if (strcmp(options->settings[n].key->name, "disk") == 0) {
            error_set(error, -EINVAL, "--disk is a disk of a child: leave --role away");
            return refuse(options, &options->settings[n], -EINVAL, error);
        }
    }
    return 0;
}

static int settle_cpu(struct options *options, suggest_name cpu_model, struct error *error)
{
    const char *cpu = options->config.cpu;
    size_t length = cpu != NULL ? strcspn(cpu, ",") : 0;

    for (unsigned i = 0; cpu != NULL && cpu_model(0) != NULL; i++) {
        if (cpu_model(i) == NULL) {
            unknown("CPU model", "", cpu, length, cpu_model, error);
            return refuse_key(options, "cpu", error);
        }
        if (strlen(cpu_model(i)) == length && strncmp(cpu_model(i), cpu, length) == 0) {
            break;
        }
    }
    return 0;
}

static int settle_children(struct options *options, struct error *error)
{
    for (unsigned i = 0; i < options->n_children; i++) {
        struct option_child *child = &options->child[i];
        child->config.name = child->name;
        if (child->config.kernel != NULL || options->config.resume != NULL) {
            continue;
        }
        if (child->line != 0) {
            return error_set(error, -EINVAL,
                             "%.200s:%u: [child %s] has no kernel: kernel = FILE is required",
                             options->file, child->line, child->name);
        }
        return options->n_children == 1
                   ? error_set(error, -EINVAL, "--kernel FILE is required")
                   : error_set(error, -EINVAL, "--kernel FILE is required for child %s",
                               child->name);
    }
    for (unsigned i = 0; i < options->n_children; i++) {
        options->config.child[i] = options->child[i].config;
    }
    options->config.n_children = options->n_children;
    return 0;
}

/* A child that says nothing of networks has the user network, where there is one. */
static int give_networks(struct options *options, struct error *error)
{
    const struct option_key *net = option_find("net", 3);
    int status = 0;

    for (unsigned child = 0; child < options->n_children && status == 0; child++) {
        bool user = vmms_has_user_network() && options->config.role == VMMS_ROLE_CHILD &&
                    !options->config.lockstep;
        if (options_value(options, net, child, 0) == NULL) {
            status = options_give(options, net, child, user ? "user" : "none", 4, 0, error);
            options->child[child].config.net[0] = user ? "user" : "none";
            options->child[child].config.n_net = 1;
        }
    }
    return status;
}

int options_settle(struct options *options, suggest_name cpu_model, struct error *error)
{
    struct vmms_config *config = &options->config;
    unsigned guest;
    int status = 0;

    if (options->n_children == 0) {
        (void)!options_child(options, "guest", 5, &guest, NULL);
    }
    for (unsigned n = 0; n < options->n_settings; n++) {
        const struct setting *setting = &options->settings[n];
        const struct option_key *key = setting->key;
        if (replaced(options, n)) {
            continue;
        }
        void *base = key->of_child ? (void *)&options->child[setting->child] : (void *)options;
        status = key->parse((uint8_t *)base + key->place, setting->value, error);
        if (status != 0) {
            return refuse(options, setting, status, error);
        }
    }
    config->save_at = options->save_at.at;
    config->n_save_at = options->save_at.n;
    if ((config->save != NULL) != (config->n_save_at != 0) ||
        (config->save_continues && config->save == NULL)) {
        return error_set(error, -EINVAL, "--save FILE and --save-at N go together");
    }
    if (options->wait && options->gdb == NULL) {
        return error_set(error, -EINVAL, "--wait waits for gdb: give --gdb too");
    }
    status = settle_role(options, error);
    if (status == 0 && config->resume == NULL) {
        status = give_networks(options, error);
    }
    status = status == 0 ? settle_children(options, error) : status;
    return status == 0 ? settle_cpu(options, cpu_model, error) : status;
}

/* ---- the command line ---- */

/* Of which child is a key of a guest? The last --child's, or the only one. */
static int speak_of(struct options *options, const struct option_key *key, struct error *error)
{
    if (options->n_children > 1 && !options->child_named) {
        return error_set(error, -EINVAL,
                         "--%s: which child's? There are %s, %s%s: put --child NAME before",
                         key->name, options->child[0].name, options->child[1].name,
                         options->n_children > 2 ? " ..." : "");
    }
    return options->n_children != 0 ? 0
                                    : options_child(options, "guest", 5, &options->at_child, error);
}

/* A saved machine has the children that it has. */
static int find_child(struct options *options, const char *name, struct error *error)
{
    for (unsigned i = 0; i < options->n_children; i++) {
        if (strcmp(options->child[i].name, name) == 0) {
            options->at_child = i;
            options->child_named = true;
            return 0;
        }
    }
    return error_set(error, -EINVAL, "--child %.60s: the saved machine has %s%s", name,
                     options->child[0].name, options->n_children > 1 ? " and others" : "");
}

static int take_saved_children(struct options *options, struct error *error)
{
    struct vmms_saved saved;
    unsigned child;
    int status = vmms_saved_children(options->config.resume, &saved, error);

    for (unsigned i = 0; status == 0 && i < saved.n_children; i++) {
        status = options_child(options, saved.name[i], strlen(saved.name[i]), &child, error);
    }
    return status;
}

static int parse_child(struct options *options, const char *value, struct error *error)
{
    if (options->command == COMMAND_RESUME) {
        return find_child(options, value, error);
    }
    int status = options_child(options, value, strlen(value), &options->at_child, error);
    if (status != 0) {
        struct error why = *error;
        return error_set(error, status, "--child %.60s: %s", value, why.text);
    }
    options->child_named = true;
    return 0;
}

/* One option at argv[*i]; steps over its argument. */
static int parse_one(struct options *options, int argc, char **argv, int *i, struct error *error)
{
    const char *word = argv[*i];
    if (strncmp(word, "--", 2) != 0 || word[2] == '\0') {
        return error_set(error, -EINVAL, "'%.200s' is no option; see verdite --help", word);
    }
    const char *name = word + 2;
    size_t length = strcspn(name, "=");
    const char *value = name[length] == '=' ? name + length + 1 : NULL;
    const struct option_key *key = option_find(name, length);
    if (key == NULL) {
        return unknown("option", "--", name, length, option_name, error);
    }
    if (options->command == COMMAND_RESUME && key->flags & OPTION_SAVED) {
        return error_set(error, -EINVAL, "--%s is what the saved machine says: leave it away",
                         key->name);
    }
    if (value == NULL && key->argument == NULL) {
        value = "on";
    } else if (value == NULL) {
        if (*i + 1 >= argc) {
            return error_set(error, -EINVAL, "--%s needs an argument: %s", key->name,
                             key->argument);
        }
        value = argv[++*i];
    }
    if (key->flags & OPTION_SECTION) {
        return parse_child(options, value, error);
    }
    int status = key->of_child ? speak_of(options, key, error) : 0;
    return status != 0
               ? status
               : options_give(options, key, options->at_child, value, strlen(value), 0, error);
}

static int parse_words(struct options *options, int argc, char **argv, suggest_name cpu_model,
                       struct error *error)
{
    int first = 2, status = 0;

    if (options->command == COMMAND_RESUME) {
        if (argc < 3 || argv[2][0] == '-') {
            return error_set(error, -EINVAL, "resume: give the file of a saved machine");
        }
        options->config.resume = argv[first++];
        status = take_saved_children(options, error);
    } else if (argc > 2 && argv[2][0] != '-') {
        options->file = argv[first++];
        status = machine_file_read(options, options->file, error);
    }
    for (int i = first; i < argc && status == 0; i++) {
        status = parse_one(options, argc, argv, &i, error);
    }
    return status == 0 ? options_settle(options, cpu_model, error) : status;
}

int options_parse(struct options *options, int argc, char **argv, suggest_name cpu_model,
                  struct error *error)
{
    memset(options, 0, sizeof(*options));
    options->config.translate = true;
    options->hypervisor = -1;
    options->argv = argv;
    if (argc < 2) {
        return error_set(error, -EINVAL,
                         "say what to do: run, explain or help; see verdite --help");
    }
    unsigned n = 0;
    while (n < ARRAY_SIZE(commands) && strcmp(argv[1], commands[n].word) != 0) {
        n++;
    }
    if (n == ARRAY_SIZE(commands)) {
        return unknown("command", "", argv[1], strlen(argv[1]), command_name, error);
    }
    options->command = commands[n].command;
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            options->command = COMMAND_HELP;
            return 0;
        }
    }
    if (options->command == COMMAND_HELP && argc == 3 && strcmp(argv[2], "--man") == 0) {
        options->command = COMMAND_MAN;
        return 0;
    }
    if (options->command == COMMAND_HELP || options->command == COMMAND_VERSION) {
        return argc == 2 ? 0 : error_set(error, -EINVAL, "%s: '%s' is too much", argv[1], argv[2]);
    }
    return parse_words(options, argc, argv, cpu_model, error);
}

void options_fini(struct options *options)
{
    for (unsigned n = 0; n < options->n_settings; n++) {
        free(options->settings[n].value);
    }
    free(options->settings);
    options->settings = NULL;
    options->n_settings = 0;
}
