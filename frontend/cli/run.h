/* `verdite run`: one machine, its console, the user's keys and signals, and the exit code. */
#ifndef FRONTEND_CLI_RUN_H
#define FRONTEND_CLI_RUN_H

#include "frontend/cli/options.h"

/* Returns the exit code; every message has been printed. */
int run_machine(const struct options *options);

#endif
