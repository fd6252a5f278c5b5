/* One instruction run by the host CPU itself. */
#include "tests/check/cpu/exec/native.h"

#include <stdlib.h>
#include <string.h>

uint64_t native_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed * UINT64_C(0x2545f4914f6cdd1d);
}

uint64_t native_seed(void)
{
    const char *text = getenv("SEED");

    return (text != NULL ? strtoull(text, NULL, 0) : 1) * 2 + UINT64_C(0x9e3779b97f4a7c15);
}

unsigned native_cases(unsigned standard)
{
    const char *text = getenv("N");

    return text != NULL && text[0] != '\0' ? (unsigned)strtoul(text, NULL, 0) : standard;
}

#if defined(__x86_64__)

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

static uint8_t *code_page;
static sigjmp_buf fault_return;
static struct native_state *running;
static volatile enum native_end fault_kind;

void native_enter(struct native_state *state, const void *code);

/* The whole register file but RSP comes from the state (rdi), then the code (rsi) is called, then
 * all goes back. */
__asm__(
    ".text\n"
    ".globl native_enter\n"
    "native_enter:\n"
    "  push %rbx\n  push %rbp\n  push %r12\n  push %r13\n  push %r14\n  push %r15\n"
    "  push %rdi\n"
    "  push %rsi\n"
    "  fxrstor64 144(%rdi)\n"
    "  push 128(%rdi)\n  popfq\n"
    "  mov 0(%rdi), %rax\n  mov 8(%rdi), %rcx\n  mov 16(%rdi), %rdx\n  mov 24(%rdi), %rbx\n"
    "  mov 40(%rdi), %rbp\n  mov 48(%rdi), %rsi\n"
    "  mov 64(%rdi), %r8\n  mov 72(%rdi), %r9\n  mov 80(%rdi), %r10\n  mov 88(%rdi), %r11\n"
    "  mov 96(%rdi), %r12\n  mov 104(%rdi), %r13\n  mov 112(%rdi), %r14\n  mov 120(%rdi), %r15\n"
    "  mov 56(%rdi), %rdi\n"
    "  call *(%rsp)\n"
    "  pushfq\n"
    "  push %rdi\n"
    "  mov 24(%rsp), %rdi\n"
    "  mov %rax, 0(%rdi)\n  mov %rcx, 8(%rdi)\n  mov %rdx, 16(%rdi)\n  mov %rbx, 24(%rdi)\n"
    "  mov %rbp, 40(%rdi)\n  mov %rsi, 48(%rdi)\n"
    "  mov %r8, 64(%rdi)\n  mov %r9, 72(%rdi)\n  mov %r10, 80(%rdi)\n  mov %r11, 88(%rdi)\n"
    "  mov %r12, 96(%rdi)\n  mov %r13, 104(%rdi)\n  mov %r14, 112(%rdi)\n  mov %r15, 120(%rdi)\n"
    "  pop 56(%rdi)\n"
    "  pop 128(%rdi)\n"
    "  fxsave64 144(%rdi)\n"
    "  cld\n  fninit\n"
    "  push $0x1f80\n  ldmxcsr (%rsp)\n  add $8, %rsp\n"
    "  add $16, %rsp\n"
    "  pop %r15\n  pop %r14\n  pop %r13\n  pop %r12\n  pop %rbp\n  pop %rbx\n"
    "  ret\n");

static void fault_handler(int signal_number, siginfo_t *info, void *context)
{
    static const uint8_t order[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                       REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                       REG_R12, REG_R13, REG_R14, REG_R15 };
    const ucontext_t *at = context;

    (void)info;
    for (unsigned i = 0; i < 16; i++) {
        if (i != 4) {
            running->gpr[i] = (uint64_t)at->uc_mcontext.gregs[order[i]];
        }
    }
    running->rflags = (uint64_t)at->uc_mcontext.gregs[REG_EFL];
    memcpy(running->fx, at->uc_mcontext.fpregs, sizeof(running->fx));
    fault_kind = signal_number == SIGFPE   ? NATIVE_FP_FAULT
                 : signal_number == SIGILL ? NATIVE_UD_FAULT
                                           : NATIVE_GP_FAULT;
    siglongjmp(fault_return, 1);
}

bool native_available(void)
{
    if (code_page == NULL) {
        void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        code_page = page == MAP_FAILED ? NULL : page;
    }
    return code_page != NULL;
}

enum native_end native_run(struct native_state *state, const void *bytes, size_t n)
{
    static const int signals[] = { SIGFPE, SIGSEGV, SIGBUS, SIGILL };
    struct sigaction old[4], action = { .sa_sigaction = fault_handler, .sa_flags = SA_SIGINFO };
    volatile enum native_end end = NATIVE_DONE;

    if (!native_available()) {
        abort();
    }
    memcpy(code_page, bytes, n);
    code_page[n] = 0xc3; /* ret */
    running = state;
    for (unsigned i = 0; i < 4; i++) {
        sigaction(signals[i], &action, &old[i]);
    }
    if (sigsetjmp(fault_return, 1) == 0) {
        native_enter(state, code_page);
    } else {
        end = fault_kind;
        __asm__ volatile("fninit; cld" ::: "memory");
        __builtin_ia32_ldmxcsr(0x1f80);
    }
    for (unsigned i = 0; i < 4; i++) {
        sigaction(signals[i], &old[i], NULL);
    }
    return end;
}

#else

bool native_available(void)
{
    return false;
}

enum native_end native_run(struct native_state *state, const void *bytes, size_t n)
{
    (void)state, (void)bytes, (void)n;
    abort();
}

#endif
