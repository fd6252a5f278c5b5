/* The turn: which thread runs the machine's clock, and with it the work of devices. Realtime clock only.
 *
 * Whoever comes runs the devices. A thread that made work (a VP whose instruction signalled a channel, a thread of the host with a
 * finished request or a received frame) takes the turn when it is free, runs the timers that are due and gives it back; when another
 * has it, that one runs what was added before it is done, so nobody waits. The coordinator has the turn whenever it is awake, and
 * runs what becomes due by the passing of time; it is woken only for a deadline before the one that it sleeps until.
 */
#ifndef PARTITIONS_TURN_H
#define PARTITIONS_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/host/mutex.h"

struct machine;

struct turn {
    struct host_mutex lock; /* who holds it has the turn; nobody waits for it but the coordinator */
    bool open;              /* (with the lock) there is a coordinator */
    bool wanted;            /* (atomic) it waits: leave it the turn */
    uintptr_t holder;       /* (atomic) host_thread_self; 0: nobody */
    uint64_t look_ns; /* (atomic) guest time until which the coordinator sleeps; 0: it is awake */
};

void turn_init(struct turn *turn);
void turn_fini(struct turn *turn);

/* ---- the coordinator ---- */

void turn_begin(struct machine *machine); /* with the turn from here on */
void turn_end(struct machine *machine);
void turn_give(
    struct machine *machine); /* before it looks at the clock to know how long to sleep */
void turn_take(struct machine *machine);

/* ---- any thread ---- */

/* Run what is due, unless another does. Without locks; a logical processor's thread: OFFLINE. A batch of it: what is more is the
 * coordinator's. */
void turn_help(struct machine *machine);
/* clock.kick: a nearer deadline was armed. Locks may be held. What a VP's instruction made due, its thread runs after it. */
void turn_armed(struct machine *machine);

#endif
