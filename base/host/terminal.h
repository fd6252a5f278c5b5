/* The user's terminal: raw while a guest has it, as it was on every way out. */
#ifndef BASE_HOST_TERMINAL_H
#define BASE_HOST_TERMINAL_H

#include <stdbool.h>
#include <termios.h>

struct host_terminal {
    int fd;
    bool raw; /* changed by us and not yet restored */
    struct termios saved;
};

/* Nothing is changed yet. */
void host_terminal_init(struct host_terminal *terminal);
/* Whether standard input is a terminal that this process is in the foreground of. */
bool host_terminal_present(const struct host_terminal *terminal);
/* Every key goes to us as bytes, no echo, no signals. False when it is no terminal of ours. */
bool host_terminal_raw(struct host_terminal *terminal);
/* As it was. May be called from a signal handler, any number of times. */
void host_terminal_restore(struct host_terminal *terminal);

#endif
