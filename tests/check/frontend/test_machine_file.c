/* Machine files: what they say, what is wrong in them and where, and that what is printed gives the same machine. */
#include "frontend/cli/machine_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check/check_main.h"

static const char *models(unsigned index)
{
    static const char *const names[] = { "verdite64", "westmere" };
    return index < ARRAY_SIZE(names) ? names[index] : NULL;
}

/* Parse a file's text and settle it. */
static int parse(struct options *options, const char *text, struct error *error)
{
    char *copy = strdup(text);

    error->text[0] = '\0';
    memset(options, 0, sizeof(*options));
    options->config.translate = true;
    options->hypervisor = -1;
    options->file = "m.ini";
    int status = machine_file_parse(options, copy, strlen(copy), error);
    free(copy);
    return status == 0 ? options_settle(options, models, error) : status;
}

static char *print(const struct options *options)
{
    struct error error = { "" };
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);

    ck_assert_msg(machine_file_print(options, out, &error) == 0, "%s", error.text);
    (void)fclose(out);
    return text;
}

#define TEN   "aaaaaaaaa "
#define FIFTY TEN TEN TEN TEN TEN

static const struct {
    const char *text;
    const char *message; /* all of it */
} wrong[] = {
    { "[machine]\nseed = 1\n", "--kernel FILE is required" },
    { "[guest]\nmemory = 1G\n", "m.ini:1: [child guest] has no kernel: kernel = FILE is required" },
    { "[guest]\nkernel = k\nmemroy = 1G\n", "m.ini:3: unknown key 'memroy'; did you mean memory?" },
    { "[guest]\nkernel = k\n\n# x\nmemory = 5Q ; no unit\n",
      "m.ini:5: memory = 5Q: give a size as 512M or 2G" },
    { "[guest]\nkernel = k\n[machine]\nclock = vitrual\n",
      "m.ini:4: clock = vitrual: give realtime or virtual; did you mean virtual?" },
    { "[guest]\nkernel = k\n[machine]\nstrict = yes\n", "m.ini:4: strict = yes: give off or on" },
    { "[guest]\nkernel = k\nkernel = l\n", "m.ini:3: kernel is given in line 2 already" },
    { "[guest]\nkernel = k\nseed = 1\n", "m.ini:3: seed belongs into a section [machine]" },
    { "[machine]\nkernel = k\n",
      "m.ini:2: kernel belongs into a section [child NAME], or [guest]" },
    { "kernel = k\n", "m.ini:1: kernel stands in no section; begin with [child NAME]" },
    { "[machin]\n", "m.ini:1: unknown section [machin]; did you mean [machine]?" },
    { "[chidl a]\n", "m.ini:1: unknown section [chidl a]; did you mean [child NAME]?" },
    { "[zzzzzzzz]\n",
      "m.ini:1: unknown section [zzzzzzzz]; there are [machine], [guest] and [child NAME]" },
    { "\n[child]\n", "m.ini:2: unknown section [child]; did you mean [child NAME]?" },
    { "[child a b]\n", "m.ini:1: a child's name has 1 to 31 letters, digits, -, _ or ." },
    { "[child a]\nkernel = k\n[child a]\n", "m.ini:3: child a has a section in line 1 already" },
    { "[child a]\nkernel = k\n[child b]\n",
      "m.ini:3: [child b] has no kernel: kernel = FILE is required" },
    { "[child a]\nkernel = k\n[child b]\nkernel = l\n[machine]\nrole = pc\n",
      "m.ini:6: role = pc: only --role child has several children" },
    { "[guest]\nkernel k\n", "m.ini:2: neither KEY = VALUE nor [SECTION]" },
    { "[guest\nkernel = k\n", "m.ini:1: [guest has no ] at its end" },
    { "[guest]\nkernel = k\n  initrd = i\n",
      "m.ini:3: an indented line goes on with the value above; begin with 'initrd' at the edge" },
    { "[guest]\nkernel = k\n [machine]\n", "m.ini:3: a section begins at the edge" },
    { "[guest]\nkernel = \x01\n", "m.ini:2: a control character (1)" },
    { "[guest]\nkernel =\n", "m.ini:2: kernel = : it is empty" },
    { "[guest]\nkernel = k\ndisk = d,lun=zz\n",
      "m.ini:3: disk = d,lun=zz: --disk: 'lun=zz' is not known: overlay=FILE, snapshot=on, "
      "readonly=on, bus=scsi|ide, lun=N" },
    { "[guest]\nkernel = k\nexpect = (\n", "m.ini:3: expect = (: Unmatched ( or \\(" },
    { "[guest]\nkernel = k\n[machine]\ncpu = wesmtere\n",
      "m.ini:4: cpu = wesmtere: unknown CPU model 'wesmtere'; did you mean westmere?" },
    { "[guest]\nkernel = k\nappend = " FIFTY FIFTY FIFTY FIFTY "\nmemroy = 1\n",
      "m.ini:4: unknown key 'memroy'; did you mean memory?" },
    { "[machine]\nchild = a\n", "m.ini:2: child is no key: a child has a section [child NAME]" },
};

START_TEST(what_is_wrong_is_told_with_its_line)
{
    struct options *o = malloc(sizeof(*o));
    struct error error;

    ck_assert_int_eq(parse(o, wrong[_i].text, &error), -EINVAL);
    ck_assert_str_eq(error.text, wrong[_i].message);
    options_fini(o);
    free(o);
}
END_TEST

START_TEST(sections_comments_and_lists)
{
    struct options *o = malloc(sizeof(*o));
    struct error error;
    const char *text = "\xef\xbb\xbf; a machine of two\n"
                       "[machine]\n"
                       "seed = 0x10   ; hexadecimal\r\n"
                       "clock: virtual\n"
                       "strict = on\n"
                       "\n"
                       "[child a]\n"
                       "# the first\n"
                       "kernel = K\n"
                       "append = console=ttyS0 x=\"a \\; b\"\n"
                       "   quiet ; a blank, then a comment\n"
                       "disk = one.vhdx\n"
                       "disk = two.iso,readonly=on\n"
                       "net = switch=s\n"
                       "[child b]\n"
                       "kernel = L\n"
                       "cpus = 2\n"
                       "serial = file:b.log\n";

    ck_assert_msg(parse(o, text, &error) == 0, "%s", error.text);
    ck_assert_uint_eq(o->config.seed, 16);
    ck_assert(o->config.virtual_time && o->config.strict);
    ck_assert_str_eq(o->config.child[0].name, "a");
    ck_assert_str_eq(o->config.child[0].append, "console=ttyS0 x=\"a ; b\" quiet");
    ck_assert_uint_eq(o->config.child[0].n_disks, 2);
    ck_assert_str_eq(o->config.child[0].disks[1], "two.iso,readonly=on");
    ck_assert_str_eq(o->config.child[0].net[0], "switch=s");
    ck_assert_uint_eq(o->config.n_children, 2);
    ck_assert_str_eq(o->config.child[1].kernel, "L");
    ck_assert_uint_eq(o->config.child[1].cpus, 2);
    ck_assert_int_eq(o->child[1].serial.to, SERIAL_FILE);
    options_fini(o);
    free(o);
}
END_TEST

START_TEST(values_may_be_longer_than_the_library_s_lines)
{
    struct options *o = malloc(sizeof(*o));
    struct error error;
    static char text[9000], value[8000];

    for (size_t i = 0; i < sizeof(value) - 1; i++) {
        value[i] = i % 7 == 3 ? ' ' : i % 11 == 5 ? ';' : i % 13 == 6 ? '#' : (char)('a' + i % 26);
        if (value[i] == ';' && value[i - 1] == ' ') {
            value[i] = '[';
        }
    }
    value[sizeof(value) - 2] = 'z';
    (void)snprintf(text, sizeof(text), "[guest]\nkernel = k\nappend = %s\n[machine]\nseed = 7\n",
                   value);
    ck_assert_msg(parse(o, text, &error) == 0, "%s", error.text);
    ck_assert_str_eq(o->config.child[0].append, value);
    ck_assert_uint_eq(o->config.seed, 7);
    options_fini(o);
    free(o);
}
END_TEST

START_TEST(what_is_printed_gives_the_same_machine)
{
    struct options *o = malloc(sizeof(*o));
    struct error error;
    const char *text =
        "[machine]\nhypervisor = on\nengine = interpreter\ncpu = westmere,-avx\n"
        "save = s\nsave-at = 5,6\nsave-continue = on\n"
        "[child a]\nkernel = K\nappend = \\;x \\; y\\\\; z\ndisk = d\ndisk = e,lun=5\n"
        "[child b]\nkernel = L\nnet = switch=s,mac=00:15:5d:00:00:01\n";

    ck_assert_msg(parse(o, text, &error) == 0, "%s", error.text);
    ck_assert_str_eq(o->config.child[0].append, ";x ; y\\; z");
    char *first = print(o);
    options_fini(o);
    ck_assert_msg(parse(o, first, &error) == 0, "%s in\n%s", error.text, first);
    char *second = print(o);
    ck_assert_str_eq(first, second);
    ck_assert(!o->config.translate && o->config.save_continues && o->config.n_save_at == 2);
    ck_assert_str_eq(o->config.child[0].append, ";x ; y\\; z");
    ck_assert_str_eq(o->config.child[0].disks[1], "e,lun=5");
    ck_assert_str_eq(o->config.child[1].net[0], "switch=s,mac=00:15:5d:00:00:01");
    /* Every key is there, given or not. */
    for (unsigned i = 0; i < option_key_n; i++) {
        char line[64];
        (void)snprintf(line, sizeof(line), "%s = ", option_keys[i].name);
        ck_assert_msg((strstr(first, line) != NULL) ==
                          !(option_keys[i].flags & (OPTION_OLD | OPTION_SECTION)),
                      "%s", line);
    }
    free(first);
    free(second);
    options_fini(o);
    free(o);
}
END_TEST

/* The defaults that the table tells are those that hold: a line of each changes nothing. */
START_TEST(defaults_that_are_told_hold)
{
    struct options *o = malloc(sizeof(*o)), *plain = malloc(sizeof(*plain));
    struct error error;

    ck_assert_int_eq(parse(plain, "[guest]\nkernel = k\n", &error), 0);
    char *text = print(plain);
    ck_assert_msg(parse(o, text, &error) == 0, "%s", error.text);
    ck_assert_uint_eq(o->config.child[0].memory_bytes, plain->config.child[0].memory_bytes);
    ck_assert_uint_eq(o->config.child[0].cpus, plain->config.child[0].cpus);
    ck_assert_uint_eq(o->config.seed, plain->config.seed);
    ck_assert_int_eq(o->config.role, plain->config.role);
    ck_assert_int_eq(o->config.virtual_time, plain->config.virtual_time);
    ck_assert_int_eq(o->config.translate, plain->config.translate);
    ck_assert_int_eq(o->config.translate_at_once, plain->config.translate_at_once);
    ck_assert_int_eq(o->config.strict, plain->config.strict);
    ck_assert_int_eq(o->config.no_reboot, plain->config.no_reboot);
    ck_assert_int_eq(o->live_on, plain->live_on);
    ck_assert_int_eq(o->child[0].serial.to, plain->child[0].serial.to);
    ck_assert_ptr_null(o->config.child[0].initrd);
    free(text);
    options_fini(o);
    options_fini(plain);
    free(o);
    free(plain);
}
END_TEST

/* A file, and a command line behind it. */
START_TEST(the_command_line_has_the_last_word)
{
    char path[] = "/tmp/verdite-machine-XXXXXX";
    struct options *o = malloc(sizeof(*o));
    struct error error;
    const char *text =
        "[machine]\nseed = 1\nstrict = on\n[child a]\nkernel = K\ndisk = d\ndisk = e\n"
        "memory = 1G\n[child b]\nkernel = L\n";
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");

    (void)fputs(text, file);
    (void)fclose(file);
    char *argv[] = { "verdite", "run",    path, "--seed",  "2", "--strict=off", "--child",
                     "a",       "--disk", "f",  "--child", "b", "--memory=64M" };
    ck_assert_msg(options_parse(o, ARRAY_SIZE(argv), argv, models, &error) == 0, "%s", error.text);
    ck_assert_uint_eq(o->config.seed, 2);
    ck_assert(!o->config.strict);
    ck_assert_uint_eq(o->config.child[0].n_disks, 1);
    ck_assert_str_eq(o->config.child[0].disks[0], "f");
    ck_assert_uint_eq(o->config.child[0].memory_bytes, 1u << 30);
    ck_assert_uint_eq(o->config.child[1].memory_bytes, 64u << 20);
    options_fini(o);
    char *which[] = { "verdite", "run", path, "--memory", "64M" };
    ck_assert_int_eq(options_parse(o, ARRAY_SIZE(which), which, models, &error), -EINVAL);
    ck_assert_str_eq(error.text,
                     "--memory: which child's? There are a, b: put --child NAME before");
    options_fini(o);
    (void)remove(path);
    free(o);
}
END_TEST

START_TEST(a_value_that_no_file_can_hold_is_told)
{
    struct options *o = malloc(sizeof(*o));
    struct error error;
    char *argv[] = { "verdite", "run", "--kernel", "k", "--append", "a\nb" };
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);

    ck_assert_int_eq(options_parse(o, ARRAY_SIZE(argv), argv, models, &error), 0);
    ck_assert_int_eq(machine_file_print(o, out, &error), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "--append: a machine file cannot hold this value"));
    (void)fclose(out);
    free(text);
    options_fini(o);
    free(o);
}
END_TEST

static Suite *suite_machine_file(void)
{
    Suite *suite = suite_create("frontend/cli/machine_file");
    TCase *tcase = tcase_create("machine_file");

    tcase_add_test(tcase, a_value_that_no_file_can_hold_is_told);
    if (machine_file_built()) {
        tcase_add_loop_test(tcase, what_is_wrong_is_told_with_its_line, 0, ARRAY_SIZE(wrong));
        tcase_add_test(tcase, sections_comments_and_lists);
        tcase_add_test(tcase, values_may_be_longer_than_the_library_s_lines);
        tcase_add_test(tcase, what_is_printed_gives_the_same_machine);
        tcase_add_test(tcase, defaults_that_are_told_hold);
        tcase_add_test(tcase, the_command_line_has_the_last_word);
    }
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_machine_file())
