/* The program's commands: run, explain, help, version. */
#include "frontend/cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "frontend/cli/exit_code.h"
#include "frontend/cli/help.h"
#include "frontend/cli/options.h"
#include "frontend/cli/run.h"
#include "frontend/image/image_command.h"
#include "frontend/monitor/monitor.h"

static int cli_explain(const struct options *options)
{
    struct error error = { "" };
    char text[8192];
    if (vmms_explain(&options->config, text, sizeof(text), &error) != 0) {
        (void)fprintf(stderr, "verdite: %s\n", error.text);
        return EXIT_CODE_USAGE;
    }
    (void)fputs(text, stdout);
    return EXIT_CODE_OK;
}

int cli_main(int argc, char **argv)
{
    struct options options;
    struct error error = { "" };
    if (argc >= 2 && strcmp(argv[1], "ctl") == 0) {
        return monitor_ctl(argc - 2, argv + 2);
    }
    if (argc >= 2 && strcmp(argv[1], "image") == 0) {
        return image_command(argc - 2, argv + 2);
    }
    if (options_parse(&options, argc, argv, vmms_cpu_model_name, &error) != 0) {
        (void)fprintf(stderr, "verdite: %s\n", error.text);
        return EXIT_CODE_USAGE;
    }
    switch (options.command) {
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
        return cli_explain(&options);
    case COMMAND_CTL: /* above: their words are their own */
    case COMMAND_IMAGE:
    case COMMAND_RUN:
    case COMMAND_RESUME:
        break;
    }
    return run_machine(&options);
}
