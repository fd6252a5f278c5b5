/* The turn: who runs the clock's timers. [docs/architecture.md, Threads] */
#include "partitions/turn.h"

#include "base/host/thread.h"
#include "partitions/machine.h"

/* What a thread that has other things to do runs at most: a VP is to go on with its guest. */
enum { HELP_ROUNDS = 8, HELP_NS = 500000 };

void turn_init(struct turn *turn)
{
    *turn = (struct turn){ .open = false };
    host_mutex_init(&turn->lock);
}

void turn_fini(struct turn *turn)
{
    host_mutex_fini(&turn->lock);
}

static void hold(struct turn *turn)
{
    __atomic_store_n(&turn->holder, host_thread_self(), __ATOMIC_RELAXED);
}

/* Who armed a timer and found the turn taken relies on us to look at the clock after this. */
static void give(struct turn *turn)
{
    __atomic_store_n(&turn->holder, 0, __ATOMIC_RELAXED);
    host_mutex_unlock(&turn->lock);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void turn_begin(struct machine *machine)
{
    host_mutex_lock(&machine->turn.lock);
    hold(&machine->turn);
    machine->turn.open = true;
}

void turn_end(struct machine *machine)
{
    machine->turn.open = false;
    give(&machine->turn);
}

void turn_give(struct machine *machine)
{
    __atomic_store_n(&machine->turn.look_ns, clock_next_ns(&machine->clock), __ATOMIC_SEQ_CST);
    give(&machine->turn);
}

void turn_take(struct machine *machine)
{
    struct turn *turn = &machine->turn;

    __atomic_store_n(&turn->look_ns, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&turn->wanted, true, __ATOMIC_RELAXED);
    host_mutex_lock(&turn->lock);
    __atomic_store_n(&turn->wanted, false, __ATOMIC_RELAXED);
    hold(turn);
}

static bool try_take(struct turn *turn)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* what was armed, then whether another has the turn */
    if (__atomic_load_n(&turn->wanted, __ATOMIC_RELAXED) || !host_mutex_try(&turn->lock)) {
        return false;
    }
    hold(turn);
    if (!turn->open) {
        give(turn);
        return false;
    }
    return true;
}

void turn_help(struct machine *machine)
{
    struct turn *turn = &machine->turn;
    struct clock *clock = &machine->clock;
    uint64_t started = clock_now_ns(clock), now = started;

    for (unsigned round = 0; round < HELP_ROUNDS && now - started < HELP_NS; round++) {
        if (!try_take(turn)) {
            return;
        }
        (void)clock_run(clock);
        give(turn);
        now = clock_now_ns(clock);
        if (clock_next_ns(clock) > now) {
            break;
        }
    }
    if (clock_next_ns(clock) < __atomic_load_n(&turn->look_ns, __ATOMIC_SEQ_CST) ||
        clock_next_ns(clock) <= now) {
        host_wakeup_set(&machine->wakeup);
    }
}

void turn_armed(struct machine *machine)
{
    struct turn *turn = &machine->turn;

    if (__atomic_load_n(&turn->holder, __ATOMIC_RELAXED) == host_thread_self()) {
        return; /* it looks before it gives the turn back, and after */
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint64_t next = clock_next_ns(&machine->clock);
    if (next <= clock_now_ns(&machine->clock) && lp_help_later(machine)) {
        return;
    }
    if (next < __atomic_load_n(&turn->look_ns, __ATOMIC_SEQ_CST)) {
        host_wakeup_set(&machine->wakeup);
    }
}
