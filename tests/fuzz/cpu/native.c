/* The host CPU runs the cases: each starts from a signal frame and ends in the next signal. [SDM 3A
 * 6; sigreturn(2)]
 *
 * native_run raises a first signal; its handler keeps the frame, fills it with the first case and
 * returns into it. Every case ends in a fault of its own or in the INT3 that follows it; the
 * handler reads the frame, prepares the next case in it and, after the last, puts back what it
 * kept. The kernel loads CS and SS from the frame, so 32-bit and 16-bit code need no far jump; the
 * other segment registers are loaded in the handler, where they do no harm. The handler finds its
 * object at the foot of the aligned alternate stack. FS is the C library's: it is put back first.
 */
#undef _GNU_SOURCE /* the C library's REG_* would clash with ours */
#define _DEFAULT_SOURCE
#include "tests/fuzz/cpu/case.h"

#include <asm/ldt.h>
#include <cpuid.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/compiler.h"
#include "cpu/decode/op_info.h"

#if defined(__x86_64__)

/* The kernel's order of registers in a signal frame. [asm/sigcontext.h] */
enum {
    FRAME_R8,
    FRAME_R9,
    FRAME_R10,
    FRAME_R11,
    FRAME_R12,
    FRAME_R13,
    FRAME_R14,
    FRAME_R15,
    FRAME_RDI,
    FRAME_RSI,
    FRAME_RBP,
    FRAME_RBX,
    FRAME_RDX,
    FRAME_RAX,
    FRAME_RCX,
    FRAME_RSP,
    FRAME_RIP,
    FRAME_FLAGS,
    FRAME_CSGSFS,
    FRAME_ERROR,
    FRAME_TRAPNO,
    FRAME_OLDMASK,
    FRAME_CR2,
};

enum {
    STACK_BYTES = 1 << 16,
    HWCAP2_FSGSBASE_BIT = 1 << 1,
    FRAME_XSTATE_BV = 512,
    FRAME_YMM = 576,
    MAPS = 64,
};

struct native {
    uint8_t *stack;
    uint8_t *code; /* writable alias of the code page */
    uint8_t *read_only;
    const struct case_memory *memory;
    const struct fuzz_case *cases;
    struct fuzz_result *results;
    size_t n, at;         /* at: 0 outside of a run, else 1 + index of the running case */
    uint16_t selector[6]; /* read on entry to the handler */
    uint64_t fs_base, gs_base;
    gregset_t kept;
    uint8_t kept_fx[CASE_FX_USED];
    uint64_t kept_fs_base;
    bool can_16, can_32;
    struct {
        uint64_t first, last;
    } map[MAPS]; /* what the process has mapped besides the case's pages */
    size_t n_maps;
};

/* Our register numbers in the kernel's order. */
static const uint8_t frame_gpr[16] = { FRAME_RAX, FRAME_RCX, FRAME_RDX, FRAME_RBX,
                                       FRAME_RSP, FRAME_RBP, FRAME_RSI, FRAME_RDI,
                                       FRAME_R8,  FRAME_R9,  FRAME_R10, FRAME_R11,
                                       FRAME_R12, FRAME_R13, FRAME_R14, FRAME_R15 };

static ALWAYS_INLINE struct native *native_self(void)
{
    uintptr_t stack = (uintptr_t)__builtin_frame_address(0) & ~(uintptr_t)(STACK_BYTES - 1);

    return *(struct native **)stack;
}

static ALWAYS_INLINE void segments_load(const struct fuzz_case *c)
{
    uint16_t ds = case_segments[c->seg[SEG_DS]].selector,
             es = case_segments[c->seg[SEG_ES]].selector;
    uint16_t fs = case_segments[c->seg[SEG_FS]].selector,
             gs = case_segments[c->seg[SEG_GS]].selector;

    __asm__ volatile("mov %0, %%ds\n\tmov %1, %%es\n\tmov %2, %%fs\n\tmov %3, %%gs"
                     :
                     : "r"(ds), "r"(es), "r"(fs), "r"(gs)
                     : "memory");
    if (c->bits == 64) {
        __asm__ volatile("wrfsbase %0\n\twrgsbase %1"
                         :
                         : "r"(c->fs_base), "r"(c->gs_base)
                         : "memory");
    }
}

/* What the kernel says of the frame in bytes that FXSAVE leaves to software. [asm/sigcontext.h _fpx_sw_bytes] */
static bool frame_has_ymm(const uint8_t *fx)
{
    uint32_t magic;
    uint64_t components;

    memcpy(&magic, fx + 464, sizeof(magic));
    memcpy(&components, fx + 472, sizeof(components));
    return magic == 0x46505853 && components & 4;
}

static void case_enter(struct native *native, ucontext_t *frame)
{
    const struct fuzz_case *c = &native->cases[native->at - 1];
    greg_t *gregs = frame->uc_mcontext.gregs;
    uint8_t *fx = (uint8_t *)frame->uc_mcontext.fpregs;
    uint64_t cs = case_segments[c->seg[SEG_CS]].selector,
             ss = case_segments[c->seg[SEG_SS]].selector;

    for (unsigned i = 0; i < c->n; i++) {
        native->code[c->code_offset + i] = c->native[i];
    }
    for (unsigned i = 0; i < 16; i++) {
        gregs[frame_gpr[i]] = (greg_t)c->gpr[i];
    }
    gregs[FRAME_RIP] = (greg_t)case_rip(c);
    gregs[FRAME_FLAGS] = (greg_t)c->rflags;
    gregs[FRAME_CSGSFS] = (greg_t)(cs | ss << 48);
    memcpy(fx, c->fx, CASE_FX_USED);
    uint64_t components;
    memcpy(&components, fx + FRAME_XSTATE_BV, sizeof(components));
    components |= 3;
    if (frame_has_ymm(fx)) {
        components |= 4;
        memcpy(fx + FRAME_YMM, c->ymm, CASE_YMM);
    }
    memcpy(fx + FRAME_XSTATE_BV, &components, sizeof(components));
    segments_load(c);
}

static ALWAYS_INLINE void segments_read(struct native *native)
{
    __asm__ volatile("mov %%ds, %0\n\tmov %%es, %1\n\tmov %%fs, %2\n\tmov %%gs, %3"
                     : "=m"(native->selector[SEG_DS]), "=m"(native->selector[SEG_ES]),
                       "=m"(native->selector[SEG_FS]), "=m"(native->selector[SEG_GS]));
    __asm__ volatile("rdfsbase %0\n\trdgsbase %1" : "=r"(native->fs_base), "=r"(native->gs_base));
}

static void case_leave(struct native *native, const ucontext_t *frame, bool looped)
{
    const struct fuzz_case *c = &native->cases[native->at - 1];
    struct fuzz_result *result = &native->results[native->at - 1];
    const greg_t *gregs = frame->uc_mcontext.gregs;
    uint64_t start = case_rip(c), rip = (uint64_t)gregs[FRAME_RIP];
    unsigned vector = (unsigned)gregs[FRAME_TRAPNO];

    for (unsigned i = 0; i < 16; i++) {
        result->gpr[i] = (uint64_t)gregs[frame_gpr[i]];
    }
    result->rflags = (uint64_t)gregs[FRAME_FLAGS];
    result->vector = (uint8_t)vector;
    result->error = (uint32_t)gregs[FRAME_ERROR];
    result->address = (uint64_t)gregs[FRAME_CR2];
    result->rip = rip;
    memcpy(result->selector, native->selector, sizeof(result->selector));
    result->selector[SEG_CS] = (uint16_t)gregs[FRAME_CSGSFS];
    result->selector[SEG_SS] = (uint16_t)((uint64_t)gregs[FRAME_CSGSFS] >> 48);
    result->fs_base = native->fs_base;
    result->gs_base = native->gs_base;
    result->looped = looped;
    result->completed = false;
    if (vector == 3) {
        result->rip = rip - 1;
        result->completed = true; /* the INT3 behind it, or where it jumped to */
    } else if (vector != 4 && (result->selector[SEG_CS] != case_segments[c->seg[SEG_CS]].selector ||
                               (c->steps == 0 ? rip != start : rip - start >= c->n))) {
        result->completed = true; /* fetching at the new RIP failed */
    }
    const uint8_t *fx = (const uint8_t *)frame->uc_mcontext.fpregs;

    memcpy(result->fx, fx, CASE_FX_USED);
    memset(result->ymm, 0, CASE_YMM);
    if (frame_has_ymm(fx) && fx[FRAME_XSTATE_BV] & 4) {
        memcpy(result->ymm, fx + FRAME_YMM, CASE_YMM);
    }
    result_memory(result, (uint8_t *)(uintptr_t)CASE_DATA, native->memory);
    for (unsigned i = 0; i < c->n; i++) {
        native->code[c->code_offset + i] = 0xcc;
    }
}

static void native_signal(int signal, siginfo_t *info, void *context)
{
    struct native *native = native_self();
    ucontext_t *frame = context;

    (void)info;
    if (signal == SIGVTALRM && native->at == 0) {
        return;
    }
    /* NT, AC and ID of a case must not reach the kernel's return path or the next case. */
    __asm__ volatile("pushq $0x202\n\tpopfq" ::: "cc", "memory");
    if (native->at == 0) {
        __asm__ volatile("rdfsbase %0" : "=r"(native->kept_fs_base));
        memcpy(native->kept, frame->uc_mcontext.gregs, sizeof(native->kept));
        memcpy(native->kept_fx, frame->uc_mcontext.fpregs, sizeof(native->kept_fx));
    } else {
        segments_read(native);
        __asm__ volatile("mov %0, %%fs\n\twrfsbase %1"
                         :
                         : "r"(0), "r"(native->kept_fs_base)
                         : "memory");
        case_leave(native, frame, signal == SIGVTALRM);
    }
    if (native->at++ < native->n) {
        case_enter(native, frame);
        return;
    }
    native->at = 0;
    memcpy(frame->uc_mcontext.gregs, native->kept, sizeof(native->kept));
    memcpy(frame->uc_mcontext.fpregs, native->kept_fx, sizeof(native->kept_fx));
    __asm__ volatile("mov %0, %%ds\n\tmov %0, %%es\n\tmov %0, %%gs" : : "r"(0) : "memory");
}

void native_memory(struct native *native, const struct case_memory *memory)
{
    native->memory = memory;
    memcpy((uint8_t *)(uintptr_t)CASE_DATA, memory->data, CASE_DATA_SIZE);
    memcpy(native->read_only, memory->read_only, CASE_PAGE);
    /* Present from now on: the first access must not be seen as a missing page. */
    (void)*(volatile uint8_t *)(uintptr_t)CASE_READ_ONLY;
    (void)*(volatile uint8_t *)(uintptr_t)CASE_CODE;
}

void native_run(struct native *native, const struct fuzz_case *cases, struct fuzz_result *results,
                size_t n)
{
    native->cases = cases;
    native->results = results;
    native->n = n;
    native->at = 0;
    if (n > 0) {
        /* An indirect branch may find its own instruction: more than this much work is a loop. */
        struct itimerval limit = { .it_value = { .tv_usec = 100000 },
                                   .it_interval = { .tv_usec = 100000 } },
                         off = { 0 };
        setitimer(ITIMER_VIRTUAL, &limit, NULL);
        __asm__ volatile("int3" ::: "memory");
        setitimer(ITIMER_VIRTUAL, &off, NULL);
    }
}

bool native_can(const struct native *native, unsigned bits)
{
    return bits == 64 || (bits == 32 ? native->can_32 : native->can_16);
}

bool native_descriptor(uint16_t selector, uint32_t *attributes, uint32_t *limit)
{
    uint32_t given = selector;
    bool visible;

    *attributes = 0;
    *limit = 0;
    __asm__ volatile("lar %3, %0\n\tsetz %1\n\tlsl %3, %2"
                     : "+r"(*attributes), "=&q"(visible), "+r"(*limit)
                     : "r"(given)
                     : "cc");
    *attributes = *attributes >> 8 & 0xf0ff;
    return visible;
}

/* ---- setting up ---- */

static bool ldt_entry(unsigned entry, const struct case_segment *segment)
{
    bool code = segment->attributes & SEG_CODE;
    struct user_desc descriptor = {
        .entry_number = entry,
        .base_addr = segment->base,
        .limit = segment->attributes & SEG_G ? segment->limit >> 12 : segment->limit,
        .limit_in_pages = (segment->attributes & SEG_G) != 0,
        .seg_not_present = !(segment->attributes & SEG_P),
        .seg_32bit = (segment->attributes & SEG_DB) != 0,
        .contents = code                                    ? 2
                    : segment->attributes & SEG_EXPAND_DOWN ? 1
                                                            : 0,
        .read_exec_only = !(segment->attributes & SEG_WRITABLE),
        .useable = 1,
    };

    return syscall(SYS_modify_ldt, 1, &descriptor, sizeof(descriptor)) == 0;
}

static bool ldt_load(void)
{
    for (unsigned i = 0; i < CASE_SEGS; i++) {
        if (case_segments[i].selector & 4 &&
            !ldt_entry(case_segments[i].selector >> 3, &case_segments[i])) {
            return false;
        }
    }
    return true;
}

static void *pages_map(uint64_t address, size_t length, int protection, int fd)
{
    int fixed = address != 0 ? MAP_FIXED_NOREPLACE : 0;
    int kind = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
    void *pages =
        mmap((void *)(uintptr_t)address, length, protection, kind | fixed, fd, 0); // NOLINT

    return pages == MAP_FAILED ? NULL : pages;
}

static bool native_pages(struct native *native)
{
    int code = (int)syscall(SYS_memfd_create, "code", 0),
        read_only = (int)syscall(SYS_memfd_create, "read only", 0);
    bool ok = code >= 0 && read_only >= 0 && ftruncate(code, CASE_PAGE) == 0 &&
              ftruncate(read_only, CASE_PAGE) == 0;

    ok = ok && pages_map(CASE_DATA, CASE_DATA_SIZE, PROT_READ | PROT_WRITE, -1) != NULL &&
         pages_map(CASE_CODE, CASE_PAGE, PROT_READ | PROT_EXEC, code) != NULL &&
         pages_map(CASE_READ_ONLY, CASE_PAGE, PROT_READ, read_only) != NULL &&
         (native->code = pages_map(0, CASE_PAGE, PROT_READ | PROT_WRITE, code)) != NULL &&
         (native->read_only = pages_map(0, CASE_PAGE, PROT_READ | PROT_WRITE, read_only)) != NULL;
    if (ok) {
        memset(native->code, 0xcc, CASE_PAGE);
    }
    return ok;
}

static bool native_handlers(struct native *native)
{
    static const int signals[] = { SIGTRAP, SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGVTALRM };
    struct sigaction action = { .sa_sigaction = native_signal,
                                .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
    stack_t stack = { .ss_size = STACK_BYTES - 4096 };

    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGVTALRM);
    native->stack = aligned_alloc(STACK_BYTES, STACK_BYTES);
    if (native->stack == NULL) {
        return false;
    }
    memcpy(native->stack, &native, sizeof(native));
    stack.ss_sp = native->stack + 4096;
    bool ok = sigaltstack(&stack, NULL) == 0;
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        ok = ok && sigaction(signals[i], &action, NULL) == 0;
    }
    return ok;
}

/* Can the kernel return to a NOP in code of this width? */
static bool native_try(struct native *native, const struct case_memory *memory, unsigned bits,
                       unsigned segment)
{
    struct fuzz_case c = { .bits = (uint8_t)bits, .n = 1, .native = { 0x90 }, .rflags = 0x202 };
    struct fuzz_result result = { 0 };

    c.fx[FX_FCW] = 0x7f;
    c.fx[FX_FCW + 1] = 3;
    c.fx[FX_MXCSR] = 0x80;
    c.fx[FX_MXCSR + 1] = 0x1f;
    c.seg[SEG_CS] = (uint8_t)segment;
    c.seg[SEG_SS] = CASE_SEG_FLAT;
    native_memory(native, memory);
    native_run(native, &c, &result, 1);
    return result.completed && result.rip == case_rip(&c) + 1;
}

/* The kernel maps more below a stack when it is touched there. */
static void native_maps(struct native *native)
{
    const uint64_t grows = UINT64_C(16) << 20;
    char line[512];
    FILE *file = fopen("/proc/self/maps", "r");

    while (file != NULL && native->n_maps < MAPS && fgets(line, sizeof(line), file) != NULL) {
        uint64_t first, end;
        if (sscanf(line, "%" SCNx64 "-%" SCNx64, &first, &end) == 2 && first != CASE_DATA &&
            first != CASE_READ_ONLY && first != CASE_CODE) {
            native->map[native->n_maps].first = first - grows;
            native->map[native->n_maps++].last = end + grows;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

bool native_owns(const struct native *native, uint64_t address)
{
    for (size_t i = 0; i < native->n_maps; i++) {
        if (address >= native->map[i].first && address <= native->map[i].last) {
            return true;
        }
    }
    return false;
}

struct native *native_create(const char **why)
{
    struct native *native = calloc(1, sizeof(*native));
    struct case_memory *memory = calloc(1, sizeof(*memory));

    if (native == NULL || memory == NULL) {
        *why = "no memory";
    } else if (!(getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE_BIT)) {
        *why = "the kernel keeps WRFSBASE from programs";
    } else if (!native_pages(native)) {
        *why = "the fixed pages cannot be mapped (executable, at 0x10000000 and 0x20000000)";
    } else if (!native_handlers(native)) {
        *why = "no alternate signal stack";
    } else if (!native_try(native, memory, 64, CASE_SEG_CODE_64)) {
        *why = "a NOP does not come back from a signal frame";
    } else {
        bool ldt = ldt_load();

        native->can_32 = ldt && native_try(native, memory, 32, CASE_SEG_CODE_32);
        native->can_16 = ldt && native_try(native, memory, 16, CASE_SEG_CODE_16);
        native_maps(native);
        free(memory);
        return native;
    }
    free(memory);
    free(native);
    return NULL;
}

bool native_knows(unsigned needs)
{
    uint32_t a, b, c, d, unused;
    bool leaf7 = __get_cpuid_count(7, 0, &a, &b, &unused, &d) != 0;

    if (needs < OP_NEEDS_AVX || needs > OP_NEEDS_SHA) {
        return true;
    }
    if (!leaf7 || __get_cpuid(1, &a, &unused, &c, &d) == 0) {
        return false;
    }
    bool avx = (c >> 27 & 3) == 3 && __builtin_cpu_supports("avx"); /* and the kernel does */

    switch (needs) {
    case OP_NEEDS_AVX:
        return avx;
    case OP_NEEDS_AVX2:
        return avx && b >> 5 & 1;
    case OP_NEEDS_FMA:
        return avx && c >> 12 & 1;
    case OP_NEEDS_F16C:
        return avx && c >> 29 & 1;
    case OP_NEEDS_BMI1:
        return b >> 3 & 1;
    case OP_NEEDS_BMI2:
        return b >> 8 & 1;
    case OP_NEEDS_ADX:
        return b >> 19 & 1;
    case OP_NEEDS_AES:
        return c >> 25 & 1;
    case OP_NEEDS_PCLMULQDQ:
        return c >> 1 & 1;
    default:
        return b >> 29 & 1; /* SHA */
    }
}

#else

bool native_knows(unsigned needs)
{
    (void)needs;
    return false;
}

bool native_descriptor(uint16_t selector, uint32_t *attributes, uint32_t *limit)
{
    (void)selector, (void)attributes, (void)limit;
    return false;
}

bool native_owns(const struct native *native, uint64_t address)
{
    (void)native, (void)address;
    return false;
}

struct native *native_create(const char **why)
{
    *why = "the host is no x86-64";
    return NULL;
}

#endif
