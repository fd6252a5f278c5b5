/* How the program tells a script what became of the guest. */
#ifndef FRONTEND_CLI_EXIT_CODE_H
#define FRONTEND_CLI_EXIT_CODE_H

enum exit_code {
    EXIT_CODE_OK = 0,
    EXIT_CODE_FAILURE = 1,
    EXIT_CODE_USAGE = 2,
    EXIT_CODE_SKIPPED = 77,
    EXIT_CODE_BUG = 99,
    EXIT_CODE_PANIC = 120,
    EXIT_CODE_TRIPLE_FAULT = 121,
    EXIT_CODE_INSTRUCTION_LIMIT = 122,
    EXIT_CODE_TIMEOUT = 124,
    EXIT_CODE_INTERRUPTED = 130, /* 128 + SIGINT */
    EXIT_CODE_TERMINATED = 143,  /* 128 + SIGTERM */
};

struct exit_code_row {
    enum exit_code code;
    const char *meaning;
};

/* For --help and the man page; n rows. */
extern const struct exit_code_row exit_code_rows[];
extern const unsigned exit_code_n;

#endif
