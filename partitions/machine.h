/* struct machine: one emulated box: RAM, clock, hypervisor, the boards of its partitions, and what
 * runs VPs.
 *
 * With the realtime clock each VP has a thread (logical_processor.h); the one in machine_run, the
 * coordinator, makes and ends them, runs the timers that become due by time (others, whoever
 * comes: turn.h), and looks what ends the run. With the virtual
 * clock the thread in machine_run runs every VP in turn and the timers between; only it may kick,
 * others stop the machine or queue input.
 */
#ifndef PARTITIONS_MACHINE_H
#define PARTITIONS_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/host/mutex.h"
#include "base/trace.h"
#include "cpu/dump.h"
#include "cpu/exec/model.h"
#include "mmu/ram.h"
#include "partitions/debug.h"
#include "partitions/hv/hypervisor.h"
#include "partitions/logical_processor.h"
#include "partitions/machine_input.h"
#include "partitions/schedule.h"
#include "partitions/turn.h"

struct board;
struct partition;
struct vp;

enum { MACHINE_VPS = 64 };

/* Why machine_run came back. */
enum machine_end {
    MACHINE_POWER_OFF,
    MACHINE_RESET,        /* the guest's; the owner resets and runs on, or stops */
    MACHINE_STOPPED,      /* machine_stop */
    MACHINE_TRIPLE_FAULT, /* machine.faulted tells the VP */
    MACHINE_HALTED,       /* every VP waits with interrupts off and nothing can wake one */
    MACHINE_INSTRUCTION_LIMIT,
    MACHINE_TIMEOUT,
    MACHINE_UNIMPLEMENTED, /* strict, and something not built was asked for */
    MACHINE_DIFFERS,       /* lockstep: the engines do; machine.differs tells the VP */
    MACHINE_PAUSED,        /* at an instant of pause_at; machine_run goes on */
};

struct machine_config {
    uint64_t ram_bytes;       /* all of it: guest memory, the parent's, the hypervisor's */
    uint64_t reserved_pages;  /* at the end of RAM: the hypervisor's */
    uint64_t root_pool_pages; /* of those: the root's first pool */
    bool hypervisor;          /* off: a plain PC */
    bool root_is_guest;       /* off with the hypervisor on: the built-in parent */
    uint64_t withheld_privileges;
    struct cpu_model model; /* copied */
    uint64_t seed;
    bool virtual_time; /* guest time is retired instructions; else it follows the host */
    /* With virtual_time: called every so many instructions with the trace hash until then. */
    uint64_t hash_every; /* 0: never */
    void (*hash_prefix)(void *opaque, uint64_t instructions, uint64_t hash);
    void *hash_opaque;
    bool strict;
    unsigned dump; /* CPU_DUMP_* */
    bool translate; /* guest code where the host allows it; else it is interpreted */
    bool translate_at_once;
    bool lockstep; /* with virtual_time, one VP, and nothing else that writes to RAM: cpu/lockstep.h */
    unsigned hide_host; /* CPU_HIDE_* */
    uint64_t max_instructions; /* 0: no limit */
    uint64_t timeout_ns;       /* 0: none */
    /* Instructions after which machine_run comes back, in order: exactly, with a virtual clock. Borrowed. */
    const uint64_t *pause_at;
    unsigned n_pause_at;
    /* Messages for the root's VP while the parent is built in; may be NULL. On the thread of any VP,
     * or the coordinator's, with locks held: only to post. */
    void (*root_message)(void *opaque, struct vp *root_vp, unsigned sint);
    void *root_message_opaque;
};

struct machine {
    struct machine_config config;
    struct clock clock;
    struct trace trace;
    struct cpu_dump dump;
    struct ram ram;
    struct hypervisor hv;
    /* Guards vps, and the life of those that others find in a partition: whoever destroys one takes
     * it out first, then waits for the readers. */
    struct host_rwlock vp_lock;
    struct vp *vps[MACHINE_VPS]; /* all, in order of creation */
    unsigned n_vps;
    struct vp *graveyard;       /* destroyed, not yet freed; guarded by vp_lock */
    struct vp *running;         /* virtual clock: whose slice it is (atomic) */
    uint64_t random;            /* xorshift state, from the seed: what guests draw (atomic) */
    struct schedule schedule;   /* with virtual_time */
    struct machine_input input; /* likewise */
    unsigned n_paused;          /* instants of pause_at that are over */

    /* With the realtime clock. */
    struct turn turn;
    struct logical_processor lp[MACHINE_VPS];
    bool parallel; /* (atomic) they run: what concerns VPs is posted to them, else done directly */
    bool parked;   /* (atomic) by the coordinator, for a debugger */
    bool lps_changed; /* (atomic) VPs came or went: for the coordinator */
    bool no_thread;   /* the host gave none */
    unsigned n_lps;       /* (atomic) with a VP */
    uint64_t synchronous; /* (atomic) requests that their poster waits for */
    uint64_t holding; /* slots held by callers that are no VP; guarded by the hypervisor's lock */
    struct host_mutex alone_lock;
    struct logical_processor
        *alone; /* (atomic) while set, only it goes ONLINE; guarded by alone_lock */

    struct host_wakeup wakeup;     /* the thread in machine_run sleeps on it */
    bool stop, power_off, reset;   /* (atomic) asked for */
    bool crashed;                  /* (atomic) the guest wrote its crash MSRs */
    struct vp *faulted;            /* (atomic) of MACHINE_TRIPLE_FAULT */
    struct vp *differs;            /* of MACHINE_DIFFERS */
    uint64_t retired_by_destroyed; /* instructions of VPs that are gone */
    struct debug debug;
    struct error translation_refused; /* by the host, when it was asked for: everything is interpreted */
};

/* 0 or -errno. trace_out (of dumps too) may be NULL. The machine has a root partition without VPs, and no board.
 */
WARN_UNUSED int machine_init(struct machine *machine, const struct machine_config *config,
                             FILE *trace_out, struct error *error);
void machine_fini(struct machine *machine);

/* Run until something ends it. */
enum machine_end machine_run(struct machine *machine);

/* Look what ends the run. Any thread; with a virtual clock only the machine's: it is an event of the run. */
void machine_kick(struct machine *machine);
/* The same from outside: any thread, and nothing that the guest can see changes. */
void machine_nudge(struct machine *machine);
/* Any thread, or a signal handler. */
void machine_stop(struct machine *machine);

/* Something that ends the run, looked at between slices. */
bool machine_look_up(struct machine *machine, uint64_t started_ns, enum machine_end *end);

/* Instructions until the next instant of pause_at: UINT64_MAX when there is none. */
uint64_t machine_until_pause(const struct machine *machine);
/* At the top of a loop: is it reached? Then it is over. */
bool machine_pauses(struct machine *machine);

/* Until now; while VPs run in parallel, until their last stretches ended. */
uint64_t machine_instructions(const struct machine *machine);
uint64_t machine_random(struct machine *machine);

/* All VPs of a partition to their power-on state, synthetic state cleared; devices are the board's.
 * VP 0 runs, the others wait for SIPI. */
void machine_partition_reset(struct machine *machine, struct partition *partition);

/* ---- VPs (vp.c): what hypervisor_ops asks for ---- */
struct vp *vp_create(void *machine, struct partition *partition, uint32_t index);
void vp_destroy(void *machine, struct vp *vp); /* it stands still */
void vps_bury(struct machine *machine);        /* free what was destroyed; the coordinator */
/* May it run a slice now? Applies INIT, SIPI and wake-ups that were posted. */
bool vp_prepare(struct vp *vp);
/* Run one slice. CPU_EXIT_BUDGET etc. as cpu_run. */
enum cpu_exit vp_run(struct vp *vp, uint64_t instructions);
/* After a triple fault: true when a guest parent was told and the VP waits for it. */
bool vp_shutdown(struct vp *vp);
/* Not runnable: could any interrupt, message or parent ever wake it? */
bool vp_can_wake(const struct vp *vp);
extern const struct hypervisor_ops vp_hypervisor_ops;

struct machine *vp_machine(const struct vp *vp);

#endif
