/* The user's terminal. [POSIX termios.h] */
#include "base/host/terminal.h"

#include <unistd.h>

void host_terminal_init(struct host_terminal *terminal)
{
    *terminal = (struct host_terminal){ .fd = STDIN_FILENO };
}

bool host_terminal_present(const struct host_terminal *terminal)
{
    /* A background job that touched the terminal would be stopped. */
    return isatty(terminal->fd) == 1 && tcgetpgrp(terminal->fd) == getpgrp();
}

bool host_terminal_raw(struct host_terminal *terminal)
{
    if (terminal->raw) {
        return true;
    }
    if (!host_terminal_present(terminal) || tcgetattr(terminal->fd, &terminal->saved) != 0) {
        return false;
    }
    struct termios raw = terminal->saved;
    raw.c_iflag &= ~(tcflag_t)(BRKINT | ICRNL | INLCR | IGNCR | INPCK | ISTRIP | IXON);
    raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON | IEXTEN | ISIG);
    raw.c_cflag = (raw.c_cflag & ~(tcflag_t)CSIZE) | CS8;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    terminal->raw = true; /* first: a signal may come between */
    if (tcsetattr(terminal->fd, TCSADRAIN, &raw) != 0) {
        terminal->raw = false;
    }
    return terminal->raw;
}

void host_terminal_restore(struct host_terminal *terminal)
{
    if (terminal->raw) {
        (void)tcsetattr(terminal->fd, TCSADRAIN, &terminal->saved);
        terminal->raw = false;
    }
}
