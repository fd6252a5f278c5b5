/* Both engines in lock step: stretches of translated code, undone, interpreted and compared. [cpu/lockstep.h]
 *
 * A stretch runs in a closed room: core.ops are those of `outside_ops`, which unwind the instruction before anything has happened,
 * and the MMU's journal does the same for memory that cannot be undone. So a stretch is a function of the core's state and of
 * RAM, and running it twice gives the same, unless one of the engines is wrong.
 */
#include "cpu/lockstep.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cpu/block.h"
#include "cpu/lockstep_compare.h"
#include "cpu/run.h"
#include "mmu/journal.h"

enum { REPORT_BYTES = 16384, LENGTH_MOST = 255 };

struct lockstep {
    struct core *core;
    struct mmu_journal *journal;
    struct lockstep_counts counts;
    uint64_t random;
    /* The stretch under way. */
    enum core_unwind how;
    bool outside; /* an instruction asked for something outside */
    bool paging;  /* paging changed: others would have been told */
    uint64_t start, length;
    int64_t budget;
    struct lockstep_end translated, interpreted;
    struct paging saved_paging;
    _Alignas(16) uint8_t saved[LOCKSTEP_SAVED];
    bool repeatable;
    char seen[REPORT_BYTES / 2];
    char report[REPORT_BYTES];
};

/* ---- calls upward inside a stretch ---- */

static enum core_status outside_asked(void *owner)
{
    ((struct lockstep *)owner)->outside = true;
    return CORE_SUSPEND;
}

static NORETURN void outside_unwind(void *owner)
{
    struct lockstep *lockstep = owner;

    lockstep->outside = true;
    core_suspend(lockstep->core);
}

static enum core_status outside_port_read(void *owner, uint16_t port, unsigned size,
                                          uint32_t *value)
{
    (void)port, (void)size, (void)value;
    return outside_asked(owner);
}

static enum core_status outside_port_write(void *owner, uint16_t port, unsigned size,
                                           uint32_t value)
{
    (void)port, (void)size, (void)value;
    return outside_asked(owner);
}

static enum core_status outside_msr_read(void *owner, uint32_t msr, uint64_t *value)
{
    (void)msr, (void)value;
    return outside_asked(owner);
}

static enum core_status outside_msr_write(void *owner, uint32_t msr, uint64_t value)
{
    (void)msr, (void)value;
    return outside_asked(owner);
}

static enum core_status outside_cpuid(void *owner, uint32_t leaf, uint32_t subleaf,
                                      uint32_t regs[4])
{
    (void)leaf, (void)subleaf, (void)regs;
    return outside_asked(owner);
}

static enum core_status outside_vmcall(void *owner, bool amd_form)
{
    (void)amd_form;
    return outside_asked(owner);
}

static uint64_t outside_number(void *owner)
{
    outside_unwind(owner);
}

static uint8_t outside_cr8_read(void *owner)
{
    outside_unwind(owner);
}

static void outside_cr8_write(void *owner, uint8_t value)
{
    (void)value;
    outside_unwind(owner);
}

static void outside_event(void *owner)
{
    outside_unwind(owner);
}

/* Comes when the instruction has happened already. */
static void outside_paging(void *owner)
{
    ((struct lockstep *)owner)->paging = true;
}

static const struct core_ops outside_ops = {
    .port_read = outside_port_read,
    .port_write = outside_port_write,
    .msr_read = outside_msr_read,
    .msr_write = outside_msr_write,
    .cpuid = outside_cpuid,
    .vmcall = outside_vmcall,
    .tsc = outside_number,
    .random = outside_number,
    .cr8_read = outside_cr8_read,
    .cr8_write = outside_cr8_write,
    .fpu_error = outside_event,
    .flush_notify = outside_paging,
    .alone_wanted = outside_event,
    .pause = outside_event,
};

/* ---- life ---- */

int cpu_lockstep(struct cpu *cpu)
{
    struct lockstep *lockstep = calloc(1, sizeof(*lockstep));

    if (lockstep == NULL) {
        return -ENOMEM;
    }
    lockstep->core = &cpu->core;
    lockstep->random = 1;
    lockstep->journal = journal_create(&cpu->core.mmu);
    if (lockstep->journal == NULL) {
        free(lockstep);
        return -ENOMEM;
    }
    cpu->lockstep = lockstep;
    return 0;
}

void lockstep_destroy(struct lockstep *lockstep)
{
    if (lockstep != NULL) {
        journal_destroy(lockstep->journal);
        free(lockstep);
    }
}

const struct lockstep_counts *lockstep_counts(const struct lockstep *lockstep)
{
    return &lockstep->counts;
}

const char *lockstep_report(const struct lockstep *lockstep)
{
    return lockstep->report;
}

/* ---- a stretch ---- */

static void save(struct lockstep *l)
{
    struct core *core = l->core;

    l->start = core->retired;
    l->budget = core->budget;
    l->saved_paging = core->mmu.paging;
    memcpy(l->saved, &core->attention, LOCKSTEP_SAVED);
}

static void restore(struct lockstep *l)
{
    struct core *core = l->core;
    const struct paging *saved = &l->saved_paging, *now = &core->mmu.paging;

    memcpy(&core->attention, l->saved, LOCKSTEP_SAVED);
    if (now->cr0 != saved->cr0 || now->cr3 != saved->cr3 || now->cr4 != saved->cr4 ||
        now->efer != saved->efer) {
        mmu_paging_set(&core->mmu, saved->cr0, saved->cr3, saved->cr4, saved->efer);
    }
    mmu_ac_set(&core->mmu, saved->ac);
}

/* Run the stretch once, in the closed room: translated with a budget, or n instructions interpreted. After a fault the cpu
 * stands as the instruction left it. */
static void run_once(struct cpu *cpu, struct lockstep_end *end, bool translated, uint64_t n)
{
    struct lockstep *l = cpu->lockstep;
    struct core *core = &cpu->core;
    const struct core_ops *ops = core->ops;
    struct trace *trace = core->trace;
    void *owner = core->owner;
    jmp_buf frame, *outer = core->unwind;

    memset(end, 0, sizeof(*end));
    core->ops = &outside_ops;
    core->owner = l;
    core->trace = translated ? NULL : trace; /* one of the two is the real one */
    core->budget = (int64_t)n;
    cpu->running = NULL;
    l->how = UNWIND_NONE;
    switch (setjmp(frame)) {
    case UNWIND_FAULT:
        l->how = UNWIND_FAULT;
        break;
    case UNWIND_SUSPEND:
        l->how = UNWIND_SUSPEND;
        break;
    case UNWIND_RESTART:
        l->how = UNWIND_RESTART;
        break;
    case UNWIND_NEXT:
        run_left(cpu);
        l->how = translated ? UNWIND_NEXT : UNWIND_NONE;
        break;
    default:
        break;
    }
    core->unwind = &frame;
    if (l->how == UNWIND_NONE && translated) {
        run_translated(cpu);
    } else if (l->how == UNWIND_NONE) {
        run_interpreted(cpu, l->start + n);
    }
    core->unwind = outer;
    core->ops = ops;
    core->owner = owner;
    core->trace = trace;
    core->budget += l->budget - (int64_t)n;
    end->how = l->how == UNWIND_NEXT ? UNWIND_NONE : l->how;
    if (end->how == UNWIND_NONE) {
        cpu->running = NULL;
    }
    end->n = cpu_retired(cpu) - l->start;
    if (end->how == UNWIND_FAULT) {
        end->fault = core->fault;
    }
    lockstep_end_fill(end, core,
                      cpu->running != NULL ? insn_rip(core, core->insn) & core->ip_mask
                                           : core->state.gpr[REG_RIP]);
}

static enum lockstep_alone why_alone(const struct lockstep *l)
{
    static const enum lockstep_alone why[] = {
        [JOURNAL_NOTHING] = LOCKSTEP_OUTSIDE, [JOURNAL_DEVICE] = LOCKSTEP_DEVICE,
        [JOURNAL_CODE] = LOCKSTEP_CODE,       [JOURNAL_MARKS] = LOCKSTEP_MARKS,
        [JOURNAL_FULL] = LOCKSTEP_FULL,
    };

    return l->outside ? LOCKSTEP_OUTSIDE : why[l->journal->refusal];
}

/* How long translated code may run on: often one block, so that a difference has its place; else over links. */
static uint64_t choose_length(struct lockstep *l, int64_t budget)
{
    uint64_t most = (uint64_t)(budget - BLOCK_INSNS), n;

    l->random ^= l->random << 13;
    l->random ^= l->random >> 7;
    l->random ^= l->random << 17;
    n = (l->random >> 60) < 4 ? 1 : 1 + (l->random >> 20) % LENGTH_MOST;
    return n < most ? n : most;
}

/* An address that the page has, for people. */
static bool gva_of(const struct core *core, spa_t spa, gva_t *gva)
{
    uintptr_t host = (uintptr_t)ram_host(core->mmu.space->ram, spa & PAGE_MASK);

    for (unsigned set = 0; set < TLB_SETS; set++) {
        for (unsigned i = 0; i < TLB_ENTRIES; i++) {
            const struct tlb_entry *entry = &core->mmu.set[set].entry[i];
            if (entry->read_tag != TLB_NO_TAG && entry->read_tag + entry->addend == host) {
                *gva = entry->read_tag | (spa & ~PAGE_MASK);
                return true;
            }
        }
    }
    return false;
}

static void print_memory(struct lockstep *l, struct text *text,
                         const struct journal_difference *byte)
{
    gva_t gva;

    if (gva_of(l->core, byte->spa, &gva)) {
        text_add(text, "  byte at %" PRIx64, gva);
    } else {
        text_add(text, "  byte at system physical %" PRIx64, byte->spa);
    }
    text_add(text, ": translated %x, interpreted %x\n", byte->first, byte->second);
}

static void print_code(struct cpu *cpu, struct text *text, uint64_t rip)
{
    struct core *core = &cpu->core;
    const struct decode_mode mode = { .bits = core->bits, .flat = core->flat };
    spa_t spa;
    bool in_ram;

    if (mmu_fetch(&core->mmu, rip, core->cpl == 3, &spa, &in_ram) != MMU_OK || !in_ram) {
        return;
    }
    const struct block *block = block_find(cpu->blocks, spa, mode);
    if (block != NULL) {
        text_add(text, "  the block:\n");
        lockstep_print_block(text, core, block, rip);
    }
}

/* Both runs, from what is saved; the interpreter's is left. False: text says what differs. */
static bool both(struct cpu *cpu, struct text *text)
{
    struct lockstep *l = cpu->lockstep;
    struct journal_difference byte;

    l->outside = false;
    l->paging = false;
    journal_begin(l->journal);
    run_once(cpu, &l->translated, true, BLOCK_INSNS + l->length);
    cpu->running = NULL;
    journal_undo(l->journal);
    restore(l);
    l->repeatable = l->translated.how != UNWIND_RESTART && !l->paging;
    if (!l->repeatable) {
        return true;
    }
    run_once(cpu, &l->interpreted, false,
             l->translated.n + (l->translated.how == UNWIND_FAULT ? 1 : 0));
    bool same = lockstep_same(&l->translated, &l->interpreted, text);
    if (!journal_same(l->journal, &byte)) {
        print_memory(l, text, &byte);
        same = false;
    }
    return same;
}

/* Back to the beginning. */
static void rewind_all(struct cpu *cpu)
{
    struct lockstep *l = cpu->lockstep;

    journal_restore(l->journal);
    journal_end(l->journal);
    cpu->running = NULL;
    restore(l);
}

/* They differ: again with growing lengths, to say where it begins; and the report. */
static void report(struct cpu *cpu)
{
    struct lockstep *l = cpu->lockstep;
    struct text text = text_in(l->report, sizeof(l->report));
    uint64_t most = l->length, whole = l->translated.n, good = 0;
    bool same = true;

    rewind_all(cpu);
    uint64_t from = cpu->core.state.gpr[REG_RIP], start = from;
    for (l->length = 1; l->length <= most; l->length++) {
        struct text seen = text_in(l->seen, sizeof(l->seen));
        same = both(cpu, &seen);
        rewind_all(cpu);
        if (!same) {
            break;
        }
        from = l->translated.state.gpr[REG_RIP];
        good = l->translated.n;
    }
    if (same) {
        text_add(&text,
                 "the engines differed, and do not again: VP %d, after %" PRIu64
                 " instructions, at %" PRIx64 ", within %" PRIu64 "\n%s",
                 cpu->core.vp, l->start, start, whole, l->seen);
        return;
    }
    text_add(&text,
             "the engines differ: VP %d, after %" PRIu64 " instructions, at %" PRIx64
             ", within %" PRIu64 "; entered %" PRIu64 " before, at %" PRIx64 "\n%s",
             cpu->core.vp, l->start + good, from, l->translated.n - good, good, start, l->seen);
    print_code(cpu, &text, from);
}

static void run_alone(struct cpu *cpu, enum lockstep_alone why)
{
    cpu->lockstep->counts.alone[why]++;
    if (!run_must_look(&cpu->core)) {
        run_interpreted(cpu, cpu->core.retired + 1);
    }
}

/* False: the engines differ. Unwinds as cpu_run's blocks do. */
static bool stretch(struct cpu *cpu)
{
    struct lockstep *l = cpu->lockstep;
    struct text text = text_in(l->seen, sizeof(l->seen));

    save(l);
    l->length = choose_length(l, cpu->core.budget);
    if (!both(cpu, &text)) {
        report(cpu);
        return false;
    }
    journal_end(l->journal);
    if (!l->repeatable) {
        run_alone(cpu, LOCKSTEP_INTERRUPTED);
        return true;
    }
    l->counts.stretches++;
    l->counts.instructions += l->translated.n;
    if (l->translated.how == UNWIND_FAULT) {
        l->counts.faults++;
        longjmp(*cpu->core.unwind, UNWIND_FAULT);
    }
    if (l->translated.how == UNWIND_SUSPEND) {
        run_alone(cpu, why_alone(l));
    }
    return true;
}

bool lockstep_run(struct cpu *cpu)
{
    struct lockstep *l = cpu->lockstep;
    struct core *core = &cpu->core;

    while (!run_must_look(core) && core->budget > BLOCK_INSNS) {
        if (core->bits != 64) {
            l->counts.alone[LOCKSTEP_MODE]++;
            run_interpreted(cpu, core->retired + 1);
        } else if (!stretch(cpu)) {
            return false;
        }
    }
    return true;
}
