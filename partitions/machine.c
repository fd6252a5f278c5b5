/* The machine: construction, what ends a run, and the coordinator of the realtime clock. */
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

/* The writer's own blocks go before the bytes change, so that none runs on; those of others after, so
 * that none is built from the old bytes. */
static void code_written(void *opaque, void *writer, spa_t spa, size_t length_bytes,
                         enum ram_write_phase phase)
{
    struct machine *machine = opaque;
    struct vp *vp = writer;

    if (!__atomic_load_n(&machine->parallel, __ATOMIC_ACQUIRE)) {
        for (unsigned i = 0; phase != RAM_WRITE_DONE && i < machine->n_vps; i++) {
            cpu_code_written(&machine->vps[i]->cpu, spa, length_bytes);
        }
        return;
    }
    if (vp != NULL && phase != RAM_WRITE_DONE) {
        cpu_code_written(&vp->cpu, spa, length_bytes);
    }
    if (phase == RAM_WRITE_DONE) {
        lps_code_written(machine, vp, spa, length_bytes);
    } else if (vp != NULL && phase == RAM_WRITE_HOST) {
        vp_code_untold(vp, spa, length_bytes);
    }
}

static const struct trace_event machine_trace_events[] = {
#define X(id, name, level, fields) { name, TRACE_##level, fields },
    MACHINE_TRACE_EVENTS(X)
#undef X
};

static const struct ram_ops ram_ops = { .code_written = code_written };

static void clock_kicked(void *opaque)
{
    struct machine *machine = opaque;

    if (machine->config.virtual_time) {
        schedule_timer_armed(machine);
    } else {
        turn_armed(machine);
    }
}

static void clock_helps(void *opaque)
{
    struct machine *machine = opaque;

    if (!machine->config.virtual_time) {
        turn_help(machine);
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
    host_rwlock_init(&machine->vp_lock);
    host_wakeup_init(&machine->wakeup);
    lps_init(machine);
    debug_init(&machine->debug);
    clock_init(&machine->clock, config->virtual_time ? CLOCK_MODE_VIRTUAL : CLOCK_MODE_REALTIME);
    turn_init(&machine->turn);
    machine->clock.kick = clock_kicked;
    machine->clock.help = clock_helps;
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
    turn_fini(&machine->turn);
    clock_fini(&machine->clock);
    debug_fini(&machine->debug);
    lps_fini(machine);
    host_wakeup_fini(&machine->wakeup);
    host_rwlock_fini(&machine->vp_lock);
    return status;
}

void machine_fini(struct machine *machine)
{
    hypervisor_fini(&machine->hv);
    ram_fini(&machine->ram);
    machine_input_fini(&machine->input);
    turn_fini(&machine->turn);
    clock_fini(&machine->clock);
    debug_fini(&machine->debug);
    lps_fini(machine);
    host_wakeup_fini(&machine->wakeup);
    host_rwlock_fini(&machine->vp_lock);
}

void machine_nudge(struct machine *machine)
{
    struct vp *running = __atomic_load_n(&machine->running, __ATOMIC_ACQUIRE);

    if (running != NULL) {
        cpu_kick(&running->cpu);
    }
    host_wakeup_set(&machine->wakeup);
}

void machine_kick(struct machine *machine)
{
    if (machine->config.virtual_time) {
        schedule_kicked(machine);
    } else {
        host_wakeup_set(&machine->wakeup);
    }
}

void machine_stop(struct machine *machine)
{
    __atomic_store_n(&machine->stop, true, __ATOMIC_RELEASE);
    machine_nudge(machine); /* from a signal handler too */
}

uint64_t machine_instructions(const struct machine *machine)
{
    uint64_t sum = __atomic_load_n(&machine->retired_by_destroyed, __ATOMIC_RELAXED);

    if (__atomic_load_n(&machine->parallel, __ATOMIC_ACQUIRE)) {
        for (unsigned i = 0; i < MACHINE_VPS; i++) {
            sum += __atomic_load_n(&machine->lp[i].retired, __ATOMIC_ACQUIRE);
        }
        return sum;
    }
    for (unsigned i = 0; i < machine->n_vps; i++) {
        sum += machine->vps[i]->cpu.core.retired;
    }
    return sum;
}

uint64_t machine_until_pause(const struct machine *machine)
{
    const struct machine_config *config = &machine->config;

    if (LIKELY(machine->n_paused >= config->n_pause_at)) {
        return UINT64_MAX;
    }
    uint64_t at = config->pause_at[machine->n_paused], now = machine_instructions(machine);
    return at > now ? at - now : 0;
}

bool machine_pauses(struct machine *machine)
{
    if (LIKELY(machine_until_pause(machine) != 0)) {
        return false;
    }
    machine->n_paused++;
    return true;
}

uint64_t machine_random(struct machine *machine)
{
    uint64_t old = __atomic_load_n(&machine->random, __ATOMIC_RELAXED), new;

    do {
        new = old;
        new ^= new << 13;
        new ^= new >> 7;
        new ^= new << 17;
    } while (!__atomic_compare_exchange_n(&machine->random, &old, new, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return new;
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
    } else if (__atomic_load_n(&machine->faulted, __ATOMIC_ACQUIRE) != NULL) {
        *end = MACHINE_TRIPLE_FAULT;
    } else if (config->max_instructions != 0 &&
               machine_instructions(machine) >= config->max_instructions) {
        *end = MACHINE_INSTRUCTION_LIMIT;
    } else if (config->timeout_ns != 0 && host_monotonic_ns() - started_ns >= config->timeout_ns) {
        *end = MACHINE_TIMEOUT;
    } else if (config->strict &&
               __atomic_load_n(&machine->trace.count[TRACE_UNIMPLEMENTED], __ATOMIC_RELAXED) != 0) {
        *end = MACHINE_UNIMPLEMENTED;
    } else {
        return false;
    }
    return true;
}

#define PAUSE_LOOK_NS UINT64_C(200000)

/* The host's instant at which there is something to do without being woken. */
static uint64_t next_look_ns(struct machine *machine, uint64_t deadline_ns)
{
    uint64_t next = clock_next_ns(&machine->clock), now = clock_now_ns(&machine->clock);
    uint64_t wait = next > now ? next - now : 0, host = host_monotonic_ns();
    uint64_t at = next == UINT64_MAX || wait > UINT64_MAX - host ? UINT64_MAX : host + wait;

    if (machine_until_pause(machine) != UINT64_MAX) { /* nobody wakes us for it */
        at = at - host < PAUSE_LOOK_NS ? at : host + PAUSE_LOOK_NS;
    }
    return deadline_ns != 0 && deadline_ns < at ? deadline_ns : at;
}

/* The coordinator. */
static enum machine_end run_realtime(struct machine *machine)
{
    uint64_t started = host_monotonic_ns();
    uint64_t deadline = machine->config.timeout_ns != 0 ? started + machine->config.timeout_ns : 0;
    enum machine_end end;

    if (machine_look_up(machine, started, &end)) {
        return end;
    }
    turn_begin(machine);
    lps_start(machine);
    for (;;) {
        if (debug_wants(&machine->debug)) {
            lps_park(machine);
            debug_park(machine, deadline);
            lps_unpark(machine);
        }
        if (UNLIKELY(machine_pauses(machine))) {
            end = MACHINE_PAUSED;
            break;
        }
        clock_run(&machine->clock);
        lps_adopt(machine);
        if (machine_look_up(machine, started, &end)) {
            break;
        }
        if (lps_all_stuck(machine) && !debug_wants(&machine->debug)) {
            end = MACHINE_HALTED;
            break;
        }
        turn_give(machine);
        (void)host_wakeup_wait(&machine->wakeup, next_look_ns(machine, deadline));
        turn_take(machine);
    }
    lps_stop(machine);
    turn_end(machine);
    return end;
}

enum machine_end machine_run(struct machine *machine)
{
    return machine->config.virtual_time ? (enum machine_end)schedule_run(machine)
                                        : run_realtime(machine);
}
