/* fuzz-cpu: random instructions on the host CPU and in verdite must leave the same state.
 * [tests/fuzz/cpu/README.md]
 *
 * From the environment: N cases, SEED, FIRST (index of the first case), OP (a row of ops.h), BITS,
 * JOBS, KEEP (go on after differences, this many reports). Exit: 0 agreed, 1 differences or rows
 * hit too seldom, 77 the host forbids it.
 */
#undef _GNU_SOURCE /* the C library's REG_* would clash with ours */
#define _DEFAULT_SOURCE
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"
#include "cpu/decode/op_info.h"
#include "cpu/x86/exception.h"
#include "tests/fuzz/cpu/case.h"

enum {
    CHUNK = 64,
    BATCH = 4096,
    STALL_SECONDS = 30,
    FULL_RUN = 5000000,
    HITS_WANTED = 1000,
    TEXT = 4096
};

/* Shared between the parent, which reports, and the workers. */
struct progress {
    uint64_t done, current, different, accepted;
    uint64_t unjudged; /* the host has memory of its own there */
    uint64_t hits[OP_COUNT], differences[OP_COUNT];
    uint32_t skipped_16, skipped_32;
    char refusal[128];
};

struct options {
    uint64_t n, seed, first, jobs, keep;
    int op;
    unsigned bits;
    bool blocks;
};

struct worker {
    const struct options *options;
    struct progress *progress;
    struct native *native;
    struct emulated *emulated;
    struct generator generator;
    struct case_memory memory;
    struct fuzz_case cases[CHUNK];
    struct fuzz_result host[CHUNK], ours[CHUNK];
};

/* ---- reports ---- */

static void case_print(const struct options *options, const struct fuzz_case *c, const char *text)
{
    char line[128];

    printf("%s: %u-bit ", c->steps == 0 ? op_info[c->insn.op].name : "sequence", c->bits);
    for (unsigned i = 0; i < c->n; i++) {
        printf("%02x ", c->bytes[i]);
    }
    for (unsigned at = 0; at < c->n;) {
        struct insn insn;
        if (decode_insn(c->bytes + at, c->n - at, (struct decode_mode){ c->bits, true }, &insn) !=
            DECODE_OK) {
            break;
        }
        insn_print(&insn, case_rip(c) + at, line, sizeof(line));
        printf("%s%s", at == 0 ? "" : "; ", line);
        at += insn.length;
    }
    printf("\n  %s\n  state:", text);
    for (unsigned i = 0; i < (c->bits == 64 ? 16u : 8u); i++) {
        printf(" %" PRIx64, c->gpr[i]);
    }
    printf(" flags %" PRIx64 " seg %u %u %u %u %u %u\n  fcw %02x%02x fsw %02x%02x ftw %02x mxcsr "
           "%02x%02x operand %" PRIx64 "\n",
           c->rflags, c->seg[0], c->seg[1], c->seg[2], c->seg[3], c->seg[4], c->seg[5], c->fx[1],
           c->fx[0], c->fx[3], c->fx[2], c->fx[FX_FTW], c->fx[FX_MXCSR + 1], c->fx[FX_MXCSR],
           c->operand);
    for (unsigned i = 0; i < 3; i++) {
        unsigned kind = c->insn.kind[i], n = c->insn.n[i];
        if (kind == OPERAND_XMM || kind == OPERAND_ST || kind == OPERAND_MMX) {
            unsigned top = c->fx[FX_FSW + 1] >> 3 & 7;
            unsigned at = kind == OPERAND_XMM  ? FX_XMM + 16 * n
                          : kind == OPERAND_ST ? FX_ST + 16 * n
                                               : FX_ST + 16 * ((n - top) & 7);
            printf("  operand %u:", i);
            for (unsigned b = kind == OPERAND_XMM ? 16 : 10; b-- > 0;) {
                printf("%02x", c->fx[at + b]);
            }
            printf("\n");
        }
    }
    printf("  repeat: make fuzz-cpu SEED=%" PRIu64 " FIRST=%" PRIu64 " N=1", options->seed,
           c->index);
    if (options->op >= 0) {
        printf(" OP=%s", op_info[options->op].name);
    }
    if (options->bits != 0) {
        printf(" BITS=%u", options->bits);
    }
    printf("%s\n", options->blocks ? " BLOCKS=1" : "");
    fflush(stdout);
}

/* In verdite. False: it faults where the host's process has memory of its own, so that the host can be no judge. */
static bool case_emulate(struct worker *w, const struct fuzz_case *c, struct fuzz_result *ours)
{
    emulated_run(w->emulated, c, ours);
    return ours->completed || ours->vector != VECTOR_PF || !native_owns(w->native, ours->address);
}

static enum verdict case_judge(struct worker *w, const struct fuzz_case *c, char *text)
{
    if (!case_emulate(w, c, &w->ours[0])) {
        return VERDICT_ACCEPTED;
    }
    native_run(w->native, c, &w->host[0], 1);
    return case_compare(c, &w->memory, &w->host[0], &w->ours[0], text, TEXT);
}

/* Make what does not matter zero: registers, flags, x87 and SSE values, while the case still fails.
 */
static void case_shrink(struct worker *w, struct fuzz_case *c)
{
    static const uint8_t default_fx[4] = { 0x7f, 0x03, 0, 0 };
    char text[TEXT];

    for (unsigned i = 0, at = 0; i < c->steps; at += c->step[i++].length) {
        struct fuzz_case tried = *c; /* NOPs for one instruction */

        memset(tried.bytes + at, 0x90, c->step[i].length);
        memset(tried.native + at, 0x90, c->step[i].length);
        tried.count = (uint8_t)(tried.count + c->step[i].length - 1);
        sequence_undefined(&tried);
        if (case_judge(w, &tried, text) == VERDICT_DIFFERENT) {
            *c = tried;
        }
    }
    for (unsigned step = 0; step < 16 + 16 + 8 + 2; step++) {
        struct fuzz_case tried = *c;

        if (step < 16) {
            tried.gpr[step] = 0;
        } else if (step < 32) {
            memset(tried.fx + FX_XMM + 16 * (step - 16), 0, 16);
        } else if (step < 40) {
            memset(tried.fx + FX_ST + 16 * (step - 32), 0, 16);
        } else if (step == 40) {
            tried.rflags = 0x202;
        } else {
            memcpy(tried.fx, default_fx, sizeof(default_fx));
        }
        tried.operand = case_operand(&tried);
        if (case_judge(w, &tried, text) == VERDICT_DIFFERENT) {
            *c = tried;
        }
    }
}

static void case_failed(struct worker *w, const struct fuzz_case *c, const char *first_text)
{
    uint64_t nth = __atomic_fetch_add(&w->progress->differences[c->insn.op], 1, __ATOMIC_RELAXED);
    uint64_t all = __atomic_fetch_add(&w->progress->different, 1, __ATOMIC_RELAXED);

    if (nth < (w->options->op >= 0 || c->steps != 0 ? 20 : 2) && all < 100000 &&
        w->options->keep > 0) {
        struct fuzz_case small = *c;
        char text[TEXT];

        case_shrink(w, &small);
        bool again = case_judge(w, &small, text) == VERDICT_DIFFERENT;
        case_print(w->options, &small, again ? text : first_text);
    }
}

/* ---- the work ---- */

static void chunk_run(struct worker *w, uint64_t first, size_t n)
{
    char text[TEXT], failed_text[TEXT];
    struct fuzz_case failed;
    bool fails = false;

    w->progress->current = first;
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        case_generate(&w->generator, first + i, &w->cases[kept]);
        if (case_emulate(w, &w->cases[kept], &w->ours[kept])) {
            kept++;
        } else {
            __atomic_fetch_add(&w->progress->unjudged, 1, __ATOMIC_RELAXED);
        }
    }
    native_run(w->native, w->cases, w->host, kept);
    for (size_t i = 0; i < kept; i++) {
        w->progress->current = w->cases[i].index;
        enum verdict verdict =
            case_compare(&w->cases[i], &w->memory, &w->host[i], &w->ours[i], text, TEXT);
        if (w->cases[i].steps == 0) {
            __atomic_fetch_add(&w->progress->hits[w->cases[i].insn.op], 1, __ATOMIC_RELAXED);
        }
        if (verdict == VERDICT_ACCEPTED) {
            __atomic_fetch_add(&w->progress->accepted, 1, __ATOMIC_RELAXED);
        } else if (verdict == VERDICT_DIFFERENT && !fails) {
            failed = w->cases[i];
            memcpy(failed_text, text, sizeof(text));
            fails = true;
        } else if (verdict == VERDICT_DIFFERENT) {
            __atomic_fetch_add(&w->progress->different, 1, __ATOMIC_RELAXED);
            __atomic_fetch_add(&w->progress->differences[w->cases[i].insn.op], 1, __ATOMIC_RELAXED);
        }
    }
    if (fails) {
        case_failed(w, &failed, failed_text); /* uses host[0] and ours[0] */
    }
    __atomic_fetch_add(&w->progress->done, n, __ATOMIC_RELAXED);
}

static int worker_run(struct worker *w, uint64_t job)
{
    const struct options *o = w->options;
    const char *why = "";

    w->native = native_create(&why);
    if (w->native == NULL) {
        snprintf(w->progress->refusal, sizeof(w->progress->refusal), "%s", why);
        return 77;
    }
    w->emulated = emulated_create();
    w->generator.can_16 = native_can(w->native, 16);
    w->generator.can_32 = native_can(w->native, 32);
    w->progress->skipped_16 = !w->generator.can_16;
    w->progress->skipped_32 = !w->generator.can_32;
    if (o->bits != 0 && !native_can(w->native, o->bits)) {
        snprintf(w->progress->refusal, sizeof(w->progress->refusal), "no %u-bit code on this host",
                 o->bits);
        return 77;
    }
    uint64_t end = o->first + o->n;
    for (uint64_t batch = o->first / BATCH; batch * BATCH < end; batch++) {
        if (batch % o->jobs != job) {
            continue;
        }
        memory_generate(&w->memory, o->seed, batch);
        native_memory(w->native, &w->memory);
        emulated_memory(w->emulated, &w->memory);
        uint64_t from = batch * BATCH < o->first ? o->first : batch * BATCH;
        uint64_t to = (batch + 1) * BATCH < end ? (batch + 1) * BATCH : end;
        for (; from < to; from += CHUNK) {
            chunk_run(w, from, to - from < CHUNK ? to - from : CHUNK);
            if (w->progress->different > 0 && o->keep == 0) {
                return 1;
            }
        }
    }
    return 0;
}

static void processor_stay(unsigned job)
{
    unsigned long mask[16], one[16] = { 0 };
    long bytes = syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask);
    unsigned last = 0, seen = 0;

    for (unsigned cpu = 0; bytes > 0 && cpu < 8 * (unsigned)bytes && seen <= job; cpu++) {
        if (mask[cpu / 64] >> cpu % 64 & 1) {
            last = cpu;
            seen++;
        }
    }
    one[last / 64] = 1ul << last % 64;
    (void)syscall(SYS_sched_setaffinity, 0, sizeof(one), one);
}

static int worker_fork(const struct options *options, struct progress *progress, uint64_t job)
{
    pid_t child = fork();

    if (child != 0) {
        return child;
    }
    /* The kernel keeps the processor's number in a descriptor: stay on one. */
    processor_stay((unsigned)job);
    struct worker *w = calloc(1, sizeof(*w));
    struct template_list list;
    if (w == NULL) {
        _exit(1);
    }
    templates_list(&list);
    w->options = options;
    w->progress = progress;
    w->generator = (struct generator){ .templates = &list,
                                       .memory = &w->memory,
                                       .seed = options->seed,
                                       .bits = options->bits,
                                       .op = options->op,
                                       .blocks = options->blocks };
    int status = worker_run(w, job);
    fflush(stdout);
    _exit(status);
}

/* 0, 1 (failed), 77: of one worker. Kills it when it does not get on. */
static int worker_wait(const struct options *options, struct progress *progress, pid_t child)
{
    uint64_t last = UINT64_MAX;
    unsigned still = 0;
    int status = 0;

    while (waitpid(child, &status, WNOHANG) == 0) {
        usleep(still == 0 ? 20000 : 200000);
        uint64_t done = __atomic_load_n(&progress->done, __ATOMIC_RELAXED);
        still = done == last ? still + 1 : 0;
        last = done;
        if (still > STALL_SECONDS * 5) {
            printf("stalled after case %" PRIu64 ": SEED=%" PRIu64 "\n", progress->current,
                   options->seed);
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
            return 1;
        }
    }
    if (WIFEXITED(status)) {
        return WEXITSTATUS(status);
    }
    printf("worker died (signal %d) at case %" PRIu64 "\n  repeat: make fuzz-cpu SEED=%" PRIu64
           " FIRST=%" PRIu64 " N=%d\n",
           WTERMSIG(status), progress->current, options->seed, progress->current, CHUNK);
    return 1;
}

static bool hits_suffice(const struct options *options, const struct progress *progress)
{
    bool ok = true;

    for (unsigned op = 0; op < OP_COUNT; op++) {
        bool judged = op_info[op].oracle == ORACLE_HOST || op_info[op].oracle == ORACLE_HOST_MASKED;
        if (getenv("VERBOSE") != NULL && judged) {
            printf("%-12s %10" PRIu64 " cases %10" PRIu64 " differences\n", op_info[op].name,
                   progress->hits[op], progress->differences[op]);
        } else if (progress->differences[op] > 0) {
            printf("%-12s %10" PRIu64 " differences in %" PRIu64 " cases\n", op_info[op].name,
                   progress->differences[op], progress->hits[op]);
        }
        if (judged && options->n >= FULL_RUN && options->op < 0 && !options->blocks &&
            progress->hits[op] < HITS_WANTED) {
            printf("%s: hit only %" PRIu64 " times\n", op_info[op].name, progress->hits[op]);
            ok = false;
        }
    }
    return ok;
}

static uint64_t number(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? strtoull(value, NULL, 0) : otherwise;
}

static bool options_read(struct options *options)
{
    const char *op = getenv("OP");

    *options = (struct options){ .n = number("N", 100000),
                                 .seed = number("SEED", 1),
                                 .first = number("FIRST", 0),
                                 .jobs = number("JOBS", 1),
                                 .keep = number("KEEP", 1),
                                 .op = -1,
                                 .bits = (unsigned)number("BITS", 0),
                                 .blocks = number("BLOCKS", 0) != 0 };
    for (unsigned i = 0; op != NULL && i < OP_COUNT; i++) {
        if (strcmp(op_info[i].name, op) == 0) {
            options->op = (int)i;
        }
    }
    if ((op != NULL && op[0] != '\0' && options->op < 0) || options->jobs == 0 ||
        options->jobs > 64) {
        printf("OP must be a row of cpu/decode/ops.h, JOBS 1 to 64\n");
        return false;
    }
    return true;
}

int main(void)
{
    struct progress *progress =
        mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct options options;
    pid_t children[64];
    struct timespec start, end;
    int worst = 0;

    if (progress == MAP_FAILED || !options_read(&options)) {
        return 2;
    }
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (uint64_t job = 0; job < options.jobs; job++) {
        children[job] = worker_fork(&options, progress, job);
    }
    for (uint64_t job = 0; job < options.jobs; job++) {
        int status = worker_wait(&options, progress, children[job]);
        worst = status > worst ? status : worst;
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    if (worst == 77) {
        printf("fuzz-cpu: skipped: %s\n", progress->refusal);
        return 77;
    }
    bool enough = hits_suffice(&options, progress);
    printf("fuzz-cpu: seed %" PRIu64 ": %" PRIu64 " cases, %" PRIu64 " differences, %" PRIu64
           " accepted, %" PRIu64 " in memory of the host's process, %.1f s%s%s\n",
           options.seed, progress->done, progress->different, progress->accepted,
           progress->unjudged,
           (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9,
           progress->skipped_16 ? "; no 16-bit code on this host: skipped" : "",
           progress->skipped_32 ? "; no 32-bit code on this host: skipped" : "");
    return worst != 0 || progress->different != 0 || !enough;
}
