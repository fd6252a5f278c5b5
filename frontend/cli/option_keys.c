/* The table of keys, and what reads their values. */
#include <errno.h>
#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/cli/option_table.h"
#include "frontend/cli/options.h"
#include "frontend/monitor/monitor.h"

/* An unsigned number with an optional unit; false when it is none or too large. */
static bool read_number(const char *text, uint64_t limit, const char **rest, uint64_t *number)
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

static bool read_whole(const char *text, uint64_t limit, uint64_t *number)
{
    const char *rest;
    return read_number(text, limit, &rest, number) && *rest == '\0';
}

/* Which of the words; -EINVAL with a sentence that lists them. */
static int choose(const char *value, const char *const *words, int n, struct error *error)
{
    char list[128] = "";

    for (int i = 0; i < n; i++) {
        if (strcmp(value, words[i]) == 0) {
            return i;
        }
        const char *joint = i == 0 ? "" : i == n - 1 ? " or " : ", ";
        size_t used = strlen(list);
        (void)snprintf(list + used, sizeof(list) - used, "%s%s", joint, words[i]);
    }
    const char *near = suggest_among(value, strlen(value), words, (size_t)n);
    return error_set(error, -EINVAL, "give %s%s%s%s", list, near != NULL ? "; did you mean " : "",
                     near != NULL ? near : "", near != NULL ? "?" : "");
}

static int parse_text(void *place, const char *value, struct error *error)
{
    *(const char **)place = value;
    return value[0] != '\0' ? 0 : error_set(error, -EINVAL, "it is empty");
}

/* Text that may be empty. */
static int parse_words(void *place, const char *value, struct error *error)
{
    (void)error;
    *(const char **)place = value;
    return 0;
}

static int parse_flag(void *place, const char *value, struct error *error)
{
    static const char *const words[] = { "off", "on" };
    int n = choose(value, words, ARRAY_SIZE(words), error);

    *(bool *)place = n == 1;
    return n < 0 ? n : 0;
}

static int parse_number(void *place, const char *value, struct error *error)
{
    return read_whole(value, UINT64_MAX, place) ? 0 : error_set(error, -EINVAL, "give a number");
}

static int parse_count(void *place, const char *value, struct error *error)
{
    uint64_t *number = place;

    return read_whole(value, UINT64_MAX, number) && *number != 0
               ? 0
               : error_set(error, -EINVAL, "give a number from 1");
}

static int parse_memory(void *place, const char *value, struct error *error)
{
    static const struct {
        const char *unit;
        unsigned shift;
    } units[] = { { "K", 10 }, { "M", 20 }, { "G", 30 }, { "T", 40 }, { "", 20 } };
    const char *rest;
    uint64_t number = 0;
    bool ok = read_number(value, UINT64_C(1) << 40, &rest, &number) && number != 0;
    for (unsigned i = 0; ok && i < ARRAY_SIZE(units); i++) {
        if (strcmp(rest, units[i].unit) == 0 && number <= (UINT64_C(1) << 46) >> units[i].shift) {
            *(uint64_t *)place = number << units[i].shift;
            return 0;
        }
    }
    return error_set(error, -EINVAL, "give a size as 512M or 2G");
}

static int parse_cpus(void *place, const char *value, struct error *error)
{
    uint64_t number;
    if (!read_whole(value, 1024, &number) || number == 0) {
        return error_set(error, -EINVAL, "give a number from 1");
    }
    *(unsigned *)place = (unsigned)number;
    return 0;
}

static int parse_cpu(void *place, const char *value, struct error *error)
{
    (void)error;
    *(const char **)place = value; /* settled with the list of models */
    return 0;
}

static int parse_disk(void *place, const char *value, struct error *error)
{
    struct vmms_child *child = place;

    if (child->n_disks == VMMS_DISKS_MAX) {
        return error_set(error, -EINVAL, "there may be %d disks", VMMS_DISKS_MAX);
    }
    child->disks[child->n_disks++] = value;
    return vmms_check_disk(value, error);
}

static int parse_net(void *place, const char *value, struct error *error)
{
    struct vmms_child *child = place;

    if (child->n_net == VMMS_NETS - 1) {
        return error_set(error, -EINVAL, "at most %d", VMMS_NETS - 1);
    }
    child->net[child->n_net++] = value;
    return vmms_check_net(value, error);
}

static int parse_pcap(void *place, const char *value, struct error *error)
{
    struct vmms_child *child = place;

    if (child->n_pcap == VMMS_NETS) {
        return error_set(error, -EINVAL, "at most %d", VMMS_NETS);
    }
    child->pcap[child->n_pcap++] = value;
    return 0;
}

static int parse_serial(void *place, const char *value, struct error *error)
{
    static const char *const words[] = { "stdio", "file:PATH", "none" };
    struct option_serial *serial = place;

    *serial = (struct option_serial){ .to = SERIAL_FILE, .path = value + 5 };
    if (strncmp(value, "file:", 5) == 0 && value[5] != '\0') {
        return 0;
    }
    int n = choose(value, words, ARRAY_SIZE(words), error);
    if (n == 1) {
        return error_set(error, -EINVAL, "give the path");
    }
    *serial = (struct option_serial){ .to = n == 2 ? SERIAL_NONE : SERIAL_STDIO };
    return n < 0 ? n : 0;
}

static int parse_regex(void *place, const char *value, struct error *error)
{
    regex_t regex;
    int status = regcomp(&regex, value, REG_EXTENDED | REG_NOSUB);
    if (status != 0) {
        char why[128];
        (void)regerror(status, &regex, why, sizeof(why));
        return error_set(error, -EINVAL, "%s", why);
    }
    regfree(&regex);
    *(const char **)place = value;
    return 0;
}

static int parse_role(void *place, const char *value, struct error *error)
{
    static const char *const words[] = {
        [VMMS_ROLE_CHILD] = "child",
        [VMMS_ROLE_ROOT] = "root",
        [VMMS_ROLE_PC] = "pc",
    };
    int n = choose(value, words, ARRAY_SIZE(words), error);

    if (n >= 0) {
        *(struct option_role *)place = (struct option_role){ (enum vmms_role)n, true };
    }
    return n < 0 ? n : 0;
}

static int parse_hypervisor(void *place, const char *value, struct error *error)
{
    static const char *const words[] = { "off", "on" };
    int n = choose(value, words, ARRAY_SIZE(words), error);

    *(int *)place = n;
    return n < 0 ? n : 0;
}

static int parse_timeout(void *place, const char *value, struct error *error)
{
    char *end;
    double seconds = strtod(value, &end);
    if (end == value || *end != '\0' || !(seconds > 0) || seconds > 1e8) {
        return error_set(error, -EINVAL, "give seconds, more than 0");
    }
    *(uint64_t *)place = (uint64_t)(seconds * 1e9);
    return 0;
}

static int parse_panic(void *place, const char *value, struct error *error)
{
    static const char *const words[] = { "end", "continue" };
    int n = choose(value, words, ARRAY_SIZE(words), error);

    *(bool *)place = n == 1;
    return n < 0 ? n : 0;
}

static int parse_dump(void *place, const char *value, struct error *error)
{
    static const char *const kinds[] = { "insn", "block", "host" };
    for (const char *rest = value; *rest != '\0';) {
        size_t n = strcspn(rest, ",");
        bool known = false;
        for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
            known = known || (strlen(kinds[i]) == n && strncmp(rest, kinds[i], n) == 0);
        }
        if (!known) {
            return error_set(error, -EINVAL, "give a list of insn, block, host");
        }
        rest += n + (rest[n] == ',');
    }
    return parse_text(place, value, error);
}

static int parse_clock(void *place, const char *value, struct error *error)
{
    static const char *const words[] = { "realtime", "virtual" };
    int n = choose(value, words, ARRAY_SIZE(words), error);

    *(bool *)place = n == 1;
    return n < 0 ? n : 0;
}

static int parse_save_at(void *place, const char *value, struct error *error)
{
    struct option_saves *saves = place;
    unsigned n = 0;

    for (const char *rest = value;; rest++) {
        uint64_t number;
        if (n == OPTIONS_SAVES || !read_number(rest, UINT64_MAX, &rest, &number) ||
            (n > 0 && number <= saves->at[n - 1]) || (*rest != '\0' && *rest != ',')) {
            return error_set(
                error, -EINVAL,
                "give up to %d numbers of instructions, ascending, with commas between",
                OPTIONS_SAVES);
        }
        saves->at[n++] = number;
        if (*rest == '\0') {
            break;
        }
    }
    saves->n = n;
    return 0;
}

static int parse_gdb(void *place, const char *value, struct error *error)
{
    *(const char **)place = value;
    return monitor_check_gdb(value, error);
}

static int parse_engine(void *place, const char *value, struct error *error)
{
    static const char *const words[] = { "interpreter", "translator", "translator,eager" };
    struct vmms_config *config = place;
    int n = choose(value, words, ARRAY_SIZE(words), error);

    config->translate = n != 0;
    config->translate_at_once = n == 2;
    return n < 0 ? n : 0;
}

static int parse_check(void *place, const char *value, struct error *error)
{
    static const char *const words[] = { "lockstep" };
    int n = choose(value, words, ARRAY_SIZE(words), error);

    *(bool *)place = n == 0;
    return n < 0 ? n : 0;
}

static int parse_host_features(void *place, const char *value, struct error *error)
{
    static const struct {
        const char *word;
        unsigned hide;
    } rows[] = {
        { "-bmi2", VMMS_HIDE_BMI2 },
        { "-avx", VMMS_HIDE_AVX },
        { "-exec", VMMS_HIDE_EXEC },
    };
    unsigned *all = place;

    for (const char *rest = value;;) {
        size_t n = strcspn(rest, ",");
        unsigned hide = 0;
        for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
            hide |=
                strlen(rows[i].word) == n && strncmp(rows[i].word, rest, n) == 0 ? rows[i].hide : 0;
        }
        if (hide == 0) {
            return error_set(error, -EINVAL, "give a list of -bmi2, -avx, -exec");
        }
        *all |= hide;
        if (rest[n] == '\0') {
            return 0;
        }
        rest += n + 1;
    }
}

/* Not called: --child and [child NAME] are taken where words and lines are read. */
static int parse_section(void *place, const char *value, struct error *error)
{
    (void)place, (void)value;
    return error_set(error, -EINVAL, "this is a section");
}

enum { LIST = OPTION_LIST, SAVED = OPTION_SAVED, OLD = OPTION_OLD, SECTION = OPTION_SECTION };
#define OF_CHILD(field)   true, offsetof(struct option_child, field)
#define OF_MACHINE(field) false, offsetof(struct options, field)

const struct option_key option_keys[] = {
#define X(key, flags, place, parse, argument, fallback, help)                                      \
    { key, flags, place, parse_##parse, argument, fallback, help },
    OPTION_KEYS(X)
#undef X
};
const unsigned option_key_n = ARRAY_SIZE(option_keys);

const struct option_key *option_find(const char *name, size_t length)
{
    for (unsigned i = 0; i < ARRAY_SIZE(option_keys); i++) {
        if (strlen(option_keys[i].name) == length &&
            strncmp(option_keys[i].name, name, length) == 0) {
            return &option_keys[i];
        }
    }
    return NULL;
}

const char *option_name(unsigned index)
{
    return index < ARRAY_SIZE(option_keys) ? option_keys[index].name : NULL;
}
