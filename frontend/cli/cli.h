/* The program's commands. */
#ifndef FRONTEND_CLI_CLI_H
#define FRONTEND_CLI_CLI_H

/* Returns the exit code. */
int cli_main(int argc, char **argv);

#endif
