/* The virtual clock's scheduler: one thread runs every VP in turn, in slices of seeded lengths, and
 * guest time is the number of retired instructions. See docs/determinism.md.
 *
 * Everything here happens at instruction boundaries that depend on instruction counts and on the
 * seed alone: a slice ends when its length is used up, the VP halts or something is posted; it
 * pauses, and goes on, where a timer is due or state is hashed.
 */
#ifndef PARTITIONS_SCHEDULE_H
#define PARTITIONS_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct machine;
struct vp;

/* Guest time of one instruction, or of one REP iteration. */
#define SCHEDULE_INSTRUCTION_NS UINT64_C(1)

/* CMOS time when a machine with a virtual clock starts: 2026-01-01 00:00:00 UTC. */
#define SCHEDULE_EPOCH_SECONDS INT64_C(1767225600)

enum {
    SCHEDULE_SLICE_LEAST = 1000, /* instructions */
    SCHEDULE_SLICE_MOST = 50000,
    SCHEDULE_STATE_EVERY = 1 << 20, /* instructions between two hashes of all VPs' state */
};

struct schedule {
    uint64_t random;                  /* of the order and the lengths of slices only */
    struct vp *vp;                    /* whose slice it is, or NULL */
    uint64_t left;                    /* of its slice: instructions and exceptions */
    bool ended;                       /* by what it did itself */
    uint64_t entered_with;            /* the running VP's instructions when it was entered */
    uint64_t retired;                 /* by all VPs until the last pause */
    uint64_t next_state, next_prefix; /* retired instructions at which to hash, and to tell */
};

/* In machine_init, before anything is traced: sets up the clock. */
void schedule_init(struct machine *machine);
/* machine_run with a virtual clock. */
unsigned schedule_run(struct machine *machine); /* an enum machine_end */

/* On the machine's thread: something was posted, or a nearer timer armed: the slice ends, or pauses
 * in time. */
void schedule_kicked(struct machine *machine);
void schedule_timer_armed(struct machine *machine);
/* The VP is about to go. */
void schedule_forget(struct machine *machine, const struct vp *vp);

#endif
