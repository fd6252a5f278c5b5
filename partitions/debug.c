/* Holding the machine, its events, and breakpoints. */
#include "partitions/debug.h"

#include <string.h>

#include "base/host/time.h"
#include "partitions/machine.h"
#include "partitions/vp.h"

void debug_init(struct debug *debug)
{
    memset(debug, 0, sizeof(*debug));
    host_mutex_init(&debug->lock);
    host_cond_init(&debug->holder_cond);
}

void debug_fini(struct debug *debug)
{
    host_cond_fini(&debug->holder_cond);
    host_mutex_fini(&debug->lock);
}

/* ---- holding ---- */

static void holds_add(struct debug *debug, int n)
{
    __atomic_store_n(&debug->holds, debug->holds + (unsigned)n, __ATOMIC_RELEASE);
}

void debug_hold_from_start(struct machine *machine)
{
    host_mutex_lock(&machine->debug.lock);
    holds_add(&machine->debug, 1);
    host_mutex_unlock(&machine->debug.lock);
}

void debug_hold(struct machine *machine)
{
    struct debug *debug = &machine->debug;

    debug_hold_from_start(machine);
    machine_nudge(machine);
    host_mutex_lock(&debug->lock);
    while (!debug->parked && !debug->ended) {
        host_cond_wait_until(&debug->holder_cond, &debug->lock, UINT64_MAX);
    }
    host_mutex_unlock(&debug->lock);
}

void debug_release(struct machine *machine)
{
    struct debug *debug = &machine->debug;

    host_mutex_lock(&debug->lock);
    if (debug->holds > 0) {
        holds_add(debug, -1);
    }
    if (debug->holds == 0) {
        debug->parked = false; /* a new hold must wait until it stands still again */
    }
    host_mutex_unlock(&debug->lock);
    host_wakeup_set(&machine->wakeup);
}

void debug_end(struct machine *machine)
{
    struct debug *debug = &machine->debug;

    host_mutex_lock(&debug->lock);
    debug->ended = true;
    host_cond_signal(&debug->holder_cond);
    host_mutex_unlock(&debug->lock);
}

bool debug_take_event(struct machine *machine, struct debug_event *event)
{
    struct debug *debug = &machine->debug;

    host_mutex_lock(&debug->lock);
    bool any = debug->event.reason != DEBUG_NONE && debug->parked;
    if (any) {
        *event = debug->event;
        debug->event = (struct debug_event){ .reason = DEBUG_NONE };
    }
    host_mutex_unlock(&debug->lock);
    return any;
}

void debug_park(struct machine *machine, uint64_t deadline_ns)
{
    struct debug *debug = &machine->debug;

    host_mutex_lock(&debug->lock);
    if (debug->holds == 0) {
        host_mutex_unlock(&debug->lock);
        return;
    }
    clock_stop(&machine->clock);
    debug->parked = true;
    host_cond_signal(&debug->holder_cond);
    bool event = debug->event.reason != DEBUG_NONE;
    host_mutex_unlock(&debug->lock);
    if (event && debug->notify != NULL) {
        debug->notify(debug->notify_opaque);
    }
    host_mutex_lock(&debug->lock);
    while (debug->holds != 0 && !__atomic_load_n(&machine->stop, __ATOMIC_ACQUIRE) &&
           (deadline_ns == 0 || host_monotonic_ns() < deadline_ns)) {
        if (!debug->parked) { /* released and held again before this thread woke */
            debug->parked = true;
            host_cond_signal(&debug->holder_cond);
        }
        host_mutex_unlock(&debug->lock);
        (void)host_wakeup_wait(&machine->wakeup, deadline_ns != 0 ? deadline_ns : UINT64_MAX);
        host_mutex_lock(&debug->lock);
    }
    debug->parked = debug->holds != 0; /* leaving for good: the holder keeps what it has */
    host_mutex_unlock(&debug->lock);
    clock_go(&machine->clock);
}

/* ---- events, on the thread of the VP ---- */

static bool event_waits_locked(const struct debug *debug)
{
    return debug->event.reason != DEBUG_NONE;
}

static void happened_locked(struct debug *debug, struct debug_event event)
{
    if (debug->notify != NULL && !event_waits_locked(debug)) {
        debug->event = event;
        holds_add(debug, 1);
    }
}

static const struct debug_point *point_at(const struct debug *debug, uint64_t address, bool code)
{
    for (unsigned i = 0; i < debug->n_points; i++) {
        const struct debug_point *point = &debug->point[i];

        if ((point->kind <= DEBUG_POINT_HARDWARE) == code &&
            address - point->address < (code ? 1 : point->length)) {
            return point;
        }
    }
    return NULL;
}

static struct debug_event hit_of(struct machine *machine, struct vp *vp)
{
    static const enum debug_reason reasons[] = {
        [DEBUG_POINT_SOFTWARE] = DEBUG_BREAKPOINT,
        [DEBUG_POINT_HARDWARE] = DEBUG_HARDWARE_BREAKPOINT,
        [DEBUG_POINT_WRITE] = DEBUG_WATCH_WRITE,
        [DEBUG_POINT_READ] = DEBUG_WATCH_READ,
        [DEBUG_POINT_ACCESS] = DEBUG_WATCH_ACCESS,
    };
    struct debug_event event = { .reason = DEBUG_BREAKPOINT, .vp = vp };
    bool code = cpu_debug_take(&vp->cpu, &event.address) == CPU_DEBUG_HIT_CODE;

    if (code) {
        const struct core *core = &vp->cpu.core;
        uint64_t linear = core->state.gpr[REG_RIP] + core->seg_base[SEG_CS];
        event.address = core->bits == 64 ? linear : (uint32_t)linear;
        cpu_debug_pass(&vp->cpu);
    }
    const struct debug_point *point = point_at(&machine->debug, event.address, code);
    if (point != NULL) {
        event.reason = reasons[point->kind];
    }
    return event;
}

void debug_vp_ran(struct machine *machine, struct vp *vp, bool hit)
{
    bool step = vp->debug_action == DEBUG_ACTION_STEP;

    if (!hit && !step) {
        return;
    }
    struct debug *debug = &machine->debug;

    host_mutex_lock(&debug->lock);
    /* Of two VPs that hit at once the second does so again when the first was told. */
    if (!hit || !event_waits_locked(debug)) {
        happened_locked(debug, hit ? hit_of(machine, vp)
                                   : (struct debug_event){ .reason = DEBUG_STEP, .vp = vp });
    }
    host_mutex_unlock(&debug->lock);
    if (step) {
        debug_action_set(vp, DEBUG_ACTION_STAY); /* until the debugger says more */
    }
    machine_nudge(machine);
}

void debug_vp_fell(struct machine *machine, struct vp *vp)
{
    host_mutex_lock(&machine->debug.lock);
    happened_locked(&machine->debug, (struct debug_event){ .reason = DEBUG_SHUTDOWN, .vp = vp });
    host_mutex_unlock(&machine->debug.lock);
}

void debug_vp_shutdown(struct machine *machine, struct vp *vp, uint64_t deadline_ns)
{
    debug_vp_fell(machine, vp);
    if (debug_wants(&machine->debug)) {
        debug_park(machine, deadline_ns);
    }
}

bool debug_stalled(struct machine *machine)
{
    for (unsigned i = 0; i < machine->n_vps; i++) {
        struct vp *vp = machine->vps[i];

        if (vp->debug_action == DEBUG_ACTION_STEP && !vp_can_wake(vp)) {
            debug_vp_ran(machine, vp, false);
            return true;
        }
    }
    return false;
}

void debug_vp_created(struct machine *machine, struct vp *vp)
{
    cpu_debug_set(&vp->cpu, &machine->debug.table);
}

/* ---- the holder's wishes ---- */

void debug_action_set(struct vp *vp, enum debug_action action)
{
    vp->debug_action = (uint8_t)action;
    vp->cpu.hold_interrupts =
        action == DEBUG_ACTION_STEP && vp->cpu.core.state.activity == ACTIVITY_RUNNING;
    if (action == DEBUG_ACTION_STEP) {
        cpu_debug_pass(&vp->cpu);
    }
}

void debug_action_set_all(struct machine *machine, enum debug_action action)
{
    for (unsigned i = 0; i < machine->n_vps; i++) {
        debug_action_set(machine->vps[i], action);
    }
}

/* The processors' table from the debugger's. */
static void table_make(struct machine *machine)
{
    struct debug *debug = &machine->debug;
    struct cpu_debug *table = &debug->table;

    table->n_code = 0;
    table->watches.n = 0;
    for (unsigned i = 0; i < debug->n_points; i++) {
        const struct debug_point *point = &debug->point[i];

        if (point->kind <= DEBUG_POINT_HARDWARE) {
            table->code[table->n_code++] = point->address;
            continue;
        }
        table->watches.watch[table->watches.n++] = (struct core_watch){
            .first = point->address,
            .last = point->address + (point->length - 1),
            .kinds = point->kind == DEBUG_POINT_WRITE  ? CORE_WATCH_WRITE
                     : point->kind == DEBUG_POINT_READ ? CORE_WATCH_READ
                                                       : CORE_WATCH_READ | CORE_WATCH_WRITE,
        };
    }
    for (unsigned i = 0; i < machine->n_vps; i++) {
        cpu_debug_set(&machine->vps[i]->cpu, table);
    }
}

static unsigned point_find(const struct debug *debug, const struct debug_point *point)
{
    unsigned i = 0;

    while (i < debug->n_points &&
           (debug->point[i].kind != point->kind || debug->point[i].address != point->address ||
            (point->kind > DEBUG_POINT_HARDWARE && debug->point[i].length != point->length))) {
        i++;
    }
    return i;
}

bool debug_point_set(struct machine *machine, enum debug_point_kind kind, uint64_t address,
                     uint64_t length)
{
    struct debug *debug = &machine->debug;
    struct debug_point point = { (uint8_t)kind, address, length };
    bool code = kind <= DEBUG_POINT_HARDWARE;
    unsigned room =
        code ? CPU_DEBUG_CODE - debug->table.n_code : CORE_WATCHES - debug->table.watches.n;

    if (kind >= DEBUG_POINT_KINDS || (!code && (length == 0 || address + (length - 1) < address))) {
        return false;
    }
    if (point_find(debug, &point) < debug->n_points) {
        return true;
    }
    if (room == 0) {
        return false;
    }
    debug->point[debug->n_points++] = point;
    table_make(machine);
    return true;
}

void debug_point_clear(struct machine *machine, enum debug_point_kind kind, uint64_t address,
                       uint64_t length)
{
    struct debug *debug = &machine->debug;
    struct debug_point point = { (uint8_t)kind, address, length };
    unsigned i = point_find(debug, &point);

    if (i < debug->n_points) {
        debug->point[i] = debug->point[--debug->n_points];
        table_make(machine);
    }
}

void debug_points_clear(struct machine *machine)
{
    machine->debug.n_points = 0;
    table_make(machine);
}

/* ---- VPs by number ---- */

struct vp *debug_vp_at(struct machine *machine, unsigned position)
{
    for (unsigned i = 0; i < machine->n_vps; i++) {
        struct vp *vp = machine->vps[i];

        if (!vp->is_sink && position-- == 0) {
            if (vp->debug_thread == 0) {
                vp->debug_thread = ++machine->debug.n_threads;
            }
            return vp;
        }
    }
    return NULL;
}

unsigned debug_thread(struct machine *machine, struct vp *vp)
{
    for (unsigned i = 0; debug_vp_at(machine, i) != NULL; i++) {
        if (debug_vp_at(machine, i) == vp) {
            return vp->debug_thread;
        }
    }
    return 0;
}

struct vp *debug_vp(struct machine *machine, unsigned thread)
{
    for (unsigned i = 0;; i++) {
        struct vp *vp = debug_vp_at(machine, i);

        if (vp == NULL || vp->debug_thread == thread) {
            return vp;
        }
    }
}
