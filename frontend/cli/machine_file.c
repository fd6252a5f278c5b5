/* Machine files. */
/*
 * libinih cuts a file into sections, names and values; it takes lines of at most 200 bytes, one at a time, from a function of
 * ours. That function counts lines, for messages; knows sections, also those without a key; hides `\;` from the library, to
 * which a semicolon after a blank begins a comment; and hands over longer lines in pieces, as continuation lines.
 */
#include "frontend/cli/machine_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/host/file.h"

#ifdef HAVE_INIH
#include <ini.h>
#endif

enum { FILE_BYTES = 1 << 20, SEMICOLON = 1 };

static const char guest_section[] = "guest", child_section[] = "child",
                  machine_section[] = "machine";

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

#ifdef HAVE_INIH

bool machine_file_built(void)
{
    return true;
}

enum where { NOWHERE, IN_MACHINE, IN_CHILD };

struct reading {
    struct options *options;
    char *at, *end;       /* what is not yet handed over */
    unsigned line;        /* of the last that was */
    bool indented, piece; /* the last was: an indented line; a piece of one that went before */
    bool rest;            /* a piece of it waits */
    bool named;           /* a key came in this section: an indented line goes on with it */
    enum where where;
    unsigned child;
    struct error *error;
    int status; /* the first failure's */
};

static int wrong(struct reading *reading, const char *format, ...) PRINTF(2, 3);
static int wrong(struct reading *reading, const char *format, ...)
{
    char text[400];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (reading->status == 0) {
        reading->status = error_set(reading->error, -EINVAL, "%.200s:%u: %s",
                                    reading->options->file, reading->line, text);
    }
    return 0;
}

/* ---- sections ---- */

static void enter_child(struct reading *reading, const char *name, size_t n)
{
    struct error why = { "" };

    reading->where = IN_CHILD;
    if (options_child(reading->options, name, n, &reading->child, &why) != 0) {
        wrong(reading, "%s", why.text);
        return;
    }
    struct option_child *child = &reading->options->child[reading->child];
    if (child->line != 0) {
        wrong(reading, "child %s has a section in line %u already", child->name, child->line);
    }
    child->line = reading->line;
}

static bool word_is(const char *text, size_t n, const char *word)
{
    return strlen(word) == n && strncmp(text, word, n) == 0;
}

/* "[...": the library does not say where a section begins. */
static void section(struct reading *reading, const char *text, size_t n)
{
    const char *end = memchr(text, ']', n);
    size_t word = 0;

    reading->where = NOWHERE;
    reading->named = false;
    if (end == NULL) {
        wrong(reading, "[%.*s has no ] at its end", (int)(n < 60 ? n : 60), text);
        return;
    }
    n = (size_t)(end - text);
    while (word < n && !is_blank(text[word])) {
        word++;
    }
    size_t name = word;
    while (name < n && is_blank(text[name])) {
        name++;
    }
    if (word_is(text, n, machine_section)) {
        reading->where = IN_MACHINE;
    } else if (word_is(text, n, guest_section)) {
        enter_child(reading, guest_section, n);
    } else if (word_is(text, word, child_section) && name < n) {
        enter_child(reading, text + name, n - name);
    } else {
        static const char *const words[] = { machine_section, guest_section, child_section };
        const char *near = suggest_among(text, word, words, ARRAY_SIZE(words));
        wrong(reading, "unknown section [%.*s]; %s [%s]%s", (int)(n < 60 ? n : 60), text,
              near != NULL ? "did you mean" : "there are [machine], [guest] and",
              near == NULL || near == child_section ? "child NAME" : near, near != NULL ? "?" : "");
    }
}

/* ---- lines ---- */

/* Where to cut a line that is too long: between two characters of a value that mean nothing by their place. */
static size_t cut_of(const char *text, size_t room)
{
    for (size_t n = room; n > 1; n--) {
        if (!is_blank(text[n - 1]) && !is_blank(text[n]) && text[n] != ';' && text[n] != '#' &&
            text[n] != '[') {
            return n;
        }
    }
    return 0;
}

/* Ends before a comment. */
static size_t without_comment(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (text[i] == ';' && (i == 0 || is_blank(text[i - 1]))) {
            return i;
        }
    }
    return n;
}

/* What the library would say less exactly. */
static void look_at_form(struct reading *reading, const char *line, size_t n, size_t first)
{
    size_t end = without_comment(line, n), at = first;

    if (line[first] == '[') {
        if (reading->indented && reading->named) {
            wrong(reading, "a section begins at the edge");
        } else {
            section(reading, line + first + 1, end - first - 1);
        }
        return;
    }
    while (at < end && line[at] != '=' && line[at] != ':') {
        at++;
    }
    if (at == end && !(reading->indented && reading->named)) {
        wrong(reading, "neither KEY = VALUE nor [SECTION]");
    }
}

/* A new line: what the library is not to see, and how much is left of it. */
static size_t look_at_line(struct reading *reading, char *line, size_t n)
{
    size_t to = 0, first = 0;

    reading->line++;
    for (size_t i = 0; i < n; i++) {
        bool escaped = line[i] == '\\' && i + 1 < n && line[i + 1] == ';';
        if (((unsigned char)line[i] < ' ' && !is_blank(line[i])) || line[i] == 127) {
            wrong(reading, "a control character (%u)", (unsigned)(unsigned char)line[i]);
            line[i] = '?';
        }
        i += escaped;
        line[to++] = escaped ? SEMICOLON : line[i];
    }
    while (first < to && is_blank(line[first])) {
        first++;
    }
    reading->indented = first > 0;
    if (first == to || line[first] == ';' || line[first] == '#') {
        return 0;
    }
    look_at_form(reading, line, to, first);
    return to;
}

/* How much of a line goes into one piece; 0: none can be made. */
static size_t take_of(struct reading *reading, const char *line, size_t n, size_t room)
{
    const char *sign = memchr(line, '=', n), *colon = memchr(line, ':', n);
    size_t take = cut_of(line, room);

    sign = sign == NULL || (colon != NULL && colon < sign) ? colon : sign;
    bool in_value = reading->piece || (reading->indented && reading->named) ||
                    (sign != NULL && (size_t)(sign - line) < take);
    if (take == 0 || !in_value || line[0] == '[') {
        wrong(reading, "too long, and nothing in it may begin a line");
        return 0;
    }
    return take;
}

/* [INIH ini_reader: as fgets] */
static char *next_line(char *to, int size, void *opaque)
{
    struct reading *reading = opaque;
    size_t room = (size_t)size - 3; /* a blank, a line feed, a zero */
    char *line = reading->at;

    if (line == reading->end || reading->status != 0) {
        return NULL;
    }
    char *feed = memchr(line, '\n', (size_t)(reading->end - line));
    char *stop = feed != NULL ? feed : reading->end;
    size_t n = (size_t)(stop - line), blank = 0;
    reading->piece = reading->rest;
    if (reading->piece) {
        to[blank++] = ' ';
    } else {
        n = look_at_line(reading, line, n);
        n = without_comment(line, n); /* the library leaves it in a line that goes on */
    }
    size_t take = n <= room ? n : take_of(reading, line, n, room);
    if (take == 0) {
        n = 0;
    }
    memcpy(to + blank, line, take);
    memcpy(to + blank + take, "\n", 2);
    reading->rest = take < n;
    if (reading->rest) { /* to the end of its line */
        reading->at = stop - (n - take);
        memmove(reading->at, line + take, n - take);
    } else {
        reading->at = feed != NULL ? feed + 1 : reading->end;
    }
    return to;
}

/* ---- names and values ---- */

static void show_semicolons(char *text)
{
    for (; *text != '\0'; text++) {
        *text = *text == SEMICOLON ? ';' : *text;
    }
}

static int unknown_key(struct reading *reading, const char *name)
{
    const char *near = suggest_nearest(name, strlen(name), option_name);

    return near != NULL
               ? wrong(reading, "unknown key '%.60s'; did you mean %s?", name, near)
               : wrong(reading,
                       "unknown key '%.60s'; verdite --help tells them, without the dashes", name);
}

static int key_given(struct reading *reading, const char *name, const char *value)
{
    struct options *options = reading->options;
    const struct option_key *key = option_find(name, strlen(name));
    struct error why = { "" };

    if (key == NULL) {
        return unknown_key(reading, name);
    }
    if (key->flags & OPTION_SECTION) {
        return wrong(reading, "%s is no key: a child has a section [child NAME]", name);
    }
    if (reading->where == NOWHERE) {
        return wrong(reading, "%s stands in no section; begin with %s", name,
                     key->of_child ? "[child NAME]" : "[machine]");
    }
    if (key->of_child != (reading->where == IN_CHILD)) {
        return wrong(reading, "%s belongs into a section %s", name,
                     key->of_child ? "[child NAME], or [guest]" : "[machine]");
    }
    for (unsigned n = 0; n < options->n_settings && !(key->flags & OPTION_LIST); n++) {
        const struct setting *other = &options->settings[n];
        if (other->key == key && (!key->of_child || other->child == reading->child)) {
            return wrong(reading, "%s is given in line %u already", name, other->line);
        }
    }
    if (options_give(options, key, reading->child, value, strlen(value), reading->line, &why) !=
        0) {
        return wrong(reading, "%s", why.text);
    }
    return 1;
}

/* [INIH ini_handler] */
static int name_and_value(void *opaque, const char *in_section, const char *name, const char *text)
{
    struct reading *reading = opaque;
    bool goes_on = reading->named && (reading->piece || reading->indented);
    struct error why = { "" };
    char value[256];

    (void)in_section;
    if (reading->status != 0) {
        return 0;
    }
    (void)snprintf(value, sizeof(value), "%s", text);
    show_semicolons(value);
    if (!goes_on) {
        reading->named = true;
        return key_given(reading, name, value);
    }
    size_t word = strcspn(value, " \t=:");
    size_t sign = word + strspn(value + word, " \t");
    if (!reading->piece && (value[sign] == '=' || value[sign] == ':') &&
        option_find(value, word) != NULL) {
        return wrong(reading,
                     "an indented line goes on with the value above; begin with '%.*s' at the edge",
                     (int)word, value);
    }
    if (options_give_more(reading->options, reading->piece ? "" : " ", value, &why) != 0) {
        return wrong(reading, "%s", why.text);
    }
    return 1;
}

int machine_file_parse(struct options *options, char *text, size_t n, struct error *error)
{
    struct reading reading = { .options = options, .at = text, .end = text + n, .error = error };

    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark */
        reading.at += 3;
    }
    int status = ini_parse_stream(next_line, &reading, name_and_value, &reading);
    if (reading.status == 0 && status != 0) {
        reading.status =
            error_set(error, -EINVAL, "%.200s: libinih refuses line %d", options->file, status);
    }
    return reading.status;
}

int machine_file_read(struct options *options, const char *path, struct error *error)
{
    uint8_t *text = NULL;
    size_t n = 0;
    int status = host_file_read(path, FILE_BYTES, &text, &n, error);

    if (status == 0) {
        status = machine_file_parse(options, (char *)text, n, error);
    }
    free(text);
    return status;
}
#else
bool machine_file_built(void)
{
    return false;
}

int machine_file_parse(struct options *options, char *text, size_t n, struct error *error)
{
    (void)text, (void)n;
    return error_set(error, -EINVAL,
                     "%.200s: this verdite was built without libinih, which reads machine files",
                     options->file);
}

int machine_file_read(struct options *options, const char *path, struct error *error)
{
    (void)path;
    return machine_file_parse(options, NULL, 0, error);
}
#endif

/* ---- writing ---- */

enum { BLANKS = 100 }; /* in a row; more might not be cut into lines */

static bool can_be_written(const char *value)
{
    size_t n = strlen(value), blanks = 0;

    if (n == 0 || is_blank(value[0]) || is_blank(value[n - 1])) {
        return n == 0;
    }
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)value[i];
        blanks = is_blank(value[i]) ? blanks + 1 : 0;
        if (c == 127 || (c < ' ' && c != '\t') || blanks > BLANKS) {
            return false;
        }
    }
    return true;
}

static int print_value(FILE *out, const struct option_key *key, const char *value,
                       struct error *error)
{
    if (!can_be_written(value)) {
        return error_set(error, -EINVAL,
                         "--%s: a machine file cannot hold this value: it has blanks at its ends, "
                         "or a control character",
                         key->name);
    }
    (void)fprintf(out, "%s = ", key->name);
    for (const char *c = value; *c != '\0'; c++) {
        bool hides = *c == ';' && (c == value || is_blank(c[-1]) || c[-1] == '\\');
        (void)fprintf(out, "%s%c", hides ? "\\" : "", *c);
    }
    (void)fputc('\n', out);
    return 0;
}

static int print_key(const struct options *options, FILE *out, const struct option_key *key,
                     unsigned child, struct error *error)
{
    const char *value = options_value(options, key, child, 0);
    int status = 0;

    if (key->flags & (OPTION_OLD | OPTION_SECTION)) {
        return 0;
    }
    if (strcmp(key->name, "role") == 0 && options->hypervisor == 0) {
        value = "pc";
    }
    if (value == NULL && key->argument != NULL) {
        (void)fprintf(out, "# %s = %s\n", key->name, key->argument);
        return 0;
    }
    for (unsigned i = 0; i == 0 || (key->flags & OPTION_LIST && value != NULL); i++) {
        status = status == 0 ? print_value(out, key, value != NULL ? value : "off", error) : status;
        value = options_value(options, key, child, i + 1);
    }
    return status;
}

int machine_file_print(const struct options *options, FILE *out, struct error *error)
{
    int status = 0;

    (void)fprintf(out, "[%s]\n", machine_section);
    for (unsigned i = 0; i < option_key_n && status == 0; i++) {
        status = option_keys[i].of_child ? 0 : print_key(options, out, &option_keys[i], 0, error);
    }
    for (unsigned child = 0; child < options->n_children && status == 0; child++) {
        const char *name = options->child[child].name;
        bool guest = options->n_children == 1 && strcmp(name, guest_section) == 0;
        (void)fprintf(out, "\n[%s%s%s]\n", guest ? "" : child_section, guest ? "" : " ", name);
        for (unsigned i = 0; i < option_key_n && status == 0; i++) {
            status = option_keys[i].of_child
                         ? print_key(options, out, &option_keys[i], child, error)
                         : 0;
        }
    }
    return status;
}
