/* --help and the man page, from the tables of keys, exit codes and escapes. */
#ifndef FRONTEND_CLI_HELP_H
#define FRONTEND_CLI_HELP_H

#include <stdio.h>

#include "frontend/cli/suggest.h"

#define VERDITE_VERSION "0.1.0"

void help_print(FILE *out, suggest_name cpu_model);
void help_print_man(FILE *out, suggest_name cpu_model); /* roff for man(1) */

#endif
