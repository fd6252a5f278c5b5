/* The command line: the table of keys and its parsers. */
#include "frontend/cli/options.h"

#include <errno.h>
#include <inttypes.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/monitor/monitor.h"

/* An unsigned number with an optional unit; false when it is none or too large. */
static bool parse_number(const char *text, uint64_t limit, const char **rest, uint64_t *number)
{
    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 0);
    *rest = end;
    *number = value;
    return errno == 0 && value <= limit;
}

static bool parse_whole(const char *text, uint64_t limit, uint64_t *number)
{
    const char *rest;
    return parse_number(text, limit, &rest, number) && *rest == '\0';
}

static int parse_kernel(struct options *o, const char *value, struct error *error)
{
    (void)error;
    o->config.kernel = value;
    return 0;
}

static int parse_initrd(struct options *o, const char *value, struct error *error)
{
    (void)error;
    o->config.initrd = value;
    return 0;
}

static int parse_append(struct options *o, const char *value, struct error *error)
{
    (void)error;
    o->config.append = value;
    return 0;
}

static int parse_memory(struct options *o, const char *value, struct error *error)
{
    static const struct {
        const char *unit;
        unsigned shift;
    } units[] = { { "K", 10 }, { "M", 20 }, { "G", 30 }, { "T", 40 }, { "", 20 } };
    const char *rest;
    uint64_t number = 0;
    bool ok = parse_number(value, UINT64_C(1) << 40, &rest, &number) && number != 0;
    for (unsigned i = 0; ok && i < ARRAY_SIZE(units); i++) {
        if (strcmp(rest, units[i].unit) == 0 && number <= (UINT64_C(1) << 46) >> units[i].shift) {
            o->config.memory_bytes = number << units[i].shift;
            return 0;
        }
    }
    return error_set(error, -EINVAL, "--memory %s: give a size as 512M or 2G", value);
}

static int parse_cpus(struct options *o, const char *value, struct error *error)
{
    uint64_t number;
    if (!parse_whole(value, 1024, &number) || number == 0) {
        return error_set(error, -EINVAL, "--cpus %s: give a number from 1", value);
    }
    o->config.cpus = (unsigned)number;
    return 0;
}

static int parse_disk(struct options *o, const char *value, struct error *error)
{
    if (o->config.n_disks == VMMS_DISKS_MAX) {
        return error_set(error, -EINVAL, "--disk %s: there may be %d disks", value, VMMS_DISKS_MAX);
    }
    o->config.disks[o->config.n_disks++] = value;
    return 0;
}

static int parse_serial(struct options *o, const char *value, struct error *error)
{
    o->serial_path = NULL;
    if (strcmp(value, "stdio") == 0) {
        o->serial = SERIAL_STDIO;
    } else if (strcmp(value, "none") == 0) {
        o->serial = SERIAL_NONE;
    } else if (strncmp(value, "file:", 5) == 0 && value[5] != '\0') {
        o->serial = SERIAL_FILE;
        o->serial_path = value + 5;
    } else {
        return error_set(error, -EINVAL, "--serial %s: give stdio, file:PATH or none", value);
    }
    return 0;
}

static int parse_cpu(struct options *o, const char *value, struct error *error)
{
    (void)error;
    o->config.cpu = value;
    return 0;
}

static int parse_role(struct options *o, const char *value, struct error *error)
{
    static const char *const roles[] = {
        [VMMS_ROLE_CHILD] = "child",
        [VMMS_ROLE_ROOT] = "root",
        [VMMS_ROLE_PC] = "pc",
    };
    for (unsigned i = 0; i < ARRAY_SIZE(roles); i++) {
        if (strcmp(value, roles[i]) == 0) {
            o->config.role = (enum vmms_role)i;
            o->role_given = true;
            return 0;
        }
    }
    return error_set(error, -EINVAL, "--role %s: give child, root or pc", value);
}

static int parse_hypervisor(struct options *o, const char *value, struct error *error)
{
    o->hypervisor = strcmp(value, "on") == 0 ? 1 : strcmp(value, "off") == 0 ? 0 : -1;
    return o->hypervisor >= 0 ? 0
                              : error_set(error, -EINVAL, "--hypervisor %s: give on or off", value);
}

static int parse_timeout(struct options *o, const char *value, struct error *error)
{
    char *end;
    double seconds = strtod(value, &end);
    if (end == value || *end != '\0' || !(seconds > 0) || seconds > 1e8) {
        return error_set(error, -EINVAL, "--timeout %s: give seconds, more than 0", value);
    }
    o->config.timeout_ns = (uint64_t)(seconds * 1e9);
    return 0;
}

static int parse_max_instructions(struct options *o, const char *value, struct error *error)
{
    if (!parse_whole(value, UINT64_MAX, &o->config.max_instructions) ||
        o->config.max_instructions == 0) {
        return error_set(error, -EINVAL, "--max-instructions %s: give a number from 1", value);
    }
    return 0;
}

static int check_regex(const char *key, const char *value, struct error *error)
{
    regex_t regex;
    int status = regcomp(&regex, value, REG_EXTENDED | REG_NOSUB);
    if (status != 0) {
        char why[128];
        (void)regerror(status, &regex, why, sizeof(why));
        return error_set(error, -EINVAL, "--%s '%s': %s", key, value, why);
    }
    regfree(&regex);
    return 0;
}

static int parse_expect(struct options *o, const char *value, struct error *error)
{
    o->expect = value;
    return check_regex("expect", value, error);
}

static int parse_fail_on(struct options *o, const char *value, struct error *error)
{
    o->fail_on = value;
    return check_regex("fail-on", value, error);
}

static int parse_panic(struct options *o, const char *value, struct error *error)
{
    o->live_on = strcmp(value, "continue") == 0;
    return o->live_on || strcmp(value, "end") == 0
               ? 0
               : error_set(error, -EINVAL, "--panic %s: give end or continue", value);
}

static int parse_no_reboot(struct options *o, const char *value, struct error *error)
{
    (void)value, (void)error;
    o->config.no_reboot = true;
    return 0;
}

static int parse_strict(struct options *o, const char *value, struct error *error)
{
    (void)value, (void)error;
    o->config.strict = true;
    return 0;
}

static int parse_trace(struct options *o, const char *value, struct error *error)
{
    (void)error;
    o->config.trace = value;
    return 0;
}

static int parse_dump(struct options *o, const char *value, struct error *error)
{
    static const char *const kinds[] = { "insn", "block", "host" };
    for (const char *rest = value; *rest != '\0';) {
        size_t n = strcspn(rest, ",");
        bool known = false;
        for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
            known = known || (strlen(kinds[i]) == n && strncmp(rest, kinds[i], n) == 0);
        }
        if (!known) {
            return error_set(error, -EINVAL, "--dump %s: give a list of insn, block, host", value);
        }
        rest += n + (rest[n] == ',');
    }
    o->config.dump = value;
    return 0;
}

static int parse_seed(struct options *o, const char *value, struct error *error)
{
    return parse_whole(value, UINT64_MAX, &o->config.seed)
               ? 0
               : error_set(error, -EINVAL, "--seed %s: give a number", value);
}

static int parse_clock(struct options *o, const char *value, struct error *error)
{
    o->config.virtual_time = strcmp(value, "virtual") == 0;
    return o->config.virtual_time || strcmp(value, "realtime") == 0
               ? 0
               : error_set(error, -EINVAL, "--clock %s: give realtime or virtual", value);
}

static int parse_trace_hash_every(struct options *o, const char *value, struct error *error)
{
    return parse_whole(value, UINT64_MAX, &o->config.hash_every) && o->config.hash_every != 0
               ? 0
               : error_set(error, -EINVAL, "--trace-hash-every %s: give a number from 1", value);
}

static int parse_record(struct options *o, const char *value, struct error *error)
{
    (void)error;
    o->config.record = value;
    return 0;
}

static int parse_save(struct options *o, const char *value, struct error *error)
{
    o->config.save = value;
    return value[0] != '\0' ? 0 : error_set(error, -EINVAL, "--save: give a file");
}

static int parse_save_at(struct options *o, const char *value, struct error *error)
{
    unsigned n = 0;
    for (const char *rest = value;; rest++) {
        uint64_t number;
        if (n == OPTIONS_SAVES || !parse_number(rest, UINT64_MAX, &rest, &number) ||
            (n > 0 && number <= o->save_at[n - 1]) || (*rest != '\0' && *rest != ',')) {
            return error_set(error, -EINVAL,
                             "--save-at %s: give up to %d numbers of instructions, ascending",
                             value, OPTIONS_SAVES);
        }
        o->save_at[n++] = number;
        if (*rest == '\0') {
            break;
        }
    }
    o->config.save_at = o->save_at;
    o->config.n_save_at = n;
    return 0;
}

static int parse_save_continue(struct options *o, const char *value, struct error *error)
{
    (void)value, (void)error;
    o->config.save_continues = true;
    return 0;
}

static int parse_input(struct options *o, const char *value, struct error *error)
{
    (void)error;
    o->config.input = value;
    return 0;
}

static int parse_net(struct options *o, const char *value, struct error *error)
{
    if (o->config.n_net == VMMS_NETS) {
        return error_set(error, -EINVAL, "--net: at most %d", VMMS_NETS);
    }
    o->config.net[o->config.n_net++] = value;
    return 0;
}

static int parse_pcap(struct options *o, const char *value, struct error *error)
{
    if (o->config.n_pcap == VMMS_NETS) {
        return error_set(error, -EINVAL, "--pcap: at most %d", VMMS_NETS);
    }
    o->config.pcap[o->config.n_pcap++] = value;
    return 0;
}

static int parse_trace_json(struct options *o, const char *value, struct error *error)
{
    (void)error;
    o->config.trace_json = value;
    return 0;
}

static int parse_gdb(struct options *o, const char *value, struct error *error)
{
    o->gdb = value;
    return monitor_check_gdb(value, error);
}

static int parse_wait(struct options *o, const char *value, struct error *error)
{
    (void)value, (void)error;
    o->wait = true;
    return 0;
}

static int parse_control(struct options *o, const char *value, struct error *error)
{
    (void)error;
    o->control = value;
    return 0;
}

static int parse_engine(struct options *o, const char *value, struct error *error)
{
    static const char *const eager = "translator,eager";

    o->config.translate_at_once = strcmp(value, eager) == 0;
    o->config.translate = o->config.translate_at_once || strcmp(value, "translator") == 0;
    return o->config.translate || strcmp(value, "interpreter") == 0
               ? 0
               : error_set(error, -EINVAL, "--engine %s: give interpreter or translator", value);
}

static int parse_host_features(struct options *o, const char *value, struct error *error)
{
    static const struct {
        const char *word;
        unsigned hide;
    } rows[] = {
        { "-bmi2", VMMS_HIDE_BMI2 },
        { "-avx", VMMS_HIDE_AVX },
        { "-exec", VMMS_HIDE_EXEC },
    };

    for (const char *rest = value;;) {
        size_t n = strcspn(rest, ",");
        unsigned hide = 0;
        for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
            hide |=
                strlen(rows[i].word) == n && strncmp(rows[i].word, rest, n) == 0 ? rows[i].hide : 0;
        }
        if (hide == 0) {
            return error_set(error, -EINVAL,
                             "--host-features %s: give a list of -bmi2, -avx, -exec", value);
        }
        o->config.hide_host |= hide;
        if (rest[n] == '\0') {
            return 0;
        }
        rest += n + 1;
    }
}

/* clang-format off */
const struct option_key option_keys[] = {
    { "kernel", "FILE", NULL, "The guest's kernel: a Linux bzImage, or an ELF file with a PVH note. Required.", parse_kernel },
    { "initrd", "FILE", NULL, "The initial RAM disk handed to the kernel.", parse_initrd },
    { "append", "TEXT", NULL, "The kernel's command line.", parse_append },
    { "memory", "SIZE", "512M", "The guest's memory; units K, M, G (M when none).", parse_memory },
    { "cpus", "N", "1", "The number of virtual processors.", parse_cpus },
    { "disk", "FILE[,...]", NULL, "A disk of a child, or with an ISO image a DVD drive; may be given again. overlay=FILE: changes go to that file, made when it is not there. snapshot=on: changes are forgotten at the end. readonly=on, bus=scsi|ide, lun=N.", parse_disk },
    { "serial", "WHERE", "stdio", "Where the first serial port goes: stdio, file:PATH or none.", parse_serial },
    { "cpu", "MODEL[,+x,-y]", NULL, "The processor model, with features added or taken away.", parse_cpu },
    { "role", "ROLE", "child", "child: a child partition under the built-in parent. root: the guest is the root partition. pc: no hypervisor.", parse_role },
    { "hypervisor", "on|off", "on", "off is the same as --role pc.", parse_hypervisor },
    { "timeout", "SECONDS", NULL, "End the run after this wall time, with exit code 124.", parse_timeout },
    { "max-instructions", "N", NULL, "End the run after this many guest instructions, with exit code 122.", parse_max_instructions },
    { "expect", "REGEX", NULL, "End the run with 0 when a line of the console matches this extended regular expression; a guest that ends without it fails.", parse_expect },
    { "fail-on", "REGEX", NULL, "End the run with 1 when a line of the console matches.", parse_fail_on },
    { "panic", "WHAT", "end", "When the console tells of a panic: end the run 2 s later, or continue, for a crash kernel or the guest's own restart.", parse_panic },
    { "no-reboot", NULL, NULL, "A reset of the guest ends the run.", parse_no_reboot },
    { "trace", "LIST", NULL, "Print the trace events that these comma-separated patterns name, as synic.*,hv.hypercall.", parse_trace },
    { "dump", "LIST", NULL, "Print code as it is first met: insn, block, host.", parse_dump },
    { "engine", "NAME", "translator", "What runs guest code: translator, which makes host code of what runs often (translator,eager: of all), or interpreter.", parse_engine },
    { "host-features", "LIST", NULL, "What the translator is not to use of this host: -bmi2, -avx, or -exec, memory for code. Without BMI2 or that memory everything is interpreted.", parse_host_features },
    { "strict", NULL, NULL, "Fail when the guest uses what is not built yet.", parse_strict },
    { "seed", "N", "0", "Seed of all randomness that the machine gives.", parse_seed },
    { "clock", "MODE", "realtime", "What guest time follows: realtime, the host's clock; virtual, the number of instructions, so that two runs are the same. The trace hash is printed at the end.", parse_clock },
    { "trace-hash-every", "N", NULL, "With --clock virtual, print the trace hash every N instructions, to find where two runs part.", parse_trace_hash_every },
    { "record", "FILE", NULL, "With --clock virtual, write what is typed, and when, to a file for --input.", parse_record },
    { "input", "FILE", NULL, "With --clock virtual, feed a file of --record back in place of the keyboard.", parse_input },
    { "net", "NET", "none", "A network adapter of a child; may be given again. user: the outside by NAT, 10.0.2.0/24; with hostfwd=tcp:[ADDRESS]:PORT-[ADDRESS]:PORT (or udp:), restrict=on, ipv6=on. switch=NAME: a private switch. none. Then name=, mac=, vlan=, queues=.", parse_net },
    { "pcap", "PORT=FILE", NULL, "Capture what passes a port (nic0, ..., or uplink) for Wireshark; may be given again.", parse_pcap },
    { "save", "FILE", NULL, "With --save-at: where the machine's state goes, for verdite resume FILE. Then the run ends.", parse_save },
    { "save-at", "N[,N]...", NULL, "Save after this many guest instructions, exactly so with --clock virtual. With several, each goes to FILE.N.", parse_save_at },
    { "save-continue", NULL, NULL, "Go on after the last save.", parse_save_continue },
    { "trace-json", "FILE", NULL, "Write the trace events that --trace names (without it, all of them) as JSON, one object a line.", parse_trace_json },
    { "gdb", "PORT|unix:PATH", NULL, "Let gdb connect: on this port of 127.0.0.1, or on a Unix socket. A machine stops when gdb connects.", parse_gdb },
    { "wait", NULL, NULL, "With --gdb: stop before the first instruction, until gdb lets the machine go on.", parse_wait },
    { "control", "PATH", NULL, "Serve verdite ctl on a Unix socket that only you can open.", parse_control },
};
/* clang-format on */
const unsigned option_key_n = ARRAY_SIZE(option_keys);

/* What a saved machine says itself: not for resume. */
static const char *const saved_keys[] = {
    "kernel", "initrd", "append",     "memory", "cpus", "cpu",   "disk",
    "net",    "pcap",   "hypervisor", "role",   "seed", "clock",
};

static bool key_is_saved(const struct option_key *key)
{
    for (unsigned i = 0; i < ARRAY_SIZE(saved_keys); i++) {
        if (strcmp(key->name, saved_keys[i]) == 0) {
            return true;
        }
    }
    return false;
}

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

static const char *option_name(unsigned index)
{
    return index < ARRAY_SIZE(option_keys) ? option_keys[index].name : NULL;
}

static const char *command_name(unsigned index)
{
    return index < ARRAY_SIZE(commands) ? commands[index].word : NULL;
}

/* "unknown KIND 'word'", with a suggestion where one is near. */
static int unknown(const char *kind, const char *dashes, const char *word, size_t length,
                   suggest_name name, struct error *error)
{
    const char *near = suggest_nearest(word, length, name);
    if (near != NULL) {
        return error_set(error, -EINVAL, "unknown %s '%s%.*s'; did you mean %s%s?", kind, dashes,
                         (int)length, word, dashes, near);
    }
    return error_set(error, -EINVAL, "unknown %s '%s%.*s'; see verdite --help", kind, dashes,
                     (int)length, word);
}

static const struct option_key *find_key(const char *name, size_t length)
{
    for (unsigned i = 0; i < ARRAY_SIZE(option_keys); i++) {
        if (strlen(option_keys[i].name) == length &&
            strncmp(option_keys[i].name, name, length) == 0) {
            return &option_keys[i];
        }
    }
    return NULL;
}

/* One option at argv[*i]; steps over its argument. */
static int parse_one(struct options *options, int argc, char **argv, int *i, struct error *error)
{
    const char *word = argv[*i];
    if (strncmp(word, "--", 2) != 0 || word[2] == '\0') {
        return error_set(error, -EINVAL, "'%s' is no option; see verdite --help", word);
    }
    const char *name = word + 2, *value = NULL;
    size_t length = strcspn(name, "=");
    const struct option_key *key = find_key(name, length);
    if (key == NULL) {
        return unknown("option", "--", name, length, option_name, error);
    }
    if (name[length] == '=') {
        value = name + length + 1;
    }
    if (options->command == COMMAND_RESUME && key_is_saved(key)) {
        return error_set(error, -EINVAL, "--%s is what the saved machine says: leave it away",
                         key->name);
    }
    if (key->argument == NULL && value != NULL) {
        return error_set(error, -EINVAL, "--%s takes no argument", key->name);
    }
    if (key->argument != NULL && value == NULL) {
        if (*i + 1 >= argc) {
            return error_set(error, -EINVAL, "--%s needs an argument: %s", key->name,
                             key->argument);
        }
        value = argv[++*i];
    }
    return key->parse(options, value, error);
}

/* What the options say together. */
static int settle(struct options *options, suggest_name cpu_model, struct error *error)
{
    struct vmms_config *config = &options->config;
    if ((config->save != NULL) != (config->n_save_at != 0) ||
        (config->save_continues && config->save == NULL)) {
        return error_set(error, -EINVAL, "--save FILE and --save-at N go together");
    }
    if (config->kernel == NULL && config->resume == NULL) {
        return error_set(error, -EINVAL, "--kernel FILE is required");
    }
    if (options->wait && options->gdb == NULL) {
        return error_set(error, -EINVAL, "--wait waits for gdb: give --gdb too");
    }
    if (options->hypervisor == 0) {
        if (options->role_given && config->role != VMMS_ROLE_PC) {
            return error_set(error, -EINVAL, "--hypervisor off leaves only --role pc");
        }
        config->role = VMMS_ROLE_PC;
    } else if (options->hypervisor == 1 && config->role == VMMS_ROLE_PC) {
        return error_set(error, -EINVAL, "--role pc has no hypervisor; leave --hypervisor on away");
    }
    if (config->n_disks > 0 && config->role != VMMS_ROLE_CHILD) {
        return error_set(error, -EINVAL, "--disk is a disk of a child: leave --role away");
    }
    if (config->cpu != NULL && cpu_model(0) != NULL) {
        size_t length = strcspn(config->cpu, ",");
        for (unsigned i = 0;; i++) {
            if (cpu_model(i) == NULL) {
                return unknown("CPU model", "", config->cpu, length, cpu_model, error);
            }
            if (strlen(cpu_model(i)) == length && strncmp(cpu_model(i), config->cpu, length) == 0) {
                break;
            }
        }
    }
    return 0;
}

int options_parse(struct options *options, int argc, char **argv, suggest_name cpu_model,
                  struct error *error)
{
    *options = (struct options){
        .config = { .memory_bytes = UINT64_C(512) << 20, .cpus = 1, .translate = true },
        .hypervisor = -1,
    };
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
    int first = 2;
    if (options->command == COMMAND_RESUME) {
        if (argc < 3 || argv[2][0] == '-') {
            return error_set(error, -EINVAL, "resume: give the file of a saved machine");
        }
        options->config.resume = argv[first++];
    }
    for (int i = first; i < argc; i++) {
        int code = parse_one(options, argc, argv, &i, error);
        if (code != 0) {
            return code;
        }
    }
    return settle(options, cpu_model, error);
}
