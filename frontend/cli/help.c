/* --help and the man page. [man-pages(7)] */
#include "frontend/cli/help.h"

#include <string.h>

#include "frontend/cli/escape.h"
#include "frontend/cli/exit_code.h"
#include "frontend/cli/options.h"
#include "frontend/image/image_command.h"
#include "frontend/monitor/control_verbs.h"

const struct exit_code_row exit_code_rows[] = {
    { EXIT_CODE_OK, "the guest powered off, or what --expect names was met" },
    { EXIT_CODE_FAILURE, "the guest or --fail-on says failure, or the host failed" },
    { EXIT_CODE_USAGE, "wrong usage or configuration" },
    { EXIT_CODE_SKIPPED, "skipped: what a test needs is not here" },
    { EXIT_CODE_BUG, "a bug of verdite itself" },
    { EXIT_CODE_PANIC, "the guest panicked, even if it then powered off" },
    { EXIT_CODE_TRIPLE_FAULT, "triple fault" },
    { EXIT_CODE_INSTRUCTION_LIMIT, "--max-instructions reached" },
    { EXIT_CODE_TIMEOUT, "--timeout reached" },
    { EXIT_CODE_INTERRUPTED, "interrupted (SIGINT)" },
    { EXIT_CODE_TERMINATED, "terminated (SIGTERM)" },
};
const unsigned exit_code_n = ARRAY_SIZE(exit_code_rows);

static const struct {
    const char *usage, *help;
} help_commands[] = {
    { "run --kernel FILE [OPTION]...", "run a guest" },
    { "run MACHINE-FILE [OPTION]...", "run what a machine file says" },
    { "resume FILE [OPTION]...", "go on with a saved machine" },
    { "explain [MACHINE-FILE] [OPTION]...", "print it all as a machine file" },
    { "ctl [--json] [--child NAME] PATH VERB ...", "ask a running machine" },
    { "image VERB FILE... [OPTION]...", "make, convert, check disk images" },
    { "help [--man]", "print this text, or the manual page" },
    { "--version", "print the version" },
};

enum { HELP_WIDTH = 80, HELP_INDENT = 28 };

/* Words wrapped from the indent on; the cursor stands in `column`. */
static void print_wrapped(FILE *out, const char *text, size_t column)
{
    while (*text != '\0') {
        size_t n = strcspn(text, " ");
        if (column + n + 1 > HELP_WIDTH) {
            (void)fprintf(out, "\n%*s", HELP_INDENT, "");
            column = HELP_INDENT;
        }
        (void)fprintf(out, "%.*s%s", (int)n, text, text[n] != '\0' ? " " : "");
        column += n + 1;
        text += n + strspn(text + n, " ");
    }
    (void)fputc('\n', out);
}

static void print_row(FILE *out, const char *left, const char *right)
{
    int n = fprintf(out, "  %s", left);
    size_t column = n < 0 ? 0 : (size_t)n;
    if (column + 2 > HELP_INDENT) {
        (void)fputc('\n', out);
        column = 0;
    }
    (void)fprintf(out, "%*s", (int)(HELP_INDENT - column), "");
    print_wrapped(out, right, HELP_INDENT);
}

void help_print(FILE *out, suggest_name cpu_model)
{
    (void)fputs("verdite: a full-system x86 emulator with a Hyper-V-style hypervisor\n\n", out);
    for (unsigned i = 0; i < ARRAY_SIZE(help_commands); i++) {
        (void)fprintf(out, "  verdite %-34s %s\n", help_commands[i].usage, help_commands[i].help);
    }
    (void)fputs("\nOptions (--name VALUE or --name=VALUE):\n", out);
    for (unsigned i = 0; i < option_key_n; i++) {
        const struct option_key *key = &option_keys[i];
        char left[64], right[512];
        (void)snprintf(left, sizeof(left), "--%s %s", key->name,
                       key->argument != NULL ? key->argument : "");
        (void)snprintf(
            right, sizeof(right), "%s%s%s%s", key->help, key->fallback != NULL ? " Default: " : "",
            key->fallback != NULL ? key->fallback : "", key->fallback != NULL ? "." : "");
        print_row(out, left, right);
    }
    (void)fputs("\nProcessor models:", out);
    for (unsigned i = 0; cpu_model(i) != NULL; i++) {
        (void)fprintf(out, " %s", cpu_model(i));
    }
    (void)fputs("\n\nKeys, when the guest has the terminal:\n", out);
    for (unsigned i = 0; i < escape_row_n; i++) {
        print_row(out, escape_rows[i].keys, escape_rows[i].meaning);
    }
    (void)fputs("\nVerbs of ctl:\n", out);
    for (unsigned i = 0; control_verb(i) != NULL; i++) {
        char left[64];
        (void)snprintf(left, sizeof(left), "%s %s", control_verb(i)->name,
                       control_verb(i)->arguments);
        print_row(out, left, control_verb(i)->help);
    }
    const char *help;
    (void)fputs("\nVerbs of image:\n", out);
    for (unsigned i = 0; image_command_verb(i, &help) != NULL; i++) {
        print_row(out, image_command_verb(i, &help), help);
    }
    (void)fputs("\nOptions of image:\n", out);
    for (unsigned i = 0; image_command_option(i, &help) != NULL; i++) {
        char left[64];
        (void)snprintf(left, sizeof(left), "--%s", image_command_option(i, &help));
        print_row(out, left, help);
    }
    (void)fputs("\nExit codes:\n", out);
    for (unsigned i = 0; i < exit_code_n; i++) {
        char left[16];
        (void)snprintf(left, sizeof(left), "%d", (int)exit_code_rows[i].code);
        print_row(out, left, exit_code_rows[i].meaning);
    }
}

/* Text for roff: a minus is a minus, a backslash a backslash, a dot never a request. */
static void print_roff(FILE *out, const char *text)
{
    if (*text == '.' || *text == '\'') {
        (void)fputs("\\&", out);
    }
    for (; *text != '\0'; text++) {
        if (*text == '-' || *text == '\\') {
            (void)fputs(*text == '-' ? "\\-" : "\\e", out);
        } else {
            (void)fputc(*text, out);
        }
    }
}

static void print_roff_row(FILE *out, const char *left, const char *argument, const char *right)
{
    (void)fputs(".TP\n\\fB", out);
    print_roff(out, left);
    (void)fputs("\\fR", out);
    if (argument != NULL) {
        (void)fputs(" \\fI", out);
        print_roff(out, argument);
        (void)fputs("\\fR", out);
    }
    (void)fputc('\n', out);
    print_roff(out, right);
    (void)fputc('\n', out);
}

void help_print_man(FILE *out, suggest_name cpu_model)
{
    (void)fputs(".TH VERDITE 1 \"\" \"verdite " VERDITE_VERSION "\" \"User Commands\"\n"
                ".SH NAME\nverdite \\- run operating systems on an emulated x86 machine with a "
                "Hyper\\-V\\-style hypervisor\n.SH SYNOPSIS\n",
                out);
    for (unsigned i = 0; i < ARRAY_SIZE(help_commands); i++) {
        (void)fputs(i == 0 ? "\\fBverdite\\fR " : ".br\n\\fBverdite\\fR ", out);
        print_roff(out, help_commands[i].usage);
        (void)fputc('\n', out);
    }
    (void)fputs(
        ".SH DESCRIPTION\nBoots an unmodified kernel in a child partition that the built\\-in "
        "parent creates, in the root partition, or on a plain PC, in software alone.\n"
        ".SH OPTIONS\n",
        out);
    for (unsigned i = 0; i < option_key_n; i++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "--%s", option_keys[i].name);
        print_roff_row(out, name, option_keys[i].argument, option_keys[i].help);
        if (option_keys[i].fallback != NULL) {
            (void)fputs("Default: ", out);
            print_roff(out, option_keys[i].fallback);
            (void)fputs(".\n", out);
        }
    }
    (void)fputs(".SH PROCESSOR MODELS\n", out);
    for (unsigned i = 0; cpu_model(i) != NULL; i++) {
        print_roff(out, cpu_model(i));
        (void)fputc('\n', out);
    }
    (void)fputs(".SH KEYS\nWhen the guest has the terminal, every key goes to it, except:\n", out);
    for (unsigned i = 0; i < escape_row_n; i++) {
        print_roff_row(out, escape_rows[i].keys, NULL, escape_rows[i].meaning);
    }
    (void)fputs(".SH VERBS OF CTL\n", out);
    for (unsigned i = 0; control_verb(i) != NULL; i++) {
        const struct control_verb *verb = control_verb(i);
        print_roff_row(out, verb->name, verb->arguments[0] != '\0' ? verb->arguments : NULL,
                       verb->help);
    }
    const char *help;
    (void)fputs(".SH VERBS OF IMAGE\n", out);
    for (unsigned i = 0; image_command_verb(i, &help) != NULL; i++) {
        print_roff_row(out, image_command_verb(i, &help), NULL, help);
    }
    (void)fputs(".SH OPTIONS OF IMAGE\n", out);
    for (unsigned i = 0; image_command_option(i, &help) != NULL; i++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "--%s", image_command_option(i, &help));
        print_roff_row(out, name, NULL, help);
    }
    (void)fputs(".SH EXIT STATUS\n", out);
    for (unsigned i = 0; i < exit_code_n; i++) {
        char code[16];
        (void)snprintf(code, sizeof(code), "%d", (int)exit_code_rows[i].code);
        print_roff_row(out, code, NULL, exit_code_rows[i].meaning);
    }
}
