/* Logical processors: threads that run VPs, requests between them, and who waits for whom. */
#include "partitions/logical_processor.h"

#include <string.h>

#include "base/error.h"
#include "partitions/debug.h"
#include "partitions/machine.h"
#include "partitions/partition.h"
#include "partitions/vp.h"
#include "partitions/vp_glue.h"

/* Instructions of a stretch: nobody needs it to end by itself, but the limits are looked at. */
enum { STRETCH = 1 << 24, STRETCH_LIMITED = 20000, FLUSH_PAGES_MOST = 64 };

/* ---- slots ---- */

void lps_init(struct machine *machine)
{
    for (unsigned i = 0; i < MACHINE_VPS; i++) {
        struct logical_processor *lp = &machine->lp[i];

        lp->machine = machine;
        lp->number = i;
        lp->marked = UINT64_MAX;
        host_mutex_init(&lp->lock);
        host_cond_init(&lp->answered);
        host_wakeup_init(&lp->wakeup);
    }
    host_mutex_init(&machine->alone_lock);
}

void lps_fini(struct machine *machine)
{
    host_mutex_fini(&machine->alone_lock);
    for (unsigned i = 0; i < MACHINE_VPS; i++) {
        host_wakeup_fini(&machine->lp[i].wakeup);
        host_cond_fini(&machine->lp[i].answered);
        host_mutex_fini(&machine->lp[i].lock);
    }
}

bool lp_attach(struct machine *machine, struct vp *vp)
{
    for (unsigned i = 0; i < MACHINE_VPS; i++) {
        struct logical_processor *lp = &machine->lp[i];
        bool mine;

        host_mutex_lock(&lp->lock);
        mine = lp->vp == NULL && !__atomic_load_n(&lp->leave, __ATOMIC_ACQUIRE);
        if (mine) {
            __atomic_store_n(&lp->vp, vp, __ATOMIC_RELEASE);
            memset(&lp->queue, 0, sizeof(lp->queue));
            __atomic_store_n(&lp->served, lp->posted, __ATOMIC_RELEASE);
            __atomic_store_n(&lp->holds, 0, __ATOMIC_RELEASE);
            __atomic_store_n(&lp->dead, false, __ATOMIC_RELEASE);
            __atomic_store_n(&lp->retired, 0, __ATOMIC_RELEASE);
            vp_glue_of(vp)->lp = lp;
        }
        host_mutex_unlock(&lp->lock);
        if (mine) {
            return true;
        }
    }
    return false;
}

void lp_detach(struct logical_processor *lp)
{
    host_mutex_lock(&lp->lock);
    __atomic_store_n(&lp->vp, NULL, __ATOMIC_RELEASE);
    if (lp->thread.running) {
        __atomic_store_n(&lp->leave, true, __ATOMIC_RELEASE);
    }
    host_mutex_unlock(&lp->lock);
    lp_wake(lp);
}

/* ---- ONLINE and OFFLINE ---- */

static bool is_online(const struct logical_processor *lp)
{
    return __atomic_load_n(&lp->online, __ATOMIC_SEQ_CST);
}

static void answer(struct logical_processor *lp)
{
    if (__atomic_load_n(&lp->waiters, __ATOMIC_SEQ_CST) != 0) {
        host_mutex_lock(&lp->lock);
        host_cond_signal(&lp->answered);
        host_mutex_unlock(&lp->lock);
    }
}

static void go_offline(struct logical_processor *lp)
{
    __atomic_store_n(&lp->online, false, __ATOMIC_SEQ_CST);
    answer(lp);
}

static void serve(struct logical_processor *lp)
{
    struct cpu *cpu = &lp->vp->cpu;
    struct mmu *mmu = &cpu->core.mmu;
    struct lp_queue queue;

    host_mutex_lock(&lp->lock);
    queue = lp->queue;
    __atomic_store_n(&lp->queue.kinds, 0, __ATOMIC_SEQ_CST);
    lp->queue.n_pages = lp->queue.n_code = lp->queue.n_protect = 0;
    uint64_t ticket = lp->posted;
    host_mutex_unlock(&lp->lock);

    if (queue.kinds & LP_REQUEST_CODE_ALL) {
        cpu_code_forget(cpu);
    }
    for (unsigned i = 0; i < queue.n_code; i++) {
        cpu_code_written(cpu, queue.code[i].first, queue.code[i].length);
    }
    if (queue.kinds & LP_REQUEST_SPACE) {
        mmu_sync(mmu);
    }
    if (queue.kinds & LP_REQUEST_FLUSH) {
        mmu_flush_all(mmu);
    } else {
        for (unsigned i = 0; i < queue.n_pages; i++) {
            for (uint64_t n = 0; n < queue.pages[i].length; n++) {
                mmu_flush_page(mmu, queue.pages[i].first + n * PAGE_SIZE);
            }
        }
        for (unsigned i = 0; i < queue.n_protect; i++) {
            mmu_write_protect(mmu, queue.protect[i]);
        }
    }
    __atomic_store_n(&lp->served, ticket, __ATOMIC_SEQ_CST);
    answer(lp);
}

/* False: something keeps it OFFLINE. */
static bool go_online(struct logical_processor *lp)
{
    struct machine *machine = lp->machine;

    __atomic_store_n(&lp->online, true, __ATOMIC_SEQ_CST);
    const struct logical_processor *alone = __atomic_load_n(&machine->alone, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&lp->leave, __ATOMIC_SEQ_CST) ||
        __atomic_load_n(&lp->dead, __ATOMIC_SEQ_CST) ||
        __atomic_load_n(&lp->holds, __ATOMIC_SEQ_CST) != 0 || (alone != NULL && alone != lp) ||
        __atomic_load_n(&machine->parked, __ATOMIC_SEQ_CST) ||
        __atomic_load_n(&machine->debug.holds, __ATOMIC_SEQ_CST) != 0) {
        go_offline(lp);
        return false;
    }
    if (__atomic_load_n(&lp->queue.kinds, __ATOMIC_SEQ_CST) != 0) {
        serve(lp);
    }
    return true;
}

/* ---- waiting ---- */

/* Until it is OFFLINE, or (ticket not UINT64_MAX) has served so much. */
static void wait_for(struct logical_processor *lp, uint64_t ticket)
{
    if (!is_online(lp) || __atomic_load_n(&lp->served, __ATOMIC_SEQ_CST) >= ticket) {
        return;
    }
    __atomic_add_fetch(&lp->waiters, 1, __ATOMIC_SEQ_CST);
    host_mutex_lock(&lp->lock);
    while (is_online(lp) && __atomic_load_n(&lp->served, __ATOMIC_SEQ_CST) < ticket) {
        (void)host_cond_wait_until(&lp->answered, &lp->lock, UINT64_MAX);
    }
    host_mutex_unlock(&lp->lock);
    __atomic_sub_fetch(&lp->waiters, 1, __ATOMIC_SEQ_CST);
}

static void kick(struct logical_processor *lp)
{
    host_mutex_lock(&lp->lock);
    if (lp->vp != NULL) {
        cpu_request(&lp->vp->cpu);
    }
    host_mutex_unlock(&lp->lock);
}

bool lp_help_later(struct machine *machine)
{
    uintptr_t self = host_thread_self();

    for (unsigned i = 0; i < MACHINE_VPS; i++) {
        struct logical_processor *lp = &machine->lp[i];
        if (__atomic_load_n(&lp->self, __ATOMIC_RELAXED) == self) {
            lp->helps = true;
            kick(lp);
            return true;
        }
    }
    return false;
}

static void stop_others(struct machine *machine, const struct logical_processor *self)
{
    for (unsigned i = 0; i < MACHINE_VPS; i++) {
        if (&machine->lp[i] != self && is_online(&machine->lp[i])) {
            kick(&machine->lp[i]);
        }
    }
    for (unsigned i = 0; i < MACHINE_VPS; i++) {
        if (&machine->lp[i] != self) {
            wait_for(&machine->lp[i], UINT64_MAX);
        }
    }
}

void lps_park(struct machine *machine)
{
    __atomic_store_n(&machine->parked, true, __ATOMIC_SEQ_CST);
    stop_others(machine, NULL);
}

void lps_unpark(struct machine *machine)
{
    __atomic_store_n(&machine->parked, false, __ATOMIC_SEQ_CST);
    lps_wake_all(machine);
}

void lps_settle(struct machine *machine, const struct logical_processor *self)
{
    for (unsigned i = 0; i < MACHINE_VPS; i++) {
        struct logical_processor *lp = &machine->lp[i];

        if (lp != self) {
            wait_for(lp, __atomic_load_n(&lp->posted, __ATOMIC_SEQ_CST));
        }
    }
}

/* ---- requests ---- */

/* Takes the lock. NULL: nobody there. */
static struct lp_queue *post_begin(struct logical_processor *lp)
{
    host_mutex_lock(&lp->lock);
    if (lp->vp == NULL) {
        host_mutex_unlock(&lp->lock);
        return NULL;
    }
    return &lp->queue;
}

static void post_end(struct logical_processor *lp, unsigned kinds)
{
    __atomic_store_n(&lp->queue.kinds, lp->queue.kinds | kinds, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&lp->posted, 1, __ATOMIC_SEQ_CST);
    cpu_request(&lp->vp->cpu);
    host_mutex_unlock(&lp->lock);
}

/* What its poster's instruction must wait for. */
static void post_synchronous(struct logical_processor *lp, unsigned kinds)
{
    __atomic_add_fetch(&lp->machine->synchronous, 1, __ATOMIC_RELAXED);
    post_end(lp, kinds);
}

void lp_flush(struct logical_processor *lp, bool all, gva_t gva, uint64_t n_pages)
{
    struct lp_queue *queue = post_begin(lp);

    if (queue == NULL) {
        return;
    }
    if (all || n_pages > FLUSH_PAGES_MOST || queue->n_pages == LP_PAGES) {
        post_synchronous(lp, LP_REQUEST_FLUSH);
        return;
    }
    queue->pages[queue->n_pages++] = (struct lp_range){ gva, n_pages };
    post_synchronous(lp, LP_REQUEST_FLUSH_PAGES);
}

void lp_space_changed(struct logical_processor *lp)
{
    if (post_begin(lp) != NULL) {
        post_synchronous(lp, LP_REQUEST_SPACE);
    }
}

void lps_code_written(struct machine *machine, const struct vp *except, spa_t spa, size_t length)
{
    for (unsigned i = 0; i < MACHINE_VPS; i++) {
        struct logical_processor *lp = &machine->lp[i];

        if (__atomic_load_n(&lp->vp, __ATOMIC_RELAXED) == except ||
            __atomic_load_n(&lp->vp, __ATOMIC_RELAXED) == NULL) {
            continue;
        }
        struct lp_queue *queue = post_begin(lp);
        if (queue == NULL) {
            continue;
        }
        struct lp_range *last = queue->n_code > 0 ? &queue->code[queue->n_code - 1] : NULL;
        if (last != NULL && last->first + last->length == spa) {
            last->length += length; /* a program that writes one piece after the other */
            post_end(lp, LP_REQUEST_CODE);
        } else if (queue->n_code == LP_CODE) {
            post_end(lp, LP_REQUEST_CODE_ALL);
        } else {
            queue->code[queue->n_code++] = (struct lp_range){ spa, length };
            post_end(lp, LP_REQUEST_CODE);
        }
    }
}

bool lps_write_protect(struct machine *machine, const struct logical_processor *self, spa_t spa)
{
    bool any = false;

    for (unsigned i = 0; i < MACHINE_VPS; i++) {
        struct logical_processor *lp = &machine->lp[i];

        if (lp == self || __atomic_load_n(&lp->vp, __ATOMIC_RELAXED) == NULL) {
            continue;
        }
        struct lp_queue *queue = post_begin(lp);
        if (queue == NULL) {
            continue;
        }
        any = true;
        if (queue->n_protect == LP_PROTECT) {
            post_end(lp, LP_REQUEST_FLUSH);
        } else {
            queue->protect[queue->n_protect++] = spa;
            post_end(lp, LP_REQUEST_PROTECT);
        }
    }
    return any;
}

void lp_wake(struct logical_processor *lp)
{
    __atomic_add_fetch(&lp->posts, 1, __ATOMIC_SEQ_CST);
    host_wakeup_set(&lp->wakeup);
}

void lps_wake_all(struct machine *machine)
{
    for (unsigned i = 0; i < MACHINE_VPS; i++) {
        if (__atomic_load_n(&machine->lp[i].vp, __ATOMIC_RELAXED) != NULL) {
            lp_wake(&machine->lp[i]);
        }
    }
}

/* ---- holding one ---- */

static uint64_t *holding_of(struct machine *machine, struct logical_processor *by)
{
    return by != NULL ? &by->holding : &machine->holding;
}

bool lp_hold(struct machine *machine, struct logical_processor *by, struct logical_processor *lp)
{
    uint64_t *holding = holding_of(machine, by), bit = UINT64_C(1) << lp->number;

    if (!(*holding & bit)) {
        *holding |= bit;
        __atomic_add_fetch(&lp->holds, 1, __ATOMIC_SEQ_CST);
    }
    if (!is_online(lp)) {
        return true;
    }
    kick(lp);
    if (by != NULL) {
        by->must_wait = true;
    }
    return false;
}

void lps_release(struct machine *machine, struct logical_processor *by)
{
    uint64_t *holding = holding_of(machine, by);

    for (; *holding != 0; *holding &= *holding - 1) {
        struct logical_processor *lp = &machine->lp[__builtin_ctzll(*holding)];

        if (__atomic_load_n(&lp->holds, __ATOMIC_SEQ_CST) != 0) { /* 0: the slot was used anew */
            __atomic_sub_fetch(&lp->holds, 1, __ATOMIC_SEQ_CST);
        }
        lp_wake(lp);
    }
}

void lps_settle_holds(struct machine *machine, const struct logical_processor *by)
{
    uint64_t holding = by != NULL ? by->holding : machine->holding;

    for (; holding != 0; holding &= holding - 1) {
        wait_for(&machine->lp[__builtin_ctzll(holding)], UINT64_MAX);
    }
}

/* ---- a logical processor's own thread ---- */

static uint64_t stretch_of(struct logical_processor *lp)
{
    const struct machine_config *config = &lp->machine->config;

    if (config->max_instructions != 0) {
        uint64_t sum = machine_instructions(lp->machine);
        uint64_t left = sum < config->max_instructions ? config->max_instructions - sum : 0;
        return left < STRETCH_LIMITED ? left : STRETCH_LIMITED;
    }
    return config->strict ? STRETCH_LIMITED : STRETCH;
}

/* The instruction that no host atomic can do: while nobody else is ONLINE. */
static void run_alone(struct logical_processor *lp)
{
    struct machine *machine = lp->machine;

    host_mutex_lock(&machine->alone_lock);
    __atomic_store_n(&machine->alone, lp, __ATOMIC_SEQ_CST);
    stop_others(machine, lp);
    if (go_online(lp)) {
        struct core *core = &lp->vp->cpu.core;

        __atomic_store_n(&core->others_run, false, __ATOMIC_RELAXED);
        if (vp_prepare(lp->vp)) {
            (void)vp_run(lp->vp, 1); /* whatever its exit, the next stretch finds the same */
        }
        __atomic_store_n(&core->others_run, true, __ATOMIC_RELAXED);
        go_offline(lp);
    }
    __atomic_store_n(&machine->alone, NULL, __ATOMIC_SEQ_CST);
    host_mutex_unlock(&machine->alone_lock);
    lps_wake_all(machine);
}

/* What the last instruction left to be done. True: there was something, the instruction may come again. */
static bool settle_stretch(struct logical_processor *lp)
{
    struct machine *machine = lp->machine;
    bool any = lp->must_wait || lp->wants_alone;

    for (unsigned i = 0; i < lp->n_untold; i++) {
        lps_code_written(machine, lp->vp, lp->untold[i].first, lp->untold[i].length);
    }
    lp->n_untold = 0;
    if (lp->holding_over) { /* an interrupt came between: its call takes it again */
        lp->holding_over = false;
        lps_release(machine, lp);
    }
    if (lp->must_wait) {
        lp->must_wait = false;
        lps_settle(machine, lp);
        lps_settle_holds(machine, lp);
        if (lp->marked != UINT64_MAX) {
            ram_code_settle(&machine->ram, lp->marked);
            lp->marked = UINT64_MAX;
        }
        lp->holding_over = lp->holding != 0;
    }
    if (lp->wants_alone) {
        lp->wants_alone = false;
        run_alone(lp);
    }
    return any;
}

static void triple_fault(struct logical_processor *lp)
{
    struct machine *machine = lp->machine;
    struct vp *nobody = NULL;

    if (vp_shutdown(lp->vp)) {
        return;
    }
    __atomic_store_n(&lp->dead, true, __ATOMIC_SEQ_CST);
    __atomic_compare_exchange_n(&machine->faulted, &nobody, lp->vp, false, __ATOMIC_ACQ_REL,
                                __ATOMIC_RELAXED);
    debug_vp_fell(machine, lp->vp);
    machine_nudge(machine);
}

/* Not runnable: sleep until something is posted. ONLINE before, OFFLINE after. */
static void sleep_lp(struct logical_processor *lp, uint64_t posts)
{
    struct machine *machine = lp->machine;
    struct vp *vp = lp->vp;
    bool stuck = !vp_can_wake(vp);

    if (stuck && vp->debug_action == DEBUG_ACTION_STEP) {
        debug_vp_ran(machine, vp, false); /* its step will never be */
    }
    go_offline(lp);
    if (lp->helps) {
        return;
    }
    if (stuck) {
        __atomic_store_n(&lp->stuck_at, posts + 1, __ATOMIC_SEQ_CST);
        machine_nudge(machine);
    }
    (void)host_wakeup_wait(&lp->wakeup, UINT64_MAX);
    __atomic_store_n(&lp->stuck_at, 0, __ATOMIC_SEQ_CST);
}

/* ONLINE before, OFFLINE after. */
static void run_stretch(struct logical_processor *lp)
{
    struct machine *machine = lp->machine;
    struct vp *vp = lp->vp;
    uint64_t posts = __atomic_load_n(&lp->posts, __ATOMIC_SEQ_CST);

    if (vp->debug_action == DEBUG_ACTION_STAY || !vp_prepare(vp)) {
        sleep_lp(lp, posts);
        return;
    }
    bool step = vp->debug_action == DEBUG_ACTION_STEP;
    uint64_t budget = step ? 1 : stretch_of(lp);
    if (budget == 0) { /* the limit: the coordinator ends the run */
        go_offline(lp);
        machine_nudge(machine);
        (void)host_wakeup_wait(&lp->wakeup, UINT64_MAX);
        return;
    }
    enum cpu_exit exit = vp_run(vp, budget);
    __atomic_store_n(&lp->retired, vp->cpu.core.retired, __ATOMIC_RELEASE);
    go_offline(lp);
    bool again = settle_stretch(lp);
    if (UNLIKELY(exit == CPU_EXIT_DEBUG || (step && !(again && exit == CPU_EXIT_SUSPEND)))) {
        debug_vp_ran(machine, vp, exit == CPU_EXIT_DEBUG);
    }
    if (exit == CPU_EXIT_TRIPLE_FAULT) {
        triple_fault(lp);
    }
    if (machine->config.strict &&
        __atomic_load_n(&machine->trace.count[TRACE_UNIMPLEMENTED], __ATOMIC_RELAXED) != 0) {
        machine_nudge(machine);
    }
}

static void lp_body(void *opaque)
{
    struct logical_processor *lp = opaque;

    __atomic_store_n(&lp->self, host_thread_self(), __ATOMIC_RELAXED);
    while (!__atomic_load_n(&lp->leave, __ATOMIC_ACQUIRE)) {
        if (go_online(lp)) {
            run_stretch(lp);
        } else {
            (void)host_wakeup_wait(&lp->wakeup, UINT64_MAX);
        }
        if (lp->helps) {
            lp->helps = false;
            turn_help(lp->machine);
        }
    }
    __atomic_store_n(&lp->self, 0, __ATOMIC_RELAXED);
    host_rwlock_write(&lp->machine->hv.lock);
    lps_release(lp->machine, lp);
    host_rwlock_unlock(&lp->machine->hv.lock);
}

/* ---- the coordinator ---- */

/* With vp_lock. */
static void count_vps_locked(struct machine *machine)
{
    unsigned n = 0;

    for (unsigned i = 0; i < machine->n_vps; i++) {
        n += vp_glue_of(machine->vps[i])->lp != NULL;
    }
    __atomic_store_n(&machine->n_lps, n, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < machine->n_vps; i++) {
        __atomic_store_n(&machine->vps[i]->cpu.core.others_run, n > 1, __ATOMIC_RELAXED);
    }
}

void lps_adopt(struct machine *machine)
{
    if (!__atomic_exchange_n(&machine->lps_changed, false, __ATOMIC_ACQ_REL)) {
        return;
    }
    for (unsigned i = 0; i < MACHINE_VPS; i++) { /* those that went */
        struct logical_processor *lp = &machine->lp[i];
        if (lp->thread.running && __atomic_load_n(&lp->leave, __ATOMIC_ACQUIRE)) {
            host_thread_join(&lp->thread);
            __atomic_store_n(&lp->leave, false, __ATOMIC_RELEASE);
        }
    }
    vps_bury(machine);
    host_rwlock_write(&machine->hv.lock); /* so that they are complete */
    host_rwlock_write(&machine->vp_lock);
    count_vps_locked(machine);
    for (unsigned i = 0; i < machine->n_vps; i++) {
        struct vp *vp = machine->vps[i];
        struct logical_processor *lp = vp_glue_of(vp)->lp;

        if (lp != NULL && !lp->thread.running) {
            struct error error;
            host_mutex_lock(&lp->lock);
            int status = host_thread_start(&lp->thread, lp_body, lp, &error);
            host_mutex_unlock(&lp->lock);
            if (status != 0) {
                machine->no_thread = true;
            }
        }
    }
    host_rwlock_unlock(&machine->vp_lock);
    host_rwlock_unlock(&machine->hv.lock);
}

void lps_start(struct machine *machine)
{
    for (unsigned i = 0; i < MACHINE_VPS; i++) {
        __atomic_store_n(&machine->lp[i].leave, false, __ATOMIC_RELEASE);
        __atomic_store_n(&machine->lp[i].dead, false, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&machine->parallel, true, __ATOMIC_RELEASE);
    __atomic_store_n(&machine->lps_changed, true, __ATOMIC_RELEASE);
    lps_adopt(machine);
}

void lps_stop(struct machine *machine)
{
    for (unsigned i = 0; i < MACHINE_VPS; i++) {
        struct logical_processor *lp = &machine->lp[i];

        if (lp->thread.running) {
            __atomic_store_n(&lp->leave, true, __ATOMIC_SEQ_CST);
            kick(lp);
            lp_wake(lp);
        }
    }
    for (unsigned i = 0; i < MACHINE_VPS; i++) {
        host_thread_join(&machine->lp[i].thread);
        __atomic_store_n(&machine->lp[i].leave, false, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&machine->parallel, false, __ATOMIC_RELEASE);
    vps_bury(machine);
    for (unsigned i = 0; i < machine->n_vps; i++) {
        struct vp *vp = machine->vps[i];

        __atomic_store_n(&vp->cpu.core.others_run, false, __ATOMIC_RELAXED);
        if (vp_glue_of(vp)->lp->queue.kinds != 0) {
            serve(vp_glue_of(vp)->lp); /* from now on everything is done directly */
        }
    }
}

bool lps_all_stuck(struct machine *machine)
{
    bool any = false, all = true;

    for (unsigned i = 0; i < MACHINE_VPS; i++) {
        const struct logical_processor *lp = &machine->lp[i];

        if (lp->thread.running) {
            uint64_t stuck_at = __atomic_load_n(&lp->stuck_at, __ATOMIC_SEQ_CST);
            any = true;
            all &= stuck_at == __atomic_load_n(&lp->posts, __ATOMIC_SEQ_CST) + 1;
        }
    }
    return any && all;
}
