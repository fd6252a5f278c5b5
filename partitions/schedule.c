/* The virtual clock's scheduler: slices, pauses at exact instants, jumps while nobody runs. */
#include "partitions/schedule.h"

#include "base/host/time.h"
#include "partitions/machine.h"
#include "partitions/machine_input.h"
#include "partitions/machine_trace.h"
#include "partitions/partition.h"
#include "partitions/state_hash.h"
#include "partitions/vp.h"

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t ceil_instructions(uint64_t ns)
{
    return ns / SCHEDULE_INSTRUCTION_NS + (ns % SCHEDULE_INSTRUCTION_NS != 0);
}

/* Instructions from now to the first timer; at least one, so that a timer armed in the past cannot
 * stop the guest. */
static uint64_t until_timer(struct machine *machine)
{
    uint64_t next = clock_next_ns(&machine->clock);

    if (next == UINT64_MAX) {
        return UINT64_MAX;
    }
    uint64_t now = clock_now_ns(&machine->clock);
    return next > now ? ceil_instructions(next - now) : 1;
}

/* clock.ahead: what the running VP has done since it was entered. */
static uint64_t clock_ahead(void *opaque)
{
    const struct machine *machine = opaque;
    const struct vp *running = machine->running;

    return running == NULL ? 0
                           : (cpu_retired(&running->cpu) - machine->schedule.entered_with) *
                                 SCHEDULE_INSTRUCTION_NS;
}

void schedule_init(struct machine *machine)
{
    struct schedule *schedule = &machine->schedule;

    *schedule = (struct schedule){
        .random = (machine->config.seed + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1,
        .next_state = SCHEDULE_STATE_EVERY,
        .next_prefix = machine->config.hash_every,
    };
    machine->clock.ahead = clock_ahead;
    machine->clock.ahead_opaque = machine;
    trace_hash_start(&machine->trace);
}

/* A generator of its own: what guests draw does not move the slices. [xorshift64*] */
static uint64_t draw(struct schedule *schedule, uint64_t below)
{
    schedule->random ^= schedule->random >> 12;
    schedule->random ^= schedule->random << 25;
    schedule->random ^= schedule->random >> 27;
    return (schedule->random * UINT64_C(0x2545f4914f6cdd1d) >> 33) % below;
}

void schedule_kicked(struct machine *machine)
{
    struct vp *running = machine->running;

    if (running != NULL) {
        machine->schedule.ended = true;
        cpu_limit(&running->cpu, 1); /* vp_run will see what is pending */
    }
}

void schedule_timer_armed(struct machine *machine)
{
    struct vp *running = machine->running;

    if (running != NULL) {
        cpu_limit(&running->cpu, until_timer(machine));
    }
}

void schedule_forget(struct machine *machine, const struct vp *vp)
{
    if (machine->schedule.vp == vp) {
        machine->schedule.vp = NULL;
    }
}

static bool may_run(struct vp *vp)
{
    return vp->debug_action != DEBUG_ACTION_STAY && vp_prepare(vp);
}

/* Whose slice is next: from a drawn one on, the first that may run. When none may, nothing was drawn: how often nobody could run is the
 * host's doing, who may come in between. */
static bool begin_slice(struct machine *machine)
{
    struct schedule *schedule = &machine->schedule;
    uint64_t random = schedule->random;
    uint64_t first = machine->n_vps > 1 ? draw(schedule, machine->n_vps) : 0;

    for (unsigned i = 0; i < machine->n_vps; i++) {
        struct vp *vp = machine->vps[(first + i) % machine->n_vps];
        if (may_run(vp)) {
            schedule->vp = vp;
            schedule->ended = false;
            schedule->left =
                SCHEDULE_SLICE_LEAST + draw(schedule, SCHEDULE_SLICE_MOST - SCHEDULE_SLICE_LEAST);
            TRACE(&machine->trace, TRACE_ROOM_VMMS, MACHINE_EVENT_SLICE,
                  (uint32_t)vp->partition->id, (int)vp->index, schedule->left);
            return true;
        }
    }
    schedule->random = random;
    return false;
}

/* How far the slice may go before something is to be done at an exact instant. */
static uint64_t stretch(struct machine *machine)
{
    const struct schedule *schedule = &machine->schedule;
    const struct machine_config *config = &machine->config;
    uint64_t n = least(schedule->left, until_timer(machine));

    n = least(n, schedule->next_state - schedule->retired);
    if (config->hash_every != 0) {
        n = least(n, schedule->next_prefix - schedule->retired);
    }
    if (config->max_instructions != 0) {
        n = least(n, config->max_instructions - schedule->retired);
    }
    n = least(n, machine_until_pause(machine));
    return n;
}

/* Run the slice's VP for a stretch. False: an unhandled triple fault, or the engines differ. */
static bool run_stretch(struct machine *machine, uint64_t deadline_ns)
{
    struct schedule *schedule = &machine->schedule;
    struct vp *vp = schedule->vp;
    bool step = vp->debug_action == DEBUG_ACTION_STEP;
    uint64_t n = step ? 1 : stretch(machine), n_faults = vp->cpu.n_faults;

    /* What kicked it while others ran is looked at by vp_run; the rest is no reason to stop. */
    __atomic_fetch_and(&vp->cpu.core.pending, ~(uint32_t)CORE_PENDING_POLL, __ATOMIC_ACQ_REL);
    schedule->entered_with = vp->cpu.core.retired;
    __atomic_store_n(&machine->running, vp, __ATOMIC_RELEASE);
    enum cpu_exit exit = vp_run(vp, n);
    __atomic_store_n(&machine->running, NULL, __ATOMIC_RELEASE);
    uint64_t ran = vp->cpu.core.retired - schedule->entered_with;
    clock_advance(&machine->clock, ran * SCHEDULE_INSTRUCTION_NS);
    schedule->retired += ran;
    schedule->left -= least(schedule->left, ran + vp->cpu.n_faults - n_faults);
    /* A poll that the VP did not cause itself is a pause: an interrupt was taken, or the host looks. */
    if (schedule->left == 0 || schedule->ended ||
        (exit != CPU_EXIT_BUDGET && exit != CPU_EXIT_POLL && exit != CPU_EXIT_DEBUG)) {
        schedule->vp = NULL;
    }
    if (UNLIKELY(step || exit == CPU_EXIT_DEBUG)) {
        debug_vp_ran(machine, vp, exit == CPU_EXIT_DEBUG);
    }
    if (UNLIKELY(exit == CPU_EXIT_DIFFERS)) {
        machine->differs = vp;
        return false;
    }
    if (exit == CPU_EXIT_TRIPLE_FAULT && !vp_shutdown(vp)) {
        debug_vp_shutdown(machine, vp, deadline_ns);
        machine->faulted = vp;
        return false;
    }
    return true;
}

/* Nobody runs and the host may send something: let time pass at most as fast as the host's, so that a guest's
 * time-out means something. What comes enters at an instant of its own; where the steps end, nobody can see. */
static bool wait_for_host(struct machine *machine, uint64_t jump_ns)
{
    const uint64_t step_ns = UINT64_C(10000000);
    uint64_t started = host_monotonic_ns(), n = least(jump_ns, step_ns);

    if (machine_input_wait(&machine->input, started + n)) {
        n = least(n, host_monotonic_ns() - started + SCHEDULE_INSTRUCTION_NS);
    }
    clock_advance(&machine->clock, n);
    return true;
}

/* Nobody runs: time jumps to the next timer or recorded input. Without either, wait for the host's.
 * False: nothing can ever wake a VP. */
static bool jump(struct machine *machine)
{
    const uint64_t nap_ns = UINT64_C(50000000);
    bool can_wake = false;

    for (unsigned i = 0; i < machine->n_vps; i++) {
        can_wake |= vp_can_wake(machine->vps[i]);
    }
    if (!can_wake) {
        return false;
    }
    uint64_t now = clock_now_ns(&machine->clock);
    uint64_t next = clock_next_ns(&machine->clock), input = machine_input_next_ns(&machine->input);
    if (next <= now) {
        return true; /* what is due comes before time passes, whatever the host has sent meanwhile */
    }
    if (machine_input_frame_waits(&machine->input)) {
        /* It came at an instant that was looked at already. */
        clock_advance(&machine->clock, SCHEDULE_INSTRUCTION_NS);
        return true;
    }
    if (input > now) { /* else the port is full: the guest's move */
        next = least(next, input);
    }
    if (next != UINT64_MAX && next > now && machine_input_expected(&machine->input)) {
        return wait_for_host(machine, next - now);
    }
    if (next == UINT64_MAX) {
        if (!machine_input_is_live(&machine->input)) {
            return false;
        }
        /* Input enters at an instant of its own. */
        if (machine_input_wait(&machine->input, host_monotonic_ns() + nap_ns)) {
            clock_advance(&machine->clock, SCHEDULE_INSTRUCTION_NS);
        }
    } else if (next > now) {
        clock_advance(&machine->clock, next - now);
    }
    return true;
}

static void hash_when_due(struct machine *machine)
{
    struct schedule *schedule = &machine->schedule;

    if (schedule->retired == schedule->next_state) {
        schedule->next_state += SCHEDULE_STATE_EVERY;
        state_hash_vps(machine);
    }
    if (machine->config.hash_every != 0 && schedule->retired == schedule->next_prefix) {
        schedule->next_prefix += machine->config.hash_every;
        if (machine->config.hash_prefix != NULL) {
            machine->config.hash_prefix(machine->config.hash_opaque, schedule->retired,
                                        hash_value(&machine->trace.hash));
        }
    }
}

unsigned schedule_run(struct machine *machine)
{
    struct schedule *schedule = &machine->schedule;
    uint64_t started = host_monotonic_ns();
    uint64_t deadline = machine->config.timeout_ns != 0 ? started + machine->config.timeout_ns : 0;
    enum machine_end end;

    for (;;) {
        if (debug_wants(&machine->debug)) {
            debug_park(machine, deadline);
        }
        if (UNLIKELY(machine_pauses(machine))) {
            return MACHINE_PAUSED;
        }
        clock_run(&machine->clock);
        hash_when_due(machine);
        if (machine_look_up(machine, started, &end)) {
            return end;
        }
        if (schedule->vp != NULL && !may_run(schedule->vp)) {
            schedule->vp = NULL;
        }
        if (schedule->vp == NULL) {
            machine_input_enter(machine);
            if (!begin_slice(machine)) {
                if (!debug_stalled(machine) && !jump(machine)) {
                    return MACHINE_HALTED;
                }
                continue;
            }
        }
        if (!run_stretch(machine, deadline)) {
            return machine->differs != NULL ? MACHINE_DIFFERS : MACHINE_TRIPLE_FAULT;
        }
    }
}
