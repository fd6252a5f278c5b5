/* Machine files: INI, read by libinih, with the keys of the command line. docs/machine-files.md */
#ifndef FRONTEND_CLI_MACHINE_FILE_H
#define FRONTEND_CLI_MACHINE_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/compiler.h"
#include "base/error.h"
#include "frontend/cli/options.h"

/* Was verdite built with libinih? */
bool machine_file_built(void);

/* Give the options what the file says; options->file is its name in messages. 0, -errno of the file, or -EINVAL with
 * "FILE:LINE: message". */
WARN_UNUSED int machine_file_read(struct options *options, const char *path, struct error *error);
/* The same for a text of n bytes, which is changed. */
WARN_UNUSED int machine_file_parse(struct options *options, char *text, size_t n, struct error *error);

/* Print the whole of settled options as a machine file that gives the same. -EINVAL: a value cannot be written in one. */
WARN_UNUSED int machine_file_print(const struct options *options, FILE *out, struct error *error);

#endif
