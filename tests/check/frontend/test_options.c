/* The command line: every key, wrong values, suggestions, help and man page from the same table. */
#include "frontend/cli/options.h"

#include <errno.h>
#include <string.h>

#include "frontend/cli/help.h"
#include "tests/check/check_main.h"

static const char *models(unsigned index)
{
    static const char *const names[] = { "bonnell", "westmere" };
    return index < ARRAY_SIZE(names) ? names[index] : NULL;
}

/* Parse a line of words separated by blanks, into static storage of the row. The options were zeroed, or parsed before. */
static int parse(struct options *options, const char *line, struct error *error)
{
    static char text[512];
    char *argv[64] = { "verdite" };
    int argc = 1;
    (void)snprintf(text, sizeof(text), "%s", line);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    error->text[0] = '\0';
    options_fini(options); /* of the line before */
    return options_parse(options, argc, argv, models, error);
}

static const struct {
    const char *line;
    const char *message; /* part of it */
} wrong[] = {
    { "", "say what to do" },
    { "rnu --kernel k", "unknown command 'rnu'; did you mean run?" },
    { "frobnicate", "unknown command 'frobnicate'; see" },
    { "run", "--kernel FILE is required" },
    { "run --kernel", "--kernel needs an argument" },
    { "run --kernle k", "unknown option '--kernle'; did you mean --kernel?" },
    { "run --memroy=1G --kernel k", "did you mean --memory?" },
    { "run --kernel k --zzzzzzz", "unknown option '--zzzzzzz'; see" },
    { "run --kernel k l", "'l' is no option" },
    { "run /nonexistent/m.ini", "/nonexistent/m.ini" },
    { "run --child a", "--kernel FILE is required" },
    { "run --kernel k --child a", "--kernel FILE is required for child a" },
    { "run --child a --kernel k --child b --kernel l --role pc", "only --role child has several" },
    { "run --child a/b", "--child a/b: a child's name has" },
    { "run --child", "--child needs an argument: NAME" },
    { "run --kernel k --role chlid", "give child, root or pc; did you mean child?" },
    { "run --kernel k --engine interpeter", "did you mean interpreter?" },
    { "run --kernel k --disk d,lun=99", "--disk d,lun=99" },
    { "run --kernel k --net swithc=a", "--net swithc=a" },
    { "resume /nonexistent/f --child a", "/nonexistent/f: " },
    { "run -k", "'-k' is no option" },
    { "run --", "'--' is no option" },
    { "run --kernel k --memory 0", "--memory 0" },
    { "run --kernel k --memory 5X", "--memory 5X" },
    { "run --kernel k --memory -5M", "--memory -5M" },
    { "run --kernel k --memory 99999999999999999999", "--memory 9" },
    { "run --kernel k --memory 1000T", "--memory 1000T" },
    { "run --kernel k --cpus 0", "--cpus 0" },
    { "run --kernel k --cpus 1x", "--cpus 1x" },
    { "run --kernel k --serial tcp", "--serial tcp" },
    { "run --kernel k --serial file:", "--serial file:" },
    { "run --kernel k --role child --hypervisor off", "leaves only --role pc" },
    { "run --kernel k --role pc --hypervisor on", "no hypervisor" },
    { "run --kernel k --role king", "--role king" },
    { "run --kernel k --hypervisor maybe", "--hypervisor maybe" },
    { "run --kernel k --timeout 0", "--timeout 0" },
    { "run --kernel k --timeout nan", "--timeout nan" },
    { "run --kernel k --timeout 5s", "--timeout 5s" },
    { "run --kernel k --max-instructions many", "--max-instructions many" },
    { "run --kernel k --expect (", "--expect (" },
    { "run --kernel k --fail-on [", "--fail-on [" },
    { "run --kernel k --dump insn,blok", "--dump insn,blok" },
    { "run --kernel k --seed x", "--seed x" },
    { "run --kernel k --clock host", "give realtime or virtual" },
    { "run --kernel k --clock sundial", "--clock sundial" },
    { "run --kernel k --panic maybe", "give end or continue" },
    { "run --kernel k --no-reboot=yes", "--no-reboot=yes: give off or on" },
    { "run --kernel k --cpu bonell", "unknown CPU model 'bonell'; did you mean bonnell?" },
    { "run --kernel k --cpu wesmtere,+avx", "did you mean westmere?" },
    { "run --kernel k --cpu 8086", "unknown CPU model '8086'; see" },
    { "--version now", "'now' is too much" },
};

START_TEST(wrong_lines_are_refused_with_a_sentence_that_helps)
{
    struct options options = { 0 };
    struct error error;
    ck_assert_int_lt(parse(&options, wrong[_i].line, &error), 0);
    ck_assert_msg(strstr(error.text, wrong[_i].message) != NULL, "'%s' says '%s'", wrong[_i].line,
                  error.text);
    options_fini(&options);
}
END_TEST

START_TEST(every_key_reaches_the_configuration)
{
    struct options o = { 0 };
    struct error error;
    ck_assert_int_eq(parse(&o,
                           "run --kernel K --initrd=I --append a=b --memory 2G --cpus 3 "
                           "--serial file:out --cpu westmere,+x,-y --role root --timeout 1.5 "
                           "--max-instructions 1000 --expect ^ok$ --fail-on bad --no-reboot "
                           "--trace a.*,b --dump insn,host --strict --seed 0x10 --clock realtime",
                           &error),
                     0);
    ck_assert_int_eq(o.command, COMMAND_RUN);
    ck_assert_str_eq(o.config.child[0].kernel, "K");
    ck_assert_str_eq(o.config.child[0].initrd, "I");
    ck_assert_str_eq(o.config.child[0].append, "a=b");
    ck_assert_uint_eq(o.config.child[0].memory_bytes, UINT64_C(2) << 30);
    ck_assert_uint_eq(o.config.child[0].cpus, 3);
    ck_assert_int_eq(o.child[0].serial.to, SERIAL_FILE);
    ck_assert_str_eq(o.child[0].serial.path, "out");
    ck_assert_str_eq(o.config.cpu, "westmere,+x,-y");
    ck_assert_int_eq(o.config.role, VMMS_ROLE_ROOT);
    ck_assert_uint_eq(o.config.timeout_ns, 1500000000u);
    ck_assert_uint_eq(o.config.max_instructions, 1000);
    ck_assert_str_eq(o.child[0].expect, "^ok$");
    ck_assert_str_eq(o.child[0].fail_on, "bad");
    ck_assert(o.config.no_reboot && o.config.strict);
    ck_assert_str_eq(o.config.trace, "a.*,b");
    ck_assert_str_eq(o.config.dump, "insn,host");
    ck_assert_uint_eq(o.config.seed, 16);
    options_fini(&o);
}
END_TEST

START_TEST(defaults_and_roles)
{
    struct options o = { 0 };
    struct error error;
    ck_assert_int_eq(parse(&o, "explain --kernel K", &error), 0);
    ck_assert_int_eq(o.command, COMMAND_EXPLAIN);
    ck_assert_uint_eq(o.config.child[0].memory_bytes, 512u << 20);
    ck_assert_uint_eq(o.config.child[0].cpus, 1);
    ck_assert_int_eq(o.child[0].serial.to, SERIAL_STDIO);
    ck_assert_int_eq(o.config.role, VMMS_ROLE_CHILD);
    ck_assert_int_eq(parse(&o, "run --kernel K --hypervisor off", &error), 0);
    ck_assert_int_eq(o.config.role, VMMS_ROLE_PC);
    ck_assert_int_eq(parse(&o, "run --kernel K --hypervisor on --role root", &error), 0);
    ck_assert_int_eq(o.config.role, VMMS_ROLE_ROOT);
    ck_assert_int_eq(parse(&o, "run --kernel K --memory 64", &error), 0);
    ck_assert_uint_eq(o.config.child[0].memory_bytes, 64u << 20);
    ck_assert_int_eq(parse(&o, "run --zzz --help", &error), 0);
    ck_assert_int_eq(o.command, COMMAND_HELP);
    ck_assert_int_eq(parse(&o, "help --man", &error), 0);
    ck_assert_int_eq(o.command, COMMAND_MAN);
    ck_assert_int_eq(parse(&o, "--version", &error), 0);
    ck_assert_int_eq(o.command, COMMAND_VERSION);
    options_fini(&o);
}
END_TEST

START_TEST(options_after_a_child_are_of_that_child)
{
    struct options o = { 0 };
    struct error error;
    ck_assert_int_eq(parse(&o,
                           "run --kernel K --child b --kernel L --memory 64M --disk d --net "
                           "switch=s --child guest --memory 32M --serial none --seed 5",
                           &error),
                     0);
    ck_assert_str_eq(o.config.child[0].name, "guest");
    ck_assert_str_eq(o.config.child[0].kernel, "K");
    ck_assert_uint_eq(o.config.child[0].memory_bytes, 32u << 20);
    ck_assert_uint_eq(o.config.seed, 5);
    ck_assert_int_eq(o.child[0].serial.to, SERIAL_NONE);
    ck_assert_uint_eq(o.config.n_children, 2);
    ck_assert_str_eq(o.config.child[1].name, "b");
    ck_assert_str_eq(o.config.child[1].kernel, "L");
    ck_assert_uint_eq(o.config.child[1].memory_bytes, 64u << 20);
    ck_assert_uint_eq(o.config.child[1].n_disks, 1);
    ck_assert_str_eq(o.config.child[1].net[0], "switch=s");
    ck_assert_uint_eq(o.config.child[0].n_disks, 0);
    ck_assert_uint_eq(o.config.child[0].n_net, 1);
    ck_assert_str_eq(o.config.child[0].net[0], vmms_has_user_network() ? "user" : "none");
    options_fini(&o);
}
END_TEST

START_TEST(help_and_man_page_name_every_key_and_stay_narrow)
{
    static char text[65536];
    FILE *out = fmemopen(text, sizeof(text), "w");
    help_print(out, models);
    (void)fclose(out);
    for (unsigned i = 0; i < option_key_n; i++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "--%s", option_keys[i].name);
        ck_assert_msg(strstr(text, name) != NULL, "%s", name);
    }
    ck_assert_ptr_nonnull(strstr(text, "bonnell westmere"));
    ck_assert_ptr_nonnull(strstr(text, "Ctrl-A x"));
    ck_assert_ptr_nonnull(strstr(text, "\n  121 "));
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        ck_assert_msg(strlen(line) <= 80, "too wide: %s", line);
    }
    out = fmemopen(text, sizeof(text), "w");
    help_print_man(out, models);
    (void)fclose(out);
    ck_assert_ptr_nonnull(strstr(text, ".SH OPTIONS\n.TP\n\\fB\\-\\-kernel\\fR \\fIFILE\\fR\n"));
    ck_assert_ptr_nonnull(strstr(text, "\\fB\\-\\-clock\\fR"));
}
END_TEST

static Suite *suite_options(void)
{
    Suite *suite = suite_create("frontend/cli/options");
    TCase *tcase = tcase_create("options");
    tcase_add_loop_test(tcase, wrong_lines_are_refused_with_a_sentence_that_helps, 0,
                        ARRAY_SIZE(wrong));
    tcase_add_test(tcase, every_key_reaches_the_configuration);
    tcase_add_test(tcase, defaults_and_roles);
    tcase_add_test(tcase, options_after_a_child_are_of_that_child);
    tcase_add_test(tcase, help_and_man_page_name_every_key_and_stay_narrow);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_options())
