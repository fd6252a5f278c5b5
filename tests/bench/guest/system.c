/* What crosses into the guest's kernel. [LINUX man 2] */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernels.h"

static uint64_t syscalls(uint64_t count)
{
    uint64_t done = 0;

    while (count-- > 0) {
        done += syscall(SYS_getppid) >= 0;
    }
    return done;
}

/* How often time went back: never. */
static uint64_t clock_row(uint64_t count)
{
    struct timespec last = { 0 }, now;
    uint64_t back = 0;

    while (count-- > 0) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        back +=
            now.tv_sec < last.tv_sec || (now.tv_sec == last.tv_sec && now.tv_nsec < last.tv_nsec);
        last = now;
    }
    return back;
}

/* A byte to another process and back. */
static uint64_t pipe_row(uint64_t count)
{
    int there[2], back[2];
    uint64_t done = 0;
    uint8_t byte = 1;

    if (pipe(there) != 0 || pipe(back) != 0) {
        exit(1);
    }
    pid_t child = fork();
    if (child == 0) {
        close(there[1]);
        while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1) {
        }
        _exit(0);
    }
    while (count-- > 0 && write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1) {
        done++;
    }
    close(there[1]);
    waitpid(child, NULL, 0);
    close(there[0]);
    close(back[0]);
    close(back[1]);
    return done;
}

static uint64_t fork_row(uint64_t count)
{
    uint64_t hash = 0;

    for (uint64_t i = 0; i < count; i++) {
        int status = 0;
        pid_t child = fork();
        if (child == 0) {
            _exit((int)(i % 100));
        }
        waitpid(child, &status, 0);
        hash = mix(hash, (uint64_t)WEXITSTATUS(status));
    }
    return hash;
}

static uint64_t exec_row(uint64_t count)
{
    uint64_t done = 0;

    while (count-- > 0) {
        int status = 1;
        pid_t child = fork();
        if (child == 0) {
            execl("/bin/kernels", "kernels", "nothing", "1", (char *)NULL);
            _exit(1);
        }
        waitpid(child, &status, 0);
        done += status == 0;
    }
    return done;
}

static uint64_t nothing(uint64_t count)
{
    return count;
}

static volatile uint64_t signals;
static uint8_t *guarded;

static void count_signal(int number)
{
    (void)number;
    signals++;
}

static uint64_t signal_row(uint64_t count)
{
    signals = 0;
    signal(SIGUSR1, count_signal);
    while (count-- > 0) {
        raise(SIGUSR1);
    }
    return signals;
}

static void open_page(int number)
{
    (void)number;
    signals++;
    mprotect(guarded, 4096, PROT_READ | PROT_WRITE);
}

static uint64_t segv(uint64_t count)
{
    signals = 0;
    guarded = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (guarded == MAP_FAILED) {
        exit(1);
    }
    signal(SIGSEGV, open_page);
    while (count-- > 0) {
        *(volatile uint8_t *)guarded = 1;
        mprotect(guarded, 4096, PROT_READ);
    }
    munmap(guarded, 4096);
    return signals;
}

const struct kernel system_kernels[] = {
    { "syscall", syscalls },  { "clock", clock_row }, { "pipe", pipe_row },
    { "fork", fork_row },     { "exec", exec_row },   { "nothing", nothing },
    { "signal", signal_row }, { "segv", segv },       { NULL, NULL },
};
