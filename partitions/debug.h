/* The debug interface of a machine: hold it still, look and change, step, break, watch, go on.
 *
 * One other thread (the debugger's) holds the machine; the machine's own threads then wait between slices, and
 * everything the machine owns belongs to the holder until the last release. Guest time stands still too. The machine
 * holds itself when a breakpoint, a watchpoint, a step or a triple fault happens, and tells by `notify`.
 */
#ifndef PARTITIONS_DEBUG_H
#define PARTITIONS_DEBUG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/host/mutex.h"
#include "cpu/debug.h"
#include "mmu/addr.h"

struct machine;
struct vp;

enum debug_reason {
    DEBUG_NONE,
    DEBUG_BREAKPOINT,
    DEBUG_HARDWARE_BREAKPOINT,
    DEBUG_WATCH_WRITE, /* event.address: what was touched */
    DEBUG_WATCH_READ,
    DEBUG_WATCH_ACCESS,
    DEBUG_STEP,
    DEBUG_INTERRUPT, /* the debugger's own wish */
    DEBUG_SHUTDOWN,  /* a triple fault: the run ends when it goes on */
};

struct debug_event {
    enum debug_reason reason;
    struct vp *vp;
    uint64_t address;
};

/* In the order of gdb's Z packets. */
enum debug_point_kind {
    DEBUG_POINT_SOFTWARE,
    DEBUG_POINT_HARDWARE,
    DEBUG_POINT_WRITE,
    DEBUG_POINT_READ,
    DEBUG_POINT_ACCESS,
    DEBUG_POINT_KINDS,
};

enum debug_action { DEBUG_ACTION_RUN, DEBUG_ACTION_STEP, DEBUG_ACTION_STAY };

enum { DEBUG_POINTS = CPU_DEBUG_CODE + CORE_WATCHES };

struct debug_point {
    uint8_t kind; /* enum debug_point_kind */
    uint64_t address, length;
};

struct debug {
    struct host_mutex lock; /* guards up to `ended` */
    struct host_cond holder_cond;
    unsigned holds; /* (read by the machine's thread without the lock: atomic) */
    bool parked, ended;
    struct debug_event event; /* the machine holds itself; for debug_take_event */
    void (*notify)(
        void *opaque); /* on the machine's thread. NULL: no debugger, nothing happens by itself */
    void *notify_opaque;

    /* The holder's; the machine's thread reads them when it is not held. */
    struct debug_point point[DEBUG_POINTS];
    unsigned n_points;
    struct cpu_debug table; /* made of them, for the processors */
    unsigned n_threads;     /* VPs that were given a number */
};

void debug_init(struct debug *debug);
void debug_fini(struct debug *debug);

/* ---- for the debugger's thread ---- */

/* Wait until the machine stands still. Counts. Returns at once when the run is over: nothing moves any more. */
void debug_hold(struct machine *machine);
void debug_release(struct machine *machine);
/* Before the machine runs: it holds when it starts to. */
void debug_hold_from_start(struct machine *machine);
/* Any thread: debug_hold waits no longer. By the owner of the run, when it is over. */
void debug_end(struct machine *machine);
/* When the machine holds itself, what for; that hold is the caller's now. False: it does not. */
bool debug_take_event(struct machine *machine, struct debug_event *event);

/* All that follow: only while the machine is held. */

/* What VPs do after the release. */
void debug_action_set(struct vp *vp, enum debug_action action);
void debug_action_set_all(struct machine *machine, enum debug_action action);

/* False: the table is full, or length is 0. Setting what is set, or clearing what is not, does nothing. */
WARN_UNUSED bool debug_point_set(struct machine *machine, enum debug_point_kind kind,
                                 uint64_t address, uint64_t length);
void debug_point_clear(struct machine *machine, enum debug_point_kind kind, uint64_t address,
                       uint64_t length);
void debug_points_clear(struct machine *machine);

/* VPs that run guests have numbers from 1, for good. NULL: no such VP (any more). */
unsigned debug_thread(struct machine *machine, struct vp *vp);
struct vp *debug_vp(struct machine *machine, unsigned thread);
/* In order, from position 0: NULL after the last. */
struct vp *debug_vp_at(struct machine *machine, unsigned position);

/* Guest memory by virtual and by physical address. How many bytes were read or written: less than n at a page that
 * is not mapped, not RAM or (writing) not writable. Page rights are not looked at. */
size_t debug_memory_read(struct vp *vp, gva_t gva, void *to, size_t n);
size_t debug_memory_write(struct vp *vp, gva_t gva, const void *from, size_t n);
size_t debug_physical_read(struct vp *vp, gpa_t gpa, void *to, size_t n);
size_t debug_physical_write(struct vp *vp, gpa_t gpa, const void *from, size_t n);

/* As RDMSR and WRMSR at CPL 0. False: #GP. */
bool debug_msr_read(struct vp *vp, uint32_t msr, uint64_t *value);
bool debug_msr_write(struct vp *vp, uint32_t msr, uint64_t value);

/* The page walk, level by level, as text. */
void debug_walk(struct vp *vp, gva_t gva, char *text, size_t size);

/* ---- for the machine's thread, and the thread of the VP ---- */

/* Must debug_park be called? Cheap. */
static inline bool debug_wants(const struct debug *debug)
{
    return UNLIKELY(__atomic_load_n(&debug->holds, __ATOMIC_ACQUIRE) != 0);
}
/* Stand still until released, machine_stop or the host's time deadline_ns (0: none). */
void debug_park(struct machine *machine, uint64_t deadline_ns);
/* A VP came back from a slice: did it hit something, or was it its step? */
void debug_vp_ran(struct machine *machine, struct vp *vp, bool hit);
/* A triple fault is about to end the run: let the debugger look first (fell: the caller parks). */
void debug_vp_fell(struct machine *machine, struct vp *vp);
void debug_vp_shutdown(struct machine *machine, struct vp *vp, uint64_t deadline_ns);
/* No VP can run (virtual clock). True: one was to step and never will; its step is over. */
bool debug_stalled(struct machine *machine);
/* A new VP: it obeys the breakpoints too. */
void debug_vp_created(struct machine *machine, struct vp *vp);

#endif
