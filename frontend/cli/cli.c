/* The program's commands: run, explain, help, version. */
#include "frontend/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/cli/exit_code.h"
#include "frontend/cli/help.h"
#include "frontend/cli/machine_file.h"
#include "frontend/cli/options.h"
#include "frontend/cli/run.h"
#include "frontend/image/image_command.h"
#include "frontend/monitor/monitor.h"

/* What the machine comes to, as comments, and all that makes it. */
static int cli_explain(const struct options *options)
{
    struct error error = { "" };
    char text[8192];
    if (vmms_explain(&options->config, text, sizeof(text), &error) != 0) {
        (void)fprintf(stderr, "verdite: %s\n", error.text);
        return EXIT_CODE_USAGE;
    }
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        (void)printf("# %s\n", line);
    }
    if (machine_file_print(options, stdout, &error) != 0) {
        (void)fprintf(stderr, "verdite: %s\n", error.text);
        return EXIT_CODE_USAGE;
    }
    return EXIT_CODE_OK;
}

static int cli_command(const struct options *options)
{
    switch (options->command) {
    case COMMAND_HELP:
        help_print(stdout, vmms_cpu_model_name);
        return EXIT_CODE_OK;
    case COMMAND_MAN:
        help_print_man(stdout, vmms_cpu_model_name);
        return EXIT_CODE_OK;
    case COMMAND_VERSION:
        (void)puts("verdite " VERDITE_VERSION);
        return EXIT_CODE_OK;
    case COMMAND_EXPLAIN:
        return cli_explain(options);
    case COMMAND_CTL: /* below: their words are their own */
    case COMMAND_IMAGE:
    case COMMAND_RUN:
    case COMMAND_RESUME:
        break;
    }
    return run_machine(options);
}

int cli_main(int argc, char **argv)
{
    struct error error = { "" };
    if (argc >= 2 && strcmp(argv[1], "ctl") == 0) {
        return monitor_ctl(argc - 2, argv + 2);
    }
    if (argc >= 2 && strcmp(argv[1], "image") == 0) {
        return image_command(argc - 2, argv + 2);
    }
    struct options *options = malloc(sizeof(*options));
    if (options == NULL) {
        (void)fputs("verdite: no memory\n", stderr);
        return EXIT_CODE_FAILURE;
    }
    int code = EXIT_CODE_USAGE;
    if (options_parse(options, argc, argv, vmms_cpu_model_name, &error) != 0) {
        (void)fprintf(stderr, "verdite: %s\n", error.text);
    } else {
        code = cli_command(options);
    }
    options_fini(options);
    free(options);
    return code;
}
