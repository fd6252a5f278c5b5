/* The host's #XM, by its signal. */
#include "tests/check/cpu/exec/fpe_catch.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>

#ifdef __x86_64__

#include <ucontext.h>

static volatile uint32_t raised_mxcsr;

static void on_fpe(int number, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;

    (void)number, (void)info;
    raised_mxcsr = uc->uc_mcontext.fpregs->mxcsr;
    uc->uc_mcontext.fpregs->mxcsr |= 0x1f80;
}

int fpe_catch(void)
{
    struct sigaction action = { .sa_sigaction = on_fpe, .sa_flags = SA_SIGINFO };

    return sigaction(SIGFPE, &action, NULL) == 0 ? 0 : errno;
}

uint32_t fpe_take(void)
{
    uint32_t mxcsr = raised_mxcsr;

    raised_mxcsr = 0;
    return mxcsr;
}

#else

int fpe_catch(void)
{
    return ENOSYS;
}

uint32_t fpe_take(void)
{
    return 0;
}

#endif
