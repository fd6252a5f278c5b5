/* The machine: construction, and the logical processor's loop that gives every VP its slice. */
#include "partitions/machine.h"

#include <errno.h>
#include <string.h>

#include "base/host/time.h"
#include "cpu/exec/cpu_trace.h"
#include "devices/devices_trace.h"
#include "partitions/hv/hv.h"
#include "partitions/machine_trace.h"
#include "partitions/partition.h"
#include "partitions/vp.h"

/* Instructions of a slice: short against a timer tick, long against what it costs to look up. */
enum { SLICE_INSTRUCTIONS = 20000 };

static void code_written(void *opaque, spa_t spa, size_t length_bytes)
{
    struct machine *machine = opaque;

    for (unsigned i = 0; i < machine->n_vps; i++) {
        cpu_code_written(&machine->vps[i]->cpu, spa, length_bytes);
    }
    /* The last cache that lost a page's code took the mark away, maybe from under another's. */
    spa_t end = spa + length_bytes;
    for (spa_t page = spa & PAGE_MASK; machine->n_vps > 1 && page < end; page += PAGE_SIZE) {
        for (unsigned i = 0; i < machine->n_vps; i++) {
            if (cpu_code_held(&machine->vps[i]->cpu, page)) {
                ram_page_set(&machine->ram, page, RAM_PAGE_CODE);
                break;
            }
        }
    }
}

static void code_marked(void *opaque, spa_t spa)
{
    struct machine *machine = opaque;

    for (unsigned i = 0; i < machine->n_vps; i++) {
        cpu_code_marked(&machine->vps[i]->cpu, spa);
    }
}

static const struct trace_event machine_trace_events[] = {
#define X(id, name, level, fields) { name, TRACE_##level, fields },
    MACHINE_TRACE_EVENTS(X)
#undef X
};

static const struct ram_ops ram_ops = { .code_written = code_written, .code_marked = code_marked };

static void clock_kicked(void *opaque)
{
    struct machine *machine = opaque;

    if (machine->config.virtual_time) {
        schedule_timer_armed(machine);
    } else {
        machine_kick(machine);
    }
}

static int hypervisor_start(struct machine *machine, struct error *error)
{
    const struct machine_config *config = &machine->config;
    uint64_t pages = config->ram_bytes >> PAGE_SHIFT;
    struct hypervisor_config hv = {
        .ram = &machine->ram,
        .clock = &machine->clock,
        .trace = &machine->trace,
        .ops = &vp_hypervisor_ops,
        .ops_opaque = machine,
        .reserved_spfn = pages - config->reserved_pages,
        .reserved_pages = config->reserved_pages,
        .reserved_gpfn = UINT64_C(0xff0000000) >> PAGE_SHIFT,
        .root_pool_pages = config->root_pool_pages,
        .withheld_privileges = config->withheld_privileges,
        .root_is_guest = config->root_is_guest,
        .max_vps = MACHINE_VPS,
        .address_bits = config->model.physical_bits,
    };

    return hypervisor_init(&machine->hv, &hv, error);
}

int machine_init(struct machine *machine, const struct machine_config *config, FILE *trace_out,
                 struct error *error)
{
    int status;

    memset(machine, 0, sizeof(*machine));
    machine->config = *config;
    machine->random = config->seed != 0 ? config->seed : UINT64_C(0x9e3779b97f4a7c15);
    host_mutex_init(&machine->wake_lock);
    host_cond_init(&machine->wake_cond);
    debug_init(&machine->debug);
    clock_init(&machine->clock, config->virtual_time ? CLOCK_MODE_VIRTUAL : CLOCK_MODE_REALTIME);
    machine->clock.kick = clock_kicked;
    machine->clock.kick_opaque = machine;
    trace_init(&machine->trace, &machine->clock, trace_out);
    machine->trace.strict = config->strict;
    machine->dump = (struct cpu_dump){ .what = config->dump, .out = trace_out };
    cpu_trace_register(&machine->trace);
    hv_trace_register(&machine->trace);
    devices_trace_register(&machine->trace);
    trace_register(&machine->trace, TRACE_ROOM_VMMS, machine_trace_events, MACHINE_EVENTS);
    machine_input_init(&machine->input);
    if (config->virtual_time) {
        schedule_init(machine);
    }
    status = ram_init(&machine->ram, config->ram_bytes, error);
    if (status != 0) {
        goto no_ram;
    }
    machine->ram.ops = &ram_ops;
    machine->ram.ops_opaque = machine;
    status = hypervisor_start(machine, error);
    if (status != 0) {
        goto no_hypervisor;
    }
    return 0;

no_hypervisor:
    ram_fini(&machine->ram);
no_ram:
    machine_input_fini(&machine->input);
    clock_fini(&machine->clock);
    debug_fini(&machine->debug);
    host_cond_fini(&machine->wake_cond);
    host_mutex_fini(&machine->wake_lock);
    return status;
}

void machine_fini(struct machine *machine)
{
    hypervisor_fini(&machine->hv);
    ram_fini(&machine->ram);
    machine_input_fini(&machine->input);
    clock_fini(&machine->clock);
    debug_fini(&machine->debug);
    host_cond_fini(&machine->wake_cond);
    host_mutex_fini(&machine->wake_lock);
}

void machine_nudge(struct machine *machine)
{
    struct vp *running = __atomic_load_n(&machine->running, __ATOMIC_ACQUIRE);

    __atomic_store_n(&machine->kicked, true, __ATOMIC_RELEASE);
    if (running != NULL) {
        cpu_kick(&running->cpu);
    }
    host_mutex_lock(&machine->wake_lock);
    host_cond_signal(&machine->wake_cond);
    host_mutex_unlock(&machine->wake_lock);
}

void machine_kick(struct machine *machine)
{
    if (machine->config.virtual_time) {
        schedule_kicked(machine);
    } else {
        machine_nudge(machine);
    }
}

void machine_stop(struct machine *machine)
{
    struct vp *running = __atomic_load_n(&machine->running, __ATOMIC_ACQUIRE);

    /* From a signal handler too: only atomics. An idle machine looks up by itself within one wait.
     */
    __atomic_store_n(&machine->stop, true, __ATOMIC_RELEASE);
    if (running != NULL) {
        cpu_kick(&running->cpu);
    }
}

uint64_t machine_instructions(const struct machine *machine)
{
    uint64_t sum = machine->retired_by_destroyed;

    for (unsigned i = 0; i < machine->n_vps; i++) {
        sum += machine->vps[i]->cpu.core.retired;
    }
    return sum;
}

uint64_t machine_random(struct machine *machine)
{
    machine->random ^= machine->random << 13;
    machine->random ^= machine->random >> 7;
    machine->random ^= machine->random << 17;
    return machine->random;
}

bool machine_look_up(struct machine *machine, uint64_t started_ns, enum machine_end *end)
{
    const struct machine_config *config = &machine->config;

    if (__atomic_load_n(&machine->stop, __ATOMIC_ACQUIRE)) {
        *end = MACHINE_STOPPED;
    } else if (__atomic_load_n(&machine->power_off, __ATOMIC_ACQUIRE)) {
        *end = MACHINE_POWER_OFF;
    } else if (__atomic_load_n(&machine->reset, __ATOMIC_ACQUIRE)) {
        *end = MACHINE_RESET;
    } else if (config->max_instructions != 0 &&
               machine_instructions(machine) >= config->max_instructions) {
        *end = MACHINE_INSTRUCTION_LIMIT;
    } else if (config->timeout_ns != 0 && host_monotonic_ns() - started_ns >= config->timeout_ns) {
        *end = MACHINE_TIMEOUT;
    } else if (config->strict && machine->trace.count[TRACE_UNIMPLEMENTED] != 0) {
        *end = MACHINE_UNIMPLEMENTED;
    } else {
        return false;
    }
    return true;
}

/* Nothing runs: sleep until a timer, a kick, or a look at the limits. False: nothing can ever wake
 * a VP. */
static bool idle(struct machine *machine)
{
    const uint64_t nap_ns =
        50 * UINT64_C(1000000); /* machine_stop cannot signal: a handler may have called it */
    uint64_t next = clock_next_ns(&machine->clock);
    uint64_t now = clock_now_ns(&machine->clock);
    uint64_t wait = next <= now ? 0 : next - now < nap_ns ? next - now : nap_ns;
    bool can_wake = false;

    for (unsigned i = 0; i < machine->n_vps; i++) {
        can_wake |= vp_can_wake(machine->vps[i]);
    }
    if (!can_wake) {
        return false;
    }
    host_mutex_lock(&machine->wake_lock);
    if (wait != 0 && !__atomic_load_n(&machine->kicked, __ATOMIC_ACQUIRE)) {
        host_cond_wait_until(&machine->wake_cond, &machine->wake_lock, host_monotonic_ns() + wait);
    }
    host_mutex_unlock(&machine->wake_lock);
    return true;
}

static struct vp *next_runnable(struct machine *machine)
{
    for (unsigned i = 0; i < machine->n_vps; i++) {
        struct vp *vp = machine->vps[machine->turn++ % machine->n_vps];
        if (vp->debug_action != DEBUG_ACTION_STAY && vp_prepare(vp)) {
            return vp;
        }
    }
    return NULL;
}

static uint64_t slice_of(const struct machine *machine)
{
    uint64_t limit = machine->config.max_instructions;

    if (limit != 0) {
        uint64_t left = limit - machine_instructions(machine);
        return left < SLICE_INSTRUCTIONS ? left : SLICE_INSTRUCTIONS;
    }
    return SLICE_INSTRUCTIONS;
}

static enum machine_end run_realtime(struct machine *machine)
{
    uint64_t started = host_monotonic_ns();
    uint64_t deadline = machine->config.timeout_ns != 0 ? started + machine->config.timeout_ns : 0;
    enum machine_end end;

    for (;;) {
        if (debug_wants(&machine->debug)) {
            debug_park(machine, deadline);
        }
        clock_run(&machine->clock);
        if (machine_look_up(machine, started, &end)) {
            return end;
        }
        __atomic_store_n(&machine->kicked, false, __ATOMIC_RELEASE);
        struct vp *vp = next_runnable(machine);
        if (vp == NULL) {
            if (!debug_stalled(machine) && !idle(machine)) {
                return MACHINE_HALTED;
            }
            continue;
        }
        __atomic_store_n(&machine->running, vp, __ATOMIC_RELEASE);
        bool step = vp->debug_action == DEBUG_ACTION_STEP;
        enum cpu_exit exit = vp_run(vp, step ? 1 : slice_of(machine));
        __atomic_store_n(&machine->running, NULL, __ATOMIC_RELEASE);
        if (UNLIKELY(step || exit == CPU_EXIT_DEBUG)) {
            debug_vp_ran(machine, vp, exit == CPU_EXIT_DEBUG);
        }
        if (exit == CPU_EXIT_TRIPLE_FAULT && !vp_shutdown(vp)) {
            debug_vp_shutdown(machine, vp, deadline);
            machine->faulted = vp;
            return MACHINE_TRIPLE_FAULT;
        }
    }
}

enum machine_end machine_run(struct machine *machine)
{
    return machine->config.virtual_time ? (enum machine_end)schedule_run(machine)
                                        : run_realtime(machine);
}
